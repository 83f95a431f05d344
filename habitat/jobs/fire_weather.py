"""The station command's work: a table of weather in, the same table with codes and states out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError, InputError
from habitat.fire.weather.fire_rules import FireRules
from habitat.fire.weather.fire_season import (
    IN_SEASON,
    SEASON_STATES,
    SeasonRule,
    always,
    by_dates,
    by_snow,
    by_temperature,
)
from habitat.fire.weather.moisture_codes import DEFAULT_CONSTANT
from habitat.fire.weather_index import CODES, fire_weather
from habitat.sources.weather_stations import StationRecord, StationTable, read_stations
from habitat.store.disk import write_atomically

SeasonName = Literal["always", "temperature", "snow", "dates"]
STATE_COLUMN = "season"
_DIGITS = 12


@dataclass(frozen=True)
class StationReport:
    """What became of a table.

    Parameters
    ----------
    output : Path
        The table with codes.
    stations, rows : int
        How many.
    states : dict of str to int
        Rows by state.
    notes : tuple of str
        What people should know, such as gaps.
    """

    output: Path
    stations: int
    rows: int
    states: dict[str, int]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        counts = {"stations": self.stations, "rows": self.rows, "states": self.states}
        return {"output": str(self.output), **counts, "notes": list(self.notes)}

    def text(self) -> str:
        """Return everything in lines."""
        states = ", ".join(f"{count} {state}" for state, count in self.states.items())
        return "\n".join([f"{self.output}: {self.rows} days of {self.stations} stations; {states}", *self.notes])


def write_station_codes(
    source: Path, output: Path, *, constant: str = DEFAULT_CONSTANT, season: SeasonName = "always"
) -> StationReport:
    """Append the codes of the Fire Weather Index System to a table of stations.

    Every station begins with the codes 85, 6 and 15 and runs from its first row to its last.

    Parameters
    ----------
    source : Path
        CSV with the columns of cffdrs tables: id, lat, long, yr, mon, day, temp, rh, ws, prec; perhaps tmax and snd.
    output : Path
        CSV to write: the columns and rows of the source as they are, then ffmc, dmc, dc, isi, bui, fwi, dsr, and
        season, which tells why codes are empty. It appears whole or not at all.
    constant : {'147.2', '147.27723'}
        Constant of the fine fuel scale.
    season : {'always', 'temperature', 'snow', 'dates'}
        When codes are computed: always, as cffdrs has it; after three days with more than 12 degC at noon, or of tmax
        where the table has it, and until three with less than 5; from the third day without snow (snd) to the first
        with it; or from 1 April to 14 November.

    Returns
    -------
    StationReport

    Raises
    ------
    ConfigError
        If the constant or the season is unknown, or output is source.
    InputError
        If the table is not as it should be.
    PublishError
        If the output cannot be written.
    """
    if output.resolve() == source.resolve():
        raise ConfigError(f"{output} is the table to read; choose another file to write")
    table = read_stations(source)
    rules = FireRules(constant, season=_season_rule(season, table))
    columns = {name: np.full(len(table.text), np.nan) for name in CODES}
    states = np.zeros(len(table.text), np.uint8)
    notes = []
    for group in _with_the_same_days(table.stations):
        found = _codes_of(group, rules)
        for number, station in enumerate(group):
            told = station.rows >= 0
            for name in CODES:
                columns[name][station.rows[told]] = found[name].values[told, 0, number]
            states[station.rows[told]] = found["season"].values[told, 0, number]
            notes += _notes_of(station, found["season"].values[:, 0, number])
    _write(table, columns, states, output)
    counts = Counter(SEASON_STATES[int(state)] for state in states)
    return StationReport(output, len(table.stations), len(table.text), dict(counts), tuple(notes))


def _season_rule(name: str, table: StationTable) -> SeasonRule:
    hottest = all("temperature_max" in station.values for station in table.stations)
    rules = {
        "always": always(),
        "temperature": by_temperature(reads="temperature_max" if hottest else "temperature"),
        "snow": by_snow(),
        "dates": by_dates(),
    }
    if name not in rules:
        raise ConfigError(f"there is no season {name!r}; choose of {', '.join(rules)}")
    if name == "snow" and not all("snow_depth" in station.values for station in table.stations):
        raise InputError(
            "the table has no snow depth (snd, metres), which the season by snow wants; choose another season"
        )
    return rules[name]


def _with_the_same_days(stations: Sequence[StationRecord]) -> list[list[StationRecord]]:
    """Return the stations in groups that are computed at once, each with one calendar."""
    groups: dict[tuple[Any, ...], list[StationRecord]] = {}
    for station in stations:
        groups.setdefault((station.days[0], station.days[-1]), []).append(station)
    return list(groups.values())


def _codes_of(group: Sequence[StationRecord], rules: FireRules) -> xr.Dataset:
    dims = ("time", "y", "x")
    values = {
        name: (dims, np.stack([station.values[name] for station in group], axis=1)[:, None]) for name in group[0].values
    }
    latitude = ("x", [station.latitude for station in group])
    coords = {"time": group[0].days.astype("datetime64[ns]"), "latitude": latitude}
    return fire_weather(xr.Dataset(values, coords), rules, precision="double")[0]


def _notes_of(station: StationRecord, states: NDArray[np.uint8]) -> list[str]:
    notes = []
    absent = int((station.rows < 0).sum())
    if absent:
        first = station.days[station.rows < 0][0]
        notes.append(f"{station.name}: {absent} days have no row, the first is {first}; they count as missing")
    missing = int((states == 3).sum())
    if missing:
        notes.append(f"{station.name}: {missing} days without complete weather have no codes")
    settling = int((states == 4).sum())
    if settling:
        notes.append(f"{station.name}: {settling} days after longer gaps have codes that are still settling")
    if station.latitude < 0:
        notes.append(f"{station.name}: lies south of the equator and has the day lengths of its own latitude")
    if not (np.isin(states, (IN_SEASON, 4))).any():
        notes.append(f"{station.name}: no day has codes; see the column {STATE_COLUMN}")
    return notes


def _write(
    table: StationTable, columns: dict[str, NDArray[np.float64]], states: NDArray[np.uint8], output: Path
) -> None:
    found = table.text.copy()
    for name, values in columns.items():
        found[name] = [f"{value:.{_DIGITS}g}" if np.isfinite(value) else "" for value in values]
    found[STATE_COLUMN] = [SEASON_STATES[int(state)] for state in states]
    write_atomically(output, found.to_csv(index=False, lineterminator="\n").encode())
