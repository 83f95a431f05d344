"""Fire calendar: the fire seasons of the Amur forests, and how likely a place burns from one day to another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.contracts.span import Span

SEASONS: dict[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "spring": ((1, 1), (6, 30)),
    "summer": ((7, 1), (8, 31)),
    "autumn": ((9, 1), (12, 31)),
}
"""First and last day (month, day) of each season: together they are the year."""
MONTH_WEIGHTS = (0.02, 0.05, 0.3, 1.0, 1.0, 0.2, 0.2, 0.2, 0.2, 0.7, 0.5, 0.05)
"""How likely a day of each month is to see a fire, in relation to a day of April.

Two peaks: April and May, October and into November; first fires in early April, in March where there is little snow;
in July only in dry breaks of the monsoon (Loboda & Csiszar 2007; reports of the parks).
"""
DAYS_AT_PEAK = 75.0
"""Days of April that a season is worth by these weights, rounded up."""
REFERENCE_DAYS = 400
"""Days before a season from which references come: a year, and as long as the season before may have ended."""
_YEARS_BEFORE = 3


@dataclass(frozen=True)
class FireSeason:
    """One fire season of one year.

    Raises
    ------
    ConfigError
        If there is no season of that name.

    Examples
    --------
    >>> spring = FireSeason(2025, "spring")
    >>> spring.code, spring.first_day.isoformat(), spring.last_day.isoformat()
    (1, '2025-01-01', '2025-06-30')
    """

    year: int
    """Calendar year."""
    name: str
    """``spring``, ``summer`` or ``autumn``."""

    def __post_init__(self) -> None:
        if self.name not in SEASONS:
            raise ConfigError(f"there is no fire season {self.name!r}; there are {', '.join(SEASONS)}")

    @property
    def code(self) -> int:
        """Code of ground that burnt in it: 1 spring, 2 summer, 3 autumn."""
        return list(SEASONS).index(self.name) + 1

    @property
    def first_day(self) -> date:
        """First day."""
        return date(self.year, *SEASONS[self.name][0])

    @property
    def last_day(self) -> date:
        """Last day, inclusive."""
        return date(self.year, *SEASONS[self.name][1])


def seasons_within(first: date, last: date) -> tuple[FireSeason, ...]:
    """Fire seasons that a span of days touches, in order.

    Examples
    --------
    >>> [season.name for season in seasons_within(date(2025, 5, 1), date(2025, 9, 30))]
    ['spring', 'summer', 'autumn']
    """
    every = [FireSeason(year, name) for year in range(first.year, last.year + 1) for name in SEASONS]
    return tuple(season for season in every if season.first_day <= last and season.last_day >= first)


def season_spans(first: date, last: date, days_after: int) -> tuple[tuple[FireSeason, Span], ...]:
    """Fire seasons that a span of days touches, each with the days whose scenes tell of it.

    Examples
    --------
    >>> for season, span in season_spans(date(2025, 5, 1), date(2025, 5, 31), 20):
    ...     print(season.name, span)
    spring 2023-11-28 to 2025-06-20
    """
    until = last + timedelta(days=days_after)
    return tuple(
        (season, Span(season.first_day - timedelta(days=REFERENCE_DAYS), min(season.last_day, until)))
        for season in seasons_within(first, last)
    )


@dataclass(frozen=True)
class FireChances:
    """How likely unburnt ground is to burn between two days, before anything was seen."""

    origin: int
    """Proleptic ordinal of the first day of `total`."""
    total: NDArray[np.float64]
    """Chance [1] summed from the origin to the beginning of each day."""
    start: int
    """Ordinal of the season's first day: what burns before it is of an earlier season."""
    end: int
    """Ordinal of the day after the season."""

    def day_after(self, share: float) -> int:
        """Return the first day (ordinal) by which so much [1] of the season's chance of fire is over."""
        begin, finish = (self.total[day - self.origin] for day in (self.start, self.end))
        return self.origin + int(np.searchsorted(self.total, begin + share * (finish - begin)))


def fire_chances(season: FireSeason, burnt_share: float) -> FireChances:
    """Spread the share of ground that burns in an average season over its days.

    Parameters
    ----------
    season : FireSeason
        The season that is looked at.
    burnt_share : float
        Share [1] of the ground that burns in a main season.

    Examples
    --------
    >>> chances = fire_chances(FireSeason(2025, "spring"), 0.1)
    >>> april = [date(2025, 4, 1).toordinal() - chances.origin, date(2025, 5, 1).toordinal() - chances.origin]
    >>> round(float(chances.total[april[1]] - chances.total[april[0]]), 3)
    0.04
    """
    origin = date(season.year - _YEARS_BEFORE, 1, 1)
    days = (date(season.year + 1, 1, 1) - origin).days
    daily = [MONTH_WEIGHTS[(origin + timedelta(days=day)).month - 1] for day in range(days)]
    total = np.concatenate([[0.0], np.cumsum(daily)]) * (burnt_share / DAYS_AT_PEAK)
    return FireChances(origin.toordinal(), total, season.first_day.toordinal(), season.last_day.toordinal() + 1)
