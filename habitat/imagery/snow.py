"""Snow: what a clear look says of snow on the ground, open and under crowns, with a state of its own for doubt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

UNSEEN, BARE, SNOW, UNSURE = range(4)
"""States of the ground in a look: not seen; without snow; snow; patches of snow, or thin cloud."""
_LOW, _HIGH = -500, 15000


@njit(nogil=True, cache=True, error_model="numpy")
def ground_state(green: float, nir: float, swir1: float) -> int:
    """State of seen ground from reflectance codes of at least 1.

    Snow is NDSI > 0.4 with NIR > 0.11, or below crowns NDSI > 0 with NDFSI > 0.4. Ground counts as bare only where
    NDSI < -0.2: with a tenth of snow or a veil of cloud it is higher.

    References
    ----------
    Hall et al. (1995), NDSI; Wang et al. (2015), NDFSI.
    """
    ndsi = (green - swir1) / (green + swir1)
    if ndsi < -0.2:
        return BARE
    ndfsi = (nir - swir1) / (nir + swir1)
    if nir > 1100.0 and (ndsi > 0.4 or (ndsi > 0.0 and ndfsi > 0.4)):
        return SNOW
    return UNSURE


def ground_states(
    green: NDArray[np.int16], nir: NDArray[np.int16], swir1: NDArray[np.int16], clear: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """States of looks (date, pixel): UNSEEN, BARE, SNOW or UNSURE.

    Parameters
    ----------
    green, nir, swir1 : int16 (date, pixel)
        Reflectance / 1e-4, -32768 where unknown.
    clear : uint8 (date, pixel)
        1 where clear.

    Examples
    --------
    >>> green, nir, swir1 = (np.array([codes], np.int16) for codes in ([500, 8000], [2300, 7500], [2000, 1000]))
    >>> ground_states(green, nir, swir1, np.ones((1, 2), np.uint8)).tolist()
    [[1, 2]]
    """
    states = np.zeros(clear.shape, np.uint8)
    bands = [np.ascontiguousarray(one) for one in (green, nir, swir1)]
    _states(bands[0], bands[1], bands[2], np.ascontiguousarray(clear), states)
    return states


@njit(nogil=True, cache=True, error_model="numpy")
def _states(green: Any, nir: Any, swir1: Any, clear: Any, states: Any) -> None:
    for t in range(states.shape[0]):
        for p in range(states.shape[1]):
            known = clear[t, p] != 0
            for band in (green, nir, swir1):
                known &= _LOW < band[t, p] < _HIGH
            if known:
                states[t, p] = ground_state(
                    float(max(green[t, p], 1)), float(max(nir[t, p], 1)), float(max(swir1[t, p], 1))
                )


def last_look(states: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """State of the latest look that is sure, UNSURE where none is, and which look it was (-1 none); each (pixel,).

    Parameters
    ----------
    states : uint8 (date, pixel)
        Of `ground_states`, dates ascending.

    Examples
    --------
    >>> state, look = last_look(np.array([[2, 2, 0], [1, 3, 0], [0, 0, 0]], np.uint8))
    >>> state.tolist(), look.tolist()
    ([1, 2, 0], [1, 0, -1])
    """
    dates, pixels = states.shape
    state, look = np.zeros(pixels, np.uint8), np.full(pixels, -1, np.int64)
    for t in range(dates - 1, -1, -1):
        sure = (look < 0) & ((states[t] == BARE) | (states[t] == SNOW))
        state[sure], look[sure] = states[t][sure], t
        state[(look < 0) & (states[t] == UNSURE)] = UNSURE
    return state, look
