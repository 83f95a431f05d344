"""Known: all that is known of an area before a month, and whether it is enough to learn from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import NotPossible
from habitat.contracts.grid import Grid
from habitat.fire.hazard.danger_index import danger_index, index_parts
from habitat.fire.hazard.history import LEAST_LAND, History
from habitat.fire.hazard.month_labels import MonthLabels
from habitat.fire.hazard.month_weather import ONE_MONTH, MonthWeather, percentile_of

WeatherSource = Literal["forecast", "climatology"]


@dataclass(eq=False)
class Known:
    """All that is known of an area before a month."""

    grid: Grid
    month: np.datetime64
    gaps: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    land: NDArray[np.float32] = field(default_factory=lambda: np.ones((1, 1), np.float32))
    countries: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    ground: dict[str, NDArray[np.float32]] = field(default_factory=dict)
    told: NDArray[np.bool_] | None = None
    """Cells of which any predictor of places is known (y, x); None: all of them."""
    weather: MonthWeather | None = None
    """On the cells, all months of the files."""
    labels: MonthLabels | None = None
    """Up to the month before."""
    seen_until: np.datetime64 | None = None
    """Month of the last hotspot."""
    seen_from: np.datetime64 | None = None
    """Month of the first hotspot; scars may be older. None: the labels' first."""

    @property
    def source(self) -> WeatherSource:
        """What the files allow: the month itself, or its like of earlier years."""
        held = self.weather is not None and self.month in self.weather.months[self.weather.whole]
        return "forecast" if held else "climatology"

    def history(self) -> History | None:
        """Return the months that can be learnt from and the month wanted; nothing without hotspots and scars."""
        if self.labels is None:
            return None
        months = np.arange(self.labels.months[0], self.month + ONE_MONTH)
        weather = np.zeros((months.size, *self.grid.shape), np.float32)
        if self.weather is not None:
            weather[:] = np.nan
            here, there = np.isin(months, self.weather.months), np.isin(self.weather.months, months)
            weather[here] = self.weather.values["fwi_mean"][there]
        labels = self.labels
        seen = np.zeros(labels.months.size, bool)
        if self.seen_until is not None:
            seen = (labels.months >= (self.seen_from or labels.months[0])) & (labels.months <= self.seen_until)
        burnt = labels.burning, labels.ignition
        return History(months, weather, *burnt, self.land, self.ground, self.countries, seen, labels.known)

    def enough(self, min_years: int, min_events: int) -> tuple[History | None, str]:
        """Return the history if it has enough to learn from, else why not."""
        history = self.history()
        if history is None or self.labels is None:
            return None, "no hotspots were given"
        usable = np.flatnonzero(history.usable)
        years, events = np.unique(history.years[usable]).size, int(self.labels.events[usable].sum())
        if years < min_years:
            return None, f"{years} years of hotspots and weather are known, wants {min_years}"
        if events < min_events or not history.burning[usable].any():
            return None, f"{events} fire events are known, wants {min_events}"
        self.notes.append(f"learnt from {usable.size} months of {years} years with {events} fire events")
        return history, ""

    def index(self, source: WeatherSource) -> tuple[NDArray[np.float32], dict[str, float]]:
        """Return the index of fire danger (y, x), NaN off the land, and the weights of its parts.

        Raises
        ------
        NotPossible
            If neither weather nor places are known.
        """
        bare = weather = None
        if self.weather is not None:
            months, values = self.weather.months, self.weather.values
            weather = _against_the_worst(self.weather, self.month)
            rank = percentile_of(values["fwi_mean"], months, self.month) if source == "forecast" else 0.5
            weather = (weather * rank).astype(np.float32)
            if self.month in months and "bare_days" in values:
                bare = values["bare_days"][int((self.month - months[0]).astype(np.int64))]
        history = self.history()
        past = None if history is None else history.recurrence[-1].reshape(self.grid.shape)
        parts = index_parts(weather, self.ground, bare, past)
        if not parts:
            raise NotPossible("neither weather nor places are known: give weather, roads, settlements or elevation")
        index, used = danger_index(parts)
        index[self.land < LEAST_LAND] = np.nan
        if weather is None and self.told is not None:
            # A cell of which nothing is known has no place in an order of cells.
            index[~self.told] = np.nan
        return index, used


def _against_the_worst(weather: MonthWeather, month: np.datetime64) -> NDArray[np.float32]:
    """Return the usual fire weather of a month of the calendar as a share of that of the year's worst (y, x) [1]."""
    usual = []
    for one in range(12):
        values = weather.values["fwi_mean"][weather.months.astype(np.int64) % 12 == one]
        known = np.isfinite(values)
        usual.append(np.where(known, values, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1))
    worst = np.max(np.stack(usual), axis=0)
    share: NDArray[np.float32] = (usual[int(month.astype(np.int64)) % 12] / np.maximum(worst, 1e-6)).astype(np.float32)
    return share
