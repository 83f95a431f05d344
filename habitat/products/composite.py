"""Composite: a month of scenes as one clear picture, with the count of what went into each pixel."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from habitat.contracts import Ledger, Period
from habitat.contracts.errors import AllMasked, NoScenes
from habitat.contracts.grid import Tile
from habitat.contracts.ledger import expect
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.imagery.bandpass import as_oli
from habitat.imagery.composites import CODE_SCALE, NODATA, median, observation_summary, reflectance_codes
from habitat.imagery.geomedian import geometric_median
from habitat.imagery.indices import CANONICAL_BANDS
from habitat.products.inputs import scene_input
from habitat.products.product import BAND_CENTRES_UM, Outcome, Params, Product, Sheets, Workshop, known_names
from habitat.sources.catalogues.footprints import area_on_grid
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.catalogues.searching import Found, search
from habitat.sources.scenes.pixels import PixelReader
from habitat.sources.scenes.preflight import (
    Checked,
    Missing,
    check_offsets_agree,
    check_scenes,
    common_bands,
    refuse_much_missing,
)
from habitat.sources.scenes.rasters import Rasters
from habitat.sources.scenes.threads import in_threads
from habitat.sources.scenes.tile_view import BandStack, SceneLost, TileView
from habitat.store import Input, Published, estimated_bytes

_STRIP_ROWS = 128
"""Rows of the geometric median worked at once: all bands and dates of a strip stay small."""
QUALITY = RasterSpec(
    "quality",
    "Clear observations",
    (
        BandSpec("clear-count", "clear dates"),
        BandSpec("date-spread", "days from the first to the last clear date", "d"),
        BandSpec("mean-day", "mean day of the period of the clear dates", "d"),
    ),
    "uint8",
    255,
    "clear-count",
    description="How many dates are behind each pixel, how far apart they are, and their mean day of the period.",
)


class CompositeParams(Params):
    """Settings of the monthly composite."""

    aside: ClassVar[frozenset[str]] = frozenset(
        {"catalogue", "max_missing_share", "on_all_cloud", "memory_mb_per_worker", "requester_pays"}
    )

    catalogue: str = "earth-search"
    """Where scenes are searched: earth-search, planetary-computer, cdse, usgs, the https address of a STAC API, or
    the path of a static catalogue (a folder or its catalog.json)."""
    requester_pays: bool = False
    """Whether you agree to pay for transfers from buckets whose reader pays (Landsat in Earth Search and USGS)."""
    sensors: tuple[Literal["sentinel2", "landsat"], ...] = Field(("sentinel2",), min_length=1)
    """Which satellites: sentinel2, landsat (4 to 9), or both; with both set bandpass to oli."""
    max_cloud_cover: float | None = Field(90.0, ge=0, le=100)
    """Scenes that say they have more clouds [percent] are not read; null reads all."""
    purpose: Literal["forest", "burn", "snow"] = "forest"
    """What counts as clear: burn keeps dark ground and shadows far from clouds, snow keeps snow."""
    grow_m: float = Field(120.0, ge=0, le=5000)
    """Clouds and their shadows are widened by this distance [m]."""
    bands: tuple[str, ...] = Field(("blue", "green", "red", "nir", "swir1", "swir2"), min_length=1)
    """Canonical bands of the composite; those that most scenes lack are named as gaps."""

    @field_validator("bands")
    @classmethod
    def _bands_are_known(cls, bands: Any) -> Any:
        return known_names(bands, CANONICAL_BANDS, "band")

    geometric_median: bool = True
    """Whether to make the geometric median beside the median; it takes about half of the computing time."""
    bandpass: Literal["none", "oli"] = "none"
    """oli: bring all sensors to the bands of Landsat 8 OLI before they are mixed."""
    without_mask: Literal["refuse", "all-clear"] = "refuse"
    """Scenes without a quality mask: refuse, or all-clear where all bands have data, for composites that are clean."""
    mixed_offsets: Literal["harmonise", "refuse"] = "harmonise"
    """What to do with a month in which some Sentinel-2 scenes have the +1000 offset in their numbers and some not."""
    clip: bool = False
    """Whether pixels outside the area's polygon are left empty; else the whole rectangle of the grid is filled."""
    max_missing_share: float = Field(0.05, ge=0, le=1)
    """Share of the expected observations [0 to 1, by area] that may be unreadable before the month is refused."""
    on_all_cloud: Literal["refuse", "publish"] = "refuse"
    """A month without any clear pixel: refuse it (exit code 3) or publish it empty with its ledger."""
    memory_mb_per_worker: int = Field(256, ge=16, le=65536)
    """Memory [MB] for the pixels of one tile; smaller tiles are read where there are many dates."""


def _found(params: CompositeParams, workshop: Workshop, period: Period) -> Found:
    """Search once a run, however often the plan asks."""
    wanted = ("composite", str(period), workshop.area.name, params.catalogue, params.sensors, params.max_cloud_cover)
    found: Found | None = workshop.found.get(wanted)
    if found is None:
        provider = provider_for(params.catalogue, requester_pays=params.requester_pays)
        found = search(
            params.sensors, workshop.area, period, catalogue=provider, max_cloud_cover=params.max_cloud_cover
        )
        workshop.found[wanted] = found
    return found.require()


def _inputs(params: CompositeParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    return tuple(scene_input(scene, workshop) for scene in _found(params, workshop, period).scenes)


@dataclass(frozen=True)
class _Month:
    """What one composite is made of."""

    params: CompositeParams
    workshop: Workshop
    period: Period
    found: Found
    bands: tuple[str, ...]
    gaps: tuple[tuple[str, str], ...]

    @property
    def with_geomedian(self) -> bool:
        """Whether the geometric median is made: it is asked for, and there is more than one band."""
        return self.params.geometric_median and len(self.bands) > 1

    @property
    def reflectance(self) -> tuple[str, ...]:
        """Names of the rasters of reflectance."""
        return ("median", "geomedian") if self.with_geomedian else ("median",)


def build(params: CompositeParams, workshop: Workshop, period: Period) -> Outcome:
    """Read the month's scenes and publish their composite.

    Raises
    ------
    NoScenes
        If the search found none, or none has any of the bands.
    TooMuchMissing
        If more scenes cannot be read than allowed.
    OffsetDisagreement, MixedRadiometry
        If metadata and pixels contradict each other.
    AllMasked
        If no pixel is clear and the policy refuses that.
    """
    found = _found(params, workshop, period)
    scenes = [as_oli(scene) for scene in found.scenes] if params.bandpass == "oli" else list(found.scenes)
    bands, left_out = common_bands(scenes, params.bands)
    if not bands:
        raise NoScenes(f"{len(scenes)} scenes were found for {found.where}, and none of the bands wanted: {left_out}")
    gaps = [(f"band {band}", reason) for band, reason in left_out.items()]
    if params.geometric_median and len(bands) < 2:
        gaps.append(("geomedian", "one band has no geometric median apart from its median"))
    month = _Month(params, workshop, period, found, bands, tuple(gaps))
    with Rasters(found.provider) as rasters:
        workshop.progress("checking scenes", 0, len(scenes))
        checked = check_scenes(scenes, rasters, bands, workers=workshop.workers, without_mask=params.without_mask)
        workshop.progress("checking scenes", len(scenes), len(scenes))
        note = check_offsets_agree(checked, params.mixed_offsets)
        notes = [("one radiometry", note)] if note else []
        notes += [gap] if (gap := checked.mask_gap()) else []
        month = _Month(params, workshop, period, found, bands, (*month.gaps, *notes))
        while True:
            refuse_much_missing(checked, workshop.area, params.max_missing_share)
            try:
                return _composited(checked, rasters, month)
            except SceneLost as lost:
                # A composite with half a scene in it would have an edge that is nowhere on the ground.
                checked = checked.without(Missing(lost.scene, lost.reason, str(lost)))


def _specs(month: _Month) -> list[RasterSpec]:
    bands = tuple(
        BandSpec(band, f"{band} surface reflectance", scale=CODE_SCALE, center_um=BAND_CENTRES_UM.get(band))
        for band in month.bands
    )
    titles = {"median": "Median of the month", "geomedian": "Geometric median of the month"}
    rasters = [RasterSpec(name, titles[name], bands, "int16", NODATA, "reflectance") for name in month.reflectance]
    return [*rasters, QUALITY]


def _composited(checked: Checked, rasters: Rasters, month: _Month) -> Outcome:
    params, workshop, period = month.params, month.workshop, month.period
    specs = _specs(month)
    hold = month.bands if month.with_geomedian else ()
    reader = PixelReader(
        checked, workshop.area, rasters, bands=month.bands, purpose=params.purpose, grow_m=params.grow_m, hold=hold
    )
    tiles = reader.tiles(params.memory_mb_per_worker * 2**20)
    counts: dict[str, int] = dict.fromkeys((scene.id for scene in checked.scenes), 0)
    ledger = Ledger(expect(month.found.scenes), list(month.found.dropped))
    lock = threading.Lock()
    with workshop.store.begin(
        "composite", workshop.area, period, estimate=estimated_bytes(workshop.area.grid, *specs)
    ) as stage:
        sheets = Sheets(stage, specs)
        finished: list[int] = []

        def work(tile: Tile) -> None:
            inside = reader.inside(tile) if params.clip else None
            with rasters.env():
                view = reader.at(tile, inside)
                _reduce(view, sheets, month, reader)
            with lock:
                for index, pixels in view.clear_pixels.items():
                    counts[checked.scenes[index].id] += pixels
                finished.append(1)
                workshop.progress("compositing tiles", len(finished), len(tiles))

        workshop.progress("compositing tiles", 0, len(tiles))
        in_threads(work, tiles, workshop.workers)
        _settle(ledger, checked, counts, month)
        _refuse_all_cloud(ledger, month)
        path = stage.file("ledger.json", title="What became of every expected observation")
        path.write_text(json.dumps(ledger.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        sheets.draw(f"{workshop.area.title or workshop.area.name} · {period}")
        return _publish(stage, ledger, month)


def _reduce(view: TileView, sheets: Sheets, month: _Month, reader: PixelReader) -> None:
    """Turn the dates of a tile into its composite."""
    tile = view.tile
    shape = (len(month.bands), tile.height, tile.width)
    if not view.dates:
        empty = np.full(shape, NODATA, np.int16)
        for name in month.reflectance:
            sheets.write(name, tile, empty)
        nothing = np.full((3, tile.height, tile.width), 255, np.uint8)
        nothing[0] = 0
        sheets.write("quality", tile, nothing)
        return
    first = reader.first_day or month.period.first_day
    days = view.days + np.int16((first - month.period.first_day).days + 1)
    summary = observation_summary(view.clear, days)
    on_grid = partial(view.on_grid, step=view.mask_step, phase=view.mask_phase)
    sheets.write("quality", tile, np.stack([on_grid(layer) for layer in summary]))
    stacks = {}
    out = np.empty(shape, np.int16)
    for index, band in enumerate(month.bands):
        stacks[band] = view.band(band)
        out[index] = band_median(view, stacks[band])
    sheets.write("median", tile, out)
    if month.with_geomedian:
        sheets.write("geomedian", tile, _geomedian(view, stacks, shape))


def band_median(view: TileView, stack: BandStack) -> NDArray[np.int16]:
    """Median of one band over the clear dates of a tile, as codes (y, x) on the tile's own pixels."""
    middle = median(
        stack.numbers,
        view.clear,
        scale=stack.codes.scale,
        offset=stack.codes.offset,
        mask_step=stack.mask_step,
        mask_phase=stack.mask_phase,
    )
    codes: NDArray[np.int16] = view.on_grid(middle, stack.step, stack.phase)
    return codes


def _geomedian(view: TileView, stacks: dict[str, Any], shape: tuple[int, ...]) -> NDArray[np.int16]:
    out = np.empty(shape, np.int16)
    for top in range(0, shape[1], _STRIP_ROWS):
        rows = min(_STRIP_ROWS, shape[1] - top)
        strip = np.empty((shape[0], len(view.dates), rows, shape[2]), np.int16)
        for index, stack in enumerate(stacks.values()):
            reflectance_codes(
                stack.numbers,
                view.clear,
                (stack.codes.scale, stack.codes.offset),
                (stack.step, *stack.phase),
                (view.mask_step, *view.mask_phase),
                top,
                strip[index],
            )
        out[:, top : top + rows] = geometric_median(strip)
    return out


def _settle(ledger: Ledger, checked: Checked, counts: dict[str, int], month: _Month) -> None:
    grid = month.workshop.area.grid
    pixels = grid.shape[0] * grid.shape[1]
    if month.params.clip:
        pixels = max(1, round(area_on_grid(month.workshop.area).area / grid.resolution_m**2))
    for scene in checked.scenes:
        share = min(1.0, counts[scene.id] / pixels)
        outcome = "used" if counts[scene.id] else "masked"
        ledger.settle(scene.id, outcome, clear_share=round(share, 6), note=checked.mask_note(scene))
    for entry in checked.missing:
        ledger.settle(entry.scene.id, f"missing:{entry.reason}", note=entry.text)
    ledger.check()


def _refuse_all_cloud(ledger: Ledger, month: _Month) -> None:
    counts = ledger.counts()
    if counts["used"] == 0 and month.params.on_all_cloud == "refuse":
        raise AllMasked(
            f"none of {counts['expected']} scenes of {month.workshop.area.name}, {month.period} has a clear pixel "
            f"(masked {counts['masked']}, missing {counts['missing']}); wanted at least one. Set "
            "composite.on_all_cloud: publish for an empty raster with its ledger, or composite.grow_m to less"
        )


def _publish(stage: Any, ledger: Ledger, month: _Month) -> Outcome:
    params, workshop, period = month.params, month.workshop, month.period
    counts = ledger.counts()
    known = {entry["scene"]: entry["outcome"] for entry in ledger.to_dict()["observations"]}
    # A scene that could not be read is no input: when it can be, the record says that something is new.
    inputs = tuple(
        scene_input(scene, workshop) for scene in month.found.scenes if not known[scene.id].startswith("missing:")
    )
    record = COMPOSITE.record(params, workshop, period, inputs=inputs, ledger=ledger.to_dict(), gaps=month.gaps)
    summary = (
        f"{period}: {counts['used']} of {counts['expected']} scenes used, {counts['masked']} masked, "
        f"{counts['missing']} missing; bands {', '.join(month.bands)}"
    )
    properties = {
        "habitat:summary": summary,
        "habitat:all_masked": counts["used"] == 0,
        "habitat:partial": counts["missing"] > 0,
        "habitat:first_day": period.first_day.isoformat(),
    }
    published: Published = stage.publish(record, properties, title=COMPOSITE.title, description=COMPOSITE.description)
    return Outcome(published, summary, month.gaps, counts["missing"])


COMPOSITE = Product(
    name="composite",
    title="Monthly composite",
    description=(
        "Surface reflectance of a month, cloud-free as far as its scenes allow: median and geometric median of the "
        "clear dates of each pixel, with their count, spread and mean day."
    ),
    method="1",
    params=CompositeParams,
    inputs=_inputs,
    build=build,
)
