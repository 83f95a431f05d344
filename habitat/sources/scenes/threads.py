"""Threads: one dask task a tile or scene, on as many threads as there are workers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, TypeVar

import dask

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")

# dask says nothing of the types of its functions.
_dask: Any = dask


def in_threads(work: Callable[[Thing], Answer], things: Iterable[Thing], workers: int) -> list[Answer]:
    """Return the answers for all things in their order; the first error ends the work and is raised.

    Reading, decoding and our kernels let go of Python's lock, so threads are enough and share what is read.
    When it returns, or raises, no thread works on any of the things any more: what they used may be closed.

    Examples
    --------
    >>> in_threads(lambda x: x * x, [1, 2, 3], workers=2)
    [1, 4, 9]
    """
    running = _Running()

    def guarded(thing: Thing) -> Answer:
        with running:
            return work(thing)

    task = _dask.delayed(guarded, pure=False, traverse=False)
    try:
        answers = _dask.compute(*(task(thing) for thing in things), scheduler="threads", num_workers=workers)
    except BaseException:
        running.stop()
        raise
    return list(answers)


def told_in_threads(
    work: Callable[[Thing], Answer], things: Sequence[Thing], workers: int, tell: Callable[[int, int], None]
) -> list[Answer]:
    """Work as `in_threads`, and tell after each thing how many are done and how many there are.

    Examples
    --------
    >>> told_in_threads(lambda x: x * x, [2, 3], 1, lambda done, total: print(done, "of", total))
    0 of 2
    1 of 2
    2 of 2
    [4, 9]
    """
    lock, total = threading.Lock(), len(things)
    done: list[int] = []
    tell(0, total)

    def counted(thing: Thing) -> Answer:
        answer = work(thing)
        with lock:
            done.append(1)
            tell(len(done), total)
        return answer

    return in_threads(counted, things, workers)


class _Stopped(Exception):
    """A task was not begun because another has failed; nobody sees this."""


class _Running:
    """Counts the tasks at work: dask raises the first error while others still run."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._active = 0
        self._stopped = False

    def __enter__(self) -> None:
        with self._changed:
            if self._stopped:
                raise _Stopped
            self._active += 1

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._active -= 1
            self._changed.notify_all()

    def stop(self) -> None:
        """Let no further task begin, and wait for those at work."""
        with self._changed:
            self._stopped = True
            self._changed.wait_for(lambda: self._active == 0)
