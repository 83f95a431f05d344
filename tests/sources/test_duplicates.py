"""Duplicates: the newest copy stays in whatever order they come, and no half of a tile is lost."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from habitat.contracts.scene import Asset, Scene
from habitat.sources.catalogues.duplicates import newest_only

WHEN = datetime(2025, 5, 3, 2, 27, 41, tzinfo=UTC)
C1, V1 = "sentinel-2-c1-l2a", "sentinel-2-l2a"


def s2(name, baseline="05.11", *, seconds=0.0, sequence=None, collection=V1, created="", ground=(0, 0, 1, 1), **more):
    fields = {"sensor": "sentinel2", "platform": "sentinel-2b", "tile": "52TFN"} | more
    return Scene(
        id=name,
        collection=collection,
        provider="earth-search",
        datetime=WHEN + timedelta(seconds=seconds),
        solar_day=WHEN.date(),
        footprint=box(*ground),
        bands={"red": Asset("x.tif")},
        mask=None,
        baseline=baseline,
        created=created,
        extras={} if sequence is None else {"sequence": sequence},
        **fields,
    )


def landsat(name, category="T1", processed="20250508", **more):
    scene = s2(name, None, sensor="landsat", platform="landsat-9", tile="115030", collection="landsat-c2-l2", **more)
    return replace(scene, extras={"category": category, "processed": processed})


def settle(*scenes, preferred=()):
    kept, dropped = newest_only(scenes, preferred)
    assert {scene.id for scene in kept} | {name for name, _ in dropped} == {scene.id for scene in scenes}
    return [scene.id for scene in kept], dict(dropped)


def test_higher_baseline_stays():
    kept, dropped = settle(s2("old", "02.14", sequence="0"), s2("new", "05.00", seconds=0.001, sequence="1"))
    assert kept == ["new"]
    assert dropped == {"old": "another copy of new, which has baseline 05.00 before 02.14"}


def test_baselines_are_numbers_not_text():
    assert settle(s2("a", "05.11"), s2("b", "10.00"))[0] == ["b"]


def test_a_test_baseline_loses_against_anything_but_stands_alone():
    assert settle(s2("test", "99.05"), s2("real", "02.14"))[0] == ["real"]
    assert settle(s2("test", "99.05"), s2("unknown", None))[0] == ["unknown"]
    assert settle(s2("test", "99.05"))[0] == ["test"]


def test_preferred_collection_before_sequence_before_creation():
    a, b = s2("c1", collection=C1, created="2025-01-01"), s2("v1", collection=V1, sequence="1", created="2025-06-01")
    assert settle(a, b, preferred=(C1, V1)) == (
        ["c1"],
        {"v1": "another copy of c1, which has collection sentinel-2-c1-l2a before sentinel-2-l2a"},
    )
    assert settle(a, b)[0] == ["v1"]
    assert settle(s2("x", sequence="2"), s2("y", sequence="10"))[0] == ["y"]


def test_later_creation_stays_whatever_its_time_zone():
    early, late = s2("early", created="2025-05-03T09:00:00+08:00"), s2("late", created="2025-05-03T02:00:00Z")
    kept, dropped = settle(early, late)
    assert kept == ["late"]
    assert "creation time" in dropped["early"]
    assert settle(s2("said", created="2025-05-03"), s2("silent", created="soon"))[0] == ["said"]


def test_id_decides_when_nothing_else_does():
    kept, dropped = settle(s2("a"), s2("b"))
    assert kept == ["b"]
    assert "nothing else" in dropped["a"]


def test_sensing_times_of_copies_may_differ_over_the_minute():
    # 02:27:41 + 18.9 s and + 19.1 s lie in different minutes.
    assert settle(s2("old", "02.14", seconds=18.9), s2("new", "05.00", seconds=19.1))[0] == ["new"]


def test_other_satellites_tiles_and_orbits_are_other_acquisitions():
    scenes = [
        s2("one"),
        s2("a", platform="sentinel-2a"),
        s2("t", tile="52TFP"),
        s2("later", seconds=6000),
        s2("earlier", seconds=-6000),
    ]
    assert settle(*scenes)[0] == ["earlier", "a", "one", "t", "later"]


def test_two_parts_of_a_split_tile_both_stay():
    # They overlap by 0.2 of 0.6: a third of each.
    north, south = s2("0", ground=(0, 0.4, 1, 1)), s2("1", seconds=9, sequence="1", ground=(0, 0, 1, 0.6))
    assert settle(north, south) == (["0", "1"], {})


def test_new_parts_replace_an_old_whole():
    old = s2("old", "02.14")
    parts = [s2("n", "05.00", ground=(0, 0.45, 1, 1)), s2("s", "05.00", seconds=9, ground=(0, 0, 1, 0.55))]
    assert settle(old, *parts)[0] == ["n", "s"]


def test_an_old_whole_stays_beside_a_new_half():
    # Without it half of the tile would be lost.
    assert settle(s2("old", "02.14"), s2("half", "05.00", ground=(0, 0.5, 1, 1)))[0] == ["half", "old"]


def test_copies_by_two_receiving_stations():
    assert settle(s2("a", created="2025-05-03T05:00:00Z"), s2("b", created="2025-05-03T06:00:00Z"))[0] == ["b"]


def test_landsat_final_before_real_time_then_later_processing():
    rt, t1 = landsat("rt", "RT", "20250601"), landsat("t1", "T1", "20250520")
    assert settle(rt, t1) == (["t1"], {"rt": "another copy of t1, which has category T1 before RT"})
    assert settle(landsat("rt", "RT"), landsat("t2", "T2", "20250301"))[0] == ["t2"]
    kept, dropped = settle(landsat("first", processed="20200825"), landsat("again", processed="20210313"))
    assert kept == ["again"]
    assert "processing date 20210313" in dropped["first"]


def test_landsat_rows_of_one_path_are_kept_apart():
    other = replace(landsat("row31"), tile="115031", datetime=WHEN + timedelta(seconds=24))
    assert settle(landsat("row30"), other)[0] == ["row30", "row31"]


def test_nothing_in_nothing_out():
    assert newest_only([]) == ([], [])


COPIES = [
    s2("old0", "02.14", sequence="0", created="2020-01-01"),
    s2("new1", "05.00", seconds=1, sequence="1", created="2023-01-01"),
    s2("new2", "05.00", seconds=2, sequence="1", created="2024-01-01"),
    s2("test", "99.05", seconds=3),
    s2("part", "05.11", seconds=4, ground=(0, 0, 1, 0.3)),
    s2("next", "05.11", seconds=6000),
]


def test_order_does_not_matter_by_trying_all():
    outcomes = {str(newest_only(order)) for order in permutations(COPIES)}
    assert len(outcomes) == 1


@st.composite
def some_scenes(draw):
    count = draw(st.integers(1, 8))
    return [
        s2(
            f"s{number}",
            draw(st.sampled_from([None, "02.14", "05.00", "05.11", "99.05"])),
            seconds=draw(st.sampled_from([0, 1, 70, 6000])),
            sequence=draw(st.sampled_from([None, "0", "1"])),
            collection=draw(st.sampled_from([C1, V1])),
            created=draw(st.sampled_from(["", "2023-01-01T00:00:00Z", "2024-01-01T00:00:00Z"])),
            ground=(0, draw(st.sampled_from([0, 0.4, 0.5])), 1, 1),
            tile=draw(st.sampled_from(["52TFN", "52TFP"])),
        )
        for number in range(count)
    ]


@settings(max_examples=60)
@given(some_scenes(), st.randoms())
def test_order_does_not_matter(scenes, random):
    shuffled = random.sample(scenes, len(scenes))
    first, second = newest_only(scenes, (C1, V1)), newest_only(shuffled, (C1, V1))
    assert first == second
    kept, dropped = first
    assert sorted([scene.id for scene in kept] + [name for name, _ in dropped]) == sorted(s.id for s in scenes)
    # Once settled, nothing more is dropped.
    assert newest_only(kept, (C1, V1)) == (kept, [])
    # No ground that any copy showed is lost but for the edges of near-copies.
    for scene in scenes:
        near = [
            k.footprint
            for k in kept
            if (k.platform, k.tile) == (scene.platform, scene.tile)
            and abs(k.datetime - scene.datetime) < timedelta(hours=1)
        ]
        seen = scene.footprint.intersection(box(0, 0, 1, 1))
        for outline in near:
            seen = seen.difference(outline)
        assert seen.area <= 0.15 * scene.footprint.area + 1e-9


@pytest.mark.parametrize("sequence", ["", "x", "²"])
def test_a_sequence_that_is_no_number_counts_as_none(sequence):
    assert settle(s2("odd", sequence=sequence), s2("plain", sequence="1"))[0] == ["plain"]
