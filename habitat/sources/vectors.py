"""Vectors: roads, settlements, fields, borders and countries of the user's files, as distances and shares on a grid."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage

from habitat.contracts.errors import InputError
from habitat.contracts.grid import Bounds, Grid

Kind = Literal["point", "line", "polygon"]
_KINDS: dict[str, Kind] = {
    "Point": "point",
    "MultiPoint": "point",
    "LineString": "line",
    "LinearRing": "line",
    "MultiLineString": "line",
    "Polygon": "polygon",
    "MultiPolygon": "polygon",
}
_PARQUET = {".parquet", ".geoparquet", ".pq"}


@dataclass(frozen=True, eq=False)
class Vectors:
    """What a file of vectors holds.

    Parameters
    ----------
    table : GeoDataFrame
        In the system asked for; every geometry is there, valid and of a kind asked for.
    notes : tuple of str
        What was left out or mended.
    """

    table: gpd.GeoDataFrame
    notes: tuple[str, ...]


def read_vectors(
    path: Path,
    crs: str,
    *,
    kinds: Collection[Kind] = ("point", "line", "polygon"),
    field: str | None = None,
    bounds: Bounds | None = None,
) -> Vectors:
    """Read vectors in any coordinate system into one in metres.

    Parameters
    ----------
    path : Path
        GeoJSON, GeoPackage, Shapefile or another file GDAL reads, or GeoParquet.
    crs : str
        System wanted.
    kinds : collection of {'point', 'line', 'polygon'}
        Kinds of geometry that make sense.
    field : str, optional
        Column that must be there.
    bounds : tuple, optional
        West, south, east, north in `crs`; what does not touch them is left out.

    Raises
    ------
    InputError
        If the file cannot be read, has no coordinate system, no features, another kind of geometry, or not the column.
    """
    table = _read(path)
    if table.crs is None:
        raise InputError(f"{path} has no coordinate system; give it one, e.g. with ogr2ogr -a_srs EPSG:4326")
    if field is not None and field not in table.columns:
        there = ", ".join(str(name) for name in table.columns if name != table.geometry.name) or "none"
        raise InputError(f"{path} has no field {field!r}; its fields are {there}")
    notes = []
    bare = table.geometry.isna() | table.geometry.is_empty
    if bare.any():
        notes.append(f"{int(bare.sum())} features of {path.name} have no geometry and were left out")
    table = table[~bare]
    if table.empty:
        raise InputError(f"{path} has no features; give another file, or leave the setting out")
    table = table.explode(ignore_index=True) if (table.geom_type == "GeometryCollection").any() else table
    found = {_KINDS.get(name) for name in table.geom_type.unique()}
    if not found <= set(kinds):
        wrong = ", ".join(sorted(set(table.geom_type[~table.geom_type.map(_KINDS).isin(list(kinds))])))
        raise InputError(f"{path} holds {wrong}, wants {' or '.join(kinds)}; give another layer")
    table = table.to_crs(crs)
    if not np.isfinite(table.total_bounds).all():
        raise InputError(f"{path} has places that {crs} does not reach; is its coordinate system the right one?")
    broken = ~table.geometry.is_valid
    if broken.any():
        notes.append(f"{int(broken.sum())} broken geometries of {path.name} were mended")
        table.loc[broken, table.geometry.name] = shapely.make_valid(table.geometry[broken].to_numpy())
    if bounds is not None:
        table = table[table.geometry.intersects(shapely.box(*bounds))]
        if table.empty:
            notes.append(f"nothing of {path.name} lies within the area and its surroundings")
    return Vectors(table.reset_index(drop=True), tuple(notes))


def _read(path: Path) -> gpd.GeoDataFrame:
    if not path.exists():
        raise InputError(f"there is no file {path}; check the name")
    try:
        table = gpd.read_parquet(path) if path.suffix.lower() in _PARQUET else gpd.read_file(path, engine="pyogrio")
    except (OSError, ValueError, pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise InputError(f"{path} cannot be read as vectors: {error}") from error
    if not isinstance(table, gpd.GeoDataFrame):
        raise InputError(f"{path} is a table without geometry; give GeoJSON, GeoPackage or GeoParquet")
    return table


def grown(bounds: Bounds, margin_m: float) -> Bounds:
    """Bounds wider by a margin [m] on all sides."""
    west, south, east, north = bounds
    return west - margin_m, south - margin_m, east + margin_m, north + margin_m


def distances(table: gpd.GeoDataFrame, grid: Grid, *, farthest_m: float = 20_000.0) -> NDArray[np.float32]:
    """Distance from the centre of every pixel to the next geometry [m], to half a pixel.

    Parameters
    ----------
    table : GeoDataFrame
        In the grid's system.
    grid : Grid
        Where distances are wanted.
    farthest_m : float [m]
        Longer ones are told as this; geometries beyond it do not count.

    Returns
    -------
    float32 array (y, x) [m]
        0 where a geometry touches the pixel.
    """
    margin = int(np.ceil(farthest_m / grid.resolution_m))
    wide = Grid.around(grown(grid.bounds, margin * grid.resolution_m), grid.crs, grid.resolution_m, grid.bounds[:2])
    touched = _burnt_in(table.geometry.to_numpy(), wide, all_touched=True)
    if not touched.any():
        return np.full(grid.shape, farthest_m, np.float32)
    away = ndimage.distance_transform_edt(~touched) * grid.resolution_m
    rows, columns = grid.shape
    inside: NDArray[np.float32] = away[margin : margin + rows, margin : margin + columns].astype(np.float32)
    return np.minimum(inside, np.float32(farthest_m))


def shares(table: gpd.GeoDataFrame, grid: Grid, *, parts: int = 10) -> NDArray[np.float32]:
    """Share of every cell that polygons cover [1], by so many times so many points a cell."""
    west, south, east, north = grid.bounds
    fine = Grid(grid.crs, grid.resolution_m / parts, (west, south, east, north))
    inside = _burnt_in(table.geometry.to_numpy(), fine, all_touched=False)
    rows, columns = grid.shape
    share: NDArray[np.float32] = inside.reshape(rows, parts, columns, parts).mean(axis=(1, 3)).astype(np.float32)
    return share


def shares_by(table: gpd.GeoDataFrame, field: str, grid: Grid, *, parts: int = 10) -> dict[str, NDArray[np.float32]]:
    """Share of every cell that the polygons of each value of a field cover [1], in the order of the values."""
    names = table[field].astype(str)
    return {name: shares(table[names == name], grid, parts=parts) for name in sorted(names.unique())}


def _burnt_in(geometries: NDArray[Any], grid: Grid, *, all_touched: bool) -> NDArray[np.bool_]:
    if not len(geometries):
        return np.zeros(grid.shape, bool)
    drawn: NDArray[np.uint8] = rasterize(
        geometries, grid.shape, transform=grid.transform, all_touched=all_touched, dtype="uint8"
    )
    return drawn.astype(bool)
