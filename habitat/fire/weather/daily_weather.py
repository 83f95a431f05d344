"""What daily weather must look like before codes are computed from it: variables, units, days, possible values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.contracts.errors import InputError

WEATHER_UNITS = {"temperature": "degC", "humidity": "%", "wind": "km h-1", "rain": "mm"}
"""What the weather must hold, at solar noon, and in which units."""
SEASON_UNITS = {"temperature_max": "degC", "snow_depth": "m", "snow_cover": "1", "in_season": "1"}
"""What rules of the season may read."""
NORTHERN = 46.0
"""Latitude of the day lengths of the equations [degrees north]."""

_DIMS = ("time", "y", "x")
_POSSIBLE = {
    "temperature": (-100.0, 100.0, "degrees Celsius; Kelvin perhaps?"),
    "humidity": (0.0, 100.0, "relative humidity in percent"),
    "wind": (0.0, np.inf, "speed in km/h"),
    "rain": (0.0, np.inf, "millimetres in 24 hours"),
}


def checked_days(weather: xr.Dataset) -> NDArray[np.datetime64]:
    """Days of daily weather, after its variables, units and dates have been looked at.

    Returns
    -------
    datetime64[D] (time,)

    Raises
    ------
    InputError
        If a variable is missing, lazy or has other dimensions or units, or the days are not consecutive.
    """
    missing = [name for name in WEATHER_UNITS if name not in weather]
    if missing:
        raise InputError(
            f"the weather lacks {', '.join(missing)}; wants {', '.join(WEATHER_UNITS)}; read it with "
            "habitat.sources.weather"
        )
    for name, units in (WEATHER_UNITS | SEASON_UNITS).items():
        if name in weather:
            _check_variable(weather[name], units)
    if weather.sizes["time"] == 0:
        raise InputError("the weather has no days; ask for another period")
    days = weather["time"].values
    if not np.issubdtype(days.dtype, np.datetime64):
        raise InputError(f"the times of the weather are {days.dtype}, want dates of the usual calendar")
    return _consecutive(days.astype("datetime64[D]"))


def latitudes(weather: xr.Dataset) -> NDArray[np.float64]:
    """Latitude of every cell (cell,) [degrees north].

    Raises
    ------
    InputError
        If the weather has no coordinate ``latitude`` over y, x or both.
    """
    if "latitude" not in weather.coords:
        raise InputError("the weather has no coordinate 'latitude'; day lengths depend on it")
    shape = {dim: weather.sizes[dim] for dim in _DIMS[1:]}
    where = weather["latitude"]
    if not set(where.dims) <= set(shape):
        raise InputError(f"'latitude' has dimensions {where.dims}, wants y, x or both")
    return np.asarray(
        where.broadcast_like(xr.DataArray(np.empty(tuple(shape.values())), dims=_DIMS[1:])), float
    ).ravel()


def check_possible(values: Mapping[str, NDArray[Any]], days: NDArray[np.datetime64]) -> None:
    """Refuse weather that no place on earth has; NaN is unknown, and no matter.

    Parameters
    ----------
    values : mapping of array (time, cell)
        Of `WEATHER_UNITS`.
    days : datetime64[D] (time,)
        For the text.

    Raises
    ------
    InputError
        With the variable, how many values, the first day and value.
    """
    for name, (least, most, meaning) in _POSSIBLE.items():
        wrong = (values[name] < least) | (values[name] > most)
        if wrong.any():
            day = int(np.argmax(wrong.any(axis=1)))
            value = values[name][day][wrong[day]][0]
            raise InputError(
                f"{name} is {value:g} on {days[day]} and outside {least:g} to {most:g} {int(wrong.sum())} times; wants "
                f"{meaning}; mend the values, or make them NaN where they are unknown"
            )


def _check_variable(variable: xr.DataArray, units: str) -> None:
    name = str(variable.name)
    if variable.dims != _DIMS:
        raise InputError(f"{name} has dimensions {variable.dims}, wants {_DIMS}")
    if variable.chunks is not None:
        raise InputError(f"{name} is not in memory; load it (weather.load()), a month at a time if it is large")
    found = variable.attrs.get("units", units)
    if found != units:
        raise InputError(f"{name} is in {found!r}, wants {units!r}; habitat.sources.weather converts it")


def _consecutive(days: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    steps = np.diff(days).astype(np.int64)
    if (steps == 1).all():
        return days
    place = int((steps != 1).argmax())
    before, after = days[place], days[place + 1]
    if steps[place] == 0:
        raise InputError(f"{before} is there twice; wants each day once")
    if steps[place] < 0:
        raise InputError(f"{after} follows {before}; sort the days")
    raise InputError(
        f"no day between {before} and {after}; days without weather want to be there with NaN, so that the state tells "
        "of the gap (habitat.sources.weather puts them in)"
    )
