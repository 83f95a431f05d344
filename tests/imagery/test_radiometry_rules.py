"""Radiometry rules: which metadata decides scale and offset, and bandpass lines worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from habitat.contracts.errors import CatalogueError, ConfigError
from habitat.imagery.radiometry import (
    baseline_number,
    declared_scale,
    etm_to_oli,
    landsat_radiometry,
    msi_to_oli,
    oli_like,
    processing_baseline,
    sentinel2_radiometry,
)

V1 = {"raster:bands": [{"scale": 0.0001, "offset": -0.1}]}
V1_OLD = {"raster:bands": [{"scale": 0.0001, "offset": 0}]}
V2 = {"raster:scale": 0.0001, "raster:offset": -0.1}
SILENT = {}
FLAG = "earthsearch:boa_offset_applied"


@pytest.mark.parametrize(
    ("properties", "asset", "baseline", "offset"),
    [
        # Earth Search v1: the flag decides, whatever raster:bands says.
        ({FLAG: True}, V1, "05.09", 0.0),
        ({FLAG: True}, V1, "04.00", 0.0),
        ({FLAG: True}, SILENT, None, 0.0),
        ({FLAG: False}, V1, "04.00", -0.1),
        ({FLAG: False}, V1, "05.11", -0.1),
        ({FLAG: False}, V1_OLD, "02.14", 0.0),
        ({FLAG: False}, V1_OLD, "00.01", 0.0),
        ({FLAG: False}, V1, None, -0.1),
        ({"sentinel:boa_offset_applied": True}, SILENT, "04.00", 0.0),
        ({FLAG: "true"}, V1, "05.09", 0.0),
        # Collection 1 and CDSE: the asset says it.
        ({}, V1, "05.11", -0.1),
        ({}, V2, "05.00", -0.1),
        ({}, V1_OLD, None, 0.0),
        # Planetary Computer and others: the baseline says it, and 04.00 is the first with the offset.
        ({}, SILENT, "04.00", -0.1),
        ({}, SILENT, "03.01", 0.0),
        ({}, SILENT, "05.10", -0.1),
        ({}, SILENT, "10.00", -0.1),
        ({}, {"raster:bands": [{"nodata": 0, "data_type": "uint16"}]}, "02.12", 0.0),
        # Items made from GDAL's own tags declare scale 1 and offset 0 for any file.
        ({}, {"raster:bands": [{"scale": 1.0, "offset": 0.0}]}, "05.09", -0.1),
        # A harmonised copy: the catalogue says it took the offset out.
        ({}, V1_OLD, "05.09", 0.0),
    ],
)
def test_sentinel2_offset(properties, asset, baseline, offset):
    got = sentinel2_radiometry(properties, asset, baseline)
    assert (got.scale, got.offset, got.offset_present) == (1e-4, offset, offset != 0)
    assert got.rule


def test_the_date_decides_nothing():
    # The same baseline before and after 25 January 2022 gives the same offset.
    early = sentinel2_radiometry({"datetime": "2020-03-05T10:37:41Z"}, SILENT, "05.00")
    late = sentinel2_radiometry({"datetime": "2022-03-05T10:37:41Z"}, SILENT, "03.01")
    assert (early.offset, late.offset) == (-0.1, 0.0)


def test_the_rule_says_when_baseline_and_declaration_disagree():
    assert "suggests otherwise" in sentinel2_radiometry({}, V1_OLD, "05.09").rule
    assert "suggests otherwise" not in sentinel2_radiometry({}, V1, "05.09").rule


def test_baseline_is_found_when_not_given():
    got = sentinel2_radiometry({"s2:processing_baseline": "05.09"}, SILENT)
    assert got.offset == -0.1


@pytest.mark.parametrize(
    ("asset", "word"),
    [
        ({"raster:bands": [{"scale": 0.001, "offset": 0}]}, "scale 0.001"),
        ({"raster:bands": [{"scale": 0.0001, "offset": -0.2}]}, "offset -0.2"),
        ({"raster:bands": [{"scale": 0.0001, "offset": 0.1}]}, "offset 0.1"),
        ({"raster:bands": [{"scale": "much"}]}, "much"),
    ],
)
def test_sentinel2_nonsense_is_refused(asset, word):
    with pytest.raises(CatalogueError, match=word):
        sentinel2_radiometry({}, asset, "05.09")


@pytest.mark.parametrize("properties", [{}, {FLAG: False}])
def test_silence_is_refused(properties):
    with pytest.raises(CatalogueError, match="baseline"):
        sentinel2_radiometry(properties, SILENT, None)


@pytest.mark.parametrize(
    ("properties", "item_id", "baseline"),
    [
        ({"s2:processing_baseline": "05.09"}, "", "05.09"),
        ({"s2:processing_baseline": "4.00"}, "", "04.00"),
        ({"processing:version": "05.11"}, "", "05.11"),
        ({"processing:version": "v2025.06"}, "", None),
        ({"sentinel:processing_baseline": "04.00"}, "", "04.00"),
        ({"s2:datatake_id": "GS2A_20200305T103021_024558_N02.14"}, "", "02.14"),
        ({"eopf:datatake_id": "GS2B_20200705T101559_017394_N05.00"}, "", "05.00"),
        ({}, "S2B_MSIL2A_20200705T101559_N0500_R065_T32TNT_20230530T175912", "05.00"),
        ({}, "S2B_MSIL2A_20200705T101559_N9905_R065_T32TNT_20230530T175912", "99.05"),
        ({}, "S2B_52TFN_20250503_0_L2A", None),
        # The item's own field goes before the name of the datatake, which may be older.
        ({"s2:processing_baseline": "02.07", "s2:datatake_id": "GS2B_20180521T100029_006297_N02.06"}, "", "02.07"),
    ],
)
def test_processing_baseline(properties, item_id, baseline):
    assert processing_baseline(properties, item_id) == baseline


def test_baselines_compare_as_numbers():
    assert baseline_number("10.00") > baseline_number("05.11") > baseline_number("05.09")
    assert baseline_number(None) is None
    assert baseline_number("new") is None


@pytest.mark.parametrize(
    ("asset", "pair"),
    [
        (V1, (0.0001, -0.1)),
        (V2, (0.0001, -0.1)),
        ({"bands": [{"raster:scale": 0.0001, "raster:offset": -0.1}]}, (0.0001, -0.1)),
        ({"bands": [{"name": "B04"}], "raster:scale": 0.0001}, (0.0001, None)),
        ({"raster:bands": [], "bands": [{"raster:scale": 0.5}]}, (0.5, None)),
        ({"eo:bands": [3]}, (None, None)),
        ({}, (None, None)),
    ],
)
def test_declared_scale_in_every_version(asset, pair):
    assert declared_scale(asset) == pair


@pytest.mark.parametrize(
    ("asset", "pair"),
    [
        ({}, (2.75e-5, -0.2)),
        ({"raster:bands": [{"scale": 2.75e-5, "offset": -0.2}]}, (2.75e-5, -0.2)),
        ({"raster:bands": [{"scale": 1.0, "offset": 0.0}]}, (2.75e-5, -0.2)),
        # Collection 1 kept reflectance times 10000.
        ({"raster:bands": [{"scale": 0.0001, "offset": 0}]}, (0.0001, 0.0)),
    ],
)
def test_landsat_scale(asset, pair):
    got = landsat_radiometry(asset)
    assert (got.scale, got.offset, got.offset_present) == (*pair, None)


@pytest.mark.parametrize(
    "declared",
    [
        {"scale": 0.00341802, "offset": 149.0},
        {"scale": 2.75e-5, "offset": 0},
        {"scale": 2.75e-5},
        {"scale": -2.75e-5, "offset": -0.2},
        {"scale": 2.75e-5, "offset": 0.2},
    ],
)
def test_landsat_nonsense_is_refused(declared):
    with pytest.raises(CatalogueError, match="Landsat"):
        landsat_radiometry({"raster:bands": [declared]})


def test_bandpass_of_sentinel2a_by_hand():
    # red 0.2: 0.9765 * 0.2 + 0.0009 = 0.1962; SWIR2 0.1: 1.0030 * 0.1 - 0.0012 = 0.0991
    assert oli_like(0.2, msi_to_oli("sentinel-2a", "red")) == pytest.approx(0.1962, abs=1e-12)
    assert oli_like(0.1, msi_to_oli("sentinel-2a", "swir2")) == pytest.approx(0.0991, abs=1e-12)


def test_bandpass_of_sentinel2b_by_hand():
    # near infrared 0.3: 0.9966 * 0.3 + 0 = 0.29898; SWIR2 0.1: 0.9867 * 0.1 + 0.0004 = 0.09907
    assert oli_like(0.3, msi_to_oli("sentinel-2b", "nir_narrow")) == pytest.approx(0.29898, abs=1e-12)
    assert oli_like(0.1, msi_to_oli("sentinel-2b", "swir2")) == pytest.approx(0.09907, abs=1e-12)


def test_sentinel2c_takes_the_numbers_of_2a_and_says_so():
    line = msi_to_oli("sentinel-2c", "green")
    assert (line.slope, line.intercept) == (1.0053, -0.0009)
    assert "stands in for sentinel-2c" in line.source
    assert "stands in" not in msi_to_oli("sentinel-2b", "green").source


def test_bandpass_of_etm_by_hand():
    # blue 0.1: 0.8474 * 0.1 + 0.0003 = 0.08504; near infrared 0.3: 0.8462 * 0.3 + 0.0412 = 0.29506
    assert oli_like(0.1, etm_to_oli("landsat-7", "blue")) == pytest.approx(0.08504, abs=1e-12)
    assert oli_like(0.3, etm_to_oli("landsat-7", "nir")) == pytest.approx(0.29506, abs=1e-12)
    assert "TM of landsat-5" in etm_to_oli("landsat-5", "red").source


def test_bandpass_keeps_arrays_gaps_and_types():
    line = etm_to_oli("landsat-7", "swir1")
    layer = xr.DataArray(np.array([[0.2, np.nan]], dtype=np.float32), dims=("y", "x"))
    got = oli_like(layer, line)
    # 0.8937 * 0.2 + 0.0254 = 0.20414
    assert got.values[0, 0] == pytest.approx(0.20414, abs=1e-6)
    assert np.isnan(got.values[0, 1])
    assert got.dtype == np.float32


@pytest.mark.parametrize("band", ["nir", "rededge1", "thermal"])
def test_bands_without_a_line_are_refused(band):
    with pytest.raises(ConfigError, match=band):
        msi_to_oli("sentinel-2a", band)


def test_satellites_without_a_line_are_refused():
    with pytest.raises(ConfigError, match="landsat-8"):
        etm_to_oli("landsat-8", "red")
    with pytest.raises(ConfigError, match="coastal"):
        etm_to_oli("landsat-7", "coastal")
