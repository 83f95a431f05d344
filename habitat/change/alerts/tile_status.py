"""Tile status: what the rasters of forest-change say of the pixels of a tile, as status, dates, loss and evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from habitat.change.alerts.agents import charred, laid_bare
from habitat.change.alerts.loss import loss_percent
from habitat.change.alerts.patches import NO_DAY
from habitat.change.alerts.status import HIGH_CODES, NODATA, StatusRules, alert_status, stage_of
from habitat.change.monitoring.monitor_kernels import CHANGED, WATCHED
from habitat.change.monitoring.monitors import EXPIRED, NOT_SEEN, PAUSED

MONITORED = (WATCHED, CHANGED, PAUSED, NOT_SEEN, EXPIRED)
"""Reasons of pixels that have a model and are watched, or were until their change was confirmed."""
BANDS = ("red", "nir", "swir1", "swir2")


@dataclass(frozen=True)
class Scale:
    """How losses of one forest-change are told.

    Parameters
    ----------
    bare : float, optional
        Level of ground without plants.
    unit : str
        ``1`` or ``dB``.
    rises : bool
        Whether the index rises where leaves are lost.
    rules : StatusRules
    """

    bare: float | None
    unit: str
    rises: bool
    rules: StatusRules


class TileStatus(NamedTuple):
    """What is known of each pixel (y, x) of a tile."""

    status: NDArray[np.uint8]
    """Codes of `habitat.change.alerts.status`."""
    first: NDArray[np.int16]
    """Day of the first departure, counted from 1 January of the year monitoring began; -32768 none."""
    confirmed: NDArray[np.int16]
    """Day of the confirmation."""
    magnitude: NDArray[np.float32]
    """Median residual since the first departure."""
    loss: NDArray[np.float32]
    """Percent; NaN unknown."""
    looks: NDArray[np.uint8]
    """Departed looks."""
    monitored: NDArray[np.bool_]
    """Pixels that have a model."""


def tile_status(
    reason: NDArray[np.uint8],
    dates: NDArray[np.int16],
    amounts: tuple[NDArray[np.float32], NDArray[np.float32]],
    course: NDArray[np.uint8],
    scale: Scale,
) -> TileStatus:
    """Status of the pixels of a tile.

    Parameters
    ----------
    reason : uint8 (y, x)
        Codes of monitors; pixels without a model and what is no forest become no data.
    dates : int16 (2, y, x)
        First departure and confirmation.
    amounts : (float32 (y, x), float32 (y, x))
        Magnitude and usual level.
    course : uint8 (2, y, x)
        Departed and returned looks.
    scale : Scale
    """
    monitored = np.isin(reason, MONITORED)
    magnitude, usual = amounts
    loss = loss_percent(magnitude, usual, bare=scale.bare, unit=scale.unit, rises=scale.rises)
    # A monitor that watches both sides finds growth, too, which alarms nobody.
    with np.errstate(invalid="ignore"):
        grew = (magnitude < 0) if scale.rises else (magnitude > 0)
    looks = np.where(monitored, np.where(grew & (course[0] != NODATA), 0, course[0]), NODATA).astype(np.uint8)
    sure = monitored & (dates[1] != NO_DAY) & ~grew
    status = alert_status(looks, sure, loss, returned=course[1], rules=scale.rules)
    return TileStatus(status, dates[0], dates[1], magnitude, loss, looks, monitored)


def record_layers(
    seen: TileStatus,
    areas: NDArray[np.float64],
    evidence: Mapping[str, NDArray[Any]] | None,
    scar: tuple[NDArray[Any], NDArray[np.bool_]] | None,
) -> dict[str, NDArray[Any]]:
    """Layers that `pixel_records` keeps of the changed pixels of a tile.

    Parameters
    ----------
    seen : TileStatus
    areas : float64 (y, x) [m²]
        True areas.
    evidence : mapping of str to float (y, x) [1], optional
        Reflectance ``red_before`` ... ``swir2_after``; None where there is none (radar).
    scar : (float (y, x), bool (y, x)), optional
        Of `near_scars`.
    """
    nothing = np.full(seen.status.shape, np.nan)
    char = soil = nothing
    if evidence is not None:
        before, after = ({band: evidence[f"{band}_{when}"] for band in BANDS} for when in ("before", "after"))
        char, soil = charred(before, after), laid_bare(before, after)
        # A ground fire under leaves shows no char, which does not speak against it.
        char = np.where(seen.loss < _UNDER_LEAVES, np.nan, char)
    return {
        "stage": stage_of(seen.status),
        "high": np.isin(seen.status, HIGH_CODES),
        "first": seen.first,
        "confirmed": seen.confirmed,
        "magnitude": seen.magnitude,
        "loss": seen.loss,
        "area_m2": areas,
        "looks": seen.looks,
        "char": char,
        "soil": soil,
        "scar": nothing if scar is None else scar[0],
        "spoken": np.zeros(seen.status.shape, bool) if scar is None else scar[1],
    }


class ScarTimes(NamedTuple):
    """When a map of scars tells of a departure; all days count from 1 January of the year monitoring began."""

    shift: int
    """Days from that 1 January to that of the scars' year."""
    last_day: int
    """Last day of the month the map tells of."""
    within: int
    """Most days from the burn to the departure."""
    in_leaf: int
    """The same of days between 15 May and 30 September: trees that were green for longer did not die of it."""


def near_scars(
    burnt: NDArray[np.uint8], first_burnt: NDArray[np.int16], departed: NDArray[np.int16], times: ScarTimes
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Tell which departures follow a scar of the same or the season before.

    Ground without a scar says something only of departures that its season could explain: those from four months
    before the last day of the map on, and after it as long as a scar would count.

    Parameters
    ----------
    burnt : uint8 (y, x)
        Status of fire-scars: 1 to 3 burnt, 0 not, 4 not judged, 255 unobserved. 5, black before the season, says
        neither: it has no day, and ground felled in winter looks like it.
    first_burnt : int16 (y, x)
        Day of the scars' year it was first seen burnt; -32768 unknown.
    departed : int16 (y, x)
        Day of the first departure, counted from 1 January of the year monitoring began.
    times : ScarTimes

    Returns
    -------
    float64 (y, x)
        1 scar, 0 judged and no scar near in time, NaN not judged.
    bool (y, x)
        Whether the map could have told of the departure.

    Examples
    --------
    >>> burnt, day = np.array([[1, 1, 0, 0, 255]], np.uint8), np.array([[110, 110, -32768, -32768, -32768]], np.int16)
    >>> departed = np.array([[135, 270, 135, 270, 135]], np.int16)
    >>> told, spoken = near_scars(burnt, day, departed, ScarTimes(0, 151, 240, 60))
    >>> told.tolist(), spoken.tolist()
    ([[1.0, 0.0, 0.0, 0.0, nan]], [[True, False, True, False, False]])
    """
    day, black = departed.astype(np.int64), first_burnt.astype(np.int64) + times.shift
    unknown = departed == NO_DAY
    leaves = _leaf_days(day)
    scar = (burnt >= 1) & (burnt <= 3)
    after = day - black
    fits = (after >= -_LATE) & (after <= times.within) & (leaves - _leaf_days(black) <= times.in_leaf)
    timed = unknown | (first_burnt == NO_DAY) | fits
    last = np.asarray(times.last_day, np.int64)
    spoken = unknown | ((day >= last - _SEASON) & (leaves - _leaf_days(last) <= times.in_leaf))
    judged = scar | (burnt == 0)
    return np.where(judged, (scar & timed).astype(np.float64), np.nan), judged & spoken


def _leaf_days(day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the days in leaf up to a day; of differences only, and a leap day is left out."""
    years = np.floor_divide(day - 1, _YEAR)
    this_year = np.clip(day - _YEAR * years - _LEAF_OUT, 0, _LEAF_FALL - _LEAF_OUT)
    return np.asarray(this_year + (_LEAF_FALL - _LEAF_OUT) * years, np.int64)


_UNDER_LEAVES = 25.0
"""Loss [percent] below which leaves hide what lies under them."""
_LATE = 20
"""A scar may be dated by a later look than the one that departed first, by so many days."""
_SEASON = 120
"""Days before the last one of a map of scars that its season reaches back."""
_YEAR, _LEAF_OUT, _LEAF_FALL = 365, 135, 273
"""15 May and 30 September."""
