"""Observations: all dates of a tile as reflectance codes and masks on the grid, for methods that need whole series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.area import Area
from habitat.contracts.grid import Tile
from habitat.contracts.span import Span
from habitat.imagery.composites import CODE_SCALE, NODATA
from habitat.sources.scenes.pixels import PixelReader
from habitat.sources.scenes.preflight import Checked
from habitat.sources.scenes.rasters import Rasters
from habitat.sources.scenes.tile_view import BandStack, TileView

BYTES_PER_LOOK = 46
"""Memory [B] of one pixel on one date, with what a method makes of it."""
_LAYERS = 2
"""Bytes `PixelReader.tiles` reckons for each band held."""


class Observations(NamedTuple):
    """Series of the pixels of one tile, row by row."""

    codes: NDArray[np.int16]
    """Reflectance / 1e-4 (band, date, pixel), -32768 where unknown; dates are those of the reader."""
    clear: NDArray[np.uint8]
    """1 where clear (date, pixel)."""


def observations(reader: PixelReader, view: TileView, bands: Sequence[str]) -> Observations:
    """Read all dates and bands of a tile.

    Parameters
    ----------
    reader : PixelReader
        Its dates are the dates of the series, whether they have a clear pixel here or not.
    view : TileView
        The tile, from `PixelReader.at`.
    bands : sequence of str
        Canonical bands.

    Raises
    ------
    SceneLost
        If a file cannot be read.
    """
    every, tile = reader.reading.dates, view.tile
    places = [
        next(i for i, date in enumerate(every) if date.day == kept.day and set(kept.scenes) <= set(date.scenes))
        for kept in view.dates
    ]
    clear = np.zeros((len(every), tile.height, tile.width), np.uint8)
    codes = np.full((len(bands), *clear.shape), NODATA, np.int16)
    for number, place in enumerate(places):
        clear[place] = view.on_grid(view.clear[number], view.mask_step, view.mask_phase)
    for index, band in enumerate(bands):
        if places:
            stack = view.band(band)
            for number, place in enumerate(places):
                codes[index, place] = view.on_grid(_codes(stack, number), stack.step, stack.phase)
    pixels = tile.height * tile.width
    return Observations(codes.reshape(len(bands), len(every), pixels), clear.reshape(len(every), pixels))


def _codes(stack: BandStack, number: int) -> NDArray[np.int16]:
    numbers = stack.numbers[number]
    values = numbers.astype(np.float32)
    values *= np.float32(stack.codes.scale / CODE_SCALE)
    values += np.float32(stack.codes.offset / CODE_SCALE)
    np.rint(values, out=values)
    np.clip(values, -32767, 32767, out=values)
    values[numbers == 0] = NODATA
    codes: NDArray[np.int16] = values.astype(np.int16)
    return codes


class SeriesReader:
    """The scenes of a span of days as series of tiles.

    Parameters
    ----------
    checked : Checked
        Scenes that can be read; those of other days are left out.
    span : Span
        Days (local solar dates) of the series.
    area : Area
        Grid and polygon.
    rasters : Rasters
        Opens the files.
    bands : sequence of str
        Canonical bands.
    purpose : str
        What counts as clear, see `habitat.imagery.clouds.clear_policy`.
    grow_m : float
        Clouds are widened by this distance [m].
    """

    def __init__(
        self,
        checked: Checked,
        span: Span,
        area: Area,
        rasters: Rasters,
        *,
        bands: Sequence[str],
        purpose: str,
        grow_m: float,
    ) -> None:
        scenes = tuple(scene for scene in checked.scenes if span.first_day <= scene.solar_day <= span.last_day)
        self._bands, self._rasters = tuple(bands), rasters
        self._reader = PixelReader(
            Checked(scenes, checked.headers), area, rasters, bands=bands, purpose=purpose, grow_m=grow_m, hold=bands
        )

    @property
    def days(self) -> list[int]:
        """Ordinal of each date; two satellites of one day are two dates."""
        first = self._reader.first_day
        return [] if first is None else [first.toordinal() + entry.day for entry in self._reader.reading.dates]

    def tiles(self, memory_bytes: int) -> list[Tile]:
        """Cover the grid with tiles whose series fit into so much memory."""
        layers = _LAYERS * len(self._bands) + 1
        return self._reader.tiles(memory_bytes * layers // BYTES_PER_LOOK)

    def read(self, tile: Tile) -> tuple[Observations, dict[str, int]]:
        """Return the series of a tile, and by scene identifier how many of its pixels are clear.

        Raises
        ------
        SceneLost
            If a file cannot be read.
        """
        with self._rasters.env():
            view = self._reader.at(tile)
            series = observations(self._reader, view, self._bands)
        scenes = self._reader.reading.scenes
        return series, {scenes[index].id: pixels for index, pixels in view.clear_pixels.items()}
