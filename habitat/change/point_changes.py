"""Changes of single points: what monitors, trajectories and segments say about one series, in rows of one form."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.change.history_layers import HISTORY_CODES, IndexOf, break_layers, index_at_breaks
from habitat.change.monitoring.monitor_rules import MonitorRules
from habitat.change.monitoring.monitors import MONITOR_CODES, STABLE_HISTORY, change_layers, monitored, opened_monitor
from habitat.change.monitoring.season_model import Season
from habitat.change.segments import COLD, SegmentRules, segments
from habitat.change.trajectories import FITTED, TRAJECTORY_CODES, TrajectoryRules, greatest_loss, trajectories
from habitat.change.trajectory.yearly import summer_years, yearly_medians
from habitat.contracts.errors import InputError

MONITOR, SEGMENTS, TRAJECTORIES = "monitor", "segments", "trajectories"
METHODS = (MONITOR, SEGMENTS, TRAJECTORIES)
NO_CHANGE = "no change"
_NOT_YET = "departed, not confirmed"
MonthDay = tuple[int, int]


@dataclass(frozen=True)
class PointChange:
    """One change of one point, or the reason why there is none.

    Parameters
    ----------
    method : str
        One of `METHODS`.
    reason : str
        ``change confirmed``, ``loss``, ``break``, ``no change``, or why nothing can be said.
    looks : int
        Usable looks, or years with a value, that were judged.
    number : int
        1 for the first change of this method, 0 where there is none.
    last_before, first_departure, confirmed : datetime64[D], optional
        Last usable look before the change; the first that shows it; the one that confirmed it, where the method
        confirms.
    magnitude : float
        Change of the series, below zero where it fell; NaN where there is none.
    before : float
        What the series was expected to be at the change without it; NaN where not known.
    """

    method: str
    reason: str
    looks: int
    number: int = 0
    last_before: np.datetime64 | None = None
    first_departure: np.datetime64 | None = None
    confirmed: np.datetime64 | None = None
    magnitude: float = float("nan")
    before: float = float("nan")


def monitor_change(
    days: NDArray[np.datetime64],
    values: NDArray[np.float64],
    *,
    until: Any,
    rules: MonitorRules,
    season: Season,
) -> PointChange:
    """Change of one series by a monitor: the first that is confirmed.

    Parameters
    ----------
    days : datetime64[D] (look,)
        Of the usable looks, ascending.
    values : float64 (look,)
        The series.
    until : datetime64
        Last day of the history the season model is fitted to; monitoring begins on the day after.
    rules : MonitorRules
    season : Season

    Raises
    ------
    InputError
        If the history or the time that is monitored has no looks at all.
    """
    history = days <= np.datetime64(until, "D")
    if not history.any() or history.all():
        told = "after" if history.any() else "up to"
        raise InputError(
            f"there is no usable look {told} {until}; choose a day within {days[0]} to {days[-1]} that leaves years "
            "for the history and some looks to be monitored"
        )
    stack = values.astype(np.float64)[:, None, None]
    fewest = 2 * season.terms
    if history.sum() < fewest:
        return PointChange(MONITOR, f"too few observations ({int(history.sum())} of {fewest})", len(days))
    state = opened_monitor(stack[history], days[history], season, rules, fit_rules=STABLE_HISTORY, workers=1)
    later = monitored(state, stack[~history], days[~history], workers=1)
    found = change_layers(later)
    first, confirmed = (found[name].values[0, 0].astype("datetime64[D]") for name in ("first_departure", "confirmed"))
    reason = MONITOR_CODES[int(found["reason"].values[0, 0])]
    if np.isnat(first):
        return PointChange(MONITOR, NO_CHANGE if reason == "ok" else reason, len(days))
    usual = season.design(np.array([first])) @ later.coefficients[:, 0, 0].astype(np.float64)
    return PointChange(
        MONITOR,
        _NOT_YET if np.isnat(confirmed) else reason,
        len(days),
        number=1,
        last_before=days[days < first][-1],
        first_departure=first,
        confirmed=None if np.isnat(confirmed) else confirmed,
        magnitude=float(found["magnitude"].values[0, 0]),
        before=float(usual[0]),
    )


def trajectory_change(
    days: NDArray[np.datetime64],
    values: NDArray[np.float64],
    *,
    rules: TrajectoryRules,
    summer: tuple[MonthDay, MonthDay] = ((6, 10), (9, 10)),
    least: float = 0.0,
) -> PointChange:
    """Greatest loss of one series by the segments of its summers' medians.

    Its dates are real looks: the last of the last summer before the loss, the first of the next summer that has any.

    Parameters
    ----------
    days, values : arrays (look,)
        Usable looks, ascending.
    rules : TrajectoryRules
        Its sign is that of the series.
    summer : ((month, day), (month, day))
        First and last day of the summer.
    least : float
        Smallest loss that counts, in the unit of the series.
    """
    years, slots = summer_years(days, *summer)
    medians = yearly_medians(values[:, None], np.ones((len(values), 1), np.uint8), slots, len(years))
    found = trajectories(medians[:, :, None], years, rules, workers=1)
    known, code = int(found.known[0, 0]), int(found.code[0, 0])
    loss = greatest_loss(found, rules.sign, least=least)
    if not loss.year[0, 0]:
        return PointChange(TRAJECTORIES, NO_CHANGE if code == FITTED else TRAJECTORY_CODES[code], known)
    start = int(loss.before[0, 0] - years[0])
    return PointChange(
        TRAJECTORIES,
        f"loss of {int(loss.duration[0, 0])} year{'s' if loss.duration[0, 0] > 1 else ''}",
        known,
        number=1,
        last_before=days[slots == start][-1],
        first_departure=days[slots > start][0],
        magnitude=float(loss.magnitude[0, 0]),
        before=float(loss.level[0, 0]),
    )


def segment_changes(
    days: NDArray[np.datetime64],
    reflectance: NDArray[np.float64],
    state: NDArray[np.uint8],
    index: IndexOf,
    rules: SegmentRules = COLD,
) -> list[PointChange]:
    """Return the confirmed breaks of one point, in order of time, or the reason why there is none.

    Parameters
    ----------
    days : datetime64[D] (look,)
        Ascending; of several usable looks of one day the first counts.
    reflectance : float64 (band, look)
        In the order of `habitat.change.segments.BANDS`; NaN where unknown.
    state : uint8 (look,)
        0 clear, 1 water, 2 shadow, 3 snow, 4 cloud, 255 fill.
    index : callable
        What is told of a break: the index of reflectance (band, n).
    rules : SegmentRules
    """
    known = np.isfinite(reflectance).all(axis=0)
    codes = np.where(known, np.rint(np.nan_to_num(reflectance) * 1e4), -32768).clip(-32768, 32767).astype(np.int16)
    qa = np.where(known, state, 255).astype(np.uint8)
    found = segments(codes[:, :, None], days, qa=qa[:, None], rules=rules, workers=1)
    # Where the segmentation takes a look: reflectance within 0 and 1, one look a day.
    used = (qa <= 1) & ((codes > 0) & (codes < 10_000)).all(axis=0)
    looks = np.unique(days[used])
    rows = np.flatnonzero((found.break_day > 0) & (found.probability == 100))
    if not rows.size:
        reason = int(break_layers(found, index, loss=-1).reason[0])
        return [PointChange(SEGMENTS, NO_CHANGE if reason == 0 else HISTORY_CODES[reason], len(looks))]
    before, after = index_at_breaks(found, rows, index)
    changes = []
    for number, row in enumerate(rows):
        day = np.datetime64(date.fromordinal(int(found.break_day[row])), "D")
        later, earlier = looks[looks >= day], looks[looks < day]
        changes.append(
            PointChange(
                SEGMENTS,
                "break",
                len(looks),
                number=number + 1,
                last_before=earlier[-1] if earlier.size else None,
                first_departure=day,
                confirmed=later[rules.confirm - 1] if later.size >= rules.confirm else None,
                magnitude=float(after[number] - before[number]),
                before=float(before[number]),
            )
        )
    return changes
