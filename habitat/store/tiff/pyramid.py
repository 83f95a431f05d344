"""Levels of a pyramid: the full raster and its overviews, each cut into blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class Level:
    """One resolution of a raster: its size, its blocks, and where their bytes lie in the spool."""

    bands: int
    height: int
    """Rows of pixels."""
    width: int
    """Columns of pixels."""
    block: int
    """Side of a block [pixels]."""
    offsets: NDArray[np.int64] = field(init=False, repr=False)
    """Position of each block (band, row, column) in the spool."""
    sizes: NDArray[np.int64] = field(init=False, repr=False)
    """Bytes of each compressed block; 0: not there yet."""
    digests: NDArray[np.uint8] = field(init=False, repr=False)
    """SHA-256 of each block's pixels inside the raster."""
    taken: NDArray[np.bool_] = field(init=False, repr=False)
    """Blocks (row, column) of which some pixels have come."""

    def __post_init__(self) -> None:
        shape = (self.bands, self.rows, self.columns)
        self.offsets = np.full(shape, -1, dtype=np.int64)
        self.sizes = np.zeros(shape, dtype=np.int64)
        self.digests = np.zeros((*shape, 32), dtype=np.uint8)
        self.taken = np.zeros(shape[1:], dtype=np.bool_)

    @property
    def rows(self) -> int:
        """Rows of blocks."""
        return -(-self.height // self.block)

    @property
    def columns(self) -> int:
        """Columns of blocks."""
        return -(-self.width // self.block)

    def extent(self, row: int, column: int) -> tuple[int, int]:
        """Return height and width of the part of a block inside the raster."""
        return min(self.block, self.height - row * self.block), min(self.block, self.width - column * self.block)

    def overlaps(self, top: int, left: int, height: int, width: int) -> Iterator[tuple[int, int, slice, slice]]:
        """Yield every block a rectangle touches, and the rows and columns of the raster they share."""
        for row in range(top // self.block, -(-(top + height) // self.block)):
            rows = slice(max(top, row * self.block), min(top + height, (row + 1) * self.block))
            for column in range(left // self.block, -(-(left + width) // self.block)):
                columns = slice(max(left, column * self.block), min(left + width, (column + 1) * self.block))
                yield row, column, rows, columns

    def first_hole(self) -> tuple[int, int] | None:
        """Return row and column of the first block that is not stored, if any."""
        holes: Any = np.argwhere((self.sizes == 0).any(axis=0))
        return (int(holes[0][0]), int(holes[0][1])) if len(holes) else None


def pyramid(bands: int, shape: tuple[int, int], block: int) -> tuple[Level, ...]:
    """Return the full resolution and its overviews, each half the one before, down to a single block.

    Examples
    --------
    >>> [(level.height, level.width) for level in pyramid(1, (511, 1300), 512)]
    [(511, 1300), (256, 650), (128, 325)]
    """
    levels = [Level(bands, *shape, block)]
    while max(levels[-1].height, levels[-1].width) > block:
        levels.append(Level(bands, (levels[-1].height + 1) // 2, (levels[-1].width + 1) // 2, block))
    return tuple(levels)
