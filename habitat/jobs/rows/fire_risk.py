"""Rows of the fire risk: years told by models that have not seen them, against the cells that truly burnt."""

from __future__ import annotations

from datetime import date

import numpy as np
from numpy.typing import NDArray

from habitat.contracts import Period
from habitat.contracts.grid import Grid
from habitat.fire import risk
from habitat.jobs.evidence import Evidence
from habitat.jobs.truth_folder import SEASONS
from habitat.jobs.twin_settings import settings_of
from habitat.products import Workshop
from habitat.products.fire_risk import FireRiskParams, known_before
from habitat.twin.scorecard import Row

GOAL = 0.1
"""Brier skill over climatology that is wanted [1]."""
CLIMATE = "share of the cells that burnt in the same month of the other years"


def fire_risk_rows(evidence: Evidence) -> list[Row]:
    """Tell every year of the hotspots by the others, and hold it against the fires of the truth.

    A twin with too few fires to learn from has one row without value, whose note tells so.

    Raises
    ------
    InputError
        If a file of the twin cannot be used.
    """
    params = FireRiskParams.model_validate(settings_of(evidence.folder)["fire-risk"])
    # The month after the last year, so that all of it is held.
    after = Period(f"{evidence.period.year + 1}-01")
    known = known_before(params, Workshop(evidence.area, evidence.store), after)
    history, why = known.enough(params.min_years, params.min_events)
    if history is None:
        return [Row("fire-risk", "scored", "1", "higher", None, note=f"{why}; an index has no skill to be measured")]
    past = risk.hindcast(history, "burning", seed=params.seed)
    burnt = true_months(evidence, known.grid, history.months[past.months])[:, history.cells]
    return _rows(history, past, burnt)


def true_months(evidence: Evidence, grid: Grid, months: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """Tell which cells truly burnt in which months (month, cell): any pixel of the area's grid will do."""
    rows, columns = grid.shape
    burnt = np.zeros((months.size, rows * columns), bool)
    fine = evidence.area.grid
    down = np.floor((grid.bounds[3] - fine.coords["y"]) / grid.resolution_m).astype(np.int64)
    right = np.floor((fine.coords["x"] - grid.bounds[0]) / grid.resolution_m).astype(np.int64)
    place = {month: number for number, month in enumerate(months.astype("datetime64[M]").tolist())}
    for year in sorted({month.year for month in place}):
        for season in SEASONS:
            name = f"fires/{year}_{season}"
            if not (evidence.truth.root / f"{name}.tif").is_file():
                continue
            for tile in evidence.tiles:
                days = evidence.truth.layer(name, tile).astype(np.int64)
                y, x = np.nonzero(days > 0)
                cells = down[tile.row + y] * columns + right[tile.column + x]
                for day in np.unique(days[y, x]):
                    then = date.fromordinal(date(year, 1, 1).toordinal() + int(day) - 1).replace(day=1)
                    if then in place:
                        burnt[place[then], cells[days[y, x] == day]] = True
    return burnt


def true_climatology(history: risk.History, past: risk.Hindcast, burnt: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Share of the cells that burnt in the same month of the other years (month, cell), 0 where there is no other."""
    years, calendar = history.years[past.months], history.calendar[past.months]
    share = burnt.mean(axis=1)
    told = np.zeros(burnt.shape)
    for number, (year, month) in enumerate(zip(years, calendar, strict=True)):
        others = (calendar == month) & (years != year)
        told[number] = share[others].mean() if others.any() else 0.0
    return told


def _rows(history: risk.History, past: risk.Hindcast, burnt: NDArray[np.bool_]) -> list[Row]:
    climate = true_climatology(history, past, burnt)
    told, years = past.observed_weather, history.years[past.months]
    number = int(np.count_nonzero(burnt))
    low, high = risk.skill_interval(told, climate, burnt, years)
    heard = risk.brier_skill(told, past.climatology, past.happened)
    usual = risk.brier_skill(past.usual_weather, climate, burnt)
    over_fwi = risk.brier_skill(told, past.fwi_only, burnt)
    bias = 100 * (float(told.sum()) / number - 1) if number else float("nan")
    plain = 100 * (float(climate.sum()) / number - 1) if number else float("nan")
    slope = risk.calibration_slope(told, burnt)
    year_note = f"{np.unique(years).size} years, each told by the others; weather as it was"
    drawn = f"90 of 100 draws of the years lie within {low:.3f} and {high:.3f}"

    def row(measure: str, unit: str, value: float, tolerance: float, **more: object) -> Row:
        return Row("fire-risk", measure, unit, "higher", value, n=number, tolerance=tolerance, **more)  # type: ignore[arg-type]

    def near(measure: str, unit: str, value: float, tolerance: float, **more: object) -> Row:
        return Row("fire-risk", measure, unit, "zero", value, n=number, tolerance=tolerance, **more)  # type: ignore[arg-type]

    return [
        row(
            "Brier skill over climatology",
            "1",
            risk.brier_skill(told, climate, burnt),
            0.01,
            baseline=0.0,
            baseline_method=CLIMATE,
            goal=GOAL,
            note=f"{year_note}; {drawn}; knowing the true rates gives 0.08 (demo, seeds 1 and 2)",
        ),
        row(
            "Brier skill over FWI alone", "1", over_fwi, 0.01, note="a model of month and fire weather, without places"
        ),
        row("Brier skill, usual weather", "1", usual, 0.01, note="the month's weather taken from the other years"),
        row("Brier skill, hotspots", "1", heard, 0.01, note="against the labels learnt from, as the product says"),
        row("AUC", "1", risk.auc(told, burnt), 0.01, baseline=risk.auc(climate, burnt), baseline_method=CLIMATE),
        near("calibration slope less 1", "1", slope - 1, 0.05, note="below 0: too sure of itself"),
        near("burnt cells, bias", "%", bias, 5.0, baseline=plain, baseline_method=CLIMATE),
    ]
