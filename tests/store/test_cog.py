"""The writer: every pixel comes back, overviews are what a hand computes, bytes depend on pixels alone."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from rio_cogeo import cog_validate
from store_rasters import NODATA, class_spec, grid_of, index_spec, noise, write_raster

from habitat.contracts.errors import GridMismatch, PublishError
from habitat.contracts.grid import Tile
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.store.cog import CogWriter
from habitat.store.tiff import assembly
from habitat.store.verification import verify


def halved_by_hand(pixels: np.ndarray, nodata: float) -> np.ndarray:
    """The mean of the valid ones of each 2 × 2 pixels, half rounded away from zero, in plain NumPy."""
    rows, columns = pixels.shape
    values = np.full(((rows + 1) // 2 * 2, (columns + 1) // 2 * 2), np.nan)
    values[:rows, :columns] = np.where(pixels == nodata, np.nan, pixels.astype(float))
    four = np.stack([values[a::2, b::2] for a in (0, 1) for b in (0, 1)])
    count = np.isfinite(four).sum(axis=0)
    mean = np.nansum(four, axis=0) / np.maximum(count, 1)
    whole = np.sign(mean) * np.floor(np.abs(mean) + 0.5)
    return np.where(count == 0, nodata, whole).astype(pixels.dtype)


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (16, 16), (511, 513), (512, 512), (1025, 700)])
def test_pixels_and_overviews_come_back(tmp_path, rows, columns):
    grid, spec = grid_of(rows, columns), index_spec(2)
    pixels = noise(2, rows, columns)
    written = write_raster(tmp_path / "a.tif", grid, spec, pixels)
    verify(written, grid, spec)
    assert cog_validate(str(written.path), strict=True) == (True, [], [])
    expected = pixels
    with rasterio.open(written.path, driver="GTiff") as image:
        assert np.array_equal(image.read(), pixels)
        assert image.crs == CRS.from_epsg(32652)
        assert image.transform == grid.transform
        factors = image.overviews(1)
    assert len(factors) == (0 if max(rows, columns) <= 512 else 1 if max(rows, columns) <= 1024 else 2)
    for level in range(len(factors)):
        expected = np.stack([halved_by_hand(band, NODATA) for band in expected])
        with rasterio.open(written.path, driver="GTiff", overview_level=level) as image:
            assert np.array_equal(image.read(), expected)


def test_average_overview_by_hand(tmp_path):
    # Blocks of 16: a raster of 18 × 17 has one overview of 9 × 9.
    pixels = np.zeros((1, 18, 17), dtype=np.int16)
    pixels[0, :2, :2] = [[1, 2], [3, 4]]  # mean 2.5 -> 3
    pixels[0, :2, 2:4] = [[-1, -2], [-3, -4]]  # mean -2.5 -> -3
    pixels[0, :2, 4:6] = [[10, NODATA], [NODATA, 13]]  # mean of two: 11.5 -> 12
    pixels[0, :2, 6:8] = NODATA
    pixels[0, :2, 16] = [7, 8]  # the odd last column has two pixels: 7.5 -> 8
    written = write_raster(tmp_path / "a.tif", grid_of(18, 17), index_spec(), pixels, block_size=16, tile=5)
    with rasterio.open(written.path, driver="GTiff", overview_level=0) as image:
        half = image.read(1)
    assert half.shape == (9, 9)
    assert half[0].tolist() == [3, -3, 12, NODATA, 0, 0, 0, 0, 8]


def test_average_never_invents_nodata(tmp_path):
    spec = RasterSpec("diff", "difference", (BandSpec("diff", "difference"),), "int16", 0)
    pixels = np.full((1, 17, 17), 5, dtype=np.int16)
    pixels[0, :2, :2] = [[-3, 3], [-3, 3]]  # the mean, 0, is this raster's nodata code
    written = write_raster(tmp_path / "a.tif", grid_of(17, 17), spec, pixels, block_size=16)
    with rasterio.open(written.path, driver="GTiff", overview_level=0) as image:
        assert image.read(1)[0, 0] == 1


def test_without_nodata_the_edge_is_not_thinned(tmp_path):
    spec = RasterSpec("count", "count", (BandSpec("count", "count"),), "uint8", None)
    pixels = np.full((1, 17, 17), 9, dtype=np.uint8)
    written = write_raster(tmp_path / "a.tif", grid_of(17, 17), spec, pixels, block_size=16)
    verify(written, grid_of(17, 17), spec)
    with rasterio.open(written.path, driver="GTiff", overview_level=0) as image:
        assert (image.read(1) == 9).all()
        assert image.nodata is None


def test_classes_keep_codes_colours_and_the_commonest_code(tmp_path):
    spec, grid = class_spec(), grid_of(34, 33)
    pixels = np.zeros((1, 34, 33), dtype=np.uint8)
    pixels[0, :2, :2] = [[0, 1], [7, 1]]  # two of four: 1
    pixels[0, :2, 2:4] = [[7, 255], [255, 255]]  # the only known one: 7
    pixels[0, :2, 4:6] = [[7, 1], [1, 7]]  # a draw: the first met, 7
    pixels[0, :2, 6:8] = 255
    pixels[0, :2, 8:10] = [[0, 1], [7, 7]]  # the last two: 7
    pixels[0, :2, 10:12] = [[255, 0], [1, 1]]
    pixels[0, :2, 32] = [255, 1]
    written = write_raster(tmp_path / "a.tif", grid, spec, pixels, block_size=16)
    verify(written, grid, spec)
    assert cog_validate(str(written.path), strict=True)[0]
    with rasterio.open(written.path, driver="GTiff", overview_level=0) as image:
        assert image.read(1)[0].tolist() == [1, 7, 7, 255, 7, 1, *[0] * 10, 1]
    with rasterio.open(written.path, driver="GTiff") as image:
        assert image.colorinterp[0].name == "palette"
        colours = image.colormap(1)
        assert colours[1] == (0xB3, 0x58, 0x06, 255)
        assert colours[7] == (0x21, 0x66, 0xAC, 255)
        assert colours[255][3] == 0
        assert np.array_equal(image.read(), pixels)


def test_floats_with_nan_and_infinity(tmp_path):
    spec = RasterSpec("z", "z", (BandSpec("z", "z-score", "sd"),), "float32", float("nan"), "z-score")
    rng = np.random.default_rng(3)
    pixels = rng.normal(0, 2, (1, 40, 50)).astype(np.float32)
    pixels[0, 4:9, 7:12] = np.nan
    pixels[0, 0, :2], pixels[0, 1, :2] = [np.inf, 1.0], [2.0, np.nan]
    grid = grid_of(40, 50)
    written = write_raster(tmp_path / "a.tif", grid, spec, pixels, block_size=16, tile=7)
    verify(written, grid, spec)
    with rasterio.open(written.path, driver="GTiff") as image:
        assert np.isnan(image.nodata)
        assert np.array_equal(image.read(), pixels, equal_nan=True)
    with rasterio.open(written.path, driver="GTiff", overview_level=0) as image:
        half = image.read(1)
    assert half[0, 0] == 1.5
    assert np.isnan(half[3, 4])
    assert half[10, 10] == pytest.approx(pixels[0, 20:22, 20:22].astype(float).mean(), rel=1e-7)
    finite = pixels[np.isfinite(pixels)].astype(float)
    assert written.statistics[0].count == finite.size
    assert written.statistics[0].mean == pytest.approx(finite.mean(), rel=1e-12)
    assert written.statistics[0].deviation == pytest.approx(finite.std(), rel=1e-12)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_every_pixel_type(tmp_path, dtype):
    kind = np.dtype(dtype)
    info = np.finfo(kind) if kind.kind == "f" else np.iinfo(kind)
    rng = np.random.default_rng(4)
    pixels = rng.uniform(float(info.min) / 2, float(info.max) / 2, (1, 33, 20)).astype(kind)
    pixels[0, 0, :2] = info.min, info.max
    grid = grid_of(33, 20)
    spec = RasterSpec("x", "x", (BandSpec("x", "x"),), dtype, None)
    written = write_raster(tmp_path / "a.tif", grid, spec, pixels, block_size=16)
    verify(written, grid, spec)
    with rasterio.open(written.path, driver="GTiff") as image:
        assert np.array_equal(image.read(), pixels)
        assert image.dtypes == (dtype,)


def test_tags_scales_units_statistics_are_read_by_gdal(tmp_path):
    bands = (
        BandSpec("red", "red <b> & 'quoted' \"r\" ñ 红", "1", 1e-4, -0.1, 0.665),
        BandSpec("lst", "", "K", 0.01, 273.15),
    )
    spec = RasterSpec("composite", "Composite", bands, "int16", NODATA, "reflectance")
    pixels = np.array([[[1, 2, 3], [4, NODATA, 10]], [[NODATA] * 3] * 2], dtype=np.int16)
    tags = {"TIFFTAG_SOFTWARE": "habitat 0.1", "HABITAT_KEY": 'a<b>&"c" 虎', "TIFFTAG_IMAGEDESCRIPTION": "May"}
    grid = grid_of(2, 3)
    written = write_raster(tmp_path / "a.tif", grid, spec, pixels, tags=tags)
    verify(written, grid, spec)
    with rasterio.open(written.path, driver="GTiff") as image:
        assert image.scales == (1e-4, 0.01)
        assert image.offsets == (-0.1, 273.15)
        assert image.units == ("1", "K")
        assert image.descriptions == (bands[0].description, "lst")
        assert image.nodata == NODATA
        assert image.tags() == tags | {"AREA_OR_POINT": "Area"}
        numbers = image.tags(1)
        assert image.tags(1, ns="IMAGERY") == {"CENTRAL_WAVELENGTH_UM": "0.665"}
        assert image.tags(2) == {"STATISTICS_VALID_PERCENT": "0"}
    # 1, 2, 3, 4, 10: mean 4, squared deviations 9 + 4 + 1 + 0 + 36 = 50, over 5 is 10.
    assert (numbers["STATISTICS_MINIMUM"], numbers["STATISTICS_MAXIMUM"], numbers["STATISTICS_MEAN"]) == (
        "1",
        "10",
        "4",
    )
    assert float(numbers["STATISTICS_STDDEV"]) == pytest.approx(10**0.5, rel=1e-15)
    assert numbers["STATISTICS_VALID_PERCENT"] == "83.33"
    assert written.valid_share == pytest.approx(5 / 12)


def test_order_of_tiles_threads_and_shapes_do_not_show(tmp_path):
    grid, spec = grid_of(150, 130), index_spec(3)
    pixels = noise(3, 150, 130)
    first = write_raster(tmp_path / "first.tif", grid, spec, pixels, block_size=32, tile=32)
    for number, (size, threads, phase) in enumerate(
        [(150, 1, (0, 0)), (41, 4, (13, 5)), (32, 3, (16, 0)), (7, 2, (0, 3))]
    ):
        tiles = list(grid.tiles(size, phase))
        random.Random(number).shuffle(tiles)
        with CogWriter(tmp_path / f"{number}.tif", grid, spec, block_size=32) as writer:
            with ThreadPoolExecutor(threads) as pool:
                list(
                    pool.map(
                        lambda t, w=writer: w.write(
                            t, pixels[:, t.row : t.row + t.height, t.column : t.column + t.width]
                        ),
                        tiles,
                    )
                )
            assert writer.pending_bytes == 0
            written = writer.close()
        assert written.sha256 == first.sha256
        assert written.pixel_hash == first.pixel_hash
        assert written.statistics == first.statistics
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.tif", "1.tif", "2.tif", "3.tif", "first.tif"]


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 80), st.tuples(st.integers(0, 40), st.integers(0, 40)))
def test_any_size_and_tiling_reads_back(tmp_path_factory, rows, columns, tile, phase):
    grid, spec = grid_of(rows, columns), index_spec()
    pixels = noise(1, rows, columns, seed=rows * 100 + columns)
    path = tmp_path_factory.mktemp("any") / "a.tif"
    written = write_raster(path, grid, spec, pixels, block_size=16, tile=tile, phase=phase)
    verify(written, grid, spec, threads=1)
    known = pixels[pixels != NODATA].astype(float)
    assert written.statistics[0].count == known.size
    if known.size:
        assert written.statistics[0].mean == pytest.approx(known.mean(), abs=1e-9)
        assert written.statistics[0].deviation == pytest.approx(known.std(), abs=1e-9)


def test_memory_is_the_seams(tmp_path):
    # Tiles of two blocks, whole blocks wait for nothing; the one overview block waits for its quarters.
    grid, spec = grid_of(64, 64), index_spec()
    pixels = noise(1, 64, 64)
    with CogWriter(tmp_path / "a.tif", grid, spec, block_size=16) as writer:
        for tile in grid.tiles(32):
            writer.write(tile, pixels[:, tile.row : tile.row + 32, tile.column : tile.column + 32])
            assert writer.pending_bytes <= 16 * 16 * 2
        assert writer.pending_bytes == 0
        # Half a block off the grid the seams wait too, and are let go.
    with CogWriter(tmp_path / "b.tif", grid, spec, block_size=16) as writer:
        most = 0
        for tile in grid.tiles(32, (8, 8)):
            writer.write(tile, pixels[:, tile.row : tile.row + tile.height, tile.column : tile.column + tile.width])
            most = max(most, writer.pending_bytes)
        assert 0 < most < pixels.nbytes / 2
        assert writer.pending_bytes == 0


def test_big_tiff_when_the_file_is_large(tmp_path, monkeypatch):
    grid, spec = grid_of(100, 90), index_spec(2)
    pixels = noise(2, 100, 90)
    monkeypatch.setattr(assembly, "BIG_ABOVE", 1000)
    written = write_raster(tmp_path / "big.tif", grid, spec, pixels, block_size=32)
    assert written.path.read_bytes()[:4] == b"II+\0"
    verify(written, grid, spec)
    assert cog_validate(str(written.path), strict=True) == (True, [], [])
    with rasterio.open(written.path, driver="GTiff") as image:
        assert np.array_equal(image.read(), pixels)
        assert image.tags(ns="IMAGE_STRUCTURE")["COMPRESSION"] == "DEFLATE"


@pytest.mark.parametrize(
    "crs",
    [
        "EPSG:32653",
        "EPSG:3857",
        "EPSG:6933",
        "+proj=laea +lat_0=45 +lon_0=130 +x_0=0 +y_0=0 +datum=WGS84 +units=m +no_defs",
        "+proj=aea +lat_0=45 +lon_0=130 +lat_1=43 +lat_2=52 +x_0=0 +y_0=0 +ellps=WGS84 +units=m +no_defs",
        "ESRI:102025",
    ],
)
def test_any_projected_system_is_kept(tmp_path, crs):
    grid, spec = grid_of(5, 5, crs=crs), index_spec()
    written = write_raster(tmp_path / "a.tif", grid, spec, noise(1, 5, 5))
    verify(written, grid, spec)
    with rasterio.open(written.path, driver="GTiff") as image:
        assert image.crs == CRS.from_user_input(crs)


def test_holes_are_refused_by_place(tmp_path):
    grid, spec = grid_of(64, 64), index_spec()
    pixels = noise(1, 64, 64)
    writer = CogWriter(tmp_path / "a.tif", grid, spec, block_size=16)
    for tile in grid.tiles(16):
        if (tile.row, tile.column) != (16, 32):
            writer.write(tile, pixels[:, tile.row : tile.row + 16, tile.column : tile.column + 16])
    with pytest.raises(PublishError, match=r"row 16, column 32 \(1 of 16 blocks"):
        writer.close()
    assert list(tmp_path.iterdir()) == []
    writer = CogWriter(tmp_path / "a.tif", grid, spec, block_size=16)
    writer.write(Tile(0, 0, 64, 63), pixels[:, :, :63])
    with pytest.raises(PublishError, match=r"row 0, column 48 \(4 of 16"):
        writer.close()
    assert list(tmp_path.iterdir()) == []


def test_pixels_that_come_twice_are_refused(tmp_path):
    grid, spec = grid_of(32, 32), index_spec()
    pixels = noise(1, 32, 32)
    for first, second in [
        (Tile(0, 0, 16, 16), Tile(0, 0, 16, 16)),
        (Tile(0, 0, 8, 8), Tile(7, 7, 3, 3)),
        (Tile(0, 0, 8, 8), Tile(0, 0, 16, 16)),
        (Tile(0, 0, 16, 16), Tile(15, 15, 2, 2)),
    ]:
        with CogWriter(tmp_path / "a.tif", grid, spec, block_size=16) as writer:
            writer.write(first, pixels[:, : first.height, : first.width])
            with pytest.raises(PublishError, match="twice"):
                writer.write(second, pixels[:, : second.height, : second.width])
            with pytest.raises(PublishError, match="earlier tile failed"):
                writer.close()
    assert list(tmp_path.iterdir()) == []


def test_wrong_tiles_are_refused(tmp_path):
    grid, spec = grid_of(32, 32), index_spec()
    with CogWriter(tmp_path / "a.tif", grid, spec, block_size=16) as writer:
        with pytest.raises(GridMismatch, match="outside the grid of 32 × 32"):
            writer.write(Tile(0, 20, 16, 16), np.zeros((1, 16, 16), dtype=np.int16))
        with pytest.raises(GridMismatch, match="outside"):
            writer.write(Tile(0, -1, 16, 16), np.zeros((1, 16, 16), dtype=np.int16))
        with pytest.raises(GridMismatch, match=r"float64 .*want int16"):
            writer.write(Tile(0, 0, 16, 16), np.zeros((1, 16, 16)))
        with pytest.raises(GridMismatch, match=r"\(1, 16, 16\)"):
            writer.write(Tile(0, 0, 16, 16), np.zeros((16, 16), dtype=np.int16))
        writer.write(Tile(0, 0, 32, 32), np.zeros((1, 32, 32), dtype=np.int16))
        writer.close()
        with pytest.raises(PublishError, match="closed"):
            writer.write(Tile(0, 0, 32, 32), np.zeros((1, 32, 32), dtype=np.int16))
        with pytest.raises(PublishError, match="closed"):
            writer.close()
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


def test_settings_are_checked(tmp_path):
    grid, spec = grid_of(4, 4), index_spec()
    with pytest.raises(PublishError, match="multiple of 16"):
        CogWriter(tmp_path / "a.tif", grid, spec, block_size=100)
    with pytest.raises(PublishError, match="level is 9"):
        CogWriter(tmp_path / "a.tif", grid, spec, level=9)
    with pytest.raises(PublishError, match="cannot write beside"):
        CogWriter(tmp_path / "nowhere" / "a.tif", grid, spec)
    with pytest.raises(PublishError, match="control character"):
        write_raster(tmp_path / "a.tif", grid, spec, noise(1, 4, 4), tags={"A": "x\x00y"})
    with pytest.raises(PublishError, match="control character"):
        write_raster(tmp_path / "a.tif", grid, spec, noise(1, 4, 4), tags={"TIFFTAG_SOFTWARE": "x\x00y"})
    assert list(tmp_path.iterdir()) == []


def test_old_file_stands_until_the_new_one_is_whole(tmp_path):
    grid, spec = grid_of(32, 32), index_spec()
    old = write_raster(tmp_path / "a.tif", grid, spec, noise(1, 32, 32, seed=1), block_size=16)
    with CogWriter(tmp_path / "a.tif", grid, spec, block_size=16) as writer:
        writer.write(Tile(0, 0, 16, 32), noise(1, 16, 32))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]
    verify(old, grid, spec)


def test_threads_that_fail_spoil_the_file(tmp_path, monkeypatch):
    grid, spec = grid_of(64, 64), index_spec()
    pixels = noise(1, 64, 64)
    with CogWriter(tmp_path / "a.tif", grid, spec, block_size=16) as writer:
        calls = iter(range(100))
        lock = threading.Lock()
        real = writer._append

        def failing(stream: bytes) -> int:
            with lock:
                if next(calls) == 7:
                    raise OSError(28, "No space left on device")
            return real(stream)

        monkeypatch.setattr(writer, "_append", failing)
        tiles = list(grid.tiles(16))
        with ThreadPoolExecutor(4) as pool:
            jobs = [
                pool.submit(writer.write, t, pixels[:, t.row : t.row + 16, t.column : t.column + 16]) for t in tiles
            ]
        errors = [job.exception() for job in jobs if job.exception()]
        assert len(errors) == 1
        assert "No space left on device; free space" in str(errors[0])
        with pytest.raises(PublishError, match="No space left"):
            writer.close()
    assert list(tmp_path.iterdir()) == []
