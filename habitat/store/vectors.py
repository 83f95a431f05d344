"""Vectors: tables of outlines as GeoPackage or GeoJSON, whole or not at all, the same bytes for the same table."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from habitat.contracts.errors import ConfigError, PublishError
from habitat.store.disk import sync_file, sync_folder

_DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON"}
_WGS84 = "EPSG:4326"
# A GeoPackage says when it was written; the record of the product says that already, and files are compared by bytes.
_FIXED_DATE = "2000-01-01T00:00:00.000Z"
_setting = threading.Lock()


def write_vectors(path: Path, table: gpd.GeoDataFrame) -> None:
    """Write a table of outlines, replacing a file of that name at once.

    A GeoPackage keeps the table's coordinate system and holds one layer named as the file; a GeoJSON file
    follows RFC 7946: longitude and latitude, seven digits. Columns of whole days become dates without a time.

    Parameters
    ----------
    path : Path
        Ends in .gpkg or .geojson.
    table : GeoDataFrame
        With a coordinate system; it may have no rows.

    Raises
    ------
    ConfigError
        If the ending is another one or the table has no coordinate system.
    PublishError
        If it cannot be written; a file that was there stands then.
    """
    driver = _DRIVERS.get(path.suffix.lower())
    if driver is None:
        raise ConfigError(f"{path.name} ends in {path.suffix!r}, wants {' or '.join(_DRIVERS)}")
    if table.crs is None:
        raise ConfigError(f"the table for {path.name} has no coordinate system; set its crs first")
    part = path.with_name(f"{path.stem}.part{path.suffix}")
    try:
        part.unlink(missing_ok=True)
        _write(part, _with_dates(table), driver, layer=path.stem)
        sync_file(part)
        part.replace(path)
        sync_folder(path.parent)
    except (DataSourceError, DataLayerError, OSError) as error:
        part.unlink(missing_ok=True)
        raise PublishError(f"cannot write {path}: {error}; free space or choose another folder") from error


def _write(path: Path, table: gpd.GeoDataFrame, driver: str, *, layer: str) -> None:
    options: dict[str, Any] = {"driver": driver, "layer": layer}
    if table.empty:
        options["geometry_type"] = "Unknown"
    if driver == "GeoJSON":
        pyogrio.write_dataframe(table.to_crs(_WGS84), path, RFC7946="YES", **options)
        return
    with _setting:
        before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _FIXED_DATE})
        try:
            # Through Arrow a date stays a date; the other way it would become text.
            pyogrio.write_dataframe(table, path, use_arrow=True, **options)
        finally:
            pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


def _with_dates(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the table with days in place of times that are all at midnight."""
    dated = table.copy()
    for name in table.columns:
        values = table[name]
        if np.issubdtype(getattr(values.dtype, "type", np.object_), np.datetime64):
            known = values.dropna()
            if (known == known.dt.normalize()).all():
                dated[name] = values.dt.date.astype(object).where(values.notna(), None)
    return dated
