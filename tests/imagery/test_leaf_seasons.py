"""Leaves and snow of a year by hand: turns, peaks, reasons, states of looks; and turns against a plain search."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitat.imagery.phenology import (
    CONTRADICTED,
    NO_LEAVES,
    NOT_SEEN,
    TOLD,
    TOO_WIDE,
    greenness,
    leaf_turn,
    peak,
)
from habitat.imagery.snow import BARE, SNOW, UNSEEN, UNSURE, ground_states, last_look

LOW, HIGH = np.array([0.3], np.float32), np.array([0.9], np.float32)


def turn(days, values, *, falling=False, low=LOW, high=HIGH, widest=60.0):
    green = np.array(values, np.float32).reshape(-1, 1)
    return leaf_turn(np.array(days), green, low, high, falling=falling, least_span=0.15, widest=widest)


def test_a_date_lies_where_the_line_between_two_looks_passes_the_middle():
    told = turn([100, 120, 140, 160], [0.3, 0.4, 0.8, 0.9])
    # From 0.4 to 0.8 in twenty days: 0.6 after ten.
    assert (told.date.item(), told.uncertainty.item(), told.reason.item()) == (130, 10, TOLD)
    early = turn([100, 120, 140], [0.3, 0.55, 0.95])
    assert early.date.item() == pytest.approx(120 + 20 * 0.05 / 0.4)
    assert early.uncertainty.item() == pytest.approx(17.5)


def test_leaves_that_go_are_the_same_mirrored():
    told = turn([230, 250, 270, 290], [0.9, 0.85, 0.5, 0.3], falling=True)
    assert told.date.item() == pytest.approx(250 + 20 * 0.25 / 0.35)
    assert told.reason.item() == TOLD


@pytest.mark.parametrize(
    ("values", "low", "reason"),
    [
        ([0.8, 0.8, 0.9, 0.9], 0.8, NO_LEAVES),
        ([0.3, 0.35, 0.4, 0.4], 0.3, NOT_SEEN),
        ([np.nan, np.nan, 0.8, 0.9], 0.3, NOT_SEEN),
        ([0.8, 0.3, 0.8, 0.3], 0.3, CONTRADICTED),
        ([0.3, np.nan, np.nan, 0.9], 0.3, TOO_WIDE),
    ],
)
def test_reasons_why_there_is_no_date(values, low, reason):
    told = turn([40, 60, 100, 140], values, low=np.array([low], np.float32))
    assert (told.reason.item(), np.isnan(told.date.item()), np.isnan(told.uncertainty.item())) == (reason, True, True)


def test_a_pixel_that_was_never_seen_has_no_date():
    nothing = np.array([np.nan], np.float32)
    assert turn([100, 120], [np.nan, np.nan], low=nothing, high=nothing).reason.item() == NOT_SEEN
    assert np.isnan(peak(np.array([100]), np.array([[np.nan]], np.float32), nothing, nothing, least_span=0.15).date)


def test_two_passes_of_a_day_count_as_one_value():
    told = turn([100, 120, 120, 140], [0.3, 0.4, 0.5, 0.75])
    assert told.date.item() == pytest.approx(120 + 20 * 0.15 / 0.3)


def test_half_a_year_without_any_look():
    empty = leaf_turn(
        np.empty(0, np.int64), np.empty((0, 1), np.float32), LOW, HIGH, falling=False, least_span=0.15, widest=60
    )  # fmt: skip
    assert empty.reason.item() == NOT_SEEN
    assert np.isnan(peak(np.empty(0, np.int64), np.empty((0, 1), np.float32), LOW, HIGH, least_span=0.15).date.item())


def test_the_greenest_time():
    told = peak(
        np.array([100, 170, 200, 230, 300]), np.array([[0.3], [0.86], [0.9], [0.85], [0.4]], np.float32),
        LOW, HIGH, least_span=0.15,
    )  # fmt: skip
    assert (told.date.item(), told.uncertainty.item()) == (200, 30)


@settings(max_examples=60, deadline=None)
@given(
    truth=st.integers(105, 180),
    days=st.lists(st.integers(60, 213), min_size=2, max_size=25, unique=True),
    rise=st.integers(1, 30),
)
def test_the_true_day_of_a_clean_turn_lies_within_the_looks_told(truth, days, rise):
    days = sorted(days)
    values = 0.3 + 0.6 * np.clip((np.array(days) - truth) / rise + 0.5, 0, 1)
    told = turn(days, values, widest=200)
    if told.reason.item() == TOLD:
        assert abs(told.date.item() - truth) <= told.uncertainty.item() + 1e-3
    else:
        # Only ever because one side was not seen.
        assert min(days) >= truth or max(days) < truth


def test_states_of_looks():
    # Litter; open snow; snow under crowns; patches; water; cloud shadow of no data.
    green = np.array([[500, 8000, 1500, 1500, 600, -32768]], np.int16)
    nir = np.array([[2300, 7500, 2500, 2000, 200, 900]], np.int16)
    swir1 = np.array([[2000, 1000, 900, 1400, 150, 900]], np.int16)
    clear = np.ones((1, 6), np.uint8)
    assert ground_states(green, nir, swir1, clear).tolist() == [[BARE, SNOW, SNOW, UNSURE, UNSURE, UNSEEN]]
    assert not ground_states(green, nir, swir1, 0 * clear).any()


def test_the_latest_sure_look_counts():
    states = np.array([[BARE, SNOW, UNSURE], [SNOW, BARE, UNSURE], [UNSURE, UNSEEN, UNSEEN]], np.uint8)
    state, look = last_look(states)
    assert (state.tolist(), look.tolist()) == ([SNOW, BARE, UNSURE], [1, 1, -1])


def test_greenness_without_light_is_no_number_gone_wild():
    told = greenness(np.array([[-50, 100]], np.int16), np.array([[30, 300]], np.int16), np.array([[True, False]]))
    assert told[0, 0] == pytest.approx((30 - 1) / 31)
    assert np.isnan(told[0, 1])
