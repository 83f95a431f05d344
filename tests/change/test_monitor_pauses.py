"""Monitors over long winters: what is barred leaves no trace, windows go on where they stood, and reasons say why."""

from __future__ import annotations

import numpy as np
import pytest
from made_series import SEASON, dates, stack_of

from habitat.change.monitoring.monitor_rules import CUSUM, EWMA, FALL, IQR, MOSUM, MonitorRules
from habitat.change.monitoring.monitor_state import dates_of
from habitat.change.monitoring.monitors import MONITOR_CODES, carry, change_layers, monitored, opened_monitor, reasons
from habitat.change.monitoring.season_model import FitRules

times = dates(250, 8, "2020-01-03")
PAST = times < np.datetime64("2024-01-01")
MONTH = times.astype("datetime64[M]").astype(int) % 12 + 1
LEAFY = (MONTH >= 4) & (MONTH <= 10)
"""Five months, November to March, are barred."""
RULES = MonitorRules(clip=5.0)


def winters(count=400, *, gaps=0.3):
    """Return a stack whose winters lie far beyond any boundary, and where it may be used."""
    stack = stack_of(times, (1, count), gaps=gaps)
    stack[~LEAFY] -= np.float32(0.5)
    return stack, np.broadcast_to(LEAFY[:, None, None], stack.shape).copy()


def opened(stack, usable, rules=RULES):
    return opened_monitor(stack[PAST], times[PAST], SEASON, rules, fit_rules=FitRules(), usable=usable[PAST])


def words(state, since=None):
    return [MONITOR_CODES[code] for code in reasons(state, since=since)[0].tolist()]


@pytest.mark.parametrize("kind", [MOSUM, CUSUM, EWMA, IQR])
def test_a_winter_that_is_barred_is_as_good_as_no_winter(kind):
    stack, usable = winters()
    rules = MonitorRules(kind, clip=5.0)
    state = opened(stack, usable, rules)
    through = monitored(state, stack[~PAST], times[~PAST], usable=usable[~PAST])
    summers = ~PAST & LEAFY
    around = opened_monitor(stack[PAST & LEAFY], times[PAST & LEAFY], SEASON, rules, fit_rules=FitRules())
    for t in np.flatnonzero(summers):
        carry(around, stack[t : t + 1], times[t : t + 1])
    for name in ("process", "moving", "quartiles", "code", "history", "seen", "run", "after", "filled"):
        assert np.array_equal(getattr(through, name), getattr(around, name)), name
    assert np.array_equal(through.days[:3], around.days[:3])
    assert (through.days[3] > around.days[3]).all()


def test_a_window_holds_its_latest_observations_over_the_winter():
    stack, usable = winters(50, gaps=0.0)
    state = opened(stack, usable)
    autumn = ~PAST & (times < np.datetime64("2024-11-01"))
    winter = (times >= np.datetime64("2024-11-01")) & (times < np.datetime64("2025-04-01"))
    before = monitored(state, stack[autumn], times[autumn], usable=usable[autumn])
    after = monitored(before, stack[winter], times[winter], usable=usable[winter])
    assert winter.sum() == 19
    assert np.array_equal(before.moving, after.moving)
    assert np.array_equal(before.process, after.process)
    assert np.array_equal(before.seen, after.seen)
    spring = np.flatnonzero(times >= np.datetime64("2025-04-01"))[:1]
    resumed = monitored(after, stack[spring], times[spring], usable=usable[spring])
    residual = stack[spring[0], 0] - SEASON.design(times[spring])[0] @ state.coefficients[:, 0].astype(float)
    size = (RULES.window * state.history[0]).astype(int)
    oldest = before.moving[before.seen[0] % size, 0, np.arange(50)]
    watched = after.code[0] == 0
    moved = (resumed.process - before.process)[0]
    assert moved[watched] == pytest.approx((residual - oldest)[watched], abs=1e-6)


def test_reasons_of_a_winter():
    stack, usable = winters(3, gaps=0.0)
    stack[:, 0, 2] = np.where(MONTH == 12, np.nan, stack[:, 0, 2])
    state = opened(stack, usable)
    dark = np.isin(times.astype("datetime64[M]"), np.array(["2024-11", "2024-12"], "datetime64[M]"))
    until = ~PAST & (times < np.datetime64("2025-01-01"))
    winter = monitored(state, stack[until], times[until], usable=usable[until])
    assert dark.sum() == 8
    assert words(winter) == ["paused"] * 3
    # In December nothing was clear of the third pixel; in both months together what was clear was barred.
    assert words(winter, "2024-12-01") == ["paused", "paused", "not seen"]
    assert words(winter, "2024-11-01") == ["paused"] * 3
    spring = (times >= np.datetime64("2025-01-01")) & (times < np.datetime64("2025-05-01"))
    assert words(monitored(winter, stack[spring], times[spring], usable=usable[spring]), "2025-04-01") == ["ok"] * 3


def test_a_forest_felled_in_winter_is_dated_by_the_first_looks_of_spring():
    stack, usable = winters(60, gaps=0.0)
    stack[times >= np.datetime64("2025-01-10")] -= np.float32(0.4)
    until = ~PAST & (times < np.datetime64("2025-06-15"))
    found = monitored(opened(stack, usable), stack[until], times[until], usable=usable[until])
    first, confirmed = dates_of(found.days[0])[0], dates_of(found.days[1])[0]
    looks = times[LEAFY & (times >= np.datetime64("2025-04-01"))]
    held = confirmed >= looks[0]
    assert held.mean() > 0.9
    # A moving sum has to fill before it leaves its boundary: within the first looks, none of them of winter.
    assert (first[held] >= looks[0]).mean() > 0.9
    assert (confirmed[held] <= looks[7]).mean() > 0.8
    assert (change_layers(found).direction.values[0][held] == -1).all()


def test_a_departure_waits_over_the_winter_for_its_confirmation():
    stack, usable = winters(40, gaps=0.0)
    late = np.flatnonzero(LEAFY & ~PAST & (times < np.datetime64("2025-01-01")))[-2:]
    spring = np.flatnonzero(LEAFY & (times >= np.datetime64("2025-04-01")))
    stack[late] -= np.float32(0.4)
    back, gone = stack.copy(), stack.copy()
    gone[spring] -= np.float32(0.4)
    back[spring] += np.float32(0.05)
    rules = MonitorRules(IQR, direction=FALL)
    for values, told in ((gone, "change confirmed"), (back, "ok")):
        until = ~PAST & (times <= times[spring[0]])
        winter = ~PAST & (times < times[spring[0]])
        waiting = monitored(opened(values, usable, rules), values[winter], times[winter], usable=usable[winter])
        quiet = (waiting.run[0] == -2) & (waiting.code[0] == 0)
        assert quiet.mean() > 0.9
        state = monitored(opened(values, usable, rules), values[until], times[until], usable=usable[until])
        assert {words(state)[i] for i in np.flatnonzero(quiet)} == {told}
        first = dates_of(state.days[0])[0][quiet]
        assert (first == times[late[0]]).all() if told == "change confirmed" else np.isnat(first).all()
