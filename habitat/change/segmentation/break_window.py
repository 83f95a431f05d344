"""Compiled window of looks that must agree for a break: their residuals, how far and which way they point."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from habitat.change.segmentation.lasso_models import LEAST, write_residual, write_rmse
from habitat.change.segmentation.series_rooms import (
    ALIVE,
    ANGLE,
    AT,
    BOUNDARY,
    IN_FIT,
    NEAR,
    PHASE,
    RANK,
    SEASON,
    TERMS_NOW,
)
from habitat.change.segmentation.vector_lanes import larger, put, row

_QUARTERS = 1461
"""Quarters of a day in a year."""
GREEN, SWIR1, LAST_BAND = 1, 4, 5
"""Breaks are looked for in green, red, near infrared and both bands of short-wave infrared; blue is too hazy."""
LENGTH = 0
"""The lane of scaled residuals that is free for their squared length."""
LOOKS_A_TERM = 3


@njit(nogil=True, cache=True, error_model="numpy")
def score(dates: Any, values: Any, room: Any, places: Any, rmse: int) -> None:
    """Write the residuals of a look into a place of the window; places are (window, look), rmse a row of lanes."""
    basis = dates[1]
    lists, window, lanes, _, _ = room
    place, date = places[0], lists[ALIVE, places[1]]
    scaled = window.shape[0] // 2 + place
    write_residual(lanes, basis, values, date, window, place)
    put(window, scaled, row(window, place) / larger(row(lanes, LEAST), row(lanes, rmse)))
    total = 0.0
    for b in range(GREEN, LAST_BAND + 1):
        total += window[scaled, b] * window[scaled, b]
    window[scaled, LENGTH] = total


@njit(nogil=True, cache=True, error_model="numpy")
def mean_angle(window: Any, begin: int, stop: int) -> float:
    """Return the mean angle between residuals of looks that follow each other, radians."""
    scaled = window.shape[0] // 2
    total = 0.0
    for k in range(scaled + begin, scaled + stop - 1):
        product = 0.0
        for b in range(GREEN, LAST_BAND + 1):
            product += window[k, b] * window[k + 1, b]
        cosine = product / np.sqrt(window[k, LENGTH] * window[k + 1, LENGTH])
        total += np.arccos(min(max(cosine, -1.0), 1.0))
    return total / (stop - begin - 1) if stop - begin > 1 else 0.0


@njit(nogil=True, cache=True, error_model="numpy")
def agree(rules: Any, window: Any, stop: int) -> bool:
    """Tell whether all looks of the window lie beyond the boundary, in one direction."""
    scaled = window.shape[0] // 2
    for k in range(stop):
        if not window[scaled + k, LENGTH] > rules[BOUNDARY]:
            return False
    return bool(mean_angle(window, 0, stop) < rules[ANGLE])


@njit(nogil=True, cache=True, error_model="numpy")
def write_local_rmse(dates: Any, values: Any, room: Any, date: int) -> None:
    """Write the RMSE of the fit's looks that are nearest to a date in season, three for each term."""
    calendar, basis, _ = dates
    lists, _, lanes, _, _ = room
    n, terms = lists[AT, IN_FIT], lists[AT, TERMS_NOW]
    wanted = min(LOOKS_A_TERM * terms, n)
    low, high = 0, n
    while low < high:
        half = (low + high) // 2
        if calendar[RANK, lists[SEASON, half]] < calendar[RANK, date]:
            low = half + 1
        else:
            high = half
    phase = calendar[PHASE, date]
    before, after = low - 1 if low > 0 else n - 1, low if low < n else 0
    near = lists[NEAR]
    for k in range(wanted):
        earlier, later = lists[SEASON, before], lists[SEASON, after]
        apart, beyond = abs(calendar[PHASE, earlier] - phase), abs(calendar[PHASE, later] - phase)
        if min(apart, _QUARTERS - apart) < min(beyond, _QUARTERS - beyond):
            near[k], before = earlier, before - 1 if before > 0 else n - 1
        else:
            near[k], after = later, after + 1 if after + 1 < n else 0
    write_rmse(lanes, basis, values, near, (wanted, max(wanted - terms, 1)))
