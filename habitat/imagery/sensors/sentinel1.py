"""Sentinel-1 C-SAR, terrain-corrected backscatter of both polarisations."""

from __future__ import annotations

from habitat.imagery.sensors.sensor import Sensor

SENTINEL1 = Sensor(
    name="sentinel1",
    title="Sentinel-1 terrain-corrected backscatter",
    bands={"vv": ("vv", "VV", "iw-vv"), "vh": ("vh", "VH", "iw-vh")},
    mask=(),
    mask_kind="none",
    mask_nodata=0.0,
    resolution_m=10.0,
    # Numbers are calibrated backscatter and no counts; what they may be depends on their unit.
    valid_dn=(-32767, 32767),
    dtype="float32",
    nodata=-32768.0,
)
