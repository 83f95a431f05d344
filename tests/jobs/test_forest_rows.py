"""Rows of the forest: a board of squares, truth as kinds, measures counted by hand, and the tiny twin's empty rows."""

from __future__ import annotations

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from habitat.contracts import Period
from habitat.contracts.grid import Grid, Tile
from habitat.forest import Kind
from habitat.jobs.rows import forest as rows
from habitat.store import Store
from habitat.twin.land.classes import Cover

GRID = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 604800.0, 4804800.0))


def evidence(layers, grid=GRID, **more):
    def layer(name, tile, band=1):
        rows_, columns = slice(tile.row, tile.row + tile.height), slice(tile.column, tile.column + tile.width)
        return layers[name][rows_, columns]

    return SimpleNamespace(
        area=SimpleNamespace(grid=grid, name="made"),
        tiles=(Tile(0, 0, *grid.shape),),
        period=Period("2025-05"),
        truth=SimpleNamespace(layer=layer),
        **more,
    )


def stands(shape=GRID.shape):
    cover = np.full(shape, Cover.OAK, np.uint8)
    cover[:, 120:] = Cover.FIELD
    cover[:10] = Cover.PINE_BROADLEAF
    evergreen = np.zeros(shape, np.float32)
    evergreen[:5] = 0.7
    canopy = np.where(cover == Cover.FIELD, 0, 0.86).astype(np.float32)
    height = np.where(cover == Cover.FIELD, 0, 15).astype(np.float32)
    named = {"canopy": canopy, "cover": cover, "tree_height": height}
    return {f"stands/2025_{name}": values for name, values in named.items()} | {"land/evergreen": evergreen}


def test_truth_is_told_in_kinds():
    percent, kind = rows._truth(evidence(stands()), Tile(0, 118, 20, 4))
    assert kind[:, 0].tolist() == [1] * 5 + [2] * 5 + [3] * 10
    assert kind[10:, 2].tolist() == [Kind.OTHER] * 10
    assert percent[15].tolist() == pytest.approx([86, 86, 0, 0])


def test_the_crew_walks_every_other_square_and_scores_lie_apart():
    walked = rows._walked(evidence(stands()))
    # 240 pixels are six squares of 40; 100 m are 5 pixels.
    assert (walked[0, 40], walked[20, 20], walked[2, 20], walked[20, 35], walked[20, 34]) == (1, 0, -1, -1, 0)
    assert (walked == 1).sum() == 18 * 40 * 40
    assert (walked == 0).sum() == 18 * 30 * 30
    assert rows._walked(evidence({}, Grid("EPSG:32652", 20.0, (600000.0, 0.0, 600880.0, 880.0)))) is None


def test_labels_are_written_where_the_crew_walked(tmp_path):
    given, path = evidence(stands()), tmp_path / "labels.csv"
    walked = rows._walked(given)
    rows._write_labels(given, path, walked)
    with path.open(encoding="utf-8", newline="") as file:
        told = list(csv.DictReader(file))
    assert len(told) == 400
    assert {row["cover"] for row in told} == {"0", "90"}  # 86 % to the next ten
    places = [(int((4804800 - float(row["y"])) // 20), int((float(row["x"]) - 600000) // 20)) for row in told]
    assert all(walked[place] == 1 for place in places)
    assert len(set(places)) == 400


def test_sums_by_hand():
    found = rows._Sums()
    cover = np.array([[80, 20, np.nan, 40]], np.float32)
    kind = np.array([[3, 5, 255, 4]], np.uint8)
    true = np.array([[90, 35, 50, 40]], np.float32), np.array([[3, 5, 3, 3]], np.uint8)
    found.add((cover, kind), true, np.ones((1, 4), bool))
    assert found.cover.rmse == pytest.approx(np.sqrt((100 + 225 + 0) / 3))
    assert found.forest.f1(1) == pytest.approx(2 * 2 / (2 + 3))
    assert found.accuracy == pytest.approx(100 * 2 / 3)
    assert found.trees.percent == 50


def test_areas_by_definition_against_the_same_of_the_truth(monkeypatch):
    given = evidence(stands(), store=None)
    percent, kind = rows._truth(given, given.tiles[0])
    few = percent.copy()
    few[:, 60:120] = 0
    monkeypatch.setattr(rows, "_mapped", lambda *about: (few, kind))
    told = {row.measure: row for row in rows._area_rows(given)}
    assert set(told) == {f"area by {name}, bias" for name in rows.DEFINITIONS}
    true = 240 * 120 + 10 * 120
    assert told["area by fao, bias"].n == true
    assert told["area by fao, bias"].value == pytest.approx(100 * (-240 * 60 / true))


def test_what_is_not_published_or_too_small_has_no_value(tmp_path):
    from habitat.contracts.errors import NotInStore

    small = Grid("EPSG:32652", 20.0, (600000.0, 0.0, 600880.0, 880.0))
    row = rows._trained_rows(evidence({}, small))[0]
    assert (row.value, row.note) == (None, "too small to walk half of it")
    store = Store(tmp_path)

    def published(name):
        return store.get(name, "made", Period("2025-05"))

    with pytest.raises(NotInStore):
        rows.forest_rows(evidence(stands(), store=store, published=published))
