"""Rows of change, alerts and intervals: truth of losses, and measures counted by hand on a landscape of forty pixels."""

from __future__ import annotations

import json
from datetime import date, datetime
from types import SimpleNamespace

import numpy as np
import pytest
import rasterio
from pyproj import Transformer

from habitat.contracts import Period
from habitat.contracts.errors import InputError
from habitat.contracts.grid import Grid
from habitat.jobs.rows import alerts as alert_room
from habitat.jobs.rows import area_intervals as interval_room
from habitat.jobs.rows import forest_change as room
from habitat.jobs.rows.series import SERIES_ROWS
from habitat.jobs.rows.true_losses import NAMES, Loss, true_forest, true_losses
from habitat.jobs.score import LONG_PRODUCTS, SERIES_PERIOD, scored_period
from habitat.jobs.truth_folder import TruthFolder
from habitat.twin.land.classes import Cover

SIDE = 40
GRID = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 600800.0, 4800800.0))
CUT, BLOWN, CROWNS, GROUND = np.s_[4:9, 4:9], np.s_[20:24, 20:24], np.s_[30:34, 4:8], np.s_[28:36, 2:14]
FIRST, LAST = date(2024, 10, 1), date(2025, 10, 31)


def write(path, values, nodata=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    layers = values if values.ndim == 3 else values[None]
    about = {"crs": GRID.crs, "transform": GRID.transform, "nodata": nodata}
    with rasterio.open(
        path, "w", driver="GTiff", height=SIDE, width=SIDE, count=len(layers), dtype=layers.dtype, **about
    ) as file:
        file.write(layers)


def square(rows, columns):
    """Return the ring of a square of pixels in degrees."""
    west, north = 600000 + 20 * columns.start, 4800800 - 20 * rows.start
    east, south = 600000 + 20 * columns.stop, 4800800 - 20 * rows.stop
    to = Transformer.from_crs(GRID.crs, 4326, always_xy=True).transform
    return [[list(to(x, y)) for x, y in ((west, north), (east, north), (east, south), (west, south), (west, north))]]


def clearing(kind, day, where):
    return {
        "type": "Feature",
        "properties": {"kind": kind, "day": day},
        "geometry": {"type": "Polygon", "coordinates": square(*where)},
    }


@pytest.fixture
def truth(tmp_path) -> TruthFolder:
    cover = np.full((SIDE, SIDE), Cover.OAK, np.uint8)
    cover[:, 36:] = Cover.FIELD
    for year in (2024, 2025):
        write(tmp_path / f"stands/{year}_cover.tif", cover)
        write(tmp_path / f"stands/{year}_canopy.tif", np.where(cover == Cover.OAK, 0.8, 0).astype(np.float32))
    for name, day in (("snow_off", 80), ("leaf_out", 130), ("leaf_fall", 280)):
        write(tmp_path / f"seasons/2025_{name}.tif", np.full((SIDE, SIDE), day, np.int16))
    burnt = np.zeros((2, SIDE, SIDE), np.int16)
    burnt[0][GROUND], burnt[1][GROUND] = 114, 45
    burnt[1][CROWNS] = 90
    write(tmp_path / "fires/2025_spring.tif", burnt)
    features = [
        clearing("clear-cut", "2025-06-10", CUT),
        clearing("windthrow", "2025-08-20", BLOWN),
        # Before the first day, and over the fire: the first is left out, the second not told of.
        clearing("selective", "2024-09-30", np.s_[10:14, 10:14]),
        clearing("selective", "2025-07-01", CROWNS),
    ]
    (tmp_path / "clearings").mkdir()
    (tmp_path / "clearings" / "clearings.geojson").write_text(json.dumps({"features": features}))
    return TruthFolder(tmp_path, GRID)


def ordinal(text):
    return date.fromisoformat(text).toordinal()


def test_losses_have_their_kind_day_and_patch(truth):
    found = true_losses(truth, FIRST, LAST)
    counts = {name: int(found.of(kind).sum()) for kind, name in NAMES.items()}
    assert counts == {
        "clear-cut": 25, "selective felling": 0, "new field": 0, "windthrow": 16, "crown fire": 16,
        "ground fire": 8 * 12 - 16,
    }  # fmt: skip
    assert set(found.day[CUT].ravel()) == {ordinal("2025-06-10")}
    # Day 114 of 2025 is 24 April.
    assert set(found.day[CROWNS].ravel()) == set(found.day[GROUND].ravel()) == {ordinal("2025-04-24")}
    patches = [set(found.patch[where].ravel()) for where in (CUT, BLOWN, CROWNS)]
    assert all(len(one) == 1 for one in patches)
    assert len(set.union(*patches)) == 3
    assert np.array_equal(found.lost, found.kind > 0)
    assert not true_losses(truth, date(2023, 1, 1), date(2023, 12, 31)).lost.any()


def test_a_felling_outranks_a_ground_fire_but_no_crown_fire(truth):
    path = truth.root / "clearings" / "clearings.geojson"
    path.write_text(json.dumps({"features": [clearing("field", "2025-07-01", GROUND)]}))
    found = true_losses(truth, FIRST, LAST)
    assert set(found.kind[CROWNS].ravel()) == {Loss.CROWN_FIRE}
    assert int(found.of(Loss.FIELD).sum()) == 8 * 12 - 16
    assert not found.of(Loss.GROUND_FIRE).any()


def test_truth_that_cannot_be_read_is_told(truth):
    (truth.root / "clearings" / "clearings.geojson").write_text("{}")
    with pytest.raises(InputError, match=r"clearings\.geojson cannot be read"):
        true_losses(truth, FIRST, LAST)


def test_forest_is_what_has_trees_and_crowns(truth):
    assert true_forest(truth, 2024)[:, :36].all()
    assert not true_forest(truth, 2024)[:, 36:].any()


class Stored:
    """What a product has stored."""

    def __init__(self, layers, months=None):
        self.layers, self.months = layers, months

    def codes(self, product, asset, band, tile, period=None):
        return self.layers[product, band]

    def published(self, product, period=None):
        told = {"months": {month: {"share": share} for month, share in (self.months or {}).items()}}
        return SimpleNamespace(
            item={"properties": {"habitat:year": 2025}},
            record=SimpleNamespace(params={"confirm": 2}),
            path=lambda key: SimpleNamespace(read_text=lambda encoding: json.dumps(told)),
        )


def evidence(truth, stored):
    return SimpleNamespace(
        area=SimpleNamespace(grid=GRID),
        period=Period("2025-10"),
        truth=truth,
        codes=stored.codes,
        published=stored.published,
    )


def change_layers(truth):
    """Return what a monitor might store: most of the cut, all of the crown fire, and two pixels of stable forest."""
    changed = np.zeros((SIDE, SIDE), bool)
    changed[CUT] = changed[CROWNS] = True
    changed[4, 4:9] = False
    changed[16, 30:32] = True
    first = np.full((SIDE, SIDE), -32768, np.int16)
    first[changed] = (date(2025, 7, 1) - date(2024, 12, 31)).days
    first[16, 30] = 135
    confirmed = np.where(changed, first + 30, -32768).astype(np.int16)
    reason = np.where(changed, 6, 0).astype(np.uint8)
    reason[0] = 1
    product = "forest-change"
    return {(product, "reason"): reason, (product, "first_departure"): first, (product, "confirmed"): confirmed}


@pytest.fixture
def rows(truth, monkeypatch):
    # A look every ten days from June to September sees all but the clouded corner of the windthrow.
    scenes = [
        SimpleNamespace(
            id=f"{month:02d}{day:02d}", solar_day=date(2025, month, day), datetime=datetime(2025, month, day)
        )
        for month in (6, 7, 8, 9)
        for day in (1, 11, 21)
    ]
    monkeypatch.setattr(room, "scenes_of", lambda evidence, year: tuple(scenes) if year == 2025 else ())
    clear = np.ones((SIDE, SIDE), bool)
    clear[20, 20:24] = False
    monkeypatch.setattr(truth, "sky", lambda scene, tile: SimpleNamespace(clear=clear, bare=np.ones_like(clear)))
    naive = np.zeros((SIDE, SIDE), bool)
    naive[CUT] = True
    days = np.where(naive, ordinal("2025-09-01"), 0)
    monkeypatch.setattr(room, "_naive_map", lambda evidence: room.Map(naive, days, days))
    stored = Stored(change_layers(truth), {"2025-05": 0.001, "2025-06": 0.0005})
    return {row.measure: row for row in room.forest_change_rows(evidence(truth, stored))}


def test_what_is_missed_of_each_kind(rows):
    assert rows["clear-cut, omission"].value == pytest.approx(100 * 5 / 25)
    assert (rows["clear-cut, omission"].n, rows["clear-cut, omission"].baseline) == (25, 0)
    assert rows["clear-cut, patches missed"].value == 0
    # Blown down on 20 August, confirmed nowhere; the floor lacks looks in the clouded row of four.
    assert "windthrow, omission" in rows
    assert rows["windthrow, omission"].value == 100
    assert rows["windthrow, omission"].floor == pytest.approx(100 * 4 / 16)
    assert rows["windthrow, date error"].value is None
    assert rows["crown fire, omission"].value == 0
    assert rows["ground fire, omission"].value == 100
    assert "no loss of forest" in rows["ground fire, omission"].note
    assert "selective felling, omission" not in rows


def test_how_late_it_is_told(rows):
    # Cut on 10 June, seen departed on 1 July and confirmed 30 days later; looks on 11 and 21 June were clear.
    assert rows["clear-cut, date error"].value == 21
    assert rows["clear-cut, date error"].floor == 1
    assert rows["clear-cut, date error"].baseline == (date(2025, 9, 1) - date(2025, 6, 10)).days
    assert rows["clear-cut, told after"].value == 51
    assert rows["clear-cut, told after"].floor == 11
    assert "first departure +21 d" in rows["clear-cut, told after"].note


def test_what_is_wrong_and_what_was_stated(rows):
    assert rows["commission"].n == 20 + 16 + 2
    assert rows["commission"].value == pytest.approx(100 * 2 / 38)
    assert "0 % of the wrong ones lie beside one" in rows["commission"].note
    assert rows["patches wrong"].value == 0
    watched = rows["false alarms"].n
    assert rows["false alarms"].value == pytest.approx(100 * 2 / watched)
    assert "stated 0.15 %" in rows["false alarms"].note
    assert rows["false alarms less stated"].value == pytest.approx(100 * 2 / watched - 0.15)
    # One of the two departs on day 135, five days after the leaves came out.
    assert rows["false alarms at leaf-out"].value == pytest.approx(100 * 1 / watched)
    assert rows["false alarms at leaf-out"].reached is False
    assert rows["false alarms at leaf-fall"].value == rows["false alarms at snow-off"].value == 0
    # Of 36 columns, two at the edge to the fields are left out; of 40 rows, the first has no model.
    assert rows["forest watched"].n == SIDE * 34
    assert rows["forest watched"].value == pytest.approx(100 * 39 / 40)


def test_stable_forest_keeps_away_from_losses_and_edges(truth):
    stable = room.Season(evidence(truth, Stored({}))).stable
    assert not stable[:, 34:].any()
    assert not stable[2:11, 2:11].any()
    assert stable[1, 1]
    assert stable[16, 30]
    # What was felled in 2024 before October is no loss that must be told, and no stable forest.
    assert not stable[12, 12]


def test_losses_of_the_last_weeks_are_not_judged(truth):
    season = room.Season(evidence(truth, Stored({})))
    assert season.settled[CUT].all()
    late = SimpleNamespace(**vars(evidence(truth, Stored({}))) | {"period": Period("2025-07")})
    assert not room.Season(late).settled[CUT].any()


def test_nothing_stated_leaves_the_difference_empty(truth):
    assert room.stated_percent(evidence(truth, Stored({}))) is None
    assert room.stated_percent(evidence(truth, Stored({}, {"2025-05": 0.25, "2025-06": 0.5}))) == 75.0


def alert_layers():
    status, agent = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    status[CUT], agent[CUT] = 6, 2
    status[BLOWN], agent[BLOWN] = 3, 2
    status[CROWNS], agent[CROWNS] = 6, 1
    status[16, 30:34], agent[16, 30:34] = 3, 1
    # Provisional ones count for nothing.
    status[14, 30:34], agent[14, 30:34] = 5, 1
    number = np.zeros((SIDE, SIDE), np.uint32)
    number[CUT], number[16, 30:34] = 1, 2
    confidence = np.where(status > 0, 60, 255).astype(np.uint8)
    layers = {"status": status, "agent": agent, "confidence": confidence, "number": number}
    return {("alerts", name): values for name, values in layers.items()}


def test_agents_by_hand(truth):
    rows = {row.measure: row for row in alert_room.alert_rows(evidence(truth, Stored(alert_layers())))}
    # 25 felled and 16 burnt are right, 16 blown down are called logging.
    assert rows["agent, right"].value == pytest.approx(100 * 41 / 57)
    assert rows["agent, right"].baseline == pytest.approx(100 * 25 / 57)
    assert rows["logging, omission"].value == 0
    assert rows["logging, commission"].value == pytest.approx(100 * 16 / 41)
    assert rows["fire, omission"].value == 0
    assert rows["fire, commission"].value == pytest.approx(100 * 4 / 20)
    assert rows["windthrow or other, omission"].value == 100
    assert rows["windthrow or other, commission"].value is None
    assert rows["logging, F1"].value == pytest.approx(2 * 25 / (41 + 25))
    assert rows["confidence less share right"].value == pytest.approx(60 - 100 * 41 / 57)
    # Windthrow takes most, and is called less than half lost.
    assert rows["half lost or less, right"].value == pytest.approx(100 * 41 / 57)
    assert (rows["listed alerts of nothing"].value, rows["listed alerts of nothing"].n) == (50, 2)


def test_intervals_hold_their_level_whatever_the_map():
    rng = np.random.default_rng(3)
    true = rng.random(20_000) < 0.6
    for wrong in (0.03, 0.12):
        mapped = true ^ (rng.random(true.size) < wrong)
        for kind in ("normal", "logit"):
            found = interval_room.coverage_of(mapped, true, kind=kind)
            assert 93 <= found.held <= 97
            assert abs(found.bias) < 0.5
    assert found.half_width > 3.0


def test_intervals_of_a_map_without_error_have_no_width():
    true = np.arange(2000) < 900
    found = interval_room.coverage_of(true, true, draws=20)
    assert (found.held, found.half_width, found.bias) == (100, 0, 0)


def test_too_little_of_a_class_is_refused():
    with pytest.raises(InputError, match="wants 75 of each"):
        interval_room.coverage_of(np.arange(2000) < 20, np.arange(2000) < 20)


def test_rows_of_intervals_say_what_counting_pixels_would(truth):
    mapped = np.ones((SIDE, SIDE), np.uint8)
    mapped[:, 30:] = 0
    given = evidence(truth, Stored({("forest-cover", "forest"): mapped}))
    rows = {row.measure: row for row in interval_room.interval_rows(given)}
    assert rows["bias of the mean"].baseline == pytest.approx(100 * (30 / 36 - 1))
    assert abs(rows["bias of the mean"].value) < 1
    assert abs(rows["normal, coverage less level"].value) < 4
    assert rows["half-width"].value > 0


def test_a_series_is_scored_on_its_own_rows_and_month():
    assert [name for name, _ in SERIES_ROWS] == [
        "forest change", "alerts", "snow", "phenology", "area intervals",
    ]  # fmt: skip
    assert str(scored_period(SimpleNamespace(size="series"))) == SERIES_PERIOD == "2025-10"
    assert str(scored_period(SimpleNamespace(size="tiny"))) == "2025-05"
    assert {"forest-change", "alerts"} < set(LONG_PRODUCTS)
