"""Monitors: months against one run bit by bit, plain processes, dates, reasons, magnitudes, state, and false alarms."""

from __future__ import annotations

import numpy as np
import pytest
from made_series import SEASON, dates, stack_of

from habitat.change.monitoring.boundaries import MOSUM_CRITICAL, cusum_critical_value, mosum_critical_value
from habitat.change.monitoring.false_alarms import Forest, expected_false_alarms, process_sides
from habitat.change.monitoring.monitor_rules import (
    BOTH,
    CUSUM,
    EWMA,
    FALL,
    IQR,
    MOSUM,
    RISE,
    MonitorRules,
    loss_direction,
)
from habitat.change.monitoring.monitor_state import MonitorState, dates_of
from habitat.change.monitoring.monitors import (
    MONITOR_CODES,
    begun_monitor,
    carry,
    change_layers,
    change_magnitude,
    monitored,
    opened_monitor,
    reasons,
)
from habitat.change.monitoring.season_model import INDEX_CODES, FitRules, Season, season_fit
from habitat.contracts.errors import ConfigError, InputError

TIMES = dates(200)
HISTORY = 120
PLAIN = FitRules()
KINDS = (MOSUM, CUSUM, EWMA, IQR)
CODES = {word: code for code, word in MONITOR_CODES.items()}


def made(shape=(6, 30), *, drop=0.0, at=150, **settings):
    stack = stack_of(TIMES, shape, **settings)
    stack[at:] -= np.float32(drop)
    return stack


def opened(stack, rules, **settings):
    given = {"fit_rules": PLAIN} | settings
    return opened_monitor(stack[:HISTORY], TIMES[:HISTORY], SEASON, rules, **given)


def equal(one, other):
    assert one.day == other.day
    for mine, theirs in zip(one.arrays(), other.arrays(), strict=True):
        assert mine.dtype == theirs.dtype
        assert np.array_equal(mine, theirs, equal_nan=True)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("clip", [None, 3.0])
def test_months_give_what_one_run_gives(kind, clip):
    stack = made(drop=0.1)
    usable = np.random.default_rng(2).random(stack.shape) < 0.9
    rules = MonitorRules(kind, clip=clip)
    state = opened(stack, rules, usable=usable[:HISTORY])
    before = state.copy()
    whole = monitored(state, stack[HISTORY:], TIMES[HISTORY:], usable=usable[HISTORY:], workers=1)
    equal(state, before)
    parts = state
    months = TIMES[HISTORY:].astype("datetime64[M]")
    for month in np.unique(months):
        now = HISTORY + np.flatnonzero(months == month)
        parts = monitored(parts, stack[now], TIMES[now], usable=usable[now])
        parts = MonitorState.from_dataset(parts.to_dataset())
    equal(parts, whole)
    single = state.copy()
    for t in range(HISTORY, len(TIMES)):
        carry(single, stack[t : t + 1], TIMES[t : t + 1], usable=usable[t : t + 1])
    equal(single, whole)
    assert (whole.code == CODES["change confirmed"]).any()


@pytest.mark.parametrize("direction", [FALL, RISE, BOTH])
@pytest.mark.parametrize("kind", KINDS)
def test_kernel_agrees_with_the_plain_process(kind, direction):
    stack = made(drop=0.08)
    stack[:, 0, 0] += np.where(np.arange(200) >= 150, 0.3, 0).astype(np.float32)
    rules = MonitorRules(kind, direction=direction, confirm=2, clip=4.0 if kind == EWMA else None)
    found = monitored(opened(stack, rules), stack[HISTORY:], TIMES[HISTORY:])
    design = SEASON.design(TIMES)
    fit = season_fit(stack[:HISTORY], design[:HISTORY])
    different = 0
    for y, x in np.ndindex(6, 30):
        known = np.flatnonzero(np.isfinite(stack[:, y, x]))
        residuals = stack[known, y, x] - design[known] @ fit.coefficients[:, y, x]
        past = int((known < HISTORY).sum())
        sides = process_sides(residuals[None], fit.sigma[y : y + 1, x], past, rules)[0]
        run, first = 0, None
        for t, side in enumerate(sides.tolist()):
            first = (first if side * run > 0 else t) if side else None
            run = 0 if not side else run + side if side * run > 0 else side
            if abs(run) == 2:
                break
        day = TIMES[known[past + first]] if first is not None else np.datetime64("NaT", "D")
        got = dates_of(found.days[0])[y, x]
        different += not (got == day or (np.isnat(got) and np.isnat(day)))
    # Coefficients are kept in single precision: a process that touches its boundary may fall on the other side.
    assert different <= 1


def test_first_departure_confirmation_and_magnitude():
    stack = made((1, 4), gaps=0, drop=0)
    stack[150:, 0, 1] -= 0.3
    stack[150:152, 0, 2] -= 0.3
    stack[150:, 0, 3] += 0.3
    state = monitored(opened(stack, MonitorRules(IQR)), stack[HISTORY:], TIMES[HISTORY:])
    layers = change_layers(state)
    assert layers.first_departure.values[0, 1] == TIMES[150]
    assert layers.confirmed.values[0, 1] == TIMES[152]
    assert np.isnat(layers.confirmed.values[0, [0, 2]]).all()
    assert layers.direction.values[0].tolist()[1::2] == [-1, 1]
    assert layers.magnitude.values[0, [1, 3]] == pytest.approx([-0.3, 0.3], abs=0.04)
    assert [MONITOR_CODES[code] for code in layers.reason.values[0].tolist()][1:] == [
        "change confirmed",
        "ok",
        "change confirmed",
    ]
    # Two dates in, nothing is confirmed yet, and the departure is told.
    early = monitored(opened(stack, MonitorRules(IQR)), stack[HISTORY:152], TIMES[HISTORY:152])
    assert change_layers(early).first_departure.values[0, 2] == TIMES[150]
    assert change_magnitude(early)[0, 2] == pytest.approx(-0.3, abs=0.06)


def test_integer_codes_and_threads():
    stack = made((3, 700), drop=0.1)
    numbers = np.where(np.isnan(stack), -32768, np.rint(stack / 1e-4)).astype(np.int16)
    floats = np.where(numbers == -32768, np.nan, numbers * 1e-4)
    rules = MonitorRules(EWMA, direction=FALL)
    state = opened(numbers, rules, codes=INDEX_CODES)
    equal(state, opened(floats, rules))
    later = monitored(state, numbers[HISTORY:], TIMES[HISTORY:], codes=INDEX_CODES, workers=1)
    equal(later, monitored(state, numbers[HISTORY:], TIMES[HISTORY:], codes=INDEX_CODES, workers=5))
    equal(later, monitored(state, floats[HISTORY:], TIMES[HISTORY:]))


def test_steps_of_three_deviations_are_dated_within_one_observation():
    stack = made((20, 20), gaps=0, drop=0)
    stack[150:] -= np.float32(5 * 0.03)
    state = monitored(opened(stack, MonitorRules(IQR)), stack[HISTORY:], TIMES[HISTORY:])
    first = state.days[0]
    late = (first - TIMES[150].astype(int)) / 9
    assert (state.code == CODES["change confirmed"]).mean() > 0.97
    assert np.mean(np.abs(late) <= 1) > 0.9


def test_magnitude_is_a_median():
    stack = made((1, 3), gaps=0)
    stack[150:, 0, 0] -= np.array([0.2] * 3 + [0.4] * 47, np.float32)
    state = monitored(opened(stack, MonitorRules(IQR, magnitude_count=7)), stack[HISTORY:], TIMES[HISTORY:])
    after = np.sort(state.after[:, 0, 0])
    assert state.filled[0, 0] == 7
    assert change_magnitude(state)[0, 0] == after[3]
    assert np.isnan(change_magnitude(state)[0, 1:]).all()


def test_a_missed_cloud_confirms_nothing_where_residuals_are_cut():
    stack = made((10, 10), gaps=0)
    stack[140] -= 0.6
    free = monitored(opened(stack, MonitorRules()), stack[HISTORY:], TIMES[HISTORY:])
    cut = monitored(opened(stack, MonitorRules(clip=3)), stack[HISTORY:], TIMES[HISTORY:])
    confirmed = CODES["change confirmed"]
    quiet = monitored(opened(made((10, 10), gaps=0), MonitorRules()), made((10, 10), gaps=0)[HISTORY:], TIMES[HISTORY:])
    usual = (quiet.code == confirmed).mean()
    assert (free.code == confirmed).mean() > usual + 0.5
    assert (cut.code == confirmed).mean() < usual + 0.1


def test_monitor_pauses_under_snow_and_says_so():
    stack = made((1, 3), gaps=0)
    stack[150:160] -= 0.5  # snow, or bare branches
    usable = np.ones(stack.shape, bool)
    usable[150:160] = False
    usable[:, 0, 2] = True
    rules = MonitorRules()
    state = monitored(opened(stack, rules), stack[HISTORY:160], TIMES[HISTORY:160], usable=usable[HISTORY:160])
    told = [MONITOR_CODES[code] for code in reasons(state)[0].tolist()]
    assert told == ["paused", "paused", "change confirmed"]
    assert [MONITOR_CODES[c] for c in reasons(state, since=TIMES[155])[0].tolist()] == told
    assert MONITOR_CODES[int(reasons(state, since=TIMES[145])[0, 0])] == "ok"
    later = monitored(state, stack[160:], TIMES[160:])
    assert [MONITOR_CODES[c] for c in reasons(later)[0].tolist()][:2] == ["ok", "ok"]
    gone = monitored(state, stack[160:] * np.nan, TIMES[160:])
    assert MONITOR_CODES[reasons(gone, since=TIMES[160])[0, 0]] == "not seen"
    assert (state.seen[0, :2] == 30).all()


def test_pixels_without_a_model_keep_their_reason():
    stack = made((1, 3), gaps=0)
    stack[:, 0, 0] = np.nan
    stack[5:HISTORY, 0, 1] = np.nan
    state = monitored(opened(stack, MonitorRules(IQR)), stack[HISTORY:], TIMES[HISTORY:])
    assert [MONITOR_CODES[c] for c in reasons(state)[0].tolist()] == ["no data", "too few observations", "ok"]
    assert (state.seen[0, :2] == 0).all()
    short = opened_monitor(
        stack[:HISTORY, :, 2:], TIMES[:HISTORY], Season(0, trend=False), MonitorRules(), fit_rules=FitRules(min_count=2)
    )
    assert MONITOR_CODES[int(short.code[0, 0])] == "ok"
    few = stack[:HISTORY, :, 2:].copy()
    few[3:] = np.nan
    none = opened_monitor(few, TIMES[:HISTORY], Season(0, trend=False), MonitorRules(), fit_rules=FitRules(min_count=2))
    assert MONITOR_CODES[int(none.code[0, 0])] == "too few observations"


def test_a_critical_value_holds_for_its_period():
    times = dates(75)
    stack = stack_of(times, (1, 1), gaps=0)
    season = Season(0, trend=False)
    stack[:] = 0.5 + 0.01 * (-1.0) ** np.arange(75)[:, None, None]
    rules = MonitorRules(period=2, window=0.5)
    state = opened_monitor(stack[:30], times[:30], season, rules, fit_rules=PLAIN)
    assert MONITOR_CODES[int(reasons(monitored(state, stack[30:60], times[30:60]))[0, 0])] == "ok"
    assert MONITOR_CODES[int(reasons(monitored(state, stack[30:61], times[30:61]))[0, 0])] == "history too old"


def test_state_is_small_and_refuses_strangers():
    state = opened(made((2, 2)), MonitorRules())
    assert state.bytes_a_pixel() < 200
    told = state.to_dataset()
    equal(MonitorState.from_dataset(told), state)
    assert MonitorState.from_dataset(told).rules == state.rules
    assert MonitorState.from_dataset(told).season == SEASON
    rules = MonitorRules(EWMA, direction=FALL, clip=3.0, limit=2.5)
    assert MonitorRules.of(rules.told()) == rules
    with pytest.raises(InputError, match="lacks moving"):
        MonitorState.from_dataset(told.drop_vars("moving"))
    with pytest.raises(InputError, match="format 9"):
        MonitorState.from_dataset(told.assign_attrs(format=9))
    with pytest.raises(InputError, match="differ in shape"):
        MonitorState.from_dataset(told.drop_vars("sigma").assign(sigma=(("y", "z"), np.zeros((2, 3)))))


def test_dates_and_grids_that_do_not_follow_are_refused():
    stack = made((2, 2))
    state = opened(stack, MonitorRules())
    with pytest.raises(InputError, match="already seen"):
        monitored(state, stack[HISTORY - 1 :], TIMES[HISTORY - 1 :])
    with pytest.raises(InputError, match="different grids"):
        monitored(state, stack[HISTORY:, :1], TIMES[HISTORY:])
    with pytest.raises(InputError, match="ascending"):
        monitored(state, stack[HISTORY:], TIMES[HISTORY:][::-1])
    with pytest.raises(InputError, match="same model"):
        monitored(state, stack[HISTORY:], TIMES[HISTORY:], design=np.ones((80, 2)))
    with pytest.raises(InputError, match="wants one for each"):
        monitored(state, stack[HISTORY:], TIMES)
    equal(monitored(state, stack[:0], TIMES[:0]), state)


@pytest.mark.parametrize(
    "settings",
    [
        {"process": "shewhart"},
        {"direction": "down"},
        {"confirm": 0},
        {"magnitude_count": 2},
        {"weight": 0},
        {"limit": -1},
        {"clip": 0},
        {"level": 0.2},
        {"window": 0.3},
        {"period": 3},
        {"process": "cusum", "level": 1.2},
    ],
)
def test_impossible_rules_are_refused(settings):
    with pytest.raises(ConfigError, match=r"wants|known|windows"):
        MonitorRules(**settings)


def test_critical_values():
    assert cusum_critical_value(0.01) == pytest.approx(3.368214, abs=1e-6)
    assert cusum_critical_value(0.1) == pytest.approx(2.500278, abs=1e-6)
    assert mosum_critical_value(0.015) == pytest.approx((1.44823609 + 1.52164497) / 2)
    assert 0 < cusum_critical_value(0.99) < cusum_critical_value(0.9)
    for row in MOSUM_CRITICAL.values():
        assert list(row) == sorted(row)
    assert loss_direction("ndvi") == FALL
    assert loss_direction("bais2") == RISE


@pytest.mark.parametrize(("window", "period", "level"), [(0.25, 10, 0.05), (0.5, 4, 0.05), (1.0, 2, 0.01)])
def test_critical_values_are_those_of_a_simulation(window, period, level):
    """Brownian motion in steps of 1/400 histories crosses λ √(2 log₊ t) as often as told; steps make it a little rarer."""
    rng = np.random.default_rng(7)
    n, paths, crossed = 400, 4000, 0
    for _ in range(8):
        steps = rng.standard_normal((paths // 8, n * period)).astype(np.float32)
        steps -= steps[:, :n].mean(axis=1, keepdims=True)
        rules = MonitorRules(window=window, period=period, level=level)
        sides = process_sides(steps.astype(float), np.ones(len(steps)), n, rules)
        crossed += int((sides != 0).any(axis=1).sum())
    assert level / 1.45 < crossed / paths < level * 1.25


ALARM_TIMES = dates(220, 10)


@pytest.mark.parametrize(
    ("kind", "confirm", "trend"),
    [(MOSUM, 1, True), (MOSUM, 3, True), (CUSUM, 3, False), (EWMA, 3, False), (IQR, 1, True)],
)
def test_as_many_false_alarms_as_told(kind, confirm, trend):
    season = Season(2, trend, "2019-07-01")
    rules = MonitorRules(
        kind, confirm=confirm, direction=FALL if kind == EWMA else BOTH, clip=3 if kind == EWMA else None
    )
    told = expected_false_alarms(
        rules, season, ALARM_TIMES[:140], ALARM_TIMES[140:], Forest(clear_share=0.6), paths=8192
    )
    stack = stack_of(ALARM_TIMES, (90, 100), gaps=0.4, seed=11)
    state = opened_monitor(stack[:140], ALARM_TIMES[:140], season, rules, fit_rules=PLAIN)
    state = monitored(state, stack[140:], ALARM_TIMES[140:])
    observed = float((state.code == CODES["change confirmed"]).mean())
    stated = float(told.confirmed.sum()) * 400 / 1e9
    assert observed > 0.001
    assert stated / 1.5 < observed < stated * 1.5
    months = dates_of(state.days[1])[state.code == CODES["change confirmed"]].astype("datetime64[M]")
    half = told.months[len(told.months) // 2]
    early = told.confirmed[told.months < half].sum() / told.confirmed.sum()
    assert float((months < half).mean()) == pytest.approx(early, abs=0.12 if observed > 0.05 else 0.25)


def test_false_alarms_grow_with_correlation_and_shrink_with_pixels():
    season, rules = Season(1, trend=False), MonitorRules(confirm=1)
    given = (rules, season, ALARM_TIMES[:140], ALARM_TIMES[140:])
    white = expected_false_alarms(*given, Forest(clear_share=0.8), paths=2048)
    red = expected_false_alarms(*given, Forest(clear_share=0.8, autocorrelation=0.3), paths=2048)
    large = expected_false_alarms(*given, Forest(pixel_area_m2=900, clear_share=0.8), paths=2048)
    assert red.confirmed.sum() > 3 * white.confirmed.sum() > 0
    assert large.confirmed == pytest.approx(white.confirmed * 400 / 900)
    assert (white.departures == white.confirmed).all()
    assert (white.standard_error > 0).any()
    again = expected_false_alarms(*given, Forest(clear_share=0.8), paths=2048)
    assert np.array_equal(again.confirmed, white.confirmed)


def test_a_weighted_mean_alarms_as_often_as_its_markov_chain():
    """Chance that the mean of unit noise stays within its limits 20 times, by a Markov chain of 401 states."""
    rules = MonitorRules(EWMA, confirm=1)
    limit, weight = rules.critical, rules.weight
    edges = np.linspace(-limit, limit, 402)
    middle = (edges[1:] + edges[:-1]) / 2
    from scipy.stats import norm

    upper = norm.cdf((edges[None, 1:] - (1 - weight) * middle[:, None]) / weight)
    lower = norm.cdf((edges[None, :-1] - (1 - weight) * middle[:, None]) / weight)
    chain = upper - lower
    spread = np.sqrt(weight / (2 - weight))
    start = np.diff(norm.cdf(edges / spread))  # all paths, in the stationary law, those beyond the limits left out
    inside = float((start @ np.linalg.matrix_power(chain, 20)).sum()) / float(start.sum())
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((20000, 120))
    sides = process_sides(noise, np.ones(20000), 100, rules)
    before = process_sides(noise, np.ones(20000), 99, rules)[:, 0]
    assert float((sides[before == 0] == 0).all(axis=1).mean()) == pytest.approx(inside, abs=0.012)


def test_impossible_forests_and_histories_are_refused():
    with pytest.raises(ConfigError, match="share"):
        Forest(clear_share=0)
    with pytest.raises(InputError, match="longer history"):
        expected_false_alarms(MonitorRules(), SEASON, TIMES[:8], TIMES[8:], Forest(clear_share=0.5))


def test_regressors_of_ones_own():
    stack = made((1, 2), gaps=0, drop=0.3)
    design = SEASON.design(TIMES)
    fit = season_fit(stack[:HISTORY], design[:HISTORY])
    mine = begun_monitor(stack[:HISTORY], design[:HISTORY], MonitorRules(), fit)
    later = monitored(mine, stack[HISTORY:], np.arange(HISTORY, 200).astype("datetime64[D]"), design=design[HISTORY:])
    usual = monitored(opened(stack, MonitorRules()), stack[HISTORY:], TIMES[HISTORY:])
    assert np.array_equal(later.process, usual.process)
    assert np.array_equal(TIMES[later.days[0]], dates_of(usual.days[0]))
