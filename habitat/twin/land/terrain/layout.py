"""The plan of every twin: where the border, the great river and the coast run, as functions of place."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from habitat.twin.noise import line
from habitat.twin.world import World

Metres = NDArray[np.float64]
"""Coordinates or lengths [m]."""

_BORDER, _BORDER_BEND = 0.52, (3200.0, 0.033)
_RIVER, _RIVER_BEND = 0.27, (3000.0, 0.026)
_SEA_RADIUS, _SEA_BEND = 0.315, (2200.0, 0.035)
"""Mean places [widths of the world] and standard deviations of bends ([m], and widths at most) of the great lines."""
_BEND_LIMIT = 2.2
"""Bends stay within so many standard deviations: border, river and coast must not meet."""


def border_easting(world: World, northings: Metres) -> Metres:
    """Return where the border is [m] at each northing: the watershed, near the middle of the world.

    Examples
    --------
    >>> from habitat.twin.world import world_of
    >>> world = world_of("demo", 1)
    >>> share = (border_easting(world, np.array([4800000.0])) - world.west) / world.width_m
    >>> bool(0.42 < share[0] < 0.62)
    True
    """
    length = world.scaled(30_000.0, 0.7)
    bends = _bends(line(world.key("border"), northings, length, octaves=6, roughness=0.5))
    return world.west + world.width_m * _BORDER + world.scaled(*_BORDER_BEND) * bends


def valley_easting(world: World, northings: Metres) -> Metres:
    """Return where the middle of the great valley is [m] at each northing."""
    length = world.scaled(40_000.0, 0.8)
    bends = _bends(line(world.key("valley"), northings, length, octaves=3, roughness=0.4))
    return world.west + world.width_m * _RIVER + world.scaled(*_RIVER_BEND) * bends


def river_easting(world: World, northings: Metres) -> Metres:
    """Return where the great river is [m] at each northing: it winds along the valley."""
    wave = world.scaled(1300.0, 0.15)
    winding = line(world.key("meanders"), northings, wave, octaves=2, roughness=0.35)
    return valley_easting(world, northings) + 0.13 * wave * winding


def river_height(world: World, northings: Metres) -> Metres:
    """Return the height of the great river [m]: it falls southward, to the sea half a width beyond the world."""
    south = world.north - 1.5 * world.width_m
    height: Metres = np.maximum(0.0012 * (northings - south), 0.5)
    return height


def above_coast(world: World, eastings: Metres, northings: Metres) -> Metres:
    """Return the distance from the coast [m], seen from the south-eastern corner; positive on land.

    Places and results may have any shape that fits. Beyond the world's edges the coast runs on straight.
    """
    corner_east, corner_south = world.west + world.width_m, world.north - world.width_m
    west = np.maximum(corner_east - eastings, 0.0)
    north = np.maximum(northings - corner_south, 0.0)
    angle = np.arctan2(north, np.maximum(west, 1e-9))
    away: Metres = np.hypot(west, north) - _coast_radius(world, angle)
    return away


def coast(world: World, spacing_m: float, inland_m: float = 0.0) -> Metres:
    """Return points (n, 2) [m] along the coast, or some way inland of it, from south-west to north-east.

    The line begins and ends on the world's southern and eastern edges.
    """
    count = math.ceil(_SEA_RADIUS * world.width_m * math.pi / 2 / spacing_m) + 1
    return coast_points(world, np.linspace(0.0, math.pi / 2, count), inland_m)


def coast_points(world: World, angle: Metres, inland_m: float) -> Metres:
    """Return points (n, 2) [m] some way inland of the coast, by their angle at the sea's corner from west to north."""
    radius = _coast_radius(world, angle) + inland_m
    east, south = world.west + world.width_m, world.north - world.width_m
    return np.column_stack([east - radius * np.cos(angle), south + radius * np.sin(angle)])


def seen_from_sea(world: World, points: Metres) -> Metres:
    """Return the angle (n,) of points (n, 2) at the sea's corner, from west to north [radians]."""
    east, south = world.west + world.width_m, world.north - world.width_m
    angle: Metres = np.arctan2(np.maximum(points[:, 1] - south, 0.0), np.maximum(east - points[:, 0], 1e-9))
    return angle


def _coast_radius(world: World, angle: Metres) -> Metres:
    radius = _SEA_RADIUS * world.width_m
    along = np.ravel(angle) * radius
    bends = line(world.key("coast"), along, world.scaled(20_000.0, 0.35), octaves=5, roughness=0.42)
    shape: Metres = radius + (world.scaled(*_SEA_BEND) * _bends(bends)).reshape(np.shape(angle))
    return shape


def _bends(noise: NDArray[np.float32]) -> Metres:
    # Squeezed smoothly, or the limit would cut straight pieces into the curves.
    limited: Metres = _BEND_LIMIT * np.tanh(noise.astype(np.float64) / _BEND_LIMIT)
    return limited
