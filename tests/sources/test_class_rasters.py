"""Class rasters: grids, strips, digests, and files that are refused."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
from affine import Affine

from habitat.contracts.errors import ConfigError, InputError
from habitat.sources.class_rasters import ClassRaster, PixelDigest

CODES = np.arange(700 * 90, dtype=np.uint32).reshape(700, 90) % 5


@pytest.fixture
def raster(tmp_path):
    def written(codes=CODES, name="map.tif", **profile):
        given = {
            "driver": "GTiff", "count": 1, "height": codes.shape[0], "width": codes.shape[1], "dtype": "uint8",
            "crs": "EPSG:32652", "transform": Affine(20, 0, 600_000, 0, -20, 4_800_000), "nodata": 255,
        } | profile  # fmt: skip
        with rasterio.open(tmp_path / name, "w", **given) as image:
            for band in range(1, given["count"] + 1):
                image.write(codes.astype(given["dtype"]), band)
        return tmp_path / name

    return written


def digest(path):
    with ClassRaster(path) as source:
        told = PixelDigest(source)
        for tile in source.tiles():
            told.add(source.read(tile))
        return told.text()


def test_a_raster_is_read_in_strips_that_cover_it(raster):
    with ClassRaster(raster(tiled=True, blockxsize=64, blockysize=64)) as source:
        assert source.grid.shape == (700, 90)
        assert source.grid.bounds == (600_000.0, 4_786_000.0, 601_800.0, 4_800_000.0)
        tiles = list(source.tiles())
        assert [(tile.row, tile.height, tile.width) for tile in tiles] == [(0, 512, 90), (512, 188, 90)]
        assert np.array_equal(np.vstack([source.read(tile) for tile in tiles]), CODES)
        assert source.known(np.array([0, 254, 255])).tolist() == [True, True, False]


def test_everything_is_known_without_nodata(raster):
    with ClassRaster(raster(nodata=None)) as source:
        assert source.nodata is None
        assert source.known(np.array([0, 255])).all()


def test_the_digest_is_of_pixels_not_of_files(raster):
    first = digest(raster(name="a.tif"))
    assert digest(raster(name="b.tif", tiled=True, blockxsize=32, blockysize=32, compress="deflate")) == first
    assert digest(raster(name="c.tif", dtype="int16")) == first
    other = CODES.copy()
    other[699, 89] ^= 1
    assert digest(raster(other, name="d.tif")) != first
    assert digest(raster(name="e.tif", transform=Affine(20, 0, 600_020, 0, -20, 4_800_000))) != first
    assert digest(raster(name="f.tif", nodata=0)) != first


@pytest.mark.parametrize(
    ("profile", "error", "text"),
    [
        ({"dtype": "float32", "nodata": -1}, InputError, "1 bands of float32, wants one band of integers"),
        ({"count": 2}, InputError, "2 bands of uint8"),
        ({"crs": None}, InputError, "does not say its coordinate system"),
        ({"transform": Affine(20, 0, 0, 0, -30, 0)}, InputError, "square pixels and north up"),
        ({"transform": Affine(20, 1, 0, 1, -20, 0)}, InputError, "square pixels and north up"),
        ({"crs": "EPSG:4326", "transform": Affine(1e-3, 0, 130, 0, -1e-3, 44)}, ConfigError, "is in degree"),
    ],
)
def test_rasters_that_are_no_class_maps(raster, profile, error, text):
    with pytest.raises(error, match=text):
        ClassRaster(raster(**profile))


def test_files_that_are_no_rasters(tmp_path):
    with pytest.raises(ConfigError, match="there is no map"):
        ClassRaster(tmp_path / "none.tif")
    (tmp_path / "map.tif").write_text("<VRTDataset/>")
    with pytest.raises(InputError, match="cannot be opened as a GeoTIFF"):
        ClassRaster(tmp_path / "map.tif")


def test_a_damaged_raster_is_told(raster):
    path = raster(compress="deflate")
    content = bytearray(path.read_bytes())
    content[-200:] = bytes(200)
    path.write_bytes(content)
    with ClassRaster(path) as source, pytest.raises(InputError, match="cannot be read at row"):
        [source.read(tile) for tile in source.tiles()]
