"""Fire events: chains by hand and by brute force, their summaries, and Portugal's fires against burnt ground."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import shapely
from hotspot_tables import CRS, hotspots
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from habitat.contracts.errors import ConfigError
from habitat.fire import fire_events as room
from habitat.fire.event_links import chained
from habitat.fire.fire_events import COLUMNS, fire_events
from habitat.fire.hotspots import footprints, without_static

KM = 1 / 81.5
"""A kilometre in degrees of longitude at 43 N."""


def east(km, **told):
    return {"x": 131.0 + km * KM, **told}


def test_gaps_in_space_are_between_edges():
    # 400 m pixels 1.3 km apart leave 0.9 km, 1.5 km apart 1.1 km.
    rows = [east(0), east(1.3), east(2.8)]
    assert fire_events(hotspots(rows), CRS).members.tolist() == [1, 1, 2]
    assert fire_events(hotspots(rows), CRS, distance_m=1150).members.tolist() == [1, 1, 1]
    assert fire_events(hotspots(rows), CRS, distance_m=800).members.tolist() == [1, 2, 3]


def test_large_pixels_reach_farther():
    rows = [east(0, scan_km=4.0, track_km=2.0, satellite="Aqua", sensor="modis"), east(3.0), east(0, y=43.025)]
    # 3 - 2 - 0.2 km east; 2.78 - 1 - 0.2 km north.
    assert fire_events(hotspots(rows), CRS).members.tolist() == [1, 1, 2]


@pytest.mark.parametrize(("when", "joined"), [("2025-04-29 04:00", True), ("2025-04-29 04:01", False)])
def test_gaps_in_time(when, joined):
    found = fire_events(hotspots([{}, {"when": when}]), CRS)
    assert (found.members[0] == found.members[1]) == joined


def test_a_fire_goes_on_for_weeks():
    rows = [{"when": f"2025-04-{day:02d} 04:00", **east(day)} for day in range(1, 25)]
    found = fire_events(hotspots(rows), CRS)
    assert set(found.members) == {1}
    (event,) = found.table.to_dict("records")
    assert (event["n"], event["days"]) == (24, 24)
    assert fire_events(hotspots(rows[:1] + rows[8:]), CRS).members.tolist() == [1] + [2] * 16


def test_nearness_in_space_and_in_time_is_asked_at_once():
    # The second is near the first in space, the third in time.
    rows = [{}, {"when": "2025-05-24 04:00"}, east(20)]
    assert fire_events(hotspots(rows), CRS).members.tolist() == [1, 3, 2]


def test_the_summary_by_hand():
    rows = [
        {"when": "2025-04-24 04:00", "frp_mw": 5.0},
        east(0.8, when="2025-04-24 04:02", frp_mw=np.nan),
        east(0.4, when="2025-04-24 04:05", satellite="N20", frp_mw=2.0),
        east(0.4, when="2025-04-24 17:05", satellite="Aqua", sensor="modis", frp_mw=11.0, scan_km=1.0, track_km=1.0),
    ]
    found = fire_events(hotspots(rows), CRS)
    assert list(found.table.columns) == list(COLUMNS)
    (event,) = found.table.to_dict("records")
    assert (event["id"], event["n"], event["sensors"]) == (1, 4, "modis+viirs")
    assert (event["first"], event["last"]) == (pd.Timestamp("2025-04-24 04:00"), pd.Timestamp("2025-04-24 17:05"))
    # 17:05 UTC is past midnight at 131 E.
    assert (event["first_day"], event["last_day"]) == (pd.Timestamp("2025-04-24"), pd.Timestamp("2025-04-25"))
    assert (event["days"], event["frp_sum_mw"], event["frp_max_mw"]) == (2, 18.0, 11.0)
    shapes = footprints(hotspots(rows), CRS)
    assert event["area_ha"] == pytest.approx(shapes.union_all().area / 1e4)
    assert event["geometry"].geom_type == "MultiPolygon"
    assert event["geometry"].symmetric_difference(shapes.union_all()).area == pytest.approx(0, abs=1e-3)
    # The first pass are the two of S-NPP within minutes.
    centres = shapes.centroid[:2]
    assert (event["ignition"].x, event["ignition"].y) == pytest.approx((centres.x.mean(), centres.y.mean()), abs=0.01)
    assert found.table.crs == CRS


def test_unknown_power_stays_unknown():
    (event,) = fire_events(hotspots([{"frp_mw": np.nan}] * 2), CRS).table.to_dict("records")
    assert np.isnan(event["frp_sum_mw"])
    assert np.isnan(event["frp_max_mw"])
    assert event["sensors"] == "viirs"


def test_events_are_numbered_by_their_first_detection():
    rows = [east(50, when="2025-05-01 04:00"), east(0, when="2025-05-03 04:00"), east(20, when="2025-04-01 04:00")]
    found = fire_events(hotspots(rows), CRS)
    assert found.members.tolist() == [2, 3, 1]
    assert found.table["id"].tolist() == [1, 2, 3]
    assert found.table["first"].is_monotonic_increasing


def test_no_hotspots_are_no_events():
    found = fire_events(hotspots([]), CRS)
    assert (found.members.size, len(found.table), list(found.table.columns)) == (0, 0, list(COLUMNS))
    assert found.table["first"].dtype == "datetime64[ns]"
    assert found.table.crs == CRS


@pytest.mark.parametrize("settings", [{"distance_m": -1.0}, {"days": -0.5}, {"days": float("nan")}])
def test_gaps_are_numbers_from_nought(settings):
    with pytest.raises(ConfigError, match="want numbers from 0 on"):
        fire_events(hotspots([{}]), CRS, **settings)


DETECTIONS = st.lists(
    st.fixed_dictionaries(
        {
            "x": st.integers(0, 120).map(lambda n: 131.0 + n * 0.001),
            "y": st.integers(0, 90).map(lambda n: 43.0 + n * 0.001),
            "hour": st.integers(0, 400),
            "scan_km": st.sampled_from([0.32, 0.45, 0.8, 1.0, 2.6, 4.8]),
            "track_km": st.sampled_from([0.36, 0.45, 0.78, 1.0, 2.0]),
            "satellite": st.sampled_from(["N", "Terra"]),
            "frp_mw": st.sampled_from([np.nan, 0.1, 0.7, 33.3]),
        }
    ),
    max_size=30,
)


def table_of(rows):
    start = np.datetime64("2025-04-01T00", "h")
    return hotspots([{**row, "when": start + np.timedelta64(row["hour"], "h")} for row in rows])


@given(DETECTIONS, st.sampled_from([0.0, 300.0, 1000.0]), st.sampled_from([0.0, 1.0, 5.0]))
def test_events_are_the_connected_parts_that_brute_force_finds(rows, distance_m, days):
    table = table_of(rows)
    members = fire_events(table, CRS, distance_m=distance_m, days=days).members
    shapes = footprints(table, CRS).to_numpy()
    when = table["when"].to_numpy()
    apart = shapely.distance(shapes[:, None], shapes[None])
    # Rounding may fall either way on the very limit.
    if (np.abs(apart - distance_m) < 1e-6).any() and distance_m:
        return
    links = (apart <= distance_m) & (np.abs(when[:, None] - when[None]) <= np.timedelta64(int(days * 24), "h"))
    count, labels = connected_components(coo_array(links), directed=False) if len(rows) else (0, np.empty(0, int))
    assert len(np.unique(members)) == count
    assert len(set(zip(members, labels, strict=True))) == count


@settings(max_examples=40)
@given(DETECTIONS, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows, random):
    table = table_of(rows)
    order = list(range(len(rows)))
    random.shuffle(order)
    one, other = fire_events(table, CRS), fire_events(table.iloc[order], CRS)
    assert one.members[order].tolist() == other.members.tolist()
    plain = [name for name in COLUMNS if name not in ("geometry", "ignition")]
    pd.testing.assert_frame_equal(one.table[plain], other.table[plain], check_exact=True)
    for name in ("geometry", "ignition"):
        assert one.table[name].geom_equals_exact(other.table[name], 1e-9).all()


@settings(max_examples=40)
@given(DETECTIONS)
def test_summaries_add_up(rows):
    table = table_of(rows)
    found = fire_events(table, CRS)
    assert found.table["n"].sum() == len(rows)
    assert np.nansum(found.table["frp_sum_mw"]) == pytest.approx(table["frp_mw"].sum())
    assert np.bincount(found.members, minlength=len(found.table) + 1)[1:].tolist() == found.table["n"].tolist()
    assert (found.table["last"] >= found.table["first"]).all()
    whole = 100 * table["scan_km"] * table["track_km"]
    assert (found.table["area_ha"].to_numpy() <= np.bincount(found.members, whole)[1:] + 1e-6).all()


def test_footprints_are_drawn_in_batches(monkeypatch):
    rows = [east(km) for km in (0, 0.3, 0.6, 10, 10.3, 30, 40)]
    whole = fire_events(hotspots(rows), CRS).table
    monkeypatch.setattr(room, "_BATCH", 2)
    assert fire_events(hotspots(rows), CRS).table.geometry.geom_equals_exact(whole.geometry, 0).all()


def test_crossed_rectangles_are_linked():
    # Neither has a corner in the other.
    boxes = np.array([[0.0, 0, 5000, 10, 0], [0, 0, 5000, 10, np.pi / 2], [0, 3000, 5000, 10, 0.0]])
    assert chained(boxes, np.zeros(3, np.int64), 0.0, 0.0).tolist() == [0, 0, 0]
    assert chained(boxes[[0, 2]], np.zeros(2, np.int64), 2979.0, 0.0).tolist() == [0, 1]
    assert chained(boxes[[0, 2]], np.zeros(2, np.int64), 2981.0, 0.0).tolist() == [0, 0]


@pytest.fixture(scope="module")
def portugal(shared):
    import geopandas as gpd
    import rasterio

    from habitat.sources.hotspots import read_hotspots

    folder = shared / "imagery" / "aux-fire-portugal-2017"
    kept, _ = without_static(read_hotspots([folder / "firms_modis_portugal_2017.csv"]).table)
    months = []
    for name in (152, 182, 213, 244):
        with rasterio.open(folder / f"MCD64A1_Burn_Date_2017_{name}.tif") as source:
            months.append(source.read(1))
            transform, bounds = source.transform, source.bounds
    # Codes below 1 (0 unburnt, -1 unmapped, -2 water) are no days.
    day = np.max(months, axis=0)
    rows, columns = np.nonzero(day > 0)
    x = transform.c + (columns + 0.5) * transform.a
    y = transform.f + (rows + 0.5) * transform.e
    burnt = gpd.GeoDataFrame(
        {"day": day[rows, columns].astype(int)}, geometry=gpd.points_from_xy(x, y), crs="EPSG:32629"
    )
    outlines = gpd.read_file(folder / "burned_polygons_2017.gpkg").to_crs("EPSG:32629")
    return kept, burnt, bounds, outlines


def test_portugal_events_lie_on_burnt_ground(portugal):
    kept, burnt, bounds, _ = portugal
    events = fire_events(kept, "EPSG:32629").table
    assert 800 < len(events) < 1000
    assert events["n"].sum() == 6552
    summer = (events["first_day"] >= "2017-06-01") & (events["last_day"] <= "2017-09-30")
    summer &= events.within(shapely.box(*bounds))
    for least, wanted in ((10, 1.0), (5, 0.85)):
        chosen = events[summer & (events["n"] >= least)].reset_index(drop=True)
        assert len(chosen) > 40
        event, pixel = burnt.sindex.query(chosen.geometry, predicate="intersects")
        day = burnt["day"].to_numpy()[pixel]
        first, last = (chosen[name].dt.dayofyear.to_numpy()[event] for name in ("first_day", "last_day"))
        in_time = (day >= first - 3) & (day <= last + 3)
        assert np.unique(event[in_time]).size / len(chosen) >= wanted


def test_portugal_days_agree_with_burn_dates(portugal):
    kept, burnt, _, _ = portugal
    places = kept.geometry.to_crs("EPSG:32629")
    # Half the diagonal of a burn date pixel.
    detection, pixel = burnt.sindex.query(places.to_numpy(), predicate="dwithin", distance=231)
    apart = kept["solar_day"].dt.dayofyear.to_numpy()[detection] - burnt["day"].to_numpy()[pixel]
    assert detection.size > 1500
    assert np.median(apart) == 0
    assert np.mean(np.abs(apart) <= 2) > 0.85


def test_portugal_burnt_outlines_were_seen_burning(portugal):
    kept, _, _, outlines = portugal
    places = kept.geometry.to_crs("EPSG:32629").to_numpy()
    outline, detection = shapely.STRtree(places).query(outlines.geometry.to_numpy(), predicate="dwithin", distance=1000)
    when = outlines["date"].to_numpy().astype("datetime64[D]")[outline]
    apart = (kept["solar_day"].to_numpy().astype("datetime64[D]")[detection] - when).astype(int)
    seen = np.unique(outline[np.abs(apart) <= 3])
    # An outline is all that burnt on one day: the small ones are the last patches of a fire, or burnt under cloud.
    assert seen.size / len(outlines) > 0.84
    assert outlines["area_ha"].to_numpy()[seen].sum() / outlines["area_ha"].sum() > 0.98
