"""Columns of hotspot lists: which sets NASA's fire service writes, and what stands in their cells."""

from __future__ import annotations

import difflib
import gzip
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import IO, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from habitat.contracts.errors import InputError

REQUIRED = ("latitude", "longitude", "acq_date", "acq_time", "satellite", "confidence")
"""Columns every list has, in small or capital letters and any order."""
SENSOR_COLUMNS = ("instrument", "bright_ti4", "brightness")
"""Columns of which one must be there: they tell VIIRS from MODIS."""
OPTIONAL = ("instrument", "scan", "track", "frp", "daynight", "type", "version")
"""Columns that are read where they are."""
UNREAD = ("bright_ti4", "bright_ti5", "brightness", "bright_t31", "country_id")
"""Columns of the service that nothing here needs."""
SATELLITES = MappingProxyType(
    dict.fromkeys(("n", "npp", "snpp", "suominpp", "suomi"), "N")
    | dict.fromkeys(("n20", "1", "j1", "jpss1", "noaa20"), "N20")
    | dict.fromkeys(("n21", "j2", "jpss2", "noaa21"), "N21")
    | dict.fromkeys(("t", "terra"), "Terra")
    | dict.fromkeys(("a", "aqua"), "Aqua")
)
"""Codes of satellites, without case and signs, and the one name each has here."""
SENSORS = MappingProxyType({"N": "viirs", "N20": "viirs", "N21": "viirs", "Terra": "modis", "Aqua": "modis"})
"""Sensor of each satellite."""
PIXEL_KM = MappingProxyType({"viirs": 0.375, "modis": 1.0})
"""Edge of a pixel straight below [km], taken where a list does not tell scan and track."""
UNKNOWN_KIND = -1
"""What `kind` is where the list has no type."""

_FIRST_DAY, _LAST_DAY = date(1999, 12, 18), date(2099, 12, 31)
_LARGEST_PIXEL_KM = 10.0
_CONFIDENCES = {"l": "low", "low": "low", "n": "nominal", "nominal": "nominal", "h": "high", "high": "high"}
_LOW_BELOW, _HIGH_FROM = 30.0, 80.0
_DATE = re.compile(r"(\d{4})([-/]?)(\d{2})\2(\d{2})")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::\d{2})?|(\d{1,4})(?:\.0+)?")
_NEAR_REAL_TIME = re.compile(r"U?RT$|NRT", re.IGNORECASE)
_SIGNS = re.compile(r"[^a-z0-9]")
Cells = NDArray[Any]


@dataclass(frozen=True)
class Layout:
    """How one file is written.

    Parameters
    ----------
    path : Path
        The file.
    packed : bool
        Whether it is compressed with gzip.
    separator : str
        What stands between cells.
    columns : dict of str to int
        Columns that are read, and their places.
    width : int
        Cells of a row.
    brightness : str
        Sensor the brightness column is one of, or empty.
    unread : tuple of str
        Columns nobody knows.
    """

    path: Path
    packed: bool
    separator: str
    columns: dict[str, int]
    width: int
    brightness: str
    unread: tuple[str, ...]

    @property
    def decimal_commas(self) -> bool:
        """Whether numbers may have commas: spreadsheets that separate cells by semicolons write them."""
        return self.separator == ";"

    def open(self) -> IO[bytes]:
        """Open the file for reading its plain bytes."""
        return gzip.open(self.path, "rb") if self.packed else self.path.open("rb")  # type: ignore[return-value]


def layout_of(path: Path) -> Layout:
    """Return how a file is written, from its first line.

    Raises
    ------
    InputError
        If it cannot be read, or its columns are none of the known sets.
    """
    packed, line = _first_line(path)
    separator = max(",;\t", key=line.count)
    names = [cell.strip().strip('"').strip().lower() for cell in line.split(separator)]
    _check_columns(path, names)
    columns = {name: names.index(name) for name in (*REQUIRED, *OPTIONAL) if name in names}
    brightness = "viirs" if "bright_ti4" in names else "modis" if "brightness" in names else ""
    unread = tuple(name for name in names if name not in (*REQUIRED, *OPTIONAL, *UNREAD, ""))
    return Layout(path, packed, separator, columns, len(names), brightness, unread)


def _first_line(path: Path) -> tuple[bool, str]:
    try:
        with path.open("rb") as file:
            start = file.read(4)
        if start.startswith(b"PK"):
            raise InputError(f"{path} is a ZIP archive; unpack it and name the CSV files in it")
        packed = start.startswith(b"\x1f\x8b")
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            line = file.readline(1 << 16)
    except FileNotFoundError as error:
        raise InputError(f"there is no hotspot list {path}; check the name") from error
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}); save it as CSV in UTF-8") from error
    if not text.strip():
        raise InputError(f"{path} is empty or begins with an empty line; wants a first line with {', '.join(REQUIRED)}")
    return packed, text.rstrip("\r\n")


def _check_columns(path: Path, names: list[str]) -> None:
    if {"path", "row"} <= set(names) and "brightness" not in names and "bright_ti4" not in names:
        raise InputError(f"{path} is a list of Landsat hotspots (it has path and row); wants lists of VIIRS or MODIS")
    twice = sorted({name for name in names if name in (*REQUIRED, *OPTIONAL) and names.count(name) > 1})
    if twice:
        raise InputError(f"{path} has the column {', '.join(twice)} twice; leave one")
    lacking = [name for name in REQUIRED if name not in names]
    if not any(name in names for name in SENSOR_COLUMNS):
        lacking.append(f"one of {', '.join(SENSOR_COLUMNS)}")
    if lacking:
        near = [close for name in lacking for close in difflib.get_close_matches(name, names, 1, 0.75)]
        hint = f" ({', '.join(near)} is near, but not it)" if near else ""
        raise InputError(
            f"{path} has the columns {', '.join(names)[:300]}; lacks {', '.join(lacking)}{hint}; wants a CSV of NASA's "
            f"fire service (FIRMS), archive or near-real-time, with {', '.join(REQUIRED)} and one of "
            f"{', '.join(SENSOR_COLUMNS)}; it may have {', '.join(OPTIONAL[1:])}"
        )


@dataclass(frozen=True, eq=False)
class Rows:
    """Cells of some rows as values, and what is wrong with them.

    Parameters
    ----------
    values : dict of arrays (row,)
        ``when``, ``sensor``, ``satellite``, ``confidence``, ``frp_mw``, ``scan_km``, ``track_km``, ``by_day`` (-1
        where the list does not tell), ``kind`` and ``standard``.
    wrong : object (row,)
        What cannot be, or an empty text.
    strange : tuple of str
        Codes of satellites nobody knows, which are kept as they are.
    """

    values: dict[str, NDArray[Any]]
    wrong: NDArray[np.object_]
    strange: tuple[str, ...]


def degrees(cells: pd.DataFrame, name: str, layout: Layout) -> NDArray[np.float64]:
    """Return longitudes or latitudes, NaN where there is no number that can be one."""
    found = _numbers(cells[name], layout)
    most = 90.0 if name == "latitude" else 180.0
    return np.where(np.abs(found) <= most, found, np.nan)


def rows_of(cells: pd.DataFrame, layout: Layout) -> Rows:
    """Return the values of rows whose coordinates are known.

    Parameters
    ----------
    cells : DataFrame of str
        Columns `Layout.columns`; cells as written.
    layout : Layout
        Of the file.
    """
    wrong = np.full(len(cells), "", object)

    def note(bad: NDArray[np.bool_], name: str, want: str) -> None:
        for place in np.flatnonzero(bad & (wrong == "")):
            wrong[place] = f"{name} is {cells[name].iloc[place]!r}, wants {want}"

    days = _by_value(cells["acq_date"], _day, "datetime64[D]")
    note(np.isnat(days), "acq_date", "a day of the calendar since December 1999 as YYYY-MM-DD")
    minutes = _by_value(cells["acq_time"], _minute, np.int64)
    note(minutes < 0, "acq_time", "a time of day (UTC) as HHMM or HH:MM")
    confidence = _by_value(cells["confidence"], _confidence, object)
    note(confidence == "", "confidence", "l, n, h, low, nominal, high or 0 to 100")
    satellite = _by_value(cells["satellite"], _satellite, object)
    strange = tuple(sorted(set(satellite) - set(SENSORS)))
    sensor = _sensors(cells, satellite, layout)
    note(sensor == "", "satellite", "one of VIIRS or MODIS (N, N20, N21, Terra, Aqua), or an instrument beside it")
    values: dict[str, NDArray[Any]] = {"satellite": satellite, "sensor": sensor, "confidence": confidence}
    values["when"] = days.astype("datetime64[ns]") + minutes * np.timedelta64(60, "s")
    for name in ("scan", "track"):
        values[f"{name}_km"] = _pixel(cells, name, sensor, layout)
        if name in cells:
            note(np.isnan(values[f"{name}_km"]), name, f"kilometres above 0, {_LARGEST_PIXEL_KM:g} at most")
    values["frp_mw"], bad = _power(cells, layout)
    note(bad, "frp", "megawatts or nothing")
    codes = {"d": 1, "n": 0, "": -1}
    values["by_day"] = _by_value(_cells(cells, "daynight"), lambda cell: codes.get(cell.lower(), -2), np.int64)
    note(values["by_day"] == -2, "daynight", "D or N")
    values["kind"] = _by_value(_cells(cells, "type"), _kind, np.int64)
    note(values["kind"] < UNKNOWN_KIND, "type", "0 (vegetation), 1 (volcano), 2 (static), 3 (offshore) or nothing")
    version = _cells(cells, "version")
    if "version" in cells:
        values["standard"] = _by_value(version, lambda cell: not _NEAR_REAL_TIME.search(cell), bool)
    else:
        # Only the archive of standard processing tells types.
        values["standard"] = values["kind"] != UNKNOWN_KIND
    return Rows(values, wrong, strange)


def _cells(cells: pd.DataFrame, name: str) -> pd.Series:
    return cells[name] if name in cells else pd.Series("", index=cells.index, dtype=object)


def _by_value(cells: pd.Series, parse: Callable[[str], Any], kind: Any) -> Cells:
    # A column of a million rows has few different texts, and each is looked at once.
    codes, texts = pd.factorize(cells)
    found = np.array([parse(str(text).strip()) for text in texts], dtype=kind)
    return found[codes] if found.size else np.empty(0, kind)


def _numbers(cells: pd.Series, layout: Layout) -> NDArray[np.float64]:
    texts = cells.str.replace(",", ".", regex=False) if layout.decimal_commas else cells
    found: NDArray[np.float64] = pd.to_numeric(texts, errors="coerce").to_numpy(np.float64)
    found[~np.isfinite(found)] = np.nan
    return found


def _pixel(cells: pd.DataFrame, name: str, sensor: Cells, layout: Layout) -> NDArray[np.float64]:
    usual = np.where(sensor == "viirs", PIXEL_KM["viirs"], PIXEL_KM["modis"])
    if name not in cells:
        return usual
    found = _by_value(cells[name], lambda cell: _size(cell, layout), np.float64)
    return np.where(found == 0, usual, found)


def _size(cell: str, layout: Layout) -> float:
    """Return a size [km], 0 where the cell is empty, NaN where it is none."""
    if not cell:
        return 0.0
    try:
        size = float(cell.replace(",", ".") if layout.decimal_commas else cell)
    except ValueError:
        return np.nan
    return size if 0 < size <= _LARGEST_PIXEL_KM else np.nan


def _power(cells: pd.DataFrame, layout: Layout) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    if "frp" not in cells:
        return np.full(len(cells), np.nan), np.zeros(len(cells), bool)
    found = _numbers(cells["frp"], layout)
    bad: NDArray[np.bool_] = np.isnan(found) & ~cells["frp"].str.strip().str.lower().isin(["", "nan"]).to_numpy()
    # Where the background is uncertain the service subtracts too much: such a power is not known.
    found[found < 0] = np.nan
    return found, bad


def _day(cell: str) -> np.datetime64:
    match = _DATE.fullmatch(cell[:10])
    try:
        told = date(int(match[1]), int(match[3]), int(match[4])) if match else None
    except ValueError:
        told = None
    return np.datetime64(told if told and _FIRST_DAY <= told <= _LAST_DAY else "NaT", "D")


def _minute(cell: str) -> int:
    match = _TIME.fullmatch(cell)
    if not match:
        return -1
    hour, minute = (int(match[1]), int(match[2])) if match[1] else divmod(int(match[3]), 100)
    return hour * 60 + minute if hour < 24 and minute < 60 else -1


def _confidence(cell: str) -> str:
    if cell.lower() in _CONFIDENCES:
        return _CONFIDENCES[cell.lower()]
    try:
        percent = float(cell)
    except ValueError:
        return ""
    if not 0 <= percent <= 100:
        return ""
    return "low" if percent < _LOW_BELOW else "high" if percent >= _HIGH_FROM else "nominal"


def _satellite(cell: str) -> str:
    return SATELLITES.get(_SIGNS.sub("", cell.lower()), cell)


def _sensors(cells: pd.DataFrame, satellite: Cells, layout: Layout) -> Cells:
    by_instrument = _by_value(_cells(cells, "instrument"), str.lower, object)
    codes, names = pd.factorize(satellite)
    found: Cells = np.array([SENSORS.get(name, layout.brightness if name else "") for name in names], object)[codes]
    known = np.isin(by_instrument.astype(str), ("viirs", "modis"))
    found[known] = by_instrument[known]
    return found


def _kind(cell: str) -> int:
    if not cell or cell.lower() == "nan":
        return UNKNOWN_KIND
    return {"0": 0, "1": 1, "2": 2, "3": 3}.get(cell.removesuffix(".0"), UNKNOWN_KIND - 1)
