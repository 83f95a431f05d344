"""Segments: each pixel's history cut where it breaks, with a season model for each piece (CCDC, COLD)."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.change.segmentation.lasso_models import TERMS
from habitat.change.segmentation.pixel_blocks import (
    CLEAR,
    CLOUD,
    FILL,
    MODELLED,
    NO_DATA,
    TOO_FEW,
    segment_pixels,
)
from habitat.change.segmentation.segment_rules import COLD, SegmentRules
from habitat.change.segmentation.segment_walk import YEAR
from habitat.change.segmentation.series_rooms import (
    BREAK,
    CODE,
    LAST,
    LOOKS,
    MAGNITUDE,
    MODEL_RMSE,
    PIXEL,
    PROBABILITY,
    START,
    Found,
    new_found,
    new_room,
)
from habitat.contracts.errors import InputError

__all__ = ["BANDS", "COLD", "REASONS", "SegmentRules", "Segments", "break_count", "last_break", "segments"]

BANDS = ("blue", "green", "red", "nir", "swir1", "swir2", "thermal")
"""Order of the bands; the last one may be left out."""
REASONS = {MODELLED: "modelled", NO_DATA: "no data", TOO_FEW: "too few observations"}
"""What became of a pixel."""
ORIGIN = np.datetime64("2000-01-01", "D")
"""The day level and slope refer to."""
_DAY_ONE = np.datetime64("0001-01-01", "D")
_NODATA = -32768
_REFLECTANCE = 6
_PIECE = 256
_KNOWN = (0, 1, 2, 3, 4, 255)
_AS_GIVEN, _CLEAR_OR_NOT = "classes", "clear or not"


@dataclass(frozen=True)
class Segments:
    """Segments of many pixels in columns, in order of pixels and of time.

    Days are ordinals (1 = 1 January of year 1, `datetime.date.fromordinal`).

    Attributes
    ----------
    pixel : int64 (segment,)
        Number of the pixel in the flattened stack.
    start, end : int32 (segment,)
        Day of the first and of the last look.
    break_day : int32 (segment,)
        Day of the first look that departed, 0 for none.
    probability : uint8 (segment,)
        Of the break in percent: 100 confirmed, less where the series ends before enough looks could confirm it.
    n : int32 (segment,)
        Looks the model was fitted to.
    code : uint8 (segment,)
        4, 6, 8: number of coefficients. 14: short model before the first stable one. 24: short model at the end.
        44: too few clear looks, all looks that are not bright in green. 54: permanent snow.
    coefficients : float64 (segment, band, 8)
        Level on 1 January 2000, slope in a year, then cosine and sine of 2π·k·day/365.25 for k = 1, 2, 3; in codes.
    rmse : float64 (segment, band)
    magnitude : float64 (segment, band)
        Median residual of the looks that departed.
    reason : uint8 (pixel,)
        What became of each pixel, of `REASONS`.
    shape : tuple of int
        Of the stack behind band and time.
    """

    pixel: NDArray[np.int64]
    start: NDArray[np.int32]
    end: NDArray[np.int32]
    break_day: NDArray[np.int32]
    probability: NDArray[np.uint8]
    n: NDArray[np.int32]
    code: NDArray[np.uint8]
    coefficients: NDArray[np.float64]
    rmse: NDArray[np.float64]
    magnitude: NDArray[np.float64]
    reason: NDArray[np.uint8]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        """Return how many segments there are."""
        return len(self.pixel)

    def expected(self, segment: int, times: Any) -> NDArray[np.float64]:
        """Return what a segment's model expects (band, time), in codes.

        Parameters
        ----------
        segment : int
        times : datetime64 or ordinals (time,)
        """
        return np.asarray(self.coefficients[segment] @ _terms(_ordinals(times)).T)


def segments(
    stack: NDArray[Any],
    times: Any,
    *,
    qa: NDArray[Any] | None = None,
    clear: NDArray[Any] | None = None,
    rules: SegmentRules = COLD,
    workers: int | None = None,
) -> Segments:
    """Cut the history of each pixel where it breaks, and model each piece.

    Looks are taken in order of their dates, whatever order they come in; of several usable looks of one day in a pixel
    the first counts. Reflectance outside 0 to 1 is no look.

    Parameters
    ----------
    stack : int16 (band, time, ...)
        Codes (1e-4) of blue, green, red, near infrared, SWIR 1 and SWIR 2, and optionally temperature in tenths of a
        kelvin (0 or less: none). Breaks are looked for in green to SWIR 2.
    times : datetime64 or ordinals (time,)
    qa : uint8 (time, ...), optional
        0 clear, 1 water, 2 shadow, 3 snow, 4 cloud, 255 fill.
    clear : bool or uint8 (time, ...), optional
        Instead of `qa`, where snow is not told apart: not 0 is clear.
    rules : SegmentRules
    workers : int, optional
        Threads; all processors by default. The result does not depend on it.

    Returns
    -------
    Segments

    Raises
    ------
    InputError
        If shapes, types or classes do not fit, or a date is missing.

    Examples
    --------
    >>> days = np.datetime64("2015-01-05") + np.arange(0, 3600, 16)
    >>> noise = np.random.default_rng(0).normal(0, 60, (6, len(days)))
    >>> stack = np.array([400, 600, 500, 3000, 1800, 900])[:, None] + noise
    >>> stack[3:, 150:] += np.array([-1500, 800, 900])[:, None]
    >>> found = segments(stack.astype(np.int16), days, clear=np.ones(len(days)))
    >>> len(found), int(found.break_day[0]) == days[150].item().toordinal(), found.code.tolist()
    (2, True, [8, 8])

    References
    ----------
    Zhu, Z. and Woodcock, C. E. (2014). Continuous change detection and classification of land cover using all
    available Landsat data. Remote Sensing of Environment 144, 152-171.

    Zhu, Z. et al. (2020). Continuous monitoring of land disturbance based on Landsat time series. Remote Sensing of
    Environment 238, 111116.
    """
    flat, mask, shape = _checked(stack, qa, clear)
    ordinals = _ordinals(times)
    if len(ordinals) != flat.shape[1]:
        raise InputError(f"{len(ordinals)} dates for a stack of {flat.shape[1]}; give one for each.")
    order = np.argsort(ordinals, kind="stable")
    if (np.diff(order) < 0).any():
        flat, mask, ordinals = flat[:, order], mask[order], ordinals[order]
    flat, mask = np.ascontiguousarray(flat), np.ascontiguousarray(mask)
    dates, numbers = _dates(ordinals), rules.numbers()
    # Each break costs a segment as many looks as a model needs; a short one may stand before and one after them.
    rows = len(ordinals) // rules.fewest + 2

    def run(first: int) -> Found:
        stop = min(first + _PIECE, flat.shape[2])
        found = new_found(stop - first, (stop - first) * rows)
        room = new_room(len(ordinals), rules.confirm)
        count = segment_pixels((flat, mask), dates, numbers, tuple(room), tuple(found), (first, stop))
        return Found(found.columns[:count].copy(), found.models[:count].copy(), found.reason)

    starts = range(0, flat.shape[2], _PIECE)
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        pieces = list(pool.map(run, starts))
    return _joined(pieces, len(flat), shape)


def last_break(found: Segments, shape: Sequence[int] | None = None, *, least_probability: int = 100) -> Any:
    """Return the day of each pixel's last break: an ordinal, 0 for none, -1 where there is no model.

    Parameters
    ----------
    found : Segments
    shape : ints, optional
        Of the raster; that of the stack by default.
    least_probability : int
        Percent; less than 100 also takes breaks at the end of the series that too few looks confirm as yet.
    """
    days = np.where(found.reason == MODELLED, 0, -1).astype(np.int32)
    taken = _breaks(found, least_probability)
    np.maximum.at(days, found.pixel[taken], found.break_day[taken])
    return _raster(days, found, shape)


def break_count(found: Segments, shape: Sequence[int] | None = None, *, least_probability: int = 100) -> Any:
    """Return how often each pixel broke, -1 where there is no model; parameters as of `last_break`."""
    count = np.bincount(found.pixel[_breaks(found, least_probability)], minlength=len(found.reason))
    return _raster(np.where(found.reason == MODELLED, count, -1).astype(np.int16), found, shape)


def _breaks(found: Segments, least_probability: int) -> NDArray[np.bool_]:
    return np.asarray((found.break_day > 0) & (found.probability >= least_probability))


def _raster(values: NDArray[Any], found: Segments, shape: Sequence[int] | None) -> NDArray[Any]:
    wanted = tuple(found.shape if shape is None else shape)
    if np.prod(wanted, dtype=int) != len(values):
        raise InputError(f"A raster of {wanted} cannot hold {len(values)} pixels; give the shape of the stack.")
    return values.reshape(wanted)


def _checked(
    stack: NDArray[Any], qa: NDArray[Any] | None, clear: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[np.uint8], tuple[int, ...]]:
    """Return codes (band, time, pixel), classes (time, pixel) and the shape of the pixels."""
    stack = np.asarray(stack)
    if stack.ndim < 2 or len(stack) not in (_REFLECTANCE, len(BANDS)):
        raise InputError(f"The stack has the shape {stack.shape}; wanted (band, time, ...) with {', '.join(BANDS)}.")
    if stack.dtype.kind not in "iu":
        raise InputError(f"The stack is {stack.dtype}; wanted whole codes of 1e-4: round(reflectance × 10000).")
    if (qa is None) == (clear is None):
        raise InputError("Give either qa (classes) or clear (not 0 where clear), and not both.")
    given = np.asarray(clear if qa is None else qa)
    shape = stack.shape[2:]
    if given.shape != stack.shape[1:]:
        raise InputError(f"The mask has the shape {given.shape}; the stack wants {stack.shape[1:]}.")
    flat = stack.reshape(*stack.shape[:2], math.prod(shape))
    given = given.reshape(len(given), math.prod(shape))
    return flat, _classes(flat, given, _CLEAR_OR_NOT if qa is None else _AS_GIVEN), shape


def _classes(flat: NDArray[Any], given: NDArray[Any], how: str) -> NDArray[np.uint8]:
    """Return classes (time, pixel), fill where no band has data; date by date, for stacks are large."""
    mask = np.empty(given.shape, np.uint8)
    for codes, row, out in zip(flat[:_REFLECTANCE].swapaxes(0, 1), given, mask, strict=True):
        if how == _CLEAR_OR_NOT:
            out[:] = np.where(row != 0, CLEAR, CLOUD)
        else:
            out[:] = row
            known = np.isin(row, _KNOWN)
            if not known.all():
                raise InputError(
                    f"qa holds {np.unique(row[~known])[:5].tolist()}; wanted 0 clear, 1 water, 2 shadow, 3 snow, "
                    "4 cloud, 255 fill."
                )
        out[(codes == _NODATA).all(axis=0)] = FILL
    return mask


def _ordinals(times: Any) -> NDArray[np.int64]:
    given = np.asarray(times)
    if given.dtype.kind in "iu":
        return given.astype(np.int64).ravel()
    days = given.astype("datetime64[D]").ravel()
    if np.isnat(days).any():
        raise InputError(f"{int(np.isnat(days).sum())} of {days.size} dates are missing; give a date for each look.")
    return (days - _DAY_ONE).astype(np.int64) + 1


def _terms(ordinals: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the terms of the model (time, term)."""
    terms = np.ones((len(ordinals), TERMS))
    terms[:, 1] = (ordinals - _ordinals([ORIGIN])[0]) / YEAR
    for k in (1, 2, 3):
        angle = 2 * np.pi * k * ordinals / YEAR
        terms[:, 2 * k], terms[:, 2 * k + 1] = np.cos(angle), np.sin(angle)
    return terms


def _dates(ordinals: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return calendar, terms and waves of the dates as the kernels want them."""
    years = int((ordinals[-1] - ordinals[0]) / YEAR) + 1 if len(ordinals) else 1
    once = 2 * np.pi * ordinals / YEAR
    waves = np.array([[np.cos(once), np.sin(once), np.cos(once / n), np.sin(once / n)] for n in range(1, years + 1)])
    phase = ordinals * 4 % round(YEAR * 4)
    rank = np.empty(len(ordinals), np.int64)
    rank[np.argsort(phase, kind="stable")] = np.arange(len(ordinals))
    return np.array([ordinals, rank, phase]), _terms(ordinals), waves


def _joined(pieces: Sequence[Found], bands: int, shape: tuple[int, ...]) -> Segments:
    """Return the pieces one behind the other, with the bands there are."""
    pieces = pieces or [new_found(0, 0)]
    columns = np.concatenate([piece.columns for piece in pieces])
    models = np.concatenate([piece.models for piece in pieces])[..., :bands]
    return Segments(
        pixel=columns[:, PIXEL].copy(),
        start=columns[:, START].astype(np.int32),
        end=columns[:, LAST].astype(np.int32),
        break_day=columns[:, BREAK].astype(np.int32),
        probability=columns[:, PROBABILITY].astype(np.uint8),
        n=columns[:, LOOKS].astype(np.int32),
        code=columns[:, CODE].astype(np.uint8),
        coefficients=np.ascontiguousarray(models[:, :TERMS].transpose(0, 2, 1)),
        rmse=models[:, MODEL_RMSE].copy(),
        magnitude=models[:, MAGNITUDE].copy(),
        reason=np.concatenate([piece.reason for piece in pieces]),
        shape=shape,
    )
