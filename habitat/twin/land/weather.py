"""The weather of a world: a daily generator with monsoon, typhoons, snow and dry springs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, gammaincinv, logit, ndtr

from habitat.twin.land.climate import (
    BELOW_MEAN,
    COAST_RANGE,
    COAST_WARMTH,
    MEAN_TEMPERATURE,
    PRECIPITATION,
    TEMPERATURE_RANGE,
    Months,
    daily_normal,
    inland_share,
    normal_temperature,
    rain_factor,
    season_day,
)
from habitat.twin.world import LAST_YEAR, World, to_degrees

Daily = NDArray[np.float32]
"""Values (day, y, x) on the weather's grid."""

CELL_DEGREES = 0.1
"""Distance of the grid's cell centres; they lie on whole multiples of it, as those of ERA5-Land do."""
STORY_CLOUD = {
    "2024-05-03": 0.08, "2024-05-08": 0.22, "2024-05-13": 0.38, "2024-05-18": 0.10, "2024-05-23": 0.05,
    "2024-05-28": 0.14, "2025-05-03": 0.18, "2025-05-08": 0.92, "2025-05-13": 0.12, "2025-05-18": 0.06,
    "2025-05-23": 0.30, "2025-05-28": 0.04,
}  # fmt: skip
"""Cloud of the story's overpasses [1], the same for every seed; where it is below a quarter no rain falls."""
_SNOWFALLS = ("2023-12-08", "2024-01-10", "2024-02-09", "2024-12-08", "2025-01-09", "2025-02-08")
"""Days with snow in every world, so that the winters with scenes are white."""

_SPARE_DEGREES = 0.02
"""By how much the cells reach past the world at least."""
_SPIN_UP = "09-01"
"""Day of the year before the first, on which the generator starts: snow and memory are there on 1 January."""
_TENTH_MM = 0.1
"""What a gauge does not show counts as nothing [mm]."""

# What the sky and the air are usually like; rounded from what is published of the region, no station is reproduced.
_WET_DAYS: Months = (4.0, 4.0, 5.5, 7.0, 10.0, 12.5, 14.0, 12.5, 8.5, 6.5, 6.0, 5.0)
_CLOUD_DRY: Months = (0.32, 0.33, 0.38, 0.41, 0.47, 0.60, 0.63, 0.63, 0.27, 0.26, 0.32, 0.32)
_CLOUD_WET: Months = (0.80, 0.80, 0.84, 0.87, 0.89, 0.92, 0.93, 0.92, 0.80, 0.78, 0.80, 0.80)
_HUMIDITY_DRY: Months = (46, 43, 40, 38, 45, 61, 69, 65, 53, 44, 45, 47)
_HUMIDITY_WET: Months = (63, 62, 66, 73, 79, 87, 89, 87, 81, 76, 70, 66)
_WIND: Months = (4.5, 4.5, 4.9, 5.3, 4.8, 3.8, 3.5, 3.4, 3.8, 4.6, 4.8, 4.5)
_WIND_TO_EAST: Months = (1.2, 1.1, 1.0, 0.8, 0.3, -0.5, -0.6, -0.4, 0.3, 0.9, 1.1, 1.2)
_WIND_TO_NORTH: Months = (-1.2, -1.1, -0.5, 0.2, 0.5, 0.8, 0.9, 0.6, 0.0, -0.4, -0.9, -1.2)
_SPREAD: Months = (3.9, 3.9, 3.5, 3.2, 2.8, 2.2, 1.9, 1.9, 2.3, 3.0, 3.7, 3.9)
"""Standard deviation of the temperature from day to day [K]."""
_RAIN_WARMTH: Months = (2.0, 1.6, 0.4, -1.4, -2.2, -2.2, -1.8, -1.5, -0.6, 0.0, 1.2, 1.9)
"""What days with rain or snow are warmer than others [K]."""
_TYPHOON_RAIN: Months = (0, 0, 0, 0, 0, 0, 4.0, 31.0, 17.0, 0, 0, 0)
"""Part of a month's precipitation that typhoons bring [mm]."""
_TYPHOONS_A_YEAR = 0.7
_AMOUNT_SHAPE = 0.72
"""Shape of the gamma distribution of daily amounts [1]: many small, few large."""
_PERSISTENCE = 0.28
"""Correlation of wet days with the days before [1]."""

_TEMPERATURE, _HUMIDITY, _WINDINESS, _CLOUDINESS, _EASTWARD, _NORTHWARD = range(6)
_MEMORY = (0.72, 0.50, 0.42, 0.25, 0.42, 0.42)
"""Correlation of each with the day before [1]."""
_TOGETHER = (
    (1.0, -0.25, -0.15, 0.0, 0.0, 0.35),
    (-0.25, 1.0, -0.2, 0.45, -0.25, 0.15),
    (-0.15, -0.2, 1.0, 0.05, 0.15, 0.0),
    (0.0, 0.45, 0.05, 1.0, -0.1, 0.1),
    (0.0, -0.25, 0.15, -0.1, 1.0, 0.0),
    (0.35, 0.15, 0.0, 0.1, 0.0, 1.0),
)
"""Correlation of what is new each day [1]: south winds are warm, dry air is clear and comes from the west."""


@dataclass(frozen=True, eq=False)
class Weather:
    """Daily weather on a grid of 0.1 degrees, as reanalyses give it."""

    days: NDArray[np.datetime64]
    """Days (day,), without gaps, local solar days."""
    longitude: NDArray[np.float64]
    """Cell centres (x,) [degrees east]."""
    latitude: NDArray[np.float64]
    """Cell centres (y,) [degrees north], north first."""
    elevation: NDArray[np.float32]
    """Mean height of each cell (y, x) [m]."""
    mean_temperature: Daily
    """[degC]"""
    lowest_temperature: Daily
    """[degC]"""
    highest_temperature: Daily
    """[degC]"""
    noon_humidity: Daily
    """Relative humidity at solar noon [%]."""
    wind_speed: Daily
    """At solar noon, 10 m above ground [m s-1]."""
    wind_from: Daily
    """Direction the wind comes from at noon [degrees]."""
    precipitation: Daily
    """[mm] from noon to noon."""
    snow_depth: Daily
    """At the cell's own elevation [m]."""
    cloud: Daily
    """Share of the sky under cloud in the late morning [1]."""


Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Frame:
    """Days and cells the generator draws for."""

    days: NDArray[np.datetime64]
    of_year: NDArray[np.int64]
    longitude: Values
    latitude: Values
    apart_km: Values
    """Distances between cells (cell, cell)."""
    elevation: Values
    inland: Values

    def usual(self, monthly: Months) -> Values:
        """Return the yearly course of something (day, 1, 1)."""
        return daily_normal(monthly, self.of_year)[:, None, None]

    def at(self, first: str, last: str = "") -> slice:
        """Return the days from one date to another, both included."""
        start, end = (int((np.datetime64(day) - self.days[0]).astype(int)) for day in (first, last or first))
        return slice(max(start, 0), max(end + 1, 0))

    def local(self, rng: np.random.Generator, reach_km: float, memory: float = 0.0) -> Values:
        """Return noise (day, y, x), mean 0 and deviation 1, that is alike in cells closer than `reach_km`."""
        # Matérn's correlation of smoothness 3/2: fields without specks.
        apart = 1.8 * self.apart_km / reach_km
        root = np.linalg.cholesky((1 + apart) * np.exp(-apart) + 1e-6 * np.eye(apart.shape[0]))
        noise = rng.standard_normal((len(self.days), root.shape[0])) @ root.T
        return _remembering(noise, np.array(memory)).reshape(-1, *self.elevation.shape)


def weather_of(world: World) -> Weather:
    """Draw the weather of a world, all its years.

    Temperature, humidity, wind and cloud vary around their yearly courses as one autoregressive process; wet days are
    a Markov chain, amounts gamma distributed and alike in neighbouring cells; typhoons come in late summer; snow
    follows from a degree-day account. The heights of the cells are a smooth guess from where valley, ridge and coast
    of every world lie, not means of its relief. April 2025 is dry and windy in every world, and the clouds of the
    story's overpasses are `STORY_CLOUD`.

    References
    ----------
    Richardson (1981), Stochastic simulation of daily precipitation, temperature, and solar radiation.

    Examples
    --------
    >>> from habitat.twin.world import world_of
    >>> weather = weather_of(world_of("tiny", 1))
    >>> weather.precipitation.shape
    (1461, 2, 2)
    """
    frame = _frame_of(world)
    region = _region(world, frame)
    rain, damp, storm = _rain(world, frame)
    cloud = _cloud(world, frame, region, damp)
    humidity = _humidity(world, frame, region, damp)
    speed, wind_from = _wind(world, frame, region, storm)
    mean, lowest, highest = _temperatures(world, frame, region, damp, cloud)
    snow = snow_course(mean, rain, 1.0)
    kept = frame.at(f"{world.size.first_year}-01-01", f"{LAST_YEAR}-12-31")

    def told(values: Values) -> Daily:
        return np.ascontiguousarray(values[kept], dtype=np.float32)

    return Weather(
        days=frame.days[kept],
        longitude=frame.longitude,
        latitude=frame.latitude,
        elevation=frame.elevation.astype(np.float32),
        mean_temperature=told(mean),
        lowest_temperature=told(lowest),
        highest_temperature=told(highest),
        noon_humidity=told(humidity),
        wind_speed=told(speed),
        wind_from=told(wind_from),
        precipitation=told(rain),
        snow_depth=told(snow),
        cloud=told(cloud),
    )


def snow_course(temperature: Values, precipitation: Values, sun: Values | float) -> Values:
    """Return the depth of snow [m] of every day by a degree-day account that starts on bare ground.

    Snow falls below about 0.5 degC, melts by 2.6 mm a day and kelvin above -1 degC (days around freezing have warm
    hours), thins by 0.15 to 0.35 mm a day into dry winter air, and settles from 100 to 300 kg m-3, faster when wet.

    Parameters
    ----------
    temperature, precipitation : array (day, ...) [degC], [mm]
        Daily mean and daily sum.
    sun : float or array (...) [1]
        How strongly the sun shines on the place: 1 on level ground, less on shaded slopes.
    """
    solid = np.clip((1.5 - temperature) / 2.2, 0, 1) * precipitation
    liquid = precipitation - solid
    melt = (2.6 * sun + 0.0126 * liquid) * np.maximum(temperature + 1.0, 0)
    melt += sun * (0.15 + 0.02 * np.clip(temperature + 12.0, 0, 10))
    water = np.zeros(np.broadcast_shapes(temperature.shape[1:], np.shape(sun)))
    density = np.full(water.shape, 100.0)
    depth = np.empty((len(temperature), *water.shape))
    for day in range(len(temperature)):
        fresh = solid[day]
        wet = temperature[day] > 0
        density += np.maximum(np.where(wet, 380.0, 300.0) - density, 0) * np.where(wet, 0.10, 0.03)
        # Without snow the next begins at 100 kg m-3.
        density = (density * water + 100.0 * fresh + 1e-9) / (water + fresh + 1e-11)
        water = np.maximum(water + fresh - melt[day], 0)
        depth[day] = water / density
    return depth


def _frame_of(world: World) -> _Frame:
    edge = np.linspace(0, world.width_m, 3)
    eastings, northings = np.meshgrid(world.west + edge, world.north - edge)
    corners = to_degrees().transform(eastings.ravel(), northings.ravel())
    longitude, latitude = (_centres(float(ends.min()), float(ends.max())) for ends in map(np.asarray, corners))
    latitude = latitude[::-1]
    lon, lat = np.meshgrid(longitude, latitude)
    east, north = to_degrees().transform(lon, lat, direction="INVERSE")
    place = np.stack([east.ravel(), north.ravel()]) / 1000
    apart = np.hypot(*(place[:, :, None] - place[:, None, :]))
    first, last = np.datetime64(f"{world.size.first_year - 1}-{_SPIN_UP}"), np.datetime64(f"{LAST_YEAR + 1}-01-02")
    days = np.arange(first, last, dtype="datetime64[D]")
    inland = inland_share(world, east, north)
    return _Frame(days, season_day(days), longitude, latitude, apart, _heights(world, east, inland), inland)


def _centres(low: float, high: float) -> Values:
    """Return the centres of the cells that hold an interval and some more: two at least."""
    first, last = round((low - _SPARE_DEGREES) / CELL_DEGREES), round((high + _SPARE_DEGREES) / CELL_DEGREES)
    if first == last:
        first, last = (first, first + 1) if (low + high) / 2 > first * CELL_DEGREES else (first - 1, first)
    centres: Values = np.arange(first, last + 1) / round(1 / CELL_DEGREES)
    return centres


def _heights(world: World, east: Values, inland: Values) -> Values:
    """Return a guess of the cells' mean heights [m]: ridge in the middle, valley in the west, coast in the east."""
    along = np.clip((east - world.west) / world.width_m, 0, 1)
    hills = 0.45 + 0.55 * np.exp(-(((along - 0.52) / 0.2) ** 2)) - 0.25 * np.exp(-(((along - 0.27) / 0.08) ** 2))
    summit = min(0.066 * world.width_m, 1250.0)
    heights: Values = 10 + 0.42 * summit * hills * np.clip(1.3 * inland, 0, 1)
    return heights


def _remembering(noise: Values, memory: Values) -> Values:
    """Return the noise (day, ...) with a memory of the days before [1]; its deviation stays what it was."""
    fresh = np.sqrt(1 - memory**2)
    for day in range(1, len(noise)):
        noise[day] = memory * noise[day - 1] + fresh * noise[day]
    return noise


def _slow(rng: np.random.Generator, frame: _Frame) -> Values:
    """Return anomalies (day, 1, 1) that last a season, deviation about 1."""
    count = len(frame.days)
    knots = np.arange(0, count + 75, 75)
    return 1.2 * np.interp(np.arange(count), knots, rng.standard_normal(len(knots)))[:, None, None]


def _region(world: World, frame: _Frame) -> Values:
    """Return what all cells share: anomalies (6, day, 1, 1) with memory of the day before, deviation 1."""
    root = np.linalg.cholesky(np.array(_TOGETHER))
    noise = world.rng("weather", "region").standard_normal((len(frame.days), len(_MEMORY))) @ root.T
    shared = _remembering(noise, np.array(_MEMORY)).T[:, :, None, None]
    april = frame.at("2025-04-05", "2025-04-30")
    shared[_WINDINESS, april] = 0.6 * shared[_WINDINESS, april] + 0.55
    shared[_HUMIDITY, april] = 0.7 * shared[_HUMIDITY, april] - 0.6
    warm = frame.at("2025-04-19", "2025-04-27")
    shared[_TEMPERATURE, warm] = 0.4 * shared[_TEMPERATURE, warm] + 0.5
    return shared


def _rain(world: World, frame: _Frame) -> tuple[Values, Values, Values]:
    """Return precipitation [mm], dampness of the noon [1], and typhoon strength [1], (day, y or 1, x or 1)."""
    rng = world.rng("weather", "rain")
    share = frame.usual(_WET_DAYS)[:, 0, 0] * 12 / 365.25
    share = np.clip(share * np.exp(0.12 * _slow(rng, frame)[:, 0, 0]), 0.03, 0.9)
    wet = np.zeros(len(share), dtype=bool)
    for day, draw in enumerate(rng.random(len(share))):
        wet[day] = draw < share[day] * (1 - _PERSISTENCE) + _PERSISTENCE * (day > 0 and wet[day - 1])
    for first, last in (("2025-04-10", "2025-04-27"), *((day, day) for day, air in STORY_CLOUD.items() if air < 0.25)):
        wet[frame.at(first, last)] = False
    for sure in (*_SNOWFALLS, "2025-04-13", "2025-05-08"):
        wet[frame.at(sure)] = True
    months = frame.usual(tuple(np.subtract(PRECIPITATION, _TYPHOON_RAIN)))
    amount = np.maximum(months, 1.0) / np.maximum(frame.usual(_WET_DAYS), 1.0)
    amount *= np.exp(0.14 * _slow(rng, frame) - 0.01)
    rank = np.sqrt(0.75) * rng.standard_normal(len(wet))[:, None, None] + 0.5 * frame.local(rng, 45.0)
    rain = np.zeros(rank.shape)
    rain[wet] = gammaincinv(_AMOUNT_SHAPE, ndtr(rank[wet])) / _AMOUNT_SHAPE * amount[wet]
    april = frame.at("2025-04-01", "2025-04-30")
    rain[april] = np.minimum(0.35 * rain[april], 5.0)
    for snowfall in map(frame.at, _SNOWFALLS):
        rain[snowfall] = 4.0 + 5.0 * ndtr(rank[snowfall])
    rain[frame.at("2025-04-13")] = 1.5 + 1.0 * ndtr(rank[frame.at("2025-04-13")])
    storm = np.zeros((len(wet), 1, 1))
    for year in range(world.size.first_year, LAST_YEAR + 1):
        for _ in range(rng.poisson(_TYPHOONS_A_YEAR)):
            peak = frame.at(f"{year}-01-01").start + int(np.clip(rng.normal(235, 17), 195, 268))
            strength = rng.gamma(6.0, 1 / 6.0)
            storm[peak] += 0.68 * strength
            storm[peak + 1] += 0.32 * strength
    rain += 75.0 * storm * np.exp(0.25 * frame.local(rng, 60.0) - 0.03)
    rain *= rain_factor(frame.elevation)
    rain[rain < _TENTH_MM] = 0
    damp = 0.65 * wet + 0.35 * np.append(wet[1:], False)
    return rain, np.maximum(damp[:, None, None], np.minimum(3 * storm, 1)), storm


def _cloud(world: World, frame: _Frame, region: Values, damp: Values) -> Values:
    rng = world.rng("weather", "cloud")
    dry, wet = (frame.usual(tuple(logit(months))) for months in (_CLOUD_DRY, _CLOUD_WET))
    # A logistic curve of a wide normal draw has a flatter mean than the curve at the middle; 1.5 sets that right.
    middle = 1.5 * (dry + damp * (wet - dry))
    cloud: Values = expit(middle + 1.8 * region[_CLOUDINESS] + 0.5 * frame.local(rng, 25.0))
    for day, share in STORY_CLOUD.items():
        cloud[frame.at(day)] = share
    fire_day = frame.at("2025-04-24")
    cloud[fire_day] = 0.05 + 0.2 * cloud[fire_day]
    return cloud


def _humidity(world: World, frame: _Frame, region: Values, damp: Values) -> Values:
    rng = world.rng("weather", "humidity")
    dry, wet = (frame.usual(tuple(logit(np.divide(months, 100)))) for months in (_HUMIDITY_DRY, _HUMIDITY_WET))
    maritime = 0.25 * (1 - frame.inland)
    shape = dry + damp * (wet - dry) + maritime + 0.42 * region[_HUMIDITY] + 0.08 * frame.local(rng, 40.0, 0.4)
    humidity: Values = 100 * expit(shape)
    fire_day = frame.at("2025-04-24")
    humidity[fire_day] = 24 + 10 * humidity[fire_day] / 100
    return humidity


def _wind(world: World, frame: _Frame, region: Values, storm: Values) -> tuple[Values, Values]:
    """Return speed [m s-1] and direction the wind comes from [degrees]."""
    rng = world.rng("weather", "wind")
    local = frame.local(rng, 40.0)
    speed = frame.usual(_WIND) * (1.15 - 0.15 * frame.inland) * np.exp(0.36 * region[_WINDINESS] - 0.065 + 0.07 * local)
    speed = speed + 9.0 * np.minimum(storm, 1.0)
    east = frame.usual(_WIND_TO_EAST) + 0.8 * region[_EASTWARD] + 0.1 * local
    north = frame.usual(_WIND_TO_NORTH) + 0.8 * region[_NORTHWARD] + 0.1 * frame.local(rng, 40.0)
    wind_from = np.degrees(np.arctan2(-east, -north)) % 360
    fire_day = frame.at("2025-04-24")
    speed[fire_day] = 7.5 + np.clip(0.5 * region[_EASTWARD, fire_day] + 0.2 * local[fire_day], -1.2, 1.2)
    wind_from[fire_day] = 247 + np.clip(9 * region[_NORTHWARD, fire_day] + 2 * local[fire_day], -20, 20)
    return np.maximum(speed, 0.3), wind_from


def _temperatures(
    world: World, frame: _Frame, region: Values, damp: Values, cloud: Values
) -> tuple[Values, Values, Values]:
    """Return mean, lowest and highest temperature of the days [degC]."""
    rng = world.rng("weather", "temperature")
    normal = normal_temperature(frame.usual(MEAN_TEMPERATURE), frame.usual(COAST_WARMTH), frame.elevation, frame.inland)
    often = frame.usual(_WET_DAYS) * 12 / 365.25
    mean = normal + frame.usual(_SPREAD) * (region[_TEMPERATURE] + 0.33 * _slow(rng, frame))
    mean += frame.usual(_RAIN_WARMTH) * (damp - often) + 0.35 * frame.local(rng, 50.0, 0.5)
    usual_cloud = frame.usual(_CLOUD_DRY) + often * (frame.usual(_CLOUD_WET) - frame.usual(_CLOUD_DRY))
    wide = frame.usual(TEMPERATURE_RANGE) * (1 - COAST_RANGE * (1 - frame.inland)) * (1 + 0.6 * (usual_cloud - cloud))
    wide *= np.exp(0.16 * rng.standard_normal((len(frame.days), 1, 1)) - 0.013)
    wide = np.maximum(wide, 2.0)
    lowest, highest = mean - BELOW_MEAN * wide, mean + (1 - BELOW_MEAN) * wide
    # A front may make midnight a day's warmest or coldest hour: both days must hold the temperature between them.
    midnight = (mean[:-1] + mean[1:]) / 2 - (wide[:-1] + wide[1:]) / 10
    for day in (slice(None, -1), slice(1, None)):
        lowest[day] = np.minimum(lowest[day], midnight)
        highest[day] = np.maximum(highest[day], midnight)
    return mean, lowest, highest
