"""Reading park boundaries from GPKG, GeoJSON and GeoParquet files, and turning outlines between coordinate systems."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyogrio
import shapely
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import Transformer
from pyproj.exceptions import ProjError
from shapely.geometry.base import BaseGeometry

from habitat.contracts.errors import ConfigError
from habitat.sources.areas.area_file import coordinate_problems

WGS84 = "EPSG:4326"
"""Longitude and latitude, in this order everywhere in habitat."""
_MAX_BYTES = 256 << 20
_DRIVERS = {".gpkg": "GPKG", ".geojson": "GeoJSON", ".json": "GeoJSON", ".parquet": "", ".geoparquet": ""}
_GEOJSON_TYPES = ("FeatureCollection", "Feature", "Polygon", "MultiPolygon", "GeometryCollection")
_SHOWN = 6


def read_boundary(path: Path, *, layer: str | None = None, where: Mapping[str, Any] | None = None) -> BaseGeometry:
    """Read the outlines of a file, joined, in WGS 84.

    Parameters
    ----------
    path : Path
        GPKG, GeoJSON or GeoParquet.
    layer : str, optional
        Layer of a GPKG that has several.
    where : mapping, optional
        Column to value or list of values; other features are left out.

    Raises
    ------
    ConfigError
        If the file is missing, of another kind, without coordinate system or polygons, or nothing is left of it.
    """
    driver = _checked_driver(path)
    columns = list(where or {})
    try:
        if driver:
            frame = _with_gdal(path, driver, layer, columns)
        elif layer is not None:
            raise ConfigError(f"{path.name} is a GeoParquet file and has no layers; remove layer")
        else:
            frame = gpd.read_parquet(path)
    except (DataSourceError, DataLayerError, pa.ArrowException, ValueError, KeyError) as error:
        raise ConfigError(f"{path.name} cannot be read ({error}); open it in QGIS and save it as GPKG") from error
    _check_columns(path, frame, columns)
    for column, wanted in (where or {}).items():
        kept = frame[frame[column].isin(wanted if isinstance(wanted, list) else [wanted])]
        if kept.empty:
            found = ", ".join(repr(value) for value in frame[column].drop_duplicates().head(_SHOWN))
            raise ConfigError(f"{path.name} has no outline with {column} {wanted!r}; there are {found}")
        frame = kept
    return _joined(path, frame)


def _checked_driver(path: Path) -> str:
    """Return the driver to read a file with, having looked at its ending and its first bytes.

    GDAL goes by content: a virtual dataset under the name of a GeoJSON file could open anything.
    """
    if path.suffix.lower() not in _DRIVERS:
        raise ConfigError(f"{path.name} ends in {path.suffix!r}, wants {', '.join(_DRIVERS)}; convert it in QGIS")
    if not path.is_file():
        raise ConfigError(f"there is no file {path}; boundary_file is relative to the area file's folder")
    if path.stat().st_size > _MAX_BYTES:
        raise ConfigError(f"{path.name} has more than {_MAX_BYTES >> 20} MB; simplify the outline")
    driver = _DRIVERS[path.suffix.lower()]
    with path.open("rb") as file:
        start = file.read(72)
    if driver == "GPKG" and not (start.startswith(b"SQLite format 3\0") and start[68:70] == b"GP"):
        raise ConfigError(f"{path.name} is not a GPKG file inside; save it again as GPKG")
    if driver == "" and not start.startswith(b"PAR1"):
        raise ConfigError(f"{path.name} is not a Parquet file inside; save it again as GeoParquet")
    if driver == "GeoJSON":
        _check_geojson(path)
    return driver


def _check_geojson(path: Path) -> None:
    try:
        content = json.loads(path.read_bytes())
        kind = content["type"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path.name} is not GeoJSON inside; save it again as GeoJSON") from error
    if kind not in _GEOJSON_TYPES:
        raise ConfigError(f"{path.name} holds a {kind!r}, wants one of {', '.join(_GEOJSON_TYPES)}")


def _with_gdal(path: Path, driver: str, layer: str | None, columns: list[str]) -> gpd.GeoDataFrame:
    layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
    if layer is None and len(layers) != 1:
        raise ConfigError(f"{path.name} has the layers {', '.join(layers) or '(none)'}; say which with layer")
    if layer is not None and layer not in layers:
        raise ConfigError(f"{path.name} has no layer {layer!r}; layers are {', '.join(layers)}")
    told = pyogrio.read_info(path, layer=layer or layers[0])
    if told["driver"] != driver:
        raise ConfigError(f"{path.name} opens as {told['driver']}, wants {driver}; save it again")
    frame = pyogrio.read_dataframe(path, layer=layer or layers[0])
    if not isinstance(frame, gpd.GeoDataFrame):
        raise ConfigError(f"layer {layer or layers[0]!r} of {path.name} holds no geometries; name another layer")
    return frame


def _check_columns(path: Path, frame: gpd.GeoDataFrame, columns: list[str]) -> None:
    known = [str(name) for name in frame.columns if name != frame.geometry.name]
    missing = [name for name in columns if name not in known]
    if missing:
        raise ConfigError(f"{path.name} has no column {missing[0]!r}; columns are {', '.join(known) or '(none)'}")


def _joined(path: Path, frame: gpd.GeoDataFrame) -> BaseGeometry:
    """Return the union of the features in WGS 84."""
    if frame.crs is None:
        raise ConfigError(f"{path.name} does not say its coordinate system; set it in QGIS and save again")
    outlines = shapely.force_2d(np.asarray(frame.geometry.dropna().values))
    outlines = outlines[~shapely.is_empty(outlines)]
    kinds = {outline.geom_type for outline in outlines}
    if not kinds or not kinds <= {"Polygon", "MultiPolygon"}:
        raise ConfigError(f"{path.name} holds {', '.join(sorted(kinds)) or 'no geometries'}, wants polygons")
    for outline in outlines:
        sound(outline)
    joined = shapely.union_all(outlines)
    if not frame.crs.equals(WGS84, ignore_axis_order=True):
        west, south, east, north = joined.bounds
        # Long straight edges of the file's system are bent in degrees.
        joined = shapely.segmentize(joined, max(east - west, north - south) / 64)
        joined = projected(joined, frame.crs.to_wkt(), WGS84)
    joined = unwrapped(joined)
    problems = coordinate_problems(shapely.get_coordinates(joined).tolist())
    if problems:
        raise ConfigError(f"{path.name}: {'; '.join(problems)}")
    return joined


def sound(geometry: BaseGeometry) -> BaseGeometry:
    """Return the geometry if it is a clean polygon.

    Raises
    ------
    ConfigError
        If it encloses nothing or crosses itself.
    """
    if not geometry.is_valid:
        raise ConfigError(
            f"the outline is not a clean polygon ({shapely.is_valid_reason(geometry)}); "
            "put its points in order, or repair it in QGIS (Fix geometries)"
        )
    if geometry.is_empty or geometry.area == 0:
        raise ConfigError("the outline encloses nothing; give at least three points that are not on one line")
    return geometry


def projected(geometry: BaseGeometry, source: str, target: str) -> BaseGeometry:
    """Return a geometry in another coordinate system, x or longitude first; impossible points become infinite.

    Examples
    --------
    >>> from shapely.geometry import Point
    >>> there = projected(Point(129, 43), WGS84, "EPSG:32652")
    >>> round(there.x), round(there.y)
    (500000, 4760815)
    """
    try:
        transformer = Transformer.from_crs(source, target, always_xy=True)
    except ProjError as error:
        raise ConfigError(f"there is no way from {source} to {target}: {error}") from error

    def turned(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(transformer.transform(points[:, 0], points[:, 1]))

    return shapely.transform(geometry, turned)


def unwrapped(geometry: BaseGeometry) -> BaseGeometry:
    """Return an outline in degrees with longitudes running on past 180 if it was torn at the antimeridian.

    Examples
    --------
    >>> from shapely.geometry import Polygon
    >>> unwrapped(Polygon([(179, 60), (-179, 60), (-179, 61), (179, 61)])).bounds
    (179.0, 60.0, 181.0, 61.0)
    """
    west, _, east, _ = geometry.bounds
    if not east - west > 180:
        return geometry

    def eastwards(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([np.where(points[:, 0] < 0, points[:, 0] + 360, points[:, 0]), points[:, 1]])

    return shapely.transform(geometry, eastwards)
