"""Scar labels: in which cells and months mapped fire scars say that it burnt, and from when on that was known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.grid import Grid, Tile
from habitat.contracts.period import Period
from habitat.fire.burns.fire_calendar import SEASONS, FireSeason, fire_chances, seasons_within
from habitat.fire.hazard.month_labels import MonthLabels
from habitat.fire.hazard.month_weather import ONE_MONTH

Index = NDArray[np.int64]

_DAYS = 512
"""More than the days of a year: days share a number with other things."""


@dataclass(frozen=True, eq=False)
class CellScars:
    """Burnt pixels by cell and by the days between which they burnt.

    Parameters
    ----------
    cell : int64 (scar,)
        Flat index of the cell.
    share : float64 (scar,) [1]
        Share of the cell.
    since, until : datetime64[D] (scar,)
        It burnt after the one and before the other; where the last look before was in an earlier year, after the
        season's first day.
    middle : datetime64[D] (scar,)
        Day between the two that is taken for that of the fire.
    """

    cell: Index
    share: NDArray[np.float64]
    since: NDArray[np.datetime64]
    until: NDArray[np.datetime64]
    middle: NDArray[np.datetime64]


def latest_of_seasons(periods: Sequence[Period], before: date) -> dict[FireSeason, int]:
    """Which of several periods tells of each fire season: of those over before a day, the one that reaches farthest.

    Parameters
    ----------
    periods : sequence of Period
        Periods of versions of the fire scars; each tells of the seasons it touches, from their first day on.
    before : date
        Periods that end on this day or later are not known yet.

    Returns
    -------
    dict of FireSeason to int
        Place of the period.

    Examples
    --------
    >>> periods = [Period("2025-04"), Period("2025-05"), Period("2025"), Period("2025-06")]
    >>> {season.name: place for season, place in latest_of_seasons(periods, date(2025, 6, 1)).items()}
    {'spring': 1}
    >>> {season.name: place for season, place in latest_of_seasons(periods, date(2026, 1, 1)).items()}
    {'spring': 3, 'summer': 2, 'autumn': 2}
    """
    best: dict[FireSeason, tuple[tuple[date, date], int]] = {}
    for place, period in enumerate(periods):
        if period.last_day >= before:
            continue
        for season in seasons_within(period.first_day, period.last_day):
            # A pixel of a year's raster keeps its last scar alone: of two that reach as far, the shorter tells more.
            rank = min(period.last_day, season.last_day), period.first_day
            if season not in best or rank > best[season][0]:
                best[season] = rank, place
    return {season: place for season, (_, place) in best.items()}


def cells_under(tile: Tile, fine: Grid, cells: Grid) -> Index:
    """Flat index (y, x) of the cell that each pixel of a tile of a finer grid lies in."""
    y, x = fine.coords["y"][tile.row : tile.row + tile.height], fine.coords["x"][tile.column : tile.column + tile.width]
    down = np.floor((cells.bounds[3] - y) / cells.resolution_m).astype(np.int64)
    right = np.floor((x - cells.bounds[0]) / cells.resolution_m).astype(np.int64)
    flat: Index = down[:, None] * cells.shape[1] + right
    return flat


def scar_counts(status: NDArray[np.uint8], dates: NDArray[np.int16], cells: Index) -> Index:
    """Count a tile's burnt pixels by season, days and cell.

    Parameters
    ----------
    status : uint8 (y, x)
        Codes of fire-scars; what is unobserved, not judged or black before adds nothing.
    dates : int16 (2, y, x)
        Last seen unburnt and first seen burnt, day of the year; below 1 is unknown.
    cells : int64 (y, x)
        Flat index of the cell.

    Returns
    -------
    int64 (5, scar)
        Code of the season, the two days (0: unknown), the cell, and pixels.
    """
    burnt = (status >= 1) & (status <= len(SEASONS)) & (dates[1] > 0)
    code, last, first, cell = (
        np.asarray(layer[burnt], np.int64) for layer in (status, np.maximum(dates[0], 0), dates[1], cells)
    )
    keys, pixels = np.unique(((cell * 4 + code) * _DAYS + last) * _DAYS + first, return_counts=True)
    rest, first = np.divmod(keys, _DAYS)
    rest, last = np.divmod(rest, _DAYS)
    return np.stack([rest % 4, last, first, rest // 4, pixels])


def cell_scars(counts: Index, season: FireSeason, pixel_share: float) -> CellScars:
    """Scars of one season from counts of a version that tells of it; `pixel_share` is that of a pixel of a cell [1]."""
    _, last, first, cell, pixels = counts[:, counts[0] == season.code]
    new_year, begin = np.datetime64(f"{season.year}-01-01", "D"), np.datetime64(season.first_day, "D")
    since = np.where(last > 0, new_year + (last - 1), begin)
    until = new_year + (first - 1)
    chances = fire_chances(season, 1.0)
    total, start = chances.total, chances.start - chances.origin
    end = np.clip(start + (until - begin).astype(np.int64), 0, total.size - 1)
    # The middle of a winter nobody looked into is February; half of its chance of fire lies in March.
    likely = np.searchsorted(total, (total[start] + total[end]) / 2, side="right") - 1 - start
    middle = np.where(last > 0, since + (until - since) // 2, begin + np.maximum(likely, 0))
    return CellScars(cell, pixels * pixel_share, since, until, middle)


def joined(scars: Sequence[CellScars]) -> CellScars:
    """Scars of several seasons together."""
    names = ("cell", "share", "since", "until", "middle")
    return CellScars(*(np.concatenate([getattr(one, name) for one in scars]) for name in names))


def with_scars(
    labels: MonthLabels | None, scars: CellScars, grid: Grid, month: np.datetime64, *, least_share: float
) -> MonthLabels:
    """Join scars to what hotspots say of the months before one.

    A cell burnt in the month of the scars' middle day if at least a share of it did. Scars of fewer months come first;
    where a hotspot or such a scar tells of the cell between the two days, it dates the fire better and the scar adds
    nothing: one fire whose pixels were seen on different days is not counted twice.

    Parameters
    ----------
    labels : MonthLabels or None
        Of hotspots, up to the month before.
    scars : CellScars
        Of all seasons; those first seen burnt in the month or later are not known yet and left out.
    grid : Grid
        The cells.
    month : datetime64[M]
        The month after the record.
    least_share : float [1]
        Burnt share that makes a cell burnt.
    """
    first = [labels.months[0]] if labels is not None else []
    dates = [part.astype("datetime64[M]") for part in (scars.since, scars.middle, scars.until)]
    known = dates[2] < month
    first += [dates[0][known].min()] if known.any() else []
    months = np.arange(min(first, default=month - ONE_MONTH), month)
    burning = np.zeros((months.size, *grid.shape), bool)
    ignition, events = np.zeros_like(burning), np.zeros(months.size, np.int64)
    if labels is not None:
        burning[-labels.months.size :], ignition[-labels.months.size :] = labels.burning, labels.ignition
        events[-labels.months.size :] = labels.events
    since, middle, until = ((part[known] - months[0]).astype(np.int64) for part in dates)
    cell, share = scars.cell[known], scars.share[known]
    seen = burning.copy()
    for span in np.unique(until - since):
        told = np.cumsum(burning.reshape(months.size, -1), axis=0, dtype=np.int32)
        told = np.concatenate([np.zeros_like(told[:1]), told])
        new = (until - since == span) & (told[until + 1, cell] == told[since, cell])
        burning |= _burnt(middle[new], cell[new], share[new], burning.shape, least_share)
        seen |= _burnt(until[new], cell[new], share[new], burning.shape, least_share)
    return MonthLabels(months, burning, ignition, events, known=seen)


def _burnt(
    month: Index, cell: Index, share: NDArray[np.float64], shape: tuple[int, ...], least_share: float
) -> NDArray[np.bool_]:
    total = np.bincount(month * (shape[1] * shape[2]) + cell, share, math.prod(shape))
    # Shares are sums of pixels: a cell that just has the share must not miss it by rounding.
    burnt: NDArray[np.bool_] = (total >= least_share - 1e-9).reshape(shape)
    return burnt
