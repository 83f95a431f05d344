"""Placement: which pixels of a source raster lie under a tile of the grid, without ever resampling more than needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeAlias

import numpy as np
from affine import Affine
from numba import njit
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from habitat.contracts.grid import Grid, Tile

Kind: TypeAlias = Literal["nested", "reduced", "axes", "warped"]

NODE_PX = 16
"""Between UTM zones a line bends away from its chord by 2 mm in 16 pixels of 20 m."""
EDGE = 1e-10
"""GDAL's own nearest neighbour adds this before it rounds down, so that pixels on an edge fall alike."""
_WHOLE = 1e-6


@dataclass(frozen=True)
class Geometry:
    """Where the pixels of a source raster lie."""

    crs: str
    """Coordinate system as EPSG:code or WKT."""
    transform: Affine
    """Pixel corner transform."""
    shape: tuple[int, int]
    """Rows and columns."""


@dataclass(frozen=True)
class Window:
    """A rectangle of a source raster, perhaps reaching past its edges."""

    row: int
    column: int
    height: int
    width: int

    def within(self, shape: tuple[int, int]) -> Window | None:
        """Return the part that lies inside a raster of so many rows and columns; None if nothing does.

        Examples
        --------
        >>> Window(-2, 3, 5, 4).within((10, 5))
        Window(row=0, column=3, height=3, width=2)
        """
        top, left = max(self.row, 0), max(self.column, 0)
        bottom, right = min(self.row + self.height, shape[0]), min(self.column + self.width, shape[1])
        return Window(top, left, bottom - top, right - left) if top < bottom and left < right else None

    def place_of(self, inner: Window) -> tuple[slice, slice]:
        """Return where in an array of this window a part of it belongs."""
        y, x = inner.row - self.row, inner.column - self.column
        return slice(y, y + inner.height), slice(x, x + inner.width)


@dataclass(frozen=True)
class Placement:
    """How the pixels of a raster relate to those of the grid.

    ``nested``: one source pixel covers `factor` x `factor` grid pixels whole. ``reduced``: one grid pixel
    covers `factor` x `factor` source pixels whole. ``axes``: same coordinate system, other pixel sizes or
    edges. ``warped``: another coordinate system. The last two take the source pixel that the centre of the
    grid pixel falls into.

    Examples
    --------
    >>> grid = Grid("EPSG:32652", 10.0, (600000.0, 4800000.0, 600100.0, 4800100.0))
    >>> swir = Geometry("EPSG:32652", Affine(20, 0, 599980, 0, -20, 4800140), (60, 60))
    >>> place = Placement.of(swir, grid)
    >>> place.kind, place.factor, place.origin
    ('nested', 2, (4, 2))
    """

    geometry: Geometry
    """The source."""
    grid: Grid
    """The target."""
    kind: Kind
    """See above."""
    factor: int = 1
    """Pixels of the finer per pixel of the coarser, each way."""
    origin: tuple[int, int] = (0, 0)
    """Row and column of the grid's corner in the source, counted in the finer of both kinds of pixels."""

    @classmethod
    def of(cls, geometry: Geometry, grid: Grid) -> Placement:
        """Find out how a raster relates to a grid."""
        t = geometry.transform
        if not _same_system(geometry.crs, grid.crs) or t.b or t.d:
            return cls(geometry, grid, "warped")
        r = grid.resolution_m
        south_up = t.e > 0
        for kind, ratio, unit in (("nested", t.a / r, r), ("reduced", r / t.a, t.a)):
            factor = round(ratio)
            row, column = (t.f - grid.bounds[3]) / unit, (grid.bounds[0] - t.c) / unit
            square = abs(t.a + t.e) < _WHOLE * t.a
            fits = factor >= 1 and abs(ratio - factor) < _WHOLE and square and not south_up
            if fits and abs(row - round(row)) < 1e-4 and abs(column - round(column)) < 1e-4:
                return cls(geometry, grid, kind, factor, (round(row), round(column)))  # type: ignore[arg-type]
        return cls(geometry, grid, "axes")

    def phase(self, tile: Tile) -> tuple[int, int]:
        """Grid pixels by which a tile's corner lies inside its first source pixel (nested only)."""
        return (tile.row + self.origin[0]) % self.factor, (tile.column + self.origin[1]) % self.factor

    def native_window(self, tile: Tile) -> Window:
        """Source pixels under a tile (nested and reduced only)."""
        if self.kind == "reduced":
            k = self.factor
            row, column = tile.row * k + self.origin[0], tile.column * k + self.origin[1]
            return Window(row, column, tile.height * k, tile.width * k)
        top, left = tile.row + self.origin[0], tile.column + self.origin[1]
        row, column = top // self.factor, left // self.factor
        bottom = -(-(top + tile.height) // self.factor)
        right = -(-(left + tile.width) // self.factor)
        return Window(row, column, bottom - row, right - column)

    def touches(self, tile: Tile) -> bool:
        """Whether any source pixel may lie under a tile."""
        if self.kind in ("nested", "reduced"):
            return self.native_window(tile).within(self.geometry.shape) is not None
        if self.kind == "warped":
            return _reach(*_edge_nodes(self.geometry, self.grid, tile), self.geometry.shape) is not None
        return self.gather(tile).window is not None

    def gather(self, tile: Tile, index: NDArray[np.int32] | None = None) -> Gather:
        """Source pixel under the centre of each pixel of a tile (any kind); `index` (y, x) is memory to use."""
        if index is None:
            index = np.empty((tile.height, tile.width), np.int32)
        if self.kind == "warped":
            return _warped(self.geometry, self.grid, tile, index)
        r, t = self.grid.resolution_m, self.geometry.transform
        x = self.grid.bounds[0] + (tile.column + np.arange(tile.width) + 0.5) * r
        y = self.grid.bounds[3] - (tile.row + np.arange(tile.height) + 0.5) * r
        return _gathered(_floor((y - t.f) / t.e), _floor((x - t.c) / t.a), self.geometry.shape, index)


@dataclass(frozen=True)
class Gather:
    """Places to take pixels from, in a window of the source."""

    window: Window | None
    """What to read; None if the tile lies outside of the source."""
    index: NDArray[np.int32]
    """(y, x): position in the flattened window, -1 outside of the source."""
    nodes: tuple[NDArray[np.floating], NDArray[np.floating]] | None = None
    """Rows and columns of the source at the nodes of a warped raster, whose window has corners nobody asks for."""

    def windows(self, block: tuple[int, int]) -> list[Window]:
        """Return the parts of the window that hold wanted pixels, cut along the source's blocks."""
        whole = self.window
        if whole is None or self.nodes is None:
            return [] if whole is None else [whole]
        high, wide = block
        rows, columns = self.nodes
        # The blocks around each node, as far as its next ones; strips thinner than that are not worth the trouble.
        reach = 1 + max(float(np.nanmax(np.abs(np.diff(n, axis=axis)))) for n in self.nodes for axis in (0, 1))
        if not min(block) > 2 * reach:
            return [whole]
        found = np.zeros(((whole.row + whole.height) // high + 1, (whole.column + whole.width) // wide + 1), bool)
        for shift_y in (-reach, reach):
            for shift_x in (-reach, reach):
                y, x = (rows + shift_y) // high, (columns + shift_x) // wide
                inside = (y >= 0) & (y < found.shape[0]) & (x >= 0) & (x < found.shape[1])
                found[y[inside].astype(int), x[inside].astype(int)] = True
        parts = []
        for y, x in zip(*(map(int, places) for places in np.nonzero(found)), strict=True):
            top, left = max(y * high, whole.row), max(x * wide, whole.column)
            bottom = min((y + 1) * high, whole.row + whole.height)
            right = min((x + 1) * wide, whole.column + whole.width)
            if top < bottom and left < right:
                parts.append(Window(top, left, bottom - top, right - left))
        return parts

    def take(self, pixels: NDArray[Any], out: NDArray[Any], fill: int) -> None:
        """Fill `out` (y, x) from the pixels of the window."""
        _take(np.ascontiguousarray(pixels).reshape(-1), self.index, fill, out)


def _same_system(one: str, other: str) -> bool:
    return one == other or _equal_systems(one, other)


@lru_cache(maxsize=64)
def _equal_systems(one: str, other: str) -> bool:
    return bool(CRS.from_user_input(one).equals(CRS.from_user_input(other), ignore_axis_order=True))


@lru_cache(maxsize=16)
def _transformer(source: str, target: str) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


def _floor(positions: NDArray[np.floating]) -> NDArray[np.int64]:
    # Places a projection cannot reach come as infinity and lie outside of every file.
    within = np.where(np.isfinite(positions), positions, -1.0)
    return np.asarray(np.floor(within + EDGE), dtype=np.int64)


def _gathered(
    rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int], index: NDArray[np.int32]
) -> Gather:
    inside_y, inside_x = (rows >= 0) & (rows < shape[0]), (columns >= 0) & (columns < shape[1])
    index.fill(-1)
    if not (inside_y.any() and inside_x.any()):
        return Gather(None, index)
    top, left = int(np.min(rows[inside_y])), int(np.min(columns[inside_x]))
    window = Window(top, left, int(np.max(rows[inside_y])) - top + 1, int(np.max(columns[inside_x])) - left + 1)
    places = (rows[:, None] - top) * window.width + (columns[None, :] - left)
    index[np.ix_(inside_y, inside_x)] = places[np.ix_(inside_y, inside_x)]
    return Gather(window, index)


def _warped(geometry: Geometry, grid: Grid, tile: Tile, index: NDArray[np.int32]) -> Gather:
    """Project a lattice of nodes, go straight between them: nodes lie at fixed places of the grid."""
    first_row, first_column = tile.row // NODE_PX, tile.column // NODE_PX
    rows = np.arange(first_row, (tile.row + tile.height - 1) // NODE_PX + 2)
    columns = np.arange(first_column, (tile.column + tile.width - 1) // NODE_PX + 2)
    node_rows, node_columns = _projected(geometry, grid, *np.meshgrid(rows, columns, indexing="ij"))
    reach = _reach(node_rows, node_columns, geometry.shape)
    if reach is None:
        index.fill(-1)
        return Gather(None, index)
    top, left, bottom, right = reach
    window = Window(top, left, bottom - top, right - left)
    start = (tile.row - first_row * NODE_PX, tile.column - first_column * NODE_PX)
    limits = (float(top), float(left), float(bottom), float(right))
    found = _interpolate(node_rows, node_columns, start, limits, index)
    return Gather(window if found else None, index, (node_rows, node_columns))


def _projected(geometry: Geometry, grid: Grid, rows: Any, columns: Any) -> tuple[Any, Any]:
    """Rows and columns of a raster, counted from its corner, where nodes of the grid lie; NaN if nowhere."""
    x = grid.bounds[0] + columns * (NODE_PX * grid.resolution_m)
    y = grid.bounds[3] - rows * (NODE_PX * grid.resolution_m)
    xs, ys = _transformer(grid.crs, geometry.crs).transform(x, y)
    to_pixel = ~geometry.transform
    # Places a projection cannot reach come as infinity; NaN is never inside of anything.
    reached = np.isfinite(xs) & np.isfinite(ys)
    node_columns = np.where(reached, to_pixel.a * xs + to_pixel.b * ys + to_pixel.c, np.nan)
    node_rows = np.where(reached, to_pixel.d * xs + to_pixel.e * ys + to_pixel.f, np.nan)
    return node_rows, node_columns


def _edge_nodes(geometry: Geometry, grid: Grid, tile: Tile) -> tuple[Any, Any]:
    """Nodes along the edges of a tile: nothing inside of them projects beyond them."""
    top, left = tile.row // NODE_PX, tile.column // NODE_PX
    bottom = (tile.row + tile.height - 1) // NODE_PX + 1
    right = (tile.column + tile.width - 1) // NODE_PX + 1
    down, across = np.arange(top, bottom + 1), np.arange(left, right + 1)
    rows = np.concatenate([down, down, np.full_like(across, top), np.full_like(across, bottom)])
    columns = np.concatenate([np.full_like(down, left), np.full_like(down, right), across, across])
    return _projected(geometry, grid, rows, columns)


def _reach(node_rows: Any, node_columns: Any, shape: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """Top, left, bottom and right of the source pixels among some nodes; None if there are none."""
    if not np.isfinite(node_rows).any():
        return None
    height, width = shape
    top, left = max(int(np.nanmin(node_rows)) - 1, 0), max(int(np.nanmin(node_columns)) - 1, 0)
    bottom, right = min(int(np.nanmax(node_rows)) + 2, height), min(int(np.nanmax(node_columns)) + 2, width)
    return (top, left, bottom, right) if top < bottom and left < right else None


@njit(nogil=True, cache=True, error_model="numpy")
def _interpolate(node_rows: Any, node_columns: Any, start: Any, limits: Any, index: Any) -> Any:
    nodes = node_rows.shape[1]
    line_rows = np.empty(nodes)
    line_columns = np.empty(nodes)
    shares = (np.arange(NODE_PX) + 0.5) / NODE_PX
    for y in range(index.shape[0]):
        place = (start[0] + y + 0.5) / NODE_PX
        node = int(place)
        share = place - node
        for i in range(nodes):
            line_rows[i] = node_rows[node, i] * (1 - share) + node_rows[node + 1, i] * share
            line_columns[i] = node_columns[node, i] * (1 - share) + node_columns[node + 1, i] * share
        for i in range(nodes - 1):
            first, last = max(i * NODE_PX - start[1], 0), min((i + 1) * NODE_PX - start[1], index.shape[1])
            if first < last:
                ends = (line_rows[i], line_rows[i + 1], line_columns[i], line_columns[i + 1])
                skip = first + start[1] - i * NODE_PX
                _between(ends, shares[skip : skip + last - first], limits, index[y, first:last])
    return index.max() >= 0


@njit(nogil=True, cache=True, error_model="numpy", inline="never")
def _between(ends: Any, shares: Any, limits: Any, out: Any) -> None:
    # A function of its own without branches, so that it becomes vector instructions.
    row_0, row_1, column_0, column_1 = ends
    top, left, bottom, right = limits
    for x in range(out.size):
        s = shares[x]
        row = np.floor(row_0 * (1 - s) + row_1 * s + EDGE)
        column = np.floor(column_0 * (1 - s) + column_1 * s + EDGE)
        inside = (row >= top) & (row < bottom) & (column >= left) & (column < right)
        place = np.int32((row - top) * (right - left) + (column - left))
        out[x] = place if inside else np.int32(-1)


@njit(nogil=True, cache=True)
def _take(pixels: Any, index: Any, fill: Any, out: Any) -> None:
    for y in range(index.shape[0]):
        for x in range(index.shape[1]):
            place = index[y, x]
            if place >= 0:
                out[y, x] = pixels[place]
            else:
                out[y, x] = fill


@njit(nogil=True, cache=True)
def block_mean(pixels: Any, factor: int, nodata: Any, out: Any) -> None:
    """Mean of factor x factor pixels, rounded half up, of those with a value; `nodata` where none has one."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            total, count = 0, 0
            for j in range(factor):
                for i in range(factor):
                    value = pixels[y * factor + j, x * factor + i]
                    if value != nodata:
                        total += value
                        count += 1
            out[y, x] = (2 * total + count) // (2 * count) if count else nodata


@njit(nogil=True, cache=True)
def nested_copy(coarse: Any, step: int, row: int, column: int, out: Any) -> None:
    """Repeat coarse pixels step x step times into `out`, whose corner lies (row, column) inside the first."""
    for y in range(out.shape[0]):
        if y > 0 and (y + row) % step:
            _copy_row(out[y - 1], out[y])
        elif step == 2:
            _pairs(coarse[(y + row) // 2], column, out[y])
        else:
            line = coarse[(y + row) // step]
            for x in range(out.shape[1]):
                out[y, x] = line[(x + column) // step]


@njit(nogil=True, cache=True, inline="never")
def _copy_row(source: Any, out: Any) -> None:
    for x in range(out.size):
        out[x] = source[x]


@njit(nogil=True, cache=True, inline="never")
def _pairs(line: Any, column: int, out: Any) -> None:
    # Whole pairs in a loop without division, which the compiler turns into vector instructions.
    ahead = column % 2
    if ahead:
        out[0] = line[column // 2]
    first = (column + ahead) // 2
    whole = (out.size - ahead) // 2
    for i in range(whole):
        value = line[first + i]
        out[ahead + 2 * i] = value
        out[ahead + 2 * i + 1] = value
    if ahead + 2 * whole < out.size:
        out[out.size - 1] = line[first + whole]


@njit(nogil=True, cache=True)
def nested_paste(pixels: Any, owner: Any, number: int, place: Any, out: Any) -> None:
    """Copy pixels into `out` where their owner, on pixels `place` = (step, row, column) coarser, is `number`."""
    step, row, column = place
    for y in range(out.shape[0]):
        line = owner[(y + row) // step]
        for x in range(out.shape[1]):
            if line[(x + column) // step] == number:
                out[y, x] = pixels[y, x]
