"""Growth: seeds grow through what is connected with them, in tiles, and patches are the same whatever the tiles are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from habitat.contracts.grid import Tile

_EIGHT = np.ones((3, 3), bool)


class Votes(NamedTuple):
    """What a tile gives to its patches, each (y, x)."""

    candidates: NDArray[np.bool_]
    """Pixels that may belong to a patch."""
    seeds: NDArray[np.bool_]
    """Pixels one of which a patch needs."""
    within: NDArray[np.floating[Any]]
    """Probability that it burnt in the season."""
    before: NDArray[np.floating[Any]]
    """Probability that it burnt before."""


class Patches:
    """Connected candidates (8 neighbours) of a raster that comes in tiles.

    Give all tiles to `add`, then `join` them, then ask with `chosen`. Beyond the labels, memory is that of
    one tile and of four numbers a patch.

    Parameters
    ----------
    labels : int32 (y, x)
        All zeros, of the whole raster; may lie on disk (``numpy.memmap``).

    Examples
    --------
    >>> patches = Patches(np.zeros((1, 4), np.int32))
    >>> for column, seed in ((0, True), (2, False)):
    ...     burnt = np.ones((1, 2), bool)
    ...     patches.add(Tile(0, column, 1, 2), Votes(burnt, burnt & seed, burnt * 0.9, burnt * 0.0))
    >>> patches.join()
    >>> patches.chosen(Tile(0, 2, 1, 2), least_pixels=4).tolist()
    [[1, 1]]
    """

    def __init__(self, labels: NDArray[np.int32]) -> None:
        self._labels = labels
        self._tiles: list[Tile] = []
        self._parts: list[NDArray[np.float64]] = []
        self._count = 0
        self._roots = np.zeros(1, np.int64)
        self._sums = np.zeros((1, 4))

    def add(self, tile: Tile, votes: Votes) -> None:
        """Label one tile."""
        found, count = ndimage.label(votes.candidates, _EIGHT)
        layers = (votes.candidates, votes.seeds, np.nan_to_num(votes.within), np.nan_to_num(votes.before))
        sums = [np.bincount(found.ravel(), weights=layer.ravel(), minlength=count + 1)[1:] for layer in layers]
        self._parts.append(np.stack(sums, axis=1))
        self._labels[_window(tile)] = np.where(found > 0, found + self._count, 0)
        self._count += count
        self._tiles.append(tile)

    def join(self) -> None:
        """Join patches across the edges of tiles."""
        parents = np.arange(self._count + 1)
        for tile in self._tiles:
            for one, other in self._seams(tile):
                _unite(parents, one, other)
        for label in range(parents.size):
            parents[label] = parents[parents[label]]
        self._roots = parents
        own = np.concatenate([np.zeros((1, 4)), *self._parts]) if self._parts else np.zeros((1, 4))
        self._sums = np.stack(
            [np.bincount(parents, weights=column, minlength=parents.size) for column in own.T], axis=1
        )

    def _seams(self, tile: Tile) -> list[tuple[NDArray[np.int32], NDArray[np.int32]]]:
        """Labels on both sides of the upper and left edges of a tile, shifted by -1, 0 and 1 pixels."""
        bottom, right = tile.row + tile.height, tile.column + tile.width
        seams = []
        if tile.row > 0:
            wide = slice(max(tile.column - 1, 0), right + 1)
            seams.append((np.asarray(self._labels[tile.row - 1, wide]), np.asarray(self._labels[tile.row, wide])))
        if tile.column > 0:
            tall = slice(max(tile.row - 1, 0), bottom + 1)
            seams.append((np.asarray(self._labels[tall, tile.column - 1]), np.asarray(self._labels[tall, tile.column])))
        return [pair for first, second in seams for pair in _shifted(first, second)]

    def chosen(self, tile: Tile, *, least_pixels: int) -> NDArray[np.uint8]:
        """Return which pixels of a tile are in a patch that has a seed and is large enough.

        Returns
        -------
        uint8 (y, x)
            0 none, 1 burnt in the season, 2 burnt before it (the likelier for the patch as a whole).
        """
        kind = self._kinds(least_pixels)
        found: NDArray[np.uint8] = kind[self._roots[self._labels[_window(tile)]]]
        return found

    def numbers(self, tile: Tile, *, least_pixels: int, kind: int = 1) -> NDArray[np.int64]:
        """Return the patch each pixel of a tile belongs to, 0 if it is not of that kind (1 or 2 of `chosen`)."""
        kinds = self._kinds(least_pixels)
        roots = self._roots[self._labels[_window(tile)]]
        numbers: NDArray[np.int64] = np.where(kinds[roots] == kind, roots, 0)
        return numbers

    def _kinds(self, least_pixels: int) -> NDArray[np.uint8]:
        pixels, seeds, within, before = self._sums.T
        good = (pixels >= least_pixels) & (seeds > 0)
        kind = np.where(good, np.where(within >= before, 1, 2), 0).astype(np.uint8)
        kind[0] = 0
        return kind


def _window(tile: Tile) -> tuple[slice, slice]:
    return slice(tile.row, tile.row + tile.height), slice(tile.column, tile.column + tile.width)


def _shifted(first: NDArray[np.int32], second: NDArray[np.int32]) -> list[tuple[NDArray[np.int32], NDArray[np.int32]]]:
    return [(first, second), (first[1:], second[:-1]), (first[:-1], second[1:])]


def _unite(parents: NDArray[np.int64], one: NDArray[np.int32], other: NDArray[np.int32]) -> None:
    both = (one > 0) & (other > 0)
    for a, b in np.unique(np.stack([one[both], other[both]], axis=1), axis=0):
        low, high = sorted((_root(parents, int(a)), _root(parents, int(b))))
        parents[high] = low


def _root(parents: NDArray[np.int64], label: int) -> int:
    while parents[label] != label:
        parents[label] = parents[parents[label]]
        label = int(parents[label])
    return label
