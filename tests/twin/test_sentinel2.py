"""Sentinel-2 scenes: digital numbers by the rules of their baseline, scene classes with honest errors, both zones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from painted_land import LARGE, SMALL, only, painted, passing, scene_of, seen, stripes
from pyproj import Transformer

from habitat.twin.materials import MATERIALS, bands_of, spectra_of
from habitat.twin.noise import fractal
from habitat.twin.sensors.air import TINTS, air_of, residue_of
from habitat.twin.sensors.classes import JUDGED, Errors, Rates, as_percent, judged_scl, scl_rates
from habitat.twin.sensors.frames import blocks_of, misplaced, sentinel2_frames, window_of
from habitat.twin.sensors.optics import light_on, lit_reflectance, sun_at
from habitat.twin.sensors.sentinel2 import BANDS, BANDS_10M, BANDS_20M, BANDS_60M, draw_block
from habitat.twin.sensors.shots import Sky
from habitat.twin.sensors.sky import sky_over
from habitat.twin.world import CRS, NEIGHBOUR_CRS

FRAME = sentinel2_frames(SMALL, CRS)[1]
TURNED = sentinel2_frames(SMALL, NEIGHBOUR_CRS)[1]
WIDE = sentinel2_frames(LARGE, CRS)[1]
SUMMER = passing(when="2025-07-17T02:02:41")
PATCHWORK = stripes(170.0, "leaves", "soil", "char", "river", "dry_grass")
MURKY = passing(cloud=0.3, haze=0.5, cirrus=0.2, view_zenith=4.0, view_azimuth=100.0)


def shares(codes):
    return {int(code): float((codes == code).mean()) for code in np.unique(codes)}


def test_every_band_has_its_own_pixels_and_type():
    block = seen(draw_block, SMALL, scene_of(FRAME, MURKY), PATCHWORK)
    assert set(block.pixels) == {*BANDS, "scl"}
    assert len(BANDS) == 12
    for bands, edge in ((BANDS_10M, 144), (BANDS_20M, 72), (BANDS_60M, 24)):
        for band in bands:
            assert block.pixels[band].shape == (edge, edge)
            assert block.pixels[band].dtype == np.uint16
    assert (block.pixels["scl"].shape, block.pixels["scl"].dtype) == ((72, 72), np.uint8)
    assert {key: values.shape for key, values in block.truth.items()} == dict.fromkeys(
        ("cloud", "shadow", "cirrus", "haze", "snow"), (72, 72)
    )


@pytest.mark.parametrize("name", ["leaves", "soil"])
def test_digital_numbers_are_reflectance_times_10000(name):
    window = window_of(SMALL, FRAME, next(blocks_of(FRAME)))
    landscape, ground = painted(SMALL, window, only(name), grain=0.0)
    light = light_on(landscape, ground.stand.canopy, BANDS, sun_at(SUMMER.when, 132.0, 43.35))
    lit = lit_reflectance(
        ground, landscape, spectra_of("S2B")[:, [bands_of("S2B").index(band) for band in BANDS]], light
    ).mean(axis=(1, 2))
    expected = lit + residue_of(SMALL, SUMMER, BANDS)
    block = seen(draw_block, SMALL, scene_of(FRAME, SUMMER), only(name), grain=0.0)
    for band, value in zip(BANDS, expected, strict=True):
        numbers = block.pixels[band]
        # Standard error of 576 to 20,736 pixels with noise of at most 30, and half a number of rounding.
        assert numbers.mean() == pytest.approx(1e4 * value, abs=3.0), band
        assert 4 < numbers.std() < 25, band


def test_noise_grows_with_light_and_is_white():
    dark, bright = (
        seen(draw_block, SMALL, scene_of(FRAME, SUMMER), only(name), grain=0.0).pixels["red"].astype(float)
        for name in ("leaves", "snow")
    )
    # Root of 6 squared + 14 squared x reflectance: 6.3 at 0.02 and 13.9 at 0.8; rounding adds a little.
    assert dark.std() == pytest.approx(6.35, rel=0.05)
    assert bright.std() == pytest.approx(13.9, rel=0.06)
    assert abs(np.corrcoef(dark[:, 1:].ravel(), dark[:, :-1].ravel())[0, 1]) < 0.03


def drawn_as(**more):
    overpass = replace(passing(cloud=0.1), **{key: more.pop(key) for key in ("baseline", "superseded") if key in more})
    return seen(draw_block, SMALL, scene_of(FRAME, overpass, **more), PATCHWORK).pixels


def test_the_offset_stays_in_only_where_it_was_added_and_kept():
    plain = drawn_as(baseline="05.11")
    kept = drawn_as(baseline="05.11", keep_offset=True)
    for band in BANDS:
        assert (kept[band].astype(int) - plain[band] == 1000).mean() > 0.999
    assert (kept["scl"] == plain["scl"]).all()
    older = drawn_as(baseline="03.01", keep_offset=True)
    assert all((older[band] == plain[band]).all() for band in BANDS)


def test_numbers_below_1_are_no_data_and_never_drawn():
    misjudged = [passing(when=f"2025-07-{day:02d}T02:02:41") for day in range(1, 29)]
    darkest = min(misjudged, key=lambda one: residue_of(SMALL, one, ("swir22",))[0])
    block = seen(draw_block, SMALL, scene_of(FRAME, darkest), only("sea"))
    assert min(int(block.pixels[band].min()) for band in BANDS) >= 1
    assert (block.pixels["swir22"] == 1).any()
    kept = seen(draw_block, SMALL, scene_of(FRAME, darkest, keep_offset=True), only("sea"))
    # What the offset was made for: reflectance below zero is kept.
    assert (kept.pixels["swir22"] < 1000).any()


def test_two_processings_differ_by_their_gain_alone():
    first, second = drawn_as(superseded=True), drawn_as()
    for band in ("blue", "nir", "swir16"):
        ratio = first[band].astype(float) / second[band]
        assert np.median(ratio) == pytest.approx(1.012, abs=0.002)
        # The same noise: no pixel differs by more than the gain and a rounded number or two.
        assert abs(first[band] - 1.012 * second[band]).max() < 2.5
    assert (first["scl"] == second["scl"]).mean() > 0.98


def test_all_bands_of_a_scene_are_misplaced_alike():
    """Seen from the middle of a bright stripe: both edges move with the image."""
    edges = stripes(240.0, "sea", "snow")
    found = {}
    for day in (17, 22, 27):
        one = passing(when=f"2025-07-{day}T02:02:41")
        block = seen(draw_block, SMALL, scene_of(FRAME, one), edges, grain=0.0)
        for band in ("blue", "nir", "rededge2"):
            line = block.pixels[band].astype(float).mean(axis=0)
            step = 1440 / line.size
            middles = (np.arange(line.size) + 0.5) * step
            light = (line - line.min()) / (line.max() - line.min())
            # Centre of light of the stripe that begins 120 m from the west: 742,680 = 3094.5 x 240 m.
            inside = (middles > 0) & (middles < 480)
            found[day, band] = (light * middles)[inside].sum() / light[inside].sum() - 240.0
        _, right = misplaced(SMALL, one, 3.0)
        assert found[day, "blue"] == pytest.approx(right, abs=0.6)
        assert found[day, "rededge2"] == pytest.approx(found[day, "nir"], abs=0.8)
    assert len({round(value, 1) for (_, band), value in found.items() if band == "blue"}) == 3


@pytest.mark.parametrize("frame", [FRAME, TURNED])
@pytest.mark.parametrize("cut", [(0, 0, 72, 72), (60, 48, 84, 96)])
def test_blocks_are_cut_from_the_same_scene(frame, cut):
    scene = scene_of(frame, MURKY)
    whole = seen(draw_block, SMALL, scene, PATCHWORK, (0, 0, frame.rows, frame.columns))
    part = seen(draw_block, SMALL, scene, PATCHWORK, cut)
    for of_whole, of_part in ((whole.pixels, part.pixels), (whole.truth, part.truth)):
        for key, values in of_part.items():
            factor = cut[2] // len(values)
            row, column, rows, columns = (value // factor for value in cut)
            assert (values == of_whole[key][row : row + rows, column : column + columns]).all(), key


def test_tiles_of_one_zone_agree_where_they_overlap():
    south, north = sentinel2_frames(SMALL, CRS)
    pixels = [seen(draw_block, SMALL, scene_of(frame, MURKY), PATCHWORK).pixels for frame in (south, north)]
    for band in ("red", "swir16", "coastal", "scl"):
        assert (pixels[1][band][len(pixels[0][band]) :] == pixels[0][band]).all(), band


def test_the_next_zone_shows_the_same_ground_turned_and_nothing_beyond_the_world():
    leaves, soil = MATERIALS.index("leaves"), MATERIALS.index("soil")

    def smooth(east, north):
        return np.where(fractal(5, east[0], north[:, 0], 500.0, octaves=1) > 0, leaves, soil)

    straight = seen(draw_block, SMALL, scene_of(FRAME, SUMMER), smooth, grain=0.0).pixels
    turned = seen(draw_block, SMALL, scene_of(TURNED, SUMMER), smooth, grain=0.0).pixels
    rows, columns = np.mgrid[0 : TURNED.rows, 0 : TURNED.columns] + 0.5
    to_world = Transformer.from_crs(NEIGHBOUR_CRS, CRS, always_xy=True)
    x, y = to_world.transform(TURNED.west + columns * 10, TURNED.north - rows * 10)
    down, right = (SMALL.north - y) / 10, (x - SMALL.west) / 10
    inside = (down >= 0) & (down < 144) & (right >= 0) & (right < 144)
    assert ((turned["nir"] > 0) == inside).all()
    near = straight["nir"][down[inside].astype(int), right[inside].astype(int)].astype(float)
    assert np.median(abs(turned["nir"][inside] - near)) < 40
    assert np.corrcoef(turned["nir"][inside], near)[0, 1] > 0.97
    # The mask of the next zone is picked, not mixed: the same classes, and none where there is no world.
    assert set(np.unique(turned["scl"])) - {0} <= set(np.unique(straight["scl"])) | {7}
    empty = turned["nir"].reshape(78, 2, 81, 2).max(axis=(1, 3)) == 0
    assert (turned["scl"][empty] == 0).all()
    assert ((turned["scl"] == 0) == empty).mean() > 0.98


def test_drawing_twice_gives_the_same_pixels():
    one, two = (seen(draw_block, SMALL, scene_of(TURNED, MURKY), PATCHWORK) for _ in range(2))
    assert all((one.pixels[key] == two.pixels[key]).all() for key in one.pixels)


def wide(name, overpass, size=600):
    return seen(draw_block, LARGE, scene_of(WIDE, overpass), only(name), (0, 0, size, size))


@pytest.mark.parametrize(
    ("name", "usual"),
    [("leaves", 4), ("needles", 4), ("green_grass", 4), ("soil", 5), ("dry_grass", 5), ("river", 6), ("sea", 6)],
)
def test_clear_ground_is_classed_as_what_it_is(name, usual):
    found = shares(wide(name, SUMMER).pixels["scl"])
    assert found[usual] > 0.94
    assert found.get(7, 0) == pytest.approx(0.00135, abs=0.0008)


def test_char_is_taken_for_dark_ground_or_shadow_now_and_then():
    found = shares(wide("char", passing(when="2025-04-28T02:02:41"), 1500).pixels["scl"])
    assert 0.10 < found[2] + found[3] < 0.20
    assert found[5] > 0.8


def test_bright_ground_is_taken_for_cloud_in_patches():
    codes = wide("built", SUMMER, 1500).pixels["scl"]
    cloudy = codes == 8
    assert 0.03 < cloudy.mean() < 0.06
    # In patches: a neighbour of a wrong pixel is mostly wrong too.
    assert cloudy[:, 1:][cloudy[:, :-1]].mean() > 0.6


def test_snow_is_taken_for_cloud_more_often_on_some_days():
    rates = []
    for day in (5, 15, 25):
        overpass = passing(when=f"2025-02-{day:02d}T02:02:41")
        found = shares(wide("snow", overpass, 1500).pixels["scl"])
        rates.append(found[8] + found[9])
        assert found[11] + rates[-1] > 0.99
        assert rates[-1] == pytest.approx(scl_rates(LARGE, overpass).snow_as_cloud, abs=0.05)
    assert all(0.08 < rate < 0.28 for rate in rates)
    assert max(rates) - min(rates) > 0.005


def test_steep_north_slopes_are_dark_in_winter_and_not_in_summer():
    # Ground that rises southward at 0.7 turns away from a low sun.
    for when, dark in (("2025-01-15", True), ("2025-06-15", False)):
        block = seen(
            draw_block, SMALL, scene_of(FRAME, passing(when=f"{when}T02:02:41")), only("needles"), rise=(0.0, -0.7)
        )
        assert ((block.pixels["scl"] == 2).mean() > 0.5) == dark


def test_errors_under_cloud_are_as_often_as_validation_studies_say():
    missed_thin, missed_shadow, thick = [], [], []
    for day in (1, 2, 3, 4, 5, 6):
        block = wide("leaves", passing(when=f"2025-06-{day:02d}T02:02:41", cloud=0.3), 900)
        codes, cloud, shadow = block.pixels["scl"], block.truth["cloud"], block.truth["shadow"]
        called = np.isin(codes, (8, 9, 10))
        thin = (cloud >= 15) & (cloud < 50)
        shaded = (shadow >= 45) & (cloud < 10)
        missed_thin.append(1 - called[thin].mean())
        missed_shadow.append(1 - (codes[shaded] == 3).mean())
        thick.append(called[cloud >= 50].mean())
        assert ((codes == 4) | (codes == 7))[(cloud == 0) & (shadow == 0)].mean() > 0.998
    assert 0.09 < np.mean(missed_thin) < 0.18
    assert 0.19 < np.mean(missed_shadow) < 0.31
    assert np.mean(thick) > 0.997


def test_a_closed_deck_is_cloud_all_over():
    assert np.isin(wide("leaves", passing(cloud=1.0)).pixels["scl"], (8, 9)).all()


def test_cirrus_is_class_10_where_it_is_thick():
    block = wide("leaves", passing(when="2025-06-08T02:02:41", cirrus=0.3), 1500)
    codes, cirrus = block.pixels["scl"], block.truth["cirrus"]
    assert (codes[cirrus > 50] == 10).all()
    assert (codes[cirrus < 10] != 10).all()


def test_classes_by_hand():
    """One pixel each: leaves, water, char, dark, snow, thick and thin cloud, shadow, cirrus, smoke."""
    #        blue  green  red   nir   swir16 swir22
    table = [
        ((0.02, 0.04, 0.02, 0.40, 0.16, 0.07), {}, 4),
        ((0.04, 0.03, 0.01, 0.01, 0.00, 0.00), {}, 6),
        ((0.04, 0.04, 0.05, 0.08, 0.13, 0.13), {}, 5),
        ((0.01, 0.02, 0.02, 0.06, 0.05, 0.02), {}, 2),
        ((0.79, 0.80, 0.79, 0.73, 0.11, 0.07), {}, 11),
        ((0.02, 0.04, 0.02, 0.40, 0.16, 0.07), {"cloud": 0.8}, 9),
        ((0.02, 0.04, 0.02, 0.40, 0.16, 0.07), {"cloud": 0.3}, 8),
        ((0.02, 0.04, 0.02, 0.40, 0.16, 0.07), {"cloud": 0.14}, 7),
        ((0.02, 0.04, 0.02, 0.40, 0.16, 0.07), {"shadow": 0.6}, 3),
        ((0.02, 0.04, 0.02, 0.40, 0.16, 0.07), {"cirrus": 0.5}, 10),
        ((0.02, 0.04, 0.02, 0.40, 0.16, 0.07), {"smoke": 0.6}, 8),
    ]
    looks = np.array([row[0] for row in table], np.float32).T[:, :, None]
    zeros = np.zeros((len(table), 1), np.float32)
    parts = {
        part: np.array([[row[1].get(part, 0.0)] for row in table], np.float32)
        for part in ("cloud", "shadow", "haze", "cirrus", "smoke")
    }
    errors = Errors(zeros, zeros, zeros, zeros)
    rates = Rates(0.07, 0.08, 0.045, 0.2, 0.05, 0.24)
    assert judged_scl(looks, air_of(Sky(**parts)), errors, rates).ravel().tolist() == [row[2] for row in table]
    # Where it errs, char is shadow, snow is cloud, and thin cloud and shadow are overlooked.
    wrong = Errors(zeros + 3, zeros + 3, zeros + 3, zeros)
    misread = judged_scl(looks, air_of(Sky(**parts)), wrong, rates).ravel().tolist()
    assert [misread[at] for at in (2, 4, 5, 6, 8)] == [3, 9, 9, 4, 4]


def test_truth_tells_the_air_in_percent():
    window = window_of(SMALL, FRAME, (0, 0, 144, 144))
    sky = sky_over(SMALL, MURKY, window, sun_at(MURKY.when, 132.0, 43.35))
    truth = seen(draw_block, SMALL, scene_of(FRAME, MURKY), only("snow")).truth
    for part in ("cloud", "shadow", "cirrus", "haze"):
        field = getattr(sky, part)[18:-18, 18:-18]
        assert abs(truth[part] - 100 * field.reshape(72, 2, 72, 2).mean(axis=(1, 3)).clip(0, 1)).max() <= 0.51
    assert (truth["snow"] == 100).all()
    assert as_percent(np.array([[1.7]], np.float32)).tolist() == [[100]]


def test_real_clouds_and_shadows_are_as_bright(shared):
    """Reflectance over forest by scene class, against the real scene of 2023-08-18 with as much cloud."""
    import rasterio

    folder = shared / "imagery/s2-l2a-33twm-slovenia/sentinel-2-l2a/S2A_33TWM_20230818_0_L2A"
    real = {key: rasterio.open(folder / f"{key}.tif").read(1) for key in ("B02", "B04", "B08", "SCL")}
    block = wide("leaves", passing(when="2025-08-17T02:02:41", cloud=0.38), 1500).pixels
    coarse = {key: block[key].reshape(750, 2, 750, 2).mean(axis=(1, 3)) for key in ("blue", "red", "nir")}
    for theirs, ours in (("B02", "blue"), ("B04", "red"), ("B08", "nir")):
        medians = [
            {code: np.median(values[classes == code]) for code in (3, 4, 8, 9)}
            for values, classes in ((real[theirs], real["SCL"]), (coarse[ours], block["scl"]))
        ]
        # Clouds by their reflectance, shadows as a part of the lit forest's.
        for code in (8, 9):
            assert 0.6 < medians[1][code] / medians[0][code] < 1.7, (code, ours)
        assert medians[1][3] / medians[1][4] == pytest.approx(medians[0][3] / medians[0][4], abs=0.15), ours


def test_every_band_of_the_sensor_has_a_tint():
    assert set(BANDS) == set(TINTS)
    assert set(JUDGED) <= set(BANDS)
