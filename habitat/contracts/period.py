"""Period: a month, quarter or year, and its first and last day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from habitat.contracts.errors import ConfigError

_MONTHS_PER_QUARTER = 3


@dataclass(frozen=True, order=True)
class Period:
    """A calendar month (``2025-05``), quarter (``2025-Q2``) or year (``2025``), in UTC.

    Raises
    ------
    ConfigError
        If the text is none of the three forms.

    Examples
    --------
    >>> may = Period("2025-05")
    >>> may.first_day.isoformat(), may.last_day.isoformat()
    ('2025-05-01', '2025-05-31')
    >>> str(may.year_before())
    '2024-05'
    """

    text: str

    def __post_init__(self) -> None:
        match = re.fullmatch(r"([0-9]{4})(?:-([0-9]{2})|-Q([1-4]))?", self.text)
        month = int(match[2]) if match and match[2] else 1
        if not match or not 1 <= month <= 12 or not 1972 <= int(match[1]) <= 2200:
            raise ConfigError(
                f"period {self.text!r} is not a month, quarter or year; write 2025-05, 2025-Q2 or 2025 "
                "(Landsat begins in 1972)"
            )

    def __str__(self) -> str:
        return self.text

    @property
    def year(self) -> int:
        """Calendar year."""
        return int(self.text[:4])

    @property
    def first_day(self) -> date:
        """First day of the period."""
        if "Q" in self.text:
            return date(self.year, (int(self.text[-1]) - 1) * _MONTHS_PER_QUARTER + 1, 1)
        return date(self.year, int(self.text[5:]) if len(self.text) > 4 else 1, 1)

    @property
    def last_day(self) -> date:
        """Last day of the period, inclusive."""
        first = self.first_day
        months = {4: 12, 7: 1}[len(self.text)] if "Q" not in self.text else _MONTHS_PER_QUARTER
        index = first.year * 12 + first.month - 1 + months
        return date(index // 12, index % 12 + 1, 1) - timedelta(days=1)

    @property
    def start(self) -> datetime:
        """First instant, UTC."""
        first = self.first_day
        return datetime(first.year, first.month, first.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """First instant after the period, UTC: periods are half-open."""
        after = self.last_day + timedelta(days=1)
        return datetime(after.year, after.month, after.day, tzinfo=UTC)

    @property
    def label(self) -> str:
        """The period as it stands in file names: ``202505``, ``2025q2``, ``2025``."""
        return self.text.replace("-", "").lower()

    def contains(self, when: datetime) -> bool:
        """Tell whether an instant (time zone aware) falls into the half-open period."""
        return self.start <= when < self.end

    def year_before(self, years: int = 1) -> Period:
        """Return the same period of an earlier year."""
        return Period(f"{self.year - years:04d}{self.text[4:]}")
