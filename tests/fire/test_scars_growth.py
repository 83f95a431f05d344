"""Growth of scars: patches do not depend on tiles, and layers settle season after season."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from scipy import ndimage

from habitat.contracts.grid import Grid, Tile
from habitat.fire.burns.growth import Patches, Votes
from habitat.fire.burns.scar_layers import NO_DAY, ScarLayers, on_disk, recurrence_codes
from habitat.fire.scars import FireSeason, ScarRules, Scars

SHAPE = (41, 37)
WHOLE = Tile(0, 0, *SHAPE)


def grid():
    return Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 600000.0 + 20 * SHAPE[1], 4800000.0 + 20 * SHAPE[0]))


def patches_of(candidates, seeds, size):
    patches = Patches(np.zeros(SHAPE, np.int32))
    for tile in grid().tiles(size):
        at = slice(tile.row, tile.row + tile.height), slice(tile.column, tile.column + tile.width)
        patches.add(tile, Votes(candidates[at], seeds[at], candidates[at] * 0.9, candidates[at] * 0.0))
    patches.join()
    return patches


@pytest.mark.parametrize("size", [5, 8, 16, 64])
@pytest.mark.parametrize("density", [0.3, 0.45, 0.6])
def test_tiles_do_not_show(size, density):
    rng = np.random.default_rng(7)
    candidates = rng.random(SHAPE) < density
    seeds = candidates & (rng.random(SHAPE) < 0.05)
    labels, count = ndimage.label(candidates, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())
    good = (np.bincount(labels.ravel(), weights=seeds.ravel(), minlength=count + 1) > 0) & (sizes >= 4)
    good[0] = False
    patches = patches_of(candidates, seeds, size)
    chosen = patches.chosen(WHOLE, least_pixels=4)
    np.testing.assert_array_equal(chosen == 1, good[labels])
    numbers = patches.numbers(WHOLE, least_pixels=4)
    pairs = {(int(a), int(b)) for a, b in zip(numbers[good[labels]], labels[good[labels]], strict=True)}
    assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


def test_a_patch_that_burnt_before_the_season_more_likely_is_told_apart():
    patches = Patches(np.zeros((1, 6), np.int32))
    burnt = np.array([[True, True, False, True, True, False]])
    within = np.array([[0.8, 0.3, 0, 0.2, 0.4, 0]])
    patches.add(Tile(0, 0, 1, 6), Votes(burnt, burnt, within, np.where(burnt, 0.9 - within, 0)))
    patches.join()
    assert patches.chosen(Tile(0, 0, 1, 6), least_pixels=2).tolist() == [[1, 1, 0, 2, 2, 0]]


def scars_of(within, *, before=0.0, burnt_on=date(2025, 5, 3), idle=False):
    probability = np.full((2, 4), within, np.float32)
    burnt = np.full((2, 4), burnt_on.toordinal(), np.int32)
    return Scars(
        probability,
        np.full((2, 4), before, np.float32),
        burnt - 10,
        burnt,
        np.full((2, 4), 0.3, np.float32),
        np.full((2, 4), 0.1, np.float32),
        np.full((2, 4), idle),
    )


RULES = ScarRules(least_ha=0.1)


def settled(tmp_path, *seasons, rules=RULES):
    layers = ScarLayers((2, 4), 2025, rules, on_disk(tmp_path))
    tile = Tile(0, 0, 2, 4)
    for name, scars in seasons:
        layers.begin()
        layers.put(tile, scars)
        layers.count(tile)
        layers.patches.join()
        layers.settle(tile, FireSeason(2025, name), 20.0)
    return {name: layers.read(name, tile) for name in ("status", "probability", "unburnt", "burnt", "severity")}


def test_a_scar_keeps_what_its_own_season_said(tmp_path):
    found = settled(tmp_path, ("spring", scars_of(0.97)), ("autumn", scars_of(0.02, burnt_on=date(2025, 10, 10))))
    assert set(found["status"].ravel()) == {1}
    assert set(found["probability"].ravel()) == {97}
    assert (set(found["unburnt"].ravel()), set(found["burnt"].ravel())) == ({113}, {123})
    assert found["severity"][:, 0, 0].tolist() == [200, 365, 154]


def test_unobserved_is_never_unburnt_and_fields_are_not_judged(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    nothing = settled(tmp_path / "a", ("spring", scars_of(np.nan)))
    assert set(nothing["status"].ravel()) == {255}
    assert set(nothing["probability"].ravel()) == {255}
    assert set(nothing["severity"].ravel()) == {NO_DAY}
    field = settled(tmp_path / "b", ("spring", scars_of(0.99, idle=True)))
    assert set(field["status"].ravel()) == {4}
    assert set(field["burnt"].ravel()) == {NO_DAY}


def test_black_before_the_season(tmp_path):
    found = settled(tmp_path, ("spring", scars_of(0.3, before=0.65)))
    assert set(found["status"].ravel()) == {5}
    assert set(found["burnt"].ravel()) == {NO_DAY}


def test_seeds_and_size(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert set(settled(tmp_path / "a", ("spring", scars_of(0.75)))["status"].ravel()) == {0}
    small = settled(tmp_path / "b", ("spring", scars_of(0.97)), rules=ScarRules(least_ha=0.4))
    assert set(small["status"].ravel()) == {0}


def test_recurrence_counts_what_was_seen():
    status = np.array([[1, 0, 255, 4], [3, 0, 5, 4], [1, 255, 255, 4]], np.uint8).reshape(3, 1, 4)
    count, observed, since = recurrence_codes(status, [1], [2023, 2024, 2025])[:, 0]
    # Black already when the season began: nobody could have seen it burn again.
    assert count.tolist() == [2, 0, 255, 255]
    assert observed.tolist() == [3, 2, 0, 0]
    assert since.tolist() == [0, 255, 255, 255]
