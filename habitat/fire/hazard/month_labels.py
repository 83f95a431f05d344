"""Month labels: in which cells and months hotspots say that fires began and burnt."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.contracts.grid import Grid
from habitat.fire.fire_events import Events
from habitat.fire.hotspots import Rectangles, rectangles

PARTS = 10
"""Points along each side of a cell that footprints are held against."""
LEAST_SHARE = 0.1
"""Share of a cell that footprints must cover for it to count as burning [1]."""
COARSEST = 2.6
"""Pixels longer than so many cells are too coarse to say which cell burnt [cells]."""


@dataclass(frozen=True, eq=False)
class MonthLabels:
    """What hotspots, and mapped scars if there are any, say of the months of a record.

    Parameters
    ----------
    months : datetime64[M] (month,)
        Consecutive months.
    burning : bool (month, y, x)
        Whether footprints of fires covered at least a tenth of the cell.
    ignition : bool (month, y, x)
        Whether the first detection of an event lies in the cell.
    events : int64 (month,)
        Events that began in the month.
    known : bool (month, y, x), optional
        As burning, but each scar in the month in which it was first seen; None: as burning.
    """

    months: NDArray[np.datetime64]
    burning: NDArray[np.bool_]
    ignition: NDArray[np.bool_]
    events: NDArray[np.int64]
    known: NDArray[np.bool_] | None = None


def month_labels(
    table: gpd.GeoDataFrame, events: Events, grid: Grid, months: NDArray[np.datetime64], *, coarsest: float = COARSEST
) -> MonthLabels:
    """Turn fire events into labels of cells and months, by the local solar day.

    Parameters
    ----------
    table : GeoDataFrame
        Hotspots without static sources.
    events : Events
        Made from the table.
    grid : Grid
        The cells.
    months : datetime64[M] (month,)
        Consecutive months; what happened in others is left out.
    coarsest : float [cells]
        Detections of longer pixels say nothing about cells; they still belong to events.

    Raises
    ------
    ConfigError
        If the months are not consecutive.
    """
    months = months.astype("datetime64[M]")
    if months.size and not np.array_equal(months, np.arange(months[0], months[0] + np.timedelta64(months.size, "M"))):
        raise ConfigError(f"months run from {months[0]} to {months[-1]} with gaps, want each once and in order")
    shape = months.size, *grid.shape
    ignition, counts = _ignitions(events, grid, months)
    burning = np.zeros(shape, bool)
    sharp = np.maximum(table["scan_km"].to_numpy(), table["track_km"].to_numpy()) * 1000 <= coarsest * grid.resolution_m
    found = rectangles(table, grid.crs)
    number = (table["solar_day"].to_numpy().astype("datetime64[M]") - months[0]).astype(np.int64) if months.size else []
    number = np.asarray(number, np.int64)
    for month in np.unique(number[sharp & (number >= 0) & (number < months.size)]):
        burning[month] = covered_share(found, np.flatnonzero(sharp & (number == month)), grid) >= LEAST_SHARE
    return MonthLabels(months, burning, ignition, counts)


def covered_share(found: Rectangles, rows: NDArray[np.int64], grid: Grid, *, parts: int = PARTS) -> NDArray[np.float64]:
    """Share of every cell (y, x) that some footprints cover together [1], by so many times so many points a cell."""
    height, width = (side * parts for side in grid.shape)
    step, (west, _, _, north) = grid.resolution_m / parts, grid.bounds
    points = np.zeros((height, width), bool)
    for row in rows:
        reach = float(np.hypot(found.half_scan[row], found.half_track[row]))
        x, y = float(found.x[row]), float(found.y[row])
        left, right = (int(np.clip((x + side * reach - west) // step + 1, 0, width)) for side in (-1, 1))
        top, bottom = (int(np.clip((north - y + side * reach) // step + 1, 0, height)) for side in (-1, 1))
        if left >= right or top >= bottom:
            continue
        dx = west + (np.arange(left, right) + 0.5) * step - x
        dy = (north - (np.arange(top, bottom) + 0.5) * step - y)[:, None]
        cos, sin = np.cos(found.angle[row]), np.sin(found.angle[row])
        inside = np.abs(dx * cos + dy * sin) <= found.half_scan[row]
        inside &= np.abs(dy * cos - dx * sin) <= found.half_track[row]
        points[top:bottom, left:right] |= inside
    share: NDArray[np.float64] = points.reshape(grid.shape[0], parts, grid.shape[1], parts).mean(axis=(1, 3))
    return share


def _ignitions(
    events: Events, grid: Grid, months: NDArray[np.datetime64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    rows, columns = grid.shape
    begun = np.zeros((months.size, rows, columns), bool)
    counts = np.zeros(months.size, np.int64)
    if not months.size or not len(events.table):
        return begun, counts
    places = events.table["ignition"]
    number = (events.table["first_day"].to_numpy().astype("datetime64[M]") - months[0]).astype(np.int64)
    column = np.floor((np.array([one.x for one in places]) - grid.bounds[0]) / grid.resolution_m).astype(np.int64)
    row = np.floor((grid.bounds[3] - np.array([one.y for one in places])) / grid.resolution_m).astype(np.int64)
    inside = (number >= 0) & (number < months.size) & (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
    begun[number[inside], row[inside], column[inside]] = True
    np.add.at(counts, number[inside], 1)
    return begun, counts
