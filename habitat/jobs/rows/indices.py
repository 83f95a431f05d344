"""Rows of the indices: how near they are to those of the ground."""

from __future__ import annotations

import numpy as np

from habitat.imagery.indices import INDICES, compute
from habitat.jobs.evidence import Evidence
from habitat.jobs.rows.composite import UNMASKED
from habitat.twin.measures import Errors
from habitat.twin.scorecard import Row

MEASURED = ("ndvi", "nbr")
"""Indices that are held against the truth."""
_TOLERANCE = 0.005


def index_rows(evidence: Evidence) -> list[Row]:
    """Hold indices against those of the true reflectance, wherever the product has a value."""
    there = evidence.published("indices").rasters
    return [_row(evidence, name) for name in MEASURED if name in there]


def _row(evidence: Evidence, name: str) -> Row:
    bands, period = INDICES[name].bands, evidence.period
    ours, floor, naive = Errors(), Errors(), Errors()
    for tile in evidence.tiles:
        true = compute(name, {band: evidence.truth.reflectance(period, band, tile) for band in bands})
        found = evidence.values("indices", name, name, tile)
        shown = np.isfinite(found)
        ours.add(found, true)
        floor.add(compute(name, evidence.clear_sky_medians(period, bands, tile)), true, shown)
        naive.add(compute(name, evidence.unmasked_medians(period, bands, tile)), true, shown)
    return Row(
        "indices",
        f"RMSE {name.upper()}",
        "1",
        "lower",
        ours.rmse,
        n=ours.count,
        baseline=naive.rmse,
        baseline_method=f"the index of the {UNMASKED}",
        floor=floor.rmse,
        tolerance=_TOLERANCE,
    )
