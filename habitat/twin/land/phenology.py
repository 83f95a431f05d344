"""The plants' year at one place: leaves come and fall, grass greens and dries, and burnt ground grows over."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from habitat.twin.land.landscape import Cover


class Day(NamedTuple):
    """What a day is for all places alike."""

    of_year: float
    """1 on New Year's Day."""
    low_sun: float
    """How low the sun stands at noon [1]: 0 at midsummer, 1 at midwinter."""
    ice: float
    """Share of rivers and lakes under ice [1]."""


class Place(NamedTuple):
    """What one pixel is on one day."""

    cover: int
    """Value of `Cover` of the day."""
    canopy: float
    """Crown cover of the day [1]."""
    evergreen: float
    """Share of the crowns that is evergreen [1]."""
    missing: float
    """Share of the crowns that fire or felling took and that has not grown back [1]."""
    grain: float
    """Brightness that belongs to the place, standard deviation 1."""
    density: float
    """How dense stands are, and how early, standard deviation 1 over some hundred metres."""
    leaf_out: float
    """Day of the year on which oaks stand half in leaf."""
    leaf_fall: float
    """Day of the year on which half of the broadleaved leaves are down."""
    snow_depth: float
    """[m]"""
    wetness: float
    """Of the soil [1]."""
    since_fire: float
    """Days since the last fire; infinity where none was."""
    severity: float
    """Of that fire [1]."""
    since_clearing: float
    """Days since the last clearing; infinity where none was."""


class Leaves(NamedTuple):
    """Leaves of deciduous crowns, shares of the crown [1]."""

    out: float
    """Leaves on the tree that are alive."""
    fresh: float
    """Share of these that is young."""
    coloured: float
    """Share of these that has turned."""
    brown: float
    """Dead leaves that hang on: oaks keep some into the winter."""


# Days by which kinds of trees come into leaf and lose it later than oaks and mixed stands do.
OUT_LATER = np.zeros(len(Cover) + 1)
OUT_LATER[[Cover.PINE_BROADLEAF, Cover.BIRCH, Cover.LARCH, Cover.SHRUB]] = -1.0, -4.0, -10.0, -5.0
FALL_LATER = np.zeros(len(Cover) + 1)
FALL_LATER[[Cover.OAK, Cover.BIRCH, Cover.LARCH]] = 4.0, -4.0, 19.0
_KEEPS_BROWN = np.zeros(len(Cover) + 1)
_KEEPS_BROWN[[Cover.OAK, Cover.PINE_BROADLEAF]] = 0.38, 0.08

_YEAR = 365.0
_GRASS_AHEAD = 24.0
"""Days by which grass and herbs begin before oaks stand half in leaf."""
_LATE_AFTER_FIRE, _LATE_FOR = 5.5, 430.0
"""Days by which leaves come later where a fire was severe, and for how many days after it."""
_WEATHERED, _WEATHERED_AFTER = 0.45, 120.0
"""Share of char that rain and snow take away outside the growing season, and days until then."""
_GROWN_FROM, _GROWN_AT = 9.0, 36.0
"""Days of the growing season until green comes through ground that burnt, and until no char is seen."""


@njit(nogil=True, cache=True, error_model="numpy")
def rise(value, low, high):  # type: ignore[no-untyped-def]
    """Return 0 below `low`, 1 above `high` and a smooth step between; for compiled loops."""
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return share * share * (3.0 - 2.0 * share)


@njit(nogil=True, cache=True, error_model="numpy")
def leaves_on(place, day):  # type: ignore[no-untyped-def]
    """Return the `Leaves` of deciduous crowns; for compiled loops."""
    kind = place.cover
    late = _LATE_AFTER_FIRE * place.severity if place.since_fire < _LATE_FOR else 0.0
    out = place.leaf_out + OUT_LATER[kind] + late
    fall = place.leaf_fall + FALL_LATER[kind]
    grown = rise(day.of_year, out - 11.0, out + 11.0)
    fallen = rise(day.of_year, fall - 14.0, fall + 14.0)
    # What hangs on is torn off by the winter's winds, and pushed off by the buds.
    hanging = fallen * (1.0 - 0.75 * rise(day.of_year, fall + 15.0, fall + 75.0))
    if day.of_year < place.leaf_out + 30.0:
        hanging = 0.25 * (1.0 - grown)
    return Leaves(
        grown * (1.0 - fallen),
        1.0 - rise(day.of_year, out + 4.0, out + 24.0),
        rise(day.of_year, fall - 26.0, fall - 2.0),
        _KEEPS_BROWN[kind] * hanging,
    )


@njit(nogil=True, cache=True, error_model="numpy")
def grass_green(place, day):  # type: ignore[no-untyped-def]
    """Return how green grass and herbs are [1]: before the trees in spring, dry from October; for compiled loops."""
    begin = place.leaf_out - _GRASS_AHEAD + 2.0 * place.density
    end = place.leaf_fall + 2.0 * place.density
    up = rise(day.of_year, begin, begin + 42.0)
    return 0.03 + 0.97 * up * (1.0 - rise(day.of_year, end - 38.0, end + 12.0))


@njit(nogil=True, cache=True, error_model="numpy")
def growing_days(place, day):  # type: ignore[no-untyped-def]
    """Return the days of growing season since the last fire; for compiled loops."""
    begin = place.leaf_out - _GRASS_AHEAD
    length = place.leaf_fall - begin
    now = min(max(day.of_year - begin, 0.0), length)
    then = day.of_year - place.since_fire
    years = 0.0
    while then < 1.0 and years < 5.0:
        then += _YEAR
        years += 1.0
    return now + years * length - min(max(then - begin, 0.0), length)


@njit(nogil=True, cache=True, error_model="numpy")
def char_left(place, day):  # type: ignore[no-untyped-def]
    """Return the share of what a fire blackened that is still black [1]; for compiled loops.

    Char outlasts the winter and goes under within weeks of spring; where the crowns burnt as well, within a summer.
    """
    if place.since_fire > 5.0 * _YEAR:
        return 0.0
    grown = growing_days(place, day)
    weathered = _WEATHERED * min(place.since_fire / _WEATHERED_AFTER, 1.0) * (1.0 - 0.7 * place.missing)
    covered = rise(grown, _GROWN_FROM + 25.0 * place.missing, _GROWN_AT + 200.0 * place.missing)
    return (1.0 - covered) * (1.0 - weathered)
