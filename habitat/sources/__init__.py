"""Sources: areas, catalogues and scenes from outside, on the area's grid."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from habitat.sources.gdal_settings import secure_gdal

if TYPE_CHECKING:
    from habitat.sources.areas.reading import read_area
    from habitat.sources.catalogues.searching import Found, search
    from habitat.sources.scenes.cube import load_cube

# Before anything in this room imports rasterio: its drivers are chosen when it starts.
secure_gdal()

__all__ = ["Found", "load_cube", "read_area", "search"]

_HOMES = {
    "Found": "habitat.sources.catalogues.searching",
    "load_cube": "habitat.sources.scenes.cube",
    "read_area": "habitat.sources.areas.reading",
    "search": "habitat.sources.catalogues.searching",
}


def __getattr__(name: str) -> Any:
    # Each name is fetched when first asked for: a job that searches need not load what only notebooks use.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
