"""Searching an API: paging, patience, and what is done about answers that are wrong."""

from __future__ import annotations

import copy
import json
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_stac import FakeStac
from shapely.geometry import box

from habitat.contracts import Area, Grid, Period
from habitat.contracts.errors import CatalogueError, ConfigError, NoScenes, UnsafeReference
from habitat.sources.catalogues.api import GuardedIO, Limits, PatientRetry
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.catalogues.searching import search

ITEMS = Path(__file__).parent.parent / "stac_items"
COGS = "https://sentinel-cogs.s3.us-west-2.amazonaws.com/"
GRID = Grid.around((630_000, 4_730_000, 640_000, 4_740_000), "EPSG:32652", 20)
AREA = Area("hunchun", box(130.60, 42.72, 130.70, 42.80), GRID)
ELSEWHERE = Area("elsewhere", box(127.0, 42.72, 127.1, 42.80), GRID)
MAY = Period("2025-05")
# No waiting in tests.
QUICK = Limits(page_size=3, retries=2, backoff_s=0.0, connect_s=5, read_s=5)


def copies(base, count, **properties):
    """Items of different days, a few of May 2025 and none twice."""
    items = []
    for number in range(count):
        item = copy.deepcopy(base)
        item["id"] = f"S2B_52TFN_202505{number + 1:02d}_0_L2A"
        item["properties"] |= {"datetime": f"2025-05-{number + 1:02d}T02:27:41Z"} | properties
        items.append(item)
    return items


@pytest.fixture
def base():
    return json.loads((ITEMS / "earth_search_v1.json").read_text())


@pytest.fixture
def api(base):
    with FakeStac(copies(base, 8)) as server:
        yield server


def look(api, area=AREA, period=MAY, **options):
    provider = provider_for(api.url, hosts=[("https", "sentinel-cogs.s3.us-west-2.amazonaws.com")])
    return search("sentinel2", area, period, catalogue=provider, limits=options.pop("limits", QUICK), **options)


def funnel(found):
    return [(step.name, step.removed, step.left) for step in found.funnel]


def test_pages_are_followed_to_the_end(api):
    found = look(api)
    assert [scene.id[10:18] for scene in found] == [f"2025050{day}" for day in range(1, 9)]
    assert len(found) == 8
    assert found.dropped == ()
    # 8 items in pages of 3.
    assert len(api.searches) == 3
    assert found.require() is found


def test_what_is_asked(api):
    look(api)
    asked = api.searches[0]["asked"]
    assert asked["collections"] == [
        "sentinel-2-c1-l2a",
        "sentinel-2-l2a",
        "sentinel-2-pre-c1-l2a",
        "sentinel-s2-l2a-cogs",
        "sentinel-s2-l2a",
    ]
    assert asked["datetime"] == "2025-05-01T00:00:00Z/2025-06-01T00:00:00Z"
    assert asked["bbox"] == [130.6, 42.72, 130.7, 42.8]
    assert asked["limit"] == 3


def test_an_area_across_the_antimeridian_is_asked_for_as_a_shape_cut_there(api):
    across = Area("chukotka", box(179.5, 67.6, 180.5, 68.0), Grid.around((3e5, 7.5e6, 4e5, 7.6e6), "EPSG:32601", 20))
    assert len(look(api, area=across)) == 0
    shape = api.searches[0]["asked"]["intersects"]
    assert shape["type"] == "MultiPolygon"
    longitudes = sorted({lon for polygon in shape["coordinates"] for lon, _ in polygon[0]})
    assert longitudes == [-180.0, -179.5, 179.5, 180.0]


def test_filters_that_the_api_ignores_are_applied_all_the_same(base, api):
    far = copy.deepcopy(base) | {"id": "S2B_52TEN_20250520_0_L2A"}
    far["geometry"] = {"type": "Polygon", "coordinates": [[[127, 42], [128, 42], [128, 43], [127, 43], [127, 42]]]}
    april, june = copy.deepcopy(base), copy.deepcopy(base)
    april["id"], april["properties"]["datetime"] = "S2B_52TFN_20250430_0_L2A", "2025-04-30T23:59:59.999Z"
    june["id"], june["properties"]["datetime"] = "S2B_52TFN_20250601_0_L2A", "2025-06-01T00:00:00Z"
    radar = {
        "id": "S1A_x",
        "collection": "sentinel-1-grd",
        "properties": {"platform": "sentinel-1a"},
        "type": "Feature",
    }
    broken = copy.deepcopy(base) | {"id": "broken", "geometry": None, "bbox": None}
    newer = copy.deepcopy(api.items[0])
    newer["id"] = "S2B_52TFN_20250501_1_L2A"
    newer["properties"] |= {"s2:processing_baseline": "05.12", "s2:sequence": "1", "eo:cloud_cover": 95}
    api.items += [far, april, june, radar, broken, newer]
    found = look(api, max_cloud_cover=80)
    assert funnel(found) == [
        ("items answered", 0, 14),
        ("collection", 1, 13),
        ("unreadable items", 1, 12),
        ("period", 2, 10),
        ("footprint", 1, 9),
        ("duplicates", 1, 8),
        ("cloud cover", 1, 7),
    ]
    reasons = dict(found.dropped)
    assert reasons["S2B_52TFN_20250430_0_L2A"] == reasons["S2B_52TFN_20250601_0_L2A"] == "outside the period"
    assert reasons["S2B_52TEN_20250520_0_L2A"] == "does not touch the area"
    assert "not asked for" in reasons["S1A_x"]
    assert "outline" in reasons["broken"]
    assert "baseline 05.12 before 05.11" in reasons["S2B_52TFN_20250501_0_L2A"]
    # The newest copy is the cloudy one, so that day is lost: the stale copy does not come back for it.
    assert reasons["S2B_52TFN_20250501_1_L2A"] == "cloud cover above 80 %"
    assert len(found) + len(found.dropped) == 14


def test_scenes_that_say_nothing_of_clouds_stay(base, api):
    del api.items[0]["properties"]["eo:cloud_cover"]
    assert [scene.id[10:18] for scene in look(api, max_cloud_cover=0)] == ["20250501"]


def test_ids_that_come_on_two_pages_count_once(base, api):
    api.items.insert(3, copy.deepcopy(api.items[0]))
    assert funnel(look(api))[0] == ("items answered", 0, 8)


def test_an_empty_page_in_the_middle_is_not_the_end(api):
    def page(fake, asked):
        token = asked.get("token", 0)
        if token == "pause":
            return {"type": "FeatureCollection", "features": [], "links": [fake.next_link(asked, 3)]}
        answer = fake.honest_page(asked)
        if token == 0:
            answer["links"] = [fake.next_link(asked, "pause")]
        return answer

    api.page = page
    assert len(look(api)) == 8


def test_next_links_by_get_and_by_merging(api):
    def page(fake, asked):
        start = int(asked.get("token", 0))
        answer = fake.honest_page({"token": start})
        if start == 0:
            answer["links"] = [
                {"rel": "next", "method": "POST", "href": "/search", "merge": True, "body": {"token": 3}}
            ]
        elif start == 3:
            answer["links"] = [{"rel": "next", "href": f"{fake.url}/search?token=6"}]
        return answer

    api.page = page
    assert len(look(api)) == 8
    assert [request["method"] for request in api.searches] == ["POST", "POST", "GET"]
    assert "collections" in api.searches[1]["asked"]


def test_an_api_without_post_is_asked_by_get(api):
    api.post_allowed = False

    def page(fake, asked):
        answer = fake.honest_page(asked)
        for link in answer["links"]:
            token = link.pop("body")["token"]
            link |= {"method": "GET", "href": f"{fake.url}/search?token={token}"}
        return answer

    api.page = page
    assert len(look(api)) == 8
    assert [request["method"] for request in api.searches] == ["POST", "GET", "GET", "GET"]


def test_a_next_link_to_the_same_page_is_noticed(api):
    api.page = lambda fake, asked: fake.honest_page({}) | {"links": [fake.next_link(asked, 0)]}
    with pytest.raises(CatalogueError, match="circles"):
        look(api)
    assert len(api.searches) == 2


def test_ever_new_tokens_for_the_same_items_are_noticed(api):
    def page(fake, asked):
        return fake.honest_page({}) | {"links": [fake.next_link(asked, int(asked.get("token", 0)) + 1)]}

    api.page = page
    with pytest.raises(CatalogueError, match="same items again"):
        look(api)


def test_pages_without_end_are_given_up(api):
    def page(fake, asked):
        token = int(asked.get("token", 0))
        return {"type": "FeatureCollection", "features": [], "links": [fake.next_link(asked, token + 1)]}

    api.page = page
    with pytest.raises(CatalogueError, match="more than 7 pages"):
        look(api, limits=Limits(max_pages=7, retries=0))


def test_too_many_items_are_not_cut_off_silently(api):
    with pytest.raises(CatalogueError, match="more than 5 items"):
        look(api, limits=Limits(page_size=3, max_items=5, retries=0))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(api, status):
    api.faults = [(status, {"Retry-After": "0"}, "busy"), (status, {}, "busy")]
    assert len(look(api)) == 8
    assert len(api.searches) == 5


def test_a_server_that_stays_busy_is_given_up(api):
    api.faults = [(503, {}, "maintenance until Monday")] * 9
    with pytest.raises(CatalogueError, match="HTTP 503: maintenance until Monday"):
        look(api)
    # The first attempt and two more.
    assert len(api.searches) == 3


@pytest.mark.parametrize(("asked", "waited"), [("2", 2), ("100000", 60), ("garbage", None)])
def test_retry_after_is_obeyed_within_bounds(asked, waited):
    answer = SimpleNamespace(headers={"Retry-After": asked})
    retry = PatientRetry(total=3).new()
    assert retry.get_retry_after(answer) == waited
    retry.longest_wait_s = 1.5
    assert retry.new().longest_wait_s == 1.5


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_final_and_quotes_the_server(api, status):
    api.faults = [(status, {}, "no such\n collection")] * 2
    with pytest.raises(CatalogueError, match=f"HTTP {status}: no such collection"):
        look(api)
    assert len(api.searches) == 1


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("<html><body>Please log in</body></html>", "web page"),
        ("", "did not give JSON"),
        ('{"type": "FeatureCollection", "features": [', "did not give JSON"),
        ('{"type": "FeatureCollection", "features": [NaN]}', "did not give JSON"),
        ("[" * 100_000, "did not give JSON"),
        ("[1, 2]", "no object"),
        ('{"detail": "hello"}', "no item collection"),
        ('{"features": {"a": 1}}', "no item collection"),
        ('{"features": [1, 2]}', "no object"),
        (b"\xff\xfe\x00", "did not give JSON"),
    ],
)
def test_answers_that_are_not_stac(api, body, word):
    api.faults = [(200, {"Content-Type": "text/html"}, body)]
    with pytest.raises(CatalogueError, match=word):
        look(api)


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("<html>hello</html>", "web page"),
        ('{"hello": 1}', "no STAC"),
        ('{"type": "Collection"}', "no STAC"),
    ],
)
def test_landing_pages_that_are_not_stac(api, body, word):
    api.landing_faults = [(200, {}, body)]
    with pytest.raises(CatalogueError, match=word):
        look(api)


def test_a_static_catalogue_behind_an_address_has_no_search(api):
    api.landing_changes = {"links": [{"rel": "self", "href": api.url}], "conformsTo": []}
    with pytest.raises(CatalogueError, match="without search"):
        look(api)


def test_an_answer_that_is_too_large_is_not_swallowed(api):
    with pytest.raises(CatalogueError, match="more than 3000 bytes"):
        look(api, limits=Limits(page_size=3, max_bytes=3000, retries=0))


def test_a_line_that_breaks_off(api):
    api.faults = [(200, {"Content-Length": "100000"}, '{"features": [')] * 3
    with pytest.raises(CatalogueError):
        look(api, limits=Limits(page_size=3, retries=0, read_s=0.3))


def test_nobody_listens(api):
    url = api.url
    api.__exit__()
    with pytest.raises(CatalogueError, match="cannot be reached after 1 attempts"):
        search("sentinel2", AREA, MAY, catalogue=url, limits=Limits(retries=0, connect_s=1))


@pytest.mark.parametrize("href", ["https://evil.example.org/search", "http://127.0.0.1:1/search", "file:///etc/passwd"])
def test_a_next_link_to_another_place_is_not_followed(api, href):
    api.page = lambda fake, asked: fake.honest_page({}) | {"links": [fake.next_link(asked, 3, href=href)]}
    with pytest.raises(UnsafeReference, match="another place"):
        look(api)
    assert len(api.searches) == 1


def test_a_search_link_to_another_place_is_not_followed(api):
    elsewhere = {"rel": "search", "href": "http://169.254.169.254/latest", "type": "application/geo+json"}
    api.landing_changes = {"links": [elsewhere]}
    with pytest.raises(UnsafeReference, match="another place"):
        look(api)


@pytest.mark.parametrize("place", ["http://169.254.169.254/latest", "//evil.example.org/", "http://127.0.0.1:1/"])
def test_a_redirect_to_another_place_is_not_followed(api, place):
    api.faults = [(302, {"Location": place}, "")]
    with pytest.raises(UnsafeReference, match="another place"):
        look(api)


def test_a_redirect_at_home_is_followed_and_not_for_ever(api):
    api.faults = [(307, {"Location": "/search"}, "")]
    assert len(look(api)) == 8
    api.faults = [(307, {"Location": "/search"}, "")] * 9
    with pytest.raises(CatalogueError, match="redirects more than"):
        look(api)


def test_links_without_the_s_behind_a_proxy_are_mended_not_followed():
    io = GuardedIO("https://stac.example.org/v1", Limits())
    assert io.at_home("http://stac.example.org/v1/search?a=1") == "https://stac.example.org/v1/search?a=1"
    with pytest.raises(UnsafeReference):
        GuardedIO("http://stac.example.org/v1", Limits()).at_home("https://stac.example.org/v1")


def test_an_unsafe_asset_condemns_the_catalogue(api):
    api.items[4]["assets"]["red"]["href"] = "http://169.254.169.254/latest/B04.tif"
    with pytest.raises(UnsafeReference, match=r"169\.254"):
        look(api)


def test_strange_ids_do_not_reach_a_log(api):
    api.items.append({"id": "a\n\x1b[31mb", "collection": "x", "properties": {}, "type": "Feature"})
    dropped = look(api).dropped
    assert [name for name, _ in dropped] == ["'a\\n\\x1b[31mb'"]


def test_nothing_answered_is_told_from_everything_filtered(api):
    api.items.clear()
    with pytest.raises(NoScenes, match="answered no items at all"):
        look(api).require()


def test_everything_filtered_is_told_filter_by_filter(api):
    found = look(api, period=Period("2024-05"))
    assert len(found) == 0
    with pytest.raises(NoScenes) as caught:
        found.require()
    text = str(caught.value)
    assert "answered 8 items, of which period removed 8" in text
    assert "area hunchun, 2024-05 (2024-05-01 to 2024-05-31 UTC)" in text
    assert api.url in text
    with pytest.raises(NoScenes, match="footprint removed 8"):
        look(api, area=ELSEWHERE).require()


def test_pystac_clients_warnings_about_conformance_stay_inside(api):
    api.landing_changes = {"conformsTo": []}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(look(api)) == 8


def test_wrong_questions_are_refused_before_anything_is_asked(api):
    for sensors, word in ((("modis",), "modis"), ((), "no sensor")):
        with pytest.raises(ConfigError, match=word):
            search(sensors, AREA, MAY, catalogue=api.url)
    with pytest.raises(ConfigError, match="holds no landsat"):
        search(("landsat",), AREA, MAY, catalogue="cdse")
    with pytest.raises(ConfigError, match="percent"):
        look(api, max_cloud_cover=101)
    assert api.requests == []


def test_transfers_that_cost_money_are_agreed_to_first(base):
    landsat = json.loads((ITEMS / "earth_search_landsat.json").read_text())
    with FakeStac([landsat]) as api:
        provider = provider_for("earth-search")
        fake = type(provider)(
            **{name: getattr(provider, name) for name in ("name", "title", "collections", "hosts", "paid", "gdal")},
            api=api.url,
        )
        with pytest.raises(ConfigError, match="pays for the transfer"):
            search("landsat", AREA, MAY, catalogue=fake, limits=QUICK)
        found = search("landsat", AREA, MAY, catalogue=provider_for(fake, requester_pays=True), limits=QUICK)
    assert found.scenes[0].bands["red"].href.startswith("/vsis3/usgs-landsat/")


def test_two_sensors_at_once(base):
    landsat = json.loads((ITEMS / "planetary_computer_landsat.json").read_text())
    with FakeStac([base, landsat]) as api:
        hosts = [
            ("https", "sentinel-cogs.s3.us-west-2.amazonaws.com"),
            ("https", "landsateuwest.blob.core.windows.net"),
        ]
        provider = provider_for(api.url, hosts=hosts)
        both = search(["sentinel2", "landsat"], AREA, MAY, catalogue=provider, limits=QUICK)
        one = search(["landsat"], AREA, MAY, catalogue=provider, limits=QUICK)
    assert [scene.sensor for scene in both] == ["sentinel2", "landsat"]
    assert [scene.sensor for scene in one] == ["landsat"]
