"""What the compiled walk along a series keeps and writes, in a few plain arrays: they pass from kernel to kernel."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.change.segmentation.lasso_models import COEFFICIENTS, LANE_ROWS, RMSE, TERMS
from habitat.change.segmentation.outlier_screen import SCREEN_ROWS
from habitat.change.segmentation.vector_lanes import LANES

DAY, RANK, PHASE = 0, 1, 2
"""Rows of the calendar: ordinals, places in the order of phases, and phases of the year in quarters of a day."""
ALIVE, SEASON, AT, NEAR = 0, 1, 2, 3
"""Rows of the walk's lists: dates still looked at, dates of the fit by phase, where the walk stands, dates near in
season."""
FIRST, NEXT, END, DENSE, FIT_END, SUMMED, IN_FIT, GROWN_FROM, TERMS_NOW, SEGMENTS, LAST_BREAK, ROWS = range(12)
"""Where a walk stands: the model's first look, the look to be tested, the end; where dense looks begin; how far fit
and sums reach, how many looks the fit has; looks at the last fit; terms; the pixel's segments, its last break; rows."""
PIXEL, START, LAST, BREAK, PROBABILITY, LOOKS, CODE = range(7)
"""Columns of a segment; its model has the rows of coefficients, and then RMSE and magnitude."""
MODEL_RMSE, MAGNITUDE, MODEL_ROWS = TERMS, TERMS + 1, TERMS + 2
BOUNDARY, OUTLIER, ANGLE, CONFIRM, PENALTY, SCREEN, FEWEST, FEWEST_SHORT = range(8)
LEAST_DAYS, GAP_DAYS, SNOW_SHARE, CLEAR_SHARE, REFIT_SHARE, GREEN_ABOVE = range(8, 14)
"""Places of the rules' numbers."""


class Found(NamedTuple):
    """Segments found: columns (segment, 7), models (segment, 10, lane), what became of each pixel."""

    columns: NDArray[np.int64]
    models: NDArray[np.float64]
    reason: NDArray[np.uint8]


class Room(NamedTuple):
    """Room of one walk: lists (4, date), window (residuals and scaled ones, lane), lanes, gradient, screen."""

    lists: NDArray[np.int64]
    window: NDArray[np.float64]
    lanes: NDArray[np.float64]
    gradient: NDArray[np.float64]
    screen: NDArray[np.float64]


def new_found(pixels: int, rows: int) -> Found:
    """Return empty rows for the segments of so many pixels."""
    return Found(np.zeros((rows, 7), np.int64), np.zeros((rows, MODEL_ROWS, LANES)), np.zeros(pixels, np.uint8))


def new_room(dates: int, confirm: int) -> Room:
    """Return room for walks over so many dates."""
    return Room(
        np.zeros((4, max(dates, ROWS + 1)), np.int64),
        np.zeros((2 * confirm, LANES)),
        np.zeros((LANE_ROWS, LANES)),
        np.zeros((TERMS, LANES)),
        np.zeros((SCREEN_ROWS, max(dates, 1))),
    )


@njit(nogil=True, cache=True, error_model="numpy")
def drop_look(lists: Any, place: int) -> None:
    """Forget the look at a place of the walk for good."""
    for k in range(place, lists[AT, END] - 1):
        lists[ALIVE, k] = lists[ALIVE, k + 1]
    lists[AT, END] -= 1


@njit(nogil=True, cache=True, error_model="numpy")
def drop_marked(lists: Any, marked: Any, begin: int, stop: int) -> None:
    """Forget the marked looks between two places; the marks begin with the first of them."""
    kept = begin
    for k in range(begin, lists[AT, END]):
        if k < stop and marked[k - begin] != 0.0:
            continue
        lists[ALIVE, kept] = lists[ALIVE, k]
        kept += 1
    lists[AT, END] = kept


@njit(nogil=True, cache=True, error_model="numpy")
def write_segment(found: Any, room: Any, days: Any, code: int, probability: int, looks: int) -> None:
    """Write a segment of the pixel at work with the room's model: its first day, last day and day of break."""
    columns, models, _ = found
    lists, _, lanes, _, _ = room
    row = lists[AT, ROWS]
    columns[row, START], columns[row, LAST], columns[row, BREAK] = days
    columns[row, PROBABILITY], columns[row, LOOKS], columns[row, CODE] = probability, looks, code
    for b in range(LANES):
        for k in range(TERMS):
            models[row, k, b] = lanes[COEFFICIENTS + k, b]
        models[row, MODEL_RMSE, b] = lanes[RMSE, b]
        models[row, MAGNITUDE, b] = 0.0
    lists[AT, ROWS] += 1
    lists[AT, SEGMENTS] += 1
    lists[AT, LAST_BREAK] = days[2]
