"""The tiles providers cut their pixels into, as far as a twin fills them, and what of the world each block shows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from habitat.contracts.errors import ConfigError
from habitat.twin.land.landscape import Landscape
from habitat.twin.land.vegetation import Ground
from habitat.twin.sensors.shots import Frame, Overpass, Sky, Sun
from habitat.twin.world import BLOCK, CRS, RESOLUTION_M, Window, World, to_degrees

SQUARE_M = 100_000
"""Edge of an MGRS square [m]."""
TILE_M = 109_800
"""Edge of a Sentinel-2 tile [m]: it reaches into its neighbours to the east and south."""
LATTICE_M = 60
"""Tile corners of Sentinel-2 lie on multiples of its coarsest pixels [m]."""
MARGIN = 18
"""By how many pixels of 10 m a drawn window reaches past a block: masks are dilated, images blurred and misplaced."""

_COLUMNS = ("STUVWXYZ", "ABCDEFGH", "JKLMNPQR")
_ROWS = "ABCDEFGHJKLMNPQRSTUV"
_LATITUDE_BANDS = "CDEFGHJKLMNPQRSTUVWX"
_LANDSAT_M = 30.0
_LANDSAT_CORNER_M = 15.0
_ALIGNED = 6
_EDGE_POINTS = 33


class Cut(NamedTuple):
    """A block of a frame, in the frame's finest pixels."""

    row: int
    """First row."""
    column: int
    """First column."""
    rows: int
    """Number of rows."""
    columns: int
    """Number of columns."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """What lies under and over one window of the world when a satellite passes; every field at 10 m."""

    landscape: Landscape
    """The land; its window is the one all parts share."""
    ground: Ground
    """What covers it on the day."""
    sun: Sun
    """Where the sun stands."""
    sky: Sky
    """The air above it."""


def sentinel2_frames(world: World, crs: str) -> list[Frame]:
    """Return the Sentinel-2 tiles that hold a part of the world, cut to the world's box.

    Parameters
    ----------
    world : World
        The twin.
    crs : str
        UTM zone of the tiles, ``EPSG:326NN``: the world's own or a neighbour.

    Raises
    ------
    ConfigError
        If `crs` is no northern UTM zone.

    Examples
    --------
    >>> from habitat.twin.world import world_of
    >>> [frame.tile for frame in sentinel2_frames(world_of("tiny", 1), "EPSG:32652")]
    ['52TGN', '52TGP']
    """
    return list(_tiles(world, crs))


def landsat_frame(world: World, path: int, row: int) -> Frame:
    """Return the part of a WRS-2 scene that holds the world.

    As in real scenes, pixel corners lie at 15 m past multiples of 30 m. Scenes here are delivered in zone 52.

    Examples
    --------
    >>> from habitat.twin.world import world_of
    >>> frame = landsat_frame(world_of("demo", 1), 114, 30)
    >>> frame.tile, frame.west % 30, frame.north % 30
    ('114030', 15.0, 15.0)
    """
    west, south, east, north = _box(world)
    left = math.floor((west - _LANDSAT_CORNER_M) / _LANDSAT_M) * _LANDSAT_M + _LANDSAT_CORNER_M
    top = math.ceil((north - _LANDSAT_CORNER_M) / _LANDSAT_M) * _LANDSAT_M + _LANDSAT_CORNER_M
    rows, columns = math.ceil((top - south) / _LANDSAT_M), math.ceil((east - left) / _LANDSAT_M)
    return Frame(f"{path:03d}{row:03d}", CRS, left, top, rows, columns, _LANDSAT_M)


def radar_frame(world: World) -> Frame:
    """Return the part of a terrain-corrected radar scene that holds the world: such scenes have no tiles."""
    return Frame("", CRS, world.west, world.north, world.pixels, world.pixels)


def blocks_of(frame: Frame) -> Iterator[Cut]:
    """Yield the blocks a frame is drawn in, row by row: about 15 km a side, cut between pixels of 60 m.

    Examples
    --------
    >>> [tuple(cut) for cut in blocks_of(Frame("52TGP", "EPSG:32652", 699960.0, 4900020.0, 3000, 1506))]
    [(0, 0, 1500, 1506), (1500, 0, 1500, 1506)]
    """
    edge = BLOCK * RESOLUTION_M / frame.resolution_m
    tall, wide = (_even_edge(pixels, edge) for pixels in (frame.rows, frame.columns))
    for row in range(0, frame.rows, tall):
        for column in range(0, frame.columns, wide):
            yield Cut(row, column, min(tall, frame.rows - row), min(wide, frame.columns - column))


def window_of(world: World, frame: Frame, cut: tuple[int, int, int, int]) -> Window:
    """Return the window of the world to be drawn for a block, with the margin its neighbours' pixels need.

    It is aligned to pixels of 60 m, and reaches past the world by no more than the margin; where the block shows
    nothing of the world it has no rows or no columns.
    """
    row, column, rows, columns = cut
    step = frame.resolution_m
    west, north = frame.west + column * step, frame.north - row * step
    bounds = west, north - rows * step, west + columns * step, north
    if frame.crs != CRS:
        bounds = _bounds_between(frame.crs, CRS, bounds)
    first_row, first_column = (_down(value) for value in (world.north - bounds[3], bounds[0] - world.west))
    last_row, last_column = (_up(value) for value in (world.north - bounds[1], bounds[2] - world.west))
    first_row, first_column = max(first_row, 0), max(first_column, 0)
    last_row, last_column = min(last_row, world.pixels), min(last_column, world.pixels)
    if last_row <= first_row or last_column <= first_column:
        return Window(first_row, first_column, 0, 0)
    return Window(first_row, first_column, last_row - first_row, last_column - first_column).grown(MARGIN)


def misplaced(world: World, overpass: Overpass, deviation_m: float) -> tuple[float, float]:
    """Return how far south and east [m] of their place the pixels of one acquisition lie; all bands alike."""
    rng = world.rng("misplaced", overpass.platform, overpass.when.isoformat())
    down, right = np.clip(rng.normal(0.0, deviation_m, 2), -3 * deviation_m, 3 * deviation_m)
    return float(down), float(right)


def tile_corner(column: int, row: int) -> tuple[int, int]:
    """Return the upper left corner [m] of the Sentinel-2 tile over a square, given by its lower left corner / 100 km.

    Examples
    --------
    >>> tile_corner(5, 51), tile_corner(6, 49)
    ((499980, 5200020), (600000, 5000040))
    """
    west = column * SQUARE_M // LATTICE_M * LATTICE_M
    north = -(-(row + 1) * SQUARE_M // LATTICE_M) * LATTICE_M
    return west, north


def square_letters(zone: int, column: int, row: int) -> str:
    """Return the two letters of an MGRS square, given by zone and its lower left corner / 100 km.

    References
    ----------
    NGA.STND.0037, The Universal Grids and the Transverse Mercator projection: columns repeat every three zones,
    rows every 2,000 km, five letters on in even zones.

    Examples
    --------
    >>> square_letters(52, 7, 48), square_letters(33, 5, 51)
    ('GP', 'WM')
    """
    shift = 5 if zone % 2 == 0 else 0
    return _COLUMNS[zone % 3][column - 1] + _ROWS[(row + shift) % len(_ROWS)]


def positions(
    world: World, frame: Frame, cut: tuple[int, int, int, int], resolution_m: float, spacing: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where pixels of a block in a neighbour zone lie in the world [10 m pixels from its upper left corner].

    Exact at every `spacing`-th pixel of the whole frame, counted from its corner, so that blocks agree where they meet.

    Returns
    -------
    rows, columns : array (y, x)
        Of the knots that enclose the block's pixel centres.
    """
    factor = round(resolution_m / frame.resolution_m)
    row, column, rows, columns = (value // factor for value in cut)
    down = np.arange(row // spacing, (row + rows - 1) // spacing + 2) * spacing
    right = np.arange(column // spacing, (column + columns - 1) // spacing + 2) * spacing
    eastings, northings = np.meshgrid(
        frame.west + (right + 0.5) * resolution_m, frame.north - (down + 0.5) * resolution_m
    )
    x, y = Transformer.from_crs(frame.crs, CRS, always_xy=True).transform(eastings, northings)
    return (world.north - y) / RESOLUTION_M, (x - world.west) / RESOLUTION_M


def _even_edge(pixels: int, edge: float) -> int:
    """Return a block's edge such that all blocks are about alike: a frame a little over one block wide stays whole."""
    parts = math.ceil(pixels / (1.1 * edge))
    return math.ceil(pixels / parts / _ALIGNED) * _ALIGNED


@lru_cache(maxsize=16)
def _tiles(world: World, crs: str) -> tuple[Frame, ...]:
    zone = _zone(crs)
    west, south, east, north = _box_in(world, crs)
    frames = []
    for column in range(_first_square(west), math.floor(east / SQUARE_M) + 1):
        for row in range(_first_square(south) - 1, math.floor(north / SQUARE_M) + 1):
            left, top = tile_corner(column, row)
            cut_west, cut_north = max(left, west), min(top, north)
            columns = round((min(left + TILE_M, east) - cut_west) / RESOLUTION_M)
            rows = round((cut_north - max(top - TILE_M, south)) / RESOLUTION_M)
            if rows > 0 and columns > 0 and _in_zone(crs, zone, column, row):
                name = _name(crs, zone, column, row)
                frames.append(Frame(name, crs, float(cut_west), float(cut_north), rows, columns))
    return tuple(sorted(frames, key=lambda frame: frame.tile))


def _zone(crs: str) -> int:
    digits = crs.removeprefix("EPSG:326")
    if len(digits) != 2 or not digits.isdigit() or not 1 <= int(digits) <= 60:
        raise ConfigError(f"{crs!r} is no northern UTM zone, wants EPSG:32601 to EPSG:32660")
    return int(digits)


def _box(world: World) -> tuple[float, float, float, float]:
    return world.west, world.north - world.width_m, world.west + world.width_m, world.north


def _box_in(world: World, crs: str) -> tuple[float, float, float, float]:
    """Return west, south, east, north of the world in a zone, snapped outward to pixels of 60 m."""
    west, south, east, north = _box(world)
    if crs != CRS:
        west, south, east, north = _bounds_between(CRS, crs, (west, south, east, north))
    low = (math.floor(value / LATTICE_M) * LATTICE_M for value in (west, south))
    high = (math.ceil(value / LATTICE_M) * LATTICE_M for value in (east, north))
    return (*map(float, low), *map(float, high))  # type: ignore[return-value]


def _bounds_between(
    source: str, target: str, bounds: tuple[float, float, float, float]
) -> tuple[float, float, float, float]:
    found = Transformer.from_crs(source, target, always_xy=True).transform_bounds(*bounds, densify_pts=_EDGE_POINTS)
    return tuple(float(value) for value in found)  # type: ignore[return-value]


def _first_square(edge: float) -> int:
    """Return the first square whose tile may reach past an edge: tiles are nearly 10 km wider than squares."""
    return math.floor((edge - (TILE_M - SQUARE_M)) / SQUARE_M)


def _down(metres: float) -> int:
    return math.floor(metres / RESOLUTION_M / _ALIGNED + 1e-9) * _ALIGNED


def _up(metres: float) -> int:
    return math.ceil(metres / RESOLUTION_M / _ALIGNED - 1e-9) * _ALIGNED


def _in_zone(crs: str, zone: int, column: int, row: int) -> bool:
    """Tell whether a square touches its zone's six degrees of longitude: elsewhere there is no such tile."""
    west, south = column * SQUARE_M, row * SQUARE_M
    box = west, south, west + SQUARE_M, south + SQUARE_M
    first, _, last, _ = _bounds_between(crs, "EPSG:4326", box)
    return first < 6 * zone - 180 and last > 6 * zone - 186


def _name(crs: str, zone: int, column: int, row: int) -> str:
    middle = (column + 0.5) * SQUARE_M, (row + 0.5) * SQUARE_M
    _, latitude = to_degrees(crs).transform(*middle)
    band = _LATITUDE_BANDS[min(int((latitude + 80) // 8), len(_LATITUDE_BANDS) - 1)]
    return f"{zone:02d}{band}{square_letters(zone, column, row)}"
