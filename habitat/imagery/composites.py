"""Many dates to one: per-band median, geometric median and the count, spread and mean day behind them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

NODATA = -32768
"""Code of "no clear observation" in published int16 reflectance."""
CODE_SCALE = 1e-4
"""Published int16 reflectance [1] = code * CODE_SCALE."""
_MASKED = np.uint16(65535)
_STRIP = 2048
"""Columns worked at once: dates x strip x 2 bytes stays in the first-level cache."""


@cache
def sorting_network(size: int) -> NDArray[np.int64]:
    """Return the comparators (low, high) of Batcher's odd-even merge sort for `size` inputs.

    References
    ----------
    Batcher, K. E. (1968), Sorting networks and their applications, AFIPS.

    Examples
    --------
    >>> sorting_network(3).tolist()
    [[0, 1], [0, 2], [1, 2]]
    """
    power = 1
    while power < size:
        power *= 2
    pairs = []
    p = 1
    while p < power:
        k = p
        while k >= 1:
            for j in range(k % p, power - k, 2 * k):
                for i in range(min(k, power - j - k)):
                    low, high = i + j, i + j + k
                    if low // (2 * p) == high // (2 * p) and high < size:
                        pairs.append((low, high))
            k //= 2
        p *= 2
    return np.array(pairs, np.int64).reshape(-1, 2)


def median(
    stack: NDArray[np.uint16],
    clear: NDArray[np.uint8],
    *,
    nodata: int = 0,
    scale: float = CODE_SCALE,
    offset: float = 0.0,
    mask_step: int = 1,
    mask_phase: tuple[int, int] = (0, 0),
) -> NDArray[np.int16]:
    """Per-pixel median over the clear dates of one band.

    An even number of dates takes the mean of the two middle values. The kernel sorts whole rows of
    uint16 with a sorting network, masked values being 65535, so that the compiler can use vector
    instructions; DN of 65535 itself (never valid reflectance) therefore counts as masked.

    Parameters
    ----------
    stack : uint16 (date, y, x)
        Digital numbers of one band.
    clear : uint8 (date, y', x')
        1 where the date may be used; one mask pixel covers `mask_step` band pixels each way.
    nodata : int
        DN that means no data.
    scale, offset : float
        Reflectance [1] = DN * scale + offset.
    mask_step, mask_phase : int, (int, int)
        Band pixel (y, x) has mask pixel ((y + phase_y) // step, (x + phase_x) // step).

    Returns
    -------
    int16 (y, x)
        Reflectance [1] / 1e-4, rounded to even; -32768 where no date is clear.

    Examples
    --------
    >>> dn = np.array([[[100]], [[300]], [[0]]], np.uint16)
    >>> median(dn, np.ones((3, 1, 1), np.uint8)).tolist()
    [[200]]
    """
    dates, height, width = stack.shape
    out = np.empty((height, width), np.int16)
    if dates == 0:
        out.fill(NODATA)
        return out
    gain, shift = scale / CODE_SCALE, offset / CODE_SCALE
    _median_rows(stack, clear, np.uint16(nodata), median_network(dates), (mask_step, *mask_phase), (gain, shift), out)
    return out


@cache
def median_network(size: int) -> NDArray[np.int64]:
    """Return the comparators of `sorting_network` that decide its lower half and middle.

    Masked values are larger than all others, so the middle of those that count is never above the middle of
    all; what only orders the upper half is left out, about a tenth.

    Examples
    --------
    >>> len(sorting_network(12)), len(median_network(12))
    (42, 38)
    """
    needed = set(range(size // 2 + 1))
    kept = []
    for low, high in sorting_network(size)[::-1].tolist():
        if low in needed or high in needed:
            kept.append((low, high))
            needed |= {low, high}
    return np.array(kept[::-1], np.int64).reshape(-1, 2)


@njit(nogil=True, cache=True, inline="never")
def _order(a: Any, b: Any, width: int) -> None:
    for x in range(width):
        u = a[x]
        v = b[x]
        a[x] = min(u, v)
        b[x] = max(u, v)


@njit(nogil=True, cache=True, inline="never")
def _take(values: Any, ok: Any, nodata: Any, out: Any, count: Any, width: int) -> None:
    for x in range(width):
        v = values[x]
        good = ok[x] & np.uint8(v != nodata) & np.uint8(v != np.uint16(65535))
        out[x] = v if good else np.uint16(65535)
        count[x] += good


@njit(nogil=True, cache=True, inline="never")
def _pick(row: Any, count: Any, place: Any, low: Any, high: Any, width: int) -> None:
    # The two middle ones of c values stand at (c - 1) // 2 and c // 2; of none, nothing is picked.
    for x in range(width):
        c = count[x]
        v = row[x]
        high[x] = v if np.uint16(c >> np.uint16(1)) == place else high[x]
        low[x] = v if np.uint16((c - np.uint16(1)) >> np.uint16(1)) == place else low[x]


@njit(nogil=True, cache=True, inline="never")
def _encode(low: Any, high: Any, count: Any, gain: Any, shift: Any, out: Any, width: int) -> None:
    # The sum keeps half-integers exact: gain is half of what one value is multiplied with.
    for x in range(width):
        code = np.rint(np.float32(np.int32(low[x]) + np.int32(high[x])) * gain + shift)
        code = min(max(code, np.float32(-32767)), np.float32(32767))
        out[x] = np.int16(code) if count[x] != 0 else np.int16(-32768)


@njit(nogil=True, cache=True)
def _median_rows(stack: Any, clear: Any, nodata: Any, network: Any, mask: Any, affine: Any, out: Any) -> None:
    dates, height, width = stack.shape
    step, phase_y, phase_x = mask
    rows = np.empty((dates, _STRIP), np.uint16)
    wide = np.empty(_STRIP + 2, np.uint8)
    count, low, high = np.empty(_STRIP, np.uint16), np.empty(_STRIP, np.uint16), np.empty(_STRIP, np.uint16)
    gain = np.float32(affine[0] * 0.5)
    shift = np.float32(affine[1])
    for y in range(height):
        my = (y + phase_y) // step
        for left in range(0, width, _STRIP):
            w = min(_STRIP, width - left)
            count[:] = 0
            for t in range(dates):
                line = stack[t, y, left : left + w]
                if step == 1:
                    start = left + phase_x
                    _take(line, clear[t, my, start : start + w], nodata, rows[t], count, w)
                else:
                    ahead = _spread_mask(clear[t, my], step, left + phase_x, wide, w)
                    _take(line, wide[ahead : ahead + w], nodata, rows[t], count, w)
            for q in range(network.shape[0]):
                _order(rows[network[q, 0]], rows[network[q, 1]], w)
            for k in range(dates // 2 + 1):
                _pick(rows[min(k, dates - 1)], count, np.uint16(k), low, high, w)
            _encode(low, high, count, gain, shift, out[y, left : left + w], w)


@njit(nogil=True, cache=True, inline="never")
def _double(row: Any, pairs: Any, width: int) -> None:
    # Two bytes at once: 257 * v is v beside v.
    for x in range(width):
        pairs[x] = np.uint16(row[x]) * np.uint16(257)


@njit(nogil=True, cache=True, inline="never")
def _spread_mask(row: Any, step: int, start: int, out: Any, width: int) -> int:
    """Write the mask of `width` pixels; answer where in `out` the first of them is."""
    ahead = 0
    if step == 2:
        # Whole pairs only: a strip that begins or ends inside one has a byte to spare at that end.
        ahead = start % 2
        _double(row[start // 2 :], out.view(np.uint16), (ahead + width + 1) // 2)
    else:
        for x in range(width):
            out[x] = row[(start + x) // step]
    return ahead


def plain_median(
    stack: NDArray[np.uint16],
    clear: NDArray[np.uint8],
    *,
    nodata: int = 0,
    scale: float = CODE_SCALE,
    offset: float = 0.0,
) -> NDArray[np.int16]:
    """Write the median of `median` plainly: the oracle of the fast kernel (mask on the band's grid)."""
    valid = (clear != 0) & (stack != nodata) & (stack != _MASKED)
    values = np.where(valid, stack.astype(np.float64), np.nan)
    with np.errstate(all="ignore"):
        code = np.rint(_nanmedian(values) * (scale / CODE_SCALE) + offset / CODE_SCALE)
    filled: NDArray[np.int16] = np.where(np.isnan(code), NODATA, np.clip(code, -32767, 32767)).astype(np.int16)
    return filled


def _nanmedian(values: NDArray[np.float64]) -> NDArray[np.float64]:
    ordered = np.sort(values, axis=0)  # NaN sorts to the end
    count = np.isfinite(values).sum(axis=0)
    high = np.minimum(count // 2, len(values) - 1)[None]
    low = np.maximum((count - 1) // 2, 0)[None]
    middle = (np.take_along_axis(ordered, low, 0) + np.take_along_axis(ordered, high, 0))[0] / 2
    return np.where(count == 0, np.nan, middle)


def observation_summary(
    clear: NDArray[np.uint8], days: NDArray[np.int16]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Count, date spread and mean day of the clear dates of each pixel.

    Parameters
    ----------
    clear : uint8 (date, y, x)
        1 where the date is used.
    days : int16 (date,)
        Day of each date, counted from the first day of the period as 1.

    Returns
    -------
    count : uint8 (y, x)
        Clear dates [1], 254 at most.
    spread : uint8 (y, x)
        Days from the first to the last clear date [d]; 255 where none is clear.
    mean_day : uint8 (y, x)
        Mean day of the period [d]; 255 where none is clear.

    Examples
    --------
    >>> c, s, m = observation_summary(np.ones((2, 1, 1), np.uint8), np.array([3, 13], np.int16))
    >>> int(c[0, 0]), int(s[0, 0]), int(m[0, 0])
    (2, 10, 8)
    """
    shape = clear.shape[1:]
    count, spread, mean_day = (np.empty(shape, np.uint8) for _ in range(3))
    _summarise(clear, days.astype(np.int16), count, spread, mean_day)
    return count, spread, mean_day


@njit(nogil=True, cache=True)
def _summarise(clear: Any, days: Any, count: Any, spread: Any, mean_day: Any) -> None:
    dates, height, width = clear.shape
    n = np.empty(width, np.int16)
    first = np.empty(width, np.int16)
    last = np.empty(width, np.int16)
    total = np.empty(width, np.int32)
    for y in range(height):
        n[:] = 0
        first[:] = 32767
        last[:] = -32768
        total[:] = 0
        for t in range(dates):
            day = days[t]
            row = clear[t, y]
            for x in range(width):
                ok = row[x] != 0
                n[x] += np.int16(ok)
                total[x] += np.int32(day) if ok else np.int32(0)
                first[x] = min(first[x], day) if ok else first[x]
                last[x] = max(last[x], day) if ok else last[x]
        for x in range(width):
            some = n[x] != 0
            count[y, x] = np.uint8(min(n[x], 254))
            spread[y, x] = np.uint8(min(last[x] - first[x], 254)) if some else np.uint8(255)
            mean_day[y, x] = np.uint8(min((total[x] + n[x] // 2) // n[x], 254)) if some else np.uint8(255)


def reflectance_codes(
    numbers: NDArray[np.uint16],
    clear: NDArray[np.uint8],
    affine: tuple[float, float],
    place: tuple[int, int, int],
    mask_place: tuple[int, int, int],
    top: int,
    out: NDArray[np.int16],
) -> None:
    """Write the clear reflectance of a strip of rows as int16 codes, -32768 where a date is not clear.

    Parameters
    ----------
    numbers : uint16 (date, y', x')
        Digital numbers of a tile, 0 and 65535 being no data.
    clear : uint8 (date, y'', x'')
        1 where a date may be used.
    affine : (float, float)
        Reflectance [1] = number * scale + offset.
    place, mask_place : (step, row, column)
        Pixels of the strip per pixel of `numbers` and of `clear`, and by how many the tile's corner lies inside
        their first one.
    top : int
        First row of the strip in the tile.
    out : int16 (date, y, x)
        Filled: reflectance / 1e-4.

    Examples
    --------
    >>> out = np.empty((1, 1, 3), np.int16)
    >>> dn = np.array([[[300, 0, 400]]], np.uint16)
    >>> reflectance_codes(dn, np.array([[[1, 1, 0]]], np.uint8), (1e-4, -0.01), (1, 0, 0), (1, 0, 0), 0, out)
    >>> out.tolist()
    [[[200, -32768, -32768]]]
    """
    _write_codes(numbers, clear, (affine[0] / CODE_SCALE, affine[1] / CODE_SCALE), place, mask_place, top, out)


@njit(nogil=True, cache=True)
def _write_codes(numbers: Any, clear: Any, affine: Any, place: Any, mask_place: Any, top: int, out: Any) -> None:
    gain, shift = np.float32(affine[0]), np.float32(affine[1])
    step, row, column = place
    mask_step, mask_row, mask_column = mask_place
    for t in range(out.shape[0]):
        for y in range(out.shape[1]):
            line = numbers[t, (top + y + row) // step]
            ok = clear[t, (top + y + mask_row) // mask_step]
            for x in range(out.shape[2]):
                value = line[(x + column) // step]
                if ok[(x + mask_column) // mask_step] and value != 0 and value != 65535:
                    code = np.rint(np.float32(value) * gain + shift)
                    out[t, y, x] = np.int16(min(max(code, np.float32(-32767)), np.float32(32767)))
                else:
                    out[t, y, x] = NODATA
