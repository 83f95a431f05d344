"""Seasons: when snow went and leaves came at each pixel, from irregular clear observations, and how surely."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]

UNKNOWN, NOT_YET, ALREADY = 0, 1, 2
"""What an observation says of a turn of the year: nothing, that it has not come, that it has."""


class Turn(NamedTuple):
    """A turn of the year, each (y, x) in the units of the days given; NaN unknown."""

    last_before: Floats
    """Last observation before it."""
    first_after: Floats
    """First observation after it: it came after the one and not after the other."""
    contradictions: NDArray[np.uint8]
    """Observations that say otherwise: clouds taken for snow, late snow. 255 where the turn is unknown."""

    @property
    def date(self) -> Floats:
        """Middle of the interval."""
        middle: Floats = (self.last_before + self.first_after) * np.float32(0.5)
        return middle

    @property
    def uncertainty(self) -> Floats:
        """Half of the interval: the date is wrong by no more than this, observations granted."""
        half: Floats = (self.first_after - self.last_before) * np.float32(0.5)
        return half


def turn_of(days: Sequence[float], states: NDArray[np.uint8]) -> Turn:
    """When a turn of the year came: the parting of observations with the fewest contradictions, the latest of several.

    Parameters
    ----------
    days : sequence of float
        Day of each date, ascending.
    states : uint8 (date, y, x)
        UNKNOWN, NOT_YET or ALREADY.

    Returns
    -------
    Turn
        Unknown where no observation lies on one of both sides: ground first seen without snow has lost it
        before, but nobody knows when.

    Raises
    ------
    ValueError
        If there is not one day for each date, or days descend.

    Examples
    --------
    >>> states = np.array([1, 1, 0, 2, 2], np.uint8).reshape(5, 1, 1)
    >>> turn = turn_of([60, 70, 75, 80, 90], states)
    >>> turn.date.item(), turn.uncertainty.item()
    (75.0, 5.0)
    """
    when = np.asarray(days, np.float64)
    if when.shape != states.shape[:1] or (np.diff(when) < 0).any():
        raise ValueError(f"{when.size} days for {states.shape[0]} dates; wants one for each date, ascending")
    shape = states.shape[1:]
    last, first = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    contradictions = np.full(shape, 255, np.uint8)
    flat = np.ascontiguousarray(states).reshape(states.shape[0], last.size)
    _turns(when, flat, last.reshape(-1), first.reshape(-1), contradictions.reshape(-1))
    return Turn(last, first, contradictions)


@njit(nogil=True, cache=True)
def _turns(when: Any, states: Any, last: Any, first: Any, contradictions: Any) -> None:
    dates, pixels = states.shape
    for p in range(pixels):
        later = 0
        for t in range(dates):
            later += states[t, p] == NOT_YET
        wrong, fewest, at = later, 1 << 30, -1
        seen_before = False
        # What is left behind to the left of the parting must say "not yet", what lies to the right "already".
        for t in range(dates):
            state = states[t, p]
            if state == ALREADY and seen_before and wrong <= fewest:
                fewest, at = wrong, t
            if state == NOT_YET:
                seen_before = True
                wrong -= 1
            elif state == ALREADY:
                wrong += 1
        if at < 0:
            continue
        t = at
        while states[t, p] != NOT_YET:
            t -= 1
        last[p], first[p] = when[t], when[at]
        contradictions[p] = min(fewest, 254)


def snow_off(days: Sequence[float], snow: NDArray[np.bool_], seen: NDArray[np.bool_]) -> Turn:
    """When the last snow went.

    Parameters
    ----------
    days : sequence of float
        Day of the year of each date, of one spring: from midwinter to summer.
    snow : bool (date, y, x)
        Snow on the ground.
    seen : bool (date, y, x)
        Clear, and certain of it: patches of snow and thin cloud are left out.

    Examples
    --------
    >>> snow = np.array([True, False]).reshape(2, 1, 1)
    >>> snow_off([70, 90], snow, np.ones_like(snow)).date.item()
    80.0
    """
    return turn_of(days, np.where(seen, np.where(snow, NOT_YET, ALREADY), UNKNOWN).astype(np.uint8))


def green_up(days: Sequence[float], greenness: Floats, low: Floats, high: Floats, *, least_span: float = 0.15) -> Turn:
    """When leaves were half out: greenness half way between its winter and its summer value.

    Parameters
    ----------
    days : sequence of float
        Day of the year of each date, of one spring.
    greenness : float32 (date, y, x)
        NDVI or the like, NaN where not seen.
    low, high : float32 (y, x)
        Its values without and with leaves, from `usual_range`.
    least_span : float
        Pixels whose values are nearer to each other have no season of leaves: their turn is unknown.

    Examples
    --------
    >>> ndvi = np.array([0.3, 0.35, 0.7, 0.85], np.float32).reshape(4, 1, 1)
    >>> turn = green_up([100, 120, 134, 150], ndvi, ndvi.min(axis=0), ndvi.max(axis=0))
    >>> turn.last_before.item(), turn.first_after.item()
    (120.0, 134.0)
    """
    middle = np.where(high - low >= least_span, (low + high) * 0.5, np.nan)
    with np.errstate(invalid="ignore"):
        known = np.isfinite(greenness) & np.isfinite(middle)
        states = np.where(known, np.where(greenness >= middle, ALREADY, NOT_YET), UNKNOWN)
    return turn_of(days, states.astype(np.uint8))


def usual_range(values: Floats, *, share: float = 0.1) -> tuple[Floats, Floats]:
    """Lowest and highest value of each pixel without the outermost share of its observations.

    Parameters
    ----------
    values : float32 (date, y, x)
        NaN where unknown.
    share : float
        Share of the observations left out at each end [1]: clouds and shadows that were taken for clear.

    Returns
    -------
    tuple of float32 (y, x)
        NaN where nothing is known.

    Examples
    --------
    >>> low, high = usual_range(np.arange(11, dtype=np.float32).reshape(11, 1, 1))
    >>> low.item(), high.item()
    (1.0, 9.0)
    """
    shape = values.shape[1:]
    low, high = np.full(shape, np.nan, np.float32), np.full(shape, np.nan, np.float32)
    flat = np.ascontiguousarray(values).reshape(values.shape[0], low.size)
    _ranges(flat, share, low.reshape(-1), high.reshape(-1))
    return low, high


@njit(nogil=True, cache=True)
def _ranges(values: Any, share: float, low: Any, high: Any) -> None:
    known = np.empty(values.shape[0], np.float32)
    for p in range(values.shape[1]):
        count = 0
        for t in range(values.shape[0]):
            if not np.isnan(values[t, p]):
                known[count] = values[t, p]
                count += 1
        if count:
            ordered = np.sort(known[:count])
            cut = int(share * count)
            low[p], high[p] = ordered[cut], ordered[count - 1 - cut]
