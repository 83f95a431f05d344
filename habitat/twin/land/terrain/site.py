"""What a place is like before anything grows on it: height, slope, valley floor, and how far water and people are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from habitat.twin.land.terrain import layout
from habitat.twin.land.terrain.lines import Pieces, Points, beside
from habitat.twin.land.terrain.people import ROAD_WIDTH_M, Patch, people_of
from habitat.twin.land.terrain.relief import Relief, at_places, relief_of
from habitat.twin.land.terrain.streams import streams_of
from habitat.twin.noise import Field, fractal
from habitat.twin.world import World

WATER_REACH_M = 400.0
"""Distance from running water is cut off here [m]."""
ROAD_REACH_M = 300.0
"""Distance from roads is cut off here [m]."""
_NARROWEST_M = 9.0
"""Width of the narrowest streams that are seen from above [m]; crowns close over others."""
_ROUGHNESS = 0.028
"""Standard deviation of the ground's small forms on a slope of 1, per metre of their length."""


@dataclass(frozen=True, eq=False)
class Site:
    """What a window's places are like; fields (y, x)."""

    eastings: NDArray[np.float64]
    """Pixel centres (x,) [m]."""
    northings: NDArray[np.float64]
    """Pixel centres (y,) [m]."""
    elevation: Field
    """Height above the sea [m]."""
    rise_east: Field
    """Rise of the ground towards the east [1]."""
    rise_north: Field
    """Rise of the ground towards the north [1]."""
    height: Field
    """Height between the sea (0) and the world's highest summit (1)."""
    floor: Field
    """Distance from the nearest stream in half widths of its valley floor [1]."""
    floor_width: Field
    """Half the width of that valley floor [m]."""
    from_coast: Field
    """Distance from the coast [m], negative in the sea."""
    from_water: Field
    """Distance from the edge of running water [m], negative in it."""
    from_road: Field
    """Distance from the edge of the nearest road [m], negative on it."""
    from_settlement: Field
    """Distance from the outline of the nearest settlement [m], negative in it."""
    from_lake: Field
    """Distance from the shore of the nearest lake [m], negative in it."""


def site_at(world: World, eastings: NDArray[np.float64], northings: NDArray[np.float64], resolution_m: float) -> Site:
    """Return what evenly spaced places are like: eastings (x,) and northings (y,), north first [m]."""
    relief, people = relief_of(world), people_of(world)
    grown = _grown(eastings, resolution_m), _grown(northings, -resolution_m)
    elevation = _elevation(world, relief, *grown, resolution_m)
    inner = np.ascontiguousarray(elevation[1:-1, 1:-1])
    places = eastings, northings
    return Site(
        eastings,
        northings,
        inner,
        rise_east=(elevation[1:-1, 2:] - elevation[1:-1, :-2]) / np.float32(2 * resolution_m),
        rise_north=(elevation[:-2, 1:-1] - elevation[2:, 1:-1]) / np.float32(2 * resolution_m),
        height=np.clip(inner / np.float32(relief.top(world)), 0, 1),
        floor=at_places(world, relief.floor, *places),
        floor_width=at_places(world, relief.floor_width, *places),
        from_coast=_from_coast(world, *places),
        from_water=beside(_water_pieces(world, resolution_m), *places, WATER_REACH_M),
        from_road=beside(_road_pieces(world, resolution_m), *places, ROAD_REACH_M),
        from_settlement=_from_patches(people.settlements, *places),
        from_lake=_from_patches(people.lakes, *places),
    )


def _grown(places: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    return np.concatenate([[places[0] - step], places, [places[-1] + step]])


def _from_coast(world: World, eastings: NDArray[np.float64], northings: NDArray[np.float64]) -> Field:
    away: Field = layout.above_coast(world, eastings[None, :], northings[:, None]).astype(np.float32)
    return away


def _elevation(
    world: World,
    relief: Relief,
    eastings: NDArray[np.float64],
    northings: NDArray[np.float64],
    resolution_m: float,
) -> Field:
    """Return heights [m]: what water has carved, and small spurs and gullies where it is steep."""
    wide = _grown(eastings, resolution_m), _grown(northings, -resolution_m)
    carved = at_places(world, relief.height, *wide)
    slope = np.hypot(carved[1:-1, 2:] - carved[1:-1, :-2], carved[2:, 1:-1] - carved[:-2, 1:-1])
    slope /= np.float32(2 * resolution_m)
    wave = 4.0 * relief.lattice.spacing
    small = fractal(world.key("gullies"), eastings, northings, wave, octaves=4, roughness=0.42)
    small *= np.float32(_ROUGHNESS * wave)
    small *= slope
    small += carved[1:-1, 1:-1]
    np.maximum(small, np.float32(0.3), out=small)
    small[layout.above_coast(world, eastings[None, :], northings[:, None]) <= 0] = 0.0
    return small


@lru_cache(maxsize=4)
def _water_pieces(world: World, resolution_m: float) -> Pieces:
    margin = 0.05 * world.width_m
    northings = np.arange(world.north + margin, world.north - world.width_m - margin, -world.scaled(25.0, 0.004))
    river = np.column_stack([layout.river_easting(world, northings), northings])
    lines: list[tuple[Points, float | NDArray[np.float64]]] = [(river, great_river_half_width_m(world))]
    for stream in streams_of(world):
        seen = stream.half_width >= _NARROWEST_M / 2
        if seen.any():
            first = int(np.argmax(seen))
            lines.append((stream.points[first:], np.maximum(stream.half_width[first:], 0.5 * resolution_m)))
    return Pieces.of(lines)


def great_river_half_width_m(world: World) -> float:
    """Return half the width of the great river's water [m]."""
    return max(world.scaled(40.0, 0.0017), 9.0)


@lru_cache(maxsize=4)
def _road_pieces(world: World, resolution_m: float) -> Pieces:
    # A road is never narrower than a pixel, or coarse pixels would show it in dots.
    return Pieces.of((road.points, max(ROAD_WIDTH_M[road.kind], resolution_m) / 2) for road in people_of(world).roads)


def _from_patches(patches: Sequence[Patch], eastings: NDArray[np.float64], northings: NDArray[np.float64]) -> Field:
    """Return the distance from the outline of the nearest patch, along the line to its middle [m]."""
    out = np.full((northings.size, eastings.size), WATER_REACH_M, np.float32)
    for patch in patches:
        reach = WATER_REACH_M + 2 * patch.radius
        columns = np.flatnonzero(np.abs(eastings - patch.centre[0]) < reach)
        rows = np.flatnonzero(np.abs(northings - patch.centre[1]) < reach)
        if rows.size and columns.size:
            part = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            right = eastings[None, part[1]] - patch.centre[0]
            up = northings[part[0], None] - patch.centre[1]
            angle = np.arctan2(up, right)
            away = np.hypot(right, up) - patch.outline_radius(angle.ravel()).reshape(angle.shape)
            out[part] = np.minimum(out[part], away.astype(np.float32))
    return out
