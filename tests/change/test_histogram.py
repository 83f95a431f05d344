"""The histogram of differences: exactly NumPy's median and deviation, in whatever tiles it came."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from habitat.change import DifferenceHistogram

codes = hnp.arrays(np.int16, st.integers(1, 40), elements=st.integers(-32768, 32767) | st.integers(-3, 3))


@settings(max_examples=80, deadline=None)
@given(codes=codes, cut=st.integers(0, 40))
def test_equals_numpy_in_any_tiling(codes, cut):
    whole, one, two = (DifferenceHistogram(scale=1.0) for _ in range(3))
    whole.add(codes)
    one.add(codes[:cut])
    two.add(codes[cut:])
    one.merge(two)
    known = codes[codes != -32768].astype(float)
    assert whole.count == one.count == known.size
    if known.size:
        middle = np.median(known)
        assert whole.median() == one.median() == middle
        assert whole.mad() == one.mad() == np.median(np.abs(known - middle))
    else:
        assert math.isnan(whole.median())
        assert math.isnan(whole.robust_sd())


def test_robust_to_a_fire():
    # Normal scatter of 0.03, and one pixel of ten lost 0.5: the plain deviation is 0.15.
    rng = np.random.default_rng(11)
    values = rng.normal(0.01, 0.03, 100_000)
    values[:10_000] -= 0.5
    histogram = DifferenceHistogram()
    histogram.add(np.rint(values / 1e-4).astype(np.int16))
    assert histogram.median() == pytest.approx(0.006, abs=0.002)
    assert 0.03 < histogram.robust_sd() < 0.036
    assert values.std() > 0.14


def test_scale_turns_codes_into_values():
    histogram = DifferenceHistogram(scale=0.001)
    histogram.add(np.array([[-20, 0, 10, -32768]], np.int16))
    # Median 0; deviations 20, 0, 10: their median 10.
    assert histogram.median() == 0.0
    assert histogram.mad() == pytest.approx(0.010)
    assert histogram.robust_sd() == pytest.approx(0.01482602)


def test_mistakes_are_refused():
    with pytest.raises(ValueError, match="scale is 0"):
        DifferenceHistogram(scale=0)
    with pytest.raises(TypeError, match=r"codes are float64, wants int16.*clip"):
        DifferenceHistogram().add(np.zeros(3))
    with pytest.raises(ValueError, match=r"scale 0\.001 and 0\.0001"):
        DifferenceHistogram().merge(DifferenceHistogram(scale=0.001))
