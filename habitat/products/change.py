"""Change: how a month's indices differ from the same month a year before and from the years before that."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from habitat.change import (
    CHANGE_CLASSES,
    CHANGE_NODATA,
    DifferenceHistogram,
    baseline_statistics,
    change_classes,
    difference,
    standardised_difference,
    z_score,
)
from habitat.contracts import Period
from habitat.contracts.errors import NotPossible
from habitat.contracts.estimate import UNVALIDATED
from habitat.contracts.grid import Tile
from habitat.contracts.legend import legend_for
from habitat.contracts.pixel_areas import pixel_areas
from habitat.contracts.raster_spec import INDEX_NODATA, BandSpec, RasterSpec
from habitat.imagery.indices import INDICES
from habitat.products.product import Need, Outcome, Params, Product, Sheets, Workshop, known_names
from habitat.sources.scenes.threads import in_threads
from habitat.store import Input, Published, WindowReader, estimated_bytes

_TILE = 1024
_Z_SCALE = 0.01
_SQUARE_METRES_PER_HA = 10_000.0


class ChangeParams(Params):
    """Settings of the change rasters."""

    names: tuple[str, ...] = Field(("nbr", "ndmi", "ndvi"), min_length=1)
    """Indices that are compared; the first one that can be is told about in the summary."""

    @field_validator("names")
    @classmethod
    def _names_are_known(cls, names: Any) -> Any:
        return known_names(names, INDICES, "index")

    @field_validator("thresholds")
    @classmethod
    def _thresholds_ascend(cls, thresholds: tuple[float, float]) -> tuple[float, float]:
        if not 0 < thresholds[0] < thresholds[1]:
            raise ValueError(f"thresholds are {list(thresholds)}, wants change and strong change, both above zero")
        return thresholds

    thresholds: tuple[float, float] = (0.1, 0.25)
    """Change and strong change of an index, in its own units, both ways."""
    min_z: float = Field(2.0, ge=0)
    """A change must also differ this many robust standard deviations from the area's median difference."""
    baseline_years: int = Field(8, ge=2, le=60)
    """Most earlier years the baseline is made of."""
    min_years: int = Field(3, ge=2, le=60)
    """Fewest earlier years a pixel needs for a z-score against the baseline."""
    min_std: float = Field(0.02, ge=0)
    """Least year-to-year deviation of an index, in its own units."""


@dataclass(frozen=True)
class _Earlier:
    """What a month is compared with."""

    now: Published
    before: Published | None
    """The same month a year before."""
    years: tuple[Published, ...]
    """The same month of earlier years, the latest first."""

    def published(self) -> tuple[Published, ...]:
        """Return everything read, each once."""
        return tuple({str(entry.id): entry for entry in (self.now, *self.years) if entry}.values())


def _earlier(params: ChangeParams, workshop: Workshop, period: Period) -> _Earlier:
    now = workshop.store.get("indices", workshop.area, period)
    years = workshop.store.years_before("indices", workshop.area, period)[: params.baseline_years]
    same_grid = tuple(entry for entry in years if entry.grid == now.grid)
    before = next((entry for entry in same_grid if entry.period == period.year_before()), None)
    usable = same_grid if len(same_grid) >= params.min_years else (() if before is None else (before,))
    if before is None and len(usable) < params.min_years:
        there = ", ".join(str(entry.period) for entry in years) or "none"
        raise NotPossible(
            f"change of {workshop.area.name}, {period}: the store has no indices of {period.year_before()} on "
            f"this grid and fewer than {params.min_years} earlier years (there: {there}); build earlier months first"
        )
    return _Earlier(now, before, usable)


def _inputs(params: ChangeParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    return tuple(entry.as_input() for entry in _earlier(params, workshop, period).published())


@dataclass(frozen=True)
class _Comparison:
    """One index, with open rasters."""

    name: str
    scale: float
    now: WindowReader
    before: WindowReader | None
    years: tuple[WindowReader, ...]

    def values(self, reader: WindowReader, tile: Tile) -> NDArray[np.float32]:
        """Values of a tile."""
        return reader.values(tile, self.name)

    def specs(self) -> list[RasterSpec]:
        """Rasters that come of it."""
        upper = self.name.upper()
        specs = []
        if self.before is not None:
            specs += [
                _raster(f"{self.name}-difference", f"{upper} against a year before", self.scale, "difference"),
                _raster(f"{self.name}-difference-z", f"{upper} difference, standardised", _Z_SCALE, "z-score"),
                RasterSpec(
                    f"{self.name}-class",
                    f"{upper} change class",
                    (BandSpec(f"{self.name}-class", "change against a year before"),),
                    "uint8",
                    CHANGE_NODATA,
                    overview="mode",
                    classes=legend_for("change-classes").classes,
                ),
            ]
        if self.years:
            specs.append(_raster(f"{self.name}-z", f"{upper} against earlier years, z-score", _Z_SCALE, "z-score"))
        return specs


def _raster(name: str, title: str, scale: float, legend: str) -> RasterSpec:
    about = f"{title}; positive where it rose"
    return RasterSpec(
        name, title, (BandSpec(name, title, scale=scale),), "int16", INDEX_NODATA, legend, description=about
    )


def build(params: ChangeParams, workshop: Workshop, period: Period) -> Outcome:
    """Compare the stored indices of a month with those of earlier years.

    Raises
    ------
    NotPossible
        If the store has no earlier month to compare with, or none of the chosen indices is in both.
    """
    earlier = _earlier(params, workshop, period)
    comparisons, gaps = _comparisons(params, earlier, period)
    specs = {item.name: item.specs() for item in comparisons}
    every = [spec for group in specs.values() for spec in group]
    grid = workshop.area.grid
    estimate = estimated_bytes(grid, *every)
    with workshop.store.begin("change", workshop.area, period, estimate=estimate) as stage:
        sheets = Sheets(stage, every)
        tiles = list(grid.tiles(_TILE))
        areas: dict[str, dict[int, float]] = {}
        for item in comparisons:
            typical = _typical(item, tiles, workshop)
            if item.before is not None and not (math.isfinite(typical[1]) and typical[1] > 0):
                gaps.append((f"{item.name}-difference-z", "too few pixels are clear in both months to scale it"))
            areas[item.name] = _compare(item, typical, params, sheets, tiles, workshop)
        sheets.draw(f"{workshop.area.title or workshop.area.name} · {period}")
        hectares = {name: _hectares(found) for name, found in areas.items() if found}
        summary = _summary(hectares, period, earlier)
        record = CHANGE.record(
            params,
            workshop,
            period,
            inputs=tuple(entry.as_input() for entry in earlier.published()),
            gaps=tuple(gaps),
        )
        published = stage.publish(
            record,
            {"habitat:summary": summary, "habitat:change_ha": hectares},
            title=CHANGE.title,
            description=CHANGE.description,
        )
    return Outcome(published, summary, tuple(gaps))


def _comparisons(
    params: ChangeParams, earlier: _Earlier, period: Period
) -> tuple[list[_Comparison], list[tuple[str, str]]]:
    gaps: list[tuple[str, str]] = []
    found = []
    if earlier.before is None:
        gaps.append(("difference", f"no indices of {period.year_before()} in the store"))
    if len(earlier.years) < params.min_years:
        gaps.append(("z-score against earlier years", f"{len(earlier.years)} in the store, wants {params.min_years}"))
    for name in params.names:
        asset = name.replace("_", "-")
        if asset not in earlier.now.rasters:
            gaps.append((f"change of {name}", f"{earlier.now.id} does not have it"))
            continue
        with_it = [entry for entry in earlier.years if asset in entry.rasters]
        before = earlier.before if earlier.before is not None and asset in earlier.before.rasters else None
        years = with_it if len(with_it) >= params.min_years else []
        if before is None and not years:
            gaps.append((f"change of {name}", "the earlier months do not have it"))
            continue
        readers = tuple(entry.open_window(asset) for entry in years)
        open_before = before.open_window(asset) if before is not None else None
        found.append(_Comparison(asset, INDICES[name].scale, earlier.now.open_window(asset), open_before, readers))
    if not found:
        raise NotPossible(f"none of {', '.join(params.names)} is in both {earlier.now.id} and an earlier month: {gaps}")
    return found, gaps


def _typical(item: _Comparison, tiles: Iterable[Tile], workshop: Workshop) -> tuple[float, float]:
    """Median and robust deviation of the difference over the whole area, exact."""
    if item.before is None:
        return math.nan, math.nan
    before = item.before
    total = DifferenceHistogram(item.scale)
    lock = threading.Lock()
    spec = item.specs()[0]

    def count(tile: Tile) -> None:
        codes: Any = spec.encode(difference(item.values(item.now, tile), item.values(before, tile)))
        part = DifferenceHistogram(item.scale)
        part.add(codes)
        with lock:
            total.merge(part)

    in_threads(count, tiles, workshop.workers)
    return total.median(), total.robust_sd()


def _compare(
    item: _Comparison,
    typical: tuple[float, float],
    params: ChangeParams,
    sheets: Sheets,
    tiles: list[Tile],
    workshop: Workshop,
) -> dict[int, float]:
    """Write the rasters of one index; return the true area [m²] of each class."""
    specs = {spec.name.removeprefix(f"{item.name}-"): spec for spec in item.specs()}
    areas: dict[Tile, NDArray[np.float64]] = {}
    grid = workshop.area.grid
    finished: list[int] = []
    lock = threading.Lock()

    def work(tile: Tile) -> None:
        now = item.values(item.now, tile)
        layers: dict[str, Any] = {}
        if item.before is not None:
            rose = difference(now, item.values(item.before, tile))
            layers["difference"] = rose
            layers["difference-z"] = _standardised(rose, typical)
            layers["class"] = _classes(rose, layers["difference-z"], params)
        if item.years:
            stack = np.stack([item.values(reader, tile) for reader in item.years])
            mean, std, _ = baseline_statistics(stack, min_years=params.min_years, min_std=params.min_std)
            layers["z"] = z_score(now, mean, std)
        for kind, values in layers.items():
            codes: Any = values if kind == "class" else specs[kind].encode(values)
            sheets.write(specs[kind].name, tile, np.asarray(codes)[np.newaxis])
        found = _areas(layers["class"], pixel_areas(grid, tile)) if "class" in layers else None
        with lock:
            if found is not None:
                areas[tile] = found
            finished.append(1)
            workshop.progress(f"comparing {item.name}", len(finished), len(tiles))

    in_threads(work, tiles, workshop.workers)
    # Summed in the order of the tiles, so that threads leave no trace in the last digit.
    total = sum((areas[tile] for tile in tiles if tile in areas), np.zeros(256))
    return {code: float(total[code]) for code in CHANGE_CLASSES} if areas else {}


def _standardised(rose: Any, typical: tuple[float, float]) -> Any:
    centre, spread = typical
    if not (math.isfinite(spread) and spread > 0):
        return np.full_like(rose, np.nan)
    return standardised_difference(rose, centre=centre, spread=spread)


def _classes(rose: Any, standardised: Any, params: ChangeParams) -> NDArray[np.uint8]:
    """Class by size; what lies within the scatter of the whole area is stable whatever its size."""
    # Where nothing could be standardised, size alone decides.
    significant = np.isnan(standardised) | (np.abs(standardised) >= params.min_z)
    classes: NDArray[np.uint8] = change_classes(np.where(significant | np.isnan(rose), rose, 0.0), params.thresholds)
    return classes


def _areas(classes: NDArray[np.uint8], pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area [m²] of each code."""
    return np.asarray(np.bincount(classes.ravel(), weights=pixels.ravel(), minlength=256), np.float64)


def _hectares(areas: Mapping[int, float]) -> dict[str, float]:
    return {label: round(areas.get(code, 0.0) / _SQUARE_METRES_PER_HA, 2) for code, label in CHANGE_CLASSES.items()}


def _summary(hectares: Mapping[str, Mapping[str, float]], period: Period, earlier: _Earlier) -> str:
    """One sentence that says what changed; mapped areas, not estimates."""
    if not hectares:
        return f"{period} was compared with {len(earlier.years)} earlier years; no month a year before is in the store."
    name, classes = next(iter(hectares.items()))
    seen = sum(classes.values())
    fell, strongly = classes["decrease"] + classes["strong decrease"], classes["strong decrease"]
    rose = classes["increase"] + classes["strong increase"]
    share: Callable[[float], str] = lambda part: f"{part / seen:.1%}" if seen else "0 %"  # noqa: E731
    return (
        f"From {period.year_before()} to {period}, {name.upper()} fell on {fell:,.0f} ha ({share(fell)} of the "
        f"{seen:,.0f} ha seen in both months), on {strongly:,.0f} ha of them strongly, and rose on {rose:,.0f} ha "
        f"({UNVALIDATED})."
    )


CHANGE = Product(
    name="change",
    title="Change",
    description=(
        "How a month's indices differ from the same month a year before (difference, standardised difference and "
        "class) and from the same month of earlier years (z-score); positive where the index rose."
    ),
    method="1",
    params=ChangeParams,
    inputs=_inputs,
    build=build,
    needs=(Need("indices"), Need("indices", years_before=1, optional=True)),
)
