"""Cells of a weather record onto the cells of a map: bilinear for numbers, nearest for classes and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from scipy.spatial import cKDTree
from shapely.geometry.base import BaseGeometry

from habitat.contracts.errors import AreaOutsideData, InputError
from habitat.contracts.grid import Grid

STATION_RANGE_M = 50_000.0
"""How far from a station its weather is taken to hold [m]."""
_NEIGHBOURS = 4
_LEAST_M = 1.0
_WGS84 = "EPSG:4326"
_REACH = 0.9
"""Reach of a cell of a curvilinear grid, in distances to the next cell: half a diagonal, and a little more."""


@dataclass(frozen=True, eq=False)
class WeatherCells:
    """How the cells of a map lie among those of a weather record; made by `weather_cells`.

    Parameters
    ----------
    window : (slice, slice)
        Rows and columns of the record that the map needs, with one cell around them; all points of stations.
    shape : (int, int)
        Rows and columns of the window.
    grid : Grid
        Of the map.
    index : int64 (neighbour, cell)
        Flat index within the window of the neighbours of each cell of the map, the nearest first.
    weight : float64 (neighbour, cell)
        Their weights; 0 everywhere where the record does not reach.
    how : str
        How numbers come onto the map, in words.
    """

    window: tuple[slice, slice]
    shape: tuple[int, int]
    grid: Grid
    index: NDArray[np.int64]
    weight: NDArray[np.float64]
    how: str

    @property
    def reached(self) -> NDArray[np.bool_]:
        """Cells of the map (row, column) that the record reaches."""
        there: NDArray[np.bool_] = self.weight.sum(axis=0).reshape(self.grid.shape) > 0
        return there

    def smooth(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Numbers on the map: weighted means of the neighbours that are known; NaN where the nearest is not.

        Parameters
        ----------
        values : array (..., y, x)
            On the window; NaN where unknown.
        """
        flat = np.asarray(values, np.float64).reshape(-1, self.shape[0] * self.shape[1])
        out = np.full((flat.shape[0], self.index.shape[1]), np.nan, np.float32)
        for layer, into in zip(flat, out, strict=True):
            near = layer[self.index]
            known = np.isfinite(near)
            weight = np.where(known, self.weight, 0)
            total = weight.sum(axis=0)
            there = known[0] & (total > 0)
            into[there] = ((np.where(known, near, 0) * weight).sum(axis=0)[there] / total[there]).astype(np.float32)
        return out.reshape(*values.shape[:-2], *self.grid.shape)

    def nearest(self, codes: NDArray[Any], unknown: int) -> NDArray[Any]:
        """Codes or counts on the map: those of the nearest cell; `unknown` where the record does not reach.

        Parameters
        ----------
        codes : array (..., y, x)
            On the window.
        unknown : int
            Code of cells without any.
        """
        flat = codes.reshape(-1, self.shape[0] * self.shape[1])
        out = np.where(self.reached.ravel(), flat[:, self.index[0]], np.asarray(unknown, codes.dtype))
        return out.reshape(*codes.shape[:-2], *self.grid.shape)

    def counts(self, polygon: BaseGeometry) -> NDArray[np.int64]:
        """How many cells of the map within a polygon (WGS 84) each cell of the window (y, x) is the nearest of.

        Where no cell's centre lies in the polygon, all cells of the map count.
        """
        longitude, latitude = _places(self.grid)
        inside = shapely.contains_xy(polygon, longitude, latitude) & self.reached.ravel()
        if not inside.any():
            inside = self.reached.ravel()
        counts = np.bincount(self.index[0][inside], minlength=self.shape[0] * self.shape[1])
        return counts.astype(np.int64).reshape(self.shape)


def weather_cells(
    latitude: NDArray[np.float64],
    longitude: NDArray[np.float64],
    grid: Grid,
    *,
    range_m: float = STATION_RANGE_M,
) -> WeatherCells:
    """Find the cells of a weather record that the cells of a map lie in.

    On grids of latitude and longitude, numbers are bilinear between the centres of cells, and hold to the edges of the
    outermost cells. Between stations, and on grids that are turned, the weights of the four nearest fall with the
    square of the distance. Height plays no part.

    Parameters
    ----------
    latitude, longitude : float64 array [degrees]
        Of the record's cells: (y,) and (x,), or both (y, x); one row or column of cells are stations.
    grid : Grid
        Of the map.
    range_m : float [m]
        How far stations reach.

    Raises
    ------
    AreaOutsideData
        If the record reaches no cell of the map.
    InputError
        If latitudes or longitudes do not ascend or descend.

    Examples
    --------
    >>> grid = Grid("EPSG:32652", 1000.0, (740000.0, 4790000.0, 750000.0, 4800000.0))
    >>> cells = weather_cells(np.array([43.4, 43.3, 43.2]), np.array([131.9, 132.0, 132.1]), grid)
    >>> cells.shape, bool(cells.reached.all()), cells.how
    ((3, 3), True, 'bilinear')
    """
    if latitude.ndim == 1 and min(latitude.size, longitude.size) > 1:
        window, shape, index, weight = _regular(latitude, longitude, grid)
        how = "bilinear"
    else:
        window, shape, index, weight, how = _scattered(latitude, longitude, grid, range_m)
    found = WeatherCells(window, shape, grid, *_nearest_first(index, weight), how)
    if not found.reached.any():
        raise AreaOutsideData(
            f"the weather of {_extent(latitude, longitude)} reaches no cell of the area, which has "
            f"{_extent(*_places(grid)[::-1])}; give the weather of the area"
        )
    return found


def _regular(latitude: NDArray[Any], longitude: NDArray[Any], grid: Grid) -> tuple[Any, Any, Any, Any]:
    east, north = _places(grid)
    # Some records count longitudes from 0 to 360.
    east = east + 360 * np.round((float(np.median(longitude)) - east) / 360)
    rows, row_share, row_inside = _between(latitude, north, "latitude")
    columns, column_share, column_inside = _between(longitude, east, "longitude")
    inside = row_inside & column_inside
    index, weight = [], []
    for down in (0, 1):
        for right in (0, 1):
            index.append((rows + down, columns + right))
            share = (row_share if down else 1 - row_share) * (column_share if right else 1 - column_share)
            weight.append(np.where(inside, share, 0))
    reached = inside if inside.any() else np.ones_like(inside)
    window = tuple(
        slice(max(int(part[reached].min()) - 1, 0), min(int(part[reached].max()) + 3, size))
        for part, size in ((rows, latitude.size), (columns, longitude.size))
    )
    shape = tuple(part.stop - part.start for part in window)
    flat = [
        np.clip(row - window[0].start, 0, shape[0] - 1) * shape[1] + np.clip(column - window[1].start, 0, shape[1] - 1)
        for row, column in index
    ]
    return window, shape, np.stack(flat), np.stack(weight)


def _between(centres: NDArray[Any], wanted: NDArray[Any], what: str) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return of each place the cell before it, its share of the way to the next, and whether the grid holds it."""
    steps = np.diff(centres)
    if not ((steps > 0).all() or (steps < 0).all()):
        raise InputError(f"the {what}s of the weather neither ascend nor descend: {centres[:4]}...; sort its cells")
    sign = 1.0 if steps[0] > 0 else -1.0
    place = np.interp(sign * wanted, sign * centres, np.arange(centres.size, dtype=float))
    edges = sign * centres[0] - abs(steps[0]) / 2, sign * centres[-1] + abs(steps[-1]) / 2
    inside = (sign * wanted >= edges[0] - 1e-9) & (sign * wanted <= edges[1] + 1e-9)
    before = np.minimum(np.floor(place).astype(np.int64), centres.size - 2)
    return before, place - before, inside


def _scattered(
    latitude: NDArray[Any], longitude: NDArray[Any], grid: Grid, range_m: float
) -> tuple[Any, Any, Any, Any, str]:
    if latitude.ndim == 1:
        latitude, longitude = np.meshgrid(latitude, longitude, indexing="ij")
    shape = latitude.shape
    # Beyond a quarter of the globe a projection may fold places onto the map.
    middle = grid.coords["x"].mean(), grid.coords["y"].mean()
    here = Transformer.from_crs(grid.crs, _WGS84, always_xy=True).transform(*middle)
    far = (np.abs((longitude - here[0] + 180) % 360 - 180) > 20) | (np.abs(latitude - here[1]) > 20)
    x, y = Transformer.from_crs(_WGS84, grid.crs, always_xy=True).transform(longitude, latitude)
    points = np.stack([np.where(far, 1e9, x).ravel(), np.where(far, 1e9, y).ravel()], axis=1)
    stations = min(shape) == 1
    reach, how = range_m, "inverse squared distance of up to four stations"
    if not stations:
        reach, how = _REACH * _spacing(points), "inverse squared distance of four cells"
    cells = np.stack([part.ravel() for part in np.meshgrid(grid.coords["x"], grid.coords["y"])], axis=1)
    count = min(_NEIGHBOURS, len(points))
    distance, index = cKDTree(points).query(cells, k=[*range(1, count + 1)])
    limit = reach if stations else 2 * reach
    weight = np.where((distance <= limit) & (distance[:, :1] <= reach), np.maximum(distance, _LEAST_M) ** -2, 0)
    total = weight.sum(axis=1, keepdims=True)
    window = (slice(0, shape[0]), slice(0, shape[1]))
    shares = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    return window, shape, index.T.astype(np.int64), shares.T, how


def _spacing(points: NDArray[Any]) -> float:
    near = points[np.abs(points).max(axis=1) < 1e9]
    if len(near) < 2:
        return 0.0
    return float(np.median(cKDTree(near).query(near, k=[2])[0]))


def _nearest_first(index: NDArray[np.int64], weight: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
    order = np.argsort(-weight, axis=0, kind="stable")
    return np.take_along_axis(index, order, axis=0), np.take_along_axis(weight, order, axis=0)


def _places(grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = np.meshgrid(grid.coords["x"], grid.coords["y"])
    longitude, latitude = Transformer.from_crs(grid.crs, _WGS84, always_xy=True).transform(x.ravel(), y.ravel())
    return np.asarray(longitude), np.asarray(latitude)


def _extent(latitude: Any, longitude: Any) -> str:
    south, north, west, east = (pick(part) for part in (latitude, longitude) for pick in (np.min, np.max))
    return f"{south:.2f} to {north:.2f} N and {west:.2f} to {east:.2f} E"
