"""Codes of whole grids: blocks of cells day by day through compiled single-precision equations, on several threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.fire.weather.fire_season import (
    AFTER,
    IN_SEASON,
    PHASE,
    RESTARTS_DC,
    RESTARTS_DMC,
    RESTARTS_FFMC,
    SETTLING,
    STARTS,
    STATE_BITS,
    awake,
    hibernate,
    season_day,
)
from habitat.fire.weather.vector_equations import (
    BLOCK,
    air_out,
    build_up,
    dry_deep,
    dry_duff,
    intensity,
    severity,
    soak,
    spread,
)

Single = NDArray[np.float32]

_f = np.float32
_LARGE = _f(3e38)
_WARMEST = _f(100)
_MILD = (_f(15), _f(50), _f(10), _f(0))
"""Temperature, humidity, wind and rain computed with, and thrown away, where they are unknown."""
_WEATHER, _COMPLETE, _CODES, _KNOWN_CODES, _HOURS, _FACTOR, _MOISTURE, _OUT, _ROWS = 0, 4, 5, 8, 9, 10, 11, 12, 19
"""First rows of what a block is worked with: four of weather, three codes, up to seven results, one of each other."""


@dataclass(frozen=True, eq=False)
class Course:
    """All that a run over days and cells reads and writes; arrays over cells are flat.

    Parameters
    ----------
    weather : four float32 arrays (time, cell)
        Temperature [degC], humidity [%], wind [km/h] and rain [mm].
    months : int64 (time,)
        0 to 11.
    day_lengths, drying_factors : float32 (month, cell)
        Of `habitat.fire.weather.day_length`.
    signs : uint8 (time, cell)
        Signs of the season's rule; overwritten with what the days are.
    codes : float64 (3, cell)
        FFMC, DMC and DC of the day before the first, NaN where there are none; overwritten with the last day's.
    winter_rain : float64 (cell,) [mm]
        Since the season's end; overwritten.
    counters : int16 (counter, cell)
        Of `habitat.fire.weather.fire_season`; overwritten.
    """

    weather: tuple[Single, ...]
    months: NDArray[np.int64]
    day_lengths: Single
    drying_factors: Single
    signs: NDArray[np.uint8]
    codes: NDArray[np.float64]
    winter_rain: NDArray[np.float64]
    counters: NDArray[np.int16]


def run_course(
    course: Course, limits: tuple[int, ...], numbers: tuple[float, ...], out: Single, *, workers: int | None = None
) -> int:
    """Compute the codes of all days and cells.

    Parameters
    ----------
    course : Course
        Read, and overwritten where it says so.
    limits : tuple of int
        Of `season_day`.
    numbers : tuple of float
        FFMC constant; the three numbers of the duff equation; three start codes; carry-over, wetting, lowest code,
        short days and gap days of the winter, carry-over below 0 where the drought code does not overwinter.
    out : float32 (6 or 7, time, cell)
        Filled with FFMC, DMC, DC, ISI, BUI, FWI and, if there is room, DSR; NaN on days without codes.
    workers : int, optional
        Threads; all processors by default.

    Returns
    -------
    int
        How many days of cells have impossible weather: humidity outside 0 to 100, negative wind or rain, or a
        temperature no air has. Above 0, what was computed means nothing.
    """
    cells = course.signs.shape[1]
    wanted = workers or os.cpu_count() or 1
    step = max(1, -(-cells // (BLOCK * wanted))) * BLOCK
    pieces = [(first, min(first + step, cells)) for first in range(0, cells, step)]
    read = (*course.weather, course.months, course.day_lengths, course.drying_factors)
    written = (course.signs, course.codes, course.winter_rain, course.counters, out)

    def work(piece: tuple[int, int]) -> int:
        return int(_run_cells(read, written, limits, numbers, piece))

    if len(pieces) == 1:
        return work(pieces[0])
    with ThreadPoolExecutor(len(pieces)) as pool:
        return sum(pool.map(work, pieces))


@njit(nogil=True, cache=True, error_model="numpy")
def _run_cells(read: Any, written: Any, limits: Any, numbers: Any, piece: Any) -> int:
    t, h, w, r, months, day_lengths, drying_factors = read
    signs, codes, winter_rain, counters, out = written
    rows = np.zeros((_ROWS, BLOCK), np.float32)
    wrong = 0
    for left in range(piece[0], piece[1], BLOCK):
        n = min(BLOCK, piece[1] - left)
        block = slice(left, left + n)
        winter = (winter_rain[block], counters[:, block])
        _open(codes[:, block], numbers, rows)
        for day in range(signs.shape[0]):
            month = months[day]
            wrong += _take(t[day, block], h[day, block], w[day, block], r[day, block], rows)
            active = n
            usual = season_day(signs[day, block], rows[_COMPLETE, :n], winter[1], limits) == 0
            if not usual:
                active = _turn(signs[day, block], rows, winter, r[day, block], numbers)
            if active:
                rows[_HOURS, :n] = day_lengths[month, block]
                rows[_FACTOR, :n] = drying_factors[month, block]
                _compute(rows, numbers, out.shape[0])
            _put(signs[day, block], rows, usual, out[:, day, block])
        _close(rows, codes[:, block])
    return wrong


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _open(codes: Any, numbers: Any, rows: Any) -> None:
    """Put the codes of a block where it is worked; unknown ones are computed with, and thrown away."""
    for k in range(3):
        start = _f(numbers[4 + k])
        for i in range(BLOCK):
            rows[_CODES + k, i] = start
        for i in range(codes.shape[1]):
            known = codes[k, i] == codes[k, i]
            rows[_CODES + k, i] = _f(codes[k, i]) if known else start
            rows[_KNOWN_CODES, i] = _f(1) if known else _f(0)


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _close(rows: Any, codes: Any) -> None:
    for k in range(3):
        for i in range(codes.shape[1]):
            codes[k, i] = rows[_CODES + k, i] if rows[_KNOWN_CODES, i] else np.nan


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _take(t: Any, h: Any, w: Any, r: Any, rows: Any) -> Any:
    """Put the weather of a block where it is worked; answer how many numbers of it are impossible."""
    mild_t, mild_h, mild_w, mild_r = _MILD
    wrong: Any = np.int32(0)
    for i in range(t.shape[0]):
        warmth, damp, speed, wet = t[i], h[i], w[i], r[i]
        known = (abs(warmth) <= _LARGE) & (abs(damp) <= _LARGE) & (abs(speed) <= _LARGE) & (abs(wet) <= _LARGE)
        rows[_WEATHER, i] = warmth if known else mild_t
        rows[_WEATHER + 1, i] = damp if known else mild_h
        rows[_WEATHER + 2, i] = speed if known else mild_w
        rows[_WEATHER + 3, i] = wet if known else mild_r
        rows[_COMPLETE, i] = _f(1) if known else _f(0)
        odd = (damp < 0) | (damp > 100) | (speed < 0) | (wet < 0) | (abs(warmth) > _WARMEST)
        wrong += np.int32(odd)
    return wrong


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _turn(signs: Any, rows: Any, winter: Any, rain: Any, numbers: Any) -> int:
    """Start, restart and overwinter the codes of a block; answer how many cells have codes today."""
    winter_rain, counters = winter
    active = 0
    for i in range(signs.shape[0]):
        sign = signs[i]
        state = sign & STATE_BITS
        active += state in (IN_SEASON, SETTLING)
        if counters[PHASE, i] == AFTER:
            hibernate(rain[i], winter_rain, counters, i)
        if sign & (STARTS | RESTARTS_FFMC):
            rows[_CODES, i] = _f(numbers[4])
        if sign & (STARTS | RESTARTS_DMC):
            rows[_CODES + 1, i] = _f(numbers[5])
        if sign & (STARTS | RESTARTS_DC):
            code = np.nan if sign & RESTARTS_DC or not rows[_KNOWN_CODES, i] else float(rows[_CODES + 2, i])
            rows[_CODES + 2, i] = _f(awake(code, winter_rain[i], counters[:, i], numbers))
            rows[_KNOWN_CODES, i] = _f(1)
    return active


@njit(nogil=True, cache=True, error_model="numpy")
def _compute(rows: Any, numbers: Any, count: int) -> None:
    constant = _f(numbers[0])
    form = (_f(numbers[1]), _f(numbers[2]), _f(numbers[3]))
    t, h, w, r = rows[_WEATHER], rows[_WEATHER + 1], rows[_WEATHER + 2], rows[_WEATHER + 3]
    f, p, d = rows[_OUT], rows[_OUT + 1], rows[_OUT + 2]
    s, u, x = rows[_OUT + 3], rows[_OUT + 4], rows[_OUT + 5]
    for k in range(3):
        rows[_OUT + k] = rows[_CODES + k]
    soak(f, r, constant, rows[_MOISTURE])
    air_out(t, h, w, rows[_MOISTURE], constant, f)
    dry_duff(t, h, r, rows[_HOURS], form, p)
    dry_deep(t, r, rows[_FACTOR], d)
    spread(f, w, constant, s)
    build_up(p, d, u)
    intensity(s, u, x)
    if count > 6:
        severity(x, rows[_OUT + 6])


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _put(signs: Any, rows: Any, usual: Any, out: Any) -> None:
    n = signs.shape[0]
    if usual:
        for k in range(3):
            rows[_CODES + k, :n] = rows[_OUT + k, :n]
        for k in range(out.shape[0]):
            out[k] = rows[_OUT + k, :n]
        return
    for i in range(n):
        signs[i] &= STATE_BITS
        rows[_COMPLETE, i] = _f(1) if signs[i] in (IN_SEASON, SETTLING) else _f(0)
    for k in range(3):
        _choose(rows[_COMPLETE, :n], rows[_OUT + k], rows[_CODES + k], rows[_CODES + k])
    rows[_MOISTURE] = np.nan
    for k in range(out.shape[0]):
        _choose(rows[_COMPLETE, :n], rows[_OUT + k], rows[_MOISTURE], out[k])


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _choose(chosen: Any, values: Any, others: Any, into: Any) -> None:
    for i in range(chosen.shape[0]):
        value, other = values[i], others[i]
        into[i] = value if chosen[i] != 0 else other
