"""What the sensors' parts hand each other: overpasses, frames of tiles, and the pixels of one scene's block."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry import Polygon

from habitat.twin.land.landscape import Field
from habitat.twin.world import RESOLUTION_M

_FIRST_WITH_OFFSET = "04.00"


@dataclass(frozen=True)
class Overpass:
    """One pass of one satellite over the world, and the weather it met."""

    platform: str
    """S2A, S2B, S2C, L5, L7, L8, L9 or S1A."""
    when: datetime
    """Sensing time, UTC."""
    orbit: int
    """Relative orbit of a Sentinel, WRS-2 path of a Landsat."""
    row: int = 0
    """WRS-2 row of a Landsat."""
    direction: Literal["descending", "ascending"] = "descending"
    """Way the satellite flew."""
    view_zenith: float = 0.0
    """Angle between the line to the satellite and the vertical, at the world's middle [degrees]."""
    view_azimuth: float = 0.0
    """Direction towards the satellite [degrees from north over east]."""
    absolute_orbit: int = 0
    """Number of the orbit since launch, where items tell it."""
    cloud: float = 0.0
    """Share of the world under cloud [1]."""
    haze: float = 0.0
    """Strength of haze [1]; 1 is a milky sky."""
    cirrus: float = 0.0
    """Share of the world under thin cirrus [1]."""
    baseline: str = "05.11"
    """Processing baseline of Sentinel-2."""
    sequence: int = 0
    """Number of this processing of the acquisition, as in Earth Search identifiers."""
    superseded: bool = False
    """Whether a later processing of the same acquisition is in the catalogue too."""

    @property
    def day(self) -> str:
        """Date, ISO, UTC."""
        return self.when.date().isoformat()

    @property
    def sensor(self) -> Literal["sentinel2", "landsat", "sentinel1"]:
        """Family of the satellite."""
        return {"S2": "sentinel2", "S1": "sentinel1"}.get(self.platform[:2], "landsat")  # type: ignore[return-value]

    @property
    def has_offset(self) -> bool:
        """Whether the processing baseline adds 1000 to every digital number, as all do from 04.00 on."""
        return self.baseline >= _FIRST_WITH_OFFSET


@dataclass(frozen=True)
class Frame:
    """The part of a provider's tile that a twin holds: the tile cut to the world."""

    tile: str
    """MGRS tile of Sentinel-2 (52TGP), WRS-2 path and row of Landsat (114030), empty for radar."""
    crs: str
    """EPSG code."""
    west: float
    """Western edge [m], on the provider's lattice."""
    north: float
    """Northern edge [m]."""
    rows: int
    """Rows of the finest pixels."""
    columns: int
    """Columns of the finest pixels."""
    resolution_m: float = RESOLUTION_M
    """Size of the finest pixels [m]: 10 for Sentinels, 30 for Landsat."""

    def transform(self, resolution_m: float) -> Affine:
        """Return the pixel corner transform of a band of the frame."""
        return Affine(resolution_m, 0.0, self.west, 0.0, -resolution_m, self.north)


@dataclass(frozen=True)
class Sun:
    """Where the sun stands."""

    azimuth: float
    """Degrees from north over east."""
    elevation: float
    """Degrees above the horizon."""


@dataclass(frozen=True, eq=False)
class Sky:
    """Air between satellite and ground in one window, fields (y, x) at 10 m."""

    cloud: Field
    """Opacity of cloud [1]."""
    shadow: Field
    """Depth of cloud shadow [1]."""
    haze: Field
    """Strength of haze [1]."""
    cirrus: Field
    """Strength of thin cirrus [1]."""
    smoke: Field
    """Strength of smoke from fires burning now [1]."""


@dataclass(frozen=True)
class Scene:
    """One item of the catalogues, before it is drawn."""

    overpass: Overpass
    """When and by whom it was taken."""
    frame: Frame
    """Where it lies."""
    provider: Literal["earth-search", "planetary-computer", ""] = ""
    """Catalogue whose pixel convention the files have; empty where all catalogues serve the same files."""
    keep_offset: bool = False
    """The +1000 of baseline 04.00 is still in the digital numbers."""

    @property
    def day(self) -> str:
        """Date, ISO, UTC."""
        return self.overpass.day


@dataclass(frozen=True, eq=False)
class Block:
    """Pixels of one block of a scene, and what is true about its air."""

    pixels: dict[str, NDArray[Any]]
    """Asset key to digital numbers or codes (y, x), each at its own resolution."""
    truth: dict[str, NDArray[Any]] = field(default_factory=dict)
    """``cloud``, ``shadow``, ``cirrus``, ``haze`` and ``snow`` as percent (uint8) at the mask's resolution."""


@dataclass(frozen=True)
class AssetFile:
    """One file of a delivered scene."""

    path: str
    """Relative to the twin's root, with forward slashes."""
    shape: tuple[int, int]
    """Rows and columns."""
    transform: Affine
    """Pixel corner transform."""
    dtype: str
    """uint8, uint16 or float32."""


@dataclass(frozen=True, eq=False)
class Delivered:
    """A scene as it lies on disk: everything its STAC items tell."""

    scene: Scene
    """What it is."""
    sun: Sun
    """Where the sun stood."""
    files: dict[str, AssetFile]
    """Asset key of the sensor's own module to its file."""
    counts: dict[int, int]
    """Code of the mask (SCL class; of Landsat the bits of QA_PIXEL as 1 << bit) to the number of its pixels."""
    valid: int
    """Number of mask pixels that hold data."""
    total: int
    """Number of mask pixels."""
    footprint: Polygon
    """Outline of what the satellite saw, in WGS 84."""

    def percent(self, *codes: int) -> float:
        """Return the share of valid pixels that have one of the codes [percent]."""
        found = sum(self.counts.get(code, 0) for code in codes)
        return round(100 * found / self.valid, 6) if self.valid else 0.0

    @property
    def empty_percent(self) -> float:
        """Share of the frame without data [percent]."""
        return round(100 * (1 - self.valid / self.total), 6) if self.total else 100.0


Codes = NDArray[np.uint8] | NDArray[np.uint16]
"""Mask codes (y, x)."""
