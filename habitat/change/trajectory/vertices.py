"""Vertices of a yearly series: spikes damped, breakpoints found by their deviation, and the flattest bends dropped."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

_TOUCHES_LOSS = 2.0
"""How much more a bend before a loss of the whole range counts than one before a recovery (Kennedy's code)."""
_ROUNDING = 1e-18
"""Mean squares below this share of the squared range are rounding, not deviation."""


@njit(nogil=True, cache=True, error_model="numpy")
def damp_spikes(values: Any, threshold: float) -> None:
    """Damp one-year spikes in place, the most peaked first, until none is above the threshold.

    A spike of proportion 1 leaves a value and returns to it the next year; of proportion 0 it is a step.
    """
    n = values.shape[0]
    for _ in range(n):
        worst, place, change = -1.0, -1, 0.0
        for i in range(1, n - 1):
            left, right = values[i - 1], values[i + 1]
            height = max(abs(values[i] - left), abs(values[i] - right))
            if height > 0.0:
                proportion = 1.0 - abs(left - right) / height
                if proportion > worst:
                    worst, place, change = proportion, i, proportion * (0.5 * (left + right) - values[i])
        if place < 0 or worst <= threshold:
            return
        values[place] += change


@njit(nogil=True, cache=True, error_model="numpy")
def line_through(times: Any, values: Any, first: int, last: int) -> Any:
    """Slope, intercept and mean squared residual of the least-squares line through a run of years."""
    n = last - first + 1
    mean_time, mean_value = 0.0, 0.0
    for i in range(first, last + 1):
        mean_time += times[i]
        mean_value += values[i]
    mean_time /= n
    mean_value /= n
    squares, products = 0.0, 0.0
    for i in range(first, last + 1):
        along = times[i] - mean_time
        squares += along * along
        products += along * (values[i] - mean_value)
    slope = products / squares
    intercept = mean_value - slope * mean_time
    residual = 0.0
    for i in range(first, last + 1):
        apart = values[i] - intercept - slope * times[i]
        residual += apart * apart
    return slope, intercept, residual / n


@njit(nogil=True, cache=True, error_model="numpy")
def _farthest(times: Any, values: Any, line: Any, first: int, last: int) -> int:
    """Year inside a run that lies farthest from a line, or -1."""
    farthest, place = 0.0, -1
    for i in range(first + 1, last):
        apart = abs(values[i] - line[1] - line[0] * times[i])
        if apart > farthest:
            farthest, place = apart, i
    return place


@njit(nogil=True, cache=True, error_model="numpy")
def candidate_vertices(times: Any, values: Any, most: int, numbers: Any, vertices: Any) -> int:
    """Write up to so many vertices, ascending, and return how many: the worst segment is split where it errs most.

    numbers: range of the values, 1 if a recovery in the last year alone must not become a segment.
    """
    n = times.shape[0]
    vertices[0], vertices[1] = 0, n - 1
    count = 2
    least = _ROUNDING * numbers[0] * numbers[0]
    while count < min(most, n):
        worst, place, where = least, -1, 0
        # From the latest to the earliest: of equal segments the latest is split, as in the published code.
        for k in range(count - 2, -1, -1):
            first, last = vertices[k], vertices[k + 1]
            if last - first < 2:
                continue
            line = line_through(times, values, first, last)
            if line[2] <= worst:
                continue
            end = last
            if k == count - 2 and numbers[1] != 0 and values[last - 1] > values[last]:
                end = last - 1
            found = _farthest(times, values, line, first, end)
            if found >= 0:
                worst, place, where = line[2], found, k + 1
        if place < 0:
            break
        for k in range(count, where, -1):
            vertices[k] = vertices[k - 1]
        vertices[where] = place
        count += 1
    return count


@njit(nogil=True, cache=True, error_model="numpy")
def _bend(times: Any, scaled: Any, vertices: Any, k: int, span: float) -> float:
    before, here, after = vertices[k - 1], vertices[k], vertices[k + 1]
    rise, next_rise = scaled[here] - scaled[before], scaled[after] - scaled[here]
    steepest = max(abs(np.arctan(rise / (times[here] - times[before]))),
                   abs(np.arctan(next_rise / (times[after] - times[here]))))  # fmt: skip
    return float(steepest * (1.0 + max(0.0, _TOUCHES_LOSS * next_rise / span)))


@njit(nogil=True, cache=True, error_model="numpy")
def cull_by_angle(times: Any, values: Any, scaled: Any, vertices: Any, sizes: Any) -> int:
    """Drop the flattest bends until no more vertices are left than wanted; return how many are.

    sizes: vertices there are, vertices wanted. scaled is room for the values on a square plot.
    """
    count, wanted = sizes
    low, high = values.min(), values.max()
    span = times[-1] - times[0]
    for i in range(values.shape[0]):
        scaled[i] = span * (values[i] - low) / (high - low)
    while count > wanted:
        flattest, least = 1, np.inf
        for k in range(1, count - 1):
            bend = _bend(times, scaled, vertices, k, span)
            if bend < least:
                flattest, least = k, bend
        for k in range(flattest, count - 1):
            vertices[k] = vertices[k + 1]
        count -= 1
    return int(count)
