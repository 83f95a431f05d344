"""Killed at any point, or out of space: a reader sees the old product or the new one, and the next run completes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from habitat.store.staging import STEPS

COMMITTED = STEPS[STEPS.index("item") :]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory, request):
    script = request.path.parent / "die_at_each_step.py"
    folder = tmp_path_factory.mktemp("crash")
    done = subprocess.run([sys.executable, script, folder], capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return {row["step"]: row for row in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("step", ["tiles", *STEPS])
def test_old_or_new_never_torn(outcomes, step):
    row = outcomes[step]
    assert row["killed"] == 9
    new = step in COMMITTED
    assert row["after"]["version"] == (2 if new else 1)
    assert row["after"]["pixels"] == [2 if new else 1]
    assert row["after"]["problems"] == []


@pytest.mark.parametrize("step", ["tiles", *STEPS])
def test_the_next_run_completes_and_cleans(outcomes, step):
    row = outcomes[step]
    new = step in COMMITTED
    version = 3 if new else 2
    assert row["rerun"]["version"] == version
    assert row["rerun"]["pixels"] == [2]
    assert row["rerun"]["problems"] == []
    assert row["rerun"]["deprecated"] == [True] * (version - 1) + [False]
    assert row["rerun"]["current"]
    assert row["rerun"]["left"] == []


@pytest.mark.parametrize("step", COMMITTED)
def test_mending_finishes_what_the_dead_run_left(outcomes, step):
    row = outcomes[step]
    whole = step in ("index", "cleaned")
    mended, healed = row["mended"]
    assert mended == [not whole, False]
    assert row["after"]["current"] == whole
    assert healed["deprecated"] == [True, False]
    assert healed["current"]
    assert healed["left"] == []


def test_full_disk_leaves_the_old_file(outcomes):
    finished, spool = outcomes["full disk"]["rows"]
    for row in (finished, spool):
        assert "File too large; free space or choose another folder" in row["said"]
        assert row["left"] == ["a.tif"]
        assert row["same"]
    assert "a.tif: File" in finished["said"]
    assert "a.tif.spool.part: File" in spool["said"]
