"""Fires: where, when and how large they are, what they leave, and the one fire every world tells of."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from habitat.contracts.errors import ConfigError
from habitat.twin.land import patches
from habitat.twin.land.events import Fire, History
from habitat.twin.land.fires import STORY_START, burn_layers, facts, fires_of, last_fire, perimeters
from habitat.twin.land.ignitions import (
    LARGEST_HA,
    SEASONS,
    SMALLEST_HA,
    WEST_RATE,
    dryness_at,
    ground_weight,
    ignitions_of,
    solar_day,
)
from habitat.twin.land.landscape import Country, Cover, Landscape
from habitat.twin.land.patches import Places, cells, land_piece, piece_around
from habitat.twin.land.weather import Weather, weather_of
from habitat.twin.world import Window, World, world_of

TINY_SEEDS = (1, 2, 3, 4, 5, 6)


@pytest.fixture(scope="module", params=TINY_SEEDS)
def tiny(request: pytest.FixtureRequest) -> tuple[World, tuple[Fire, ...]]:
    world = world_of("tiny", request.param)
    return world, fires_of(world, weather_of(world))


@pytest.fixture(scope="module")
def weather() -> Weather:
    return weather_of(world_of("tiny", 1))


def a_fire(number: int, start: str, row: int, column: int, arrival: list[list[float]], severity: float = 0.5) -> Fire:
    hours = np.array(arrival, np.float32)
    return Fire(
        number=number, kind="ground", season="spring", start=datetime.fromisoformat(start).replace(tzinfo=UTC),
        cause="road", ignition=(row, column), row=row, column=column, arrival_h=hours,
        severity=np.where(np.isfinite(hours), severity, 0).astype(np.float32),
    )  # fmt: skip


def two_fires(weather: Weather) -> History:
    # The first burns over midnight; the second burns one of its cells again a year later.
    first = a_fire(1, "2024-04-20T22:00", 3, 4, [[0, 1, 3], [np.inf, 2, 27]], 0.4)
    second = a_fire(2, "2025-04-24T05:00", 3, 5, [[0, np.inf]], 0.7)
    return History(weather, (first, second), ())


def test_days_and_severities_of_a_span_are_those_of_the_last_fire_in_it(weather: Weather):
    world, history, window = world_of("tiny", 1), two_fires(weather), Window(6, 8, 4, 6)
    days, severity = burn_layers(world, history, window, date(2024, 1, 1), date(2025, 12, 31))
    # 20 April 2024 is day 111, 24 April 2025 day 114.
    assert days.tolist() == [[111, 114, 112], [0, 112, 113]]
    assert days.dtype == np.int16
    np.testing.assert_allclose(severity, [[0.4, 0.7, 0.4], [0, 0.4, 0.4]])


def test_only_what_burnt_within_the_span_is_told(weather: Weather):
    world, history, window = world_of("tiny", 1), two_fires(weather), Window(6, 8, 4, 6)
    one_day, severity = burn_layers(world, history, window, date(2024, 4, 21), date(2024, 4, 21))
    assert one_day.tolist() == [[0, 0, 112], [0, 112, 0]]
    np.testing.assert_allclose(severity, [[0, 0, 0.4], [0, 0.4, 0]])
    assert not burn_layers(world, history, window, date(2023, 1, 1), date(2024, 4, 19))[0].any()


def test_time_since_fire_is_seen_on_the_morning_of_a_day(weather: Weather):
    world, history, window = world_of("tiny", 1), two_fires(weather), Window(6, 8, 4, 6)
    since, severity = last_fire(world, history, window, date(2024, 4, 21), 20.0)
    # At half past two UTC on the 21st what burnt at 22, 23, 0 and 1 o'clock is black, what burns on the 22nd is not.
    assert since.tolist() == [[1, 1, 0], [np.inf, 0, np.inf]]
    assert severity[1, 2] == 0
    same_day = last_fire(world, history, window, date(2025, 4, 24), 20.0)[0]
    assert same_day[0, 1] == 369
    assert last_fire(world, history, window, datetime(2025, 4, 24, 6, tzinfo=UTC), 20.0)[0][0, 1] == 0
    assert last_fire(world, history, window, date(2025, 4, 25), 20.0)[0][0, 1] == 1


def test_pixels_of_10_m_take_the_cell_they_lie_in(weather: Weather):
    world, history = world_of("tiny", 1), two_fires(weather)
    coarse, coarse_severity = last_fire(world, history, Window(6, 8, 4, 6), date(2025, 5, 3), 20.0)
    fine, fine_severity = last_fire(world, history, Window(6, 8, 4, 6), date(2025, 5, 3), 10.0)
    assert np.array_equal(fine, np.repeat(np.repeat(coarse, 2, 0), 2, 1))
    assert np.array_equal(fine_severity[::2, ::2], coarse_severity)
    # A window that begins and ends at odd pixels.
    odd = last_fire(world, history, Window(7, 9, 2, 4), date(2025, 5, 3), 10.0)[0]
    assert np.array_equal(odd, fine[1:3, 1:5])


def test_windows_that_do_not_fit_the_lattice_are_refused(weather: Weather):
    world, history = world_of("tiny", 1), two_fires(weather)
    with pytest.raises(ConfigError, match="cuts cells of 20 m in two"):
        last_fire(world, history, Window(1, 0, 4, 4), date(2025, 5, 3), 20.0)
    with pytest.raises(ConfigError, match="pixels of 30 m were asked for, wants 10 or 20"):
        last_fire(world, history, Window(0, 0, 6, 6), date(2025, 5, 3), 30.0)
    with pytest.raises(ConfigError, match="begin and end it at even rows"):
        burn_layers(world, history, Window(0, 0, 5, 4), date(2025, 1, 1), date(2025, 5, 3))


def test_windows_far_away_hold_nothing(weather: Weather):
    since, severity = last_fire(world_of("tiny", 1), two_fires(weather), Window(60, 60, 8, 8), date(2025, 5, 3), 10.0)
    assert np.isinf(since).all()
    assert not severity.any()


def test_the_same_world_has_the_same_fires_whoever_asks():
    world = world_of("tiny", 1)
    first, again = (fires_of(one, weather_of(one)) for one in (world, world_of("tiny", 1)))
    assert [fire.start for fire in first] == [fire.start for fire in again]
    assert all(a.arrival_h.tobytes() == b.arrival_h.tobytes() for a, b in zip(first, again, strict=True))
    assert all(a.severity.tobytes() == b.severity.tobytes() for a, b in zip(first, again, strict=True))
    other = world_of("tiny", 2)
    assert [fire.start for fire in fires_of(other, weather_of(other))] != [fire.start for fire in first]


def test_layers_of_parts_are_parts_of_the_layers(tiny: tuple[World, tuple[Fire, ...]], weather: Weather):
    world, fires = tiny
    history = History(weather, fires, ())
    whole = burn_layers(world, history, world.whole, date(2009, 1, 1), date(2025, 12, 31))
    part = burn_layers(world, history, Window(20, 30, 60, 50), date(2009, 1, 1), date(2025, 12, 31))
    for one, other in zip(whole, part, strict=True):
        assert np.array_equal(one[10:40, 15:40], other)


def test_the_story_is_the_same_kind_of_fire_in_every_world(tiny: tuple[World, tuple[Fire, ...]]):
    world, fires = tiny
    (story,) = (fire for fire in fires if fire.start == STORY_START)
    assert (story.kind, story.season) == ("ground", "spring")
    share = story.area_ha * 10_000 / world.width_m**2
    assert 0.04 <= share <= 0.06
    rows, columns = story.burnt.shape
    area = world.area_window
    assert area.row // 2 < story.row <= story.row + rows < (area.row + area.rows) // 2
    assert area.column // 2 < story.column <= story.column + columns < (area.column + area.columns) // 2
    middle = np.array(story.ignition) / cells(world)
    assert (np.abs(middle - 0.5) < 0.2).all()
    same_spring = [fire for fire in fires if fire.season == "spring" and fire.start.year == 2025 and fire is not story]
    assert all(fire.area_ha < story.area_ha for fire in same_spring)
    assert float(np.max(story.arrival_h, where=story.burnt, initial=0)) < 84


def test_fires_keep_to_what_burns_and_to_their_scales(tiny: tuple[World, tuple[Fire, ...]]):
    world, fires = tiny
    for fire in fires:
        cover = land_piece(world, fire.row, fire.column, *fire.burnt.shape).cover[fire.burnt]
        assert not np.isin(cover, (Cover.WATER, Cover.FIELD, Cover.BUILT)).any()
        low, high = (0.25, 0.75) if fire.kind == "ground" else (0.8, 1.0)
        assert low <= fire.severity[fire.burnt].min() <= fire.severity[fire.burnt].max() <= high
        assert not fire.severity[~fire.burnt].any()
        assert fire.arrival_h[fire.ignition[0] - fire.row, fire.ignition[1] - fire.column] == 0
        # The patch holds the fire and no empty rim.
        assert all(side.any() for side in (fire.burnt[0], fire.burnt[-1], fire.burnt[:, 0], fire.burnt[:, -1]))
        assert fire.area_ha >= 0.25


def test_fires_are_numbered_in_time_and_lie_in_their_seasons(tiny: tuple[World, tuple[Fire, ...]]):
    world, fires = tiny
    assert [fire.number for fire in fires] == list(range(1, len(fires) + 1))
    assert [fire.start for fire in fires] == sorted(fire.start for fire in fires)
    for fire in fires:
        day = solar_day(fire.start)
        _, first, last = SEASONS[fire.season]
        assert date(day.year, *first) <= day <= date(day.year, *last)
        assert world.size.first_year <= day.year <= 2025
        # People are about from nine to seven by the sun.
        solar = fire.start + timedelta(hours=8.8)
        assert 8.9 <= solar.hour + solar.minute / 60 <= 19.1


def test_nothing_burns_twice_in_one_season(tiny: tuple[World, tuple[Fire, ...]]):
    world, fires = tiny
    times = np.zeros((cells(world), cells(world)), np.int32)
    for year in range(world.size.first_year, 2026):
        for season in SEASONS:
            times[:] = 0
            for fire in fires:
                if (fire.start.year, fire.season) == (year, season):
                    rows, columns = fire.burnt.shape
                    times[fire.row : fire.row + rows, fire.column : fire.column + columns] += fire.burnt
            assert times.max() <= 1


def test_a_tiny_world_has_a_crown_fire_and_a_few_fires_a_year(tiny: tuple[World, tuple[Fire, ...]]):
    world, fires = tiny
    assert [fire.kind for fire in fires].count("crown") == 1
    assert 1 <= len(fires) / (2026 - world.size.first_year) <= 5


def test_wet_years_have_no_fires_but_the_story(weather: Weather):
    world = world_of("tiny", 1)
    wet = replace(weather, precipitation=np.full_like(weather.precipitation, 20.0))
    fires = fires_of(world, wet)
    assert {fire.start for fire in fires if fire.kind == "ground"} == {STORY_START}
    assert 0.04 <= fires[-1].area_ha * 10_000 / world.width_m**2 <= 0.06


def test_fires_begin_on_drier_days_than_most(weather: Weather):
    world = world_of("demo", 1)
    own = weather_of(world)
    begun = [dryness_at(own, solar_day(one.start)) for one in ignitions_of(world, own) if one.kind == "ground"]
    days = [date(2009, 4, 1) + timedelta(days=number) for number in range(365 * 16)]
    usual = [dryness_at(own, day) for day in days if (day.month, day.day) < (5, 16) and day.month >= 4]
    assert np.median(begun) > np.median(usual) + 0.2
    assert min(begun) > 0.15


def test_sizes_are_heavy_tailed():
    world = world_of("demo", 1)
    sizes = [one.most_ha for one in ignitions_of(world, weather_of(world)) if one.kind == "ground"]
    assert SMALLEST_HA <= min(sizes) < 1
    assert 700 < max(sizes) <= LARGEST_HA["demo"]
    # Of 1 - F = ((s / low)^-a - r) / (1 - r), r = (low / high)^a: at 21.2 ha, the geometric middle, a half and a bit.
    ratio = (SMALLEST_HA / LARGEST_HA["demo"]) ** 0.08
    middle = np.sqrt(SMALLEST_HA * LARGEST_HA["demo"])
    above = (np.sqrt(ratio) - ratio) / (1 - ratio)
    assert np.mean(np.array(sizes) > middle) == pytest.approx(above, abs=0.08)


def flat(world: World, window: Window, cover: Cover, country: Country, to_people: float) -> Landscape:
    shape = (window.rows // 2, window.columns // 2)
    zero = np.zeros(shape, np.float32)
    return Landscape(
        window=window, resolution_m=20.0, elevation=zero, rise_east=zero, rise_north=zero, height=zero,
        cover=np.full(shape, cover, np.uint8), canopy=zero, tree_height=zero, evergreen=zero,
        parcel=np.zeros(shape, np.uint16), grain=zero, country=np.full(shape, country, np.uint8),
        to_people=np.full(shape, to_people, np.float32),
    )  # fmt: skip


def test_the_countries_differ_by_the_factor_that_is_told():
    world, window = world_of("demo", 1), Window(0, 0, 60, 60)
    east, west = (ground_weight(world, flat(world, window, Cover.GRASS, side, 0.0)) for side in (2, 1))
    np.testing.assert_allclose(west / east, WEST_RATE, rtol=1e-5)


def test_fires_begin_near_people_and_in_grass():
    world, window = world_of("demo", 1), Window(0, 0, 60, 60)
    near, far = (ground_weight(world, flat(world, window, Cover.GRASS, Country.EAST, away)) for away in (0.0, 3000.0))
    assert (near > 20 * far).all()
    oak = ground_weight(world, flat(world, window, Cover.OAK, Country.EAST, 0.0))
    assert (near > oak).all()
    assert not ground_weight(world, flat(world, window, Cover.WATER, Country.EAST, 0.0)).any()


def test_outlines_enclose_what_burnt(tiny: tuple[World, tuple[Fire, ...]]):
    world, fires = tiny
    table = perimeters(world, fires)
    assert list(table.columns) == [
        "id", "kind", "season", "start", "end", "cause", "area_ha", "severity", "country", "geometry",
    ]  # fmt: skip
    assert table.crs.to_epsg() == 32652
    np.testing.assert_allclose(table.area / 10_000, [fire.area_ha for fire in fires])
    assert (table.area_ha == table.area.div(10_000).round(2)).all()
    assert (table.end >= table.start).all()
    assert set(table.country) <= {"XA", "XB"}
    assert set(table.cause) <= {"road", "field", "settlement", "unknown"}
    west, south, east, north = table.total_bounds
    assert west >= world.west
    assert north <= world.north
    assert max(east - world.west, world.north - south) <= world.width_m


def test_no_fires_make_an_empty_table():
    table = perimeters(world_of("tiny", 1), ())
    assert len(table) == 0
    assert table.crs.to_epsg() == 32652


def test_facts_tell_the_factors_and_the_story(tiny: tuple[World, tuple[Fire, ...]]):
    world, fires = tiny
    told = facts(world, fires)
    assert told["ignitions_west_for_one_east"] == WEST_RATE == 0.45
    assert fires[told["story_fire"] - 1].start == STORY_START
    assert sum(told["fires_by_year"].values()) == told["fires"] == len(fires)
    assert sum(told["spring_fires_by_country"].values()) == sum(fire.season == "spring" for fire in fires)


def test_places_of_a_large_world_are_drawn_by_weight(monkeypatch: pytest.MonkeyPatch):
    # The demonstration as if it were too large to be drawn at once.
    monkeypatch.setattr(patches, "_CACHED", 100)
    monkeypatch.setattr(patches, "_SCOUTS_ACROSS", 4)
    world = world_of("demo", 77)
    drawn = Places(world, lambda land: (land.cover == Cover.GRASS).astype(np.float32))
    rng = np.random.default_rng(1)
    places = {drawn.draw(rng) for _ in range(30)}
    assert None not in places
    assert len(places) > 15
    assert all(land_piece(world, *place, 1, 1).cover[0, 0] == Cover.GRASS for place in places if place)
    nowhere = Places(world, lambda land: np.zeros(land.cover.shape, np.float32))
    assert nowhere.draw(rng) is None


def test_a_piece_of_a_large_world_is_what_the_whole_has_there(monkeypatch: pytest.MonkeyPatch):
    world = world_of("tiny", 5)
    cut = land_piece(world, 7, 9, 20, 21)
    monkeypatch.setattr(patches, "_CACHED", 0)
    drawn = land_piece(world, 7, 9, 20, 21)
    assert drawn.window == cut.window
    assert np.array_equal(drawn.cover, cut.cover)
    assert np.array_equal(drawn.to_people, cut.to_people)


def test_pieces_are_cut_at_the_edge_of_the_world():
    world = world_of("tiny", 1)
    land = piece_around(world, (1, cells(world) - 2), 5)
    assert land.cover.shape == (7, 7)
    assert (land.window.row, land.window.column) == (0, 2 * (cells(world) - 7))


@pytest.mark.slow
def test_years_of_fire_are_as_in_the_country_they_stand_for():
    world = world_of("demo", 1)
    fires = fires_of(world, weather_of(world))
    cover = land_piece(world, 0, 0, cells(world), cells(world)).cover
    burnable = 0.04 * np.isin(cover, (2, 3, 4, 5, 6, 7, 9)).sum()
    years = np.array([fire.start.year for fire in fires])
    area = np.array([fire.area_ha for fire in fires])
    share = np.array([area[years == year].sum() / burnable for year in range(2009, 2026)])
    assert 8 <= len(fires) / 17 <= 25
    assert 0.04 <= share.mean() <= 0.15
    # Outside 1-45 % in a year: investigate.
    assert share.max() < 0.45
    crowns = [fire for fire in fires if fire.kind == "crown"]
    assert any(2015 <= fire.start.year <= 2024 for fire in crowns)
    assert any(fire.start.year >= 2024 for fire in crowns)
    assert all(10 <= fire.area_ha <= 150 for fire in crowns)
    spring = np.mean([fire.season == "spring" for fire in fires])
    assert 0.6 < spring < 0.9
    # Half of all fires burn a twentieth of what burns.
    assert np.sort(area)[: area.size // 2].sum() < 0.05 * area.sum()
    again = np.zeros(cover.shape, np.int32)
    for fire in fires:
        rows, columns = fire.burnt.shape
        again[fire.row : fire.row + rows, fire.column : fire.column + columns] += fire.burnt
    assert again[cover == Cover.GRASS].max() >= 5
