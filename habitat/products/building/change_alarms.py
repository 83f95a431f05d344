"""Change alarms: how many pixels of stable ground a run of forest-change is expected to report, month by month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.change.monitoring.alarm_estimate import AlarmEstimate, alarms_to_expect
from habitat.change.monitoring.monitor_rules import MonitorRules
from habitat.change.monitoring.season_model import Codes
from habitat.change.pixel_models import ModelRules, order_groups
from habitat.contracts.errors import InputError

_FEWEST = 50
"""Pixels without which nothing is told."""


def alarms_told(
    samples: Sequence[Mapping[str, NDArray[Any]]],
    days: tuple[NDArray[np.datetime64], NDArray[np.datetime64]],
    models: ModelRules,
    rules: MonitorRules,
    *,
    codes: Codes,
    resolution_m: float,
) -> dict[str, Any]:
    """Say what is to be expected, as plain JSON data; pixels count by how many harmonics they have.

    Parameters
    ----------
    samples : sequence of mapping
        Of `habitat.products.building.change_state.TileState.sample`.
    days : datetime64 (time,), datetime64 (time,)
        Dates of the history and those monitored.
    models : ModelRules
    rules : MonitorRules
    codes : Codes
    resolution_m : float

    Returns
    -------
    dict
        ``months`` (share of the monitored pixels, its interval, pixels in 1,000 km²), ``per_1000km2_and_month``,
        ``how``; with ``why`` and no months where there is too little to tell from.
    """
    past, later = days
    order = np.concatenate([sample["order"] for sample in samples]) if samples else np.zeros(0, np.uint8)
    if not len(later) or len(order) < _FEWEST:
        why = "no date is monitored yet" if not len(later) else f"{len(order)} pixels, wants at least {_FEWEST}"
        return {"months": {}, "per_1000km2_and_month": None, "how": "not estimated", "why": why}
    index, usable = (np.concatenate([sample[name] for sample in samples], axis=1) for name in ("index", "usable"))
    parts: list[tuple[int, AlarmEstimate]] = []
    unknown: list[str] = []
    for harmonics, pixels in order_groups(order):
        try:
            found = alarms_to_expect(
                np.ascontiguousarray(index[:, pixels]),
                past,
                later,
                models.season(harmonics),
                rules,
                fit_rules=models.fit(harmonics),
                codes=codes,
                usable=np.ascontiguousarray(usable[:, pixels]),
                resolution_m=resolution_m,
                least_sigma=models.least_sigma,
            )
        except InputError as error:
            unknown.append(f"{len(pixels)} pixels of order {harmonics}: {error}")
            continue
        parts.append((found.pixels, found))
    return _told(parts, unknown, resolution_m)


def _told(parts: list[tuple[int, AlarmEstimate]], unknown: list[str], resolution_m: float) -> dict[str, Any]:
    total = sum(count for count, _ in parts)
    if not total:
        return {"months": {}, "per_1000km2_and_month": None, "how": "not estimated", "why": "; ".join(unknown)}
    pixels = 1e9 / resolution_m**2
    months: dict[str, dict[str, Any]] = {}
    for month in sorted({name for _, found in parts for name in found.share_by_month}):
        share = sum(count * found.share_by_month.get(month, 0.0) for count, found in parts) / total
        ends = [
            sum(count * found.interval_by_month.get(month, (0.0, 0.0))[end] for count, found in parts) / total
            for end in (0, 1)
        ]
        months[month] = {"share": share, "interval": ends, "per_1000km2": share * pixels}
    mean = sum(entry["per_1000km2"] for entry in months.values()) / max(len(months), 1)
    told = [{"pixels": count, **found.to_dict()} for count, found in parts]
    how = "; ".join(dict.fromkeys(str(entry.get("how", "")) for entry in told))
    return {"months": months, "per_1000km2_and_month": mean, "how": how, "models": told, "unknown": unknown}
