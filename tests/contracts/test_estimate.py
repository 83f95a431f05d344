"""Estimates: texts for people, round trips, and numbers that are refused."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.errors import ConfigError, InputError
from habitat.contracts.estimate import UNVALIDATED, Estimate


def test_texts():
    one = Estimate(21157.76, "ha", (15000.2, 27315.32), "stratified estimator", 640)
    assert str(one) == "21,158 ± 6,158 ha (95 %, stratified estimator, n = 640)"
    assert str(Estimate(0.9465, "1", (0.928, 0.965), "stratified estimator", 1640, 0.9)) == (
        "0.947 ± 0.018 (90 %, stratified estimator, n = 1,640)"
    )
    assert str(Estimate(12.34, "ha", (10.0, 17.0), "x", 5)) == "12.3 (10.0 to 17.0) ha (95 %, x, n = 5)"
    assert Estimate(0.0, "ha", (0.0, 0.0), "x", 5).figure == "0.0000 ± 0.0000"
    assert Estimate(3.456, "ha", (2.456, 4.456), "x", 5).figure == "3.46 ± 1.00"
    assert Estimate(-5.0, "ha", (-255.0, 245.0), "x", 5).figure == "-5 ± 250"


def test_a_count_says_that_nobody_validated_it():
    counted = Estimate.counted(1234.5, "ha")
    assert str(counted) == "1,234 ha (pixel count, unvalidated)"
    assert counted.estimator == UNVALIDATED == "pixel count, unvalidated"
    assert not counted.validated
    assert Estimate(1.0, "1", (0.5, 1.5), "x", 2).validated


@given(st.floats(-1e9, 1e9), st.floats(0, 1e6), st.integers(1, 10**6), st.sampled_from(["ha", "m²", "1"]))
def test_round_trip_through_json(value, reach, n, unit):
    for one in (Estimate(value, unit, (value - reach, value + reach), "e", n), Estimate.counted(value, unit)):
        assert Estimate.from_dict(json.loads(json.dumps(one.to_dict(), allow_nan=False))) == one


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((math.nan, "ha"), "not finite"),
        ((1.0, "ha", (0.0, math.inf), "e", 2), "not finite"),
        ((1.0, "ha", (2.0, 3.0), "e", 2), "outside its interval"),
        ((1.0, "ha", (2.0, 0.0), "e", 2), "outside its interval"),
        ((1.0, "ha", (0.0, 2.0), "e"), "no n"),
        ((1.0, "ha", (0.0, 2.0), "e", 2, 95.0), "level is 95"),
    ],
)
def test_refusals(arguments, text):
    with pytest.raises(ConfigError, match=text):
        Estimate(*arguments)


@pytest.mark.parametrize(
    "data", [{}, {"value": 1}, {"value": 1, "unit": "ha", "interval": 3}, {"interval": None, "a": 1}]
)
def test_documents_that_are_no_estimates(data):
    with pytest.raises(InputError, match="no estimate of habitat"):
        Estimate.from_dict(data)
