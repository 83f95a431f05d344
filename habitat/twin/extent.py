"""The area of a twin: its grid, its outline and its two made-up countries, also as an area file says them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from shapely import segmentize
from shapely.geometry import Polygon, box

from habitat.contracts.area import Area, Zone
from habitat.contracts.grid import Bounds, Grid
from habitat.twin.land.geography import geography_of
from habitat.twin.land.landscape import Country
from habitat.twin.world import CRS, RESOLUTION_M, SizeName, World, to_degrees, world_of

AREA_RESOLUTION_M = 20.0
"""Pixel size of a twin's area [m]."""
_BOUNDARY = "made up by habitat.twin; nowhere on earth"
_SIDES = (("west-side", "West side", "XA"), ("east-side", "East side", "XB"))
# A border of a few hundred corners is enough for reports and short enough to be read in a file.
_BORDER_TOLERANCE_M = 40.0


def grid_of(world: World) -> Grid:
    """Return the grid of a world's area: 20 m, inside the scenes by a margin."""
    inner = world.area_window
    west, north = world.west + inner.column * RESOLUTION_M, world.north - inner.row * RESOLUTION_M
    side = inner.columns * RESOLUTION_M
    return Grid(CRS, AREA_RESOLUTION_M, (west, north - side, west + side, north))


def area(size: SizeName, seed: int = 1) -> Area:
    """Return the area of a twin, equal to what reading its area file gives.

    Raises
    ------
    ConfigError
        If there is no such size or seed.

    Examples
    --------
    >>> area("tiny").grid.shape
    (44, 44)
    """
    told = area_mapping(size, seed)
    zones = tuple(
        Zone(zone["name"], Polygon(zone["polygon"][0]), zone["title"], zone["country"], zone["boundary"])
        for zone in told["zones"]
    )
    own = grid_of(world_of(size, seed))
    return Area(told["name"], _outline(own.bounds), own, told["title"], told["boundary"], zones)


@lru_cache(maxsize=16)
def _rings(size: SizeName, seed: int) -> tuple[tuple[tuple[float, float], ...], ...]:
    world = world_of(size, seed)
    own = grid_of(world)
    inside = box(*own.bounds)
    tolerance = min(_BORDER_TOLERANCE_M, 2 * RESOLUTION_M * own.shape[0] / 64)
    # Simplified together, or the two sides would leave gaps along the border.
    countries = geography_of(world).countries
    both = [countries[side].intersection(inside) for side in (Country.WEST, Country.EAST)]
    return tuple(_ring(part) for part in shapely.coverage_simplify(both, tolerance, simplify_boundary=False))


def area_mapping(size: SizeName, seed: int = 1) -> dict[str, Any]:
    """Return the twin's area as the content of an area file.

    The demonstration's is ``configs/areas/demo.yaml``. Its two countries have codes that ISO 3166 leaves to users.
    """
    own = grid_of(world_of(size, seed))
    return {
        "name": size if size == "demo" else f"twin-{size}",
        "title": "Made-up landscape",
        "boundary": _BOUNDARY,
        "grid": {"crs": CRS, "resolution_m": own.resolution_m, "bounds": list(own.bounds)},
        "zones": [
            {
                "name": name,
                "title": title,
                "country": country,
                "boundary": _BOUNDARY,
                "polygon": [[list(corner) for corner in ring]],
            }
            for (name, title, country), ring in zip(_SIDES, _rings(size, seed), strict=True)
        ],
    }


def _outline(bounds: Bounds) -> Polygon:
    west, south, east, north = bounds
    return Polygon(_degrees(segmentize(box(*bounds), min(east - west, north - south) / 4)))


def _degrees(polygon: Polygon) -> np.ndarray[Any, np.dtype[np.float64]]:
    corners = np.asarray(polygon.exterior.coords)
    longitude, latitude = to_degrees().transform(corners[:, 0], corners[:, 1])
    return np.column_stack([longitude, latitude])


def _ring(polygon: Polygon) -> tuple[tuple[float, float], ...]:
    west, south, east, north = polygon.bounds
    fine = segmentize(polygon, max(east - west, north - south) / 4)
    return tuple((round(float(x), 6), round(float(y), 6)) for x, y in _degrees(fine))
