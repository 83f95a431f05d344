"""Scars: evidence by hand, steps in made-up series, the background learnt from a sample, and the fire calendar."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from habitat.contracts.errors import ConfigError
from habitat.fire.burns.background import LEAST_NOISE
from habitat.fire.burns.evidence import UNCLEAR, char_ranges
from habitat.fire.burns.fire_calendar import FireSeason, fire_chances, season_spans, seasons_within
from habitat.fire.burns.season_days import season_days
from habitat.fire.scars import ScarRules, fire_scars, observed, scar_background, water_seen
from habitat.imagery.snow import BARE, SNOW, UNSURE

LITTER = np.array([500, 800, 2200, 2000, 1150])
LEAVES = np.array([450, 350, 3500, 1600, 750])
CHAR = np.array([400, 500, 800, 1150, 1200])
SHADE = (LITTER * 0.55).astype(int)
SNOWY = np.array([6000, 6000, 5500, 900, 700])
DAYS = [date(2024, 5, 3), date(2024, 6, 20), date(2024, 8, 20), date(2024, 10, 25), date(2025, 3, 1)]
DAYS += [date(2025, 4, 3), date(2025, 4, 20), date(2025, 5, 3), date(2025, 5, 13), date(2025, 6, 10)]
GROUND = [LITTER, LEAVES, LEAVES, LITTER, SNOWY, LITTER, LITTER, LITTER, 0.6 * LITTER + 0.4 * LEAVES, LEAVES]
SPRING = FireSeason(2025, "spring")
PIXELS = 900


def series(days=DAYS, ground=GROUND, seed=1):
    """Codes (band, date, pixel) of ground that does the same everywhere, with 2 % of noise."""
    scatter = np.random.default_rng(seed).normal(1.0, 0.02, (5, len(days), PIXELS))
    codes = np.stack([np.repeat(np.asarray(one, float)[:, None], PIXELS, axis=1) for one in ground], axis=1)
    return np.rint(codes * scatter).astype(np.int16), np.ones((len(days), PIXELS), np.uint8)


def blacken(codes, pixels, first, share, until=None):
    """Mix char into some pixels from one date on."""
    for date_ in range(first, until or codes.shape[1]):
        part = codes[:, date_, pixels] * (1 - share) + CHAR[:, None] * share
        codes[:, date_, pixels] = np.rint(part).astype(np.int16)


def found(codes, clear, days=DAYS, season=SPRING, **more):
    ordinals = [day.toordinal() for day in days]
    seen = observed(codes, clear)
    learnt = scar_background(seen, ordinals, season, ScarRules())
    return fire_scars(seen, learnt, (1, PIXELS), **more)


def test_states_of_the_ground():
    codes = np.array([LITTER, SNOWY, 0.8 * LITTER + 0.2 * SNOWY, LITTER, [500, 800, -32768, 2000, 1150]], np.int16)
    clear = np.array([[1, 1, 1, 0, 1]], np.uint8)
    assert observed(codes.T[:, None], clear).states.tolist() == [[BARE, SNOW, UNSURE, UNCLEAR, UNCLEAR]]


def test_features_are_those_of_the_definitions():
    features = observed(CHAR.astype(np.int16).reshape(5, 1, 1), np.ones((1, 1), np.uint8)).features[0, :, 0]
    expected = [10 * 0.12 - 9.8 * 0.115 + 2, (0.12 - 0.115) / 0.235, (0.12 - 0.08) / 0.2, np.log(0.12)]
    np.testing.assert_allclose(features, expected, atol=1e-6)


def test_ranges_end_at_char_and_have_a_least_width():
    low, high = char_ranges(np.array([[1.173, 2.07], [0.021, 0.02], [0.2, 0.2], [np.log(0.12)] * 2], np.float32))
    np.testing.assert_allclose(high[:, 0], [0.9, 0.1, 0.15, np.log(0.18 / 0.12)], atol=1e-3)
    np.testing.assert_allclose(low[3], np.log(0.08 / 0.12), atol=1e-5)
    assert high[0, 1] == pytest.approx(0.3)


def test_a_ground_fire_is_found_with_its_dates_and_the_rest_is_not():
    codes, clear = series()
    blacken(codes, slice(0, 40), 7, 0.35, until=9)
    scars = found(codes, clear)
    assert np.median(scars.within[0, :40]) > 0.95
    assert (scars.within[0, :40] > 0.5).all()
    assert (scars.within[0, 40:] < 0.1).all()
    assert set(scars.burnt[0, :40]) == {date(2025, 5, 3).toordinal()}
    assert set(scars.unburnt[0, :40]) == {date(2025, 4, 20).toordinal()}
    assert (scars.burnt[0, 40:] == 0).mean() > 0.95
    fell = scars.expected_nbr - scars.nbr
    true = 0.313 - (0.65 * 2200 + 0.35 * 800 - 0.65 * 1150 - 0.35 * 1200) / (0.65 * 3350 + 0.35 * 2000)
    assert np.median(fell[0, :40]) == pytest.approx(true, abs=0.02)
    assert abs(np.median(fell[0, 40:])) < 0.02


def test_shade_thin_cloud_snow_melt_and_a_single_dark_day_are_no_fire():
    codes, clear = series()
    codes[:, 7, :30] = np.rint(codes[:, 7, :30] * 0.6)
    codes[:, 6, 30:60] = np.rint(codes[:, 6, 30:60] * 0.6 + 1800)
    codes[:, 5, 60:90] = np.rint(codes[:, 5, 60:90] * 0.85 + SNOWY[:, None] * 0.15)
    blacken(codes, slice(90, 120), 6, 0.35, until=7)
    scars = found(codes, clear)
    for spoilt in (slice(0, 30), slice(30, 60), slice(60, 90), slice(90, 120)):
        assert (scars.within[0, spoilt] < 0.5).mean() > 0.95


def test_what_is_not_seen_in_the_season_or_before_is_unobserved():
    codes, clear = series()
    clear[5:, :10] = 0
    clear[:9, 10:20] = 0
    scars = found(codes, clear)
    assert np.isnan(scars.within[0, :20]).all()
    assert np.isfinite(scars.within[0, 20:]).all()


def test_ground_first_seen_late_in_the_season_may_have_burnt_before():
    codes, clear = series()
    blacken(codes, slice(0, 20), 6, 0.35, until=9)
    clear[:6, :40] = 0
    blacken(codes, slice(20, 40), 7, 0.35, until=9)
    scars = found(codes, clear)
    # Black at the first look, 20 April: never seen otherwise. Black from the second look on: found.
    assert np.isnan(scars.within[0, :20]).all()
    assert np.median(scars.within[0, 20:40]) > 0.8


def test_char_of_the_autumn_before_is_not_of_this_spring():
    codes, clear = series()
    blacken(codes, slice(0, 40), 5, 0.35, until=9)
    clear[3, :20] = 0
    scars = found(codes, clear)
    # Seen last on 25 October and black on 3 April: more days of fire weather lie in autumn.
    assert (scars.before[0, 20:40] > scars.within[0, 20:40]).all()


def test_a_crown_fire_in_summer_is_found_without_snow_from_one_image_before_and_two_after():
    days = [date(2025, 5, 20), date(2025, 6, 20), date(2025, 7, 25), date(2025, 8, 4)]
    codes, clear = series(days, [LEAVES, LEAVES, LEAVES, LEAVES])
    blacken(codes, slice(0, 40), 2, 0.8)
    clear[0] = 0
    scars = found(codes, clear, days, FireSeason(2025, "summer"))
    # Ten of the 35 days between the looks are of spring, so a part of the odds is.
    either = scars.within[0] + scars.before[0]
    assert (either[:40] > 0.9).all()
    assert (scars.within[0, :40] > scars.before[0, :40]).all()
    assert (either[40:] < 0.1).all()


def test_hotspots_make_a_doubtful_burn_likelier_and_an_unburnt_place_not():
    codes, clear = series()
    blacken(codes, slice(0, 60), 7, 0.35, until=8)
    clear[8:, :] = 0
    hotspots = np.zeros((2, PIXELS), np.int32)
    hotspots[:, 30:90] = date(2025, 4, 28).toordinal()
    without, scars = found(codes, clear), found(codes, clear, hotspots=hotspots)
    assert np.median(scars.within[0, 30:60]) > np.median(without.within[0, 30:60])
    assert np.median(scars.within[0, :30]) == pytest.approx(np.median(without.within[0, :30]), abs=0.02)
    assert (scars.within[0, 60:90] < 0.5).all()


def test_fields_open_in_summer_and_water_are_not_burnable():
    codes, clear = series()
    soil = np.array([900, 1200, 1900, 2400, 2000], np.int16)
    codes[:, 1, :25] = soil[:, None]
    water = np.zeros(PIXELS, bool)
    water[25:30] = True
    scars = found(codes, clear, water=water)
    assert scars.not_burnable[0, :30].all()
    assert not scars.not_burnable[0, 30:].any()
    lake = np.broadcast_to(np.array([600, 400, 200, 100, 80], np.int16)[:, None, None], (5, 3, 2))
    assert water_seen(lake, observed(lake.copy(), np.ones((3, 2), np.uint8))).all()
    assert not water_seen(codes, observed(codes, clear)).any()


def test_the_background_knows_noise_and_leaves():
    codes, clear = series()
    ordinals = [day.toordinal() for day in DAYS]
    learnt = scar_background(observed(codes, clear), ordinals, SPRING, ScarRules())
    assert learnt.leaves_on.tolist() == [False, True, True] + [False] * 7
    assert learnt.leaves_off.tolist() == [True, False, False, True] + [False] * 6
    assert learnt.model.first == 4
    noise = learnt.model.noise[7]
    assert (noise >= np.array(LEAST_NOISE, np.float32)[:, None, None]).all()
    green = np.median(learnt.model.greenness, axis=1)
    assert green[1] > 0.95
    assert green[5] < 0.1
    assert 0.2 < green[8] < 0.8


def test_days_must_fit():
    codes, clear = series()
    with pytest.raises(ConfigError, match="wants one for each, ascending"):
        scar_background(observed(codes, clear), [1, 2], SPRING, ScarRules())


@pytest.mark.parametrize("wrong", [{"seed": 0.4}, {"grow": 0.0}, {"burnt_share": 1.0}, {"least_ha": -1}])
def test_rules_out_of_order_are_refused(wrong):
    with pytest.raises(ConfigError, match="out of order"):
        ScarRules(**wrong)


def test_a_quarter_of_a_hectare():
    assert [ScarRules().least_pixels(r) for r in (10.0, 20.0, 30.0, 60.0)] == [25, 7, 3, 1]


def test_seasons_and_their_spans():
    assert [s.code for s in seasons_within(date(2025, 1, 1), date(2025, 12, 31))] == [1, 2, 3]
    ((season, span),) = season_spans(date(2025, 6, 1), date(2025, 6, 30), 20)
    assert (season.name, span.last_day) == ("spring", date(2025, 6, 30))
    with pytest.raises(ConfigError, match="no fire season 'winter'"):
        FireSeason(2025, "winter")


def test_chances_of_a_whole_spring():
    chances = fire_chances(SPRING, 0.1)
    at = [day.toordinal() - chances.origin for day in (SPRING.first_day, date(2025, 7, 1))]
    days = 31 * 0.02 + 28 * 0.05 + 31 * 0.3 + 30 + 31 + 30 * 0.2
    assert chances.total[at[1]] - chances.total[at[0]] == pytest.approx(0.1 * days / 75)


def test_snow_and_leaves_as_days_of_the_year():
    codes, clear = series()
    ordinals = [day.toordinal() for day in DAYS]
    dates = season_days(codes, observed(codes, clear), ordinals, 2025, (30, 30))
    snow, green = dates[:, 0, 0]
    assert snow == round((60 + 93) / 2)
    assert 123 <= green <= 147
