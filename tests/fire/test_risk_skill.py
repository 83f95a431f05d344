"""Measures of skill, each worked out by hand or against a peer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from habitat.fire.hazard.hindcast import left_out_error
from habitat.fire.hazard.risk_rasters import NODATA, index_spec, reliability_table, risk_sentence, risk_specs
from habitat.fire.hazard.skill import (
    auc,
    brier,
    brier_skill,
    calibration_slope,
    reliability,
    rounded,
    skill_interval,
)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=2, max_size=60))
def test_brier_and_auc_agree_with_scikit_learn(cases):
    told, happened = (np.array(part) for part in zip(*cases, strict=True))
    assert brier(told, happened) == pytest.approx(brier_score_loss(happened, told), abs=1e-12)
    if 0 < happened.sum() < happened.size:
        assert auc(told, happened) == pytest.approx(roc_auc_score(happened, told), abs=1e-12)
    else:
        assert math.isnan(auc(told, happened))


def test_skill_is_the_share_that_is_saved():
    happened = np.array([True, False, False, False])
    base = np.full(4, 0.25)
    # 0.1875 by the base rate; 0.25 less each time: ((0.5)^2 + 0) / 4 = 0.0625.
    assert brier_skill(np.array([0.5, 0, 0, 0]), base, happened) == pytest.approx(2 / 3)
    assert brier_skill(base, base, happened) == 0
    assert brier_skill(1 - base, base, happened) < 0
    assert math.isnan(brier_skill(base, np.zeros(4), np.zeros(4, bool)))
    assert math.isnan(brier(np.array([]), np.array([])))


def test_the_slope_tells_who_is_too_sure():
    rng = np.random.default_rng(5)
    odds = rng.normal(-2, 1, 40_000)
    happened = rng.random(40_000) < 1 / (1 + np.exp(-odds))
    for stretch in (1.0, 2.0, 0.5):
        told = 1 / (1 + np.exp(-stretch * odds))
        assert calibration_slope(told, happened) == pytest.approx(1 / stretch, rel=0.06)
    assert math.isnan(calibration_slope(np.full(9, 0.2), np.arange(9) > 5))
    assert math.isnan(calibration_slope(np.array([0.1, 0.2]), np.array([False, False])))


def test_reliability_counts_every_case_once():
    told = np.array([0.0, 0.0004, 0.03, 0.04, 1.0])
    found = reliability(told, np.array([False, False, True, False, True]))
    assert [(one.low, one.high, one.number) for one in found] == [(0.0, 0.0005, 2), (0.02, 0.05, 2), (0.5, 1.0, 1)]
    assert (found[1].told, found[1].happened) == (pytest.approx(0.035), 0.5)
    table = reliability_table({"burning": found})
    assert table.splitlines()[2] == "burning,0.02,0.05,2,0.035000,0.500000"


def test_the_interval_draws_whole_years():
    years = np.array([1, 1, 2, 2])
    happened = np.array([[1], [0], [1], [0]], bool)
    told, base = np.array([[0.9], [0.1], [0.9], [0.1]]), np.full((4, 1), 0.5)
    # All years are alike, so every draw gives the same.
    assert skill_interval(told, base, happened, years) == pytest.approx((0.96, 0.96))
    told[:2] = 0.5
    low, high = skill_interval(told, base, happened, years)
    assert low == pytest.approx(0)
    assert high == pytest.approx(0.96)
    assert all(math.isnan(end) for end in skill_interval(told, happened * 1.0, happened, years))


def test_the_jackknife_of_a_mean_is_its_standard_error():
    values = np.array([1.0, 4.0, 2.0, 7.0])
    left_out = (values.sum() - values) / 3
    assert left_out_error(left_out[:, None]).item() == pytest.approx(values.std(ddof=1) / 2, abs=1e-6)


def test_plain_data_has_no_nan():
    assert rounded({"a": [1.23456789, math.nan], "b": (math.inf, 3, "x")}) == {"a": [1.2346, None], "b": [None, 3, "x"]}


def test_rasters_hold_rare_events_and_say_what_they_are():
    probability, classes, error = risk_specs("climatology")
    assert probability.encode(np.array([0.00002, 1.0, np.nan])).tolist() == [1, 50000, NODATA]
    assert "earlier years" in probability.description
    assert [code for code, _, _ in classes.classes] == [1, 2, 3, 4, 5]
    assert error.band_names == probability.band_names == ("burning", "ignition")
    spec = index_spec({"people": 1.0})
    assert spec.name == "index"
    for text in (spec.title, spec.description, spec.bands[0].description):
        assert "not a probability" in text


def test_the_sentence_holds_weather_and_skill():
    pooled = {"skill_over_climatology": 0.05, "skill_90": [0.01, 0.08]}
    text = risk_sentence("2025-05", "forecast", np.array([[0.01, 0.03], [np.nan, 0.02]], np.float32), pooled)
    assert text == (
        "In 2025-05 a cell burns with a probability of 2.00% in the mean and 3.0% at most (weather: forecast); on years "
        "left out the skill over climatology is 0.050 (0.010 to 0.080)."
    )
