"""Compiled walk along one pixel's looks: start a model, look back, watch for breaks, and end."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from habitat.change.segmentation.break_window import (
    GREEN,
    LAST_BAND,
    LENGTH,
    LOOKS_A_TERM,
    SWIR1,
    agree,
    mean_angle,
    score,
    write_local_rmse,
)
from habitat.change.segmentation.lasso_models import (
    COEFFICIENTS,
    LEAST,
    LOCAL,
    RMSE,
    add_look,
    clear_sums,
    solve,
    write_residual,
)
from habitat.change.segmentation.outlier_screen import MARKED, SIZES, mark_outliers, middle
from habitat.change.segmentation.series_rooms import (
    ALIVE,
    ANGLE,
    AT,
    BOUNDARY,
    CONFIRM,
    DAY,
    DENSE,
    END,
    FEWEST,
    FEWEST_SHORT,
    FIRST,
    FIT_END,
    GAP_DAYS,
    GROWN_FROM,
    IN_FIT,
    LAST_BREAK,
    LEAST_DAYS,
    MAGNITUDE,
    NEXT,
    OUTLIER,
    PENALTY,
    RANK,
    REFIT_SHARE,
    ROWS,
    SCREEN,
    SEASON,
    SEGMENTS,
    SUMMED,
    TERMS_NOW,
    drop_look,
    drop_marked,
    write_segment,
)
from habitat.change.segmentation.vector_lanes import LANES

YEAR = 365.25
FEW, SOME, ALL = 4, 6, 8
AT_START, AT_END = 10, 20
_DEGENERATE = 1e-6
"""Smallest RMSE a residual is divided by, in code units: a made-up series without noise has none."""


@njit(nogil=True, cache=True, error_model="numpy")
def walk(dates: Any, values: Any, rules: Any, room: Any, found: Any) -> None:
    """Write the segments of one pixel, whose usable dates stand in its list up to the end."""
    lists, window = room[0], room[1]
    confirm = int(rules[CONFIRM])
    lists[AT, FIRST], lists[AT, NEXT], lists[AT, DENSE], lists[AT, LAST_BREAK] = 0, int(rules[FEWEST]), 0, 0
    _write_least_rmse(values, room)
    trained = False
    while lists[AT, NEXT] <= lists[AT, END] - confirm:
        if not _enough(dates, rules, lists):
            lists[AT, NEXT] += 1
            continue
        if not trained:
            trained = _start_model(dates, values, rules, room)
            if not trained:
                continue
            looked = _look_back(dates, values, rules, room)
            if lists[AT, SEGMENTS] == 0 and lists[AT, FIRST] - lists[AT, DENSE] >= rules[FEWEST_SHORT]:
                _write_start(dates, values, rules, room, found, looked)
            lists[AT, FIT_END], lists[AT, GROWN_FROM] = -1, 0
        if _is_break(dates, values, rules, room):
            _write_break(dates, rules, room, found)
            lists[AT, FIRST] = lists[AT, NEXT]
            trained = False
        elif window[confirm, LENGTH] > rules[OUTLIER]:
            drop_look(lists, lists[AT, NEXT])
            continue
        lists[AT, NEXT] += 1
    if trained:
        _end_model(dates, rules, room, found)
    else:
        _end_without_model(dates, values, rules, room, found)


@njit(nogil=True, cache=True, error_model="numpy")
def _write_least_rmse(values: Any, room: Any) -> None:
    """Write the median step from look to look in each band: no model is trusted to fit better."""
    lists, _, lanes, _, screen = room
    n = lists[AT, END]
    for b in range(GREEN, LAST_BAND + 1):
        for k in range(n - 1):
            screen[SIZES, k] = abs(values[lists[ALIVE, k + 1], b] - values[lists[ALIVE, k], b])
        lanes[LEAST, b] = max(middle(screen[SIZES], n - 1, 0), _DEGENERATE) if n > 1 else _DEGENERATE


@njit(nogil=True, cache=True, error_model="numpy")
def _enough(dates: Any, rules: Any, lists: Any) -> bool:
    """Tell whether the looks before the next are enough in number and in time."""
    calendar = dates[0]
    first, following = lists[AT, FIRST], lists[AT, NEXT]
    if following - first < rules[FEWEST]:
        return False
    days = calendar[DAY, lists[ALIVE, following - 1]] - calendar[DAY, lists[ALIVE, first]]
    return bool(days >= rules[LEAST_DAYS])


@njit(nogil=True, cache=True, error_model="numpy")
def fit_looks(dates: Any, values: Any, rules: Any, room: Any, places: Any) -> None:
    """Fit a short model anew to the looks from a place to before another."""
    basis = dates[1]
    lists, _, lanes, gradient, _ = room
    clear_sums(lanes)
    for k in range(places[0], places[1]):
        date = lists[ALIVE, k]
        add_look(lanes, basis, values, date)
    solve(lanes, gradient, FEW, rules[PENALTY])


@njit(nogil=True, cache=True, error_model="numpy")
def _start_model(dates: Any, values: Any, rules: Any, room: Any) -> bool:
    """Tell whether a stable model starts here; where none does, move on."""
    calendar = dates[0]
    lists, _, _, _, screen = room
    first, following = lists[AT, FIRST], lists[AT, NEXT]
    gap = 0
    for k in range(first, following - 1):
        gap = max(gap, calendar[DAY, lists[ALIVE, k + 1]] - calendar[DAY, lists[ALIVE, k]])
    if gap > rules[GAP_DAYS]:
        lists[AT, NEXT] += 1
        lists[AT, FIRST] += 1
        lists[AT, DENSE] = lists[AT, FIRST]
        return False
    _screen(dates, values, rules, room, following + int(rules[CONFIRM]))
    kept, low, high = first, -1, -1
    for k in range(first, following):
        if screen[MARKED, k - first] == 0.0:
            kept += 1
            low = k if low < 0 else low
            high = k
    days = calendar[DAY, lists[ALIVE, high]] - calendar[DAY, lists[ALIVE, low]] if kept > first else 0
    if kept - first < rules[FEWEST] or days < rules[LEAST_DAYS]:
        lists[AT, NEXT] += 1
        return False
    drop_marked(lists, screen[MARKED], first, following)
    lists[AT, NEXT] = kept
    fit_looks(dates, values, rules, room, (first, kept))
    if _instability(dates, values, room) > rules[BOUNDARY]:
        lists[AT, FIRST] += 1
        lists[AT, NEXT] += 1
        return False
    return True


@njit(nogil=True, cache=True, error_model="numpy")
def _screen(dates: Any, values: Any, rules: Any, room: Any, stop: int) -> None:
    """Mark the outliers among the looks from the first to before stop."""
    calendar, _, waves = dates
    lists, _, lanes, _, screen = room
    looks = lists[ALIVE, lists[AT, FIRST] : stop]
    days = calendar[DAY, looks[-1]] - calendar[DAY, looks[0]]
    years = max(int(np.ceil(days / YEAR)), 1)
    limits = ((GREEN, rules[SCREEN] * lanes[LEAST, GREEN]), (SWIR1, rules[SCREEN] * lanes[LEAST, SWIR1]))
    mark_outliers(waves[years - 1], values, looks, limits, (screen, lanes))


@njit(nogil=True, cache=True, error_model="numpy")
def _instability(dates: Any, values: Any, room: Any) -> float:
    """Return how far slope and first and last look of a new model are from rest, squared, in RMSE."""
    basis = dates[1]
    lists, window, lanes, _, _ = room
    low, high = lists[ALIVE, lists[AT, FIRST]], lists[ALIVE, lists[AT, NEXT] - 1]
    write_residual(lanes, basis, values, low, window, 0)
    write_residual(lanes, basis, values, high, window, 1)
    span = basis[high, 1] - basis[low, 1]
    total = 0.0
    for b in range(GREEN, LAST_BAND + 1):
        ends = max(abs(window[0, b]), abs(window[1, b]))
        size = (abs(lanes[COEFFICIENTS + 1, b] * span) + ends) / max(lanes[LEAST, b], lanes[RMSE, b])
        total += size * size
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def _look_back(dates: Any, values: Any, rules: Any, room: Any) -> int:
    """Take earlier looks into the model while they fit; answer how many the last test looked at."""
    lists, window = room[0], room[1]
    confirm = window.shape[0] // 2
    begin = lists[AT, DENSE] if lists[AT, SEGMENTS] == 0 else _after_break(dates, lists)
    looked = 0
    for place in range(lists[AT, FIRST] - 1, begin - 1, -1):
        looked = min(confirm, place - begin + 1)
        for k in range(looked):
            score(dates, values, room, (k, place - k), RMSE)
        if agree(rules, window, looked):
            break
        if window[confirm, LENGTH] > rules[OUTLIER]:
            drop_look(lists, place)
            lists[AT, NEXT] -= 1
        lists[AT, FIRST] = place
    return looked


@njit(nogil=True, cache=True, error_model="numpy")
def _after_break(dates: Any, lists: Any) -> int:
    """Return the place of the first look at or after the last break, the end if there is none."""
    calendar = dates[0]
    for k in range(lists[AT, END]):
        if calendar[DAY, lists[ALIVE, k]] >= lists[AT, LAST_BREAK]:
            return k
    return int(lists[AT, END])


@njit(nogil=True, cache=True, error_model="numpy")
def _write_start(dates: Any, values: Any, rules: Any, room: Any, found: Any, looked: int) -> None:
    """Write a short model of what lies before the first stable one."""
    calendar, lists = dates[0], room[0]
    begin, stop = lists[AT, DENSE], lists[AT, FIRST]
    fit_looks(dates, values, rules, room, (begin, stop))
    first, last, following = lists[ALIVE, begin], lists[ALIVE, stop - 1], lists[ALIVE, stop]
    days = (calendar[DAY, first], calendar[DAY, last], calendar[DAY, following])
    write_segment(found, room, days, AT_START + FEW, 100, stop - begin)
    _write_magnitude(room, found, 0, looked, -1.0)


@njit(nogil=True, cache=True, error_model="numpy")
def _write_magnitude(room: Any, found: Any, begin: int, stop: int, sign: float) -> None:
    """Write the median residual of the window's looks to the newest segment."""
    lists, window, _, _, screen = room
    models = found[1]
    row = lists[AT, ROWS] - 1
    for b in range(LANES):
        for k in range(begin, stop):
            screen[SIZES, k - begin] = window[k, b]
        models[row, MAGNITUDE, b] = sign * middle(screen[SIZES], stop - begin, 0)


@njit(nogil=True, cache=True, error_model="numpy")
def _refit(dates: Any, values: Any, rules: Any, room: Any) -> None:
    """Fit the model to all looks before the next one; sums and the season's order go on from the last fit."""
    calendar, basis, _ = dates
    lists, _, lanes, gradient, _ = room
    if lists[AT, FIT_END] < 0:
        clear_sums(lanes)
        lists[AT, SUMMED], lists[AT, IN_FIT] = lists[AT, FIRST], 0
    for k in range(lists[AT, SUMMED], lists[AT, NEXT]):
        date = lists[ALIVE, k]
        add_look(lanes, basis, values, date)
        place = lists[AT, IN_FIT]
        while place > 0 and calendar[RANK, lists[SEASON, place - 1]] > calendar[RANK, date]:
            lists[SEASON, place] = lists[SEASON, place - 1]
            place -= 1
        lists[SEASON, place] = date
        lists[AT, IN_FIT] += 1
    looks = lists[AT, NEXT] - lists[AT, FIRST]
    terms = FEW if looks < SOME * LOOKS_A_TERM else SOME if looks < ALL * LOOKS_A_TERM else ALL
    lists[AT, TERMS_NOW], lists[AT, SUMMED], lists[AT, FIT_END] = terms, lists[AT, NEXT], lists[AT, NEXT]
    solve(lanes, gradient, terms, rules[PENALTY])


@njit(nogil=True, cache=True, error_model="numpy")
def _is_break(dates: Any, values: Any, rules: Any, room: Any) -> bool:
    """Bring the model and the window up to the next look; tell whether the window shows a break."""
    lists, window = room[0], room[1]
    confirm = window.shape[0] // 2
    looks = lists[AT, NEXT] - lists[AT, FIRST]
    if lists[AT, GROWN_FROM] == 0:
        lists[AT, GROWN_FROM] = looks
    if lists[AT, FIT_END] < 0 or looks <= ALL * LOOKS_A_TERM:
        _refit(dates, values, rules, room)
        for k in range(confirm):
            score(dates, values, room, (k, lists[AT, NEXT] + k), RMSE)
    else:
        since = lists[AT, NEXT] - lists[AT, FIT_END]
        if since >= 1 and since > int(lists[AT, GROWN_FROM] * rules[REFIT_SHARE]):
            _refit(dates, values, rules, room)
            lists[AT, GROWN_FROM] = looks
        last = lists[AT, NEXT] + confirm - 1
        write_local_rmse(dates, values, room, lists[ALIVE, last])
        for k in range(2 * confirm - 1):
            for b in range(LANES):
                window[k, b] = window[k + 1, b]
        score(dates, values, room, (confirm - 1, last), LOCAL)
    return agree(rules, window, confirm)


@njit(nogil=True, cache=True, error_model="numpy")
def _write_break(dates: Any, rules: Any, room: Any, found: Any) -> None:
    """Write the segment that ends before the next look."""
    calendar, lists = dates[0], room[0]
    first, following = lists[ALIVE, lists[AT, FIRST]], lists[AT, NEXT]
    last, departed = lists[ALIVE, following - 1], lists[ALIVE, following]
    days = (calendar[DAY, first], calendar[DAY, last], calendar[DAY, departed])
    write_segment(found, room, days, lists[AT, TERMS_NOW], 100, lists[AT, IN_FIT])
    _write_magnitude(room, found, 0, int(rules[CONFIRM]), 1.0)


@njit(nogil=True, cache=True, error_model="numpy")
def _end_model(dates: Any, rules: Any, room: Any, found: Any) -> None:
    """Write the segment that lasts to the end, and how probable a break among its last looks is."""
    calendar = dates[0]
    lists, window, _, _, _ = room
    confirm = window.shape[0] // 2
    stable, end = confirm, lists[AT, END]
    for k in range(confirm - 1, -1, -1):
        if not (window[confirm + k, LENGTH] > rules[BOUNDARY] and mean_angle(window, k, confirm) < rules[ANGLE]):
            stable = k + 1
            break
    broken = calendar[DAY, lists[ALIVE, end - confirm + stable]] if stable < confirm else 0
    last = lists[ALIVE, end - 1 - confirm + stable]
    days = (calendar[DAY, lists[ALIVE, lists[AT, FIRST]]], calendar[DAY, last], broken)
    probability = int((confirm - stable) * 100.0 / confirm)
    write_segment(found, room, days, lists[AT, TERMS_NOW], probability, lists[AT, IN_FIT])
    if stable < confirm:
        _write_magnitude(room, found, stable, confirm, 1.0)


@njit(nogil=True, cache=True, error_model="numpy")
def _end_without_model(dates: Any, values: Any, rules: Any, room: Any, found: Any) -> None:
    """Write a short model of what is left since the last break."""
    calendar, lists, screen = dates[0], room[0], room[4]
    segments = lists[AT, SEGMENTS]
    lists[AT, FIRST] = 0 if segments == 0 else _after_break(dates, lists)
    if lists[AT, END] - lists[AT, FIRST] >= rules[FEWEST_SHORT]:
        _screen(dates, values, rules, room, lists[AT, END])
        drop_marked(lists, screen[MARKED], lists[AT, FIRST], lists[AT, END])
    left = lists[AT, END] - lists[AT, FIRST]
    if left < rules[FEWEST_SHORT]:
        return
    fit_looks(dates, values, rules, room, (lists[AT, FIRST], lists[AT, END]))
    begin = calendar[DAY, lists[ALIVE, 0]] if segments == 0 else lists[AT, LAST_BREAK]
    write_segment(found, room, (begin, calendar[DAY, lists[ALIVE, lists[AT, END] - 1]], 0), AT_END + FEW, 0, left)
