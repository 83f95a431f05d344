"""Composites: the fast median equals the plain one bit by bit, whatever the dates, masks and radiometry."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from habitat.imagery.composites import (
    CODE_SCALE,
    NODATA,
    median,
    observation_summary,
    plain_median,
    reflectance_codes,
    sorting_network,
)

SENTINEL2 = {"scale": 1e-4, "offset": 0.0}
SENTINEL2_SINCE_2022 = {"scale": 1e-4, "offset": -0.1}
LANDSAT = {"scale": 2.75e-5, "offset": -0.2}


def column(*values: int) -> np.ndarray:
    """Return dates of one pixel."""
    return np.array(values, np.uint16).reshape(-1, 1, 1)


def all_clear(stack: np.ndarray) -> np.ndarray:
    return np.ones(stack.shape, np.uint8)


def one(stack: np.ndarray, clear: np.ndarray | None = None, **radiometry: float) -> int:
    return int(median(stack, all_clear(stack) if clear is None else clear, **radiometry)[0, 0])


def test_sorting_networks_sort_every_sequence_of_zeros_and_ones():
    # The 0-1 principle: a network that sorts all sequences of 0 and 1 sorts every sequence.
    for size in range(11):
        rows = np.array(list(product((0, 1), repeat=size)), np.uint8).reshape(2**size, size)
        wanted = np.sort(rows, axis=1)
        for low, high in sorting_network(size):
            assert 0 <= low < high < size
            pair = np.sort(rows[:, [low, high]], axis=1)
            rows[:, [low, high]] = pair
        np.testing.assert_array_equal(rows, wanted)


@pytest.mark.parametrize(("size", "comparators"), [(0, 0), (1, 0), (2, 1), (4, 5), (8, 19), (16, 63), (32, 191)])
def test_networks_have_batchers_number_of_comparators(size, comparators):
    assert sorting_network(size).shape == (comparators, 2)


def test_odd_and_even_counts_by_hand():
    assert one(column(700, 300, 100)) == 300
    assert one(column(700, 300, 100, 500)) == 400
    assert one(column(9)) == 9
    # The mean of 300 and 401 is 350.5 codes, of 301 and 402 351.5: both go to the even neighbour.
    assert one(column(300, 401)) == 350
    assert one(column(301, 402)) == 352


def test_masked_dates_and_nodata_do_not_count():
    stack = column(100, 200, 300, 4000, 5000)
    clear = column(1, 1, 1, 0, 0).astype(np.uint8)
    assert one(stack, clear) == 200
    assert one(column(0, 200, 0)) == 200
    assert one(column(0, 200, 7), nodata=7) == 100
    assert one(column(0, 0)) == NODATA
    assert one(column(5, 6), np.zeros((2, 1, 1), np.uint8)) == NODATA


def test_65535_is_never_reflectance():
    assert one(column(65535, 300, 100)) == 200
    assert one(column(65535)) == NODATA
    # The largest measured number is reflectance 6.5 and is held at the end of int16.
    assert one(column(65534)) == 32767
    assert one(column(65534, 65534, 65535)) == 32767


def test_radiometry_by_hand():
    # 1200 * 0.0001 - 0.1 = 0.02 and 500 * 0.0001 - 0.1 = -0.05
    assert one(column(1200), **SENTINEL2_SINCE_2022) == 200
    assert one(column(500), **SENTINEL2_SINCE_2022) == -500
    # 10909 * 0.0000275 - 0.2 = 0.0999975, which is 999.975 codes
    assert one(column(10909), **LANDSAT) == 1000
    # A tenth below zero and far beyond: held, and never the code of nodata.
    assert one(column(1), scale=1e-4, offset=-4.0) == -32767


def test_no_dates_give_nodata():
    nothing = median(np.empty((0, 2, 3), np.uint16), np.empty((0, 2, 3), np.uint8))
    assert nothing.dtype == np.int16
    np.testing.assert_array_equal(nothing, np.full((2, 3), NODATA))


@pytest.mark.parametrize("shape", [(3, 0, 4), (3, 4, 0)])
def test_no_pixels_give_no_pixels(shape):
    assert median(np.empty(shape, np.uint16), np.empty(shape, np.uint8)).shape == shape[1:]


@st.composite
def stacks(draw: st.DrawFn) -> tuple[np.ndarray, np.random.Generator]:
    dates, height = draw(st.integers(1, 13)), draw(st.integers(1, 3))
    # The kernel works strips of 512 columns: widths on either side of the seam.
    width = draw(st.one_of(st.integers(1, 9), st.sampled_from([511, 512, 513, 1025])))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    choices = draw(st.sampled_from([(0, 65535), (0, 3), (1000, 1010)]))
    stack = rng.integers(*choices, (dates, height, width), dtype=np.uint16, endpoint=True)
    stack[rng.random(stack.shape) < 0.1] = draw(st.sampled_from([0, 65535]))
    return stack, rng


@settings(max_examples=60, deadline=None)
@given(
    made=stacks(),
    share=st.sampled_from([0.0, 0.3, 0.8, 1.0]),
    nodata=st.sampled_from([0, 1, 65535]),
    radiometry=st.sampled_from([SENTINEL2, SENTINEL2_SINCE_2022, LANDSAT]),
)
def test_the_fast_median_equals_the_plain_one(made, share, nodata, radiometry):
    stack, rng = made
    clear = (rng.random(stack.shape) < share).astype(np.uint8)
    fast = median(stack, clear, nodata=nodata, **radiometry)
    plain = plain_median(stack, clear, nodata=nodata, **radiometry)
    assert fast.dtype == plain.dtype == np.int16
    np.testing.assert_array_equal(fast == NODATA, plain == NODATA)
    if radiometry is not LANDSAT:
        np.testing.assert_array_equal(fast, plain)
    # The kernel computes codes in float32, which decides half codes of Landsat either way but no others.
    values = np.ma.masked_array(stack.astype(float), (clear == 0) | (stack == nodata) | (stack == 65535))
    middle = np.ma.median(values, axis=0).filled(np.nan)
    codes = (middle * radiometry["scale"] + radiometry["offset"]) / CODE_SCALE
    known = fast != NODATA
    assert (np.abs(fast - np.clip(codes, -32767, 32767))[known] <= 0.5 + 2e-3).all()
    np.testing.assert_array_equal(known, ~np.isnan(codes))


@settings(max_examples=40, deadline=None)
@given(made=stacks(), step=st.sampled_from([1, 2, 3, 6]), phase=st.tuples(st.integers(0, 5), st.integers(0, 5)))
def test_a_coarser_mask_is_spread_over_its_pixels(made, step, phase):
    stack, rng = made
    dates, height, width = stack.shape
    shape = (dates, (height - 1 + phase[0]) // step + 1, (width - 1 + phase[1]) // step + 1)
    mask = rng.integers(0, 2, shape, dtype=np.uint8)
    rows, columns = (np.arange(height) + phase[0]) // step, (np.arange(width) + phase[1]) // step
    spread = mask[:, rows][:, :, columns]
    np.testing.assert_array_equal(median(stack, mask, mask_step=step, mask_phase=phase), plain_median(stack, spread))


@settings(max_examples=20, deadline=None)
@given(stacks())
def test_the_order_of_dates_and_the_cut_of_tiles_do_not_matter(made):
    stack, rng = made
    clear = rng.integers(0, 2, stack.shape, dtype=np.uint8)
    whole = median(stack, clear)
    order = rng.permutation(len(stack))
    np.testing.assert_array_equal(median(stack[order], clear[order]), whole)
    cut = stack.shape[2] // 3
    parts = [median(stack[:, :, part], clear[:, :, part]) for part in (slice(None, cut), slice(cut, None))]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)


def test_arrays_cut_out_of_larger_ones_are_taken():
    rng = np.random.default_rng(5)
    stack = rng.integers(1, 9000, (5, 40, 60), dtype=np.uint16)
    clear = rng.integers(0, 2, stack.shape, dtype=np.uint8)
    window = (slice(None), slice(3, 29), slice(7, 51))
    np.testing.assert_array_equal(median(stack[window], clear[window]), median(stack, clear)[window[1:]])
    np.testing.assert_array_equal(median(stack[::-1], clear[::-1]), median(stack, clear))


def test_a_constant_stays_itself_whatever_is_masked():
    rng = np.random.default_rng(6)
    stack = np.full((7, 8, 30), 1234, np.uint16)
    clear = rng.integers(0, 2, stack.shape, dtype=np.uint8)
    wanted = np.where(clear.any(axis=0), 1234, NODATA)
    np.testing.assert_array_equal(median(stack, clear), wanted)
    assert CODE_SCALE == 1e-4


def test_the_plain_median_equals_numpy():
    rng = np.random.default_rng(7)
    stack = rng.integers(1, 3000, (6, 20, 20), dtype=np.uint16)
    clear = rng.integers(0, 2, stack.shape, dtype=np.uint8)
    clear[0] = 1
    values = np.ma.median(np.ma.masked_array(stack.astype(float), clear == 0), axis=0)
    np.testing.assert_array_equal(plain_median(stack, clear), np.rint(values.filled(np.nan)).astype(np.int16))


@settings(max_examples=40, deadline=None)
@given(
    days=st.lists(st.integers(1, 366), min_size=1, max_size=8),
    shape=st.tuples(st.integers(1, 3), st.integers(1, 5)),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_summary_equals_plain_numpy(days, shape, seed):
    clear = np.random.default_rng(seed).integers(0, 2, (len(days), *shape), dtype=np.uint8)
    count, spread, mean_day = observation_summary(clear, np.array(days, np.int16))
    assert {array.dtype for array in (count, spread, mean_day)} == {np.dtype(np.uint8)}
    for y, x in np.ndindex(shape):
        seen = [day for day, ok in zip(days, clear[:, y, x], strict=True) if ok]
        assert count[y, x] == len(seen)
        assert spread[y, x] == (min(max(seen) - min(seen), 254) if seen else 255)
        # Half days are rounded up: (sum + n // 2) // n.
        assert mean_day[y, x] == (min(int(np.floor(np.mean(seen) + 0.5)), 254) if seen else 255)


def test_the_summary_by_hand():
    clear = np.array([[[1, 1, 0]], [[1, 0, 0]], [[1, 1, 0]]], np.uint8)
    count, spread, mean_day = observation_summary(clear, np.array([3, 8, 28], np.int16))
    assert count.tolist() == [[3, 2, 0]]
    assert spread.tolist() == [[25, 25, 255]]
    # 39 / 3 = 13 and 31 / 2 = 15.5
    assert mean_day.tolist() == [[13, 16, 255]]


def test_more_dates_than_a_byte_holds_are_held_at_254():
    clear = np.ones((300, 1, 1), np.uint8)
    count, spread, mean_day = observation_summary(clear, np.arange(1, 301, dtype=np.int16))
    assert (count[0, 0], spread[0, 0], mean_day[0, 0]) == (254, 254, 151)


def test_no_dates_have_no_summary():
    count, spread, mean_day = observation_summary(np.empty((0, 1, 2), np.uint8), np.empty(0, np.int16))
    assert (count.tolist(), spread.tolist(), mean_day.tolist()) == ([[0, 0]], [[255, 255]], [[255, 255]])


@settings(max_examples=40, deadline=None)
@given(
    step=st.sampled_from([1, 2, 3]),
    mask_step=st.sampled_from([1, 2, 6]),
    corner=st.tuples(*[st.integers(0, 5)] * 4),
    radiometry=st.sampled_from([SENTINEL2, SENTINEL2_SINCE_2022]),
    seed=st.integers(0, 2**32 - 1),
)
def test_codes_of_a_strip_equal_plain_numpy(step, mask_step, corner, radiometry, seed):
    rng = np.random.default_rng(seed)
    dates, height, width, top = 2, 5, 7, 3
    row, column, mask_row, mask_column = corner
    rows, columns = (top + np.arange(height) + row) // step, (np.arange(width) + column) // step
    mask_rows = (top + np.arange(height) + mask_row) // mask_step
    mask_columns = (np.arange(width) + mask_column) // mask_step
    numbers = rng.integers(0, 65535, (dates, rows[-1] + 1, columns[-1] + 1), dtype=np.uint16, endpoint=True)
    numbers[rng.random(numbers.shape) < 0.2] = rng.choice([0, 65535])
    clear = rng.integers(0, 2, (dates, mask_rows[-1] + 1, mask_columns[-1] + 1), dtype=np.uint8)
    out = np.empty((dates, height, width), np.int16)
    affine = (radiometry["scale"], radiometry["offset"])
    reflectance_codes(numbers, clear, affine, (step, row, column), (mask_step, mask_row, mask_column), top, out)
    dn = numbers[:, rows][:, :, columns].astype(int)
    known = (clear[:, mask_rows][:, :, mask_columns] != 0) & (dn != 0) & (dn != 65535)
    codes = np.clip(dn + round(radiometry["offset"] / CODE_SCALE), -32767, 32767)
    np.testing.assert_array_equal(out, np.where(known, codes, NODATA))
