"""Duplicates: of several copies of one acquisition the newest processing stays, parts of a split tile all stay."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from habitat.contracts.scene import Scene
from habitat.imagery.radiometry import baseline_number
from habitat.sources.catalogues.radar_items import without_copies

# Reprocessing shifts the sensing time by milliseconds to seconds, a neighbouring orbit comes 100 minutes later.
_SAME_PASS = timedelta(minutes=30)
# Two ends of a datastrip overlap a good deal, two processings of one image almost wholly.
_SAME_GROUND = 0.85
_TEST_BASELINE = 99
_LANDSAT_RANK = {"RT": 0, "T2": 1, "T1": 1}


def newest_only(scenes: Iterable[Scene], preferred: Sequence[str] = ()) -> tuple[list[Scene], list[tuple[str, str]]]:
    """Keep one copy of every acquisition.

    Copies are scenes of one satellite and tile within one pass that show the same ground. Of Sentinel-2 the
    highest processing baseline stays, then the preferred collection, the higher sequence number, the later
    creation; test baselines (99.xx) lose against any other. Of Landsat, Tier 1 or 2 stays before real time,
    then the later processing. A tile that was cut at the end of a datastrip keeps both of its parts; of radar,
    copies were taken in the same seconds, and neighbouring slices all stay.

    Parameters
    ----------
    scenes : iterable of Scene
        In any order; the result does not depend on it.
    preferred : sequence of str
        Collection ids, the preferred one first.

    Returns
    -------
    kept : list of Scene
        Sorted by time and id.
    dropped : list of (id, reason)
        Sorted by id.
    """
    passes: dict[tuple[str, str, str], list[Scene]] = defaultdict(list)
    for scene in scenes:
        passes[scene.sensor, scene.platform, scene.tile].append(scene)
    kept: list[Scene] = []
    dropped: list[tuple[str, str]] = []
    for one_tile in passes.values():
        for copies in _one_pass_each(one_tile):
            if len(copies) == 1:
                kept += copies
            elif copies[0].sensor == "sentinel1":
                stay, gone = without_copies(copies, tuple(preferred))
                kept, dropped = kept + stay, dropped + gone
            else:
                _settle(copies, tuple(preferred), kept, dropped)
    return sorted(kept, key=_when), sorted(dropped)


def _when(scene: Scene) -> tuple[datetime, str, str]:
    return scene.datetime, scene.id, scene.collection


def _one_pass_each(scenes: list[Scene]) -> list[list[Scene]]:
    groups: list[list[Scene]] = []
    for scene in sorted(scenes, key=_when):
        if groups and scene.datetime - groups[-1][-1].datetime <= _SAME_PASS:
            groups[-1].append(scene)
        else:
            groups.append([scene])
    return groups


def _settle(copies: list[Scene], preferred: tuple[str, ...], kept: list[Scene], dropped: list[tuple[str, str]]) -> None:
    ranked = sorted(copies, key=lambda scene: (_rank(scene, preferred), scene.id), reverse=True)
    stays: list[Scene] = []
    covered: BaseGeometry | None = None
    for scene in ranked:
        if covered is not None and _share_covered(scene.footprint, covered) >= _SAME_GROUND:
            winner = max(stays, key=lambda other: _share_covered(scene.footprint, other.footprint))
            dropped.append((scene.id, f"another copy of {winner.id}, which {_why(winner, scene, preferred)}"))
            continue
        stays.append(scene)
        covered = scene.footprint if covered is None else shapely.union(covered, scene.footprint)
    kept += stays


def _share_covered(outline: BaseGeometry, ground: BaseGeometry) -> float:
    area = outline.area
    return float(shapely.intersection(outline, ground).area) / area if area > 0 else 1.0


def _rank(scene: Scene, preferred: tuple[str, ...]) -> tuple[Any, ...]:
    place = -preferred.index(scene.collection) if scene.collection in preferred else -len(preferred)
    created = _instant(scene.created)
    if scene.sensor == "landsat":
        final = _LANDSAT_RANK.get(scene.extras.get("category", "T1"), 0)
        return final, scene.extras.get("processed", ""), place, created
    number = baseline_number(scene.baseline) or (-1, 0)
    if number[0] >= _TEST_BASELINE:
        number = (-2, 0)
    sequence = scene.extras.get("sequence", "0")
    return number, place, int(sequence) if sequence.isdecimal() else 0, created


def _why(winner: Scene, loser: Scene, preferred: tuple[str, ...]) -> str:
    if winner.sensor == "landsat":
        words: tuple[tuple[str, object, object], ...] = (
            ("category", winner.extras.get("category"), loser.extras.get("category")),
            ("processing date", winner.extras.get("processed"), loser.extras.get("processed")),
            ("collection", winner.collection, loser.collection),
            ("creation time", winner.created, loser.created),
        )
    else:
        words = (
            ("baseline", winner.baseline, loser.baseline),
            ("collection", winner.collection, loser.collection),
            ("sequence", winner.extras.get("sequence", "0"), loser.extras.get("sequence", "0")),
            ("creation time", winner.created, loser.created),
        )
    for (word, ours, theirs), mine, yours in zip(words, _rank(winner, preferred), _rank(loser, preferred), strict=True):
        if mine != yours:
            return f"has {word} {ours} before {theirs}"
    return "has the later id; nothing else tells them apart"


def _instant(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
