"""Scenes without a quality mask: missing by default, clear where all bands have data if that is wanted, and said so."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from made_scenes import NORTH, WEST, area, asset, scene
from pyproj import Transformer
from rasterio.transform import from_origin
from shapely.geometry import box

from habitat.contracts import Area, Grid, Period
from habitat.contracts.errors import CatalogueError, ConfigError, OffsetDisagreement
from habitat.contracts.grid import Tile
from habitat.sources import load_cube, search
from habitat.sources.catalogues.items import scene_from_item, sensor_of
from habitat.sources.catalogues.providers import PROFILES, provider_for
from habitat.sources.scenes.pixels import PixelReader
from habitat.sources.scenes.preflight import check_scenes
from habitat.sources.scenes.rasters import Rasters

BANDS = ("red", "nir", "swir2")


def bare(folder, name, **about):
    return replace(scene(folder, name, **about), mask=None)


def view_of(scenes, place, tile=None, bands=BANDS, **options):
    """Clear mask and bands of a tile on its own pixels, and what preflight said."""
    with Rasters(None) as rasters:
        checked = check_scenes(scenes, rasters, bands, without_mask="all-clear", **options)
        reader = PixelReader(checked, place, rasters, bands=bands)
        with rasters.env():
            view = reader.at(tile or Tile(0, 0, *place.grid.shape))
            clear = [view.on_grid(layer, view.mask_step, view.mask_phase).copy() for layer in view.clear]
            numbers = {}
            for band in bands:
                stack = view.band(band)
                numbers[band] = [view.on_grid(layer, stack.step, stack.phase).copy() for layer in stack.numbers]
    return np.array(clear), {band: np.array(layers) for band, layers in numbers.items()}, checked, view


def on_ten_metres(made, band):
    with rasterio.open(made.bands[band].href) as source:
        pixels = source.read(1)
    return np.kron(pixels, np.ones((2, 2), np.uint16)) if band == "swir2" else pixels


def test_refused_by_default_with_a_hint(tmp_path):
    with Rasters(None) as rasters:
        checked = check_scenes([bare(tmp_path, "a")], rasters, BANDS)
    (entry,) = checked.missing
    assert entry.reason == "no-mask"
    assert "without_mask: all-clear" in entry.text
    assert checked.mask_gap() is None
    with Rasters(None) as rasters, pytest.raises(ConfigError, match="refuse or all-clear"):
        check_scenes([], rasters, BANDS, without_mask="clear")


def test_clear_is_where_all_bands_have_data(tmp_path):
    made = bare(tmp_path, "a")
    clear, numbers, checked, view = view_of([made], area())
    expected = np.all([on_ten_metres(made, band) != 0 for band in BANDS], axis=0)
    # Each band lacks one pixel in twenty.
    assert 0.8 < expected.mean() < 0.9
    np.testing.assert_array_equal(clear[0].astype(bool), expected)
    assert view.mask_step == 1
    assert view.clear_pixels == {0: int(expected.sum())}
    np.testing.assert_array_equal(numbers["swir2"][0], on_ten_metres(made, "swir2"))
    name, text = checked.mask_gap()
    assert name == "quality mask"
    assert "1 of 1 scenes have none" in text
    assert "(a)" in text
    assert checked.mask_note(made) == "no quality mask: clear wherever all bands have data"


def test_bands_of_one_coarse_size_stay_coarse(tmp_path):
    made = bare(tmp_path, "a")
    clear, _, _, view = view_of([made], area(), bands=("swir2",), tile=Tile(1, 3, 50, 60))
    assert (view.mask_step, view.mask_phase) == (2, (1, 1))
    np.testing.assert_array_equal(clear[0].astype(bool), on_ten_metres(made, "swir2")[1:51, 3:63] != 0)


def test_tiles_do_not_change_what_is_clear(tmp_path):
    place = area(west=WEST + 30, north=NORTH - 50, rows=90, columns=100)
    scenes = [bare(tmp_path, "a"), scene(tmp_path, "b", days=2, seed=1)]
    whole = view_of(scenes, place)[0]
    joined = np.zeros_like(whole)
    for tile in place.grid.tiles(33, (7, 5)):
        part = view_of(scenes, place, tile)[0]
        joined[:, tile.row : tile.row + tile.height, tile.column : tile.column + tile.width] = part
    np.testing.assert_array_equal(joined, whole)


def test_of_two_scenes_of_a_day_the_first_with_data_counts(tmp_path):
    one, other = bare(tmp_path, "a"), bare(tmp_path, "b", seed=5)
    clear, numbers, _, _ = view_of([one, other], area())
    has = [np.all([on_ten_metres(made, band) != 0 for band in BANDS], axis=0) for made in (one, other)]
    assert len(clear) == 1
    np.testing.assert_array_equal(clear[0].astype(bool), has[0] | has[1])
    only = has[1] & ~has[0]
    assert only.any()
    np.testing.assert_array_equal(numbers["red"][0][only], on_ten_metres(other, "red")[only])
    np.testing.assert_array_equal(numbers["red"][0][has[0]], on_ten_metres(one, "red")[has[0]])


def test_scenes_with_a_mask_keep_it(tmp_path):
    masked, without = scene(tmp_path, "a"), bare(tmp_path, "b", days=2, seed=1)
    clear, _, checked, _ = view_of([masked, without], area())
    np.testing.assert_array_equal(clear[0], view_of([masked], area())[0][0])
    np.testing.assert_array_equal(clear[1], view_of([without], area())[0][0])
    assert checked.without_mask == (without,)
    assert "1 of 2 scenes" in checked.mask_gap()[1]
    assert checked.mask_note(masked) == ""


def test_both_doors_agree(tmp_path):
    scenes = [scene(tmp_path, "a"), bare(tmp_path, "b", days=2, seed=1)]
    clear = view_of(scenes, area())[0]
    cube = load_cube(scenes, area(), bands=BANDS, without_mask="all-clear", chunks=64)
    np.testing.assert_array_equal(cube["clear"].values[1], clear[1].astype(bool))
    np.testing.assert_array_equal(cube["clear"].values[0], load_cube(scenes, area(), bands=BANDS)["clear"].values[0])
    assert not load_cube(scenes, area(), bands=BANDS)["clear"].values[1].any()


def test_pixels_too_dark_for_the_offset_are_found_without_a_mask_too(tmp_path):
    # 1 % of these pixels lie below DN 100: with +1000 in them that would be far below no light at all.
    made = replace(bare(tmp_path, "a", offset=-0.1), offset_present=True)
    with Rasters(None) as rasters, pytest.raises(OffsetDisagreement, match="all clear pixels"):
        check_scenes([made], rasters, BANDS, without_mask="all-clear")
    honest = replace(bare(tmp_path, "b"), offset_present=False)
    with Rasters(None) as rasters:
        checked = check_scenes([honest], rasters, BANDS, without_mask="all-clear")
    assert checked.evidence["b"].verdict == "absent"


def under_centres(grid, pixels, transform, crs=4326):
    """Source pixel under each centre of a grid, 0 beyond them, and each centre's distance to an edge [source pixels]."""
    # Exact, centre by centre: rasterio.warp.reproject approximates, by more or less from version to version.
    x, y = np.meshgrid(grid.coords["x"], grid.coords["y"])
    lon, lat = Transformer.from_crs(grid.crs, crs, always_xy=True).transform(x, y)
    rows, columns = (lat - transform.f) / transform.e, (lon - transform.c) / transform.a
    row, column = np.floor(rows).astype(int), np.floor(columns).astype(int)
    inside = (row >= 0) & (row < pixels.shape[0]) & (column >= 0) & (column < pixels.shape[1])
    found = np.where(inside, pixels[np.where(inside, row, 0), np.where(inside, column, 0)], 0).astype(pixels.dtype)
    return found, np.minimum(np.abs(rows - np.round(rows)), np.abs(columns - np.round(columns)))


def test_a_grid_in_degrees_gives_the_pixel_under_the_centre(tmp_path):
    step = 0.00027
    west, north = Transformer.from_crs(32652, 4326, always_xy=True).transform(WEST + 40, NORTH - 60)
    pixels = np.random.default_rng(2).integers(1, 9000, (60, 70), dtype=np.uint16)
    pixels[5:9, 20:30] = 0
    plain = bare(tmp_path, "a", bands=("red",))
    made = replace(plain, bands={"red": asset(tmp_path, "degrees", pixels, step, west, north, 4326)})
    place = area(resolution=20.0, rows=120, columns=110)
    expected, _ = under_centres(place.grid, pixels, from_origin(west, north, step, step))
    assert 0.1 < (expected != 0).mean() < 0.9
    clear, numbers, _, _ = view_of([made], place, bands=("red",))
    np.testing.assert_array_equal(numbers["red"][0], expected)
    np.testing.assert_array_equal(clear[0].astype(bool), expected != 0)


COMPOSITE = {
    "id": "wal-before",
    "collection": "wal-waldo-canyon",
    "bbox": [-105.0, 38.8, -104.9, 38.9],
    "properties": {
        "datetime": "2012-04-23T00:00:00Z",
        "start_datetime": "2012-02-24T00:00:00Z",
        "end_datetime": "2012-06-22T23:59:59Z",
        "platform": "landsat-7",
        "proj:epsg": 4326,
    },
    "assets": {"red": {"href": "./red.tif", "raster:bands": [{"scale": 2.75e-05, "offset": -0.2}]}},
}


def changed(**properties):
    item = copy.deepcopy(COMPOSITE)
    item["properties"] |= properties
    return item


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "catalog.json").write_text("{}")
    return provider_for(str(tmp_path)), tmp_path / "item.json"


def test_a_composite_that_declares_landsat_reflectance_is_landsat(folder):
    provider, path = folder
    made = scene_from_item(COMPOSITE, provider, base_href=path)
    assert (made.sensor, made.tile, made.mask) == ("landsat", "wal-before", None)
    assert made.extras["composite"] == "2012-02-24 to 2012-06-22"
    assert made.bands["red"].offset == -0.2
    # One scene that names no path and row is still refused, and so are other scales and other catalogues.
    with pytest.raises(CatalogueError, match="names no tile"):
        scene_from_item(changed(start_datetime=None), provider, base_href=path)
    with pytest.raises(CatalogueError, match="names no tile"):
        scene_from_item(changed(end_datetime="2012-02-24T10:00:00Z"), provider, base_href=path)
    kelvin = copy.deepcopy(COMPOSITE)
    kelvin["assets"]["red"]["raster:bands"] = [{"scale": 0.00341802, "offset": 149.0}]
    assert sensor_of(kelvin, provider) is None
    for odd in (None, {"red": "no mapping"}, {"red": {"raster:bands": [{"scale": "much", "offset": -0.2}]}}):
        assert sensor_of(COMPOSITE | {"assets": odd}, provider) is None
    assert sensor_of(COMPOSITE, PROFILES["earth-search"]) is None


def real_area(name, bounds, crs, resolution):
    grid = Grid.around(Transformer.from_crs(4326, crs, always_xy=True).transform_bounds(*bounds), crs, resolution)
    return Area(name, box(*bounds), grid)


@pytest.mark.parametrize(
    ("folder_name", "bounds", "crs", "resolution", "period", "bands"),
    [
        (
            "landsat-fires-usgs-basins", (-104.992126, 38.8786363, -104.9118166, 38.9516694), "EPSG:32613", 30.0,
            "2012-04", ("red", "nir", "swir2"),
        ),
        (
            "s2-fire-llutxent-2018", (-0.3928895, 38.9213223, -0.1112188, 39.053859), "EPSG:32630", 20.0,
            "2018-08", ("nir_narrow", "swir2"),
        ),
    ],
    ids=["waldo-canyon", "llutxent"],
)  # fmt: skip
def test_real_composites_in_degrees_are_read_pixel_for_pixel(
    shared, folder_name, bounds, crs, resolution, period, bands
):
    catalogue = shared / "imagery" / folder_name / "catalog.json"
    if not catalogue.is_file():
        pytest.skip(f"{folder_name} is not at hand")
    place = real_area("here", bounds, crs, resolution)
    found = search(["sentinel2", "landsat"], place, Period(period), catalogue=catalogue).require()
    (made,) = found.scenes
    clear, numbers, checked, _ = view_of(found.scenes, place, bands=bands)
    assert checked.without_mask == (made,)
    for band in bands:
        with rasterio.open(made.bands[band].href) as source:
            expected, to_edge = under_centres(place.grid, source.read(1), source.transform, source.crs)
        other = numbers[band][0] != expected
        assert (expected != 0).mean() > 0.3
        # Centres that lie within 3 mm of the edge between two source pixels may fall to either.
        assert other.mean() < 1e-4
        assert (to_edge[other] * resolution < 0.003).all()
    assert 0.3 < clear.mean() <= 1.0
