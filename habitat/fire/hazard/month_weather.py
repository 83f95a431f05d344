"""Month weather: daily codes of fire weather to statistics of months, and where a month stands among its like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.fire.weather.fire_season import MISSING, NOT_STARTED

ONE_MONTH = np.timedelta64(1, "M")
HIGH_FWI = 21.3
"""Fire weather index above which a day counts as one of high danger: EFFIS' limit of its class high."""
LEAST_DAYS = 0.8
"""Share of a month's days that must be known [1]."""
STATISTICS = ("fwi_mean", "fwi_p90", "days_high", "bare_days")
_NO_SNOW_M = 0.01
_LONGEST_BARE = 60


@dataclass(frozen=True, eq=False)
class MonthWeather:
    """Statistics of months.

    Parameters
    ----------
    months : datetime64[M] (month,)
        Consecutive months.
    values : mapping of str to float32 (month, y, x)
        ``fwi_mean`` (days without a fire season count as 0), ``fwi_p90``, ``days_high`` (share of the days with an
        index above `HIGH_FWI`) and, with a snow depth, ``bare_days`` (days without snow before the month begins, 60
        at most). NaN where too few days are known.
    whole : bool (month,)
        Whether the record has every day of the month.
    """

    months: NDArray[np.datetime64]
    values: dict[str, NDArray[np.float32]]
    whole: NDArray[np.bool_]


def month_weather(codes: xr.Dataset, snow_depth: xr.DataArray | None = None) -> MonthWeather:
    """Turn daily fire weather into statistics of months.

    Parameters
    ----------
    codes : Dataset (time, y, x)
        ``fwi`` and ``season`` as `habitat.fire.weather_index.fire_weather` gives them.
    snow_depth : DataArray (time, y, x) [m], optional
        Of the same days.
    """
    days = codes["time"].values.astype("datetime64[D]")
    month_of = days.astype("datetime64[M]")
    months = np.arange(month_of[0], month_of[-1] + ONE_MONTH)
    state = codes["season"].values
    unknown = (state == MISSING) | (state == NOT_STARTED)
    fwi = np.where(unknown, np.nan, np.nan_to_num(codes["fwi"].values)).astype(np.float32)
    shape = months.size, *fwi.shape[1:]
    found = {name: np.full(shape, np.nan, np.float32) for name in STATISTICS[:3]}
    whole = np.zeros(months.size, bool)
    for number, month in enumerate(months):
        rows = np.flatnonzero(month_of == month)
        length = int(((month + ONE_MONTH).astype("datetime64[D]") - month.astype("datetime64[D]")).astype(np.int64))
        whole[number] = rows.size == length
        part = fwi[rows]
        enough = np.isfinite(part).sum(axis=0) >= LEAST_DAYS * length
        if enough.any():
            seen = part[:, enough]
            found["fwi_mean"][number][enough] = np.nanmean(seen, axis=0)
            found["fwi_p90"][number][enough] = np.nanpercentile(seen, 90, axis=0)
            known = np.isfinite(seen).sum(axis=0)
            found["days_high"][number][enough] = (seen > HIGH_FWI).sum(axis=0) / known
    if snow_depth is not None:
        found["bare_days"] = _bare_days(snow_depth, months)
    return MonthWeather(months, found, whole)


def _bare_days(snow_depth: xr.DataArray, months: NDArray[np.datetime64]) -> NDArray[np.float32]:
    days = snow_depth["time"].values.astype("datetime64[D]")
    snowy = snow_depth.values > _NO_SNOW_M
    out = np.full((months.size, *snowy.shape[1:]), np.nan, np.float32)
    run = np.full(snowy.shape[1:], np.nan, np.float32)
    first_days = months.astype("datetime64[D]")
    for number, day in enumerate(days):
        begins = np.flatnonzero(first_days == day)
        if begins.size:
            out[begins[0]] = np.minimum(run, _LONGEST_BARE)
        # Before the first snow of a record nobody knows how long the ground has been bare.
        run = np.where(snowy[number], np.float32(0), run + np.float32(1))
    return out


def percentile_of(values: NDArray[Any], months: NDArray[np.datetime64], month: np.datetime64) -> NDArray[np.float32]:
    """Where a month stands among the same months of earlier years [1], 0.5 where there are none.

    Parameters
    ----------
    values : array (month, ...)
        One statistic.
    months : datetime64[M] (month,)
        Consecutive months.
    month : datetime64[M]
        The month in question.

    Examples
    --------
    >>> months = np.arange("2020-01", "2023-01", dtype="datetime64[M]")
    >>> percentile_of(np.arange(36.0), months, np.datetime64("2022-05")).item()
    1.0
    """
    now = int((month.astype("datetime64[M]") - months[0]).astype(np.int64))
    earlier = values[now % 12 : now : 12]
    known = np.isfinite(earlier).sum(axis=0)
    below = (earlier < values[now]).sum(axis=0) + 0.5 * (earlier == values[now]).sum(axis=0)
    share = np.where((known > 0) & np.isfinite(values[now]), below / np.maximum(known, 1), 0.5)
    return np.asarray(share, np.float32)
