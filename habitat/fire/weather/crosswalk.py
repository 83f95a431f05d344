"""Cross-walk between the Canadian and the Russian scale: which classes fall on the same days, month by month."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from habitat.contracts.errors import InputError
from habitat.fire.weather.danger_classes import DANGER_CLASSES, NODATA
from habitat.fire.weather.kpo_scales import KPO_CLASSES, NATIONAL_LIMITS


def crosswalk(fwi_classes: ArrayLike, kpo_classes: ArrayLike, months: ArrayLike) -> xr.DataArray:
    """Count the days of cells on which a class of the one scale met a class of the other.

    Parameters
    ----------
    fwi_classes, kpo_classes : uint8 array_like (time, ...)
        Of `danger_classes` and `kpo_classes`, on the same days and cells; 255 where there is none.
    months : array_like of int (time,)
        1 to 12.

    Returns
    -------
    DataArray (month, fwi_class, kpo_class)
        Counts; days on which either has no class are left out.

    Raises
    ------
    InputError
        If shapes differ or a class is unknown.

    Examples
    --------
    >>> table = crosswalk([1, 4, 4, 255], [1, 3, 4, 2], [4, 4, 4, 5])
    >>> table.sel(month=4, fwi_class=4).values.tolist(), int(table.sel(month=5).sum())
    ([0, 0, 1, 1, 0], 0)
    """
    ours, theirs, when = np.asarray(fwi_classes), np.asarray(kpo_classes), np.asarray(months)
    if ours.shape != theirs.shape or when.shape != ours.shape[:1]:
        raise InputError(
            f"classes of {ours.shape} and {theirs.shape} and months of {when.shape} do not fit; compute both scales "
            "from the same weather"
        )
    _check_classes(ours, DANGER_CLASSES, "danger")
    _check_classes(theirs, KPO_CLASSES, "KPO")
    both = (ours != NODATA) & (theirs != NODATA)
    month = np.broadcast_to(when.reshape(-1, *[1] * (ours.ndim - 1)), ours.shape)[both].astype(np.int64)
    if month.size and not (month.min() >= 1 and month.max() <= 12):
        raise InputError(f"months run from {month.min()} to {month.max()}, want 1 to 12")
    rows, columns = len(DANGER_CLASSES), len(KPO_CLASSES)
    place = ((month - 1) * rows + ours[both].astype(np.int64) - 1) * columns + theirs[both].astype(np.int64) - 1
    counts = np.bincount(place, minlength=12 * rows * columns).reshape(12, rows, columns)
    coords = {"month": np.arange(1, 13), "fwi_class": list(DANGER_CLASSES), "kpo_class": list(KPO_CLASSES)}
    attributes = {"units": "1", "long_name": "days of cells with both classes"}
    return xr.DataArray(counts, coords, ("month", "fwi_class", "kpo_class"), "days", attributes)


def crosswalk_table(table: xr.DataArray) -> pd.DataFrame:
    """Return a cross-walk as rows of month and class of the fire weather index, for the months that have days.

    Examples
    --------
    >>> rows = crosswalk_table(crosswalk([1, 4], [1, 3], [4, 4]))
    >>> rows.columns.tolist()[:4], rows["month"].unique().tolist(), int(rows["III medium"].sum())
    (['month', 'danger_class', 'danger', 'I none'], [4], 1)
    """
    rows = []
    for month in table["month"].values[table.values.any(axis=(1, 2))]:
        for code, name in DANGER_CLASSES.items():
            counts = table.sel(month=month, fwi_class=code).values
            known = dict(zip(KPO_CLASSES.values(), map(int, counts), strict=True))
            rows.append({"month": int(month), "danger_class": code, "danger": name} | known)
    return pd.DataFrame(rows, columns=["month", "danger_class", "danger", *KPO_CLASSES.values()])


def matched_limits(
    fwi: ArrayLike, nesterov: ArrayLike, limits: Sequence[float] = NATIONAL_LIMITS
) -> NDArray[np.float64]:
    """Values of the fire weather index that are exceeded as often as the limits of the other scale.

    Parameters
    ----------
    fwi, nesterov : array_like
        On the same days and cells, of one month or of all; NaN where there is none.
    limits : sequence of float [degC2]
        Of Nesterov's index.

    Returns
    -------
    float64 (limit,)
        NaN for a limit that was never exceeded.

    Raises
    ------
    InputError
        If shapes differ or no day has both.

    Examples
    --------
    >>> matched_limits(np.arange(101.0), 100 * np.arange(101.0), (300, 1000, 4000, 20000)).tolist()
    [3.0, 10.0, 40.0, nan]
    """
    ours, theirs = np.asarray(fwi, np.float64), np.asarray(nesterov, np.float64)
    if ours.shape != theirs.shape:
        raise InputError(f"the indices have {ours.shape} and {theirs.shape}; compute both from the same weather")
    both = np.isfinite(ours) & np.isfinite(theirs)
    if not both.any():
        raise InputError("no day has both indices; ask for days in season")
    ordered = np.sort(ours[both])
    below = np.array([(theirs[both] <= limit).sum() for limit in limits])
    found: NDArray[np.float64] = np.where(below < ordered.size, ordered[np.clip(below - 1, 0, None)], np.nan)
    return found


def _check_classes(values: NDArray[np.generic], names: dict[int, str], scale: str) -> None:
    unknown = sorted(set(np.unique(values).tolist()) - set(names) - {NODATA})
    if unknown:
        raise InputError(f"the {scale} classes hold {unknown}, want {min(names)} to {max(names)} and {NODATA}")
