"""Segmentation: the kernels against a plain oracle, hand-made breaks, reasons, and every error."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date
from textwrap import dedent

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError
from sklearn.linear_model import Lasso

from habitat.change.segmentation.lasso_models import (
    COEFFICIENTS,
    LANE_ROWS,
    RMSE,
    TERMS,
    add_look,
    clear_sums,
    solve,
)
from habitat.change.segmentation.outlier_screen import middle
from habitat.change.segmentation.segment_rules import SegmentRules
from habitat.change.segmentation.vector_lanes import (
    LANES,
    any_moves,
    beyond,
    fused,
    larger,
    put,
    root,
    row,
    same,
    smaller,
)
from habitat.change.segments import break_count, last_break, segments
from habitat.contracts.errors import InputError
from tests.change.segments_oracle import Oracle

GROUND = np.array([400, 600, 500, 3000, 1800, 900])
LOSS = np.array([100, 150, 300, -1200, 700, 800])


def made(pixels, looks=150, seed=0):
    """Return codes (band, time, pixel), classes and days: seasons, noise, clouds, steps, clouds no mask tells."""
    rng = np.random.default_rng(seed)
    days = 733_000 + np.sort(rng.choice(3600, looks, replace=False))
    season = np.cos(2 * np.pi * (days - 200) / 365.25)[:, None] * rng.uniform(0.5, 1.5, pixels)
    values = GROUND[:, None, None] + np.array([30, 60, -40, 700, -200, -150])[:, None, None] * season
    for _ in range(2):
        after = np.arange(looks)[:, None] >= rng.integers(20, looks, pixels)
        values = values + LOSS[:, None, None] * after * rng.uniform(-0.2, 1, pixels)
    values = values + rng.normal(0, 1, values.shape) * np.array([25, 30, 30, 110, 70, 50])[:, None, None]
    values = values + (rng.random((looks, pixels)) < 0.03) * rng.uniform(-300, 3000, (looks, pixels))
    classes = np.where(rng.random((looks, pixels)) < 0.3, 4, 0).astype(np.uint8)
    return np.clip(values.round(), 1, 9999).astype(np.int16), classes, days


def rows_of(found, pixel):
    """Return what the oracle tells, of a pixel."""
    names = {"start": "start", "end": "end", "break": "break_day", "n": "n", "code": "code"}
    names["probability"] = "probability"
    return [
        {name: int(getattr(found, column)[row]) for name, column in names.items()}
        for row in np.flatnonzero(found.pixel == pixel)
    ]


@pytest.fixture(scope="module")
def steps():
    """Return days and codes of one pixel that breaks at look 60 and at look 120."""
    rng = np.random.default_rng(4)
    days = np.datetime64("2010-01-01") + 16 * np.arange(180)
    values = GROUND[:, None] + rng.normal(0, 40, (6, 180))
    values[:, 60:] += LOSS[:, None]
    values[:, 120:] -= LOSS[:, None]
    return days, values.round().astype(np.int16)


def test_kernel_and_oracle_find_the_same():
    codes, classes, days = made(5)
    found = segments(codes, days, qa=classes, workers=1)
    told = 0
    for pixel in range(5):
        clear = classes[:, pixel] == 0
        wanted = Oracle(days[clear].tolist(), codes[:, clear, pixel].T.astype(float)).run()
        assert rows_of(found, pixel) == wanted
        told += sum(one["break"] > 0 for one in wanted)
    assert told > 2


@pytest.mark.parametrize("terms", [4, 6, 8])
def test_lasso_is_that_of_scikit_learn(terms):
    rng = np.random.default_rng(terms)
    days = np.sort(rng.choice(1500, 60, replace=False))
    basis = np.ones((60, TERMS))
    basis[:, 1] = days / 365.25
    for k in (1, 2, 3):
        basis[:, 2 * k], basis[:, 2 * k + 1] = np.cos(k * days / 58.1), np.sin(k * days / 58.1)
    values = rng.normal(1000, 80, (60, LANES)) + 200 * basis[:, 2:3] - 90 * basis[:, 1:2]
    values[:, 5] = 70
    lanes, gradient = np.zeros((LANE_ROWS, LANES)), np.zeros((TERMS, LANES))
    clear_sums(lanes)
    for place in range(60):
        add_look(lanes, basis, values, place)
    solve(lanes, gradient, terms, 20.0)
    columns = basis[:, 1:terms]
    scaled = (columns - columns.mean(0)) / columns.std(0)
    for band in range(LANES):
        model = Lasso(alpha=20, tol=1e-12, max_iter=100_000).fit(scaled, values[:, band])
        slopes = model.coef_ / columns.std(0)
        assert lanes[COEFFICIENTS + 1 : COEFFICIENTS + terms, band] == pytest.approx(slopes, abs=0.2)
        assert (lanes[COEFFICIENTS + terms : COEFFICIENTS + TERMS, band] == 0).all()
        residuals = values[:, band] - model.predict(scaled)
        assert lanes[RMSE, band] == pytest.approx(np.sqrt((residuals**2).sum() / (60 - terms)), abs=1e-2)


@njit
def _tried(rows, out):
    a, b, c = row(rows, 0), row(rows, 1), row(rows, 2)
    put(out, 0, a + b - c * a / b)
    put(out, 1, larger(a, b) - smaller(a, c))
    put(out, 2, fused(a, b, c))
    put(out, 3, root(b * b) + beyond(a, b) * same(7.0))
    return any_moves(a), any_moves(a - a)


def test_rows_of_eight_are_those_of_numpy():
    rows = np.random.default_rng(0).normal(0, 1, (3, LANES))
    out = np.zeros((5, LANES))
    assert _tried(rows, out) == (True, False)
    a, b, c = rows
    wanted = [a + b - c * a / b, np.maximum(a, b) - np.minimum(a, c), a * b + c, np.abs(b) + 7 * (a > b), 0 * a]
    assert out == pytest.approx(np.array(wanted), abs=1e-12)


@pytest.mark.parametrize("wrong", [np.zeros((3, LANES), np.float32), np.zeros((2 * LANES, 3)).T, np.zeros(LANES)])
def test_rows_of_eight_are_refused_where_there_are_none(wrong):
    with pytest.raises(TypingError, match="does not hold rows of 8"):
        _tried(wrong, np.zeros((5, LANES)))


@pytest.mark.parametrize("count", [1, 2, 5, 6, 31])
def test_median_of_all_but_the_smallest(count):
    values = np.random.default_rng(count).integers(0, 9, count).astype(float)
    for skipped in range(count):
        wanted = np.median(np.sort(values)[skipped:])
        assert middle(values.copy(), count, skipped) == wanted


def test_steps_are_dated_at_the_first_look_that_departs(steps):
    days, codes = steps
    found = segments(codes, days, clear=np.ones(180, bool))
    broke = [date.fromordinal(int(day)) for day in found.break_day[:2]]
    assert broke == [days[60].item(), days[120].item()]
    assert [date.fromordinal(int(day)) for day in found.end[:2]] == [days[59].item(), days[119].item()]
    assert found.break_day[2] == 0
    assert found.magnitude[0] == pytest.approx(LOSS, abs=60)
    assert found.magnitude[1] == pytest.approx(-LOSS, abs=60)
    assert found.probability.tolist() == [100, 100, 0]
    assert found.expected(1, days[90:91])[:, 0] == pytest.approx(GROUND + LOSS, abs=50)


def test_a_break_that_too_few_looks_show_is_probable(steps):
    days, codes = steps
    found = segments(codes[:, :63], days[:63], clear=np.ones(63))
    assert found.probability.tolist() == [50]
    assert date.fromordinal(int(found.break_day[0])) == days[60].item()
    assert last_break(found) == 0
    assert last_break(found, least_probability=50) == found.break_day[0]
    assert break_count(found) == 0


def test_order_of_dates_and_doubles_do_not_matter(steps):
    days, codes = steps
    told = segments(codes, days, clear=np.ones(180))
    order = np.random.default_rng(0).permutation(180)
    shuffled = segments(codes[:, order], days[order], clear=np.ones(180))
    # Of two looks of a day the first one counts.
    twice = segments(
        np.concatenate([codes, np.flip(codes, 1)], axis=1), np.concatenate([days, days[::-1]]), clear=np.ones(360)
    )
    for other in (shuffled, twice):
        assert np.array_equal(told.break_day, other.break_day)
        assert np.array_equal(told.coefficients, other.coefficients)


def test_ordinals_and_dates_are_the_same(steps):
    days, codes = steps
    ordinals = np.array([day.item().toordinal() for day in days])
    one, other = (segments(codes, times, clear=np.ones(180)) for times in (days, ordinals))
    assert np.array_equal(one.break_day, other.break_day)
    assert np.array_equal(one.expected(0, days), other.expected(0, ordinals))


def test_neighbours_and_threads_do_not_matter():
    codes, classes, days = made(300, looks=120, seed=3)
    one = segments(codes, days, qa=classes, workers=1)
    two = segments(codes, days, qa=classes, workers=2)
    alone = segments(codes[:, :, 270:271], days, qa=classes[:, 270:271])
    assert np.array_equal(one.coefficients, two.coefficients)
    assert np.array_equal(one.pixel, two.pixel)
    assert np.array_equal(one.coefficients[one.pixel == 270], alone.coefficients)
    assert (np.diff(one.pixel) >= 0).all()
    again = one.pixel[1:] == one.pixel[:-1]
    assert (one.start[1:][again] > one.end[:-1][again]).all()


@pytest.mark.slow
def test_fresh_kernels_and_cached_ones_give_the_same_bits(tmp_path, repository):
    words = """
        import hashlib
        from habitat.change.segments import segments
        from tests.change.test_segments import made
        codes, classes, days = made(60, seed=8)
        found = segments(codes, days, qa=classes)
        columns = (found.start, found.break_day, found.n, found.coefficients, found.rmse, found.magnitude)
        print(hashlib.sha256(b"".join(column.tobytes() for column in columns)).hexdigest())
    """
    # Freed memory is filled with rubbish, so that whatever is read before it is written shows.
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "MALLOC_PERTURB_": "165"}
    command = [sys.executable, "-c", dedent(words)]
    told = [
        subprocess.run(command, cwd=repository, env=environment, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert list(tmp_path.rglob("*.nbc"))
    assert len(told[0]) == 65
    assert told[0] == told[1]


def test_rasters_of_breaks(steps):
    days, codes = steps
    still = np.broadcast_to(codes[:, :60].mean(axis=1)[:, None], codes.shape).round().astype(np.int16)
    stack = np.stack([codes, still, np.full_like(codes, -32768), codes], axis=-1).reshape(6, 180, 2, 2)
    found = segments(stack, days, qa=np.zeros((180, 2, 2)))
    count = break_count(found)
    assert count.tolist() == [[2, 0], [-1, 2]]
    assert last_break(found).tolist() == [[days[120].item().toordinal(), 0], [-1, days[120].item().toordinal()]]
    assert break_count(found, (4,)).tolist() == [2, 0, -1, 2]
    assert found.reason.tolist() == [0, 0, 1, 0]
    with pytest.raises(InputError, match="cannot hold 4 pixels"):
        last_break(found, (3, 2))


def test_codes_of_pixels_seen_too_seldom(steps):
    days, codes = steps
    stack = np.repeat(codes[..., None], 4, axis=2)
    classes = np.full((180, 4), 255, np.uint8)
    classes[:20, 1] = 0
    classes[:5, 2] = 0
    classes[:10, 3], classes[10:60, 3] = 0, 3
    found = segments(stack, days, qa=classes)
    assert found.reason.tolist() == [1, 0, 2, 0]
    assert found.pixel.tolist() == [1, 3]
    assert found.code.tolist() == [44, 54]
    assert found.n.tolist() == [20, 60]
    assert found.break_day.tolist() == [0, 0]


def test_short_models_before_the_first_stable_one_and_after_the_last_break(steps):
    days, codes = steps
    early = codes.copy()
    early[:, :9] += LOSS[:, None].astype(np.int16)
    found = segments(early[:, :140], days[:140], clear=np.ones(140))
    assert found.code[0] == 14
    # Tmask takes the loss for the rule while it makes up half of a window, and drops some looks after it.
    assert days[9].item() <= date.fromordinal(int(found.break_day[0])) <= days[14].item()
    ordinals = [day.item().toordinal() for day in days[:80]]
    short = segments(early[:, :80], days[:80], clear=np.ones(80))
    assert rows_of(short, 0) == Oracle(ordinals, early[:, :80].T.astype(float)).run()
    late = segments(codes[:, :68], days[:68], clear=np.ones(68))
    assert late.code.tolist() == [8, 24]
    assert late.start[1] == late.break_day[0]


def test_temperature_is_modelled_where_it_has_no_gap(steps):
    days, codes = steps
    warmth = (2900 + 100 * np.cos(np.arange(180) * 16 / 58.1)).astype(np.int16)
    gaps = warmth.copy()
    gaps[20] = 0
    stack = np.stack([np.vstack([codes, warmth]), np.vstack([codes, gaps])], axis=-1)
    found = segments(stack, days, clear=np.ones((180, 2)))
    whole, broken = (found.coefficients[found.pixel == pixel] for pixel in (0, 1))
    assert whole.shape == (3, 7, 8)
    assert np.hypot(whole[0, 6, 2], whole[0, 6, 3]) == pytest.approx(1000, rel=0.05)
    assert np.isnan(broken[0, 6]).all()
    assert np.isfinite(broken[1]).all()
    assert np.array_equal(whole[:, :6], broken[:, :6])


def test_without_noise_nothing_is_divided_by_nothing():
    days = np.arange(733_000, 736_000, 16)
    codes = np.broadcast_to(GROUND[:, None], (6, len(days))).astype(np.int16)
    found = segments(codes, days, clear=np.ones(len(days)))
    assert found.break_day.tolist() == [0]
    assert found.coefficients[0, :, 0] == pytest.approx(GROUND)
    assert (found.rmse == 0).all()


def test_no_pixel_and_no_look():
    empty = segments(np.zeros((6, 9, 0), np.int16), np.arange(9) + 733_000, clear=np.ones((9, 0)))
    assert len(empty) == 0
    never = segments(np.zeros((6, 0, 2), np.int16), np.zeros(0, int), clear=np.ones((0, 2)))
    assert never.reason.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stack": np.ones((5, 30), np.int16)}, "wanted \\(band, time, ...\\)"),
        ({"stack": np.ones((6, 30))}, "whole codes"),
        ({"qa": np.zeros(30), "clear": np.ones(30)}, "and not both"),
        ({"clear": None}, "and not both"),
        ({"clear": np.ones((30, 1))}, "the stack wants"),
        ({"clear": None, "qa": np.full(30, 7)}, "qa holds \\[7"),
        ({"times": np.arange(29) + 733_000}, "29 dates for a stack of 30"),
        ({"times": np.array(["NaT"] * 30, "datetime64[D]")}, "30 of 30 dates are missing"),
    ],
)
def test_what_does_not_fit_is_refused(change, words):
    given = {"stack": np.ones((6, 30), np.int16), "times": np.arange(30) + 733_000, "clear": np.ones(30)} | change
    with pytest.raises(InputError, match=words):
        segments(given.pop("stack"), given.pop("times"), **given)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"probability": 1.0}, "probability is 1.0"),
        ({"confirm": 0}, "at least 1 look"),
        ({"fewest": 8}, "at least 12"),
        ({"fewest_short": 5}, "at least 6"),
        ({"penalty": -1.0}, "must not be negative"),
    ],
)
def test_rules_no_series_can_satisfy_are_refused(rules, words):
    with pytest.raises(InputError, match=words):
        SegmentRules(**rules)
