"""Several bands in one file: items, reading, masks of classes; and a real series of 447 such files."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import rasterio
from made_scenes import NORTH, WEST, area
from rasterio.transform import from_origin

from habitat.contracts.errors import NoScenes
from habitat.contracts.span import Span
from habitat.imagery.clouds import clear_mask, clear_policy
from habitat.sources.areas.reading import read_area
from habitat.sources.catalogues.searching import search
from habitat.sources.catalogues.stacked_assets import apart
from habitat.sources.scenes.observations import SeriesReader
from habitat.sources.scenes.preflight import check_scenes
from habitat.sources.scenes.rasters import Rasters

BANDS = ("red", "nir08", "fmask")
COLORADO = Path(__file__).parent.parent / "change" / "colorado.yaml"


def item(folder, pixels, *, name="LT05_stack", when="2005-07-03T00:00:00Z", **changes):
    """An item of one file with red, near infrared and Fmask, and the catalogue that holds it."""
    path = folder / f"{name}.tif"
    profile = {"driver": "GTiff", "height": 4, "width": 4, "count": len(pixels), "dtype": "int16", "nodata": -9999}
    with rasterio.open(path, "w", crs="EPSG:32652", transform=from_origin(WEST, NORTH, 30, 30), **profile) as file:
        file.write(np.asarray(pixels, np.int16))
    asset = {
        "href": f"./{name}.tif",
        "eo:bands": [{"name": band} for band in BANDS[: len(pixels)]],
        "raster:bands": [{"scale": 1e-4, "offset": 0.0, "nodata": -9999}] * 2 + [{"nodata": 255}],
    } | changes
    west, south, east, north = area(rows=12, columns=12).polygon.bounds
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature", "stac_version": "1.0.0", "id": name, "collection": "ledaps",
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [west, south, east, north], "links": [],
        "properties": {
            "datetime": when, "platform": "landsat-5", "proj:epsg": 32652,
            "landsat:wrs_path": "115", "landsat:wrs_row": "30",
        },
        "assets": {"stack": asset},
    }  # fmt: skip


def catalogue(folder, *items):
    (folder / "catalog.json").write_text(json.dumps({"type": "FeatureCollection", "features": list(items)}))
    return str(folder / "catalog.json")


def test_bands_of_one_file_are_read_each_with_its_own_numbers(tmp_path):
    red = np.arange(1, 17).reshape(4, 4)
    nir, mask = red + 3000, np.zeros((4, 4))
    nir[0, 0], mask[1] = -9999, (1, 2, 3, 4)
    place = area(rows=4, columns=4, resolution=30.0)
    found = search("landsat", place, Span(date(2005, 7, 1), date(2005, 7, 31)), catalogue=catalogue(
        tmp_path, item(tmp_path, (red, nir, mask))
    ))  # fmt: skip
    (scene,) = found.scenes
    assert [scene.bands[name].band for name in ("red", "nir")] == [1, 2]
    assert (scene.mask.band, scene.mask_codes) == (3, "fmask")
    with Rasters(found.provider) as rasters:
        checked = check_scenes(found.scenes, rasters, ("red", "nir"))
        assert checked.missing == ()
        reader = SeriesReader(
            checked, Span(date(2005, 7, 1), date(2005, 7, 31)), place, rasters,
            bands=("red", "nir"), purpose="forest", grow_m=0,
        )  # fmt: skip
        (tile,) = reader.tiles(2**24)
        series, _ = reader.read(tile)
    assert series.clear.reshape(4, 4).tolist() == [[1] * 4, [0] * 4, [1] * 4, [1] * 4]
    kept = series.clear[0].astype(bool)
    np.testing.assert_array_equal(series.codes[0, 0, kept], red.reshape(-1)[kept])
    expected = np.where(nir < 0, -32768, nir).reshape(-1)
    np.testing.assert_array_equal(series.codes[1, 0, kept], expected[kept])


def test_the_day_is_kept_where_only_the_day_was_known(tmp_path):
    place = area(rows=4, columns=4, resolution=30.0)
    where = catalogue(tmp_path, item(tmp_path, np.ones((3, 4, 4)), when="2005-07-03T00:00:00Z"))
    (scene,) = search("landsat", place, Span(date(2005, 7, 1), date(2005, 7, 5)), catalogue=where).scenes
    # At 130 E the sun stands as at 9 in the morning, which may be an overpass: the time is taken at its word.
    assert (scene.datetime.hour, scene.solar_day) == (0, date(2005, 7, 3))


@pytest.mark.parametrize("changes", [{"roles": ["visual"]}, {"raster:bands": [{"nodata": 0}] * 3}])
def test_pictures_for_the_eye_are_no_reflectance(changes):
    stack = {"href": "a.tif", "eo:bands": [{"name": "red"}, {"name": "green"}], "raster:bands": [{"scale": 1}] * 2}
    assert set(apart({"visual": stack | changes})) == {"visual"}


def test_bands_of_their_own_files_come_first():
    own = {"href": "red.tif"}
    stack = {"href": "a.tif", "bands": [{"name": "red", "raster:scale": 1e-4}, {"name": "nir", "raster:scale": 1e-4}]}
    told = apart({"red": own, "stack": stack})
    assert (told["red"], told["nir"]["habitat:band"], told["nir"]["bands"][0]["raster:scale"]) == (own, 2, 1e-4)


def test_a_file_with_fewer_bands_than_its_item_says_is_corrupt(tmp_path):
    told = item(tmp_path, np.ones((3, 4, 4)))
    item(tmp_path, np.ones((2, 4, 4)))
    place = area(rows=4, columns=4, resolution=30.0)
    found = search("landsat", place, Span(date(2005, 7, 1), date(2005, 7, 5)), catalogue=catalogue(tmp_path, told))
    with Rasters(found.provider) as rasters:
        (lost,) = check_scenes(found.scenes, rasters, ("red",)).missing
    assert lost.reason == "corrupt"
    assert "it has 2 bands, its item says that it has 3 or more" in lost.text


def test_stacks_without_a_mask_of_classes_or_a_known_scale_are_not_taken_for_reflectance(tmp_path):
    told = item(tmp_path, np.ones((3, 4, 4)), **{"raster:bands": [{"scale": 0.01}] * 2 + [{"nodata": 255}]})
    place = area(rows=4, columns=4, resolution=30.0)
    found = search("landsat", place, Span(date(2005, 7, 1), date(2005, 7, 5)), catalogue=catalogue(tmp_path, told))
    assert "wants 0.0000275 and -0.2" in dict(found.dropped)["LT05_stack"]
    with pytest.raises(NoScenes):
        found.require()


@pytest.mark.parametrize(
    ("purpose", "clear"),
    [("forest", [1, 0, 0, 0, 0, 0]), ("snow", [1, 0, 0, 1, 0, 0]), ("scar", [1, 1, 1, 1, 0, 0])],
)
def test_classes_of_fmask(purpose, clear):
    policy = clear_policy("fmask", purpose, resolution_m=30, grow_m=0, shadow_reach_m=0)
    codes = np.array([[0, 1, 2, 3, 4, 255]], np.uint8)
    assert clear_mask(codes, policy).tolist() == [clear]


@pytest.fixture(scope="module")
def colorado(request):
    shared = request.getfixturevalue("shared")
    folder = shared / "imagery" / "landsat-stack-p035r032-colorado"
    if not folder.exists():
        pytest.skip("the series is not here")
    return folder


def test_a_real_series_of_stacks_is_read_number_for_number(colorado):
    xr = pytest.importorskip("xarray")
    place, years = read_area(COLORADO), Span(date(1984, 1, 1), date(2013, 12, 31))
    found = search("landsat", place, years, catalogue=str(colorado / "catalog.json"))
    assert (len(found.scenes), found.dropped, place.grid.shape) == (447, (), (5, 5))
    assert str(found.scenes[0].solar_day) == "1984-04-17"
    assert "only the day is known" in found.scenes[0].extras["time"]
    with xr.open_dataset(colorado / "cube.nc", decode_cf=False) as cube:
        raw = cube["sr"].values.reshape(447, 8, 25)
    with Rasters(found.provider) as rasters:
        checked = check_scenes(found.scenes, rasters, ("red", "swir2"))
        reader = SeriesReader(
            checked, years, place, rasters, bands=("red", "swir2"), purpose="forest", grow_m=0
        )  # fmt: skip
        (tile,) = reader.tiles(2**28)
        series, _ = reader.read(tile)
    np.testing.assert_array_equal(series.clear, raw[:, 7] == 0)
    seen = series.clear.astype(bool)
    for band, number in ((0, 2), (1, 5)):
        expected = np.where(raw[:, number] < 1, -32768, raw[:, number])
        np.testing.assert_array_equal(series.codes[band][seen], expected[seen])
