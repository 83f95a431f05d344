"""Definitions of forest: patches, heights, kinds and shrubs by hand, and every definition that cannot be computed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from habitat.contracts.errors import ConfigError, GridMismatch, NotPossible
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.pixel_areas import pixel_areas
from habitat.forest import DEFINITIONS, ForestDefinition, Kind, forest_areas, forest_mask, mask_areas

GRID = Grid("EPSG:32652", 20.0, (736400.0, 4793000.0, 736600.0, 4793200.0))
ANY = ForestDefinition("any", 30.0, shrubs=True)


def patches():
    """Return 13 pixels in a line with a corner in it, and 12 pixels in a block."""
    cover = np.zeros((10, 10))
    cover[0, :7] = 90
    cover[1, 7] = 90  # touches at the corner only
    cover[2, 7:9] = 90
    cover[3, 9] = 90
    cover[4, 8:10] = 90
    cover[6:9, 0:4] = 90
    return cover


def test_patches_touch_at_corners_and_small_ones_go():
    half = ForestDefinition("half", 30.0, 0.5, shrubs=True)
    assert half.least_pixels(20.0) == 13  # 0.5 ha are 12.5 pixels of 400 m²
    mask = forest_mask(patches(), half, resolution_m=20.0)
    assert mask[:5].sum() == 13
    assert mask[5:].sum() == 0
    assert forest_mask(patches(), ANY, resolution_m=20.0).sum() == 25


def test_unknown_cover_is_unknown_and_parts_no_forest_from_forest():
    cover = np.full((3, 3), 80.0)
    cover[1, :] = np.nan
    mask = forest_mask(cover, ForestDefinition("x", 30, 0.2, shrubs=True), resolution_m=20.0)
    # Three pixels on either side are 0.12 ha: too few, and what lies between may be anything.
    assert mask.tolist() == [[0] * 3, [255] * 3, [0] * 3]


@pytest.mark.parametrize(
    ("kind", "fao", "coverage", "no_plantations"),
    [
        (Kind.BROADLEAF, 1, 1, 1),
        (Kind.LARCH, 1, 1, 0),
        (Kind.SHRUB, 0, 1, 0),
        (Kind.OPEN, 0, 1, 0),
        (Kind.OTHER, 0, 0, 0),
        (Kind.WATER, 0, 0, 0),
    ],
)
def test_kinds_decide_what_cover_cannot(kind, fao, coverage, no_plantations):
    cover, kinds = np.full((4, 4), 60.0), np.full((4, 4), kind, np.uint8)
    wild = ForestDefinition("wild", 20.0, min_height_m=5.0, plantations=False)
    told = [
        forest_mask(cover, definition, kind=kinds, resolution_m=20.0)[0, 0]
        for definition in (DEFINITIONS["fao"], DEFINITIONS["cn-coverage"], wild)
    ]
    assert told == [fao, coverage, no_plantations]


def test_heights_decide_unless_trees_will_reach_them():
    cover = np.full((1, 4), 60.0)
    height = np.array([[12.0, 4.9, 4.9, np.nan]])
    kind = np.array([[Kind.OPEN, Kind.OPEN, Kind.MIXED, Kind.OPEN]], np.uint8)
    tall = ForestDefinition("tall", 10.0, min_height_m=5.0)
    assert forest_mask(cover, tall, kind=kind, height=height, resolution_m=20.0).tolist() == [[1, 0, 1, 0]]
    now = ForestDefinition("now", 10.0, min_height_m=5.0, in_situ=False)
    assert forest_mask(cover, now, kind=kind, height=height, resolution_m=20.0).tolist() == [[1, 0, 0, 255]]
    # Without kinds, the height that nobody knows leaves the pixel unknown.
    assert forest_mask(cover, tall, height=height, resolution_m=20.0).tolist() == [[1, 0, 0, 255]]


@pytest.mark.parametrize(
    ("definition", "why"),
    [
        (DEFINITIONS["fao"], "neither heights nor kinds"),
        (ForestDefinition("now", 10, min_height_m=5, in_situ=False), "no heights are given"),
        (ForestDefinition("wild", 10, plantations=False, shrubs=True), "plantations are left out"),
        (DEFINITIONS["cn-forest"], "shrubs are left out"),
    ],
)
def test_what_cannot_be_told_is_refused(definition, why):
    with pytest.raises(NotPossible, match=why):
        forest_mask(np.zeros((2, 2)), definition, resolution_m=20.0)


def test_numbers_out_of_range_and_other_grids_are_refused():
    with pytest.raises(ConfigError, match="wants 0 to 100"):
        ForestDefinition("x", 101)
    with pytest.raises(ConfigError, match="want 0 up"):
        ForestDefinition("x", 10, -1)
    with pytest.raises(GridMismatch, match="wants the same grid"):
        forest_mask(np.zeros((2, 2)), ANY, kind=np.zeros((3, 2), np.uint8), resolution_m=20.0)
    with pytest.raises(GridMismatch, match="whole raster"):
        mask_areas(np.zeros((2, 2), np.uint8), GRID, {})


def test_areas_are_true_ones_zone_by_zone():
    cover = patches()
    cover[9, 9] = np.nan
    west = np.zeros(GRID.shape, bool)
    west[:, :5] = True
    told = forest_areas(ANY, cover, GRID, {"west": west, "all": np.ones(GRID.shape, bool)})
    true = pixel_areas(GRID, Tile(0, 0, 10, 10)) / 1e4
    # In the west: 5 of the line and the 12 of the block.
    assert told["west"].value == pytest.approx(true[(cover > 0) & west].sum(), rel=1e-12)
    assert told["west"].value == pytest.approx(17 * 0.04, rel=2e-3)
    assert told["west"].value != pytest.approx(17 * 0.04, rel=1e-5)
    assert (told["all"].estimator, told["all"].interval) == ("pixel count, unvalidated", None)
    parts = mask_areas(forest_mask(cover, ANY, resolution_m=20.0), GRID, {"all": np.ones(GRID.shape, bool)})["all"]
    assert parts["zone"].value - parts["known"].value == pytest.approx(true[9, 9], rel=1e-9)


@given(
    arrays(np.float64, (7, 7), elements=st.floats(0, 100)),
    st.floats(0, 100),
    st.floats(0, 100),
    st.floats(0, 0.5),
)
def test_a_stricter_definition_never_has_more_forest(cover, one, other, area):
    low, high = sorted((one, other))
    mild = forest_mask(cover, ForestDefinition("a", low, shrubs=True), resolution_m=20.0)
    strict = forest_mask(cover, ForestDefinition("b", high, area, shrubs=True), resolution_m=20.0)
    assert (strict <= mild).all()
    assert set(np.unique(mild)) <= {0, 1}


def test_named_definitions_differ_and_say_who_says_so():
    assert DEFINITIONS["fao"].sentence == (
        "crown cover from 10 %, patches from 0.5 ha, height from 5 m where they stand, plantations in, shrubs out"
    )
    assert all(definition.source for definition in DEFINITIONS.values())
    assert DEFINITIONS["cn-forest"].least_pixels(20.0) == 2  # 667 m² are 1.7 pixels
