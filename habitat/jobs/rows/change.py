"""Rows of the change product: whether it finds what fell and what burnt, and says the right area."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.change import change_classes, difference
from habitat.contracts import Period
from habitat.contracts.grid import Tile
from habitat.imagery.indices import INDICES, compute
from habitat.jobs.evidence import Evidence
from habitat.twin.measures import Agreement, Errors, Share, ratio
from habitat.twin.scorecard import Better, Row

INDEX = "nbr"
"""Index whose change is measured."""
FELL, STABLE, ROSE = range(3)
"""What the five classes of change are brought down to."""
GOAL = 15.0
"""Omission and commission of burnt area that are wanted [percent].

References
----------
GCOS (2016), The global observing system for climate: implementation needs, GCOS-200, essential variable Fire.
"""
NAIVE = "NBR of the two scenes with the least cloud cover, unmasked; a fall of 0.10 is a change"
"""The naive method."""
_NAIVE_THRESHOLDS = (0.10, 2.0)
_UNKNOWN = 255
_THREE = {1: FELL, 2: FELL, 3: STABLE, 4: ROSE, 5: ROSE}


@dataclass
class _Map:
    """What is counted of one map of change."""

    table: Agreement = field(default_factory=lambda: Agreement(3))
    errors: Errors = field(default_factory=Errors)
    missed: Share = field(default_factory=Share)
    """Burnt pixels that did not fall."""
    missed_in_spring: Share = field(default_factory=Share)
    """The same of the fires of the scored year."""
    wrong: Share = field(default_factory=Share)
    """Pixels that fell and did not burn."""
    unseen: Share = field(default_factory=Share)
    """Burnt pixels that the map says nothing about."""

    def area_bias(self) -> float:
        """Return mapped area less true area, in percent of the true one."""
        return 100 * ratio(self.wrong.whole - self.missed.whole, self.missed.whole)


@dataclass
class _Fires:
    """True fires of a tile."""

    burnt: NDArray[np.bool_]
    """Burnt between the two months."""
    this_year: NDArray[np.bool_]
    """Of these, burnt in the year of the later month."""
    judged: NDArray[np.bool_]
    """Did not burn within one of the two months, when some of its scenes are from before and some from after."""


def change_rows(evidence: Evidence) -> list[Row]:
    """Hold classes against those of the true difference, and burnt pixels against those that fell."""
    thresholds = evidence.published("change").record.params["thresholds"]
    ours, floor, naive = _Map(), _Map(), _Map()
    for tile in evidence.tiles:
        fires = _fires(evidence, tile)
        true = difference(_true(evidence, evidence.period, tile), _true(evidence, evidence.before, tile))
        true_classes = _three(change_classes(true, thresholds))
        classes = evidence.codes("change", f"{INDEX}-class", f"{INDEX}-class", tile)
        fell = evidence.values("change", f"{INDEX}-difference", f"{INDEX}-difference", tile)
        best, plain = _clear_sky(evidence, tile), _single_scenes(evidence, tile)
        for found, rose, codes in (
            (ours, fell, _three(classes)),
            (floor, best, _three(change_classes(best, thresholds))),
            (naive, plain, _three(change_classes(plain, _NAIVE_THRESHOLDS))),
        ):
            _add(found, codes, fires)
            # Where the product says nothing, the others are not judged either.
            found.table.add(codes, true_classes, np.isfinite(fell))
            found.errors.add(rose, true, np.isfinite(fell))
    return _rows(ours, floor, naive)


def _true(evidence: Evidence, period: Period, tile: Tile) -> Any:
    return compute(INDEX, {band: evidence.truth.reflectance(period, band, tile) for band in INDICES[INDEX].bands})


def _clear_sky(evidence: Evidence, tile: Tile) -> Any:
    bands = INDICES[INDEX].bands
    now, before = (
        compute(INDEX, evidence.clear_sky_medians(period, bands, tile)) for period in (evidence.period, evidence.before)
    )
    return difference(now, before)


def _single_scenes(evidence: Evidence, tile: Tile) -> Any:
    now, before = (
        compute(
            INDEX,
            {band: evidence.scenes.reflectance(evidence.clearest(period), band, tile) for band in INDICES[INDEX].bands},
        )
        for period in (evidence.period, evidence.before)
    )
    return difference(now, before)


def _three(classes: NDArray[Any]) -> NDArray[np.uint8]:
    table = np.full(256, _UNKNOWN, np.uint8)
    for code, kind in _THREE.items():
        table[code] = kind
    kinds: NDArray[np.uint8] = table[classes]
    return kinds


def _fires(evidence: Evidence, tile: Tile) -> _Fires:
    before, now = evidence.before, evidence.period
    first, last = before.last_day + timedelta(days=1), now.first_day - timedelta(days=1)
    burnt = evidence.truth.burnt(tile, first, last) >= 0
    this_year = evidence.truth.burnt(tile, last.replace(month=1, day=1), last) >= 0
    within = [evidence.truth.burnt(tile, month.first_day, month.last_day) >= 0 for month in (before, now)]
    return _Fires(burnt, burnt & this_year, ~(within[0] | within[1]))


def _add(found: _Map, codes: NDArray[np.uint8], fires: _Fires) -> None:
    fell = (codes == FELL) & fires.judged
    found.missed.add(~fell, among=fires.burnt & fires.judged)
    found.missed_in_spring.add(~fell, among=fires.this_year & fires.judged)
    found.unseen.add(codes == _UNKNOWN, among=fires.burnt & fires.judged)
    found.wrong.add(~fires.burnt, among=fell)


@dataclass(frozen=True)
class _Measure:
    """One row to be made of the three maps."""

    name: str
    unit: str
    better: Better
    pick: Callable[[_Map], float]
    pixels: int
    tolerance: float
    goal: float | None = None
    note: str = ""


def _measures(ours: _Map) -> tuple[_Measure, ...]:
    compared, burnt, fell = ours.table.count, ours.missed.whole, ours.wrong.whole
    unseen = f"{ours.unseen.percent:.1f} % of the burnt pixels are not seen in both months and count as missed"
    every = "fires between the two months, those too whose ground has turned green again"
    other = "what fell for other reasons counts as wrong"
    return (
        _Measure("F1 of decreases", "1", "higher", lambda one: one.table.f1(FELL), compared, 0.02),
        _Measure("kappa, 3 classes", "1", "higher", lambda one: one.table.kappa, compared, 0.02),
        _Measure("RMSE dNBR", "1", "lower", lambda one: one.errors.rmse, ours.errors.count, 0.005),
        _Measure("burnt, omission", "%", "lower", lambda one: one.missed.percent, burnt, 3.0, GOAL, every),
        _Measure(
            "burnt this spring, omission",
            "%",
            "lower",
            lambda one: one.missed_in_spring.percent,
            ours.missed_in_spring.whole,
            3.0,
            GOAL,
            unseen,
        ),
        _Measure("burnt, commission", "%", "lower", lambda one: one.wrong.percent, fell, 3.0, GOAL, other),
        _Measure("burnt area, bias", "%", "zero", lambda one: one.area_bias(), burnt, 3.0),
    )


def _rows(ours: _Map, floor: _Map, naive: _Map) -> list[Row]:
    return [
        Row(
            "change",
            measure.name,
            measure.unit,
            measure.better,
            measure.pick(ours),
            n=measure.pixels,
            baseline=measure.pick(naive),
            baseline_method=NAIVE,
            floor=measure.pick(floor),
            goal=measure.goal,
            tolerance=measure.tolerance,
            note=measure.note,
        )
        for measure in _measures(ours)
    ]
