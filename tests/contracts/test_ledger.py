"""Ledger: every expected observation has exactly one outcome, or nothing is published."""

from __future__ import annotations

import json
from datetime import date
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.errors import LedgerImbalance
from habitat.contracts.ledger import Ledger, Observation, expect

ROWS = [
    ("S2B_52TFN_20250503", "52TFN", "2025-05-03"),
    ("S2C_52TFN_20250508", "52TFN", "2025-05-08"),
    ("S2B_52TFN_20250513", "52TFN", "2025-05-13"),
    ("S2C_52TFN_20250518", "52TFN", "2025-05-18"),
]


def settled() -> Ledger:
    ledger = Ledger(list(ROWS), [("S2B_OLD", "another copy of S2B_52TFN_20250503")])
    ledger.settle(ROWS[2][0], "missing:forbidden", note="HTTP 403")
    ledger.settle(ROWS[0][0], "used", clear_share=0.75)
    ledger.settle(ROWS[1][0], "masked", clear_share=0.0)
    ledger.settle(ROWS[3][0], "missing:corrupt")
    return ledger


def test_a_settled_ledger_adds_up():
    ledger = settled()
    ledger.check()
    assert ledger.counts() == {
        "expected": 4,
        "used": 1,
        "masked": 1,
        "missing": 2,
        "missing:corrupt": 1,
        "missing:forbidden": 1,
    }


def test_observations_come_in_the_order_they_were_expected():
    first, second, *_ = settled().observations()
    assert first == Observation("S2B_52TFN_20250503", "52TFN", "2025-05-03", "used", 0.75)
    assert [entry.scene for entry in settled().observations()] == [row[0] for row in ROWS]
    assert (second.clear_share, second.note) == (0.0, "")


def test_an_empty_ledger_adds_up():
    ledger = Ledger([])
    ledger.check()
    assert ledger.counts() == {"expected": 0, "used": 0, "masked": 0, "missing": 0}


@pytest.mark.parametrize("left_out", range(len(ROWS)))
def test_one_observation_without_an_outcome_is_an_imbalance(left_out):
    ledger = Ledger(list(ROWS))
    for index, row in enumerate(ROWS):
        if index != left_out:
            ledger.settle(row[0], "used")
    with pytest.raises(LedgerImbalance, match=rf"without an outcome: \['{ROWS[left_out][0]}'\].*Nothing was published"):
        ledger.check()


def test_a_scene_expected_twice_is_an_imbalance():
    ledger = Ledger([ROWS[0], ROWS[0]])
    ledger.settle(ROWS[0][0], "used")
    with pytest.raises(LedgerImbalance, match="does not add up"):
        ledger.check()


def test_what_was_not_expected_cannot_be_settled():
    with pytest.raises(LedgerImbalance, match="'S2A_1' was not expected"):
        Ledger(list(ROWS)).settle("S2A_1", "used")


def test_an_outcome_is_final():
    ledger = settled()
    with pytest.raises(LedgerImbalance, match="was settled before"):
        ledger.settle(ROWS[0][0], "used")
    assert ledger.counts()["used"] == 1


@pytest.mark.parametrize("outcome", ["", "lost", "missing", "USED", "used ", "forbidden"])
def test_other_words_are_no_outcomes(outcome):
    ledger = Ledger(list(ROWS))
    with pytest.raises(LedgerImbalance, match="is not used, masked or missing:<reason>"):
        ledger.settle(ROWS[0][0], outcome)
    assert ledger.observations() == []


def test_plain_data_survive_json():
    data = json.loads(json.dumps(settled().to_dict()))
    assert data["counts"]["missing"] == 2
    assert data["observations"][2] == {
        "scene": "S2B_52TFN_20250513",
        "tile": "52TFN",
        "day": "2025-05-13",
        "outcome": "missing:forbidden",
        "clear_share": None,
        "note": "HTTP 403",
    }
    assert data["dropped"] == [{"scene": "S2B_OLD", "reason": "another copy of S2B_52TFN_20250503"}]


def test_scenes_become_rows():
    scene = SimpleNamespace(id="S2B_1", tile="52TFN", solar_day=date(2025, 5, 3))
    assert expect([scene]) == [("S2B_1", "52TFN", "2025-05-03")]
    assert expect([]) == []


@given(st.lists(st.sampled_from(["used", "masked", "missing:failed", "missing:corrupt", None]), max_size=12))
def test_counts_add_up_exactly_when_all_have_an_outcome(outcomes):
    rows = [(f"scene-{index}", "52TFN", "2025-05-03") for index in range(len(outcomes))]
    ledger = Ledger(rows)
    for row, outcome in zip(rows, outcomes, strict=True):
        if outcome is not None:
            ledger.settle(row[0], outcome)
    counts = ledger.counts()
    assert counts["used"] + counts["masked"] + counts["missing"] == len(ledger.observations())
    assert counts["missing"] == sum(number for word, number in counts.items() if word.startswith("missing:"))
    if None in outcomes:
        with pytest.raises(LedgerImbalance):
            ledger.check()
    else:
        ledger.check()
