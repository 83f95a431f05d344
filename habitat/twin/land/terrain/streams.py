"""The streams of a world: the ways its water takes, as smooth lines that know how much land drains to them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from habitat.twin.land.terrain import layout
from habitat.twin.land.terrain.lines import Points, smoothed, spaced, wound
from habitat.twin.land.terrain.relief import Relief, relief_of
from habitat.twin.world import World

_LEAST_AREA_M2 = 1.5e6
"""Land that must drain to a place for a stream to run there [m2], in a world that is neither tiny nor full."""


@dataclass(frozen=True, eq=False)
class Stream:
    """A stream from its spring to where it ends in the sea, in the great river or in a larger stream."""

    points: Points
    """Its course, downstream (n, 2) [m]."""
    area: NDArray[np.float64]
    """Land that drains to each point (n,) [m2]."""
    mouth: str
    """``sea``, ``river`` or ``stream``."""
    west: bool
    """Whether it lies west of the border."""

    @property
    def half_width(self) -> NDArray[np.float64]:
        """Half the width of the water at each point (n,) [m]: 14 m wide where 100 km2 drain to it."""
        return 0.0007 * np.sqrt(self.area)


def least_area_m2(world: World) -> float:
    """Return how much land must drain to a place for a stream to run there [m2]."""
    return _LEAST_AREA_M2 * min(world.width_m / 15_000.0, 1.7) ** 2


@lru_cache(maxsize=2)
def streams_of(world: World) -> tuple[Stream, ...]:
    """Return the streams of a world, the largest first."""
    relief = relief_of(world)
    wet = (relief.area >= least_area_m2(world)) & ~relief.fixed.ravel()
    donors = _donors(relief, wet)
    below = relief.receiver
    mouths = [int(node) for node in np.flatnonzero(wet & relief.fixed.ravel()[below])]
    courses = _courses(mouths, donors, relief.area)
    places = np.column_stack([relief.eastings.ravel(), relief.northings.ravel()])
    sea = relief.sea.ravel()
    laid: dict[int, Points] = {}
    streams = []
    for course in courses:
        outlet = int(below[course[0]])
        end = laid[outlet] if outlet in laid else _end(world, places[outlet], in_sea=bool(sea[outlet]))
        mouth = "stream" if outlet in laid else "sea" if sea[outlet] else "river"
        line = smoothed(np.vstack([end, places[course]]), 4)
        laid.update(zip(course, line[1:], strict=True))
        streams.append(_stream(world, line[::-1], relief.area[[course[0], *course]][::-1], mouth))
    return tuple(sorted(streams, key=lambda stream: -float(stream.area[-1])))


def _donors(relief: Relief, wet: NDArray[np.bool_]) -> dict[int, list[int]]:
    donors: dict[int, list[int]] = {}
    for node in np.flatnonzero(wet):
        donors.setdefault(int(relief.receiver[node]), []).append(int(node))
    return donors


def _courses(mouths: list[int], donors: dict[int, list[int]], area: NDArray[np.float64]) -> list[list[int]]:
    """Return the nodes of every stream from its mouth upstream; each stream after the one it flows into."""
    courses = []
    open_ends = list(mouths)
    for start in open_ends:
        course = [start]
        while upper := sorted(donors.get(course[-1], []), key=lambda node: (-area[node], node)):
            course.append(upper[0])
            # The list grows while it is walked: branches are traced after the streams they join.
            open_ends.extend(upper[1:])
        courses.append(course)
    return courses


def _end(world: World, place: Points, *, in_sea: bool) -> Points:
    if in_sea:
        return place
    return np.array([layout.river_easting(world, place[1:])[0], place[1]])


def _stream(world: World, line: Points, area: NDArray[np.float64], mouth: str) -> Stream:
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])
    points = spaced(line, world.scaled(25.0, 0.004))
    areas = np.interp(np.linspace(0.0, along[-1], points.shape[0]), along, area)
    winding = wound(world, points, world.scaled(14.0, 0.0014), world.scaled(260.0, 0.03))
    west = bool(line[0, 0] < layout.border_easting(world, line[:1, 1])[0])
    return Stream(winding, areas, mouth, west)
