"""Fire events: hotspots chained over gaps in space and time, and what each chain saw together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.fire.event_links import chained
from habitat.fire.footprints import Rectangles, rectangles

FIRST_PASS = np.timedelta64(15, "m")
"""Detections of one satellite so near in time are of one pass."""
COLUMNS = (
    *("id", "first", "last", "first_day", "last_day", "days", "n", "sensors"),
    *("frp_sum_mw", "frp_max_mw", "area_ha", "ignition", "geometry"),
)
"""Columns of the table of events."""

_MINUTES_PER_DAY = 1440.0
_M2_PER_HA = 1e4
_BATCH = 50_000
"""Footprints drawn at once: polygons take a thousand times the memory of the numbers they are drawn from."""


@dataclass(frozen=True, eq=False)
class Events:
    """Fire events and their members.

    Parameters
    ----------
    members : int64 (row,)
        For each hotspot, in the order of its table, the ``id`` of its event, from 1.
    table : GeoDataFrame
        One row per event, sorted by id, which follow the first detection: ``first`` and ``last`` (UTC, naive),
        ``first_day`` and ``last_day`` (solar dates), ``days`` (solar dates with detections), ``n`` (detections),
        ``sensors`` ("viirs", "modis" or "modis+viirs"), ``frp_sum_mw`` and ``frp_max_mw`` (over all detections; NaN if
        none is known; a sum of power over passes is no energy), ``area_ha`` (union of the footprints: not burnt area),
        ``ignition`` (point [m]: mean of the first pass) and ``geometry`` (union of the footprints, MultiPolygon [m]).
    """

    members: NDArray[np.int64]
    table: gpd.GeoDataFrame


def fire_events(table: gpd.GeoDataFrame, crs: str, *, distance_m: float = 1000.0, days: float = 5.0) -> Events:
    """Chain hotspots to fire events.

    Two hotspots are linked if the edges of their footprints are at most `distance_m` apart and their times at most
    `days`, both at once; an event is everything that can be reached over links, as in DBSCAN with no least number of
    neighbours. A fire may so go on for weeks, as long as it is seen again in time. The result does not depend on the
    order of the rows.

    Parameters
    ----------
    table : GeoDataFrame
        Hotspots, points in EPSG:4326; take static sources out first.
    crs : str
        Projected system in metres.
    distance_m : float
        Largest gap between footprints [m].
    days : float
        Largest gap in time [days].

    Returns
    -------
    Events

    Raises
    ------
    ConfigError
        If a gap is negative, or the system is not in metres there.

    References
    ----------
    Ester et al. (1996), A density-based algorithm for discovering clusters, KDD-96. Balch et al. (2020), FIRED, Remote
    Sensing 12, 3498. Chen et al. (2022), California wildfire spread derived using VIIRS (FEDS), Scientific Data 9, 249.
    """
    if not (distance_m >= 0 and days >= 0):
        raise ConfigError(f"gaps are {distance_m} m and {days} days, want numbers from 0 on")
    found = rectangles(table, crs)
    order = _order(table)
    boxes = np.column_stack([found.x, found.y, found.half_scan, found.half_track, found.angle])
    when = table["when"].to_numpy().astype("datetime64[ns]")
    minutes = when.astype("datetime64[m]").astype(np.int64)
    chains = chained(boxes[order], minutes[order], distance_m, days * _MINUTES_PER_DAY)
    # Along the sorted rows a chain is named after its first row, so that names are in the order of first detections.
    _, ids = np.unique(chains, return_inverse=True)
    members = np.empty(len(table), np.int64)
    members[order] = ids.reshape(-1) + 1
    by_event = order[np.argsort(members[order], kind="stable")]
    starts = np.flatnonzero(np.diff(members[by_event], prepend=0))
    return Events(members, _summaries(table, found, by_event, starts, crs))


def _order(table: gpd.GeoDataFrame) -> NDArray[np.int64]:
    """Return the rows by time and place: an order that follows from their content alone."""
    keys = pd.DataFrame(
        {
            "when": table["when"].to_numpy(),
            "satellite": table["satellite"].to_numpy(),
            "x": table.geometry.x.to_numpy(),
            "y": table.geometry.y.to_numpy(),
            "scan": table["scan_km"].to_numpy(),
            "track": table["track_km"].to_numpy(),
            "power": table["frp_mw"].to_numpy(),
        }
    )
    order: NDArray[np.int64] = keys.sort_values(list(keys), kind="stable").index.to_numpy(np.int64)
    return order


def _summaries(
    table: gpd.GeoDataFrame, found: Rectangles, rows: NDArray[np.int64], starts: NDArray[np.int64], crs: str
) -> gpd.GeoDataFrame:
    """Return the table of events; `rows` are sorted by event and time, `starts` tell where each event begins."""
    ends = np.append(starts[1:], rows.size)[: starts.size]
    when = table["when"].to_numpy().astype("datetime64[ns]")[rows]
    day = table["solar_day"].to_numpy().astype("datetime64[D]").astype(np.int64)[rows]
    owner = np.repeat(np.arange(starts.size), ends - starts)
    power = table["frp_mw"].to_numpy(np.float64)[rows]
    known = np.bincount(owner, np.isfinite(power), starts.size) > 0
    shapes = _unions(found, rows, starts, ends)
    columns: dict[str, Any] = {
        "id": np.arange(1, starts.size + 1),
        "first": when[starts],
        "last": when[ends - 1],
        "first_day": _reduced(np.minimum, day, starts).astype("datetime64[D]").astype("datetime64[ns]"),
        "last_day": _reduced(np.maximum, day, starts).astype("datetime64[D]").astype("datetime64[ns]"),
        "days": np.bincount(np.unique(np.column_stack([owner, day]), axis=0)[:, 0], minlength=starts.size),
        "n": ends - starts,
        "sensors": _sensors(table["sensor"].to_numpy()[rows], starts),
        "frp_sum_mw": np.where(known, np.bincount(owner, np.nan_to_num(power), starts.size), np.nan),
        "frp_max_mw": _reduced(np.fmax, power, starts),
        "area_ha": shapely.area(shapes) / _M2_PER_HA,
        "ignition": gpd.GeoSeries(_ignitions(table, found, rows, starts, owner), crs=crs),
    }
    return gpd.GeoDataFrame(columns, geometry=gpd.GeoSeries(shapes, crs=crs))[list(COLUMNS)]


def _reduced(how: np.ufunc, values: NDArray[Any], starts: NDArray[np.int64]) -> NDArray[Any]:
    found: NDArray[Any] = how.reduceat(values, starts) if starts.size else values[:0]
    return found


def _sensors(sensor: NDArray[Any], starts: NDArray[np.int64]) -> NDArray[np.object_]:
    some = [_reduced(np.maximum, sensor == name, starts).astype(np.int64) for name in ("modis", "viirs")]
    names: NDArray[np.object_] = np.array(["", "modis", "viirs", "modis+viirs"], object)[some[0] + 2 * some[1]]
    return names


def _ignitions(
    table: gpd.GeoDataFrame,
    found: Rectangles,
    rows: NDArray[np.int64],
    starts: NDArray[np.int64],
    owner: NDArray[np.int64],
) -> NDArray[np.object_]:
    """Return the mean place of the detections of each event's first pass."""
    when, satellite = table["when"].to_numpy()[rows], pd.factorize(table["satellite"])[0][rows]
    first = (when - when[starts][owner] <= FIRST_PASS) & (satellite == satellite[starts][owner])
    count = np.bincount(owner[first], minlength=starts.size)
    x, y = (np.bincount(owner[first], values[rows][first], starts.size) / count for values in (found.x, found.y))
    points: NDArray[np.object_] = shapely.points(x, y)
    return points


def _unions(
    found: Rectangles, rows: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> NDArray[np.object_]:
    """Return the union of the footprints of each event."""
    shapes = np.empty(starts.size, object)
    event = 0
    while event < starts.size:
        last = int(np.searchsorted(ends, starts[event] + _BATCH, side="right"))
        last = max(last, event + 1)
        drawn = found.polygons(rows[starts[event] : ends[last - 1]])
        for number in range(event, last):
            own = drawn[starts[number] - starts[event] : ends[number] - starts[event]]
            shapes[number] = _joined(own)
        event = last
    return shapes


def _joined(polygons: NDArray[np.object_]) -> shapely.MultiPolygon:
    whole = polygons[0] if polygons.size == 1 else shapely.union_all(polygons)
    return whole if whole.geom_type == "MultiPolygon" else shapely.MultiPolygon([whole])
