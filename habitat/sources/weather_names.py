"""Names of weather variables and coordinates in the files of the world, and the ones they have here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.contracts.errors import InputError

_UNITS = {
    "temperature": "degC",
    "temperature_max": "degC",
    "dew_point": "degC",
    "humidity": "%",
    "wind": "km h-1",
    "wind_east": "km h-1",
    "wind_north": "km h-1",
    "rain": "mm",
    "snow_depth": "m",
    "snow_water": "kg m-2",
    "snow_cover": "1",
}
"""What is looked for, and the unit it is wanted in."""
_NAMES = {
    "temperature": ("tas", "t2m", "2t", "t2", "temp", "temperature"),
    "temperature_max": ("tasmax", "mx2t", "tmax", "temperature_max"),
    "dew_point": ("d2m", "2d", "tdps", "dew_point"),
    "humidity": ("hurs", "r2", "2r", "rh2m", "rh", "humidity"),
    "wind": ("sfcWind", "si10", "10si", "ws", "ws10", "wind"),
    "wind_east": ("u10", "10u", "uas"),
    "wind_north": ("v10", "10v", "vas"),
    "rain": ("pr", "tp", "prec", "rain"),
    "snow_depth": ("snd", "sde", "snow_depth"),
    "snow_water": ("snw", "sd"),
    "snow_cover": ("snc", "snow_cover"),
}
_STANDARD_NAMES = {
    "air_temperature": "temperature",
    "dew_point_temperature": "dew_point",
    "relative_humidity": "humidity",
    "wind_speed": "wind",
    "eastward_wind": "wind_east",
    "northward_wind": "wind_north",
    "precipitation_flux": "rain",
    "precipitation_amount": "rain",
    "lwe_thickness_of_precipitation_amount": "rain",
    "surface_snow_thickness": "snow_depth",
    "lwe_thickness_of_surface_snow_amount": "snow_water",
    "surface_snow_amount": "snow_water",
    "surface_snow_area_fraction": "snow_cover",
}
_TIMES = ("time", "valid_time", "t")
_LATITUDES = ("latitude", "lat", "nav_lat")
_LONGITUDES = ("longitude", "lon", "long", "nav_lon")
_DIMS = ("time", "y", "x")


@dataclass(frozen=True, eq=False)
class NamedWeather:
    """A dataset whose variables and coordinates have been found.

    Parameters
    ----------
    dataset : Dataset (time, y, x)
        Only what is of use, lazily; coordinates ``latitude`` and ``longitude``.
    found : dict
        Our name of each variable that is there, to the file's.
    time_name : str
        What the file calls its time.
    notes : tuple of str
        What was left away.
    """

    dataset: xr.Dataset
    found: dict[str, str]
    time_name: str
    notes: tuple[str, ...] = ()

    @property
    def units(self) -> dict[str, str]:
        """Units wanted of what is there."""
        return {name: _UNITS[name] for name in self.found}

    @property
    def times(self) -> NDArray[np.datetime64]:
        """Times of the dataset, UTC."""
        times: NDArray[np.datetime64] = self.dataset["time"].values
        return times

    def variable(self, name: str) -> xr.DataArray:
        """Return a variable by our name."""
        return self.dataset[self.found[name]]


def named_weather(dataset: xr.Dataset) -> NamedWeather:
    """Find the variables and coordinates of weather in a dataset.

    Raises
    ------
    InputError
        If what the fire weather needs is not there, or stands on dimensions other than time, latitude and longitude.
    """
    time_name = _one_of(dataset, _TIMES, "time")
    found = _variables(dataset)
    _check_enough(found, dataset)
    notes = _without_units(found, dataset)
    dataset = _points_as_a_row(dataset)
    latitude = _coordinate(dataset, _LATITUDES, "latitude")
    longitude = _coordinate(dataset, _LONGITUDES, "longitude")
    chosen = dataset[list(found.values())]
    extra = [dim for dim in chosen.dims if dim != time_name and dim not in (*latitude.dims, *longitude.dims)]
    large = [f"{dim} ({chosen.sizes[dim]})" for dim in extra if chosen.sizes[dim] > 1]
    if large:
        raise InputError(
            f"the weather has the further dimension {', '.join(large)}; choose one of it first, such as one member or "
            "one version"
        )
    y, x = _dims(latitude, longitude)
    clean = chosen.squeeze(extra, drop=True).reset_coords(drop=True)
    clean = clean.drop_vars([name for name in clean.coords if name != time_name])
    renamed = clean.rename({old: new for old, new in ((time_name, "time"), (y, "y"), (x, "x")) if old != new})
    placed = _placed(renamed, latitude, longitude, (y, x))
    _check_times(placed)
    return NamedWeather(placed.transpose(*_DIMS), found, time_name, notes)


def _variables(dataset: xr.Dataset) -> dict[str, str]:
    known = {alias: name for name, aliases in _NAMES.items() for alias in aliases}
    found: dict[str, str] = {}
    for name, aliases in _NAMES.items():
        alias = next((alias for alias in aliases if alias in dataset.data_vars), None)
        if alias:
            found[name] = alias
    for variable in map(str, dataset.data_vars):
        # Extremes have the standard names of means, so what has a known name is what the name says.
        name = _STANDARD_NAMES.get(str(dataset[variable].attrs.get("standard_name", "")), "")
        extreme = any(word in str(dataset[variable].attrs.get("cell_methods", "")) for word in ("minimum", "maximum"))
        if name and name not in found and variable not in known and not extreme:
            found[name] = variable
    return found


def _without_units(found: dict[str, str], dataset: xr.Dataset) -> tuple[str, ...]:
    """Leave away a humidity that does not tell its unit where the dew point says the same."""
    name = found.get("humidity", "")
    if "dew_point" in found and name and not str(dataset[name].attrs.get("units", "")).strip():
        del found["humidity"]
        return (f"{name} does not tell its units and was left away",)
    return ()


def _points_as_a_row(dataset: xr.Dataset) -> xr.Dataset:
    """Return points of one dimension, such as stations, as one row of cells with a latitude and longitude each."""
    latitude, longitude = (
        _coordinate(dataset, names, what) for names, what in ((_LATITUDES, "latitude"), (_LONGITUDES, "longitude"))
    )
    if latitude.dims != longitude.dims or latitude.ndim != 1:
        return dataset
    names = [str(found.name) for found in (latitude, longitude)]
    row = "row" if "row" not in dataset.variables else "row_of_points"
    return (
        dataset.reset_coords(drop=False)
        .set_coords(names)
        .expand_dims({row: 1})
        .assign_coords(
            {
                name: ((row, *values.dims), values.values[np.newaxis], values.attrs)
                for name, values in zip(names, (latitude, longitude), strict=True)
            }
        )
    )


def _check_enough(found: dict[str, str], dataset: xr.Dataset) -> None:
    lacking = [name for name in ("temperature", "rain") if name not in found]
    lacking += [] if {"humidity", "dew_point"} & set(found) else ["humidity or dew point"]
    lacking += [] if "wind" in found or {"wind_east", "wind_north"} <= set(found) else ["wind, or both its components"]
    if lacking:
        names = "; ".join(f"{name}: {', '.join(_NAMES[name])}" for name in _NAMES)
        raise InputError(
            f"the weather has {', '.join(map(str, dataset.data_vars)) or 'no variables'}, and lacks "
            f"{', '.join(lacking)}; known names are {names}; others are known by their standard_name"
        )


def _one_of(dataset: xr.Dataset, names: tuple[str, ...], what: str) -> str:
    found = next((name for name in names if name in dataset.dims and name in dataset.coords), None)
    if found is None:
        raise InputError(
            f"the weather has dimensions {', '.join(map(str, dataset.dims))}, none of them {what} "
            f"({', '.join(names)}); forecasts with a time and a step are stacked to one time first"
        )
    return found


def _coordinate(dataset: xr.Dataset, names: tuple[str, ...], what: str) -> xr.DataArray:
    for name, variable in dataset.variables.items():
        if str(name) in names or variable.attrs.get("standard_name") == what:
            return dataset[name]
    raise InputError(f"the weather has no {what} ({', '.join(names)}, or what has it as its standard_name)")


def _dims(latitude: xr.DataArray, longitude: xr.DataArray) -> tuple[str, str]:
    if latitude.ndim == 1 and longitude.ndim == 1 and latitude.dims != longitude.dims:
        return str(latitude.dims[0]), str(longitude.dims[0])
    if latitude.ndim == 2 and latitude.dims == longitude.dims:
        return str(latitude.dims[0]), str(latitude.dims[1])
    raise InputError(
        f"latitude has dimensions {latitude.dims} and longitude {longitude.dims}; wants one each, or the same two; "
        "give a single point as a grid of one cell"
    )


def _placed(dataset: xr.Dataset, latitude: xr.DataArray, longitude: xr.DataArray, dims: tuple[str, str]) -> xr.Dataset:
    new = dict(zip(dims, _DIMS[1:], strict=True))
    places: dict[str, Any] = {}
    for name, values in (("latitude", latitude), ("longitude", longitude)):
        units = f"degrees_{'north' if name == 'latitude' else 'east'}"
        attributes = {"standard_name": name, "units": units}
        places[name] = (tuple(new[str(dim)] for dim in values.dims), np.asarray(values.values, np.float64), attributes)
    if latitude.ndim == 1:
        places |= {"y": ("y", places["latitude"][1]), "x": ("x", places["longitude"][1])}
    if not (np.abs(places["latitude"][1]) <= 90).all():
        raise InputError("a latitude of the weather is not between -90 and 90; are the coordinates metres?")
    return dataset.assign_coords(places)


def _check_times(dataset: xr.Dataset) -> None:
    times = dataset["time"]
    if not np.issubdtype(times.dtype, np.datetime64):
        raise InputError(
            f"the times of the weather are {times.dtype} (calendar {times.encoding.get('calendar', 'unknown')}); wants "
            "the usual calendar; convert with xarray's convert_calendar('standard')"
        )
