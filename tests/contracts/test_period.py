"""Periods: text to days and back, half-open in UTC, and every other text refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.errors import ConfigError
from habitat.contracts.period import Period

years = st.integers(1972, 2200)
texts = st.one_of(
    st.builds("{:04d}".format, years),
    st.builds("{:04d}-{:02d}".format, years, st.integers(1, 12)),
    st.builds("{:04d}-Q{}".format, years, st.integers(1, 4)),
)


@pytest.mark.parametrize(
    ("text", "first", "last", "label"),
    [
        ("2025-05", "2025-05-01", "2025-05-31", "202505"),
        ("2024-02", "2024-02-01", "2024-02-29", "202402"),
        ("2100-02", "2100-02-01", "2100-02-28", "210002"),
        ("2025-12", "2025-12-01", "2025-12-31", "202512"),
        ("2025", "2025-01-01", "2025-12-31", "2025"),
        ("2025-Q1", "2025-01-01", "2025-03-31", "2025q1"),
        ("2025-Q2", "2025-04-01", "2025-06-30", "2025q2"),
        ("2025-Q4", "2025-10-01", "2025-12-31", "2025q4"),
    ],
)
def test_days_and_labels_by_hand(text, first, last, label):
    period = Period(text)
    assert (period.first_day, period.last_day) == (date.fromisoformat(first), date.fromisoformat(last))
    assert (period.label, str(period), period.year) == (label, text, int(text[:4]))


@given(texts)
def test_first_and_last_day_say_the_period_again(text):
    period = Period(text)
    assert period.contains(period.start)
    assert period.contains(period.end - timedelta(microseconds=1))
    assert not period.contains(period.end)
    assert not period.contains(period.start - timedelta(microseconds=1))
    days = (period.last_day - period.first_day).days + 1
    assert (period.end - period.start) == timedelta(days=days)
    low, high = {4: (365, 366), 7: (28, 31) if "Q" not in text else (90, 92)}[len(text)]
    assert low <= days <= high


@given(years, st.integers(1, 12))
def test_the_months_of_a_year_and_the_quarters_follow_each_other(year, month):
    this = Period(f"{year}-{month:02d}")
    quarter = Period(f"{year}-Q{(month + 2) // 3}")
    assert quarter.start <= this.start < this.end <= quarter.end
    if month < 12:
        assert Period(f"{year}-{month + 1:02d}").start == this.end
    else:
        assert this.end == Period(str(year)).end


@given(texts, st.integers(0, 200))
def test_the_same_period_of_an_earlier_year(text, back):
    period = Period(text)
    if period.year - back < 1972:
        with pytest.raises(ConfigError, match="Landsat begins in 1972"):
            period.year_before(back)
        return
    earlier = period.year_before(back)
    assert earlier.text[4:] == period.text[4:]
    assert earlier.year == period.year - back
    assert earlier.first_day.month == period.first_day.month


def test_a_leap_day_has_no_twin_a_year_before():
    assert Period("2024-02").year_before().last_day == date(2023, 2, 28)


def test_an_instant_is_judged_in_utc_whatever_its_zone():
    may = Period("2025-05")
    vladivostok = timezone(timedelta(hours=10))
    assert not may.contains(datetime(2025, 5, 1, 9, 59, tzinfo=vladivostok))  # 30 April, 23:59 UTC
    assert may.contains(datetime(2025, 5, 1, 10, 0, tzinfo=vladivostok))
    assert may.contains(datetime(2025, 6, 1, 9, 59, tzinfo=vladivostok))
    assert may.start == datetime(2025, 5, 1, tzinfo=UTC)
    with pytest.raises(TypeError):
        may.contains(datetime(2025, 5, 2))


def test_months_sort_by_time_and_stand_in_sets():
    months = [Period(f"{year}-{month:02d}") for year in (2023, 2024) for month in (1, 9, 10, 12)]
    assert sorted(Random(1).sample(months, len(months))) == months
    assert {Period("2025-05"), Period("2025-05")} == {Period("2025-05")}


@pytest.mark.parametrize(
    "text",
    [
        *("", "2025-5", "2025-00", "2025-13", "25-05", "2025-Q0", "2025-Q5", "2025-q2", "2025/05", "202505"),
        *("May 2025", "2025-05-01", " 2025-05", "2025-05\n", "1971-12", "2201", "-2025", "2025-"),
        *("２０２５", "٢٠٢٥-٠٥"),
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(ConfigError, match="write 2025-05, 2025-Q2 or 2025"):
        Period(text)


@given(st.text(alphabet="0123456789-Q ", max_size=9))
def test_any_text_is_a_period_or_a_config_error(text):
    try:
        period = Period(text)
    except ConfigError:
        return
    assert period.first_day <= period.last_day
