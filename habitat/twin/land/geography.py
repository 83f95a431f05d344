"""The map of a twin: countries, parks, border, fence with gates, roads, settlements, rivers and coast as geometries."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
from shapely import clip_by_rect
from shapely.geometry import LineString, MultiLineString, Point, Polygon, box

from habitat.twin.land.classes import Country
from habitat.twin.land.terrain import layout
from habitat.twin.land.terrain.lines import Points
from habitat.twin.land.terrain.people import ROAD_WIDTH_M, RoadClass, people_of
from habitat.twin.land.terrain.relief import valley_half_width_m
from habitat.twin.land.terrain.site import great_river_half_width_m
from habitat.twin.land.terrain.streams import streams_of
from habitat.twin.noise import line
from habitat.twin.world import CRS, World

Rows = list[dict[str, Any]]
"""Rows of a table, each with its geometry."""
LAYERS = ("countries", "parks", "border", "fence", "gates", "roads", "settlements", "rivers", "coast")
"""Names of the tables of a map, in the order they are published."""
COUNTRY_CODES: dict[Country, str] = {Country.WEST: "XA", Country.EAST: "XB"}
"""Codes that ISO 3166 leaves to users."""
_FENCE_M = (130.0, 0.06)
"""Distance of the fence from the border, natural and at most [m, widths of the world]."""
_GATES_M = ((800.0, 0.16), (2500.0, 0.36))
"""Least and largest distance between gates, natural and at most."""
_GATE_WIDTHS_M = (10.0, 60.0)
"""Narrowest and widest gate [m]."""
_PARK_DEPTH_M = (32_000.0, 0.26)
"""How far the eastern park reaches from the border, natural and at most."""


@dataclass(frozen=True, eq=False)
class Gate:
    """A gap in the fence for wildlife."""

    name: str
    """Name."""
    point: Point
    """Its middle, on the fence."""
    width_m: float
    """Width of the gap [m]."""


@dataclass(frozen=True, eq=False)
class Park:
    """A protected area."""

    name: str
    """Lower-case name with hyphens."""
    title: str
    """Name for people."""
    country: Country
    """Country it lies in."""
    polygon: Polygon
    """Outline."""


@dataclass(frozen=True, eq=False)
class MappedRoad:
    """A road inside the world."""

    kind: RoadClass
    """Class."""
    line: LineString
    """Course."""


@dataclass(frozen=True, eq=False)
class River:
    """A river or stream inside the world."""

    kind: str
    """``river`` for the great river, ``stream`` for others."""
    line: LineString
    """Course, downstream."""
    width_m: float
    """Width of its water where it ends [m]."""


@dataclass(frozen=True, eq=False)
class Geography:
    """The map of a world; all geometries in its coordinate system."""

    countries: dict[Country, Polygon]
    """The two sides; together they fill the world."""
    parks: tuple[Park, ...]
    """Two parks that touch at the border."""
    border: LineString
    """The border, from north to south."""
    fence: LineString
    """The fence west of the border, from north to south."""
    gates: tuple[Gate, ...]
    """Gates in the fence, from north to south."""
    roads: tuple[MappedRoad, ...]
    """Roads."""
    settlements: tuple[Polygon, ...]
    """Outlines of settlements."""
    rivers: tuple[River, ...]
    """Rivers and streams."""
    coast: LineString
    """The coast, from south-west to north-east."""


def geography_of(world: World) -> Geography:
    """Return the map of a world.

    Examples
    --------
    >>> from habitat.twin.world import world_of
    >>> geography = geography_of(world_of("tiny", 1))
    >>> sorted(country.name for country in geography.countries), len(geography.gates) >= 2
    (['EAST', 'WEST'], True)
    """
    border = _down(world, layout.border_easting(world, _northings(world)))
    fence = _down(world, _fence_easting(world))
    frame = _frame(world)
    settlements = [Polygon(patch.outline()) for patch in people_of(world).settlements]
    return Geography(
        countries=_countries(world, border),
        parks=_parks(world, border),
        border=LineString(border),
        fence=LineString(fence),
        gates=_gates(world, LineString(fence)),
        roads=tuple(
            MappedRoad(road.kind, part) for road in people_of(world).roads for part in _parts_inside(world, road.points)
        ),
        settlements=tuple(outline.intersection(frame) for outline in settlements if outline.intersects(frame)),
        rivers=_rivers(world),
        coast=LineString(layout.coast(world, world.scaled(20.0, 0.004))),
    )


def layers(geography: Geography) -> dict[str, gpd.GeoDataFrame]:
    """Return the map as tables of geometries, one for each kind, ready to be published.

    Examples
    --------
    >>> from habitat.twin.world import world_of
    >>> tables = layers(geography_of(world_of("tiny", 1)))
    >>> tables["countries"]["country"].tolist(), tables["gates"].crs.to_epsg()
    (['XA', 'XB'], 32652)
    """
    tables = {**_area_rows(geography), **_line_rows(geography)}
    tables["gates"] = [{"name": gate.name, "width_m": gate.width_m, "geometry": gate.point} for gate in geography.gates]
    return {name: gpd.GeoDataFrame(tables[name], geometry="geometry", crs=CRS) for name in LAYERS}


def _area_rows(geography: Geography) -> dict[str, Rows]:
    return {
        "countries": [
            {"country": COUNTRY_CODES[side], "area_km2": round(polygon.area / 1e6, 4), "geometry": polygon}
            for side, polygon in sorted(geography.countries.items())
        ],
        "parks": [
            {
                "name": park.name,
                "title": park.title,
                "country": COUNTRY_CODES[park.country],
                "area_km2": round(park.polygon.area / 1e6, 4),
                "geometry": park.polygon,
            }
            for park in geography.parks
        ],
        "settlements": [
            {"settlement_id": number, "area_ha": round(outline.area / 1e4, 3), "geometry": outline}
            for number, outline in enumerate(geography.settlements, 1)
        ],
    }


def _line_rows(geography: Geography) -> dict[str, Rows]:
    border, fence, coast = geography.border, geography.fence, geography.coast
    west = COUNTRY_CODES[Country.WEST]
    return {
        "border": [{"name": "border", "length_km": _kilometres(border), "geometry": border}],
        "fence": [{"name": "fence", "country": west, "length_km": _kilometres(fence), "geometry": fence}],
        "roads": [
            {
                "road_id": number,
                "road_class": road.kind,
                "width_m": ROAD_WIDTH_M[road.kind],
                "length_km": _kilometres(road.line),
                "geometry": road.line,
            }
            for number, road in enumerate(geography.roads, 1)
        ],
        "rivers": [
            {
                "river_id": number,
                "river_class": river.kind,
                "width_m": round(river.width_m, 1),
                "length_km": _kilometres(river.line),
                "geometry": river.line,
            }
            for number, river in enumerate(geography.rivers, 1)
        ],
        "coast": [{"name": "coast", "length_km": _kilometres(coast), "geometry": coast}],
    }


def _kilometres(course: LineString) -> float:
    return round(float(course.length) / 1000.0, 4)


def _frame(world: World) -> Polygon:
    return box(world.west, world.north - world.width_m, world.west + world.width_m, world.north)


def _northings(world: World) -> Points:
    """Return northings (n,) from the world's northern to its southern edge [m]."""
    count = math.ceil(world.width_m / world.scaled(20.0, 0.004)) + 1
    return np.linspace(world.north, world.north - world.width_m, count)


def _down(world: World, eastings: Points) -> Points:
    return np.column_stack([eastings, _northings(world)])


def _fence_easting(world: World) -> Points:
    """Return where the fence is [m]: west of the border, and farther west where that runs askew."""
    northings, apart = _northings(world), world.scaled(*_FENCE_M)
    ahead, behind = (layout.border_easting(world, northings + sign * apart) for sign in (1.0, -1.0))
    askew = np.hypot(1.0, (ahead - behind) / (2 * apart))
    away = apart * np.minimum(askew, 2.0) * (1.0 + 0.25 * _swing(world, "fence", northings))
    return layout.border_easting(world, northings) - away


def _countries(world: World, border: Points) -> dict[Country, Polygon]:
    west, east = world.west, world.west + world.width_m
    north, south = world.north, world.north - world.width_m
    return {
        Country.WEST: Polygon([*border, (west, south), (west, north)]),
        Country.EAST: Polygon([*border[::-1], (east, north), (east, south)]),
    }


def _parks(world: World, border: Points) -> tuple[Park, ...]:
    """Return the parks: from the great valley's edge to the border, and from there to the coastal plain."""
    count = border.shape[0]
    rows = slice(round(0.05 * count), round(0.95 * count))
    border = border[rows]
    northings = border[:, 1]
    west = layout.valley_easting(world, northings) + 1.5 * valley_half_width_m(world)
    west += world.scaled(500.0, 0.025) * _swing(world, "west park", northings)
    west = np.minimum(west, border[:, 0] - world.scaled(800.0, 0.05))
    east = border[:, 0] + world.scaled(*_PARK_DEPTH_M) * (1 + 0.12 * _swing(world, "east park", northings))
    east = np.maximum(np.minimum(east, _coastal_plain(world, northings)), border[:, 0] + world.scaled(800.0, 0.03))
    return tuple(
        Park(name, title, country, Polygon(np.vstack([border, np.column_stack([edge, northings])[::-1]])))
        for name, title, country, edge in (
            ("west-park", "Long Valley National Park", Country.WEST, west),
            ("east-park", "Land of the Ridge National Park", Country.EAST, east),
        )
    )


def _swing(world: World, name: str, northings: Points) -> Points:
    swing: Points = np.tanh(line(world.key(name), northings, world.scaled(25_000.0, 0.3), octaves=3).astype(np.float64))
    return swing


def _coastal_plain(world: World, northings: Points) -> Points:
    """Return the easting at which the coastal plain begins, at each northing [m]; far east where there is none."""
    eastings = world.west + world.width_m * np.linspace(0.4, 1.0, 400)
    dry = layout.above_coast(world, eastings[None, :], northings[:, None]) > world.scaled(3000.0, 0.07)
    last = np.where(dry.all(axis=1), dry.shape[1], np.argmin(dry, axis=1)) - 1
    edge: Points = eastings[np.maximum(last, 0)]
    return edge


def _gates(world: World, fence: LineString) -> tuple[Gate, ...]:
    rng = world.rng("gates")
    least, most = (world.scaled(*distance) for distance in _GATES_M)
    at = float(rng.uniform(0.4, 0.9)) * least
    gates: list[Gate] = []
    while at < fence.length:
        width = round(float(rng.uniform(*_GATE_WIDTHS_M)))
        gates.append(Gate(f"gate-{len(gates) + 1:02d}", fence.interpolate(at), float(width)))
        at += float(rng.uniform(least, most))
    return tuple(gates)


def _parts_inside(world: World, points: Points) -> list[LineString]:
    """Return the parts of a line that lie inside the world."""
    # An intersection would also cut a line wherever it crosses itself.
    inside = clip_by_rect(LineString(points), *_frame(world).bounds)
    parts = list(inside.geoms) if isinstance(inside, MultiLineString) else [inside]
    return [part for part in parts if isinstance(part, LineString) and not part.is_empty]


def _rivers(world: World) -> tuple[River, ...]:
    course = _down(world, layout.river_easting(world, _northings(world)))
    rivers = [River("river", LineString(course), 2 * great_river_half_width_m(world))]
    for stream in streams_of(world):
        width = 2 * float(stream.half_width[-1])
        rivers += [River("stream", part, width) for part in _parts_inside(world, stream.points)]
    return tuple(rivers)
