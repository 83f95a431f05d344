"""Outlines of zones: an area's, a file's, what they make together, and what of them lies off the map."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from pyproj import Geod
from shapely.geometry import Point, Polygon, box

from habitat.contracts import Area
from habitat.contracts.area import Zone
from habitat.contracts.errors import InputError
from habitat.contracts.grid import Grid
from habitat.sources.zones import area_zones, beyond_m2, file_zones, on_grid, polygons

GRID = Grid.around((600000, 4790000, 640000, 4810000), "EPSG:32652", 20.0)
WEST, EAST, OLD = box(130.3, 43.3, 130.5, 43.4), box(130.5, 43.3, 130.6, 43.4), box(130.45, 43.3, 130.55, 43.4)


def area(*zones):
    return Area("forest", box(130.25, 43.25, 130.65, 43.42), GRID, boundary="drawn 2026", zones=zones)


def test_an_area_without_zones_is_told_as_a_whole():
    (only,) = area_zones(area())
    assert (only.kind, only.name, only.boundary, only.key) == ("area", "forest", "drawn 2026", "area:area:forest")


def test_zones_countries_and_all_together():
    zones = area_zones(
        area(
            Zone("west", WEST, "West park", "CN", "official 2021"),
            Zone("old", OLD, "", "CN"),
            Zone("east", EAST, country="RU"),
        )
    )
    assert [(zone.kind, zone.name) for zone in zones] == [
        ("zone", "west"), ("zone", "old"), ("zone", "east"), ("country", "CN"), ("country", "RU"),
        ("joint", "all-zones"), ("area", "forest"),
    ]  # fmt: skip
    chinese, joint = zones[3], zones[5]
    assert chinese.boundary == "drawn 2026; official 2021"
    assert chinese.title == "West park + old"
    assert joint.country == "CN; RU"
    # What lies in two zones counts once.
    assert on_grid(joint, GRID).area == pytest.approx(on_grid(joint, GRID).buffer(0).area)
    assert joint.outline.area == pytest.approx(0.03)
    assert chinese.outline.area == pytest.approx(0.025)


def test_neighbours_share_the_same_edge_on_the_map():
    joint = area_zones(area(Zone("west", WEST), Zone("east", EAST)))[2]
    west, east = (on_grid(zone, GRID) for zone in area_zones(area(Zone("west", WEST), Zone("east", EAST)))[:2])
    assert west.intersection(east).area == 0.0
    assert on_grid(joint, GRID).area == pytest.approx(west.area + east.area, rel=1e-14)
    # Edges are bent as parallels are: a straight one would be off by metres.
    ground, _ = Geod(ellps="WGS84").geometry_area_perimeter(shapely.segmentize(WEST.reverse(), 0.001))
    bare = shapely.transform(WEST, lambda points: points)
    assert len(shapely.get_coordinates(west)) > len(shapely.get_coordinates(bare)) + 40
    assert west.area == pytest.approx(abs(ground), rel=1e-3)


def test_holes_and_islands_stay():
    holed = Polygon(WEST.exterior, [box(130.35, 43.32, 130.4, 43.35).exterior]).union(box(130.6, 43.3, 130.62, 43.31))
    (zone,) = [each for each in area_zones(area(Zone("holed", holed))) if each.kind == "zone"]
    placed = on_grid(zone, GRID)
    assert len(placed.geoms) == 2
    assert sum(len(part.interiors) for part in placed.geoms) == 1


def test_what_lies_beyond_the_grid_is_told_in_true_area():
    inside = box(601000, 4791000, 602000, 4792000)
    assert beyond_m2(inside, GRID) == 0.0
    half = box(639000, 4791000, 641000, 4792000)
    # 1 km² beyond, stretched a little by the projection.
    assert beyond_m2(half, GRID) == pytest.approx(1e6, rel=2e-3)
    parts = [box(640000, 4791000, 660000, 4791500), box(640000, 4791500, 660000, 4792000)]
    whole = beyond_m2(shapely.union_all(parts), GRID)
    assert sum(beyond_m2(part, GRID) for part in parts) == pytest.approx(whole, abs=1.0)


@pytest.fixture
def parks(tmp_path):
    path = tmp_path / "parks.gpkg"
    table = gpd.GeoDataFrame(
        {
            "name": ["north", "south", "north", "far"],
            "land": ["CN", "RU", "CN", "RU"],
            "drawn": ["2017", "2021", "2020", None],
        },
        geometry=[WEST, EAST, OLD, box(100, 10, 101, 11)],
        crs="EPSG:4326",
    )
    table.to_file(path)
    return path


def test_zones_of_a_file(parks):
    zones, notes = file_zones(parks, GRID, country_field="land", boundary_field="drawn")
    assert notes == ()
    assert [(zone.kind, zone.name, zone.country, zone.boundary) for zone in zones] == [
        ("file", "north", "CN", "2017; 2020"), ("file", "south", "RU", "2021"), ("country", "CN", "CN", "2017; 2020"),
        ("country", "RU", "RU", "2021"), ("joint", "all-zones", "CN; RU", "2017; 2020; 2021"),
    ]  # fmt: skip
    assert zones[0].origin == "parks.gpkg"
    assert zones[0].key == "parks.gpkg:file:north"
    np.testing.assert_allclose(zones[0].outline.bounds, (130.3, 43.3, 130.55, 43.4), atol=1e-9)
    plain, _ = file_zones(parks, GRID)
    assert [zone.kind for zone in plain] == ["file", "file", "joint"]


def test_files_that_do_not_serve_are_refused(parks, tmp_path):
    with pytest.raises(InputError, match="has no field 'title'"):
        file_zones(parks, GRID, name_field="title")
    with pytest.raises(InputError, match="has no field 'state'; its fields are name, land"):
        file_zones(parks, GRID, country_field="state")
    away = tmp_path / "away.geojson"
    gpd.GeoDataFrame({"name": ["x"]}, geometry=[box(100, 10, 101, 11)], crs="EPSG:4326").to_file(away)
    with pytest.raises(InputError, match=r"no zone of .* lies in the area"):
        file_zones(away, GRID)
    with pytest.raises(InputError, match="there is no file"):
        file_zones(tmp_path / "nothing.gpkg", GRID)


def test_outlines_without_a_place_on_the_map_are_refused():
    zone = area_zones(area(Zone("pole", box(130.3, 43.3, 130.4, 43.4))))[0]
    lost = type(zone)("lost", "zone", Polygon([(130, 43), (131, 43), (131, float("inf"))]))
    with pytest.raises(InputError, match="zone 'lost' reaches where"):
        on_grid(lost, GRID)


def test_only_what_has_an_area_is_a_polygon():
    mixed = shapely.union_all([box(0, 0, 1, 1), Point(5, 5), shapely.LineString([(2, 0), (3, 0)])])
    assert polygons(mixed).area == 1.0
    assert polygons(Point(0, 0)).is_empty
