"""Cells of weather onto cells of a map, by hand: bilinear, nearest, stations, edges, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from pyproj import Transformer

from habitat.contracts.errors import AreaOutsideData, InputError
from habitat.contracts.grid import Grid
from habitat.sources.weather_cells import weather_cells

GRID = Grid("EPSG:32652", 1000.0, (740000.0, 4790000.0, 750000.0, 4800000.0))
LATITUDE, LONGITUDE = np.arange(43.6, 42.79, -0.1), np.arange(131.6, 132.45, 0.1)


def degrees(grid=GRID):
    x, y = np.meshgrid(grid.coords["x"], grid.coords["y"])
    return Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(x, y)


@pytest.mark.parametrize("turn", [slice(None), slice(None, None, -1)])
def test_a_plane_stays_a_plane(turn):
    latitude = LATITUDE[turn]
    cells = weather_cells(latitude, LONGITUDE, GRID)
    plane = 3 * latitude[:, None] - 2 * LONGITUDE[None, :]
    east, north = degrees()
    found = cells.smooth(plane[cells.window])
    np.testing.assert_allclose(found, 3 * north - 2 * east, atol=1e-4)
    assert cells.how == "bilinear"
    assert cells.reached.all()


def test_a_window_has_one_cell_more_on_each_side():
    cells = weather_cells(LATITUDE, LONGITUDE, GRID)
    east, north = degrees()
    inside = LATITUDE[cells.window[0]], LONGITUDE[cells.window[1]]
    for centres, wanted in zip(inside, (north, east), strict=True):
        assert centres.min() < wanted.min() - 0.1
        assert centres.max() > wanted.max() + 0.1
    assert cells.shape == (inside[0].size, inside[1].size)
    assert cells.shape < (LATITUDE.size, LONGITUDE.size)


def test_longitudes_from_0_to_360_are_the_same():
    west = Grid("EPSG:32610", 1000.0, (490000.0, 5350000.0, 500000.0, 5360000.0))
    latitude, longitude = np.array([48.5, 48.3, 48.1]), np.array([-123.3, -123.1, -122.9])
    one = weather_cells(latitude, longitude, west)
    other = weather_cells(latitude, longitude + 360, west)
    np.testing.assert_allclose(one.weight, other.weight, atol=1e-9)


def test_classes_and_counts_are_those_of_the_nearest_cell():
    cells = weather_cells(LATITUDE, LONGITUDE, GRID)
    numbers = np.arange(LATITUDE.size * LONGITUDE.size, dtype=np.int16).reshape(LATITUDE.size, -1)
    east, north = degrees()
    row = np.abs(north[..., None] - LATITUDE).argmin(-1)
    column = np.abs(east[..., None] - LONGITUDE).argmin(-1)
    found = cells.nearest(numbers[cells.window], -1)
    np.testing.assert_array_equal(found, numbers[row, column])
    assert found.dtype == np.int16
    layers = cells.nearest(np.stack([numbers, numbers + 1])[(slice(None), *cells.window)], -1)
    np.testing.assert_array_equal(layers[1], found + 1)


def test_unknown_cells_leave_the_others_known():
    cells = weather_cells(LATITUDE, LONGITUDE, GRID)
    values = np.ones(cells.shape)
    nearest = cells.nearest(np.arange(values.size).reshape(cells.shape), -1)
    gone = nearest[3, 3]
    values.ravel()[gone] = np.nan
    found = cells.smooth(values)
    np.testing.assert_array_equal(np.isnan(found), nearest == gone)
    np.testing.assert_allclose(found[nearest != gone], 1, atol=1e-6)


def test_cells_reach_half_a_cell_beyond_their_centres():
    east, _ = degrees()
    # The last column of centres lies in the middle of the map, and its cells end 0.02 degrees farther.
    middle = float(np.median(east))
    longitude = middle - 0.04 * np.arange(5)[::-1]
    cells = weather_cells(LATITUDE, longitude, GRID)
    np.testing.assert_array_equal(cells.reached, (east <= middle + 0.02) & (east >= longitude[0] - 0.02))
    assert np.isnan(cells.smooth(np.ones(cells.shape))[~cells.reached]).all()
    assert (cells.nearest(np.ones(cells.shape, np.uint8), 255)[~cells.reached] == 255).all()
    # Beyond the last centre its value holds.
    beyond = (east > middle) & cells.reached
    ramp = np.broadcast_to(longitude[cells.window[1]], cells.shape)
    np.testing.assert_allclose(cells.smooth(ramp)[beyond], middle, atol=1e-4)


def test_stations_weigh_by_the_square_of_their_distance():
    x, y = np.array([743500.0, 746500.0]), np.array([4795500.0, 4795500.0])
    longitude, latitude = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform(x, y)
    cells = weather_cells(latitude[None], longitude[None], GRID)
    found = cells.smooth(np.array([[10.0, 20.0]]))
    # Columns of centres lie at 740.5, 741.5, ...; on the stations' row 1 km from the first is 2 km from the second.
    assert found[4, 3] == pytest.approx(10, abs=1e-4)
    assert found[4, 4] == pytest.approx((10 / 1 + 20 / 4) / (1 + 1 / 4), abs=1e-3)
    assert found[4, 0] == pytest.approx((10 / 9 + 20 / 36) / (1 / 9 + 1 / 36), abs=1e-3)
    near = weather_cells(latitude[None], longitude[None], GRID, range_m=1100.0)
    assert near.reached.sum() == 10
    assert near.smooth(np.array([[10.0, 20.0]]))[4, 4] == pytest.approx(10)
    unknown = cells.smooth(np.array([[np.nan, 20.0]]))
    assert np.isnan(unknown[4, 3])
    assert unknown[4, 6] == pytest.approx(20)


def test_turned_grids_are_filled():
    # 500 m apart along axes turned by 30 degrees.
    step = np.arange(-30, 31) * 500.0
    a, b = np.meshgrid(step, step)
    x, y = 745000 + a * 0.866 - b * 0.5, 4795000 + a * 0.5 + b * 0.866
    longitude, latitude = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform(x, y)
    cells = weather_cells(latitude, longitude, GRID)
    assert cells.reached.all()
    east, north = degrees()
    np.testing.assert_allclose(cells.smooth(longitude + 2 * latitude), east + 2 * north, atol=0.004)
    far = Grid("EPSG:32652", 1000.0, (790000.0, 4790000.0, 800000.0, 4800000.0))
    with pytest.raises(AreaOutsideData):
        weather_cells(latitude, longitude, far)


def test_counts_are_of_the_cells_within():
    cells = weather_cells(LATITUDE, LONGITUDE, GRID)
    east, north = degrees()
    half = shapely.box(east.min() - 1, north.min() - 1, float(np.median(east)), north.max() + 1)
    assert cells.counts(half).sum() == (east < float(np.median(east))).sum()
    assert cells.counts(shapely.box(0, 0, 1, 1)).sum() == 100
    assert cells.counts(half).shape == cells.shape


def test_what_is_elsewhere_or_unsorted_is_refused():
    with pytest.raises(AreaOutsideData, match=r"53\.00 to 53\.20 N and 131\.90 to 132\.10 E reaches no cell"):
        weather_cells(np.array([53.0, 53.1, 53.2]), np.array([131.9, 132.0, 132.1]), GRID)
    with pytest.raises(AreaOutsideData):
        weather_cells(np.array([[-43.3]]), np.array([[-48.0]]), GRID)
    with pytest.raises(InputError, match="latitudes of the weather neither ascend nor descend"):
        weather_cells(np.array([43.0, 43.5, 43.2]), LONGITUDE, GRID)
