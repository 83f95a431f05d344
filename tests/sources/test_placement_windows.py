"""Parts of a warped window: every wanted source pixel lies in one of them, and corners nobody asks for in none."""

from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from habitat.contracts.grid import Grid, Tile
from habitat.sources.scenes.placement import Geometry, Placement

WEST, NORTH = 260_000, 4_760_000


def neighbour(resolution, shift=(0, 0), size=20_000):
    """A raster of the neighbouring zone around the grid's corner."""
    x, y = Transformer.from_crs(32653, 32652, always_xy=True).transform(WEST, NORTH)
    corner = Affine(resolution, 0, x // 20 * 20 - 20_000 + shift[0], 0, -resolution, y // 20 * 20 + 20_000 + shift[1])
    return Geometry("EPSG:32652", corner, (size // resolution * 10, size // resolution * 10))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    row=st.integers(-40, 900),
    column=st.integers(-40, 900),
    height=st.integers(1, 400),
    width=st.integers(1, 400),
    source=st.sampled_from([10, 20, 60]),
    target=st.sampled_from([10.0, 20.0, 30.0]),
    block=st.sampled_from([(64, 64), (256, 128), (16, 512)]),
)
def test_parts_hold_every_wanted_pixel(row, column, height, width, source, target, block):
    grid = Grid("EPSG:32653", target, (WEST, NORTH - 1000 * target, WEST + 1000 * target, NORTH))
    gather = Placement.of(neighbour(source), grid).gather(Tile(row, column, height, width))
    assert gather.window is not None
    held = np.zeros((gather.window.height, gather.window.width), bool)
    for part in gather.windows(block):
        top, left = part.row - gather.window.row, part.column - gather.window.column
        assert top >= 0
        assert left >= 0
        assert not held[top : top + part.height, left : left + part.width].any()
        held[top : top + part.height, left : left + part.width] = True
    wanted = gather.index[gather.index >= 0]
    assert held.reshape(-1)[wanted].all()


def test_corners_of_a_turned_window_are_not_read():
    grid = Grid("EPSG:32653", 10.0, (WEST, NORTH - 20_480, WEST + 20_480, NORTH))
    gather = Placement.of(neighbour(10, size=40_000), grid).gather(Tile(0, 0, 2048, 2048))
    read = sum(part.height * part.width for part in gather.windows((64, 64)))
    assert 2048 * 2048 < read < 0.96 * gather.window.height * gather.window.width


@pytest.mark.parametrize("tile", [Tile(0, 0, 30, 50), Tile(-500, 0, 30, 50), Tile(5000, 20, 64, 64)])
def test_touching_is_told_without_the_whole_gather(tile):
    grid = Grid("EPSG:32653", 10.0, (WEST, NORTH - 60_000, WEST + 60_000, NORTH))
    place = Placement.of(neighbour(10, size=22_000), grid)
    assert place.touches(tile) == (place.gather(tile).window is not None)
