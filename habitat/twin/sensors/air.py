"""What the air between ground and satellite does to each band, and what a provider's correction leaves of it."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.twin.land.landscape import Field
from habitat.twin.sensors.optics import coarsened
from habitat.twin.sensors.shots import Overpass, Sky
from habitat.twin.world import World


class Tint(NamedTuple):
    """What the air does to one band."""

    white: float
    """Reflectance of the thickest cloud [1]."""
    bend: float
    """0: clouds brighten evenly with their opacity, as where droplets absorb; 1: with its square."""
    left: float
    """Share of the light left in full shadow [1], after the provider's correction."""
    haze: float
    """Reflectance that haze of strength 1 adds [1]."""
    cirrus: float
    """Reflectance that thick cirrus adds [1]."""
    smoke: float
    """Reflectance that thick smoke adds [1]."""
    residue: float
    """Error of the reflectance of dark ground where aerosol was misjudged, standard deviation over scenes [1]."""


# Clouds and shadows are set to what scene classes 3, 8 and 9 of real Level-2A scenes hold over forest.
TINTS: MappingProxyType[str, Tint] = MappingProxyType(
    {
        "coastal": Tint(1.46, 1.0, 0.80, 0.062, 0.052, 0.125, 0.0040),
        "blue": Tint(1.45, 1.0, 0.76, 0.055, 0.050, 0.110, 0.0030),
        "green": Tint(1.37, 1.0, 0.62, 0.040, 0.047, 0.085, 0.0024),
        "red": Tint(1.32, 1.0, 0.62, 0.031, 0.045, 0.062, 0.0018),
        "rededge1": Tint(1.32, 1.0, 0.50, 0.027, 0.044, 0.052, 0.0016),
        "rededge2": Tint(1.33, 1.0, 0.38, 0.022, 0.042, 0.042, 0.0013),
        "rededge3": Tint(1.34, 1.0, 0.36, 0.019, 0.041, 0.035, 0.0012),
        "nir": Tint(1.34, 1.0, 0.34, 0.017, 0.040, 0.028, 0.0011),
        "nir08": Tint(1.34, 1.0, 0.34, 0.016, 0.040, 0.026, 0.0010),
        "nir09": Tint(1.26, 1.0, 0.34, 0.014, 0.034, 0.022, 0.0020),
        "swir16": Tint(0.76, 0.4, 0.28, 0.004, 0.020, 0.004, 0.0005),
        "swir22": Tint(0.58, 0.4, 0.27, 0.002, 0.014, 0.002, 0.0004),
    }
)
"""Band to what the air does to it."""

Air = tuple[Field, Field, Field, Field, Field]
"""Fields of a `Sky` in their order: cloud, shadow, haze, cirrus, smoke."""


def air_of(sky: Sky, factor: int = 1) -> Air:
    """Return the fields of a sky, averaged over `factor` by `factor` pixels."""
    fields = sky.cloud, sky.shadow, sky.haze, sky.cirrus, sky.smoke
    return tuple(coarsened(field, factor) for field in fields)  # type: ignore[return-value]


def residue_of(world: World, overpass: Overpass, bands: tuple[str, ...]) -> NDArray[np.float32]:
    """Return what a misjudged aerosol leaves in each band of one acquisition (band,) [1]: all bands err alike."""
    rng = world.rng("aerosol", overpass.sensor, overpass.when.isoformat())
    misjudged = float(np.clip(rng.normal(), -1.5, 2.0))
    return np.array([misjudged * TINTS[band].residue for band in bands], np.float32)


def seen_through(
    reflectance: NDArray[np.float32], air: Air, bands: tuple[str, ...], residue: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return reflectance [1] as the satellite's product gives it: ground below shadow, haze, smoke, cirrus and cloud.

    Parameters
    ----------
    reflectance : array (band, y, x) [1]
        Of the lit ground; changed in place.
    air : Air
        From `air_of`, at the same pixels.
    bands : tuple of str
        Asset keys.
    residue : array (band,) [1]
        From `residue_of`.

    Examples
    --------
    >>> nothing = np.zeros((1, 1), np.float32)
    >>> deck = (nothing + np.float32(0.9), nothing, nothing, nothing, nothing)
    >>> seen = seen_through(np.full((1, 1, 1), 0.03, np.float32), deck, ("blue",), np.zeros(1, np.float32))
    >>> bool(seen[0, 0, 0] > 0.9)
    True
    """
    for values, band, added in zip(reflectance, bands, residue, strict=True):
        _cover(values, air, np.array(TINTS[band][:-1], np.float32), added)
    return reflectance


@njit(nogil=True, cache=True)
def _cover(values, air, tint, added):  # type: ignore[no-untyped-def]
    one = np.float32(1)
    white, bend, left, haze_adds, cirrus_adds, smoke_adds = tint
    darker, even = one - left, one - bend
    for i in range(values.shape[0]):
        line = values[i]
        cloud, shadow, haze, cirrus, smoke = air[0][i], air[1][i], air[2][i], air[3][i], air[4][i]
        for j in range(values.shape[1]):
            below = line[j] * (one - shadow[j] * darker) + added
            veil = haze[j] * haze_adds + smoke[j] * smoke_adds
            below += veil * (one - below) + cirrus[j] * cirrus_adds
            opaque = cloud[j]
            line[j] = below * (one - opaque) + white * opaque * (bend * opaque + even)
