"""Rows of the phenology: when leaves came and went, and whether the stated uncertainty holds the true day."""

from __future__ import annotations

from datetime import date

import numpy as np

from habitat.contracts import Period
from habitat.jobs.evidence import Evidence
from habitat.jobs.rows.snow import day_rows
from habitat.jobs.rows.true_losses import true_forest, true_losses, whole
from habitat.twin.land.classes import Cover
from habitat.twin.land.phenology import FALL_LATER, OUT_LATER
from habitat.twin.scorecard import Row

PRODUCT = "phenology"
YEAR = Period("2025-12")
"""Month whose product is scored: it has seen the whole year."""
NAIVE = "15 May and 5 October everywhere"
_NAIVE_DAYS = {"leaf-out": 135, "leaf-fall": 278}
_BROADLEAVED = (Cover.OAK, Cover.BIRCH)


def phenology_rows(evidence: Evidence) -> list[Row]:
    """Hold the days on which leaves are half out and half gone against the true ones, in oak and birch woods.

    Mixed woods keep their needles, and grass its own time; woods that burnt or were felled in the year or before
    are left out.
    """
    tile, year = whole(evidence.truth), YEAR.year
    cover = evidence.truth.layer(f"stands/{year}_cover", tile)
    lost = true_losses(evidence.truth, date(year - 2, 1, 1), YEAR.last_day).lost
    judged = true_forest(evidence.truth, year) & np.isin(cover, _BROADLEAVED) & ~lost
    rows: list[Row] = []
    for name, band, later in (("leaf-out", "green_up", OUT_LATER), ("leaf-fall", "senescence", FALL_LATER)):
        days = evidence.truth.layer(f"seasons/{year}_{name.replace('-', '_')}", tile)
        true = np.rint(days + later[cover]).astype(np.int64)
        told, give = (
            evidence.codes(PRODUCT, "dates", which, tile, YEAR).astype(np.int64)
            for which in (band, f"{band}_uncertainty")
        )
        rows += day_rows(PRODUCT, name, (told, give), true, judged, (_NAIVE_DAYS[name], NAIVE))
    return rows
