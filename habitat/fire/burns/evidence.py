"""Evidence: what single observations say of char: four numbers and the state of the ground, from reflectance."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.imagery.snow import BARE, UNSEEN, ground_state

BANDS = ("green", "red", "nir", "swir1", "swir2")
"""Bands the evidence is made of, in the order of the kernels."""
FEATURES = ("mirbi", "nbr2", "nbr", "swir2")
"""What is compared: MIRBI, -NBR2, -NBR and the logarithm of SWIR2; char raises the first three."""
NODATA = -32768
"""Code of unknown reflectance."""
UNCLEAR = UNSEEN
"""State of the ground in an observation that does not show it."""

CHAR_NIR, CHAR_SWIR1, CHAR_SWIR2 = 0.08, 0.115, 0.12
"""Reflectance [1] of fresh char and ash-free black litter.

Spectra of burnt ground lie about .05-.10, .08-.15 and .08-.15 in these bands (Trigg & Flasse 2000, 2001; Smith et al.
2005).
"""
CHAR_SWIR2_RANGE = (0.08, 0.18)
"""Least and greatest SWIR2 [1] that burnt ground may have: wet char, and char with ash."""
LEAST_RANGE = (0.30, 0.10, 0.15, 0.0)
"""Least change that full char is taken to make, where ground is nearly as dark as char already."""
_LOW, _HIGH = -500, 15000
"""Codes of reflectance outside of which an observation is not believed."""


class Seen(NamedTuple):
    """Observations of some ground."""

    features: NDArray[np.float32]
    """(date, feature, pixel); meaningless where the ground is not seen."""
    states: NDArray[np.uint8]
    """(date, pixel): UNCLEAR, BARE, SNOW or UNSURE."""


def observed(codes: NDArray[np.int16], clear: NDArray[np.uint8]) -> Seen:
    """Return features and states of observations.

    Snow and bare ground are told by `habitat.imagery.snow.ground_state`: snow that melts looks like fire.

    Parameters
    ----------
    codes : int16 (band, date, pixel)
        Reflectance / 1e-4 of `BANDS`, -32768 where unknown.
    clear : uint8 (date, pixel)
        1 where clear.

    Returns
    -------
    Seen
        Features (date, feature, pixel) and states (date, pixel).

    References
    ----------
    Trigg & Flasse (2001), MIRBI; Key & Benson (2006), NBR; Hall et al. (1995), NDSI; Wang et al. (2015), NDFSI.

    Examples
    --------
    >>> litter, snow = [500, 700, 2300, 2000, 1150], [8000, 8000, 7500, 1000, 900]
    >>> codes = np.array([litter, snow], np.int16).T.reshape(5, 1, 2)
    >>> seen = observed(codes, np.ones((1, 2), np.uint8))
    >>> seen.features[0, :, 0].astype(float).round(3).tolist(), seen.states.tolist()
    ([1.19, -0.27, -0.333, -2.163], [[1, 2]])
    """
    dates, pixels = clear.shape
    features = np.zeros((dates, len(FEATURES), pixels), np.float32)
    states = np.zeros((dates, pixels), np.uint8)
    _observe(np.ascontiguousarray(codes), np.ascontiguousarray(clear), features, states)
    return Seen(features, states)


@njit(nogil=True, cache=True, error_model="numpy")
def _observe(codes: Any, clear: Any, features: Any, states: Any) -> None:
    for t in range(states.shape[0]):
        for p in range(states.shape[1]):
            known = clear[t, p] != 0
            for b in range(codes.shape[0]):
                known &= _LOW < codes[b, t, p] < _HIGH
            if not known:
                continue
            green, nir = float(max(codes[0, t, p], 1)), float(max(codes[2, t, p], 1))
            swir1, swir2 = float(max(codes[3, t, p], 1)), float(max(codes[4, t, p], 1))
            features[t, 0, p] = (10.0 * swir2 - 9.8 * swir1) * 1e-4 + 2.0
            features[t, 1, p] = (swir2 - swir1) / (swir1 + swir2)
            features[t, 2, p] = (swir2 - nir) / (nir + swir2)
            features[t, 3, p] = math.log(max(swir2, 50.0) * 1e-4)
            states[t, p] = ground_state(green, nir, swir1)


def char_ranges(reference: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the least and greatest change of each feature that a burn may make on ground of a known kind.

    A burn may leave any share of char between next to nothing and all: the range goes from no change to
    what bare char would be.

    Parameters
    ----------
    reference : float32 (feature, pixel)
        Features of the ground before, NaN where unknown: the median of the others stands in.

    Returns
    -------
    tuple of float32 (feature, pixel)
        Low and high. For SWIR2 both may lie on either side of zero.

    Examples
    --------
    >>> low, high = char_ranges(np.array([[1.19], [-0.27], [-0.333], [-2.163]], np.float32))
    >>> high[:, 0].astype(float).round(2).tolist(), low[:, 0].astype(float).round(2).tolist()
    ([0.88, 0.29, 0.53, 0.45], [0.0, 0.0, 0.0, -0.36])
    """
    known = _filled(reference)
    char = np.array(
        [
            10 * CHAR_SWIR2 - 9.8 * CHAR_SWIR1 + 2,
            (CHAR_SWIR2 - CHAR_SWIR1) / (CHAR_SWIR1 + CHAR_SWIR2),
            (CHAR_SWIR2 - CHAR_NIR) / (CHAR_NIR + CHAR_SWIR2),
            0.0,
        ]
    )
    high = np.maximum(char[:, None] - known, np.array(LEAST_RANGE)[:, None])
    low = np.zeros_like(high)
    high[3] = np.maximum(math.log(CHAR_SWIR2_RANGE[1]) - known[3], 0.0)
    low[3] = np.minimum(math.log(CHAR_SWIR2_RANGE[0]) - known[3], 0.0)
    return low.astype(np.float32), high.astype(np.float32)


def _filled(reference: NDArray[np.float32]) -> NDArray[np.float64]:
    known = reference.astype(np.float64)
    typical = (1.2, -0.27, -0.32, math.log(0.11))
    for layer, usual in zip(known, typical, strict=True):
        missing = np.isnan(layer)
        layer[missing] = usual if missing.all() else np.median(layer[~missing])
    return known


def date_medians(seen: Seen, dates: NDArray[np.bool_], feature: int) -> NDArray[np.float32]:
    """Return the median of one feature over some dates on bare ground (pixel), NaN where there is none.

    Examples
    --------
    >>> seen = Seen(np.array([[[1.0]], [[3.0]], [[9.0]]], np.float32), np.array([[1], [1], [2]], np.uint8))
    >>> date_medians(seen, np.array([True, True, True]), 0).tolist()
    [2.0]
    """
    out = np.full(seen.states.shape[1], np.nan, np.float32)
    _medians(seen.features, seen.states, np.flatnonzero(dates), feature, out)
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def _medians(features: Any, states: Any, dates: Any, feature: int, out: Any) -> None:
    values = np.empty(dates.size, np.float32)
    for p in range(out.size):
        count = 0
        for t in dates:
            if states[t, p] == BARE:
                values[count] = features[t, feature, p]
                count += 1
        if count:
            ordered = np.sort(values[:count])
            out[p] = 0.5 * (ordered[(count - 1) // 2] + ordered[count // 2])


def barest(seen: Seen, dates: NDArray[np.bool_], feature: int) -> NDArray[np.float32]:
    """Return the highest value of a feature over some dates on bare ground (pixel), NaN where there is none.

    Features are signed so that less plants and more char are higher.
    """
    chosen = np.flatnonzero(dates)
    out = np.full(seen.states.shape[1], np.nan, np.float32)
    for t in chosen:
        np.fmax(out, np.where(seen.states[t] == BARE, seen.features[t, feature], np.float32(np.nan)), out=out)
    return out
