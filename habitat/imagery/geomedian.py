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

    Weiszfeld's iteration from the mean: each step goes to the mean weighted by 1 / distance, held back by
    dates that lie at the very place (Vardi and Zhang). A pixel rests once a step is no longer than `tolerance`,
    so its result depends on its own dates alone. Dates with a band missing are left out whole.

    Parameters
    ----------
    stack : int16 (band, date, y, x)
        Reflectance codes; -32768 where a band is not clear.
    tolerance : float
        Length of a step [codes of 1e-4 reflectance] at which a pixel rests.
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
    _, bands, width = values.shape
    weight = np.empty((3, width), np.float32)
    pull = np.empty((bands, width), np.float32)
    unrest = np.ones(width, np.float32)
    # Nearer to a date than this, its weight would shorten the steps below the tolerance wherever the median is.
    touching = tolerance * tolerance
    _mean(values, valid, weight[0], centre)
    for _ in range(iterations):
        weight[1:] = 0
        pull[:] = 0
        for t in range(values.shape[0]):
            _weigh(values[t], valid[t], centre, touching, weight)
            _pull(values[t], centre, weight[0], pull)
        if not _move(pull, weight, tolerance, unrest, centre):
            break


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _mean(values: Any, valid: Any, count: Any, centre: Any) -> None:
    dates, bands, width = values.shape
    count[:] = 0
    centre[:] = 0
    for t in range(dates):
        for x in range(width):
            count[x] += valid[t, x]
        for b in range(bands):
            for x in range(width):
                centre[b, x] += valid[t, x] * values[t, b, x]
    for b in range(bands):
        for x in range(width):
            centre[b, x] /= max(count[x], np.float32(1))


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _weigh(values: Any, valid: Any, centre: Any, touching: Any, weight: Any) -> None:
    """Weights of one date (row 0), added to their sum (row 1); dates beneath the centre are counted (row 2)."""
    bands, width = values.shape
    here, total, beneath = weight[0], weight[1], weight[2]
    here[:] = 0
    for b in range(bands):
        for x in range(width):
            d = values[b, x] - centre[b, x]
            here[x] += d * d
    for x in range(width):
        apart = here[x] > touching
        beneath[x] += np.float32(0) if apart else valid[x]
        here[x] = valid[x] / np.sqrt(here[x]) if apart else np.float32(0)
        total[x] += here[x]


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _pull(values: Any, centre: Any, weight: Any, pull: Any) -> None:
    bands, width = values.shape
    for b in range(bands):
        for x in range(width):
            pull[b, x] += weight[x] * (values[b, x] - centre[b, x])


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _move(pull: Any, weight: Any, tolerance: Any, unrest: Any, centre: Any) -> bool:
    bands, width = pull.shape
    step, total, beneath = weight[0], weight[1], weight[2]
    step[:] = 0
    for b in range(bands):
        for x in range(width):
            step[x] += pull[b, x] * pull[b, x]
    restless = np.float32(0)
    for x in range(width):
        strength = np.sqrt(step[x])
        # Dates beneath the centre hold it with a pull of 1 each.
        free = max(strength - beneath[x], np.float32(0)) / max(strength, np.float32(1e-6))
        step[x] = unrest[x] * free / max(total[x], np.float32(1e-9))
        unrest[x] = np.float32(1) if step[x] * strength > tolerance else np.float32(0)
        restless += unrest[x]
    for b in range(bands):
        for x in range(width):
            centre[b, x] += step[x] * pull[b, x]
    return restless > 0
