"""Weather to codes: reference runs, both precisions, the carried state, gaps, winters, and what is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from fire_tables import close, grid_of, made_up, station_weather, table
from hypothesis import given, settings
from hypothesis import strategies as st

from habitat.contracts.errors import ConfigError, InputError
from habitat.fire.weather.carried_state import State, fresh_state
from habitat.fire.weather.fire_rules import FireRules, station_rules
from habitat.fire.weather.fire_season import (
    COUNTERS,
    GapRule,
    Winter,
    always,
    by_dates,
    by_mask,
    by_snow,
    by_temperature,
    spring_drought_code,
)
from habitat.fire.weather.moisture_codes import drought_code
from habitat.fire.weather_index import CODES, fire_weather

RULES = {
    "snow": FireRules(),
    "temperature": FireRules("147.27723", season=by_temperature(), gaps=GapRule(1, 4, 9)),
    "dates": FireRules(season=by_dates((3, 10), (10, 20)), winter=Winter(0.9, 0.5, gap_days=5)),
    "always": station_rules(),
    "no winter": FireRules(winter=None),
}


def columns(found, names=CODES):
    return {name: found[name].values[:, 0, 0] for name in names}


@pytest.mark.parametrize("precision", ["single", "double"])
def test_printed_table_of_1985(shared, precision):
    rows = table(shared, "fwi1985_printed_table")
    found, _ = fire_weather(station_weather(rows), station_rules(), precision=precision)
    for name, values in columns(found, CODES[:6]).items():
        assert np.abs(values - rows[name]).max() <= 0.0501, name


def test_table_of_cffdrs_1_8_18(shared):
    rows = table(shared, "fwi_daily_cffdrs1818_default_start")
    exact, _ = fire_weather(station_weather(rows), station_rules(), precision="double")
    quick, _ = fire_weather(station_weather(rows), station_rules())
    for name in CODES[:6]:
        close(columns(exact)[name], rows[name], absolute=0, relative=1e-9)
        close(columns(quick)[name], rows[name], absolute=2e-5, relative=2e-5)


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize(
    ("name", "start"), [("default", (85, 6, 15)), ("start_zero", (0, 0, 0)), ("rows8_13", (85, 6, 15))]
)
def test_tables_of_cffdrs_1_10(shared, name, start, precision):
    rows = table(shared, f"fwi_daily_cffdrs110_{name}")
    rules = replace(station_rules("147.27723"), start=start)
    first = f"{rows.YR[0]}-{rows.MON[0]:02d}-{rows.DAY[0]:02d}"
    found, _ = fire_weather(station_weather(rows, first=first), rules, precision=precision)
    for code, values in columns(found).items():
        close(values, rows[code.upper()])


def test_raster_of_cffdrs(shared):
    import rasterio

    folder = shared / "reference" / "fire_weather" / "raster"
    with rasterio.open(folder / "day01_weather.tif") as source:
        bands = source.read(masked=True).filled(np.nan)
        rows = np.arange(source.height) + 0.5
        latitude = source.transform.f + source.transform.e * rows
    with rasterio.open(folder / "day01_expected_fwi.tif") as source:
        expected = source.read(masked=True).filled(np.nan)
    names = ("temperature", "humidity", "wind", "rain")
    usable = (bands[1] >= 0) & (bands[1] <= 100) & (bands[3] >= 0)
    weather = {name: np.where(usable, bands[number], np.nan)[None] for number, name in enumerate(names)}
    grid = grid_of(weather, ["2020-07-01"], latitude, bands.shape[1:])
    for precision in ("single", "double"):
        found, _ = fire_weather(grid, station_rules("147.27723"), precision=precision)
        for number, code in enumerate(CODES):
            values = found[code].values[0]
            there = np.isfinite(values) & np.isfinite(expected[4 + number])
            assert there.sum() > 1000
            close(values[there], expected[4 + number][there])


def test_single_precision_is_near_the_oracle():
    weather = made_up(2 * 365, (8, 9))
    quick, _ = fire_weather(weather, RULES["snow"])
    exact, _ = fire_weather(weather, RULES["snow"], precision="double")
    assert (quick.season == exact.season).all()
    assert set(np.unique(quick.season)) == {0, 1, 2}
    most = {"ffmc": 2e-3, "dmc": 2e-3, "dc": 5e-3, "isi": 2e-3, "bui": 2e-3, "fwi": 2e-2, "dsr": 2e-2}
    for name in CODES:
        assert (np.isnan(quick[name]) == np.isnan(exact[name])).all(), name
        assert float(np.abs(quick[name] - exact[name]).max()) < most[name], name
        assert float(np.abs(quick[name] - exact[name]).median()) < 1e-4, name


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize("rules", RULES)
@given(data=st.data())
@settings(max_examples=6)
def test_months_in_a_row_equal_one_long_run_bit_by_bit(rules, precision, data):
    days = 430
    weather = made_up(days, (2, 3), seed=data.draw(st.integers(0, 9)), gaps=data.draw(st.sampled_from([0.0, 0.05])))
    hole = data.draw(st.integers(0, days - 60))
    length = data.draw(st.integers(0, 59))
    weather["rain"][hole : hole + length, 0] = np.nan
    cuts = sorted(data.draw(st.sets(st.integers(1, days - 1), max_size=5)))
    whole, end = fire_weather(weather, RULES[rules], precision=precision)
    state, parts = None, []
    for first, last in zip([0, *cuts], [*cuts, days], strict=True):
        found, state = fire_weather(weather.isel(time=slice(first, last)), RULES[rules], state, precision=precision)
        parts.append(found)
        state = State.from_arrays(state.arrays())
    joined = xr.concat(parts, "time")
    for name in (*CODES, "season"):
        assert np.array_equal(joined[name].values, whole[name].values, equal_nan=name != "season"), name
    for name, values in end.arrays().items():
        assert np.array_equal(values, state.arrays()[name], equal_nan=values.dtype.kind == "f"), name


def test_a_cell_alone_and_threads_give_the_same_bits():
    weather = made_up(60, (40, 60), gaps=0.01)
    rules = RULES["snow"]
    one, state = fire_weather(weather, rules, workers=1)
    many, other = fire_weather(weather, rules, workers=3)
    part, _ = fire_weather(weather.isel(y=slice(7, 8), x=slice(59, 60)), rules)
    for name in (*CODES, "season"):
        assert np.array_equal(one[name], many[name], equal_nan=name != "season")
        assert np.array_equal(one[name][:, 7:8, 59:60], part[name], equal_nan=name != "season")
    assert np.array_equal(state.codes, other.codes, equal_nan=True)


def test_given_weather_and_state_are_left_as_they_are():
    weather = made_up(20)
    before = weather.copy(deep=True)
    _, state = fire_weather(weather, RULES["always"])
    kept = {name: values.copy() for name, values in state.arrays().items()}
    later = made_up(20, first="2023-01-21")
    fire_weather(later, RULES["always"], state)
    assert weather.identical(before)
    assert all(np.array_equal(values, kept[name]) for name, values in state.arrays().items())


def calm(days, **changed):
    values = {"temperature": 17.0, "humidity": 42.0, "wind": 25.0, "rain": 0.0}
    made = {name: np.full(days, value) for name, value in values.items()}
    return made | {name: np.asarray(value, float) for name, value in changed.items()}


def run(made, rules, precision, first="2025-07-01"):
    days = np.datetime64(first) + np.arange(len(made["rain"]))
    return fire_weather(grid_of(made, days, 43.0), rules, precision=precision)


@pytest.mark.parametrize("precision", ["single", "double"])
def test_short_gap_is_bridged_and_told(precision):
    rain = np.zeros(10)
    rain[4:7] = np.nan
    found, _ = run(calm(10, rain=rain), station_rules(), precision)
    whole, _ = run(calm(7), station_rules(), precision)
    assert found.season.values[:, 0, 0].tolist() == [1] * 4 + [3] * 3 + [1] * 3
    for name in CODES:
        values = found[name].values[:, 0, 0]
        assert np.isnan(values[4:7]).all()
        assert np.array_equal(values[[0, 1, 2, 3, 7, 8, 9]], whole[name].values[:, 0, 0])


@pytest.mark.parametrize("precision", ["single", "double"])
def test_longer_gap_restarts_each_code_by_its_own_lag(precision):
    rules = replace(station_rules(), gaps=GapRule(2, 4, 6))
    whole, _ = run(calm(1), rules, precision)
    started = {name: float(whole[name][0, 0, 0]) for name in CODES}
    for length, restarted in ((3, {"ffmc"}), (5, {"ffmc", "dmc"}), (7, {"ffmc", "dmc", "dc"})):
        rain = np.zeros(40)
        rain[10 : 10 + length] = np.nan
        found, _ = run(calm(40, rain=rain), rules, precision)
        back = 10 + length
        again = {name for name in ("ffmc", "dmc", "dc") if found[name].values[back, 0, 0] == started[name]}
        assert again == restarted
        settling = min(length, 6)
        states = [1] * 10 + [3] * length + [4] * settling
        assert found.season.values[:, 0, 0].tolist() == states + [1] * (40 - len(states))
        assert np.isfinite(found["fwi"].values[back:]).all()


@pytest.mark.parametrize("precision", ["single", "double"])
def test_winter_carries_the_drought_code_over(precision):
    in_season = np.r_[np.ones(30), np.zeros(100), np.ones(2)]
    rain = np.r_[np.zeros(30), np.full(100, 1.1), np.zeros(2)]
    made = calm(132, rain=rain, in_season=in_season)
    found, _ = run(made, FireRules(season=by_mask()), precision)
    autumn = float(found["dc"][29, 0, 0])
    spring = float(spring_drought_code(autumn, 110.0))
    # The last day of the hundred is 7 November; day 130 is in November, when the drying factor is -1.6.
    expected = float(drought_code(spring, 17, 0, -1.6))
    assert float(found["dc"][130, 0, 0]) == pytest.approx(expected, abs=1e-3)
    assert found.season.values[:, 0, 0].tolist() == [1] * 30 + [2] * 100 + [1] * 2
    default, _ = run(made, FireRules(season=by_mask(), winter=None), precision)
    assert float(default["dc"][130, 0, 0]) == pytest.approx(float(drought_code(15, 17, 0, -1.6)), abs=1e-4)
    short, _ = run(made, FireRules(season=by_mask(), winter=Winter(short_days=100)), precision)
    kept = float(drought_code(spring_drought_code(autumn, 110.0, carry_over=1), 17, 0, -1.6))
    assert float(short["dc"][130, 0, 0]) == pytest.approx(kept, abs=1e-3)


@pytest.mark.parametrize("precision", ["single", "double"])
def test_winter_of_unknown_rain_starts_anew(precision):
    rain = np.r_[np.zeros(30), np.full(100, np.nan), np.zeros(2)]
    made = calm(132, rain=rain, in_season=np.r_[np.ones(30), np.zeros(100), np.ones(2)])
    found, _ = run(made, FireRules(season=by_mask()), precision)
    assert float(found["dc"][130, 0, 0]) == pytest.approx(float(drought_code(15, 17, 0, -1.6)), abs=1e-4)
    # Off-season days are off-season though their rain is unknown: no code is missing.
    assert (found.season.values[30:130] == 2).all()


@pytest.mark.parametrize("precision", ["single", "double"])
def test_start_waits_for_a_day_with_weather(precision):
    humidity = np.full(8, 42.0)
    humidity[:3] = np.nan
    found, state = run(calm(8, humidity=humidity), station_rules(), precision)
    assert found.season.values[:, 0, 0].tolist() == [3] * 3 + [1] * 5
    whole, _ = run(calm(5), station_rules(), precision, first="2025-07-04")
    assert np.array_equal(found["fwi"].values[3:], whole["fwi"].values)
    never, state = run(calm(4, humidity=np.full(4, np.nan)), station_rules(), precision)
    assert (never.season == 3).all()
    assert np.isnan(state.codes).all()


def test_hemispheres_have_their_own_day_lengths():
    weather = grid_of(calm(1), ["2025-01-15"], [43, 0, -43], (3, 1))
    found, _ = fire_weather(weather, station_rules(), precision="double")
    hours = (found["dmc"].values[0, :, 0] - 6) / (1.894 * 18.1 * 58 * 1e-4)
    assert hours == pytest.approx([6.5, 9.0, 11.5])
    north, _ = fire_weather(weather, replace(station_rules(), latitude_adjust=False), precision="double")
    assert (north["dmc"].values == north["dmc"].values[0, 0, 0]).all()


def test_latitude_may_be_of_every_cell():
    weather = made_up(5, (2, 2))
    twice = weather.assign_coords(latitude=(("y", "x"), [[44.0, 44.0], [42.0, 42.0]]))
    one, other = (fire_weather(grid, RULES["always"])[0] for grid in (weather, twice))
    assert np.array_equal(one["fwi"], other["fwi"])


def test_only_what_is_asked_for_is_given():
    found, _ = fire_weather(made_up(5), RULES["always"], codes=("fwi", "dc"))
    assert set(found.data_vars) == {"fwi", "dc", "season"}
    assert found["fwi"].dtype == np.float32
    assert found["season"].dtype == np.uint8
    assert found["season"].attrs["flag_meanings"] == "not-started in-season off-season missing settling"
    with pytest.raises(ConfigError, match="no code ffwi"):
        fire_weather(made_up(5), codes=("ffwi",))
    with pytest.raises(ConfigError, match="no code asked for"):
        fire_weather(made_up(5), codes=())
    with pytest.raises(ConfigError, match="wants 'single' or 'double'"):
        fire_weather(made_up(5), precision="half")


@pytest.mark.parametrize("precision", ["single", "double"])
@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("temperature", 290.0, "temperature is 290 on 2023-01-03.*Kelvin perhaps"),
        ("humidity", 100.5, "humidity is 100.5 on 2023-01-03 and outside 0 to 100 1 times"),
        ("humidity", -1.0, "humidity is -1"),
        ("wind", -0.5, "wind is -0.5"),
        ("rain", -0.1, "rain is -0.1"),
        ("rain", -np.inf, "rain is -inf"),
    ],
)
def test_impossible_weather_is_refused(name, value, text, precision):
    weather = made_up(5)
    weather[name][2, 1, 1] = value
    with pytest.raises(InputError, match=text):
        fire_weather(weather, RULES["always"], precision=precision)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda w: w.drop_vars("wind"), "lacks wind"),
        (lambda w: w.drop_vars("latitude"), "no coordinate 'latitude'"),
        (lambda w: w.isel(time=[0, 1, 3, 4]), "no day between 2023-01-02 and 2023-01-04"),
        (lambda w: w.isel(time=[0, 1, 1, 2]), "2023-01-02 is there twice"),
        (lambda w: w.isel(time=[1, 0]), "2023-01-01 follows 2023-01-02"),
        (lambda w: w.isel(time=[]), "has no days"),
        (lambda w: w.chunk(), "is not in memory; load it"),
        (lambda w: w.transpose("y", "x", "time"), "dimensions"),
        (lambda w: w.assign(temperature=w["temperature"].assign_attrs(units="K")), "is in 'K', wants 'degC'"),
        (lambda w: w.assign(wind=w["wind"].assign_attrs(units="m s-1")), "is in 'm s-1', wants 'km h-1'"),
        (lambda w: w.assign_coords(time=np.arange(6)), "want dates"),
        (lambda w: w.assign_coords(latitude=("time", np.zeros(6))), "wants y, x or both"),
        (lambda w: w.assign_coords(latitude=("y", [95.0, 0, 0])), "latitude is 95"),
    ],
)
def test_weather_that_is_no_daily_weather_is_refused(change, text):
    with pytest.raises(InputError, match=text):
        fire_weather(change(made_up(6)), RULES["always"])


def test_state_and_weather_must_meet():
    _, state = fire_weather(made_up(5), RULES["always"])
    with pytest.raises(
        InputError, match=r"begins on 2023-01-07, the state ends on 2023-01-05; wants to begin on 2023-01-06"
    ):
        fire_weather(made_up(5, first="2023-01-07"), RULES["always"], state)
    with pytest.raises(InputError, match="belong to different grids"):
        fire_weather(made_up(5, (1, 1), first="2023-01-06"), RULES["always"], state)


def test_state_goes_through_a_file(tmp_path):
    _, state = fire_weather(made_up(40, gaps=0.1), RULES["snow"])
    np.savez(tmp_path / "state.npz", **state.arrays())
    with np.load(tmp_path / "state.npz") as file:
        read = State.from_arrays(file)
    assert read.day == state.day
    assert np.array_equal(read.codes, state.codes, equal_nan=True)
    assert np.array_equal(read.counters, state.counters)
    assert (read.counters.dtype, read.codes.dtype) == (np.int16, np.float64)


def test_states_of_other_makers_are_refused():
    arrays = fresh_state((2, 2), "2025-01-01").arrays()
    with pytest.raises(InputError, match="lacks phase"):
        State.from_arrays({name: values for name, values in arrays.items() if name != "phase"})
    with pytest.raises(InputError, match="differ in shape"):
        State.from_arrays(arrays | {"dmc": np.zeros(3)})
    with pytest.raises(InputError, match="it was not written by this version"):
        State(np.datetime64("2025-01-01"), np.zeros((2, 4)), np.zeros(4), np.zeros((len(COUNTERS), 4), np.int16))


def test_rules_are_looked_at():
    with pytest.raises(ConfigError, match="no duff equation"):
        FireRules(duff="1990")
    with pytest.raises(ConfigError, match="no FFMC constant"):
        FireRules("147")
    with pytest.raises(ConfigError, match="want FFMC of 0 to 101"):
        FireRules(start=(102, 6, 15))
    assert FireRules().season == by_snow()
    assert station_rules().season == always()


def test_duff_equations_differ_after_rain_only():
    made = calm(3, rain=[0.0, 12.0, 0.0])
    old, _ = run(made, station_rules(), "double")
    new, _ = run(made, replace(station_rules(), duff="1987"), "double")
    apart = np.abs(old["dmc"].values / new["dmc"].values - 1)[:, 0, 0]
    assert apart[0] == 0
    assert 1e-6 < apart[1] < 5e-3
    quick, _ = run(made, replace(station_rules(), duff="1987"), "single")
    assert quick["dmc"].values == pytest.approx(new["dmc"].values, abs=1e-4)
