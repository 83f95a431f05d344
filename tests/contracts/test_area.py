"""Areas: a name that can stand in file names, an outline that is not empty, one grid."""

from __future__ import annotations

import dataclasses

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.area import Area, Zone
from habitat.contracts.errors import ConfigError
from habitat.contracts.grid import Grid

GRID = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 600100.0, 4800060.0))
OUTLINE = shapely.box(130.0, 43.0, 130.1, 43.1)


def test_an_area_holds_what_it_was_given():
    zone = Zone("river-side", OUTLINE, "River side", "CN", "drawn by hand")
    area = Area("hunchun-2", OUTLINE, GRID, "Hunchun", "approximate", (zone,))
    assert (area.name, area.title, area.boundary, area.grid, area.zones) == (
        "hunchun-2",
        "Hunchun",
        "approximate",
        GRID,
        (zone,),
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        area.name = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        zone.country = "RU"


def test_what_is_not_said_is_empty():
    area = Area("a", OUTLINE, GRID)
    assert (area.title, area.boundary, area.zones) == ("", "", ())
    assert (Zone("z", OUTLINE).country, Zone("z", OUTLINE).title, Zone("z", OUTLINE).boundary) == ("", "", "")


@pytest.mark.parametrize(
    "name",
    ["", "Hunchun", "hun chun", "hun_chun", "../hunchun", "2025", "-a", "a/b", "a.b", "хунчунь", "a" * 64, "a\n", "aé"],
)
def test_names_that_cannot_stand_in_file_names_are_refused(name):
    with pytest.raises(ConfigError, match="use lower-case letters, digits and hyphens"):
        Area(name, OUTLINE, GRID)


@pytest.mark.parametrize("name", ["a", "hunchun", "a" * 63, "land-of-the-leopard", "zone-52"])
def test_plain_names_are_taken(name):
    assert Area(name, OUTLINE, GRID).name == name


@given(st.text(max_size=12))
def test_a_name_that_is_taken_is_harmless_in_a_path(name):
    try:
        area = Area(name, OUTLINE, GRID)
    except ConfigError:
        return
    assert set(area.name) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")


@pytest.mark.parametrize("outline", [shapely.Polygon(), shapely.MultiPolygon(), shapely.GeometryCollection()])
def test_empty_outlines_are_refused(outline):
    with pytest.raises(ConfigError, match="area 'hunchun' has an empty polygon"):
        Area("hunchun", outline, GRID)
