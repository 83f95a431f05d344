"""Training labels: crown cover and kinds of vegetation that people saw at points and in polygons, as pixels."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from habitat.contracts.errors import InputError
from habitat.contracts.grid import Grid, Tile
from habitat.sources.vectors import read_vectors

MOST_PIXELS = 25
"""Pixels of one polygon at most: a large one is no more of a witness than that."""
COLUMNS = ("cover", "type")
"""What labels may say: crown cover [%], and a kind by name or code."""
_PLACES = (("longitude", "latitude"), ("lon", "lat"), ("x", "y"))
_MISSING = ("", "na", "nan", "null", "none", "<na>")
_WGS84 = "EPSG:4326"


@dataclass(frozen=True, eq=False)
class TrainingLabels:
    """Labelled pixels.

    Parameters
    ----------
    rows, columns : int64 (sample,)
        Pixels of the grid.
    cover : float32 (sample,) [%]
        NaN where unsaid.
    kind : uint8 (sample,)
        Code, 0 where unsaid.
    group : int64 (sample,)
        Number of the point or polygon.
    notes : tuple of str
        What was left out.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    cover: NDArray[np.float32]
    kind: NDArray[np.uint8]
    group: NDArray[np.int64]
    notes: tuple[str, ...]


def read_training_labels(path: Path, grid: Grid, *, kinds: Mapping[str, int]) -> TrainingLabels:
    """Read labels of places to learn from.

    Points and polygons have ``cover`` (percent), ``type`` (name or code), or both, in columns of small or capital
    letters. Polygons give the pixels whose centre they hold, 25 at most, evenly; one that holds none gives the
    pixel it lies on. What lies outside the grid is left out and noted.

    Parameters
    ----------
    path : Path
        GeoPackage, GeoJSON, GeoParquet or another file of vectors; or CSV with ``longitude`` and ``latitude``
        (``lon``, ``lat``), or ``x`` and ``y`` of the grid.
    grid : Grid
        Whose pixels are wanted.
    kinds : mapping of str to int
        What may be written for a kind, in small letters, and its code.

    Raises
    ------
    InputError
        If the file cannot be read, says neither cover nor type, says something that is neither a percent nor a
        known kind, or has no place within the grid.
    """
    table = _csv(path, grid) if path.suffix.lower() == ".csv" else _vectors(path, grid)
    there = [name for name in COLUMNS if name in table.columns]
    if not there:
        names = ", ".join(str(name) for name in table.columns if name != table.geometry.name) or "none"
        raise InputError(f"{path.name} has no column cover or type; its columns are {names}: name one of them so")
    cover = _percent(table["cover"], path) if "cover" in there else np.full(len(table), np.nan, np.float32)
    kind = _codes(table["type"], kinds, path) if "type" in there else np.zeros(len(table), np.uint8)
    said = np.isfinite(cover) | (kind > 0)
    pixels = [
        _pixels(shape, grid) if ok else np.empty((0, 2), np.int64)
        for shape, ok in zip(table.geometry, said, strict=True)
    ]
    group = np.repeat(np.arange(len(pixels)), [len(part) for part in pixels])
    places = np.concatenate(pixels) if pixels else np.empty((0, 2), np.int64)
    notes = []
    if not said.all():
        notes.append(f"{int((~said).sum())} places of {path.name} say nothing and were left out")
    outside = int(sum(ok and not len(part) for ok, part in zip(said, pixels, strict=True)))
    if outside:
        notes.append(f"{outside} places of {path.name} lie outside the area's grid and were left out")
    if not len(places):
        raise InputError(
            f"{path.name}: none of {len(table)} places is labelled and lies within the grid; "
            "is it the right area, and are longitude and latitude in their own columns?"
        )
    return TrainingLabels(places[:, 0], places[:, 1], cover[group], kind[group], group.astype(np.int64), tuple(notes))


def _vectors(path: Path, grid: Grid) -> gpd.GeoDataFrame:
    table = read_vectors(path, grid.crs, kinds=("point", "polygon")).table
    return table.rename(columns=lambda name: name if name == table.geometry.name else str(name).strip().lower())


def _csv(path: Path, grid: Grid) -> gpd.GeoDataFrame:
    if not path.is_file():
        raise InputError(f"there is no file of labels {path}; check the name")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8 text (byte {error.start}); save it as CSV UTF-8") from error
    head = text.partition("\n")[0]
    rows = [row for row in csv.reader(text.splitlines(), delimiter=max(",;\t", key=head.count)) if any(row)]
    if len(rows) < 2:
        raise InputError(f"{path.name} has no rows; wants a line of column names and a line for each place")
    names = [name.strip().lower() for name in rows[0]]
    ragged = next((number for number, row in enumerate(rows, 1) if len(row) != len(names)), None)
    if ragged is not None:
        raise InputError(f"{path.name} row {ragged} has {len(rows[ragged - 1])} cells, wants {len(names)}")
    table = pd.DataFrame(rows[1:], columns=names, dtype=str)
    pair = next((pair for pair in _PLACES if set(pair) <= set(names)), None)
    if pair is None:
        raise InputError(f"{path.name} has no longitude and latitude, nor x and y; its columns are {', '.join(names)}")
    x, y = (_numbers(table[name], path) for name in pair)
    if not (np.isfinite(x) & np.isfinite(y)).all():
        raise InputError(f"{path.name} has places without a number in {pair[0]} or {pair[1]}; complete or remove them")
    points = gpd.GeoSeries(gpd.points_from_xy(x, y), crs=grid.crs if pair == _PLACES[-1] else _WGS84).to_crs(grid.crs)
    return gpd.GeoDataFrame(table, geometry=points)


def _texts(column: Sequence[object]) -> list[str]:
    texts = ["" if cell is None else str(cell).strip() for cell in column]
    return ["" if text.lower() in _MISSING else text for text in texts]


def _numbers(column: pd.Series, path: Path) -> NDArray[np.float64]:
    out = np.full(len(column), np.nan)
    for place, text in enumerate(_texts(column.tolist())):
        try:
            out[place] = float(text.replace(",", ".")) if text else np.nan
        except ValueError as error:
            raise InputError(f"{path.name} has {text!r} in {column.name}, wants a number; correct it") from error
    return out


def _percent(column: pd.Series, path: Path) -> NDArray[np.float32]:
    values = _numbers(column, path)
    if np.nanmin(values, initial=0) < 0 or np.nanmax(values, initial=0) > 100:
        raise InputError(f"{path.name} has cover from {np.nanmin(values):g} to {np.nanmax(values):g}, wants 0 to 100 %")
    return values.astype(np.float32)


def _codes(column: pd.Series, kinds: Mapping[str, int], path: Path) -> NDArray[np.uint8]:
    out = np.zeros(len(column), np.uint8)
    for place, text in enumerate(_texts(column.tolist())):
        whole, point, rest = text.casefold().partition(".")
        # Spreadsheets and GeoPackages write 3.0 for 3.
        word = whole if point and whole.isdigit() and not rest.strip("0") else text.casefold()
        if word and word not in kinds:
            near = difflib.get_close_matches(word, list(kinds), 1)
            raise InputError(
                f"{path.name} has the type {text!r}{f' ({near[0]}?)' if near else ''}; wants one of "
                f"{', '.join(kinds)}, or nothing"
            )
        out[place] = kinds[word] if word else 0
    return out


def _pixels(shape: shapely.Geometry, grid: Grid) -> NDArray[np.int64]:
    """Rows and columns (pixel, 2) of a point, or of a polygon."""
    if shape.geom_type in ("Point", "MultiPoint"):
        return _under(shapely.get_coordinates(shape), grid)
    window = _window(shape.bounds, grid)
    inside = np.empty((0, 2), np.int64)
    if window is not None:
        west, _, _, north = grid.tile_bounds(window)
        r, size = grid.resolution_m, (window.height, window.width)
        drawn = rasterize([shape], size, transform=(r, 0, west, 0, -r, north), dtype="uint8")
        inside = np.argwhere(drawn).astype(np.int64) + np.array([window.row, window.column])
    if not len(inside):
        return _under(shapely.get_coordinates(shape.representative_point()), grid)
    even: NDArray[np.int64] = np.unique(np.linspace(0, len(inside) - 1, MOST_PIXELS).round().astype(np.int64))
    return inside[even]


def _under(points: NDArray[np.float64], grid: Grid) -> NDArray[np.int64]:
    west, _, _, north = grid.bounds
    steps = np.stack([north - points[:, 1], points[:, 0] - west], axis=1) / grid.resolution_m
    places: NDArray[np.int64] = np.floor(steps).astype(np.int64)
    return places[((places >= 0) & (places < grid.shape)).all(axis=1)]


def _window(bounds: tuple[float, float, float, float], grid: Grid) -> Tile | None:
    west, south, east, north = bounds
    left, top, r = grid.bounds[0], grid.bounds[3], grid.resolution_m
    row, column = max(0, int((top - north) // r)), max(0, int((west - left) // r))
    last_row = min(grid.shape[0] - 1, int((top - south) // r))
    last_column = min(grid.shape[1] - 1, int((east - left) // r))
    if last_row < row or last_column < column:
        return None
    return Tile(row, column, last_row - row + 1, last_column - column + 1)
