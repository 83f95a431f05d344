"""The made-up weather: it repeats, its climate is that of south-west Primorye, and its hours add up to its days."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

import numpy as np
import pytest
import xarray as xr

from habitat.contracts.errors import ConfigError
from habitat.twin.land.hours import (
    Station,
    daily_of,
    dew_point,
    hours_of,
    noon_temperature,
    relative_humidity,
    station_table,
    stations_of,
)
from habitat.twin.land.weather import STORY_CLOUD, Weather, snow_course, weather_of
from habitat.twin.world import world_of

SEEDS = (1, 2, 5, 11)


@pytest.fixture(scope="module")
def demos() -> list[Weather]:
    return [weather_of(world_of("demo", seed)) for seed in SEEDS]


@pytest.fixture(scope="module")
def tiny() -> Weather:
    return weather_of(world_of("tiny", 1))


def at(weather: Weather, day: str) -> int:
    return int((np.datetime64(day) - weather.days[0]).astype(int))


def months(weather: Weather) -> np.ndarray:
    return weather.days.astype("datetime64[M]").astype(int) % 12 + 1


def years(weather: Weather) -> np.ndarray:
    return weather.days.astype("datetime64[Y]").astype(int) + 1970


def in_months(weathers: list[Weather], name: str, *wanted: int) -> np.ndarray:
    """Return days of some months in the inland, low, north-western cell, of all worlds."""
    return np.concatenate([getattr(one, name)[np.isin(months(one), wanted), 0, 0] for one in weathers])


def test_same_seed_same_weather_other_seed_another(tiny: Weather) -> None:
    again, other = weather_of(world_of("tiny", 1)), weather_of(world_of("tiny", 2))
    for field in fields(Weather):
        assert getattr(tiny, field.name).tobytes() == getattr(again, field.name).tobytes(), field.name
    assert not np.array_equal(tiny.mean_temperature, other.mean_temperature)


@pytest.mark.parametrize(
    ("size", "shape", "first"), [("tiny", (2, 2), 2022), ("demo", (3, 3), 2009), ("full", (13, 18), 2022)]
)
def test_grid_covers_the_world_and_days_have_no_gap(size: str, shape: tuple[int, int], first: int) -> None:
    weather = weather_of(world_of(size, 3))
    assert (weather.latitude.size, weather.longitude.size) == shape
    assert weather.days[0] == np.datetime64(f"{first}-01-01")
    assert weather.days[-1] == np.datetime64("2025-12-31")
    assert (np.diff(weather.days).astype(int) == 1).all()
    for centres in (weather.latitude[::-1], weather.longitude):
        np.testing.assert_allclose(centres * 10, np.round(centres * 10), atol=1e-9)
        np.testing.assert_allclose(np.diff(centres), 0.1)
    # The middle of every world is 132.0 E, 43.31 N; half a full world is 0.83 by 0.61 degrees.
    half = {"tiny": (0.009, 0.007), "demo": (0.096, 0.07), "full": (0.834, 0.609)}[size]
    assert weather.longitude[0] - 0.05 < 132.0 - half[0]
    assert weather.longitude[-1] + 0.05 > 132.0 + half[0]
    assert weather.latitude[-1] - 0.05 < 43.31 - half[1]
    assert weather.latitude[0] + 0.05 > 43.31 + half[1]


def test_every_value_is_possible(demos: list[Weather]) -> None:
    for weather in demos:
        for field in fields(Weather):
            values = getattr(weather, field.name)
            if field.name not in ("days", "longitude", "latitude", "elevation"):
                assert values.dtype == np.float32
                assert values.shape == (weather.days.size, 3, 3)
                assert np.isfinite(values).all(), field.name
        assert (weather.lowest_temperature < weather.mean_temperature).all()
        assert (weather.mean_temperature < weather.highest_temperature).all()
        assert weather.noon_humidity.min() > 5
        assert weather.noon_humidity.max() < 100
        assert weather.precipitation.min() == 0
        assert weather.snow_depth.min() == 0
        assert 0 <= weather.cloud.min() <= weather.cloud.max() <= 1
        assert weather.wind_speed.min() >= 0.3
        assert weather.wind_speed.max() < 30
        assert 0 <= weather.wind_from.min() <= weather.wind_from.max() < 360
        # A day holds the temperature of the midnights it shares with its neighbours.
        assert (weather.lowest_temperature[1:] <= weather.highest_temperature[:-1] + 1e-4).all()
        assert (weather.lowest_temperature[:-1] <= weather.highest_temperature[1:] + 1e-4).all()


def test_temperatures_are_those_of_the_region(demos: list[Weather]) -> None:
    cell = float(demos[0].elevation[0, 0])
    assert 100 < cell < 300
    to_low_ground = 0.006 * (cell - 50)
    assert -14.0 < in_months(demos, "mean_temperature", 1).mean() + to_low_ground < -11.0
    assert 19.5 < in_months(demos, "mean_temperature", 7, 8).mean() + to_low_ground < 21.5
    assert 5.0 < in_months(demos, "mean_temperature", 4).mean() + to_low_ground < 8.0
    assert in_months(demos, "lowest_temperature", 1).min() > -40
    assert in_months(demos, "highest_temperature", 7, 8).max() < 38
    # Days follow each other: half of what is unusual today is unusual tomorrow.
    winter = np.concatenate([one.mean_temperature[(months(one) == 1) & (years(one) == 2015), 0, 0] for one in demos])
    assert 0.4 < np.corrcoef(winter[:-1], winter[1:])[0, 1] < 0.95


def test_coast_has_mild_winters_and_cool_early_summers(demos: list[Weather]) -> None:
    for weather in demos:
        assert weather.elevation[2, 2] < 30
        above = 0.006 * (weather.elevation[0, 0] - weather.elevation[2, 2])
        warmer = weather.mean_temperature[:, 2, 2] - weather.mean_temperature[:, 0, 0] - above
        assert 1.0 < warmer[months(weather) == 1].mean() < 3.0
        assert -3.0 < warmer[months(weather) == 6].mean() < -1.0


def test_rain_is_the_monsoons(demos: list[Weather]) -> None:
    yearly = [one.precipitation[years(one) == year, 0, 0].sum() for one in demos for year in np.unique(years(one))]
    assert 650 < np.mean(yearly) < 850
    assert 90 < np.std(yearly) < 220
    assert min(yearly) > 300
    summer = in_months(demos, "precipitation", 6, 7, 8, 9).sum() / sum(yearly)
    assert 0.55 < summer < 0.68
    wet = {month: (in_months(demos, "precipitation", month) > 0).mean() for month in (1, 4, 7)}
    assert 0.08 < wet[1] < 0.17
    assert 0.17 < wet[4] < 0.28
    assert 0.36 < wet[7] < 0.50
    # Amounts below 0.1 mm do not show in a gauge; typhoons bring the largest.
    rain = np.concatenate([one.precipitation[:, 0, 0] for one in demos])
    assert rain[rain > 0].min() >= 0.1 - 1e-6
    assert 80 < in_months(demos, "precipitation", 7, 8, 9).max() < 250
    assert in_months(demos, "precipitation", 12, 1, 2).max() < 45


def test_wet_days_follow_wet_days(demos: list[Weather]) -> None:
    wet = np.concatenate([one.precipitation[np.isin(months(one), (6, 7, 8)), 0, 0] > 0 for one in demos])
    after_wet, after_dry = wet[1:][wet[:-1]].mean(), wet[1:][~wet[:-1]].mean()
    assert 0.15 < after_wet - after_dry < 0.40


def test_neighbouring_cells_have_like_rain_and_distant_cells_less_like() -> None:
    weather = weather_of(world_of("full", 4))
    wet = weather.precipitation.max(axis=(1, 2)) > 1
    rain = np.log1p(weather.precipitation[wet])
    near = np.corrcoef(rain[:, 3, 3], rain[:, 3, 4])[0, 1]
    far = np.corrcoef(rain[:, 3, 3], rain[:, 3, 15])[0, 1]
    assert near > 0.9
    assert 0.4 < far < near - 0.05


def test_springs_are_dry_and_windy(demos: list[Weather]) -> None:
    rain = in_months(demos, "precipitation", 4)
    dry = in_months(demos, "noon_humidity", 4)[rain == 0]
    assert 35 < dry.mean() < 46
    assert 0.80 < ((dry > 25) & (dry < 55)).mean() < 0.97
    wind = in_months(demos, "wind_speed", 4)
    assert 4.5 < wind.mean() < 6.2
    assert 0.65 < ((wind >= 3) & (wind <= 8)).mean() < 0.90
    assert 0.04 < (wind > 8).mean() < 0.16
    assert in_months(demos, "noon_humidity", 7, 8).mean() > 68


def test_winds_turn_with_the_monsoon(demos: list[Weather]) -> None:
    def share(month: int, first: float, last: float) -> float:
        blows = in_months(demos, "wind_from", month)
        return float(((blows >= first) & (blows <= last)).mean())

    assert share(1, 270, 360) > 0.75
    assert share(7, 90, 225) > 0.70
    assert share(4, 180, 315) > 0.65


def test_cloud_goes_with_rain_and_damp_air(demos: list[Weather]) -> None:
    def mean(*wanted: int) -> float:
        return float(in_months(demos, "cloud", *wanted).mean())

    assert 0.68 < mean(7, 8) < 0.82
    assert 0.33 < mean(9, 10) < 0.46
    assert 0.33 < mean(12, 1, 2) < 0.46
    assert mean(4) < mean(5) < mean(7)
    rain, cloud = in_months(demos, "precipitation", 5, 9, 10), in_months(demos, "cloud", 5, 9, 10)
    assert cloud[rain > 2].mean() > cloud[rain == 0].mean() + 0.25
    damp = in_months(demos, "noon_humidity", 5, 9, 10)
    assert np.corrcoef(damp, cloud)[0, 1] > 0.4
    wide = in_months(demos, "highest_temperature", 5, 9, 10) - in_months(demos, "lowest_temperature", 5, 9, 10)
    assert wide[cloud < 0.2].mean() > wide[cloud > 0.8].mean() + 2


def test_snow_lies_in_winter_and_never_in_summer(demos: list[Weather]) -> None:
    for weather in demos:
        assert not weather.snow_depth[np.isin(months(weather), (6, 7, 8, 9))].any()
        assert weather.snow_depth.max() < 1.2
        # Below a week of ten degrees no snow is left.
        warm = np.convolve(weather.mean_temperature[:, 0, 0], np.ones(7) / 7, "valid") > 10
        assert not weather.snow_depth[6:, 0, 0][warm].any()
        # Depth grows only on days with precipitation that is not too warm for snow.
        grows = np.diff(weather.snow_depth, axis=0) > 1e-6
        assert (weather.precipitation[1:][grows] > 0).all()
        assert (weather.mean_temperature[1:][grows] < 1.5).all()
    white = in_months(demos, "snow_depth", 1, 2) > 0.02
    assert 0.5 < white.mean() < 0.95
    coast = np.concatenate([one.snow_depth[np.isin(months(one), (1, 2)), 2, 2] for one in demos])
    assert coast.mean() < 0.75 * in_months(demos, "snow_depth", 1, 2).mean()


def test_winters_with_scenes_are_white(demos: list[Weather]) -> None:
    for weather in demos:
        for winter in ("2024-01-11", "2024-02-10", "2025-01-10", "2025-02-09"):
            assert weather.snow_depth[at(weather, winter), 0, 0] > 0.02


def test_snow_account_by_hand() -> None:
    cold = np.array([[-10.0], [-10.0], [4.0]])
    depth = snow_course(cold, np.array([[20.0], [0.0], [0.0]]), 1.0)
    # Sublimation at -10 degC: 0.15 + 0.02 * 2 = 0.19 mm. All falls as snow at 100 kg m-3 on empty ground.
    assert depth[0, 0] == pytest.approx((20 - 0.19) / 100, rel=1e-6)
    # A day later it has settled by 3 % of what is missing to 300: 106 kg m-3.
    assert depth[1, 0] == pytest.approx((20 - 0.38) / 106, rel=1e-6)
    # At 4 degC 2.6 * 5 mm melt and 0.35 mm go off; wet snow settles by a tenth of what is missing to 380.
    assert depth[2, 0] == pytest.approx((20 - 0.38 - 13.0 - 0.35) / (106 + 27.4), rel=1e-6)
    assert not snow_course(np.full((1, 1), 5.0), np.full((1, 1), 30.0), 1.0).any()


def test_shaded_snow_lasts_longer() -> None:
    melting = np.full((20, 1), 1.0)
    melting[0] = -5
    rain = np.zeros((20, 1))
    rain[0] = 40
    shaded, level = (snow_course(melting, rain, sun)[:, 0] for sun in (0.6, 1.0))
    assert (shaded >= level).all()
    assert (shaded > 0).sum() > (level > 0).sum()


@pytest.mark.parametrize("size", ["tiny", "demo", "full"])
@pytest.mark.parametrize("seed", [0, 7, 42])
def test_april_of_the_story_is_dry_and_windy(size: str, seed: int) -> None:
    weather = weather_of(world_of(size, seed))
    span = slice(at(weather, "2025-04-10"), at(weather, "2025-04-24") + 1)
    assert weather.precipitation[span].sum(axis=0).max() <= 8
    fire = at(weather, "2025-04-24")
    assert not weather.precipitation[fire - 3 : fire + 3].any()
    assert 6 <= weather.wind_speed[fire].min() <= weather.wind_speed[fire].max() <= 9
    assert 225 <= weather.wind_from[fire].min() <= weather.wind_from[fire].max() <= 270
    assert weather.noon_humidity[fire].max() < 35
    assert weather.cloud[fire].max() < 0.3
    assert not weather.snow_depth[fire].any()
    april = slice(at(weather, "2025-04-01"), at(weather, "2025-04-30") + 1)
    assert weather.precipitation[april].sum(axis=0).mean() < 30
    assert weather.wind_speed[april].mean() > 5


def test_story_overpasses_have_their_clouds_and_clear_ones_no_rain(demos: list[Weather]) -> None:
    for weather in demos:
        for day, share in STORY_CLOUD.items():
            assert weather.cloud[at(weather, day)] == pytest.approx(share)
            if share < 0.25:
                assert not weather.precipitation[at(weather, day)].any(), day


@pytest.fixture(scope="module")
def hourly(tiny: Weather) -> xr.Dataset:
    return hours_of(tiny, "2025-01-01", "2025-12-31")


def by_day(values: xr.DataArray, first_hour: int) -> np.ndarray:
    """Return hours (day, 24, y, x) of days that begin at an hour UTC; the last is left out."""
    whole = values.values.astype(np.float64)[first_hour:]
    days = len(whole) // 24
    return whole[: days * 24].reshape(days, 24, *whole.shape[1:])


def test_hours_have_the_names_and_units_of_era5_land(hourly: xr.Dataset) -> None:
    units = {name: variable.attrs["units"] for name, variable in hourly.data_vars.items()}
    assert units == {"t2m": "K", "d2m": "K", "u10": "m s-1", "v10": "m s-1", "tp": "m", "sde": "m"}
    assert hourly.sizes["time"] == 365 * 24
    assert hourly.time.values[0] == np.datetime64("2025-01-01T00")
    assert hourly.tp.attrs["cell_methods"] == "time: sum (interval: 1 hour)"
    assert all("standard_name" in variable.attrs for variable in hourly.variables.values())


def test_three_utc_is_the_days_noon(tiny: Weather, hourly: xr.Dataset) -> None:
    noon = hourly.isel(time=slice(3, None, 24))
    year = slice(at(tiny, "2025-01-01"), None)
    warm = noon.t2m.values.astype(np.float64) - 273.15
    np.testing.assert_allclose(warm, noon_temperature(tiny)[year], atol=1e-3)
    humid = relative_humidity(warm, noon.d2m.values.astype(np.float64) - 273.15)
    np.testing.assert_allclose(humid, tiny.noon_humidity[year], atol=1e-3)
    np.testing.assert_allclose(np.hypot(noon.u10, noon.v10), tiny.wind_speed[year], atol=1e-3)
    blows = np.degrees(np.arctan2(-noon.u10, -noon.v10)) % 360
    apart = (blows.values - tiny.wind_from[year] + 180) % 360 - 180
    assert np.abs(apart).max() < 0.01
    np.testing.assert_allclose(noon.sde, tiny.snow_depth[year], atol=1e-6)


def test_extremes_and_means_of_the_hours_are_the_days(tiny: Weather, hourly: xr.Dataset) -> None:
    # Local solar days run from 15 UTC; that of 2 January is the first that is whole.
    hours = by_day(hourly.t2m, 15) - 273.15
    days = slice(at(tiny, "2025-01-02"), at(tiny, "2025-01-02") + len(hours))
    np.testing.assert_allclose(hours.max(axis=1), tiny.highest_temperature[days], atol=0.3)
    np.testing.assert_allclose(hours.min(axis=1), tiny.lowest_temperature[days], atol=0.3)
    apart = hours.mean(axis=1) - tiny.mean_temperature[days]
    assert abs(apart.mean()) < 0.15
    assert apart.std() < 0.6
    # 5 UTC is hour 14 of the solar day: two hours after noon.
    assert np.bincount(hours[:, :, 0, 0].argmax(axis=1)).argmax() == 14
    # Most nights are coldest at sunrise; where a cold front comes, the end of the day is.
    coldest = np.bincount(hours[:, :, 0, 0].argmin(axis=1), minlength=24)
    assert coldest[5:9].sum() > 0.7 * len(hours)


def test_rain_of_the_hours_from_noon_to_noon_is_the_days(tiny: Weather, hourly: xr.Dataset) -> None:
    sums = by_day(hourly.tp, 4).sum(axis=1) * 1000
    days = slice(at(tiny, "2025-01-02"), at(tiny, "2025-01-02") + len(sums))
    np.testing.assert_allclose(sums, tiny.precipitation[days], atol=1e-4)
    assert hourly.tp.min() == 0
    wet_hours = (by_day(hourly.tp, 4)[:, :, 0, 0] > 0).sum(axis=1)[tiny.precipitation[days][:, 0, 0] > 10]
    assert 3 < wet_hours.mean() < 20


def test_air_is_never_above_saturation_and_afternoons_are_windiest(hourly: xr.Dataset) -> None:
    assert (hourly.d2m <= hourly.t2m).all()
    speed = np.hypot(hourly.u10, hourly.v10).values[:, 0, 0].reshape(365, 24).mean(axis=0)
    assert speed.argmax() in (4, 5, 6)
    assert speed[15:20].mean() < 0.75 * speed[5]
    humid = relative_humidity(hourly.t2m - 273.15, hourly.d2m - 273.15)[:, 0, 0].reshape(365, 24)
    assert humid.mean(axis=0).argmin() in (4, 5, 6)
    # Dry springs: nights of April stay well below fog.
    assert humid[90:120, 15:21].mean() < 80


def test_an_hour_is_the_same_in_every_stretch(tiny: Weather, hourly: xr.Dataset) -> None:
    part = hours_of(tiny, date(2025, 4, 23), date(2025, 4, 25))
    xr.testing.assert_identical(part, hourly.sel(time=slice("2025-04-23", "2025-04-25")))


def test_hours_reach_the_edges_of_the_weather_and_not_beyond(tiny: Weather) -> None:
    first = hours_of(tiny, "2022-01-01", "2022-01-01")
    assert np.isfinite(first.t2m).all()
    last = hours_of(tiny, "2025-12-31", "2025-12-31")
    assert not last.tp[4:].any()
    with pytest.raises(ConfigError, match="holds 2022-01-01 to 2025-12-31"):
        hours_of(tiny, "2018-12-31", "2019-01-02")
    with pytest.raises(ConfigError):
        hours_of(tiny, "2025-04-25", "2025-04-24")


def test_dew_point_is_undone_by_humidity() -> None:
    # Saturation pressures by the formula: 23.33 hPa at 20 degC, 12.27 at 10: 52.6 %.
    assert relative_humidity(20.0, 10.0) == pytest.approx(52.6, abs=0.1)
    warm, humid = np.meshgrid(np.linspace(-35, 38, 8), np.linspace(5, 100, 8))
    np.testing.assert_allclose(relative_humidity(warm, dew_point(warm, humid)), humid, rtol=1e-9)


def test_days_have_the_names_and_units_of_climate_models(tiny: Weather) -> None:
    daily = daily_of(tiny)
    assert daily.attrs["Conventions"] == "CF-1.11"
    assert {name: variable.attrs["units"] for name, variable in daily.data_vars.items()} == {
        "tas": "K", "tasmin": "K", "tasmax": "K", "hurs": "%", "sfcWind": "m s-1", "wind_from_direction": "degree",
        "pr": "kg m-2 s-1", "snd": "m",
    }  # fmt: skip
    assert "noon" in daily.hurs.attrs["long_name"]
    assert "noon" in daily.hurs.attrs["cell_methods"]
    np.testing.assert_allclose(daily.tas - 273.15, tiny.mean_temperature, atol=1e-4)
    # A millimetre a day is a kilogram on a square metre in 86,400 seconds.
    np.testing.assert_allclose(daily.pr * 86400, tiny.precipitation, atol=1e-4)
    assert (daily.tasmin <= daily.tas).all()
    assert (daily.tas <= daily.tasmax).all()


def test_stations_tell_the_noon_of_their_cell(demos: list[Weather]) -> None:
    stations = stations_of(world_of("demo", SEEDS[0]))
    assert [one.identifier[:2] for one in stations] == ["XA", "XB"]
    assert stations[0].longitude < 132.0 < stations[1].longitude
    table = station_table(demos[0], stations)
    assert list(table.columns) == ["id", "lat", "long", "yr", "mon", "day", "temp", "rh", "ws", "prec"]
    assert len(table) == 2 * demos[0].days.size
    assert table["rh"].between(1, 100).all()
    cell = Station("XC-01", float(demos[0].longitude[1]), float(demos[0].latitude[2]), float(demos[0].elevation[2, 1]))
    own = station_table(demos[0], (cell,))
    fire = own[(own.yr == 2025) & (own.mon == 4) & (own.day == 24)].iloc[0]
    number = at(demos[0], "2025-04-24")
    assert fire.ws == pytest.approx(3.6 * demos[0].wind_speed[number, 2, 1], abs=0.051)
    assert fire.temp == pytest.approx(noon_temperature(demos[0])[number, 2, 1], abs=0.051)
    assert fire.prec == 0
    higher = Station("XC-02", cell.longitude, cell.latitude, cell.elevation + 100)
    cooler = station_table(demos[0], (higher,))
    assert (cooler.temp - own.temp).mean() == pytest.approx(-0.6, abs=0.01)
