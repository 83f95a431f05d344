"""Verification of a written raster: what is on the disk against what was meant, down to every pixel."""

from __future__ import annotations

import hashlib
import itertools
import math
import mmap
import struct
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import rasterio
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.errors import RasterioError
from rasterio.windows import Window

from habitat.contracts.errors import PublishError
from habitat.contracts.grid import Grid
from habitat.contracts.raster_spec import RasterSpec
from habitat.store.cog import WrittenRaster, digest_of
from habitat.store.tiff.assembly import LEADER, TRAILER, ghost_area
from habitat.store.tiff.directories import TILE_BYTE_COUNTS, TILE_OFFSETS, read_directories
from habitat.store.tiff.pyramid import Level, pyramid
from habitat.store.windows import ALONE


def verify(written: WrittenRaster, grid: Grid, spec: RasterSpec, *, threads: int = 2) -> None:
    """Read a written raster back and compare it with what went in.

    Compared are the file's bytes with their digest, its layout, its size, place, pixel type and tags, and
    every block of every level with the digest taken before it was compressed.

    Parameters
    ----------
    written : WrittenRaster
        As `CogWriter.close` returned it.
    grid, spec : Grid, RasterSpec
        What the raster was meant to be.
    threads : int
        Readers at work at once.

    Raises
    ------
    PublishError
        Naming the first thing that differs.
    """
    check_bytes(written.path, written.size, written.sha256)
    levels = pyramid(len(spec.bands), grid.shape, written.block_size)
    check_structure(written.path, levels)
    try:
        with rasterio.Env(**ALONE):
            _check_header(written, grid, spec, levels)
        _check_pixels(written, levels, threads)
    except RasterioError as error:
        raise PublishError(f"{written.path} cannot be read back: {error}") from error


def check_bytes(path: Path, size: int, sha256: str) -> None:
    """Compare a file with its size [B] and SHA-256.

    Raises
    ------
    PublishError
        If they differ or the file is gone.
    """
    problem = difference_from(path, size, sha256)
    if problem:
        raise PublishError(problem)


def difference_from(path: Path, size: int, sha256: str) -> str:
    """Return how a file differs from its size [B] and SHA-256 in words; empty if it does not."""
    try:
        found = path.stat().st_size
        if found != size:
            return f"{path} has {found} bytes, its record says {size}; restore it or build the product again"
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}; restore it or build the product again"
    if digest != sha256:
        return f"{path} has changed: SHA-256 {digest[:12]}…, its record says {sha256[:12]}…; restore it or build again"
    return ""


def check_structure(path: Path, levels: tuple[Level, ...]) -> None:
    """Check that a file is laid out as its ghost area promises: nothing sparse, blocks framed and in order.

    Raises
    ------
    PublishError
        If it is not.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        flavour, directories = read_directories(content)
        ghost = ghost_area(levels[0].bands)
        start = len(flavour.header(0))
        if content[start : start + len(ghost)] != ghost:
            raise PublishError(f"{path} lacks the ghost area of a Cloud Optimized GeoTIFF")
        if len(directories) != len(levels):
            raise PublishError(f"{path} has {len(directories)} directories, wants {len(levels)}")
        end = 0
        for (_, tags), level in zip(reversed(directories), reversed(levels), strict=True):
            offsets, sizes = tags[TILE_OFFSETS].values, tags[TILE_BYTE_COUNTS].values
            if len(offsets) != level.bands * level.rows * level.columns or len(sizes) != len(offsets):
                raise PublishError(f"{path} lists {len(offsets)} blocks at {level.height} × {level.width} pixels")
            end = _check_frames(content, path, zip(offsets.tolist(), sizes.tolist(), strict=True), end)
        if end != len(content) or max(position for position, _ in directories) > int(
            directories[-1][1][TILE_OFFSETS].values[0]
        ):
            raise PublishError(f"{path} does not end with its last block, or holds a directory behind its data")


def _check_frames(content: Any, path: Path, blocks: Iterable[tuple[int, int]], end: int) -> int:
    for offset, size in blocks:
        (leader,) = struct.unpack_from("<I", content, offset - LEADER)
        tail = content[offset + size : offset + size + TRAILER]
        gap = end and offset - LEADER != end
        if size == 0 or gap or leader != size or tail != content[offset + size - TRAILER : offset + size]:
            raise PublishError(f"{path} has a block at byte {offset} that is empty, badly framed or out of order")
        end = offset + size + TRAILER
    return end


def _check_header(written: WrittenRaster, grid: Grid, spec: RasterSpec, levels: tuple[Level, ...]) -> None:
    with rasterio.open(written.path, driver="GTiff") as image:
        block = (written.block_size, written.block_size)
        found: dict[str, Any] = {
            "shape": (image.count, image.height, image.width),
            "pixel type": set(image.dtypes),
            "coordinate system": image.crs,
            "transform": tuple(image.transform)[:6],
            "block shape": set(image.block_shapes),
            "overviews": len(image.overviews(1)),
            "scales": image.scales,
            "offsets": image.offsets,
            "units": tuple(units or "" for units in image.units),
            "descriptions": image.descriptions,
            "colours": _colours_of(image, spec),
        }
        wanted: dict[str, Any] = {
            "shape": (len(spec.bands), *grid.shape),
            "pixel type": {spec.dtype},
            "coordinate system": CRS.from_user_input(grid.crs),
            "transform": tuple(grid.transform)[:6],
            "block shape": {block},
            "overviews": len(levels) - 1,
            "scales": tuple(band.scale for band in spec.bands),
            "offsets": tuple(band.offset for band in spec.bands),
            "units": tuple(band.units for band in spec.bands),
            "descriptions": tuple(band.description or band.name for band in spec.bands),
            "colours": {code: colour for code, colour, _ in spec.classes},
        }
        nodata = image.nodata
    for name, want in wanted.items():
        if found[name] != want:
            raise PublishError(f"{written.path} came back with {name} {found[name]}, wants {want}")
    if not _same_number(nodata, spec.nodata):
        raise PublishError(f"{written.path} came back with nodata {nodata}, wants {spec.nodata}")


def _colours_of(image: Any, spec: RasterSpec) -> dict[int, str]:
    if not spec.classes:
        return {}
    table = image.colormap(1)
    return {code: "#{:02x}{:02x}{:02x}".format(*table[code][:3]) for code, _, _ in spec.classes}


def _same_number(found: float | None, wanted: float | None) -> bool:
    if found is None or wanted is None:
        return found is wanted
    return found == wanted or (math.isnan(found) and math.isnan(wanted))


def _check_pixels(written: WrittenRaster, levels: tuple[Level, ...], threads: int) -> None:
    """Decode every block and compare its digest; each job is a share of the rows of one level."""
    jobs = [
        (index, range(start, level.rows, threads)) for index, level in enumerate(levels) for start in range(threads)
    ]

    def check(job: tuple[int, range]) -> None:
        index, rows = job
        level = levels[index]
        options = {"overview_level": index - 1} if index else {}
        # A dataset handle is never shared between threads; the settings of an Env live in its thread.
        with rasterio.Env(**ALONE), rasterio.open(written.path, driver="GTiff", **options) as image:
            for band, row, column in itertools.product(range(level.bands), rows, range(level.columns)):
                height, width = level.extent(row, column)
                window = Window(column * level.block, row * level.block, width, height)
                pixels: NDArray[Any] = image.read(band + 1, window=window)
                if digest_of(pixels) != written.digests[index][band, row, column].tobytes():
                    raise PublishError(
                        f"{written.path}: block row {row}, column {column} of band {band + 1}, level {index} "
                        "does not hold the pixels that were written; disk or memory may be faulty"
                    )

    with ThreadPoolExecutor(max_workers=threads) as pool:
        for _ in pool.map(check, jobs):
            pass
