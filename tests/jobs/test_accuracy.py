"""Accuracy by files: draw from a map, label from a known truth, estimate; and what does not fit together."""

from __future__ import annotations

import csv
import io
import json
import shutil
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine

from habitat.contracts.errors import ConfigError, GridMismatch, InputError, PublishError
from habitat.contracts.estimate import Estimate
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.pixel_areas import pixel_areas
from habitat.jobs.accuracy import EstimateRequest, estimate_accuracy
from habitat.jobs.accuracy_design import DesignRequest, design_path, write_design

GRID = Grid("EPSG:32652", 20.0, (700_000.0, 4_800_000.0, 706_000.0, 4_804_000.0))
NODATA = 255
CLASSES = "1=forest,2=burnt,3=water"


def paint(path, codes, **profile):
    given = {
        "driver": "GTiff", "count": 1, "height": codes.shape[0], "width": codes.shape[1], "dtype": "uint8",
        "crs": GRID.crs, "transform": Affine(*GRID.transform[:6]), "nodata": NODATA,
    } | profile  # fmt: skip
    with rasterio.open(path, "w", **given) as image:
        image.write(codes.astype(given["dtype"]), 1)
    return path


@pytest.fixture(scope="module")
def truth():
    """Return 200 × 300 pixels of a forest with burnt spots; water is nowhere on the map."""
    rows, columns = np.indices(GRID.shape)
    made = np.where((rows // 23 + columns // 31) % 4 == 0, 2, 1).astype(np.uint8)
    made[:4, 200:] = 3
    return made


@pytest.fixture(scope="module")
def mapped(truth):
    """Return the map: truth with one pixel in twelve wrong, without data in the west."""
    rng = np.random.default_rng(11)
    made = np.where(truth == 3, 1, truth)
    wrong = rng.random(made.shape) < 1 / 12
    made = np.where(wrong, 3 - made, made).astype(np.uint8)
    made[:, :30] = NODATA
    return made


@pytest.fixture
def folder(tmp_path, mapped):
    paint(tmp_path / "map.tif", mapped, tiled=True, blockxsize=64, blockysize=64, compress="deflate")
    return tmp_path


def request(folder, output="samples.gpkg", **options):
    given = {"n": 600, "classes": CLASSES, "seed": 2} | options
    return DesignRequest(folder / "map.tif", folder / output, **given)


def labelled(folder, truth, output="samples.gpkg", blank=0):
    """Fill the column reference of a design's points from the truth."""
    path = folder / output
    samples = json.loads(design_path(path).read_text())["samples"]
    seen = {one[0]: str(truth.ravel()[one[1]]) for one in samples}
    for name in list(seen)[:blank]:
        seen[name] = ""
    if path.suffix == ".gpkg":
        table = gpd.read_file(path)
        table["reference"] = table["id"].map(seen)
        table.to_file(path, driver="GPKG")
    elif path.suffix == ".csv":
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        table["reference"] = table["id"].map(seen)
        table.to_csv(path, index=False)
    return path


def true_areas(truth, mapped):
    ground = pixel_areas(GRID, Tile(0, 0, *GRID.shape)) / 1e4
    return {name: ground[(truth == code) & (mapped != NODATA)].sum() for code, name in ((1, "forest"), (2, "burnt"), (3, "water"))}  # fmt: skip


def test_there_and_back_the_interval_holds_the_truth(folder, truth, mapped):
    design = write_design(request(folder))
    assert [one.name for one in design.design.strata] == ["forest", "burnt"]
    assert sum(one.n for one in design.design.strata) == 600
    assert [one.pixels for one in design.design.strata] == [(mapped == 1).sum(), (mapped == 2).sum()]
    points = gpd.read_file(folder / "samples.gpkg")
    assert list(points.columns) == ["id", "stratum", "map", "reference", "geometry"]
    assert set(points["map"]) == {"forest", "burnt"}
    assert points["reference"].fillna("").eq("").all()
    report = estimate_accuracy(EstimateRequest(labelled(folder, truth), folder / "map.tif"))
    for name, area in true_areas(truth, mapped).items():
        low, high = report.found.areas[name].interval
        assert low <= area <= high, name
    right = ((truth == mapped) & (mapped != NODATA)).sum() / (mapped != NODATA).sum()
    assert report.found.overall.interval[0] <= right <= report.found.overall.interval[1]
    assert report.found.users["water"] is None
    assert report.found.producers["water"].value == 0
    # Areas are those on the ground: at 131.5 degrees east a square on the map is 0.02 % smaller.
    total = sum(one.value for one in report.found.areas.values())
    assert total == pytest.approx(sum(true_areas(truth, mapped).values()), rel=1e-9)
    assert report.mapped["burnt"] == Estimate.counted(report.mapped["burnt"].value, "ha")
    assert (report.points, report.unlabelled, report.found.n) == (600, 0, 600)


def test_the_same_seed_gives_the_same_file_whatever_the_blocks(folder, mapped):
    write_design(request(folder))
    first = (folder / "samples.design.json").read_text()
    paint(folder / "map.tif", mapped)
    write_design(request(folder))
    assert (folder / "samples.design.json").read_text() == first
    write_design(request(folder, seed=3))
    assert (folder / "samples.design.json").read_text() != first


@pytest.mark.parametrize("output", ["samples.csv", "samples.kml", "samples.geojson"])
def test_other_files_hold_the_same_points(folder, output):
    write_design(request(folder))
    wanted = json.loads((folder / "samples.design.json").read_text())
    report = write_design(request(folder, output))
    assert json.loads(report.design_file.read_text()) == wanted
    assert report.output.stat().st_size > 10_000


def test_a_blind_table_and_blanks(folder, truth, mapped):
    write_design(request(folder, "blind.csv", blind=True))
    header = (folder / "blind.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    assert header == "id,reference,longitude,latitude"
    path = labelled(folder, truth, "blind.csv", blank=100)
    report = estimate_accuracy(EstimateRequest(path, folder / "map.tif"))
    assert (report.unlabelled, report.found.n) == (100, 500)
    low, high = report.found.areas["burnt"].interval
    assert low <= true_areas(truth, mapped)["burnt"] <= high
    assert "600 points of" in report.text()
    assert "100 without a label" in report.text()
    # Rows that were cut away are points without a label too; places are not needed.
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table[["id", "reference"]].iloc[100:].to_csv(path, index=False)
    again = estimate_accuracy(EstimateRequest(path, folder / "map.tif"))
    assert again.to_dict()["classes"] == report.to_dict()["classes"]
    assert again.unlabelled == 100


def test_reports(folder, truth):
    write_design(request(folder))
    path = labelled(folder, truth)
    report = estimate_accuracy(EstimateRequest(path, folder / "map.tif", output=folder / "report.json", level=0.9))
    data = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert data == json.loads(json.dumps(report.to_dict()))
    area = dict(data["classes"]["burnt"]["area"])
    assert area.pop("standard_error") == report.found.errors["areas"]["burnt"]
    assert Estimate.from_dict(area) == report.found.areas["burnt"]
    assert area["level"] == 0.9
    assert data["classes"]["burnt"]["mapped_area"]["estimator"] == "pixel count, unvalidated"
    assert data["classes"]["water"]["users_accuracy"] == {"value": None}
    assert np.sum(data["matrix"]["shares"]) == pytest.approx(1)
    assert data["software"]["habitat"]
    estimate_accuracy(EstimateRequest(path, folder / "map.tif", output=folder / "report.csv"))
    rows = list(csv.DictReader(io.StringIO((folder / "report.csv").read_text(encoding="utf-8"))))
    assert [row["class"] for row in rows] == ["forest", "burnt", "water", "(overall)"]
    assert float(rows[1]["area_ha"]) == report.found.areas["burnt"].value
    assert float(rows[3]["overall_accuracy_se"]) == report.found.errors["overall"]["overall"]
    assert rows[2]["users_accuracy"] == ""
    text = report.text()
    assert "area [ha]" in text
    assert f"overall accuracy {report.found.overall}" in text
    assert "mapped: pixel count, unvalidated" in text
    assert "water has no user's accuracy" in text


def test_strata_other_than_the_map(folder, truth, mapped):
    strata = paint(folder / "strata.tif", np.where(np.arange(300) < 150, 1, 2) * np.ones((200, 1)))
    report = write_design(request(folder, strata=strata, allocation="equal"))
    assert [(one.name, one.n, one.pixels) for one in report.design.strata] == [
        ("1", 300, 200 * 120), ("2", 300, 200 * 150)
    ]  # fmt: skip
    path = labelled(folder, truth)
    found = estimate_accuracy(EstimateRequest(path, folder / "map.tif"))
    same = estimate_accuracy(EstimateRequest(path, folder / "map.tif", strata=strata))
    assert (same.found.areas, same.found.users, same.found.overall) == (
        found.found.areas, found.found.users, found.found.overall
    )  # fmt: skip
    for name in ("forest", "burnt"):
        low, high = found.found.areas[name].interval
        assert low <= true_areas(truth, mapped)[name] <= high
    with pytest.raises(ConfigError, match=r"map.tif are not the strata of the design \(strata.tif\)"):
        estimate_accuracy(EstimateRequest(path, folder / "map.tif", strata=folder / "map.tif"))


def test_another_map_is_judged_with_the_same_sample(folder, truth, mapped):
    write_design(request(folder))
    path = labelled(folder, truth)
    better = paint(folder / "better.tif", np.where(mapped == NODATA, NODATA, np.where(truth == 3, 1, truth)))
    with pytest.raises(ConfigError, match=r"better.tif is not the map the sample was drawn from.*--strata map.tif"):
        estimate_accuracy(EstimateRequest(path, better))
    found = estimate_accuracy(EstimateRequest(path, better, strata=folder / "map.tif"))
    assert found.found.overall.value > 0.97
    assert any("better.tif is judged by a sample drawn from the strata map.tif" in note for note in found.found.notes)
    old = estimate_accuracy(EstimateRequest(path, folder / "map.tif"))
    # The reference is the same, so are the areas; only what is said about the map differs.
    assert found.found.areas == old.found.areas
    holes = paint(folder / "holes.tif", np.where(np.arange(300) < 100, NODATA, mapped))
    with pytest.raises(InputError, match="the map has no data at the points"):
        estimate_accuracy(EstimateRequest(path, holes, strata=folder / "map.tif"))


def test_a_simple_random_sample_sorted_afterwards(folder, truth, mapped):
    one = paint(folder / "one.tif", np.ones(GRID.shape))
    write_design(request(folder, strata=one, allocation="proportional"))
    path = labelled(folder, truth)
    plain = estimate_accuracy(EstimateRequest(path, folder / "map.tif"))
    sorted_ = estimate_accuracy(EstimateRequest(path, folder / "map.tif", poststratify=True))
    assert "post-stratified estimator" in str(sorted_.found.areas["burnt"])
    assert sorted_.found.errors["areas"]["burnt"] < 0.8 * plain.found.errors["areas"]["burnt"]
    low, high = sorted_.found.areas["burnt"].interval
    assert low <= true_areas(truth, mapped)["burnt"] <= high
    write_design(request(folder))
    with pytest.raises(ConfigError, match="drawn from 2 strata; only a simple random one"):
        estimate_accuracy(EstimateRequest(labelled(folder, truth), folder / "map.tif", poststratify=True))


def test_sizes_by_precision(folder):
    report = write_design(
        request(folder, n=None, target_se=0.02, expected_accuracy="burnt=0.6,0.9", allocation="neyman", minimum=2)
    )
    assert report.expected_se == pytest.approx(0.02, rel=0.01)
    assert report.notes == ()
    assert "standard error to expect of the overall accuracy: 0.0" in report.text()
    other = write_design(request(folder, n=None, target_se=0.02, expected_accuracy="0.9", allocation="equal"))
    assert any("suffice only with the allocation neyman" in note for note in other.notes) == (
        other.expected_se > 0.0201
    )
    assert other.to_dict()["n"] == len(other.design.samples)
    assert "samples" not in other.to_dict()["design"]


def test_a_rare_stratum_is_taken_whole(folder, mapped, truth):
    rare = mapped.copy()
    rare[100, 100:103] = 3
    paint(folder / "map.tif", rare)
    report = write_design(request(folder))
    assert report.design.strata[2].n == 3
    assert "all 3 pixels of water are in the sample" in report.text()
    found = estimate_accuracy(EstimateRequest(labelled(folder, truth), folder / "map.tif"))
    assert found.found.users["water"].value == 0
    assert any("water (3)" in note for note in found.found.notes)


def test_labels_without_a_design(folder, truth, mapped):
    write_design(request(folder))
    path = labelled(folder, truth)
    told = estimate_accuracy(EstimateRequest(path, folder / "map.tif"))
    own = shutil.copy(path, folder / "own.gpkg")
    found = estimate_accuracy(EstimateRequest(folder / "own.gpkg", folder / "map.tif", classes=CLASSES))
    for name, one in told.found.areas.items():
        assert found.found.areas[name].value == pytest.approx(one.value, rel=1e-9)
        assert found.found.areas[name].interval == pytest.approx(one.interval, rel=1e-9)
    assert any("no design" in note for note in found.found.notes)
    table = gpd.read_file(own)
    pd.DataFrame(table.drop(columns=["geometry", "stratum"])).to_csv(folder / "bare.csv", index=False)
    bare = estimate_accuracy(EstimateRequest(folder / "bare.csv", folder / "map.tif", classes=CLASSES))
    assert bare.found.areas["burnt"].value == pytest.approx(told.found.areas["burnt"].value, rel=1e-5)
    pd.DataFrame(table[["id", "reference"]]).to_csv(folder / "barer.csv", index=False)
    with pytest.raises(InputError, match="neither places nor the column map nor a design"):
        estimate_accuracy(EstimateRequest(folder / "barer.csv", folder / "map.tif", classes=CLASSES))
    spelled = pd.DataFrame({"id": ["1"], "reference": ["burnt"], "map": ["2"]})
    spelled.to_csv(folder / "spelled.csv", index=False)
    with pytest.raises(
        InputError, match=r"classes in reference that are unknown: 'burnt'.*wants one of 1, 2, or nothing"
    ):
        estimate_accuracy(EstimateRequest(folder / "spelled.csv", folder / "map.tif"))
    rows = [{"id": k, "reference": k % 2 + 1, "map": k // 2 % 2 + 1} for k in range(40)]
    pd.DataFrame(rows).to_csv(folder / "codes.csv", index=False)
    codes = estimate_accuracy(EstimateRequest(folder / "codes.csv", folder / "map.tif"))
    assert codes.found.overall.value == pytest.approx(0.5)
    pd.DataFrame(rows).assign(stratum="7").to_csv(folder / "codes.csv", index=False)
    with pytest.raises(InputError, match="name the strata 7; there are 1, 2"):
        estimate_accuracy(EstimateRequest(folder / "codes.csv", folder / "map.tif"))
    table["map"] = "burnt"
    table.to_file(folder / "other.gpkg", driver="GPKG")
    with pytest.raises(InputError, match=r"the column map of the points .* is not what the raster says there"):
        estimate_accuracy(EstimateRequest(folder / "other.gpkg", folder / "map.tif", classes=CLASSES))


def test_strata_are_merged_on_request(folder, truth):
    write_design(request(folder))
    path = labelled(folder, truth)
    table = gpd.read_file(path)
    burnt = table.index[table["stratum"] == "burnt"]
    table.loc[burnt[1:], "reference"] = ""
    table.to_file(path, driver="GPKG")
    with pytest.raises(InputError, match="strata burnt have one labelled sample"):
        estimate_accuracy(EstimateRequest(path, folder / "map.tif"))
    table.loc[burnt, "reference"] = ""
    table.to_file(path, driver="GPKG")
    asked = EstimateRequest(path, folder / "map.tif")
    with pytest.raises(InputError, match="strata burnt have no labelled sample"):
        estimate_accuracy(asked)
    report = estimate_accuracy(replace(asked, merge=("burnt=forest",)))
    assert "stratum burnt is merged into forest" in report.found.notes
    with pytest.raises(ConfigError, match="wants the form rare=common"):
        estimate_accuracy(replace(asked, merge=("burnt",)))


def test_points_that_were_tampered_with_are_told(folder, truth):
    write_design(request(folder))
    path = labelled(folder, truth)
    table = gpd.read_file(path)
    moved = table.copy()
    moved.loc[4, "geometry"] = moved.geometry.translate(xoff=25).iloc[4]
    moved.to_file(path, driver="GPKG")
    with pytest.raises(InputError, match=r"points 5 have been moved off their pixels"):
        estimate_accuracy(EstimateRequest(path, folder / "map.tif"))
    changed = table.copy()
    changed.loc[2, "stratum"] = "forest" if changed.loc[2, "stratum"] == "burnt" else "burnt"
    changed.to_file(path, driver="GPKG")
    with pytest.raises(InputError, match="points 3 say another stratum"):
        estimate_accuracy(EstimateRequest(path, folder / "map.tif"))
    strange = table.copy()
    strange.loc[0, "id"] = "9999"
    strange.to_file(path, driver="GPKG")
    with pytest.raises(InputError, match="ids 9999 are not of the design"):
        estimate_accuracy(EstimateRequest(path, folder / "map.tif"))
    wrong = table.copy()
    wrong.loc[0, "reference"] = "birnt"
    wrong.to_file(path, driver="GPKG")
    with pytest.raises(InputError, match=r"'birnt' \(point 1; burnt\?\)"):
        estimate_accuracy(EstimateRequest(path, folder / "map.tif"))


def test_designs_that_cannot_be_drawn(folder, mapped):
    for options, text in (
        ({"n": None}, "one of the two"),
        ({"target_se": 0.01}, "one of the two"),
        ({"output": "a.shp"}, r"ends in '.shp'"),
        ({"output": "none/a.csv"}, "there is no folder"),
        ({"n": 60_000}, "the map has 54000 pixels"),
        ({"n": 60}, "want 100"),
        ({"n": None, "target_se": 0.01}, "the accuracy of forest, burnt is wanted too"),
        ({"allocation": "neyman", "expected_accuracy": "burnt=0.9"}, "the accuracy of forest is wanted too"),
        ({"expected_accuracy": "lake=0.9,0.8"}, "name lake; the strata are forest, burnt"),
        ({"expected_accuracy": "burnt=high"}, "wants class=0.9"),
        ({"classes": "forest=1"}, "is no code=name"),
        ({"classes": "1=a,1=b"}, "stands there twice"),
        ({"classes": "1=a,2=A"}, "two classes have one name"),
        ({"seed": -1}, "seed is -1"),
    ):
        with pytest.raises(ConfigError, match=text):
            write_design(request(folder, **({"output": "a.csv"} | options)))
    smaller = paint(folder / "strata.tif", mapped[:100])
    with pytest.raises(GridMismatch, match="warp the strata to the map"):
        write_design(request(folder, strata=smaller))
    assert sorted(path.name for path in folder.iterdir()) == ["map.tif", "strata.tif"]


def test_estimates_that_do_not_fit_together(folder, truth, mapped):
    write_design(request(folder))
    path = labelled(folder, truth)
    asked = EstimateRequest(path, folder / "map.tif")
    for options, error, text in (
        ({"output": folder / "a.txt"}, ConfigError, "wants .json or .csv"),
        ({"output": folder / "none" / "a.csv"}, PublishError, "cannot write"),
        ({"design": folder / "none.json"}, ConfigError, "there is no design"),
        ({"design": path}, InputError, "cannot be read as a design"),
        ({"classes": "1=a"}, ConfigError, "leave --classes out"),
        ({"level": 95.0}, ConfigError, "level is 95"),
        ({"interval": "bayes"}, ConfigError, "no interval 'bayes'"),
    ):
        with pytest.raises(error, match=text):
            estimate_accuracy(replace(asked, **options))
    other = paint(folder / "other.tif", mapped[:100])
    with pytest.raises(InputError, match="lie outside the map"):
        estimate_accuracy(replace(asked, map=other))
    bare = pd.DataFrame(gpd.read_file(path)[["id", "reference"]])
    bare.to_csv(path.with_suffix(".csv"), index=False)
    with pytest.raises(ConfigError, match="on another grid than the design"):
        estimate_accuracy(EstimateRequest(path.with_suffix(".csv"), other))
