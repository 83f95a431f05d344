"""Pixels: what jobs read equals what notebooks read, whatever the tiles, zones and pixel sizes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from made_scenes import NORTH, SIZE, WEST, area, asset, landsat_scene, scene
from numpy.testing import assert_array_equal
from pyproj import Transformer

from habitat.contracts.grid import Tile
from habitat.imagery.codes import COMMON, Codes
from habitat.sources.scenes.cube import load_cube
from habitat.sources.scenes.pixels import PixelReader
from habitat.sources.scenes.preflight import Checked, check_scenes
from habitat.sources.scenes.rasters import Rasters
from habitat.sources.scenes.tile_view import SceneLost

BANDS = ("red", "nir", "swir2")


def reader_of(rasters, scenes, place, **options):
    bands = options.pop("bands", BANDS)
    return PixelReader(check_scenes(scenes, rasters, bands), place, rasters, bands=bands, **options)


def full(view, array, step, phase):
    """Repeat coarse pixels with plain NumPy."""
    big = array.repeat(step, axis=-2).repeat(step, axis=-1)
    return big[..., phase[0] : phase[0] + view.tile.height, phase[1] : phase[1] + view.tile.width]


def assert_equal_to_cube(reader, cube, tile, bands=BANDS):
    """Hold one tile of the job's reader against the notebook's cube."""
    window = {"y": slice(tile.row, tile.row + tile.height), "x": slice(tile.column, tile.column + tile.width)}
    with reader.rasters.env():
        view = reader.at(tile)
        clear = full(view, view.clear, view.mask_step, view.mask_phase)
        expected = cube["clear"].isel(**window).values
        kept = [index for index in range(len(expected)) if expected[index].any()]
        assert [reader.reading.scenes[date.scenes[0]].id for date in view.dates] == cube["id"].values[kept].tolist()
        assert_array_equal(clear.astype(bool), expected[kept])
        for band in bands:
            stack = view.band(band)
            numbers = full(view, stack.numbers, stack.step, stack.phase)
            wanted = cube[band].isel(**window).values[kept]
            seen = clear.astype(bool) & (numbers != 0)
            assert_array_equal(seen, clear.astype(bool) & ~np.isnan(wanted))
            reflectance = numbers * np.float64(stack.codes.scale) + stack.codes.offset
            np.testing.assert_allclose(reflectance[seen], wanted[seen], atol=2e-6)
    return view


@pytest.mark.parametrize("resolution", [10.0, 20.0, 30.0, 40.0])
@pytest.mark.parametrize("shift", [(0, 0), (30, 10), (-250, -170)])
def test_two_doors_are_equal_on_one_zone(tmp_path, resolution, shift):
    west, north = (round(c / resolution) * resolution for c in (WEST + shift[1], NORTH + shift[0]))
    place = area(west, north, rows=23, columns=31, resolution=resolution)
    scenes = [scene(tmp_path, f"s{days}", days=days, seed=3) for days in (0, 5, 10)]
    cube = load_cube(scenes, place, bands=BANDS)
    with Rasters(None) as rasters:
        reader = reader_of(rasters, scenes, place)
        assert_equal_to_cube(reader, cube, Tile(0, 0, 23, 31))
        assert_equal_to_cube(reader, cube, Tile(5, 7, 11, 13))


@pytest.mark.parametrize("resolution", [10.0, 20.0])
def test_two_doors_are_equal_across_zones(tmp_path, resolution):
    to_53 = Transformer.from_crs(32652, 32653, always_xy=True)
    x, y = to_53.transform(WEST, NORTH)
    there = [
        scene(tmp_path, f"z{days}", days=days, seed=5, west=x // 20 * 20 - 200, north=y // 20 * 20 + 200, crs=32653)
        for days in (1, 6)
    ]
    scenes = [*there, scene(tmp_path, "s0", seed=5)]
    scenes.sort(key=lambda s: s.datetime)
    place = area(WEST, NORTH, rows=40, columns=40, resolution=resolution)
    cube = load_cube(scenes, place, bands=BANDS)
    with Rasters(None) as rasters:
        view = assert_equal_to_cube(reader_of(rasters, scenes, place), cube, Tile(0, 0, 40, 40))
        assert (view.mask_step, view.mask_phase) == (1, (0, 0))


def test_pixels_are_the_sources_own_where_nothing_was_warped(tmp_path):
    made = scene(tmp_path, "s0", scl=np.full((SIZE // 2, SIZE // 2), 4, np.uint8))
    place = area(WEST + 130, NORTH - 210, rows=50, columns=60)
    with Rasters(None) as rasters:
        reader = reader_of(rasters, [made], place)
        with rasters.env():
            view = reader.at(Tile(0, 0, 50, 60))
            assert (view.mask_step, view.mask_phase) == (2, (1, 1))
            red = view.band("red")
            import rasterio

            with rasterio.open(made.bands["red"].href) as source:
                assert_array_equal(red.numbers[0], source.read(1)[21:71, 13:73])
            swir = view.band("swir2")
            assert (swir.step, swir.phase, swir.mask_step) == (2, (1, 1), 1)
            with rasterio.open(made.bands["swir2"].href) as source:
                assert_array_equal(swir.numbers[0], source.read(1)[10:36, 6:37])


def test_finer_pixels_are_averaged_without_those_that_are_nodata(tmp_path):
    red = np.zeros((4, 4), np.uint16)
    red[:2, :2] = [[100, 101], [0, 102]]
    red[:2, 2:] = [[1, 2], [2, 3]]
    made = scene(tmp_path, "s0", size=4, scl=np.full((2, 2), 4, np.uint8), bands=())
    made = replace(made, bands={"red": asset(tmp_path, "red", red, 10, WEST, NORTH)})
    place = area(rows=2, columns=2, resolution=20.0)
    with Rasters(None) as rasters:
        reader = reader_of(rasters, [made], place, bands=("red",))
        with rasters.env():
            # (100 + 101 + 102) / 3 = 101; (1 + 2 + 2 + 3) / 4 = 2; nothing below.
            assert reader.at(Tile(0, 0, 2, 2)).band("red").numbers[0].tolist() == [[101, 2], [0, 0]]
    cube = load_cube([made], place, bands=("red",))
    assert cube["red"].values[0, 0] == pytest.approx([0.0101, 0.0002])
    assert np.isnan(cube["red"].values[0, 1]).all()


def test_tiles_do_not_change_the_result(tmp_path):
    scenes = [scene(tmp_path, f"s{days}", days=days, seed=8) for days in (0, 5)]
    place = area(WEST - 50, NORTH + 30, rows=97, columns=83)
    with Rasters(None) as rasters:
        reader = reader_of(rasters, scenes, place)
        with rasters.env():
            whole = reader.at(Tile(0, 0, 97, 83))
            stack = whole.band("nir")
            numbers = full(whole, stack.numbers, stack.step, stack.phase).copy()
            clear = full(whole, whole.clear, whole.mask_step, whole.mask_phase).copy()
            counted = dict(whole.clear_pixels)
            pieces = {}
            for tile in place.grid.tiles(32, (5, 3)):
                view = reader.at(tile)
                part = view.band("nir")
                where = np.s_[:, tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
                days = [date.day for date in view.dates]
                assert_array_equal(
                    full(view, view.clear, view.mask_step, view.mask_phase),
                    clear[where][[(0, 5).index(day) for day in days]],
                )
                got = full(view, part.numbers, part.step, part.phase)
                assert_array_equal(got, numbers[where][[(0, 5).index(day) for day in days]])
                for index, pixels in view.clear_pixels.items():
                    pieces[index] = pieces.get(index, 0) + pixels
    assert set(pieces) == set(counted) == {0, 1}


def test_scenes_of_one_day_become_one_date_and_the_first_clear_one_counts(tmp_path):
    # Two halves of one pass overlap; the first is cloudy in its right half, so the second counts there.
    cloudy = np.full((10, 10), 4, np.uint8)
    cloudy[:, 5:] = 9
    first = scene(tmp_path, "a", size=20, scl=cloudy)
    second = scene(tmp_path, "b", size=20, scl=np.full((10, 10), 4, np.uint8), seed=1)
    red = {name: np.full((20, 20), value, np.uint16) for name, value in (("a", 1000), ("b", 3000))}
    first, second = (
        replace(s, bands={"red": asset(tmp_path, f"{s.id}r", red[s.id], 10, WEST, NORTH)}) for s in (first, second)
    )
    with Rasters(None) as rasters:
        reader = reader_of(rasters, [first, second], area(rows=20, columns=20), bands=("red",), grow_m=0)
        with rasters.env():
            view = reader.at(Tile(0, 0, 20, 20))
            assert len(view.dates) == 1
            assert view.clear.all()
            numbers = view.band("red").numbers
            assert (numbers[0, :, :10] == 1000).all()
            assert (numbers[0, :, 10:] == 3000).all()
            assert view.clear_pixels == {0: 200, 1: 400}


def test_scenes_of_two_satellites_on_one_day_are_two_dates(tmp_path):
    scenes = [scene(tmp_path, "a"), replace(scene(tmp_path, "b", seed=1), platform="sentinel-2c")]
    with Rasters(None) as rasters:
        assert len(reader_of(rasters, scenes, area()).reading.dates) == 2


def test_different_offsets_are_brought_to_common_codes(tmp_path):
    clear = np.full((SIZE // 2, SIZE // 2), 4, np.uint8)
    scenes = [
        scene(tmp_path, "old", scl=clear, seed=2),
        scene(tmp_path, "new", days=5, scl=clear, seed=2, offset=-0.1),
    ]
    place = area(rows=30, columns=30)
    cube = load_cube(scenes, place, bands=BANDS)
    with Rasters(None) as rasters:
        reader = reader_of(rasters, scenes, place)
        assert reader.reading.codes["red"] == COMMON
        one_kind = reader_of(rasters, scenes[1:], place)
        assert one_kind.reading.codes["red"] == Codes(1e-4, -0.1)
        assert_equal_to_cube(reader, cube, Tile(0, 0, 30, 30))


def test_landsat_bits_saturation_and_scale(tmp_path):
    flags = np.zeros((40, 40), np.uint16)
    flags[0, 0], flags[1, 1], flags[2, 2] = 1 << 3, 1 << 11, 1 << 4  # red (band 4), hidden ground, nir (not used)
    made = landsat_scene(tmp_path, "l", radsat=flags)
    place = area(rows=40, columns=40, resolution=30.0)
    with Rasters(None) as rasters:
        reader = reader_of(rasters, [made], place, bands=("red",), grow_m=0)
        with rasters.env():
            view = reader.at(Tile(0, 0, 40, 40))
            clear = view.clear[0].copy()
            assert view.band("red").codes == Codes(2.75e-5, -0.2)
    import rasterio

    with rasterio.open(made.mask.href) as source:
        expected = source.read(1) == 21824
    expected[0, 0] = expected[1, 1] = False
    assert_array_equal(clear.astype(bool), expected)


def test_inside_is_the_polygon_and_outside_nothing_is_clear(tmp_path):
    made = scene(tmp_path, "a", scl=np.full((SIZE // 2, SIZE // 2), 4, np.uint8))
    small = area(WEST, NORTH, rows=40, columns=20)
    place = replace(area(rows=40, columns=40), polygon=small.polygon)
    with Rasters(None) as rasters:
        reader = reader_of(rasters, [made], place)
        inside = reader.inside(Tile(0, 0, 40, 40))
        assert inside[:, :20].all()
        assert not inside[:, 20:].any()
        assert reader.inside(Tile(2, 2, 30, 16)) is None
        with rasters.env():
            assert reader.at(Tile(0, 0, 40, 40), inside).clear_pixels == {0: 800}
            assert reader.at(Tile(0, 24, 40, 16), reader.inside(Tile(0, 24, 40, 16))).dates == ()
        assert not reader.touches(Tile(0, 24, 40, 16))


def test_tiles_lie_on_the_blocks_and_shrink_with_the_number_of_dates(tmp_path):
    scenes = [scene(tmp_path, f"s{days}", days=days) for days in range(4)]
    place = area(WEST + 300, NORTH - 450, rows=5000, columns=6000)
    with Rasters(None) as rasters:
        reader = reader_of(rasters, scenes, place)
        tiles = reader.tiles()
        # The grid begins 45 rows and 30 columns inside the scene; the next block edge is 2048 from its corner.
        assert {tile.row for tile in tiles} == {0, 2003, 4051}
        assert {tile.column for tile in tiles} == {0, 2018, 4066}
        # 4 dates x (2 bytes + 1 of mask) x 1024^2 = 12 MiB; held bands count one by one.
        assert max(t.height for t in reader.tiles(13 * 2**20)) == 1024
        held = reader_of(rasters, scenes, place, hold=BANDS)
        assert max(t.height for t in held.tiles(13 * 2**20)) == 512
        assert sum(t.height * t.width for t in tiles) == 5000 * 6000


def test_a_truncated_file_names_its_scene(tmp_path):
    good = scene(tmp_path, "good", days=1)
    bad = scene(tmp_path, "bad")
    path = tmp_path / "bad-red.tif"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with Rasters(None) as rasters:
        checked = check_scenes([bad, good], rasters, ("red",))
        assert checked.missing == ()
        reader = PixelReader(checked, area(), rasters, bands=("red",))
        with rasters.env():
            view = reader.at(Tile(0, 0, SIZE, SIZE))
            with pytest.raises(SceneLost, match=r"scene bad: .*could not be read") as caught:
                view.band("red")
    assert caught.value.scene is bad
    assert caught.value.reason == "corrupt"


def test_nothing_is_opened_before_a_tile_is_asked_for(tmp_path, monkeypatch):
    made = scene(tmp_path, "a")
    with Rasters(None) as rasters:
        headers = check_scenes([made], rasters, BANDS).headers
    with Rasters(None) as rasters:
        monkeypatch.setattr(rasters, "read", lambda *about: pytest.fail("pixels were read"))
        reader = PixelReader(Checked((made,), headers), area(), rasters, bands=BANDS)
        assert reader.tiles()


def test_handles_are_closed(tmp_path):
    made = scene(tmp_path, "a")
    rasters = Rasters(None)
    check_scenes([made], rasters, BANDS, workers=1)
    handles = [handle for own in rasters._handles.values() for handle in own.values()]
    assert handles
    assert not any(handle.closed for handle in handles)
    rasters.close()
    assert all(handle.closed for handle in handles)
