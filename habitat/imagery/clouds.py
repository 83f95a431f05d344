"""Quality classes and bits to a clear mask per purpose, grown by a margin."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.imagery.discs import Mask, within_disc

Quality: TypeAlias = NDArray[np.integer[Any]]
"""SCL (uint8) or QA_PIXEL (uint16) codes (y, x)."""

DROP, KEEP, CLOUD, SHADOW, DOUBTFUL = range(5)
"""What a code means for a purpose: dropped; kept; dropped and grown (cloud, shadow); shadow only near a cloud."""

SCL_CLASSES = (
    "no_data",
    "saturated",
    "dark",
    "cloud_shadow",
    "vegetation",
    "not_vegetated",
    "water",
    "unclassified",
    "cloud_medium",
    "cloud_high",
    "cirrus",
    "snow",
)
"""Sentinel-2 scene classification, by code 0-11; every other code is invalid."""

QA_BITS = ("fill", "dilated_cloud", "cirrus", "cloud", "cloud_shadow", "snow", "not_cloudy", "water")
"""Landsat QA_PIXEL, by bit 0-7. Bit 6 ("clear" in the guide) says only "no cloud": shadow and snow have it too."""

RADSAT_OCCLUSION = 11
"""Bit of Landsat 8-9 QA_RADSAT for ground hidden behind terrain; band n is saturated if bit n - 1 is set."""

_SCL_ACTIONS = {
    "forest": {"vegetation": KEEP, "not_vegetated": KEEP, "unclassified": KEEP, "cloud_shadow": SHADOW},
    # Sen2Cor calls fresh char dark or cloud shadow, so for burns both stay unless a cloud can explain them.
    "burn": {
        "dark": KEEP,
        "vegetation": KEEP,
        "not_vegetated": KEEP,
        "unclassified": KEEP,
        "cloud_shadow": DOUBTFUL,
    },
    "snow": {"vegetation": KEEP, "not_vegetated": KEEP, "snow": KEEP, "cloud_shadow": SHADOW},
    # A series of the whole season: char looks like water, and when the snow went is told by pixels called snow.
    "scar": {
        "dark": KEEP,
        "vegetation": KEEP,
        "not_vegetated": KEEP,
        "water": KEEP,
        "unclassified": KEEP,
        "snow": KEEP,
        "cloud_shadow": DOUBTFUL,
    },
}
FMASK_CLASSES = ("clear", "water", "cloud_shadow", "snow", "cloud")
"""Classes of Fmask as LEDAPS and the first LaSRC products came with them, by code 0-4; 255 is fill."""
FMASK_FILL = 255
_CLOUD_CLASSES = ("cloud_medium", "cloud_high", "cirrus")
_SHADOW_BIT = {"forest": SHADOW, "burn": DOUBTFUL, "snow": SHADOW, "scar": DOUBTFUL}
_SPECK_PX = {"scar": 3}
"""Clouds in which no square of so many pixels finds room are dropped but not grown, by purpose; else all are grown."""


@dataclass(frozen=True)
class ClearPolicy:
    """What each quality code means for one purpose, and how far clouds reach."""

    sensor: str
    """``sentinel2`` (SCL), ``landsat`` (QA_PIXEL) or ``fmask`` (classes of older Landsat products)."""
    purpose: str
    """``forest``, ``burn``, ``snow`` or ``scar``."""
    grow_px: int
    """Radius [pixels] of the disc that clouds and shadows are grown by."""
    reach_px: int
    """A doubtful shadow is one only within this distance [pixels] of a cloud; 0 where none is doubtful."""
    halo_px: int
    """Pixels of context a tile needs on every side for its mask to equal the whole scene's."""
    lut: NDArray[np.uint8] = field(repr=False, compare=False)
    """DROP, KEEP, CLOUD, SHADOW or DOUBTFUL for each of the 65536 codes."""
    speck_px: int = 1
    """Clouds without room for a square of so many pixels are specks: dropped, but neither grown nor casting shadow."""


def clear_policy(
    sensor: str, purpose: str, *, resolution_m: float, grow_m: float = 120.0, shadow_reach_m: float = 2000.0
) -> ClearPolicy:
    """Rule of what is clear for a purpose, at the resolution of the quality raster.

    Forest keeps vegetation, bare and unclassified ground; burn keeps dark pixels too, and cloud shadow
    unless a cloud is within reach, and grows clouds only; snow keeps pixels known to be snow or land.
    Scar is burn for a whole season: it keeps water (char looks like it) and snow, too, and does not grow
    clouds smaller than 3 x 3 pixels, most of which are bright ground: grown, they hide a tenth of the land.

    Parameters
    ----------
    sensor : str
        ``sentinel2``, ``landsat``, or ``fmask`` for classes of older Landsat products.
    purpose : str
        ``forest``, ``burn``, ``snow`` or ``scar``.
    resolution_m : float
        Pixel size [m] of the quality raster.
    grow_m : float
        Clouds, cirrus and shadows are grown by a disc of this radius [m]; six 20 m pixels by default.
        Landsat's own dilated-cloud pixels are dropped but not grown a second time.
    shadow_reach_m : float
        Longest way [m] from a cloud to its shadow; 2000 m is a cloud base of 2 km under 45° sun.

    Raises
    ------
    ConfigError
        If the sensor or purpose is unknown, the resolution not positive or a distance negative.

    References
    ----------
    Sen2Cor ATBD (scene classification); USGS LSDS-1619, Landsat 8-9 Collection 2 Level 2 guide (QA_PIXEL).

    Examples
    --------
    >>> policy = clear_policy("sentinel2", "burn", resolution_m=20)
    >>> policy.grow_px, policy.reach_px, policy.halo_px
    (6, 100, 106)
    """
    tables = {"sentinel2": _scl_table, "landsat": _qa_table, "fmask": _fmask_table}
    if sensor not in tables:
        raise ConfigError(f"no quality rule for sensor {sensor!r}; there are rules for: {', '.join(tables)}")
    if purpose not in _SCL_ACTIONS:
        raise ConfigError(f"no mask for purpose {purpose!r}; choose one of: {', '.join(_SCL_ACTIONS)}")
    if not (math.isfinite(resolution_m) and resolution_m > 0):
        raise ConfigError(f"resolution_m is {resolution_m}, wants a positive number of metres")
    for name, distance in (("grow_m", grow_m), ("shadow_reach_m", shadow_reach_m)):
        if not (math.isfinite(distance) and distance >= 0):
            raise ConfigError(f"{name} is {distance}, wants zero or more metres")
    lut = tables[sensor](purpose)
    grow_px = _whole_pixels(grow_m, resolution_m)
    reach_px = _whole_pixels(shadow_reach_m, resolution_m) if (lut == DOUBTFUL).any() else 0
    if grow_px == reach_px == 0:
        lut = np.isin(lut, (KEEP, DOUBTFUL)).astype(np.uint8)
    lut.flags.writeable = False
    speck_px = _SPECK_PX.get(purpose, 1)
    halo_px = max(grow_px, reach_px) + grow_px * (reach_px > 0) + 2 * (speck_px - 1)
    return ClearPolicy(sensor, purpose, grow_px, reach_px, halo_px, lut, speck_px)


def _whole_pixels(distance_m: float, resolution_m: float) -> int:
    return math.ceil(distance_m / resolution_m - 1e-9)


def _scl_table(purpose: str) -> NDArray[np.uint8]:
    lut = np.full(65536, DROP, np.uint8)
    for name, action in (dict.fromkeys(_CLOUD_CLASSES, CLOUD) | _SCL_ACTIONS[purpose]).items():
        lut[SCL_CLASSES.index(name)] = action
    return lut


def _fmask_table(purpose: str) -> NDArray[np.uint8]:
    lut = np.full(65536, DROP, np.uint8)
    snow, water = KEEP if purpose in ("snow", "scar") else DROP, KEEP if purpose == "scar" else DROP
    actions = {"clear": KEEP, "water": water, "cloud_shadow": _SHADOW_BIT[purpose], "snow": snow, "cloud": CLOUD}
    for name, action in actions.items():
        lut[FMASK_CLASSES.index(name)] = action
    return lut


def _qa_table(purpose: str) -> NDArray[np.uint8]:
    codes = np.arange(65536)
    has = {name: (codes >> bit) & 1 == 1 for bit, name in enumerate(QA_BITS)}
    lut = np.full(65536, KEEP, np.uint8)
    # Later lines win: a pixel that is cloud and shadow is cloud, and fill is nothing else.
    lut[has["snow"]] = KEEP if purpose in ("snow", "scar") else DROP
    lut[has["water"]] = KEEP if purpose == "scar" else DROP
    lut[has["dilated_cloud"]] = DROP
    lut[has["cloud_shadow"]] = _SHADOW_BIT[purpose]
    if purpose == "burn":
        # A doubtful shadow is kept when no cloud explains it, so what else it is still decides.
        lut[has["cloud_shadow"] & (has["snow"] | has["water"] | has["dilated_cloud"])] = SHADOW
    if purpose == "scar":
        lut[has["cloud_shadow"] & has["dilated_cloud"]] = DROP
    lut[has["cloud"] | has["cirrus"]] = CLOUD
    lut[has["fill"]] = DROP
    return lut


def clear_mask(quality: Quality, policy: ClearPolicy, *, crop: tuple[int, int, int, int] | None = None) -> Mask:
    """Clear pixels of one quality raster under a policy.

    Pixels beyond the raster's edge count as free of cloud: read `policy.halo_px` more on every side and
    cut them off with `crop` where a tile lies inside a scene.

    Parameters
    ----------
    quality : uint8 or uint16 (y, x)
        SCL or QA_PIXEL codes.
    policy : ClearPolicy
        From `clear_policy`.
    crop : (int, int, int, int), optional
        Pixels to cut at the top, bottom, left and right after growing.

    Returns
    -------
    uint8 (y, x)
        1 where clear, 0 elsewhere.

    Raises
    ------
    TypeError
        If `quality` is not a two-dimensional array of uint8 or uint16.
    ValueError
        If `crop` is negative or larger than the raster.

    Examples
    --------
    >>> scl = np.array([[9, 4, 4, 4, 6, 4]], np.uint8)
    >>> clear_mask(scl, clear_policy("sentinel2", "forest", resolution_m=20, grow_m=40)).tolist()
    [[0, 0, 0, 1, 0, 1]]
    """
    _check_quality(quality)
    inner = _inner(quality.shape, crop)
    if policy.halo_px == 0:
        return np.asarray(_looked_up(np.ascontiguousarray(quality[inner]), policy.lut))
    states = _looked_up(np.ascontiguousarray(quality), policy.lut)
    cloud = without_specks((states == CLOUD).view(np.uint8), policy.speck_px)
    doubtful = states == DOUBTFUL
    if doubtful.any():
        cloud_near = within_disc(cloud, policy.reach_px)
        # Not grown: on char Sen2Cor finds "shadow" in specks all over, and a margin round each would hide the burn.
        np.copyto(states, np.where(cloud_near, np.uint8(DROP), np.uint8(KEEP)), where=doubtful)
    hazard = cloud | (states == SHADOW).view(np.uint8)
    grown = within_disc(hazard, policy.grow_px)
    clear: Mask = ((states[inner] == KEEP) & (grown[inner] == 0)).view(np.uint8)
    return clear


def without_specks(mask: Mask, side: int) -> Mask:
    """Mask without what no square of `side` x `side` pixels fits into (a morphological opening).

    Examples
    --------
    >>> without_specks(np.array([[1, 1, 0, 1], [1, 1, 0, 0]], np.uint8), 2).tolist()
    [[1, 1, 0, 0], [1, 1, 0, 0]]
    """
    if side <= 1 or not mask.any():
        return mask
    if min(mask.shape) < side:
        return np.zeros_like(mask)
    fits = sliding_window_view(mask, (side, side)).min(axis=(2, 3))
    kept = np.zeros_like(mask)
    for row in range(side):
        for column in range(side):
            part = kept[row : row + fits.shape[0], column : column + fits.shape[1]]
            np.maximum(part, fits, out=part)
    return kept


def _check_quality(quality: Quality) -> None:
    if quality.ndim != 2 or quality.dtype not in (np.uint8, np.uint16):
        raise TypeError(
            f"quality has {quality.ndim} dims of {quality.dtype}, wants (y, x) of uint8 or uint16; "
            "read SCL or QA_PIXEL without scaling and one date at a time"
        )


def _inner(shape: tuple[int, ...], crop: tuple[int, int, int, int] | None) -> tuple[slice, slice]:
    top, bottom, left, right = crop or (0, 0, 0, 0)
    if min(top, bottom, left, right) < 0 or top + bottom > shape[0] or left + right > shape[1]:
        raise ValueError(f"crop {crop} does not fit a raster of {shape[0]} x {shape[1]} pixels")
    return slice(top, shape[0] - bottom), slice(left, shape[1] - right)


@njit(nogil=True, cache=True)
def _looked_up(quality: Quality, lut: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = quality.shape
    out = np.empty((rows, columns), np.uint8)
    for y in range(rows):
        for x in range(columns):
            out[y, x] = lut[quality[y, x]]
    return out


def mask_words(sensor: str) -> tuple[str, ...]:
    """Names of a sensor's quality classes (SCL codes) or bits (QA_PIXEL), as `class_shares` uses them.

    Raises
    ------
    ConfigError
        If the sensor is unknown.
    """
    words = {"sentinel2": (*SCL_CLASSES, "invalid"), "landsat": QA_BITS}
    if sensor not in words:
        raise ConfigError(f"no quality classes for sensor {sensor!r}; there are: {', '.join(words)}")
    return words[sensor]


def class_shares(quality: Quality, sensor: str) -> dict[str, float]:
    """Share of all pixels [1] in each quality class.

    Sentinel-2's shares add up to 1 (codes above 11 are ``invalid``). Landsat's are shares of pixels with
    the bit set and may overlap. To get shares of the pixels seen, divide by 1 - ``no_data`` or 1 - ``fill``.

    Raises
    ------
    ConfigError
        If the sensor is unknown.
    TypeError
        If `quality` is not a two-dimensional array of uint8 or uint16.

    Examples
    --------
    >>> shares = class_shares(np.array([[4, 4, 9, 12]], np.uint8), "sentinel2")
    >>> shares["vegetation"], shares["cloud_high"], shares["invalid"]
    (0.5, 0.25, 0.25)
    """
    words = mask_words(sensor)
    _check_quality(quality)
    counts = np.zeros(65536, np.int64)
    _count(np.ascontiguousarray(quality), counts)
    total = max(quality.size, 1)
    if sensor == "sentinel2":
        known = len(SCL_CLASSES)
        numbers = [*counts[:known], counts[known:].sum()]
    else:
        codes = np.arange(65536)
        numbers = [counts[(codes >> bit) & 1 == 1].sum() for bit in range(len(QA_BITS))]
    return {word: float(number) / total for word, number in zip(words, numbers, strict=True)}


@njit(nogil=True, cache=True)
def _count(quality: Quality, counts: NDArray[np.int64]) -> None:
    for y in range(quality.shape[0]):
        for x in range(quality.shape[1]):
            counts[quality[y, x]] += 1


def saturated(radsat: NDArray[np.uint16], bits: Iterable[int]) -> NDArray[np.bool_]:
    """Pixels of Landsat QA_RADSAT with any of the given bits set; drop them from the clear mask.

    Parameters
    ----------
    radsat : uint16 (y, x)
        QA_RADSAT codes.
    bits : iterable of int
        Band number - 1 of each band used, and `RADSAT_OCCLUSION` for hidden ground.

    Raises
    ------
    ConfigError
        If a bit is not 0-15.

    Examples
    --------
    >>> saturated(np.array([[0, 8, 2048]], np.uint16), [3, RADSAT_OCCLUSION]).tolist()
    [[False, True, True]]
    """
    word = 0
    for bit in bits:
        if not 0 <= bit <= 15:
            raise ConfigError(f"QA_RADSAT has no bit {bit}; band n is bit n - 1, hidden ground is {RADSAT_OCCLUSION}")
        word |= 1 << bit
    flagged: NDArray[np.bool_] = (radsat & np.uint16(word)) != 0
    return flagged
