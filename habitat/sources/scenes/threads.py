"""Threads: one dask task a tile or scene, on as many threads as there are workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import dask

Thing = TypeVar("Thing")
Answer = TypeVar("Answer")

# dask says nothing of the types of its functions.
_dask: Any = dask


def in_threads(work: Callable[[Thing], Answer], things: Iterable[Thing], workers: int) -> list[Answer]:
    """Return the answers for all things in their order; the first error ends the work and is raised.

    Reading, decoding and our kernels let go of Python's lock, so threads are enough and share what is read.

    Examples
    --------
    >>> in_threads(lambda x: x * x, [1, 2, 3], workers=2)
    [1, 4, 9]
    """
    task = _dask.delayed(work, pure=False, traverse=False)
    answers = _dask.compute(*(task(thing) for thing in things), scheduler="threads", num_workers=workers)
    return list(answers)
