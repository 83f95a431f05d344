"""Static catalogues: walked in order and within bounds, and searched like any other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shapely.geometry import box

from habitat.contracts import Area, Grid, Period
from habitat.contracts.errors import CatalogueError, NoScenes, UnsafeReference
from habitat.sources.catalogues import static_catalogue
from habitat.sources.catalogues.providers import PROFILES, provider_for
from habitat.sources.catalogues.searching import search
from habitat.sources.catalogues.static_catalogue import items_in, parsed_json, read_json

ITEMS = Path(__file__).parent.parent / "stac_items"
AREA = Area("hunchun", box(130.6, 42.72, 130.7, 42.8), Grid.around((63e4, 473e4, 64e4, 474e4), "EPSG:32652", 20))


def write(path, document):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def catalog(*links, kind="Catalog"):
    return {
        "type": kind,
        "stac_version": "1.0.0",
        "id": "c",
        "links": [{"rel": rel, "href": href} for rel, href in links],
    }


def feature(name):
    return {"type": "Feature", "id": name, "properties": {}, "links": [{"rel": "root", "href": "../catalog.json"}]}


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "cat"
    write(
        root / "catalog.json",
        catalog(("self", "/elsewhere.json"), ("child", "./s2/collection.json"), ("child", "l8/collection.json")),
    )
    write(
        root / "s2" / "collection.json",
        catalog(("parent", "../catalog.json"), ("item", "a/a.json"), ("item", "b/b.json"), kind="Collection"),
    )
    write(root / "l8" / "collection.json", catalog(("item", "../l8/c.json"), kind="Collection"))
    for path in ("s2/a/a.json", "s2/b/b.json", "l8/c.json"):
        write(root / path, feature(Path(path).stem))
    return root


def ids(path):
    return [item["id"] for item, _ in items_in(provider_for(path))]


def test_items_come_in_the_order_of_the_links(root):
    assert ids(root) == ["a", "b", "c"]
    assert ids(root / "s2") == ["a", "b"]
    assert next(path for _, path in items_in(provider_for(root))) == root / "s2" / "a" / "a.json"


def test_a_single_item_and_an_item_collection(root):
    assert ids(root / "l8" / "c.json") == ["c"]
    write(root / "found.json", {"type": "FeatureCollection", "features": [feature("x"), feature("y")]})
    assert ids(root / "found.json") == ["x", "y"]


def test_circles_and_repeated_links_are_walked_once(root):
    write(
        root / "l8" / "collection.json", catalog(("child", "../catalog.json"), ("item", "c.json"), ("item", "./c.json"))
    )
    assert ids(root) == ["a", "b", "c"]


def test_stac_0_7_collections_have_no_type(root):
    old = catalog(("item", "c.json"))
    del old["type"]
    write(root / "l8" / "collection.json", old)
    assert ids(root) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "href",
    ["../../secret.json", "/etc/passwd", "https://evil.example.org/c.json", "http://127.0.0.1/c.json", "file:c.json"],
)
def test_links_that_lead_out_are_refused(root, href):
    write(root.parent / "secret.json", feature("secret"))
    write(root / "l8" / "collection.json", catalog(("item", href)))
    with pytest.raises(UnsafeReference):
        ids(root)


def test_symbolic_links_that_lead_out_are_refused(root):
    write(root.parent / "secret.json", feature("secret"))
    (root / "l8" / "c.json").unlink()
    (root / "l8" / "c.json").symlink_to(root.parent / "secret.json")
    with pytest.raises(UnsafeReference, match="leads out"):
        ids(root)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{", "did not give JSON"),
        ("<html>", "web page"),
        ("[1]", "no object"),
        ('{"type": "Feature", "bbox": [Infinity]}', "did not give JSON"),
        ('{"a":' * 50_000, "did not give JSON"),
        ('{"type": "Table"}', "type 'Table'"),
        ('{"type": "FeatureCollection"}', "no list of features"),
        ('{"type": "FeatureCollection", "features": [5]}', "no list of features"),
        ('{"type": "Catalog", "links": {"rel": "child"}}', "no list"),
        ('{"type": "Catalog", "links": [{"rel": "item"}]}', "without an address"),
        ('{"type": "Catalog", "links": [{"rel": "item", "href": "gone.json"}]}', "no such file"),
    ],
)
def test_broken_catalogues_are_refused_by_name(root, text, word):
    (root / "l8" / "collection.json").write_text(text)
    with pytest.raises(CatalogueError, match=word) as caught:
        ids(root)
    assert "l8" in str(caught.value)


def test_catalogues_too_deep_or_too_large_are_given_up(root, monkeypatch):
    for depth in range(20):
        write(root / f"{depth}.json", catalog(("child", f"{depth + 1}.json")))
    write(root / "20.json", catalog())
    with pytest.raises(CatalogueError, match="16 links deep"):
        ids(root / "0.json")
    monkeypatch.setattr(static_catalogue, "_MOST_FILES", 4)
    with pytest.raises(CatalogueError, match="more than 4 files"):
        ids(root)
    monkeypatch.setattr(static_catalogue, "_LARGEST_FILE", 10)
    with pytest.raises(CatalogueError, match="wants at most 10"):
        ids(root / "s2")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(CatalogueError, match="cannot be read"):
        read_json(tmp_path)


def test_json_is_an_object():
    assert parsed_json(b'{"a": 1}', "x") == {"a": 1}


def test_an_api_is_no_catalogue_on_disk():
    with pytest.raises(CatalogueError, match="is an API"):
        next(items_in(PROFILES["cdse"]))


@pytest.fixture
def local(tmp_path):
    item = json.loads((ITEMS / "earth_search_c1.json").read_text())
    for name, asset in item["assets"].items():
        asset["href"] = f"./{name}.tif"
    write(tmp_path / "catalog.json", catalog(("item", "a/item.json")))
    write(tmp_path / "a" / "item.json", item)
    return tmp_path


def test_search_in_a_folder(local):
    found = search("sentinel2", AREA, Period("2025-05"), catalogue=local).require()
    scene = found.scenes[0]
    assert (scene.provider, scene.bands["red"].href) == ("folder", str(local / "a" / "red.tif"))
    assert scene.source == str(local / "a" / "item.json")
    assert found.where.startswith(f"sentinel2 in {local.name} ({local}/catalog.json), area hunchun")
    with pytest.raises(NoScenes, match="period removed 1"):
        search("sentinel2", AREA, Period("2025-06"), catalogue=str(local)).require()


def test_search_in_a_folder_whose_item_leads_out(local):
    item = json.loads((local / "a" / "item.json").read_text())
    item["assets"]["red"]["href"] = "../../red.tif"
    write(local / "a" / "item.json", item)
    with pytest.raises(UnsafeReference, match="leads out"):
        search("sentinel2", AREA, Period("2025-05"), catalogue=local)


def test_search_in_a_saved_search(tmp_path):
    items = [json.loads((ITEMS / f"{name}.json").read_text()) for name in ("earth_search_v1", "earth_search_c1")]
    write(tmp_path / "found.json", {"type": "FeatureCollection", "features": [*items, items[0]]})
    found = search(["sentinel2"], AREA, Period("2025"), catalogue=tmp_path / "found.json")
    assert found.funnel[0].left == 2
    # One acquisition in both collections: the one that says its own offset stays.
    assert [scene.collection for scene in found] == ["sentinel-2-c1-l2a"]
    assert [name for name, _ in found.dropped] == ["S2B_52TFN_20250503_0_L2A"]
