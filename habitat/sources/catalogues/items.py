"""Items: one STAC item of any catalogue and version, as plain JSON data, becomes a Scene."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from habitat.contracts.errors import CatalogueError
from habitat.contracts.scene import Asset, Scene
from habitat.imagery.backscatter.units import declared_unit, radar_radiometry
from habitat.imagery.radiometry import (
    Radiometry,
    declared_scale,
    landsat_radiometry,
    processing_baseline,
    sentinel2_radiometry,
)
from habitat.imagery.sensors import SENSORS, Sensor
from habitat.sources.catalogues.duplicates import newest_only
from habitat.sources.catalogues.footprints import footprint_of, middle_longitude
from habitat.sources.catalogues.hrefs import checked_href, checked_id
from habitat.sources.catalogues.providers import Provider
from habitat.sources.catalogues.radar_items import radar_extras, radar_tile
from habitat.sources.catalogues.signing import redact
from habitat.sources.catalogues.stacked_assets import BAND, FMASK, apart
from habitat.sources.catalogues.view_angles import view_angles

__all__ = ["newest_only", "scene_from_item", "sensor_of"]

_PLATFORM_IN_ID = re.compile(r"(S[12][A-Z])_|L[A-Z](\d{2})_")
_MGRS_IN_NAME = re.compile(r"_T?(\d{1,2}[C-X][A-Z]{2})_")
_WRS_IN_ID = re.compile(r"_(\d{6})_\d{8}")
_SEQUENCE_IN_ID = re.compile(r"_(\d+)_L2A$")
_PROCESSED_IN_ID = re.compile(r"_\d{6}_\d{8}_(\d{8})_")
_DAY_ONLY = 10
# Sentinel-2 and Landsat cross the equator within half an hour of this mean solar time.
_SOLAR_HOUR = 10.3
_FAR_HOURS = 4.0
_HIGHEST_EPSG = 1_000_000


def scene_from_item(item: Mapping[str, Any], provider: Provider, *, base_href: str | Path = "") -> Scene:
    """Normalise one STAC item, 0.7 to 1.1, with projection and raster extensions old or new.

    Parameters
    ----------
    item : mapping
        Plain JSON data, not a pystac object: those rewrite fields on the way.
    provider : Provider
        Where it came from; decides where its files may lie.
    base_href : str or Path
        Address or path of the item itself, for relative hrefs.

    Returns
    -------
    Scene
        With the bands, mask and saturation flags the item has; absent ones are simply absent.

    Raises
    ------
    CatalogueError
        If the item is no surface reflectance habitat knows, or lacks time, outline or radiometry.
    UnsafeReference
        If an id, or the href of an asset that is needed, leads where it must not.
    """
    item_id = checked_id(item.get("id"))
    try:
        return _scene(item, item_id, provider, base_href)
    except CatalogueError as error:
        raise CatalogueError(f"item {item_id}: {error}") from error
    except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise CatalogueError(f"item {item_id} is not a STAC item: {type(error).__name__} {error}") from error


def _scene(item: Mapping[str, Any], item_id: str, provider: Provider, base_href: str | Path) -> Scene:
    properties = item["properties"]
    name = sensor_of(item, provider)
    if name is None:
        raise CatalogueError(
            f"collection {item.get('collection')!r} is no surface reflectance habitat knows; wanted are "
            "Sentinel-2 Level-2A, Landsat Collection 2 Level-2 and terrain-corrected Sentinel-1"
        )
    sensor = SENSORS[name]
    platform = checked_id(_platform_of(properties, item_id), "platform")
    outline = footprint_of(item.get("geometry"), item.get("bbox"))
    longitude = middle_longitude(outline)
    when, time_note = _acquired(properties, longitude)
    baseline = processing_baseline(properties, item_id) if name == "sentinel2" else None
    item = {**item, "assets": apart(item["assets"])}
    mask = _quality(item, sensor.mask, sensor.mask_nodata, provider, base_href)
    older = _quality(item, FMASK, None, provider, base_href) if mask is None and name == "landsat" else None
    bands, decided = _bands(item, sensor, platform, provider, base_href, baseline)
    radar = radar_extras(properties, item_id) if name == "sentinel1" else {}
    return Scene(
        id=item_id,
        collection=checked_id(item.get("collection") or name, "collection"),
        provider=provider.name,
        sensor=name,
        platform=platform,
        datetime=when,
        solar_day=_solar_day(when, longitude),
        tile=radar_tile(properties, item_id, platform, when) if radar else _tile(properties, item_id, name),
        footprint=outline,
        bands=bands,
        mask=mask or older,
        mask_codes="fmask" if older is not None else "",
        saturation=_quality(item, sensor.saturation, None, provider, base_href),
        baseline=baseline,
        created=_created(properties),
        cloud_cover=_number(properties.get("eo:cloud_cover")),
        offset_present=decided.offset_present,
        offset_rule=decided.rule,
        source=_source(item, base_href),
        extras=_extras(properties, item_id, bands, provider) | time_note | radar,
        **view_angles(properties),
    )


def sensor_of(item: Mapping[str, Any], provider: Provider) -> str | None:
    """Name of the sensor whose surface reflectance an item holds; None for anything else.

    Examples
    --------
    >>> from habitat.sources.catalogues.providers import PROFILES
    >>> sensor_of({"id": "x", "collection": "sentinel-2-l1c", "properties": {}}, PROFILES["earth-search"])
    """
    collection = str(item.get("collection") or "")
    for name, ids in provider.collections.items():
        if collection in ids:
            return name
    if provider.name not in ("stac", "folder"):
        return None
    properties, item_id = item["properties"], str(item.get("id"))
    platform = _platform_of(properties, item_id)
    if platform.startswith("sentinel-2"):
        level = f"{properties.get('s2:product_type')} {properties.get('product:type')} {collection} {item_id}".upper()
        return "sentinel2" if "L2A" in level.replace("MSI2A", "L2A") and "L1C" not in level else None
    if platform.startswith("sentinel-1"):
        return "sentinel1"
    correction = str(properties.get("landsat:correction") or item_id)
    surface = "L2SP" in correction or "L2SR" in correction or _declares_landsat_reflectance(item)
    return "landsat" if platform.startswith("landsat-") and surface and not collection.endswith("-st") else None


def _declares_landsat_reflectance(item: Mapping[str, Any]) -> bool:
    """Tell whether a file has the scale and offset that only surface reflectance of Collection 2 has."""
    radiometry = landsat_radiometry({})
    try:
        assets = apart(item.get("assets") or {})
        # Only the products before Collection 2 have classes for a mask.
        if any(name in assets for name in FMASK):
            return True
        declared = [declared_scale(asset) for asset in assets.values()]
    except (AttributeError, CatalogueError):
        # Whatever this is, it is no reflectance; a search looks at items of every kind.
        return False
    return (radiometry.scale, radiometry.offset) in declared


def _platform_of(properties: Mapping[str, Any], item_id: str) -> str:
    return _platform(str(properties.get("platform") or properties.get("eo:platform") or item_id)[:80])


@lru_cache(maxsize=4096)
def _platform(text: str) -> str:
    plain = re.sub(r"[\s_]+", "-", text.strip().lower())
    if re.fullmatch(r"[a-z]+-\d[a-z]?", plain):
        return plain
    match = _PLATFORM_IN_ID.match(text)
    if match:
        return f"sentinel-{match[1][1:].lower()}" if match[1] else f"landsat-{int(match[2])}"
    match = re.fullmatch(r"(sentinel|landsat)-?0?(\d[a-z]?)", plain)
    return f"{match[1]}-{match[2]}" if match else plain.strip("-") or "unknown"


def _bands(
    item: Mapping[str, Any],
    sensor: Sensor,
    platform: str,
    provider: Provider,
    base_href: str | Path,
    baseline: str | None,
) -> tuple[dict[str, Asset], Radiometry]:
    properties, assets = item["properties"], item["assets"]
    names = sensor.asset_names(platform)
    found = {}
    for band, candidates in names.items():
        for candidate in candidates:
            if candidate in assets:
                found[band] = assets[candidate]
                break
    if not found:
        found = _by_described_bands(assets, names)
    if not found:
        raise CatalogueError(f"none of its assets {str(sorted(assets))[:200]} is a reflectance band of {sensor.title}")
    bands: dict[str, Asset] = {}
    # Nearly always all bands declare the same, so each declaration is judged once.
    decided: dict[tuple[float | str | None, ...], Radiometry] = {}
    raster = _raster(properties)
    for band, asset in found.items():
        declared = (*declared_scale(asset), declared_unit(asset) if sensor.name == "sentinel1" else None)
        radiometry = decided.get(declared)
        if radiometry is None:
            radiometry = decided[declared] = (
                sentinel2_radiometry(properties, asset, baseline)
                if sensor.name == "sentinel2"
                else radar_radiometry(asset, str(item.get("collection")))
                if sensor.name == "sentinel1"
                else landsat_radiometry(asset)
            )
        bands[band] = _asset(asset, raster, radiometry, sensor.nodata, _href(asset, provider, base_href))
    if len({(radiometry.scale, radiometry.offset, radiometry.unit) for radiometry in decided.values()}) > 1:
        said = "; ".join(sorted(radiometry.rule for radiometry in decided.values()))
        raise CatalogueError(f"its bands have different scales or offsets or units ({said}), wants one for all")
    return bands, next(iter(decided.values()))


def _by_described_bands(assets: Mapping[str, Any], names: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    """Find bands by what single-band assets say of themselves, for catalogues with names of their own."""
    canonical = {name: band for band, candidates in names.items() for name in candidates}
    found: dict[str, Any] = {}
    for asset in assets.values():
        described = asset.get("eo:bands") or asset.get("bands") or []
        if len(described) == 1 and isinstance(described[0], Mapping):
            words = (described[0].get(key) for key in ("name", "common_name", "eo:common_name"))
            band = next((canonical[word] for word in words if word in canonical), None)
            if band is not None:
                found.setdefault(band, asset)
    return found


def _href(asset: Mapping[str, Any], provider: Provider, base_href: str | Path) -> str:
    if provider.requester_pays:
        # USGS' https addresses want a personal login, the bucket only a payer: take it once there is one.
        alternate = (asset.get("alternate") or {}).get("s3") or {}
        if str(alternate.get("href")).startswith(provider.paid):
            return checked_href(alternate["href"], provider, base_href)
    return checked_href(asset["href"], provider, base_href)


_Raster = tuple[str | None, tuple[float, float, float, float, float, float] | None, tuple[int, int] | None]
"""CRS, transform and shape, each if said."""


def _raster(fields: Mapping[str, Any]) -> _Raster:
    transform, shape = fields.get("proj:transform"), fields.get("proj:shape")
    return (
        _crs(fields),
        _six(transform) if transform else None,
        (int(shape[0]), int(shape[1])) if shape else None,
    )


def _asset(asset: Mapping[str, Any], raster: _Raster, radiometry: Radiometry, nodata: float | None, href: str) -> Asset:
    crs, transform, shape = _raster(asset)
    bands = asset.get("raster:bands") or asset.get("bands")
    described = asset.get("nodata")
    if described is None and bands and isinstance(bands[0], dict):
        described = bands[0].get("nodata")
    return Asset(
        href,
        radiometry.scale,
        radiometry.offset,
        nodata if described is None else float(described),
        crs or raster[0],
        transform or raster[1],
        shape or raster[2],
        str(asset.get("type") or ""),
        asset.get(BAND),
        radiometry.unit,
    )


def _six(transform: list[float]) -> tuple[float, float, float, float, float, float]:
    a, b, c, d, e, f = transform[:6]
    return float(a), float(b), float(c), float(d), float(e), float(f)


def _crs(fields: Mapping[str, Any]) -> str | None:
    code = fields.get("proj:code")
    if isinstance(code, str):
        authority, _, number = code.partition(":")
        return f"EPSG:{int(number)}" if authority.upper() == "EPSG" else None
    epsg = fields.get("proj:epsg")
    if epsg is None:
        return None
    if not 0 < int(epsg) < _HIGHEST_EPSG:
        raise CatalogueError(f"proj:epsg is {epsg!r}, wants an EPSG code such as 32652")
    return f"EPSG:{int(epsg)}"


_AS_IT_IS = Radiometry(1.0, 0.0, None, "")


def _quality(
    item: Mapping[str, Any], names: tuple[str, ...], nodata: float | None, provider: Provider, base_href: str | Path
) -> Asset | None:
    assets = item["assets"]
    for name in names:
        if name in assets:
            asset = assets[name]
            return _asset(asset, _raster(item["properties"]), _AS_IT_IS, nodata, _href(asset, provider, base_href))
    return None


def _acquired(properties: Mapping[str, Any], longitude: float) -> tuple[datetime, dict[str, str]]:
    text = properties.get("datetime") or properties.get("start_datetime")
    if not isinstance(text, str):
        raise CatalogueError("it has neither datetime nor start_datetime")
    try:
        if len(text) == _DAY_ONLY:
            # Midnight would put the scene on the wrong solar day; the orbit gives the hour.
            hour = (_SOLAR_HOUR - longitude / 15) % 24
            midnight = datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
            return midnight + timedelta(hours=hour), {"time": "only the day is known; hour estimated from the orbit"}
        when = datetime.fromisoformat(text)
        if text.endswith("T00:00:00Z") and abs((longitude / 15 - _SOLAR_HOUR + 12) % 24 - 12) > _FAR_HOURS:
            # No such satellite is overhead at that time of the day there: whoever wrote it knew the day only.
            return _acquired({"datetime": text[:_DAY_ONLY]}, longitude)
    except ValueError as error:
        raise CatalogueError(f"datetime {text[:40]!r} is not ISO 8601") from error
    return (when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)), {}


def _solar_day(when: datetime, longitude: float) -> date:
    return (when + timedelta(hours=longitude / 15)).date()


def _tile(properties: Mapping[str, Any], item_id: str, sensor: str) -> str:
    if sensor == "landsat":
        path, row = properties.get("landsat:wrs_path"), properties.get("landsat:wrs_row")
        match = _WRS_IN_ID.search(item_id)
        if path is not None and row is not None:
            return f"{int(path):03d}{int(row):03d}"
        if match is None and _spans_days(properties):
            # A composite of many scenes lies in no path and row: it is a tile of its own.
            return item_id
        return match[1] if match else _refuse_tile()
    code = str(properties.get("grid:code") or properties.get("s2:mgrs_tile") or "").removeprefix("MGRS-")
    if not code and "mgrs:utm_zone" in properties:
        code = "".join(str(properties[f"mgrs:{key}"]) for key in ("utm_zone", "latitude_band", "grid_square"))
    if not code:
        match = _MGRS_IN_NAME.search(item_id)
        code = match[1] if match else _refuse_tile()
    # 1WCR and 01WCR are one tile; catalogues write both.
    return checked_id(code.rjust(5, "0"), "tile")


def _spans_days(properties: Mapping[str, Any]) -> bool:
    begins, ends = (str(properties.get(f"{end}_datetime") or "")[:_DAY_ONLY] for end in ("start", "end"))
    return bool(begins and ends) and begins != ends


def _refuse_tile() -> str:
    raise CatalogueError("it names no tile: no grid:code, s2:mgrs_tile, mgrs:* or landsat:wrs_path and wrs_row")


def _created(properties: Mapping[str, Any]) -> str:
    keys = ("created", "s2:generation_time", "landsat:product_generated", "published", "processing:datetime", "updated")
    return next((str(properties[key]) for key in keys if properties.get(key)), "")


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _source(item: Mapping[str, Any], base_href: str | Path) -> str:
    if isinstance(base_href, Path):
        return str(base_href)
    own = (link.get("href") for link in item.get("links") or () if link.get("rel") == "self")
    source = str(next(own, base_href))[:2048]
    return redact(source) if "?" in source or "@" in source else source


def _extras(
    properties: Mapping[str, Any], item_id: str, bands: Mapping[str, Asset], provider: Provider
) -> dict[str, str]:
    extras: dict[str, str] = {}
    sequence = _SEQUENCE_IN_ID.search(item_id)
    if properties.get("s2:sequence") is not None or sequence:
        extras["sequence"] = str(properties.get("s2:sequence") or (sequence[1] if sequence else "0"))
    category = properties.get("landsat:collection_category")
    if category:
        extras["category"] = str(category)
        processed = _PROCESSED_IN_ID.search(item_id) or _PROCESSED_IN_ID.search(next(iter(bands.values())).href)
        if processed:
            extras["processed"] = processed[1]
    if _spans_days(properties):
        extras["composite"] = f"{str(properties['start_datetime'])[:10]} to {str(properties['end_datetime'])[:10]}"
    paid = tuple(f"/vsis3/{beginning[5:]}" for beginning in provider.paid)
    if paid and any(asset.href.startswith(paid) for asset in bands.values()):
        extras["requester_pays"] = "yes"
    return extras
