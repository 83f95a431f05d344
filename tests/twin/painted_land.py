"""Land painted by hand for tests of the sensors: one material a pixel, so that what must come out is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np

from habitat.twin.land.landscape import Cover, Landscape
from habitat.twin.land.vegetation import Ground, Stand
from habitat.twin.materials import MATERIALS
from habitat.twin.noise import white
from habitat.twin.sensors.frames import Drawn, blocks_of, window_of
from habitat.twin.sensors.optics import sun_at
from habitat.twin.sensors.shots import Block, Frame, Overpass, Scene
from habitat.twin.sensors.sky import sky_over
from habitat.twin.world import Size, Window, World

SMALL = World(Size("tiny", 64, 4, 64, overviews=False, first_year=2022, hourly=("2025-04-01", "2025-05-31")), 1)
"""A world of 144 pixels of 10 m."""
LARGE = World(Size("demo", 720, 15, 512, overviews=True, first_year=2022, hourly=("2025-04-01", "2025-05-31")), 1)
"""A world of 1500 pixels of 10 m."""
CROWNS = ("leaves", "fresh_leaves", "autumn_leaves", "needles", "larch_needles", "twigs")
Paint = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Eastings (1, x) and northings (y, 1) to indices of materials (y, x)."""


def only(name: str) -> Paint:
    """Paint everything with one material."""
    return lambda east, north: np.full(np.broadcast_shapes(east.shape, north.shape), MATERIALS.index(name))


def stripes(width_m: float, *names: str) -> Paint:
    """Paint stripes that run north to south."""
    numbers = np.array([MATERIALS.index(name) for name in names])
    return lambda east, north: np.broadcast_to(
        numbers[(east // width_m).astype(int) % len(names)], np.broadcast_shapes(east.shape, north.shape)
    )


def painted(world: World, window: Window, paint: Paint, *, rise: tuple[float, float] = (0.0, 0.0), grain: float = 1.0):
    """Return landscape and ground of a window."""
    eastings, northings = world.coordinates(window)
    kinds = paint(eastings[None, :], northings[:, None])
    shares = np.stack([(kinds == number).astype(np.float32) for number in range(len(MATERIALS))])
    flat = np.zeros(kinds.shape, np.float32)
    crowns = np.isin(kinds, [MATERIALS.index(name) for name in CROWNS]).astype(np.float32)
    landscape = Landscape(
        window=window,
        resolution_m=10.0,
        elevation=flat,
        rise_east=flat + np.float32(rise[0]),
        rise_north=flat + np.float32(rise[1]),
        height=flat,
        cover=np.full(kinds.shape, Cover.OAK, np.uint8),
        canopy=crowns,
        tree_height=flat,
        evergreen=flat,
        parcel=np.zeros(kinds.shape, np.uint16),
        grain=np.float32(grain) * white(7, window, 10.0),
        country=np.ones(kinds.shape, np.uint8),
        to_people=flat,
    )
    stand = Stand(landscape.cover, crowns, flat, flat, flat + np.float32(np.inf), flat, flat + np.float32(np.inf))
    return landscape, Ground(shares, shares[MATERIALS.index("snow")], flat, stand)


def seen(draw, world: World, scene: Scene, paint: Paint, cut=None, **land) -> Block:
    """Draw one block of a scene, by default the first."""
    cut = next(blocks_of(scene.frame)) if cut is None else cut
    window = window_of(world, scene.frame, cut)
    landscape, ground = painted(world, window, paint, **land)
    sun = sun_at(scene.overpass.when, 132.0, 43.35)
    return draw(world, scene, cut, Drawn(landscape, ground, sun, sky_over(world, scene.overpass, window, sun)))


def passing(platform: str = "S2B", when: str = "2025-05-18T02:02:41", **air) -> Overpass:
    """Return a pass."""
    path = {"S": 103, "L": 114}[platform[0]]
    row = 30 if platform[0] == "L" else 0
    return Overpass(platform, datetime.fromisoformat(when).replace(tzinfo=UTC), path, row, **air)


def scene_of(frame: Frame, overpass: Overpass, **more) -> Scene:
    """Return a scene."""
    return Scene(overpass, frame, **more)
