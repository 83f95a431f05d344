"""The fire season of every cell: start and stop, what a gap in the weather does, and the state of each day."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log
from typing import Any, Literal

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError

NOT_STARTED, IN_SEASON, OFF_SEASON, MISSING, SETTLING = range(5)
SEASON_STATES = {
    NOT_STARTED: "not-started",
    IN_SEASON: "in-season",
    OFF_SEASON: "off-season",
    MISSING: "missing",
    SETTLING: "settling",
}
"""State of a day. Codes are there in season and while settling, that is after a gap too long to be bridged; they are
not there before the first season of a record, after a season's end, and on days whose weather is missing."""
WITH_CODES = (IN_SEASON, SETTLING)

# What a day says to the rule, one bit each; the raster of signs becomes the raster of states.
FAVOURS_START, FAVOURS_STOP, SIGN_KNOWN = np.uint8(1), np.uint8(2), np.uint8(4)
STATE_BITS = np.uint8(7)
STARTS, RESTARTS_FFMC, RESTARTS_DMC, RESTARTS_DC = np.uint8(8), np.uint8(16), np.uint8(32), np.uint8(64)
"""What happens to the codes before the day is computed, beside its state."""

PHASE, FRESH, START_RUN, STOP_RUN, GAP, UNSETTLED, WINTER_DAYS, WINTER_GAPS = range(8)
COUNTERS = ("phase", "fresh", "start_run", "stop_run", "gap", "unsettled", "winter_days", "winter_gaps")
"""What is counted for each cell: 0 before, 1 in, 2 after a season; 1 if a start waits for a day with weather; days in a
row that favour start and stop; days in a row without weather; days left to settle; days of the off-season, and how
many of them had no known rain."""
_BEFORE, _IN, AFTER = range(3)
_MOST = np.int16(30000)

Signs = NDArray[np.uint8]
Kind = Literal["always", "temperature", "snow", "dates", "mask"]
KINDS: tuple[Kind, ...] = ("always", "temperature", "snow", "dates", "mask")


@dataclass(frozen=True)
class SeasonRule:
    """When the codes are computed.

    Parameters
    ----------
    kind : {'always', 'temperature', 'snow', 'dates', 'mask'}
        What decides: nothing, temperature, snow on the ground, the calendar, or a mask that comes with the weather.
    start_days, stop_days : int
        Days in a row that must favour the start, or the stop.
    today_counts : bool
        Whether the last of these days is the first of the season, or the day before it.
    start_above, stop_below : float [degC]
        Limits of 'temperature', both strict.
    snow_depth : float [m]
        Depth above which snow lies.
    start, stop : (month, day)
        First day in season and first day out of it, for 'dates'; start may come after stop.
    reads : {'temperature', 'temperature_max'}
        Temperature at noon, or highest of the day, for 'temperature'.

    Raises
    ------
    ConfigError
        If a number makes no sense.

    Examples
    --------
    >>> by_temperature().start_above, by_snow().stop_days
    (12.0, 1)
    """

    kind: Kind
    start_days: int = 1
    stop_days: int = 1
    today_counts: bool = True
    start_above: float = 12.0
    stop_below: float = 5.0
    snow_depth: float = 0.01
    start: tuple[int, int] = (4, 1)
    stop: tuple[int, int] = (11, 15)
    reads: Literal["temperature", "temperature_max"] = "temperature"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ConfigError(f"there is no season rule {self.kind!r}; choose of {', '.join(KINDS)}")
        if min(self.start_days, self.stop_days) < 1:
            raise ConfigError(
                f"a season wants 1 day or more to start and to stop, has {self.start_days, self.stop_days}"
            )
        if self.kind == "temperature" and not self.start_above >= self.stop_below:
            raise ConfigError(
                f"the season starts above {self.start_above} and stops below {self.stop_below} degC; start wants the "
                "higher limit, or the season would start and stop at once"
            )
        if not self.snow_depth >= 0:
            raise ConfigError(f"the snow depth is {self.snow_depth}, wants zero or more metres")
        if self.kind == "dates":
            _check_date("start", self.start)
            _check_date("stop", self.stop)
            if self.start == self.stop:
                raise ConfigError(f"the season starts and stops on {self.start}; use the rule 'always'")


def always() -> SeasonRule:
    """Season without an end, as station tables and most peers have it."""
    return SeasonRule("always")


def by_temperature(
    *,
    start_above: float = 12.0,
    stop_below: float = 5.0,
    days: int = 3,
    reads: Literal["temperature", "temperature_max"] = "temperature",
) -> SeasonRule:
    """Season by temperature: from the day after three days above the one limit to that after three below the other.

    References
    ----------
    Wotton & Flannigan (1993), Length of the fire season in a changing climate, Forestry Chronicle 69, 187-192.
    """
    return SeasonRule(
        "temperature", days, days, today_counts=False, start_above=start_above, stop_below=stop_below, reads=reads
    )


def by_snow(*, snow_depth: float = 0.01, days: int = 3, stop_days: int = 1) -> SeasonRule:
    """Season by snow: from the third day in a row without snow to the first with it.

    References
    ----------
    Lawson & Armitage (2008), Weather guide for the Canadian Forest Fire Danger Rating System.
    """
    return SeasonRule("snow", days, stop_days, snow_depth=snow_depth)


def by_dates(start: tuple[int, int] = (4, 1), stop: tuple[int, int] = (11, 15)) -> SeasonRule:
    """Season by the calendar: from one (month, day) up to, and without, another; across New Year if need be."""
    return SeasonRule("dates", start=start, stop=stop)


def by_mask() -> SeasonRule:
    """Season by a mask that comes with the weather, as ``in_season`` (1, 0, NaN where unknown)."""
    return SeasonRule("mask")


@dataclass(frozen=True)
class GapRule:
    """What days without weather do to the codes.

    Nothing is computed on them. After at most `bridge_days` the codes go on as if the days had not been. After more,
    each code whose own time lag is exceeded starts anew, and as many days as were missing count as settling.

    Parameters
    ----------
    bridge_days : int [d]
        Longest gap after which all codes go on; the fine fuel code forgets in as many days.
    dmc_days, dc_days : int [d]
        Longest gap after which the duff moisture code and the drought code go on: about their time lags. `dc_days`
        is also the longest time to settle.
    """

    bridge_days: int = 3
    dmc_days: int = 15
    dc_days: int = 53

    def __post_init__(self) -> None:
        if not 0 <= self.bridge_days <= self.dmc_days <= self.dc_days:
            raise ConfigError(
                f"gaps of {self.bridge_days}, {self.dmc_days} and {self.dc_days} days want to be zero or more, and "
                "each as long as the one before at least"
            )


@dataclass(frozen=True)
class Winter:
    """How the drought code comes through the off-season.

    Parameters
    ----------
    carry_over : float [1]
        Share of the autumn's moisture deficit's complement that is still there in spring.
    wetting : float [1]
        Share of the winter's precipitation that reaches the deep humus.
    lowest : float
        Lowest drought code of a spring.
    short_days : int [d]
        Breaks of at most so many days are no winter: all is carried over. An early snowfall in October is one.
    gap_days : int [d]
        With more days of unknown rain than these, the spring starts with the default code.
    """

    carry_over: float = 0.75
    wetting: float = 0.75
    lowest: float = 15.0
    short_days: int = 30
    gap_days: int = 15

    def __post_init__(self) -> None:
        if not (0 < self.carry_over <= 1 and 0 <= self.wetting <= 1):
            raise ConfigError(
                f"carry-over is {self.carry_over} and wetting {self.wetting}, want shares: above 0 and up to 1"
            )
        if not (self.lowest >= 0 and self.short_days >= 0 and self.gap_days >= 0):
            raise ConfigError("a winter's lowest drought code and its days want to be zero or more")


def spring_drought_code(
    autumn: Any, rain: Any, *, carry_over: Any = 0.75, wetting: Any = 0.75, lowest: float = 15.0
) -> NDArray[np.float64]:
    """Drought code a spring starts with, of that of the autumn before and the winter's precipitation.

    Parameters
    ----------
    autumn : array_like
        Drought code when the season stopped.
    rain : array_like [mm]
        Rain and snow water between the seasons.
    carry_over, wetting : array_like [1]
        Of `Winter`.
    lowest : float
        No spring starts below it.

    References
    ----------
    Van Wagner (1985), Drought, timelag, and fire danger rating; Lawson & Armitage (2008), equations 2 to 4.

    Examples
    --------
    >>> round(float(spring_drought_code(300, 110)), 2)
    109.47
    """
    stored = np.asarray(carry_over) * 800 * np.exp(-np.asarray(autumn, np.float64) / 400)
    stored = stored + np.asarray(wetting) * 3.94 * np.asarray(rain)
    # More than 800 units, or none at all (a desert's), cannot be stored.
    code: NDArray[np.float64] = np.maximum(400 * np.log(800 / np.maximum(stored, 1e-9)), lowest)
    return code


def state_legend() -> dict[str, str]:
    """Attributes that tell readers of a file what the states mean, in the way of the CF conventions."""
    return {"flag_values": " ".join(map(str, SEASON_STATES)), "flag_meanings": " ".join(SEASON_STATES.values())}


def fresh_counters(shape: tuple[int, ...]) -> NDArray[np.int16]:
    """Counters (counter, ...) of cells whose record begins."""
    return np.zeros((len(COUNTERS), *shape), np.int16)


def _check_date(name: str, date: tuple[int, int]) -> None:
    month, day = date
    try:
        np.datetime64(f"2023-{month:02d}-{day:02d}")
    except ValueError as error:
        raise ConfigError(
            f"the season's {name} is {date}, wants month and day of every year, such as (4, 1)"
        ) from error


@njit(nogil=True, cache=True)
def season_day(signs: Any, complete: Any, counters: Any, limits: Any) -> int:
    """Turn a day's signs (cell,) into its states, counters with them; answer how many cells are not plainly in season.

    Parameters
    ----------
    signs : uint8 (cell,)
        In: bits of `FAVOURS_START`, `FAVOURS_STOP` and `SIGN_KNOWN`. Out: state, and what happens to the codes.
    complete : array (cell,)
        Not zero where temperature, humidity, wind and rain are known.
    counters : int16 (counter, cell)
        Of the day before; of this day afterwards.
    limits : tuple of int
        start_days, stop_days, today_counts, bridge_days, dmc_days, dc_days.
    """
    start_days, stop_days, today_counts, bridge, dmc_days, dc_days = limits
    if _nothing_new(signs, complete, counters, start_days):
        signs[:] = IN_SEASON
        return 0
    unusual = 0
    for i in range(signs.shape[0]):
        sign, cell = signs[i], counters[:, i]
        if today_counts:
            _count(sign, cell, start_days, stop_days)
        if cell[PHASE] != _IN and cell[START_RUN] >= start_days:
            cell[PHASE], cell[FRESH], cell[GAP], cell[UNSETTLED] = _IN, 1, 0, 0
        elif cell[PHASE] == _IN and cell[STOP_RUN] >= stop_days:
            cell[PHASE], cell[WINTER_DAYS], cell[WINTER_GAPS] = AFTER, 0, 0
        if not today_counts:
            _count(sign, cell, start_days, stop_days)
        if cell[PHASE] == _IN:
            signs[i] = _in_season(complete[i], cell, bridge, dmc_days, dc_days)
        elif sign & SIGN_KNOWN:
            signs[i] = OFF_SEASON if cell[PHASE] == AFTER else NOT_STARTED
        else:
            signs[i] = MISSING
        unusual += signs[i] != IN_SEASON
    return unusual


@njit(nogil=True, cache=True)
def _nothing_new(signs: Any, complete: Any, counters: Any, start_days: int) -> bool:
    """Tell whether all cells are well in season and stay so, as on most days, without looking at any alone."""
    other = np.uint8(0)
    gaps = 0
    for i in range(signs.shape[0]):
        other |= signs[i] ^ (FAVOURS_START | SIGN_KNOWN)
        gaps += complete[i] == 0
    moved = np.int16(0)
    for i in range(signs.shape[0]):
        moved |= (counters[PHASE, i] ^ np.int16(_IN)) | counters[FRESH, i] | counters[STOP_RUN, i]
        moved |= counters[GAP, i] | counters[UNSETTLED, i] | (counters[START_RUN, i] ^ np.int16(start_days))
    return other == 0 and gaps == 0 and moved == 0


@njit(nogil=True, cache=True)
def _count(sign: Any, cell: Any, start_days: int, stop_days: int) -> None:
    # Longer runs than are asked for say nothing more; cells that rest are then all alike.
    if sign & SIGN_KNOWN:
        cell[START_RUN] = min(cell[START_RUN] + 1, start_days) if sign & FAVOURS_START else 0
        cell[STOP_RUN] = min(cell[STOP_RUN] + 1, stop_days) if sign & FAVOURS_STOP else 0


@njit(nogil=True, cache=True)
def _in_season(complete: Any, cell: Any, bridge: int, dmc_days: int, dc_days: int) -> Any:
    if not complete:
        cell[GAP] = min(cell[GAP] + 1, _MOST)
        return np.uint8(MISSING)
    happens = np.uint8(0)
    if cell[FRESH]:
        happens = STARTS
    elif cell[GAP] > bridge:
        happens = RESTARTS_FFMC
        happens |= RESTARTS_DMC if cell[GAP] > dmc_days else np.uint8(0)
        happens |= RESTARTS_DC if cell[GAP] > dc_days else np.uint8(0)
        cell[UNSETTLED] = min(cell[GAP], dc_days)
    cell[FRESH] = 0
    cell[GAP] = 0
    if cell[UNSETTLED] > 0:
        cell[UNSETTLED] -= 1
        return np.uint8(SETTLING) | happens
    return np.uint8(IN_SEASON) | happens


@njit(nogil=True, cache=True, error_model="numpy")
def hibernate(rain: Any, winter_rain: Any, counters: Any, i: int) -> None:
    """Count a day [mm] of the off-season of cell `i`."""
    if counters[WINTER_DAYS, i] == 0:
        winter_rain[i] = 0.0
    counters[WINTER_DAYS, i] = min(counters[WINTER_DAYS, i] + 1, _MOST)
    if rain == rain:
        winter_rain[i] += rain
    else:
        counters[WINTER_GAPS, i] = min(counters[WINTER_GAPS, i] + 1, _MOST)


@njit(nogil=True, cache=True, error_model="numpy")
def awake(autumn: float, rain: float, cell: Any, numbers: Any) -> float:
    """Drought code a season starts with; `autumn` is NaN where there was none, `numbers` those of a run."""
    default, carry_over, wetting, lowest, short_days, gap_days = numbers[6:12]
    if autumn != autumn or carry_over < 0 or cell[WINTER_GAPS] > gap_days:
        return float(default)
    share = 1.0 if cell[WINTER_DAYS] <= short_days else carry_over
    stored = share * 800 * exp(-autumn / 400) + wetting * 3.94 * rain
    return float(max(400 * log(800 / max(stored, 1e-9)), lowest))
