"""The point command's work: a table of points through time in, one row for each point and change out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from habitat.change.history_layers import IndexOf
from habitat.change.monitoring.monitor_rules import BOTH, DIRECTIONS, FALL, RISE, MonitorRules, loss_direction
from habitat.change.monitoring.season_model import Season
from habitat.change.point_changes import (
    METHODS,
    MONITOR,
    SEGMENTS,
    TRAJECTORIES,
    MonthDay,
    PointChange,
    monitor_change,
    segment_changes,
    trajectory_change,
)
from habitat.change.trajectories import FALLS, RISES, TrajectoryRules
from habitat.contracts.errors import ConfigError, InputError
from habitat.imagery.indices import INDICES
from habitat.sources.point_tables import BANDS, PointColumns, PointSeries, PointTable, read_point_table
from habitat.store.disk import write_atomically

__all__ = ["COLUMNS", "PointColumns", "PointReport", "PointRequest", "named_bands", "write_point_changes"]

COLUMNS = (
    "point", "method", "series", "change", "last_before", "first_departure", "confirmed", "magnitude", "before",
    "towards", "reason", "looks", "first_look", "last_look",
)  # fmt: skip
"""Columns of the table that is written."""
_DEFAULT_SERIES = "nbr"
_RISING_BANDS = ("blue", "red", "swir1", "swir2")
_SHOWN = 8


@dataclass(frozen=True)
class PointRequest:
    """What is asked of a table of points.

    Parameters
    ----------
    table, output : Path
        CSV to read and CSV to write.
    series : str, optional
        A column of the table, or the name of an index to be made from its bands; ``nbr`` by default.
    methods : sequence of str
        Of ``monitor``, ``segments``, ``trajectories``; by default all that the table and the request allow.
    until : date, optional
        Last day of the history of monitors; without it none is run.
    process : str
        Of the monitor: ``mosum``, ``cusum``, ``ewma`` or ``iqr``.
    direction : str
        ``fall``, ``rise`` or ``both``: where the series goes with loss; ``auto`` by its name.
    confirm : int
        Looks in a row that confirm a change of the monitor.
    order : int
        Harmonics of the year in the monitor's season model.
    summer : str
        Days whose median is the value of a year: ``06-10/09-10``.
    columns : PointColumns
        Which columns are what.
    """

    table: Path
    output: Path
    series: str | None = None
    methods: Sequence[str] = ()
    until: date | None = None
    process: str = "mosum"
    direction: str = "auto"
    confirm: int = 3
    order: int = 2
    summer: str = "06-10/09-10"
    columns: PointColumns = field(default_factory=PointColumns)


@dataclass(frozen=True)
class PointReport:
    """What became of a table.

    Parameters
    ----------
    output : Path
        The table of changes.
    points : int
        Points of the table.
    changes : dict of str to int
        Points with a change, by method.
    reasons : dict of str to int
        Rows by method and reason.
    notes : tuple of str
        What people should know.
    """

    output: Path
    points: int
    changes: dict[str, int]
    reasons: dict[str, int]
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        counts = {"points": self.points, "points_with_change": self.changes, "reasons": self.reasons}
        return {"output": str(self.output), **counts, "notes": list(self.notes)}

    def text(self) -> str:
        """Return everything in lines."""
        told = "; ".join(f"{method}: {count} of {self.points} points changed" for method, count in self.changes.items())
        more = [f"… and {len(self.notes) - _SHOWN} more notes, see --json"] if len(self.notes) > _SHOWN else []
        reasons = [f"  {count} {reason}" for reason, count in self.reasons.items()]
        return "\n".join([f"{self.output}: {told}", *reasons, *self.notes[:_SHOWN], *more])


def write_point_changes(request: PointRequest) -> PointReport:
    """Look for changes in the series of points and write one row for each point and change.

    Points without a change have one row for each method with the reason; so nobody is left out.

    Parameters
    ----------
    request : PointRequest

    Raises
    ------
    ConfigError
        If an option is wrong, or the output is the table.
    InputError
        If the table is not as it should be, or lacks what a method wants.
    PublishError
        If the output cannot be written.
    """
    if request.output.resolve() == request.table.resolve():
        raise ConfigError(f"{request.output} is the table to read; choose another file to write")
    summer = _summer(request.summer)
    table, name = _read(request)
    notes = list(table.notes)
    methods = _methods(request, table, notes)
    sign = _direction(request.direction, name)
    works = _works(request, methods, name, sign, summer)
    rows = []
    for point in table.points:
        for method in methods:
            rows += [_row(point, name, change, sign) for change in _judged(point, name, method, works[method])]
    written = pd.DataFrame(rows, columns=list(COLUMNS))
    write_atomically(request.output, written.to_csv(index=False, lineterminator="\n").encode())
    changed = written[written["change"] > 0]
    counts = {method: int(changed.loc[changed["method"] == method, "point"].nunique()) for method in methods}
    reasons = Counter(
        f"{method}: {reason}" for method, reason in zip(written["method"], written["reason"], strict=True)
    )
    return PointReport(request.output, len(table.points), counts, dict(sorted(reasons.items())), tuple(notes))


def named_bands(text: str) -> dict[str, str]:
    """Return the columns of bands that an option names.

    Raises
    ------
    ConfigError
        If the text is not of the form band=column,band=column.

    Examples
    --------
    >>> named_bands("nir=SR_B5, swir2=SR_B7")
    {'nir': 'SR_B5', 'swir2': 'SR_B7'}
    """
    pairs = [part.split("=", 1) for part in text.split(",") if part.strip()]
    if any(len(pair) != 2 or not all(side.strip() for side in pair) for pair in pairs):
        raise ConfigError(f"the bands are {text!r}, want band=column with commas between: nir=SR_B5,swir2=SR_B7")
    return {band.strip(): column.strip() for band, column in pairs}


def _read(request: PointRequest) -> tuple[PointTable, str]:
    """Return the table and the name of its series: a column where one has that name, else an index."""
    wanted, columns = request.series or _DEFAULT_SERIES, request.columns
    try:
        table = read_point_table(request.table, _with_series(columns, wanted))
    except InputError as error:
        if "for the series" not in str(error) or wanted.lower() not in INDICES:
            raise
        table = read_point_table(request.table, columns)
        bands = table.points[0].bands
        lacking = [band for band in INDICES[wanted.lower()].bands if band not in bands]
        if lacking:
            raise InputError(
                f"{request.table} has no column {wanted!r}, and to make it lacks the bands {', '.join(lacking)}; it "
                f"has {', '.join(bands) or 'none'}. Name a column with --series, or bands with --bands {lacking[0]}=…"
            ) from error
    return table, wanted


def _with_series(columns: PointColumns, series: str) -> PointColumns:
    told = {name: getattr(columns, name) for name in columns.__dataclass_fields__}
    return PointColumns(**(told | {"series": series}))


def _summer(text: str) -> tuple[MonthDay, MonthDay]:
    try:
        first, last = (date.fromisoformat(f"2001-{day}") for day in text.split("/"))
    except ValueError as error:
        raise ConfigError(f"the summer is {text!r}, wants two days such as 06-10/09-10") from error
    return (first.month, first.day), (last.month, last.day)


def _methods(request: PointRequest, table: PointTable, notes: list[str]) -> tuple[str, ...]:
    """Return the methods that are run: those asked for, or all for which there is what they want."""
    if wrong := [name for name in request.methods if name not in METHODS]:
        raise ConfigError(f"there is no method {', '.join(wrong)}; choose of {', '.join(METHODS)}")
    lacking = {}
    if request.until is None:
        lacking[MONITOR] = "say with --history-until on which day its history ends"
    if absent := [band for band in BANDS if band not in table.points[0].bands]:
        lacking[SEGMENTS] = f"the table has no {', '.join(absent)}; segments want all of {', '.join(BANDS)}"
    for name in request.methods:
        if name in lacking:
            raise ConfigError(f"{name} cannot be run: {lacking[name]}")
    if not request.methods:
        notes += [f"{name} not run: {why}" for name, why in lacking.items()]
    return tuple(name for name in METHODS if name in (request.methods or METHODS) and name not in lacking)


def _direction(said: str, series: str) -> str:
    """Return whether a series falls or rises with loss."""
    if said != "auto":
        if said not in DIRECTIONS:
            raise ConfigError(f"the direction is {said!r}, wants auto, {', '.join(DIRECTIONS)}")
        return said
    name = series.lower()
    if name in INDICES:
        return loss_direction(name)
    if name in BANDS:
        return RISE if name in _RISING_BANDS else FALL
    found = [known for known in INDICES if known in name]
    if not found:
        raise ConfigError(
            f"whether {series!r} falls or rises where trees are lost cannot be told by its name; say --direction"
        )
    return loss_direction(max(found, key=len))


Work = Callable[[PointSeries, NDArray[np.bool_], NDArray[np.float64]], list[PointChange]]


def _works(
    request: PointRequest, methods: Sequence[str], series: str, direction: str, summer: tuple[MonthDay, MonthDay]
) -> dict[str, Work]:
    """Return what each method does with a point, its usable looks and its series."""
    works: dict[str, Work] = {}
    if MONITOR in methods:
        rules = MonitorRules(process=request.process, direction=direction, confirm=request.confirm)
        assert request.until is not None, "checked with the methods"
        until = np.datetime64(request.until, "D")
        middle = str(until - np.timedelta64(730, "D"))
        season = Season(order=request.order, trend=False, origin=middle)
        works[MONITOR] = lambda point, used, values: [
            monitor_change(point.days[used], values[used], until=until, rules=rules, season=season)
        ]
    if TRAJECTORIES in methods:
        if direction == BOTH:
            raise ConfigError("trajectories want a direction of loss; say --direction fall or rise")
        traced = TrajectoryRules(RISES if direction == RISE else FALLS, one_year_recovery=False, p_value=0.05)
        works[TRAJECTORIES] = lambda point, used, values: [
            trajectory_change(point.days[used], values[used], rules=traced, summer=summer)
        ]
    if SEGMENTS in methods:
        told = (series if series.lower() in INDICES else _DEFAULT_SERIES).lower()
        index = _index_of_bands(told)
        works[SEGMENTS] = lambda point, _, __: segment_changes(
            point.days, np.stack([point.bands[band] for band in BANDS]), point.state, index
        )
    return works


def _index_of_bands(name: str) -> IndexOf:
    """Return an index as a function of all bands at once."""
    entry = INDICES[name]
    places = [BANDS.index(band) for band in entry.bands]

    def index(reflectance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(entry.function(*(reflectance[place] for place in places)), np.float64)

    return index


def _judged(point: PointSeries, series: str, method: str, work: Work) -> list[PointChange]:
    """Return what a method says of a point; a point it cannot judge gets the reason."""
    values = _values(point, series)
    used = point.clear & np.isfinite(values)
    if not used.any():
        return [PointChange(method, "no clear looks", 0)]
    try:
        return work(point, used, values)
    except InputError as error:
        return [PointChange(method, f"not possible: {error}", int(used.sum()))]


def _values(point: PointSeries, series: str) -> NDArray[np.float64]:
    if point.values is not None:
        return point.values
    entry = INDICES[series.lower()]
    return np.asarray(entry.function(*(point.bands[band] for band in entry.bands)), np.float64)


def _row(point: PointSeries, series: str, change: PointChange, direction: str) -> dict[str, Any]:
    sign = np.sign(change.magnitude) if np.isfinite(change.magnitude) else 0
    ways = {0: "", DIRECTIONS[direction] or -1: "loss", -(DIRECTIONS[direction] or -1): "gain"}
    towards = ways[int(sign)] if direction != BOTH else {0: "", 1: "rise", -1: "fall"}[int(sign)]
    days = [change.last_before, change.first_departure, change.confirmed]
    numbers = [f"{value:.5g}" if np.isfinite(value) else "" for value in (change.magnitude, change.before)]
    told = ["" if day is None else str(day) for day in days]
    ends = [str(point.days[0]), str(point.days[-1])]
    cells = [point.name, change.method, series, change.number, *told, *numbers, towards, change.reason]
    return dict(zip(COLUMNS, [*cells, change.looks, *ends], strict=True))
