"""Intervals: normal and logit ends, levels, and values at the edge."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.accuracy.intervals import interval, multiplier
from habitat.contracts.errors import ConfigError


def test_normal_interval_by_hand():
    assert interval(0.5, 0.1) == pytest.approx((0.304, 0.696))
    assert interval(0.5, 0.1, level=0.9) == pytest.approx((0.5 - 0.164485, 0.5 + 0.164485), abs=1e-6)


def test_logit_interval_by_hand():
    # ln(0.8 / 0.2) = 1.3863; 1.96 · 0.05 / (0.8 · 0.2) = 0.6125.
    low, high = interval(0.8, 0.05, kind="logit")
    assert low == pytest.approx(1 / (1 + math.exp(-(math.log(4) - 0.6125))))
    assert high == pytest.approx(1 / (1 + math.exp(-(math.log(4) + 0.6125))))
    assert interval(80.0, 5.0, kind="logit", total=100.0) == pytest.approx((100 * low, 100 * high))


@given(st.floats(0.001, 0.999), st.floats(1e-6, 0.4))
def test_logit_intervals_hold_the_value_and_stay_inside(value, error):
    low, high = interval(value, error, kind="logit")
    assert 0 <= low <= value <= high <= 1
    near = interval(value, 1e-6, kind="logit")
    assert near == pytest.approx(interval(value, 1e-6), abs=1e-7)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_logit_of_nothing_and_of_all_has_no_width(value):
    assert interval(value, 0.0, kind="logit") == (value, value)


def test_multipliers():
    assert multiplier(0.95) == 1.96
    assert multiplier(0.99) == pytest.approx(2.575829)


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0, -0.1])
def test_levels_are_shares(level):
    with pytest.raises(ConfigError, match="level"):
        multiplier(level)


def test_unknown_kind_is_refused():
    with pytest.raises(ConfigError, match="no interval 'wilson'; choose of normal, logit"):
        interval(0.5, 0.1, kind="wilson")
