"""Scorecard: rows and goals, the table people read, JSON there and back, means over seeds, what got worse."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.errors import ConfigError
from habitat.twin.scorecard import WIDTH, Row, Scorecard, compare, mean_card, t_interval

RMSE = Row(
    "composite",
    "RMSE nir",
    "1",
    "lower",
    0.02,
    n=4096,
    baseline=0.08,
    baseline_method="no mask",
    floor=0.01,
    goal=0.02,
    tolerance=0.001,
    note="one month",
)
BIAS = Row("composite", "bias nir", "1", "zero", -0.004, n=4096, tolerance=0.001)
FILLED = Row("composite", "land filled", "%", "higher", 90.0, n=4000, floor=99.0, goal=95.0, tolerance=1.0)
CARD = Scorecard("tiny", (1,), "2025-05", (RMSE, BIAS, FILLED))


def card(*rows: Row, seed: int = 1) -> Scorecard:
    return Scorecard("tiny", (seed,), "2025-05", rows)


@pytest.mark.parametrize(
    ("better", "goal", "value", "reached"),
    [
        ("lower", 0.1, 0.1, True),
        ("lower", 0.1, 0.11, False),
        ("higher", 0.9, 0.95, True),
        ("higher", 0.9, 0.8, False),
        ("zero", 5.0, -4.0, True),
        ("zero", 5.0, -6.0, False),
        ("lower", 0.1, None, False),
        ("lower", None, 0.1, None),
    ],
)
def test_goals(better, goal, value, reached):
    assert Row("a", "b", "1", better, value, goal=goal).reached is reached


def test_numbers_that_are_not_finite_are_unknown():
    row = Row("a", "b", "1", "lower", math.nan, baseline=math.inf, floor=-math.inf, goal=math.nan)
    assert (row.value, row.baseline, row.floor, row.goal) == (None, None, None, None)


def test_rows_of_one_name_are_refused_and_rows_are_found():
    assert CARD.row("composite", "bias nir") is BIAS
    with pytest.raises(KeyError):
        CARD.row("composite", "bias red")
    with pytest.raises(ConfigError, match="holds rows twice"):
        card(RMSE, replace(RMSE, value=0.5))


def test_json_there_and_back():
    text = CARD.to_json()
    again = Scorecard.from_json(text)
    assert again == CARD
    assert again.to_json() == text
    assert Scorecard.from_dict(CARD.to_dict()) == CARD
    assert text.endswith("}\n")
    told = json.loads(text)
    assert list(told) == ["habitat_scorecard", "size", "seeds", "period", "rows"]
    assert [row["measure"] for row in told["rows"]] == ["RMSE nir", "bias nir", "land filled"]
    assert [row["reached"] for row in told["rows"]] == [True, None, False]
    assert set(told["rows"][0]) == set(Row.__dataclass_fields__) | {"reached"}


def test_json_has_six_digits_and_intervals():
    row = replace(RMSE, value=0.0123456789, interval=(0.01, 0.0146913578), goal=None)
    content = card(row).to_dict()["rows"][0]
    assert content["value"] == 0.0123457
    assert content["interval"] == [0.01, 0.0146914]
    assert Scorecard.from_json(card(row).to_json()).rows[0].interval == (0.01, 0.0146914)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        CARD.to_json().replace('"habitat_scorecard": 1', '"habitat_scorecard": 2'),
        CARD.to_json().replace('"better": "zero"', '"better": "sideways"'),
        CARD.to_json().replace('"unit": "1",', ""),
        CARD.to_json().replace("bias nir", "RMSE nir"),
    ],
)
def test_what_is_no_card_is_refused(text):
    with pytest.raises(ConfigError):
        Scorecard.from_json(text)


def test_advice_stands_in_the_refusal():
    with pytest.raises(ConfigError, match="write one with: habitat twin score --output FILE"):
        Scorecard.from_json("no json")
    with pytest.raises(ConfigError, match="its format is 7, wants 1"):
        Scorecard.from_dict(CARD.to_dict() | {"habitat_scorecard": 7})


def test_table_tells_naive_floor_and_goal_beside_the_value():
    lines = CARD.table().splitlines()
    assert lines[0] == "Made-up landscape, size tiny, seed 1, 2025-05"
    assert lines[2].split() == ["product", "measure", "value", "naive", "floor", "goal", "n"]
    assert " ".join(lines[4].split()) == "composite RMSE nir [1] < 0.0200 0.0800 0.0100 0.0200 reached 4,096"
    assert " ".join(lines[5].split()) == "composite bias nir [1] 0 -0.0040 - - 4,096"
    assert " ".join(lines[6].split()) == "composite land filled [%] > 90.00 - 99.00 95.00 missed 4,000"
    ends = {
        line.rindex(number) + len(number) for line, number in zip(lines[4:7], ("4,096", "4,096", "4,000"), strict=True)
    }
    assert len(ends) == 1, "numbers are aligned at their right"
    assert "  composite: no mask" in lines
    assert "  composite RMSE nir: one month" in lines
    assert "95 %" not in lines[2]


def test_table_of_bare_rows_has_no_empty_columns_and_no_empty_sections():
    table = card(Row("a", "b", "%", "lower", None, n=3_000_000)).table()
    assert " ".join(table.splitlines()[4].split()) == "a b [%] < - - - 3,000 k"
    assert "goal" not in table
    assert "naive methods" not in table
    assert "notes" not in table


def test_widest_table_fits_into_120_columns():
    long = Row(
        "Landsat mask",
        "commission (far), forest, snow",
        "%",
        "lower",
        100.0,
        n=123_456_789,
        interval=(-10.0, 210.0),
        baseline=100.0,
        baseline_method="word " * 60,
        floor=100.0,
        goal=100.0,
        note="a long remark " * 30,
    )
    wide = replace(long, measure="burnt area, bias, of all fires", better="zero", value=-1234.56, goal=-1234.56)
    table = Scorecard("demo", tuple(range(1, 21)), "2025-05", (long, wide)).table()
    assert "± 110.00" in table
    assert "seeds 1, 2, 3" in table
    assert max(map(len, table.splitlines())) <= WIDTH == 120


def test_t_interval_against_the_tables():
    assert t_interval([]) is None
    assert t_interval([1.0]) is None
    # Two values: t(0.975, 1) = 12.706, standard error 0.5.
    low, high = t_interval([1.0, 2.0])
    assert (low, high) == (pytest.approx(1.5 - 12.706 * 0.5, abs=1e-3), pytest.approx(1.5 + 12.706 * 0.5, abs=1e-3))
    # Five values 1 to 5: t(0.975, 4) = 2.776, standard error sqrt(2.5 / 5).
    low, high = t_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert high - 3 == pytest.approx(2.776 * math.sqrt(0.5), abs=1e-3)
    assert t_interval([4.0, 4.0, 4.0]) == (4.0, 4.0)


def test_means_over_seeds():
    cards = [card(replace(RMSE, value=0.01 * seed, baseline=0.1, n=10), FILLED, seed=seed) for seed in (1, 2, 3)]
    whole = mean_card(cards)
    row = whole.row("composite", "RMSE nir")
    assert whole.seeds == (1, 2, 3)
    assert row.value == pytest.approx(0.02)
    # t(0.975, 2) = 4.3027, standard error 0.01 / sqrt(3).
    assert row.interval[1] - row.value == pytest.approx(4.3027 * 0.01 / math.sqrt(3), abs=1e-6)
    assert (row.n, row.baseline, row.floor) == (30, pytest.approx(0.1), pytest.approx(0.01))
    assert row.note == "one month"
    assert "±" in whole.table()


def test_means_of_rows_that_some_twins_lack():
    first = card(RMSE, replace(FILLED, value=None), seed=1)
    second = card(replace(RMSE, note="another"), replace(FILLED, note="snow"), BIAS, seed=2)
    whole = mean_card([first, second])
    assert [row.measure for row in whole.rows] == ["RMSE nir", "land filled", "bias nir"]
    assert whole.row("composite", "RMSE nir").note == ""
    filled = whole.row("composite", "land filled")
    assert (filled.value, filled.interval, filled.note) == (90.0, None, "in 1 of 2 twins")
    assert whole.row("composite", "bias nir").note == "in 1 of 2 twins"
    assert (
        mean_card([card(replace(FILLED, value=None)), card(replace(FILLED, value=None), seed=2)]).rows[0].value is None
    )


def test_rows_of_later_twins_stand_beside_their_like():
    mask = Row("clear mask", "omission", "%", "lower", 1.0)
    whole = mean_card([card(RMSE, mask, seed=1), card(mask, BIAS, FILLED, seed=2)])
    assert [row.product for row in whole.rows] == ["composite", "composite", "composite", "clear mask"]


def test_mean_of_one_card_is_the_card():
    assert mean_card([CARD]) is CARD


def test_cards_that_have_no_mean():
    with pytest.raises(ConfigError, match="no scorecards to take means of"):
        mean_card([])
    with pytest.raises(ConfigError, match="different sizes or periods"):
        mean_card([CARD, Scorecard("demo", (2,), "2025-05", ())])
    with pytest.raises(ConfigError, match="hold one twice"):
        mean_card([CARD, CARD])


def test_nothing_is_worse_within_tolerance():
    assert compare(CARD, CARD) == []
    edge = card(
        replace(RMSE, value=0.021),
        replace(BIAS, value=0.005),
        replace(FILLED, value=89.0),
        replace(BIAS, measure="new"),
    )
    assert compare(CARD, edge) == []
    better = card(replace(RMSE, value=0.0), replace(BIAS, value=0.0), replace(FILLED, value=100.0))
    assert compare(CARD, better) == []


def test_what_is_worse_is_told():
    worse = card(replace(RMSE, value=0.0212), replace(BIAS, value=0.0052), replace(FILLED, value=88.9))
    assert compare(CARD, worse) == [
        "composite: RMSE nir was 0.0200, now 0.0212 1; it may get 0.0010 worse",
        "composite: bias nir was -0.0040, now 0.0052 1; it may get 0.0010 worse",
        "composite: land filled was 90.00, now 88.90 %; it may get 1.00 worse",
    ]


def test_rows_that_are_lost_are_told_and_new_ones_are_not():
    lost = card(replace(RMSE, value=None, note="no scene"), BIAS)
    assert compare(CARD, lost) == [
        "composite: RMSE nir was 0.0200, now there is no value (no scene)",
        "composite: land filled was 90.00, now there is no value",
    ]
    assert compare(card(replace(RMSE, value=None)), CARD) == []


def test_a_stored_card_is_as_good_as_itself_in_spite_of_rounding():
    exact = card(replace(RMSE, value=0.0123456789, tolerance=0.0), replace(FILLED, value=88.123456789, tolerance=0.0))
    assert compare(Scorecard.from_json(exact.to_json()), exact) == []


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (replace(CARD, size="demo"), "size tiny, the new one demo"),
        (replace(CARD, seeds=(1, 2)), r"seeds \(1,\), the new one \(1, 2\)"),
        (replace(CARD, period="2024-05"), "period 2025-05, the new one 2024-05"),
    ],
)
def test_cards_of_other_twins_are_not_compared(other, told):
    with pytest.raises(ConfigError, match=told):
        compare(CARD, other)


@given(
    st.sampled_from(["lower", "higher", "zero"]),
    st.floats(-100, 100),
    st.floats(-100, 100),
    st.floats(0, 10),
)
def test_of_two_values_at_most_one_is_worse(better, one, other, tolerance):
    first, second = (card(Row("a", "b", "1", better, value, tolerance=tolerance)) for value in (one, other))
    assert not (compare(first, second) and compare(second, first))
    assert bool(compare(first, second)) <= (first.rows[0].worse_by(one, other) > tolerance)
