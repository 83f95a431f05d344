"""Harmonising, by hand: kernels at angles whose values paper gives, slopes whose light is known, shifts of pixels."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from shapely import box

from habitat.contracts.errors import ConfigError, GridMismatch
from habitat.contracts.scene import Asset, Scene
from habitat.imagery.bandpass import as_oli
from habitat.imagery.harmonise.brdf import (
    BRDF_BANDS,
    LOWEST_SUN,
    USUAL_SUN,
    Directions,
    brf,
    c_factor,
    li_sparse,
    ross_thick,
    scene_directions,
    to_nadir,
)
from habitat.imagery.harmonise.illumination import (
    MOST_FACTOR,
    incidence_cosine,
    level_factor,
    light_fit,
    light_sums,
    slope_cosine,
)
from habitat.imagery.harmonise.residual import block_means, residual, shift_between
from habitat.terrain import rises
from habitat.twin.sensors.angles import view_effect
from habitat.twin.sensors.shots import Sun


def scene(**more):
    bands = {"red": Asset("r.tif", 1e-4, -0.1), "nir": Asset("n.tif", 1e-4, -0.1)}
    known = {"sun_elevation": 30.0, "sun_azimuth": 160.0}
    return Scene(
        "s", "sentinel-2-l2a", "stac", "sentinel2", "sentinel-2a", datetime(2025, 5, 1, 2, tzinfo=UTC),
        date(2025, 5, 1), "52TGP", box(131, 43, 132, 44), bands, None, **(known | more),
    )  # fmt: skip


# Directions


def test_kernels_by_hand():
    # Sun at 60 degrees, seen from above: (pi/6 * 1/2 + sqrt(3)/2) / (3/2) - pi/4, and crowns whose shadows do not
    # overlap: -(2 + 1) + (1 + 1/2) / (2 * 1/2).
    low = Directions(60.0, 0.0, 0.0)
    assert ross_thick(low) == pytest.approx((math.pi / 12 + math.sqrt(3) / 2) / 1.5 - math.pi / 4, abs=1e-12)
    assert li_sparse(low) == pytest.approx(-1.5, abs=1e-12)
    # Sun behind the satellite at 30 degrees: no shadow is seen; pi/2 / sqrt(3) - pi/4 and sec^2 - sec.
    hot = Directions(30.0, 30.0, 0.0)
    assert ross_thick(hot) == pytest.approx(math.pi / (2 * math.sqrt(3)) - math.pi / 4, abs=1e-7)
    assert li_sparse(hot) == pytest.approx(4 / 3 - 2 / math.sqrt(3), abs=1e-7)


def test_factor_by_hand():
    # At 45 degrees shadows overlap: cos t = 2 / (1 + sqrt(2)). Parameters of red: .1690, .0227, .0574.
    root = math.sqrt(2)
    t = math.acos(2 / (1 + root))
    geometric = (t - math.sin(t) * math.cos(t)) * (1 + root) / math.pi - (1 + root) + (1 + root) / 2
    above = 0.1690 + 0.0227 * geometric + 0.0574 * ((math.pi / 4 + 1) / (root + 2) * root - math.pi / 4)
    low = 0.1690 - 0.0227 * 1.5 - 0.0574 * 0.0335150
    assert geometric == pytest.approx(-1.106819, abs=1e-6)
    assert c_factor("red", Directions(60.0, 0.0, 0.0), sun_zenith=45.0) == pytest.approx(above / low, abs=1e-6)


@pytest.mark.parametrize("band", BRDF_BANDS)
def test_nothing_changes_from_above_under_the_usual_sun(band):
    assert c_factor(band, Directions(USUAL_SUN, 0.0, 77.0)) == 1.0


@given(st.floats(0, 70), st.floats(0, 60), st.floats(0, 180))
@settings(max_examples=60, deadline=None)
def test_sun_and_satellite_may_change_places(sun, view, between):
    one, other = Directions(sun, view, between), Directions(view, sun, between)
    assert ross_thick(one) == pytest.approx(ross_thick(other), abs=1e-9)
    assert li_sparse(one) == pytest.approx(li_sparse(other), abs=1e-9)


def test_factors_undo_what_the_twin_does_to_directions():
    sun = Sun(azimuth=150.0, elevation=52.0)
    seen = view_effect(("red", "nir", "swir16"), sun, 8.0, 105.0)
    factors = [c_factor(b, Directions(38.0, 8.0, 45.0), sun_zenith=40.0) for b in ("red", "nir", "swir1")]
    np.testing.assert_allclose(seen * np.array(factors), 1.0, atol=1e-6)


def test_bands_and_angles_that_cannot_be_are_refused():
    with pytest.raises(ConfigError, match="no parameters are published for 'coastal'"):
        brf("coastal", Directions(40.0, 0.0, 0.0))
    with pytest.raises(ConfigError, match="sun at 95 and view at 0 degrees"):
        brf("red", Directions(95.0, 0.0, 0.0))


def test_a_scene_is_scaled_and_says_what_was_assumed():
    made = to_nadir(scene(view_zenith=8.0, view_azimuth=105.0))
    factor = c_factor("red", Directions(60.0, 8.0, 55.0))
    assert made.bands["red"].scale == pytest.approx(1e-4 * factor, rel=1e-12)
    assert made.bands["red"].offset == pytest.approx(-0.1 * factor, rel=1e-12)
    assert made.bands["red"].href == "r.tif"
    assert "one view of 8.0 degrees" in made.extras["brdf"]


@pytest.mark.parametrize(
    ("more", "expected", "said"),
    [
        ({}, Directions(60.0, 0.0, 0.0), "view unknown and not corrected"),
        ({"sensor": "landsat"}, Directions(60.0, 0.0, 0.0), "view straight down assumed"),
        ({"view_zenith": 0.0}, Directions(60.0, 0.0, 0.0), "by the item"),
        ({"view_zenith": 8.0}, Directions(60.0, 0.0, 0.0), "azimuth of sun or view unknown"),
        ({"view_zenith": 8.0, "view_azimuth": 350.0, "sun_azimuth": 10.0}, Directions(60.0, 8.0, 20.0), "8.0 degrees"),
        ({"sun_elevation": 10.0}, Directions(LOWEST_SUN, 0.0, 0.0), "sun at 80.0 degrees"),
        ({"sun_elevation": None}, None, "does not say where the sun stood"),
        ({"sun_elevation": -3.0}, None, "does not say where the sun stood"),
        ({"view_zenith": 75.0}, None, "none from above"),
    ],
)
def test_what_an_item_leaves_open_is_said(more, expected, said):
    found, words = scene_directions(replace(scene(), **more))
    assert found == (expected if expected is None else pytest.approx(expected))
    assert said in words
    if expected is None:
        unchanged = to_nadir(replace(scene(), **more))
        assert (unchanged.bands, unchanged.extras["brdf"]) == (scene().bands, words)


def test_bandpass_comes_before_directions_and_stays_as_it_was():
    plain = scene()
    narrow = replace(plain, bands={"red": plain.bands["red"], "nir_narrow": plain.bands["nir"]})
    oli = as_oli(narrow)
    assert (oli.bands["red"].scale, oli.bands["red"].offset) == pytest.approx((0.9765e-4, -0.1 * 0.9765 + 0.0009))
    both = to_nadir(oli)
    factor = c_factor("nir", Directions(60.0, 0.0, 0.0))
    assert both.bands["nir"].offset == pytest.approx((-0.1 * 0.9983 - 0.0001) * factor)
    assert {"bandpass", "brdf"} <= set(both.extras)
    coastal = to_nadir(replace(plain, bands={"coastal": plain.bands["red"]}))
    assert coastal.bands["coastal"] == plain.bands["red"]
    assert "no parameters for coastal" in coastal.extras["brdf"]


# Slopes


def hills(size=60):
    heights = 300 * ndimage.gaussian_filter(np.random.default_rng(3).normal(size=(size, size)), 4)
    return rises(heights * 1.5, 20.0)


def test_light_on_slopes_by_hand():
    # A slope of 45 degrees that falls towards the south, sun in the south at 45 degrees: it stands upright to the sun.
    east, north = np.zeros((1, 1), np.float32), np.ones((1, 1), np.float32)
    assert float(incidence_cosine(east, north, 45.0, 180.0)[0, 0]) == pytest.approx(1.0, abs=1e-6)
    assert float(incidence_cosine(east, north, 45.0, 0.0)[0, 0]) == pytest.approx(0.0, abs=1e-6)
    assert float(slope_cosine(east, north)[0, 0]) == pytest.approx(math.sqrt(0.5), abs=1e-6)


def test_slopes_lit_as_the_method_supposes_come_back_level():
    east, north = hills()
    sun, true = 55.0, 0.25
    light, steep = incidence_cosine(east, north, sun, 150.0), slope_cosine(east, north)
    # Level reflectance .2 seen through the inverse of the correction with C = .4.
    factor = level_factor(light, steep, sun, 0.4)
    seen = true / factor
    assert seen.std() / seen.mean() > 0.1
    np.testing.assert_allclose(seen * factor, true, rtol=1e-6)
    # On a surface that is a line of the light, C is found, and what is left has no more to do with it.
    line = 0.1 + 0.25 * light
    fit = light_fit(light_sums(line, light))
    assert fit.c == pytest.approx(0.4, abs=1e-5)
    assert fit.correlation == pytest.approx(1.0, abs=1e-6)
    flat = line * level_factor(light, steep, sun, fit.c)
    lit = light > 0
    assert abs(np.corrcoef(flat[lit], light[lit])[0, 1]) < 0.75
    assert flat[lit].std() < 0.25 * line[lit].std()


def test_too_little_relief_or_ground_is_refused_with_the_reason():
    east, north = hills()
    light = incidence_cosine(east, north, 55.0, 150.0)
    few = light_fit(light_sums(np.full((10, 10), 0.2), np.linspace(0.1, 0.9, 100).reshape(10, 10)))
    assert (math.isnan(few.c), few.pixels, few.why) == (True, 100, "fewer than 1000 clear pixels")
    level = light_fit(light_sums(np.full(light.shape, 0.2), np.full(light.shape, 0.57)))
    assert (math.isnan(level.c), level.why) == (True, "too level to learn from")
    away = light_fit(light_sums(0.3 - 0.1 * light, light))
    assert away.why == "slopes towards the sun are not brighter"
    assert away.correlation == pytest.approx(-1.0, abs=1e-4)
    assert (level_factor(light, slope_cosine(east, north), 55.0, away.c) == 1).all()
    with pytest.raises(GridMismatch, match="wants the same"):
        light_sums(light, light[1:])


def test_sums_of_windows_are_the_sums_of_the_whole():
    east, north = hills()
    light = incidence_cosine(east, north, 55.0, 150.0)
    seen = 0.1 + 0.2 * light + np.random.default_rng(2).normal(scale=0.02, size=light.shape)
    seen[5:9] = np.nan
    whole = light_fit(light_sums(seen, light))
    parts = light_fit(light_sums(seen[:20], light[:20]) + light_sums(seen[20:], light[20:]))
    assert (parts.c, parts.pixels) == pytest.approx((whole.c, whole.pixels))
    known = np.isfinite(seen) & (light > 0)
    assert whole.correlation == pytest.approx(np.corrcoef(seen[known], light[known])[0, 1], abs=1e-6)


def test_a_line_below_zero_has_no_light_of_the_sky_and_shade_is_bounded():
    east, north = hills()
    light = incidence_cosine(east, north, 55.0, 150.0)
    assert light_fit(light_sums(light - 0.1, light)).c == 0.0
    factor = level_factor(light, slope_cosine(east, north), 55.0, 0.0)
    assert factor.max() <= MOST_FACTOR
    assert level_factor(np.array([[np.nan]], np.float32), np.ones((1, 1), np.float32), 55.0, 0.3).tolist() == [[1.0]]


# What is left


def test_blocks_count_where_all_of_them_is_clear():
    values = np.arange(16.0).reshape(1, 4, 4)
    usable = np.ones((4, 4), bool)
    usable[0, 0] = False
    means = block_means(values, usable, 2)
    assert np.isnan(means[0, 0, 0])
    assert means[0, 1, 1] == pytest.approx((10 + 11 + 14 + 15) / 4)
    with pytest.raises(GridMismatch):
        block_means(values, usable[1:], 2)


def test_residual_by_hand():
    first, second = np.array([0.1, 0.2, 0.4, np.nan]), np.array([0.1, 0.1, 0.1, 0.2])
    found = residual(first, second)
    assert (found.bias, found.blocks) == (0.1, 3)
    assert found.rmsd == pytest.approx(math.sqrt((0.01 + 0.09) / 3))
    assert math.isnan(residual(first[3:], second[3:]).bias)
    with pytest.raises(GridMismatch):
        residual(first, second[1:])


@given(st.floats(-2, 2), st.floats(-2, 2))
@settings(max_examples=15, deadline=None)
def test_shifts_are_found_to_a_tenth_of_a_pixel(down, right):
    rough = ndimage.gaussian_filter(np.random.default_rng(5).normal(size=(90, 90)), 1.5)
    moved = ndimage.shift(rough, (down, right), order=3, mode="wrap")
    found = shift_between([(moved[13:77, 13:77], rough[13:77, 13:77])])
    assert (found.rows, found.columns) == pytest.approx((down, right), abs=0.1)


def test_other_ground_has_no_sharp_peak_and_level_ground_no_shift():
    random = np.random.default_rng(6)
    first, second = (ndimage.gaussian_filter(random.normal(size=(64, 64)), 1.5) for _ in range(2))
    assert shift_between([(first, second)]).sharpness < 0.3
    assert shift_between([(first, first)]).sharpness == pytest.approx(1.0, abs=1e-9)
    assert shift_between([]) is None
    assert shift_between([(np.zeros((8, 8)), np.zeros((8, 8)))]) is None
    with pytest.raises(GridMismatch, match="one shape"):
        shift_between([(first, second[1:])])
