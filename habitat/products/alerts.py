"""Alerts: changes of the forest as patches that keep their names, with status, likely agent and expected false ones."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from habitat.change.alerts import alert_list, patch_table
from habitat.change.alerts.agents import Agents, likely_agents
from habitat.change.alerts.alert_rasters import ALERT_SPECS
from habitat.change.alerts.alert_words import AlertSum
from habitat.change.alerts.expected_false import ExpectedFalse, expected_false
from habitat.change.alerts.loss import bare_level
from habitat.change.alerts.patches import change_patches, shared_pixels
from habitat.change.alerts.status import STAGES, StatusRules, stage_of
from habitat.change.alerts.tile_status import (
    BANDS,
    Scale,
    ScarTimes,
    TileStatus,
    near_scars,
    record_layers,
    tile_status,
)
from habitat.change.monitoring.monitor_rules import LOSS_RISES
from habitat.contracts import Period
from habitat.contracts.errors import InputError, NotPossible
from habitat.contracts.grid import Tile
from habitat.contracts.pixel_areas import pixel_areas
from habitat.fire.burnt_outlines import joined_outlines, outlines_of
from habitat.fire.hotspots import footprints, without_static
from habitat.products.building.alert_params import AlertsParams
from habitat.products.building.inputs import file_input
from habitat.products.product import Need, Outcome, Product, Sheets, Workshop
from habitat.sources.hotspots import read_hotspots
from habitat.sources.scenes.threads import told_in_threads
from habitat.sources.vectors import grown, read_vectors
from habitat.store import Input, Published, Stage, WindowReader, estimated_bytes
from habitat.store.vectors import write_vectors

_NAME, _SOURCE, _SCARS = "alerts", "forest-change", "fire-scars"
_FOREST = "forest-cover_"
_TILE = 1024
_MARGIN_DEG = 0.05
_ROADS_M = 20_000.0
_DIGITS = 6
_M2_PER_HA = 1e4
_LINES: tuple[Literal["line"]] = ("line",)
_HIDDEN = ["looks", "year", "listed"]  # what only the next month wants


@dataclass
class _Task:
    """One build: what is read, and what was found out on the way."""

    params: AlertsParams
    workshop: Workshop
    period: Period
    source: Published
    earlier: Published | None
    scars: tuple[Published, ...]
    gaps: list[tuple[str, str]] = field(default_factory=list)

    @property
    def year(self) -> int:
        return int(self.source.item["properties"]["habitat:year"])

    @property
    def month(self) -> alert_list.Month:
        last = self.period.last_day
        return alert_list.Month(f"{last:%Y-%m}", np.datetime64(last), self.year)

    @property
    def scale(self) -> Scale:
        index = str(self.source.item["properties"].get("habitat:index", ""))
        unit = str(self.source.item["assets"]["magnitude"]["bands"][0]["unit"])
        bare = bare_level(index, self.params.bare)
        rules = StatusRules(high=self.params.high_loss, returned=self.params.returned_looks)
        return Scale(bare, unit, index in LOSS_RISES, rules)

    def inputs(self) -> tuple[Input, ...]:
        params, entries = self.params, (self.source, self.earlier, *self.scars)
        files = [(f"hotspots-{n}", name) for n, name in enumerate(params.hotspots, 1)]
        files += [("roads", params.roads)] if params.roads else []
        read = tuple(file_input(name, Path(path), self.workshop) for name, path in files)
        return (*(entry.as_input() for entry in entries if entry is not None), *read)

    def tell(self, what: str, work: Any) -> list[Any]:
        workshop, tiles = self.workshop, list(self.workshop.area.grid.tiles(_TILE))
        return told_in_threads(work, tiles, workshop.workers, lambda *done: workshop.progress(what, *done))


def _task(params: AlertsParams, workshop: Workshop, period: Period) -> _Task:
    """Find what there is in the store.

    Raises
    ------
    NotInStore
        If there is no forest-change of the period.
    NotPossible
        If it lies on another grid.
    """
    grid, name = workshop.area.grid, workshop.area.name
    source = workshop.store.get(_SOURCE, workshop.area, period)
    if source.grid != grid:
        raise NotPossible(f"{source.id} lies on another grid than {name} has now; build forest-change again")
    before = [entry for entry in workshop.store.list(_NAME, name) if entry.period.last_day < period.first_day]
    before = [entry for entry in before if entry.grid == grid and _length(entry.period) == _length(period)]
    earlier = max(before, key=lambda entry: entry.period.last_day, default=None)
    since = date(int(source.item["properties"]["habitat:year"]), 1, 1) - timedelta(days=params.scar_days)
    scars = [
        entry
        for entry in workshop.store.list(_SCARS, name)
        if entry.grid == grid and entry.period.last_day >= since and entry.period.last_day <= period.last_day
    ]
    return _Task(params, workshop, period, source, earlier, tuple(scars))


def _length(period: Period) -> int:
    return round((period.last_day - period.first_day).days / 30)


def _inputs(params: AlertsParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    return _task(params, workshop, period).inputs()


class _Reader:
    """Reads what the products of the store say of a tile."""

    def __init__(self, task: _Task) -> None:
        self._area, self._scale, source = task.workshop.area, task.scale, task.source
        self._open = {name: source.open_window(name) for name in ("reason", "dates", "magnitude", "course")}
        self._evidence: WindowReader | None = None
        if "evidence" in source.rasters:
            self._evidence = source.open_window("evidence")
        new_year = date(task.year, 1, 1).toordinal()
        self._scars = [
            (
                entry.open_window("status"),
                entry.open_window("dates"),
                ScarTimes(
                    date(int(entry.item["properties"]["habitat:year"]), 1, 1).toordinal() - new_year,
                    entry.period.last_day.toordinal() - new_year + 1,
                    task.params.scar_days,
                    task.params.scar_leaf_days,
                ),
            )
            for entry in task.scars
        ]

    def status(self, tile: Tile) -> TileStatus:
        opened = self._open
        amounts = opened["magnitude"].values(tile, "magnitude"), opened["magnitude"].values(tile, "usual")
        codes = opened["reason"].read(tile)[0], opened["dates"].read(tile, ("first_departure", "confirmed"))
        course = opened["course"].read(tile, ("departures", "returned"))
        return tile_status(*codes, amounts, course, self._scale)

    def records(self, tile: Tile, labels: NDArray[np.int32]) -> NDArray[np.void]:
        if not labels.any():
            return np.empty(0, patch_table.RECORD)
        seen, evidence, scar = self.status(tile), None, None
        if self._evidence is not None:
            names = [f"{band}_{when}" for band in BANDS for when in ("before", "after")]
            evidence = {name: self._evidence.values(tile, name) for name in names}
        for status, dates, times in self._scars:
            burnt, days = status.read(tile)[0], dates.read(tile, ("first-burnt",))[0]
            told, spoken = near_scars(burnt, days, seen.first, times)
            scar = (told, spoken) if scar is None else (np.fmax(scar[0], told), scar[1] | spoken)
        layers = record_layers(seen, pixel_areas(self._area.grid, tile), evidence, scar)
        return patch_table.pixel_records(labels, layers)


def build(params: AlertsParams, workshop: Workshop, period: Period) -> Outcome:
    """Make alerts of a month's forest change, and publish them under the names they had before.

    Raises
    ------
    NotInStore
        If there is no forest-change of the period.
    NotPossible
        If it lies on another grid.
    InputError
        If a file cannot be used, or what an earlier month remembers cannot be read.
    """
    task = _task(params, workshop, period)
    inputs = task.inputs()
    reader, grid = _Reader(task), workshop.area.grid
    task.gaps += _gaps(task)
    status, first = np.empty(grid.shape, np.uint8), np.empty(grid.shape, np.int16)

    def look(tile: Tile) -> float:
        seen = reader.status(tile)
        status[_inside(tile)], first[_inside(tile)] = seen.status, seen.first
        return float(pixel_areas(grid, tile)[seen.monitored].sum())

    monitored_km2 = sum(task.tell("reading the course of changes", look)) / 1e6
    stages = stage_of(status)
    changed = (stages >= STAGES.index(params.from_stage)) & (stages < len(STAGES))
    labels = change_patches(changed, first, within_days=params.within_days, least_pixels=_least_pixels(task))
    parts = task.tell("gathering evidence", lambda tile: reader.records(tile, labels[_inside(tile)]))
    table = patch_table.patch_table(parts)
    found = _found(task, table, labels)
    false = _expected_false(task, monitored_km2)
    with workshop.store.begin(_NAME, workshop.area, period, estimate=estimated_bytes(grid, *ALERT_SPECS)) as stage:
        rasters: dict[str, NDArray[Any]] = {
            "status": status,
            "agent": alert_list.painted(labels, status, found.agents.agent),
            "confidence": alert_list.painted(labels, status, found.agents.confidence),
            "number": found.numbers,
        }
        _draw(stage, rasters, f"{workshop.area.title or workshop.area.name} · {period}")
        listed = _write(stage, task, found, false)
        limits = alert_list.Limits(params.min_area_ha, params.least_loss)
        words = AlertSum(str(period), found.told, listed, table.drop(index=found.chosen), limits, false)
        record = ALERTS.record(params, workshop, period, inputs=inputs, gaps=tuple(task.gaps))
        about = {"habitat:year": task.year} | words.numbers(status)
        published = stage.publish(record, about, title=ALERTS.title, description=ALERTS.description)
    return Outcome(published, words.sentence(), tuple(task.gaps))


@dataclass(frozen=True, eq=False)
class _Found:
    """The alerts of a month: rows to remember, outlines by number, numbers (y, x), agents of all patches by label."""

    rows: pd.DataFrame
    outlines: gpd.GeoSeries
    numbers: NDArray[np.uint32]
    agents: Agents
    told: alert_list.Told
    chosen: list[int]
    """Labels of the patches that are alerts."""


def _found(task: _Task, table: pd.DataFrame, labels: NDArray[np.int32]) -> _Found:
    """Name the patches, tell what made them, and join what is carried on from earlier months."""
    params, month, grid = task.params, task.month, task.workshop.area.grid
    memory, before = _memory(task)
    names = {int(row["number"]): str(row["id"]) for row in memory}
    overlaps = {(label, names[number]): n for (label, number), n in shared_pixels(labels, before).items()}
    limits = alert_list.Limits(params.min_area_ha, params.least_loss)
    chosen, named = alert_list.listed_patches(table, overlaps, memory, month, limits)
    carried, withdrawn = alert_list.carried_rows(named, memory, month, params.finished_months)
    number = {name: n for n, name in enumerate(sorted([*named.ids, *carried["id"]]), 1)}
    numbers = alert_list.numbers_of(labels, chosen, [number[name] for name in named.ids])
    old = alert_list.numbers_of(before, carried["number"].tolist(), [number[name] for name in carried["id"]])
    numbers = np.where(numbers == 0, old, numbers)
    parts = task.tell("drawing outlines", lambda tile: outlines_of(numbers[_inside(tile)].astype(np.int64), tile))
    outlines = joined_outlines(parts, grid)
    mine = outlines.reindex([number[name] for name in named.ids]).set_axis(chosen)
    agents = likely_agents(patch_table.patch_evidence(table, month.year, mine, _beside(task, table, mine)))
    place = table.index.get_indexer(chosen)
    picked = Agents(
        agents.agent[place], agents.confidence[place], agents.log_odds[place], [agents.why[i] for i in place]
    )
    rows = alert_list.alert_rows(table.loc[chosen], named, picked, memory, month, params.finished_months)
    told = alert_list.told_of(rows, memory, withdrawn)
    whole = alert_list.joined(rows, carried)
    whole["number"] = [number[name] for name in whole["id"]]
    # What a later patch has covered wholly has no ground of its own left.
    whole = whole[whole["number"].isin(outlines.index)].reset_index(drop=True)
    return _Found(whole, outlines, numbers, agents, told, chosen)


def _memory(task: _Task) -> tuple[list[dict[str, Any]], NDArray[np.uint32]]:
    """Read what the month before remembers, and which of its alerts each pixel belonged to."""
    grid = task.workshop.area.grid
    if task.earlier is None:
        return [], np.zeros(grid.shape, np.uint32)
    path = task.earlier.path("memory")
    try:
        rows = alert_list.memory_of(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read ({error}); build {_NAME} of {task.earlier.period} again") from error
    with task.earlier.open_window("number") as reader:
        return rows, np.asarray(reader.read(Tile(0, 0, *grid.shape))[0], np.uint32)


def _gaps(task: _Task) -> list[tuple[str, str]]:
    """Name what is not there and would have told more."""
    params = task.params
    masked = any(entry.id.startswith(_FOREST) for entry in task.source.record.inputs)
    missing = {
        "forest": (not masked, f"{_SOURCE} knew no forest cover: changes of fields and grass are among the alerts"),
        "earlier alerts": (task.earlier is None, "none in the store: every alert is new, whatever its date"),
        "fire scars": (not task.scars, "none of the season in the store: no evidence for or against fire from them"),
        "hotspots": (not params.hotspots, "no lists given: no evidence from them"),
        "roads": (not params.roads, "no file given: no evidence from them"),
        "loss": (task.scale.bare is None, "nobody has said what the index is over bare ground; set alerts.bare"),
        "reflectance": ("evidence" not in task.source.rasters, "radar has none: char and bare soil are not told"),
    }
    return [(name, why) for name, (lacks, why) in missing.items() if lacks]


def _beside(task: _Task, table: pd.DataFrame, outlines: gpd.GeoSeries) -> dict[str, dict[int, float]]:
    """Count hotspots near patches, and measure how far roads are."""
    params, area = task.params, task.workshop.area
    known: dict[str, dict[int, float]] = {}
    if params.hotspots:
        west, south, east, north = area.polygon.bounds
        around = west - _MARGIN_DEG, south - _MARGIN_DEG, east + _MARGIN_DEG, north + _MARGIN_DEG
        hot, _ = without_static(read_hotspots([Path(name) for name in params.hotspots], bounds=around).table)
        days = [pd.Timestamp(day).toordinal() for day in hot["solar_day"]]
        departed = table["first_day"] + date(task.year, 1, 1).toordinal() - 1
        ground = footprints(hot, area.grid.crs)
        known["hotspots"] = patch_table.nearby(outlines, departed, (ground, days), distance_m=params.hotspot_m)
    if params.roads:
        bounds = grown(area.grid.bounds, _ROADS_M)
        read = read_vectors(Path(params.roads), area.grid.crs, kinds=_LINES, bounds=bounds)
        task.gaps += [("roads", note) for note in read.notes]
        known["road_m"] = patch_table.road_distances(outlines, read.table.geometry)
    return known


def _expected_false(task: _Task, monitored_km2: float) -> ExpectedFalse | None:
    """Tell how many may be false, from what forest-change expects of unchanged ground."""
    told: Mapping[str, Any] = {}
    if "false-alarms" in task.source.paths:
        told = json.loads(task.source.path("false-alarms").read_text(encoding="utf-8"))
    pixel_m2, least = task.workshop.area.grid.resolution_m**2, task.params.min_area_ha
    found = expected_false(told, task.month.label, monitored_km2=monitored_km2, pixel_m2=pixel_m2, min_area_ha=least)
    if found is None:
        task.gaps.append(("expected false alarms", f"{_SOURCE} does not say ({told.get('why', 'no document')})"))
    return found


def _least_pixels(task: _Task) -> int:
    return math.ceil(task.params.min_area_ha * _M2_PER_HA / task.workshop.area.grid.resolution_m**2)


def _inside(tile: Tile) -> tuple[slice, slice]:
    return slice(tile.row, tile.row + tile.height), slice(tile.column, tile.column + tile.width)


def _draw(stage: Stage, rasters: Mapping[str, NDArray[Any]], title: str) -> None:
    # Numbers are names: a picture of them says nothing.
    pictured = [spec for spec in ALERT_SPECS if spec.name != "number"]
    sheets, numbers = Sheets(stage, pictured), stage.raster(ALERT_SPECS[-1])
    for tile in stage.grid.tiles(_TILE):
        for spec in pictured:
            sheets.write(spec.name, tile, np.ascontiguousarray(rasters[spec.name][_inside(tile)])[np.newaxis])
        numbers.write(tile, np.ascontiguousarray(rasters["number"][_inside(tile)])[np.newaxis])
    sheets.draw(title)


def _write(stage: Stage, task: _Task, found: _Found, false: ExpectedFalse | None) -> pd.DataFrame:
    """Write the listed alerts as outlines, and all for the next month; return those listed."""
    memory = json.dumps(alert_list.remembered(found.rows), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    path = stage.file("memory.json", title="What the next month has to know")
    path.write_text(memory, encoding="utf-8")
    shown = found.rows[found.rows["listed"]].reset_index(drop=True)
    outlines = gpd.GeoSeries(found.outlines.reindex(shown["number"]).to_numpy(), crs=stage.grid.crs)
    zones, countries = patch_table.zone_names(outlines, task.workshop.area.zones)
    columns = shown.drop(columns=_HIDDEN).assign(zone=zones, country=countries)
    columns = columns.astype({"zone": object, "country": object})
    share = np.nan if false is None else min(1.0, false.all_patches / max(len(shown), 1))
    columns["false_share_at_most"] = np.round(share, 4)
    columns["false_per_1000km2"] = np.nan if false is None else round(false.patches_per_1000km2, 2)
    table = gpd.GeoDataFrame(columns, geometry=outlines, crs=stage.grid.crs)
    write_vectors(stage.file("alerts.gpkg", title="Outlines of the alerts", roles=("data-vector",)), table)
    degrees = table.to_crs("EPSG:4326")
    if len(degrees):
        rounded = shapely.transform(degrees.geometry.to_numpy(), lambda places: np.round(places, _DIGITS))
        degrees = degrees.set_geometry(gpd.GeoSeries(rounded, crs="EPSG:4326"))
    path = stage.file("alerts-geojson.geojson", title="Outlines of the alerts, degrees", roles=("data-vector",))
    write_vectors(path, degrees)
    return shown


ALERTS = Product(
    name=_NAME,
    title="Alerts",
    description=(
        "Changes of the forest since monitoring began as patches that keep their names from month to month: where each "
        "stands, what probably made it, how large it is, and how many are expected to be false."
    ),
    method="1",
    params=AlertsParams,
    inputs=_inputs,
    build=build,
    needs=(Need(_SOURCE), Need(_SCARS, optional=True)),
)
