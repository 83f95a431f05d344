"""Class rasters: maps of codes on a grid in metres, read strip by strip with a digest of their pixels."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from habitat.contracts.errors import ConfigError, InputError
from habitat.contracts.grid import Grid, Tile
from habitat.sources.gdal_settings import reading_env

_DRIVER = "GTiff"
_SKEW = 1e-9
_LEAST_ROWS = 512


class ClassRaster:
    """A GeoTIFF of class codes; use it in a ``with`` block.

    Parameters
    ----------
    path : Path
        One band of integers, north up, square pixels, in metres.

    Raises
    ------
    ConfigError
        If there is no such file, or its coordinate system is not in metres.
    InputError
        If it is no raster of classes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise ConfigError(f"there is no map {path}; check the name")
        try:
            with rasterio.Env(**reading_env()):
                self._image = rasterio.open(path, driver=_DRIVER)
        except RasterioError as error:
            raise InputError(f"{path} cannot be opened as a GeoTIFF ({error}); save it as GeoTIFF") from error
        try:
            self.grid = _grid(self._image, path)
        except (ConfigError, InputError):
            self._image.close()
            raise
        nodata = self._image.nodata
        self.nodata: int | None = None if nodata is None or not float(nodata).is_integer() else int(nodata)
        """Code of unknown pixels."""

    def __enter__(self) -> ClassRaster:
        """Return the raster."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._image.close()

    def tiles(self) -> Iterator[Tile]:
        """Cover the grid from north to south with strips of its whole width, whole blocks high."""
        rows, columns = self.grid.shape
        block = int(self._image.block_shapes[0][0])
        height = block * max(1, round(_LEAST_ROWS / block))
        for row in range(0, rows, height):
            yield Tile(row, 0, min(height, rows - row), columns)

    def read(self, tile: Tile) -> NDArray[Any]:
        """Read the codes (y, x) of a tile.

        Raises
        ------
        InputError
            If the file is damaged.
        """
        window = Window(tile.column, tile.row, tile.width, tile.height)
        try:
            codes: NDArray[Any] = self._image.read(1, window=window)
        except RasterioError as error:
            raise InputError(f"{self.path} cannot be read at row {tile.row} ({error}); restore the file") from error
        return codes

    def known(self, codes: NDArray[Any]) -> NDArray[np.bool_]:
        """Return where codes mean a class."""
        if self.nodata is None:
            return np.ones(codes.shape, np.bool_)
        known: NDArray[np.bool_] = codes != self.nodata
        return known


class PixelDigest:
    """SHA-256 of a raster's place, nodata code and codes, whatever its compression, blocks, pixel type and tags.

    Parameters
    ----------
    raster : ClassRaster
        Its strips are to be given in order from north to south.
    """

    def __init__(self, raster: ClassRaster) -> None:
        grid = raster.grid
        place = [grid.crs, grid.resolution_m, grid.bounds, raster.nodata]
        self._digest = hashlib.sha256(json.dumps(place).encode())

    def add(self, codes: NDArray[Any]) -> None:
        """Take the next strip (y, x)."""
        self._digest.update(np.ascontiguousarray(codes, "<i8").data)

    def text(self) -> str:
        """Return the digest of what was given so far."""
        return self._digest.hexdigest()


def _grid(image: Any, path: Path) -> Grid:
    if image.count != 1 or np.dtype(image.dtypes[0]).kind not in "iu":
        raise InputError(
            f"{path} has {image.count} bands of {image.dtypes[0]}, wants one band of integers: the codes of classes"
        )
    if image.crs is None:
        raise InputError(f"{path} does not say its coordinate system; assign it and save again")
    place = image.transform
    if abs(place.b) > _SKEW or abs(place.d) > _SKEW or abs(place.a + place.e) > _SKEW * abs(place.a) or place.a <= 0:
        raise InputError(
            f"{path} has the transform {tuple(place)[:6]}, wants square pixels and north up; warp it first"
        )
    code = image.crs.to_epsg()
    crs = f"EPSG:{code}" if code else image.crs.to_wkt()
    west, north = place.c, place.f
    return Grid(crs, place.a, (west, north - image.height * place.a, west + image.width * place.a, north))
