"""Trajectories: a pixel's years as a few straight segments, and the greatest loss among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.change.monitoring.season_model import run_pieces
from habitat.change.trajectory.trajectory_kernel import (
    FITTED,
    NO_DATA,
    NO_TREND,
    NO_VARIATION,
    TOO_FEW_YEARS,
    trace_pixels,
)
from habitat.contracts.errors import ConfigError, InputError

__all__ = [
    "EARTH_ENGINE_RULES",
    "FALLS",
    "FITTED",
    "FOREST_RULES",
    "NO_DATA",
    "NO_TREND",
    "NO_VARIATION",
    "RISES",
    "TOO_FEW_YEARS",
    "TRAJECTORY_CODES",
    "GreatestLoss",
    "Trajectories",
    "TrajectoryRules",
    "greatest_loss",
    "trajectories",
]

FALLS, RISES = -1, 1
"""Signs: which way an index moves where trees are lost. NBR and NDVI fall; MIRBI, brightness and SWIR rise."""
TRAJECTORY_CODES = {
    FITTED: "fitted",
    TOO_FEW_YEARS: "too few years",
    NO_TREND: "no significant trajectory",
    NO_DATA: "no data",
    NO_VARIATION: "no variation",
}
"""What became of a pixel."""
MOST_YEARS = 60


@dataclass(frozen=True)
class TrajectoryRules:
    """How years become segments; names in brackets are those of Earth Engine, as are the defaults.

    Parameters
    ----------
    sign : int
        Which way the index moves where trees are lost: `FALLS` (-1) for NBR and NDVI, `RISES` (1) for MIRBI and SWIR. A
        wrong sign does not fail: it lets losses be damped as recoveries that are too fast. Earth Engine wants series
        that rise with loss, so NBR has to be turned there; here values stay as they are and the sign says it.
    segments : int
        Most segments (maxSegments).
    spike : float
        Spikes of one year above this proportion are damped (spikeThreshold); 1 damps none.
    overshoot : int
        Vertices that may be found beyond the most, before the flattest are dropped (vertexCountOvershoot).
    one_year_recovery : bool
        Whether a recovery seen in the last year alone may be a segment (not preventOneYearRecovery).
    recovery : float
        Models in which a segment recovers more than this share of the model's range a year are not taken
        (recoveryThreshold); 0.25 wants four years for a full recovery, 1 allows all.
    p_value : float
        Highest chance that noise explains as much (pvalThreshold).
    best_model : float
        Models with more segments are taken if their chance is within 2 less this times the least (bestModelProportion).
    min_years : int
        Fewest years with a value (minObservationsNeeded).

    Raises
    ------
    ConfigError
        If a rule is impossible.
    """

    sign: int = FALLS
    segments: int = 6
    spike: float = 0.9
    overshoot: int = 3
    one_year_recovery: bool = True
    recovery: float = 0.25
    p_value: float = 0.1
    best_model: float = 0.75
    min_years: int = 6

    def __post_init__(self) -> None:
        if self.sign not in (FALLS, RISES):
            raise ConfigError(f"the sign is {self.sign}, wants -1 where the index falls with loss, or 1 where it rises")
        if not (1 <= self.segments <= 20 and 0 <= self.overshoot <= 20 and self.min_years >= 3):
            raise ConfigError(
                f"segments {self.segments}, overshoot {self.overshoot} and min_years {self.min_years} want 1 to 20, "
                "0 to 20 and at least 3"
            )
        shares = {name: getattr(self, name) for name in ("spike", "recovery", "p_value", "best_model")}
        if wrong := [f"{name} {value}" for name, value in shares.items() if not 0 < value <= 1]:
            raise ConfigError(f"{', '.join(wrong)}: these are shares, want above 0 up to 1")

    def numbers(self) -> tuple[float, ...]:
        """Return everything but the sign as the kernel wants it."""
        whole = (float(self.segments), float(self.overshoot), float(not self.one_year_recovery), float(self.min_years))
        return (*whole, self.spike, self.recovery, self.p_value, self.best_model)


EARTH_ENGINE_RULES = TrajectoryRules()
FOREST_RULES = TrajectoryRules(one_year_recovery=False, p_value=0.05)
"""What most studies of forests take: no recovery in the last year alone, and a stricter test."""


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Segmented years of all pixels.

    Parameters
    ----------
    years : int64 (year,)
    vertices : bool (year, y, x)
        Years at which segments meet or end.
    fitted : float32 (year, y, x)
        Straight lines between vertices, in the unit of the index; NaN before the first year known and after the last.
    code : uint8 (y, x)
        See `TRAJECTORY_CODES`.
    rmse : float32 (y, x)
        Root mean squared difference of the values as they were given, spikes and all, from the lines.
    p : float32 (y, x)
        Chance of the F-test of the model; never below 1e-9.
    known : int16 (y, x)
        Years with a value.
    sign : int
        Of the rules.
    """

    years: NDArray[np.int64]
    vertices: NDArray[np.bool_]
    fitted: NDArray[np.float32]
    code: NDArray[np.uint8]
    rmse: NDArray[np.float32]
    p: NDArray[np.float32]
    known: NDArray[np.int16]
    sign: int


def trajectories(
    values: NDArray[Any], years: Any, rules: TrajectoryRules = EARTH_ENGINE_RULES, *, workers: int | None = None
) -> Trajectories:
    """Yearly values of each pixel as a few straight segments, in the manner of LandTrendr.

    Spikes are damped; the worst segment is split where it errs most until there are more vertices than wanted, and the
    flattest bends are dropped; segments are fitted from left to right, each hanging on the one before, and taken out
    one by one; of all these models the one with most segments whose F-test is near the best is taken, unless it
    recovers too fast. Where none passes, vertices are fitted all at once. What passes neither is told as it is, with
    the reason «no significant trajectory».

    Parameters
    ----------
    values : float or whole numbers (year, y, x)
        One value a year, such as the median NBR of the summer, with NaN where there is none. Codes of two bytes are
        refused: decode them first.
    years : int (year,)
        Ascending, each once; years may be missing.
    rules : TrajectoryRules
        Its sign has to be that of the index.
    workers : int, optional
        Threads; all processors by default.

    Returns
    -------
    Trajectories

    Raises
    ------
    InputError
        If types, shapes or years do not fit.

    References
    ----------
    Kennedy, Yang & Cohen (2010), Remote Sens. Environ. 114, 2897-2910. Kennedy et al. (2018), Remote Sens. 10, 691.

    Examples
    --------
    >>> years = np.arange(2000, 2012)
    >>> nbr = np.array([.71, .7, .72, .7, .71, .1, .16, .2, .26, .3, .34, .41])
    >>> found = trajectories(nbr[:, None, None], years, FOREST_RULES)
    >>> years[found.vertices[:, 0, 0]].tolist()
    [2000, 2004, 2005, 2011]
    """
    flat, since = _checked(values, years)
    shape = values.shape[1:]
    pixels = flat.shape[1]
    written = (
        np.zeros(flat.shape, np.bool_),
        np.empty(flat.shape, np.float32),
        np.empty(pixels, np.uint8),
        np.empty(pixels, np.float32),
        np.empty(pixels, np.float32),
        np.empty(pixels, np.int16),
    )
    read, numbers = (flat, since, float(rules.sign)), rules.numbers()
    run_pieces(lambda piece: trace_pixels(read, numbers, written, piece), pixels, workers)
    parts: list[NDArray[Any]] = [array.reshape(*array.shape[:-1], *shape) for array in written]
    flags, fitted, code, rmse, p, known = parts
    return Trajectories(np.asarray(years, np.int64), flags, fitted, code, rmse, p, known, rules.sign)


def _checked(values: NDArray[Any], years: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
    # Two-byte integers are codes with a number that means no data: read as values, each gap would be a loss.
    if values.ndim != 3 or values.dtype.name not in ("float32", "float64", "int32", "int64"):
        raise InputError(
            f"the values are {values.dtype} {values.shape}, wants floats (year, y, x) with NaN where a year has none"
        )
    times = np.asarray(years)
    if times.shape != (len(values),) or times.dtype.kind not in "iu":
        raise InputError(f"there are years {times.dtype} {times.shape} for {len(values)} layers, wants an integer each")
    if not 1 <= len(times) <= MOST_YEARS or (np.diff(times.astype(np.int64)) <= 0).any():
        raise InputError(
            f"the years {times[:5].tolist()}… ({len(times)}) want to be 1 to {MOST_YEARS}, ascending, each once; "
            "make one value of several scenes a year first"
        )
    flat = np.ascontiguousarray(values).reshape(len(values), values.shape[1] * values.shape[2])
    return flat, (times - times[0]).astype(np.float64)


@dataclass(frozen=True, eq=False)
class GreatestLoss:
    """The segment in which most was lost, for each pixel.

    Parameters
    ----------
    before : int16 (y, x)
        Last year before the loss: the vertex it starts from; 0 where there is none.
    year : int16 (y, x)
        First year that can show it: the one that follows `before`, as in the tables of LT-GEE. 0 where there is none.
    duration : int16 (y, x)
        Years from `before` to the end of the segment.
    magnitude : float32 (y, x)
        Fitted change over the segment in the unit of the index: below zero where the index falls with loss.
    level : float32 (y, x)
        Fitted value in the year before.
    recovery : float32 (y, x)
        Share of the loss regained by the last year known; below 0 where more was lost later, NaN where the segment ends
        in the last year, so that nobody has seen a recovery yet.
    """

    before: NDArray[np.int16]
    year: NDArray[np.int16]
    duration: NDArray[np.int16]
    magnitude: NDArray[np.float32]
    level: NDArray[np.float32]
    recovery: NDArray[np.float32]


def greatest_loss(found: Trajectories, sign: int | None = None, *, least: float = 0.0) -> GreatestLoss:
    """Greatest loss of each pixel: the single segment with the largest change towards loss.

    A loss that goes on over two segments counts as the larger of them, as in the tables of LT-GEE.

    Parameters
    ----------
    found : Trajectories
        Pixels without a significant trajectory have no loss.
    sign : int, optional
        Which way the index moves with loss; it must be the sign the trajectories were traced with.
    least : float
        Smallest change that counts, in the unit of the index, above zero.

    Raises
    ------
    ConfigError
        If the sign is not that of the trajectories: recoveries were constrained the other way then.

    Examples
    --------
    >>> years = np.arange(2000, 2012)
    >>> nbr = np.array([.71, .7, .72, .7, .71, .1, .16, .2, .26, .3, .34, .41])
    >>> loss = greatest_loss(trajectories(nbr[:, None, None], years, FOREST_RULES), FALLS)
    >>> int(loss.year[0, 0]), int(loss.duration[0, 0]), round(float(loss.magnitude[0, 0]), 1)
    (2005, 1, -0.6)
    """
    if sign is not None and sign != found.sign:
        raise ConfigError(
            f"losses are asked for with the sign {sign}, the trajectories were traced with {found.sign}; trace them "
            f"again with TrajectoryRules(sign={sign}), for which recoveries may not be too fast depends on it"
        )
    shape = found.code.shape
    turned = (found.sign * found.fitted).reshape(len(found.years), -1).astype(np.float64)
    flags = found.vertices.reshape(turned.shape)
    told = np.flatnonzero(found.code.reshape(-1) == FITTED)
    start, end, size = _largest_rise(turned[:, told], flags[:, told])
    lost = size > max(least, 0.0)
    chosen, start, end = told[lost], start[lost], end[lost]
    layers = [np.zeros(found.code.size, np.int16) for _ in range(3)]
    rates = [np.full(found.code.size, np.nan, np.float32) for _ in range(3)]
    years, fitted = found.years, found.fitted.reshape(turned.shape)
    last = len(years) - 1 - np.isfinite(fitted[::-1, chosen]).argmax(axis=0)
    before, after, final = fitted[start, chosen], fitted[end, chosen], fitted[last, chosen]
    layers[0][chosen] = years[start]
    layers[1][chosen] = years[start + 1]
    layers[2][chosen] = years[end] - years[start]
    rates[0][chosen], rates[1][chosen] = after - before, before
    rates[2][chosen] = np.where(last > end, (final - after) / (before - after), np.nan)
    first, year, duration = (layer.reshape(shape) for layer in layers)
    magnitude, level, recovery = (layer.reshape(shape) for layer in rates)
    return GreatestLoss(first, year, duration, magnitude, level, recovery)


def _largest_rise(
    turned: NDArray[np.float64], flags: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return where the segment that rises most starts and ends, and by how much; of equal ones the first."""
    pixels = np.arange(turned.shape[1])
    begun = flags.argmax(axis=0)
    start, end = begun.copy(), begun.copy()
    size = np.zeros(turned.shape[1])
    for t in range(1, len(turned)):
        here = flags[t] & (t > begun)
        rise = np.where(here, turned[t] - turned[begun, pixels], -np.inf)
        larger = rise > size
        start, end = np.where(larger, begun, start), np.where(larger, t, end)
        size = np.where(larger, rise, size)
        begun = np.where(here, t, begun)
    return start, end, size
