"""Rows of the fire scars: what is missed, what is wrong, and how well dates are known, season by season."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from rasterio.features import rasterize

from habitat.contracts import Scene
from habitat.contracts.errors import InputError
from habitat.contracts.grid import Tile
from habitat.contracts.period import Period
from habitat.fire.burns.fire_calendar import FireSeason, season_spans
from habitat.imagery.indices import compute
from habitat.jobs.evidence import Evidence
from habitat.sources import search
from habitat.sources.catalogues.providers import provider_for
from habitat.twin.measures import Share
from habitat.twin.scorecard import Row

PRODUCT = "fire-scars"
NAIVE = "dNBR > 0.1 between the clearest summer scenes after and before, masked, as Key & Benson (2006)"
_NAIVE_ABOVE = 0.1
OMISSION_GOAL, COMMISSION_GOAL = 25.0, 20.0
"""Goals [%]; MODIS MCD64A1 has more than 90 and 50 in temperate forest (Boschetti et al. 2019)."""
SIZES = (("1-5 ha", 1.0, 5.0), ("5-20 ha", 5.0, 20.0), ("> 20 ha", 20.0, math.inf))
"""Classes of size; fires below 1 ha are not judged for omission."""
_LEAST_HA = 1.0
_FOUND_SHARE = 0.5
_SUMMER = (7, 8)
_NO_DAY = -32768
_TOLERANCE = 3.0


@dataclass
class _Days:
    """Sums of how dates of burning compare."""

    count: int = 0
    outside: int = 0
    error: float = 0.0
    widths: list[NDArray[np.floating]] = field(default_factory=list)


@dataclass
class _Season:
    """What is summed up for one season."""

    missed: Share = field(default_factory=Share)
    wrong: Share = field(default_factory=Share)
    by_size: dict[str, Share] = field(default_factory=lambda: {name: Share() for name, _, _ in SIZES})
    naive: Share = field(default_factory=Share)
    mapped: int = 0
    true: int = 0
    days: _Days = field(default_factory=_Days)
    seen_of: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    hit_of: dict[int, int] = field(default_factory=lambda: defaultdict(int))


@dataclass(frozen=True)
class _Truth:
    """Truth of one season on a tile."""

    day: NDArray[np.int64]
    """Ordinal of burning up to the end of the period, 0 where it did not burn."""
    fire: NDArray[np.int32]
    """Number of the fire, 0 where none."""
    size: NDArray[np.float64]
    """Size of it [ha]."""


def fire_scar_rows(evidence: Evidence) -> list[Row]:
    """Hold scars against the fires of the season.

    Judged for omission are pixels that burnt in the season up to the end of the period, in fires of at least
    1 ha that were no crown fires, and that at least one of the product's scenes saw truly clear and without
    snow after the fire and before leaves came out at that pixel (autumn: before the year's end). Commission
    counts all mapped pixels that did not burn in the season, small fires and unseen ones being right.
    """
    published = evidence.published(PRODUCT)
    params, period = published.record.params, evidence.period
    rows: list[Row] = []
    for season, span in season_spans(period.first_day, period.last_day, int(params["days_after"])):
        if season.name == "summer":
            continue
        used = _used(evidence, season, span.last_day)
        found = _Season()
        for tile in evidence.tiles:
            _add(found, evidence, season, tile, used)
        rows += _rows(found, season)
    return rows


def _used(evidence: Evidence, season: FireSeason, last: date) -> tuple[Scene, ...]:
    """Scenes of the season that the product was made from."""
    names = {entry.id for entry in evidence.published(PRODUCT).record.inputs}
    every = _scenes(evidence, season.year)
    return tuple(one for one in every if one.id in names and season.first_day <= one.solar_day <= last)


def _scenes(evidence: Evidence, year: int) -> tuple[Scene, ...]:
    catalogue = evidence.truth.root.parent / "catalog.json"
    found = search(("sentinel2", "landsat"), evidence.area, Period(str(year)), catalogue=provider_for(str(catalogue)))
    return tuple(found.scenes)


@lru_cache(maxsize=4)
def _fires(path: Path, crs: str) -> gpd.GeoDataFrame:
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"the truth about {path.name} cannot be read ({error}); make the twin anew") from error
    return gpd.GeoDataFrame.from_features(features, crs="EPSG:4326").to_crs(crs)


def _truth(evidence: Evidence, season: FireSeason, tile: Tile) -> _Truth:
    shape = tile.height, tile.width
    try:
        days = evidence.truth.layer(f"fires/{season.year}_{season.name}", tile).astype(np.int64)
    except InputError:
        # A season without fire may have no file.
        days = np.zeros(shape, np.int64)
    ordinals = np.where(days > 0, days + date(season.year, 1, 1).toordinal() - 1, 0)
    ordinals[ordinals > evidence.period.last_day.toordinal()] = 0
    grid = evidence.area.grid
    fires = _fires(evidence.truth.root / "fires" / "fires.geojson", grid.crs)
    starts = fires["start"].astype(str).str[:10].map(date.fromisoformat)
    own = fires[[season.first_day <= day <= season.last_day for day in starts] & (fires["kind"] != "crown").to_numpy()]
    number, size = np.zeros(shape, np.int32), np.zeros(shape)
    west, _, _, north = grid.tile_bounds(tile)
    r = grid.resolution_m
    if len(own):
        shapes = list(zip(own.geometry, range(1, len(own) + 1), strict=True))
        number = np.asarray(rasterize(shapes, shape, transform=(r, 0, west, 0, -r, north), dtype="int32"))
        size = np.concatenate([[0.0], own["area_ha"].to_numpy(float)])[number]
    number[ordinals == 0] = 0
    return _Truth(ordinals, number, size)


def _add(found: _Season, evidence: Evidence, season: FireSeason, tile: Tile, used: Sequence[Scene]) -> None:
    truth = _truth(evidence, season, tile)
    mapped = evidence.codes(PRODUCT, "status", "status", tile) == season.code
    burnt = truth.day > 0
    judged = burnt & (truth.size >= _LEAST_HA) & _could_be_seen(evidence, season, tile, truth, used)
    found.missed.add(~mapped, among=judged)
    found.wrong.add(~burnt, among=mapped)
    for name, low, high in SIZES:
        found.by_size[name].add(~mapped, among=judged & (truth.size >= low) & (truth.size < high))
    found.mapped += int(mapped.sum())
    found.true += int((burnt & (truth.size >= _LEAST_HA)).sum())
    naive = _naive(evidence, season, tile)
    if naive is not None:
        found.naive.add(~naive, among=judged)
    for identifier in np.unique(truth.fire[judged]):
        here = judged & (truth.fire == identifier)
        found.seen_of[int(identifier)] += int(here.sum())
        found.hit_of[int(identifier)] += int((here & mapped).sum())
    _add_days(found.days, evidence, season, tile, (mapped & burnt, truth.day))


def _could_be_seen(
    evidence: Evidence, season: FireSeason, tile: Tile, truth: _Truth, used: Sequence[Scene]
) -> NDArray[np.bool_]:
    """Burnt pixels that were truly clear once after the fire and before leaves came out."""
    seen = np.zeros(truth.day.shape, bool)
    green = np.full(truth.day.shape, season.last_day.toordinal(), np.int64)
    if season.name == "spring":
        leaves = evidence.truth.layer(f"seasons/{season.year}_leaf_out", tile).astype(np.int64)
        green = leaves + date(season.year, 1, 1).toordinal() - 1
    for scene in used:
        day = scene.solar_day.toordinal()
        after = (truth.day > 0) & (truth.day < day) & (day <= green)
        if after.any():
            seen |= after & evidence.truly_clear(scene, tile)
    return seen


def _naive(evidence: Evidence, season: FireSeason, tile: Tile) -> NDArray[np.bool_] | None:
    """Where the clearest scene of the summer after is lower in NBR than that of the summer before."""
    after = season.year if season.name == "spring" else season.year + 1
    ratios = []
    for year in (after, after - 1):
        summer = [one for one in _scenes(evidence, year) if one.solar_day.month in _SUMMER]
        if not summer:
            return None
        best = min(summer, key=lambda one: (100.0 if one.cloud_cover is None else one.cloud_cover, one.id))
        bands = {band: evidence.scenes.reflectance(best, band, tile) for band in ("nir", "swir2")}
        # Without a mask, clouds would find a part of everything.
        ratios.append(np.where(evidence.scenes.clear(best, "forest", tile), np.asarray(compute("nbr", bands)), np.nan))
    fell: NDArray[np.bool_] = np.nan_to_num(ratios[1] - ratios[0], nan=0.0) > _NAIVE_ABOVE
    return fell


def _add_days(
    days: _Days,
    evidence: Evidence,
    season: FireSeason,
    tile: Tile,
    right: tuple[NDArray[np.bool_], NDArray[np.int64]],
) -> None:
    """Compare intervals with the days on which pixels that are rightly mapped burnt."""
    where, true = right
    origin = date(season.year, 1, 1).toordinal() - 1
    last, first = (
        evidence.codes(PRODUCT, "dates", band, tile)[where].astype(np.int64) for band in ("last-unburnt", "first-burnt")
    )
    day = true[where] - origin
    early = np.where(last == _NO_DAY, -math.inf, last.astype(np.float64))
    outside = np.maximum(np.maximum(early - day, day - first), 0.0)
    days.count += int(where.sum())
    days.outside += int((outside > 0).sum())
    days.error += float(outside.sum())
    days.widths.append(np.asarray((first - early)[np.isfinite(early)], np.float64))


def _rows(found: _Season, season: FireSeason) -> list[Row]:
    name = season.name
    naive = found.naive.percent
    judged = "burnt pixels of fires from 1 ha on, truly clear at least once after the fire and before green-up"
    recall = (100.0 - found.missed.percent) / max(100.0 - naive, 0.5) if found.naive.whole else math.nan
    rows = [
        Row(
            PRODUCT, f"{name}, omission", "%", "lower", found.missed.percent, n=found.missed.whole,
            baseline=naive, baseline_method=NAIVE, goal=OMISSION_GOAL, tolerance=_TOLERANCE, note=judged,
        ),
        Row(
            PRODUCT, f"{name}, commission", "%", "lower", found.wrong.percent, n=found.wrong.whole,
            goal=COMMISSION_GOAL, tolerance=_TOLERANCE, note="mapped pixels that did not burn in the season",
        ),
        Row(
            PRODUCT, f"{name}, recall against naive", "1", "higher", recall, n=found.naive.whole, goal=3.0,
            tolerance=1.0, note="times the recall of summer-to-summer dNBR, which is taken as at least 0.5 %",
        ),
    ]  # fmt: skip
    if not found.naive.whole:
        del rows[2]
    rows += [
        Row(PRODUCT, f"{name}, omission {size}", "%", "lower", share.percent, n=share.whole, tolerance=2 * _TOLERANCE)
        for size, share in found.by_size.items()
    ]
    return [*rows, *_more_rows(found, name)]


def _more_rows(found: _Season, name: str) -> list[Row]:
    days, fires = found.days, len(found.seen_of)
    hits = _hits(found.seen_of, found.hit_of)
    widths = np.concatenate(days.widths) if days.widths else np.empty(0)
    bias = 100 * (found.mapped - found.true) / found.true if found.true else math.nan
    width = f"median width of the interval {np.median(widths):.0f} d" if widths.size else ""
    late = days.error / days.count if days.count else math.nan
    return [
        Row(
            PRODUCT, f"{name}, fires found", "%", "higher", 100 * hits / fires if fires else math.nan, n=fires,
            tolerance=5.0, note="fires of which half of the judged pixels are mapped",
        ),
        Row(
            PRODUCT, f"{name}, days outside the interval", "d", "lower", late, n=days.count, tolerance=0.5, note=width
        ),
        Row(
            PRODUCT, f"{name}, burnt area, bias", "%", "zero", bias, n=found.true, tolerance=5.0,
            note="mapped against all that burnt in fires from 1 ha on, seen or not",
        ),
    ]  # fmt: skip


def _hits(seen: Mapping[int, int], hit: Mapping[int, int]) -> int:
    return sum(1 for identifier, pixels in seen.items() if hit.get(identifier, 0) >= _FOUND_SHARE * pixels)
