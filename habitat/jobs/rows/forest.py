"""Rows of the forest: cover, mask, areas and kinds against the stands, by rules and with a field crew's labels."""

from __future__ import annotations

import csv
import math
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from habitat.contracts import Period, Scene
from habitat.contracts.errors import HabitatError
from habitat.contracts.grid import Tile
from habitat.forest.definition import DEFINITIONS, FOREST, forest_mask
from habitat.forest.kinds import TREES, Kind
from habitat.imagery.indices import compute
from habitat.jobs.evidence import Evidence
from habitat.products.forest_cover import FOREST_COVER
from habitat.products.forest_type import FOREST_TYPE
from habitat.products.product import Workshop
from habitat.sources import search
from habitat.sources.catalogues.providers import provider_for
from habitat.store import Store
from habitat.twin.land.classes import Cover
from habitat.twin.measures import Agreement, Errors, Share, ratio
from habitat.twin.scorecard import Row

NAIVE = "NDVI of the clearest summer scene; forest above 0.7, cover as its line from 0.05 to 0.90"
_NAIVE_FOREST, _NAIVE_LINE = 0.7, (0.05, 0.90)
_NAIVE_KINDS = "NDVI of the clearest summer scene: broadleaf above 0.7, water below 0, else open"
FOREST_FROM = 30.0
"""Crown cover [%] from which a pixel counts as forest."""
LABELS = 400
"""Places a field crew labels."""
_BLOCKS = 6
"""Squares along a side: the crew walks every other one, as on a chess board, and the rest is scored."""
_MARGIN_M = 100.0
_KIND_OF = {
    Cover.WATER: Kind.WATER,
    Cover.PINE_BROADLEAF: Kind.MIXED,
    Cover.OAK: Kind.BROADLEAF,
    Cover.BIRCH: Kind.BROADLEAF,
    Cover.LARCH: Kind.LARCH,
    Cover.SHRUB: Kind.SHRUB,
    Cover.GRASS: Kind.OPEN,
    Cover.WETLAND: Kind.OPEN,
    Cover.FIELD: Kind.OTHER,
    Cover.BUILT: Kind.OTHER,
}
_CONIFERS_FROM = 0.65


@dataclass
class _Sums:
    """What is summed up over tiles for one way of mapping."""

    cover: Errors = field(default_factory=Errors)
    forest: Agreement = field(default_factory=lambda: Agreement(2))
    within: Share = field(default_factory=Share)
    kinds: Agreement = field(default_factory=lambda: Agreement(9))
    trees: Share = field(default_factory=Share)

    def add(
        self,
        told: tuple[NDArray[np.float32], NDArray[np.uint8]],
        true: tuple[NDArray[np.float32], NDArray[np.uint8]],
        where: NDArray[np.bool_],
    ) -> None:
        """Add cover [%] and kinds of a tile."""
        cover, kind = told
        known = where & np.isfinite(cover)
        self.cover.add(cover, true[0], known)
        self.forest.add((cover >= FOREST_FROM).astype(np.int64), (true[0] >= FOREST_FROM).astype(np.int64), known)
        codes = np.where(kind <= len(Kind), kind.astype(np.int64), -1)
        self.kinds.add(codes, true[1].astype(np.int64), where)
        self.trees.add(codes == true[1], among=where & (codes >= 0) & np.isin(true[1], TREES))

    @property
    def accuracy(self) -> float:
        """Share of the pixels whose kind is right [%]."""
        counts = self.kinds.counts
        return 100 * ratio(float(np.trace(counts)), float(counts.sum()))


def forest_rows(evidence: Evidence) -> list[Row]:
    """Hold forest cover and types against the stands of the year.

    The products as published first; then the same products learnt from 400 places that a field crew has
    labelled on every other square of a chess board, scored on the squares between, 100 m away at least.
    """
    published, naive = _Sums(), _Sums()
    scene = _clearest_summer(evidence)
    for tile in evidence.tiles:
        told = _mapped(evidence.store, evidence, tile)
        true, everywhere = _truth(evidence, tile), np.ones((tile.height, tile.width), bool)
        published.add(told, true, everywhere)
        error = _values(evidence.store, evidence, (FOREST_COVER.name, "uncertainty", "uncertainty"), tile)
        known = np.isfinite(told[0])
        published.within.add(np.abs(told[0] - true[0]) <= error, among=known)
        if scene is not None:
            naive.add(_naive(evidence, scene, tile), true, known)
    return [*_published_rows(published, naive), *_area_rows(evidence), *_trained_rows(evidence)]


def _published_rows(found: _Sums, naive: _Sums) -> list[Row]:
    n, kinds = found.cover.count, found.kinds.count
    cover, kind = FOREST_COVER.name, FOREST_TYPE.name
    plain = naive if naive.cover.count else _Sums()
    bare = plain.forest.f1(1) if plain.forest.count else math.nan
    return [
        Row(
            cover, "cover, RMSE", "%", "lower", found.cover.rmse, n=n, baseline=plain.cover.rmse,
            baseline_method=NAIVE, goal=15.0, tolerance=1.0, note=f"by rules; bias {found.cover.bias:+.1f} %",
        ),
        Row(
            cover, "forest, F1", "1", "higher", found.forest.f1(1), n=n, baseline=bare, baseline_method=NAIVE,
            goal=0.95, tolerance=0.01, note="cover from 30 %, by rules",
        ),
        Row(
            cover, "within one standard error", "%", "higher", found.within.percent, n=n, goal=68.0, tolerance=4.0,
            note="of a standard error worth its name 68; of rules it is a guess",
        ),
        Row(
            kind, "types, right", "%", "higher", found.accuracy, n=kinds, baseline=plain.accuracy,
            baseline_method=_NAIVE_KINDS, goal=80.0, tolerance=1.5, note="eight kinds, by rules",
        ),
        Row(
            kind, "kinds of trees, right", "%", "higher", found.trees.percent, n=found.trees.whole,
            baseline=plain.trees.percent, baseline_method=_NAIVE_KINDS, tolerance=2.0, note="where trees are, by rules",
        ),
    ]  # fmt: skip


def _area_rows(evidence: Evidence) -> list[Row]:
    """Return how far areas by each definition are from the same definition of the true stands."""
    whole = Tile(0, 0, *evidence.area.grid.shape)
    cover, kind = _mapped(evidence.store, evidence, whole)
    percent, true_kind = _truth(evidence, whole)
    height = evidence.truth.layer(f"stands/{evidence.period.year}_tree_height", whole).astype(np.float32)
    step = evidence.area.grid.resolution_m
    rows = []
    for definition in DEFINITIONS.values():
        told = forest_mask(np.rint(cover), definition, kind=kind, resolution_m=step)
        true = forest_mask(percent, definition, kind=true_kind, height=height, resolution_m=step)
        number = int((true == FOREST).sum())
        bias = 100 * (int((told == FOREST).sum()) / number - 1) if number else math.nan
        rows.append(
            Row(
                FOREST_COVER.name, f"area by {definition.name}, bias", "%", "zero", bias, n=number, tolerance=1.5,
                note="pixels mapped against the same definition of the true stands; by rules",
            )
        )  # fmt: skip
    return rows


def _trained_rows(evidence: Evidence) -> list[Row]:
    walked = _walked(evidence)
    if walked is None:
        return [Row(FOREST_COVER.name, "trained, RMSE", "%", "lower", None, note="too small to walk half of it")]
    found = _Sums()
    with tempfile.TemporaryDirectory(prefix="forest-rows-") as folder:
        labels = Path(folder) / "labels.csv"
        _write_labels(evidence, labels, walked)
        store = Store(Path(folder) / "store")
        workshop = Workshop(evidence.area, store)
        settings = {"catalogue": str(evidence.folder / "catalog.json"), "labels": (str(labels),)}
        try:
            for product in (FOREST_COVER, FOREST_TYPE):
                product.build(product.params(**settings), workshop, evidence.period)
        except HabitatError as error:
            return [
                Row(FOREST_COVER.name, "trained, RMSE", "%", "lower", None, note=" ".join(str(error).split())[:200])
            ]
        for tile in evidence.tiles:
            here = np.s_[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
            told, true = _mapped(store, evidence, tile), _truth(evidence, tile)
            found.add(told, true, walked[here] == 0)
            error_of = _values(store, evidence, (FOREST_COVER.name, "uncertainty", "uncertainty"), tile)
            judged = (walked[here] == 0) & np.isfinite(told[0])
            found.within.add(np.abs(told[0] - true[0]) <= error_of, among=judged)
    n, note = found.cover.count, f"{LABELS} labels on every other square, scored on the others, 100 m off"
    return [
        Row(FOREST_COVER.name, "trained, RMSE", "%", "lower", found.cover.rmse, n=n, tolerance=1.0, note=note),
        Row(FOREST_COVER.name, "trained, F1", "1", "higher", found.forest.f1(1), n=n, tolerance=0.01, note=note),
        Row(
            FOREST_COVER.name, "trained, within one standard error", "%", "higher", found.within.percent, n=n,
            goal=68.0, tolerance=4.0, note="calibrated by cross-validation over blocks",
        ),
        Row(FOREST_TYPE.name, "trained, right", "%", "higher", found.accuracy, n=found.kinds.count, tolerance=1.5,
            note=note),
        Row(FOREST_TYPE.name, "trained, kinds of trees right", "%", "higher", found.trees.percent,
            n=found.trees.whole, tolerance=2.0, note=note),
    ]  # fmt: skip


def _walked(evidence: Evidence) -> NDArray[np.int8] | None:
    """Return 1 where the crew walks, 0 where is scored, -1 between; None if squares are too small for that."""
    grid = evidence.area.grid
    side, margin = min(grid.shape) // _BLOCKS, math.ceil(_MARGIN_M / grid.resolution_m)
    if side < 4 * margin:
        return None
    rows, columns = (np.arange(size) for size in grid.shape)
    board = (rows[:, None] // side + columns[None, :] // side) % 2
    edge = np.minimum((rows % side)[:, None], (columns % side)[None, :])
    edge = np.minimum(edge, np.minimum((side - 1 - rows % side)[:, None], (side - 1 - columns % side)[None, :]))
    return np.where(board == 1, 1, np.where(edge >= margin, 0, -1)).astype(np.int8)


def _write_labels(evidence: Evidence, path: Path, walked: NDArray[np.int8]) -> None:
    """Write what a crew would have noted: places by chance, cover to the next ten percent, kinds as they are."""
    whole = Tile(0, 0, *evidence.area.grid.shape)
    percent, kind = _truth(evidence, whole)
    rows, columns = np.nonzero(walked == 1)
    chosen = np.sort(np.random.default_rng(1).permutation(rows.size)[:LABELS])
    coords = evidence.area.grid.coords
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["x", "y", "cover", "type"])
        for row, column in zip(rows[chosen], columns[chosen], strict=True):
            cover = 10 * round(float(percent[row, column]) / 10)
            table.writerow([coords["x"][column], coords["y"][row], cover, int(kind[row, column])])


def _truth(evidence: Evidence, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return true crown cover [%] and kind of a tile."""
    year, truth = evidence.period.year, evidence.truth
    percent = 100 * truth.layer(f"stands/{year}_canopy", tile).astype(np.float32)
    cover = truth.layer(f"stands/{year}_cover", tile)
    table = np.zeros(256, np.uint8)
    for one, kind in _KIND_OF.items():
        table[one] = kind
    found = table[cover]
    evergreen = truth.layer("land/evergreen", tile) >= _CONIFERS_FROM
    found[(cover == Cover.PINE_BROADLEAF) & evergreen] = Kind.EVERGREEN_CONIFER
    return percent, found


def _mapped(store: Store, evidence: Evidence, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Return mapped crown cover [%], NaN where unknown, and kind, 255 where unknown."""
    cover = _values(store, evidence, (FOREST_COVER.name, "cover", "cover"), tile)
    with store.get(FOREST_TYPE.name, evidence.area, evidence.period).open_window("type") as reader:
        return cover, reader.read(tile, ("type",))[0]


def _values(store: Store, evidence: Evidence, what: tuple[str, str, str], tile: Tile) -> NDArray[np.float32]:
    product, asset, band = what
    with store.get(product, evidence.area, evidence.period).open_window(asset) as reader:
        values: NDArray[np.float32] = reader.values(tile, band)
        return values


def _clearest_summer(evidence: Evidence) -> Scene | None:
    """Return the clearest scene of the summers the product could see."""
    params = evidence.published(FOREST_COVER.name).record.params
    first, last = params["summer"]
    scenes: list[Scene] = []
    for year in (evidence.period.year, evidence.period.year - 1):
        provider = provider_for(str(evidence.folder / "catalog.json"))
        found = search(("sentinel2", "landsat"), evidence.area, Period(str(year)), catalogue=provider)
        scenes += [
            scene
            for scene in found.scenes
            if first <= scene.solar_day.strftime("%m-%d") <= last and scene.solar_day <= evidence.period.last_day
        ]
    if not scenes:
        return None
    return min(scenes, key=lambda one: (100.0 if one.cloud_cover is None else one.cloud_cover, one.id))


def _naive(evidence: Evidence, scene: Scene, tile: Tile) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    bands = {band: evidence.scenes.reflectance(scene, band, tile) for band in ("nir", "red")}
    ndvi = np.asarray(compute("ndvi", bands))
    low, high = _NAIVE_LINE
    cover = np.clip(100 * (ndvi - low) / (high - low), 0, 100)
    # Forest is where NDVI is above the threshold, whatever the line says of its cover.
    forest = ndvi > _NAIVE_FOREST
    cover = np.where(forest, np.maximum(cover, FOREST_FROM), np.minimum(cover, FOREST_FROM - 1))
    kind = np.where(forest, Kind.BROADLEAF, np.where(ndvi < 0, Kind.WATER, Kind.OPEN))
    return cover.astype(np.float32), np.where(np.isfinite(ndvi), kind, 255).astype(np.uint8)
