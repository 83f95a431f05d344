"""Intervals: from an estimate and its standard error to the two ends that are told."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Literal

from habitat.contracts.errors import ConfigError

IntervalKind = Literal["normal", "logit"]
KINDS: tuple[IntervalKind, ...] = ("normal", "logit")


def interval(
    value: float, error: float, *, level: float = 0.95, kind: IntervalKind = "normal", total: float = 1.0
) -> tuple[float, float]:
    """Low and high end of a confidence interval.

    Parameters
    ----------
    value, error : float
        Estimate and standard error, in units of `total`.
    level : float [1]
        Share of such intervals that hold the truth.
    kind : {'normal', 'logit'}
        ``normal``: value ± z · error, which may reach below 0 or above `total`. ``logit``: the same on the
        scale of ln(p / (1 - p)), so it stays inside and is longer on the side of the middle.
    total : float
        What the value is a share of: 1 for accuracies, the whole area for areas.

    Raises
    ------
    ConfigError
        If the kind is unknown or the level is no share.

    References
    ----------
    Olofsson et al. (2014), Remote Sens. Environ. 148, 42-57 (normal, with 1.96). Agresti (2013), Categorical data
    analysis, 3rd ed., section 3.1 (logit).

    Examples
    --------
    >>> [round(end, 3) for end in interval(0.97, 0.017)]
    [0.937, 1.003]
    >>> [round(end, 3) for end in interval(0.97, 0.017, kind="logit")]
    [0.911, 0.99]
    """
    if kind not in KINDS:
        raise ConfigError(f"there is no interval {kind!r}; choose of {', '.join(KINDS)}")
    reach = multiplier(level) * error
    if kind == "normal":
        return value - reach, value + reach
    share = value / total
    if not 0 < share < 1:
        return value, value
    middle, half = math.log(share / (1 - share)), reach / total / (share * (1 - share))
    return total * _logistic(middle - half), total * _logistic(middle + half)


def multiplier(level: float) -> float:
    """Half-width of a normal interval in standard errors; 1.96 for 0.95, as the papers write it.

    Examples
    --------
    >>> multiplier(0.95), round(multiplier(0.9), 4)
    (1.96, 1.6449)
    """
    if not 0 < level < 1:
        raise ConfigError(f"level is {level}, wants a share between 0 and 1 such as 0.95")
    return 1.96 if level == 0.95 else NormalDist().inv_cdf((1 + level) / 2)


def _logistic(value: float) -> float:
    return 1 / (1 + math.exp(-value)) if value > 0 else math.exp(value) / (1 + math.exp(value))
