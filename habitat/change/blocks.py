"""Blocks: monitors over a lazy cube, block by block through dask, for notebooks and areas larger than memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from habitat.change.monitoring.monitor_rules import MonitorRules
from habitat.change.monitoring.monitors import STABLE_HISTORY, USUAL_RULES, change_layers, monitored, opened_monitor
from habitat.change.monitoring.season_model import FitRules, Season
from habitat.contracts.errors import GridMismatch, InputError

_TYPES = {
    "first_departure": np.dtype("datetime64[ns]"),
    "confirmed": np.dtype("datetime64[ns]"),
    "magnitude": np.dtype(np.float32),
    "direction": np.dtype(np.int8),
    "reason": np.dtype(np.uint8),
}


def changes_by_block(
    index: xr.DataArray,
    monitor_from: Any,
    season: Season,
    rules: MonitorRules = USUAL_RULES,
    *,
    fit_rules: FitRules = STABLE_HISTORY,
    usable: xr.DataArray | None = None,
) -> xr.Dataset:
    """Tell the changes of each pixel of a lazy cube; nothing is read before the answer is computed.

    Each block of y and x is one task that sees all dates, in one thread: peak memory is that of the blocks worked on
    at once, whatever the area. Pixels do not depend on their block.

    Parameters
    ----------
    index : float DataArray (time, y, x)
        An index, NaN where unknown, its dates ascending; chunked by dask or not.
    monitor_from : datetime64 or str
        Dates before it are the history, the others are monitored.
    season : Season
        Shape of the model.
    rules : MonitorRules
        Of the monitor.
    fit_rules : FitRules
        Of the model.
    usable : bool DataArray (time, y, x), optional
        False where a date must not be used, such as under snow.

    Returns
    -------
    Dataset (y, x)
        As `change_layers`, lazy where the index is.

    Raises
    ------
    InputError
        If the dates do not ascend, or all lie on one side of `monitor_from`.
    GridMismatch
        If the dimensions are not time, y, x, or differ between the two.
    """
    if index.dims != ("time", "y", "x") or (usable is not None and usable.shape != index.shape):
        told = index.dims if usable is None else (index.dims, index.shape, usable.shape)
        raise GridMismatch(f"the index has {told}, wants time, y, x, and the mask the same; transpose or align them")
    days = index["time"].values.astype("datetime64[D]")
    begins = np.datetime64(monitor_from, "D")
    if (np.diff(index["time"].values.astype("datetime64[ns]").astype(np.int64)) < 0).any():
        raise InputError("the dates of the index do not ascend; sort it by time: index.sortby('time')")
    history = int((days < begins).sum())
    if not 0 < history < len(days):
        raise InputError(
            f"{history} of {len(days)} dates lie before {begins}; wants some before it for the model and some after"
        )

    def tell(values: Any, mask: Any | None = None) -> tuple[Any, ...]:
        # apply_ufunc moves time to the end.
        stack = np.ascontiguousarray(np.moveaxis(values, -1, 0))
        good = None if mask is None else np.ascontiguousarray(np.moveaxis(mask, -1, 0))
        before, after = (None, None) if good is None else (good[:history], good[history:])
        state = opened_monitor(
            stack[:history], days[:history], season, rules, fit_rules=fit_rules, usable=before, workers=1
        )
        found = change_layers(monitored(state, stack[history:], days[history:], usable=after, workers=1))
        return tuple(found[name].values.astype(kind) for name, kind in _TYPES.items())

    cubes = [cube.chunk({"time": -1}) if cube.chunks else cube for cube in (index, usable) if cube is not None]
    layers = xr.apply_ufunc(
        tell,
        *cubes,
        input_core_dims=[["time"]] * len(cubes),
        output_core_dims=[[]] * len(_TYPES),
        dask="parallelized",
        output_dtypes=list(_TYPES.values()),
    )
    return xr.Dataset(dict(zip(_TYPES, layers, strict=True)))
