"""The relief of a world: heights and valley floors on a lattice that water has carved, and at any place between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from habitat.twin.land.terrain import erosion
from habitat.twin.land.terrain.erosion import Area, Heights, Nodes
from habitat.twin.land.terrain.lattice import Lattice, Setting, first_heights, lattice_of, place_bend, setting_of
from habitat.twin.noise import Field, ramp
from habitat.twin.world import World

_LEVELS = ((4, 1.0, 60), (2, 0.4, 30), (1, 0.25, 24))
"""Lattices relief is carved on one after the other: every so many nodes, length of a round, rounds."""
_STEEPEST = 0.6
"""Slope [1] at which the ground slides."""
_FLOOR_PER_ROOT = 0.047
"""Half the width of a valley floor per root of the area that drains to it [1]: 150 m where 10 km2 do."""
_FLOOR_EDGE = (0.3, 1.7)
"""Where a valley floor begins and ends to rise, in half widths."""
_FLOOR_SMOOTHING = 1.5
"""Standard deviation of the smoothing of valley floors [nodes]."""
FARTHEST_FLOOR = 4.0
"""Distance from streams is cut off here, in half widths of their floors."""


@dataclass(frozen=True, eq=False)
class Relief:
    """What water has carved."""

    lattice: Lattice
    """Where the nodes are."""
    eastings: Heights
    """Where the nodes truly lie (y, x) [m]."""
    northings: Heights
    """Where the nodes truly lie (y, x) [m]."""
    sea: NDArray[np.bool_]
    """Nodes in the sea (y, x)."""
    fixed: NDArray[np.bool_]
    """Nodes in the sea, in the great river or on the lattice's edge (y, x)."""
    height: NDArray[np.float32]
    """Heights of the nodes (y, x) [m]."""
    floor: NDArray[np.float32]
    """Distance of the nodes from the nearest stream (y, x), in half widths of its valley floor."""
    floor_width: NDArray[np.float32]
    """Half the width of that valley floor (y, x) [m]."""
    receiver: Nodes
    """The node each node's water flows to (node,)."""
    area: Area
    """Area whose water passes each node (node,) [m2]."""

    def top(self, world: World) -> float:
        """Return the height of the highest summit inside the world [m]."""
        return float(np.max(self.height[self.lattice.inside(world)]))


def summit_m(world: World) -> float:
    """Return about how high the highest summits of a world are [m].

    Examples
    --------
    >>> from habitat.twin.world import world_of
    >>> round(summit_m(world_of("full", 1)))
    1250
    """
    return min(30.0 + 0.055 * world.width_m, 1250.0)


def valley_half_width_m(world: World) -> float:
    """Return half the width of the great river's flood plain [m]."""
    return world.scaled(900.0, 0.05)


@lru_cache(maxsize=2)
def relief_of(world: World) -> Relief:
    """Carve the relief of a world: on a coarse lattice first, then on finer ones."""
    lattice = lattice_of(world)
    scale, wanted = 1.0, summit_m(world)
    height: Heights | None = None
    for step, pace, rounds in _LEVELS:
        part = lattice.coarser(step)
        setting = setting_of(world, lattice, part)
        if height is None:
            # Without slides heights are in proportion to uplift, which tells how fast the ground must rise.
            height = setting.held(first_heights(world, part, setting))
            height = erosion.worn(height, setting.rise, setting.softness, setting.bounds, rounds=rounds)
        else:
            height = _finer(height)
        factor = wanted / float(np.max(height[part.inside(world)]))
        scale, height = scale * factor, setting.held(height * factor)
        height = erosion.worn(
            height,
            setting.rise * (scale * pace),
            setting.softness * pace,
            setting.bounds,
            steepest=_STEEPEST * part.spacing,
            creep=1.4 * math.sqrt(2 * pace) / step,
            rounds=rounds,
        )
    assert height is not None
    height = erosion.drained(height, setting.bounds)
    receiver = erosion.receivers(height, setting.bounds)
    area = erosion.drained_area(receiver, erosion.downstream_order(receiver)) * lattice.spacing**2
    level, floor, width = _with_floors(world, lattice, height, area, setting)
    return Relief(
        lattice,
        setting.eastings,
        setting.northings,
        setting.sea,
        setting.bounds.fixed,
        level,
        floor,
        width,
        receiver,
        area,
    )


def _finer(height: Heights) -> Heights:
    nodes = 2 * height.shape[0] - 1
    finer = np.empty((nodes, nodes))
    finer[::2, ::2] = height
    finer[1::2, ::2] = (height[1:] + height[:-1]) / 2
    finer[:, 1::2] = (finer[:, :-1:2] + finer[:, 2::2]) / 2
    return finer


def _with_floors(
    world: World, lattice: Lattice, height: Heights, area: Area, setting: Setting
) -> tuple[Field, Field, Field]:
    """Return heights with flat valley floors, the distance from streams in half widths of floors, and these."""
    widths = _FLOOR_PER_ROOT * np.sqrt(area).reshape(height.shape)
    widths[setting.river] = valley_half_width_m(world)
    widths[setting.sea] = 0.0
    floor, level, width = np.full(height.shape, FARTHEST_FLOOR), height.copy(), np.zeros(height.shape)
    least = lattice.spacing / 2
    for low in least * 2.0 ** np.arange(12):
        streams = (widths >= low) & (widths < 2 * low)
        if streams.any():
            away, (rows, columns) = ndimage.distance_transform_edt(~streams, return_indices=True)
            share = away * lattice.spacing / widths[rows, columns]
            nearer = share < floor
            floor[nearer], level[nearer] = share[nearer], height[rows, columns][nearer]
            width[nearer] = widths[rows, columns][nearer]
    # Floors fall evenly, though each node takes the height of one node of its stream.
    known = (floor < FARTHEST_FLOOR).astype(np.float64)
    weight = ndimage.gaussian_filter(known, _FLOOR_SMOOTHING)
    even = ndimage.gaussian_filter(level * known, _FLOOR_SMOOTHING) / np.maximum(weight, 1e-6)
    level = np.where(known > 0, even, height)
    kept = ramp(floor.astype(np.float32), *_FLOOR_EDGE)
    return (level + (height - level) * kept).astype(np.float32), floor.astype(np.float32), width.astype(np.float32)


@njit(nogil=True, cache=True, inline="always")
def _weights(share: float, out: NDArray[np.float64]) -> None:
    """Write the weights of a cubic B-spline between the second and third of four nodes."""
    left = 1.0 - share
    out[0] = left * left * left / 6
    out[1] = 2 / 3 - share * share * (2 - share) / 2
    out[2] = 2 / 3 - left * left * (2 - left) / 2
    out[3] = share * share * share / 6


@njit(nogil=True, cache=True)
def _interpolated(nodes: Field, columns: NDArray[np.float64], rows: NDArray[np.float64], bend: Field) -> Field:
    """Return a cubic B-spline through (near) the nodes at places columns[j] + bend[0], rows[i] - bend[1] [nodes]."""
    out = np.empty((rows.size, columns.size), np.float32)
    down, right = np.empty(4), np.empty(4)
    last_row, last_column = nodes.shape[0] - 1, nodes.shape[1] - 1
    for i in range(rows.size):
        for j in range(columns.size):
            y = min(max(rows[i] - bend[1, i, j], 0.0), float(last_row))
            x = min(max(columns[j] + bend[0, i, j], 0.0), float(last_column))
            row, column = int(y), int(x)
            _weights(y - row, down)
            _weights(x - column, right)
            total = 0.0
            for k in range(4):
                line = nodes[min(max(row + k - 1, 0), last_row)]
                part = 0.0
                for m in range(4):
                    part += right[m] * line[min(max(column + m - 1, 0), last_column)]
                total += down[k] * part
            out[i, j] = total
    return out


def at_places(world: World, nodes: Field, eastings: NDArray[np.float64], northings: NDArray[np.float64]) -> Field:
    """Return a smooth field (y, x) between values (y, x) on the nodes of a world's relief."""
    lattice = lattice_of(world)
    bend = place_bend(world, lattice.spacing, eastings, northings)
    bend /= np.float32(lattice.spacing)
    return _interpolated(nodes, *_on_lattice(lattice, eastings, northings), bend)


def between_nodes(
    lattice: Lattice, nodes: Field, eastings: NDArray[np.float64], northings: NDArray[np.float64]
) -> Field:
    """Return a smooth field (y, x) between values (y, x) on the nodes of a lattice that is not bent."""
    straight = np.zeros((2, 1, 1), np.float32)
    bend = np.broadcast_to(straight, (2, northings.size, eastings.size))
    return _interpolated(nodes, *_on_lattice(lattice, eastings, northings), bend)


def _on_lattice(
    lattice: Lattice, eastings: NDArray[np.float64], northings: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return columns (x,) and rows (y,) of places [nodes]."""
    return (eastings - lattice.west) / lattice.spacing, (lattice.north - northings) / lattice.spacing
