"""Rows of the clear mask: clouds and shadows it keeps, and clear ground it throws away."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from habitat.contracts import Scene
from habitat.imagery.clouds import QA_BITS, SCL_CLASSES
from habitat.jobs.evidence import Evidence
from habitat.twin.land.landscape import Cover
from habitat.twin.measures import Share
from habitat.twin.scorecard import Row

PURPOSES = ("forest", "burn")
"""Purposes whose masks are measured."""
SNOWY_SCENE = 1.0
"""Percent of the land under snow from which a scene counts as one with snow."""
_NAIVE = {
    "sentinel2": "SCL classes 8, 9 and 10 as they are: no shadow, no growing",
    "landsat": "QA_PIXEL bits cirrus and cloud as they are: no shadow, no growing",
}
_PARTS = {"sentinel2": "clear mask", "landsat": "Landsat mask"}
_TOLERANCE = 1.0


@dataclass
class _Counts:
    """What is counted of the masks of some scenes."""

    omitted: Share = field(default_factory=Share)
    """Cloud and shadow kept as clear."""
    clouds: Share = field(default_factory=Share)
    """Cloud alone."""
    shadows: Share = field(default_factory=Share)
    """Shadow alone."""
    dropped: Share = field(default_factory=Share)
    """Clear ground dropped."""
    far: Share = field(default_factory=Share)
    """The same where no cloud is near."""

    def shares(self) -> tuple[Share, ...]:
        """Return all of them, in a fixed order."""
        return self.omitted, self.clouds, self.shadows, self.dropped, self.far

    def merge(self, other: _Counts) -> None:
        """Add what was counted of other scenes."""
        for own, others in zip(self.shares(), other.shares(), strict=True):
            own.merge(others)


@dataclass
class _SceneCounts:
    """What is counted of one scene."""

    snow: Share = field(default_factory=Share)
    masks: dict[str, _Counts] = field(default_factory=dict)
    naive: _Counts = field(default_factory=_Counts)

    @property
    def snowy(self) -> bool:
        """Whether snow lies on it."""
        return self.snow.whole > 0 and self.snow.percent >= SNOWY_SCENE


def mask_rows(evidence: Evidence) -> list[Row]:
    """Omission and commission of the masks over all scenes of both months, those with snow apart.

    Commission is counted on land without snow: that masks drop water and snow is what they are for.
    """
    counted: dict[tuple[str, bool], list[_SceneCounts]] = {}
    for scenes in (evidence.months[evidence.before], evidence.months[evidence.period]):
        for scene in scenes:
            if evidence.scenes.readable(scene):
                counts = _scene_counts(evidence, scene)
                counted.setdefault((scene.sensor, counts.snowy), []).append(counts)
    return [
        row
        for sensor in _PARTS
        for snowy in (False, True)
        for purpose in PURPOSES
        if (sensor, snowy) in counted
        for row in _rows(sensor, purpose, counted[sensor, snowy], evidence.scenes.grow_m, snow=snowy)
    ]


def _scene_counts(evidence: Evidence, scene: Scene) -> _SceneCounts:
    counts = _SceneCounts(masks={purpose: _Counts() for purpose in PURPOSES})
    for tile in evidence.tiles:
        sky = evidence.sky(scene, tile)
        quality = evidence.scenes.quality(scene, tile)
        seen = evidence.scenes.seen(scene, tile) & sky.seen
        land = seen & (evidence.truth.layer("land/cover", tile) != Cover.WATER)
        counts.snow.add(sky.snowy, among=land)
        clear = land & sky.clear & sky.bare
        truth = seen & sky.cloudy, seen & sky.shadowed, clear, clear & ~sky.near
        for purpose, mask in counts.masks.items():
            _add(mask, evidence.scenes.clear(scene, purpose, tile), *truth)
        _add(counts.naive, _naively_clear(scene.sensor, quality), *truth)
    return counts


def _add(
    counts: _Counts,
    kept: NDArray[np.bool_],
    cloudy: NDArray[np.bool_],
    shadowed: NDArray[np.bool_],
    clear: NDArray[np.bool_],
    far: NDArray[np.bool_],
) -> None:
    counts.omitted.add(kept, among=cloudy | shadowed)
    counts.clouds.add(kept, among=cloudy)
    counts.shadows.add(kept, among=shadowed)
    counts.dropped.add(~kept, among=clear)
    counts.far.add(~kept, among=far)


def _naively_clear(sensor: str, quality: NDArray[np.uint16]) -> NDArray[np.bool_]:
    if sensor == "sentinel2":
        clouds = [SCL_CLASSES.index(name) for name in ("cloud_medium", "cloud_high", "cirrus")]
        return ~np.isin(quality, clouds)
    bits = sum(1 << QA_BITS.index(name) for name in ("cirrus", "cloud"))
    clear: NDArray[np.bool_] = (quality & np.uint16(bits)) == 0
    return clear


def _total(parts: Iterable[_Counts]) -> _Counts:
    total = _Counts()
    for part in parts:
        total.merge(part)
    return total


def _rows(sensor: str, purpose: str, scenes: list[_SceneCounts], grow_m: float, *, snow: bool) -> list[Row]:
    ours = _total(scene.masks[purpose] for scene in scenes)
    naive = _total(scene.naive for scene in scenes)
    where = f"{purpose}, snow" if snow else purpose
    split = f"of cloud {ours.clouds.percent:.2f} %, of shadow {ours.shadows.percent:.2f} %"
    how_many = f"{len(scenes)} scene{'s' * (len(scenes) > 1)}{' with snow' * snow}"
    measured = (
        ("omission", ours.omitted, naive.omitted, f"{how_many}; {split}"),
        ("commission", ours.dropped, naive.dropped, ""),
        ("commission (far)", ours.far, naive.far, f"farther than {grow_m:g} m from cloud and shadow"),
    )
    return [
        Row(
            _PARTS[sensor],
            f"{measure}, {where}",
            "%",
            "lower",
            found.percent,
            n=found.whole,
            baseline=plain.percent,
            baseline_method=_NAIVE[sensor],
            tolerance=_TOLERANCE,
            note=note,
        )
        for measure, found, plain, note in measured
    ]
