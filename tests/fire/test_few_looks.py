"""Few looks: what stands for what cannot be learnt, and areas that burnt nearly whole."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from test_scars import CHAR, LEAVES, LITTER, PIXELS, blacken, found, series

from habitat.fire.burns.few_looks import MODERATE, STAND_REPLACING, plainly_burnt, severe_only, unchanged_shift
from habitat.fire.burns.steps import Steps
from habitat.fire.scars import FireSeason, ScarRules, observed, scar_background

AUTUMN = FireSeason(2025, "autumn")
DRY_FOREST = np.array([700, 800, 2100, 2050, 1450])
TWO = [date(2025, 8, 20), date(2025, 9, 20)]


def learnt_from(codes, clear, days, season):
    return scar_background(observed(codes, clear), [day.toordinal() for day in days], season, ScarRules())


def test_a_stand_replacing_fire_is_told_from_two_pictures_though_most_burnt():
    codes, clear = series(TWO, [DRY_FOREST, DRY_FOREST])
    blacken(codes, slice(0, 700), 1, 0.9)
    learnt = learnt_from(codes, clear, TWO, AUTUMN)
    assert (learnt.references, learnt.severe_only, learnt.fields_told) == (1, True, False)
    assert dict(learnt.gaps) == {
        "few references": "1 date before the last look; only severe burns can be told",
        "fields": "never seen in full leaf before: ploughed land is not told from burns",
    }
    scars = found(codes, clear, TWO, AUTUMN)
    assert not scars.not_burnable.any()
    assert (scars.within[0, :700] + scars.before[0, :700] > 0.9).mean() > 0.95
    assert (scars.within[0, 700:] + scars.before[0, 700:] < 0.1).all()


def test_a_ground_fire_is_not_told_from_two_pictures():
    codes, clear = series(TWO, [DRY_FOREST, DRY_FOREST])
    blacken(codes, slice(0, 300), 1, 0.35)
    scars = found(codes, clear, TWO, AUTUMN)
    assert (scars.within + scars.before < ScarRules().grow).all()


def test_leaves_that_fall_between_two_pictures_are_no_fire():
    codes, clear = series(TWO, [LEAVES, LITTER])
    scars = found(codes, clear, TWO, AUTUMN)
    fell = float(np.median(observed(codes, clear).features[1, 2] - observed(codes, clear).features[0, 2]))
    assert fell > MODERATE
    assert (scars.within + scars.before < ScarRules().grow).all()


def test_an_area_that_burnt_nearly_whole_learns_from_the_rest():
    days = [date(2024, 9, 1), date(2024, 10, 1), date(2025, 7, 1), date(2025, 8, 20), date(2025, 9, 20)]
    codes, clear = series(days, [DRY_FOREST] * 5)
    blacken(codes, slice(0, 600), 4, 0.9)
    learnt = learnt_from(codes, clear, days, AUTUMN)
    assert not learnt.severe_only
    assert learnt.plainly_burnt == pytest.approx(600 / PIXELS, abs=0.005)
    assert dict(learnt.gaps)["large burnt share"].startswith("67% of the ground looks severely burnt")
    scars = found(codes, clear, days, AUTUMN)
    # A part of the month between the looks is of summer, so a part of the odds is.
    assert (scars.within[0, :600] + scars.before[0, :600] > 0.9).all()
    assert (scars.within[0, :600] > scars.before[0, :600]).all()
    assert (scars.within[0, 600:] + scars.before[0, 600:] < 0.1).all()


def test_a_field_needs_two_looks_in_full_leaf():
    days = [date(2024, 8, 20), date(2024, 10, 25), date(2025, 4, 3), date(2025, 4, 20), date(2025, 5, 3)]
    codes, clear = series(days, [LEAVES, LITTER, LITTER, LITTER, LITTER])
    codes[:, 0, :25] = np.array([900, 1200, 1900, 2400, 2000], np.int16)[:, None]
    spring = FireSeason(2025, "spring")
    assert not found(codes, clear, days, spring).not_burnable.any()
    assert dict(learnt_from(codes, clear, days, spring).gaps)["fields"].startswith("seen only once")


def test_greening_is_believed_and_browning_hardly():
    rng = np.random.default_rng(3)
    assert unchanged_shift(rng.normal(-0.4, 0.05, 2000).astype(np.float32), 0.1) == pytest.approx(-0.4, abs=0.03)
    assert unchanged_shift(rng.normal(0.05, 0.03, 2000).astype(np.float32), 0.1) == pytest.approx(0.04, abs=0.03)
    assert unchanged_shift(rng.normal(0.5, 0.05, 2000).astype(np.float32), 0.1) <= 0.22
    assert unchanged_shift(np.full(5, 0.4, np.float32), 0.1) == 0.0


def test_only_severe_changes_reach_the_thresholds():
    # The last two: dry ground before, of RdNBR 0.3 / sqrt(0.1) = 0.95, and ground of which nothing is known.
    before = np.array([0.5, 0.5, 0.5, 0.1, np.nan], np.float32)
    fell = np.array([0.1, MODERATE + 0.01, STAND_REPLACING + 0.01, 0.3, 0.3], np.float32)
    whole, none = np.full(5, 0.99, np.float32), np.zeros(5, np.int32)
    steps = Steps(whole, np.zeros(5, np.float32), none, none, before, before - fell)
    severe_only(steps, 0.7, 0.9)
    np.testing.assert_allclose(steps.within, [0.68, 0.88, 0.99, 0.99, 0.68], atol=1e-3)


def test_what_is_plain_is_below_every_reference():
    codes, clear = series(TWO, [DRY_FOREST, CHAR])
    clear[0, :10] = 0
    plain = plainly_burnt(observed(codes, clear), 1)
    assert plain[10:].all()
    assert not plain[:10].any()
