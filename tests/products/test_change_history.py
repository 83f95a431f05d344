"""Change history: codes by hand, the areas of a made-up tile, and twelve pixels of Colorado that fell in 1999."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from pydantic import ValidationError

from habitat import twin
from habitat.change.history_layers import BreakLayers
from habitat.change.history_rasters import break_codes, history_specs, loss_codes
from habitat.change.trajectories import GreatestLoss
from habitat.contracts import Period
from habitat.contracts.errors import ConfigError, NoScenes
from habitat.contracts.grid import Tile
from habitat.contracts.pixel_areas import pixel_areas
from habitat.products import change_history
from habitat.products.change_history import CHANGE_HISTORY
from habitat.products.product import Workshop
from habitat.sources import read_area
from habitat.store import Store

COLORADO = Path(__file__).parents[1] / "change" / "colorado.yaml"


# --- codes ---


def test_codes_of_breaks_by_hand():
    days = [date(2004, 3, 1).toordinal(), 0, 0]
    layers = BreakLayers(
        day=np.array(days, np.int32),
        count=np.array([2, 0, -1], np.int16),
        before=np.array([0.6, np.nan, np.nan], np.float32),
        after=np.array([0.25, np.nan, np.nan], np.float32),
        reason=np.array([1, 0, 4], np.uint8),
    )
    codes = break_codes(layers, 1e-4)
    assert codes["breaks"].tolist() == [[2004, -32768, -32768], [61, -32768, -32768]]  # 31 + 29 + 1
    assert codes["break-count"].tolist() == [[2, 0, 255]]
    assert codes["magnitude"].tolist() == [[-3500, -32768, -32768], [6000, -32768, -32768]]
    assert codes["reason"].tolist() == [[1, 0, 4]]


def test_codes_of_losses_by_hand():
    shape = (1, 2)
    loss = GreatestLoss(
        before=np.array([[1998, 0]], np.int16),
        year=np.array([[1999, 0]], np.int16),
        duration=np.array([[1, 0]], np.int16),
        magnitude=np.array([[-0.5, np.nan]], np.float32),
        level=np.array([[0.7, np.nan]], np.float32),
        recovery=np.array([[9.0, np.nan]], np.float32),
    )
    codes = loss_codes(loss, np.array([[0, 2]], np.uint8).reshape(shape), 1e-4)
    assert codes["loss-year"].tolist() == [[1999, -32768], [1, -32768]]
    assert codes["loss-magnitude"].tolist() == [[-5000, -32768], [7000, -32768], [32767, -32768]]  # held at the end
    assert codes["trajectory"].tolist() == [[0, 2]]


def test_specs_hold_what_the_codes_are():
    specs = {spec.name: spec for spec in history_specs("nbr", 1e-4)}
    assert set(specs) == {
        "reason", "breaks", "break-count", "magnitude", "trajectory", "loss-year", "loss-magnitude",
    }  # fmt: skip
    assert specs["magnitude"].band_names == ("change", "before")
    assert "NBR" in specs["magnitude"].bands[0].description
    assert {code for code, _, _ in specs["reason"].classes} == set(range(7))


# --- settings ---


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"index": "nrb"}, "did you mean 'nbr'"),
        ({"index": "mndwi"}, "may move either way"),
        ({"summer": ("June", "July")}, "no two days"),
        ({"first_year": 1900}, "first_year"),
        ({"min_summers": 5}, "min_summers"),
    ],
)
def test_wrong_settings_are_refused(wrong, told):
    with pytest.raises(ValidationError, match=told):
        CHANGE_HISTORY.params(**wrong)


def test_a_history_that_begins_after_its_end_is_refused(tmp_path):
    shop = Workshop(twin.area("tiny"), Store(tmp_path / "store"), workers=1)
    with pytest.raises(ConfigError, match="set first_year to an earlier one"):
        CHANGE_HISTORY.build(CHANGE_HISTORY.params(first_year=2030), shop, Period("2025"))


def test_the_sign_follows_the_index():
    assert CHANGE_HISTORY.params(index="nbr").rules[1].sign == -1
    assert CHANGE_HISTORY.params(index="mirbi").rules[1].sign == 1


# --- areas ---


def test_areas_add_up_by_zone_and_year_and_slow_losses_stand_apart(tmp_path):
    area = twin.area("tiny")
    shop = Workshop(area, Store(tmp_path / "store"), workers=1)
    work = change_history._Work(CHANGE_HISTORY.params(), shop, Period("2025"), None)  # type: ignore[arg-type]
    tile = Tile(0, 0, 1, 4)
    masks = {area.name: np.ones(area.grid.shape, bool), "west": np.zeros(area.grid.shape, bool)}
    masks["west"][0, :2] = True
    layer = np.zeros((1, 4), np.float32)
    loss = GreatestLoss(
        before=np.array([[2015, 2015, 0, 2013]], np.int16),
        year=np.array([[2016, 2016, 0, 2014]], np.int16),
        duration=np.array([[1, 4, 0, 9]], np.int16),
        magnitude=layer,
        level=layer,
        recovery=layer,
    )
    breaks = np.array([1, 1, 2]), np.array([2016, 2020, 2020])
    change_history._add_areas(tile, breaks, loss, (masks, np.array([True, True, True, False])), work)
    first = date(2013, 4, 1).toordinal(), date(2021, 4, 1).toordinal()
    rows = {(row["zone"], row["year"]): row for row in change_history._area_rows(work, first)}
    assert len(rows) == 2 * 9
    pixel = float(pixel_areas(area.grid, tile).sum()) / 4e4
    told = ("breaks_ha", "trajectories_ha", "declines_ha", "known_ha")
    expected = {
        (area.name, 2016): (1, 2, 0, 3),
        (area.name, 2020): (2, 0, 0, 3),
        (area.name, 2014): (0, 0, 1, 3),
        (area.name, 2015): (0, 0, 0, 3),
        ("west", 2016): (1, 2, 0, 2),
        ("west", 2020): (1, 0, 0, 2),
    }
    for key, counts in expected.items():
        assert [rows[key][name] for name in told] == pytest.approx([count * pixel for count in counts], abs=0.006)
    assert {row["estimator"] for row in rows.values()} == {"pixel count, unvalidated"}


# --- real forest, really lost ---


@pytest.fixture(scope="module")
def colorado(shared, tmp_path_factory):
    catalogue = shared / "imagery" / "landsat-stack-p035r032-colorado" / "catalog.json"
    if not catalogue.is_file():
        pytest.skip("the Colorado stack is not at hand")
    shop = Workshop(read_area(COLORADO), Store(tmp_path_factory.mktemp("store")), workers=2)
    settings = {"sensors": ("landsat",), "first_year": 1984, "max_cloud_cover": None, "grow_m": 0}
    return CHANGE_HISTORY.build(CHANGE_HISTORY.params(catalogue=str(catalogue), **settings), shop, Period("2002"))


def layer(outcome, asset, band=1):
    with rasterio.open(outcome.published.path(asset)) as source:
        return source.read(band)


LOST = np.array([[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 1, 1], [1, 1, 1, 1, 1], [1, 1, 1, 1, 1]], bool)
STOOD = np.array([[0, 1, 1, 1, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]], bool)


def test_colorado_breaks_between_two_dates_of_1999(colorado):
    year, day, reason = layer(colorado, "breaks"), layer(colorado, "breaks", 2), layer(colorado, "reason")
    assert (year[LOST] == 1999).all()
    # the first clear look after the loss is of 30 June (181) or 16 July (197)
    assert set(day[LOST].tolist()) <= {181, 197}
    assert (reason[LOST] == 1).all()
    assert (reason[STOOD] == 0).all()
    assert reason[0, 0] == 3  # fill on every date
    assert (layer(colorado, "magnitude")[LOST] < -2000).all()
    assert layer(colorado, "break-count")[0, 0] == 255


def test_colorado_summers_lose_most_in_1999(colorado):
    year, change = layer(colorado, "loss-year"), layer(colorado, "loss-magnitude")
    assert (year[LOST] == 1999).mean() > 0.9
    assert (change[LOST] < -2500).all()
    assert not (year[STOOD] == 1999).any()
    assert layer(colorado, "trajectory")[0, 0] == 3


def test_colorado_tells_areas_ledger_and_gaps(colorado):
    with colorado.published.path("loss-by-year").open(encoding="utf-8") as file:
        rows = {int(row["year"]): row for row in csv.DictReader(file)}
    assert set(rows) == set(range(1984, 2003))
    # true areas: 12 of 13 pixels of 900 m² within a thousandth
    assert 1.07 < float(rows[1999]["breaks_ha"]) < 1.18
    assert float(rows[1995]["breaks_ha"]) == 0
    ledger = json.loads(colorado.published.path("ledger").read_text())
    assert len(ledger["observations"]) > 100
    told = colorado.published.item["properties"]
    assert told["habitat:loss_ha"]["basis"] == "pixel count, unvalidated"
    assert "pixel count, unvalidated" in colorado.summary


def test_no_scenes_is_told(twin_of, tmp_path):
    made = twin_of()
    shop = Workshop(twin.area("tiny"), Store(tmp_path / "store"), workers=1)
    with pytest.raises(NoScenes):
        CHANGE_HISTORY.build(CHANGE_HISTORY.params(catalogue=str(made.catalog)), shop, Period("2014"))


def test_a_short_history_is_a_named_gap_and_no_failure(twin_of, tmp_path):
    made = twin_of()
    shop = Workshop(twin.area("tiny"), Store(tmp_path / "store"), workers=2)
    outcome = CHANGE_HISTORY.build(CHANGE_HISTORY.params(catalogue=str(made.catalog), grow_m=0), shop, Period("2025"))
    assert [name for name, _ in outcome.gaps][:2] == ["history", "trajectories"]
    reason, trajectory = layer(outcome, "reason"), layer(outcome, "trajectory")
    assert set(np.unique(reason)) <= {0, 1, 2, 3, 4, 6}
    assert set(np.unique(trajectory)) <= {1, 3}  # too few years everywhere, or nothing seen
