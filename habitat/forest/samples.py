"""Samples: places with a known or supposed cover or kind, thinned, and kept away from where ground changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from habitat.forest.kinds import TREES, Kind

Index: TypeAlias = NDArray[np.int64]

UNKNOWN_KIND = 0
"""Stands where a sample says nothing of the kind."""
WEAK_WEIGHT = 0.25
"""What a sample of a map counts against one that a person has labelled."""
WORLD_COVER: Mapping[int, tuple[float, int]] = MappingProxyType(
    {
        10: (80.0, UNKNOWN_KIND),
        20: (30.0, Kind.SHRUB),
        30: (4.0, Kind.OPEN),
        40: (0.0, Kind.OTHER),
        50: (5.0, Kind.OTHER),
        60: (0.0, Kind.OTHER),
        80: (0.0, Kind.WATER),
        90: (5.0, Kind.OPEN),
    }
)
"""ESA WorldCover class to the crown cover [%] and kind it is taken for; trees are of no kind. Suppositions all."""
SURE = 0.6
"""Probability from which rules may say which trees a sample of trees is."""
_COVER_TOLERANCE = 15


@dataclass(frozen=True, eq=False)
class Samples:
    """Pixels to learn from.

    Parameters
    ----------
    rows, columns : int64 (sample,)
        Where they lie on the grid.
    cover : float32 (sample,) [%]
        Crown cover, NaN where unsaid.
    kind : uint8 (sample,)
        Code of `Kind`, 0 where unsaid.
    group : int64 (sample,)
        Samples of one number belong together, as pixels of one polygon.
    weight : float32 (sample,)
        What each counts.
    """

    rows: Index
    columns: Index
    cover: NDArray[np.float32]
    kind: NDArray[np.uint8]
    group: Index
    weight: NDArray[np.float32]

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.rows.size)

    def taken(self, which: NDArray[np.bool_]) -> Samples:
        """Return a part."""
        return Samples(*(getattr(self, name)[which] for name in self.__dataclass_fields__))

    def joined(self, other: Samples) -> Samples:
        """Return these and others; groups stay apart."""
        shift = int(np.max(self.group)) + 1 if self.count else 0
        moved = {"group": other.group + shift}
        parts = [(getattr(self, name), moved.get(name, getattr(other, name))) for name in self.__dataclass_fields__]
        return Samples(*(np.concatenate(pair) for pair in parts))


def no_samples() -> Samples:
    """Return samples of which there are none."""
    whole = np.empty(0, np.int64)
    return Samples(whole, whole, np.empty(0, np.float32), np.empty(0, np.uint8), whole, np.empty(0, np.float32))


def stable_neighbourhood(codes: NDArray[np.uint8], *, radius: int = 1, tolerance: int = 0) -> NDArray[np.bool_]:
    """Pixels whose whole neighbourhood is known and hardly differs: none of them is a mixed one.

    Parameters
    ----------
    codes : uint8 (y, x)
        Classes or percent, 255 where unknown.
    radius : int [pixels]
        Half width of the square that must agree.
    tolerance : int
        By how much the highest may exceed the lowest: 0 for classes.

    Examples
    --------
    >>> codes = np.array([[10, 10, 10, 30]] * 3, np.uint8)
    >>> stable_neighbourhood(codes)[1].tolist()
    [True, True, False, False]
    """
    size = 2 * radius + 1
    highest = ndimage.maximum_filter(codes, size, mode="nearest").astype(np.int16)
    lowest = ndimage.minimum_filter(codes, size, mode="nearest")
    stable: NDArray[np.bool_] = (highest != 255) & (highest - lowest <= tolerance)
    return stable


def thinned(rows: Index, columns: Index, strata: Index, *, spacing_px: int, most: int, seed: int) -> Index:
    """Which places to keep: one of each stratum in a square of so many pixels, and so many of a stratum at most.

    Returns
    -------
    int64 (kept,)
        Indices, ascending; the same for the same places and seed.

    Examples
    --------
    >>> thinned(np.zeros(6, np.int64), np.arange(6), np.zeros(6, np.int64), spacing_px=3, most=9, seed=1).size
    2
    """
    order = np.random.default_rng(seed).permutation(rows.size)
    keys = np.stack([strata[order], rows[order] // spacing_px, columns[order] // spacing_px], axis=1)
    _, first = np.unique(keys, axis=0, return_index=True)
    chosen = order[np.sort(first)]
    rank = np.zeros(chosen.size, np.int64)
    for stratum in np.unique(strata[chosen]):
        own = strata[chosen] == stratum
        rank[own] = np.arange(own.sum())
    kept: Index = np.sort(chosen[rank < most])
    return kept


def class_samples(codes: NDArray[np.uint8], *, spacing_px: int = 10, most: int = 400, seed: int = 0) -> Samples:
    """Weak samples of a raster of WorldCover classes: stable neighbourhoods, thinned.

    Parameters
    ----------
    codes : uint8 (y, x)
        Classes of `WORLD_COVER`; others are left out.
    spacing_px : int
        Edge of the squares of which each gives one sample of a class.
    most : int
        Samples of a class at most.
    seed : int
        Which are taken.

    References
    ----------
    Zanaga et al. (2022), ESA WorldCover 10 m 2021 v200.
    """
    good = stable_neighbourhood(codes) & np.isin(codes, list(WORLD_COVER))
    rows, columns = (place.astype(np.int64) for place in np.nonzero(good))
    found = codes[rows, columns].astype(np.int64)
    kept = thinned(rows, columns, found, spacing_px=spacing_px, most=most, seed=seed)
    pairs = [WORLD_COVER[int(code)] for code in found[kept]]
    cover = np.array([cover for cover, _ in pairs], np.float32)
    return _weak(rows[kept], columns[kept], cover, np.array([kind for _, kind in pairs], np.uint8))


def with_trees(weak: Samples, probabilities: NDArray[np.floating]) -> Samples:
    """Let probabilities (sample, kind) say which trees samples without a kind are, where they are sure.

    WorldCover knows trees and no kinds of them; what rules are sure of fills that in.
    """
    own = np.nan_to_num(probabilities, nan=0.0)[:, [kind - 1 for kind in TREES]]
    sure = (weak.kind == UNKNOWN_KIND) & (own.max(axis=1) >= SURE)
    return replace(weak, kind=np.where(sure, np.array(TREES, np.uint8)[own.argmax(axis=1)], weak.kind).astype(np.uint8))


def percent_samples(percent: NDArray[np.uint8], *, spacing_px: int = 10, most: int = 150, seed: int = 0) -> Samples:
    """Weak samples of a raster of crown cover in percent: neighbourhoods within 15 %, thinned, evenly over cover.

    Parameters
    ----------
    percent : uint8 (y, x) [%]
        Such as treecover2000; above 100 is unknown.
    spacing_px, most, seed : int
        As for `class_samples`; each tenth of the cover is a class.

    References
    ----------
    Hansen et al. (2013), Science 342, 850-853.
    """
    known = np.where(percent <= 100, percent, 255).astype(np.uint8)
    rows, columns = (
        place.astype(np.int64) for place in np.nonzero(stable_neighbourhood(known, tolerance=_COVER_TOLERANCE))
    )
    found = known[rows, columns]
    kept = thinned(rows, columns, found.astype(np.int64) // 10, spacing_px=spacing_px, most=most, seed=seed)
    nothing = np.zeros(kept.size, np.uint8)
    return _weak(rows[kept], columns[kept], found[kept].astype(np.float32), nothing)


def _weak(rows: Index, columns: Index, cover: NDArray[np.float32], kind: NDArray[np.uint8]) -> Samples:
    weight = np.full(rows.size, WEAK_WEIGHT, np.float32)
    return Samples(rows, columns, cover, kind, np.arange(rows.size, dtype=np.int64), weight)
