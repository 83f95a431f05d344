"""What the store refuses, and that it then leaves everything as it was."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pyarrow.parquet as pq
import pytest
from store_rasters import area_of, build, class_spec, composite_spec, index_spec, noise, record_of

from habitat.contracts.errors import ConfigError, Locked, NotInStore, PublishError
from habitat.contracts.grid import Tile
from habitat.contracts.period import Period
from habitat.store import store as store_module

MAY = Period("2025-05")


def test_what_is_missing_is_said(store, area):
    assert store.latest("monthly-change", area, MAY) is None
    assert store.list() == []
    with pytest.raises(NotInStore, match="nothing of it is there"):
        store.read("monthly-change", area, MAY)
    build(store, area)
    with pytest.raises(NotInStore, match=r"2024-05 is not in .*: there are 2025-05"):
        store.read("monthly-change", area, Period("2024-05"))
    with pytest.raises(NotInStore, match="has no asset 'nbr'; it has ndvi"):
        store.read("monthly-change", area, MAY, "nbr")
    with pytest.raises(NotInStore, match=r"'ledger' of .* is no raster; rasters are ndvi, composite, change"):
        store.open_window("monthly-change", area, MAY, "ledger")
    with pytest.raises(ConfigError, match=r"product name '../x'"):
        store.latest("../x", area, MAY)


def test_a_broken_index_only_warns(store, area, monkeypatch, caplog):
    def broken(*args: object, **kwargs: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr("habitat.store.catalogue.stac_arrow.to_parquet", broken)
    made = build(store, area)
    assert store.latest("monthly-change", area, MAY) == made
    assert "stale (no space)" in caplog.text
    monkeypatch.undo()
    assert store.mend("monthly-change", "hunchun")
    assert pq.read_table(store.layout.index).num_rows == 1
    assert not store.mend("monthly-change", "hunchun")


def test_a_second_builder_hears_who_is_at_work(store, area):
    now = datetime(2025, 6, 6, 2, 0, tzinfo=UTC)
    with store.begin("monthly-change", area, MAY, now=now):
        with pytest.raises(
            Locked,
            match=f"monthly-change of hunchun is being built by process {os.getpid()} since 2025-06-06T02:00:00Z",
        ):
            store.begin("monthly-change", area, Period("2025-06"))
        # Another area, another product: nothing in the way.
        store.begin("monthly-change", area_of(name="other"), MAY).abort()
        store.begin("base", area, MAY).abort()
        with pytest.raises(Locked):
            build(store, area)
    assert build(store, area).version == 1


def test_a_lock_dies_with_its_process(store, area):
    path = store.layout.lock("monthly-change", "hunchun")
    path.parent.mkdir(parents=True)
    code = "import fcntl, sys\nfile = open(sys.argv[1], 'w')\nfcntl.flock(file, fcntl.LOCK_EX)\nprint('held', flush=True)\nsys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-S", "-c", code, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Locked, match="is being built by another process; wait for it"):
            store.begin("monthly-change", area, MAY)
        # What the dead one said of itself is still there.
        path.with_suffix(".json").write_text('{"pid": 1, "since": "2020-01-01T00:00:00Z"}')
        with pytest.raises(Locked, match="process 1 since 2020-01-01"):
            store.begin("monthly-change", area, MAY)
        holder.kill()
    assert build(store, area).version == 1


def test_a_stage_left_leaves_nothing(store, area):
    stage = store.begin("monthly-change", area, MAY)
    with contextlib.suppress(ZeroDivisionError), stage:
        stage.raster(index_spec()).write(Tile(0, 0, 10, 10), noise(1, 10, 10))
        assert len(list((store.root / ".work").rglob("*.part"))) == 1
        raise ZeroDivisionError
    assert list((store.root / ".work").iterdir()) == []
    assert store.latest("monthly-change", area, MAY) is None
    stage.abort()
    with pytest.raises(PublishError, match="begin anew"):
        stage.raster(index_spec())


def test_holes_and_bad_pixels_are_not_published(store, area, monkeypatch):
    with store.begin("monthly-change", area, MAY) as stage:
        stage.raster(index_spec()).write(Tile(0, 0, 60, 39), noise(1, 60, 39))
        with pytest.raises(PublishError, match="hole"):
            stage.publish(record_of(area))
    with store.begin("monthly-change", area, MAY) as stage:
        stage.raster(index_spec()).write(Tile(0, 0, 60, 40), noise(1, 60, 40))

        def flip(step: str) -> None:
            if step == "closed":
                path = next(stage._work.glob("*.tif"))
                content = bytearray(path.read_bytes())
                content[-100] ^= 1
                path.write_bytes(content)

        stage._on_step = flip
        with pytest.raises(PublishError, match="has changed"):
            stage.publish(record_of(area))
    assert store.list() == []
    assert list((store.root / ".work").iterdir()) == []


def test_wrong_records_and_names_are_refused(store, area):
    with store.begin("monthly-change", area, MAY) as stage:
        with pytest.raises(PublishError, match="has no raster"):
            stage.publish(record_of(area))
        stage.raster(index_spec()).write(Tile(0, 0, 60, 40), noise(1, 60, 40))
        for wrong in (record_of(area, "2025-06"), record_of(area_of(61)), record_of(area, product="base")):
            with pytest.raises(ConfigError, match="this stage builds"):
                stage.publish(wrong)
        for created in ("yesterday", "2025-06-06T02:00:00"):
            with pytest.raises(ConfigError, match="ISO 8601 time with zone"):
                stage.publish(record_of(area, created=created))
        with pytest.raises(ConfigError, match="already"):
            stage.raster(index_spec())
        with pytest.raises(ConfigError, match="already"):
            stage.file("record.json")
        with pytest.raises(ConfigError, match="already"):
            stage.file("ndvi-style.qml")
        for name in ("../x.json", "a/b.json", "x", "X.json", ".json", "x.tar.gz", "x\0.json"):
            with pytest.raises(ConfigError, match="file name"):
                stage.file(name)
        with pytest.raises(ConfigError, match=r"deprecated, version .* are set by the store"):
            stage.publish(record_of(area), {"version": "9", "deprecated": True})
    with store.begin("monthly-change", area, MAY) as stage:
        stage.raster(index_spec()).write(Tile(0, 0, 60, 40), noise(1, 60, 40))
        stage.file("quicklook.png")
        with pytest.raises(PublishError, match="was announced and cannot be read"):
            stage.publish(record_of(area))
    assert store.list() == []


def test_a_clock_set_back_does_not_supersede(store, area):
    build(store, area, created="2025-06-06T02:00:00Z")
    with pytest.raises(PublishError, match=r"before version 1 \(2025-06-06T02:00:00\+00:00\); set the clock right"):
        build(store, area, created="2025-06-06T01:59:59Z")
    assert build(store, area, created="2025-06-06T02:00:00Z").version == 2


def test_space_is_asked_for_first(store, area, monkeypatch):
    specs = (index_spec(), composite_spec(), class_spec())
    # 2400 pixels of 2 + 4 + 1 bytes, and a third more for overviews.
    assert store_module.estimated_bytes(area.grid, *specs) == 6400 + 12800 + 3200
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=55_999))
    with pytest.raises(PublishError, match="0 MB free"):
        store.begin("monthly-change", area, MAY, estimate=22400)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=56_000))
    store.begin("monthly-change", area, MAY, estimate=22400).abort()


def test_damage_is_found(store, area):
    made = build(store, area)
    path = made.path("ndvi")
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    problems = store.verify("monthly-change", area, MAY)
    assert len(problems) == 1
    assert "monthly-change-ndvi_hunchun_202505_v1.tif has changed: SHA-256" in problems[0]
    with pytest.raises(PublishError, match="has changed"):
        store.read("monthly-change", area, MAY, "ndvi")
    path.write_bytes(content[:-1])
    with pytest.raises(PublishError, match=f"has {len(content) - 1} bytes, its record says {len(content)}"):
        store.read("monthly-change", area, MAY, "ndvi")
    path.unlink()
    with pytest.raises(PublishError, match="cannot be read: No such file"):
        store.read("monthly-change", area, MAY, "ndvi")
    made.item_path.write_text("{")
    with pytest.raises(PublishError, match="cannot be read"):
        store.latest("monthly-change", area, MAY)


@pytest.mark.parametrize(
    "href", ["../../../etc/passwd", "/etc/passwd", "https://example.org/a.tif", "./a/b.tif", "..", "./x?y"]
)
def test_links_that_leave_the_item_are_refused(store, area, href):
    made = build(store, area)
    item = json.loads(made.item_path.read_text())
    item["assets"]["ndvi"]["href"] = href
    made.item_path.write_text(json.dumps(item))
    with pytest.raises(PublishError, match="no file beside it"):
        store.read("monthly-change", area, MAY, "ndvi")


def test_symbolic_links_are_refused(store, area, tmp_path):
    made = build(store, area)
    path = made.path("ndvi")
    outside = tmp_path / "outside.tif"
    path.rename(outside)
    path.symlink_to(outside)
    with pytest.raises(PublishError, match="symbolic link"):
        store.read("monthly-change", area, MAY, "ndvi")


def test_stray_folders_are_passed_over(store, area):
    build(store, area)
    product = store.root / "monthly-change"
    for name in (
        "monthly-change_hunchun_202513_v1",
        "monthly-change_hunchun_202505_v0",
        "other_hunchun_202505_v1",
        "x",
        "monthly-change_hunchun_202506_v1",
    ):
        (product / name).mkdir()
    (store.root / "Notes").mkdir()
    assert [str(found.id) for found in store.list()] == ["monthly-change_hunchun_202505_v1"]
