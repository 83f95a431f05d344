"""Hindcast: every year of a record told by models that have not seen it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from habitat.fire.hazard.history import FWI_ONLY, Floats, History, Index, Label
from habitat.fire.hazard.training import Model, climatology, trained

_BATCH = 2_000_000


@dataclass(frozen=True, eq=False)
class Hindcast:
    """Probabilities of months of years left out of training, and what happened.

    Parameters
    ----------
    label : {'burning', 'ignition'}
        What is told.
    months : int64 (month,)
        Rows of the history's months.
    observed_weather : float32 (month, cell)
        With the month's own fire weather: a perfect forecast.
    usual_weather : float32 (month, cell)
        Mean over the fire weather the month had in the other years.
    fwi_only : float32 (month, cell)
        Of a model that knows the month and its fire weather alone.
    climatology : float32 (month, cell)
        Share of the same month of the calendar in the other years.
    happened : bool (month, cell)
        What the labels say: hotspots, and scars where there are any.
    models : dict of int to Model
        By the year left out.
    """

    label: Label
    months: Index
    observed_weather: NDArray[np.float32]
    usual_weather: NDArray[np.float32]
    fwi_only: NDArray[np.float32]
    climatology: NDArray[np.float32]
    happened: NDArray[np.bool_]
    models: dict[int, Model]


def _quiet(done: int, total: int) -> None:
    """Tell nobody."""


def hindcast(
    history: History, label: Label, *, seed: int = 1, progress: Callable[[int, int], None] = _quiet
) -> Hindcast:
    """Leave out each year in turn, train on the others, and tell the months of the year.

    What was known before a month (recurrence) is taken from the months before it, as it would have been then.

    Parameters
    ----------
    history : History
        The record; its last month takes no part.
    label : {'burning', 'ignition'}
        What is to be told.
    seed : int
        Of the choice of cells where nothing happened.
    progress : callable
        Told how many years are done, and of how many.

    Raises
    ------
    NotPossible
        If nothing happened in all years but one.
    """
    months = np.flatnonzero(history.usable)
    shape = months.size, history.cells.size
    found = {name: np.zeros(shape, np.float32) for name in ("observed", "usual", "fwi", "climate")}
    years = history.years[months]
    models: dict[int, Model] = {}
    each = np.unique(years)
    for number, year in enumerate(each):
        out, rest = years == year, months[years != year]
        model = trained(history, label, rest, seed=seed)
        plain = trained(history, label, rest, names=FWI_ONLY, seed=seed)
        found["observed"][out] = told(model, history, months[out])
        found["usual"][out] = told_usual(model, history, months[out], rest)
        found["fwi"][out] = told(plain, history, months[out])
        found["climate"][out] = climatology(history, label, rest)[history.calendar[months[out]]][:, None]
        models[int(year)] = model
        progress(number + 1, each.size)
    happened = history.label(label)[months][:, history.cells]
    return Hindcast(label, months, found["observed"], found["usual"], found["fwi"], found["climate"], happened, models)


def told(model: Model, history: History, months: Index, weather_months: Index | None = None) -> NDArray[np.float32]:
    """Probability of every cell with land in some months (month, cell), a few months at a time."""
    cells = history.cells
    out = np.empty((months.size, cells.size), np.float32)
    step = max(1, _BATCH // max(cells.size, 1))
    for first in range(0, months.size, step):
        rows = np.repeat(months[first : first + step], cells.size)
        part = rows.size // max(cells.size, 1)
        taken = None if weather_months is None else np.repeat(weather_months[first : first + step], cells.size)
        found = model.probability(history, rows, np.tile(cells, part), taken)
        out[first : first + step] = found.reshape(part, cells.size)
    return out


def told_usual(model: Model, history: History, months: Index, known: Index) -> NDArray[np.float32]:
    """Probability (month, cell), mean over the fire weather that the month of the calendar had in the months known."""
    out = np.empty((months.size, history.cells.size), np.float32)
    for number, month in enumerate(months):
        same = known[history.calendar[known] == history.calendar[month]]
        if not same.size:
            same = np.array([month])
        out[number] = model.usual_probability(history, int(month), same)
    return out


def left_out_error(values: Floats) -> NDArray[np.float32]:
    """Jackknife standard error, from the results (year, cell) of models that each lack a year.

    References
    ----------
    Efron & Stein (1981), The jackknife estimate of variance, Annals of Statistics 9(3), 586-596.

    Examples
    --------
    >>> round(left_out_error(np.array([[0.1], [0.2], [0.3]])).item(), 4)
    0.1155
    """
    number = len(values)
    spread = np.sum((values - values.mean(axis=0)) ** 2, axis=0)
    error: NDArray[np.float32] = np.sqrt(spread * (number - 1) / number).astype(np.float32)
    return error
