"""Grids: snapped outward, whole pixels, tiles that cover once, and every malformed grid refused with a reason."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

from habitat.contracts.errors import ConfigError
from habitat.contracts.grid import Grid, Tile, check_metre_crs

UTM = "EPSG:32652"
GRID = Grid(UTM, 20.0, (600000.0, 4800000.0, 600100.0, 4800060.0))


def test_shape_transform_and_centres_by_hand():
    assert GRID.shape == (3, 5)  # 60 m / 20 m rows, 100 m / 20 m columns
    assert tuple(GRID.transform)[:6] == (20.0, 0.0, 600000.0, 0.0, -20.0, 4800060.0)
    assert GRID.coords["y"].tolist() == [4800050.0, 4800030.0, 4800010.0]
    assert GRID.coords["x"].tolist() == [600010.0, 600030.0, 600050.0, 600070.0, 600090.0]
    # The transform leads from the centre of the last pixel to its coordinates.
    assert GRID.transform.c + 4.5 * GRID.transform.a == 600090.0
    assert GRID.transform.f + 2.5 * GRID.transform.e == 4800010.0
    assert GRID.epsg == 32652


def test_a_system_of_ones_own_has_no_code():
    custom = "+proj=laea +lat_0=43.3 +lon_0=131.1 +datum=WGS84 +units=m +type=crs"
    grid = Grid(custom, 30.0, (0.0, 0.0, 300.0, 300.0))
    assert grid.epsg is None
    assert CRS.from_user_input(grid.crs).is_projected


def test_bounds_are_snapped_outward_and_stay_if_on_the_grid():
    around = Grid.around((600003.0, 4800004.0, 600097.0, 4800061.0), UTM, 20)
    assert around.bounds == (600000.0, 4800000.0, 600100.0, 4800080.0)
    assert Grid.around(GRID.bounds, UTM, 20) == GRID
    # A projection's rounding error of a nanometre adds no pixel on either side.
    nearly = tuple(value + error for value, error in zip(GRID.bounds, (-1e-9, 1e-9, 1e-9, -1e-9), strict=True))
    assert Grid.around(nearly, UTM, 20) == GRID


def test_another_origin_moves_the_lattice():
    shifted = Grid.around((600003.0, 4800004.0, 600097.0, 4800061.0), UTM, 30, origin=(15.0, 5.0))
    assert shifted.bounds == (599985.0, 4799975.0, 600105.0, 4800065.0)
    assert (shifted.bounds[0] - 15.0) % 30 == (shifted.bounds[1] - 5.0) % 30 == 0


@pytest.mark.parametrize("resolution", [10, 20, 30])
def test_grids_of_a_zone_nest_in_the_lattice_of_sentinel_2(resolution):
    # Corners of MGRS tiles lie at multiples of 60 m in easting and northing.
    bounds = Grid.around((699961.0, 4700041.0, 700001.0, 4700099.0), UTM, resolution).bounds
    assert all(value % resolution == 0 for value in bounds)


metres = st.floats(-1e7, 1e7)
spans = st.floats(0.5, 3e4)


@given(west=metres, south=metres, width=spans, height=spans, resolution=st.sampled_from([0.5, 10.0, 20.0, 30.0, 250.0]))
def test_snapping_covers_what_was_asked_with_less_than_a_pixel_to_spare(west, south, width, height, resolution):
    asked = (west, south, west + width, south + height)
    grid = Grid.around(asked, UTM, resolution)
    rows, columns = grid.shape
    for low, wanted in zip(grid.bounds[:2], asked[:2], strict=True):
        assert -1e-4 * resolution <= wanted - low < resolution * (1 + 1e-6)
    for high, wanted in zip(grid.bounds[2:], asked[2:], strict=True):
        assert -1e-4 * resolution <= high - wanted < resolution * (1 + 1e-6)
    assert rows >= 1
    assert columns >= 1
    assert grid.coords["y"].size == rows
    assert grid.coords["x"].size == columns
    assert Grid.around(grid.bounds, UTM, resolution).bounds == grid.bounds


@given(
    rows=st.integers(1, 40),
    columns=st.integers(1, 40),
    size=st.integers(1, 50),
    phase=st.tuples(st.integers(0, 60), st.integers(0, 60)),
)
def test_tiles_cover_every_pixel_once(rows, columns, size, phase):
    grid = Grid(UTM, 10.0, (0.0, 0.0, 10.0 * columns, 10.0 * rows))
    seen = np.zeros(grid.shape, int)
    for tile in grid.tiles(size, phase):
        assert 1 <= tile.height <= size
        assert 1 <= tile.width <= size
        # Inner edges lie on the lattice of blocks, so no block is read twice.
        assert tile.row == 0 or (tile.row - phase[0]) % size == 0
        assert tile.column == 0 or (tile.column - phase[1]) % size == 0
        seen[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width] += 1
    assert (seen == 1).all()


def test_tiles_by_hand():
    grid = Grid(UTM, 10.0, (0.0, 0.0, 50.0, 30.0))
    assert list(grid.tiles(2, (1, 0))) == [
        Tile(0, 0, 1, 2),
        Tile(0, 2, 1, 2),
        Tile(0, 4, 1, 1),
        Tile(1, 0, 2, 2),
        Tile(1, 2, 2, 2),
        Tile(1, 4, 2, 1),
    ]
    assert list(grid.tiles(100)) == [Tile(0, 0, 3, 5)]


def test_tile_bounds_by_hand():
    # 600000 + 2 * 20 and 4800060 - 1 * 20; two rows and three columns of 20 m.
    assert GRID.tile_bounds(Tile(1, 2, 2, 3)) == (600040.0, 4800000.0, 600100.0, 4800040.0)
    assert GRID.tile_bounds(Tile(0, 0, *GRID.shape)) == GRID.bounds


@pytest.mark.parametrize(
    ("resolution", "bounds", "said"),
    [
        (0.0, (0, 0, 10, 10), "resolution_m is 0.0"),
        (-20.0, (0, 0, 20, 20), "positive"),
        (math.nan, (0, 0, 20, 20), "resolution_m is nan"),
        (math.inf, (0, 0, 20, 20), "resolution_m is inf"),
        (20.0, (20, 0, 0, 20), "order is west, south, east, north"),
        (20.0, (0, 20, 20, 20), "empty"),
        (20.0, (0, 0, 30, 20), "width 30 m is not a whole number of 20.0 m pixels; use Grid.around"),
        (20.0, (0, 0, 20, 30), "height 30 m"),
        (20.0, (0, 0, math.nan, 20), "no numbers within"),
        (20.0, (0, 0, math.inf, 20), "no numbers within"),
        (20.0, (-math.inf, 0, 20, 20), "no numbers within"),
        (10.0, (1e308, 1e308, 1.7e308, 1.7e308), "no numbers within"),
        (10.0, (-1e308, -1e308, 1e308, 1e308), "no numbers within"),
        (1e-300, (0, 0, 20, 20), "more than 2147483647 pixels"),
        (0.001, (0, 0, 3e6, 20), "more than 2147483647 pixels"),
    ],
)
def test_malformed_grids_are_refused(resolution, bounds, said):
    with pytest.raises(ConfigError, match=said):
        Grid(UTM, resolution, bounds)


@pytest.mark.parametrize(
    ("resolution", "bounds", "said"),
    [
        (0.0, (0, 0, 10, 10), "resolution_m is 0.0"),
        (math.nan, (0, 0, 10, 10), "resolution_m is nan"),
        (math.inf, (0, 0, 10, 10), "resolution_m is inf"),
        (20.0, (math.nan, 0, 10, 10), "no numbers within"),
        (20.0, (0, 0, math.inf, 10), "no numbers within"),
        (10.0, (-1e308, -1e308, 1e308, 1e308), "no numbers within"),
        (1e-300, (0, 0, 1e-290, 10), "more than 2147483647 pixels"),
        (20.0, (100, 0, 10, 10), "empty"),
    ],
)
def test_bounds_that_cannot_be_snapped_are_refused(resolution, bounds, said):
    with pytest.raises(ConfigError, match=said):
        Grid.around(bounds, UTM, resolution)


def test_an_origin_at_infinity_is_refused():
    with pytest.raises(ConfigError, match="origin"):
        Grid.around((0, 0, 10, 10), UTM, 10, origin=(math.inf, 0.0))


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:2227", "EPSG:4978"])
def test_systems_not_in_metres_on_a_map_are_refused(crs):
    with pytest.raises(ConfigError, match="wants a projected system in metres"):
        check_metre_crs(crs)
    with pytest.raises(ConfigError, match="wants a projected system in metres"):
        Grid(crs, 10.0, (0, 0, 10, 10))
    with pytest.raises(ConfigError, match="wants a projected system in metres"):
        Grid.around((0, 0, 10, 10), crs, 10.0)


@pytest.mark.parametrize("crs", ["EPSG:99999", "WGS 84 / UTM zone 52 N, I think", ""])
def test_systems_nobody_knows_are_refused(crs):
    with pytest.raises(ConfigError, match="EPSG:32652"):
        check_metre_crs(crs)


@pytest.mark.parametrize("crs", [UTM, "EPSG:32653", "EPSG:3035", "EPSG:6933"])
def test_systems_in_metres_are_taken(crs):
    check_metre_crs(crs)
    assert Grid(crs, 10.0, (0, 0, 20, 10)).shape == (1, 2)


def test_cells_of_two_areas_lie_on_each_other():
    # 600000 is 1200 cells of 500 m; 600020 lies in the same cell.
    one, other = (Grid(UTM, 20.0, (west, 4800000.0, 600700.0, 4800060.0)).coarser(500) for west in (600000.0, 600020.0))
    assert one == other
    assert one.bounds == (600000.0, 4800000.0, 601000.0, 4800500.0)


def test_cells_smaller_than_pixels_are_refused():
    with pytest.raises(ConfigError, match="smaller than the area's pixels of 20"):
        GRID.coarser(10)
