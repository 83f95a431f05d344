"""What covers the ground on a given day: leaves, needles, litter, grass, char, crops, snow."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.twin.land.clearings import last_clearing
from habitat.twin.land.covering import SHADED_SNOW, SNOW, cover_place
from habitat.twin.land.events import History
from habitat.twin.land.fires import last_fire
from habitat.twin.land.landscape import Cover, Field, Landscape
from habitat.twin.land.phenology import Day, Place
from habitat.twin.land.seasons import Seasons, leaf_fall_day, leaf_out_day, snow_depth, soil_wetness
from habitat.twin.land.succession import Losses, Trees, let_grow
from habitat.twin.materials import MATERIALS
from habitat.twin.noise import fractal, hashed
from habitat.twin.world import Window, World

_DENSITY_WAVE_M, _DENSITY_OCTAVES, _DENSITY_ROUGHNESS = 1200.0, 7, 0.84
_MIDSUMMER = 172
_ICE_DAYS, _ICE_FROM, _ICE_AT = 25, -3.5, -8.0
"""Days whose mean temperature makes ice, and the means [degC] at which it begins and at which all is frozen."""
_SEA_MARK = -1.0
_WATER = Cover.WATER.value


@dataclass(frozen=True, eq=False)
class Stand:
    """Trees as they stand on a day, after all fires and clearings and what grew back; fields (y, x)."""

    cover: NDArray[np.uint8]
    """Values of `Cover`."""
    canopy: Field
    """Crown cover [1]."""
    tree_height: Field
    """[m]"""
    evergreen: Field
    """Share of the crowns that is evergreen [1]."""
    days_since_fire: Field
    """Days since the last fire; infinity where none was."""
    severity: Field
    """Severity of that fire [1]."""
    days_since_clearing: Field
    """Days since the last clearing; infinity where none was."""


@dataclass(frozen=True, eq=False)
class Ground:
    """What covers every pixel of one window on one day."""

    shares: NDArray[np.float32]
    """Share of each material of `habitat.twin.materials.MATERIALS` (material, y, x) [1]; they add up to 1."""
    snow: Field
    """Share seen as snow [1]: also among the shares."""
    green_leaf: Field
    """How far broadleaved trees are in leaf [1]."""
    stand: Stand
    """Trees of the day."""


def stand_on(world: World, landscape: Landscape, history: History, day: date) -> Stand:
    """Return the trees of a day.

    Ground fires leave trees alive and thin their leaves for a summer or two; crown fires and fellings replace them.

    Parameters
    ----------
    world : World
        The world.
    landscape : Landscape
        One window of its land.
    history : History
        Its fires and clearings.
    day : date or datetime
        A date stands for its morning, when satellites come.
    """
    window, resolution = landscape.window, landscape.resolution_m
    since_fire, severity = last_fire(world, history, window, day, resolution)
    crowns = tuple(fire for fire in history.fires if fire.kind == "crown")
    if crowns:
        since_crown, burnt = last_fire(world, replace(history, fires=crowns), window, day, resolution)
    else:
        since_crown, burnt = np.full_like(since_fire, np.inf), np.zeros_like(severity)
    since_clearing, removed, kinds = last_clearing(world, history, window, _date(day), resolution)
    # Kernels are compiled once, for arrays that lie in one piece.
    one_piece = np.ascontiguousarray
    losses = Losses(
        since_fire=one_piece(since_fire),
        severity=one_piece(severity),
        since_crown_fire=one_piece(since_crown),
        crowns_burnt=one_piece(burnt),
        since_clearing=one_piece(since_clearing),
        removed=one_piece(removed),
        clearing=one_piece(kinds),
    )
    before = Trees(landscape.cover, landscape.canopy, landscape.tree_height, landscape.evergreen)
    after = Trees(np.empty_like(before.cover), *(np.empty_like(before.canopy) for _ in range(3)))
    let_grow(after, before, losses)
    return Stand(*after, losses.since_fire, losses.severity, losses.since_clearing)


def ground_on(world: World, landscape: Landscape, history: History, seasons: Seasons, day: date) -> Ground:
    """Return what covers the ground on a day.

    Parameters
    ----------
    world : World
        The world.
    landscape : Landscape
        One window of its land.
    history : History
        Its weather, fires and clearings.
    seasons : Seasons
        From `habitat.twin.land.seasons.seasons_of`.
    day : date or datetime
        Any day of the weather; a date stands for its morning, when satellites come.

    Raises
    ------
    ConfigError
        If the weather does not hold the day.
    """
    today = _date(day)
    stand = stand_on(world, landscape, history, day)
    elevation, of_year = landscape.elevation, today.timetuple().tm_yday
    fields = _Fields(
        *(stand.cover, stand.canopy, stand.evergreen, landscape.canopy, elevation, landscape.grain),
        density=_density(world, landscape.window, landscape.resolution_m),
        parcel=landscape.parcel,
        leaf_out=leaf_out_day(seasons, today.year, elevation, landscape.grain),
        leaf_fall=leaf_fall_day(seasons, today.year, elevation, landscape.grain),
        snow_depth=snow_depth(seasons, today, elevation, landscape.rise_north),
        since_fire=stand.days_since_fire,
        severity=stand.severity,
        since_clearing=stand.days_since_clearing,
    )
    shares = np.zeros((len(MATERIALS), *elevation.shape), np.float32)
    snow, green_leaf = np.empty_like(elevation), np.empty_like(elevation)
    wetness = soil_wetness(history.weather, today)
    # After midsummer it is the coming year's ploughing that shows.
    crops = (world.key("crops"), today.year, today.year + (of_year > _MIDSUMMER + 28))
    _cover_all((shares, snow, green_leaf), fields, _day_of(history, today), wetness, crops)
    return Ground(shares, snow, green_leaf, stand)


def _date(day: date) -> date:
    return day.date() if isinstance(day, datetime) else day


def _day_of(history: History, day: date) -> Day:
    of_year = day.timetuple().tm_yday
    weather = history.weather
    last = int((np.datetime64(day, "D") - weather.days[0]).astype(int))
    before = weather.mean_temperature[max(last - _ICE_DAYS, 0) : last + 1]
    frozen = (float(before.mean()) - _ICE_FROM) / (_ICE_AT - _ICE_FROM)
    low = 0.5 - 0.5 * math.cos(2 * math.pi * (of_year - _MIDSUMMER) / 365)
    return Day(float(of_year), low, min(max(frozen, 0.0), 1.0))


@lru_cache(maxsize=6)
def _density(world: World, window: Window, resolution_m: float) -> Field:
    """Return how dense stands are: mean 0, standard deviation 1, the same every day; not to be written to."""
    field = fractal(
        world.key("density"),
        *world.coordinates(window, resolution_m),
        _DENSITY_WAVE_M,
        octaves=_DENSITY_OCTAVES,
        roughness=_DENSITY_ROUGHNESS,
    )
    field.flags.writeable = False
    return field


class _Fields(NamedTuple):
    """Everything of a window and a day the shares depend on (y, x); as in `Place`."""

    cover: NDArray[np.uint8]
    canopy: Field
    evergreen: Field
    first_canopy: Field
    elevation: Field
    grain: Field
    density: Field
    parcel: NDArray[np.uint16]
    leaf_out: Field
    leaf_fall: Field
    snow_depth: Field
    since_fire: Field
    severity: Field
    since_clearing: Field


@njit(nogil=True, cache=True, error_model="numpy")
def _drawn(key, parcel, year):  # type: ignore[no-untyped-def]
    return hashed(np.uint32(key), parcel, year) / 4294967296.0


@njit(nogil=True, cache=True, error_model="numpy")
def _place(fields, wetness, i, j):  # type: ignore[no-untyped-def]
    canopy, first = fields.canopy[i, j], fields.first_canopy[i, j]
    if fields.cover[i, j] == _WATER:
        canopy = _SEA_MARK if fields.elevation[i, j] <= 0.0 else 0.0
    return Place(
        fields.cover[i, j],
        canopy,
        fields.evergreen[i, j],
        max(1.0 - canopy / first, 0.0) if first > 0.2 else 0.0,
        fields.grain[i, j],
        fields.density[i, j],
        fields.leaf_out[i, j],
        fields.leaf_fall[i, j],
        fields.snow_depth[i, j],
        wetness,
        fields.since_fire[i, j],
        fields.severity[i, j],
        fields.since_clearing[i, j],
    )


@njit(nogil=True, cache=True, error_model="numpy")
def _cover_all(out, fields, day, wetness, crops):  # type: ignore[no-untyped-def]
    """Fill shares, snow and green leaf pixel by pixel."""
    shares, snow, green_leaf = out
    key, year, ploughed_for = crops
    mix = np.zeros(shares.shape[0])
    for i in range(shares.shape[1]):
        for j in range(shares.shape[2]):
            parcel = fields.parcel[i, j]
            draws = (
                _drawn(key, parcel, 0) if parcel % 3 == 0 else _drawn(key, parcel, year),
                _drawn(key + 1, parcel, year),
                _drawn(key + 2, parcel, ploughed_for),
            )
            green_leaf[i, j] = cover_place(mix, _place(fields, wetness, i, j), day, draws)
            # Pages of materials that are nowhere stay untouched, which spares memory.
            for material in range(mix.shape[0]):
                if mix[material] > 0.0:
                    shares[material, i, j] = mix[material]
            snow[i, j] = mix[SNOW] + mix[SHADED_SNOW]
