"""Forest change: departures of each pixel from its own usual season, month after month, and since when."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from habitat.change.change_layers import BEFORE_AND_AFTER, COURSE, DATES, NOT_FOREST, REASON, magnitude_spec
from habitat.change.monitoring.monitors import MONITOR_CODES
from habitat.change.monitoring.season_model import Codes
from habitat.contracts import Ledger, Period
from habitat.contracts.errors import HabitatError, NotPossible
from habitat.contracts.estimate import UNVALIDATED
from habitat.contracts.grid import Tile
from habitat.contracts.raster_spec import INDEX_NODATA, RasterSpec
from habitat.contracts.span import Span
from habitat.products.building.change_alarms import alarms_told
from habitat.products.building.change_instrument import Instrument, instrument_for
from habitat.products.building.change_params import ForestChangeParams
from habitat.products.building.change_run import ChangeRun, Forest, dates_of
from habitat.products.building.change_series import ChangeSeries
from habitat.products.building.change_state import StateReader, StateTold, StateWriter
from habitat.products.building.inputs import scene_input
from habitat.products.product import Need, Outcome, Product, Sheets, Workshop
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.catalogues.searching import Found, search
from habitat.sources.scenes.observations import ClearPixels
from habitat.sources.scenes.preflight import Checked, Missing, refuse_much_missing
from habitat.sources.scenes.rasters import Rasters
from habitat.sources.scenes.threads import told_in_threads
from habitat.sources.scenes.tile_view import SceneLost
from habitat.sources.zone_masks import zone_masks
from habitat.store import Input, Published, Stage, area_digest, estimated_bytes

_FORMAT = 1
"""Of the state."""
_STATE_BYTES = 160
"""Disk [B] a pixel's state takes at most."""
_ONE = timedelta(days=1)


@dataclass
class _Task:
    """One build: what is read, and what was found out on the way."""

    params: ForestChangeParams
    workshop: Workshop
    period: Period
    found: Found
    gaps: list[tuple[str, str]] = field(default_factory=list)
    mixing: list[dict[str, Any]] = field(default_factory=list)

    @property
    def since(self) -> date:
        return self.params.since(self.period)

    def key(self, until: date) -> str:
        """Return the digest of all that decides the state at the end of a day."""
        decides = self.params.model_dump(mode="json", exclude=set(self.params.aside | self.params.shown))
        decides["monitor_from"] = str(self.since)
        scenes = [scene_input(scene, self.workshop).identity for scene in self.found if scene.solar_day <= until]
        content = [_FORMAT, FOREST_CHANGE.method, decides, area_digest(self.workshop.area), sorted(scenes)]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def tell(self, what: str, items: Sequence[Any], work: Callable[[Any], Any]) -> list[Any]:
        workshop = self.workshop
        return told_in_threads(work, items, workshop.workers, lambda *done: workshop.progress(what, *done))


def _found(params: ForestChangeParams, workshop: Workshop, period: Period) -> Found:
    """Search all scenes from the first day of the history to the last of the period, once a run."""
    first, last = params.history(period).first_day, period.last_day
    if last < params.since(period):
        raise NotPossible(f"monitoring begins on {params.since(period)}, after {period}; build a later month")
    key = ("forest-change", str(period), workshop.area.name, params.model_dump_json())
    found: Found | None = workshop.found.get(key)
    if found is None:
        provider = provider_for(params.catalogue, requester_pays=params.requester_pays)
        # A day more on either side: catalogues count in UTC, series in solar days.
        around = Span(first - _ONE, last + _ONE)
        every = search(
            params.sensors, workshop.area, around, catalogue=provider, max_cloud_cover=params.max_cloud_cover
        )
        kept = tuple(scene for scene in every if first <= scene.solar_day <= last)
        others = tuple((scene.id, "outside the period") for scene in every if scene not in kept)
        chosen, apart = instrument_for(params).choose(kept, params.since(period))
        found = replace(every, scenes=tuple(chosen), dropped=(*every.dropped, *others, *apart))
        workshop.found[key] = found
    found.require()
    past = {scene.solar_day for scene in found if scene.solar_day < params.since(period)}
    if len(past) < params.min_observations:
        raise NotPossible(
            f"there are {len(past)} dates from {first} to {params.since(period) - _ONE}, wanted at least "
            f"{params.min_observations} for a usual season; set forest-change.history_years higher, or monitor later"
        )
    return found


def _forest(params: ForestChangeParams, workshop: Workshop, period: Period) -> Published | None:
    """Return the forest cover: the latest from before monitoring, else the first since."""
    if not params.forest:
        return None
    held = workshop.store.list("forest-cover", workshop.area.name)
    fitting = [entry for entry in held if entry.grid == workshop.area.grid and entry.period.last_day <= period.last_day]
    fitting.sort(key=lambda entry: (entry.period.last_day, str(entry.period)))
    before = [entry for entry in fitting if entry.period.last_day < params.since(period)]
    return before[-1] if before else fitting[0] if fitting else None


def _inputs(params: ForestChangeParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    found = _found(params, workshop, period)
    forest = _forest(params, workshop, period)
    scenes = tuple(scene_input(scene, workshop) for scene in found)
    return (*scenes, *((forest.as_input(),) if forest else ()))


def _earlier(task: _Task) -> tuple[StateReader | None, str]:
    """Return the latest state of the store that one long run would have had on its day, and where it is from."""
    held = task.workshop.store.list("forest-change", task.workshop.area.name)
    days = [(entry.period.last_day, entry) for entry in held]
    for day, entry in sorted(days, key=lambda pair: pair[0], reverse=True):
        if not task.since <= day < task.period.last_day or day + _ONE not in {
            span.first_day for span in task.params.chunks(task.period)
        }:
            continue
        try:
            reader = StateReader(entry.path("state"))
            if reader.told.key == task.key(day) and not entry.problems("state"):
                return reader, str(entry.id)
        except HabitatError:
            continue
    return None, "its history"


def build(params: ForestChangeParams, workshop: Workshop, period: Period) -> Outcome:
    """Carry the monitors of an area to the end of a period and publish what they found.

    The state of an earlier month is carried on if the store has one that was made of the same; else monitors are
    opened from their history. Both ways give the same pixels.

    Raises
    ------
    NotPossible
        If the history carries no model anywhere, or monitoring has not begun.
    InputError
        If there are no scenes, too many cannot be read, or sensors differ by more than allowed.
    """
    task = _Task(params, workshop, period, _found(params, workshop, period))
    instrument = instrument_for(params)
    kept, origin = _earlier(task)
    with instrument.rasters(task.found.provider) as rasters:
        checked = _checked(task, instrument, rasters, kept)
        if kept and {scene.id for scene in checked.scenes} & {entry[0] for entry in kept.told.missing}:
            # What a month could not read can be read now: one long run would have it.
            kept, origin = None, "its history, for scenes that could not be read before"
            checked = _checked(task, instrument, rasters, None)
        while True:
            task.gaps, task.mixing = [], []
            try:
                return _built(task, instrument, (checked, rasters), kept, origin)
            except SceneLost as lost:
                checked = checked.without(Missing(lost.scene, lost.reason, str(lost)))


def _checked(task: _Task, instrument: Instrument, rasters: Rasters, kept: StateReader | None) -> Checked:
    """Look at the scenes that are to be read, and at those that an earlier month could not read."""
    if kept is None:
        return instrument.check(list(task.found), rasters, task.workshop.workers)
    again = {entry[0] for entry in kept.told.missing}
    until = date.fromisoformat(kept.told.until)
    scenes = [scene for scene in task.found if scene.solar_day > until or scene.id in again]
    checked = instrument.check(scenes, rasters, task.workshop.workers)
    # What was missing then and is missing still has been told and allowed for.
    return replace(checked, missing=tuple(entry for entry in checked.missing if entry.scene.id not in again))


def _built(
    task: _Task, instrument: Instrument, readable: tuple[Checked, Rasters], kept: StateReader | None, origin: str
) -> Outcome:
    params, area, (checked, rasters) = task.params, task.workshop.area, readable
    refuse_much_missing(checked, area, params.max_missing_share)
    task.gaps += dict.fromkeys((*(kept.told.gaps if kept else ()), *instrument.gaps(checked)))
    task.mixing += [*(kept.told.mixing if kept else []), *_mixing(task, instrument, readable)]
    spans = params.chunks(task.period)
    if kept is not None:
        spans = tuple(span for span in spans if span.first_day > date.fromisoformat(kept.told.until))
    history = None if kept else instrument.series(checked, params.history(task.period), area, rasters)
    months = [instrument.series(checked, span, area, rasters) for span in spans]
    return _monitored(
        task, instrument, checked, _Series(history, kept, tuple(one for one in months if one.days)), origin
    )


def _mixing(task: _Task, instrument: Instrument, readable: tuple[Checked, Rasters]) -> list[dict[str, Any]]:
    """Compare the sensors in the latest year: what is older was compared when it was new, or costs too much."""
    checked, rasters = readable
    latest = task.period.last_day - timedelta(days=365)
    recent = tuple(scene for scene in checked.scenes if scene.solar_day > latest)
    names = {scene.id for scene in recent}
    plain = [scene for scene in task.found if scene.id in names]
    found = instrument.mixing(replace(checked, scenes=recent), plain, task.workshop.area, rasters)
    return [found.to_dict()] if found.measured or found.unknown else []


@dataclass(frozen=True)
class _Series:
    """What is read: a history or the state of an earlier month, and the months after it."""

    history: ChangeSeries | None
    kept: StateReader | None
    months: tuple[ChangeSeries, ...]

    @property
    def days(self) -> tuple[list[int], list[int]]:
        """Ordinals of the dates of the history and of those monitored."""
        past = self.kept.told.history if self.kept else self.history.days if self.history else []
        before = self.kept.told.monitored if self.kept else []
        return past, [*before, *(day for series in self.months for day in series.days)]


def _specs(params: ForestChangeParams, unit: str) -> list[RasterSpec]:
    specs = [REASON, DATES, magnitude_spec(params.index, unit, params.scale), COURSE]
    return specs if params.radar else [*specs, BEFORE_AND_AFTER]


def _monitored(task: _Task, instrument: Instrument, checked: Checked, series: _Series, origin: str) -> Outcome:
    params, workshop, period = task.params, task.workshop, task.period
    grid, forest = workshop.area.grid, _forest(params, workshop, period)
    if params.forest and forest is None:
        task.gaps.append(("forest", "no forest cover in the store: all ground is monitored"))
    late = forest is not None and forest.period.last_day >= task.since
    if forest is not None and late:
        told = f"the forest cover is of {forest.period}, after monitoring began: ground that has departed is kept"
        task.gaps.append(("forest", told))
    kept, specs = series.kept, _specs(params, instrument.unit)
    memory = params.memory_mb_per_worker * 2**20
    tiles = kept.told.places() if kept else series.history.tiles(memory) if series.history else []
    estimate = estimated_bytes(grid, *specs) + _STATE_BYTES * math.prod(grid.shape)
    with workshop.store.begin("forest-change", workshop.area, period, estimate=estimate) as stage:
        states = StateWriter(stage.file("state.zip", title="State of the monitors, from which the next month goes on"))
        clear = ClearPixels()
        clear.add("earlier", kept.told.clear if kept else {})
        run = ChangeRun(
            params,
            workshop.area,
            period,
            series.history,
            kept,
            series.months,
            zone_masks(workshop.area)[workshop.area.name],
            Forest(forest.open_window("forest"), late) if forest else None,
            Sheets(stage, specs),
            states,
            clear,
        )
        try:
            task.tell("monitoring", list(enumerate(tiles)), run.work)
            states.close(_told(task, checked, series, tiles, clear))
        finally:
            states.abort()
        return _publish(stage, task, run, checked, _From(origin, forest, series))


@dataclass(frozen=True)
class _From:
    """What a version was made from."""

    origin: str
    forest: Published | None
    series: _Series


def _told(task: _Task, checked: Checked, series: _Series, tiles: Sequence[Tile], clear: ClearPixels) -> StateTold:
    """Return what the state says of itself."""
    until = task.period.last_day
    past, later = series.days
    earlier = series.kept.told if series.kept else None
    missing = [(entry.scene.id, entry.reason, entry.text) for entry in checked.missing]
    return StateTold(
        key=task.key(until),
        until=until.isoformat(),
        tiles=[(tile.row, tile.column, tile.height, tile.width) for tile in tiles],
        history=past,
        monitored=later,
        clear={scene.id: pixels for scene in task.found if (pixels := clear.of(scene.id))},
        missing=[*(earlier.missing if earlier else []), *missing],
        mixing=task.mixing,
        gaps=[gap for gap in task.gaps if gap[0] != "forest"],
    )


def _ledger(task: _Task, checked: Checked, run: ChangeRun, kept: StateReader | None) -> Ledger:
    """Account for every scene since the history began, whichever month has read it."""
    lost = {scene: (reason, text) for scene, reason, text in (kept.told.missing if kept else [])}
    lost |= {entry.scene.id: (entry.reason, entry.text) for entry in checked.missing}
    missing = tuple(Missing(scene, *lost[scene.id]) for scene in task.found if scene.id in lost)
    usable = tuple(scene for scene in task.found if scene.id not in lost)
    every = Checked(usable, checked.headers, missing)
    return run.clear.ledger(task.found, every, math.prod(task.workshop.area.grid.shape))


def _publish(stage: Stage, task: _Task, run: ChangeRun, checked: Checked, source: _From) -> Outcome:
    params, workshop, period = task.params, task.workshop, task.period
    hectares, since = run.tally.hectares, task.since
    if not hectares["monitored"]:
        raise NotPossible(_nothing_monitored(task, run))
    ledger = _ledger(task, checked, run, source.series.kept)
    _write(stage, "ledger.json", "What became of every expected observation", ledger.to_dict())
    alarms = _alarms(task, run, source.series)
    _write(stage, "false-alarms.json", "How many pixels of stable ground are reported all the same", alarms)
    if alarms["per_1000km2_and_month"] is None:
        task.gaps.append(("false alarms", str(alarms["why"])))
    if task.mixing:
        _write(stage, "mixing.json", "Differences between the sensors", task.mixing)
    run.sheets.draw(f"{workshop.area.title or workshop.area.name} · {period}")
    counts, gaps = ledger.counts(), tuple(task.gaps)
    lost = {seen.scene for seen in ledger.observations() if seen.outcome.startswith("missing")}
    scenes = tuple(scene_input(scene, workshop) for scene in task.found if scene.id not in lost)
    inputs = (*scenes, *((source.forest.as_input(),) if source.forest else ()))
    record = FOREST_CHANGE.record(params, workshop, period, inputs=inputs, ledger=ledger.to_dict(), gaps=gaps)
    summary = (
        f"{period}: {hectares['confirmed']:,.0f} ha changed since {since}, {hectares['new']:,.0f} ha of them confirmed "
        f"in {period}, {hectares['waiting']:,.0f} ha departed and not confirmed yet ({UNVALIDATED}); {_watched(run)}; "
        f"{counts['used']} of {counts['expected']} scenes used, {counts['missing']} missing"
    )
    properties = {
        "habitat:summary": summary,
        "habitat:year": since.year,
        "habitat:monitor_from": since.isoformat(),
        "habitat:index": params.index,
        "habitat:direction": params.rules.direction,
        "habitat:history": [str(params.history(period).first_day), str(params.history(period).last_day)],
        "habitat:state_from": source.origin,
        "habitat:ha": {name: round(value, 2) for name, value in sorted(hectares.items())} | {"basis": UNVALIDATED},
        "habitat:reasons": _reasons(run),
        "habitat:false_alarms_per_1000km2_and_month": alarms["per_1000km2_and_month"],
        "habitat:partial": counts["missing"] > 0,
    }
    published: Published = stage.publish(
        record, properties, title=FOREST_CHANGE.title, description=FOREST_CHANGE.description
    )
    return Outcome(published, summary, gaps, counts["missing"])


def _write(stage: Stage, name: str, title: str, content: Any) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    stage.file(name, title=title).write_text(text, encoding="utf-8")


def _alarms(task: _Task, run: ChangeRun, series: _Series) -> dict[str, Any]:
    past, later = (dates_of(days) for days in series.days)
    samples = [sample for _, sample in sorted(run.tally.samples.items())]
    models, codes = task.params.models(task.since), Codes(INDEX_NODATA, task.params.scale)
    resolution = task.workshop.area.grid.resolution_m
    return alarms_told(samples, (past, later), models, task.params.rules, codes=codes, resolution_m=resolution)


def _reasons(run: ChangeRun) -> dict[str, int]:
    words = MONITOR_CODES | {NOT_FOREST: "not forest"}
    return {words[code]: count for code, count in sorted(run.tally.pixels.items())}


def _watched(run: ChangeRun) -> str:
    monitored, forest = run.tally.hectares["monitored"], run.tally.hectares["forest"]
    ground = "forest" if run.forest is not None else "ground"
    return f"{monitored:,.0f} of {forest:,.0f} ha of {ground} monitored"


def _nothing_monitored(task: _Task, run: ChangeRun) -> str:
    told = ", ".join(f"{count} {words}" for words, count in _reasons(run).items())
    return (
        f"no pixel of {task.workshop.area.name} can be monitored from {task.since} ({told}); wanted at least "
        f"{task.params.min_observations} looks in leaf in {task.params.history(task.period)}. Give more scenes, raise "
        "forest-change.history_years, or lower min_observations"
    )


FOREST_CHANGE = Product(
    name="forest-change",
    title="Forest change",
    description=(
        "Departures of each pixel from its own usual season since monitoring began: first departure, confirmation, "
        "magnitude, what came after, and why a pixel says nothing."
    ),
    method="1",
    params=ForestChangeParams,
    inputs=_inputs,
    build=build,
    needs=(Need("forest-cover", optional=True),),
)
