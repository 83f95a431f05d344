"""Features of a pixel's year: medians of its seasons as codes, and the bands and indices made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from habitat.imagery.composites import CODE_SCALE, NODATA

Floats: TypeAlias = NDArray[np.float32]

BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
"""Bands of the medians, as OLI sees them."""
SEASONS = ("summer", "spring", "gold", "late")
"""Leaves on; snow gone and leaves not out; leaves turning, larch last; leaves down."""
PAIRS: Mapping[str, tuple[str, str]] = {
    "ndvi": ("nir", "red"),
    "ndmi": ("nir", "swir1"),
    "nbr": ("nir", "swir2"),
    "nbr2": ("swir1", "swir2"),
    "gri": ("green", "red"),
    "mndwi": ("green", "swir1"),
}
"""Normalised differences among the features."""
FEATURES: tuple[str, ...] = tuple(f"{season}-{name}" for season in SEASONS for name in (*BANDS, *PAIRS))
"""Names of the features in their order."""
SNOW_ABOVE = 0.0
"""NDSI from which bright ground is left out as snow: patches of snow are to go, and no bare ground is so high."""
_SNOW_GREEN = 800
_HAZE = 0.08
_CHAR_BELOW, _CHAR_FALL, _WATER_NIR = 0.19, 0.04, 400
_HIGHEST = np.int16(32767)


def snow_free(codes: NDArray[np.int16], clear: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which looks show ground and nothing over it, as far as the bands tell beyond the quality mask.

    Left out are snow (NDSI above 0 where green is above 0.08; under crowns, NDSI of snow is far below the 0.4 of
    open snow) and haze or cloud the mask has missed (blue less half of red above 0.08).

    Parameters
    ----------
    codes : int16 (band, date, pixel)
        Reflectance / 1e-4 of `BANDS`, -32768 where unknown.
    clear : uint8 (date, pixel)
        1 where the quality mask calls a look clear.

    Returns
    -------
    bool (date, pixel)

    References
    ----------
    Zhu & Woodcock (2012), Remote Sensing of Environment 118, 83-94 (haze optimised transform with 0.5 and 0.08).

    Examples
    --------
    >>> white = np.array([7000, 7000, 7000, 6500, 1000, 700], np.int16).reshape(6, 1, 1)
    >>> bool(snow_free(white, np.ones((1, 1), np.uint8))[0, 0])
    False
    """
    known: NDArray[np.bool_] = (clear != 0) & (codes != NODATA).all(axis=0)
    blue, green, red, swir1 = (codes[BANDS.index(name)].astype(np.int32) for name in ("blue", "green", "red", "swir1"))
    snow = (green > _SNOW_GREEN) & (green - swir1 > SNOW_ABOVE * (green + swir1))
    hazy = 2 * blue - red > 2 * _HAZE / CODE_SCALE
    usable: NDArray[np.bool_] = known & ~snow & ~hazy
    return usable


def season_median(codes: NDArray[np.int16], use: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Median of each band over the looks that may be used.

    Parameters
    ----------
    codes : int16 (band, date, pixel)
        Reflectance / 1e-4.
    use : bool (date, pixel)
        Which looks count.

    Returns
    -------
    int16 (band, pixel)
        -32768 where none does; of an even number of looks the mean of the middle two, rounded down.

    Examples
    --------
    >>> codes = np.array([[[100], [900], [300]]], np.int16)
    >>> season_median(codes, np.array([[True], [False], [True]])).tolist()
    [[200]]
    """
    bands, dates, pixels = codes.shape
    if not dates:
        return np.full((bands, pixels), NODATA, np.int16)
    ordered = np.sort(np.where(use, codes, _HIGHEST), axis=1)
    count = use.sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, dates - 1)
    pick = [np.take_along_axis(ordered, place[None, None, :], 1)[:, 0].astype(np.int32) for place in (low, high)]
    return np.where(count > 0, (pick[0] + pick[1]) // 2, NODATA).astype(np.int16)


def merged_years(newer: NDArray[np.int16], older: NDArray[np.int16], season: str) -> NDArray[np.bool_]:
    """Where the median of a season is better taken from the year before: unseen in its year, or seen charred.

    A ground fire leaves the crowns alive and the ground black for weeks: without leaves the place then looks like
    a ploughed field. NBR2 below that of dry grass, where it was higher the year before, tells both apart.

    Parameters
    ----------
    newer, older : int16 (band, pixel)
        Medians of one season in two years.
    season : str
        Name in `SEASONS`; in summer nothing is black for long.

    Returns
    -------
    bool (pixel,)

    Examples
    --------
    >>> char, oak = np.array([[320, 420, 500, 900, 1500, 1350], [380, 650, 850, 2250, 2500, 1500]], np.int16)[..., None]
    >>> bool(merged_years(char, oak, "spring")[0]), bool(merged_years(oak, char, "spring")[0])
    (True, False)
    """
    there = older[0] != NODATA
    unseen: NDArray[np.bool_] = there & (newer[0] == NODATA)
    if season == "summer":
        return unseen
    now, before = (_ratio(year[BANDS.index("swir1")], year[BANDS.index("swir2")]) for year in (newer, older))
    # Over water the ratio of two next to nothing is noise.
    dry = newer[BANDS.index("nir")] > _WATER_NIR
    with np.errstate(invalid="ignore"):
        charred = dry & (now < _CHAR_BELOW) & (before - now > _CHAR_FALL)
    better: NDArray[np.bool_] = unseen | (there & (newer[0] != NODATA) & charred)
    return better


def _ratio(one: NDArray[np.int16], other: NDArray[np.int16]) -> Floats:
    first, second = one.astype(np.float32), other.astype(np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio: Floats = np.where(first + second > 0, (first - second) / (first + second), np.nan).astype(np.float32)
    return ratio


def features(medians: NDArray[np.int16], extra: Sequence[NDArray[np.floating]] = ()) -> Floats:
    """Table of features of pixels, NaN where a season was not seen.

    Parameters
    ----------
    medians : int16 (season, band, pixel)
        In the order of `SEASONS` and `BANDS`.
    extra : sequence of float arrays (pixel,)
        More features, such as height and slope.

    Returns
    -------
    float32 (pixel, feature)
        In the order of `FEATURES`, then `extra`.

    Examples
    --------
    >>> summer = np.array([200, 400, 300, 3700, 1600, 700])
    >>> medians = np.full((4, 6, 1), -32768, np.int16)
    >>> medians[0, :, 0] = summer
    >>> table = features(medians)
    >>> table.shape, round(float(table[0, FEATURES.index("summer-ndvi")]), 3)
    ((1, 48), 0.85)
    """
    seasons, bands, pixels = medians.shape
    each = bands + len(PAIRS)
    table = np.empty((pixels, seasons * each + len(extra)), np.float32)
    for season in range(seasons):
        values = medians[season].astype(np.float32) * np.float32(CODE_SCALE)
        values[medians[season] == NODATA] = np.nan
        table[:, season * each : season * each + bands] = values.T
        for place, (one, other) in enumerate(PAIRS.values()):
            a, b = values[BANDS.index(one)], values[BANDS.index(other)]
            with np.errstate(divide="ignore", invalid="ignore"):
                ratio = np.where(a + b > 0, (a - b) / (a + b), np.nan)
            table[:, season * each + bands + place] = np.clip(ratio, -1, 1)
    for place, values in enumerate(extra):
        table[:, seasons * each + place] = values
    return table


def column(table: Floats, name: str) -> Floats:
    """One feature (pixel,) of a table by its name.

    Examples
    --------
    >>> column(np.zeros((2, len(FEATURES)), np.float32), "late-nbr2").tolist()
    [0.0, 0.0]
    """
    values: Floats = table[:, FEATURES.index(name)]
    return values
