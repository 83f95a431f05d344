"""Items as Earth Search v1 serves them, its traps included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from habitat.twin.documents import landsat_bands, names
from habitat.twin.documents.fields import (
    COG,
    HrefOf,
    bbox_of,
    centroid_of,
    clouded,
    epsg_of,
    extensions,
    geometry_of,
    moment,
    percentages,
    plain_number,
    reflectance_conversion,
    shape_of,
    whole_transform,
)
from habitat.twin.quirks import NO_QUIRKS, Quirks, touched_assets, touches
from habitat.twin.sensors.orbits import datatake_start
from habitat.twin.sensors.shots import AssetFile, Delivered

SENTINEL2 = "sentinel-2-l2a"
"""Name of the collection of Sentinel-2."""
LANDSAT = "landsat-c2-l2"
"""Name of the collection of Landsat."""

_NEW_SOFTWARE = datetime(2025, 3, 6, tzinfo=UTC)
"""Since when items are written by another version, with other titles and a few other fields."""
_BANDS = {
    "blue": ("Blue (band 2)", "Blue", "blue", 0.49, 0.098),
    "coastal": ("Coastal aerosol (band 1)", "Coastal", "coastal", 0.443, 0.027),
    "green": ("Green (band 3)", "Green", "green", 0.56, 0.045),
    "nir": ("NIR 1 (band 8)", "NIR 1", "nir", 0.842, 0.145),
    "nir08": ("NIR 2 (band 8A)", "NIR 2", "nir08", 0.865, 0.033),
    "nir09": ("NIR 3 (band 9)", "NIR 3", "nir09", 0.945, 0.026),
    "red": ("Red (band 4)", "Red", "red", 0.665, 0.038),
    "rededge1": ("Red edge 1 (band 5)", "Red Edge 1", "rededge", 0.704, 0.019),
    "rededge2": ("Red edge 2 (band 6)", "Red Edge 2", "rededge", 0.74, 0.018),
    "rededge3": ("Red edge 3 (band 7)", "Red Edge 3", "rededge", 0.783, 0.028),
    "scl": ("Scene classification map (SCL)", "Scene classification map (SCL)", "", 0.0, 0.0),
    "swir16": ("SWIR 1 (band 11)", "SWIR 1.6μm", "swir16", 1.61, 0.143),
    "swir22": ("SWIR 2 (band 12)", "SWIR 2.2μm", "swir22", 2.19, 0.242),
}
_OLD = extensions(
    "processing/v1.1.0", "grid/v1.0.0", "raster/v1.1.0", "view/v1.0.0", "projection/v1.1.0", "mgrs/v1.0.0", "eo/v1.1.0",
)  # fmt: skip
_NEW = extensions(
    "projection/v1.1.0", "sentinel-2/v1.0.0", "view/v1.0.0", "raster/v1.1.0", "processing/v1.1.0", "mgrs/v1.0.0",
    "eo/v1.1.0", "grid/v1.1.0",
)  # fmt: skip
_LANDSAT = extensions(
    "projection/v1.1.0", "classification/v1.0.0", "raster/v1.1.0", "processing/v1.1.0", "scientific/v1.0.0",
    "grid/v1.1.0", "view/v1.0.0", "eo/v1.1.0", "landsat/v2.0.0",
)  # fmt: skip


def sentinel2_item(delivered: Delivered, href_of: HrefOf, quirks: Quirks = NO_QUIRKS) -> dict[str, Any]:
    """Return the item of a Sentinel-2 scene.

    As at Earth Search, ``raster:bands`` says offset -0.1 from baseline 04.00 on whether or not the pixels still hold
    the 1000; only ``earthsearch:boa_offset_applied`` tells, unless a quirk makes it lie. Items made since March 2025
    have other titles, names of bands and a few other fields.

    Parameters
    ----------
    delivered : Delivered
        The scene as it lies on disk.
    href_of : callable
        Path relative to the twin's root to href.
    quirks : Quirks
        What is to be wrong with it.
    """
    scene = delivered.scene
    new = _created(delivered) >= _NEW_SOFTWARE
    dropped = touched_assets(quirks.without_assets, scene.day)
    assets = {
        key: _sentinel2_asset(key, delivered, href_of, new=new)
        for key in _BANDS
        if key in delivered.files and key not in dropped
    }
    properties = _sentinel2_properties(delivered, quirks, new=new)
    head = {"type": "Feature", "stac_version": "1.0.0"}
    name = {"id": names.sentinel2_id(scene)}
    outline = {"geometry": geometry_of(delivered.footprint, 14)}
    schemas = {"stac_extensions": list(_NEW if new else _OLD)}
    box = {"bbox": bbox_of(delivered.footprint, 6 if new else 14)}
    last = {"collection": SENTINEL2}
    if new:
        return head | schemas | name | outline | box | {"properties": properties, "links": [], "assets": assets} | last
    return head | name | {"properties": properties} | outline | {"links": [], "assets": assets} | box | schemas | last


def landsat_item(delivered: Delivered, href_of: HrefOf) -> dict[str, Any]:
    """Return the item of a Landsat scene.

    Parameters
    ----------
    delivered : Delivered
        The scene as it lies on disk.
    href_of : callable
        Path relative to the twin's root to href.
    """
    scene = delivered.scene
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": names.landsat_id(scene),
        "properties": _landsat_properties(delivered),
        "geometry": geometry_of(delivered.footprint, 14),
        "links": [],
        "assets": _landsat_assets(delivered, href_of),
        "bbox": bbox_of(delivered.footprint, 6),
        "stac_extensions": list(_LANDSAT),
        "collection": LANDSAT,
    }


def _created(delivered: Delivered) -> datetime:
    wait = timedelta(seconds=3000 + 6000 * names.share_of(delivered.scene, "created"))
    return names.processed_at(delivered.scene) + wait


def _sentinel2_properties(delivered: Delivered, quirks: Quirks, *, new: bool) -> dict[str, Any]:
    scene, one, tile = delivered.scene, delivered.scene.overpass, delivered.scene.frame.tile
    applied = scene.overpass.has_offset and not scene.keep_offset
    lies = touches(quirks.lying_flags, scene.day)
    created = moment(_created(delivered))
    classes = {key: plain_number(value) for key, value in percentages(delivered).items()}
    if new:
        del classes["s2:dark_features_percentage"]
    centroid = {"proj:centroid": centroid_of(delivered.footprint)} if new else {}
    view = {"view:azimuth": one.view_azimuth, "view:incidence_angle": one.view_zenith} if new else {}
    return {
        "created": created,
        "platform": f"sentinel-{one.platform[1:].lower()}",
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "eo:cloud_cover": plain_number(clouded(delivered)),
        "proj:epsg": epsg_of(delivered),
        **centroid,
        "mgrs:utm_zone": int(tile[:2]),
        "mgrs:latitude_band": tile[2],
        "mgrs:grid_square": tile[3:],
        "grid:code": f"MGRS-{tile}",
        **view,
        "view:sun_azimuth": delivered.sun.azimuth,
        "view:sun_elevation": delivered.sun.elevation,
        **_product_names(delivered, new=new)["tile"],
        "s2:degraded_msi_data_percentage": round(0.02 * names.share_of(scene, "degraded"), 4),
        "s2:nodata_pixel_percentage": plain_number(delivered.empty_percent),
        "s2:saturated_defective_pixel_percentage": 0,
        **classes,
        **_product_names(delivered, new=new)["product"],
        "s2:reflectance_conversion_factor": reflectance_conversion(one.when),
        "datetime": moment(one.when).replace("Z", "000Z"),
        "s2:sequence": str(one.sequence),
        "earthsearch:boa_offset_applied": applied != lies,
        "processing:software": {"sentinel2-to-stac": "2025.03.06" if new else "0.1.1"},
        "updated": created,
    }


def _product_names(delivered: Delivered, *, new: bool) -> dict[str, dict[str, str]]:
    scene, one = delivered.scene, delivered.scene.overpass
    made, taken = f"{names.processed_at(scene):%Y%m%dT%H%M%S}", f"{datatake_start(one):%Y%m%dT%H%M%S}"
    strip = f"{one.when - timedelta(seconds=208):%Y%m%dT%H%M%S}"
    start, end = f"{one.platform}_OPER_MSI_L2A", f"N{one.baseline}"
    station = f"{one.platform[1:]}PS"
    tile_id = f"{start}_TL_{station}_{made}_A{one.absolute_orbit:06d}_T{scene.frame.tile}_{end}"
    product = {
        "s2:product_type": "S2MSI2A",
        "s2:processing_baseline": one.baseline,
        "s2:product_uri": f"{names.sentinel2_product(scene)}.SAFE",
        "s2:generation_time": moment(names.processed_at(scene), 6),
        "s2:datatake_id": f"G{one.platform}_{taken}_{one.absolute_orbit:06d}_{end}",
        "s2:datatake_type": "INS-NOBS",
        "s2:datastrip_id": f"{start}_DS_{station}_{made}_S{strip}_{end}",
    }
    if new:
        return {"tile": {"s2:tile_id": tile_id}, "product": product}
    return {"tile": {}, "product": product | {"s2:granule_id": tile_id}}


def _sentinel2_asset(key: str, delivered: Delivered, href_of: HrefOf, *, new: bool) -> dict[str, Any]:
    file = delivered.files[key]
    old_title, new_title, common_name, centre, width = _BANDS[key]
    step = round(file.transform.a)
    size = {"proj:shape": shape_of(file), "proj:transform": whole_transform(file)}
    start = {"href": href_of(file.path), "type": COG}
    if key == "scl":
        numbers = {"nodata": 0, "data_type": file.dtype, "spatial_resolution": step}
        gsd = {"gsd": step} if new else {}
        roles = ["data"] if new else ["data", "reflectance"]
        return start | {"title": old_title} | gsd | size | {"raster:bands": [numbers], "roles": roles}
    named = {"name": names.SENTINEL2_FILES[key] if new else key, "common_name": common_name}
    told = {} if new else {"description": old_title}
    light = {"center_wavelength": centre, "full_width_half_max": width}
    return {
        **start,
        "title": f"{new_title if new else old_title} - {step}m",
        "eo:bands": [named | told | light],
        "gsd": step,
        **size,
        "raster:bands": [_sentinel2_numbers(file, step, delivered, new=new)],
        "roles": ["data", "reflectance"],
    }


def _sentinel2_numbers(file: AssetFile, step: int, delivered: Delivered, *, new: bool) -> dict[str, Any]:
    bits = {} if new else {"bits_per_sample": 15}
    offset = -0.1 if delivered.scene.overpass.has_offset else 0
    first = {"nodata": 0, "data_type": file.dtype}
    return first | bits | {"spatial_resolution": step, "scale": 0.0001, "offset": offset}


def _landsat_properties(delivered: Delivered) -> dict[str, Any]:
    scene, one = delivered.scene, delivered.scene.overpass
    told = landsat_bands.landsat_fields(delivered)
    file = delivered.files[landsat_bands.outline_file(delivered)]
    made = names.processed_at(scene)
    return {
        "platform": f"landsat-{one.platform[1]}",
        "instruments": list(landsat_bands.INSTRUMENTS[one.platform]),
        "created": moment(made + timedelta(hours=15 * names.share_of(scene, "created") + 1)),
        "gsd": 30,
        "description": "Landsat Collection 2 Level-2",
        "eo:cloud_cover": plain_number(landsat_bands.cloud_cover(delivered)),
        "view:off_nadir": 0,
        "view:sun_elevation": delivered.sun.elevation,
        "view:sun_azimuth": delivered.sun.azimuth,
        "proj:epsg": epsg_of(delivered),
        "proj:shape": shape_of(file),
        "proj:transform": whole_transform(file),
        "proj:centroid": centroid_of(delivered.footprint),
        "landsat:cloud_cover_land": plain_number(told["landsat:cloud_cover_land"]),
        "landsat:wrs_type": told["landsat:wrs_type"],
        "landsat:wrs_path": told["landsat:wrs_path"],
        "landsat:wrs_row": told["landsat:wrs_row"],
        "landsat:collection_category": names.landsat_product(scene)[-2:],
        "landsat:collection_number": told["landsat:collection_number"],
        "landsat:correction": told["landsat:correction"],
        "landsat:scene_id": told["landsat:scene_id"],
        "landsat:product_generated": f"{made:%Y-%m-%dT%H:%M:%S}Z",
        "grid:code": f"WRS2-{scene.frame.tile}",
        "sci:doi": landsat_bands.DOIS[one.platform],
        "datetime": moment(one.when, 6),
        "processing:software": {"landsat-to-stac": "v2023.11.16"},
        "updated": moment(made + timedelta(hours=15 * names.share_of(scene, "created") + 2)),
    }


def _landsat_assets(delivered: Delivered, href_of: HrefOf) -> dict[str, Any]:
    platform = delivered.scene.overpass.platform
    quality, bands = {}, {}
    for key, ending in landsat_bands.endings_of(delivered).items():
        file = delivered.files[key]
        start = {"href": href_of(file.path), "type": COG}
        numbers = {"data_type": file.dtype, "spatial_resolution": 30}
        if key in landsat_bands.QUALITY:
            told = landsat_bands.quality(key, platform)
            fill = {"nodata": 1} if key == "qa_pixel" else {}
            quality[key] = {
                **start,
                "title": told.title,
                "description": told.description,
                "classification:bitfields": told.bits,
                "raster:bands": [fill | numbers | {"unit": "bit index"}],
                "roles": told.roles,
            }
            continue
        title = landsat_bands.BANDS[platform][key].title
        bands[key] = {
            **start,
            "title": title,
            "description": f"Collection 2 Level-2 {title} ({ending}) Surface Reflectance",
            "eo:bands": [landsat_bands.eo_band(platform, key, ending.removeprefix("SR_"))],
            "raster:bands": [{"nodata": 0} | numbers | {"scale": 2.75e-05, "offset": -0.2}],
            "roles": ["data", "reflectance"],
        }
    return quality | bands
