"""Background: what unburnt ground of each kind does from date to date, learnt from a sample of the area itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.fire.burns.evidence import FEATURES, Seen, barest, char_ranges, date_medians
from habitat.fire.burns.few_looks import (
    FEW_REFERENCES,
    LARGE_SHARE,
    SEVERE_CHAR,
    plainly_burnt,
    prior_medians,
    prior_noise,
    references,
)
from habitat.fire.burns.fire_calendar import FireChances
from habitat.fire.burns.steps import Ground, StepModel, find_steps
from habitat.imagery.snow import BARE

_NBR2, _NBR = 1, 2
LEAST_NOISE = (0.03, 0.01, 0.02, 0.05)
"""Least deviation of a difference, by feature: errors of calibration and place that a sample of one area may hide."""
OPEN_NBR2 = 0.24
"""NBR2 below which ground is open in the season of leaves: soil has .10-.20, living plants above .28."""
LEAVES_ON, LEAVES_OFF = 0.85, 0.30
"""Greenness of the area from which leaves are out, and up to which they are not."""
LATE_SHARE = 0.25
"""Share of a season's chance of fire [1] after which a first look comes too late to call ground unburnt."""
FEWEST_IN_LEAF = 2
"""Dates in full leaf from which on open ground is told from forest: with one, a dry year would be a field."""
_SEASONAL = 0.15
"""Least span of the area's NBR over the year for there to be a season of leaves at all."""
_OFF_EDGES, _ON_EDGES = (20, 40, 60, 80), (25, 50, 75)
_CLASSES = (len(_OFF_EDGES) + 1) * (len(_ON_EDGES) + 1) + 1
_FEWEST, _FEWEST_PAIRS = 30, 60
_LOOSE = (0.30, 0.10, 0.15, 0.50)
"""Deviation of a difference of which nothing is known."""
_MAD = 1.4826022185056018
"""Deviation of a normal distribution in units of its median absolute deviation."""
_ROUNDS = 2


@dataclass(frozen=True)
class Background:
    """What unburnt ground does in one season and the year before it."""

    model: StepModel
    """For `habitat.fire.burns.steps.find_steps`."""
    leaves_off: NDArray[np.bool_]
    """Dates of reference without leaves."""
    leaves_on: NDArray[np.bool_]
    """Dates of reference in full leaf."""
    edges: tuple[NDArray[np.float64], NDArray[np.float64]]
    """Where kinds of ground are parted: by the burn ratio without and with leaves."""
    latest: int
    """Ordinal of the day by which ground must have been seen bare once to be called unburnt."""
    references: int
    """Dates that tell of the ground before the last one of the season."""
    plainly_burnt: float = 0.0
    """Share of the sample [1] that was left out from the beginning, where so much burnt that it shows at once."""

    @property
    def severe_only(self) -> bool:
        """Whether references are so few that unburnt ground is known from the literature only."""
        return self.references < FEW_REFERENCES

    @property
    def fields_told(self) -> bool:
        """Whether enough dates show the ground in full leaf to tell fields."""
        return not self.severe_only and int(self.leaves_on.sum()) >= FEWEST_IN_LEAF

    @property
    def gaps(self) -> tuple[tuple[str, str], ...]:
        """What could not be told for want of looks: name and text."""
        found = []
        if self.severe_only:
            dates = f"{self.references} date" + ("" if self.references == 1 else "s")
            found.append(("few references", f"{dates} before the last look; only severe burns can be told"))
        if not self.fields_told:
            seen = {0: "never seen", 1: "seen only once"}.get(int(self.leaves_on.sum()), "seen on few dates")
            found.append(("fields", f"{seen} in full leaf before: ploughed land is not told from burns"))
        if self.plainly_burnt:
            share = f"{self.plainly_burnt:.0%} of the ground looks severely burnt at once"
            found.append(("large burnt share", f"{share}; what unburnt ground does is learnt from the rest"))
        return tuple(found)

    def seen_too_late(self, seen: Seen) -> NDArray[np.bool_]:
        """Pixels whose first bare look comes when much of the season is over: they may have burnt before it."""
        bare = seen.states == BARE
        first = self.model.days[np.argmax(bare, axis=0)]
        late: NDArray[np.bool_] = ~bare.any(axis=0) | (first > self.latest)
        return late

    def ground(self, seen: Seen, hotspots: NDArray[np.int32] | None = None) -> Ground:
        """Return what is known of pixels before the season, from their own references."""
        off = date_medians(seen, self.leaves_off, _NBR)
        classes = _classed(off, date_medians(seen, self.leaves_on, _NBR), self.edges)
        classes[self.open_ground(seen)] = _CLASSES - 1
        parts = [off if feature == _NBR else date_medians(seen, self.leaves_off, feature) for feature in range(4)]
        reference = np.stack(parts)
        low, high = char_ranges(reference)
        mirbi = np.where(np.isnan(reference[0]), np.float32(1.2), reference[0])
        none = np.zeros((2, classes.size), np.int32)
        return Ground(classes, low, high, mirbi, none if hotspots is None else hotspots)

    def open_ground(self, seen: Seen) -> NDArray[np.bool_]:
        """Pixels that were bare in the season of leaves once: fields, settlements, sand."""
        if not self.fields_told:
            return np.zeros(seen.states.shape[1], bool)
        bare: NDArray[np.bool_] = barest(seen, self.leaves_on, _NBR2) > -OPEN_NBR2
        return bare


def background(seen: Seen, days: Sequence[int], chances: FireChances) -> Background:
    """Learn from a sample of pixels what unburnt ground does.

    Kinds of ground are parted by how they look with and without leaves. For every date and kind the median
    is what the year does to all alike (snow gone, leaves out, haze, another satellite); for every pair of
    dates and kind the scatter of differences is the noise against which a change must stand out. What looks
    burnt by these numbers is put aside, and they are learnt once more. Where a large share burnt so severely
    that it shows at once, it is put aside from the beginning; with fewer than three references nothing is
    learnt, and the literature says what unburnt ground does (`habitat.fire.burns.few_looks`).

    Parameters
    ----------
    seen : Seen
        Observations of the sample.
    days : sequence of int
        Ordinal of each date, ascending.
    chances : FireChances
        Of the season.
    """
    ordinals = np.asarray(days, np.int64)
    first = int(np.searchsorted(ordinals, chances.start))
    known = references(seen)
    few = known < FEW_REFERENCES
    burnt = np.zeros(seen.states.shape[1], bool) if few else plainly_burnt(seen, first)
    share = float(burnt.mean())
    unburnt = ~burnt if share > LARGE_SHARE else np.ones(burnt.size, bool)
    area = np.array([_typical(seen, t, unburnt) for t in range(ordinals.size)])
    green = np.where(np.isfinite(area), 0.0, np.nan) if few else _greenness(area)
    earlier = np.arange(ordinals.size) < first
    off, on = green <= LEAVES_OFF, green >= LEAVES_ON
    # Without any reference of a kind, the season itself has to do.
    off, on = (off & earlier if (off & earlier).any() else off), on & earlier
    edges = (
        _edges(date_medians(seen, off, _NBR), _OFF_EDGES),
        _edges(date_medians(seen, on, _NBR), _ON_EDGES),
    )
    empty = np.zeros((ordinals.size, len(FEATURES), _CLASSES), np.float32)
    blank = StepModel(ordinals, first, empty, empty[None], empty[:, 0], chances.origin, chances.total, chances.start)
    latest = chances.day_after(LATE_SHARE)
    found = Background(blank, off, on, edges, latest, known, share if share > LARGE_SHARE else 0.0)
    if few:
        return replace(found, model=_from_literature(seen, blank))
    ground = found.ground(seen)
    for _ in range(_ROUNDS):
        model = _learnt(seen, ground.classes, unburnt, blank, green)
        steps = find_steps(seen.features, seen.states, ground, model)
        unburnt = ~(steps.within + steps.before > 0.5)
    return replace(found, model=model)


def _from_literature(seen: Seen, blank: StepModel) -> StepModel:
    return blank._replace(
        medians=prior_medians(seen, _CLASSES),
        noise=prior_noise(seen, _CLASSES, _LOOSE),
        least_char=SEVERE_CHAR,
    )


def _typical(seen: Seen, date: int, unburnt: NDArray[np.bool_]) -> float:
    values = seen.features[date, _NBR, (seen.states[date] == BARE) & unburnt]
    return -float(np.median(values)) if values.size >= _FEWEST else np.nan


def _greenness(area: NDArray[np.float64]) -> NDArray[np.float64]:
    """Greenness of each date [1]: the area's median burn ratio between its least and its greatest."""
    known = area[np.isfinite(area)]
    low, high = (float(np.min(known)), float(np.max(known))) if known.size else (0.0, 0.0)
    if high - low < _SEASONAL:
        return np.where(np.isfinite(area), 0.0, np.nan)
    scaled: NDArray[np.float64] = (area - low) / (high - low)
    return scaled


def _edges(values: NDArray[np.float32], percentiles: tuple[int, ...]) -> NDArray[np.float64]:
    known = values[np.isfinite(values)]
    if known.size < _FEWEST:
        return np.full(len(percentiles), np.inf)
    edges: NDArray[np.float64] = np.percentile(known, percentiles)
    return edges


def _classed(off: Any, on: Any, edges: tuple[NDArray[np.float64], NDArray[np.float64]]) -> NDArray[np.int64]:
    middle = len(edges[0]) // 2, len(edges[1]) // 2
    first = np.where(np.isnan(off), middle[0], np.searchsorted(edges[0], off))
    second = np.where(np.isnan(on), middle[1], np.searchsorted(edges[1], on))
    classes: NDArray[np.int64] = (first * (len(edges[1]) + 1) + second).astype(np.int64)
    return classes


def _learnt(
    seen: Seen, classes: NDArray[np.int64], unburnt: NDArray[np.bool_], blank: StepModel, green: NDArray[np.float64]
) -> StepModel:
    bare = (seen.states == BARE) & unburnt
    members = [np.flatnonzero((classes == code) & unburnt) for code in range(_CLASSES)]
    medians = _medians(seen, bare, members)
    own = Seen(seen.features - medians[:, :, classes], seen.states)
    noise = _noise(own, bare, [*members, np.flatnonzero(unburnt)], blank.first)
    return blank._replace(medians=medians, noise=noise, greenness=_class_greenness(medians, green))


def _medians(seen: Seen, bare: Any, members: list[NDArray[np.intp]]) -> NDArray[np.float32]:
    dates = bare.shape[0]
    medians = np.zeros((dates, len(FEATURES), _CLASSES), np.float32)
    for t in range(dates):
        every = np.flatnonzero(bare[t])
        usual = np.median(seen.features[t][:, every], axis=1) if every.size >= _FEWEST else np.zeros(len(FEATURES))
        medians[t] = usual[:, None]
        for code, pixels in enumerate(members):
            some = pixels[bare[t, pixels]]
            if some.size >= _FEWEST:
                medians[t, :, code] = np.median(seen.features[t][:, some], axis=1)
    return medians


def _noise(seen: Seen, bare: Any, members: list[NDArray[np.intp]], first: int) -> NDArray[np.float32]:
    dates = bare.shape[0]
    noise = np.full((dates, dates, len(FEATURES), len(members)), np.nan, np.float32)
    for code, pixels in enumerate(members):
        features = np.ascontiguousarray(seen.features[:, :, pixels])
        here = bare[:, pixels]
        for later in range(first, dates):
            for earlier in range(later):
                both = np.flatnonzero(here[later] & here[earlier])
                if both.size >= _FEWEST_PAIRS:
                    apart = features[later][:, both] - features[earlier][:, both]
                    apart -= np.median(apart, axis=1)[:, None]
                    noise[later, earlier, :, code] = _MAD * np.median(np.abs(apart), axis=1)
    # Kinds of ground too rare to learn from do what all ground does; of dates too cloudy nothing is known.
    every = noise[..., -1:]
    every = np.where(np.isnan(every), np.array(_LOOSE, np.float32)[None, None, :, None], every)
    filled = np.where(np.isnan(noise), every, noise)[..., :-1]
    floored = np.maximum(filled, np.array(LEAST_NOISE, np.float32)[None, None, :, None])
    # The kernel walks along the earlier dates.
    return np.ascontiguousarray(floored.transpose(0, 2, 3, 1))


def _class_greenness(medians: NDArray[np.float32], green: NDArray[np.float64]) -> NDArray[np.float32]:
    """Greenness of each date and kind of ground; of kinds that are evergreen, that of the area."""
    known = np.isfinite(green)
    area = np.where(known, green, 0.0)
    out = np.repeat(area[:, None], _CLASSES, axis=1)
    if known.sum() >= 2 and area.max() > 0.0:
        ratio = -medians[:, _NBR]
        low, high = np.percentile(ratio[known], 10, axis=0), ratio[known].max(axis=0)
        seasonal = high - low >= _SEASONAL
        scaled = (ratio[:, seasonal] - low[seasonal]) / (high - low)[seasonal]
        out[:, seasonal] = np.where(known[:, None], np.clip(scaled, 0.0, 1.0), 0.0)
    return out.astype(np.float32)
