"""Zones: the outlines numbers are told for - an area's own, those of a user's file, and what they make together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import shapely
from pyproj import Geod
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from habitat.contracts.area import Area
from habitat.contracts.errors import InputError
from habitat.contracts.grid import Grid
from habitat.sources.areas.boundary_files import WGS84, projected
from habitat.sources.vectors import read_vectors

Kind = Literal["area", "zone", "file", "country", "joint"]
_POLYGONS: tuple[Literal["polygon"]] = ("polygon",)
_METRES_PER_DEGREE = 111_000.0
_STEP_PIXELS = 50
"""Longest straight piece of an outline on the map, in pixels: it is straight in degrees and bent in metres."""


@dataclass(frozen=True)
class ZoneOutline:
    """A part of the land that numbers are told for."""

    name: str
    """Name, unique within its kind and set."""
    kind: Kind
    """The whole area, a zone of it, a feature of a file, the zones of one country together, or all zones together."""
    outline: BaseGeometry
    """In longitude and latitude."""
    title: str = ""
    """Name for people."""
    country: str = ""
    """ISO 3166 code."""
    boundary: str = ""
    """Where the outline comes from and of which date."""
    origin: str = "area"
    """``area``, or the name of the file."""
    parts: tuple[BaseGeometry, ...] = ()
    """Outlines it was made of, if of several."""

    @property
    def key(self) -> str:
        """What tells it from all others.

        Examples
        --------
        >>> ZoneOutline("ru", "country", shapely.box(0, 0, 1, 1)).key
        'area:country:ru'
        """
        return f"{self.origin}:{self.kind}:{self.name}"


def area_zones(area: Area) -> tuple[ZoneOutline, ...]:
    """Return an area's zones, one of each country that has some, all of them together, and the area itself.

    Zones that overlap, such as two dated versions of one boundary, count once in what they make together.

    Parameters
    ----------
    area : Area
        With or without zones.
    """
    own = [
        ZoneOutline(zone.name, "zone", zone.polygon, zone.title, zone.country, zone.boundary or area.boundary)
        for zone in area.zones
    ]
    whole = ZoneOutline(area.name, "area", area.polygon, area.title, "", area.boundary)
    return (*own, *_together(own), whole)


def file_zones(
    path: Path,
    grid: Grid,
    *,
    name_field: str = "name",
    country_field: str | None = None,
    boundary_field: str | None = None,
) -> tuple[tuple[ZoneOutline, ...], tuple[str, ...]]:
    """Read zones of a user's file, and what they make together.

    Features of one name are one zone.

    Parameters
    ----------
    path : Path
        Any file `read_vectors` reads, with polygons.
    grid : Grid
        Features that do not touch it are left out.
    name_field : str
        Column with the names.
    country_field, boundary_field : str, optional
        Columns with the country, and with origin and date of the boundary.

    Returns
    -------
    tuple of ZoneOutline, tuple of str
        The zones in the order of the file, and what was left out or mended.

    Raises
    ------
    InputError
        If the file cannot be read, a column is not there, or nothing lies in the area.
    """
    frame = projected(shapely.segmentize(shapely.box(*grid.bounds), _STEP_PIXELS * grid.resolution_m), grid.crs, WGS84)
    found = read_vectors(path, WGS84, kinds=_POLYGONS, field=name_field, bounds=frame.bounds)
    table = found.table
    for column in (country_field, boundary_field):
        if column is not None and column not in table.columns:
            raise InputError(f"{path} has no field {column!r}; its fields are {', '.join(map(str, table.columns))}")
    if table.empty:
        raise InputError(f"no zone of {path} lies in the area; is its coordinate system the right one?")
    zones = []
    for name, part in table.groupby(table[name_field].astype(str), sort=False):
        country, boundary = (_values(part[column]) if column else "" for column in (country_field, boundary_field))
        joined = polygons(shapely.union_all(part.geometry.to_numpy()))
        zones.append(ZoneOutline(str(name), "file", joined, "", country, boundary, path.name))
    return (*zones, *_together(zones)), found.notes


def _values(column: Iterable[object]) -> str:
    """Return the different texts of a column."""
    return "; ".join(sorted({str(value) for value in column if value is not None and value == value and value != ""}))


def _together(zones: Sequence[ZoneOutline]) -> list[ZoneOutline]:
    """Return the zones of each country together, and all of them."""
    joined = [
        replace(_union([zone for zone in zones if zone.country == country]), name=country, kind="country")
        for country in sorted({zone.country for zone in zones} - {""})
    ]
    return [*joined, replace(_union(zones), name="all-zones", kind="joint")] if zones else joined


def _union(zones: Sequence[ZoneOutline]) -> ZoneOutline:
    return replace(
        zones[0],
        outline=polygons(shapely.union_all([zone.outline for zone in zones])),
        title=" + ".join(zone.title or zone.name for zone in zones),
        country=_values(zone.country for zone in zones),
        boundary=_values(zone.boundary for zone in zones),
        parts=tuple(zone.outline for zone in zones),
    )


def on_grid(zone: ZoneOutline, grid: Grid) -> BaseGeometry:
    """Return an outline in a grid's coordinate system, prepared, with points along it where degrees bend.

    The points of an edge that two zones share are the same, whichever zone they are taken from.

    Raises
    ------
    InputError
        If the coordinate system does not reach the outline.
    """
    longest = _STEP_PIXELS * grid.resolution_m / _METRES_PER_DEGREE
    parts = zone.parts or (zone.outline,)
    finite = all(math.isfinite(value) for part in parts for value in part.bounds)
    placed = [projected(_densified(part, longest), WGS84, grid.crs) for part in parts] if finite else []
    if not finite or not all(math.isfinite(value) for part in placed for value in part.bounds):
        raise InputError(f"zone {zone.name!r} reaches where {grid.crs} has no place; correct its outline")
    sound = [part if part.is_valid else polygons(shapely.make_valid(part)) for part in placed]
    # Joined on the map, where the parts are as they are when taken alone.
    whole = sound[0] if len(sound) == 1 else polygons(shapely.union_all(sound))
    shapely.prepare(whole)
    return whole


def _densified(outline: BaseGeometry, longest: float) -> BaseGeometry:
    """Return an outline with points along its edges; an edge walked the other way gets the very same ones."""

    def along(ring: Any) -> Any:
        points = shapely.get_coordinates(ring)
        pieces = []
        for start, end in pairwise(points):
            count = max(1, math.ceil(float(np.hypot(*(end - start))) / longest))
            low, high = sorted((tuple(start), tuple(end)))
            steps = np.linspace(low, high, count + 1)
            pieces.append((steps if tuple(start) == low else steps[::-1])[:-1])
        return np.concatenate([*pieces, points[-1:]])

    parts = [
        shapely.Polygon(along(part.exterior), [along(ring) for ring in part.interiors])
        for part in shapely.get_parts(outline)
    ]
    return shapely.multipolygons(parts) if len(parts) != 1 else parts[0]


def beyond_m2(outline: BaseGeometry, grid: Grid) -> float:
    """Return the true area of what of an outline lies beyond a grid [m²].

    Parameters
    ----------
    outline : polygon or multipolygon
        In the grid's coordinate system.
    grid : Grid
        In metres.
    """
    rest = polygons(shapely.difference(outline, shapely.box(*grid.bounds)))
    if rest.is_empty:
        return 0.0
    # A straight line on the map is bent on the ground: over ten pixels, by less than a millimetre.
    dense = shapely.segmentize(rest, 10 * grid.resolution_m)
    turned = [orient(part) for part in shapely.get_parts(projected(dense, grid.crs, WGS84))]
    area, _ = Geod(ellps="WGS84").geometry_area_perimeter(shapely.multipolygons(turned))
    return float(area)


def polygons(geometry: BaseGeometry) -> BaseGeometry:
    """Return the parts of a geometry that have an area, as a multipolygon.

    Examples
    --------
    >>> shape = shapely.union_all([shapely.box(0, 0, 1, 1), shapely.LineString([(2, 0), (3, 0)])])
    >>> polygons(shape).area
    1.0
    """
    parts = shapely.get_parts(shapely.get_parts(geometry))
    return MultiPolygon([part for part in parts if part.geom_type == "Polygon" and part.area > 0])
