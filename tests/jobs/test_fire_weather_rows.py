"""Rows of the fire weather: rank measure by hand, and a tiny twin held against its own fires."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat import twin
from habitat.contracts.errors import InputError
from habitat.jobs.rows.fire_weather import _calendar, fire_weather_rows, rank_auc


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=20))
def test_rank_measure_counts_pairs(pairs):
    scores, marked = np.array([pair[0] for pair in pairs]), np.array([pair[1] for pair in pairs])
    one, other = scores[marked], scores[~marked]
    if not one.size or not other.size:
        assert np.isnan(rank_auc(scores, marked))
        return
    wins = (one[:, None] > other).sum() + (one[:, None] == other).sum() / 2
    assert rank_auc(scores, marked) == pytest.approx(wins / one.size / other.size)


def test_the_calendar_knows_other_years_only():
    days = np.arange("2021-01-01", "2024-01-01", dtype="datetime64[D]")
    burnt = np.isin(days, np.array(["2021-04-10", "2022-04-12", "2022-04-30"], "datetime64[D]"))
    found = dict(zip(days.astype(str), _calendar(days, burnt), strict=True))
    # A fire of the day's own year says nothing; those of others count up to a week away.
    assert found["2021-04-10"] == 1
    assert found["2022-04-12"] == 1
    assert found["2023-04-10"] == 2
    assert found["2023-04-18"] == 1
    assert found["2023-05-20"] == 0


@pytest.fixture(scope="module")
def evidence(tmp_path_factory):
    made = twin.make(tmp_path_factory.mktemp("twin"), size="tiny", seed=1)
    folder = made.truth.parent
    return SimpleNamespace(area=made.area, folder=folder, truth=SimpleNamespace(root=made.truth))


def test_rows_of_a_twin(evidence):
    rows = fire_weather_rows(evidence)
    assert [row.measure for row in rows] == ["AUC of FWI on fire days", "AUC of Nesterov's index on fire days"]
    for row in rows:
        assert row.baseline is not None
        assert 0.5 < row.value <= 1
        assert row.n >= 10


def test_a_twin_without_fires_is_told_of(evidence, tmp_path):
    broken = tmp_path / "fires" / "fires.geojson"
    broken.parent.mkdir()
    broken.write_text(json.dumps({"type": "FeatureCollection"}))
    other = SimpleNamespace(area=evidence.area, folder=evidence.folder, truth=SimpleNamespace(root=tmp_path))
    with pytest.raises(InputError, match="truth about fires cannot be read"):
        fire_weather_rows(other)
