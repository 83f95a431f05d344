"""Static catalogues of a twin: what habitat, pystac, pystac-client, stackstac, odc-stac and GDAL make of them."""

from __future__ import annotations

import json
import warnings
from datetime import datetime
from pathlib import Path

import numpy as np
import pystac
import pytest
import rasterio
from delivered_scenes import delivered, landsat, radar, sentinel2, write_files
from shapely.geometry import shape

from habitat.contracts.errors import ConfigError
from habitat.sources.catalogues.items import scene_from_item
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.catalogues.static_catalogue import items_in
from habitat.twin.documents import earth_search, planetary_computer, usgs
from habitat.twin.documents.static import CATALOGUE_FILES, href_from_item, write_catalogue
from habitat.twin.serving import serve


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A little twin: two dates of Sentinel-2, one of Landsat and one of radar, three catalogues of them."""
    folder = tmp_path_factory.mktemp("twin")
    bands = ("red", "nir", "swir16", "scl")
    mine = [delivered(sentinel2(day), bands) for day in ("2024-05-08", "2025-05-28")]
    raw = delivered(sentinel2(provider="planetary-computer"), bands)
    one, echo = delivered(landsat(), ("red", "nir08", "qa_pixel", "qa_radsat")), delivered(radar())
    for each in (*mine, raw, one, echo):
        write_files(folder, each)
    write_catalogue(folder, "earth-search", "Twin", {
        "sentinel-2-l2a": [earth_search.sentinel2_item(each, href_from_item) for each in mine],
        "landsat-c2-l2": [earth_search.landsat_item(one, href_from_item)],
    })  # fmt: skip
    write_catalogue(folder, "planetary-computer", "Twin, raw", {
        "sentinel-2-l2a": [planetary_computer.sentinel2_item(raw, href_from_item)],
        "landsat-c2-l2": [planetary_computer.landsat_item(one, href_from_item)],
        "sentinel-1-rtc": [planetary_computer.sentinel1_item(echo, href_from_item)],
    })  # fmt: skip
    write_catalogue(
        folder, "usgs", "Twin, USGS", {"landsat-c2l2-sr": [usgs.landsat_item(one, href_from_item)], "empty": []}
    )
    return folder


def test_habitat_reads_the_folder(root):
    provider = provider_for(root)
    scenes = [scene_from_item(item, provider, base_href=path) for item, path in items_in(provider)]
    assert [scene.id for scene in scenes] == [
        "S2B_52TGP_20240508_0_L2A",
        "S2C_52TGP_20250528_0_L2A",
        "LC08_L2SP_114030_20240511_02_T1",
    ]
    for scene in scenes:
        for asset in (*scene.bands.values(), scene.mask):
            assert Path(asset.href).is_file()
            assert Path(asset.href).is_relative_to(root)
            with rasterio.open(asset.href) as source:
                assert source.shape == asset.shape
                assert tuple(source.transform)[:6] == asset.transform
                assert str(source.crs) == asset.crs
    assert {scene.collection for scene in scenes} == {"sentinel-2-l2a", "landsat-c2-l2"}


@pytest.mark.parametrize(("name", "number"), [("planetary-computer", 3), ("usgs", 1)])
def test_habitat_reads_the_other_catalogues(root, name, number):
    provider = provider_for(root / CATALOGUE_FILES[name])
    items = list(items_in(provider))
    assert len(items) == number
    for item, path in items:
        if item["collection"] != "sentinel-1-rtc":
            assert scene_from_item(item, provider, base_href=path).bands["red"].href.startswith(str(root))


def test_pystac_reads_and_keeps_all_of_it(root):
    for file, number in (("catalog.json", 3), ("planetary-computer.json", 3), ("usgs.json", 1)):
        catalogue = pystac.Catalog.from_file(str(root / file))
        items = list(catalogue.get_items(recursive=True))
        assert len(items) == number
        for item in items:
            assert item.get_root() is catalogue
            assert item.get_collection().id == item.collection_id
            assert item.get_parent() is item.get_collection()
            written = json.loads(Path(item.get_self_href()).read_text())
            kept = item.to_dict(transform_hrefs=False)
            assert {key: kept[key] for key in ("id", "geometry", "bbox", "collection")} == {
                key: written[key] for key in ("id", "geometry", "bbox", "collection")
            }
            assert set(kept["assets"]) == set(written["assets"])
            for asset in item.get_assets().values():
                assert Path(asset.get_absolute_href()).is_file()
        for collection in catalogue.get_children():
            assert "made up" in collection.title
            assert collection.extent.temporal.intervals[0][0] <= collection.extent.temporal.intervals[0][1]
            assert collection.license == "Apache-2.0"


def test_pystac_client_opens_the_file(root):
    client_module = pytest.importorskip("pystac_client")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = client_module.Client.open(str(root / "catalog.json"))
        assert {collection.id for collection in client.get_collections()} == {"sentinel-2-l2a", "landsat-c2-l2"}
        assert len(list(client.get_items(recursive=True))) == 3


def with_absolute_hrefs(root, file, collection):
    items = [
        item
        for item in pystac.Catalog.from_file(str(root / file)).get_items(recursive=True)
        if item.collection_id == collection
    ]
    for item in items:
        item.make_asset_hrefs_absolute()
    return items


def test_stackstac_stacks_them_as_they_are(root):
    stackstac = pytest.importorskip("stackstac")
    plain = []
    for item in with_absolute_hrefs(root, "catalog.json", "sentinel-2-l2a"):
        document = json.loads(Path(item.get_self_href()).read_text())
        for key, asset in document["assets"].items():
            asset["href"] = item.assets[key].href
        plain.append(document)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        stack = stackstac.stack(
            plain, assets=["red", "nir"], resolution=10, dtype="float64", fill_value=np.nan
        ).compute()
    assert stack.shape == (2, 2, 144, 144)
    assert stack.attrs["crs"] == "epsg:32652"
    assert float(stack.x[0]) == 742680.0
    # Red is the third file of a whole scene, here the first: 1000; stackstac applies the scale and the false offset.
    assert float(stack.sel(band="red").values[0, 5, 5]) == pytest.approx(1000 * 1e-4 - 0.1)
    assert float(stack.sel(band="nir").values[1, 5, 5]) == pytest.approx(1001 * 1e-4 - 0.1)


@pytest.mark.parametrize(
    ("file", "collection", "bands", "value"),
    [
        ("catalog.json", "sentinel-2-l2a", ["red", "swir16"], 1000),
        ("catalog.json", "landsat-c2-l2", ["red", "nir08"], 1000),
        ("planetary-computer.json", "sentinel-2-l2a", ["B04", "B08"], 1000),
        ("planetary-computer.json", "sentinel-1-rtc", ["vv", "vh"], 1000),
        ("usgs.json", "landsat-c2l2-sr", ["red"], 1000),
    ],
)
def test_odc_loads_them_as_they_are(root, file, collection, bands, value):
    odc = pytest.importorskip("odc.stac")
    items = with_absolute_hrefs(root, file, collection)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cube = odc.load(items, bands=bands, chunks={})
    assert set(cube.data_vars) == set(bands)
    assert cube.sizes["time"] == len(items)
    assert cube.odc.crs.epsg == 32652
    assert float(cube[bands[0]].isel(time=0).values[10, 10]) == value


def test_pystac_and_gdal_read_them_over_http(root, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve(root) as address:
        catalogue = pystac.Catalog.from_file(f"{address}/catalog.json")
        items = list(catalogue.get_items(recursive=True))
        assert len(items) == 3
        href = items[0].assets["red"].get_absolute_href()
        assert href == f"{address}/scenes/earth-search/S2B_52TGP_20240508_0_L2A/B04.tif"
        with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"), rasterio.open(f"/vsicurl/{href}") as source:
            assert (source.read(1) == 1000).all()


def schema_errors(document):
    """What the STAC specification asks of items, catalogues and collections, checked by hand: no network for schemas."""
    missing = {"Feature": {"stac_version", "id", "geometry", "bbox", "properties", "links", "assets"},
               "Catalog": {"stac_version", "id", "description", "links"},
               "Collection": {"stac_version", "id", "description", "license", "extent", "links"}}[document["type"]] - set(document)  # fmt: skip
    errors = [f"without {key}" for key in missing]
    errors += [f"link without {key}" for link in document["links"] for key in ("rel", "href") if not link.get(key)]
    if document["type"] == "Feature":
        datetime.fromisoformat(document["properties"]["datetime"])
        west, south, east, north = document["bbox"]
        if not np.allclose(shape(document["geometry"]).bounds, [west, south, east, north], atol=1e-5):
            errors.append("bbox and geometry differ")
        if not shape(document["geometry"]).exterior.is_ccw or not shape(document["geometry"]).is_valid:
            errors.append("outline is turned")
        errors += [
            f"asset {key} without {word}"
            for key, asset in document["assets"].items()
            for word in ("href", "type", "title", "roles")
            if word not in asset
        ]
        errors += [
            f"extension {address}" for address in document["stac_extensions"] if not address.startswith("https://")
        ]
    return errors


def test_documents_are_as_the_specification_wants_them(root):
    paths = list(root.rglob("*.json"))
    assert len(paths) == 3 + 6 + 7
    for path in paths:
        assert schema_errors(json.loads(path.read_text())) == [], path
        text = path.read_text()
        assert "NaN" not in text
        assert str(root) not in text


def test_items_say_what_their_files_are(root):
    for path in root.rglob("S2*_L2A.json"):
        for asset in json.loads(path.read_text())["assets"].values():
            with rasterio.open((path.parent / asset["href"]).resolve()) as source:
                assert list(source.shape) == asset["proj:shape"]
                assert list(tuple(source.transform)[:6]) == asset["proj:transform"]
                assert source.dtypes[0] == asset["raster:bands"][0]["data_type"]
                assert source.nodata == asset["raster:bands"][0]["nodata"]


def test_the_same_items_give_the_same_bytes(root, tmp_path):
    one = earth_search.sentinel2_item(delivered(sentinel2()), href_from_item)
    for folder in (tmp_path / "a", tmp_path / "b"):
        write_catalogue(folder, "earth-search", "Twin", {"sentinel-2-l2a": [one]})
    files = [
        sorted((path.relative_to(folder), path.read_bytes()) for path in folder.rglob("*.json"))
        for folder in (tmp_path / "a", tmp_path / "b")
    ]
    assert files[0] == files[1]
    assert len(files[0]) == 3
    assert one["links"] == []


def test_catalogues_that_cannot_be_written(tmp_path):
    one = earth_search.sentinel2_item(delivered(sentinel2()), href_from_item)
    with pytest.raises(ConfigError, match="earth-search, planetary-computer, usgs"):
        write_catalogue(tmp_path, "cdse", "x", {})
    with pytest.raises(ConfigError, match="twice"):
        write_catalogue(tmp_path, "usgs", "x", {"sentinel-2-l2a": [one, one]})
    with pytest.raises(ConfigError, match="identifier"):
        write_catalogue(tmp_path, "usgs", "x", {"../x": [one]})
    for href in ("../../../../x.tif", "/etc/passwd", "https://host/x.tif"):
        moved = one | {"assets": {"red": one["assets"]["red"] | {"href": href}}}
        with pytest.raises(ConfigError, match="below the twin's root"):
            write_catalogue(tmp_path, "usgs", "x", {"c": [moved]})
    assert not list(tmp_path.iterdir())
