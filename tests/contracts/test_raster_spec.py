"""Raster specs: codes and values round trip, whatever the type, and nothing valid turns into nodata."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.errors import ConfigError
from habitat.contracts.raster_spec import CLASS_NODATA, DTYPES, INDEX_NODATA, BandSpec, RasterSpec

INTEGERS = [dtype for dtype in DTYPES if not dtype.startswith("float")]


def spec(dtype: str, nodata: float | None, scale: float = 1.0, offset: float = 0.0) -> RasterSpec:
    return RasterSpec("x", "X", (BandSpec("x", "x", "1", scale, offset),), dtype, nodata)


def test_the_codes_everybody_relies_on():
    assert np.iinfo(np.int16).min == INDEX_NODATA
    assert np.iinfo(np.uint8).max == CLASS_NODATA


def test_half_a_code_is_rounded_to_even():
    # A scale of 2**-13 keeps half codes exact.
    values = np.array([0.5, 1.5, 2.5, -1.5]) * 2**-13
    assert spec("int16", INDEX_NODATA, 2.0**-13).encode(values).tolist() == [0, 2, 2, -2]


@given(
    dtype=st.sampled_from(INTEGERS),
    code=st.integers(-(2**31), 2**32 - 1),
    scale=st.sampled_from([1.0, 1e-4, 1e-3, 0.25, -2.0]),
    offset=st.sampled_from([0.0, -0.2, 273.15]),
)
def test_a_code_comes_back_from_its_value(dtype, code, scale, offset):
    info = np.iinfo(dtype)
    nodata = info.min
    code = min(max(code, info.min + 1), info.max)
    band = spec(dtype, nodata, scale, offset)
    # float64 holds 15 digits: codes beyond 10 of them may not survive an offset such as 273.15.
    if abs(code) < 1e9:
        assert band.encode(np.array([code * scale + offset])).tolist() == [code]


@given(
    dtype=st.sampled_from(INTEGERS),
    nodata_high=st.booleans(),
    values=st.lists(st.floats(allow_nan=False, width=64), min_size=1, max_size=5),
)
def test_no_value_turns_into_nodata_and_nothing_wraps(dtype, nodata_high, values):
    info = np.iinfo(dtype)
    nodata = info.max if nodata_high else info.min
    codes = spec(dtype, nodata).encode(np.array(values))
    assert codes.dtype == np.dtype(dtype)
    assert (codes != nodata).all()
    for code, value in zip(codes.tolist(), values, strict=True):
        low, high = (info.min, info.max - 1) if nodata_high else (info.min + 1, info.max)
        assert low <= code <= high
        if low <= value <= high:
            assert abs(code - value) <= 0.5


@given(st.sampled_from(DTYPES), st.integers(0, 6))
def test_nan_and_only_nan_becomes_nodata(dtype, where):
    values = np.arange(1.0, 8.0)
    values[where] = np.nan
    nodata = 0 if dtype.startswith("u") else -99
    codes = spec(dtype, nodata).encode(values)
    assert np.flatnonzero(codes == nodata).tolist() == [where]


def test_encoding_leaves_the_values_alone_and_picks_the_band():
    two = RasterSpec("t", "T", (BandSpec("a", "a"), BandSpec("b", "b", scale=0.5, offset=10.0)), "int16", -1)
    values = np.array([[10.0, np.nan], [12.0, 11.0]], np.float32)
    kept = values.copy()
    assert two.encode(values).tolist() == [[10, -1], [12, 11]]
    assert two.encode(values, band=1).tolist() == [[0, -1], [4, 2]]
    np.testing.assert_array_equal(values, kept)
    assert two.band_names == ("a", "b")


def test_floats_are_stored_as_they_are():
    real = spec("float32", float("nan"))
    codes = real.encode(np.array([0.1, np.nan, np.inf]))
    assert codes.dtype == np.float32
    assert codes[0] == np.float32(0.1)
    assert np.isnan(codes[1])
    assert np.isinf(codes[2])


def test_specs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec("int16", INDEX_NODATA).dtype = "uint8"


@pytest.mark.parametrize(
    ("dtype", "nodata", "fits"),
    [
        ("uint8", 255, True),
        ("uint8", 256, False),
        ("uint8", -1, False),
        ("int16", -32768, True),
        ("int16", -32769, False),
        ("uint16", 65535, True),
        ("float32", float("nan"), True),
        ("float32", float("-inf"), True),
        ("float32", -9999.0, True),
        # 0.1 has no exact float32, so no pixel would ever equal it.
        ("float32", 0.1, False),
        ("int16", float("nan"), False),
        ("int16", float("inf"), False),
        ("int16", 1.5, False),
    ],
)
def test_nodata_must_be_a_number_the_type_holds(dtype, nodata, fits):
    if fits:
        spec(dtype, nodata)
    else:
        with pytest.raises(ConfigError, match=f"cannot be stored as {dtype}"):
            spec(dtype, nodata)
