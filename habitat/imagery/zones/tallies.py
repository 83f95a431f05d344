"""Tallies: what rasters say within a zone, gathered tile by tile with the memory of one histogram."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 65_536
"""Most bins of a histogram: one for each code of a raster of 16 bits."""


@dataclass(frozen=True)
class Coding:
    """How a band's stored codes become values, and which codes occur.

    Parameters
    ----------
    low, high : float
        Least and greatest code stored.
    whole : bool
        Whether codes are whole numbers.
    nodata : float, optional
        Code of unknown pixels; NaN for floats.
    scale, offset : float
        Value = code * scale + offset.
    """

    low: float
    high: float
    whole: bool = True
    nodata: float | None = None
    scale: float = 1.0
    offset: float = 0.0

    @property
    def exact(self) -> bool:
        """Whether each code has a bin of its own, so that percentiles are exact."""
        return self.whole and self.high - self.low < BINS

    @property
    def bins(self) -> int:
        """Bins of the histogram."""
        return int(self.high - self.low) + 1 if self.exact else BINS

    def places(self, codes: NDArray[Any]) -> NDArray[np.int64]:
        """Return the bin of each code."""
        if self.exact:
            return codes.astype(np.int64) - int(self.low)
        width = (self.high - self.low) / (BINS - 1) or 1.0
        return np.clip(np.rint((codes.astype(np.float64) - self.low) / width), 0, BINS - 1).astype(np.int64)

    def values(self) -> NDArray[np.float64]:
        """Return the value in the middle of each bin."""
        step = 1.0 if self.exact else (self.high - self.low) / (BINS - 1)
        middles = self.low + step * np.arange(self.bins, dtype=np.float64)
        return np.asarray(middles * self.scale + self.offset, np.float64)

    def known(self, codes: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which codes stand for a value."""
        there = np.ones(codes.shape, bool) if codes.dtype.kind in "iub" else np.isfinite(codes)
        if self.nodata is not None and not np.isnan(self.nodata):
            there &= codes != self.nodata
        return there


class Tally:
    """One band of one raster within one zone: areas by code, and what is unknown.

    Parts that were tallied apart are merged with `merge`; the sums are those of all pixels together, to rounding.

    Examples
    --------
    >>> tally = Tally(Coding(1, 3, nodata=255))
    >>> tally.add(np.array([1, 3, 255]), np.array([1.0, 0.5, 1.0]), np.array([400.0, 200.0, 400.0]))
    >>> tally.known_m2, tally.unknown_m2, tally.count, tally.area_of(3)
    (600.0, 400.0, 1.5, 200.0)
    """

    def __init__(self, coding: Coding) -> None:
        self.coding = coding
        self._areas = np.zeros(coding.bins)
        self.unknown_m2 = 0.0
        """Area without a value [m²]."""
        self.count = 0.0
        """Pixels with a value, parts as parts."""
        self._sum, self._ends = 0.0, (np.inf, -np.inf)

    def add(self, codes: NDArray[Any], shares: NDArray[np.float64], areas: NDArray[np.float64]) -> None:
        """Take pixels: their codes, how much of each is in the zone [1], and that in true area [m²]."""
        known = self.coding.known(codes)
        held, weights = codes[known], areas[known]
        self.unknown_m2 += float(areas[~known].sum())
        self.count += float(shares[known].sum())
        if held.size:
            places = self.coding.places(held)
            self._areas += np.bincount(places, weights, self.coding.bins)
            if not self.coding.exact:
                self._ends = min(self._ends[0], float(held.min())), max(self._ends[1], float(held.max()))
                self._sum += float((held.astype(np.float64) * weights).sum())

    def merge(self, other: Tally) -> None:
        """Take what another has tallied of other pixels of the same band."""
        self._areas += other._areas
        self.unknown_m2 += other.unknown_m2
        self.count += other.count
        self._sum += other._sum
        self._ends = min(self._ends[0], other._ends[0]), max(self._ends[1], other._ends[1])

    @property
    def known_m2(self) -> float:
        """Area with a value [m²]."""
        return float(self._areas.sum())

    def area_of(self, code: int) -> float:
        """Return the area of a code [m²]."""
        place = int(code - self.coding.low)
        return float(self._areas[place]) if 0 <= place < self._areas.size else 0.0

    def codes(self) -> list[int]:
        """Return the codes that have an area."""
        return [int(place + self.coding.low) for place in np.flatnonzero(self._areas)]

    def moments(self) -> Mapping[str, float]:
        """Return mean, sd, min and max of the values, weighted by area; empty if none is known."""
        total = self.known_m2
        values: Any = self.coding.values()
        held = np.flatnonzero(self._areas)
        if not held.size:
            return {}
        weights = self._areas[held] / total
        mean = float((values[held] * weights).sum())
        deviation = float(np.sqrt((weights * (values[held] - mean) ** 2).sum()))
        low, high = float(values[held].min()), float(values[held].max())
        if not self.coding.exact:
            scale, offset = self.coding.scale, self.coding.offset
            mean = self._sum / total * scale + offset
            low, high = sorted(end * scale + offset for end in self._ends)
        return {"mean": mean, "sd": deviation, "min": low, "max": high}

    def percentiles(self, wanted: Sequence[float]) -> list[float]:
        """Return the least value with at least so many % of the known area at or below it; empty if none is known."""
        values = self.coding.values()
        order = np.argsort(values)
        rising = np.cumsum(self._areas[order])
        if not rising.size or rising[-1] <= 0:
            return []
        held = np.flatnonzero(self._areas[order])
        # A percentile that is met but for rounding is met.
        places = np.searchsorted(rising, np.asarray(wanted) / 100 * rising[-1] * (1 - 1e-12))
        return [float(values[order][max(int(place), int(held[0]))]) for place in places]
