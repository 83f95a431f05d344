"""Measures: sums worked out by hand, pixels left out where something is unknown, tables against their definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from habitat.twin.measures import Agreement, Errors, Share, ratio

NAN = math.nan


def test_errors_are_sums_over_tiles():
    whole, parts = Errors(), Errors()
    found, true = np.array([[0.5, 0.1], [0.3, 0.2]]), np.array([[0.2, 0.1], [0.4, 0.4]])
    whole.add(found, true)
    for row in range(2):
        parts.add(found[row], true[row])
    assert whole == parts
    # Differences 0.3, 0, -0.1, -0.2: squares 0.09 + 0.01 + 0.04.
    assert whole.count == 4
    assert whole.rmse == pytest.approx(math.sqrt(0.14 / 4))
    assert whole.bias == pytest.approx(0.0)


def test_errors_leave_out_what_is_unknown_or_not_asked_for():
    errors = Errors()
    errors.add(
        np.array([1.0, NAN, 3.0, 9.0], np.float32),
        np.array([0.0, 0.0, NAN, 0.0], np.float32),
        np.array([True, True, True, False]),
    )
    assert (errors.count, errors.rmse, errors.bias) == (1, 1.0, 1.0)


def test_errors_of_small_differences_do_not_lose_digits():
    errors = Errors()
    errors.add(np.full(10_000, 0.30004, np.float32), np.full(10_000, 0.3, np.float32))
    assert errors.rmse == pytest.approx(4e-5, rel=2e-3)


def test_nothing_has_no_measure():
    assert math.isnan(Errors().rmse)
    assert math.isnan(Errors().bias)
    assert math.isnan(Share().percent)
    assert math.isnan(ratio(0, 0))
    assert math.isnan(Agreement(3).kappa)
    assert math.isnan(Agreement(3).f1(0))


def test_shares_add_up():
    share, more = Share(), Share()
    share.add(np.array([True, True, False]), among=np.array([True, False, True]))
    more.add(np.array([True]), among=np.array([True]))
    share.merge(more)
    assert (share.part, share.whole) == (2, 3)
    assert share.percent == pytest.approx(200 / 3)


def test_table_of_classes_worked_out_by_hand():
    table = Agreement(3)
    # Found:      fell  fell  fell  stable stable rose; 255 and pixels not asked for do not count.
    found = np.array([0, 0, 0, 1, 1, 2, 255, 0, 0], np.uint8)
    true = np.array([0, 0, 1, 1, 0, 2, 0, 255, 2], np.uint8)
    table.add(found, true, np.array([True] * 8 + [False]))
    assert table.counts.tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert table.count == 6
    # Chance: (3 * 3 + 2 * 2 + 1 * 1) / 36; observed 4 / 6.
    assert table.kappa == pytest.approx((4 / 6 - 14 / 36) / (1 - 14 / 36))
    assert table.f1(0) == pytest.approx(2 * 2 / (3 + 3))
    assert table.f1(2) == 1.0


def test_kappa_where_chance_agrees_everywhere_is_not_known():
    table = Agreement(3)
    table.add(np.ones(5, np.uint8), np.ones(5, np.uint8))
    assert math.isnan(table.kappa)


@given(arrays(np.uint8, 40, elements=st.integers(0, 3)), arrays(np.uint8, 40, elements=st.integers(0, 3)))
def test_agreement_is_fair_to_both_sides(found, true):
    one, other, self = Agreement(3), Agreement(3), Agreement(3)
    one.add(found, true)
    other.add(true, found)
    self.add(true, true)
    assert one.kappa == pytest.approx(other.kappa, nan_ok=True)
    assert one.f1(1) == pytest.approx(other.f1(1), nan_ok=True)
    assert math.isnan(self.kappa) or self.kappa == 1.0
    assert math.isnan(one.kappa) or one.kappa <= 1.0
