"""Terrain: slopes, directions and ruggedness of shapes whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.errors import GridMismatch
from habitat.terrain import aspect, block_mean, eastness, northness, relief, rises, ruggedness, slope


def plane(east: float, north: float, *, shape=(7, 8), step=30.0):
    """Return heights that rise by so much per metre towards the east and the north."""
    rows, columns = shape
    return east * np.arange(columns) * step + north * (rows - 1 - np.arange(rows))[:, None] * step


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_a_plane_has_its_own_rises_inside(east, north):
    found = rises(plane(east, north), 30.0)
    assert np.allclose(found[0][1:-1, 1:-1], east, atol=1e-5)
    assert np.allclose(found[1][1:-1, 1:-1], north, atol=1e-5)


@pytest.mark.parametrize(
    ("east", "north", "towards"),
    [(1, 0, 270), (-1, 0, 90), (0, 1, 180), (0, -1, 0), (1, 1, 225), (-1, 1, 135)],
)
def test_aspect_is_where_the_ground_falls(east, north, towards):
    assert aspect(plane(east, north), 30.0)[3, 3] == pytest.approx(towards, abs=1e-3)


def test_level_ground_has_no_aspect_and_no_slope():
    flat = np.full((4, 4), 12.0)
    assert np.isnan(aspect(flat, 10.0)).all()
    assert (slope(flat, 10.0) == 0).all()
    assert (northness(flat, 10.0) == 0).all()
    assert (eastness(flat, 10.0) == 0).all()


def test_a_slope_of_one_in_one_is_half_a_right_angle():
    assert slope(plane(0, 1), 30.0)[3, 3] == pytest.approx(45, abs=1e-4)
    # Falls to the south: sine of 45 degrees, away from north.
    assert northness(plane(0, 1), 30.0)[3, 3] == pytest.approx(-np.sqrt(0.5), abs=1e-6)
    assert eastness(plane(0, 1), 30.0)[3, 3] == pytest.approx(0, abs=1e-6)


def test_unknown_ground_makes_its_neighbours_unknown_and_no_others():
    heights = plane(1, 0)
    heights[3, 3] = np.nan
    unknown = np.isnan(slope(heights, 30.0))
    assert unknown[2:5, 2:5].sum() >= 8
    assert not unknown[0].any()
    assert np.isnan(ruggedness(heights))[2:5, 2:5].all()


def test_ruggedness_of_a_step():
    # Three of eight neighbours of a pixel at the foot of a wall lie 4 m higher: 12 / 8.
    wall = np.zeros((5, 6))
    wall[:, 3:] = 4
    assert ruggedness(wall)[2].tolist() == [0, 0, 1.5, 1.5, 0, 0]


def test_ridges_stand_above_and_valleys_below():
    ridge = -np.abs(np.arange(11) - 5.0)[None, :] * np.ones((11, 1))
    assert relief(ridge, 10.0, radius_m=30.0)[5, 5] > 0
    assert relief(-ridge, 10.0, radius_m=30.0)[5, 5] < 0
    ridge[0, 0] = np.nan
    found = relief(ridge, 10.0, radius_m=30.0)
    assert np.isnan(found[0, 0])
    assert np.isfinite(found).sum() == found.size - 1


def test_block_means_leave_out_what_is_unknown():
    values = np.array([[1.0, 2.0, np.nan, np.nan], [3.0, np.nan, np.nan, np.nan]])
    assert np.array_equal(block_mean(values, 2), np.array([[2.0, np.nan]], np.float32), equal_nan=True)


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(GridMismatch, match="blocks of 3"):
        block_mean(np.zeros((4, 6)), 3)
    with pytest.raises(GridMismatch, match="3 dimensions"):
        slope(np.zeros((1, 4, 4)), 10.0)
