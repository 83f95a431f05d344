"""The seasons of a world: snow on every height and slope, leaves coming and falling, dryness of fuel, wet soil."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pyproj import Transformer

from habitat.contracts.errors import ConfigError
from habitat.twin.land.climate import (
    COAST_WARMTH,
    FLOOR_M,
    LAPSE_K_PER_M,
    MEAN_TEMPERATURE,
    daily_normal,
    inland_share,
    normal_temperature,
    rain_factor,
    season_day,
)
from habitat.twin.land.landscape import Field
from habitat.twin.land.weather import Weather, snow_course
from habitat.twin.world import CRS, World

LEAF_OUT = 128.0
"""Day of the year on which oaks at `FLOOR_M` stand half in leaf in a usual spring: 8 May."""
LEAF_OUT_PER_M = 0.03
"""Days by which leaves come later with height [d m-1]."""
LEAF_OUT_PER_K = -2.5
"""Days by which leaves come later after a March and April that were a kelvin warmer [d K-1]."""
LEAF_OUT_GRAIN = 1.2
"""Days by which one standard deviation of the place's grain shifts both leaf-out and leaf-fall."""
LEAF_FALL = 283.0
"""Day of the year on which half of the leaves at `FLOOR_M` are down in a usual autumn: 10 October."""
LEAF_FALL_PER_M = -0.025
"""Days by which leaves fall later with height [d m-1]."""
LEAF_FALL_PER_K = 1.2
"""Days by which leaves fall later after a September that was a kelvin warmer [d K-1]."""
SNOW_LIES_M = 0.02
"""Depth of snow from which it is said to lie [m]."""

_BAND_M, _HIGHEST_M = 50.0, 1600.0
_SUN = np.array([0.62, 1.0, 1.2])
"""How strongly the sun shines on slopes that face north, on level ground, and on slopes that face south [1]."""
_STEEP = 0.4
"""Rise of the ground on which that is so [1]."""
_UP_DAYS, _DOWN_DAYS = 3.4, 6.0
"""Widths of the logistic steps of leaf-out and leaf-fall [d]."""
_MOST_SHIFT = 9.0
"""No spring or autumn comes earlier or later than usual by more [d]."""
_RAIN_MEMORY, _SOIL_DAYS = 7, 60
_SNOW_WATER = 250.0
"""Water in melting snow [mm] for each metre of depth."""


@dataclass(frozen=True, eq=False)
class Seasons:
    """What the weather of a world makes of its years, by height and slope; small arrays, drawn once."""

    days: NDArray[np.datetime64]
    """Days (day,), without gaps."""
    heights: NDArray[np.float32]
    """Heights of the bands (band,) [m], evenly spaced from 0."""
    snow: NDArray[np.float32]
    """Depth of snow (day, slope, band) [m]; slopes facing north, level ground, slopes facing south."""
    spring_warmth: dict[int, float]
    """By how much March and April of a year were warmer than usual [K]."""
    autumn_warmth: dict[int, float]
    """By how much September of a year was warmer than usual [K]."""

    def index(self, day: date) -> int:
        """Return the place of a day.

        Raises
        ------
        ConfigError
            If the weather does not hold it.
        """
        return _index(self.days, day)


def _index(days: NDArray[np.datetime64], day: date) -> int:
    number = int((np.datetime64(day, "D") - days[0]).astype(np.int64))
    if not 0 <= number < len(days):
        raise ConfigError(f"{day} is wanted, the weather holds {days[0]} to {days[-1]}")
    return number


def seasons_of(world: World, weather: Weather) -> Seasons:
    """Return the seasons that a world's weather makes: the mean of its cells, brought to every height.

    Examples
    --------
    >>> from habitat.twin.land.weather import weather_of
    >>> from habitat.twin.world import world_of
    >>> world = world_of("tiny", 1)
    >>> seasons = seasons_of(world, weather_of(world))
    >>> flat = np.zeros((1, 1), np.float32)
    >>> bool(snow_depth(seasons, date(2024, 7, 1), flat, flat) == 0)
    True
    """
    heights = np.arange(0, _HIGHEST_M + _BAND_M, _BAND_M)
    above = weather.elevation.astype(np.float64) - FLOOR_M
    floor = (weather.mean_temperature.astype(np.float64) - LAPSE_K_PER_M * above).mean(axis=(1, 2))
    rain = (weather.precipitation / rain_factor(weather.elevation)).mean(axis=(1, 2))
    # The first winter needs an autumn before it; the first year's own stands in.
    autumn = slice(243, 365)
    floor, rain = np.concatenate([floor[autumn], floor]), np.concatenate([rain[autumn], rain])
    warm = floor[:, None, None] + LAPSE_K_PER_M * (heights - FLOOR_M)
    snow = snow_course(warm, rain[:, None, None] * rain_factor(heights), _SUN[:, None])
    unusual = _anomaly(world, weather)
    months = weather.days.astype("datetime64[M]").astype(np.int64) % 12 + 1
    years = weather.days.astype("datetime64[Y]").astype(np.int64) + 1970

    def warmth(first: int, last: int) -> dict[int, float]:
        within = (months >= first) & (months <= last)
        return {int(year): float(unusual[within & (years == year)].mean()) for year in np.unique(years[within])}

    return Seasons(
        days=weather.days,
        heights=heights.astype(np.float32),
        snow=snow[autumn.stop - autumn.start :].astype(np.float32),
        spring_warmth=warmth(3, 4),
        autumn_warmth=warmth(9, 9),
    )


def _anomaly(world: World, weather: Weather) -> NDArray[np.float64]:
    """Return by how much each day was warmer than usual, in the mean of the cells [K]."""
    to_metres = Transformer.from_crs(4326, CRS, always_xy=True)
    inland = inland_share(world, *to_metres.transform(*np.meshgrid(weather.longitude, weather.latitude)))
    of_year = season_day(weather.days)
    course, warmth = (daily_normal(one, of_year)[:, None, None] for one in (MEAN_TEMPERATURE, COAST_WARMTH))
    usual = normal_temperature(course, warmth, weather.elevation, inland)
    unusual: NDArray[np.float64] = (weather.mean_temperature - usual).mean(axis=(1, 2))
    return unusual


@njit(nogil=True, cache=True)
def _between(table, step, steep, elevation, rise_north):  # type: ignore[no-untyped-def]
    """Return a table (slope, band) at the height and slope of every pixel (y, x)."""
    rows, columns = elevation.shape
    last = table.shape[1] - 1
    found = np.empty((rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            up = min(max(elevation[row, column] / step, np.float32(0)), np.float32(last))
            band = min(int(up), last - 1)
            up -= np.float32(band)
            # 0 faces north, 1 is level, 2 faces south.
            facing = min(max(rise_north[row, column] / steep + np.float32(1), np.float32(0)), np.float32(2))
            slope = min(int(facing), 1)
            facing -= np.float32(slope)
            below = table[slope, band] + (table[slope, band + 1] - table[slope, band]) * up
            above = table[slope + 1, band] + (table[slope + 1, band + 1] - table[slope + 1, band]) * up
            found[row, column] = below + (above - below) * facing
    return found


def snow_depth(seasons: Seasons, day: date, elevation: Field, rise_north: Field) -> Field:
    """Return the depth of snow on open ground [m].

    Parameters
    ----------
    seasons : Seasons
        From `seasons_of`.
    day : date
        Any day of the weather.
    elevation : array (y, x) [m]
        Height above the sea.
    rise_north : array (y, x) [1]
        Rise of the ground towards the north: where it falls that way, the slope is shaded and keeps its snow.

    Raises
    ------
    ConfigError
        If the weather does not hold the day.
    """
    table = seasons.snow[seasons.index(day)]
    if not table.any():
        return np.zeros(elevation.shape, np.float32)
    depth: Field = _between(table, np.float32(_BAND_M), np.float32(_STEEP), elevation, rise_north)
    return depth


def snow_off_day(seasons: Seasons, year: int, elevation: Field, rise_north: Field) -> Field:
    """Return the last day of a year's first seven months on which more than 2 cm of snow lay [day of the year].

    Heights are taken to 5 m, slopes to a sixteenth of their span; 0 means that no snow lay.

    Raises
    ------
    ConfigError
        If the weather does not hold these months.
    """
    first, last = seasons.index(date(year, 1, 1)), seasons.index(date(year, 7, 31))
    heights = np.arange(0, _HIGHEST_M + 1, 5.0, dtype=np.float32)
    slopes = np.linspace(-_STEEP, _STEEP, 17, dtype=np.float32)
    fine = np.broadcast_to(heights, (len(slopes), len(heights)))
    facing = np.broadcast_to(slopes[:, None], fine.shape)
    off = np.zeros(fine.shape, np.float32)
    for number, table in enumerate(seasons.snow[first : last + 1], start=1):
        if table.max() > SNOW_LIES_M:
            lies = _between(table, np.float32(_BAND_M), np.float32(_STEEP), fine, facing) > SNOW_LIES_M
            off[lies] = number
    column = np.clip(np.rint(elevation / np.float32(5)), 0, len(heights) - 1).astype(np.int32)
    row = np.clip(np.rint((rise_north / np.float32(_STEEP) + 1) * 8), 0, 16).astype(np.int32)
    found: Field = off[row, column]
    return found


def leaf_out_day(seasons: Seasons, year: int, elevation: Field, grain: Field | None = None) -> Field:
    """Return the day of the year on which oaks stand half in leaf.

    Parameters
    ----------
    seasons : Seasons
        Tells how warm the year's March and April were.
    year : int
        Any year of the weather.
    elevation : array (y, x) [m]
        Height above the sea.
    grain : array (y, x) [1], optional
        What is early or late about the place, standard deviation 1.

    Raises
    ------
    ConfigError
        If the weather does not hold the year.
    """
    late = _shift(LEAF_OUT_PER_K, seasons.spring_warmth, year)
    return _by_height(LEAF_OUT + late, LEAF_OUT_PER_M, elevation, grain)


def leaf_fall_day(seasons: Seasons, year: int, elevation: Field, grain: Field | None = None) -> Field:
    """Return the day of the year on which half of the broadleaved leaves are down; parameters as of `leaf_out_day`.

    Raises
    ------
    ConfigError
        If the weather does not hold the year.
    """
    late = _shift(LEAF_FALL_PER_K, seasons.autumn_warmth, year)
    return _by_height(LEAF_FALL + late, LEAF_FALL_PER_M, elevation, grain)


def _shift(per_kelvin: float, warmth: dict[int, float], year: int) -> float:
    if year not in warmth:
        raise ConfigError(f"the year {year} is wanted, the weather holds {min(warmth)} to {max(warmth)}")
    return float(np.clip(per_kelvin * warmth[year], -_MOST_SHIFT, _MOST_SHIFT))


def _by_height(floor: float, per_metre: float, elevation: Field, grain: Field | None) -> Field:
    when = elevation * np.float32(per_metre) + np.float32(floor - per_metre * FLOOR_M)
    if grain is not None:
        when += np.float32(LEAF_OUT_GRAIN) * grain
    return when


@njit(nogil=True, cache=True)
def _green(day, leaf_out, leaf_fall, up_days, down_days):  # type: ignore[no-untyped-def]
    share = np.empty(leaf_out.shape, np.float32)
    for row in range(leaf_out.shape[0]):
        for column in range(leaf_out.shape[1]):
            rise = (leaf_out[row, column] - day) / up_days
            fall = (day - leaf_fall[row, column]) / down_days
            grown = np.float32(1) / (np.float32(1) + np.exp(rise))
            share[row, column] = grown / (np.float32(1) + np.exp(fall))
    return share


def green_share(day: date, leaf_out: Field, leaf_fall: Field) -> Field:
    """Return how much of their green leaf broadleaved trees carry on a day [1], from the days of a year (y, x).

    Examples
    --------
    >>> spring, autumn = np.full((1, 1), 128, np.float32), np.full((1, 1), 283, np.float32)
    >>> [round(float(green_share(date(2025, month, 8), spring, autumn)[0, 0]), 2) for month in (4, 5, 7, 10)]
    [0.0, 0.5, 1.0, 0.58]
    """
    of_year = np.float32(day.timetuple().tm_yday)
    share: Field = _green(of_year, leaf_out, leaf_fall, np.float32(_UP_DAYS), np.float32(_DOWN_DAYS))
    return share


def dryness_by_cell(weather: Weather, day: date) -> Field:
    """Return how readily dead grass and litter burn at noon [1], for every cell of the weather (y, x).

    0 where snow lies or rain has just fallen, 1 after a dry week in dry wind.

    Raises
    ------
    ConfigError
        If the weather does not hold the day.
    """
    at = _index(weather.days, day)
    past = weather.precipitation[max(at - _RAIN_MEMORY + 1, 0) : at + 1][::-1]
    wet = np.tensordot(np.float32(0.55) ** np.arange(len(past), dtype=np.float32), past, axes=1)
    air = np.clip((75 - weather.noon_humidity[at]) / 47, 0, 1)
    wind = 0.65 + 0.35 * np.clip((weather.wind_speed[at] - 1.5) / 6.5, 0, 1)
    bare = np.clip(1.5 - weather.snow_depth[at] / SNOW_LIES_M, 0, 1)
    dry: Field = (np.exp(-wet / 2.5) * air * wind * bare).astype(np.float32)
    return dry


def dryness(weather: Weather, day: date) -> float:
    """Return how readily dead grass and litter burn on a day [1], in the mean of the weather's cells.

    Raises
    ------
    ConfigError
        If the weather does not hold the day.
    """
    return float(dryness_by_cell(weather, day).mean())


def soil_wetness(weather: Weather, day: date) -> float:
    """Return how wet the topsoil is on a day [1], in the mean of the cells: rain and melt of weeks, less what dries.

    Frozen ground counts as dry.

    Raises
    ------
    ConfigError
        If the weather does not hold the day.
    """
    at = _index(weather.days, day)
    past = slice(max(at - _SOIL_DAYS, 0), at + 1)
    warm, rain, snow = (
        field[past].mean(axis=(1, 2), dtype=np.float64)
        for field in (weather.mean_temperature, weather.precipitation, weather.snow_depth)
    )
    melt = np.append(0.0, np.maximum(-np.diff(snow), 0)) * _SNOW_WATER * (warm > 0)
    # Snow that falls waits until it melts.
    water = np.where(warm > 0, rain, 0) + melt
    kept = np.clip(0.95 - 0.005 * warm, 0.84, 0.96)
    left = np.append(np.cumprod(kept[:0:-1])[::-1], 1.0)
    # What is frozen is dry to radar and to roots.
    thawed = np.clip((warm[-10:].mean() + 5) / 6, 0, 1)
    return float(thawed * (1 - np.exp(-(water * left).sum() / 35)))
