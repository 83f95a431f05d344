"""The lattice a relief is carved on, and what it is carved from: uplift, rock, and the waters it drains to."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from habitat.twin.land.terrain import layout
from habitat.twin.land.terrain.erosion import Bounds, Heights
from habitat.twin.noise import Field, fractal, ramp
from habitat.twin.world import World

_MARGIN, _WIDEST_MARGIN_M = 0.25, 6000.0
"""How far the lattice reaches past the world on every side, in widths of the world, and at most."""
_SPACING_M = 60.0
"""Distance of the lattice's nodes [m] where neither a tiny nor a full world asks for another."""
_FEWEST, _MOST = 96.0, 1200.0
"""Nodes across a world."""
_BENDS = ((2.0, 45.0, 1), (0.35, 10.0, 2))
"""Standard deviation and wavelength [nodes] and octaves of the bends that hide the lattice."""


@dataclass(frozen=True)
class Lattice:
    """Nodes a relief is carved on."""

    west: float
    """Easting of the first column [m]."""
    north: float
    """Northing of the first row [m]."""
    spacing: float
    """Distance between nodes [m]."""
    nodes: int
    """Rows and columns."""

    def axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return eastings (x,) and northings (y,) of the nodes [m], before they are bent."""
        steps = np.arange(self.nodes, dtype=np.float64) * np.float64(self.spacing)
        return self.west + steps, self.north - steps

    def coarser(self, step: int) -> Lattice:
        """Return the lattice that has only every so many nodes."""
        return Lattice(self.west, self.north, self.spacing * step, (self.nodes - 1) // step + 1)

    def inside(self, world: World) -> tuple[slice, slice]:
        """Return the rows and columns of nodes inside the world."""
        first = math.ceil((world.west - self.west) / self.spacing)
        return slice(first, self.nodes - first), slice(first, self.nodes - first)


@dataclass(frozen=True, eq=False)
class Setting:
    """What a relief is carved from and between; fields (y, x) on the nodes."""

    eastings: Heights
    """Where the nodes truly lie [m]."""
    northings: Heights
    """Where the nodes truly lie [m]."""
    sea: NDArray[np.bool_]
    """Nodes in the sea."""
    river: NDArray[np.bool_]
    """Nodes in the great valley's middle."""
    level: Heights
    """Heights of the nodes that stay [m]."""
    bounds: Bounds
    """Nodes that stay, and the main watershed."""
    rise: Heights
    """Uplift, relative."""
    softness: Heights
    """Erodibility, relative."""

    def held(self, height: Heights) -> Heights:
        """Return heights that begin where sea and river lie."""
        kept: Heights = np.where(self.bounds.fixed, self.level, np.maximum(height, 0.01))
        return kept


def lattice_of(world: World) -> Lattice:
    """Return the lattice a world's relief is carved on."""
    across = min(max(world.width_m / _SPACING_M, _FEWEST), _MOST)
    spacing = world.width_m / across
    margin = world.scaled(_WIDEST_MARGIN_M, _MARGIN)
    # One more than a multiple of 4, so that coarser lattices end at the same nodes.
    nodes = 4 * math.ceil((world.width_m + 2 * margin) / spacing / 4) + 1
    overhang = ((nodes - 1) * spacing - world.width_m) / 2
    return Lattice(world.west - overhang, world.north + overhang, spacing, nodes)


def place_bend(
    world: World,
    spacing: float,
    eastings: NDArray[np.float64],
    northings: NDArray[np.float64],
    shift: Field | None = None,
) -> Field:
    """Return how far east and north places (moved by a shift) are bent on a lattice (2, y, x) [m].

    Ways along rows and diagonals of the lattice become winding by it.
    """
    bend = np.zeros((2, northings.size, eastings.size), np.float32)
    for axis in (0, 1):
        for number, (size, wave, octaves) in enumerate(_BENDS):
            key = world.key("bend", axis, number)
            noise = fractal(key, eastings, northings, wave * spacing, octaves=octaves, shift=shift)
            bend[axis] += np.float32(size * spacing) * noise
    return bend


def setting_of(world: World, lattice: Lattice, part: Lattice) -> Setting:
    """Return what a relief is carved from on a lattice or on a coarser part of it."""
    eastings, northings = _node_places(world, lattice, part)
    from_coast = layout.above_coast(world, eastings, northings)
    valley, border = (
        _along(curve, world, northings) - eastings for curve in (layout.valley_easting, layout.border_easting)
    )
    sea = from_coast <= 0
    river = _crossed(valley) & ~sea
    fixed = river | sea
    rise = 0.36 + 0.64 * np.exp(-((border / world.width_m / 0.2) ** 2))
    rise *= 0.15 + 0.85 * ramp(np.abs(valley).astype(np.float32), 0.0, world.scaled(4000.0, 0.08))
    rise *= 0.12 + 0.88 * ramp(from_coast.astype(np.float32), world.scaled(600.0, 0.02), world.scaled(7000.0, 0.2))
    hills = fractal(world.key("uplift"), *part.axes(), world.scaled(9000.0, 0.45), octaves=2).astype(np.float64)
    rock = fractal(world.key("rock"), *part.axes(), world.scaled(3000.0, 0.2), octaves=3).astype(np.float64)
    return Setting(
        eastings,
        northings,
        sea,
        river,
        level=np.where(river, layout.river_height(world, northings), 0.0),
        bounds=Bounds(fixed, _sides(border > 0, fixed)),
        rise=rise * np.exp(0.3 * hills),
        softness=np.exp(0.25 * rock),
    )


def first_heights(world: World, part: Lattice, setting: Setting) -> Heights:
    """Return heights to begin with, relative: a rough slope from the border down to the river and the sea."""
    width = world.width_m
    from_valley, from_border = (
        np.abs(_along(curve, world, setting.northings) - setting.eastings) / width
        for curve in (layout.valley_easting, layout.border_easting)
    )
    from_coast = np.maximum(layout.above_coast(world, setting.eastings, setting.northings), 0.0) / width
    slope = np.exp(-from_border / 0.15) + 3.3 * np.minimum(np.minimum(from_valley, from_coast), 0.15)
    noise = fractal(world.key("start"), *part.axes(), world.scaled(6000.0, 0.4), octaves=6, roughness=0.6)
    return slope + 0.12 * noise


def _node_places(world: World, lattice: Lattice, part: Lattice) -> tuple[Heights, Heights]:
    # Where a node lies is known only by asking which place is bent onto it; asking again closes in on it.
    bend = np.zeros((2, part.nodes, part.nodes), np.float32)
    for _ in range(6):
        bend = -place_bend(world, lattice.spacing, *part.axes(), bend)
    eastings, northings = part.axes()
    return eastings[None, :] + bend[0], northings[:, None] + bend[1]


def _along(curve: Callable[[World, Heights], Heights], world: World, northings: Heights) -> Heights:
    return curve(world, northings.ravel()).reshape(northings.shape)


def _crossed(values: Heights) -> NDArray[np.bool_]:
    """Return nodes at which values change their sign: a line of nodes that touch each other."""
    sign = values > 0
    crossed = np.zeros(sign.shape, np.bool_)
    crossed[:, 1:] |= sign[:, 1:] != sign[:, :-1]
    crossed[1:] |= sign[1:] != sign[:-1]
    return crossed


def _sides(west: NDArray[np.bool_], fixed: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Return 1 west and 0 east of the watershed; pockets cut off from all water go to the other side."""
    side = west.astype(np.int8)
    for part in (west, ~west):
        labels, _ = ndimage.label(part, np.ones((3, 3)))
        side[part & ~np.isin(labels, np.unique(labels[fixed]))] ^= 1
    return side
