"""Rules of a monitor: which process is watched, what its boundary is, and when a departure counts as confirmed."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from habitat.change.monitoring.boundaries import cusum_critical_value, mosum_critical_value
from habitat.contracts.errors import ConfigError

MOSUM, CUSUM, EWMA, IQR = "mosum", "cusum", "ewma", "iqr"
PROCESSES = (MOSUM, CUSUM, EWMA, IQR)
FALL, RISE, BOTH = "fall", "rise", "both"
DIRECTIONS = {FALL: -1, RISE: 1, BOTH: 0}
LOSS_RISES = frozenset({"mirbi", "bais2", "tcb"})
"""Indices that rise where leaves or trees are lost; most others fall."""
LOSS_UNKNOWN = frozenset({"ndsi", "ndwi", "mndwi"})
"""Indices of snow and water, which may move either way."""


@dataclass(frozen=True)
class MonitorRules:
    """What is watched, and what counts as a change.

    Parameters
    ----------
    process : str
        ``mosum``, the moving sum of residuals; ``cusum``, their sum since monitoring began; ``ewma``, their
        exponentially weighted mean; ``iqr``, each residual by itself against the quartiles of the history.
    direction : str
        ``fall``, ``rise`` or ``both``: which departures count.
    confirm : int
        Clear observations in a row beyond the boundary that confirm a change, the first departure among them.
    level : float
        Of ``mosum`` and ``cusum``: chance that a stable pixel departs before the period ends.
    window, period : float, int
        Of ``mosum``: see `mosum_critical_value`.
    weight, limit : float
        Of ``ewma``: weight of the newest residual, and the boundary in deviations of the process.
    whiskers : float
        Of ``iqr``: how far beyond the quartiles a residual must lie, in ranges between them.
    clip : float, optional
        Residuals are cut to so many deviations before they enter a sum, so that a missed cloud does not confirm a
        change by itself. None leaves them, as BFAST-monitor does.
    magnitude_count : int
        Observations from the first departure on whose median residual is the magnitude.

    Raises
    ------
    ConfigError
        If a rule is impossible.

    Examples
    --------
    >>> round(MonitorRules().critical, 4)
    1.3418
    """

    process: str = MOSUM
    direction: str = BOTH
    confirm: int = 3
    level: float = 0.05
    window: float = 0.25
    period: int = 10
    weight: float = 0.3
    limit: float = 2.0
    whiskers: float = 1.5
    clip: float | None = None
    magnitude_count: int = 7

    def __post_init__(self) -> None:
        if self.process not in PROCESSES:
            raise ConfigError(f"the process is {self.process!r}, wants one of {', '.join(PROCESSES)}")
        if self.direction not in DIRECTIONS:
            raise ConfigError(f"the direction is {self.direction!r}, wants one of {', '.join(DIRECTIONS)}")
        if not 1 <= self.confirm <= 100 or not self.confirm <= self.magnitude_count <= 100:
            raise ConfigError(
                f"confirm is {self.confirm} and magnitude_count {self.magnitude_count}, wants 1 to 100 observations "
                "and at least as many for the magnitude"
            )
        if not (0 < self.weight <= 1 and self.limit > 0 and self.whiskers >= 0):
            raise ConfigError(
                f"weight is {self.weight}, limit {self.limit} and whiskers {self.whiskers}, wants a weight above 0 "
                "up to 1 and positive numbers"
            )
        if self.clip is not None and not self.clip > 0:
            raise ConfigError(f"clip is {self.clip}, wants a positive number of deviations, or none")
        # A level or window that is not tabled is refused here, not in the middle of a run.
        _ = self.critical

    @property
    def critical(self) -> float:
        """Critical value of the boundary."""
        if self.process == MOSUM:
            return mosum_critical_value(self.level, window=self.window, period=self.period)
        if self.process == CUSUM:
            return cusum_critical_value(self.level)
        if self.process == EWMA:
            return self.limit * math.sqrt(self.weight / (2 - self.weight))
        return self.whiskers

    def numbers(self) -> tuple[int, int, int, float, float, float, float]:
        """Return process, direction, confirm, critical value, window, weight and clip as the kernels want them."""
        clip = math.inf if self.clip is None else float(self.clip)
        code, sign = PROCESSES.index(self.process), DIRECTIONS[self.direction]
        return code, sign, self.confirm, self.critical, float(self.window), float(self.weight), clip

    def told(self) -> dict[str, Any]:
        """Return everything as plain numbers and words; `of` reads them again."""
        told = asdict(self)
        return told | {"clip": -1.0 if self.clip is None else self.clip}

    @classmethod
    def of(cls, told: dict[str, Any]) -> MonitorRules:
        """Return the rules that `told` told."""
        clip = float(told["clip"])
        kinds: dict[str, type] = dict.fromkeys(("process", "direction"), str)
        kinds |= dict.fromkeys(("confirm", "period", "magnitude_count"), int)
        kinds |= dict.fromkeys(("level", "window", "weight", "limit", "whiskers"), float)
        given: dict[str, Any] = {name: kind(told[name]) for name, kind in kinds.items()}
        return cls(**given, clip=None if clip < 0 else clip)


def loss_direction(index: str) -> str:
    """Return the direction in which an index moves where leaves or trees are lost.

    Examples
    --------
    >>> loss_direction("nbr"), loss_direction("mirbi"), loss_direction("mndwi")
    ('fall', 'rise', 'both')
    """
    if index in LOSS_UNKNOWN:
        return BOTH
    return RISE if index in LOSS_RISES else FALL
