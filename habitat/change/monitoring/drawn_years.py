"""Series made of years of others: each year of a history and of monitoring is a year that some pixel really had."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NEAR_DAYS = 20
"""Looks of different years stand for each other if their days of the year are no farther apart."""

Days = NDArray[np.int64]
Units = NDArray[np.float32]


def source_years(years: Days, looks: NDArray[np.float64]) -> Days:
    """Return the years to draw from: those with at least half of the looks of the middle one.

    Examples
    --------
    >>> source_years(np.array([2020, 2021, 2021, 2022, 2022]), np.ones(5) * 0.6).tolist()
    [2020, 2021, 2022]
    """
    names = np.unique(years)
    seen = np.array([looks[years == name].sum() for name in names])
    return names[seen >= np.median(seen) / 2] if len(names) else names


def drawn_series(units: Units, years: Days, places: Days, sources: Days, first: int, rng: np.random.Generator) -> Units:
    """Series (time, pixel) of history and monitoring, made of the years of the pixels' own histories.

    Years of monitoring and of the history come from different years, so that what a whole year has in common is not
    fitted away. A pixel draws from itself as long as it has years left, and then from another pixel.

    Parameters
    ----------
    units : float32 (history time, pixel)
        Residuals, NaN where there is no look.
    years, places : int64 (time,)
        Of history and monitoring: year of each date and days since it began.
    sources : int64 (year,)
        Of `source_years`.
    first : int
        Which of the sources becomes the first year of monitoring.
    rng : Generator
    """
    history, pixels = units.shape
    drawn = np.full((len(years), pixels), np.nan, np.float32)
    for year, (source, own, others) in _cast(years, history, sources, first, rng).items():
        rows = np.flatnonzero(years == year)
        order = np.arange(pixels) if own else np.roll(np.arange(pixels), int(rng.integers(1, max(pixels, 2))))
        for name in (source, *others):
            there = np.flatnonzero(years[:history] == name)
            met = matched(places[rows], places[there])
            drawn[rows[met >= 0]] = units[there[met[met >= 0]]][:, order]
            rows = rows[met < 0]
    return drawn


def _cast(
    years: Days, history: int, sources: Days, first: int, rng: np.random.Generator
) -> dict[int, tuple[int, bool, list[int]]]:
    """Return, for each year, the year it is drawn from, whether each pixel draws from itself, and who fills gaps."""
    monitored = np.unique(years[history:])
    before = np.setdiff1d(years[:history], monitored)
    pool = [int(sources[first]), *rng.permutation(np.delete(sources, first)).tolist()]
    kept = min(len(monitored), max(len(pool) // 2, 1))
    cast = {}
    for names, own in ((monitored, pool[:kept]), (rng.permutation(before), pool[kept:])):
        for turn, name in enumerate(names.tolist()):
            source = own[turn % len(own)]
            others = [other for other in own if other != source]
            cast[name] = (source, turn < len(own), others)
    return cast


def matched(wanted: Days, given: Days) -> NDArray[np.intp]:
    """Return which of the given days stands for each wanted one, the nearest first, each once; -1 for none.

    Examples
    --------
    >>> matched(np.array([10, 15, 20, 90]), np.array([11, 21, 32])).tolist()
    [0, 2, 1, -1]
    """
    found = np.full(len(wanted), -1, np.intp)
    if not len(given):
        return found
    far = np.abs(wanted[:, None] - given[None]).astype(np.float64)
    far[far > _NEAR_DAYS] = np.inf
    while np.isfinite(far).any():
        nearest = far.argmin(axis=1)
        back = far.argmin(axis=0)
        # Days that are nearest to each other; of equals the first.
        pairs = np.flatnonzero((back[nearest] == np.arange(len(wanted))) & np.isfinite(far.min(axis=1)))
        found[pairs] = nearest[pairs]
        far[pairs] = np.inf
        far[:, nearest[pairs]] = np.inf
    return found
