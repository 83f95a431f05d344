"""Burnt outlines: exact along pixel edges, the same however the tiles are cut, with attributes worked out by hand."""

from __future__ import annotations

import itertools

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pyproj import Transformer
from rasterio.features import rasterize, shapes
from scipy import ndimage

from habitat.contracts.area import Zone
from habitat.contracts.errors import ConfigError
from habitat.contracts.grid import Grid, Tile
from habitat.fire.burnt_outlines import NO_DAY, BurntOutlines, joined_outlines, outlines_of

GRID = Grid("EPSG:32652", 20.0, (600000.0, 4799800.0, 600240.0, 4800000.0))
ROWS, COLUMNS = GRID.shape
DAYS = ("first_day", "last_day", "usual_first", "usual_last", "median_day")


def whole(labels):
    return joined_outlines([outlines_of(labels, Tile(0, 0, *labels.shape))], GRID)


LABELS = arrays.arrays(np.int32, (ROWS, COLUMNS), elements=st.sampled_from([0, 0, 1, 2, -1]))


@given(LABELS)
def test_outlines_burn_back_to_their_pixels(labels):
    outlines = whole(labels)
    assert outlines.index.tolist() == [int(n) for n in np.unique(labels[labels > 0])]
    for label, outline in outlines.items():
        assert outline.is_valid
        assert outline.area == pytest.approx((labels == label).sum() * 400, abs=1e-6)
        burnt = rasterize([outline], labels.shape, transform=GRID.transform)
        np.testing.assert_array_equal(burnt, labels == label)


@given(LABELS, st.integers(1, 11), st.tuples(st.integers(0, 5), st.integers(0, 5)))
def test_tiles_do_not_show(labels, size, phase):
    parts = [
        outlines_of(labels[t.row : t.row + t.height, t.column : t.column + t.width], t) for t in GRID.tiles(size, phase)
    ]
    joined = joined_outlines(reversed(parts), GRID)
    expected = whole(labels)
    assert joined.index.equals(expected.index)
    assert [a.wkb for a in joined] == [b.wkb for b in expected]


def test_outlines_are_those_of_gdal():
    labels = ndimage.label(np.random.default_rng(4).random((ROWS, COLUMNS)) > 0.4)[0].astype(np.int32)
    expected = {}
    for shape, value in shapes(labels, labels > 0, transform=GRID.transform):
        expected.setdefault(int(value), []).append(shapely.geometry.shape(shape))
    found = whole(labels)
    assert found.index.tolist() == sorted(expected)
    for label, outline in found.items():
        assert outline.equals(shapely.union_all(expected[label]))
        assert shapely.get_num_coordinates(outline) == shapely.get_num_coordinates(expected[label]).sum()


def test_a_scar_with_a_hole_and_a_corner_neighbour():
    labels = np.zeros((ROWS, COLUMNS), np.int32)
    labels[1:4, 1:4] = 5
    labels[2, 2] = 0
    labels[4, 4] = 5
    (outline,) = whole(labels)
    assert outline.geom_type == "MultiPolygon"
    ring, corner = sorted(outline.geoms, key=lambda polygon: -polygon.area)
    assert (ring.area, corner.area) == (8 * 400, 400)
    assert shapely.box(*ring.interiors[0].bounds).equals(shapely.box(600040, 4799940, 600060, 4799960))
    assert ring.bounds == (600020, 4799920, 600080, 4799980)
    # No corner where the outline goes straight on.
    assert (len(ring.exterior.coords), len(corner.exterior.coords)) == (5, 5)


def test_nothing_burnt_is_no_outline():
    assert outlines_of(np.zeros((2, 3), int), Tile(0, 0, 2, 3)) == {}
    assert len(joined_outlines([{}, {}], GRID)) == 0
    table = BurntOutlines(GRID, year=2025, season="spring").table()
    assert len(table) == 0
    assert "dnbr_median" in table
    assert table.crs == GRID.crs


@pytest.fixture
def season():
    """Two scars over two tiles: number 3 crosses the edge, number 8 is one pixel that was never seen before."""
    labels = np.zeros((2, 6), np.int32)
    labels[0, 1:5] = 3
    labels[1, 5] = 8
    layers = {
        "probability": np.array([[0, 0.6, 0.7, 0.8, 0.9, 0], [0, 0, 0, 0, 0, np.nan]]),
        "dnbr": np.array([[0, 0.1, 0.2, 0.4, 0.9, 0], [0, 0, 0, 0, 0, 0.05]]),
        "last_unburnt": np.array([[0, 100, 110, 112, 112, 0], [0, 0, 0, 0, 0, NO_DAY]], np.int16),
        "first_burnt": np.array([[0, 115, 115, 115, 120, 0], [0, 0, 0, 0, 0, 140]], np.int16),
    }

    def scars(*cuts, order=1):
        gathered = BurntOutlines(GRID, year=2025, season="spring")
        edges = [0, *cuts, 6]
        for left, right in list(itertools.pairwise(edges))[::order]:
            piece = {name: layer[:, left:right] for name, layer in layers.items()}
            gathered.add(Tile(0, left, 2, right - left), labels[:, left:right], **piece)
        return gathered

    return scars


def test_attributes_by_hand(season):
    table = season().table()
    assert table["id"].tolist() == [3, 8]
    assert (table["year"] == 2025).all()
    assert (table["season"] == "spring").all()
    assert (table["fire_year"] == 2025).all()
    assert (table["area_basis"] == "pixel count, unvalidated").all()
    days = {name: table[name].dt.strftime("%m-%d").tolist() for name in DAYS}
    # Day 101 is 11 April, 120 is 30 April, 140 is 20 May. Middles of the intervals: 108, 113, 114, 116.5.
    assert days["first_day"][0] == "04-11"
    assert pd.isna(days["first_day"][1])
    assert days["last_day"] == ["04-30", "05-20"]
    # Of 101, 111, 113, 113 and of 115, 115, 115, 120.
    assert days["usual_first"][0] == "04-22"
    assert days["usual_last"] == ["04-25", "05-20"]
    assert days["median_day"] == ["04-23", "05-20"]
    assert table["area_ha"].tolist() == pytest.approx([0.16, 0.04], rel=2e-3)
    assert table["probability_mean"].tolist() == pytest.approx([0.75, np.nan], nan_ok=True)
    assert table["dnbr_median"].tolist() == pytest.approx([0.3, 0.05])
    assert table["hotspots"].isna().all()
    assert table["zones"].tolist() == ["", ""]
    assert table.geometry.area.tolist() == [1600, 400]
    autumn = BurntOutlines(GRID, year=2024, season="autumn")
    autumn.add(
        Tile(0, 0, 1, 1),
        np.ones((1, 1), int),
        **{name: np.full((1, 1), 300) for name in ("probability", "dnbr", "last_unburnt", "first_burnt")},
    )
    assert autumn.table()["fire_year"].item() == 2025
    # Day 301 of a leap year.
    assert autumn.table()["first_day"].item() == pd.Timestamp(2024, 10, 27)


def test_attributes_do_not_depend_on_the_tiles(season):
    expected = season().table()
    for cuts, order in (((3,), 1), ((1, 2, 5), -1), ((3,), -1)):
        found = season(*cuts, order=order).table()
        pd.testing.assert_frame_equal(
            pd.DataFrame(found.drop(columns="geometry")), pd.DataFrame(expected.drop(columns="geometry"))
        )
        assert [a.wkb for a in found.geometry] == [b.wkb for b in expected.geometry]


def hotspots(*rows):
    """Hotspots at (x, y, day of 2025), 400 m wide and as long."""
    to_wgs84 = Transformer.from_crs(GRID.crs, 4326, always_xy=True)
    return gpd.GeoDataFrame(
        {
            "solar_day": [np.datetime64("2025-01-01", "ns") + np.timedelta64(day - 1, "D") for _, _, day in rows],
            "when": [np.datetime64("2025-01-01T04:30", "ns") + np.timedelta64(day - 1, "D") for _, _, day in rows],
            "satellite": "Suomi NPP",
            "scan_km": 0.4,
            "track_km": 0.4,
        },
        geometry=[shapely.Point(to_wgs84.transform(x, y)) for x, y, _ in rows],
        crs=4326,
    )


def test_hotspots_are_counted_near_in_place_and_time(season):
    # Scar 3 reaches from x 600020 to 600100 and from day 101 to 120; scar 8 is known on day 140 only.
    # Footprints of 400 m lie 12 degrees askew, so they reach 204 m along a row and 235 m to a corner.
    table = season().table(
        hotspots=hotspots(
            (600050, 4799990, 110),
            (600100 + 200, 4799990, 123),  # within reach, three days after
            (600120 + 240, 4799990, 110),  # too far from scar 3, and too early for scar 8
            (600050, 4799990, 124),  # four days after
            (600050, 4799990, 97),  # four days before
            (600110, 4799970, 142),
        )
    )
    assert table["hotspots"].tolist() == [2, 1]
    assert season().table(hotspots=hotspots((0, 0, 1))[:0])["hotspots"].tolist() == [0, 0]


def test_zones_and_countries_by_share(season):
    to_wgs84 = Transformer.from_crs(GRID.crs, 4326, always_xy=True)

    def zone(name, country, west, east):
        outline = shapely.box(west, 4799000, east, 4801000)
        return Zone(
            name, shapely.transform(outline, lambda xy: np.column_stack(to_wgs84.transform(*xy.T))), country=country
        )

    # The border runs through scar 3 at 600070: 50 m of it lie west, 30 m east.
    zones = [
        zone("east-side", "CN", 600070, 601000),
        zone("west-side", "RU", 599000, 600070),
        zone("far", "KP", 0, 1000),
    ]
    table = season().table(zones=zones)
    assert table["zones"].tolist() == ["west-side, east-side", "east-side"]
    assert table["countries"].tolist() == ["RU, CN", "CN"]


def test_what_is_refused():
    with pytest.raises(ValueError, match="wants those of the tile"):
        outlines_of(np.zeros((2, 2), int), Tile(0, 0, 2, 3))
    with pytest.raises(ConfigError, match="winter"):
        BurntOutlines(GRID, year=2025, season="winter")
    scars = BurntOutlines(GRID, year=2025, season="spring")
    one = np.ones((1, 1), int)
    layers = dict.fromkeys(("probability", "dnbr", "last_unburnt", "first_burnt"), one)
    with pytest.raises(ValueError, match="dnbr is"):
        scars.add(Tile(0, 0, 1, 1), one, **layers | {"dnbr": np.ones((1, 2))})
    with pytest.raises(ValueError, match="days of the year"):
        scars.add(Tile(0, 0, 1, 1), one, **layers | {"first_burnt": one * 400})
    assert len(scars.table()) == 0
