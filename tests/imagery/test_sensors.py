"""Sensors: band names of every catalogue, the numbering of old Landsats, masks and valid numbers."""

from __future__ import annotations

import pickle

import pytest

from habitat.imagery.sensors import LANDSAT, SENSORS, SENTINEL2

CANONICAL = (
    "coastal",
    "blue",
    "green",
    "red",
    "rededge1",
    "rededge2",
    "rededge3",
    "nir",
    "nir_narrow",
    "swir1",
    "swir2",
)


def test_list_holds_each_sensor_under_its_own_name():
    assert list(SENSORS) == ["sentinel2", "landsat", "sentinel1"]
    assert all(SENSORS[name].name == name for name in SENSORS)


def test_bands_are_canonical_and_in_the_canonical_order():
    assert tuple(SENTINEL2.bands) == CANONICAL
    for platform in ("landsat-5", "landsat-8"):
        bands = tuple(LANDSAT.asset_names(platform))
        assert bands == tuple(band for band in CANONICAL if band in bands)


@pytest.mark.parametrize("platform", ["sentinel-2a", "landsat-5", "landsat-9", "landsat-12"])
def test_no_asset_name_means_two_bands(platform):
    sensor = LANDSAT if platform.startswith("landsat") else SENTINEL2
    names = [name for candidates in sensor.asset_names(platform).values() for name in candidates]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("platform", "number", "band"),
    [
        # TM and ETM+ count blue as 1 and have a thermal band 6; OLI has coastal as 1 and counts on to 7.
        ("landsat-5", 1, "blue"),
        ("landsat-7", 4, "nir"),
        ("landsat-4", 5, "swir1"),
        ("landsat-7", 7, "swir2"),
        ("landsat-8", 1, "coastal"),
        ("landsat-9", 4, "red"),
        ("landsat-8", 5, "nir"),
        ("landsat-9", 7, "swir2"),
        ("landsat-10", 6, "swir1"),
    ],
)
def test_numbered_landsat_bands(platform, number, band):
    found = [name for name, assets in LANDSAT.asset_names(platform).items() if f"SR_B{number}" in assets]
    assert found == [band]


def test_old_landsats_have_no_coastal_band():
    assert "coastal" not in LANDSAT.asset_names("landsat-7")
    assert "coastal" in LANDSAT.asset_names("landsat-8")


def test_near_infrared_of_sentinel2_is_the_broad_band_and_landsats_is_nir08():
    assert "nir08" in SENTINEL2.bands["nir_narrow"]
    assert "B08" in SENTINEL2.bands["nir"]
    assert "nir08" in LANDSAT.bands["nir"]


def test_fill_of_each_mask_reads_as_no_data():
    # SCL 0 is no data; QA_PIXEL 0 would mean a pixel without fill, cloud and shadow.
    assert SENTINEL2.mask_nodata == 0
    assert LANDSAT.mask_nodata == 1


def test_landsat_valid_numbers_are_reflectance_0_to_1():
    low, high = LANDSAT.valid_dn
    # 7273 * 0.0000275 - 0.2 = 0.0000075; 43636 * 0.0000275 - 0.2 = 0.99999
    assert low * 2.75e-5 - 0.2 == pytest.approx(7.5e-6, abs=1e-9)
    assert high * 2.75e-5 - 0.2 == pytest.approx(0.99999, abs=1e-9)


def test_sensors_travel_to_worker_processes():
    assert pickle.loads(pickle.dumps(LANDSAT)) == LANDSAT
