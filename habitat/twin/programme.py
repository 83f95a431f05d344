"""Which overpasses a twin's catalogues hold, the weather each of them met, and the tiles it was delivered in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np

from habitat.twin.land.weather import STORY_CLOUD, Weather
from habitat.twin.quirks import Quirks, touches
from habitat.twin.sensors.frames import landsat_frame, radar_frame, sentinel2_frames
from habitat.twin.sensors.orbits import overpasses
from habitat.twin.sensors.shots import Frame, Overpass, Scene
from habitat.twin.world import CRS, NEIGHBOUR_CRS, SizeName, World

_SENTINEL2 = ("S2A", "S2B", "S2C")
_LANDSAT = ("L8", "L9")
_PARTIAL = (113,)
"""Paths whose edge of view crosses the world: the twin has whole pictures only."""


@dataclass(frozen=True)
class Programme:
    """What the archive of one size keeps."""

    sentinel2: dict[str, int]
    """Month (2025-05) to the number of passes kept."""
    landsat: dict[str, int]
    """The same for Landsat 8 and 9."""
    radar: dict[str, int]
    """The same for Sentinel-1."""
    older: dict[str, str]
    """Month to an older satellite of which one pass is kept (L5, L7)."""
    all_tiles: tuple[str, ...]
    """Dates that are delivered in every tile of both zones; `ALWAYS`' meaning of beginnings."""
    raw: tuple[str, ...]
    """Dates the Planetary Computer has too, with the offset still in the digital numbers."""
    skipped: tuple[str, ...] = ()
    """Dates left out."""
    cloud_below: float = 2.0
    """Share of cloud [1] from which passes of optical satellites are left out, however many of a month are kept."""
    radar_orbit: int | None = None
    """Relative orbit of all radar passes; None for any."""


def _months(years: Iterable[int], counts: dict[int, int]) -> dict[str, int]:
    return {f"{year}-{month:02d}": count for year in years for month, count in counts.items()}


_STORY = {5: 6}
_EVERY = dict.fromkeys(range(1, 13), 31)
"""More passes than a month has."""
PROGRAMMES: dict[SizeName, Programme] = {
    "tiny": Programme(
        sentinel2=_months((2024, 2025), _STORY) | {"2025-01": 1},
        landsat={"2024-05": 1, "2025-05": 1},
        radar={"2025-05": 1},
        older={"2022-03": "L7"},
        all_tiles=(),
        raw=("2025-05-28",),
        skipped=("2024-05-13", "2024-05-18", "2024-05-28", "2025-05-23"),
    ),
    "series": Programme(
        sentinel2=_months(range(2021, 2026), _EVERY),
        # Before 2021 the green season alone: what a picture of each year needs.
        landsat=_months(range(2015, 2021), dict.fromkeys(range(5, 11), 31)) | _months(range(2021, 2026), _EVERY),
        radar=_months(range(2021, 2026), dict.fromkeys(range(1, 13), 2)),
        older={},
        all_tiles=(),
        raw=(),
        cloud_below=0.85,
        radar_orbit=61,
    ),
    "demo": Programme(
        sentinel2=_months((2024, 2025), {1: 1, 3: 1, 4: 2, 6: 1, 8: 1, 9: 1, 10: 2, 11: 1} | _STORY)
        | {"2021-10": 1, "2022-05": 1},
        landsat=_months((2024, 2025), {3: 1, 4: 1, 5: 3, 6: 1, 8: 1, 9: 1, 10: 1}),
        radar=_months((2024, 2025), {1: 1, 5: 1, 8: 1}),
        older={"2010-06": "L5", "2011-09": "L5", "2012-05": "L7", "2020-06": "L7"},
        all_tiles=("2024-05-23",),
        raw=("2025-05-28",),
    ),
    "full": Programme(
        sentinel2={"2025-05": 6},
        landsat={"2025-05": 4},
        radar={"2025-05": 1},
        older={},
        all_tiles=("20",),
        raw=(),
    ),
}
"""What each size holds: a mirror that keeps the clearer passes, and all of the two Mays the demonstration compares."""

_VEILS: dict[str, dict[str, Any]] = {
    "2024-05-08": {"haze": 0.9},
    "2024-05-28": {"cirrus": 0.35},
    "2025-05-13": {"haze": 0.7},
    "2025-05-28": {"cirrus": 0.25},
}
_AIR = {day: {"cloud": cloud} | _VEILS.get(day, {}) for day, cloud in STORY_CLOUD.items()}
"""Air of the two Mays, the same for every seed: a test may rely on which dates are clear."""
_REPROCESSED = "2025-05-18"
"""Day whose acquisition is in the catalogue twice, processed by two baselines."""


def scenes_of(world: World, weather: Weather, quirks: Quirks) -> list[Scene]:
    """Return the scenes of a world in order of time.

    Raises
    ------
    ConfigError
        If a quirk touches none of them.
    """
    programme = PROGRAMMES[world.size.name]
    optical = _kept(world, weather, _SENTINEL2, programme.sentinel2, programme.skipped)
    quirks.check(one.day for one in optical)
    scenes = [scene for one in optical for scene in _sentinel2(world, one, programme, quirks)]
    old = [
        one for month, platform in programme.older.items() for one in _kept(world, weather, (platform,), {month: 1}, ())
    ]
    for one in [*_kept(world, weather, _LANDSAT, programme.landsat, ()), *old]:
        scenes.append(Scene(one, landsat_frame(world, one.orbit, one.row)))
    scenes += [Scene(one, radar_frame(world)) for one in _kept(world, weather, ("S1A",), programme.radar, ())]
    return sorted(scenes, key=lambda scene: (scene.overpass.when, scene.frame.tile, scene.overpass.sequence))


def _kept(
    world: World, weather: Weather, platforms: tuple[str, ...], counts: dict[str, int], skipped: tuple[str, ...]
) -> list[Overpass]:
    """Return the passes the archive keeps: the clearest of a month, and for the last place any other."""
    programme = PROGRAMMES[world.size.name]
    months: dict[str, list[Overpass]] = defaultdict(list)
    for month in counts:
        first = date.fromisoformat(f"{month}-01")
        last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        for platform in platforms:
            passes = overpasses(platform, first, last)
            met = (_met(world, weather, one) for one in passes if _is_wanted(one, programme))
            months[month] += [one for one in met if one.cloud < programme.cloud_below]
    kept: list[Overpass] = []
    for month, found in months.items():
        found.sort(key=lambda one: (one.cloud, one.when))
        number = counts[month]
        chosen = found[:number]
        if 1 < number < len(found):
            chosen[-1] = found[number - 1 + int(world.rng("kept", month, *platforms).integers(len(found) - number + 1))]
        kept += [one for one in chosen if one.day not in skipped]
    return sorted(kept, key=lambda one: one.when)


def _is_wanted(one: Overpass, programme: Programme) -> bool:
    if one.sensor == "sentinel1" and programme.radar_orbit is not None:
        return one.orbit == programme.radar_orbit
    return one.orbit not in _PARTIAL


def _met(world: World, weather: Weather, one: Overpass) -> Overpass:
    """Return a pass with the air it met."""
    if one.sensor == "sentinel2" and one.day in _AIR:
        return replace(one, **_AIR[one.day])
    if one.sensor == "sentinel1":
        return one
    rng = world.rng("air", one.sensor, one.day)
    at = int(np.searchsorted(weather.days, np.datetime64(one.day)))
    usual = float(weather.cloud[at].mean()) if at < len(weather.days) and at > 0 else 0.4
    return replace(
        one,
        cloud=round(float(np.clip(usual + rng.normal(0, 0.15), 0.0, 0.97)), 3),
        haze=round(float(rng.uniform(0.1, 0.9)) if rng.random() < 0.3 else 0.0, 2),
        cirrus=round(float(rng.uniform(0.1, 0.4)) if rng.random() < 0.25 else 0.0, 2),
    )


def _sentinel2(world: World, one: Overpass, programme: Programme, quirks: Quirks) -> list[Scene]:
    if touches(quirks.all_cloud, one.day):
        one = replace(one, cloud=1.0, cirrus=0.0)
    frames = _frames(world, touches(programme.all_tiles, one.day), touches(quirks.other_zone, one.day))
    copies = [one]
    if one.day == _REPROCESSED:
        copies = [replace(one, baseline="05.10", superseded=True), replace(one, sequence=1)]
    keep = touches(quirks.keep_offset, one.day)
    scenes = [Scene(copy, frame, "earth-search", keep_offset=keep) for copy in copies for frame in frames]
    if touches(programme.raw, one.day):
        scenes += [Scene(one, frame, "planetary-computer", keep_offset=one.has_offset) for frame in frames]
    return scenes


def _frames(world: World, everywhere: bool, next_zone: bool) -> list[Frame]:  # noqa: FBT001
    if everywhere:
        return [*sentinel2_frames(world, CRS), *sentinel2_frames(world, NEIGHBOUR_CRS)]
    found = sentinel2_frames(world, NEIGHBOUR_CRS if next_zone else CRS)
    # The tile that holds most of the world, for a small twin all of it.
    return [max(found, key=lambda frame: frame.rows * frame.columns)]
