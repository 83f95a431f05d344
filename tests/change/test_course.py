"""Courses: what comes after a departure, counted by hand, and months against all at once."""

from __future__ import annotations

import numpy as np
import pytest

from habitat.change.course import begun_course, follow
from habitat.change.monitoring.monitor_kernels import FIRST
from habitat.change.monitoring.monitor_rules import MonitorRules
from habitat.change.monitoring.monitors import carry
from habitat.change.monitoring.season_model import INDEX_CODES
from habitat.change.pixel_models import ModelRules, opened_by_looks

MODELS = ModelRules(0, False, "2023-01-01", 4, 6, stable_level=None)
RULES = MonitorRules("ewma", "fall", 3, limit=3.0, clip=5.0)


def opened(pixels: int):
    days = np.datetime64("2023-06-01") + np.arange(0, 80, 4)
    # Deviations of 100 around 6000: sigma is known by heart.
    index = np.tile(np.where(np.arange(20) % 2, 6100, 5900)[:, None], (1, pixels)).astype(np.int16)
    usable = np.ones(index.shape, np.uint8)
    evidence = np.full((4, *index.shape), 1000, np.int16)
    evidence[:, -6:] = 2000
    return opened_by_looks(index, days, usable, INDEX_CODES, MODELS, RULES), begun_course(evidence, usable)


def carried(state, course, index, days, *, usable=None, evidence=None):
    usable = np.ones(index.shape, np.uint8) if usable is None else usable
    evidence = np.full((4, *index.shape), 500, np.int16) if evidence is None else evidence
    first = state.days[FIRST].reshape(-1).copy()
    carry(state, index[:, None], days, codes=INDEX_CODES, usable=usable[:, None], workers=1)
    follow(course, first, state, (index, usable, evidence), days, INDEX_CODES)


def test_departures_and_returns_are_counted():
    state, course = opened(3)
    days = np.datetime64("2024-06-01") + np.arange(8)
    index = np.full((8, 3), 6000, np.int16)
    index[:, 0] = 3000
    index[1:, 1] = 3000
    index[6:, 1] = 6000
    carried(state, course, index, days)
    # Pixel 0 departs on all 8 dates, pixel 1 on dates 2 to 6, then two looks are back; pixel 2 never departs.
    assert course.departures(state).tolist() == [8, 5, 0]
    assert course.returned.tolist() == [0, 2, 0]
    assert course.count.tolist() == [8, 7, 0]
    assert course.before[:, 0].tolist() == [2000] * 4
    assert course.after[:, 0].tolist() == [500] * 4
    assert course.after[:, 2].tolist() == [-32768] * 4


def test_looks_that_may_not_be_used_count_for_nothing():
    state, course = opened(1)
    days = np.datetime64("2024-06-01") + np.arange(6)
    usable = np.array([1, 1, 1, 0, 0, 1], np.uint8)[:, None]
    carried(state, course, np.full((6, 1), 3000, np.int16), days, usable=usable)
    assert course.departures(state).tolist() == [4]
    assert course.count.tolist() == [4]


def test_a_departure_that_falls_back_takes_its_evidence_with_it():
    state, course = opened(1)
    days = np.datetime64("2024-06-01") + np.arange(14)
    index = np.full((14, 1), 6000, np.int16)
    index[0] = 3000
    index[10:] = 3000
    evidence = np.full((4, 14, 1), 100, np.int16)
    evidence[:, 10:] = 700
    carried(state, course, index[:8], days[:8], evidence=evidence[:, :8])
    assert course.count.tolist() == [0]
    carried(state, course, index[8:], days[8:], evidence=evidence[:, 8:])
    assert course.count.tolist() == [4]
    assert course.after[:, 0].tolist() == [700] * 4


@pytest.mark.parametrize("cut", range(1, 30, 4))
def test_two_calls_give_what_one_gives(cut):
    rng = np.random.default_rng(cut)
    days = np.sort(np.datetime64("2024-05-01") + rng.integers(0, 90, 30))
    cut = int(np.searchsorted(days, days[cut]))  # no day is parted
    index = rng.choice([3000, 5800, 6000, 6100, -32768], (30, 200)).astype(np.int16)
    usable, evidence = rng.integers(0, 2, (30, 200)).astype(np.uint8), rng.integers(0, 4000, (4, 30, 200), np.int16)
    whole, parts = opened(200), opened(200)
    carried(*whole, index, days, usable=usable, evidence=evidence)
    for part in (slice(0, cut), slice(cut, 30)):
        carried(*parts, index[part], days[part], usable=usable[part], evidence=evidence[:, part])
    for one, other in zip(whole[1].arrays().values(), parts[1].arrays().values(), strict=True):
        assert np.array_equal(one, other)
    assert whole[1].count.max() > 3


def test_radar_has_no_evidence():
    state, _ = opened(2)
    course = begun_course(None, np.ones((5, 2), np.uint8))
    assert (course.before == -32768).all()
    days = np.datetime64("2024-06-01") + np.arange(4)
    index = np.full((4, 2), 3000, np.int16)
    first = state.days[FIRST].reshape(-1).copy()
    carry(state, index[:, None], days, codes=INDEX_CODES, workers=1)
    follow(course, first, state, (index, np.ones((4, 2), np.uint8), None), days, INDEX_CODES)
    assert course.departures(state).tolist() == [4, 4]
    assert (course.after == -32768).all()
