"""Landsat scenes: scaled numbers, every bit of the quality bands, the gaps of Landsat 7, and the 15 m lattice."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from painted_land import LARGE, SMALL, only, painted, passing, scene_of, seen, stripes

from habitat.twin.materials import ETM_BANDS, bands_of, spectra_of
from habitat.twin.sensors.air import air_of, residue_of
from habitat.twin.sensors.classes import DILATED_PX, Errors, Rates, judged_qa, qa_codes
from habitat.twin.sensors.frames import blocks_of, landsat_frame, window_of
from habitat.twin.sensors.landsat import (
    LANDSAT_LEFT,
    OFFSET,
    SCALE,
    VALID_DN,
    draw_block,
    scan_gaps,
)
from habitat.twin.sensors.optics import light_on, lit_reflectance, sun_at
from habitat.twin.sensors.shots import Sky

FRAME = landsat_frame(SMALL, 114, 30)
WIDE = landsat_frame(LARGE, 114, 30)
SUMMER = passing("L8", "2024-07-17T02:06:41")
PATCHWORK = stripes(170.0, "leaves", "soil", "char", "river", "snow")
MURKY = passing("L8", cloud=0.3, haze=0.4, cirrus=0.3, view_zenith=4.0, view_azimuth=100.0)
BIT = {
    name: 1 << bit
    for bit, name in enumerate(["fill", "dilated", "cirrus", "cloud", "shadow", "snow", "clear", "water"])
}


def counts(codes):
    return {int(code): float((codes == code).mean()) for code in np.unique(codes)}


def wide(name, overpass, size=300, **land):
    return seen(draw_block, LARGE, scene_of(WIDE, overpass), only(name), (0, 0, size, size), **land)


@pytest.mark.parametrize(
    ("platform", "when"), [("L5", "2010-06-17"), ("L7", "2002-06-17"), ("L8", "2024-07-17"), ("L9", "2024-07-17")]
)
def test_every_satellite_has_its_bands_at_30_m(platform, when):
    block = seen(draw_block, SMALL, scene_of(FRAME, passing(platform, f"{when}T02:00:00")), PATCHWORK)
    assert set(block.pixels) == {*bands_of(platform), "qa_pixel", "qa_radsat"}
    assert ("coastal" in block.pixels) == (platform in ("L8", "L9"))
    assert all((values.shape, values.dtype) == ((49, 49), np.uint16) for values in block.pixels.values())
    assert all((values.shape, values.dtype) == ((49, 49), np.uint8) for values in block.truth.values())


@pytest.mark.parametrize("name", ["leaves", "soil"])
def test_numbers_are_reflectance_plus_a_fifth_over_the_scale(name):
    window = window_of(SMALL, FRAME, next(blocks_of(FRAME)))
    landscape, ground = painted(SMALL, window, only(name), grain=0.0)
    bands = bands_of("L8")
    light = light_on(landscape, ground.stand.canopy, bands, sun_at(SUMMER.when, 132.0, 43.35), left=LANDSAT_LEFT)
    lit = lit_reflectance(ground, landscape, spectra_of("L8"), light).mean(axis=(1, 2))
    block = seen(draw_block, SMALL, scene_of(FRAME, SUMMER), only(name), grain=0.0)
    for band, value in zip(bands, lit + residue_of(SMALL, SUMMER, bands), strict=True):
        told = block.pixels[band] * SCALE + OFFSET
        # 2,401 pixels with noise of at most 0.0008.
        assert told.mean() == pytest.approx(value, abs=0.0001), band
        assert 0.0003 < told.std() < 0.0010, band


def test_scaled_numbers_are_the_guides():
    # 0 is 7272.7 and 1 is 43636.4 by the guide's scale and offset.
    assert (round(-OFFSET / SCALE), int((1 - OFFSET) / SCALE)) == VALID_DN
    clouds = seen(draw_block, SMALL, scene_of(FRAME, passing("L8", cloud=1.0)), only("sea")).pixels
    assert (clouds["blue"] == VALID_DN[1]).any()
    misjudged = [passing("L5", f"2010-07-{day:02d}T02:06:41") for day in range(1, 29)]
    darkest = min(misjudged, key=lambda one: residue_of(SMALL, one, ("swir22",))[0])
    assert seen(draw_block, SMALL, scene_of(FRAME, darkest), only("sea")).pixels["swir22"].min() == VALID_DN[0]


def test_older_sensors_are_noisier():
    spread = [
        float((wide("leaves", passing(platform, when), 90, grain=0.0).pixels["red"] * SCALE).std())
        for platform, when in (
            ("L5", "2010-07-17T02:00:00"),
            ("L7", "2002-07-17T02:00:00"),
            ("L9", "2024-07-17T02:00:00"),
        )
    ]
    assert spread == sorted(spread, reverse=True)
    assert spread[0] > 4 * spread[2]


def test_pixels_lie_15_m_off_the_lattice_of_the_ground():
    """A stripe's edge falls inside a pixel of 30 m, which mixes what it covers: 15 m of either side."""
    # Stripes of 300 m from 742,500 on; pixels are cut at 742,665 + 30 n, so 742,800 is 15 m into the fifth.
    one = replace(SUMMER, view_zenith=0.0)
    block = seen(draw_block, SMALL, scene_of(FRAME, one), stripes(300.0, "sea", "soil"), grain=0.0)
    line = block.pixels["red"].mean(axis=0) * SCALE + OFFSET
    low, high = sorted((float(np.percentile(line, 5)), float(np.percentile(line, 95))))
    share = (line[4] - low) / (high - low)
    # Misplaced by some metres and blurred by 10 m pixels: neither all one nor all the other.
    assert 0.1 < share < 0.9
    assert abs(line[3] - line[2]) < 0.35 * (high - low)


@pytest.mark.parametrize("cut", [(0, 0, 24, 24), (18, 12, 31, 37)])
def test_blocks_are_cut_from_the_same_scene(cut):
    for overpass in (MURKY, passing("L7", "2012-05-18T02:02:41", cloud=0.2, view_zenith=5.0, view_azimuth=280.0)):
        scene = scene_of(FRAME, overpass)
        whole = seen(draw_block, SMALL, scene, PATCHWORK, (0, 0, 49, 49))
        part = seen(draw_block, SMALL, scene, PATCHWORK, cut)
        row, column, rows, columns = cut
        for of_whole, of_part in ((whole.pixels, part.pixels), (whole.truth, part.truth)):
            for key, values in of_part.items():
                assert (values == of_whole[key][row : row + rows, column : column + columns]).all(), key


def test_codes_are_those_of_the_guides():
    bits = {name: np.uint8(value) for name, value in BIT.items()}
    found = np.array(
        [0, bits["water"], bits["cloud"], bits["shadow"], bits["snow"], bits["cirrus"], bits["dilated"]], np.uint8
    )
    near = np.array([0, 0, 1, 0, 0, 0, 0], bool)
    # 54596 is high confidence cirrus over clear land, 22080 cloud of medium confidence that was not taken for one.
    assert qa_codes(found, near, newer=True).tolist() == [21824, 21952, 22280, 23888, 30048, 54596, 22080]
    assert qa_codes(found, near, newer=False).tolist() == [5440, 5504, 5896, 7440, 13664, 5440, 5696]
    beside = np.ones(7, bool)
    # Beside a cloud: dilated and no longer clear, as in real scenes; Landsat 4-7 keep the bit, as their guide lists.
    assert qa_codes(found, beside, newer=True)[[0, 3, 6]].tolist() == [21762, 23826, 22018]
    assert qa_codes(found, beside, newer=False)[[0, 1]].tolist() == [5442, 5506]


def test_the_codes_of_a_real_scene_can_all_be_drawn(shared):
    import rasterio

    (path,) = (shared / "imagery/landsat-c2l2-008059-colombia").rglob("QA_PIXEL.TIF")
    real = set(np.unique(rasterio.open(path).read(1)).tolist())
    kinds = [0, *(BIT[name] for name in ("cloud", "shadow", "water", "dilated", "cirrus", "snow"))]
    found = np.array([a | b | c for a in kinds for b in kinds for c in kinds], np.uint8)
    ours = {1}
    for near in (False, True):
        ours |= set(qa_codes(found, np.full(found.shape, near), newer=True).tolist())
    assert real <= ours


def judged(parts, looks, *, added=None, newer=True):
    zeros = np.zeros(looks.shape[1:], np.float32)
    air = air_of(Sky(**{part: parts.get(part, zeros) for part in ("cloud", "shadow", "haze", "cirrus", "smoke")}))
    errors = Errors(zeros if added is None else added, zeros, zeros, zeros)
    return judged_qa(looks, air, errors, Rates(0.04, 0.0, 0.03, 0.1, 0.05, 0.22), newer=newer)


LEAVES = np.array([0.02, 0.04, 0.02, 0.40, 0.16, 0.07], np.float32)


def test_cloud_is_dilated_by_three_pixels_and_specks_are_dropped():
    looks = np.broadcast_to(LEAVES[:, None, None], (6, 40, 40)).copy()
    cloud = np.zeros((40, 40), np.float32)
    cloud[10:14, 10:16] = 0.9
    cloud[30, 30] = 0.9
    codes = judged({"cloud": cloud}, looks)
    assert (codes == 22280).sum() == 24
    assert ((codes & BIT["dilated"]) > 0).sum() == (4 + 2 * DILATED_PX) * (6 + 2 * DILATED_PX) - 24
    # A cloud of one pixel is dropped, but doubted: medium confidence.
    assert codes[30, 30] == 22080
    assert codes[25, 25] == 21824


def test_snow_taken_for_cloud_has_the_bits_of_cloud():
    snow = np.array([0.79, 0.80, 0.79, 0.73, 0.11, 0.07], np.float32)
    looks = np.broadcast_to(snow[:, None, None], (6, 20, 20)).copy()
    added = np.zeros((20, 20), np.float32)
    added[:, :10] = 3.0
    codes = judged({}, looks, added=added)
    assert (codes[:, :10] == 22280).all()
    assert (codes[:, 14:] == 30048).all()


@pytest.mark.parametrize(("name", "code"), [("leaves", 21824), ("soil", 21824), ("river", 21952), ("sea", 21952)])
def test_clear_ground_has_the_codes_of_clear_ground(name, code):
    assert counts(wide(name, SUMMER).pixels["qa_pixel"])[code] > (0.85 if name == "soil" else 0.995)


def test_quality_bits_agree_with_the_truth_about_as_often_as_cfmask():
    block = wide("leaves", passing("L8", "2024-06-17T02:06:41", cloud=0.3), 501)
    codes, truth = block.pixels["qa_pixel"], block.truth
    cloud = (codes & BIT["cloud"]) > 0
    assert cloud[truth["cloud"] >= 50].mean() > 0.99
    assert 0.05 < 1 - cloud[(truth["cloud"] >= 15) & (truth["cloud"] < 50)].mean() < 0.25
    shaded = (truth["shadow"] >= 45) & (truth["cloud"] < 10)
    assert 0.12 < 1 - ((codes[shaded] & BIT["shadow"]) > 0).mean() < 0.32
    # No pixel is two of cloud, dilated cloud and clear.
    dilated, clear = (codes & BIT["dilated"]) > 0, (codes & BIT["clear"]) > 0
    assert (cloud.astype(int) + dilated + clear == 1).all()
    assert set(np.unique((codes >> 8) & 3)) == {1, 2, 3}
    assert set(np.unique((codes >> 12) & 3)) == {1}


def test_cirrus_has_a_bit_on_the_newer_satellites_only():
    new = wide("leaves", passing("L9", "2024-06-17T02:06:41", cirrus=0.3)).pixels["qa_pixel"]
    old = wide("leaves", passing("L5", "2010-06-17T02:06:41", cirrus=0.3)).pixels["qa_pixel"]
    assert ((new & BIT["cirrus"]) > 0).any()
    assert ((new >> 14 == 3) == ((new & BIT["cirrus"]) > 0)).all()
    assert ((old & BIT["cirrus"]) == 0).all()
    assert (old >> 14 == 0).all()


def gaps_of(view_zenith, view_azimuth, year=2012):
    overpass = passing("L7", f"{year}-05-18T02:00:00", view_zenith=view_zenith, view_azimuth=view_azimuth)
    east = 743_400.0 + 30 * (np.arange(600) - 300.0)
    return scan_gaps(overpass, east, 4_800_000.0 - 30 * (np.arange(600) - 300.0))


def test_gaps_widen_away_from_the_middle_of_the_scene():
    # 705 km x tan: 92.5 km at 7.475 degrees, half of it at 3.754; 420 m of 960 m at the edge.
    assert gaps_of(7.475, 280.0).mean() == pytest.approx(420 / 960, abs=0.03)
    assert gaps_of(3.754, 280.0).mean() == pytest.approx(210 / 960, abs=0.02)
    assert gaps_of(0.3, 280.0).mean() < 0.02
    # West of the middle line the gaps are as wide.
    assert gaps_of(3.754, 100.0).mean() == pytest.approx(210 / 960, abs=0.02)
    # 42 percent at the edge and none in the middle: about 22 percent of a whole scene.
    across = [gaps_of(angle, 280.0).mean() for angle in np.degrees(np.arctan(np.linspace(0, 92.5, 10) / 705))]
    assert np.mean(across) == pytest.approx(0.22, abs=0.015)


def test_gaps_slope_down_to_the_east_and_are_wider_on_the_far_side():
    gaps = gaps_of(5.0, 280.0)
    assert gaps[:, 500:].mean() > gaps[:, :100].mean()
    # A line that slopes by tan 11 degrees = 0.194 falls 39 pixels on 200.
    left, right = gaps[:, 200], gaps[:, 400]
    matches = {move: float((left[:-60] == right[move : move + len(left) - 60]).mean()) for move in range(32, 48)}
    assert max(matches, key=matches.get) == pytest.approx(39, abs=2)


def test_gaps_are_fill_in_every_band_and_only_after_the_failure():
    later = wide("leaves", passing("L7", "2012-05-18T02:00:00", view_zenith=4.0, view_azimuth=280.0)).pixels
    missing = later["qa_pixel"] == 1
    assert 0.15 < missing.mean() < 0.3
    for band in ETM_BANDS:
        assert ((later[band] == 0) == missing).all()
    assert (later["qa_radsat"][missing] == 0).all()
    before = wide("leaves", passing("L7", "2003-05-31T02:00:00", view_zenith=4.0, view_azimuth=280.0)).pixels
    assert (before["qa_pixel"] != 1).all()
    other = wide("leaves", passing("L5", "2010-05-18T02:00:00", view_zenith=4.0, view_azimuth=280.0)).pixels
    assert (other["qa_pixel"] != 1).all()


def test_saturated_bands_are_cut_off_and_flagged():
    # Sun 27 degrees high: 0.310 / sin 27 = 0.68 in the blue of TM, below snow's; 1.36 in green is above it.
    old = wide("snow", passing("L5", "2010-02-17T02:00:00")).pixels
    assert counts(old["qa_radsat"]) == {1: 1.0}
    assert old["blue"].max() * SCALE + OFFSET < 0.75
    assert counts(wide("snow", passing("L8", "2024-02-17T02:00:00")).pixels["qa_radsat"]) == {0: 1.0}
    bits = Counter(wide("leaves", passing("L7", "2002-06-17T02:00:00", cloud=1.0)).pixels["qa_radsat"].ravel().tolist())
    # Thick cloud under a high sun saturates ETM+ in blue, green and red at least: bits 0, 1 and 2.
    assert all(code & 7 == 7 for code in bits)


def test_ground_behind_a_cliff_is_occluded_for_the_newer_satellites():
    # Seen from 7 degrees in the west; ground is hidden where it falls eastward more steeply than 1 / tan 7 = 8.1.
    for platform, when, code in (("L8", "2024-07-17", 1 << 11), ("L5", "2010-07-17", 0)):
        overpass = passing(platform, f"{when}T02:00:00", view_zenith=7.0, view_azimuth=270.0)
        hidden = seen(draw_block, SMALL, scene_of(FRAME, overpass), only("soil"), rise=(-9.0, 0.0)).pixels["qa_radsat"]
        assert (hidden == code).all()
        open_ground = seen(draw_block, SMALL, scene_of(FRAME, overpass), only("soil"), rise=(-7.0, 0.0)).pixels
        assert (open_ground["qa_radsat"] == 0).all()


def test_real_clouds_have_the_same_colour(shared):
    """Cloudy pixels over forest that are equally bright in the blue, against the scene of Colombia."""
    import rasterio

    folder = next((shared / "imagery/landsat-c2l2-008059-colombia").rglob("QA_PIXEL.TIF")).parent
    bands = bands_of("L8")
    real = {
        band: rasterio.open(folder / f"SR_B{number}.TIF").read(1) * SCALE + OFFSET
        for number, band in enumerate(bands, start=1)
    }
    codes = rasterio.open(folder / "QA_PIXEL.TIF").read(1)
    block = wide("leaves", passing("L8", "2024-06-17T02:06:41", cloud=0.8), 501).pixels
    ours = {band: block[band] * SCALE + OFFSET for band in bands}
    for low, high in ((0.2, 0.3), (0.4, 0.5), (0.7, 0.8)):
        alike = [
            (pixels["blue"] > low) & (pixels["blue"] < high) & ((found & BIT["cloud"]) > 0)
            for pixels, found in ((real, codes), (ours, block["qa_pixel"]))
        ]
        for band in bands:
            expected, drawn = np.median(real[band][alike[0]]), np.median(ours[band][alike[1]])
            assert drawn == pytest.approx(expected, rel=0.3), (band, low)
