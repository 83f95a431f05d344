"""Thumbnail: a small copy of a raster that is gathered while its tiles pass by."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.grid import Grid, Tile
from habitat.contracts.legend import Legend
from habitat.contracts.raster_spec import RasterSpec

LONGEST_PX = 1000


class Thumbnail:
    """Every so many-th pixel of a raster, in stored codes.

    Parameters
    ----------
    grid : Grid
        Of the raster.
    spec : RasterSpec
        Its bands, type and nodata code.
    longest : int
        Most pixels along the longer side.
    """

    def __init__(self, grid: Grid, spec: RasterSpec, *, longest: int = LONGEST_PX) -> None:
        self.spec = spec
        self._step = max(1, -(-max(grid.shape) // longest))
        shape = tuple(-(-side // self._step) for side in grid.shape)
        self._codes = np.full((len(spec.bands), *shape), 0 if spec.nodata is None else spec.nodata, spec.dtype)

    def add(self, tile: Tile, codes: NDArray[Any]) -> None:
        """Take what falls on the small copy from a tile (band, y, x); from any thread."""
        step = self._step
        top, left = -tile.row % step, -tile.column % step
        part = codes[:, top::step, left::step]
        y, x = (tile.row + top) // step, (tile.column + left) // step
        self._codes[:, y : y + part.shape[1], x : x + part.shape[2]] = part

    def codes(self, band: str | int = 0) -> NDArray[Any]:
        """Return the codes of one band (y, x)."""
        index = band if isinstance(band, int) else self.spec.band_names.index(band)
        codes: NDArray[Any] = self._codes[index]
        return codes

    def values(self, band: str | int = 0) -> NDArray[np.float32]:
        """Physical values of one band (y, x), NaN where unknown."""
        index = band if isinstance(band, int) else self.spec.band_names.index(band)
        about = self.spec.bands[index]
        values: NDArray[np.float32] = self._codes[index].astype(np.float32) * np.float32(about.scale) + np.float32(
            about.offset
        )
        if self.spec.nodata is not None:
            values[self._codes[index] == self.spec.nodata] = np.nan
        return values

    def legend(self) -> Legend:
        """Return the raster's legend; one without a range of its own is stretched over nearly all values."""
        legend = self.spec.styling
        if legend.name != "generic":
            return legend
        known = self.values()[np.isfinite(self.values())]
        if not known.size:
            return legend
        low, high = (float(value) for value in np.percentile(known, (2, 98)))
        return legend.stretched(low, high) if high > low else legend

    def picture(self) -> NDArray[Any]:
        """Return what `quicklook` draws: codes of a class raster, three bands of a colour composite, or values."""
        legend = self.spec.styling
        if legend.classes:
            return self.codes()
        if legend.channels:
            return np.stack([self.values(channel[0]) for channel in legend.channels])
        return self.values()
