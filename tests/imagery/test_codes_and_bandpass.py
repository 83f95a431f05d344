"""Codes and bandpass: numbers of different scenes brought to one scale, by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely import box

from habitat.contracts import Asset, Scene
from habitat.imagery.bandpass import OLI_BANDS, as_oli
from habitat.imagery.codes import COMMON, Codes, harmonise
from habitat.imagery.radiometry import msi_to_oli


@given(st.integers(1, 65534), st.sampled_from([Codes(1e-4, 0.0), Codes(1e-4, -0.1), Codes(2.75e-5, -0.2)]))
def test_reflectance_survives_to_half_a_code(number, own):
    numbers = np.array([[number]], np.uint16)
    harmonise(numbers, own)
    before, after = number * own.scale + own.offset, numbers[0, 0] * COMMON.scale + COMMON.offset
    highest = 65534 * COMMON.scale + COMMON.offset
    assert after == pytest.approx(min(max(before, -0.1999), highest), abs=0.5001e-4)


def test_sentinel_numbers_of_both_kinds_meet_without_rounding():
    old, new = np.array([[0, 150, 65535]], np.uint16), np.array([[0, 1150, 65535]], np.uint16)
    harmonise(old, Codes(1e-4, 0.0))
    harmonise(new, Codes(1e-4, -0.1))
    assert old.tolist() == new.tolist() == [[0, 2150, 65535]]


def scene(sensor, platform, bands):
    when = datetime(2025, 5, 3, tzinfo=UTC)
    assets = {band: Asset(f"{band}.tif", 1e-4, -0.1) for band in bands}
    return Scene(
        "s", "c", "stac", sensor, platform, when, date(2025, 5, 3), "52TFN", box(131, 43, 132, 44), assets, None
    )


def test_sentinels_narrow_band_stands_for_near_infrared():
    made = as_oli(scene("sentinel2", "sentinel-2b", ("blue", "nir", "nir_narrow", "rededge1")))
    assert set(made.bands) == {"blue", "nir"}
    assert made.bands["nir"].href == "nir_narrow.tif"
    # 2B: 0.9966 * reflectance + 0, with reflectance = DN * 1e-4 - 0.1.
    assert made.bands["nir"].scale == pytest.approx(0.9966e-4)
    assert made.bands["nir"].offset == pytest.approx(-0.09966)
    line = msi_to_oli("sentinel-2b", "blue")
    for number in (1200, 5000):
        asset = made.bands["blue"]
        assert number * asset.scale + asset.offset == pytest.approx((number * 1e-4 - 0.1) * line.slope + line.intercept)
    assert "Claverie" in made.extras["bandpass"]


def test_oli_stays_and_etm_is_lifted():
    oli = scene("landsat", "landsat-9", (*OLI_BANDS, "coastal"))
    assert as_oli(oli).bands == {band: oli.bands[band] for band in OLI_BANDS}
    # Roy et al.: swir2 = 0.0172 + 0.9071 * ETM+; at reflectance 0 (DN 1000) that is the intercept.
    etm = as_oli(replace(oli, platform="landsat-7")).bands["swir2"]
    assert 1000 * etm.scale + etm.offset == pytest.approx(0.0172)
