"""Random fields and lines that are functions of place: every window draws the same values where windows overlap."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.twin.world import RESOLUTION_M, Window

Field = NDArray[np.float32]
"""Two-dimensional array (y, x) of float32, north up."""

Places = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""x of columns (x,), x of rows (y,), y of columns (x,), y of rows (y,) [cells]: sums of two give a pixel's place."""
Matrix = tuple[float, float, float, float]
"""Row by row, from metres to cells."""

_CELL = 0.6
"""Edge of the noise's lattice cells in wavelengths: gradient noise is strongest at waves of some 1.6 cells."""
_DEVIATION = 0.17612713
"""Standard deviation of one octave: root of 8/3 E[w² x²] E[w²] for w = 1 - fade(x), x evenly in 0 to 1."""
_LINE_DEVIATION = 0.14069478
"""Standard deviation of one octave on a line: root of 2/3 E[w² x²]."""
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
"""No two octaves turned by multiples of this lie alike, so the lattices do not show."""
_A, _B, _C, _D = (np.uint32(odd) for odd in (0x9E3779B1, 0x85EBCA77, 0x2C1B3C6D, 0x297A2D39))


@njit(nogil=True, cache=True, inline="always")
def hashed(key: np.uint32, first: int | np.int32, second: int | np.int32) -> np.uint32:
    """Return 32 bits, random to the eye, for two whole numbers; for compiled loops."""
    bits = np.uint32(np.uint32(np.uint32(first) * _A) ^ key)
    bits = np.uint32(np.uint32(bits ^ (bits >> np.uint32(15))) * _C)
    bits = np.uint32(bits + np.uint32(np.uint32(second) * _B))
    bits = np.uint32(np.uint32(bits ^ (bits >> np.uint32(13))) * _D)
    return np.uint32(bits ^ (bits >> np.uint32(16)))


@njit(nogil=True, cache=True, inline="always")
def _slope(key: np.uint32, column: np.int32, row: np.int32, along: np.float32, up: np.float32) -> np.float32:
    bits = hashed(key, column, row)
    # Two numbers of 16 bits make a gradient; its length varies, which looks less regular than unit vectors.
    east = np.float32(np.int32(bits & np.uint32(0xFFFF)) - np.int32(32768)) * np.float32(1 / 32768)
    north = np.float32(np.int32(bits >> np.uint32(16)) - np.int32(32768)) * np.float32(1 / 32768)
    return np.float32(east * along + north * up)


@njit(nogil=True, cache=True, inline="always")
def _fade(share: np.float32) -> np.float32:
    cube = np.float32(share * share * share)
    return np.float32(cube * (share * (share * np.float32(6) - np.float32(15)) + np.float32(10)))


@njit(nogil=True, cache=True, inline="always")
def _gradient_noise(key: np.uint32, x: np.float64, y: np.float64) -> np.float32:
    west, south = math.floor(x), math.floor(y)
    column, row = np.int32(west), np.int32(south)
    u, v = np.float32(x - west), np.float32(y - south)
    one = np.float32(1)
    a = _slope(key, column, row, u, v)
    b = _slope(key, np.int32(column + 1), row, np.float32(u - one), v)
    c = _slope(key, column, np.int32(row + 1), u, np.float32(v - one))
    d = _slope(key, np.int32(column + 1), np.int32(row + 1), np.float32(u - one), np.float32(v - one))
    fade = _fade(u)
    low = np.float32(a + fade * (b - a))
    high = np.float32(c + fade * (d - c))
    return np.float32(low + _fade(v) * (high - low))


@njit(nogil=True, cache=True)
def _add_octave(out: Field, key: np.uint32, amplitude: np.float32, places: Places) -> None:
    """Add one octave at places x = x_east[j] + x_north[i], y alike [cells]."""
    x_east, x_north, y_east, y_north = places
    for i in range(out.shape[0]):
        line, x, y = out[i], x_north[i], y_north[i]
        for j in range(out.shape[1]):
            line[j] += amplitude * _gradient_noise(key, x_east[j] + x, y_east[j] + y)


@njit(nogil=True, cache=True)
def _add_shifted_octave(
    out: Field, key: np.uint32, amplitude: np.float32, places: Places, shift: Field, matrix: Matrix
) -> None:
    """Add one octave at places moved by a shift (2, y, x) [m]; the matrix takes metres to cells."""
    x_east, x_north, y_east, y_north = places
    for i in range(out.shape[0]):
        line, x, y = out[i], x_north[i], y_north[i]
        east, north = shift[0, i], shift[1, i]
        for j in range(out.shape[1]):
            right, up = np.float64(east[j]), np.float64(north[j])
            at_x = x_east[j] + x + (matrix[0] * right + matrix[1] * up)
            at_y = y_east[j] + y + (matrix[2] * right + matrix[3] * up)
            line[j] += amplitude * _gradient_noise(key, at_x, at_y)


@njit(nogil=True, cache=True)
def _add_line_octave(
    out: NDArray[np.float32], key: np.uint32, amplitude: np.float32, places: NDArray[np.float64]
) -> None:
    for j in range(out.shape[0]):
        west = math.floor(places[j])
        column = np.int32(west)
        share = np.float32(places[j] - west)
        low = _slope(key, column, np.int32(0), share, np.float32(0))
        high = _slope(key, np.int32(column + 1), np.int32(0), np.float32(share - np.float32(1)), np.float32(0))
        out[j] += amplitude * np.float32(low + _fade(share) * (high - low))


@njit(nogil=True, cache=True)
def _fill_white(out: Field, key: np.uint32, first_row: int, first_column: int) -> None:
    # The sum of four even numbers is nearly normal; the cubic term gives it the variance and kurtosis of one that is.
    half, scale = np.uint32(0xFFFF), np.float32(math.sqrt(3.0) / 65536)
    for i in range(out.shape[0]):
        line = out[i]
        for j in range(out.shape[1]):
            bits = hashed(key, first_column + j, first_row + i)
            more = hashed(np.uint32(key ^ _A), first_column + j, first_row + i)
            total = np.int32((bits & half) + (bits >> np.uint32(16)) + (more & half) + (more >> np.uint32(16)))
            value = np.float32(total - np.int32(131070)) * scale
            line[j] = value * (np.float32(0.94903552) + np.float32(0.01864151) * value * value)


def fractal(  # noqa: PLR0913  what a fractal is takes this many numbers
    key: int,
    eastings: NDArray[np.float64],
    northings: NDArray[np.float64],
    wavelength_m: float,
    *,
    octaves: int = 6,
    roughness: float = 0.5,
    stretch: float = 1.0,
    turn: float = 0.0,
    shift: NDArray[np.float32] | None = None,
) -> Field:
    """Return gradient noise summed over octaves, each half as long as the one before.

    Parameters
    ----------
    key : int
        Number of 32 bits (`World.key`); another key gives a field that has nothing in common with this one.
    eastings, northings : array (x,), (y,) [m]
        Places; the value at a place is the same whatever other places are asked for.
    wavelength_m : float
        Length of the longest waves [m].
    octaves : int
        Number of octaves.
    roughness : float
        Amplitude of each octave as a share of the one before [1]: 0.4 is smooth, 0.7 rough.
    stretch : float
        How many times longer than wide features are [1].
    turn : float
        Direction features are stretched in [radians], from east towards north.
    shift : array (2, y, x) [m]
        Moves the place each pixel is read at towards east and north; bends the features.

    Returns
    -------
    array (y, x) [1]
        Mean 0 and standard deviation 1 over many wavelengths.

    References
    ----------
    Perlin (1985), An image synthesizer, SIGGRAPH 19(3); Perlin (2002), Improving noise, SIGGRAPH 21(3).

    Examples
    --------
    >>> eastings, northings = np.arange(0.0, 500.0, 10.0), np.arange(300.0, 0.0, -10.0)
    >>> field = fractal(7, eastings, northings, 100.0)
    >>> field.shape, bool((fractal(7, eastings[20:], northings[9:], 100.0) == field[9:, 20:]).all())
    ((30, 50), True)
    """
    out = np.zeros((northings.size, eastings.size), np.float32)
    for octave, amplitude in enumerate(_amplitudes(octaves, roughness, _DEVIATION)):
        seed, cell = _octave_key(key, octave), _CELL * wavelength_m / 2**octave
        matrix = _turned(cell, stretch, turn, _GOLDEN_ANGLE * octave + _share(seed, 1) * math.tau)
        # An offset that is no whole number of cells: noise is 0 at the lattice points, which must not meet.
        off_x, off_y = _share(seed, 2) * 1024, _share(seed, 3) * 1024
        places = (
            matrix[0] * eastings + off_x, matrix[1] * northings, matrix[2] * eastings + off_y, matrix[3] * northings
        )  # fmt: skip
        if shift is None:
            _add_octave(out, seed, amplitude, places)
        else:
            _add_shifted_octave(out, seed, amplitude, places, np.ascontiguousarray(shift), matrix)
    return out


def line(
    key: int, positions: NDArray[np.float64], wavelength_m: float, *, octaves: int = 4, roughness: float = 0.5
) -> NDArray[np.float32]:
    """Return `fractal` noise along a line, for positions (n,) [m]: mean 0, standard deviation 1.

    Examples
    --------
    >>> positions = np.arange(0.0, 50.0)
    >>> bool((line(3, positions, 20.0)[10:] == line(3, positions[10:], 20.0)).all())
    True
    """
    out = np.zeros(positions.size, np.float32)
    for octave, amplitude in enumerate(_amplitudes(octaves, roughness, _LINE_DEVIATION)):
        seed, cell = _octave_key(key, octave), _CELL * wavelength_m / 2**octave
        _add_line_octave(out, seed, amplitude, positions / cell + _share(seed, 2) * 1024)
    return out


def white(key: int, window: Window, resolution_m: float) -> Field:
    """Return numbers without any likeness between neighbours, standard normal, hashed from the pixel's place.

    Pixels are counted from the world's upper left corner at their own resolution, so windows cut at whole pixels agree.

    Examples
    --------
    >>> whole, part = white(5, Window(0, 0, 8, 9), 10.0), white(5, Window(2, 3, 6, 6), 10.0)
    >>> bool((whole[2:, 3:] == part).all())
    True
    """
    step = resolution_m / RESOLUTION_M
    out = np.empty((round(window.rows / step), round(window.columns / step)), np.float32)
    seed = _octave_key(key, round(1000 * resolution_m))
    _fill_white(out, seed, math.floor(window.row / step), math.floor(window.column / step))
    return out


def ramp(values: Field, low: float, high: float) -> Field:
    """Return 0 below `low`, 1 above `high` and a smooth step between; `low` may exceed `high`.

    Examples
    --------
    >>> ramp(np.array([-1, 0.5, 2], np.float32), 0, 1).tolist()
    [0.0, 0.5, 1.0]
    """
    share = np.clip((values - np.float32(low)) / np.float32(high - low), 0, 1)
    step: Field = (share * share * (3 - 2 * share)).astype(np.float32, copy=False)
    return step


def halved(values: Field) -> Field:
    """Return means of 2 by 2 pixels: a 10 m field at 20 m.

    Examples
    --------
    >>> halved(np.array([[1, 3], [5, 7]], np.float32)).tolist()
    [[4.0]]
    """
    upper, lower = values[0::2], values[1::2]
    means: Field = upper[:, 0::2] + upper[:, 1::2]
    means += lower[:, 0::2]
    means += lower[:, 1::2]
    means *= np.float32(0.25)
    return means


def _amplitudes(octaves: int, roughness: float, deviation: float) -> NDArray[np.float32]:
    weights = roughness ** np.arange(octaves)
    scaled: NDArray[np.float32] = (weights / (np.sqrt(np.sum(weights**2)) * deviation)).astype(np.float32)
    return scaled


def _turned(cell: float, stretch: float, turn: float, lattice_turn: float) -> Matrix:
    """Return the matrix from metres to cells of a lattice that is stretched, then turned."""
    along, across = (math.cos(turn), math.sin(turn)), (-math.sin(turn), math.cos(turn))
    c, s = math.cos(lattice_turn) / cell, math.sin(lattice_turn) / cell
    east, north = (c * along[k] / stretch - s * across[k] for k in (0, 1))
    east_y, north_y = (s * along[k] / stretch + c * across[k] for k in (0, 1))
    return east, north, east_y, north_y


def _octave_key(key: int, octave: int) -> np.uint32:
    return np.uint32(hashed(np.uint32(key & 0xFFFFFFFF), octave, key >> 32))


def _share(key: np.uint32, number: int) -> float:
    return float(hashed(key, number, 7)) / 2**32
