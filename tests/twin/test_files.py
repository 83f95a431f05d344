"""Files of scenes: laid out as the providers', the same bytes however many blocks, and nothing left of a failure."""

from __future__ import annotations

import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from painted_land import LARGE

from habitat.contracts.errors import ConfigError
from habitat.twin.sensors.files import (
    CACHE_BYTES,
    Layout,
    SceneFiles,
    landsat_layout,
    radar_layout,
    sentinel2_layout,
)
from habitat.twin.sensors.shots import Frame

FRAME = Frame("52TGP", "EPSG:32652", 742680.0, 4800720.0, 1200, 600)
SIZE = LARGE.size
WHOLE = (0, 0, 1200, 600)
PATHS = {"red": "s/B04.tif", "scl": "s/SCL.tif", "coastal": "s/B01.tif"}


@pytest.fixture
def pixels():
    rng = np.random.default_rng(1)
    return {
        "red": rng.integers(200, 400, (1200, 600)).astype(np.uint16),
        "scl": rng.integers(4, 6, (600, 300)).astype(np.uint8),
        "coastal": rng.integers(200, 260, (200, 100)).astype(np.uint16),
    }


def by_blocks(root, pixels):
    with SceneFiles(root, FRAME, PATHS, Layout(256, overviews=True)) as files:
        for row in range(0, 1200, 300):
            for column in range(0, 600, 300):
                files.write(
                    (row, column, 300, 300),
                    {
                        key: values[row // f : (row + 300) // f, column // f : (column + 300) // f]
                        for key, values in pixels.items()
                        for f in (1200 // len(values),)
                    },
                )
    return files.written


def test_bands_come_back_as_written_at_their_own_resolution(tmp_path, pixels):
    with SceneFiles(tmp_path, FRAME, PATHS, Layout(256, overviews=False)) as files:
        files.write(WHOLE, pixels)
    for key, factor in (("red", 1), ("scl", 2), ("coastal", 6)):
        asset = files.written[key]
        assert asset.path == PATHS[key]
        assert asset.shape == (1200 // factor, 600 // factor)
        with rasterio.open(tmp_path / asset.path) as file:
            assert (file.read(1) == pixels[key]).all()
            assert file.transform == asset.transform
            assert tuple(asset.transform)[:6] == (10 * factor, 0, 742680, 0, -10 * factor, 4800720)
            assert (str(file.dtypes[0]), file.crs.to_epsg(), file.nodata) == (asset.dtype, 32652, 0)


def test_the_same_pixels_give_the_same_bytes_in_one_block_or_in_eight(tmp_path, pixels):
    with SceneFiles(tmp_path / "one", FRAME, PATHS, Layout(256, overviews=True)) as files:
        files.write(WHOLE, pixels)
    assert by_blocks(tmp_path / "eight", pixels) == files.written
    for path in PATHS.values():
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "eight" / path).read_bytes()
    assert sorted(path.name for path in (tmp_path / "eight" / "s").iterdir()) == ["B01.tif", "B04.tif", "SCL.tif"]


def test_files_are_laid_out_as_those_of_the_providers(tmp_path, pixels):
    cases = (
        ("red", pixels["red"], sentinel2_layout(SIZE), 512, "2", 0),
        ("qa_pixel", pixels["red"], landsat_layout(SIZE), 256, "2", 1),
        ("qa_radsat", pixels["red"], landsat_layout(SIZE), 256, "2", None),
        ("vv", pixels["red"].astype(np.float32) / 1000, radar_layout(SIZE), 512, "3", -32768),
    )
    for key, values, layout, block, predictor, nodata in cases:
        with SceneFiles(tmp_path, FRAME, {key: f"{key}.tif"}, layout) as files:
            files.write(WHOLE, {key: values})
        with rasterio.open(tmp_path / f"{key}.tif") as file:
            inside = file.tags(ns="IMAGE_STRUCTURE")
            assert (inside["LAYOUT"], inside["COMPRESSION"], inside["PREDICTOR"]) == ("COG", "DEFLATE", predictor)
            assert file.block_shapes == [(block, block)]
            assert file.nodata == nodata
            assert file.overviews(1)[0] == 2


def test_tiny_files_have_no_overviews(tmp_path, pixels):
    with SceneFiles(tmp_path, FRAME, PATHS, sentinel2_layout(replace(SIZE, file_block=64, overviews=False))) as files:
        files.write(WHOLE, pixels)
    with rasterio.open(tmp_path / "s/B04.tif") as file:
        assert file.overviews(1) == []
        assert file.block_shapes == [(64, 64)]


def test_overviews_average_numbers_and_pick_codes(tmp_path):
    frame = Frame("52TGP", "EPSG:32652", 742680.0, 4800720.0, 512, 512)
    checks = (np.indices((512, 512)).sum(axis=0) % 2).astype(np.uint16)
    numbers, codes = 100 + 100 * checks, (4 + 2 * checks).astype(np.uint8)
    with SceneFiles(tmp_path, frame, {"red": "red.tif", "scl": "scl.tif"}, Layout(256, overviews=True)) as files:
        files.write((0, 0, 512, 512), {"red": numbers, "scl": codes})
    for key, values in (("red", {150}), ("scl", {4, 6})):
        with rasterio.open(tmp_path / f"{key}.tif", overview_level=0) as file:
            assert set(np.unique(file.read(1)).tolist()) <= values


def test_assets_without_a_path_are_left_out(tmp_path, pixels):
    with SceneFiles(tmp_path, FRAME, {"scl": "SCL.tif"}, Layout(256, overviews=False)) as files:
        files.write(WHOLE, pixels)
    assert list(files.written) == ["scl"]
    assert [path.name for path in tmp_path.iterdir()] == ["SCL.tif"]


def fail_half_way(root, pixels):
    with SceneFiles(root, FRAME, PATHS, Layout(256, overviews=False)) as files:
        files.write(WHOLE, {"scl": pixels["scl"]})
        files.write((0, 0, 600, 600), {"red": pixels["red"][:600]})
        assert len(list((root / "s").iterdir())) == 2
        raise RuntimeError("stop")


def test_nothing_of_a_failed_scene_stays(tmp_path, pixels):
    with pytest.raises(RuntimeError, match="stop"):
        fail_half_way(tmp_path, pixels)
    assert list((tmp_path / "s").iterdir()) == []


@pytest.mark.parametrize("shape", [(500, 300), (600, 299), (700, 350)])
def test_pixels_that_do_not_fit_the_block_are_refused(tmp_path, shape):
    with pytest.raises(ConfigError, match="whole number of times"):
        SceneFiles(tmp_path, FRAME, PATHS, Layout(256, overviews=False)).write(
            WHOLE, {"scl": np.zeros(shape, np.uint8)}
        )


def memory_bytes():
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        pytest.skip("this system does not tell how much memory is in use")


def test_a_large_scene_is_written_in_bounded_memory(tmp_path):
    frame = Frame("52TGP", "EPSG:32652", 742680.0, 4800720.0, 12000, 6000)
    block = np.full((600, 6000), 300, np.uint16)
    with SceneFiles(tmp_path, frame, {"red": "red.tif"}, Layout(512, overviews=False)) as files:
        files.write((0, 0, 600, 6000), {"red": block})
        before = most = memory_bytes()
        for row in range(600, 12000, 600):
            files.write((row, 0, 600, 6000), {"red": block})
            most = max(most, memory_bytes())
    # The band is 144 MB; what GDAL keeps of it is bounded whatever its size.
    assert most - before < CACHE_BYTES + 16e6
    with rasterio.open(tmp_path / "red.tif") as file:
        assert file.read(1, window=((11990, 12000), (0, 10))).min() == 300
