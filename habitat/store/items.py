"""STAC items: a published version as every STAC program reads it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import shapely
from rasterio.crs import CRS

from habitat.contracts.area import Area
from habitat.contracts.errors import ConfigError
from habitat.contracts.grid import Grid
from habitat.contracts.period import Period
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.store.cog import WrittenRaster
from habitat.store.layout import ItemId
from habitat.store.provenance import Record
from habitat.store.tiff.metadata import BandStatistics

STAC_VERSION = "1.1.0"
COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"

_EXTENSIONS = {
    "projection": "v2.0.0",
    "raster": "v2.0.0",
    "processing": "v1.2.0",
    "file": "v2.1.0",
    "version": "v1.2.0",
    "classification": "v2.0.0",
    "eo": "v2.0.0",
}
_MEDIA = {
    "json": "application/json",
    "png": "image/png",
    "qml": "application/xml",
    "csv": "text/csv",
    "html": "text/html",
    "geojson": "application/geo+json",
    "gpkg": "application/geopackage+sqlite3",
    "parquet": "application/vnd.apache.parquet",
    "txt": "text/plain",
}
_MULTIHASH_SHA256 = "1220"
"""Multihash code of SHA2-256 and its length of 32 bytes."""


@dataclass(frozen=True)
class StoredFile:
    """A file of an item beside its rasters: style, picture, ledger, record."""

    key: str
    """Asset key."""
    name: str
    """File name in the item's folder."""
    title: str
    """Name for people."""
    roles: tuple[str, ...]
    """STAC roles."""
    size: int
    """Bytes."""
    sha256: str
    """Digest, hexadecimal."""


def stac_item(
    item: ItemId,
    place: tuple[Area, Grid],
    record: Record,
    rasters: Iterable[tuple[RasterSpec, WrittenRaster]],
    files: Iterable[StoredFile],
    properties: Mapping[str, Any],
    predecessor: ItemId | None = None,
) -> dict[str, Any]:
    """Return the STAC item of a version to be published; all its links are relative.

    Parameters
    ----------
    item : ItemId
        What is published.
    place : (Area, Grid)
        The area, whose outline becomes the geometry, and the grid the rasters lie on.
    record : Record
        Lineage: its inputs become ``derived_from`` links.
    rasters : iterable of (RasterSpec, WrittenRaster)
        The written rasters, under their final names.
    files : iterable of StoredFile
        What lies beside them.
    properties : mapping
        More properties; none of those set here.
    predecessor : ItemId, optional
        The version this one replaces.

    Raises
    ------
    ConfigError
        If `properties` names one that is set here.
    """
    listed, (area, grid) = list(rasters), place
    fixed = _fixed_properties(item, place, record, listed)
    clash = sorted(fixed.keys() & properties.keys())
    if clash:
        raise ConfigError(f"properties {', '.join(clash)} of {item} are set by the store; leave them out")
    assets = {spec.name: _raster_asset(spec, written, grid) for spec, written in listed}
    for file in files:
        assets[file.key] = _file_asset(file)
    used = {"projection", "raster", "processing", "file", "version"}
    used |= {"classification"} if any(spec.classes for spec, _ in listed) else set()
    used |= {"eo"} if any(band.center_um for spec, _ in listed for band in spec.bands) else set()
    return {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [
            f"https://stac-extensions.github.io/{name}/{version}/schema.json"
            for name, version in _EXTENSIONS.items()
            if name in used
        ],
        "id": str(item),
        "geometry": shapely.geometry.mapping(area.polygon),
        "bbox": list(area.polygon.bounds),
        "properties": fixed | dict(properties),
        "links": _links(item, record, predecessor),
        "assets": assets,
        "collection": item.product,
    }


def _fixed_properties(
    item: ItemId, place: tuple[Area, Grid], record: Record, rasters: list[tuple[RasterSpec, WrittenRaster]]
) -> dict[str, Any]:
    period, (area, grid) = item.period, place
    names = ", ".join(spec.title for spec, _ in rasters)
    return {
        "title": f"{item.product} of {area.title or area.name}, {period}",
        "description": f"{names or 'no rasters'}; version {item.version}, method {record.method}",
        "datetime": None,
        "start_datetime": _instant(period),
        "end_datetime": _instant(period, last=True),
        "created": record.created,
        "version": str(item.version),
        "deprecated": False,
        **projection(grid),
        "processing:datetime": record.created,
        "processing:lineage": _lineage(record),
        "processing:software": dict(record.software),
        "habitat:product": item.product,
        "habitat:area": area.name,
        "habitat:period": str(period),
        "habitat:key": record.key,
        "habitat:grid": {"crs": grid.crs, "resolution_m": grid.resolution_m, "bounds": list(grid.bounds)},
        "habitat:gaps": [{"what": what, "why": why} for what, why in record.gaps],
    }


def _instant(period: Period, *, last: bool = False) -> str:
    when = period.end - timedelta(seconds=1) if last else period.start
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _lineage(record: Record) -> str:
    scenes = len(record.inputs)
    return f"{record.product} (method {record.method}) for {record.area}, {record.period}, from {scenes} inputs"


def projection(grid: Grid) -> dict[str, Any]:
    """Return the fields of the projection extension for a grid.

    Examples
    --------
    >>> projection(Grid("EPSG:32652", 10.0, (600000.0, 0.0, 600030.0, 20.0)))["proj:shape"]
    [2, 3]
    """
    crs = CRS.from_user_input(grid.crs)
    authority = crs.to_authority()
    fields: dict[str, Any] = {"proj:code": ":".join(authority) if authority else None}
    if not authority:
        fields["proj:wkt2"] = crs.to_wkt(version="WKT2_2019")
    return fields | {
        "proj:bbox": list(grid.bounds),
        "proj:shape": list(grid.shape),
        "proj:transform": [float(value) for value in tuple(grid.transform)[:6]],
    }


def _raster_asset(spec: RasterSpec, written: WrittenRaster, grid: Grid) -> dict[str, Any]:
    asset: dict[str, Any] = {
        "href": f"./{written.path.name}",
        "type": COG_TYPE,
        "title": spec.title,
        "description": spec.description or spec.title,
        "roles": ["data"],
        "data_type": spec.dtype,
        "raster:spatial_resolution": grid.resolution_m,
        "raster:sampling": "area",
        "bands": [
            _band(band, spec, statistics) for band, statistics in zip(spec.bands, written.statistics, strict=True)
        ],
        "habitat:valid_share": round(written.valid_share, 6),
        "habitat:pixel_hash": written.pixel_hash,
    }
    if spec.nodata is not None:
        asset["nodata"] = _json_number(spec.nodata)
    if spec.classes:
        asset["classification:classes"] = [
            {"value": code, "name": _slug(label, code), "title": label, "color_hint": colour[1:].upper()}
            for code, colour, label in spec.classes
        ]
    return asset | _checks(written.size, written.sha256)


def _band(band: BandSpec, spec: RasterSpec, statistics: BandStatistics) -> dict[str, Any]:
    """Return a band; its statistics are of the stored codes, as are those in the file."""
    entry: dict[str, Any] = {
        "name": band.name,
        "description": band.description or band.name,
        "data_type": spec.dtype,
        "unit": band.units,
        "raster:scale": band.scale,
        "raster:offset": band.offset,
        "statistics": {"valid_percent": round(100 * statistics.valid_share, 4), "count": statistics.count},
    }
    if spec.nodata is not None:
        entry["nodata"] = _json_number(spec.nodata)
    if band.center_um is not None:
        entry["eo:center_wavelength"] = band.center_um
    if math.isfinite(statistics.deviation):
        entry["statistics"] |= {
            "minimum": statistics.minimum,
            "maximum": statistics.maximum,
            "mean": statistics.mean,
            "stddev": statistics.deviation,
        }
    return entry


def _json_number(value: float) -> float | str:
    if math.isfinite(value):
        return int(value) if float(value).is_integer() else value
    return "nan" if math.isnan(value) else ("inf" if value > 0 else "-inf")


def _slug(label: str, code: int) -> str:
    return re.sub(r"[^0-9a-z]+", "-", label.lower()).strip("-") or f"class-{code}"


def _file_asset(file: StoredFile) -> dict[str, Any]:
    ending = file.name.rpartition(".")[2]
    media = _MEDIA.get(ending, "application/octet-stream")
    asset = {"href": f"./{file.name}", "type": media, "title": file.title, "roles": list(file.roles)}
    return asset | _checks(file.size, file.sha256)


def _checks(size: int, sha256: str) -> dict[str, Any]:
    return {"file:size": size, "file:checksum": _MULTIHASH_SHA256 + sha256}


def sha256_of(asset: Mapping[str, Any]) -> str:
    """Return the SHA-256 in an asset's multihash; empty if there is none."""
    checksum = str(asset.get("file:checksum", ""))
    return checksum[4:] if checksum.startswith(_MULTIHASH_SHA256) and len(checksum) == 68 else ""


def _links(item: ItemId, record: Record, predecessor: ItemId | None) -> list[dict[str, str]]:
    links = [
        {"rel": "root", "href": "../../catalog.json", "type": "application/json"},
        {"rel": "parent", "href": "../collection.json", "type": "application/json"},
        {"rel": "collection", "href": "../collection.json", "type": "application/json"},
    ]
    if predecessor is not None:
        links.append(version_link("predecessor-version", predecessor))
    for entry in record.inputs:
        if entry.href:
            link = {"rel": "derived_from", "href": _derived(entry.href), "type": "application/geo+json"}
            links.append(link | {"title": entry.id})
    return links


def version_link(rel: str, other: ItemId) -> dict[str, str]:
    """Return a link from one version of a product to another."""
    return {"rel": rel, "href": f"../{other}/{other}.json", "type": "application/geo+json", "title": str(other)}


def _derived(href: str) -> str:
    """Return an input's address as seen from the item; those relative to the store's root climb up to it."""
    plain = unsigned(href)
    relative = not urlsplit(plain).scheme and not plain.startswith("/")
    return f"../../{plain.removeprefix('./')}" if relative else plain


def unsigned(href: str) -> str:
    """Return an address without user, query and fragment, where signatures and tokens live.

    Examples
    --------
    >>> unsigned("https://me:secret@example.org:8443/items/a.json?sig=abc#2")
    'https://example.org:8443/items/a.json'
    """
    parts = urlsplit(href)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
