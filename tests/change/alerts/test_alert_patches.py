"""Patches: neighbours in space and time, labels in order, and names over merges, splits and months."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import ndimage

from habitat.change.alerts.patches import NO_DAY, change_patches, named_patches, shared_pixels
from habitat.contracts.errors import InputError


def test_corners_touch_and_dates_part():
    days = np.array([[10, 0, 80], [0, 40, 0], [95, 0, 41]], np.int16)
    # 10 and 40 are thirty days apart, 40 and 80 forty, 40 and 95 more.
    assert change_patches(days > 0, days, within_days=30).tolist() == [[1, 0, 2], [0, 1, 0], [3, 0, 1]]
    assert change_patches(days > 0, days, within_days=40).tolist() == [[1, 0, 1], [0, 1, 0], [2, 0, 1]]


def test_a_chain_holds_what_its_ends_would_not():
    days = np.array([[0, 25, 50, 75]], np.int16)
    assert change_patches(np.ones((1, 4), bool), days, within_days=25).tolist() == [[1, 1, 1, 1]]
    assert change_patches(np.ones((1, 4), bool), days, within_days=24).tolist() == [[1, 2, 3, 4]]


def test_crumbs_join_what_they_touch_most_and_link_nothing():
    days = np.array(
        [
            [10, 10, 10, 60, 60, 90, 90, 90],
            [10, 10, 45, 0, 0, 90, 90, 90],
            [0, 0, 0, 0, 0, 0, 0, 0],
            [10, 10, 0, 0, 0, 0, 0, 200],
        ],
        np.int16,
    )
    told = change_patches(days > 0, days, within_days=20, least_pixels=4)
    # 45 and 60 are one crumb of three pixels with median 60: fifty days from 10, which it touches at six places, and
    # thirty from 90, which it touches at two. What touches nothing stays what it is.
    assert told[0].tolist() == [1, 1, 1, 1, 1, 2, 2, 2]
    assert told[1].tolist() == [1, 1, 1, 0, 0, 2, 2, 2]
    assert told[3].tolist() == [3, 3, 0, 0, 0, 0, 0, 4]
    # Within three times 16 days only the later one is near enough.
    assert change_patches(days > 0, days, within_days=16, least_pixels=4)[0].tolist() == [1, 1, 1, 2, 2, 2, 2, 2]


def test_an_unknown_day_joins_anything():
    days = np.array([[10, NO_DAY, 200]], np.int16)
    assert change_patches(np.ones((1, 3), bool), days, within_days=5).tolist() == [[1, 1, 1]]


def test_a_patch_that_closes_from_below_is_one():
    shape = np.array([[1, 0, 1], [1, 0, 1], [1, 1, 1]], bool)
    assert change_patches(shape, np.ones((3, 3), np.int16), within_days=0).tolist() == shape.astype(int).tolist()


@given(some.integers(0, 2**31 - 1))
def test_without_dates_these_are_connected_components(seed):
    shape = np.random.default_rng(seed).random((13, 17)) < 0.45
    ours = change_patches(shape, np.zeros(shape.shape, np.int16), within_days=0)
    theirs, count = ndimage.label(shape, np.ones((3, 3)))
    assert ours.max(initial=0) == count
    pairs = np.unique(np.stack([ours.ravel(), theirs.ravel()]), axis=1)
    assert pairs.shape[1] == count + 1 if (~shape).any() else count
    firsts = [np.flatnonzero(ours.ravel() == label)[0] for label in range(1, count + 1)]
    assert firsts == sorted(firsts)


def test_nothing_changed():
    assert not change_patches(np.zeros((3, 4), bool), np.zeros((3, 4), np.int16), within_days=5).any()


def test_shared_pixels():
    labels, numbers = np.array([[1, 1, 2, 0]], np.int32), np.array([[5, 5, 0, 5]], np.uint32)
    assert shared_pixels(labels, numbers) == {(1, 5): 2}
    assert shared_pixels(labels, np.zeros((1, 4), np.uint32)) == {}


A, B = "2025-04-0001", "2025-04-0002"


def test_a_merge_keeps_the_name_of_the_larger_part():
    named = named_patches({(7, A): 3, (7, B): 9}, [7], [A, B], "2025-05")
    assert (named.ids, named.formerly, named.gone) == ([B], [(A,)], [])


def test_a_split_keeps_the_name_in_the_larger_part():
    named = named_patches({(1, A): 3, (2, A): 9}, [1, 2], [A], "2025-05")
    assert (named.ids, named.formerly) == (["2025-05-0001", A], [(A,), ()])


def test_merge_and_split_at_once_use_every_name_once():
    # The largest overlap decides first: B goes to 1, then A to 2 although 1 holds more of it.
    named = named_patches({(1, A): 8, (1, B): 9, (2, A): 2}, [1, 2, 3], [A, B], "2025-05")
    assert named.ids == [B, A, "2025-05-0001"]
    assert named.formerly == [(A,), (), ()]


def test_new_numbers_go_on_after_those_of_the_month():
    named = named_patches({}, [4, 9], ["2025-05-0007", "2025-04-0099"], "2025-05")
    assert (named.ids, named.gone) == (["2025-05-0008", "2025-05-0009"], ["2025-05-0007", "2025-04-0099"])


def test_what_has_ended_leaves_its_name_behind():
    named = named_patches({(1, A): 9}, [1], [A], "2026-01", ended=[A])
    assert (named.ids, named.formerly) == (["2026-01-0001"], [(A,)])


def test_refusals():
    with pytest.raises(InputError, match="one shape"):
        change_patches(np.zeros((2, 2), bool), np.zeros((2, 3), np.int16), within_days=1)
    with pytest.raises(InputError, match="0 or more"):
        change_patches(np.zeros((2, 2), bool), np.zeros((2, 2), np.int16), within_days=-1)
