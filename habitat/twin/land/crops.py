"""What stands in a field on a day: bare soil, stubble, flooded paddy, green or ripe crops, hay."""

from __future__ import annotations

from numba import njit

from habitat.twin.land.phenology import grass_green, rise
from habitat.twin.materials import MATERIALS

_CROPS, _DRY, _GREEN, _SOIL, _MUD, _RIVER, _FRESH = (
    MATERIALS.index(name) for name in ("crops", "dry_grass", "green_grass", "soil", "mud", "river", "fresh_leaves")
)
_PADDY, _SUMMER_CROP, _CEREAL = 0.24, 0.68, 0.82
"""Draws below these grow rice, maize or beans, spring cereals; above, hay."""
_SPRING = 128.0
"""Day of the year on which oaks usually stand half in leaf: farmers follow the same warmth."""


@njit(nogil=True, cache=True, error_model="numpy")
def add_crops(mix, place, day, draws):  # type: ignore[no-untyped-def]
    """Put what stands in a field into `mix`; for compiled loops.

    `draws` are three numbers of the parcel in 0 to 1: what grows there this year, how early, and whether it was
    ploughed after the harvest before.
    """
    kind, early, ploughed = draws
    today = day.of_year - 0.6 * (place.leaf_out - _SPRING) + 0.8 * place.grain
    # How well a crop stands has to do with the parcel, and a little with the place in it.
    full = min(max(0.70 + 0.24 * ((7.0 * early) % 1.0) + 0.05 * place.density, 0.45), 0.97)
    sown = (today, early, ploughed, full)
    if kind < _PADDY:
        _add_rice(mix, sown)
    elif kind < _SUMMER_CROP:
        _add_summer_crop(mix, sown)
    elif kind < _CEREAL:
        _add_cereal(mix, sown)
    else:
        cut = 0.55 * rise(today, 172.0 + 14.0 * early, 175.0 + 14.0 * early)
        cut *= 1.0 - rise(today, 185.0 + 14.0 * early, 222.0 + 14.0 * early)
        green = grass_green(place, day) * (1.0 - cut) * min(full + 0.08, 1.0)
        mix[_GREEN] = 0.96 * green
        mix[_DRY] = 0.96 * (1.0 - green)
        mix[_SOIL] = 0.04


@njit(nogil=True, cache=True, error_model="numpy")
def _add_stubble(mix, share, ploughed):  # type: ignore[no-untyped-def]
    straw = 0.06 if ploughed < 0.4 else 0.48
    mix[_DRY] += share * straw
    mix[_SOIL] += share * (1.0 - straw)


@njit(nogil=True, cache=True, error_model="numpy")
def _add_rice(mix, sown):  # type: ignore[no-untyped-def]
    today, early, ploughed, full = sown
    flooded = rise(today, 126.0 + 12.0 * early, 132.0 + 12.0 * early) * (1.0 - rise(today, 232.0, 246.0))
    green = full * rise(today, 150.0 + 8.0 * early, 206.0 + 6.0 * early)
    cut = rise(today, 262.0 + 10.0 * early, 266.0 + 10.0 * early)
    green *= 1.0 - cut
    ripe = green * rise(today, 228.0, 256.0)
    below = 1.0 - green
    mix[_CROPS] += green - ripe
    mix[_DRY] += ripe
    mix[_RIVER] += 0.55 * below * flooded
    mix[_MUD] += 0.45 * below * flooded
    _add_stubble(mix, below * (1.0 - flooded), 1.0 if cut > 0.5 else ploughed)


@njit(nogil=True, cache=True, error_model="numpy")
def _add_summer_crop(mix, sown):  # type: ignore[no-untyped-def]
    today, early, ploughed, full = sown
    worked = rise(today, 116.0 + 10.0 * early, 120.0 + 10.0 * early)
    green = full * rise(today, 140.0 + 16.0 * early, 198.0 + 10.0 * early)
    cut = rise(today, 268.0 + 16.0 * early, 273.0 + 16.0 * early)
    green *= 1.0 - cut
    ripe = green * rise(today, 244.0 + 6.0 * early, 268.0 + 6.0 * early)
    mix[_CROPS] += green - ripe
    mix[_DRY] += 0.85 * ripe
    mix[_SOIL] += 0.15 * ripe
    if today < 200.0:
        _add_stubble(mix, (1.0 - green) * (1.0 - worked), ploughed)
        mix[_SOIL] += (1.0 - green) * worked
    else:
        _add_stubble(mix, 1.0 - green, 1.0 if today < 300.0 else ploughed)


@njit(nogil=True, cache=True, error_model="numpy")
def _add_cereal(mix, sown):  # type: ignore[no-untyped-def]
    today, early, ploughed, full = sown
    worked = rise(today, 100.0, 106.0)
    green = full * rise(today, 112.0 + 8.0 * early, 152.0 + 8.0 * early)
    cut = rise(today, 206.0 + 10.0 * early, 210.0 + 10.0 * early)
    weeds = 0.45 * cut * rise(today, 222.0, 245.0) * (1.0 - rise(today, 268.0, 288.0))
    green *= 1.0 - cut
    ripe = green * rise(today, 186.0, 202.0)
    mix[_FRESH] += 0.5 * (green - ripe)
    mix[_CROPS] += 0.5 * (green - ripe)
    mix[_DRY] += ripe
    mix[_GREEN] += weeds
    left = 1.0 - green - weeds
    if today < 160.0:
        _add_stubble(mix, left * (1.0 - worked), ploughed)
        mix[_SOIL] += left * worked
    else:
        _add_stubble(mix, left, 1.0 if today < 300.0 else ploughed)
