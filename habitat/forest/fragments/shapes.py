"""Shapes of patches: how long their edge is for their size, how they spread, how compact they are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def least_perimeter(cells: NDArray[Any]) -> NDArray[np.int64]:
    """Sides around the most compact patch of so many pixels (min p).

    With n the side of the largest square that fits and m the rest: 4n if m = 0, 4n + 2 if m <= n, else 4n + 4.

    Examples
    --------
    >>> least_perimeter(np.array([1, 2, 4, 5, 7])).tolist()
    [4, 6, 8, 10, 12]
    """
    side = _root(cells)
    rest = np.asarray(cells, np.int64) - side**2
    return 4 * side + np.where(rest == 0, 0, np.where(rest <= side, 2, 4))


def most_like_adjacencies(cells: NDArray[Any]) -> NDArray[np.int64]:
    """Inner sides of the most compact patch of so many pixels, each counted once (max g).

    With n and m as above: 2n(n - 1) if m = 0, + 2m - 1 if m <= n, + 2m - 2 otherwise.

    Examples
    --------
    >>> most_like_adjacencies(np.array([1, 2, 4, 5, 7])).tolist()
    [0, 1, 4, 5, 8]
    """
    side = _root(cells)
    rest = np.asarray(cells, np.int64) - side**2
    more = np.where(rest == 0, 0, np.where(rest <= side, 2 * rest - 1, 2 * rest - 2))
    return 2 * side * (side - 1) + more


def most_perimeter(cells: NDArray[Any], shape: tuple[int, int]) -> NDArray[np.int64]:
    """Sides around a class of so many pixels scattered over the map (max e).

    4a for a class of a pixels on at most half of the A pixels of the map, else Z + 4 (A - a), with Z sides around the
    map. FRAGSTATS' text has another equation for shares just above a half; its results do not follow it.

    Examples
    --------
    >>> most_perimeter(np.array([450, 482]), (30, 30)).tolist()
    [1800, 1792]
    """
    rows, columns = shape
    total, count = rows * columns, np.asarray(cells, np.int64)
    return np.where(2 * count <= total, 4 * count, 2 * (rows + columns) + 4 * (total - count))


def shape_index(sides: NDArray[Any], cells: NDArray[Any]) -> Numbers:
    """SHAPE = p / min p: 1 for the most compact patch, growing with its edge.

    Examples
    --------
    >>> shape_index(np.array([68]), np.array([80])).round(4).tolist()
    [1.8889]
    """
    return np.asarray(sides / least_perimeter(cells), np.float64)


def fractal_dimension(perimeter_m: NDArray[Any], area_m2: NDArray[Any]) -> Numbers:
    """FRAC = 2 ln(0.25 p) / ln a: 1 for squares, towards 2 for convoluted edges; 1 where ln a = 0.

    Examples
    --------
    >>> fractal_dimension(np.array([68.0]), np.array([80.0])).round(4).tolist()
    [1.2931]
    """
    area = np.log(np.asarray(area_m2, np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(area) < 1e-12, 1.0, 2 * np.log(0.25 * np.asarray(perimeter_m)) / area)


def contiguity_index(contiguity: NDArray[Any], cells: NDArray[Any]) -> Numbers:
    """CONTIG = (sum of the template over the pixels / pixels - 1) / 12, with 1, 2 at sides and 1 at corners.

    References
    ----------
    LaGro (1991), Photogrammetric Engineering and Remote Sensing 57, 285-293.
    """
    return np.asarray((contiguity / cells - 1) / 12, np.float64)


def radius_of_gyration(spread: Numbers, cells: NDArray[Any], cell_m: float) -> Numbers:
    """GYRATE = mean distance of the pixels from their centroid [m]; half a pixel for a patch of one."""
    return np.where(np.asarray(cells) == 1, 0.5, spread / cells) * cell_m


def circle_index(rim: NDArray[np.int64], begins: NDArray[np.int64], cells: NDArray[Any]) -> Numbers:
    """CIRCLE = 1 - a / area of the circle whose diameter is the longest way through the patch; 0 for one pixel.

    From corner to corner of its pixels, as FRAGSTATS' results have it; the smallest circle around a patch may be wider.

    Parameters
    ----------
    rim, begins : int64
        As of `components.rim_pixels`.
    cells : int64 (patch)
        Pixels.
    """
    longest = _longest(rim, begins)[: cells.size]
    return np.where(np.asarray(cells) == 1, 0.0, 1 - cells / (np.pi * longest / 4))


@njit(cache=True, nogil=True)
def _longest(rim: Any, begins: Any) -> Any:
    """Square of the longest distance between corners of the pixels of each patch."""
    longest = np.zeros(begins.size - 2)
    for patch in range(longest.size):
        hull = _hull(rim[begins[patch + 1] : begins[patch + 2]])
        for i in range(hull.shape[0]):
            for j in range(i, hull.shape[0]):
                down, across = abs(hull[i, 0] - hull[j, 0]) + 1, abs(hull[i, 1] - hull[j, 1]) + 1
                longest[patch] = max(longest[patch], down * down + across * across)
    return longest


@njit(cache=True, nogil=True)
def _hull(points: Any) -> Any:
    """Corners of the convex hull of points that come row by row; one after the other below, then above."""
    count = points.shape[0]
    kept = np.empty((2 * count, 2), np.int64)
    n = 0
    for way in range(2):
        start = n
        for k in range(count):
            y, x = points[k if way == 0 else count - 1 - k]
            while n - start >= 2:
                first, last = kept[n - 2], kept[n - 1]
                if (last[0] - first[0]) * (x - first[1]) - (last[1] - first[1]) * (y - first[0]) > 0:
                    break
                n -= 1
            kept[n, 0], kept[n, 1] = y, x
            n += 1
    return kept[:n]


def _root(cells: NDArray[Any]) -> NDArray[np.int64]:
    """Whole square root, right where floating point is off by one."""
    count = np.asarray(cells, np.int64)
    side = np.sqrt(count.astype(np.float64)).astype(np.int64)
    side = np.where(side**2 > count, side - 1, side)
    return np.where((side + 1) ** 2 <= count, side + 1, side)
