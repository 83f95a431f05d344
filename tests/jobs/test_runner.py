"""Runs: what is built and what is not, how failures spread, exit codes, interruptions, locks and the record."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from fake_products import LAST_MAY, MAY

from habitat.contracts.errors import (
    AllMasked,
    ConfigError,
    HabitatError,
    PublishError,
    TooMuchMissing,
)
from habitat.jobs.config import load
from habitat.jobs.outcomes import StepResult, Summary, anonymous
from habitat.jobs.runner import run
from habitat.store.locks import BuildLock


def statuses(summary: Summary) -> dict[str, str]:
    return {f"{step.product} {step.period}": step.status for step in summary.steps}


def record_of(summary: Summary) -> dict:
    assert summary.record is not None
    return json.loads(summary.record.read_text())


def test_first_run_builds_everything_in_order(config, workshop, products, world):
    summary = run(config, workshop, MAY, products)
    order = ["composite 2025-05", "indices 2025-05", "composite 2024-05", "indices 2024-05", "change 2025-05"]
    assert world.built == order
    assert statuses(summary) == dict.fromkeys(order, "built")
    assert summary.exit_code == 0
    assert [step.version for step in summary.steps] == [1] * 5
    assert summary.steps[-1].summary == "change of 2025-05 says something"
    assert "change of 2025-05 says something" in summary.text()
    assert not summary.nothing_to_build


def test_second_run_builds_nothing_and_says_so(config, workshop, products, world):
    run(config, workshop, MAY, products)
    world.built.clear()
    summary = run(config, workshop, MAY, products)
    assert world.built == []
    assert set(statuses(summary).values()) == {"current"}
    assert summary.exit_code == 0
    assert summary.nothing_to_build
    assert "nothing to build: everything is current" in summary.text()
    assert summary.steps[-1].summary == "change of 2025-05 says something"


def test_changed_parameter_rebuilds_it_and_leaves_what_sees_the_same_pixels(config, workshop, products, world):
    run(config, workshop, MAY, products)
    world.built.clear()
    changed = load("monthly", products=products, overrides=["composite.grow_m=30"])
    summary = run(changed, workshop, MAY, products)
    assert world.built == ["composite 2025-05", "composite 2024-05"]
    assert statuses(summary)["indices 2025-05"] == "current"
    assert summary.steps[0].reasons == ("parameters changed (grow_m 60.0 -> 30.0)",)
    assert summary.steps[0].version == 2
    assert not summary.nothing_to_build


def test_changed_pixels_rebuild_what_is_made_from_them_and_say_why(config, workshop, products, world):
    run(config, workshop, MAY, products)
    world.built.clear()
    world.scenes["2025-05"]["S2_B"] = 50
    summary = run(config, workshop, MAY, products)
    assert world.built == ["composite 2025-05", "indices 2025-05", "change 2025-05"]
    assert summary.steps[0].reasons == ("inputs changed (1 new, 0 gone, 0 altered: +S2_B)",)
    assert summary.steps[1].reasons == ("inputs changed (0 new, 0 gone, 1 altered: ~composite_tiny_202505)",)


def test_absent_year_before_is_a_named_gap_and_no_failure(config, workshop, products, world):
    del world.scenes["2024-05"]
    summary = run(config, workshop, MAY, products)
    assert statuses(summary) == {
        "composite 2025-05": "built",
        "indices 2025-05": "built",
        "composite 2024-05": "cannot",
        "indices 2024-05": "skipped",
        "change 2025-05": "built",
    }
    assert summary.steps[-1].gaps == (("year before", "not in the store"),)
    assert summary.exit_code == 0
    again = run(config, workshop, MAY, products)
    assert again.nothing_to_build
    assert again.steps[-1].gaps == (("year before", "not in the store"),)


def test_year_before_that_arrives_later_rebuilds_the_change(config, workshop, products, world):
    del world.scenes["2024-05"]
    run(config, workshop, MAY, products)
    world.scenes["2024-05"] = {"S2_0": 10}
    world.built.clear()
    summary = run(config, workshop, MAY, products)
    assert world.built == ["composite 2024-05", "indices 2024-05", "change 2025-05"]
    assert summary.steps[-1].reasons == ("inputs changed (1 new, 0 gone, 0 altered: +indices_tiny_202405)",)


def test_failure_takes_along_what_requires_it_and_nothing_else(write, workshop, products, world):
    config = load(write("products: {composite: {}, indices: {}, change: {}, snow: {}}"), products=products)
    world.faults["indices", "2025-05"] = PublishError("the disk is full")
    summary = run(config, workshop, MAY, products)
    assert statuses(summary) == {
        "composite 2025-05": "built",
        "indices 2025-05": "failed",
        "composite 2024-05": "built",
        "indices 2024-05": "built",
        "change 2025-05": "skipped",
        "snow 2025-05": "built",
    }
    assert summary.steps[1].reasons == ("the disk is full",)
    assert summary.steps[4].reasons == ("needs indices 2025-05, which failed",)
    assert summary.exit_code == 5
    assert workshop.store.latest("indices", "tiny", MAY) is None


@pytest.mark.parametrize(
    ("where", "fault", "status", "code"),
    [
        ("2025-05", AllMasked("all cloud"), "cannot", 3),
        ("2025-05", TooMuchMissing("half is gone"), "cannot", 3),
        ("2025-05", ConfigError("no such band"), "failed", 2),
        ("2025-05", PublishError("disk full"), "failed", 5),
        ("2025-05", OSError(28, "No space left on device"), "failed", 5),
        ("2025-05", ValueError("odd"), "failed", 5),
        ("2025-05", MemoryError(), "failed", 5),
        ("2024-05", AllMasked("all cloud"), "cannot", 4),
        ("2024-05", ValueError("odd"), "failed", 4),
    ],
)
def test_exit_code_of_one_fault(config, workshop, products, world, where, fault, status, code):
    world.faults["composite", where] = fault
    summary = run(config, workshop, MAY, products)
    assert statuses(summary)[f"composite {where}"] == status
    assert summary.exit_code == code
    assert record_of(summary)["exit_code"] == code


def test_no_scenes_for_the_month_itself_is_exit_code_3(config, workshop, products, world):
    world.scenes["2025-05"] = {}
    assert run(config, workshop, MAY, products).exit_code == 3


class NothingThere(HabitatError):
    """No failure, says its exit code."""

    exit_code = 0


def test_error_that_is_no_failure_by_its_exit_code(config, workshop, products, world):
    world.faults["change", "2025-05"] = NothingThere("no earlier month")
    summary = run(config, workshop, MAY, products)
    assert (statuses(summary)["change 2025-05"], summary.exit_code) == ("cannot", 0)
    assert run(config, workshop, MAY, products).nothing_to_build


def test_missing_observations_make_a_partial_run(config, workshop, products, world):
    world.missing["composite", "2025-05"] = 2
    summary = run(config, workshop, MAY, products)
    assert (summary.steps[0].missing, summary.exit_code) == (2, 4)
    assert "2 observations missing" in summary.text()
    again = run(config, workshop, MAY, products)
    assert (again.steps[0].missing, again.exit_code) == (2, 0)


@pytest.mark.parametrize(
    ("codes", "wanted"),
    [
        ((0, 4), 4),
        ((4, 75), 75),
        ((75, 3), 3),
        ((3, 2), 2),
        ((2, 5), 5),
        ((5, 130), 130),
        ((4, 9), 5),
        ((), 0),
    ],
)
def test_gravest_code_wins(codes, wanted):
    steps = []
    for code in codes:
        status = {0: "current", 4: "built", 130: "interrupted"}.get(code, "failed")
        steps.append(StepResult("x", MAY, status, missing=code == 4, kind="E", code=0 if code == 4 else code))
    assert Summary("c", "a", MAY, tuple(steps), 1.0).exit_code == wanted


def test_lock_of_another_run_is_told_with_its_holder(config, workshop, products):
    lock = BuildLock(workshop.store.layout.lock("composite", "tiny"))
    try:
        summary = run(config, workshop, MAY, products, targets=["indices"])
    finally:
        lock.release()
    assert (summary.exit_code, statuses(summary)["composite 2025-05"]) == (75, "failed")
    assert re.search(r"composite of tiny is being built by process \d+ since", summary.steps[0].reasons[0])
    assert run(config, workshop, MAY, products, targets=["indices"]).exit_code == 0


def test_interruption_throws_the_work_away_keeps_what_stands_and_is_recorded(config, workshop, products, world):
    run(config, workshop, MAY, products, targets=["composite"])
    world.scenes["2025-05"]["S2_B"] = 50
    world.faults["composite", "2025-05"] = KeyboardInterrupt()
    summary = run(config, workshop, MAY, products)
    assert list(statuses(summary).values()) == ["interrupted", "skipped", "skipped", "skipped", "skipped"]
    assert "thrown away" in summary.steps[0].reasons[0]
    assert summary.exit_code == record_of(summary)["exit_code"] == 130
    assert workshop.store.get("composite", "tiny", MAY).version == 1
    assert list((workshop.store.root / ".work").iterdir()) == []
    del world.faults["composite", "2025-05"]
    assert run(config, workshop, MAY, products).exit_code == 0


def test_run_record_says_everything_and_nothing_about_the_machine(config, workshop, products, world, here):
    world.faults["snow", "2025-05"] = ValueError("x")
    secret = f"cannot read {here}/secret/x.tif of https://host/a?sig=abcdef for /home/someone/notes.txt"
    world.faults["indices", "2025-05"] = ValueError(secret)
    summary = run(config, replace(workshop, config_hash=config.digest), MAY, products)
    told = record_of(summary)
    text = summary.record.read_text()
    assert re.fullmatch(r"\d{8}T\d{9}Z_monthly_tiny_202505\.json", summary.record.name)
    assert summary.record.parent == workshop.store.root / "runs"
    assert (told["habitat_run"], told["config"], told["area"], told["period"]) == (1, "monthly", "tiny", "2025-05")
    assert told["config_digest"] == config.digest
    assert told["settings"]["products"]["composite"]["grow_m"] == 60.0
    assert told["software"]["habitat"]
    assert told["outcome"].startswith("failed")
    built, failed = told["steps"][0], told["steps"][1]
    assert (built["status"], built["item"], built["version"]) == ("built", "composite_tiny_202505_v1", 1)
    assert (failed["status"], failed["error"], failed["code"]) == ("failed", "ValueError", 5)
    assert "ValueError" in told["tracebacks"][0]
    assert 'File "' in told["tracebacks"][0]
    for private in (str(here), "abcdef", "someone", str(Path.home()), str(Path(__file__).parent)):
        assert private not in text
    assert "config_hash" in workshop.store.get("composite", "tiny", MAY).path("record").read_text()


def test_two_records_of_one_moment_both_stay(config, workshop, products):
    first = run(config, workshop, MAY, products, targets=["composite"]).record
    second = run(config, workshop, MAY, products, targets=["composite"]).record
    assert first != second
    assert len(list((workshop.store.root / "runs").glob("*.json"))) == 2


def test_run_without_a_record_has_failed(config, workshop, products, monkeypatch):
    def full(path, content):
        raise PublishError("disk full")

    monkeypatch.setattr("habitat.jobs.outcomes.write_atomically", full)
    summary = run(config, workshop, MAY, products)
    assert (summary.record, summary.exit_code) == (None, 5)
    assert "the run record is not written: disk full" in summary.text()


def test_catalogue_left_behind_by_a_dead_run_is_mended(config, workshop, products):
    run(config, workshop, MAY, products)
    workshop.store.layout.collection("change").unlink()
    assert run(config, workshop, MAY, products).nothing_to_build
    assert workshop.store.layout.collection("change").is_file()


def test_records_of_runs_are_no_product(config, workshop, products):
    run(config, workshop, MAY, products)
    assert {one.product for one in workshop.store.list()} == {"composite", "indices", "change"}
    assert workshop.store.rebuild_index()


def test_targets_build_only_themselves_and_what_they_need(config, workshop, products, world):
    run(config, workshop, LAST_MAY, products, targets=["indices"])
    assert world.built == ["composite 2024-05", "indices 2024-05"]


def test_addresses_keep_their_paths_and_files_lose_their_folders():
    store = Path("/srv/maps/store")
    assert anonymous("see https://host/a/b.tif, s3://x/y/z and a/b/c", store) == (
        "see https://host/a/b.tif, s3://x/y/z and a/b/c"
    )
    assert anonymous({"a": ["/srv/maps/store/x/y.tif", 3, None]}, store) == {"a": ["<store>/x/y.tif", 3, None]}
    assert anonymous("/srv/maps/storehouse/y.tif", store) == ".../y.tif"
