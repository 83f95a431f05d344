"""Change history: when each pixel broke with its past since the first year, and what its summers lost and regained."""

from __future__ import annotations

import csv
import json
import math
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from habitat.change.green_season import GreenRules, green_season, greenness, in_leaf, snow_looks
from habitat.change.history_layers import break_layers, losses_by_year
from habitat.change.history_rasters import break_codes, history_specs, loss_codes
from habitat.change.monitoring.monitor_rules import BOTH, RISE, loss_direction
from habitat.change.segments import BANDS, SegmentRules, segments
from habitat.change.trajectories import FALLS, RISES, GreatestLoss, TrajectoryRules, greatest_loss, trajectories
from habitat.change.trajectory.yearly import summer_years, yearly_medians
from habitat.contracts import Ledger, Period
from habitat.contracts.errors import AllMasked, ConfigError
from habitat.contracts.estimate import UNVALIDATED, Estimate
from habitat.contracts.grid import Tile
from habitat.contracts.pixel_areas import pixel_areas
from habitat.contracts.span import Span
from habitat.imagery.bandpass import as_oli
from habitat.imagery.indices import INDICES, index_codes
from habitat.products.building.change_run import dates_of
from habitat.products.building.inputs import scene_input
from habitat.products.product import Outcome, Params, Product, Sheets, Workshop, known_names
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.catalogues.searching import Found, search
from habitat.sources.scenes.observations import ClearPixels, SeriesReader
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
from habitat.sources.zone_masks import zone_masks
from habitat.store import Input, Published, Stage, estimated_bytes

_BANDS = BANDS[:6]
_NODATA = -32768
_FILL = np.uint8(255)
AREA_COLUMNS = ("zone", "country", "year", "breaks_ha", "trajectories_ha", "declines_ha", "known_ha", "estimator")

_KINDS = ("breaks", "trajectories", "declines")


class ChangeHistoryParams(Params):
    """Settings of the change history."""

    aside: ClassVar[frozenset[str]] = frozenset(
        {"catalogue", "requester_pays", "max_missing_share", "memory_mb_per_worker"}
    )

    catalogue: str = "earth-search"
    """Where scenes are searched, as for the composite."""
    requester_pays: bool = False
    """Whether you agree to pay for transfers from buckets whose reader pays."""
    sensors: tuple[Literal["sentinel2", "landsat"], ...] = Field(("sentinel2", "landsat"), min_length=1)
    """Which satellites."""
    bandpass: Literal["none", "oli"] = "oli"
    """oli: bring all sensors to the bands of Landsat 8 OLI, which series of several sensors need."""
    first_year: int = Field(2013, ge=1972, le=2100)
    """Year the history begins with; six summers are the fewest for a trajectory."""
    max_cloud_cover: float | None = Field(90.0, ge=0, le=100)
    """Scenes that say they have more clouds [percent] are not read; null reads all."""
    without_mask: Literal["refuse", "all-clear"] = "refuse"
    """Scenes without a quality mask: refuse, or all-clear where all bands have data, for composites that are clean."""
    grow_m: float = Field(0.0, ge=0, le=5000)
    """Clouds and shadows are widened by this distance [m]; a few bad looks of a long series do little harm, and many
    good ones are lost around each cloud."""
    index: str = "nbr"
    """Index whose changes are told, and whose summer medians make the trajectories."""
    summer: tuple[str, str] = ("06-10", "09-10")
    """First and last day (month-day) of the summer."""
    looks: Literal["in-leaf", "all"] = "in-leaf"
    """Which clear looks breaks are judged by: those of each pixel's own green season, or all without snow. Where leaves
    fall a week earlier one year, all of them break; evergreen forest is judged by all looks either way."""
    margin_days: int = Field(5, ge=0, le=60)
    """The green season begins so many days after leaves are half out, and ends so many before they are half gone."""
    least_loss: float = Field(0.1, ge=0)
    """Smallest change towards loss that counts as one, in the unit of the index."""
    abrupt_years: int = Field(4, ge=1, le=60)
    """Losses of the summers that went on longer are told as declines in the table of areas, not as losses of a year."""
    probability: float = Field(0.99, gt=0, lt=1)
    """Of the segments: a look departs beyond this quantile."""
    confirm: int = Field(6, ge=1, le=20)
    """Of the segments: looks in a row that confirm a break."""
    segments: int = Field(6, ge=1, le=20)
    """Of the trajectories: most segments."""
    recovery: float = Field(0.25, gt=0, le=1)
    """Of the trajectories: largest share of the range a pixel may regain in a year."""
    p_value: float = Field(0.05, gt=0, le=1)
    """Of the trajectories: highest chance that noise explains as much."""
    min_years: int = Field(6, ge=3, le=60)
    """Of the trajectories: fewest summers with a clear look."""
    max_missing_share: float = Field(0.2, ge=0, le=1)
    """Share of the expected observations [0 to 1, by area] that may be unreadable before the product is refused."""
    memory_mb_per_worker: int = Field(512, ge=64, le=65536)
    """Memory [MB] for the series of one tile; smaller tiles are read where there are many dates."""

    @field_validator("index")
    @classmethod
    def _index_is_known(cls, name: Any) -> Any:
        known = [name for name, entry in INDICES.items() if set(entry.bands) <= set(_BANDS)]
        known_names((name,), known, "index")
        if loss_direction(name) == BOTH:
            raise ValueError(f"{name} may move either way where trees are lost; choose an index of leaves such as nbr")
        return name

    @field_validator("summer")
    @classmethod
    def _summer_is_days(cls, days: Any) -> Any:
        try:
            for day in days:
                date.fromisoformat(f"2001-{day}")
        except ValueError as error:
            raise ValueError(f"{days} are no two days; write month-day such as 06-10") from error
        return days

    @property
    def loss(self) -> int:
        """-1 where the index falls with loss, 1 where it rises."""
        return RISES if loss_direction(self.index) == RISE else FALLS

    @property
    def rules(self) -> tuple[SegmentRules, TrajectoryRules]:
        """Rules of segments and of trajectories."""
        return SegmentRules(probability=self.probability, confirm=self.confirm), TrajectoryRules(
            self.loss,
            segments=self.segments,
            one_year_recovery=False,
            recovery=self.recovery,
            p_value=self.p_value,
            min_years=self.min_years,
        )


def _span(params: ChangeHistoryParams, period: Period) -> Span:
    if params.first_year > period.year:
        raise ConfigError(
            f"the history of {period} is to begin in {params.first_year}; set first_year to an earlier one"
        )
    return Span(date(params.first_year, 1, 1), period.last_day)


def _found(params: ChangeHistoryParams, workshop: Workshop, period: Period) -> Found:
    where = (params.catalogue, params.requester_pays, params.sensors, params.max_cloud_cover)
    key = ("change-history", str(period), workshop.area.name, params.first_year, where)
    found: Found | None = workshop.found.get(key)
    if found is None:
        provider = provider_for(params.catalogue, requester_pays=params.requester_pays)
        most, span = params.max_cloud_cover, _span(params, period)
        found = search(params.sensors, workshop.area, span, catalogue=provider, max_cloud_cover=most)
        workshop.found[key] = found
    return found.require()


def _inputs(params: ChangeHistoryParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    return tuple(scene_input(scene, workshop) for scene in _found(params, workshop, period).scenes)


@dataclass
class _Work:
    """One build: what is read, what was found so far."""

    params: ChangeHistoryParams
    workshop: Workshop
    period: Period
    found: Found
    gaps: list[tuple[str, str]] = field(default_factory=list)
    clear: ClearPixels = field(default_factory=ClearPixels)
    areas: dict[tuple[str, int, str], float] = field(default_factory=lambda: defaultdict(float))
    """Square metres by zone, year and what found it."""
    seen: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def build(params: ChangeHistoryParams, workshop: Workshop, period: Period) -> Outcome:
    """Find the breaks and losses of a period's history and publish them.

    Raises
    ------
    InputError
        If there are no scenes, too many cannot be read, metadata and pixels contradict each other, or no pixel was
        seen clear.
    """
    found = _found(params, workshop, period)
    scenes = [as_oli(scene) for scene in found.scenes] if params.bandpass == "oli" else list(found.scenes)
    with Rasters(found.provider) as rasters:
        checked = check_scenes(scenes, rasters, _BANDS, workers=workshop.workers, without_mask=params.without_mask)
        note = check_offsets_agree(checked, "harmonise")
        while True:
            work = _Work(params, workshop, period, found)
            work.gaps += [("one radiometry", note)] if note else []
            work.gaps += [gap] if (gap := checked.mask_gap()) else []
            refuse_much_missing(checked, workshop.area, params.max_missing_share)
            try:
                return _built(checked, rasters, work)
            except SceneLost as lost:
                checked = checked.without(Missing(lost.scene, lost.reason, str(lost)))


def _built(checked: Checked, rasters: Rasters, work: _Work) -> Outcome:
    params, workshop, area = work.params, work.workshop, work.workshop.area
    specs = history_specs(params.index, INDICES[params.index].scale)
    span = _span(params, work.period)
    reader = SeriesReader(checked, span, area, rasters, bands=_BANDS, purpose="forest", grow_m=params.grow_m)
    _name_short_history(reader.days, work)
    masks = zone_masks(area)
    estimate = estimated_bytes(area.grid, *specs)
    with workshop.store.begin("change-history", area, work.period, estimate=estimate) as stage:
        ledger_file = stage.file("ledger.json", title="What became of every expected observation")
        sheets = Sheets(stage, specs)

        def look(tile: Tile) -> None:
            series, clear = reader.read(tile)
            work.clear.add("history", clear)
            _judge(tile, (series.codes, series.clear), reader.days, (sheets, masks), work)

        tiles = reader.tiles(params.memory_mb_per_worker * 2**20)
        told_in_threads(
            look, tiles, workshop.workers, lambda *done: workshop.progress("looking through the years", *done)
        )
        if not work.seen:
            raise AllMasked(
                f"no pixel of {area.name} was seen clear in {span}; wanted at least one. Raise "
                "change-history.max_cloud_cover, or set first_year to an earlier one"
            )
        rows = _area_rows(work, reader.days)
        path = stage.file("loss-by-year.csv", title="Area lost, by zone and year")
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, AREA_COLUMNS, lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
        ledger = work.clear.ledger(work.found, checked, math.prod(area.grid.shape))
        ledger_file.write_text(json.dumps(ledger.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        sheets.draw(f"{area.title or area.name} · {params.first_year}–{work.period}")
        return _publish(stage, ledger, checked, rows, work)


def _name_short_history(days: Sequence[int], work: _Work) -> None:
    first, last = (date.fromordinal(days[place]) for place in (0, -1))
    if first.year > work.params.first_year:
        work.gaps.append(("history", f"the first scene is of {first}, not of {work.params.first_year}"))
    if last.year - first.year + 1 < work.params.min_years:
        work.gaps.append(
            ("trajectories", f"{last.year - first.year + 1} years of scenes, {work.params.min_years} are wanted")
        )


def _judge(
    tile: Tile,
    series: tuple[NDArray[np.int16], NDArray[np.uint8]],
    days: Sequence[int],
    out: tuple[Sheets, dict[str, NDArray[np.bool_]]],
    work: _Work,
) -> None:
    """Find breaks and losses of a tile and write them."""
    params, (sheets, masks) = work.params, out
    codes, clear = series
    bands = dict(zip(_BANDS, codes, strict=True))
    bare = (clear != 0) & ~snow_looks(bands["green"], bands["swir1"])
    usable = bare
    if params.looks == "in-leaf":
        ordinals, green = np.asarray(days, np.int64), greenness(bands["red"], bands["nir"], bare.view(np.uint8))
        usable = bare & in_leaf(ordinals, green_season(ordinals, green, GreenRules(margin_days=params.margin_days)))
    scale, (split, traced) = INDICES[params.index].scale, params.rules
    entry = INDICES[params.index]
    places = [_BANDS.index(band) for band in entry.bands]

    def index(reflectance: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(entry.function(*(reflectance[place] for place in places)), np.float64)

    # What is not used is fill and no cloud: pixels that are mostly cloudy would be judged by every look there is.
    quality = np.where(usable, np.uint8(0), _FILL)
    found = segments(codes, np.asarray(days), qa=quality, rules=split, workers=1)
    values = index_codes(params.index, bands)
    years, slots = summer_years(dates_of(days), *(_month_day(day) for day in params.summer))
    medians = yearly_medians(values, bare & (values != _NODATA), slots, len(years)) * np.float32(scale)
    traces = trajectories(medians[:, None, :], years, traced, workers=1)
    loss = greatest_loss(traces, params.loss, least=params.least_loss)
    layers = break_layers(found, index, loss=params.loss, least=params.least_loss)
    for name, written in (break_codes(layers, scale) | loss_codes(loss, traces.code, scale)).items():
        sheets.write(name, tile, written.reshape(-1, tile.height, tile.width))
    lost = losses_by_year(found, index, loss=params.loss, least=params.least_loss)
    _add_areas(tile, lost, loss, (masks, bare.any(axis=0)), work)


def _month_day(text: str) -> tuple[int, int]:
    return int(text[:2]), int(text[3:])


def _add_areas(
    tile: Tile,
    breaks: tuple[NDArray[np.int64], NDArray[np.int64]],
    loss: GreatestLoss,
    known: tuple[dict[str, NDArray[np.bool_]], NDArray[np.bool_]],
    work: _Work,
) -> None:
    """Add what a tile lost to the areas by zone and year."""
    size = pixel_areas(work.workshop.area.grid, tile).reshape(-1)
    masks, seen = known
    first, lasted = loss.year.reshape(-1).astype(np.int64), loss.duration.reshape(-1)
    abrupt = np.flatnonzero((first > 0) & (lasted <= work.params.abrupt_years))
    slow = np.flatnonzero(lasted > work.params.abrupt_years)
    parts = (("breaks", *breaks), ("trajectories", abrupt, first[abrupt]), ("declines", slow, first[slow]))
    here = np.s_[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
    with work.lock:
        work.seen += int(seen.sum())
        for zone, mask in masks.items():
            inside = mask[here].reshape(-1)
            work.areas[zone, 0, "known"] += float(size[inside & seen].sum())
            for what, pixels, years in parts:
                kept = inside[pixels]
                for year in np.unique(years[kept]):
                    chosen = pixels[kept & (years == year)]
                    work.areas[zone, int(year), what] += float(size[chosen].sum())


def _area_rows(work: _Work, days: Sequence[int]) -> list[dict[str, Any]]:
    """Return the table of losses: each zone and year of the history, years without losses too."""
    countries = {zone.name: zone.country for zone in work.workshop.area.zones}
    zones = [zone for zone, year, what in work.areas if (year, what) == (0, "known")]
    years = range(date.fromordinal(days[0]).year, date.fromordinal(days[-1]).year + 1)
    rows = []
    for zone in zones:
        known = round(work.areas[zone, 0, "known"] / 1e4, 2)
        for year in years:
            lost = {f"{what}_ha": round(work.areas.get((zone, year, what), 0.0) / 1e4, 2) for what in _KINDS}
            start = {"zone": zone, "country": countries.get(zone, ""), "year": year}
            rows.append(start | lost | {"known_ha": known, "estimator": UNVALIDATED})
    return rows


def _publish(stage: Stage, ledger: Ledger, checked: Checked, rows: list[dict[str, Any]], work: _Work) -> Outcome:
    params, workshop, period = work.params, work.workshop, work.period
    counts, gaps, lost = ledger.counts(), tuple(work.gaps), {entry.scene.id for entry in checked.missing}
    inputs = tuple(scene_input(scene, workshop) for scene in work.found.scenes if scene.id not in lost)
    record = CHANGE_HISTORY.record(params, workshop, period, inputs=inputs, ledger=ledger.to_dict(), gaps=gaps)
    whole = [row for row in rows if row["zone"] == workshop.area.name]
    broken, traced = (sum(row[name] for row in whole) for name in ("breaks_ha", "trajectories_ha"))
    summary = (
        f"{params.first_year} to {period}: losses on {Estimate.counted(broken, 'ha').figure} ha by breaks and "
        f"{Estimate.counted(traced, 'ha').figure} ha by summers ({UNVALIDATED}); {counts['used']} of "
        f"{counts['expected']} scenes used, {counts['missing']} missing"
    )
    properties = {
        "habitat:summary": summary,
        "habitat:first_year": params.first_year,
        "habitat:year": period.year,
        "habitat:index": params.index,
        "habitat:loss_ha": {"breaks": round(broken, 2), "trajectories": round(traced, 2), "basis": UNVALIDATED},
        "habitat:partial": counts["missing"] > 0,
    }
    title, text = CHANGE_HISTORY.title, CHANGE_HISTORY.description
    published: Published = stage.publish(record, properties, title=title, description=text)
    return Outcome(published, summary, gaps, counts["missing"])


CHANGE_HISTORY = Product(
    name="change-history",
    title="Change history",
    description=(
        "When each pixel broke with its past since the first year, how often and by how much, and in which year its "
        "summers lost most, how long that took and what has come back since; with the area lost by zone and year."
    ),
    method="1",
    params=ChangeHistoryParams,
    inputs=_inputs,
    build=build,
)
