"""Terrain: slope, aspect, ruggedness and relief of an elevation layer on a grid in metres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from habitat.contracts.errors import GridMismatch

Floats = NDArray[np.float32]

LEVEL = 0.01
"""Tangent of the slope below which ground has no aspect [1]."""


def rises(elevation: NDArray[np.floating], resolution_m: float) -> tuple[Floats, Floats]:
    """Rise of the ground towards the east and towards the north, after Horn.

    Parameters
    ----------
    elevation : array (y, x) [m]
        North up; NaN where unknown.
    resolution_m : float [m]
        Edge of the pixels.

    Returns
    -------
    float32 arrays (y, x) [1]
        Tangents of the slope; NaN where the pixel or one of its eight neighbours is unknown. Edges repeat.

    Raises
    ------
    GridMismatch
        If the layer has not two dimensions.

    References
    ----------
    Horn (1981), Hill shading and the reflectance map, Proceedings of the IEEE 69(1), 14-47.
    """
    if elevation.ndim != 2:
        raise GridMismatch(f"elevation has {elevation.ndim} dimensions, wants (y, x)")
    heights = np.pad(np.asarray(elevation, np.float64), 1, mode="edge")
    smooth = np.array([1.0, 2.0, 1.0])
    step = np.array([1.0, 0.0, -1.0])
    east = ndimage.convolve(heights, np.outer(smooth, step), mode="nearest")[1:-1, 1:-1]
    north = ndimage.convolve(heights, np.outer(-step, smooth), mode="nearest")[1:-1, 1:-1]
    return (east / (8 * resolution_m)).astype(np.float32), (north / (8 * resolution_m)).astype(np.float32)


def slope(elevation: NDArray[np.floating], resolution_m: float) -> Floats:
    """Slope [degrees], after Horn.

    Examples
    --------
    >>> ramp = np.arange(5) * 20.0 * np.ones((5, 1))
    >>> round(float(slope(ramp, 20.0)[2, 2]), 3)
    45.0
    """
    tangent = np.hypot(*rises(elevation, resolution_m))
    steepness: Floats = np.degrees(np.arctan(tangent)).astype(np.float32)
    return steepness


def aspect(elevation: NDArray[np.floating], resolution_m: float, *, level: float = LEVEL) -> Floats:
    """Direction the ground falls towards [degrees clockwise from north], NaN on level ground.

    Examples
    --------
    >>> ramp = np.arange(5) * 20.0 * np.ones((5, 1))
    >>> float(aspect(ramp, 20.0)[2, 2])
    270.0
    """
    east, north = rises(elevation, resolution_m)
    towards = np.degrees(np.arctan2(-east, -north)) % 360
    facing: Floats = np.where(np.hypot(east, north) > level, towards, np.nan).astype(np.float32)
    return facing


def northness(elevation: NDArray[np.floating], resolution_m: float) -> Floats:
    """How far slopes face north [1]: sine of the slope times cosine of the aspect, 0 on level ground.

    Examples
    --------
    >>> falls_north = np.arange(5)[:, None] * 20.0 * np.ones(5)
    >>> round(float(northness(falls_north, 20.0)[2, 2]), 3)
    0.707
    """
    east, north = rises(elevation, resolution_m)
    share: Floats = (-north / np.sqrt(1 + east**2 + north**2)).astype(np.float32)
    return share


def eastness(elevation: NDArray[np.floating], resolution_m: float) -> Floats:
    """How far slopes face east [1]: sine of the slope times sine of the aspect, 0 on level ground."""
    east, north = rises(elevation, resolution_m)
    share: Floats = (-east / np.sqrt(1 + east**2 + north**2)).astype(np.float32)
    return share


def ruggedness(elevation: NDArray[np.floating]) -> Floats:
    """Mean absolute difference in height to the eight neighbours [m]; NaN where one of them is unknown.

    References
    ----------
    Riley et al. (1999), Intermountain Journal of Sciences 5, 23-27, in the mean form of Wilson et al. (2007).

    Examples
    --------
    >>> peak = np.zeros((3, 3))
    >>> peak[1, 1] = 8.0
    >>> float(ruggedness(peak)[1, 1])
    8.0
    """
    heights = np.pad(np.asarray(elevation, np.float64), 1, mode="edge")
    rows, columns = elevation.shape
    total = np.zeros(elevation.shape)
    for down in range(3):
        for right in range(3):
            total += np.abs(heights[down : down + rows, right : right + columns] - elevation)
    mean: Floats = (total / 8).astype(np.float32)
    return mean


def relief(elevation: NDArray[np.floating], resolution_m: float, *, radius_m: float = 500.0) -> Floats:
    """Height above the mean of the surroundings [m]: valleys below zero, ridges above.

    Parameters
    ----------
    elevation : array (y, x) [m]
        NaN where unknown; unknown ground does not count.
    resolution_m : float [m]
        Edge of the pixels.
    radius_m : float [m]
        Half side of the square that counts.

    References
    ----------
    Weiss (2001), Topographic position and landforms analysis.

    Examples
    --------
    >>> valley = np.abs(np.arange(9) - 4.0) * np.ones((9, 1))
    >>> float(relief(valley, 100.0, radius_m=400.0)[4, 4]) < 0
    True
    """
    size = 2 * max(1, round(radius_m / resolution_m)) + 1
    known = np.isfinite(elevation)
    share = ndimage.uniform_filter(known.astype(np.float64), size, mode="nearest")
    mean = ndimage.uniform_filter(np.where(known, elevation, 0).astype(np.float64), size, mode="nearest")
    above = np.where(known, elevation - mean / np.maximum(share, 1e-9), np.nan)
    return np.asarray(above, np.float32)


def block_mean(values: NDArray[np.floating], parts: int) -> Floats:
    """Means of square blocks of so many pixels a side, unknown pixels left out; NaN where none is known.

    Raises
    ------
    GridMismatch
        If the layer is not a whole number of blocks.

    Examples
    --------
    >>> block_mean(np.array([[1.0, 3.0], [np.nan, 2.0]]), 2).tolist()
    [[2.0]]
    """
    rows, columns = values.shape
    if rows % parts or columns % parts:
        raise GridMismatch(f"a layer of {values.shape} pixels is no whole number of blocks of {parts}")
    blocks = np.asarray(values, np.float64).reshape(rows // parts, parts, columns // parts, parts)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    total = np.where(known, blocks, 0).sum(axis=(1, 3))
    mean = np.full(count.shape, np.nan, np.float32)
    np.divide(total, count, out=mean, where=count > 0, casting="unsafe")
    return mean
