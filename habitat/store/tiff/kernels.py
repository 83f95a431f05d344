"""Compiled loops over one block: statistics, and four pixels made one for the next overview."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")

_WHOLE_SQUARES = 2
"""Widest integer [bytes] whose squares, summed over a block, surely fit 64 bits."""


@_compiled
def _whole_statistics(block: Any, height: Any, width: Any, nodata: Any) -> Any:
    count: Any = 0
    total = np.int64(0)
    squares = np.int64(0)
    low = np.int64(2**62)
    high = np.int64(-(2**62))
    for row in range(height):
        for column in range(width):
            value = np.int64(block[row, column])
            # Arithmetic with 0 and 1 instead of a branch lets the compiler use vector registers.
            valid = np.int64(value != nodata)
            count += valid
            total += valid * value
            squares += valid * value * value
            low = min(low, value if valid else low)
            high = max(high, value if valid else high)
    return count, low, high, total, squares


@_compiled
def _real_statistics(block: Any, height: Any, width: Any, nodata: Any) -> Any:
    count = 0
    total = 0.0
    low = np.inf
    high = -np.inf
    for row in range(height):
        for column in range(width):
            value = np.float64(block[row, column])
            if np.isfinite(value) and value != nodata:
                count += 1
                total += value
                low = min(low, value)
                high = max(high, value)
    middle = total / count if count else 0.0
    spread = 0.0
    for row in range(height):
        for column in range(width):
            value = np.float64(block[row, column])
            if np.isfinite(value) and value != nodata:
                spread += (value - middle) ** 2
    return count, low, high, total, spread


@_compiled
def _halve_whole(block: Any, nodata: Any, out: Any) -> None:
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            count: Any = 0
            total = np.int64(0)
            for step in range(2):
                for side in range(2):
                    value = np.int64(block[2 * row + step, 2 * column + side])
                    valid = np.int64(value != nodata)
                    count += valid
                    total += valid * value
            mean = total / max(count, 1)
            # Half away from zero: the overview of a negated raster is the negated overview.
            whole = np.int64(mean + (0.5 if mean >= 0 else -0.5))
            # Positive and negative pixels may average to a nodata code between them.
            whole += np.int64(whole == nodata)
            out[row, column] = whole if count else nodata


@_compiled
def _halve_real(block: Any, nodata: Any, out: Any) -> None:
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            count = 0
            total = 0.0
            for step in range(2):
                for side in range(2):
                    value = np.float64(block[2 * row + step, 2 * column + side])
                    if np.isfinite(value) and value != nodata:
                        count += 1
                        total += value
            out[row, column] = total / count if count else nodata


@_compiled
def _halve_codes(block: Any, nodata: Any, out: Any) -> None:
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            a = np.int64(block[2 * row, 2 * column])
            b = np.int64(block[2 * row, 2 * column + 1])
            c = np.int64(block[2 * row + 1, 2 * column])
            d = np.int64(block[2 * row + 1, 2 * column + 1])
            # Votes for each code at its first place; of equal votes the code met first wins.
            best, most = a, ((a == b) + (a == c) + (a == d) + 1) * (a != nodata)
            votes = ((b == c) + (b == d) + 1) * (b != nodata)
            if votes > most:
                best, most = b, votes
            votes = ((c == d) + 1) * (c != nodata)
            if votes > most:
                best, most = c, votes
            if 1 * (d != nodata) > most:
                best = d
            out[row, column] = best


NO_CODE = -(2**40)
"""Stands for `no nodata code` in the integer loops: no pixel type reaches it."""


def block_statistics(
    block: NDArray[Any], height: int, width: int, nodata: float | None
) -> tuple[int, float, float, float, float]:
    """Return count, minimum, maximum, sum and squared deviation from the mean of the valid pixels of a block.

    Parameters
    ----------
    block : array (y, x)
        Stored codes, C-contiguous.
    height, width : int
        The part of the block inside the raster.
    nodata : float or None
        Code of unknown pixels; NaN is unknown always.

    Examples
    --------
    >>> block_statistics(np.array([[1, 3], [-9, 5]], dtype="int16"), 2, 2, -9)
    (3, 1.0, 5.0, 9.0, 8.0)
    """
    if block.dtype.kind == "f" or block.dtype.itemsize > _WHOLE_SQUARES:
        code = np.nan if nodata is None else float(nodata)
        count, low, high, total, spread = _real_statistics(block, height, width, code)
        return int(count), float(low), float(high), float(total), float(spread)
    code = NO_CODE if nodata is None else int(nodata)
    # Python's whole numbers do not overflow and do not round.
    count, low, high, total, squares = map(int, _whole_statistics(block, height, width, code))
    return count, float(low), float(high), float(total), (count * squares - total * total) / max(count, 1)


def halve(block: NDArray[Any], nodata: float | None, out: NDArray[Any], *, how: str = "average") -> None:
    """Fill `out` with every 2 × 2 pixels of `block` made one, passing over nodata.

    Parameters
    ----------
    block : array (y, x)
        Stored codes, C-contiguous, at least twice as large as `out`; what lies outside the raster must
        hold nodata or repeat its neighbour inside.
    nodata : float or None
        Code of unknown pixels, written where all four are unknown.
    out : array (y, x)
        Result; integers are rounded half away from zero.
    how : {"average", "mode"}
        Mean of the valid pixels, or the code most of them hold.

    Examples
    --------
    >>> out = np.zeros((1, 2), dtype="int16")
    >>> halve(np.array([[1, 2, 7, 9], [4, -9, -9, -9]], dtype="int16"), -9, out)
    >>> out.tolist()
    [[2, 8]]
    """
    loop: Callable[..., None]
    if block.dtype.kind == "f":
        code: float = np.nan if nodata is None else float(nodata)
        loop = _halve_real
    else:
        code = NO_CODE if nodata is None else int(nodata)
        loop = _halve_codes if how == "mode" else _halve_whole
    loop(block, code, out)
