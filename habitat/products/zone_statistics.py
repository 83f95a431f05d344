"""Zone statistics: what the layers of a period say within each park, country and dated boundary."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, field_validator

from habitat.contracts import Period
from habitat.contracts.errors import ConfigError, NotInStore, NotPossible
from habitat.contracts.estimate import UNVALIDATED
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.legend import OKABE_ITO
from habitat.contracts.pixel_areas import pixel_areas
from habitat.contracts.raster_spec import CLASS_NODATA, BandSpec, RasterSpec
from habitat.imagery.zones.coverage import coverage
from habitat.imagery.zones.tables import COLUMNS, Band, doubled_hectares, number_rows, wide_table, zone_row
from habitat.imagery.zones.tallies import Coding, Tally
from habitat.products.building.inputs import file_input
from habitat.products.product import Need, Outcome, Params, Product, Sheets, Workshop
from habitat.sources.scenes.threads import in_threads
from habitat.sources.zones import ZoneOutline, area_zones, beyond_m2, file_zones, on_grid
from habitat.store import Input, Published, Stage, WindowReader, estimated_bytes
from habitat.store.geoparquet import write_geoparquet
from habitat.store.standing import standing

Draw = Callable[[Tile, Mapping[str, NDArray[np.float64]]], None]

NAME = "zone-statistics"
WHOLE = ("change", "fire-scars", "forest-cover", "indices")
"""Products of which every raster is told by default; of all others the class rasters."""

_TILE = 1024
_TOLERANCE = 1e-6
_OUTSIDE = "#f7f7f7"
_MOST_ZONES = 250
_ABOUT = ("origin", "kind", "zone", "title", "country", "boundary")


class ZoneStatisticsParams(Params):
    """Settings of the zone statistics."""

    aside: ClassVar[frozenset[str]] = frozenset({"zones"})

    layers: tuple[str, ...] | None = Field(None, min_length=1)
    """Products (``indices``) or rasters of them (``change/nbr-class``); null: all rasters of change, fire scars, forest
    cover and indices, and the class rasters of every other product that stands in the store for the period."""
    percentiles: tuple[float, ...] = (5.0, 25.0, 50.0, 75.0, 95.0)
    """Which percentiles of measured values are told [%]."""
    zones: str | None = None
    """Path of a file of polygons that are told beside the area's own zones; null: only those."""
    name_field: str = "name"
    """Column of the file with the names of its zones."""
    country_field: str | None = None
    """Column with the country; null: they belong to none."""
    boundary_field: str | None = None
    """Column with origin and date of the boundaries; null: not told."""

    @field_validator("percentiles")
    @classmethod
    def _percentiles_are_some(cls, percentiles: tuple[float, ...]) -> tuple[float, ...]:
        if not all(0 <= rank <= 100 for rank in percentiles) or len(set(percentiles)) != len(percentiles):
            raise ValueError(f"percentiles are {list(percentiles)}, wants numbers from 0 to 100, each once")
        return percentiles


@dataclass(frozen=True)
class _Source:
    """A version in the store and the rasters of it that are told."""

    published: Published
    assets: tuple[str, ...]

    def bands(self) -> Iterator[tuple[Band, Coding]]:
        """Return what the item tells of each band."""
        item = self.published
        for asset in self.assets:
            told = item.item["assets"][asset]
            classes = {int(entry["value"]): str(entry["title"]) for entry in told.get("classification:classes", [])}
            for band in told["bands"]:
                what = (item.product, str(item.period), str(item.id), asset, band["name"], band["unit"])
                yield Band(*what, classes), _coding(band, classes)


def _coding(band: Mapping[str, Any], classes: Mapping[int, str]) -> Coding:
    """Return how a band is stored; its statistics tell the least and greatest code."""
    nodata, numbers, kind = band.get("nodata"), band["statistics"], np.dtype(band["data_type"])
    low, high = float(numbers.get("minimum", 0)), float(numbers.get("maximum", 0))
    low, high = min([low, *classes]), max([high, *classes])
    code = None if nodata is None else float(nodata)
    return Coding(low, high, kind.kind != "f", code, float(band["raster:scale"]), float(band["raster:offset"]))


@dataclass(frozen=True)
class _Task:
    """What is told of what."""

    params: ZoneStatisticsParams
    workshop: Workshop
    period: Period
    sources: tuple[_Source, ...]

    @cached_property
    def _file(self) -> tuple[tuple[ZoneOutline, ...], tuple[str, ...]]:
        told = self.params
        if told.zones is None:
            return (), ()
        path, grid = Path(told.zones).expanduser(), self.workshop.area.grid
        fields = {"country_field": told.country_field, "boundary_field": told.boundary_field}
        return file_zones(path, grid, name_field=told.name_field, **fields)

    @cached_property
    def zones(self) -> tuple[ZoneOutline, ...]:
        """The area's zones and those of the file, and what they make together."""
        return (*area_zones(self.workshop.area), *self._file[0])

    def inputs(self) -> tuple[Input, ...]:
        """Return the versions read and the file of zones."""
        read = tuple(source.published.as_input() for source in self.sources)
        path = self.params.zones
        return read if path is None else (*read, file_input("zones", Path(path).expanduser(), self.workshop))

    def gaps(self) -> tuple[tuple[str, str], ...]:
        """Return what is told otherwise than one might think."""
        longer = [
            (f"{source.published.product} of {self.period}", f"not in the store; that of {source.published.period} is")
            for source in self.sources
            if source.published.period != self.period
        ]
        own = {zone.kind for zone in self.zones}
        bare = [] if "zone" in own else [("zones", "the area file has none; the area is told as a whole")]
        return (*longer, *bare, *(("zones", note) for note in self._file[1]))


def _task(params: ZoneStatisticsParams, workshop: Workshop, period: Period) -> _Task:
    found = {name: entry for name, entry in standing(workshop.store, workshop.area, period).items() if name != NAME}
    if params.layers is not None:
        return _Task(params, workshop, period, _asked(params.layers, found, workshop, period))
    sources = []
    for name, entry in found.items():
        told = entry.item["assets"]
        assets = [key for key in entry.rasters if name in WHOLE or "classification:classes" in told[key]]
        sources += [_Source(entry, tuple(assets))] if assets else []
    if not sources:
        raise NotPossible(
            f"the store has nothing of {workshop.area.name} for {period} that zones could be told of; build one of "
            f"{', '.join(WHOLE)}, or another product with a class raster"
        )
    return _Task(params, workshop, period, tuple(sources))


def _asked(
    layers: Sequence[str], found: Mapping[str, Published], workshop: Workshop, period: Period
) -> tuple[_Source, ...]:
    """Return what was asked for by name."""
    wanted: dict[str, list[str]] = {}
    for layer in layers:
        product, _, asset = layer.partition("/")
        if product not in found:
            there = ", ".join(found) or "nothing"
            raise NotInStore(
                f"{layer}: {product} of {workshop.area.name}, {period} is not in {workshop.store.root}; for that "
                f"period there is {there}; build it first, or leave it out of layers"
            )
        rasters = found[product].rasters
        if asset and asset not in rasters:
            raise ConfigError(f"{layer}: {found[product].id} has no raster {asset!r}; it has {', '.join(rasters)}")
        wanted.setdefault(product, []).extend([asset] if asset else rasters)
    return tuple(_Source(found[name], tuple(dict.fromkeys(assets))) for name, assets in wanted.items())


def _inputs(params: ZoneStatisticsParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    return _task(params, workshop, period).inputs()


class _Part(NamedTuple):
    """What of a zone lies in a tile."""

    inside: NDArray[np.bool_]
    """Pixels touched (y, x)."""
    shares: NDArray[np.float64]
    """How much of each is in the zone [1]."""
    areas: NDArray[np.float64]
    """The same in true area [m²]."""


@dataclass(frozen=True, eq=False)
class _Layer:
    """A band being told, with a tally for each zone."""

    band: Band
    reader: WindowReader
    tallies: Mapping[str, Tally]

    def add(self, tile: Tile, parts: Mapping[str, _Part]) -> None:
        """Read a tile once and tell every zone of it."""
        if parts:
            codes = self.reader.read(tile, (self.band.name,))[0]
            for key, part in parts.items():
                self.tallies[key].add(codes[part.inside], part.shares, part.areas)


@dataclass(frozen=True, eq=False)
class _Index:
    """A class raster of the zones of one origin: which of them covers most of each pixel."""

    spec: RasterSpec
    keys: tuple[str, ...]

    @classmethod
    def of(cls, name: str, title: str, zones: Sequence[ZoneOutline]) -> _Index:
        """Return the raster of zones in their order, from 1."""
        shown = zones[:_MOST_ZONES]
        classes = [(place, OKABE_ITO[(place - 1) % 7], zone.title or zone.name) for place, zone in enumerate(shown, 1)]
        about = f"{title}: the one that covers most of the pixel; 0 where more of it lies in none"
        band = BandSpec(name, "zone")
        entries = ((0, _OUTSIDE, "outside"), *classes)
        spec = RasterSpec(
            name, title, (band,), "uint8", CLASS_NODATA, overview="mode", classes=entries, description=about
        )
        return cls(spec, tuple(zone.key for zone in shown))

    def codes(self, tile: Tile, cover: Mapping[str, NDArray[np.float64]]) -> NDArray[np.uint8]:
        """Return the codes of a tile; the first of equals wins, and a zone against none."""
        best = np.zeros((tile.height, tile.width), np.uint8)
        most, rest = np.zeros(best.shape), np.ones(best.shape)
        for code, key in enumerate(self.keys, 1):
            if key in cover:
                larger = cover[key] > most
                best[larger], most = code, np.maximum(most, cover[key])
                rest -= cover[key]
        best[rest > most + _TOLERANCE] = 0
        return best


def _indices(zones: Sequence[ZoneOutline]) -> list[_Index]:
    own = [zone for zone in zones if zone.kind == "zone"] or [zone for zone in zones if zone.kind == "area"]
    found = [_Index.of("zone", "Zones", own)]
    others = [zone for zone in zones if zone.kind == "file"]
    return [*found, _Index.of("file-zone", "Zones of the file", others)] if others else found


def _told(task: _Task, grid: Grid, sources: Sequence[_Source], draw: Draw) -> dict[str, list[dict[str, Any]]]:
    """Return what the bands of one grid say, zone by zone."""
    outlines = {zone.key: on_grid(zone, grid) for zone in task.zones}
    layers = [
        _Layer(band, source.published.open_window(band.asset), {key: Tally(coding) for key in outlines})
        for source in sources
        for band, coding in source.bands()
    ]
    held = dict.fromkeys(outlines, 0.0)
    tiles = list(grid.tiles(_TILE))
    for done, tile in enumerate(tiles, 1):
        covered = {key: coverage(outline, grid, tile) for key, outline in outlines.items()}
        cover = {key: shares for key, shares in covered.items() if shares is not None}
        parts = _parts(cover, pixel_areas(grid, tile))
        for key, part in parts.items():
            held[key] += float(part.areas.sum())
        # Each band has tallies of its own and tiles come in order: sums are the same every time.
        in_threads(partial(_Layer.add, tile=tile, parts=parts), layers, task.workshop.workers)
        draw(tile, cover)
        task.workshop.progress(f"telling zones, pixels of {grid.resolution_m:g} m", done, len(tiles))
    for layer in layers:
        layer.reader.close()
    rows: dict[str, list[dict[str, Any]]] = {}
    for key, outline in outlines.items():
        outside = beyond_m2(outline, grid)
        size = [zone_row(held[key] + outside)] if grid == task.workshop.area.grid else []
        numbers = [number_rows(layer.band, layer.tallies[key], task.params.percentiles, outside) for layer in layers]
        rows[key] = [*size, *(row for part in numbers for row in part)]
    return rows


def _parts(cover: Mapping[str, NDArray[np.float64]], areas: NDArray[np.float64]) -> dict[str, _Part]:
    parts = {}
    for key, shares in cover.items():
        inside = shares > 0
        parts[key] = _Part(inside, shares[inside], shares[inside] * areas[inside])
    return parts


def _table(task: _Task, sheets: Sheets, indices: Sequence[_Index]) -> pd.DataFrame:
    """Return every number, zone by zone, and draw the zones on the way."""
    home = task.workshop.area.grid
    by_grid: dict[Grid, list[_Source]] = {home: []}
    for source in task.sources:
        by_grid.setdefault(source.published.grid, []).append(source)

    def draw(tile: Tile, cover: Mapping[str, NDArray[np.float64]]) -> None:
        for index in indices:
            sheets.write(index.spec.name, tile, index.codes(tile, cover)[np.newaxis])

    found = [_told(task, grid, each, draw if grid == home else _draw_nothing) for grid, each in by_grid.items()]
    listed = [_about(zone) | row for zone in task.zones for told in found for row in told[zone.key]]
    table = pd.DataFrame(listed, columns=[*_ABOUT, *COLUMNS])
    return table.astype({"code": "Int64", "value": float, "low": float, "high": float})


def _draw_nothing(tile: Tile, cover: Mapping[str, NDArray[np.float64]]) -> None:
    """Draw nothing: the raster of zones lies on the area's grid."""


def _about(zone: ZoneOutline) -> dict[str, Any]:
    told = (zone.origin, zone.kind, zone.name, zone.title, zone.country, zone.boundary)
    return dict(zip(_ABOUT, told, strict=True))


def build(params: ZoneStatisticsParams, workshop: Workshop, period: Period) -> Outcome:
    """Tell what the layers of a period say within each zone.

    Raises
    ------
    NotPossible
        If the store has nothing for the period.
    NotInStore, ConfigError
        If it has not what was asked for by name.
    InputError
        If the file of zones cannot be read or has none in the area.
    """
    task = _task(params, workshop, period)
    indices, gaps = _indices(task.zones), task.gaps()
    specs = [index.spec for index in indices]
    estimate = estimated_bytes(workshop.area.grid, *specs)
    with workshop.store.begin(NAME, workshop.area, period, estimate=estimate) as stage:
        sheets = Sheets(stage, specs)
        table = _table(task, sheets, indices)
        sheets.draw(f"{workshop.area.title or workshop.area.name} · {period}")
        _write_tables(stage, task, table)
        doubled = doubled_hectares(table)
        summary = _summary(task, table, doubled)
        record = ZONE_STATISTICS.record(params, workshop, period, inputs=task.inputs(), gaps=gaps)
        properties = {
            "habitat:summary": summary,
            "habitat:zones": [_about(zone) for zone in task.zones],
            "habitat:layers": [f"{source.published.id}/{asset}" for source in task.sources for asset in source.assets],
            "habitat:zones_overlap_ha": doubled,
        }
        published = stage.publish(
            record, properties, title=ZONE_STATISTICS.title, description=ZONE_STATISTICS.description
        )
    return Outcome(published, summary, gaps)


def _write_tables(stage: Stage, task: _Task, table: pd.DataFrame) -> None:
    path = stage.file("zones.csv", title="Numbers, one row each", roles=("data-table",))
    # A spreadsheet takes a file for UTF-8 only if it begins with this mark.
    path.write_text("\ufeff" + table.to_csv(index=False, float_format="%.12g", lineterminator="\n"), encoding="utf-8")
    keyed = table.assign(key=table["origin"] + ":" + table["kind"] + ":" + table["zone"])
    numbers = wide_table(keyed, "key")
    about = pd.DataFrame([_about(zone) | {"estimator": UNVALIDATED} for zone in task.zones])
    outlines = [zone.outline for zone in task.zones]
    wide = pd.concat([about, numbers.reset_index(drop=True)], axis=1)
    frame = gpd.GeoDataFrame(wide, geometry=outlines, crs="EPSG:4326")
    path = stage.file("zone-outlines.parquet", title="Zones with outlines, one column a number", roles=("data-table",))
    write_geoparquet(path, frame)


def _summary(task: _Task, table: pd.DataFrame, doubled: Mapping[str, float]) -> str:
    """One sentence: how much was told of how many zones, and how much of them is unknown."""
    joint = next((zone for zone in task.zones if zone.kind == "joint"), task.zones[-1])
    mine = table[(table["zone"] == joint.name) & (table["kind"] == joint.kind) & (table["origin"] == joint.origin)]
    size = mine.loc[mine["statistic"] == "zone area", "value"].iloc[0]
    known = mine.loc[mine["statistic"] == "known share", "value"].min()
    layers = sum(len(source.assets) for source in task.sources)
    products = ", ".join(source.published.product for source in task.sources)
    parts = sum(zone.kind in ("zone", "file") for zone in task.zones)
    overlap = sum(doubled.values())
    twice = f"; zones overlap on {overlap:,.0f} ha, counted once in what they make together" if overlap >= 1 else ""
    return (
        f"{task.period}: {layers} layers of {products} in {parts} zones of {size:,.0f} ha together; the least known "
        f"layer is known on {known:.1%} of them{twice}."
    )


ZONE_STATISTICS = Product(
    name=NAME,
    title="Zone statistics",
    description=(
        "What the layers of a period say within each park, country and dated boundary: areas of classes, and means, "
        "spread and percentiles of measured values. Pixels cut by a boundary count with their part, areas are true "
        "areas, and unknown ground is told."
    ),
    method="1",
    params=ZoneStatisticsParams,
    inputs=_inputs,
    build=build,
    needs=tuple(Need(name, optional=True) for name in ("indices", "change", "fire-scars", "forest-cover")),
)
