"""Skill: probabilities held against what happened, and against simpler ways to tell it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.fire.hazard.hindcast import Hindcast
from habitat.fire.hazard.history import Floats, History
from habitat.fire.hazard.training import ridge_logistic

EDGES = (0.0, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Classes of probability of the reliability table."""
DRAWS = 2000
"""Times the years are drawn anew for the interval of the skill."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True)
class Bin:
    """A class of probability: how much was told, and how often it came true."""

    low: float
    high: float
    number: int
    told: float
    happened: float


def brier(told: NDArray[Any], happened: NDArray[Any]) -> float:
    """Mean squared difference between probability and outcome.

    References
    ----------
    Brier (1950), Verification of forecasts expressed in terms of probability, Monthly Weather Review 78, 1-3.

    Examples
    --------
    >>> brier(np.array([0.0, 0.5]), np.array([False, True]))
    0.125
    """
    return float(np.mean((np.asarray(told, np.float64) - happened) ** 2)) if np.size(told) else float("nan")


def brier_skill(told: NDArray[Any], reference: NDArray[Any], happened: NDArray[Any]) -> float:
    """Share of the reference's Brier score that is saved: 1 perfect, 0 as good, below 0 worse; NaN without events.

    Examples
    --------
    >>> brier_skill(np.array([0.1, 0.9]), np.array([0.5, 0.5]), np.array([False, True]))
    0.96
    """
    score = brier(reference, happened)
    return round(1 - brier(told, happened) / score, 12) if score > 0 else float("nan")


def auc(told: NDArray[Any], happened: NDArray[Any]) -> float:
    """Chance that a cell with the event was told more than one without; NaN if there is only one kind.

    Examples
    --------
    >>> auc(np.array([0.1, 0.2, 0.2, 0.7]), np.array([False, False, True, True]))
    0.875
    """
    from scipy.stats import rankdata

    events = int(np.count_nonzero(happened))
    others = np.size(happened) - events
    if not events or not others:
        return float("nan")
    ranks = rankdata(np.ravel(told))
    above = ranks[np.ravel(happened)].sum() - events * (events + 1) / 2
    return float(above / (events * others))


def calibration_slope(told: NDArray[Any], happened: NDArray[Any]) -> float:
    """Slope of the log odds that fits best: 1 honest, below 1 too sure; NaN without events.

    References
    ----------
    Cox (1958), Two further applications of a model for binary regression, Biometrika 45, 562-565.
    """
    flat = np.clip(np.ravel(told).astype(np.float64), 1e-6, 1 - 1e-6)
    odds, outcome = np.log(flat / (1 - flat)), np.ravel(happened).astype(np.float64)
    if not 0 < outcome.sum() < outcome.size or np.ptp(odds) == 0:
        return float("nan")
    found = ridge_logistic(odds[:, None], outcome > 0, np.ones(odds.size), freedom=1e9)
    return float(found[1])


def reliability(told: NDArray[Any], happened: NDArray[Any]) -> tuple[Bin, ...]:
    """Classes of probability with their mean and what came of it; empty classes are left out."""
    flat, outcome = np.ravel(told).astype(np.float64), np.ravel(happened)
    place = np.clip(np.searchsorted(EDGES, flat, side="right") - 1, 0, len(EDGES) - 2)
    return tuple(
        Bin(EDGES[one], EDGES[one + 1], int(inside.sum()), float(flat[inside].mean()), float(outcome[inside].mean()))
        for one in range(len(EDGES) - 1)
        if (inside := place == one).any()
    )


def scores(told: NDArray[Any], found: Hindcast, which: tuple[Any, Any]) -> dict[str, Any]:
    """All measures of a part of a hindcast.

    Parameters
    ----------
    told : array (month, cell) [1]
        Probabilities.
    found : Hindcast
        What they are held against.
    which : (months, cells)
        Boolean or slice each.
    """
    months, cells = which
    part: Callable[[NDArray[Any]], NDArray[Any]] = lambda values: values[months][:, cells]  # noqa: E731
    probability, happened = part(told), part(found.happened)
    events = int(np.count_nonzero(happened))
    return {
        "cell_months": int(happened.size),
        "cells_with_event": events,
        "brier": brier(probability, happened),
        "skill_over_climatology": brier_skill(probability, part(found.climatology), happened),
        "skill_over_fwi_only": brier_skill(probability, part(found.fwi_only), happened),
        "auc": auc(probability, happened),
        "bias": float(probability.sum() / events) if events else float("nan"),
        "calibration_slope": calibration_slope(probability, happened),
    }


def skill_report(history: History, found: Hindcast) -> dict[str, Any]:
    """Skill of a hindcast: pooled, by year, month and country, for observed and for usual weather, as plain data."""
    everything = slice(None)
    years, calendar = history.years[found.months], history.calendar[found.months]
    inside = {name: share.ravel()[history.cells] > 0.5 for name, share in history.countries.items()}
    told = found.observed_weather
    pooled = scores(told, found, (everything, everything))
    return {
        "label": found.label,
        "predictors": list(history.names),
        "pooled": pooled
        | {"skill_90": skill_interval(told, found.climatology, found.happened, years)}
        | {"skill_over_fwi_only_90": skill_interval(told, found.fwi_only, found.happened, years)},
        "pooled_usual_weather": scores(found.usual_weather, found, (everything, everything))
        | {"skill_90": skill_interval(found.usual_weather, found.climatology, found.happened, years)},
        "by_year": {str(year): scores(told, found, (years == year, everything)) for year in np.unique(years)},
        "by_month": {
            _MONTHS[month]: scores(told, found, (calendar == month, everything)) for month in np.unique(calendar)
        },
        "by_country": {name: scores(told, found, (everything, cells)) for name, cells in inside.items() if cells.any()},
    }


def skill_interval(
    told: NDArray[Any], reference: NDArray[Any], happened: NDArray[Any], years: NDArray[Any], *, seed: int = 1
) -> tuple[float, float]:
    """Range of the skill [1] that 90 of 100 draws of the years give: whole years are drawn, for cells burn together."""
    each = np.unique(years)
    own = np.array([np.sum((told[years == year] - happened[years == year]) ** 2.0) for year in each])
    other = np.array([np.sum((reference[years == year] - happened[years == year]) ** 2.0) for year in each])
    draws = np.random.default_rng(seed).integers(0, each.size, (DRAWS, each.size))
    sums = other[draws].sum(axis=1)
    if not (sums > 0).any():
        return float("nan"), float("nan")
    skill: Floats = 1 - own[draws].sum(axis=1)[sums > 0] / sums[sums > 0]
    low, high = np.percentile(skill, (5, 95))
    return float(low), float(high)


def rounded(data: Any) -> Any:
    """Plain data with numbers of five digits, and None where there is no number."""
    if isinstance(data, Mapping):
        return {key: rounded(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [rounded(value) for value in data]
    if isinstance(data, float):
        return float(f"{data:.5g}") if np.isfinite(data) else None
    return data
