"""Layers and cubes: named with units, never aligned in silence."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from habitat.contracts.errors import GridMismatch
from habitat.contracts.grid import Grid
from habitat.contracts.layer import check_cube, check_same_grid, name_layer

GRID = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 600100.0, 4800060.0))


def layer(name: str = "ndvi", grid: Grid = GRID) -> xr.DataArray:
    return xr.DataArray(np.zeros(grid.shape), coords=grid.coords, dims=("y", "x"), name=name)


def test_naming_keeps_coordinates_and_drops_what_was_said_before():
    given = layer().assign_attrs(units="m", extra="x")
    named = name_layer(given, "nbr", units="1", long_name="Normalised burn ratio")
    assert (named.name, named.attrs) == ("nbr", {"units": "1", "long_name": "Normalised burn ratio"})
    assert named.coords.equals(given.coords)
    assert (given.name, given.attrs) == ("ndvi", {"units": "m", "extra": "x"})


def test_layers_of_one_grid_pass():
    check_same_grid(layer())
    check_same_grid(layer(), layer("nbr"), layer("ndmi"))


def test_layers_without_coordinates_are_judged_by_their_size():
    bare = xr.DataArray(np.zeros(GRID.shape), dims=("y", "x"), name="bare")
    check_same_grid(layer(), bare)
    with pytest.raises(GridMismatch, match=r"'short' has 2 pixels along y, 'ndvi' has 3"):
        check_same_grid(layer(), xr.DataArray(np.zeros((2, 5)), dims=("y", "x"), name="short"))


def test_one_pixel_more_is_refused():
    wider = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 600120.0, 4800060.0))
    with pytest.raises(GridMismatch, match=r"'nbr' has 6 pixels along x, 'ndvi' has 5; read both from the store"):
        check_same_grid(layer(), layer("nbr", wider))


@pytest.mark.parametrize(("dim", "shift"), [("x", (20.0, 0.0)), ("y", (0.0, 20.0)), ("x", (0.001, 0.0))])
def test_a_shift_is_refused_however_small(dim, shift):
    moved = layer("nbr").assign_coords(x=GRID.coords["x"] + shift[0], y=GRID.coords["y"] + shift[1])
    with pytest.raises(GridMismatch, match=f"'ndvi' and 'nbr' lie on different {dim} coordinates"):
        check_same_grid(layer(), moved)


def test_every_layer_is_compared_and_not_only_the_second():
    moved = layer("third").assign_coords(x=GRID.coords["x"] + 20.0)
    with pytest.raises(GridMismatch, match="'third'"):
        check_same_grid(layer(), layer("nbr"), moved)


def cube(**variables: tuple[str, ...]) -> xr.Dataset:
    sizes = {"time": 2, "y": 3, "x": 5}
    return xr.Dataset({name: (dims, np.zeros([sizes[dim] for dim in dims])) for name, dims in variables.items()})


def test_a_cube_wants_time_y_x_and_clear():
    check_cube(cube(red=("time", "y", "x"), clear=("time", "y", "x")))
    with pytest.raises(GridMismatch, match=r"'red' has dims \('y', 'x'\).*did you reduce 'time' already"):
        check_cube(cube(red=("y", "x"), clear=("time", "y", "x")))
    with pytest.raises(GridMismatch, match="wants"):
        check_cube(cube(red=("y", "x", "time"), clear=("time", "y", "x")))
    with pytest.raises(GridMismatch, match=r"no variable 'clear'; load it with sources.load_cube"):
        check_cube(cube(red=("time", "y", "x")))
