"""Light between sun, ground and satellite: slopes, directions, the texture of crowns, and reflectance below the air."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.twin.land.landscape import Field, Landscape
from habitat.twin.land.vegetation import Ground
from habitat.twin.materials import MATERIALS
from habitat.twin.sensors.shots import Sun

SENTINEL2_LEFT = 0.55
"""Share of the light's change on slopes left in Level-2A [1]: Sen2Cor evens slopes out, but not all the way."""
LANDSAT_LEFT = 1.0
"""The same for Landsat's Collection 2, which leaves slopes as they are."""
USUAL_SUN = 40.0
"""Zenith angle of the sun the spectra are meant for [degrees]."""

_LOWEST_SUN = 20.0
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
_DIFFUSE = {
    "coastal": 0.38, "blue": 0.32, "green": 0.24, "red": 0.19, "rededge1": 0.17, "rededge2": 0.16, "rededge3": 0.14,
    "nir": 0.13, "nir08": 0.12, "nir09": 0.11, "swir16": 0.07, "swir22": 0.06,
}  # fmt: skip
"""Share of the light that comes from the sky and not from the sun, when the sun stands at `USUAL_SUN` [1]."""
_TEXTURE = {
    "coastal": 0.8, "blue": 0.9, "green": 1.0, "red": 1.05, "rededge1": 1.0, "rededge2": 0.9, "rededge3": 0.9,
    "nir": 0.9, "nir08": 0.9, "nir09": 0.9, "swir16": 1.1, "swir22": 1.2,
}  # fmt: skip
"""How strongly each band shows the brightness that belongs to a place; leaves lighten their own shadows in the NIR."""
_GRAIN_OPEN, _GRAIN_CROWNS = np.float32(0.04), np.float32(0.085)


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


def coarsened(field: Field, factor: int) -> Field:
    """Return means of `factor` by `factor` pixels over the last two dimensions.

    Raises
    ------
    ConfigError
        If rows or columns are no multiple of the factor.

    Examples
    --------
    >>> coarsened(np.arange(16, dtype=np.float32).reshape(4, 4), 2).tolist()
    [[2.5, 4.5], [10.5, 12.5]]
    """
    *front, rows, columns = field.shape
    if rows % factor or columns % factor:
        raise ConfigError(f"{rows} x {columns} pixels cannot be cut into blocks of {factor}; widen the window")
    if factor == 1:
        return field
    out = np.zeros((*front, rows // factor, columns // factor), np.float32)
    for row in range(factor):
        for column in range(factor):
            out += field[..., row::factor, column::factor]
    out *= np.float32(1 / factor**2)
    return out


def sunlight(landscape: Landscape, sun: Sun, canopy: Field, left: float = SENTINEL2_LEFT) -> Field:
    """Return light on the slope as a share of light on level ground [1].

    Trees stand upright on slopes, so crowns see less of the slope than bare ground does. Slopes turned away from the
    sun lie in their own shadow; shadows thrown over other slopes are not drawn.

    Parameters
    ----------
    landscape : Landscape
        For the slopes.
    sun : Sun
        Where it stands.
    canopy : array (y, x) [1]
        Crown cover.
    left : float
        Share of the effect left after the provider's terrain correction [1].

    References
    ----------
    Gu & Gillespie (1998), Remote Sensing of Environment 64, 166-175: sun, canopy and sensor.
    """
    azimuth, elevation = math.radians(sun.azimuth), math.radians(max(sun.elevation, _LOWEST_SUN))
    level = 1 / math.tan(elevation)
    out = np.empty_like(landscape.rise_east)
    _light_slopes(
        out,
        landscape.rise_east,
        landscape.rise_north,
        canopy,
        np.array([level * math.sin(azimuth), level * math.cos(azimuth), left], np.float32),
    )
    return out


@njit(nogil=True, cache=True)
def _light_slopes(out, rise_east, rise_north, canopy, numbers):  # type: ignore[no-untyped-def]
    one, zero, highest = np.float32(1), np.float32(0), np.float32(1.7)
    east, north, left = numbers[0], numbers[1], numbers[2]
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            a, b = rise_east[i, j], rise_north[i, j]
            upright = max(one - a * east - b * north, zero)
            bare = upright / np.float32(math.sqrt(one + a * a + b * b))
            share = canopy[i, j]
            lit = min(share * upright + (one - share) * bare, highest)
            out[i, j] = one + left * (lit - one)


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
    zenith = math.radians(90 - max(sun.elevation, _LOWEST_SUN))
    relative = math.radians(sun.azimuth - view_azimuth)
    seen = _kernels(zenith, math.radians(view_zenith), relative)
    usual = _kernels(math.radians(USUAL_SUN), 0.0, 0.0)
    factors = []
    for band in bands:
        level, geometric, volume = _DIRECTIONS[band]
        there, above = (level + volume * kernel[0] + geometric * kernel[1] for kernel in (seen, usual))
        factors.append(there / above)
    return np.array(factors, np.float32)


@dataclass(frozen=True, eq=False)
class Light:
    """How one overpass lights and sees one window: what belongs to the pixel, and what to the band."""

    slope: Field
    """Light on slopes as a share of light on level ground (y, x) [1], from `sunlight`."""
    bands: tuple[str, ...]
    """Asset keys the other numbers belong to."""
    direct: NDArray[np.float32]
    """Share of the light that comes straight from the sun (band,) [1]: so much does a band show slopes."""
    direction: NDArray[np.float32]
    """From `view_effect` (band,) [1]."""
    texture: NDArray[np.float32]
    """How strongly a band shows the grain of the place (band,) [1]."""


def light_on(
    landscape: Landscape,
    canopy: Field,
    bands: tuple[str, ...],
    sun: Sun,
    view: tuple[float, float] = (0.0, 0.0),
    *,
    left: float = SENTINEL2_LEFT,
) -> Light:
    """Return the light of one overpass over one window.

    Parameters
    ----------
    landscape : Landscape
        Slopes.
    canopy : array (y, x) [1]
        Crown cover of the day, ``ground.stand.canopy``.
    bands : tuple of str
        Asset keys of the satellite, from `bands_of`.
    sun : Sun
        Where it stands.
    view : tuple of float [degrees]
        Zenith and azimuth angle of the direction towards the satellite.
    left : float
        `SENTINEL2_LEFT` or `LANDSAT_LEFT`.
    """
    # The lower the sun, the longer its way through the air, and the more of the light comes from the sky.
    longer = (math.cos(math.radians(USUAL_SUN)) / math.sin(math.radians(max(sun.elevation, _LOWEST_SUN)))) ** 0.7
    direct = [1 - min(_DIFFUSE[band] * longer, 0.75) for band in bands]
    return Light(
        slope=sunlight(landscape, sun, canopy, left),
        bands=bands,
        direct=np.array(direct, np.float32),
        direction=view_effect(bands, sun, *view),
        texture=np.array([_TEXTURE[band] for band in bands], np.float32),
    )


def reflectance_of(
    ground: Ground, spectra: NDArray[np.float32], factor: int = 1, rows: slice = slice(None)
) -> NDArray[np.float32]:
    """Return reflectance [1] of level ground seen from above, without light, texture or air.

    Parameters
    ----------
    ground : Ground
        What covers it.
    spectra : array (material, band) [1]
        From `spectra_of`; columns may be left out.
    factor : int
        Pixels of the ground along a pixel of the result.
    rows : slice
        Rows of the ground to look at; all of them if not given.

    Returns
    -------
    array (band, y, x)

    Raises
    ------
    ConfigError
        If rows or columns are no multiple of the factor.
    """
    shares = ground.shares[:, rows]
    flat = np.ones(shares.shape[1:], np.float32)
    ones = np.ones(spectra.shape[1], np.float32)
    return _mixed(shares, spectra, factor, (flat, 0 * flat, 0 * flat), (ones, ones, ones))


def lit_reflectance(
    ground: Ground, landscape: Landscape, spectra: NDArray[np.float32], light: Light, factor: int = 1
) -> NDArray[np.float32]:
    """Return reflectance [1] as a satellite without air in between would see it.

    Slopes, directions and texture are put on the finest pixels before they are averaged, as light is.

    Parameters
    ----------
    ground : Ground
        What covers it.
    landscape : Landscape
        The same window, for its grain.
    spectra : array (material, band) [1]
        Columns in the order of ``light.bands``; to draw some bands only, give both for these.
    light : Light
        From `light_on`.
    factor : int
        Pixels of the ground along a pixel of the result: 2 for bands of 20 m over ground at 10 m.

    Returns
    -------
    array (band, y, x)

    Raises
    ------
    ConfigError
        If rows or columns are no multiple of the factor, or bands and spectra are not as many.
    """
    if spectra.shape[1] != len(light.bands):
        raise ConfigError(f"spectra have {spectra.shape[1]} bands and the light {len(light.bands)}; draw both alike")
    crowns = ground.stand.canopy
    return _mixed(
        ground.shares,
        spectra,
        factor,
        (light.slope, landscape.grain, crowns),
        (light.direct, light.direction, light.texture),
    )


def _mixed(
    shares: NDArray[np.float32],
    spectra: NDArray[np.float32],
    factor: int,
    fields: tuple[Field, Field, Field],
    numbers: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]],
) -> NDArray[np.float32]:
    _, rows, columns = shares.shape
    if rows % factor or columns % factor:
        raise ConfigError(f"{rows} x {columns} pixels cannot be cut into blocks of {factor}; widen the window")
    out = np.zeros((spectra.shape[1], rows // factor, columns // factor), np.float32)
    table = np.ascontiguousarray(spectra.T, dtype=np.float32)
    _mix(out, np.ascontiguousarray(shares), table, fields, numbers)
    return out


_WATER_LIKE = tuple(MATERIALS.index(name) for name in ("river", "sea", "snow"))


@njit(nogil=True, cache=True)
def _add_row(total, share, amount):  # type: ignore[no-untyped-def]
    for j in range(total.shape[0]):
        total[j] += amount * share[j]


@njit(nogil=True, cache=True)
def _light_row(total, slope, grain, plants, numbers):  # type: ignore[no-untyped-def]
    one = np.float32(1)
    direct, direction, texture = numbers
    for j in range(total.shape[0]):
        factor = one + direct * (slope[j] - one)
        factor *= one + (direction - one) * plants[j]
        total[j] *= max(factor * (one + texture * grain[j]), np.float32(0.05))


@njit(nogil=True, cache=True)
def _mix(out, shares, spectra, fields, numbers):  # type: ignore[no-untyped-def]
    """Add up materials row by row, light them, and average them into the pixels of `out`."""
    slope, grain, crowns = fields
    direct, direction, texture = numbers
    materials, rows, columns = shares.shape
    factor = columns // out.shape[2]
    weight = np.float32(1 / factor**2)
    present = np.zeros(materials, np.bool_)
    total = np.empty(columns, np.float32)
    plants = np.empty(columns, np.float32)
    rough = np.empty(columns, np.float32)
    for i in range(rows):
        for m in range(materials):
            present[m] = shares[m, i].max() > 0
        for j in range(columns):
            smooth = np.float32(0)
            for m in _WATER_LIKE:
                smooth += shares[m, i, j]
            plants[j] = np.float32(1) - smooth
            rough[j] = (_GRAIN_OPEN + _GRAIN_CROWNS * crowns[i, j]) * grain[i, j] * plants[j]
        for b in range(out.shape[0]):
            total[:] = 0
            for m in range(materials):
                if present[m]:
                    _add_row(total, shares[m, i], spectra[b, m])
            _light_row(total, slope[i], rough, plants, (direct[b], direction[b], texture[b]))
            seen = out[b, i // factor]
            if factor == 1:
                seen[:] = total
            else:
                for j in range(columns):
                    seen[j // factor] += weight * total[j]
    return
