"""Pixel models: each pixel has the harmonics its looks carry, and one state holds all of them."""

from __future__ import annotations

import numpy as np
import pytest

from habitat.change.monitoring.monitor_rules import MonitorRules
from habitat.change.monitoring.monitors import CHANGED, carry, opened_monitor
from habitat.change.monitoring.season_model import INDEX_CODES
from habitat.change.pixel_models import ModelRules, opened_by_looks, orders
from habitat.contracts.errors import ConfigError, InputError

RULES = MonitorRules(clip=5.0)


def history(pixels=40, dates=120):
    rng = np.random.default_rng(1)
    days = np.datetime64("2021-01-03") + np.arange(dates) * 12
    years = (days - np.datetime64("2023-01-01")).astype(float) / 365.25
    index = 6000 + 1500 * np.cos(2 * np.pi * years)[:, None] + rng.normal(0, 200, (dates, pixels))
    return days, index.astype(np.int16), np.ones((dates, pixels), np.uint8)


def test_all_looks_give_what_one_monitor_gives():
    days, index, usable = history()
    models = ModelRules(1, False, "2023-01-01", 4, 6)
    ours = opened_by_looks(index, days, usable, INDEX_CODES, models, RULES)
    plain = opened_monitor(
        index[:, None], days, models.season(1), RULES, fit_rules=models.fit(1), codes=INDEX_CODES, workers=1
    )
    for one, other in zip(ours.arrays(), plain.arrays(), strict=True):
        assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f")


def test_few_looks_get_fewer_harmonics_and_none_at_all_no_model():
    days, index, usable = history(3)
    usable[10:, 0] = 0  # 10 looks: a level
    usable[3:, 1] = 0  # 3 looks: nothing
    models = ModelRules(1, False, "2023-01-01", 4, 6, stable_level=None)
    state = opened_by_looks(index, days, usable, INDEX_CODES, models, RULES)
    assert state.coefficients[1:, 0, 0].tolist() == [0, 0]
    assert abs(state.coefficients[1, 0, 2] - 0.15) < 0.01
    assert state.code[0].tolist() == [0, 1, 0]
    assert np.isnan(state.coefficients[:, 0, 1]).all()
    level = index[:10, 0].mean() * 1e-4
    assert abs(state.coefficients[0, 0, 0] - level) < 1e-6


def test_mixed_orders_go_on_as_if_each_were_alone():
    days, index, usable = history(6)
    usable[14:, :3] = 0
    index[90:, 2:4] -= 4000
    models = ModelRules(1, False, "2022-01-01", 4, 6, stable_level=None)
    together = opened_by_looks(index[:80], days[:80], usable[:80], INDEX_CODES, models, RULES)
    carry(together, index[80:, None], days[80:], codes=INDEX_CODES, workers=1)
    for pixel in range(6):
        here = slice(pixel, pixel + 1)
        alone = opened_by_looks(index[:80, here], days[:80], usable[:80, here], INDEX_CODES, models, RULES)
        carry(alone, index[80:, None, here], days[80:], codes=INDEX_CODES, workers=1)
        assert alone.code[0, 0] == together.code[0, pixel]
        assert alone.days[:, 0, 0].tolist() == together.days[:, 0, pixel].tolist()
        assert alone.process[0, 0] == together.process[0, pixel]
    assert together.code[0].tolist() == [0, 0, CHANGED, CHANGED, 0, 0]


def test_dates_of_one_day_a_year_carry_no_harmonics():
    days = np.array([f"{year}-07-10" for year in range(2000, 2024)], "datetime64[D]")
    models = ModelRules(3, False, "2012-01-01", 4, 2)
    assert orders(np.array([24]), days, models).tolist() == [0]


def test_few_looks_are_not_believed_to_scatter_less_than_allowed():
    days, index, usable = history(2)
    index[:, 0] = 6000 + np.arange(120) % 2
    models = ModelRules(0, False, "2023-01-01", 4, 6, stable_level=None, least_sigma=0.03)
    sigma = opened_by_looks(index, days, usable, INDEX_CODES, models, RULES).sigma[0]
    assert sigma[0] == np.float32(0.03)
    assert sigma[1] > 0.1


def test_what_is_impossible_is_refused():
    with pytest.raises(ConfigError, match="at least 3 looks"):
        ModelRules(1, False, "2023-01-01", 2, 6)
    days, index, usable = history(1)
    with pytest.raises(InputError, match="history of 1 dates"):
        opened_by_looks(index[:1], days[:1], usable[:1], INDEX_CODES, ModelRules(0, False, "2023-01-01", 4, 6), RULES)
