"""Elevation: a raster of heights in any coordinate system, brought onto a grid."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.errors import RasterioError
from rasterio.warp import Resampling, reproject

from habitat.contracts.errors import AreaOutsideData, InputError
from habitat.contracts.grid import Grid
from habitat.sources.gdal_settings import reading_env

LOWEST_M, HIGHEST_M = -500.0, 9000.0
"""Heights beyond are no heights of the ground [m]: fill values that no one declared."""


@dataclass(frozen=True, eq=False)
class Raster:
    """A raster on a grid.

    Parameters
    ----------
    values : array (y, x)
        On the grid.
    notes : tuple of str
        What was done to it.
    """

    values: NDArray[Any]
    notes: tuple[str, ...]


def read_elevation(path: Path, grid: Grid) -> Raster:
    """Read heights onto a grid: means where the grid is coarser than the raster, bilinear where it is finer.

    Parameters
    ----------
    path : Path
        Raster of one band or more, the first counts; in any coordinate system.
    grid : Grid
        Where it is wanted.

    Returns
    -------
    Raster
        float32 [m], NaN where unknown.

    Raises
    ------
    InputError
        If it cannot be read or has no coordinate system.
    AreaOutsideData
        If it does not reach the grid.
    """
    values, notes = _warped(path, grid, None)
    wrong = (values < LOWEST_M) | (values > HIGHEST_M)
    if wrong.any():
        notes.append(f"{int(wrong.sum())} heights beyond {LOWEST_M:g} to {HIGHEST_M:g} m count as unknown")
        values[wrong] = np.nan
    known = np.isfinite(values)
    if not known.any():
        raise AreaOutsideData(f"the elevation {path} has no height within {grid.bounds} of {grid.crs}; give the area's")
    if not known.all():
        notes.append(f"{1 - known.mean():.1%} of the area have no height")
    return Raster(values.astype(np.float32, copy=False), tuple(notes))


def read_classes(path: Path, grid: Grid) -> Raster:
    """Read a raster of classes onto a grid, the class under the centre of each pixel.

    Returns
    -------
    Raster
        uint8, 255 where unknown.

    Raises
    ------
    InputError
        If it cannot be read, has no coordinate system, or its classes are not whole numbers of 0 to 254.
    AreaOutsideData
        If it does not reach the grid.
    """
    values, notes = _warped(path, grid, Resampling.nearest)
    known = np.isfinite(values)
    if not known.any():
        raise AreaOutsideData(f"the classes {path} do not reach {grid.bounds} of {grid.crs}; give those of the area")
    found = values[known]
    if ((found != np.rint(found)) | (found < 0) | (found > 254)).any():
        raise InputError(f"{path} holds values from {np.min(found):g} to {np.max(found):g}, wants classes of 0 to 254")
    return Raster(np.where(known, values, 255).astype(np.uint8), tuple(notes))


def _warped(path: Path, grid: Grid, how: Resampling | None) -> tuple[NDArray[np.float32], list[str]]:
    if not path.exists():
        raise InputError(f"there is no raster {path}; check the name")
    out = np.full(grid.shape, np.nan, np.float32)
    try:
        with rasterio.Env(**reading_env()), rasterio.open(path) as source:
            if source.crs is None:
                raise InputError(f"{path} has no coordinate system; give it one, e.g. gdal_edit.py -a_srs EPSG:4326")
            chosen = how if how is not None else _resampling(source, grid)
            reproject(
                rasterio.band(source, 1),
                out,
                dst_transform=grid.transform,
                dst_crs=grid.crs,
                dst_nodata=np.nan,
                resampling=chosen,
            )
            notes = [f"{source.crs.to_string()} to {grid.crs} by {chosen.name}"]
    except RasterioError as error:
        raise InputError(f"the raster {path} cannot be read: {error}") from error
    return out, notes


def _resampling(source: Any, grid: Grid) -> Resampling:
    """Return means where the raster's pixels, measured in the middle of the grid, are smaller than the grid's."""
    west, south, east, north = grid.bounds
    there = Transformer.from_crs(grid.crs, source.crs, always_xy=True)
    x, y = there.transform((west + east) / 2, (south + north) / 2)
    across = there.transform([x + source.transform.a, x], [y, y + source.transform.e], direction="INVERSE")
    middle = there.transform(x, y, direction="INVERSE")
    steps = np.hypot(np.asarray(across[0]) - middle[0], np.asarray(across[1]) - middle[1])
    return Resampling.average if np.isfinite(steps).all() and steps.min() < grid.resolution_m else Resampling.bilinear
