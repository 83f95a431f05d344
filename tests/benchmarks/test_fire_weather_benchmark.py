"""Benchmark of the fire weather, in the smallest size: all contenders compute the same, and the table tells it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import fire_weather


def answers(name, weather):
    return fire_weather.contender_of(name)(weather)


def test_contenders_of_habitat_agree():
    weather = fire_weather.made_up(40, 12)
    exact = answers("habitat-double", weather)
    one, two = answers("habitat-1", weather), answers("habitat-2", weather)
    assert set(exact) == set(fire_weather.CODES)
    for code in fire_weather.CODES:
        assert np.array_equal(one[code], two[code])
        assert np.abs(one[code] - exact[code]).max() < 2e-3, code


def test_xclim_agrees():
    pytest.importorskip("xclim")
    weather = fire_weather.made_up(40, 12)
    ours, theirs = answers("habitat-double", weather), answers("xclim", weather)
    lazily = answers("xclim-dask", weather)
    for code in fire_weather.CODES:
        assert np.abs(ours[code] - theirs[code]).max() < 5e-3, code
        assert np.array_equal(lazily[code], theirs[code], equal_nan=True)


def test_weather_is_what_the_codes_want():
    weather = fire_weather.made_up(5, 3)
    assert {values.shape for values in weather.values()} == {(5, 3, 3)}
    assert {values.dtype for values in weather.values()} == {np.dtype(np.float32)}
    assert weather["humidity"].max() <= 100
    assert weather["rain"].min() == 0


def test_command_measures_in_processes_of_their_own(repository):
    command = [sys.executable, "-m", "benchmarks.fire_weather", "--days", "20", "--size", "30", "--rounds", "1"]
    command += ["--contenders", "habitat-2"]
    done = subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True, timeout=300)
    rows = [line for line in done.stdout.splitlines() if line.startswith("| habitat-")]
    assert [row.split(" | ")[0] for row in rows] == ["| habitat-2"]
    assert "medians of 1 alternating rounds" in done.stdout


def test_one_run_answers_with_what_it_measured(tmp_path):
    run = fire_weather.one_run("habitat-1", 9, 20, tmp_path / "sample.npz")
    assert run["cells"] == 3600
    assert min(run["wall"], run["cpu"]) > 0
    # Ten float32 arrays.
    assert run["arrays_mb"] == pytest.approx(3600 * 40 / 2**20)
    assert json.dumps(run)
    with np.load(tmp_path / "sample.npz") as file:
        assert file["fwi"].shape == (9, 5)


def test_table_has_ratios_and_differences(tmp_path):
    samples = {}
    for name, value in (("xclim", 1.0), ("habitat-2", 1.25)):
        samples[name] = tmp_path / f"{name}.npz"
        np.savez(samples[name], **{code: np.full((2, 2), value) for code in fire_weather.CODES})
    run = {"cells": 8_000_000, "cpu": 2.0, "peak_mb": 150.0, "arrays_mb": 100.0, "load": 0.2}
    runs = [run | {"contender": "xclim", "wall": wall} for wall in (2.0, 4.0, 3.0)]
    runs += [run | {"contender": "habitat-2", "wall": 0.5}]
    rows = [line for line in fire_weather.report(runs, samples, "x").splitlines() if line.startswith("| ")][2:]
    assert rows == [
        "| xclim | 2.7 (2.0–4.0) | 1.0 | 2.00 | 150 | 1.50 | 0 (ffmc), 0e+00 |",
        "| habitat-2 | 16.0 (16.0–16.0) | 6.0 | 2.00 | 150 | 1.50 | 0.2 (ffmc), 2e-01 |",
    ]
    assert fire_weather.differences({"habitat-2": samples["habitat-2"]}) == {"habitat-2": "–"}
