"""Rows of the scorecard of a twin with a long series: what its monitors find; `SERIES_ROWS` is the list."""

from __future__ import annotations

from habitat.jobs.evidence import RowMaker
from habitat.jobs.rows.alerts import alert_rows
from habitat.jobs.rows.area_intervals import interval_rows
from habitat.jobs.rows.forest_change import forest_change_rows
from habitat.jobs.rows.phenology import phenology_rows
from habitat.jobs.rows.snow import snow_rows

SERIES_ROWS: tuple[tuple[str, RowMaker], ...] = (
    ("forest change", forest_change_rows),
    ("alerts", alert_rows),
    ("snow", snow_rows),
    ("phenology", phenology_rows),
    ("area intervals", interval_rows),
)
"""What is measured of a series, and the function that makes its rows, in the order of the card."""
