"""False alarms told from histories: against those of fresh pixels, few years, changed pixels, codes, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from habitat.change.monitoring.alarm_estimate import FEW_YEARS, NORMAL, YEARS, alarms_to_expect
from habitat.change.monitoring.drawn_years import drawn_series, matched, source_years
from habitat.change.monitoring.false_alarms import Forest, expected_false_alarms
from habitat.change.monitoring.monitor_kernels import CHANGED
from habitat.change.monitoring.monitor_rules import EWMA, FALL, IQR, MonitorRules
from habitat.change.monitoring.monitors import monitored, opened_monitor
from habitat.change.monitoring.season_model import INDEX_CODES, FitRules, Season
from habitat.change.monitoring.season_residuals import history_residuals, season_years
from habitat.contracts.errors import InputError

SEASON = Season(2, trend=False, origin="2023-01-01")
PLAIN = FitRules()
EWMA_FALL = MonitorRules(EWMA, direction=FALL, limit=3.0, clip=3.0)


def growing_days(first: int, last: int) -> np.ndarray:
    """Every fifth day of April to November."""
    days = np.arange(f"{first}-01-01", f"{last + 1}-01-01", 5, dtype="datetime64[D]")
    month = days.astype("datetime64[M]").astype(int) % 12 + 1
    return days[(month >= 4) & (month <= 11)]


class World:
    """Stable pixels with a season, whose errors are correlated, heavy-tailed, clouded, or those of their date or year."""

    def __init__(self, days, seed, *, ar=0.0, heavy=False, cloud=0.0, date=0.0, year=0.0):
        self.days, self.given = days, (ar, heavy, cloud)
        rng = np.random.default_rng(seed)
        years = days.astype("datetime64[Y]").astype(int)
        self.shared = date * rng.standard_normal(len(days)) + year * rng.standard_normal(years.max() + 1)[years]

    def pixels(self, count, seed):
        ar, heavy, cloud = self.given
        rng = np.random.default_rng(seed)
        shape = (len(self.days), count)
        noise = rng.standard_t(3, shape) / np.sqrt(3) if heavy else rng.standard_normal(shape)
        keep = ar ** (np.diff(self.days).astype(float) / 5) if ar else np.zeros(len(self.days))
        for t in range(1, len(noise)):
            noise[t] = keep[t - 1] * noise[t - 1] + np.sqrt(1 - keep[t - 1] ** 2) * noise[t]
        noise -= np.where(rng.random(shape) < cloud, rng.exponential(6, shape), 0)
        phase = 2 * np.pi * (self.days - np.datetime64("2020-01-01")).astype(float) / 365.25
        values = 0.6 - 0.2 * np.cos(phase)[:, None] + 0.03 * (noise + self.shared[:, None])
        values[rng.random(shape) > 0.45] = np.nan
        return values.astype(np.float32)


def stated_and_observed(world, rules, *, sample=1000, fresh=6000, seed=0, fit_rules=PLAIN):
    past = world.days < np.datetime64("2025-01-01")
    times, later = world.days[past], world.days[~past]
    told = alarms_to_expect(world.pixels(sample, 10 + seed)[past], times, later, SEASON, rules, fit_rules=fit_rules)
    stack = world.pixels(fresh, 20 + seed)[:, None]
    state = monitored(opened_monitor(stack[past], times, SEASON, rules, fit_rules=fit_rules), stack[~past], later)
    return told, float((state.code == CHANGED).mean())


@pytest.mark.parametrize(
    ("rules", "settings"),
    [
        (MonitorRules(), {"ar": 0.5}),
        (MonitorRules(direction=FALL, level=0.01, clip=3.0), {"ar": 0.7}),
        (EWMA_FALL, {"ar": 0.5, "heavy": True}),
        (MonitorRules(IQR, direction=FALL), {"ar": 0.6, "heavy": True, "cloud": 0.02}),
        (MonitorRules(confirm=1), {"cloud": 0.03}),
    ],
)
def test_as_many_false_alarms_as_told_by_other_pixels(rules, settings):
    world = World(growing_days(2021, 2025), 1, **settings)
    told, observed = stated_and_observed(world, rules)
    assert observed > 0.005
    assert told.share / 1.5 < observed < told.share * 1.5
    assert told.interval[0] < observed < told.interval[1]
    assert (told.kind, told.years, told.pixels) == (YEARS, 4, 1000 - told.changed)
    assert sum(told.share_by_month.values()) == pytest.approx(told.share)
    assert told.changed <= 20


def test_as_many_false_alarms_as_told_where_each_history_is_cut_to_what_is_stable():
    world = World(growing_days(2021, 2025), 1, ar=0.5)
    told, observed = stated_and_observed(world, MonitorRules(), fit_rules=FitRules(stable_level=0.05))
    assert told.share / 1.5 < observed < told.share * 1.5


def test_heavy_tails_and_clusters_are_more_than_normal_noise_knows():
    world = World(growing_days(2021, 2025), 1, ar=0.6, heavy=True, cloud=0.02)
    rules = MonitorRules(IQR, direction=FALL)
    told, observed = stated_and_observed(world, rules)
    times, later = world.days[world.days < np.datetime64("2025-01-01")], growing_days(2025, 2025)
    normal = expected_false_alarms(rules, SEASON, times, later, Forest(400, 0.45, told.correlation)).confirmed.sum()
    assert normal / 2.5e6 < observed / 2
    assert 0.08 < told.correlation < 0.35
    assert told.tail > 5 * 0.0027


@pytest.mark.parametrize("settings", [{"year": 0.15, "ar": 0.4}, {"date": 0.5, "ar": 0.4}])
def test_errors_that_all_pixels_share_are_told_on_average_and_within_the_interval(settings):
    stated, seen, inside = 0.0, 0.0, 0
    for seed in range(24):
        world = World(growing_days(2021, 2025), seed, **settings)
        told, observed = stated_and_observed(world, EWMA_FALL, sample=150, fresh=300, seed=seed)
        stated, seen = stated + told.share, seen + observed
        inside += told.interval[0] <= observed <= told.interval[1]
    assert stated / 1.5 < seen < stated * 1.5
    assert inside >= 18


def test_two_years_are_few_and_said_to_be():
    world = World(growing_days(2023, 2025), 1, ar=0.6)
    told, observed = stated_and_observed(world, MonitorRules())
    assert told.kind == FEW_YEARS
    assert "two years only" in told.how
    assert told.share / 1.5 < observed < told.share * 1.5
    four, _ = stated_and_observed(World(growing_days(2021, 2025), 1, ar=0.6), MonitorRules())
    assert told.interval[1] / told.share > four.interval[1] / four.share
    # A trend cannot be told from two years that differ: residuals must not lose what years differ by.
    past = world.days < np.datetime64("2025-01-01")
    trend = alarms_to_expect(
        world.pixels(500, 3)[past], world.days[past], world.days[~past], Season(2, True, "2024-01-01"), MonitorRules()
    )
    assert trend.share > told.share / 2


def test_one_year_or_a_handful_of_pixels_is_a_lower_bound():
    world = World(growing_days(2024, 2025), 1, ar=0.6)
    told, observed = stated_and_observed(world, EWMA_FALL)
    assert (told.kind, told.years) == (NORMAL, 1)
    assert "lower bound" in told.how
    assert told.interval == (told.share, 1.0)
    assert 0 < told.share < observed * 1.5
    days = growing_days(2021, 2025)
    few = alarms_to_expect(World(days, 1).pixels(4, 1)[:196], days[:196], days[196:], SEASON, EWMA_FALL)
    assert few.kind == NORMAL


def test_pixels_that_changed_in_their_history_are_left_out():
    world = World(growing_days(2021, 2025), 1, ar=0.5)
    past = world.days < np.datetime64("2025-01-01")
    stack, given = world.pixels(1000, 5)[past], (world.days[past], world.days[~past], SEASON, MonitorRules())
    clean = alarms_to_expect(stack, *given, fit_rules=PLAIN)
    stack[120:, :300] -= np.float32(0.3)
    stack[:, 300:310] = np.nan
    told = alarms_to_expect(stack, *given, fit_rules=PLAIN)
    assert 300 <= told.changed <= 300 + clean.changed + 5
    assert told.short == 10
    assert told.pixels == 1000 - told.changed - 10
    assert clean.share / 1.3 < told.share < clean.share * 1.3


def test_codes_and_masks_say_what_gaps_say_and_a_seed_gives_its_numbers():
    world = World(growing_days(2021, 2025), 1, ar=0.5)
    past = world.days < np.datetime64("2025-01-01")
    given = (world.days[past], world.days[~past], SEASON, MonitorRules())
    numbers = np.where(np.isnan(world.pixels(300, 6)[past]), -32768, 0).astype(np.int16)
    values = np.nan_to_num(world.pixels(300, 6)[past]) * 1e4
    numbers = np.where(numbers == -32768, numbers, np.rint(values)).astype(np.int16)
    gaps = np.where(numbers == -32768, np.nan, numbers * 1e-4)
    told = alarms_to_expect(numbers, *given, codes=INDEX_CODES)
    assert told.to_dict() == alarms_to_expect(gaps, *given).to_dict()
    full = np.where(numbers == -32768, np.int16(9000), numbers)
    assert told.to_dict() == alarms_to_expect(full, *given, codes=INDEX_CODES, usable=numbers != -32768).to_dict()
    other = alarms_to_expect(numbers, *given, codes=INDEX_CODES, seed=5)
    assert other.share != told.share
    assert other.share == pytest.approx(told.share, rel=0.3)


def test_what_is_told_is_plain():
    world = World(growing_days(2021, 2025), 1, ar=0.6)
    past = world.days < np.datetime64("2025-01-01")
    told = alarms_to_expect(
        world.pixels(300, 7)[past], world.days[past], world.days[~past], SEASON, MonitorRules(), resolution_m=30
    )
    plain = json.loads(json.dumps(told.to_dict()))
    assert list(plain["months"]) == [f"2025-{month:02d}" for month in range(4, 12)]
    august = plain["months"]["2025-08"]
    assert august["per_1000km2"] == pytest.approx(august["share"] * 1e9 / 900) == told.per_1000km2("2025-08")
    assert august["interval"][0] <= august["share"] <= august["interval"][1]
    assert plain["per_1000km2_and_month"] == pytest.approx(told.share * 1e9 / 900 / 8)
    assert told.per_1000km2("2031-01") == 0
    assert plain["how"] == told.how


def test_no_alarm_seen_leaves_a_share_that_may_still_be():
    world = World(growing_days(2021, 2025), 1)
    past = world.days < np.datetime64("2025-01-01")
    rules = MonitorRules(IQR, whiskers=9.0)
    given = (world.pixels(200, 8)[past], world.days[past], world.days[~past], SEASON, rules)
    told = alarms_to_expect(*given, fit_rules=PLAIN)
    assert told.share == 0
    assert told.interval == (0.0, pytest.approx(3 / 800))


def test_restored_residuals_are_as_large_as_errors_were():
    """Four years of white errors: differences between years' means are those of the errors, not of the residuals."""
    days = growing_days(2021, 2024)
    rng = np.random.default_rng(2)
    stack = 0.6 + 0.05 * rng.standard_normal((len(days), 4000))
    years, _ = season_years(days, np.ones(len(days)))
    past = history_residuals(stack, days, SEASON, codes=INDEX_CODES, usable=None, years=years)
    means = np.stack([past.units[years == year].mean(axis=0) for year in np.unique(years)])
    looks = (years == 2022).sum()
    assert np.unique(years).tolist() == [2021, 2022, 2023, 2024]
    assert float(means.var(axis=0, ddof=1).mean() * looks) == pytest.approx(1.0256, abs=0.06)
    assert float(np.nanvar(past.units)) == pytest.approx(1.0, abs=0.06)


def test_years_begin_where_little_is_seen():
    days = np.arange("2022-01-01", "2024-01-01", dtype="datetime64[D]")
    month = days.astype("datetime64[M]").astype(int) % 12 + 1
    north, _ = season_years(days, (month >= 4) & (month <= 11))
    south, place = season_years(days, (month <= 4) | (month >= 10))
    assert (north == days.astype("datetime64[Y]").astype(int) + 1970).all()
    assert len(np.unique(south[(days >= np.datetime64("2022-10-01")) & (days <= np.datetime64("2023-04-30"))])) == 1
    assert place.min() == 0
    assert place.max() == 364


def test_years_of_few_looks_are_not_drawn_from():
    years = np.repeat([2019, 2020, 2021, 2022], [2, 30, 28, 31])
    assert source_years(years, np.ones(len(years))).tolist() == [2020, 2021, 2022]


def test_a_year_is_never_drawn_for_both_history_and_monitoring():
    years = np.repeat([2021, 2022, 2023, 2024, 2025], 10)
    places = np.tile(np.arange(100, 200, 10), 5)
    units = np.repeat(np.arange(4, dtype=np.float32), 10)[:, None] + np.zeros(6, np.float32)
    rng = np.random.default_rng(0)
    for first in range(4):
        drawn = drawn_series(units, years, places, np.arange(2021, 2025), first, rng)
        assert (drawn[40:] == first).all()
        assert not (drawn[:40] == first).any()
        assert set(np.unique(drawn[:40]).tolist()) == set(range(4)) - {first}


def test_days_of_a_denser_year_are_filled_from_another_one():
    years = np.array([2021] * 4 + [2022] * 4 + [2023] * 4 + [2024] * 8)
    places = np.array([100, 130, 160, 190] * 3 + [100, 101, 130, 131, 160, 161, 190, 191])
    units = np.repeat(np.arange(3, dtype=np.float32), 4)[:, None]
    drawn = drawn_series(units, years, places, np.array([2021, 2022, 2023]), 0, np.random.default_rng(0))
    # Monitoring may take one of three years; what no look of that year stands for stays a gap.
    assert drawn[12:, 0].tolist()[::2] == [0.0] * 4
    assert np.isnan(drawn[13::2]).all()
    more = np.concatenate([years[:12], np.array([2020] * 4), years[12:]])
    more_places = np.concatenate([places[:12], places[:4], places[12:]])
    units = np.concatenate([units, np.full((4, 1), 3, np.float32)])
    drawn = drawn_series(units, more, more_places, np.array([2020, 2021, 2022, 2023]), 0, np.random.default_rng(0))
    assert drawn[16:, 0].tolist()[::2] == [3.0] * 4
    assert np.isnan(drawn[17::2]).all() or len(set(drawn[17::2, 0].tolist())) == 1


def test_matching_takes_each_day_once_and_none_that_is_far():
    assert matched(np.array([10, 11, 12]), np.array([11])).tolist() == [-1, 0, -1]
    assert matched(np.array([10, 50]), np.array([], np.int64)).tolist() == [-1, -1]
    assert matched(np.array([10, 50]), np.array([31, 70])).tolist() == [-1, 0]
    days = np.arange(0, 200, 5)
    assert matched(days, days + 2).tolist() == list(range(40))


def test_what_does_not_fit_is_refused():
    world = World(growing_days(2021, 2025), 1)
    past = world.days < np.datetime64("2025-01-01")
    stack, times, later = world.pixels(20, 9)[past], world.days[past], world.days[~past]
    given = (SEASON, MonitorRules())
    with pytest.raises(InputError, match=r"wants \(time, pixel\)"):
        alarms_to_expect(stack[:, None], times, later, *given)
    with pytest.raises(InputError, match="the mask is"):
        alarms_to_expect(stack, times, later, *given, usable=np.ones((3, 3), bool))
    with pytest.raises(InputError, match="all monitored dates after"):
        alarms_to_expect(stack, times, times[-1:], *given)
    with pytest.raises(InputError, match="ascending"):
        alarms_to_expect(stack, times[::-1], later, *given)
    with pytest.raises(InputError, match="none of 20 pixels"):
        alarms_to_expect(stack * np.nan, times, later, *given)


def test_a_least_deviation_takes_alarms_of_pixels_that_lay_together_by_chance():
    times = np.datetime64("2020-01-03") + np.arange(0, 1826, 20)
    history = int((times < np.datetime64("2024-01-01")).sum())
    noise = np.random.default_rng(3).normal(0, 0.03, (len(times), 400)).astype(np.float32)
    noise[:history, :200] *= 0.2
    rules = MonitorRules("ewma", "fall", 3, limit=3.0, clip=5.0)
    given = (noise[:history], times[:history], times[history:], Season(0, trend=False), rules)
    free = alarms_to_expect(*given, fit_rules=FitRules())
    held = alarms_to_expect(*given, fit_rules=FitRules(), least_sigma=0.3)
    same = alarms_to_expect(*given, fit_rules=FitRules(), least_sigma=1e-6)
    assert held.share == 0 < free.share
    assert same.share == free.share


def test_a_history_too_short_for_a_moving_sum_says_so():
    times = np.datetime64("2024-01-03") + np.arange(0, 120, 40)
    noise = np.random.default_rng(3).normal(0, 0.03, (3, 60)).astype(np.float32)
    later = times + np.timedelta64(200, "D")
    with pytest.raises(InputError, match=r"holds none|too few looks"):
        alarms_to_expect(noise, times, later, Season(0, trend=False), MonitorRules())
