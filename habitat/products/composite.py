"""Composite: a month of scenes as one clear picture, with the count of what went into each pixel."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts import Ledger, Period
from habitat.contracts.errors import AllMasked, NoScenes
from habitat.contracts.grid import Tile
from habitat.contracts.ledger import expect
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.imagery.bandpass import as_oli
from habitat.imagery.composites import CODE_SCALE, NODATA, median, observation_summary, reflectance_codes
from habitat.imagery.geomedian import geometric_median
from habitat.imagery.harmonise.brdf import direction_gaps, to_nadir
from habitat.products.building.composite_inputs import CompositeParams, composite_inputs, found_scenes, heights_input
from habitat.products.building.inputs import scene_input
from habitat.products.product import BAND_CENTRES_UM, Outcome, Product, Sheets, Workshop
from habitat.sources.catalogues.footprints import area_on_grid
from habitat.sources.catalogues.searching import Found
from habitat.sources.elevation import read_elevation
from habitat.sources.scenes.lighting import Lighting, learnt_lighting
from habitat.sources.scenes.mixing import MISPLACED, Mixing, settled_mixing
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
from habitat.store import Published, estimated_bytes

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


@dataclass(frozen=True)
class _Month:
    """What one composite is made of."""

    params: CompositeParams
    workshop: Workshop
    period: Period
    found: Found
    bands: tuple[str, ...]
    gaps: tuple[tuple[str, str], ...]
    mixing: Mixing = field(default_factory=Mixing)
    lighting: Lighting | None = None

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
    found = found_scenes(params, workshop, period)
    scenes = [as_oli(scene) for scene in found.scenes] if params.bandpass == "oli" else list(found.scenes)
    scenes = [to_nadir(scene) for scene in scenes] if params.view == "nadir" else scenes
    bands, left_out = common_bands(scenes, params.bands)
    if not bands:
        raise NoScenes(f"{len(scenes)} scenes were found for {found.where}, and none of the bands wanted: {left_out}")
    gaps = [(f"band {band}", reason) for band, reason in left_out.items()]
    gaps += direction_gaps(scenes)
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
                return _composited(*_one_series(checked, rasters, month))
            except SceneLost as lost:
                # A composite with half a scene in it would have an edge that is nowhere on the ground.
                checked = checked.without(Missing(lost.scene, lost.reason, str(lost)))


def _one_series(checked: Checked, rasters: Rasters, month: _Month) -> tuple[Checked, Rasters, _Month]:
    """Leave out what lies out of place between two sensors, and refuse what differs too much."""
    checked, mixing = settled_mixing(
        checked,
        month.workshop.area,
        rasters,
        month.bands,
        plain=month.found.scenes,
        grow_m=month.params.grow_m,
        bound=month.params.max_mixing_residual,
    )
    return checked, rasters, replace(month, mixing=mixing, gaps=(*month.gaps, *mixing.gaps()))


def _with_light(reader: PixelReader, rasters: Rasters, month: _Month) -> _Month:
    """Learn what slopes do to each date, if they are to be levelled."""
    params = month.params
    if params.illumination == "none" or params.elevation is None:
        return month
    heights = read_elevation(Path(params.elevation), month.workshop.area.grid).values
    lighting = learnt_lighting(reader, rasters, heights, month.bands)
    return replace(month, lighting=lighting, gaps=(*month.gaps, *lighting.gaps()))


def _account(ledger: Ledger, month: _Month) -> dict[str, Any]:
    """Return the ledger as JSON data, with what was measured between two sensors."""
    return ledger.to_dict() | ({"mixing": month.mixing.to_dict()} if month.mixing.of_two else {})


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
    month = _with_light(reader, rasters, month)
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
        path.write_text(json.dumps(_account(ledger, month), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
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
        if month.lighting is not None:
            month.lighting.level_stack(reader, view, band, stacks[band])
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
        scene_input(scene, workshop)
        for scene in month.found.scenes
        if known[scene.id] == MISPLACED or not known[scene.id].startswith("missing:")
    )
    inputs += heights_input(params, workshop)
    account, unread = _account(ledger, month), counts["missing"] - counts.get(MISPLACED, 0)
    record = COMPOSITE.record(params, workshop, period, inputs=inputs, ledger=account, gaps=month.gaps)
    summary = (
        f"{period}: {counts['used']} of {counts['expected']} scenes used, {counts['masked']} masked, "
        f"{counts['missing']} missing; bands {', '.join(month.bands)}"
    )
    properties = {
        "habitat:summary": summary,
        "habitat:all_masked": counts["used"] == 0,
        "habitat:partial": unread > 0,
        "habitat:first_day": period.first_day.isoformat(),
    }
    published: Published = stage.publish(record, properties, title=COMPOSITE.title, description=COMPOSITE.description)
    return Outcome(published, summary, month.gaps, unread)


COMPOSITE = Product(
    name="composite",
    title="Monthly composite",
    description=(
        "Surface reflectance of a month, cloud-free as far as its scenes allow: median and geometric median of the "
        "clear dates of each pixel, with their count, spread and mean day."
    ),
    method="1",
    params=CompositeParams,
    inputs=composite_inputs,
    build=build,
)
