"""Borders: what a fence, its gates and a closed border cost the connection of forest, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from habitat.forest.fragmentation import border_cost, components

WEST_AND_EAST = np.repeat([[1, 1, 1, 1, 2, 2]], 5, axis=0)


def fence(*gates):
    """Two pixels wide line of the map, at column 4, with gaps."""
    line = np.zeros((5, 6), bool)
    line[:, 4] = True
    line[list(gates), 4] = False
    return line


def test_a_closed_border_costs_what_lies_behind_it():
    found = border_cost(np.ones((5, 6), bool), WEST_AND_EAST, 100.0)
    assert found.joint.largest_ha == 30.0
    assert found.joint.largest_share == 1.0
    assert found.joint.mesh_ha == pytest.approx(30.0)
    assert found.cut.largest_ha == 20.0
    assert found.border_cost == pytest.approx(1 / 3)
    assert found.cut.mesh_ha == pytest.approx((20**2 + 10**2) / 30)
    assert found.barred == found.joint
    assert found.barrier_cost == 0.0
    assert {code: part.largest_share for code, part in found.countries.items()} == {1: 1.0, 2: 1.0}
    assert found.in_joint == {1: 1.0, 2: 1.0}


def test_a_fence_costs_unless_a_gate_is_open():
    forest = np.ones((5, 6), bool)
    closed = border_cost(forest, WEST_AND_EAST, 100.0, barrier=fence())
    # West has 20 ha, the fence lies on 5 ha of the east and leaves it 5 ha.
    assert closed.barred.forest_ha == 30.0
    assert closed.barred.largest_ha == 20.0
    assert closed.barrier_cost == pytest.approx(1 / 3)
    assert closed.in_barred == {1: 1.0, 2: 0.0}
    gated = border_cost(forest, WEST_AND_EAST, 100.0, barrier=fence(2))
    # Only what lies under the fence is lost.
    assert gated.barred.largest_ha == 26.0
    assert gated.barrier_cost == pytest.approx(4 / 30)
    assert gated.in_barred == {1: 1.0, 2: pytest.approx(6 / 10)}


def test_a_fence_that_touches_at_corners_is_closed():
    slope = np.eye(6, dtype=bool)[:, ::-1]
    forest = np.ones((6, 6), bool)
    for neighbours in (4, 8):
        parts = components(forest, unknown=0, neighbours=neighbours, barrier=slope)
        assert parts.max() == 2
        assert (parts == 0).tolist() == slope.tolist()
    open_gate = slope.copy()
    open_gate[2, 3] = False
    assert components(forest, unknown=0, barrier=open_gate).max() == 1


def test_forest_of_a_country_may_hang_together_through_the_other():
    # The west is two stands that only the east connects.
    forest = np.array([[1, 1, 1, 1], [0, 0, 0, 1], [1, 1, 1, 1]], bool)
    country = np.array([[1, 1, 1, 2]] * 3)
    found = border_cost(forest, country, 100.0, neighbours=4)
    assert found.joint.largest_share == 1.0
    assert found.countries[1].largest_share == 0.5
    assert found.countries[1].mesh_ha == pytest.approx(3.0)
    assert found.in_joint == {1: 1.0, 2: 1.0}
    assert found.cut.largest_ha == 3.0


def test_no_forest_and_no_country():
    empty = border_cost(np.zeros((2, 2), bool), np.array([[1, 1], [2, 2]]), 10.0)
    assert empty.joint.forest_ha == empty.joint.largest_ha == 0.0
    assert np.isnan(empty.joint.largest_share)
    assert np.isnan(empty.in_joint[1])
    nobodys = border_cost(np.ones((1, 3), bool), np.array([[0, 1, 1]]), 100.0)
    assert nobodys.joint.forest_ha == 3.0
    assert list(nobodys.countries) == [1]
    assert nobodys.countries[1].forest_ha == 2.0


@settings(max_examples=60)
@given(arrays(bool, (6, 7)), arrays(np.uint8, (6, 7), elements=st.integers(0, 2)), arrays(bool, (6, 7)))
def test_what_is_closed_never_connects_more(forest, country, barrier):
    found = border_cost(forest, country, 10.0, barrier=barrier)
    if forest.any():
        assert 0 <= found.barrier_cost <= 1
        assert 0 <= found.border_cost <= 1
        assert found.barred.mesh_ha <= found.joint.mesh_ha + 1e-12
        assert found.cut.mesh_ha <= found.joint.mesh_ha + 1e-12
    told = sum(part.forest_ha for part in found.countries.values())
    assert told == pytest.approx((forest & (country > 0)).sum() * 0.01)


def test_rasters_that_do_not_fit_are_refused():
    forest = np.ones((2, 2), bool)
    with pytest.raises(ValueError, match="use one grid"):
        border_cost(forest, np.ones((2, 3), int), 10.0)
    with pytest.raises(ValueError, match=r"from 1 to 200, wants 0"):
        border_cost(forest, np.array([[1, 1], [200, 1]]), 10.0)
    with pytest.raises(ValueError, match="draw it on the same grid"):
        border_cost(forest, np.ones((2, 2), int), 10.0, barrier=np.ones((1, 2), bool))
