"""Illumination: slopes as bright as level ground, by sun, canopy and sensor with a term for the light of the sky."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import GridMismatch

Floats = NDArray[np.float32]

LEAST_PIXELS = 1000
"""Pixels below which the light of a band is not learnt."""
LEAST_SPREAD = 0.03
"""Standard deviation of the cosine of incidence below which the ground is too level to learn from."""
LEAST_CORRELATION = 0.05
"""Correlation of reflectance with the light below which a band is left as it is."""
MOST_FACTOR = 2.5
"""No slope is made brighter, or darker, than by this factor: beyond it there is hardly any light to scale."""


class LightFit(NamedTuple):
    """How a band's reflectance grows with the light on its slopes, and what follows from that."""

    c: float
    """Intercept over slope of the line [1]; NaN where nothing is corrected."""
    correlation: float
    """Of reflectance with the cosine of incidence; NaN where it was not looked at."""
    pixels: int
    """Pixels the line rests on."""
    why: str = ""
    """Why nothing is corrected; empty where it is."""


def incidence_cosine(rise_east: Floats, rise_north: Floats, sun_zenith: float, sun_azimuth: float) -> Floats:
    """Cosine of the angle between the sun and the upright of the ground [1]; below 0 in the slope's own shadow.

    Parameters
    ----------
    rise_east, rise_north : float32 array (y, x) [1]
        From `habitat.terrain.rises`.
    sun_zenith, sun_azimuth : float [degrees]
        Where the sun stands; azimuth clockwise from north.

    Examples
    --------
    >>> flat = np.zeros((1, 1), np.float32)
    >>> round(float(incidence_cosine(flat, flat, 60.0, 150.0)[0, 0]), 3)
    0.5
    """
    zenith, azimuth = math.radians(sun_zenith), math.radians(sun_azimuth)
    across = rise_east * math.sin(azimuth) + rise_north * math.cos(azimuth)
    upright = np.sqrt(1 + rise_east**2 + rise_north**2)
    return np.asarray((math.cos(zenith) - math.sin(zenith) * across) / upright, np.float32)


def slope_cosine(rise_east: Floats, rise_north: Floats) -> Floats:
    """Cosine of the slope [1]: 1 on level ground."""
    return np.asarray(1 / np.sqrt(1 + rise_east**2 + rise_north**2), np.float32)


def light_sums(reflectance: NDArray[np.floating], cosine: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the sums `light_fit` draws its line from, over pixels known and lit; those of windows add up.

    Parameters
    ----------
    reflectance : array [1]
        Of one band; NaN where unknown, masked, or no such ground as is to be corrected.
    cosine : array [1]
        From `incidence_cosine`, of the same shape.

    Returns
    -------
    float64 array (6,)
        Count, and sums of light, reflectance, light squared, light times reflectance and reflectance squared.

    Raises
    ------
    GridMismatch
        If the shapes differ.
    """
    if reflectance.shape != cosine.shape:
        raise GridMismatch(f"reflectance of {reflectance.shape} and light of {cosine.shape} pixels; wants the same")
    known = np.isfinite(reflectance) & np.isfinite(cosine) & (cosine > 0)
    y, x = np.asarray(reflectance[known], np.float64), np.asarray(cosine[known], np.float64)
    return np.array([y.size, x.sum(), y.sum(), x @ x, x @ y, y @ y], np.float64)


def light_fit(sums: NDArray[np.float64]) -> LightFit:
    """Fit reflectance = intercept + slope * cosine of incidence.

    Parameters
    ----------
    sums : float64 array (6,)
        From `light_sums`.

    Returns
    -------
    LightFit
        Without a number where there are too few pixels, too little relief, or slopes towards the sun are not
        brighter: what does not depend on the light is not to be corrected for it.

    References
    ----------
    Soenen, Peddle & Coburn (2005), IEEE Transactions on Geoscience and Remote Sensing 43(9), 2148-2159.

    Examples
    --------
    >>> cosine = np.linspace(0.2, 0.9, 2000)
    >>> round(light_fit(light_sums(0.1 + 0.2 * cosine, cosine)).c, 3)
    0.5
    """
    count = int(sums[0])
    if count < LEAST_PIXELS:
        return LightFit(math.nan, math.nan, count, f"fewer than {LEAST_PIXELS} clear pixels")
    light, bright, light2, both, bright2 = (float(part) / count for part in sums[1:])
    spread2, varies2 = max(light2 - light**2, 0.0), max(bright2 - bright**2, 0.0)
    if math.sqrt(spread2) < LEAST_SPREAD:
        return LightFit(math.nan, math.nan, count, "too level to learn from")
    slope = (both - light * bright) / spread2
    correlation = (both - light * bright) / max(math.sqrt(spread2 * varies2), 1e-9)
    if correlation < LEAST_CORRELATION:
        return LightFit(math.nan, correlation, count, "slopes towards the sun are not brighter")
    # A line that meets zero before the light does has no light of the sky in it: then C is 0.
    return LightFit(max(0.0, (bright - slope * light) / slope), correlation, count)


def level_factor(cosine: Floats, slope_cos: Floats, sun_zenith: float, c: float) -> Floats:
    """Factor that makes slopes as bright as level ground under trees that stand upright (SCS+C).

    Parameters
    ----------
    cosine : float32 array (y, x) [1]
        From `incidence_cosine`.
    slope_cos : float32 array (y, x) [1]
        From `slope_cosine`.
    sun_zenith : float [degrees]
        Where the sun stands.
    c : float [1]
        From `light_fit`; NaN corrects nothing.

    Returns
    -------
    float32 array (y, x) [1]
        Within `MOST_FACTOR`; 1 where slopes are unknown.

    References
    ----------
    Soenen, Peddle & Coburn (2005), IEEE Transactions on Geoscience and Remote Sensing 43(9), 2148-2159.

    Examples
    --------
    >>> level = np.ones((1, 1), np.float32)
    >>> float(level_factor(0.5 * level, level, 60.0, 0.3)[0, 0])
    1.0
    """
    if not math.isfinite(c):
        return np.ones_like(cosine)
    below = np.maximum(np.maximum(cosine, 0) + np.float32(c), np.float32(1e-6))
    factor = (slope_cos * np.float32(math.cos(math.radians(sun_zenith))) + np.float32(c)) / below
    factor = np.clip(factor, 1 / MOST_FACTOR, MOST_FACTOR)
    return np.asarray(np.where(np.isfinite(factor), factor, 1), np.float32)
