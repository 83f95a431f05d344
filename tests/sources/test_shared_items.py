"""Real answers of the providers, and real static catalogues, where the shared data are at hand."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest
from shapely.geometry import box

from habitat.contracts import Area, Grid, Period
from habitat.contracts.errors import CatalogueError
from habitat.sources.catalogues.duplicates import newest_only
from habitat.sources.catalogues.items import scene_from_item
from habitat.sources.catalogues.providers import PROFILES
from habitat.sources.catalogues.searching import search
from habitat.sources.scenes.cube import load_cube


@pytest.fixture
def imagery(shared):
    return shared / "imagery"


@pytest.fixture
def answers(imagery):
    def read(name):
        document = json.loads((imagery / "stac-api" / name).read_text())
        document = document.get("response", document)
        return [document] if document.get("type") == "Feature" else document["features"]

    return read


def scenes_of(items, provider):
    return [scene_from_item(item, PROFILES[provider]) for item in items]


def test_bodensee_every_acquisition_comes_twice(answers):
    items = [item for page in (1, 2, 3) for item in answers(f"earth-search-v1/s2-search-bodensee-page{page}.json")]
    scenes = scenes_of(items, "earth-search")
    assert len(scenes) == 16
    # Sequence 0 is baseline 02.14 without, sequence 1 baseline 05.00 with the offset taken out already.
    assert {scene.offset_present for scene in scenes} == {False}
    assert {asset.offset for scene in scenes for asset in scene.bands.values()} == {0.0}
    kept, dropped = newest_only(scenes)
    assert len(kept) == len(dropped) == 8
    assert all(scene.id.endswith("_1_L2A") and scene.baseline == "05.00" for scene in kept)
    assert all("baseline 05.00 before 02.14" in reason for _, reason in dropped)
    assert Counter((scene.tile, scene.solar_day) for scene in kept) == Counter(
        (tile, date(2020, 3, day)) for tile in ("32TMT", "32TNT", "32UMU", "32UNU") for day in (2, 5)
    )


def test_bodensee_copies_lie_in_one_minute_or_not_but_are_found(answers):
    scenes = scenes_of(answers("earth-search-v1/s2-search-bodensee-page1.json"), "earth-search")
    times = {scene.id[:-6]: [] for scene in scenes}
    for scene in scenes:
        times[scene.id[:-6]].append(scene.datetime)
    assert max(max(pair) - min(pair) for pair in times.values()) == timedelta(milliseconds=1)


def test_the_three_cases_of_the_offset(imagery):
    folder = imagery / "stac-api" / "earth-search-v1-items"
    items = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    scenes = {scene.id: scene for scene in scenes_of(items, "earth-search")}
    assert len(scenes) == 15
    taken_out, still_in = scenes["S2B_33TWN_20220130_0_L2A"], scenes["S2B_33TWN_20220226_0_L2A"]
    assert (taken_out.baseline, taken_out.offset_present, taken_out.bands["red"].offset) == ("04.00", False, 0.0)
    assert (still_in.baseline, still_in.offset_present, still_in.bands["red"].offset) == ("04.00", True, -0.1)
    older = [scene for scene in scenes.values() if scene.baseline < "04.00"]
    assert len(older) == 13
    assert {(scene.offset_present, scene.bands["nir"].offset) for scene in older} == {(False, 0.0)}
    assert {scene.tile for scene in scenes.values()} == {"33TWN"}


def test_two_collections_of_one_product(answers):
    items = [item for page in (1, 2) for item in answers(f"earth-search-v1/cql2-filter-page{page}.json")]
    scenes, refused = [], Counter()
    for item in items:
        try:
            scenes.append(scene_from_item(item, PROFILES["earth-search"]))
        except CatalogueError:
            refused[item["collection"]] += 1
    assert refused == {"sentinel-1-grd": 3, "sentinel-2-l1c": 5}
    assert Counter(scene.collection for scene in scenes) == {"sentinel-2-c1-l2a": 6, "sentinel-2-l2a": 6}
    assert all(scene.offset_present == (scene.collection == "sentinel-2-c1-l2a") for scene in scenes)
    kept, dropped = newest_only(scenes, PROFILES["earth-search"].collections["sentinel2"])
    assert {scene.collection for scene in kept} == {"sentinel-2-c1-l2a"}
    assert (len(kept), len(dropped)) == (6, 6)


def test_two_sensors_in_one_answer(answers):
    s2, landsat = scenes_of(answers("earth-search-v1/s2-and-landsat-point-1.json"), "earth-search")
    assert (s2.tile, landsat.tile) == ("13TDE", "033032")
    assert landsat.extras == {"category": "T1", "processed": "20231017", "requester_pays": "yes"}
    assert landsat.bands["swir2"].href.endswith("_SR_B7.TIF")


def test_cdse(answers):
    scenes = scenes_of(answers("cdse/search_data_cdse_sentinel_2-1.json"), "cdse")
    assert [scene.tile for scene in scenes] == ["32TNT", "32TMT", "32TNT", "32TMT"]
    for scene in scenes:
        assert (scene.baseline, scene.offset_present) == ("05.00", True)
        assert scene.bands["red"].crs == "EPSG:32632"
        assert scene.bands["red"].shape == (10980, 10980)
        assert scene.bands["red"].href.startswith("/vsis3/eodata/Sentinel-2/MSI/L2A_N0500/2020/07/")
        assert len(scene.bands) == 11
    assert len(newest_only(scenes)[0]) == 4


def test_planetary_computer_sentinel2(answers):
    scenes = scenes_of(answers("planetary-computer/sentinel-2-l2a-10-seconds.json"), "planetary-computer")
    assert len(scenes) == len(newest_only(scenes)[0]) == 33
    # Two seconds after midnight UTC it is noon of the same date at 173 degrees east.
    assert {scene.solar_day for scene in scenes} == {date(2019, 1, 1)}
    assert {scene.offset_present for scene in scenes} == {False}
    new = scenes_of(answers("planetary-computer/sentinel-2-l2a-pc.json"), "planetary-computer")
    assert {(scene.baseline, scene.offset_present, scene.platform) for scene in new} == {("05.10", True, "sentinel-2b")}


def test_planetary_computer_landsat(answers):
    scenes = scenes_of(answers("planetary-computer/landsat-c2-l2-items.json"), "planetary-computer")
    assert len(scenes) == 10
    # 23:12 UTC at 160 degrees east is 09:51 of the next day.
    assert {scene.solar_day for scene in scenes} == {date(2025, 7, 23)}
    assert {len(scene.bands) for scene in scenes} == {7}
    assert all(scene.saturation is not None for scene in scenes)


@pytest.mark.parametrize(("name", "kept"), [("1000-sentinel-2-items.parquet", 998), ("100-landsat-items.parquet", 100)])
def test_planetary_computer_at_scale(imagery, name, kept):
    parquet = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("stac_geoparquet.arrow")
    table = parquet.read_table(imagery / "stac-api" / "planetary-computer" / name)
    items = [json.loads(json.dumps(item, default=str)) for item in arrow.stac_table_to_items(table)]
    scenes = scenes_of(items, "planetary-computer")
    stay, dropped = newest_only(scenes)
    assert (len(scenes), len(stay), len(dropped)) == (len(items), kept, len(items) - kept)
    assert all(scene.footprint.is_valid for scene in scenes)
    if scenes[0].sensor == "sentinel2":
        assert all(scene.bands["red"].crs == f"EPSG:326{scene.tile[:2]}" for scene in scenes)


def test_usgs(answers):
    (old,) = scenes_of(answers("landsatlook/LC08_L2SP_008059_20191201_20200825_02_T1_SR_stac.json"), "usgs")
    assert (old.tile, old.platform, len(old.bands), old.extras["processed"]) == ("008059", "landsat-8", 7, "20200825")
    # The item of the same scene in another catalogue says 15:13:51.
    assert abs(old.datetime.hour * 60 + old.datetime.minute - (15 * 60 + 13)) < 30
    assert old.solar_day == date(2019, 12, 1)
    (newer,) = scenes_of(answers("landsatlook/LC08_L2SP_047027_20201204_20210313_02_T1_SR_stac.json"), "usgs")
    assert (newer.tile, newer.datetime.minute, newer.sun_elevation) == ("047027", 2, 18.80722985)
    for name in ("008059_20191201_20200825", "047027_20201204_20210313"):
        with pytest.raises(CatalogueError, match="landsat-c2l2-st"):
            scenes_of(answers(f"landsatlook/LC08_L2SP_{name}_02_T1_ST_stac.json"), "usgs")


def test_landsat_7_has_its_own_numbers(answers):
    (scene,) = scenes_of(answers("odc-stac/LE07_L2SP_044033_20210329_20210424_02_T1_SR.json"), "usgs")
    assert scene.platform == "landsat-7"
    assert scene.bands["nir"].href.endswith("_SR_B4.TIF")
    assert (scene.bands["red"].scale, scene.bands["red"].offset) == (2.75e-5, -0.2)
    assert scene.bands["red"].shape == (7131, 8151)


def test_elevation_is_refused(answers):
    for name, provider in (
        ("planetary-computer/cop-dem-glo-30-pc.json", "planetary-computer"),
        ("earth-search-v1/cop-dem-glo-30.json", "earth-search"),
    ):
        for item in answers(name):
            with pytest.raises(CatalogueError):
                scene_from_item(item, PROFILES[provider])


def area(name, polygon, bounds, crs, resolution):
    return Area(name, polygon, Grid.around(bounds, crs, resolution))


SLOVENIA = area("slovenia", box(15.4, 46.1, 16.0, 46.6), (532_000, 5_106_000, 574_000, 5_158_000), "EPSG:32633", 120)


def test_slovenia_offset_taken_out_already(imagery):
    found = search("sentinel2", SLOVENIA, Period("2023-08"), catalogue=imagery / "s2-l2a-33twm-slovenia").require()
    assert [scene.solar_day.day for scene in found] == [10, 13, 15, 18, 20]
    assert {scene.offset_present for scene in found} == {False}
    clearest = search(
        "sentinel2", SLOVENIA, Period("2023-Q3"), catalogue=imagery / "s2-l2a-33twm-slovenia", max_cloud_cover=10
    )
    assert [scene.solar_day.day for scene in clearest] == [13, 15, 20]
    cube = load_cube(clearest, SLOVENIA, bands=["red", "nir"]).compute()
    red = cube["red"].where(cube["clear"])
    # Red over forest is 100 to 350 DN: with the offset applied wrongly nearly all would be negative.
    assert float((red < 0).mean()) < 0.001
    assert 0.01 < float(red.median()) < 0.04
    assert float(cube["nir"].where(cube["clear"]).median()) > 0.25
    assert float(cube["clear"].mean()) > 0.9


def test_chukotka_offset_still_in_and_the_antimeridian(imagery):
    catalogue = imagery / "s2-l2a-01wcr-chukotka"
    june = Period("2023-06")
    found = search("sentinel2", chukotka(box(179.2, 67.6, 180.6, 68.2)), june, catalogue=catalogue)
    assert [(scene.tile, scene.offset_present, scene.baseline) for scene in found] == [("01WCR", True, "05.09")] * 2
    assert [round(scene.footprint.bounds[2], 1) for scene in found] == [180.9, 180.9]
    # 2023-06-02T00:07Z and 2023-06-03T23:57Z at 179.5 degrees east: noon of 2 and of 4 June.
    assert [scene.solar_day for scene in found] == [date(2023, 6, 2), date(2023, 6, 4)]
    assert len(search("sentinel2", chukotka(box(-179.8, 67.6, -179.4, 68.2)), june, catalogue=catalogue)) == 2
    assert len(search("sentinel2", chukotka(box(-178.9, 67.6, -178.5, 68.2)), june, catalogue=catalogue)) == 0
    assert len(search("sentinel2", chukotka(box(177.5, 67.6, 178.0, 68.2)), june, catalogue=catalogue)) == 0
    cube = load_cube(found, chukotka(box(179.2, 67.6, 180.6, 68.2)), bands=["red"], purpose="snow").compute()
    # The darkest pixels lie near DN 1500, which is a reflectance of 0.05.
    assert 0.0 < float(cube["red"].quantile(0.001)) < 0.2


def chukotka(polygon):
    return area("chukotka", polygon, (330_000, 7_500_000, 380_000, 7_560_000), "EPSG:32601", 120)


def test_colombia_landsat_at_the_edge_and_in_its_metadata(imagery):
    colombia = area("colombia", box(-75.5, 1, -74.6, 2), (400_000, 120_000, 480_000, 240_000), "EPSG:32618", 450)
    found = search("landsat", colombia, Period("2019-12"), catalogue=imagery / "landsat-c2l2-008059-colombia")
    (scene,) = found
    assert (scene.tile, scene.platform, scene.cloud_cover) == ("008059", "landsat-8", 81.02)
    assert scene.mask.nodata == 1
    assert scene.saturation.href.endswith("QA_RADSAT.TIF")
    cube = load_cube(found, colombia, bands=["nir", "red"]).compute()
    clear = cube["clear"].values[0]
    # What is clear is dense forest: bright in the near infrared and dark in red.
    ndvi = (cube["nir"] - cube["red"]) / (cube["nir"] + cube["red"])
    assert 0.02 < clear.mean() < 0.15
    assert float(ndvi.where(cube["clear"]).median()) > 0.7


def test_mini_tile_with_three_resolutions(imagery):
    here = area("mini", box(-11.6, 24.5, -11.2, 25.0), (232_000, 2_715_000, 262_000, 2_765_000), "EPSG:32629", 100)
    found = search("sentinel2", here, Period("2020-02"), catalogue=imagery / "s2-l2a-29rkh-mini").require()
    (scene,) = found
    assert (scene.baseline, scene.offset_present, scene.tile) == ("02.14", False, "29RKH")
    assert [scene.bands[band].transform[0] for band in ("red", "swir1", "coastal")] == [100, 200, 600]
    assert set(scene.bands) == {
        "coastal", "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir_narrow", "swir1", "swir2",
    }  # fmt: skip
    cube = load_cube(found, here, bands=["red", "nir", "swir1"]).compute()
    ndvi = (cube["nir"] - cube["red"]) / (cube["nir"] + cube["red"])
    # Bare desert.
    assert abs(float(ndvi.median())) < 0.1
    # One pixel of 200 m is four of 100 m.
    swir = cube["swir1"].values[0]
    assert np.array_equal(swir[0::2, 0::2], swir[1::2, 1::2])
    assert float(cube["clear"].mean()) > 0.8


def test_catalogues_of_other_things_give_nothing_with_the_reason(imagery):
    found = search(["sentinel2", "landsat"], SLOVENIA, Period("2015"), catalogue=imagery / "s2-l1c-slovenia-eopatch")
    assert len(found) == 0
    assert found.funnel[0].left == found.funnel[1].removed > 0
    assert all("is not asked for" in reason for _, reason in found.dropped)
