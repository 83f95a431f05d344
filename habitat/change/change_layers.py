"""Change rasters: what a monitor found, as the codes that are published."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.change.course import Course
from habitat.change.green_season import GreenSeason
from habitat.change.monitoring.monitor_kernels import CONFIRMED, FIRST, NO_DAY
from habitat.change.monitoring.monitor_state import MonitorState
from habitat.change.monitoring.monitors import MONITOR_CODES, change_magnitude, reasons
from habitat.contracts.raster_spec import CLASS_NODATA, INDEX_NODATA, BandSpec, RasterSpec

NOT_FOREST = 20
"""Reason of ground that is not forest."""
EVIDENCE = ("red", "nir", "swir1", "swir2")
"""Bands whose reflectance before and after tells agents of change apart."""
_COLOURS = {
    0: "#cfe3cf",
    1: "#d9d9d9",
    2: "#e6d3b3",
    3: "#bdbdbd",
    4: "#c9b8d8",
    5: "#b8c4d8",
    6: "#c2261f",
    7: "#cfe0ee",
    8: "#f3f0df",
    9: "#a08c6a",
}
_EPOCH = date(1970, 1, 1)

REASON = RasterSpec(
    "reason",
    "State of the monitor",
    (BandSpec("reason", "why the pixel says what it says"),),
    "uint8",
    CLASS_NODATA,
    overview="mode",
    classes=(
        *((code, _COLOURS[code], words) for code, words in MONITOR_CODES.items()),
        (NOT_FOREST, "#f7f4ea", "not forest"),
    ),
    description="ok: watched in this period and no change confirmed; a departure may be waiting, see dates.",
)
DATES = RasterSpec(
    "dates",
    "Dates of change",
    (
        BandSpec("first_departure", "first look beyond the boundary, day of habitat:year", "d"),
        BandSpec("confirmed", "look that confirmed it, day of habitat:year", "d"),
    ),
    "int16",
    INDEX_NODATA,
    description="1 is 1 January of habitat:year, 367 the next. Only the first: departed, and waiting to be confirmed.",
)
COURSE = RasterSpec(
    "course",
    "Looks since the departure",
    (
        BandSpec("departures", "looks beyond: in a row so far; of a confirmed change all since the first departure"),
        BandSpec("returned", "looks in a row within two deviations since the last that departed"),
    ),
    "uint8",
    CLASS_NODATA,
)
BEFORE_AND_AFTER = RasterSpec(
    "evidence",
    "Reflectance before and after",
    tuple(
        BandSpec(f"{band}_{when}", f"{band}, {words}", scale=1e-4)
        for when, words in (("before", "latest looks in leaf of the history"), ("after", "since the first departure"))
        for band in EVIDENCE
    ),
    "int16",
    INDEX_NODATA,
    description="Means of clear looks of the green season; no data where nothing has departed.",
)


def magnitude_spec(index: str, unit: str, scale: float) -> RasterSpec:
    """Return how magnitudes of an index are stored.

    Examples
    --------
    >>> magnitude_spec("nbr", "1", 1e-4).band_names
    ('magnitude', 'usual')
    """
    return RasterSpec(
        "magnitude",
        f"Magnitude of change, {index}",
        (
            BandSpec("magnitude", f"median residual of {index} since the first departure", unit, scale),
            BandSpec("usual", f"{index} of the season model in the middle of the green season", unit, scale),
        ),
        "int16",
        INDEX_NODATA,
        "difference",
        description="Below zero where the index fell; no data where nothing has departed.",
    )


def change_rasters(
    state: MonitorState, course: Course, season: GreenSeason, *, scale: float, year: int, since: date
) -> dict[str, NDArray[Any]]:
    """Codes of all rasters (band, pixel) of the pixels of a state.

    Parameters
    ----------
    state : MonitorState
        Of shape (1, pixel).
    course : Course
    season : GreenSeason
    scale : float
        Of the index.
    year : int
        Days are counted from its 1 January.
    since : date
        First day of the period: watched pixels not seen since say so.
    """
    new_year = date(year, 1, 1) - timedelta(days=1)
    days = state.days.reshape(4, -1)
    told = reasons(state, since=np.datetime64(since)).reshape(-1)
    modelled = np.isfinite(state.coefficients).all(axis=0).reshape(-1)
    departed = days[FIRST] != NO_DAY
    evidence = np.concatenate([course.before, course.after])
    evidence[:, ~departed] = INDEX_NODATA
    counts = np.stack([course.departures(state), course.returned])
    counts[:, ~modelled] = CLASS_NODATA
    usual = np.where(modelled, _usual(state, season, year), np.nan)
    magnitude = np.stack([change_magnitude(state).reshape(-1), usual])
    return {
        "reason": told[np.newaxis],
        "dates": np.stack([_counted(days[row], (new_year - _EPOCH).days) for row in (FIRST, CONFIRMED)]),
        "magnitude": _codes(magnitude, scale),
        "course": counts,
        "evidence": evidence,
    }


def _counted(days: NDArray[np.int32], zero: int) -> NDArray[np.int16]:
    counted = np.clip(days.astype(np.int64) - zero, -32767, 32767)
    return np.where(days == NO_DAY, INDEX_NODATA, counted).astype(np.int16)


def _codes(values: NDArray[Any], scale: float) -> NDArray[np.int16]:
    with np.errstate(invalid="ignore"):
        codes = np.clip(np.rint(values.astype(np.float64) / scale), -32767, 32767)
    return np.where(np.isnan(codes), INDEX_NODATA, np.nan_to_num(codes)).astype(np.int16)


def _usual(state: MonitorState, season: GreenSeason, year: int) -> NDArray[np.float64]:
    """Return the season models in the middle of the green season of a year."""
    middle = np.datetime64(f"{year}-01-01") + (season.middle.astype(np.int64) - 1).astype("timedelta64[D]")
    coefficients = state.coefficients.reshape(len(state.coefficients), -1).astype(np.float64)
    usual: NDArray[np.float64] = np.zeros(coefficients.shape[1])
    places = {day: state.season.design(np.array([day]))[0] for day in np.unique(middle)}
    for day, row in places.items():
        here = middle == day
        for term, factor in enumerate(row):
            usual[here] += factor * coefficients[term, here]
    return usual
