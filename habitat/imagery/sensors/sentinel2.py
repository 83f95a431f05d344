"""Sentinel-2 MSI, surface reflectance (Level-2A)."""

from __future__ import annotations

from habitat.imagery.sensors.sensor import Sensor

# Earth Search and the AWS archive name assets by colour, Planetary Computer and the old COG archive by
# band number, Copernicus Data Space by band number and resolution; the finest native file comes first.
_BANDS = {
    "coastal": ("coastal", "B01", "B01_20m", "B01_60m"),
    "blue": ("blue", "B02", "B02_10m", "B02_20m"),
    "green": ("green", "B03", "B03_10m", "B03_20m"),
    "red": ("red", "B04", "B04_10m", "B04_20m"),
    "rededge1": ("rededge1", "B05", "B05_20m"),
    "rededge2": ("rededge2", "B06", "B06_20m"),
    "rededge3": ("rededge3", "B07", "B07_20m"),
    "nir": ("nir", "B08", "B08_10m"),
    "nir_narrow": ("nir08", "B8A", "B8A_20m"),
    "swir1": ("swir16", "B11", "B11_20m"),
    "swir2": ("swir22", "B12", "B12_20m"),
}

SENTINEL2 = Sensor(
    name="sentinel2",
    title="Sentinel-2 MSI Level-2A",
    bands=_BANDS,
    mask=("scl", "SCL", "SCL_20m", "SCL_60m"),
    mask_kind="scl",
    mask_nodata=0.0,
    resolution_m=10.0,
    # 0 is no data and 65535 saturated in the product specification.
    valid_dn=(1, 65534),
)
