"""Compiled monitoring: the state of every pixel goes on by one date after another, whatever the calls are cut into."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from habitat.change.monitoring.season_kernels import BLOCK, keep_usable, season_of, take

WATCHED, CHANGED = 0, 6
"""Codes of pixels that are monitored and of those whose change is confirmed; those between have no model."""
NO_DAY = int(np.iinfo(np.int32).min)
"""Day of what has not happened."""
FIRST, CONFIRMED, SEEN, BARRED = 0, 1, 2, 3
"""Rows of a state's days."""
_MOSUM, _CUSUM, _EWMA, _IQR = 0, 1, 2, 3
_NOTHING = np.int8(2)
"""Side of a pixel that was not looked at."""
_FEW = 8
"""Below so many dates it is quicker to leave the rings where they are than to bring them together."""
_AHEAD = 16
"""Dates fetched at once: memory is waited for once, not once for each date."""


@njit(nogil=True, cache=True, error_model="numpy")
def open_pixels(read: Any, design: Any, fit: Any, numbers: Any, state: Any, piece: Any) -> None:
    """Begin the processes of pixels at the end of their history.

    read: stack (time, pixel), usable, codes, as for `fit_pixels`. design (time, term). fit: sigma, count, first.
    numbers, state: as for `watch_pixels`.
    """
    stack, usable, code = read
    sigmas, counts, firsts = fit
    coefficients, _, process, moving, quartiles, codes = state[:6]
    dates, terms = design.shape
    values, known = np.empty((dates, BLOCK)), np.empty((dates, BLOCK))
    model, expected = np.zeros((terms, BLOCK)), np.empty(BLOCK)
    kept = np.empty(dates)
    for left in range(piece[0], piece[1], BLOCK):
        n = min(BLOCK, piece[1] - left)
        block = slice(left, left + n)
        model[:, :n] = coefficients[:, block]
        oldest = dates
        while oldest > 0 and not _enough(known, oldest, counts, numbers, left, n):
            oldest -= 1
            take(stack[oldest, block], code, values[oldest], known[oldest])
            if usable.shape[0]:
                keep_usable(usable[oldest, block], values[oldest], known[oldest])
            season_of(design[oldest], model, expected)
            for i in range(n):
                values[oldest, i] -= expected[i]
        for i in range(n):
            pixel = left + i
            if codes[pixel] != WATCHED:
                continue
            total = 0
            for t in range(max(firsts[pixel], oldest), dates):
                if known[t, i] != 0:
                    kept[total] = values[t, i]
                    total += 1
            size = _window(numbers[4], counts[pixel])
            _open(kept[:total], size, sigmas[pixel], numbers, (process, moving, quartiles), pixel)


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _enough(known: Any, oldest: int, counts: Any, numbers: Any, left: int, n: int) -> bool:
    """Tell whether the windows of a block are full, looking every eighth date; means and quartiles want all dates."""
    if numbers[0] == _CUSUM:
        return True
    if numbers[0] != _MOSUM or (known.shape[0] - oldest) % 8 != 0:
        return False
    for i in range(n):
        found = 0.0
        for t in range(oldest, known.shape[0]):
            found += known[t, i]
        if found < _window(numbers[4], counts[left + i]):
            return False
    return True


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _open(residuals: Any, size: int, sigma: float, numbers: Any, begun: Any, pixel: int) -> None:
    """Begin one pixel: fill the window, weigh the mean, or find the quartiles."""
    process, moving, quartiles = begun
    kind, critical, weight, clip = numbers[0], numbers[3], numbers[5], numbers[6] * sigma
    n = residuals.shape[0]
    if kind == _MOSUM:
        total = 0.0
        for j in range(size):
            kept = np.float32(min(max(residuals[n - size + j], -clip), clip))
            moving[j, pixel] = kept
            total += np.float64(kept)
        process[pixel] = total
    elif kind == _EWMA:
        mean = 0.0
        for j in range(n):
            mean = (1 - weight) * mean + weight * min(max(residuals[j], -clip), clip)
        process[pixel] = mean
    elif kind == _IQR:
        ordered = np.sort(residuals)
        low, high = _quantile(ordered, 0.25), _quantile(ordered, 0.75)
        quartiles[0, pixel] = low - critical * (high - low)
        quartiles[1, pixel] = high + critical * (high - low)


@njit(nogil=True, cache=True, error_model="numpy")
def _window(share: float, history: Any) -> int:
    # 0.29 × 100 is a little less than 29.
    return int(share * history + 1e-9)


@njit(nogil=True, cache=True, error_model="numpy")
def _quantile(ordered: Any, share: float) -> float:
    place = share * (ordered.shape[0] - 1)
    below = int(place)
    above = min(below + 1, ordered.shape[0] - 1)
    return float(ordered[below] + (place - below) * (ordered[above] - ordered[below]))


@njit(nogil=True, cache=True, error_model="numpy")
def watch_pixels(read: Any, design: Any, days: Any, numbers: Any, state: Any, piece: Any) -> None:
    """Carry the state of pixels over the dates of a stack.

    read: stack (time, pixel), usable, codes, as for `fit_pixels`. design (time, term), days int32 (time,).
    numbers: process, direction, confirm, critical, window, weight, clip.
    state: coefficients (term, pixel), sigma (pixel), process (pixel), moving (window, pixel), quartiles (2, pixel); of
    each pixel code, history, seen, run; days (first, confirmed, seen, barred; pixel), after (n, pixel), their number.
    """
    stack, usable, code = read
    coefficients, sigmas, process, moving, quartiles, codes, history, seen, run, events, after, filled = state
    dates, terms = design.shape
    values, known, clear = np.zeros((_AHEAD, BLOCK)), np.zeros((_AHEAD, BLOCK)), np.zeros(BLOCK)
    model, expected = np.zeros((terms, BLOCK)), np.empty(BLOCK)
    units, side = np.empty((4, BLOCK)), np.empty(BLOCK, np.int8)
    places, listed = np.empty(BLOCK, np.uintp), np.empty(BLOCK, np.uintp)
    near = np.empty((moving.shape[0], BLOCK), np.float32)
    there = np.empty(BLOCK, np.uint8)
    together, repeated = dates >= _FEW, dates > 1
    for left in range(piece[0], piece[1], BLOCK):
        n = min(BLOCK, piece[1] - left)
        block = slice(left, left + n)
        for k in range(terms if repeated else 0):
            _widen(coefficients[k, block], model[k])
        # Views of the block: an index that counts from 0 need not be looked at for being negative.
        sums, watched, past, since = process[block], codes[block], history[block], seen[block]
        runs, so_many, latest, barred = run[block], filled[block], events[SEEN, block], events[BARRED, block]
        kept = (events[:, block], after[:, block])
        _units(sigmas[block], past, since, numbers, units, places)
        ring = near[:, :n] if together else moving[:, block]
        if together:
            near[:, :n] = moving[:, block]
        for t in range(dates):
            row = t % _AHEAD
            if row == 0:
                _take_ahead(stack, (t, left, n), code, values, known)
            seen_now = (values[row], known[row])
            if usable.shape[0]:
                clear[:] = known[row]
                keep_usable(usable[t, block], values[row], known[row])
                _bar(clear, known[row], days[t], barred)
            if repeated:
                season_of(design[t], model, expected)
            else:
                _season_once(design[t], coefficients, left, n, expected)
            _subtract(values[row], expected)
            if numbers[0] == _MOSUM:
                _moving_sums(seen_now, numbers, (units, places, listed), ring, (sums, watched, since), side)
            else:
                whiskers = quartiles[:, block]
                _single_sums(seen_now, numbers, (units, whiskers, listed), (sums, watched, past, since), side)
            _see(known[row], days[t], latest)
            near_side = (side, there, listed)
            _note(near_side, seen_now, days[t], numbers, (watched, runs, so_many), kept)
        if together:
            moving[:, block] = near[:, :n]


@njit(nogil=True, cache=True, error_model="numpy")
def _take_ahead(stack: Any, place: Any, code: Any, values: Any, known: Any) -> None:
    first, left, n = place
    for later in range(min(_AHEAD, stack.shape[0] - first)):
        take(stack[first + later, left : left + n], code, values[later], known[later])


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _widen(row: Any, out: Any) -> None:
    for i in range(row.shape[0]):
        out[i] = row[i]


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _subtract(values: Any, expected: Any) -> None:
    for i in range(BLOCK):
        values[i] -= expected[i]


@njit(nogil=True, cache=True, error_model="numpy", fastmath={"contract"})
def _season_once(row: Any, coefficients: Any, left: int, n: int, out: Any) -> None:
    """Write what `season_of` writes, of coefficients that are read once."""
    _times(row[0], coefficients[0, left : left + n], out)
    for k in range(1, row.shape[0]):
        _add_times(row[k], coefficients[k, left : left + n], out)


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _times(factor: float, term: Any, out: Any) -> None:
    for i in range(term.shape[0]):
        out[i] = factor * np.float64(term[i])


@njit(nogil=True, cache=True, error_model="numpy", inline="never", fastmath={"contract"})
def _add_times(factor: float, term: Any, out: Any) -> None:
    for i in range(term.shape[0]):
        out[i] += factor * np.float64(term[i])


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _bar(clear: Any, known: Any, day: Any, barred: Any) -> None:
    for i in range(barred.shape[0]):
        barred[i] = day if clear[i] != known[i] else barred[i]


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _see(known: Any, day: Any, latest: Any) -> None:
    for i in range(latest.shape[0]):
        latest[i] = day if known[i] != 0 else latest[i]


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _units(sigmas: Any, history: Any, seen: Any, numbers: Any, units: Any, places: Any) -> None:
    """Write units of the sums, how far residuals are cut, window and history, and where each ring stands."""
    mean, share, clip = numbers[0] == _EWMA, numbers[4], numbers[6]
    for i in range(sigmas.shape[0]):
        sigma, past, since = np.float64(sigmas[i]), np.float64(history[i]), np.float64(seen[i])
        units[0, i] = sigma if mean else sigma * np.sqrt(past)
        units[1, i] = clip * sigma
        # In floating point, which vector instructions divide; numbers so small stay whole.
        size = max(np.floor(share * past + 1e-9), 1.0)
        units[2, i] = size
        units[3, i] = past
        places[i] = np.uintp(since - size * np.floor(since / size))


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _moving_sums(observed: Any, numbers: Any, standing: Any, ring: Any, pixels: Any, side: Any) -> None:
    """Move the windows of a block on by one observation; write on which side of its boundaries each sum is."""
    units, places, listed = standing
    process, codes, seen = pixels
    critical = numbers[3]
    usual = critical * np.sqrt(2.0)
    for j in range(_list(observed[1], codes, listed, side)):
        i = listed[j]
        place = places[i]
        kept = np.float32(min(max(observed[0][i], -units[1, i]), units[1, i]))
        total = process[i] + (np.float64(kept) - np.float64(ring[place, i]))
        ring[place, i] = kept
        process[i] = total
        ahead = place + np.uintp(1)
        places[i] = ahead if ahead < units[2, i] else np.uintp(0)
        seen[i] += 1
        past = units[3, i]
        so_far = past + np.float64(seen[i])
        limit = usual
        if so_far > np.e * past:
            limit = critical * np.sqrt(2 * np.log(so_far / past))
        limit *= units[0, i]
        side[i] = np.int8(total > limit) - np.int8(total < -limit)


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _list(known: Any, codes: Any, listed: Any, side: Any) -> int:
    """List the pixels that are watched and clear, and answer how many; no processor foresees where gaps are."""
    count = np.uintp(0)
    for i in range(codes.shape[0]):
        side[i] = _NOTHING
        listed[count] = i
        count += np.uintp((known[i] != 0) & (codes[i] == WATCHED))
    return int(count)


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _single_sums(observed: Any, numbers: Any, standing: Any, pixels: Any, side: Any) -> None:
    """Carry the sums, means or single residuals of a block on; write on which side of its boundaries each is."""
    residuals, known = observed
    units, quartiles, listed = standing
    process, codes, history, seen = pixels
    kind, critical, weight = numbers[0], numbers[3], numbers[5]
    for j in range(_list(known, codes, listed, side)):
        i = listed[j]
        seen[i] += 1
        if kind == _IQR:
            process[i] = residuals[i]
            side[i] = np.int8(residuals[i] > quartiles[1, i]) - np.int8(residuals[i] < quartiles[0, i])
            continue
        kept = min(max(residuals[i], -units[1, i]), units[1, i])
        limit = critical * units[0, i]
        if kind == _EWMA:
            process[i] = (1 - weight) * process[i] + weight * kept
        else:
            process[i] += kept
            ratio = (np.float64(history[i]) + np.float64(seen[i])) / np.float64(history[i])
            limit = np.sqrt(ratio * (ratio - 1) * (critical * critical + np.log(ratio / (ratio - 1)))) * units[0, i]
        side[i] = np.int8(process[i] > limit) - np.int8(process[i] < -limit)


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _worth(listing: Any, known: Any, pixels: Any, room: int) -> int:
    """List the pixels beyond their boundaries or with a departure that goes on, and answer how many."""
    side, there, listed = listing
    codes, run, filled = pixels
    for i in range(run.shape[0]):
        there[i] = np.uint8(known[i] != 0)
    for i in range(run.shape[0]):
        waiting = (run[i] != 0) & ((codes[i] == WATCHED) | (filled[i] < room)) & (there[i] != 0)
        there[i] = np.uint8(waiting | (side[i] == 1) | (side[i] == -1))
    count = np.uintp(0)
    for i in range(run.shape[0]):
        listed[count] = i
        count += np.uintp(there[i])
    return int(count)


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _note(listing: Any, observed: Any, day: Any, numbers: Any, pixels: Any, kept: Any) -> None:
    """Count departures in a row, date the first and the one that confirms, and keep residuals from the first on."""
    residuals, known = observed
    codes, run, filled = pixels
    events, after = kept
    wanted, confirm, room = numbers[1], numbers[2], after.shape[0]
    # Most pixels are within their boundaries and stay there; only the others are worth a closer look.
    for j in range(_worth(listing, known, pixels, room)):
        i = listing[2][j]
        here = listing[0][i]
        departed = here * here == 1 and (wanted == 0 or here == wanted)
        if codes[i] == WATCHED:
            if departed and here * run[i] > 0:
                run[i] += here
            elif departed:
                run[i] = here
                events[FIRST, i] = day
                filled[i] = 0
            elif run[i] != 0:
                run[i] = 0
                events[FIRST, i] = NO_DAY
                filled[i] = 0
            if abs(run[i]) >= confirm:
                codes[i] = CHANGED
                events[CONFIRMED, i] = day
        if run[i] != 0 and filled[i] < room:
            after[filled[i], i] = residuals[i]
            filled[i] += 1
