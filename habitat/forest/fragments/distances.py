"""Distances between patches of one class, from pixel centre to pixel centre, exact whatever their number."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Numbers = NDArray[np.float64]
_NEAR = 32
"""How far is looked pixel by pixel [pixel]."""


def nearest_neighbour(
    labels: NDArray[np.int32], rim: NDArray[np.int64], begins: NDArray[np.int64], code: NDArray[np.int64]
) -> Numbers:
    """ENN = distance to the nearest other patch of the class [pixel]; NaN for the only one.

    Around each pixel of a perimeter it is looked nearest first, until what its patch has found is nearer. Patches with
    nothing within 32 pixels are searched in trees: any two differ in a binary digit of their number, so for each digit
    those with 1 are searched against those with 0, and no pair of patches is looked at.

    Parameters
    ----------
    labels : int32 (y, x)
        Patches, from 1.
    rim : int64 (pixel, 2)
        Row and column of the pixels at the patches' perimeters, ordered by patch.
    begins : int64 (patch + 2)
        Where those of patch 1, 2, ... begin.
    code : int64 (patch)
        Class of each patch.
    """
    down, across = np.indices((2 * _NEAR + 1, 2 * _NEAR + 1)).reshape(2, -1) - _NEAR
    squares = down**2 + across**2
    order = np.argsort(squares, kind="stable")
    order = order[(squares[order] > 0) & (squares[order] <= _NEAR**2)]
    offsets = np.column_stack([down[order], across[order], squares[order]])
    nearest: Numbers = np.sqrt(_near(labels, rim, begins, np.concatenate([[0], code]), offsets))
    owner = np.repeat(np.arange(code.size), np.diff(begins[1:]))
    for value in np.unique(code[np.isinf(nearest)]):
        alone = np.flatnonzero((code == value) & np.isinf(nearest))
        number = np.zeros(code.size, np.int64)
        number[alone] = np.arange(1, alone.size + 1)
        held = (code == value)[owner]
        places, turn, patch = rim[held], number[owner[held]], owner[held]
        for digit in range(int(alone.size).bit_length()):
            ones = (turn >> digit & 1).astype(bool)
            for one, other in ((ones, ~ones), (~ones & (turn > 0), ones | (turn == 0))):
                if one.any() and other.any():
                    away, _ = cKDTree(places[other], balanced_tree=False).query(places[one])
                    np.minimum.at(nearest, patch[one], away)
    return np.where(np.isfinite(nearest), nearest, np.nan)


@njit(cache=True, nogil=True)
def _near(labels: Any, rim: Any, begins: Any, code: Any, offsets: Any) -> Any:
    """Square of the distance to the nearest other patch of the class; infinite if none is near."""
    rows, columns = labels.shape
    nearest = np.full(begins.size - 2, np.inf)
    for patch in range(1, begins.size - 1):
        for i in range(begins[patch], begins[patch + 1]):
            for k in range(offsets.shape[0]):
                if offsets[k, 2] >= nearest[patch - 1]:
                    break
                y, x = rim[i, 0] + offsets[k, 0], rim[i, 1] + offsets[k, 1]
                if 0 <= y < rows and 0 <= x < columns:
                    other = labels[y, x]
                    if other not in (0, patch) and code[other] == code[patch]:
                        nearest[patch - 1] = offsets[k, 2]
                        break
    return nearest


def proximity(
    rim: NDArray[np.int64], begins: NDArray[np.int64], code: NDArray[np.int64], cells: NDArray[np.int64], reach: float
) -> Numbers:
    """PROX = sum of area / distance² over the other patches of the class within reach; 0 if there are none.

    Area in pixels and distance in pixels, so that the index has no unit.

    Parameters
    ----------
    rim, begins, code
        As for `nearest_neighbour`.
    cells : int64 (patch)
        Pixels of each patch.
    reach : float [pixel]
        Search radius.
    """
    index = np.zeros(code.size)
    starts = begins[1:]
    low = np.minimum.reduceat(rim, starts[:-1]) if code.size else rim
    high = np.maximum.reduceat(rim, starts[:-1]) if code.size else rim
    for value in np.unique(code):
        mine = np.flatnonzero(code == value)
        boxes = shapely.box(*(low[mine] - 0.5).T, *(high[mine] + 0.5).T)
        pairs = shapely.STRtree(boxes).query(boxes, predicate="dwithin", distance=reach)
        for one, other in mine[pairs.T]:
            if one >= other:
                continue
            few, many = sorted((one, other), key=lambda patch: int(starts[patch + 1] - starts[patch]))
            tree = cKDTree(rim[starts[many] : starts[many + 1]])
            away, _ = tree.query(rim[starts[few] : starts[few + 1]], distance_upper_bound=reach * (1 + 1e-12))
            if np.isfinite(away.min()):
                index[one] += cells[other] / away.min() ** 2
                index[other] += cells[one] / away.min() ** 2
    return index
