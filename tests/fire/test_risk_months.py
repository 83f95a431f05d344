"""What is known of months: labels from footprints, statistics of fire weather, recurrence, ground and its index."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pyproj import Transformer
from shapely.geometry import Point

from habitat.contracts.errors import ConfigError, GridMismatch, NotPossible
from habitat.contracts.grid import Grid
from habitat.fire.fire_events import fire_events
from habitat.fire.hazard.danger_index import WEIGHTS, danger_index, index_parts
from habitat.fire.hazard.ground import access_layers, cover_layers, filled, terrain_layers
from habitat.fire.hazard.history import History
from habitat.fire.hazard.known import Known
from habitat.fire.hazard.month_labels import month_labels
from habitat.fire.hazard.month_weather import HIGH_FWI, MonthWeather, month_weather, percentile_of
from habitat.fire.hazard.recurrence_before import recurrence_before

UTM = "EPSG:32652"
GRID = Grid(UTM, 500.0, (600000.0, 4800000.0, 603000.0, 4802000.0))
MONTHS = np.arange("2024-04", "2024-07", dtype="datetime64[M]")


def hotspots(*rows):
    """Return a table of (x, y, time, sensor, scan in km)."""
    turn = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True).transform
    places = [turn(x, y) for x, y, *_ in rows]
    when = pd.to_datetime([row[2] for row in rows]).to_numpy().astype("datetime64[ns]")
    east = np.array([place[0] for place in places])
    columns = {
        "when": when,
        "solar_day": (when + (east / 15 * 3600).astype("timedelta64[s]"))
        .astype("datetime64[D]")
        .astype("datetime64[ns]"),
        "sensor": [row[3] for row in rows],
        "satellite": ["N" if row[3] == "viirs" else "Aqua" for row in rows],
        "confidence": "nominal",
        "frp_mw": 5.0,
        "scan_km": [row[4] for row in rows],
        "track_km": [row[4] for row in rows],
        "by_day": True,
        "kind": pd.array([0] * len(rows), "Int8"),
    }
    return gpd.GeoDataFrame(columns, geometry=[Point(place) for place in places], crs="EPSG:4326")


def labelled(*rows, months=MONTHS, **more):
    table = hotspots(*rows)
    return month_labels(table, fire_events(table, UTM), GRID, months, **more)


def test_a_footprint_burns_the_cells_it_covers():
    # A pixel of 400 m in the middle of the cell in row 1, column 2.
    found = labelled((601250, 4801250, "2024-04-20T04:00", "viirs", 0.4))
    assert np.argwhere(found.burning).tolist() == [[0, 1, 2]]
    assert np.argwhere(found.ignition).tolist() == [[0, 1, 2]]
    assert found.events.tolist() == [1, 0, 0]


def test_less_than_a_tenth_of_a_cell_does_not_count():
    # Its middle is 180 m from the edge: 20 m of 500 m reach over, four in a hundred.
    found = labelled((601180, 4801250, "2024-04-20T04:00", "viirs", 0.4))
    assert np.argwhere(found.burning).tolist() == [[0, 1, 2]]
    # On the corner of four cells a sixth of each is covered.
    corner = labelled((601000, 4801000, "2024-04-20T04:00", "viirs", 0.4))
    assert corner.burning.sum() == 4


def test_coarse_pixels_tell_of_events_but_not_of_cells():
    found = labelled((601250, 4801250, "2024-04-20T04:00", "modis", 2.0))
    assert not found.burning.any()
    assert found.events[0] == 1
    assert labelled((601250, 4801250, "2024-04-20T04:00", "modis", 2.0), coarsest=4.0).burning[0].sum() > 9


def test_months_follow_the_sun_and_events_begin_once():
    # 17 UTC on 30 April is the first of May by the sun; the fire goes on for three days.
    found = labelled(
        (601250, 4801250, "2024-04-30T17:00", "viirs", 0.4), (601750, 4801250, "2024-05-03T04:00", "viirs", 0.4)
    )
    assert found.burning.sum(axis=(1, 2)).tolist() == [0, 2, 0]
    assert found.ignition.sum(axis=(1, 2)).tolist() == [0, 1, 0]


def test_what_lies_outside_counts_nowhere():
    found = labelled(
        (590000, 4801250, "2024-04-20T04:00", "viirs", 0.4), (601250, 4801250, "2023-04-20T04:00", "viirs", 0.4)
    )
    assert not found.burning.any()
    assert not found.ignition.any()
    assert found.events.sum() == 0
    with pytest.raises(ConfigError, match="gaps"):
        labelled((601250, 4801250, "2024-04-20T04:00", "viirs", 0.4), months=MONTHS[[0, 2]])


def weather(days, fwi, state, snow=None):
    values = {"fwi": (("time", "y", "x"), np.asarray(fwi, np.float32)[:, None, None])}
    values["season"] = (("time", "y", "x"), np.asarray(state, np.uint8)[:, None, None])
    found = xr.Dataset(values, {"time": days.astype("datetime64[ns]")})
    depth = (
        None
        if snow is None
        else xr.DataArray(np.asarray(snow)[:, None, None], {"time": found.time}, ("time", "y", "x"))
    )
    return month_weather(found, depth)


def test_months_of_fire_weather_by_hand():
    days = np.arange("2024-04-01", "2024-06-01", dtype="datetime64[D]")
    fwi = np.full(61, 10.0)
    fwi[:3] = 40.0
    state = np.ones(61)
    state[20:30] = 2  # out of season: no danger
    found = weather(days, np.where(state == 2, np.nan, fwi), state)
    assert found.months.astype(str).tolist() == ["2024-04", "2024-05"]
    # Three days of 40, seventeen of 10 and ten of nothing: 290 / 30.
    assert found.values["fwi_mean"][:, 0, 0].tolist() == pytest.approx([290 / 30, 10])
    assert found.values["days_high"][:, 0, 0].tolist() == pytest.approx([0.1, 0])
    assert HIGH_FWI > 10
    assert found.whole.all()


def test_months_with_too_little_weather_are_unknown():
    days = np.arange("2024-04-01", "2024-05-15", dtype="datetime64[D]")
    state = np.ones(44)
    state[:7] = 3  # missing
    found = weather(days, np.where(state == 3, np.nan, 5.0), state)
    assert np.isnan(found.values["fwi_mean"]).ravel().tolist() == [True, True]
    assert found.whole.tolist() == [True, False]


def test_days_without_snow_are_counted_before_the_month():
    days = np.arange("2024-03-01", "2024-05-01", dtype="datetime64[D]")
    snow = np.where(np.arange(61) < 21, 0.1, 0.0)
    found = weather(days, np.zeros(61), np.ones(61), snow)
    # Snow lay to 21 March: ten days of bare ground before April; before March nobody looked.
    assert np.isnan(found.values["bare_days"][0])
    assert found.values["bare_days"][1].item() == 10


def test_percentiles_look_back_only():
    months = np.arange("2020-01", "2024-01", dtype="datetime64[M]")
    values = np.zeros(48)
    values[[4, 16, 28, 40]] = [1, 3, 2, 99]
    assert percentile_of(values, months, np.datetime64("2022-05")).item() == 0.5
    assert percentile_of(values, months, np.datetime64("2020-05")).item() == 0.5
    assert percentile_of(values, months, np.datetime64("2021-05")).item() == 1.0


def test_recurrence_knows_nothing_of_the_month_itself_and_after():
    rng = np.random.default_rng(1)
    burning = rng.random((20, 4, 5)) < 0.1
    land = np.ones((4, 5))
    whole = recurrence_before(burning, land)
    changed = burning.copy()
    changed[12:] = ~changed[12:]
    assert np.array_equal(whole[:13], recurrence_before(changed, land)[:13])
    assert not np.array_equal(whole[13:], recurrence_before(changed, land)[13:])
    assert (whole[0] == 0).all()


def test_access_is_nearness_to_the_nearest_people():
    roads = np.full((4, 4), 500.0)
    homes = np.full((4, 4), 1e5)
    found = access_layers({"roads": roads, "settlements": homes, "border": homes}, 2, np.ones((2, 2)))
    assert set(found) == {"distance_roads", "distance_settlements", "distance_border", "exposure", "exposure_wide"}
    assert np.allclose(found["distance_roads"], np.log(600))
    assert np.allclose(found["exposure"], np.log(np.exp(-1) + 0.02))
    assert "exposure" not in access_layers({"border": homes}, 2, np.ones((2, 2)))


def test_terrain_and_cover_of_cells():
    heights = np.arange(8) * 10.0 * np.ones((8, 1))
    found = terrain_layers(heights, 10.0, 4)
    assert found["slope"].shape == (2, 2)
    assert found["elevation"][0].tolist() == [15, 55]
    # Falls to the west: sine of 45 degrees; edges of the layer are half as steep.
    assert found["eastness"][0, 0] < -0.5
    codes = np.array([[1, 1, 2, 2], [1, 1, 2, 255]], np.uint8)
    # The commonest class is left out; of the rest shares count what is known.
    assert {name: values.tolist() for name, values in cover_layers(codes, 2).items()} == {"cover_2": [[0.0, 1.0]]}


def test_holes_take_the_median_and_are_told():
    layer = np.array([[1.0, 3.0], [np.nan, 100.0]], np.float32)
    land = np.array([[True, True], [True, False]])
    whole, holes = filled({"a": layer, "b": np.full((2, 2), np.nan)}, land)
    assert whole["a"].tolist() == [[1, 3], [2, 100]]
    assert holes == {"a": pytest.approx(1 / 3)}
    assert "b" not in whole


def test_the_index_is_a_weighted_mean_within_bounds():
    assert sum(WEIGHTS.values()) == pytest.approx(1)
    parts = {name: np.full((1, 2), 0.4) for name in WEIGHTS}
    assert danger_index(parts)[0][0].tolist() == pytest.approx([0.4, 0.4])
    beyond, used = danger_index({"lowland": np.array([[9.0, -9.0]])})
    assert beyond.tolist() == [[1, 0]]
    assert used == {"lowland": 1}
    ground = {"exposure_wide": np.array([[0.1, 5.0]], np.float32), "elevation": np.array([[900.0, 25.0]], np.float32)}
    found = index_parts(None, ground, np.array([[10.0, np.nan]]), np.zeros((1, 2)))
    assert {name: part.tolist() for name, part in found.items()} == {
        "people": [[0.25, 0.75]],
        "lowland": [[0.25, 0.75]],
        "bareness": [[0.5, 1]],
    }


def test_what_is_known_decides_between_probability_and_index():
    known = Known(GRID, np.datetime64("2024-05"), land=np.ones(GRID.shape, np.float32))
    assert known.enough(2, 2) == (None, "no hotspots were given")
    assert known.source == "climatology"
    with pytest.raises(NotPossible, match="neither weather nor places"):
        known.index("climatology")
    months = np.arange("2020-01", "2024-06", dtype="datetime64[M]")
    fwi = np.ones((months.size, *GRID.shape), np.float32)
    known.weather = MonthWeather(months, {"fwi_mean": fwi}, np.ones(months.size, bool))
    assert known.source == "forecast"
    index, used = known.index("forecast")
    # Every month is like every other: the middle of its like, and as bad as the worst.
    assert (index == 0.5).all()
    assert used == {"weather": 1}
    known.labels = labelled(
        (601250, 4801250, "2024-04-20T04:00", "viirs", 0.4),
        months=np.arange("2022-01", "2024-05", dtype="datetime64[M]"),
    )
    known.seen_until = np.datetime64("2024-04")
    assert known.enough(5, 1)[1] == "3 years of hotspots and weather are known, wants 5"
    assert known.enough(3, 9)[1] == "1 fire events are known, wants 9"
    history, why = known.enough(3, 1)
    assert (history.months[-1], why) == (np.datetime64("2024-05"), "")
    known.seen_until = np.datetime64("2023-06")
    assert known.history().usable.sum() == 18


def test_histories_that_do_not_fit_are_refused():
    with pytest.raises(GridMismatch, match="weather, burning do not fit"):
        History(MONTHS, np.zeros((3, 2, 3)), np.zeros((3, 2, 2), bool), np.zeros((2, 2, 2), bool), np.ones((2, 2)))
