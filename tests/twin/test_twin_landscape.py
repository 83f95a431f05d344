"""The made-up landscape: it repeats, it looks like the country it stands for, and its physics add up."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime

import numpy as np
import pytest

from habitat.twin.fields import halved, ramp, random_field
from habitat.twin.landscape import Cover, Landscape, made_up_landscape
from habitat.twin.plan import PASSES, SIZES
from habitat.twin.skies import Sky, inside_swath, seen_through, sky_over, sun_at, sunlight
from habitat.twin.vegetation import BANDS, MATERIALS, green_up, ground_on, surface_reflectance


@pytest.fixture(scope="module")
def land() -> Landscape:
    return made_up_landscape(1, 272)


def flat(pixels: int = 4, **changes: object) -> Landscape:
    zero = np.zeros((pixels, pixels), np.float32)
    fields: dict[str, object] = {
        "elevation": zero, "height": zero, "rise_east": zero, "rise_north": zero,
        "classes": np.full((pixels, pixels), Cover.BROADLEAF, np.uint8), "canopy": zero + 1, "conifer": zero,
        "parcel": np.zeros((pixels, pixels), np.uint16), "grain": zero, "severity": zero,
    }  # fmt: skip
    return Landscape(**(fields | changes))  # type: ignore[arg-type]


def index(land: Landscape, day: date, first: str, second: str) -> np.ndarray:
    ground = ground_on(land, day, 2.0)
    a, b = (surface_reflectance(ground, band) for band in (first, second))
    return (a - b) / (a + b)


def test_same_seed_same_landscape_other_seed_another() -> None:
    first, again, other = (made_up_landscape(seed, 128) for seed in (5, 5, 6))
    assert np.array_equal(first.classes, again.classes)
    assert np.array_equal(first.severity, again.severity)
    assert first.elevation.tobytes() == again.elevation.tobytes()
    assert not np.array_equal(first.classes, other.classes)


@pytest.mark.parametrize("seed", [1, 2, 3, 11])
def test_every_seed_has_every_cover_and_one_fire(seed: int) -> None:
    land = made_up_landscape(seed, 136)
    shares = {cover: float((land.classes == cover).mean()) for cover in Cover}
    assert min(shares.values()) > 0.002, shares
    assert 0.45 < shares[Cover.BROADLEAF] + shares[Cover.MIXED] < 0.85
    assert 0.01 < land.burnt.mean() < 0.08
    assert not land.burnt[np.isin(land.classes, (Cover.WATER, Cover.FIELD, Cover.BUILT))].any()


def test_relief_is_hilly_not_alpine(land: Landscape) -> None:
    slope = np.degrees(np.arctan(np.hypot(land.rise_east, land.rise_north)))
    assert 5 < np.median(slope) < 20
    assert slope.max() < 60
    # 272 pixels of 10 m times 0.075 give 204 m of relief above 25 m.
    assert land.elevation.min() == pytest.approx(25)
    assert land.elevation.max() == pytest.approx(25 + 204, abs=0.5)


def test_slopes_point_the_way_they_say(land: Landscape) -> None:
    row, column = np.unravel_index(int(np.argmax(land.elevation[1:-1, 1:-1])), (270, 270))
    row, column = row + 1, column + 1
    rise = (land.elevation[row, column + 1] - land.elevation[row, column - 1]) / 20
    assert land.rise_east[row, column] == pytest.approx(rise, abs=1e-4)
    north = (land.elevation[row - 1, column] - land.elevation[row + 1, column]) / 20
    assert land.rise_north[row, column] == pytest.approx(north, abs=1e-4)


@pytest.mark.parametrize("scene", PASSES, ids=lambda scene: f"{scene.day}_{scene.sequence}")
def test_materials_share_every_pixel_out_completely(land: Landscape, scene) -> None:
    ground = ground_on(land, scene.when.date(), scene.snow_line)
    total = sum(ground.shares.values())
    assert np.allclose(total, 1, atol=2e-5)
    assert min(float(share.min()) for share in ground.shares.values()) > -1e-6
    assert float(ground.snow.max()) <= 1


def test_materials_reflect_between_nothing_and_all() -> None:
    assert {len(values) for values in MATERIALS.values()} == {len(BANDS)}
    assert all(0 < value < 1 for values in MATERIALS.values() for value in values)


def test_forest_is_bare_in_early_may_and_green_at_its_end(land: Landscape) -> None:
    oaks = (land.classes == Cover.BROADLEAF) & (land.height < 0.3) & ~land.burnt
    early, late = (index(land, date(2024, 5, day), "nir", "red")[oaks] for day in (1, 29))
    assert np.median(early) < 0.6
    assert 0.75 < np.median(late) < 0.9
    assert green_up(land, date(2024, 5, 20)).mean() > green_up(land, date(2025, 5, 20)).mean()


def test_high_ground_is_later(land: Landscape) -> None:
    leaf = green_up(land, date(2025, 5, 12))
    assert leaf[land.height > 0.7].mean() < leaf[land.height < 0.1].mean() - 0.3


def test_fire_shows_after_and_not_before(land: Landscape) -> None:
    before, after = (index(land, date(year, 5, 22), "nir08", "swir22") for year in (2024, 2025))
    drop = before - after
    burnt = halved(land.burnt.astype(np.float32)) == 1
    forest = halved((land.classes == Cover.BROADLEAF).astype(np.float32)) == 1
    unburnt = (halved(land.burnt.astype(np.float32)) == 0) & forest
    assert np.median(drop[burnt]) > 0.2
    assert abs(np.median(drop[unburnt])) < 0.03
    same = index(land, date(2025, 4, 24), "nir08", "swir22")
    never = index(flat(272, classes=land.classes, height=land.height, canopy=land.canopy, conifer=land.conifer,
                       parcel=land.parcel, grain=land.grain), date(2025, 4, 24), "nir08", "swir22")  # fmt: skip
    assert np.array_equal(same, never)


def test_scar_greens_over(land: Landscape) -> None:
    nbr = [
        float(np.median(index(land, date(2025, 5, day), "nir08", "swir22")[land.burnt[::2, ::2]]))
        for day in (2, 12, 27)
    ]
    assert nbr[0] < nbr[1] < nbr[2]


def test_water_is_dark_in_shortwave_infrared(land: Landscape) -> None:
    ground = ground_on(land, date(2025, 5, 17), 2.0)
    lake = halved((land.classes == Cover.WATER).astype(np.float32)) == 1
    assert float(surface_reflectance(ground, "swir22")[lake].max()) < 0.01


def test_snow_lies_only_above_its_line(land: Landscape) -> None:
    # Shade and grain move the line by at most 0.04 + 0.02 * 4.
    snow = ground_on(land, date(2024, 5, 2), 0.8).snow
    assert snow.max() > 0.4
    assert snow[land.height < 0.65].max() == 0
    assert ground_on(land, date(2024, 5, 22), 2.0).snow.max() == 0


def test_sun_at_noon_of_equinox_stands_at_colatitude() -> None:
    # 20 March 2024, 131 E: solar noon near 03:16 + 7 min, elevation 90 - 43.2 = 46.8 degrees.
    sun = sun_at(datetime(2024, 3, 20, 3, 23, 30, tzinfo=UTC), 131.0, 43.2)
    assert sun.elevation == pytest.approx(46.8, abs=0.5)
    assert sun.azimuth == pytest.approx(180, abs=1)


def test_morning_sun_stands_in_the_south_east_and_lights_slopes_facing_it() -> None:
    sun = sun_at(datetime(2025, 5, 17, 2, 16, tzinfo=UTC), 131.4, 43.2)
    assert 135 < sun.azimuth < 170
    assert 55 < sun.elevation < 70
    tilt = np.float32(0.3) + np.zeros((4, 4), np.float32)
    facing, away = (sunlight(flat(rise_north=sign * tilt), sun)[0, 0] for sign in (1, -1))
    assert facing > 1.03
    assert away < 0.97
    assert sunlight(flat(), sun)[0, 0] == pytest.approx(1)


def test_shadow_falls_away_from_the_sun() -> None:
    sun = sun_at(PASSES[0].when, 131.4, 43.2)
    pixels = 256
    sky = sky_over(np.random.default_rng(3), PASSES[2], pixels, sun)
    # Sliding the cloud field against the sun must bring it onto its shadow better than any other way.
    cloud, shadow = sky.cloud - sky.cloud.mean(), sky.shadow - sky.shadow.mean()
    best = None
    for angle in range(0, 360, 15):
        for throw in range(6, 40, 3):
            down, right = round(-throw * math.cos(math.radians(angle))), round(throw * math.sin(math.radians(angle)))
            inner = slice(40, pixels - 40)
            moved = cloud[40 - down : pixels - 40 - down, 40 - right : pixels - 40 - right]
            score = float((moved * shadow[inner, inner]).sum())
            best = max(best or (score, angle), (score, angle))
    assert best is not None
    assert abs(best[1] - (sun.azimuth + 180) % 360) <= 30


def test_cloud_share_is_what_was_asked() -> None:
    sun = sun_at(PASSES[0].when, 131.4, 43.2)
    for scene in (PASSES[0], PASSES[2], PASSES[7]):
        sky = sky_over(np.random.default_rng(1), scene, 400, sun)
        assert float((sky.cloud > 0.5).mean()) == pytest.approx(scene.cloud, abs=0.12)


def test_clouds_are_bright_and_shadows_dark() -> None:
    ones = np.ones((4, 4), np.float32)
    ground = 0.1 * ones
    for band in ("blue", "nir", "swir16"):
        clear = seen_through(Sky(0 * ones, 0 * ones, 0 * ones, 0 * ones), ground, band, ones, 0 * ones)
        cloudy = seen_through(Sky(ones, 0 * ones, 0 * ones, 0 * ones), ground, band, ones, 0 * ones)
        shaded = seen_through(Sky(0 * ones, ones, 0 * ones, 0 * ones), ground, band, ones, 0 * ones)
        assert clear == pytest.approx(0.1)
        assert cloudy.min() > 0.4
        assert shaded.max() < 0.06


def test_haze_lifts_blue_most() -> None:
    ones = np.ones((4, 4), np.float32)
    lift = [
        float(seen_through(Sky(0 * ones, 0 * ones, ones, 0 * ones), 0.1 * ones, band, ones, 0 * ones)[0, 0]) - 0.1
        for band in ("blue", "green", "red", "nir")
    ]
    assert lift == sorted(lift, reverse=True)
    # Blue: 0.055 of haze on what the ground leaves, 0.9.
    assert lift[0] == pytest.approx(0.055 * 0.9, abs=1e-6)


def test_swath_edge_agrees_between_resolutions() -> None:
    seen = inside_swath(136, 0.62)
    assert np.array_equal(seen, np.kron(seen[::2, ::2], np.ones((2, 2), bool)))
    assert seen.mean() == pytest.approx(0.62, abs=0.02)
    assert inside_swath(8, 1.0).all()


def test_fields_are_standardised_and_ramps_are_steps() -> None:
    field = random_field(np.random.default_rng(1), 200, 3.0, longest=0.3, stretch=2.0)
    assert field.std() == pytest.approx(1, abs=1e-3)
    assert field.dtype == np.float32
    assert ramp(np.array([0.0, 0.5, 1.0], np.float32), 0.0, 1.0).tolist() == [0.0, 0.5, 1.0]
    # Smooth step at a quarter: 3 / 16 - 2 / 64 = 5 / 32.
    assert float(ramp(np.array([0.25], np.float32), 0.0, 1.0)[0]) == pytest.approx(5 / 32)
    assert float(ramp(np.array([0.25], np.float32), 1.0, 0.0)[0]) == pytest.approx(27 / 32)
    assert halved(np.array([[1, 3], [5, 7]], np.float32)).tolist() == [[4.0]]


def test_sizes_fit_whole_20_m_pixels() -> None:
    for size in SIZES.values():
        assert size.pixels % 2 == 0
        assert size.pixels == 2 * (size.area_pixels + 2 * size.margin_pixels)
