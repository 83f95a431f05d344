"""Light between sun, ground and satellite: slopes, directions, the texture of crowns, and reflectance below the air."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.twin.land.landscape import Field, Landscape
from habitat.twin.land.vegetation import Ground
from habitat.twin.materials import MATERIALS
from habitat.twin.sensors.angles import LOWEST_SUN, USUAL_SUN, sun_at, view_effect
from habitat.twin.sensors.shots import Sun

__all__ = [
    "LANDSAT_LEFT", "SENTINEL2_LEFT", "USUAL_SUN", "Light", "coarsened", "light_on", "lit_reflectance",
    "reflectance_of", "sun_at", "sunlight", "view_effect",
]  # fmt: skip

SENTINEL2_LEFT = 0.55
"""Share of the light's change on slopes left in Level-2A [1]: Sen2Cor evens slopes out, but not all the way."""
LANDSAT_LEFT = 1.0
"""The same for Landsat's Collection 2, which leaves slopes as they are."""
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
    azimuth, elevation = math.radians(sun.azimuth), math.radians(max(sun.elevation, LOWEST_SUN))
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
    longer = (math.cos(math.radians(USUAL_SUN)) / math.sin(math.radians(max(sun.elevation, LOWEST_SUN)))) ** 0.7
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
