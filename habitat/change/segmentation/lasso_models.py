"""Compiled lasso models of one season: sums that grow by one look at a time, and all bands solved side by side."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

TERMS = 8
"""Level, slope, and cosine and sine of one, two and three waves a year."""
LANES = 8
"""Bands worked side by side: six of reflectance, one of temperature, one for the width of a vector register."""
_ROUNDS = 1000
_SETTLED = 1e-8
"""A round that moves no standardised coefficient by more than this, squared, is the last one."""
_NO_SCATTER = 1e-12
GRAM, CROSS, CORRELATION, START, STEPS, ACTIVE, COEFFICIENTS = 0, 8, 16, 24, 32, 40, 48
"""First rows of tables of eight rows in the lanes' room: terms × terms, terms × bands."""
SQUARES, RMSE, MEANS, INVERSE, VARIANCE, GOING, WHOLE, MOVED, MOVE = range(56, 65)
"""Single rows behind them, a number for each band or, of means and inverse scatter, for each term."""
LEAST, LOCAL, NORMAL, SOLUTION = 65, 66, 67, 72
"""Rows of the walk: least RMSE, RMSE of the season. Tables of the screen: normal matrix, solutions."""
LANE_ROWS = 74


@njit(nogil=True, cache=True, error_model="numpy")
def clear_sums(lanes: Any) -> None:
    """Forget all looks."""
    lanes[GRAM : CROSS + TERMS] = 0.0
    lanes[SQUARES] = 0.0


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def add_look(lanes: Any, row: Any, values: Any) -> None:
    """Add one look: its terms and the values of all bands."""
    for k in range(TERMS):
        factor = row[k]
        for j in range(TERMS):
            lanes[GRAM + k, j] += factor * row[j]
        for b in range(LANES):
            lanes[CROSS + k, b] += factor * values[b]
    for b in range(LANES):
        lanes[SQUARES, b] += values[b] * values[b]


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def write_residual(lanes: Any, row: Any, values: Any, out: Any) -> None:
    """Write what a look differs from the model in all bands."""
    r0, r1, r2, r3, r4, r5, r6, r7 = row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7]
    c = COEFFICIENTS
    for b in range(LANES):
        low = (r0 * lanes[c, b] + r1 * lanes[c + 1, b]) + (r2 * lanes[c + 2, b] + r3 * lanes[c + 3, b])
        high = (r4 * lanes[c + 4, b] + r5 * lanes[c + 5, b]) + (r6 * lanes[c + 6, b] + r7 * lanes[c + 7, b])
        out[b] = values[b] - (low + high)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def add_squared_residual(lanes: Any, row: Any, values: Any) -> None:
    """Add the square of what a look differs from the model to the row of the season's RMSE."""
    r0, r1, r2, r3, r4, r5, r6, r7 = row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7]
    c = COEFFICIENTS
    for b in range(LANES):
        low = (r0 * lanes[c, b] + r1 * lanes[c + 1, b]) + (r2 * lanes[c + 2, b] + r3 * lanes[c + 3, b])
        high = (r4 * lanes[c + 4, b] + r5 * lanes[c + 5, b]) + (r6 * lanes[c + 6, b] + r7 * lanes[c + 7, b])
        difference = values[b] - (low + high)
        lanes[LOCAL, b] += difference * difference


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def solve(lanes: Any, gradient: Any, terms: int, penalty: float) -> None:
    """Fit the first terms of all bands with a penalty on the standardised coefficients' sizes.

    Coordinate descent on the sums alone, from zero, stopped where no step is worth taking.
    """
    _standardise(lanes, gradient, terms)
    for _ in range(_ROUNDS):
        _go_round(lanes, gradient, terms, penalty)
        left = 0.0
        for b in range(LANES):
            moved = lanes[MOVED, b]
            still = moved > 0.0 and moved >= _SETTLED * lanes[VARIANCE, b]
            done = lanes[WHOLE, b] != 0.0 and not still
            lanes[GOING, b] = 0.0 if done else lanes[GOING, b]
            lanes[WHOLE, b] = 0.0 if still else 1.0
            left += lanes[GOING, b]
        if left == 0.0:
            break
    _write_model(lanes, gradient, terms)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _write_model(lanes: Any, gradient: Any, terms: int) -> None:
    """Write coefficients and RMSE from the steps taken."""
    n = lanes[GRAM, 0]
    for b in range(LANES):
        lanes[COEFFICIENTS, b] = lanes[CROSS, b] / n
        lanes[RMSE, b] = lanes[VARIANCE, b]
    for k in range(1, terms):
        inverse, mean = lanes[INVERSE, k], lanes[MEANS, k]
        for b in range(LANES):
            step = lanes[STEPS + k, b]
            lanes[COEFFICIENTS + k, b] = step * inverse
            lanes[COEFFICIENTS, b] -= step * inverse * mean
            lanes[RMSE, b] -= step * (lanes[START + k, b] + gradient[k, b])
    for k in range(terms, TERMS):
        for b in range(LANES):
            lanes[COEFFICIENTS + k, b] = 0.0
    for b in range(LANES):
        lanes[RMSE, b] = np.sqrt(max(lanes[RMSE, b], 0.0) * n / max(n - terms, 1.0))


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _standardise(lanes: Any, gradient: Any, terms: int) -> None:
    """Write correlations of the terms, their covariances with the bands, and the bands' variances."""
    n = lanes[GRAM, 0]
    for k in range(1, terms):
        mean = lanes[GRAM, k] / n
        scatter = lanes[GRAM + k, k] / n - mean * mean
        lanes[MEANS, k] = mean
        lanes[INVERSE, k] = 1.0 / np.sqrt(scatter) if scatter > _NO_SCATTER else 0.0
    for k in range(1, terms):
        mean, inverse = lanes[MEANS, k], lanes[INVERSE, k]
        for j in range(1, terms):
            scale = inverse * lanes[INVERSE, j]
            lanes[CORRELATION + k, j] = (lanes[GRAM + k, j] / n - mean * lanes[MEANS, j]) * scale
        for b in range(LANES):
            gradient[k, b] = (lanes[CROSS + k, b] - mean * lanes[CROSS, b]) * (inverse / n)
            lanes[START + k, b] = gradient[k, b]
            lanes[STEPS + k, b] = 0.0
            lanes[ACTIVE + k, b] = 0.0
    for b in range(LANES):
        lanes[GOING, b] = 1.0
        lanes[WHOLE, b] = 1.0
        mean = lanes[CROSS, b] / n
        lanes[VARIANCE, b] = max(lanes[SQUARES, b] / n - mean * mean, 0.0)


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _go_round(lanes: Any, gradient: Any, terms: int, penalty: float) -> None:
    """Move each coefficient of each band that may move once, and note the largest step squared.

    A whole round may move all, the rounds between two of them only what has moved before.
    """
    for b in range(LANES):
        lanes[MOVED, b] = 0.0
    for k in range(1, terms):
        some = 0.0
        for b in range(LANES):
            now = lanes[STEPS + k, b]
            wanted = gradient[k, b] + now
            target = max(wanted - penalty, 0.0) + min(wanted + penalty, 0.0)
            step = (target - now) * lanes[GOING, b] * max(lanes[WHOLE, b], lanes[ACTIVE + k, b])
            lanes[MOVE, b] = step
            lanes[STEPS + k, b] = now + step
            lanes[ACTIVE + k, b] = 1.0 if step != 0.0 else lanes[ACTIVE + k, b]
            lanes[MOVED, b] = max(lanes[MOVED, b], step * step)
            some += abs(step)
        if some == 0.0:
            continue
        for j in range(1, terms):
            factor = lanes[CORRELATION + k, j]
            for b in range(LANES):
                gradient[j, b] -= factor * lanes[MOVE, b]
