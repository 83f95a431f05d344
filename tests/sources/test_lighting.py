"""Slopes read as level ground: known light is taken off again, by either door, and what cannot be learnt is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from made_scenes import NORTH, WEST, area, asset, scene
from scipy import ndimage

from habitat.contracts.grid import Tile
from habitat.contracts.span import Span
from habitat.imagery.composites import CODE_SCALE
from habitat.imagery.harmonise.illumination import incidence_cosine, level_factor, slope_cosine
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.scenes.lighting import LevelSeries, learnt_lighting
from habitat.sources.scenes.observations import SeriesReader
from habitat.sources.scenes.preflight import check_scenes
from habitat.sources.scenes.rasters import Rasters
from habitat.terrain import rises

SIZE, SUN, LEVEL = 160, (58.0, 150.0), 0.25
"""Pixels of 30 m; zenith and azimuth angle of the sun; reflectance of level ground."""
PLACE = area(rows=SIZE, columns=SIZE, resolution=30.0)
MAY = Span(date(2025, 5, 1), date(2025, 5, 31))
WHOLE = Tile(0, 0, SIZE, SIZE)


@pytest.fixture
def heights():
    return 900 * ndimage.gaussian_filter(np.random.default_rng(8).normal(size=(SIZE, SIZE)), 6) * 6


def lit(folder, heights, *, c=0.3, name="lit", days=0, sun=SUN):
    """A scene in which one band has the light of SCS+C with this C, and one does not mind the light."""
    rise = rises(heights, 30.0)
    factor = level_factor(incidence_cosine(*rise, *SUN), slope_cosine(*rise), SUN[0], c)
    pictures = {"nir": LEVEL / factor, "red": 0.1 + 0 * factor}
    plain = scene(folder, f"{name}-plain", days=days, bands=(), size=SIZE * 3)
    bands = {
        band: asset(folder, f"{name}-{band}", np.rint(values / 1e-4).astype(np.uint16), 30, WEST, NORTH)
        for band, values in pictures.items()
    }
    mask = asset(folder, f"{name}-scl", np.full((SIZE, SIZE), 4, np.uint8), 30, WEST, NORTH)
    zenith, azimuth = sun or (None, None)
    elevation = None if zenith is None else 90 - zenith
    return replace(plain, id=name, bands=bands, mask=mask, sun_elevation=elevation, sun_azimuth=azimuth)


def read(scenes, heights):
    """The series as it is, as if level, and the light that was learnt."""
    with Rasters(provider_for("earth-search")) as rasters:
        checked = check_scenes(scenes, rasters, ("red", "nir"), workers=1)
        reader = SeriesReader(checked, MAY, PLACE, rasters, bands=("red", "nir"), purpose="forest", grow_m=0.0)
        lighting = learnt_lighting(reader.pixels, rasters, heights, ("red", "nir"))
        series = LevelSeries(reader, lighting)
        assert series.days == reader.days
        assert series.tiles(2**28) == reader.tiles(2**28)
        plain, level = reader.read(WHOLE), series.read(WHOLE)
        with rasters.env():
            view = reader.pixels.at(WHOLE)
            stack = view.band("nir")
            lighting.level_stack(reader.pixels, view, "nir", stack)
            numbers = stack.numbers.astype(float) * stack.codes.scale + stack.codes.offset
    assert plain[1] == level[1]
    return plain[0], level[0], lighting, numbers


def test_known_light_is_taken_off(tmp_path, heights):
    plain, level, lighting, numbers = read([lit(tmp_path, heights)], heights)
    before, after = (series.codes[1, 0] * CODE_SCALE for series in (plain, level))
    assert before.std() / before.mean() > 0.12
    assert after.std() / after.mean() < 0.25 * before.std() / before.mean()
    assert np.median(after) == pytest.approx(LEVEL, abs=0.01)
    assert lighting.fits[0][1].c == pytest.approx(0.3, abs=0.15)
    assert lighting.fits[0][1].correlation > 0.9
    # What does not mind the light stays as it is, to the bit, and both doors tell the same.
    np.testing.assert_array_equal(level.codes[0], plain.codes[0])
    np.testing.assert_allclose(numbers.reshape(-1), after, atol=1.01e-4)


def test_what_cannot_be_learnt_is_left_as_it_is_and_told(tmp_path, heights):
    scenes = [lit(tmp_path, heights), lit(tmp_path, heights, name="dark", days=3, sun=None),
              lit(tmp_path, heights, name="low", days=5, sun=(80.0, 150.0))]  # fmt: skip
    plain, level, lighting, _ = read(scenes, heights)
    np.testing.assert_array_equal(level.codes[:, 1:], plain.codes[:, 1:])
    told = dict(text.split(" dates not levelled in some band: ")[::-1] for _, text in lighting.gaps())
    assert told == {
        "the item does not say where the sun stood, or it stood too low": "2 of 3",
        "slopes towards the sun are not brighter": "1 of 3",
    }


def test_a_plain_teaches_nothing(tmp_path, heights):
    plain, level, lighting, _ = read([lit(tmp_path, heights)], 0 * heights)
    np.testing.assert_array_equal(level.codes, plain.codes)
    assert lighting.gaps() == (
        ("illumination", "1 of 1 dates not levelled in some band: fewer than 1000 clear pixels"),
    )
