"""Speckle: means of looks in power, equivalent looks, a moving window, and a filter over many dates."""

from __future__ import annotations

import warnings
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.imagery.backscatter.units import decibels

Power: TypeAlias = NDArray[np.float32]

_FEW = 9


class LookStatistics(NamedTuple):
    """What the looks of one orbit in a period say."""

    mean: Power
    """Mean power (y, x), NaN where there is no look."""
    spread_db: NDArray[np.float32]
    """Standard deviation of the looks [dB], NaN where there are fewer than two."""
    looks: NDArray[np.uint8]
    """How many looks there are, up to 254."""


def look_statistics(looks: Power) -> LookStatistics:
    """Mean of looks in power, their spread in decibels, and their number.

    A mean of decibels lies below that of power by up to 2.5 dB, the more the fewer looks are in a pixel: power is
    what adds up.

    Parameters
    ----------
    looks : float32 (date, y, x)
        Power, NaN where unknown.

    Examples
    --------
    >>> told = look_statistics(np.array([0.1, 0.3, np.nan], np.float32).reshape(3, 1, 1))
    >>> round(float(told.mean[0, 0]), 3), int(told.looks[0, 0]), round(float(told.spread_db[0, 0]), 2)
    (0.2, 2, 3.37)
    """
    known = np.isfinite(looks)
    count = known.sum(axis=0)
    total = np.where(known, looks, 0).sum(axis=0, dtype=np.float64)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        levels = decibels(looks).astype(np.float64)
        spread = np.nanstd(levels, axis=0, ddof=1) if len(looks) else np.full(mean.shape, np.nan)
    spread_db = np.asarray(np.where(count > 1, spread, np.nan), np.float32)
    return LookStatistics(np.asarray(mean, np.float32), spread_db, np.minimum(count, 254).astype(np.uint8))


def equivalent_looks(intensity: Power) -> float:
    """Equivalent number of looks of a uniform patch: mean squared over variance; NaN of fewer than 9 pixels.

    References
    ----------
    Oliver & Quegan (2004), Understanding Synthetic Aperture Radar Images, section 4.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> 4.2 < equivalent_looks(rng.gamma(4.4, 0.1 / 4.4, (200, 200)).astype(np.float32)) < 4.6
    True
    """
    known = intensity[np.isfinite(intensity)].astype(np.float64)
    if known.size < _FEW or known.var() == 0:
        return float("nan")
    return float(known.mean() ** 2 / known.var(ddof=1))


def window_mean(looks: Power, size: int) -> Power:
    """Mean power in a square window around each pixel, over what is known of it; NaN stays NaN.

    Parameters
    ----------
    looks : float32 (..., y, x)
        Power, NaN where unknown.
    size : int
        Edge of the window [px], odd; 1 changes nothing.

    Raises
    ------
    ConfigError
        If the window is not odd.

    Examples
    --------
    >>> window_mean(np.array([[1.0, 2.0, np.nan, 6.0]], np.float32), 3).tolist()
    [[1.5, 1.5, nan, 6.0]]
    """
    if size < 1 or size % 2 == 0:
        raise ConfigError(f"the window is {size} pixels wide, wants an odd number such as 3, 5 or 7")
    if size == 1:
        return looks
    known = np.isfinite(looks)
    total = _window_sum(np.where(known, looks, 0).astype(np.float64), size)
    count = _window_sum(known.astype(np.float64), size)
    return np.where(known, total / np.maximum(count, 1), np.nan).astype(np.float32)


def _window_sum(values: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Sum of a window that shrinks at the edges; added in one order, so that a tile's cut changes no bit within."""
    half = size // 2
    for axis in (-2, -1):
        wide = [(0, 0)] * values.ndim
        wide[axis] = (half, half)
        padded = np.pad(values, wide)
        length = values.shape[axis]
        total = np.zeros_like(values)
        for shift in range(size):
            cut = [slice(None)] * values.ndim
            cut[axis] = slice(shift, shift + length)
            total += padded[tuple(cut)]
        values = total
    return values


def multitemporal(looks: Power, size: int = 7) -> Power:
    """Filter speckle with all dates of one orbit: each date's local mean, shaped by what all dates agree on.

    J_k = E_k / M · Σ I_i / E_i, with E the mean of a window. Detail that all dates share stays; of M dates with
    independent speckle about M times the looks are won, less what the local means themselves err.

    Parameters
    ----------
    looks : float32 (date, y, x)
        Power of one orbit and polarisation, NaN where unknown.
    size : int
        Window of the local means [px], odd.

    References
    ----------
    Quegan & Yu (2001), IEEE Transactions on Geoscience and Remote Sensing 39(11), 2373-2379, for dates whose speckle is
    not correlated, as those of Sentinel-1 twelve days apart over forest.

    Examples
    --------
    >>> steady = np.full((3, 9, 9), 0.2, np.float32)
    >>> bool(np.allclose(multitemporal(steady), 0.2))
    True
    """
    local = window_mean(looks, size)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = looks / local
    known = np.isfinite(shares)
    count = known.sum(axis=0)
    ratio = np.where(known, shares, 0).sum(axis=0, dtype=np.float64) / np.maximum(count, 1)
    return np.asarray(local * ratio, np.float32)


def ratio_db(vh: Power, vv: Power) -> NDArray[np.float32]:
    """VH over VV [dB], from means in power: crowns scatter back more of VH than bare ground does.

    Examples
    --------
    >>> ratio_db(np.array([0.02], np.float32), np.array([0.1], np.float32)).round(2).tolist()
    [-6.989999771118164]
    """
    return np.asarray(decibels(vh) - decibels(vv), np.float32)
