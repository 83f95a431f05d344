"""TIFF directories: written and read as bytes, classic and BigTIFF, little-endian."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import PublishError

ASCII, SHORT, LONG, DOUBLE, LONG8 = 2, 3, 4, 12, 16
"""Field types of TIFF 6.0 and BigTIFF that are used here."""

_FORMATS = {
    1: "u1",
    ASCII: "u1",
    SHORT: "<u2",
    LONG: "<u4",
    6: "i1",
    7: "u1",
    8: "<i2",
    9: "<i4",
    11: "<f4",
    DOUBLE: "<f8",
    LONG8: "<u8",
    17: "<i8",
    18: "<u8",
}

NEW_SUBFILE_TYPE, WIDTH, HEIGHT, BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC = 254, 256, 257, 258, 259, 262
SAMPLES_PER_PIXEL, PLANAR_CONFIGURATION, PREDICTOR, COLOR_MAP = 277, 284, 317, 320
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_BYTE_COUNTS, EXTRA_SAMPLES, SAMPLE_FORMAT = 322, 323, 324, 325, 338, 339
GDAL_METADATA, GDAL_NODATA = 42112, 42113

_MOST_DIRECTORIES = 64


@dataclass(frozen=True)
class Tag:
    """One field of a directory: its number, type, count of values and their bytes."""

    code: int
    kind: int
    count: int
    payload: bytes

    @property
    def values(self) -> NDArray[Any]:
        """The values as numbers."""
        return np.frombuffer(self.payload, dtype=_FORMATS[self.kind])

    @property
    def text(self) -> str:
        """The value of an ASCII field."""
        return self.payload.rstrip(b"\0").decode("utf-8")


def number_tag(code: int, kind: int, values: int | Sequence[float] | NDArray[Any]) -> Tag:
    """Return a field of numbers.

    Examples
    --------
    >>> number_tag(WIDTH, LONG, 4096).payload.hex()
    '00100000'
    """
    array = np.atleast_1d(np.asarray(values)).astype(_FORMATS[kind]).ravel()
    return Tag(code, kind, array.size, array.tobytes())


def text_tag(code: int, text: str) -> Tag:
    """Return an ASCII field; GDAL writes and reads UTF-8 in it."""
    payload = text.encode("utf-8") + b"\0"
    return Tag(code, ASCII, len(payload), payload)


@dataclass(frozen=True)
class Flavour:
    """Sizes and formats that differ between classic TIFF (4 GiB) and BigTIFF."""

    big: bool

    @property
    def offset(self) -> int:
        """Field type of a position in the file."""
        return LONG8 if self.big else LONG

    @property
    def inline(self) -> int:
        """Bytes of a value that stand in the directory itself."""
        return 8 if self.big else 4

    def header(self, first_directory: int) -> bytes:
        """Return the first bytes of the file."""
        if self.big:
            return struct.pack("<2sHHHQ", b"II", 43, 8, 0, first_directory)
        return struct.pack("<2sHI", b"II", 42, first_directory)

    def size(self, tags: Sequence[Tag]) -> int:
        """Return the bytes a directory and the values it points to take [B]."""
        head = (8 + 20 * len(tags) + 8) if self.big else (2 + 12 * len(tags) + 4)
        return _even(head) + sum(_even(len(tag.payload)) for tag in tags if len(tag.payload) > self.inline)

    def directory(self, tags: Sequence[Tag], position: int, following: int) -> bytes:
        """Return a directory that stands at `position`, its values behind it, and the next directory's position."""
        ordered = sorted(tags, key=lambda tag: tag.code)
        head = (8 + 20 * len(tags) + 8) if self.big else (2 + 12 * len(tags) + 4)
        entry, count, link = ("<HHQ", "<Q", "<Q") if self.big else ("<HHI", "<H", "<I")
        entries, behind = struct.pack(count, len(tags)), b""
        for tag in ordered:
            entries += struct.pack(entry, tag.code, tag.kind, tag.count)
            if len(tag.payload) <= self.inline:
                entries += tag.payload.ljust(self.inline, b"\0")
            else:
                entries += struct.pack(link, position + _even(head) + len(behind))
                behind += tag.payload.ljust(_even(len(tag.payload)), b"\0")
        return (entries + struct.pack(link, following)).ljust(_even(head), b"\0") + behind


def _even(size: int) -> int:
    # TIFF wants word-aligned positions; 8 keeps the doubles and the 64-bit offsets aligned too.
    return (size + 7) // 8 * 8


def read_directories(content: Any) -> tuple[Flavour, list[tuple[int, dict[int, Tag]]]]:
    """Return the directories of a little-endian TIFF, each with its position in the file.

    Parameters
    ----------
    content : bytes-like
        The whole file, e.g. an ``mmap``.

    Raises
    ------
    PublishError
        If the content is no little-endian TIFF or its directories run outside of it or in a ring.
    """
    flavour, position = _open(content)
    found: list[tuple[int, dict[int, Tag]]] = []
    while position:
        if len(found) >= _MOST_DIRECTORIES or any(position == known for known, _ in found):
            raise PublishError(f"the TIFF's directories form a ring or are more than {_MOST_DIRECTORIES}")
        try:
            tags, following = _read_directory(content, position, flavour)
        except (struct.error, KeyError, ValueError) as error:
            raise PublishError(f"the TIFF's directory at byte {position} cannot be read: {error}") from error
        found.append((position, tags))
        position = following
    return flavour, found


def _open(content: Any) -> tuple[Flavour, int]:
    start = bytes(content[:16])
    if start[:4] == b"II*\0" and len(start) >= 8:
        return Flavour(big=False), struct.unpack_from("<I", start, 4)[0]
    if start[:4] == b"II+\0" and len(start) == 16:
        return Flavour(big=True), struct.unpack_from("<Q", start, 8)[0]
    raise PublishError(f"the file begins with {start[:4]!r}, wants a little-endian TIFF (II*) or BigTIFF (II+)")


def _read_directory(content: Any, position: int, flavour: Flavour) -> tuple[dict[int, Tag], int]:
    entry, count, link, step = ("<HHQ", "<Q", "<Q", 20) if flavour.big else ("<HHI", "<H", "<I", 12)
    (entries,) = struct.unpack_from(count, content, position)
    position += struct.calcsize(count)
    tags: dict[int, Tag] = {}
    for index in range(entries):
        place = position + index * step
        code, kind, values = struct.unpack_from(entry, content, place)
        size = values * np.dtype(_FORMATS[kind] if kind not in (5, 10) else "u8").itemsize
        start = place + struct.calcsize(entry)
        if size > flavour.inline:
            (start,) = struct.unpack_from(link, content, start)
        if start + size > len(content):
            raise ValueError(f"field {code} ends at byte {start + size} of {len(content)}")
        tags[code] = Tag(code, kind, values, bytes(content[start : start + size]))
    (following,) = struct.unpack_from(link, content, position + entries * step)
    return tags, following
