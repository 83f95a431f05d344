"""Geometric median: the date-like spectrum nearest to all clear spectra of a pixel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.imagery.composites import NODATA

_BLOCK = 64
"""Pixels worked at once, so that the inner loops become vector instructions."""


def geometric_median(stack: NDArray[np.int16], *, tolerance: float = 0.5, iterations: int = 50) -> NDArray[np.int16]:
    """Multi-band median that keeps the bands of a pixel together.

    Weiszfeld's iteration from the mean, each step a mean weighted by 1 / distance; it ends when no
    pixel of a block moves by more than `tolerance`. Dates with a band missing are left out whole.

    Parameters
    ----------
    stack : int16 (band, date, y, x)
        Reflectance codes; -32768 where a band is not clear.
    tolerance : float
        Largest movement [codes of 1e-4 reflectance] at which the iteration ends.
    iterations : int
        Most steps.

    Returns
    -------
    int16 (band, y, x)
        Reflectance codes; -32768 where no date has all bands.

    References
    ----------
    Roberts, D., Mueller, N., McIntyre, A. (2017), High-dimensional pixel composites from Earth
    observation time series, IEEE TGRS 55(11); Weiszfeld (1937).

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
    values = np.empty((bands, dates, _BLOCK), np.float32)
    valid = np.empty((dates, _BLOCK), np.float32)
    centre = np.empty((bands, _BLOCK), np.float32)
    count = np.empty(_BLOCK, np.float32)
    for y in range(height):
        for left in range(0, width, _BLOCK):
            w = min(_BLOCK, width - left)
            _gather(stack, y, left, w, values, valid, count)
            _iterate(values, valid, count, centre, tolerance, iterations)
            for b in range(bands):
                for x in range(w):
                    if count[x] > 0:
                        out[b, y, left + x] = np.int16(np.rint(centre[b, x]))


@njit(nogil=True, cache=True, inline="never")
def _gather(stack: Any, y: int, left: int, w: int, values: Any, valid: Any, count: Any) -> None:
    bands, dates = stack.shape[:2]
    count[:] = 0
    for t in range(dates):
        valid[t, :] = 0
        valid[t, :w] = 1
        for b in range(bands):
            for x in range(w):
                v = stack[b, t, y, left + x]
                values[b, t, x] = np.float32(v)
                valid[t, x] = valid[t, x] if v != -32768 else np.float32(0)
            values[b, t, w:] = 0
        for x in range(w):
            count[x] += valid[t, x]


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _iterate(values: Any, valid: Any, count: Any, centre: Any, tolerance: Any, iterations: int) -> None:
    bands, dates, width = values.shape
    weight = np.empty(width, np.float32)
    norm = np.empty(width, np.float32)
    total = np.empty((bands, width), np.float32)
    floor = np.float32(0.1)  # a centre on top of a date must not divide by zero
    for step in range(iterations + 1):
        norm[:] = 0
        total[:] = 0
        for t in range(dates):
            if step == 0:
                for x in range(width):
                    weight[x] = valid[t, x]
            else:
                weight[:] = 0
                for b in range(bands):
                    for x in range(width):
                        d = values[b, t, x] - centre[b, x]
                        weight[x] += d * d
                for x in range(width):
                    weight[x] = valid[t, x] / max(np.sqrt(weight[x]), floor)
            for x in range(width):
                norm[x] += weight[x]
            for b in range(bands):
                for x in range(width):
                    total[b, x] += weight[x] * values[b, t, x]
        moved = np.float32(0)
        for b in range(bands):
            for x in range(width):
                new = total[b, x] / norm[x] if norm[x] > 0 else np.float32(0)
                moved = max(moved, abs(new - centre[b, x]) if step > 0 else np.float32(3e38))
                centre[b, x] = new
        if moved <= tolerance:
            break
