"""Monitors block by block through dask: the same as at once, lazily, and what is refused."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import xarray as xr

from habitat.change.blocks import changes_by_block
from habitat.change.monitoring.monitors import change_layers, monitored, opened_monitor
from habitat.change.monitoring.season_model import Season
from habitat.contracts.errors import GridMismatch, InputError

SEASON = Season(order=1, trend=False, origin="2020-01-01")
TIMES = np.datetime64("2018-01-03", "ns") + np.arange(0, 1460, 8) * np.timedelta64(1, "D")
HISTORY = int((np.datetime64("2021-01-01") > TIMES).sum())


@pytest.fixture(scope="module")
def cube():
    random = np.random.default_rng(5)
    phase = 2 * np.pi * np.arange(0, 1460, 8) / 365.25
    values = 0.6 + 0.2 * np.cos(phase)[:, None, None] + random.normal(0, 0.03, (len(TIMES), 12, 9))
    values[HISTORY + 20 :, 3:6, 2:7] -= 0.4
    values[random.random(values.shape) < 0.3] = np.nan
    axes = {"time": TIMES, "y": np.arange(12.0), "x": np.arange(9.0)}
    return xr.DataArray(values.astype(np.float32), axes, ("time", "y", "x"))


def test_blocks_tell_what_the_whole_tells_and_nothing_is_read_before(cube):
    read = []

    def seen(block):
        read.append(block.shape)
        return block

    lazy = cube.copy(
        data=cube.chunk({"time": 40, "y": 5, "x": 4}).data.map_blocks(seen, dtype=np.float32, meta=cube.data[:0])
    )
    told = changes_by_block(lazy, "2021-01-01", SEASON)
    assert read == []
    assert told.chunks["y"] == (5, 5, 2)
    with dask.config.set(scheduler="synchronous"):
        told = told.compute()
    days = TIMES.astype("datetime64[D]")
    state = opened_monitor(cube.values[:HISTORY], days[:HISTORY], SEASON)
    whole = change_layers(monitored(state, cube.values[HISTORY:], days[HISTORY:]))
    for name in whole:
        np.testing.assert_array_equal(told[name].values, whole[name].values.astype(told[name].dtype))
    changed = np.isfinite(told["magnitude"].where(~np.isnat(told["confirmed"]))).values
    assert changed[3:6, 2:7].all()
    assert changed.sum() <= 15 + 5


def test_dates_that_must_not_be_used_pause_the_monitor(cube):
    usable = xr.ones_like(cube, dtype=bool)
    usable[HISTORY:] = False
    told = changes_by_block(cube, "2021-01-01", SEASON, usable=usable)
    assert np.isnat(told["confirmed"].values).all()
    assert set(np.unique(told["reason"])) <= {7}


def test_what_is_refused(cube):
    with pytest.raises(GridMismatch, match="wants time, y, x"):
        changes_by_block(cube.transpose("y", "x", "time"), "2021-01-01", SEASON)
    with pytest.raises(GridMismatch):
        changes_by_block(cube, "2021-01-01", SEASON, usable=cube[:, :3] > 0)
    with pytest.raises(InputError, match="do not ascend"):
        changes_by_block(cube[::-1], "2021-01-01", SEASON)
    with pytest.raises(InputError, match=r"0 of \d+ dates lie before"):
        changes_by_block(cube, "2001-01-01", SEASON)
