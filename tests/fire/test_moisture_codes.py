"""Equations of the Fire Weather Index System against every reference table there is, and by their properties."""

from __future__ import annotations

import numpy as np
import pytest
from fire_tables import close, table
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.errors import ConfigError, InputError
from habitat.fire.weather.day_length import day_lengths, drying_factors
from habitat.fire.weather.fire_season import spring_drought_code
from habitat.fire.weather.grass_moisture import grass_fuel_moisture_code
from habitat.fire.weather.moisture_codes import (
    FFMC_CONSTANTS,
    START_CODES,
    build_up_index,
    daily_severity_rating,
    drought_code,
    duff_moisture_code,
    ffmc_constant,
    fine_fuel_moisture_code,
    fire_weather_index,
    fuel_code,
    fuel_moisture,
    hourly_fine_fuel_moisture_code,
    initial_spread_index,
)

NEW = FFMC_CONSTANTS["147.27723"]


def by_row(function, rows):
    """Monthly values at the latitude of each row, or at 46 N where it is not adjusted."""
    where = np.where(rows["lat.adjust"], rows["lat"], 46.0)
    return function(where)[rows["mon"] - 1, np.arange(len(rows))]


def test_first_row_of_the_printed_table_by_hand():
    # 13 April 1985: 17 degC, 42 %, 25 km/h, no rain, from 85, 6 and 15.
    ffmc = fine_fuel_moisture_code(85, 17, 42, 25, 0)
    dmc = duff_moisture_code(6, 17, 42, 0, 12.8)
    # No rain: 6 + 1.894 (17 + 1.1) (100 - 42) 12.8 / 10000, and 15 + (0.36 (17 + 2.8) + 0.9) / 2.
    assert dmc == pytest.approx(6 + 1.894 * 18.1 * 58 * 12.8e-4, abs=1e-12)
    dc = drought_code(15, 17, 0, 0.9)
    assert dc == pytest.approx(15 + (0.36 * 19.8 + 0.9) / 2, abs=1e-12)
    isi, bui = initial_spread_index(ffmc, 25), build_up_index(dmc, dc)
    found = [float(value) for value in (ffmc, dmc, dc, isi, bui, fire_weather_index(isi, bui))]
    assert found == pytest.approx([87.692980, 8.545051, 19.014, 10.853661, 8.490427, 10.096371], abs=1e-6)


def test_components_equal_the_tables_of_cffdrs(shared):
    rows = table(shared, "component_FineFuelMoistureCode")
    found = fine_fuel_moisture_code(rows.ffmc_yda, rows.temp, rows.rh, rows.ws, rows.prec, NEW)
    assert close(found, rows.FineFuelMoistureCode) == 450
    rows = table(shared, "component_DuffMoistureCode")
    found = duff_moisture_code(rows.dmc_yda, rows.temp, rows.rh, rows.prec, by_row(day_lengths, rows))
    assert close(found, rows.DuffMoistureCode) == 1053
    rows = table(shared, "component_DroughtCode")
    found = drought_code(rows.dc_yda, rows.temp, rows.prec, by_row(drying_factors, rows))
    assert close(found, rows.DroughtCode) == 1053
    rows = table(shared, "component_InitialSpreadIndex")
    plain = initial_spread_index(rows.ffmc, rows.ws, NEW)
    bent = initial_spread_index(rows.ffmc, rows.ws, NEW, wind_effect="fbp")
    assert close(np.where(rows.fbpMod, bent, plain), rows.InitialSpreadIndex) == 1753
    rows = table(shared, "component_BuildupIndex")
    assert close(build_up_index(rows.dmc, rows.dc), rows.BuildupIndex) == 1112
    rows = table(shared, "component_FireWeatherIndex")
    assert close(fire_weather_index(rows.isi, rows.bui), rows.FireWeatherIndex) == 1002
    rows = table(shared, "component_OverwinterDroughtCode")
    found = spring_drought_code(rows.DCf, rows.rw, carry_over=rows.a, wetting=rows.b)
    assert close(found, rows.OverwinterDroughtCode) == 2422


def test_hourly_and_grass_codes_equal_the_tables_of_cffdrs(shared):
    rows = table(shared, "component_HourlyFineFuelMoistureCode")
    found = hourly_fine_fuel_moisture_code(
        rows.ffmc_old, rows.temp, rows.rh, rows.ws, rows.prec, NEW, hours=rows["time.step"]
    )
    assert close(found, rows.HourlyFineFuelMoistureCode) == 1242
    rows = table(shared, "component_gfmcGFMC")
    found = grass_fuel_moisture_code(85.0, (rows.temp, rows.rh, rows.ws, rows.prec), rows.isol)
    assert close(found, rows.gfmcGFMC) == 2494


def test_hourly_rasters_equal_those_of_cffdrs(shared):
    import rasterio

    def bands(name):
        with rasterio.open(shared / "reference" / "fire_weather" / "raster" / f"{name}.tif") as source:
            return source.read().astype(float)

    before = 85.0
    for hour in ("hour01", "hour02"):
        weather = bands(f"{hour}_weather")
        before = hourly_fine_fuel_moisture_code(before, *weather, NEW)
        expected = bands(f"{hour}_expected_hffmc")[0]
        there = np.isfinite(expected)
        assert close(before[there], expected[there]) > 10_000
    spread = initial_spread_index(before, weather[2], NEW)
    fwi = fire_weather_index(spread, 50)
    expected = bands("hour02_expected_hffmc_hisi_hfwi_hdsr_bui50")
    for values, band in zip((before, spread, fwi, daily_severity_rating(fwi)), expected, strict=True):
        close(values[there], band[there])


def test_spring_drought_codes_equal_the_worked_examples(shared):
    rows = table(shared, "overwinter_dc")
    for row in rows.itertuples():
        found = spring_drought_code(row.dc_fall, row.winter_rain_mm, carry_over=row.a, wetting=row.b, lowest=row.min_dc)
        assert found == pytest.approx(row.dc_spring, abs=0.01)


@pytest.mark.parametrize("place", ["montreal_47N", "amazon_0N"])
def test_one_step_equals_the_global_database(shared, place):
    rows = table(shared, f"gfwed2017_{place}")
    month = rows.date.str[5:7].astype(int)
    now = rows[(month >= 6) & (month <= 9)]
    before = rows.iloc[now.index - 1]
    months, latitude = month[now.index].to_numpy() - 1, float(rows.lat[0])
    weather = (now.temp_c.to_numpy(), now.rh_pct.to_numpy(), now.wind_kmh.to_numpy(), now.rain_mm.to_numpy())
    hours, factor = day_lengths(latitude)[months], drying_factors(latitude)[months]
    old = before[["FFMC", "DMC", "DC"]].to_numpy().T
    assert len(now) == 122
    exactly = {"absolute": 0, "relative": 1e-4}
    close(fine_fuel_moisture_code(old[0], *weather), now.FFMC, **exactly)
    # The database has the duff equation as the report of 1987 prints it, not as the program of 1985.
    close(duff_moisture_code(old[1], weather[0], weather[1], weather[3], hours, "1987"), now.DMC, **exactly)
    of_1985 = duff_moisture_code(old[1], weather[0], weather[1], weather[3], hours)
    close(of_1985, now.DMC, absolute=0, relative=0.01)
    assert np.max(np.abs(of_1985 / now.DMC.to_numpy() - 1)) > 1e-3
    close(drought_code(old[2], weather[0], weather[3], factor), now.DC, **exactly)
    close(initial_spread_index(now.FFMC, now.wind_kmh), now.ISI, **exactly)
    close(build_up_index(now.DMC, now.DC), now.BUI, **exactly)
    close(fire_weather_index(now.ISI, now.BUI), now.FWI, **exactly)


def test_day_lengths_by_band_and_on_its_edges():
    april = day_lengths([90, 43, 30.1, 30, 10.1, 10, -10, -10.1, -29.9, -30, -90])
    # The northern table begins north of 30, the southern one at -30 itself, as the tables of cffdrs have it.
    assert april[3].tolist() == [12.8, 12.8, 12.8, 9.5, 9.5, 9.0, 8.5, 8.5, 8.5, 7.9, 7.9]
    assert drying_factors([20.1, 20, 0, -20, -90])[3].tolist() == [0.9, 1.4, 1.4, 0.4, 0.4]
    # July of the one hemisphere is January of the other.
    assert drying_factors(45)[6] == drying_factors(-45)[0] == 6.4
    for wrong in (91, np.nan):
        with pytest.raises(InputError, match=r"latitude is (91|nan), wants degrees north"):
            day_lengths(wrong)


def test_constants_have_names():
    assert ffmc_constant("147.2") == 147.2
    assert ffmc_constant("147.27723") == pytest.approx(147.2772277)
    with pytest.raises(ConfigError, match=r"no FFMC constant '147\.3'"):
        ffmc_constant("147.3")


@given(st.floats(0, 101))
def test_scale_goes_both_ways_with_the_new_constant_only(code):
    assert fuel_code(fuel_moisture(code, NEW), NEW) == pytest.approx(code, abs=1e-9)
    assert fuel_code(fuel_moisture(code)) == pytest.approx(code, abs=0.06)


@given(
    st.floats(0, 101), st.floats(-30, 45), st.floats(0, 100), st.floats(0, 120), st.floats(0, 300), st.floats(0, 300)
)
def test_codes_stay_in_their_ranges_and_rain_never_dries(code, temperature, humidity, wind, rain, duff):
    dry, wet = (fine_fuel_moisture_code(code, temperature, humidity, wind, water) for water in (0, rain))
    assert 0 <= wet <= dry + 1e-9 <= 101 + 1e-9
    dry, wet = (duff_moisture_code(duff, temperature, humidity, water, 12.8) for water in (0, rain))
    assert 0 <= wet <= dry + 1e-9
    dry, wet = (drought_code(duff, temperature, water, 5.8) for water in (0, rain))
    assert 0 <= wet <= dry + 1e-9
    isi, bui = initial_spread_index(code, wind), build_up_index(duff, 2 * duff)
    assert isi >= 0
    assert bui >= 0
    assert daily_severity_rating(fire_weather_index(isi, bui)) >= 0


def test_unknown_stays_unknown():
    for place in range(5):
        inputs = [85.0, 17.0, 42.0, 25.0, 1.0]
        inputs[place] = np.nan
        assert np.isnan(fine_fuel_moisture_code(*inputs))
    assert np.isnan(duff_moisture_code(6, 17, 42, np.nan, 12.8))
    assert np.isnan(drought_code(15, np.nan, 0, 0.9))
    assert np.isnan(drought_code(15, 17, np.nan, 0.9))
    assert np.isnan(fire_weather_index(np.nan, 5))


def test_saturated_air_is_held_a_little_drier():
    assert fine_fuel_moisture_code(85, 17, 100, 25, 0) == fine_fuel_moisture_code(85, 17, 99.9999, 25, 0)
    assert START_CODES == (85, 6, 15)
