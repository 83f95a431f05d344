"""Radar: a period's mean backscatter of Sentinel-1, one raster an orbit, cloud or no cloud."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from habitat.contracts import Ledger, Period, Scene
from habitat.contracts.errors import AllMasked, NoScenes
from habitat.contracts.grid import Tile
from habitat.contracts.ledger import expect
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.contracts.span import Span
from habitat.imagery.backscatter.speckle import look_statistics, multitemporal, ratio_db
from habitat.imagery.backscatter.units import DB_NODATA, DB_SCALE, db_codes, decibels
from habitat.products.building.inputs import scene_input
from habitat.products.product import Outcome, Params, Product, Sheets, Workshop
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.catalogues.radar_items import orbit_words
from habitat.sources.catalogues.searching import Found, search
from habitat.sources.scenes.preflight import Checked, Missing, refuse_much_missing
from habitat.sources.scenes.radar_rasters import RadarRasters, check_radar
from habitat.sources.scenes.radar_reader import Pass, RadarReader, passes_of
from habitat.sources.scenes.threads import told_in_threads
from habitat.sources.scenes.tile_view import SceneLost
from habitat.store import Input, Stage, estimated_bytes

Polarisation = Literal["vv", "vh"]
_LONG = {"vv": "sent and received vertically", "vh": "sent vertically, received horizontally"}
NO_LOOKS = 255
"""Code of pixels outside of what the orbit covers; 0 is never written."""


class RadarParams(Params):
    """Settings of the monthly backscatter."""

    aside: ClassVar[frozenset[str]] = frozenset({"catalogue", "max_missing_share", "memory_mb_per_worker"})

    catalogue: str = "planetary-computer"
    """Where scenes are searched: planetary-computer (terrain-corrected), or a catalogue whose items say their unit."""
    polarisations: tuple[Polarisation, ...] = Field(("vv", "vh"), min_length=1)
    """Which of vv and vh; with both their ratio is written, too."""
    orbits: tuple[str, ...] = ()
    """Relative orbits wanted, such as 061D (61, descending); empty: all of which there are passes."""
    window: Literal[1, 3, 5, 7] = 1
    """Edge [pixels] of the window over which power is averaged; 1 leaves pixels as they are."""
    filter_months: int = Field(0, ge=0, le=36)
    """Months before the period whose passes help to filter speckle (Quegan and Yu 2001); 0: no filter."""
    max_missing_share: float = Field(0.2, ge=0, le=1)
    """Share of the expected observations [0 to 1, by area] that may be unreadable before the month is refused."""
    memory_mb_per_worker: int = Field(256, ge=16, le=65536)
    """Memory [MB] for the passes of one tile; smaller tiles are read where there are many."""

    @field_validator("orbits")
    @classmethod
    def _orbits_are_named(cls, orbits: Any) -> Any:
        for name in orbits:
            if len(name) != 4 or not name[:3].isdigit() or name[3] not in "AD":
                raise ValueError(f"orbit {name!r} is no relative orbit; write three digits and A or D such as 061D")
        return orbits


def _span(params: RadarParams, period: Period) -> Span:
    first = period.first_day
    for _ in range(params.filter_months):
        first = (first - timedelta(days=1)).replace(day=1)
    return Span(first, period.last_day)


def _found(params: RadarParams, workshop: Workshop, period: Period) -> Found:
    key = ("radar", str(period), workshop.area.name, params.catalogue, params.filter_months)
    found: Found | None = workshop.found.get(key)
    if found is None:
        found = search("sentinel1", workshop.area, _span(params, period), catalogue=provider_for(params.catalogue))
        workshop.found[key] = found
    if not any(period.contains(scene.datetime) for scene in _wanted(params, found.require().scenes)):
        there = ", ".join(sorted({scene.tile for scene in found.scenes}))
        raise NoScenes(
            f"none of {len(found)} scenes for {found.where} is of {period} itself and of the orbits wanted "
            f"({', '.join(params.orbits) or 'all'}; there are {there}); build another period"
        )
    return found


def _wanted(params: RadarParams, scenes: Sequence[Scene]) -> list[Scene]:
    return [scene for scene in scenes if not params.orbits or scene.tile in params.orbits]


def _inputs(params: RadarParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    scenes = _wanted(params, _found(params, workshop, period).scenes)
    return tuple(scene_input(scene, workshop) for scene in scenes)


def radar_specs(orbit: str, polarisations: Sequence[str], passes: int) -> list[RasterSpec]:
    """Return the rasters of one orbit: backscatter, how many looks there are and, of several, their spread."""
    words, key = orbit_words(orbit), orbit.lower()
    bands = [BandSpec(name, f"backscatter {_LONG[name]}", "dB", DB_SCALE) for name in polarisations]
    spread = [BandSpec(f"{name}-std", f"deviation of the looks, {name}", "dB", DB_SCALE) for name in polarisations]
    if len(bands) > 1:
        bands.append(BandSpec("ratio", "VH over VV", "dB", DB_SCALE))
    legend = "backscatter" if len(bands) > 1 else "decibels"
    looks = (BandSpec("looks", "passes with data"),)
    told = [
        RasterSpec(
            *(f"backscatter-{key}", f"Backscatter, {words}", tuple(bands), "int16", DB_NODATA, legend),
            description="Mean of the period's looks in power, written in decibels.",
        ),
        RasterSpec(
            *(f"looks-{key}", f"Looks, {words}", looks, "uint8", NO_LOOKS, "passes"),
            description="How many passes are behind each pixel.",
        ),
    ]
    if passes > 1:
        spec = (f"spread-{key}", f"Spread of the looks, {words}", tuple(spread), "int16", DB_NODATA, "generic")
        about = "Standard deviation of the period's looks in decibels; unknown where there is one only."
        told.append(RasterSpec(*spec, description=about))
    return told


@dataclass
class _Month:
    """One build: what is read, what was found so far."""

    params: RadarParams
    workshop: Workshop
    period: Period
    found: Found
    gaps: list[tuple[str, str]] = field(default_factory=list)
    known: dict[str, int] = field(default_factory=dict)
    levels: dict[str, dict[str, float]] = field(default_factory=dict)
    lock: Any = field(default_factory=threading.Lock)

    @property
    def expected(self) -> list[Scene]:
        """Scenes that the product is to be made of."""
        return _wanted(self.params, self.found.scenes)


def build(params: RadarParams, workshop: Workshop, period: Period) -> Outcome:
    """Average the period's looks of each orbit and publish them.

    Raises
    ------
    InputError
        If there is no scene, too many cannot be read or contradict their units, or none has data in the area.
    """
    found = _found(params, workshop, period)
    scenes = _wanted(params, found.scenes)
    with RadarRasters(found.provider) as rasters:
        workshop.progress("checking scenes", 0, len(scenes))
        checked = check_radar(scenes, rasters, params.polarisations, need_all=False, workers=workshop.workers)
        workshop.progress("checking scenes", len(scenes), len(scenes))
        while True:
            refuse_much_missing(checked, workshop.area, params.max_missing_share)
            try:
                return _averaged(checked, rasters, _Month(params, workshop, period, found))
            except SceneLost as lost:
                checked = checked.without(Missing(lost.scene, lost.reason, str(lost)))


def _averaged(checked: Checked, rasters: RadarRasters, month: _Month) -> Outcome:
    params, workshop, period = month.params, month.workshop, month.period
    orbits = {
        orbit: passes
        for orbit, passes in passes_of(checked.scenes).items()
        if any(_within(one, period) for one in passes)
    }
    having = {orbit: _polarisations(passes, month, orbit) for orbit, passes in orbits.items()}
    counts = {orbit: sum(_within(one, period) for one in passes) for orbit, passes in orbits.items()}
    specs = [spec for orbit in orbits for spec in radar_specs(orbit, having[orbit], counts[orbit])]
    area = workshop.area
    with workshop.store.begin("radar", area, period, estimate=estimated_bytes(area.grid, *specs)) as stage:
        sheets = Sheets(stage, specs)
        for orbit, passes in orbits.items():
            if counts[orbit] == 1:
                month.gaps.append(
                    (f"spread-{orbit.lower()}", "a single pass: its speckle is as it came, spread unknown")
                )
            names, window = having[orbit], params.window
            reader = RadarReader(checked, passes, area, rasters, polarisations=names, window=window)
            _orbit(reader, orbit, sheets, month)
        if not any(month.levels.values()):
            raise AllMasked(
                f"none of {len(checked.scenes)} scenes of {area.name}, {period} has a pixel with data in the area; "
                "their outlines reach it, their pixels do not: build another period, or name other orbits"
            )
        ledger = _ledger(checked, month)
        path = stage.file("ledger.json", title="What became of every expected observation")
        path.write_text(json.dumps(ledger.to_dict(), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        sheets.draw(f"{area.title or area.name} · {period}")
        return _publish(stage, ledger, checked, month, counts)


def _within(one: Pass, period: Period) -> bool:
    """Tell whether a pass is of the period itself; slices of one pass at midnight go together."""
    return period.contains(one.scenes[0].datetime)


def _polarisations(passes: Sequence[Pass], month: _Month, orbit: str) -> tuple[str, ...]:
    """Polarisations any scene of an orbit has; what lacks is a gap."""
    scenes = [scene for one in passes for scene in one.scenes]
    having = []
    for name in month.params.polarisations:
        lacking = sum(name not in scene.bands for scene in scenes)
        if lacking < len(scenes):
            having.append(name)
        if lacking:
            month.gaps.append((f"{name} of {orbit}", f"{lacking} of {len(scenes)} scenes do not have it"))
    return tuple(having)


def _orbit(reader: RadarReader, orbit: str, sheets: Sheets, month: _Month) -> None:
    """Write the rasters of one orbit."""
    params, key, polarisations = month.params, orbit.lower(), reader.polarisations
    own = np.array([_within(one, month.period) for one in reader.passes])
    size = 7 if params.filter_months else 1
    sums = np.zeros((2, len(polarisations)))

    def work(tile: Tile) -> None:
        inner = np.s_[..., size // 2 : size // 2 + tile.height, size // 2 : size // 2 + tile.width]
        looks, known = reader.read(tile, margin=size // 2)
        told = [look_statistics(_filtered(one, size)[own][inner]) for one in looks]
        means = np.stack([one.mean for one in told])
        layers = [decibels(mean) for mean in means]
        if {"vv", "vh"} <= set(polarisations):
            layers.append(ratio_db(means[polarisations.index("vh")], means[polarisations.index("vv")]))
        sheets.write(f"backscatter-{key}", tile, np.stack([db_codes(layer) for layer in layers]))
        if own.sum() > 1:
            sheets.write(f"spread-{key}", tile, np.stack([db_codes(one.spread_db) for one in told]))
        count = np.stack([one.looks for one in told]).max(axis=0)
        sheets.write(f"looks-{key}", tile, _look_codes(count)[np.newaxis])
        with month.lock:
            for scene, pixels in known.items():
                month.known[scene] = month.known.get(scene, 0) + pixels
            sums[0] += np.nansum(means, axis=(1, 2), dtype=np.float64)
            sums[1] += np.isfinite(means).sum(axis=(1, 2))

    tiles = reader.tiles(params.memory_mb_per_worker * 2**20)
    tell = month.workshop.progress
    told_in_threads(work, tiles, month.workshop.workers, lambda *done: tell(f"averaging looks of {orbit}", *done))
    month.levels[orbit] = {
        name: round(10 * math.log10(total / count), 2)
        for name, total, count in zip(polarisations, *sums, strict=True)
        if count
    }


def _filtered(looks: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    return multitemporal(looks, size) if size > 1 else looks


def _look_codes(count: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.where(count == 0, NO_LOOKS, count).astype(np.uint8)


def _ledger(checked: Checked, month: _Month) -> Ledger:
    ledger = Ledger(expect(month.expected), list(month.found.dropped))
    left = {scene.id for scene in month.expected}
    if len(left) < len(month.found.scenes):
        ledger.dropped += [(s.id, "of an orbit that is not asked for") for s in month.found.scenes if s.id not in left]
    pixels = math.prod(month.workshop.area.grid.shape)
    for scene in checked.scenes:
        known = month.known.get(scene.id, 0)
        lacking = [name for name in month.params.polarisations if name not in scene.bands]
        ledger.settle(
            scene.id,
            "used" if known else "masked",
            clear_share=round(min(1.0, known / pixels), 6),
            note=f"{orbit_words(scene.tile)}{f', has no {chr(44).join(lacking)}' if lacking else ''}",
        )
    for entry in checked.missing:
        ledger.settle(entry.scene.id, f"missing:{entry.reason}", note=entry.text)
    ledger.check()
    return ledger


def _publish(stage: Stage, ledger: Ledger, checked: Checked, month: _Month, passes: dict[str, int]) -> Outcome:
    params, workshop, period = month.params, month.workshop, month.period
    counts, gaps, lost = ledger.counts(), tuple(month.gaps), {entry.scene.id for entry in checked.missing}
    inputs = tuple(scene_input(scene, workshop) for scene in month.expected if scene.id not in lost)
    record = RADAR.record(params, workshop, period, inputs=inputs, ledger=ledger.to_dict(), gaps=gaps)
    told = "; ".join(
        f"{orbit_words(orbit)}: " + ", ".join(f"{name.upper()} {level:.1f} dB" for name, level in levels.items())
        for orbit, levels in month.levels.items()
        if levels
    )
    summary = (
        f"{period}: {told} (mean power); {counts['used']} of {counts['expected']} scenes used, "
        f"{counts['missing']} missing"
    )
    properties = {
        "habitat:summary": summary,
        "habitat:orbits": passes,
        "habitat:mean_db": month.levels,
        "habitat:first_day": period.first_day.isoformat(),
        "habitat:partial": counts["missing"] > 0,
    }
    published = stage.publish(record, properties, title=RADAR.title, description=RADAR.description)
    return Outcome(published, summary, gaps, counts["missing"])


RADAR = Product(
    name="radar",
    title="Radar backscatter",
    description=(
        "Mean backscatter of Sentinel-1 in a period, VV and VH in decibels with their ratio, one raster for each "
        "relative orbit: looks of different orbits are never mixed."
    ),
    method="1",
    params=RadarParams,
    inputs=_inputs,
    build=build,
)
