"""Weather of reanalyses and climate models, as files have it, to daily weather at solar noon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.contracts.errors import InputError
from habitat.sources.weather_hours import RainAddsUp, at_noon
from habitat.sources.weather_names import NamedWeather, named_weather
from habitat.sources.weather_units import converted

NOON_UTC = "03:15"
"""Solar noon of the landscape, one for both countries: 131 degrees east has it within a quarter of an hour."""
NOON_SHARE = 0.75
"""How far noon is on the way from a day's mean to its highest temperature [1]: a sine with its peak at about a quarter
to three in the afternoon."""

SNOW_DENSITY = 250.0
"""Density that turns a snow pack's water into depth where the source has no depth [kg m-3]."""

WEATHER_UNITS_KEPT = {
    "temperature": "degC",
    "humidity": "%",
    "wind": "km h-1",
    "rain": "mm",
    "temperature_max": "degC",
    "dew_point": "degC",
    "snow_depth": "m",
    "snow_cover": "1",
}
"""What daily weather may hold, and in which units."""
_MAGNUS = (17.625, 243.04)
DAY_H = 24.0
"""Hours of a day."""
_KINDS = {b"CDF": "scipy", b"\x89HDF": "h5netcdf", b"GRIB": "cfgrib"}


@dataclass(frozen=True, eq=False)
class DailyWeather:
    """Daily weather, and what was done to it.

    Parameters
    ----------
    values : Dataset (time, y, x)
        ``temperature`` [degC], ``humidity`` [%], ``wind`` [km h-1] and ``rain`` [mm of 24 hours], and what the source
        has of ``temperature_max`` [degC], ``dew_point`` [degC], ``snow_depth`` [m] and ``snow_cover`` [1]; coordinates
        ``latitude`` and ``longitude``. In memory.
    notes : tuple of str
        Conversions, assumptions and gaps, for people.
    """

    values: xr.Dataset
    notes: tuple[str, ...]


def read_weather(
    source: Path | Sequence[Path] | xr.Dataset,
    *,
    noon_utc: str = NOON_UTC,
    first_day: str | None = None,
    last_day: str | None = None,
    rain_adds_up: RainAddsUp = "as-told",
) -> DailyWeather:
    """Read weather and make it daily, at solar noon, in the units of the fire weather.

    Variables are found by their names in ERA5, ERA5-Land and the climate models' archives, or by their CF standard
    names. Of hourly sources the hour nearest to noon is taken, and the rain of the 24 hours up to it, whether the
    source adds it up hour by hour (ERA5) or since midnight (ERA5-Land). Humidity is computed from the dew point, wind
    from its components where they are all there is. Days without a noon in the record are put in as unknown.

    Parameters
    ----------
    source : Path, sequence of Path or Dataset
        NetCDF, GRIB (with cfgrib installed) or Zarr (with zarr installed); several files follow in time. To go on
        month by month, give the hours from the noon before as well.
    noon_utc : str
        Time of solar noon, ``HH:MM``.
    first_day, last_day : str, optional
        Days wanted, both included; of all by default.
    rain_adds_up : {'as-told', 'by-step', 'by-day'}
        Whether the rain of hourly sources is that of each step, or of the day since 00 UTC. By default the file's
        words decide; where it has none, rain that never falls within a day is taken as added up since 00 UTC.

    Returns
    -------
    DailyWeather

    Raises
    ------
    InputError
        If a file cannot be read, a variable is lacking or its unit unknown, or the times do not ascend.
    """
    opened = source if isinstance(source, xr.Dataset) else _opened([source] if isinstance(source, Path) else source)
    weather = named_weather(opened)
    found = daily_weather(weather, step_hours(weather.times), noon_of_day(noon_utc), rain_adds_up=rain_adds_up)
    values, notes = found.values, list(found.notes)
    chosen = values.sel(time=slice(first_day, last_day))
    if chosen.sizes["time"] == 0:
        begin, end = (str(values["time"].values[place])[:10] for place in (0, -1))
        raise InputError(f"the weather has days from {begin} to {end}, none from {first_day} to {last_day}")
    if (chosen["latitude"] < 0).any():
        notes.append("cells south of the equator have the day lengths of their own latitude")
    return DailyWeather(chosen, tuple(notes))


def daily_weather(
    weather: NamedWeather, step_hours: float, noon: np.timedelta64, *, rain_adds_up: RainAddsUp = "as-told"
) -> DailyWeather:
    """Make weather that was found in a file, or a piece of it, daily.

    Parameters
    ----------
    weather : NamedWeather
        With ascending times.
    step_hours : float [h]
        Time from one value to the next.
    noon : timedelta64
        Time of solar noon after 00 UTC.
    rain_adds_up : {'as-told', 'by-step', 'by-day'}
        Of `read_weather`.

    Raises
    ------
    InputError
        If a unit is unknown or values are impossible.
    NoWholeDay
        If hours hold no whole day up to noon.
    """
    notes = [*weather.notes]
    if step_hours < DAY_H:
        day, more = at_noon(weather, step_hours, noon, rain_adds_up)
    else:
        day, more = _of_days(weather)
    notes += more
    values = _completed(day, notes)
    return DailyWeather(values, tuple(notes))


def relative_humidity(temperature: xr.DataArray, dew_point: xr.DataArray) -> xr.DataArray:
    """Relative humidity [%] of air of a temperature and a dew point [degC], 100 at most.

    References
    ----------
    Alduchov & Eskridge (1996), Improved Magnus form approximation of saturation vapor pressure.

    Examples
    --------
    >>> round(float(relative_humidity(xr.DataArray(20.0), xr.DataArray(9.26))), 1)
    50.0
    """
    slope, shift = _MAGNUS
    exponent = slope * dew_point / (shift + dew_point) - slope * temperature / (shift + temperature)
    humidity: xr.DataArray = (100 * xr.apply_ufunc(np.exp, exponent)).clip(max=100.0)
    return humidity


def _opened(paths: Sequence[Path]) -> xr.Dataset:
    if not paths:
        raise InputError("no file of weather was given")
    parts = [open_weather(Path(path)) for path in paths]
    if len(parts) == 1:
        return parts[0]
    names = [named_weather(part).time_name for part in parts]
    try:
        # In the order given: what does not ascend is refused later, with its dates.
        return xr.concat(parts, names[0], data_vars="minimal", coords="minimal", compat="equals", join="exact")
    except ValueError as error:
        raise InputError(
            f"the files of weather do not follow each other: {error}; give one grid and one source"
        ) from error


def open_weather(path: Path) -> xr.Dataset:
    """Open a file of weather, lazily.

    Raises
    ------
    InputError
        If it is not there, of no known kind, or cannot be read.
    """
    if not path.exists():
        raise InputError(f"there is no weather {path}; check the name")
    engine = "zarr" if path.is_dir() else _engine(path)
    if engine not in xr.backends.list_engines():
        package = {"h5netcdf": "h5netcdf", "cfgrib": "cfgrib", "zarr": "zarr"}.get(engine, engine)
        raise InputError(
            f"{path} needs the package {package}, which is not installed; install it, or convert to NetCDF 3"
        )
    try:
        return xr.open_dataset(path, engine=engine, chunks=None)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read as {engine}: {error}") from error


def _engine(path: Path) -> str:
    with path.open("rb") as source:
        begin = source.read(4)
    found = next((engine for magic, engine in _KINDS.items() if begin.startswith(magic)), None)
    if found is None:
        raise InputError(f"{path} is neither NetCDF nor GRIB; tables of stations are read by `habitat fire-weather`")
    if found == "h5netcdf" and "netcdf4" in xr.backends.list_engines():
        return "netcdf4"
    return found


def step_hours(times: NDArray[np.datetime64]) -> float:
    """Return the time from one value to the next [h].

    Raises
    ------
    InputError
        If there are fewer than two times, they do not ascend, or the step is no day or part of it.
    """
    if times.size < 2:
        raise InputError(f"the weather has {times.size} time, wants two days or more to tell hours from days")
    steps = np.diff(times).astype("timedelta64[s]").astype(np.int64) / 3600
    if (steps <= 0).any():
        place = int(np.argmax(steps <= 0))
        before, after = (str(times[place + late])[:16] for late in (0, 1))
        what = f"{before} is there twice" if before == after else f"{after} follows {before}"
        raise InputError(f"the times of the weather do not ascend: {what}; sort them and leave each once")
    step = float(np.min(steps))
    if step > DAY_H or (step < DAY_H and DAY_H % step):
        raise InputError(f"the weather has a step of {step:g} hours, wants a day or a part of it; is it monthly?")
    return step


def noon_of_day(noon_utc: str) -> np.timedelta64:
    """Return the time after 00 UTC that a text ``HH:MM`` tells.

    Raises
    ------
    InputError
        If it tells none.

    Examples
    --------
    >>> noon_of_day(NOON_UTC).item()
    datetime.timedelta(seconds=11700)
    """
    hours, _, minutes = noon_utc.partition(":")
    if not (hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60):
        raise InputError(f"noon is {noon_utc!r}, wants hours and minutes UTC, such as {NOON_UTC}")
    return np.timedelta64(int(hours) * 60 + int(minutes), "m")


def _of_days(weather: NamedWeather) -> tuple[dict[str, xr.DataArray], list[str]]:
    """Return the variables of a daily source in the units wanted, and notes."""
    found: dict[str, xr.DataArray] = {}
    notes: list[str] = []
    for name, wanted in weather.units.items():
        part = converted(weather.variable(name), wanted, step_hours=DAY_H)
        found[name] = part.values.assign_coords(
            time=part.values["time"].values.astype("datetime64[D]").astype("datetime64[ns]")
        )
        notes += [part.note] if part.note else []
    told = " ".join(
        str(weather.variable("rain").attrs.get(key, "")) for key in ("cell_methods", "long_name", "comment")
    )
    if "noon" not in told:
        notes.append("rain is that of the source's day, not of the 24 hours up to noon")
    if "mean" in str(weather.variable("temperature").attrs.get("cell_methods", "")):
        notes.append(_towards_noon(found))
    return found, notes


def _towards_noon(found: dict[str, xr.DataArray]) -> str:
    if "temperature_max" not in found:
        return "temperature is the day's mean, which is lower than noon's: codes come out too low"
    mean = found["temperature"]
    found["temperature"] = mean + NOON_SHARE * (found["temperature_max"] - mean)
    return f"temperature at noon is taken {NOON_SHARE:g} of the way from the day's mean to its highest"


def _completed(day: dict[str, xr.DataArray], notes: list[str]) -> xr.Dataset:
    """Return all that the fire weather wants, derived where it has to be, on every day from first to last."""
    if "humidity" in day:
        above = int((day["humidity"] > 100).sum())
        notes += [f"humidity above 100 % was taken as 100 % {above} times"] if above else []
        day["humidity"] = day["humidity"].clip(max=100.0)
    else:
        day["humidity"] = relative_humidity(day["temperature"], day["dew_point"])
        notes.append("humidity is computed from the dew point")
    if "wind" not in day:
        day["wind"] = xr.apply_ufunc(np.hypot, day["wind_east"], day["wind_north"])
        notes.append("wind is computed from its components")
    if float(day["wind"].min()) < 0:
        raise InputError(f"the wind is {float(day['wind'].min()):g} km/h at least, wants a speed; is it a component?")
    if "snow_depth" not in day and "snow_water" in day:
        day["snow_depth"] = day["snow_water"] / SNOW_DENSITY
        notes.append(f"snow depth is computed from its water with {SNOW_DENSITY:g} kg m-3")
    least = float(day["rain"].min())
    if least < 0:
        notes.append(f"rain below zero, down to {least:.2g} mm, was taken as none")
        day["rain"] = day["rain"].clip(min=0.0)
    kept = {
        name: day[name].assign_attrs(units=units).astype(np.float32)
        for name, units in WEATHER_UNITS_KEPT.items()
        if name in day
    }
    found = xr.Dataset(kept).transpose("time", "y", "x")
    times = found["time"].values
    every = np.arange(times[0], times[-1] + np.timedelta64(1, "D"), np.timedelta64(1, "D"))
    if every.size > times.size:
        notes.append(f"{every.size - times.size} days without weather were put in as unknown")
        found = found.reindex(time=every)
    return found.load()
