"""Status of pixels: every code by hand, the running machine step by step, and both held to each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from habitat.change.alerts.status import (
    OPERA,
    STATUS_CLASSES,
    StatusMachine,
    StatusRules,
    alert_status,
    stage_of,
    status_code,
    status_series,
)
from habitat.contracts.errors import ConfigError, InputError


def one(departures, sure, loss, returned=0, days=None, rules=OPERA):
    days = None if days is None else np.array([days])
    given = np.array([departures], np.uint8), np.array([sure]), np.array([loss], float)
    return int(alert_status(*given, returned=np.array([returned], np.uint8), days_since=days, rules=rules)[0])


@pytest.mark.parametrize(
    ("departures", "sure", "loss", "returned", "days", "code"),
    [
        (0, False, 0, 0, None, 0),
        (1, False, 49.9, 0, None, 1),
        (1, False, 50.0, 0, None, 4),
        (2, False, 20, 0, None, 2),
        (254, False, 80, 0, None, 5),
        (3, True, 20, 1, None, 3),
        (3, True, 80, 1, None, 6),
        (3, True, 20, 2, None, 7),
        (3, True, 80, 2, None, 8),
        # One look back is enough when the last departed one is fifteen days old, none never.
        (3, True, 80, 1, 15, 8),
        (3, True, 80, 1, 14, 6),
        (3, True, 80, 0, 99, 6),
        # A change that no longer departs but was confirmed stays one; an unknown loss counts as low.
        (0, True, 80, 0, None, 6),
        (5, True, np.nan, 0, None, 3),
        (5, True, 20, 255, None, 3),
        (255, True, 80, 2, None, 255),
    ],
)
def test_codes_by_hand(departures, sure, loss, returned, days, code):
    assert one(departures, sure, loss, returned, days) == code


def test_rules_of_ones_own():
    assert one(3, True, 35, 2, rules=StatusRules(high=30, returned=3)) == 6
    assert one(3, True, 35, 3, rules=StatusRules(high=30, returned=3)) == 8


def test_codes_have_legend_and_stage():
    codes = np.array([code for code, _, _ in STATUS_CLASSES], np.uint8)
    assert codes.tolist() == list(range(9))
    known = codes[1:]
    assert status_code(stage_of(known), np.isin(known, (4, 5, 6, 8))).tolist() == known.tolist()


def ran(*looks, rules=OPERA):
    days = np.array([day for day, _ in looks])
    return status_series(np.array([[float(loss)] for _, loss in looks]), days, rules=rules)


def test_a_series_by_hand():
    # Confidence: 30; 60 / 2 · 4 = 120; 90 / 3 · 9 = 270; 120 / 4 · 16 = 480, above 400; 120 / 5 · 16 = 384.
    found = ran((1, 0), (5, 30), (9, 30), (13, 30), (17, 30), (20, 0), (22, 0), (30, 0))
    assert found.status.ravel().tolist() == [0, 1, 2, 2, 3, 3, 7, 7]
    assert found.confidence.ravel().tolist() == [0, 30, 120, 270, 480, 384, 320, 320]
    assert found.first_day.ravel().tolist() == [0, 5, 5, 5, 5, 5, 5, 5]


def test_a_single_look_is_forgotten_and_a_pair_is_not_confirmed():
    assert ran((1, 40), (3, 0), (5, 40)).status.ravel().tolist() == [1, 0, 1]
    assert ran((1, 40), (3, 40), (5, 0), (7, 0)).status.ravel().tolist() == [1, 2, 2, 0]


def test_one_quiet_look_after_fifteen_days_ends_it():
    assert ran((1, 80), (3, 80), (5, 80), (19, 0)).status.ravel().tolist() == [4, 5, 6, 6]
    assert ran((1, 80), (3, 80), (5, 80), (20, 0)).status.ravel().tolist() == [4, 5, 6, 8]


def test_two_looks_of_the_first_day_stay_a_first_look():
    # 64 / 2 · 4 = 128 is no certainty, and both were seen on one day.
    assert ran((1, 32), (1, 32), (4, 32)).status.ravel().tolist() == [1, 1, 2]


def test_it_begins_anew_after_its_end_and_after_a_year():
    found = ran((1, 80), (3, 80), (5, 80), (30, 0), (40, 20))
    assert found.status.ravel().tolist() == [4, 5, 6, 8, 1]
    assert found.first_day.ravel().tolist() == [1, 1, 1, 1, 40]
    aged = ran((1, 20), (15, 20), (300, 20), (367, 20), rules=StatusRules(sure=1e9))
    assert aged.first_day.ravel().tolist() == [1, 1, 1, 367]


def test_loss_stays_high_once_it_was():
    assert ran((1, 60), (3, 20), (5, 20)).status.ravel().tolist() == [4, 5, 5]


def test_looks_that_were_not_used_change_nothing():
    loss = np.array([[60.0, np.nan], [np.nan, np.nan], [60.0, 60.0]])
    found = status_series(loss, np.array([1, 2, 3]))
    assert found.status.tolist() == [[4, 255], [4, 255], [5, 4]]
    hidden = status_series(loss, np.array([1, 2, 3]), seen=np.array([[True] * 2, [True] * 2, [False] * 2]))
    assert hidden.status.tolist() == [[4, 255], [4, 255], [4, 255]]


@given(
    some.lists(some.tuples(some.integers(0, 40), some.integers(0, 100)), min_size=1, max_size=25), some.integers(1, 24)
)
def test_pixels_side_by_side_and_looks_one_by_one_are_the_same(steps, cut):
    days = 1 + np.cumsum([step for step, _ in steps])
    loss = np.array([[lost, 0, 100 - lost] for _, lost in steps], float)
    whole = status_series(loss, days)
    for pixel in range(3):
        alone = status_series(loss[:, [pixel]], days)
        assert alone.status.ravel().tolist() == whole.status[:, pixel].tolist()
    machine = StatusMachine(3)
    for day, look in zip(days, loss, strict=True):
        machine.look(look, day)
    assert machine.status.tolist() == whole.status[-1].tolist()
    assert set(np.unique(whole.status)) <= set(range(9))
    # Nothing is confirmed without a second look, nor without confidence.
    sure = stage_of(whole.status) == 3
    assert not sure[0].any() or (loss[0] >= 400).any()


def test_refusals():
    with pytest.raises(InputError, match="one shape"):
        alert_status(np.zeros(2, np.uint8), np.zeros(3, bool), np.zeros(2), returned=np.zeros(2, np.uint8))
    with pytest.raises(InputError, match="sort the looks"):
        status_series(np.array([[1.0], [1.0]]), np.array([5, 4]))
    with pytest.raises(InputError, match="a day for each time"):
        status_series(np.zeros((3, 2)), np.arange(1, 3))
    with pytest.raises(InputError, match="one shape"):
        status_series(np.zeros((3, 2)), np.arange(1, 4), seen=np.zeros((2, 2), bool))
    with pytest.raises(ConfigError, match="0 < least <= high"):
        StatusRules(least=60)
    with pytest.raises(ConfigError, match="not above zero"):
        StatusRules(days=0)
