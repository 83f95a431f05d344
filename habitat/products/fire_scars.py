"""Fire scars: what burnt in the fire season of a month, when, how severely, and how often before."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from pydantic import Field

from habitat.contracts import Ledger, Period
from habitat.contracts.errors import AllMasked, NoScenes
from habitat.contracts.grid import Tile
from habitat.contracts.span import Span
from habitat.fire.burns.canopy import CANOPY_BANDS, CanopyLayers, summers
from habitat.fire.burns.fire_calendar import FireSeason, season_spans
from habitat.fire.burns.scar_layers import BYTES_PER_PIXEL, ScarLayers, on_disk, recurrence_codes
from habitat.fire.burns.scar_rasters import scar_specs
from habitat.fire.burns.season_days import season_days
from habitat.fire.burns.season_hotspots import SeasonHotspots, season_hotspots
from habitat.fire.burns.season_outlines import settled_outlines
from habitat.fire.scars import (
    BANDS,
    UNBURNT,
    UNOBSERVED,
    ScarRules,
    Seen,
    fire_scars,
    observed,
    scar_background,
    water_seen,
)
from habitat.imagery.bandpass import as_oli
from habitat.products.building.inputs import file_input, scene_input
from habitat.products.product import Outcome, Params, Product, Sheets, Workshop
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.catalogues.searching import Found, search
from habitat.sources.hotspot_days import hotspot_days
from habitat.sources.hotspots import read_hotspots
from habitat.sources.scenes.observations import ClearPixels, SeriesReader, also_found, within
from habitat.sources.scenes.preflight import (
    Checked,
    Missing,
    check_offsets_agree,
    check_scenes,
    refuse_much_missing,
)
from habitat.sources.scenes.rasters import Rasters
from habitat.sources.scenes.threads import told_in_threads
from habitat.sources.scenes.tile_view import SceneLost
from habitat.store import Input, Published, Stage, estimated_bytes
from habitat.store.vectors import write_vectors

_SAMPLE_TILES, _SAMPLE_PIXELS = 12, 60_000
"""From how many tiles and pixels the area's background is learnt."""
_MARGIN = 0.02
"""Degrees around the area within which hotspots may reach into it."""
_UNVALIDATED = "pixel count, unvalidated"


class FireScarsParams(Params):
    """Settings of the fire scars."""

    aside: ClassVar[frozenset[str]] = frozenset(
        {"catalogue", "requester_pays", "hotspots", "max_missing_share", "memory_mb_per_worker"}
    )

    catalogue: str = "earth-search"
    """Where scenes are searched, as for the composite."""
    requester_pays: bool = False
    """Whether you agree to pay for transfers from buckets whose reader pays."""
    sensors: tuple[Literal["sentinel2", "landsat"], ...] = Field(("sentinel2", "landsat"), min_length=1)
    """Which satellites; every clear look counts, for scars here are black for weeks only."""
    bandpass: Literal["none", "oli"] = "oli"
    """oli: bring all sensors to the bands of Landsat 8 OLI, which two sensors need."""
    max_cloud_cover: float | None = Field(90.0, ge=0, le=100)
    """Scenes that say they have more clouds [percent] are not read; null reads all."""
    without_mask: Literal["refuse", "all-clear"] = "refuse"
    """Scenes without a quality mask: refuse, or all-clear where all bands have data, for composites that are clean."""
    grow_m: float = Field(60.0, ge=0, le=5000)
    """Clouds are widened by this distance [m], specks of less than 3 x 3 pixels are not."""
    days_after: int = Field(20, ge=0, le=120)
    """Days after the period from which scenes still tell what burnt in it."""
    hotspots: tuple[str, ...] = ()
    """Lists of VIIRS and MODIS hotspots (CSV); a burn is likelier within their footprint and three days."""
    seed: float = Field(0.9, gt=0, lt=1)
    """Probability that at least one pixel of a scar must have."""
    grow: float = Field(0.7, gt=0, lt=1)
    """Probability of the pixels a scar grows through."""
    min_patch_ha: float = Field(0.25, ge=0)
    """Smallest scar [ha]."""
    burnt_share: float = Field(0.1, gt=0, lt=1)
    """Share of the ground that burns in an average main season: the chance before anything is seen."""
    max_missing_share: float = Field(0.2, ge=0, le=1)
    """Share of the expected observations [0 to 1, by area] that may be unreadable before the product is refused."""
    memory_mb_per_worker: int = Field(512, ge=64, le=65536)
    """Memory [MB] for the series of one tile; smaller tiles are read where there are many dates."""

    @property
    def rules(self) -> ScarRules:
        """How probabilities become scars."""
        return ScarRules(self.seed, self.grow, self.min_patch_ha, self.burnt_share)


def _seasons(params: FireScarsParams, period: Period) -> tuple[tuple[FireSeason, Span], ...]:
    return season_spans(period.first_day, period.last_day, params.days_after)


def _found(params: FireScarsParams, workshop: Workshop, period: Period) -> Found:
    key = ("fire-scars", str(period), workshop.area.name, params.model_dump_json())
    found: Found | None = workshop.found.get(key)
    seasons = _seasons(params, period)
    if found is None:
        span = Span(seasons[0][1].first_day, seasons[-1][1].last_day)
        provider = provider_for(params.catalogue, requester_pays=params.requester_pays)
        most = params.max_cloud_cover
        found = search(params.sensors, workshop.area, span, catalogue=provider, max_cloud_cover=most)
        for after in _summers_after(found, [season for season, _ in seasons]):
            more = search(params.sensors, workshop.area, after, catalogue=provider, max_cloud_cover=most)
            found = also_found(found, more)
        workshop.found[key] = found
    found.require()
    if not any(_looked_at(found, *entry) for entry in seasons):
        raise NoScenes(
            f"none of {len(found)} scenes for {found.where} is of the fire season itself "
            f"({seasons[0][0].first_day} to {seasons[-1][1].last_day}); build a later month, or allow more clouds"
        )
    return found


def _summers_after(found: Found, seasons: Sequence[FireSeason]) -> Iterator[Span]:
    """Summers that are compared with one of which there are scenes."""
    for before, after in map(summers, seasons):
        if any(within(scene, before) for scene in found.scenes):
            yield after


def _looked_at(found: Found, season: FireSeason, span: Span) -> bool:
    return any(season.first_day <= scene.solar_day <= span.last_day for scene in found.scenes)


def _inputs(params: FireScarsParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    found = _found(params, workshop, period)
    return (*(scene_input(one, workshop) for one in found.scenes), *_other_inputs(params, workshop, period))


def _other_inputs(params: FireScarsParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    files = tuple(file_input(f"hotspots-{n}", Path(name), workshop) for n, name in enumerate(params.hotspots, 1))
    return (*files, *(entry.as_input() for entry in _earlier(workshop, period)))


def _earlier(workshop: Workshop, period: Period) -> tuple[Published, ...]:
    years = workshop.store.years_before("fire-scars", workshop.area, period)
    return tuple(entry for entry in reversed(years) if entry.grid == workshop.area.grid)


@dataclass
class _Work:
    """One build: what is read, what was found so far."""

    params: FireScarsParams
    workshop: Workshop
    period: Period
    found: Found
    rasters: Rasters
    gaps: list[tuple[str, str]] = field(default_factory=list)
    clear: ClearPixels = field(default_factory=ClearPixels)
    hectares: dict[str, float] = field(default_factory=dict)
    black_before: dict[str, float] = field(default_factory=dict)

    def tell(self, what: str, items: Sequence[Any], work: Callable[[Any], Any]) -> list[Any]:
        workshop = self.workshop
        return told_in_threads(work, items, workshop.workers, lambda *done: workshop.progress(what, *done))


def build(params: FireScarsParams, workshop: Workshop, period: Period) -> Outcome:
    """Find the scars of a period's fire seasons and publish them.

    Raises
    ------
    InputError
        If no scene is of the season, too many cannot be read, metadata and pixels contradict each other, no
        pixel was seen both in the season and before, or a list of hotspots is not there.
    """
    found = _found(params, workshop, period)
    _other_inputs(params, workshop, period)
    scenes = [as_oli(scene) for scene in found.scenes] if params.bandpass == "oli" else list(found.scenes)
    with Rasters(found.provider) as rasters:
        checked = check_scenes(scenes, rasters, BANDS, workers=workshop.workers, without_mask=params.without_mask)
        note = check_offsets_agree(checked, "harmonise")
        # What is wanted for the crowns only must not refuse the scars.
        last = _seasons(params, period)[-1][1].last_day
        while True:
            work = _Work(params, workshop, period, found, rasters)
            work.gaps += [("one radiometry", note)] if note else []
            work.gaps += [gap] if (gap := checked.mask_gap()) else []
            refuse_much_missing(checked, workshop.area, params.max_missing_share, until=last)
            try:
                return _built(checked, work)
            except SceneLost as lost:
                checked = checked.without(Missing(lost.scene, lost.reason, str(lost)))


def _built(checked: Checked, work: _Work) -> Outcome:
    earlier = _earlier(work.workshop, work.period)
    if not earlier:
        work.gaps.append(("recurrence", "no fire scars of earlier years of this period in the store"))
    work.gaps += [] if work.params.hotspots else [("hotspots", "no lists given: no burn is made likelier by them")]
    every = _seasons(work.params, work.period)
    seasons = [entry for entry in every if _looked_at(work.found, *entry)]
    work.gaps += [(entry[0].name, "no scene of the season itself") for entry in every if entry not in seasons]
    canopy = [season for season, _ in seasons if _both_summers(checked, season, work)]
    specs = scar_specs(recurrence=bool(earlier), canopy=bool(canopy))
    grid = work.workshop.area.grid
    estimate = estimated_bytes(grid, *specs) + BYTES_PER_PIXEL * grid.shape[0] * grid.shape[1]
    with work.workshop.store.begin("fire-scars", work.workshop.area, work.period, estimate=estimate) as stage:
        ledger_file = stage.file("ledger.json", title="What became of every expected observation")
        aside = Path(tempfile.mkdtemp(prefix="series-", dir=ledger_file.parent))
        sheets = Sheets(stage, specs)
        layers = ScarLayers(grid.shape, work.period.year, work.params.rules, on_disk(aside))
        outlines = [
            _season_found(checked, work, layers, season, span, sheets if span is seasons[-1][1] else None)
            for season, span in seasons
        ]
        crowns = CanopyLayers(grid.shape, on_disk(aside)) if canopy else None
        if crowns is not None:
            _compare_summers(checked, work, layers, crowns, canopy)
        _write(layers, sheets, work, earlier, crowns)
        shutil.rmtree(aside)
        for name in ("scars.gpkg", "scars-geojson.geojson"):
            path = stage.file(name, title="Outlines of the scars", roles=("data-vector",))
            write_vectors(
                path, gpd.GeoDataFrame(pd.concat([one for one in outlines if len(one)] or outlines[:1]), crs=grid.crs)
            )
        ledger = work.clear.ledger(work.found, checked, math.prod(grid.shape))
        ledger_file.write_text(json.dumps(ledger.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        sheets.draw(f"{work.workshop.area.title or work.workshop.area.name} · {work.period}")
        return _publish(stage, ledger, checked, work)


def _both_summers(checked: Checked, season: FireSeason, work: _Work) -> bool:
    """Tell whether there are scenes of the summers before and after a season's fires; what lacks is a gap."""
    lacking = [str(span) for span in summers(season) if not any(within(scene, span) for scene in checked.scenes)]
    if lacking:
        work.gaps.append((f"canopy-effect ({season.name})", f"no scene of {' nor of '.join(lacking)}"))
    return not lacking


def _season_found(
    checked: Checked, work: _Work, layers: ScarLayers, season: FireSeason, span: Span, sheets: Sheets | None
) -> gpd.GeoDataFrame:
    """Find the scars of one season and return their outlines; its dates are written if there are sheets."""
    area, grow_m = work.workshop.area, work.params.grow_m
    reader = SeriesReader(checked, span, area, work.rasters, bands=BANDS, purpose="scar", grow_m=grow_m)
    tiles, days = reader.tiles(work.params.memory_mb_per_worker * 2**20), reader.days
    learnt = scar_background(_sample(reader, tiles, work), days, season, work.params.rules)
    work.gaps += [(f"{name} ({season.name})", text) for name, text in learnt.gaps]
    hot = _hotspots(work, season)
    layers.begin()

    def look(tile: Tile) -> None:
        series, clear = reader.read(tile)
        seen, shape = observed(*series), (tile.height, tile.width)
        on = None if hot is None else hotspot_days(hot.footprints, hot.days, area.grid, tile).reshape(2, -1)
        water = water_seen(series.codes, seen)
        layers.put(tile, fire_scars(seen, learnt, shape, rules=work.params.rules, water=water, hotspots=on))
        if sheets is not None:
            sheets.write("season", tile, season_days(series.codes, seen, days, work.period.year, shape))
        work.clear.add(season.name, clear)

    work.tell(f"looking for scars of {season.name}", tiles, look)
    for tile in tiles:
        layers.count(tile)
    layers.patches.join()
    places: dict[str, Any] = {"zones": area.zones, "hotspots": None if hot is None else hot.table}
    left = settled_outlines(layers, tiles, season, area.grid, with_earlier=learnt.severe_only, **places)
    work.hectares[season.name], work.black_before[season.name] = left.burnt_ha, left.before_ha
    return left.table


def _sample(reader: SeriesReader, tiles: list[Tile], work: _Work) -> Seen:
    chosen = [tiles[i] for i in sorted({round(n) for n in np.linspace(0, len(tiles) - 1, _SAMPLE_TILES)})]
    step = max(1, sum(tile.height * tile.width for tile in chosen) // _SAMPLE_PIXELS)

    def pick(tile: Tile) -> Seen:
        series, _ = reader.read(tile)
        return observed(series.codes[:, :, ::step], series.clear[:, ::step])

    parts = work.tell("learning what unburnt ground does", chosen, pick)
    features, states = ([part[index] for part in parts] for index in (0, 1))
    return Seen(np.concatenate(features, axis=2), np.concatenate(states, axis=1))


def _hotspots(work: _Work, season: FireSeason) -> SeasonHotspots | None:
    if not work.params.hotspots:
        return None
    west, south, east, north = work.workshop.area.polygon.bounds
    around = west - _MARGIN, south - _MARGIN, east + _MARGIN, north + _MARGIN
    table = read_hotspots([Path(name) for name in work.params.hotspots], bounds=around).table
    return season_hotspots(table, season, work.workshop.area.grid.crs)


def _compare_summers(
    checked: Checked, work: _Work, layers: ScarLayers, canopy: CanopyLayers, seasons: Sequence[FireSeason]
) -> None:
    """Compare the summers before and after the fires of each season."""
    area = work.workshop.area
    for season in seasons:
        before, after = summers(season)
        options: dict[str, Any] = {"purpose": "forest", "grow_m": work.params.grow_m, "bands": CANOPY_BANDS}
        reader = SeriesReader(checked, (before, after), area, work.rasters, **options)
        tiles = reader.tiles(work.params.memory_mb_per_worker * 2**20)
        late = np.array(reader.days) >= after.first_day.toordinal()
        canopy.begin()

        def look(tile: Tile, *, reader: SeriesReader = reader, late: Any = late, name: str = season.name) -> None:
            series, clear = reader.read(tile)
            canopy.take(tile, *series, late, layers.read("status", tile) == UNBURNT)
            work.clear.add(f"canopy of {name}", clear)

        work.tell(f"comparing summers, {season.name}", tiles, look)
        if not np.isfinite(canopy.offsets()).all():
            work.gaps.append((f"canopy-effect ({season.name})", "too little unburnt ground was seen in both summers"))
        for tile in tiles:
            canopy.settle(tile, layers.read("status", tile) == season.code)


def _write(
    layers: ScarLayers, sheets: Sheets, work: _Work, earlier: Sequence[Published], crowns: CanopyLayers | None
) -> None:
    grid = work.workshop.area.grid
    readers = [entry.open_window("status") for entry in earlier]
    years = [*(entry.period.year for entry in earlier), work.period.year]
    codes = [season.code for season, _ in _seasons(work.params, work.period)]
    seen = 0
    for tile in grid.tiles(1024):
        status = layers.read("status", tile)
        seen += int(np.count_nonzero(status != UNOBSERVED))
        sheets.write("status", tile, status[np.newaxis])
        sheets.write("probability", tile, layers.read("probability", tile)[np.newaxis])
        sheets.write("dates", tile, np.stack([layers.read("unburnt", tile), layers.read("burnt", tile)]))
        sheets.write("severity", tile, layers.read("severity", tile))
        if crowns is not None:
            sheets.write("canopy-effect", tile, crowns.read(tile))
        if earlier:
            stack = np.stack([*(reader.read(tile, ("status",))[0] for reader in readers), status])
            sheets.write("recurrence", tile, recurrence_codes(stack, codes, years))
    if not seen:
        raise AllMasked(
            f"no pixel of {work.workshop.area.name} was seen clear both in the season of {work.period} and before; "
            "wanted at least one. Raise fire-scars.max_cloud_cover, or build a later month"
        )


def _publish(stage: Stage, ledger: Ledger, checked: Checked, work: _Work) -> Outcome:
    params, workshop, period = work.params, work.workshop, work.period
    counts, gaps, lost = ledger.counts(), tuple(work.gaps), {entry.scene.id for entry in checked.missing}
    scenes = tuple(scene_input(scene, workshop) for scene in work.found.scenes if scene.id not in lost)
    inputs = (*scenes, *_other_inputs(params, workshop, period))
    record = FIRE_SCARS.record(params, workshop, period, inputs=inputs, ledger=ledger.to_dict(), gaps=gaps)
    told = ", ".join(
        f"{hectares:,.0f} ha burnt in {season}"
        + (f", {work.black_before[season]:,.0f} ha black already when it began" if work.black_before[season] else "")
        for season, hectares in work.hectares.items()
    )
    summary = (
        f"{period}: {told} ({_UNVALIDATED}); {counts['used']} of {counts['expected']} scenes used, "
        f"{counts['missing']} missing"
    )
    properties = {
        "habitat:summary": summary,
        "habitat:year": work.period.year,
        "habitat:burnt_ha": work.hectares | {"basis": _UNVALIDATED},
        "habitat:black_before_ha": work.black_before | {"basis": _UNVALIDATED},
        "habitat:partial": counts["missing"] > 0,
    }
    published: Published = stage.publish(record, properties, title=FIRE_SCARS.title, description=FIRE_SCARS.description)
    return Outcome(published, summary, gaps, counts["missing"])


FIRE_SCARS = Product(
    name="fire-scars",
    title="Fire scars",
    description=(
        "Ground that burnt in the fire season of the period, with the days between which it burnt, severity, and how "
        "often it burnt before; from every clear look of the season and of the year before it."
    ),
    method="2",
    params=FireScarsParams,
    inputs=_inputs,
    build=build,
)
