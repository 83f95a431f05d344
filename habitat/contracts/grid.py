"""Grid: a coordinate system in metres, a resolution and bounds that lie on it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from pyproj.exceptions import CRSError

from habitat.contracts.errors import ConfigError

Bounds = tuple[float, float, float, float]
"""West, south, east, north."""

_FARTHEST_M = 1e9
"""No projection in metres reaches so far [m]; beyond it lie slips of the pen and numbers that overflow."""
_MOST_PIXELS = 2**31 - 1
"""Rows or columns a GeoTIFF can have."""


@dataclass(frozen=True)
class Tile:
    """A rectangle of a grid in pixels: the unit of reading, computing and writing."""

    row: int
    column: int
    height: int
    width: int


@dataclass(frozen=True)
class Grid:
    """The one raster grid every product of an area lies on.

    Pixel edges lie at ``origin + k * resolution_m``; the default origin (0, 0) with 10, 20 or 30 m
    coincides with the Sentinel-2 10 m grid of the same UTM zone.

    Parameters
    ----------
    crs : str
        Projected coordinate system in metres, e.g. ``EPSG:32652``.
    resolution_m : float
        Pixel size [m], square.
    bounds : tuple
        West, south, east, north [m], a whole number of pixels apart.

    Raises
    ------
    ConfigError
        If the system is not in metres, the resolution not positive or the bounds not on the grid.

    Examples
    --------
    >>> grid = Grid.around((600003, 4800004, 600097, 4800096), "EPSG:32652", 20)
    >>> grid.bounds, grid.shape
    ((600000.0, 4800000.0, 600100.0, 4800100.0), (5, 5))
    """

    crs: str
    resolution_m: float
    bounds: Bounds

    def __post_init__(self) -> None:
        check_metre_crs(self.crs)
        _check_numbers(self.bounds, self.resolution_m)
        west, south, east, north = self.bounds
        if not (east > west and north > south):
            raise ConfigError(f"bounds {self.bounds} are empty; the order is west, south, east, north")
        for name, span in (("width", east - west), ("height", north - south)):
            pixels = span / self.resolution_m
            if abs(pixels - round(pixels)) > 1e-6:
                raise ConfigError(
                    f"the grid's {name} {span} m is not a whole number of {self.resolution_m} m pixels; "
                    "use Grid.around to snap bounds to the grid"
                )

    @classmethod
    def around(cls, bounds: Bounds, crs: str, resolution_m: float, origin: tuple[float, float] = (0.0, 0.0)) -> Grid:
        """Snap bounds outward to pixel edges at ``origin + k * resolution_m``.

        Raises
        ------
        ConfigError
            As for the grid itself.
        """
        check_metre_crs(crs)
        _check_numbers((*bounds, *origin), resolution_m)

        def snap(value: float, anchor: float, rounding: float) -> float:
            steps = (value - anchor) / resolution_m
            nearest = round(steps)
            # A bound that is on the grid but for rounding of its projection must not add a pixel.
            whole = nearest if abs(steps - nearest) < 1e-6 else math.floor(steps) + rounding
            return float(anchor + whole * resolution_m)

        west, south, east, north = bounds
        low = snap(west, origin[0], 0), snap(south, origin[1], 0)
        high = snap(east, origin[0], 1), snap(north, origin[1], 1)
        return cls(crs, float(resolution_m), (*low, *high))

    def coarser(self, resolution_m: float) -> Grid:
        """Return the grid of larger cells that covers this one, its edges at whole multiples of the cell size.

        Cells of two areas of one coordinate system lie on each other, whatever the areas' own bounds are.

        Raises
        ------
        ConfigError
            If the cells are smaller than the pixels.

        Examples
        --------
        >>> Grid("EPSG:32652", 20.0, (600020.0, 4800000.0, 600100.0, 4800060.0)).coarser(500).bounds
        (600000.0, 4800000.0, 600500.0, 4800500.0)
        """
        if resolution_m < self.resolution_m:
            raise ConfigError(f"cells of {resolution_m} m are smaller than the area's pixels of {self.resolution_m} m")
        return Grid.around(self.bounds, self.crs, resolution_m)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        west, south, east, north = self.bounds
        return round((north - south) / self.resolution_m), round((east - west) / self.resolution_m)

    @property
    def transform(self) -> Affine:
        """Affine transform from pixel corners to map coordinates (GDAL order, north up)."""
        return Affine(self.resolution_m, 0.0, self.bounds[0], 0.0, -self.resolution_m, self.bounds[3])

    @property
    def coords(self) -> dict[str, NDArray[np.floating]]:
        """Pixel centres ``y`` (north to south) and ``x`` (west to east) [m]."""
        rows, columns = self.shape
        half = self.resolution_m / 2
        return {
            "y": self.bounds[3] - half - np.arange(rows) * self.resolution_m,
            "x": self.bounds[0] + half + np.arange(columns) * self.resolution_m,
        }

    @property
    def epsg(self) -> int | None:
        """EPSG code, if the system has one."""
        code: int | None = CRS.from_user_input(self.crs).to_epsg()
        return code

    def tile_bounds(self, tile: Tile) -> Bounds:
        """Return the bounds [m] of a tile."""
        west = self.bounds[0] + tile.column * self.resolution_m
        north = self.bounds[3] - tile.row * self.resolution_m
        return west, north - tile.height * self.resolution_m, west + tile.width * self.resolution_m, north

    def tiles(self, size: int, phase: tuple[int, int] = (0, 0)) -> Iterator[Tile]:
        """Cover the grid with tiles whose edges lie at ``phase + k * size`` pixels (row, column)."""
        rows, columns = self.shape
        row_edges = _edges(rows, size, phase[0])
        column_edges = _edges(columns, size, phase[1])
        for top, bottom in pairwise(row_edges):
            for left, right in pairwise(column_edges):
                yield Tile(top, left, bottom - top, right - left)


def _edges(length: int, size: int, phase: int) -> list[int]:
    inner = range(phase % size or size, length, size)
    return [0, *inner, length]


def _check_numbers(metres: tuple[float, ...], resolution_m: float) -> None:
    if not (math.isfinite(resolution_m) and resolution_m > 0):
        raise ConfigError(f"resolution_m is {resolution_m}, wants a positive number of metres")
    if not all(abs(value) <= _FARTHEST_M for value in metres):
        raise ConfigError(
            f"bounds or origin {metres} are no numbers within ±{_FARTHEST_M:g} m; write metres of the grid's crs"
        )
    if any(abs(one - other) / resolution_m > _MOST_PIXELS for one, other in zip(metres, metres[2:4], strict=False)):
        raise ConfigError(
            f"bounds {metres[:4]} have more than {_MOST_PIXELS} pixels of {resolution_m} m a side; "
            "write metres of the grid's crs and a coarser resolution_m"
        )


def check_metre_crs(crs: str) -> None:
    """Refuse a coordinate system that is not projected in metres.

    Raises
    ------
    ConfigError
        If the text names no system or one that is not in metres.
    """
    try:
        parsed = CRS.from_user_input(crs)
    except CRSError as error:
        raise ConfigError(f"crs {crs!r} is not a coordinate system PROJ knows; write e.g. EPSG:32652") from error
    if not parsed.is_projected or any(abs(axis.unit_conversion_factor - 1.0) > 1e-12 for axis in parsed.axis_info[:2]):
        units = ", ".join(axis.unit_name for axis in parsed.axis_info[:2])
        raise ConfigError(f"crs {crs!r} is in {units}, wants a projected system in metres such as EPSG:32652")
