"""CogWriter: a Cloud Optimized GeoTIFF written tile by tile, compressed by the tasks that made the tiles."""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import GridMismatch, PublishError
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.raster_spec import RasterSpec
from habitat.store.tiff.assembly import Assembly, assemble
from habitat.store.tiff.blocks import compressed, padded, predictor_for
from habitat.store.tiff.geokeys import geographic_tags
from habitat.store.tiff.kernels import block_statistics, halve
from habitat.store.tiff.metadata import BandStatistics, band_statistics
from habitat.store.tiff.pyramid import pyramid

BLOCK_SIZE = 512
"""Pixels along the side of a stored block."""

IGZIP_LEVEL = 1
"""DEFLATE effort of igzip, 0-3: 1 packs noise-like int16 at 290 MB/s a core; 2 and 3 save 1 % and cost 10-30 %."""


@dataclass(frozen=True)
class WrittenRaster:
    """What was written: enough to check every pixel of the file later."""

    path: Path
    """The finished file."""
    size: int
    """Bytes."""
    sha256: str
    """Digest of the file, hexadecimal."""
    shape: tuple[int, int, int]
    """Bands, rows, columns."""
    block_size: int
    """Pixels along the side of a block."""
    statistics: tuple[BandStatistics, ...]
    """One per band, in stored codes."""
    digests: tuple[NDArray[np.uint8], ...] = field(repr=False, compare=False)
    """SHA-256 of the pixels of every block, per level: (band, block row, block column, 32)."""
    pixel_hash: str
    """Digest of the full-resolution pixels whatever their compression and whoever wrote them, hexadecimal."""

    @property
    def valid_share(self) -> float:
        """Pixels with a value per pixel, mean of the bands [1]."""
        return sum(numbers.valid_share for numbers in self.statistics) / len(self.statistics)


@dataclass
class _Pending:
    """A block that several tiles share, until all of it has come."""

    data: NDArray[Any]
    rectangles: list[tuple[int, int, int, int]] = field(default_factory=list)
    arrived: int = 0


class CogWriter:
    """Write one raster from many threads.

    Each call of `write` compresses the blocks its tile completes, halves them into the overviews and
    appends them to a spool beside the file; `close` lays them out in the order a Cloud Optimized GeoTIFF
    wants. The bytes of the finished file depend on the pixels alone, never on the order or shape of the
    tiles. In memory are the blocks that straddle tiles and those being compressed.

    Parameters
    ----------
    path : Path
        The file to make; only `close` makes it.
    grid : Grid
        Place and size.
    spec : RasterSpec
        Bands, pixel type, nodata, colours.
    block_size : int
        Side of a block, a multiple of 16.
    level : int
        Effort of igzip, 0-3.
    tags : mapping of str to str
        Metadata of the whole; ``TIFFTAG_*`` names go into TIFF fields of their own.

    Raises
    ------
    PublishError
        If the folder cannot be written or the coordinate system cannot be kept in a GeoTIFF.

    Examples
    --------
    >>> import tempfile
    >>> from habitat.contracts.raster_spec import BandSpec
    >>> grid = Grid("EPSG:32652", 10.0, (600000.0, 4800000.0, 600030.0, 4800020.0))
    >>> spec = RasterSpec("ndvi", "NDVI", (BandSpec("ndvi", "NDVI", scale=1e-4),), "int16", -32768, "ndvi")
    >>> with tempfile.TemporaryDirectory() as folder, CogWriter(Path(folder, "a.tif"), grid, spec) as writer:
    ...     writer.write(Tile(0, 0, 2, 3), np.arange(6, dtype="int16").reshape(1, 2, 3))
    ...     written = writer.close()
    >>> written.shape, written.statistics[0].mean
    ((1, 2, 3), 2.5)
    """

    def __init__(
        self,
        path: Path,
        grid: Grid,
        spec: RasterSpec,
        *,
        block_size: int = BLOCK_SIZE,
        level: int = IGZIP_LEVEL,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        if block_size % 16 or block_size < 16:
            raise PublishError(f"block_size is {block_size}, wants a multiple of 16 (TIFF 6.0)")
        if level not in range(4):
            raise PublishError(f"level is {level}, wants 0, 1, 2 or 3")
        self.path, self.grid, self.spec = path, grid, spec
        self._tags = dict(tags or {})
        self._size, self._effort = block_size, level
        self._dtype = np.dtype(spec.dtype)
        self._predictor = predictor_for(self._dtype, how=spec.overview)
        self._geographic = geographic_tags(grid)
        self.levels = pyramid(len(spec.bands), grid.shape, block_size)
        self._pending: dict[tuple[int, int, int], _Pending] = {}
        blocks = self.levels[0].rows * self.levels[0].columns
        self._parts: list[list[Any]] = [[None] * blocks for _ in spec.bands]
        self._lock = threading.Lock()
        self._spooled = 0
        self._fault = ""
        self._spool_path = path.with_name(f"{path.name}.spool.part")
        try:
            self._spool = os.open(self._spool_path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
        except OSError as error:
            raise PublishError(f"cannot write beside {path}: {error.strerror}; check folder and permissions") from error

    def __enter__(self) -> CogWriter:
        """Return the writer; leaving the block without `close` removes its temporary files."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    @property
    def pending_bytes(self) -> int:
        """Memory held by blocks of which a part has not come yet [B]."""
        with self._lock:
            return sum(pending.data.nbytes for pending in self._pending.values())

    def write(self, tile: Tile, data: NDArray[Any]) -> None:
        """Take the pixels of one tile; safe to call from many threads at once.

        Parameters
        ----------
        tile : Tile
            Any rectangle of the grid; every pixel must come exactly once.
        data : array (band, y, x)
            Stored codes in the pixel type of the raster.

        Raises
        ------
        GridMismatch
            If the tile lies outside the grid or the data have another shape or type.
        PublishError
            If pixels came before, or the disk does not take them.
        """
        self._check(tile, data)
        try:
            self._deposit(0, tile.row, tile.column, data)
        except OSError as error:
            self._fault = f"{error.strerror or error}"
            raise PublishError(
                f"cannot write {self._spool_path}: {self._fault}; free space or choose another folder"
            ) from error
        except BaseException as error:
            self._fault = f"{type(error).__name__}: {error}"
            raise

    def _check(self, tile: Tile, data: NDArray[Any]) -> None:
        rows, columns = self.grid.shape
        inside = tile.row >= 0 and tile.column >= 0 and tile.height > 0 and tile.width > 0
        if not inside or tile.row + tile.height > rows or tile.column + tile.width > columns:
            raise GridMismatch(f"{tile} lies outside the grid of {rows} × {columns} pixels")
        wanted = (len(self.spec.bands), tile.height, tile.width)
        if data.shape != wanted or data.dtype != self._dtype:
            raise GridMismatch(
                f"data of {self.spec.name!r} are {data.dtype} {data.shape}, want {self._dtype} {wanted} "
                "(band, y, x); RasterSpec.encode turns physical values into codes"
            )
        if self._spool < 0:
            raise PublishError(f"the writer of {self.path.name} is closed and takes no more tiles")

    def _deposit(self, level: int, top: int, left: int, data: NDArray[Any]) -> None:
        """Hand every block of a level the part of the data that belongs to it."""
        place = self.levels[level]
        for row, column, rows, columns in place.overlaps(top, left, data.shape[1], data.shape[2]):
            piece = data[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
            if (piece.shape[1], piece.shape[2]) == place.extent(row, column):
                self._claim(level, row, column)
                self._encode(level, row, column, piece)
                continue
            corner = rows.start - row * self._size, columns.start - column * self._size
            whole = self._gather(level, (row, column), corner, piece)
            if whole is not None:
                self._encode(level, row, column, whole)

    def _claim(self, level: int, row: int, column: int) -> None:
        with self._lock:
            if self.levels[level].taken[row, column]:
                raise self._twice(level, row, column)
            self.levels[level].taken[row, column] = True

    def _twice(self, level: int, row: int, column: int) -> PublishError:
        return PublishError(
            f"{self.path.name}: pixels of block row {row}, column {column} (level {level}) came twice; "
            "tiles must not overlap"
        )

    def _gather(
        self, level: int, block: tuple[int, int], corner: tuple[int, int], piece: NDArray[Any]
    ) -> NDArray[Any] | None:
        """Keep a part of a block; return the block once it is whole."""
        place, key = self.levels[level], (level, *block)
        bands, height, width = piece.shape
        top, left = corner
        with self._lock:
            if key not in self._pending:
                if place.taken[block]:
                    raise self._twice(level, *block)
                place.taken[block] = True
                self._pending[key] = _Pending(np.empty((bands, *place.extent(*block)), dtype=self._dtype))
            pending = self._pending[key]
            for other_top, other_left, other_bottom, other_right in pending.rectangles:
                apart = top >= other_bottom or top + height <= other_top
                if not (apart or left >= other_right or left + width <= other_left):
                    raise self._twice(level, *block)
            pending.rectangles.append((top, left, top + height, left + width))
        # Rectangles of one block are disjoint, so the copies of several threads do not meet.
        pending.data[:, top : top + height, left : left + width] = piece
        with self._lock:
            pending.arrived += height * width
            if pending.arrived < pending.data.shape[1] * pending.data.shape[2]:
                return None
            return self._pending.pop(key).data

    def _encode(self, level: int, row: int, column: int, data: NDArray[Any]) -> None:
        """Compress a whole block of all bands, spool it and pass its half on to the next overview."""
        place, nodata = self.levels[level], self.spec.nodata
        bands, height, width = data.shape
        half = None
        if level + 1 < len(self.levels):
            half = np.empty((bands, (height + 1) // 2, (width + 1) // 2), dtype=self._dtype)
        for band in range(bands):
            block = padded(data[band], self._size, nodata)
            place.digests[band, row, column] = np.frombuffer(digest_of(block[:height, :width]), dtype=np.uint8)
            if level == 0:
                part = block_statistics(block, height, width, nodata)
                self._parts[band][row * place.columns + column] = part
            if half is not None:
                halve(block, nodata, half[band], how=self.spec.overview)
            stream = compressed(block, self._predictor, self._effort)
            place.offsets[band, row, column] = self._append(stream)
            place.sizes[band, row, column] = len(stream)
        if half is not None:
            self._deposit(level + 1, row * self._size // 2, column * self._size // 2, half)

    def _append(self, stream: bytes) -> int:
        with self._lock:
            position = self._spooled
            self._spooled += len(stream)
        done = 0
        while done < len(stream):
            done += os.pwrite(self._spool, stream[done:], position + done)
        return position

    def close(self) -> WrittenRaster:
        """Lay out the file, flush it to disk and give it its name.

        Raises
        ------
        PublishError
            If a tile never came, a tile failed, or the disk does not take the file; nothing is left then.
        """
        try:
            self._refuse_holes()
            statistics = tuple(band_statistics(parts, self._pixels) for parts in self._parts)
            work = Assembly(self.spec, self.levels, self._geographic, self._tags, statistics, self._predictor)
            size, digest = assemble(work, self._spool, self.path)
        except OSError as error:
            self.abort()
            reason = error.strerror or error
            raise PublishError(f"cannot write {self.path}: {reason}; free space or choose another folder") from error
        except BaseException:
            self.abort()
            raise
        self.abort()
        digests = tuple(level.digests for level in self.levels)
        shape = (len(self.spec.bands), *self.grid.shape)
        pixel_hash = hashlib.sha256(digests[0].tobytes()).hexdigest()
        return WrittenRaster(self.path, size, digest, shape, self._size, statistics, digests, pixel_hash)

    @property
    def _pixels(self) -> int:
        rows, columns = self.grid.shape
        return rows * columns

    def _refuse_holes(self) -> None:
        if self._spool < 0:
            raise PublishError(f"the writer of {self.path.name} is closed already")
        if self._fault:
            raise PublishError(f"{self.path.name} is not finished: an earlier tile failed ({self._fault})")
        hole = self.levels[0].first_hole()
        if hole is not None:
            row, column = hole[0] * self._size, hole[1] * self._size
            missing = int(np.count_nonzero(self.levels[0].sizes[0] == 0))
            raise PublishError(
                f"{self.path.name} has a hole: no tile brought all pixels of the block at row {row}, column {column} "
                f"({missing} of {self.levels[0].sizes[0].size} blocks are not whole); write every tile of Grid.tiles"
            )

    def abort(self) -> None:
        """Close and remove the temporary files of this writer; a finished file stays."""
        with self._lock:
            spool, self._spool = self._spool, -1
            self._pending.clear()
        if spool >= 0:
            os.close(spool)
            for name in (self._spool_path, self.path.with_name(f"{self.path.name}.part")):
                with contextlib.suppress(FileNotFoundError):
                    name.unlink()


def digest_of(pixels: NDArray[Any]) -> bytes:
    """Return the SHA-256 of pixels as little-endian numbers in rows."""
    little = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
    return hashlib.sha256(np.ascontiguousarray(little).data).digest()
