"""Rows of the snow: whether it lay where the product says so, and when it went."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from habitat.contracts import Period
from habitat.jobs.evidence import Evidence
from habitat.jobs.rows.forest_change import scenes_of
from habitat.jobs.rows.true_losses import whole
from habitat.jobs.truth_folder import SNOW_FROM
from habitat.twin.measures import ratio
from habitat.twin.scorecard import Row

PRODUCT = "snow"
WINTER, YEAR = Period("2025-02"), Period("2025-12")
"""Months whose product is scored: one with snow for its state, one that has seen the year for its dates."""
NAIVE = "no snow anywhere"
NAIVE_OFF = "1 April everywhere"
_NAIVE_DAY = 91
_BARE_BELOW = 3
_UNKNOWN = -32768


def snow_rows(evidence: Evidence) -> list[Row]:
    """Hold the state against the snow of the scene it was told from, and the day snow went against the true one."""
    return [*_state_rows(evidence), *_off_rows(evidence)]


def _state_rows(evidence: Evidence) -> list[Row]:
    tile = whole(evidence.truth)
    state = evidence.codes(PRODUCT, "state", "state", tile, WINTER)
    last = evidence.codes(PRODUCT, "season", "last_seen", tile, WINTER)
    true = np.full(state.shape, 255, np.uint8)
    for scene in scenes_of(evidence, WINTER.year):
        here = (last == scene.solar_day.timetuple().tm_yday) & (true == 255)
        if here.any():
            sky = evidence.truth.sky(scene.id, tile)
            bare, white = sky.seen & (sky.snow < _BARE_BELOW), sky.seen & (sky.snow >= SNOW_FROM)
            true[here & bare], true[here & white] = 0, 1
    judged = (true < 2) & (state < 2)
    count = int(judged.sum())
    right = 100 * ratio(int((state == true)[judged].sum()), count)
    plain = 100 * ratio(int((true == 0)[judged].sum()), count)
    unsure = 100 * ratio(int(((true < 2) & (state == 2)).sum()), int((true < 2).sum()))
    note = f"{WINTER}; more than half or next to nothing white; {unsure:.1f} % are told as unsure"
    return [
        Row(PRODUCT, "state, right", "%", "higher", right, n=count, baseline=plain, baseline_method=NAIVE, goal=95.0,
            tolerance=1.0, note=note)
    ]  # fmt: skip


def _off_rows(evidence: Evidence) -> list[Row]:
    tile = whole(evidence.truth)
    true = evidence.truth.layer(f"seasons/{YEAR.year}_snow_off", tile).astype(np.int64)
    told, give = (
        evidence.codes(PRODUCT, "season", band, tile, YEAR).astype(np.int64)
        for band in ("snow_off", "snow_off_uncertainty")
    )
    judged = true > 0
    # The truth names the last day with snow, the product the first without.
    return day_rows(PRODUCT, "snow-off", (told, give), true + 1, judged, (_NAIVE_DAY, NAIVE_OFF))


def day_rows(
    product: str,
    name: str,
    told: tuple[NDArray[np.int64], NDArray[np.int64]],
    true: NDArray[np.int64],
    judged: NDArray[np.bool_],
    naive: tuple[int, str],
) -> list[Row]:
    """Return rows of days of the year and their uncertainties against the true days, where they are judged."""
    day, give = told
    known = judged & (day != _UNKNOWN)
    away = (day - true)[known]
    count = int(known.sum())
    error = float(np.median(np.abs(away))) if count else float("nan")
    plain = float(np.median(np.abs(naive[0] - true[known]))) if count else float("nan")
    within = 100 * ratio(int((np.abs(away) <= give[known]).sum()), count)
    bias = f"median {np.median(away):+.0f} d, stated ± {np.median(give[known]):.0f} d" if count else ""
    return [
        Row(product, f"{name}, error", "d", "lower", error, n=count, baseline=plain, baseline_method=naive[1],
            tolerance=2.0, note=f"median without sign; {bias}"),
        Row(product, f"{name}, within the stated", "%", "higher", within, n=count, tolerance=4.0),
        Row(product, f"{name}, told", "%", "higher", 100 * ratio(count, int(judged.sum())), n=int(judged.sum()),
            tolerance=4.0),
    ]  # fmt: skip
