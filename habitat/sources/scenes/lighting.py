"""Lighting: what the slopes of an area do to each date, learnt from windows, and dates read as if all were level."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.grid import Tile
from habitat.imagery.composites import CODE_SCALE, NODATA
from habitat.imagery.harmonise.illumination import (
    Floats,
    LightFit,
    incidence_cosine,
    level_factor,
    light_fit,
    light_sums,
    slope_cosine,
)
from habitat.sources.scenes.observations import Observations, SeriesReader, observations
from habitat.sources.scenes.paired_looks import sample_windows
from habitat.sources.scenes.pixels import PixelReader
from habitat.sources.scenes.rasters import Rasters
from habitat.sources.scenes.tile_view import BandStack, TileView
from habitat.terrain import rises

_STEEP = 0.05
"""Tangent of the slope from which on ground teaches what light does."""
_WINDOWS = 8
"""Windows that are learnt from."""
_EVERY = 2
"""Every so many pixels of a window are looked at."""
_LOWEST_SUN = 75.0
"""Zenith angle of the sun [degrees] beyond which most slopes lie in shadows that others throw."""


@dataclass(frozen=True)
class Lighting:
    """Light on the slopes of an area, by date and band."""

    bands: tuple[str, ...]
    """Canonical bands."""
    suns: tuple[tuple[float, float] | None, ...]
    """Zenith and azimuth angle of the sun [degrees] of each date; None where no item says it."""
    fits: tuple[tuple[LightFit, ...], ...]
    """By date and band; empty for dates without a sun."""
    rise: tuple[Floats, Floats]
    """Rise of the ground towards the east and the north (y, x) [1]."""

    def factor(self, date: int, band: str, tile: Tile) -> Floats | None:
        """Return what a band of a date is to be multiplied by (y, x) [1]; None where nothing is to be done."""
        sun = self.suns[date]
        fit = self.fits[date][self.bands.index(band)] if self.fits[date] else None
        if sun is None or fit is None or fit.why:
            return None
        here = np.s_[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
        east, north = (part[here] for part in self.rise)
        return level_factor(incidence_cosine(east, north, *sun), slope_cosine(east, north), sun[0], fit.c)

    def gaps(self) -> tuple[tuple[str, str], ...]:
        """Return which dates were left as they are, and why, for the record."""
        reasons = Counter(
            "the item does not say where the sun stood, or it stood too low" for sun in self.suns if not sun
        )
        for fits in self.fits:
            reasons.update({fit.why for fit in fits if fit.why})
        return tuple(
            ("illumination", f"{count} of {len(self.suns)} dates not levelled in some band: {why}")
            for why, count in sorted(reasons.items())
        )

    def level_stack(self, reader: PixelReader, view: TileView, band: str, stack: BandStack) -> None:
        """Level the numbers of a band of a tile where they lie; dates as the tile has them."""
        for number, date in enumerate(_places(reader, view)):
            factor = self.factor(date, band, view.tile)
            if factor is None:
                continue
            numbers = stack.numbers[number]
            factor = _coarser(factor, stack.step, stack.phase, numbers.shape)
            own = stack.codes
            values = (numbers * np.float32(own.scale) + np.float32(own.offset)) * factor
            values = np.rint((values - np.float32(own.offset)) / np.float32(own.scale))
            numbers[...] = np.where(numbers == 0, 0, np.clip(values, 1, 65534)).astype(np.uint16)


def _places(reader: PixelReader, view: TileView) -> list[int]:
    """Return which of all dates the dates of a tile are."""
    every = reader.reading.dates
    return [
        next(i for i, date in enumerate(every) if date.day == kept.day and set(kept.scenes) <= set(date.scenes))
        for kept in view.dates
    ]


def _coarser(factor: Floats, step: int, phase: tuple[int, int], shape: tuple[int, ...]) -> Floats:
    """Return the factor of the grid pixel in the middle of each coarser pixel."""
    if step == 1:
        return factor
    rows, columns = (
        np.clip(np.arange(size) * step - start + step // 2, 0, most - 1)
        for size, start, most in zip(shape, phase, factor.shape, strict=True)
    )
    picked: Floats = factor[np.ix_(rows, columns)]
    return picked


def learnt_lighting(
    reader: PixelReader, rasters: Rasters, heights: NDArray[np.floating], bands: Sequence[str]
) -> Lighting:
    """Learn from windows how much brighter each band is on slopes towards the sun, for every date.

    It costs the masks and bands of 8 windows of 128 x 128 pixels of every date.

    Parameters
    ----------
    reader : PixelReader
        Its dates are those of the answer.
    rasters : Rasters
        Opens the files.
    heights : array (y, x) [m]
        On the area's grid; NaN where unknown.
    bands : sequence of str
        Canonical bands.

    Raises
    ------
    SceneLost
        If a file cannot be read.
    """
    rise = rises(heights, reader.area.grid.resolution_m)
    dates = reader.reading.dates
    suns = tuple(_sun(reader, date.scenes) for date in dates)
    sums = np.zeros((len(dates), len(bands), 6))
    with rasters.env():
        for window in sample_windows(reader.area.grid)[:_WINDOWS]:
            here = np.s_[
                window.row : window.row + window.height : _EVERY, window.column : window.column + window.width : _EVERY
            ]
            east, north = (part[here] for part in rise)
            steep = np.hypot(east, north) > _STEEP
            if not steep.any():
                continue
            series = observations(reader, reader.at(window, reader.inside(window)), bands)
            shape = (len(dates), window.height, window.width)
            clear = series.clear.reshape(shape)[:, ::_EVERY, ::_EVERY]
            codes = series.codes.reshape(len(bands), *shape)[..., ::_EVERY, ::_EVERY]
            for date, sun in enumerate(suns):
                if sun is not None and clear[date].any():
                    light = incidence_cosine(east, north, *sun)
                    for band in range(len(bands)):
                        known = steep & (clear[date] != 0) & (codes[band, date] != NODATA)
                        sums[date, band] += light_sums(np.where(known, codes[band, date] * CODE_SCALE, np.nan), light)
    fits = tuple(
        () if sun is None else tuple(light_fit(part) for part in parts) for sun, parts in zip(suns, sums, strict=True)
    )
    return Lighting(tuple(bands), suns, fits, rise)


def _sun(reader: PixelReader, scenes: Sequence[int]) -> tuple[float, float] | None:
    for index in scenes:
        scene = reader.reading.scenes[index]
        if scene.sun_elevation is not None and scene.sun_azimuth is not None:
            zenith = 90.0 - scene.sun_elevation
            return (zenith, scene.sun_azimuth) if 0 <= zenith <= _LOWEST_SUN else None
    return None


class LevelSeries:
    """A series read as if all ground were level; otherwise what `SeriesReader` is.

    Parameters
    ----------
    reader : SeriesReader
        What is read.
    lighting : Lighting
        From `learnt_lighting` of its ``pixels``.
    """

    def __init__(self, reader: SeriesReader, lighting: Lighting) -> None:
        self._reader, self._lighting = reader, lighting

    @property
    def days(self) -> list[int]:
        """Ordinal of each date."""
        return self._reader.days

    def tiles(self, memory_bytes: int) -> list[Tile]:
        """Cover the grid with tiles whose series fit into so much memory."""
        return self._reader.tiles(memory_bytes)

    def read(self, tile: Tile) -> tuple[Observations, dict[str, int]]:
        """Return the series of a tile, and by scene identifier how many of its pixels are clear.

        Raises
        ------
        SceneLost
            If a file cannot be read.
        """
        series, clear = self._reader.read(tile)
        for index, band in enumerate(self._lighting.bands):
            for date in range(series.codes.shape[1]):
                factor = self._lighting.factor(date, band, tile)
                if factor is not None:
                    codes = series.codes[index, date]
                    levelled = np.clip(np.rint(codes * factor.reshape(-1)), -32767, 32767).astype(np.int16)
                    codes[...] = np.where(codes == NODATA, NODATA, levelled)
        return series, clear
