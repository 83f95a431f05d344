"""What classifiers make of a scene: SCL classes and QA_PIXEL bits from what the sensor sees, with their errors."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy import ndimage

from habitat.twin.land.landscape import Field
from habitat.twin.noise import fractal
from habitat.twin.sensors.air import Air
from habitat.twin.sensors.shots import Overpass
from habitat.twin.world import World

JUDGED = ("blue", "green", "red", "nir08", "swir16", "swir22")
"""Bands the classifiers look at, in the order they want them."""

FILL, DILATED, CIRRUS, CLOUD, SHADOW, SNOW, CLEAR, WATER = range(8)
"""Bits 0 to 7 of QA_PIXEL; bits 8 to 15 are pairs that tell how sure cloud, shadow, snow and cirrus are."""
FILL_CODE = 1 << FILL
"""QA_PIXEL of a pixel without data."""
OCCLUDED = 11
"""Bit of QA_RADSAT for ground behind terrain, Landsat 8 and 9 only."""
DILATED_PX = 3
"""By how many pixels of 30 m clouds are dilated in QA_PIXEL."""
SCL_PATCH_M, QA_PATCH_M = 450.0, 1200.0
"""Size of the patches Sen2Cor and CFMask go wrong in [m]: CFMask tidies up what is small."""
QA_RIM = DILATED_PX + 1
"""By how many pixels `judged_qa` must see past a block."""

_SCL_DARK, _SCL_SHADOW, _SCL_PLANTS, _SCL_BARE, _SCL_WATER, _SCL_UNSURE = range(2, 8)
_SCL_MEDIUM, _SCL_HIGH, _SCL_CIRRUS, _SCL_SNOW = range(8, 12)

_PLAIN = (_SCL_BARE, _SCL_PLANTS, _SCL_WATER, _SCL_DARK, _SCL_SNOW, _SCL_BARE, _SCL_BARE)
"""Scene class of what a pixel looks like, see `_looks`."""
_SCL_SNOWY, _QA_SNOWY = 0.3, 0.15
"""Normalised difference snow index from which Sen2Cor thinks snow likelier than not, and CFMask believes in it."""
_FEWEST_TOGETHER = 4
_LEAST_SHARE, _MOST_SHARE = 0.10, 0.25


class Rates(NamedTuple):
    """How often a classifier goes wrong [1], for `judged_scl` and `judged_qa`."""

    char_as_shadow: float
    """Charred ground taken for cloud shadow."""
    char_as_dark: float
    """Charred ground taken for dark ground (SCL only)."""
    bright_as_cloud: float
    """Bright bare fields and roofs taken for cloud."""
    snow_as_cloud: float
    """Clear snow taken for cloud."""
    thin_missed: float
    """Thin cloud overlooked, beside what is too thin to see."""
    shadow_missed: float
    """Cloud shadow overlooked."""


class Errors(NamedTuple):
    """Where a classifier goes wrong: noise in patches, as errors come in patches (y, x), mean 0, deviation 1."""

    added: Field
    """Where it sees what is not there."""
    missed: Field
    """Where it overlooks what is there."""
    dark: Field
    """Where it misreads what is dark."""
    dice: Field
    """Pixel by pixel, without patches."""


def scl_rates(world: World, overpass: Overpass) -> Rates:
    """Return Sen2Cor's error rates for one acquisition; snow is misread more often on some days than on others."""
    return Rates(0.07, 0.08, 0.045, _snow_rate(world, overpass), 0.05, 0.24)


def qa_rates(world: World, overpass: Overpass) -> Rates:
    """Return CFMask's error rates for one acquisition: its shadows need a cloud to fall from, its clouds are cold."""
    return Rates(0.04, 0.0, 0.03, 0.7 * _snow_rate(world, overpass), 0.05, 0.22)


def errors_at(
    world: World,
    overpass: Overpass,
    eastings: NDArray[np.float64],
    northings: NDArray[np.float64],
    dice: Field,
    patch_m: float,
) -> Errors:
    """Return where a classifier goes wrong in one acquisition.

    Parameters
    ----------
    world : World
        The twin.
    overpass : Overpass
        The acquisition: two processings of it go wrong alike.
    eastings, northings : array (x,), (y,) [m]
        Pixel centres.
    dice : array (y, x)
        Standard normal noise of the pixels.
    patch_m : float [m]
        Size of the patches errors come in: `SCL_PATCH_M` or `QA_PATCH_M`.
    """

    def patches(word: str) -> Field:
        key = world.key(word, overpass.sensor, overpass.when.isoformat())
        return fractal(key, eastings, northings, world.scaled(patch_m, 0.15), octaves=4, roughness=0.5)

    return Errors(patches("added"), patches("missed"), patches("dark"), dice)


def judged_scl(seen: NDArray[np.float32], air: Air, errors: Errors, rates: Rates) -> NDArray[np.uint8]:
    """Return the scene classes of Sentinel-2 that Sen2Cor would give.

    Parameters
    ----------
    seen : array (6, y, x) [1]
        Reflectance in the bands of `JUDGED`, as drawn.
    air : Air
        At the same pixels.
    errors : Errors
        Where it goes wrong.
    rates : Rates
        How often.

    References
    ----------
    Louis (2021), S2-PDGS-MPC-L2A-ATBD: order of the tests and normalised differences of snow and plants. Error rates
    are of the size validation studies report; they are the twin's own.
    """
    classes = np.empty(seen.shape[1:], np.uint8)
    _judge_scl(classes, seen, air, errors, _levels(rates))
    return classes


def judged_qa(seen: NDArray[np.float32], air: Air, errors: Errors, rates: Rates, *, newer: bool) -> NDArray[np.uint16]:
    """Return QA_PIXEL as Landsat Collection 2 codes it; the outermost `QA_RIM` pixels lack the cloud beyond.

    Bits 0-7 are fill, dilated cloud, cirrus, cloud, shadow, snow, clear and water; then come four pairs of bits,
    1 for low, 2 for medium and 3 for high confidence of cloud, shadow, snow and cirrus. Landsat 4 to 7 have no cirrus
    band, and there "clear" is not set over water or in shadow, but is set in dilated cloud: all as their guide lists.

    Parameters
    ----------
    seen : array (6, y, x) [1]
        Reflectance in the bands of `JUDGED`, as drawn.
    air : Air
        At the same pixels.
    errors : Errors
        Where it goes wrong.
    rates : Rates
        How often.
    newer : bool
        Landsat 8 or 9.

    References
    ----------
    USGS LSDS-1619 (Landsat 8-9) and LSDS-1618 (Landsat 4-7), Collection 2 Level 2 guides, table of QA_PIXEL values.
    Foga et al. (2017), Remote Sensing of Environment 194, 379-390: CFMask.
    """
    found = np.empty(seen.shape[1:], np.uint8)
    _judge_qa(found, seen, air, errors, _levels(rates))
    cloud = (found >> np.uint8(CLOUD)) & np.uint8(1)
    # CFMask drops clouds of a few pixels; here a cloud's pixel must have three others of the same about it.
    alone = (cloud > 0) & (ndimage.convolve(cloud, np.ones((3, 3), np.uint8), mode="constant") < _FEWEST_TOGETHER)
    found[alone] = found[alone] & np.uint8(255 - (1 << CLOUD)) | np.uint8(1 << DILATED)
    cloud[alone] = 0
    near = ndimage.maximum_filter(cloud, size=2 * DILATED_PX + 1, mode="constant") > 0
    return qa_codes(found, near, newer=newer)


def qa_codes(found: NDArray[np.uint8], near: NDArray[np.bool_], *, newer: bool) -> NDArray[np.uint16]:
    """Return QA_PIXEL for what was found in each pixel.

    Parameters
    ----------
    found : array (y, x)
        Bits `CIRRUS`, `CLOUD`, `SHADOW`, `SNOW` and `WATER`; bit `DILATED` says cloud is likely, but not likely enough.
    near : array (y, x)
        Whether the pixel is cloud or near one.
    newer : bool
        Landsat 8 or 9.

    Examples
    --------
    >>> found = np.array([0, 1 << WATER, 1 << CLOUD, 1 << SHADOW, 1 << SNOW], np.uint8)
    >>> near = np.array([False, False, True, False, False])
    >>> qa_codes(found, near, newer=True).tolist()
    [21824, 21952, 22280, 23888, 30048]
    >>> qa_codes(found, near, newer=False).tolist()
    [5440, 5504, 5896, 7440, 13664]
    """

    def has(bit: int) -> NDArray[np.bool_]:
        return (found & np.uint8(1 << bit)) > 0

    cloud, shadow, snow, water, cirrus = (has(bit) for bit in (CLOUD, SHADOW, SNOW, WATER, CIRRUS))
    dilated = near & ~cloud
    clear = ~cloud & (~dilated if newer else ~(water | shadow))
    likely = has(DILATED) & ~cloud
    bits = (np.False_, dilated, cirrus & newer, cloud, shadow, snow, clear, water & ~cloud)
    codes = sum((np.asarray(value, np.uint16) << np.uint16(bit) for bit, value in enumerate(bits)), np.uint16(0))
    pairs = (1 + likely + 2 * cloud, 1 + 2 * shadow, 1 + 2 * snow, (1 + 2 * cirrus) * newer)
    for place, pair in enumerate(pairs):
        codes = codes | (np.asarray(pair, np.uint16) << np.uint16(8 + 2 * place))
    whole: NDArray[np.uint16] = np.asarray(codes, np.uint16)
    return whole


def as_percent(values: Field) -> NDArray[np.uint8]:
    """Return shares [1] as whole percent, at most 100.

    Examples
    --------
    >>> as_percent(np.array([[0.126, 1.3]], np.float32)).tolist()
    [[13, 100]]
    """
    percent: NDArray[np.uint8] = np.rint(np.clip(values, 0, 1) * 100).astype(np.uint8)
    return percent


def _snow_rate(world: World, overpass: Overpass) -> float:
    rng = world.rng("snow as cloud", overpass.sensor, overpass.when.isoformat())
    return float(rng.uniform(_LEAST_SHARE, _MOST_SHARE))


def _levels(rates: Rates) -> NDArray[np.float32]:
    """Return the values that noise lies above as often as each error is made; rates of one kind add up."""
    shares = rates._replace(char_as_dark=rates.char_as_shadow + rates.char_as_dark)
    usual = NormalDist()
    found = [usual.inv_cdf(1 - share) if share > 0 else math.inf for share in shares]
    # Of the snow that is taken for cloud, two fifths are taken for thick cloud.
    thick = usual.inv_cdf(1 - 0.4 * rates.snow_as_cloud) if rates.snow_as_cloud > 0 else math.inf
    return np.array([*found, thick], np.float32)


@njit(nogil=True, cache=True, inline="always")
def _looks(seen, i, j, snowy):  # type: ignore[no-untyped-def]
    """Return what a pixel looks like: 0 bare, 1 plants, 2 water, 3 dark, 4 snow, 5 charred, 6 bright and bare."""
    green, red, nir, swir16, swir22 = seen[1, i, j], seen[2, i, j], seen[3, i, j], seen[4, i, j], seen[5, i, j]
    visible = (seen[0, i, j] + green + red) * np.float32(1 / 3)
    plants = (nir - red) / max(nir + red, np.float32(1e-3))
    snow = (green - swir16) / max(green + swir16, np.float32(1e-3))
    water = (green - nir) / max(green + nir, np.float32(1e-3))
    if snow > snowy and nir > np.float32(0.11) and green > np.float32(0.1):
        return 4
    if water > np.float32(0) and swir16 < np.float32(0.07) and nir < np.float32(0.13):
        return 2
    if nir < np.float32(0.17) and swir22 > np.float32(0.72) * nir and visible < np.float32(0.08):
        return 5
    if nir < np.float32(0.10) and swir16 < np.float32(0.10):
        return 3
    if plants > np.float32(0.45):
        return 1
    if visible > np.float32(0.085) and plants < np.float32(0.34):
        return 6
    return 0


@njit(nogil=True, cache=True, inline="always")
def _misread(look, added, dark, die, levels):  # type: ignore[no-untyped-def]
    """Return the scene class of clear ground, and now and then a wrong one."""
    if look == 5 and dark > levels[1]:
        return _SCL_SHADOW if dark > levels[0] else _SCL_DARK
    if look == 6 and added > levels[2]:
        return _SCL_MEDIUM
    if look == 4 and added > levels[3]:
        return _SCL_HIGH if added > levels[6] else _SCL_MEDIUM
    if look == 2 and die > np.float32(2.6):
        return _SCL_DARK if die > np.float32(2.9) else _SCL_BARE
    return _SCL_UNSURE if die < np.float32(-3.0) else _PLAIN[look]


@njit(nogil=True, cache=True, inline="always")
def _cloud_class(found, cloud):  # type: ignore[no-untyped-def]
    if cloud > np.float32(0.48):
        return _SCL_HIGH
    if cloud > np.float32(0.15):
        return _SCL_MEDIUM
    return _SCL_UNSURE if cloud > np.float32(0.125) else found


@njit(nogil=True, cache=True)
def _judge_scl(classes, seen, air, errors, levels):  # type: ignore[no-untyped-def]
    added, missed, dark, dice = errors
    for i in range(classes.shape[0]):
        for j in range(classes.shape[1]):
            look = _looks(seen, i, j, np.float32(_SCL_SNOWY))
            found = _misread(look, added[i, j], dark[i, j], dice[i, j], levels)
            edge = np.float32(0.05) * added[i, j] + np.float32(0.02) * dice[i, j]
            if air[1][i, j] + edge > np.float32(0.33) and missed[i, j] < levels[5]:
                found = _SCL_SHADOW
            if air[3][i, j] + edge > np.float32(0.33):
                found = _SCL_CIRRUS
            cloud = air[0][i, j] + np.float32(0.4) * air[4][i, j]
            if cloud > np.float32(0.5) or (cloud > np.float32(0.02) and missed[i, j] < levels[4]):
                found = _cloud_class(found, cloud + edge)
            classes[i, j] = found


@njit(nogil=True, cache=True)
def _judge_qa(found, seen, air, errors, levels):  # type: ignore[no-untyped-def]
    added, missed, dark, dice = errors
    none = np.uint8(0)
    is_cloud, is_shadow, is_snow = np.uint8(1 << CLOUD), np.uint8(1 << SHADOW), np.uint8(1 << SNOW)
    is_water, is_cirrus, is_likely = np.uint8(1 << WATER), np.uint8(1 << CIRRUS), np.uint8(1 << DILATED)
    for i in range(found.shape[0]):
        for j in range(found.shape[1]):
            look = _looks(seen, i, j, np.float32(_QA_SNOWY))
            edge = np.float32(0.05) * added[i, j] + np.float32(0.02) * dice[i, j]
            cirrus = air[3][i, j] + edge
            cloud = air[0][i, j] + np.float32(0.4) * air[4][i, j]
            cloud = cloud + edge if cloud > np.float32(0.02) else none * cloud
            if air[0][i, j] < np.float32(0.5) and missed[i, j] > levels[4]:
                cloud = np.float32(0)
            likely = (look == 4 and added[i, j] > levels[3]) or (look == 6 and added[i, j] > levels[2])
            bits = is_cirrus if cirrus > np.float32(0.33) else none
            if cloud > np.float32(0.155) or likely or cirrus > np.float32(0.75):
                bits |= is_cloud
            else:
                if cloud > np.float32(0.11):
                    bits |= is_likely
                shaded = air[1][i, j] + edge > np.float32(0.33) and missed[i, j] < levels[5]
                if shaded or (look == 5 and dark[i, j] > levels[0]):
                    bits |= is_shadow
                elif look == 4:
                    bits |= is_snow
                if look == 2:
                    bits |= is_water
            found[i, j] = bits
