"""Observations: all dates of a tile as reflectance codes and masks on the grid, for methods that need whole series."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.area import Area
from habitat.contracts.grid import Tile
from habitat.contracts.ledger import Ledger, expect
from habitat.contracts.scene import Scene
from habitat.contracts.span import Span
from habitat.imagery.composites import CODE_SCALE, NODATA
from habitat.sources.catalogues.searching import Found
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


def within(scene: Scene, span: Span) -> bool:
    """Tell whether a scene was taken in a span of local solar days."""
    return span.first_day <= scene.solar_day <= span.last_day


def also_found(found: Found, more: Found) -> Found:
    """Return an outcome of a search with the scenes of another one that it does not know."""
    known = {scene.id for scene in found.scenes}
    new = tuple(scene for scene in more.scenes if scene.id not in known)
    # A static catalogue answers everything: what lay outside of one span may lie within the other.
    used = known | {scene.id for scene in new}
    left = dict(more.dropped) | dict(found.dropped)
    return replace(
        found, scenes=(*found.scenes, *new), dropped=tuple(entry for entry in left.items() if entry[0] not in used)
    )


class ClearPixels:
    """How many clear pixels each scene gave, over readers that may share scenes: the most of any of them counts."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def add(self, reader: str, clear: Mapping[str, int]) -> None:
        """Take in the scenes of one tile that a reader, told by name, has read; from any thread."""
        with self._lock:
            for scene, pixels in clear.items():
                self._counts[reader, scene] = self._counts.get((reader, scene), 0) + pixels

    def of(self, scene: str) -> int:
        """Return the clear pixels of a scene."""
        return max((count for (_, name), count in self._counts.items() if name == scene), default=0)

    def ledger(self, found: Found, checked: Checked, pixels: int) -> Ledger:
        """Return what became of every scene found.

        Parameters
        ----------
        found : Found
            What was searched for.
        checked : Checked
            What could be read of it.
        pixels : int
            Pixels of the grid.
        """
        ledger = Ledger(expect(found.scenes), list(found.dropped))
        for scene in checked.scenes:
            clear = self.of(scene.id)
            share = round(min(1.0, clear / pixels), 6)
            ledger.settle(scene.id, "used" if clear else "masked", clear_share=share, note=checked.mask_note(scene))
        for entry in checked.missing:
            ledger.settle(entry.scene.id, f"missing:{entry.reason}", note=entry.text)
        ledger.check()
        return ledger


class SeriesReader:
    """The scenes of one or several spans of days as series of tiles.

    Parameters
    ----------
    checked : Checked
        Scenes that can be read; those of other days are left out.
    spans : Span or sequence of Span
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
        spans: Span | Sequence[Span],
        area: Area,
        rasters: Rasters,
        *,
        bands: Sequence[str],
        purpose: str,
        grow_m: float,
    ) -> None:
        wanted = (spans,) if isinstance(spans, Span) else tuple(spans)
        scenes = tuple(scene for scene in checked.scenes if any(within(scene, span) for span in wanted))
        self._bands, self._rasters = tuple(bands), rasters
        self._reader = PixelReader(
            Checked(scenes, checked.headers), area, rasters, bands=bands, purpose=purpose, grow_m=grow_m, hold=bands
        )

    @property
    def pixels(self) -> PixelReader:
        """What the series is read from; its dates are those of the series."""
        return self._reader

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
