"""Parcels with straight edges: blocks of land, each cut into strips and plots that lie its own way."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.twin.noise import Field, hashed


@dataclass(frozen=True, eq=False)
class Parcels:
    """Which parcel every pixel of a window belongs to; fields (y, x)."""

    number: NDArray[np.uint32]
    """Number of the parcel, random to the eye; what a parcel is like is drawn from its bits."""
    from_edge: Field
    """Distance from the parcel's edge [m]."""

    def draw(self, use: int) -> Field:
        """Return for every pixel a number in 0 to 1 that belongs to its parcel and to a use of it."""
        return _drawn(self.number, np.uint32(use))


def parcels_at(
    key: int,
    eastings: NDArray[np.float64],
    northings: NDArray[np.float64],
    *,
    block_m: float,
    width_m: float,
    length_m: float,
) -> Parcels:
    """Cut the land into parcels.

    Parameters
    ----------
    key : int
        Number of 32 bits.
    eastings, northings : array (x,), (y,) [m]
        Places.
    block_m : float
        Distance between the middles of neighbouring blocks [m]; parcels of a block lie the same way.
    width_m, length_m : float
        Mean width and length of parcels [m]; blocks differ by up to a third.

    Examples
    --------
    >>> land = parcels_at(1, np.arange(0.0, 900.0, 10.0), np.arange(900.0, 0.0, -10.0),
    ...     block_m=2000.0, width_m=60.0, length_m=300.0)
    >>> 20 < len(np.unique(land.number)) < 150
    True
    """
    number = np.empty((northings.size, eastings.size), np.uint32)
    from_edge = np.empty(number.shape, np.float32)
    _cut(number, from_edge, np.uint32(key), eastings, northings, (block_m, width_m, length_m))
    return Parcels(number, from_edge)


@njit(nogil=True, cache=True)
def _drawn(number: NDArray[np.uint32], use: np.uint32) -> Field:
    out = np.empty(number.shape, np.float32)
    for i in range(number.shape[0]):
        for j in range(number.shape[1]):
            out[i, j] = np.float32(hashed(use, number[i, j], 0) >> np.uint32(8)) * np.float32(2**-24)
    return out


@njit(nogil=True, cache=True, inline="always")
def _share(key: np.uint32, first: int, second: int) -> float:
    return hashed(key, first, second) * (1.0 / 2**32)


@njit(nogil=True, cache=True)
def _nearest_block(key: np.uint32, x: float, y: float) -> tuple[np.uint32, float, float, float]:
    """Return the block's number, the place seen from its middle, and the distance from its edge [blocks]."""
    column, row = math.floor(x), math.floor(y)
    nearest, second = 1e9, 1e9
    block, right, up = np.uint32(0), 0.0, 0.0
    other_right, other_up = 0.0, 0.0
    for k in range(-1, 2):
        for m in range(-1, 2):
            bits = hashed(key, column + m, row + k)
            dx = x - (column + m + 0.15 + 0.7 / 65536 * (bits & np.uint32(0xFFFF)))
            dy = y - (row + k + 0.15 + 0.7 / 65536 * (bits >> np.uint32(16)))
            away = dx * dx + dy * dy
            if away < nearest:
                second, other_right, other_up = nearest, right, up
                nearest, block, right, up = away, bits, dx, dy
            elif away < second:
                second, other_right, other_up = away, dx, dy
    apart = math.sqrt((right - other_right) ** 2 + (up - other_up) ** 2)
    return block, right, up, (second - nearest) / max(2 * apart, 1e-9)


@njit(nogil=True, cache=True)
def _cut(
    number: NDArray[np.uint32],
    from_edge: Field,
    key: np.uint32,
    eastings: NDArray[np.float64],
    northings: NDArray[np.float64],
    sizes: tuple[float, float, float],
) -> None:
    block_m, width_m, length_m = sizes
    for i in range(northings.size):
        for j in range(eastings.size):
            block, x, y, edge = _nearest_block(key, eastings[j] / block_m, northings[i] / block_m)
            turn = math.pi * _share(block, 1, 0)
            c, s = math.cos(turn) * block_m, math.sin(turn) * block_m
            along, across = c * x + s * y, c * y - s * x
            length = length_m * (0.67 + 0.66 * _share(block, 2, 0))
            row = math.floor(along / length)
            width = width_m * (0.67 + 0.66 * _share(block, 3, row))
            place = across / width + _share(block, 4, row)
            column = math.floor(place)
            number[i, j] = hashed(block, row, column)
            aside = min(place - column, 1.0 - (place - column)) * width
            ahead = min(along - row * length, (row + 1) * length - along)
            from_edge[i, j] = min(aside, ahead, edge * block_m)
