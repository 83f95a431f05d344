"""Differences, scores and classes: signs, worked numbers, and NaN that stays NaN."""

from __future__ import annotations

import math

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from habitat.change import (
    CHANGE_CLASSES,
    CHANGE_NODATA,
    baseline_statistics,
    change_classes,
    difference,
    standardised_difference,
    z_score,
)
from habitat.contracts.errors import ConfigError, GridMismatch, InputError

layers = hnp.arrays(np.float64, (3, 4), elements=st.floats(-1, 1) | st.just(math.nan))
stacks = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 6), st.just(2), st.just(3)), elements=st.floats(-1, 1) | st.just(math.nan)
)


def layer(values, **attrs):
    array = np.asarray(values, np.float64)
    coords = {"y": 30.0 - 20 * np.arange(array.shape[0]), "x": 5.0 + 20 * np.arange(array.shape[1])}
    return xr.DataArray(array, dims=("y", "x"), coords=coords, attrs=attrs)


def test_loss_is_negative():
    burnt = difference(np.array([0.25]), np.array([0.75]))
    assert burnt.tolist() == [-0.5]
    assert change_classes(burnt, (0.1, 0.4)).tolist() == [1]


@settings(max_examples=60, deadline=None)
@given(after=layers, before=layers)
def test_antisymmetric_in_before_and_after(after, before):
    np.testing.assert_array_equal(difference(after, before), -difference(before, after))


@settings(max_examples=60, deadline=None)
@given(after=layers, before=layers)
def test_unknown_stays_unknown_and_known_stays_known(after, before):
    unknown = np.isnan(after) | np.isnan(before)
    np.testing.assert_array_equal(np.isnan(difference(after, before)), unknown)


@settings(max_examples=60, deadline=None)
@given(values=layers, weak=st.floats(0.01, 0.4), more=st.floats(0.01, 0.4))
def test_classes_mirror_when_the_sign_turns(values, weak, more):
    classes = change_classes(values, (weak, weak + more))
    turned = change_classes(-values, (weak, weak + more))
    known = ~np.isnan(values)
    np.testing.assert_array_equal(turned[known], 6 - classes[known])
    assert (classes[~known] == CHANGE_NODATA).all()
    assert set(np.unique(classes[known])) <= set(CHANGE_CLASSES)


def test_classes_of_unlike_thresholds():
    values = np.array([-0.6, -0.5, -0.3, -0.2, -0.19, 0.0, 0.09, 0.1, 0.29, 0.3, np.inf, -np.inf, np.nan])
    classes = change_classes(values, (-0.5, -0.2, 0.1, 0.3))
    assert classes.tolist() == [1, 1, 2, 2, 3, 3, 3, 4, 4, 5, 5, 1, 255]
    assert classes.dtype == np.uint8


@pytest.mark.parametrize(
    "thresholds", [(), (1,), (3, 2), (-1, 2), (-3, -2, 2), (-2, -3, 2, 3), (-3, 1, 2, 3), (-3, -2, 0, 3), (math.nan, 2)]
)
def test_senseless_thresholds_are_refused(thresholds):
    with pytest.raises(ConfigError, match=r"change thresholds are .*two positive numbers"):
        change_classes(np.zeros(3), thresholds)


def test_standardised_difference_by_hand():
    values = standardised_difference(np.array([-0.5, 0.25, np.nan]), centre=-0.25, spread=0.125)
    np.testing.assert_array_equal(values, [-2.0, 4.0, np.nan])


@pytest.mark.parametrize(("centre", "spread"), [(0, 0), (0, -1), (math.nan, 1), (0, math.nan), (0, math.inf)])
def test_scatterless_difference_is_refused(centre, spread):
    with pytest.raises(InputError, match="spread above 0"):
        standardised_difference(np.zeros(2), centre=centre, spread=spread)


def test_baseline_by_hand():
    # Pixel 1: 1, 2, 3, 4: mean 2.5, sum of squares 5, over 3. Pixel 2: 1, 3, 5 and a gap. Pixel 3: two years only.
    stack = np.array([[[1.0, 1.0, 1.0]], [[2.0, 3.0, 2.0]], [[3.0, np.nan, np.nan]], [[4.0, 5.0, np.nan]]])
    mean, std, count = baseline_statistics(stack)
    np.testing.assert_allclose(mean, [[2.5, 3.0, np.nan]])
    np.testing.assert_allclose(std, [[math.sqrt(5 / 3), 2.0, np.nan]])
    np.testing.assert_array_equal(count, [[4, 3, 2]])
    assert count.dtype == np.int16


@settings(max_examples=60, deadline=None)
@given(stack=stacks, min_years=st.integers(2, 5))
def test_baseline_equals_numpy_where_there_are_years(stack, min_years):
    mean, std, count = baseline_statistics(stack, min_years=min_years, min_std=0.01)
    seen = (~np.isnan(stack)).sum(axis=0)
    np.testing.assert_array_equal(count, seen)
    for row, column in np.ndindex(2, 3):
        years = stack[:, row, column]
        years = years[~np.isnan(years)]
        if years.size < min_years:
            assert np.isnan(mean[row, column])
            assert np.isnan(std[row, column])
        else:
            assert mean[row, column] == pytest.approx(years.mean(), abs=1e-12)
            assert std[row, column] == pytest.approx(max(years.std(ddof=1), 0.01), abs=1e-12)


def test_years_that_agree_do_not_make_an_alarm():
    mean, std, _ = baseline_statistics(np.full((5, 1, 1), 0.8))
    assert std.item() == pytest.approx(0.02)
    # 0.03 below five equal years is 1.5 deviations of the floor, not infinitely many.
    assert z_score(np.array([[0.77]]), mean, std).item() == pytest.approx(-1.5)


def test_z_is_unknown_without_a_spread():
    z = z_score(np.array([0.5, 0.5, np.nan]), np.array([0.4, np.nan, 0.4]), np.array([0.0, 0.1, 0.1]))
    assert np.isnan(z).all()
    with np.errstate(all="raise"):
        z_score(np.array([0.5]), np.array([0.4]), np.array([0.0]))


def test_false_alarms_are_as_many_as_the_docstring_says():
    # Unchanged ground of three years and a fourth: beyond ±2 lies 22.5 % (Student's t with 2 degrees, times sqrt(4/3)).
    noise = np.random.default_rng(5).normal(0, 1, (4, 200, 500))
    mean, std, _ = baseline_statistics(noise[:3], min_std=0)
    assert (np.abs(z_score(noise[3], mean, std)) > 2).mean() == pytest.approx(0.225, abs=0.005)


def test_senseless_baselines_are_refused():
    with pytest.raises(ConfigError, match="min_years is 1"):
        baseline_statistics(np.zeros((3, 1, 1)), min_years=1)
    with pytest.raises(ConfigError, match="min_std is -1"):
        baseline_statistics(np.zeros((3, 1, 1)), min_std=-1)


def test_codes_are_refused():
    codes = np.array([1, 2], np.int16)
    for call in (
        lambda: difference(codes, codes),
        lambda: change_classes(codes, (1, 2)),
        lambda: z_score(codes, codes, codes),
    ):
        with pytest.raises(TypeError, match=r"holds int16 codes, wants float.*wrap"):
            call()


def test_layers_keep_their_contract():
    after, before = layer([[0.25, np.nan]], units="1"), layer([[0.75, 0.5]], units="1")
    change = difference(after, before)
    assert (change.name, change.attrs["units"]) == ("difference", "1")
    np.testing.assert_array_equal(change, [[-0.5, np.nan]])
    classes = change_classes(change, (0.1, 0.3))
    assert (classes.name, classes.dtype) == ("change_class", np.uint8)
    np.testing.assert_array_equal(classes, [[1, 255]])
    np.testing.assert_array_equal(classes["x"], after["x"])
    scaled = standardised_difference(change, centre=0.0, spread=0.25)
    assert (scaled.name, scaled[0, 0].item()) == ("standardised_difference", -2.0)
    assert difference(layer([[3.0]], units="days"), layer([[1.0]])).attrs["units"] == "days"


def test_shifted_grids_are_refused():
    here = layer([[0.25, 0.5]])
    there = here.assign_coords(x=here["x"] + 10)
    with pytest.raises(GridMismatch, match="different x coordinates"):
        difference(here, there)
    with pytest.raises(GridMismatch, match="different x coordinates"):
        z_score(here, there, there)


def test_dask_stays_lazy():
    def refuse(*_args, **_kwargs):
        raise AssertionError("a change function computed its input")

    values = np.random.default_rng(2).uniform(0.2, 0.8, (5, 4, 4)).astype(np.float32)
    stack = xr.DataArray(da.from_array(values, chunks=(5, 2, 2)), dims=("time", "y", "x"))
    with dask.config.set(scheduler=refuse):
        mean, std, count = baseline_statistics(stack)
        z = z_score(stack[4], mean, std)
        classes = change_classes(z, (2, 3))
        plain = baseline_statistics(stack.data)
        change = difference(stack[1], stack[0])
        lazy = [mean.data, std.data, count.data, z.data, classes.data, change.data, *plain]
    assert all(isinstance(part, da.Array) for part in lazy)
    assert (mean.dtype, std.dtype, z.dtype, mean.name) == (np.float32, np.float32, np.float32, "baseline_mean")
    np.testing.assert_allclose(mean, values.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(plain[1].compute(), np.maximum(values.std(axis=0, ddof=1), 0.02), rtol=1e-4)
