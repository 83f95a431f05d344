"""How a stand goes on after crowns burnt or were felled: grass, shrub, young birch, and crowns that close again."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.twin.land.clearings import KIND_CODES
from habitat.twin.land.landscape import Cover, Field

FELLED, THINNED, FARMED = (KIND_CODES[kind] for kind in ("clear-cut", "selective", "field"))
"""Kinds of clearing: crowns grow back after the first, close again after the second, stay away after the third."""

_YEAR = 365.25
_SHRUB_AFTER, _BIRCH_AFTER = 2.5, 9.0
"""Years until young growth is taller than grass, and until it is a wood again."""
_GROWS_M = 0.45
"""Height young trees gain in a year [m]."""
_THINNED_BY = 0.20
"""Share of the leaves a ground fire of severity 1 costs for the summers after it."""
_RECOVERS = 500.0
"""Days in which the larger part of these comes back."""
_REPLACED = 0.5
"""Share of the crowns that must be gone for the cover to change [1]."""
_FIRST_FOREST, _LAST_FOREST = Cover.PINE_BROADLEAF.value, Cover.LARCH.value
_BIRCH, _SHRUB, _GRASS, _FIELD = Cover.BIRCH.value, Cover.SHRUB.value, Cover.GRASS.value, Cover.FIELD.value


class Losses(NamedTuple):
    """What befell each pixel up to a day, fields (y, x)."""

    since_fire: Field
    """Days since the last fire; infinity where none was."""
    severity: Field
    """Of that fire [1]."""
    since_crown_fire: Field
    """Days since the last fire that burnt crowns."""
    crowns_burnt: Field
    """Share of the crowns it took [1]."""
    since_clearing: Field
    """Days since the last clearing."""
    removed: Field
    """Share of the crowns it took [1]."""
    clearing: NDArray[np.uint8]
    """What it was, of `KIND_CODES`; 0 where none was."""


class Trees(NamedTuple):
    """Trees before or after, fields (y, x); as in `Landscape`."""

    cover: NDArray[np.uint8]
    """Values of `Cover`."""
    canopy: Field
    """Crown cover [1]."""
    height: Field
    """[m]"""
    evergreen: Field
    """Share of the crowns that is evergreen [1]."""


@njit(nogil=True, cache=True, error_model="numpy")
def _young_canopy(years):  # type: ignore[no-untyped-def]
    """Return the crown cover of what grows up on cleared or burnt forest ground."""
    return 0.82 * (1.0 - math.exp(-max(years - 0.6, 0.0) / 7.0))


@njit(nogil=True, cache=True, error_model="numpy")
def _young_cover(years):  # type: ignore[no-untyped-def]
    if years < _SHRUB_AFTER:
        return _GRASS
    return _SHRUB if years < _BIRCH_AFTER else _BIRCH


@njit(nogil=True, cache=True, error_model="numpy")
def let_grow(after, before, losses):  # type: ignore[no-untyped-def]
    """Fill `after` (`Trees`) with what `losses` and time have made of `before`."""
    rows, columns = before.canopy.shape
    for i in range(rows):
        for j in range(columns):
            cover = before.cover[i, j]
            canopy, height = before.canopy[i, j], before.height[i, j]
            evergreen = before.evergreen[i, j]
            if losses.severity[i, j] > 0.0 and canopy > 0.0:
                canopy *= 1.0 - _THINNED_BY * losses.severity[i, j] * math.exp(-losses.since_fire[i, j] / _RECOVERS)
            if losses.clearing[i, j] > 0:
                cover, canopy, height, evergreen = _after_clearing(
                    (cover, canopy, height, evergreen),
                    losses.since_clearing[i, j] / _YEAR,
                    losses.removed[i, j],
                    losses.clearing[i, j],
                )
            if losses.crowns_burnt[i, j] > 0.0:
                cover, canopy, height, evergreen = _after_loss(
                    (cover, canopy, height, evergreen), losses.since_crown_fire[i, j] / _YEAR, losses.crowns_burnt[i, j]
                )
            after.cover[i, j], after.canopy[i, j] = cover, canopy
            after.height[i, j], after.evergreen[i, j] = height, evergreen


@njit(nogil=True, cache=True, error_model="numpy")
def _after_loss(trees, years, lost):  # type: ignore[no-untyped-def]
    """Return cover, canopy, height and evergreen share some years after part of the crowns were lost."""
    cover, canopy, height, evergreen = trees
    if cover < _FIRST_FOREST or cover > _LAST_FOREST:
        # Shrubs and grass come back from their roots.
        return cover, canopy * (1.0 - lost * math.exp(-years / 1.5)), height, evergreen
    young = lost * min(_young_canopy(years), canopy)
    left = canopy * (1.0 - lost)
    if left + young > 0.0:
        evergreen *= left / (left + young)
    if lost >= _REPLACED:
        cover = _young_cover(years)
        height = min(height, _GROWS_M * years)
    return cover, left + young, height, evergreen


@njit(nogil=True, cache=True, error_model="numpy")
def _after_clearing(trees, years, removed, kind):  # type: ignore[no-untyped-def]
    cover, canopy, height, evergreen = trees
    if kind == FARMED:
        if removed >= _REPLACED:
            return _FIELD, 0.0, 0.0, 0.0
        return cover, canopy * (1.0 - removed), height, evergreen
    if kind == THINNED:
        # Neighbours' crowns spread into the gaps, but not all the way.
        gaps = removed * (0.35 + 0.65 * math.exp(-years / 8.0))
        return cover, canopy * (1.0 - gaps), height, evergreen
    return _after_loss(trees, years, removed)
