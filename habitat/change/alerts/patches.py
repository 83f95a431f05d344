"""Patches: changed pixels that touch and changed at about the same time, and names that stay with them for months."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numba import njit
from numpy.typing import NDArray

from habitat.contracts.errors import InputError

NO_DAY = -32768
"""Code of an unknown day: such a pixel joins any neighbour."""
_CRUMBS = 3
"""Times as many days as between neighbours may lie between a crumb and the patch it joins."""


def change_patches(
    changed: NDArray[np.bool_], days: NDArray[np.int16], *, within_days: int, least_pixels: int = 1
) -> NDArray[np.int32]:
    """Label changed pixels that touch, at a side or a corner, and changed within so many days of each other.

    A fire that runs on for weeks and a felling that eats its way through a slope stay one patch, link by link; a
    felling beside a scar of last autumn becomes its own. Crumbs, of fewer than `least_pixels`, then join the patch that
    most of their touching pixels belong to, if their median days lie within three times as many: edges of a change,
    which are weaker, and places behind a cloud are seen to depart later. Crumbs join no crumbs, so that they never link
    two patches. Needs four bytes a pixel.

    Parameters
    ----------
    changed : bool (y, x)
        Pixels to be joined.
    days : int16 (y, x)
        Day of the first departure; -32768 unknown, which joins any neighbour.
    within_days : int
        Most days between neighbours of one patch.
    least_pixels : int
        Patches of fewer pixels are crumbs.

    Returns
    -------
    int32 (y, x)
        0 where nothing changed; patches from 1 in the order of their first pixels, row by row.

    Raises
    ------
    InputError
        If the arrays have different shapes, or days are negative.

    Examples
    --------
    >>> days = np.array([[10, 20, 90], [0, 0, 100]], np.int16)
    >>> change_patches(days > 0, days, within_days=30).tolist()
    [[1, 1, 2], [0, 0, 2]]
    """
    if changed.ndim != 2 or changed.shape != days.shape:
        raise InputError(f"changed is {changed.shape}, days {days.shape}; wants one shape (y, x)")
    if within_days < 0:
        raise InputError(f"within_days is {within_days}, wants 0 or more")
    labels: NDArray[np.int32] = _patches(
        np.ascontiguousarray(changed), np.ascontiguousarray(days.astype(np.int16)), int(within_days)
    )
    return labels if least_pixels <= 1 else _without_crumbs(labels, days, _CRUMBS * within_days, least_pixels)


def _without_crumbs(
    labels: NDArray[np.int32], days: NDArray[np.int16], within: int, least_pixels: int
) -> NDArray[np.int32]:
    """Join crumbs to the patches beside them, and number what is left anew in the same order."""
    sizes = np.bincount(labels.ravel())
    crumb = sizes < least_pixels
    order = np.flatnonzero((labels > 0).ravel() & (days != NO_DAY).ravel())
    middle = pd.Series(days.ravel()[order]).groupby(labels.ravel()[order]).median().reindex(np.arange(len(sizes)))
    contacts = [_contacts(labels, *shift) for shift in ((0, 1), (1, -1), (1, 0), (1, 1))]
    pairs = np.concatenate([*contacts, *(one[:, ::-1] for one in contacts)])
    pairs = pairs[crumb[pairs[:, 0]] & ~crumb[pairs[:, 1]]]
    apart = np.abs(middle.to_numpy()[pairs[:, 0]] - middle.to_numpy()[pairs[:, 1]])
    found, counts = np.unique(pairs[~(apart > within)], axis=0, return_counts=True)
    target = np.arange(len(sizes))
    # The last write wins: most contacts last, and of equals the lower patch.
    for place in np.lexsort((-found[:, 1], counts)):
        target[found[place, 0]] = found[place, 1]
    joined = target[labels]
    left, first = np.unique(joined[labels > 0], return_index=True)
    number = np.zeros(len(sizes), np.int32)
    number[left[np.argsort(first)]] = np.arange(1, len(left) + 1)
    return np.asarray(number[joined], np.int32)


def _contacts(labels: NDArray[np.int32], down: int, right: int) -> NDArray[np.int32]:
    """Return the pairs (n, 2) of different patches one step apart."""
    rows, columns = labels.shape
    one = labels[: rows - down, max(-right, 0) : columns - max(right, 0)]
    other = labels[down:, max(right, 0) : columns + min(right, 0)]
    touch = (one > 0) & (other > 0) & (one != other)
    return np.stack([one[touch], other[touch]], axis=1)


@njit(nogil=True, cache=True)
def _root(parent: Any, one: int) -> int:
    top = one
    while parent[top] != top:
        top = parent[top]
    while parent[one] != top:
        parent[one], one = top, parent[one]
    return top


@njit(nogil=True, cache=True)
def _one_event(day: int, other: int, within: int) -> bool:
    return bool(day == NO_DAY or other == NO_DAY or abs(np.int64(day) - np.int64(other)) <= within)


@njit(nogil=True, cache=True)
def _patches(changed: Any, days: Any, within: int) -> Any:
    rows, columns = changed.shape
    labels = np.zeros((rows, columns), np.int32)
    parent = np.zeros(int(changed.sum()) + 1, np.int32)
    n = 0
    for y in range(rows):
        for x in range(columns):
            if not changed[y, x]:
                continue
            n += 1
            parent[n] = n
            labels[y, x] = n
            for k in range(4):
                # West, north-west, north, north-east: what lies before in reading order.
                i, j = (y, x - 1) if k == 0 else (y - 1, x + k - 2)
                if i < 0 or j < 0 or j >= columns or labels[i, j] == 0:
                    continue
                if _one_event(days[y, x], days[i, j], within):
                    # The lower number stays the root, so patches come out in the order of their first pixels.
                    one, other = _root(parent, labels[i, j]), _root(parent, n)
                    parent[max(one, other)] = min(one, other)
    return _settled(labels, parent, n)


@njit(nogil=True, cache=True)
def _settled(labels: Any, parent: Any, n: int) -> Any:
    """Write final numbers, in the order of first pixels."""
    final = np.zeros(n + 1, np.int32)
    count = 0
    for k in range(1, n + 1):
        top = _root(parent, k)
        if top == k:
            count += 1
            final[k] = count
        else:
            final[k] = final[top]
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            labels[y, x] = final[labels[y, x]]
    return labels


def shared_pixels(labels: NDArray[np.int32], numbers: NDArray[np.uint32]) -> dict[tuple[int, int], int]:
    """Count the pixels that each patch shares with each numbered alert.

    Examples
    --------
    >>> shared_pixels(np.array([[1, 1, 2]], np.int32), np.array([[7, 0, 7]], np.uint32))
    {(1, 7): 1, (2, 7): 1}
    """
    both = (labels > 0) & (numbers > 0)
    pairs, counts = np.unique(np.stack([labels[both], numbers[both]]).astype(np.int64), axis=1, return_counts=True)
    return {(int(one), int(other)): int(n) for (one, other), n in zip(pairs.T, counts, strict=True)}


class Named(NamedTuple):
    """Names of patches, and what became of earlier ones."""

    ids: list[str]
    """Name of each patch, in order."""
    formerly: list[tuple[str, ...]]
    """Other earlier alerts each patch holds a part of: it swallowed them, or was split off."""
    gone: list[str]
    """Earlier alerts that no patch overlaps."""


def named_patches(
    overlaps: Mapping[tuple[int, str], int],
    patches: Sequence[int],
    earlier: Sequence[str],
    month: str,
    *,
    ended: Collection[str] = (),
) -> Named:
    """Names of patches that stay the same from month to month.

    A patch that overlaps an earlier alert keeps its name. Where several do, the largest overlap decides (then the
    earlier name, then the lower patch): of alerts that merged one name stays, of one that was split one part keeps it;
    all others are told in `Named.formerly`. New patches get the month and a running number.

    Parameters
    ----------
    overlaps : mapping of (patch, name) to int
        Pixels that a patch shares with an earlier alert.
    patches : sequence of int
        Patches to name, in the order of their numbers.
    earlier : sequence of str
        All earlier alerts.
    month : str
        As it stands in new names: ``2025-05``.
    ended : collection of str
        Earlier alerts whose name no patch takes over, for they are of a monitoring that is over; a patch on their
        ground is another event, and tells them in `Named.formerly`.

    Examples
    --------
    >>> named = named_patches({(1, "2025-04-0002"): 9, (2, "2025-04-0002"): 4}, [1, 2, 3], ["2025-04-0002"], "2025-05")
    >>> named.ids, named.formerly
    (['2025-04-0002', '2025-05-0001', '2025-05-0002'], [(), ('2025-04-0002',), ()])
    """
    kept: dict[int, str] = {}
    wanted = set(patches)
    pairs = sorted((-pixels, name, patch) for (patch, name), pixels in overlaps.items() if pixels and patch in wanted)
    taken: set[str] = set()
    for _, name, patch in pairs:
        if patch not in kept and name not in taken and name not in ended:
            kept[patch] = name
            taken.add(name)
    used = [int(name.rpartition("-")[2]) for name in earlier if name.startswith(f"{month}-")]
    number = max(used, default=0)
    ids = []
    for patch in patches:
        if patch not in kept:
            number += 1
            kept[patch] = f"{month}-{number:04d}"
        ids.append(kept[patch])
    touched: dict[int, list[str]] = {patch: [] for patch in patches}
    for _, name, patch in pairs:
        if kept[patch] != name:
            touched[patch].append(name)
    seen = {name for _, name, _ in pairs}
    return Named(ids, [tuple(sorted(touched[patch])) for patch in patches], [one for one in earlier if one not in seen])
