"""The season's state machine once more, written as one reads it, for one cell."""

from __future__ import annotations


def states_of(rule, gaps, favours, complete):
    """Yield (state, what restarts) of each day; `favours` holds 'start', 'stop', '' or None (unknown)."""
    phase, runs, waiting, gap, unsettled = "before", {"start": 0, "stop": 0}, False, 0, 0
    for today, whole in zip(favours, complete, strict=True):
        if rule.today_counts:
            runs = counted(runs, today)
        if phase != "in" and runs["start"] >= rule.start_days:
            phase, waiting, gap, unsettled = "in", True, 0, 0
        elif phase == "in" and runs["stop"] >= rule.stop_days:
            phase = "after"
        if not rule.today_counts:
            runs = counted(runs, today)
        if phase != "in":
            yield ("missing" if today is None else {"before": "not-started", "after": "off-season"}[phase]), ()
            continue
        if not whole:
            gap += 1
            yield "missing", ()
            continue
        again = ()
        if waiting:
            again = ("start",)
        elif gap > gaps.bridge_days:
            lags = {"ffmc": gaps.bridge_days, "dmc": gaps.dmc_days, "dc": gaps.dc_days}
            again = tuple(name for name, lag in lags.items() if gap > lag)
            unsettled = min(gap, gaps.dc_days)
        waiting, gap = False, 0
        yield ("settling" if unsettled else "in-season"), again
        unsettled = max(unsettled - 1, 0)


def counted(runs, today):
    if today is None:
        return runs
    return {way: runs[way] + 1 if today == way else 0 for way in runs}
