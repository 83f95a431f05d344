"""Window reader: what stackstac reads with, pinned to image drivers, signed at the last moment, failing loudly."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.errors import RasterioError
from rasterio.windows import Window

from habitat.contracts.errors import CatalogueError, ReadFailure
from habitat.sources.gdal_settings import reading_env
from habitat.sources.providers import Provider
from habitat.sources.signing import read_signed, redact

Pixels: TypeAlias = NDArray[np.generic]

_LARGEST_SIDE = 200_000
_LARGEST_BLOCK = 64 * 2**20
# GDAL's own nearest neighbour adds this before it rounds down, so that pixels on an edge fall alike.
_EDGE = 1e-10
# Between UTM zones a line bends away from its chord by 2 mm in 16 pixels of 20 m.
_NODE_PX = 16


class WindowReader:
    """Read windows of one single-band file on the cube's grid, nearest neighbour.

    stackstac's own reader lets GDAL guess the driver from the content and keeps a signed address for hours.
    This one opens with a named driver, signs just before each opening, and takes the source pixel that the
    centre of each cube pixel falls into, whatever the two coordinate systems. It never makes a WarpedVRT:
    the first one in a process brings the VRT driver back to life that GDAL_SKIP had buried.

    Follows stackstac's reader protocol; `provider` is bound beforehand with `functools.partial`.
    """

    def __init__(
        self,
        *,
        url: str,
        spec: Any,
        dtype: np.dtype[Any],
        fill_value: float,
        provider: Provider | None = None,
        **ignored: Any,
    ) -> None:
        self.url = url
        self.spec = spec
        self.dtype = dtype
        self.fill_value = fill_value
        self.provider = provider

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
            columns, rows = self._pixels_under(window, source)
            inside_x = (columns >= 0) & (columns < source.width)
            inside_y = (rows >= 0) & (rows < source.height)
            out = np.full((int(window.height), int(window.width)), self.fill_value, dtype=self.dtype)
            # On one system the two axes are independent and vectors do; else each pixel has its own place.
            apart = columns.ndim == 1
            inside = np.ix_(inside_y, inside_x) if apart else inside_x & inside_y
            columns, rows = (columns[inside_x], rows[inside_y]) if apart else (columns[inside], rows[inside])
            if columns.size and rows.size:
                left, top = np.min(columns), np.min(rows)
                extent = Window(left, top, np.max(columns) - left + 1, np.max(rows) - top + 1)
                pixels = self._filled(source.read(1, window=extent), source.nodata)
                where = (rows - top, columns - left)
                out[inside] = pixels[np.ix_(*where)] if apart else pixels[where]
            return out

    def _pixels_under(self, window: Window, source: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Columns and rows of the source under the window's centres: two vectors, or two arrays if warped."""
        columns = window.col_off + np.arange(int(window.width)) + 0.5
        rows = window.row_off + np.arange(int(window.height)) + 0.5
        to_pixel = ~source.transform
        if source.crs.to_epsg() == self.spec.epsg and to_pixel.b == to_pixel.d == 0:
            x, y = self._on_map(columns, rows)
        else:
            # Nodes lie at fixed places of the grid, so a pixel's place is the same in whatever window.
            to_file = Transformer.from_crs(self.spec.epsg, source.crs.to_wkt(), always_xy=True)
            x, y = to_file.transform(*np.meshgrid(*self._on_map(_nodes(columns), _nodes(rows))))
            x, y = _between(x, columns, rows), _between(y, columns, rows)
            return (
                _whole(to_pixel.a * x + to_pixel.b * y + to_pixel.c),
                _whole(to_pixel.d * x + to_pixel.e * y + to_pixel.f),
            )
        return _whole(to_pixel.a * x + to_pixel.c), _whole(to_pixel.e * y + to_pixel.f)

    def _on_map(
        self, columns: NDArray[np.floating], rows: NDArray[np.floating]
    ) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        west, _, _, north = self.spec.bounds
        width, height = self.spec.resolutions_xy
        return west + columns * width, north - rows * height

    def _filled(self, pixels: Pixels, nodata: float | None) -> Pixels:
        filled: Pixels = pixels.astype(self.dtype, copy=False)
        if nodata is not None and nodata != self.fill_value:
            filled[pixels == nodata] = self.fill_value
        return filled


def _whole(positions: NDArray[np.floating]) -> NDArray[np.int64]:
    # Places a projection cannot reach come as infinity and lie outside of every file.
    within = np.where(np.isfinite(positions), positions, -1.0)
    whole: NDArray[np.int64] = np.floor(within + _EDGE).astype(np.int64)
    return whole


def _nodes(positions: NDArray[np.floating]) -> NDArray[np.floating]:
    first, last = int(positions[0]) // _NODE_PX, int(positions[-1]) // _NODE_PX + 1
    return np.arange(first, last + 1) * float(_NODE_PX)


def _between(
    nodes: NDArray[np.floating], columns: NDArray[np.floating], rows: NDArray[np.floating]
) -> NDArray[np.floating]:
    """Interpolate bilinearly between nodes, which are the first of `columns` and `rows` and every 16 further on."""
    for positions, axis in ((columns, 1), (rows, 0)):
        place = positions / _NODE_PX
        place = place - np.floor(place[0])
        left = np.floor(place).astype(int)
        share = np.expand_dims(place - left, 1 - axis)
        nodes = nodes.take(left, axis) * (1 - share) + nodes.take(left + 1, axis) * share
    return nodes


def driver_for(href: str) -> str:
    """Driver a file is to be opened with, by its name: content is never asked.

    Examples
    --------
    >>> driver_for("/vsis3/eodata/T52TFN_B04_10m.jp2"), driver_for("B04.TIF")
    ('JP2OpenJPEG', 'GTiff')
    """
    return "JP2OpenJPEG" if href.lower().split("?")[0].endswith(".jp2") else "GTiff"


def check_header(source: Any, href: str, dtype: np.dtype[Any]) -> None:
    """Refuse a file whose header promises more, or something else, than a band of a scene is.

    Raises
    ------
    ReadFailure
        With reason ``corrupt``.
    """
    problem = ""
    block = int(np.prod(source.block_shapes[0])) * np.dtype(source.dtypes[0]).itemsize if source.count else 0
    if source.count != 1:
        problem = f"it has {source.count} bands, wants one"
    elif max(source.width, source.height) > _LARGEST_SIDE:
        problem = f"it is {source.width} x {source.height} pixels, wants at most {_LARGEST_SIDE} a side"
    elif block > _LARGEST_BLOCK:
        problem = f"one block of it has {block} bytes, wants at most {_LARGEST_BLOCK}"
    elif not np.can_cast(source.dtypes[0], dtype):
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
        "corrupt": ("not recognized", "not a TIFF", "decode", "IReadBlock", "TIFFFill", "Read failed", "Cannot open"),
    }
    reason = next((word for word, signs in words.items() if any(sign in text for sign in signs)), "failed")
    if isinstance(error, ReadFailure):
        reason = error.reason
    elif isinstance(error, CatalogueError):
        reason = "unsigned"
    return ReadFailure(reason, f"{redact(href)} could not be read ({reason}): {redact(text)[:400]}")
