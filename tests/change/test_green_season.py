"""Green seasons: leaves, needles, snow and too few looks."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.change.green_season import (
    EVERGREEN,
    LEAFY,
    USUAL,
    GreenRules,
    days_of_year,
    green_season,
    greenness,
    in_leaf,
    snow_looks,
)
from habitat.contracts.errors import ConfigError

OUT, FALL = 130, 280


def looks(years=(2021, 2022, 2023, 2024), step=6) -> np.ndarray:
    days = [date(year, 1, 1).toordinal() + day for year in years for day in range(3, 365, step)]
    return np.array(days, np.int64)


def leafy(ordinals: np.ndarray, out=OUT, fall=FALL, slope=8.0) -> np.ndarray:
    day = days_of_year(ordinals)
    full = 1 / (1 + np.exp(-(day - out) / slope)) - 1 / (1 + np.exp(-(day - fall) / slope))
    return (0.3 + 0.55 * full).astype(np.float32)


def test_leaves_set_the_season_of_a_pixel():
    days = looks(step=1)
    season = green_season(days, leafy(days)[:, None])
    # Half out on day 130 (0.575 is the middle), 15 days later in full leaf; a look every day leaves no doubt.
    assert season.kind.tolist() == [LEAFY]
    assert abs(int(season.first[0]) - (OUT + 15)) <= 1
    assert abs(int(season.last[0]) - (FALL - 15)) <= 2
    assert abs(int(season.middle[0]) - (OUT + FALL) // 2) <= 2


def test_a_gap_in_spring_moves_the_season_later_never_earlier():
    days = looks(step=1)
    day = days_of_year(days)
    seen = (day < 110) | (day > 150)
    season = green_season(days[seen], leafy(days[seen])[:, None])
    assert season.first[0] >= OUT + 15
    assert season.first[0] == 151 + 8


def test_no_look_without_full_leaf_is_in_the_season():
    days = looks(step=3)
    pixels = np.stack([leafy(days, out, fall) for out in (120, 130, 140) for fall in (265, 280)], axis=1)
    season = green_season(days, pixels)
    chosen = in_leaf(days, season)
    assert chosen.sum() > 100
    # Full leaf is 0.85, bare 0.3: what is in the season has at least five sixths of its leaves.
    assert pixels[chosen].min() > 0.3 + 0.55 * 5 / 6


def test_needles_are_green_all_year_if_seen_in_winter():
    days = looks(step=10)
    season = green_season(days, np.full((len(days), 1), 0.8, np.float32))
    assert (season.first[0], season.last[0], season.kind[0]) == (1, 366, EVERGREEN)
    assert season.middle[0] == 196


def test_without_winter_looks_nobody_is_evergreen():
    days = looks(step=4)
    summer = (days_of_year(days) > 165) & (days_of_year(days) < 245)
    season = green_season(days[summer], np.full((summer.sum(), 1), 0.8, np.float32))
    assert (season.first[0], season.last[0], season.kind[0]) == (152, 263, USUAL)


def test_contradictions_give_the_usual_days():
    days = looks(step=5)
    noise = np.random.default_rng(3).choice([0.2, 0.8], (len(days), 50)).astype(np.float32)
    assert set(green_season(days, noise).kind.tolist()) == {USUAL}


def test_nothing_seen_and_the_same_days_for_all():
    days = looks(step=5)
    assert green_season(days, np.full((len(days), 2), np.nan, np.float32)).kind.tolist() == [USUAL, USUAL]
    assert green_season(np.zeros(0, np.int64), np.zeros((0, 1), np.float32)).first.tolist() == [152]
    fixed = green_season(days, leafy(days)[:, None], GreenRules("05-20", "09-30", own=False))
    assert (fixed.first.tolist(), fixed.last.tolist(), fixed.kind.tolist()) == ([140], [273], [USUAL])


def test_snow_patches_of_it_and_water_are_barred_and_char_is_not():
    green = np.array([8000, 1500, 400, 500, -32768], np.int16)
    swir1 = np.array([1000, 2000, 200, 1150, 1000], np.int16)
    # NDSI .78, -.14, .33 (water), -.39 (char), unknown.
    assert snow_looks(green, swir1).tolist() == [True, True, True, False, False]


def test_greenness_takes_no_look_that_is_barred_or_unknown():
    red, nir = np.array([500, 500, -32768], np.int16), np.array([1500, 1500, 900], np.int16)
    assert np.nan_to_num(greenness(red, nir, np.array([1, 0, 1], np.uint8)), nan=-9).tolist() == [0.5, -9, -9]


@pytest.mark.parametrize("days", [("13-01", "14-01"), ("09-01", "05-01"), ("june", "july")])
def test_impossible_days_are_refused(days):
    with pytest.raises(ConfigError, match=r"month-day|New Year"):
        GreenRules(*days)


@given(st.permutations(range(40)))
def test_the_order_of_the_looks_does_not_matter(order):
    days = looks((2023,), 9)[:40]
    green = leafy(days)[:, None]
    plain, mixed = green_season(days, green), green_season(days[list(order)], green[list(order)])
    assert [array.tolist() for array in plain] == [array.tolist() for array in mixed]
