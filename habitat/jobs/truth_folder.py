"""Truth folder: what is true about a made-up landscape, read window by window on its area's grid."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from habitat.contracts import Period
from habitat.contracts.errors import GridMismatch, InputError
from habitat.contracts.grid import Grid, Tile
from habitat.imagery.discs import within_disc
from habitat.sources.gdal_settings import reading_env
from habitat.sources.scenes.placement import Geometry, Placement, Window
from habitat.sources.scenes.window_reader import crs_text

BEYOND = 255
"""Percent of a pixel that a scene does not reach."""
OBSCURED_FROM = 50
"""Cloud or shadow of so many percent hides the ground."""
CLEAR_BELOW = 3
"""Cloud, shadow, cirrus and snow of fewer percent leave the ground as it is; what lies between is neither."""
SNOW_FROM = 50
"""Percent of a pixel from which it counts as snow."""
SEASONS = ("spring", "autumn")
"""Fire seasons, as they stand in file names."""
_AIR = ("cloud", "shadow", "cirrus", "snow")


@dataclass(frozen=True, eq=False)
class Sky:
    """Air of one scene above a tile: percent (uint8) of each pixel, `BEYOND` where the scene does not reach."""

    cloud: NDArray[np.uint8]
    """Opacity of cloud."""
    shadow: NDArray[np.uint8]
    """Depth of cloud shadow."""
    cirrus: NDArray[np.uint8]
    """Strength of thin cirrus."""
    snow: NDArray[np.uint8]
    """Share of snow on the ground."""
    near: NDArray[np.bool_]
    """Whether cloud or shadow hides the ground within the distance asked for."""

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Pixels the scene reaches."""
        reached: NDArray[np.bool_] = self.cloud != BEYOND
        return reached

    @property
    def cloudy(self) -> NDArray[np.bool_]:
        """Pixels whose ground is hidden by cloud."""
        hidden: NDArray[np.bool_] = self.seen & (self.cloud >= OBSCURED_FROM)
        return hidden

    @property
    def shadowed(self) -> NDArray[np.bool_]:
        """Pixels in deep shadow that no cloud hides."""
        dark: NDArray[np.bool_] = self.seen & (self.shadow >= OBSCURED_FROM) & (self.cloud < OBSCURED_FROM)
        return dark

    @property
    def clear(self) -> NDArray[np.bool_]:
        """Pixels with next to no cloud, shadow and cirrus."""
        highest = np.maximum(np.maximum(self.cloud, self.shadow), self.cirrus)
        free: NDArray[np.bool_] = highest < CLEAR_BELOW
        return free

    @property
    def bare(self) -> NDArray[np.bool_]:
        """Pixels with next to no snow."""
        free: NDArray[np.bool_] = self.snow < CLEAR_BELOW
        return free

    @property
    def snowy(self) -> NDArray[np.bool_]:
        """Pixels under snow."""
        white: NDArray[np.bool_] = self.seen & (self.snow >= SNOW_FROM)
        return white


class TruthFolder:
    """The folder ``truth`` of a twin.

    Parameters
    ----------
    root : Path
        The folder.
    grid : Grid
        Grid of the twin's area; every raster but those of the scenes lies on it.
    """

    def __init__(self, root: Path, grid: Grid) -> None:
        self.root, self.grid = root, grid

    def layer(self, name: str, tile: Tile, band: str | int = 1) -> NDArray[Any]:
        """Read one band of a raster on the area's grid, as stored.

        Parameters
        ----------
        name : str
            Path below the folder without ending, such as ``land/cover``.
        tile : Tile
            Part of the grid.
        band : str or int
            Description of the band, or its number from 1.

        Raises
        ------
        InputError
            If there is no such raster or band.
        GridMismatch
            If it does not lie on the grid.
        """
        with self._opened(name) as source:
            found = (crs_text(source.crs), tuple(source.transform)[:6], source.shape)
            wanted = (self.grid.crs, tuple(self.grid.transform)[:6], self.grid.shape)
            if found != wanted:
                raise GridMismatch(f"truth {name} lies on {found}, wants the area's grid {wanted}; make the twin anew")
            pixels: NDArray[Any] = source.read(_index(source, name, band), window=_rasterio_window(tile))
            return pixels

    def reflectance(self, period: Period, band: str, tile: Tile) -> NDArray[np.float32]:
        """Read what a cloudless, hazeless observer would see in the middle of a month [1], NaN where unknown."""
        with self._opened(f"reflectance/{period}") as source:
            index = _index(source, f"reflectance/{period}", band)
            scale, nodata = source.scales[index - 1], source.nodata
        codes = self.layer(f"reflectance/{period}", tile, band)
        values: NDArray[np.float32] = codes.astype(np.float32) * np.float32(scale)
        if nodata is not None:
            values[codes == nodata] = np.nan
        return values

    def burnt(self, tile: Tile, first: date, last: date) -> NDArray[np.int16]:
        """Read how severely each pixel burnt [percent] from one day to another, both included; -1 where it did not.

        Of several fires the severest counts.
        """
        severity = np.full((tile.height, tile.width), -1, np.int16)
        names = [f"fires/{year}_{season}" for year in range(first.year, last.year + 1) for season in SEASONS]
        for name in names:
            # A season without fire may have no file.
            if not (self.root / f"{name}.tif").is_file():
                continue
            days = self.layer(name, tile).astype(np.int64)
            ordinals = days + date(int(name[6:10]), 1, 1).toordinal() - 1
            then = (days > 0) & (ordinals >= first.toordinal()) & (ordinals <= last.toordinal())
            np.maximum(severity, self.layer(name, tile, 2).astype(np.int16), out=severity, where=then)
        return severity

    def sky(self, scene: str, tile: Tile, *, within_m: float = 0.0) -> Sky:
        """Read the air of one scene on a tile of the grid: the scene's pixel under the centre of each pixel.

        Parameters
        ----------
        scene : str
            Identifier of its item.
        tile : Tile
            Part of the grid.
        within_m : float
            Distance [m] for `Sky.near`, measured on the scene's own pixels, also from beyond the tile.

        Raises
        ------
        InputError
            If there is no truth about the scene.
        """
        with self._opened(f"scenes/{scene}") as source:
            transform = Affine(*source.transform[:6])
            place = Placement.of(Geometry(crs_text(source.crs), transform, source.shape), self.grid)
            gather = place.gather(tile)
            layers = {name: np.full((tile.height, tile.width), BEYOND, np.uint8) for name in _AIR}
            near = np.zeros((tile.height, tile.width), np.uint8)
            if gather.window is None:
                return Sky(**layers, near=near.astype(bool))
            inner, reach = gather.window, math.ceil(within_m / abs(transform.a) - 1e-9)
            wide = _grown(inner, reach, source.shape)
            air = {name: source.read(_index(source, scene, name), window=_rasterio_window(wide)) for name in _AIR}
        hazard = (air["cloud"] != BEYOND) & (np.maximum(air["cloud"], air["shadow"]) >= OBSCURED_FROM)
        cut = wide.place_of(inner)
        gather.take(within_disc(hazard.view(np.uint8), reach)[cut], near, 0)
        for name, out in layers.items():
            gather.take(air[name][cut], out, BEYOND)
        return Sky(**layers, near=near.astype(bool))

    @contextmanager
    def _opened(self, name: str) -> Iterator[Any]:
        path = self.root / f"{name}.tif"
        try:
            with rasterio.Env(**reading_env()), rasterio.open(path, driver="GTiff") as source:
                yield source
        except RasterioError as error:
            raise InputError(f"the truth about {name} cannot be read ({error}); make the twin anew") from error


def _index(source: Any, name: str, band: str | int) -> int:
    if isinstance(band, int):
        return band
    if band not in source.descriptions:
        raise InputError(f"truth {name} has bands {source.descriptions}, wants {band!r}; make the twin anew")
    return int(source.descriptions.index(band)) + 1


def _rasterio_window(place: Tile | Window) -> RasterioWindow:
    return RasterioWindow(place.column, place.row, place.width, place.height)


def _grown(window: Window, pixels: int, shape: tuple[int, int]) -> Window:
    wider = Window(
        window.row - pixels, window.column - pixels, window.height + 2 * pixels, window.width + 2 * pixels
    ).within(shape)
    assert wider is not None, "what is inside a raster stays inside when it grows"
    return wider
