"""Sensor: what an instrument's files are called and what their numbers may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

AssetNames = Mapping[str, tuple[str, ...]]
"""Canonical band name to the asset names it goes by, the preferred one first."""


@dataclass(frozen=True)
class Sensor:
    """An instrument's bands, mask and digital numbers, the same in every catalogue.

    Satellites are not listed: one launched tomorrow reads like the ones flying today. Only satellites
    whose band numbers mean something else are named, in `numbering`.

    Examples
    --------
    >>> from habitat.imagery.sensors import SENSORS
    >>> SENSORS["landsat"].asset_names("landsat-5")["nir"]
    ('nir08', 'nir', 'SR_B4', 'SR_B4.TIF')
    >>> SENSORS["landsat"].asset_names("landsat-9")["nir"]
    ('nir08', 'nir', 'SR_B5', 'SR_B5.TIF')
    """

    name: str
    """Name in configurations and scenes."""
    title: str
    """Name for people."""
    bands: AssetNames
    """Asset names of each canonical band."""
    mask: tuple[str, ...]
    """Asset names of the quality mask."""
    mask_kind: Literal["scl", "qa_pixel", "none"]
    """How the mask's numbers are to be read: classes or bits; radar has none."""
    mask_nodata: float
    """Mask value outside the image."""
    resolution_m: float
    """Finest pixel size of the bands [m]."""
    valid_dn: tuple[int, int]
    """Smallest and largest digital number of a measured pixel."""
    saturation: tuple[str, ...] = ()
    """Asset names of the saturation flags, if any."""
    dtype: str = "uint16"
    """Type of the digital numbers."""
    nodata: float = 0.0
    """Digital number outside the image."""
    numbering: Mapping[str, AssetNames] = field(default_factory=dict)
    """Satellite to asset names, where its band numbers differ from `bands`."""

    def asset_names(self, platform: str) -> AssetNames:
        """Return the asset names of each canonical band on one satellite."""
        return self.numbering.get(platform, self.bands)
