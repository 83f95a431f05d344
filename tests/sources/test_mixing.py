"""Two sensors as one series: known differences and shifts are measured as they are, and refused beyond the bound."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from made_scenes import NORTH, WEST, WHEN, area, asset, scene
from scipy import ndimage

from habitat.imagery.bandpass import as_oli
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.scenes.mixing import (
    MOST_RESIDUAL,
    Mixing,
    MixingRefused,
    measured_mixing,
    refuse_mixing,
    settled_mixing,
    without_misplaced,
)
from habitat.sources.scenes.preflight import check_scenes
from habitat.sources.scenes.rasters import Rasters

SIZE = 192
"""Pixels of 30 m: several windows."""
BANDS = ("red", "nir")
PLACE = area(rows=SIZE, columns=SIZE, resolution=30.0)


def ground(seed=0, across=0.0):
    """Reflectance of 30 m pixels, so rough that a shift shows, moved east by so many pixels."""
    rough = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(SIZE + 40, SIZE + 40)), 1.2)
    moved = ndimage.shift(rough, (0, across), order=3, mode="wrap")[20:-20, 20:-20]
    return 0.2 + 0.1 * moved


def one_of(folder, sensor, *, days=0, more=0.0, across=0.0, name="", cloudy=False):
    name = name or f"{sensor}-{days}"
    scale, offset = (1e-4, 0.0) if sensor == "sentinel2" else (2.75e-5, -0.2)
    seen = {band: ground(seed, across) + more for seed, band in enumerate(BANDS)}
    numbers = {band: np.rint((values - offset) / scale).astype(np.uint16) for band, values in seen.items()}
    nodata, clear, cloud = (0, 4, 9) if sensor == "sentinel2" else (1, 21824, 22280)
    mask = np.full((SIZE, SIZE), cloud if cloudy else clear, np.uint16)
    bands = {
        band: asset(folder, f"{name}-{band}", part, 30, WEST, NORTH, scale=scale, offset=offset)
        for band, part in numbers.items()
    }
    when = WHEN + timedelta(days=days)
    return replace(
        scene(folder, f"{name}-plain", bands=(), size=SIZE * 3),
        id=name,
        sensor=sensor,
        platform="sentinel-2a" if sensor == "sentinel2" else "landsat-9",
        tile="52TFN" if sensor == "sentinel2" else "115030",
        datetime=when,
        solar_day=when.date(),
        bands=bands,
        mask=asset(folder, f"{name}-mask", mask, 30, WEST, NORTH, nodata=nodata),
    )


def mixing_of(scenes, **options):
    with Rasters(provider_for("earth-search")) as rasters:
        checked = check_scenes(scenes, rasters, BANDS, workers=1)
        assert len(checked.scenes) == len(scenes)
        return checked, measured_mixing(checked, PLACE, rasters, BANDS, grow_m=0.0, **options)


def test_known_difference_is_measured_and_refused_below_it(tmp_path):
    scenes = [one_of(tmp_path, "sentinel2", more=0.03), one_of(tmp_path, "landsat", days=1)]
    _, mixing = mixing_of(scenes)
    (pair,) = mixing.measured
    assert (pair.tile, pair.path, pair.month) == ("52TFN", "115030", "2025-05")
    assert pair.scenes == (("sentinel2-0", "landsat-1", 1),)
    for band in BANDS:
        assert pair.bands[band].after.bias == pytest.approx(0.03, abs=0.001)
        assert pair.bands[band].after.rmsd == pytest.approx(0.03, abs=0.001)
        assert pair.bands[band].before is None
    assert pair.shifts_px()[0] < 0.05
    refuse_mixing(mixing, 0.031)
    with pytest.raises(MixingRefused, match=r"\+0.030 in (red|nir) over \d+ blocks of 52TFN–115030 in 2025-05"):
        refuse_mixing(mixing, 0.02)
    refuse_mixing(mixing, None)
    assert 0.0299 < MOST_RESIDUAL < 0.0301


def test_sampled_pixels_are_those_of_whole_windows(tmp_path):
    _, mixing = mixing_of([one_of(tmp_path, "sentinel2"), one_of(tmp_path, "landsat")])
    (pair,) = mixing.measured
    # One window of 128 pixels fits beside none other in 192; blocks of 90 m are 3 pixels of 30 m.
    assert pair.pixels == 128 * 128
    assert pair.bands["red"].after.blocks == (128 // 3) ** 2
    assert abs(pair.bands["red"].after.bias) < 1e-4


def test_a_picture_out_of_place_is_refused_or_left_out(tmp_path):
    scenes = [one_of(tmp_path, "sentinel2"), one_of(tmp_path, "landsat", across=1.0)]
    checked, mixing = mixing_of(scenes)
    (pair,) = mixing.measured
    assert pair.shifts[0].columns == pytest.approx(-1.0, abs=0.1)
    assert pair.shifts[0].rows == pytest.approx(0.0, abs=0.1)
    words = r"of 52TFN–115030 lie (0.9\d|1.0\d) pixels of 30 m beside each other in the median of 1 pairs"
    with pytest.raises(MixingRefused, match=words):
        refuse_mixing(mixing, 1.0)
    assert "landsat-0 lies" in dict(mixing.gaps())["place of pictures"]
    rest = without_misplaced(checked, mixing)
    assert [entry.id for entry in rest.scenes] == ["sentinel2-0"]
    assert (rest.missing[0].reason, rest.missing[0].scene.id) == ("misplaced", "landsat-0")


def test_one_scene_out_of_place_is_no_fault_of_the_series(tmp_path):
    scenes = [one_of(tmp_path, "sentinel2", days=days) for days in (0, 40, 80)]
    scenes += [one_of(tmp_path, "landsat", days=days, across=1.2 * (days == 40)) for days in (0, 40, 80)]
    _, mixing = mixing_of(scenes)
    assert list(mixing.misplaced()) == [("sentinel2-40", "landsat-40")]
    px, count = mixing.offsets()["52TFN", "115030"]
    assert (count, px < 0.05) == (3, True)
    refuse_mixing(mixing, 0.01)


def test_half_a_pixel_less_is_no_reason(tmp_path):
    checked, mixing = mixing_of([one_of(tmp_path, "sentinel2"), one_of(tmp_path, "landsat", across=0.4)])
    assert mixing.measured[0].shifts_px()[0] == pytest.approx(0.4, abs=0.08)
    refuse_mixing(mixing)
    assert without_misplaced(checked, mixing) == checked


def test_before_and_after_harmonising_stand_side_by_side(tmp_path):
    plain = [
        replace(entry, bands={"red": entry.bands["red"], "nir_narrow" if entry.sensor == "sentinel2" else "nir":
                              entry.bands["nir"]})
        for entry in (one_of(tmp_path, "sentinel2"), one_of(tmp_path, "landsat"))
    ]  # fmt: skip
    _, mixing = mixing_of([as_oli(entry) for entry in plain], plain=plain)
    red = mixing.measured[0].bands["red"]
    assert red.before.bias == pytest.approx(0.0, abs=1e-4)
    # The same numbers through the line of Sentinel-2A: 0.9765 of them and 0.0009.
    assert red.after.bias == pytest.approx(0.2 * 0.9765 + 0.0009 - 0.2, abs=3e-4)
    nir = mixing.measured[0].to_dict()["bands"]["nir"]
    assert (abs(nir["bias_before"]) < 1e-4, nir["bias"]) == (True, pytest.approx(0.2 * 0.9983 - 0.0001 - 0.2, abs=3e-4))


def test_days_without_a_pair_and_clouds_are_gaps_and_not_fine(tmp_path):
    far = [one_of(tmp_path, "sentinel2"), one_of(tmp_path, "landsat", days=9)]
    _, mixing = mixing_of(far)
    assert mixing.measured == ()
    assert mixing.gaps() == (
        (
            "mixing of sensors",
            "52TFN–115030: no pair of dates within 3 days (2025-05), so their difference there is not known",
        ),
    )
    assert mixing_of(far, max_days=9)[1].gaps() == ()
    other_month = [far[0], one_of(tmp_path, "landsat", days=40)]
    assert "(all months)" in mixing_of(other_month)[1].gaps()[0][1]
    cloudy = [far[0], one_of(tmp_path, "landsat", days=2, cloudy=True)]
    assert "no ground clear in both (2025-05)" in mixing_of(cloudy)[1].gaps()[0][1]
    refuse_mixing(mixing, 0.0)


def test_haze_of_one_month_is_told_and_does_not_refuse_a_series(tmp_path):
    scenes = [one_of(tmp_path, sensor, days=days, more=0.05 * (sensor == "sentinel2" and days == 60))
              for sensor in ("sentinel2", "landsat") for days in (0, 60, 90)]  # fmt: skip
    _, mixing = mixing_of(scenes)
    assert [pair.month for pair in mixing.measured] == ["2025-05", "2025-07", "2025-08"]
    assert mixing.measured[1].worst()[1] == pytest.approx(0.05, abs=0.001)
    assert abs(mixing.largest().bias) < 0.001
    assert mixing.largest().months == 3
    refuse_mixing(mixing, 0.002)
    ((what, text),) = mixing.gaps()
    assert what == "mixing of sensors"
    assert "52TFN–115030 in 2025-07: they differ by +0.050" in text
    with pytest.raises(MixingRefused, match="in 2025-07 "):
        refuse_mixing(Mixing(mixing.measured[1:2]), 0.03)


def test_out_of_place_is_left_out_before_the_rest_is_judged(tmp_path):
    scenes = [
        one_of(tmp_path, "sentinel2"),
        one_of(tmp_path, "landsat", across=1.5),
        one_of(tmp_path, "landsat", days=2, more=0.01),
    ]
    with Rasters(provider_for("earth-search")) as rasters:
        checked = check_scenes(scenes, rasters, BANDS, workers=1)
        rest, mixing = settled_mixing(checked, PLACE, rasters, BANDS, grow_m=0.0)
        assert [entry.id for entry in rest.scenes] == ["sentinel2-0", "landsat-2"]
        assert mixing.largest().bias == pytest.approx(-0.01, abs=0.001)
        with pytest.raises(MixingRefused):
            settled_mixing(checked, PLACE, rasters, BANDS, grow_m=0.0, bound=0.005)
        unseen, nothing = settled_mixing(checked, PLACE, rasters, BANDS, bound=None)
    assert (unseen, nothing.of_two) == (checked, True)
    assert nothing.gaps() == (("mixing of sensors", "not measured: max_mixing_residual is null"),)


def test_one_sensor_needs_no_measuring(tmp_path):
    scenes = [one_of(tmp_path, "sentinel2"), one_of(tmp_path, "sentinel2", days=2)]
    _, mixing = mixing_of(scenes)
    assert mixing == Mixing()
    assert (mixing.gaps(), mixing.largest(), mixing.to_dict()["pairs"]) == ((), None, [])
    refuse_mixing(mixing, 0.0)
