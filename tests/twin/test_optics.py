"""Light on slopes, directions, texture and mixing: numbers worked out by hand."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.errors import ConfigError
from habitat.twin.land.landscape import Country, Cover, Landscape
from habitat.twin.land.vegetation import Ground, Stand
from habitat.twin.materials import BANDS, MATERIALS, OLI_BANDS, SPECTRA, spectra_of
from habitat.twin.sensors.angles import _kernels
from habitat.twin.sensors.optics import (
    LANDSAT_LEFT,
    SENTINEL2_LEFT,
    USUAL_SUN,
    coarsened,
    light_on,
    lit_reflectance,
    reflectance_of,
    sun_at,
    sunlight,
    view_effect,
)  # fmt: skip
from habitat.twin.sensors.shots import Sun
from habitat.twin.world import Window

SHAPE = (6, 12)
SOUTH_45 = Sun(azimuth=180.0, elevation=45.0)


def flat_land(rise_east=0.0, rise_north=0.0, grain=0.0):
    zero = np.zeros(SHAPE, np.float32)
    return Landscape(
        window=Window(0, 0, *SHAPE), resolution_m=10.0, elevation=zero + 100, rise_east=zero + rise_east,
        rise_north=zero + rise_north, height=zero, cover=np.full(SHAPE, Cover.OAK, np.uint8), canopy=zero + 0.8,
        tree_height=zero + 15, evergreen=zero, parcel=np.zeros(SHAPE, np.uint16), grain=zero + grain,
        country=np.full(SHAPE, Country.EAST, np.uint8), to_people=zero + 5000,
    )  # fmt: skip


def ground_of(canopy=0.8, **shares):
    stack = np.zeros((len(MATERIALS), *SHAPE), np.float32)
    for name, share in shares.items():
        stack[MATERIALS.index(name)] = share
    zero = np.zeros(SHAPE, np.float32)
    cover = np.full(SHAPE, Cover.OAK, np.uint8)
    stand = Stand(cover, zero + canopy, zero + 15, zero, zero + np.inf, zero, zero + np.inf)
    return Ground(stack, stack[MATERIALS.index("snow")], zero, stand)


def test_the_sun_stands_where_almanacs_say():
    # Equinox, local solar noon: 90 degrees less the latitude, due south.
    noon = sun_at(datetime(2025, 3, 20, 3, 19, 30, tzinfo=UTC), 132.0, 43.35)
    assert noon.elevation == pytest.approx(90 - 43.35, abs=0.15)
    assert noon.azimuth == pytest.approx(180, abs=1)
    # Sentinel-2 passes about 70 minutes before noon: the sun is in the south-east, high in May, low in December.
    may = sun_at(datetime(2025, 5, 13, 2, 2, tzinfo=UTC), 132.0, 43.35)
    december = sun_at(datetime(2024, 12, 20, 2, 2, tzinfo=UTC), 132.0, 43.35)
    assert 57 < may.elevation < 63
    assert 140 < may.azimuth < 155
    assert 19 < december.elevation < 22.5
    assert 155 < december.azimuth < 167


def test_means_of_blocks():
    stack = np.arange(2 * 4 * 6, dtype=np.float32).reshape(2, 4, 6)
    assert coarsened(stack, 2).shape == (2, 2, 3)
    assert coarsened(stack, 2)[0, 0, 0] == np.mean([0, 1, 6, 7])
    assert coarsened(stack, 1) is stack
    with pytest.raises(ConfigError, match="blocks of 4"):
        coarsened(stack, 4)


def test_level_ground_has_the_light_it_has():
    np.testing.assert_array_equal(sunlight(flat_land(), SOUTH_45, np.zeros(SHAPE, np.float32)), 1.0)


@pytest.mark.parametrize(
    ("rise_north", "canopy", "left", "expected"),
    [
        # Ground that rises to the north faces the sun: cosine 1.5 / sqrt(1.25) against that of level ground.
        (0.5, 0.0, 1.0, 1.5 / math.sqrt(1.25)),
        # Crowns stand upright: 1 + 0.5 / tan 45.
        (0.5, 1.0, 1.0, 1.5),
        (0.5, 1.0, 0.55, 1 + 0.55 * 0.5),
        (0.5, 0.4, 1.0, 0.4 * 1.5 + 0.6 * 1.5 / math.sqrt(1.25)),
        # Steep ground that faces north lies in its own shadow: only what the correction left is missing.
        (-1.2, 0.0, 1.0, 0.0),
        (-1.2, 0.0, 0.55, 0.45),
    ],
)
def test_light_on_slopes(rise_north, canopy, left, expected):
    light = sunlight(flat_land(rise_north=rise_north), SOUTH_45, np.full(SHAPE, canopy, np.float32), left)
    np.testing.assert_allclose(light, expected, rtol=1e-5)


def test_landsat_keeps_more_of_the_slopes_than_sentinel2():
    assert SENTINEL2_LEFT < LANDSAT_LEFT


def test_kernels_at_places_that_can_be_worked_out():
    assert _kernels(0.0, 0.0, 0.0) == pytest.approx((0.0, 0.0), abs=1e-12)
    # Hot spot at 45 degrees: phase angle 0.
    volume, shadows = _kernels(math.pi / 4, math.pi / 4, 0.0)
    assert volume == pytest.approx(math.pi / 2 / (2 * math.cos(math.pi / 4)) - math.pi / 4)
    # Crowns hide their own shadows there: root 2 of overlap, less 2 root 2, and half of (1 + 1) times 2.
    assert shadows == pytest.approx(2 - math.sqrt(2))


def test_seen_from_above_under_the_usual_sun_nothing_changes():
    effect = view_effect(BANDS, Sun(120.0, 90 - USUAL_SUN), 0.0, 77.0)
    np.testing.assert_allclose(effect, 1.0, rtol=1e-6)


@pytest.mark.parametrize("elevation", [35.0, 50.0, 62.0])
def test_swath_edges_differ_by_what_is_seen_at_swath_edges(elevation):
    sun = Sun(150.0, elevation)
    bands = tuple(band for band in BANDS if band != "coastal")
    west, east = (view_effect(bands, sun, 10.5, azimuth) for azimuth in (284.0, 104.0))
    # The satellite in the east has the sun behind it.
    assert (east > west).all()
    assert (east / west - 1).max() < 0.15
    assert (east / west - 1).max() > 0.05
    assert (east / west - 1).min() > 0.02


def test_low_sun_darkens_by_longer_shadows():
    low, high = (float(view_effect(("red",), Sun(160.0, up), 0.0, 0.0)[0]) for up in (22.0, 60.0))
    assert 0.8 < low < 1 < high < 1.1


def test_mixing_is_the_sum_of_shares():
    ground = ground_of(leaves=0.7, soil=0.3)
    seen = reflectance_of(ground, spectra_of("S2A"))
    assert seen.shape == (12, *SHAPE)
    for column, band in enumerate(BANDS):
        expected = 0.7 * SPECTRA["leaves"][column] + 0.3 * SPECTRA["soil"][column]
        np.testing.assert_allclose(seen[BANDS.index(band)], expected, rtol=1e-5)
    some = reflectance_of(ground, spectra_of("S2A")[:, [3, 7]], rows=slice(2, 4))
    np.testing.assert_allclose(some, seen[[3, 7], 2:4], rtol=1e-6)


def test_coarse_bands_are_means_of_fine_ones():
    ground = ground_of()
    rng = np.random.default_rng(3)
    ground.shares[:] = rng.dirichlet(np.ones(len(MATERIALS)), SHAPE).transpose(2, 0, 1)
    table = spectra_of("L8")
    fine, coarse = reflectance_of(ground, table), reflectance_of(ground, table, factor=3)
    assert coarse.shape == (len(OLI_BANDS), 2, 4)
    np.testing.assert_allclose(coarse, coarsened(fine, 3), rtol=1e-5)
    with pytest.raises(ConfigError, match="6 x 12 pixels"):
        reflectance_of(ground, table, factor=5)


def test_level_smooth_ground_seen_from_above_is_the_mix():
    ground, land = ground_of(leaves=1.0), flat_land()
    light = light_on(land, ground.stand.canopy, BANDS, Sun(150.0, 90 - USUAL_SUN))
    np.testing.assert_allclose(
        lit_reflectance(ground, land, spectra_of("S2A"), light, factor=2),
        reflectance_of(ground, spectra_of("S2A"), factor=2),
        rtol=1e-5,
    )


def test_blue_shows_slopes_less_than_swir():
    ground, land = ground_of(leaves=1.0), flat_land(rise_north=-0.3)
    light = light_on(land, ground.stand.canopy, BANDS, SOUTH_45)
    seen = lit_reflectance(ground, land, spectra_of("S2A"), light)
    level = lit_reflectance(
        ground, flat_land(), spectra_of("S2A"), light_on(flat_land(), ground.stand.canopy, BANDS, SOUTH_45)
    )
    loss = 1 - (seen / level)[:, 0, 0]
    assert loss[BANDS.index("blue")] < loss[BANDS.index("red")] < loss[BANDS.index("nir")] < loss[BANDS.index("swir16")]
    assert (loss > 0).all()


def test_grain_is_seen_on_land_and_not_on_water_or_snow():
    for name, moved in (("leaves", True), ("sea", False), ("snow", False)):
        ground = ground_of(**{name: 1.0})
        light = light_on(flat_land(), ground.stand.canopy, ("red",), SOUTH_45)
        red = spectra_of("S2A")[:, [BANDS.index("red")]]
        bright, dark = (lit_reflectance(ground, flat_land(grain=grain), red, light)[0, 0, 0] for grain in (1.0, -1.0))
        assert (bright > dark) == moved


def test_bands_and_spectra_must_be_alike():
    ground, land = ground_of(leaves=1.0), flat_land()
    light = light_on(land, ground.stand.canopy, ("red", "nir"), SOUTH_45)
    with pytest.raises(ConfigError, match="12 bands and the light 2"):
        lit_reflectance(ground, land, spectra_of("S2A"), light)


@given(
    azimuth=st.floats(0, 360), elevation=st.floats(5, 70), zenith=st.floats(0, 12), towards=st.floats(0, 360),
    east=st.floats(-1, 1), north=st.floats(-1, 1), grain=st.floats(-4, 4),
)  # fmt: skip
def test_light_never_makes_ground_darker_than_black_or_brighter_than_snow(
    azimuth, elevation, zenith, towards, east, north, grain
):
    land, ground = flat_land(east, north, grain), ground_of(leaves=0.5, twigs=0.5)
    light = light_on(land, ground.stand.canopy, BANDS, Sun(azimuth, elevation), (zenith, towards))
    seen = lit_reflectance(ground, replace(land, grain=land.grain), spectra_of("S2A"), light)
    assert (seen > 0).all()
    assert (seen < 1.1).all()
