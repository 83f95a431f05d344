"""Benchmark of segments, in the smallest size: contenders agree, and the table tells it."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import segmentation


def test_contenders_of_habitat_agree():
    stack = segmentation.made_up(300)
    one, two = (segmentation.habitat(stack, workers=workers) for workers in (1, 2))
    assert one == two
    assert 100 < sum(len(breaks) for breaks in one) < 400


def test_pyxccd_agrees():
    pytest.importorskip("pyxccd")
    stack = segmentation.made_up(100)
    number, dated = segmentation.agreement(segmentation.habitat(stack, workers=1), segmentation.pyxccd(stack), stack)
    assert min(number, dated) >= 0.98


def test_stack_is_what_is_told():
    codes, classes, days = segmentation.made_up(600)
    assert codes.shape == (6, segmentation.DATES, 600)
    assert codes.dtype == np.int16
    assert (np.diff(days) > 0).all()
    assert days[-1] - days[0] < 366 * segmentation.YEARS
    assert float((classes == 255).mean()) == pytest.approx(segmentation.FILL, abs=0.01)
    assert float((classes == 4).mean()) == pytest.approx(segmentation.CLOUDS * (1 - segmentation.FILL), abs=0.01)
    few = segmentation.made_up(40)
    assert np.array_equal(few[0], codes[:, :, :40])
    assert np.array_equal(few[1], classes[:, :40])


def test_agreement_counts_breaks_and_looks():
    codes = np.full((6, 10, 3), 500, np.int16)
    codes[0, 4] = 0
    stack = (codes, np.zeros((10, 3), np.uint8), np.arange(10) * 8)
    # The look of day 32 is none: from day 24 to day 48 there are two.
    assert segmentation.agreement([[24], [24], [24]], [[48], [56], []], stack) == pytest.approx((2 / 3, 1 / 3))


def test_command_measures_in_processes_of_their_own(repository):
    command = [sys.executable, "-m", "benchmarks.segmentation", "--size", "8", "--rounds", "1"]
    command += ["--contenders", "habitat-2"]
    done = subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True, timeout=600)
    rows = [line for line in done.stdout.splitlines() if line.startswith("| habitat-")]
    assert [row.split(" | ")[0] for row in rows] == ["| habitat-2"]
    assert "medians of 1 alternating rounds" in done.stdout


def test_an_interpreter_without_pyxccd_leaves_it_out(tmp_path, capsys):
    stranger = tmp_path / "python"
    stranger.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    stranger.chmod(0o755)
    assert not segmentation._there("pyxccd", str(stranger))
    assert "is left out" in capsys.readouterr().err
    assert segmentation._there("habitat-1", str(stranger))


def test_one_run_answers_with_what_it_measured():
    run = segmentation.one_run("habitat-1", 64, 10)
    assert run["pixels"] == 64
    assert min(run["wall"], run["cpu"]) > 0
    assert len(run["breaks"]) == 10
    assert json.dumps(run)


def test_table_has_ratios():
    breaks = segmentation.habitat(segmentation.made_up(4), workers=1)
    run = {"added_mb": 1.0, "load": 0.5, "version": "1", "breaks": breaks}
    runs = [run | {"contender": "pyxccd", "pixels": 4, "wall": wall, "cpu": 0.02} for wall in (0.04, 0.02)]
    runs += [run | {"contender": "habitat-2", "pixels": 100, "wall": 0.025, "cpu": 0.04}]
    rows = [line for line in segmentation.report(runs, "x").splitlines() if line.startswith("| ")][2:]
    assert rows == [
        "| pyxccd | 150 (100–200) | 200 | 1.0 | 1 | – |",
        "| habitat-2 | 4,000 (4,000–4,000) | 2,500 | 12.5 | 1 | 100.00%, 100.00% of 4 |",
    ]
