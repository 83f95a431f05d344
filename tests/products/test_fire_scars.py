"""Fire scars of the tiny twin: assets, ledger, refusals, and that the story's burn is found from the catalogue alone."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio

from habitat import twin
from habitat.contracts import Period
from habitat.contracts.errors import InputError, NoScenes
from habitat.contracts.span import Span
from habitat.products import fire_scars
from habitat.products.fire_scars import FIRE_SCARS
from habitat.products.product import Workshop
from habitat.store import Store

MAY = Period("2025-05")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return twin.make(tmp_path_factory.mktemp("twin"), size="tiny")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    return Workshop(twin.area("tiny"), Store(tmp_path_factory.mktemp("store")), workers=2)


def settings(tiny, **more):
    return FIRE_SCARS.params(catalogue=str(tiny.catalog), grow_m=0, **more)


@pytest.fixture(scope="module")
def outcome(tiny, workshop):
    lists = tuple(str(path) for path in sorted((tiny.root / "hotspots").glob("*.csv")))
    return FIRE_SCARS.build(settings(tiny, hotspots=lists), workshop, MAY)


def layer(outcome, asset, band=1):
    with rasterio.open(outcome.published.path(asset)) as source:
        return source.read(band)


def test_the_burn_of_the_story_is_found_and_dated(outcome, tiny):
    with rasterio.open(tiny.root / "truth" / "fires" / "2025_spring.tif") as source:
        day = source.read(1)
    status = layer(outcome, "status")
    burnt = (day > 0) & (day <= 151)
    judged = burnt & np.isin(status, (0, 1))
    assert judged.sum() > 50
    assert (status[judged] == 1).mean() > 0.75
    mapped = status == 1
    assert burnt[mapped].mean() > 0.6
    first = layer(outcome, "dates", 2)
    assert (first[mapped & burnt] >= day[mapped & burnt]).mean() > 0.9
    assert (first[~mapped] == -32768).all()


def test_assets_agree_with_each_other(outcome):
    status, probability = layer(outcome, "status"), layer(outcome, "probability")
    assert set(np.unique(status)) <= {0, 1, 4, 5, 255}
    assert (probability[status == 255] == 255).all()
    assert (probability[status == 4] == 255).all()
    assert (probability[np.isin(status, (0, 1, 5))] <= 100).all()
    assert {"status", "probability", "dates", "severity", "season"} == set(outcome.published.rasters)
    dnbr = layer(outcome, "severity")
    known = dnbr != -32768
    assert np.median(dnbr[(status == 1) & known]) > np.median(dnbr[(status == 0) & known]) + 50
    snow, green = layer(outcome, "season"), layer(outcome, "season", 2)
    assert ((green == -32768) | ((green > 100) & (green < 190))).all()
    assert ((snow == -32768) | ((snow >= 1) & (snow < 190))).all()


def test_outlines_add_up_to_the_hectares(outcome):
    table = gpd.read_file(outcome.published.path("scars"))
    told = outcome.published.item["properties"]
    hectares = float((layer(outcome, "status") == 1).sum()) * 0.04
    assert told["habitat:burnt_ha"] == {
        "spring": pytest.approx(hectares, rel=2e-3),
        "basis": "pixel count, unvalidated",
    }
    # On the ground pixels are larger than on the map near the middle of a zone, smaller at its edges.
    assert table["area_ha"].sum() == pytest.approx(told["habitat:burnt_ha"]["spring"], abs=0.01)
    assert (table.geometry.area.sum() / 1e4) == pytest.approx(hectares)
    assert told["habitat:year"] == 2025
    assert gpd.read_file(outcome.published.path("scars-geojson")).crs == "EPSG:4326"


def test_the_ledger_balances_and_inputs_are_all_that_was_read(outcome, tiny, workshop):
    ledger = json.loads(Path(outcome.published.path("ledger")).read_text())
    counts = ledger["counts"]
    assert counts["expected"] == counts["used"] + counts["masked"] + counts["missing"]
    names = {entry.id for entry in outcome.published.record.inputs}
    assert {row["scene"] for row in ledger["observations"]} <= names
    assert {"hotspots-1", "hotspots-2"} <= names
    gaps = dict(outcome.gaps)
    assert "no fire scars of earlier years" in gaps["recurrence"]
    assert gaps["canopy-effect (spring)"].startswith("no scene of ")
    assert gaps["fields (spring)"].startswith("seen only once in full leaf")
    lists = tuple(str(path) for path in sorted((tiny.root / "hotspots").glob("*.csv")))
    now = FIRE_SCARS.inputs(settings(tiny, hotspots=lists), workshop, MAY)
    assert {entry.identity for entry in now} == {entry.identity for entry in outcome.published.record.inputs}


def test_earlier_years_make_recurrence(tiny, tmp_path):
    shop = Workshop(twin.area("tiny"), Store(tmp_path / "store"), workers=2)
    FIRE_SCARS.build(settings(tiny), shop, Period("2024-05"))
    outcome = FIRE_SCARS.build(settings(tiny), shop, MAY)
    count, observed = layer(outcome, "recurrence"), layer(outcome, "recurrence", 2)
    assert observed[count != 255].max() == 2
    status = layer(outcome, "status")
    assert (count[status == 1] >= 1).all()
    assert dict(outcome.gaps)["hotspots"].startswith("no lists given")
    assert any(entry.id.startswith("fire-scars_") for entry in outcome.published.record.inputs)


def test_tiles_and_threads_do_not_show(outcome, tiny, tmp_path):
    lists = tuple(str(path) for path in sorted((tiny.root / "hotspots").glob("*.csv")))
    shop = Workshop(twin.area("tiny"), Store(tmp_path / "store"), workers=1)
    again = FIRE_SCARS.build(settings(tiny, hotspots=lists, memory_mb_per_worker=64), shop, MAY)
    np.testing.assert_array_equal(layer(again, "status"), layer(outcome, "status"))
    np.testing.assert_array_equal(layer(again, "probability"), layer(outcome, "probability"))


def test_what_cannot_be_is_refused(tiny, workshop):
    with pytest.raises(NoScenes, match=r"no scenes for|of the fire season itself"):
        FIRE_SCARS.inputs(settings(tiny), workshop, Period("2025-10"))
    with pytest.raises(InputError, match="hotspots-1: there is no"):
        FIRE_SCARS.inputs(settings(tiny, hotspots=("nowhere.csv",)), workshop, MAY)
    with pytest.raises(ValueError, match="less than 1"):
        settings(tiny, seed=1.5)


def test_a_year_has_its_seasons_and_names_those_nobody_looked_at(tiny, tmp_path):
    shop = Workshop(twin.area("tiny"), Store(tmp_path / "store"), workers=2)
    outcome = FIRE_SCARS.build(settings(tiny), shop, Period("2025"))
    gaps = dict(outcome.gaps)
    assert {"summer", "autumn"} <= set(gaps)
    assert set(outcome.published.item["properties"]["habitat:burnt_ha"]) == {"spring", "basis"}


def test_leaves_come_when_they_truly_came(outcome, tiny):
    """Truth is the day oaks stand half in leaf; the sixty days between looks in cloud are halved by the middle."""
    with rasterio.open(tiny.root / "truth" / "seasons" / "2025_leaf_out.tif") as source:
        true = source.read(1).astype(float)
    green = layer(outcome, "season", 2)
    known = green != -32768
    assert known.mean() > 0.5
    error = green[known] - true[known]
    assert abs(np.median(error)) <= 6
    assert np.abs(error).mean() < 10


def test_two_summers_make_the_effect_on_crowns(tiny, tmp_path, monkeypatch, outcome):
    """The tiny twin has no summers, so other days stand for them: what counts is that both sides are read."""
    sides = Span(date(2024, 4, 1), date(2025, 4, 22)), Span(date(2025, 5, 15), date(2025, 9, 10))
    monkeypatch.setattr(fire_scars, "summers", lambda season: sides)
    lists = tuple(str(path) for path in sorted((tiny.root / "hotspots").glob("*.csv")))
    shop = Workshop(twin.area("tiny"), Store(tmp_path / "store"), workers=2)
    again = FIRE_SCARS.build(settings(tiny, hotspots=lists), shop, MAY)
    assert "canopy-effect (spring)" not in dict(again.gaps)
    effect, status = layer(again, "canopy-effect"), layer(again, "status")
    np.testing.assert_array_equal(status, layer(outcome, "status"))
    assert (effect[status != 1] == -32768).all()
    known = effect != -32768
    assert known[status == 1].mean() > 0.3
    # Black ground turns green as the rest does; what is left is small.
    assert abs(np.median(effect[known])) < 2000
    ledgers = [json.loads(Path(one.published.path("ledger")).read_text()) for one in (outcome, again)]
    assert ledgers[0]["counts"] == ledgers[1]["counts"]


def test_scenes_of_the_summer_after_are_searched_where_there_is_one_before(tiny, monkeypatch, tmp_path):
    def names(*years):
        sides = [Span(date(year, 5, 1), date(year, 5, 31)) for year in years]
        monkeypatch.setattr(fire_scars, "summers", lambda season: tuple(sides))
        shop = Workshop(twin.area("tiny"), Store(tmp_path / "store"))
        return {entry.id for entry in FIRE_SCARS.inputs(settings(tiny), shop, Period("2024-05"))}

    after = "S2B_52TGP_20250513_0_L2A"
    assert after in names(2024, 2025)
    assert after not in names(2019, 2025)
