"""Sensor differences: what was measured between two sensors by month, what is known of the whole, and what is not."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from habitat.imagery.harmonise.residual import Residual, Shift
from habitat.sources.scenes.paired_looks import BLOCK_M

MOST_RESIDUAL = 0.03
"""Difference [1] between sensors, after all was done against it, above which they are no one series."""
MOST_SHIFT_PX = 0.5
"""Pixels of the coarser picture by which two pictures may lie beside each other."""
COARSER_M = 30.0
"""Pixels of Landsat [m], the coarser of the two."""
_LEAST_BLOCKS = 100
"""Blocks below which a difference is not known."""


class BandMixing(NamedTuple):
    """One band: Sentinel-2 less Landsat."""

    before: Residual | None
    """As the catalogue has the scenes; None where that is not known."""
    after: Residual
    """As they are mixed."""


@dataclass(frozen=True)
class PairMonth:
    """What was measured for a pair of tiles in a month."""

    tile: str
    """Tile of Sentinel-2."""
    path: str
    """Path and row of Landsat."""
    month: str
    """Of the Sentinel-2 scene, as ``2025-05``."""
    scenes: tuple[tuple[str, str, int], ...]
    """Identifiers of both scenes and how many days apart they are."""
    pixels: int
    """Pixels of the area's grid clear in both."""
    bands: Mapping[str, BandMixing]
    """By canonical band."""
    shifts: tuple[Shift | None, ...]
    """How far Sentinel-2 lies beside Landsat in each pair of scenes, in pixels of the grid; None where there was no
    square without clouds to measure it by, or too little contrast."""
    resolution_m: float
    """Pixels of the grid [m]."""

    @property
    def name(self) -> str:
        """Tiles and month, for people."""
        return f"{self.tile}–{self.path} in {self.month}"

    def shifts_px(self) -> tuple[float, ...]:
        """Lengths of the shifts in pixels of the coarser picture; NaN where unknown."""
        share = self.resolution_m / max(self.resolution_m, COARSER_M)
        return tuple(math.nan if shift is None else shift.px * share for shift in self.shifts)

    def worst(self) -> tuple[str, float]:
        """Band with the month's largest known difference and that difference [1]; none and 0 if there is none."""
        known = [(band, found.after.bias) for band, found in self.bands.items() if found.after.blocks >= _LEAST_BLOCKS]
        return max(known, key=lambda entry: abs(entry[1]), default=("", 0.0))

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data."""
        return {
            "sentinel2": self.tile,
            "landsat": self.path,
            "month": self.month,
            "scenes": [
                {
                    "sentinel2": first,
                    "landsat": second,
                    "days": days,
                    "shift": _shift_dict(shift, px, self.resolution_m),
                }
                for (first, second, days), shift, px in zip(self.scenes, self.shifts, self.shifts_px(), strict=True)
            ],
            "pixels": self.pixels,
            "bands": {band: _band_dict(found) for band, found in self.bands.items()},
        }


def _shift_dict(shift: Shift | None, px: float, resolution_m: float) -> dict[str, float] | None:
    if shift is None:
        return None
    south, east = (round(part * resolution_m, 2) for part in shift[:2])
    return {"px": round(px, 3), "south_m": south, "east_m": east, "sharpness": round(shift.sharpness, 3)}


def _band_dict(found: BandMixing) -> dict[str, Any]:
    before = found.before or Residual(math.nan, math.nan, 0)
    numbers = {"bias": found.after.bias, "rmsd": found.after.rmsd}
    numbers |= {"bias_before": before.bias, "rmsd_before": before.rmsd}
    plain: dict[str, Any] = {key: round(value, 5) if math.isfinite(value) else None for key, value in numbers.items()}
    return plain | {"blocks": found.after.blocks}


class Largest(NamedTuple):
    """The largest difference there is between two sensors."""

    tile: str
    """Tile of Sentinel-2."""
    path: str
    """Path and row of Landsat."""
    band: str
    """Canonical band."""
    bias: float
    """Median over the months of the median difference [1], Sentinel-2 less Landsat."""
    months: int
    """Months it was measured in."""
    blocks: int
    """Blocks it was measured over."""


@dataclass(frozen=True)
class Mixing:
    """What was measured between the sensors of one series."""

    measured: tuple[PairMonth, ...] = ()
    """By pair of tiles and month."""
    unknown: tuple[tuple[str, str, str, str], ...] = ()
    """Tile, path, month and why nothing is known."""
    max_days: int = 3
    """Dates so many days apart are a pair."""
    measured_at_all: bool = True
    """False where two sensors were mixed and nobody looked."""

    @property
    def of_two(self) -> bool:
        """Whether there were two sensors."""
        return bool(self.measured or self.unknown or not self.measured_at_all)

    def largest(self) -> Largest | None:
        """Largest difference of any pair of tiles and band: the median of its months; None if none is known.

        Haze in one scene is no difference of sensors: it spoils a month of a series, and not the series.
        """
        found: dict[tuple[str, str, str], list[Residual]] = defaultdict(list)
        for pair in self.measured:
            for band, mixed in pair.bands.items():
                if mixed.after.blocks >= _LEAST_BLOCKS:
                    found[pair.tile, pair.path, band].append(mixed.after)
        every = [
            Largest(
                *key, float(np.median([month.bias for month in months])), len(months), sum(m.blocks for m in months)
            )
            for key, months in found.items()
        ]
        return max(every, key=lambda entry: abs(entry.bias), default=None)

    def misplaced(self) -> dict[tuple[str, str], float]:
        """Pairs of scenes (Sentinel-2, Landsat) that lie too far beside each other, and by how many pixels of 30 m."""
        found = {}
        for pair in self.measured:
            for (first, second, _), px in zip(pair.scenes, pair.shifts_px(), strict=True):
                if px > MOST_SHIFT_PX:
                    found[first, second] = px
        return found

    def offsets(self) -> dict[tuple[str, str], tuple[float, int]]:
        """By pair of tiles how many pixels of 30 m one lies beside the other, in the median of so many pairs of scenes.

        A single scene may be out of place (`misplaced`); what all of them share is a fault of the whole series.
        """
        found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
        for pair in self.measured:
            share = pair.resolution_m / max(pair.resolution_m, COARSER_M)
            found[pair.tile, pair.path] += [(s.rows * share, s.columns * share) for s in pair.shifts if s is not None]
        return {
            tiles: (float(np.hypot(*np.median(shifts, axis=0))), len(shifts))
            for tiles, shifts in found.items()
            if shifts
        }

    def gaps(self) -> tuple[tuple[str, str], ...]:
        """Return what could not be measured, for the record; empty with one sensor.

        Examples
        --------
        >>> Mixing().gaps()
        ()
        """
        reasons: dict[tuple[str, str], list[str]] = defaultdict(list)
        for tile, path, month, why in self.unknown:
            reasons[f"{tile}–{path}", why].append(month)
        told = [
            ("mixing of sensors", f"{pair}: {why} ({some(months)}), so their difference there is not known")
            for (pair, why), months in reasons.items()
        ]
        for pair in self.measured:
            band, bias = pair.worst()
            if abs(bias) > MOST_RESIDUAL:
                text = (
                    f"they differ by {bias:+.3f} in {band}: haze or snow in one of the scenes, or ground that changed"
                )
                told.append(("mixing of sensors", f"{pair.name}: {text} ({scenes_named(pair)})"))
        if not self.measured_at_all:
            told.append(("mixing of sensors", "not measured: max_mixing_residual is null"))
        told += [
            ("place of pictures", f"{second} lies {px:.2f} pixels of {COARSER_M:g} m beside {first} and is among them")
            for (first, second), px in self.misplaced().items()
        ]
        blind = [pair.name for pair in self.measured if not any(pair.shifts)]
        if blind:
            told.append(("place of pictures", f"not measured for {some(blind)}: clouds or too little contrast"))
        return tuple(told)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON data for a ledger or a record."""
        largest = self.largest()
        return {
            "what": "Sentinel-2 less Landsat, reflectance: median and root mean square over blocks clear in both",
            "max_days": self.max_days,
            "block_m": BLOCK_M,
            "largest": None if largest is None else largest._asdict() | {"bias": round(largest.bias, 5)},
            "pairs": [pair.to_dict() for pair in self.measured],
            "unknown": [
                {"sentinel2": tile, "landsat": path, "month": month, "why": why}
                for tile, path, month, why in self.unknown
            ],
        }


def some(names: Sequence[str]) -> str:
    """Name the first of many, for people."""
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def scenes_named(pair: PairMonth) -> str:
    """Name the scenes of a month, for people."""
    return "; ".join(f"{first} and {second}, {days} days apart" for first, second, days in pair.scenes)
