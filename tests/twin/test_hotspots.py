"""Hotspots: what satellites see of fires, when they pass, and what they take for fire."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from pyproj import Transformer

from habitat.twin.land.events import Fire, History
from habitat.twin.land.fires import STORY_START, fires_of
from habitat.twin.land.hotspots import (
    ARCHIVE_UNTIL,
    MODIS_COLUMNS,
    VIIRS_COLUMNS,
    hotspot_truth,
    hotspots_of,
    modis_of,
)
from habitat.twin.land.scanners import SCANNERS, passes_of, pixel_km
from habitat.twin.land.weather import Weather, weather_of
from habitat.twin.world import World, world_of


@pytest.fixture(scope="module")
def world() -> World:
    return world_of("tiny", 1)


@pytest.fixture(scope="module")
def clear_sky(world: World) -> Weather:
    weather = weather_of(world)
    return replace(weather, cloud=np.zeros_like(weather.cloud))


@pytest.fixture(scope="module")
def history(world: World) -> History:
    weather = weather_of(world)
    return History(weather, fires_of(world, weather), ())


def a_fire(start: str, hours: float, severity: float = 0.7, cells: int = 30) -> Fire:
    """Return a square fire that burns evenly over so many hours."""
    arrival = np.linspace(0, hours, cells * cells, dtype=np.float32).reshape(cells, cells)
    return Fire(
        number=1, kind="ground", season="spring", start=datetime.fromisoformat(start).replace(tzinfo=UTC),
        cause="road", ignition=(5, 5), row=5, column=5, arrival_h=arrival,
        severity=np.full_like(arrival, severity),
    )  # fmt: skip


def of_fires(world: World, history: History) -> pd.DataFrame:
    return hotspots_of(world, history)[hotspot_truth(world, history).source == "fire"]


def since_1970(day: str) -> float:
    return float((np.datetime64(day, "h") - np.datetime64("1970-01-01", "h")).astype(int))


@pytest.mark.parametrize("scanner", SCANNERS, ids=lambda one: one.name)
def test_passes_come_when_the_satellites_do(scanner):
    passes = passes_of(scanner, since_1970("2025-04-01"), since_1970("2025-05-03"))
    day, night = passes.hours[passes.by_day] % 24, passes.hours[~passes.by_day] % 24
    # One or two by day and by night; 32 days are two rounds of the ground track.
    assert 32 <= day.size <= 64
    assert 32 <= night.size <= 64
    middle = {"Terra": (2.2, 13.1)}.get(scanner.name, (4.1, 17.2))
    assert day.mean() == pytest.approx(middle[0], abs=0.3)
    assert night.mean() == pytest.approx(middle[1], abs=0.3)
    assert np.abs(passes.angle).max() <= scanner.widest
    # The ground track repeats after 16 days.
    half = passes.hours.size // 2
    np.testing.assert_allclose(passes.hours[half:] - passes.hours[:half], 16 * 24, atol=1e-6)
    np.testing.assert_allclose(passes.angle[half:], passes.angle[:half], atol=1e-6)


def test_passes_of_a_span_are_those_of_the_whole():
    whole = passes_of(SCANNERS[0], since_1970("2024-01-01"), since_1970("2025-01-01"))
    part = passes_of(SCANNERS[0], since_1970("2024-06-01"), since_1970("2024-07-01"))
    inside = whole.between(since_1970("2024-06-01"), since_1970("2024-07-01"))
    assert np.array_equal(whole.number[inside.start : inside.stop], part.number)


def test_no_data_before_a_satellite_flew():
    noaa20 = SCANNERS[1]
    assert passes_of(noaa20, since_1970("2012-01-01"), since_1970("2018-03-31")).hours.size == 0


def test_pixels_grow_towards_the_end_of_the_scan_as_viirs_pixels_do():
    viirs = SCANNERS[0]
    assert pixel_km(viirs, 0) == pytest.approx((0.375, 0.375))
    sizes = np.array([pixel_km(viirs, angle) for angle in np.linspace(-56.06, 56.06, 225)])
    assert 0.31 < sizes.min() < 0.33
    assert 0.78 < sizes.max() < 0.82
    # Where fewer samples are joined a pixel is narrower than one nearer to the middle.
    assert pixel_km(viirs, 31.6)[0] < pixel_km(viirs, 31.5)[0]
    assert pixel_km(viirs, 44.7)[0] < pixel_km(viirs, 44.6)[0]


def test_columns_and_types_are_those_of_the_archive(world: World, history: History):
    viirs, modis = hotspots_of(world, history), modis_of(world, history)
    assert tuple(viirs.columns) == VIIRS_COLUMNS
    assert tuple(modis.columns) == MODIS_COLUMNS
    assert set(viirs.satellite) <= {"N", "N20", "N21"}
    assert set(modis.satellite) <= {"Terra", "Aqua"}
    assert set(viirs.confidence) <= {"l", "n", "h"}
    assert modis.confidence.between(0, 100).all()
    assert viirs.acq_time.str.fullmatch(r"([01]\d|2[0-3])[0-5]\d").all()
    assert set(viirs.daynight) <= {"D", "N"}
    assert viirs[["scan", "track"]].to_numpy().min() >= 0.32 - 0.01
    assert viirs[["scan", "track"]].to_numpy().max() <= 0.82
    assert (viirs.bright_ti4 >= 295).all()
    assert (viirs.bright_ti4 <= 367).all()
    assert (viirs.frp > 0).all()
    order = viirs.acq_date + viirs.acq_time
    assert order.is_monotonic_increasing


def test_types_are_known_of_the_archive_only(world: World, history: History):
    viirs, truth = hotspots_of(world, history), hotspot_truth(world, history)
    archived = viirs.acq_date < ARCHIVE_UNTIL
    assert viirs.type[archived].notna().all()
    assert viirs.type[~archived].isna().all()
    assert set(viirs.version[archived]) == {"2"}
    assert set(viirs.version[~archived]) == {"2.0NRT"}
    static = archived & (truth.source == "static")
    # A part of them only says what it is.
    assert 0.4 < (viirs.type[static] == 2).mean() < 0.8
    assert (viirs.type[archived & (truth.source != "static")] == 0).all()


def test_the_same_history_gives_the_same_rows(world: World, history: History):
    again = History(weather_of(world), fires_of(world, history.weather), ())
    pd.testing.assert_frame_equal(hotspots_of(world, history), hotspots_of(world, again))
    pd.testing.assert_frame_equal(modis_of(world, history), modis_of(world, again))


def test_rows_may_be_changed_without_changing_the_next_answer(world: World, history: History):
    first = hotspots_of(world, history)
    first.loc[:, "frp"] = -1.0
    assert (hotspots_of(world, history).frp > 0).all()


def test_truth_names_the_fire_of_every_row(world: World, history: History):
    viirs, truth = hotspots_of(world, history), hotspot_truth(world, history)
    assert len(truth) == len(viirs)
    assert ((truth.fire > 0) == (truth.source == "fire")).all()
    to_metres = Transformer.from_crs(4326, 32652, always_xy=True)
    by_number = {fire.number: fire for fire in history.fires}
    for row, number in zip(viirs[truth.fire > 0].itertuples(), truth.fire[truth.fire > 0], strict=True):
        fire = by_number[number]
        seen = datetime.fromisoformat(f"{row.acq_date}T{row.acq_time[:2]}:{row.acq_time[2:]}").replace(tzinfo=UTC)
        hours = (seen - fire.start).total_seconds() / 3600
        assert -0.05 <= hours <= float(np.max(fire.arrival_h, where=fire.burnt, initial=0)) + 9
        # Within the pixel, its diagonal, and a little for geolocation.
        east, north = to_metres.transform(row.longitude, row.latitude)
        rows, columns = np.nonzero(fire.burnt)
        away = np.hypot(
            world.west + (fire.column + columns + 0.5) * 20 - east, world.north - (fire.row + rows + 0.5) * 20 - north
        )
        assert away.min() < 1000 * np.hypot(row.scan, row.track) * 0.5 + 700


def test_the_story_is_seen(world: World, history: History):
    truth = hotspot_truth(world, history)
    story = next(fire for fire in history.fires if fire.start == STORY_START)
    assert (truth.fire == story.number).sum() >= 1


def test_a_large_fire_over_a_pass_is_seen_and_one_between_passes_is_not(world: World, clear_sky: Weather):
    # By day the satellites come between three and half past five UTC.
    long = History(clear_sky, (a_fire("2025-04-24T02:30", 4.0),), ())
    short = History(clear_sky, (a_fire("2025-04-24T07:00", 0.3, severity=0.3, cells=4),), ())
    assert len(of_fires(world, long)) >= 3
    assert len(of_fires(world, short)) == 0


def test_clouds_hide_fires(world: World, clear_sky: Weather):
    fire = a_fire("2025-04-24T02:30", 4.0)
    overcast = replace(clear_sky, cloud=np.ones_like(clear_sky.cloud))
    assert len(of_fires(world, History(overcast, (fire,), ()))) == 0


def test_crown_fires_are_brighter(world: World, clear_sky: Weather):
    fire = a_fire("2025-04-24T02:30", 4.0)
    ground = of_fires(world, History(clear_sky, (fire,), ()))
    crown = of_fires(world, History(clear_sky, (replace(fire, kind="crown", severity=fire.severity * 0 + 0.95),), ()))
    assert crown.frp.sum() > 2 * ground.frp.sum()


def test_modis_sees_less_than_viirs(world: World, clear_sky: Weather):
    history = History(clear_sky, (a_fire("2025-04-24T02:30", 4.0, cells=20),), ())
    viirs, modis = hotspot_truth(world, history), hotspot_truth(world, history, "MODIS")
    assert (modis.source == "fire").sum() < (viirs.source == "fire").sum()


def test_static_sources_glow_all_year_at_one_place(world: World, history: History):
    viirs, truth = hotspots_of(world, history), hotspot_truth(world, history)
    static = viirs[truth.source == "static"]
    months = static.acq_date.str[:7].nunique()
    assert months >= 0.75 * 12 * (2026 - world.size.first_year)
    assert static.daynight.eq("N").mean() > 0.5
    # One source, seen within the error of a pixel.
    assert static.latitude.std() * 111_000 < 400
    assert set(static.acq_date.str[5:7]) == {f"{month:02d}" for month in range(1, 13)}


def test_nothing_is_listed_before_2012():
    # The demonstration's fires begin in 2009.
    world = world_of("demo", 1)
    passes = [passes_of(scanner, since_1970("2009-01-01"), since_1970("2012-01-01")) for scanner in SCANNERS[:3]]
    assert sum(one.hours.size for one in passes) == 0
    assert world.size.first_year < 2012


@pytest.mark.slow
def test_small_ground_fires_are_missed_more_often_than_not():
    world = world_of("demo", 1)
    weather = weather_of(world)
    history = History(weather, fires_of(world, weather), ())
    seen = set(hotspot_truth(world, history).fire)
    since = [fire for fire in history.fires if fire.start.year >= 2012 and fire.kind == "ground"]
    small = [fire.number in seen for fire in since if fire.area_ha < 5]
    large = [fire.number in seen for fire in since if fire.area_ha > 100]
    assert len(small) > 20
    assert np.mean(small) < 0.5
    assert np.mean(large) > 0.8
