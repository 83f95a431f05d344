"""Fire weather: how dry a month was, day by day on the weather's cells, and what both countries' scales call it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from habitat.contracts import Period
from habitat.contracts.errors import HabitatError, InputError, NotPossible, TooMuchMissing
from habitat.contracts.grid import Tile
from habitat.fire.weather import danger_rasters as rasters
from habitat.fire.weather.crosswalk import crosswalk, crosswalk_table
from habitat.fire.weather.danger_classes import EFFIS_LIMITS
from habitat.fire.weather.fire_rules import FireRules
from habitat.fire.weather.fire_season import GapRule, SeasonRule, Winter
from habitat.fire.weather.kpo_scales import KpoTable, kpo_table
from habitat.fire.weather.month_statistics import MonthOfFireWeather, daily_table, month_of, sentence_of
from habitat.fire.weather.month_statistics import days_without_weather as without_weather
from habitat.fire.weather_record import (
    Percentile,
    RecordState,
    limits_of_years_before,
    percentile_among_years,
    run_on,
)
from habitat.products.building.inputs import file_input
from habitat.products.product import Outcome, Params, Product, Sheets, Workshop
from habitat.sources.array_files import read_arrays, write_arrays
from habitat.sources.safe_yaml import read_yaml
from habitat.sources.weather_cells import WeatherCells, weather_cells
from habitat.sources.weather_files import WeatherRecord, weather_record
from habitat.store import Input, Published, Stage, estimated_bytes

Day = np.datetime64

_ONE = np.timedelta64(1, "D")
_FORMAT = 1
_SPIN_UP_DAYS = 365
_MONTH_DAY = r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"


class FireWeatherParams(Params):
    """Settings of the fire weather."""

    aside: ClassVar[frozenset[str]] = frozenset({"weather", "kpo_scales", "max_missing_days"})
    shown: ClassVar[frozenset[str]] = frozenset(
        {"cell_m", "classes", "extreme_days", "kpo_district", "percentile_years"}
    )
    """Fields that decide what is shown of the codes, and not the codes themselves."""

    weather: str | tuple[str, ...] | None = None
    """Paths or patterns (weather/era5_*.nc) of daily or hourly weather: NetCDF, Zarr or GRIB of one grid, or one table
    of stations (CSV with the columns of cffdrs and long); null: no fire weather."""
    noon_utc: str = "03:15"
    """Solar noon [HH:MM UTC]: of hours the nearest is taken, and the rain of the 24 hours up to it."""
    rain_adds_up: Literal["as-told", "by-step", "by-day"] = "as-told"
    """Whether rain of hours is that of each step or of the day since 00 UTC; as-told: by the file's words, else by the
    first year's values."""
    spinup_years: int | None = Field(None, ge=1, le=100)
    """Begin on 1 January so many years before; null begins with the first day of the weather."""
    cell_m: float = Field(1000.0, gt=0, le=50_000)
    """Cells of the published rasters [m]; the weather's own are coarser."""
    station_range_km: float = Field(50.0, gt=0, le=500)
    """How far from a station its weather is taken to hold [km]."""
    max_missing_days: int = Field(5, ge=0, le=366)
    """Days of the period without any weather [d] with which it is still made."""

    season: Literal["snow", "temperature", "dates", "always"] = "snow"
    """When codes are computed: by snow on the ground, by temperature, by the calendar, or always."""
    snow_depth_m: float = Field(0.01, ge=0)
    """Depth above which snow lies [m]; for snow."""
    snow_free_days: int = Field(3, ge=1, le=60)
    """Days in a row without snow that start the season, the last is its first [d]; for snow."""
    snow_days: int = Field(1, ge=1, le=60)
    """Days in a row with snow that end it [d]; for snow."""
    start_above_c: float = 12.0
    """The season starts after days above this [degC]; for temperature."""
    stop_below_c: float = 5.0
    """It stops after days below this [degC]; for temperature."""
    temperature_days: int = Field(3, ge=1, le=60)
    """How many days in a row start or stop it [d]; for temperature."""
    temperature_read: Literal["temperature", "temperature_max"] = "temperature"
    """Temperature at noon, or the day's highest; for temperature."""
    season_start: str = Field("04-01", pattern=_MONTH_DAY)
    """First day in season [MM-DD]; for dates."""
    season_stop: str = Field("11-15", pattern=_MONTH_DAY)
    """First day out of season [MM-DD]; for dates."""

    overwinter: bool = True
    """Whether the drought code goes through the winter, or starts at 15 each spring."""
    carry_over: float = Field(0.75, gt=0, le=1)
    """Share of the autumn's dryness still there in spring [1]."""
    wetting: float = Field(0.75, ge=0, le=1)
    """Share of the winter's precipitation that reaches the deep humus [1]."""
    short_winter_days: int = Field(30, ge=0, le=366)
    """Breaks of at most so many days are no winter [d]."""
    bridge_days: int = Field(3, ge=0, le=366)
    """Longest gap of the weather after which all codes go on [d]."""
    constant: Literal["147.2", "147.27723"] = "147.2"
    """Constant of the fine fuel scale: that of 1985, of EFFIS and xclim, or that of cffdrs since 1.9.2."""
    duff: Literal["1985", "1987"] = "1985"
    """Rain equation of the duff moisture code."""
    latitude_adjust: bool = True
    """Whether day lengths follow the latitude, or are those of 46 N."""

    classes: Literal["effis", "local"] = "effis"
    """Limits of the danger classes: the European ones, or calibrated on the whole years before of this weather, 5 at
    least."""
    extreme_days: float = Field(4.0, gt=0, lt=365)
    """Days of a median year that are extreme [d]; for local classes."""
    kpo_scales: str | None = None
    """Path of the tables of KPO scales, such as configs/fire/kpo.yaml; null: the national scale."""
    kpo_district: str | None = None
    """District of these tables; null: the national scale."""
    percentile_years: int = Field(10, ge=2, le=100)
    """Earlier years of the record that a percentile wants."""

    def rules(self) -> FireRules:
        """Return the rules of the codes."""
        start, stop = (tuple(map(int, text.split("-"))) for text in (self.season_start, self.season_stop))
        runs = {"snow": (self.snow_free_days, self.snow_days), "temperature": (self.temperature_days,) * 2}
        season = SeasonRule(
            self.season,
            *runs.get(self.season, (1, 1)),
            today_counts=self.season != "temperature",
            start_above=self.start_above_c,
            stop_below=self.stop_below_c,
            snow_depth=self.snow_depth_m,
            start=(start[0], start[1]),
            stop=(stop[0], stop[1]),
            reads=self.temperature_read,
        )
        winter = Winter(self.carry_over, self.wetting, short_days=self.short_winter_days) if self.overwinter else None
        gaps = GapRule(self.bridge_days, max(15, self.bridge_days), max(53, self.bridge_days))
        return FireRules(
            self.constant, self.duff, season=season, winter=winter, gaps=gaps, latitude_adjust=self.latitude_adjust
        )


@dataclass(frozen=True)
class _Task:
    """All that a period is made from."""

    params: FireWeatherParams
    workshop: Workshop
    period: Period
    record: WeatherRecord
    cells: WeatherCells

    @property
    def first(self) -> Day:
        return Day(self.period.first_day, "D")

    @property
    def last(self) -> Day:
        return Day(self.period.last_day, "D")

    @cached_property
    def begins(self) -> Day:
        """First day of the run; what stands in the store has no say in it."""
        years = self.params.spinup_years
        early = Day(f"{self.period.year - years:04d}-01-01", "D") if years else self.record.first_day
        return min(max(early, self.record.first_day), self.first)

    def inputs(self, until: Day) -> tuple[Input, ...]:
        """Return the files with which the days from the first to another are computed."""
        named = self.record.named_files(self.begins, until)
        return tuple(file_input(name, path, self.workshop) for name, path in named.items())

    def key(self, until: Day) -> str:
        """Return the digest of all that decides the state at the end of a day."""
        decides = self.params.model_dump(mode="json", exclude=set(self.params.aside | self.params.shown))
        places = {name: np.asarray(part[1]).tolist() for name, part in self.record.places(self.cells.window).items()}
        files = [entry.checksum for entry in self.inputs(until)]
        rain = self.record.rain_rule(self.cells.window)
        content = [_FORMAT, FIRE_WEATHER.method, decides, places, str(self.begins), rain, files]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def pieces(self, first: Day, last: Day) -> Iterator[xr.Dataset]:
        """Read the weather from one day to another in pieces that fit."""
        total = int((self.last - self.begins) / _ONE)
        for weather in self.record.pieces(first, last, self.cells.window):
            yield weather
            done = int((weather["time"].values[-1].astype("datetime64[D]") - self.begins) / _ONE)
            self.workshop.progress("running through the weather", done, total)


def _task(params: FireWeatherParams, workshop: Workshop, period: Period) -> _Task:
    """Look at the files once a run, however often the plan asks."""
    if params.weather is None:
        raise NotPossible("no weather given: set fire-weather.weather to the path of daily or hourly weather")
    wanted = NAME, workshop.area.name, params.model_dump_json()
    if wanted not in workshop.found:
        patterns = (params.weather,) if isinstance(params.weather, str) else params.weather
        record = weather_record(patterns, noon_utc=params.noon_utc, rain_adds_up=params.rain_adds_up)
        grid = workshop.area.grid.coarser(params.cell_m)
        reach = 1000 * params.station_range_km
        cells = weather_cells(record.latitude, record.longitude, grid, range_m=reach)
        workshop.found[wanted] = record, cells
    record, cells = workshop.found[wanted]
    task = _Task(params, workshop, period, record, cells)
    if task.last < record.first_day or task.first > record.last_day:
        span = f"{record.first_day} to {record.last_day}"
        raise InputError(f"the weather has days from {span}, none of {period}; give the files of the period")
    return task


def _scales(params: FireWeatherParams, workshop: Workshop) -> tuple[KpoTable, tuple[Input, ...]]:
    """Return the scales and the file they are from."""
    if params.kpo_scales is None:
        return KpoTable(), ()
    path = Path(params.kpo_scales).expanduser()
    entry = file_input("kpo_scales", path, workshop)
    return kpo_table(read_yaml(path)), (entry,)


def _inputs(params: FireWeatherParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    task = _task(params, workshop, period)
    return (*task.inputs(task.last), *_scales(params, workshop)[1])


def _earlier(task: _Task) -> tuple[RecordState | None, str]:
    """Return the latest state of the store that one long run would have had on its day, and where it is from."""
    own = "the first day of the weather"
    if task.params.classes == "local":
        return None, f"{own}: local classes want all days"
    held = task.workshop.store.list(NAME, task.workshop.area.name)
    ends = [(Day(entry.period.last_day, "D"), entry) for entry in held]
    for day, entry in sorted(ends, key=lambda pair: pair[0], reverse=True):
        if task.begins <= day < task.first:
            state = _kept(entry, task.key(day))
            if state is not None:
                return state, str(entry.id)
    return None, own


def _kept(entry: Published, key: str) -> RecordState | None:
    """Return the state of a version if it is whole and was made of the same."""
    try:
        arrays = read_arrays(entry.path("state"), key)
        return RecordState.from_arrays(arrays) if arrays is not None and not entry.problems("state") else None
    except HabitatError:
        return None


@dataclass(frozen=True, eq=False)
class _Run:
    """What became of the days."""

    days: xr.Dataset
    """Codes, season and Nesterov's index of the period."""
    missing: NDArray[np.datetime64]
    """Its days without weather."""
    state: RecordState
    limits: tuple[float, ...]
    """Of the danger classes."""


def _run(task: _Task, state: RecordState | None) -> _Run:
    rules, workers = task.params.rules(), task.workshop.workers
    earlier: list[xr.DataArray] = []
    for weather in task.pieces(state.day + _ONE if state else task.begins, task.first - _ONE):
        days, state = run_on(weather, rules, state, whole=False, workers=workers)
        earlier += [days["fwi"]] if task.params.classes == "local" else []
    limits: tuple[float, ...] = EFFIS_LIMITS
    if task.params.classes == "local":
        limits = limits_of_years_before(earlier, task.period.year, extreme_days=task.params.extreme_days)
    found, missing = [], []
    for weather in task.pieces(task.first, task.last):
        days, state = run_on(weather, rules, state, workers=workers)
        found.append(days)
        missing.append(without_weather(weather))
    assert state is not None, "a period has days"
    gone = np.concatenate(missing)
    total = int((task.last - task.first) / _ONE) + 1
    if gone.size > task.params.max_missing_days or gone.size == total:
        raise TooMuchMissing(
            f"{gone.size} of {total} days of {task.period} have no weather in the area, the first is {gone[0]}; the "
            f"weather tells of {task.record.first_day} to {task.record.last_day}; max_missing_days allows "
            f"{task.params.max_missing_days}. Complete the files, or allow more"
        )
    return _Run(xr.concat(found, "time"), gone, state, limits)


def build(params: FireWeatherParams, workshop: Workshop, period: Period) -> Outcome:
    """Compute the days of a period and publish what they come to.

    The run begins with the first day of the weather, or goes on from a state in the store that the same run had.

    Raises
    ------
    NotPossible
        If no weather is given.
    AreaOutsideData
        If the weather reaches no cell of the area.
    TooMuchMissing
        If too many days of the period have no weather.
    InputError
        If a file is lacking, is no weather or has none of the period, or the season's rule reads what is not there.
    """
    task = _task(params, workshop, period)
    scales, more = _scales(params, workshop)
    inputs = (*task.inputs(task.last), *more)
    state, origin = _earlier(task)
    run = _run(task, state)
    month = month_of(run.days, limits=run.limits, scales=scales, district=params.kpo_district)
    percentile = percentile_among_years(
        run.state,
        task.first.astype("datetime64[M]"),
        task.last.astype("datetime64[M]"),
        min_years=params.percentile_years,
    )
    weights = task.cells.counts(workshop.area.polygon)
    table = daily_table(run.days, weights, limits=run.limits, scales=scales, district=params.kpo_district)
    layers = rasters.layers_of(month, percentile.values, task.cells.smooth, task.cells.nearest)
    specs = [spec for spec in rasters.EVERY if spec.name in layers]
    gaps = _gaps(task, run, percentile)
    estimate = estimated_bytes(task.cells.grid, *specs)
    with workshop.store.begin(NAME, workshop.area, period, estimate=estimate, grid=task.cells.grid) as stage:
        sheets = Sheets(stage, specs)
        rows, columns = task.cells.grid.shape
        for spec in specs:
            sheets.write(spec.name, Tile(0, 0, rows, columns), layers[spec.name])
        _write_files(stage, task, run, month, table)
        sheets.draw(f"{workshop.area.title or workshop.area.name} · {period}")
        summary = f"{period}: {sentence_of(table)}"
        total = len(table)
        counts = {"expected": total, "used": total - run.missing.size, "masked": 0, "missing": int(run.missing.size)}
        ledger = {"counts": counts, "missing_days": run.missing.astype(str).tolist(), "state_from": origin}
        record = FIRE_WEATHER.record(params, workshop, period, inputs=inputs, ledger=ledger, gaps=gaps)
        properties = {
            "habitat:summary": summary,
            "habitat:partial": run.missing.size > 0,
            "habitat:danger_limits": [round(limit, 4) for limit in run.limits],
            "habitat:mapping": task.cells.how,
            "habitat:run_begins": str(run.state.begins),
            "habitat:state_from": origin,
            "habitat:weather_notes": task.record.notes,
        }
        published = stage.publish(record, properties, title=FIRE_WEATHER.title, description=FIRE_WEATHER.description)
    return Outcome(published, summary, gaps, int(run.missing.size))


def _gaps(task: _Task, run: _Run, percentile: Percentile) -> tuple[tuple[str, str], ...]:
    gaps = []
    if run.missing.size:
        named = ", ".join(run.missing.astype(str)[:5]) + (", ..." if run.missing.size > 5 else "")
        gaps.append(("days", f"{run.missing.size} without weather: {named}"))
    if not task.cells.reached.all():
        gaps.append(("part of the area", f"{1 - task.cells.reached.mean():.1%} of its cells lie beyond the weather"))
    spun = int((task.first - run.state.begins) / _ONE)
    if spun < _SPIN_UP_DAYS:
        gaps.append(("spin-up", f"the codes began {spun} days before, with the values a season starts with"))
    if not np.isfinite(percentile.values).any():
        wanted = task.params.percentile_years
        gaps.append(("percentile", f"{percentile.years} earlier years with enough days in season, wants {wanted}"))
    if task.params.kpo_scales is None:
        gaps.append(("KPO scales of districts", "no kpo_scales given: the national scale holds"))
    return tuple(gaps)


def _write_files(stage: Stage, task: _Task, run: _Run, month: MonthOfFireWeather, table: pd.DataFrame) -> None:
    def write(name: str, title: str, rows: pd.DataFrame) -> None:
        text = rows.to_csv(index=False, float_format="%.7g", lineterminator="\n")
        stage.file(name, title=title, roles=("data-table",)).write_text(text, encoding="utf-8")

    write("daily.csv", "Days: means of the area, classes, and cells by state", table)
    inside = task.cells.counts(task.workshop.area.polygon) > 0
    months = run.days["time"].dt.month.values
    counted = crosswalk(month.fwi_classes[:, inside], month.kpo_classes[:, inside], months)
    write("crosswalk.csv", "Days of cells by class of both scales", crosswalk_table(counted))
    path = stage.file("state.npz", title="State at the end, from which the next month goes on")
    write_arrays(path, run.state.arrays(), task.key(task.last))


NAME = "fire-weather"
FIRE_WEATHER = Product(
    name=NAME,
    title="Fire weather",
    description=(
        "Canadian fire weather index and moisture codes of the days in season, danger classes of EFFIS and of the "
        "Russian scale (KPO), and the state of the fire season; computed on the cells of the weather."
    ),
    method="1",
    params=FireWeatherParams,
    inputs=_inputs,
    build=build,
)
