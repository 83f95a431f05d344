"""Rows of the fire risk: burnt cells counted by hand, measures of a made hindcast, and the tiny twin's empty row."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest

from habitat import twin
from habitat.contracts import Period
from habitat.contracts.grid import Grid, Tile
from habitat.fire import risk
from habitat.jobs.rows import fire_risk as rows
from habitat.jobs.truth_folder import TruthFolder
from habitat.jobs.twin_settings import settings_of
from habitat.products import PRODUCTS
from habitat.store import Store

MONTHS = np.arange("2023-01", "2025-01", dtype="datetime64[M]")


def test_true_months_by_hand(tmp_path):
    (tmp_path / "fires").mkdir()
    for name in ("2024_spring", "2024_autumn"):
        (tmp_path / "fires" / f"{name}.tif").touch()
    days = np.zeros((10, 10), np.int16)
    days[0, 0] = 92  # 1 April 2024, a leap year
    days[9, 9] = 121  # 30 April
    days[5, 4] = 122  # 1 May

    def layer(name, tile):
        return days if name.endswith("spring") else np.zeros_like(days)

    grid = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 600200.0, 4800200.0))
    evidence = SimpleNamespace(
        area=SimpleNamespace(grid=grid), tiles=(Tile(0, 0, 10, 10),), truth=SimpleNamespace(root=tmp_path, layer=layer)
    )
    found = rows.true_months(evidence, grid.coarser(100), MONTHS)
    assert found.shape == (24, 4)
    # Cells of 5 by 5 pixels: two in April on the diagonal, one in May in the lower left.
    assert [np.flatnonzero(month).tolist() for month in found[15:17]] == [[0, 3], [2]]
    assert found.sum() == 3


def test_true_climatology_counts_the_other_years():
    burnt = np.zeros((24, 2), bool)
    burnt[3] = True
    burnt[15, 0] = True
    history = SimpleNamespace(years=MONTHS.astype("datetime64[Y]").astype(int) + 1970, calendar=np.arange(24) % 12)
    told = rows.true_climatology(history, SimpleNamespace(months=np.arange(24)), burnt)
    assert told[3].tolist() == [0.5, 0.5]
    assert told[15].tolist() == [1, 1]
    assert told.sum() == 3


@pytest.fixture(scope="module")
def made():
    rng = np.random.default_rng(4)
    months = np.arange("2015-01", "2024-02", dtype="datetime64[M]")
    rate = np.where(months.astype(int) % 12 == 3, 0.25, 0.005)[:, None] * rng.uniform(0.2, 1.8, 100)
    burning = (rng.random(rate.shape) < rate).reshape(-1, 10, 10)
    weather = np.ones((months.size, 10, 10), np.float32)
    exposure = {"exposure": np.log(rate[3] / 0.25).reshape(10, 10).astype(np.float32)}
    land = np.ones((10, 10), np.float32)
    history = risk.History(months, weather, burning[:-1], burning[:-1], land, exposure)
    return history, risk.hindcast(history, "burning")


def test_rows_of_a_made_hindcast(made):
    history, past = made
    found = {row.measure: row for row in rows._rows(history, past, past.happened)}
    skill = found["Brier skill over climatology"]
    # The truth is what was learnt from, so both skills are one.
    assert skill.value == pytest.approx(found["Brier skill, hotspots"].value, abs=1e-6)
    assert skill.value == pytest.approx(
        risk.brier_skill(past.observed_weather, past.climatology, past.happened), abs=1e-6
    )
    assert skill.value > 0.02
    assert skill.baseline == 0
    assert skill.n == past.happened.sum()
    assert found["AUC"].value > found["AUC"].baseline > 0.5
    assert abs(found["burnt cells, bias"].value) < 15
    assert abs(found["calibration slope less 1"].value) < 0.3


def test_the_tiny_twin_has_too_few_fires(tmp_path):
    made = twin.make(tmp_path / "twin", size="tiny")
    folder = made.catalog.parent
    evidence = SimpleNamespace(
        folder=folder,
        period=Period("2025-05"),
        area=made.area,
        store=Store(tmp_path / "store"),
        truth=TruthFolder(made.truth, made.area.grid),
        tiles=tuple(made.area.grid.tiles(1024)),
    )
    (row,) = rows.fire_risk_rows(evidence)
    assert (row.product, row.measure, row.value) == ("fire-risk", "scored", None)
    assert "wants" in row.note


def test_no_product_is_given_the_truth(tmp_path):
    settings = settings_of(tmp_path / "twin")
    assert set(settings) <= set(PRODUCTS)
    assert "truth" not in json.dumps(settings)
    assert settings["fire-risk"]["roads"].endswith("roads.geojson")
