"""Radar: levels of every cover in every weather, speckle as theory and real series have it, and what radar cannot see."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest
from scipy.stats import gamma

from habitat.contracts.errors import ConfigError
from habitat.twin.land.landscape import Cover, Landscape
from habitat.twin.land.vegetation import Ground, Stand
from habitat.twin.land.weather import Weather
from habitat.twin.materials import MATERIALS
from habitat.twin.noise import white
from habitat.twin.sensors.backscatter import Wetness, echoes_of, wetness_on
from habitat.twin.sensors.frames import radar_frame
from habitat.twin.sensors.orbits import overpasses
from habitat.twin.sensors.sentinel1 import LOOKS, NODATA, draw_block
from habitat.twin.sensors.shots import Scene
from habitat.twin.world import Window, world_of

WORLD = world_of("demo", 3)
EDGE = 240
HERE = Window(0, 0, EDGE, EDGE)
MILD = Wetness(soil=0.4, wind=4.0)


def scene_on(day="2025-05-08", world=WORLD):
    (one,) = overpasses("S1A", date.fromisoformat(day), date.fromisoformat(day))
    return Scene(one, radar_frame(world))


DESCENDING, ASCENDING = scene_on(), scene_on("2025-05-10")


def land_of(cover, materials, window=HERE, **fields):
    """Everywhere the same land: `materials` are shares of what is seen from above."""
    shape = window.rows, window.columns
    flat = np.zeros(shape, np.float32)
    told = {"canopy": 0.0, "height": 0.0, "evergreen": 0.0, "leaf": 1.0, "snow": 0.0, "severity": 0.0, "since_fire": np.inf, "rise": (0.0, 0.0), "grain": 0.0, "parcel": 7}  # fmt: skip
    told |= fields
    covers = np.full(shape, cover, np.uint8)
    shares = np.zeros((len(MATERIALS), *shape), np.float32)
    for name, share in materials.items():
        shares[MATERIALS.index(name)] = share
    stand = Stand(
        covers, flat + np.float32(told["canopy"]), flat + np.float32(told["height"]), flat + np.float32(told["evergreen"]),
        flat + np.float32(told["since_fire"]), flat + np.float32(told["severity"]), flat + np.float32(np.inf),
    )  # fmt: skip
    ground = Ground(shares, flat + np.float32(told["snow"]), flat + np.float32(told["leaf"]), stand)
    grain = np.float32(told["grain"]) * white(7, window, 10.0)
    rise_east, rise_north = (flat + np.float32(rise) for rise in told["rise"])
    parcel = np.full(shape, told["parcel"], np.uint16)
    return Landscape(window, 10.0, flat, rise_east, rise_north, flat, covers, stand.canopy, stand.tree_height, stand.evergreen, parcel, grain, covers, flat), ground  # fmt: skip


OAKS = (Cover.OAK, {"leaves": 0.85, "litter": 0.15}, {"canopy": 0.85, "height": 15.0})
BARE_OAKS = (Cover.OAK, {"twigs": 0.4, "litter": 0.6}, {"canopy": 0.85, "height": 15.0, "leaf": 0.0})
PINES = (
    Cover.PINE_BROADLEAF,
    {"needles": 0.5, "leaves": 0.4, "litter": 0.1},
    {"canopy": 0.9, "height": 20.0, "evergreen": 0.55},
)
LARCHES = (Cover.LARCH, {"larch_needles": 0.8, "litter": 0.2}, {"canopy": 0.8, "height": 16.0})
FELLED = (Cover.OAK, {"soil": 0.45, "litter": 0.3, "twigs": 0.15, "leaves": 0.1}, {"canopy": 0.08, "height": 6.0})
SEA = (Cover.WATER, {"sea": 1.0}, {})
SOIL = (Cover.FIELD, {"soil": 1.0}, {})
MAIZE = (Cover.FIELD, {"crops": 0.95, "soil": 0.05}, {})
GRASS = (Cover.GRASS, {"green_grass": 0.9, "soil": 0.1}, {})
STRAW = (Cover.GRASS, {"dry_grass": 0.95, "soil": 0.05}, {})
TOWN = (Cover.BUILT, {"built": 0.6, "green_grass": 0.4}, {"grain": 1.0})


def decibels(kind, wetness=MILD, scene=DESCENDING, **changes):
    """Mean level of VV and VH [dB], with the pass's own gain taken out."""
    cover, materials, fields = kind
    landscape, ground = land_of(cover, changes.pop("materials", materials), **(fields | changes))
    block = draw_block(WORLD, scene, (0, 0, EDGE, EDGE), landscape, ground, wetness)
    gains = 1 + 0.05 * WORLD.rng("radar gain", scene.overpass.when.isoformat()).standard_normal(2)
    return tuple(
        10 * np.log10(block.pixels[band].mean(dtype=np.float64) / gain)
        for band, gain in zip(("vv", "vh"), gains, strict=True)
    )


# ── Levels ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "vv", "vh"),
    [
        (OAKS, (-9.2, -8.2), (-15.0, -13.5)),
        (PINES, (-9.2, -8.2), (-15.0, -13.5)),
        (LARCHES, (-9.9, -8.7), (-15.5, -14.0)),
        (SEA, (-22.0, -18.0), (-28.0, -25.0)),
        (SOIL, (-12.0, -10.5), (-21.5, -19.0)),
        (MAIZE, (-10.0, -8.8), (-16.5, -14.5)),
        (GRASS, (-12.0, -10.0), (-19.0, -17.0)),
        (STRAW, (-12.5, -11.0), (-20.0, -18.0)),
        (TOWN, (-8.0, -4.0), (-15.5, -11.0)),
    ],
)
def test_levels_in_a_mild_summer(kind, vv, vh):
    got = decibels(kind)
    assert vv[0] < got[0] < vv[1]
    assert vh[0] < got[1] < vh[1]


def test_forest_stands_out_from_everything_but_towns_in_vh():
    forest = min(decibels(kind)[1] for kind in (OAKS, PINES, LARCHES))
    assert forest > max(decibels(kind)[1] for kind in (SEA, SOIL, GRASS, STRAW)) + 2.5


def test_leafless_broadleaves_send_back_more_and_larches_do_not():
    # Rüetschi et al. (2018): about 1 dB; needles do not hide what twigs scatter.
    gain = np.subtract(decibels(BARE_OAKS), decibels(OAKS))
    assert 0.4 < gain[0] < 1.2
    assert 0.4 < gain[1] < 1.3
    larches = np.subtract(decibels(LARCHES, leaf=0.0), decibels(LARCHES))
    assert max(larches) < 0.0


def test_frozen_forest_sends_back_less():
    for kind in (BARE_OAKS, PINES):
        drop = np.subtract(decibels(kind, replace(MILD, frost=1.0)), decibels(kind))
        assert -3.0 < drop[0] < -1.5
        assert -3.0 < drop[1] < -1.5


def test_felling_takes_three_decibels_of_vh():
    vv, vh = np.subtract(decibels(FELLED), decibels(OAKS))
    assert -4.5 < vh < -2.5
    assert -4.0 < vv < -1.5


def test_fires_on_the_ground_are_barely_seen():
    burnt = {"leaves": 0.0, "twigs": 0.35, "char": 0.4, "litter": 0.25}
    vv, vh = np.subtract(decibels(BARE_OAKS, materials=burnt, severity=0.6, since_fire=10.0), decibels(BARE_OAKS))
    assert -0.8 < vv < 0.0
    assert -0.8 < vh < 0.0
    # A year later the stems have shed their bark, and the ground is as before.
    assert decibels(BARE_OAKS, severity=0.6, since_fire=400.0) == pytest.approx(decibels(BARE_OAKS))


def test_wind_roughens_water():
    calm, usual, windy = (decibels(SEA, replace(MILD, wind=wind))[0] for wind in (1.0, 4.0, 8.0))
    # 0.62 dB for each m/s.
    assert usual - calm == pytest.approx(1.86, abs=0.01)
    assert -23.0 < calm < -21.5
    assert -18.5 < windy < -17.5
    assert decibels(SEA, replace(MILD, wind=30.0)) == decibels(SEA, replace(MILD, wind=10.0))


def test_wet_soil_shines():
    dry, wet = (decibels(SOIL, replace(MILD, soil=soil)) for soil in (0.0, 1.0))
    assert wet[0] - dry[0] == pytest.approx(5.0, abs=0.01)
    assert wet[1] - dry[1] == pytest.approx(3.4, abs=0.01)
    forest = np.subtract(decibels(OAKS, replace(MILD, soil=1.0)), decibels(OAKS, replace(MILD, soil=0.0)))
    assert 0 < max(forest) < 0.6


def test_snow_is_seen_when_it_melts():
    snow = {"snow": 0.95, "dry_grass": 0.05}
    open_ground = {"materials": snow, "snow": 0.95}
    cold, melting = (decibels(STRAW, replace(MILD, melt=melt), **open_ground) for melt in (0.0, 1.0))
    assert max(np.abs(np.subtract(cold, decibels(STRAW)))) < 0.3
    drop = np.subtract(melting, cold)
    assert -5.0 < drop[0] < -3.0
    assert -5.0 < drop[1] < -3.0
    under_trees = {"materials": {"twigs": 0.4, "snow": 0.6}, "snow": 0.6}
    drop = np.subtract(*(decibels(BARE_OAKS, replace(MILD, melt=melt), **under_trees) for melt in (1.0, 0.0)))
    assert -1.5 < drop[0] < -0.3
    # Ice sends back far more than water.
    ice = decibels(SEA, materials={"snow": 1.0}, snow=1.0)
    assert ice[0] > decibels(SEA)[0] + 3


def test_rain_on_leaves():
    gain = np.subtract(decibels(OAKS, replace(MILD, rain=1.0)), decibels(OAKS))
    assert 0.2 < gain[0] < 0.6


def test_young_trees_show_the_ground():
    levels = [decibels(OAKS, height=height)[1] for height in (0.0, 3.0, 6.0, 12.0, 25.0)]
    assert levels[:4] == sorted(levels[:4])
    assert levels[3] == levels[4]
    assert levels[3] - levels[0] > 3


def test_furrows_differ_from_field_to_field_and_walls_from_house_to_house():
    fields = [decibels(SOIL, parcel=number)[0] for number in range(1, 40)]
    # Evenly within 18 % either side: -0.86 to +0.72 dB.
    assert 1.0 < max(fields) - min(fields) < 1.6
    assert decibels(SOIL, parcel=3) == decibels(SOIL, parcel=3)
    landscape, ground = land_of(*TOWN[:2], **TOWN[2])
    town = draw_block(WORLD, DESCENDING, (0, 0, EDGE, EDGE), landscape, ground, MILD).pixels["vv"]
    assert town.max() > 10 * np.median(town)


# ── Slopes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def tilted(degrees, scene):
    """Forest on a slope that faces the satellite by so many degrees."""
    towards = np.radians(scene.overpass.view_azimuth)
    rise = -np.tan(np.radians(degrees))
    return land_of(*OAKS[:2], **OAKS[2], rise=(rise * np.sin(towards), rise * np.cos(towards)))


@pytest.mark.parametrize("scene", [DESCENDING, ASCENDING], ids=["descending", "ascending"])
@pytest.mark.parametrize("degrees", [-30, -15, 15, 25])
def test_slopes_keep_half_of_their_light(scene, degrees):
    level, slope = (
        draw_block(WORLD, scene, (0, 0, EDGE, EDGE), *tilted(one, scene), MILD).pixels["vv"].mean(dtype=np.float64)
        for one in (0, degrees)
    )
    zenith = np.radians(scene.overpass.view_zenith)
    lit = np.cos(zenith - np.radians(degrees)) / np.cos(zenith)
    assert slope / level == pytest.approx(1 + 0.5 * (lit - 1), rel=2e-3)


def test_the_two_directions_see_opposite_slopes():
    eastward = land_of(*OAKS[:2], **OAKS[2], rise=(-0.36, 0.0))
    level = land_of(*OAKS[:2], **OAKS[2])
    brighter = []
    for scene in (DESCENDING, ASCENDING):
        slope, flat = (
            draw_block(WORLD, scene, (0, 0, EDGE, EDGE), *land, MILD).pixels["vv"].mean() for land in (eastward, level)
        )
        brighter.append(slope > flat)
    # In the morning the satellite stands in the east.
    assert brighter == [True, False]


@pytest.mark.parametrize(
    ("degrees", "seen"),
    # It stands 34 degrees from the vertical: steeper faces lie over, and 56 degrees away from it are in shadow.
    [(30, True), (33, False), (45, False), (-50, True), (-53, True), (-55, False), (-70, False)],
)
def test_layover_and_shadow_are_not_seen(degrees, seen):
    block = draw_block(WORLD, DESCENDING, (0, 0, EDGE, EDGE), *tilted(degrees, DESCENDING), MILD)
    for values in block.pixels.values():
        assert (values != NODATA).all() == seen
        assert (values == NODATA).all() != seen
        assert (values > 0).all() == seen


# ── Speckle ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def ratio():
    """Power over its mean of a wide, even forest."""
    window = Window(0, 0, 900, 900)
    landscape, ground = land_of(*OAKS[:2], window, **OAKS[2])
    block = draw_block(WORLD, DESCENDING, (0, 0, 900, 900), landscape, ground, MILD)
    return {band: values / values.mean(dtype=np.float64) for band, values in block.pixels.items()}


@pytest.mark.parametrize("band", ["vv", "vh"])
def test_speckle_has_the_distribution_of_its_looks(ratio, band):
    values = ratio[band]
    assert 1 / values.var() == pytest.approx(LOOKS, rel=0.02)
    shares = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99]
    assert np.quantile(values, shares) == pytest.approx(gamma.ppf(shares, LOOKS, scale=1 / LOOKS), rel=0.02)


def test_neighbours_share_their_speckle(ratio):
    apart = ratio["vv"] - 1
    power = (apart**2).mean()

    def likeness(down, right):
        rows, columns = apart.shape
        return (apart[: rows - down, : columns - right] * apart[down:, right:]).mean() / power

    # Weights 1 2 1: (2 + 2) / 6 and 1 / 6, and nothing beyond.
    assert likeness(0, 1) == pytest.approx(4 / 6, abs=0.02)
    assert likeness(1, 0) == pytest.approx(4 / 6, abs=0.02)
    assert likeness(0, 2) == pytest.approx(1 / 6, abs=0.02)
    assert likeness(1, 1) == pytest.approx(16 / 36, abs=0.02)
    assert abs(likeness(0, 3)) < 0.015
    vh = ratio["vh"] - 1
    assert abs((apart * vh).mean() / power) < 0.01


def test_speckle_is_new_on_every_date():
    pictures = [
        draw_block(WORLD, scene_on(day), (0, 0, EDGE, EDGE), *land_of(*OAKS[:2], **OAKS[2]), MILD).pixels["vv"]
        for day in ("2025-05-08", "2025-05-20")
    ]
    first, second = (values / values.mean() - 1 for values in pictures)
    assert abs((first * second).mean() / first.var()) < 0.05
    # The amplifiers' gain differs by a few percent.
    assert 0.001 < abs(pictures[0].mean() / pictures[1].mean() - 1) < 0.15


# ── Contract ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_a_block_holds():
    block = draw_block(WORLD, DESCENDING, (0, 0, 60, 90), *land_of(*OAKS[:2], **OAKS[2]), 0.4)
    assert list(block.pixels) == ["vv", "vh"]
    assert {values.shape for values in block.pixels.values()} == {(60, 90)}
    assert {values.dtype for values in block.pixels.values()} == {np.dtype(np.float32)}
    assert block.truth == {}
    same = draw_block(WORLD, DESCENDING, (0, 0, 60, 90), *land_of(*OAKS[:2], **OAKS[2]), Wetness(soil=0.4))
    assert all(np.array_equal(same.pixels[band], block.pixels[band]) for band in block.pixels)


def test_powers_are_rounded_finely():
    values = draw_block(WORLD, DESCENDING, (0, 0, 60, 60), *land_of(*OAKS[:2], **OAKS[2]), MILD).pixels["vv"]
    assert (values.view(np.uint32) % 4096 == 0).all()
    # Far finer than speckle: hundreds of steps between the quartiles.
    low, high = np.quantile(values, [0.25, 0.75])
    assert np.unique(values[(values > low) & (values < high)]).size > 500
    assert np.float32(NODATA).view(np.uint32) % 4096 == 0


@pytest.mark.parametrize("kind", [OAKS, SEA, TOWN], ids=["oaks", "sea", "town"])
def test_blocks_agree_with_the_whole(kind):
    cover, materials, fields = kind
    fields = fields | {"grain": 1.0}
    whole = draw_block(
        WORLD, ASCENDING, (0, 0, 200, 200), *land_of(cover, materials, Window(-18, -18, 236, 236), **fields), MILD
    )
    for cut in ((0, 0, 120, 80), (120, 0, 80, 200), (60, 80, 140, 120)):
        window = Window(*cut).grown(12)
        part = draw_block(WORLD, ASCENDING, cut, *land_of(cover, materials, window, **fields), MILD)
        row, column, rows, columns = cut
        for band, values in part.pixels.items():
            assert np.array_equal(values, whole.pixels[band][row : row + rows, column : column + columns])


def test_other_seeds_give_other_speckle():
    other = world_of("demo", 4)
    land = land_of(*OAKS[:2], **OAKS[2])
    mine, theirs = (
        draw_block(world, scene_on(world=world), (0, 0, 60, 60), *land, MILD).pixels["vv"] for world in (WORLD, other)
    )
    assert not np.array_equal(mine, theirs)


def test_echoes_hold_no_holes():
    for wetness in (MILD, Wetness(0, 0, 1, 1, 0), Wetness(1, 1, 0, 0, 20)):
        echoes = echoes_of(wetness)
        assert (echoes.crowns > 0).all()
        assert (echoes.dormant > 0).all()
        assert (echoes.crowns[..., 0] > echoes.crowns[..., 1]).all()
        open_materials = echoes.ground[:, 0] > 0
        assert (echoes.ground[open_materials, 0] > echoes.ground[open_materials, 1]).all()
        # Crowns and snow are told by the stand and the snow, not by what is seen from above.
        assert not open_materials[[MATERIALS.index(name) for name in ("leaves", "needles", "snow")]].any()


def weather_of_days(low, high, rain=0.0, snow=0.0, wind=5.0, days=40):
    first = np.datetime64("2025-03-01")
    full = np.full((days, 2, 2), 1.0, np.float32)
    return Weather(
        days=first + np.arange(days), longitude=np.array([131.9, 132.0]), latitude=np.array([43.4, 43.3]),
        elevation=full[0], mean_temperature=full * (low + high) / 2, lowest_temperature=full * low, highest_temperature=full * high,
        noon_humidity=full * 50, wind_speed=full * wind, wind_from=full, precipitation=full * rain, snow_depth=full * snow, cloud=full * 0.4,
    )  # fmt: skip


def test_weather_as_radar_meets_it():
    evening = datetime(2025, 3, 30, 9, 9, tzinfo=UTC)
    morning = datetime(2025, 3, 30, 21, 22, tzinfo=UTC)
    winter = wetness_on(weather_of_days(-20.0, -10.0, snow=0.3), evening)
    assert (winter.frost, winter.melt, winter.rain, winter.soil) == (1.0, 0.0, 0.0, 0.0)
    spring = weather_of_days(-5.0, 8.0, snow=0.2)
    assert wetness_on(spring, evening).melt > 0.9
    assert wetness_on(spring, morning).melt == 0.0
    summer = weather_of_days(12.0, 24.0, rain=6.0, wind=4.0)
    wet = wetness_on(summer, evening)
    assert wet.frost == 0.0
    assert wet.rain == pytest.approx(0.5)
    assert wet.soil > 0.5 > wetness_on(weather_of_days(12.0, 24.0), evening).soil
    # Evenings blow, mornings are calm.
    assert (wet.wind, wetness_on(summer, morning).wind) == pytest.approx((3.6, 2.4))
    with pytest.raises(ConfigError):
        wetness_on(summer, datetime(2031, 1, 1, tzinfo=UTC))


# ── Real series, where the shared data are at hand ────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def myanmar(shared):
    rasterio = pytest.importorskip("rasterio")
    folder = shared / "imagery" / "s1-stack-myanmar"
    with rasterio.open(folder / "dem_slope.tif") as source:
        slope = source.read(2)
    dates = {}
    for path in sorted((folder / "sentinel-1-grd").iterdir()):
        if path.is_dir() and path.name[17:25] not in dates:
            bands = []
            for band in ("vv", "vh"):
                with rasterio.open(path / f"{band}.tif") as source:
                    values = source.read(1).astype(np.float64)
                bands.append(np.where(values == -32768, np.nan, 10 ** (values / 1000)))
            dates[path.name[17:25]] = np.stack(bands)
    return np.stack(list(dates.values())), slope < 6


def test_speckle_of_30_m_pixels_is_that_of_a_real_series(myanmar, ratio):
    series, level = myanmar
    of_mean = series / np.nanmean(series, axis=0)
    of_mean /= np.nanmean(of_mean, axis=(2, 3), keepdims=True)
    for number, band in enumerate(("vv", "vh")):
        real = of_mean[:, number][:, level]
        mine = ratio[band].reshape(300, 3, 300, 3).mean(axis=(1, 3))
        # The real forest also changes from date to date: its numbers of looks are lower than speckle's alone.
        assert 1 / mine.var() == pytest.approx(1 / np.nanvar(real), rel=0.25)
        shares = [0.05, 0.25, 0.75, 0.95]
        assert np.quantile(mine, shares) == pytest.approx(np.nanquantile(real, shares), abs=0.06)


def test_forest_is_as_far_above_its_vh_as_real_forest(myanmar):
    series, level = myanmar
    real = 10 * np.log10(np.nanmean(series[:, :, level], axis=(0, 2)))
    vv, vh = decibels(OAKS)
    assert vv - vh == pytest.approx(real[0] - real[1], abs=1.5)
    # Tropical, and not corrected for terrain.
    assert vh == pytest.approx(real[1], abs=1.5)


def test_levels_of_terrain_corrected_sites(shared):
    pandas = pytest.importorskip("pandas")
    folder = shared / "imagery" / "s1-rtc-opera-sites"
    table = pandas.read_csv(folder / "rtc_timeseries.csv.gz")
    means = 10 * np.log10(table.groupby("site_id")[["vv", "vh"]].mean())
    kinds = {
        feature["properties"]["site_id"]: feature["properties"]["change_type"]
        for feature in json.loads((folder / "sites.geojson").read_text())["features"]
    }
    # A forest of pines and oaks in Catalonia that did not change.
    assert decibels(PINES) == pytest.approx(means.loc[90].to_numpy(), abs=1.2)
    crops = means.loc[[site for site, kind in kinds.items() if kind == "Crop cycle change" and site in means.index]]
    over_the_year = np.mean(
        [decibels(kind, Wetness(soil=soil)) for kind in (SOIL, MAIZE, STRAW) for soil in (0.1, 0.6)], axis=0
    )
    assert over_the_year == pytest.approx(crops.mean().to_numpy(), abs=1.2)
