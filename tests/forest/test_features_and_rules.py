"""Features of a year, and rules that tell kinds and cover from them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made_year import years

from habitat.forest import (
    FEATURES,
    Kind,
    cover_by_rules,
    features,
    merged_years,
    season_median,
    snow_free,
    types_by_rules,
)
from habitat.forest.features import column
from habitat.forest.rules import rule_probabilities
from habitat.forest.types import type_map

EVERY = list(Kind)


def test_median_leaves_out_what_is_not_to_be_used():
    codes = np.arange(1, 6, dtype=np.int16)[None, :, None] * np.array([100, 10], np.int16)
    use = np.array([[1, 1], [1, 0], [0, 0], [1, 0], [1, 0]], bool)
    # 100, 200, 400, 500: the mean of 200 and 400; and 10 alone.
    assert season_median(codes, use).tolist() == [[300, 10]]
    assert season_median(codes, np.zeros((5, 2), bool)).tolist() == [[-32768, -32768]]
    assert season_median(codes[:, :0], use[:0]).tolist() == [[-32768, -32768]]


@given(arrays(np.int16, (1, 5, 4), elements=st.integers(-500, 15000)), arrays(np.bool_, (5, 4)))
def test_median_is_that_of_numpy(codes, use):
    told = season_median(codes, use)[0]
    for pixel in range(4):
        chosen = codes[0, use[:, pixel], pixel]
        wanted = int(np.floor(np.median(chosen))) if chosen.size else -32768
        assert told[pixel] == wanted


@pytest.mark.parametrize(
    ("look", "kept"),
    [
        ([200, 420, 270, 4000, 1800, 800], True),  # leaves
        ([450, 450, 250, 150, 60, 40], True),  # water is dark and stays
        ([8000, 8000, 7900, 7300, 1100, 750], False),  # snow
        ([1500, 1600, 1500, 2600, 1100, 600], False),  # snow under crowns
        ([2500, 2400, 2300, 3500, 2600, 1900], False),  # thin cloud
        ([450, 800, 1000, 2500, 2950, 1900], True),  # dry grass
    ],
)
def test_snow_and_haze_are_found_by_their_bands(look, kept):
    codes = np.array(look, np.int16).reshape(6, 1, 1)
    assert snow_free(codes, np.ones((1, 1), np.uint8)).item() is kept
    assert not snow_free(codes, np.zeros((1, 1), np.uint8)).item()


def test_a_look_without_one_band_does_not_count():
    codes = np.array([200, 420, -32768, 4000, 1800, 800], np.int16).reshape(6, 1, 1)
    assert not snow_free(codes, np.ones((1, 1), np.uint8)).item()


def test_features_by_hand():
    medians = years([Kind.BROADLEAF])
    medians[2] = -32768
    table = features(medians, [np.array([412.0])])
    assert table.shape == (1, len(FEATURES) + 1)
    assert column(table, "summer-nbr").item() == pytest.approx((4000 - 800) / 4800, abs=1e-6)
    assert column(table, "late-nbr2").item() == pytest.approx((2450 - 1450) / 3900, abs=1e-6)
    assert np.isnan(column(table, "gold-ndvi")).all()
    assert np.isnan(column(table, "gold-red")).all()
    assert table[0, -1] == 412


def test_rules_know_each_kind():
    told = types_by_rules(features(years(EVERY)))
    assert told.kind.tolist() == [int(kind) for kind in EVERY]
    assert (told.probability > 0.5).all()
    assert (told.entropy < 0.6).all()


def test_rules_give_cover_that_rises_from_field_to_forest():
    told = cover_by_rules(features(years([Kind.OTHER, Kind.OPEN, Kind.SHRUB, Kind.BROADLEAF, Kind.WATER])))
    field, grass, shrub, forest, water = told.cover.tolist()
    assert field < 10
    assert grass < 12
    assert 12 < shrub < 55
    assert forest > 75
    assert water < 1
    assert (told.error >= 10).all()


def test_larch_is_told_without_an_october_and_evergreens_not_without_a_winter():
    medians = years([Kind.LARCH, Kind.EVERGREEN_CONIFER])
    medians[2] = -32768
    assert types_by_rules(features(medians)).kind.tolist() == [Kind.LARCH, Kind.EVERGREEN_CONIFER]
    medians[[1, 3]] = -32768
    # A summer alone says neither evergreen nor larch.
    assert types_by_rules(features(medians)).kind[1] == Kind.BROADLEAF


def test_nothing_is_told_without_a_summer():
    medians = years([Kind.MIXED])
    medians[0] = -32768
    table = features(medians)
    assert np.isnan(cover_by_rules(table).cover).all()
    assert np.isnan(cover_by_rules(table).error).all()
    told = types_by_rules(table)
    assert told.kind.tolist() == [255]
    assert np.isnan(told.probability).all()
    assert np.isnan(told.entropy).all()


@given(arrays(np.int16, (4, 6, 3), elements=st.integers(1, 9000)))
def test_probabilities_add_up_and_cover_stays_a_share(medians):
    table = features(medians)
    assert np.allclose(rule_probabilities(table).sum(axis=1), 1, atol=1e-4)
    cover, error = cover_by_rules(table)
    assert ((cover >= 0) & (cover <= 100)).all()
    assert (error >= 10).all()


def test_entropy_runs_from_sure_to_anything():
    even = np.full((1, 8), 1 / 8, np.float32)
    sure = np.eye(8, dtype=np.float32)[[3]]
    assert type_map(even).entropy.item() == pytest.approx(1, abs=1e-6)
    assert type_map(sure).entropy.item() == 0
    assert type_map(sure).kind.item() == 4


def test_charred_ground_is_taken_from_the_year_before_and_fields_are_not():
    char = [320, 420, 500, 900, 1500, 1350]
    oak, field = years([Kind.BROADLEAF])[1, :, 0], years([Kind.OTHER])[1, :, 0]
    unseen = np.full(6, -32768, np.int16)
    newer = np.stack([char, oak, field, unseen, char, oak], axis=1).astype(np.int16)
    older = np.stack([oak, char, field, oak, unseen, unseen], axis=1).astype(np.int16)
    assert merged_years(newer, older, "spring").tolist() == [True, False, False, True, False, False]
    assert merged_years(newer, older, "summer").tolist() == [False, False, False, True, False, False]
