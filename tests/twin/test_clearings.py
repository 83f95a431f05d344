"""Clearings: their kinds, sizes and dates, where they lie, and what they leave in rasters and tables."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import pytest
from scipy import ndimage

from habitat.contracts.errors import ConfigError
from habitat.twin.land.clearings import SHARES, clearing_outlines, clearings_of, last_clearing
from habitat.twin.land.events import Clearing, History
from habitat.twin.land.geography import geography_of
from habitat.twin.land.history import history_of
from habitat.twin.land.landscape import FORESTS, Cover
from habitat.twin.land.patches import cells, land_piece
from habitat.twin.land.weather import weather_of
from habitat.twin.world import Window, World, world_of

FOREST = tuple(int(cover) for cover in FORESTS)


@pytest.fixture(scope="module", params=[("tiny", 1), ("tiny", 2), ("tiny", 3), ("demo", 1)], ids=str)
def made(request: pytest.FixtureRequest) -> tuple[World, tuple[Clearing, ...]]:
    world = world_of(*request.param)
    return world, clearings_of(world)


@pytest.fixture(scope="module")
def by_hand() -> History:
    first = Clearing(1, "selective", date(2023, 12, 10), 2, 3, np.array([[0.3, 0.4], [0.0, 0.5]], np.float32))
    second = Clearing(2, "clear-cut", date(2025, 1, 20), 3, 4, np.array([[0.95]], np.float32))
    return History(weather_of(world_of("tiny", 1)), (), (first, second))


def test_the_newest_clearing_of_a_pixel_is_told(by_hand: History):
    world, window = world_of("tiny", 1), Window(4, 6, 4, 4)
    since, removed, kinds = last_clearing(world, by_hand, window, date(2025, 1, 31), 20.0)
    # From 10 December 2023 to 31 January 2025 are 418 days.
    assert since.tolist() == [[418, 418], [np.inf, 11]]
    np.testing.assert_allclose(removed, [[0.3, 0.4], [0, 0.95]])
    assert kinds.tolist() == [[2, 2], [0, 1]]
    assert kinds.dtype == np.uint8


def test_clearings_count_from_the_day_they_are_finished(by_hand: History):
    world, window = world_of("tiny", 1), Window(4, 6, 4, 4)
    assert np.isinf(last_clearing(world, by_hand, window, date(2023, 12, 9), 20.0)[0]).all()
    assert last_clearing(world, by_hand, window, date(2023, 12, 10), 20.0)[0][0, 0] == 0
    assert last_clearing(world, by_hand, window, date(2025, 1, 19), 20.0)[2][1, 1] == 2


def test_windows_at_10_m_agree_with_those_at_20_m(by_hand: History):
    world = world_of("tiny", 1)
    coarse = last_clearing(world, by_hand, Window(4, 6, 4, 4), date(2025, 5, 3), 20.0)
    fine = last_clearing(world, by_hand, Window(5, 7, 3, 2), date(2025, 5, 3), 10.0)
    for one, other in zip(coarse, fine, strict=True):
        assert np.array_equal(np.repeat(np.repeat(one, 2, 0), 2, 1)[1:4, 1:3], other)
    with pytest.raises(ConfigError, match="wants 10 or 20"):
        last_clearing(world, by_hand, Window(4, 6, 4, 4), date(2025, 5, 3), 60.0)


def test_every_kind_happens_between_the_two_mays(made: tuple[World, tuple[Clearing, ...]]):
    _, clearings = made
    recent = {one.kind for one in clearings if date(2024, 6, 1) <= one.day <= date(2025, 4, 30)}
    assert recent == set(SHARES)


def test_kinds_keep_to_their_seasons_sizes_and_ground(made: tuple[World, tuple[Clearing, ...]]):
    world, clearings = made
    limits = {"clear-cut": (0.3, 17.0), "selective": (0.5, 80.0), "field": (0.2, 7.0)}
    for one in clearings:
        cover = land_piece(world, one.row, one.column, *one.removed.shape).cover[one.removed > 0]
        area = 0.04 * cover.size
        assert limits[one.kind][0] <= area <= limits[one.kind][1]
        taken = one.removed[one.removed > 0]
        if one.kind == "field":
            assert (3, 20) <= (one.day.month, one.day.day) <= (5, 9)
            assert (taken == 1).all()
            assert not np.isin(cover, (Cover.FIELD, Cover.WATER, Cover.BUILT)).any()
            continue
        assert one.day.month in (11, 12, 1, 2, 3)
        assert np.isin(cover, FOREST).all()
        if one.kind == "selective":
            assert 0.2 <= taken.min() <= taken.max() <= 0.6
        else:
            assert np.median(taken) > 0.9


def test_clear_cuts_are_compact_and_selective_fellings_ragged():
    # Of a tiny world's few pixels one cannot tell a shape.
    clearings = clearings_of(world_of("demo", 1))

    def edges(one: Clearing) -> float:
        inside = np.pad(one.removed > 0, 1)
        length = sum(int((inside ^ np.roll(inside, 1, axis)).sum()) for axis in (0, 1))
        # 1 for a square, on a lattice.
        return float(length / (4 * np.sqrt(inside.sum())))

    ragged = np.median([edges(one) for one in clearings if one.kind == "selective"])
    compact = np.median([edges(one) for one in clearings if one.kind == "clear-cut"])
    assert compact < 1.6
    assert ragged > 1.2 * compact


def test_clearings_hang_together_and_never_overlap(made: tuple[World, tuple[Clearing, ...]]):
    world, clearings = made
    times = np.zeros((cells(world), cells(world)), np.int32)
    for one in clearings:
        rows, columns = one.removed.shape
        times[one.row : one.row + rows, one.column : one.column + columns] += one.removed > 0
        # What an older clearing took from its middle may part it.
        parts = np.bincount(ndimage.label(one.removed > 0, np.ones((3, 3)))[0].ravel())[1:]
        assert parts.max() >= 0.5 * parts.sum()
    assert times.max() == 1


def test_clearings_are_numbered_in_time(made: tuple[World, tuple[Clearing, ...]]):
    _, clearings = made
    assert [one.number for one in clearings] == list(range(1, len(clearings) + 1))
    assert [one.day for one in clearings] == sorted(one.day for one in clearings)


def test_a_demonstration_has_several_a_year_more_in_the_east():
    world = world_of("demo", 1)
    clearings = clearings_of(world)
    assert 4 <= len(clearings) / 17 <= 8
    outlines = clearing_outlines(world, clearings)
    felled = outlines[outlines.kind != "field"]
    assert (felled.country == "XB").sum() > (felled.country == "XA").sum()
    assert (outlines.country[outlines.kind == "field"] == "XA").all()
    parks = gpd.GeoSeries([park.polygon for park in geography_of(world).parks]).union_all()
    # Parks are a third of the world, but hardly any felling begins in them.
    assert felled.representative_point().within(parks).mean() < 0.15


def test_the_same_world_has_the_same_clearings():
    first, again = clearings_of(world_of("tiny", 1)), clearings_of(world_of("tiny", 1))
    assert [one.day for one in first] == [one.day for one in again]
    assert all(a.removed.tobytes() == b.removed.tobytes() for a, b in zip(first, again, strict=True))


def test_outlines_enclose_what_was_cut(made: tuple[World, tuple[Clearing, ...]]):
    world, clearings = made
    table = clearing_outlines(world, clearings)
    assert list(table.columns) == ["id", "kind", "day", "area_ha", "removed", "country", "geometry"]
    np.testing.assert_allclose(table.area / 10_000, [0.04 * np.count_nonzero(one.removed) for one in clearings])
    assert table.crs.to_epsg() == 32652
    assert len(clearing_outlines(world, ())) == 0


def test_a_history_is_drawn_once():
    world = world_of("tiny", 1)
    history = history_of(world)
    assert history is history_of(world_of("tiny", 1))
    assert len(history.clearings) == len(clearings_of(world))
    assert history.weather.days[0] == np.datetime64(f"{world.size.first_year}-01-01")
    assert history.fires
