"""Documents: items of a twin have the shape of real ones, and every reader of real ones reads them."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from datetime import date, timedelta

import pytest
from delivered_scenes import OUTLINE, delivered, landsat, radar, sentinel2
from shapely.geometry import shape

from habitat.sources.catalogues.duplicates import newest_only
from habitat.sources.catalogues.hrefs import checked_href
from habitat.sources.catalogues.items import scene_from_item
from habitat.sources.catalogues.providers import PROFILES
from habitat.twin.documents import earth_search, names, planetary_computer, usgs
from habitat.twin.quirks import NO_SWIR, Quirks
from habitat.twin.sensors.orbits import overpasses

MAKERS = [
    ("earth-search", earth_search.sentinel2_item, sentinel2()),
    ("earth-search", earth_search.sentinel2_item, sentinel2("2024-05-08")),
    ("earth-search", earth_search.landsat_item, landsat()),
    ("earth-search", earth_search.landsat_item, landsat("2010-06-06", "L5")),
    ("planetary-computer", planetary_computer.sentinel2_item, sentinel2(provider="planetary-computer")),
    ("planetary-computer", planetary_computer.landsat_item, landsat("2024-05-03", "L9")),
    ("planetary-computer", planetary_computer.landsat_item, landsat("2020-06-09", "L7")),
    ("usgs", usgs.landsat_item, landsat()),
    ("usgs", usgs.landsat_item, landsat("2020-06-09", "L7")),
    ("usgs", usgs.landsat_item, landsat("2010-06-06", "L5")),
]
IDS = [f"{name}-{scene.overpass.platform}-{scene.day}" for name, _, scene in MAKERS]


def absolute(item, provider):
    """The item as the provider would serve it: hrefs on its host."""
    scheme, host = next(pair for pair in provider.hosts if not pair[1].startswith("."))
    for asset in item["assets"].values():
        asset["href"] = f"{scheme}://{host}/{asset['href']}"
    return item


# ── The parser takes them for real ones ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("name", "make", "scene"), MAKERS, ids=IDS)
def test_the_providers_own_profile_reads_them(name, make, scene):
    provider = PROFILES[name]
    got = scene_from_item(absolute(make(delivered(scene), lambda path: path), provider), provider)
    one = scene.overpass
    assert got.provider == name
    assert got.sensor == one.sensor
    assert got.platform == (
        f"sentinel-{one.platform[1:].lower()}" if one.sensor == "sentinel2" else f"landsat-{one.platform[1]}"
    )
    assert got.tile == scene.frame.tile
    # The Planetary Computer gives the time a whole strip of pictures began.
    late = 510 if name == "planetary-computer" and one.sensor == "sentinel2" else 1
    assert timedelta(0) <= one.when - got.datetime < timedelta(seconds=late)
    assert got.solar_day == one.when.date()
    assert got.mask is not None
    assert got.created
    assert got.footprint.equals_exact(OUTLINE, 1e-6) or got.footprint.equals(OUTLINE)
    assert {asset.crs for asset in got.bands.values()} == {"EPSG:32652"}
    if one.sensor == "sentinel2":
        assert len(got.bands) == 11
        assert got.bands["red"].shape == (144, 144)
        assert got.bands["swir1"].transform == (20, 0, 742680, 0, -20, 4800720)
        # 540 of 5,000 pixels are cloud of some kind.
        assert got.cloud_cover == pytest.approx(10.8)
        assert got.baseline == one.baseline
    else:
        assert set(got.bands) == {"blue", "green", "red", "nir", "swir1", "swir2"} | (
            {"coastal"} if one.platform in ("L8", "L9") else set()
        )
        assert {(asset.scale, asset.offset) for asset in got.bands.values()} == {(2.75e-5, -0.2)}
        assert got.bands["red"].shape == (49, 49)
        assert got.mask.nodata == 1
        assert got.saturation is not None
        assert got.cloud_cover == pytest.approx(100 * 400 / 2300, abs=0.01)
        assert got.extras["category"] == "T1"
        assert got.extras["processed"] == names.landsat_product(scene).split("_")[4]
    assert got.sun_elevation == pytest.approx(61.654321)
    assert set(got.bands) == {band for band in got.bands if checked_href(got.bands[band].href, provider)}


@pytest.mark.parametrize(
    ("name", "keep_offset", "baseline", "lies", "present"),
    [
        ("earth-search", False, "05.11", False, False),
        ("earth-search", True, "05.11", False, True),
        ("earth-search", False, "05.11", True, True),
        ("earth-search", True, "05.11", True, False),
        ("earth-search", False, "03.01", False, False),
        ("planetary-computer", True, "05.11", False, True),
        ("planetary-computer", False, "03.01", False, False),
    ],
)
def test_offsets(name, keep_offset, baseline, lies, present):
    scene = replace(sentinel2(baseline=baseline), keep_offset=keep_offset)
    quirks = Quirks(lying_flags=("2025-05",)) if lies else Quirks()
    make = earth_search.sentinel2_item if name == "earth-search" else planetary_computer.sentinel2_item
    item = make(delivered(scene), lambda path: path, quirks)
    got = scene_from_item(absolute(item, PROFILES[name]), PROFILES[name])
    assert got.offset_present == present
    assert got.bands["red"].offset == (-0.1 if present else 0.0)
    if name == "earth-search":
        # Whatever the pixels hold, this is what Earth Search writes.
        assert item["assets"]["red"]["raster:bands"][0]["offset"] == (-0.1 if baseline > "04" else 0)


def test_assets_a_quirk_takes_away():
    quirks = Quirks(without_assets=(*NO_SWIR, ("2025-05-28", "scl")))
    whole, less = (earth_search.sentinel2_item(delivered(sentinel2()), str, q) for q in (Quirks(), quirks))
    assert set(whole["assets"]) - set(less["assets"]) == {"swir16", "swir22", "scl"}
    assert set(whole["assets"]) == set(names.SENTINEL2_FILES)
    raw = planetary_computer.sentinel2_item(delivered(sentinel2()), str, quirks)
    assert {"B11", "B12", "SCL"} & set(raw["assets"]) == set()
    assert "B02" in raw["assets"]


def test_two_processings_of_one_acquisition_are_told_apart():
    first = sentinel2("2025-05-18", "S2C", baseline="05.10", superseded=True)
    second = sentinel2("2025-05-18", "S2C", sequence=1)
    items = [earth_search.sentinel2_item(delivered(scene), lambda path: path) for scene in (first, second)]
    assert [item["id"] for item in items] == ["S2C_52TGP_20250518_0_L2A", "S2C_52TGP_20250518_1_L2A"]
    provider = PROFILES["earth-search"]
    kept, dropped = newest_only([scene_from_item(absolute(item, provider), provider) for item in items])
    assert [scene.id for scene in kept] == ["S2C_52TGP_20250518_1_L2A"]
    assert len(dropped) == 1
    assert items[1]["properties"]["s2:generation_time"] > "2026-06"


# ── The keys and types of real items ──────────────────────────────────────────────────────────────────────────────────

FOLDER = "imagery/stac-api"
SAMPLES = {
    "earth-search-old": (f"{FOLDER}/earth-search-v1/s2-and-landsat-point-1.json", "S2A_13TDE_20231008_0_L2A"),
    "earth-search-new": (f"{FOLDER}/earth-search-v1/cql2-filter-page2.json", "S2B_24MUA_20250731_0_L2A"),
    "earth-search-landsat": (f"{FOLDER}/earth-search-v1/s2-and-landsat-point-1.json", "LC08_L2SP_033032_20231008_02_T1"),
    "planetary-computer": (f"{FOLDER}/planetary-computer/sentinel-2-l2a-pc.json", "S2B_MSIL2A_20240419T095549_R122_T47XML_20240419T123458"),
    "planetary-computer-landsat": (f"{FOLDER}/planetary-computer/landsat-c2-l2-pc.json", "LC09_L2SP_089088_20240417_02_T2"),
    "planetary-computer-radar": (f"{FOLDER}/planetary-computer/sentinel-1-rtc-pc.json", "S1A_IW_GRDH_1SDV_20240419T045904_20240419T045916_053498_067DF2_rtc"),
    "usgs": (f"{FOLDER}/odc-stac/LC08_L2SP_028030_20200114_20200824_02_T1_SR.json", "LC08_L2SP_028030_20200114_20200824_02_T1_SR"),
    "usgs-etm": (f"{FOLDER}/odc-stac/LE07_L2SP_044033_20210329_20210424_02_T1_SR.json", "LE07_L2SP_044033_20210329_20210424_02_T1_SR"),
}  # fmt: skip
OURS = {
    "earth-search-old": (earth_search.sentinel2_item, sentinel2("2024-05-08")),
    "earth-search-new": (earth_search.sentinel2_item, sentinel2()),
    "earth-search-landsat": (earth_search.landsat_item, landsat()),
    "planetary-computer": (planetary_computer.sentinel2_item, sentinel2()),
    "planetary-computer-landsat": (planetary_computer.landsat_item, landsat("2024-05-03", "L9")),
    "planetary-computer-radar": (planetary_computer.sentinel1_item, radar()),
    "usgs": (usgs.landsat_item, landsat()),
    "usgs-etm": (usgs.landsat_item, landsat("2020-06-09", "L7")),
}
# What a twin leaves out: where the real files lie, who wrote the real documents, and sums over files.
LEFT_OUT = {"earthsearch:s3_path", "earthsearch:payload_id"}
LEFT_OUT_OF_ASSETS = {
    "storage:platform",
    "storage:region",
    "storage:requester_pays",
    "alternate",
    "file:checksum",
    "file:size",
}
NO_FILE = {
    "aot", "AOT", "wvp", "WVP", "visual", "thumbnail", "preview", "cloud", "snow", "granule_metadata", "product_metadata",
    "tileinfo_metadata", "safe-manifest", "granule-metadata", "inspire-metadata", "product-metadata", "datastrip-metadata",
    "tilejson", "rendered_preview", "reduced_resolution_browse", "index", "mtl.json", "mtl.txt", "mtl.xml", "ang", "MTL.json",
    "MTL.txt", "MTL.xml", "ANG.txt", "qa_aerosol", "lwir11", "atran", "cdist", "drad", "urad", "trad", "emis", "emsd", "qa",
    "atmos_opacity", "cloud_qa",
}  # fmt: skip


def kind(value):
    """The type of a JSON value, all numbers being one, and of lists and objects what they hold."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return type(value).__name__
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, list):
        return [kind(value[0])] if value else []
    return {key: kind(part) for key, part in value.items()}


@pytest.fixture
def pair(shared, request):
    name = request.param
    path, item_id = SAMPLES[name]
    document = json.loads((shared / path).read_text())
    document = document.get("response", document)
    items = [document] if document.get("type") == "Feature" else document["features"]
    make, scene = OURS[name]
    return next(item for item in items if item["id"] == item_id), make(delivered(scene), lambda path: path)


every_pair = pytest.mark.parametrize("pair", list(SAMPLES), indirect=True)


@every_pair
def test_items_have_the_keys_of_real_ones_in_their_order(pair):
    real, ours = pair
    assert list(ours) == list(real)
    assert ours["stac_version"] == real["stac_version"]
    left_out = {
        address for address in real["stac_extensions"] if "/storage/" in address and "earth" in str(real["links"])
    }
    assert set(ours["stac_extensions"]) == set(real["stac_extensions"]) - left_out
    assert ours["collection"] == real["collection"]
    assert kind(ours["geometry"]) == kind(real["geometry"])
    assert kind(ours["bbox"]) == kind(real["bbox"])


@every_pair
def test_properties_have_the_keys_and_types_of_real_ones(pair):
    real, ours = (item["properties"] for item in pair)
    assert [key for key in real if key not in LEFT_OUT] == list(ours)
    for key, value in ours.items():
        if key != "processing:software":
            assert kind(value) == kind(real[key]), key


@every_pair
def test_assets_are_described_as_real_ones(pair):
    real, ours = (item["assets"] for item in pair)
    kept = [key for key in real if key not in NO_FILE and not key.endswith("-jp2")]
    assert list(ours) == kept
    for key, asset in ours.items():
        expected = {name: value for name, value in real[key].items() if name not in LEFT_OUT_OF_ASSETS}
        assert set(asset) == set(expected), key
        for name, value in asset.items():
            if name in ("href", "proj:shape", "proj:transform", "proj:bbox"):
                assert kind(value) == kind(expected[name])
            else:
                # Titles, names of bands, wavelengths, scales, roles and the meaning of bits: word for word.
                assert value == expected[name], (key, name)


@every_pair
def test_names_have_the_pattern_of_real_ones(pair):
    real, ours = pair
    assert [len(part) for part in ours["id"].split("_")] == [len(part) for part in real["id"].split("_")]
    for key in (
        "s2:product_uri",
        "s2:datatake_id",
        "s2:datastrip_id",
        "s2:granule_id",
        "s2:tile_id",
        "landsat:scene_id",
        "datetime",
        "s1:datatake_id",
    ):
        if key in real["properties"]:
            assert pattern(ours["properties"][key]) == pattern(real["properties"][key]), key


def pattern(text):
    return "".join(
        "9" if sign.isdigit() else sign
        for sign in text.replace("S2C", "S2B")
        .replace("2CPS", "2BPS")
        .replace("S2A", "S2B")
        .replace("2APS", "2BPS")
        .replace("52TGP", "33TWN")
        .replace("47XML", "33TWN")
        .replace("24MUA", "33TWN")
        .replace("13TDE", "33TWN")
        .replace("LC9", "LC8")
    )


def test_view_angles_are_those_of_a_real_tile(shared):
    path, item_id = SAMPLES["earth-search-new"]
    features = json.loads((shared / path).read_text())["response"]["features"]
    real = next(item for item in features if item["id"] == item_id)
    middle = shape(real["geometry"]).centroid
    (one,) = overpasses("S2B", date(2025, 7, 31), date(2025, 7, 31), middle.x, middle.y)
    assert one.view_zenith == pytest.approx(real["properties"]["view:incidence_angle"], abs=0.5)
    assert one.view_azimuth == pytest.approx(real["properties"]["view:azimuth"], abs=5)


def test_what_items_tell_of_a_scene():
    properties = earth_search.sentinel2_item(delivered(sentinel2()), str)["properties"]
    assert properties["datetime"].startswith("2025-05-28T02:15:2")
    # 300 + 200 + 40 of 5,000 pixels; 184 of 5,184 are empty.
    assert properties["eo:cloud_cover"] == 10.8
    assert properties["s2:nodata_pixel_percentage"] == pytest.approx(100 * 184 / 5184, abs=1e-6)
    assert properties["s2:vegetation_percentage"] == 40
    assert isinstance(properties["s2:snow_ice_percentage"], int)
    assert properties["s2:product_uri"].startswith("S2C_MSIL2A_20250528T020701_N0511_R103_T52TGP_20250528T")
    # A quarter later the sun is nearly 1.017 astronomical units away.
    assert (
        0.966
        < earth_search.sentinel2_item(delivered(sentinel2("2024-07-02")), str)["properties"][
            "s2:reflectance_conversion_factor"
        ]
        < 0.968
    )
    radar_item = planetary_computer.sentinel1_item(delivered(radar()), str)
    assert radar_item["id"].startswith("S1A_IW_GRDH_1SDV_20250510T0908")
    assert radar_item["properties"]["proj:shape"] == [144, 144]
    assert radar_item["properties"]["proj:bbox"] == [742680.0, 4799280.0, 744120.0, 4800720.0]
    assert radar_item["properties"]["sat:orbit_state"] == "ascending"
    assert int(radar_item["properties"]["s1:datatake_id"]) == int(radar_item["id"].split("_")[7], 16)


def test_names_of_landsat_products():
    # Made anew for Collection 2 in autumn 2020, eight days after the picture, or on the next day.
    assert names.landsat_product(landsat("2010-06-06", "L5")).startswith("LT05_L2SP_114030_20100606_2020")
    assert names.landsat_product(landsat()) == "LC08_L2SP_114030_20240511_20240519_02_T1"
    assert names.landsat_product(landsat("2024-05-03", "L9"))[:33] == "LC09_L2SP_114030_20240503_2024050"
    assert names.landsat_product(landsat("2020-06-09", "L7")).startswith("LE07_")
    assert names.landsat_id(landsat()) == "LC08_L2SP_114030_20240511_02_T1"
    assert names.landsat_product(landsat(cloud=0.95)).endswith("_02_T2")
    paths = names.paths_of(landsat())
    assert paths["red"].endswith("/LC08_L2SP_114030_20240511_20240519_02_T1_SR_B4.TIF")
    assert names.paths_of(landsat("2010-06-06", "L5"))["red"].endswith("_SR_B3.TIF")
    assert "coastal" not in names.paths_of(landsat("2010-06-06", "L5"))


def test_catalogues_with_pixels_of_their_own_have_files_of_their_own():
    mine, raw = (names.paths_of(sentinel2(provider=name)) for name in ("earth-search", "planetary-computer"))
    assert mine["red"] == "scenes/earth-search/S2C_52TGP_20250528_0_L2A/B04.tif"
    assert set(mine.values()).isdisjoint(raw.values())
    assert len(set(mine.values())) == 13


def test_numbers_of_a_scene_do_not_depend_on_the_process():
    # Python's own hash would give every process another.
    word = b"made/S2C/2025-05-28/52TGP/05.11/0"
    assert names.share_of(sentinel2(), "made") == zlib.crc32(word) / 2**32
    assert timedelta(hours=2) < names.processed_at(sentinel2()) - sentinel2().overpass.when < timedelta(hours=6)
