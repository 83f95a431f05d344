"""Clear masks: every class and bit of the tables, growth against a plain oracle, and real scenes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from habitat.contracts.errors import ConfigError
from habitat.imagery.clouds import (
    CLOUD,
    DOUBTFUL,
    DROP,
    KEEP,
    RADSAT_OCCLUSION,
    SHADOW,
    class_shares,
    clear_mask,
    clear_policy,
    mask_words,
    saturated,
)
from habitat.imagery.discs import within_disc

SCL_RULES = {
    # no data, saturated, dark, shadow, vegetation, bare, water, unclassified, medium, high, cirrus, snow
    "forest": [DROP, DROP, DROP, SHADOW, KEEP, KEEP, DROP, KEEP, CLOUD, CLOUD, CLOUD, DROP],
    "burn": [DROP, DROP, KEEP, DOUBTFUL, KEEP, KEEP, DROP, KEEP, CLOUD, CLOUD, CLOUD, DROP],
    "snow": [DROP, DROP, DROP, SHADOW, KEEP, KEEP, DROP, DROP, CLOUD, CLOUD, CLOUD, KEEP],
}
QA_RULES = {
    # fill, clear land, water, cloud, shadow, snow, dilated cloud, cirrus + cloud, shadow over water
    1: [DROP] * 3,
    21824: [KEEP] * 3,
    21952: [DROP] * 3,
    22280: [CLOUD] * 3,
    23888: [SHADOW, DOUBTFUL, SHADOW],
    30048: [DROP, DROP, KEEP],
    21762: [DROP] * 3,
    55052: [CLOUD] * 3,
    23888 | 1 << 7: [SHADOW] * 3,
    22280 | 1 << 4: [CLOUD] * 3,
    23888 | 1: [DROP] * 3,
}
PURPOSES = ("forest", "burn", "snow")


def disc(radius):
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return y * y + x * x <= radius * radius


def plain_mask(quality, rule, grow, reach):
    """The policy word by word, with explicit discs."""
    states = rule[quality]
    explained = (states == DOUBTFUL) & ndimage.binary_dilation(states == CLOUD, disc(reach))
    near = ndimage.binary_dilation((states == CLOUD) | (states == SHADOW), disc(grow))
    return np.isin(states, (KEEP, DOUBTFUL)) & ~near & ~explained


def full_rule(codes_to_actions):
    rule = np.full(65536, DROP)
    for code, action in codes_to_actions.items():
        rule[code] = action
    return rule


@pytest.mark.parametrize("purpose", PURPOSES)
def test_scl_table(purpose):
    lut = clear_policy("sentinel2", purpose, resolution_m=20).lut
    assert lut[:12].tolist() == SCL_RULES[purpose]
    assert (lut[12:] == DROP).all()


@pytest.mark.parametrize("code", QA_RULES)
@pytest.mark.parametrize("purpose", PURPOSES)
def test_qa_table(code, purpose):
    lut = clear_policy("landsat", purpose, resolution_m=30).lut
    assert lut[code] == QA_RULES[code][PURPOSES.index(purpose)]


def test_qa_clear_bit_is_not_believed():
    # 23888 (shadow) and 30048 (snow) have bit 6 set, and the forest mask must not keep them.
    qa = np.array([[23888, 30048, 21824]], np.uint16)
    assert ((qa >> 6) & 1 == 1).all()
    policy = clear_policy("landsat", "forest", resolution_m=30, grow_m=0)
    assert clear_mask(qa, policy).tolist() == [[0, 0, 1]]


def test_confidence_bits_alone_drop_nothing():
    policy = clear_policy("landsat", "forest", resolution_m=30, grow_m=0)
    codes = (21824 & 0xFF) | (np.arange(256, dtype=np.uint16) << 8)
    assert clear_mask(codes.reshape(16, 16), policy).all()


@pytest.mark.parametrize(
    ("resolution", "purpose", "pixels"),
    [(20, "forest", (6, 0, 6)), (30, "forest", (4, 0, 4)), (10, "burn", (12, 200, 212)), (30, "burn", (4, 67, 71))],
)
def test_metres_become_whole_pixels(resolution, purpose, pixels):
    policy = clear_policy("sentinel2", purpose, resolution_m=resolution)
    assert (policy.grow_px, policy.reach_px, policy.halo_px) == pixels


def test_growth_is_a_disc_around_cloud_and_shadow_only():
    policy = clear_policy("sentinel2", "forest", resolution_m=20, grow_m=40)
    scl = np.full((5, 5), 4, np.uint8)
    scl[2, 2] = 9
    around = [[1, 1, 0, 1, 1], [1, 0, 0, 0, 1], [0, 0, 0, 0, 0], [1, 0, 0, 0, 1], [1, 1, 0, 1, 1]]
    assert clear_mask(scl, policy).tolist() == around
    scl[2, 2] = 3
    assert clear_mask(scl, policy).tolist() == around
    for code in (0, 1, 2, 6, 11, 12):
        scl[2, 2] = code
        assert clear_mask(scl, policy).sum() == 24


def test_landsat_dilated_cloud_is_not_grown_again():
    policy = clear_policy("landsat", "forest", resolution_m=30, grow_m=30)
    qa = np.full((1, 5), 21824, np.uint16)
    qa[0, 2] = 21762
    assert clear_mask(qa, policy).tolist() == [[1, 1, 0, 1, 1]]


def test_burn_keeps_dark_ground_and_shadow_without_a_cloud():
    policy = clear_policy("sentinel2", "burn", resolution_m=20, grow_m=20, shadow_reach_m=60)
    # A cloud at 0 (grown to 1), shadow at 3 (in reach, so shadow, but not grown) and at 6 (out of reach: char).
    scl = np.array([[9, 4, 4, 3, 4, 2, 3, 4]], np.uint8)
    assert clear_mask(scl, policy).tolist() == [[0, 0, 1, 0, 1, 1, 1, 1]]
    assert clear_mask(scl[:, 1:], policy).tolist() == [[1, 1, 1, 1, 1, 1, 1]]


def test_snow_keeps_known_snow_and_known_land():
    policy = clear_policy("sentinel2", "snow", resolution_m=20, grow_m=0)
    assert clear_mask(np.arange(13, dtype=np.uint8)[None], policy)[0].nonzero()[0].tolist() == [4, 5, 11]


@settings(max_examples=60, deadline=None)
@given(
    quality=hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 14), st.integers(1, 14)),
        elements=st.sampled_from([0, 2, 3, 4, 4, 4, 4, 5, 6, 9, 11, 12]),
    ),
    purpose=st.sampled_from(PURPOSES),
    grow=st.integers(0, 5),
    reach=st.integers(0, 9),
)
def test_equals_the_plain_oracle(quality, purpose, grow, reach):
    policy = clear_policy("sentinel2", purpose, resolution_m=20, grow_m=20 * grow, shadow_reach_m=20 * reach)
    rule = full_rule(dict(enumerate(SCL_RULES[purpose])))
    expected = plain_mask(quality, rule, grow, reach)
    np.testing.assert_array_equal(clear_mask(quality, policy), expected)
    np.testing.assert_array_equal(clear_mask(quality.astype(np.uint16), policy), expected)


@settings(max_examples=40, deadline=None)
@given(
    quality=hnp.arrays(
        np.uint16,
        st.tuples(st.integers(1, 12), st.integers(1, 12)),
        elements=st.sampled_from([*QA_RULES, 21824, 21824, 21824, 21824]),
    ),
    purpose=st.sampled_from(PURPOSES),
    grow=st.integers(0, 4),
)
def test_landsat_equals_the_plain_oracle(quality, purpose, grow):
    policy = clear_policy("landsat", purpose, resolution_m=30, grow_m=30 * grow, shadow_reach_m=120)
    rule = full_rule({code: actions[PURPOSES.index(purpose)] for code, actions in QA_RULES.items()})
    np.testing.assert_array_equal(clear_mask(quality, policy), plain_mask(quality, rule, grow, 4))


@pytest.mark.parametrize("radius", [1, 6, 40, 254, 255, 300])
def test_disc_of_any_radius(radius):
    # One seed: its disc by Pythagoras, also where distances no longer fit a byte.
    seeds = np.zeros((330, 320), np.uint8)
    seeds[10, 15] = 1
    y, x = np.ogrid[:330, :320]
    expected = (y - 10) ** 2 + (x - 15) ** 2 <= radius**2
    np.testing.assert_array_equal(within_disc(seeds, radius), expected)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_tiles_with_halo_equal_the_whole(purpose):
    rng = np.random.default_rng(8)
    quality = rng.choice(np.array([4, 4, 4, 4, 4, 4, 5, 2, 3, 9, 11, 6, 0], np.uint8), (60, 70))
    policy = clear_policy("sentinel2", purpose, resolution_m=20, grow_m=40, shadow_reach_m=60)
    whole = clear_mask(quality, policy)
    halo = policy.halo_px
    for top, bottom, left, right in ((0, 30, 0, 35), (30, 60, 35, 70), (20, 40, 20, 50)):
        outer = (max(top - halo, 0), min(bottom + halo, 60), max(left - halo, 0), min(right + halo, 70))
        crop = (top - outer[0], outer[1] - bottom, left - outer[2], outer[3] - right)
        tile = clear_mask(quality[outer[0] : outer[1], outer[2] : outer[3]], policy, crop=crop)
        np.testing.assert_array_equal(tile, whole[top:bottom, left:right])


def test_crop_works_without_growth_and_input_is_untouched():
    quality = np.arange(12, dtype=np.uint8).reshape(3, 4)
    before = quality.copy()
    policy = clear_policy("sentinel2", "forest", resolution_m=20, grow_m=0)
    assert policy.halo_px == 0
    assert clear_mask(quality, policy, crop=(1, 0, 0, 2)).tolist() == [[1, 1], [0, 0]]
    clear_mask(quality, clear_policy("sentinel2", "burn", resolution_m=20))
    np.testing.assert_array_equal(quality, before)


@settings(max_examples=20, deadline=None)
@given(quality=hnp.arrays(np.uint8, (8, 9), elements=st.integers(0, 14)), purpose=st.sampled_from(PURPOSES))
def test_more_growth_never_clears_more(quality, purpose):
    narrow, wide = (clear_policy("sentinel2", purpose, resolution_m=20, grow_m=metres) for metres in (20, 60))
    assert (clear_mask(quality, wide) <= clear_mask(quality, narrow)).all()


def test_all_cloud_and_empty_rasters():
    policy = clear_policy("sentinel2", "forest", resolution_m=20)
    assert not clear_mask(np.full((5, 5), 9, np.uint8), policy).any()
    assert clear_mask(np.zeros((0, 5), np.uint8), policy).shape == (0, 5)


def test_wrong_words_and_numbers_are_refused():
    with pytest.raises(ConfigError, match="sensor 'modis'; there are rules for: sentinel2, landsat"):
        clear_policy("modis", "forest", resolution_m=20)
    with pytest.raises(ConfigError, match="purpose 'flood'; choose one of: forest, burn, snow"):
        clear_policy("sentinel2", "flood", resolution_m=20)
    with pytest.raises(ConfigError, match="resolution_m is 0"):
        clear_policy("sentinel2", "forest", resolution_m=0)
    with pytest.raises(ConfigError, match="grow_m is -1"):
        clear_policy("sentinel2", "forest", resolution_m=20, grow_m=-1)
    with pytest.raises(ConfigError, match="shadow_reach_m is nan"):
        clear_policy("sentinel2", "burn", resolution_m=20, shadow_reach_m=float("nan"))
    with pytest.raises(ConfigError, match="sensor 'modis'; there are: sentinel2, landsat"):
        mask_words("modis")


def test_wrong_rasters_and_crops_are_refused():
    policy = clear_policy("sentinel2", "forest", resolution_m=20)
    with pytest.raises(TypeError, match="2 dims of float32, wants"):
        clear_mask(np.zeros((2, 2), np.float32), policy)
    with pytest.raises(TypeError, match="3 dims of uint8"):
        clear_mask(np.zeros((1, 2, 2), np.uint8), policy)
    with pytest.raises(ValueError, match="does not fit a raster of 2 x 2"):
        clear_mask(np.zeros((2, 2), np.uint8), policy, crop=(2, 1, 0, 0))
    with pytest.raises(ValueError, match="does not fit"):
        clear_mask(np.zeros((2, 2), np.uint8), policy, crop=(-1, 0, 0, 0))


def test_shares_of_a_small_raster():
    shares = class_shares(np.array([[0, 4, 4, 9], [11, 12, 200, 3]], np.uint8), "sentinel2")
    assert tuple(shares) == mask_words("sentinel2")
    assert shares["vegetation"] == shares["invalid"] == 0.25
    assert shares["no_data"] == shares["snow"] == shares["cloud_shadow"] == shares["cloud_high"] == 0.125
    assert sum(shares.values()) == 1.0
    landsat = class_shares(np.array([[1, 21824, 23888, 22280]], np.uint16), "landsat")
    assert tuple(landsat) == mask_words("landsat")
    assert landsat["not_cloudy"] == 0.5
    assert landsat["fill"] == landsat["cloud"] == landsat["cloud_shadow"] == 0.25


def test_saturation_by_bit():
    radsat = np.array([[0, 0b1000, 0b10, 1 << RADSAT_OCCLUSION]], np.uint16)
    assert saturated(radsat, [3]).tolist() == [[False, True, False, False]]
    assert saturated(radsat, [1, RADSAT_OCCLUSION]).tolist() == [[False, False, True, True]]
    assert not saturated(radsat, []).any()
    with pytest.raises(ConfigError, match="no bit 16; band n is bit n - 1"):
        saturated(radsat, [16])


@pytest.mark.parametrize("folder", ["s2-l2a-33twm-slovenia", "s2-l2a-01wcr-chukotka"])
def test_real_scl_shares(folder, shared):
    rasterio = pytest.importorskip("rasterio")
    root = shared / "imagery" / folder
    if not root.is_dir():
        pytest.skip("no real scenes here")
    ours = {"high_cloud": "cloud_high", "medium_cloud": "cloud_medium"}
    checks = json.loads((root / "scl_check.json").read_text())
    assert checks
    for check in checks:
        with rasterio.open(next(root.glob(f"*/{check['item']}/SCL.tif"))) as file:
            scl = file.read(1)
        shares = class_shares(scl, "sentinel2")
        for name, percent in check["scl_percent_in_file"].items():
            seen = 100 * shares[ours.get(name, name)] / (1 - shares["no_data"])
            assert seen == pytest.approx(percent, abs=0.0051), (check["item"], name)
        assert check["pixels_with_class_12"] == (scl == 12).sum()
        mask = clear_mask(scl, clear_policy("sentinel2", "forest", resolution_m=120))
        assert not mask[scl > 11].any()


def test_real_qa_shares(shared):
    rasterio = pytest.importorskip("rasterio")
    root = shared / "imagery" / "landsat-c2l2-008059-colombia"
    if not root.is_dir():
        pytest.skip("no real scenes here")
    check = json.loads((root / "qa_check.json").read_text())
    with rasterio.open(next(root.glob("*/*/QA_PIXEL.TIF"))) as file:
        qa = file.read(1)
    shares = class_shares(qa, "landsat")
    names = {
        "cloud": "cloud_bit3",
        "cloud_shadow": "shadow_bit4",
        "snow": "snow_bit5",
        "not_cloudy": "clear_bit6",
        "water": "water_bit7",
    }
    for ours, theirs in names.items():
        seen = 100 * shares[ours] / (1 - shares["fill"])
        assert seen == pytest.approx(check["percent_of_valid"][theirs], abs=0.0051), theirs
    mask = clear_mask(qa, clear_policy("landsat", "forest", resolution_m=30, grow_m=0))
    # Clear land is 21824 and 22080 (the latter of medium cloud confidence); all else is fill, cloud or water.
    counts = check["qa_pixel_histogram"]
    assert mask.sum() == counts["21824"] + counts["22080"]


def test_scars_keep_water_snow_and_dark_ground_and_do_not_grow_specks():
    policy = clear_policy("sentinel2", "scar", resolution_m=20, grow_m=40)
    scl = np.full((9, 14), 4, np.uint8)
    scl[0, :4] = (2, 6, 11, 7)
    scl[5, 2] = 9
    scl[4:7, 9:12] = 9
    clear = clear_mask(scl, policy)
    assert clear[0, :4].tolist() == [1, 1, 1, 1]
    # The speck is dropped alone; the cloud of 3 x 3 pixels is grown by two pixels.
    assert clear[5].tolist() == [1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]
    qa = np.array([[21824, 21952, 30048, 22280, 1]], np.uint16)
    landsat = clear_policy("landsat", "scar", resolution_m=30, grow_m=0)
    assert clear_mask(qa, landsat).tolist() == [[1, 1, 1, 0, 0]]


def test_masks_of_scars_do_not_depend_on_tiles():
    rng = np.random.default_rng(3)
    scl = rng.choice(np.array([4, 3, 9], np.uint8), (40, 40), p=(0.8, 0.1, 0.1))
    policy = clear_policy("sentinel2", "scar", resolution_m=20, grow_m=40, shadow_reach_m=60)
    whole, halo = clear_mask(scl, policy), policy.halo_px
    part = clear_mask(scl[12 - halo : 22 + halo, 14 - halo : 26 + halo], policy, crop=(halo,) * 4)
    np.testing.assert_array_equal(part, whole[12:22, 14:26])
