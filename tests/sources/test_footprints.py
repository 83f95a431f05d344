"""Footprints: outlines at the antimeridian, and touching judged where the area is."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.affinity import translate
from shapely.geometry import MultiPolygon, box, mapping

from habitat.contracts import Area, Grid
from habitat.contracts.errors import CatalogueError
from habitat.sources.catalogues.footprints import footprint_of, middle_longitude, touches_area

# A tile as MGRS 01WCR: 178.1 to 180.9 degrees.
CUT = {
    "type": "MultiPolygon",
    "coordinates": [
        [[[180.0, 67.5], [178.3, 67.5], [178.1, 68.4], [180.0, 68.5], [180.0, 67.5]]],
        [[[-179.1, 67.5], [-180.0, 67.5], [-180.0, 68.5], [-179.2, 68.5], [-179.1, 67.5]]],
    ],
}
UNCUT = {
    "type": "Polygon",
    "coordinates": [[[-179.1, 67.5], [178.3, 67.5], [178.1, 68.4], [-179.2, 68.5], [-179.1, 67.5]]],
}
PAST = {
    "type": "Polygon",
    "coordinates": [[[180.9, 67.5], [178.3, 67.5], [178.1, 68.4], [180.8, 68.5], [180.9, 67.5]]],
}
CHUKOTKA = Grid.around((250_000, 7_450_000, 450_000, 7_650_000), "EPSG:32601", 20)
HUNCHUN = Grid.around((600_000, 4_700_000, 700_000, 4_800_000), "EPSG:32652", 20)


@pytest.mark.parametrize("geometry", [CUT, UNCUT, PAST], ids=["cut", "uncut", "past"])
def test_all_ways_to_write_the_antimeridian_give_one_outline(geometry):
    outline = footprint_of(geometry)
    west, south, east, north = outline.bounds
    assert (west, south, north) == (178.1, 67.5, 68.5)
    assert east == pytest.approx(180.9)
    assert outline.geom_type == "Polygon"
    assert middle_longitude(outline) == pytest.approx(179.5)


def test_middle_longitude_stays_within_180():
    assert middle_longitude(box(179, 60, 183, 61)) == pytest.approx(-179)
    assert middle_longitude(box(130, 42, 132, 43)) == pytest.approx(131)


def test_holes_heights_and_crossed_rings():
    square = [[0, 0, 5.0], [2, 0, 5.0], [2, 2, 5.0], [0, 2, 5.0], [0, 0, 5.0]]
    hole = [[0.5, 0.5], [1.5, 0.5], [1.5, 1.5], [0.5, 1.5], [0.5, 0.5]]
    assert footprint_of({"type": "Polygon", "coordinates": [square, hole]}).area == pytest.approx(3)
    bow_tie = [[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]
    crossed = footprint_of({"type": "Polygon", "coordinates": [bow_tie]})
    assert crossed.is_valid
    # Two triangles of base 2 and height 1.
    assert crossed.area == pytest.approx(2)


@pytest.mark.parametrize(
    ("bbox", "bounds"),
    [
        ([130, 42, 132, 43], (130, 42, 132, 43)),
        ([130, 42, 0, 132, 43, 900], (130, 42, 132, 43)),
        ([179, 67, -179, 68], (179, 67, 181, 68)),
    ],
)
def test_box_in_place_of_an_outline(bbox, bounds):
    assert footprint_of(None, bbox).bounds == bounds


@pytest.mark.parametrize(
    ("geometry", "bbox"),
    [
        (None, None),
        (None, [-180, 60, 180, 61]),
        (None, [1, 2, 3]),
        ({"type": "Polygon"}, None),
        ({"type": "LineString", "coordinates": [[0, 0], [1, 1]]}, None),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}, None),
        ({"type": "Polygon", "coordinates": [[[0, 91], [1, 91], [1, 92], [0, 91]]]}, None),
        ({"type": "Polygon", "coordinates": [[[0, float("nan")], [1, 1], [1, 2], [0, 0]]]}, None),
        ({"type": "Polygon", "coordinates": [[["a", "b"], [1, 1], [1, 2], [0, 0]]]}, None),
        ({"type": "Polygon", "coordinates": [[[600000, 4800000], [1, 1], [1, 2], [0, 0]]]}, None),
    ],
)
def test_unusable_outlines_are_refused(geometry, bbox):
    with pytest.raises(CatalogueError, match="outline"):
        footprint_of(geometry, bbox)


def area(polygon, grid):
    return Area("here", polygon, grid)


WEST_OF_IT = box(179.0, 67.6, 179.5, 68.0)
EAST_OF_IT = box(-179.6, 67.6, -179.3, 68.0)


@pytest.mark.parametrize("geometry", [CUT, UNCUT, PAST], ids=["cut", "uncut", "past"])
@pytest.mark.parametrize(
    ("polygon", "touches"),
    [
        (WEST_OF_IT, True),
        (EAST_OF_IT, True),
        (translate(EAST_OF_IT, 360), True),
        (box(179.8, 67.6, 180.3, 68.0), True),
        (MultiPolygon([box(179.8, 67.6, 180, 68.0), box(-180, 67.6, -179.7, 68.0)]), True),
        (box(-178.5, 67.6, -178.0, 68.0), False),
        (box(181.5, 67.6, 182.0, 68.0), False),
        (box(177.0, 67.6, 177.5, 68.0), False),
        (box(179.0, 69.5, 179.5, 69.8), False),
    ],
)
def test_touching_across_the_antimeridian(geometry, polygon, touches):
    assert touches_area([footprint_of(geometry)], area(polygon, CHUKOTKA)).tolist() == [touches]


def test_touching_at_home():
    polygon = box(130.5, 42.7, 131.0, 43.0)
    outlines = [
        box(130, 42, 131, 43),
        box(130.9, 42.9, 132, 44),
        box(131.2, 42.0, 132, 43.5),
        box(130, 43.05, 131, 44),
        # The far side of the globe, where the projection of zone 52 makes no sense.
        box(-49.5, -43, -48.5, -42),
        box(-50, 42, -48, 43),
        box(-180, -80, -100, 80),
    ]
    touching = touches_area(outlines, area(polygon, HUNCHUN))
    assert touching.tolist() == [True, True, False, False, False, False, False]


def test_touching_is_judged_by_the_polygon_and_not_by_its_box():
    # An L: the north-east quarter of its box is empty.
    ell = box(130, 42, 131, 42.4).union(box(130, 42, 130.4, 43))
    assert touches_area(
        [box(130.6, 42.6, 130.9, 42.9), box(130.1, 42.6, 130.2, 42.9)], area(ell, HUNCHUN)
    ).tolist() == [False, True]


def test_the_edge_of_a_wide_area_follows_the_parallel():
    # In the map the straight line between two corners at 43 N bulges away from the parallel by
    # L^2 * tan(lat) / (8 R) = 407 km^2 * 0.93 / (8 * 6371 km) = 3 km, or 0.027 degrees in the middle.
    wide = box(128.5, 42, 133.5, 43)
    just_inside, just_outside = box(130.9, 42.985, 131.1, 42.99), box(130.9, 43.01, 131.1, 43.02)
    assert touches_area([just_inside, just_outside], area(wide, HUNCHUN)).tolist() == [True, False]


def test_no_outlines():
    assert touches_area([], area(box(130, 42, 131, 43), HUNCHUN)).tolist() == []


def test_many_outlines_keep_their_order():
    outlines = [box(130 + step / 10, 42, 130.05 + step / 10, 43) for step in range(20)]
    touching = touches_area(outlines, area(box(130.52, 42.2, 130.93, 42.8), HUNCHUN))
    assert np.flatnonzero(touching).tolist() == [5, 6, 7, 8, 9]


def test_an_outline_survives_geojson():
    outline = footprint_of(PAST)
    assert footprint_of(mapping(outline)).equals(outline)
