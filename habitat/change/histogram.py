"""Median and robust scatter of a difference, exact, from tiles that pass by one at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

_CODES = np.arange(-32768, 32768)
_NODATA = -32768
_MAD_TO_SD = 1.482602218505602
"""1 / 0.6745: the standard deviation of a normal distribution whose median absolute deviation is 1."""


class DifferenceHistogram:
    """Counts of every int16 code of a difference: 512 KiB whatever the size of the area.

    Parameters
    ----------
    scale : float
        Value = code * scale; 0.0001 for published indices.

    Examples
    --------
    >>> histogram = DifferenceHistogram(scale=0.0001)
    >>> histogram.add(np.array([[-100, 0, 100, 5000, -32768]], np.int16))
    >>> histogram.count, histogram.median(), histogram.mad()
    (4, 0.005, 0.01)
    """

    def __init__(self, scale: float = 1e-4) -> None:
        if not scale > 0:
            raise ValueError(f"scale is {scale}, wants a positive number such as 0.0001")
        self.scale = scale
        self._counts = np.zeros(_CODES.size, np.int64)

    def add(self, codes: NDArray[np.int16]) -> None:
        """Count the codes of one tile; -32768 is no data and is left out.

        Raises
        ------
        TypeError
            If the codes are not int16.
        """
        if codes.dtype != np.int16:
            raise TypeError(f"codes are {codes.dtype}, wants int16; round value / scale and clip to ±32767 first")
        self._counts += np.bincount(codes.ravel().astype(np.int64) - _NODATA, minlength=_CODES.size)
        self._counts[0] = 0

    def merge(self, other: DifferenceHistogram) -> None:
        """Add the counts of another histogram, such as that of another thread.

        Raises
        ------
        ValueError
            If the two have different scales.
        """
        if other.scale != self.scale:
            raise ValueError(f"cannot merge histograms of scale {other.scale} and {self.scale}; rescale the codes")
        self._counts += other._counts

    @property
    def count(self) -> int:
        """Pixels counted."""
        return int(self._counts.sum())

    def median(self) -> float:
        """Median in the difference's unit; NaN if nothing was counted."""
        return _weighted_median(_CODES, self._counts) * self.scale

    def mad(self) -> float:
        """Median absolute deviation from the median, in the difference's unit; NaN if nothing was counted."""
        deviations = np.abs(_CODES - _weighted_median(_CODES, self._counts))
        order = np.argsort(deviations)
        return _weighted_median(deviations[order], self._counts[order]) * self.scale

    def robust_sd(self) -> float:
        """Robust standard deviation: 1.4826 times the median absolute deviation; NaN if nothing was counted.

        References
        ----------
        Rousseeuw & Croux (1993), J. Am. Stat. Assoc. 88:1273-1283.
        """
        return self.mad() * _MAD_TO_SD


def _weighted_median(values: NDArray[Any], counts: NDArray[np.int64]) -> float:
    """Median of ascending values, each repeated; the mean of the two middle ones if there are two."""
    total = int(counts.sum())
    if total == 0:
        return float("nan")
    below = np.cumsum(counts)
    low, high = np.searchsorted(below, [(total + 1) // 2, total // 2 + 1])
    return (float(values[low]) + float(values[high])) / 2
