"""Items: the shape of every provider and STAC version gives the same kind of Scene."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random

import pytest

from habitat.contracts.errors import CatalogueError, HabitatError, UnsafeReference
from habitat.sources.catalogues.items import scene_from_item, sensor_of
from habitat.sources.catalogues.providers import PROFILES, provider_for

ITEMS = Path(__file__).parent.parent / "stac_items"
S2_BANDS = {"coastal", "blue", "green", "red", "rededge1", "nir", "nir_narrow", "swir1", "swir2"}
LANDSAT_BANDS = {"coastal", "blue", "green", "red", "nir", "swir1", "swir2"}


def item(name):
    return json.loads((ITEMS / f"{name}.json").read_text())


@pytest.fixture
def v1():
    return item("earth_search_v1")


def scene(name, provider, **changes):
    return scene_from_item(item(name) | changes, PROFILES[provider])


@pytest.mark.parametrize(
    ("name", "provider", "sensor", "platform", "tile", "when", "bands"),
    [
        ("earth_search_v1", "earth-search", "sentinel2", "sentinel-2b", "52TFN", "2025-05-03T02:27:41.120", S2_BANDS),
        ("earth_search_c1", "earth-search", "sentinel2", "sentinel-2b", "52TFN", "2025-05-03T02:27:41.120", S2_BANDS),
        ("planetary_computer_s2", "planetary-computer", "sentinel2", "sentinel-2b", "52TFN", "2025-05-03T02:16:09.024", S2_BANDS),
        ("cdse", "cdse", "sentinel2", "sentinel-2b", "52TFN", "2025-05-03T02:16:09.024", S2_BANDS),
        ("planetary_computer_landsat", "planetary-computer", "landsat", "landsat-9", "115030", "2025-05-07T02:05:11.123456", LANDSAT_BANDS),
        ("earth_search_landsat", "earth-search", "landsat", "landsat-9", "115030", "2025-05-07T02:05:11.123456", LANDSAT_BANDS),
        ("usgs_etm", "usgs", "landsat", "landsat-7", "115030", "2005-05-08T01:59:30.490812", LANDSAT_BANDS - {"coastal"}),
    ],
)  # fmt: skip
def test_every_provider(name, provider, sensor, platform, tile, when, bands):
    got = scene(name, provider)
    assert (got.sensor, got.platform, got.tile, got.provider) == (sensor, platform, tile, provider)
    assert got.datetime == datetime.fromisoformat(when).replace(tzinfo=UTC)
    # Noon at 131 degrees east is 03:16 UTC: these passes are in the local late morning of the same date.
    assert got.solar_day == got.datetime.date()
    assert set(got.bands) == bands
    assert got.mask is not None
    assert (got.saturation is not None) == (sensor == "landsat")
    assert got.created
    assert got.footprint.is_valid
    assert 128 < got.footprint.bounds[0] < got.footprint.bounds[2] < 134
    assert got.bands["red"].crs == "EPSG:32652"


@pytest.mark.parametrize(
    ("name", "provider", "offset", "word"),
    [
        ("earth_search_v1", "earth-search", 0.0, "boa_offset_applied is true"),
        ("earth_search_c1", "earth-search", -0.1, "declares offset"),
        ("planetary_computer_s2", "planetary-computer", -0.1, "baseline 05.11"),
        ("cdse", "cdse", -0.1, "declares offset"),
    ],
)
def test_offset_of_every_sentinel2_provider(name, provider, offset, word):
    got = scene(name, provider)
    assert {(asset.scale, asset.offset) for asset in got.bands.values()} == {(1e-4, offset)}
    assert got.offset_present == (offset != 0)
    assert word in got.offset_rule
    assert got.baseline == "05.11"


def test_an_asset_in_full(v1):
    red = scene_from_item(v1, PROFILES["earth-search"]).bands["red"]
    base = "https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs/52/T/FN/2025/5"
    assert red.href == f"{base}/S2B_52TFN_20250503_0_L2A/B04.tif"
    assert red.nodata == 0
    assert red.transform == (10, 0, 600000, 0, -10, 4800000)
    assert red.shape == (10980, 10980)
    assert red.media_type.startswith("image/tiff")


def test_cdse_takes_the_finest_file_of_each_band_and_reads_by_vsis3():
    got = scene("cdse", "cdse")
    assert got.bands["red"].href.endswith("_B04_10m.jp2")
    assert got.bands["coastal"].href.endswith("_B01_20m.jp2")
    assert got.bands["swir1"].href.endswith("_B11_20m.jp2")
    assert got.mask.href.startswith("/vsis3/eodata/Sentinel-2/")
    assert got.mask.href.endswith("_SCL_20m.jp2")
    assert got.bands["red"].transform == (10, 0, 600000, 0, -10, 4800000)


def test_landsat_mask_outside_the_image_is_fill():
    got = scene("planetary_computer_landsat", "planetary-computer")
    assert got.mask.nodata == 1
    assert got.bands["red"].nodata == 0
    assert (got.bands["red"].scale, got.bands["red"].offset) == (2.75e-5, -0.2)
    assert "lwir11" not in got.bands
    assert got.offset_present is None
    assert got.extras["category"] == "T1"
    # Not in the id of this catalogue, but in the names of its files.
    assert got.extras["processed"] == "20250508"


def test_grid_said_once_for_the_whole_item_holds_for_its_assets():
    got = scene("planetary_computer_landsat", "planetary-computer")
    assert got.bands["blue"].shape == (7701, 7791)
    assert got.mask.transform == (30, 0, 483885, 0, -30, 4901115)


def test_stac_0_7_with_a_day_only():
    got = scene("usgs_0_7", "usgs")
    assert (got.platform, got.tile, got.sun_elevation, got.cloud_cover) == ("landsat-8", "115030", 21.5, 40.5)
    assert set(got.bands) == LANDSAT_BANDS
    assert got.bands["nir"].href.endswith("_SR_B5.TIF")
    assert got.bands["nir"].crs is None
    # Middle longitude 130.2 east is 8.68 hours ahead; 10.3 solar hours are 1.62 h UTC, 01:37, of that day.
    assert got.datetime.strftime("%Y-%m-%dT%H:%M") == "2019-12-14T01:37"
    assert got.solar_day == date(2019, 12, 14)
    assert "estimated" in got.extras["time"]


def test_numbered_assets_of_old_landsats_mean_other_bands():
    tm = item("usgs_0_7")
    tm["id"] = "LT05_L2SP_115030_20050508_20200914_02_T1"
    tm["properties"]["eo:platform"] = "LANDSAT_5"
    got = scene_from_item(tm, PROFILES["usgs"])
    assert got.platform == "landsat-5"
    assert got.bands["blue"].href.endswith("_SR_B1.TIF")
    assert got.bands["nir"].href.endswith("_SR_B4.TIF")
    assert got.bands["swir1"].href.endswith("_SR_B5.TIF")


def test_usgs_https_by_default_and_its_bucket_once_somebody_pays():
    free = scene_from_item(item("usgs_etm"), provider_for("usgs"))
    paid = scene_from_item(item("usgs_etm"), provider_for("usgs", requester_pays=True))
    assert free.bands["red"].href.startswith("https://landsatlook.usgs.gov/data/")
    assert paid.bands["red"].href.startswith("/vsis3/usgs-landsat/collection02/")
    assert "requester_pays" not in free.extras
    assert paid.extras["requester_pays"] == "yes"


def test_a_paid_bucket_is_noted():
    assert scene("earth_search_landsat", "earth-search").extras["requester_pays"] == "yes"


def as_projection_v2(old):
    new = copy.deepcopy(old)
    new["stac_version"] = "1.1.0"
    for fields in (new["properties"], *new["assets"].values()):
        if "proj:epsg" in fields:
            fields["proj:code"] = f"EPSG:{fields.pop('proj:epsg')}"
    return new


def as_raster_v2(old):
    new = copy.deepcopy(old)
    for asset in new["assets"].values():
        for band in asset.pop("raster:bands", [])[:1]:
            asset["nodata"] = band["nodata"]
            asset |= {f"raster:{key}": band[key] for key in ("scale", "offset") if key in band}
            asset["bands"] = [{"name": "B"}]
    return new


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("earth_search_v1", "earth-search"),
        ("earth_search_c1", "earth-search"),
        ("planetary_computer_s2", "planetary-computer"),
        ("usgs_etm", "usgs"),
    ],
)
def test_projection_v1_and_v2_and_raster_v1_and_v2_are_one_scene(name, provider):
    old = item(name)
    first = scene_from_item(old, PROFILES[provider])
    assert scene_from_item(as_projection_v2(old), PROFILES[provider]) == first
    assert scene_from_item(as_raster_v2(as_projection_v2(old)), PROFILES[provider]) == first
    on_assets = as_projection_v2(old)
    code = on_assets["properties"].pop("proj:code")
    for asset in on_assets["assets"].values():
        asset["proj:code"] = code
    assert scene_from_item(on_assets, PROFILES[provider]) == first


def test_the_item_is_not_changed(v1):
    before = copy.deepcopy(v1)
    scene_from_item(v1, PROFILES["earth-search"])
    assert v1 == before


@pytest.mark.parametrize(
    ("properties", "tile"),
    [
        ({"grid:code": "MGRS-1WCR"}, "01WCR"),
        ({"grid:code": "MGRS-52TFN"}, "52TFN"),
        ({"s2:mgrs_tile": "52TFN"}, "52TFN"),
        ({"mgrs:utm_zone": 1, "mgrs:latitude_band": "W", "mgrs:grid_square": "CR"}, "01WCR"),
    ],
)
def test_tile_names(v1, properties, tile):
    kept = {k: v for k, v in v1["properties"].items() if "mgrs" not in k and k != "grid:code"}
    v1["properties"] = kept | properties
    assert scene_from_item(v1, PROFILES["earth-search"]).tile == tile


def test_tile_from_the_id_when_nothing_else_names_it(v1):
    v1["properties"] = {k: v for k, v in v1["properties"].items() if "mgrs" not in k and k != "grid:code"}
    assert scene_from_item(v1, PROFILES["earth-search"]).tile == "52TFN"
    v1["id"] = "nameless"
    with pytest.raises(CatalogueError, match="names no tile"):
        scene_from_item(v1, PROFILES["earth-search"])


@pytest.mark.parametrize(
    ("said", "platform"),
    [
        ("Sentinel-2B", "sentinel-2b"),
        ("sentinel-2c", "sentinel-2c"),
        ("SENTINEL_2A", "sentinel-2a"),
        ("Sentinel 2D", "sentinel-2d"),
        (None, "sentinel-2b"),
    ],
)
def test_platform_names(v1, said, platform):
    v1["properties"]["platform"] = said
    assert scene_from_item(v1, PROFILES["earth-search"]).platform == platform


@pytest.mark.parametrize(
    ("said", "platform"), [("LANDSAT_8", "landsat-8"), ("landsat08", "landsat-8"), ("Landsat-10", "landsat-10")]
)
def test_landsat_platform_names(said, platform):
    landsat = item("planetary_computer_landsat")
    landsat["properties"]["platform"] = said
    assert scene_from_item(landsat, PROFILES["planetary-computer"]).platform == platform


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2025-05-03T02:27:41Z", "2025-05-03T02:27:41+00:00"),
        ("2025-05-03T12:27:41+10:00", "2025-05-03T02:27:41+00:00"),
        ("2025-05-03T02:27:41.5", "2025-05-03T02:27:41.500000+00:00"),
    ],
)
def test_times_become_utc(v1, text, utc):
    v1["properties"]["datetime"] = text
    assert scene_from_item(v1, PROFILES["earth-search"]).datetime.isoformat() == utc


def test_an_interval_counts_from_its_start(v1):
    v1["properties"] |= {"datetime": None, "start_datetime": "2025-05-03T02:27:00Z"}
    assert scene_from_item(v1, PROFILES["earth-search"]).datetime.minute == 27


def test_solar_day_is_the_local_one(v1):
    # At 131.9 east the sun is 8.8 hours ahead: 16:00 UTC is 00:48 of the next day, 14:00 UTC is 22:48.
    for hour, day in ((14, 3), (16, 4)):
        v1["properties"]["datetime"] = f"2025-05-03T{hour}:00:00Z"
        assert scene_from_item(v1, PROFILES["earth-search"]).solar_day == date(2025, 5, day)


def test_sun_from_the_zenith_angle():
    assert scene("planetary_computer_s2", "planetary-computer").sun_elevation == pytest.approx(60.25)
    assert scene("earth_search_v1", "earth-search").sun_elevation == 60.25


def test_created_falls_back_to_the_time_of_processing():
    assert scene("planetary_computer_s2", "planetary-computer").created == "2025-05-03T06:01:01.000000Z"


def test_address_of_the_item_without_its_credentials(v1):
    assert scene_from_item(v1, PROFILES["earth-search"]).source.endswith("/items/S2B_52TFN_20250503_0_L2A")
    v1["links"] = [{"rel": "self", "href": "https://me:pw@host/x?token=abc"}]
    assert scene_from_item(v1, PROFILES["earth-search"]).source == "https://***@host/x?token=***"
    v1["links"] = []
    assert scene_from_item(v1, PROFILES["earth-search"], base_href="https://api/x").source == "https://api/x"


def test_unknown_asset_names_are_found_by_what_the_bands_say(v1):
    v1["assets"] = {f"layer-{name}": asset for name, asset in v1["assets"].items()}
    assert set(scene_from_item(v1, PROFILES["earth-search"]).bands) == S2_BANDS


def test_missing_mask_and_bands_are_simply_absent(v1):
    for name in ("scl", "nir", "blue"):
        del v1["assets"][name]
    got = scene_from_item(v1, PROFILES["earth-search"])
    assert got.mask is None
    assert set(got.bands) == S2_BANDS - {"nir", "blue"}


def test_assets_that_are_not_needed_are_not_looked_at(v1):
    v1["assets"]["thumbnail"]["href"] = "file:///etc/passwd"
    assert scene_from_item(v1, PROFILES["earth-search"]).bands


@pytest.mark.parametrize("asset", ["red", "scl"])
def test_assets_that_are_needed_must_be_safe(v1, asset):
    v1["assets"][asset]["href"] = "/vsicurl/http://10.0.0.1/a.tif"
    with pytest.raises(UnsafeReference, match="vsicurl"):
        scene_from_item(v1, PROFILES["earth-search"])


@pytest.mark.parametrize("name", ["../../x", "a\x00", "", None, "x" * 300])
def test_unsafe_ids(v1, name):
    v1["id"] = name
    with pytest.raises(UnsafeReference, match="item id"):
        scene_from_item(v1, PROFILES["earth-search"])


def test_unsafe_collection_and_tile(v1):
    with pytest.raises(UnsafeReference, match="collection id"):
        scene_from_item(v1 | {"collection": "../x"}, provider_for("earth-search", collections={"sentinel2": ("../x",)}))
    v1["properties"]["grid:code"] = "MGRS-../x"
    with pytest.raises(UnsafeReference, match="tile id"):
        scene_from_item(v1, PROFILES["earth-search"])


def change(path, value):
    def apply(target):
        for key in path[:-1]:
            target = target[key]
        if value is KeyError:
            del target[path[-1]]
        else:
            target[path[-1]] = value

    return apply


@pytest.mark.parametrize(
    ("apply", "word"),
    [
        (change(["properties", "datetime"], None), "datetime"),
        (change(["properties", "datetime"], "yesterday"), "ISO 8601"),
        (change(["properties", "datetime"], 20250503), "datetime"),
        (change(["properties"], None), "not a STAC item"),
        (change(["properties"], KeyError), "not a STAC item"),
        (change(["assets"], KeyError), "not a STAC item"),
        (change(["assets"], {}), "reflectance band"),
        (change(["assets"], {"red": None}), "not a STAC item"),
        (change(["assets", "red", "href"], KeyError), "not a STAC item"),
        (change(["geometry"], {"type": "Point", "coordinates": [1, 2]}), "outline"),
        (change(["geometry"], {"type": "Polygon", "coordinates": []}), "outline"),
        (
            change(["geometry"], {"type": "Polygon", "coordinates": [[[0, 100], [1, 100], [1, 101], [0, 100]]]}),
            "outline",
        ),
        (change(["properties", "proj:epsg"], "utm"), "not a STAC item"),
        (change(["properties", "proj:epsg"], -5), "EPSG"),
        (change(["assets", "red", "proj:transform"], [10, 0]), "not a STAC item"),
        (change(["assets", "red", "raster:bands"], [{"scale": 0.5, "offset": 0}]), "scale 0.5"),
        (change(["properties", "eo:cloud_cover"], "much"), "not a STAC item"),
        (change(["collection"], "sentinel-2-l1c"), "no surface reflectance"),
        (change(["collection"], "landsat-c2l2-st"), "no surface reflectance"),
    ],
)
def test_unusable_items_are_refused_by_name(v1, apply, word):
    apply(v1)
    with pytest.raises(CatalogueError, match=word) as caught:
        scene_from_item(v1, PROFILES["earth-search"])
    assert "S2B_52TFN_20250503_0_L2A" in str(caught.value)


def test_bands_that_disagree_about_the_offset_are_refused():
    mixed = item("earth_search_c1")
    mixed["assets"]["nir"]["raster:bands"][0]["offset"] = 0
    with pytest.raises(CatalogueError, match="different scales or offsets"):
        scene_from_item(mixed, PROFILES["earth-search"])


@pytest.mark.parametrize(
    ("changes", "properties", "sensor"),
    [
        ({"collection": "sentinel-2-l2a"}, {}, "sentinel2"),
        ({"collection": "my-s2"}, {"platform": "sentinel-2a", "s2:product_type": "S2MSI2A"}, "sentinel2"),
        ({"collection": "my-s2", "id": "S2A_52TFN_20250503_0_L2A"}, {}, "sentinel2"),
        ({"collection": "my-s2", "id": "S2A_52TFN_20250503_0_L1C"}, {"platform": "sentinel-2a"}, None),
        ({"collection": "sentinel-2-l1c"}, {"platform": "sentinel-2a", "s2:product_type": "S2MSI1C"}, None),
        ({"collection": "landsat-c2-l2"}, {}, "landsat"),
        ({"collection": "mine", "id": "LC08_L2SP_115030_20191214_20201023_02_T1"}, {}, "landsat"),
        ({"collection": "mine", "id": "LC08_L1TP_115030_20191214_20201023_02_T1"}, {}, None),
        ({"collection": "landsat-c2l2-st", "id": "LC08_L2SP_115030_20191214_20201023_02_T1_ST"}, {}, None),
        ({"collection": "sentinel-1-grd", "id": "S1A_IW_GRDH"}, {"platform": "sentinel-1a"}, "sentinel1"),
        ({}, {}, None),
    ],
)
def test_sensor_of_an_item_of_a_catalogue_without_a_profile(tmp_path, changes, properties, sensor):
    (tmp_path / "catalog.json").write_text("{}")
    assert sensor_of({"id": "x", "properties": properties} | changes, provider_for(tmp_path)) == sensor


def test_an_odd_platform_condemns_its_own_item_only(v1, tmp_path):
    (tmp_path / "catalog.json").write_text("{}")
    strange = v1 | {"properties": v1["properties"] | {"platform": "аэростат/../7"}}
    assert sensor_of(strange | {"collection": "balloons"}, provider_for(tmp_path)) is None
    with pytest.raises(UnsafeReference, match="platform id"):
        scene_from_item(strange, PROFILES["earth-search"])


def places(document, path=()):
    if path:
        yield path
    inner = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, value in inner:
        yield from places(value, (*path, key))


ODD = [None, 0, -1, 10**400, True, "", "x", "../..", "\x00", [], {}, [[]], [None], {"a": 1}, float("inf"), "9" * 5000]


@pytest.mark.parametrize("name", sorted(path.stem for path in ITEMS.glob("*.json")))
def test_whatever_stands_in_an_item_it_is_read_or_refused(name):
    # A fixed seed: 200 items, each with one or two values replaced by odd ones.
    random = Random(name)
    original = item(name)
    where = list(places(original))
    provider = provider_for("https://stac.example.org", hosts=[("https", ".amazonaws.com"), ("s3", "usgs-landsat")])
    outcomes = set()
    for _ in range(200):
        broken = copy.deepcopy(original)
        for path in random.sample(where, random.choice((1, 2))):
            try:
                change(path, random.choice(ODD))(broken)
            except (KeyError, TypeError, IndexError):
                continue
        for rules in (PROFILES.get(name.split("_")[0], provider), provider):
            try:
                scene_from_item(broken, rules)
                outcomes.add("read")
            except HabitatError as error:
                outcomes.add(type(error).__name__)
    assert outcomes <= {"read", "CatalogueError", "UnsafeReference"}
    assert len(outcomes) > 1


def test_a_named_catalogue_is_taken_at_its_collections():
    mine = {"id": "S2A_52TFN_20250503_0_L2A", "collection": "my-s2", "properties": {"platform": "sentinel-2a"}}
    assert sensor_of(mine, PROFILES["earth-search"]) is None
