"""The climate a twin's weather is drawn around: monthly normals, and futures made by changes that are known."""

from __future__ import annotations

from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS as ProjectedSystem

from habitat.contracts.errors import ConfigError
from habitat.contracts.grid import Grid
from habitat.twin.world import CRS, RESOLUTION_M, World

Months = tuple[float, ...]
"""One value for each month, January first."""

FLOOR_M = 50.0
"""Height of the ground the monthly numbers hold for [m]: valley floors and coastal plains."""
LAPSE_K_PER_M = -0.006
"""Change of temperature with height [K m-1]."""
RAIN_PER_M = 0.0005
"""Share by which precipitation grows with height [m-1]: 5 % on 100 m."""

# Rounded from what is published of Hunchun, Ussuriisk and Vladivostok; no single station is reproduced.
MEAN_TEMPERATURE: Months = (-12.8, -8.9, -1.2, 6.4, 12.6, 16.9, 20.5, 20.9, 15.4, 7.9, -1.7, -10.0)
"""Inland at `FLOOR_M` [degC]."""
COAST_WARMTH: Months = (2.3, 1.7, 0.0, -1.2, -2.2, -2.7, -2.0, -0.4, 0.6, 1.4, 1.7, 2.1)
"""What the shore is warmer than inland [K]: mild winters, late springs, fog in June."""
TEMPERATURE_RANGE: Months = (11.0, 11.6, 11.2, 11.8, 11.4, 9.4, 8.0, 8.4, 10.8, 11.6, 10.2, 10.2)
"""Highest less lowest temperature of a day inland [K]; a third less at the shore."""
COAST_RANGE = 0.33
"""Share of the daily range that is missing at the shore [1]."""
BELOW_MEAN = 0.465
"""Share of the daily range that lies below the mean [1]: nights are longer than afternoons are warm."""
PRECIPITATION: Months = (10.0, 12.0, 23.0, 40.0, 76.0, 86.0, 121.0, 139.0, 87.0, 53.0, 33.0, 16.0)
"""At `FLOOR_M` [mm]; typhoons are among it."""

CELL_M = 500.0
"""Pixel size of the climate rasters [m]."""
TINY_CELL_M = 220.0
"""Pixel size of a tiny world's climate rasters [m]."""

GCMS = ("made-a", "made-b", "made-c")
"""Made-up climate models: a middling one, a mild one with much more rain, a hot one with dry springs."""
SCENARIOS = ("ssp245", "ssp585")
"""Pathways of the futures."""
SPANS = ("2041-2060", "2081-2100")
"""Years a future holds for."""

_WARMING = MappingProxyType(
    {("ssp245", SPANS[0]): 1.7, ("ssp245", SPANS[1]): 2.7, ("ssp585", SPANS[0]): 2.3, ("ssp585", SPANS[1]): 5.3}
)
"""Warming of the year's mean against 1991-2020 in a middling model [K]."""
_SENSITIVITY = MappingProxyType({"made-a": 1.0, "made-b": 0.78, "made-c": 1.24})
"""How strongly each model warms [1]."""
_WARMING_SHAPE: Months = (1.24, 1.20, 1.10, 0.98, 0.90, 0.86, 0.84, 0.86, 0.92, 0.98, 1.04, 1.08)
"""Warming of each month as a share of the year's: winters warm most; the twelve have the mean 1."""
_NIGHT_SHARE: Months = (0.12, 0.12, 0.10, 0.06, 0.04, 0.04, 0.04, 0.04, 0.04, 0.06, 0.08, 0.10)
"""Share by which nights warm more, and days less, than the mean."""
_WETTING_PER_K = MappingProxyType(
    {
        "made-a": (0.040, 0.040, 0.030, 0.015, 0.020, 0.035, 0.050, 0.045, 0.030, 0.010, 0.020, 0.035),
        "made-b": (0.055, 0.055, 0.045, 0.030, 0.035, 0.055, 0.075, 0.070, 0.050, 0.025, 0.035, 0.050),
        "made-c": (0.030, 0.025, 0.010, -0.025, -0.015, 0.020, 0.035, 0.030, 0.015, -0.015, 0.005, 0.020),
    }
)
"""Share of precipitation gained with each kelvin of the year's warming, by model and month."""


def season_day(days: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """Return the place of days in a year of 365 days, from 1; 29 February counts as the 28th.

    Examples
    --------
    >>> season_day(np.array(["2023-03-01", "2024-02-29", "2024-03-01"], "datetime64[D]")).tolist()
    [60, 59, 60]
    """
    year = days.astype("datetime64[Y]")
    of_year = (days - year.astype("datetime64[D]")).astype(np.int64) + 1
    leap = (year + np.timedelta64(1, "Y")).astype("datetime64[D]") - year.astype("datetime64[D]")
    late: NDArray[np.int64] = of_year - ((leap == np.timedelta64(366, "D")) & (of_year > 59))
    return late


def daily_normal(monthly: Months, days: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the smooth yearly course through monthly means, four harmonics, at days of `season_day`.

    Examples
    --------
    >>> daily_normal((7.0,) * 12, np.array([1, 200])).round(6).tolist()
    [7.0, 7.0]
    """
    starts = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365])
    daily = _harmonics(np.arange(365) + 0.5)
    means = np.stack([daily[first:last].mean(axis=0) for first, last in pairwise(starts)])
    weights, *_ = np.linalg.lstsq(means, np.asarray(monthly, dtype=float), rcond=None)
    course: NDArray[np.float64] = _harmonics(days - 0.5) @ weights
    return course


def _harmonics(days: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    turn = 2 * np.pi * days[:, None] / 365 * np.arange(1, 5)
    return np.concatenate([np.ones((len(days), 1)), np.cos(turn), np.sin(turn)], axis=1)


def inland_share(world: World, eastings: ArrayLike, northings: ArrayLike) -> NDArray[np.float64]:
    """Return how far inland places are [1]: 0 at the shore in the south-east, towards 1 behind 25 km.

    Small worlds have all of the course from coast to inland too. Places beyond the world count as its edge does.
    """
    along = np.clip((np.asarray(eastings, dtype=float) - world.west) / world.width_m, 0, 1)
    down = np.clip((world.north - np.asarray(northings, dtype=float)) / world.width_m, 0, 1)
    # The shore as a quarter of a circle cuts off 8 % of the world; the drawn coast winds around it.
    to_sea = (np.hypot(1 - along, 1 - down) - 0.315) * world.width_m
    share: NDArray[np.float64] = 1 - np.exp(-np.maximum(to_sea, 0) / world.scaled(25_000.0, 0.3))
    return share


def normal_temperature(course: ArrayLike, warmth: ArrayLike, elevation: ArrayLike, inland: ArrayLike) -> NDArray[Any]:
    """Return the mean temperature [degC] of places from the courses of inland temperature and of the coast's warmth.

    Parameters
    ----------
    course, warmth : array (time, 1, 1) [degC], [K]
        `MEAN_TEMPERATURE` and `COAST_WARMTH`, by month or by day.
    elevation, inland : array (y, x) [m], [1]
        Height, and the share from `inland_share`.
    """
    above = np.asarray(elevation) - FLOOR_M
    warmer = np.asarray(warmth) * (1 - np.asarray(inland))
    temperature: NDArray[Any] = np.asarray(course) + warmer + LAPSE_K_PER_M * above
    return temperature


def rain_factor(elevation: ArrayLike) -> NDArray[Any]:
    """Return by how much more precipitation falls at a height [m] than at `FLOOR_M` [1]."""
    factor: NDArray[Any] = 1 + RAIN_PER_M * np.maximum(np.asarray(elevation) - FLOOR_M, -FLOOR_M)
    return factor


def climate_grid(world: World) -> Grid:
    """Return the grid of the climate rasters: the area, grown to whole pixels of 500 m (a tiny world: 220 m).

    Examples
    --------
    >>> from habitat.twin.world import world_of
    >>> climate_grid(world_of("demo", 1)).shape
    (28, 29)
    """
    window = world.area_window
    west = world.west + window.column * RESOLUTION_M
    north = world.north - window.row * RESOLUTION_M
    side = window.columns * RESOLUTION_M
    cell = TINY_CELL_M if world.size.name == "tiny" else CELL_M
    return Grid.around((west, north - side, west + side, north), CRS, cell)


def normals_of(world: World, elevation: NDArray[np.float32]) -> xr.Dataset:
    """Return the normals of 1991-2020 on the climate grid: what the world's weather is drawn around.

    Parameters
    ----------
    world : World
        Decides where the coast is.
    elevation : array (y, x) [m]
        Mean height of the pixels of `climate_grid`.

    Returns
    -------
    Dataset (month, y, x)
        ``tas``, ``tasmin``, ``tasmax`` [degC] and ``pr`` [mm].

    Raises
    ------
    ConfigError
        If the heights are not on `climate_grid`.
    """
    grid = climate_grid(world)
    if elevation.shape != grid.shape:
        raise ConfigError(f"elevation has shape {elevation.shape}, wants {grid.shape}, the shape of climate_grid")
    coords = grid.coords
    inland = inland_share(world, coords["x"][None, :], coords["y"][:, None])
    tas = normal_temperature(_by_month(MEAN_TEMPERATURE), _by_month(COAST_WARMTH), elevation, inland)
    wide = _by_month(TEMPERATURE_RANGE) * (1 - COAST_RANGE * (1 - inland))
    lowest = tas - BELOW_MEAN * wide
    pr = _by_month(PRECIPITATION) * rain_factor(elevation)
    return _dataset(grid, {"tas": tas, "tasmin": lowest, "tasmax": lowest + wide, "pr": pr}, "1991-2020")


def known_changes() -> dict[str, Any]:
    """Return every change the futures are made with, as plain JSON data.

    Returns
    -------
    dict
        Model, then scenario, then years, to ``tas``, ``tasmin``, ``tasmax`` (added, K) and ``pr`` (ratio), by month.

    Examples
    --------
    >>> known_changes()["made-a"]["ssp585"]["2081-2100"]["tas"][0]
    6.57
    """
    return {
        gcm: {scenario: {span: _change(gcm, scenario, span) for span in SPANS} for scenario in SCENARIOS}
        for gcm in GCMS
    }


def _change(gcm: str, scenario: str, span: str) -> dict[str, list[float]]:
    warming = _WARMING[scenario, span] * _SENSITIVITY[gcm]
    months = np.array(_WARMING_SHAPE) * warming
    more = np.array(_NIGHT_SHARE)
    return {
        "tas": months.round(2).tolist(),
        "tasmin": (months * (1 + more)).round(2).tolist(),
        "tasmax": (months * (1 - more)).round(2).tolist(),
        "pr": (1 + warming * np.array(_WETTING_PER_K[gcm])).round(3).tolist(),
    }


def future_of(normals: xr.Dataset, gcm: str, scenario: str, span: str) -> xr.Dataset:
    """Return the normals of a future: kelvins added to temperatures, precipitation multiplied, month by month.

    Raises
    ------
    ConfigError
        If there is no such model, scenario or span of years.
    """
    for value, known in ((gcm, GCMS), (scenario, SCENARIOS), (span, SPANS)):
        if value not in known:
            raise ConfigError(f"there is no future {value!r}; wants one of {', '.join(known)}")
    change = {name: xr.DataArray(values, dims="month") for name, values in _change(gcm, scenario, span).items()}
    changed = normals.copy()
    for name in ("tas", "tasmin", "tasmax"):
        changed[name] = (normals[name] + change[name]).astype(np.float32).assign_attrs(normals[name].attrs)
    changed["pr"] = (normals["pr"] * change["pr"]).astype(np.float32).assign_attrs(normals["pr"].attrs)
    title = f"Made-up climate of {span} by {gcm} under {scenario}"
    return changed.assign_attrs(normals.attrs | {"title": title, "source_id": gcm, "experiment_id": scenario})


def _by_month(monthly: Months) -> NDArray[np.float64]:
    return np.asarray(monthly, dtype=float)[:, None, None]


_SAID = MappingProxyType(
    {
        "tas": ("air_temperature", "degC", "monthly mean of air temperature at 2 m"),
        "tasmin": ("air_temperature", "degC", "monthly mean of the days' lowest air temperatures at 2 m"),
        "tasmax": ("air_temperature", "degC", "monthly mean of the days' highest air temperatures at 2 m"),
        "pr": ("lwe_thickness_of_precipitation_amount", "mm", "precipitation of the month"),
    }
)
"""Standard name, unit and long name."""


def _dataset(grid: Grid, fields: dict[str, NDArray[Any]], years: str) -> xr.Dataset:
    variables = {}
    for name, values in fields.items():
        standard_name, units, long_name = _SAID[name]
        said = {"standard_name": standard_name, "long_name": long_name, "units": units}
        variables[name] = (("month", "y", "x"), values.astype(np.float32), said | {"grid_mapping": "spatial_ref"})
    coords = grid.coords
    west, resolution, north = grid.bounds[0], grid.resolution_m, grid.bounds[3]
    system = ProjectedSystem.from_user_input(grid.crs)
    frame = system.to_cf() | {"GeoTransform": f"{west} {resolution} 0.0 {north} 0.0 {-resolution}"}
    place = {"units": "m", "axis": "X", "standard_name": "projection_x_coordinate"}
    return xr.Dataset(
        variables,
        coords={
            "month": ("month", np.arange(1, 13, dtype=np.int32), {"long_name": "month of the year", "units": "1"}),
            "y": ("y", coords["y"], place | {"axis": "Y", "standard_name": "projection_y_coordinate"}),
            "x": ("x", coords["x"], place),
            "spatial_ref": ((), np.int32(0), frame),
        },
        attrs={
            "Conventions": "CF-1.11",
            "title": f"Made-up climate normals of {years}",
            "source": "habitat.twin; nowhere on earth",
        },
    )
