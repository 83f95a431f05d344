"""Where the sun stands, and how the brightness of land depends on the directions of sun and satellite."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from habitat.twin.sensors.shots import Sun

USUAL_SUN = 40.0
"""Zenith angle of the sun the spectra are meant for [degrees]."""
LOWEST_SUN = 20.0
"""What stands lower is taken to stand so high [degrees]: formulas for slopes and shadows end there."""

# Ross-Li parameters of an average land surface: f_iso, f_geo, f_vol; nearest band where none is published.
_RED = (0.1690, 0.0227, 0.0574)
_NIR = (0.3093, 0.0330, 0.1535)
_DIRECTIONS: dict[str, tuple[float, float, float]] = {
    "coastal": (0.0774, 0.0079, 0.0372),
    "blue": (0.0774, 0.0079, 0.0372),
    "green": (0.1306, 0.0178, 0.0580),
    "red": _RED,
    "rededge1": (0.2085, 0.0256, 0.0845),
    "rededge2": (0.2316, 0.0273, 0.1003),
    "rededge3": (0.2599, 0.0294, 0.1197),
    "nir": _NIR,
    "nir08": _NIR,
    "nir09": _NIR,
    "swir16": (0.3430, 0.0453, 0.1154),
    "swir22": (0.2658, 0.0387, 0.0639),
}


def sun_at(when: datetime, longitude: float, latitude: float) -> Sun:
    """Return the sun's place, good to two hundredths of a degree, refraction left out; times are UTC, angles degrees.

    References
    ----------
    Michalsky (1988), The Astronomical Almanac's algorithm for approximate solar position, Solar Energy 40, 227-235.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = sun_at(datetime(2025, 6, 21, 3, 18, tzinfo=UTC), 131.0, 43.4)
    >>> round(noon.elevation), round(noon.azimuth)
    (70, 180)
    """
    days = (when.replace(tzinfo=UTC) - datetime(2000, 1, 1, 12, tzinfo=UTC)) / timedelta(days=1)
    anomaly = math.radians(357.528 + 0.9856003 * days)
    ecliptic = math.radians(280.460 + 0.9856474 * days + 1.915 * math.sin(anomaly) + 0.020 * math.sin(2 * anomaly))
    tilt = math.radians(23.439 - 4e-7 * days)
    ascension = math.atan2(math.cos(tilt) * math.sin(ecliptic), math.cos(ecliptic))
    declination = math.asin(math.sin(tilt) * math.sin(ecliptic))
    # Sidereal time: the earth turns by 360.9856 degrees a day against the stars.
    hour_angle = math.radians(280.4606 + 360.9856474 * days + longitude) - ascension
    lat = math.radians(latitude)
    up = math.sin(lat) * math.sin(declination) + math.cos(lat) * math.cos(declination) * math.cos(hour_angle)
    east = -math.cos(declination) * math.sin(hour_angle)
    north = math.cos(lat) * math.sin(declination) - math.sin(lat) * math.cos(declination) * math.cos(hour_angle)
    return Sun(math.degrees(math.atan2(east, north)) % 360, math.degrees(math.asin(up)))


def _kernels(sun_zenith: float, view_zenith: float, relative: float) -> tuple[float, float]:
    """Return the Ross-Thick and the Li-Sparse-reciprocal kernel for angles in radians."""
    cos_s, cos_v = math.cos(sun_zenith), math.cos(view_zenith)
    phase = cos_s * cos_v + math.sin(sun_zenith) * math.sin(view_zenith) * math.cos(relative)
    angle = math.acos(min(max(phase, -1.0), 1.0))
    volume = ((math.pi / 2 - angle) * phase + math.sin(angle)) / (cos_s + cos_v) - math.pi / 4
    # Crowns as high as broad, their middles twice as high: shape 1 and height 2, as MODIS has it.
    tan_s, tan_v, secants = math.tan(sun_zenith), math.tan(view_zenith), 1 / cos_s + 1 / cos_v
    apart = tan_s**2 + tan_v**2 - 2 * tan_s * tan_v * math.cos(relative)
    crossed = (tan_s * tan_v * math.sin(relative)) ** 2
    cos_t = min(2 * math.sqrt(max(apart + crossed, 0.0)) / secants, 1.0)
    t = math.acos(cos_t)
    overlap = (t - math.sin(t) * cos_t) * secants / math.pi
    shadows = overlap - secants + (1 + phase) / (2 * cos_s * cos_v)
    return volume, shadows


def view_effect(bands: tuple[str, ...], sun: Sun, view_zenith: float, view_azimuth: float) -> NDArray[np.float32]:
    """Return by what factor land with plants looks brighter in a direction than from above under the usual sun.

    Parameters
    ----------
    bands : tuple of str
        Asset keys.
    sun : Sun
        Where the sun stands.
    view_zenith, view_azimuth : float [degrees]
        Direction from the ground to the satellite.

    Returns
    -------
    array (band,) [1]
        Above 1 with the sun behind the satellite.

    References
    ----------
    Roy et al. (2016), Remote Sensing of Environment 176, 255-271, and Roy et al. (2017), 199, 25-38: parameters of an
    average surface for the kernels of Schaaf et al. (2002).

    Examples
    --------
    >>> sun = Sun(azimuth=150.0, elevation=55.0)
    >>> towards, away = (float(view_effect(("red",), sun, 10.0, azimuth)[0]) for azimuth in (150.0, 330.0))
    >>> 1.05 < towards / away < 1.15
    True
    """
    zenith = math.radians(90 - max(sun.elevation, LOWEST_SUN))
    relative = math.radians(sun.azimuth - view_azimuth)
    seen = _kernels(zenith, math.radians(view_zenith), relative)
    usual = _kernels(math.radians(USUAL_SUN), 0.0, 0.0)
    factors = []
    for band in bands:
        level, geometric, volume = _DIRECTIONS[band]
        there, above = (level + volume * kernel[0] + geometric * kernel[1] for kernel in (seen, usual))
        factors.append(there / above)
    return np.array(factors, np.float32)
