"""Stored codes: indices from published reflectance codes to published index codes, in strips or compiled."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.imagery.composites import CODE_SCALE, NODATA
from habitat.imagery.indices.registry import INDICES, VALID_REFLECTANCE, Index, compute

_STRIP_ROWS = 64
"""Rows of floats worked at once: temporaries of a strip stay in the second-level cache."""
_DIFFERENCE = re.compile(r"\((\w+) - (\w+)\) / \((\w+) \+ (\w+)\)")


def index_codes(name: str, bands: Mapping[str, NDArray[np.int16]]) -> NDArray[np.int16]:
    """One index of published reflectance, as it is published.

    Normalised differences go through a compiled loop, the others through their own function, strip by strip.
    Both keep the rules of every index: no data where a band is unknown or outside `VALID_REFLECTANCE`.

    Parameters
    ----------
    name : str
        A name in `INDICES`.
    bands : mapping of str to int16 (y, x)
        Reflectance / 1e-4, -32768 where unknown.

    Returns
    -------
    int16 (y, x)
        Index / its scale, rounded to even and held at ±32767; -32768 where unknown.

    Raises
    ------
    ConfigError
        If there is no such index or a band it needs is not given.

    Examples
    --------
    >>> codes = {"nir": np.array([[3000, -32768]], np.int16), "swir2": np.array([[1000, 1000]], np.int16)}
    >>> index_codes("nbr", codes).tolist()
    [[5000, -32768]]
    """
    pair = difference_of(INDICES[name]) if name in INDICES else None
    if pair is None or not set(pair) <= set(bands):
        return plain_index_codes(name, bands)
    first, second = bands[pair[0]], bands[pair[1]]
    out = np.empty(first.shape, np.int16)
    low, high = (bound / CODE_SCALE for bound in VALID_REFLECTANCE)
    _difference_codes(first, second, (np.float32(low), np.float32(high)), np.float32(1 / INDICES[name].scale), out)
    return out


def difference_of(entry: Index) -> tuple[str, str] | None:
    """Return the two bands an index is the normalised difference of; None if it is anything else.

    Examples
    --------
    >>> difference_of(INDICES["nbr"]), difference_of(INDICES["evi2"])
    (('nir', 'swir2'), None)
    """
    match = _DIFFERENCE.fullmatch(entry.formula)
    if match and match.group(1, 2) == match.group(3, 4) == entry.bands and entry.bounds == (-1.0, 1.0):
        return match[1], match[2]
    return None


def plain_index_codes(name: str, bands: Mapping[str, NDArray[np.int16]]) -> NDArray[np.int16]:
    """Write `index_codes` plainly, for any index: the oracle of the compiled loop."""
    wanted = INDICES[name].bands if name in INDICES else tuple(bands)
    given = {band: bands[band] for band in wanted if band in bands}
    shape = next(iter(given.values())).shape if given else (0, 0)
    out = np.empty(shape, np.int16)
    for top in range(0, max(shape[0], 1), _STRIP_ROWS):
        values = compute(name, {band: _reflectance(codes[top : top + _STRIP_ROWS]) for band, codes in given.items()})
        with np.errstate(invalid="ignore"):
            codes = np.clip(np.rint(values / INDICES[name].scale), -32767, 32767)
            out[top : top + _STRIP_ROWS] = np.where(np.isnan(values), NODATA, codes)
    return out


def _reflectance(codes: NDArray[np.int16]) -> NDArray[np.floating]:
    # In float32, code -500 would come out a little above the bound of -0.05.
    values: NDArray[np.floating] = codes * CODE_SCALE
    values[codes == NODATA] = np.nan
    return values


@njit(nogil=True, cache=True, error_model="numpy")
def _difference_codes(first: Any, second: Any, valid: Any, gain: Any, out: Any) -> None:
    # The ratio does not depend on the scale, so codes do; sums and differences of codes are exact in float32.
    low, high = valid
    for y in range(out.shape[0]):
        a_row = first[y]
        b_row = second[y]
        row = out[y]
        for x in range(out.shape[1]):
            a = np.float32(a_row[x])
            b = np.float32(b_row[x])
            total = a + b
            ok = (a > low) & (a < high) & (b > low) & (b < high) & (total > np.float32(0))
            value = (a - b) / (total if ok else np.float32(1))
            value = min(max(value, np.float32(-1)), np.float32(1))
            row[x] = np.int16(np.rint(value * gain)) if ok else np.int16(-32768)
