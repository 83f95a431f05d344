"""WindowReader: cheap reading of windows of one published raster from many threads."""

from __future__ import annotations

import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from habitat.contracts.errors import GridMismatch, PublishError
from habitat.contracts.grid import Grid, Tile

# Only the file itself counts: a sidecar of another program must not change scale, nodata or overviews.
ALONE = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": False}


class WindowReader:
    """Read tiles of a raster of the store as stored codes or physical values.

    Each thread gets a dataset handle of its own, opened on first use and kept until `close`.

    Parameters
    ----------
    path : Path
        A GeoTIFF of ours.
    grid : Grid
        The grid it lies on.
    bands : tuple of str
        Names of its bands.

    Raises
    ------
    PublishError
        If the file cannot be opened or lies on another grid.
    """

    def __init__(self, path: Path, grid: Grid, bands: tuple[str, ...]) -> None:
        self.path, self.grid, self.bands = path, grid, bands
        self._local = threading.local()
        self._lock = threading.Lock()
        self._opened: list[Any] = []
        image = self._image()
        if (image.count, image.height, image.width) != (len(bands), *grid.shape):
            found = (image.count, image.height, image.width)
            self.close()
            raise PublishError(f"{path} holds {found} bands, rows and columns, wants {(len(bands), *grid.shape)}")
        self.dtype = np.dtype(image.dtypes[0])
        """Type of the stored codes."""
        self.scales: tuple[float, ...] = image.scales
        """Per band: physical value = code * scale + offset."""
        self.offsets: tuple[float, ...] = image.offsets
        """Per band."""
        self.nodata: float | None = image.nodata
        """Code of unknown pixels."""
        self.units: tuple[str, ...] = tuple(units or "" for units in image.units)
        """Per band."""
        self.descriptions: tuple[str, ...] = tuple(text or "" for text in image.descriptions)
        """Per band."""

    def __enter__(self) -> WindowReader:
        """Return the reader."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process as the path: handles stay at home."""
        return WindowReader, (self.path, self.grid, self.bands)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        """Name dask's tasks by the file and its state."""
        state = self.path.stat()
        return str(self.path), state.st_mtime_ns, state.st_size

    def _image(self) -> Any:
        image = getattr(self._local, "image", None)
        if image is None or image.closed:
            try:
                with rasterio.Env(**ALONE):
                    image = rasterio.open(self.path, driver="GTiff")
            except RasterioError as error:
                raise PublishError(f"{self.path} cannot be opened ({error}); run habitat verify") from error
            self._local.image = image
            with self._lock:
                self._opened.append(image)
        return image

    def read(self, tile: Tile, bands: tuple[str, ...] | None = None) -> NDArray[Any]:
        """Read stored codes of a tile.

        Parameters
        ----------
        tile : Tile
            A rectangle inside the grid.
        bands : tuple of str, optional
            Names of the bands wanted, all by default.

        Returns
        -------
        array (band, y, x)
            Codes as stored: ``code * scale + offset`` is the value, `nodata` is unknown.

        Raises
        ------
        GridMismatch
            If the tile reaches beyond the grid or a band does not exist.
        PublishError
            If the file cannot be read.
        """
        wanted = self.bands if bands is None else bands
        unknown = [name for name in wanted if name not in self.bands]
        rows, columns = self.grid.shape
        if unknown:
            raise GridMismatch(f"{self.path.name} has no bands {unknown}; it has {', '.join(self.bands)}")
        if tile.row < 0 or tile.column < 0 or tile.row + tile.height > rows or tile.column + tile.width > columns:
            raise GridMismatch(f"{tile} reaches beyond the {rows} × {columns} pixels of {self.path.name}")
        window = Window(tile.column, tile.row, tile.width, tile.height)
        indexes = [self.bands.index(name) + 1 for name in wanted]
        try:
            codes: NDArray[Any] = self._image().read(indexes, window=window)
        except RasterioError as error:
            raise PublishError(f"{self.path} cannot be read at {tile} ({error}); run habitat verify") from error
        return codes

    def values(self, tile: Tile, band: str) -> NDArray[np.float32]:
        """Read physical values of one band of a tile.

        Returns
        -------
        array (y, x) of float32
            NaN where unknown.
        """
        codes = self.read(tile, (band,))[0]
        index = self.bands.index(band)
        values: NDArray[np.float32] = codes.astype(np.float32)
        scale, offset = self.scales[index], self.offsets[index]
        if scale != 1.0:
            values *= np.float32(scale)
        if offset != 0.0:
            values += np.float32(offset)
        if self.nodata is not None and not np.isnan(self.nodata):
            values[codes == self.nodata] = np.nan
        return values

    def close(self) -> None:
        """Close the handles of all threads; call it when no thread reads any more."""
        with self._lock:
            for image in self._opened:
                image.close()
            self._opened.clear()
