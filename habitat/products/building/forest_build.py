"""Forest build: a year's seasons as medians, what there is to learn from, and a map of it published."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts import Ledger, Period
from habitat.contracts.errors import AllMasked
from habitat.contracts.grid import Tile
from habitat.contracts.ledger import expect
from habitat.contracts.raster_spec import RasterSpec
from habitat.forest import samples as making
from habitat.forest.features import BANDS, SEASONS, Floats, features, merged_years, season_median, snow_free
from habitat.forest.kinds import KIND_NAMES
from habitat.forest.learning import Ground, Learnt, learnt
from habitat.forest.rules import rule_probabilities
from habitat.forest.samples import Samples, no_samples
from habitat.imagery.bandpass import as_oli
from habitat.imagery.composites import NODATA
from habitat.products.building.forest_inputs import ForestParams, found_scenes, season_spans, user_files
from habitat.products.building.forest_radar import radar_gaps, radar_inputs, radar_layers, radar_seasons
from habitat.products.building.inputs import scene_input
from habitat.products.product import Outcome, Product, Sheets, Workshop
from habitat.sources.catalogues.searching import Found
from habitat.sources.elevation import read_classes, read_elevation
from habitat.sources.scenes.mixing import MISPLACED, Mixing, settled_mixing
from habitat.sources.scenes.observations import SeriesReader
from habitat.sources.scenes.preflight import Checked, Missing, check_offsets_agree, check_scenes, refuse_much_missing
from habitat.sources.scenes.rasters import Rasters
from habitat.sources.scenes.threads import told_in_threads
from habitat.sources.scenes.tile_view import SceneLost
from habitat.sources.training_labels import read_training_labels
from habitat.store import Stage, estimated_bytes
from habitat.terrain import northness, slope

BYTES_PER_PIXEL = 2 * len(SEASONS) * len(BANDS)
"""Disk [B] a pixel takes while a map is made."""
_WORTH_SAYING = 0.0005
TILE = 512
"""Rows and columns of the pieces in which pixels are judged: their features are 200 bytes each."""


@dataclass
class Year:
    """The seasons of a period as medians, and the account of how they came about."""

    params: ForestParams
    workshop: Workshop
    period: Period
    found: Found
    checked: Checked
    medians: NDArray[np.int16]
    """(season, band, y, x), on disk while the map is made."""
    gaps: list[tuple[str, str]] = field(default_factory=list)
    clear: Counter[str] = field(default_factory=Counter)
    seen: dict[str, list[int]] = field(default_factory=lambda: {name: [0, 0] for name in SEASONS})
    """Pixels by season: of its own year, and filled from the year before."""
    charred: Counter[str] = field(default_factory=Counter)
    """Pixels by season that were seen charred, and are taken from the year before."""
    terrain: tuple[NDArray[np.floating], ...] = ()
    mixing: Mixing = field(default_factory=Mixing)
    """What is left between two sensors."""

    def table(self, where: tuple[Any, Any]) -> Floats:
        """Features (pixel, feature) of pixels: slices of a tile, or rows and columns of samples."""
        chosen = np.asarray(self.medians[:, :, where[0], where[1]]).reshape(len(SEASONS), len(BANDS), -1)
        return features(chosen, [layer[where].reshape(-1) for layer in self.terrain])

    def tell(self, what: str, items: Sequence[Any], work: Callable[[Any], Any]) -> list[Any]:
        """Work on items in threads and tell how far it is."""
        workshop = self.workshop
        return told_in_threads(work, items, workshop.workers, lambda *done: workshop.progress(what, *done))

    def settled(self) -> Ledger:
        """Return the ledger of the scenes."""
        ledger = Ledger(expect(self.found.scenes), list(self.found.dropped))
        pixels = int(np.prod(self.workshop.area.grid.shape))
        for scene in self.checked.scenes:
            clear = self.clear[scene.id]
            share = round(min(1.0, clear / pixels), 6)
            ledger.settle(scene.id, "used" if clear else "masked", clear_share=share)
        for entry in self.checked.missing:
            ledger.settle(entry.scene.id, f"missing:{entry.reason}", note=entry.text)
        ledger.check()
        return ledger

    def account(self, ledger: Ledger) -> dict[str, Any]:
        """Return the ledger as JSON data, with what was measured between two sensors."""
        return ledger.to_dict() | ({"mixing": self.mixing.to_dict()} if self.mixing.of_two else {})


def read_year(year: Year, rasters: Rasters) -> None:
    """Fill the medians of a year's seasons, tile by tile, and name what was not seen.

    Raises
    ------
    SceneLost
        If a scene that could be opened cannot be read.
    AllMasked
        If no pixel was seen in a summer.
    """
    params, area = year.params, year.workshop.area
    year.medians[:] = NODATA
    readers = [
        (name, span, SeriesReader(year.checked, span, area, rasters, bands=BANDS, purpose="scar", grow_m=params.grow_m))
        for name, span in season_spans(params, year.period)
    ]
    readers = [entry for entry in readers if entry[2].days]
    most = max(readers, key=lambda entry: len(entry[2].days))[2]
    lock = threading.Lock()

    def look(tile: Tile) -> None:
        here = np.s_[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
        for name, span, reader in readers:
            series, clear = reader.read(tile)
            median = season_median(series.codes, snow_free(series.codes, series.clear))
            kept = year.medians[SEASONS.index(name), :, here[0], here[1]]
            median = median.reshape(kept.shape)
            taken = merged_years(kept, median, name)
            fresh = taken & (kept[0] == NODATA)
            kept[:, taken] = median[:, taken]
            with lock:
                year.clear.update(clear)
                year.seen[name][int(span.first_day.year != year.period.year)] += int(fresh.sum())
                year.charred[name] += int(taken.sum() - fresh.sum())

    year.tell("looking at the seasons", most.tiles(params.memory_mb_per_worker * 2**20), look)
    if not sum(year.seen["summer"]):
        raise AllMasked(
            f"no pixel of {area.name} was seen clear in a summer before the end of {year.period}; wanted at least "
            "one. Raise max_cloud_cover, or build a later period"
        )
    _name_gaps(year)
    if params.elevation is not None:
        heights = read_elevation(Path(params.elevation), area.grid).values
        steps = area.grid.resolution_m
        year.terrain = (heights, slope(heights, steps), northness(heights, steps))
    radar = radar_seasons(params.radar, year.workshop, year.period)
    year.terrain += radar_layers(radar, year.workshop)
    year.gaps += radar_gaps(params.radar, radar)


def _name_gaps(year: Year) -> None:
    pixels = int(np.prod(year.workshop.area.grid.shape))
    for name, (own, filled) in year.seen.items():
        unseen = pixels - own - filled
        if filled >= _WORTH_SAYING * pixels:
            year.gaps.append((name, f"{filled / pixels:.1%} of the ground as it was in {year.period.year - 1}"))
        if year.charred[name] >= _WORTH_SAYING * pixels:
            share = f"{year.charred[name] / pixels:.1%} of the ground was charred"
            year.gaps.append((f"{name}, charred", f"{share}: as it was in {year.period.year - 1}"))
        if unseen >= _WORTH_SAYING * pixels:
            year.gaps.append((f"{name}, unseen", f"{unseen / pixels:.1%} of the ground, in both years"))
    if len(str(year.period)) > 4:
        year.gaps.append(("period", f"the state of {year.period.year} as far as seen by {year.period.last_day}"))


def read_samples(year: Year) -> Samples:
    """Return what there is to learn from: labels of people, then weak samples of maps; pixels seen in a summer."""
    params, grid = year.params, year.workshop.area.grid
    found = no_samples()
    for name in params.labels:
        labels = read_training_labels(Path(name), grid, kinds=KIND_NAMES)
        ones = np.ones(labels.rows.size, np.float32)
        parts = (labels.rows, labels.columns, labels.cover, labels.kind, labels.group, ones)
        found = found.joined(Samples(*parts))
        year.gaps += [(Path(name).name, note) for note in labels.notes]
    if params.weak_classes is not None:
        weak = making.class_samples(read_classes(Path(params.weak_classes), grid).values, seed=params.seed)
        weak = making.with_trees(weak, rule_probabilities(year.table((weak.rows, weak.columns))))
        found = found.joined(weak)
        year.gaps.append(("weak classes", "cover and kinds supposed from classes of WorldCover, thinned"))
    if params.weak_percent is not None:
        percent = read_classes(Path(params.weak_percent), grid).values
        found = found.joined(making.percent_samples(percent, seed=params.seed))
        year.gaps.append(("weak percent", "cover taken from an older map of cover, thinned"))
    return found.taken(year.medians[0, 0][found.rows, found.columns] != NODATA) if found.count else found


def learnt_from(year: Year, masks: dict[str, NDArray[np.bool_]], *, with_cover: bool = True) -> Learnt:
    """Learn kinds, and cover if it is wanted, from what labels and weak samples there are; gaps are named."""
    samples = read_samples(year)
    ground = Ground(year.workshop.area.grid.resolution_m, year.params.block_m, year.params.seed)
    table = year.table((samples.rows, samples.columns))
    model = learnt(samples, table, countries_of(samples, year.workshop, masks), ground, with_cover=with_cover)
    year.gaps += model.gaps
    return model


def countries_of(samples: Samples, workshop: Workshop, masks: dict[str, NDArray[np.bool_]]) -> NDArray[np.str_]:
    """Country of each sample by the zones it lies in, empty where none says."""
    names = np.full(samples.count, "", dtype="U16")
    for zone in workshop.area.zones:
        if zone.country and zone.name in masks:
            names[masks[zone.name][samples.rows, samples.columns]] = zone.country
    return names


@dataclass(frozen=True)
class Made:
    """What a map says, once its rasters and tables are written."""

    summary: str
    """One sentence for people, without the scenes."""
    properties: dict[str, Any]
    """For the item."""


def build_map(
    product: Product,
    specs: Sequence[RasterSpec],
    order: tuple[ForestParams, Workshop, Period],
    write: Callable[[Stage, Sheets, Year], Made],
) -> Outcome:
    """Read a period's seasons, let a product write what it makes of them, and publish that.

    Raises
    ------
    InputError
        If there is no summer, a file of the user is not there, too much cannot be read, metadata and pixels
        contradict each other, or no pixel was seen.
    """
    params, workshop, period = order
    found = found_scenes(params, workshop, period)
    user_files(params, workshop)
    scenes = [as_oli(scene) for scene in found.scenes]
    with Rasters(found.provider) as rasters:
        checked = check_scenes(scenes, rasters, BANDS, workers=workshop.workers)
        note = check_offsets_agree(checked, "harmonise")
        notes = [("one radiometry", note)] if note else []
        while True:
            refuse_much_missing(checked, workshop.area, params.max_missing_share)
            try:
                series, mixing = _one_series(checked, rasters, found, params, workshop)
                with workshop.store.begin(
                    product.name, workshop.area, period, estimate=_disk(workshop, specs)
                ) as stage:
                    ledger_file = stage.file("ledger.json", title="What became of every expected observation")
                    aside = Path(tempfile.mkdtemp(prefix="seasons-", dir=ledger_file.parent))
                    shape = (len(SEASONS), len(BANDS), *workshop.area.grid.shape)
                    medians = np.memmap(aside / "medians", np.int16, "w+", shape=shape)
                    gaps = [*notes, *mixing.gaps()]
                    year = Year(params, workshop, period, found, series, medians, gaps, mixing=mixing)
                    read_year(year, rasters)
                    sheets = Sheets(stage, specs)
                    made = write(stage, sheets, year)
                    del medians, year.medians
                    shutil.rmtree(aside)
                    sheets.draw(f"{workshop.area.title or workshop.area.name} · {period}")
                    return _publish(stage, product, year, made, ledger_file)
            except SceneLost as lost:
                checked = checked.without(Missing(lost.scene, lost.reason, str(lost)))


def _one_series(
    checked: Checked, rasters: Rasters, found: Found, params: ForestParams, workshop: Workshop
) -> tuple[Checked, Mixing]:
    """Leave out what lies out of place between two sensors, and refuse what differs too much."""
    return settled_mixing(
        checked,
        workshop.area,
        rasters,
        BANDS,
        plain=found.scenes,
        grow_m=params.grow_m,
        bound=params.max_mixing_residual,
    )


def _disk(workshop: Workshop, specs: Sequence[RasterSpec]) -> int:
    grid = workshop.area.grid
    return estimated_bytes(grid, *specs) + BYTES_PER_PIXEL * int(np.prod(grid.shape))


def _publish(stage: Stage, product: Product, year: Year, made: Made, path: Path) -> Outcome:
    ledger = year.settled()
    path.write_text(json.dumps(year.account(ledger), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    params, workshop, period = year.params, year.workshop, year.period
    counts, gaps = ledger.counts(), tuple(year.gaps)
    # A scene out of place was read: it is an input, and nothing that may come later.
    unread = counts["missing"] - counts.get(MISPLACED, 0)
    lost = {entry.scene.id for entry in year.checked.missing if not MISPLACED.endswith(entry.reason)}
    scenes = tuple(scene_input(scene, workshop) for scene in year.found.scenes if scene.id not in lost)
    radar = radar_inputs(radar_seasons(params.radar, workshop, period))
    inputs = (*scenes, *user_files(params, workshop), *radar)
    record = product.record(params, workshop, period, inputs=inputs, ledger=year.account(ledger), gaps=gaps)
    summary = (
        f"{period}: {made.summary}; {counts['used']} of {counts['expected']} scenes used, {counts['missing']} missing"
    )
    properties = made.properties | {
        "habitat:summary": summary,
        "habitat:year": period.year,
        "habitat:partial": unread > 0,
    }
    published = stage.publish(record, properties, title=product.title, description=product.description)
    return Outcome(published, summary, gaps, unread)
