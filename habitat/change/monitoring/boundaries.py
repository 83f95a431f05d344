"""Boundaries of monitored processes: how far a sum of residuals strays while nothing has changed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

from habitat.contracts.errors import ConfigError

MOSUM_LEVELS = (0.05, 0.04, 0.03, 0.02, 0.01, 0.005, 0.001)
"""Levels of the rows of `MOSUM_CRITICAL`: chances of one false alarm in the whole monitoring period."""
MOSUM_CRITICAL = {
    (0.25, 2): (1.22762666, 1.25822933, 1.29774316, 1.35027275, 1.43326295, 1.50729964, 1.67397677),
    (0.25, 4): (1.33623105, 1.36372550, 1.39843638, 1.44543974, 1.51983679, 1.59695604, 1.74550949),
    (0.25, 6): (1.34108685, 1.36827681, 1.40265415, 1.44812318, 1.52159988, 1.59797111, 1.74550949),
    (0.25, 8): (1.34165682, 1.36850460, 1.40307435, 1.44822824, 1.52162851, 1.59797111, 1.74550949),
    (0.25, 10): (1.34182451007628, 1.36886321, 1.40318773, 1.44823609, 1.52164497, 1.59797111, 1.74550949),
    (0.5, 2): (1.68732328, 1.73632152, 1.80222275, 1.88695253, 2.03146339, 2.15191486, 2.43457585),
    (0.5, 4): (1.88633090, 1.93324325, 1.99470655, 2.07553346, 2.20116996, 2.32051977, 2.56886152),
    (0.5, 6): (1.89958445, 1.94724279, 2.00481876, 2.08244752, 2.20853517, 2.32525489, 2.57025529),
    (0.5, 8): (1.90129851, 1.94888293, 2.00650282, 2.08284825, 2.20875377, 2.32552183, 2.57025529),
    (0.5, 10): (1.90200318, 1.94920727, 2.00698531, 2.08287028, 2.20907283, 2.32552183, 2.57025529),
    (1.0, 2): (2.22408818, 2.31039779, 2.42051303, 2.55992945, 2.79961592, 3.02945820, 3.45472681),
    (1.0, 4): (2.70443676, 2.78801292, 2.89422935, 3.03021741, 3.25282964, 3.46025134, 3.93535696),
    (1.0, 6): (2.73714808, 2.81622524, 2.91830367, 3.04573310, 3.27400633, 3.47339264, 3.94102916),
    (1.0, 8): (2.74287924, 2.82132245, 2.92088700, 3.04844221, 3.27485974, 3.47422654, 3.94102916),
    (1.0, 10): (2.74592761, 2.82427034, 2.92234002, 3.04928862, 3.27693246, 3.47422654, 3.94102916),
}
"""Critical values of moving sums, by window (share of the history) and period (history and monitoring, in histories).

The published simulations of moving-estimates monitoring, rounded to eight decimals but for the usual one; a test
simulates some of them again.
"""


def mosum_critical_value(level: float, *, window: float = 0.25, period: int = 10) -> float:
    """Critical value of the moving sum of residuals, linear in the level between the tabled ones.

    Parameters
    ----------
    level : float [1]
        Chance that a stable pixel leaves the boundary before the period ends, 0.001 to 0.05.
    window : float [1]
        Length of the window as a share of the history: 0.25, 0.5 or 1.
    period : int
        History and monitoring together, in histories: 2, 4, 6, 8 or 10.

    Raises
    ------
    ConfigError
        If there is no such value in the table.

    References
    ----------
    Chu, Hornik & Kuan (1995), Econom. Theory 11, 699-720. Leisch, Hornik & Kuan (2000), Econom. Theory 16, 835-854.
    Zeileis, Leisch, Kleiber & Hornik (2005), J. Appl. Econom. 20, 99-121.

    Examples
    --------
    >>> round(mosum_critical_value(0.05), 4)
    1.3418
    """
    row = MOSUM_CRITICAL.get((float(window), period))
    if row is None:
        raise ConfigError(f"no critical values for a window of {window} and a period of {period}; {_choices()}")
    if not MOSUM_LEVELS[-1] <= level <= MOSUM_LEVELS[0]:
        raise ConfigError(
            f"the level is {level}, critical values are known from {MOSUM_LEVELS[-1]} to {MOSUM_LEVELS[0]}"
        )
    return float(np.interp(level, MOSUM_LEVELS[::-1], row[::-1]))


def cusum_critical_value(level: float) -> float:
    """Critical value of the sum of residuals: where 2 (1 - Φ(a) + a φ(a)) is the level.

    References
    ----------
    Chu, Stinchcombe & White (1996), Econometrica 64, 1045-1065.

    Examples
    --------
    >>> round(cusum_critical_value(0.05), 6)
    2.795483
    """
    if not 0 < level < 1:
        raise ConfigError(f"the level is {level}, wants a number between 0 and 1, such as 0.05")
    peak = 1 / math.sqrt(2 * math.pi)
    return float(brentq(lambda a: 2 * (ndtr(-a) + a * peak * math.exp(-a * a / 2)) - level, 0, 40, xtol=1e-13))


def mosum_boundary(ratio: Any, critical: float) -> NDArray[np.float64]:
    """Boundary λ √(2 log₊ r), log₊ being 1 up to e, at r = observations so far over those of the history.

    Examples
    --------
    >>> mosum_boundary([1.5, np.e**2], 1.0).round(4).tolist()
    [1.4142, 2.0]
    """
    r = np.asarray(ratio, np.float64)
    return np.asarray(critical * np.sqrt(2 * np.where(r > math.e, np.log(r), 1.0)))


def cusum_boundary(ratio: Any, critical: float) -> NDArray[np.float64]:
    """Boundary √(r (r - 1) (a² + log(r / (r - 1)))) at r = observations so far over those of the history.

    Examples
    --------
    >>> cusum_boundary([2.0], 2.0).round(4).tolist()
    [3.0637]
    """
    r = np.asarray(ratio, np.float64)
    return np.asarray(np.sqrt(r * (r - 1) * (critical**2 + np.log(r / (r - 1)))))


def _choices() -> str:
    windows = sorted({window for window, _ in MOSUM_CRITICAL})
    periods = sorted({period for _, period in MOSUM_CRITICAL})
    return f"windows are {windows}, periods {periods}"
