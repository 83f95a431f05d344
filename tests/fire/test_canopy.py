"""Canopy effect: summers of seasons, medians by hand, offsets of like ground, and tiles."""

from __future__ import annotations

import numpy as np
import pytest

from habitat.contracts.grid import Tile
from habitat.fire.burns.canopy import FEWEST_UNBURNT, NODATA, CanopyLayers, summer_medians, summers
from habitat.fire.scars import FireSeason


@pytest.mark.parametrize(("name", "before", "after"), [("spring", 2024, 2025), ("autumn", 2025, 2026)])
def test_spring_has_its_own_summer_after_it_and_autumn_the_next(name, before, after):
    assert [span.first_day.isoformat() for span in summers(FireSeason(2025, name))] == [
        f"{before}-07-01",
        f"{after}-07-01",
    ]


def test_a_summer_fire_lies_between_the_summers_around_it():
    assert [span.last_day.year for span in summers(FireSeason(2025, "summer"))] == [2024, 2026]


def test_medians_leave_out_what_is_not_clear():
    codes = np.array([[300, 300, 300, 300], [3000, 2000, 3000, 3000], [1500, 2000, 1000, -32768]], np.int16)
    clear = np.array([[1], [1], [0], [1]], np.uint8)
    ndmi, kndvi = summer_medians(codes[:, :, None], clear)[:, 0]
    assert ndmi == pytest.approx((1 / 3 + 0.0) / 2)
    assert kndvi == pytest.approx((np.tanh((27 / 33) ** 2) + np.tanh((17 / 23) ** 2)) / 2)
    assert np.isnan(summer_medians(codes[:, :, None], np.zeros((4, 1), np.uint8))).all()


def layers_of(shape):
    return CanopyLayers(shape, lambda name, kind, shape: np.zeros(shape, kind))


def made(before_ndmi, change, burnt):
    before = np.stack([before_ndmi, np.full(before_ndmi.size, 0.5)]).astype(np.float32)
    return before, (before + change).astype(np.float32), burnt


def test_like_ground_gives_the_offset_and_tiles_do_not_show():
    rng = np.random.default_rng(5)
    ndmi = np.where(np.arange(4000) % 2, 0.12, 0.42) + rng.uniform(-0.01, 0.01, 4000)
    year = np.where(ndmi > 0.25, -0.03, -0.10)
    burnt = np.arange(4000) % 10 < 2
    before, after, _ = made(ndmi, year - 0.07 * burnt, burnt)
    read = []
    for width in (4000, 900):
        layers = layers_of((1, 4000))
        layers.begin()
        tiles = [Tile(0, left, 1, min(width, 4000 - left)) for left in range(0, 4000, width)]
        for tile in tiles:
            at = slice(tile.column, tile.column + tile.width)
            layers.put(tile, before[:, at], after[:, at], unburnt=~burnt[None, at])
        for tile in tiles:
            layers.settle(tile, burnt[None, tile.column : tile.column + tile.width])
        read.append(layers.read(Tile(0, 0, 1, 4000)))
    np.testing.assert_array_equal(*read)
    assert (read[0][:, 0, ~burnt] == NODATA).all()
    np.testing.assert_allclose(read[0][0, 0, burnt], -700, atol=2)


def test_without_unburnt_ground_nothing_is_told():
    few = FEWEST_UNBURNT - 1
    ndmi = np.full(few + 50, 0.3)
    burnt = np.arange(ndmi.size) >= few
    before, after, _ = made(ndmi, np.full(ndmi.size, -0.1), burnt)
    layers, tile = layers_of((1, ndmi.size)), Tile(0, 0, 1, ndmi.size)
    layers.begin()
    layers.put(tile, before, after, unburnt=~burnt[None])
    assert np.isnan(layers.offsets()).all()
    layers.settle(tile, burnt[None])
    assert (layers.read(tile) == NODATA).all()


def test_what_one_summer_did_not_see_is_unknown():
    ndmi = np.full(300, 0.3)
    burnt = np.arange(300) < 100
    before, after, _ = made(ndmi, np.where(burnt, -0.1, 0.0), burnt)
    after[:, :50] = np.nan
    layers, tile = layers_of((1, 300)), Tile(0, 0, 1, 300)
    layers.begin()
    layers.put(tile, before, after, unburnt=~burnt[None])
    layers.settle(tile, burnt[None])
    effect = layers.read(tile)[0, 0]
    assert (effect[:50] == NODATA).all()
    assert (effect[50:100] == -1000).all()
