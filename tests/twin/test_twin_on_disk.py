"""A twin on disk: the same bytes for the same seed, refusals before anything is written, scenes the parsers take."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.windows import from_bounds

from habitat import twin
from habitat.contracts import Period
from habitat.contracts.errors import ConfigError
from habitat.sources import search
from habitat.twin import NO_SWIR, Quirks, TwinCatalogue
from habitat.twin.documents.names import SENTINEL2_FILES
from habitat.twin.world import SIZES, world_of

NEWEST = "S2C_52TGP_20250518_1_L2A"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> TwinCatalogue:
    return twin.make(tmp_path_factory.mktemp("twin") / "tiny", workers=1)


@pytest.fixture(scope="module")
def quirky(tmp_path_factory) -> TwinCatalogue:
    return twin.make(
        tmp_path_factory.mktemp("twin") / "quirky",
        quirks=Quirks(
            keep_offset=("2025-05-03", "2025-05-28"),
            lying_flags=("2025-05-28", "2024-05-23"),
            other_zone=("2024-05-03",),
            all_cloud=("2025-05-13",),
            without_assets=(("2025-05-18", "scl"), ("2024-05-23", "red"), *NO_SWIR),
            lost_files=(("2024-05-08", "nir"),),
        ),
    )


def items(catalogue: TwinCatalogue) -> dict[str, dict]:
    paths = sorted((catalogue.root / "earth-search" / "sentinel-2-l2a").glob("*/*.json"))
    return {path.stem: json.loads(path.read_text()) for path in paths}


def read(catalogue: TwinCatalogue, item: str, asset: str, *, inside: bool = False) -> np.ndarray:
    path = catalogue.root / "scenes" / "earth-search" / item / f"{SENTINEL2_FILES[asset]}.tif"
    with rasterio.open(path) as source:
        window = from_bounds(*catalogue.area.grid.bounds, source.transform) if inside else None
        return source.read(1, window=window)


def truth(catalogue: TwinCatalogue, name: str, band: int = 1) -> np.ndarray:
    with rasterio.open(catalogue.truth / name) as source:
        assert source.bounds == catalogue.area.grid.bounds
        return source.read(band)


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_same_seed_same_bytes_whatever_the_workers(tiny, tmp_path):
    again = twin.make(tmp_path / "again", size="tiny", seed=1, workers=3)
    assert digests(again.root) == digests(tiny.root)
    assert again.facts == tiny.facts


def test_other_seed_is_another_landscape_seen_on_the_same_days(tiny, tmp_path):
    other = twin.make(tmp_path / "other", seed=2)
    assert other.facts["cover_ha"] != tiny.facts["cover_ha"]
    mays = [{name for name in items(one) if name[14:16] == "05"} for one in (tiny, other)]
    assert mays[0] == mays[1]
    assert len(mays[0]) == 9


def test_tiny_stays_tiny(tiny):
    assert sum(path.stat().st_size for path in tiny.root.rglob("*") if path.is_file()) <= 2_000_000


def test_a_search_finds_the_month_in_every_catalogue(tiny):
    may = Period("2025-05")
    found = search("sentinel2", tiny.area, may, catalogue=tiny.catalog, max_cloud_cover=100)
    days = [scene.datetime.date().day for scene in found.scenes]
    assert days == [3, 8, 13, 18, 28]
    assert {scene.offset_present for scene in found.scenes} == {False}
    assert NEWEST in {scene.id for scene in found.scenes}
    raw = search("sentinel2", tiny.area, may, catalogue=tiny.planetary_computer, max_cloud_cover=100)
    assert [(scene.datetime.date().day, scene.offset_present) for scene in raw.scenes] == [(28, True)]
    platforms = {}
    for catalogue in (tiny.catalog, tiny.planetary_computer, tiny.usgs):
        landsat = search("landsat", tiny.area, may, catalogue=catalogue, max_cloud_cover=100)
        platforms[catalogue.stem] = [scene.platform for scene in landsat.scenes]
    assert platforms == {key: ["landsat-8"] for key in ("catalog", "planetary-computer", "usgs")}


def test_both_offset_conventions_give_one_reflectance(tiny):
    raw = next((tiny.root / "scenes" / "planetary-computer").glob("*"))
    for key in ("red", "nir", "swir22"):
        with rasterio.open(raw / f"{SENTINEL2_FILES[key]}.tif") as source:
            kept = source.read(1).astype(int)
        removed = read(tiny, "S2C_52TGP_20250528_0_L2A", key).astype(int)
        difference = kept - removed
        # Only where removing the offset would go below the darkest valid number do the two part.
        assert np.median(difference) == 1000
        assert np.mean(difference == 1000) > 0.95


def test_mask_and_metadata_agree_with_the_files(tiny):
    for name, item in items(tiny).items():
        scl = read(tiny, name, "scl")
        cloudy = 100 * np.isin(scl[scl > 0], (8, 9, 10)).mean()
        assert item["properties"]["eo:cloud_cover"] == pytest.approx(cloudy, abs=1e-4)
        assert set(np.unique(scl)) <= set(range(12))
        for key, asset in item["assets"].items():
            path = tiny.root / "earth-search" / "sentinel-2-l2a" / name / asset["href"]
            with rasterio.open(path) as source:
                assert list(source.shape) == asset["proj:shape"]
                assert list(source.transform)[:6] == asset["proj:transform"]
                assert source.crs.to_epsg() == item["properties"]["proj:epsg"] == 32652
                assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG", key


def test_the_fire_shows_in_the_scenes_and_greens_over(tiny):
    burnt = truth(tiny, "fires/2025_spring.tif") >= 114
    assert burnt.sum() * 0.04 == pytest.approx(tiny.facts["story_fire"]["inside_area_ha"], rel=0.2)
    nbr = {}
    for name in ("S2A_52TGP_20240503_0_L2A", "S2B_52TGP_20250503_0_L2A", "S2C_52TGP_20250528_0_L2A"):
        nir, swir = (read(tiny, name, key, inside=True).astype(float) for key in ("nir08", "swir22"))
        air = tiny.truth / "scenes" / f"{name}.tif"
        with rasterio.open(air) as source:
            opaque = source.read((1, 2), window=from_bounds(*tiny.area.grid.bounds, source.transform)).max(axis=0)
        nbr[name] = np.where(opaque < 10, (nir - swir) / (nir + swir), np.nan)
    before, after, later = nbr.values()
    fresh = np.nanmedian((before - after)[burnt]) - np.nanmedian((before - after)[~burnt])
    faded = np.nanmedian((before - later)[burnt]) - np.nanmedian((before - later)[~burnt])
    assert fresh > 0.1
    assert faded < fresh


def test_air_of_a_scene_explains_its_bright_pixels(tiny):
    name = "S2C_52TGP_20250508_0_L2A"
    with rasterio.open(tiny.truth / "scenes" / f"{name}.tif") as source:
        assert source.descriptions == ("cloud", "shadow", "cirrus", "haze", "snow")
        cloud = source.read(1)
    assert (cloud >= 50).mean() > 0.6
    red = read(tiny, name, "red").reshape(cloud.shape[0], 2, cloud.shape[1], 2).mean(axis=(1, 3))
    assert np.median(red[cloud >= 80]) > 3 * np.median(red[cloud < 10])


def test_reflectance_without_air_is_what_clear_scenes_show(tiny):
    with rasterio.open(tiny.truth / "reflectance" / "2025-05.tif") as source:
        names = source.descriptions
        known = {name: source.read(band) * 0.0001 for band, name in enumerate(names, 1)}
    assert names[:4] == ("blue", "green", "red", "rededge1")
    scene = "S2C_52TGP_20250518_1_L2A"
    with rasterio.open(tiny.truth / "scenes" / f"{scene}.tif") as source:
        air = source.read((1, 2, 3, 4), window=from_bounds(*tiny.area.grid.bounds, source.transform)).max(axis=0)
    seen = read(tiny, scene, "swir22", inside=True) * 0.0001
    clear = air < 3
    assert clear.mean() > 0.5
    assert np.median(np.abs(seen - known["swir2"])[clear]) < 0.02


def test_facts_count_the_truth(tiny):
    facts = tiny.facts
    # 44 pixels of 20 m a side: 0.88 km, 77.44 ha.
    assert facts["area"]["hectares"] == pytest.approx(77.44)
    assert sum(facts["cover_ha"].values()) == pytest.approx(77.44)
    cover = truth(tiny, "land/cover.tif")
    assert facts["cover_ha"]["oak"] == pytest.approx((cover == 3).sum() * 0.04)
    assert facts["story_fire"]["start"].startswith("2025-04-24")
    lines = tiny.describe().splitlines()
    assert lines[0].startswith("made-up landscape, size tiny, seed 1: 44 x 44 pixels of 20 m")
    assert sum("S2" in line for line in lines) == len(items(tiny)) + 1


def test_tables_and_vectors_are_published(tiny):
    held = {path.relative_to(tiny.root).as_posix() for path in tiny.root.rglob("*") if path.is_file()}
    assert {
        "weather/daily.nc",
        "weather/hourly.nc",
        "weather/stations.csv",
        "climate/normals_1991-2020.nc",
        "climate/made-a_ssp245_2041-2060.nc",
        "hotspots/viirs.csv",
        "elevation/dem.tif",
        "vectors/roads.geojson",
        "vectors/fence.geojson",
        "vectors/gates.geojson",
        "area.yaml",
    } <= held


def test_a_folder_that_is_not_empty_is_refused_and_left_alone(tiny, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="is not empty; name a new folder or empty this one"):
        twin.make(tmp_path)
    with pytest.raises(ConfigError, match="is a file"):
        twin.make(tmp_path / "notes.txt")
    with pytest.raises(ConfigError, match="holds a twin already"):
        twin.make(tiny.root)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_full_disk_is_noticed_before_anything_is_written(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("habitat.twin.catalogue.shutil.disk_usage", lambda path: usage(10**12, 10**12, 10**8))
    with pytest.raises(ConfigError, match=r"has 100 MB free, a twin of size demo may need [\d,]+ MB; free space"):
        twin.make(tmp_path / "twin", size="demo")
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "twin").mkdir()
    with monkeypatch.context() as patched:
        patched.setattr("habitat.twin.catalogue.write_truth", full)
        with pytest.raises(ConfigError, match="No space left"):
            twin.make(tmp_path / "twin")
    assert [path.name for path in tmp_path.rglob("*")] == ["twin"]
    assert twin.make(tmp_path / "twin").catalog.is_file()


@pytest.mark.parametrize("seed", [-1, 1.5, True, "1", None])
def test_odd_seeds_are_refused(tmp_path, seed):
    with pytest.raises(ConfigError, match=r"seed is .*, wants a whole number from 0 on"):
        twin.make(tmp_path / "x", seed=seed)
    assert not (tmp_path / "x").exists()


def test_odd_sizes_and_quirks_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="there is no size 'huge'; sizes are tiny, series, demo, full"):
        twin.make(tmp_path / "x", size="huge")
    with pytest.raises(ConfigError, match="keep_offset names '2023-05'"):
        twin.make(tmp_path / "x", quirks=Quirks(keep_offset=("2023-05",)))
    # The tiny twin leaves this date out.
    with pytest.raises(ConfigError, match="begins none of the dates"):
        twin.make(tmp_path / "x", quirks=Quirks(without_assets=(("2024-05-13", "scl"),)))
    assert not (tmp_path / "x").exists()


def test_a_twin_is_found_again_without_its_truth_but_not_damaged(tiny, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(tiny.root, copy)
    assert twin.find(copy) == replace(tiny, root=copy)
    assert twin.find_or_make(copy, size="tiny") == replace(tiny, root=copy)
    shutil.rmtree(copy / "truth")
    assert twin.find(copy).facts == tiny.facts
    with pytest.raises(ConfigError, match="another twin: seed 1 instead of 7"):
        twin.find_or_make(copy, size="tiny", seed=7)
    (copy / "scenes" / "earth-search" / NEWEST / "B04.tif").unlink()
    with pytest.raises(ConfigError, match=r"damaged, e.g. .*B04.tif"):
        twin.find(copy)
    (copy / "twin.json").write_text("{}")
    with pytest.raises(ConfigError, match="not a twin's marker"):
        twin.find(copy)
    with pytest.raises(ConfigError, match="holds no finished twin; make one with: habitat twin make --output"):
        twin.find(tmp_path)


def test_two_makers_of_one_twin_do_not_fight(tiny, tmp_path, monkeypatch):
    root = tmp_path / "twin"
    monkeypatch.setattr("habitat.twin.catalogue.write_truth", lambda *_: shutil.copytree(tiny.root, root))
    assert twin.find_or_make(root, size="tiny").facts == tiny.facts
    assert digests(root) == digests(tiny.root)
    assert [path.name for path in tmp_path.iterdir()] == ["twin"]


def test_offset_quirks(tiny, quirky):
    applied = {name: item["properties"]["earthsearch:boa_offset_applied"] for name, item in items(quirky).items()}
    for name, offset, flag in (
        ("S2B_52TGP_20250503_0_L2A", 1000, False),
        ("S2C_52TGP_20250528_0_L2A", 1000, True),
        ("S2A_52TGP_20240523_0_L2A", 0, False),
        ("S2B_52TGP_20240508_0_L2A", 0, True),
    ):
        key = "green"
        difference = read(quirky, name, key).astype(int) - read(tiny, name, key)
        assert np.median(difference) == offset, name
        assert applied[name] is flag, name


def test_missing_assets_and_files(quirky):
    for name, item in items(quirky).items():
        assert not {"swir16", "swir22"} & set(item["assets"])
        assert ("scl" in item["assets"]) == ("20250518" not in name)
        assert ("red" in item["assets"]) == ("20240523" not in name)
        folder = quirky.root / "earth-search" / "sentinel-2-l2a" / name
        gone = [key for key, asset in item["assets"].items() if not (folder / asset["href"]).exists()]
        assert gone == (["nir"] if "20240508" in name else [])


def test_all_cloud(quirky):
    with rasterio.open(quirky.truth / "scenes" / "S2B_52TGP_20250513_0_L2A.tif") as source:
        assert source.read(1).min() >= 50
    assert items(quirky)["S2B_52TGP_20250513_0_L2A"]["properties"]["eo:cloud_cover"] > 90


def test_scene_in_the_next_zone_shows_the_same_ground(tiny, quirky):
    item = items(quirky)["S2A_53TKJ_20240503_0_L2A"]
    assert item["properties"]["proj:epsg"] == 32653
    here = tiny.root / "scenes" / "earth-search" / "S2A_52TGP_20240503_0_L2A" / "B08.tif"
    there = quirky.root / "scenes" / "earth-search" / "S2A_53TKJ_20240503_0_L2A" / "B08.tif"
    with rasterio.open(here) as own, rasterio.open(there) as turned:
        assert turned.crs.to_epsg() == 32653
        assert [value % 20 for value in turned.bounds] == [0, 0, 0, 0]
        rng = np.random.default_rng(1)
        west, south, east, north = tiny.area.grid.bounds
        x, y = rng.uniform(west, east, 400), rng.uniform(south, north, 400)
        moved = Transformer.from_crs(32652, 32653, always_xy=True).transform(x, y)
        a = np.array([value[0] for value in own.sample(zip(x, y, strict=True))], float)
        b = np.array([value[0] for value in turned.sample(zip(*moved, strict=True))], float)
        assert (b > 0).all()
        shifted = np.array([value[0] for value in own.sample(zip(x + 40, y, strict=True))], float)
        assert np.corrcoef(a, b)[0, 1] > max(0.85, np.corrcoef(shifted, b)[0, 1] + 0.05)
        # The turned scene has empty corners.
        assert 0.01 < (turned.read(1) == 0).mean() < 0.3


def test_area_is_shared_by_two_countries():
    for size in ("tiny", "demo"):
        extent = SIZES[size]
        area = twin.area(size)
        told = twin.area_mapping(size)
        assert list(area.grid.bounds) == told["grid"]["bounds"]
        assert area.grid.shape == (extent.area_pixels,) * 2
        assert [value % 20 for value in area.grid.bounds] == [0, 0, 0, 0]
        west, east = (zone.polygon for zone in area.zones)
        assert west.union(east).symmetric_difference(area.polygon).area < 1e-3 * area.polygon.area
        assert west.intersection(east).area < 1e-3 * area.polygon.area


def test_worlds_fill_whole_pixels_of_60_m_on_both_sides_of_the_zone_line():
    for size in SIZES:
        world = world_of(size, 1)
        assert world.pixels % 6 == 0
        assert (world.west % 60, world.north % 60) == (0, 0)
        edges = Transformer.from_crs(32652, 4326, always_xy=True).transform(
            [world.west, world.west + world.width_m], [world.north - world.width_m / 2] * 2
        )[0]
        assert edges[0] < 132 < edges[1]


@pytest.mark.slow
def test_demo_keeps_its_budget_of_disk(tmp_path):
    made = twin.make(tmp_path / "demo", size="demo")
    total = sum(path.stat().st_size for path in made.root.rglob("*") if path.is_file())
    assert total <= 1_000_000_000
    with rasterio.open(made.root / "scenes" / "earth-search" / NEWEST / "B04.tif") as source:
        assert source.block_shapes == [(1024, 1024)]
        assert source.overviews(1) == [2]
    assert made.facts["story_fire"]["area_ha"] > 500
