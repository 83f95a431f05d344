"""What covers the ground: forest, open land, fields and villages, as place and chance with natural patches have it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from habitat.twin.land.classes import Cover
from habitat.twin.land.terrain import layout
from habitat.twin.land.terrain.lattice import lattice_of
from habitat.twin.land.terrain.parcels import Parcels, parcels_at
from habitat.twin.land.terrain.relief import between_nodes, relief_of
from habitat.twin.land.terrain.site import ROAD_REACH_M, Site, site_at
from habitat.twin.noise import Field, fractal, ramp
from habitat.twin.world import World

FARTHEST_M = 5000.0
"""Distance from people is cut off here [m]."""
_HOUSES_M = 80.0
"""Longest waves of the pattern of houses and gardens [m]."""
_TREE_LINE_M = 1150.0
"""Height [m] at which oak has long given way to pine, where summits reach it."""


@dataclass(frozen=True, eq=False)
class Habitat:
    """A window's places, and what they mean to plants and people; fields (y, x)."""

    world: World
    """The world."""
    site: Site
    """The places."""
    parcels: Parcels
    """Parcels fields would have, everywhere."""
    to_roads: Field
    """Distance from roads and settlements [m], not cut off."""
    slope: Field
    """Steepness [1]."""
    south: Field
    """How far the ground faces south, -1 to 1."""
    cold: Field
    """Height between the sea (0) and where nothing but pine grows (1)."""

    def patches(self, name: str, natural_m: float, share: float, octaves: int = 5) -> Field:
        """Return noise with patches as long as in nature, or as the world has room for."""
        key, wave = self.world.key("covers", name), self.world.scaled(natural_m, share)
        return fractal(key, self.site.eastings, self.site.northings, wave, octaves=octaves, roughness=0.55)

    def valley(self, narrow: tuple[float, float], wide: tuple[float, float], ends: tuple[float, float]) -> Field:
        """Return 1 on floors of wide valleys and 0 elsewhere.

        Floors count as wide between two half widths, each natural [m] or a share of the world, and they end between two
        distances from their stream [half widths].
        """
        widths = self.world.scaled(*narrow), self.world.scaled(*wide)
        return ramp(self.site.floor, ends[1], ends[0]) * ramp(self.site.floor_width, *widths)


def habitat_of(world: World, site: Site) -> Habitat:
    """Return what places mean to plants and people."""
    return _habitat(world, site, _to_roads_at(world, site))


def _habitat(world: World, site: Site, to_roads: Field) -> Habitat:
    return Habitat(
        world,
        site,
        parcels=parcels_at(
            world.key("fields"),
            site.eastings,
            site.northings,
            block_m=world.scaled(1500.0, 0.2),
            width_m=world.scaled(70.0, 0.035),
            length_m=world.scaled(290.0, 0.08),
        ),
        to_roads=to_roads,
        slope=np.hypot(site.rise_east, site.rise_north),
        south=np.clip(site.rise_north / np.float32(0.35), -1, 1),
        cold=site.elevation / np.float32(min(relief_of(world).top(world), _TREE_LINE_M)),
    )


def cover_of(habitat: Habitat) -> NDArray[np.uint8]:
    """Return the cover of every pixel, values of `Cover`."""
    cover = _forest(habitat)
    open_land = _openness(habitat)
    cover[open_land > 1.08] = Cover.SHRUB
    cover[open_land > 1.45] = Cover.GRASS
    cover[_wetness(habitat) > 2.0] = Cover.WETLAND
    cover[_fields(habitat)] = Cover.FIELD
    _put_built_and_water(habitat, cover)
    return cover


def _forest(habitat: Habitat) -> NDArray[np.uint8]:
    """Return oak, pine where it is high, cool or moist, birch where it once burnt, and planted larch."""
    world, site, cold = habitat.world, habitat.site, habitat.cold
    good = np.float32(2.6) * (cold - np.float32(0.42)) - np.float32(0.45) * habitat.south
    good += np.float32(0.42) * habitat.patches("stands", 1800.0, 0.16)
    good += np.float32(0.25) * ramp(site.floor, 2.0, 1.2)
    cover = np.where(good > 0, np.uint8(Cover.PINE_BROADLEAF), np.uint8(Cover.OAK))
    cover[habitat.patches("old fires", 1500.0, 0.15) - np.abs(cold - np.float32(0.4)) > 1.05] = Cover.BIRCH
    plots = parcels_at(
        world.key("plantations"),
        site.eastings,
        site.northings,
        block_m=world.scaled(2600.0, 0.22),
        width_m=world.scaled(330.0, 0.07),
        length_m=world.scaled(480.0, 0.09),
    )
    share = np.float32(0.05) + np.float32(0.3) * ramp(habitat.patches("estates", 6000.0, 0.35, 3), 0.3, 1.3)
    cover[(plots.draw(1) < share) & (site.floor > 1.05) & (cold < 0.6)] = Cover.LARCH
    return cover


def _openness(habitat: Habitat) -> Field:
    """Return how open land is: on slopes that burn often, on wide valley floors and behind the coast."""
    world, site = habitat.world, habitat.site
    mosaic = habitat.patches("mosaic", 700.0, 0.09)
    near: Field = np.exp(-habitat.to_roads / np.float32(world.scaled(900.0, 0.06)))
    dry: Field = np.float32(0.8) * habitat.south * ramp(habitat.slope, 0.03, 0.2) + np.float32(0.8) * near
    dry += np.float32(0.6) * habitat.patches("burns", 2300.0, 0.2) - np.float32(1.3) * habitat.cold
    dry += np.float32(0.25) * mosaic
    valley = habitat.valley((100.0, 0.01), (260.0, 0.03), (1.0, 1.35))
    np.maximum(dry, np.float32(1.75) * valley + np.float32(0.3) * mosaic, out=dry)
    coastal = ramp(site.from_coast, world.scaled(2600.0, 0.16), world.scaled(700.0, 0.05))
    coastal *= ramp(habitat.slope, 0.22, 0.06)
    np.maximum(dry, np.float32(1.6) * coastal + np.float32(0.4) * mosaic, out=dry)
    return dry


def _wetness(habitat: Habitat) -> Field:
    """Return how wet low ground is: by rivers, round lakes and at the coast; above 2 it is a wetland."""
    world, site = habitat.world, habitat.site
    low = habitat.valley((120.0, 0.012), (300.0, 0.035), (0.3, 0.75))
    np.maximum(low, np.float32(1.6) * ramp(site.from_lake, world.scaled(260.0, 0.03), 0.0), out=low)
    np.maximum(low, ramp(site.from_coast, world.scaled(600.0, 0.05), world.scaled(150.0, 0.015)), out=low)
    low *= ramp(habitat.slope, 0.10, 0.03)
    wet = habitat.patches("wet", 1100.0, 0.12) + np.float32(2.0) * low
    wet[low < 0.1] = 0.0
    return wet


def _fields(habitat: Habitat) -> NDArray[np.bool_]:
    """Return where fields are: whole parcels on flat ground near roads, most of them in the west."""
    world, site = habitat.world, habitat.site
    share = habitat.valley((90.0, 0.01), (240.0, 0.03), (0.95, 1.25))
    coastal = ramp(site.from_coast, world.scaled(3000.0, 0.2), world.scaled(1500.0, 0.1))
    np.maximum(share, np.float32(0.5) * coastal, out=share)
    west = site.eastings[None, :] < layout.border_easting(world, site.northings)[:, None]
    share *= np.where(west, np.float32(1.1), np.float32(0.5))
    share *= np.exp(-habitat.to_roads / np.float32(world.scaled(1300.0, 0.12)))
    share *= ramp(habitat.slope, 0.16, 0.07)
    share *= ramp(site.from_water, 0.0, world.scaled(130.0, 0.02))
    share *= ramp(site.from_coast, world.scaled(150.0, 0.02), world.scaled(300.0, 0.04))
    share *= ramp(habitat.patches("farmed", 2600.0, 0.25, 3), -1.5, -0.3)
    # No lonely fields where few parcels would be.
    farmed: NDArray[np.bool_] = share > np.maximum(habitat.parcels.draw(1), np.float32(0.2))
    return farmed


def _put_built_and_water(habitat: Habitat, cover: NDArray[np.uint8]) -> None:
    site = habitat.site
    houses = fractal(habitat.world.key("houses"), site.eastings, site.northings, _HOUSES_M, octaves=3, roughness=0.8)
    village = site.from_settlement < 0
    cover[village] = Cover.GRASS
    cover[village & (houses > -0.45)] = Cover.BUILT
    cover[(site.from_coast <= 0) | (site.from_lake < 0) | (site.from_water < 0)] = Cover.WATER
    cover[(site.from_road < 0) & (site.from_coast > 0)] = Cover.BUILT


def to_people_of(habitat: Habitat, cover: NDArray[np.uint8]) -> Field:
    """Return the distance from the nearest road, settlement or field [m]."""
    site = habitat.site
    fields = between_nodes(lattice_of(habitat.world), _people_nodes(habitat.world)[1], site.eastings, site.northings)
    away = np.clip(np.minimum(fields, habitat.to_roads), 0, np.float32(FARTHEST_M))
    away[(cover == Cover.FIELD) | (cover == Cover.BUILT)] = 0.0
    return away


def _to_roads_at(world: World, site: Site) -> Field:
    """Return the distance from roads and settlements [m]: exact near them, between nodes farther away."""
    far = between_nodes(lattice_of(world), _people_nodes(world)[0], site.eastings, site.northings)
    near = np.minimum(site.from_road, site.from_settlement)
    away: Field = np.where(near < ROAD_REACH_M, np.maximum(near, 0), np.maximum(far, np.float32(ROAD_REACH_M)))
    return away


@lru_cache(maxsize=2)
def _people_nodes(world: World) -> tuple[Field, Field]:
    """Return the distance of a lattice's nodes from roads and settlements, and from fields [m]."""
    lattice = lattice_of(world)
    site = site_at(world, *lattice.axes(), lattice.spacing)
    to_roads = _distance((site.from_road < 0) | (site.from_settlement < 0), lattice.spacing)
    return to_roads, _distance(_fields(_habitat(world, site, to_roads)), lattice.spacing)


def _distance(sources: NDArray[np.bool_], spacing: float) -> Field:
    away = ndimage.distance_transform_edt(~sources, sampling=spacing)
    limited: Field = np.minimum(away, 2 * FARTHEST_M).astype(np.float32)
    return limited
