"""Footprints: outlines of scenes that are right at the antimeridian, and whether they touch an area."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from habitat.contracts.area import Area
from habitat.contracts.errors import CatalogueError

_HALF_TURN = 180.0
_LONGEST_EDGE_DEG = 0.05
_NEARBY_DEG = 1.0


def footprint_of(geometry: Any, bbox: Any = None) -> BaseGeometry:
    """Outline from an item's geometry, with longitudes running past ±180 where it crosses the antimeridian.

    Parameters
    ----------
    geometry : mapping
        GeoJSON Polygon or MultiPolygon, cut at the antimeridian or not.
    bbox : sequence of float, optional
        Taken if there is no geometry.

    Raises
    ------
    CatalogueError
        If neither is usable.

    Examples
    --------
    >>> ring = [[179, 67], [-179, 67], [-179, 68], [179, 68], [179, 67]]
    >>> footprint_of({"type": "Polygon", "coordinates": [ring]}).bounds
    (179.0, 67.0, 181.0, 68.0)
    """
    try:
        if isinstance(geometry, Mapping):
            kind, coordinates = geometry["type"], geometry["coordinates"]
            polygons = [coordinates] if kind == "Polygon" else coordinates if kind == "MultiPolygon" else []
        else:
            west, south, east, north = (bbox[:2] + bbox[3:5]) if len(bbox) == 6 else bbox
            east += 2 * _HALF_TURN if east < west else 0.0
            polygons = [[[[west, south], [east, south], [east, north], [west, north], [west, south]]]]
        rings = [[np.array(ring, dtype=float)[:, :2] for ring in polygon] for polygon in polygons]
        return _assembled(rings)
    except (KeyError, TypeError, ValueError, IndexError, shapely.GEOSException) as error:
        raise CatalogueError("the item has no usable outline, wants a GeoJSON Polygon or MultiPolygon") from error


def _assembled(rings: list[list[NDArray[np.floating]]]) -> BaseGeometry:
    vertices = np.concatenate([polygon[0] for polygon in rings])
    longitude, latitude = vertices[:, 0], vertices[:, 1]
    if not (np.abs(latitude) <= 90).all() or not (np.abs(longitude) <= 2 * _HALF_TURN).all():
        raise ValueError("not longitudes and latitudes")
    if longitude.max() - longitude.min() > _HALF_TURN:
        # No scene is half the globe wide, so it is two halves of one that crosses the antimeridian.
        for polygon in rings:
            for ring in polygon:
                ring[:, 0][ring[:, 0] < 0] += 2 * _HALF_TURN
    parts = [shapely.polygons(polygon[0], holes=polygon[1:] or None) for polygon in rings]
    outline = parts[0] if len(parts) == 1 else shapely.union_all(shapely.make_valid(parts))
    if not shapely.is_valid(outline):
        outline = shapely.make_valid(outline)
    if not outline.area > 0 or outline.bounds[2] - outline.bounds[0] > _HALF_TURN:
        raise ValueError("empty, or wider than half the globe")
    return outline


def middle_longitude(footprint: BaseGeometry) -> float:
    """Middle of an outline's longitudes, within ±180."""
    west, _, east, _ = shapely.bounds(footprint)
    return (float(west + east) / 2 + _HALF_TURN) % (2 * _HALF_TURN) - _HALF_TURN


def touches_area(footprints: Sequence[BaseGeometry], area: Area) -> NDArray[np.bool_]:
    """Whether each outline touches the area's polygon, judged in the area's own coordinate system.

    There the antimeridian does not exist: 181° E and 179° W are one place.

    Parameters
    ----------
    footprints : sequence of geometry
        Longitude and latitude, from `footprint_of`.
    area : Area
        Its polygon may run past ±180, or be cut there.

    Returns
    -------
    array of bool
        One for each outline.
    """
    touching = np.zeros(len(footprints), dtype=bool)
    home = area_outline(area)
    bounds = shapely.bounds(np.array(footprints, dtype=object)).reshape(-1, 4)
    west, south, east, north = home.bounds
    apart = (bounds[:, 0] + bounds[:, 2]) / 2 - (west + east) / 2
    apart = np.abs((apart + _HALF_TURN) % (2 * _HALF_TURN) - _HALF_TURN)
    reach = (bounds[:, 2] - bounds[:, 0] + east - west) / 2 + _NEARBY_DEG
    # A map projection is only to be trusted near its own zone, so the far side of the globe is ruled out first.
    near = (apart <= reach) & (bounds[:, 1] <= north + _NEARBY_DEG) & (bounds[:, 3] >= south - _NEARBY_DEG)
    if near.any():
        to_map = Transformer.from_crs("EPSG:4326", area.grid.crs, always_xy=True)
        home_on_map = area_on_grid(area)
        candidates = shapely.make_valid(_projected(np.array(footprints, dtype=object)[near], to_map))
        shapely.prepare(home_on_map)
        touching[near] = shapely.intersects(home_on_map, candidates)
    return touching


def area_outline(area: Area) -> BaseGeometry:
    """Area's polygon in one piece across the antimeridian, with edges short enough to be projected."""
    polygons = shapely.get_parts(area.polygon)
    rings = [
        [shapely.get_coordinates(ring) for ring in (polygon.exterior, *polygon.interiors)]
        for polygon in polygons
        if polygon.geom_type == "Polygon"
    ]
    return shapely.segmentize(_assembled(rings), _LONGEST_EDGE_DEG)


def share_of_area(footprints: Sequence[BaseGeometry], area: Area) -> NDArray[np.floating]:
    """Share of the area's polygon [1] that each outline covers."""
    to_map = Transformer.from_crs("EPSG:4326", area.grid.crs, always_xy=True)
    home = area_on_grid(area)
    outlines = shapely.make_valid(_projected(np.array(footprints, dtype=object), to_map))
    shares: NDArray[np.floating] = shapely.area(shapely.intersection(home, outlines)) / shapely.area(home)
    return shares


def area_on_grid(area: Area) -> BaseGeometry:
    """Area's polygon in the coordinates of its grid [m]."""
    to_map = Transformer.from_crs("EPSG:4326", area.grid.crs, always_xy=True)
    return shapely.make_valid(_projected(np.array([area_outline(area)], dtype=object), to_map))[0]


def _projected(geometries: NDArray[np.object_], to_map: Transformer) -> NDArray[np.object_]:
    projected: NDArray[np.object_] = shapely.transform(
        geometries, lambda xy: np.column_stack(to_map.transform(xy[:, 0], xy[:, 1]))
    )
    return projected
