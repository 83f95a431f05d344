"""The air over a window at one overpass: clouds and the shadows they throw, haze, cirrus and the smoke of fires."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.twin.land.events import Fire, History
from habitat.twin.land.landscape import Field
from habitat.twin.noise import fractal, ramp
from habitat.twin.sensors.shots import Overpass, Sky, Sun
from habitat.twin.world import RESOLUTION_M, Window, World

_Places = tuple[NDArray[np.float64], NDArray[np.float64]]

CLOUDY = 0.3
"""Opacity from which ground counts as under cloud [1]: an overpass' share of cloud is the share of such ground."""


_CLOUD_STEP = 2
_SMOOTH_STEP = 6
_SAMPLES = 64
_PARALLAX_LIMIT = 40.0
_LOWEST_SUN = 12.0
_SMOULDERS_H = 4.0
_GLOWS_H = 30.0
_MOST_SOURCES = 48
_SOURCE_CELLS = 8
_FULL_SOURCE = 48.0
_FIRE_CELL_M = 20.0


class _Clouds(NamedTuple):
    """The clouds of one overpass."""

    key: int
    share: float
    large_m: float
    """Wavelength of the fields the clouds stand in [m]."""
    small_m: float
    """Wavelength of the clouds [m]."""
    large: float
    """Part of the large waves in the whole [1]."""
    stretch: float
    turn: float
    roughness: float
    level: float
    """Value of the noise at the clouds' edges."""
    fringe: float
    """Width of the edges [standard deviations of the noise]."""
    height_m: float
    """Of the clouds above ground [m]."""


@dataclass(frozen=True, eq=False)
class Smoke:
    """Where fires smoke at one moment."""

    sources: NDArray[np.float32]
    """Easting, northing [m] and strength [1] (source, 3)."""
    wind_east: float
    """Eastward part of the direction the smoke drifts in [1]."""
    wind_north: float
    """Northward part [1]."""


def sky_over(world: World, overpass: Overpass, window: Window, sun: Sun, *, smoke: Smoke | None = None) -> Sky:
    """Draw the air of one overpass over one window.

    Two processings of one acquisition see the same air; satellites minutes apart need not.

    Parameters
    ----------
    world : World
        The twin.
    overpass : Overpass
        When it was, and its shares of cloud and cirrus and strength of haze. A share of cloud of 1 is a closed deck.
    window : Window
        Where; it may reach past the world.
    sun : Sun
        Throws the shadows.
    smoke : Smoke or None
        From `smoke_at`.

    Returns
    -------
    Sky
        At 10 m. Shadows lie where the cloud towards the sun shades the ground, never under cloud itself.
    """
    clouds = _clouds_of(world, overpass)
    cloud = _opacity(world, clouds, window, (0.0, 0.0))
    shadow = np.zeros_like(cloud)
    if clouds.share > 0:
        shadow = _opacity(world, clouds, window, _throw(clouds.height_m, sun, overpass))
        _shade(shadow, cloud)
    return Sky(
        cloud,
        shadow,
        _haze(world, overpass, window),
        _cirrus(world, overpass, window),
        np.zeros_like(cloud) if smoke is None else _plumes(world, overpass, window, smoke),
    )


def smoke_at(world: World, history: History, when: datetime) -> Smoke | None:
    """Return where fires smoke at a moment and which way it drifts, or None where nothing burns.

    A place smokes most when the fire comes, and glows on for a day.
    """
    sources = np.concatenate([_sources(world, fire, when) for fire in history.fires] or [np.zeros((0, 3))])
    if not len(sources):
        return None
    strongest = np.argsort(-sources[:, 2], kind="stable")[:_MOST_SOURCES]
    weather = history.weather
    day = int(np.clip(np.searchsorted(weather.days, np.datetime64(when.date())), 0, len(weather.days) - 1))
    middle = tuple(size // 2 for size in weather.wind_from.shape[1:])
    drift = math.radians(float(weather.wind_from[day][middle]) + 180)
    return Smoke(sources[strongest].astype(np.float32), math.sin(drift), math.cos(drift))


def _named(overpass: Overpass) -> tuple[str, str]:
    return overpass.sensor, overpass.when.isoformat()


@lru_cache(maxsize=32)
def _clouds_of(world: World, overpass: Overpass) -> _Clouds:
    """Return the kind of clouds an overpass met: heaps, broken fields, or decks where there is much cloud."""
    rng = world.rng("clouds", *_named(overpass))
    key = world.key("clouds", *_named(overpass))
    spread = rng.random()
    deck = overpass.cloud > 0.35 + 0.5 * rng.random()
    broken = not deck and rng.random() < 0.35
    large_m, small_m, height_m = (
        (12000.0, 3600.0, 900 + 1100 * spread)
        if deck
        else (9000.0, 2600.0, 1100 + 1400 * spread)
        if broken
        else (8000.0, 1500.0, 800 + 1000 * spread)
    )
    clouds = _Clouds(
        key=key,
        share=overpass.cloud,
        large_m=world.scaled(large_m, 0.7),
        small_m=world.scaled(small_m, 0.3),
        large=0.66 if deck else 0.6 if broken else 0.5,
        stretch=1.0 + (1.2 if deck else 0.6) * rng.random(),
        turn=math.pi * rng.random(),
        roughness=0.48 if deck else 0.55,
        level=0.0,
        fringe=1.15 if deck else 0.85,
        # Small worlds get lower clouds, so that cloud and shadow both find room in the picture.
        height_m=world.scaled(height_m, 0.12),
    )
    # Opacity is a half at the level, and falls with the square of the way into the fringe.
    edge = clouds.fringe * (1 - math.sqrt(2 * CLOUDY))
    return clouds._replace(level=_level(_clouded(clouds, *_places(world)), overpass.cloud) + edge)


def _places(world: World) -> _Places:
    """Return a thin sample of the places of the whole world [m]."""
    step = world.width_m / _SAMPLES
    along = (np.arange(_SAMPLES, dtype=np.float64) + 0.5) * step
    return world.west + along, world.north - along


def _level(sample: Field, share: float) -> float:
    """Return the value that a share of the world lies above.

    Noise is normal over many wavelengths, but a world holds few: its own distribution is taken from a thin sample
    of the whole of it, which is the same for every window.
    """
    inside = min(max(share, 0.0), 1.0)
    drawn = float(np.quantile(sample, 1 - inside))
    if 0.5 < inside * sample.size < sample.size - 0.5:
        return drawn
    return NormalDist().inv_cdf(1 - min(max(inside, 1e-6), 1 - 1e-6))


def _clouded(clouds: _Clouds, eastings: NDArray[np.float64], northings: NDArray[np.float64]) -> Field:
    def waves(key: int, wavelength_m: float, octaves: int) -> Field:
        return fractal(
            key,
            eastings,
            northings,
            wavelength_m,
            octaves=octaves,
            roughness=clouds.roughness,
            stretch=clouds.stretch,
            turn=clouds.turn,
        )

    field = waves(clouds.key, clouds.large_m, 3)
    field *= np.float32(clouds.large)
    field += np.float32(math.sqrt(1 - clouds.large**2)) * waves(clouds.key + 1, clouds.small_m, 6)
    return field


def _coarse(world: World, window: Window, step: int, moved: tuple[float, float] = (0.0, 0.0)) -> _Places:
    """Return the centres [m] of coarse pixels that enclose a window, on a lattice that belongs to the world."""
    first, last = _spread_range(window.column, window.columns, step)
    top, bottom = _spread_range(window.row, window.rows, step)
    edge = step * RESOLUTION_M
    eastings = world.west - moved[0] + (np.arange(first, last, dtype=np.float64) + 0.5) * edge
    northings = world.north - moved[1] - (np.arange(top, bottom, dtype=np.float64) + 0.5) * edge
    return eastings, northings


def _spread_range(start: int, count: int, step: int) -> tuple[int, int]:
    return start // step - 1, -(-(start + count) // step) + 1


def _spread(coarse: Field, window: Window, step: int) -> Field:
    """Return a coarse field at 10 m, straight lines between its pixels."""
    out = np.empty((window.rows, window.columns), np.float32)
    rows, columns = (
        (np.arange(start, start + count) + 0.5) / step - 0.5 - _spread_range(start, count, step)[0]
        for start, count in ((window.row, window.rows), (window.column, window.columns))
    )
    _interpolate(out, coarse, rows, columns)
    return out


@njit(nogil=True, cache=True)
def _interpolate(out, coarse, rows, columns):  # type: ignore[no-untyped-def]
    width = coarse.shape[1]
    mixed = np.empty(width, np.float32)
    left = np.empty(columns.shape[0], np.int32)
    share = np.empty(columns.shape[0], np.float32)
    for j in range(columns.shape[0]):
        left[j] = np.int32(math.floor(columns[j]))
        share[j] = np.float32(columns[j] - left[j])
    for i in range(rows.shape[0]):
        above = math.floor(rows[i])
        down = np.float32(rows[i] - above)
        upper, lower, line = coarse[above], coarse[above + 1], out[i]
        for j in range(width):
            mixed[j] = upper[j] + down * (lower[j] - upper[j])
        for j in range(columns.shape[0]):
            at = left[j]
            line[j] = mixed[at] + share[j] * (mixed[at + 1] - mixed[at])


def _opacity(world: World, clouds: _Clouds, window: Window, moved: tuple[float, float]) -> Field:
    if clouds.share <= 0:
        return np.zeros((window.rows, window.columns), np.float32)
    field = _spread(_clouded(clouds, *_coarse(world, window, _CLOUD_STEP, moved)), window, _CLOUD_STEP)
    if clouds.share >= 1:
        deck: Field = np.clip(np.float32(0.84) + np.float32(0.04) * field, 0.7, 0.95).astype(np.float32)
        return deck
    _thicken(field, np.float32(clouds.level), np.float32(clouds.fringe))
    return field


@njit(nogil=True, cache=True)
def _thicken(field, level, fringe):  # type: ignore[no-untyped-def]
    """Turn noise into opacity in place: half at the level, thin below it, and slowly more above."""
    half, one = np.float32(0.5), np.float32(1)
    for i in range(field.shape[0]):
        line = field[i]
        for j in range(field.shape[1]):
            inside = (line[j] - level) / fringe
            below = min(max(one + inside, np.float32(0)), one)
            above = max(inside, np.float32(0)) * np.float32(0.9)
            line[j] = half * below * below + half * above / (one + above)


def _throw(height_m: float, sun: Sun, overpass: Overpass) -> tuple[float, float]:
    """Return how far east and north [m] of a cloud's place in the picture its shadow lies.

    Clouds are seen shifted away from a satellite that looks aslant, and their shadows fall away from the sun.
    """
    away = height_m / math.tan(math.radians(max(sun.elevation, _LOWEST_SUN)))
    lean = height_m * math.tan(math.radians(min(overpass.view_zenith, _PARALLAX_LIMIT)))
    sunward, seen_from = math.radians(sun.azimuth), math.radians(overpass.view_azimuth)
    east = -away * math.sin(sunward) + lean * math.sin(seen_from)
    north = -away * math.cos(sunward) + lean * math.cos(seen_from)
    return east, north


@njit(nogil=True, cache=True)
def _shade(shadow, cloud):  # type: ignore[no-untyped-def]
    """Turn the opacity of the cloud towards the sun into depth of shadow, in place; none under cloud itself."""
    one = np.float32(1)
    for i in range(shadow.shape[0]):
        for j in range(shadow.shape[1]):
            # Cloud takes the sun's own beam away well before it looks white from above.
            through = one - shadow[i, j]
            shadow[i, j] = (one - through * through) * (one - cloud[i, j])


def _haze(world: World, overpass: Overpass, window: Window) -> Field:
    if overpass.haze <= 0:
        return np.zeros((window.rows, window.columns), np.float32)
    key = world.key("haze", *_named(overpass))
    coarse = fractal(key, *_coarse(world, window, _SMOOTH_STEP), world.scaled(12000.0, 0.8), octaves=3)
    milky = np.clip(np.float32(0.8) + np.float32(0.35) * coarse, 0.15, 1.6) * np.float32(overpass.haze)
    return _spread(milky.astype(np.float32), window, _SMOOTH_STEP)


def _cirrus(world: World, overpass: Overpass, window: Window) -> Field:
    if overpass.cirrus <= 0:
        return np.zeros((window.rows, window.columns), np.float32)
    level, coarse = _streaks(world, overpass, _coarse(world, window, _SMOOTH_STEP))
    # Cirrus fades out slowly: its share counts what is a third as strong as the thickest.
    return _spread(ramp(coarse, level - 0.8, level + 1.6), window, _SMOOTH_STEP)


def _streaks(world: World, overpass: Overpass, places: _Places) -> tuple[float, Field]:
    key = world.key("cirrus", *_named(overpass))
    turn = math.pi * float(world.rng("cirrus", *_named(overpass)).random())
    wavelength = world.scaled(5000.0, 0.35)
    drawn, sample = (
        fractal(key, *where, wavelength, octaves=5, roughness=0.55, stretch=4.0, turn=turn)
        for where in (places, _places(world))
    )
    return _level(sample, overpass.cirrus), drawn


def _sources(world: World, fire: Fire, when: datetime) -> NDArray[np.float64]:
    """Return the places of one fire that smoke (source, 3), the burning cells put together in blocks of 160 m."""
    hours = (when - fire.start).total_seconds() / 3600
    burning = hours - fire.arrival_h
    if hours < 0 or not ((burning >= 0) & (burning < _GLOWS_H)).any():
        return np.zeros((0, 3))
    fresh = np.where((burning >= 0) & (burning < _GLOWS_H), np.exp(-np.maximum(burning, 0) / _SMOULDERS_H), 0)
    rows, columns = fresh.shape
    padded = np.pad(fresh, ((0, -rows % _SOURCE_CELLS), (0, -columns % _SOURCE_CELLS)))
    blocks = padded.reshape(padded.shape[0] // _SOURCE_CELLS, _SOURCE_CELLS, -1, _SOURCE_CELLS).sum(axis=(1, 3))
    down, right = np.nonzero(blocks > 0.05)
    edge = _SOURCE_CELLS * _FIRE_CELL_M
    east = world.west + fire.column * _FIRE_CELL_M + (right + 0.5) * edge
    north = world.north - fire.row * _FIRE_CELL_M - (down + 0.5) * edge
    return np.column_stack([east, north, np.minimum(blocks[down, right] / _FULL_SOURCE, 1.0)])


def _plumes(world: World, overpass: Overpass, window: Window, smoke: Smoke) -> Field:
    eastings, northings = _coarse(world, window, _SMOOTH_STEP)
    coarse = np.zeros((northings.size, eastings.size), np.float32)
    numbers = (smoke.wind_east, smoke.wind_north, world.scaled(9000.0, 0.5), world.scaled(140.0, 0.03))
    _add_plumes(coarse, eastings, northings, smoke.sources, np.array(numbers, np.float64))
    turn = math.atan2(smoke.wind_north, smoke.wind_east)
    billows = fractal(
        world.key("smoke", *_named(overpass)),
        eastings, northings, world.scaled(1500.0, 0.2), octaves=4, stretch=2.0, turn=turn,
    )  # fmt: skip
    coarse *= np.clip(np.float32(0.85) + np.float32(0.4) * billows, 0.1, 2.0)
    return _spread(np.minimum(coarse, np.float32(1)), window, _SMOOTH_STEP)


@njit(nogil=True, cache=True)
def _add_plumes(out, eastings, northings, sources, numbers):  # type: ignore[no-untyped-def]
    """Add a plume for each source: it widens downwind, and what it carries thins out."""
    wind_east, wind_north, reach, narrow = numbers[0], numbers[1], numbers[2], numbers[3]
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total = 0.0
            for k in range(sources.shape[0]):
                east, north = eastings[j] - sources[k, 0], northings[i] - sources[k, 1]
                along = east * wind_east + north * wind_north
                if along < -2 * narrow or along > 4 * reach:
                    continue
                across = east * wind_north - north * wind_east
                ahead = max(along, 0.0)
                width = narrow + 0.13 * ahead
                behind = min(along, 0.0) / narrow
                spread = (across / width) ** 2 + 2 * behind**2
                if spread < 16:
                    total += sources[k, 2] * (narrow / width) ** 0.7 * math.exp(-0.5 * spread - ahead / reach)
            out[i, j] = np.float32(total)
