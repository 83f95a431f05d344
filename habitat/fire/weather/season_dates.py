"""Table of a station's fire seasons: on which days they start and end."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.fire.weather.fire_season import IN_SEASON, SeasonRule, fresh_counters, season_day
from habitat.fire.weather.season_signs import season_signs


class SeasonEvent(NamedTuple):
    """A season's start or end."""

    day: np.datetime64
    """First day in season, or first day out of it."""
    event: Literal["start", "end"]


def season_dates(rule: SeasonRule, days: NDArray[np.datetime64], values: NDArray[Any]) -> list[SeasonEvent]:
    """List the starts and ends of one place's fire seasons.

    A season of the temperature rule that would start on 4 January is told to start on New Year's Day: its three warm
    days are the first of a record or year that it was in season all along. The running codes know no such shift,
    because it would need to look ahead.

    Parameters
    ----------
    rule : SeasonRule
        'temperature' or 'snow'.
    days : datetime64[D] (time,)
        Consecutive.
    values : array (time,)
        Temperature [degC] or snow depth [m], NaN where unknown.

    Raises
    ------
    ConfigError
        If the rule reads something else.

    Examples
    --------
    >>> from habitat.fire.weather.fire_season import by_temperature
    >>> days = np.arange("2025-03-01", "2025-03-10", dtype="datetime64[D]")
    >>> found = season_dates(by_temperature(), days, np.array([9, 13, 14, 13, 4, 4, 4, 4, 4.0]))
    >>> [(str(day), event) for day, event in found]
    [('2025-03-05', 'start'), ('2025-03-08', 'end')]
    """
    if rule.kind not in ("temperature", "snow"):
        raise ConfigError(f"the rule {rule.kind!r} reads no weather; dates are told of 'temperature' and 'snow'")
    name = rule.reads if rule.kind == "temperature" else "snow_depth"
    signs = season_signs(rule, {name: np.asarray(values, np.float64)[:, None]}, days, 1)
    counters, complete = fresh_counters((1,)), np.ones(1, np.uint8)
    limits = (rule.start_days, rule.stop_days, int(rule.today_counts), 0, 0, 0)
    found: list[SeasonEvent] = []
    for number, day in enumerate(days):
        season_day(signs[number], complete, counters, limits)
        inside = bool(signs[number, 0] & 7 == IN_SEASON)
        if inside and not (found and found[-1].event == "start"):
            found.append(SeasonEvent(_first_day(rule, day), "start"))
        elif counters[0, 0] == 2 and found and found[-1].event == "start":
            found.append(SeasonEvent(day, "end"))
    return found


def _first_day(rule: SeasonRule, day: np.datetime64) -> np.datetime64:
    new_year: Any = day.astype("datetime64[Y]").astype("datetime64[D]")
    early = rule.kind == "temperature" and day - new_year == np.timedelta64(rule.start_days, "D")
    first: Any = new_year if early else day
    moved: np.datetime64 = first.astype("datetime64[D]")
    return moved
