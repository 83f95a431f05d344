"""Allocation: published sample sizes, every method by hand, bounds, and refusals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.accuracy.allocation import METHODS, allocation, expected_errors, sample_size
from habitat.contracts.errors import ConfigError

# Olofsson et al. (2014), table 5.
PIXELS = (200_000, 150_000, 3_200_000, 6_450_000)
EXPECTED = (0.7, 0.6, 0.9, 0.95)


def test_sample_size_of_olofsson_2014():
    # Σ W S = 0.02 · 0.458 + 0.015 · 0.490 + 0.32 · 0.3 + 0.645 · 0.218 = 0.2531; (0.2531 / 0.01)² = 640.7.
    assert sample_size(PIXELS, EXPECTED, 0.01) == 641
    assert sample_size(PIXELS, EXPECTED, 0.01, pixels=PIXELS) == 641
    assert sample_size(PIXELS, EXPECTED, 0.005) == 2563


def test_a_small_map_needs_fewer():
    # One stratum of 100 pixels with U = 0.5: 0.25 / (0.0025 + 0.25 / 100) = 50 in place of 100.
    assert sample_size([1.0], [0.5], 0.05) == 100
    assert sample_size([1.0], [0.5], 0.05, pixels=[100]) == 50


def test_columns_of_table_5():
    assert allocation(641, PIXELS, PIXELS, method="proportional").tolist() == [13, 10, 205, 413]
    assert sorted(allocation(641, PIXELS, PIXELS, method="equal").tolist()) == [160, 160, 160, 161]


def test_neyman_by_hand():
    # W S: 0.009165, 0.007348, 0.096, 0.140577, sum 0.253090; times 641.
    found = allocation(641, PIXELS, PIXELS, method="neyman", accuracies=EXPECTED)
    assert found.tolist() == [23, 19, 243, 356]
    error, _ = expected_errors(found, PIXELS, EXPECTED)
    assert error == pytest.approx(0.01, rel=2e-3)
    for method in ("proportional", "equal", "olofsson"):
        other = allocation(641, PIXELS, PIXELS, method=method, minimum=50)
        assert expected_errors(other, PIXELS, EXPECTED)[0] > error


def test_rare_strata_get_their_minimum_and_the_rest_goes_by_area():
    # 641 - 100 shared as 3.2 : 6.45 million.
    assert allocation(641, PIXELS, PIXELS, method="olofsson", minimum=50).tolist() == [50, 50, 179, 362]
    assert allocation(641, PIXELS, PIXELS, method="neyman", accuracies=EXPECTED, minimum=50).tolist()[:2] == [50, 50]


def test_a_stratum_with_fewer_pixels_gives_them_all():
    assert allocation(100, [3, 400, 9000], [3, 400, 9000], method="equal").tolist() == [3, 49, 48]
    assert allocation(403, [3, 400], [3, 400]).tolist() == [3, 400]
    assert allocation(60, [1, 9999], [1, 9999], method="olofsson", minimum=50).tolist() == [1, 59]


def test_a_stratum_expected_perfect_still_gets_its_minimum():
    found = allocation(50, [1.0, 1.0], [1000, 1000], method="neyman", accuracies=[1.0, 0.8], minimum=5)
    assert found.tolist() == [5, 45]
    # When the others are used up, the rest goes to it.
    assert allocation(50, [1.0, 1.0], [1000, 20], method="neyman", accuracies=[1.0, 0.8]).tolist() == [30, 20]


@given(
    st.lists(st.integers(1, 10**6), min_size=1, max_size=6),
    st.sampled_from(METHODS),
    st.integers(0, 40),
    st.floats(0, 1),
)
def test_allocations_add_up_within_their_bounds(pixels, method, minimum, fill):
    least = np.minimum(max(minimum, 2), pixels)
    n = round(least.sum() + fill * (min(sum(pixels), 5000 + least.sum()) - least.sum()))
    accuracies = np.linspace(0.5, 1, len(pixels))
    found = allocation(n, pixels, pixels, method=method, accuracies=accuracies, minimum=minimum)
    assert found.sum() == n
    assert (found >= least).all()
    assert (found <= pixels).all()


def test_refusals():
    with pytest.raises(ConfigError, match="5 samples do not fit: 3 strata of at least 2 samples want 6"):
        allocation(5, [1, 1, 1], [9, 9, 9])
    with pytest.raises(ConfigError, match="the map has 27 pixels"):
        allocation(28, [1, 1, 1], [9, 9, 9])
    with pytest.raises(ConfigError, match="no allocation 'optimal'; choose of proportional, equal, neyman, olofsson"):
        allocation(9, [1], [9], method="optimal")
    with pytest.raises(ConfigError, match="neyman wants the expected accuracy"):
        allocation(9, [1], [9], method="neyman")
    with pytest.raises(ConfigError, match="a stratum has no pixels"):
        allocation(9, [1, 1], [9, 0])
    with pytest.raises(ConfigError, match="positive numbers"):
        allocation(9, [1, 0], [9, 9])
    with pytest.raises(ConfigError, match="shares from 0 to 1"):
        sample_size([1], [90], 0.01)
    with pytest.raises(ConfigError, match="target standard error is 1"):
        sample_size([1], [0.9], 1)
    with pytest.raises(ConfigError, match="without error"):
        sample_size([1, 1], [1.0, 0.0], 0.01)
