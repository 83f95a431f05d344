"""Landsat 4 to 9 surface reflectance (Collection 2 Level-2)."""

from __future__ import annotations

from habitat.imagery.sensors.sensor import AssetNames, Sensor

_COLOURS = {
    "coastal": ("coastal",),
    "blue": ("blue",),
    "green": ("green",),
    "red": ("red",),
    "nir": ("nir08", "nir"),
    "swir1": ("swir16",),
    "swir2": ("swir22",),
}
_OLI = {"coastal": 1, "blue": 2, "green": 3, "red": 4, "nir": 5, "swir1": 6, "swir2": 7}
_TM_AND_ETM = {"blue": 1, "green": 2, "red": 3, "nir": 4, "swir1": 5, "swir2": 7}


def _numbered(numbers: dict[str, int]) -> AssetNames:
    return {band: (*_COLOURS[band], f"SR_B{number}", f"SR_B{number}.TIF") for band, number in numbers.items()}


LANDSAT = Sensor(
    name="landsat",
    title="Landsat Collection 2 Level-2",
    bands=_numbered(_OLI),
    mask=("qa_pixel", "QA_PIXEL", "QA_PIXEL.TIF"),
    mask_kind="qa_pixel",
    # Bit 0 is fill: a 0 here would read as "no cloud, no shadow, no fill".
    mask_nodata=1.0,
    resolution_m=30.0,
    # Reflectance 0 to 1; USGS calls numbers outside not valid.
    valid_dn=(7273, 43636),
    saturation=("qa_radsat", "QA_RADSAT", "QA_RADSAT.TIF"),
    # Only the satellites that fly no more are named; any later number means OLI bands.
    numbering={platform: _numbered(_TM_AND_ETM) for platform in ("landsat-4", "landsat-5", "landsat-7")},
)
