"""Where people live and move: roads, tracks, settlements and lakes, laid along valleys and the coast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from habitat.twin.land.terrain import layout
from habitat.twin.land.terrain.lines import Points, smoothed, spaced
from habitat.twin.land.terrain.relief import valley_half_width_m
from habitat.twin.land.terrain.streams import Stream, least_area_m2, streams_of
from habitat.twin.world import World

RoadClass = Literal["highway", "road", "track"]
"""Classes of roads, the widest first."""
ROAD_WIDTH_M: dict[RoadClass, float] = {"highway": 16.0, "road": 12.0, "track": 10.0}
"""Widths of the cleared strips [m]."""
_WIDTH_PER_TRACK_M = 600.0
"""Width of a world per road into its hills [m]."""
_HAMLETS = 0.35
"""Share of these roads that have a hamlet [1]."""


@dataclass(frozen=True, eq=False)
class Road:
    """A road."""

    points: Points
    """Its course (n, 2) [m]."""
    kind: RoadClass
    """Class."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A place with a rounded outline: a settlement or a lake."""

    centre: tuple[float, float]
    """Easting and northing [m]."""
    radius: float
    """Mean radius [m]."""
    waves: NDArray[np.float64]
    """Amplitudes [1] and phases of the waves of its outline (2, wave): 1, 2, 3 ... to a round."""

    def outline_radius(self, angle: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the radius [m] in a direction [radians, from east towards north]."""
        number = np.arange(1, self.waves.shape[1] + 1)
        swing = np.cos(np.multiply.outer(angle, number) + self.waves[1]) @ self.waves[0]
        radius: NDArray[np.float64] = self.radius * (1.0 + swing)
        return radius

    def outline(self, count: int = 64) -> Points:
        """Return points (n, 2) [m] round the place."""
        angle = np.arange(count) * 2 * math.pi / count
        radius = self.outline_radius(angle)
        return np.column_stack([self.centre[0] + radius * np.cos(angle), self.centre[1] + radius * np.sin(angle)])


@dataclass(frozen=True, eq=False)
class People:
    """What people have built, and the lakes they live by."""

    roads: tuple[Road, ...]
    """Roads."""
    settlements: tuple[Patch, ...]
    """Settlements."""
    lakes: tuple[Patch, ...]
    """Lakes on the plains."""


@lru_cache(maxsize=2)
def people_of(world: World) -> People:
    """Return the roads, settlements and lakes of a world."""
    inland = world.scaled(450.0, 0.035)
    coast_road = layout.coast(world, world.scaled(30.0, 0.006), inland)
    roads = [Road(_highway(world), "highway"), Road(coast_road, "road"), *_valley_roads(world, inland)]
    settlements = [*_settlements(world, inland), *_hamlets(world, roads)]
    return People(tuple(roads), tuple(settlements), tuple(_lakes(world, roads)))


def road_easting(world: World, northings: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return where the highway is [m] at each northing: on the eastern side of the great valley."""
    return layout.valley_easting(world, northings) + 0.68 * valley_half_width_m(world)


def _highway(world: World) -> Points:
    northings = np.arange(world.north, world.north - world.width_m - 1.0, -world.scaled(30.0, 0.006))
    return np.column_stack([road_easting(world, northings), northings])


def _valley_roads(world: World, inland: float) -> list[Road]:
    """Return roads up the larger valleys: a road to the coast along the largest eastern one, tracks along others."""
    roads: list[Road] = []
    most = max(round(world.width_m / _WIDTH_PER_TRACK_M), 4)
    eastern = next((stream for stream in streams_of(world) if stream.mouth == "sea" and not stream.west), None)
    for stream in streams_of(world):
        if len(roads) == most or stream.area[-1] < 2.5 * least_area_m2(world):
            break
        points = _beside_stream(world, stream)
        if stream.mouth == "sea":
            points = _from_coast_road(world, points, inland)
        elif stream.mouth == "river":
            points = _from_highway(world, points)
        if points.shape[0] > 3:
            roads.append(Road(spaced(points, world.scaled(30.0, 0.006)), "road" if stream is eastern else "track"))
    return roads


def _beside_stream(world: World, stream: Stream) -> Points:
    """Return a line upstream beside a stream, up to where little land drains to it."""
    used = stream.points[stream.area >= 1.3 * least_area_m2(world)][::-1]
    if used.shape[0] < 3:
        return used[:0]
    # Roads cut corners: a line beside every bend of the water would cross itself.
    used = smoothed(used, 12)
    ahead = np.gradient(used, axis=0)
    ahead /= np.maximum(np.hypot(*ahead.T), 1e-9)[:, None]
    side = np.column_stack([ahead[:, 1], -ahead[:, 0]])
    line: Points = used + side * (world.scaled(45.0, 0.012) + stream.half_width[-1])
    return line


def _from_coast_road(world: World, points: Points, inland: float) -> Points:
    dry = layout.above_coast(world, points[:, 0], points[:, 1]) > inland
    if not dry.any():
        return points[:0]
    points = points[int(np.argmax(dry)) :]
    start = layout.coast_points(world, layout.seen_from_sea(world, points[:1]), inland)
    return np.vstack([start, points])


def _from_highway(world: World, points: Points) -> Points:
    """Begin at the highway: east of it where a valley comes from there, over a bridge where it comes from the west."""
    if points.shape[0] == 0:
        return points
    from_road = points[:, 0] - road_easting(world, points[:, 1])
    if from_road[-1] > 0:
        points = points[int(np.argmax(from_road > 0)) :]
    start = np.array([[road_easting(world, points[:1, 1])[0], points[0, 1]]])
    return np.vstack([start, points])


def _settlements(world: World, inland: float) -> list[Patch]:
    rng = world.rng("settlements")
    spacing, radius = world.scaled(3800.0, 0.3), world.scaled(230.0, 0.026)
    count = max(int(world.width_m / spacing), 1)
    steps = (np.arange(count) + 0.5 + rng.uniform(-0.25, 0.25, count)) / count
    northings = world.north - world.width_m * steps
    places = list(np.column_stack([road_easting(world, northings), northings]))
    mouths = [stream for stream in streams_of(world) if stream.mouth == "sea" and not stream.west]
    angles = [float(layout.seen_from_sea(world, stream.points[-1:])[0]) for stream in mouths[: max(count // 5, 1)]]
    # Beside the mouths, not in them, and where the coast road passes; a world without streams to the sea has one too.
    angles = [min(max(angle, 0.15), 1.4) + 0.03 for angle in angles or [0.8]]
    places += list(layout.coast_points(world, np.array(angles), inland))
    return [_patch(rng, place, radius * rng.uniform(0.7, 1.3), 0.16) for place in places]


def _hamlets(world: World, roads: list[Road]) -> list[Patch]:
    """Return a few houses beside some of the roads up the valleys, not far from where these begin."""
    rng = world.rng("hamlets")
    radius = world.scaled(110.0, 0.016)
    hamlets = []
    for road in roads[2:]:
        chosen, along, size = rng.random(3)
        if chosen < _HAMLETS:
            place = road.points[int((0.2 + 0.4 * along) * (road.points.shape[0] - 1))]
            hamlets.append(_patch(rng, place, radius * (0.7 + 0.6 * size), 0.2))
    return hamlets


def _lakes(world: World, roads: list[Road]) -> list[Patch]:
    """Return lakes on the flood plain across the river from the highway, and on the plain behind the coast."""
    rng = world.rng("lakes")
    radius = world.scaled(210.0, 0.022)
    roadside = cKDTree(np.vstack([road.points for road in roads]))
    lakes = []
    for part in range(max(round(world.width_m / 30_000.0), 1)):
        for place_of in (_by_river, _by_coast):
            size = radius * rng.uniform(0.75, 1.25)
            parts = (part + rng.uniform(0.05, 0.95, 30)) * 30_000.0 / max(world.width_m, 30_000.0)
            places = place_of(world, parts)
            dry = roadside.query(places)[0] > 1.6 * size
            # Where every place has a road, the lake lies by the first; the road crosses it on a dam.
            lakes.append(_patch(rng, places[int(np.argmax(dry))], size, 0.14))
    return lakes


def _by_river(world: World, parts: NDArray[np.float64]) -> Points:
    northings = world.north - world.width_m * np.minimum(parts, 0.97)
    return np.column_stack([layout.valley_easting(world, northings) - 0.72 * valley_half_width_m(world), northings])


def _by_coast(world: World, parts: NDArray[np.float64]) -> Points:
    return layout.coast_points(world, np.clip(parts, 0.1, 0.9) * math.pi / 2, world.scaled(950.0, 0.075))


def _patch(rng: np.random.Generator, place: Points, radius: float, swing: float) -> Patch:
    number = np.arange(1, 7)
    waves = np.stack([swing * rng.uniform(0.4, 1.0, 6) / np.sqrt(number), rng.uniform(0, 2 * math.pi, 6)])
    return Patch((float(place[0]), float(place[1])), radius, waves)
