"""STAC documents of a twin, in the shape Earth Search v1 serves them, its traps included."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
from pyproj import Transformer
from shapely import segmentize
from shapely.geometry import Polygon, box, mapping
from shapely.geometry.polygon import orient

from habitat.twin.landscape import RESOLUTION_M
from habitat.twin.plan import CRS, NORTH, TILES, WEST, Quirks, touched_assets, touches
from habitat.twin.scenes import Shot
from habitat.twin.vegetation import BANDS_10M

COLLECTION = "sentinel-2-l2a"
"""Name of the collection, as at Earth Search."""
COG = "image/tiff; application=geotiff; profile=cloud-optimized"
"""Media type of the files."""
FILES = {
    "blue": ("B02", "Blue (band 2) - 10m", "blue", 0.49, 0.098),
    "green": ("B03", "Green (band 3) - 10m", "green", 0.56, 0.045),
    "red": ("B04", "Red (band 4) - 10m", "red", 0.665, 0.038),
    "rededge1": ("B05", "Red edge 1 (band 5) - 20m", "rededge", 0.704, 0.019),
    "rededge2": ("B06", "Red edge 2 (band 6) - 20m", "rededge", 0.74, 0.018),
    "rededge3": ("B07", "Red edge 3 (band 7) - 20m", "rededge", 0.783, 0.028),
    "nir": ("B08", "NIR 1 (band 8) - 10m", "nir", 0.842, 0.145),
    "nir08": ("B8A", "NIR 2 (band 8A) - 20m", "nir08", 0.865, 0.033),
    "swir16": ("B11", "SWIR 1 (band 11) - 20m", "swir16", 1.61, 0.143),
    "swir22": ("B12", "SWIR 2 (band 12) - 20m", "swir22", 2.19, 0.242),
    "scl": ("SCL", "Scene classification map (SCL)", "", 0.0, 0.0),
}
"""Asset key to file name, title, common name, centre wavelength and width [µm], as Earth Search gives them."""

_EXTENSIONS = [
    f"https://stac-extensions.github.io/{name}/schema.json"
    for name in ("raster/v1.1.0", "mgrs/v1.0.0", "grid/v1.0.0", "projection/v1.1.0", "eo/v1.1.0", "view/v1.0.0")
]
_PERCENTAGES = {
    "dark_features": 2, "cloud_shadow": 3, "vegetation": 4, "not_vegetated": 5, "water": 6, "unclassified": 7,
    "medium_proba_clouds": 8, "high_proba_clouds": 9, "thin_cirrus": 10, "snow_ice": 11,
}  # fmt: skip


def item_of(shot: Shot, pixels: int, quirks: Quirks) -> dict[str, Any]:
    """Return the STAC item of a shot.

    As at Earth Search, ``raster:bands`` says offset -0.1 from baseline 04.00 on whether or not the pixels still
    hold the 1000; only ``earthsearch:boa_offset_applied`` tells, unless a quirk makes it lie.
    """
    tile = TILES[shot.crs]
    name = shot.scene.name(tile)
    outline = footprint(pixels, shot.scene.swath)
    dropped = touched_assets(quirks.without_assets, shot.scene)
    properties = _properties(shot, tile)
    applied = not touches(quirks.keep_offset, shot.scene)
    lies = touches(quirks.lying_flags, shot.scene)
    properties["earthsearch:boa_offset_applied"] = applied != lies
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": _EXTENSIONS,
        "id": name,
        "collection": COLLECTION,
        "geometry": _plain(mapping(outline)),
        "bbox": [round(value, 6) for value in outline.bounds],
        "properties": properties,
        "assets": {key: _asset(shot, key) for key in FILES if key in shot.pixels and key not in dropped},
        "links": [
            {"rel": "root", "href": "../../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "../collection.json", "type": "application/json"},
            {"rel": "collection", "href": "../collection.json", "type": "application/json"},
        ],
    }


def footprint(pixels: int, swath: float) -> Polygon:
    """Return the outline of what the satellite saw, in WGS 84."""
    extent = pixels * RESOLUTION_M
    seen = box(WEST, NORTH - extent, WEST + extent, NORTH)
    if swath < 1:
        top, bottom = (WEST + (swath + lean) * extent for lean in (0.1, -0.1))
        far = WEST - extent
        seen = seen.intersection(Polygon([(far, NORTH), (top, NORTH), (bottom, NORTH - extent), (far, NORTH - extent)]))
    corners = np.asarray(segmentize(seen, extent / 4).exterior.coords)
    longitude, latitude = Transformer.from_crs(CRS, 4326, always_xy=True).transform(corners[:, 0], corners[:, 1])
    return orient(Polygon(np.round(np.column_stack([longitude, latitude]), 6)))


def _plain(geometry: dict[str, Any]) -> dict[str, Any]:
    rings = [[[float(x), float(y)] for x, y in ring] for ring in geometry["coordinates"]]
    return {"type": geometry["type"], "coordinates": rings}


def _properties(shot: Shot, tile: str) -> dict[str, Any]:
    scene = shot.scene
    made = scene.when + timedelta(hours=9 + 24 * 400 * scene.sequence)
    stamp = made.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    sensed = f"{scene.when:%Y%m%dT%H%M%S}"
    compact = scene.baseline.replace(".", "")
    classes = shot.pixels["scl"]
    valid = classes[classes != 0]
    shares = {
        key: 100 * int(np.count_nonzero(valid == value)) / max(valid.size, 1) for key, value in _PERCENTAGES.items()
    }
    cloudy = sum(shares[key] for key in ("medium_proba_clouds", "high_proba_clouds", "thin_cirrus"))
    return {
        "created": stamp,
        "updated": stamp,
        "datetime": scene.when.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "platform": f"sentinel-{scene.satellite[1:].lower()}",
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "eo:cloud_cover": round(cloudy, 6),
        "proj:epsg": int(shot.crs.removeprefix("EPSG:")),
        "mgrs:utm_zone": int(tile[:2]),
        "mgrs:latitude_band": tile[2],
        "mgrs:grid_square": tile[3:],
        "grid:code": f"MGRS-{tile}",
        "view:sun_azimuth": round(shot.sun.azimuth, 6),
        "view:sun_elevation": round(shot.sun.elevation, 6),
        "s2:nodata_pixel_percentage": round(100 * (1 - valid.size / classes.size), 6),
        "s2:saturated_defective_pixel_percentage": 0,
        **{f"s2:{key}_percentage": round(share, 6) for key, share in shares.items()},
        "s2:product_type": "S2MSI2A",
        "s2:processing_baseline": scene.baseline,
        "s2:product_uri": (
            f"{scene.satellite}_MSIL2A_{sensed}_N{compact}_R{scene.orbit:03d}_T{tile}_{made:%Y%m%dT%H%M%S}.SAFE"
        ),
        "s2:generation_time": stamp,
        "s2:datatake_id": f"G{scene.satellite}_{sensed}_{scene.when.toordinal() % 1000000:06d}_N{scene.baseline}",
        "s2:datatake_type": "INS-NOBS",
        "s2:sequence": str(scene.sequence),
    }


def _asset(shot: Shot, key: str) -> dict[str, Any]:
    file, title, common_name, centre, width = FILES[key]
    values, corner = shot.pixels[key], shot.transforms[key]
    numbers: dict[str, Any] = {"nodata": 0, "data_type": str(values.dtype), "spatial_resolution": round(corner.a)}
    asset: dict[str, Any] = {
        "href": f"./{file}.tif",
        "type": COG,
        "title": title,
        "proj:shape": list(values.shape),
        "proj:transform": [round(value) for value in tuple(corner)[:6]],
        "raster:bands": [numbers],
        "roles": ["data", "reflectance"],
    }
    if key != "scl":
        numbers |= {"bits_per_sample": 15, "scale": 0.0001, "offset": -0.1}
        band = {"name": key, "common_name": common_name, "description": title.partition(" - ")[0]}
        band_and_light = band | {"center_wavelength": centre, "full_width_half_max": width}
        asset |= {"gsd": 10 if key in BANDS_10M else 20, "eo:bands": [band_and_light]}
    return asset


def collection_of(items: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the STAC collection that links the items."""
    boxes = np.array([item["bbox"] for item in items])
    times = sorted(item["properties"]["datetime"] for item in items)
    extent = [*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()]
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": COLLECTION,
        "title": "Sentinel-2 Level 2A, made up",
        "description": "Scenes of a landscape that does not exist, laid out as Earth Search lays out real ones",
        "license": "Apache-2.0",
        "extent": {"spatial": {"bbox": [extent]}, "temporal": {"interval": [[times[0], times[-1]]]}},
        "links": [
            {"rel": "root", "href": "../catalog.json", "type": "application/json"},
            {"rel": "parent", "href": "../catalog.json", "type": "application/json"},
            *(
                {"rel": "item", "href": f"./{item['id']}/{item['id']}.json", "type": "application/geo+json"}
                for item in items
            ),
        ],
    }


def catalog_of(name: str) -> dict[str, Any]:
    """Return the STAC catalogue at the root."""
    return {
        "type": "Catalog",
        "stac_version": "1.0.0",
        "id": name,
        "description": "A made-up landscape with known truth; see twin.json and truth/",
        "links": [
            {"rel": "root", "href": "./catalog.json", "type": "application/json"},
            {
                "rel": "child",
                "href": f"./{COLLECTION}/collection.json",
                "type": "application/json",
                "title": "Sentinel-2 Level 2A, made up",
            },
        ],
    }
