"""Lines of points in metres: smoothing, spacing and bending them, and how far pixels are from them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.twin.noise import Field, fractal
from habitat.twin.world import World

Points = NDArray[np.float64]
"""Points of a line (n, 2): easting, northing [m]."""


def smoothed(points: Points, times: int) -> Points:
    """Return the line with each point drawn towards its neighbours some times over; the ends stay.

    Examples
    --------
    >>> smoothed(np.array([[0.0, 0.0], [1.0, 4.0], [2.0, 0.0]]), 1).tolist()
    [[0.0, 0.0], [1.0, 2.0], [2.0, 0.0]]
    """
    out = points.copy()
    for _ in range(times):
        out[1:-1] = 0.25 * out[:-2] + 0.5 * out[1:-1] + 0.25 * out[2:]
    return out


def spaced(points: Points, spacing_m: float) -> Points:
    """Return the line with points no farther apart than wanted, evenly spaced along it.

    Examples
    --------
    >>> spaced(np.array([[0.0, 0.0], [0.0, 3.0]]), 1.0)[:, 1].tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    count = max(int(np.ceil(along[-1] / spacing_m)), 1) + 1
    at = np.linspace(0.0, along[-1], count)
    return np.column_stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)])


def wound(world: World, points: Points, size_m: float, wave_m: float) -> Points:
    """Return the line bent by a field of place, so that lines which meet stay together [m]."""
    shift = np.ascontiguousarray((points - (world.west, world.north)).T[:, None, :], dtype=np.float32)
    origin = np.full(points.shape[0], world.west), np.array([world.north])
    bends = [fractal(world.key("winding", axis), *origin, wave_m, octaves=3, shift=shift)[0] for axis in (0, 1)]
    return points + size_m * np.column_stack(bends).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Straight pieces of lines, ready to be painted."""

    starts: Points
    """Where they begin (n, 2) [m]."""
    ends: Points
    """Where they end (n, 2) [m]."""
    half_widths: NDArray[np.float64]
    """Half their width (n,) [m]."""

    @classmethod
    def of(cls, lines: Iterable[tuple[Points, float | NDArray[np.float64]]]) -> Pieces:
        """Cut lines into pieces; half widths are one for each line or one for each of its points."""
        starts, ends, widths = [np.empty((0, 2))], [np.empty((0, 2))], [np.empty(0)]
        for points, half_width in lines:
            starts.append(points[:-1])
            ends.append(points[1:])
            widths.append(np.broadcast_to(half_width, points.shape[0])[1:])
        return cls(np.concatenate(starts), np.concatenate(ends), np.concatenate(widths))

    def near(self, bounds: tuple[float, float, float, float], reach_m: float) -> Pieces:
        """Return the pieces that come within reach of bounds (west, south, east, north)."""
        low, high = np.minimum(self.starts, self.ends), np.maximum(self.starts, self.ends)
        away = (reach_m + self.half_widths)[:, None]
        near = np.all((high + away >= bounds[:2]) & (low - away <= bounds[2:]), axis=1)
        return Pieces(self.starts[near], self.ends[near], self.half_widths[near])


@njit(nogil=True, cache=True)
def _paint(
    out: Field, eastings: Points, northings: Points, starts: Points, ends: Points, half_widths: Points, reach: float
) -> None:
    step = eastings[1] - eastings[0] if eastings.size > 1 else 1.0
    for piece in range(starts.shape[0]):
        x0, y0 = starts[piece, 0], starts[piece, 1]
        dx, dy = ends[piece, 0] - x0, ends[piece, 1] - y0
        length = max(dx * dx + dy * dy, 1e-12)
        away = reach + half_widths[piece]
        first_column = max(int(np.floor((min(x0, x0 + dx) - away - eastings[0]) / step)), 0)
        last_column = min(int(np.ceil((max(x0, x0 + dx) + away - eastings[0]) / step)) + 1, eastings.size)
        first_row = max(int(np.floor((northings[0] - max(y0, y0 + dy) - away) / step)), 0)
        last_row = min(int(np.ceil((northings[0] - min(y0, y0 + dy) + away) / step)) + 1, northings.size)
        for i in range(first_row, last_row):
            y = northings[i] - y0
            for j in range(first_column, last_column):
                x = eastings[j] - x0
                share = min(max((x * dx + y * dy) / length, 0.0), 1.0)
                right, up = x - share * dx, y - share * dy
                beside = np.float32(np.sqrt(right * right + up * up) - half_widths[piece])
                if beside < out[i, j]:
                    out[i, j] = beside


def beside(pieces: Pieces, eastings: NDArray[np.float64], northings: NDArray[np.float64], reach_m: float) -> Field:
    """Return the distance from the nearest line's edge (y, x) [m]: negative on the line, cut off at a reach.

    Examples
    --------
    >>> road = Pieces.of([(np.array([[0.0, 0.0], [100.0, 0.0]]), 5.0)])
    >>> beside(road, np.array([45.0, 55.0]), np.array([25.0, 15.0, 5.0]), 15.0)[:, 0].tolist()
    [15.0, 10.0, 0.0]
    """
    out = np.full((northings.size, eastings.size), reach_m, np.float32)
    near = pieces.near((eastings[0], northings[-1], eastings[-1], northings[0]), reach_m)
    _paint(out, eastings, northings, near.starts, near.ends, near.half_widths, reach_m)
    return out
