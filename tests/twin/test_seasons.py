"""The seasons: snow by height and slope, leaves by height and spring, dry fuel and wet soil."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from habitat.contracts.errors import ConfigError
from habitat.twin.land.seasons import (
    LEAF_FALL,
    LEAF_OUT,
    Seasons,
    dryness,
    dryness_by_cell,
    green_share,
    leaf_fall_day,
    leaf_out_day,
    seasons_of,
    snow_depth,
    snow_off_day,
    soil_wetness,
)
from habitat.twin.land.weather import Weather, weather_of
from habitat.twin.world import world_of

SEEDS = (1, 5, 11)


@pytest.fixture(scope="module")
def weathers() -> list[Weather]:
    return [weather_of(world_of("demo", seed)) for seed in SEEDS]


@pytest.fixture(scope="module")
def many(weathers: list[Weather]) -> list[Seasons]:
    return [seasons_of(world_of("demo", seed), weather) for seed, weather in zip(SEEDS, weathers, strict=True)]


def field(*values: float) -> np.ndarray:
    return np.array([values], np.float32)


def made_weather(days: int, **changes: float) -> Weather:
    """Return the same dry, bare, mild day again and again from 1 April 2025 on."""
    usual = {
        "noon_humidity": 28.0,
        "wind_speed": 8.0,
        "precipitation": 0.0,
        "snow_depth": 0.0,
        "mean_temperature": 10.0,
    }
    daily = {name: np.full((days, 1, 1), value, np.float32) for name, value in (usual | changes).items()}
    nothing = np.zeros((days, 1, 1), np.float32)
    return Weather(
        days=np.datetime64("2025-04-01") + np.arange(days) * np.timedelta64(1, "D"),
        longitude=np.array([132.0]),
        latitude=np.array([43.3]),
        elevation=np.full((1, 1), 100, np.float32),
        lowest_temperature=daily["mean_temperature"] - 5,
        highest_temperature=daily["mean_temperature"] + 5,
        wind_from=nothing,
        cloud=nothing,
        **daily,
    )


def test_snow_grows_with_height_and_lasts_on_northern_slopes(many: list[Seasons]) -> None:
    heights = field(20, 300, 600, 900)
    level = np.zeros_like(heights)
    depths = np.stack(
        [snow_depth(one, date(year, 3, 1), heights, level)[0] for one in many for year in range(2010, 2026)]
    )
    assert (np.diff(depths.mean(axis=0)) > 0.02).all()
    for one in many:
        for day in (date(2024, 1, 15), date(2025, 3, 10), date(2025, 4, 1)):
            north, flat, south = (snow_depth(one, day, heights, level + rise) for rise in (-0.5, 0.0, 0.5))
            assert (north >= flat).all()
            assert (flat >= south).all()
        assert not snow_depth(one, date(2025, 7, 15), heights, level).any()


def test_snow_between_bands_is_between_their_depths(many: list[Seasons]) -> None:
    day = date(2025, 2, 10)
    table = many[0].snow[many[0].index(day)]
    # Bands are 50 m apart: 330 m lies six tenths between the bands 6 and 7.
    found = snow_depth(many[0], day, field(330, 300, -10, 5000), field(0, 0, 0, 0))[0]
    assert found[0] == pytest.approx(0.4 * table[1, 6] + 0.6 * table[1, 7], abs=1e-6)
    assert found[1] == pytest.approx(table[1, 6], abs=1e-6)
    assert found[2] == pytest.approx(table[1, 0], abs=1e-6)
    assert found[3] == pytest.approx(table[1, -1], abs=1e-6)
    # A rise of -0.1 lies a quarter of the way from level to the steepest northern slope.
    tilted = snow_depth(many[0], day, field(300), field(-0.1))[0, 0]
    assert tilted == pytest.approx(0.75 * table[1, 6] + 0.25 * table[0, 6], abs=1e-6)


def test_bands_agree_with_the_cells_of_the_weather(weathers: list[Weather], many: list[Seasons]) -> None:
    for weather, one in zip(weathers, many, strict=True):
        elevation = weather.elevation
        cells = weather.snow_depth.reshape(weather.days.size, -1).mean(axis=1)
        winter = [number for number in range(0, weather.days.size, 11) if weather.days[number].astype(object).month < 4]
        bands = [
            float(snow_depth(one, weather.days[number].astype(object), elevation, 0 * elevation).mean())
            for number in winter
        ]
        assert np.corrcoef(bands, cells[winter])[0, 1] > 0.9
        assert 0.7 < np.mean(bands) / cells[winter].mean() < 1.4


def test_snow_goes_from_low_ground_in_march_or_early_april(many: list[Seasons]) -> None:
    off = np.array(
        [snow_off_day(one, year, field(80), field(0))[0, 0] for one in many for year in range(2009, 2026, 2)]
    )
    assert 70 < off.mean() < 100
    assert np.quantile(off, 0.1) > 45
    assert np.quantile(off, 0.9) < 115
    high = np.array(
        [snow_off_day(one, year, field(700), field(0))[0, 0] for one in many for year in range(2009, 2026, 2)]
    )
    assert 12 < (high - off).mean() < 35


def test_snow_off_day_is_the_last_day_of_the_daily_depths(many: list[Seasons]) -> None:
    heights, rises = field(15, 220, 455, 830), field(-0.3, 0.0, 0.25, -0.1)
    days = [date(2025, 1, 1) + timedelta(number) for number in range(212)]
    lies = np.stack([snow_depth(many[0], day, heights, rises)[0] > 0.02 for day in days])
    wanted = np.array([np.nonzero(one)[0][-1] + 1 if one.any() else 0 for one in lies.T])
    found = snow_off_day(many[0], 2025, heights, rises)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found[0], wanted)


def test_snow_off_day_is_0_where_none_lay() -> None:
    weather = made_weather(700)
    weather = replace(weather, days=np.datetime64("2024-06-01") + np.arange(700) * np.timedelta64(1, "D"))
    seasons = seasons_of(world_of("tiny", 1), weather)
    assert snow_off_day(seasons, 2025, field(100), field(0))[0, 0] == 0


def test_leaves_come_about_8_may_and_later_upward(many: list[Seasons]) -> None:
    floor = np.array([leaf_out_day(one, year, field(50))[0, 0] for one in many for year in range(2009, 2026)])
    assert abs(floor.mean() - 128) < 1.5
    assert 2 < floor.std() < 5
    assert floor.min() >= 119
    assert floor.max() <= 137
    up = leaf_out_day(many[0], 2025, field(50, 150, 650))[0]
    np.testing.assert_allclose(up - up[0], [0, 3, 18], atol=1e-4)
    grainy = leaf_out_day(many[0], 2025, field(50, 50, 50), field(-1, 0, 1))[0]
    np.testing.assert_allclose(grainy - grainy[1], [-1.2, 0, 1.2], atol=1e-4)


def test_warm_springs_bring_leaves_early_by_two_to_three_days_for_a_kelvin(many: list[Seasons]) -> None:
    warm = replace(many[0], spring_warmth={2025: 1.0}, autumn_warmth={2025: -1.0})
    assert leaf_out_day(warm, 2025, field(50))[0, 0] == pytest.approx(LEAF_OUT - 2.5)
    assert leaf_fall_day(warm, 2025, field(50))[0, 0] == pytest.approx(LEAF_FALL - 1.2)
    hot = replace(many[0], spring_warmth={2025: 8.0})
    assert leaf_out_day(hot, 2025, field(50))[0, 0] == pytest.approx(LEAF_OUT - 9)


def test_spring_warmth_is_that_of_march_and_april(weathers: list[Weather], many: list[Seasons]) -> None:
    weather, one = weathers[0], many[0]
    years = sorted(one.spring_warmth)
    means = []
    for year in years:
        span = (weather.days >= np.datetime64(f"{year}-03-01")) & (weather.days < np.datetime64(f"{year}-05-01"))
        means.append(weather.mean_temperature[span].mean())
    apart = np.array(means) - np.array([one.spring_warmth[year] for year in years])
    # What is left is the usual warmth of the season, the same in every year.
    np.testing.assert_allclose(apart, apart.mean(), atol=0.05)
    unusual = [value for other in many for value in other.spring_warmth.values()]
    assert abs(np.mean(unusual)) < 0.6
    assert 0.8 < np.std(unusual) < 2.0


def test_leaves_fall_about_10_october_and_earlier_upward(many: list[Seasons]) -> None:
    floor = np.array([leaf_fall_day(one, year, field(50))[0, 0] for one in many for year in range(2009, 2026)])
    assert abs(floor.mean() - 283) < 1.5
    up = leaf_fall_day(many[0], 2025, field(50, 250))[0]
    assert up[1] - up[0] == pytest.approx(-5, abs=1e-3)


def test_green_share_by_hand() -> None:
    out, fall = field(128, 138), field(283, 283)
    half = green_share(date(2025, 5, 8), out, fall)[0]
    # 8 May is day 128; ten days early is e^(10/3.4) to one.
    assert half[0] == pytest.approx(0.5, abs=1e-4)
    assert half[1] == pytest.approx(1 / (1 + np.exp(10 / 3.4)), abs=1e-4)
    assert green_share(date(2025, 7, 1), out, fall).min() > 0.99
    assert green_share(date(2025, 10, 10), out, fall)[0, 0] == pytest.approx(0.5, abs=1e-4)
    assert green_share(date(2025, 12, 31), out, fall).max() < 1e-4
    rising = [float(green_share(date(2025, 4, 1) + timedelta(number), out, fall)[0, 0]) for number in range(60)]
    assert (np.diff(rising) > 0).all()


def test_dryness_by_hand() -> None:
    # 28 % humidity and 8 m/s after a dry week are the most there is.
    assert dryness(made_weather(10), date(2025, 4, 10)) == pytest.approx(1.0, abs=1e-6)
    # 51.5 % is half way to 75; at 1.5 m/s wind adds nothing to 0.65.
    damp = made_weather(10, noon_humidity=51.5, wind_speed=1.5)
    assert dryness(damp, date(2025, 4, 10)) == pytest.approx(0.5 * 0.65, abs=1e-6)
    rainy = made_weather(10)
    rainy.precipitation[7] = 5.0
    # Two days later 0.55^2 of 5 mm count: e^(-1.5125 / 2.5).
    assert dryness(rainy, date(2025, 4, 10)) == pytest.approx(np.exp(-0.605), abs=1e-5)
    assert dryness(rainy, date(2025, 4, 8)) == pytest.approx(np.exp(-2), abs=1e-5)
    assert dryness(made_weather(10, snow_depth=0.05), date(2025, 4, 10)) == 0
    assert dryness(made_weather(10, noon_humidity=90), date(2025, 4, 10)) == 0


def test_april_is_dry_and_july_is_not(weathers: list[Weather]) -> None:
    def mean(month: int) -> float:
        days = [date(year, month, day) for year in range(2010, 2026) for day in (3, 8, 13, 18, 23, 28)]
        return float(np.mean([dryness(weather, day) for weather in weathers for day in days]))

    assert 0.35 < mean(4) < 0.65
    assert mean(7) < 0.12
    assert mean(10) > 0.25
    for weather in weathers:
        assert dryness(weather, date(2025, 4, 24)) > 0.85
        cells = dryness_by_cell(weather, date(2025, 4, 24))
        assert cells.shape == (3, 3)
        assert cells.mean() == pytest.approx(dryness(weather, date(2025, 4, 24)), abs=1e-6)


def test_soil_is_wet_after_rain_and_melt_dry_after_drought_and_when_frozen(weathers: list[Weather]) -> None:
    assert soil_wetness(made_weather(80), date(2025, 6, 10)) == 0
    rainy = made_weather(80)
    rainy.precipitation[50] = 35.0
    wet = [soil_wetness(rainy, date(2025, 5, 21) + timedelta(number)) for number in (-1, 0, 1, 10)]
    # 35 mm are 1 - e^-1; at 10 degC a tenth goes each day.
    assert wet[0] == 0
    assert wet[1] == pytest.approx(1 - np.exp(-1), abs=1e-6)
    assert wet[2] == pytest.approx(1 - np.exp(-0.9), abs=1e-6)
    assert wet[3] == pytest.approx(1 - np.exp(-(0.9**10)), abs=1e-6)
    melting = made_weather(80, mean_temperature=2.0)
    melting.snow_depth[:50] = 0.1
    assert soil_wetness(melting, date(2025, 5, 21)) == pytest.approx(1 - np.exp(-25 / 35), abs=1e-6)
    frozen = made_weather(80, mean_temperature=-10.0, precipitation=5.0)
    assert soil_wetness(frozen, date(2025, 6, 10)) == 0
    for weather in weathers:
        january = [soil_wetness(weather, date(year, 1, 20)) for year in range(2010, 2026)]
        august = [soil_wetness(weather, date(year, 8, 20)) for year in range(2010, 2026)]
        assert np.mean(january) < 0.1
        assert 0.35 < np.mean(august) < 0.85


def test_days_beyond_the_weather_are_refused(weathers: list[Weather], many: list[Seasons]) -> None:
    ground = field(100)
    with pytest.raises(ConfigError, match="2008-12-31 is wanted, the weather holds 2009-01-01 to 2025-12-31"):
        snow_depth(many[0], date(2008, 12, 31), ground, ground)
    with pytest.raises(ConfigError, match="2026-01-01 is wanted"):
        dryness(weathers[0], date(2026, 1, 1))
    with pytest.raises(ConfigError):
        soil_wetness(weathers[0], date(2026, 1, 1))
    with pytest.raises(ConfigError):
        snow_off_day(many[0], 2026, ground, ground)
    with pytest.raises(ConfigError, match="year 2030 is wanted, the weather holds 2009 to 2025"):
        leaf_out_day(many[0], 2030, ground)
    with pytest.raises(ConfigError):
        leaf_fall_day(many[0], 2008, ground)


def test_a_demonstrations_fields_are_drawn_quickly(many: list[Seasons]) -> None:
    ground = np.linspace(0, 900, 1500 * 1500, dtype=np.float32).reshape(1500, 1500)
    slope = np.zeros_like(ground)
    field_day = date(2025, 2, 10)
    snow_depth(many[0], field_day, ground[:1, :1], slope[:1, :1])
    start = time.process_time()
    snow_depth(many[0], field_day, ground, slope)
    # Some 0.02 s where nothing else runs; the bound leaves room for busy machines.
    assert time.process_time() - start < 0.5
