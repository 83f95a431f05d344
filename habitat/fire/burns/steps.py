"""Steps: the day from which a pixel looks burnt and stays so, sought among all its observations."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.imagery.snow import BARE

SPOILT_SHARE = 0.03
"""Share of observations called clear that are not: masks let 2 to 3 % of cloud and shadow through as clear."""
SPOILT_RANGES = (3.0, 0.6, 1.5, 3.0)
"""Ranges over which what clouds and shadows do to the features is spread."""
VOTES = (1.0, 0.5, 0.5, 1.0)
"""Weight of each feature. Three bands bear three votes, and NBR2 and NBR, both of which leaves raise, share one."""
LEAST_CHAR = 0.12
"""Least share of char that a burn shows before leaves come out."""
_TAIL = 0.001
"""Weight of a flat density in each feature, so that no single number decides for ever."""
_PUT_ASIDE = (2.5, 4.0)
"""References more burnt, or less, than the others by so many deviations do not count: they were char, or spoilt."""
_UNKNOWN_NOISE = 0.5
GREEN_CHANCE = 0.3
"""Chance that green ground burns, in relation to cured ground."""
HOTSPOT_DAYS = 3
"""Days by which a hotspot may lie outside of the interval in which a pixel burnt."""
HOTSPOT_CHANCE = 0.5
"""Chance that a pixel within a hotspot's footprint burnt then: footprints are several times the fire."""
_FEATURES = 4


class StepModel(NamedTuple):
    """What unburnt ground does from date to date, and how likely a fire is; see `habitat.fire.burns.background`."""

    days: NDArray[np.int64]
    """Ordinal of each date."""
    first: int
    """Index of the first date of the season."""
    medians: NDArray[np.float32]
    """(date, feature, class)"""
    noise: NDArray[np.float32]
    """Robust deviation of the difference of two dates (later, feature, class, earlier)."""
    greenness: NDArray[np.float32]
    """How far leaves hide the ground (date, class) [1]."""
    origin: int
    """Ordinal of the first day of `chance`."""
    chance: NDArray[np.float64]
    """Chance of fire summed up to each day [1]."""
    start: int
    """Ordinal of the season's first day."""
    least_char: float = LEAST_CHAR
    """Least share of char that a burn shows before leaves come out [1]."""


class Ground(NamedTuple):
    """What is known of each pixel before the season."""

    classes: NDArray[np.int64]
    """Class of ground (pixel)."""
    low: NDArray[np.float32]
    """Least change a burn may make (feature, pixel)."""
    high: NDArray[np.float32]
    """Greatest change a burn may make (feature, pixel)."""
    mirbi: NDArray[np.float32]
    """MIRBI of the reference (pixel)."""
    hotspots: NDArray[np.int32]
    """First and last day (ordinal) of hotspots upon it (2, pixel); 0 where there was none."""


class Steps(NamedTuple):
    """What the search found, each (pixel)."""

    within: NDArray[np.float32]
    """Probability that it burnt within the season; NaN where it was not seen or nothing came before."""
    before: NDArray[np.float32]
    """Probability that it burnt before the season began and after its last reference."""
    unburnt: NDArray[np.int32]
    """Ordinal of the last observation that looks unburnt; 0 where nothing looks burnt."""
    burnt: NDArray[np.int32]
    """Ordinal of the first observation that looks burnt; 0 where nothing does."""
    expected: NDArray[np.float32]
    """NBR it would have had without fire on the date severity is told of."""
    after: NDArray[np.float32]
    """NBR it had then."""


def find_steps(features: NDArray[np.float32], states: NDArray[np.uint8], ground: Ground, model: StepModel) -> Steps:
    """Seek the step of each pixel.

    For every observation that may have been the first after a fire, all earlier ones are references. What
    they lead to expect is compared with this and all later ones, feature by feature: unburnt ground scatters
    about nothing by the noise of the pair of dates, burnt ground lies anywhere between no char and all char.
    What leaves have hidden since then votes no more. The odds of all steps add up.

    Parameters
    ----------
    features : float32 (date, feature, pixel)
        See `habitat.fire.burns.evidence.observed`.
    states : uint8 (date, pixel)
        Only bare ground is used.
    ground : Ground
        What is known of the pixels.
    model : StepModel
        What unburnt ground does.

    Returns
    -------
    Steps
        Each (pixel).
    """
    pixels = states.shape[1]
    floats = [np.full(pixels, np.nan, np.float32) for _ in range(4)]
    ordinals = [np.zeros(pixels, np.int32) for _ in range(2)]
    out = Steps(floats[0], floats[1], ordinals[0], ordinals[1], floats[2], floats[3])
    _find_all(features, states, ground, model, out)
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def _normal(d: float, s: float) -> float:
    return math.exp(-0.5 * (d / s) ** 2) / (s * 2.5066282746310002)


@njit(nogil=True, cache=True, error_model="numpy")
def _below(d: float, s: float) -> float:
    return 0.5 * math.erfc(-d / s * 0.7071067811865476)


@njit(nogil=True, cache=True, error_model="numpy")
def _burnt_density(d: float, s: float, low: float, high: float, feature: int, visible: float, least: float) -> float:
    """Density of a difference if any share of char is as likely as any other."""
    if feature < 3:
        # Blacker than char is no less burnt, so there is no upper end.
        return _below(d - least * visible * high, s) / (high * (1.0 - least))
    if high - low < 1e-6:
        return _normal(d, s)
    return (_below(d - low, s) - _below(d - high, s)) / (high - low)


@njit(nogil=True, cache=True, error_model="numpy")
def _mean(x: Any, noise: Any, kept: Any, count: int) -> tuple[float, float]:
    """Mean of references and its deviation; the pairs of least noise count most, and errors are taken as shared."""
    total, first, second = 0.0, 0.0, 0.0
    for q in range(count):
        if kept[q]:
            weight = 1.0 / (noise[q] * noise[q])
            weight *= weight
            total += weight
            first += weight * x[q]
            second += weight * noise[q] * noise[q]
    if total == 0.0:
        return math.nan, _UNKNOWN_NOISE
    return first / total, math.sqrt(second / total)


@njit(nogil=True, cache=True, error_model="numpy")
def _reference(x: Any, noise: Any, kept: Any, count: int) -> tuple[float, float]:
    """Mean of the references without those that are far from the others."""
    kept[:count] = True
    middle = _mean(x, noise, kept, count)[0]
    some = False
    for q in range(count):
        apart = x[q] - middle
        kept[q] = -_PUT_ASIDE[1] * noise[q] < apart < _PUT_ASIDE[0] * noise[q]
        some |= kept[q]
    return _mean(x, noise, kept, count) if some else (middle, _UNKNOWN_NOISE)


@njit(nogil=True, cache=True, error_model="numpy")
def _differences(work: Any, a: int, j: int, place: Any, model: Any) -> None:
    """Fill the differences of observation `a` from what those before `j` lead to expect, and their deviations."""
    x, when, noise, apart, deviation, kept = work
    c, mirbi = place[0], place[1]
    for k in range(_FEATURES):
        for q in range(j):
            noise[q] = model.noise[when[a], k, c, when[q]]
        middle, deviation[k] = _reference(x[k], noise, kept, j)
        apart[k] = x[k, a] - middle
    # Shade darkens all bands alike and so raises MIRBI, which is a difference of bands: what it explains is no char.
    if mirbi < 2.0:
        apart[0] -= (2.0 - mirbi) * (1.0 - math.exp(min(apart[3], 0.0)))


@njit(nogil=True, cache=True, error_model="numpy")
def _log_odds(apart: Any, deviation: Any, low: Any, high: Any, visible: float, least: float) -> float:
    """Log odds of burnt against unburnt from one observation, which may be spoilt."""
    burnt, unburnt, spoilt = 0.0, 0.0, 0.0
    for k in range(_FEATURES):
        flat = 1.0 / SPOILT_RANGES[k]
        density = _burnt_density(apart[k], deviation[k], low[k], high[k], k, visible, least)
        burnt += VOTES[k] * math.log((1 - _TAIL) * density + _TAIL * flat)
        unburnt += VOTES[k] * math.log((1 - _TAIL) * _normal(apart[k], deviation[k]) + _TAIL * flat)
        spoilt += VOTES[k] * math.log(flat)
    top = max(burnt, unburnt, spoilt)
    share = SPOILT_SHARE * math.exp(spoilt - top)
    yes = (1 - SPOILT_SHARE) * math.exp(burnt - top) + share
    no = (1 - SPOILT_SHARE) * math.exp(unburnt - top) + share
    return math.log(yes / no)


@njit(nogil=True, cache=True, error_model="numpy")
def _step_odds(work: Any, j: int, count: int, place: Any, model: Any) -> float:
    """Log odds of a burn just before observation `j`; -inf unless that observation itself looks burnt."""
    when, apart, deviation = work[1], work[3], work[4]
    c, low, high = place[0], place[2], place[3]
    green = model.greenness[when[j], c]
    total = 0.0
    for a in range(j, count):
        _differences(work, a, j, place, model)
        now = model.greenness[when[a], c]
        odds = _log_odds(apart, deviation, low, high, 1.0 - now, model.least_char)
        if a == j:
            if odds < 0.0:
                return -math.inf
            total = odds
        else:
            hidden = min(max((now - green) / max(1.0 - green, 0.05), 0.0), 1.0)
            total += math.log((1.0 - hidden) * math.exp(odds) + hidden)
    return min(total, 60.0)


@njit(nogil=True, cache=True, error_model="numpy")
def _chances(earlier: int, later: int, hot: Any, model: Any) -> tuple[float, float]:
    """Chance of a fire between two days: before the season began, and within it."""
    start = max(model.start, earlier)
    before = max(0.0, model.chance[start - model.origin] - model.chance[earlier - model.origin])
    within = max(0.0, model.chance[later - model.origin] - model.chance[start - model.origin])
    if hot[0] > 0 and hot[1] >= earlier - HOTSPOT_DAYS and hot[0] <= later + HOTSPOT_DAYS:
        within += HOTSPOT_CHANCE
    return before, within


@njit(nogil=True, cache=True, error_model="numpy")
def _search(work: Any, count: int, begin: int, place: Any, model: Any) -> tuple[float, float, int]:
    """Odds of a burn within and before the season, and the observation of the likeliest step."""
    when = work[1]
    within, before, best, at = 0.0, 0.0, 0.0, -1
    for j in range(max(begin, 1), count):
        total = _step_odds(work, j, count, place, model)
        if total == -math.inf:
            continue
        chance_before, chance_within = _chances(model.days[when[j - 1]], model.days[when[j]], place[4], model)
        cured = max(1.0 - model.greenness[when[j], place[0]], GREEN_CHANCE)
        odds = math.exp(total) * cured
        within += odds * chance_within
        before += odds * chance_before
        if odds * (chance_within + chance_before) > best:
            best, at = odds * (chance_within + chance_before), j
    return within, before, at


@njit(nogil=True, cache=True, error_model="numpy")
def _telling(when: Any, count: int, begin: int, c: int, model: Any) -> int:
    """Observation that tells best of unburnt ground: the last one before leaves hide half of it."""
    at = max(begin, 1)
    for j in range(at, count):
        if model.greenness[when[j], c] < 0.5:
            at = j
    return at


@njit(nogil=True, cache=True, error_model="numpy")
def _find_all(features: Any, states: Any, ground: Any, model: Any, out: Any) -> None:
    dates, pixels = states.shape
    x = np.empty((_FEATURES, dates))
    when = np.empty(dates, np.int64)
    work = (x, when, np.empty(dates), np.empty(_FEATURES), np.empty(_FEATURES), np.ones(dates, np.bool_))
    for p in range(pixels):
        c = ground.classes[p]
        count, begin = 0, 0
        for t in range(dates):
            if states[t, p] == BARE:
                when[count] = t
                for k in range(_FEATURES):
                    x[k, count] = features[t, k, p] - model.medians[t, k, c]
                count += 1
                begin += t < model.first
        if begin == count or count < 2:
            continue
        place = (c, ground.mirbi[p], ground.low[:, p], ground.high[:, p], ground.hotspots[:, p])
        within, before, at = _search(work, count, begin, place, model)
        out.within[p], out.before[p] = within / (1 + within + before), before / (1 + within + before)
        if at > 0:
            out.unburnt[p], out.burnt[p] = model.days[when[at - 1]], model.days[when[at]]
        told = at if at > 0 and within + before > 1.0 else _telling(when, count, begin, c, model)
        _differences(work, told, told, place, model)
        out.after[p] = -features[when[told], 2, p]
        out.expected[p] = out.after[p] + work[3][2]
