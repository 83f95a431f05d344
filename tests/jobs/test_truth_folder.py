"""Truth folder: rasters written by hand and read back in windows, scenes on other lattices, fires by their days."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer

from habitat.contracts import Period
from habitat.contracts.errors import GridMismatch, InputError
from habitat.contracts.grid import Grid, Tile
from habitat.jobs.truth_folder import BEYOND, TruthFolder

GRID = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 600160.0, 4800120.0))
WHOLE = Tile(0, 0, 6, 8)
MAY = Period("2025-05")


@pytest.fixture
def write(tmp_path):
    """Write bands (name -> array) as a GeoTIFF below the folder."""

    def written(name, bands, *, transform=GRID.transform, crs=GRID.crs, nodata=None, scale=1.0):
        path = tmp_path / f"{name}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        first = next(iter(bands.values()))
        about = {"width": first.shape[1], "height": first.shape[0], "count": len(bands), "dtype": first.dtype}
        with rasterio.open(path, "w", driver="GTiff", crs=crs, transform=transform, nodata=nodata, **about) as target:
            for number, (band, values) in enumerate(bands.items(), 1):
                target.write(values, number)
                target.set_band_description(number, band)
            target.scales = (scale,) * len(bands)
        return path

    return written


@pytest.fixture
def truth(tmp_path):
    return TruthFolder(tmp_path, GRID)


def air(shape, **layers):
    """Bands of a scene: nothing in the sky but what is given."""
    names = ("cloud", "shadow", "cirrus", "haze", "snow")
    return {name: layers.get(name, np.zeros(shape, np.uint8)) for name in names}


def test_windows_of_a_layer(truth, write):
    cover = np.arange(48, dtype=np.uint8).reshape(6, 8)
    write("land/cover", {"cover": cover})
    assert truth.layer("land/cover", Tile(2, 3, 2, 4)).tolist() == [[19, 20, 21, 22], [27, 28, 29, 30]]
    np.testing.assert_array_equal(truth.layer("land/cover", WHOLE, "cover"), cover)


def test_reflectance_is_scaled_and_unknown_is_nan(truth, write):
    codes = np.full((6, 8), 2500, np.int16)
    codes[0, 0] = -32768
    write("reflectance/2025-05", {"red": np.zeros((6, 8), np.int16), "nir": codes}, nodata=-32768, scale=0.0001)
    nir = truth.reflectance(MAY, "nir", Tile(0, 0, 1, 2))
    assert np.isnan(nir[0, 0])
    assert nir[0, 1] == np.float32(0.25)
    assert nir.dtype == np.float32
    with pytest.raises(InputError, match=r"truth reflectance/2025-05 has bands \('red', 'nir'\), wants 'swir2'"):
        truth.reflectance(MAY, "swir2", WHOLE)


def test_a_layer_that_is_not_there_or_lies_elsewhere(truth, write):
    with pytest.raises(InputError, match="the truth about land/slope cannot be read"):
        truth.layer("land/slope", WHOLE)
    write("land/moved", {"moved": np.zeros((6, 8), np.uint8)}, transform=Affine(20, 0, 600020, 0, -20, 4800120))
    write("land/small", {"small": np.zeros((5, 8), np.uint8)})
    write("land/other", {"other": np.zeros((6, 8), np.uint8)}, crs="EPSG:32653")
    for name in ("moved", "small", "other"):
        with pytest.raises(GridMismatch, match=f"truth land/{name} lies on"):
            truth.layer(f"land/{name}", WHOLE)


def test_a_file_that_is_no_raster_is_told(truth, tmp_path):
    (tmp_path / "land").mkdir()
    (tmp_path / "land" / "cover.tif").write_text("this is no raster")
    with pytest.raises(InputError, match="make the twin anew"):
        truth.layer("land/cover", WHOLE)


def test_fires_count_by_their_days_and_the_severest_wins(truth, write):
    def fire(days, severity):
        layers = np.zeros((2, 6, 8), np.int16)
        layers[0, 0, : len(days)], layers[1, 0, : len(days)] = days, severity
        return {"day_of_year": layers[0], "severity": layers[1]}

    # 2024 is a leap year: day 305 is 31 October, day 306 the first of November.
    write("fires/2024_autumn", fire([305, 306, 306], [20, 30, 90]))
    # 2025: day 114 is 24 April, day 120 the last of April, day 121 the first of May.
    write("fires/2025_spring", fire([0, 114, 120, 121], [0, 50, 40, 60]))
    burnt = truth.burnt(WHOLE, date(2024, 11, 1), date(2025, 4, 30))
    assert burnt[0].tolist() == [-1, 50, 90, -1, -1, -1, -1, -1]
    assert (burnt[1:] == -1).all()
    assert truth.burnt(WHOLE, date(2024, 10, 31), date(2024, 10, 31))[0, :3].tolist() == [20, -1, -1]
    assert truth.burnt(Tile(0, 3, 1, 1), MAY.first_day, MAY.last_day).tolist() == [[60]]
    assert (truth.burnt(WHOLE, date(2023, 1, 1), date(2023, 12, 31)) == -1).all()


def test_sky_of_a_scene_on_the_area_s_own_pixels(truth, write):
    cloud = np.zeros((8, 10), np.uint8)
    cloud[1, 1], cloud[2, 2], cloud[3, 3] = 50, 49, 2
    shadow = np.zeros((8, 10), np.uint8)
    shadow[1, 1], shadow[4, 4] = 80, 60
    write("scenes/S", air((8, 10), cloud=cloud, shadow=shadow), transform=Affine(20, 0, 599980, 0, -20, 4800140))
    sky = truth.sky("S", WHOLE)
    assert sky.seen.all()
    # The scene begins one pixel north-west of the area.
    assert np.argwhere(sky.cloudy).tolist() == [[0, 0]]
    assert np.argwhere(sky.shadowed).tolist() == [[3, 3]], "what a cloud hides is no shadow"
    assert np.argwhere(~sky.clear).tolist() == [[0, 0], [1, 1], [3, 3]], "two percent are clear"
    assert np.argwhere(sky.near).tolist() == [[0, 0], [3, 3]], "nothing is near but itself"


def test_near_is_measured_on_the_scene_and_reaches_in_from_beyond_the_tile(truth, write):
    cloud = np.zeros((6, 8), np.uint8)
    cloud[2, 1] = 100
    write("scenes/S", air((6, 8), cloud=cloud))
    whole = truth.sky("S", WHOLE, within_m=40.0).near
    rows, columns = np.indices((6, 8))
    np.testing.assert_array_equal(whole, (rows - 2) ** 2 + (columns - 1) ** 2 <= 4)
    part = truth.sky("S", Tile(2, 2, 4, 6), within_m=40.0)
    np.testing.assert_array_equal(part.near, whole[2:, 2:])
    assert not part.cloudy.any()


def test_landsat_pixels_of_30_m_are_taken_under_the_pixel_s_centre(truth, write):
    values = np.arange(20, dtype=np.uint8).reshape(4, 5)
    write("scenes/L", air((4, 5), haze=values, cirrus=values), transform=Affine(30, 0, 600015, 0, -30, 4800105))
    sky = truth.sky("L", WHOLE)
    west, north = 600000 + 20 * (np.arange(8) + 0.5), 4800120 - 20 * (np.arange(6) + 0.5)
    column, row = np.floor((west - 600015) / 30).astype(int), np.floor((4800105 - north) / 30).astype(int)
    inside = ((row >= 0) & (row < 4))[:, None] & ((column >= 0) & (column < 5))[None, :]
    expected = np.where(inside, values[np.clip(row, 0, 3)[:, None], np.clip(column, 0, 4)[None, :]], BEYOND)
    np.testing.assert_array_equal(sky.cirrus, expected)
    np.testing.assert_array_equal(sky.seen, inside)
    assert not sky.clear[~inside].any()


def test_scene_of_the_zone_next_door(truth, write):
    """A single cloudy pixel in EPSG:32653 is found where a projection of its centre says."""
    to_next = Transformer.from_crs(GRID.crs, "EPSG:32653", always_xy=True)
    x, y = to_next.transform(600110.0, 4800070.0)
    west, north = 20 * np.floor(x / 20) - 400, 20 * np.floor(y / 20) + 420
    cloud = np.zeros((40, 40), np.uint8)
    cloud[int((north - y) // 20), int((x - west) // 20)] = 100
    write("scenes/N", air((40, 40), cloud=cloud), crs="EPSG:32653", transform=Affine(20, 0, west, 0, -20, north))
    sky = truth.sky("N", WHOLE)
    assert sky.seen.all()
    assert sky.cloudy[2, 5]
    assert 1 <= np.count_nonzero(sky.cloudy) <= 2


def test_scene_that_does_not_reach_the_area(truth, write):
    write("scenes/F", air((4, 4)), transform=Affine(20, 0, 700000, 0, -20, 4800120))
    sky = truth.sky("F", WHOLE)
    assert not (sky.seen | sky.clear | sky.near | sky.bare | sky.snowy | sky.cloudy | sky.shadowed).any()
    with pytest.raises(InputError, match="the truth about scenes/G cannot be read"):
        truth.sky("G", WHOLE)


def test_snow(truth, write):
    snow = np.zeros((6, 8), np.uint8)
    snow[0, :3] = [2, 3, 50]
    write("scenes/S", air((6, 8), snow=snow))
    sky = truth.sky("S", WHOLE)
    assert sky.bare[0, :4].tolist() == [True, False, False, True]
    assert sky.snowy[0, :4].tolist() == [False, False, True, False]
