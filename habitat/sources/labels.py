"""Labels: what people saw at the points of a sample, from GPKG, GeoParquet, CSV or KML, every mistake named."""

from __future__ import annotations

import csv
import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyogrio
from numpy.typing import NDArray
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import Transformer

from habitat.contracts.errors import InputError
from habitat.contracts.grid import Grid
from habitat.sources.placemarks import read_placemarks

_MISSING = ("", "na", "nan", "null", "none", "<na>")
_ENDINGS = (".gpkg", ".parquet", ".geoparquet", ".csv", ".kml")
_MOST_BYTES = 256 << 20
_SHOWN = 6
_WGS84 = "EPSG:4326"


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of sample points.

    Parameters
    ----------
    ids : tuple of str (point)
        As in the design.
    reference : tuple of str (point)
        Class that was seen; empty where nobody has said.
    strata, mapped : tuple of str (point), optional
        Stratum and class on the map, if the file has them.
    x, y : float64 (point) [m], optional
        Places in the grid's system, if the file has them.
    """

    ids: tuple[str, ...]
    reference: tuple[str, ...]
    strata: tuple[str, ...] | None
    mapped: tuple[str, ...] | None
    x: NDArray[np.float64] | None
    y: NDArray[np.float64] | None

    @property
    def unlabelled(self) -> int:
        """Points nobody has labelled."""
        return self.reference.count("")


def read_labels(path: Path, grid: Grid, *, names: Mapping[str, str] | None = None) -> Labels:
    """Read the labels of a sample.

    Columns, in any order and in small or capital letters: ``id`` and ``reference``, perhaps ``stratum`` and ``map``.
    A place is the geometry, or ``longitude`` and ``latitude`` (lon, lat), or ``x`` and ``y`` of the grid. In KML a
    placemark's name is the id, and the class stands in the data ``reference`` or in its description.

    Parameters
    ----------
    path : Path
        Ends in .gpkg, .parquet, .geoparquet, .csv or .kml.
    grid : Grid
        Of the map.
    names : mapping of str to str, optional
        What may be written for a class (its name, its code) to its name; without it anything may.

    Raises
    ------
    InputError
        If the file cannot be read or lacks a column; an id is empty or there twice; a class is unknown; a point
        lies outside the map; or nothing is labelled.
    """
    table = _plain_columns(_table(path), path)
    lacking = [name for name in ("id", "reference") if name not in table.columns]
    if lacking:
        raise InputError(
            f"{path.name} has no column {' and '.join(lacking)}; wants id and reference, "
            f"there are {', '.join(table.columns)}"
        )
    ids = _texts(table["id"])
    _check_ids(ids, path)
    reference = _texts(table["reference"])
    if not any(reference):
        raise InputError(f"{path.name} has {len(ids)} points and no label; fill the column reference")
    strata, mapped = (_texts(table[name]) if name in table else None for name in ("stratum", "map"))
    labels = Labels(ids, reference, strata, mapped, *_places(table, grid, ids, path))
    return labels if names is None else named_labels(labels, names, path)


def named_labels(labels: Labels, names: Mapping[str, str], path: Path) -> Labels:
    """Labels with every class called by its name, whatever was written for it.

    Parameters
    ----------
    labels : Labels
        As read.
    names : mapping of str to str
        What may be written for a class, in any case, and the name it means.
    path : Path
        Where they were read, for messages.

    Raises
    ------
    InputError
        If a class is unknown.
    """
    mapped = None if labels.mapped is None else _classes(labels.mapped, labels.ids, names, path, "map")
    return replace(labels, reference=_classes(labels.reference, labels.ids, names, path, "reference"), mapped=mapped)


def _table(path: Path) -> pd.DataFrame:
    ending = path.suffix.lower()
    if ending not in _ENDINGS:
        raise InputError(f"{path.name} ends in {path.suffix!r}, wants {', '.join(_ENDINGS)}; save the labels as one")
    if not path.is_file():
        raise InputError(f"there is no file of labels {path}; check the name")
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(f"{path.name} has more than {_MOST_BYTES >> 20} MB; a sample of points is smaller")
    if ending == ".csv":
        return _csv(path)
    if ending == ".kml":
        return read_placemarks(path)
    try:
        if ending != ".gpkg":
            return gpd.read_parquet(path)
        layers = pyogrio.list_layers(path)[:, 0]
        if pyogrio.read_info(path, layer=layers[0])["driver"] != "GPKG" or len(layers) != 1:
            raise InputError(
                f"{path.name} is no GPKG with one layer; it has {', '.join(map(str, layers))}: export the labels alone"
            )
        return pyogrio.read_dataframe(path, layer=layers[0])
    except (DataSourceError, DataLayerError, pa.ArrowException, ValueError, IndexError) as error:
        raise InputError(f"{path.name} cannot be read ({error}); open it in QGIS and save it again") from error


def _plain_columns(table: pd.DataFrame, path: Path) -> pd.DataFrame:
    if isinstance(table, gpd.GeoDataFrame) and table.geometry.name != "geometry":
        table = table.rename_geometry("geometry")
    plain = table.rename(columns=lambda name: str(name).strip().lower())
    twice = sorted(set(plain.columns[plain.columns.duplicated()]))
    if twice:
        raise InputError(f"{path.name} has the column {', '.join(twice)} twice; leave one")
    return plain


def _csv(path: Path) -> pd.DataFrame:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8 text (byte {error.start}); save it as CSV UTF-8") from error
    rows = [row for row in csv.reader(text.splitlines(), delimiter=_separator(text)) if any(map(str.strip, row))]
    if len(rows) < 2:
        raise InputError(f"{path.name} has no rows; wants a line of column names and a line for each point")
    ragged = [number for number, row in enumerate(rows, 1) if len(row) != len(rows[0])]
    if ragged:
        raise InputError(f"{path.name} row {ragged[0]} has {len(rows[ragged[0] - 1])} cells, wants {len(rows[0])}")
    return pd.DataFrame(rows[1:], columns=rows[0], dtype=str)


def _separator(text: str) -> str:
    """Return what separates the cells: spreadsheets of half the world write semicolons."""
    head = text.partition("\n")[0]
    return max(",;\t", key=head.count)


def _texts(column: pd.Series) -> tuple[str, ...]:
    """Return cells as texts, empty where nothing is said; 3.0 of a spreadsheet is 3."""
    texts = []
    for cell in column.tolist():
        text = "" if cell is None else str(cell).strip()
        if text.lower() in _MISSING:
            text = ""
        whole, point, rest = text.partition(".")
        texts.append(whole if point and whole.lstrip("-").isdigit() and not rest.strip("0") else text)
    return tuple(texts)


def _check_ids(ids: Sequence[str], path: Path) -> None:
    if "" in ids:
        raise InputError(f"{path.name} has {ids.count('')} points without an id, the first in row {ids.index('') + 1}")
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        raise InputError(f"{path.name} has the id {_some(twice)} more than once; leave one label for each point")


def _classes(
    texts: tuple[str, ...], ids: Sequence[str], names: Mapping[str, str], path: Path, column: str
) -> tuple[str, ...]:
    known = {spelling.casefold(): name for spelling, name in names.items()}
    strange = {text: ids[place] for place, text in enumerate(texts) if text and text.casefold() not in known}
    if strange:
        told = []
        for text, where in list(strange.items())[:_SHOWN]:
            near = difflib.get_close_matches(text.casefold(), list(known), 1, 0.6)
            told.append(f"{text!r} (point {where}{f'; {known[near[0]]}?' if near else ''})")
        raise InputError(
            f"{path.name} has classes in {column} that are unknown: {', '.join(told)}; "
            f"wants one of {', '.join(dict.fromkeys(names.values()))}, or nothing"
        )
    return tuple(known[text.casefold()] if text else "" for text in texts)


def _places(
    table: pd.DataFrame, grid: Grid, ids: Sequence[str], path: Path
) -> tuple[NDArray[np.float64] | None, NDArray[np.float64] | None]:
    """Return x and y in the grid's system, once all of them lie on the map."""
    found = _coordinates(table, path)
    if found is None:
        return None, None
    crs, east, north = found
    east, north = Transformer.from_crs(crs or grid.crs, grid.crs, always_xy=True).transform(east, north)
    x, y = np.asarray(east, np.float64), np.asarray(north, np.float64)
    left, bottom, right, top = grid.bounds
    inside = (x >= left) & (x < right) & (y > bottom) & (y <= top)
    if not inside.all():
        outside = [ids[place] for place in np.flatnonzero(~inside).tolist()]
        raise InputError(
            f"{path.name}: {len(outside)} of {len(ids)} points lie outside the map: {_some(outside)}; "
            "is it the map of this sample, and are longitude and latitude in their own columns?"
        )
    return x, y


def _coordinates(table: pd.DataFrame, path: Path) -> tuple[str, NDArray[np.float64], NDArray[np.float64]] | None:
    if isinstance(table, gpd.GeoDataFrame):
        points = table.geometry
        if table.crs is None or not (points.geom_type == "Point").all():
            raise InputError(f"{path.name} wants points with a coordinate system, one for each sample")
        return table.crs.to_wkt(), points.x.to_numpy(), points.y.to_numpy()
    for crs, east, north in ((_WGS84, "longitude", "latitude"), (_WGS84, "lon", "lat"), ("", "x", "y")):
        if east in table and north in table:
            columns = [pd.to_numeric(_decimal(table[name]), errors="coerce").to_numpy(float) for name in (east, north)]
            if not np.isfinite(columns).all():
                row = int(np.argmax(~np.isfinite(columns).all(axis=0))) + 1
                raise InputError(f"{path.name} row {row} has no number in {east} or {north}")
            return crs, columns[0], columns[1]
    return None


def _decimal(column: pd.Series) -> pd.Series:
    return column.map(lambda cell: str(cell).strip().replace(",", "."))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
