"""Compiled trajectories: each pixel's years through spikes, vertices, models and the choice among them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from habitat.change.trajectory.models import best_model, fill, model_row
from habitat.change.trajectory.vertices import candidate_vertices, cull_by_angle, damp_spikes

FITTED, TOO_FEW_YEARS, NO_TREND, NO_DATA, NO_VARIATION = 0, 1, 2, 3, 4
"""What became of a pixel."""


@njit(nogil=True, cache=True, error_model="numpy")
def trace_pixels(read: Any, rules: Any, written: Any, piece: Any) -> None:
    """Trace the pixels first to last of flat values.

    read: values (year, pixel) with NaN as gaps, years since the first, sign that makes a loss a rise.
    rules: most segments, overshoot, 1 to bar a recovery of the last year alone, fewest years; spike, fastest recovery,
    highest chance, best-model proportion.
    written: vertices, fitted (year, pixel), code, root mean squared error, chance, years known (pixel).
    """
    values, years, sign = read
    total = years.shape[0]
    most = int(rules[0]) + 1
    room = (np.empty(total), np.empty(total), np.empty(total), np.empty(total))
    vertices = np.empty(most + int(rules[1]) + 1, np.int64)
    models = (
        np.empty((most, most), np.int64),
        np.empty((most, most)),
        np.empty(most, np.int64),
        np.empty(most),
        np.empty(most),
    )
    places = np.empty(total, np.int64)
    for pixel in range(piece[0], piece[1]):
        known = 0
        for t in range(total):
            value = np.float64(values[t, pixel])
            if np.isfinite(value):
                places[known], room[0][known], room[1][known] = t, years[t], sign * value
                known += 1
        chosen, code, chance = _trace(room, known, vertices, rules, models)
        _write(read, (places, room, known), models, (chosen, code, chance), written, pixel)


@njit(nogil=True, cache=True, error_model="numpy")
def _trace(room: Any, known: int, vertices: Any, rules: Any, models: Any) -> Any:
    """Write the chosen model among the models; return its number, the reason and its chance."""
    if known < max(rules[3], 2.0):
        return -1, NO_DATA if known == 0 else TOO_FEW_YEARS, np.nan
    times, values = room[0][:known], room[1][:known]
    fitted, scaled = room[2][:known], room[3][:known]
    mean = values.mean()
    damp_spikes(values, rules[4])
    low, high = values.min(), values.max()
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        models[0][0, 0], models[0][0, 1] = 0, known - 1
        models[1][0, :2] = 0.5 * (low + high)
        models[2][0] = 2
        return 0, NO_VARIATION, 1.0
    wanted = int(rules[0]) + 1
    numbers = (high - low, rules[2])
    count = candidate_vertices(times, values, wanted + int(rules[1]), numbers, vertices)
    if count > wanted:
        count = cull_by_angle(times, values, scaled, vertices, (count, wanted))
    series, start = (times, values, mean, fitted), (vertices, count)
    allowed, highest = rules[5], rules[6]
    for free in (False, True):
        made = model_row(series, start, allowed, free, models)
        chosen = best_model(models[3], models[4], (float(made), allowed, rules[7]))
        if chosen >= 0 and models[3][chosen] <= highest:
            return chosen, FITTED, models[3][chosen]
    if chosen < 0:
        models[0][0, 0], models[0][0, 1] = 0, known - 1
        models[1][0, :2] = mean
        models[2][0] = 2
        return 0, NO_TREND, 1.0
    return chosen, NO_TREND, models[3][chosen]


@njit(nogil=True, cache=True, error_model="numpy")
def _write(read: Any, seen: Any, models: Any, found: Any, written: Any, pixel: int) -> None:
    values, years, sign = read
    places, room, known = seen
    chosen, code, chance = found
    flags, lines, codes, errors, chances, counts = written
    codes[pixel], chances[pixel], counts[pixel] = code, chance, known
    errors[pixel] = np.nan
    for t in range(flags.shape[0]):
        flags[t, pixel], lines[t, pixel] = False, np.nan
    if chosen < 0:
        return
    vertices, heights, count = models[0][chosen], models[1][chosen], models[2][chosen]
    times, fitted = room[0][:known], room[2][:known]
    fill(times, vertices, heights, count, fitted)
    for k in range(count):
        flags[places[vertices[k]], pixel] = True
    squares = 0.0
    for i in range(known):
        squares += (sign * fitted[i] - values[places[i], pixel]) ** 2
        lines[places[i], pixel] = sign * fitted[i]
        # Gaps lie on the line between their neighbours; before the first year and after the last nothing is known.
        if i + 1 < known:
            step = (fitted[i + 1] - fitted[i]) / (times[i + 1] - times[i])
            for t in range(places[i] + 1, places[i + 1]):
                lines[t, pixel] = sign * (fitted[i] + step * (years[t] - times[i]))
    errors[pixel] = np.sqrt(squares / known)
