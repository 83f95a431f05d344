"""Few looks: what can be told of burns when an area was hardly seen before, or when most of it burnt."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from habitat.fire.burns.evidence import FEATURES, Seen
from habitat.fire.burns.steps import Steps
from habitat.fire.severity import rdnbr
from habitat.imagery.snow import BARE

FEW_REFERENCES = 3
"""Dates of bare ground before the last one, from which on an area can tell what its own unburnt ground does."""
SEEN_SHARE = 0.1
"""Share of the ground [1] that must be seen bare for a date to count."""
MODERATE, STAND_REPLACING = 0.27, 0.44
"""dNBR from which a burn is of moderate severity, and from which of moderate to high (Key & Benson 2006)."""
HIGH_RDNBR = 0.641
"""RdNBR / 1000 from which severity is high (Miller & Thode 2007), where NBR before is too low for such a dNBR."""
UNCHANGED = (0.15, 0.05, 0.10, 0.25)
"""Deviation of unburnt ground, by feature, where it cannot be learnt.

dNBR between -0.1 and 0.1 is "unburnt" to Key & Benson (2006), five times the least noise of
`habitat.fire.burns.background`; the other features are taken in the same proportion.
"""
SEVERE_CHAR = 0.5
"""Least share of char [1] that a burn must show where nothing is learnt: half of the way to all black."""
LARGE_SHARE = 0.3
"""Share of the ground [1] that looks severely burnt at once, from which on medians may be those of the fire."""
_FEWEST = 30
_NBR = FEATURES.index("nbr")


def dates_told(seen: Seen) -> NDArray[np.bool_]:
    """Return which dates saw enough bare ground to count."""
    shares: NDArray[np.float64] = (seen.states == BARE).mean(axis=1)
    return shares >= SEEN_SHARE


def references(seen: Seen) -> int:
    """Return how many dates that count come before the last of them: what a step can be told from at most.

    Examples
    --------
    >>> states = np.array([[1, 1], [2, 2], [0, 0], [1, 1]], np.uint8)
    >>> references(Seen(np.zeros((4, 4, 2), np.float32), states))
    1
    """
    return max(int(dates_told(seen).sum()) - 1, 0)


def unchanged_shift(change: NDArray[np.float32], noise: float) -> float:
    """Return by how much unburnt ground changed, where much may have burnt: the mode, not the median.

    The median of an area of which more than half burnt is that of the fire. No fire makes ground greener, so
    a mode below zero is believed; above zero it counts the less the farther it lies beyond what the
    literature calls unchanged.

    Parameters
    ----------
    change : float32 (pixel)
        Of one feature, signed so that char raises it.
    noise : float
        Deviation that unburnt ground is said to have, see `UNCHANGED`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> change = np.concatenate([rng.normal(0.02, 0.03, 300), rng.normal(0.4, 0.1, 700)]).astype(np.float32)
    >>> round(unchanged_shift(change, 0.1), 1), round(float(np.median(change)), 1)
    (0.0, 0.3)
    """
    if change.size < _FEWEST:
        return 0.0
    step = noise / 5
    low = min(float(np.percentile(change, 0.5)), -noise)
    edges = np.arange(low, 2 * noise + step, step)
    counts = np.histogram(change, edges)[0].astype(np.float64)
    centres = (edges[1:] + edges[:-1]) / 2
    smooth = ndimage.gaussian_filter1d(counts, 2.0, mode="nearest")
    weight = np.where(centres > 0, np.exp(-0.5 * (centres / (noise / 2)) ** 2), 1.0)
    return float(centres[int(np.argmax(smooth * weight))])


def prior_medians(seen: Seen, classes: int) -> NDArray[np.float32]:
    """Return what the year does to all ground (date, feature, class), as `unchanged_shift` from the first date."""
    bare, told = seen.states == BARE, np.flatnonzero(dates_told(seen))
    medians = np.zeros((bare.shape[0], len(FEATURES), classes), np.float32)
    for date in told[1:]:
        both = bare[told[0]] & bare[date]
        change = seen.features[date][:, both] - seen.features[told[0]][:, both]
        medians[date] = np.array([unchanged_shift(*pair) for pair in zip(change, UNCHANGED, strict=True)])[:, None]
    return medians


def prior_noise(seen: Seen, classes: int, loose: tuple[float, ...]) -> NDArray[np.float32]:
    """Return the deviation of differences (later, feature, class, earlier) from the literature.

    Parameters
    ----------
    seen : Seen
        The sample.
    classes : int
        Number of kinds of ground.
    loose : tuple of float
        Deviation, by feature, of dates that saw next to nothing.
    """
    told = dates_told(seen)
    pairs = told[:, None, None, None] & told[None, None, None, :]
    noise = np.where(pairs, *(np.array(one, np.float32)[None, :, None, None] for one in (UNCHANGED, loose)))
    dates = told.size
    return np.ascontiguousarray(np.broadcast_to(noise, (dates, len(FEATURES), classes, dates)), np.float32)


def plainly_burnt(seen: Seen, first: int) -> NDArray[np.bool_]:
    """Pixels whose NBR fell below the lowest of any date before the season, by what a moderate burn takes.

    Parameters
    ----------
    seen : Seen
        Observations.
    first : int
        Index of the first date of the season.
    """
    highest = [_highest(seen, slice(*ends)) for ends in ((None, first), (first, None))]
    with np.errstate(invalid="ignore"):
        fell: NDArray[np.bool_] = highest[1] - highest[0] >= MODERATE
    return fell


def _highest(seen: Seen, dates: slice) -> NDArray[np.float32]:
    values: Any = np.where(seen.states[dates] == BARE, seen.features[dates, _NBR], np.float32(-np.inf))
    highest: NDArray[np.float32] = values.max(axis=0, initial=-np.inf)
    return np.where(np.isfinite(highest), highest, np.float32(np.nan))


def severe_only(steps: Steps, grow: float, seed: float) -> None:
    """Hold the probabilities of all but severe burns below the thresholds of scars, in place.

    A scar then needs a pixel of dNBR 0.44, or of RdNBR 641 where ground was dry before, and grows through dNBR
    0.27: limits of moderate to high, of high and of moderate severity in the literature, which need no
    knowledge of the place.

    Parameters
    ----------
    steps : Steps
        What the search found.
    grow, seed : float
        Thresholds of `habitat.fire.burns.scar_rules.ScarRules`.
    """
    fell = steps.expected - steps.after
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.asarray(rdnbr(steps.expected, steps.after)) / 1000.0
        high = (fell >= STAND_REPLACING) | ((fell >= MODERATE) & (relative >= HIGH_RDNBR))
        most = np.where(high, 1.0, np.where(fell >= MODERATE, seed, grow) - 0.02)
        total = steps.within + steps.before
        factor = np.where(total > most, most / total, 1.0).astype(np.float32)
    for layer in (steps.within, steps.before):
        layer *= factor
