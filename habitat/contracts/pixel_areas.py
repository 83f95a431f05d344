"""True areas of pixels: what a projection stretches is taken back, so that hectares are hectares anywhere."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from habitat.contracts.errors import ConfigError
from habitat.contracts.grid import Grid, Tile

_NODES_M = 10_000.0
"""Distance of the nodes between which the scale is interpolated [m]; the error is then below 1e-6."""
_REACH_M = 50.0
_AROUND = ((-_REACH_M, 0.0), (_REACH_M, 0.0), (0.0, -_REACH_M), (0.0, _REACH_M))
"""West, east, south and north of a place [m]: between them the projection is as good as straight."""


def pixel_areas(grid: Grid, tile: Tile) -> NDArray[np.float64]:
    """Area of each pixel of a tile on the ellipsoid.

    A pixel of a projected grid is ``resolution_m ** 2`` on the map. On the ground it is that divided by the
    areal scale factor of the projection, which in a UTM zone runs from 0.9992 at its middle to 1.0012 three and
    a half degrees away: 0.2 % between the two countries. An equal-area grid has the same area everywhere.

    Parameters
    ----------
    grid : Grid
        In metres.
    tile : Tile
        A rectangle of it.

    Returns
    -------
    float64 (y, x) [m²]
        Right to 1e-5 of itself.

    Raises
    ------
    ConfigError
        If the projection has no scale there.

    Examples
    --------
    >>> grid = Grid.around((500000, 4800000, 500020, 4800020), "EPSG:32652", 20)
    >>> float(pixel_areas(grid, Tile(0, 0, 1, 1))[0, 0].round(2))
    400.32
    """
    west, south, east, north = grid.tile_bounds(tile)
    half = grid.resolution_m / 2
    x, across = _nodes(np.linspace(west + half, east - half, tile.width))
    y, down = _nodes(np.linspace(north - half, south + half, tile.height))
    scale: NDArray[np.float64] = down @ areal_scale(grid.crs, *np.meshgrid(x, y)) @ across.T
    return grid.resolution_m**2 / scale


def areal_scale(crs: str, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Areal scale factor of a projection: area on the map per area on the ellipsoid.

    Parameters
    ----------
    crs : str
        Projected coordinate system.
    x, y : float64 (any shape) [m]
        Places on the map.

    Returns
    -------
    float64 (shape of x) [1]

    Raises
    ------
    ConfigError
        If the projection has no scale there.

    References
    ----------
    Snyder (1987), Map projections - a working manual, USGS Professional Paper 1395, chapter 4.

    Examples
    --------
    >>> float(areal_scale("EPSG:32652", np.array(500000.0), np.array(4.8e6)).round(6))
    0.9992
    """
    back, axis, flatness = _ellipsoid_of(crs)
    east, north = (np.asarray(place, np.float64) for place in (x, y))
    # PROJ has factors of its own, but takes a sphere where a projection does, as that of web maps.
    ends = [back.transform(east + dx, north + dy, radians=True) for dx, dy in _AROUND]
    with np.errstate(divide="ignore", invalid="ignore"):
        longitude, latitude = zip(*ends, strict=True)
        turned = _step(longitude, 0) * _step(latitude, 2) - _step(longitude, 2) * _step(latitude, 0)
        middle = np.mean(latitude, axis=0)
        eccentricity = flatness * (2 - flatness)
        # Area on the ellipsoid of a small step in latitude and longitude: both radii of curvature and the cosine.
        ground = axis**2 * (1 - eccentricity) * np.cos(middle) / (1 - eccentricity * np.sin(middle) ** 2) ** 2
        scale: NDArray[np.float64] = (2 * _REACH_M) ** 2 / np.abs(turned * ground)
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        raise ConfigError(
            f"{crs[:60]} has no areal scale at some of {scale.size} places; the grid lies outside its use"
        )
    return scale


def _step(angles: Sequence[NDArray[np.float64]], first: int) -> NDArray[np.float64]:
    """Return how far angles [radians] turn from one end to the other, the short way round."""
    apart: NDArray[np.float64] = np.asarray(angles[first + 1]) - np.asarray(angles[first])
    return apart - 2 * np.pi * np.rint(apart / (2 * np.pi))


def _nodes(places: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes at whole multiples of their distance [m], the same for all tiles, and the weights (place, node)."""
    units = places / _NODES_M
    steps = np.arange(math.floor(np.min(units)), math.ceil(np.max(units)) + 1, dtype=np.float64)
    weights: NDArray[np.float64] = np.clip(1 - np.abs(units[:, None] - steps), 0, 1)
    return steps * _NODES_M, weights


@lru_cache(maxsize=8)
def _ellipsoid_of(crs: str) -> tuple[Transformer, float, float]:
    """Return the way from a map to its own ellipsoid, and that one's longer half axis [m] and flattening."""
    parsed = CRS.from_user_input(crs)
    ellipsoid, degrees = parsed.ellipsoid, parsed.geodetic_crs
    if ellipsoid is None or degrees is None:
        raise ConfigError(f"{crs[:60]} has no ellipsoid; name a projected system such as EPSG:32652")
    flatness = 1 - ellipsoid.semi_minor_metre / ellipsoid.semi_major_metre
    return Transformer.from_crs(parsed, degrees, always_xy=True), ellipsoid.semi_major_metre, flatness
