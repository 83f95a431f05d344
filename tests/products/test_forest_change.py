"""Forest change: a made wood month after month, late scenes, refusals, the tiny twin and a real stack."""

from __future__ import annotations

import json
from datetime import date

import made_change as made
import numpy as np
import pytest
from pydantic import ValidationError
from pyproj import Transformer
from shapely import box, transform

from habitat.contracts import Area, Grid, Period
from habitat.contracts.errors import NotPossible
from habitat.products import Workshop, forest_change
from habitat.products.building.change_alarms import alarms_told
from habitat.products.building.change_run import Forest
from habitat.products.forest_change import FOREST_CHANGE
from habitat.products.product import Sheets
from habitat.store import Store

RASTERS = ("reason", "dates", "magnitude", "course", "evidence")
MONTHS = ("2024-05", "2024-07", "2024-08", "2024-11")


@pytest.fixture
def wood(monkeypatch) -> made.MadeScenes:
    scenes = made.MadeScenes(made.days_of(date(2021, 1, 4), date(2024, 12, 30), 9))
    scenes.take_the_place(monkeypatch)
    # Pictures and expected alarms take half of the time, and one test looks at them.
    monkeypatch.setattr(Sheets, "draw", lambda self, title: None)
    monkeypatch.setattr(forest_change, "alarms_told", lambda *_, **__: {"per_1000km2_and_month": 7.0})
    return scenes


@pytest.fixture
def build_wood(tmp_path):
    def run(month, store="store", **params):
        shop = Workshop(made.area(), Store(tmp_path / store), workers=2)
        settings = {"history_years": 3} | params
        return FOREST_CHANGE.build(FOREST_CHANGE.params(**settings), shop, Period(month))

    return run


def codes(outcome, name):
    with outcome.published.open_window(name) as reader:
        return reader.read(next(iter(reader.grid.tiles(4096))))


def told(outcome, name):
    return json.loads(outcome.published.path(name).read_text(encoding="utf-8"))


def test_months_one_by_one_give_what_all_at_once_give(wood, build_wood, monkeypatch):
    monkeypatch.setattr(forest_change, "alarms_told", alarms_told)
    outcomes = [build_wood(month) for month in MONTHS]
    assert outcomes[-1].published.item["properties"]["habitat:state_from"] == "forest-change_made_202408_v1"
    once = build_wood(MONTHS[-1], "another")
    assert once.published.item["properties"]["habitat:state_from"] == "its history"
    for name in RASTERS:
        assert np.array_equal(codes(outcomes[-1], name), codes(once, name)), name
    for name in ("ledger", "false-alarms"):
        assert told(outcomes[-1], name) == told(once, name)
    assert outcomes[-1].published.record.inputs == once.published.record.inputs
    assert set(told(once, "false-alarms")["months"]) == {f"2024-{month:02d}" for month in range(1, 12)}


def test_a_felling_is_dated_and_nothing_else_is_told(wood, build_wood):
    found = build_wood("2024-11")
    reason, (first, confirmed) = codes(found, "reason")[0], codes(found, "dates")
    felled = np.zeros(reason.shape, bool)
    felled[made.FELLED] = True
    # Neither leaf fall (20 September on), nor snow (21 November on), nor the early or late springs alarm anybody.
    assert (reason[~felled] != 6).all()
    assert (reason[felled] == 6).mean() > 0.95
    seen = felled & (reason == 6)
    felling = (made.FELLING - date(2023, 12, 31)).days
    assert first[seen].min() >= felling
    assert np.median(first[seen]) <= felling + 18
    assert (confirmed[seen] >= first[seen] + 18).all()
    magnitude, usual = codes(found, "magnitude")
    # Full leaf is (3400 - 650) / 4050 = 0.679, felled (2000 - 1800) / 3800 = 0.053.
    assert abs(np.median(magnitude[seen]) + 6260) < 150
    assert abs(np.median(usual[felled]) - 6790) < 100
    assert (magnitude[~felled & (first == made.NODATA)] == made.NODATA).all()
    evidence = codes(found, "evidence")
    wanted = (300, 3400, 1500, 650, 900, 2000, 2400, 1800)
    for band, value in zip(evidence, wanted, strict=True):
        assert abs(np.median(band[seen]) / value - 1) < 0.05
    departures, returned = codes(found, "course")
    assert departures[seen].min() >= 3
    assert (returned[seen] == 0).all()
    properties = found.published.item["properties"]
    assert properties["habitat:year"] == 2024
    assert properties["habitat:ha"]["basis"] == "pixel count, unvalidated"
    assert "ha changed since 2024-01-01" in found.summary


def test_needles_are_watched_in_spring_and_leaves_are_paused(wood, build_wood):
    reason = codes(build_wood("2024-04"), "reason")[0]
    assert (reason[:, 30:] == 0).mean() > 0.7
    assert not (reason[:, :30] == 0).any()
    assert (reason[:, :30] == 7).mean() > 0.7
    assert (codes(build_wood("2024-02"), "reason") == 7).mean() > 0.7


def test_no_year_alarms_without_a_felling(wood, build_wood):
    # Leaves come and go a week later than in 2022, when they did so two weeks earlier than in 2021.
    found = build_wood("2023-12", history_years=2)
    assert found.published.item["properties"]["habitat:reasons"].get("change confirmed", 0) == 0


def test_a_month_carried_on_reads_its_own_scenes_only(wood, build_wood):
    build_wood("2024-06")
    wood.read.clear()
    build_wood("2024-07")
    assert wood.read
    assert min(wood.read) >= date(2024, 7, 1)


def test_late_scenes_lead_back_to_the_history(wood, build_wood):
    late = wood.days.pop(next(n for n, day in enumerate(wood.days) if day > date(2024, 6, 10)))
    build_wood("2024-07")
    wood.days.append(late)
    wood.days.sort()
    again = build_wood("2024-08")
    assert again.published.item["properties"]["habitat:state_from"] == "its history"
    for name in RASTERS:
        assert np.array_equal(codes(again, name), codes(build_wood("2024-08", "fresh"), name))


def test_scenes_that_could_not_be_read_are_tried_again(wood, build_wood):
    gone = next(day for day in wood.days if day > date(2024, 7, 5))
    wood.unreadable.add(gone)
    july = build_wood("2024-07", max_missing_share=0.9)
    assert july.missing == 1
    assert july.published.item["properties"]["habitat:partial"]
    august = build_wood("2024-08")
    assert august.missing == 1
    assert august.published.item["properties"]["habitat:state_from"].startswith("forest-change_made_202407")
    wood.unreadable.clear()
    september = build_wood("2024-09")
    assert "could not be read before" in september.published.item["properties"]["habitat:state_from"]
    assert september.missing == 0
    for name in RASTERS:
        assert np.array_equal(codes(september, name), codes(build_wood("2024-09", "fresh"), name))


def test_other_settings_and_damage_lead_back_to_the_history(wood, build_wood):
    july = build_wood("2024-07")
    assert build_wood("2024-08", limit=5.0).published.item["properties"]["habitat:state_from"] == "its history"
    july.published.path("state").write_bytes(b"nothing")
    assert build_wood("2024-08").published.item["properties"]["habitat:state_from"] == "its history"


def test_monitoring_may_begin_on_any_day_and_go_past_new_year(wood, build_wood):
    found = build_wood("2024-08", monitor_from=date(2023, 10, 15), history_years=2)
    first = codes(found, "dates")[0]
    assert found.published.item["properties"]["habitat:year"] == 2023
    assert 365 + 182 < np.median(first[first != made.NODATA]) < 365 + 230


def test_what_cannot_be_monitored_is_a_gap_of_the_run(wood, build_wood):
    with pytest.raises(NotPossible, match="begins on 2025-01-01, after 2024-08"):
        build_wood("2024-08", monitor_from=date(2025, 1, 1))
    with pytest.raises(NotPossible, match="wanted at least 100 looks in leaf"):
        build_wood("2024-08", min_observations=100)
    wood.days = [day for day in wood.days if day >= date(2023, 12, 20)]
    with pytest.raises(NotPossible, match=r"there are \d dates from 2021-01-01 to 2023-12-31"):
        build_wood("2024-08")


def test_few_looks_say_so(wood, build_wood):
    wood.days = [day for day in wood.days if day >= date(2023, 8, 1)]
    found = build_wood("2024-08")
    reasons = found.published.item["properties"]["habitat:reasons"]
    assert reasons["too few observations"] > 100
    assert reasons["ok"] > 100


def test_a_late_forest_cover_does_not_unmake_what_has_departed():
    class Cover:
        def read(self, tile, bands):
            return np.array([[[0, 0, 1, 255]]], np.uint8)

    departed = np.array([True, False, False, False])
    assert Forest(Cover(), late=True).open_ground(None, departed).tolist() == [False, True, False, False]
    assert Forest(Cover(), late=False).open_ground(None, departed).tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"sensors": ("sentinel1", "landsat"), "index": "vh"}, "radar is monitored alone"),
        ({"sensors": ("sentinel1",)}, "radar index 'nbr'"),
        ({"index": "vh"}, "index of the bands"),
        ({"index": "bais2"}, "index of the bands"),
        ({"bandpass": "none"}, "bands differ"),
        ({"process": "mosum", "level": 0.3}, "level"),
        ({"leaf_from": "09-30", "leaf_until": "05-01"}, "New Year"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, words):
    with pytest.raises(ValidationError, match=words):
        FOREST_CHANGE.params(**settings)


def test_the_tiny_twin_is_monitored_from_its_files(shop, twin_of):
    params = FOREST_CHANGE.params(
        catalogue=str(twin_of().catalog),
        monitor_from=date(2025, 5, 16),
        season="usual",
        leaf_from="04-25",
        min_observations=3,
        history_years=2,
    )
    found = FOREST_CHANGE.build(params, shop, Period("2025-05"))
    assert set(found.published.rasters) == set(RASTERS)
    ledger = told(found, "ledger")["counts"]
    assert ledger["expected"] == ledger["used"] + ledger["masked"] > 5
    reasons = found.published.item["properties"]["habitat:reasons"]
    assert reasons["ok"] > 0
    assert sum(reasons.values()) > 1000
    assert ("forest", "no forest cover in the store: all ground is monitored") in found.gaps
    assert found.published.problems() == []
    inputs = {entry.id for entry in FOREST_CHANGE.inputs(params, shop, Period("2025-05"))}
    assert {entry.id for entry in found.published.record.inputs} == inputs


def test_a_real_loss_in_colorado_is_found_where_and_when_it_happened(shared, tmp_path):
    grid = Grid("EPSG:32613", 30.0, (336375.0, 4462275.0, 336525.0, 4462425.0))
    to_degrees = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True)
    outline = transform(box(*grid.bounds), to_degrees.transform, interleaved=False)
    shop = Workshop(Area("colorado", outline, grid), Store(tmp_path / "store"), workers=2)
    catalogue = shared / "imagery" / "landsat-stack-p035r032-colorado" / "catalog.json"
    params = FOREST_CHANGE.params(
        catalogue=str(catalogue), sensors=("landsat",), max_cloud_cover=None, monitor_from=date(1998, 8, 1)
    )
    lost = np.zeros((5, 5), bool)
    lost[3:] = lost[2, 3:] = True
    july = FOREST_CHANGE.build(params, shop, Period("1999-07"))
    first = codes(july, "dates")[0]
    # 30 June and 16 July 1999 are days 546 and 562 of 1998.
    assert np.array_equal(first != made.NODATA, lost)
    assert set(first[lost].tolist()) == {546, 562}
    reason = codes(july, "reason")[0]
    assert reason[0, 0] == 3
    magnitude = codes(july, "magnitude")[0]
    assert magnitude[lost].max() < -2000
    october = FOREST_CHANGE.build(params, shop, Period("1999-10"))
    changed = codes(october, "reason")[0] == 6
    assert (changed & lost).sum() >= 10
    assert (changed & ~lost).sum() <= 1
