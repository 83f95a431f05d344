"""Pieces of the world's 20 m lattice: land for fires and clearings, places drawn by weight, pasting and outlines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from affine import Affine
from numba import njit
from numpy.typing import NDArray
from rasterio import features
from shapely.geometry import MultiPolygon, Polygon, shape

from habitat.contracts.errors import ConfigError
from habitat.twin.land.landscape import Field, Landscape, landscape_in
from habitat.twin.land.spread import CELL_M
from habitat.twin.world import Window, World

_CACHED = 1600
"""Worlds of at most so many rows of 20 m are drawn once; of larger ones only the pieces that are asked for."""
_SCOUT, _SCOUTS_ACROSS = 24, 30
"""Rows and columns of the pieces in which events of a large world begin, and their number along its side."""
Weigh = Callable[[Landscape], Field]
"""Gives every cell the weight it is drawn with [1], 0 to about 1."""
LONG_AGO = np.iinfo(np.int32).min
"""Day of what never happened."""


def cells(world: World) -> int:
    """Return the rows and columns of the world's 20 m lattice."""
    return world.pixels // 2


@lru_cache(maxsize=2)
def _whole(world: World) -> Landscape:
    return landscape_in(world, world.whole, CELL_M)


def land_piece(world: World, row: int, column: int, rows: int, columns: int) -> Landscape:
    """Return the land of a piece of the 20 m lattice, cut at the world's edge."""
    row, column, rows, columns = _cut(world, row, column, rows, columns)
    window = Window(2 * row, 2 * column, 2 * rows, 2 * columns)
    if cells(world) > _CACHED:
        return landscape_in(world, window, CELL_M)
    return cropped(_whole(world), window)


def cropped(land: Landscape, window: Window) -> Landscape:
    """Return a part of a piece; views, no copies."""
    row, column = (window.row - land.window.row) // 2, (window.column - land.window.column) // 2
    part = np.s_[row : row + window.rows // 2, column : column + window.columns // 2]
    arrays = {
        one.name: getattr(land, one.name)[part]
        for one in fields(land)
        if isinstance(getattr(land, one.name), np.ndarray)
    }
    return replace(land, window=window, **arrays)


def piece_around(world: World, place: tuple[int, int], half: int) -> Landscape:
    """Return the land within so many cells of a place."""
    return land_piece(world, place[0] - half, place[1] - half, 2 * half + 1, 2 * half + 1)


def corner(land: Landscape) -> tuple[int, int]:
    """Return the first row and column of a piece on the 20 m lattice."""
    return land.window.row // 2, land.window.column // 2


def _cut(world: World, row: int, column: int, rows: int, columns: int) -> tuple[int, int, int, int]:
    size = cells(world)
    top, left = max(row, 0), max(column, 0)
    return top, left, min(row + rows, size) - top, min(column + columns, size) - left


@lru_cache(maxsize=1)
def _scouts(world: World) -> tuple[Landscape, ...]:
    """Return small pieces from all over a large world: what happens in it begins in one of them."""
    # One in every cell of a coarse lattice, anywhere inside it: even, and without a pattern.
    across = _SCOUTS_ACROSS
    rng, edge = world.rng("scouts"), cells(world) / across
    corners = (np.indices((across, across)).reshape(2, -1).T + rng.random((across * across, 2))) * edge
    places = np.minimum(corners, cells(world) - _SCOUT).astype(np.int64)
    return tuple(land_piece(world, int(row), int(column), _SCOUT, _SCOUT) for row, column in places)


class Places:
    """Draws cells of the lattice by weight: of a small world all cells, of a large one those of its scouts."""

    def __init__(self, world: World, weigh: Weigh) -> None:
        """Weigh the cells."""
        pieces = (_whole(world),) if cells(world) <= _CACHED else _scouts(world)
        self._columns = pieces[0].cover.shape[1]
        self._cells = pieces[0].cover.size
        self._corners = [corner(land) for land in pieces]
        self._sums = np.cumsum(np.concatenate([weigh(land).ravel() for land in pieces]), dtype=np.float64)

    def draw(self, rng: np.random.Generator) -> tuple[int, int] | None:
        """Return row and column of a cell, or nothing if no cell has weight."""
        if self._sums[-1] <= 0:
            return None
        at = int(np.searchsorted(self._sums, rng.random() * self._sums[-1], side="right"))
        piece, inside = divmod(min(at, self._sums.size - 1), self._cells)
        row, column = divmod(inside, self._columns)
        return self._corners[piece][0] + row, self._corners[piece][1] + column


def trimmed(inside: NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return rows and columns that hold everything there is.

    Examples
    --------
    >>> trimmed(np.array([[False, False], [False, True]]))
    (slice(1, 2, None), slice(1, 2, None))
    """
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


class Lattice:
    """The cells of 20 m a window touches, onto which patches are pasted, newest last."""

    def __init__(self, window: Window, resolution_m: float) -> None:
        """Open an empty lattice.

        Raises
        ------
        ConfigError
            If pixels are neither 10 nor 20 m, or 20 m pixels would not fall on the lattice.
        """
        step = round(resolution_m / 10.0)
        if resolution_m not in (10.0, 20.0):
            raise ConfigError(f"pixels of {resolution_m:g} m were asked for, wants 10 or 20")
        if step == 2 and (window.row % 2 or window.column % 2 or window.rows % 2 or window.columns % 2):
            raise ConfigError(f"{window} cuts cells of 20 m in two; begin and end it at even rows and columns")
        self.window, self._step = window, step
        self.row, self.column = window.row // 2, window.column // 2
        rows = (window.row + window.rows + 1) // 2 - self.row
        columns = (window.column + window.columns + 1) // 2 - self.column
        self.day = np.full((rows, columns), LONG_AGO, np.int32)
        self.value = np.zeros((rows, columns), np.float32)
        self.code = np.zeros((rows, columns), np.uint8)

    def touches(self, row: int, column: int, rows: int, columns: int) -> bool:
        """Tell whether a patch lies on the lattice, even in part."""
        down, right = row - self.row, column - self.column
        return -rows < down < self.day.shape[0] and -columns < right < self.day.shape[1]

    def paste(
        self,
        place: tuple[int, int],
        hours: Field,
        values: Field,
        span: tuple[float, float, float],
        code: int = 1,
    ) -> None:
        """Lay a patch over what is older.

        Parameters
        ----------
        place : tuple of int
            First row and column of the patch on the world's lattice.
        hours : array (y, x) [h]
            When it came, from the patch's beginning; infinity where it did not.
        values : array (y, x)
            What is kept.
        span : tuple of float
            The patch's beginning, and from when (inclusive) to when (exclusive) counts [hours since 1970].
        code : int
            Kept beside the value.
        """
        if self.touches(*place, *hours.shape):
            offset = (place[0] - self.row, place[1] - self.column)
            _paste(self.day, self.value, self.code, hours, values, (*offset, *span, code))

    def drawn(self, field: NDArray[Any]) -> NDArray[Any]:
        """Return one of the lattice's fields at the window's pixels, each taking the cell it lies in."""
        if self._step == 2:
            return field
        doubled = np.repeat(np.repeat(field, 2, axis=0), 2, axis=1)
        down, right = self.window.row - 2 * self.row, self.window.column - 2 * self.column
        return doubled[down : down + self.window.rows, right : right + self.window.columns]


@njit(nogil=True, cache=True)
def _paste(day, value, code, hours, values, numbers):  # type: ignore[no-untyped-def]
    down, right, start, first, until, own = numbers
    for i in range(max(0, -down), min(hours.shape[0], day.shape[0] - down)):
        for j in range(max(0, -right), min(hours.shape[1], day.shape[1] - right)):
            moment = start + hours[i, j]
            if moment < first or moment >= until:
                continue
            came = np.int32(np.floor(moment / 24.0))
            if came >= day[i + down, j + right]:
                day[i + down, j + right] = came
                value[i + down, j + right] = values[i, j]
                code[i + down, j + right] = own


def days_between(day: int, then: NDArray[np.int32]) -> Field:
    """Return how many days before a day (both since 1970) something was; infinity where it never was."""
    days: Field = np.where(then == LONG_AGO, np.inf, day - then.astype(np.float32)).astype(np.float32)
    return days


def outline(world: World, row: int, column: int, inside: NDArray[np.bool_]) -> MultiPolygon:
    """Return the outline of a patch's cells [m]; cells that touch at a corner only are apart."""
    west, north = world.west + column * CELL_M, world.north - row * CELL_M
    transform = Affine(CELL_M, 0.0, west, 0.0, -CELL_M, north)
    found = features.shapes(inside.astype(np.uint8), mask=inside, connectivity=4, transform=transform)
    joined = shapely.union_all([shape(geometry) for geometry, _ in found])
    return MultiPolygon([joined]) if isinstance(joined, Polygon) else joined
