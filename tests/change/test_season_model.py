"""Season models: the kernel against plain least squares, gaps, codes, conditioning, and every reason for no model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_series import AMPLITUDE, LEVEL, NOISE, SEASON, dates, stack_of

from habitat.change.monitoring import season_kernels
from habitat.change.monitoring.season_model import (
    FIT_CODES,
    INDEX_CODES,
    Codes,
    FitRules,
    Season,
    plain_season_fit,
    season_fit,
)
from habitat.change.monitoring.stable_history import (
    plain_recursive_residuals,
    recursive_cusum_limit,
    recursive_cusum_p_value,
)
from habitat.contracts.errors import ConfigError, InputError

TIMES = dates(120)
DESIGN = SEASON.design(TIMES)


def same(fit, plain, *, tolerance=1e-9):
    assert np.array_equal(fit.code, plain.code)
    assert np.array_equal(fit.count, plain.count)
    assert np.array_equal(fit.first, plain.first)
    assert np.allclose(fit.coefficients, plain.coefficients, rtol=0, atol=tolerance, equal_nan=True)
    assert np.allclose(fit.sigma, plain.sigma, rtol=1e-6, atol=0, equal_nan=True)


def test_design_is_what_the_names_say():
    season = Season(order=2, origin="2020-01-01")
    assert season.names == ("level", "trend", "cos1", "sin1", "cos2", "sin2")
    assert season.terms == 6
    # A quarter of 365.25 days after the origin: cos 0, sin 1; twice the angle: cos -1, sin 0.
    row = season.design(np.array(["2020-04-01T07:00"], "datetime64[h]"))[0]
    assert row == pytest.approx([1, 91 / 365.25, 0.0054, 1, -1, 0.0108], abs=1e-4)
    assert Season(order=0, trend=False).names == ("level",)


@pytest.mark.parametrize("rules", [FitRules(), FitRules(robust=True), FitRules(stable_level=0.2)], ids=str)
def test_kernel_agrees_with_plain_fits(rules):
    stack = stack_of(TIMES, (7, 20))
    stack[:40, 0, :5] += 0.3  # a break in the history
    fit = season_fit(stack, DESIGN, rules, workers=2)
    same(fit, plain_season_fit(stack, DESIGN, rules), tolerance=1e-6 if rules.robust else 1e-9)
    assert (fit.code == season_kernels.OK).all()
    if rules.stable_level:
        assert (fit.first[0, :5] > 25).all()


def test_known_season_is_found_again():
    fit = season_fit(stack_of(TIMES, (40, 40)), DESIGN)
    # cos1 of the made course has its own origin; the model's is the same day.
    assert fit.coefficients.mean(axis=(1, 2)) == pytest.approx([LEVEL, 0, AMPLITUDE, 0, 0, 0], abs=2e-3)
    assert float(np.median(fit.sigma)) == pytest.approx(NOISE, rel=0.02)
    assert float(fit.count.mean()) == pytest.approx(0.65 * 120, rel=0.02)


def test_outliers_move_squares_and_not_weights():
    stack = stack_of(TIMES, (6, 6), gaps=0)
    clean = season_fit(stack, DESIGN)
    stack[::8] -= 0.5
    moved = np.abs(season_fit(stack, DESIGN).coefficients - clean.coefficients).max()
    robust = season_fit(stack, DESIGN, FitRules(robust=True))
    assert np.abs(robust.coefficients - clean.coefficients).max() < 0.05 < moved
    assert float(robust.sigma.mean()) == pytest.approx(NOISE, rel=0.25)


@pytest.mark.parametrize("dtype", [np.int16, np.uint16])
def test_integer_codes_are_read_with_scale_and_offset(dtype):
    stack = stack_of(TIMES, (3, 5))
    codes = Codes(nodata=0, scale=1e-4, offset=-0.1)
    numbers = np.where(np.isnan(stack), 0, np.rint((stack + 0.1) / 1e-4)).astype(dtype)
    fit = season_fit(numbers, DESIGN, codes=codes)
    same(fit, plain_season_fit(numbers, DESIGN, codes=codes))
    assert np.allclose(fit.coefficients, season_fit(stack, DESIGN).coefficients, atol=2e-4)
    assert INDEX_CODES.numbers() == (-32768, 1e-4, 0)


def test_masked_dates_are_gaps():
    stack = stack_of(TIMES, (4, 9))
    usable = np.random.default_rng(1).random(stack.shape) < 0.7
    masked = np.where(usable, stack, np.float32(np.nan))
    same(season_fit(stack, DESIGN, usable=usable), season_fit(masked, DESIGN), tolerance=0)
    infinite = np.where(usable, stack, np.float32(np.inf))
    same(season_fit(infinite, DESIGN), season_fit(masked, DESIGN), tolerance=0)


def test_a_pixel_does_not_depend_on_its_neighbours_or_threads():
    stack = stack_of(TIMES, (5, 77))
    whole = season_fit(stack, DESIGN, FitRules(robust=True), workers=1)
    part = season_fit(stack[:, 2:3, 31:44].copy(), DESIGN, FitRules(robust=True), workers=2)
    assert np.array_equal(whole.coefficients[:, 2:3, 31:44], part.coefficients)
    assert np.array_equal(whole.sigma, season_fit(stack, DESIGN, FitRules(robust=True), workers=3).sigma)


def test_units_of_the_regressors_do_not_matter():
    """Days since 1970 beside a constant: the normal equations would leave nothing of single precision."""
    stack = stack_of(TIMES, (3, 3)).astype(np.float64)
    days = TIMES.astype(np.float64)
    raw = DESIGN.copy()
    raw[:, 1] = days
    fit, centred = season_fit(stack, raw), season_fit(stack, DESIGN)
    same(fit, plain_season_fit(stack, raw), tolerance=1e-8)
    assert fit.coefficients[1] * 365.25 == pytest.approx(centred.coefficients[1], rel=1e-7)
    # Pretending that the sums were kept in single precision shows why they are not.
    gram = (raw.astype(np.float32).T @ raw.astype(np.float32)).astype(np.float64)
    right = (raw.astype(np.float32).T @ np.nan_to_num(stack[:, 0, 0]).astype(np.float32)).astype(np.float64)
    exact = np.linalg.lstsq(raw, np.nan_to_num(stack[:, 0, 0]), rcond=None)[0]
    assert abs(np.linalg.solve(gram, right)[0] / exact[0] - 1) > 1e-4


def test_every_reason_for_no_model():
    stack = stack_of(TIMES, (1, 5), gaps=0)
    stack[:, 0, 0] = np.nan
    stack[79:, 0, 1] = np.nan  # one less than wanted
    stack[:60, 0, 2] += 0.6  # broken half way
    stack[:, 0, 3] = 0.5
    fit = season_fit(stack, DESIGN, FitRules(stable_level=0.05, min_count=80))
    told = [FIT_CODES[code] for code in fit.code[0].tolist()]
    assert told[:3] == ["no data", "too few observations", "unstable history"]
    assert told[3:] == ["no scatter", "fitted"]
    assert np.isnan(fit.coefficients[:, 0, :3]).all()
    assert fit.coefficients[:, 0, 3] == pytest.approx([0.5, 0, 0, 0, 0, 0], abs=1e-6)


def test_dates_of_one_phase_are_singular():
    # Twenty scenes of one day carry a level and nothing else.
    stack = np.concatenate([np.full((120, 1, 2), np.nan, np.float32), stack_of(TIMES[:20], (1, 2), gaps=0)])
    fit = season_fit(stack, np.concatenate([DESIGN, np.repeat(DESIGN[:1], 20, axis=0)]))
    assert [FIT_CODES[code] for code in fit.code[0].tolist()] == ["singular fit"] * 2


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.floats(0, 0.9))
def test_residuals_are_orthogonal_to_the_model(seed, gaps):
    stack = stack_of(TIMES, (2, 3), gaps=gaps, seed=seed)
    fit = season_fit(stack, DESIGN)
    residuals = np.nan_to_num(stack - np.tensordot(DESIGN, fit.coefficients, 1))
    for y, x in np.argwhere(fit.code == season_kernels.OK):
        assert np.abs(DESIGN.T @ residuals[:, y, x]).max() < 1e-6


def test_recursive_residuals_have_the_variance_of_the_noise():
    values = stack_of(TIMES, (1, 1), gaps=0)[:, 0, 0].astype(float)
    residuals = plain_recursive_residuals(DESIGN, values)
    assert len(residuals) == 120 - 6
    assert float(residuals.std()) == pytest.approx(NOISE, rel=0.2)
    # Their squares add up to those of ordinary residuals.
    ordinary = values - DESIGN @ np.linalg.lstsq(DESIGN, values, rcond=None)[0]
    assert float((residuals**2).sum()) == pytest.approx(float((ordinary**2).sum()), rel=1e-9)


def test_stable_histories_are_called_unstable_at_the_level():
    fit = season_fit(stack_of(TIMES, (50, 60), gaps=0, seed=3), DESIGN, FitRules(stable_level=0.05))
    assert 0.02 < float((fit.first > 0).mean()) < 0.06
    assert recursive_cusum_p_value(0.2) == pytest.approx(1 - 0.02928)
    assert recursive_cusum_limit(0.01) > recursive_cusum_limit(0.1) > recursive_cusum_limit(0.99) > 0


@pytest.mark.parametrize(
    ("stack", "design", "usable"),
    [
        (np.zeros((120, 2, 2), np.int32), DESIGN, None),
        (np.zeros((120, 4), np.float32), DESIGN, None),
        (np.zeros((119, 2, 2), np.float32), DESIGN, None),
        (np.zeros((120, 2, 2), np.float32), DESIGN * np.nan, None),
        (np.zeros((120, 2, 2), np.float32), DESIGN, np.ones((120, 2, 3), bool)),
        (np.zeros((120, 2, 2), np.float32), DESIGN, np.ones((120, 2, 2), np.float32)),
        (np.zeros((4, 2, 2), np.float32), DESIGN[:4], None),
        (np.zeros((120, 2, 2), np.float32), DESIGN[:, [0, 0]], None),
        (np.zeros((120, 2, 2), np.float32), DESIGN * 0, None),
    ],
)
def test_what_does_not_fit_is_refused(stack, design, usable):
    with pytest.raises(InputError, match=r"wants|give|do not|cannot"):
        season_fit(stack, design, usable=usable)


@pytest.mark.parametrize("rules", [FitRules(min_count=6), FitRules(stable_level=0.0), FitRules(stable_level=1.5)])
def test_impossible_rules_are_refused(rules):
    with pytest.raises(ConfigError, match="wants"):
        season_fit(stack_of(TIMES, (1, 1)), DESIGN, rules)


def test_impossible_order_is_refused():
    with pytest.raises(ConfigError, match="harmonics"):
        Season(order=9)


def test_no_pixels_are_no_work():
    assert season_fit(np.empty((120, 0, 4), np.float32), DESIGN).code.shape == (0, 4)
