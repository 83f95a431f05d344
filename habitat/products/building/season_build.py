"""Season build: series of a span of days judged tile by tile and published; for snow and phenology."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from habitat.contracts import Period
from habitat.contracts.errors import AllMasked
from habitat.contracts.grid import Tile
from habitat.contracts.raster_spec import RasterSpec
from habitat.contracts.span import Span
from habitat.imagery.bandpass import as_oli
from habitat.products.building.inputs import scene_input
from habitat.products.product import Outcome, Params, Product, Sheets, Workshop
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
from habitat.store import Input, Published, Stage, estimated_bytes

BANDS = ("green", "red", "nir", "swir1")
"""Bands the states of the ground and greenness are told by."""


class SeasonParams(Params):
    """Settings that snow and phenology share."""

    aside: ClassVar[frozenset[str]] = frozenset(
        {"catalogue", "requester_pays", "max_missing_share", "memory_mb_per_worker"}
    )

    catalogue: str = "earth-search"
    """Where scenes are searched, as for the composite."""
    requester_pays: bool = False
    """Whether you agree to pay for transfers from buckets whose reader pays."""
    sensors: tuple[Literal["sentinel2", "landsat"], ...] = Field(("sentinel2", "landsat"), min_length=1)
    """Which satellites; all are brought to the bands of Landsat 8 OLI."""
    max_cloud_cover: float | None = Field(90.0, ge=0, le=100)
    """Scenes that say they have more clouds [percent] are not read; null reads all."""
    grow_m: float = Field(60.0, ge=0, le=5000)
    """Clouds are widened by this distance [m], specks of less than 3 x 3 pixels are not."""
    max_missing_share: float = Field(0.2, ge=0, le=1)
    """Share of the expected observations [0 to 1, by area] that may be unreadable before the product is refused."""
    memory_mb_per_worker: int = Field(512, ge=64, le=65536)
    """Memory [MB] for the series of one tile; smaller tiles are read where there are many dates."""


@dataclass(frozen=True)
class Series:
    """What was seen of a tile."""

    tile: Tile
    days: NDArray[np.int64]
    """Ordinal of each date, ascending."""
    codes: dict[str, NDArray[np.int16]]
    """Reflectance / 1e-4 (date, pixel) by band, -32768 where unknown."""
    clear: NDArray[np.uint8]
    """1 where clear (date, pixel)."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the tile."""
        return self.tile.height, self.tile.width


@dataclass
class Told:
    """What a product says once its tiles are judged."""

    summary: str
    """Of the ground, without the scenes."""
    properties: dict[str, Any] = field(default_factory=dict)
    """For the item."""


@dataclass(frozen=True)
class Judge:
    """How a product turns series into rasters."""

    specs: Sequence[RasterSpec]
    """Its rasters."""
    span: Span
    """Days (local solar dates) of the series."""
    tile: Callable[[Series, Sheets], None]
    """Judges one tile and writes it; from any thread."""
    told: Callable[[], Told]
    """Says what came of it, when all tiles are judged; raises `AllMasked` if nothing was seen."""
    gaps: tuple[tuple[str, str], ...] = ()
    """What cannot be made, known beforehand."""


def found_scenes(product: str, params: SeasonParams, workshop: Workshop, span: Span) -> Found:
    """Search the scenes of a span once a run.

    Raises
    ------
    NoScenes
        If there are none.
    """
    where = (params.catalogue, params.requester_pays, params.sensors, params.max_cloud_cover)
    key = ("season", product, str(span), workshop.area.name, where)
    found: Found | None = workshop.found.get(key)
    if found is None:
        provider = provider_for(params.catalogue, requester_pays=params.requester_pays)
        most = params.max_cloud_cover
        found = search(params.sensors, workshop.area, span, catalogue=provider, max_cloud_cover=most)
        workshop.found[key] = found
    return found.require()


def season_inputs(product: str, params: SeasonParams, workshop: Workshop, span: Span) -> tuple[Input, ...]:
    """Return the scenes a product would be made from now."""
    return tuple(scene_input(scene, workshop) for scene in found_scenes(product, params, workshop, span).scenes)


def build_season(
    product: Product, order: tuple[SeasonParams, Workshop, Period], new_judge: Callable[[], Judge]
) -> Outcome:
    """Read the series of a span tile by tile, judge them, and publish what came of it.

    A judge keeps count, so each attempt has a new one.

    Raises
    ------
    InputError
        If there is no scene, too many cannot be read, metadata and pixels contradict each other, or nothing was seen.
    """
    params, workshop, _ = order
    found = found_scenes(product.name, params, workshop, new_judge().span)
    scenes = [as_oli(scene) for scene in found.scenes]
    with Rasters(found.provider) as rasters:
        checked = check_scenes(scenes, rasters, BANDS, workers=workshop.workers)
        note = check_offsets_agree(checked, "harmonise")
        notes = (("one radiometry", note),) if note else ()
        while True:
            refuse_much_missing(checked, workshop.area, params.max_missing_share)
            try:
                return _built(product, order, new_judge(), (found, checked, notes), rasters)
            except SceneLost as lost:
                checked = checked.without(Missing(lost.scene, lost.reason, str(lost)))


def _built(
    product: Product,
    order: tuple[SeasonParams, Workshop, Period],
    judge: Judge,
    looked_for: tuple[Found, Checked, tuple[tuple[str, str], ...]],
    rasters: Rasters,
) -> Outcome:
    found, checked, notes = looked_for
    params, workshop, period = order
    area, clear = workshop.area, ClearPixels()
    reader = SeriesReader(
        checked, judge.span, area, rasters, bands=BANDS, purpose="scar", grow_m=params.grow_m
    )  # fmt: skip
    days = np.asarray(reader.days, np.int64)
    tiles = reader.tiles(params.memory_mb_per_worker * 2**20)
    estimate = estimated_bytes(area.grid, *judge.specs)
    with workshop.store.begin(product.name, area, period, estimate=estimate) as stage:
        ledger_file = stage.file("ledger.json", title="What became of every expected observation")
        sheets = Sheets(stage, judge.specs)

        def look(tile: Tile) -> None:
            series, seen = reader.read(tile)
            judge.tile(Series(tile, days, dict(zip(BANDS, series.codes, strict=True)), series.clear), sheets)
            clear.add(product.name, seen)

        what = f"judging {product.title.lower()}"
        told_in_threads(look, tiles, workshop.workers, lambda *done: workshop.progress(what, *done))
        told = judge.told()
        ledger = clear.ledger(found, checked, math.prod(area.grid.shape))
        ledger_file.write_text(json.dumps(ledger.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        sheets.draw(f"{area.title or area.name} · {period}")
        return _publish(stage, product, order, told, (ledger, checked, found, (*judge.gaps, *notes)))


def _publish(
    stage: Stage, product: Product, order: tuple[SeasonParams, Workshop, Period], told: Told, account: tuple[Any, ...]
) -> Outcome:
    params, workshop, period = order
    ledger, checked, found, gaps = account
    counts, lost = ledger.counts(), {entry.scene.id for entry in checked.missing}
    inputs = tuple(scene_input(scene, workshop) for scene in found.scenes if scene.id not in lost)
    record = product.record(params, workshop, period, inputs=inputs, ledger=ledger.to_dict(), gaps=gaps)
    summary = (
        f"{period}: {told.summary}; {counts['used']} of {counts['expected']} scenes used, {counts['missing']} missing"
    )
    properties = told.properties | {
        "habitat:summary": summary,
        "habitat:year": period.year,
        "habitat:partial": counts["missing"] > 0,
    }
    published: Published = stage.publish(record, properties, title=product.title, description=product.description)
    return Outcome(published, summary, gaps, counts["missing"])


def refuse_nothing_seen(seen: int, area: str, span: Span) -> None:
    """Refuse a product of which not one pixel is known.

    Raises
    ------
    AllMasked
        If none was seen.
    """
    if not seen:
        raise AllMasked(
            f"no pixel of {area} was seen clear in {span}; wanted at least one. Raise max_cloud_cover, or build a "
            "longer or later period"
        )
