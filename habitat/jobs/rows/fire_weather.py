"""Rows of the fire weather: whether days on which fires began stand out among the days of the fire seasons."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from habitat.contracts.errors import InputError
from habitat.fire.weather.month_statistics import daily_table
from habitat.fire.weather_record import run_on
from habitat.jobs.evidence import Evidence
from habitat.jobs.twin_settings import settings_of
from habitat.products.fire_weather import FireWeatherParams
from habitat.sources.weather_cells import weather_cells
from habitat.sources.weather_files import weather_record
from habitat.twin.scorecard import Row

SEASONS = ((401, 515), (1001, 1130))
"""First and last day of the fire seasons, as month and day in one number."""
CALENDAR = "share of fire days among the days of other years, at most a week away in the calendar"
"""The naive method: what is known without looking at the weather."""
_WEEK = 7
_YEAR = 365
_NOON_LEAD = timedelta(hours=8, minutes=45)
"""Local solar time less UTC, to a quarter of an hour."""


def fire_weather_rows(evidence: Evidence) -> list[Row]:
    """Hold each day's indices over the area against the days on which fires truly began."""
    table = _days(evidence)
    days = table["date"].to_numpy("datetime64[D]")
    burnt = np.isin(days, _fire_days(evidence))
    when = pd.DatetimeIndex(days)
    date = np.asarray(when.month * 100 + when.day)
    inside = np.any([(date >= first) & (date <= last) for first, last in SEASONS], axis=0)
    naive = rank_auc(_calendar(days, burnt)[inside], burnt[inside])
    rows = []
    for name, column in (("FWI", "fwi"), ("Nesterov's index", "nesterov")):
        # Days without a code are days out of season: nothing is expected of them.
        index = table[column].fillna(-1.0).to_numpy()
        rows.append(
            Row(
                "fire-weather",
                f"AUC of {name} on fire days",
                "1",
                "higher",
                rank_auc(index[inside], burnt[inside]),
                n=int(burnt[inside].sum()),
                baseline=naive,
                baseline_method=CALENDAR,
                tolerance=0.02,
                note=f"chance that a day with a new fire has the higher index; {int(inside.sum())} days of seasons",
            )
        )
    return rows


def rank_auc(scores: NDArray[Any], marked: NDArray[np.bool_]) -> float:
    """Chance that a marked score lies above one that is not, ties counting half; NaN if one of them is not there.

    Examples
    --------
    >>> rank_auc(np.array([1, 2, 3, 3]), np.array([False, True, False, True]))
    0.625
    """
    there, other = int(marked.sum()), int((~marked).sum())
    if not there or not other:
        return float("nan")
    above = float(rankdata(scores)[marked].sum()) - there * (there + 1) / 2
    return above / (there * other)


def _days(evidence: Evidence) -> pd.DataFrame:
    """Return the days of the whole record as the product's table tells them."""
    params = FireWeatherParams.model_validate(settings_of(evidence.folder)["fire-weather"])
    record = weather_record([str(params.weather)], noon_utc=params.noon_utc)
    cells = weather_cells(record.latitude, record.longitude, evidence.area.grid.coarser(params.cell_m))
    weights = cells.counts(evidence.area.polygon)
    state, parts = None, []
    for weather in record.pieces(record.first_day, record.last_day, cells.window):
        found, state = run_on(weather, params.rules(), state)
        parts.append(daily_table(found, weights))
    return pd.concat(parts, ignore_index=True)


def _fire_days(evidence: Evidence) -> NDArray[np.datetime64]:
    path = evidence.truth.root / "fires" / "fires.geojson"
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"the truth about fires cannot be read ({error}); make the twin anew") from error
    starts = [datetime.fromisoformat(feature["properties"]["start"]) + _NOON_LEAD for feature in features]
    return np.unique(np.array([start.date() for start in starts], "datetime64[D]"))


def _calendar(days: NDArray[np.datetime64], burnt: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return for each day how often fires began around its date in other years."""
    year = days.astype("datetime64[Y]").astype(np.int64)
    of_year = (days - days.astype("datetime64[Y]")).astype(np.int64)
    years, number = np.unique(year, return_inverse=True)
    table = np.zeros((years.size, _YEAR + 1))
    table[number, of_year] = burnt
    around = np.sum([np.roll(table, step, axis=1) for step in range(-_WEEK, _WEEK + 1)], axis=0)
    others = around.sum(axis=0) - around
    found: NDArray[np.float64] = others[number, of_year]
    return found
