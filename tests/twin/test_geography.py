"""The map: countries that fill the world, a fence with gates beside the border, and lines that lie on their pixels."""

from __future__ import annotations

import numpy as np
import pytest
from shapely import STRtree, contains_xy, points, union_all
from shapely.geometry import LineString, Polygon, box

from habitat.twin.land.geography import COUNTRY_CODES, LAYERS, Geography, geography_of, layers
from habitat.twin.land.landscape import FORESTS, Country, Cover, Landscape, landscape_in
from habitat.twin.land.terrain.lines import spaced
from habitat.twin.world import CRS, World, world_of


@pytest.fixture(scope="module", params=["tiny", "demo"])
def world(request: pytest.FixtureRequest) -> World:
    return world_of(request.param, 1)


@pytest.fixture(scope="module")
def geography(world: World) -> Geography:
    return geography_of(world)


@pytest.fixture(scope="module")
def resolution_m(world: World) -> float:
    return 10.0 if world.size.name == "tiny" else 20.0


@pytest.fixture(scope="module")
def land(world: World, resolution_m: float) -> Landscape:
    return landscape_in(world, world.whole, resolution_m)


@pytest.fixture(scope="module")
def pixels(world: World, resolution_m: float) -> tuple[np.ndarray, np.ndarray]:
    eastings, northings = world.coordinates(world.whole, resolution_m)
    return np.meshgrid(eastings, northings)


def frame(world: World):
    return box(world.west, world.north - world.width_m, world.west + world.width_m, world.north)


def covers_along(world: World, land: Landscape, course: LineString) -> np.ndarray:
    at = spaced(np.asarray(course.coords), 10.0)[1:-1]
    rows = np.clip(((world.north - at[:, 1]) // land.resolution_m).astype(int), 0, land.cover.shape[0] - 1)
    columns = np.clip(((at[:, 0] - world.west) // land.resolution_m).astype(int), 0, land.cover.shape[1] - 1)
    return land.cover[rows, columns]


def test_countries_fill_the_world_once(world: World, geography: Geography) -> None:
    west, east = geography.countries[Country.WEST], geography.countries[Country.EAST]
    assert west.is_valid
    assert east.is_valid
    assert west.area + east.area == pytest.approx(world.width_m**2, rel=1e-9)
    assert west.intersection(east).area == pytest.approx(0, abs=1e-3)
    assert union_all([west, east]).symmetric_difference(frame(world)).area == pytest.approx(0, abs=1e-2)
    assert west.intersection(geography.border).length == pytest.approx(geography.border.length, rel=1e-6)


def test_pixels_lie_in_the_country_the_map_says(geography: Geography, land: Landscape, pixels) -> None:
    mapped = np.where(contains_xy(geography.countries[Country.WEST], *pixels), Country.WEST, Country.EAST)
    assert (mapped == land.country).mean() > 0.995


def test_parks_touch_at_the_border_and_nowhere_else(world: World, geography: Geography) -> None:
    first, second = geography.parks
    assert (first.country, second.country) == (Country.WEST, Country.EAST)
    for park in geography.parks:
        assert park.polygon.is_valid
        outside = park.polygon.difference(geography.countries[park.country]).area
        assert outside == pytest.approx(0, abs=1e-3)
        assert 0.1 < park.polygon.area / world.width_m**2 < 0.3
    assert first.polygon.intersection(second.polygon).area == pytest.approx(0, abs=1e-3)
    shared = first.polygon.boundary.intersection(second.polygon.boundary).length
    assert shared == pytest.approx(0.9 * geography.border.length, rel=0.1)


def test_parks_are_forest(geography: Geography, land: Landscape, pixels) -> None:
    for park in geography.parks:
        inside = contains_xy(park.polygon, *pixels)
        assert np.isin(land.cover[inside], FORESTS).mean() > 0.75
        assert (land.elevation[inside] > 0).all()


@pytest.mark.parametrize(("name", "seed"), [*(("tiny", seed) for seed in range(1, 9)), ("demo", 1), ("demo", 2)])
def test_the_fence_keeps_west_of_the_border(name: str, seed: int) -> None:
    world = world_of(name, seed)
    geography = geography_of(world)
    assert not geography.fence.intersects(geography.border)
    assert geography.fence.is_simple
    coordinates = np.asarray(geography.fence.coords)
    assert contains_xy(geography.countries[Country.WEST], coordinates[1:-1]).all()
    away = geography.border.distance(points(coordinates))
    low, high = (50, 200) if name == "demo" else (30, 90)
    assert low < away.min() < away.max() < high


def test_gates_are_gaps_in_the_fence(world: World, geography: Geography) -> None:
    assert len(geography.gates) >= (2 if world.size.name == "tiny" else 5)
    assert len({gate.name for gate in geography.gates}) == len(geography.gates)
    along = [geography.fence.project(gate.point) for gate in geography.gates]
    assert max(geography.fence.distance(gate.point) for gate in geography.gates) < 1e-6
    assert all(10 <= gate.width_m <= 60 for gate in geography.gates)
    gaps = np.diff(along)
    least, most = (800, 2500) if world.size.name == "demo" else (0.16 * 960, 0.36 * 960)
    assert least <= gaps.min() <= gaps.max() <= most


def test_roads_lie_on_built_pixels_mostly(world: World, geography: Geography, land: Landscape) -> None:
    covers = np.concatenate([covers_along(world, land, road.line) for road in geography.roads])
    assert (covers == Cover.BUILT).mean() > 0.93
    assert {road.kind for road in geography.roads} == {"highway", "road", "track"}
    far = frame(world).buffer(0.01)
    assert all(far.covers(road.line) for road in geography.roads)


def test_built_pixels_lie_by_roads_or_in_settlements(geography: Geography, land: Landscape, pixels) -> None:
    built = land.cover == Cover.BUILT
    places = points(pixels[0][built], pixels[1][built])
    tree = STRtree([*(road.line for road in geography.roads), *geography.settlements])
    nearest = tree.query_nearest(places, return_distance=True, all_matches=False)[1]
    assert np.percentile(nearest, 99) <= 1.5 * land.resolution_m


def test_settlements_are_built_and_dry(geography: Geography, land: Landscape, pixels) -> None:
    assert len(geography.settlements) >= 3
    for outline in geography.settlements:
        assert outline.is_valid
    inside = contains_xy(union_all(geography.settlements), *pixels)
    assert (land.cover[inside] == Cover.BUILT).mean() > 0.5


def test_the_great_river_and_the_sea_are_water(world: World, geography: Geography, land: Landscape, pixels) -> None:
    river = geography.rivers[0]
    assert river.kind == "river"
    assert [other.kind for other in geography.rivers[1:]] == ["stream"] * (len(geography.rivers) - 1)
    # Roads cross it on bridges.
    wet = np.isin(covers_along(world, land, river.line), (Cover.WATER, Cover.BUILT))
    assert wet.mean() > 0.97
    corner = (world.west + world.width_m, world.north - world.width_m)
    sea = contains_xy(Polygon([*geography.coast.coords, corner]), *pixels)
    assert (sea == (land.elevation == 0)).mean() > 0.999
    assert geography.coast.length > 0.4 * world.width_m


def test_layers_are_tables_with_their_coordinate_system(geography: Geography) -> None:
    tables = layers(geography)
    assert tuple(tables) == LAYERS
    assert len(LAYERS) == 9
    for table in tables.values():
        assert table.crs == CRS
        assert table.geometry.is_valid.all()
        assert not table.isna().any().any()
    assert tables["countries"]["country"].tolist() == list(COUNTRY_CODES.values())
    assert tables["countries"]["area_km2"].sum() == pytest.approx(
        sum(g.area for g in geography.countries.values()) / 1e6, rel=1e-4
    )
    assert tables["roads"]["length_km"].sum() == pytest.approx(
        sum(r.line.length for r in geography.roads) / 1e3, abs=0.01
    )
    assert tables["gates"]["width_m"].between(10, 60).all()
    assert tables["parks"]["country"].tolist() == ["XA", "XB"]


def test_the_map_is_the_same_each_time(world: World, geography: Geography) -> None:
    again = geography_of(world)
    assert again.fence.wkb == geography.fence.wkb
    assert [gate.point.wkb for gate in again.gates] == [gate.point.wkb for gate in geography.gates]
    assert [road.line.wkb for road in again.roads] == [road.line.wkb for road in geography.roads]
