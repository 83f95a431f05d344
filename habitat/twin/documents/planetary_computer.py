"""Items as the Planetary Computer serves them: untouched digital numbers, Python's numbers, keys by their length."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from habitat.twin.documents import landsat_bands, names
from habitat.twin.documents.fields import (
    COG,
    HrefOf,
    bbox_of,
    bounds_of,
    clouded,
    decimal_transform,
    epsg_of,
    extensions,
    geometry_of,
    moment,
    percentages,
    reflectance_conversion,
    shape_of,
)
from habitat.twin.quirks import NO_QUIRKS, Quirks, touched_assets
from habitat.twin.sensors.orbits import datatake_start
from habitat.twin.sensors.shots import AssetFile, Delivered

SENTINEL1 = "sentinel-1-rtc"
"""Name of the collection of terrain-corrected radar."""
SENTINEL2 = "sentinel-2-l2a"
"""Name of the collection of Sentinel-2."""
LANDSAT = "landsat-c2-l2"
"""Name of the collection of Landsat."""

_SCHEMAS: dict[str, list[str]] = {
    SENTINEL1: extensions("sar/v1.0.0", "sat/v1.0.0", "projection/v1.1.0", "file/v2.0.0", "raster/v1.1.0"),
    SENTINEL2: extensions("eo/v1.0.0", "sat/v1.0.0", "projection/v1.1.0"),
    LANDSAT: [
        *extensions("raster/v1.1.0", "eo/v1.0.0", "view/v1.0.0", "projection/v1.1.0"),
        "https://landsat.usgs.gov/stac/landsat-extension/v1.1.1/schema.json",
        *extensions("classification/v1.0.0", "scientific/v1.0.0"),
    ],
}
# Digits after the point of the box and of the outline [degrees].
_DIGITS: dict[str, tuple[int, int]] = {SENTINEL1: (14, 14), SENTINEL2: (8, 7), LANDSAT: (14, 14)}
# Asset key of Earth Search to title, common name, centre and width [µm].
_BANDS: dict[str, tuple[str, str | None, float, float]] = {
    "coastal": ("Band 1 - Coastal aerosol", "coastal", 0.443, 0.027),
    "blue": ("Band 2 - Blue", "blue", 0.49, 0.098),
    "green": ("Band 3 - Green", "green", 0.56, 0.045),
    "red": ("Band 4 - Red", "red", 0.665, 0.038),
    "rededge1": ("Band 5 - Vegetation red edge 1", "rededge", 0.704, 0.019),
    "rededge2": ("Band 6 - Vegetation red edge 2", "rededge", 0.74, 0.018),
    "rededge3": ("Band 7 - Vegetation red edge 3", "rededge", 0.783, 0.028),
    "nir": ("Band 8 - NIR", "nir", 0.842, 0.145),
    "nir09": ("Band 9 - Water vapor", None, 0.945, 0.026),
    "swir16": ("Band 11 - SWIR (1.6)", "swir16", 1.61, 0.143),
    "swir22": ("Band 12 - SWIR (2.2)", "swir22", 2.19, 0.242),
    "nir08": ("Band 8A - Vegetation red edge 4", "rededge", 0.865, 0.033),
}
_SCL_TITLE = "Scene classfi" + "cation map (SCL)"
"""The Planetary Computer leaves a letter out."""
_RADAR = {"vh": ("VH", "horizontal"), "vv": ("VV", "vertical")}


def sentinel2_item(delivered: Delivered, href_of: HrefOf, quirks: Quirks = NO_QUIRKS) -> dict[str, Any]:
    """Return the item of a Sentinel-2 scene: no scale, no offset, only ``s2:processing_baseline`` to tell them by.

    Parameters
    ----------
    delivered : Delivered
        The scene as it lies on disk; its files hold the digital numbers as ESA made them.
    href_of : callable
        Path relative to the twin's root to href.
    quirks : Quirks
        Assets to leave out, by the keys of Earth Search.
    """
    dropped = touched_assets(quirks.without_assets, delivered.scene.day)
    assets = {
        names.SENTINEL2_FILES[key]: _sentinel2_asset(key, delivered.files[key], href_of)
        for key in (*_BANDS, "scl")
        if key in delivered.files and key not in dropped
    }
    name = names.planetary_computer_id(delivered.scene)
    return _item(delivered, SENTINEL2, name, assets, _sentinel2_properties(delivered))


def landsat_item(delivered: Delivered, href_of: HrefOf) -> dict[str, Any]:
    """Return the item of a Landsat scene.

    Parameters
    ----------
    delivered : Delivered
        The scene as it lies on disk.
    href_of : callable
        Path relative to the twin's root to href.
    """
    platform = delivered.scene.overpass.platform
    assets = {
        key: _landsat_asset(key, ending, delivered.files[key], href_of, platform)
        for key, ending in landsat_bands.endings_of(delivered).items()
    }
    name = names.landsat_id(delivered.scene)
    return _item(delivered, LANDSAT, name, _by_length(assets), _landsat_properties(delivered))


def sentinel1_item(delivered: Delivered, href_of: HrefOf) -> dict[str, Any]:
    """Return the item of a terrain-corrected Sentinel-1 scene.

    Parameters
    ----------
    delivered : Delivered
        The scene as it lies on disk.
    href_of : callable
        Path relative to the twin's root to href.
    """
    assets = {key: _radar_asset(key, delivered.files[key], href_of) for key in _RADAR if key in delivered.files}
    return _item(delivered, SENTINEL1, names.sentinel1_id(delivered.scene), assets, _sentinel1_properties(delivered))


def _item(
    delivered: Delivered, collection: str, name: str, assets: Mapping[str, Any], properties: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an item with its fields in the order the catalogue gives them in."""
    box, outline = _DIGITS[collection]
    return {
        "id": name,
        "bbox": bbox_of(delivered.footprint, box),
        "type": "Feature",
        "links": [],
        "assets": assets,
        "geometry": geometry_of(delivered.footprint, outline),
        "collection": collection,
        "properties": _by_length(properties),
        "stac_extensions": list(_SCHEMAS[collection]),
        "stac_version": "1.0.0",
    }


def _by_length(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields in the order the catalogue's database keeps them in: short keys first."""
    return {key: fields[key] for key in sorted(fields, key=lambda key: (len(key), key))}


def _sentinel2_properties(delivered: Delivered) -> dict[str, Any]:
    scene, one, tile = delivered.scene, delivered.scene.overpass, delivered.scene.frame.tile
    taken = datatake_start(one)
    made = names.processed_at(scene)
    granule = f"{made + timedelta(seconds=1):%Y%m%dT%H%M%S}"
    start, end = f"{one.platform}_OPER_MSI_L2A", f"N{one.baseline}"
    began = f"{taken:%Y%m%dT%H%M%S}"
    return percentages(delivered) | {
        "datetime": moment(taken, 6),
        "platform": f"Sentinel-{one.platform[1:]}",
        "proj:epsg": epsg_of(delivered),
        "instruments": ["msi"],
        "s2:mgrs_tile": tile,
        "constellation": "Sentinel 2",
        "s2:granule_id": f"{start}_TL_MSFT_{granule}_A{one.absolute_orbit:06d}_T{tile}_{end}",
        "eo:cloud_cover": clouded(delivered),
        "s2:datatake_id": f"G{one.platform}_{began}_{one.absolute_orbit:06d}_{end}",
        "s2:product_uri": f"{names.sentinel2_product(scene)}.SAFE",
        "s2:datastrip_id": f"{start}_DS_MSFT_{granule}_S{began}_{end}",
        "s2:product_type": "S2MSI2A",
        "sat:orbit_state": one.direction,
        "s2:datatake_type": "INS-NOBS",
        "s2:generation_time": moment(made.replace(microsecond=int(1e6 * names.share_of(scene, "made"))), 6),
        "sat:relative_orbit": one.orbit,
        "s2:mean_solar_zenith": round(90.0 - delivered.sun.elevation, 13),
        "s2:mean_solar_azimuth": delivered.sun.azimuth,
        "s2:processing_baseline": one.baseline,
        "s2:nodata_pixel_percentage": delivered.empty_percent,
        "s2:degraded_msi_data_percentage": round(0.02 * names.share_of(scene, "degraded"), 4),
        "s2:reflectance_conversion_factor": reflectance_conversion(one.when),
        "s2:saturated_defective_pixel_percentage": 0.0,
    }


def _sentinel2_asset(key: str, file: AssetFile, href_of: HrefOf) -> dict[str, Any]:
    size: dict[str, Any] = {
        "href": href_of(file.path),
        "proj:bbox": bounds_of(file),
        "proj:shape": shape_of(file),
        "proj:transform": decimal_transform(file),
        "gsd": float(file.transform.a),
        "type": COG,
        "roles": ["data"],
    }
    if key == "scl":
        return size | {"title": _SCL_TITLE}
    title, common_name, centre, width = _BANDS[key]
    named = {} if common_name is None else {"common_name": common_name}
    band = {"name": names.SENTINEL2_FILES[key], **named, "description": title}
    light = {"center_wavelength": centre, "full_width_half_max": width}
    return size | {"title": f"{title} - {round(file.transform.a)}m", "eo:bands": [band | light]}


def _landsat_properties(delivered: Delivered) -> dict[str, Any]:
    scene, one = delivered.scene, delivered.scene.overpass
    file = delivered.files[landsat_bands.outline_file(delivered)]
    created = names.processed_at(scene) + timedelta(hours=30 + 15 * names.share_of(scene, "created"))
    return landsat_bands.landsat_fields(delivered) | {
        "gsd": 30,
        "created": moment(created.replace(microsecond=int(1e6 * names.share_of(scene, "created"))), 6),
        "sci:doi": landsat_bands.DOIS[one.platform],
        "datetime": moment(one.when, 6),
        "platform": f"landsat-{one.platform[1]}",
        "proj:epsg": epsg_of(delivered),
        "proj:shape": shape_of(file),
        "description": "Landsat Collection 2 Level-2",
        "instruments": list(landsat_bands.INSTRUMENTS[one.platform]),
        "eo:cloud_cover": landsat_bands.cloud_cover(delivered),
        "proj:transform": decimal_transform(file),
        "view:off_nadir": 0,
        "view:sun_azimuth": delivered.sun.azimuth,
        "view:sun_elevation": delivered.sun.elevation,
        "landsat:collection_category": names.landsat_product(scene)[-2:],
    }


def _landsat_asset(key: str, ending: str, file: AssetFile, href_of: HrefOf, platform: str) -> dict[str, Any]:
    href, numbers = href_of(file.path), {"data_type": file.dtype, "spatial_resolution": 30}
    if key in landsat_bands.QUALITY:
        told = landsat_bands.quality(key, platform)
        fill = {"nodata": 1} if key == "qa_pixel" else {}
        return {
            "href": href,
            "classification:bitfields": [_bitfield(field) for field in told.bits],
            "type": COG,
            "roles": told.roles,
            "title": told.title,
            "description": told.description,
            "raster:bands": [{"unit": "bit index"} | fill | numbers],
        }
    title = landsat_bands.BANDS[platform][key].title
    return {
        "href": href,
        "eo:bands": [landsat_bands.eo_band(platform, key, ending.removeprefix("SR_"))],
        "description": f"Collection 2 Level-2 {title} ({ending}) Surface Reflectance",
        "type": COG,
        "roles": ["data", "reflectance"],
        "title": title,
        "raster:bands": [{"scale": 2.75e-05, "nodata": 0, "offset": -0.2} | numbers],
    }


def _bitfield(field: Mapping[str, Any]) -> dict[str, Any]:
    return _by_length(dict(field) | {"classes": [_by_length(one) for one in field["classes"]]})


def _sentinel1_properties(delivered: Delivered) -> dict[str, Any]:
    scene, one = delivered.scene, delivered.scene.overpass
    file = next(iter(delivered.files.values()))
    start, end = names.slice_times(scene)
    number = 1 + int(12 * names.share_of(scene, "slice"))
    return {
        "datetime": moment(one.when, 6),
        "platform": f"SENTINEL-{one.platform[1:]}",
        "s1:shape": shape_of(file)[::-1],
        "proj:bbox": bounds_of(file),
        "proj:epsg": epsg_of(delivered),
        "proj:shape": shape_of(file),
        "end_datetime": f"{end:%Y-%m-%d %H:%M:%S.%f}+00:00",
        "constellation": "Sentinel-1",
        "s1:resolution": "high",
        "proj:transform": [*decimal_transform(file), 0.0, 0.0, 1.0],
        "s1:datatake_id": str(names.datatake_number(scene)),
        "start_datetime": f"{start:%Y-%m-%d %H:%M:%S.%f}+00:00",
        "s1:orbit_source": "RESORB",
        "s1:slice_number": str(number),
        "s1:total_slices": str(number + int(8 * names.share_of(scene, "slices"))),
        "sar:looks_range": 5,
        "sat:orbit_state": one.direction,
        "sar:product_type": "GRD",
        "sar:looks_azimuth": 1,
        "sar:polarizations": ["VV", "VH"],
        "sar:frequency_band": "C",
        "sat:absolute_orbit": one.absolute_orbit,
        "sat:relative_orbit": one.orbit,
        "s1:processing_level": "1",
        "sar:instrument_mode": "IW",
        "sar:center_frequency": 5.405,
        "sar:resolution_range": 20,
        "s1:product_timeliness": "Fast-24h",
        "sar:resolution_azimuth": 22,
        "sar:pixel_spacing_range": 10,
        "sar:observation_direction": "right",
        "sar:pixel_spacing_azimuth": 10,
        "sar:looks_equivalent_number": 4.4,
        "s1:instrument_configuration_ID": "7",
        "sat:platform_international_designator": "2014-016A",
    }


def _radar_asset(key: str, file: AssetFile, href_of: HrefOf) -> dict[str, Any]:
    name, received = _RADAR[key]
    return {
        "href": href_of(file.path),
        "type": COG,
        "roles": ["data"],
        "title": f"{name}: vertical transmit, {received} receive",
        "description": (
            f"Terrain-corrected gamma naught values of signal transmitted with vertical polarization and received with "
            f"{received} polarization with radiometric terrain correction applied."
        ),
        "raster:bands": [{"nodata": -32768, "data_type": file.dtype, "spatial_resolution": float(file.transform.a)}],
    }
