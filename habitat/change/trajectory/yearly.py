"""Yearly values: the median of an index over the clear looks of each summer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.contracts.errors import InputError


def summer_years(
    days: Any, first: tuple[int, int], last: tuple[int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the years of dates, first to last without holes, and the number of each date's year, -1 out of summer.

    Parameters
    ----------
    days : datetime64 (date,)
    first, last : (month, day)
        First and last day of the summer, both included. A summer that goes over New Year, as in the south, belongs to
        the year it ends in.

    Raises
    ------
    InputError
        If there are no dates.

    Examples
    --------
    >>> days = np.array(["2020-07-01", "2020-12-01", "2022-08-31"], "datetime64[D]")
    >>> [part.tolist() for part in summer_years(days, (6, 1), (8, 31))]
    [[2020, 2021, 2022], [0, -1, 2]]
    """
    dates = np.asarray(days).astype("datetime64[D]")
    if dates.size == 0:
        raise InputError("there are no dates to make years of; give a longer series")
    months = dates.astype("datetime64[M]")
    year: NDArray[np.int64] = months.astype("datetime64[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day = (dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    place, begin, end = month * 100 + day, first[0] * 100 + first[1], last[0] * 100 + last[1]
    if begin <= end:
        inside = (place >= begin) & (place <= end)
    else:
        inside = (place >= begin) | (place <= end)
        year = year + (place >= begin)
    years = np.arange(int(np.min(year)), int(np.max(year)) + 1)
    return years, np.where(inside, year - years[0], -1)


def yearly_medians(
    values: NDArray[Any], usable: NDArray[Any], slots: NDArray[np.int64], years: int
) -> NDArray[np.float32]:
    """Median of the usable values of each year, NaN where there are none.

    Parameters
    ----------
    values : number (date, pixel)
    usable : bool or uint8 (date, pixel)
        0 where a value is not to be used.
    slots : int64 (date,)
        Number of each date's year, -1 where it counts for none; of `summer_years`.
    years : int
        How many there are.

    Returns
    -------
    float32 (year, pixel)

    Raises
    ------
    InputError
        If shapes do not fit.
    """
    if values.ndim != 2 or usable.shape != values.shape or slots.shape != (len(values),):
        raise InputError(
            f"values {values.shape}, mask {usable.shape} and years of dates {slots.shape} do not fit; "
            "wants (date, pixel) twice and (date,)"
        )
    out = np.full((years, values.shape[1]), np.nan, np.float32)
    _medians(values, usable, np.ascontiguousarray(slots), out)
    return out


@njit(nogil=True, cache=True)
def _medians(values: Any, usable: Any, slots: Any, out: Any) -> None:
    room = np.empty(values.shape[0])
    for year in range(out.shape[0]):
        dates = np.flatnonzero(slots == year)
        for pixel in range(values.shape[1]):
            count = 0
            for t in dates:
                value = np.float64(values[t, pixel])
                if usable[t, pixel] != 0 and np.isfinite(value):
                    room[count] = value
                    count += 1
            if count:
                out[year, pixel] = np.median(room[:count])
