"""What covers the ground through the year, after fires, fellings and snow: a strip of land with one cover a row."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import numpy as np
import pytest

from habitat.contracts.errors import ConfigError
from habitat.twin.land.events import Clearing, Fire, History
from habitat.twin.land.landscape import Country, Cover, Landscape, landscape_in
from habitat.twin.land.seasons import LEAF_FALL, LEAF_OUT, seasons_of
from habitat.twin.land.vegetation import Ground, ground_on, stand_on
from habitat.twin.land.weather import weather_of
from habitat.twin.materials import BANDS, MATERIALS, spectra_of
from habitat.twin.sensors.optics import reflectance_of
from habitat.twin.world import Window, world_of

WORLD = world_of("tiny", 1)
ROWS = (
    Cover.OAK, Cover.PINE_BROADLEAF, Cover.BIRCH, Cover.LARCH, Cover.SHRUB, Cover.GRASS, Cover.WETLAND, Cover.FIELD,
    Cover.BUILT, Cover.WATER,
)  # fmt: skip
CANOPY = (0.85, 0.88, 0.80, 0.80, 0.45, 0.05, 0.0, 0.0, 0.0, 0.0)
EVERGREEN = (0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
COLUMNS = 40
NEVER = (date(1990, 1, 1), 0.0)
STORY = date(2025, 4, 24)


def strip(elevation=50.0):
    """Rows of 10 m, two of each cover; each column of the field rows is a parcel of its own."""
    shape = (2 * len(ROWS), COLUMNS)

    def by_row(values, dtype=np.float32):
        return np.repeat(np.repeat(np.array(values, dtype)[:, None], 2, axis=0), COLUMNS, axis=1)

    zero = np.zeros(shape, np.float32)
    return Landscape(
        window=Window(0, 0, *shape), resolution_m=10.0, elevation=zero + elevation, rise_east=zero, rise_north=zero,
        height=zero, cover=by_row(ROWS, np.uint8), canopy=by_row(CANOPY), tree_height=by_row(CANOPY) * 18,
        evergreen=by_row(EVERGREEN), parcel=np.broadcast_to(np.arange(COLUMNS, dtype=np.uint16), shape).copy(),
        grain=zero, country=np.full(shape, Country.EAST, np.uint8), to_people=zero,
    )  # fmt: skip


LAND = strip()


@lru_cache
def weather_and_seasons():
    # The demonstration's weather goes back furthest.
    weather = weather_of(world_of("demo", 1))
    usual = dict.fromkeys(range(2009, 2026), 0.0)
    # Springs, autumns and winters as usual, so that dates are known; no snow unless a test lays it.
    seasons = replace(seasons_of(WORLD, weather), spring_warmth=usual, autumn_warmth=usual)
    return weather, replace(seasons, snow=np.zeros_like(seasons.snow))


def fire(day, severity, kind="ground"):
    shape = (len(ROWS), COLUMNS // 2)
    start = datetime(day.year, day.month, day.day, 5, tzinfo=UTC)
    arrival, grid = np.zeros(shape, np.float32), np.full(shape, severity, np.float32)
    season = "spring" if day.month < 7 else "autumn"
    return Fire(1, kind, season, start, "unknown", (0, 0), 0, 0, arrival, grid)


def clearing(day, removed, kind):
    return Clearing(1, kind, day, 0, 0, np.full((len(ROWS), COLUMNS // 2), removed, np.float32))


def ground(day, fires=(), clearings=(), snow_m=0.0, land=LAND) -> Ground:
    weather, seasons = weather_and_seasons()
    if snow_m:
        seasons = replace(seasons, snow=np.full_like(seasons.snow, snow_m))
    return ground_on(WORLD, land, History(weather, tuple(fires), tuple(clearings)), seasons, day)


def share(state, name, cover):
    row = 2 * ROWS.index(cover)
    names = ("leaves", "lush_leaves") if name == "leaves" else (name,)
    return sum(float(state.shares[MATERIALS.index(one), row : row + 2].mean()) for one in names)


def index(state, first, second, cover):
    bands = reflectance_of(state, spectra_of("S2A"))
    row = 2 * ROWS.index(cover)
    a, b = (float(bands[BANDS.index(band), row : row + 2].mean()) for band in (first, second))
    return (a - b) / (a + b)


def ndvi(state, cover):
    return index(state, "nir", "red", cover)


def nbr(state, cover):
    return index(state, "nir08", "swir22", cover)


def ndmi(state, cover):
    return index(state, "nir08", "swir16", cover)


def after(days):
    return STORY + timedelta(days=days)


@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize("burnt", [False, True])
def test_shares_always_add_up_to_one(month, burnt):
    fires = [fire(date(2024, 4, 20), 0.6), fire(date(2021, 5, 1), 0.9, "crown")] if burnt else []
    cuts = [clearing(date(2022, 12, 1), 0.9, "clear-cut")] if burnt else []
    state = ground(date(2024, month, 17), fires, cuts, snow_m=0.1 if month in (1, 3, 11) else 0.0)
    assert state.shares.shape == (len(MATERIALS), *LAND.cover.shape)
    assert state.shares.dtype == np.float32
    assert state.shares.min() >= 0
    np.testing.assert_allclose(state.shares.sum(axis=0), 1, atol=1e-5)
    hidden = state.shares[MATERIALS.index("snow")] + state.shares[MATERIALS.index("shaded_snow")]
    np.testing.assert_allclose(state.snow, hidden, atol=1e-6)


@pytest.mark.parametrize(
    ("cover", "low", "high"),
    [
        (Cover.OAK, (0.85, 0.65), (0.92, 0.80)),
        (Cover.PINE_BROADLEAF, (0.82, 0.63), (0.90, 0.80)),
        (Cover.BIRCH, (0.83, 0.62), (0.92, 0.80)),
        (Cover.LARCH, (0.76, 0.55), (0.90, 0.72)),
        (Cover.SHRUB, (0.76, 0.52), (0.90, 0.75)),
        (Cover.GRASS, (0.70, 0.42), (0.88, 0.65)),
    ],
)
def test_summer_is_as_green_as_published(cover, low, high):
    state = ground(date(2024, 8, 5))
    assert low[0] < ndvi(state, cover) < high[0]
    assert low[1] < nbr(state, cover) < high[1]


def test_leafless_woods_show_their_litter():
    state = ground(date(2024, 4, 10))
    for cover in (Cover.OAK, Cover.BIRCH, Cover.LARCH):
        assert 0.30 < ndvi(state, cover) < 0.45
        assert 0.05 < nbr(state, cover) < 0.25
        assert share(state, "leaves", cover) == 0
    # Pines among them stay green.
    assert 0.50 < ndvi(state, Cover.PINE_BROADLEAF) < 0.70
    assert share(state, "needles", Cover.PINE_BROADLEAF) == pytest.approx(0.44, abs=0.03)
    assert 0.25 < ndvi(state, Cover.GRASS) < 0.40


def test_leaves_come_in_their_order():
    """Larches ten days before oaks, birches between, grass before all."""
    middle = date(2025, 1, 1) + timedelta(days=LEAF_OUT - 1)

    def out(day, names, cover):
        full = ground(date(2025, 7, 10))
        state = ground(day)
        return sum(share(state, name, cover) for name in names) / sum(share(full, name, cover) for name in names)

    leaves = ("leaves", "fresh_leaves")
    assert out(middle, leaves, Cover.OAK) == pytest.approx(0.5, abs=0.02)
    assert out(middle - timedelta(days=10), ("larch_needles",), Cover.LARCH) == pytest.approx(0.5, abs=0.02)
    assert out(middle - timedelta(days=10), leaves, Cover.OAK) < 0.05
    assert out(middle, leaves, Cover.BIRCH) > out(middle, leaves, Cover.OAK)
    assert out(middle - timedelta(days=4), ("green_grass",), Cover.GRASS) > 0.4
    np.testing.assert_allclose(ground(middle).green_leaf[0], 0.5, atol=0.02)


def test_leaves_come_three_days_later_on_a_hundred_metres():
    day = date(2025, 1, 1) + timedelta(days=LEAF_OUT - 1)
    high = ground(day + timedelta(days=6), land=strip(elevation=250.0))
    np.testing.assert_allclose(high.green_leaf[0], ground(day).green_leaf[0], atol=0.01)


def test_young_leaves_ripen_within_weeks():
    may, june, july = (ground(date(2025, *day)) for day in ((5, 12), (5, 25), (7, 1)))
    fresh = [share(state, "fresh_leaves", Cover.OAK) for state in (may, june, july)]
    assert fresh[0] > fresh[1] > fresh[2] == 0


def test_autumn_goes_through_colours():
    fall = date(2024, 1, 1) + timedelta(days=LEAF_FALL - 1)
    early, late, bare = (ground(fall + timedelta(days=days)) for days in (-8, 14, 45))
    assert share(early, "autumn_leaves", Cover.OAK) > 0.4
    # Larches turn last: gold when oaks are brown.
    assert share(late, "gold_needles", Cover.LARCH) > 0.4
    assert share(late, "autumn_leaves", Cover.BIRCH) < 0.05
    assert 0.1 < share(late, "brown_leaves", Cover.OAK) < 0.4
    assert 0 < share(bare, "brown_leaves", Cover.OAK) < share(late, "brown_leaves", Cover.OAK)
    assert share(bare, "brown_leaves", Cover.BIRCH) == 0
    assert share(bare, "dry_grass", Cover.GRASS) > 0.85
    assert 0.3 < ndvi(bare, Cover.OAK) < 0.48


def test_grass_is_dry_from_october_to_april_and_green_in_summer():
    for month, green in ((1, False), (4, False), (7, True), (10, False), (12, False)):
        state = ground(date(2024, month, 25 if month == 10 else 8))
        assert (share(state, "green_grass", Cover.GRASS) > 0.5) == green
    assert share(ground(date(2024, 3, 1)), "reeds", Cover.WETLAND) > 0.5


def test_a_ground_fire_is_black_for_weeks_and_green_by_the_end_of_may():
    burnt = [fire(STORY, 0.46)]
    gone = {
        days: nbr(ground(after(days)), Cover.OAK) - nbr(ground(after(days), burnt), Cover.OAK)
        for days in (4, 9, 14, 19, 24, 34)
    }
    assert all(0.10 < gone[days] < 0.35 for days in (4, 9, 14))
    assert 0.01 < gone[24] + gone[19] < 0.2
    assert abs(gone[34]) < 0.05
    fresh = ground(after(4), burnt)
    assert -0.10 < nbr(fresh, Cover.OAK) < 0.10
    assert 0.88 * 0.85 < fresh.stand.canopy[0, 0] < 0.85
    assert 0.25 < nbr(ground(after(9)), Cover.GRASS) - nbr(ground(after(9), burnt), Cover.GRASS) < 0.5


def test_severity_shows():
    drops = [nbr(ground(after(9), [fire(STORY, severity)]), Cover.OAK) for severity in (0.25, 0.46, 0.75)]
    assert drops == sorted(drops, reverse=True)
    assert drops[0] - drops[2] > 0.04


def test_nothing_is_black_before_the_fire_came():
    burnt = [fire(STORY, 0.5)]
    morning, evening = datetime(2025, 4, 24, 2, tzinfo=UTC), datetime(2025, 4, 24, 11, tzinfo=UTC)
    assert share(ground(STORY, burnt), "char", Cover.OAK) == 0
    assert share(ground(morning, burnt), "char", Cover.OAK) == 0
    assert share(ground(evening, burnt), "char", Cover.OAK) > 0.3
    assert share(ground(after(1), burnt), "char", Cover.OAK) > 0.3


def test_an_autumn_scar_pales_but_lasts_until_spring():
    autumn = [fire(date(2024, 10, 28), 0.5)]
    black = [
        share(ground(day, autumn), "char", Cover.OAK)
        for day in (date(2024, 11, 25), date(2025, 3, 15), date(2025, 4, 20), date(2025, 6, 5))
    ]
    assert black[0] > 0.35
    assert 0.4 * black[0] < black[1] < 0.8 * black[0]
    assert black[2] > 0.3 * black[0]
    assert black[3] < 0.01


def test_leaves_are_later_and_thinner_in_the_year_after_a_fire():
    burnt = [fire(STORY.replace(year=2024), 0.6)]
    spring = date(2025, 5, 8)
    late = [
        days
        for days in range(10)
        if ground(spring + timedelta(days=days), burnt).green_leaf[0, 0] < ground(spring).green_leaf[0, 0]
    ]
    assert 3 <= len(late) <= 6
    summer = date(2025, 8, 10)
    assert 0.004 < ndmi(ground(summer), Cover.OAK) - ndmi(ground(summer, burnt), Cover.OAK) < 0.05
    assert share(ground(summer, burnt), "char", Cover.OAK) == 0
    years_later = [fire(date(2019, 4, 20), 0.6)]
    assert abs(ndmi(ground(summer), Cover.OAK) - ndmi(ground(summer, years_later), Cover.OAK)) < 0.003


def test_burnt_grass_comes_back_without_straw():
    burnt, plain = ground(date(2025, 6, 10), [fire(STORY, 0.6)]), ground(date(2025, 6, 10))
    assert share(burnt, "char", Cover.GRASS) < 0.02
    assert share(burnt, "green_grass", Cover.GRASS) > share(plain, "green_grass", Cover.GRASS)
    assert share(ground(date(2025, 12, 1), [fire(STORY, 0.6)]), "dry_grass", Cover.GRASS) > 0.8


def test_a_crown_fire_replaces_the_stand():
    burnt = [fire(date(2019, 5, 5), 0.9, "crown")]
    row = 2 * ROWS.index(Cover.PINE_BROADLEAF)
    weather, _ = weather_and_seasons()
    seen = []
    for day in (date(2019, 6, 20), date(2020, 7, 1), date(2023, 7, 1), date(2025, 7, 1)):
        stand = stand_on(WORLD, LAND, History(weather, tuple(burnt), ()), day)
        seen.append((stand.cover[row, 0], float(stand.canopy[row, 0]), float(stand.tree_height[row, 0])))
    assert [Cover(cover) for cover, _, _ in seen] == [Cover.GRASS, Cover.GRASS, Cover.SHRUB, Cover.SHRUB]
    canopies = [canopy for _, canopy, _ in seen]
    assert canopies[0] == pytest.approx(0.1 * 0.88, abs=0.02)
    assert canopies[0] < canopies[1] < canopies[2] < canopies[3] < 0.88
    assert seen[3][2] < 4
    summer, plain = ground(date(2019, 7, 5), burnt), ground(date(2019, 7, 5))
    assert nbr(plain, Cover.PINE_BROADLEAF) - nbr(summer, Cover.PINE_BROADLEAF) > 0.44
    # Dead trees are black at first, grey later.
    assert share(ground(date(2021, 7, 5), burnt), "twigs", Cover.PINE_BROADLEAF) > 0.05


def test_a_later_ground_fire_does_not_bring_the_crowns_back():
    fires = [fire(date(2021, 5, 5), 0.9, "crown"), fire(date(2023, 4, 20), 0.4)]
    weather, _ = weather_and_seasons()
    stand = stand_on(WORLD, LAND, History(weather, tuple(fires), ()), date(2023, 5, 1))
    assert stand.canopy[2, 0] < 0.4
    assert stand.days_since_fire[2, 0] == 11


def test_a_clear_cut_is_bare_then_grass_then_shrub_then_birch():
    cut = [clearing(date(2019, 12, 5), 0.95, "clear-cut")]
    first, third, sixth = (ground(date(year, 7, 10), (), cut) for year in (2020, 2022, 2025))
    assert [Cover(int(state.stand.cover[2, 0])) for state in (first, third, sixth)] == [
        Cover.GRASS, Cover.SHRUB, Cover.SHRUB,
    ]  # fmt: skip
    row = 2 * ROWS.index(Cover.PINE_BROADLEAF)
    soil = [float(state.shares[MATERIALS.index("soil"), row].mean()) for state in (first, third, sixth)]
    assert soil[0] > 0.15 > soil[1] >= soil[2]
    assert ndmi(first, Cover.PINE_BROADLEAF) < ndmi(third, Cover.PINE_BROADLEAF) < ndmi(sixth, Cover.PINE_BROADLEAF)
    assert first.stand.days_since_clearing[0, 0] == (date(2020, 7, 10) - date(2019, 12, 5)).days


def test_a_selective_felling_thins_and_a_field_stays():
    day = date(2021, 7, 10)
    thinned = ground(day, (), [clearing(date(2020, 12, 5), 0.4, "selective")]).stand
    assert thinned.cover[0, 0] == Cover.OAK
    assert 0.55 * 0.85 < thinned.canopy[0, 0] < 0.75 * 0.85
    farmed = ground(day, (), [clearing(date(2020, 4, 5), 1.0, "field")])
    assert (farmed.stand.cover[:8] == Cover.FIELD).all()
    assert farmed.stand.canopy[0, 0] == 0
    assert ndvi(farmed, Cover.OAK) < ndvi(ground(day), Cover.OAK)


def test_snow_lies_under_leafless_trees_and_hides_under_pines():
    state = ground(date(2025, 1, 20), snow_m=0.2)
    snow = {cover: float(state.snow[2 * ROWS.index(cover)].mean()) for cover in ROWS}
    assert snow[Cover.GRASS] > 0.8
    assert snow[Cover.GRASS] > snow[Cover.SHRUB] > snow[Cover.OAK] > snow[Cover.PINE_BROADLEAF] > 0.15
    assert 0.60 < index(state, "green", "swir16", Cover.GRASS) < 0.90
    assert 0.20 < index(state, "green", "swir16", Cover.OAK) < 0.60
    assert index(state, "green", "swir16", Cover.PINE_BROADLEAF) < index(state, "green", "swir16", Cover.OAK)
    thin = ground(date(2025, 1, 20), snow_m=0.01)
    assert thin.snow.mean() < 0.4 * state.snow.mean()


def test_rivers_freeze_in_midwinter_and_the_sea_does_not():
    winter, summer = ground(date(2025, 1, 25)), ground(date(2024, 7, 1))
    assert share(winter, "snow", Cover.WATER) > 0.5
    assert share(summer, "snow", Cover.WATER) == 0
    assert share(summer, "river", Cover.WATER) > 0.6
    sea = replace(LAND, elevation=np.zeros_like(LAND.elevation))
    assert share(ground(date(2025, 1, 25), land=sea), "sea", Cover.WATER) == 1


def test_fields_differ_by_parcel_and_year():
    row = 2 * ROWS.index(Cover.FIELD)
    names = ("crops", "soil", "mud", "dry_grass", "green_grass", "fresh_leaves")
    may, june, august = (ground(date(2024, *day)) for day in ((5, 5), (6, 12), (8, 1)))
    kinds = {tuple(np.round(may.shares[:, row, column], 2)) for column in range(COLUMNS)}
    assert len(kinds) > 5
    bare = may.shares[[MATERIALS.index(name) for name in ("soil", "dry_grass", "mud")], row].sum(axis=0)
    assert np.median(bare) > 0.8
    # Paddies are flooded before midsummer, most crops green in August.
    water = june.shares[[MATERIALS.index("river"), MATERIALS.index("mud")], row].sum(axis=0)
    assert 0.05 < np.mean(water > 0.5) < 0.5
    assert np.median(august.shares[MATERIALS.index("crops"), row]) > 0.6
    next_year = ground(date(2025, 8, 1))
    assert not np.allclose(august.shares[:, row], next_year.shares[:, row], atol=0.05)
    assert sum(float(august.shares[MATERIALS.index(name), row].sum()) for name in names) > 0.8 * COLUMNS


def test_harvested_fields_look_like_bare_ground():
    row = 2 * ROWS.index(Cover.FIELD)
    state = ground(date(2024, 10, 25))
    left = state.shares[[MATERIALS.index(name) for name in ("soil", "dry_grass", "mud")], row].sum(axis=0)
    assert np.median(left) > 0.9


def test_a_day_without_weather_is_refused():
    with pytest.raises(ConfigError, match="the weather holds 2009"):
        ground(date(2031, 5, 1))


def test_windows_agree_where_they_overlap():
    weather, seasons = weather_and_seasons()
    history = History(weather, (fire(STORY, 0.5),), (clearing(date(2024, 12, 1), 0.9, "clear-cut"),))
    wide, part = Window(0, 0, 60, 80), Window(13, 21, 30, 42)
    for day in (date(2025, 5, 3), date(2025, 1, 15)):
        first, second = (
            ground_on(WORLD, landscape_in(WORLD, window), history, seasons, day) for window in (wide, part)
        )
        np.testing.assert_array_equal(first.shares[:, 13:43, 21:63], second.shares)
        np.testing.assert_array_equal(first.snow[13:43, 21:63], second.snow)
        np.testing.assert_array_equal(first.stand.canopy[13:43, 21:63], second.stand.canopy)
