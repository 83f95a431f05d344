"""Seasons, winters and codes against xclim, where both do the same."""

from __future__ import annotations

import numpy as np
import pytest
from fire_tables import made_up

from habitat.fire.weather.fire_rules import FireRules
from habitat.fire.weather.fire_season import Winter, by_mask, by_temperature
from habitat.fire.weather_index import CODES, fire_weather


@pytest.fixture(scope="module")
def fire():
    pytest.importorskip("xclim")
    from xclim.indices import fire

    return fire


@pytest.fixture(scope="module")
def theirs():
    weather = made_up(3 * 365, (2, 3), seed=4)
    renamed = weather.rename({"y": "lat", "x": "lon"})
    units = {"temperature": "degC", "humidity": "%", "wind": "km/h", "rain": "mm/d"}
    names = {"temperature": "tas", "humidity": "hurs", "wind": "sfcWind", "rain": "pr"}
    given_to = {names[name]: renamed[name].assign_attrs(units=text) for name, text in units.items()}
    given_to["lat"] = weather["latitude"].rename(y="lat").drop_vars("latitude").assign_attrs(units="degrees_north")
    return weather, given_to


def test_season_by_temperature_is_the_same(fire, theirs):
    weather, columns = theirs
    mask = fire.fire_season(tas=columns["tas"], method="WF93").transpose("time", "lat", "lon").values
    found, _ = fire_weather(weather, FireRules(season=by_temperature()))
    assert np.array_equal(found["season"].values == 1, mask)
    assert 0.3 < mask.mean() < 0.7


def test_codes_over_winters_are_the_same(fire, theirs):
    weather, columns = theirs
    mask = fire.fire_season(tas=columns["tas"], method="WF93")
    parts = fire.cffwis_indices(
        **columns, season_mask=mask, overwintering=True, carry_over_fraction=0.75, wetting_efficiency_fraction=0.75
    )
    inside = mask.transpose("time", "lat", "lon").values.astype(float)
    # xclim takes every break for a winter.
    rules = FireRules(season=by_mask(), winter=Winter(short_days=0))
    ours, _ = fire_weather(weather.assign(in_season=(("time", "y", "x"), inside)), rules, precision="double")
    for name, part in zip(("dc", "dmc", "ffmc", "isi", "bui", "fwi"), parts, strict=True):
        values = part.transpose("time", "lat", "lon").values
        assert np.array_equal(np.isnan(values), np.isnan(ours[name].values)), name
        apart = np.abs(values - ours[name].values) / (1 + np.abs(values))
        assert np.nanmax(apart) < 1e-3, name
    assert set(CODES) < set(ours.data_vars)
