"""The sky: a function of place and pass, as cloudy as the pass says, with shadows where the sun throws them."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from painted_land import LARGE, SMALL, passing

from habitat.twin.land.events import Fire
from habitat.twin.sensors.air import TINTS, air_of, residue_of, seen_through
from habitat.twin.sensors.shots import Sky, Sun
from habitat.twin.sensors.sky import CLOUDY, sky_over, smoke_at
from habitat.twin.world import Window

SUN = Sun(azimuth=145.0, elevation=60.0)
PARTS = ("cloud", "shadow", "haze", "cirrus", "smoke")
MURKY = passing(cloud=0.3, haze=0.6, cirrus=0.3, view_zenith=5.0, view_azimuth=110.0)
START = datetime(2025, 4, 24, 5, tzinfo=UTC)


def burning(arrival_h, row=300, column=300, start=START):
    severity = np.isfinite(arrival_h).astype(np.float32)
    return Fire(1, "ground", "spring", start, "road", (row, column), row, column, arrival_h, severity)


def history_of(*fires, wind_from=225.0):
    """Return what smoke needs of a history: fires, and the wind of three days."""
    days = np.arange("2025-04-23", "2025-04-27", dtype="datetime64[D]")
    return SimpleNamespace(
        fires=fires,
        weather=SimpleNamespace(days=days, wind_from=np.full((days.size, 3, 3), wind_from, np.float32)),
    )


@settings(max_examples=12)
@given(st.integers(-18, 900), st.integers(-18, 900), st.integers(20, 200), st.integers(20, 200))
def test_windows_agree_where_they_overlap(row, column, rows, columns):
    inner = Window(row, column, rows, columns)
    outer = Window(row - 7, column - 31, rows + 40, columns + 55)
    smoke = smoke_at(LARGE, history_of(burning(np.zeros((40, 40), np.float32))), START + timedelta(hours=1))
    small, large = (sky_over(LARGE, MURKY, window, SUN, smoke=smoke) for window in (inner, outer))
    for part in PARTS:
        assert (getattr(small, part) == getattr(large, part)[7 : 7 + rows, 31 : 31 + columns]).all(), part


@pytest.mark.parametrize("share", [0.05, 0.15, 0.3, 0.5, 0.7, 0.92])
def test_the_share_under_cloud_is_the_overpass_own(share):
    for world, leeway in ((LARGE, 0.02), (SMALL, 0.05)):
        cloud = sky_over(world, passing(cloud=share), world.whole, SUN).cloud
        assert (cloud >= CLOUDY).mean() == pytest.approx(share, abs=leeway)
        assert 0 <= cloud.min() <= cloud.max() <= 1


def test_every_seed_and_date_has_clouds_of_its_own_and_as_many():
    shares, fields = [], set()
    for seed in (1, 2, 3):
        for day in (3, 13, 28):
            world = replace(SMALL, seed=seed)
            one = passing(when=f"2024-05-{day:02d}T02:02:41", cloud=0.3)
            cloud = sky_over(world, one, world.whole, SUN).cloud
            shares.append((cloud >= CLOUDY).mean())
            fields.add(cloud.tobytes())
    assert len(fields) == 9
    assert np.mean(shares) == pytest.approx(0.3, abs=0.02)


def test_a_share_of_one_is_a_closed_deck_and_of_none_a_clear_sky():
    deck = sky_over(LARGE, passing(cloud=1.0), Window(0, 0, 300, 300), SUN)
    assert deck.cloud.min() >= 0.7
    assert deck.shadow.max() <= 1 - 0.7
    clear = sky_over(LARGE, passing(), Window(0, 0, 300, 300), SUN)
    assert all((getattr(clear, part) == 0).all() for part in PARTS)


def test_two_processings_share_the_sky_and_two_satellites_do_not():
    window = Window(0, 0, 120, 120)
    first = replace(MURKY, baseline="05.10", superseded=True)
    second = replace(MURKY, sequence=1, baseline="05.11")
    assert (sky_over(LARGE, first, window, SUN).cloud == sky_over(LARGE, second, window, SUN).cloud).all()
    other = replace(MURKY, platform="L8")
    assert (sky_over(LARGE, other, window, SUN).cloud != sky_over(LARGE, first, window, SUN).cloud).any()


def best_move(cloud, shadow, reach=60):
    """Return by how many pixels (down, right) the clouds must be moved to lie best over their shadows."""
    inner = np.s_[reach:-reach, reach:-reach]
    dark = (shadow > 0.3)[inner].astype(np.float32)
    best = (-1.0, 0, 0)
    for down in range(-reach, reach + 1, 2):
        for right in range(-reach, reach + 1, 2):
            moved = np.roll(cloud, (down, right), axis=(0, 1))[inner]
            best = max(best, (float((moved * dark).sum()), down, right))
    return best[1:]


@pytest.mark.parametrize(("azimuth", "elevation"), [(145.0, 60.0), (230.0, 60.0), (160.0, 65.0)])
def test_shadows_fall_away_from_the_sun(azimuth, elevation):
    sky = sky_over(SMALL, passing(cloud=0.12), SMALL.whole.grown(30), Sun(azimuth, elevation))
    down, right = best_move(sky.cloud, sky.shadow, reach=16)
    # Away from the sun: opposite to its azimuth, which counts from north over east; rows count southward.
    away = math.radians(azimuth + 180)
    length = math.hypot(down, right)
    assert length > 3
    assert (down * -math.cos(away) + right * math.sin(away)) / length > 0.85


def test_shadows_lie_farther_off_when_the_sun_is_low():
    lengths = []
    for elevation in (60.0, 30.0):
        sky = sky_over(SMALL, passing(cloud=0.12), SMALL.whole.grown(60), Sun(180.0, elevation))
        down, right = best_move(sky.cloud, sky.shadow, reach=40)
        assert abs(right) <= 4
        lengths.append(-down)
    # tan 60 / tan 30 = 3.
    assert lengths[1] / lengths[0] == pytest.approx(3.0, rel=0.35)


def test_a_satellite_that_looks_aslant_sees_clouds_shifted_away_from_itself():
    # Seen from where the sun stands, every shadow hides behind its cloud. With t = 1 - opacity what is left to see is
    # (1 - t^2) t at the clouds' thin rims, at most 2 / (3 root 3) = 0.385.
    sun = Sun(azimuth=100.0, elevation=80.0)
    sky = sky_over(SMALL, passing(cloud=0.2, view_zenith=10.0, view_azimuth=100.0), SMALL.whole, sun)
    assert sky.shadow.max() < 0.386
    assert sky_over(SMALL, passing(cloud=0.2), SMALL.whole, sun).shadow.max() > 0.5


def test_no_shadow_under_thick_cloud():
    sky = sky_over(LARGE, passing(cloud=0.5), Window(0, 0, 600, 600), SUN)
    assert (sky.shadow[sky.cloud > 0.9] <= 0.1).all()
    assert (sky.shadow > 0.5).any()


def test_haze_is_smooth_and_as_strong_as_said():
    haze = sky_over(LARGE, passing(haze=0.5), LARGE.whole, SUN).haze
    assert haze.mean() == pytest.approx(0.5 * 0.8, rel=0.35)
    assert abs(np.diff(haze, axis=1)).max() < 0.01


def test_cirrus_is_streaky_and_covers_its_share():
    cirrus = sky_over(LARGE, passing(cirrus=0.3), LARGE.whole, SUN).cirrus
    # Where the noise is at the level of the share, the ramp from 0.8 below to 1.6 above has come to 0.26.
    assert (cirrus > 0.26).mean() == pytest.approx(0.3, abs=0.03)
    down, right = (np.abs(np.diff(cirrus, axis=axis)).mean() for axis in (0, 1))
    diagonals = [np.abs(cirrus[5:, 5:] - cirrus[:-5, :-5]).mean(), np.abs(cirrus[5:, :-5] - cirrus[:-5, 5:]).mean()]
    assert max(down, right, *diagonals) / min(down, right, *diagonals) > 1.5


def test_smoke_drifts_with_the_wind_from_where_it_burns():
    fire = burning(np.zeros((40, 40), np.float32))
    smoke = smoke_at(LARGE, history_of(fire, wind_from=225.0), START + timedelta(hours=1))
    field = sky_over(LARGE, passing(when="2025-04-24T06:00:00"), LARGE.whole, SUN, smoke=smoke).smoke
    # The fire burns around row and column 640 at 10 m; wind from the south-west takes smoke north and east.
    assert field[500:560, 720:780].mean() > 0.15
    assert field[720:780, 500:560].max() == 0
    assert field.max() <= 1
    assert field[500:560, 720:780].mean() > field[300:360, 920:980].mean()


def test_there_is_no_smoke_before_and_long_after_a_fire():
    fire = burning(np.full((8, 8), 2.0, np.float32))
    for hours in (-1, 1, 40):
        assert smoke_at(LARGE, history_of(fire), START + timedelta(hours=hours)) is None
    fresh = smoke_at(LARGE, history_of(fire), START + timedelta(hours=2.1))
    stale = smoke_at(LARGE, history_of(fire), START + timedelta(hours=12))
    assert fresh.sources[:, 2].max() > 3 * stale.sources[:, 2].max()
    assert smoke_at(LARGE, history_of(), START) is None


def test_smoke_rises_where_the_fire_is():
    arrival = np.full((40, 40), np.inf, np.float32)
    arrival[16:24, 0:8] = 0.0
    smoke = smoke_at(LARGE, history_of(burning(arrival, row=100, column=200)), START + timedelta(minutes=5))
    east, north, _ = smoke.sources[0]
    # Block of rows 16-23 and columns 0-7: its middle lies (100 + 20) x 20 m south and (200 + 4) x 20 m east.
    assert (east, north) == (LARGE.west + 4080, LARGE.north - 2400)


def through(band, value=0.05, **air):
    layers = {part: np.full((1, 1), air.get(part, 0.0), np.float32) for part in PARTS}
    sky = air_of(Sky(**layers))
    return float(seen_through(np.full((1, 1, 1), value, np.float32), sky, (band,), np.zeros(1, np.float32))[0, 0, 0])


def test_air_changes_reflectance_by_hand():
    # Shadow leaves 0.76 of the blue; haze of 1 adds 0.055 of what is not yet there; half a cloud hides half.
    assert through("blue", shadow=1.0) == pytest.approx(0.05 * 0.76)
    assert through("blue", haze=1.0) == pytest.approx(0.05 + 0.055 * 0.95)
    assert through("blue", cirrus=1.0) == pytest.approx(0.10)
    assert through("nir", cloud=0.5, value=0.3) == pytest.approx(0.15 + 1.34 * 0.25)
    assert through("swir16", cloud=0.5, value=0.2) == pytest.approx(0.10 + 0.76 * 0.5 * (0.4 * 0.5 + 0.6))
    assert all(through(band) == pytest.approx(0.05) for band in TINTS)


def test_short_waves_see_more_of_the_air():
    for part in ("haze", "smoke"):
        added = [
            through(band, **{part: 1.0}) for band in ("coastal", "blue", "green", "red", "nir", "swir16", "swir22")
        ]
        assert added == sorted(added, reverse=True)


def test_fields_are_averaged_for_coarse_bands():
    sky = sky_over(SMALL, MURKY, SMALL.whole, SUN)
    cloud = air_of(sky, 6)[0]
    assert cloud.shape == (24, 24)
    assert cloud[2, 3] == pytest.approx(sky.cloud[12:18, 18:24].mean(), rel=1e-5)


def test_aerosol_is_misjudged_alike_in_all_bands_and_both_ways():
    bands = ("blue", "red", "swir22")
    errors = np.array(
        [residue_of(SMALL, passing(when=f"2024-05-03T02:{m:02d}:{s:02d}"), bands) for m in range(20) for s in range(20)]
    )
    assert abs(errors[:, 0].mean()) < 0.0006
    # 0.0030 in blue and 0.0018 in red per standard deviation, cut off at -1.5 and 2.
    assert np.allclose(errors[:, 1], errors[:, 0] * 0.6, rtol=1e-5)
    assert errors[:, 0].std() == pytest.approx(0.003 * 0.9, rel=0.1)
