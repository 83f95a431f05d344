"""Layer: a named raster (y, x) with units, NaN where unknown; Cube: a Dataset (time, y, x)."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import xarray as xr

from habitat.contracts.errors import GridMismatch

Layer: TypeAlias = xr.DataArray
"""A DataArray (y, x), named, with ``units`` and ``long_name``; NaN means unknown."""

Cube: TypeAlias = xr.Dataset
"""A Dataset (time, y, x): float32 reflectance [1] per canonical band and boolean ``clear``; lazy."""


def name_layer(layer: Layer, name: str, units: str, long_name: str) -> Layer:
    """Give a layer its name, units and long name, keeping its coordinates."""
    # A renamed layer shares its attributes with the given one until it is copied.
    named = layer.rename(name).copy(deep=False)
    named.attrs = {"units": units, "long_name": long_name}
    return named


def check_same_grid(*layers: Layer) -> None:
    """Refuse layers whose pixels do not coincide.

    Raises
    ------
    GridMismatch
        If sizes or coordinates differ; nothing is ever aligned silently.
    """
    first = layers[0]
    for other in layers[1:]:
        for dim in ("y", "x"):
            if first.sizes.get(dim) != other.sizes.get(dim):
                raise GridMismatch(
                    f"{other.name!r} has {other.sizes.get(dim)} pixels along {dim}, {first.name!r} has "
                    f"{first.sizes.get(dim)}; read both from the store of one area"
                )
            both = dim in first.coords and dim in other.coords
            if both and not np.array_equal(first[dim].values, other[dim].values):
                raise GridMismatch(
                    f"{first.name!r} and {other.name!r} lie on different {dim} coordinates; "
                    "read both from the store of one area"
                )


def float_pixels(values: Any, name: str) -> Any:
    """Return values as they are if they are floats; sequences become float64.

    Raises
    ------
    TypeError
        If they are codes: integers have no NaN, and their differences wrap around.

    Examples
    --------
    >>> float_pixels([1, 2], "after")
    array([1., 2.])
    """
    pixels = values if hasattr(values, "dtype") else np.asarray(values, np.float64)
    if not np.issubdtype(pixels.dtype, np.floating):
        raise TypeError(
            f"{name!r} holds {pixels.dtype} codes, wants float with NaN for unknown; "
            "multiply by the scale and mask nodata first, or integers will wrap around"
        )
    return pixels


def check_pixels(*values: Any) -> None:
    """Refuse layers among values whose pixels do not coincide; plain arrays are compared by nobody.

    Raises
    ------
    GridMismatch
        As `check_same_grid`.
    """
    layers = [value for value in values if isinstance(value, xr.DataArray)]
    if layers:
        check_same_grid(*layers)


def check_cube(cube: Cube) -> None:
    """Check that a Dataset keeps the cube contract.

    Raises
    ------
    GridMismatch
        If a dimension is missing or ``clear`` is absent.
    """
    wanted = ("time", "y", "x")
    for name, variable in cube.data_vars.items():
        if variable.dims != wanted:
            raise GridMismatch(f"{name!r} has dims {variable.dims}, wants {wanted}; did you reduce 'time' already?")
    if "clear" not in cube:
        raise GridMismatch("the cube has no variable 'clear'; load it with sources.load_cube")
