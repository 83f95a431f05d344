"""Fields of items that several providers fill alike: places, times, shares of classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from shapely.geometry import Polygon
from shapely.geometry.polygon import orient

from habitat.twin.sensors.shots import AssetFile, Delivered

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
"""Media type of cloud-optimised files."""
HrefOf = Callable[[str], str]
"""Path relative to the twin's root to the href an item gives it."""

_CLASSES: Mapping[str, int] = MappingProxyType(
    {
        "dark_features": 2, "cloud_shadow": 3, "vegetation": 4, "not_vegetated": 5, "water": 6, "unclassified": 7,
        "medium_proba_clouds": 8, "high_proba_clouds": 9, "thin_cirrus": 10, "snow_ice": 11,
    }
)  # fmt: skip


def extensions(*paths: str) -> list[str]:
    """Return the addresses of STAC extensions' schemas.

    Examples
    --------
    >>> extensions("eo/v1.1.0")
    ['https://stac-extensions.github.io/eo/v1.1.0/schema.json']
    """
    return [f"https://stac-extensions.github.io/{path}/schema.json" for path in paths]


def moment(when: datetime, digits: int = 3) -> str:
    """Return a time as providers write it: UTC, with so many digits after the second.

    Examples
    --------
    >>> moment(datetime(2025, 5, 8, 2, 15, 24, 566314)), moment(datetime(2025, 5, 8), 6)
    ('2025-05-08T02:15:24.566Z', '2025-05-08T00:00:00.000000Z')
    """
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond:06d}"[: 20 + digits] + "Z"


def percentages(delivered: Delivered) -> dict[str, float]:
    """Return ``s2:*_percentage`` of the scene classes [percent]."""
    return {f"s2:{name}_percentage": delivered.percent(code) for name, code in _CLASSES.items()}


def clouded(delivered: Delivered) -> float:
    """Return ``eo:cloud_cover`` of a Sentinel-2 scene [percent]: clouds of medium and high probability and cirrus."""
    return delivered.percent(*(_CLASSES[name] for name in ("medium_proba_clouds", "high_proba_clouds", "thin_cirrus")))


def reflectance_conversion(when: datetime) -> float:
    """Return the factor sunlight is multiplied by as the earth's distance from the sun changes.

    References
    ----------
    Sentinel-2 Products Specification Document, Annex on the Level-1C reflectance conversion: days since 1950.

    Examples
    --------
    >>> round(reflectance_conversion(datetime(2023, 10, 8, 17, 52)), 3)
    1.0
    """
    days = (when.replace(tzinfo=None) - datetime(1950, 1, 1)).total_seconds() / 86400
    return round((1 - 0.01673 * math.cos(0.0172 * (days - 2))) ** -2, 15)


def geometry_of(outline: Polygon, digits: int) -> dict[str, Any]:
    """Return an outline as GeoJSON, counter-clockwise, rounded as the provider rounds.

    Examples
    --------
    >>> geometry_of(Polygon([(0, 0), (0, 1), (1.23456, 1)]), 2)["coordinates"][0][1]
    [1.23, 1.0]
    """
    ring = orient(outline).exterior.coords
    return {"type": "Polygon", "coordinates": [[[round(float(x), digits), round(float(y), digits)] for x, y in ring]]}


def bbox_of(outline: Polygon, digits: int) -> list[float]:
    """Return west, south, east, north [degrees]."""
    return [round(float(value), digits) for value in outline.bounds]


def centroid_of(outline: Polygon) -> dict[str, float]:
    """Return ``proj:centroid`` as Earth Search rounds it."""
    return {"lat": round(outline.centroid.y, 5), "lon": round(outline.centroid.x, 5)}


def epsg_of(delivered: Delivered) -> int:
    """Return the number of a scene's CRS."""
    return int(delivered.scene.frame.crs.removeprefix("EPSG:"))


def shape_of(file: AssetFile) -> list[int]:
    """Return ``proj:shape``."""
    return list(file.shape)


def whole_transform(file: AssetFile) -> list[int]:
    """Return ``proj:transform`` in whole numbers, as JavaScript writes them."""
    return [round(value) for value in tuple(file.transform)[:6]]


def decimal_transform(file: AssetFile) -> list[float]:
    """Return ``proj:transform`` in decimal numbers, as Python writes them."""
    return [float(value) for value in tuple(file.transform)[:6]]


def bounds_of(file: AssetFile) -> list[float]:
    """Return ``proj:bbox``: west, south, east, north in the file's CRS."""
    west, north, step = file.transform.c, file.transform.f, file.transform.a
    rows, columns = file.shape
    return [float(west), float(north - rows * step), float(west + columns * step), float(north)]


def plain_number(value: float) -> float | int:
    """Return a whole number as such: JavaScript knows no other.

    Examples
    --------
    >>> plain_number(0.0), plain_number(12.5)
    (0, 12.5)
    """
    return int(value) if value == int(value) else value
