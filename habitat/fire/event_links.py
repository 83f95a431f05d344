"""Chains of rectangles that lie near each other in space and time, through a grid of cells and joined sets."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]

_SIZE_SPREAD = 4.0
"""Footprints larger than so many of the smallest tenth are looked up apart, lest they widen the cells of all."""


def chained(boxes: Floats, minutes: Integers, distance_m: float, most_minutes: float) -> Integers:
    """Return the number of the chain each rectangle belongs to; numbers are those of one of its members.

    Two rectangles are linked if their edges are at most `distance_m` apart and their times at most `most_minutes`;
    a chain is everything that can be reached over links. Memory grows with the number of rectangles, not of links.

    Parameters
    ----------
    boxes : float64 (row, 5)
        Centre x and y [m], half sides [m], direction of the first side from the x axis [radians].
    minutes : int64 (row,)
        Times.
    distance_m, most_minutes : float
        Largest gap that is bridged.

    Examples
    --------
    >>> boxes = np.array([[0.0, 0, 100, 100, 0], [900, 0, 100, 100, 0], [9000, 0, 100, 100, 0]])
    >>> chained(boxes, np.array([0, 60, 60]), 700.0, 1440.0).tolist()
    [0, 0, 2]
    """
    chains = np.arange(len(boxes), dtype=np.int64)
    if len(boxes) < 2:
        return chains
    reach = np.hypot(boxes[:, 2], boxes[:, 3])
    small = reach <= _SIZE_SPREAD * np.quantile(reach, 0.1)
    few, large, every = np.flatnonzero(small), np.flatnonzero(~small), np.arange(len(boxes))
    frame = np.ascontiguousarray(boxes, np.float64), np.ascontiguousarray(minutes, np.int64), reach
    for asked, told in ((few, few), (large, every)):
        if asked.size:
            _link(asked, told, frame, (float(distance_m), float(most_minutes)), chains)
    _flatten(chains)
    return chains


def _link(
    asked: Integers,
    told: Integers,
    frame: tuple[Floats, Integers, Floats],
    limits: tuple[float, float],
    chains: Integers,
) -> None:
    """Join the chains of all linked pairs of one row asked for and one told."""
    boxes, minutes, reach = frame
    cell = max(limits[0] + float(np.max(reach[asked]) + np.max(reach[told])), 1.0)
    column, row = (np.floor((boxes[:, axis] - np.min(boxes[:, axis])) / cell).astype(np.int64) + 1 for axis in (0, 1))
    width = int(np.max(column)) + 2
    cells = row * width + column
    order = told[np.lexsort((minutes[told], cells[told]))]
    keys, starts = np.unique(cells[order], return_index=True)
    ends = np.append(starts[1:], order.size)
    _join_near(asked, (order, minutes[order], keys, starts, ends), (cells, width), frame, limits, chains)


@njit(nogil=True, cache=True)
def _join_near(asked: Any, index: Any, place_of: Any, frame: Any, limits: Any, chains: Any) -> None:
    order, times, keys, starts, ends = index
    cells, width = place_of
    boxes, minutes, reach = frame
    distance, most = limits
    for one in asked:
        first = _root(chains, one)
        for step in range(9):
            key = cells[one] + (step // 3 - 1) * width + step % 3 - 1
            place = np.searchsorted(keys, key)
            if place == keys.size or keys[place] != key:
                continue
            end = ends[place]
            at = starts[place] + np.searchsorted(times[starts[place] : end], minutes[one] - most)
            while at < end and times[at] <= minutes[one] + most:
                other = order[at]
                at += 1
                # Most neighbours are chained already, and need not be measured.
                if chains[other] == first:
                    continue
                second = _root(chains, other)
                if first != second and _near(boxes[one], boxes[other], reach[one] + reach[other], distance):
                    chains[max(first, second)] = min(first, second)
                    first = min(first, second)


@njit(nogil=True, cache=True)
def _root(chains: Any, one: Any) -> Any:
    while chains[one] != one:
        chains[one] = chains[chains[one]]
        one = chains[one]
    return one


@njit(nogil=True, cache=True)
def _flatten(chains: Any) -> None:
    for one in range(chains.size):
        chains[one] = _root(chains, one)


@njit(nogil=True, cache=True)
def _near(one: Any, other: Any, reach: Any, distance: Any) -> Any:
    """Tell whether two rectangles are at most a distance apart."""
    apart = math.hypot(one[0] - other[0], one[1] - other[1])
    if apart > distance + reach:
        return False
    if apart <= distance + min(one[2], one[3]) + min(other[2], other[3]):
        return True
    return min(_gap(one, other), _gap(other, one)) <= distance or not (_parted(one, other) or _parted(other, one))


@njit(nogil=True, cache=True)
def _gap(one: Any, other: Any) -> Any:
    """Return the distance from one rectangle to the nearest corner of another.

    Of two rectangles that do not overlap, a corner of one of them is nearest to the other.
    """
    cos, sin = math.cos(one[4]), math.sin(one[4])
    nearest = math.inf
    for u in (-1.0, 1.0):
        for v in (-1.0, 1.0):
            x, y = _corner(other, u, v)
            x, y = x - one[0], y - one[1]
            along = max(abs(x * cos + y * sin) - one[2], 0.0)
            across = max(abs(y * cos - x * sin) - one[3], 0.0)
            nearest = min(nearest, math.hypot(along, across))
    return nearest


@njit(nogil=True, cache=True)
def _parted(one: Any, other: Any) -> Any:
    """Tell whether a line along a side of one rectangle has the other beyond it."""
    cos, sin = math.cos(one[4]), math.sin(one[4])
    x, y = other[0] - one[0], other[1] - one[1]
    turn = other[4] - one[4]
    wide = abs(math.cos(turn)), abs(math.sin(turn))
    along = abs(x * cos + y * sin) - one[2] - other[2] * wide[0] - other[3] * wide[1]
    across = abs(y * cos - x * sin) - one[3] - other[2] * wide[1] - other[3] * wide[0]
    return along > 0 or across > 0


@njit(nogil=True, cache=True)
def _corner(box: Any, u: Any, v: Any) -> Any:
    cos, sin = math.cos(box[4]), math.sin(box[4])
    return box[0] + u * box[2] * cos - v * box[3] * sin, box[1] + u * box[2] * sin + v * box[3] * cos
