"""Observations and hotspot days: series of a tile against single reads, and days drawn on pixels."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import numpy as np
import pytest
import shapely

from habitat import twin
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.span import Span
from habitat.sources import search
from habitat.sources.hotspot_days import hotspot_days
from habitat.sources.scenes.observations import ClearPixels, SeriesReader, also_found
from habitat.sources.scenes.preflight import Checked, Missing, check_scenes
from habitat.sources.scenes.rasters import Rasters

GRID = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 600080.0, 4800060.0))


def test_a_search_over_a_span_finds_what_lies_in_it(tmp_path):
    tiny = twin.make(tmp_path / "twin", size="tiny")
    span = Span(date(2025, 5, 10), date(2025, 5, 20))
    found = search("sentinel2", tiny.area, span, catalogue=str(tiny.catalog)).require()
    assert {scene.solar_day for scene in found.scenes} <= {date(2025, 5, day) for day in range(10, 21)}
    assert "2025-05-10 to 2025-05-20" in found.where
    with Rasters(found.provider) as rasters:
        checked = check_scenes(found.scenes, rasters, ("nir",))
        reader = SeriesReader(checked, span, tiny.area, rasters, bands=("nir",), purpose="scar", grow_m=0.0)
        (tile,) = reader.tiles(2**30)
        whole, clear = reader.read(tile)
        part, _ = reader.read(Tile(3, 5, 4, 6))
    assert len(reader.days) == whole.clear.shape[0] == whole.codes.shape[1]
    assert sum(clear.values()) >= int(whole.clear.sum())
    cut = whole.codes.reshape(1, len(reader.days), tile.height, tile.width)[:, :, 3:7, 5:11]
    np.testing.assert_array_equal(
        part.codes.reshape(cut.shape)[part.clear.reshape(cut.shape) > 0], cut[part.clear.reshape(cut.shape) > 0]
    )
    assert (whole.codes[:, whole.clear > 0] > 0).all()


def test_first_and_last_day_of_hotspots():
    shapes = gpd.GeoSeries(
        [shapely.box(600000, 4800000, 600040, 4800060), shapely.box(600020, 4800000, 600060, 4800060)]
    )
    days = hotspot_days(shapes, [110, 105], GRID, Tile(0, 0, 3, 4))
    assert days[0, 1].tolist() == [110, 105, 105, 0]
    assert days[1, 1].tolist() == [110, 110, 105, 0]
    assert (hotspot_days(shapes.iloc[:0], [], GRID, Tile(0, 0, 3, 4)) == 0).all()
    assert hotspot_days(shapes, [110, 105], GRID, Tile(0, 3, 3, 1)).max() == pytest.approx(0)


def test_a_second_search_adds_what_the_first_left_out(tmp_path):
    tiny = twin.make(tmp_path / "twin", size="tiny")
    spans = [Span(date(2025, 5, first), date(2025, 5, first + 7)) for first in (1, 10)]
    one, other = (search("sentinel2", tiny.area, span, catalogue=str(tiny.catalog)).require() for span in spans)
    both = also_found(one, other)
    assert [scene.id for scene in both] == [scene.id for scene in (*one, *other)]
    assert {name for name, _ in both.dropped}.isdisjoint(scene.id for scene in both)
    assert also_found(both, other) == both
    # A ledger of both: of scenes that two readers share, the reader that saw more counts.
    clear = ClearPixels()
    for reader, pixels in (("spring", 30), ("spring", 20), ("canopy", 40)):
        clear.add(reader, {one.scenes[0].id: pixels})
    assert clear.of(one.scenes[0].id) == 50
    checked = Checked(both.scenes[:-1], {}, (Missing(both.scenes[-1], "http", "no answer"),))
    ledger = clear.ledger(both, checked, 100)
    assert ledger.counts()["used"] == 1
    assert ledger.counts()["missing"] == 1
    assert ledger.counts()["expected"] == len(both)
