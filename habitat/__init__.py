"""Satellite habitat analysis for the Amur leopard and the Amur tiger."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from habitat import change, imagery
    from habitat.contracts import Area, Grid, Period

__all__ = ["Area", "Grid", "Period", "change", "imagery"]

_CONTRACTS = ("Area", "Grid", "Period")


def __getattr__(name: str) -> Any:
    # Each is loaded when first asked for: the command line answers --help without NumPy, and no edge is touched.
    if name in _CONTRACTS:
        return getattr(import_module("habitat.contracts"), name)
    if name in __all__:
        return import_module(f"habitat.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
