"""Backscatter: decibels and power are never confused, and speckle is averaged as power."""

from __future__ import annotations

import numpy as np
import pytest

from habitat.contracts.errors import CatalogueError, ConfigError
from habitat.imagery.backscatter.speckle import (
    equivalent_looks,
    look_statistics,
    multitemporal,
    ratio_db,
    window_mean,
)
from habitat.imagery.backscatter.units import (
    contradiction,
    db_codes,
    decibels,
    declared_unit,
    power,
    radar_radiometry,
)

RTC = {"description": "Terrain-corrected gamma naught values", "raster:bands": [{"nodata": -32768}]}


def test_power_and_decibels_are_each_others_inverse():
    levels = np.linspace(-30, 5, 71)
    assert np.allclose(decibels(power(levels, "dB")), levels, atol=1e-4)
    assert np.allclose(power(power(levels, "dB"), "power"), power(levels, "dB"))
    assert np.isnan(decibels(np.array([0.0, -1.0, np.nan]))).all()


def test_codes_hold_hundredths_and_never_wrap():
    assert db_codes(np.array([-7.004, -7.006, 400.0, -400.0, np.nan])).tolist() == [-700, -701, 32767, -32767, -32768]


@pytest.mark.parametrize(
    ("band", "unit"),
    [
        ({"unit": "dB", "scale": 0.01}, "dB"),
        ({"unit": "DB"}, "dB"),
        ({"unit": "linear"}, "power"),
        ({"unit": "power"}, "power"),
        ({"unit": "1"}, "power"),
    ],
)
def test_a_declared_unit_decides(band, unit):
    told = radar_radiometry({"raster:bands": [band]}, "sentinel-1-grd")
    assert told.unit == unit
    assert told.scale == band.get("scale", 1.0)


def test_a_documented_collection_is_power_and_others_are_refused():
    assert radar_radiometry(RTC, "sentinel-1-rtc").unit == "power"
    # The same numbers in another collection, or without the words of the documented one, say nothing.
    for asset, collection in ((RTC, "sentinel-1-grd"), ({"raster:bands": [{}]}, "sentinel-1-rtc")):
        with pytest.raises(CatalogueError, match="nothing says whether its numbers are decibels or power"):
            radar_radiometry(asset, collection)
    # What is declared goes before what is documented.
    assert radar_radiometry(RTC | {"raster:bands": [{"unit": "dB"}]}, "sentinel-1-rtc").unit == "dB"


@pytest.mark.parametrize("unit", ["amplitude", "DN", "degree"])
def test_other_units_are_refused(unit):
    with pytest.raises(CatalogueError, match=f"'{unit}', wants dB or linear power"):
        radar_radiometry({"raster:bands": [{"unit": unit}]}, "sentinel-1-rtc")


@pytest.mark.parametrize("scale", [0, -0.01, float("inf")])
def test_impossible_scales_are_refused(scale):
    with pytest.raises(CatalogueError, match="wants finite numbers"):
        radar_radiometry({"raster:bands": [{"unit": "dB", "scale": scale}]}, "sentinel-1-rtc")


def test_unit_is_read_in_every_shape_of_the_extension():
    assert declared_unit({"unit": "dB"}) == declared_unit({"bands": [{"raster:unit": "dB"}]}) == "dB"
    assert declared_unit({"raster:bands": []}) is None
    assert declared_unit({}) is None


def test_pixels_that_contradict_their_unit_are_seen():
    rng = np.random.default_rng(3)
    land = rng.normal(-12, 4, 1000)
    assert contradiction(land, "dB") == ""
    assert contradiction(power(land, "dB"), "power") == ""
    assert "below zero" in contradiction(land, "power")
    assert "above 0 dB" in contradiction(power(land, "dB"), "dB")
    # Too few pixels prove nothing.
    assert contradiction(land[:10], "power") == ""


def test_mean_of_looks_is_that_of_power():
    looks = np.array([0.1, 0.001], np.float32).reshape(2, 1, 1)
    told = look_statistics(looks)
    # In decibels the mean would be -20 dB, 7 dB too low.
    assert decibels(told.mean)[0, 0] == pytest.approx(-12.967, abs=1e-3)
    assert told.spread_db[0, 0] == pytest.approx(20 / np.sqrt(2), abs=1e-3)


def test_one_look_has_no_spread_and_none_no_mean():
    looks = np.array([[0.1, np.nan], [np.nan, np.nan]], np.float32).reshape(2, 1, 2)
    told = look_statistics(looks)
    assert told.looks.tolist() == [[1, 0]]
    assert np.isnan(told.spread_db).all()
    assert np.isnan(told.mean[0, 1])
    assert look_statistics(np.empty((0, 2, 2), np.float32)).looks.tolist() == [[0, 0], [0, 0]]


def test_looks_are_counted_up_to_what_a_byte_holds():
    assert look_statistics(np.full((300, 1, 1), 0.1, np.float32)).looks[0, 0] == 254


def test_window_mean_keeps_gaps_and_does_not_bleed_over_them():
    values = np.full((5, 5), 1.0, np.float32)
    values[2, 2] = np.nan
    values[0, 0] = 10.0
    got = window_mean(values, 3)
    assert np.isnan(got[2, 2])
    assert got[0, 0] == pytest.approx((10 + 3) / 4)
    assert got[1, 1] == pytest.approx((10 + 7) / 8)
    assert got[4, 4] == 1.0


@pytest.mark.parametrize("size", [0, 2, -3])
def test_window_must_be_odd(size):
    with pytest.raises(ConfigError, match="odd number"):
        window_mean(np.ones((3, 3), np.float32), size)


def test_window_of_a_part_with_its_halo_is_that_of_the_whole_bit_for_bit():
    rng = np.random.default_rng(5)
    whole = rng.gamma(4.4, 0.02, (2, 40, 40)).astype(np.float32)
    whole[:, 3:6, 8:20] = np.nan
    part = window_mean(whole[:, 5:25, 6:30], 7)[:, 3:-3, 3:-3]
    assert np.array_equal(part, window_mean(whole, 7)[:, 8:22, 9:27], equal_nan=True)


def test_filter_over_many_dates_wins_looks_and_keeps_detail():
    rng = np.random.default_rng(7)
    ground = np.full((60, 60), 0.1)
    ground[:, 30:] = 0.02
    looks = (ground * rng.gamma(4.4, 1 / 4.4, (12, 60, 60))).astype(np.float32)
    filtered = multitemporal(looks, 7)
    before, after = (equivalent_looks(stack[0][:, 5:25]) for stack in (looks, filtered))
    assert 3.5 < before < 5.5
    # 12 dates of 4.4 looks, less what the local means err.
    assert 25 < after < 60
    assert filtered.mean() == pytest.approx(looks.mean(), rel=0.02)
    # The edge of the field is where it was: a window of 7 alone would smear it over 6 pixels.
    edge = filtered[0].mean(axis=0)
    assert edge[28] > 0.08
    assert edge[31] < 0.035


def test_filter_knows_no_more_dates_than_there_are():
    looks = np.full((3, 9, 9), 0.2, np.float32)
    looks[1, 4, 4] = np.nan
    got = multitemporal(looks, 3)
    assert np.isnan(got[1, 4, 4])
    assert np.nanmax(abs(got - 0.2)) < 1e-6


def test_ratio_is_made_of_power():
    assert ratio_db(np.array([0.01], np.float32), np.array([0.1], np.float32))[0] == pytest.approx(-10)
    assert np.isnan(ratio_db(np.array([0.01, np.nan], np.float32), np.array([0.0, 0.1], np.float32))).all()


def test_equivalent_looks_of_nearly_nothing_are_unknown():
    assert np.isnan(equivalent_looks(np.ones((2, 2), np.float32)))
    assert np.isnan(equivalent_looks(np.ones((9, 9), np.float32)))
