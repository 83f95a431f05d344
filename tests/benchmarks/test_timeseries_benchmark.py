"""Benchmark of season models and monitors, in the smallest size: contenders agree, and the table tells it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import timeseries


def test_contenders_of_habitat_agree():
    stack, broken = timeseries.made_up(24)
    one, two, once = (timeseries.contender_of(f"habitat-{name}")(stack) for name in ("1", "2", "2-once"))
    assert np.array_equal(one, two)
    assert np.array_equal(one, once)
    assert (one[broken] > 0).all()
    assert (one[~broken] > 0).mean() < 0.3


def test_nrt_agrees():
    pytest.importorskip("nrt")
    stack, _ = timeseries.made_up(24)
    ours, theirs = timeseries.contender_of("habitat-1")(stack), timeseries.contender_of("nrt-1")(stack)
    # nrt 0.3 begins its windows with the history's residuals turned round, and its harmonics anew each year.
    assert (ours != theirs).mean() < 0.1


def test_stack_is_what_is_told():
    stack, broken = timeseries.made_up(32)
    assert stack.shape == (timeseries.DATES, 32, 32)
    assert stack.dtype == np.float32
    assert float(np.isnan(stack).mean()) == pytest.approx(timeseries.GAPS, abs=0.01)
    assert float(broken.mean()) == pytest.approx(timeseries.BROKEN, abs=0.05)
    assert str(timeseries.days()[1]) == "2015-01-16"


def test_command_measures_in_processes_of_their_own(repository):
    command = [sys.executable, "-m", "benchmarks.timeseries", "--size", "24", "--rounds", "1"]
    command += ["--contenders", "habitat-2"]
    done = subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True, timeout=300)
    rows = [line for line in done.stdout.splitlines() if line.startswith("| habitat-")]
    assert [row.split(" | ")[0] for row in rows] == ["| habitat-2"]
    assert "medians of 1 alternating rounds" in done.stdout


def test_an_interpreter_without_nrt_leaves_it_out(tmp_path, capsys):
    stranger = tmp_path / "python"
    stranger.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    stranger.chmod(0o755)
    assert not timeseries._there("nrt-2", str(stranger))
    assert "is left out" in capsys.readouterr().err
    assert timeseries._there("habitat-1", str(stranger))


def test_one_run_answers_with_what_it_measured():
    run = timeseries.one_run("habitat-2-once", 20)
    assert run["pixels"] == 400
    assert min(run["wall"], run["cpu"]) > 0
    assert run["found"] == 1
    assert json.dumps(run)


def test_table_has_ratios():
    run = {"pixels": 300_000, "cpu": 2.0, "added_mb": 100.0, "load": 0.5, "found": 1.0, "false": 0.17, "version": "1"}
    runs = [run | {"contender": "nrt-2", "wall": wall} for wall in (10.0, 30.0, 20.0)]
    runs += [run | {"contender": "habitat-2", "wall": 0.5, "cpu": 0.8, "added_mb": 25.0}]
    rows = [line for line in timeseries.report(runs, "x").splitlines() if line.startswith("| ")][2:]
    assert rows == [
        "| nrt-2 | 15 (10–30) | 1.0 | 2.00 | 1.0 | 100 | 100.00% | 17.00% |",
        "| habitat-2 | 600 (600–600) | 40.0 | 0.80 | 2.5 | 25 | 100.00% | 17.00% |",
    ]
