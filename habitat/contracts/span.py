"""Span: any run of days, for searches that a calendar period does not fit."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from habitat.contracts.errors import ConfigError


@dataclass(frozen=True, order=True)
class Span:
    """Days from one to another, both included, in UTC; searches take it where they take a `Period`.

    Parameters
    ----------
    first_day, last_day : date
        First and last day, inclusive.

    Raises
    ------
    ConfigError
        If the last day lies before the first.

    Examples
    --------
    >>> spring = Span(date(2025, 1, 1), date(2025, 6, 20))
    >>> str(spring), spring.contains(datetime(2025, 6, 20, 23, tzinfo=UTC))
    ('2025-01-01 to 2025-06-20', True)
    """

    first_day: date
    last_day: date

    def __post_init__(self) -> None:
        if self.last_day < self.first_day:
            raise ConfigError(f"the span {self.first_day} to {self.last_day} ends before it begins; turn it round")

    def __str__(self) -> str:
        return f"{self.first_day} to {self.last_day}"

    @property
    def start(self) -> datetime:
        """First instant, UTC."""
        return datetime(self.first_day.year, self.first_day.month, self.first_day.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """First instant after the span, UTC: spans are half-open."""
        after = self.last_day + timedelta(days=1)
        return datetime(after.year, after.month, after.day, tzinfo=UTC)

    def contains(self, when: datetime) -> bool:
        """Tell whether an instant (time zone aware) falls into the half-open span."""
        return self.start <= when < self.end
