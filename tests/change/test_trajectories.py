"""Trajectories: Earth Engine's stored answer, a plain oracle on many series, gaps, signs, codes, greatest losses."""

from __future__ import annotations

import csv
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import f as f_distribution

from habitat.change.trajectories import (
    EARTH_ENGINE_RULES,
    FALLS,
    FITTED,
    FOREST_RULES,
    NO_DATA,
    NO_TREND,
    NO_VARIATION,
    RISES,
    TOO_FEW_YEARS,
    TRAJECTORY_CODES,
    Trajectories,
    TrajectoryRules,
    greatest_loss,
    trajectories,
)
from habitat.change.trajectory.models import chance_of_model, free_heights, path_heights
from habitat.change.trajectory.vertices import damp_spikes
from habitat.change.trajectory.yearly import summer_years, yearly_medians
from habitat.contracts.errors import ConfigError, InputError

YEARS = np.arange(1985, 2018)


def traced(series: np.ndarray, rules: TrajectoryRules = FOREST_RULES, years: np.ndarray | None = None) -> Trajectories:
    return trajectories(series[:, None, None], YEARS[: len(series)] if years is None else years, rules)


def vertex_years(found: Trajectories) -> list[int]:
    return found.years[found.vertices[:, 0, 0]].tolist()


def made_forest(count: int, seed: int, gaps: float = 0.2) -> np.ndarray:
    """Levels with losses that regrow, noise of several sizes and missing years: (year, pixel)."""
    rng = np.random.default_rng(seed)
    stack = 0.7 + rng.choice([0.01, 0.03, 0.08], count) * rng.standard_normal((len(YEARS), count))
    for pixel in range(count):
        for _ in range(rng.integers(0, 3)):
            at = int(rng.integers(1, len(YEARS)))
            after = np.arange(len(YEARS) - at)
            stack[at:, pixel] -= rng.uniform(0.1, 0.6) * np.exp(-after / rng.uniform(1, 40))
    stack[rng.random(stack.shape) < gaps] = np.nan
    return stack


# --- the plain oracle: written from the paper and the documents, without the kernels ---


def plain_spikes(values: np.ndarray, threshold: float) -> np.ndarray:
    values = values.copy()
    for _ in values:
        height = np.maximum(abs(values[1:-1] - values[:-2]), abs(values[1:-1] - values[2:]))
        with np.errstate(divide="ignore", invalid="ignore"):
            peaked = np.where(height > 0, 1 - abs(values[:-2] - values[2:]) / height, -1.0)
        if not peaked.size or peaked.max() <= threshold:
            break
        i = int(peaked.argmax()) + 1
        values[i] += peaked.max() * ((values[i - 1] + values[i + 1]) / 2 - values[i])
    return values


def plain_vertices(x: np.ndarray, y: np.ndarray, rules: TrajectoryRules) -> list[int]:
    vertices = [0, len(x) - 1]
    while len(vertices) < min(rules.segments + rules.overshoot + 1, len(x)):
        options = []
        for k in reversed(range(len(vertices) - 1)):
            a, b = vertices[k], vertices[k + 1]
            if b - a < 2:
                continue
            apart = y[a : b + 1] - np.polyval(np.polyfit(x[a : b + 1], y[a : b + 1], 1), x[a : b + 1])
            inside = abs(apart[1:-1])
            if not rules.one_year_recovery and k == len(vertices) - 2 and y[b - 1] > y[b]:
                inside[-1] = 0
            if inside.max() > 0 and (apart**2).mean() > 1e-18 * np.ptp(y) ** 2:
                options.append(((apart**2).mean(), a + 1 + int(inside.argmax())))
        if not options:
            break
        vertices = sorted([*vertices, max(options, key=lambda option: option[0])[1]])
    square = (y - y.min()) / np.ptp(y) * np.ptp(x)
    while len(vertices) > rules.segments + 1:
        bends = []
        for p, q, r in zip(vertices, vertices[1:], vertices[2:], strict=False):
            before, after = square[q] - square[p], square[r] - square[q]
            steep = max(abs(math.atan(before / (x[q] - x[p]))), abs(math.atan(after / (x[r] - x[q]))))
            bends.append(steep * (1 + max(0.0, 2 * after / np.ptp(x))))
        del vertices[int(np.argmin(bends)) + 1]
    return vertices


def plain_path(x: np.ndarray, y: np.ndarray, v: list[int]) -> np.ndarray:
    line = np.polyfit(x[: v[1] + 1], y[: v[1] + 1], 1)
    heights = list(np.polyval(line, x[[0, v[1]]]))
    for a, b in itertools.pairwise(v[1:]):
        dx, dy = x[a : b + 1] - x[a], y[a : b + 1] - heights[-1]
        slopes = [dy[-1] / dx[-1], (dx @ dy) / (dx @ dx)]
        heights.append(heights[-1] + dx[-1] * min(slopes, key=lambda s: ((dy - s * dx) ** 2).sum()))
    return np.array(heights)


def plain_free(x: np.ndarray, y: np.ndarray, v: list[int]) -> np.ndarray:
    hats = np.stack([np.interp(x, x[v], np.eye(len(v))[k]) for k in range(len(v))], axis=1)
    return np.linalg.lstsq(hats, y, rcond=None)[0]


def plain_trace(x: np.ndarray, raw: np.ndarray, rules: TrajectoryRules) -> tuple[list[int], np.ndarray, float]:
    y = plain_spikes(raw, rules.spike)
    every, mean = plain_vertices(x, y, rules), raw.mean()
    best: tuple[list[int], np.ndarray, float] | None = None
    for fit in (plain_path, plain_free):
        models, v = [], list(every)
        while True:
            heights = fit(x, y, v)
            free = len(y) - 2 * len(v) + 1
            left = min(((y - np.interp(x, x[v], heights)) ** 2).sum(), ((y - mean) ** 2).sum())
            gained = ((y - mean) ** 2).sum() - left
            p = 1.0
            if free > 0:
                p = max(1e-9, float(f_distribution.sf(gained / (2 * len(v) - 2) / (left / free), 2 * len(v) - 2, free)))
            slopes = np.diff(heights) / np.diff(x[v])
            speeds = np.maximum(-slopes / max(np.ptp(heights), 1e-300), 0)
            models.append((list(v), heights, p, speeds.max() <= rules.recovery))
            if len(v) == 2:
                break
            line, k = np.interp(x, x[v], heights), int(speeds.argmax())
            out = 0
            if fit is plain_path and speeds[k] > rules.recovery:
                if k + 2 < len(v):
                    out = k + 1
                else:
                    line[v[-1]] = line[v[-1] - 1]
            if not out:
                missed = []
                for a, b in zip(v, v[2:], strict=False):
                    chord = line[a] + (line[b] - line[a]) / (x[b] - x[a]) * (x[a : b + 1] - x[a])
                    missed.append(((y[a : b + 1] - chord) ** 2).sum() / (x[b] - x[a]))
                out = int(np.argmin(missed)) + 1
            del v[out]
        chances = np.array([model[2] for model in models])
        best = None
        for _ in range(len(models) + 1):
            i = int(np.argmax(chances <= chances.min() * (2 - rules.best_model)))
            if models[i][3]:
                best = models[i][:3]
                break
            chances[i] = 1
        if best is not None and best[2] <= rules.p_value:
            return best
    return best or ([0, len(x) - 1], np.full(2, mean), 1.0)


# --- known answers ---


@pytest.mark.parametrize("rules", [EARTH_ENGINE_RULES, FOREST_RULES])
def test_the_stored_answer_of_earth_engine_is_met(shared, rules):
    with (shared / "reference/change_detection/landtrendr/nbr_series.csv").open() as file:
        rows = list(csv.DictReader(file))
    years = np.array([int(row["year"]) for row in rows])
    nbr, fitted = (np.array([float(row[name]) for row in rows]) for name in ("nbr_x1000", "fitted"))
    found = traced(nbr, rules, years)
    assert vertex_years(found) == [int(row["year"]) for row in rows if row["is_vertex"] == "1"]
    assert abs(found.fitted[:, 0, 0] - fitted).max() < 0.6  # the answer is rounded to whole numbers
    loss = greatest_loss(found, FALLS)
    assert (loss.before[0, 0], loss.year[0, 0], loss.duration[0, 0]) == (1997, 1998, 1)
    assert loss.magnitude[0, 0] == pytest.approx(67 - 802, abs=1)
    assert loss.recovery[0, 0] == pytest.approx((846 - 67) / (802 - 67), abs=0.01)


@pytest.mark.parametrize(
    "rules",
    [EARTH_ENGINE_RULES, FOREST_RULES, TrajectoryRules(segments=3, overshoot=1, spike=0.5, recovery=1.0, p_value=0.01)],
)
def test_kernels_do_what_the_oracle_does(rules):
    stack = made_forest(400, seed=3)
    found = trajectories(stack[:, None], YEARS, rules)
    told = set()
    for pixel in range(stack.shape[1]):
        known = np.isfinite(stack[:, pixel])
        x = YEARS[known].astype(float)
        v, heights, p = plain_trace(x - x[0], -stack[known, pixel], rules)
        assert found.years[found.vertices[:, 0, pixel]].tolist() == x[v].astype(int).tolist(), pixel
        assert found.fitted[known, 0, pixel] == pytest.approx(-np.interp(x, x[v], heights), abs=1e-5)
        assert found.p[0, pixel] == pytest.approx(p, rel=1e-3)
        told.add(int(found.code[0, pixel]))
    assert told == {FITTED, NO_TREND}


def test_codes_and_gaps():
    stack = made_forest(5, seed=1, gaps=0)
    stack[:, 0] = np.nan
    stack[5:, 1] = np.nan
    stack[:, 2] = 0.5
    stack[:3, 3], stack[10, 3], stack[-1, 3] = np.nan, np.nan, np.nan
    found = trajectories(stack[:, None], YEARS)
    assert found.code[0, :3].tolist() == [NO_DATA, TOO_FEW_YEARS, NO_VARIATION]
    assert found.known[0].tolist() == [0, 5, 33, 28, 33]
    assert np.isnan(found.fitted[:, 0, :2]).all()
    assert not found.vertices[:, 0, :2].any()
    assert found.fitted[:, 0, 2] == pytest.approx(0.5)
    # before the first year known and after the last nothing is said; within, a gap lies on the line
    assert np.isnan(found.fitted[[0, 1, 2, -1], 0, 3]).all()
    assert np.isfinite(found.fitted[3:-1, 0, 3]).all()
    assert set(np.unique(found.code)) <= set(TRAJECTORY_CODES)


def test_spikes_of_one_year_are_damped_and_steps_are_not():
    spiky = np.array([0.7, 0.7, 0.1, 0.7, 0.7, 0.7])
    damp_spikes(spiky, 0.9)
    assert spiky == pytest.approx([0.7] * 6)
    step = np.array([0.7, 0.7, 0.7, 0.1, 0.1, 0.1])
    damp_spikes(step, 0.9)
    assert step.tolist() == [0.7, 0.7, 0.7, 0.1, 0.1, 0.1]


def test_fits_between_vertices_by_hand():
    x, vertices, heights = np.arange(6.0), np.array([0, 2, 5]), np.empty(3)
    y = np.array([1.0, 3.0, 2.0, 8.0, 9.0, 11.0])
    path_heights(x, y, vertices, 3, heights)
    # regression of 1, 3, 2 is 1.5, 2, 2.5; from 2.5 on by least squares 3 + 6·... : (5.5 + 13 + 25.5) / 14 a year
    assert heights == pytest.approx([1.5, 2.5, 2.5 + 3 * 44 / 14])
    exact = np.interp(x, [0, 2, 5], [3.0, -1.0, 5.0])
    free_heights(x, exact, vertices, 3, heights)
    assert heights == pytest.approx([3, -1, 5])


@given(st.integers(2, 7), st.integers(16, 60), st.floats(1e-6, 1))
def test_chances_are_those_of_the_f_distribution(vertices, years, share):
    explained, free = 2 * vertices - 2, years - 2 * vertices + 1
    ratio = (1 - share) / explained / (share / free)
    expected = max(1e-9, f_distribution.sf(ratio, explained, free))
    assert chance_of_model(share, 1.0, years, vertices) == pytest.approx(expected, rel=1e-6)


def test_too_many_parameters_are_not_sure():
    assert chance_of_model(0.0, 1.0, 7, 4) == 1.0


# --- signs ---


def clear_cut() -> np.ndarray:
    after = np.arange(18)
    return np.concatenate([np.full(15, 0.7), 0.1 + 0.03 * after]) + 0.004 * np.sin(7.0 * np.arange(33))


def test_an_index_that_rises_with_loss_gives_the_mirrored_answer():
    falling = traced(clear_cut())
    rising = traced(-clear_cut(), TrajectoryRules(sign=RISES, one_year_recovery=False, p_value=0.05))
    assert vertex_years(falling) == vertex_years(rising)
    assert falling.fitted == pytest.approx(-rising.fitted)
    losses = greatest_loss(falling, FALLS), greatest_loss(rising, RISES)
    assert [int(loss.year[0, 0]) for loss in losses] == [2000, 2000]
    assert losses[0].magnitude[0, 0] == pytest.approx(-0.6, abs=0.03)
    assert losses[1].magnitude[0, 0] == pytest.approx(0.6, abs=0.03)


def test_the_wrong_sign_smears_the_loss_and_asking_for_another_is_refused():
    right, wrong = traced(clear_cut()), traced(clear_cut(), TrajectoryRules(sign=RISES, p_value=0.05))
    assert abs(np.diff(right.fitted[:, 0, 0])).max() > 0.55
    assert abs(np.diff(wrong.fitted[:, 0, 0])).max() < 0.3  # a fall of 0.6 in a year passes for too fast a recovery
    with pytest.raises(ConfigError, match="trace them again with TrajectoryRules"):
        greatest_loss(right, RISES)


# --- losses ---


def test_losses_of_pixels_without_a_trajectory_are_none():
    rng = np.random.default_rng(2)
    found = trajectories(0.7 + 0.02 * rng.standard_normal((33, 1, 60)), YEARS, FOREST_RULES)
    loss = greatest_loss(found)
    quiet = found.code != FITTED
    assert quiet.mean() > 0.8
    assert (loss.year[quiet] == 0).all()
    assert np.isnan(loss.magnitude[quiet]).all()


def test_a_loss_in_the_last_year_has_no_recovery_yet_and_small_losses_can_be_left_out():
    series = clear_cut()
    series[15:] = 0.7
    series[-1] = 0.1
    found = traced(series)
    loss = greatest_loss(found)
    assert (loss.year[0, 0], loss.duration[0, 0]) == (2017, 1)
    assert np.isnan(loss.recovery[0, 0])
    assert greatest_loss(found, least=0.7).year[0, 0] == 0


def test_whole_numbers_are_values():
    series = np.rint(1000 * clear_cut())
    assert np.array_equal(traced(series).fitted, traced(series.astype(int)).fitted)


def test_order_of_threads_and_neighbours_does_not_matter():
    stack = made_forest(700, seed=5)
    one, four = (trajectories(stack[:, None], YEARS, workers=n) for n in (1, 4))
    alone = trajectories(stack[:, None, 650:651], YEARS)
    for name in ("vertices", "fitted", "code", "rmse", "p"):
        assert np.array_equal(getattr(one, name), getattr(four, name), equal_nan=name in ("fitted", "rmse", "p"))
        assert np.array_equal(getattr(one, name)[..., 650:651], getattr(alone, name), equal_nan=True)


@given(st.lists(st.one_of(st.floats(-1, 1), st.just(math.nan)), min_size=1, max_size=14))
def test_no_series_breaks_it(values):
    series = np.array(values)
    found = traced(series)
    known = np.isfinite(series)
    if found.code[0, 0] in (FITTED, NO_TREND, NO_VARIATION):
        assert np.isfinite(found.fitted[known, 0, 0]).all()
        assert found.vertices[known, 0, 0][0]
        assert found.vertices[known, 0, 0][-1]
        assert 2 <= found.vertices.sum() <= 7
    else:
        assert known.sum() < 6


def test_what_does_not_fit_is_refused():
    series = clear_cut()[:, None, None]
    for bad in (YEARS[::-1], np.repeat(YEARS[:17], 2)[:33], YEARS[:5], YEARS.astype(float)):
        with pytest.raises(InputError):
            trajectories(series, bad)
    with pytest.raises(InputError, match="floats"):
        trajectories(series.astype(np.int16), YEARS)
    with pytest.raises(InputError, match="ascending"):
        trajectories(np.zeros((61, 1, 1)), np.arange(61))
    for wrong in ({"sign": 0}, {"segments": 0}, {"recovery": 0.0}, {"p_value": 1.5}, {"min_years": 2}):
        with pytest.raises(ConfigError):
            TrajectoryRules(**wrong)


# --- yearly values ---


def test_yearly_medians_by_hand():
    days = np.array(["2020-06-30", "2020-07-01", "2020-08-01", "2022-07-15", "2022-08-30"], "datetime64[D]")
    years, slots = summer_years(days, (7, 1), (8, 31))
    assert (years.tolist(), slots.tolist()) == ([2020, 2021, 2022], [-1, 0, 0, 2, 2])
    values = np.array([[9, 9], [1, 5], [3, 7], [4, -32768], [6, 8]], np.int16)
    usable = np.array([[1, 1], [1, 1], [1, 0], [1, 0], [0, 1]], np.uint8)
    medians = yearly_medians(values, usable, slots, 3)
    assert medians[:, 0].tolist() == pytest.approx([2, math.nan, 4], nan_ok=True)
    assert medians[:, 1].tolist() == pytest.approx([5, math.nan, 8], nan_ok=True)


def test_a_southern_summer_belongs_to_the_year_it_ends_in():
    days = np.array(["2020-12-20", "2021-01-20"], "datetime64[D]")
    years, slots = summer_years(days, (12, 1), (2, 28))
    assert years[slots].tolist() == [2021, 2021]


def test_years_of_nothing_are_refused():
    with pytest.raises(InputError, match="no dates"):
        summer_years(np.array([], "datetime64[D]"), (6, 1), (8, 31))
    with pytest.raises(InputError, match="do not fit"):
        yearly_medians(np.zeros((2, 3)), np.zeros((2, 2)), np.zeros(2, np.int64), 1)
