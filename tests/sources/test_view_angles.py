"""Angles of sun and satellite, from items of every provider as they are, and from what items may leave out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from habitat.sources.catalogues.items import scene_from_item
from habitat.sources.catalogues.providers import PROFILES
from habitat.sources.catalogues.view_angles import view_angles

ITEMS = Path(__file__).parents[1] / "stac_items"


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("earth_search_v1", "earth-search"),
        ("earth_search_c1", "earth-search"),
        ("earth_search_landsat", "earth-search"),
        ("planetary_computer_s2", "planetary-computer"),
        ("planetary_computer_landsat", "planetary-computer"),
        ("cdse", "cdse"),
        ("usgs_0_7", "usgs"),
    ],
)
def test_a_scene_has_the_angles_of_its_item(name, profile):
    item = json.loads((ITEMS / f"{name}.json").read_text())
    scene = scene_from_item(item, PROFILES[profile], base_href="https://example.org/item.json")
    assert 0 < scene.sun_elevation < 90
    said = view_angles(item["properties"])
    assert (scene.sun_elevation, scene.sun_azimuth) == (said["sun_elevation"], said["sun_azimuth"])
    assert (scene.view_zenith, scene.view_azimuth) == (said["view_zenith"], said["view_azimuth"])


def features(value):
    """Items anywhere in an answer."""
    if isinstance(value, dict):
        if value.get("type") == "Feature" and "properties" in value:
            yield value
        else:
            for part in value.values():
                yield from features(part)
    elif isinstance(value, list):
        for part in value:
            yield from features(part)


def test_real_items_of_both_sensors_say_where_the_sun_stood(shared):
    seen = {"sentinel-2": [], "landsat": []}
    for path in sorted((shared / "imagery" / "stac-api").rglob("*.json")):
        for item in features(json.loads(path.read_text(encoding="utf-8"))):
            name = next((name for name in seen if str(item.get("collection")).startswith(name)), None)
            if name and "-l1c" not in item["collection"]:
                seen[name].append(view_angles(item["properties"]))
    assert all(len(every) > 10 for every in seen.values())
    for every in seen.values():
        # Some searches asked for a few fields only; whole items have both angles of the sun.
        whole = [said for said in every if said["sun_elevation"] is not None]
        assert len(whole) > 10
        assert all(0 <= said["sun_azimuth"] <= 360 and -90 <= said["sun_elevation"] <= 90 for said in whole)
    assert {said["view_zenith"] for said in seen["landsat"]} <= {0.0, None}
    tilted = [said for said in seen["sentinel-2"] if said["view_zenith"] is not None]
    assert len(tilted) > 5
    assert all(0 < said["view_zenith"] < 13 and said["view_azimuth"] is not None for said in tilted)


def test_names_of_any_age_are_read_and_zero_is_a_number():
    assert view_angles({"eo:sun_azimuth": 164.9, "eo:sun_elevation": 18.8, "eo:off_nadir": 0}) == {
        "sun_elevation": 18.8,
        "sun_azimuth": 164.9,
        "view_zenith": 0.0,
        "view_azimuth": None,
    }
    said = view_angles({"view:incidence_angle": 8.4, "view:off_nadir": 7.4, "view:azimuth": 105.4})
    assert (said["view_zenith"], said["view_azimuth"], said["sun_elevation"]) == (8.4, 105.4, None)
    assert view_angles({"s2:mean_solar_zenith": 81.3, "s2:mean_solar_azimuth": 174.2})["sun_elevation"] == (
        pytest.approx(8.7)
    )
    assert set(view_angles({"view:off_nadir": None}).values()) == {None}
