"""Definitions of forest: what counts as one, as numbers with their source, and the mask and area each gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from habitat.contracts.errors import ConfigError, GridMismatch, NotPossible
from habitat.contracts.estimate import Estimate
from habitat.contracts.grid import Grid
from habitat.contracts.pixel_areas import pixel_areas
from habitat.forest.kinds import TREES, Kind

FOREST, NOT_FOREST, UNKNOWN = 1, 0, 255
"""Codes of a forest mask."""
NEIGHBOURS = np.ones((3, 3), np.uint8)
"""Pixels that touch, corners included (8 neighbours), are one patch."""
_TILE = 1024


@dataclass(frozen=True)
class ForestDefinition:
    """What counts as forest.

    Parameters
    ----------
    name : str
        Lower-case word for tables and settings.
    min_cover_percent : float [%]
        Least crown cover of a pixel.
    min_area_ha : float [ha]
        Least area of a patch of pixels that touch, corners included; 0 for none.
    min_height_m : float [m], optional
        Least height of the trees.
    in_situ : bool
        Whether trees that can reach the height where they stand count as well: then kinds that are trees pass.
    plantations : bool
        Whether planted forest counts.
    shrubs : bool or None
        Whether shrubs count; None: nobody asks what the crowns are of.
    source : str
        Who says so.
    planted_kinds : tuple of int
        Kinds taken for planted where plantations are left out; larch, in this landscape.

    Raises
    ------
    ConfigError
        If a number is out of its range.

    Examples
    --------
    >>> DEFINITIONS["fao"].min_area_ha, DEFINITIONS["cn-forest"].min_cover_percent
    (0.5, 20.0)
    """

    name: str
    min_cover_percent: float
    min_area_ha: float = 0.0
    min_height_m: float | None = None
    in_situ: bool = True
    plantations: bool = True
    shrubs: bool | None = False
    source: str = ""
    planted_kinds: tuple[int, ...] = (Kind.LARCH,)

    def __post_init__(self) -> None:
        if not 0 <= self.min_cover_percent <= 100:
            raise ConfigError(
                f"definition {self.name!r}: min_cover_percent is {self.min_cover_percent}, wants 0 to 100"
            )
        height = 0.0 if self.min_height_m is None else self.min_height_m
        if not (self.min_area_ha >= 0 and height >= 0):
            raise ConfigError(
                f"definition {self.name!r}: min_area_ha {self.min_area_ha}, min_height_m {self.min_height_m}; want 0 up"
            )

    def least_pixels(self, resolution_m: float) -> int:
        """Pixels a patch must have at least.

        Examples
        --------
        >>> DEFINITIONS["fao"].least_pixels(20.0)
        13
        """
        return max(1, int(np.ceil(self.min_area_ha * 1e4 / resolution_m**2 - 1e-9)))

    @property
    def sentence(self) -> str:
        """The definition in words.

        Examples
        --------
        >>> DEFINITIONS["cn-coverage"].sentence
        'crown cover from 20 %, patches from 0.0667 ha, plantations in, shrubs in'
        """
        parts = [f"crown cover from {self.min_cover_percent:g} %"]
        if self.min_area_ha:
            parts.append(f"patches from {self.min_area_ha:g} ha")
        if self.min_height_m is not None:
            parts.append(f"height from {self.min_height_m:g} m{' where they stand' if self.in_situ else ''}")
        parts.append(f"plantations {'in' if self.plantations else 'out'}")
        shrubs = "not told from trees" if self.shrubs is None else "in" if self.shrubs else "out"
        return ", ".join([*parts, f"shrubs {shrubs}"])

    def lacking(self, *, kind: bool, height: bool) -> str:
        """Why the definition cannot be computed from cover with or without kinds and heights; empty if it can.

        Examples
        --------
        >>> DEFINITIONS["fao"].lacking(kind=False, height=True)
        ''
        >>> DEFINITIONS["fao"].lacking(kind=False, height=False)
        'trees from 5 m are asked for, and neither heights nor kinds of vegetation are given'
        """
        if self.min_height_m is not None and not height:
            trees = f"trees from {self.min_height_m:g} m are asked for, and"
            if not self.in_situ:
                return f"{trees} no heights are given"
            if not kind:
                return f"{trees} neither heights nor kinds of vegetation are given"
        if not self.plantations and not kind:
            return "plantations are left out, and no kinds of vegetation are given to tell them by"
        if self.shrubs is False and not kind and self.min_height_m is None:
            return "shrubs are left out, and neither kinds of vegetation nor a least height tell them from trees"
        return ""


_FAO = "FAO, Global Forest Resources Assessment 2025, Terms and definitions"
_CHINA = "Regulation on the implementation of the Forestry Law, article 2; Zeng et al. (2015), Forest Ecosystems 2:23"

DEFINITIONS: Mapping[str, ForestDefinition] = MappingProxyType(
    {
        definition.name: definition
        for definition in (
            ForestDefinition("fao", 10.0, 0.5, 5.0, source=_FAO),
            ForestDefinition(
                "ru-kyoto",
                18.0,
                1.0,
                5.0,
                source="choice of the Russian Federation under the Kyoto Protocol, as cited; not checked in its report",
            ),
            ForestDefinition("cn-forest", 20.0, 0.0667, source=_CHINA),
            ForestDefinition(
                "cn-coverage",
                20.0,
                0.0667,
                shrubs=True,
                source="forest coverage rate of China, National Bureau of Statistics: trees, bamboo and shrubs; "
                "only shrubs the state lists count there, here all of them do",
            ),
            ForestDefinition(
                "cover-30",
                30.0,
                shrubs=None,
                source="habit of satellite maps: crown cover from 30 %, of whatever crowns",
            ),
        )
    }
)
"""Definitions by name."""


def forest_mask(
    cover: NDArray[np.floating],
    definition: ForestDefinition,
    *,
    kind: NDArray[np.integer] | None = None,
    height: NDArray[np.floating] | None = None,
    resolution_m: float,
) -> NDArray[np.uint8]:
    """Where there is forest by a definition.

    A pixel counts if its crown cover, height and kind do; fields, built ground and water never do, where kinds
    are known. Then patches smaller than the least area are dropped; patches are pixels that touch, corners
    included. A patch that the raster's edge or unknown ground cuts is judged by what is seen of it, and gaps in
    forest, however small, stay gaps.

    Parameters
    ----------
    cover : float array (y, x) [%]
        Crown cover, NaN where unknown.
    definition : ForestDefinition
        What counts.
    kind : integer array (y, x), optional
        Codes of `Kind`; other codes are unknown and pass what only kinds can tell.
    height : float array (y, x) [m], optional
        Of the trees; unknown where NaN, then the pixel is unknown unless its kind lets it pass.
    resolution_m : float [m]
        Edge of the pixels.

    Returns
    -------
    uint8 (y, x)
        1 forest, 0 none, 255 unknown.

    Raises
    ------
    NotPossible
        If the definition asks for what is not given.
    GridMismatch
        If the arrays differ in shape.

    Examples
    --------
    >>> cover = np.zeros((8, 8))
    >>> cover[:2, :2], cover[3:8, 3:8] = 80, 80
    >>> int(forest_mask(cover, ForestDefinition("own", 30, 0.5, shrubs=True), resolution_m=20).sum())
    25
    """
    for name, other in (("kind", kind), ("height", height)):
        if other is not None and other.shape != cover.shape:
            raise GridMismatch(f"{name} has {other.shape} pixels and cover {cover.shape}; wants the same grid")
    reason = definition.lacking(kind=kind is not None, height=height is not None)
    if reason:
        raise NotPossible(f"forest by {definition.name!r} cannot be told: {reason}; give it, or another definition")
    unknown = ~np.isfinite(cover)
    wooded = np.nan_to_num(cover, nan=-1.0) >= definition.min_cover_percent
    tall, doubtful = _tall(definition, kind, height, cover.shape)
    wooded &= tall
    unknown |= wooded & doubtful
    if kind is not None:
        left_out = [Kind.OTHER, Kind.WATER]
        left_out += [Kind.SHRUB] if definition.shrubs is False else []
        left_out += [] if definition.plantations else [Kind(code) for code in definition.planted_kinds]
        wooded &= ~np.isin(kind, left_out)
    wooded = _large(wooded & ~unknown, definition.least_pixels(resolution_m))
    return np.where(unknown, UNKNOWN, np.where(wooded, FOREST, NOT_FOREST)).astype(np.uint8)


def _tall(
    definition: ForestDefinition,
    kind: NDArray[np.integer] | None,
    height: NDArray[np.floating] | None,
    shape: tuple[int, ...],
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return where trees are high enough, and where nobody knows."""
    if definition.min_height_m is None:
        return np.ones(shape, bool), np.zeros(shape, bool)
    tall, doubtful = np.zeros(shape, bool), np.ones(shape, bool)
    if height is not None:
        doubtful = ~np.isfinite(height)
        tall = np.nan_to_num(height, nan=-1.0) >= definition.min_height_m
    if definition.in_situ and kind is not None:
        tall = tall | np.isin(kind, TREES)
        # Where there is no height, kinds alone decide: what is known to be no tree is known not to be tall.
        doubtful = doubtful & ~np.isin(kind, list(Kind))
    if definition.shrubs and kind is not None:
        tall = tall | (kind == Kind.SHRUB)
    return tall | doubtful, doubtful & ~tall


def _large(wooded: NDArray[np.bool_], least: int) -> NDArray[np.bool_]:
    if least <= 1:
        return wooded
    labels, count = ndimage.label(wooded, structure=NEIGHBOURS)
    keep = np.bincount(labels.ravel(), minlength=count + 1) >= least
    keep[0] = False
    large: NDArray[np.bool_] = keep[labels]
    return large


def forest_areas(
    definition: ForestDefinition,
    cover: NDArray[np.floating],
    grid: Grid,
    zones: Mapping[str, NDArray[np.bool_]],
    *,
    kind: NDArray[np.integer] | None = None,
    height: NDArray[np.floating] | None = None,
) -> dict[str, Estimate]:
    """Area of forest by a definition in each zone.

    Parameters
    ----------
    definition : ForestDefinition
        What counts.
    cover, kind, height : arrays (y, x)
        As for `forest_mask`, of the whole grid: patches reach across zones.
    grid : Grid
        Where they lie.
    zones : mapping of str to bool array (y, x)
        Pixels of each zone.

    Returns
    -------
    dict of str to Estimate [ha]
        Sums of true pixel areas; they carry the map's errors and have no interval.

    Raises
    ------
    NotPossible, GridMismatch
        As for `forest_mask`.

    Examples
    --------
    >>> grid = Grid("EPSG:32652", 100.0, (500000.0, 4800000.0, 500200.0, 4800200.0))
    >>> cover, everywhere = np.array([[90.0, 0], [0, np.nan]]), {"all": np.ones((2, 2), bool)}
    >>> found = forest_areas(DEFINITIONS["cover-30"], cover, grid, everywhere)
    >>> print(found["all"])
    1.00 ha (pixel count, unvalidated)
    """
    mask = forest_mask(cover, definition, kind=kind, height=height, resolution_m=grid.resolution_m)
    return {zone: counts["forest"] for zone, counts in mask_areas(mask, grid, zones).items()}


def mask_areas(
    mask: NDArray[np.uint8], grid: Grid, zones: Mapping[str, NDArray[np.bool_]]
) -> dict[str, dict[str, Estimate]]:
    """Sum true areas of a forest mask in each zone: ``forest``, ``known`` and ``zone`` [ha].

    Parameters
    ----------
    mask : uint8 (y, x)
        From `forest_mask`.
    grid : Grid
        Where it lies.
    zones : mapping of str to bool array (y, x)
        Pixels of each zone.

    Raises
    ------
    GridMismatch
        If mask and grid differ in shape.
    """
    if mask.shape != grid.shape:
        raise GridMismatch(f"the mask has {mask.shape} pixels and the grid {grid.shape}; give the grid's whole raster")
    sums = {zone: np.zeros(3) for zone in zones}
    for tile in grid.tiles(_TILE):
        here = np.s_[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
        hectares, part = pixel_areas(grid, tile) / 1e4, mask[here]
        for zone, inside in zones.items():
            within = inside[here]
            for place, where in enumerate((within & (part == FOREST), within & (part != UNKNOWN), within)):
                sums[zone][place] += hectares[where].sum()
    names = ("forest", "known", "zone")
    return {
        zone: {name: Estimate.counted(float(value), "ha") for name, value in zip(names, values, strict=True)}
        for zone, values in sums.items()
    }
