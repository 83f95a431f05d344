"""Span: bounds, order and what lies within."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from habitat.contracts.errors import ConfigError
from habitat.contracts.span import Span


def test_a_span_is_half_open_in_utc():
    span = Span(date(2024, 12, 31), date(2025, 1, 1))
    assert (span.start, span.end) == (datetime(2024, 12, 31, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC))
    assert span.contains(span.start)
    assert not span.contains(span.end)
    assert str(span) == "2024-12-31 to 2025-01-01"


def test_a_span_that_ends_before_it_begins_is_refused():
    with pytest.raises(ConfigError, match="ends before it begins"):
        Span(date(2025, 1, 2), date(2025, 1, 1))
