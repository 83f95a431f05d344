"""Threads: answers in order, and nobody at work any more when an error comes out."""

from __future__ import annotations

import threading

import pytest

from habitat.sources.scenes.threads import in_threads


def test_answers_come_in_the_order_of_the_things():
    assert in_threads(lambda x: -x, range(50), workers=3) == [-x for x in range(50)]
    assert in_threads(lambda x: x, [], workers=2) == []


def test_an_error_waits_for_those_at_work():
    begun, failing = threading.Event(), threading.Event()
    finished = []

    def work(thing):
        if thing == "slow":
            begun.set()
            failing.wait(10)
            # Long after the other has raised: had nobody waited, this list would still be empty.
            finished.append(sum(range(3_000_000)))
        else:
            begun.wait(10)
            failing.set()
            raise RuntimeError("torn")

    with pytest.raises(RuntimeError, match="torn"):
        in_threads(work, ["slow", "bad"], workers=2)
    assert len(finished) == 1
