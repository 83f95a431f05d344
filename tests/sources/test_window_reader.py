"""Window reader: the same pixels as GDAL's own nearest neighbour, and no file that is something else."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rasterio.vrt import WarpedVRT
from rasterio.windows import Window
from stackstac.raster_spec import RasterSpec

from habitat.contracts.errors import CatalogueError, ReadFailure
from habitat.sources.scenes import window_reader
from habitat.sources.scenes.window_reader import WindowReader, driver_for, read_failure

WEST, NORTH = 600_000, 4_800_000


def write(path, pixels, resolution=20, *, crs="EPSG:32652", west=WEST, north=NORTH, nodata=0, **options):
    profile = {
        "driver": "GTiff",
        "height": pixels.shape[-2],
        "width": pixels.shape[-1],
        "count": 1,
        "dtype": pixels.dtype,
    }
    with rasterio.open(
        path,
        "w",
        crs=crs,
        transform=from_origin(west, north, resolution, resolution),
        nodata=nodata,
        **profile | options,
    ) as target:
        target.write(pixels if pixels.ndim == 3 else pixels[None])
    return str(path)


def numbers(rows, columns):
    return (np.arange(rows * columns, dtype=np.uint16) + 1).reshape(rows, columns)


def spec(resolution, rows, columns, west=WEST, north=NORTH, epsg=32652):
    bounds = (west, north - rows * resolution, west + columns * resolution, north)
    return RasterSpec(epsg=epsg, bounds=bounds, resolutions_xy=(resolution, resolution))


def reader(url, grid, **options):
    return WindowReader(url=url, spec=grid, **{"dtype": np.dtype("uint16"), "fill_value": np.uint16(0)} | options)


def by_gdal(path, grid):
    with rasterio.open(path) as source, WarpedVRT(source, tolerance=0.001, **grid.vrt_params) as warped:
        return warped.read(1)


def test_the_same_grid_comes_as_it_is(tmp_path):
    pixels = numbers(6, 8)
    path = write(tmp_path / "a.tif", pixels)
    got = reader(path, spec(20, 6, 8)).read(Window(2, 1, 4, 3))
    assert got.tolist() == pixels[1:4, 2:6].tolist()
    assert got.dtype == np.uint16


def test_twenty_metre_pixels_are_doubled_on_a_ten_metre_grid(tmp_path):
    path = write(tmp_path / "a.tif", np.array([[1, 2], [3, 4]], dtype=np.uint16))
    got = reader(path, spec(10, 4, 4)).read(Window(0, 0, 4, 4))
    assert got.tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]


def test_a_window_may_begin_in_the_middle_of_a_source_pixel(tmp_path):
    path = write(tmp_path / "a.tif", np.array([[1, 2], [3, 4]], dtype=np.uint16))
    assert reader(path, spec(10, 4, 4)).read(Window(1, 1, 2, 2)).tolist() == [[1, 2], [3, 4]]


def test_outside_the_image_there_is_fill(tmp_path):
    path = write(tmp_path / "a.tif", np.array([[1, 2], [3, 4]], dtype=np.uint16))
    grid = spec(20, 4, 4, west=WEST - 20, north=NORTH + 20)
    assert reader(path, grid, fill_value=np.uint16(7)).read(Window(0, 0, 4, 4)).tolist() == [
        [7, 7, 7, 7],
        [7, 1, 2, 7],
        [7, 3, 4, 7],
        [7, 7, 7, 7],
    ]
    assert reader(path, spec(20, 2, 2, west=WEST + 9000)).read(Window(0, 0, 2, 2)).tolist() == [[0, 0], [0, 0]]


def test_no_data_of_the_file_becomes_fill(tmp_path):
    path = write(tmp_path / "a.tif", np.array([[1, 2], [1, 4]], dtype=np.uint16), nodata=1)
    assert reader(path, spec(20, 2, 2), fill_value=np.uint16(0)).read(Window(0, 0, 2, 2)).tolist() == [[0, 2], [0, 4]]
    # Without a declared value nothing is guessed: QA_PIXEL 1 is fill whatever the file says.
    path = write(tmp_path / "b.tif", np.array([[1, 2], [0, 4]], dtype=np.uint16), nodata=None)
    assert reader(path, spec(20, 2, 2), fill_value=np.uint16(1)).read(Window(0, 0, 2, 2)).tolist() == [[1, 2], [0, 4]]


@pytest.mark.parametrize(
    ("resolution", "west", "north"),
    [(20, WEST, NORTH), (10, WEST, NORTH), (40, WEST, NORTH), (30, WEST, NORTH), (20, WEST + 7, NORTH - 3), (13, WEST - 40, NORTH + 40)],
)  # fmt: skip
def test_equal_to_gdals_nearest_neighbour_on_one_system(tmp_path, resolution, west, north):
    path = write(tmp_path / "a.tif", numbers(40, 40))
    grid = spec(resolution, 24, 20, west=west, north=north)
    assert np.array_equal(reader(path, grid).read(Window(0, 0, 20, 24)), by_gdal(path, grid))


def test_equal_to_gdals_nearest_neighbour_between_zones(tmp_path):
    # At 126.5 degrees east, where zones 51 and 52 meet, their grids are turned by some degrees.
    path = write(tmp_path / "a.tif", numbers(60, 60), crs="EPSG:32651", west=780_000, north=4_800_000)
    bounds = rasterio.warp.transform_bounds("EPSG:32651", "EPSG:32652", 780_000, 4_798_800, 781_200, 4_800_000)
    grid = spec(20, 70, 80, west=round(bounds[0], -1), north=round(bounds[3], -1))
    whole = by_gdal(path, grid)
    assert (whole > 0).mean() > 0.4
    got = reader(path, grid)
    assert np.array_equal(got.read(Window(0, 0, 80, 70)), whole)
    assert np.array_equal(got.read(Window(10, 20, 30, 40)), whole[20:60, 10:40])


def test_a_mask_of_eight_bits_is_widened(tmp_path):
    path = write(tmp_path / "scl.tif", np.array([[4, 9], [11, 0]], dtype=np.uint8))
    got = reader(path, spec(20, 2, 2)).read(Window(0, 0, 2, 2))
    assert (got.dtype, got.tolist()) == (np.uint16, [[4, 9], [11, 0]])


def test_files_that_are_something_else_are_refused(tmp_path, monkeypatch):
    grid = spec(20, 2, 2)
    two = write(tmp_path / "two.tif", np.ones((2, 2, 2), dtype=np.uint16), count=2)
    floats = write(tmp_path / "floats.tif", np.ones((2, 2), dtype=np.float32))
    negative = write(tmp_path / "negative.tif", np.ones((2, 2), dtype=np.int16))
    nowhere = write(tmp_path / "nowhere.tif", np.ones((2, 2), dtype=np.uint16), crs=None)
    login = tmp_path / "login.tif"
    login.write_text("<html>Please log in</html>")
    vrt = tmp_path / "vrt.tif"
    vrt.write_text(
        f'<VRTDataset rasterXSize="2" rasterYSize="2"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource><SourceFilename>{two}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>'
    )
    for path, word in (
        (two, "2 bands"),
        (floats, "float32"),
        (negative, "int16"),
        (str(login), "format"),
        (str(vrt), "format"),
        (nowhere, "no coordinate system"),
    ):
        with pytest.raises(ReadFailure) as caught:
            reader(path, grid).read(Window(0, 0, 2, 2))
        assert caught.value.reason == "corrupt"
        assert word in str(caught.value)
    good = write(tmp_path / "good.tif", np.ones((2, 2), dtype=np.uint16))
    monkeypatch.setattr(window_reader, "_LARGEST_SIDE", 1)
    with pytest.raises(ReadFailure, match="at most 1 a side"):
        reader(good, grid).read(Window(0, 0, 2, 2))
    monkeypatch.setattr(window_reader, "_LARGEST_SIDE", 100)
    monkeypatch.setattr(window_reader, "_LARGEST_BLOCK", 2)
    with pytest.raises(ReadFailure, match="at most 2"):
        reader(good, grid).read(Window(0, 0, 2, 2))


def test_a_missing_file_is_missing_and_never_a_gap(tmp_path):
    with pytest.raises(ReadFailure, match="missing") as caught:
        reader(str(tmp_path / "gone.tif"), spec(20, 2, 2)).read(Window(0, 0, 2, 2))
    assert caught.value.reason == "missing"


def test_a_cut_file_fails(tmp_path):
    path = tmp_path / "a.tif"
    write(path, np.random.default_rng(1).integers(1, 9999, (256, 256), dtype=np.uint16), compress="deflate", tiled=True)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ReadFailure) as caught:
        reader(str(path), spec(20, 256, 256)).read(Window(0, 0, 256, 256))
    assert caught.value.reason == "corrupt"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError("HTTP response code: 404"), "missing"),
        (OSError("HTTP response code: 403"), "forbidden"),
        (OSError("'a' not recognized as being in a supported file format."), "corrupt"),
        (OSError("something else"), "failed"),
        (ReadFailure("forbidden", "x"), "forbidden"),
        (CatalogueError("the token service answered HTTP 404"), "unsigned"),
    ],
)
def test_words_for_failures(error, reason):
    assert read_failure(error, "https://h/a.tif").reason == reason


@pytest.mark.parametrize("address", ["http://127.0.0.1:40312/a.tif", "/vsicurl/http://127.0.0.1:34041/403/404.tif"])
def test_digits_of_an_address_are_no_answer_of_a_server(address):
    told = OSError(f"'{address}' not recognized as being in a supported file format.")
    assert read_failure(told, address).reason == "corrupt"


def test_failures_tell_no_secret():
    failure = read_failure(OSError("CURL error on https://h/a.tif?sp=r&sig=abc"), "https://h/a.tif?sig=abc")
    assert "abc" not in str(failure)


@pytest.mark.parametrize(
    ("href", "driver"),
    [
        ("a.tif", "GTiff"),
        ("A.TIFF", "GTiff"),
        ("a.jp2", "JP2OpenJPEG"),
        ("a.JP2?x=1.tif", "JP2OpenJPEG"),
        ("a", "GTiff"),
    ],
)
def test_driver_by_name(href, driver):
    assert driver_for(href) == driver


def test_a_reader_travels_and_closes(tmp_path):
    path = write(tmp_path / "a.tif", np.array([[1, 2], [3, 4]], dtype=np.uint16))
    again = pickle.loads(pickle.dumps(reader(path, spec(20, 2, 2))))
    assert again.read(Window(0, 0, 2, 2)).tolist() == [[1, 2], [3, 4]]
    again.close()
