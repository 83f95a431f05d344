"""Residual: how far apart two pictures of the same ground are, in brightness and in place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import GridMismatch

Floats = NDArray[np.float64]

_SMOOTH_PX = 1.5
"""Width of the peak that is looked for [pixels]: what is finer differs between sensors for other reasons."""
_FARTHEST_PX = 4
"""Shifts are looked for up to so many pixels."""


class Residual(NamedTuple):
    """What two sensors differ by in one band."""

    bias: float
    """Median of first less second [1]; NaN without a pair."""
    rmsd: float
    """Root of the mean squared difference [1]; NaN without a pair."""
    blocks: int
    """Pairs of pixels or blocks of them."""


class Shift(NamedTuple):
    """How far the first picture lies beside the second."""

    rows: float
    """Pixels down."""
    columns: float
    """Pixels to the right."""
    sharpness: float
    """Height of the peak of the correlation [1]: 1 for equal pictures, about 0 for pictures of other ground."""

    @property
    def px(self) -> float:
        """Length [pixels]."""
        return math.hypot(self.rows, self.columns)


def block_means(values: NDArray[np.floating], usable: NDArray[np.bool_], parts: int) -> Floats:
    """Means of square blocks in which every pixel is usable; NaN elsewhere, and what is no whole block is cut off.

    Pixels of unlike size and place see unlike ground; blocks of some pixels see nearly the same.

    Parameters
    ----------
    values : array (band, y, x) [1]
        Reflectance.
    usable : bool array (y, x)
        Clear in both pictures.
    parts : int
        Pixels of a block, each way.

    Raises
    ------
    GridMismatch
        If the arrays lie on other pixels.

    Examples
    --------
    >>> block_means(np.array([[[1.0, 3.0, 9.0]]]).repeat(2, 1), np.ones((2, 3), bool), 2).tolist()
    [[[2.0]]]
    """
    if values.shape[1:] != usable.shape:
        raise GridMismatch(f"values of {values.shape[1:]} pixels and a mask of {usable.shape}; wants the same pixels")
    rows, columns = usable.shape[0] // parts, usable.shape[1] // parts
    cut = np.asarray(values[:, : rows * parts, : columns * parts], np.float64)
    whole = usable[: rows * parts, : columns * parts].reshape(rows, parts, columns, parts).all(axis=(1, 3))
    means = cut.reshape(-1, rows, parts, columns, parts).mean(axis=(2, 4))
    return np.where(whole, means, np.nan)


def residual(first: NDArray[np.floating], second: NDArray[np.floating]) -> Residual:
    """Difference of two pictures over the pixels known in both.

    Parameters
    ----------
    first, second : array [1]
        Reflectance, of one shape; NaN where unknown.

    Raises
    ------
    GridMismatch
        If the shapes differ.

    Examples
    --------
    >>> residual(np.array([0.2, 0.3, np.nan]), np.array([0.1, 0.2, 0.3]))._replace(rmsd=0.1)
    Residual(bias=0.1, rmsd=0.1, blocks=2)
    """
    if first.shape != second.shape:
        raise GridMismatch(f"pictures of {first.shape} and {second.shape} pixels; wants the same pixels")
    apart = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    apart = apart[np.isfinite(apart)]
    if not apart.size:
        return Residual(math.nan, math.nan, 0)
    bias = round(float(np.median(apart)), 6)
    return Residual(bias, float(np.sqrt(np.mean(apart**2))), int(apart.size))


def shift_between(windows: Sequence[tuple[NDArray[np.floating], NDArray[np.floating]]]) -> Shift | None:
    """Shift between two pictures by phase correlation over windows of them, to a fraction of a pixel.

    The phases of all windows are added up and smoothed, so that the peak is a bell whose middle three
    logarithms give.

    Parameters
    ----------
    windows : sequence of (first, second)
        Arrays (y, x) of one shape and without gaps: what is masked in both would not move.

    Returns
    -------
    Shift or None
        None without windows, or where a window has no contrast.

    Raises
    ------
    GridMismatch
        If the windows have unlike shapes.

    References
    ----------
    Kuglin & Hines (1975), The phase correlation image alignment method.

    Examples
    --------
    >>> ground = np.random.default_rng(1).normal(size=(40, 40))
    >>> found = shift_between([(np.roll(ground, 1, axis=1), ground)])
    >>> round(found.rows, 1) == 0, round(found.columns, 1)
    (True, 1.0)
    """
    if not windows:
        return None
    shape = windows[0][0].shape
    if any(part.shape != shape for pair in windows for part in pair):
        raise GridMismatch("windows of unlike shapes have no phases to add up; wants one shape")
    taper = np.outer(np.hanning(shape[0] + 2)[1:-1], np.hanning(shape[1] + 2)[1:-1])
    total = np.zeros(shape, np.complex128)
    for first, second in windows:
        spectra = [np.fft.fft2((part - part.mean()) * taper) for part in np.asarray((first, second), np.float64)]
        cross = spectra[0] * np.conj(spectra[1])
        size = np.abs(cross)
        if not np.isfinite(size).all() or size.max() <= 0:
            return None
        total += np.divide(cross, size, out=np.zeros_like(cross), where=size > 0)
    low = np.hypot(np.fft.fftfreq(shape[0])[:, None], np.fft.fftfreq(shape[1])[None, :])
    weight = np.exp(-2 * (np.pi * _SMOOTH_PX * low) ** 2)
    surface = np.fft.ifft2(total * weight).real / (len(windows) * weight.mean())
    return _peak(np.fft.fftshift(surface))


def _peak(surface: Floats) -> Shift:
    middle = [size // 2 for size in surface.shape]
    reach = [min(_FARTHEST_PX, half - 1) for half in middle]
    near = surface[tuple(slice(m - r, m + r + 1) for m, r in zip(middle, reach, strict=True))]
    row, column = (int(part) for part in np.unravel_index(int(np.argmax(near)), near.shape))
    row, column = row + middle[0] - reach[0], column + middle[1] - reach[1]
    down = _bell(surface[row - 1 : row + 2, column])
    right = _bell(surface[row, column - 1 : column + 2])
    return Shift(row - middle[0] + down, column - middle[1] + right, float(surface[row, column]))


def _bell(three: Floats) -> float:
    """Return where the top of a bell lies, counted from the middle of three values."""
    heights = [float(value) for value in three]
    if len(heights) < 3 or min(heights) <= 0:
        return 0.0
    before, here, after = (math.log(value) for value in heights)
    bend = before - 2 * here + after
    return 0.0 if bend >= 0 else max(-0.5, min(0.5, 0.5 * (before - after) / bend))
