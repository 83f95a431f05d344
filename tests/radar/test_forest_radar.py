"""Radar in forest maps: read from the store where it is wanted, and nothing changes where it is not."""

from __future__ import annotations

import made_radar as made
import numpy as np
import pytest

from habitat import twin
from habitat.contracts import Period
from habitat.contracts.errors import NotInStore
from habitat.contracts.grid import Tile
from habitat.forest.features import FEATURES
from habitat.imagery.backscatter.units import db_codes
from habitat.products import Workshop
from habitat.products.building.forest_build import Year
from habitat.products.building.forest_inputs import ForestParams
from habitat.products.building.forest_radar import radar_gaps, radar_inputs, radar_layers, radar_seasons
from habitat.products.forest_type import FOREST_TYPE
from habitat.products.product import Sheets
from habitat.products.radar import RADAR, RadarParams, radar_specs
from habitat.store import Store

MAY = Period("2025-05")


@pytest.fixture
def shop(tmp_path):
    return Workshop(made.area(), Store(tmp_path / "store"), workers=1)


def publish(shop, period, orbit="061D", level=-9.0, bands=("vv", "vh")):
    """Put a month of radar into a store, all of one level."""
    period, area = Period(period), shop.area
    rows, columns = area.grid.shape
    specs = radar_specs(orbit, bands, 1)
    with shop.store.begin("radar", area, period, estimate=0) as stage:
        sheets = Sheets(stage, specs)
        count = len(specs[0].bands)
        values = np.stack([np.full((rows, columns), level - 6 * number) for number in range(count)])
        sheets.write(specs[0].name, Tile(0, 0, rows, columns), db_codes(values))
        sheets.write(specs[1].name, Tile(0, 0, rows, columns), np.ones((1, rows, columns), np.uint8))
        record = RADAR.record(RadarParams(), shop, period, inputs=())
        return stage.publish(record, {}, title="Radar", description="Made up.")


def names(seasons):
    return [(season.name, str(season.entry.period), season.raster) for season in seasons]


def test_the_newest_of_winter_and_summer_up_to_the_period(shop):
    for period in ("2023-07", "2024-01", "2024-08", "2025-02", "2025-04", "2025-07"):
        publish(shop, period)
    seasons = radar_seasons("auto", shop, MAY)
    assert names(seasons) == [("winter", "2025-02", "backscatter-061d"), ("summer", "2024-08", "backscatter-061d")]
    assert [entry.id for entry in radar_inputs(seasons)] == ["radar_made_202502", "radar_made_202408"]
    assert dict(radar_gaps("auto", seasons))["radar, winter"] == "as of 2025-02, backscatter-061d"


def test_layers_are_decibels_of_both_polarisations(shop):
    publish(shop, "2025-01", level=-11.0)
    publish(shop, "2024-07", level=-8.0)
    layers = radar_layers(radar_seasons(True, shop, MAY), shop)
    assert [float(layer[0, 0]) for layer in layers] == pytest.approx([-11, -17, -8, -14])
    assert {layer.shape for layer in layers} == {shop.area.grid.shape}


def test_without_radar_nothing_is_read(shop):
    publish(shop, "2025-01")
    assert radar_seasons(False, shop, MAY) == ()
    assert radar_layers((), shop) == ()
    assert radar_gaps(False, ()) == []


def test_what_is_not_there_is_a_gap_or_refused(shop):
    assert radar_gaps("auto", radar_seasons("auto", shop, MAY)) == [
        ("radar, winter", "none in the store: learnt without it"),
        ("radar, summer", "none in the store: learnt without it"),
    ]
    publish(shop, "2024-08")
    publish(shop, "2025-01", bands=("vv",))
    seasons = radar_seasons("auto", shop, MAY)
    assert [season.name for season in seasons] == ["summer"]
    assert radar_gaps("auto", seasons)[-1] == ("radar, winter", "none in the store: learnt without it")
    with pytest.raises(NotInStore, match="no radar of winter of made"):
        radar_seasons(True, shop, MAY)


def test_one_orbit_for_both_seasons_where_there_is_one(shop):
    publish(shop, "2025-01", orbit="083A")
    publish(shop, "2024-07", orbit="061D")
    # No orbit in common: each season has its own, as a model learns them apart.
    assert [season.raster for season in radar_seasons("auto", shop, MAY)] == ["backscatter-083a", "backscatter-061d"]
    publish(shop, "2024-08", orbit="083A")
    assert {season.raster for season in radar_seasons("auto", shop, MAY)} == {"backscatter-083a"}


def test_radar_adds_columns_to_the_table_of_features(shop):
    publish(shop, "2025-01", level=-11.0)
    publish(shop, "2024-07")
    rows, columns = shop.area.grid.shape
    medians = np.full((4, 6, rows, columns), 1000, np.int16)
    plain = Year(ForestParams(), shop, MAY, None, None, medians)
    wide = Year(ForestParams(radar="auto"), shop, MAY, None, None, medians)
    wide.terrain += radar_layers(radar_seasons("auto", shop, MAY), shop)
    where = (np.array([0, 3]), np.array([1, 2]))
    assert plain.table(where).shape == (2, len(FEATURES))
    assert wide.table(where).shape == (2, len(FEATURES) + 4)
    assert np.array_equal(wide.table(where)[:, : len(FEATURES)], plain.table(where))
    assert wide.table(where)[0, len(FEATURES) :].tolist() == pytest.approx([-11, -17, -9, -15])


def test_a_map_by_rules_is_the_same_with_radar_and_names_it(tmp_path):
    small = twin.make(tmp_path / "twin", size="tiny")
    shop = Workshop(small.area, Store(tmp_path / "store"), workers=2)
    settings = {"catalogue": str(small.catalog), "summer": ("05-20", "09-10"), "grow_m": 0.0}
    plain = FOREST_TYPE.build(FOREST_TYPE.params(**settings), shop, MAY)
    publish(shop, "2025-01")
    told = FOREST_TYPE.params(**settings, radar="auto")
    wide = FOREST_TYPE.build(told, shop, MAY)
    whole = Tile(0, 0, *small.area.grid.shape)
    with plain.published.open_window("type") as one, wide.published.open_window("type") as other:
        assert np.array_equal(one.read(whole), other.read(whole))
    assert plain.published.record.params == wide.published.record.params
    added = {entry.id for entry in wide.published.record.inputs} - {entry.id for entry in plain.published.record.inputs}
    assert len(added) == 1
    assert {entry.id for entry in FOREST_TYPE.inputs(told, shop, MAY)} == {
        entry.id for entry in wide.published.record.inputs
    }
    assert ("radar, summer", "none in the store: learnt without it") in wide.gaps
