"""Measures: how far what was found is from what is true, as sums that add up over tiles and scenes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Truths = NDArray[np.bool_]
"""True where something is so, (y, x)."""


def ratio(part: float, whole: float) -> float:
    """Part of a whole [1]; NaN of nothing.

    Examples
    --------
    >>> ratio(1, 4), ratio(0, 0)
    (0.25, nan)
    """
    return part / whole if whole else math.nan


@dataclass
class Errors:
    """Sums of the differences between found and true values.

    Examples
    --------
    >>> errors = Errors()
    >>> errors.add(np.array([0.3, 0.1, np.nan]), np.array([0.0, 0.0, 0.0]))
    >>> errors.count, round(errors.rmse, 4), round(errors.bias, 4)
    (2, 0.2236, 0.2)
    """

    count: int = 0
    """Pixels compared."""
    total: float = 0.0
    """Sum of found minus true."""
    squares: float = 0.0
    """Sum of its squares."""

    def add(self, found: NDArray[np.floating], true: NDArray[np.floating], where: Truths | None = None) -> None:
        """Add the pixels whose found and true values are both known.

        Parameters
        ----------
        found, true : array of float (y, x)
            NaN where unknown.
        where : bool (y, x), optional
            Only these pixels.
        """
        apart = np.asarray(found, np.float64) - np.asarray(true, np.float64)
        known = np.isfinite(apart) if where is None else np.isfinite(apart) & where
        apart = apart[known]
        self.count += apart.size
        self.total += float(apart.sum())
        self.squares += float(np.square(apart).sum())

    @property
    def rmse(self) -> float:
        """Root of the mean square difference, in the values' unit; NaN of no pixels."""
        return math.sqrt(self.squares / self.count) if self.count else math.nan

    @property
    def bias(self) -> float:
        """Mean of found minus true, in the values' unit; NaN of no pixels."""
        return ratio(self.total, self.count)


@dataclass
class Share:
    """Pixels of one kind among pixels of another.

    Examples
    --------
    >>> kept = Share()
    >>> kept.add(np.array([True, False, True]), among=np.array([True, True, False]))
    >>> kept.part, kept.whole, kept.percent
    (1, 2, 50.0)
    """

    part: int = 0
    """Pixels that are both."""
    whole: int = 0
    """Pixels of the kind they are looked for among."""

    def add(self, found: Truths, *, among: Truths) -> None:
        """Add pixels (y, x)."""
        self.part += int(np.count_nonzero(found & among))
        self.whole += int(np.count_nonzero(among))

    def merge(self, other: Share) -> None:
        """Add what was counted elsewhere."""
        self.part += other.part
        self.whole += other.whole

    @property
    def percent(self) -> float:
        """Share [percent]; NaN of nothing."""
        return 100 * ratio(self.part, self.whole)


def _nothing() -> NDArray[np.int64]:
    return np.zeros((0, 0), np.int64)


@dataclass
class Agreement:
    """Table of found against true classes.

    Examples
    --------
    >>> table = Agreement(2)
    >>> table.add(np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]))
    >>> table.kappa, table.f1(1)
    (0.5, 0.8)
    """

    classes: int
    """Number of classes; their codes begin at 0."""
    counts: NDArray[np.int64] = field(default_factory=_nothing)
    """Pixels (found, true)."""

    def __post_init__(self) -> None:
        if not self.counts.size:
            self.counts = np.zeros((self.classes, self.classes), np.int64)

    def add(self, found: NDArray[np.integer[Any]], true: NDArray[np.integer[Any]], where: Truths | None = None) -> None:
        """Add pixels whose codes are both 0 to `classes` - 1; other codes mean unknown.

        Parameters
        ----------
        found, true : array of int (y, x)
            Codes.
        where : bool (y, x), optional
            Only these pixels.
        """
        one, other = np.asarray(found, np.int64), np.asarray(true, np.int64)
        known = (one >= 0) & (one < self.classes) & (other >= 0) & (other < self.classes)
        known &= True if where is None else where
        pairs = one[known] * self.classes + other[known]
        self.counts += np.bincount(pairs, minlength=self.classes**2).reshape(self.classes, self.classes)

    @property
    def count(self) -> int:
        """Pixels compared."""
        return int(self.counts.sum())

    @property
    def kappa(self) -> float:
        """Agreement beyond chance [1]; NaN where chance alone agrees everywhere.

        References
        ----------
        Cohen (1960), A coefficient of agreement for nominal scales.
        """
        total = self.count
        chance = float((self.counts.sum(axis=0) * self.counts.sum(axis=1)).sum())
        observed = float(np.trace(self.counts))
        return ratio(observed * total - chance, total**2 - chance)

    def f1(self, code: int) -> float:
        """Harmonic mean of precision and recall of one class [1]; NaN if it is neither found nor true anywhere."""
        hits = int(self.counts[code, code])
        return ratio(2 * hits, int(self.counts[code].sum() + self.counts[:, code].sum()))
