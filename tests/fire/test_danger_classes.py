"""Danger classes, limits of the place's own record, and the cross-walk to the Russian scale."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.errors import ConfigError, InputError
from habitat.fire.weather.crosswalk import crosswalk, matched_limits
from habitat.fire.weather.danger_classes import (
    EFFIS_LIMITS,
    danger_classes,
    index_of_intensity,
    intensity_of_index,
    local_limits,
)


def test_european_classes_begin_on_their_limits():
    below = [limit - 0.01 for limit in EFFIS_LIMITS]
    assert danger_classes(below).tolist() == [1, 2, 3, 4, 5]
    assert danger_classes(EFFIS_LIMITS).tolist() == [2, 3, 4, 5, 6]
    assert danger_classes(np.array(EFFIS_LIMITS, np.float32)).tolist() == [2, 3, 4, 5, 6]
    assert danger_classes([0, np.nan, 1000]).tolist() == [1, 255, 6]
    with pytest.raises(ConfigError, match="five ascending numbers"):
        danger_classes([1.0], (1, 2, 3))


@given(st.floats(0, 300))
def test_intensity_goes_both_ways(index):
    assert float(index_of_intensity(intensity_of_index(index))) == pytest.approx(index, rel=1e-9)


def test_intensity_by_hand():
    # ln(0.289 I) = 0.980 (ln 30)**1.546 = 0.980 * 6.6347 = 6.5020; I = exp(6.5020) / 0.289.
    assert float(intensity_of_index(30)) == pytest.approx(np.exp(6.5033) / 0.289, rel=1e-3)
    assert float(intensity_of_index(1)) == pytest.approx(1 / 0.289)
    assert (np.diff(intensity_of_index(np.linspace(0, 3, 50))) > 0).all()


def test_local_limits_are_equal_steps_of_intensity():
    rng = np.random.default_rng(0)
    record = rng.gamma(2, 6, (3 * 365, 5))
    years = np.repeat([2020, 2021, 2022], 365)
    limits = local_limits(record, years)
    tops = [np.quantile(record[years == year], 1 - 4 / 365) for year in (2020, 2021, 2022)]
    assert limits[4] == pytest.approx(np.median(tops))
    steps = np.diff(np.log(intensity_of_index(limits)))
    assert steps == pytest.approx(np.full(4, steps[0]))
    assert np.log(intensity_of_index(limits[0])) == pytest.approx(steps[0])
    more = local_limits(record, years, extreme_days=20)
    assert all(ours > theirs for ours, theirs in zip(limits, more, strict=True))
    share = (danger_classes(record, limits) == 6).mean()
    assert share * 365 == pytest.approx(4, rel=0.3)


def test_days_out_of_season_are_the_least_dangerous():
    record = np.linspace(0, 40, 365)
    gone = np.where(record < 20, np.nan, record)
    years = np.full(365, 2025)
    assert local_limits(gone, years) == local_limits(record, years)


def test_records_that_say_nothing_are_refused():
    years = np.full(365, 2025)
    with pytest.raises(InputError, match="wants above 1"):
        local_limits(np.full(365, 0.2), years)
    with pytest.raises(InputError, match="wants above 1"):
        local_limits(np.full(365, np.nan), years)
    with pytest.raises(InputError, match="one year for each day"):
        local_limits(np.ones(3), years)
    with pytest.raises(ConfigError, match="above 0 and below 365"):
        local_limits(np.ones(365), years, extreme_days=0)


def test_crosswalk_counts_each_pair_in_its_month():
    fwi = np.array([[1, 2], [6, 255], [3, 3]], np.uint8)
    kpo = np.array([[1, 2], [5, 5], [255, 4]], np.uint8)
    found = crosswalk(fwi, kpo, [4, 4, 10])
    assert int(found.sum()) == 4
    assert found.sel(month=4, fwi_class=6, kpo_class=5).item() == 1
    assert found.sel(month=4, fwi_class=2, kpo_class=2).item() == 1
    assert found.sel(month=10, fwi_class=3, kpo_class=4).item() == 1
    assert found.shape == (12, 6, 5)


@given(st.lists(st.tuples(st.integers(1, 12), st.integers(1, 6), st.integers(1, 5)), max_size=40))
def test_crosswalk_equals_counting_by_hand(days):
    months, fwi, kpo = (np.array([day[part] for day in days], int) for part in range(3))
    found = crosswalk(fwi, kpo, months)
    for month, ours, theirs in set(days):
        assert found.sel(month=month, fwi_class=ours, kpo_class=theirs).item() == days.count((month, ours, theirs))
    assert int(found.sum()) == len(days)


def test_crosswalk_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="do not fit"):
        crosswalk([1, 2], [1], [4, 4])
    with pytest.raises(InputError, match=r"danger classes hold \[7\]"):
        crosswalk([7], [1], [4])
    with pytest.raises(InputError, match=r"KPO classes hold \[0\]"):
        crosswalk([1], [0], [4])
    with pytest.raises(InputError, match="months run from 0 to 0"):
        crosswalk([1], [1], [0])


def test_limits_are_matched_by_how_often_they_are_exceeded():
    rng = np.random.default_rng(1)
    fwi = rng.gamma(2, 6, 2000)
    # The same order on another scale: limits go through the same function.
    assert matched_limits(fwi, fwi**2, (25, 100, 400, 900)) == pytest.approx([5, 10, 20, 30], abs=0.1)
    fwi[:500] = np.nan
    assert matched_limits(fwi, fwi**2, (25, 100, 400, 900)) == pytest.approx([5, 10, 20, 30], abs=0.2)
    assert np.isnan(matched_limits([1.0, 2.0], [1.0, 2.0], [50.0])).all()
    with pytest.raises(InputError, match="no day has both"):
        matched_limits([np.nan], [1.0])
    with pytest.raises(InputError, match="the indices have"):
        matched_limits([1.0], [1.0, 2.0])
