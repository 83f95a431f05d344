"""Phenology: when leaves came, stood and went at each pixel in a year, from irregular clear looks, and how surely."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from habitat.imagery.seasons import ALREADY, NOT_YET, UNKNOWN, turn_of

Floats = NDArray[np.float32]

TOLD, NO_LEAVES, NOT_SEEN, CONTRADICTED, TOO_WIDE = range(5)
REASONS = {
    TOLD: "told",
    NO_LEAVES: "no season of leaves",
    NOT_SEEN: "not seen on both sides",
    CONTRADICTED: "looks contradict each other",
    TOO_WIDE: "looks too far apart",
}
"""Why a turn of the leaves is known or not."""
MIDSUMMER = 213
"""Day of the year that parts spring from autumn: 1 August."""
_PEAK_SHARE = 0.1
_CONTRADICTIONS = 4


class LeafTurn(NamedTuple):
    """A turn of the leaves, each (pixel,)."""

    date: Floats
    """Day of the year at which greenness passes the middle of its range, on a line between two looks; NaN unknown."""
    uncertainty: Floats
    """Days to the farther of the two looks: the date is wrong by no more, looks granted."""
    reason: NDArray[np.uint8]
    """Of `REASONS`."""


class Peak(NamedTuple):
    """When a pixel was greenest, each (pixel,)."""

    date: Floats
    """Middle day of the looks within a tenth of the range from the highest value; NaN unknown."""
    uncertainty: Floats
    """Half of the days between the first and the last of them."""


def leaf_turn(
    days: NDArray[np.int64],
    green: Floats,
    low: Floats,
    high: Floats,
    *,
    falling: bool,
    least_span: float,
    widest: float,
) -> LeafTurn:
    """When leaves came (or went, if falling): greenness passing half way between its values without and with leaves.

    Parameters
    ----------
    days : int64 (date,)
        Days of the year, ascending, of one half year: to midsummer, or from it.
    green : float32 (date, pixel)
        NDVI or the like without snow, NaN where not seen.
    low, high : float32 (pixel,)
        Its values without and with leaves, of `habitat.imagery.seasons.usual_range` over more than one year.
    falling : bool
        Whether leaves go.
    least_span : float
        Pixels whose values are nearer have no season of leaves.
    widest : float
        Looks on either side farther apart than this [d] tell nothing worth a date.

    Raises
    ------
    ValueError
        If there is not one day for each date, or days descend.

    Examples
    --------
    >>> ndvi = np.array([[0.3], [0.4], [0.8], [0.9]], np.float32)
    >>> low, high = ndvi.min(axis=0), ndvi.max(axis=0)
    >>> turn = leaf_turn(np.array([100, 120, 130, 150]), ndvi, low, high, falling=False, least_span=.15, widest=60)
    >>> turn.date.tolist(), turn.uncertainty.tolist()
    ([125.0], [5.0])
    """
    pixels = green.shape[1]
    varies = np.asarray(high - low >= np.float32(least_span))
    middle = np.where(varies, (low + high) / 2, np.float32(np.nan)).astype(np.float32)
    with np.errstate(invalid="ignore"):
        over = green < middle if falling else green >= middle
    known = np.isfinite(green) & np.isfinite(middle)
    states = np.where(known, np.where(over, ALREADY, NOT_YET), UNKNOWN).astype(np.uint8)
    turn = turn_of(days.astype(np.float64).tolist(), states[:, np.newaxis, :])
    before, after = turn.last_before.reshape(pixels), turn.first_after.reshape(pixels)
    wrong = turn.contradictions.reshape(pixels)
    date = _crossing(days, green, middle, before, after)
    with np.errstate(invalid="ignore"):
        farther = np.maximum(date - before, after - date).astype(np.float32)
        wide = after - before > widest
    reason = np.full(pixels, TOLD, np.uint8)
    reason[~np.isfinite(date)] = NOT_SEEN
    reason[wide] = TOO_WIDE
    reason[np.isfinite(date) & (wrong.astype(np.int64) * _CONTRADICTIONS > known.sum(axis=0))] = CONTRADICTED
    reason[np.isfinite(low) & ~varies] = NO_LEAVES
    told = reason == TOLD
    nan = np.float32(np.nan)
    return LeafTurn(np.where(told, date, nan), np.where(told, farther, nan), reason)


def _crossing(days: NDArray[np.int64], green: Floats, middle: Floats, before: Floats, after: Floats) -> Floats:
    """Return where the line between the looks on either side passes the middle."""
    known = np.isfinite(before) & np.isfinite(after)
    date = np.full(before.shape, np.nan, np.float32)
    columns = np.flatnonzero(known)
    if not columns.size:
        return date
    first, last = (_value_on(days, green, when, columns) for when in (before[columns], after[columns]))
    share = np.clip((middle[columns] - first) / np.where(last == first, np.float32(1), last - first), 0, 1)
    date[columns] = before[columns] + share * (after[columns] - before[columns])
    return date


def _value_on(days: NDArray[np.int64], green: Floats, when: Floats, columns: NDArray[np.intp]) -> Floats:
    """Return the mean value of the looks of a day at each pixel: two satellites may pass on one."""
    first = np.searchsorted(days, when, side="left")
    past = np.searchsorted(days, when, side="right")
    total, count = np.zeros(when.shape, np.float64), np.zeros(when.shape, np.int64)
    for step in range(int(np.max(past - first))):
        look = first + step
        value = green[np.minimum(look, len(days) - 1), columns]
        good = (look < past) & np.isfinite(value)
        total[good] += value[good]
        count[good] += 1
    return np.asarray(total / np.maximum(count, 1), np.float32)


def peak(days: NDArray[np.int64], green: Floats, low: Floats, high: Floats, *, least_span: float) -> Peak:
    """When each pixel was greenest in a year; parameters as of `leaf_turn`, the days of the whole year.

    Examples
    --------
    >>> ndvi = np.array([[0.3], [0.88], [0.9], [0.87], [0.4]], np.float32)
    >>> told = peak(np.array([100, 160, 180, 210, 300]), ndvi, ndvi.min(axis=0), ndvi.max(axis=0), least_span=0.15)
    >>> told.date.tolist(), told.uncertainty.tolist()
    ([185.0], [25.0])
    """
    nan = np.float32(np.nan)
    with np.errstate(invalid="ignore"):
        top = np.isfinite(green) & (green >= high - np.float32(_PEAK_SHARE) * (high - low))
        varies = high - low >= np.float32(least_span)
    seen = top.any(axis=0) & varies
    first = days[np.argmax(top, axis=0)].astype(np.float32) if len(days) else np.zeros(green.shape[1], np.float32)
    last = days[::-1][np.argmax(top[::-1], axis=0)].astype(np.float32) if len(days) else first
    return Peak(np.where(seen, (first + last) / 2, nan), np.where(seen, (last - first) / 2, nan))


def greenness(red: NDArray[Any], nir: NDArray[Any], usable: NDArray[np.bool_]) -> Floats:
    """NDVI (date, pixel) of reflectance codes where usable, NaN elsewhere.

    Examples
    --------
    >>> greenness(np.array([[1000]], np.int16), np.array([[3000]], np.int16), np.array([[True]])).tolist()
    [[0.5]]
    """
    low, high = (np.maximum(band, 1).astype(np.float32) for band in (red, nir))
    return np.where(usable, (high - low) / (high + low), np.float32(np.nan)).astype(np.float32)
