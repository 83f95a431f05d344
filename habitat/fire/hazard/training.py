"""Training: a regularised logistic model of rare events, calibrated on years it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import NotPossible
from habitat.fire.hazard.history import WEATHER, Floats, History, Index, Label

FREEDOM = 0.1
"""Inverse strength of the ridge penalty on standardised predictors; over held-out years 0.02 to 1 do as well."""
MOST_ROWS = 12_000
"""Cells and months without an event a model is trained on; each then stands for several."""
INNER = 5
"""Blocks of years a model is calibrated on."""
SLOPES = (0.2, 1.5)
"""Least and largest slope a calibration may have: few years tell no more."""
_SEASON_SHARE = 0.01
_LEAST_LABELS = 3
_PRIOR_YEARS = 0.5
_MOST_STEPS, _RESTS = 50, 1e-6


@dataclass(frozen=True, eq=False)
class Model:
    """A trained model: numbers only.

    Parameters
    ----------
    label : {'burning', 'ignition'}
        What it is of.
    names : tuple of str
        Predictors.
    centre, scale, weights : float64 (predictor,)
        Log odds are the sum of weights times standardised predictors, and `intercept`.
    intercept : float
        See there.
    base : float64 (12,)
        Log odds of the months of the calendar, shrunk towards those of the year.
    slope, shift : float
        Calibration: calibrated log odds are slope times raw ones, and shift.
    """

    label: Label
    names: tuple[str, ...]
    centre: Floats
    scale: Floats
    weights: Floats
    intercept: float
    base: Floats
    slope: float = 1.0
    shift: float = 0.0

    def log_odds(self, predictors: Floats) -> Floats:
        """Raw log odds (sample,)."""
        raw: Floats = (predictors - self.centre) / self.scale @ self.weights + self.intercept
        return raw

    def probability(self, history: History, rows: Index, cells: Index, weather_rows: Index | None = None) -> Floats:
        """Calibrated probability (sample,) of months and cells."""
        raw = self.log_odds(history.predictors(rows, cells, self.base, names=self.names, weather_rows=weather_rows))
        calibrated: Floats = 1 / (1 + np.exp(-(self.slope * raw + self.shift)))
        return calibrated

    def usual_probability(self, history: History, month: int, others: Index) -> Floats:
        """Calibrated probability (cell,) of a month, mean over the fire weather of other months.

        Log odds are a straight line in the fire weather, so only its slope is needed to go from one to another.
        """
        cells = history.cells
        rows, taken = np.full(cells.size, month), np.full(cells.size, others[0])
        raw = self.log_odds(history.predictors(rows, cells, self.base, names=self.names, weather_rows=taken))
        slope = np.zeros(cells.size)
        for name, weight in zip(self.names, self.weights / self.scale, strict=True):
            country, _, crossed = name.partition(" x ")
            if name == WEATHER:
                slope += weight
            elif crossed == WEATHER:
                slope += weight * history.others[country][cells]
        mean = np.zeros(cells.size)
        for other in others:
            there = raw + slope * (history.anomaly[other, cells] - history.anomaly[others[0], cells])
            mean += 1 / (1 + np.exp(-(self.slope * there + self.shift)))
        return mean / others.size

    def to_dict(self) -> dict[str, object]:
        """Return everything as plain JSON data, six digits."""
        numbers = {
            "season_log_odds": [round(float(value), 6) for value in self.base],
            "calibration": {"slope": round(self.slope, 6), "shift": round(self.shift, 6)},
            "intercept": round(self.intercept, 6),
        }
        table = zip(self.names, self.weights, self.centre, self.scale, strict=True)
        weights = {
            name: {"weight": round(float(w), 6), "centre": round(float(c), 6), "scale": round(float(s), 6)}
            for name, w, c, s in table
        }
        return {"label": self.label, **numbers, "predictors": weights}


@dataclass(frozen=True, eq=False)
class Sample:
    """Cells and months to learn from: all events, and some of the others, each with its weight."""

    rows: Index
    cells: Index
    happened: NDArray[np.bool_]
    weight: Floats

    def taken(self, which: NDArray[np.bool_]) -> Sample:
        """Return a part."""
        return Sample(self.rows[which], self.cells[which], self.happened[which], self.weight[which])


def trained(
    history: History, label: Label, months: Index, *, names: Sequence[str] | None = None, seed: int = 1
) -> Model:
    """Train a model on some months and calibrate it on blocks of their years.

    Parameters
    ----------
    history : History
        The record.
    label : {'burning', 'ignition'}
        What is to be told.
    months : int64 (month,)
        Rows of months to learn from.
    names : sequence of str, optional
        Predictors; all by default.
    seed : int
        Of the choice of cells where nothing happened.

    Returns
    -------
    Model

    Raises
    ------
    NotPossible
        If nothing happened in these months.
    """
    chosen = tuple(names or history.names)
    rates = season_log_odds(history, label, months)
    sample = drawn(history, label, months, seed)
    if not sample.happened.any():
        raise NotPossible(f"no cell has a label {label} in {months.size} months; give more hotspots")
    model = _fitted(history, label, sample, chosen, rates)
    years = np.unique(history.years[months])
    block = np.searchsorted(years, history.years[sample.rows]) % INNER
    raw = np.full(sample.rows.size, np.nan)
    for number in range(min(INNER, years.size)):
        out = block == number
        rest = sample.taken(~out)
        if years.size < 2 or not rest.happened.any() or not out.any():
            continue
        inner = months[np.searchsorted(years, history.years[months]) % INNER != number]
        part = _fitted(history, label, rest, chosen, season_log_odds(history, label, inner))
        raw[out] = part.log_odds(history.predictors(sample.rows[out], sample.cells[out], part.base, names=chosen))
    slope, shift = _calibration(raw, sample)
    return Model(label, chosen, model.centre, model.scale, model.weights, model.intercept, rates, slope, shift)


def season_log_odds(history: History, label: Label, months: Index) -> Floats:
    """Log odds of every month of the calendar (12,), shrunk towards the year's as by half a year more of record."""
    happened = history.label(label)[months][:, history.cells]
    calendar, cells = history.calendar[months], history.cells.size
    events = np.bincount(calendar, happened.sum(axis=1), 12)
    number = np.bincount(calendar, minlength=12) * cells
    mean = (events.sum() + 0.5) / (number.sum() + 1)
    rate = (events + mean * _PRIOR_YEARS * cells) / (number + _PRIOR_YEARS * cells)
    odds: Floats = np.log(rate / (1 - rate))
    return odds


def climatology(history: History, label: Label, months: Index) -> Floats:
    """Share of the cells with the label in every month of the calendar (12,), plainly counted; the year's if unseen."""
    happened = history.label(label)[months][:, history.cells]
    calendar = history.calendar[months]
    number = np.bincount(calendar, minlength=12)
    share = np.bincount(calendar, happened.mean(axis=1), 12) / np.maximum(number, 1)
    rates: Floats = np.where(number > 0, share, happened.mean() if happened.size else 0.0)
    return rates


def drawn(history: History, label: Label, months: Index, seed: int) -> Sample:
    """Draw cells and months: of months of the calendar with hardly any event none, of cells without event some."""
    happened = history.label(label)[months][:, history.cells]
    events = np.bincount(history.calendar[months], happened.sum(axis=1), 12)
    active = events >= max(_LEAST_LABELS, _SEASON_SHARE * events.sum())
    if not active.any():
        active = events > 0
    inside = months[active[history.calendar[months]]]
    happened = history.label(label)[inside][:, history.cells].ravel()
    order = np.flatnonzero(~happened)
    kept = order
    if order.size > MOST_ROWS:
        kept = np.sort(np.random.default_rng(seed).choice(order, MOST_ROWS, replace=False))
    places = np.concatenate([np.flatnonzero(happened), kept])
    weight = np.where(happened[places], 1.0, order.size / max(kept.size, 1))
    return Sample(
        inside[places // history.cells.size], history.cells[places % history.cells.size], happened[places], weight
    )


def _fitted(history: History, label: Label, sample: Sample, names: tuple[str, ...], base: Floats) -> Model:
    predictors = history.predictors(sample.rows, sample.cells, base, names=names)
    centre = np.average(predictors, axis=0, weights=sample.weight)
    spread = np.sqrt(np.average((predictors - centre) ** 2, axis=0, weights=sample.weight))
    scale = np.where(spread > 1e-9, spread, 1.0)
    found = ridge_logistic((predictors - centre) / scale, sample.happened, sample.weight)
    return Model(label, names, centre, scale, found[1:], float(found[0]), base)


def ridge_logistic(predictors: Floats, happened: NDArray[np.bool_], weight: Floats, freedom: float = FREEDOM) -> Floats:
    """Intercept and weights (1 + predictor,) of a logistic model with a ridge penalty, by Newton's method.

    The same as scikit-learn's LogisticRegression(C=freedom) finds; sums run in one thread and one order, so that the
    result does not depend on the machine's load and a hundred models take seconds on a busy one.

    Parameters
    ----------
    predictors : float64 (sample, predictor)
        Standardised.
    happened : bool (sample,)
        Outcome.
    weight : float64 (sample,)
        How many each stands for.
    freedom : float
        Inverse strength of the penalty on the weights; the intercept has none.
    """
    columns = np.ascontiguousarray(np.vstack([np.ones(len(predictors)), predictors.T]))
    penalty = np.full(len(columns), 1 / freedom)
    penalty[0] = 0.0
    outcome = happened.astype(np.float64)
    mean = float(np.clip(np.average(outcome, weights=weight), 1e-9, 1 - 1e-9))
    found = np.zeros(len(columns))
    found[0] = np.log(mean / (1 - mean))
    loss = _penalised(found, columns, outcome, weight, penalty)
    for _ in range(_MOST_STEPS):
        guess = 1 / (1 + np.exp(-np.einsum("i,in->n", found, columns)))
        pull = np.einsum("in,n->i", columns, weight * (outcome - guess)) - penalty * found
        bend = np.einsum("in,jn->ij", columns * (weight * guess * (1 - guess)), columns) + np.diag(penalty)
        step = np.linalg.solve(bend + 1e-9 * np.eye(len(bend)), pull)
        share = 1.0
        while (after := _penalised(found + share * step, columns, outcome, weight, penalty)) > loss and share > 1e-4:
            share /= 2
        found, loss = found + share * step, after
        if np.abs(share * step).max() < _RESTS:
            break
    return found


def _penalised(found: Floats, columns: Floats, outcome: Floats, weight: Floats, penalty: Floats) -> float:
    odds = np.einsum("i,in->n", found, columns)
    return float(np.sum(weight * (np.logaddexp(0, odds) - outcome * odds)) + 0.5 * np.sum(penalty * found**2))


def _calibration(raw: Floats, sample: Sample) -> tuple[float, float]:
    """Slope and shift that make log odds of unseen years honest; the slope first, then the shift for the total."""
    known = np.isfinite(raw)
    happened, weight = sample.happened[known].astype(float), sample.weight[known]
    if not known.any() or not happened.any():
        return 1.0, 0.0
    from scipy.optimize import minimize

    def loss(numbers: Floats) -> tuple[float, Floats]:
        odds = numbers[0] * raw[known] + numbers[1]
        wrong = weight * (1 / (1 + np.exp(-odds)) - happened)
        value = float(np.sum(weight * (np.logaddexp(0, odds) - happened * odds)))
        return value, np.array([np.sum(wrong * raw[known]), np.sum(wrong)])

    found = minimize(loss, np.array([1.0, 0.0]), jac=True, bounds=[SLOPES, (-5.0, 5.0)], method="L-BFGS-B")
    return float(found.x[0]), float(found.x[1])
