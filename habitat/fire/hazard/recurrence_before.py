"""Recurrence before a month: how often ground about a cell burnt until then, against what was to be expected."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

SPREAD = 1.0
"""Standard deviation of the bell that counts neighbours in [cells]."""
PRIOR = 0.15
"""Burnt months that every cell is given beforehand, so that a short record says little."""


def recurrence_before(
    burning: NDArray[np.bool_], land: NDArray[np.floating], *, spread: float = SPREAD, prior: float = PRIOR
) -> NDArray[np.float32]:
    """Log ratio of the burnt months about a cell to those of the mean cell, in all months before each month.

    Parameters
    ----------
    burning : bool (month, y, x)
        Which cells burnt.
    land : array (y, x) [1]
        Share of land.
    spread : float [cells]
        Of the bell.
    prior : float
        Added to both counts.

    Returns
    -------
    float32 (month, y, x)
        0 at the record's beginning; the month itself never counts.

    Examples
    --------
    >>> burning = np.zeros((3, 1, 2), bool)
    >>> burning[0, 0, 0] = True
    >>> before = recurrence_before(burning, np.ones((1, 2)), spread=0.0)
    >>> [[round(value, 2) for value in month.ravel().tolist()] for month in before]
    [[0.0, 0.0], [0.57, -1.47], [0.57, -1.47]]
    """
    ground = _blurred(np.asarray(land, np.float64), spread)
    total = float(np.sum(land)) or 1.0
    count, expected = np.zeros(land.shape), np.zeros(land.shape)
    out = np.zeros(burning.shape, np.float32)
    for month, burnt in enumerate(burning):
        out[month] = np.log((count + prior) / (expected + prior))
        if burnt.any():
            count += _blurred(burnt.astype(np.float64), spread)
            expected += ground * (float(burnt.sum()) / total)
    return out


def _blurred(values: NDArray[np.float64], spread: float) -> NDArray[np.float64]:
    if spread <= 0:
        return values
    blurred: NDArray[np.float64] = ndimage.gaussian_filter(values, spread, mode="nearest")
    return blurred
