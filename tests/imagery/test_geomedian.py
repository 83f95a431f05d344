"""Geometric median: nearest to all dates, no matter how bands are turned, dates ordered or tiles cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from habitat.imagery.composites import NODATA
from habitat.imagery.geomedian import geometric_median


def of_pixel(points: np.ndarray, **options: float) -> np.ndarray:
    """Return the geometric median of one pixel's dates, given as (band, date)."""
    return geometric_median(points.astype(np.int16)[:, :, None, None], **options)[:, 0, 0]


def distances(points: np.ndarray, place: np.ndarray) -> float:
    """Return the sum of distances from a place to all dates."""
    return float(np.sqrt(((points - place[:, None]) ** 2).sum(axis=0)).sum())


def least_distances(points: np.ndarray) -> float:
    """Return the least sum of distances, by a general minimiser and by trying every date."""
    found = minimize(lambda place: distances(points, place), points.mean(axis=1), method="Nelder-Mead", tol=1e-6)
    return min(found.fun, *(distances(points, date) for date in points.T.astype(float)))


@st.composite
def pixels(draw: st.DrawFn) -> np.ndarray:
    bands, dates = draw(st.integers(2, 6)), draw(st.integers(1, 9))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    ground = rng.integers(200, 4000, (bands, 1))
    kind = draw(st.sampled_from(["seasons", "outliers", "scattered", "lattice"]))
    if kind == "seasons":
        points = ground + rng.normal(0, 150, (bands, dates))
    elif kind == "outliers":
        points = ground + rng.normal(0, 40, (bands, dates)) + 5000 * (rng.random((1, dates)) < 0.3)
    elif kind == "scattered":
        points = rng.integers(-500, 10000, (bands, dates))
    else:
        points = 100 * rng.integers(0, 4, (bands, dates))
    return np.rint(points).astype(np.int64)


@settings(max_examples=60, deadline=None)
@given(pixels())
def test_the_sum_of_distances_is_the_least_but_for_rounding(points):
    bands, dates = points.shape
    # Among four dates far apart the sum is nearly flat, and fifty steps may not cross it.
    found = of_pixel(points, iterations=1000)
    # Rounding moves the place by at most half a code in each band, the last step by half a code.
    slack = dates * (0.5 * np.sqrt(bands) + 0.5)
    assert distances(points, found.astype(float)) <= least_distances(points) + slack


@settings(max_examples=40, deadline=None)
@given(pixels(), st.integers(0, 2**32 - 1))
def test_order_of_dates_and_of_bands_does_not_matter(points, seed):
    rng = np.random.default_rng(seed)
    found = of_pixel(points).astype(int)
    dates, bands = rng.permutation(points.shape[1]), rng.permutation(len(points))
    # Sums in float32 may round another way: one code at most.
    assert np.abs(of_pixel(points[:, dates]) - found).max() <= 1
    assert np.abs(of_pixel(points[bands]) - found[bands]).max() <= 1


@settings(max_examples=40, deadline=None)
@given(pixels(), st.integers(-500, 3000))
def test_moving_and_mirroring_all_dates_moves_and_mirrors_the_median(points, shift):
    found = of_pixel(points).astype(int)
    assert np.abs(of_pixel(points + shift) - (found + shift)).max() <= 1
    assert np.abs(of_pixel(-points) + found).max() <= 1


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 2 * np.pi))
def test_turning_the_axes_turns_the_median(seed, angle):
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 800, (2, 7))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    first = of_pixel(np.rint(points), tolerance=0.01, iterations=500)
    second = of_pixel(np.rint(turn @ points), tolerance=0.01, iterations=500)
    # Each of the roundings to whole codes, of the dates and of the results, costs up to 0.7.
    assert np.abs(turn @ first - second).max() <= 3


def test_by_hand():
    # Three dates in a row: the middle one, in every band.
    assert of_pixel(np.array([[0, 100, 5000], [0, 100, 5000]])).tolist() == [100, 100]
    # Four corners of a rectangle: where the diagonals cross.
    assert of_pixel(np.array([[0, 0, 600, 600], [0, 200, 0, 200]])).tolist() == [300, 100]
    # An equilateral triangle: its centre, 1000 / sqrt(3) / 2 = 288.7 above the base.
    assert of_pixel(np.array([[0, 1000, 500], [0, 0, 866]])).tolist() == [500, 289]
    # A corner of 120 degrees or more is the median itself (Fermat's point).
    assert of_pixel(np.array([[0, -1000, 1000], [0, 100, 100]]), tolerance=0.05).tolist() == [0, 0]
    # One date is itself, and two are as far from any place between them; the mean is taken.
    assert of_pixel(np.array([[123], [-45]])).tolist() == [123, -45]
    assert of_pixel(np.array([[0, 10], [0, 30]])).tolist() == [5, 15]


def test_one_band_is_the_median():
    assert of_pixel(np.array([[5, 9000, 100, 80, 60]]), tolerance=0.05, iterations=500).tolist() == [80]


def test_a_start_upon_a_date_is_left_if_another_place_is_nearer():
    # The mean is 1000, where a date lies; the sum of distances is 600 there and 500 at 900.
    assert of_pixel(np.array([[1000, 900, 900, 900, 1300]]), tolerance=0.05)[0] == 900


def test_bands_of_a_pixel_stay_together():
    # A median band by band would mix dates into a spectrum that was never seen.
    leaves, soil, cloud = (300, 4000), (2500, 2600), (9000, 9100)
    points = np.array([leaves, leaves, leaves, soil, cloud]).T
    assert of_pixel(points, tolerance=0.05).tolist() == [300, 4000]


def test_haze_on_two_dates_of_five_pulls_little():
    points = np.array([[300, 310, 305, 2000, 2500], [4000, 4010, 3990, 5000, 5200]])
    found = of_pixel(points)
    assert np.abs(found - (305, 4000)).max() < 40
    assert points.mean(axis=1)[0] > 1000


def test_dates_with_a_band_missing_are_left_out_whole():
    points = np.array([[100, 200, 300, 9000], [10, 20, 30, NODATA]])
    assert of_pixel(points).tolist() == of_pixel(points[:, :3]).tolist() == [200, 20]


def test_no_date_with_all_bands_gives_nodata():
    assert of_pixel(np.array([[NODATA, 5], [7, NODATA]])).tolist() == [NODATA, NODATA]
    assert geometric_median(np.empty((3, 0, 2, 2), np.int16)).tolist() == np.full((3, 2, 2), NODATA).tolist()
    assert geometric_median(np.empty((3, 2, 0, 5), np.int16)).shape == (3, 0, 5)


def test_dates_that_are_all_the_same_give_that_date():
    assert of_pixel(np.full((4, 6), 777)).tolist() == [777] * 4


@pytest.mark.parametrize("width", [1, 63, 64, 65, 130])
def test_a_pixel_depends_on_its_own_dates_alone(width):
    rng = np.random.default_rng(width)
    stack = rng.integers(-200, 8000, (4, 6, 3, width), dtype=np.int16)
    stack[:, rng.random(stack.shape[1:]) < 0.4] = NODATA
    whole = geometric_median(stack)
    # Neighbours share vector blocks with a pixel; how they converge must not show in it.
    for x in (0, width // 2, width - 1):
        np.testing.assert_array_equal(geometric_median(stack[..., x : x + 1])[..., 0], whole[..., x])
    cut = width // 2
    parts = [geometric_median(stack[..., :cut]), geometric_median(stack[..., cut:])]
    np.testing.assert_array_equal(np.concatenate(parts, axis=2), whole)
    np.testing.assert_array_equal(whole == NODATA, (stack[:1] == NODATA).all(axis=1).repeat(4, axis=0))


def test_the_result_lies_among_its_dates():
    rng = np.random.default_rng(9)
    stack = rng.integers(-300, 9000, (5, 7, 10, 70), dtype=np.int16)
    found = geometric_median(stack)
    assert ((found >= stack.min(axis=1)) & (found <= stack.max(axis=1))).all()


def test_a_stack_cut_out_of_a_larger_one_is_taken():
    rng = np.random.default_rng(10)
    stack = rng.integers(0, 9000, (3, 5, 20, 90), dtype=np.int16)
    window = geometric_median(stack[:, ::2, 4:15, 3:80])
    np.testing.assert_array_equal(window, geometric_median(np.ascontiguousarray(stack[:, ::2, 4:15, 3:80])))
