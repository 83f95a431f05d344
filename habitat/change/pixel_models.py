"""Pixel models: monitors in which every pixel's season model has as many harmonics as its looks carry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.change.monitoring.monitor_rules import MonitorRules
from habitat.change.monitoring.monitor_state import MonitorState
from habitat.change.monitoring.monitors import opened_monitor
from habitat.change.monitoring.season_model import Codes, FitRules, Season
from habitat.contracts.errors import ConfigError, InputError

_LEAST_PART = 0.02
"""Least singular value of the regressors, as a share of the greatest, with which dates tell them apart."""


@dataclass(frozen=True)
class ModelRules:
    """How many harmonics a pixel gets.

    Parameters
    ----------
    order : int
        Most harmonics of the year.
    trend : bool
        Whether the level may change along a line.
    origin : str
        Day from which years are counted.
    fewest : int
        Usable looks without which a pixel has no model.
    looks_per_term : int
        Usable looks for each coefficient beyond the level.
    stable_level : float, optional
        See `FitRules`.
    robust : bool
        See `FitRules`.
    least_sigma : float
        Least residual deviation, in the unit of the index: that of few looks is now and then far too small.
    """

    order: int
    trend: bool
    origin: str
    fewest: int
    looks_per_term: int
    stable_level: float | None = 0.05
    robust: bool = False
    least_sigma: float = 0.0

    def __post_init__(self) -> None:
        if self.fewest < 3 or self.looks_per_term < 2:
            raise ConfigError(
                f"fewest is {self.fewest} and looks_per_term {self.looks_per_term}, wants at least 3 looks and 2 a term"
            )

    def season(self, order: int) -> Season:
        """Return the shape of a model with so many harmonics."""
        return Season(order, trend=self.trend, origin=self.origin)

    def wanted(self, order: int) -> int:
        """Return the looks that carry so many harmonics."""
        return max(self.fewest, self.looks_per_term * self.season(order).terms if order else 0)

    def fit(self, order: int) -> FitRules:
        """Return how a model with so many harmonics is fitted."""
        least = max(self.fewest, self.season(order).terms + 2)
        return FitRules(self.robust, self.stable_level, least)


def orders(counts: NDArray[np.int64], days: NDArray[np.datetime64], rules: ModelRules) -> NDArray[np.uint8]:
    """Return the harmonics of each pixel: as many as its usable looks carry, and the dates can tell apart.

    Examples
    --------
    >>> days = np.datetime64("2020-01-01") + np.arange(0, 900, 9)
    >>> orders(np.array([4, 20, 90]), days, ModelRules(2, False, "2021-01-01", 6, 6)).tolist()
    [0, 1, 2]
    """
    chosen = np.zeros(counts.shape, np.uint8)
    for order in range(1, rules.order + 1):
        if _told_apart(rules.season(order).design(days)):
            chosen[counts >= rules.wanted(order)] = order
    return chosen


def _told_apart(design: NDArray[np.float64]) -> bool:
    """Tell whether dates part the terms: those of one day a year differ by what a leap year shifts, and no more."""
    if len(design) <= design.shape[1]:
        return False
    sizes = np.linalg.svd(design / np.abs(design).max(axis=0), compute_uv=False)
    return bool(sizes[-1] > _LEAST_PART * sizes[0])


def order_groups(chosen: NDArray[np.uint8]) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Yield each number of harmonics that occurs with the pixels that have it."""
    for order in np.unique(chosen):
        yield int(order), np.flatnonzero(chosen == order)


def opened_by_looks(
    stack: NDArray[Any], days: NDArray[np.datetime64], usable: NDArray[np.uint8], codes: Codes, rules: ModelRules,
    monitor: MonitorRules,
) -> MonitorState:  # fmt: skip
    """State of monitors at the end of a history, each pixel with the model its looks carry.

    Coefficients that a pixel does not have are 0, so that one state holds all of them and goes on by `carry`.

    Parameters
    ----------
    stack : int16 (date, pixel)
        Index of the history.
    days : datetime64 (date,)
        Ascending.
    usable : uint8 (date, pixel)
        0 where a clear look must not be used.
    codes : Codes
    rules : ModelRules
    monitor : MonitorRules

    Returns
    -------
    MonitorState
        Of shape (1, pixel).

    Raises
    ------
    InputError
        If there is no date at all.
    """
    if len(days) < 2:
        raise InputError(f"a history of {len(days)} dates carries no model; give a longer one")
    counts = ((stack != codes.nodata) & (usable != 0)).sum(axis=0)
    parts = []
    for order, pixels in order_groups(orders(counts, days, rules)):
        season, fit_rules = rules.season(order), rules.fit(order)
        chosen = (np.ascontiguousarray(array[:, np.newaxis, pixels]) for array in (stack, usable))
        values, mask = chosen
        state = opened_monitor(values, days, season, monitor, fit_rules=fit_rules, codes=codes, usable=mask, workers=1)
        parts.append((pixels, state))
    joined = _joined(parts, rules.season(rules.order), stack.shape[1])
    joined.coefficients[:, np.isnan(joined.coefficients[0])] = np.nan
    # NaN, where there is no model, stays.
    np.maximum(joined.sigma, np.float32(rules.least_sigma), out=joined.sigma)
    return joined


def _joined(parts: list[tuple[NDArray[np.int64], MonitorState]], season: Season, pixels: int) -> MonitorState:
    """Put states of some pixels each into one of all; ring and coefficients are as long as the longest."""
    names = ("coefficients", "sigma", "process", "moving", "quartiles", "code", "history", "seen", "run", "days")
    whole: dict[str, Any] = {}
    for name in (*names, "after", "filled"):
        given = [getattr(state, name) for _, state in parts]
        rows = max(len(array) for array in given)
        rows = season.terms if name == "coefficients" else rows
        shape = (1, pixels) if given[0].ndim == 2 else (rows, 1, pixels)
        whole[name] = np.zeros(shape, given[0].dtype)
        for (chosen, _), array in zip(parts, given, strict=True):
            if array.ndim == 2:
                whole[name][0, chosen] = array[0]
            else:
                whole[name][: len(array), 0, chosen] = array[:, 0]
    if len({state.day for _, state in parts}) != 1:
        raise InputError("the states to be joined have seen different days; open them with the same dates")
    return replace(parts[0][1], season=season, **whole)
