"""Agents by hand-worked log odds, loss by hand, and what is unknown left out of both."""

from __future__ import annotations

import math

import numpy as np
import pytest

from habitat.change.alerts.agents import (
    FIRE,
    LOGGING,
    OTHER,
    WEIGHTS,
    Evidence,
    charred,
    felled_or_blown,
    laid_bare,
    likely_agents,
)
from habitat.change.alerts.expected_false import expected_false
from habitat.change.alerts.loss import loss_percent
from habitat.change.alerts.patch_table import RECORD, patch_table
from habitat.change.alerts.patches import NO_DAY
from habitat.change.alerts.tile_status import ScarTimes, near_scars
from habitat.contracts.errors import ConfigError, InputError

NAN = math.nan


def share(best, *others):
    return math.floor(100 * math.exp(best) / sum(math.exp(value) for value in (best, *others)))


def test_a_burnt_patch_by_hand():
    found = likely_agents(Evidence.of(1, scar_share=[0.3], char_share=[0.3], day_of_year=[110], area_ha=[150]))
    # Fire 1.0 + 0.7 + 0.7 + 1.0, logging 0.3 - 0.5, other -1.
    assert found.log_odds[0] == pytest.approx([3.4, -0.2, -1.0])
    assert (int(found.agent[0]), int(found.confidence[0])) == (FIRE, share(3.4, -0.2, -1.0))
    assert found.why[0] == "area_ha 150 (+1.5), scar_share 0.3 (+1.0), char_share 0.3 (+0.7), day_of_year 110 (+0.4)"


def test_a_scar_dates_what_clouds_hid_till_july():
    found = likely_agents(Evidence.of(2, scar_share=[0.5, NAN], day_of_year=[183, 183], spread_days=[70, 70]))
    # Scar 3.0 alone; without one fire -1.0 - 0.3, logging 0.3 + 0.3, other -1 + 0.3.
    assert found.log_odds == pytest.approx(np.array([[3.0, 0.0, -1.0], [-1.3, 0.6, -0.7]]))


def test_a_scar_on_ground_laid_bare_without_char_counts_less():
    known = {"scar_share": [1.0, 1.0, 1.0], "soil_share": [0.5, 0.5, 0.49], "char_share": [0.19, 0.2, 0.0]}
    fire = likely_agents(Evidence.of(3, **known)).log_odds[:, 0]
    # Soil -1.0, char -0.7 or 0.7; the scar 1.0 in the first place, 3.0 in the others.
    assert fire == pytest.approx([-0.7, 2.7, 2.3])


def test_a_felling_by_hand():
    known = {"scar_share": [0.0], "soil_share": [0.9], "straight": [0.85], "road_m": [120.0], "loss_percent": [88.0]}
    found = likely_agents(Evidence.of(1, day_of_year=[10], **known))
    # Fire -1.5 - 1.0 - 0.7 - 1.0; logging 1.0 + 1.0 + 0.3 + 0.5 + 1.0; other -1 + 0.8 - 0.3.
    assert found.log_odds[0] == pytest.approx([-4.2, 3.8, -0.5])
    assert (int(found.agent[0]), int(found.confidence[0])) == (LOGGING, share(3.8, -4.2, -0.5))
    assert not felled_or_blown(found)[0]


def test_a_ragged_swath_of_the_storm_season_far_from_roads_by_hand():
    known = {"scar_share": [0.0], "soil_share": [0.6], "straight": [0.4], "compact": [0.3], "road_m": [4000.0]}
    found = likely_agents(Evidence.of(1, loss_percent=[45.0], day_of_year=[250], **known))
    # Fire -1.5 - 1.0 + 0.3 + 0.2 - 1.0; logging 1.0 - 0.5 - 0.3 - 0.7 - 0.2; other -1 + 0.8 + 0.2 + 0.2 + 0.2 + 0.8 + 0.5.
    assert found.log_odds[0] == pytest.approx([-3.0, -0.7, 1.7])
    assert (int(found.agent[0]), bool(felled_or_blown(found)[0])) == (OTHER, False)


def test_felled_or_blown_down_is_not_told_apart():
    found = likely_agents(Evidence.of(2, soil_share=[0.9, 0.9], loss_percent=[40.0, 40.0], char_share=[NAN, 0.9]))
    # Fire -1.0 and 1.0, logging 1.0 - 0.2, other -1 + 0.8 + 0.8: apart by 0.2.
    assert found.log_odds == pytest.approx(np.array([[-1.0, 0.8, 0.6], [1.0, 0.8, 0.6]]))
    assert felled_or_blown(found).tolist() == [True, False]


def test_what_is_unknown_does_not_count():
    found = likely_agents(Evidence.of(2, hotspots=[NAN, 0.0]))
    assert found.log_odds.tolist() == [[0.0, 0.0, -1.0], [-0.5, 0.0, -1.0]]
    assert found.why == ["", "hotspots 0 (+0.5)"]


def test_scars_and_hotspots_are_one_piece_of_evidence():
    found = likely_agents(Evidence.of(2, scar_share=[0.9, NAN], hotspots=[5.0, 5.0]))
    assert found.log_odds[:, 0].tolist() == [3.0, 2.0]


def test_every_range_is_reached():
    for name, steps in WEIGHTS.items():
        ends = [low for low, _ in steps]
        assert ends == sorted(ends)
        assert ends[0] == -math.inf
        for low, odds in steps:
            value = ends[1] - 1e-9 if low == -math.inf else low
            found = likely_agents(Evidence.of(1, **{name: [value]}))
            assert found.log_odds[0] == pytest.approx([odds[0], odds[1], odds[2] - 1.0]), name


def test_no_patches():
    found = likely_agents(Evidence.of(0))
    assert found.agent.shape == (0,)
    assert found.why == []


def test_strange_evidence_is_refused():
    with pytest.raises(InputError, match="no evidence moon"):
        Evidence.of(1, moon=[1.0])
    with pytest.raises(InputError, match="one number for each patch"):
        Evidence.of(2, area_ha=[1.0])


def bands(red, nir, swir1, swir2):
    return {
        name: np.array([value])
        for name, value in zip(("red", "nir", "swir1", "swir2"), (red, nir, swir1, swir2), strict=True)
    }


LEAVES = bands(0.03, 0.35, 0.16, 0.08)


@pytest.mark.parametrize(
    ("after", "char", "soil"),
    [
        (bands(0.05, 0.10, 0.13, 0.12), 1.0, 0.0),
        # A dead stand in its first summer, and ground felled as long ago.
        (bands(0.05, 0.20, 0.17, 0.13), 1.0, 0.0),
        (bands(0.08, 0.20, 0.22, 0.14), 0.0, 1.0),
        (bands(0.035, 0.09, 0.115, 0.095), 1.0, 0.0),
        (bands(0.11, 0.22, 0.26, 0.19), 0.0, 1.0),
        # Shade: everything is dark, and the bands keep their ratios.
        (bands(0.01, 0.10, 0.046, 0.023), 0.0, 0.0),
        (bands(NAN, NAN, NAN, NAN), NAN, NAN),
    ],
)
def test_char_and_soil(after, char, soil):
    np.testing.assert_array_equal(charred(LEAVES, after), [char])
    np.testing.assert_array_equal(laid_bare(LEAVES, after), [soil])


def test_loss_of_indices():
    fell, usual = np.array([-0.2, -0.2, 0.1, -0.2, NAN]), np.array([0.8, 0.05, 0.8, NAN, 0.8])
    np.testing.assert_array_equal(loss_percent(fell, usual, bare=0.0), np.array([25, NAN, 0, NAN, NAN], np.float32))
    # MIRBI rises from 0.9 towards 1.9 over bare ground.
    assert loss_percent(np.array([0.5]), np.array([0.9]), bare=1.9, rises=True).tolist() == [50.0]
    assert np.isnan(loss_percent(fell, usual, bare=None)).all()
    with pytest.raises(ConfigError, match="'1' or 'dB'"):
        loss_percent(fell, usual, bare=0.0, unit="K")


def test_loss_of_backscatter():
    # Forest .05, half of what stands above bare .01 gone: .03, which is 10 lg(.03 / .05) = -2.218 dB.
    usual, bare = 10 * math.log10(0.05), 10 * math.log10(0.01)
    fell = 10 * math.log10(0.03 / 0.05)
    assert loss_percent(np.array([fell]), np.array([usual]), bare=bare, unit="dB")[0] == pytest.approx(50, abs=1e-4)
    assert np.isnan(loss_percent(np.array([fell]), np.array([bare + 0.9]), bare=bare, unit="dB")[0])


def test_scars_near_in_time():
    burnt = np.array([[1, 2, 3, 5, 0, 4, 255, 1, 1]], np.uint8)
    day = np.array([[100, 100, 100, NO_DAY, NO_DAY, NO_DAY, NO_DAY, 100, 100]], np.int16)
    departed = np.array([[80, 79, 195, 150, 150, 150, 150, 196, NO_DAY]], np.int16)
    # Day 195 is sixty days after 15 May, day 135.
    told, spoken = near_scars(burnt, day, departed, ScarTimes(0, 151, 240, 60))
    np.testing.assert_array_equal(told, [[1, 0, 1, NAN, 0, NAN, NAN, 0, 1]])
    # The map of May, last day 151, tells of departures from day 31 to 16 in leaf and 44 after.
    assert spoken.tolist() == [[True, True, True, False, True, False, False, True, True]]
    # A scar of last year's day 300 is day -65 of this one: 205 days before, of which 5 in leaf.
    year = np.array([[300]], np.int16), np.array([[140]], np.int16)
    assert near_scars(np.array([[3]], np.uint8), *year, ScarTimes(-365, -31, 240, 60))[0].tolist() == [[1.0]]
    assert near_scars(np.array([[3]], np.uint8), *year, ScarTimes(-365, -31, 204, 60))[0].tolist() == [[0.0]]


def test_a_map_of_another_season_says_nothing():
    burnt, day = np.zeros((1, 4), np.uint8), np.full((1, 4), NO_DAY, np.int16)
    departed = np.array([[30, 31, 211, 212]], np.int16)
    # Of May: day 151 is the sixteenth in leaf, day 211 the seventy-sixth.
    told, spoken = near_scars(burnt, day, departed, ScarTimes(0, 151, 240, 60))
    assert (told.tolist(), spoken.tolist()) == ([[0.0] * 4], [[False, True, True, False]])


def test_the_share_of_scar_is_unknown_where_no_map_tells():
    records = np.zeros(5, RECORD)
    records["label"], records["scar"] = [1, 1, 2, 2, 3], [0, 0, 1, 0, 0]
    records["spoken"] = [False, False, True, False, True]
    np.testing.assert_array_equal(patch_table([records])["scar_share"], [NAN, 0.5, 0.0])


def test_false_alarms_by_hand():
    told = {"months": {"2025-04": {"share": 4e-5}, "2025-05": {"share": 2e-5}, "2025-06": {"share": 9e-5}}}
    found = expected_false(told, "2025-05", monitored_km2=2000.0, pixel_m2=400.0, min_area_ha=0.3)
    # 2.5 million pixels in 1,000 km²: 50 in May, 150 with April; 8 pixels are .32 ha.
    assert (found.per_1000km2, found.month_pixels, found.patch_pixels) == (pytest.approx(50), pytest.approx(100), 8)
    assert (found.all_pixels, found.all_patches) == (pytest.approx(300), pytest.approx(37.5))
    assert expected_false({"months": {}}, "2025-05", monitored_km2=1, pixel_m2=400, min_area_ha=0.3) is None
    assert expected_false(None, "2025-05", monitored_km2=1, pixel_m2=400, min_area_ha=0.3) is None
    with pytest.raises(InputError, match="build it again"):
        expected_false({"months": {"2025-05": {"count": 3}}}, "2025-05", monitored_km2=1, pixel_m2=400, min_area_ha=0.3)
