"""Files of one weather record: what they span, and any piece of their daily weather."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.contracts.errors import InputError
from habitat.sources.weather import (
    DAY_H,
    NOON_UTC,
    WEATHER_UNITS_KEPT,
    daily_weather,
    noon_of_day,
    open_weather,
    step_hours,
)
from habitat.sources.weather_hours import NoWholeDay, RainAddsUp, adds_up_by_day
from habitat.sources.weather_names import NamedWeather, named_weather
from habitat.sources.weather_stations import read_stations
from habitat.sources.weather_units import converted

_DAY = np.timedelta64(1, "D")
PIECE_BYTES = 48e6
"""Weather worked on at once, in single precision [B]."""
_LOOKED_AT_DAYS = 400
"""Days at a record's begin by which is told how its rain adds up, where its words do not tell."""
_FAR = np.timedelta64(90, "m")
_TABLE = (".csv", ".txt")
_NUMBERS = re.compile(r"[-+\d.:]+(?:e[-+]?\d+)?")
Window = tuple[slice, slice]
"""Rows and columns of the cells wanted."""


@dataclass(frozen=True)
class WeatherFile:
    """A file of a record.

    Parameters
    ----------
    path : Path
        Where it is; a folder if it is Zarr.
    first, last : datetime64[m]
        First and last time in it, UTC.
    """

    path: Path
    first: np.datetime64
    last: np.datetime64


@dataclass
class WeatherRecord:
    """Weather of many days on some cells, read piece by piece; made by `weather_record`.

    Parameters
    ----------
    files : tuple of WeatherFile
        In the order of their times.
    latitude, longitude : float64 array
        Of the cells: (y,) and (x,), or both (y, x).
    first_day, last_day : datetime64[D]
        First and last day the record can tell of.
    step_h : float [h]
        Time from one value to the next; 24 for daily records.
    noon : timedelta64
        Solar noon after 00 UTC.
    rain_adds_up : {'as-told', 'by-step', 'by-day'}
        Of `read_weather`.
    variables : tuple of str
        What there is of the daily weather.
    table : Dataset, optional
        All of it, if it came from a table of stations.
    notes : list of str
        Conversions, assumptions and gaps met so far, each once.
    """

    files: tuple[WeatherFile, ...]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    first_day: np.datetime64
    last_day: np.datetime64
    step_h: float
    noon: np.timedelta64
    rain_adds_up: RainAddsUp
    variables: tuple[str, ...]
    table: xr.Dataset | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the cells."""
        if self.latitude.ndim == 2:
            return self.latitude.shape[0], self.latitude.shape[1]
        return self.latitude.size, self.longitude.size

    def named_files(self, first: np.datetime64, last: np.datetime64) -> dict[str, Path]:
        """Return the files with which the days from one to another are computed, each with a name of its own."""
        far: Any = first - 2 * _DAY
        found: dict[str, Path] = {}
        for file in self.files:
            if file.first.astype("datetime64[D]") <= last and file.last >= far:
                twins = sum(path.name == file.path.name for path in found.values())
                found[file.path.name + (f" #{twins + 1}" if twins else "")] = file.path
        return found

    def pieces(self, first: np.datetime64, last: np.datetime64, window: Window) -> Iterator[xr.Dataset]:
        """Read the daily weather from one day to another in pieces of `PIECE_BYTES`, but of a month at least."""
        cells = int(np.prod([len(range(size)[part]) for size, part in zip(self.shape, window, strict=True)]))
        of_day = cells * len(self.variables) * 4 * DAY_H / self.step_h
        step = int(np.clip(PIECE_BYTES / of_day, 31, 36_600)) * _DAY
        while first <= last:
            yield self.days(first, min(first + step - _DAY, last), window)
            first = first + step

    def days(self, first: np.datetime64, last: np.datetime64, window: Window) -> xr.Dataset:
        """Read the daily weather of every day from one to another, both included; NaN where there is none.

        The same day has the same values, bit by bit, whatever piece it is read with.

        Parameters
        ----------
        first, last : datetime64[D]
            Days.
        window : (slice, slice)
            Rows and columns.

        Returns
        -------
        Dataset (time, y, x)
            As of `read_weather`, in memory.

        Raises
        ------
        InputError
            If a file cannot be read or holds what no weather is.
        """
        every = np.arange(first, last + _DAY).astype("datetime64[ns]")
        if self.table is not None:
            return self.table.isel(y=window[0], x=window[1]).reindex(time=every)
        found = self._found(first, last, window)
        blank = self._blank(every, window)
        if found is None:
            return blank
        whole = found.reindex(time=every)
        return whole.assign({name: values for name, values in blank.items() if name not in whole})

    def _found(self, first: np.datetime64, last: np.datetime64, window: Window) -> xr.Dataset | None:
        # Rain of hours reaches back to the noon before, and where it is added up, to the hour before that.
        begin, end = first - (2 * _DAY if self.step_h < DAY_H else 0 * _DAY), last + _DAY
        piece = self._piece(begin.astype("datetime64[m]"), end.astype("datetime64[m]"), window)
        if piece is None:
            return None
        try:
            found = daily_weather(piece, self.step_h, self.noon, rain_adds_up=self.rain_rule(window))
        except NoWholeDay:
            return None
        self._note(found.notes)
        return found.values

    def _piece(self, begin: np.datetime64, end: np.datetime64, window: Window) -> NamedWeather | None:
        """Return what the files hold from one time up to, and without, another."""
        parts: list[NamedWeather] = []
        for file in self.files:
            if file.last < begin or file.first >= end:
                continue
            with open_weather(file.path) as opened:
                named = named_weather(opened)
                times = slice(*np.searchsorted(named.times.astype("datetime64[m]"), (begin, end)))
                values = named.dataset.isel(time=times, y=window[0], x=window[1])
                if values.sizes["time"]:
                    parts.append(replace(named, dataset=values.load()))
        if len(parts) < 2:
            return parts[0] if parts else None
        joined = [
            part.dataset.rename({part.found[name]: parts[0].found[name] for name in parts[0].found}) for part in parts
        ]
        return replace(
            parts[0], dataset=xr.concat(joined, "time", data_vars="all", coords="minimal", compat="override")
        )

    def rain_rule(self, window: Window) -> RainAddsUp:
        """Tell once for the whole record how its rain adds up, or a dry month would tell otherwise than a wet one."""
        if self.rain_adds_up == "as-told" and self.step_h < DAY_H:
            begin = self.files[0].first
            piece = self._piece(begin, begin + _LOOKED_AT_DAYS * _DAY, window)
            assert piece is not None, "a record begins where it begins"
            told = piece.variable("rain")
            amounts = converted(told, "mm", step_hours=self.step_h).values.values
            by_day = adds_up_by_day(told, amounts, piece.times.astype("datetime64[m]"))
            self.rain_adds_up = "by-day" if by_day else "by-step"
        return self.rain_adds_up

    def _blank(self, every: NDArray[Any], window: Window) -> xr.Dataset:
        rows, columns = (len(range(size)[part]) for size, part in zip(self.shape, window, strict=True))
        nothing = np.full((every.size, rows, columns), np.nan, np.float32)
        dims = ("time", "y", "x")
        made = {name: (dims, nothing, {"units": WEATHER_UNITS_KEPT[name]}) for name in self.variables}
        return xr.Dataset(made, {"time": every} | self.places(window))

    def places(self, window: Window) -> dict[str, Any]:
        """Return the coordinates of the cells of a window, for a dataset over y and x."""
        if self.latitude.ndim == 2:
            return {"latitude": (("y", "x"), self.latitude[window]), "longitude": (("y", "x"), self.longitude[window])}
        return {"latitude": ("y", self.latitude[window[0]]), "longitude": ("x", self.longitude[window[1]])}

    def _note(self, notes: Sequence[str]) -> None:
        # What counts values tells of one piece only.
        self.notes += [
            note for note in notes if note not in self.notes and not any(sign.isdigit() for sign in note[:4])
        ]


def weather_record(
    patterns: Sequence[str], *, noon_utc: str = NOON_UTC, rain_adds_up: RainAddsUp = "as-told"
) -> WeatherRecord:
    """Look at the files of a record without reading their values.

    Parameters
    ----------
    patterns : sequence of str
        Paths, or patterns such as ``weather/era5_*.nc``: NetCDF, Zarr or GRIB of one grid, which follow each other in
        time; or one table of stations.
    noon_utc : str
        Time of solar noon, ``HH:MM``.
    rain_adds_up : {'as-told', 'by-step', 'by-day'}
        Of `read_weather`.

    Returns
    -------
    WeatherRecord

    Raises
    ------
    InputError
        If a file is not there or no weather, or files do not belong together.
    """
    paths = [path for pattern in patterns for path in _paths(pattern)]
    if any(path.suffix.lower() in _TABLE for path in paths):
        return _of_table(paths)
    looks = [_look(path, _state_of(path)) for path in paths]
    looks.sort(key=lambda look: (look.first, str(look.path)))
    head = looks[0]
    for look in looks[1:]:
        if not (np.array_equal(look.latitude, head.latitude) and np.array_equal(look.longitude, head.longitude)):
            raise InputError(f"{look.path} has other cells than {head.path}; give files of one grid")
        if look.variables != head.variables:
            raise InputError(
                f"{look.path} has {', '.join(look.variables)}, {head.path} has {', '.join(head.variables)}; give files "
                "of one source"
            )
    times = np.concatenate([look.times for look in looks])
    step, noon = step_hours(times), noon_of_day(noon_utc)
    first, last = _span(times, step, noon)
    files = tuple(WeatherFile(look.path, look.first, look.last) for look in looks)
    return WeatherRecord(files, head.latitude, head.longitude, first, last, step, noon, rain_adds_up, head.variables)


def _span(times: NDArray[np.datetime64], step: float, noon: np.timedelta64) -> tuple[Any, Any]:
    if step >= DAY_H:
        return times[0].astype("datetime64[D]"), times[-1].astype("datetime64[D]")
    # The first day of hours has no 24 hours of rain up to its noon.
    minutes = times[[0, -1]].astype("datetime64[m]")
    return minutes[0].astype("datetime64[D]") + _DAY, (minutes[1] - noon + _FAR).astype("datetime64[D]")


def _paths(pattern: str) -> list[Path]:
    path = Path(pattern).expanduser()
    if path.exists():
        return [path]
    if not glob.has_magic(str(path)):
        raise InputError(f"there is no weather {path}; check the name")
    found = sorted(Path(name) for name in glob.glob(str(path), recursive=True))  # noqa: PTH207
    if not found:
        raise InputError(f"no file is named like {pattern}; check the pattern")
    return found


@dataclass(frozen=True, eq=False)
class _Look:
    path: Path
    times: NDArray[np.datetime64]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    variables: tuple[str, ...]

    @property
    def first(self) -> Any:
        return self.times[0].astype("datetime64[m]")

    @property
    def last(self) -> Any:
        return self.times[-1].astype("datetime64[m]")


@lru_cache(maxsize=4096)
def _look(path: Path, _states: tuple[tuple[int, int], ...]) -> _Look:
    with open_weather(path) as opened:
        named = named_weather(opened)
        if named.times.size == 0:
            raise InputError(f"{path} has no times")
        latitude, longitude = (np.array(named.dataset[name].values) for name in ("latitude", "longitude"))
        return _Look(path, np.array(named.times), latitude, longitude, _daily_names(named))


def _daily_names(named: NamedWeather) -> tuple[str, ...]:
    there = {"temperature", "humidity", "wind", "rain"} | set(named.found)
    there |= {"snow_depth"} if "snow_water" in there else set()
    return tuple(name for name in WEATHER_UNITS_KEPT if name in there)


def _of_table(paths: Sequence[Path]) -> WeatherRecord:
    if len(paths) > 1:
        raise InputError(f"{len(paths)} files and a table of stations among them; give one table, or other files")
    stations = read_stations(paths[0]).stations
    lost = [station.name for station in stations if not np.isfinite(station.longitude)]
    if lost:
        raise InputError(
            f"{paths[0]} has no longitude (long) for {', '.join(lost)}; maps want to know where stations are"
        )
    names = [name for name in WEATHER_UNITS_KEPT if any(name in station.values for station in stations)]
    begin, end = min(station.days[0] for station in stations), max(station.days[-1] for station in stations)
    every = np.arange(begin, end + _DAY)
    columns = {name: np.full((every.size, 1, len(stations)), np.nan, np.float32) for name in names}
    for number, station in enumerate(stations):
        row = int((station.days[0] - begin).astype(int))
        for name, values in station.values.items():
            columns[name][row : row + values.size, 0, number] = values
    latitude, longitude = (
        np.array([[getattr(station, name) for station in stations]]) for name in ("latitude", "longitude")
    )
    places = {"latitude": (("y", "x"), latitude), "longitude": (("y", "x"), longitude)}
    made = {name: (("time", "y", "x"), values, {"units": WEATHER_UNITS_KEPT[name]}) for name, values in columns.items()}
    table = xr.Dataset(made, {"time": every.astype("datetime64[ns]")} | places)
    first, last = every[0].astype("datetime64[m]"), every[-1].astype("datetime64[m]")
    file = WeatherFile(paths[0], first, last)
    noon = noon_of_day(NOON_UTC)
    return WeatherRecord((file,), latitude, longitude, every[0], every[-1], DAY_H, noon, "as-told", tuple(names), table)


def _state_of(path: Path) -> tuple[tuple[int, int], ...]:
    """Return sizes and times of change, so that a file is looked at once in a process as long as it stays as it is."""
    parts = sorted(part for part in path.rglob("*") if part.is_file()) if path.is_dir() else [path]
    try:
        states = [part.stat() for part in parts]
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; check its permissions") from error
    return tuple((state.st_size, state.st_mtime_ns) for state in states)
