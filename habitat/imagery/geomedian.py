"""Geometric median: the date-like spectrum nearest to all clear spectra of a pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.imagery.composites import NODATA

_BLOCK = 128
"""Pixels worked at once, so that the inner loops become vector instructions."""


def geometric_median(stack: NDArray[np.int16], *, tolerance: float = 0.5, iterations: int = 50) -> NDArray[np.int16]:
    """Multi-band median that keeps the bands of a pixel together.

    Weiszfeld's iteration from the mean: each step goes to the mean weighted by 1 / distance, held back by
    dates that lie at the very place (Vardi and Zhang). A pixel rests once none of its bands moves by more than
    `tolerance`, so its result depends on its own dates alone. Dates with a band missing are left out whole.

    Parameters
    ----------
    stack : int16 (band, date, y, x)
        Reflectance codes; -32768 where a band is not clear.
    tolerance : float
        Largest movement of a band [codes of 1e-4 reflectance] at which a pixel rests.
    iterations : int
        Most steps.

    Returns
    -------
    int16 (band, y, x)
        Reflectance codes; -32768 where no date has all bands.

    References
    ----------
    Roberts, D., Mueller, N., McIntyre, A. (2017), High-dimensional pixel composites from Earth
    observation time series, IEEE TGRS 55(11); Weiszfeld (1937); Vardi, Y., Zhang, C.-H. (2000), The
    multivariate L1-median and associated data depth, PNAS 97(4), 1423-1426.

    Examples
    --------
    >>> three = np.array([[[[0]], [[100]], [[5000]]], [[[0]], [[100]], [[5000]]]], np.int16)
    >>> geometric_median(three)[:, 0, 0].tolist()
    [100, 100]
    """
    bands, _, height, width = stack.shape
    out = np.full((bands, height, width), NODATA, np.int16)
    _geomedian_rows(stack, np.float32(tolerance), iterations, out)
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def _geomedian_rows(stack: Any, tolerance: Any, iterations: int, out: Any) -> None:
    bands, dates, height, width = stack.shape
    values = np.empty((dates, bands, _BLOCK), np.float32)
    valid = np.empty((dates, _BLOCK), np.float32)
    centre = np.empty((bands, _BLOCK), np.float32)
    for y in range(height):
        for left in range(0, width, _BLOCK):
            w = min(_BLOCK, width - left)
            _gather(stack, y, left, w, values, valid)
            _settle(values, valid, centre, tolerance, iterations)
            for x in range(w):
                if valid[:, x].any():
                    for b in range(bands):
                        out[b, y, left + x] = np.int16(np.rint(centre[b, x]))


@njit(nogil=True, cache=True, inline="never")
def _gather(stack: Any, y: int, left: int, w: int, values: Any, valid: Any) -> None:
    bands, dates = stack.shape[:2]
    for t in range(dates):
        valid[t, :] = 0
        valid[t, :w] = 1
        for b in range(bands):
            for x in range(w):
                v = stack[b, t, y, left + x]
                values[t, b, x] = np.float32(v)
                valid[t, x] = valid[t, x] if v != -32768 else np.float32(0)
            values[t, b, w:] = 0


@njit(nogil=True, cache=True, error_model="numpy")
def _settle(values: Any, valid: Any, centre: Any, tolerance: Any, iterations: int) -> None:
    """Move the centres from the means until every pixel rests; a pixel that rests is not moved again."""
    dates, bands, width = values.shape
    weight = np.empty((dates, width), np.float32)
    held = np.empty(width, np.float32)
    goal = np.empty((bands, width), np.float32)
    unrest = np.ones(width, np.float32)
    # Nearer to a date than this, its weight would shorten the steps below the tolerance wherever the median is.
    touching = tolerance * tolerance
    _sums(values, valid, goal)
    _means(valid, goal, centre)
    for _ in range(iterations):
        _weigh(values, valid, centre, touching, weight, held)
        _sums(values, weight, goal)
        if not _move(goal, weight, held, tolerance, unrest, centre):
            break


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _sums(values: Any, weight: Any, sums: Any) -> None:
    """Weighted sums of the dates, band by band."""
    dates, bands, width = values.shape
    sums[:] = 0
    for t in range(dates):
        for b in range(bands):
            for x in range(width):
                sums[b, x] += weight[t, x] * values[t, b, x]


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _means(valid: Any, sums: Any, means: Any) -> None:
    dates, width = valid.shape
    bands = len(sums)
    count = np.zeros(width, np.float32)
    for t in range(dates):
        for x in range(width):
            count[x] += valid[t, x]
    for b in range(bands):
        for x in range(width):
            means[b, x] = sums[b, x] / max(count[x], np.float32(1))


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _weigh(values: Any, valid: Any, centre: Any, touching: Any, weight: Any, held: Any) -> None:
    """Weights 1 / distance of the dates apart from the centre, and the number of dates that lie upon it."""
    dates, bands, width = values.shape
    weight[:] = 0
    held[:] = 0
    for t in range(dates):
        for b in range(bands):
            for x in range(width):
                d = values[t, b, x] - centre[b, x]
                weight[t, x] += d * d
        for x in range(width):
            apart = weight[t, x] > touching
            held[x] += np.float32(0) if apart else valid[t, x]
            weight[t, x] = valid[t, x] / np.sqrt(weight[t, x]) if apart else np.float32(0)


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _move(sums: Any, weight: Any, held: Any, tolerance: Any, unrest: Any, centre: Any) -> bool:
    """Move each centre towards its weighted mean, unless the dates upon it hold it; tell whether any moved far."""
    bands, width = sums.shape
    total = np.zeros(width, np.float32)
    length = np.zeros(width, np.float32)
    far = np.zeros(width, np.float32)
    for t in range(len(weight)):
        for x in range(width):
            total[x] += weight[t, x]
    for b in range(bands):
        for x in range(width):
            sums[b, x] = sums[b, x] / max(total[x], np.float32(1e-9)) - centre[b, x]
            length[x] += sums[b, x] * sums[b, x]
            far[x] = max(far[x], abs(sums[b, x]))
    restless = np.float32(0)
    for x in range(width):
        length[x] = np.sqrt(length[x])
        # Each date upon the centre holds it with a pull of 1; the others pull with length * total.
        share = unrest[x] * max(np.float32(1) - held[x] / max(length[x] * total[x], np.float32(1e-6)), np.float32(0))
        unrest[x] = np.float32(1) if share * far[x] > tolerance else np.float32(0)
        restless += unrest[x]
        length[x] = share
    for b in range(bands):
        for x in range(width):
            centre[b, x] += length[x] * sums[b, x]
    return bool(restless > 0)
