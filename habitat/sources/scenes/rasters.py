"""Source rasters: opened with a named driver, kept open per thread, failing with a word for the ledger."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window as RasterioWindow

from habitat.contracts.errors import CatalogueError, ReadFailure
from habitat.contracts.scene import Asset
from habitat.sources.catalogues.providers import Provider
from habitat.sources.catalogues.signing import read_signed, redact
from habitat.sources.gdal_settings import reading_env
from habitat.sources.scenes.placement import Geometry, Window
from habitat.sources.scenes.window_reader import check_header, crs_text, driver_for, read_failure

_OPEN_PER_THREAD = 160
"""Handles kept; an ordinary process may have 1024 files open."""
_MOVED_PX = 0.01

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Header:
    """What a raster says of itself."""

    geometry: Geometry
    """Coordinate system, transform, shape."""
    nodata: int | None
    """Code of no data, if the file names one that its pixels can have."""
    dtype: str
    """Type of the pixels."""
    block: tuple[int, int]
    """Rows and columns of a stored block."""


class Rasters:
    """Handles of one provider's files, one set for each thread; use it in a ``with`` block.

    GDAL's handles are not to be shared between threads, and opening one costs several requests on a network,
    so each thread keeps those it used last.
    """

    def __init__(self, provider: Provider | None) -> None:
        self._provider = provider
        self._handles: dict[int, OrderedDict[str, Any]] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    def env(self) -> Any:
        """Return the GDAL settings to read under; enter it in the thread that reads."""
        return rasterio.Env(**reading_env(self._provider))

    def close(self) -> None:
        """Close all handles; call it when no thread reads any more."""
        with self._lock:
            for handles in self._handles.values():
                for handle in handles.values():
                    handle.close()
            self._handles.clear()

    def header(self, asset: Asset) -> Header:
        """Read what a file says of itself, and hold it against what its item says.

        Raises
        ------
        ReadFailure
            If it cannot be opened, is no single-band image of digital numbers, or lies elsewhere than its
            item says.
        """

        def look(source: Any) -> Header:
            check_header(source, asset.href, np.dtype(np.uint16), asset.band)
            if source.crs is None:
                raise ReadFailure("corrupt", f"{redact(asset.href)} is refused: it has no coordinate system")
            crs = crs_text(source.crs)
            nodata = source.nodata
            known = nodata is not None and np.isfinite(nodata) and float(nodata).is_integer() and 0 <= nodata <= 65535
            geometry = Geometry(crs, Affine(*source.transform[:6]), (source.height, source.width))
            check_place(geometry, asset)
            return Header(geometry, int(nodata) if known else None, source.dtypes[0], source.block_shapes[0])

        return self._with(asset.href, look)

    def read(self, asset: Asset, window: Window, out: NDArray[Any]) -> None:
        """Read a window that lies inside the raster into `out` (y, x); numbers below zero become 0, no data.

        Raises
        ------
        ReadFailure
            If a block cannot be read or decoded.
        """
        place = RasterioWindow(window.column, window.row, window.width, window.height)

        def fill(source: Any) -> None:
            source.read(asset.band or 1, window=place, out=out)

        self._with(asset.href, fill)

    def thumbnail(self, asset: Asset, longest: int) -> NDArray[Any]:
        """Read a whole raster at one pixel in so many, by nearest neighbour, from its overviews if it has any.

        Raises
        ------
        ReadFailure
            If it cannot be read.
        """

        def look(source: Any) -> NDArray[Any]:
            step = max(1.0, max(source.shape) / longest)
            shape = tuple(max(1, round(side / step)) for side in source.shape)
            small: NDArray[Any] = source.read(asset.band or 1, out_shape=shape, resampling=Resampling.nearest)
            return small

        return self._with(asset.href, look)

    def _with(self, href: str, use: Callable[[Any], Answer]) -> Answer:
        try:
            return read_signed(href, self._provider or "", lambda address: use(self._open(href, address)))
        except (RasterioError, OSError, CatalogueError, ReadFailure) as error:
            raise read_failure(error, href) from None

    def _open(self, href: str, address: str) -> Any:
        handles = self._handles.get(threading.get_ident())
        if handles is None:
            with self._lock:
                handles = self._handles.setdefault(threading.get_ident(), OrderedDict())
        handle = handles.get(address)
        if handle is None:
            handle = rasterio.open(address, driver=driver_for(href), sharing=False)
            handles[address] = handle
            if len(handles) > _OPEN_PER_THREAD:
                handles.popitem(last=False)[1].close()
        else:
            handles.move_to_end(address)
        return handle


def check_place(found: Geometry, asset: Asset) -> None:
    """Refuse a file that lies elsewhere than its item says: one of the two is of another scene."""
    if asset.crs is not None and asset.crs != found.crs:
        raise ReadFailure(
            "wrong-crs",
            f"{redact(asset.href)} is refused: the file is in {found.crs[:60]}, its item says {asset.crs}",
        )
    said, t = asset.transform, found.transform
    if said is None or asset.shape is None:
        return
    off = max(abs(said[2] - t.c) / abs(t.a), abs(said[5] - t.f) / abs(t.e))
    stretched = max(abs(said[0] - t.a) / abs(t.a), abs(said[4] - t.e) / abs(t.e)) * max(found.shape)
    if max(off, stretched) > _MOVED_PX or asset.shape != found.shape:
        raise ReadFailure(
            "moved",
            f"{redact(asset.href)} is refused: the file has {found.shape} pixels of {t.a:g} m "
            f"from {t.c:.1f}, {t.f:.1f}; "
            f"its item says {asset.shape} of {said[0]:g} m from {said[2]:.1f}, {said[5]:.1f}",
        )
