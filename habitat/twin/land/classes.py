"""Classes of land: covers with their colours, the forests among them, and the two sides of the border."""

from __future__ import annotations

from enum import IntEnum


class Cover(IntEnum):
    """Vegetation and land cover of a pixel."""

    WATER = 1
    PINE_BROADLEAF = 2
    OAK = 3
    BIRCH = 4
    LARCH = 5
    SHRUB = 6
    GRASS = 7
    FIELD = 8
    WETLAND = 9
    BUILT = 10


FORESTS = (Cover.PINE_BROADLEAF, Cover.OAK, Cover.BIRCH, Cover.LARCH)
"""Covers that are forest."""

COVER_COLOURS: dict[Cover, tuple[int, int, int]] = {
    Cover.WATER: (60, 110, 170),
    Cover.PINE_BROADLEAF: (25, 85, 50),
    Cover.OAK: (110, 160, 70),
    Cover.BIRCH: (165, 195, 110),
    Cover.LARCH: (90, 140, 120),
    Cover.SHRUB: (175, 165, 90),
    Cover.GRASS: (210, 200, 125),
    Cover.FIELD: (230, 210, 170),
    Cover.WETLAND: (120, 170, 150),
    Cover.BUILT: (150, 60, 60),
}
"""Colours of the covers in truth rasters."""


class Country(IntEnum):
    """Side of the border."""

    WEST = 1
    EAST = 2
