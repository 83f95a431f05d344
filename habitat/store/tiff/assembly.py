"""Assembly of a Cloud Optimized GeoTIFF: directories first, then overviews, then the full resolution."""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.raster_spec import RasterSpec
from habitat.store.disk import sync_folder
from habitat.store.tiff import directories as tiff
from habitat.store.tiff.directories import LONG, SHORT, Flavour, Tag, number_tag, text_tag
from habitat.store.tiff.metadata import (
    BandStatistics,
    colour_table,
    colour_tag,
    metadata_xml,
    nodata_text,
    text_tags,
)
from habitat.store.tiff.pyramid import Level

BIG_ABOVE = 4_000_000_000
"""Files larger than this [B] become BigTIFF; classic TIFF ends at 4 GiB."""

LEADER, TRAILER = 4, 4
"""Bytes before a block (its size) and after it (its last four bytes again)."""

_CHUNK = 8 * 2**20
_DEFLATE, _PALETTE, _MIN_IS_BLACK, _SEPARATE, _REDUCED = 8, 3, 1, 2, 1
_SAMPLE_FORMATS = {"u": 1, "i": 2, "f": 3}


@dataclass(frozen=True)
class Assembly:
    """All that stands in the file beside the compressed blocks."""

    spec: RasterSpec
    levels: tuple[Level, ...]
    geographic: tuple[Tag, ...]
    tags: Mapping[str, str]
    statistics: tuple[BandStatistics, ...]
    predictor: int


def ghost_area(bands: int) -> bytes:
    """Return the text GDAL's readers look for behind the header: how blocks are ordered and framed.

    References
    ----------
    GDAL documentation, COG driver, "Header ghost area".
    """
    text = (
        "LAYOUT=IFDS_BEFORE_DATA\nBLOCK_ORDER=ROW_MAJOR\nBLOCK_LEADER=SIZE_AS_UINT4\n"
        "BLOCK_TRAILER=LAST_4_BYTES_REPEATED\n"
        + ("INTERLEAVE=BAND\n" if bands > 1 else "")
        # The space leaves room for a program that edits the file in place to write YES.
        + "KNOWN_INCOMPATIBLE_EDITION=NO\n "
    )
    return f"GDAL_STRUCTURAL_METADATA_SIZE={len(text):06d} bytes\n{text}".encode("ascii")


def assemble(work: Assembly, spool: int, path: Path) -> tuple[int, str]:
    """Write the finished file from the spooled blocks and return its size [B] and SHA-256.

    The file gets its name by `os.replace` once all of it is on the disk.

    Raises
    ------
    OSError
        If the disk does not take it.
    """
    part = path.with_name(f"{path.name}.part")
    digest, size = hashlib.sha256(), 0
    with part.open("wb", buffering=0) as file:
        for chunk in _chunks(work, spool):
            digest.update(chunk)
            written = 0
            while written < len(chunk):
                written += file.write(memoryview(chunk)[written:])
            size += len(chunk)
        os.fsync(file.fileno())
    part.replace(path)
    sync_folder(path.parent)
    return size, digest.hexdigest()


def _chunks(work: Assembly, spool: int) -> Iterator[bytes]:
    """Yield the file from its first byte to its last in pieces of a few megabytes."""
    pieces: list[bytes | memoryview] = [_head(work)]
    held = len(pieces[0])
    for level in reversed(work.levels):
        for offset, size in zip(level.offsets.ravel().tolist(), level.sizes.ravel().tolist(), strict=True):
            # Read, not mapped: the pages of a map count as this process' memory.
            block = os.pread(spool, size, offset)
            pieces += [struct.pack("<I", size), block, block[-TRAILER:]]
            held += LEADER + size + TRAILER
            if held >= _CHUNK:
                yield b"".join(pieces)
                pieces, held = [], 0
    yield b"".join(pieces)


def _head(work: Assembly) -> bytes:
    """Return header, ghost area and all directories."""
    data = sum(int(level.sizes.sum()) + level.sizes.size * (LEADER + TRAILER) for level in work.levels)
    flavour = Flavour(big=data + 2**20 * len(work.levels) > BIG_ABOVE)
    ghost = ghost_area(len(work.spec.bands))
    start = _aligned(len(flavour.header(0)) + len(ghost))
    # Sizes of directories do not depend on the positions in them, so a first pass with zeros measures.
    nothing = [np.zeros(level.sizes.size, dtype=np.int64) for level in work.levels]
    sizes = [flavour.size(tags) for tags in _directories(work, flavour, nothing)]
    positions = [start + sum(sizes[:index]) for index in range(len(sizes))]
    places = _places(work.levels, start + sum(sizes))
    head = (flavour.header(start) + ghost).ljust(start, b"\0")
    for tags, position, following in zip(
        _directories(work, flavour, places), positions, [*positions[1:], 0], strict=True
    ):
        head += flavour.directory(tags, position, following)
    return head


def _aligned(size: int) -> int:
    return (size + 15) // 16 * 16


def _places(levels: tuple[Level, ...], start: int) -> list[NDArray[np.int64]]:
    """Return the position in the file of every block of every level; the smallest overview comes first."""
    places: list[NDArray[np.int64]] = []
    for level in reversed(levels):
        framed = level.sizes.ravel() + LEADER + TRAILER
        before = np.cumsum(framed) - framed
        places.insert(0, start + before + LEADER)
        start += int(framed.sum())
    return places


def _directories(work: Assembly, flavour: Flavour, places: list[NDArray[np.int64]]) -> list[list[Tag]]:
    """Return the fields of the full resolution and of each overview."""
    listed = []
    for index, (level, place) in enumerate(zip(work.levels, places, strict=True)):
        tags = [
            *_raster_tags(work, level),
            number_tag(tiff.TILE_OFFSETS, flavour.offset, place),
            number_tag(tiff.TILE_BYTE_COUNTS, LONG, level.sizes.ravel()),
        ]
        if index == 0:
            tags += [*work.geographic, *text_tags(work.tags)]
            tags.append(text_tag(tiff.GDAL_METADATA, metadata_xml(work.spec, work.statistics, work.tags)))
        else:
            tags.append(number_tag(tiff.NEW_SUBFILE_TYPE, LONG, _REDUCED))
        listed.append(tags)
    return listed


def _raster_tags(work: Assembly, level: Level) -> list[Tag]:
    spec, dtype = work.spec, np.dtype(work.spec.dtype)
    table = colour_table(spec)
    tags = [
        number_tag(tiff.WIDTH, LONG, level.width),
        number_tag(tiff.HEIGHT, LONG, level.height),
        number_tag(tiff.BITS_PER_SAMPLE, SHORT, [8 * dtype.itemsize] * level.bands),
        number_tag(tiff.COMPRESSION, SHORT, _DEFLATE),
        number_tag(tiff.PHOTOMETRIC, SHORT, _MIN_IS_BLACK if table is None else _PALETTE),
        number_tag(tiff.SAMPLES_PER_PIXEL, SHORT, level.bands),
        number_tag(tiff.PLANAR_CONFIGURATION, SHORT, _SEPARATE if level.bands > 1 else 1),
        number_tag(tiff.TILE_WIDTH, SHORT, level.block),
        number_tag(tiff.TILE_HEIGHT, SHORT, level.block),
        number_tag(tiff.SAMPLE_FORMAT, SHORT, [_SAMPLE_FORMATS[dtype.kind]] * level.bands),
    ]
    if work.predictor != 1:
        tags.append(number_tag(tiff.PREDICTOR, SHORT, work.predictor))
    if level.bands > 1:
        tags.append(number_tag(tiff.EXTRA_SAMPLES, SHORT, [0] * (level.bands - 1)))
    if table is not None:
        tags.append(colour_tag(table))
    if spec.nodata is not None:
        tags.append(text_tag(tiff.GDAL_NODATA, nodata_text(spec.nodata)))
    return tags
