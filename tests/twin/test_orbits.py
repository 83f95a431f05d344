"""Orbits: the dates, times and outlines of real scenes come out of a few constants."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import shape

from habitat.contracts.errors import ConfigError
from habitat.twin.sensors.orbits import FLIGHTS, across_track_m, baseline_on, datatake_start, overpasses

MAY_2024 = date(2024, 5, 1), date(2024, 5, 31)
MAY_2025 = date(2025, 5, 1), date(2025, 5, 31)


def days(platform, first, last, **place):
    return [one.day for one in overpasses(platform, first, last, **place)]


def test_dates_of_sentinel_2_over_the_landscape():
    assert days("S2A", *MAY_2024) == ["2024-05-03", "2024-05-13", "2024-05-23"]
    assert days("S2B", *MAY_2024) == ["2024-05-08", "2024-05-18", "2024-05-28"]
    assert days("S2B", *MAY_2025) == ["2025-05-03", "2025-05-13", "2025-05-23"]
    assert days("S2C", *MAY_2025) == ["2025-05-08", "2025-05-18", "2025-05-28"]
    assert days("S2A", date(2025, 1, 1), date(2025, 12, 31)) == ["2025-01-08", "2025-01-18"]
    assert days("S2C", date(2024, 12, 1), date(2025, 2, 1)) == ["2025-01-28"]
    assert days("S2C", *MAY_2024) == []


def test_sentinel_2_sees_the_landscape_from_one_orbit_nearly_overhead():
    passes = overpasses("S2A", date(2024, 1, 1), date(2024, 12, 31))
    assert {one.orbit for one in passes} == {103}
    assert len(passes) == 37
    # 10:30 at the equator is 11:03 at 43 degrees north on the same pass, 8.8 hours ahead of UTC at 132 east.
    assert all(
        timedelta(hours=2, minutes=15)
        < timedelta(hours=one.when.hour, minutes=one.when.minute, seconds=one.when.second)
        < timedelta(hours=2, minutes=16)
        for one in passes
    )
    # 17 km off the track of a satellite 786 km high: atan(17 / 786) is 1.24 degrees, and a little for the round earth.
    assert 1.2 < passes[0].view_zenith < 1.6
    # The place lies east of the track.
    assert 270 < passes[0].view_azimuth < 300


def test_landsat_sees_it_from_two_paths():
    passes = overpasses("L9", *MAY_2024)
    assert [(one.day, one.orbit, one.row) for one in passes] == [
        ("2024-05-03", 114, 30), ("2024-05-12", 113, 30), ("2024-05-19", 114, 30), ("2024-05-28", 113, 30),
    ]  # fmt: skip
    assert [(one.day, one.orbit) for one in overpasses("L8", *MAY_2024)] == [
        ("2024-05-04", 113), ("2024-05-11", 114), ("2024-05-20", 113), ("2024-05-27", 114),
    ]  # fmt: skip
    east, west = overpasses("L9", *MAY_2024)[:2]
    assert east.view_zenith < 4
    assert west.view_zenith > 7
    assert (east.view_azimuth > 180, west.view_azimuth < 180) == (True, True)


def test_five_orbits_lie_between_path_34_and_path_114():
    # The real pass over path 34, row 32 was on 2023-10-23 at 17:43:43.
    (later,) = overpasses("L9", date(2023, 10, 23), date(2023, 10, 24), 131.56, 43.18)
    assert (later.orbit, later.row) == (114, 30)
    period = 16 * 86400 / 233
    # Two rows further north is 2 / 248 of an orbit earlier.
    expected = datetime(2023, 10, 23, 17, 43, 43, tzinfo=UTC) + timedelta(seconds=period * (5 - 2 / 248))
    assert abs(later.when - expected) < timedelta(seconds=40)


def test_a_place_between_two_rows_is_seen_in_both():
    between = overpasses("L8", *MAY_2024, 131.36, 42.46)
    assert Counter((one.orbit, one.row) for one in between if one.orbit == 114) == {(114, 30): 2, (114, 31): 2}
    gap = between[1].when - between[0].when
    assert gap.total_seconds() == pytest.approx(16 * 86400 / 233 / 248, abs=0.01)


def test_older_landsats_fly_in_the_slots_of_the_new_ones():
    assert {
        (one.orbit, (one.when.date() - date(2024, 5, 11)).days % 16)
        for one in overpasses("L5", date(2010, 1, 1), date(2010, 12, 31))
    } == {(114, 0), (113, 9)}
    assert {
        (one.orbit, (one.when.date() - date(2024, 5, 3)).days % 16)
        for one in overpasses("L7", date(2012, 1, 1), date(2012, 12, 31))
    } == {(114, 0), (113, 9)}
    assert days("L5", date(2011, 11, 1), date(2012, 12, 31))[-1] <= "2011-11-18"
    assert days("L7", date(1999, 1, 1), date(1999, 12, 31))[0] >= "1999-07-01"
    assert days("L7", date(2022, 1, 1), date(2023, 1, 1))[-1] < "2022-04-06"


def test_landsat_7_came_earlier_every_year_after_2017():
    def minutes(year):
        when = overpasses("L7", date(year, 3, 1), date(year, 3, 31))[0].when
        return when.hour * 60 + when.minute + when.second / 60

    assert abs(minutes(2017) - minutes(2012)) < 20
    assert 10 < minutes(2018) - minutes(2020) < 60
    assert minutes(2020) - minutes(2022) > 30


def test_radar_comes_twice_in_twelve_days():
    passes = overpasses("S1A", *MAY_2025)
    assert [(one.day, one.orbit, one.direction) for one in passes] == [
        ("2025-05-08", 61, "descending"), ("2025-05-10", 83, "ascending"), ("2025-05-20", 61, "descending"),
        ("2025-05-22", 83, "ascending"),
    ]  # fmt: skip
    # Sun-synchronous along the line of day and night: six in the morning and in the evening, 8.8 hours ahead of UTC.
    assert [(one.when.hour + one.when.minute / 60 + 8.8) % 24 for one in passes[:2]] == pytest.approx(
        [6.2, 18.0], abs=0.1
    )
    assert all(29 < one.view_zenith < 47 for one in passes)
    # It looks to the right: eastward when flying north.
    assert [one.view_azimuth < 180 for one in passes[:2]] == [True, False]
    assert [one.absolute_orbit % 175 for one in passes] == [(one.orbit + 72) % 175 for one in passes]


@pytest.mark.parametrize(
    ("platform", "day", "longitude", "latitude", "orbit", "number"),
    [
        ("S2A", date(2023, 10, 8), -105.5, 40.2, 141, 43324),
        ("S2A", date(2019, 1, 1), 172.0, 57.0, 116, 18417),
        ("S2B", date(2025, 10, 15), -83.5, 34.2, 40, 44968),
        ("S2C", date(2025, 10, 10), -83.5, 34.2, 40, 5730),
        ("S2C", date(2025, 6, 12), -11.4, 24.8, 37, 4011),
        ("S1A", date(2024, 4, 19), 15.7, 33.0, 51, 53498),
        ("S1A", date(2018, 12, 26), 95.94, 19.39, 106, 25203),
        ("S1A", date(2025, 7, 31), 76.6, -47.2, 56, 60328),
    ],
)
def test_orbits_are_numbered_as_in_real_product_names(platform, day, longitude, latitude, orbit, number):
    found = overpasses(platform, day, day, longitude, latitude)
    assert (orbit, number) in {(one.orbit, one.absolute_orbit) for one in found}


def test_reach_adds_the_swath_that_passes_by():
    # The west edge of orbit 60 runs 33 km east of 132 degrees.
    near = overpasses("S2A", *MAY_2024, reach_m=40_000.0)
    assert {one.orbit for one in near} == {60, 103}
    assert {one.orbit for one in overpasses("S2A", *MAY_2024, reach_m=30_000.0)} == {103}
    by = next(one for one in near if one.orbit == 60)
    edge = FLIGHTS["S2A"].orbit.swath_m[0]
    offsets = across_track_m(by, np.array([132.0, 132.5]), np.array([43.35, 43.35]))
    assert offsets[0] < edge < offsets[1]
    assert edge - offsets[0] == pytest.approx(33_000, abs=2_000)
    # Half a degree at 43.35 degrees north is 40.4 km, seen a little aslant.
    assert offsets[1] - offsets[0] == pytest.approx(40_400 * np.cos(np.radians(13)), abs=800)


@pytest.mark.parametrize(
    ("place", "across"),
    # The orbit leans 8.56 degrees, and the earth turns once while it is flown 14.3 times: the track leans by
    # atan((0.1489 + 1 / 14.3) / 0.9889), 12.5 degrees.
    [((168.44, 0.0), 0.0), ((169.44, 0.0), 111_194 * np.cos(np.radians(12.5)))],
)
def test_distance_from_the_track_at_the_node(place, across):
    one = next(one for one in overpasses("S2A", date(2023, 9, 20), date(2023, 9, 29), *place) if one.orbit == 1)
    got = across_track_m(one, np.array([place[0]]), np.array([place[1]]))
    assert got[0] == pytest.approx(across, abs=500)


def test_names_of_datatakes():
    for platform, digit in (("S2A", 1), ("S2B", 9), ("S2C", 1)):
        one = overpasses(platform, date(2024, 5, 1), date(2025, 5, 31))[-1]
        start = datatake_start(one)
        assert start.second % 10 == digit
        assert start.microsecond == 24_000
        assert timedelta(minutes=8) < one.when - start < timedelta(minutes=9)


@pytest.mark.parametrize(
    ("day", "baseline"),
    # The baselines of real items of these days.
    [
        (date(2018, 11, 19), "02.10"), (date(2019, 5, 3), "02.11"), (date(2019, 7, 7), "02.12"), (date(2020, 2, 2), "02.13"),
        (date(2020, 2, 19), "02.14"), (date(2021, 6, 29), "03.00"), (date(2022, 1, 22), "03.01"), (date(2022, 1, 30), "04.00"),
        (date(2023, 8, 10), "05.09"), (date(2024, 4, 19), "05.10"), (date(2024, 7, 22), "05.10"), (date(2024, 7, 23), "05.11"),
    ],
)  # fmt: skip
def test_baselines(day, baseline):
    assert baseline_on(day) == baseline


@given(st.integers(0, 3000), st.integers(0, 400), st.sampled_from(["S2A", "S2B", "L8", "S1A"]))
def test_any_stretch_of_days_gives_the_same_passes(start, length, platform):
    first = date(2016, 1, 1) + timedelta(days=start)
    last = first + timedelta(days=length)
    whole = overpasses(platform, first, last)
    middle = first + timedelta(days=length // 2)
    assert whole == overpasses(platform, first, middle) + overpasses(platform, middle + timedelta(days=1), last)
    assert [one.when for one in whole] == sorted(one.when for one in whole)


def test_unknown_satellites_are_refused():
    with pytest.raises(ConfigError, match="S2A, S2B, S2C, L5"):
        overpasses("S3A", *MAY_2024)


# ── Real items, where the shared data are at hand ─────────────────────────────────────────────────────────────────────

# Baselines before 02.07 gave tiles the time their datatake began, and so do these two made with 02.0x files.
_BEGAN = {
    "S2A_33TWN_20161202_0_L2A",
    "S2A_33TWN_20171005_0_L2A",
    "S2B_33TWN_20180806_0_L2A",
    "S2B_33TWN_20181104_0_L2A",
}


@pytest.fixture(scope="module")
def real_items(shared):
    folder = shared / "imagery"
    names = [
        *sorted((folder / "stac-api").rglob("*.json")),
        *sorted((folder / "s1-stack-myanmar").rglob("S1A*.json")),
        *sorted((folder / "s2-l2a-33twm-slovenia").rglob("*.json")),
        *sorted((folder / "landsat-c2l2-008059-colombia").rglob("LC*.json")),
    ]
    items = {}
    for name in names:
        document = json.loads(name.read_text())
        document = document.get("response", document) if isinstance(document, dict) else {}
        for item in [document] if document.get("type") == "Feature" else document.get("features") or []:
            items[item["id"]] = item
    return list(items.values())


def seen_from(item, platform):
    """The model's passes over the middle of an item on its date and its neighbours."""
    when = datetime.fromisoformat(item["properties"]["datetime"]).replace(tzinfo=UTC)
    middle = shape(item["geometry"]).centroid
    day = when.date()
    found = overpasses(
        platform, day - timedelta(days=1), day + timedelta(days=1), round(middle.x, 6), round(middle.y, 6)
    )
    return when, found


def test_times_of_real_sentinel_2_tiles(real_items):
    checked = Counter()
    for item in real_items:
        properties = item["properties"]
        if not item["id"].startswith(("S2A_", "S2B_")) or "s2:product_uri" not in properties or item["id"] in _BEGAN:
            continue
        if item["id"].count("_MSIL"):
            continue
        orbit = int(properties["s2:product_uri"].split("_R")[1][:3])
        when, found = seen_from(item, item["id"][:3])
        mine = next(one for one in found if one.orbit == orbit)
        assert abs((mine.when - when).total_seconds()) < 30, item["id"]
        assert mine.absolute_orbit == int(properties["s2:datatake_id"].split("_")[2])
        checked[item["id"][:3]] += 1
    assert checked["S2A"] >= 20
    assert checked["S2B"] >= 20


def test_times_of_real_landsat_scenes(real_items):
    checked = Counter()
    for item in real_items:
        if not item["id"].startswith(("LC0", "LE07")):
            continue
        platform = f"L{item['id'][3]}"
        when, found = seen_from(item, platform)
        at = int(item["properties"]["landsat:wrs_path"]), int(item["properties"]["landsat:wrs_row"])
        mine = next(one for one in found if (one.orbit, one.row) == at)
        assert abs((mine.when - when).total_seconds()) < 60, item["id"]
        checked[platform] += 1
    assert checked["L9"] >= 14
    assert checked["L8"] >= 3
    assert checked["L7"] == 1


def test_times_of_real_radar_scenes(real_items):
    orbits = Counter()
    for item in real_items:
        if not item["id"].startswith("S1A_IW"):
            continue
        if abs(shape(item["geometry"]).centroid.y) > 70:
            continue
        properties = item["properties"]
        absolute = int(item["id"].split("_")[6])
        when, found = seen_from(item, "S1A")
        mine = next(one for one in found if one.absolute_orbit == absolute)
        assert mine.direction == properties["sat:orbit_state"]
        assert abs((mine.when - when).total_seconds()) < 60, item["id"]
        orbits[mine.orbit, mine.direction] += 1
    assert set(orbits) >= {(51, "descending"), (106, "descending"), (56, "ascending")}
    assert orbits[106, "descending"] > 80


def parquet(shared, name):
    reader = pytest.importorskip("pyarrow.parquet")
    arrow = pytest.importorskip("stac_geoparquet.arrow")
    table = reader.read_table(shared / "imagery" / "stac-api" / "planetary-computer" / name)
    return [json.loads(json.dumps(item, default=str)) for item in arrow.stac_table_to_items(table)]


@pytest.fixture(scope="module")
def thousand(shared):
    return parquet(shared, "1000-sentinel-2-items.parquet")


def test_dates_and_edges_of_a_thousand_sentinel_2_tiles(thousand):
    dates, edges = set(), {}
    for item in thousand:
        platform, properties = f"S2{item['properties']['platform'][-1]}", item["properties"]
        if properties["sat:relative_orbit"] is None:
            continue
        dates.add((platform, properties["datetime"][:10], properties["sat:relative_orbit"]))
        west, _, east, _ = shape(item["geometry"]).bounds
        low, high = edges.get(properties["sat:relative_orbit"], (180.0, -180.0))
        edges[properties["sat:relative_orbit"]] = min(low, west), max(high, east)
    assert len(dates) > 40
    for platform, day, orbit in dates:
        middle = sum(edges[orbit]) / 2
        on = date.fromisoformat(day)
        found = overpasses(platform, on, on, middle, 38.8, reach_m=200_000.0)
        assert orbit in {one.orbit for one in found}, (platform, day, orbit)


def test_swaths_end_where_real_tiles_end(thousand):
    outlines = {}
    for item in thousand:
        if item["properties"]["sat:relative_orbit"] in (98, 141):
            outlines.setdefault(item["properties"]["sat:relative_orbit"], []).append(shape(item["geometry"]))
    for orbit, shapes in outlines.items():
        one = next(
            one for one in overpasses("S2A", date(2024, 7, 1), date(2024, 7, 31), -105.0, 39.0) if one.orbit == orbit
        )
        corners = np.concatenate([np.asarray(part.exterior.coords) for part in shapes])
        across = across_track_m(one, corners[:, 0], corners[:, 1])
        low, high = FLIGHTS["S2A"].orbit.swath_m
        # Where two datatakes' tiles were made a little wider, a few corners stick out.
        assert np.quantile(across, [0.02, 0.98]).tolist() == pytest.approx([low, high], abs=4_000)


def test_times_of_a_hundred_landsat_scenes(shared):
    late = []
    for item in parquet(shared, "100-landsat-items.parquet"):
        platform = f"L{item['id'][3]}"
        if platform == "L7":
            # By October 2023 it flew in a lower orbit.
            continue
        when, found = seen_from(item, platform)
        at = int(item["properties"]["landsat:wrs_path"]), int(item["properties"]["landsat:wrs_row"])
        late.append((next(one for one in found if (one.orbit, one.row) == at).when - when).total_seconds())
    assert len(late) == 99
    assert max(map(abs, late)) < 45
    assert abs(float(np.mean(late))) < 12


def test_dates_of_thirty_years_of_one_landsat_scene(shared):
    folder = shared / "imagery" / "landsat-stack-p035r032-colorado"
    real = {"L5": set(), "L7": set()}
    for name in folder.rglob("L[TE][57]*.json"):
        item = json.loads(name.read_text())
        real[f"L{name.name[2]}"].add(item["properties"]["datetime"][:10])
    assert len(real["L5"]) > 250
    assert len(real["L7"]) > 150
    for platform, known in real.items():
        mine = set(days(platform, date(1984, 1, 1), date(2013, 12, 31), longitude=-106.92, latitude=40.3))
        # One Landsat 5 date and two of Landsat 7 are off by leap days in the file names the dates were taken from.
        assert len(known - mine) == {"L5": 1, "L7": 2}[platform]
