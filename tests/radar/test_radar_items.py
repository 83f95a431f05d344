"""Radar items: orbits told apart, copies dropped, neighbouring slices kept, units never guessed."""

from __future__ import annotations

import copy
import json
from datetime import date
from functools import partial
from pathlib import Path

import made_radar as made
import numpy as np
import pytest

from habitat.contracts import Period
from habitat.contracts.errors import CatalogueError
from habitat.sources.areas.reading import read_area
from habitat.sources.catalogues.duplicates import newest_only
from habitat.sources.catalogues.items import scene_from_item, sensor_of
from habitat.sources.catalogues.providers import PROFILES, provider_for
from habitat.sources.catalogues.radar_items import orbit_words, relative_orbit
from habitat.sources.catalogues.searching import search

NAME = "S1A_IW_GRDH_1SDV_20250508T212225_20250508T212250_059108_07516A"


@pytest.fixture
def item(tmp_path):
    bands = {"vv": np.full((4, 4), 0.1, np.float32), "vh": np.full((4, 4), 0.02, np.float32)}
    return made.scene(tmp_path, "2025-05-08T21:22:25", bands, id=f"{NAME}_rtc", absolute=59108)


@pytest.fixture
def read(tmp_path, item):
    made.catalogue(tmp_path, [item])
    return partial(scene_from_item, provider=provider_for(tmp_path), base_href=tmp_path / "catalog.json")


def without(item, *keys, **properties):
    changed = copy.deepcopy(item)
    for key in keys:
        changed["properties"].pop(key, None)
    changed["properties"] |= properties
    return changed


def test_an_item_of_planetary_computer_is_power(item, read):
    scene = read(item)
    assert (scene.sensor, scene.platform, scene.tile) == ("sentinel1", "sentinel-1a", "061D")
    assert {name: asset.unit for name, asset in scene.bands.items()} == {"vv": "power", "vh": "power"}
    assert scene.bands["vv"].nodata == -32768
    assert scene.mask is None
    assert scene.extras["absolute_orbit"] == "59108"
    assert "documented as gamma0 in linear power" in scene.offset_rule
    # 21:22 UTC at 130 degrees east is the next morning.
    assert scene.solar_day == date(2025, 5, 9)


def test_the_orbit_is_found_in_the_name_of_the_product(item, read):
    bare = without(item, "sat:relative_orbit", "sat:absolute_orbit", "start_datetime", "end_datetime")
    scene = read(bare)
    assert scene.tile == "061D"
    assert scene.extras == {
        "absolute_orbit": "59108",
        "starts": "2025-05-08T21:22:25+00:00",
        "ends": "2025-05-08T21:22:50+00:00",
    }


@pytest.mark.parametrize(
    ("absolute", "platform", "day", "relative"),
    [
        (59108, "sentinel-1a", "2025-05-08", 61),
        (53498, "sentinel-1a", "2024-04-19", 51),
        (25000, "sentinel-1b", "2021-01-10", 124),
        (1000, "sentinel-1c", "2025-02-11", 129),
        # The satellite has moved along its track since: its numbers tell nothing any more.
        (9000, "sentinel-1c", "2026-08-01", None),
        (3000, "sentinel-1d", "2026-06-01", None),
    ],
)
def test_relative_orbit_of_an_absolute_one(absolute, platform, day, relative):
    assert relative_orbit(absolute, platform, date.fromisoformat(day)) == relative


@pytest.mark.parametrize(
    ("gone", "changes", "words"),
    [
        (("sat:relative_orbit", "sat:absolute_orbit"), {"platform": "sentinel-1d"}, "relative orbit is None"),
        ((), {"sat:relative_orbit": 176}, "relative orbit is 176"),
        (("sat:orbit_state",), {}, "wants ascending or descending"),
        ((), {"sat:orbit_state": "geostationary"}, "wants ascending or descending"),
        ((), {"start_datetime": "yesterday"}, "not ISO 8601"),
    ],
)
def test_items_without_a_known_orbit_are_refused(item, read, gone, changes, words):
    with pytest.raises(CatalogueError, match=words):
        read(without(item, *gone, **changes))


def test_units_that_differ_within_an_item_are_refused(item, read):
    item["assets"]["vh"]["raster:bands"][0] |= {"unit": "dB"}
    with pytest.raises(CatalogueError, match="different scales or offsets or units"):
        read(item)


def test_an_item_that_says_no_unit_is_refused_with_the_reason(item, tmp_path):
    made.catalogue(tmp_path, [item | {"collection": "sentinel-1-grd"}])
    found = search("sentinel1", made.area(), Period("2025-05"), catalogue=tmp_path)
    assert len(found) == 0
    assert "nothing says whether its numbers are decibels or power" in dict(found.dropped)[item["id"]]


def test_radar_is_not_asked_for_by_default(item, tmp_path):
    made.catalogue(tmp_path, [item])
    found = search(["sentinel2", "landsat"], made.area(), Period("2025-05"), catalogue=tmp_path)
    assert dict(found.dropped) == {item["id"]: "collection 'sentinel-1-rtc' is not asked for"}


def test_sensor_of_radar_of_any_catalogue(item, tmp_path):
    made.catalogue(tmp_path, [item])
    folder = provider_for(tmp_path)
    assert sensor_of(item | {"collection": "mine"}, folder) == "sentinel1"
    assert sensor_of(item, PROFILES["planetary-computer"]) == "sentinel1"
    assert sensor_of(item, PROFILES["earth-search"]) is None


def slices(item, read, *times, **changes):
    """Scenes of one pass that begin and end at seconds of a minute."""
    scenes = []
    for number, (begins, ends) in enumerate(times):
        told = {
            "start_datetime": f"2025-05-08T21:22:{begins:02d}Z",
            "end_datetime": f"2025-05-08T21:22:{ends:02d}Z",
            "datetime": f"2025-05-08T21:22:{begins:02d}Z",
        }
        scenes.append(read(without(item, **(told | changes)) | {"id": f"{NAME}_{number}"}))
    return scenes


def test_neighbouring_slices_of_one_outline_both_stay(item, read):
    scenes = slices(item, read, (0, 25), (25, 50))
    assert scenes[0].footprint.equals(scenes[1].footprint)
    kept, dropped = newest_only(scenes)
    assert [scene.id for scene in kept] == [f"{NAME}_0", f"{NAME}_1"]
    assert dropped == []


def test_reprocessed_slices_are_copies_whatever_their_order(item, read):
    scenes = slices(item, read, (0, 25), (1, 26), (25, 50))
    for order in (scenes, scenes[::-1]):
        kept, dropped = newest_only(order)
        assert [scene.id for scene in kept] == [f"{NAME}_1", f"{NAME}_2"]
        why = "taken in the same seconds, which has the later id; nothing else tells them apart"
        assert dropped == [(f"{NAME}_0", f"another copy of {NAME}_1, {why}")]


def test_of_two_copies_the_later_made_stays(item, read):
    (old,) = slices(item, read, (25, 50), created="2025-05-09T00:00:00Z")
    (new,) = slices(item, read, (25, 50), created="2025-06-09T00:00:00Z")
    kept, dropped = newest_only([read(item), new])
    assert "was made 2025-06-09" in newest_only([old, new])[1][0][1]
    assert [scene.created for scene in kept] == ["2025-06-09T00:00:00Z"]
    assert dropped[0][0] == item["id"]


def test_of_two_collections_the_preferred_stays(item, read):
    item["assets"]["vv"]["raster:bands"][0]["unit"] = item["assets"]["vh"]["raster:bands"][0]["unit"] = "power"
    other = read(item | {"collection": "sentinel-1-grd", "id": f"{NAME}_zzz"})
    kept, dropped = newest_only([other, read(item)], ("sentinel-1-rtc", "sentinel-1-grd"))
    assert [scene.collection for scene in kept] == ["sentinel-1-rtc"]
    assert "is of collection sentinel-1-rtc before sentinel-1-grd" in dropped[0][1]


def test_passes_without_seconds_are_copies_only_at_the_same_instant(item, read):
    gone = {"start_datetime": None, "end_datetime": None}
    bare = [
        read(without(item, datetime=f"2025-05-08T21:22:{second:02d}Z", **gone) | {"id": name})
        for second, name in ((25, "one"), (26, "two"), (50, "three"))
    ]
    assert [scene.id for scene in newest_only(bare)[0]] == ["two", "three"]


def test_orbits_in_words():
    assert orbit_words("083A") == "relative orbit 83 ascending"


def test_real_items_of_planetary_computer(shared):
    answer = json.loads((shared / "imagery/stac-api/planetary-computer/sentinel-1-rtc-pc.json").read_text())
    scenes = [scene_from_item(item, PROFILES["planetary-computer"]) for item in answer["features"]]
    assert len(scenes) > 2
    for scene, item in zip(scenes, answer["features"], strict=True):
        told = item["properties"]
        assert int(scene.tile[:3]) == told["sat:relative_orbit"]
        assert scene.bands["vv"].unit == "power"
        assert (
            relative_orbit(told["sat:absolute_orbit"], "sentinel-1a", date(2024, 4, 19)) == told["sat:relative_orbit"]
        )
    # Consecutive slices of a long pass: all of them stay.
    assert newest_only(scenes)[1] == []


def test_real_slices_and_a_real_copy_in_myanmar(shared):
    area = read_area(Path(__file__).parent / "myanmar.yaml")
    scenes, dropped = [], []
    for year in range(2014, 2019):
        found = search("sentinel1", area, Period(str(year)), catalogue=shared / "imagery/s1-stack-myanmar")
        scenes += found.scenes
        dropped += [entry for entry in found.dropped if entry[1] != "outside the period"]
    assert len(scenes) == 97
    assert [entry[0][-4:] for entry in dropped] == ["1E3D"]
    assert {scene.tile for scene in scenes} == {"106D"}
    assert {asset.unit for scene in scenes for asset in scene.bands.values()} == {"dB"}
    # Whatever the items say, the names of the products tell the same orbit.
    for scene in scenes:
        assert relative_orbit(int(scene.extras["absolute_orbit"]), scene.platform, scene.solar_day) == 106
