"""Weather as it is delivered: hours like a reanalysis has, days like a climate model has, and two stations."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator

from habitat.contracts.errors import ConfigError
from habitat.twin.land.climate import LAPSE_K_PER_M
from habitat.twin.land.weather import Daily, Weather
from habitat.twin.world import World, to_degrees

NOON_HOUR = 3
"""Hour of the day [UTC] nearest to solar noon, which is at about 03:12 on 132 degrees east."""
WARMEST_HOUR = 5
"""Hour of the day [UTC] when the highest temperature is reached."""
MIDNIGHT_HOUR = 15
"""Hour of the day [UTC] nearest to solar midnight: with it a local solar day begins."""
ZERO_CELSIUS = 273.15
"""[K]"""

_NOON_SHARE = 0.75
"""How far noon is on the way from a day's mean to its highest temperature [1]."""
_NIGHT_WARMTH = 0.2
"""How far midnight is on the way from the lowest to the highest temperature [1]."""
_MAGNUS = (17.625, 243.04)
"""Constants [1], [degC] of the saturation pressure over water after Alduchov & Eskridge."""
_SOURCE = "habitat.twin; nowhere on earth"


def noon_temperature(weather: Weather) -> Daily:
    """Return the temperature at solar noon [degC]: three quarters of the way from the day's mean to its highest."""
    mean = weather.mean_temperature
    noon: Daily = mean + np.float32(_NOON_SHARE) * (weather.highest_temperature - mean)
    return noon


def dew_point(temperature: ArrayLike, humidity: ArrayLike) -> NDArray[Any]:
    """Return the dew point [degC] of air of a temperature [degC] and a relative humidity [%].

    References
    ----------
    Alduchov & Eskridge (1996), Improved Magnus form approximation of saturation vapor pressure.

    Examples
    --------
    >>> round(float(dew_point(20.0, 100.0)), 2)
    20.0
    >>> round(float(dew_point(20.0, 50.0)), 2)
    9.26
    """
    slope, shift = _MAGNUS
    warm = np.asarray(temperature)
    gamma = np.log(np.asarray(humidity) / 100) + slope * warm / (shift + warm)
    dew: NDArray[Any] = shift * gamma / (slope - gamma)
    return dew


def relative_humidity(temperature: ArrayLike, dew: ArrayLike) -> NDArray[Any]:
    """Return the relative humidity [%] of air of a temperature and a dew point [degC]; undoes `dew_point`."""
    slope, shift = _MAGNUS
    warm, cool = np.asarray(temperature), np.asarray(dew)
    humidity: NDArray[Any] = 100 * np.exp(slope * cool / (shift + cool) - slope * warm / (shift + warm))
    return humidity


@dataclass(frozen=True, eq=False)
class _Stretch:
    """Days around a stretch of hours: one before the first and one after the last, the weather's edges repeated."""

    weather: Weather
    picks: NDArray[np.int64]
    days: NDArray[np.datetime64]
    hours: NDArray[np.int64]
    """Hours [h] since the beginning of the stretch's first day, UTC."""

    def of(self, values: Daily) -> NDArray[np.float64]:
        return values[self.picks].astype(np.float64)

    @property
    def interval(self) -> NDArray[np.int64]:
        """Place in `days` of the day at whose noon an hour's 24 hours end."""
        return (self.hours + 23 - NOON_HOUR) // 24 + 1

    @property
    def since_noon(self) -> NDArray[np.int64]:
        """Hours since the noon before, 1 to 24."""
        return (self.hours + 23 - NOON_HOUR) % 24 + 1

    def between_noons(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        share = self.since_noon[:, None, None] / 24
        before, after = values[self.interval - 1], values[self.interval]
        course: NDArray[np.float64] = before + (after - before) * share
        return course


def hours_of(weather: Weather, first: date | str, last: date | str) -> xr.Dataset:
    """Return hourly weather on the weather's grid, from 00 UTC of the first day to 23 UTC of the last.

    Names and units are those of ERA5-Land, but ``tp`` is the precipitation of the hour that ends at the time, not what
    fell since 00 UTC. At 03 UTC, the hour nearest to solar noon, temperature is `noon_temperature`, and humidity and
    wind are the days' own. Extremes are those of the local solar day, 15 UTC to 14 UTC: the lowest temperature comes at
    the full hour after sunrise, the highest at 05 UTC. Precipitation from 04 UTC to 03 UTC adds up to the day's.

    Raises
    ------
    ConfigError
        If the weather does not hold all of the days.

    Examples
    --------
    >>> from habitat.twin.land.weather import weather_of
    >>> from habitat.twin.world import world_of
    >>> hours = hours_of(weather_of(world_of("tiny", 1)), "2025-04-24", "2025-04-24")
    >>> dict(hours.sizes)
    {'time': 24, 'latitude': 2, 'longitude': 2}
    """
    stretch = _stretch_of(weather, first, last)
    bridges, falls = _by_chance(stretch)
    warm = _temperature(stretch, bridges[0])
    noon = noon_temperature(weather).astype(np.float64)
    dew = _dew(stretch, noon, warm, bridges[1])
    east, north = _wind(stretch, bridges[2])
    rain = stretch.of(weather.precipitation)
    rain[stretch.days > weather.days[-1]] = 0
    fields = {
        "t2m": warm + ZERO_CELSIUS,
        "d2m": dew + ZERO_CELSIUS,
        "u10": east,
        "v10": north,
        "tp": rain[stretch.interval] * falls[:, None, None] / 1000,
        "sde": stretch.between_noons(stretch.of(weather.snow_depth)),
    }
    times = stretch.days[1].astype("datetime64[ns]") + stretch.hours.astype("timedelta64[h]")
    return _dataset(weather, times, fields, _HOURLY, "Made-up hourly weather")


def _stretch_of(weather: Weather, first: date | str, last: date | str) -> _Stretch:
    start, end = np.datetime64(first, "D"), np.datetime64(last, "D")
    if not weather.days[0] <= start <= end <= weather.days[-1]:
        raise ConfigError(
            f"hours from {first} to {last} are wanted, the weather holds {weather.days[0]} to {weather.days[-1]}"
        )
    days = np.arange(start - np.timedelta64(1, "D"), end + np.timedelta64(2, "D"))
    picks = np.clip((days - weather.days[0]).astype(np.int64), 0, len(weather.days) - 1)
    return _Stretch(weather, picks, days, np.arange(24 * (len(days) - 2)))


def _by_chance(stretch: _Stretch) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what is left to chance between noons: three bridges (3, hour) that are 0 at noon, and shares of rain."""
    weather = stretch.weather
    # Drawn day by day, so that an hour is the same whatever stretch it is part of; from rounded numbers, so that
    # the last bits of another machine's arithmetic do not change it.
    seed = zlib.crc32(np.rint(100 * weather.mean_temperature[:30]).astype("<i4").tobytes())
    bridges = np.empty((len(stretch.days), 3, 24))
    falls = np.empty((len(stretch.days), 24))
    steps = np.arange(1, 25) / 24
    for number, (day, pick) in enumerate(zip(stretch.days, stretch.picks, strict=True)):
        rng = np.random.default_rng([seed, int(day.astype(np.int64)) + 100_000])
        walk = np.cumsum(rng.standard_normal((3, 24)), axis=1) / np.sqrt(24)
        bridges[number] = walk - walk[:, -1:] * steps
        amount = float(weather.precipitation[pick].mean())
        length = int(np.clip(round((2 + 1.6 * np.sqrt(amount)) * rng.lognormal(0, 0.4)), 1, 24))
        begin = int(rng.integers(0, 25 - length))
        share = np.zeros(24)
        share[begin : begin + length] = rng.gamma(1.3, size=length) + 0.05
        falls[number] = share / share.sum()
    place = stretch.interval, stretch.since_noon - 1
    return np.stack([bridges[place[0], kind, place[1]] for kind in range(3)]), falls[place]


def _temperature(stretch: _Stretch, bridge: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the temperature of every hour [degC]: smooth and monotone between midnight, sunrise, noon and the peak."""
    weather = stretch.weather
    lowest, highest = stretch.of(weather.lowest_temperature), stretch.of(weather.highest_temperature)
    sunrise = _sunrise(stretch.days, float(weather.latitude.mean()))
    midnight = _midnight(lowest, highest)
    start = 24 * (np.arange(len(stretch.days)) - 1)
    when = np.stack([start + MIDNIGHT_HOUR - 24, start + sunrise, start + NOON_HOUR, start + WARMEST_HOUR], axis=1)
    noon = noon_temperature(weather)[stretch.picks].astype(np.float64)
    points = np.stack([midnight, lowest, noon, highest], axis=1).reshape(-1, *lowest.shape[1:])
    course = PchipInterpolator(when.ravel(), points, axis=0)(stretch.hours)
    local_day = (stretch.hours + 24 - MIDNIGHT_HOUR) // 24 + 1
    # The hours that carry the day's extremes and noon stay as they are.
    since_zero = stretch.hours - 24 * (local_day - 1)
    free = (since_zero != sunrise[local_day]) & (since_zero != WARMEST_HOUR)
    course += 0.8 * (bridge * free)[:, None, None]
    shaken: NDArray[np.float64] = np.clip(course, lowest[local_day], highest[local_day])
    return shaken


def _dew(
    stretch: _Stretch, noon: NDArray[np.float64], warm: NDArray[np.float64], bridge: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the dew point of every hour [degC], exact at noon; frosty nights dry the air, dew stops it below 100 %."""
    weather = stretch.weather
    at_noon = dew_point(noon, weather.noon_humidity.astype(np.float64))[stretch.picks]
    cooled = np.minimum(warm - stretch.between_noons(noon[stretch.picks]), 0)
    dried = np.clip(0.45 - 0.035 * (warm + 5), 0.1, 0.45) * cooled
    raw = relative_humidity(warm, stretch.between_noons(at_noon) + dried + 1.2 * bridge[:, None, None])
    damped = np.where(raw > 95, 95 + 4.5 * (1 - np.exp((95 - raw) / 4.5)), raw)
    is_noon = (stretch.hours % 24 == NOON_HOUR)[:, None, None]
    return dew_point(warm, np.where(is_noon, raw, damped))


def _midnight(lowest: NDArray[np.float64], highest: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the temperature at the beginning of each day [degC], which it and the day before both hold."""
    before = np.maximum(np.arange(len(lowest)) - 1, 0)
    low = (lowest + lowest[before]) / 2
    usual = low + _NIGHT_WARMTH * ((highest + highest[before]) / 2 - low)
    held: NDArray[np.float64] = np.clip(usual, np.maximum(lowest, lowest[before]), np.minimum(highest, highest[before]))
    return held


def _sunrise(days: NDArray[np.datetime64], latitude: float) -> NDArray[np.int64]:
    """Return the full hour after sunrise [h after 00 UTC of the day, below 0]; Cooper's declination is good enough."""
    day_of_year = (days - days.astype("datetime64[Y]")).astype(np.float64) + 1
    declination = np.radians(23.45) * np.sin(2 * np.pi * (284 + day_of_year) / 365)
    half_day = np.degrees(np.arccos(-np.tan(np.radians(latitude)) * np.tan(declination))) / 15
    hour: NDArray[np.int64] = np.ceil(NOON_HOUR + 0.2 - half_day).astype(np.int64)
    return hour


def _wind(stretch: _Stretch, bridge: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the wind towards east and north [m s-1]: it rises by day, drops at night, and turns from noon to noon."""
    weather = stretch.weather
    direction = np.radians(weather.wind_from.astype(np.float64))[stretch.picks]
    to_east = stretch.between_noons(-np.sin(direction))
    to_north = stretch.between_noons(-np.cos(direction))
    turned = np.arctan2(to_east, to_north)
    by_day = 0.62 + 0.43 * np.maximum(np.cos(2 * np.pi * (np.arange(24) - WARMEST_HOUR) / 24), 0)
    strength = (by_day / by_day[NOON_HOUR])[stretch.hours % 24] * np.exp(0.6 * bridge)
    speed = stretch.between_noons(stretch.of(weather.wind_speed)) * strength[:, None, None]
    return speed * np.sin(turned), speed * np.cos(turned)


def daily_of(weather: Weather) -> xr.Dataset:
    """Return the daily weather under the names and in the units of climate models' output.

    ``tasmin`` and ``tasmax`` are those of the local solar day, ``hurs``, ``sfcWind`` and the wind's direction those of
    solar noon, ``pr`` is the mean of the 24 hours that end at noon.
    """
    fields = {
        "tas": weather.mean_temperature.astype(np.float64) + ZERO_CELSIUS,
        "tasmin": weather.lowest_temperature.astype(np.float64) + ZERO_CELSIUS,
        "tasmax": weather.highest_temperature.astype(np.float64) + ZERO_CELSIUS,
        "hurs": weather.noon_humidity,
        "sfcWind": weather.wind_speed,
        "wind_from_direction": weather.wind_from,
        "pr": weather.precipitation.astype(np.float64) / 86400,
        "snd": weather.snow_depth,
    }
    return _dataset(weather, weather.days.astype("datetime64[ns]"), fields, _DAILY, "Made-up daily weather")


@dataclass(frozen=True)
class Station:
    """A made-up weather station."""

    identifier: str
    """Country and number."""
    longitude: float
    """[degrees east]"""
    latitude: float
    """[degrees north]"""
    elevation: float
    """[m]"""


def stations_of(world: World) -> tuple[Station, Station]:
    """Return the two stations of a world: in the western valley, and on the eastern coastal plain."""
    found = []
    for identifier, along, down, elevation in (("XA-01", 0.28, 0.45, 60.0), ("XB-01", 0.78, 0.62, 20.0)):
        place = world.west + along * world.width_m, world.north - down * world.width_m
        longitude, latitude = to_degrees().transform(*place)
        found.append(Station(identifier, round(longitude, 4), round(latitude, 4), elevation))
    return found[0], found[1]


def station_table(weather: Weather, stations: tuple[Station, ...]) -> pd.DataFrame:
    """Return noon observations in the columns of fire weather tables: id, lat, long, yr, mon, day, temp, rh, ws, prec.

    A station sees the weather of the cell it lies in, its temperature brought to the station's height; numbers are
    rounded as instruments give them. ``temp`` [degC], ``rh`` [%] and ``ws`` [km/h] are those of noon, ``prec`` [mm]
    fell since the noon before.
    """
    calendar = pd.DatetimeIndex(weather.days.astype("datetime64[ns]"))
    parts = []
    for station in stations:
        row = int(np.argmin(np.abs(weather.latitude - station.latitude)))
        column = int(np.argmin(np.abs(weather.longitude - station.longitude)))
        above = station.elevation - float(weather.elevation[row, column])
        noon = noon_temperature(weather)[:, row, column].astype(np.float64) + LAPSE_K_PER_M * above
        parts.append(
            pd.DataFrame(
                {
                    "id": station.identifier,
                    "lat": station.latitude,
                    "long": station.longitude,
                    "yr": calendar.year.astype(np.int32),
                    "mon": calendar.month.astype(np.int32),
                    "day": calendar.day.astype(np.int32),
                    "temp": noon.round(1) + 0.0,
                    "rh": np.clip(weather.noon_humidity[:, row, column].round(), 1, 100).astype(np.int32),
                    "ws": (3.6 * weather.wind_speed[:, row, column].astype(np.float64)).round(1),
                    "prec": weather.precipitation[:, row, column].astype(np.float64).round(1),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


_Said = dict[str, tuple[str, str, str, str]]

_HOURLY: _Said = {
    "t2m": ("air_temperature", "K", "2 metre temperature", "time: point"),
    "d2m": ("dew_point_temperature", "K", "2 metre dewpoint temperature", "time: point"),
    "u10": ("eastward_wind", "m s-1", "10 metre U wind component", "time: point"),
    "v10": ("northward_wind", "m s-1", "10 metre V wind component", "time: point"),
    "tp": (
        "lwe_thickness_of_precipitation_amount",
        "m",
        "Total precipitation of the hour that ends at the time",
        "time: sum (interval: 1 hour)",
    ),
    "sde": ("surface_snow_thickness", "m", "Snow depth", "time: point"),
}
"""Name to standard name, unit, long name and cell methods."""

_AT_NOON = "time: point (comment: at solar noon)"
_DAILY: _Said = {
    "tas": ("air_temperature", "K", "Daily mean near-surface air temperature", "time: mean"),
    "tasmin": ("air_temperature", "K", "Daily minimum near-surface air temperature", "time: minimum"),
    "tasmax": ("air_temperature", "K", "Daily maximum near-surface air temperature", "time: maximum"),
    "hurs": ("relative_humidity", "%", "Near-surface relative humidity at solar noon", _AT_NOON),
    "sfcWind": ("wind_speed", "m s-1", "Near-surface wind speed at solar noon", _AT_NOON),
    "wind_from_direction": ("wind_from_direction", "degree", "Direction the wind comes from at solar noon", _AT_NOON),
    "pr": (
        "precipitation_flux",
        "kg m-2 s-1",
        "Precipitation of the 24 hours that end at solar noon",
        "time: mean (comment: noon to noon)",
    ),
    "snd": ("surface_snow_thickness", "m", "Snow depth at solar noon", _AT_NOON),
}


def _dataset(
    weather: Weather, times: NDArray[np.datetime64], fields: dict[str, Any], said: _Said, title: str
) -> xr.Dataset:
    variables = {}
    for name, values in fields.items():
        standard_name, units, long_name, methods = said[name]
        attrs = {"standard_name": standard_name, "long_name": long_name, "units": units, "cell_methods": methods}
        variables[name] = (("time", "latitude", "longitude"), np.asarray(values, dtype=np.float32), attrs)
    north = {"standard_name": "latitude", "long_name": "latitude", "units": "degrees_north", "axis": "Y"}
    east = {"standard_name": "longitude", "long_name": "longitude", "units": "degrees_east", "axis": "X"}
    clock = {"standard_name": "time", "long_name": "time, UTC" if said is _HOURLY else "local solar day", "axis": "T"}
    return xr.Dataset(
        variables,
        coords={
            "time": ("time", times, clock),
            "latitude": ("latitude", weather.latitude, north),
            "longitude": ("longitude", weather.longitude, east),
        },
        attrs={"Conventions": "CF-1.11", "title": title, "source": _SOURCE},
    )
