"""Hotspots: what counts as static and as doubtful, what keeps company, and footprints by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hotspot_tables import CRS, hotspots, kiln
from hypothesis import given
from hypothesis import strategies as st

from habitat.contracts.errors import ConfigError
from habitat.fire.footprints import scan_azimuth
from habitat.fire.hotspots import StaticRule, footprints, static_places, without_static

FIRE = [
    {"when": f"2021-{day} 04:00", "x": 131.5 + step * 0.004, "y": 43.5}
    for day in ("04-20", "04-21", "10-11")
    for step in range(4)
]


def test_what_the_archive_says_goes():
    table = hotspots([{"kind": kind} for kind in (-1, 0, 1, 2, 3)])
    kept, dropped = without_static(table)
    assert kept.index.tolist() == [0, 1]
    assert dropped["reason"].to_dict() == {2: "volcano", 3: "static source", 4: "offshore"}
    assert len(without_static(table, kinds=())[0]) == 5
    assert without_static(table, kinds=(3,))[1].index.tolist() == [4]


@pytest.mark.parametrize("kind", [-1, 0])
def test_a_kiln_is_found_without_types_and_a_fire_is_not(kind):
    table = hotspots(kiln(kind=kind) + FIRE)
    kept, dropped = without_static(table)
    assert set(dropped["reason"]) == {"recurring source"}
    assert len(kept) == len(FIRE)
    assert (kept.geometry.x > 131.4).all()
    (place,) = static_places(table).to_dict("records")
    assert (place["geometry"].x, place["geometry"].y) == pytest.approx((131.2, 43.3), abs=0.0011)
    assert (place["months"], place["days"]) == (12, len(kiln()))
    # 5 January and every twentieth day after it: counted by hand in the calendar.
    assert place["winter_days"] == sum(row["when"][5:7] in ("12", "01", "02") for row in kiln())
    # 54 steps of twenty days later.
    assert (place["first"], place["last"]) == (np.datetime64("2020-01-06"), np.datetime64("2022-12-21"))


@pytest.mark.parametrize(
    ("change", "static"),
    [
        ({}, True),
        ({"least_days": 56}, False),
        ({"least_months": 13}, False),
        ({"least_winter_days": 20}, False),
        ({"winter": (7,), "least_winter_days": 6}, False),
        ({"winter": (7,), "least_winter_days": 4}, True),
        ({"least_winter_days": 0}, True),
    ],
)
def test_the_rule_has_numbers(change, static):
    assert bool(len(static_places(hotspots(kiln()), StaticRule(**change)))) == static


def test_fields_that_are_burnt_every_spring_are_no_static_source():
    rows = [
        {"when": f"{year}-{month}-{day:02d} 04:00"}
        for year in range(2012, 2025)
        for month in ("04", "10")
        for day in (7, 9, 20)
    ]
    assert len(static_places(hotspots(rows))) == 0


def test_winter_is_six_months_later_in_the_south():
    rows = [row | {"y": -row["y"]} for row in kiln() if row["when"][5:7] not in ("06", "07", "08")]
    assert len(static_places(hotspots(rows))) == 0
    rows = [row | {"y": -row["y"]} for row in kiln() if row["when"][5:7] not in ("12", "01", "02")]
    assert len(static_places(hotspots(rows))) == 1


def test_a_large_pixel_that_covers_the_kiln_goes_too_and_one_beside_it_stays():
    wide = {"satellite": "Aqua", "sensor": "modis", "scan_km": 4.0, "track_km": 2.0, "when": "2021-07-03 04:00"}
    # 1.6 km east is within half of 4 km, 1.6 km north is not within half of 2 km.
    table = hotspots([*kiln(), wide | {"x": 131.22, "y": 43.3}, wide | {"x": 131.2, "y": 43.3145}])
    assert without_static(table)[0].index.tolist() == [len(table) - 1]


def test_a_fire_that_comes_by_is_spared():
    burning = {"when": "2021-04-20 04:00"}
    rows = [*kiln(), burning | {"x": 131.2, "y": 43.3}, burning | {"x": 131.212, "y": 43.3}]
    kept, _ = without_static(hotspots(rows))
    assert kept.index.tolist() == [len(rows) - 2, len(rows) - 1]
    later = [*kiln(), {"when": "2021-04-22 05:00", "x": 131.2, "y": 43.3}, rows[-1]]
    assert without_static(hotspots(later))[0].index.tolist() == [len(rows) - 1]


def test_static_places_of_a_longer_list():
    places = static_places(hotspots(kiln()))
    week = hotspots([{"x": 131.2, "y": 43.3}, {"x": 131.4, "y": 43.3}])
    assert len(without_static(week)[0]) == 2
    kept, dropped = without_static(week, places=places)
    assert (kept.index.tolist(), dropped["reason"].tolist()) == ([1], ["recurring source"])
    assert len(without_static(week, rule=None, places=places)[0]) == 2


@pytest.mark.parametrize(
    ("what", "kept"),
    [("keep", [0, 1, 2, 3, 4]), ("lonely", [0, 1, 3, 4]), ("day", [1, 3]), ("drop", [1])],
)
def test_low_confidence(what, kept):
    low = {"confidence": "low"}
    table = hotspots(
        [
            low | {"x": 131.0},
            {"x": 131.008},
            low | {"x": 131.3},
            low | {"x": 131.6, "by_day": False, "when": "2025-04-24 17:00"},
            low | {"x": 131.0, "when": "2025-04-23 05:00"},
        ]
    )
    found, dropped = without_static(table, low_confidence=what)
    assert found.index.tolist() == kept
    assert set(dropped["reason"]) <= {"low confidence"}


def test_company_is_within_a_kilometre_and_a_day():
    low = {"confidence": "low", "x": 131.0}
    # A hundredth of a degree of longitude is 815 m here, 0.0125 are 1,019 m.
    for beside, kept in (({"x": 131.01}, 2), ({"x": 131.0125}, 1)):
        assert len(without_static(hotspots([low, beside]))[0]) == kept
    for when, kept in (("2025-04-25 04:00", 2), ("2025-04-25 04:01", 1), ("2025-04-23 04:00", 2)):
        assert len(without_static(hotspots([low, {"when": when}]))[0]) == kept


def test_rows_keep_their_index_and_nothing_is_lost():
    table = hotspots(kiln() + FIRE).sample(frac=1, random_state=1)
    kept, dropped = without_static(table)
    assert sorted([*kept.index, *dropped.index]) == sorted(table.index)
    assert kept.index.tolist() == [name for name in table.index if name in set(kept.index)]
    ordered = without_static(hotspots(kiln() + FIRE))
    assert set(ordered[0].index) == set(kept.index)


def test_tables_without_rows():
    empty = hotspots([])
    kept, dropped = without_static(empty)
    assert (len(kept), len(dropped), len(static_places(empty)), len(footprints(empty, CRS))) == (0, 0, 0, 0)
    assert "reason" in dropped


def test_direction_of_the_scan():
    rows = [
        {"y": 0.0, "when": "2025-04-24 04:45"},
        {"y": 0.0, "when": "2025-04-24 16:45"},
        {"y": 0.0, "when": "2025-04-24 01:45", "satellite": "Terra"},
        {"y": 60.0, "when": "2025-04-24 04:45"},
        {"y": -60.0, "when": "2025-04-24 04:45"},
        {"y": 89.0, "when": "2025-04-24 04:45"},
    ]
    degrees = np.degrees(scan_azimuth(hotspots(rows)))
    # At the equator the track leans by the inclination's excess over 90 degrees, to the west going north.
    assert degrees[:3] == pytest.approx([81.5, 98.5, 98.5])
    # sin(lean) = cos 98.5 / cos 60 = -0.2956: 17.2 degrees.
    assert degrees[3:5] == pytest.approx([90 - 17.19] * 2, abs=0.01)
    assert degrees[5] == pytest.approx(0.0)


def test_a_footprint_by_hand():
    # On the central meridian of the zone north is up; the scan runs 81.5 degrees from north at the equator.
    table = hotspots([{"x": 129.0, "y": 0.0, "scan_km": 2.0, "track_km": 1.0}])
    (shape,) = footprints(table, CRS)
    corners = np.array(shape.exterior.coords)[:4] - np.array(shape.centroid.coords)
    turn = np.radians(90 - 81.5)
    along = np.array([np.cos(turn), np.sin(turn)])
    across = np.array([-np.sin(turn), np.cos(turn)])
    wanted = [u * 1000 * along + v * 500 * across for u, v in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    assert corners == pytest.approx(np.array(wanted), abs=1e-3)
    assert shape.centroid.x == pytest.approx(500_000, abs=1e-3)
    assert shape.exterior.is_ccw


def test_north_of_the_map_is_not_north():
    # Three degrees east of the central meridian at 43.3 N, north lies 2.06 degrees west of the map's.
    tables = [hotspots([{"x": x, "y": 43.3, "scan_km": 2.0, "track_km": 1.0}]) for x in (129.0, 132.0)]
    angles = []
    for table in tables:
        corners = np.array(footprints(table, CRS).iloc[0].exterior.coords)
        angles.append(np.degrees(np.arctan2(*(corners[1] - corners[0])[::-1])))
    assert angles[1] - angles[0] == pytest.approx(2.06, abs=0.02)


@given(
    st.lists(
        st.tuples(
            st.floats(126, 132),
            st.floats(-80, 80),
            st.floats(0.3, 5),
            st.floats(0.3, 2),
            st.sampled_from(["N", "Terra"]),
        ),
        max_size=12,
    )
)
def test_the_area_of_a_footprint_is_scan_times_track(places):
    rows = [
        {"x": x, "y": y, "scan_km": scan, "track_km": track, "satellite": name} for x, y, scan, track, name in places
    ]
    table = hotspots(rows)
    shapes = footprints(table, CRS)
    assert shapes.index.equals(table.index)
    assert shapes.area.to_numpy() == pytest.approx(1e6 * (table["scan_km"] * table["track_km"]).to_numpy(), rel=1e-6)
    there = table.geometry.to_crs(CRS)
    assert np.allclose(shapes.centroid.x, there.x, atol=0.01)
    assert np.allclose(shapes.centroid.y, there.y, atol=0.01)


@pytest.mark.parametrize(
    ("crs", "words"),
    [
        ("EPSG:4326", "wants a projected system in metres"),
        ("EPSG:3857", "a metre of EPSG:3857 is 1.37 m long"),
        ("EPSG:2263", "foot"),
        ("somewhere", "no coordinate system"),
    ],
)
def test_systems_that_are_not_in_metres(crs, words):
    with pytest.raises(ConfigError, match=words):
        footprints(hotspots([{}]), crs)


def test_portugal_is_not_static(shared):
    from habitat.sources.hotspots import read_hotspots

    path = shared / "imagery" / "aux-fire-portugal-2017" / "firms_modis_portugal_2017.csv"
    table = read_hotspots([path]).table
    kept, dropped = without_static(table)
    assert pd.Series(dropped["reason"]).value_counts().to_dict() == {"low confidence": 40, "offshore": 6}
    assert len(kept) == 6552
