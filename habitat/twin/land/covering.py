"""What covers one pixel on one day: shares of materials under trees, on open ground, in fields and on water."""

from __future__ import annotations

import numpy as np
from numba import njit

from habitat.twin.land.crops import add_crops
from habitat.twin.land.landscape import Cover
from habitat.twin.land.phenology import char_left, grass_green, growing_days, leaves_on, rise
from habitat.twin.materials import MATERIALS

_LEAVES, _LUSH, _FRESH, _AUTUMN, _BROWN, _NEEDLES, _LARCH, _GOLD, _TWIGS, _LITTER, _DRY, _GREEN, _SOIL, _MUD, _REEDS = (
    MATERIALS.index(name)
    for name in (
        "leaves", "lush_leaves", "fresh_leaves", "autumn_leaves", "brown_leaves", "needles", "larch_needles",
        "gold_needles", "twigs", "litter", "dry_grass", "green_grass", "soil", "mud", "reeds",
    )
)  # fmt: skip
_BUILT, _RIVER, _SEA, _CHAR, SNOW, SHADED_SNOW = (
    MATERIALS.index(name) for name in ("built", "river", "sea", "char", "snow", "shaded_snow")
)
_IS_LARCH, _IS_SHRUB, _IS_GRASS, _IS_WETLAND, _IS_FIELD, _IS_BUILT, _IS_WATER = (
    int(cover)
    for cover in (Cover.LARCH, Cover.SHRUB, Cover.GRASS, Cover.WETLAND, Cover.FIELD, Cover.BUILT, Cover.WATER)
)

# Depth of snow [m] that hides a material, and the share it then hides; crowns are above it.
_BURIED_BY = np.full(len(MATERIALS), np.inf)
_HIDDEN = np.zeros(len(MATERIALS))
for _name, _depth, _share in (
    ("litter", 0.06, 1.0), ("soil", 0.06, 1.0), ("mud", 0.06, 1.0), ("char", 0.07, 1.0), ("dry_grass", 0.12, 0.95),
    ("green_grass", 0.08, 1.0), ("crops", 0.08, 1.0), ("reeds", 0.30, 0.6), ("built", 0.15, 0.65),
):  # fmt: skip
    _BURIED_BY[MATERIALS.index(_name)], _HIDDEN[MATERIALS.index(_name)] = _depth, _share
_CROWNS_BURN, _SNAGS_STAND = 0.78, 3000.0
"""Severity from which a fire burnt the crowns [1], and days until the trees it killed have fallen."""
_LUSH_SHARE = np.full(len(Cover) + 1, 0.30)
_LUSH_SHARE[[Cover.OAK, Cover.PINE_BROADLEAF, Cover.BIRCH]] = 0.20, 0.40, 0.35
"""Share of the full-grown leaves that are of trees with bright crowns, as lime, ash and walnut [1]."""
_TWIGS_SEEN = 0.45
"""Share of a leafless crown that is wood and not a view of the floor [1]."""


@njit(nogil=True, cache=True, error_model="numpy")
def cover_place(mix, place, day, draws):  # type: ignore[no-untyped-def]
    """Put the share of each material into `mix`; return how far broadleaved trees are in leaf. For compiled loops."""
    mix[:] = 0.0
    leaves = leaves_on(place, day)
    kind = place.cover
    if kind == _IS_WATER:
        _add_water(mix, place, day)
    elif kind == _IS_FIELD:
        add_crops(mix, place, day, draws)
    elif kind == _IS_BUILT:
        _add_built(mix, place, day, leaves)
    elif kind in (_IS_SHRUB, _IS_GRASS, _IS_WETLAND):
        _add_open_ground(mix, place, day, leaves)
    else:
        _add_forest(mix, place, day, leaves)
    _wet(mix, place)
    if place.snow_depth > 0.0:
        _snow_in(mix, place, day)
    return leaves.out


@njit(nogil=True, cache=True, error_model="numpy")
def _add_crowns(mix, place, leaves, deciduous):  # type: ignore[no-untyped-def]
    """Add deciduous crowns, and return the share of the pixel they hide."""
    out = deciduous * leaves.out
    turned = out * leaves.coloured
    young = (out - turned) * leaves.fresh
    if place.cover == _IS_LARCH:
        mix[_GOLD] += turned
        mix[_LARCH] += out - turned
    else:
        mix[_AUTUMN] += turned
        mix[_FRESH] += young
        ripe = out - turned - young
        lush = ripe * min(max(_LUSH_SHARE[place.cover] + 0.25 * place.density, 0.0), 1.0)
        mix[_LUSH] += lush
        mix[_LEAVES] += ripe - lush
    brown = (deciduous - out) * leaves.brown
    mix[_BROWN] += brown
    wood = (deciduous - out - brown) * _TWIGS_SEEN
    # Ground fires scorch the lower stems.
    scorched = wood * 0.55 * place.severity if place.since_fire < 300.0 else 0.0
    mix[_CHAR] += scorched
    mix[_TWIGS] += wood - scorched
    return out + brown + wood


@njit(nogil=True, cache=True, error_model="numpy")
def _add_forest(mix, place, day, leaves):  # type: ignore[no-untyped-def]
    crowns = min(place.canopy * (1.0 + 0.04 * place.density), 0.97)
    needles = crowns * place.evergreen
    mix[_NEEDLES] += needles
    floor = 1.0 - needles - _add_crowns(mix, place, leaves, crowns - needles)
    floor -= _add_snags(mix, place, floor)
    _add_floor(mix, place, day, floor, rise(1.0 - crowns, 0.30, 0.95))


@njit(nogil=True, cache=True, error_model="numpy")
def _add_snags(mix, place, rest):  # type: ignore[no-untyped-def]
    """Add the dead trees that stand for years after crowns burnt, and return the share of the pixel they hide."""
    if place.severity < _CROWNS_BURN or place.missing < 0.1:
        return 0.0
    snags = 0.30 * rest * place.missing * (1.0 - min(place.since_fire / _SNAGS_STAND, 1.0))
    black = snags * max(1.0 - place.since_fire / 700.0, 0.0)
    mix[_CHAR] += black
    mix[_TWIGS] += snags - black
    return snags


@njit(nogil=True, cache=True, error_model="numpy")
def _blackened(place):  # type: ignore[no-untyped-def]
    """Return how whole the black is inside a fire [1]: stones, wet hollows and ash show through in patches."""
    patches = min(max(0.13 - 0.12 * place.density, 0.0), 0.5)
    return 1.0 - patches * (1.3 - place.severity)


@njit(nogil=True, cache=True, error_model="numpy")
def _add_floor(mix, place, day, floor, openness):  # type: ignore[no-untyped-def]
    """Add the forest floor: litter under trees, grass in the open, char after fire, herbs over all in summer."""
    black, recent, grown = 0.0, 0.0, 1.0
    if place.severity > 0.0:
        black = min(0.27 + 1.15 * place.severity, 1.0) * _blackened(place) * char_left(place, day)
        grown = growing_days(place, day)
        recent = place.severity * (1.0 - rise(grown, 120.0, 220.0))
        grown = rise(grown, 7.0, 40.0)
    green = (0.66 + 0.26 * openness) * grass_green(place, day)
    # After a fire herbs come up thickly, in light and ash.
    green = min(green + 0.20 * recent * grown * grass_green(place, day), 0.95)
    rest = floor * (1.0 - black)
    herbs = rest * green
    dead = rest - herbs
    bare = dead * (0.05 + 0.45 * recent)
    straw = (dead - bare) * (0.10 + 0.70 * openness) * (1.0 - recent)
    mix[_CHAR] += floor * black
    mix[_GREEN] += herbs
    mix[_SOIL] += bare
    mix[_DRY] += straw
    mix[_LITTER] += dead - bare - straw


@njit(nogil=True, cache=True, error_model="numpy")
def _add_open_ground(mix, place, day, leaves):  # type: ignore[no-untyped-def]
    """Add grass, shrub or wetland, with what is left of a felling."""
    shrubs = min(place.canopy, 0.9)
    needles = shrubs * place.evergreen
    mix[_NEEDLES] += needles
    rest = 1.0 - needles - _add_crowns(mix, place, leaves, shrubs - needles)
    rest -= _add_snags(mix, place, rest)
    felled = 0.85 * rest * (1.0 - rise(place.since_clearing, 60.0, 800.0))
    mix[_SOIL] += 0.50 * felled
    mix[_LITTER] += 0.30 * felled
    mix[_TWIGS] += 0.20 * felled
    rest -= felled
    burnt, straw_back = 0.0, 1.0
    if place.severity > 0.0:
        # Straw burns away altogether; what comes up after is green only, until it dries in autumn.
        burnt = rest * min(place.severity + 0.45, 1.0) * _blackened(place)
        straw_back = rise(growing_days(place, day), 110.0, 170.0)
    black = burnt * char_left(place, day) if burnt > 0.0 else 0.0
    mix[_CHAR] += black
    green = (0.90 + 0.05 * place.density + 0.02 * place.grain) * grass_green(place, day)
    green = min(max(green, 0.02), 0.97)
    dead = (rest - black) * (1.0 - green)
    bare = 0.05 * dead + 0.95 * (burnt - black) * (1.0 - green) * (1.0 - straw_back)
    straw = dead - bare
    mix[_GREEN] += (rest - black) * green
    mix[_SOIL] += bare
    if place.cover == _IS_WETLAND:
        mix[_REEDS] += 0.70 * straw
        mix[_MUD] += 0.30 * straw
    else:
        mix[_DRY] += straw


@njit(nogil=True, cache=True, error_model="numpy")
def _add_built(mix, place, day, leaves):  # type: ignore[no-untyped-def]
    green = grass_green(place, day)
    mix[_BUILT] = 0.58 + 0.05 * min(max(place.grain, -2.0), 2.0)
    left = 1.0 - mix[_BUILT]
    garden = 0.25 * left
    mix[_LEAVES] = garden * leaves.out
    mix[_TWIGS] = garden * (1.0 - leaves.out)
    mix[_GREEN] = 0.55 * left * green
    mix[_DRY] = 0.55 * left * (1.0 - green)
    mix[_SOIL] = 0.20 * left


@njit(nogil=True, cache=True, error_model="numpy")
def _add_water(mix, place, day):  # type: ignore[no-untyped-def]
    """Add the sea, which the caller tells by a canopy below 0, or a river: muddy after rain, frozen in winter."""
    if place.canopy < 0.0:
        mix[_SEA] = 1.0
        return
    muddy = 0.05 + 0.17 * rise(place.wetness, 0.45, 0.95) * (1.0 - day.ice)
    iced = 0.88 * day.ice
    mix[SNOW] = iced * 0.85
    mix[_RIVER] = (1.0 - mix[SNOW]) * (1.0 - muddy)
    mix[_MUD] = (1.0 - mix[SNOW]) * muddy


@njit(nogil=True, cache=True, error_model="numpy")
def _wet(mix, place):  # type: ignore[no-untyped-def]
    """Darken bare soil after rain."""
    soaked = 0.30 * place.wetness * mix[_SOIL]
    mix[_SOIL] -= soaked
    mix[_MUD] += soaked


@njit(nogil=True, cache=True, error_model="numpy")
def _snow_in(mix, place, day):  # type: ignore[no-untyped-def]
    """Lay snow over what lies low, some of it in the shadow of the trees that stand in it."""
    depth = place.snow_depth * max(1.0 + 0.12 * place.grain + 0.18 * place.density, 0.3)
    laid = 0.0
    for material in range(mix.shape[0]):
        if mix[material] > 0.0 and _HIDDEN[material] > 0.0:
            hidden = mix[material] * _HIDDEN[material] * rise(depth, 0.0, _BURIED_BY[material])
            mix[material] -= hidden
            laid += hidden
    stems = max(place.canopy, 0.0)
    shaded = laid * stems * (0.32 + 0.38 * day.low_sun)
    mix[SNOW] += laid - shaded
    mix[SHADED_SNOW] += shaded
