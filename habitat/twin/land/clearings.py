"""Fellings and clearings of a world: clear-cuts, selective fellings, fields won at the valley's edge, and windthrow."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Literal

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from rasterio import features
from scipy import ndimage
from shapely import clip_by_rect
from shapely.geometry import Polygon

from habitat.twin.land.events import Clearing, History
from habitat.twin.land.geography import geography_of
from habitat.twin.land.landscape import FORESTS, Country, Cover, Field, Landscape
from habitat.twin.land.patches import Lattice, Places, corner, days_between, outline, piece_around, trimmed
from habitat.twin.land.scars import country_of
from habitat.twin.land.spread import CELL_M
from habitat.twin.noise import fractal
from habitat.twin.world import CENTRE, CRS, LAST_YEAR, SizeName, Window, World

Kind = Literal["clear-cut", "selective", "field", "windthrow"]
Mask = NDArray[np.bool_]

KIND_CODES: MappingProxyType[Kind, int] = MappingProxyType({"clear-cut": 1, "selective": 2, "field": 3, "windthrow": 4})
"""Codes of the kinds in rasters; 0 is nothing."""
YEARLY: dict[SizeName, float] = {"tiny": 0.4, "series": 1.6, "demo": 5.5, "full": 80.0}
"""Clearings of a mean year, besides those every world has."""
SHARES: dict[Kind, float] = {"clear-cut": 0.45, "selective": 0.35, "field": 0.20}
"""Share of each kind [1]."""
WEST_RATE = 0.4
"""Fellings in the west for one in the east in the same forest: there most forest is closed to logging."""
PARK_RATE = 0.03
"""Fellings in the parks for one in the same forest outside."""
_SIZES_HA: dict[Kind, tuple[float, float]] = {"clear-cut": (1.0, 15.0), "selective": (10.0, 70.0), "field": (1.0, 6.0)}
_TINY_HA: dict[Kind, tuple[float, float]] = {"clear-cut": (0.7, 1.6), "selective": (1.5, 4.0), "field": (0.5, 1.2)}
_SERIES_HA: dict[Kind, tuple[float, float]] = {
    "clear-cut": (0.8, 3.5),
    "selective": (1.5, 5.0),
    "field": (0.5, 1.5),
    "windthrow": (0.7, 3.5),
}
_CERTAIN: dict[Kind, date] = {
    "clear-cut": date(2024, 11, 10),
    "selective": date(2024, 12, 1),
    "field": date(2025, 3, 25),
}
"""First of the thirty days on one of which every world but a full one has a clearing of each kind."""
_DENSE: tuple[tuple[Kind, date], ...] = (
    ("selective", date(2022, 7, 1)),
    ("windthrow", date(2022, 8, 25)),
    ("clear-cut", date(2023, 7, 10)),
    ("clear-cut", date(2024, 1, 10)),
    ("selective", date(2024, 2, 1)),
    ("clear-cut", date(2024, 6, 10)),
    ("selective", date(2024, 7, 5)),
    ("windthrow", date(2024, 8, 20)),
    ("windthrow", date(2024, 12, 20)),
    ("clear-cut", date(2025, 1, 10)),
    ("selective", date(2025, 1, 25)),
    ("windthrow", date(2025, 5, 25)),
    ("clear-cut", date(2025, 6, 1)),
    ("selective", date(2025, 6, 15)),
    ("clear-cut", date(2025, 7, 20)),
    ("windthrow", date(2025, 8, 15)),
)
"""The same of the world of a dense series: losses in leaf and in winter, for monitors to find and to date."""
_HA = CELL_M * CELL_M / 10_000
_TRIES = 25


@dataclass(frozen=True)
class _Plan:
    """A clearing before it has a shape."""

    kind: Kind
    day: date
    seed: tuple[str | int, ...]


def clearings_of(world: World) -> tuple[Clearing, ...]:
    """Return all clearings of a world, in order of time; none goes over another.

    Every small world has one of each kind between the story's two Mays.
    """
    places = {kind: Places(world, _weigh(world, kind)) for kind in KIND_CODES}
    made: list[Clearing] = []
    for plan in sorted(_plans(world), key=lambda one: (one.day, one.seed)):
        clearing = _cleared(world, plan, places[plan.kind], made)
        if clearing is not None:
            made.append(replace(clearing, number=len(made) + 1))
    return tuple(made)


def _plans(world: World) -> Iterator[_Plan]:
    if world.size.name != "full":
        rng = world.rng("certain clearings")
        for kind, first in _CERTAIN.items():
            yield _Plan(kind, first + timedelta(days=int(rng.integers(0, 30))), ("certain clearing", kind))
    if world.size.name == "series":
        rng = world.rng("dense clearings")
        for number, (kind, first) in enumerate(_DENSE):
            yield _Plan(kind, first + timedelta(days=int(rng.integers(0, 30))), ("dense clearing", number))
    for year in range(world.size.first_year, LAST_YEAR + 1):
        rng = world.rng("clearings", year)
        for count in range(rng.poisson(YEARLY[world.size.name])):
            drawn = list(SHARES)[int(rng.choice(len(SHARES), p=list(SHARES.values())))]
            yield _Plan(drawn, _day(drawn, year, rng), ("clearing", year, count))


def _day(kind: Kind, year: int, rng: np.random.Generator) -> date:
    """Draw the day a clearing is finished: fellings on frozen ground from November to March, fields in spring."""
    if kind == "field":
        return date(year, 3, 20) + timedelta(days=int(rng.integers(0, 50)))
    winter = int(rng.integers(0, 151))
    return date(year, 1, 1) + timedelta(days=winter) if winter < 90 else date(year, 11, 1) + timedelta(days=winter - 90)


def _weigh(world: World, kind: Kind) -> Callable[[Landscape], Field]:
    if kind == "field":
        return _field_weight
    trees = {Cover.PINE_BROADLEAF: 1.0, Cover.LARCH: 1.0, Cover.BIRCH: 0.6, Cover.OAK: 0.05}
    if kind == "windthrow":
        # Wind knows no border and no park.
        return _windthrow_weight
    if kind == "selective":
        trees = {Cover.PINE_BROADLEAF: 1.0, Cover.LARCH: 0.4, Cover.BIRCH: 0.5, Cover.OAK: 0.4}
    table = np.zeros(256, np.float32)
    for cover, share in trees.items():
        table[cover] = share

    def weight(land: Landscape) -> Field:
        steep = np.hypot(land.rise_east, land.rise_north)
        country = np.where(land.country == Country.WEST, np.float32(WEST_RATE), np.float32(1))
        park = np.where(_in_park(world, land), np.float32(PARK_RATE), np.float32(1))
        if world.size.name == "tiny":
            # There the story's fire would burn what was just cut.
            eastings, northings = world.coordinates(land.window, CELL_M)
            from_middle = np.maximum(
                np.abs(eastings - CENTRE[0])[None, :], np.abs(northings - CENTRE[1])[:, None] / 1.1
            )
            park = np.where(from_middle < 0.27 * world.width_m, np.float32(0), park)
        found: Field = (table[land.cover] * country * park * (steep < 0.45) * land.canopy).astype(np.float32)
        return found

    return weight


@lru_cache(maxsize=2)
def _parks(world: World) -> tuple[Polygon, ...]:
    return tuple(park.polygon for park in geography_of(world).parks)


def _in_park(world: World, land: Landscape) -> Mask:
    transform, (rows, columns) = world.transform(land.window, CELL_M), land.cover.shape
    east, south = transform.c + columns * CELL_M, transform.f - rows * CELL_M
    near = [clip_by_rect(park, transform.c, south, east, transform.f) for park in _parks(world)]
    outlines = [park for park in near if not park.is_empty]
    if not outlines:
        return np.zeros(land.cover.shape, np.bool_)
    inside: Mask = features.rasterize(outlines, out_shape=(rows, columns), transform=transform, dtype=np.uint8) > 0
    return inside


def _field_weight(land: Landscape) -> Field:
    fields = land.cover == Cover.FIELD
    near = ndimage.binary_dilation(fields, iterations=4) & _can_become_field(land)
    weight: Field = (near & (land.country == Country.WEST)).astype(np.float32)
    return weight


def _windthrow_weight(land: Landscape) -> Field:
    weight: Field = (np.isin(land.cover, FORESTS) * land.canopy * (0.4 + 0.6 * land.evergreen)).astype(np.float32)
    return weight


def _can_become_field(land: Landscape) -> Mask:
    wild = np.isin(land.cover, (*FORESTS, Cover.SHRUB, Cover.GRASS))
    level: Mask = wild & (np.hypot(land.rise_east, land.rise_north) < 0.25)
    return level


def _cleared(world: World, plan: _Plan, places: Places, before: Sequence[Clearing]) -> Clearing | None:
    """Try places until a clearing finds room; of a world without such forest none is told."""
    rng = world.rng(*plan.seed)
    low, high = {"tiny": _TINY_HA, "series": _SERIES_HA}.get(world.size.name, _SIZES_HA)[plan.kind]
    wanted = math.exp(rng.uniform(math.log(low), math.log(high)))
    best: tuple[int, Clearing] | None = None
    for _ in range(_TRIES):
        place = places.draw(rng)
        if place is None:
            break
        land = piece_around(world, place, int(2.2 * math.sqrt(wanted / _HA)) + 4)
        removed = _removed(world, land, place, plan, wanted, rng) * _untouched(land, before)
        count = int(np.count_nonzero(removed))
        if count and (best is None or count > best[0]):
            rows, columns = trimmed(removed > 0)
            row, column = corner(land)
            patch = np.ascontiguousarray(removed[rows, columns])
            best = count, Clearing(0, plan.kind, plan.day, row + rows.start, column + columns.start, patch)
        if count * _HA > 0.7 * wanted:
            break
    return best[1] if best is not None and best[0] * _HA >= 0.4 * low else None


def _untouched(land: Landscape, before: Sequence[Clearing]) -> Mask:
    row, column = corner(land)
    free = np.ones(land.cover.shape, np.bool_)
    for one in before:
        down, right = one.row - row, one.column - column
        part = free[
            max(down, 0) : max(down + one.removed.shape[0], 0), max(right, 0) : max(right + one.removed.shape[1], 0)
        ]
        if part.size:
            cut = one.removed[max(-down, 0) :, max(-right, 0) :][: part.shape[0], : part.shape[1]]
            part[cut > 0] = False
    return free


def _removed(
    world: World, land: Landscape, place: tuple[int, int], plan: _Plan, wanted_ha: float, rng: np.random.Generator
) -> Field:
    """Return the share of the crowns a clearing about a place takes [1]."""
    row, column = corner(land)
    rows, columns = land.cover.shape
    down = (np.arange(rows)[:, None] + row - place[0]) * CELL_M
    right = (np.arange(columns)[None, :] + column - place[1]) * CELL_M
    places = world.coordinates(land.window, CELL_M)
    ragged = plan.kind in ("selective", "windthrow")
    wave = 1.6 * math.sqrt(wanted_ha * 10_000 / math.pi) if ragged else 260.0
    grain = fractal(world.key("clearing grain", *plan.seed), *places, wave, octaves=4, roughness=0.6)
    middle = (place[0] - row, place[1] - column)
    if plan.kind == "selective":
        return _selective(land, np.hypot(down, right), grain, wanted_ha, middle, rng)
    if plan.kind == "windthrow":
        return _blown_down(land, (down, right), grain, wanted_ha, middle, rng)
    uphill = math.atan2(-float(land.rise_north[middle]), float(land.rise_east[middle]))
    turn = uphill + rng.normal(0, 0.25)
    inside = _blocky(right, down, turn, wanted_ha, rng) + 6.0 * grain < 0
    if plan.kind == "field":
        return np.where(_about(inside & _can_become_field(land), middle), 1.0, 0.0).astype(np.float32)
    inside = _about(inside & np.isin(land.cover, FORESTS), middle)
    share = np.clip(0.96 + 0.02 * grain, 0.88, 1.0)
    # Seed trees are left in groups.
    share = np.where(grain > 2.1, 0.45, share)
    cut: Field = np.where(inside, share, 0).astype(np.float32)
    return cut


def _selective(
    land: Landscape, away: NDArray[np.float64], grain: Field, wanted_ha: float, middle: tuple[int, int],
    rng: np.random.Generator,
) -> Field:  # fmt: skip
    radius = math.sqrt(wanted_ha * 10_000 / math.pi)
    inside = _about((away / radius + 0.33 * grain < 1.05) & np.isin(land.cover, FORESTS), middle)
    taken = float(rng.uniform(0.28, 0.5)) + 0.08 * grain
    # Skidding tracks.
    angle = float(rng.uniform(0, math.pi))
    rows, columns = np.indices(land.cover.shape)
    across = (rows * math.cos(angle) + columns * math.sin(angle)) % 5 < 1
    share: Field = np.where(inside, np.clip(taken + 0.12 * across, 0.2, 0.6), 0).astype(np.float32)
    return share


def _blown_down(
    land: Landscape, away: tuple[NDArray[np.floating[Any]], NDArray[np.floating[Any]]], grain: Field, wanted_ha: float,
    middle: tuple[int, int], rng: np.random.Generator,
) -> Field:  # fmt: skip
    """Return what a storm takes: a ragged swath along the wind, some trees left standing."""
    down, right = away
    longer, angle = float(rng.uniform(1.5, 3.0)), float(rng.uniform(0, math.pi))
    half = math.sqrt(wanted_ha * 10_000 / (math.pi * longer))
    along = (right * math.cos(angle) + down * math.sin(angle)) / (half * longer)
    across = (down * math.cos(angle) - right * math.sin(angle)) / half
    inside = _about((np.hypot(along, across) + 0.30 * grain < 1.05) & np.isin(land.cover, FORESTS), middle)
    share: Field = np.where(inside, np.clip(0.78 + 0.14 * grain, 0.45, 0.97), 0).astype(np.float32)
    return share


def _blocky(
    right: NDArray[np.floating[Any]],
    down: NDArray[np.floating[Any]],
    turn: float,
    wanted_ha: float,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the distance [m] from a block with straight edges, negative inside; its long side lies across `turn`."""
    longer = float(rng.uniform(1.0, 2.2))
    half = math.sqrt(wanted_ha * 10_000 / longer) / 2
    sides = [(turn, half), (turn + math.pi / 2, half * longer)]
    distance = np.full(np.broadcast_shapes(right.shape, down.shape), -np.inf)
    for angle, reach in sides:
        for way in (0.0, math.pi):
            leaning = angle + way + float(rng.normal(0, 0.09))
            edge = right * math.cos(leaning) + down * math.sin(leaning) - reach * float(rng.uniform(0.9, 1.1))
            distance = np.maximum(distance, edge)
    return distance


def _about(inside: Mask, middle: tuple[int, int]) -> Mask:
    """Return the connected part that holds the middle, or the largest where the middle is outside."""
    labels, count = ndimage.label(inside)
    if not count:
        return inside
    own = int(labels[middle]) or int(np.argmax(np.bincount(labels.ravel())[1:])) + 1
    part: Mask = labels == own
    return part


def last_clearing(
    world: World, history: History, window: Window, day: date, resolution_m: float
) -> tuple[Field, Field, NDArray[np.uint8]]:
    """Return how long ago each pixel was cleared last, how much was taken, and what kind of clearing it was.

    Parameters
    ----------
    world : World
        The world.
    history : History
        What happened to it.
    window : Window
        Where.
    day : date
        Day of looking; what was finished that day counts.
    resolution_m : float
        Pixel size [m]: 10 or 20.

    Returns
    -------
    tuple of arrays (y, x)
        Days since [d], infinity where nothing was cleared; share of crowns taken [1]; code of `KIND_CODES`, else 0.
    """
    lattice, today = Lattice(window, resolution_m), (day - date(1970, 1, 1)).days
    for one in history.clearings:
        finished = (one.day - date(1970, 1, 1)).days
        if finished <= today and lattice.touches(one.row, one.column, *one.removed.shape):
            hours = np.where(one.removed > 0, 0, np.inf).astype(np.float32)
            span = (finished * 24.0, -np.inf, today * 24.0 + 24.0)
            lattice.paste((one.row, one.column), hours, one.removed, span, KIND_CODES[one.kind])
    since = days_between(today, lattice.day)
    return lattice.drawn(since), lattice.drawn(lattice.value), lattice.drawn(lattice.code)


def clearing_outlines(world: World, clearings: Sequence[Clearing]) -> gpd.GeoDataFrame:
    """Return the outlines of clearings as a table: id, kind, day, area_ha, removed (mean), country, geometry."""
    rows = [
        {
            "id": one.number,
            "kind": one.kind,
            "day": one.day,
            "area_ha": round(float(np.count_nonzero(one.removed)) * _HA, 2),
            "removed": round(float(one.removed[one.removed > 0].mean()), 3),
            "country": country_of(world, _any_cell(one)),
            "geometry": outline(world, one.row, one.column, one.removed > 0),
        }
        for one in clearings
    ]
    names = ["id", "kind", "day", "area_ha", "removed", "country", "geometry"]
    return gpd.GeoDataFrame(rows, columns=names, geometry="geometry", crs=CRS)


def _any_cell(one: Clearing) -> tuple[int, int]:
    row, column = np.argwhere(one.removed > 0)[0]
    return one.row + int(row), one.column + int(column)
