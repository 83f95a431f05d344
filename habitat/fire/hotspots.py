"""Hotspots sorted: static heat sources and doubtful detections taken out, each with its reason."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from habitat.fire.footprints import Rectangles, footprints, rectangles, scan_azimuth

__all__ = [
    "USUAL_RULE",
    "LowConfidence",
    "Rectangles",
    "StaticRule",
    "footprints",
    "rectangles",
    "static_places",
    "without_static",
]

LowConfidence: TypeAlias = Literal["keep", "lonely", "day", "drop"]
"""What becomes of detections of low confidence: all stay; those by day without company go; those by day; all."""
ARCHIVE_REASONS = {1: "volcano", 2: "static source", 3: "offshore"}
"""Why the archive itself says that a detection is no vegetation fire."""
RECURRING = "recurring source"
DOUBTFUL = "low confidence"
SUSPECT_KINDS = (1, 2, 3)
"""Values of `kind` that are no fires of vegetation."""

_WGS84 = "EPSG:4326"
_EARTH_M = 6371_008.8
_CELL_M = 500.0
_COMPANY_M, _COMPANY = 1000.0, np.timedelta64(24, "h")
_MONTHS = 12
Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True)
class StaticRule:
    """From when on a place that is warm again and again counts as a static source.

    All counts are of detections of any kind within `place_m` of the place.

    Parameters
    ----------
    place_m : float
        Radius of a place [m].
    least_days : int
        Solar days with detections.
    least_months : int
        Different months of the calendar among them.
    least_winter_days : int
        Days among them in winter, when snow lies and no vegetation burns.
    winter : tuple of int
        Months of winter in the north; south of the equator they are six months later.
    tolerance_m : float
        Error of positions [m]: by so much a detection's footprint may miss the place and still be of it.
    """

    place_m: float = 750.0
    least_days: int = 8
    least_months: int = 6
    least_winter_days: int = 2
    winter: tuple[int, ...] = (12, 1, 2)
    tolerance_m: float = 250.0


USUAL_RULE = StaticRule()


def without_static(
    table: gpd.GeoDataFrame,
    *,
    kinds: Collection[int] = SUSPECT_KINDS,
    rule: StaticRule | None = USUAL_RULE,
    places: gpd.GeoDataFrame | None = None,
    low_confidence: LowConfidence = "lonely",
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Return the hotspots that may be vegetation fires, and the others with the reason.

    Three steps, each over what the one before left:

    1. What the archive itself calls a volcano, static or offshore goes.
    2. What lies over a static place goes, unless a detection beside the place keeps it company (within 1 km and
       24 hours): then a fire may have come by.
    3. Low confidence by day is often sunlight from roofs and water. Such a detection goes if it has no company.

    Parameters
    ----------
    table : GeoDataFrame
        Hotspots as `habitat.sources.hotspots.read_hotspots` gives them, in any order.
    kinds : collection of int
        Values of ``kind`` that go; none keeps them.
    rule : StaticRule, optional
        How static places are found in this table; None leaves them alone.
    places : GeoDataFrame, optional
        Static places found in a longer table, by `static_places`: the list of a week knows none.
    low_confidence : {'keep', 'lonely', 'day', 'drop'}
        What becomes of low confidence: all stay; those by day without company go; those by day; all.

    Returns
    -------
    kept, dropped : GeoDataFrame
        Rows of the table with their index and order; `dropped` has a column ``reason`` more.
    """
    reason = np.full(len(table), "", object)
    kind = table["kind"].to_numpy(np.int64)
    for code in kinds:
        reason[kind == code] = ARCHIVE_REASONS.get(code, f"kind {code}")
    if rule is not None and len(table):
        over = np.zeros(len(table), bool)
        ground = _Ground.of(table)
        for place in (static_places(table, rule) if places is None else places).geometry:
            over[ground.over(place.x, place.y, rule.tolerance_m)] = True
        over &= reason == ""
        others = (reason == "") & ~over
        reason[over & ~_in_company(table, over, others)] = RECURRING
    doubtful = (table["confidence"] == "low").to_numpy() & (reason == "")
    if low_confidence in ("lonely", "day"):
        doubtful &= table["by_day"].to_numpy(bool)
    if low_confidence == "lonely":
        doubtful &= ~_in_company(table, doubtful, reason == "")
    if low_confidence != "keep":
        reason[doubtful] = DOUBTFUL
    gone = reason != ""
    return table[~gone], table[gone].assign(reason=reason[gone])


def static_places(table: gpd.GeoDataFrame, rule: StaticRule = USUAL_RULE) -> gpd.GeoDataFrame:
    """Return the places that are warm on many days, in many months and in winter, too.

    The place with most detections is taken first, and its detections (those whose footprint covers it) do not count for
    the next. Its point is the median of its detections, those with small pixels counting more.

    Parameters
    ----------
    table : GeoDataFrame
        Hotspots of a year or more; those the archive calls static count, too.
    rule : StaticRule
        What makes a place static.

    Returns
    -------
    GeoDataFrame
        Points (EPSG:4326) with ``days``, ``months``, ``winter_days``, ``first`` and ``last``.
    """
    ground, when = _Ground.of(table), _When.of(table, rule)
    free = np.ones(len(table), bool)
    found = []
    for seed in _seeds(ground, when, rule):
        near = np.array(sorted(ground.tree.query_ball_point(seed, rule.place_m)), np.int64)
        near = near[free[near]]
        if when.qualifies(near, rule):
            centre = _degrees(_middle(ground.points[near], 1 / ground.size[near]))
            found.append(when.summary(near) | {"geometry": shapely.Point(*centre)})
            free[near] = False
            free[ground.over(*centre, rule.tolerance_m)] = False
    columns = ["days", "months", "winter_days", "first", "last", "geometry"]
    return gpd.GeoDataFrame(pd.DataFrame(found, columns=columns), geometry="geometry", crs=_WGS84)


@dataclass(frozen=True, eq=False)
class _Ground:
    """Where detections are and what ground they saw."""

    east: Floats
    north: Floats
    half: Floats
    """Half of scan and track [m], (row, 2)."""
    scan: Floats
    """Direction of the scan, clockwise from north [radians]."""
    points: Floats
    tree: cKDTree

    @classmethod
    def of(cls, table: gpd.GeoDataFrame) -> _Ground:
        half = np.column_stack([table["scan_km"].to_numpy(), table["track_km"].to_numpy()]) * 500
        east, north = table.geometry.x.to_numpy(), table.geometry.y.to_numpy()
        points = _globe(east, north)
        return cls(east, north, half, scan_azimuth(table), points, cKDTree(points))

    @cached_property
    def size(self) -> Floats:
        """Area of the footprints."""
        return 4 * self.half[:, 0] * self.half[:, 1]

    @cached_property
    def farthest(self) -> float:
        """Longest half diagonal [m]."""
        return float(np.max(np.hypot(*self.half.T)))

    def over(self, east: float, north: float, tolerance_m: float) -> NDArray[np.int64]:
        """Return the rows whose footprint, grown by a tolerance on each side, covers a place."""
        place = _globe(np.array([east]), np.array([north]))[0]
        at = np.array(self.tree.query_ball_point(place, self.farthest + 2 * tolerance_m), np.int64)
        dx = np.radians((east - self.east[at] + 180) % 360 - 180) * np.cos(np.radians(self.north[at])) * _EARTH_M
        dy = np.radians(north - self.north[at]) * _EARTH_M
        sin, cos = np.sin(self.scan[at]), np.cos(self.scan[at])
        along, across = np.abs(dx * sin + dy * cos), np.abs(dx * cos - dy * sin)
        inside = (along <= self.half[at, 0] + tolerance_m) & (across <= self.half[at, 1] + tolerance_m)
        covered: NDArray[np.int64] = at[inside]
        return covered


@dataclass(frozen=True, eq=False)
class _When:
    """Days and months of detections."""

    day: NDArray[np.int64]
    month: NDArray[np.int64]
    winter: Mask

    @classmethod
    def of(cls, table: gpd.GeoDataFrame, rule: StaticRule) -> _When:
        days = table["solar_day"].to_numpy().astype("datetime64[D]")
        month = days.astype("datetime64[M]").astype(np.int64) % _MONTHS + 1
        south = table.geometry.y.to_numpy() < 0
        season = np.where(south, (month + 5) % _MONTHS + 1, month)
        return cls(days.astype(np.int64), month, np.isin(season, rule.winter))

    def qualifies(self, rows: NDArray[np.int64], rule: StaticRule) -> bool:
        told = self.summary(rows) if rows.size >= rule.least_days else None
        wants = {"days": rule.least_days, "months": rule.least_months, "winter_days": rule.least_winter_days}
        return told is not None and all(bool(told[name] >= least) for name, least in wants.items())

    def summary(self, rows: NDArray[np.int64]) -> dict[str, int | np.datetime64]:
        days = np.unique(self.day[rows])
        return {
            "days": days.size,
            "months": np.unique(self.month[rows]).size,
            "winter_days": np.unique(self.day[rows][self.winter[rows]]).size,
            "first": days[0].astype("datetime64[D]"),
            "last": days[-1].astype("datetime64[D]"),
        }


def _seeds(ground: _Ground, when: _When, rule: StaticRule) -> Floats:
    """Return where static places may be, the likeliest first: only where something is warm in winter."""
    asked = ground.points[when.winter] if rule.least_winter_days > 0 else ground.points
    if not asked.size:
        return asked
    cells, inverse, counts = np.unique(
        np.floor(asked / _CELL_M).astype(np.int64), axis=0, return_inverse=True, return_counts=True
    )
    inverse = inverse.reshape(-1)
    seeds = np.column_stack([np.bincount(inverse, asked[:, axis], len(cells)) / counts for axis in range(3)])
    near = ground.tree.query_ball_point(seeds, rule.place_m, return_length=True)
    likely = near >= rule.least_days
    seeds, near, cells = seeds[likely], near[likely], cells[likely]
    months = np.zeros(len(seeds), np.int64)
    for month in np.unique(when.month):
        nearest, _ = cKDTree(ground.points[when.month == month]).query(seeds)
        months += nearest <= rule.place_m
    order = np.lexsort((*cells.T, -near))
    best: Floats = seeds[order[months[order] >= rule.least_months]]
    return best


def _middle(points: Floats, weights: Floats) -> Floats:
    middle = np.empty(3)
    for axis in range(3):
        order = np.argsort(points[:, axis], kind="stable")
        mass = np.cumsum(weights[order])
        middle[axis] = points[order[np.searchsorted(mass, mass[-1] / 2)], axis]
    return middle


def _globe(longitude: Floats, latitude: Floats) -> Floats:
    """Return points on a round earth [m], (row, 3)."""
    east, north = np.radians(longitude), np.radians(latitude)
    return _EARTH_M * np.column_stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])


def _degrees(point: Floats) -> tuple[float, float]:
    x, y, z = point
    return float(np.degrees(np.arctan2(y, x))), float(np.degrees(np.arctan2(z, np.hypot(x, y))))


def _in_company(table: gpd.GeoDataFrame, asked: Mask, others: Mask) -> Mask:
    """Tell which of the rows asked for have another one of `others` within a kilometre and a day."""
    company = np.zeros(len(table), bool)
    rows, beside = np.flatnonzero(asked), np.flatnonzero(others)
    if not rows.size or not beside.size:
        return company
    points = _globe(table.geometry.x.to_numpy(), table.geometry.y.to_numpy())
    when = table["when"].to_numpy()
    near = cKDTree(points[beside]).query_ball_point(points[rows], _COMPANY_M)
    for row, found in zip(rows, near, strict=True):
        at = beside[found]
        company[row] = bool(((np.abs(when[at] - when[row]) <= _COMPANY) & (at != row)).any())
    return company
