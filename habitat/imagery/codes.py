"""Codes: digital numbers of scenes with different scales and offsets, brought to one pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray


@dataclass(frozen=True)
class Codes:
    """How uint16 numbers become reflectance: number * scale + offset [1]; 0 is no data."""

    scale: float
    offset: float


COMMON = Codes(1e-4, -0.2)
"""Holds reflectance from -0.1999 to 6.35; Sentinel-2 of either kind of offset fits without rounding."""


def harmonise(numbers: NDArray[np.uint16], own: Codes, common: Codes = COMMON) -> None:
    """Rewrite digital numbers in place from their own scale and offset to a common pair.

    No data (0) and saturation (65535) stay; values outside the common pair's range are held at its ends.

    Parameters
    ----------
    numbers : uint16 (y, x)
        Digital numbers.
    own, common : Codes
        What they are in, and what they shall be in.

    Examples
    --------
    >>> dn = np.array([[0, 1400, 65535]], np.uint16)
    >>> harmonise(dn, Codes(1e-4, -0.1))
    >>> dn.tolist()
    [[0, 2400, 65535]]
    """
    _rewrite(numbers, own.scale / common.scale, (own.offset - common.offset) / common.scale)


@njit(nogil=True, cache=True)
def _rewrite(numbers: Any, gain: float, shift: float) -> None:
    for y in range(numbers.shape[0]):
        for x in range(numbers.shape[1]):
            value = numbers[y, x]
            if value != 0 and value != 65535:
                numbers[y, x] = np.uint16(min(max(np.rint(value * gain + shift), 1.0), 65534.0))
