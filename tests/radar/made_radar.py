"""Made-up radar scenes: small rasters on disk with items that say what real ones say."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import rasterio
from rasterio.transform import Affine
from shapely.geometry import box, mapping

from habitat.contracts import Area, Grid

CRS = "EPSG:32652"
WEST, NORTH = 600000.0, 4800000.0
OUTLINE = box(130.2, 43.34, 130.26, 43.36)
LOOKS = 4.4


def area(pixels=20, resolution=20.0):
    side = pixels * resolution
    return Area("made", OUTLINE, Grid(CRS, resolution, (WEST, NORTH - side, WEST + side, NORTH)))


def speckled(level, rng, shape=(40, 40), looks=LOOKS):
    """Power of a level [dB] with speckle."""
    return (10 ** (level / 10) * rng.gamma(looks, 1 / looks, shape)).astype(np.float32)


def scene(
    folder: Path, when: str, bands, *, orbit=61, state="descending", absolute=None, unit=None, seconds=25, **more
):
    """Write one scene of 10 m pixels and return its item; bands are power, or codes of decibels with unit dB."""
    begins = datetime.fromisoformat(when)
    ends = begins + timedelta(seconds=seconds)
    absolute = absolute if absolute is not None else 50000 + begins.toordinal()
    stamp = f"{begins:%Y%m%dT%H%M%S}_{ends:%Y%m%dT%H%M%S}_{absolute:06d}"
    name = more.pop("id", f"S1A_IW_GRDH_1SDV_{stamp}_0ABCDE_rtc")
    assets = {}
    for band, values in bands.items():
        path = folder / f"{name}-{band}.tif"
        values = np.asarray(values)
        profile = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1, "crs": CRS}
        transform = Affine(10, 0, WEST, 0, -10, NORTH)
        with rasterio.open(path, "w", dtype=values.dtype, nodata=-32768, transform=transform, **profile) as out:
            out.write(values, 1)
        told = {"nodata": -32768, "data_type": str(values.dtype)}
        if unit is not None:
            told |= {"unit": unit, "scale": 0.01, "offset": 0} if unit == "dB" else {"unit": unit}
        assets[band] = {
            "href": f"./{path.name}",
            "type": "image/tiff; application=geotiff",
            "description": "Terrain-corrected gamma naught values",
            "raster:bands": [told],
        }
    properties = {
        "datetime": f"{begins.isoformat()}Z",
        "start_datetime": f"{begins.isoformat()}Z",
        "end_datetime": f"{ends.isoformat()}Z",
        "platform": "SENTINEL-1A",
        "sat:relative_orbit": orbit,
        "sat:absolute_orbit": absolute,
        "sat:orbit_state": state,
    }
    properties |= more.pop("properties", {})
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": more.pop("collection", "sentinel-1-rtc"),
        "geometry": mapping(OUTLINE),
        "bbox": list(OUTLINE.bounds),
        "properties": {key: value for key, value in properties.items() if value is not None},
        "assets": assets,
        "links": [],
    }


def catalogue(folder: Path, items) -> Path:
    """Write an item collection."""
    path = folder / "catalog.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(items)}))
    return path


def codes(power):
    """Codes of decibels in hundredths."""
    return np.rint(1000 * np.log10(power)).astype(np.int16)
