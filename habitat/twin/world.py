"""Where a twin lies, how large it is, and the windows and seeds its parts are drawn with."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer

from habitat.contracts.errors import ConfigError

SizeName = Literal["tiny", "series", "demo", "full"]
"""How large a twin is to be made."""

CRS = "EPSG:32652"
"""UTM zone of the landscape and of its area."""
NEIGHBOUR_CRS = "EPSG:32653"
"""UTM zone next door: the landscape lies on both sides of 132 degrees east."""
CENTRE = (743400.0, 4800000.0)
"""Middle of every twin [m]: on 132 degrees east, on the lattice of 60 m pixels, where two Sentinel-2 tiles overlap."""
RESOLUTION_M = 10.0
"""Pixel size of the truth [m]."""
BLOCK = 1500
"""Rows and columns of the blocks [10 m pixels] a large twin is drawn in; a multiple of 6, for 60 m bands."""


@dataclass(frozen=True)
class Size:
    """Extent of a twin, and what it holds."""

    name: SizeName
    """Its name."""
    area_pixels: int
    """Rows and columns of the area at 20 m."""
    margin_pixels: int
    """By how many pixels of 20 m the scenes reach past the area; area and margins together fill 60 m pixels."""
    file_block: int
    """Tile edge inside the scenes' files [pixels]; Earth Search has 1024."""
    overviews: bool
    """Whether the files hold reduced copies."""
    first_year: int
    """First year of weather, fires and clearings; the last is always `LAST_YEAR`."""
    hourly: tuple[str, str]
    """First and last day of hourly weather, ISO dates."""

    @property
    def pixels(self) -> int:
        """Rows and columns of the world at 10 m."""
        return 2 * (self.area_pixels + 2 * self.margin_pixels)


LAST_YEAR = 2025
"""Last year of every twin."""

SIZES: dict[str, Size] = {
    "tiny": Size("tiny", 44, 2, 128, overviews=False, first_year=2022, hourly=("2025-04-15", "2025-05-15")),
    "series": Size("series", 132, 3, 256, overviews=False, first_year=2015, hourly=("2024-01-01", "2025-12-31")),
    "demo": Size("demo", 700, 10, 1024, overviews=True, first_year=2009, hourly=("2024-01-01", "2025-12-31")),
    "full": Size("full", 6500, 20, 1024, overviews=True, first_year=2022, hourly=("2025-01-01", "2025-12-31")),
}


@lru_cache(maxsize=8)
def to_degrees(crs: str = CRS) -> Transformer:
    """Return what takes eastings and northings to longitude and latitude; threads may share it.

    Examples
    --------
    >>> longitude, latitude = to_degrees().transform(*CENTRE)
    >>> round(longitude, 2), round(latitude, 2)
    (132.0, 43.31)
    """
    return Transformer.from_crs(crs, 4326, always_xy=True)


def size_of(name: object) -> Size:
    """Return the extent behind a size's name.

    Raises
    ------
    ConfigError
        If there is no such size.
    """
    if not isinstance(name, str) or name not in SIZES:
        raise ConfigError(f"there is no size {name!r}; sizes are {', '.join(SIZES)}")
    return SIZES[name]


@dataclass(frozen=True, order=True)
class Window:
    """A rectangle of the world in pixels of 10 m, from its upper left corner; it may reach past the world's edge."""

    row: int
    """First row."""
    column: int
    """First column."""
    rows: int
    """Number of rows."""
    columns: int
    """Number of columns."""

    def grown(self, pixels: int) -> Window:
        """Return the window with a margin."""
        return Window(self.row - pixels, self.column - pixels, self.rows + 2 * pixels, self.columns + 2 * pixels)


@dataclass(frozen=True)
class World:
    """A twin before it is drawn: its size and its seed. Everything else follows from these two."""

    size: Size
    """Extent."""
    seed: int
    """The same seed and size give the same world."""
    west: float = field(init=False)
    """Western edge [m]."""
    north: float = field(init=False)
    """Northern edge [m]."""

    def __post_init__(self) -> None:
        half = self.size.pixels * RESOLUTION_M / 2
        object.__setattr__(self, "west", CENTRE[0] - half)
        object.__setattr__(self, "north", CENTRE[1] + half)

    @property
    def pixels(self) -> int:
        """Rows and columns at 10 m."""
        return self.size.pixels

    @property
    def width_m(self) -> float:
        """Length of a side [m]."""
        return self.pixels * RESOLUTION_M

    @property
    def whole(self) -> Window:
        """The world as one window."""
        return Window(0, 0, self.pixels, self.pixels)

    @property
    def area_window(self) -> Window:
        """The area of interest inside the margins."""
        margin = 2 * self.size.margin_pixels
        return Window(margin, margin, 2 * self.size.area_pixels, 2 * self.size.area_pixels)

    def blocks(self, edge: int = BLOCK) -> Iterator[Window]:
        """Yield windows that tile the world, row by row; all parts of a large twin are drawn in these."""
        for row in range(0, self.pixels, edge):
            for column in range(0, self.pixels, edge):
                yield Window(row, column, min(edge, self.pixels - row), min(edge, self.pixels - column))

    def area_blocks(self, edge: int = BLOCK) -> Iterator[Window]:
        """Yield windows that tile the area of interest, row by row."""
        area = self.area_window
        for row in range(area.row, area.row + area.rows, edge):
            for column in range(area.column, area.column + area.columns, edge):
                rows, columns = area.row + area.rows - row, area.column + area.columns - column
                yield Window(row, column, min(edge, rows), min(edge, columns))

    def transform(self, window: Window, resolution_m: float = RESOLUTION_M) -> Affine:
        """Return the pixel corner transform of a window."""
        west = self.west + window.column * RESOLUTION_M
        return Affine(resolution_m, 0.0, west, 0.0, -resolution_m, self.north - window.row * RESOLUTION_M)

    def coordinates(
        self, window: Window, resolution_m: float = RESOLUTION_M
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the pixel centres of a window [m]: eastings (x,) and northings (y,), north first."""
        corner = self.transform(window, resolution_m)
        columns = round(window.columns * RESOLUTION_M / resolution_m)
        rows = round(window.rows * RESOLUTION_M / resolution_m)
        eastings: NDArray[Any] = corner.c + (np.arange(columns) + 0.5) * resolution_m
        northings: NDArray[Any] = corner.f - (np.arange(rows) + 0.5) * resolution_m
        return eastings, northings

    def scaled(self, natural_m: float, share: float) -> float:
        """Return a length as it is in nature [m], or a share of the world's width where that is less."""
        return min(natural_m, share * self.width_m)

    def key(self, *words: str | int) -> int:
        """Return a number of 32 bits that belongs to the seed and to what is drawn."""
        return zlib.crc32("/".join(str(word) for word in (self.seed, self.size.name, *words)).encode())

    def rng(self, *words: str | int) -> np.random.Generator:
        """Return the source of randomness for one thing, independent of what else was drawn and in which order.

        Examples
        --------
        >>> world = World(size_of("tiny"), 1)
        >>> float(world.rng("hill").random()) == float(world.rng("hill").random())
        True
        """
        return np.random.default_rng([self.seed, self.key(*words)])


def world_of(size: object, seed: object) -> World:
    """Return the world of a size and a seed.

    Raises
    ------
    ConfigError
        If there is no such size, or the seed is not a whole number from 0 on.
    """
    wanted = size_of(size)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"seed is {seed!r}, wants a whole number from 0 on")
    return World(wanted, seed)
