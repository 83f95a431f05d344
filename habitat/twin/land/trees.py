"""The trees of every cover: crown cover, height and evergreen share, with differences between stands and crowns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from habitat.twin.land.classes import Cover
from habitat.twin.noise import Field, fractal
from habitat.twin.world import World

_STAND_M, _CROWN_M = 450.0, 70.0
"""Longest waves of differences between stands and between groups of crowns [m]: nature's own, whatever the world."""
_HEIGHT_SPREAD = (0.12, 0.08)
"""Standard deviation of canopy height between stands and between groups of crowns, relative [1]."""


@dataclass(frozen=True)
class Growth:
    """What the trees of a cover are like."""

    canopy: float
    """Mean crown cover [1]."""
    spread: float
    """Standard deviation of the crown cover [1]."""
    height: float
    """Mean height of the canopy [m]."""
    evergreen: float = 0.0
    """Mean evergreen share of the crowns [1]."""
    evergreen_spread: float = 0.0
    """Standard deviation of that share [1]."""
    evergreen_range: tuple[float, float] = (0.0, 0.0)
    """Least and largest evergreen share [1]."""


GROWTH: Mapping[Cover, Growth] = MappingProxyType(
    {
        Cover.PINE_BROADLEAF: Growth(0.90, 0.05, 23.0, 0.44, 0.08, (0.30, 0.60)),
        Cover.OAK: Growth(0.86, 0.07, 15.0, 0.01, 0.02, (0.00, 0.08)),
        Cover.BIRCH: Growth(0.80, 0.09, 14.0, 0.03, 0.03, (0.00, 0.12)),
        Cover.LARCH: Growth(0.82, 0.07, 17.0),
        Cover.SHRUB: Growth(0.34, 0.14, 2.6),
        Cover.GRASS: Growth(0.04, 0.05, 1.5),
        Cover.WETLAND: Growth(0.05, 0.04, 1.5),
        Cover.BUILT: Growth(0.08, 0.06, 6.0, 0.15, 0.05, (0.00, 0.30)),
    }
)
"""Trees of the covers that have any: dense oak and pine forests, open shrub, single bushes in grass."""


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees of a window; fields (y, x)."""

    canopy: Field
    """Crown cover [1]."""
    height: Field
    """Height of the canopy [m], 0 where there is none."""
    evergreen: Field
    """Evergreen share of the crowns [1]."""


def trees_of(
    world: World, cover: NDArray[np.uint8], eastings: NDArray[np.float64], northings: NDArray[np.float64]
) -> Trees:
    """Return the trees of every pixel of a cover (y, x) at places (x,) and (y,) [m]."""
    stands = fractal(world.key("trees", "stands"), eastings, northings, _STAND_M, octaves=3)
    crowns = fractal(world.key("trees", "crowns"), eastings, northings, _CROWN_M, octaves=3, roughness=0.7)
    # Two independent parts of equal variance add up to a deviation of 1.
    both = np.float32(0.5**0.5) * (stands + crowns)
    canopy = np.clip(_by_cover(cover, "canopy") + _by_cover(cover, "spread") * both, 0, 1)
    height = _by_cover(cover, "height")
    height *= 1 + np.float32(_HEIGHT_SPREAD[0]) * stands + np.float32(_HEIGHT_SPREAD[1]) * crowns
    height[canopy <= 0] = 0.0
    evergreen = np.zeros_like(canopy)
    for kind, growth in GROWTH.items():
        if growth.evergreen_spread:
            here = cover == kind
            share = np.float32(growth.evergreen) + np.float32(growth.evergreen_spread) * both[here]
            evergreen[here] = np.clip(share, *growth.evergreen_range)
    evergreen[canopy <= 0] = 0.0
    return Trees(canopy, height, evergreen)


def _by_cover(cover: NDArray[np.uint8], name: str) -> Field:
    table = np.zeros(max(Cover) + 1, np.float32)
    for kind, growth in GROWTH.items():
        table[kind] = getattr(growth, name)
    return table[cover]
