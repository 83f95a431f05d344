"""Expected false alarms: how many pixels of an unchanged forest a monitor will report, month by month."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.change.monitoring.boundaries import cusum_boundary, mosum_boundary
from habitat.change.monitoring.monitor_rules import CUSUM, DIRECTIONS, EWMA, IQR, MonitorRules
from habitat.change.monitoring.season_model import Season
from habitat.contracts.errors import ConfigError, InputError

_PATTERNS = 32
"""Draws of which dates are clear; each carries its share of the paths."""

Paths = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FalseAlarms:
    """False alarms of unchanged ground.

    Parameters
    ----------
    months : datetime64[M] (month,)
    departures, confirmed : float64 (month,)
        Pixels in 1,000 km² that leave the boundary for the first time, and whose change is confirmed, in each month.
    standard_error : float64 (month,)
        Of `confirmed`, from the number of paths drawn.
    """

    months: NDArray[np.datetime64]
    departures: NDArray[np.float64]
    confirmed: NDArray[np.float64]
    standard_error: NDArray[np.float64]


@dataclass(frozen=True)
class Forest:
    """What is known of unchanged ground.

    Parameters
    ----------
    pixel_area_m2 : float
        400 for pixels of 20 m.
    clear_share : float
        Share of the dates on which a pixel is clear and usable.
    autocorrelation : float
        Correlation of residuals of clear observations that follow each other; 0 if the model explains all but noise.
    """

    pixel_area_m2: float = 400.0
    clear_share: float = 0.5
    autocorrelation: float = 0.0

    def __post_init__(self) -> None:
        if not (self.pixel_area_m2 > 0 and 0 < self.clear_share <= 1 and -1 < self.autocorrelation < 1):
            raise ConfigError(
                f"pixel_area_m2 is {self.pixel_area_m2}, clear_share {self.clear_share}, autocorrelation "
                f"{self.autocorrelation}; wants a positive area, a share up to 1, a correlation between -1 and 1"
            )


HALF_CLEAR = Forest()


def expected_false_alarms(
    rules: MonitorRules,
    season: Season,
    history_times: Any,
    times: Any,
    forest: Forest = HALF_CLEAR,
    *,
    paths: int = 16384,
) -> FalseAlarms:
    """Count the false alarms to expect in 1,000 km² of unchanged ground, month by month.

    A critical value promises its level for very long histories and a model without trend. With 40 or 80 observations
    and a trend that is drawn on beyond its history, the process strays several times as often. So the process is
    taken as what it is: residuals e - X b, b fitted to the history, over their own standard deviation, e being normal
    with the given correlation. Its paths on these very dates are drawn and held against the boundary. Values depend
    on no data and no random state: the same call gives the same numbers.

    Parameters
    ----------
    rules : MonitorRules
    season : Season
    history_times, times : datetime64 (time,)
        Dates of the history and of monitoring.
    forest : Forest
    paths : int
        Paths drawn; the relative error is about 1 / sqrt(paths × share of alarms).

    Returns
    -------
    FalseAlarms

    Raises
    ------
    InputError
        If clear dates do not carry the model.

    Examples
    --------
    >>> days = np.datetime64("2018-01-03") + np.arange(0, 1825, 8)
    >>> alarms = expected_false_alarms(
    ...     MonitorRules(), Season(1, trend=False), days[:180], days[180:], Forest(clear_share=1.0)
    ... )
    >>> str(alarms.months[0]), bool(alarms.confirmed.sum() <= alarms.departures.sum() <= 0.05 * 1e9 / 400)
    ('2021-12', True)
    """
    before, after = (np.asarray(days).astype("datetime64[D]") for days in (history_times, times))
    months, month = np.unique(after.astype("datetime64[M]"), return_inverse=True)
    rng = np.random.default_rng(20240501)
    each = -(-paths // _PATTERNS)
    counts = np.zeros((2, len(months)))
    for _ in range(_PATTERNS):
        past = before[rng.random(len(before)) < forest.clear_share]
        clear = np.flatnonzero(rng.random(len(after)) < forest.clear_share)
        noise = _noise(rng, each, len(past) + len(clear), forest.autocorrelation)
        residuals, scale = _residuals(noise, season.design(past), season.design(after[clear]))
        first, held = _alarms(process_sides(residuals, scale, len(past), rules), rules)
        for row, when in zip(counts, (first, held), strict=True):
            happened = when[when >= 0]
            row += np.bincount(month[clear[happened]], minlength=len(months))
    share = counts / (each * _PATTERNS)
    area = 1e9 / forest.pixel_area_m2
    error = area * np.sqrt(share[1] * (1 - share[1]) / (each * _PATTERNS))
    return FalseAlarms(months, share[0] * area, share[1] * area, error)


def _noise(rng: np.random.Generator, paths: int, length: int, correlation: float) -> Paths:
    noise = rng.standard_normal((paths, length))
    for t in range(1, length if correlation else 0):
        noise[:, t] = correlation * noise[:, t - 1] + math.sqrt(1 - correlation**2) * noise[:, t]
    return noise


def _residuals(
    noise: Paths, past: NDArray[np.float64], later: NDArray[np.float64]
) -> tuple[Paths, NDArray[np.float64]]:
    """Return residuals (path, observation) and the standard deviation of each path's history."""
    observations, terms = past.shape
    if observations < 2 * terms:
        raise InputError(
            f"{observations} clear dates of a history do not carry {terms} coefficients; give a longer history, "
            "a higher clear share or a lower order"
        )
    coefficients = noise[:, :observations] @ np.linalg.pinv(past).T
    residuals = noise - coefficients @ np.vstack([past, later]).T
    freedom = observations - terms
    return residuals, np.sqrt((residuals[:, :observations] ** 2).sum(axis=1) / freedom)


def process_sides(residuals: Paths, sigma: NDArray[np.float64], history: int, rules: MonitorRules) -> NDArray[np.int8]:
    """Write monitoring plainly: on which side of its boundaries each path's process is, the oracle of the kernels.

    Parameters
    ----------
    residuals : float64 (path, observation)
        Of the history and of monitoring, without gaps.
    sigma : float64 (path,)
        Residual standard deviation of the history.
    history : int
        Observations of the history.
    rules : MonitorRules

    Returns
    -------
    int8 (path, monitored observation)
        -1 below, 0 between and 1 above the boundaries; 0 where the direction does not count.
    """
    if rules.process == IQR:
        low, high = np.quantile(residuals[:, :history], [0.25, 0.75], axis=1)
        reach = rules.whiskers * (high - low)
        process, limit_low, limit_high = residuals[:, history:], (low - reach)[:, None], (high + reach)[:, None]
    else:
        process, limit = _process(residuals, sigma, history, rules)
        limit_low, limit_high = -limit, limit
    sides = (process > limit_high).astype(np.int8) - (process < limit_low).astype(np.int8)
    wanted = DIRECTIONS[rules.direction]
    return np.where((wanted == 0) | (sides == wanted), sides, 0).astype(np.int8)


def _process(
    residuals: Paths, sigma: NDArray[np.float64], history: int, rules: MonitorRules
) -> tuple[Paths, NDArray[np.float64]]:
    """Return the process in standard units and its upper boundary."""
    clip = math.inf if rules.clip is None else rules.clip
    units = np.clip(residuals / sigma[:, None], -clip, clip)
    ratio = 1 + np.arange(1, units.shape[1] - history + 1) / history
    if rules.process == EWMA:
        mean = np.zeros(len(units))
        process = np.empty_like(units)
        for t in range(units.shape[1]):
            mean = (1 - rules.weight) * mean + rules.weight * units[:, t]
            process[:, t] = mean
        return process[:, history:], np.full(len(ratio), rules.critical)
    sums = np.cumsum(units, axis=1)
    if rules.process == CUSUM:
        return (sums[:, history:] - sums[:, history - 1 : history]) / math.sqrt(history), cusum_boundary(
            ratio, rules.critical
        )
    size = int(rules.window * history + 1e-9)
    if size < 1:
        raise InputError(
            f"a window of {rules.window:g} of {history} looks holds none; give a longer history, or take process ewma"
        )
    moving = sums[:, history:] - sums[:, history - size : -size]
    return moving / math.sqrt(history), mosum_boundary(ratio, rules.critical)


def _alarms(sides: NDArray[np.int8], rules: MonitorRules) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the observation of the first departure and of the confirmation of each path, -1 for none."""
    run = np.zeros(len(sides), np.int64)
    first, held = np.full(len(sides), -1), np.full(len(sides), -1)
    for t in range(sides.shape[1]):
        side = sides[:, t].astype(np.int64)
        run = np.where(side == 0, 0, np.where(side * run > 0, run + side, side))
        first[(first < 0) & (side != 0)] = t
        held[(held < 0) & (np.abs(run) >= rules.confirm)] = t
    return first, held
