"""The area of a twin: its grid, its outline and its two made-up countries, also as an area file says them."""

from __future__ import annotations

from typing import Any

import numpy as np
from pyproj import Transformer
from shapely import segmentize
from shapely.geometry import Polygon, box

from habitat.contracts.area import Area, Zone
from habitat.contracts.grid import Bounds, Grid
from habitat.twin.plan import CRS, NORTH, WEST, SizeName, size_of

AREA_RESOLUTION_M = 20.0
"""Pixel size of a twin's area [m]."""
_BOUNDARY = "made up by habitat.twin; nowhere on earth"


def grid(size: SizeName) -> Grid:
    """Return the grid of a twin's area: 20 m, inside the scenes by a margin.

    Examples
    --------
    >>> grid("tiny").shape
    (64, 64)
    """
    extent = size_of(size)
    west = WEST + extent.margin_pixels * AREA_RESOLUTION_M
    north = NORTH - extent.margin_pixels * AREA_RESOLUTION_M
    side = extent.area_pixels * AREA_RESOLUTION_M
    return Grid(CRS, AREA_RESOLUTION_M, (west, north - side, west + side, north))


def area(size: SizeName) -> Area:
    """Return the area of a twin, equal to what reading its area file gives.

    Raises
    ------
    ConfigError
        If there is no such size.
    """
    told = area_mapping(size)
    zones = tuple(
        Zone(zone["name"], Polygon(zone["polygon"][0]), zone["title"], zone["country"], zone["boundary"])
        for zone in told["zones"]
    )
    own = grid(size)
    return Area(told["name"], _outline(own.bounds), own, told["title"], told["boundary"], zones)


def area_mapping(size: SizeName) -> dict[str, Any]:
    """Return the twin's area as the content of an area file.

    The demonstration's is ``configs/areas/demo.yaml``. Its two countries have codes that ISO 3166 leaves to users.
    """
    own = grid(size)
    west, south, east, north = own.bounds
    middle = (west + east) / 2
    sides = (
        ("west-side", "West side", "XA", (west, south, middle, north)),
        ("east-side", "East side", "XB", (middle, south, east, north)),
    )
    return {
        "name": size if size == "demo" else f"twin-{size}",
        "title": "Made-up landscape",
        "boundary": _BOUNDARY,
        "grid": {"crs": CRS, "resolution_m": own.resolution_m, "bounds": list(own.bounds)},
        "zones": [
            {"name": name, "title": title, "country": country, "boundary": _BOUNDARY, "polygon": [_ring(bounds)]}
            for name, title, country, bounds in sides
        ],
    }


def zone_columns(size: SizeName) -> dict[str, slice]:
    """Return the columns of the area's grid that belong to each zone."""
    half = size_of(size).area_pixels // 2
    return {"west-side": slice(0, half), "east-side": slice(half, 2 * half)}


def _outline(bounds: Bounds) -> Polygon:
    west, south, east, north = bounds
    corners = np.asarray(segmentize(box(*bounds), min(east - west, north - south) / 4).exterior.coords)
    longitude, latitude = Transformer.from_crs(CRS, 4326, always_xy=True).transform(corners[:, 0], corners[:, 1])
    return Polygon(np.column_stack([longitude, latitude]))


def _ring(bounds: Bounds) -> list[list[float]]:
    return [[round(float(x), 6), round(float(y), 6)] for x, y in _outline(bounds).exterior.coords]
