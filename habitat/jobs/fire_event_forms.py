"""Forms fire events are handed on in: a layer for maps, bodies for EarthRanger, and points for SMART."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from datetime import tzinfo
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

FormName: TypeAlias = Literal["gis", "earthranger", "smart"]
WGS84 = "EPSG:4326"
LAYER = "fire_events"
"""Name of the layer in a GeoPackage."""

_DECIMALS = 7
_PRIORITIES = ((100.0, 300), (10.0, 200), (0.0, 100))
"""EarthRanger's red, amber and green from so many megawatts of the strongest detection on."""


def gis_layer(events: gpd.GeoDataFrame, zone: tzinfo, event_type: str) -> gpd.GeoDataFrame:
    """Return footprints with all columns; the place of ignition is two columns in degrees.

    Times are text: UTC in ISO 8601.
    """
    events = events.reset_index(drop=True)
    ignition = events["ignition"].to_crs(WGS84)
    columns = {
        "id": events["id"],
        "first_utc": _clock(events["first"], "%Y-%m-%dT%H:%M:%SZ"),
        "last_utc": _clock(events["last"], "%Y-%m-%dT%H:%M:%SZ"),
        "first_day": _clock(events["first_day"], "%Y-%m-%d"),
        "last_day": _clock(events["last_day"], "%Y-%m-%d"),
        **{name: events[name] for name in ("days", "n", "sensors")},
        **{name: events[name].round(2) for name in ("frp_sum_mw", "frp_max_mw")},
        "footprint_ha": events["area_ha"].round(2),
        "ignition_lon": ignition.x.round(5),
        "ignition_lat": ignition.y.round(5),
    }
    return gpd.GeoDataFrame(columns, geometry=events.geometry, crs=events.crs)


def earthranger_layer(events: gpd.GeoDataFrame, zone: tzinfo, event_type: str) -> gpd.GeoDataFrame:
    """Return footprints whose properties are the body of a POST to EarthRanger's ``activity/events``.

    Title, event_type, time with its zone, location (of ignition), priority, state and event_details.
    """
    events = events.reset_index(drop=True)
    place = events["ignition"].to_crs(WGS84)
    details = gis_layer(events, zone, event_type).drop(columns=["geometry", "ignition_lon", "ignition_lat"])
    first = events["first"].dt.tz_localize("UTC").dt.tz_convert(zone)
    power = events["frp_max_mw"].fillna(0.0)
    columns = {
        "title": [f"Fire {day:%Y-%m-%d}, {_detections(n)}" for day, n in zip(first, events["n"], strict=True)],
        "event_type": event_type,
        "time": [moment.isoformat() for moment in first],
        "location": [
            {"latitude": round(y, 5), "longitude": round(x, 5)} for x, y in zip(place.x, place.y, strict=True)
        ],
        "priority": [next(code for least, code in _PRIORITIES if value >= least) for value in power],
        "state": "new",
        "event_details": [
            {f"fire_{name}": _plain(value) for name, value in row.items()} for row in details.to_dict("records")
        ],
    }
    return gpd.GeoDataFrame(columns, geometry=events.geometry, crs=events.crs)


def smart_layer(events: gpd.GeoDataFrame, zone: tzinfo, event_type: str) -> gpd.GeoDataFrame:
    """Return points of ignition with field names of ten letters at most, and date and time of the park's clock.

    Date and time are text without a zone, as SMART keeps them; ``utc`` tells the moment beyond doubt.
    """
    events = events.reset_index(drop=True)
    place = events["ignition"].to_crs(WGS84)
    local = events["first"].dt.tz_localize("UTC").dt.tz_convert(zone)
    columns = {
        "fire_id": events["id"],
        "date": local.dt.strftime("%Y-%m-%d"),
        "time": local.dt.strftime("%H:%M:%S"),
        "utc": _clock(events["first"], "%Y-%m-%dT%H:%M:%SZ"),
        "last_utc": _clock(events["last"], "%Y-%m-%dT%H:%M:%SZ"),
        "x": place.x.round(5),
        "y": place.y.round(5),
        "detections": events["n"],
        "sensors": events["sensors"],
        "frp_max_mw": events["frp_max_mw"].round(2),
        "footp_ha": events["area_ha"].round(2),
        "comment": [
            f"Fire seen by satellite: {_detections(n)}, footprint {area:.0f} ha (not burnt area)"
            for n, area in zip(events["n"], events["area_ha"], strict=True)
        ],
    }
    return gpd.GeoDataFrame(columns, geometry=place.to_numpy(), crs=WGS84)


FORMS: Mapping[str, Callable[[gpd.GeoDataFrame, tzinfo, str], gpd.GeoDataFrame]] = MappingProxyType(
    {"gis": gis_layer, "earthranger": earthranger_layer, "smart": smart_layer}
)
"""What events can be written for."""


def geojson_bytes(layer: gpd.GeoDataFrame) -> bytes:
    """Return a layer as GeoJSON (RFC 7946): degrees of WGS 84, outer rings anticlockwise, one feature to a line."""
    shapes = shapely.set_precision(layer.geometry.to_crs(WGS84).to_numpy(), 10.0**-_DECIMALS)
    columns = layer.drop(columns="geometry")
    features = [
        {
            "type": "Feature",
            "properties": {str(name): _plain(value) for name, value in row.items()},
            "geometry": _geometry(shape),
        }
        for row, shape in zip(columns.to_dict("records"), shapes, strict=True)
    ]
    lines = [json.dumps(feature, ensure_ascii=False, allow_nan=False) for feature in features]
    return ('{"type": "FeatureCollection", "features": [\n' + ",\n".join(lines) + "\n]}\n").encode()


def geopackage_bytes(layer: gpd.GeoDataFrame) -> bytes:
    """Return a layer as a GeoPackage, whose bytes follow from the layer alone; times are of its type for times."""
    file = io.BytesIO()
    # Of an empty layer only the names of its columns tell what it would hold.
    kind = "Point" if "fire_id" in layer else "MultiPolygon"
    moments = [name for name in layer if str(name).endswith("_utc")]
    layer = layer.assign(**{str(name): pd.to_datetime(layer[name], utc=True) for name in moments})
    # GeoPackages keep the day they were written, unless they are told another one.
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2000-01-01T00:00:00.000Z"})
    try:
        pyogrio.write_dataframe(layer, file, layer=LAYER, driver="GPKG", geometry_type=kind)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
    return file.getvalue()


def _detections(count: int) -> str:
    return f"{count} detection{'' if count == 1 else 's'}"


def _clock(moments: pd.Series, form: str) -> pd.Series:
    return moments.dt.strftime(form)


def _geometry(shape: BaseGeometry) -> dict[str, Any]:
    if shape.geom_type == "Polygon":
        shape = shapely.MultiPolygon([shape])
    if shape.geom_type == "MultiPolygon":
        shape = shapely.MultiPolygon([orient(part) for part in shape.geoms])
    told = mapping(shape)
    return {"type": told["type"], "coordinates": _rounded(told["coordinates"])}


def _rounded(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return [_rounded(part) for part in value]
    return round(float(value), _DECIMALS) + 0.0


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and np.isnan(value) else value
