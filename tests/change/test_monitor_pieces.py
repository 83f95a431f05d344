"""Pieces of the pixels: every one is worked once, errors come out, and threads and single dates change no bit."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from made_series import SEASON, dates, stack_of

from habitat.change.monitoring.monitor_rules import MonitorRules
from habitat.change.monitoring.monitors import carry, monitored, opened_monitor
from habitat.change.monitoring.season_kernels import BLOCK
from habitat.change.monitoring.season_model import FitRules, run_pieces


@pytest.mark.parametrize(
    ("pixels", "workers", "most"), [(0, 2, 0), (1, 2, 1), (9000, 1, 1), (9000, 2, 2), (99000, 3, 12)]
)
def test_pieces_cover_all_pixels_once(pixels, workers, most):
    pieces, lock = [], threading.Lock()

    def work(piece):
        with lock:
            pieces.append(piece)

    run_pieces(work, pixels, workers)
    assert len(pieces) == most
    ends = sorted(pieces)
    assert [first for first, _ in ends] == [0, *(end for _, end in ends[:-1])][: len(ends)]
    assert not ends or ends[-1][1] == pixels
    assert all(first % BLOCK == 0 for first, _ in ends)


def test_an_error_of_a_thread_comes_out():
    def work(piece):
        if piece[0]:
            raise ValueError(f"at {piece[0]}")

    with pytest.raises(ValueError, match="at "):
        run_pieces(work, 40_000, 2)


def test_threads_and_single_dates_change_no_bit():
    times = dates(90, 12)
    stack = stack_of(times, (3, 3000))
    stack[70:] -= np.float32(0.08)
    rules = MonitorRules(confirm=2, clip=4.0)
    one = opened_monitor(stack[:60], times[:60], SEASON, rules, fit_rules=FitRules(), workers=1)
    many = opened_monitor(stack[:60], times[:60], SEASON, rules, fit_rules=FitRules(), workers=3)
    whole = monitored(one, stack[60:], times[60:], workers=1)
    for t in range(60, 90):
        carry(many, stack[t : t + 1], times[t : t + 1], workers=3)
    assert (whole.code == 6).any()
    for mine, theirs in zip(whole.arrays(), many.arrays(), strict=True):
        assert np.array_equal(mine, theirs, equal_nan=True)
