"""Seasons by temperature, snow, date and mask; gaps; and the winters between."""

from __future__ import annotations

import numpy as np
import pytest
from fire_tables import table
from hypothesis import given, settings
from hypothesis import strategies as st
from season_oracle import states_of

from habitat.contracts.errors import ConfigError, InputError
from habitat.fire.weather.fire_season import (
    FAVOURS_START,
    FAVOURS_STOP,
    RESTARTS_DC,
    RESTARTS_DMC,
    RESTARTS_FFMC,
    SEASON_STATES,
    SIGN_KNOWN,
    STARTS,
    GapRule,
    SeasonRule,
    Winter,
    always,
    awake,
    by_dates,
    by_mask,
    by_snow,
    by_temperature,
    fresh_counters,
    season_day,
    spring_drought_code,
)
from habitat.fire.weather.season_dates import season_dates
from habitat.fire.weather.season_signs import season_signs

SIGN = {
    "start": FAVOURS_START | SIGN_KNOWN,
    "stop": FAVOURS_STOP | SIGN_KNOWN,
    "": SIGN_KNOWN,
    None: np.uint8(0),
}
FLAGS = {"start": STARTS, "ffmc": RESTARTS_FFMC, "dmc": RESTARTS_DMC, "dc": RESTARTS_DC}


def course(rule, gaps, favours, complete):
    limits = (rule.start_days, rule.stop_days, int(rule.today_counts), gaps.bridge_days, gaps.dmc_days, gaps.dc_days)
    counters, found = fresh_counters((1,)), []
    for today, whole in zip(favours, complete, strict=True):
        sign = np.array([SIGN[today]], np.uint8)
        season_day(sign, np.array([whole], np.uint8), counters, limits)
        again = tuple(name for name, flag in FLAGS.items() if sign[0] & flag)
        found.append((SEASON_STATES[int(sign[0] & 7)], again))
    return found


@given(
    st.lists(st.tuples(st.sampled_from(["start", "start", "stop", "", None]), st.booleans()), min_size=1, max_size=60),
    st.integers(1, 3),
    st.integers(1, 3),
    st.booleans(),
    st.integers(0, 3),
)
@settings(max_examples=150)
def test_machine_equals_the_one_written_plainly(days, start_days, stop_days, today_counts, bridge):
    rule = SeasonRule("mask", start_days, stop_days, today_counts)
    gaps = GapRule(bridge, bridge + 2, bridge + 4)
    favours, complete = zip(*days, strict=True)
    assert course(rule, gaps, favours, complete) == list(states_of(rule, gaps, favours, complete))


def test_snow_starts_on_the_third_bare_day_and_stops_with_the_first_white():
    depth = np.array([0.2, 0.01, 0.0, 0.0, 0.0, 0.02, 0.0, 0.0, 0.0])[:, None]
    days = np.arange("2025-03-28", "2025-04-06", dtype="datetime64[D]")
    rule = by_snow()
    signs = season_signs(rule, {"snow_depth": depth}, days, 1)[:, 0]
    names = {int(sign): name for name, sign in SIGN.items()}
    states = [state for state, _ in course(rule, GapRule(), [names[int(sign)] for sign in signs], [True] * 9)]
    # One centimetre is not yet snow: bare from the second day on.
    assert states == ["not-started"] * 3 + ["in-season"] * 2 + ["off-season"] * 3 + ["in-season"]


def test_satellite_snow_goes_before_depth_where_it_sees():
    cover = np.array([[1.0, 0.0, np.nan]])
    depth = np.array([[0.0, 0.3, 0.3]])
    signs = season_signs(by_snow(), {"snow_cover": cover, "snow_depth": depth}, np.zeros(1, "datetime64[D]"), 3)
    assert signs[0].tolist() == [SIGN["stop"], SIGN["start"], SIGN["stop"]]
    alone = season_signs(by_snow(), {"snow_cover": cover}, np.zeros(1, "datetime64[D]"), 3)
    assert alone[0].tolist() == [SIGN["stop"], SIGN["start"], SIGN[None]]


def test_dates_hold_from_the_first_day_up_to_the_last_and_across_new_year():
    days = np.array(["2024-03-31", "2024-04-01", "2024-11-14", "2024-11-15"], "datetime64[D]")
    assert [int(sign & 1) for sign in season_signs(by_dates(), {}, days, 1)[:, 0]] == [0, 1, 1, 0]
    south = by_dates((11, 15), (4, 1))
    assert [int(sign & 1) for sign in season_signs(south, {}, days, 1)[:, 0]] == [1, 0, 0, 1]


def test_mask_and_temperature_know_what_they_do_not_know():
    mask = np.array([[1.0, 0.0, np.nan]])
    day = np.zeros(1, "datetime64[D]")
    assert season_signs(by_mask(), {"in_season": mask}, day, 3)[0].tolist() == [
        SIGN["start"],
        SIGN["stop"],
        SIGN[None],
    ]
    warmth = np.array([[12.0, 12.1, 5.0, 4.9, np.nan]])
    found = season_signs(by_temperature(), {"temperature": warmth}, day, 5)[0].tolist()
    assert found == [SIGN[""], SIGN["start"], SIGN[""], SIGN["stop"], SIGN[None]]
    assert season_signs(always(), {}, day, 2)[0].tolist() == [SIGN["start"]] * 2


def test_a_rule_says_what_it_would_have_read():
    day = np.zeros(1, "datetime64[D]")
    with pytest.raises(InputError, match="reads snow_cover or snow_depth, which the weather lacks"):
        season_signs(by_snow(), {"temperature": np.zeros((1, 1))}, day, 1)
    with pytest.raises(InputError, match="reads temperature_max"):
        season_signs(by_temperature(reads="temperature_max"), {"temperature": np.zeros((1, 1))}, day, 1)


@pytest.mark.parametrize(("start", "end"), [(10, 3), (12, 5)])
def test_season_dates_equal_the_tables_of_cffdrs(shared, start, end):
    rows = table(shared, "season_weather")
    days = np.array([f"{y}-{m:02d}-{d:02d}" for y, m, d in zip(rows.yr, rows.mon, rows.day, strict=True)], "M8[D]")
    rule = by_temperature(start_above=start, stop_below=end, reads="temperature_max")
    found = season_dates(rule, days, rows.tmax.to_numpy())
    expected = table(shared, f"season_expected_id1_start{start}_end{end}")
    assert [(str(day), event) for day, event in found] == list(zip(expected.date, expected.fsdatetype, strict=True))


def test_season_that_is_warm_from_new_year_starts_then():
    days = np.arange("2025-01-01", "2025-01-08", dtype="datetime64[D]")
    assert [str(event.day) for event in season_dates(by_temperature(), days, np.full(7, 20.0))] == ["2025-01-01"]
    assert [
        str(event.day) for event in season_dates(by_temperature(), days + np.timedelta64(5, "D"), np.full(7, 20.0))
    ] == ["2025-01-09"]
    assert season_dates(by_snow(), days, np.full(7, np.nan)) == []
    with pytest.raises(ConfigError, match="'dates' reads no weather"):
        season_dates(by_dates(), days, np.zeros(7))


def test_spring_of_autumn_and_winter_by_hand():
    # Qf = 800 exp(-300 / 400) = 377.893; Qs = 0.75 Qf + 0.75 * 3.94 * 110 = 608.470; 400 ln(800 / 608.470) = 109.466.
    assert float(spring_drought_code(300, 110)) == pytest.approx(109.466, abs=0.002)
    # All carried over and no rain: as it was. Much rain: the floor.
    assert float(spring_drought_code(300, 0, carry_over=1)) == pytest.approx(300)
    assert float(spring_drought_code(300, 900)) == 15


def test_what_a_season_starts_with():
    cell = fresh_counters(())
    numbers = (0.0,) * 6 + (15.0, 0.75, 0.75, 20.0, 30.0, 10.0)
    cell[6] = 150
    assert awake(300.0, 110.0, cell, numbers) == pytest.approx(float(spring_drought_code(300, 110, lowest=20)))
    assert awake(np.nan, 110.0, cell, numbers) == 15
    cell[6] = 30
    assert awake(300.0, 0.0, cell, numbers) == pytest.approx(300)
    cell[7] = 11
    assert awake(300.0, 0.0, cell, numbers) == 15
    cell[7] = 0
    assert awake(300.0, 0.0, cell, (*numbers[:7], -1.0, *numbers[8:])) == 15


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: SeasonRule("moon"), "no season rule 'moon'"),
        (lambda: by_temperature(days=0), "wants 1 day or more"),
        (lambda: by_temperature(start_above=3.0), "start wants the higher limit"),
        (lambda: by_snow(snow_depth=-1), "wants zero or more metres"),
        (lambda: by_dates((2, 30), (11, 1)), r"start is \(2, 30\), wants month and day"),
        (lambda: by_dates((4, 1), (2, 29)), r"stop is \(2, 29\)"),
        (lambda: by_dates((4, 1), (4, 1)), "starts and stops on"),
        (lambda: GapRule(3, 2, 50), "each as long as the one before"),
        (lambda: GapRule(-1), "zero or more"),
        (lambda: Winter(carry_over=0), "want shares"),
        (lambda: Winter(wetting=1.1), "want shares"),
        (lambda: Winter(short_days=-1), "zero or more"),
    ],
)
def test_senseless_rules_are_refused(make, text):
    with pytest.raises(ConfigError, match=text):
        make()
