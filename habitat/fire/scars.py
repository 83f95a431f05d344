"""Fire scars: ground that turned black in one fire season, from all clear observations of it and of the year before."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.fire.burns.background import Background, background
from habitat.fire.burns.evidence import BANDS, UNCLEAR, Seen, observed
from habitat.fire.burns.few_looks import severe_only
from habitat.fire.burns.fire_calendar import FireSeason, fire_chances, seasons_within
from habitat.fire.burns.scar_rules import (
    BURNT_BEFORE,
    NOT_BURNABLE,
    SCAR_CLASSES,
    UNBURNT,
    UNOBSERVED,
    ScarRules,
    Scars,
)
from habitat.fire.burns.steps import find_steps
from habitat.imagery.snow import BARE, SNOW

__all__ = [
    "BANDS",
    "BURNT_BEFORE",
    "NOT_BURNABLE",
    "SCAR_CLASSES",
    "UNBURNT",
    "UNOBSERVED",
    "Background",
    "FireSeason",
    "ScarRules",
    "Scars",
    "Seen",
    "fire_scars",
    "observed",
    "scar_background",
    "seasons_within",
    "water_seen",
]


_USUAL = ScarRules()


def scar_background(seen: Seen, days: Sequence[int], season: FireSeason, rules: ScarRules) -> Background:
    """Learn from a sample of an area what its unburnt ground does in a season and the year before.

    Parameters
    ----------
    seen : Seen
        From `observed`: pixels spread over the area, all dates from a year before the season to the end of it.
    days : sequence of int
        Ordinal (``date.toordinal``) of each date, ascending.
    season : FireSeason
        The season.
    rules : ScarRules
        Its burnt share is the chance of fire.

    Raises
    ------
    ConfigError
        If the days do not fit the observations.
    """
    if len(days) != seen.states.shape[0] or any(b < a for a, b in pairwise(days)):
        raise ConfigError(f"{len(days)} days for {seen.states.shape[0]} dates, wants one for each, ascending")
    return background(seen, days, fire_chances(season, rules.burnt_share))


def fire_scars(
    seen: Seen,
    learnt: Background,
    shape: tuple[int, int],
    *,
    rules: ScarRules = _USUAL,
    water: NDArray[np.bool_] | None = None,
    hotspots: NDArray[np.int32] | None = None,
) -> Scars:
    """Probability, dates and burn ratios of each pixel of a tile.

    Parameters
    ----------
    seen : Seen
        Observations of the tile's pixels on the dates the background was learnt from.
    learnt : Background
        From `scar_background`.
    shape : (int, int)
        Rows and columns of the tile.
    rules : ScarRules
        Where references are few, all but severe burns are held below its thresholds.
    water : bool (pixel), optional
        Water, known from references.
    hotspots : int32 (2, pixel), optional
        First and last day (ordinal) of hotspots on each pixel, 0 where there was none.

    Returns
    -------
    Scars
        Pixels without an observation of bare ground in the season, without any before the last of these, or
        first seen when a quarter of the season's fire weather is over, are NaN: unobserved, not unburnt.

    References
    ----------
    Bastarrika et al. (2011), doi:10.1016/j.rse.2010.12.005; Roteta et al. (2019), doi:10.1016/j.rse.2018.12.011;
    Trigg & Flasse (2001), doi:10.1080/01431160110053185.
    """
    steps = find_steps(seen.features, seen.states, learnt.ground(seen, hotspots), learnt.model)
    if learnt.severe_only:
        severe_only(steps, rules.grow, rules.seed)
    # What burnt before its first look is its own reference: black ground that stays black.
    unknown = learnt.seen_too_late(seen) & ~(steps.within + steps.before > 0.5)
    for layer in (steps.within, steps.before, steps.expected, steps.after):
        layer[unknown] = np.nan
    idle = learnt.open_ground(seen)
    if water is not None:
        idle |= water
    return Scars(
        steps.within.reshape(shape),
        steps.before.reshape(shape),
        steps.unburnt.reshape(shape),
        steps.burnt.reshape(shape),
        steps.expected.reshape(shape),
        steps.after.reshape(shape),
        idle.reshape(shape),
    )


def water_seen(codes: NDArray[np.int16], seen: Seen) -> NDArray[np.bool_]:
    """Pixels that are water in most of their clear observations without snow.

    Water reflects more green than SWIR1 and next to no near infrared; char that looks like water in one
    picture is ground in the others.

    Parameters
    ----------
    codes : int16 (band, date, pixel)
        Reflectance / 1e-4 of `BANDS`.
    seen : Seen
        The same observations.

    References
    ----------
    Xu (2006), MNDWI.

    Examples
    --------
    >>> codes = np.array([600, 400, 200, 100, 80], np.int16).reshape(5, 1, 1)
    >>> water_seen(codes, observed(codes, np.ones((1, 1), np.uint8))).tolist()
    [True]
    """
    green, nir, swir1 = codes[0], codes[2], codes[3]
    free = (seen.states != UNCLEAR) & (seen.states != SNOW)
    wet = free & (green > swir1) & (nir < 1000) & (seen.states != BARE)
    counts = free.sum(axis=0)
    mostly: NDArray[np.bool_] = (2 * wet.sum(axis=0) >= counts) & (counts > 0)
    return mostly
