"""A twin on disk: documents and files as Earth Search has them, truth beside them, quirks one by one."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pyproj import Transformer
from rasterio.windows import from_bounds
from shapely.geometry import shape

from habitat import twin
from habitat.contracts.errors import ConfigError
from habitat.twin import NO_SWIR, Quirks, TwinCatalogue
from habitat.twin.items import COLLECTION, FILES
from habitat.twin.plan import ALWAYS, PASSES, SIZES, is_superseded

REAL_ITEM = (
    "imagery/s2-l2a-33twm-slovenia/sentinel-2-l2a/S2A_33TWM_20230815_0_L2A/original-S2A_33TWM_20230815_0_L2A.json"
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TwinCatalogue:
    return twin.make(tmp_path_factory.mktemp("twin") / "tiny")


def items(catalogue: TwinCatalogue) -> dict[str, dict]:
    found = {}
    for path in sorted((catalogue.root / COLLECTION).glob("*/*.json")):
        item = json.loads(path.read_text())
        assert item["id"] == path.stem == path.parent.name
        found[item["id"]] = item
    return found


def read(catalogue: TwinCatalogue, item: str, asset: str) -> np.ndarray:
    with rasterio.open(catalogue.root / COLLECTION / item / f"{FILES[asset][0]}.tif") as source:
        return source.read(1)


def inside_area(catalogue: TwinCatalogue, item: str, asset: str) -> np.ndarray:
    with rasterio.open(catalogue.root / COLLECTION / item / f"{FILES[asset][0]}.tif") as source:
        return source.read(1, window=from_bounds(*catalogue.area.grid.bounds, source.transform))


def digests(root: Path) -> dict[str, str]:
    return {
        path.relative_to(root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


def test_links_lead_to_everything(tiny: TwinCatalogue) -> None:
    root = json.loads(tiny.catalog.read_text())
    child = next(link["href"] for link in root["links"] if link["rel"] == "child")
    collection_path = tiny.root / child
    collection = json.loads(collection_path.read_text())
    linked = [link["href"] for link in collection["links"] if link["rel"] == "item"]
    assert len(linked) == 11
    for href in linked:
        item_path = collection_path.parent / href
        item = json.loads(item_path.read_text())
        for link in item["links"]:
            assert (item_path.parent / link["href"]).resolve().is_file(), link
        for asset in item["assets"].values():
            assert asset["href"].startswith("./")
            assert (item_path.parent / asset["href"]).is_file()
    times = sorted(item["properties"]["datetime"] for item in items(tiny).values())
    assert collection["extent"]["temporal"]["interval"] == [[times[0], times[-1]]]


def test_items_have_the_shape_of_earth_search(tiny: TwinCatalogue, shared: Path) -> None:
    real = json.loads((shared / REAL_ITEM).read_text())
    extra = {"s2:granule_id"}
    for item in items(tiny).values():
        assert set(item) <= set(real) | {"bbox"}
        assert set(item["properties"]) - extra <= set(real["properties"])
        for key, asset in item["assets"].items():
            told = real["assets"][key]
            assert set(asset) <= set(told)
            assert (asset["type"], asset["title"], asset.get("gsd")) == (told["type"], told["title"], told.get("gsd"))
            assert asset.get("eo:bands") == told.get("eo:bands")
            # The trap of Earth Search is kept: offset -0.1 is said although it has been applied.
            for name in ("nodata", "data_type", "scale", "offset", "bits_per_sample"):
                assert asset["raster:bands"][0].get(name) == told["raster:bands"][0].get(name), (key, name)
        assert item["properties"]["earthsearch:boa_offset_applied"] is True


def test_metadata_agree_with_the_files(tiny: TwinCatalogue) -> None:
    for name, item in items(tiny).items():
        for key, asset in item["assets"].items():
            with rasterio.open(tiny.root / COLLECTION / name / asset["href"]) as source:
                assert list(source.shape) == asset["proj:shape"]
                assert list(source.transform)[:6] == asset["proj:transform"]
                assert source.crs.to_epsg() == item["properties"]["proj:epsg"] == 32652
                assert source.nodata == 0
                assert source.dtypes == ("uint8" if key == "scl" else "uint16",)
                assert source.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
                assert source.tags(ns="IMAGE_STRUCTURE")["PREDICTOR"] == "2"
                assert source.compression.name == "deflate"
        scl = read(tiny, name, "scl")
        seen = scl[scl > 0]
        cloudy = 100 * np.isin(seen, (8, 9, 10)).mean()
        assert item["properties"]["eo:cloud_cover"] == pytest.approx(cloudy, abs=1e-5)
        assert item["properties"]["s2:nodata_pixel_percentage"] == pytest.approx(100 * (scl == 0).mean(), abs=1e-5)
        assert set(np.unique(scl)) <= set(range(12))


def test_identifiers_and_dates(tiny: TwinCatalogue) -> None:
    item = items(tiny)["S2B_52TFN_20250517_1_L2A"]["properties"]
    assert item["datetime"] == "2025-05-17T02:16:38.233Z"
    assert item["s2:product_uri"].startswith("S2B_MSIL2A_20250517T021638_N0511_R060_T52TFN_")
    assert item["grid:code"] == "MGRS-52TFN"
    assert item["platform"] == "sentinel-2b"
    assert {entry["properties"]["platform"] for entry in items(tiny).values()} == {
        "sentinel-2a", "sentinel-2b", "sentinel-2c",
    }  # fmt: skip


def test_acquisition_processed_twice_differs_a_little(tiny: TwinCatalogue) -> None:
    older, newer = (items(tiny)[f"S2B_52TFN_20250517_{number}_L2A"]["properties"] for number in (0, 1))
    assert older["datetime"] == newer["datetime"]
    assert (older["s2:processing_baseline"], newer["s2:processing_baseline"]) == ("05.10", "05.11")
    assert older["created"] < newer["created"]
    a, b = (read(tiny, f"S2B_52TFN_20250517_{number}_L2A", "nir").astype(float) for number in (0, 1))
    # The older processing is 1.2 % brighter.
    assert np.median(a / b) == pytest.approx(1.012, abs=0.002)
    flags = {scene["id"]: scene["superseded"] for scene in tiny.facts["scenes"]}
    assert [name for name, superseded in flags.items() if superseded] == ["S2B_52TFN_20250517_0_L2A"]


def test_pixels_look_like_may(tiny: TwinCatalogue) -> None:
    with rasterio.open(tiny.truth / "classes.tif") as source:
        classes = source.read(1)
    clear = np.isin(inside_area(tiny, "S2B_52TFN_20250527_0_L2A", "scl"), (4, 5))
    red, nir = (
        inside_area(tiny, "S2B_52TFN_20250527_0_L2A", key).reshape(64, 2, 64, 2).mean((1, 3)) for key in ("red", "nir")
    )
    with rasterio.open(tiny.truth / "burn_mask.tif") as source:
        burnt = source.read(1) == 1
    forest = (classes == 2) & clear & ~burnt
    ndvi = (nir - red) / (nir + red)
    assert 0.75 < np.median(ndvi[forest]) < 0.92
    assert 150 < np.median(red[forest]) < 400
    cloud = inside_area(tiny, "S2B_52TFN_20250507_0_L2A", "scl") == 9
    assert cloud.mean() > 0.6
    assert np.median(inside_area(tiny, "S2B_52TFN_20250507_0_L2A", "swir22")[cloud]) > 2500
    water = inside_area(tiny, "S2B_52TFN_20250527_0_L2A", "scl") == 6
    assert np.percentile(inside_area(tiny, "S2B_52TFN_20250527_0_L2A", "swir22")[water], 1) < 100


def test_partial_swath_is_empty_in_every_band_alike(tiny: TwinCatalogue) -> None:
    name = "S2A_52TFN_20240519_0_L2A"
    empty = read(tiny, name, "scl") == 0
    assert empty.mean() == pytest.approx(0.38, abs=0.03)
    for key in ("blue", "nir", "swir22"):
        values = read(tiny, name, key)
        here = empty if values.shape == empty.shape else np.kron(empty, np.ones((2, 2), bool))
        assert np.array_equal(values == 0, here)
    outline = shape(items(tiny)[name]["geometry"])
    whole = shape(items(tiny)["S2B_52TFN_20250527_0_L2A"]["geometry"])
    assert outline.area / whole.area == pytest.approx(0.62, abs=0.01)


def test_burn_shows_in_the_catalogue(tiny: TwinCatalogue) -> None:
    with rasterio.open(tiny.truth / "burn_mask.tif") as source:
        burnt = source.read(1) == 1
        assert source.bounds == tiny.area.grid.bounds
        assert source.crs.to_epsg() == 32652
    nbr = {}
    for day, name in (("2024", "S2B_52TFN_20240522_0_L2A"), ("2025", "S2B_52TFN_20250517_1_L2A")):
        nir, swir = (inside_area(tiny, name, key).astype(float) for key in ("nir08", "swir22"))
        clear = np.isin(inside_area(tiny, name, "scl"), (2, 4, 5))
        nbr[day] = np.where(clear, (nir - swir) / (nir + swir), np.nan)
    drop = nbr["2024"] - nbr["2025"]
    assert np.nanmedian(drop[burnt]) > 0.2
    assert np.nanmedian(drop[burnt]) > np.nanmedian(drop[~burnt]) + 0.15


def test_facts_count_the_truth(tiny: TwinCatalogue) -> None:
    facts = tiny.facts
    with rasterio.open(tiny.truth / "burn_mask.tif") as source:
        # A pixel of 20 m is 0.04 ha.
        assert facts["burn"]["area_ha_of_20m_mask"] == pytest.approx(float((source.read(1) == 1).sum()) * 0.04)
    assert facts["burn"]["area_ha"] == pytest.approx(sum(facts["burn"]["area_ha_by_zone"].values()))
    # 64 pixels of 20 m a side: 1.28 km, 163.84 ha.
    assert facts["area"]["hectares"] == pytest.approx(163.84)
    assert sum(facts["cover_ha"].values()) == pytest.approx(163.84)
    assert facts["burn"]["area_ha"] == pytest.approx(facts["burn"]["area_ha_of_20m_mask"], rel=0.1)
    text = tiny.describe()
    assert f"burnt {facts['burn']['area_ha']:.1f} ha on 2025-04-24" in text
    assert text.count("\n") == 2 + 11


def test_tiny_stays_tiny_and_scenes_reach_past_the_area(tiny: TwinCatalogue) -> None:
    assert sum(path.stat().st_size for path in tiny.root.rglob("*") if path.is_file()) < 2 * 2**20
    west, south, east, north = tiny.area.grid.bounds
    with rasterio.open(tiny.root / COLLECTION / "S2B_52TFN_20240502_0_L2A" / "SCL.tif") as source:
        assert (west - source.bounds.left, source.bounds.top - north) == (40, 40)
        assert (source.bounds.right - east, south - source.bounds.bottom) == (40, 40)


def test_same_seed_same_bytes(tiny: TwinCatalogue, tmp_path: Path) -> None:
    again = twin.make(tmp_path / "again", size="tiny", seed=1)
    assert digests(again.root) == digests(tiny.root)
    assert again.facts == tiny.facts


def test_other_seed_is_another_landscape(tiny: TwinCatalogue, tmp_path: Path) -> None:
    other = twin.make(tmp_path / "other", seed=2)
    assert other.facts["cover_ha"] != tiny.facts["cover_ha"]
    assert set(items(other)) == set(items(tiny))


def test_making_again_touches_nothing(tiny: TwinCatalogue) -> None:
    before = {path: path.stat().st_mtime_ns for path in tiny.root.rglob("*")}
    again = twin.make(tiny.root)
    assert {path: path.stat().st_mtime_ns for path in tiny.root.rglob("*")} == before
    assert again == replace(tiny, root=tiny.root.resolve())


def test_folder_with_something_else_is_refused(tiny: TwinCatalogue, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match="not empty and holds no finished twin"):
        twin.make(tmp_path)
    with pytest.raises(ConfigError, match="is a file"):
        twin.make(tmp_path / "notes.txt")
    with pytest.raises(ConfigError, match="another twin: seed 1 instead of 7"):
        twin.make(tiny.root, seed=7)
    with pytest.raises(ConfigError, match="size 'tiny' instead of 'small'"):
        twin.make(tiny.root, size="small")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_damage_is_noticed(tiny: TwinCatalogue, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny.root, copy)
    (copy / COLLECTION / "S2B_52TFN_20240502_0_L2A" / "B04.tif").unlink()
    with pytest.raises(ConfigError, match=r"damaged, e.g. .*B04.tif"):
        twin.make(copy)
    (copy / "twin.json").write_text("{}")
    with pytest.raises(ConfigError, match="not a twin's marker"):
        twin.make(copy)


def test_empty_folder_is_filled_and_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "twin").mkdir()
    with monkeypatch.context() as patched:
        patched.setattr("habitat.twin.catalogue.write_truth", full)
        with pytest.raises(ConfigError, match="No space left"):
            twin.make(tmp_path / "twin")
    assert [path.name for path in tmp_path.rglob("*")] == ["twin"]
    assert twin.make(tmp_path / "twin").catalog.is_file()


def test_two_makers_of_one_twin_do_not_fight(
    tiny: TwinCatalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "twin"

    def overtaken(*_: object) -> None:
        shutil.copytree(tiny.root, root)

    monkeypatch.setattr("habitat.twin.catalogue.write_truth", overtaken)
    assert twin.make(root).facts == tiny.facts
    assert digests(root) == digests(tiny.root)
    assert [path.name for path in tmp_path.iterdir()] == ["twin"]


@pytest.mark.parametrize("seed", [-1, 1.5, True])
def test_odd_seeds_are_refused(tmp_path: Path, seed) -> None:
    with pytest.raises(ConfigError, match="wants a whole number"):
        twin.make(tmp_path / "x", seed=seed)


def test_odd_sizes_and_quirks_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sizes are tiny, small, demo"):
        twin.make(tmp_path / "x", size="huge")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="keep_offset names '2023-05'"):
        twin.make(tmp_path / "x", quirks=Quirks(keep_offset=("2023-05",)))
    # The tiny twin leaves this date out.
    with pytest.raises(ConfigError, match="begins none of the dates"):
        twin.make(tmp_path / "x", quirks=Quirks(without_assets=(("2024-05-12", "scl"),)))
    assert not (tmp_path / "x").exists()


@pytest.fixture(scope="module")
def quirky(tmp_path_factory: pytest.TempPathFactory) -> TwinCatalogue:
    return twin.make(
        tmp_path_factory.mktemp("twin") / "quirky",
        quirks=Quirks(
            keep_offset=("2025-05-02", "2025-05-27"),
            lying_flags=("2025-05-27", "2024-05-22"),
            other_zone=("2024-05-02", "2024-05-19"),
            all_cloud=("2025-05-12",),
            without_assets=(("2025-05-17", "scl"), ("2024-05-27", "red"), *NO_SWIR),
            lost_files=(("2024-05-07", "nir"),),
        ),
    )


def test_offset_quirks(tiny: TwinCatalogue, quirky: TwinCatalogue) -> None:
    applied = {name: item["properties"]["earthsearch:boa_offset_applied"] for name, item in items(quirky).items()}
    for name, offset, flag in (
        ("S2C_52TFN_20250502_0_L2A", 1000, False),
        ("S2B_52TFN_20250527_0_L2A", 1000, True),
        ("S2B_52TFN_20240522_0_L2A", 0, False),
        ("S2A_52TFN_20240507_0_L2A", 0, True),
    ):
        difference = read(quirky, name, "red").astype(int) - read(tiny, name, "red")
        assert np.unique(difference).tolist() == [offset], name
        assert applied[name] is flag, name


def test_missing_assets_and_files(quirky: TwinCatalogue) -> None:
    for name, item in items(quirky).items():
        assert not {"swir16", "swir22"} & set(item["assets"])
        assert ("scl" in item["assets"]) == ("20250517" not in name)
        assert ("red" in item["assets"]) == ("20240527" not in name)
        folder = quirky.root / COLLECTION / name
        gone = [key for key, asset in item["assets"].items() if not (folder / asset["href"]).exists()]
        assert gone == (["nir"] if "20240507" in name else [])


def test_all_cloud(quirky: TwinCatalogue) -> None:
    scl = read(quirky, "S2C_52TFN_20250512_0_L2A", "scl")
    assert (scl == 9).mean() > 0.99
    assert items(quirky)["S2C_52TFN_20250512_0_L2A"]["properties"]["eo:cloud_cover"] > 99


def test_scene_in_the_next_zone_shows_the_same_ground(tiny: TwinCatalogue, quirky: TwinCatalogue) -> None:
    name = "S2B_53TKH_20240502_0_L2A"
    item = items(quirky)[name]
    assert item["properties"]["proj:epsg"] == 32653
    assert item["properties"]["grid:code"] == "MGRS-53TKH"
    with (
        rasterio.open(tiny.root / COLLECTION / "S2B_52TFN_20240502_0_L2A" / "B08.tif") as here,
        rasterio.open(quirky.root / COLLECTION / name / "B08.tif") as there,
    ):
        assert there.crs.to_epsg() == 32653
        assert list(there.transform)[:6] == item["assets"]["nir"]["proj:transform"]
        assert [value % 20 for value in there.bounds] == [0, 0, 0, 0]
        rng = np.random.default_rng(1)
        west, south, east, north = tiny.area.grid.bounds
        x, y = rng.uniform(west, east, 400), rng.uniform(south, north, 400)
        turned = Transformer.from_crs(32652, 32653, always_xy=True).transform(x, y)
        a = np.array([value[0] for value in here.sample(zip(x, y, strict=True))], float)
        b = np.array([value[0] for value in there.sample(zip(*turned, strict=True))], float)
        assert (b > 0).all()
        # Resampling costs sharpness; the same points shifted by 40 m agree much less.
        assert np.median(np.abs(a - b) / a) < 0.04
        shifted = np.array([value[0] for value in here.sample(zip(x + 40, y, strict=True))], float)
        assert np.corrcoef(a, b)[0, 1] > max(0.9, np.corrcoef(shifted, b)[0, 1] + 0.05)
        # The turned scene has empty corners.
        assert 0.01 < (there.read(1) == 0).mean() < 0.3


def test_area_of_every_size_lies_inside_its_scenes() -> None:
    for size in SIZES:
        area = twin.area(size)
        told = twin.area_mapping(size)
        assert list(area.grid.bounds) == told["grid"]["bounds"]
        assert area.grid.shape == (SIZES[size].area_pixels,) * 2
        assert [value % 20 for value in area.grid.bounds] == [0, 0, 0, 0]
        west, east = (zone.polygon for zone in area.zones)
        assert west.union(east).symmetric_difference(area.polygon).area < 2e-4 * area.polygon.area
        assert west.intersection(east).area < 2e-4 * area.polygon.area


def test_only_one_pass_is_superseded() -> None:
    assert [scene.name("52TFN") for scene in PASSES if is_superseded(scene)] == ["S2B_52TFN_20250517_0_L2A"]
    assert all(scene.day.startswith(ALWAYS) for scene in PASSES)


@pytest.mark.slow
def test_demo_is_made_in_reasonable_time_and_space(tmp_path: Path) -> None:
    made = twin.make(tmp_path / "demo", size="demo")
    total = sum(path.stat().st_size for path in made.root.rglob("*") if path.is_file())
    assert 100e6 < total < 300e6
    with rasterio.open(made.root / COLLECTION / "S2B_52TFN_20250517_1_L2A" / "B04.tif") as source:
        assert source.block_shapes == [(1024, 1024)]
        assert source.overviews(1) == [2]
    assert made.facts["burn"]["area_ha"] > 500
