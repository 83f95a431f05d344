"""Hours of a reanalysis to days: the hour nearest to solar noon, and the rain of the 24 hours up to it."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.contracts.errors import InputError
from habitat.sources.weather_names import NamedWeather
from habitat.sources.weather_units import converted

RainAddsUp = Literal["as-told", "by-step", "by-day"]
_SINCE_MIDNIGHT = "rain is added up since 00 UTC in the source, and was taken apart"
_FAR_H = 1.5
"""How far from noon an hour may be to stand for it."""


class NoWholeDay(InputError):
    """None of the hours given makes a whole day up to noon."""


def at_noon(
    weather: NamedWeather, step_hours: float, noon: np.timedelta64, rain_adds_up: RainAddsUp = "as-told"
) -> tuple[dict[str, xr.DataArray], list[str]]:
    """Return each day's values at the hour nearest to noon, and the rain of the 24 hours up to it.

    Parameters
    ----------
    weather : NamedWeather
        With times UTC, ascending.
    step_hours : float [h]
        Time from one value to the next.
    noon : timedelta64
        Time of noon after 00 UTC.
    rain_adds_up : {'as-told', 'by-step', 'by-day'}
        Of `read_weather`.

    Returns
    -------
    dict of DataArray (time, y, x)
        Days from the first with a whole 24 hours of rain to the last with a noon; days without are left out.
    list of str
        Notes.

    Raises
    ------
    NoWholeDay
        If no hour is near enough to noon, or no day has its 24 hours.
    """
    times = weather.times.astype("datetime64[m]")
    picks, days = _noons(times, step_hours, noon)
    found: dict[str, xr.DataArray] = {}
    notes: list[str] = []
    for name, wanted in weather.units.items():
        part = converted(weather.variable(name).load(), wanted, step_hours=step_hours)
        notes += [part.note] if part.note else []
        values = part.values
        if name == "rain":
            rain, more = _by_step(values.values, weather.variable(name), times, step_hours, rain_adds_up)
            values = values.isel(time=picks).copy(data=_summed(rain, times, picks, step_hours))
            notes += more
        else:
            values = values.isel(time=picks)
        found[name] = values.assign_coords(time=days.astype("datetime64[ns]"))
    return _from_first_whole(found, days, notes), notes


def _noons(
    times: NDArray[np.datetime64], step_hours: float, noon: np.timedelta64
) -> tuple[NDArray[np.int64], NDArray[np.datetime64]]:
    all_days = np.arange(times[0].astype("datetime64[D]"), times[-1].astype("datetime64[D]") + np.timedelta64(1, "D"))
    wanted: Any = all_days.astype("datetime64[m]") + noon
    after = np.clip(np.searchsorted(times, wanted), 1, times.size - 1)
    nearer = np.where(wanted - times[after - 1] <= times[after] - wanted, after - 1, after)
    apart = np.abs(times[nearer] - wanted).astype(np.float64) / 60
    near = apart <= min(max(step_hours / 2, 0.5), _FAR_H)
    if not near.any():
        raise NoWholeDay(
            f"no time of the weather is within {_FAR_H:g} hours of noon at {wanted[0]!s:.16} UTC; wants hours that "
            "include it, or another noon"
        )
    return nearer[near].astype(np.int64), all_days[near]


def _by_step(
    amounts: NDArray[np.float64],
    told: xr.DataArray,
    times: NDArray[np.datetime64],
    step_hours: float,
    rain_adds_up: RainAddsUp,
) -> tuple[NDArray[np.float64], list[str]]:
    """Return the rain of each step [mm], however the source adds it up."""
    notes = []
    whole_day = rain_adds_up == "by-day" or (rain_adds_up == "as-told" and adds_up_by_day(told, amounts, times))
    if whole_day:
        amounts = _taken_apart(amounts, times, step_hours)
        notes.append(_SINCE_MIDNIGHT)
    low = float(np.nanmin(amounts, initial=0.0))
    if low < 0:
        notes.append(f"rain below zero, down to {low:.2g} mm a step, was taken as none")
        amounts = np.maximum(amounts, 0)
    return amounts, notes


def _summed(
    amounts: NDArray[np.float64], times: NDArray[np.datetime64], picks: NDArray[np.int64], step_hours: float
) -> NDArray[np.float64]:
    """Return the rain of the 24 hours that end at each of the picked times; NaN where one of them is missing."""
    count, follows = round(24 / step_hours), _follows(times, step_hours)
    out = np.full((picks.size, *amounts.shape[1:]), np.nan)
    for day, pick in enumerate(picks):
        first = pick - count + 1
        if first >= 0 and follows[first + 1 : pick + 1].all():
            out[day] = amounts[first : pick + 1].sum(axis=0)
    return out


def _follows(times: NDArray[np.datetime64], step_hours: float) -> NDArray[np.bool_]:
    """Tell of each time whether the one before is a step before it."""
    return np.append(False, np.diff(times) == np.timedelta64(round(step_hours * 60), "m"))


def adds_up_by_day(told: xr.DataArray, amounts: NDArray[np.float64], times: NDArray[np.datetime64]) -> bool:
    """Tell whether rain is added up since 00 UTC: by what the file says, else by whether it ever falls within a day."""
    words = f"{told.attrs.get('cell_methods', '')} {told.attrs.get('long_name', '')}".lower()
    if "interval: 1 hour" in words or "of the hour" in words:
        return False
    units = str(told.attrs.get("units", "")).lower()
    if "s-1" in units.replace("**", "") or "/s" in units:
        return False
    # The value of 00 UTC ends the day before.
    day = (times - np.timedelta64(1, "m")).astype("datetime64[D]")
    within = day[1:] == day[:-1]
    rises = np.diff(amounts, axis=0)[within]
    least = float(np.nanmin(rises, initial=0.0))
    return bool(least >= -1e-3 and np.nanmax(rises, initial=0.0) > 0.0)


def _taken_apart(amounts: NDArray[np.float64], times: NDArray[np.datetime64], step_hours: float) -> NDArray[np.float64]:
    apart = np.full(amounts.shape, np.nan)
    apart[1:] = np.diff(amounts, axis=0)
    apart[~_follows(times, step_hours)] = np.nan
    begins = (times - times.astype("datetime64[D]")).astype(np.float64) / 60 == step_hours
    apart[begins] = amounts[begins]
    return apart


def _from_first_whole(
    found: dict[str, xr.DataArray], days: NDArray[np.datetime64], notes: list[str]
) -> dict[str, xr.DataArray]:
    whole = np.isfinite(found["rain"].values).any(axis=(1, 2))
    if not whole.any():
        raise NoWholeDay("no day of the weather has its 24 hours of rain up to noon; wants hours of two days at least")
    first = int(np.argmax(whole))
    if first:
        notes.append(f"days before {days[first]} have no 24 hours of rain up to noon, and were left out")
    return {name: values.isel(time=slice(first, None)) for name, values in found.items()}
