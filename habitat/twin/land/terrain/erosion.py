"""Relief as water carves it: rising ground on a lattice, worn along the ways its rain takes to the sea."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from habitat.twin.noise import hashed

_SOUTH = np.array([-1, -1, -1, 0, 0, 1, 1, 1], np.int64)
_EAST = np.array([-1, 0, 1, -1, 1, -1, 0, 1], np.int64)
_LENGTH = np.array([2**0.5, 1, 2**0.5, 1, 1, 2**0.5, 1, 2**0.5], np.float64)
_EASE = (0.7 + 0.6 * np.arange(16) / 15)[None, :] / _LENGTH[:, None]
_LEAST_FALL = 1e-3
"""Least a node stands above its receiver [m]."""
_WALL = 2
"""Side of the lattice's outermost nodes: nothing flows there, so no neighbour of any other node is missing."""
_CREEP_ROUNDS = 6
"""Soil creeps once in so many rounds, as far as it would have in all of them."""
_CHANNEL = 24.0
"""Nodes that drain more nodes than this are channels: soil that creeps into them is carried away at once."""

Heights = NDArray[np.float64]
"""Heights of a lattice's nodes (y, x) [m], north first."""
Nodes = NDArray[np.int32]
"""Numbers of nodes (node,), row by row."""
Area = NDArray[np.float64]
"""Area whose water passes each node (node,) [nodes]."""


@dataclass(frozen=True, eq=False)
class Bounds:
    """What a relief is carved between; fields (y, x). The outermost nodes become a wall."""

    fixed: NDArray[np.bool_]
    """Nodes whose height stays: the sea and the great river."""
    side: NDArray[np.int8]
    """Side of the main watershed, 0 or 1: water does not flow from one to the other."""

    def __post_init__(self) -> None:
        for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
            self.fixed[edge], self.side[edge] = True, _WALL


@njit(nogil=True, cache=True)
def _drained(height: Heights, fixed: NDArray[np.bool_], side: NDArray[np.int8], step: float) -> Heights:
    columns = height.shape[1]
    ways = _SOUTH * columns + _EAST
    out = height.copy()
    filled, seen, group = out.ravel(), fixed.copy().ravel(), side.ravel()
    heap = [(filled[node], node) for node in np.flatnonzero(fixed) if group[node] != _WALL]
    heapq.heapify(heap)
    while len(heap) > 0:
        level, node = heapq.heappop(heap)
        for way in ways:
            near = node + way
            if group[near] == group[node] and not seen[near]:
                seen[near] = True
                filled[near] = max(filled[near], level + step)
                heapq.heappush(heap, (filled[near], near))
    return out


@njit(nogil=True, cache=True)
def _receivers(height: Heights, fixed: NDArray[np.bool_], side: NDArray[np.int8]) -> Nodes:
    ways = _SOUTH * height.shape[1] + _EAST
    flat, stays, group = height.ravel(), fixed.ravel(), side.ravel()
    found = np.empty(flat.size, np.int32)
    for node in range(flat.size):
        found[node] = node
        if stays[node]:
            continue
        # Each link is a little easier or harder than it is steep, or valleys would keep to eight directions.
        bits = hashed(np.uint32(7), node, 0)
        steepest = 0.0
        for number in range(8):
            near = node + ways[number]
            if group[near] == group[node]:
                ease = _EASE[number, (bits >> np.uint32(4 * number)) & np.uint32(15)]
                slope = (flat[node] - flat[near]) * ease
                if slope > steepest:
                    steepest = slope
                    found[node] = near
    return found


@njit(nogil=True, cache=True)
def downstream_order(receiver: Nodes) -> Nodes:
    """Return the nodes so that each comes before the one it flows to.

    Examples
    --------
    >>> downstream_order(np.array([2, 0, 2], np.int32)).tolist()
    [1, 0, 2]
    """
    donors = np.zeros(receiver.size, np.int32)
    for node in range(receiver.size):
        if receiver[node] != node:
            donors[receiver[node]] += 1
    order = np.empty(receiver.size, np.int32)
    last = 0
    for node in range(receiver.size):
        if donors[node] == 0:
            order[last] = node
            last += 1
    first = 0
    while first < last:
        below = receiver[order[first]]
        if below != order[first]:
            donors[below] -= 1
            if donors[below] == 0:
                order[last] = below
                last += 1
        first += 1
    return order


@njit(nogil=True, cache=True)
def drained_area(receiver: Nodes, order: Nodes) -> Area:
    """Return the number of nodes whose water passes each node, itself among them.

    Examples
    --------
    >>> receiver = np.array([2, 0, 2], np.int32)
    >>> drained_area(receiver, downstream_order(receiver)).tolist()
    [2.0, 1.0, 3.0]
    """
    area = np.ones(receiver.size, np.float64)
    for node in order:
        if receiver[node] != node:
            area[receiver[node]] += area[node]
    return area


@njit(nogil=True, cache=True)
def _wear(
    height: Heights, rise: Heights, softness: Heights, receiver: Nodes, order: Nodes, area: Area, cap: float
) -> None:
    """Raise and wear all nodes in place, from the sea upwards, so that each sees its receiver's new height."""
    flat, up, soft = height.ravel(), rise.ravel(), softness.ravel()
    columns = height.shape[1]
    for index in range(order.size - 1, -1, -1):
        node = order[index]
        below = receiver[node]
        if below == node:
            continue
        straight = abs(below - node) == 1 or abs(below - node) == columns
        length = 1.0 if straight else 2**0.5
        root = np.sqrt(np.sqrt(area[node]))
        pull = soft[node] * root * np.sqrt(root) / length
        level = (flat[node] + up[node] + pull * flat[below]) / (1.0 + pull)
        # Never below its receiver, which may have risen faster: that would leave a hollow.
        flat[node] = max(min(level, flat[below] + cap * length), flat[below] + _LEAST_FALL)


def drained(height: Heights, bounds: Bounds) -> Heights:
    """Return the heights with all hollows filled, so that every node has a lower neighbour or is fixed.

    References
    ----------
    Barnes, Lehman and Mulla (2014), Priority-flood, Computers & Geosciences 62.
    """
    filled: Heights = _drained(height, bounds.fixed, bounds.side, _LEAST_FALL)
    return filled


def receivers(height: Heights, bounds: Bounds) -> Nodes:
    """Return for each node the neighbour its water flows to: the steepest way down, itself where there is none."""
    found: Nodes = _receivers(height, bounds.fixed, bounds.side)
    return found


def worn(
    height: Heights,
    rise: Heights,
    softness: Heights,
    bounds: Bounds,
    *,
    rounds: int,
    steepest: float = np.inf,
    creep: float = 0.0,
) -> Heights:
    """Return heights after rounds of uplift, of stream-power erosion solved implicitly, and of creeping soil.

    Parameters
    ----------
    height : array (y, x) [m]
        Heights to begin with.
    rise : array (y, x) [m]
        Uplift in one round.
    softness : array (y, x) [1]
        How far one round wears a node that drains itself alone towards its receiver; grows with area to the 3/8,
        which keeps large valleys a little steeper than the root does.
    bounds : Bounds
        Nodes that stay, and the main watershed.
    rounds : int
        Rounds.
    steepest : float [m]
        Most a node can stand above its receiver, one node away, before the slope slides.
    creep : float [nodes]
        Standard deviation of the way soil creeps in one round.

    References
    ----------
    Braun and Willett (2013), A very efficient O(n), implicit and parallel method to solve the stream power equation,
    Geomorphology 180-181.
    """
    out = drained(height, bounds)
    number, outlets = np.arange(height.size, dtype=np.int32), int(bounds.fixed.sum())
    for turn in range(1, rounds + 1):
        receiver = receivers(out, bounds)
        if np.count_nonzero(receiver == number) > outlets:
            out = drained(out, bounds)
            receiver = receivers(out, bounds)
        order = downstream_order(receiver)
        area = drained_area(receiver, order)
        _wear(out, rise, softness, receiver, order, area, steepest)
        if creep > 0 and turn % _CREEP_ROUNDS == 0:
            crept = ndimage.gaussian_filter(out, creep * _CREEP_ROUNDS**0.5, mode="nearest", truncate=3.0)
            channel = bounds.fixed | (area.reshape(out.shape) > _CHANNEL)
            out = np.where(channel, out, crept)
    return out
