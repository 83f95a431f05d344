"""Stored codes: the compiled loop against the plain one, at the bounds too."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from habitat.contracts.errors import ConfigError
from habitat.imagery import INDICES
from habitat.imagery.indices.stored import difference_of, index_codes, plain_index_codes

BANDS = ("coastal", "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir_narrow", "swir1", "swir2")
EDGES = st.sampled_from([-32768, -32767, -501, -500, -499, -1, 0, 1, 14999, 15000, 15001, 32767])
CODES = arrays(np.int16, (3, 4), elements=EDGES | st.integers(-600, 16000))
PAIRS = [name for name, entry in INDICES.items() if difference_of(entry)]


def test_which_indices_are_compiled():
    assert PAIRS == ["ndvi", "ndmi", "nbr", "nbr2", "ndsi", "ndwi", "mndwi"]


@pytest.mark.parametrize("name", PAIRS)
@given(first=CODES, second=CODES)
def test_compiled_equals_plain(name, first, second):
    bands = dict(zip(INDICES[name].bands, (first, second), strict=True))
    fast, plain = index_codes(name, bands), plain_index_codes(name, bands)
    np.testing.assert_array_equal(fast == -32768, plain == -32768)
    # One rounding of a float32 ratio: a code that lies on a half may fall to either side.
    assert np.abs(fast.astype(int) - plain).max() <= 1
    swapped = index_codes(name, dict(zip(INDICES[name].bands, (second, first), strict=True)))
    np.testing.assert_array_equal(np.where(fast == -32768, 0, fast), -np.where(swapped == -32768, 0, swapped))


def test_by_hand():
    # (3000 - 1000) / (3000 + 1000) = 0.5; unknown; reflectance -0.05 and 1.5 are outside; the sum must be positive.
    nir = np.array([[3000, -32768, -500, 15000, 100]], np.int16)
    swir2 = np.array([[1000, 1000, 1000, 1000, -100]], np.int16)
    assert index_codes("nbr", {"nir": nir, "swir2": swir2}).tolist() == [[5000, -32768, -32768, -32768, -32768]]
    # 10 * 0.1 - 9.8 * 0.3 + 2 = 0.06 in codes of 0.001.
    swir1 = np.array([[3000]], np.int16)
    assert index_codes("mirbi", {"swir1": swir1, "swir2": np.array([[1000]], np.int16)}).tolist() == [[60]]


@pytest.mark.parametrize("name", list(INDICES))
def test_strips_do_not_show(name):
    random = np.random.default_rng(1)
    bands = {band: random.integers(0, 6000, (150, 7)).astype(np.int16) for band in BANDS}
    whole = index_codes(name, bands)
    rows = [index_codes(name, {band: codes[y : y + 1] for band, codes in bands.items()}) for y in range(150)]
    np.testing.assert_array_equal(whole, np.concatenate(rows))
    assert (whole != -32768).mean() > 0.5


def test_unknown_index_or_missing_band():
    codes = np.zeros((1, 1), np.int16)
    with pytest.raises(ConfigError, match="no index 'nope'"):
        index_codes("nope", {"nir": codes})
    with pytest.raises(ConfigError, match="not given: swir2"):
        index_codes("nbr", {"nir": codes})
