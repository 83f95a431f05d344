"""Rows of the area intervals: how often an interval of 95 % holds the true area, over many samples of one map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from habitat.accuracy.allocation import allocation
from habitat.accuracy.estimators import Telling, accuracy
from habitat.accuracy.intervals import IntervalKind
from habitat.accuracy.tallies import matrix_tally
from habitat.contracts.errors import InputError
from habitat.forest.definition import FOREST, NOT_FOREST
from habitat.jobs.evidence import Evidence
from habitat.jobs.rows.true_losses import true_forest, whole
from habitat.products.forest_cover import FOREST_COVER
from habitat.twin.scorecard import Row

TITLE = "area intervals"
DRAWS = 1000
"""Samples that are drawn of one map."""
SAMPLES = 300
"""Labelled places of each of them."""
LEAST = 75
"""Places a stratum gets at least."""
LEVEL = 0.95
GOAL = 2.0
"""By how much coverage may miss its level [%]: a thousand draws tell it to 1.4 %."""
NAIVE = "counting the pixels of the map"
_NAMES = ("no forest", "forest")


@dataclass(frozen=True, eq=False)
class Coverage:
    """What many samples of one map said about an area."""

    held: float
    """Share of the intervals that hold the truth [percent]."""
    half_width: float
    """Mean half of an interval [percent of the truth]."""
    bias: float
    """Mean of the estimates less the truth [percent of it]."""


def interval_rows(evidence: Evidence) -> list[Row]:
    """Draw stratified samples of the forest map, label them by the truth, and count the intervals that hold.

    Raises
    ------
    InputError
        If the map has less of a class than a sample wants.
    """
    tile, year = whole(evidence.truth), evidence.period.year
    mapped = evidence.codes(FOREST_COVER.name, "forest", "forest", tile)
    known = (mapped == FOREST) | (mapped == NOT_FOREST)
    pairs = (mapped[known] == FOREST), true_forest(evidence.truth, year)[known]
    counted = 100 * (float(pairs[0].sum()) / max(float(pairs[1].sum()), 1.0) - 1)
    rows = []
    for kind in ("normal", "logit"):
        found = coverage_of(*pairs, kind=kind)
        off = found.held - 100 * LEVEL
        note = f"{found.held:.1f} % of {DRAWS} intervals of {100 * LEVEL:.0f} % hold the truth; {SAMPLES} labels each"
        rows.append(
            Row(TITLE, f"{kind}, coverage less level", "%", "zero", off, n=DRAWS, goal=GOAL, tolerance=1.5, note=note)
        )
        if kind == "normal":
            rows += [
                Row(TITLE, "half-width", "%", "lower", found.half_width, n=DRAWS, tolerance=0.5,
                    note=f"of the true area, from {SAMPLES} labels"),
                Row(TITLE, "bias of the mean", "%", "zero", found.bias, n=DRAWS, baseline=counted,
                    baseline_method=NAIVE, goal=0.5, tolerance=0.3),
            ]  # fmt: skip
    return rows


def coverage_of(
    mapped: NDArray[np.bool_], true: NDArray[np.bool_], *, kind: IntervalKind = "normal", draws: int = DRAWS
) -> Coverage:
    """Draw stratified samples of a map, one after another, and hold each interval of the area against the truth.

    Parameters
    ----------
    mapped, true : bool (pixel)
        Whether each pixel is of the class on the map, and in truth.
    kind : {'normal', 'logit'}
        Intervals.
    draws : int
        How many samples.

    Raises
    ------
    InputError
        If the map has less of a class than a sample wants.

    Examples
    --------
    >>> mapped = np.repeat([True, False], 2000)
    >>> true = np.arange(4000) < 1900
    >>> 90 < coverage_of(mapped, true, draws=200).held <= 100
    True
    """
    pixels = [int((mapped == forest).sum()) for forest in (False, True)]
    if min(pixels) < LEAST:
        raise InputError(f"the map has {pixels} pixels of {_NAMES}, wants {LEAST} of each; score a larger twin")
    sizes = allocation(min(SAMPLES, sum(pixels)), pixels, pixels, minimum=LEAST)
    right = [int((true & (mapped == forest)).sum()) for forest in (False, True)]
    rng, truth = np.random.default_rng(1), float(true.sum())
    areas = {name: float(count) for name, count in zip(_NAMES, pixels, strict=True)}
    within = dict(zip(_NAMES, pixels, strict=True))
    # Labels of a stratum's sample, drawn without repeating a pixel.
    hits = np.stack(
        [
            rng.hypergeometric(good, count - good, size, draws)
            for good, count, size in zip(right, pixels, sizes, strict=True)
        ]
    )
    ends = np.empty((draws, 3))
    for draw in range(draws):
        matrix = [[int(size - hit), int(hit)] for size, hit in zip(sizes, hits[:, draw], strict=True)]
        told = accuracy(matrix_tally(matrix, _NAMES), areas, pixels=within, telling=Telling(LEVEL, kind, "pixels"))
        area = told.areas["forest"]
        assert area.interval is not None, "a stratified estimate has an interval"
        ends[draw] = area.interval[0], area.value, area.interval[1]
    low, middle, high = ends.T
    return Coverage(
        100 * float(np.mean((low <= truth) & (truth <= high))),
        100 * float(np.mean(high - low)) / 2 / truth,
        100 * (float(middle.mean()) / truth - 1),
    )
