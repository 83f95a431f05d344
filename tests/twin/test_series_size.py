"""The size with a dense series: what it is made of, without drawing its scenes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from habitat.twin.facts import facts_of
from habitat.twin.land.clearings import KIND_CODES, clearing_outlines
from habitat.twin.land.events import History
from habitat.twin.land.history import history_of
from habitat.twin.land.landscape import FORESTS
from habitat.twin.land.patches import cells, land_piece
from habitat.twin.land.vegetation import stand_on
from habitat.twin.programme import PROGRAMMES, scenes_of
from habitat.twin.quirks import NO_QUIRKS
from habitat.twin.scenes import estimated_bytes
from habitat.twin.sensors.shots import Scene
from habitat.twin.truth import MONTHS, SERIES_YEARS, YEARS
from habitat.twin.world import SIZES, Window, World, world_of

SUMMER = (date(2025, 5, 25), date(2025, 9, 20))


@pytest.fixture(scope="module", params=[1, 2, 3])
def world(request: pytest.FixtureRequest) -> World:
    return world_of("series", request.param)


@pytest.fixture(scope="module")
def history(world: World) -> History:
    return history_of(world)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    world = world_of("series", 1)
    return scenes_of(world, history_of(world).weather, NO_QUIRKS)


def test_the_area_is_small_and_its_history_long():
    size = SIZES["series"]
    assert 120 <= size.area_pixels <= 150
    assert size.first_year == 2015
    # Area and margins together are a whole number of 60 m pixels.
    assert size.pixels == 2 * (132 + 2 * 3)
    assert size.pixels % 6 == 0


def test_every_clear_enough_pass_of_five_years_is_kept(scenes: list[Scene]):
    days = {sensor: [one.day for one in scenes if one.overpass.sensor == sensor] for sensor in ("sentinel2", "landsat")}
    years = {sensor: Counter(day[:4] for day in found) for sensor, found in days.items()}
    assert all(45 <= years["sentinel2"][str(year)] <= 73 for year in range(2021, 2026))
    assert all(18 <= years["landsat"][str(year)] <= 46 for year in range(2021, 2026))
    assert all(3 <= years["landsat"][str(year)] <= 12 for year in range(2015, 2021))
    # Monsoon and all: no month of five summers is without a look.
    seen = {day[:7] for found in days.values() for day in found}
    assert {f"{year}-{month:02d}" for year in range(2021, 2026) for month in range(5, 11)} <= seen
    assert max(one.overpass.cloud for one in scenes) < PROGRAMMES["series"].cloud_below


def test_radar_looks_twice_a_month_from_one_orbit(scenes: list[Scene]):
    radar = [one.overpass for one in scenes if one.overpass.sensor == "sentinel1"]
    assert {one.orbit for one in radar} == {PROGRAMMES["series"].radar_orbit}
    assert set(Counter(one.day[:7] for one in radar).values()) == {2}
    assert len(radar) == 5 * 12 * 2


def test_nothing_is_delivered_twice_but_for_the_reprocessed_day(scenes: list[Scene]):
    assert {one.provider for one in scenes if one.overpass.sensor == "sentinel2"} == {"earth-search"}
    twice = Counter(one.day for one in scenes if one.overpass.sensor == "sentinel2")
    assert {day for day, count in twice.items() if count > 1} == {"2025-05-18"}


def test_it_holds_losses_of_every_kind_in_leaf_and_in_winter(history: History):
    last = [one for one in history.clearings if one.day >= date(2024, 1, 1)]
    summer = Counter(one.kind for one in last if SUMMER[0] <= one.day <= SUMMER[1])
    assert summer["clear-cut"] >= 2
    assert summer["selective"] >= 1
    assert summer["windthrow"] >= 2
    winter = {one.kind for one in last if one.day.month in (11, 12, 1, 2, 3)}
    assert {"clear-cut", "selective", "windthrow"} <= winter
    assert "field" in {one.kind for one in last}
    fires = Counter((fire.kind, fire.start.year) for fire in history.fires)
    assert fires["ground", 2025] >= 3
    assert fires["crown", 2024] + fires["crown", 2025] >= 1


def test_most_of_the_forest_is_left_alone_in_the_last_year(world: World, history: History):
    land = land_piece(world, 0, 0, cells(world), cells(world))
    forest = np.isin(land.cover, FORESTS)
    lost = np.zeros(forest.shape, bool)
    for one in history.clearings:
        if one.day >= date(2025, 1, 1):
            rows, columns = one.removed.shape
            lost[one.row : one.row + rows, one.column : one.column + columns] |= one.removed > 0
    for fire in history.fires:
        if fire.start.year == 2025:
            rows, columns = fire.burnt.shape
            lost[fire.row : fire.row + rows, fire.column : fire.column + columns] |= fire.burnt
    assert forest.mean() > 0.5
    assert 0.02 < (lost & forest).sum() / forest.sum() < 0.25


def test_windthrow_takes_most_crowns_of_a_ragged_swath(world: World, history: History):
    blown = [one for one in history.clearings if one.kind == "windthrow"]
    assert len(blown) >= 4
    for one in blown:
        taken = one.removed[one.removed > 0]
        assert 0.2 <= 0.04 * taken.size <= 4.5
        assert 0.45 <= taken.min() <= taken.max() <= 0.97
        cover = land_piece(world, one.row, one.column, *one.removed.shape).cover[one.removed > 0]
        assert np.isin(cover, FORESTS).all()


def test_windthrow_grows_back_as_young_wood(world: World, history: History):
    one = next(one for one in history.clearings if one.kind == "windthrow" and one.day.year == 2022)
    rows, columns = one.removed.shape
    alone = replace(history, fires=(), clearings=(one,))
    land = land_piece(world, one.row, one.column, rows, columns)
    assert land.window == Window(2 * one.row, 2 * one.column, 2 * rows, 2 * columns)
    before, after, later = (
        stand_on(world, land, alone, day).canopy[one.removed > 0].mean()
        for day in (date(2022, 7, 1), date(2022, 12, 1), date(2025, 12, 1))
    )
    assert after < 0.4 * before
    assert after < later < before


def test_tables_and_facts_name_windthrow_here_and_nowhere_else(world: World, history: History):
    table = clearing_outlines(world, history.clearings)
    assert set(table.kind) == set(KIND_CODES)
    told = facts_of(world, history, [])["clearings"]
    assert sum(told.values()) == len(table)
    assert told["windthrow"] >= 4
    tiny = world_of("tiny", 1)
    assert "windthrow" not in facts_of(tiny, history_of(tiny), [])["clearings"]


def test_truth_tells_of_all_years_of_the_series():
    assert tuple(range(2021, 2026)) == SERIES_YEARS
    assert set(YEARS) <= set(SERIES_YEARS)
    assert {int(month[:4]) for month in MONTHS} <= set(SERIES_YEARS)


def test_its_estimate_of_disk_is_what_it_takes_and_not_a_multiple():
    # A made one takes 261 MB.
    assert 270e6 < estimated_bytes(world_of("series", 1)) < 600e6
