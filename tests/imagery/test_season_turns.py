"""Seasons: turns of the year worked out by hand, what contradicts them, and what nobody can know."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.imagery.seasons import ALREADY, NOT_YET, UNKNOWN, green_up, snow_off, turn_of, usual_range

DAYS = [60, 70, 80, 95, 110]


def series(*states):
    return np.array(states, np.uint8).reshape(-1, 1, 1)


def test_the_turn_lies_between_the_last_look_before_and_the_first_after():
    turn = turn_of(DAYS, series(NOT_YET, NOT_YET, UNKNOWN, ALREADY, ALREADY))
    assert (turn.last_before.item(), turn.first_after.item()) == (70, 95)
    assert (turn.date.item(), turn.uncertainty.item(), turn.contradictions.item()) == (82.5, 12.5, 0)


def test_late_snow_moves_the_turn_and_one_false_snow_among_many_does_not():
    # Of two partings with one contradiction each the later one is taken: the snow lay until then.
    late = turn_of(DAYS, series(NOT_YET, ALREADY, NOT_YET, ALREADY, ALREADY))
    assert (late.last_before.item(), late.first_after.item(), late.contradictions.item()) == (80, 95, 1)
    false = turn_of(DAYS, series(NOT_YET, ALREADY, ALREADY, ALREADY, NOT_YET))
    assert (false.last_before.item(), false.first_after.item(), false.contradictions.item()) == (60, 70, 1)


def test_without_any_look_nothing_is_known():
    turn = turn_of([], np.zeros((0, 2, 3), np.uint8))
    assert turn.date.shape == (2, 3)
    assert np.isnan(turn.date).all()
    low, high = usual_range(np.zeros((0, 2, 3), np.float32))
    assert np.isnan(low).all()
    assert np.isnan(high).all()


@pytest.mark.parametrize(
    "states", [(ALREADY,) * 5, (NOT_YET,) * 5, (UNKNOWN,) * 5, (ALREADY, ALREADY, NOT_YET, NOT_YET, UNKNOWN)]
)
def test_a_turn_seen_from_one_side_only_is_unknown(states):
    turn = turn_of(DAYS, series(*states))
    assert np.isnan(turn.date.item())
    assert np.isnan(turn.uncertainty.item())
    assert turn.contradictions.item() == 255


@given(st.lists(st.sampled_from([UNKNOWN, NOT_YET, ALREADY]), min_size=1, max_size=9))
def test_no_other_parting_contradicts_less(states):
    days = list(range(10, 10 + len(states)))
    turn = turn_of(days, series(*states))
    costs = {
        cut: states[:cut].count(ALREADY) + states[cut:].count(NOT_YET)
        for cut in range(1, len(states))
        if NOT_YET in states[:cut] and states[cut] == ALREADY
    }
    if not costs:
        assert np.isnan(turn.date.item())
    else:
        least = min(costs.values())
        cut = max(cut for cut, cost in costs.items() if cost == least)
        assert turn.first_after.item() == days[cut]
        assert turn.contradictions.item() == least


def test_days_must_ascend_and_be_as_many_as_dates():
    with pytest.raises(ValueError, match="one for each date, ascending"):
        turn_of([3, 2], series(NOT_YET, ALREADY))
    with pytest.raises(ValueError, match="1 days for 2 dates"):
        turn_of([3], series(NOT_YET, ALREADY))


def test_snow_off_leaves_out_what_is_not_certain():
    snow = np.array([True, False, False]).reshape(3, 1, 1)
    sure = np.array([True, False, True]).reshape(3, 1, 1)
    turn = snow_off([60, 70, 90], snow, sure)
    assert (turn.date.item(), turn.uncertainty.item()) == (75, 15)


def test_green_up_is_half_way_between_winter_and_summer():
    ndvi = np.array([0.3, 0.54, 0.56, 0.8], np.float32).reshape(4, 1, 1)
    turn = green_up([100, 120, 130, 150], ndvi, np.full((1, 1), 0.3), np.full((1, 1), 0.8))
    assert (turn.last_before.item(), turn.first_after.item()) == (120, 130)
    evergreen = green_up([100, 120, 130, 150], ndvi, np.full((1, 1), 0.7), np.full((1, 1), 0.8))
    assert np.isnan(evergreen.date.item())


def test_the_usual_range_leaves_out_a_cloud_and_a_shadow():
    values = np.array([0.1, 0.3, 0.3, 0.4, 0.5, 0.6, 0.8, 0.8, 0.8, np.nan, 0.99], np.float32).reshape(11, 1, 1)
    low, high = usual_range(values)
    assert (round(low.item(), 2), round(high.item(), 2)) == (0.3, 0.8)
    low, high = usual_range(np.full((3, 1, 1), np.nan, np.float32))
    assert np.isnan(low.item())
    assert np.isnan(high.item())
