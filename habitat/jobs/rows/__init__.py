"""Rows of the scorecard, one file for each thing that is measured; `ROWS` is the list."""

from __future__ import annotations

from habitat.jobs.evidence import RowMaker
from habitat.jobs.rows.area_intervals import interval_rows
from habitat.jobs.rows.change import change_rows
from habitat.jobs.rows.clear_mask import mask_rows
from habitat.jobs.rows.composite import composite_rows
from habitat.jobs.rows.fire_risk import fire_risk_rows
from habitat.jobs.rows.fire_scars import fire_scar_rows
from habitat.jobs.rows.fire_weather import fire_weather_rows
from habitat.jobs.rows.forest import forest_rows
from habitat.jobs.rows.hotspots import hotspot_rows
from habitat.jobs.rows.indices import index_rows

ROWS: tuple[tuple[str, RowMaker], ...] = (
    ("composite", composite_rows),
    ("clear mask", mask_rows),
    ("indices", index_rows),
    ("change", change_rows),
    ("fire weather", fire_weather_rows),
    ("hotspots", hotspot_rows),
    ("fire scars", fire_scar_rows),
    ("fire risk", fire_risk_rows),
    ("forest", forest_rows),
    ("area intervals", interval_rows),
)
"""What is measured, and the function that makes its rows, in the order of the card."""

__all__ = ["ROWS"]
