"""Scar labels: which version tells of which season, the month of a scar, and from when on it is known."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from habitat.contracts.errors import GridMismatch
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.period import Period
from habitat.fire.burns.fire_calendar import FireSeason
from habitat.fire.hazard.history import History
from habitat.fire.hazard.known import Known
from habitat.fire.hazard.month_labels import MonthLabels
from habitat.fire.hazard.month_weather import MonthWeather
from habitat.fire.hazard.scar_labels import (
    CellScars,
    cell_scars,
    cells_under,
    joined,
    latest_of_seasons,
    scar_counts,
    with_scars,
)

UTM = "EPSG:32652"
CELLS = Grid(UTM, 100.0, (600000.0, 4800000.0, 600300.0, 4800100.0))
JULY = np.datetime64("2025-07", "M")


def scars(*rows):
    """Return scars of (cell, share, since, middle, until)."""
    cell, share, since, middle, until = zip(*rows, strict=True)
    days = [np.array(part, "datetime64[D]") for part in (since, until, middle)]
    return CellScars(np.array(cell), np.array(share, float), *days)


def labels(first="2025-01", last="2025-06", burnt=()):
    months = np.arange(np.datetime64(first, "M"), np.datetime64(last, "M") + np.timedelta64(1, "M"))
    burning = np.zeros((months.size, 1, 3), bool)
    for month, cell in burnt:
        burning[int((np.datetime64(month, "M") - months[0]).astype(int)), 0, cell] = True
    return MonthLabels(months, burning, np.zeros_like(burning), np.arange(months.size))


def told(found, which="burning"):
    """Return (month, cell) of what burnt."""
    return [(str(found.months[month]), int(cell)) for month, _, cell in np.argwhere(getattr(found, which))]


def joined_with(before, *rows, month=JULY, least_share=0.02):
    return with_scars(before, scars(*rows), CELLS, month, least_share=least_share)


@pytest.mark.parametrize(
    ("periods", "before", "chosen"),
    [
        # What is not over is not known; of one season the latest label tells.
        (["2025-04", "2025-05"], date(2025, 5, 31), {"spring": 0}),
        (["2025-05", "2025-04"], date(2025, 6, 1), {"spring": 0}),
        (["2025-06", "2025-Q2", "2025"], date(2026, 1, 1), {"spring": 0, "summer": 2, "autumn": 2}),
        (["2025", "2025-Q2"], date(2026, 1, 1), {"spring": 1, "summer": 0, "autumn": 0}),
        (["2025-Q3"], date(2025, 10, 1), {"summer": 0, "autumn": 0}),
        (["2025-10", "2025-05"], date(2025, 11, 1), {"autumn": 0, "spring": 1}),
        (["2025-05"], date(2025, 5, 1), {}),
    ],
)
def test_the_latest_label_tells_of_a_season(periods, before, chosen):
    found = latest_of_seasons([Period(text) for text in periods], before)
    assert {season.name: place for season, place in found.items()} == chosen
    assert {season.year for season in found} <= {2025}


def test_pixels_are_counted_by_cell_season_and_days():
    fine = Grid(UTM, 20.0, (600020.0, 4800000.0, 600140.0, 4800040.0))
    cells = cells_under(Tile(0, 0, 2, 6), fine, CELLS)
    assert cells.tolist() == [[0, 0, 0, 0, 1, 1]] * 2
    # Not burnt, unobserved, not judged and black before add nothing, and neither does a scar without a day.
    status = np.array([[1, 1, 3, 0, 1, 255], [1, 4, 5, 1, 1, 1]], np.uint8)
    last = np.array([[90, 90, 280, 0, -32768, 90], [90, 90, 90, 90, 90, 90]], np.int16)
    first = np.array([[121, 121, 290, 0, 121, 121], [121, 121, 121, -32768, 121, 121]], np.int16)
    found = scar_counts(status, np.stack([last, first]), cells)
    assert sorted(found.T.tolist()) == [[1, 0, 121, 1, 1], [1, 90, 121, 0, 3], [1, 90, 121, 1, 2], [3, 280, 290, 0, 1]]
    assert scar_counts(np.zeros_like(status), np.stack([last, first]), cells).shape == (5, 0)


def test_the_day_of_a_scar_is_the_middle_of_its_interval():
    # Days 90 and 121 of 2025 are 31 March and 1 May, 280 and 290 are 7 and 17 October.
    counts = np.array([[1, 90, 121, 0, 3], [1, 0, 121, 1, 1], [3, 280, 290, 0, 5]]).T
    spring = cell_scars(counts, FireSeason(2025, "spring"), 0.04)
    assert spring.cell.tolist() == [0, 1]
    assert spring.share.tolist() == pytest.approx([0.12, 0.04])
    assert spring.since.astype(str).tolist() == ["2025-03-31", "2025-01-01"]
    assert spring.until.astype(str).tolist() == ["2025-05-01", "2025-05-01"]
    # Never looked at before: by the fire calendar January and February are worth 2.02 days of April, March 9.3 and
    # April 30; half of 41.32 is over 9.34 days into April.
    assert spring.middle.astype(str).tolist() == ["2025-04-15", "2025-04-10"]
    both = joined([spring, cell_scars(counts, FireSeason(2025, "autumn"), 0.04)])
    assert both.share.tolist() == pytest.approx([0.12, 0.04, 0.2])
    assert str(both.middle[2]) == "2025-10-12"


def test_enough_of_a_cell_burns_it_in_the_month_of_the_middle():
    day = ("2025-04-10", "2025-04-13", "2025-04-16")
    found = joined_with(labels(), (0, 0.01, *day), (0, 0.01, *day), (1, 0.0199, *day), (2, 0.5, *day))
    assert told(found) == [("2025-04", 0), ("2025-04", 2)]
    assert told(found, "known") == told(found)
    assert found.events.tolist() == [0, 1, 2, 3, 4, 5]
    assert not found.ignition.any()


def test_a_scar_counts_as_known_when_it_was_first_seen():
    found = joined_with(labels(), (0, 0.5, "2025-04-20", "2025-04-28", "2025-05-06"))
    assert told(found) == [("2025-04", 0)]
    assert told(found, "known") == [("2025-05", 0)]
    # Recurrence tells of it from the month after that on.
    land = np.ones((1, 3), np.float32)
    months = np.append(found.months, JULY)
    weather = np.zeros((7, 1, 3), np.float32)
    history = History(months, weather, found.burning, found.ignition, land, known=found.known)
    assert (history.recurrence[:5] == 0).all()
    assert history.recurrence[5, 0] > 0
    with pytest.raises(GridMismatch, match="known do not fit"):
        History(months, weather, found.burning, found.ignition, land, known=found.known[1:])


def test_what_hotspots_or_better_dated_scars_tell_is_not_counted_twice():
    wide = ("2025-04-20", "2025-05-05", "2025-05-20")
    # A hotspot of April tells of cell 0, pixels seen on both sides within April of cell 1, nothing of cell 2.
    sharp = (1, 0.1, "2025-04-21", "2025-04-24", "2025-04-27")
    found = joined_with(labels(burnt=[("2025-04", 0)]), *((cell, 0.5, *wide) for cell in range(3)), sharp)
    assert told(found) == [("2025-04", 0), ("2025-04", 1), ("2025-05", 2)]
    # A fire of another month does not explain a scar.
    apart = joined_with(labels(burnt=[("2025-03", 0), ("2025-06", 0)]), (0, 0.5, *wide))
    assert told(apart) == [("2025-03", 0), ("2025-05", 0), ("2025-06", 0)]


def test_nothing_first_seen_in_the_month_or_later_is_known():
    row = (0, 0.5, "2025-05-01", "2025-05-15", "2025-05-31")
    later = [
        (1, 0.5, "2025-05-01", "2025-05-16", "2025-06-01"),
        (2, 0.5, "2025-06-03", "2025-06-05", "2025-06-08"),
    ]
    before = labels(last="2025-05")
    june = np.datetime64("2025-06", "M")
    found = joined_with(before, row, *later, month=june)
    assert told(found) == [("2025-05", 0)]
    assert np.array_equal(found.known, joined_with(before, row, month=june).known)


def test_older_scars_lengthen_the_record_but_nothing_is_learnt_from_their_months():
    old = (0, 0.5, "2024-04-01", "2024-04-03", "2024-04-05")
    found = joined_with(labels(), old)
    assert str(found.months[0]) == "2024-04"
    assert found.events[-6:].tolist() == [0, 1, 2, 3, 4, 5]
    known = Known(CELLS, JULY, land=np.ones((1, 3), np.float32), labels=found)
    known.weather = MonthWeather(
        np.arange("2024-01", "2025-08", dtype="datetime64[M]"),
        {"fwi_mean": np.ones((19, 1, 3), np.float32)},
        np.ones(19, bool),
    )
    known.seen_from, known.seen_until = np.datetime64("2025-01", "M"), np.datetime64("2025-05", "M")
    history = known.history()
    assert history.months[history.usable].astype(str).tolist() == [f"2025-0{month}" for month in range(1, 6)]
    assert history.recurrence[-1, 0] > 0 > history.recurrence[-1, 1]
    # Without hotspots scars still order the index, and give no probability.
    known.labels, known.seen_from, known.seen_until = joined_with(None, old), None, None
    assert known.enough(2, 2) == (None, "0 years of hotspots and weather are known, wants 2")
    assert known.index("forecast")[1]["past"] > 0
    nothing = with_scars(None, joined([scars(old)]), CELLS, np.datetime64("2024-04", "M"), least_share=0.02)
    assert nothing.burning.shape == (1, 1, 3)
    assert not nothing.burning.any()
