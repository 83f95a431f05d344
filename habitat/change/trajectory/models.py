"""Models of a yearly series: straight segments between vertices, fitted, tested and thinned out one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from habitat.change.trajectory.vertices import line_through

SURE = 1e-9
"""Probabilities below this count as this: among models so sure, the one with most segments is taken (Earth Engine)."""


@njit(nogil=True, cache=True, error_model="numpy")
def fill(times: Any, vertices: Any, heights: Any, count: int, fitted: Any) -> None:
    """Write the straight lines between vertices."""
    for k in range(count - 1):
        first, last = vertices[k], vertices[k + 1]
        slope = (heights[k + 1] - heights[k]) / (times[last] - times[first])
        for i in range(first, last + 1):
            fitted[i] = heights[k] + slope * (times[i] - times[first])


@njit(nogil=True, cache=True, error_model="numpy")
def path_heights(times: Any, values: Any, vertices: Any, count: int, heights: Any) -> None:
    """Write the heights of vertices from the first year on: each segment hangs on the one before.

    The first is a regression; each later one goes straight to the value at its end, or is the regression through
    its anchor, whichever errs less.
    """
    line = line_through(times, values, vertices[0], vertices[1])
    heights[0] = line[1] + line[0] * times[vertices[0]]
    heights[1] = line[1] + line[0] * times[vertices[1]]
    for k in range(1, count - 1):
        first, last = vertices[k], vertices[k + 1]
        anchor, span = heights[k], times[last] - times[first]
        squares, products = 0.0, 0.0
        for i in range(first, last + 1):
            along = times[i] - times[first]
            squares += along * along
            products += along * (values[i] - anchor)
        free, straight = products / squares, (values[last] - anchor) / span
        free_error, straight_error = 0.0, 0.0
        for i in range(first, last + 1):
            along, above = times[i] - times[first], values[i] - anchor
            free_error += (above - free * along) ** 2
            straight_error += (above - straight * along) ** 2
        heights[k + 1] = anchor + span * (straight if straight_error <= free_error else free)


@njit(nogil=True, cache=True, error_model="numpy")
def free_heights(times: Any, values: Any, vertices: Any, count: int, heights: Any) -> None:
    """Write the heights that fit all years best at once: linear least squares, a system with three diagonals.

    The published codes reach the same by Levenberg and Marquardt's method.
    """
    diagonal, beside = np.zeros(count), np.zeros(count)
    heights[:count] = 0.0
    for k in range(count - 1):
        first, last = vertices[k], vertices[k + 1]
        # A vertex belongs to the segment before it, the first one to the first.
        for i in range(first + (1 if k else 0), last + 1):
            right = (times[i] - times[first]) / (times[last] - times[first])
            left = 1.0 - right
            diagonal[k] += left * left
            diagonal[k + 1] += right * right
            beside[k] += left * right
            heights[k] += left * values[i]
            heights[k + 1] += right * values[i]
    for k in range(1, count):
        factor = beside[k - 1] / diagonal[k - 1]
        diagonal[k] -= factor * beside[k - 1]
        heights[k] -= factor * heights[k - 1]
    heights[count - 1] /= diagonal[count - 1]
    for k in range(count - 2, -1, -1):
        heights[k] = (heights[k] - beside[k] * heights[k + 1]) / diagonal[k]


@njit(nogil=True, cache=True, error_model="numpy")
def chance_of_model(left: float, total: float, years: int, vertices: int) -> float:
    """Chance that noise alone is explained so well: the F-test of a model with two parameters for each segment.

    left: sum of squared residuals. total: sum of squared deviations from the mean.
    """
    explained = 2 * vertices - 2
    free = years - explained - 1
    if free <= 0:
        return 1.0
    share = min(left / total, 1.0)
    # Half of the first degrees of freedom is whole, so that the incomplete beta function is a finite sum.
    half, power = vertices - 1, 0.5 * free
    if share <= 0.0:
        return SURE
    chance, term = 0.0, 1.0
    for j in range(half):
        if j:
            term *= (power + j - 1) / j * (1.0 - share)
        chance += term
    return float(max(SURE, min(1.0, chance * share**power)))


@njit(nogil=True, cache=True, error_model="numpy")
def recovery_speed(times: Any, vertices: Any, heights: Any, count: int) -> Any:
    """Fastest recovery of a model in shares of its range a year, and the segment; 0 and -1 where nothing recovers."""
    low, high = heights[:count].min(), heights[:count].max()
    fastest, segment = 0.0, -1
    if high > low:
        for k in range(count - 1):
            fall = (heights[k] - heights[k + 1]) / (times[vertices[k + 1]] - times[vertices[k]]) / (high - low)
            if fall > fastest:
                fastest, segment = fall, k
    return fastest, segment


@njit(nogil=True, cache=True, error_model="numpy")
def weakest_vertex(times: Any, values: Any, vertices: Any, heights: Any, numbers: Any) -> int:
    """Vertex to be taken out next: the end of a recovery that is too fast, else the one that is missed least.

    numbers: count of vertices, fastest recovery allowed.
    """
    count = int(numbers[0])
    last_height = heights[count - 1]
    speed, segment = recovery_speed(times, vertices, heights, count)
    if speed > numbers[1]:
        if segment + 2 < count:
            return int(segment) + 1
        # The last year cannot be taken out: what is missed is then told with the height of the year before it.
        first, last = vertices[count - 2], vertices[count - 1]
        share = (times[last - 1] - times[first]) / (times[last] - times[first])
        last_height = heights[count - 2] + share * (heights[count - 1] - heights[count - 2])
    weakest, least = 1, np.inf
    for k in range(1, count - 1):
        first, last = vertices[k - 1], vertices[k + 1]
        end = last_height if k + 1 == count - 1 else heights[k + 1]
        span = times[last] - times[first]
        slope, missed = (end - heights[k - 1]) / span, 0.0
        for i in range(first, last + 1):
            missed += (values[i] - heights[k - 1] - slope * (times[i] - times[first])) ** 2
        if missed / span < least:
            weakest, least = k, missed / span
    return weakest


@njit(nogil=True, cache=True, error_model="numpy")
def _squares(values: Any, fitted: Any) -> float:
    total = 0.0
    for i in range(values.shape[0]):
        total += (values[i] - fitted[i]) ** 2
    return total


@njit(nogil=True, cache=True, error_model="numpy")
def model_row(series: Any, start: Any, rules: Any, free: bool, models: Any) -> int:  # noqa: FBT001  compiled: positional only
    """Write the models with all vertices, one less, and so on to one segment; return how many.

    series: times, values, their mean before spikes were damped, room for a fit. start: vertices, their count.
    rules: fastest recovery allowed. models: vertices (model, vertex), heights, counts, chances, speeds.
    """
    times, values, mean, fitted = series
    vertices, heights, counts, chances, speeds = models
    count = start[1]
    total = 0.0
    for i in range(values.shape[0]):
        total += (values[i] - mean) ** 2
    vertices[0, :count] = start[0][:count]
    for number in range(start[1] - 1):
        here, high = vertices[number], heights[number]
        if free:
            free_heights(times, values, here, count, high)
        else:
            path_heights(times, values, here, count, high)
        fill(times, here, high, count, fitted)
        counts[number] = count
        chances[number] = chance_of_model(_squares(values, fitted), total, values.shape[0], count)
        speeds[number] = recovery_speed(times, here, high, count)[0]
        if count > 2:
            # The free fits are thinned by what is missed alone.
            out = weakest_vertex(times, values, here, high, (float(count), np.inf if free else rules))
            vertices[number + 1, :out] = here[:out]
            vertices[number + 1, out : count - 1] = here[out + 1 : count]
            count -= 1
    return int(start[1] - 1)


@njit(nogil=True, cache=True, error_model="numpy")
def best_model(chances: Any, speeds: Any, sizes: Any) -> int:
    """Model with most segments whose chance is near the least; -1 where those that are recover too fast.

    Chances of models that recover too fast become 1. sizes: models, fastest recovery allowed, best-model proportion.
    """
    models, allowed, proportion = int(sizes[0]), sizes[1], sizes[2]
    for _ in range(models + 1):
        near = chances[:models].min() * (2.0 - proportion)
        for k in range(models):
            if chances[k] <= near:
                if speeds[k] <= allowed:
                    return k
                chances[k] = 1.0
                break
    return -1
