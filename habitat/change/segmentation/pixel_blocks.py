"""Compiled loop over pixels: codes to looks, and the way each pixel goes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from habitat.change.segmentation.break_window import GREEN, LAST_BAND, LOOKS_A_TERM
from habitat.change.segmentation.lasso_models import COEFFICIENTS, RMSE, TERMS
from habitat.change.segmentation.outlier_screen import MARKED, SIZES, middle
from habitat.change.segmentation.segment_walk import ALL, FEW, fit_looks, walk
from habitat.change.segmentation.series_rooms import (
    ALIVE,
    AT,
    CLEAR_SHARE,
    DAY,
    END,
    FEWEST,
    GREEN_ABOVE,
    MODEL_RMSE,
    PIXEL,
    ROWS,
    SEGMENTS,
    SNOW_SHARE,
    drop_marked,
    write_segment,
)
from habitat.change.segmentation.vector_lanes import LANES

CLEAR, WATER, SHADOW, SNOW, CLOUD, FILL = 0, 1, 2, 3, 4, 255
"""Classes of the mask."""
MODELLED, NO_DATA, TOO_FEW = 0, 1, 2
"""What became of a pixel."""
INSUFFICIENT, PERMANENT_SNOW = 40, 50
_LARGEST = 10_000
_BLOCK = 32
"""Pixels read at once: a line of the cache holds as many codes."""
_TEMPERATURE, _WITHOUT = 6, 7
"""Lanes of temperature and of the note that there is none."""


@njit(nogil=True, cache=True, error_model="numpy")
def segment_pixels(read: Any, dates: Any, rules: Any, room: Any, found: Any, piece: Any) -> int:
    """Write the segments of the pixels first to last of a stack; answer how many there are.

    read: codes (band, date, pixel), classes (date, pixel). dates: calendar (3, date), basis (date, term), waves of
    1, 2, ... years (years, 4, date).
    """
    stack, mask = read
    bands, times, _ = stack.shape
    values = np.zeros((_BLOCK, times, LANES))
    usable = np.zeros((_BLOCK, times), np.uint8)
    lists, reason = room[0], found[2]
    lists[AT, ROWS] = 0
    for left in range(piece[0], piece[1], _BLOCK):
        n = min(_BLOCK, piece[1] - left)
        usable[:] = 1
        for b in range(bands):
            for t in range(times):
                _take(stack[b, t, left : left + n], b, t, values, usable)
        for i in range(n):
            begin = lists[AT, ROWS]
            looks = (values[i], usable[i], mask[:, left + i])
            reason[left - piece[0] + i] = _segment_pixel(dates, looks, rules, room, found)
            _finish_rows(found, begin, lists[AT, ROWS], left + i)
    return int(lists[AT, ROWS])


@njit(nogil=True, cache=True, error_model="numpy")
def _finish_rows(found: Any, begin: int, stop: int, pixel: int) -> None:
    """Write whose segments they are, and take temperature from models it has gaps in."""
    columns, models, _ = found
    for row in range(begin, stop):
        columns[row, PIXEL] = pixel
        if models[row, 0, _WITHOUT] != 0.0:
            models[row, :, _TEMPERATURE] = np.nan


@njit(nogil=True, cache=True, error_model="numpy")
def _take(line: Any, band: int, date: int, values: Any, usable: Any) -> None:
    """Copy one date of one band; reflectance beyond 0 to 1 is saturated or none."""
    for i in range(line.shape[0]):
        code = line[i]
        if band < _TEMPERATURE:
            values[i, date, band] = code
            usable[i, date] = usable[i, date] if 0 < code < _LARGEST else 0
        else:
            values[i, date, band] = code * 10.0 if code > 0 else 0.0
            values[i, date, _WITHOUT] = 0.0 if code > 0 else 1.0


@njit(nogil=True, cache=True, error_model="numpy")
def _segment_pixel(dates: Any, looks: Any, rules: Any, room: Any, found: Any) -> int:
    """Choose the way by how often the pixel is seen, and go it; answer what became of the pixel."""
    values, _, classes = looks
    lists = room[0]
    clear = snow = seen = 0
    for t in range(classes.shape[0]):
        clear += 1 if classes[t] <= WATER else 0
        snow += 1 if classes[t] == SNOW else 0
        seen += 1 if classes[t] != FILL else 0
    if seen == 0:
        return NO_DATA
    few = clear < LOOKS_A_TERM * ALL
    lists[AT, SEGMENTS] = 0
    if (few or clear < rules[CLEAR_SHARE] * seen) and snow > rules[SNOW_SHARE] * (snow + clear):
        _fit_snow(dates, looks, rules, room, found)
    elif few:
        _list_looks(dates, looks, FILL - 1, lists)
        _fit_insufficient(dates, values, rules, room, found)
    else:
        _list_looks(dates, looks, WATER, lists)
        walk(dates, values, rules, room, found)
    return MODELLED if lists[AT, SEGMENTS] > 0 else TOO_FEW


@njit(nogil=True, cache=True, error_model="numpy")
def _list_looks(dates: Any, looks: Any, highest: int, lists: Any) -> None:
    """List the usable dates of classes up to the highest; of looks of one day the first one counts."""
    calendar = dates[0]
    _, usable, classes = looks
    n = 0
    for t in range(classes.shape[0]):
        if usable[t] == 0 or classes[t] > highest:
            continue
        if n > 0 and calendar[DAY, lists[ALIVE, n - 1]] == calendar[DAY, t]:
            continue
        lists[ALIVE, n] = t
        n += 1
    lists[AT, END] = n


@njit(nogil=True, cache=True, error_model="numpy")
def _fit_insufficient(dates: Any, values: Any, rules: Any, room: Any, found: Any) -> None:
    """Fit one short model to all looks that are not bright in green, whatever the mask says."""
    calendar, lists, screen = dates[0], room[0], room[4]
    n = lists[AT, END]
    if n < rules[FEWEST]:
        return
    for k in range(n):
        screen[SIZES, k] = values[lists[ALIVE, k], GREEN]
    limit = middle(screen[SIZES], n, 0) + rules[GREEN_ABOVE]
    for k in range(n):
        screen[MARKED, k] = 0.0 if values[lists[ALIVE, k], GREEN] < limit else 1.0
    drop_marked(lists, screen[MARKED], 0, n)
    n = lists[AT, END]
    if n < rules[FEWEST]:
        return
    fit_looks(dates, values, rules, room, (0, n))
    days = (calendar[DAY, lists[ALIVE, 0]], calendar[DAY, lists[ALIVE, n - 1]], 0)
    write_segment(found, room, days, INSUFFICIENT + FEW, 0, n)


@njit(nogil=True, cache=True, error_model="numpy")
def _fit_snow(dates: Any, looks: Any, rules: Any, room: Any, found: Any) -> None:
    """Fit one short model to looks at snow and ground, in each band to those that are not saturated."""
    calendar, lists, lanes, models = dates[0], room[0], room[2], found[1]
    values, _, classes = looks
    begin, last, n = 0, 0, 0
    for t in range(classes.shape[0]):
        if classes[t] == SNOW or classes[t] <= WATER:
            begin, last, n = t if n == 0 else begin, t, n + 1
    if n < rules[FEWEST]:
        return
    row = lists[AT, ROWS]
    write_segment(found, room, (calendar[DAY, begin], calendar[DAY, last], 0), PERMANENT_SNOW + FEW, 0, n)
    models[row] = 0.0
    # Temperature is not asked for under snow.
    models[row, 0, _WITHOUT] = 1.0
    for b in range(LAST_BAND + 1):
        n = 0
        for t in range(classes.shape[0]):
            if (classes[t] == SNOW or classes[t] <= WATER) and 0.0 < values[t, b] < _LARGEST:
                lists[ALIVE, n] = t
                n += 1
        if n < rules[FEWEST]:
            # Nearly always saturated: the brightest a surface can be.
            models[row, 0, b] = _LARGEST
            continue
        fit_looks(dates, values, rules, room, (0, n))
        models[row, MODEL_RMSE, b] = lanes[RMSE, b]
        for k in range(TERMS):
            models[row, k, b] = lanes[COEFFICIENTS + k, b]
