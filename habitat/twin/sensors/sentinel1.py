"""One block of a terrain-corrected Sentinel-1 scene: gamma0 of VV and VH as linear power, with speckle."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.twin.land.landscape import Cover, Field, Landscape
from habitat.twin.land.vegetation import Ground
from habitat.twin.noise import fractal, hashed, white
from habitat.twin.sensors.backscatter import Echoes, Table, Wetness, echoes_of
from habitat.twin.sensors.shots import Block, Scene
from habitat.twin.world import RESOLUTION_M, Window, World

BANDS = ("vv", "vh")
"""Asset keys."""
NODATA = -32768.0
"""Value of pixels that radar does not see: in layover and in radar shadow."""
LOOKS = 6.0
"""Independent looks of a pixel of 10 m: 4.4 of the ground range product, and what resampling on terrain averages."""

_MARGIN = 1
_EDGE_DEGREES = 2.0
_HALF_STEP = 1 << 11
"""Powers are rounded to 0.002 dB: noise in the last bits would make the files half as large again."""
_WAVES_M = 1800.0
_SCENE_SPREAD = 0.05
_WATER, _BUILT, _FIELD = int(Cover.WATER), int(Cover.BUILT), int(Cover.FIELD)

_ZERO, _ONE, _TWO = np.float32(0), np.float32(1), np.float32(2)
_UNSEEN = np.float32(NODATA)
_SLOPE_LEFT = np.float32(0.5)
"""Share of the light and shade of slopes that terrain correction leaves [1]."""
_WAVES, _GRAIN, _WALLS, _FURROWS = (np.float32(value) for value in (0.22, 0.06, 0.55, 0.36))
"""How much power differs among places of one kind: on water, on land, in settlements, from field to field [1]."""
_GROWN_M, _DENSE = np.float32(12), np.float32(1.15)
_SCORCHED_DAYS, _SCORCHED = np.float32(200), np.float32(0.10)
_LEAST = np.float32(1e-4)


class _Numbers(NamedTuple):
    """What holds for a whole scene, for compiled loops."""

    towards_east: float
    towards_north: float
    towards_up: float
    aside_east: float
    aside_north: float
    layover: float
    shadow: float
    gain_vv: float
    gain_vh: float
    parcels: int


class _Tables(NamedTuple):
    """Echoes of one state of the weather, for compiled loops."""

    ground: Table
    dormant: Table
    crowns: Table
    evergreen: Table
    wet_snow: Table
    kind: NDArray[np.int64]
    open_materials: NDArray[np.int64]


class _Land(NamedTuple):
    """Fields of the drawn window that matter to radar, for compiled loops."""

    cover: NDArray[np.uint8]
    canopy: Field
    tree_height: Field
    evergreen: Field
    green_leaf: Field
    snow: Field
    severity: Field
    since_fire: Field
    rise_east: Field
    rise_north: Field
    grain: Field
    parcel: NDArray[np.uint16]
    waves: Field


def draw_block(
    world: World,
    scene: Scene,
    block: tuple[int, int, int, int],
    landscape: Landscape,
    ground: Ground,
    wetness: Wetness | float,
) -> Block:
    """Draw the pixels of one block of a scene.

    Parameters
    ----------
    world : World
        The twin.
    scene : Scene
        What is drawn: its frame and its pass.
    block : tuple of int
        Row, column, rows and columns in the frame's pixels of 10 m, as from `frames.blocks_of`.
    landscape : Landscape
        Land of a window that holds the block, at 10 m.
    ground : Ground
        What covers the same window on the day.
    wetness : Wetness or float
        Weather as `backscatter.wetness_on` tells it; a number is the wetness of the soil on a mild, dry, calm day.

    Returns
    -------
    Block
        ``vv`` and ``vh`` (float32), gamma0 as linear power; `NODATA` where radar does not see.
    """
    window = _window_of(world, scene, block)
    state = wetness if isinstance(wetness, Wetness) else Wetness(soil=wetness)
    at = window.row - landscape.window.row, window.column - landscape.window.column
    land = _land(world, scene, landscape, ground)
    out = np.empty((2, window.rows, window.columns), np.float32)
    _fill(out, at, np.ascontiguousarray(ground.shares), _tables(echoes_of(state)), land, _numbers(world, scene))
    for number, band in enumerate(BANDS):
        noise = white(world.key("speckle", band, scene.overpass.when.isoformat()), window.grown(_MARGIN), RESOLUTION_M)
        _speckle(out[number], noise, np.float32(LOOKS))
    bits = out.view(np.uint32)
    bits += np.uint32(_HALF_STEP)
    bits &= np.uint32(~(2 * _HALF_STEP - 1) & 0xFFFFFFFF)
    return Block({band: out[number] for number, band in enumerate(BANDS)})


def _window_of(world: World, scene: Scene, block: tuple[int, int, int, int]) -> Window:
    row, column, rows, columns = block
    down = round((world.north - scene.frame.north) / RESOLUTION_M)
    right = round((scene.frame.west - world.west) / RESOLUTION_M)
    return Window(row + down, column + right, rows, columns)


def _land(world: World, scene: Scene, landscape: Landscape, ground: Ground) -> _Land:
    stand = ground.stand
    if (stand.cover == _WATER).any():
        eastings, northings = world.coordinates(landscape.window)
        key = world.key("waves", scene.overpass.when.isoformat())
        waves = fractal(key, eastings, northings, _WAVES_M, octaves=3, roughness=0.6)
    else:
        waves = np.broadcast_to(np.float32(0), stand.cover.shape)
    # One layout in memory: compiled loops are made for each.
    plain = np.ascontiguousarray
    return _Land(
        plain(stand.cover),
        plain(stand.canopy),
        plain(stand.tree_height),
        plain(stand.evergreen),
        plain(ground.green_leaf),
        plain(ground.snow),
        plain(stand.severity),
        plain(stand.days_since_fire),
        plain(landscape.rise_east),
        plain(landscape.rise_north),
        plain(landscape.grain),
        plain(landscape.parcel),
        plain(waves),
    )


def _tables(echoes: Echoes) -> _Tables:
    lying_open = np.flatnonzero(echoes.ground[:, 0])
    return _Tables(
        echoes.ground, echoes.dormant, echoes.crowns, echoes.evergreen, echoes.wet_snow, echoes.kind, lying_open
    )


def _numbers(world: World, scene: Scene) -> _Numbers:
    one = scene.overpass
    zenith, azimuth = math.radians(one.view_zenith), math.radians(one.view_azimuth)
    # Dew, sap and amplifiers: what no weather here tells differs a little from pass to pass.
    gains = 1 + _SCENE_SPREAD * world.rng("radar gain", one.when.isoformat()).standard_normal(2)
    edge = math.radians(_EDGE_DEGREES)
    return _Numbers(
        math.sin(zenith) * math.sin(azimuth),
        math.sin(zenith) * math.cos(azimuth),
        math.cos(zenith),
        math.sin(azimuth),
        math.cos(azimuth),
        math.tan(zenith - edge),
        -math.tan(math.pi / 2 - zenith - edge),
        float(gains[0]),
        float(gains[1]),
        world.key("tillage", one.when.year) & 0x7FFFFFFF,
    )


@njit(nogil=True, cache=True)
def _fill(out, at, shares, tables, land, numbers):  # type: ignore[no-untyped-def]
    """Put the power without speckle into `out` (2, y, x), row by row."""
    columns = out.shape[2]
    first, last = at[1], at[1] + columns
    total, factor = np.empty(columns, np.float32), np.empty(columns, np.float32)
    for i in range(out.shape[1]):
        row = i + at[0]
        cover, snow = land.cover[row, first:last], land.snow[row, first:last]
        slopes = land.rise_east[row, first:last], land.rise_north[row, first:last]
        crowns = (
            land.canopy[row, first:last],
            land.tree_height[row, first:last],
            land.evergreen[row, first:last],
            land.green_leaf[row, first:last],
            land.severity[row, first:last],
            land.since_fire[row, first:last],
        )
        places = land.grain[row, first:last], land.parcel[row, first:last], land.waves[row, first:last]
        _texture(factor, cover, places, numbers.parcels)
        _light_slopes(factor, slopes, numbers)
        for band in range(2):
            line = out[band, i]
            _ground_echo(line, total, shares[:, row, first:last], tables, band)
            _under_snow(line, total, cover, snow, tables, band)
            _add_crowns(line, cover, snow, crowns, tables, band)
            _see(line, factor, np.float32(numbers.gain_vv if band == 0 else numbers.gain_vh))


@njit(nogil=True, cache=True)
def _ground_echo(line, total, shares, tables, band):  # type: ignore[no-untyped-def]
    """Put the power of what lies open into `line`, and the share of the pixel that does into `total`."""
    line[:] = _ZERO
    total[:] = _ZERO
    for k in range(tables.open_materials.shape[0]):
        material = tables.open_materials[k]
        share, power = shares[material], tables.ground[material, band]
        for j in range(line.shape[0]):
            total[j] += share[j]
            line[j] += share[j] * power


@njit(nogil=True, cache=True)
def _under_snow(line, total, cover, snow, tables, band):  # type: ignore[no-untyped-def]
    wet = tables.wet_snow[0, band] - _ONE
    for j in range(line.shape[0]):
        # A trace of what usually lies there, where crowns hide the ground from above.
        hidden = snow[j] + _LEAST
        power = line[j] + hidden * tables.dormant[cover[j], band]
        line[j] = power * (_ONE + snow[j] * wet) / (total[j] + hidden)


@njit(nogil=True, cache=True)
def _add_crowns(line, cover, snow, crowns, tables, band):  # type: ignore[no-untyped-def]
    """Mix the ground's power in `line` with that of crowns: low ones let more of the ground through."""
    canopy, height, evergreen, green_leaf, severity, since_fire = crowns
    wet, needles = tables.wet_snow[1, band] - _ONE, tables.evergreen[band]
    for j in range(line.shape[0]):
        kind = tables.kind[cover[j]]
        leafless = tables.crowns[kind, 1, band]
        echo = leafless + green_leaf[j] * (tables.crowns[kind, 0, band] - leafless)
        echo += evergreen[j] * (needles - echo)
        if since_fire[j] < _SCORCHED_DAYS:
            echo *= _ONE - _SCORCHED * severity[j]
        echo *= _ONE + snow[j] * wet
        grown = min(height[j] / _GROWN_M, _ONE)
        closed = min(_DENSE * canopy[j], _ONE) * grown * (_TWO - grown)
        line[j] += closed * (echo - line[j])


@njit(nogil=True, cache=True)
def _see(line, factor, gain):  # type: ignore[no-untyped-def]
    for j in range(line.shape[0]):
        line[j] = line[j] * factor[j] * gain if factor[j] > _ZERO else _UNSEEN


@njit(nogil=True, cache=True)
def _texture(factor, cover, places, furrows):  # type: ignore[no-untyped-def]
    """Put how much stronger a place sends back than its kind into `factor`: waves, walls, furrows, crowns."""
    grain, parcel, waves = places
    for j in range(factor.shape[0]):
        brightness = min(max(grain[j], np.float32(-3)), np.float32(3))
        if cover[j] == _WATER:
            factor[j] = max(_ONE + _WAVES * waves[j], np.float32(0.3))
        elif cover[j] == _BUILT:
            factor[j] = np.float32(math.exp(_WALLS * brightness))
        elif cover[j] == _FIELD:
            bits = hashed(np.uint32(furrows), np.int32(parcel[j]), np.int32(8))
            share = np.float32(bits >> np.uint32(8)) * np.float32(1 / 2**24)
            factor[j] = (_ONE + _GRAIN * brightness) * (_ONE + _FURROWS * (share - np.float32(0.5)))
        else:
            factor[j] = _ONE + _GRAIN * brightness


@njit(nogil=True, cache=True)
def _light_slopes(factor, slopes, numbers):  # type: ignore[no-untyped-def]
    """Multiply with what terrain correction leaves of a slope's effect; -1 in layover and shadow."""
    rise_east, rise_north = slopes
    aside_east, aside_north = np.float32(numbers.aside_east), np.float32(numbers.aside_north)
    layover, shadow = np.float32(numbers.layover), np.float32(numbers.shadow)
    towards_east = np.float32(numbers.towards_east / numbers.towards_up)
    towards_north = np.float32(numbers.towards_north / numbers.towards_up)
    for j in range(factor.shape[0]):
        east, north = rise_east[j], rise_north[j]
        lit = (_ONE - east * towards_east - north * towards_north) / math.sqrt(_ONE + east * east + north * north)
        factor[j] *= max(_ONE + _SLOPE_LEFT * (lit - _ONE), np.float32(0.25))
        facing = -(east * aside_east + north * aside_north)
        if facing > layover or facing < shadow:
            factor[j] = -_ONE


@njit(nogil=True, cache=True)
def _speckle(power, noise, looks):  # type: ignore[no-untyped-def]
    """Multiply power by gamma noise that is alike in neighbours, as a satellite's resolution is twice its pixels.

    The cube of a normal number is nearly a gamma number (Wilson and Hilferty 1931).
    """
    middle = _ONE - _ONE / (np.float32(9) * looks)
    # The weights 1 2 1 both ways have 36 as the sum of their squares.
    scale = _ONE / (np.float32(3) * np.float32(math.sqrt(looks)) * np.float32(6))
    for i in range(power.shape[0]):
        line, a, b, c = power[i], noise[i], noise[i + 1], noise[i + 2]
        for j in range(power.shape[1]):
            if line[j] != _UNSEEN:
                left = a[j] + _TWO * b[j] + c[j]
                centre = a[j + 1] + _TWO * b[j + 1] + c[j + 1]
                right = a[j + 2] + _TWO * b[j + 2] + c[j + 2]
                root = middle + scale * (left + _TWO * centre + right)
                line[j] *= max(root * root * root, _LEAST)
