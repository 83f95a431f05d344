"""Coverage: the share of each pixel that lies within an outline, to single precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from habitat.contracts.grid import Grid, Tile


def coverage(outline: BaseGeometry, grid: Grid, tile: Tile) -> NDArray[np.float64] | None:
    """Return the share of each pixel of a tile that an outline covers.

    Shares are areas on the map, told to 6e-8 (single precision): the shares of outlines that fill a pixel between
    them add up to 1 within that. Only the part of the outline within the tile is looked at, so that an outline of any
    size takes the memory of a tile.

    Parameters
    ----------
    outline : polygon or multipolygon
        In the grid's coordinate system; `shapely.prepare` it if it is asked for many tiles.
    grid : Grid
        In metres.
    tile : Tile
        A rectangle of it.

    Returns
    -------
    float64 (y, x) [1] or None
        None if the outline covers nothing of the tile.

    References
    ----------
    exactextract (D. Baston, Apache-2.0) follows the outline through the pixels.

    Examples
    --------
    >>> grid = Grid("EPSG:32652", 10.0, (600000.0, 0.0, 600020.0, 10.0))
    >>> coverage(shapely.box(600005, 0, 600020, 5), grid, Tile(0, 0, 1, 2)).tolist()
    [[0.25, 0.5]]
    """
    west, south, east, north = grid.tile_bounds(tile)
    frame = shapely.box(west, south, east, north)
    if not outline.intersects(frame):
        return None
    shape = (tile.height, tile.width)
    if outline.contains_properly(frame):
        return np.ones(shape)
    inside = _polygons(shapely.intersection(outline, frame))
    if inside is None:
        return None
    # In pixels from the tile's corner: coordinates of millions of metres would cost digits.
    local = shapely.transform(inside, lambda points: (points - [west, south]) / grid.resolution_m)
    shares = np.zeros(shape)
    cells, covered = _covered(local, shape)
    shares.ravel()[cells] = np.clip(covered, 0.0, 1.0)
    return shares


def _polygons(geometry: BaseGeometry) -> BaseGeometry | None:
    """Return the parts of a cut outline that have an area: it may touch the frame along lines and points too."""
    parts = [part for part in shapely.get_parts(geometry) if part.geom_type in ("Polygon", "MultiPolygon")]
    held = [part for part in parts if part.area > 0]
    return shapely.multipolygons([piece for part in held for piece in shapely.get_parts(part)]) if held else None


def _covered(outline: BaseGeometry, shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the pixels an outline touches, counted row by row from the north, and the share covered of each."""
    # Loading it takes time that only those who ask for zones should spend.
    from exactextract import exact_extract
    from exactextract.feature import JSONFeatureSource
    from exactextract.raster import NumPyRasterSource

    rows, columns = shape
    frame = NumPyRasterSource(np.zeros(shape, np.uint8), 0, 0, columns, rows)
    feature = JSONFeatureSource([{"type": "Feature", "properties": {}, "geometry": mapping(outline)}])
    told: Any = exact_extract(frame, feature, ["cell_id", "coverage"])
    found = told[0]["properties"]
    return np.asarray(found["cell_id"], np.int64), np.asarray(found["coverage"], np.float64)
