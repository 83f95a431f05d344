"""Stable history: how far back a season model holds, by the sum of recursive residuals taken backwards."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

_INDEPENDENT = 1e-18
"""Square of what must be left of a row of unit length for it to say something new."""


def recursive_cusum_p_value(statistic: float) -> float:
    """Probability that the sum of recursive residuals of a stable model comes as near to its boundary.

    Parameters
    ----------
    statistic : float [1]
        Largest |process| / (1 + 2 t), t running from 0 to 1.

    References
    ----------
    Brown, Durbin & Evans (1975), J. R. Stat. Soc. B 37, 149-192. Zeileis (2000), "p values and alternative
    boundaries for CUSUM tests", for the linear branch below 0.3.

    Examples
    --------
    >>> round(recursive_cusum_p_value(0.9479), 4)
    0.05
    """
    x = float(statistic)
    if x < 0.3:
        return 1 - 0.1464 * x
    upper = 1 - ndtr(3 * x) + math.exp(-4 * x * x) * (ndtr(x) + ndtr(5 * x) - 1)
    return float(2 * (upper - math.exp(-16 * x * x) * (1 - ndtr(x))))


def recursive_cusum_limit(level: float) -> float:
    """Statistic that a stable model exceeds with a probability of `level`.

    Examples
    --------
    >>> round(recursive_cusum_limit(0.05), 4)
    0.9479
    """
    return float(brentq(lambda x: recursive_cusum_p_value(x) - level, 0, 20))


def plain_recursive_residuals(design: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Write recursive residuals plainly, one least-squares fit for each: the oracle of `stable_start`.

    Parameters
    ----------
    design : float64 (observation, term)
    values : float64 (observation,)
        Without gaps.

    Returns
    -------
    float64 (observation - term,)
        (y_t - x_t' b_{t-1}) / sqrt(1 + x_t' (X'X)^-1 x_t).
    """
    observations, terms = design.shape
    residuals = np.empty(observations - terms)
    for t in range(terms, observations):
        earlier = design[:t]
        inverse = np.linalg.pinv(earlier)
        error = values[t] - design[t] @ (inverse @ values[:t])
        leverage = design[t] @ (inverse @ inverse.T) @ design[t]
        residuals[t - terms] = error / math.sqrt(1 + leverage)
    return residuals


@njit(nogil=True, cache=True, error_model="numpy")
def stable_start(basis: Any, values: Any, known: Any, limit: float, skip: int) -> int:
    """Return the first date of the stable history of one pixel; 0 where all of it is.

    basis (time, term), values and known (time,), critical value, and how many of the latest residuals are left out:
    none, but for comparison with R, which counts a constant that is given twice as one more term.

    Rows are rotated one by one into a triangle, without square roots; what is left of a value is its recursive
    residual. So no first fit of a few clustered dates is ever inverted.

    References
    ----------
    Gentleman (1974), Algorithm AS 75, Appl. Stat. 23, 448-454. Pesaran & Timmermann (2002), J. Empir. Finance
    9, 495-510.
    """
    dates, terms = basis.shape
    diagonal, triangle, seen = np.zeros(terms), np.zeros((terms, terms)), np.zeros(terms)
    row = np.empty(terms)
    residuals, when = np.empty(dates), np.empty(dates, np.int64)
    n = 0
    for t in range(dates - 1, -1, -1):
        if known[t] == 0:
            continue
        row[:] = basis[t]
        left = _rotate(row, values[t], diagonal, triangle, seen)
        if left == left:
            skip -= 1
        if left == left and skip < 0:
            residuals[n], when[n] = left, t
            n += 1
    if n < 2:
        return 0
    spread = np.std(residuals[:n]) * np.sqrt(n / (n - 1.0))
    total = 0.0
    for j in range(n):
        total += residuals[j]
        if abs(total) > limit * (1 + 2 * (j + 1.0) / n) * spread * np.sqrt(n):
            return int(when[j]) + 1
    return 0


@njit(nogil=True, cache=True, error_model="numpy")
def _rotate(row: Any, value: float, diagonal: Any, triangle: Any, seen: Any) -> float:
    """Rotate one row into the triangle; answer what is left of its value, NaN if the row said something new."""
    terms = row.shape[0]
    weight = 1.0
    size = np.sqrt((row * row).sum())
    for p in range(terms):
        x = row[p]
        if diagonal[p] == 0 and weight * x * x <= _INDEPENDENT * size * size:
            continue
        if x == 0:
            continue
        new = diagonal[p] + weight * x * x
        keep, share = diagonal[p] / new, weight * x / new
        fresh = diagonal[p] == 0
        diagonal[p] = new
        for k in range(p + 1, terms):
            old = row[k]
            row[k] = old - x * triangle[p, k]
            triangle[p, k] = keep * triangle[p, k] + share * old
        old_value = value
        value = old_value - x * seen[p]
        seen[p] = keep * seen[p] + share * old_value
        if fresh:
            return np.nan
        weight *= keep
    return float(value * np.sqrt(weight))
