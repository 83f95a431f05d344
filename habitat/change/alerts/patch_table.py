"""Patch table: what the pixels of each patch say together, gathered tile by tile from the changed pixels alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from habitat.change.alerts.agents import Evidence
from habitat.change.alerts.patches import NO_DAY
from habitat.contracts.area import Zone

RECORD = np.dtype(
    [
        ("label", "i4"),
        ("stage", "u1"),
        ("high", "?"),
        ("first", "i2"),
        ("confirmed", "i2"),
        ("magnitude", "f4"),
        ("loss", "f4"),
        ("area_m2", "f8"),
        ("looks", "u1"),
        ("char", "f4"),
        ("soil", "f4"),
        ("scar", "f4"),
        ("spoken", "?"),
    ]
)
"""What is kept of each changed pixel: 43 bytes."""
_M2_PER_HA = 1e4
_SHAPED_HA = 1.0
"""Patches below have no shape: at 20 m they are less than 25 pixels."""
_HIGH_SHARE = 0.25
"""Of a felling of one hectare two thirds of the pixels are edge, which trees beside it share."""
_HALF = 0.5
_LONGEST_EDGE_DEG = 0.01
_DAY = np.timedelta64(1, "D")


def pixel_records(labels: NDArray[np.int32], layers: Mapping[str, NDArray[Any]]) -> NDArray[np.void]:
    """Return the records of the labelled pixels of a tile.

    Parameters
    ----------
    labels : int32 (y, x)
        Patch of each pixel, 0 where there is none.
    layers : mapping of str to array (y, x)
        Every field of `RECORD` but the label.
    """
    inside = labels > 0
    records = np.empty(int(np.count_nonzero(inside)), RECORD)
    records["label"] = labels[inside]
    for name in RECORD.names or ():
        if name != "label":
            records[name] = layers[name][inside]
    return records


def patch_table(parts: Iterable[NDArray[np.void]]) -> pd.DataFrame:
    """Table of what the pixels of each patch say together.

    Parameters
    ----------
    parts : iterable of arrays of `RECORD`
        From all tiles.

    Returns
    -------
    DataFrame
        Indexed by label, ascending: ``pixels``; ``area_ha``; ``stage``, the furthest at least half of the pixels have
        reached; ``high``, whether a quarter has a high loss; ``first_day``, by which a tenth had departed, and
        ``median_day``; ``confirmed_day``, by which half of the confirmed were; ``last_day``, the latest date known of a
        departure; ``spread_days`` between the first and the ninth tenth; medians of ``magnitude``, ``loss_percent``
        and ``looks``; shares ``char_share``, ``soil_share`` and ``scar_share`` of the pixels of which it is known; the
        last is unknown without a scar if no map could tell of at least half of the departures. Days as in the
        records, NaN unknown.

    Examples
    --------
    >>> records = np.zeros(2, RECORD)
    >>> records["label"], records["stage"], records["area_m2"], records["scar"] = 1, [2, 3], 400, [1, np.nan]
    >>> patch_table([records])[["pixels", "stage", "area_ha", "scar_share"]].to_numpy().tolist()
    [[2.0, 3.0, 0.08, 1.0]]
    """
    gathered = [*parts, np.empty(0, RECORD)]
    records = np.concatenate(gathered)
    frame = pd.DataFrame({name: records[name] for name in RECORD.names or ()})
    for name in ("first", "confirmed"):
        frame[name] = frame[name].astype(np.float64).mask(frame[name] == NO_DAY)
    frame["last"] = frame[["first", "confirmed"]].max(axis=1)
    group = frame.groupby("label", sort=True)
    early, late = (group["first"].quantile(share, interpolation="lower") for share in (0.1, 0.9))
    return pd.DataFrame(
        {
            "pixels": group.size(),
            "area_ha": group["area_m2"].sum() / _M2_PER_HA,
            "stage": group["stage"].quantile(0.5, interpolation="higher").astype(np.int64),
            "high": group["high"].mean() >= _HIGH_SHARE,
            "first_day": early,
            "median_day": group["first"].median(),
            "confirmed_day": group["confirmed"].quantile(0.5, interpolation="higher"),
            "last_day": group["last"].max(),
            "spread_days": late - early,
            "magnitude": group["magnitude"].median(),
            "loss_percent": group["loss"].median(),
            "looks": group["looks"].median(),
            "char_share": group["char"].mean(),
            "soil_share": group["soil"].mean(),
            # Where no map could tell of the departure, none of its pixels being scar says nothing.
            "scar_share": group["scar"].mean().where((group["scar"].max() > 0) | (group["spoken"].mean() >= _HALF)),
        }
    )


def patch_evidence(
    table: pd.DataFrame, year: int, outlines: gpd.GeoSeries, beside: Mapping[str, Mapping[int, float]]
) -> Evidence:
    """Evidence for the agents of patches.

    Parameters
    ----------
    table : DataFrame
        Of `patch_table`.
    year : int
        Days are counted from its 1 January on.
    outlines : GeoSeries
        Outlines [m] of those patches that have one, by label; others have no shape.
    beside : mapping of str to mapping of int to float
        ``hotspots`` and ``road_m`` by label, as far as known.
    """
    shaped = outlines[outlines.area >= _SHAPED_HA * _M2_PER_HA]
    boxes = shapely.area(shapely.minimum_rotated_rectangle(shaped.to_numpy()))
    straight = pd.Series(shaped.area.to_numpy() / boxes, shaped.index)
    compact = 4 * np.sqrt(shaped.area) / shaped.length
    known = {"straight": straight, "compact": compact} | {name: pd.Series(one) for name, one in beside.items()}
    columns = {name: one.reindex(table.index).astype(np.float64).to_numpy() for name, one in known.items()}
    # A change that goes on into the next year still has a day of the year.
    begins = np.datetime64(f"{year:04d}-01-01")
    days = table["median_day"].to_numpy(np.float64)
    told = np.isfinite(days)
    dates = begins + (np.floor(np.where(told, days, 1.0)).astype(np.int64) - 1) * _DAY
    of_year = (dates - dates.astype("datetime64[Y]").astype("datetime64[D]")) / _DAY + 1
    taken = ("area_ha", "spread_days", "loss_percent", "char_share", "soil_share", "scar_share")
    columns |= {name: table[name].to_numpy(np.float64) for name in taken}
    return Evidence.of(len(table), day_of_year=np.where(told, of_year, np.nan), **columns)


def dates_of_days(days: Any, year: int) -> NDArray[np.datetime64]:
    """Return dates of days counted from 1 January of a year (1); NaT where unknown.

    Examples
    --------
    >>> dates_of_days([1, 366, np.nan], 2025).astype("datetime64[D]").tolist()
    [datetime.date(2025, 1, 1), datetime.date(2026, 1, 1), None]
    """
    numbers = np.asarray(days, np.float64)
    known = np.isfinite(numbers)
    dates = np.full(numbers.shape, np.datetime64("NaT", "ns"))
    dates[known] = np.datetime64(f"{year:04d}-01-01") + (numbers[known].astype(np.int64) - 1) * _DAY
    return dates


def zone_names(outlines: gpd.GeoSeries, zones: Sequence[Zone]) -> tuple[list[str], list[str]]:
    """Names and countries of the zones each outline lies in, the largest share first."""
    drawn = gpd.GeoSeries([shapely.segmentize(zone.polygon, _LONGEST_EDGE_DEG) for zone in zones], crs="EPSG:4326")
    on_map = shapely.make_valid(drawn.to_crs(outlines.crs).to_numpy())
    names, countries = [], []
    for outline in outlines:
        shares = shapely.area(shapely.intersection(on_map, outline)) if zones else np.empty(0)
        order = [int(i) for i in np.argsort(-shares, kind="stable") if shares[i] > 0]
        names.append(", ".join(dict.fromkeys(zones[i].name for i in order)))
        countries.append(", ".join(dict.fromkeys(zones[i].country for i in order if zones[i].country)))
    return names, countries


def nearby(
    outlines: gpd.GeoSeries,
    days: pd.Series,
    hotspots: tuple[gpd.GeoSeries, Sequence[int]],
    *,
    distance_m: float,
    before: int = 60,
    after: int = 10,
) -> dict[int, float]:
    """Count hotspots near each patch in space and time.

    A monitor that waits for leaves sees a fire of April in the middle of May, so hotspots count from long before the
    first departure on.

    Parameters
    ----------
    outlines : GeoSeries [m]
        By label.
    days : Series of int
        Day (ordinal) of the first departure by label; patches without one count no hotspots.
    hotspots : (GeoSeries [m], sequence of int)
        Footprints and the day (ordinal) of each.
    distance_m : float [m]
        How near.
    before, after : int
        Days before and after the first departure.
    """
    ground, seen = hotspots[0].to_numpy(), np.asarray(hotspots[1], np.float64)
    if not len(ground) or not len(outlines):
        return dict.fromkeys(outlines.index, 0.0)
    hot, patch = shapely.STRtree(outlines.to_numpy()).query(ground, predicate="dwithin", distance=distance_m)
    since = days.reindex(outlines.index).to_numpy(np.float64)[patch]
    fits = (seen[hot] >= since - before) & (seen[hot] <= since + after)
    counts = np.bincount(patch[fits], minlength=len(outlines))
    return dict(zip(outlines.index, counts.astype(float).tolist(), strict=True))


def road_distances(outlines: gpd.GeoSeries, roads: gpd.GeoSeries) -> dict[int, float]:
    """Distance [m] of each outline to the next road; empty without roads."""
    if not len(roads) or not len(outlines):
        return {}
    (places, _), away = shapely.STRtree(roads.to_numpy()).query_nearest(
        outlines.to_numpy(), return_distance=True, all_matches=False
    )
    return {int(outlines.index[place]): float(metres) for place, metres in zip(places, away, strict=True)}
