"""Rows of snow and phenology: states against the scene they were told from, days against days, counted by hand."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from habitat.contracts import Period
from habitat.contracts.grid import Grid
from habitat.jobs.rows import phenology as leaf_room
from habitat.jobs.rows import snow as snow_room
from habitat.jobs.rows.true_losses import Losses
from habitat.jobs.truth_folder import Sky
from habitat.twin.land.classes import Cover

GRID = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 600080.0, 4800020.0))
"""One row of four pixels."""
NONE = -32768


def row_of(values, kind=np.int16):
    return np.array([values], kind)


def evidence(stored, layers, skies=None):
    def layer(name, tile, band=1):
        return layers[name]

    def codes(product, asset, band, tile, period=None):
        return stored[product, asset, band, str(period)]

    truth = SimpleNamespace(grid=GRID, layer=layer, sky=lambda scene, tile: skies[scene])
    return SimpleNamespace(area=SimpleNamespace(grid=GRID), period=Period("2025-10"), truth=truth, codes=codes)


def snow_evidence(monkeypatch):
    scenes = [SimpleNamespace(id=f"day{day}", solar_day=date(2025, 2, day)) for day in (3, 13)]
    monkeypatch.setattr(snow_room, "scenes_of", lambda evidence, year: tuple(scenes))
    air = np.zeros((1, 4), np.uint8)
    skies = {
        "day3": Sky(air, air, air, row_of([90, 90, 20, 255], np.uint8), near=air.astype(bool)),
        "day13": Sky(air, air, air, row_of([0, 0, 0, 80], np.uint8), near=air.astype(bool)),
    }
    stored = {
        # Seen on 3 February, on 13 February, on the 3rd under patches of snow, and on the 13th.
        ("snow", "season", "last_seen", "2025-02"): row_of([34, 44, 34, 44]),
        ("snow", "state", "state", "2025-02"): row_of([1, 1, 0, 2], np.uint8),
        ("snow", "season", "snow_off", "2025-12"): row_of([80, 60, NONE, 70]),
        ("snow", "season", "snow_off_uncertainty", "2025-12"): row_of([5, 5, NONE, 5]),
    }
    return evidence(stored, {"seasons/2025_snow_off": row_of([75, 75, 75, 0])}, skies)


def test_snow_is_held_against_the_scene_it_was_told_from(monkeypatch):
    rows = {row.measure: row for row in snow_room.snow_rows(snow_evidence(monkeypatch))}
    # The first is white and told so; the second bare and told white; patches are not judged; the last is unsure.
    assert (rows["state, right"].value, rows["state, right"].n) == (50, 2)
    assert rows["state, right"].baseline == 50
    assert "33.3 % are told as unsure" in rows["state, right"].note


def test_the_day_snow_went(monkeypatch):
    rows = {row.measure: row for row in snow_room.snow_rows(snow_evidence(monkeypatch))}
    # Day 75 is the last with snow: day 76 is true, told are 80 and 60.
    assert rows["snow-off, error"].value == (4 + 16) / 2
    assert rows["snow-off, error"].baseline == 91 - 76
    assert "median -6 d, stated ± 5 d" in rows["snow-off, error"].note
    assert rows["snow-off, within the stated"].value == 50
    assert rows["snow-off, told"].value == pytest.approx(100 * 2 / 3)


def test_nothing_told_leaves_rows_empty():
    nothing = row_of([NONE] * 4).astype(np.int64)
    rows = snow_room.day_rows("snow", "x", (nothing, nothing), nothing, np.ones((1, 4), bool), (1, "naive"))
    assert [row.value for row in rows] == [None, None, 0]


def test_leaves_are_judged_in_broadleaved_woods_by_their_own_days(monkeypatch):
    cover = row_of([Cover.OAK, Cover.BIRCH, Cover.PINE_BROADLEAF, Cover.OAK], np.uint8)
    layers = {
        "stands/2025_cover": cover,
        "stands/2025_canopy": np.full((1, 4), 0.8, np.float32),
        "seasons/2025_leaf_out": row_of([130] * 4),
        "seasons/2025_leaf_fall": row_of([280] * 4),
    }
    stored = {
        ("phenology", "dates", name, "2025-12"): row_of(values)
        for name, values in {
            "green_up": [132, 130, 100, 90],
            "green_up_uncertainty": [3, 3, 3, 3],
            "senescence": [280, NONE, 280, 280],
            "senescence_uncertainty": [3, NONE, 3, 3],
        }.items()
    }
    # The last oak was felled.
    lost = Losses(*(row_of([0, 0, 0, 1]) for _ in range(3)))
    monkeypatch.setattr(leaf_room, "true_losses", lambda truth, first, last: lost)
    rows = {row.measure: row for row in leaf_room.phenology_rows(evidence(stored, layers))}
    # Oaks come out on day 130, birches four days sooner: 2 and 4 days late.
    assert rows["leaf-out, error"].value == 3
    assert rows["leaf-out, within the stated"].value == 50
    assert rows["leaf-out, told"].n == 2
    # Oaks drop their leaves four days later than mixed stands.
    assert (rows["leaf-fall, error"].value, rows["leaf-fall, error"].n) == (4, 1)
    assert rows["leaf-fall, told"].value == 50
