"""Tables, vectors and gridded weather as files whose bytes follow from their content alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from habitat.contracts.errors import ConfigError

FILL = -32768
"""Packed value that stands for missing."""
DEGREE_DECIMALS = 7
"""Decimals of longitudes and latitudes: a centimetre."""

PACKING: Mapping[tuple[str, str], tuple[float, float]] = MappingProxyType(
    {
        ("air_temperature", "K"): (0.01, 273.15),
        ("dew_point_temperature", "K"): (0.01, 273.15),
        ("air_temperature", "degC"): (0.01, 0.0),
        ("relative_humidity", "%"): (0.01, 0.0),
        ("wind_speed", "m s-1"): (0.002, 0.0),
        ("eastward_wind", "m s-1"): (0.002, 0.0),
        ("northward_wind", "m s-1"): (0.002, 0.0),
        ("wind_from_direction", "degree"): (0.02, 0.0),
        ("precipitation_flux", "kg m-2 s-1"): (1e-7, 0.0),
        ("lwe_thickness_of_precipitation_amount", "m"): (4e-6, 0.0),
        ("lwe_thickness_of_precipitation_amount", "mm"): (0.05, 0.0),
        ("surface_snow_thickness", "m"): (1e-4, 0.0),
    }
)
"""Standard name and unit to scale and offset of int16; half a scale is the error.

That is 0.005 K, 0.005 %, 0.001 m/s, 0.01 degrees, 0.004 mm a day, 0.002 mm an hour, 0.025 mm a month and 0.05 mm of
snow: below what thermometers (0.1 K), hygrometers (1 %), anemometers (0.1 m/s), gauges (0.1 mm) and stakes (1 cm) tell.
"""

_EPOCH = "1970-01-01 00:00:00"


def write_netcdf(path: Path, dataset: xr.Dataset) -> None:
    """Write a data set as NetCDF 3 with 64-bit offsets, without a trace of when or by what it was written.

    Variables whose standard name and unit are in `PACKING` become int16 with scale, offset and a value for missing;
    others keep their numbers. Time becomes whole hours, or whole days where it is at midnight always.

    Parameters
    ----------
    path : Path
        File to write; folders above it are made.
    dataset : Dataset
        Any, as long as its types fit NetCDF 3.

    Raises
    ------
    ValueError
        If a value is too large for its packing, or a time is not a whole hour.
    """
    encoding: dict[str, dict[str, Any]] = {}
    for name, variable in dataset.variables.items():
        packing = PACKING.get((variable.attrs.get("standard_name", ""), variable.attrs.get("units", "")))
        if np.issubdtype(variable.dtype, np.datetime64):
            encoding[str(name)] = _clock(str(name), variable)
        elif packing is not None and np.issubdtype(variable.dtype, np.floating):
            encoding[str(name)] = _packed(str(name), variable, packing)
        elif np.issubdtype(variable.dtype, np.floating):
            encoding[str(name)] = {"_FillValue": None}
    path.parent.mkdir(parents=True, exist_ok=True)
    # Packing in float32 would add its own rounding to half a step.
    packed = [name for name, said in encoding.items() if said.get("dtype") == "int16"]
    told = dataset.drop_encoding().assign({name: dataset[name].astype(np.float64) for name in packed})
    told.to_netcdf(path, engine="scipy", format="NETCDF3_64BIT", encoding=encoding)


def _packed(name: str, variable: xr.Variable, packing: tuple[float, float]) -> dict[str, Any]:
    scale, offset = packing
    values = np.abs(np.asarray(variable.values, dtype=np.float64) - offset)
    most = float(np.nanmax(values, initial=0.0))
    if most > (-FILL - 1) * scale:
        raise ValueError(
            f"{name} reaches {most + offset:g}, its packing only {(-FILL - 1) * scale + offset:g}; is the unit right?"
        )
    return {"dtype": "int16", "scale_factor": scale, "add_offset": offset, "_FillValue": np.int16(FILL)}


def _clock(name: str, variable: xr.Variable) -> dict[str, Any]:
    hours = np.asarray(variable.values, dtype="datetime64[h]")
    if (hours != variable.values).any():
        raise ValueError(f"{name} has times between full hours, wants whole hours or days; round them first")
    unit = "days" if (hours.astype("datetime64[D]") == hours).all() else "hours"
    return {"units": f"{unit} since {_EPOCH}", "calendar": "proleptic_gregorian", "dtype": "int32"}


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV: a header, commas, line feeds, UTF-8, numbers in the fewest digits that tell them apart.

    Parameters
    ----------
    path : Path
        File to write; folders above it are made.
    table : DataFrame
        Its index is left out; missing values become empty.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(table.to_csv(index=False, lineterminator="\n", date_format="%Y-%m-%dT%H:%M:%SZ").encode())


def write_geojson(path: Path, features: gpd.GeoDataFrame) -> None:
    """Write features as GeoJSON (RFC 7946): WGS 84 degrees with seven decimals, outer rings anticlockwise.

    Features keep the order of their rows and properties that of the columns; columns whose name begins with ``_`` are
    left out. Dates become ISO text, missing values null.

    Parameters
    ----------
    path : Path
        File to write; folders above it are made.
    features : GeoDataFrame
        In any coordinate system.

    Raises
    ------
    ConfigError
        If the features tell no coordinate system.
    """
    if features.crs is None:
        raise ConfigError(f"the features for {path.name} have no coordinate system; set one with set_crs")
    there = features.to_crs(4326)
    # Snapping, unlike rounding, keeps polygons valid.
    shapes = shapely.set_precision(there.geometry.to_numpy(), 10.0**-DEGREE_DECIMALS)
    columns = [name for name in features.columns if name != features.geometry.name and not str(name).startswith("_")]
    rows = features[columns].to_dict("records") if columns else [{} for _ in shapes]
    collection = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {str(key): _plain(value) for key, value in row.items()},
                "geometry": _geometry(shape),
            }
            for row, shape in zip(rows, shapes, strict=True)
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    # One feature to a line keeps differences between two files readable.
    text = json.dumps(collection, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    path.write_bytes((text.replace('{"type":"Feature",', '\n{"type":"Feature",') + "\n").encode())


def _geometry(shape: BaseGeometry | None) -> dict[str, Any] | None:
    if shape is None or shape.is_empty:
        return None
    if shape.geom_type == "Polygon":
        shape = orient(shape)
    elif shape.geom_type == "MultiPolygon":
        shape = shapely.MultiPolygon([orient(part) for part in shape.geoms])
    told = mapping(shape)
    return {"type": told["type"], "coordinates": _rounded(told["coordinates"])}


def _rounded(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return [_rounded(part) for part in value]
    return round(float(value), DEGREE_DECIMALS) + 0.0


def _plain(value: Any) -> Any:
    """Return a cell of a table as JSON has it."""
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(part) for part in value]
    if value is None or value is pd.NaT or (isinstance(value, (float, np.floating)) and np.isnan(value)):
        return None
    if isinstance(value, datetime):
        # Clocks of the twin are UTC, whether the column says so or not.
        moment = pd.Timestamp(value)
        return (moment.tz_convert("UTC") if moment.tzinfo else moment).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, date):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value
