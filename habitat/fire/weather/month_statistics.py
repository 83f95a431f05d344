"""Statistics of some days of fire weather: means, high percentiles, days by class and by state, and a table of days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from habitat.contracts.errors import InputError
from habitat.fire.weather.code_names import CODES
from habitat.fire.weather.daily_weather import WEATHER_UNITS
from habitat.fire.weather.danger_classes import DANGER_CLASSES, EFFIS_LIMITS, danger_classes
from habitat.fire.weather.fire_season import IN_SEASON, MISSING, NOT_STARTED, OFF_SEASON, SEASON_STATES, SETTLING
from habitat.fire.weather.kpo_scales import NODATA, KpoTable, kpo_classes

MEANS = ("ffmc", "dmc", "dc", "isi", "bui", "dsr")
"""Codes whose means are told beside those of the fire weather index."""
ENDS = ("dmc", "dc", "bui")
"""Codes with a memory, told at the end of the last day too."""
HIGH = 4
"""Class of the fire weather index from which danger is high."""
HIGH_KPO = 4
"""Class IV of the Russian scale: high."""
_BY_WEIGHT = (IN_SEASON, SETTLING, MISSING, OFF_SEASON, NOT_STARTED)
"""Which state is told of equally frequent ones."""
_SHARE = 0.9

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class MonthOfFireWeather:
    """What some days of fire weather come to, on the cells of the weather.

    Parameters
    ----------
    values : dict of float32 (y, x)
        ``fwi-mean``, ``fwi-p90``, ``fwi-max``; the mean of each of `MEANS` by its name; ``dmc-end``, ``dc-end`` and
        ``bui-end``; ``nesterov-max``. Over the days with codes; NaN where there is none.
    danger_days : int16 (class, y, x) [d]
        Days in classes 1 to 6; -1 where no day has codes.
    danger_class : uint8 (y, x)
        Class of the 90th percentile; 255 where there is none.
    kpo_days : int16 (y, x) [d]
        Days in classes IV and V; -1 where no day has an index.
    season_days : int16 (state, y, x) [d]
        Days in each state.
    season_state : uint8 (y, x)
        The most frequent state.
    fwi_classes, kpo_classes : uint8 (time, y, x)
        Of each day; 255 where there is none.
    """

    values: dict[str, Floats]
    danger_days: NDArray[np.int16]
    danger_class: NDArray[np.uint8]
    kpo_days: NDArray[np.int16]
    season_days: NDArray[np.int16]
    season_state: NDArray[np.uint8]
    fwi_classes: NDArray[np.uint8]
    kpo_classes: NDArray[np.uint8]


def month_of(
    days: xr.Dataset,
    *,
    limits: Sequence[float] = EFFIS_LIMITS,
    scales: KpoTable | None = None,
    district: str | None = None,
) -> MonthOfFireWeather:
    """Statistics of a month, or of any days, of fire weather.

    Parameters
    ----------
    days : Dataset (time, y, x)
        Of `habitat.fire.weather.long_record.run_on`: all codes, ``season`` and ``nesterov``.
    limits : sequence of 5 float
        Of `danger_classes`.
    scales : KpoTable, optional
        Scales of the Russian classes; the national ones by default.
    district : str, optional
        Whose scales of `scales`.

    Raises
    ------
    InputError
        If there are no days.
    ConfigError
        If limits are wrong or the district unknown.
    """
    if days.sizes["time"] == 0:
        raise InputError("there are no days to make statistics of; ask for another time")
    seasons = days["season"].values
    fwi = days["fwi"].values
    values = {"fwi-mean": _mean(fwi), "fwi-p90": _quantile(fwi, _SHARE), "fwi-max": _highest(fwi)}
    values |= {name: _mean(days[name].values) for name in MEANS}
    last = _last_known(seasons)
    values |= {f"{name}-end": days[name].values[last].astype(np.float32) for name in ENDS}
    values["nesterov-max"] = _highest(days["nesterov"].values)
    classes, kpo = danger_classes(fwi, limits), _kpo_of(days, scales or KpoTable(), district)
    counted = np.stack([(classes == code).sum(axis=0, dtype=np.int16) for code in DANGER_CLASSES])
    high = ((kpo >= HIGH_KPO) & (kpo != NODATA)).sum(axis=0, dtype=np.int16)
    states = np.stack([(seasons == state).sum(axis=0, dtype=np.int16) for state in SEASON_STATES])
    return MonthOfFireWeather(
        values,
        np.where(counted.sum(axis=0) > 0, counted, np.int16(-1)),
        danger_classes(values["fwi-p90"], limits),
        np.where((kpo != NODATA).any(axis=0), high, np.int16(-1)),
        states,
        _most_frequent(states),
        classes,
        kpo,
    )


def days_without_weather(weather: xr.Dataset) -> NDArray[np.datetime64]:
    """Days (day,) of daily weather on which no cell is complete."""
    complete = np.isfinite(sum(weather[name].values for name in WEATHER_UNITS))
    found: NDArray[np.datetime64] = weather["time"].values.astype("datetime64[D]")[~complete.any(axis=(1, 2))]
    return found


def _last_known(seasons: NDArray[np.uint8]) -> int:
    known = np.flatnonzero((seasons != MISSING).any(axis=(1, 2)))
    return int(known[-1]) if known.size else len(seasons) - 1


def _mean(values: NDArray[Any]) -> Floats:
    known = np.isfinite(values)
    count = known.sum(axis=0)
    total = np.where(known, values, 0).sum(axis=0, dtype=np.float64)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _highest(values: NDArray[Any]) -> Floats:
    top = np.where(np.isfinite(values), values, -np.inf).max(axis=0)
    return np.where(np.isfinite(top), top, np.nan).astype(np.float32)


def _quantile(values: NDArray[Any], share: float) -> Floats:
    """Return a quantile of what is known, between the two nearest values as numpy has it."""
    ordered = np.sort(values, axis=0)  # NaN comes last.
    count = np.isfinite(values).sum(axis=0)
    place = share * np.maximum(count - 1, 0)
    low = np.floor(place).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    below, above = (np.take_along_axis(ordered, at[np.newaxis], axis=0)[0].astype(np.float64) for at in (low, high))
    return np.where(count > 0, below + (above - below) * (place - low), np.nan).astype(np.float32)


def _kpo_of(days: xr.Dataset, scales: KpoTable, district: str | None) -> NDArray[np.uint8]:
    index = days["nesterov"].values
    dates = days["time"].values.astype("datetime64[D]").tolist()
    found = np.full(index.shape, NODATA, np.uint8)
    for limits in {scales.limits_on(day, district) for day in dates}:
        here = [number for number, day in enumerate(dates) if scales.limits_on(day, district) == limits]
        found[here] = kpo_classes(index[here], limits)
    return found


def _most_frequent(states: NDArray[np.int16]) -> NDArray[np.uint8]:
    ordered = np.array(_BY_WEIGHT)
    found: NDArray[np.uint8] = ordered[np.argmax(states[ordered], axis=0)].astype(np.uint8)
    return found


def daily_table(
    days: xr.Dataset,
    weights: NDArray[np.integer[Any]],
    *,
    limits: Sequence[float] = EFFIS_LIMITS,
    scales: KpoTable | None = None,
    district: str | None = None,
) -> pd.DataFrame:
    """Table of the days: means of an area, their classes on both scales, and how much of it is in which state.

    Parameters
    ----------
    days : Dataset (time, y, x)
        Of `month_of`.
    weights : int (y, x)
        How much of the area each cell of the weather stands for.
    limits, scales, district
        Of `month_of`.

    Returns
    -------
    DataFrame
        ``date``; means of the codes over what has codes; ``nesterov``; ``danger_class`` and ``kpo_class`` of the means;
        one column of weights for each state. Empty where there is nothing.
    """
    shares = np.asarray(weights, np.float64)
    means: Callable[[str], Any] = lambda name: _weighted(days[name].values, shares)  # noqa: E731
    table = {"date": days["time"].values.astype("datetime64[D]").astype(str)}
    table |= {name: means(name) for name in (*CODES, "nesterov")}
    classes = danger_classes(table["fwi"], limits)
    one = xr.Dataset({"nesterov": ("time", table["nesterov"])}, {"time": days["time"]})
    kpo = _kpo_of(one, scales or KpoTable(), district)
    for name, codes in (("danger_class", classes), ("kpo_class", kpo)):
        table[name] = pd.array([int(code) if code != NODATA else None for code in codes], dtype="Int8")
    seasons = days["season"].values
    for state, name in SEASON_STATES.items():
        table[name.replace("-", "_")] = ((seasons == state) * weights).sum(axis=(1, 2)).astype(np.int64)
    return pd.DataFrame(table)


def _weighted(values: NDArray[Any], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.isfinite(values)
    weight = (known * shares).sum(axis=(1, 2))
    total = (np.where(known, values, 0) * shares).sum(axis=(1, 2), dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean: NDArray[np.float64] = np.where(weight > 0, total / weight, np.nan)
    return mean


def sentence_of(table: pd.DataFrame) -> str:
    """Say what a table of days tells, for people.

    Parameters
    ----------
    table : DataFrame
        Of `daily_table`.
    """
    known = table.dropna(subset=["fwi"])
    if known.empty:
        states = table[[name.replace("-", "_") for name in SEASON_STATES.values()]].sum()
        return f"no day in fire season; most of the area is {str(states.idxmax()).replace('_', '-')}."
    top = known.loc[known["fwi"].idxmax()]
    danger, kpo = (
        int((known[name] >= least).sum()) for name, least in (("danger_class", HIGH), ("kpo_class", HIGH_KPO))
    )
    return (
        f"fire weather index {known['fwi'].mean():.1f} in the mean of {len(known)} days in season (of {len(table)}), "
        f"highest {top['fwi']:.1f} on {top['date']}; danger high or more on {danger} days, KPO class IV or V on {kpo}."
    )
