"""True areas of pixels: scale factors of UTM zone 52, equal-area grids, and areas by geodesy."""

from __future__ import annotations

import numpy as np
import pytest
from pyproj import Geod, Proj, Transformer

from habitat.contracts.errors import ConfigError
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.pixel_areas import areal_scale, pixel_areas


@pytest.mark.parametrize(("longitude", "scale"), [(129.1, 0.9992), (132.5, 1.0012)])
def test_scale_of_zone_52_from_end_to_end_of_the_landscape(longitude, scale):
    x, y = Transformer.from_crs("EPSG:4326", "EPSG:32652", always_xy=True).transform(longitude, 43.4)
    assert areal_scale("EPSG:32652", np.array(x), np.array(y)) == pytest.approx(scale, abs=5e-5)


def test_scale_is_that_of_proj_and_pulls_apart_the_two_countries():
    x, y = np.meshgrid(np.linspace(300_000, 800_000, 9), np.linspace(4_600_000, 4_950_000, 5))
    projection = Proj("EPSG:32652")
    told = projection.get_factors(*projection(x.ravel(), y.ravel(), inverse=True)).areal_scale
    assert np.abs(areal_scale("EPSG:32652", x, y).ravel() / told - 1).max() < 1e-8


def test_an_equal_area_grid_has_one_area():
    crs = "+proj=laea +lat_0=43.4 +lon_0=131 +datum=WGS84 +units=m"
    grid = Grid(crs, 30.0, (-90_000.0, -60_000.0, 90_000.0, 60_000.0))
    assert np.abs(pixel_areas(grid, Tile(0, 0, 300, 6000)) / 900 - 1).max() < 1e-8


@pytest.mark.parametrize("crs", ["EPSG:32652", "EPSG:32653", "EPSG:3857"])
def test_areas_are_those_of_geodesy(crs):
    # Polygons of 1 km with many corners, on both ends of a strip of 200 km.
    west, north = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(129.2, 43.9)
    west, north = round(west, -3), round(north, -3)
    grid = Grid(crs, 1000.0, (west, north - 30_000.0, west + 200_000.0, north))
    found = pixel_areas(grid, Tile(0, 0, 30, 200))
    back = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    steps = np.linspace(0, 1, 21)[:-1]
    ring = np.array([*zip(steps, 0 * steps, strict=True), *zip(0 * steps + 1, steps, strict=True)])
    ring = np.concatenate([ring, 1 - ring])
    for row, column in ((0, 0), (29, 199), (13, 87)):
        corner = np.array([west + 1000 * column, north - 1000 * (row + 1)])
        area, _ = Geod(ellps="WGS84").polygon_area_perimeter(*back.transform(*(corner + 1000 * ring).T))
        assert found[row, column] == pytest.approx(abs(area), rel=1e-5)


def test_tiles_fit_together():
    grid = Grid("EPSG:32652", 20.0, (600_000.0, 4_700_000.0, 660_000.0, 4_720_000.0))
    whole = pixel_areas(grid, Tile(0, 0, 1000, 3000))
    for tile in (Tile(0, 0, 7, 3000), Tile(993, 2990, 7, 10), Tile(500, 1500, 1, 1)):
        part = whole[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
        assert np.abs(pixel_areas(grid, tile) / part - 1).max() < 1e-6


def test_outside_the_use_of_a_projection_is_refused():
    with pytest.raises(ConfigError, match="no areal scale"):
        areal_scale("+proj=ortho +lat_0=43 +lon_0=131", np.array([9e6]), np.array([9e6]))
