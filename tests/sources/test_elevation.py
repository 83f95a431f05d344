"""Elevation: heights of any system on the grid, and rasters that are none refused."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer

from habitat.contracts.errors import AreaOutsideData, InputError
from habitat.contracts.grid import Grid
from habitat.sources.elevation import read_classes, read_elevation

UTM = "EPSG:32652"
GRID = Grid(UTM, 100.0, (600000.0, 4800000.0, 601000.0, 4800500.0))


def raster(path, values, *, crs=UTM, pixel=20.0, corner=(599000.0, 4801500.0), nodata=None):
    transform = Affine(pixel, 0, corner[0], 0, -pixel, corner[1])
    about = {"driver": "GTiff", "count": 1, "dtype": values.dtype.name, "nodata": nodata, "transform": transform}
    with rasterio.open(path, "w", height=values.shape[0], width=values.shape[1], crs=crs, **about) as out:
        out.write(values, 1)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "heights.tif"


def test_finer_rasters_are_averaged(path):
    rows, columns = np.indices((125, 150))
    heights = (columns * 1.0).astype(np.float32)
    found = read_elevation(raster(path, heights), GRID)
    # The first cell takes columns 50 to 54 of 20 m.
    assert found.values[0, :2].tolist() == pytest.approx([52, 57], abs=1e-4)
    assert found.notes == ("EPSG:32652 to EPSG:32652 by average",)
    assert rows.shape == heights.shape


def test_coarser_rasters_are_bilinear(path):
    heights = (np.arange(12) * 100.0 * np.ones((12, 1))).astype(np.float32)
    found = read_elevation(raster(path, heights, pixel=500.0, corner=(597000.0, 4804000.0)), GRID)
    assert "bilinear" in found.notes[0]
    # A rise of 100 m in 500 m is one of 20 m from cell to cell.
    assert np.allclose(np.diff(found.values, axis=1), 20, atol=0.01)


def test_degrees_come_out_in_metres(path):
    west, north = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True).transform(598000, 4802000)
    step = 0.0003
    columns = np.arange(200)
    longitude = west + (columns + 0.5) * step
    heights = ((longitude - west) * 1e5 * np.ones((150, 1))).astype(np.float32)
    found = read_elevation(raster(path, heights, crs="EPSG:4326", pixel=step, corner=(west, north)), GRID)
    x, y = np.meshgrid(GRID.coords["x"], GRID.coords["y"])
    there, _ = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True).transform(x, y)
    assert np.allclose(found.values, (there - west) * 1e5, atol=3)


def test_unknown_and_impossible_heights_are_told(path):
    heights = np.full((125, 150), 300.0, np.float32)
    heights[:60] = -9999.0
    heights[60:65] = 32000.0
    found = read_elevation(raster(path, heights, nodata=-9999.0), GRID)
    assert np.isnan(found.values[0]).all()
    assert found.values[-1, 0] == 300
    assert any("count as unknown" in note for note in found.notes)
    assert any("have no height" in note for note in found.notes)


def test_classes_are_taken_at_the_centre(path):
    codes = np.zeros((125, 150), np.uint8)
    codes[:, 60:] = 7
    found = read_classes(raster(path, codes, nodata=255), GRID)
    assert found.values[0].tolist() == [0, 0, *[7] * 8]
    assert found.values.dtype == np.uint8


def test_bad_rasters_are_refused(path, tmp_path):
    with pytest.raises(InputError, match="there is no raster"):
        read_elevation(path, GRID)
    path.write_text("nothing")
    with pytest.raises(InputError, match="cannot be read"):
        read_elevation(path, GRID)
    plain = np.ones((10, 10), np.float32)
    with pytest.raises(InputError, match="no coordinate system"):
        read_elevation(raster(tmp_path / "bare.tif", plain, crs=None), GRID)
    far = raster(tmp_path / "far.tif", plain, corner=(100000.0, 4801500.0))
    with pytest.raises(AreaOutsideData):
        read_elevation(far, GRID)
    with pytest.raises(AreaOutsideData):
        read_classes(far, GRID)
    with pytest.raises(InputError, match="wants classes"):
        read_classes(raster(tmp_path / "half.tif", np.full((125, 150), 0.5, np.float32)), GRID)
