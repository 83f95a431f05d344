"""Nesterov's index by hand, its state, and its classes with the tables of districts."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import xarray as xr
from fire_tables import grid_of, made_up
from hypothesis import given, settings
from hypothesis import strategies as st

from habitat.contracts.errors import ConfigError, InputError
from habitat.fire.weather.fire_rules import FireRules, station_rules
from habitat.fire.weather.fire_season import GapRule
from habitat.fire.weather.kpo_scales import NATIONAL_LIMITS, kpo_classes, kpo_table
from habitat.fire.weather.nesterov import NesterovState, dew_point, nesterov_index
from habitat.fire.weather_index import fire_weather
from habitat.sources.safe_yaml import read_yaml
from habitat.sources.weather import relative_humidity


def weather_of(rain, temperature=20.0, dew=10.0, **more):
    days = len(rain)
    made = {"temperature": np.broadcast_to(temperature, days), "dew_point": np.full(days, dew), "rain": np.array(rain)}
    made |= {"humidity": np.full(days, 50.0), "wind": np.full(days, 5.0)} | more
    return grid_of(made, np.datetime64("2025-05-01") + np.arange(days), 43.0)


def index_of(weather, **how):
    found, _ = fire_weather(weather, station_rules(), precision="double")
    index, _ = nesterov_index(weather, found["season"], **how)
    return index.values[:, 0, 0].tolist()


def test_sum_since_the_last_rain_by_hand():
    # 20 (20 - 10) = 200 a day; three millimetres are not yet rain, more is.
    assert index_of(weather_of([0, 0, 3.0, 3.1, 0, 0])) == [200, 400, 600, 0, 200, 400]
    assert index_of(weather_of([0, 0, 3.0, 3.1, 0, 0]), rain_limit_mm=2.5) == [200, 400, 0, 0, 200, 400]


def test_frost_and_fog_add_nothing():
    assert index_of(weather_of([0, 0, 0], temperature=[20.0, -5.0, 10.0])) == [200, 200, 200]


def test_dew_point_is_computed_where_it_is_not_there():
    weather = weather_of([0, 0], humidity=np.full(2, 40.0)).drop_vars("dew_point")
    each = 20 * (20 - float(dew_point(20, 40)))
    assert index_of(weather) == pytest.approx([each, 2 * each], rel=1e-6)
    # The sources compute humidity from the dew point by the same formula.
    back = relative_humidity(xr.DataArray(20.0), xr.DataArray(float(dew_point(20, 40))))
    assert float(back) == pytest.approx(40, abs=1e-9)
    assert dew_point(20, 0) == dew_point(20, 1)


def test_gaps_are_bridged_or_start_the_sum_anew():
    rain = [0.0] * 3 + [np.nan] * 2 + [0.0] * 2
    assert index_of(weather_of(rain)) == pytest.approx([200, 400, 600, np.nan, np.nan, 800, 1000], nan_ok=True)
    rain = [0.0] * 3 + [np.nan] * 4 + [0.0] * 2
    assert index_of(weather_of(rain)) == pytest.approx([200, 400, 600, *[np.nan] * 4, 200, 400], nan_ok=True)
    found = index_of(weather_of(rain), gaps=GapRule(5, 15, 53))
    assert found == pytest.approx([200, 400, 600, *[np.nan] * 4, 800, 1000], nan_ok=True)


def test_a_season_starts_with_nothing():
    depth = np.array([0.0, 0, 0, 0, 0.2, 0, 0, 0])
    weather = weather_of([0.0] * 8, snow_depth=depth)
    found, _ = fire_weather(weather, FireRules(), precision="double")
    index, _ = nesterov_index(weather, found["season"])
    assert index.values[:, 0, 0] == pytest.approx([np.nan, np.nan, 200, 400, *[np.nan] * 3, 200], nan_ok=True)


@given(data=st.data())
@settings(max_examples=8)
def test_months_in_a_row_equal_one_long_run(data):
    days = 300
    weather = made_up(days, (2, 2), seed=data.draw(st.integers(0, 9)), gaps=0.1)
    found, _ = fire_weather(weather, FireRules())
    whole, end = nesterov_index(weather, found["season"])
    cut = data.draw(st.integers(1, days - 1))
    first, state = nesterov_index(weather.isel(time=slice(cut)), found["season"][:cut])
    state = NesterovState.from_arrays(state.arrays())
    second, last = nesterov_index(weather.isel(time=slice(cut, None)), found["season"][cut:], state)
    assert np.array_equal(np.concatenate([first, second]), whole, equal_nan=True)
    assert np.array_equal(last.index, end.index)
    assert np.array_equal(last.gap, end.gap)


def test_what_does_not_fit_is_refused():
    weather = made_up(5, (1, 2))
    season = fire_weather(weather, station_rules())[0]["season"]
    _, state = nesterov_index(weather, season)
    with pytest.raises(InputError, match="compute both from one"):
        nesterov_index(weather, season[:3])
    with pytest.raises(InputError, match="wants the same grid and the next day"):
        nesterov_index(weather, season, state)
    with pytest.raises(ConfigError, match="rain limit is -1"):
        nesterov_index(weather, season, rain_limit_mm=-1)
    with pytest.raises(InputError, match="rain is -2"):
        nesterov_index(weather.assign(rain=weather["rain"] * 0 - 2), season)
    with pytest.raises(InputError, match="lacks nesterov_gap"):
        NesterovState.from_arrays({"day": "2025-01-01", "nesterov": 0, "nesterov_on": 0})


def test_classes_end_on_their_limits():
    values = [0, 300, 300.5, 1000, 1001, 4000, 4001, 10000, 10001, np.nan]
    assert kpo_classes(values).tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 5, 255]
    assert kpo_classes(values).dtype == np.uint8
    with pytest.raises(ConfigError, match="four ascending numbers"):
        kpo_classes(values, (300, 1000, 900, 10000))


def test_shipped_scales_are_the_national_ones(repository):
    table = kpo_table(read_yaml(repository / "configs" / "fire" / "kpo.yaml"))
    assert table.national == NATIONAL_LIMITS == (300, 1000, 4000, 10000)
    assert "khasansky" in table.districts
    # None is made up: where no official numbers were at hand, the national ones hold.
    assert {table.limits_on(date(2025, 4, 20), name) for name in table.districts} == {NATIONAL_LIMITS}


def district(**changed):
    # As an order of 2013 gives them for districts of the Murmansk region.
    entry = {"title": "Kola", "source": "Order 288, 9 October 2013, annex 7"}
    entry["periods"] = [{"from": "05-01", "to": "10-31", "limits": [230, 580, 1050, 1700]}]
    return {"districts": {"kola": entry | changed}}


def test_district_has_its_limits_in_its_period():
    table = kpo_table(district())
    assert table.limits_on(date(2025, 5, 1), "kola") == table.limits_on(date(2025, 10, 31), "kola")
    assert table.limits_on(date(2025, 7, 1), "kola") == (230, 580, 1050, 1700)
    assert table.limits_on(date(2025, 4, 30), "kola") == NATIONAL_LIMITS
    winter = [{"from": "11-01", "to": "02-28", "limits": [1, 2, 3, 4]}]
    across = kpo_table(district(periods=winter))
    assert across.limits_on(date(2025, 1, 5), "kola") == (1, 2, 3, 4)
    assert across.limits_on(date(2025, 3, 1), "kola") == NATIONAL_LIMITS
    with pytest.raises(ConfigError, match="no district 'x'; choose of kola"):
        table.limits_on(date(2025, 5, 1), "x")


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"nation": {}}, "unknown key 'nation'"),
        ({"national": {"limits": [1, 2, 3]}}, r"national limits are \[1.0, 2.0, 3.0\], want four"),
        ({"national": {"limits": "abcd"}}, "want four numbers"),
        ({"districts": {"kola": 3}}, "kola is 3, wants keys"),
        (district(colour="red"), "kola: unknown key colour"),
        (district(source=""), "kola: limits without a source"),
        (district(periods=[{"from": "05-01"}]), "kola: a period has from, wants from, to and limits"),
        (district(periods=[{"from": "05-32", "to": "06-01", "limits": [1, 2, 3, 4]}]), "'05-32' is no date"),
        (district(periods=[{"from": "05-01", "to": "06-01", "limits": [4, 3, 2, 1]}]), "kola: limits are"),
        (district(periods=[{"from": "05-01", "to": "06-01", "limits": [1, 2, 3, 4]}] * 2), "2 periods hold 05-01"),
    ],
)
def test_mistakes_in_tables_are_told(document, text):
    with pytest.raises(ConfigError, match=text):
        kpo_table(document)


def test_all_mistakes_are_told_at_once():
    both = {"nation": {}} | district(source="")
    with pytest.raises(ConfigError, match="unknown key 'nation'; kola: limits without a source"):
        kpo_table(both)
