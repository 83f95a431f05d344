"""Rows of the composite: how near its reflectance is to the ground, and how much of the ground it shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.grid import Tile
from habitat.jobs.evidence import Evidence
from habitat.twin.land.landscape import Cover
from habitat.twin.measures import Errors, Share
from habitat.twin.scorecard import Better, Row

GROUPS = {"visible": ("blue", "green", "red"), "nir": ("nir", "nir_narrow"), "swir": ("swir1", "swir2")}
"""Bands that are measured together."""
ASKED = (0.005, 0.05)
"""What is asked of surface reflectance: a fixed part [1] and a share of the truth.

References
----------
Vermote & Kotchenova (2008), Atmospheric correction for the monitoring of land surfaces.
"""
UNMASKED = "median of all the month's observations, without any mask"
"""The naive method."""
_TOLERANCE = 0.001
_COVERAGE_TOLERANCE = 1.0


@dataclass
class _Group:
    """What is summed up for one group of bands."""

    median: Errors = field(default_factory=Errors)
    geomedian: Errors = field(default_factory=Errors)
    floor: Errors = field(default_factory=Errors)
    naive: Errors = field(default_factory=Errors)
    single: Errors = field(default_factory=Errors)
    asked: Errors = field(default_factory=Errors)


def composite_rows(evidence: Evidence) -> list[Row]:
    """Hold reflectance against the truth on pixels with a clear observation, and coverage of the land."""
    published = evidence.published("composite")
    with published.open_window("median") as reader:
        bands = reader.bands
    geomedian = "geomedian" in published.rasters
    groups = {name: _Group() for name, members in GROUPS.items() if set(members) & set(bands)}
    filled, reachable = Share(), Share()
    for tile in evidence.tiles:
        shown = evidence.values("composite", "quality", "clear-count", tile) > 0
        for name, group in groups.items():
            members = [band for band in GROUPS[name] if band in bands]
            _add_group(group, evidence, members, tile, shown)
            if geomedian:
                for band in members:
                    found = evidence.values("composite", "geomedian", band, tile)
                    group.geomedian.add(found, evidence.truth.reflectance(evidence.period, band, tile), shown)
        land = evidence.truth.layer("land/cover", tile) != Cover.WATER
        filled.add(shown, among=land)
        reachable.add(_once_clear(evidence, tile), among=land)
    rows = [row for name, group in groups.items() for row in _group_rows(name, group)]
    return [*rows, _coverage(filled, reachable)]


def _add_group(group: _Group, evidence: Evidence, members: Sequence[str], tile: Tile, shown: NDArray[np.bool_]) -> None:
    period = evidence.period
    floors = evidence.clear_sky_medians(period, members, tile)
    naives = evidence.unmasked_medians(period, members, tile)
    clearest = evidence.clearest(period)
    for band in members:
        true = evidence.truth.reflectance(period, band, tile)
        group.median.add(evidence.values("composite", "median", band, tile), true, shown)
        group.floor.add(floors[band], true, shown)
        group.naive.add(naives[band], true, shown)
        group.single.add(evidence.scenes.reflectance(clearest, band, tile), true, shown)
        group.asked.add(ASKED[0] + ASKED[1] * np.abs(true), np.where(np.isnan(true), np.nan, 0), shown)


def _once_clear(evidence: Evidence, tile: Tile) -> NDArray[np.bool_]:
    once = np.zeros((tile.height, tile.width), bool)
    for scene in evidence.observed(evidence.period):
        once |= evidence.truly_clear(scene, tile)
    return once


def _group_rows(name: str, group: _Group) -> list[Row]:
    single = f"the one scene with the least cloud cover: {group.single.rmse:.4f}" if group.single.count else ""

    def row(measure: str, kind: Literal["rmse", "bias"], errors: Errors, **more: Any) -> Row:
        value, naive, floor = (getattr(one, kind) for one in (errors, group.naive, group.floor))
        better: Better = "lower" if kind == "rmse" else "zero"
        told = {"baseline": naive, "baseline_method": UNMASKED, "floor": floor, "tolerance": _TOLERANCE}
        return Row("composite", measure, "1", better, value, n=errors.count, **told, **more)

    goal = group.asked.rmse
    rows = [
        row(f"RMSE {name}", "rmse", group.median, goal=goal, note=single),
        row(f"bias {name}", "bias", group.median),
    ]
    if group.geomedian.count:
        rows.append(row(f"RMSE {name}, geomedian", "rmse", group.geomedian, goal=goal))
    return rows


def _coverage(filled: Share, reachable: Share) -> Row:
    share = 100 * filled.part / reachable.part if reachable.part else math.nan
    return Row(
        "composite",
        "land filled",
        "%",
        "higher",
        filled.percent,
        n=filled.whole,
        floor=reachable.percent,
        tolerance=_COVERAGE_TOLERANCE,
        note=f"floor is the share that was truly clear at least once; {share:.1f} % of so many pixels are filled",
    )
