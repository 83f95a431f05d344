"""Sampling: pixels drawn at random from the strata of a map while its tiles pass by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import Transformer

from habitat.contracts.errors import ConfigError, InputError
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.pixel_areas import areal_scale, pixel_areas

Codes = NDArray[np.integer[Any]]
Keys = NDArray[np.uint64]

_MOST_CLASSES = 256
_WIDEST = 1 << 17
_STEP = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class Piece:
    """A tile of the map and of its strata.

    Parameters
    ----------
    tile : Tile
        Where it lies on the grid.
    strata, mapped : int (y, x)
        Codes; one array twice where the strata are the classes of the map.
    known : bool (y, x)
        Pixels that belong to the population: both codes are known.
    """

    tile: Tile
    strata: Codes
    mapped: Codes
    known: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Population:
    """What there is to draw from.

    Parameters
    ----------
    strata, classes : tuple of int
        Codes that occur, ascending.
    pixels : int64 (stratum, class)
        Pixels of a class of the map in each stratum.
    areas : float64 (stratum, class) [m²]
        Their true area.
    """

    strata: tuple[int, ...]
    classes: tuple[int, ...]
    pixels: NDArray[np.int64]
    areas: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Points:
    """Pixels of a sample in random order, so that any first part of them is a random part.

    Parameters
    ----------
    cells : int64 (point)
        Number of the pixel: row · columns of the grid + column.
    strata, mapped : int64 (point)
        Codes.
    x, y : float64 (point) [m]
        Centre in the grid's system.
    longitude, latitude : float64 (point) [degrees, WGS 84]
        The same place.
    areas : float64 (point) [m²]
        True area of the pixel.
    """

    cells: NDArray[np.int64]
    strata: NDArray[np.int64]
    mapped: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    longitude: NDArray[np.float64]
    latitude: NDArray[np.float64]
    areas: NDArray[np.float64]


def population(pieces: Iterable[Piece], grid: Grid) -> Population:
    """Pixels and true area of each class of a map in each stratum.

    Parameters
    ----------
    pieces : iterable of Piece
        Tiles that cover the grid, each pixel once, in any order.
    grid : Grid
        The grid they lie on.

    Raises
    ------
    InputError
        If no pixel is known, or there are so many codes that the raster holds no classes.

    Examples
    --------
    >>> grid = Grid.around((500000, 4800000, 500060, 4800020), "EPSG:32652", 20)
    >>> codes = np.array([[1, 1, 4]])
    >>> there = population([Piece(Tile(0, 0, 1, 3), codes, codes, codes > 0)], grid)
    >>> there.strata, there.pixels.tolist(), there.areas.sum().round(2).item()
    ((1, 4), [[2, 0], [0, 1]], 1200.96)
    """
    found: dict[tuple[int, int], tuple[int, float]] = {}
    for piece in pieces:
        for combination, count, area in _counted(piece, grid):
            before = found.get(combination, (0, 0.0))
            found[combination] = before[0] + count, before[1] + area
    if not found:
        raise InputError("the map has no known pixel; is its nodata code right?")
    strata_found = tuple(sorted({stratum for stratum, _ in found}))
    classes_found = tuple(sorted({code for _, code in found}))
    pixels = np.zeros((len(strata_found), len(classes_found)), np.int64)
    total = np.zeros(pixels.shape)
    for (one, other), (count, area) in found.items():
        place = strata_found.index(one), classes_found.index(other)
        pixels[place], total[place] = count, area
    return Population(strata_found, classes_found, pixels, total)


def drawn(pieces: Iterable[Piece], grid: Grid, sizes: Mapping[int, int], seed: int) -> Points:
    """Points of a stratified random sample, drawn without replacement.

    Every pixel has a random number of its own, made from the seed and the number of the pixel; a stratum's sample
    is its pixels with the smallest. So a sample depends on nothing but map and seed, whatever the tiles, and a
    larger sample of the same seed contains the smaller one.

    Parameters
    ----------
    pieces : iterable of Piece
        Tiles that cover the grid, each pixel once, in any order.
    grid : Grid
        The grid they lie on.
    sizes : mapping of int to int
        Samples of each stratum by its code; a stratum with fewer pixels gives them all.
    seed : int
        Not negative.

    Raises
    ------
    ConfigError
        If the seed or a size is negative.
    InputError
        If a stratum that samples are wanted of does not occur.

    Examples
    --------
    >>> grid = Grid.around((500000, 4800000, 500060, 4800020), "EPSG:32652", 20)
    >>> codes = np.array([[1, 1, 4]])
    >>> points = drawn([Piece(Tile(0, 0, 1, 3), codes, codes, codes > 0)], grid, {1: 1, 4: 5}, seed=1)
    >>> sorted(points.strata.tolist()), 2 in points.cells
    ([1, 4], True)
    """
    if seed < 0 or any(size < 0 for size in sizes.values()):
        raise ConfigError(f"seed is {seed} and sizes are {list(sizes.values())}, wants whole numbers from 0 up")
    nothing = (np.empty(0, np.uint64), np.empty(0, np.int64), np.empty(0, np.int64))
    kept = {stratum: nothing for stratum, size in sizes.items() if size}
    for piece in pieces:
        keys, cells = _keys(piece.tile, grid, seed)
        strata, mapped = piece.strata.ravel(), piece.mapped.ravel()
        for stratum, (best, where, codes) in kept.items():
            inside = piece.known.ravel() & (strata == stratum)
            if best.size == sizes[stratum]:
                inside &= keys < best[-1]
            new = np.flatnonzero(inside)
            if new.size:
                joined = np.concatenate([best, keys[new]])
                first = np.argsort(joined, kind="stable")[: sizes[stratum]]
                kept[stratum] = (
                    joined[first],
                    np.concatenate([where, cells[new]])[first],
                    np.concatenate([codes, mapped[new].astype(np.int64)])[first],
                )
    absent = [str(stratum) for stratum, (best, _, _) in kept.items() if not best.size]
    if absent:
        raise InputError(f"the strata {', '.join(absent)} do not occur on the map")
    return _points(kept, grid)


def _points(kept: Mapping[int, tuple[Keys, NDArray[np.int64], NDArray[np.int64]]], grid: Grid) -> Points:
    columns = list(zip(*kept.values(), strict=True)) or [(np.empty(0, np.uint64),)] * 3
    keys, cells, mapped = (np.concatenate(column) for column in columns)
    strata = np.concatenate([np.full(len(part[0]), code, np.int64) for code, part in kept.items()] or [cells])
    # By their keys a rare stratum would stand last: all of it is drawn, and of others the smallest keys only.
    order = np.argsort(_mixed(keys + _STEP), kind="stable")
    cells = cells[order].astype(np.int64)
    x, y = cell_centres(cells, grid)
    longitude, latitude = Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)
    areas = grid.resolution_m**2 / areal_scale(grid.crs, x, y)
    return Points(
        cells, strata[order], mapped[order].astype(np.int64), x, y, np.asarray(longitude), np.asarray(latitude), areas
    )


def cell_centres(cells: NDArray[np.int64], grid: Grid) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centres x, y [m] of pixels by their number, row · columns + column.

    Examples
    --------
    >>> grid = Grid.around((500000, 4800000, 500060, 4800040), "EPSG:32652", 20)
    >>> [each.tolist() for each in cell_centres(np.array([0, 4]), grid)]
    [[500010.0, 500030.0], [4800030.0, 4800010.0]]
    """
    row, column = np.divmod(cells, grid.shape[1])
    west, _, _, north = grid.bounds
    return west + (column + 0.5) * grid.resolution_m, north - (row + 0.5) * grid.resolution_m


def cells_at(x: NDArray[np.float64], y: NDArray[np.float64], grid: Grid) -> NDArray[np.int64]:
    """Numbers of the pixels that hold places x, y [m]; -1 outside the grid.

    Examples
    --------
    >>> grid = Grid.around((500000, 4800000, 500060, 4800040), "EPSG:32652", 20)
    >>> cells_at(np.array([500030.0, 400000.0]), np.array([4800010.0, 4800010.0]), grid).tolist()
    [4, -1]
    """
    west, _, _, north = grid.bounds
    column = np.floor((x - west) / grid.resolution_m)
    row = np.floor((north - y) / grid.resolution_m)
    rows, columns = grid.shape
    inside = (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
    cells: NDArray[np.int64] = np.where(inside, row * columns + column, -1).astype(np.int64)
    return cells


def _keys(tile: Tile, grid: Grid, seed: int) -> tuple[Keys, NDArray[np.int64]]:
    """Return a random number for each pixel of a tile, no two alike on the grid, and the pixels' numbers."""
    rows = np.arange(tile.row, tile.row + tile.height, dtype=np.int64)
    columns = np.arange(tile.column, tile.column + tile.width, dtype=np.int64)
    cells = (rows[:, None] * grid.shape[1] + columns).ravel()
    start = _mixed(np.array([seed], np.uint64) + _STEP)
    return _mixed(cells.astype(np.uint64) * _STEP + start), cells


def _mixed(numbers: Keys) -> Keys:
    """Return 64-bit numbers mixed one to one until no pattern is left (the finaliser of SplitMix64)."""
    mixed = numbers ^ (numbers >> np.uint64(30))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _counted(piece: Piece, grid: Grid) -> Iterator[tuple[tuple[int, int], int, float]]:
    """Yield the combinations (stratum, class) of a tile with their pixels and true area [m²]."""
    known = piece.known.ravel()
    if not known.any():
        return
    chosen = slice(None) if known.all() else np.flatnonzero(known)
    ground = pixel_areas(grid, piece.tile).ravel()[chosen]
    strata, both = _ranks(piece.strata.ravel()[chosen])
    alike = piece.mapped is piece.strata
    # Strata that are the classes of the map are counted once; that is the usual case and half the work.
    classes, mapped = (strata, both) if alike else _ranks(piece.mapped.ravel()[chosen])
    if not alike:
        both = both * len(classes) + mapped
    counts, areas = np.bincount(both), np.bincount(both, weights=ground)
    for place in np.flatnonzero(counts).tolist():
        row, column = (place, place) if alike else divmod(place, len(classes))
        yield (int(strata[row]), int(classes[column])), int(counts[place]), float(areas[place])


def _ranks(codes: Codes) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return codes, ascending, and for each pixel the place of its code among them."""
    lowest, highest = int(np.min(codes)), int(np.max(codes))
    if highest - lowest >= _WIDEST:
        raise InputError(f"codes run from {lowest} to {highest}; this is no raster of classes")
    shifted = codes.astype(np.int64)
    shifted -= lowest
    if highest - lowest < _MOST_CLASSES:
        return np.arange(lowest, highest + 1), shifted
    occurs = np.flatnonzero(np.bincount(shifted))
    if occurs.size > _MOST_CLASSES:
        raise InputError(f"there are {occurs.size} codes in one tile, at most {_MOST_CLASSES} are classes")
    place = np.zeros(highest - lowest + 1, np.int64)
    place[occurs] = np.arange(occurs.size)
    return occurs + lowest, place[shifted]
