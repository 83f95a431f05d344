"""Compiled screening of looks by a robust season of two bands (Tmask): clouds, shadows and snow that masks let pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from habitat.change.segmentation.lasso_models import NORMAL, SOLUTION

COLUMNS = 5
"""Level, a wave a year, and a wave as long as the window in whole years."""
_BISQUARE = 4.685
_MAD_TO_SD = 0.6745
_ROUNDS = 100
_STEADY = 1e-4
"""The fit rests when no look's expected value moves by more than this share of the scatter."""
_LEVERAGE_LIMIT = 0.9999
_LEAST_SCATTER = 1e-6
_SINGULAR = 1e-10


SCREEN_ROWS = 11
"""Rows of the screen's room, a number for each look: the columns, and then those below."""
_VALUES, _RESIDUALS, _LEVERAGE, _WEIGHTS, SIZES, MARKED = range(COLUMNS, SCREEN_ROWS)


@njit(nogil=True, cache=True, error_model="numpy")
def mark_outliers(waves: Any, values: Any, looks: Any, limits: Any, room: Any) -> None:
    """Mark in the room's last row which looks lie beyond the limit of either band.

    waves: cosine and sine of a year and of the window's years for all dates (4, date). values: (date, lane).
    looks: the dates looked at, in order. limits: (lane, limit) of each band. room: (screen, lanes).
    """
    screen, lanes = room
    n = looks.shape[0]
    for i in range(n):
        screen[MARKED, i] = 0.0
        screen[0, i] = 1.0
        for k in range(4):
            screen[k + 1, i] = waves[k, looks[i]]
    alike = waves[0, looks[0]] == waves[2, looks[0]] and waves[0, looks[n - 1]] == waves[2, looks[n - 1]]
    # A window of no more than a year has the same wave twice: three columns tell all.
    columns = 3 if alike else COLUMNS
    for lane, limit in limits:
        for i in range(n):
            screen[_VALUES, i] = values[looks[i], lane]
        _fit_robustly(screen, lanes, n, columns)
        for i in range(n):
            if not abs(screen[_RESIDUALS, i]) <= limit:
                screen[MARKED, i] = 1.0


@njit(nogil=True, cache=True, error_model="numpy")
def _fit_robustly(screen: Any, lanes: Any, n: int, columns: int) -> None:
    """Leave the residuals of Tukey's bisquare regression in their row."""
    screen[_WEIGHTS, :n] = 1.0
    _sum_normal(screen, lanes, n)
    _decompose(lanes, columns)
    _write_leverage(screen, lanes, n, columns)
    _substitute(lanes, columns)
    least = _LEAST_SCATTER * _spread(screen[_VALUES], n)
    _write_residuals(screen, lanes, n, columns)
    for _ in range(_ROUNDS):
        scatter = max(_scatter(screen, n), least)
        factor = 1.0 / (scatter * _BISQUARE)
        for i in range(n):
            share = screen[_RESIDUALS, i] * screen[_LEVERAGE, i] * factor
            screen[_WEIGHTS, i] = (1.0 - share * share) ** 2 if abs(share) < 1.0 else 0.0
        for k in range(columns):
            lanes[SOLUTION + 1, k] = lanes[SOLUTION, k]
        _sum_normal(screen, lanes, n)
        _decompose(lanes, columns)
        _substitute(lanes, columns)
        _write_residuals(screen, lanes, n, columns)
        moved = 0.0
        for k in range(columns):
            moved += abs(lanes[SOLUTION, k] - lanes[SOLUTION + 1, k])
        if moved <= _STEADY * scatter:
            break


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})
def _sum_normal(screen: Any, lanes: Any, n: int) -> None:
    """Sum the weighted normal equations: the lower half of the matrix and the right side."""
    a00 = a10 = a20 = a30 = a40 = 0.0
    a11 = a21 = a31 = a41 = a22 = a32 = a42 = a33 = a43 = a44 = 0.0
    b0 = b1 = b2 = b3 = b4 = 0.0
    for i in range(n):
        w, y = screen[_WEIGHTS, i], screen[_VALUES, i]
        c1, c2, c3, c4 = screen[1, i], screen[2, i], screen[3, i], screen[4, i]
        w1, w2, w3, w4 = w * c1, w * c2, w * c3, w * c4
        a00 += w
        a10 += w1
        a20 += w2
        a30 += w3
        a40 += w4
        a11 += w1 * c1
        a21 += w2 * c1
        a31 += w3 * c1
        a41 += w4 * c1
        a22 += w2 * c2
        a32 += w3 * c2
        a42 += w4 * c2
        a33 += w3 * c3
        a43 += w4 * c3
        a44 += w4 * c4
        b0 += w * y
        b1 += w1 * y
        b2 += w2 * y
        b3 += w3 * y
        b4 += w4 * y
    for k, total in enumerate((a00, a10, a20, a30, a40)):
        lanes[NORMAL + k, 0] = total
    for k, total in enumerate((a11, a21, a31, a41)):
        lanes[NORMAL + 1 + k, 1] = total
    for k, total in enumerate((a22, a32, a42)):
        lanes[NORMAL + 2 + k, 2] = total
    lanes[NORMAL + 3, 3], lanes[NORMAL + 4, 3], lanes[NORMAL + 4, 4] = a33, a43, a44
    for k, total in enumerate((b0, b1, b2, b3, b4)):
        lanes[SOLUTION, k] = total


@njit(nogil=True, cache=True, error_model="numpy")
def _decompose(lanes: Any, columns: int) -> None:
    """Write the lower Cholesky factor in place, the diagonal inverted; a column that tells nothing new becomes 0."""
    for p in range(columns):
        least = lanes[NORMAL + p, p] * _SINGULAR
        for q in range(p):
            total = lanes[NORMAL + p, q]
            for k in range(q):
                total -= lanes[NORMAL + p, k] * lanes[NORMAL + q, k]
            lanes[NORMAL + p, q] = total * lanes[NORMAL + q, q]
        pivot = lanes[NORMAL + p, p]
        for k in range(p):
            pivot -= lanes[NORMAL + p, k] * lanes[NORMAL + p, k]
        lanes[NORMAL + p, p] = 1.0 / np.sqrt(pivot) if pivot > least else 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def _substitute(lanes: Any, columns: int) -> None:
    """Solve in place what was decomposed."""
    for p in range(columns):
        total = lanes[SOLUTION, p]
        for k in range(p):
            total -= lanes[NORMAL + p, k] * lanes[SOLUTION, k]
        lanes[SOLUTION, p] = total * lanes[NORMAL + p, p]
    for p in range(columns - 1, -1, -1):
        total = lanes[SOLUTION, p]
        for k in range(p + 1, columns):
            total -= lanes[NORMAL + k, p] * lanes[SOLUTION, k]
        lanes[SOLUTION, p] = total * lanes[NORMAL + p, p]


@njit(nogil=True, cache=True, error_model="numpy")
def _write_leverage(screen: Any, lanes: Any, n: int, columns: int) -> None:
    """Write 1 / sqrt(1 − leverage) of each look of the unweighted fit."""
    for i in range(n):
        leverage = 0.0
        for p in range(columns):
            total = screen[p, i]
            for k in range(p):
                total -= lanes[NORMAL + p, k] * lanes[SOLUTION + 1, k]
            part = total * lanes[NORMAL + p, p]
            lanes[SOLUTION + 1, p] = part
            leverage += part * part
        screen[_LEVERAGE, i] = 1.0 / np.sqrt(1.0 - min(leverage, _LEVERAGE_LIMIT))


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _write_residuals(screen: Any, lanes: Any, n: int, columns: int) -> None:
    s0, s1, s2 = lanes[SOLUTION, 0], lanes[SOLUTION, 1], lanes[SOLUTION, 2]
    for i in range(n):
        screen[_RESIDUALS, i] = screen[_VALUES, i] - s0 - s1 * screen[1, i] - s2 * screen[2, i]
    if columns == COLUMNS:
        s3, s4 = lanes[SOLUTION, 3], lanes[SOLUTION, 4]
        for i in range(n):
            screen[_RESIDUALS, i] -= s3 * screen[3, i] + s4 * screen[4, i]


@njit(nogil=True, cache=True, error_model="numpy")
def _spread(values: Any, n: int) -> float:
    """Return the standard deviation, or 1 where there is none."""
    mean, total = 0.0, 0.0
    for i in range(n):
        mean += values[i] / n
    for i in range(n):
        total += (values[i] - mean) ** 2
    return float(np.sqrt(total / (n - 1))) if total > 0.0 and n > 1 else 1.0 / _LEAST_SCATTER


@njit(nogil=True, cache=True, error_model="numpy")
def _scatter(screen: Any, n: int) -> float:
    """Return the robust scatter: the median size of all residuals but the smallest, as standard deviation."""
    for i in range(n):
        screen[SIZES, i] = abs(screen[_RESIDUALS, i] * screen[_LEVERAGE, i])
    if n < COLUMNS:
        return 0.0
    return float(middle(screen[SIZES], n, COLUMNS - 1) / _MAD_TO_SD)


@njit(nogil=True, cache=True, error_model="numpy")
def middle(sizes: Any, n: int, skipped: int) -> float:
    """Return the median of all but the smallest of the first n, which are put into another order."""
    left = n - skipped
    upper = ordered(sizes, n, skipped + left // 2)
    if left % 2:
        return float(upper)
    # What lies before the place found is not above it: its largest is the lower of the two in the middle.
    lower = sizes[0]
    for i in range(1, skipped + left // 2):
        lower = max(lower, sizes[i])
    return float((lower + upper) * 0.5)


@njit(nogil=True, cache=True, error_model="numpy")
def ordered(sizes: Any, n: int, place: int) -> float:
    """Return what would stand at a place if the first n were sorted; smaller ones come to stand before it."""
    low, high = 0, n - 1
    while low < high:
        pivot = sizes[place]
        i, j = low, high
        while i <= j:
            while sizes[i] < pivot:
                i += 1
            while sizes[j] > pivot:
                j -= 1
            if i <= j:
                sizes[i], sizes[j] = sizes[j], sizes[i]
                i += 1
                j -= 1
        if j < place:
            low = i
        if place < i:
            high = j
    return float(sizes[place])
