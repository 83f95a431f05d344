"""Estimate: a number with its unit, interval and estimator, or the words that nobody has validated it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from habitat.contracts.errors import ConfigError, InputError

UNVALIDATED = "pixel count, unvalidated"
"""Estimator of a number that only counts pixels: it carries the map's errors and has no interval."""


@dataclass(frozen=True)
class Estimate:
    """A number that says how it was got and how sure it is.

    Parameters
    ----------
    value : float
        The number itself.
    unit : str
        Its unit: ``ha``, ``m²``; ``1`` for shares.
    interval : tuple of two floats, optional
        Low and high end; None: nobody knows, and `estimator` says why.
    estimator : str
        How it was got.
    n : int, optional
        Sample units behind it.
    level : float
        Share of intervals made this way that hold the truth.

    Raises
    ------
    ConfigError
        If a number is not finite, the value lies outside its interval, the level is no share, or an interval
        comes without n.

    Examples
    --------
    >>> print(Estimate(21157.8, "ha", (15000.0, 27315.6), "stratified estimator", 640))
    21,158 ± 6,158 ha (95 %, stratified estimator, n = 640)
    >>> print(Estimate.counted(18000, "ha"))
    18,000 ha (pixel count, unvalidated)
    """

    value: float
    unit: str
    interval: tuple[float, float] | None = None
    estimator: str = UNVALIDATED
    n: int | None = None
    level: float = 0.95

    def __post_init__(self) -> None:
        ends = self.interval or ()
        if not all(math.isfinite(number) for number in (self.value, *ends)):
            raise ConfigError(f"estimate {self.value} {self.unit} in {self.interval} is not finite; leave it out")
        if not 0 < self.level < 1:
            raise ConfigError(f"level is {self.level}, wants a share between 0 and 1 such as 0.95")
        if self.interval is None:
            return
        low, high = self.interval
        # Ends that are sums of many terms may miss a value without spread by a rounding error.
        slack = 1e-9 * max(1.0, abs(low), abs(high))
        if not low - slack <= self.value <= high + slack:
            raise ConfigError(f"estimate {self.value} lies outside its interval {self.interval}; wants low, high")
        if self.n is None:
            raise ConfigError(f"estimate {self.value} {self.unit} has an interval but no n; say the sample size")

    @classmethod
    def counted(cls, value: float, unit: str) -> Estimate:
        """Return a number that only counts pixels."""
        return cls(float(value), unit)

    @property
    def validated(self) -> bool:
        """Whether there is an interval."""
        return self.interval is not None

    @property
    def figure(self) -> str:
        """The number and its interval without unit and estimator.

        Examples
        --------
        >>> Estimate(0.9465, "1", (0.928, 0.965), "stratified estimator", 640).figure
        '0.947 ± 0.018'
        >>> Estimate(0.97, "1", (0.91, 0.99), "stratified estimator", 100).figure
        '0.970 (0.910 to 0.990)'
        """
        if self.interval is None:
            return _number(self.value, abs(self.value), self.unit)
        low, high = self.interval
        below, above = self.value - low, high - self.value
        size = max(abs(self.value), above)
        if abs(below - above) <= 1e-6 * max(abs(high - low), 1e-12):
            return f"{_number(self.value, size, self.unit)} ± {_number(above, size, self.unit)}"
        ends = " to ".join(_number(end, size, self.unit) for end in (low, high))
        return f"{_number(self.value, size, self.unit)} ({ends})"

    def __str__(self) -> str:
        """Everything in one line for people."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        if self.interval is None:
            return f"{self.figure}{unit} ({self.estimator})"
        return f"{self.figure}{unit} ({100 * self.level:g} %, {self.estimator}, n = {self.n:,})"

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        data = asdict(self)
        data["interval"] = None if self.interval is None else list(self.interval)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Estimate:
        """Read an estimate back.

        Raises
        ------
        InputError
            If the data are no estimate.

        Examples
        --------
        >>> one = Estimate.counted(3.5, "ha")
        >>> Estimate.from_dict(one.to_dict()) == one
        True
        """
        try:
            ends = data["interval"]
            interval = None if ends is None else (float(ends[0]), float(ends[1]))
            return cls(**{**data, "interval": interval})
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise InputError(f"this is no estimate of habitat ({error}): {str(dict(data))[:80]}") from error


def _number(value: float, size: float, unit: str) -> str:
    """Return a number with as many digits as its size deserves; shares always with three."""
    digits = 3 if unit == "1" else 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 4
    return f"{value:,.{digits}f}"
