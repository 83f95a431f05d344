"""Season models and monitors on series whose answers others have published."""

from __future__ import annotations

import json

import numpy as np
import pytest

from habitat.change.monitoring.boundaries import cusum_boundary, mosum_boundary
from habitat.change.monitoring.monitor_kernels import NO_DAY
from habitat.change.monitoring.monitor_rules import CUSUM, MOSUM, MonitorRules
from habitat.change.monitoring.monitors import begun_monitor, monitored
from habitat.change.monitoring.season_model import FIT_CODES, FitRules, plain_season_fit, season_fit
from habitat.change.monitoring.stable_history import plain_recursive_residuals, recursive_cusum_limit, stable_start

HISTORY = 100
SEGMENTS = ("segments", "no_break_fit")


@pytest.fixture(scope="module")
def bfast(shared):
    folder = shared / "reference" / "change_detection" / "bfast"
    table = np.genfromtxt(folder / "som_ndvi.csv", delimiter=",", names=True)
    time = table["time"]
    waves = [wave(2 * np.pi * k * time) for wave in (np.cos, np.sin) for k in (1, 2, 3)]
    design = np.column_stack([np.ones(len(time)), np.arange(1, len(time) + 1), *waves])
    return json.loads((folder / "expected.json").read_text()), table, design


@pytest.fixture(scope="module")
def romania(shared):
    folder = shared / "reference" / "change_detection" / "nrt_monitoring"
    table = np.genfromtxt(folder / "romania_ndvi.csv", delimiter=",", names=True, dtype=None, encoding="utf-8")
    design = np.column_stack([table[f"x{k}"] for k in range(1, 6)]).astype(float)
    pixels = np.stack([table[f"pixel{k}"] for k in (1, 2, 3)], axis=1).astype(float)
    return json.loads((folder / "expected.json").read_text()), table, design, pixels


def coefficients_of(told):
    return np.array([told["intercept"], told["trend"], *told["cos"], *told["sin"]])


def place(time, label):
    """Return the row of «2010(13)», the 13th of 23 composites of 2010."""
    year, _, composite = label[:-1].partition("(")
    return int(np.argmin(np.abs(time - (int(year) + (int(composite) - 1) / 23))))


@pytest.mark.parametrize("name", ["monitor_a", "monitor_b"])
def test_bfast_monitor(bfast, name):
    told, table, design = bfast
    expected = told[name]
    values = table[expected["series"][-6:]][:, None, None]
    start = place(table["time"], "2010(13)")
    fit = season_fit(values[:start], design[:start], FitRules(stable_level=0.05))
    assert fit.first[0, 0] == place(table["time"], expected["stable_history"][0])
    assert fit.coefficients[:, 0, 0] == pytest.approx(coefficients_of(expected["coefficients"]), abs=1e-6)
    assert fit.sigma[0, 0] == pytest.approx(expected["residual_se"], abs=5e-6)
    assert fit.count[0, 0] - 8 == expected["dof"]
    state = begun_monitor(values[:start], design[:start], MonitorRules(confirm=1), fit)
    rows = np.arange(start, len(values)).astype("datetime64[D]")
    state = monitored(state, values[start:], rows, design=design[start:])
    assert state.days[0, 0, 0] == state.days[1, 0, 0] == place(table["time"], expected["break_detected"])


def test_bfast01_segments(bfast):
    told, table, design = bfast
    expected = told["bfast01_a"]
    values = table["ndvi_a"][:, None, None]
    for segment in expected["segments"]:
        low, high = (int(np.argmin(np.abs(table["time"] - limit))) for limit in segment["span"])
        fit = season_fit(values[low : high + 1], design[low : high + 1])
        assert fit.coefficients[:, 0, 0] == pytest.approx(coefficients_of(segment), abs=1e-6)
    fit = season_fit(values, design)
    assert fit.coefficients[:, 0, 0] == pytest.approx(coefficients_of(expected["no_break_fit"]), abs=1e-6)


def test_significance_of_the_segments(bfast):
    """p values and percentage changes of the trend of each segment."""
    from scipy.stats import t

    told, table, design = bfast
    expected = told["bfast01_a"]
    values = table["ndvi_a"][:, None, None]
    for number, segment in enumerate(expected["segments"], 1):
        low, high = (int(np.argmin(np.abs(table["time"] - limit))) for limit in segment["span"])
        rows = slice(low, high + 1)
        fit = season_fit(values[rows], design[rows])
        known = np.isfinite(values[rows, 0, 0])
        error = fit.sigma[0, 0] * np.sqrt(np.linalg.inv(design[rows][known].T @ design[rows][known])[1, 1])
        p = 2 * t.sf(abs(fit.coefficients[1, 0, 0]) / error, int(known.sum()) - 8)
        # The published p value is that of one model of both segments, which share their scatter.
        assert np.log10(p) == pytest.approx(np.log10(expected["classify"][f"p_segment{number}"]), rel=0.35)


@pytest.mark.parametrize("pixel", [1, 2, 3])
def test_recursive_residuals(romania, pixel):
    _, table, design, pixels = romania
    known = np.isfinite(pixels[:, pixel - 1])
    published = table[f"recursive_residual_pixel{pixel}"].astype(float)
    residuals = plain_recursive_residuals(design[known], pixels[known, pixel - 1])
    assert residuals == pytest.approx(published[np.isfinite(published)], abs=1e-10)


def test_process_of_recursive_residuals(romania, shared):
    folder = shared / "reference" / "change_detection" / "nrt_monitoring"
    published = np.genfromtxt(folder / "rec_cusum_process_pixel1.csv", skip_header=1)
    _, _, design, pixels = romania
    known = np.isfinite(pixels[:, 0])
    # Taken backwards; R counts the constant twice, and so leaves out the first residual.
    residuals = plain_recursive_residuals(design[known][::-1], pixels[known, 0][::-1])[1:]
    process = np.cumsum([0, *residuals]) / (residuals.std(ddof=1) * np.sqrt(len(residuals)))
    assert process == pytest.approx(published, rel=1e-2, abs=1e-9)


@pytest.mark.parametrize("pixel", [1, 2, 3])
def test_start_of_the_stable_history(romania, pixel):
    told, _, design, pixels = romania
    values = pixels[:, pixel - 1]
    known = np.isfinite(values)
    basis = np.linalg.qr(design)[0]
    start = stable_start(basis, np.nan_to_num(values), known.astype(float), recursive_cusum_limit(0.05), 1)
    # Counted from 1, gaps left out.
    assert int(known[:start].sum()) + 1 == told[f"pixel{pixel}"]["roc_history_start_1_based"]


@pytest.mark.parametrize("kind", [CUSUM, MOSUM])
def test_processes_and_boundaries(romania, kind):
    told, _, design, pixels = romania
    stack = pixels[:, None, :]
    fit = season_fit(stack[:HISTORY], design[:HISTORY])
    # Those who made the numbers went on after a break: here 100 departures in a row are wanted.
    rules = MonitorRules(kind, confirm=100, magnitude_count=100)
    state = begun_monitor(stack[:HISTORY], design[:HISTORY], rules, fit)
    rows = np.arange(HISTORY, len(stack)).astype("datetime64[D]")
    state = monitored(state, stack[HISTORY:], rows, design=design[HISTORY:])
    size = state.history[0].astype(float)
    process = state.process[0] / (fit.sigma[0] * np.sqrt(size))
    boundary = (cusum_boundary if kind == CUSUM else mosum_boundary)((size + state.seen[0]) / size, rules.critical)
    expected = [told[f"pixel{k}"][kind] for k in (1, 2, 3)]
    assert process == pytest.approx([one["process"] for one in expected], rel=1e-4)
    assert boundary == pytest.approx([one["boundary"] for one in expected], rel=1e-7)
    assert state.history[0].tolist() == [one["histsize"] for one in expected]
    assert fit.sigma[0] == pytest.approx([one["sigma"] for one in expected], rel=1e-6)
    assert state.days[1, 0].tolist() == [NO_DAY] * 3
    assert told["critical_values_ols_cusum"]["0.05"] == pytest.approx(MonitorRules(CUSUM).critical, abs=1e-6)


def test_tukey_weights(shared):
    folder = shared / "reference" / "change_detection" / "nrt_monitoring"
    table = np.genfromtxt(folder / "robust_fit_input.csv", delimiter=",", skip_header=1)
    told = json.loads((folder / "robust_fit_expected.json").read_text())
    design, stack = table[:, :8], table[:, 8][:, None, None].copy()
    rules = FitRules(robust=True, min_count=9)
    plain = plain_season_fit(stack, design, rules)
    assert plain.coefficients[:, 0, 0] == pytest.approx(told["tukey_bisquare_coefficients"], rel=1e-2)
    # The weights leave 7 of 13 observations for 8 coefficients: the published numbers are one of many answers, and the
    # kernel, which does not know of pseudo-inverses, says so.
    assert FIT_CODES[int(season_fit(stack, design, rules).code[0, 0])] == "singular fit"
