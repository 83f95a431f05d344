"""Scene windows: pixels of one asset under a tile, in buffers that each thread uses again and again."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.grid import Grid, Tile
from habitat.contracts.scene import Asset
from habitat.sources.scenes.placement import Gather, Placement, Window, block_mean, nested_copy
from habitat.sources.scenes.rasters import Header, Rasters

Gathers: TypeAlias = dict[Any, tuple[Gather, list[Window]]]
"""Places to take pixels from, and the parts of the source to read for them, by source and tile."""


class SceneWindows:
    """Reads windows of assets for tiles of one grid, from many threads at once.

    Parameters
    ----------
    rasters : Rasters
        Opens the files; enter its `env` in the thread that reads.
    headers : mapping of href to Header
        Of every asset that will be read.
    grid : Grid
        What tiles are counted on.
    """

    def __init__(self, rasters: Rasters, headers: Mapping[str, Header], grid: Grid) -> None:
        self.grid = grid
        self._rasters, self._headers = rasters, headers
        self._local = threading.local()
        self._places: dict[Any, Placement] = {}

    def header(self, asset: Asset) -> Header:
        """Return what an asset's file says of itself."""
        return self._headers[asset.href]

    def knows(self, asset: Asset | None) -> bool:
        """Tell whether an asset is there and can be read."""
        return asset is not None and asset.href in self._headers

    def place(self, asset: Asset) -> Placement:
        """Return how an asset's pixels relate to the grid."""
        geometry = self._headers[asset.href].geometry
        found = self._places.get(geometry)
        if found is None:
            found = self._places.setdefault(geometry, Placement.of(geometry, self.grid))
        return found

    def buffer(self, key: str, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        """Memory of this thread, used again from tile to tile: fresh pages cost as much as a third of a decode."""
        pool: dict[str, NDArray[Any]] = self._local.__dict__
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        flat = pool.get(key)
        if flat is None or flat.size < size:
            flat = pool[key] = np.empty(size, np.uint8)
        view: NDArray[Any] = flat[:size].view(dtype).reshape(shape)
        return view

    def read(self, asset: Asset, window: Window, out: NDArray[Any], fill: int) -> None:
        """Read a window that may reach past the raster; outside of it is `fill`."""
        inner = window.within(self._headers[asset.href].geometry.shape)
        if inner is None:
            out.fill(fill)
            return
        if inner == window:
            self._rasters.read(asset, window, out)
            return
        part = self.buffer("part", (inner.height, inner.width), out.dtype)
        self._rasters.read(asset, inner, part)
        out.fill(fill)
        out[window.place_of(inner)] = part

    def gathered(self, asset: Asset, tile: Tile, out: NDArray[Any], fill: int, gathers: Gathers) -> None:
        """Read the pixel under the centre of each pixel of a tile; `gathers` keeps places for the next asset."""
        place, block = self.place(asset), self.header(asset).block
        key = (place.geometry, tile, block)
        if key not in gathers:
            index = self.buffer(f"index {len(gathers)}", (tile.height, tile.width), np.int32)
            found = place.gather(tile, index)
            gathers[key] = (found, found.windows(block))
        gather, parts = gathers[key]
        if gather.window is None:
            out.fill(fill)
            return
        pixels = self.buffer("source", (gather.window.height, gather.window.width), out.dtype)
        for part in parts:
            self.read(asset, part, pixels[gather.window.place_of(part)], fill)
        gather.take(pixels, out, fill)

    def quality(self, asset: Asset, tile: Tile, halo: int, fill: int, gathers: Gathers) -> NDArray[Any]:
        """Quality codes with a margin: on their own pixels if those nest in the grid, else on the grid's."""
        place = self.place(asset)
        kept = self.header(asset).dtype
        dtype = np.dtype(kept if kept in ("uint8", "int16") else "uint16")
        if place.kind == "nested":
            window = place.native_window(tile)
            wide = Window(window.row - halo, window.column - halo, window.height + 2 * halo, window.width + 2 * halo)
            codes = self.buffer("codes", (wide.height, wide.width), dtype)
            self.read(asset, wide, codes, fill)
            return _unsigned(codes, fill)
        wider = Tile(tile.row - halo, tile.column - halo, tile.height + 2 * halo, tile.width + 2 * halo)
        codes = self.buffer("codes", (wider.height, wider.width), dtype)
        self.gathered(asset, wider, codes, fill, gathers)
        return _unsigned(codes, fill)

    def numbers(self, asset: Asset, tile: Tile, out: NDArray[np.uint16], step: int, gathers: Gathers) -> None:
        """Digital numbers under a tile, 0 where there are none, on pixels of `step` x `step` grid pixels."""
        place = self.place(asset)
        native = out
        if place.kind in ("nested", "reduced"):
            window = place.native_window(tile)
            direct = place.kind == "nested" and place.factor in (1, step)
            if not direct:
                native = self.buffer("source", (window.height, window.width), np.uint16)
            self.read(asset, window, native, 0)
        else:
            self.gathered(asset, tile, out, 0, gathers)
        nodata = self.header(asset).nodata
        if nodata:
            native[native == nodata] = 0
        if place.kind == "reduced":
            block_mean(native, place.factor, 0, out)
        elif native is not out:
            nested_copy(native, place.factor, *place.phase(tile), out)


def _unsigned(codes: NDArray[Any], fill: int) -> NDArray[Any]:
    """Return quality codes without numbers below zero: as 0 they would say clear, so they are `fill`."""
    if codes.dtype != np.int16:
        return codes
    codes[codes < 0] = fill
    return codes.view(np.uint16)
