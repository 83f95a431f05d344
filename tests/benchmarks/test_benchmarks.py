"""Benchmarks, in the smallest size: the catalogue is what it claims, and all contenders give the same answer."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import rasterio

from benchmarks import habitat_contender, one_run, peers
from benchmarks.table import BEGIN, END, case_table, write_report
from benchmarks.workload import BAND_NAMES, MASKED_CLASSES, MONTHS, NODATA, Workload, sums_of
from habitat.contracts.period import Period
from habitat.sources import search

SIZE, OFFSET = 192, 32


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory, repository):
    folder = tmp_path_factory.mktemp("benchmark") / "catalogue-256"
    command = [sys.executable, "-m", "benchmarks.catalogue", str(folder), "--size", "256"]
    subprocess.run(command, cwd=repository, check=True, capture_output=True, timeout=120)
    return folder


@pytest.fixture
def work(catalogue, tmp_path):
    return Workload("aligned", SIZE, catalogue, tmp_path / "out", offset=OFFSET)


def plain_answer(work):
    """Medians and NBR as NumPy does them, one scene after the other, of the home tile alone."""
    sums = {}
    for period in MONTHS:
        stacks = {"nir": [], "swir2": []}
        for item in work.items():
            if not item["properties"]["datetime"].startswith(str(period)):
                continue
            read = {}
            for key, repeat in (("nir", 1), ("swir22", 2), ("scl", 2)):
                with rasterio.open(item["assets"][key]["href"]) as source:
                    read[key] = source.read(1).repeat(repeat, 0).repeat(repeat, 1)
            clear = ~np.isin(read["scl"], MASKED_CLASSES)
            for band, key in (("nir", "nir"), ("swir2", "swir22")):
                stacks[band].append(np.where(clear & (read[key] != 0), read[key], np.nan))
        window = (slice(OFFSET, OFFSET + SIZE),) * 2
        with np.testing.suppress_warnings() as quiet:
            quiet.filter(RuntimeWarning)
            layers = [np.rint(np.nanmedian(np.stack(stacks[band]), axis=0))[window] for band in ("nir", "swir2")]
        nir, swir = layers
        layers.append(np.rint((nir - swir) / (nir + swir) * 10000))
        for band, layer in zip(BAND_NAMES, layers, strict=True):
            sums[f"{period}/{band}"] = [int(np.isfinite(layer).sum()), int(np.nansum(layer))]
    return sums


def assert_same(sums, expected, *, ties=0.0):
    """Sums may differ by 1 for each pixel that lies half way between two codes, of which `ties` is the share."""
    assert sums.keys() == expected.keys()
    for key, (count, total) in expected.items():
        assert sums[key][0] == count, key
        # NBR is rounded from another float type in each contender, so there a few always lie half way.
        assert abs(sums[key][1] - total) <= count * max(ties, 1e-3 if key.endswith("nbr") else 0.0), key


def test_catalogue_is_read_as_six_dates_a_month_without_offset(work):
    for period in MONTHS:
        found = search("sentinel2", work.area, period, catalogue=work.entry)
        assert len(found.scenes) == 6
        assert {scene.tile for scene in found.scenes} == {"53TKH"}
        assert {(a.scale, a.offset) for s in found.scenes for a in s.bands.values()} == {(1e-4, 0.0)}
        assert not any(scene.offset_present for scene in found.scenes)


def test_zone_catalogue_has_every_second_date_in_the_neighbouring_zone(catalogue, work):
    zone = Workload("zone", SIZE, catalogue, work.out, offset=OFFSET)
    found = [scene for period in MONTHS for scene in search("sentinel2", zone.area, period, catalogue=zone.entry)]
    assert [scene.bands["nir"].crs for scene in found] == ["EPSG:32653", "EPSG:32652"] * 6
    # The home tile's scenes are the same files.
    assert found[0].bands["nir"].href == work.items()[0]["assets"]["nir"]["href"]


def test_many_items_are_found_for_planning(catalogue, work):
    # In the middle of the tiles, which have their full size in this list.
    many = Workload("plan", SIZE, catalogue, work.out, offset=5000)
    assert habitat_contender.plan(many).tasks() == 1000
    assert len(search("sentinel2", many.area, Period("2023"), catalogue=many.entry)) == 1000


def test_files_are_cogs_as_wanted(work):
    with rasterio.open(work.items()[0]["assets"]["nir"]["href"]) as source:
        assert source.profile["compress"] == "deflate"
        assert source.profile["dtype"] == "uint16"
        assert source.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "2"
        assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


@pytest.mark.parametrize("name", ["stackstac", "stackstac-uint16", "odc-stac"])
def test_peers_answer_as_numpy_does(work, name):
    answer = peers.PEERS[name](work)
    assert answer.tasks() > 10
    assert answer.codes.shape == (2, 3, SIZE, SIZE)
    # stackstac's default scales to reflectance first, so that 1000.5 may come out as 1000.4999.
    assert_same(sums_of(answer, SIZE), plain_answer(work), ties=5e-3 if name == "stackstac" else 0.0)


def test_habitat_answers_as_numpy_does_written_or_not(work, catalogue):
    expected = plain_answer(work)
    assert_same(sums_of(habitat_contender.composite(work), SIZE), expected)
    written = habitat_contender.composite(Workload("write", SIZE, catalogue, work.out, offset=OFFSET))
    assert_same(sums_of(written, SIZE), expected)
    with rasterio.open(written.files[0]) as source:
        assert (source.count, source.nodata) == (3, NODATA)


def test_floor_decodes_each_block_of_the_area_once(work):
    with rasterio.open(work.items()[0]["assets"]["nir"]["href"]) as source:
        windows = list(peers._blocks(source, work))
    # The scene of 256 pixels is one block.
    assert [(w.col_off, w.row_off, w.width, w.height) for w in windows] == [(0, 0, 256, 256)]
    assert peers.floor(work).sums is None


def test_command_measures_and_prints_a_table(catalogue, repository):
    command = [sys.executable, "-m", "benchmarks.compositing", "--case", "off", "--size", "64"]
    command += ["--tile-size", "256", "--offset", "0", "--rounds", "1", "--contenders", "floor"]
    command += ["--work", str(catalogue.parent)]
    done = subprocess.run(command, cwd=repository, check=True, capture_output=True, text=True, timeout=120)
    rows = [line for line in done.stdout.splitlines() if line.startswith("| floor")]
    assert len(rows) == 1
    assert "failed" not in done.stdout
    runs = [json.loads(line) for line in (catalogue.parent / "runs.jsonl").read_text().splitlines()]
    assert [(run["contender"], run["round"]) for run in runs] == [("floor", 0)]
    assert all(run["wall"] > 0 and run["cpu"] > 0 and run["peak_mb"] >= 0 for run in runs)


def test_every_contender_is_found_by_its_name(work, catalogue):
    plan = Workload("plan", SIZE, catalogue, work.out)
    assert one_run.contender_of("habitat", work) is habitat_contender.composite
    assert one_run.contender_of("habitat", plan) is habitat_contender.plan
    assert one_run.contender_of("odc-stac", plan) is peers.plan_odc_stac
    assert [one_run.contender_of(name, work) for name in one_run.CONTENDERS[:-1]] == list(peers.PEERS.values())


def test_table_has_ratios_failures_and_differences():
    run = {"case": "off", "size": 64, "peak_mb": 7, "tasks": 0, "sums": None}
    runs = [
        run | {"contender": "floor", "wall": 2.0, "cpu": 4.0},
        run | {"contender": "odc-stac", "wall": 3.0, "cpu": 6.0, "tasks": 9, "sums": {"m/nir": [10, 1000]}},
        run | {"contender": "habitat", "wall": 5.0, "cpu": 5.0, "sums": {"m/nir": [10, 1001]}},
        run | {"contender": "habitat", "wall": 3.0, "cpu": 5.0, "sums": {"m/nir": [10, 1001]}},
        {"contender": "stackstac", "case": "off", "size": 64, "error": "out of memory"},
    ]
    rows = case_table("off", 64, runs).splitlines()[4:]
    assert rows == [
        "| floor | 2.00 (2.00–2.00) | 4.00 | 1.0 | 1.00 | 7 | – | – |",
        "| odc-stac | 3.00 (3.00–3.00) | 6.00 | 1.5 | 1.50 | 7 | 9 | same |",
        "| habitat | 4.00 (3.00–5.00) | 5.00 | 2.0 | 1.25 | 7 | – | sum off by 1e-03 |",
        "| stackstac | failed: out of memory | | | | | | |",
    ]


def test_report_goes_between_the_markers(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    write_report(page, "new\n")
    assert page.read_text(encoding="utf-8") == f"before\n{BEGIN}\n\nnew\n\n{END}\nafter\n"
    page.write_text("no markers", encoding="utf-8")
    with pytest.raises(SystemExit, match="has no lines"):
        write_report(page, "new\n")
