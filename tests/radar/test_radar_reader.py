"""Radar reader: power on the grid, slices joined, orbits apart, and what contradicts its unit left out."""

from __future__ import annotations

import made_radar as made
import numpy as np
import pytest
from numpy.testing import assert_allclose

from habitat.contracts import Period
from habitat.contracts.grid import Tile
from habitat.sources.catalogues.searching import search
from habitat.sources.scenes.radar_rasters import RadarRasters, check_radar
from habitat.sources.scenes.radar_reader import RadarReader, passes_of
from habitat.sources.scenes.tile_view import SceneLost

YEAR = Period("2025")
BOTH = ("vv", "vh")
WHOLE = Tile(0, 0, 20, 20)


def opened(folder, items, area, *, need_all=True, wanted=BOTH):
    found = search("sentinel1", area, YEAR, catalogue=made.catalogue(folder, items))
    rasters = RadarRasters(found.provider)
    return check_radar(found.scenes, rasters, wanted, need_all=need_all), rasters


def looks(folder, items, area=None, *, tile=WHOLE, wanted=BOTH, window=1, need_all=True):
    area = area or made.area()
    checked, rasters = opened(folder, items, area, need_all=need_all, wanted=wanted)
    (passes,) = passes_of(checked.scenes).values()
    reader = RadarReader(checked, passes, area, rasters, polarisations=wanted, window=window)
    return reader.read(tile)


def test_fine_pixels_are_averaged_as_power_whichever_unit_they_come_in(tmp_path):
    power = np.tile(np.array([[0.1, 0.001], [0.01, 0.1]], np.float32), (20, 20))
    bands = {"vv": power, "vh": power / 10}
    linear = looks(tmp_path, [made.scene(tmp_path, "2025-05-08T21:22:25", bands)])
    assert_allclose(linear.power[0], 0.05275, rtol=1e-5)
    assert_allclose(linear.power[1], 0.005275, rtol=1e-5)
    assert linear.known == {f"S1A_IW_GRDH_1SDV_20250508T212225_20250508T212250_{50000 + 739379:06d}_0ABCDE_rtc": 400}
    coded = {name: made.codes(values) for name, values in bands.items()}
    decibels = looks(tmp_path, [made.scene(tmp_path, "2025-05-08T21:22:25", coded, unit="dB")])
    # The mean of these decibels is 2.2 dB lower.
    assert_allclose(decibels.power, linear.power, rtol=2e-3)


def test_no_data_in_either_way_of_writing_it_is_no_look(tmp_path):
    power = np.full((40, 40), 0.1, np.float32)
    power[0:2, 0:2] = -32768
    power[2:4, 0:2] = np.nan
    power[4:6, 0:2] = 0.0
    # Half of a pixel is enough, a quarter is not.
    power[0, 2:4] = -32768
    power[2:4, 2] = power[2, 3] = -32768
    seen = looks(tmp_path, [made.scene(tmp_path, "2025-05-08T21:22:25", {"vv": power, "vh": power})]).power[0, 0]
    assert np.isnan(seen[:3, 0]).all()
    assert seen[0, 1] == pytest.approx(0.1)
    assert np.isnan(seen[1, 1])
    assert np.isfinite(seen[:, 2:]).all()


def test_pixels_of_another_size_and_place_are_taken_from_under_the_centre(tmp_path):
    power = (np.arange(1600, dtype=np.float32).reshape(40, 40) + 1) / 1e4
    items = [made.scene(tmp_path, "2025-05-08T21:22:25", {"vv": power, "vh": power})]
    fine = made.area(40, 10.0)
    seen = looks(tmp_path, items, fine, tile=Tile(3, 5, 7, 9)).power[0, 0]
    assert_allclose(seen, power[3:10, 5:14], rtol=1e-6)


def test_slices_of_one_pass_are_one_look(tmp_path):
    north, south = (np.full((40, 40), 0.1, np.float32) for _ in range(2))
    north[20:] = -32768
    south[:18] = -32768
    south[18:] = 0.2
    items = [
        made.scene(tmp_path, "2025-05-08T21:22:00", {"vv": north, "vh": north}, absolute=59108),
        made.scene(tmp_path, "2025-05-08T21:22:25", {"vv": south, "vh": south}, absolute=59108),
    ]
    got = looks(tmp_path, items)
    assert got.power.shape == (2, 1, 20, 20)
    # Where they overlap the first counts: one observation does not count twice.
    assert_allclose(got.power[0, 0, :10], 0.1)
    assert_allclose(got.power[0, 0, 10:], 0.2)
    assert sorted(got.known.values()) == [200, 220]


def test_orbits_and_satellites_are_passes_of_their_own(tmp_path):
    bands = {"vv": np.full((40, 40), 0.1, np.float32), "vh": np.full((40, 40), 0.02, np.float32)}
    items = [
        made.scene(tmp_path, "2025-05-08T21:22:25", bands, absolute=1),
        made.scene(tmp_path, "2025-05-20T21:22:25", bands, absolute=176),
        made.scene(tmp_path, "2025-05-20T09:08:00", bands, orbit=83, state="ascending", absolute=170),
        made.scene(
            tmp_path, "2025-05-14T21:22:25", bands, id="other", absolute=1, properties={"platform": "sentinel-1c"}
        ),
    ]
    checked, _ = opened(tmp_path, items, made.area())
    orbits = passes_of(checked.scenes)
    assert {orbit: len(passes) for orbit, passes in orbits.items()} == {"061D": 3, "083A": 1}
    assert next(iter(orbits)) == "061D"


def test_window_does_not_show_where_tiles_meet(tmp_path):
    rng = np.random.default_rng(11)
    bands = {"vv": made.speckled(-9, rng), "vh": made.speckled(-15, rng)}
    items = [made.scene(tmp_path, "2025-05-08T21:22:25", bands)]
    whole = looks(tmp_path, items, window=5).power
    part = looks(tmp_path, items, window=5, tile=Tile(6, 0, 9, 13)).power
    assert np.array_equal(part, whole[:, :, 6:15, :13])
    assert whole.std() < looks(tmp_path, items).power.std()


def test_values_that_contradict_their_unit_leave_the_scene_out(tmp_path):
    rng = np.random.default_rng(13)
    power = {name: made.speckled(level, rng) for name, level in (("vv", -9), ("vh", -15))}
    decibels = {name: (10 * np.log10(values)).astype(np.float32) for name, values in power.items()}
    items = [
        made.scene(tmp_path, "2025-05-08T21:22:25", power, id="right"),
        made.scene(tmp_path, "2025-05-20T21:22:25", decibels, id="wrong"),
    ]
    checked, _ = opened(tmp_path, items, made.area())
    assert [scene.id for scene in checked.scenes] == ["right"]
    (lost,) = checked.missing
    assert (lost.scene.id, lost.reason) == ("wrong", "unit")
    assert lost.text == "vv of wrong is said to be power, but 100 % of its pixels are below zero, which power never is"


def test_a_scene_without_vh_counts_for_vv_unless_both_are_needed(tmp_path):
    items = [made.scene(tmp_path, "2025-05-08T21:22:25", {"vv": np.full((40, 40), 0.1, np.float32)}, id="single")]
    checked, _ = opened(tmp_path, items, made.area())
    assert [(entry.reason, entry.text) for entry in checked.missing] == [("asset", "scene single has no asset for vh")]
    got = looks(tmp_path, items, need_all=False)
    assert np.isnan(got.power[1]).all()
    assert got.known == {"single": 400}


def test_files_that_are_gone_or_on_no_map_are_missing(tmp_path):
    import rasterio

    bands = {"vv": np.full((40, 40), 0.1, np.float32), "vh": np.full((40, 40), 0.02, np.float32)}
    items = [made.scene(tmp_path, f"2025-05-{day:02d}T21:22:25", bands, id=f"d{day}") for day in (8, 20)]
    (tmp_path / "d8-vv.tif").unlink()
    with rasterio.open(
        tmp_path / "d20-vv.tif", "w", driver="GTiff", height=40, width=40, count=1, dtype="float32"
    ) as out:
        out.write(bands["vv"], 1)
    checked, _ = opened(tmp_path, items, made.area())
    assert {entry.scene.id: entry.reason for entry in checked.missing} == {"d8": "missing", "d20": "not-on-map"}


def test_a_file_that_breaks_while_it_is_read_names_its_scene(tmp_path):
    bands = {"vv": np.full((40, 40), 0.1, np.float32), "vh": np.full((40, 40), 0.02, np.float32)}
    area = made.area()
    checked, rasters = opened(tmp_path, [made.scene(tmp_path, "2025-05-08T21:22:25", bands, id="torn")], area)
    (passes,) = passes_of(checked.scenes).values()
    rasters.close()
    (tmp_path / "torn-vh.tif").unlink()
    reader = RadarReader(checked, passes, area, rasters, polarisations=BOTH)
    with pytest.raises(SceneLost, match="scene torn"):
        reader.read(WHOLE)


def test_tiles_get_smaller_with_the_number_of_passes(tmp_path):
    bands = {"vv": np.full((40, 40), 0.1, np.float32)}
    items = [made.scene(tmp_path, f"2025-05-{day:02d}T21:22:25", bands) for day in range(1, 11)]
    area = made.area(200, 20.0)
    checked, rasters = opened(tmp_path, items, area, wanted=("vv",))
    (passes,) = passes_of(checked.scenes).values()
    reader = RadarReader(checked, passes, area, rasters, polarisations=("vv",))
    assert len(reader.tiles(2**30)) == 1
    assert len(reader.tiles(128 * 128 * 480)) == 4
    assert reader.days == sorted(reader.days)
