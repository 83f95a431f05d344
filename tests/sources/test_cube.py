"""Cube: lazy reflectance and clear mask on the area's grid, one step for each scene."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import dask
import numpy as np
import pytest
import rasterio
import shapely
from pyproj import Transformer
from rasterio.transform import from_origin
from shapely.geometry import box

from habitat.contracts import Area, Asset, Grid, Scene
from habitat.contracts.errors import AreaOutsideData, ConfigError, NoScenes, ReadFailure
from habitat.contracts.layer import check_cube
from habitat.imagery.clouds import clear_mask, clear_policy
from habitat.sources.scenes.cube import load_cube

WEST, NORTH, SIZE = 600_000, 4_800_000, 40
TO_WGS84 = Transformer.from_crs(32652, 4326, always_xy=True)
WHEN = datetime(2025, 5, 3, 2, 27, tzinfo=UTC)


def outline(west, south, east, north):
    return shapely.transform(box(west, south, east, north), TO_WGS84.transform, interleaved=False)


def area(rows=SIZE, columns=SIZE, west=WEST, north=NORTH, resolution=20.0):
    grid = Grid("EPSG:32652", resolution, (west, north - rows * resolution, west + columns * resolution, north))
    return Area("test", outline(*grid.bounds), grid)


AREA = area()


def write(path, pixels, resolution=20, west=WEST, north=NORTH, nodata=0):
    profile = {
        "driver": "GTiff",
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "count": 1,
        "dtype": pixels.dtype,
    }
    with rasterio.open(
        path,
        "w",
        crs="EPSG:32652",
        transform=from_origin(west, north, resolution, resolution),
        nodata=nodata,
        **profile,
    ) as target:
        target.write(pixels, 1)
    return str(path)


def sentinel2(folder, name, *, days=0, red=2000, scl=4, offset=0.0, west=WEST, said=True, **more):
    """A scene of 40 x 40 pixels of 20 m; its red band has 10 m."""
    red = np.full((2 * SIZE, 2 * SIZE), red, dtype=np.uint16) if np.isscalar(red) else red
    scl = np.full((SIZE, SIZE), scl, dtype=np.uint8) if np.isscalar(scl) else scl
    fields = {"crs": "EPSG:32652"} if said else {}

    def grid(resolution, pixels):
        return {"transform": (resolution, 0, west, 0, -resolution, NORTH), "shape": pixels.shape} if said else {}

    return Scene(
        id=name,
        collection="sentinel-2-l2a",
        provider="folder",
        sensor="sentinel2",
        platform="sentinel-2b",
        datetime=WHEN + timedelta(days=days),
        solar_day=(WHEN + timedelta(days=days)).date(),
        tile="52TFN",
        footprint=outline(west, NORTH - 800, west + 800, NORTH),
        bands={"red": Asset(write(folder / f"{name}-red.tif", red, 10, west), 1e-4, offset, **fields, **grid(10, red))},
        mask=Asset(write(folder / f"{name}-scl.tif", scl, 20, west), **fields, **grid(20, scl)),
        **more,
    )


def landsat(folder, name, *, days=0, nir=20_000, qa=21_824):
    nir = np.full((27, 27), nir, dtype=np.uint16)
    qa = np.full((27, 27), qa, dtype=np.uint16)
    at = {"crs": "EPSG:32652", "transform": (30, 0, WEST, 0, -30, NORTH), "shape": (27, 27)}
    plain = sentinel2(folder, name, days=days)
    return replace(
        plain,
        sensor="landsat",
        platform="landsat-9",
        tile="115030",
        bands={"nir": Asset(write(folder / f"{name}-nir.tif", nir, 30), 2.75e-5, -0.2, **at)},
        mask=Asset(write(folder / f"{name}-qa.tif", qa, 30, nodata=None), **at),
    )


def test_reflectance_of_each_scene_by_its_own_scale_and_offset(tmp_path):
    # DN 2000: 0.2 without, 0.1 with the offset.
    scenes = [sentinel2(tmp_path, "b", days=5, offset=-0.1), sentinel2(tmp_path, "a")]
    cube = load_cube(scenes, AREA)
    assert cube["red"].dims == ("time", "y", "x")
    assert cube["red"].dtype == np.float32
    assert cube["clear"].dtype == bool
    assert cube.sizes == {"time": 2, "y": SIZE, "x": SIZE}
    assert cube["id"].values.tolist() == ["a", "b"]
    assert cube["red"].values[:, 3, 3] == pytest.approx([0.2, 0.1], abs=1e-6)
    assert cube["clear"].values.all()
    check_cube(cube)


def test_coordinates_are_the_areas_and_times_are_utc(tmp_path):
    cube = load_cube([sentinel2(tmp_path, "a")], AREA)
    assert cube["x"].values[[0, -1]].tolist() == [600_010, 600_790]
    assert cube["y"].values[[0, -1]].tolist() == [4_799_990, 4_799_210]
    assert cube["time"].values[0] == np.datetime64("2025-05-03T02:27")
    assert cube["solar_day"].values[0] == np.datetime64("2025-05-03")
    assert cube["tile"].values[0] == "52TFN"
    assert cube["platform"].values[0] == "sentinel-2b"
    assert cube.rio.crs.to_epsg() == 32652
    assert cube.rio.bounds() == AREA.grid.bounds
    assert cube["red"].attrs["units"] == "1"


def test_nothing_is_read_before_it_is_computed(tmp_path):
    scene = sentinel2(tmp_path, "a")
    for path in tmp_path.iterdir():
        path.unlink()

    def refuse(*args, **kwargs):
        raise AssertionError("computed")

    with dask.config.set(scheduler=refuse):
        cube = load_cube([scene], AREA)
    with pytest.raises(ReadFailure, match="missing"):
        cube["red"].compute()
    with pytest.raises(ReadFailure, match="missing"):
        cube["clear"].compute()


def test_no_data_is_nan_and_is_not_scaled(tmp_path):
    red = np.full((80, 80), 1500, dtype=np.uint16)
    red[:20] = 0
    cube = load_cube([sentinel2(tmp_path, "a", red=red, offset=-0.1)], AREA)
    values = cube["red"].values[0]
    assert np.isnan(values[:10]).all()
    assert values[10:] == pytest.approx(0.05, abs=1e-6)


def test_each_scene_keeps_its_step_where_it_covers_nothing(tmp_path):
    scenes = [
        sentinel2(tmp_path, "a"),
        sentinel2(tmp_path, "b", days=1, west=WEST + 50_000),
        sentinel2(tmp_path, "c", days=2),
    ]
    cube = load_cube(scenes, AREA).compute()
    assert cube["id"].values.tolist() == ["a", "b", "c"]
    assert np.isnan(cube["red"].values[1]).all()
    assert not cube["clear"].values[1].any()
    assert cube["red"].values[[0, 2], 5, 5] == pytest.approx([0.2, 0.2], abs=1e-6)


def test_scenes_that_say_no_grid_are_placed_by_their_files(tmp_path):
    said = load_cube([sentinel2(tmp_path, "a", west=WEST + 200)], AREA).compute()
    silent = load_cube([sentinel2(tmp_path, "a", west=WEST + 200, said=False)], AREA).compute()
    assert np.isnan(said["red"].values[0, :, :10]).all()
    assert (said["red"].values[0, :, 10:] > 0.19).all()
    assert said.identical(silent)


@pytest.mark.parametrize("purpose", ["forest", "burn", "snow"])
@pytest.mark.parametrize("chunks", [2048, 16, 7])
def test_clear_equals_the_mask_of_the_whole_scene(tmp_path, purpose, chunks):
    codes = np.random.default_rng(5).choice([2, 4, 5, 7, 11], p=[0.2, 0.5, 0.1, 0.1, 0.1], size=(SIZE, SIZE))
    codes[5, 5], codes[20, 33], codes[38, 12] = 9, 3, 10
    scene = sentinel2(tmp_path, "a", scl=codes.astype(np.uint8))
    cube = load_cube([scene], AREA, purpose=purpose, chunks=chunks)
    policy = clear_policy("sentinel2", purpose, resolution_m=20)
    wanted = clear_mask(codes.astype(np.uint8), policy).astype(bool)
    assert 0.01 < wanted.mean() < 0.99
    assert np.array_equal(cube["clear"].values[0], wanted)
    assert cube["clear"].chunks == cube["red"].chunks


def test_clouds_beyond_the_edge_of_the_grid_reach_into_it(tmp_path):
    codes = np.full((SIZE, SIZE), 4, dtype=np.uint8)
    codes[:, 9] = 9
    inner = area(columns=20, west=WEST + 200)
    clear = load_cube([sentinel2(tmp_path, "a", scl=codes)], inner)["clear"].values[0]
    # The cloud column lies one pixel outside; grown by six it covers the first six of the grid.
    assert not clear[:, :6].any()
    assert clear[:, 6:].all()


def test_landsat_fill_and_shadow_are_not_clear(tmp_path):
    # 21824 clear land, 23888 shadow; beyond 27 pixels of 30 m there is no image.
    wide = area(columns=60)
    scenes = [landsat(tmp_path, "land"), landsat(tmp_path, "shadow", days=1, qa=23_888)]
    cube = load_cube(scenes, wide).compute()
    assert cube["nir"].values[0, 5, 5] == pytest.approx(20_000 * 2.75e-5 - 0.2, abs=1e-6)
    assert cube["clear"].values[0, :, :40].all()
    assert not cube["clear"].values[0, :, 41:].any()
    assert not cube["clear"].values[1].any()


def test_two_sensors_in_one_cube_in_order_of_time(tmp_path):
    scenes = [
        landsat(tmp_path, "l1", days=1),
        sentinel2(tmp_path, "s0"),
        landsat(tmp_path, "l3", days=3),
        sentinel2(tmp_path, "s2", days=2),
    ]
    cube = load_cube(scenes, AREA).compute()
    assert cube["id"].values.tolist() == ["s0", "l1", "s2", "l3"]
    red, nir = cube["red"].values[:, 4, 4], cube["nir"].values[:, 4, 4]
    assert np.isnan(red).tolist() == [False, True, False, True]
    assert np.isnan(nir).tolist() == [True, False, True, False]
    assert cube["clear"].values.all()


def test_a_scene_without_a_mask_is_nowhere_clear(tmp_path):
    bare = replace(sentinel2(tmp_path, "a"), mask=None)
    assert not load_cube([bare], AREA)["clear"].values.any()
    both = load_cube([bare, sentinel2(tmp_path, "b", days=1)], AREA)["clear"].values
    assert not both[0].any()
    assert both[1].all()


def test_bands_are_chosen_and_kept_in_order(tmp_path):
    scene = sentinel2(tmp_path, "a")
    scene = replace(scene, bands=dict(scene.bands) | {"nir": scene.bands["red"], "blue": scene.bands["red"]})
    assert list(load_cube([scene], AREA)) == ["blue", "red", "nir", "clear"]
    assert list(load_cube([scene], AREA, bands=["nir", "red", "nir"])) == ["nir", "red", "clear"]
    with pytest.raises(ConfigError, match="'B04' is not known"):
        load_cube([scene], AREA, bands=["B04"])
    with pytest.raises(ConfigError, match="no scene has band 'swir2'"):
        load_cube([scene], AREA, bands=["swir2"])


def test_blocks_have_the_size_asked_for(tmp_path):
    cube = load_cube([sentinel2(tmp_path, "a"), sentinel2(tmp_path, "b", days=1)], AREA, chunks=16)
    assert cube["red"].chunks == ((1, 1), (16, 16, 8), (16, 16, 8))


def test_reasons_to_refuse(tmp_path):
    scene = sentinel2(tmp_path, "a")
    with pytest.raises(NoScenes):
        load_cube([], AREA)
    with pytest.raises(AreaOutsideData, match="touches area"):
        load_cube([scene], area(west=WEST + 100_000))
    with pytest.raises(ConfigError, match="purpose"):
        load_cube([scene], AREA, purpose="parking")
    albers = Grid("+proj=aea +lat_1=40 +lat_2=50 +lon_0=130 +datum=WGS84 +units=m", 20, (0, 4_700_000, 800, 4_700_800))
    with pytest.raises(ConfigError, match="EPSG"):
        load_cube([scene], Area("albers", AREA.polygon, albers))
