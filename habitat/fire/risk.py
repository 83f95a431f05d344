"""Fire risk of a month: calibrated probability of ignition and of burning, its error, its classes and its skill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.raster_spec import CLASS_NODATA
from habitat.fire.hazard.danger_index import WEIGHTS, danger_index, index_parts
from habitat.fire.hazard.ground import access_layers, cover_layers, filled, terrain_layers
from habitat.fire.hazard.hindcast import Hindcast, hindcast, left_out_error, told, told_usual
from habitat.fire.hazard.history import LABELS, LEAST_LAND, History, Label
from habitat.fire.hazard.known import Known, WeatherSource
from habitat.fire.hazard.month_labels import MonthLabels, month_labels
from habitat.fire.hazard.month_weather import MonthWeather, month_weather, percentile_of
from habitat.fire.hazard.risk_rasters import (
    RISK_CLASSES,
    RISK_LIMITS,
    SOURCES,
    index_spec,
    reliability_table,
    risk_sentence,
    risk_specs,
)
from habitat.fire.hazard.scar_labels import (
    CellScars,
    cell_scars,
    cells_under,
    joined,
    latest_of_seasons,
    scar_counts,
    with_scars,
)
from habitat.fire.hazard.skill import (
    auc,
    brier,
    brier_skill,
    calibration_slope,
    reliability,
    rounded,
    skill_interval,
    skill_report,
)
from habitat.fire.hazard.training import Model, trained

__all__ = [
    "LABELS",
    "LEAST_LAND",
    "RISK_CLASSES",
    "RISK_LIMITS",
    "SOURCES",
    "WEIGHTS",
    "CellScars",
    "Hindcast",
    "History",
    "Known",
    "Label",
    "Model",
    "MonthLabels",
    "MonthRisk",
    "MonthWeather",
    "WeatherSource",
    "access_layers",
    "auc",
    "brier",
    "brier_skill",
    "calibration_slope",
    "cell_scars",
    "cells_under",
    "cover_layers",
    "danger_index",
    "filled",
    "hindcast",
    "index_parts",
    "index_spec",
    "joined",
    "latest_of_seasons",
    "month_labels",
    "month_risk",
    "month_weather",
    "percentile_of",
    "reliability",
    "reliability_table",
    "risk_classes",
    "risk_sentence",
    "risk_specs",
    "rounded",
    "scar_counts",
    "skill_interval",
    "skill_report",
    "terrain_layers",
    "with_scars",
]


@dataclass(frozen=True, eq=False)
class MonthRisk:
    """What is told about a month.

    Parameters
    ----------
    probability : float32 (y, x) [1]
        NaN where there is no land or no weather.
    error : float32 (y, x) [1]
        Jackknife standard error of the probability over left-out years.
    model : Model
        What told it, trained on all months before.
    past : Hindcast
        The same method on years it had not seen.
    """

    probability: NDArray[np.float32]
    error: NDArray[np.float32]
    model: Model
    past: Hindcast


def month_risk(
    history: History,
    label: Label,
    weather: WeatherSource,
    *,
    seed: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> MonthRisk:
    """Probability of a label in the last month of a history, from the months before.

    Parameters
    ----------
    history : History
        The record and the month wanted.
    label : {'burning', 'ignition'}
        What is to be told.
    weather : {'forecast', 'climatology'}
        Whether the month's own fire weather is taken, or the mean over that of the same month of earlier years.
    seed : int
        Of the choice of cells where nothing happened.
    progress : callable
        Told how many years are done, and of how many.

    Raises
    ------
    NotPossible
        If nothing happened in the record.
    """
    past = hindcast(history, label, seed=seed, progress=progress)
    model = trained(history, label, past.months, seed=seed)
    last = np.array([history.last])

    def now(one: Model) -> NDArray[np.float32]:
        known = told(one, history, last) if weather == "forecast" else told_usual(one, history, last, past.months)
        month: NDArray[np.float32] = known[0]
        return month

    error = left_out_error(np.stack([now(one) for one in past.models.values()]).astype(np.float64))
    return MonthRisk(_on_map(now(model), history), _on_map(error, history), model, past)


def risk_classes(probability: NDArray[Any], mean: float) -> NDArray[np.uint8]:
    """Class of each cell by how many times the year-round mean its probability is; 255 where unknown.

    Examples
    --------
    >>> risk_classes(np.array([0.001, 0.02, 0.2, np.nan]), mean=0.01).tolist()
    [1, 3, 5, 255]
    """
    codes = np.searchsorted(np.array(RISK_LIMITS) * mean, probability, side="right") + 1
    classes: NDArray[np.uint8] = np.where(np.isnan(probability), CLASS_NODATA, codes).astype(np.uint8)
    return classes


def _on_map(values: NDArray[np.float32], history: History) -> NDArray[np.float32]:
    out = np.full(history.land.size, np.nan, np.float32)
    out[history.cells] = values
    return out.reshape(history.land.shape)
