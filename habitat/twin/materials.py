"""What a landscape is made of, and the light of every band each material throws back to each satellite."""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.imagery.radiometry import etm_to_oli, msi_to_oli

BANDS = (
    "coastal", "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08", "nir09", "swir16", "swir22",
)  # fmt: skip
"""Bands of Sentinel-2 by the names of Earth Search; Landsat sees the same materials through bands of its own."""
OLI_BANDS = ("coastal", "blue", "green", "red", "nir08", "swir16", "swir22")
"""Bands of Landsat 8 and 9."""
ETM_BANDS = OLI_BANDS[1:]
"""Bands of Landsat 5 and 7."""

# Typical surface reflectance [1] in the order of BANDS, as Sentinel-2A sees whole canopies with their own shadows.
# Values are rounded from spectra as they are seen over temperate forest; no single source is reproduced.
SPECTRA: MappingProxyType[str, tuple[float, ...]] = MappingProxyType(
    {
        "leaves": (0.012, 0.017, 0.037, 0.017, 0.069, 0.252, 0.345, 0.375, 0.386, 0.391, 0.160, 0.067),
        "lush_leaves": (0.012, 0.017, 0.041, 0.016, 0.076, 0.318, 0.450, 0.490, 0.504, 0.509, 0.184, 0.074),
        "fresh_leaves": (0.018, 0.026, 0.068, 0.035, 0.108, 0.285, 0.350, 0.380, 0.390, 0.395, 0.180, 0.084),
        "autumn_leaves": (0.022, 0.030, 0.066, 0.098, 0.150, 0.230, 0.265, 0.285, 0.295, 0.300, 0.200, 0.102),
        "brown_leaves": (0.028, 0.036, 0.055, 0.084, 0.120, 0.163, 0.193, 0.222, 0.240, 0.248, 0.240, 0.138),
        "needles": (0.012, 0.017, 0.032, 0.020, 0.056, 0.170, 0.210, 0.230, 0.240, 0.245, 0.105, 0.046),
        "larch_needles": (0.015, 0.022, 0.045, 0.027, 0.078, 0.215, 0.280, 0.300, 0.310, 0.315, 0.140, 0.064),
        "gold_needles": (0.018, 0.025, 0.062, 0.086, 0.138, 0.196, 0.222, 0.238, 0.248, 0.252, 0.150, 0.078),
        "twigs": (0.034, 0.040, 0.056, 0.072, 0.099, 0.130, 0.150, 0.171, 0.186, 0.195, 0.218, 0.130),
        "litter": (0.036, 0.045, 0.067, 0.094, 0.128, 0.160, 0.183, 0.209, 0.227, 0.237, 0.292, 0.178),
        "dry_grass": (0.046, 0.056, 0.086, 0.118, 0.155, 0.195, 0.215, 0.235, 0.255, 0.265, 0.335, 0.222),
        "green_grass": (0.022, 0.030, 0.068, 0.041, 0.108, 0.275, 0.345, 0.378, 0.388, 0.393, 0.225, 0.116),
        "crops": (0.020, 0.028, 0.070, 0.034, 0.104, 0.325, 0.425, 0.450, 0.460, 0.465, 0.212, 0.104),
        "soil": (0.050, 0.062, 0.086, 0.112, 0.135, 0.155, 0.168, 0.180, 0.192, 0.200, 0.260, 0.215),
        "mud": (0.050, 0.058, 0.074, 0.082, 0.090, 0.096, 0.100, 0.105, 0.108, 0.108, 0.085, 0.060),
        "reeds": (0.038, 0.046, 0.068, 0.090, 0.120, 0.150, 0.170, 0.195, 0.205, 0.210, 0.215, 0.135),
        "built": (0.090, 0.105, 0.122, 0.138, 0.150, 0.162, 0.170, 0.180, 0.186, 0.190, 0.210, 0.185),
        "river": (0.046, 0.046, 0.052, 0.034, 0.036, 0.027, 0.024, 0.021, 0.020, 0.019, 0.010, 0.007),
        "sea": (0.050, 0.042, 0.030, 0.014, 0.012, 0.009, 0.008, 0.007, 0.006, 0.006, 0.003, 0.002),
        "char": (0.031, 0.035, 0.040, 0.045, 0.053, 0.060, 0.066, 0.073, 0.078, 0.082, 0.130, 0.141),
        "snow": (0.780, 0.790, 0.800, 0.790, 0.785, 0.770, 0.755, 0.730, 0.715, 0.640, 0.110, 0.075),
        "shaded_snow": (0.215, 0.200, 0.178, 0.158, 0.152, 0.145, 0.140, 0.133, 0.128, 0.112, 0.016, 0.010),
    }
)
"""Material to reflectance [1], band by band in the order of `BANDS`."""

MATERIALS: tuple[str, ...] = tuple(SPECTRA)
"""Names of the materials; the place of a name is its index wherever shares of materials are stacked."""
LEAFY = ("leaves", "lush_leaves", "fresh_leaves", "needles", "larch_needles", "green_grass", "crops")
"""Materials that are green plants."""
OFF_THE_LINES = ("mud", "river", "sea", "char", "snow", "shaded_snow")
"""Materials no line from sensor to sensor was fitted to: those are lines over land with plants."""

# By how much a material's shape departs from what the lines say, which know averages only: shares of reflectance [1].
_SHAPE_LEAFY = (0.0, 0.015, -0.012, 0.020, -0.006, -0.010, 0.012)
_SHAPE_BARE = (0.0, -0.008, 0.006, -0.008, 0.004, 0.005, -0.006)
# Thematic Mapper against Enhanced Thematic Mapper, whose bands are a little narrower (blue to swir22) [1].
_TM_AGAINST_ETM = (1.004, 1.006, 0.994, 1.008, 0.997, 1.005)
_CANONICAL = {"nir08": "nir", "swir16": "swir1", "swir22": "swir2"}
_MSI_CANONICAL = {"nir08": "nir_narrow", "swir16": "swir1", "swir22": "swir2"}
_PLATFORMS = {
    "S2A": BANDS,
    "S2B": BANDS,
    "S2C": BANDS,
    "L5": ETM_BANDS,
    "L7": ETM_BANDS,
    "L8": OLI_BANDS,
    "L9": OLI_BANDS,
}


def bands_of(platform: str) -> tuple[str, ...]:
    """Return the reflective bands of a satellite, by the asset keys of Earth Search.

    Raises
    ------
    ConfigError
        If the satellite has no such bands here.

    Examples
    --------
    >>> bands_of("L7")
    ('blue', 'green', 'red', 'nir08', 'swir16', 'swir22')
    """
    if platform not in _PLATFORMS:
        raise ConfigError(f"{platform!r} sees no reflectance here; satellites are {', '.join(_PLATFORMS)}")
    return _PLATFORMS[platform]


@lru_cache(maxsize=16)
def spectra_of(platform: str) -> NDArray[np.float32]:
    """Return reflectance [1] of every material through the bands of one satellite.

    Landsat 8 and 9 see about what the lines of HLS make of Sentinel-2A; Sentinel-2B sees what its own line turns
    into the same; Landsat 7 what the line of Roy et al. turns into it, and Landsat 5 nearly that. The lines are
    averages over land with plants: materials keep a shape of their own, and water, snow and char are left alone.

    Parameters
    ----------
    platform : str
        S2A, S2B, S2C, L5, L7, L8 or L9.

    Returns
    -------
    array (material, band), read-only
        In the order of `MATERIALS` and `bands_of`.

    Raises
    ------
    ConfigError
        If the satellite has no such bands here.

    References
    ----------
    Claverie et al. (2018), Remote Sensing of Environment 219, 145-161.
    Roy et al. (2016), Remote Sensing of Environment 185, 57-70.

    Examples
    --------
    >>> round(float(spectra_of("S2A")[MATERIALS.index("snow"), BANDS.index("green")]), 3)
    0.8
    """
    bands = bands_of(platform)
    own = np.array([SPECTRA[name] for name in MATERIALS])
    if platform == "S2B":
        own = _second_unit(own)
    elif platform in ("L8", "L9"):
        own = _operational_land_imager(own)
    elif platform in ("L7", "L5"):
        own = _thematic_mapper(_operational_land_imager(own)[:, 1:])
        if platform == "L5":
            own = own * np.array(_TM_AGAINST_ETM)
    table = np.ascontiguousarray(own[:, : len(bands)], dtype=np.float32)
    table.flags.writeable = False
    return table


def _operational_land_imager(own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return OLI's reflectance (material, band) for Sentinel-2A's."""
    seen = np.empty((len(MATERIALS), len(OLI_BANDS)))
    for column, band in enumerate(OLI_BANDS):
        line = msi_to_oli("sentinel-2a", _MSI_CANONICAL.get(band, band))
        seen[:, column] = own[:, BANDS.index(band)] * line.slope + line.intercept
    for row, name in enumerate(MATERIALS):
        if name not in OFF_THE_LINES:
            seen[row] *= 1 + np.array(_SHAPE_LEAFY if name in LEAFY else _SHAPE_BARE)
    return np.maximum(seen, 0.001)


def _second_unit(own: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Sentinel-2B's reflectance (material, band) for Sentinel-2A's: both lines end at the same OLI."""
    seen = own.copy()
    for band in OLI_BANDS:
        first = msi_to_oli("sentinel-2a", _MSI_CANONICAL.get(band, band))
        second = msi_to_oli("sentinel-2b", _MSI_CANONICAL.get(band, band))
        column = BANDS.index(band)
        seen[:, column] = (own[:, column] * first.slope + first.intercept - second.intercept) / second.slope
    return np.maximum(seen, 0.001)


def _thematic_mapper(oli: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ETM+'s reflectance (material, band) for OLI's."""
    seen = oli.copy()
    on_the_line = np.array([name not in OFF_THE_LINES for name in MATERIALS])
    for column, band in enumerate(ETM_BANDS):
        line = etm_to_oli("landsat-7", _CANONICAL.get(band, band))
        seen[on_the_line, column] = (oli[on_the_line, column] - line.intercept) / line.slope
    # A regression flattens: dark plants in visible light would come out below what any plant reflects.
    return np.maximum(seen, 0.006)
