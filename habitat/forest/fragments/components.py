"""Components: connected pixels of one class in a single pass over the raster, and what can be counted of each."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

_NO_BARRIER = np.zeros((0, 0), bool)
_MOST_PIXELS = 2**31 - 1


class Counts(NamedTuple):
    """What is counted of patches (first axis: patch 1, 2, ...) and of classes, in pixels and pixel sides."""

    code: NDArray[np.int64]
    """Class code of each patch."""
    cells: NDArray[np.int64]
    """Pixels."""
    sides: NDArray[np.int64]
    """Pixel sides along its perimeter, those at unknown ground and at the edge of the map too."""
    contiguity: NDArray[np.int64]
    """Sum over its pixels of 1, and 2 for each side and 1 for each corner where the same patch goes on."""
    spread: NDArray[np.float64]
    """Sum of the distances of its pixels from their centroid [pixel]."""
    classes: NDArray[np.int64]
    """Codes of the classes, ascending."""
    adjacencies: NDArray[np.int64]
    """Sides between classes (class, class), each counted from both; the last column is unknown and off the map."""


def components(
    codes: NDArray[Any],
    *,
    unknown: int | None = None,
    neighbours: int = 8,
    barrier: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """Label connected pixels of equal code.

    Needs four bytes a pixel beyond what it is given.

    Parameters
    ----------
    codes : integer or bool (y, x)
        Classes.
    unknown : int, optional
        Code that belongs to no component.
    neighbours : {4, 8}
        Whether pixels that touch at a corner only are connected.
    barrier : bool (y, x), optional
        Pixels that nothing crosses; neither does a step over a corner between two of them, so that a line of
        barrier pixels that touch at corners is closed.

    Returns
    -------
    int32 (y, x)
        0 unknown and barrier; components from 1 in the order of their first pixels, row by row.

    Raises
    ------
    ValueError
        If the codes are no raster of whole numbers, or the barrier has another shape.

    Examples
    --------
    >>> components(np.array([[1, 0], [0, 1]]), unknown=0).tolist()
    [[1, 0], [0, 1]]
    >>> components(np.array([[1, 0], [0, 1]]), unknown=0, neighbours=4).tolist()
    [[1, 0], [0, 2]]
    """
    codes = _checked(codes, neighbours)
    if barrier is not None and barrier.shape != codes.shape:
        raise ValueError(f"the barrier has shape {barrier.shape}, the codes {codes.shape}; draw it on the same grid")
    # A code that no pixel has stands for none unknown.
    nothing = int(unknown) if unknown is not None else _absent(codes)
    closed = _NO_BARRIER if barrier is None else np.ascontiguousarray(barrier, dtype=bool)
    labels: NDArray[np.int32] = _components(codes, nothing, closed, neighbours == 8)
    return labels


def counted(codes: NDArray[Any], labels: NDArray[np.int32], *, unknown: int | None = None) -> Counts:
    """Count pixels, sides and adjacencies of labelled patches.

    Parameters
    ----------
    codes : integer (y, x)
        Classes.
    labels : int32 (y, x)
        As of `components`.
    unknown : int, optional
        Code of pixels without a class.

    Examples
    --------
    >>> codes = np.array([[1, 1], [2, 1]])
    >>> found = counted(codes, components(codes))
    >>> found.cells.tolist(), found.sides.tolist(), found.adjacencies.tolist()
    ([3, 1], [8, 4], [[4, 2, 6], [2, 0, 2]])
    """
    codes = _checked(codes, 8)
    held: Any = np.sort(pd.unique(codes.ravel())).astype(np.int64)
    classes: NDArray[np.int64] = held if unknown is None else held[held != unknown]
    low = int(held.min()) if held.size else 0
    place = np.full((int(held.max()) - low + 1) if held.size else 1, -1, np.int64)
    place[classes - low] = np.arange(classes.size)
    n = _highest(labels)
    sums = np.zeros((n + 1, 6), np.int64)
    adjacencies = np.zeros((classes.size, classes.size + 1), np.int64)
    _count(codes, labels, place, low, sums, adjacencies)
    cells = sums[1:, 0]
    spread = np.zeros(n + 1)
    _spread(labels, sums[:, 3] / np.maximum(sums[:, 0], 1), sums[:, 4] / np.maximum(sums[:, 0], 1), spread)
    return Counts(sums[1:, 5], cells, sums[1:, 1], sums[1:, 2], spread[1:], classes, adjacencies)


def sizes(labels: NDArray[np.int32], codes: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Count the pixels of each component, and tell the code all of them have.

    Examples
    --------
    >>> [part.tolist() for part in sizes(np.array([[1, 1], [0, 2]], np.int32), np.array([[7, 7], [9, 8]]))]
    [[2, 1], [7, 8]]
    """
    found = np.zeros((_highest(labels) + 1, 2), np.int64)
    _sizes(labels, _checked(codes, 8), found)
    return found[1:, 0], found[1:, 1]


def core_pixels(codes: NDArray[Any], depth: float, *, unknown: int | None = None) -> NDArray[np.bool_]:
    """Tell which pixels lie deeper in their class than a depth.

    A pixel is core if every pixel whose centre is at most the depth from its own belongs to its class; unknown
    ground and what lies off the map do not.

    Parameters
    ----------
    codes : integer (y, x)
        Classes.
    depth : float [pixel]
        Depth of the edge; 1 is one pixel by the sides.
    unknown : int, optional
        Code of pixels without a class.

    Examples
    --------
    >>> core_pixels(np.ones((3, 4), int), 1.0).astype(int).tolist()
    [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    """
    codes = _checked(codes, 8)
    reach = int(np.floor(depth + 1e-9))
    steps = [
        (down, across)
        for down in range(-reach, reach + 1)
        for across in range(-reach, reach + 1)
        if 0 < down**2 + across**2 <= depth**2 + 1e-9
    ]
    # The nearest first: most pixels that are no core show it at once.
    nearest_first = sorted(steps, key=lambda step: step[0] ** 2 + step[1] ** 2)
    offsets = np.array(nearest_first, np.int64).reshape(-1, 2)
    core: NDArray[np.bool_] = _core(codes, int(unknown) if unknown is not None else _absent(codes), offsets)
    return core


def rim_pixels(labels: NDArray[np.int32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """List the pixels with a side on the perimeter of their patch, ordered by patch.

    Returns
    -------
    int64 (pixel, 2)
        Row and column.
    int64 (patch + 2)
        Where the pixels of patch i begin, at i.
    """
    found: NDArray[np.int64] = _rim(labels)
    ordered = found[np.argsort(found[:, 2], kind="stable")]
    begins = np.searchsorted(ordered[:, 2], np.arange(_highest(labels) + 2))
    return ordered[:, :2], begins


def _checked(codes: NDArray[Any], neighbours: int) -> NDArray[Any]:
    if codes.ndim != 2 or codes.dtype.kind not in "iub" or codes.size > _MOST_PIXELS:
        raise ValueError(
            f"codes are {codes.dtype} of shape {codes.shape}, wants whole numbers (y, x) of less than 2**31 pixels; "
            "turn NaN into a code of its own"
        )
    if neighbours not in (4, 8):
        raise ValueError(f"neighbours is {neighbours}, wants 4 or 8")
    whole = codes.astype(np.uint8) if codes.dtype.kind == "b" else codes
    return np.ascontiguousarray(whole)


def _absent(codes: NDArray[Any]) -> int:
    return _highest(codes) + 1


def _highest(codes: NDArray[Any]) -> int:
    return int(codes.max(initial=0))


@njit(cache=True, nogil=True, inline="always")
def _find(parent: Any, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit(cache=True, nogil=True)
def _unite(parent: Any, i: int, j: int) -> None:
    """Join two trees; the root is the earlier pixel, so that every parent lies before its child."""
    i, j = _find(parent, i), _find(parent, j)
    if i < j:
        parent[j] = i
    else:
        parent[i] = j


@njit(cache=True, nogil=True)
def _components(codes: Any, unknown: int, barrier: Any, eight: bool) -> Any:  # noqa: FBT001, C901
    rows, columns = codes.shape
    labels = np.empty(rows * columns, np.int32)
    barred = barrier.size > 0
    for r in range(rows):
        for c in range(columns):
            i, code = r * columns + c, codes[r, c]
            labels[i] = i
            if code == unknown or (barred and barrier[r, c]):
                continue
            if c > 0 and codes[r, c - 1] == code and not (barred and barrier[r, c - 1]):
                _unite(labels, i - 1, i)
            if r > 0 and codes[r - 1, c] == code and not (barred and barrier[r - 1, c]):
                _unite(labels, i - columns, i)
            if not eight or r == 0:
                continue
            for step in (-1, 1):
                other = c + step
                if not 0 <= other < columns or codes[r - 1, other] != code:
                    continue
                if barred and (barrier[r - 1, other] or (barrier[r - 1, c] and barrier[r, other])):
                    continue
                _unite(labels, i - columns + step, i)
    count = 0
    for i in range(labels.size):
        r, c = i // columns, i % columns
        if codes[r, c] == unknown or (barred and barrier[r, c]):
            labels[i] = 0
        elif labels[i] == i:
            # Roots lie before what hangs on them: labels are told from parents by their sign.
            count += 1
            labels[i] = -count
        else:
            labels[i] = labels[_first(labels, i)]
    for i in range(labels.size):
        labels[i] = -labels[i]
    return labels.reshape(rows, columns)


@njit(cache=True, nogil=True)
def _first(labels: Any, i: int) -> int:
    while labels[i] >= 0:
        i = labels[i]
    return i


@njit(cache=True, nogil=True)
def _count(codes: Any, labels: Any, place: Any, low: int, sums: Any, adjacencies: Any) -> None:
    rows, columns = codes.shape
    outside = adjacencies.shape[1] - 1
    for r in range(rows):
        for c in range(columns):
            label = labels[r, c]
            if label == 0:
                continue
            own = place[codes[r, c] - low]
            sums[label, 0] += 1
            sums[label, 2] += 1
            sums[label, 3] += r
            sums[label, 4] += c
            sums[label, 5] = codes[r, c]
            for down in range(-1, 2):
                for across in range(-1, 2):
                    y, x = r + down, c + across
                    inside = 0 <= y < rows and 0 <= x < columns
                    same = inside and labels[y, x] == label
                    if abs(down) + abs(across) == 2:
                        sums[label, 2] += same
                    elif abs(down) + abs(across) == 1:
                        sums[label, 2] += 2 * same
                        sums[label, 1] += not same
                        other = place[codes[y, x] - low] if inside else -1
                        adjacencies[own, other if other >= 0 else outside] += 1


@njit(cache=True, nogil=True)
def _sizes(labels: Any, codes: Any, found: Any) -> None:
    for r in range(labels.shape[0]):
        for c in range(labels.shape[1]):
            if labels[r, c] > 0:
                found[labels[r, c], 0] += 1
                found[labels[r, c], 1] = codes[r, c]


@njit(cache=True, nogil=True)
def _spread(labels: Any, row: Any, column: Any, spread: Any) -> None:
    for r in range(labels.shape[0]):
        for c in range(labels.shape[1]):
            label = labels[r, c]
            if label > 0:
                spread[label] += np.hypot(r - row[label], c - column[label])


@njit(cache=True, nogil=True)
def _core(codes: Any, unknown: int, offsets: Any) -> Any:
    rows, columns = codes.shape
    core = np.zeros((rows, columns), np.bool_)
    for r in range(rows):
        for c in range(columns):
            deep = codes[r, c] != unknown
            for k in range(offsets.shape[0]):
                if not deep:
                    break
                y, x = r + offsets[k, 0], c + offsets[k, 1]
                deep = 0 <= y < rows and 0 <= x < columns and codes[y, x] == codes[r, c]
            core[r, c] = deep
    return core


@njit(cache=True, nogil=True)
def _at_rim(labels: Any, r: int, c: int) -> bool:
    rows, columns = labels.shape
    label = labels[r, c]
    if label == 0:
        return False
    if r == 0 or c == 0 or r == rows - 1 or c == columns - 1:
        return True
    return not (labels[r - 1, c] == label == labels[r + 1, c] and labels[r, c - 1] == label == labels[r, c + 1])


@njit(cache=True, nogil=True)
def _rim(labels: Any) -> Any:
    rows, columns = labels.shape
    count = 0
    for r in range(rows):
        for c in range(columns):
            count += _at_rim(labels, r, c)
    found = np.empty((count, 3), np.int64)
    k = 0
    for r in range(rows):
        for c in range(columns):
            if _at_rim(labels, r, c):
                found[k, 0], found[k, 1], found[k, 2] = r, c, labels[r, c]
                k += 1
    return found
