"""Rasters of a month's fire weather: their bands, classes and colours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.raster_spec import CLASS_NODATA, INDEX_NODATA, BandSpec, RasterSpec
from habitat.fire.weather.code_names import LONG_NAMES
from habitat.fire.weather.danger_classes import DANGER_CLASSES
from habitat.fire.weather.fire_season import IN_SEASON, MISSING, NOT_STARTED, OFF_SEASON, SEASON_STATES, SETTLING
from habitat.fire.weather.month_statistics import ENDS, HIGH, MEANS, MonthOfFireWeather

_NAN = float("nan")
# ColorBrewer's YlOrRd: the order is seen in grey, too.
_DANGER_COLOURS = ("#ffffb2", "#fed976", "#feb24c", "#fd8d3c", "#f03b20", "#bd0026")
_STATE_COLOURS = {
    NOT_STARTED: "#f0e442",
    IN_SEASON: "#d55e00",
    OFF_SEASON: "#56b4e9",
    MISSING: "#000000",
    SETTLING: "#e69f00",
}
_STATES = (IN_SEASON, NOT_STARTED, OFF_SEASON, MISSING, SETTLING)
_MAPPED = "Bilinear between the cells of the weather."
_NEAREST = "Each cell has that of the nearest cell of the weather."


def _days(name: str, title: str, bands: tuple[tuple[str, str], ...]) -> RasterSpec:
    specs = tuple(BandSpec(band, about, "d") for band, about in bands)
    return RasterSpec(name, title, specs, "int16", INDEX_NODATA, name, description=f"{title}. {_NEAREST}")


def _numbers(name: str, title: str, bands: tuple[BandSpec, ...]) -> RasterSpec:
    return RasterSpec(name, title, bands, "float32", _NAN, name, description=f"{title}. {_MAPPED}")


def slug(name: str) -> str:
    """Return a name of a class as part of a band's name.

    Examples
    --------
    >>> slug("very low")
    'very-low'
    """
    return name.replace(" ", "-")


FWI = _numbers(
    "fwi",
    "Fire weather index, mean of the days in season",
    (
        BandSpec("mean", "mean of the days in season"),
        BandSpec("p90", "90th percentile of the days in season"),
        BandSpec("max", "highest of the days in season"),
    ),
)
CODES = _numbers(
    "codes",
    "Moisture codes, mean of the days in season",
    (
        *(BandSpec(name, f"{LONG_NAMES[name]}, mean") for name in MEANS),
        *(BandSpec(f"{name}-end", f"{LONG_NAMES[name]} at the end") for name in ENDS),
    ),
)
DANGER_DAYS = _days(
    "danger-days",
    "Days of high danger or more",
    (
        ("high-or-more", "days of high danger or more"),
        *((slug(name), f"days of {name} danger") for name in DANGER_CLASSES.values()),
    ),
)
DANGER_CLASS = RasterSpec(
    "danger-class",
    "Danger class of the 90th percentile",
    (BandSpec("danger-class", "class of the 90th percentile of the fire weather index"),),
    "uint8",
    CLASS_NODATA,
    overview="mode",
    classes=tuple(
        (code, colour, name) for (code, name), colour in zip(DANGER_CLASSES.items(), _DANGER_COLOURS, strict=True)
    ),
    description=f"Class of the 90th percentile of the fire weather index over the days in season. {_NEAREST}",
)
KPO = RasterSpec(
    "kpo",
    "Days in KPO classes IV and V",
    (
        BandSpec("days-iv-v", "days in classes IV and V of the Russian scale", "d"),
        BandSpec("nesterov-max", "highest Nesterov index", "degC2"),
    ),
    "float32",
    _NAN,
    "kpo-days",
    description=f"Days: {_NEAREST} Index: {_MAPPED}",
)
SEASON_STATE = RasterSpec(
    "season-state",
    "State of the fire season on most days",
    (BandSpec("season-state", "most frequent state of the fire season"),),
    "uint8",
    CLASS_NODATA,
    overview="mode",
    classes=tuple((code, _STATE_COLOURS[code], name) for code, name in SEASON_STATES.items()),
    description=f"Why there are codes, or none. {_NEAREST}",
)
SEASON_DAYS = _days(
    "season-days",
    "Days by state of the fire season",
    tuple((SEASON_STATES[code], f"days {SEASON_STATES[code]}") for code in _STATES),
)
PERCENTILE = _numbers(
    "percentile",
    "Percentile among earlier years",
    (BandSpec("percentile", "share of earlier years with a lower mean", "%"),),
)
EVERY = (FWI, CODES, DANGER_DAYS, DANGER_CLASS, KPO, SEASON_STATE, SEASON_DAYS, PERCENTILE)
"""All rasters there may be."""


Smooth: TypeAlias = Callable[[NDArray[Any]], NDArray[np.float32]]
"""Brings numbers of the weather's cells onto the map, NaN where unknown."""
Nearest: TypeAlias = Callable[[NDArray[Any], int], NDArray[Any]]
"""Brings codes or counts of the weather's cells onto the map, with a code where there is none."""


def layers_of(
    month: MonthOfFireWeather, percentile: NDArray[np.float32], smooth: Smooth, nearest: Nearest
) -> dict[str, NDArray[Any]]:
    """Bands (band, row, column) of every raster a month has, as they are stored.

    Parameters
    ----------
    month : MonthOfFireWeather
        On the cells of the weather.
    percentile : float32 (y, x)
        Of `percentile_among_years`; left out if it is unknown everywhere.
    smooth, nearest : callable
        The way onto the map.
    """

    def numbers(spec: RasterSpec, prefix: str = "") -> NDArray[np.float32]:
        return smooth(np.stack([month.values[f"{prefix}{band}"] for band in spec.band_names]))

    def days(counts: NDArray[np.int16]) -> NDArray[np.int16]:
        found: NDArray[np.int16] = nearest(np.where(counts < 0, np.int16(INDEX_NODATA), counts), INDEX_NODATA)
        return found

    danger = month.danger_days
    more = np.where(danger[0] < 0, np.int16(-1), danger[HIGH - 1 :].sum(axis=0, dtype=np.int16))
    kpo_days = days(month.kpo_days).astype(np.float32)
    kpo_days[kpo_days == INDEX_NODATA] = np.nan
    layers: dict[str, NDArray[Any]] = {
        FWI.name: numbers(FWI, "fwi-"),
        CODES.name: numbers(CODES),
        DANGER_DAYS.name: days(np.concatenate([more[np.newaxis], danger])),
        DANGER_CLASS.name: nearest(month.danger_class, CLASS_NODATA)[np.newaxis],
        KPO.name: np.stack([kpo_days, smooth(month.values["nesterov-max"])]),
        SEASON_STATE.name: nearest(month.season_state, CLASS_NODATA)[np.newaxis],
        SEASON_DAYS.name: days(month.season_days[list(_STATES)]),
    }
    if np.isfinite(percentile).any():
        layers[PERCENTILE.name] = smooth(percentile)[np.newaxis]
    return layers
