"""A record in pieces: bit by bit what one run gives, what is remembered of its months, percentiles and calibration."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from fire_tables import made_up
from hypothesis import given, settings
from hypothesis import strategies as st

from habitat.contracts.errors import InputError
from habitat.fire.weather.danger_classes import local_limits
from habitat.fire.weather.nesterov import nesterov_index
from habitat.fire.weather_index import fire_weather
from habitat.fire.weather_record import RecordState, limits_of_years_before, percentile_among_years, run_on

DAYS = 420


@pytest.fixture(scope="module")
def weather():
    return made_up(DAYS, (2, 3), seed=5, gaps=0.05)


def assert_equal(one, other):
    assert one.arrays().keys() == other.arrays().keys()
    for name, values in one.arrays().items():
        np.testing.assert_array_equal(values, other.arrays()[name], err_msg=name)


@given(cuts=st.lists(st.integers(1, DAYS - 1), max_size=4, unique=True))
@settings(max_examples=6)
def test_pieces_in_a_row_are_one_long_run(cuts):
    weather = made_up(DAYS, (2, 3), seed=5, gaps=0.05)
    whole, end = run_on(weather)
    state, parts = None, []
    for first, last in zip([0, *sorted(cuts)], [*sorted(cuts), DAYS], strict=True):
        part, state = run_on(weather.isel(time=slice(first, last)), state=state)
        state = RecordState.from_arrays(state.arrays())
        parts.append(part)
    xr.testing.assert_identical(xr.concat(parts, "time"), whole)
    assert_equal(state, end)


def test_the_index_alone_leaves_the_same_state(weather):
    found, state = run_on(weather, whole=False)
    all_codes, same = run_on(weather)
    assert "nesterov" not in found
    np.testing.assert_array_equal(found["fwi"], all_codes["fwi"])
    assert_equal(state, same)


def test_a_run_is_codes_and_nesterov_together(weather):
    found, state = run_on(weather)
    codes, _ = fire_weather(weather)
    index, _ = nesterov_index(weather, codes["season"])
    np.testing.assert_array_equal(found["dc"], codes["dc"])
    np.testing.assert_array_equal(found["nesterov"], index)
    by_month = codes["fwi"].resample(time="MS")
    np.testing.assert_array_equal(state.fwi_days, by_month.count())
    np.testing.assert_allclose(state.fwi_sum, by_month.sum(dtype=np.float64), rtol=1e-12)
    assert state.months.astype(str).tolist() == by_month.count()["time"].dt.strftime("%Y-%m").values.tolist()
    assert state.begins == weather["time"].values[0].astype("datetime64[D]")


def test_states_of_other_versions_are_refused(weather):
    _, state = run_on(weather.isel(time=slice(3)))
    arrays = state.arrays()
    with pytest.raises(InputError, match="lacks fwi_sum"):
        RecordState.from_arrays({name: values for name, values in arrays.items() if name != "fwi_sum"})
    with pytest.raises(InputError, match="was not written by this version"):
        RecordState.from_arrays(arrays | {"months": np.arange(9)})


def remembering(means, *, days=20, first="2012-05"):
    """Return the state of a record with one month in each year."""
    weather = made_up(2, (1, 2), seed=1)
    _, state = run_on(weather)
    years = len(means)
    months = np.datetime64(first, "M") + np.arange(years) * np.timedelta64(12, "M")
    counts = np.full((years, 1, 2), days, np.int16)
    sums = np.asarray(means, float)[:, None, None] * counts
    return RecordState(state.begins, state.codes, state.nesterov, months, sums, counts)


def test_percentiles_by_hand():
    last = np.datetime64("2022-05", "M")
    state = remembering([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 7.5])
    found = percentile_among_years(state, last, last)
    assert found.years == 10
    assert found.values.tolist() == [[70, 70]]
    equal = percentile_among_years(remembering([5] * 11), last, last)
    assert equal.values.tolist() == [[50, 50]]
    # Nine years are too few; days of which there are too few are no mean.
    assert np.isnan(percentile_among_years(state, last, last, min_years=11).values).all()
    assert np.isnan(percentile_among_years(remembering([5] * 11, days=9), last, last).values).all()
    state.fwi_days[3, 0, 0] = 4
    fewer = percentile_among_years(state, last, last, min_years=9)
    assert fewer.values.tolist() == [[pytest.approx(100 * 6 / 9), 70]]
    # Two months want both of them in every year.
    assert np.isnan(percentile_among_years(state, last, last + np.timedelta64(1, "M"), min_years=1).values).all()
    nothing = percentile_among_years(state, np.datetime64("2030-01", "M"), np.datetime64("2030-01", "M"), min_years=1)
    assert np.isnan(nothing.values).all()


def test_limits_are_of_whole_years_before():
    days = np.arange("2014-11-01", "2021-03-01", dtype="datetime64[D]")
    random = np.random.default_rng(0)
    fwi = xr.DataArray(
        random.gamma(2, 6, (days.size, 2, 2)), {"time": days.astype("datetime64[ns]")}, ("time", "y", "x")
    )
    pieces = [fwi[:900], fwi[900:]]
    whole = fwi.sel(time=slice("2015", "2019"))
    wanted = local_limits(whole.values, whole["time"].dt.year.values, extreme_days=5)
    assert limits_of_years_before(pieces, 2020, extreme_days=5) == wanted
    with pytest.raises(InputError, match="5 whole years of weather before 2019, and there are 4"):
        limits_of_years_before(pieces, 2019)
    with pytest.raises(InputError, match="there are 0"):
        limits_of_years_before([], 2019)
