"""History layers: the last break of each pixel, what an index did there, and which way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.change.segmentation.pixel_blocks import MODELLED, NO_DATA
from habitat.change.segments import ORIGIN, Segments

NO_BREAK, LOSS, OTHER, NOTHING_SEEN, FEW_LOOKS, SNOW, FEW_CLEAR = range(7)
HISTORY_CODES = {
    NO_BREAK: "no break",
    LOSS: "last break a loss",
    OTHER: "last break no loss",
    NOTHING_SEEN: "no data",
    FEW_LOOKS: "too few observations",
    SNOW: "permanent snow",
    FEW_CLEAR: "few clear looks",
}
"""What the segments of a pixel say."""
_FEW_CLEAR, _SNOW = 44, 54
_YEAR = 365.25
_CONFIRMED = 100
IndexOf = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Index of reflectance (band, ...) in the order of `habitat.change.segments.BANDS`."""


@dataclass(frozen=True, eq=False)
class BreakLayers:
    """Last confirmed breaks of pixels.

    Parameters
    ----------
    day : int32 (pixel,)
        Ordinal of the first look that departed, 0 where there is no break.
    count : int16 (pixel,)
        Confirmed breaks.
    before, after : float32 (pixel,)
        The index the model expected on that day, and with the median residual of the looks that departed.
    reason : uint8 (pixel,)
        See `HISTORY_CODES`.
    """

    day: NDArray[np.int32]
    count: NDArray[np.int16]
    before: NDArray[np.float32]
    after: NDArray[np.float32]
    reason: NDArray[np.uint8]


def index_at_breaks(
    found: Segments, rows: NDArray[np.integer[Any]], index: IndexOf
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what an index was expected to be on the days segments broke, and what it was.

    Parameters
    ----------
    found : Segments
    rows : int (n,)
        Segments that end with a break.
    index : callable
        Of reflectance (band, n) [1].
    """
    days = found.break_day[rows].astype(np.float64)
    origin = float(ORIGIN.item().toordinal())
    turns = 2 * np.pi * days / _YEAR
    waves = [wave(k * turns) for k in (1, 2, 3) for wave in (np.cos, np.sin)]
    terms = np.stack([np.ones_like(days), (days - origin) / _YEAR, *waves], axis=1)
    expected = np.einsum("sbt,st->bs", found.coefficients[rows, :6], terms)
    after = expected + found.magnitude[rows, :6].T
    return index(expected * 1e-4), index(after * 1e-4)


def break_layers(found: Segments, index: IndexOf, *, loss: int, least: float = 0.0) -> BreakLayers:
    """Return the last confirmed break of each pixel.

    Parameters
    ----------
    found : Segments
        Of reflectance codes.
    index : callable
        Of reflectance (band, n) [1].
    loss : int
        -1 where the index falls with loss, 1 where it rises.
    least : float
        Smallest change towards loss that is called one, in the unit of the index.
    """
    pixels = len(found.reason)
    broke = np.flatnonzero((found.break_day > 0) & (found.probability >= _CONFIRMED))
    count = np.bincount(found.pixel[broke], minlength=pixels).astype(np.int16)
    last = np.full(pixels, -1, np.int64)
    # Segments stand in the order of time: of several assignments the last one stays.
    last[found.pixel[broke]] = broke
    chosen = np.flatnonzero(last >= 0)
    before, after = (np.full(pixels, np.nan, np.float32) for _ in range(2))
    day = np.zeros(pixels, np.int32)
    day[chosen] = found.break_day[last[chosen]]
    before[chosen], after[chosen] = index_at_breaks(found, last[chosen], index)
    reason = np.where(found.reason == MODELLED, NO_BREAK, FEW_LOOKS).astype(np.uint8)
    reason[found.reason == NO_DATA] = NOTHING_SEEN
    for code, meaning in ((_FEW_CLEAR, FEW_CLEAR), (_SNOW, SNOW)):
        reason[found.pixel[found.code == code]] = meaning
    lost = loss * (after[chosen] - before[chosen]) > least
    reason[chosen] = np.where(lost, LOSS, OTHER)
    return BreakLayers(day, count, before, after, reason)


def losses_by_year(
    found: Segments, index: IndexOf, *, loss: int, least: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the pixel and the year of each confirmed break that is a loss; a pixel may lose more than once.

    Parameters
    ----------
    found, index, loss, least
        As of `break_layers`.
    """
    rows = np.flatnonzero((found.break_day > 0) & (found.probability >= _CONFIRMED))
    before, after = index_at_breaks(found, rows, index)
    rows = rows[loss * (after - before) > least]
    days = found.break_day[rows].astype("timedelta64[D]") + (np.datetime64("0001-01-01", "D") - np.timedelta64(1, "D"))
    years = days.astype("datetime64[Y]").astype(np.int64) + 1970
    both = np.unique(np.stack([found.pixel[rows], years], axis=1), axis=0)
    return both[:, 0], both[:, 1]
