"""Compiled lasso models of one season: sums that grow by one look at a time, and all bands solved side by side."""

from __future__ import annotations

from typing import Any

from numba import njit

from habitat.change.segmentation.vector_lanes import (
    any_moves,
    beyond,
    fused,
    larger,
    put,
    root,
    row,
    same,
    smaller,
)

TERMS = 8
"""Level, slope, and cosine and sine of one, two and three waves a year: as many as lanes, for rows hold either."""
_ROUNDS = 1000
_SETTLED = 1e-8
"""A round that moves no standardised coefficient by more than this, squared, is the last one."""
_NO_SCATTER = 1e-12
GRAM, CROSS, CORRELATION, START, STEPS, ACTIVE, COEFFICIENTS = 0, 8, 16, 24, 32, 40, 48
"""First rows of tables of eight rows in the lanes' room: terms × terms, terms × bands."""
SQUARES, RMSE, MEANS, INVERSE, VARIANCE, DIAGONAL = range(56, 62)
"""Single rows behind them, a number for each band or, of means and inverse scatter, for each term."""
LEAST, LOCAL, NORMAL, SOLUTION = 65, 66, 67, 72
"""Rows of the walk: least RMSE, RMSE of the season. Tables of the screen: normal matrix, solutions."""
LANE_ROWS = 74


@njit(nogil=True, cache=True, error_model="numpy")
def clear_sums(lanes: Any) -> None:
    """Forget all looks."""
    lanes[GRAM : CROSS + TERMS] = 0.0
    lanes[SQUARES] = 0.0
    lanes[DIAGONAL] = 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def add_look(lanes: Any, basis: Any, values: Any, date: int) -> None:
    """Add the look of one date: its terms and the values of all bands."""
    terms, look = row(basis, date), row(values, date)
    for k in range(TERMS):
        factor = same(basis[date, k])
        put(lanes, GRAM + k, fused(factor, terms, row(lanes, GRAM + k)))
        put(lanes, CROSS + k, fused(factor, look, row(lanes, CROSS + k)))
    put(lanes, SQUARES, fused(look, look, row(lanes, SQUARES)))
    put(lanes, DIAGONAL, fused(terms, terms, row(lanes, DIAGONAL)))


@njit(nogil=True, cache=True, error_model="numpy")
def write_residual(lanes: Any, basis: Any, values: Any, date: int, out: Any, place: int) -> None:
    """Write what the look of a date differs from the model in all bands."""
    c = COEFFICIENTS
    low = fused(same(basis[date, 1]), row(lanes, c + 1), same(basis[date, 0]) * row(lanes, c))
    low = fused(same(basis[date, 3]), row(lanes, c + 3), fused(same(basis[date, 2]), row(lanes, c + 2), low))
    high = fused(same(basis[date, 5]), row(lanes, c + 5), same(basis[date, 4]) * row(lanes, c + 4))
    high = fused(same(basis[date, 7]), row(lanes, c + 7), fused(same(basis[date, 6]), row(lanes, c + 6), high))
    put(out, place, row(values, date) - (low + high))


@njit(nogil=True, cache=True, error_model="numpy")
def write_rmse(lanes: Any, basis: Any, values: Any, looks: Any, few: Any) -> None:
    """Write the RMSE of the season: of the looks of some dates; few are how many there are, and degrees of freedom."""
    c = COEFFICIENTS
    c0, c1, c2, c3 = row(lanes, c), row(lanes, c + 1), row(lanes, c + 2), row(lanes, c + 3)
    c4, c5, c6, c7 = row(lanes, c + 4), row(lanes, c + 5), row(lanes, c + 6), row(lanes, c + 7)
    total = same(0.0)
    for k in range(few[0]):
        date = looks[k]
        low = fused(same(basis[date, 1]), c1, same(basis[date, 0]) * c0)
        low = fused(same(basis[date, 3]), c3, fused(same(basis[date, 2]), c2, low))
        high = fused(same(basis[date, 5]), c5, same(basis[date, 4]) * c4)
        high = fused(same(basis[date, 7]), c7, fused(same(basis[date, 6]), c6, high))
        difference = row(values, date) - (low + high)
        total = fused(difference, difference, total)
    put(lanes, LOCAL, root(total / same(float(few[1]))))


@njit(nogil=True, cache=True, error_model="numpy")
def solve(lanes: Any, gradient: Any, terms: int, penalty: float) -> None:
    """Fit the first terms of all bands with a penalty on the standardised coefficients' sizes.

    Coordinate descent on the sums alone, from zero, stopped where no step is worth taking. A whole round may move all
    coefficients, the rounds between two of them only what has moved before.
    """
    _standardise(lanes, gradient, terms)
    one, none, limit = same(1.0), same(0.0), same(penalty)
    least = same(_SETTLED) * row(lanes, VARIANCE)
    going, whole = one, one
    for _ in range(_ROUNDS):
        moved = none
        for k in range(1, terms):
            now, active = row(lanes, STEPS + k), row(lanes, ACTIVE + k)
            wanted = row(gradient, k) + now
            target = larger(wanted - limit, none) + smaller(wanted + limit, none)
            step = (target - now) * (going * larger(whole, active))
            if not any_moves(step):
                continue
            square = step * step
            put(lanes, STEPS + k, now + step)
            put(lanes, ACTIVE + k, larger(active, beyond(square, none)))
            moved = larger(moved, square)
            for j in range(1, terms):
                put(gradient, j, fused(same(-lanes[CORRELATION + k, j]), step, row(gradient, j)))
        moves = beyond(moved, none) * (one - beyond(least, moved))
        going = going * (one - whole * (one - moves))
        whole = one - moves
        if not any_moves(going):
            break
    _write_model(lanes, gradient, terms)


@njit(nogil=True, cache=True, error_model="numpy")
def _write_model(lanes: Any, gradient: Any, terms: int) -> None:
    """Write coefficients and RMSE from the steps taken."""
    n = lanes[GRAM, 0]
    level, left = row(lanes, CROSS) / same(n), row(lanes, VARIANCE)
    for k in range(1, terms):
        step = row(lanes, STEPS + k)
        slope = step * same(lanes[INVERSE, k])
        put(lanes, COEFFICIENTS + k, slope)
        level = fused(slope, same(-lanes[MEANS, k]), level)
        left = left - step * (row(lanes, START + k) + row(gradient, k))
    for k in range(terms, TERMS):
        put(lanes, COEFFICIENTS + k, same(0.0))
    put(lanes, COEFFICIENTS, level)
    put(lanes, RMSE, root(larger(left, same(0.0)) * same(n / max(n - terms, 1.0))))


@njit(nogil=True, cache=True, error_model="numpy")
def _standardise(lanes: Any, gradient: Any, terms: int) -> None:
    """Write correlations of the terms, their covariances with the bands, and the bands' variances."""
    none, share = same(0.0), same(1.0 / lanes[GRAM, 0])
    means, total = row(lanes, GRAM) * share, row(lanes, CROSS)
    scatter = row(lanes, DIAGONAL) * share - means * means
    # The level itself scatters by nothing and is not standardised.
    varies = beyond(scatter, same(_NO_SCATTER))
    inverse = varies / root(larger(scatter, same(_NO_SCATTER)))
    put(lanes, MEANS, means)
    put(lanes, INVERSE, inverse)
    for k in range(1, terms):
        mean, scale = same(lanes[MEANS, k]), same(lanes[INVERSE, k])
        put(lanes, CORRELATION + k, (row(lanes, GRAM + k) * share - mean * means) * (scale * inverse))
        covariance = (row(lanes, CROSS + k) - mean * total) * (scale * share)
        put(gradient, k, covariance)
        put(lanes, START + k, covariance)
        put(lanes, STEPS + k, none)
        put(lanes, ACTIVE + k, none)
    level = total * share
    put(lanes, VARIANCE, larger(row(lanes, SQUARES) * share - level * level, none))
