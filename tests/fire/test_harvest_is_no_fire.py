"""Harvest is no fire: the search for scars over fields in Belgium where nothing burned, where the imagery is at hand."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest
from real_burns import belgian_fields
from scipy import ndimage

from habitat.fire.scars import BANDS, FireSeason, ScarRules, fire_scars, observed, scar_background


def scars_of(found, rules):
    """Which pixels are in a patch of the season: a patch has a seed, is large enough and likelier of it than before."""
    within, before = np.nan_to_num(found.within), np.nan_to_num(found.before)
    either, free = within + before, ~found.not_burnable
    labels, count = ndimage.label((either >= rules.grow) & free, np.ones((3, 3)))
    sums = [ndimage.sum_labels(layer, labels, range(count + 1)) for layer in (either >= rules.seed, within - before)]
    large = np.bincount(labels.ravel(), minlength=count + 1) >= rules.least_pixels(10.0)
    good = (sums[0] > 0) & (sums[1] >= 0) & large
    good[0] = False
    return good[labels]


@pytest.mark.parametrize(("season", "until", "most"), [("spring", 6, 0.02), ("summer", 8, 0.04), ("autumn", 10, 0.02)])
def test_belgian_fields_hold_few_false_scars(shared, season, until, most):
    """Share of ground that the search for scars calls burnt, from ten monthly composites."""
    months, bands = belgian_fields(shared)
    seen_in = np.isfinite(bands["nir"]).mean((1, 2)) > 0.5
    dates = np.flatnonzero(seen_in & (months <= np.datetime64(f"2021-{until:02d}")))
    days = [months[index].astype("datetime64[D]").item().toordinal() + 14 for index in dates]
    values = np.stack([bands[band][dates].reshape(dates.size, -1) for band in BANDS])
    codes = np.where(np.isfinite(values), np.round(values * 1e4), -32768).astype(np.int16)
    seen = observed(codes, np.ones(codes.shape[1:], np.uint8))
    rules = ScarRules()
    found = fire_scars(seen, scar_background(seen, days, FireSeason(2021, season), rules), (100, 100))
    assert np.isnan(found.within).mean() < 0.01
    burnt = scars_of(found, rules)
    # 0.5 % in spring, 2.1 % in summer, 0.4 % in autumn; dNBR alone says 21 % in August.
    assert burnt.mean() < most
    # Cut fields change in the months in which they are cut.
    alarms = found.burnt[burnt & (found.burnt > 0)]
    assert {date.fromordinal(int(day)).month for day in np.unique(alarms)} <= set(range(2, until + 1))
