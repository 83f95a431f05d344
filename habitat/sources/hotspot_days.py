"""Hotspot days: the first and the last day on which hotspots lay upon each pixel of a tile."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize

from habitat.contracts.grid import Grid, Tile


def hotspot_days(footprints: gpd.GeoSeries, days: Sequence[int], grid: Grid, tile: Tile) -> NDArray[np.int32]:
    """Draw footprints of hotspots on a tile.

    Parameters
    ----------
    footprints : GeoSeries
        Polygons [m] in the grid's coordinate system.
    days : sequence of int
        Day (ordinal) of each.
    grid : Grid
        The grid.
    tile : Tile
        Part of it.

    Returns
    -------
    int32 (2, y, x)
        First and last day (ordinal); 0 where no hotspot lies.
    """
    west, south, east, north = grid.tile_bounds(tile)
    out = np.zeros((2, tile.height, tile.width), np.int32)
    near = footprints.cx[west:east, south:north].index if len(footprints) else []
    shapes = sorted(
        ((int(day), place, shape) for place, (day, shape) in enumerate(zip(days, footprints, strict=True))),
        key=lambda entry: entry[:2],
    )
    here = set(np.flatnonzero(footprints.index.isin(near))) if len(footprints) else set()
    drawn = [(shape, day) for day, place, shape in shapes if place in here]
    if not drawn:
        return out
    size, transform = (tile.height, tile.width), (grid.resolution_m, 0, west, 0, -grid.resolution_m, north)
    # Later shapes cover earlier ones: drawn backwards, the first day stays on top.
    out[0] = rasterize(drawn[::-1], size, transform=transform, dtype="int32", all_touched=True)
    out[1] = rasterize(drawn, size, transform=transform, dtype="int32", all_touched=True)
    return out
