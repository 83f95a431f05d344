"""Scene: one acquisition of one tile, as every catalogue's items look after normalising."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from shapely.geometry.base import BaseGeometry


@dataclass(frozen=True, slots=True)
class Asset:
    """One raster file of a scene and how its numbers become physical values."""

    href: str
    """Local path, https URL or /vsis3 path, checked against the provider's allow-list; never signed."""
    scale: float = 1.0
    """Physical value = DN * scale + offset (already decided: `Scene.offset_rule` says how)."""
    offset: float = 0.0
    """Added after scaling."""
    nodata: float | None = None
    """DN that means no data."""
    crs: str | None = None
    """Coordinate system said by the item, if any, as EPSG:code."""
    transform: tuple[float, float, float, float, float, float] | None = None
    """Pixel corner transform said by the item (a, b, c, d, e, f), if any."""
    shape: tuple[int, int] | None = None
    """Rows and columns said by the item, if any."""
    media_type: str = ""
    """Media type said by the item."""
    band: int | None = None
    """Which band of a file of several, counted from 1; None for a file of one."""
    unit: str = ""
    """What the physical value is: ``power`` or ``dB`` of radar; empty for reflectance [1]."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One acquisition of one tile: canonical bands, quality mask, place and time."""

    id: str
    """Identifier in its catalogue, checked to be harmless in a file name or a log."""
    collection: str
    """Collection in its catalogue."""
    provider: str
    """Name of the provider profile that parsed it."""
    sensor: str
    """Name in `habitat.imagery.sensors.SENSORS`: sentinel2, landsat or sentinel1."""
    platform: str
    """Satellite, lower case with hyphen: sentinel-2b, landsat-9."""
    datetime: datetime
    """Acquisition time, UTC, time zone aware."""
    solar_day: date
    """Local solar date at the scene's middle longitude: what groups a pass."""
    tile: str
    """Source tile: MGRS (52TFN) or WRS-2 path and row (115030)."""
    footprint: BaseGeometry
    """Outline in WGS 84; longitudes may run past ±180 where the scene crosses the antimeridian."""
    bands: Mapping[str, Asset]
    """Canonical band name to asset: reflectance bands only."""
    mask: Asset | None
    """SCL (Sentinel-2) or QA_PIXEL (Landsat); None if the item has none."""
    saturation: Asset | None = None
    """QA_RADSAT (Landsat), if any."""
    baseline: str | None = None
    """Sentinel-2 processing baseline, e.g. 05.09."""
    created: str = ""
    """When the catalogue says the item was made, ISO 8601."""
    cloud_cover: float | None = None
    """Percent, by metadata."""
    sun_elevation: float | None = None
    """Degrees, by metadata."""
    offset_present: bool | None = None
    """Sentinel-2: whether metadata says +1000 is still in the DN; None where it does not apply."""
    offset_rule: str = ""
    """Which metadata decided scale and offset, in words."""
    source: str = ""
    """Address of the item itself, for derived_from links."""
    mask_codes: str = ""
    """What the mask's numbers mean where they are not the sensor's own: fmask."""
    sun_azimuth: float | None = None
    """Degrees clockwise from north, by metadata."""
    view_zenith: float | None = None
    """Angle between the directions straight up and to the satellite, seen from the ground [degrees], by metadata."""
    view_azimuth: float | None = None
    """Direction to the satellite [degrees clockwise from north], by metadata."""
    extras: Mapping[str, str] = field(default_factory=dict)
    """Small provider-specific facts worth keeping in the record."""

    @property
    def key(self) -> tuple[str, str, str]:
        """What makes two items the same observation: platform, tile and sensing time to the minute."""
        return self.platform, self.tile, self.datetime.strftime("%Y%m%dT%H%M")
