"""Tables of points through time, as Earth Engine, AppEEARS and LCMAP write them, in one form."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError, InputError

CLEAR, WATER, SHADOW, SNOW, CLOUD, FILL = 0, 1, 2, 3, 4, 255
"""States of a look, in the numbers of Fmask."""
QUALITY_KINDS = ("fmask", "qa_pixel", "pixel_qa", "hls", "scl", "clear")
"""What a column of quality may hold: classes of Fmask; bits of Landsat Collection 2; bits of Landsat ARD, Collection 1;
bits of HLS; classes of Sentinel-2; 1 where clear."""
LCMAP_COLUMNS = ("date", "blue", "green", "red", "nir", "swir1", "swir2", "thermal", "qa")
"""Columns of LCMAP's files, which have no names in them."""
BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
"""Bands that are looked for."""
POINT_NAMES = ("point", "point_id", "pointid", "id", "plot_id", "plotid", "pid", "site", "site_id", "name")
DATE_NAMES = ("date", "date_ordinal", "datetime", "acquisition_date", "time", "day", "system:time_start")
SENSOR_NAMES = ("sensor", "platform", "satellite", "spacecraft", "spacecraft_id", "instrument")
QUALITY_NAMES = ("qa", "fmask", "cfmask", "qa_pixel", "pixel_qa", "scl", "clear", "quality")
_ALIASES = {"nir08": "nir", "nir_narrow": "nir", "swir16": "swir1", "swir22": "swir2", "swir_1": "swir1"} | {
    "swir_2": "swir2"
}
_OLI, _TM = dict(zip(BANDS, (2, 3, 4, 5, 6, 7), strict=True)), dict(zip(BANDS, (1, 2, 3, 4, 5, 7), strict=True))
_S2 = dict(zip(BANDS, ("02", "03", "04", "8A", "11", "12"), strict=True))
_FAMILIES = (
    (re.compile(r"hlsl30\w*_b0(\d)$"), {str(number): band for band, number in _OLI.items()}),
    (re.compile(r"hlss30\w*_b(\w\w)$"), {str(number).lower(): band for band, number in _S2.items()}),
    (re.compile(r"lc0[89]\w*sr_b(\d)$"), {str(number): band for band, number in _OLI.items()}),
    (re.compile(r"l[te]0[457]\w*sr_b(\d)$"), {str(number): band for band, number in _TM.items()}),
)
"""Columns of AppEEARS, whose names tell the instrument, and the band of each number."""
_RAW_LANDSAT = re.compile(r"(^|_)sr_b\d$")
_FILLS = (-9999.0, -32768.0)
_HIGHEST = 1.6
"""Reflectance above this is saturation or fill, as the 20000 of LCMAP's files."""
_MOST_CODE = 2.0
"""Where half of the values lie above, they are integers of 1e-4 and no reflectance."""
_JULIAN = 1_721_424.5
"""Julian date of midnight before the day with ordinal 0."""
_BITS = {
    "qa_pixel": ((0, FILL), (5, SNOW), (1, CLOUD), (2, CLOUD), (3, CLOUD), (4, SHADOW), (7, WATER)),
    "pixel_qa": ((0, FILL), (4, SNOW), (5, CLOUD), (3, SHADOW), (2, WATER)),
    "hls": ((4, SNOW), (0, CLOUD), (1, CLOUD), (2, CLOUD), (3, SHADOW), (5, WATER)),
}
"""Bits and what they mean, the first that is set deciding."""
_SCL = {4: CLEAR, 5: CLEAR, 6: WATER, 7: CLEAR, 11: SNOW, 2: SHADOW, 3: SHADOW, 8: CLOUD, 9: CLOUD, 10: CLOUD}


@dataclass(frozen=True)
class PointColumns:
    """Which columns of a table are what; what is not said is found by usual names.

    Parameters
    ----------
    point, date, quality : str, optional
        Columns of the points' names, of dates, and of the quality of each look.
    quality_kind : str
        One of `QUALITY_KINDS`, or ``auto`` by the column's name.
    bands : mapping of str to str
        Column of each band: ``{"nir": "SR_B5"}``.
    series : str, optional
        Column of an index that the table already has.
    scale : float, optional
        What the numbers of the bands are multiplied with to give reflectance; by default 1e-4 where they are integers.
    same_day : {'refuse', 'first'}
        What to do with several clear looks of one point and day.
    """

    point: str | None = None
    date: str | None = None
    quality: str | None = None
    quality_kind: str = "auto"
    bands: Mapping[str, str] = field(default_factory=dict)
    series: str | None = None
    scale: float | None = None
    same_day: str = "refuse"

    def __post_init__(self) -> None:
        if self.quality_kind not in ("auto", *QUALITY_KINDS):
            raise ConfigError(f"there is no quality {self.quality_kind!r}; choose of {', '.join(QUALITY_KINDS)}")
        if self.same_day not in ("refuse", "first"):
            raise ConfigError(f"same_day is {self.same_day!r}, wants refuse or first")
        if wrong := [band for band in self.bands if band not in BANDS]:
            raise ConfigError(f"there is no band {', '.join(wrong)}; there are {', '.join(BANDS)}")


@dataclass(frozen=True, eq=False)
class PointSeries:
    """One point through time.

    Parameters
    ----------
    name : str
    days : datetime64[D] (look,)
        Ascending; two instruments of one day are two looks.
    bands : dict of float64 (look,)
        Reflectance [1]; NaN where unknown.
    values : float64 (look,) or None
        The column that was asked for as a series.
    state : uint8 (look,)
        `CLEAR`, `WATER`, `SHADOW`, `SNOW`, `CLOUD`, `FILL`.
    """

    name: str
    days: NDArray[np.datetime64]
    bands: dict[str, NDArray[np.float64]]
    values: NDArray[np.float64] | None
    state: NDArray[np.uint8]

    @property
    def clear(self) -> NDArray[np.bool_]:
        """Looks at land or water without cloud, shadow and snow."""
        return np.asarray(self.state <= WATER)


@dataclass(frozen=True, eq=False)
class PointTable:
    """All points of a table, and what people should know of how it was read."""

    points: tuple[PointSeries, ...]
    notes: tuple[str, ...]


def read_point_table(path: Path, columns: PointColumns | None = None) -> PointTable:
    """Read a table of points through time.

    Parameters
    ----------
    path : Path
        CSV in UTF-8 with commas: one row for each point and date with names of columns, or a file of LCMAP without
        names, which is one point named after the file. Dates may be written 2001-05-31, as ordinals of the calendar,
        as Julian days or as milliseconds since 1970.
    columns : PointColumns, optional

    Raises
    ------
    InputError
        If the file cannot be read, a column is lacking or unknown, a cell is no number or no date, a point has several
        clear looks of one day from one instrument, or no point has a clear look.
    """
    wanted = columns or PointColumns()
    table = _text(path)
    lowered = {str(name).strip().lower(): str(name) for name in table.columns}
    notes: list[str] = []
    days = _days(table, _column(table, wanted.date, DATE_NAMES, path, "dates"), path)
    point = _column(table, wanted.point, POINT_NAMES, path, "")
    names = table[point].str.strip() if point else pd.Series(path.stem, index=table.index)
    bands = _bands(table, lowered, wanted, path, notes)
    values = None if wanted.series is None else _numbers(table, _known(table, wanted.series, path, "series"), path)
    if values is None and not bands:
        raise InputError(
            f"{path} has the columns {_listed(table)}, none of which is a band ({', '.join(BANDS)}); "
            "name a column with --series, or bands with --bands nir=…,swir2=…"
        )
    state = _states(table, wanted, path, notes)
    seen = np.zeros(len(table), bool) if values is None else np.isfinite(values)
    for band in bands.values():
        seen |= np.isfinite(band)
    state[~seen] = FILL
    if not (state <= WATER).any():
        raise InputError(
            f"{path}: none of {len(table)} looks is clear with a value; check the column of the quality and its kind "
            f"({', '.join(QUALITY_KINDS)})"
        )
    sensor = _column(table, None, SENSOR_NAMES, path, "")
    sensors = pd.factorize(table[sensor])[0] if sensor else np.zeros(len(table), np.int64)
    groups = pd.Series(np.arange(len(table))).groupby(names.to_numpy(), sort=False).indices
    points = []
    for name, rows in groups.items():
        kept = _one_a_day(str(name), np.asarray(rows), (days, sensors, state), wanted, notes)
        kept_bands = {band: series[kept] for band, series in bands.items()}
        points.append(
            PointSeries(str(name), days[kept], kept_bands, None if values is None else values[kept], state[kept])
        )
    return PointTable(tuple(points), tuple(notes))


def _text(path: Path) -> pd.DataFrame:
    try:
        with path.open(encoding="utf-8-sig") as file:
            first = file.readline()
        nameless = bool(first.strip()) and all(_is_number(cell) for cell in first.split(","))
        options = {"header": None} if nameless else {}
        table = pd.read_csv(
            path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True, **options
        )
    except FileNotFoundError as error:
        raise InputError(f"there is no table {path}; check the name") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path} cannot be read as a table: {error}") from error
    if not len(table):
        raise InputError(f"{path} has no rows")
    if nameless:
        if table.shape[1] != len(LCMAP_COLUMNS):
            raise InputError(
                f"{path} has no names of columns and {table.shape[1]} of them; without names wants the "
                f"{len(LCMAP_COLUMNS)} of LCMAP: {', '.join(LCMAP_COLUMNS)}"
            )
        return table.set_axis(list(LCMAP_COLUMNS), axis=1)
    if table.shape[1] == 1 and any(sign in first for sign in ";\t"):
        raise InputError(f"{path} is separated by semicolons or tabs; save it with commas and decimal points")
    lowered = pd.Index([str(name).strip().lower() for name in table.columns])
    if lowered.has_duplicates:
        raise InputError(f"{path} has the column {', '.join(lowered[lowered.duplicated()])} twice; leave one")
    return table


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _listed(table: pd.DataFrame) -> str:
    names = [str(name) for name in table.columns]
    return ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")


def _known(table: pd.DataFrame, name: str, path: Path, kind: str) -> str:
    """Return the column of a name, with any case."""
    lowered = {str(column).strip().lower(): str(column) for column in table.columns}
    if name.strip().lower() not in lowered:
        near = difflib.get_close_matches(name.lower(), list(lowered), 1)
        hint = f", did you mean {lowered[near[0]]!r}?" if near else ""
        raise InputError(f"{path} has no column {name!r} for the {kind}{hint} There are {_listed(table)}")
    return lowered[name.strip().lower()]


def _column(table: pd.DataFrame, said: str | None, usual: tuple[str, ...], path: Path, kind: str) -> str:
    """Return the column said, or one with a usual name; an empty kind means that none is needed."""
    if said is not None:
        return _known(table, said, path, kind or "points")
    lowered = {str(column).strip().lower(): str(column) for column in table.columns}
    found = [lowered[name] for name in usual if name in lowered]
    if not found and kind:
        raise InputError(f"{path} has no column of {kind} ({', '.join(usual)}) among {_listed(table)}; say which it is")
    return found[0] if found else ""


def _numbers(table: pd.DataFrame, column: str, path: Path) -> NDArray[np.float64]:
    cells = table[column].str.strip()
    empty = cells.str.lower().isin(("", "na", "nan", "null", "none"))
    numbers = pd.to_numeric(cells.where(~empty, None), errors="coerce")
    wrong = (numbers.isna() & ~empty).to_numpy()
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InputError(f"{path} row {row + 1}: {column} is {cells.iloc[row]!r}, wants a number or nothing")
    found: NDArray[np.float64] = numbers.to_numpy(np.float64, copy=True)
    found[np.isin(found, _FILLS) | ~np.isfinite(found)] = np.nan
    return found


def _days(table: pd.DataFrame, column: str, path: Path) -> NDArray[np.datetime64]:
    cells = table[column].str.strip()
    if _is_number(cells.iloc[0]):
        numbers = _numbers(table, column, path)
        ordinal = np.full(numbers.shape, np.nan)
        for low, high, ordinals in (
            (6e5, 8e5, numbers),
            (2.4e6, 2.5e6, np.floor(numbers - _JULIAN)),
            (-1e12, 5e12, np.floor(numbers / 86_400_000) + date(1970, 1, 1).toordinal()),
        ):
            span = (numbers >= low) & (numbers < high) & np.isnan(ordinal) & ((abs(numbers) > 1e9) | (low > 0))
            ordinal[span] = ordinals[span]
        written = (numbers >= 19_000_101) & (numbers < 21_001_231)
        plain = pd.to_datetime(pd.Series(np.where(written, numbers, 19000101)).astype(int).astype(str), errors="coerce")
        found = (ordinal - date(1970, 1, 1).toordinal()).astype("timedelta64[D]") + np.datetime64("1970-01-01", "D")
        found = np.where(written, plain.to_numpy().astype("datetime64[D]"), found)
    else:
        found = pd.to_datetime(cells.str.slice(0, 10), format="%Y-%m-%d", errors="coerce").to_numpy()
    days: NDArray[np.datetime64] = np.asarray(found).astype("datetime64[D]")
    if np.isnat(days).any():
        row = int(np.argmax(np.isnat(days)))
        raise InputError(
            f"{path} row {row + 1}: {column} is {cells.iloc[row]!r}, wants a date such as 2001-05-31, an ordinal, a "
            "Julian day or milliseconds since 1970; days and months in another order cannot be told apart"
        )
    return days


def _bands(
    table: pd.DataFrame, lowered: dict[str, str], wanted: PointColumns, path: Path, notes: list[str]
) -> dict[str, NDArray[np.float64]]:
    """Return the reflectance of each band the table has."""
    found = {band: _known(table, column, path, f"band {band}") for band, column in wanted.bands.items()}
    for name, column in lowered.items():
        band = _ALIASES.get(name, name)
        for pattern, numbers in _FAMILIES:
            match = pattern.search(name.replace(".", "_"))
            band = numbers.get(match[1], "") if match else band
        if band in BANDS and band not in wanted.bands:
            if band in found:
                raise InputError(
                    f"{path} has {found[band]!r} and {column!r} for the band {band}; say which with --bands {band}=…"
                )
            found[band] = column
    bands = {band: _numbers(table, found[band], path) for band in BANDS if band in found}
    for band, values in bands.items():
        known = values[np.isfinite(values)]
        large = known.size > 0 and float(np.median(known)) > _MOST_CODE
        raw = large and wanted.scale is None and _RAW_LANDSAT.search(found[band].lower().replace(".", "_"))
        if raw:
            values[:] = values * 2.75e-5 - 0.2
            notes.append(
                f"{found[band]}: read as numbers of Landsat Collection 2 (0.0000275, -0.2); --scale 1 bars that"
            )
        else:
            values *= wanted.scale if wanted.scale is not None else 1e-4 if large else 1.0
        values[(values > _HIGHEST) | (values < -0.2)] = np.nan
    return bands


def _states(table: pd.DataFrame, wanted: PointColumns, path: Path, notes: list[str]) -> NDArray[np.uint8]:
    """Return the state of each look in the numbers of Fmask."""
    column = "" if wanted.quality is None else _known(table, wanted.quality, path, "quality")
    if not column:
        names = [str(name) for name in table.columns if str(name).strip().lower() in QUALITY_NAMES]
        names = names or [str(name) for name in table.columns if re.search(r"_(fmask|qa_pixel)$", str(name).lower())]
        if not names:
            notes.append("there is no column of quality: every look with a value counts as clear")
            return np.zeros(len(table), np.uint8)
        column = names[0]
    numbers = _numbers(table, column, path)
    kind = _quality_kind(column, numbers, wanted, path)
    codes = np.where(np.isfinite(numbers), numbers, 1 if kind.endswith(("pixel", "qa")) else 255).astype(np.int64)
    state = np.full(codes.shape, CLEAR, np.uint8)
    if kind in _BITS:
        for bit, meaning in reversed(_BITS[kind]):
            state[(codes >> bit) & 1 == 1] = meaning
        if kind == "hls":
            state[codes == FILL] = FILL
        return state
    if kind == "clear":
        return np.where(codes == 1, CLEAR, CLOUD).astype(np.uint8)
    known = {code: code for code in (CLEAR, WATER, SHADOW, SNOW, CLOUD)} if kind == "fmask" else _SCL
    return np.array([known.get(int(code), FILL) for code in codes], np.uint8)


def _quality_kind(column: str, numbers: NDArray[np.float64], wanted: PointColumns, path: Path) -> str:
    if wanted.quality_kind != "auto":
        return wanted.quality_kind
    name = column.strip().lower()
    for kind in ("qa_pixel", "pixel_qa", "scl", "clear"):
        if name == kind or name.endswith(f"_{kind}"):
            return kind
    if "hls" in name:
        return "hls"
    if np.isin(numbers[np.isfinite(numbers)], (0, 1, 2, 3, 4, 255)).all():
        return "fmask"
    raise InputError(
        f"{path}: {column} holds {np.unique(numbers[np.isfinite(numbers)])[:5].tolist()}…, not the classes of Fmask "
        f"(0 to 4, 255); say what they are with --quality-kind: {', '.join(QUALITY_KINDS)}"
    )


def _one_a_day(
    name: str,
    rows: NDArray[np.int64],
    looks: tuple[NDArray[np.datetime64], NDArray[np.int64], NDArray[np.uint8]],
    wanted: PointColumns,
    notes: list[str],
) -> NDArray[np.int64]:
    """Return the rows of a point by day, one for each day and instrument: the clear one where only one is."""
    days, sensors, state = looks[0][rows], looks[1][rows], looks[2][rows]
    # Clear looks first within a day, then the order of the table.
    order = np.lexsort((rows, state > WATER, sensors, days))
    days, sensors, state = days[order], sensors[order], state[order]
    again = np.append([False], (days[1:] == days[:-1]) & (sensors[1:] == sensors[:-1]))
    twice = again & (state <= WATER)
    if twice.any() and wanted.same_day == "refuse":
        raise InputError(
            f"point {name!r} has several clear looks of {days[np.argmax(twice)]} ({int(twice.sum())} such rows); leave "
            "one of each day, add a column sensor if they are of several, or take the first with --same-day first"
        )
    if again.any():
        notes.append(f"{name}: {int(again.sum())} further looks of days that have one were left out")
    kept: NDArray[np.int64] = rows[order][~again]
    return kept
