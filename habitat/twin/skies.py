"""The sun and the air of one overpass: where it stands, what it lights, and the clouds, shadows and haze between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from habitat.twin.fields import Field, halved, ramp, random_field
from habitat.twin.landscape import RESOLUTION_M, Landscape
from habitat.twin.plan import Pass

LIGHTS: dict[str, tuple[float, float, float, float]] = {
    "blue": (0.62, 0.50, 0.055, 0.050),
    "green": (0.61, 0.44, 0.040, 0.047),
    "red": (0.61, 0.38, 0.031, 0.045),
    "nir": (0.63, 0.31, 0.017, 0.040),
    "rededge1": (0.62, 0.37, 0.027, 0.044),
    "rededge2": (0.63, 0.34, 0.022, 0.042),
    "rededge3": (0.63, 0.32, 0.019, 0.041),
    "nir08": (0.63, 0.31, 0.016, 0.040),
    "swir16": (0.44, 0.27, 0.004, 0.020),
    "swir22": (0.33, 0.26, 0.002, 0.014),
}
"""Band to reflectance of thick cloud, share of light left in shadow, reflectance added by haze and by cirrus [1]."""


@dataclass(frozen=True)
class Sun:
    """Where the sun stands."""

    azimuth: float
    """Degrees from north over east."""
    elevation: float
    """Degrees above the horizon."""


@dataclass(frozen=True, eq=False)
class Sky:
    """Air between satellite and ground, fields (y, x) at 10 m."""

    cloud: Field
    """Opacity of cloud [1]."""
    shadow: Field
    """Depth of cloud shadow [1]."""
    haze: Field
    """Strength of haze [1]."""
    cirrus: Field
    """Strength of thin cirrus [1]."""


def sun_at(when: datetime, longitude: float, latitude: float) -> Sun:
    """Return the sun's place, good to half a degree.

    References
    ----------
    Spencer (1971), Fourier series representation of the position of the sun: declination and equation of time.

    Examples
    --------
    >>> from datetime import UTC
    >>> noon = sun_at(datetime(2025, 6, 21, 3, 18, tzinfo=UTC), 131.0, 43.4)
    >>> round(noon.elevation), round(noon.azimuth)
    (70, 180)
    """
    day = 2 * math.pi * (when.timetuple().tm_yday - 1) / 365
    declination = 0.006918 - 0.399912 * math.cos(day) + 0.070257 * math.sin(day)
    declination += -0.006758 * math.cos(2 * day) + 0.000907 * math.sin(2 * day)
    declination += -0.002697 * math.cos(3 * day) + 0.00148 * math.sin(3 * day)
    minutes = 229.18 * (0.000075 + 0.001868 * math.cos(day) - 0.032077 * math.sin(day))
    minutes += 229.18 * (-0.014615 * math.cos(2 * day) - 0.040849 * math.sin(2 * day))
    solar_hour = when.hour + when.minute / 60 + when.second / 3600 + longitude / 15 + minutes / 60
    hour_angle = math.radians(15 * (solar_hour - 12))
    lat = math.radians(latitude)
    up = math.sin(lat) * math.sin(declination) + math.cos(lat) * math.cos(declination) * math.cos(hour_angle)
    east = -math.cos(declination) * math.sin(hour_angle)
    north = math.cos(lat) * math.sin(declination) - math.sin(lat) * math.cos(declination) * math.cos(hour_angle)
    return Sun(math.degrees(math.atan2(east, north)) % 360, math.degrees(math.asin(up)))


def sunlight(landscape: Landscape, sun: Sun) -> Field:
    """Return light on the slope as a share of light on flat ground [1], half of it evened out as Sen2Cor does."""
    elevation, azimuth = math.radians(sun.elevation), math.radians(sun.azimuth)
    east = np.float32(math.cos(elevation) * math.sin(azimuth))
    north = np.float32(math.cos(elevation) * math.cos(azimuth))
    normal = np.sqrt(1 + landscape.rise_east**2 + landscape.rise_north**2)
    facing = (math.sin(elevation) - landscape.rise_east * east - landscape.rise_north * north) / normal
    light: Field = np.clip(1 + 0.55 * (facing / math.sin(elevation) - 1), 0.4, 1.5).astype(np.float32)
    return light


def sky_over(rng: np.random.Generator, scene: Pass, pixels: int, sun: Sun) -> Sky:
    """Draw the air of one overpass, clouds with their shadows thrown away from the sun."""
    # Small twins get lower clouds, so that cloud and shadow both find room in the picture.
    base_m = min(1800.0, 0.16 * pixels * RESOLUTION_M) * rng.uniform(0.8, 1.1)
    throw = base_m / math.tan(math.radians(sun.elevation)) / RESOLUTION_M
    # From a shaded pixel towards the sun; rows count southwards.
    down = round(-throw * math.cos(math.radians(sun.azimuth)))
    right = round(throw * math.sin(math.radians(sun.azimuth)))
    margin = max(abs(down), abs(right))
    wide = _cloud(rng, pixels + 2 * margin, scene.cloud)
    cloud = wide[margin : margin + pixels, margin : margin + pixels]
    casting = wide[margin + down :, margin + right :][:pixels, :pixels]
    shadow = np.clip(1.15 * casting, 0, 1) * (1 - cloud)
    haze = scene.haze * np.clip(0.75 + 0.35 * random_field(rng, pixels, 4.0), 0.15, 1.6)
    thin = random_field(rng, pixels, 3.2, stretch=3.0)
    cirrus = ramp(thin, _level(thin, scene.cirrus), _level(thin, scene.cirrus) + 1.6) if scene.cirrus else 0 * thin
    return Sky(cloud.astype(np.float32), shadow.astype(np.float32), haze.astype(np.float32), cirrus.astype(np.float32))


def _level(field: Field, share: float) -> float:
    return float(np.quantile(field, 1 - min(share, 1.0)))


def _cloud(rng: np.random.Generator, pixels: int, share: float) -> Field:
    heaps = random_field(rng, pixels, 3.1, longest=0.45)
    if share <= 0:
        return np.zeros_like(heaps)
    if share >= 1:
        deck: Field = np.clip(0.97 + 0.02 * heaps, 0.9, 1.0).astype(np.float32)
        return deck
    level = _level(heaps, share)
    # A quantile cuts the field half way up the ramp, so that `share` counts pixels at least half covered.
    return ramp(heaps, level - 0.16, level + 0.16)


def seen_through(sky: Sky, reflectance: Field, band: str, light: Field, grain: Field) -> Field:
    """Return reflectance [1] as the satellite's product gives it: lit ground below shadow, haze, cirrus and cloud.

    Parameters
    ----------
    sky : Sky
        Air of the overpass, at 10 m.
    reflectance : array (y, x) [1]
        Flat ground at the band's own resolution.
    band : str
        Asset key.
    light : array (y, x) [1]
        From `sunlight`, at 10 m.
    grain : array (y, x) [1]
        Texture of cloud tops and ground, at 10 m.
    """
    white, left_in_shadow, haze_adds, cirrus_adds = (np.float32(value) for value in LIGHTS[band])

    def fitted(field: Field) -> Field:
        return field if field.shape == reflectance.shape else halved(field)

    cloud, shadow, haze, cirrus = (fitted(field) for field in (sky.cloud, sky.shadow, sky.haze, sky.cirrus))
    ground = reflectance * fitted(light) * (1 + np.float32(0.05) * fitted(grain))
    ground *= 1 - shadow * (1 - left_in_shadow)
    ground += haze * haze_adds * (1 - ground) + cirrus * cirrus_adds
    tops = white * (np.float32(0.72) + np.float32(0.38) * cloud + np.float32(0.03) * fitted(grain))
    seen: Field = (ground * (1 - cloud) + tops * cloud).astype(np.float32)
    return seen


def inside_swath(pixels: int, share: float) -> NDArray[np.bool_]:
    """Return the 10 m pixels (y, x) the satellite saw: the west of the scene up to a leaning edge."""
    if share >= 1:
        return np.ones((pixels, pixels), dtype=bool)
    rows = np.arange(pixels)[:, None]
    columns = np.arange(pixels)[None, :]
    # Steps of two pixels keep 10 m and 20 m files in agreement about the edge.
    seen: NDArray[np.bool_] = columns // 2 * 2 < share * pixels - 0.2 * (rows // 2 * 2 - pixels / 2)
    return seen
