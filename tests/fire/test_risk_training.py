"""The model of rare events: it finds what is there, knows nothing of years left out, and is honest."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from habitat.contracts.errors import NotPossible
from habitat.fire.hazard import training
from habitat.fire.hazard.hindcast import hindcast, told, told_usual
from habitat.fire.hazard.history import FWI_ONLY, History
from habitat.fire.hazard.training import climatology, ridge_logistic, season_log_odds, trained
from habitat.fire.risk import RISK_LIMITS, brier_skill, calibration_slope, month_risk, risk_classes, skill_report

MONTHS = np.arange("2012-01", "2021-05", dtype="datetime64[M]")
SHAPE = (12, 15)


def made(seed=0, *, strength=1.0, nothing=False):
    """Return a history whose fires follow fire weather, a road and a country, and its true probabilities."""
    rng = np.random.default_rng(seed)
    calendar = MONTHS.astype(np.int64) % 12
    season = np.array([-9, -9, -6, -2.8, -4, -9, -9, -9, -6, -4, -5, -9.0])[calendar]
    fwi = np.exp(rng.normal(1.5, 0.6, MONTHS.size))
    usual = np.log1p(fwi)
    for month in range(12):
        usual[calendar == month] -= usual[calendar == month].mean()
    road = rng.normal(size=SHAPE)
    west = np.zeros(SHAPE, np.float32)
    west[:, :6] = 1
    odds = season[:, None, None] + strength * (1.5 * usual[:, None, None] + 0.9 * road - 0.8 * west)
    true = 1 / (1 + np.exp(-odds))
    burning = rng.random(true.shape) < true
    ignition = burning & (rng.random(true.shape) < 0.2)
    if nothing:
        burning = ignition = np.zeros(true.shape, bool)
    weather = np.broadcast_to(fwi[:, None, None], true.shape).astype(np.float32)
    land = np.ones(SHAPE, np.float32)
    land[0, 0] = 0
    ground = {"exposure": road.astype(np.float32), "noise": rng.normal(size=SHAPE).astype(np.float32)}
    countries = {"XA": west, "XB": 1 - west}
    return History(MONTHS, weather, burning[:-1], ignition[:-1], land, ground, countries), true


@pytest.fixture(scope="module")
def history():
    return made()


@pytest.fixture(scope="module")
def past(history):
    return hindcast(history[0], "burning")


def test_the_solver_agrees_with_scikit_learn():
    rng = np.random.default_rng(2)
    predictors = rng.normal(size=(800, 4))
    happened = rng.random(800) < 1 / (1 + np.exp(3 - predictors @ [1, -0.5, 0, 0.2]))
    weight = rng.uniform(0.5, 3, 800)
    found = ridge_logistic(predictors, happened, weight, 0.1)
    peer = LogisticRegression(C=0.1, tol=1e-10, max_iter=2000).fit(predictors, happened, sample_weight=weight)
    assert np.allclose(found, [*peer.intercept_, *peer.coef_[0]], atol=1e-4)


def test_separated_outcomes_stay_finite():
    predictors = np.linspace(-1, 1, 40)[:, None]
    found = ridge_logistic(predictors, predictors[:, 0] > 0, np.ones(40), 10.0)
    assert np.isfinite(found).all()
    assert found[1] > 1


def test_names_are_told_and_the_larger_country_is_what_others_are_held_against(history):
    record = history[0]
    assert record.names == (
        "season", "fire weather", "recurrence", "exposure", "noise", "XA", "XA x fire weather", "XA x exposure",
    )  # fmt: skip
    assert record.cells.size == 179


def test_predictors_by_hand(history):
    record = history[0]
    rows, cells = np.array([3, 3]), np.array([1, 14])
    found = record.predictors(rows, cells, np.arange(12.0), names=record.names)
    usual = np.log1p(record.weather[:, 0, 1])
    unusual = usual[3] - usual[record.calendar == 3].mean()
    assert found[:, 0].tolist() == [3, 3]
    assert found[:, 1] == pytest.approx([unusual] * 2, abs=1e-5)
    assert found[:, 5].tolist() == [1, 0]
    assert found[:, 6] == pytest.approx([unusual, 0], abs=1e-5)
    assert found[0, 7] == pytest.approx(found[0, 3])
    other = record.predictors(rows, cells, np.arange(12.0), names=record.names, weather_rows=rows + 12)
    assert other[0, 1] == pytest.approx(usual[15] - usual[record.calendar == 3].mean(), abs=1e-5)
    assert np.array_equal(other[:, [0, 2, 3, 4, 5]], found[:, [0, 2, 3, 4, 5]])


def test_climatology_counts_and_season_shrinks(history):
    record = history[0]
    months = np.flatnonzero(record.usable)
    rates = climatology(record, "burning", months)
    april = record.burning[record.calendar[:-1] == 3].reshape(-1, 180)[:, record.cells]
    assert rates[3] == pytest.approx(april.mean())
    odds = season_log_odds(record, "burning", months)
    assert rates.mean() < 1 / (1 + np.exp(-odds[3])) < rates[3]
    assert np.isfinite(odds).all()


def test_it_finds_what_drives_the_fires(history):
    record, true = history
    model = trained(record, "burning", np.flatnonzero(record.usable))
    weights = dict(zip(model.names, model.weights, strict=True))
    assert weights["season"] > 0.5
    assert weights["fire weather"] > 0.3
    assert weights["exposure"] > 0.5
    assert weights["XA"] < -0.1
    assert abs(weights["noise"]) < 0.15
    april = np.flatnonzero((record.calendar == 3) & record.usable)
    found = told(model, record, april)
    assert np.corrcoef(found.ravel(), true.reshape(len(true), -1)[april][:, record.cells].ravel())[0, 1] > 0.9


def test_years_left_out_are_told_better_than_by_climatology(history, past):
    record, true = history
    skill = brier_skill(past.observed_weather, past.climatology, past.happened)
    best = brier_skill(true.reshape(len(true), -1)[past.months][:, record.cells], past.climatology, past.happened)
    assert 0.6 * best < skill <= best + 0.01
    assert skill > brier_skill(past.usual_weather, past.climatology, past.happened)
    assert skill > brier_skill(past.fwi_only, past.climatology, past.happened) > 0
    assert past.observed_weather.sum() == pytest.approx(past.happened.sum(), rel=0.15)
    assert calibration_slope(past.observed_weather, past.happened) == pytest.approx(1, abs=0.15)
    assert sorted(past.models) == list(range(2012, 2022))


def test_a_year_left_out_is_not_known_to_its_model(history, past):
    record, _ = history
    changed = record.burning.copy()
    # The last year has no later months whose recurrence it could enter.
    changed[record.years[:-1] == 2021] = ~changed[record.years[:-1] == 2021]
    other = History(
        record.months, record.weather, changed, record.ignition, record.land, record.ground, record.countries
    )
    rest = np.flatnonzero(record.usable & (record.years != 2021))
    model = trained(other, "burning", rest)
    assert np.array_equal(model.weights, past.models[2021].weights)
    assert model.shift == past.models[2021].shift
    january = np.flatnonzero(record.years == 2021)[:1]
    assert np.array_equal(told(model, other, january), past.observed_weather[record.years[past.months] == 2021][:1])


def test_the_month_wanted_needs_no_weather_of_its_own(history):
    record, _ = history
    weather = record.weather.copy()
    weather[-1] = np.nan
    blind = History(
        record.months, weather, record.burning, record.ignition, record.land, record.ground, record.countries
    )
    usual = month_risk(blind, "burning", "climatology")
    assert np.isfinite(usual.probability).sum() == 179
    assert np.isnan(usual.probability[0, 0])
    assert (usual.error[np.isfinite(usual.error)] >= 0).all()
    assert np.isnan(month_risk(blind, "burning", "forecast").probability).all()


def test_usual_weather_is_the_mean_over_other_years(history, past):
    record, _ = history
    model, month = past.models[2020], np.array([99])
    others = np.flatnonzero((record.calendar == record.calendar[99]) & record.usable & (record.years != 2020))
    each = [told(model, record, month, np.array([other]))[0] for other in others]
    found = told_usual(model, record, month, np.flatnonzero(record.usable & (record.years != 2020)))
    assert np.allclose(found[0], np.mean(each, axis=0), atol=1e-6)


def test_the_same_again_is_the_same(history, monkeypatch):
    record, _ = history
    months = np.flatnonzero(record.usable)
    monkeypatch.setattr(training, "MOST_ROWS", 3000)
    one, same, other = (trained(record, "burning", months, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(one.weights, same.weights)
    assert not np.array_equal(one.weights, other.weights)
    # A part of the cells without fire tells nearly what all of them tell.
    assert np.allclose(one.weights, other.weights, atol=0.15)
    assert one.to_dict() == same.to_dict()
    assert set(one.to_dict()["predictors"]) == set(record.names)


def test_without_driver_there_is_no_skill_to_speak_of():
    record, _ = made(3, strength=0.0)
    found = hindcast(record, "burning")
    assert abs(brier_skill(found.observed_weather, found.climatology, found.happened)) < 0.01


def test_nothing_to_learn_from_is_said():
    with pytest.raises(NotPossible, match="no cell has a label burning"):
        trained(made(nothing=True)[0], "burning", np.arange(30))


def test_fewer_predictors_and_years_will_do(history):
    record, _ = history
    first = np.flatnonzero(record.usable & (record.years == 2013))
    model = trained(record, "ignition", first, names=FWI_ONLY)
    assert (model.slope, model.shift) == (1.0, 0.0)
    assert model.names == FWI_ONLY


def test_the_report_tells_years_months_and_countries(history, past):
    report = skill_report(history[0], past)
    assert list(report["by_year"]) == [str(year) for year in range(2012, 2022)]
    assert set(report["by_country"]) == {"XA", "XB"}
    assert len(report["by_month"]) == 12
    low, high = report["pooled"]["skill_90"]
    assert low < report["pooled"]["skill_over_climatology"] < high
    total = sum(part["cells_with_event"] for part in report["by_year"].values())
    assert total == report["pooled"]["cells_with_event"] == int(past.happened.sum())


def test_classes_begin_at_multiples_of_the_mean():
    limits = [limit * 0.01 for limit in RISK_LIMITS]
    assert risk_classes(np.array([0.0, *limits, 1.0]), 0.01).tolist() == [1, 2, 3, 4, 5, 5]
