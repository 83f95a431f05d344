"""Window reader: what stackstac reads with, pinned to image drivers, signed at the last moment, failing loudly."""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from habitat.contracts.errors import CatalogueError, ReadFailure
from habitat.contracts.grid import Grid, Tile
from habitat.sources.catalogues.providers import Provider
from habitat.sources.catalogues.signing import read_signed, redact
from habitat.sources.gdal_settings import reading_env
from habitat.sources.scenes.placement import Geometry, Placement, block_mean
from habitat.sources.scenes.placement import Window as SourceWindow

Pixels: TypeAlias = NDArray[np.generic]

_LARGEST_SIDE = 200_000
_LARGEST_BLOCK = 64 * 2**20


class WindowReader:
    """Read windows of one single-band file on the cube's grid, nearest neighbour.

    stackstac's own reader lets GDAL guess the driver from the content and keeps a signed address for hours.
    This one opens with a named driver, signs just before each opening, and takes the source pixel that the
    centre of each cube pixel falls into, whatever the two coordinate systems. It never makes a WarpedVRT:
    the first one in a process brings the VRT driver back to life that GDAL_SKIP had buried.

    Follows stackstac's reader protocol; `provider` and `mean` are bound beforehand with `functools.partial`.
    With `mean`, pixels that are finer and nest in the cube's are averaged instead.
    """

    def __init__(
        self,
        *,
        url: str,
        spec: Any,
        dtype: np.dtype[Any],
        fill_value: float,
        provider: Provider | None = None,
        mean: bool = False,
        **ignored: Any,
    ) -> None:
        self.url = url
        self.spec = spec
        self.dtype = dtype
        self.fill_value = fill_value
        self.provider = provider
        self.mean = mean

    def read(self, window: Window, **ignored: Any) -> Pixels:
        """Pixels of a window of the cube's grid.

        Raises
        ------
        ReadFailure
            If the file is missing, forbidden, corrupt or no single-band image; never a gap instead.
        """

        def read(address: str) -> Pixels:
            return self._read(address, window)

        try:
            with rasterio.Env(**reading_env(self.provider)):
                return read_signed(self.url, self.provider or "", read)
        except (RasterioError, OSError, CatalogueError) as error:
            raise read_failure(error, self.url) from None

    def close(self) -> None:
        """Nothing stays open between reads."""

    def _read(self, address: str, window: Window) -> Pixels:
        with rasterio.open(address, driver=driver_for(self.url), sharing=False) as source:
            check_header(source, self.url, self.dtype)
            if source.crs is None:
                raise ReadFailure("corrupt", f"{redact(self.url)} is refused: it has no coordinate system")
            geometry = Geometry(crs_text(source.crs), Affine(*source.transform[:6]), source.shape)
            place = Placement.of(geometry, self._grid())
            tile = Tile(int(window.row_off), int(window.col_off), int(window.height), int(window.width))
            out = np.full((tile.height, tile.width), self.fill_value, dtype=self.dtype)
            if self.mean and place.kind == "reduced":
                block_mean(self._inside(source, place.native_window(tile)), place.factor, self.fill_value, out)
                return out
            gather = place.gather(tile)
            if gather.window is not None:
                gather.take(self._inside(source, gather.window), out, int(self.fill_value))
            return out

    def _grid(self) -> Grid:
        west, south, east, north = self.spec.bounds
        return Grid(f"EPSG:{self.spec.epsg}", self.spec.resolutions_xy[0], (west, south, east, north))

    def _inside(self, source: Any, under: SourceWindow) -> Pixels:
        """Pixels of a window of the file that may reach past its edges."""
        inner = under.within(source.shape)
        pixels = np.full((under.height, under.width), self.fill_value, dtype=self.dtype)
        if inner is not None:
            window = Window(inner.column, inner.row, inner.width, inner.height)
            pixels[under.place_of(inner)] = self._filled(source.read(1, window=window), source.nodata)
        return pixels

    def _filled(self, pixels: Pixels, nodata: float | None) -> Pixels:
        filled: Pixels = pixels.astype(self.dtype, copy=False)
        if nodata is not None and nodata != self.fill_value:
            filled[pixels == nodata] = self.fill_value
        return filled


def crs_text(crs: Any) -> str:
    """Coordinate system of a file as EPSG:code, or as WKT if it has none."""
    code = crs.to_epsg()
    return f"EPSG:{code}" if code else str(crs.to_wkt())


def driver_for(href: str) -> str:
    """Driver a file is to be opened with, by its name: content is never asked.

    Examples
    --------
    >>> driver_for("/vsis3/eodata/T52TFN_B04_10m.jp2"), driver_for("B04.TIF")
    ('JP2OpenJPEG', 'GTiff')
    """
    return "JP2OpenJPEG" if href.lower().split("?")[0].endswith(".jp2") else "GTiff"


def check_header(source: Any, href: str, dtype: np.dtype[Any], band: int | None = None) -> None:
    """Refuse a file whose header promises more, or something else, than a band of a scene is.

    Raises
    ------
    ReadFailure
        With reason ``corrupt``.
    """
    problem = ""
    block = int(np.prod(source.block_shapes[0])) * np.dtype(source.dtypes[0]).itemsize if source.count else 0
    if source.count != 1 and band is None:
        problem = f"it has {source.count} bands, wants one"
    elif source.count < (band or 1):
        problem = f"it has {source.count} bands, its item says that it has {band} or more"
    elif max(source.width, source.height) > _LARGEST_SIDE:
        problem = f"it is {source.width} x {source.height} pixels, wants at most {_LARGEST_SIDE} a side"
    elif block > _LARGEST_BLOCK:
        problem = f"one block of it has {block} bytes, wants at most {_LARGEST_BLOCK}"
    elif not np.can_cast(source.dtypes[0], dtype) and not (band and source.dtypes[0] == "int16"):
        problem = f"its pixels are {source.dtypes[0]}, wants {dtype} digital numbers"
    if problem:
        raise ReadFailure("corrupt", f"{redact(href)} is refused: {problem}")


def read_failure(error: BaseException, href: str) -> ReadFailure:
    """Failure to read one file, with the word the ledger keeps and no secret in its text.

    Examples
    --------
    >>> read_failure(OSError("HTTP response code: 404"), "https://host/B04.tif?sig=abc").reason
    'missing'
    """
    text = str(error)
    words = {
        "forbidden": ("403", "401", "AccessDenied", "AuthenticationFailed", "InvalidCredentials"),
        "missing": ("404", "No such file", "does not exist", "NoSuchKey"),
        "corrupt": (
            *("not recognized", "not a TIFF", "decode", "IReadBlock", "TIFFFill", "TIFFFetch", "TIFFRead"),
            *("Read failed", "Read error", "Cannot open", "Cannot read", "TIFF directory"),
        ),
    }
    # Addresses have digits of their own: a port 40312, or a tile 403, is no answer of a server.
    told = re.sub(r"(?:\w+://|/)\S+", "", text)
    reason = next((word for word, signs in words.items() if any(sign in told for sign in signs)), "failed")
    if isinstance(error, ReadFailure):
        reason = error.reason
    elif isinstance(error, CatalogueError):
        reason = "unsigned"
    return ReadFailure(reason, f"{redact(href)} could not be read ({reason}): {redact(text)[:400]}")
