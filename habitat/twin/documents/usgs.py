"""Items as the USGS serves them from LandsatLook: scale and offset stand in its handbook, not in the items."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from habitat.twin.documents import landsat_bands, names
from habitat.twin.documents.fields import (
    HrefOf,
    bbox_of,
    epsg_of,
    extensions,
    geometry_of,
    moment,
    plain_number,
    shape_of,
    whole_transform,
)
from habitat.twin.sensors.shots import Delivered

LANDSAT = "landsat-c2l2-sr"
"""Name of the collection of surface reflectance."""

_COG = "image/vnd.stac.geotiff; cloud-optimized=true"
_EXTENSIONS = [
    "https://landsat.usgs.gov/stac/landsat-extension/v1.1.1/schema.json",
    *extensions(
        "view/v1.0.0", "projection/v1.0.0", "file/v1.0.0", "eo/v1.0.0", "alternate-assets/v1.1.0", "storage/v1.0.0"
    ),
]
_DESCRIPTION = "Landsat Collection 2 Level-2 Surface Reflectance Product"
_INSTRUMENTS = {"L5": ["TM"], "L7": ["ETM"], "L8": ["OLI", "TIRS"], "L9": ["OLI", "TIRS"]}
_CENTRES = {"nir08": 0.86, "swir16": 1.6, "swir22": 2.2}
_TM_CENTRES = {"nir08": 0.84, "swir16": 1.65, "swir22": 2.22}
# The description of the mappers' fifth band names the sixth, as the real items do.
_DESCRIBED = {"SR_B5": "B6"}
_QUALITY = {
    "qa_pixel": ("Pixel Quality Assessment Band", ["cloud", "cloud-shadow", "snow-ice", "water-mask"]),
    "qa_radsat": ("Radiometric Saturation Quality Assessment Band", ["saturation"]),
}


def landsat_item(delivered: Delivered, href_of: HrefOf) -> dict[str, Any]:
    """Return the item of a Landsat scene.

    Parameters
    ----------
    delivered : Delivered
        The scene as it lies on disk.
    href_of : callable
        Path relative to the twin's root to href.
    """
    outline = delivered.footprint
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": f"{names.landsat_product(delivered.scene)}_SR",
        "properties": _properties(delivered),
        "geometry": geometry_of(outline, 14),
        "links": [],
        "assets": _assets(delivered, href_of),
        "bbox": bbox_of(outline, 14),
        "stac_extensions": list(_EXTENSIONS),
        "collection": LANDSAT,
        "description": _DESCRIPTION,
    }


def _properties(delivered: Delivered) -> dict[str, Any]:
    scene, one = delivered.scene, delivered.scene.overpass
    told = landsat_bands.landsat_fields(delivered)
    file = delivered.files[landsat_bands.outline_file(delivered)]
    stamp = moment(names.processed_at(scene) + timedelta(hours=5 + 20 * names.share_of(scene, "created")))
    return {
        "datetime": moment(one.when, 6),
        "eo:cloud_cover": plain_number(landsat_bands.cloud_cover(delivered)),
        "view:sun_azimuth": delivered.sun.azimuth,
        "view:sun_elevation": delivered.sun.elevation,
        "platform": f"LANDSAT_{one.platform[1]}",
        "instruments": _INSTRUMENTS[one.platform],
        "view:off_nadir": 0,
        "landsat:cloud_cover_land": plain_number(told["landsat:cloud_cover_land"]),
        "landsat:wrs_type": told["landsat:wrs_type"],
        "landsat:wrs_path": told["landsat:wrs_path"],
        "landsat:wrs_row": told["landsat:wrs_row"],
        "landsat:scene_id": told["landsat:scene_id"],
        "landsat:collection_category": names.landsat_product(scene)[-2:],
        "landsat:collection_number": told["landsat:collection_number"],
        "landsat:correction": told["landsat:correction"],
        "proj:epsg": epsg_of(delivered),
        "proj:shape": shape_of(file),
        "proj:transform": whole_transform(file),
        "created": stamp,
        "updated": stamp,
    }


def _assets(delivered: Delivered, href_of: HrefOf) -> dict[str, Any]:
    platform = delivered.scene.overpass.platform
    assets: dict[str, Any] = {}
    for key, ending in landsat_bands.endings_of(delivered).items():
        start = {"href": href_of(delivered.files[key].path), "type": _COG}
        if key in _QUALITY:
            title, roles = _QUALITY[key]
            told = f"Collection 2 Level-2 {title} Surface Reflectance"
            assets[key] = start | {"title": title, "description": told, "roles": roles}
            continue
        number = ending.removeprefix("SR_")
        title = landsat_bands.BANDS[platform][key].title
        old = platform in ("L5", "L7")
        described = _DESCRIBED.get(ending, number) if old else number
        band = {"name": number, "common_name": key, "gsd": 30, "center_wavelength": _centre(platform, key)}
        assets[key] = start | {
            "title": f"{title} ({number})",
            "description": f"Collection 2 Level-2 {title} ({described}) Surface Reflectance",
            "eo:bands": [band],
            "roles": ["data", "reflectance"] if key in _CENTRES else ["data"],
        }
    return assets


def _centre(platform: str, key: str) -> float:
    own = _TM_CENTRES if platform == "L5" else _CENTRES
    known = landsat_bands.BANDS["L5" if platform == "L5" else "L8"][key].center_wavelength
    return own.get(key, known)
