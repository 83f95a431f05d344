"""Rows of the hotspots: whether static sources go and fires stay, and whether each fire becomes one event."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
from numpy.typing import NDArray

from habitat.contracts.errors import InputError
from habitat.fire.fire_events import fire_events
from habitat.fire.hotspots import without_static
from habitat.jobs.evidence import Evidence
from habitat.sources.hotspots import read_hotspots
from habitat.twin.measures import ratio
from habitat.twin.scorecard import Row

LISTS = ("hotspots/viirs.csv", "hotspots/modis.csv")
"""Lists of a twin; the truth tells of the rows of the first."""
LARGE_HA = 5.0
"""Fires from this size on should be found [ha]."""
NAIVE_STATIC = "only what the archive calls static goes"
NAIVE_EVENTS = "detections within 1 km of each other on one UTC day"
_NAIVE_M, _NAIVE_DAYS = 1000.0, 0.0
_POINT_KM = 1e-6


@dataclass(frozen=True, eq=False)
class _Judged:
    """Hotspots whose truth is known, and what a method made of them."""

    source: NDArray[np.object_]
    fire: NDArray[np.int64]
    """Number of the fire, 0 where there is none."""
    kept: NDArray[np.bool_]
    event: NDArray[np.int64]
    """Number of the event, 0 where the row was dropped."""

    @property
    def burning(self) -> NDArray[np.bool_]:
        """Detections of fires that were kept."""
        rows: NDArray[np.bool_] = (self.fire > 0) & self.kept
        return rows

    def share(self, of: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
        """Share of rows among others [percent]."""
        return 100 * ratio(int(np.count_nonzero(of & among)), int(np.count_nonzero(among)))


def hotspot_rows(evidence: Evidence) -> list[Row]:
    """Hold what is dropped, and what is chained to events, against the fires the rows of the lists came from.

    Raises
    ------
    InputError
        If the twin has no truth about its hotspots.
    """
    hotspots = read_hotspots([evidence.folder / name for name in LISTS if (evidence.folder / name).is_file()]).table
    truth, fires = _truth(evidence.folder / "truth" / "fires")
    judged = np.flatnonzero(hotspots["file"].to_numpy() == 0)
    at = hotspots["line"].to_numpy()[judged] - 2
    if at.size != len(truth):
        raise InputError(f"the twin lists {at.size} hotspots and knows the truth of {len(truth)}; make it anew")
    told = truth["source"].to_numpy(object)[at], truth["fire"].to_numpy(np.int64)[at]
    crs = evidence.area.grid.crs
    ours = _Judged(*told, *_ours(hotspots, crs, judged))
    naive = _Judged(*told, *_naive(hotspots, crs, judged))
    when = hotspots["when"].to_numpy()[judged]
    fires = fires[fires["start"] >= when.min()] if when.size else fires[:0]
    return [*_static_rows(ours, naive), *_event_rows(ours, naive), *_fire_rows(ours, naive, when, fires)]


def _truth(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    try:
        rows = pd.read_csv(folder / "hotspots.csv", keep_default_na=False)
        fires = pyogrio.read_dataframe(
            folder / "fires.geojson", columns=["id", "start", "area_ha"], read_geometry=False
        )
    except (OSError, ValueError, pyogrio.errors.DataSourceError) as error:
        raise InputError(f"the truth about hotspots cannot be read ({error}); make the twin anew") from error
    start = pd.to_datetime(fires["start"], utc=True, format="ISO8601").dt.tz_localize(None)
    return rows, fires.assign(start=start.astype("datetime64[ns]"))


def _ours(
    hotspots: gpd.GeoDataFrame, crs: str, judged: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    kept, _ = without_static(hotspots)
    return _placed(kept.index.to_numpy(), fire_events(kept, crs).members, len(hotspots), judged)


def _naive(
    hotspots: gpd.GeoDataFrame, crs: str, judged: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    kept = hotspots[hotspots["kind"].to_numpy(np.int64) <= 0]
    # As points, and each at midnight: so gaps in space are those of centres, and days are apart.
    day = kept["when"].to_numpy().astype("datetime64[D]").astype("datetime64[ns]")
    points = kept.assign(scan_km=_POINT_KM, track_km=_POINT_KM, when=day)
    members = fire_events(points, crs, distance_m=_NAIVE_M, days=_NAIVE_DAYS).members
    return _placed(kept.index.to_numpy(), members, len(hotspots), judged)


def _placed(
    rows: NDArray[np.int64], members: NDArray[np.int64], count: int, judged: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    event = np.zeros(count, np.int64)
    event[rows] = members
    return event[judged] > 0, event[judged]


def _static_rows(ours: _Judged, naive: _Judged) -> list[Row]:
    static, fire = ours.source == "static", ours.fire > 0

    def row(name: str, value: float, baseline: float, count: int, goal: float, note: str = "") -> Row:
        return Row(
            "hotspots", name, "%", "higher", value, n=count, baseline=baseline, baseline_method=NAIVE_STATIC,
            goal=goal, tolerance=2.0, note=note,
        )  # fmt: skip

    return [
        row("fires kept", ours.share(ours.kept, fire), naive.share(naive.kept, fire), int(fire.sum()), 98.0),
        row(
            "static removed", ours.share(~ours.kept, static), naive.share(~naive.kept, static), int(static.sum()), 95.0
        ),
        row(
            "static among removed",
            ours.share(static, ~ours.kept),
            naive.share(static, ~naive.kept),
            int((~ours.kept).sum()),
            90.0,
            "the others are false alarms and fires",
        ),
    ]


def _event_rows(ours: _Judged, naive: _Judged) -> list[Row]:
    methods = [_agreement(one.fire[one.burning], one.event[one.burning]) for one in (ours, naive)]
    fires, events = (np.unique(values[ours.burning]).size for values in (ours.fire, ours.event))
    notes = (
        f"pairs of detections of one fire against pairs of one event; {fires} fires in {events} events",
        "how far events are of one fire only",
        "how far a fire is in one event only",
    )
    names = "F1 of pairs", "homogeneity", "completeness"
    return [
        Row(
            "fire events", name, "1", "higher", value, n=int(ours.burning.sum()), baseline=baseline,
            baseline_method=NAIVE_EVENTS, tolerance=0.03, note=note,
        )
        for name, value, baseline, note in zip(names, *methods, notes, strict=True)
    ]  # fmt: skip


def _agreement(true: NDArray[np.int64], found: NDArray[np.int64]) -> tuple[float, float, float]:
    """Return the F1 of pairs, homogeneity and completeness [1]; NaN of nothing.

    References
    ----------
    Rosenberg & Hirschberg (2007), V-measure: a conditional entropy-based external cluster evaluation measure.
    """
    if not true.size:
        return np.nan, np.nan, np.nan
    (_, one), (_, other) = (np.unique(labels, return_inverse=True) for labels in (true, found))
    table = np.zeros((int(np.max(one)) + 1, int(np.max(other)) + 1))
    np.add.at(table, (one, other), 1)

    def pairs(counts: NDArray[np.float64]) -> float:
        return float((counts * (counts - 1)).sum() / 2)

    def entropy(counts: NDArray[np.float64]) -> float:
        share = counts[counts > 0] / true.size
        return float(-(share * np.log(share)).sum())

    by_fire, by_event, both = table.sum(axis=1), table.sum(axis=0), table
    f1 = ratio(2 * pairs(both), pairs(by_fire) + pairs(by_event))
    joint = entropy(both)
    spread, chains = entropy(by_fire), entropy(by_event)
    homogeneity = 1 - (joint - chains) / spread if spread else 1.0
    completeness = 1 - (joint - spread) / chains if chains else 1.0
    return f1, homogeneity, completeness


def _fire_rows(ours: _Judged, naive: _Judged, when: NDArray[np.datetime64], fires: pd.DataFrame) -> list[Row]:
    large = fires.loc[fires["area_ha"] >= LARGE_HA, "id"].to_numpy(np.int64)
    shares = [100 * ratio(int(np.isin(large, one.fire[one.burning]).sum()), large.size) for one in (ours, naive)]
    seen = 100 * ratio(int(np.isin(large, ours.fire).sum()), large.size)
    delays = [_delays(one, when, fires) for one in (ours, naive)]
    best = _delays(_Judged(ours.source, ours.fire, ours.fire > 0, ours.fire), when, fires)
    medians = [float(np.median(one)) if one.size else np.nan for one in (*delays, best)]
    return [
        Row(
            "fire events", f"fires of {LARGE_HA:g} ha and more with an event", "%", "higher", shares[0], n=large.size,
            baseline=shares[1], baseline_method=NAIVE_STATIC, floor=seen, tolerance=3.0,
            note="no method can find those no satellite saw",
        ),
        Row(
            "fire events", "median delay of the first detection", "h", "lower", medians[0], n=delays[0].size,
            baseline=medians[1], baseline_method=NAIVE_STATIC, floor=medians[2], tolerance=2.0,
            note="from ignition to the first detection that is kept, of fires with an event",
        ),
    ]  # fmt: skip


def _delays(found: _Judged, when: NDArray[np.datetime64], fires: pd.DataFrame) -> NDArray[np.float64]:
    first = pd.Series(when[found.burning]).groupby(found.fire[found.burning]).min()
    start = fires.set_index("id")["start"]
    both = first.index.intersection(start.index)
    delays: NDArray[np.float64] = ((first[both] - start[both]) / np.timedelta64(1, "h")).to_numpy(np.float64)
    return delays
