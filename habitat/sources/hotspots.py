"""Hotspots: lists of what satellites took for fire, from NASA's fire service, as one table without doubles."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from habitat.contracts.errors import InputError
from habitat.contracts.grid import Bounds
from habitat.sources.hotspot_columns import Layout, Rows, degrees, layout_of, rows_of

WGS84 = "EPSG:4326"
COLUMNS = (
    *("when", "solar_day", "sensor", "satellite", "confidence", "frp_mw", "scan_km", "track_km", "by_day", "kind"),
    *("file", "line"),
)
"""Columns of the table, besides the points."""
OUTCOMES = ("outside", "broken", "twice", "superseded", "kept")
"""What becomes of a row: beyond the bounds, impossible, there already, replaced by the standard archive, or kept."""

_CHUNK = 200_000
_SHOWN = 5
_EARTH_KM = 6371.0
_DAY_H, _DEGREES_PER_HOUR = 24, 15.0
_SIX_O_CLOCK = 6.0
_SAME_PASS_MIN = 6.0
"""Archives give a detection the time of its granule, of which there is one every five or six minutes."""
_PASS_KM = 0.1
"""Distance that `_SAME_PASS_MIN` counts as when detections of two archives are matched [km]."""
_MORE = "more cells than columns"


@dataclass(frozen=True, eq=False)
class Hotspots:
    """Hotspots of all files.

    Parameters
    ----------
    table : GeoDataFrame
        One point (EPSG:4326) per detection, sorted by time, satellite and place: ``when`` (UTC, naive), ``solar_day``
        (local date by the sun: UTC plus longitude / 15 hours), ``sensor`` ("viirs" or "modis"), ``satellite``,
        ``confidence`` ("low", "nominal" or "high"), ``frp_mw`` (NaN unknown), ``scan_km``, ``track_km``, ``by_day``,
        ``kind`` (0 vegetation, 1 volcano, 2 static, 3 offshore, -1 unknown), ``file`` and ``line`` (where it stands:
        place in the paths, line of the file).
    notes : tuple of str
        What people should know.
    counts : mapping of str to int
        Rows by `OUTCOMES`; together they are all rows read.
    """

    table: gpd.GeoDataFrame
    notes: tuple[str, ...]
    counts: Mapping[str, int] = field(default_factory=dict)


def read_hotspots(
    paths: Sequence[Path], *, bounds: Bounds | None = None, broken: Literal["error", "drop"] = "error"
) -> Hotspots:
    """Read lists of hotspots: archives and near-real-time lists of VIIRS and MODIS, packed with gzip or not.

    Files are read piece by piece, and rows beyond the bounds are let go at once. The same detection may stand in
    several files: of equal rows one stays, and the standard archive wins over near-real-time lists, whose positions
    and times differ a little: a near-real-time row goes if a standard one of its satellite lies within half a pixel and
    six minutes (which count as 100 m).

    Parameters
    ----------
    paths : sequence of Path
        CSV with commas, semicolons or tabs.
    bounds : tuple, optional
        West, south, east, north [degrees]; a west greater than the east crosses the antimeridian.
    broken : {'error', 'drop'}
        What to do about rows within the bounds that cannot be: refuse, or leave them out with a note.

    Returns
    -------
    Hotspots

    Raises
    ------
    InputError
        If a file cannot be read or has unknown columns, or rows cannot be, and `broken` is 'error'.
    """
    if not paths:
        raise InputError("no hotspot list is named; give the CSV files of NASA's fire service (FIRMS)")
    counts: Counter[str] = Counter()
    parts: list[pd.DataFrame] = []
    notes: list[str] = []
    for number, path in enumerate(paths):
        reading = _Reading(layout_of(path), bounds)
        parts += [part.assign(file=np.int16(number)) for part in reading.parts() if len(part)]
        if reading.faults and broken == "error":
            raise InputError(reading.refusal())
        notes += reading.notes()
        counts += reading.counts
    table = pd.concat(parts, ignore_index=True) if parts else _nothing()
    table = _sorted(table)
    twice = table.duplicated(["when", "satellite", "longitude", "latitude"]).to_numpy()
    gone = _superseded(table[~twice]) if len(table) else np.zeros(0, bool)
    counts["twice"], counts["superseded"] = int(twice.sum()), int(gone.sum())
    table = table[~twice][~gone].reset_index(drop=True)
    counts["kept"] = len(table)
    notes += _notes_of_doubles(counts)
    return Hotspots(_with_points(table), tuple(notes), {name: counts[name] for name in OUTCOMES})


@dataclass
class _Reading:
    """One file while it is read."""

    layout: Layout
    bounds: Bounds | None
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    headers: int = 0
    undated: int = 0
    strange: set[str] = field(default_factory=set)

    def parts(self) -> Iterator[pd.DataFrame]:
        """Yield tables of good rows within the bounds."""
        first = 2
        for cells in _pieces(self.layout):
            lines = np.arange(first, first + len(cells))
            first += len(cells)
            yield self._part(cells, lines)

    def _part(self, cells: pd.DataFrame, lines: NDArray[np.int64]) -> pd.DataFrame:
        places = {name: degrees(cells, name, self.layout) for name in ("longitude", "latitude")}
        lost = np.isnan(places["longitude"]) | np.isnan(places["latitude"])
        within = self._told(cells, lost) | (~lost & _within(places, self.bounds))
        self.counts["outside"] += int((~within & ~lost).sum())
        cells, lines, lost = cells[within], lines[within], lost[within]
        rows = rows_of(cells, self.layout)
        rows.wrong[lost] = "latitude and longitude are no place, want degrees north and east"
        rows.wrong[(cells[_MORE] != "").to_numpy()] = "it has more cells than columns; are there decimal commas?"
        self._find_faults(rows, lines)
        good = rows.wrong == ""
        table = pd.DataFrame({name: values[good] for name, values in rows.values.items()})
        for name, values in places.items():
            table[name] = values[within][good]
        self.undated += int((table["by_day"] < 0).sum())
        return table.assign(line=lines[good])

    def _told(self, cells: pd.DataFrame, lost: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which rows without a place are rows at all: neither blank nor the first line once more."""
        told = lost.copy()
        asked = cells[lost]
        # Lists that were glued together have their first line again in the middle.
        header = asked["latitude"].str.strip().str.lower().eq("latitude").to_numpy()
        self.headers += int(header.sum())
        told[lost] = ~header & ~(asked == "").to_numpy().all(axis=1)
        return told

    def _find_faults(self, rows: Rows, lines: NDArray[np.int64]) -> None:
        wrong = np.flatnonzero(rows.wrong != "")
        self.counts["broken"] += wrong.size
        self.strange.update(rows.strange)
        for place in wrong[: max(_SHOWN - len(self.faults), 0)]:
            self.faults.append(f"line {lines[place]}: {rows.wrong[place]}")

    def refusal(self) -> str:
        """Return what is wrong with the rows, for an error."""
        more = self.counts["broken"] - len(self.faults)
        rest = f" (and {more} more rows)" if more else ""
        return f"{self.layout.path} {'; '.join(self.faults)}{rest}; mend the file, or have broken rows dropped"

    def notes(self) -> list[str]:
        """Return what people should know of this file."""
        name, found = self.layout.path.name, []
        if self.counts["broken"]:
            found.append(f"{name}: {self.counts['broken']} broken rows are left out; {'; '.join(self.faults)}")
        if self.headers:
            found.append(f"{name}: {self.headers} rows repeat the first line and are left out")
        if self.layout.unread:
            found.append(f"{name}: nobody knows the columns {', '.join(self.layout.unread)}; they are not read")
        if self.strange:
            found.append(f"{name}: unknown satellites are kept as they are called: {', '.join(sorted(self.strange))}")
        if self.undated:
            found.append(f"{name}: {self.undated} rows do not tell day or night; 6 to 18 h by the sun counts as day")
        lacking = [name for name in ("scan", "track") if name not in self.layout.columns]
        if lacking:
            found.append(f"{name}: has no {' and '.join(lacking)}; pixels count as large as straight below")
        return found


def _pieces(layout: Layout) -> Iterator[pd.DataFrame]:
    """Yield the cells of a file as text; `_MORE` is what stands behind the last column."""
    names = [f"cell {place}" for place in range(layout.width)]
    for name, place in layout.columns.items():
        names[place] = name
    wanted = [*layout.columns, _MORE]
    options: dict[str, Any] = {"dtype": str, "keep_default_na": False, "skip_blank_lines": False, "index_col": False}
    try:
        with (
            layout.open() as file,
            pd.read_csv(
                file, sep=layout.separator, header=None, skiprows=1, names=[*names, _MORE],
                chunksize=_CHUNK, encoding="utf-8", **options,
            ) as pieces,
        ):  # fmt: skip
            for piece in pieces:
                yield piece[wanted].fillna("")
    except pd.errors.EmptyDataError:
        return
    except UnicodeDecodeError as error:
        raise InputError(f"{layout.path} is not UTF-8 text ({error.reason}); save it as CSV in UTF-8") from error
    except (OSError, EOFError, zlib.error, pd.errors.ParserError) as error:
        raise InputError(f"{layout.path} cannot be read to its end: {error}; fetch or unpack it again") from error


def _within(places: Mapping[str, NDArray[np.float64]], bounds: Bounds | None) -> NDArray[np.bool_]:
    east, north = places["longitude"], places["latitude"]
    if bounds is None:
        return np.ones(east.size, bool)
    past_west, before_east = east >= bounds[0], east <= bounds[2]
    across = past_west & before_east if bounds[0] <= bounds[2] else past_west | before_east
    inside: NDArray[np.bool_] = across & (north >= bounds[1]) & (north <= bounds[3])
    return inside


def _nothing() -> pd.DataFrame:
    kinds: dict[str, Any] = {"satellite": object, "sensor": object, "confidence": object, "when": "datetime64[ns]"}
    kinds |= dict.fromkeys(("scan_km", "track_km", "frp_mw", "longitude", "latitude"), np.float64)
    kinds |= {"by_day": np.int64, "kind": np.int64, "standard": bool, "line": np.int64, "file": np.int16}
    return pd.DataFrame({name: np.empty(0, kind) for name, kind in kinds.items()})


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    """Sort by time and place, the standard archive first among equals, whatever file came first."""
    keys = ["when", "satellite", "longitude", "latitude", "replaced", "kind", "frp_mw", "scan_km", "track_km"]
    ordered = table.assign(replaced=~table["standard"], kind=-table["kind"]).sort_values(keys, kind="stable")
    return table.loc[ordered.index].reset_index(drop=True)


def _superseded(table: pd.DataFrame) -> NDArray[np.bool_]:
    """Tell the near-real-time rows that stand in the standard archive, too."""
    gone = np.zeros(len(table), bool)
    standard = table["standard"].to_numpy()
    satellites = table["satellite"].to_numpy()
    for satellite in np.unique(satellites[~standard].astype(str)):
        kept = np.flatnonzero(standard & (satellites == satellite))
        asked = np.flatnonzero(~standard & (satellites == satellite))
        if kept.size:
            places = _space_time(table)
            near, _ = cKDTree(places[kept]).query(places[asked])
            reach = np.minimum(table["scan_km"].to_numpy(), table["track_km"].to_numpy())[asked] / 2
            gone[asked] = near <= reach
    return gone


def _space_time(table: pd.DataFrame) -> NDArray[np.float64]:
    """Return points on the globe [km], and in time as if six minutes were a hundred metres."""
    east, north = np.radians(table["longitude"].to_numpy()), np.radians(table["latitude"].to_numpy())
    minutes = table["when"].to_numpy().astype("datetime64[m]").astype(np.int64)
    return np.column_stack(
        [
            _EARTH_KM * np.cos(north) * np.cos(east),
            _EARTH_KM * np.cos(north) * np.sin(east),
            _EARTH_KM * np.sin(north),
            minutes * (_PASS_KM / _SAME_PASS_MIN),
        ]
    )


def _with_points(table: pd.DataFrame) -> gpd.GeoDataFrame:
    ahead = (table["longitude"].to_numpy() / _DEGREES_PER_HOUR * 3600e9).round().astype("timedelta64[ns]")
    local = table["when"].to_numpy().astype("datetime64[ns]") + ahead
    day = local.astype("datetime64[D]").astype("datetime64[ns]")
    hour = (local - day) / np.timedelta64(1, "h")
    by_sun = (hour >= _SIX_O_CLOCK) & (hour < _DAY_H - _SIX_O_CLOCK)
    told = table["by_day"].to_numpy()
    columns = table.assign(
        solar_day=day,
        by_day=np.where(told >= 0, told == 1, by_sun).astype(bool),
        kind=table["kind"].astype("Int8"),
    )
    points = gpd.points_from_xy(table["longitude"], table["latitude"], crs=WGS84)
    return gpd.GeoDataFrame(columns[list(COLUMNS)], geometry=points, crs=WGS84)


def _notes_of_doubles(counts: Mapping[str, int]) -> list[str]:
    notes = []
    if counts["twice"]:
        notes.append(f"{counts['twice']} rows stand in the lists twice; one of each is kept")
    if counts["superseded"]:
        notes.append(f"{counts['superseded']} near-real-time rows are replaced by those of the standard archive")
    return notes
