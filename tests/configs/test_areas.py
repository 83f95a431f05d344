"""The shipped areas: they load, measure what is published, fit together and say that they are approximate."""

from __future__ import annotations

import re
import textwrap
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import Point, box
from shapely.geometry.base import BaseGeometry

from habitat import twin
from habitat.sources.areas.reading import area_names, read_area
from habitat.sources.safe_yaml import read_yaml

AREAS = Path(__file__).parents[2] / "configs" / "areas"
REAL = ["land-of-the-leopard", "northeast-china-tiger-leopard", "transboundary", "ussuriisky-corridor"]
EQUAL_AREA = "+proj=laea +lat_0=43.4 +lon_0=131 +datum=WGS84 +units=m"


def square_kilometres(polygon: BaseGeometry) -> float:
    to_map = Transformer.from_crs(4326, EQUAL_AREA, always_xy=True)
    flat = shapely.transform(
        shapely.segmentize(polygon, 0.02), lambda points: np.column_stack(to_map.transform(points[:, 0], points[:, 1]))
    )
    return float(flat.area) / 1e6


def test_these_are_shipped() -> None:
    assert area_names(AREAS) == sorted(["demo", *REAL])


@pytest.mark.parametrize("name", REAL)
def test_real_areas_are_labelled_approximate_and_dated(name: str) -> None:
    area = read_area(name, configs=AREAS)
    for boundary in (area.boundary, *(zone.boundary for zone in area.zones)):
        assert boundary == "approximate, drawn 2026-11-22 from published extents; not an official boundary"
    assert area.grid.crs == "EPSG:32652"
    assert area.grid.resolution_m in (10, 20)
    assert [value % 20 for value in area.grid.bounds] == [0, 0, 0, 0]
    assert area.title


@pytest.mark.parametrize(
    ("name", "published"), [("land-of-the-leopard", 2799), ("northeast-china-tiger-leopard", 14065)]
)
def test_parks_measure_what_is_published(name: str, published: float) -> None:
    assert square_kilometres(read_area(name, configs=AREAS).polygon) == pytest.approx(published, rel=0.1)


def test_ussuriisky_reserve_measures_what_is_published() -> None:
    (reserve,) = read_area("ussuriisky-corridor", configs=AREAS).zones
    assert reserve.name == "ussuriisky-reserve"
    assert square_kilometres(reserve.polygon) == pytest.approx(404, rel=0.1)
    assert box(132.3, 43.5, 132.8, 43.75).covers(reserve.polygon)


@pytest.mark.parametrize(
    ("name", "extent"),
    [
        ("land-of-the-leopard", (130.5, 42.4, 131.95, 43.95)),
        ("northeast-china-tiger-leopard", (129.08, 42.5, 131.31, 44.25)),
        ("transboundary", (128.8, 42.2, 133.0, 44.5)),
    ],
)
def test_outlines_stay_inside_the_published_extents(name: str, extent: tuple[float, ...]) -> None:
    assert box(*extent).covers(read_area(name, configs=AREAS).polygon)


def test_parks_touch_at_the_border_and_do_not_overlap() -> None:
    parks = [read_area(name, configs=AREAS).polygon for name in REAL if name != "transboundary"]
    for one, other in combinations(parks, 2):
        assert one.intersection(other).area < 1e-6
    russia, china = (read_area(name, configs=AREAS).polygon for name in REAL[:2])
    assert russia.intersection(china).length > 1.0
    assert parks[0].distance(parks[2]) == 0


def test_transboundary_zones_are_the_other_areas() -> None:
    whole = read_area("transboundary", configs=AREAS)
    assert [(zone.name, zone.country) for zone in whole.zones] == [
        ("land-of-the-leopard", "RU"),
        ("northeast-china-tiger-leopard", "CN"),
        ("ussuriisky-corridor", "RU"),
    ]
    for zone in whole.zones:
        own = read_area(zone.name, configs=AREAS)
        assert zone.polygon.equals(own.polygon)
        assert zone.title == own.title
        assert whole.polygon.covers(zone.polygon)
        west, south, east, north = own.grid.bounds
        assert box(*whole.grid.bounds).covers(box(west, south, east, north))
        # One lattice: a pixel of a park is a pixel of the whole.
        assert (west - whole.grid.bounds[0]) % 20 == (north - whole.grid.bounds[3]) % 20 == 0


def test_corridor_crosses_the_zone_line_and_joins_park_and_reserve() -> None:
    corridor = read_area("ussuriisky-corridor", configs=AREAS)
    west, _, east, _ = corridor.polygon.bounds
    assert west < 132 < east
    # Published length of the corridor: 62.5 km; here from the park's edge to the reserve's near edge.
    park = read_area("land-of-the-leopard", configs=AREAS).polygon
    to_map = Transformer.from_crs(4326, EQUAL_AREA, always_xy=True)
    flat = [
        shapely.transform(shape, lambda points: np.column_stack(to_map.transform(points[:, 0], points[:, 1])))
        for shape in (park, corridor.zones[0].polygon)
    ]
    assert 45_000 < flat[0].distance(flat[1]) < 65_000


def test_known_places_lie_where_they_should() -> None:
    russia, china = (read_area(name, configs=AREAS).polygon for name in REAL[:2])
    kedrovaya_pad, hunchun_hills, vladivostok = Point(131.40, 43.10), Point(130.9, 43.1), Point(131.9, 43.12)
    assert russia.distance(kedrovaya_pad) < 0.1
    assert china.contains(hunchun_hills)
    assert not russia.contains(vladivostok)


def test_examples_of_the_guide_can_be_read(tmp_path: Path) -> None:
    guide = (AREAS.parents[1] / "docs" / "how-to" / "start-a-new-area.md").read_text(encoding="utf-8")
    blocks = [textwrap.dedent(block) for block in re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)]
    (tmp_path / "hunchun.yaml").write_text("\n".join(blocks), encoding="utf-8")
    area = read_area("hunchun", configs=tmp_path)
    assert [zone.name for zone in area.zones] == ["river-side"]
    assert area.polygon.bounds == (130.3, 42.7, 131.1, 43.2)


def test_demo_is_the_twin_exactly() -> None:
    assert read_yaml(AREAS / "demo.yaml") == twin.area_mapping("demo")
    told, made = read_area("demo", configs=AREAS), twin.area("demo")
    assert told.grid == made.grid
    assert told.polygon.equals_exact(made.polygon, 1e-9)
    assert told == made
