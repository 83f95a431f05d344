"""The land itself: relief, river, coast, forest types, fields, roads and two countries, for any window of the world."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from habitat.twin.land import covers
from habitat.twin.land.classes import COVER_COLOURS, FORESTS, Country, Cover
from habitat.twin.land.terrain import layout
from habitat.twin.land.terrain.site import site_at
from habitat.twin.land.trees import trees_of
from habitat.twin.noise import fractal, white
from habitat.twin.world import RESOLUTION_M, Window, World

__all__ = ["COVER_COLOURS", "FORESTS", "Country", "Cover", "Field", "Landscape", "landscape_in"]

Field = NDArray[np.float32]
"""Two-dimensional array (y, x) of float32, north up."""


_GRAIN_WAVE_M, _GRAIN_ROUGHNESS = 1200.0, 0.95
"""Longest waves of the grain [m], and how much rougher it is the closer one looks: as green and near-infrared light are
over Slovenian forest (neighbours 0.85 alike, 0.55 at 40 m, 0.30 at 120 m, 0.10 at 240 m)."""
_SPECKLE = 0.04
"""Share of the grain's variance that neighbouring pixels do not have in common [1]."""


@dataclass(frozen=True, eq=False)
class Landscape:
    """What does not change with the weather, in one window; all fields (y, x)."""

    window: Window
    """Where it lies."""
    resolution_m: float
    """Pixel size [m]: 10 or 20."""
    elevation: Field
    """Height above the sea [m]; 0 at sea."""
    rise_east: Field
    """Rise of the ground towards the east [1]."""
    rise_north: Field
    """Rise of the ground towards the north [1]."""
    height: Field
    """Height between valley floor (0) and the world's highest summits (1)."""
    cover: NDArray[np.uint8]
    """Cover before anything burnt or was cut, values of `Cover`."""
    canopy: Field
    """Crown cover of trees and tall shrubs [1], before anything burnt or was cut."""
    tree_height: Field
    """Height of the canopy [m], 0 where there is none."""
    evergreen: Field
    """Share of the crowns that is evergreen [1]."""
    parcel: NDArray[np.uint16]
    """Number of the field a pixel belongs to; what grows there is drawn from it."""
    grain: Field
    """Brightness that belongs to the place (crowns, soils): mean 0, standard deviation 1."""
    country: NDArray[np.uint8]
    """Side of the border, values of `Country`; the sea belongs to the country it washes."""
    to_people: Field
    """Distance to the nearest road, settlement or field [m], for ignitions; cut off at 5,000."""


def landscape_in(world: World, window: Window, resolution_m: float = RESOLUTION_M) -> Landscape:
    """Draw the land of one window: the same ground whatever windows it is cut into.

    Parameters
    ----------
    world : World
        Size and seed.
    window : Window
        Where to draw; it may reach past the world's edge.
    resolution_m : float
        Pixel size [m], a whole number of 10 m pixels. Coarser pixels show what lies at their centres.

    Examples
    --------
    >>> from habitat.twin.world import world_of
    >>> world = world_of("tiny", 1)
    >>> whole, part = landscape_in(world, world.whole), landscape_in(world, Window(40, 30, 20, 50))
    >>> bool((whole.cover[40:60, 30:80] == part.cover).all())
    True
    """
    eastings, northings = world.coordinates(window, resolution_m)
    site = site_at(world, eastings, northings, resolution_m)
    habitat = covers.habitat_of(world, site)
    cover = covers.cover_of(habitat)
    trees = trees_of(world, cover, eastings, northings)
    still = cover == Cover.WATER
    for rise in (site.rise_east, site.rise_north):
        rise[still] = 0.0
    west = eastings[None, :] < layout.border_easting(world, northings)[:, None]
    return Landscape(
        window=window,
        resolution_m=resolution_m,
        elevation=site.elevation,
        rise_east=site.rise_east,
        rise_north=site.rise_north,
        height=site.height,
        cover=cover,
        canopy=trees.canopy,
        tree_height=trees.height,
        evergreen=trees.evergreen,
        parcel=(habitat.parcels.number & np.uint32(0xFFFF)).astype(np.uint16),
        grain=_grain(world, window, resolution_m),
        country=np.where(west, np.uint8(Country.WEST), np.uint8(Country.EAST)),
        to_people=covers.to_people_of(habitat, cover),
    )


def _grain(world: World, window: Window, resolution_m: float) -> Field:
    """Return what crowns and soils add to the brightness of a place: alike over tens of metres, and speckled."""
    places = world.coordinates(window, resolution_m)
    broad = fractal(world.key("grain"), *places, _GRAIN_WAVE_M, octaves=6, roughness=_GRAIN_ROUGHNESS)
    broad *= np.float32((1 - _SPECKLE) ** 0.5)
    broad += np.float32(_SPECKLE**0.5) * white(world.key("speckle"), window, resolution_m)
    return broad
