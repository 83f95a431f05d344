"""Statistics of days by hand: means, percentiles, classes, states, the table of days and the rasters they become."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from habitat.contracts.errors import InputError
from habitat.contracts.legend import Legend
from habitat.fire.weather import danger_rasters
from habitat.fire.weather.code_names import CODES
from habitat.fire.weather.crosswalk import crosswalk, crosswalk_table
from habitat.fire.weather.kpo_scales import kpo_table
from habitat.fire.weather.month_statistics import daily_table, days_without_weather, month_of, sentence_of

NAN = np.nan


def days_of(fwi, season, nesterov=None, first="2025-05-01"):
    """Days (time, cell) as a row of cells; the other codes are multiples of the index."""
    fwi, season = np.asarray(fwi, np.float32)[:, None], np.asarray(season, np.uint8)[:, None]
    dims = ("time", "y", "x")
    made = {name: (dims, fwi * (number + 1)) for number, name in enumerate(CODES)} | {"fwi": (dims, fwi)}
    index = fwi * 100 if nesterov is None else np.asarray(nesterov, np.float32)[:, None]
    times = np.datetime64(first, "ns") + np.arange(len(fwi)).astype("timedelta64[D]")
    return xr.Dataset(made | {"season": (dims, season), "nesterov": (dims, index)}, {"time": times})


@pytest.fixture
def days():
    # A cell in season, one whose season begins on the third day, one out of it, one with a gap.
    fwi = [[1, NAN, NAN, 10], [6, NAN, NAN, NAN], [12, 4, NAN, 20], [45, 8, NAN, 40]]
    return days_of(fwi, [[1, 2, 2, 1], [1, 2, 2, 3], [1, 1, 2, 4], [1, 1, 2, 1]])


def test_means_and_percentiles_are_of_the_days_with_codes(days):
    month = month_of(days)
    assert month.values["fwi-mean"].tolist()[0] == pytest.approx([16, 6, NAN, 70 / 3], nan_ok=True)
    assert month.values["fwi-max"].tolist()[0] == pytest.approx([45, 8, NAN, 40], nan_ok=True)
    fwi = days["fwi"].values[:, 0]
    wanted = [np.nanpercentile(fwi[:, cell], 90) for cell in (0, 1, 3)]
    assert month.values["fwi-p90"][0, [0, 1, 3]] == pytest.approx(wanted)
    assert month.values["ffmc"].tolist()[0] == pytest.approx([16, 6, NAN, 70 / 3], nan_ok=True)
    assert month.values["dmc"].tolist()[0] == pytest.approx([32, 12, NAN, 140 / 3], nan_ok=True)
    assert month.values["dc-end"].tolist()[0] == pytest.approx([135, 24, NAN, 120], nan_ok=True)
    assert month.values["nesterov-max"].tolist()[0] == pytest.approx([4500, 800, NAN, 4000], nan_ok=True)


def test_days_by_class_and_state(days):
    month = month_of(days)
    assert month.danger_days[:, 0, 0].tolist() == [1, 1, 1, 0, 1, 0]
    assert month.danger_days[:, 0, 1].tolist() == [1, 1, 0, 0, 0, 0]
    assert month.danger_days[:, 0, 2].tolist() == [-1] * 6
    assert month.danger_class[0].tolist() == [4, 2, 255, 4]
    assert month.kpo_days[0].tolist() == [1, 0, -1, 0]
    assert month.season_days[:, 0, 3].tolist() == [0, 2, 0, 1, 1]
    # Of two states with as many days, the one with codes is told.
    assert month.season_state[0].tolist() == [1, 1, 2, 1]
    stricter = month_of(days, limits=(1, 2, 3, 4, 5))
    assert stricter.danger_class[0].tolist() == [6, 6, 255, 6]


def test_the_end_is_the_last_day_with_weather(days):
    later = days_of(np.full((2, 4), NAN), np.full((2, 4), 3), first="2025-05-05")
    month = month_of(xr.concat([days, later], "time"))
    assert month.values["dc-end"].tolist()[0] == pytest.approx([135, 24, NAN, 120], nan_ok=True)
    assert np.isnan(month_of(later).values["dc-end"]).all()
    with pytest.raises(InputError, match="no days"):
        month_of(days.isel(time=[]))


def test_districts_have_their_scale_in_their_time(days):
    limits = {"from": "05-03", "to": "05-31", "limits": [10, 20, 30, 40]}
    table = kpo_table({"districts": {"here": {"source": "made up", "periods": [limits]}}})
    month = month_of(days, scales=table, district="here")
    assert month.kpo_classes[:, 0, 0].tolist() == [1, 2, 5, 5]
    assert month.kpo_days[0].tolist() == [2, 2, -1, 2]


def test_days_are_told_in_a_table(days):
    table = daily_table(days, np.array([[3, 1, 2, 0]]))
    assert table["date"].tolist()[0] == "2025-05-01"
    assert table["fwi"].tolist() == pytest.approx([1, 6, 10, (135 + 8) / 4])
    assert table["danger_class"].tolist() == [1, 2, 2, 4]
    assert table["kpo_class"].tolist() == [1, 2, 2, 3]
    assert table["in_season"].tolist() == [3, 3, 4, 4]
    assert table["off_season"].tolist() == [3, 3, 2, 2]
    assert table["missing"].tolist() == [0, 0, 0, 0]
    assert sentence_of(table) == (
        "fire weather index 13.2 in the mean of 4 days in season (of 4), highest 35.8 on 2025-05-04; danger high or "
        "more on 1 days, KPO class IV or V on 0."
    )
    nothing = daily_table(days.isel(x=[2]), np.array([[5]]))
    assert nothing["danger_class"].isna().all()
    assert sentence_of(nothing) == "no day in fire season; most of the area is off-season."


def test_days_without_weather_have_no_complete_cell():
    dims = ("time", "y", "x")
    whole = {name: (dims, np.ones((3, 1, 2))) for name in ("temperature", "humidity", "wind", "rain")}
    weather = xr.Dataset(whole, {"time": np.array(["2025-05-01", "2025-05-02", "2025-05-03"], "datetime64[ns]")})
    weather["rain"][1] = NAN
    weather["wind"][2, 0, 0] = NAN
    assert days_without_weather(weather).astype(str).tolist() == ["2025-05-02"]


def test_cross_walks_become_rows():
    rows = crosswalk_table(crosswalk([1, 4, 4, 6], [1, 3, 4, 255], [4, 4, 5, 5]))
    assert rows["month"].tolist() == [4] * 6 + [5] * 6
    assert rows.loc[3].tolist() == [4, 4, "high", 0, 0, 1, 0, 0]
    assert rows.iloc[:, 3:].to_numpy().sum() == 3
    assert crosswalk_table(crosswalk([255], [1], [4])).empty


def test_layers_fit_their_rasters(days):
    month = month_of(days)
    layers = danger_rasters.layers_of(
        month, np.array([[10.0, NAN, NAN, 90.0]], np.float32), lambda values: values, lambda codes, unknown: codes
    )
    assert [spec.name for spec in danger_rasters.EVERY] == list(layers)
    for spec in danger_rasters.EVERY:
        assert layers[spec.name].shape == (len(spec.bands), 1, 4), spec.name
        assert layers[spec.name].dtype == spec.dtype, spec.name
        assert isinstance(spec.styling, Legend)
    assert layers["danger-days"][:, 0, 0].tolist() == [1, 1, 1, 1, 0, 1, 0]
    assert layers["danger-days"][:, 0, 2].tolist() == [-32768] * 7
    assert np.isnan(layers["kpo"][:, 0, 2]).all()
    assert layers["kpo"][:, 0, 0].tolist() == [1, 4500]
    assert layers["season-days"][:, 0, 3].tolist() == [2, 0, 0, 1, 1]
    without = danger_rasters.layers_of(month, np.full((1, 4), NAN, np.float32), lambda v: v, lambda c, u: c)
    assert "percentile" not in without
