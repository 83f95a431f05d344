"""Tables of weather stations as the cffdrs programs read them, looked at column by column and row by row."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from habitat.contracts.errors import InputError

REQUIRED = ("lat", "yr", "mon", "day", "temp", "rh", "ws", "prec")
"""Columns a table must have, in any order and in small or capital letters: degrees north; date; noon temperature
[degC], relative humidity [%] and wind [km/h]; rain of 24 hours [mm]."""
OPTIONAL = ("id", "long", "tmax", "snd")
"""Columns it may have: station, degrees east; highest temperature of the day [degC], snow depth [m]."""
COLUMNS = ("id", "lat", "long", "yr", "mon", "day", "temp", "rh", "ws", "prec")
"""Columns of a cffdrs table."""

_VALUES = {"temp": "temperature", "rh": "humidity", "ws": "wind", "prec": "rain", "tmax": "temperature_max"} | {
    "snd": "snow_depth"
}
_MISSING = ("", "NA", "NaN", "nan", "null")
_POSSIBLE = {
    "lat": (-90.0, 90.0, "degrees north"),
    "long": (-180.0, 360.0, "degrees east"),
    "temp": (-70.0, 60.0, "degrees Celsius (Kelvin perhaps?)"),
    "tmax": (-70.0, 60.0, "degrees Celsius (Kelvin perhaps?)"),
    "rh": (0.0, 100.0, "percent"),
    "ws": (0.0, 400.0, "km/h"),
    "prec": (0.0, 2500.0, "millimetres"),
    "snd": (0.0, 30.0, "metres"),
}


@dataclass(frozen=True, eq=False)
class StationRecord:
    """Daily weather of one station, without holes in the calendar.

    Parameters
    ----------
    name : str
        Its id, or where it is.
    latitude : float [degrees north]
    days : datetime64[D] (time,)
        From its first to its last row.
    values : dict of float64 (time,)
        ``temperature``, ``humidity``, ``wind``, ``rain`` and, if the table has them, ``temperature_max`` and
        ``snow_depth``; NaN where unknown.
    rows : int64 (time,)
        Row of the table each day stands in, -1 where it has none.
    longitude : float [degrees east]
        NaN if the table has none.
    """

    name: str
    latitude: float
    days: NDArray[np.datetime64]
    values: dict[str, NDArray[np.float64]]
    rows: NDArray[np.int64]
    longitude: float = float("nan")


@dataclass(frozen=True, eq=False)
class StationTable:
    """A table of stations as it was read, and its stations.

    Parameters
    ----------
    text : DataFrame of str
        Every cell as written.
    stations : tuple of StationRecord
        In the order of their first rows.
    """

    text: pd.DataFrame
    stations: tuple[StationRecord, ...]


def read_stations(path: Path) -> StationTable:
    """Read a table of stations.

    Without ``id``, rows of one latitude and longitude are one station. Cells that are empty, NA or NaN are unknown.

    Parameters
    ----------
    path : Path
        CSV in UTF-8 with commas and decimal points, and the columns `REQUIRED` and `OPTIONAL`.

    Returns
    -------
    StationTable

    Raises
    ------
    InputError
        If the file cannot be read; a column is lacking, unknown or there twice; a cell is no number, no date or
        impossible; or the rows of a station are unsorted, twice, or move.
    """
    text = _text(path)
    plain = _plain_columns(text, path)
    numbers = {name: _numbers(plain, name, path) for name in plain.columns if name != "id"}
    for name, (low, high, meaning) in _POSSIBLE.items():
        if name in numbers:
            _check_range(numbers[name], name, (low, high), meaning, path)
    for name in ("lat", "yr", "mon", "day"):
        if np.isnan(numbers[name]).any():
            line = int(np.argmax(np.isnan(numbers[name]))) + 2
            raise InputError(f"{path} line {line} has no {name}; every row wants a place and a date")
    days = _days(numbers, path)
    names = _names(plain, numbers)
    rows = pd.Series(np.arange(len(names))).groupby(names, sort=False).indices
    return StationTable(text, tuple(_station(str(name), rows[name], days, numbers, path) for name in rows))


def _text(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True)
    except FileNotFoundError as error:
        raise InputError(f"there is no table {path}; check the name") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except (OSError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise InputError(f"{path} cannot be read as a table: {error}") from error
    if table.shape[0] == 0:
        raise InputError(f"{path} has no rows")
    if isinstance(table.index, pd.MultiIndex) or table.index.dtype == object:
        raise InputError(f"{path} has rows with more cells than columns; name every column, and use decimal points")
    return table


def _plain_columns(text: pd.DataFrame, path: Path) -> pd.DataFrame:
    plain = text.rename(columns=lambda name: str(name).strip().lower())
    if len(plain.columns) == 1 and any(sign in str(plain.columns[0]) for sign in ";\t"):
        raise InputError(f"{path} is separated by semicolons or tabs; save it with commas and decimal points")
    twice = sorted(set(plain.columns[plain.columns.duplicated()]))
    if twice:
        raise InputError(f"{path} has the column {', '.join(twice)} twice; leave one")
    lacking = [name for name in REQUIRED if name not in plain.columns]
    unknown = [name for name in plain.columns if name not in (*REQUIRED, *OPTIONAL)]
    wrong = []
    if lacking:
        wrong.append(f"lacks {', '.join(lacking)}")
    if unknown:
        wrong.append(f"has the unknown {', '.join(_with_hint(name, lacking) for name in unknown)}")
    if wrong:
        raise InputError(
            f"{path} {' and '.join(wrong)}; wants the columns {', '.join(REQUIRED)} and may have {', '.join(OPTIONAL)}"
        )
    return plain


def _with_hint(name: str, lacking: list[str]) -> str:
    near = difflib.get_close_matches(name, lacking, 1, 0.5) or [want for want in lacking if name.startswith(want)]
    return f"{name} ({near[0]}?)" if near else name


def _numbers(plain: pd.DataFrame, name: str, path: Path) -> NDArray[np.float64]:
    cells = plain[name].str.strip()
    cells = cells.where(~cells.isin(_MISSING), None)
    numbers = pd.to_numeric(cells, errors="coerce")
    wrong = (numbers.isna() & cells.notna()) | np.isinf(numbers)
    if wrong.any():
        line = int(np.argmax(wrong.to_numpy())) + 2
        raise InputError(f"{path} line {line}: {name} is {plain[name].iloc[line - 2]!r}, wants a number or nothing")
    found: NDArray[np.float64] = numbers.to_numpy(np.float64)
    return found


def _check_range(values: NDArray[np.float64], name: str, bounds: tuple[float, float], meaning: str, path: Path) -> None:
    wrong = (values < bounds[0]) | (values > bounds[1])
    if wrong.any():
        line = int(np.argmax(wrong)) + 2
        raise InputError(
            f"{path} line {line}: {name} is {values[line - 2]:g}, wants {meaning} from {bounds[0]:g} to {bounds[1]:g}; "
            f"so in {int(wrong.sum())} of {values.size} rows; leave a cell empty where nothing is known"
        )


def _days(numbers: dict[str, NDArray[np.float64]], path: Path) -> NDArray[np.datetime64]:
    parts = pd.DataFrame({"year": numbers["yr"], "month": numbers["mon"], "day": numbers["day"]})
    whole = (parts == parts.round()).all(axis=1) & parts["year"].between(1600, 2500)
    found = pd.to_datetime(parts.where(whole, -1).astype(np.int64), errors="coerce")
    if found.isna().any():
        line = int(np.argmax(found.isna().to_numpy())) + 2
        told = "-".join(f"{value:g}" for value in parts.iloc[line - 2])
        raise InputError(f"{path} line {line}: {told} is no date; wants yr, mon and day of the calendar")
    days: NDArray[np.datetime64] = found.to_numpy().astype("datetime64[D]")
    return days


def _names(plain: pd.DataFrame, numbers: dict[str, NDArray[np.float64]]) -> NDArray[np.object_]:
    if "id" in plain.columns:
        return np.array([str(name).strip() for name in plain["id"]], object)
    east = numbers.get("long", np.zeros(len(plain)))
    return np.array([f"{north:g} N {other:g} E" for north, other in zip(numbers["lat"], east, strict=True)], object)


def _station(
    name: str,
    rows: NDArray[np.int64],
    days: NDArray[np.datetime64],
    numbers: dict[str, NDArray[np.float64]],
    path: Path,
) -> StationRecord:
    latitude = np.unique(numbers["lat"][rows])
    if latitude.size > 1:
        raise InputError(
            f"{path}: station {name!r} lies on {latitude.size} latitudes; give each place an id of its own"
        )
    steps = np.diff(days[rows]).astype(np.int64)
    if (steps <= 0).any():
        place = int(np.argmax(steps <= 0))
        line, day = rows[place + 1] + 2, days[rows[place + 1]]
        how = "is there twice" if steps[place] == 0 else f"follows {days[rows[place]]}"
        raise InputError(
            f"{path} line {line}: station {name!r}, {day} {how}; sort the rows of a station by date, each day once"
        )
    every = np.arange(days[rows[0]], days[rows[-1]] + np.timedelta64(1, "D"))
    place_of = np.full(every.size, -1, np.int64)
    place_of[(days[rows] - every[0]).astype(np.int64)] = rows
    values = {
        ours: np.where(place_of >= 0, numbers[theirs][place_of], np.nan)
        for theirs, ours in _VALUES.items()
        if theirs in numbers
    }
    longitude = float(numbers["long"][rows][0]) if "long" in numbers else float("nan")
    return StationRecord(name, float(latitude[0]), every, values, place_of, longitude)
