"""Radar items: which orbit a Sentinel-1 scene was taken from, when it began and ended, and copies of one slice."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from habitat.contracts.errors import CatalogueError
from habitat.contracts.scene import Scene

_PRODUCT = re.compile(r"S1([A-Z])_[A-Z0-9]{2}_[A-Z0-9]{4}_\d[A-Z]{3}_(\d{8}T\d{6})_(\d{8}T\d{6})_(\d{6})_")
_RELATIVE = ("sat:relative_orbit", "s1:relative_orbit", "s1:orbit_relative", "sentinel:relative_orbit")
_ABSOLUTE = ("sat:absolute_orbit", "s1:absolute_orbit", "s1:orbit_number", "sentinel:absolute_orbit")
_STATE = ("sat:orbit_state", "s1:orbit_state", "s1:orbit_direction", "s1:pass_direction")
_ORBITS = 175
_FIRST = {"a": 73, "b": 27, "c": 172}
"""Absolute orbit of each satellite that is its relative orbit 1."""
_C_MOVED = date(2026, 6, 9)
"""Sentinel-1C took another place on the track in June 2026: its numbers tell nothing from then on."""
_SAME_SLICE = 0.5
"""Neighbouring slices share a second, reprocessed ones nearly all of their 25."""
_INSTANT = timedelta(seconds=2)


def relative_orbit(absolute: int, platform: str, day: date) -> int | None:
    """Relative orbit of an absolute one; None where no rule is known.

    Parameters
    ----------
    absolute : int
        Orbits flown since launch.
    platform : str
        ``sentinel-1a`` and so on.
    day : date
        Of the pass.

    Examples
    --------
    >>> relative_orbit(2803, "sentinel-1a", date(2014, 10, 12)), relative_orbit(2803, "sentinel-1d", date(2026, 1, 1))
    (106, None)
    """
    letter = platform[-1:]
    if letter not in _FIRST or (letter == "c" and day >= _C_MOVED):
        return None
    return (absolute - _FIRST[letter]) % _ORBITS + 1


def radar_tile(properties: Mapping[str, Any], item_id: str, platform: str, when: datetime) -> str:
    """Name of what a scene may be compared with: relative orbit and way of flight, as ``106D``.

    Raises
    ------
    CatalogueError
        If neither the item nor the name of its product tells the orbit, or the way of flight is no known word.

    Examples
    --------
    >>> fields = {"sat:relative_orbit": 61, "sat:orbit_state": "descending"}
    >>> radar_tile(fields, "x", "sentinel-1a", datetime(2025, 5, 8, tzinfo=UTC))
    '061D'
    """
    said = _first(properties, _RELATIVE)
    absolute = _absolute(properties, item_id)
    number = int(said) if said is not None else None
    if number is None and absolute is not None:
        number = relative_orbit(absolute, platform, when.date())
    if number is None or not 1 <= number <= _ORBITS:
        raise CatalogueError(
            f"its relative orbit is {number}, and neither sat:absolute_orbit nor the name of its product tells it; "
            f"wants sat:relative_orbit 1 to {_ORBITS}: looks of different orbits must not be mixed"
        )
    state = str(_first(properties, _STATE) or "").lower()
    if not state.startswith(("asc", "desc")):
        raise CatalogueError(f"sat:orbit_state is {state!r}, wants ascending or descending")
    return f"{number:03d}{state[0].upper()}"


def orbit_words(tile: str) -> str:
    """Orbit in words for people.

    Examples
    --------
    >>> orbit_words("061D")
    'relative orbit 61 descending'
    """
    return f"relative orbit {int(tile[:-1])} {'ascending' if tile.endswith('A') else 'descending'}"


def radar_extras(properties: Mapping[str, Any], item_id: str) -> dict[str, str]:
    """Absolute orbit, first and last instant of a scene, as far as they are told."""
    extras: dict[str, str] = {}
    absolute = _absolute(properties, item_id)
    if absolute is not None:
        extras["absolute_orbit"] = str(absolute)
    name = _PRODUCT.match(item_id)
    for key, place in (("start", 2), ("end", 3)):
        text = properties.get(f"{key}_datetime") or (name[place] if name else "")
        if text:
            extras[f"{key}s"] = _instant(str(text)).isoformat()
    return extras


def without_copies(scenes: Sequence[Scene], preferred: Sequence[str]) -> tuple[list[Scene], list[tuple[str, str]]]:
    """Keep one copy of each slice of one pass; neighbouring slices all stay, whatever their outlines say.

    A catalogue that cut scenes to an area gives neighbouring slices the same outline, each with half of its pixels:
    the seconds in which they were taken tell them apart.

    Parameters
    ----------
    scenes : sequence of Scene
        Of one satellite, orbit and pass.
    preferred : sequence of str
        Collections, the preferred one first.

    Returns
    -------
    kept : list of Scene
    dropped : list of (id, reason)
    """

    def rank(scene: Scene) -> tuple[int, str, str]:
        place = -preferred.index(scene.collection) if scene.collection in preferred else -len(preferred)
        return place, scene.created, scene.id

    kept: list[Scene] = []
    dropped: list[tuple[str, str]] = []
    for scene in sorted(scenes, key=rank, reverse=True):
        winner = next((other for other in kept if _same_slice(scene, other)), None)
        if winner is None:
            kept.append(scene)
            continue
        why = "has the later id; nothing else tells them apart"
        if rank(winner)[0] != rank(scene)[0]:
            why = f"is of collection {winner.collection} before {scene.collection}"
        elif winner.created != scene.created:
            why = f"was made {winner.created} and not {scene.created}"
        dropped.append((scene.id, f"another copy of {winner.id}, taken in the same seconds, which {why}"))
    return kept, dropped


def _same_slice(one: Scene, other: Scene) -> bool:
    if one.extras.get("absolute_orbit") != other.extras.get("absolute_orbit"):
        return False
    (begins, ends), (starts, stops) = _seconds(one), _seconds(other)
    shorter = min(ends - begins, stops - starts)
    if shorter <= timedelta(0):
        return abs(one.datetime - other.datetime) <= _INSTANT
    return (min(ends, stops) - max(begins, starts)) / shorter > _SAME_SLICE


def _seconds(scene: Scene) -> tuple[datetime, datetime]:
    begins, ends = scene.extras.get("starts"), scene.extras.get("ends")
    if begins is None or ends is None:
        return scene.datetime, scene.datetime
    return datetime.fromisoformat(begins), datetime.fromisoformat(ends)


def _absolute(properties: Mapping[str, Any], item_id: str) -> int | None:
    said, name = _first(properties, _ABSOLUTE), _PRODUCT.match(item_id)
    if said is not None:
        return int(said)
    return int(name[4]) if name else None


def _first(properties: Mapping[str, Any], keys: Sequence[str]) -> Any:
    return next((properties[key] for key in keys if properties.get(key) is not None), None)


def _instant(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise CatalogueError(f"start or end {text[:40]!r} is not ISO 8601") from error
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
