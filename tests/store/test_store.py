"""The store: what is published is found, read, linked and checked; what is not stays out of sight."""

from __future__ import annotations

import hashlib
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pystac
import pystac_client
import pytest
import rasterio
import shapely
import xarray as xr
from rio_cogeo import cog_validate
from stac_geoparquet.arrow import stac_table_to_items
from store_rasters import NODATA, area_of, build, grid_of, noise, record_of

from habitat.contracts.errors import GridMismatch
from habitat.contracts.grid import Tile
from habitat.contracts.period import Period
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.store import Input, changes

MAY = Period("2025-05")


def test_what_is_published_is_found_and_verified(store, area):
    made = build(store, area, properties={"habitat:scenes": 3})
    found = store.latest("monthly-change", area, MAY)
    assert found == made
    assert found.version == 1
    assert found.record == record_of(area)
    assert found.grid == area.grid
    assert found.rasters == ("ndvi", "composite", "change")
    assert {key: path.name for key, path in found.paths.items()} == {
        "ndvi": "monthly-change-ndvi_hunchun_202505_v1.tif",
        "composite": "monthly-change-composite_hunchun_202505_v1.tif",
        "change": "monthly-change-change_hunchun_202505_v1.tif",
        "ndvi-style": "monthly-change-ndvi_hunchun_202505_v1.qml",
        "composite-style": "monthly-change-composite_hunchun_202505_v1.qml",
        "change-style": "monthly-change-change_hunchun_202505_v1.qml",
        "record": "monthly-change-record_hunchun_202505_v1.json",
        "ledger": "monthly-change-ledger_hunchun_202505_v1.json",
    }
    assert all(path.is_file() for path in found.paths.values())
    assert json.loads(found.path("ledger").read_text())["counts"]["used"] == 3
    assert store.verify("monthly-change", area, MAY) == []
    for key in found.rasters:
        assert cog_validate(str(found.path(key)), strict=True) == (True, [], [])
    # Nothing else lies about.
    assert sorted(path.name for path in store.root.iterdir()) == [
        ".locks", ".work", "catalog.json", "index.parquet", "monthly-change",
    ]  # fmt: skip
    assert list((store.root / ".work").iterdir()) == []


def test_rasters_are_read_as_values(store, area):
    build(store, area)
    pixels = noise(2, 60, 40)
    known = pixels != NODATA
    expected = np.where(known, pixels * 1e-4, np.nan)
    ndvi = store.read("monthly-change", area, MAY, "ndvi")
    assert isinstance(ndvi, xr.DataArray)
    assert (ndvi.name, ndvi.dims, ndvi.dtype, ndvi.attrs["units"]) == ("ndvi", ("y", "x"), np.float32, "1")
    assert ndvi.chunks is not None
    assert np.allclose(ndvi.values, expected[0], atol=1e-6, equal_nan=True)
    assert np.array_equal(ndvi.y.values, area.grid.coords["y"])
    assert np.array_equal(ndvi.x.values, area.grid.coords["x"])
    assert ndvi.rio.crs.to_epsg() == 32652
    assert ndvi.rio.transform() == area.grid.transform
    composite = store.read("monthly-change", "hunchun", MAY, "composite")
    assert list(composite.data_vars) == ["red", "nir"]
    assert np.allclose(
        composite.nir.values, np.where(known[1], pixels[1] * 1e-4 - 0.1, np.nan), atol=1e-6, equal_nan=True
    )
    everything = store.read("monthly-change", area, MAY)
    assert list(everything.data_vars) == ["ndvi", "red", "nir", "change"]
    change = everything.change
    assert set(np.unique(change.values[np.isfinite(change.values)]).tolist()) == {1.0, 7.0}
    assert np.array_equal(np.isnan(change.values), ~known[0])
    assert change.attrs["flag_values"] == [0, 1, 7]
    assert change.attrs["flag_meanings"] == "no-change loss-strong-sure gain"
    with rasterio.open(store.get("monthly-change", area, MAY).path("ndvi"), driver="GTiff") as image:
        assert image.tags()["TIFFTAG_SOFTWARE"].startswith("habitat ")
        assert image.tags()["HABITAT_ITEM"] == "monthly-change_hunchun_202505_v1"


def test_lazy_chunks_are_read_where_they_lie(store, monkeypatch):
    monkeypatch.setattr("habitat.store.published.CHUNK", 32)
    area = area_of(70, 50)
    build(store, area)
    ndvi = store.read("monthly-change", area, MAY, "ndvi")
    assert ndvi.chunks == ((32, 32, 6), (32, 18))
    pixels = noise(2, 70, 50)[0]
    assert np.allclose(ndvi.values, np.where(pixels == NODATA, np.nan, pixels * 1e-4), atol=1e-6, equal_nan=True)
    part = ndvi.isel(y=slice(30, 40), x=slice(31, 33)).values
    assert np.allclose(part, ndvi.values[30:40, 31:33], equal_nan=True)


def test_windows_are_read_from_many_threads(store, area):
    build(store, area)
    pixels = noise(2, 60, 40)
    tiles = list(area.grid.tiles(7)) * 3
    with store.open_window("monthly-change", area, MAY, "composite") as reader:
        assert (reader.bands, reader.dtype, reader.nodata) == (("red", "nir"), np.int16, NODATA)
        assert reader.scales == (1e-4, 1e-4)
        assert reader.offsets == (0.0, -0.1)

        def check(tile: Tile) -> bool:
            rows, columns = slice(tile.row, tile.row + tile.height), slice(tile.column, tile.column + tile.width)
            both = np.array_equal(reader.read(tile), pixels[:, rows, columns])
            return both and np.array_equal(reader.read(tile, ("nir",)), pixels[1:, rows, columns])

        with ThreadPoolExecutor(4) as pool:
            assert all(pool.map(check, tiles))
        with pytest.raises(GridMismatch, match="no bands"):
            reader.read(tiles[0], ("blue",))
        with pytest.raises(GridMismatch, match="60 × 40 pixels"):
            reader.read(Tile(59, 0, 2, 1))


def test_item_follows_stac(store, area):
    inputs = (
        Input("S2B_1", "https://stac.example.org/items/S2B_1?sig=secret#x", "05.09", "", "offset applied"),
        Input("base_hunchun_202405", "./base/base_hunchun_202405_v1/base_hunchun_202405_v1.json", "1", "ab"),
    )
    made = build(store, area, inputs=inputs, gaps=(("ndwi", "no green band"),))
    item = json.loads(made.item_path.read_text())
    assert item["stac_version"] == "1.1.0"
    properties = item["properties"]
    assert properties["datetime"] is None
    assert properties["start_datetime"] == "2025-05-01T00:00:00Z"
    assert properties["end_datetime"] == "2025-05-31T23:59:59Z"
    assert properties["proj:code"] == "EPSG:32652"
    assert properties["proj:shape"] == [60, 40]
    assert properties["proj:bbox"] == [600000, 4800000, 600800, 4801200]
    assert properties["proj:transform"] == [20, 0, 600000, 0, -20, 4801200]
    assert properties["version"] == "1"
    assert properties["deprecated"] is False
    assert properties["processing:software"] == {"habitat": "0.1.0"}
    assert properties["habitat:gaps"] == [{"what": "ndwi", "why": "no green band"}]
    assert shapely.geometry.shape(item["geometry"]).equals(area.polygon)
    assert item["bbox"] == [130.2, 43.3, 130.3, 43.4]
    derived = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
    assert derived == [
        "https://stac.example.org/items/S2B_1",
        "../../base/base_hunchun_202405_v1/base_hunchun_202405_v1.json",
    ]
    assert "secret" not in made.item_path.read_text()
    ndvi = item["assets"]["ndvi"]
    assert ndvi["type"].endswith("profile=cloud-optimized")
    digest = hashlib.sha256(made.path("ndvi").read_bytes()).hexdigest()
    assert ndvi["file:checksum"] == "1220" + digest
    assert ndvi["file:size"] == made.path("ndvi").stat().st_size
    band = ndvi["bands"][0]
    assert (band["raster:scale"], band["raster:offset"], band["nodata"], band["data_type"]) == (
        1e-4,
        0.0,
        NODATA,
        "int16",
    )
    pixels = noise(2, 60, 40)[0].astype(float)
    known = pixels[pixels != NODATA]
    assert band["statistics"]["mean"] == pytest.approx(known.mean(), abs=1e-9)
    assert band["statistics"]["valid_percent"] == pytest.approx(100 * known.size / pixels.size, abs=1e-3)
    assert item["assets"]["composite"]["bands"][0]["eo:center_wavelength"] == 0.665
    classes = item["assets"]["change"]["classification:classes"]
    assert classes[1] == {
        "value": 1,
        "name": "loss-strong-sure",
        "title": "loss <strong> & sure",
        "color_hint": "B35806",
    }
    extensions = [address.split("/")[3] for address in item["stac_extensions"]]
    assert extensions == ["projection", "raster", "processing", "file", "version", "classification", "eo"]
    for asset in item["assets"].values():
        assert asset["href"].startswith("./")


@pytest.mark.filterwarnings("ignore::pystac_client.warnings.PystacClientWarning")
def test_catalogue_opens_in_stac_clients(store, area):
    build(store, area)
    build(store, area, "2024-05", seed=1)
    build(store, area_of(name="land-of-leopard"), seed=2)
    catalog = pystac.Catalog.from_file(str(store.layout.catalog))
    items = sorted(catalog.get_items(recursive=True), key=lambda item: item.id)
    assert [item.id for item in items] == [
        "monthly-change_hunchun_202405_v1",
        "monthly-change_hunchun_202505_v1",
        "monthly-change_land-of-leopard_202505_v1",
    ]
    for item in items:
        assert item.get_parent().id == "monthly-change"
        beside = Path(item.get_self_href()).parent / item.assets["ndvi"].href
        assert beside.samefile(item.assets["ndvi"].get_absolute_href())
        with rasterio.open(item.assets["ndvi"].get_absolute_href(), driver="GTiff") as image:
            assert image.shape == (60, 40)
    collection = catalog.get_child("monthly-change")
    assert collection.extent.temporal.intervals[0][0] == datetime(2024, 5, 1, tzinfo=UTC)
    assert collection.extent.spatial.bboxes == [[130.2, 43.3, 130.3, 43.4]]
    client = pystac_client.Client.open(str(store.layout.catalog))
    assert [child.id for child in client.get_children()] == ["monthly-change"]
    assert len(list(client.get_items(recursive=True))) == 3


def test_index_lists_all_items(store, area):
    build(store, area)
    build(store, area, "2024-05", product="other")
    table = pq.read_table(store.layout.index)
    items = {item["id"]: item for item in stac_table_to_items(table)}
    assert sorted(items) == ["monthly-change_hunchun_202505_v1", "other_hunchun_202405_v1"]
    href = items["monthly-change_hunchun_202505_v1"]["assets"]["ndvi"]["href"]
    assert href == "./monthly-change/monthly-change_hunchun_202505_v1/monthly-change-ndvi_hunchun_202505_v1.tif"
    assert (store.root / href).is_file()
    store.layout.index.unlink()
    assert store.rebuild_index()
    assert pq.read_table(store.layout.index).num_rows == 2


def test_a_new_build_supersedes_and_overwrites_nothing(store, area):
    first = build(store, area, seed=1)
    before = {path: path.read_bytes() for path in first.paths.values()}
    second = build(store, area, seed=2)
    assert (first.version, second.version) == (1, 2)
    assert {path: path.read_bytes() for path in first.paths.values()} == before
    assert store.latest("monthly-change", area, MAY) == second
    assert not second.deprecated
    old = json.loads(first.item_path.read_text())
    assert old["properties"]["deprecated"] is True
    assert [link["href"] for link in old["links"] if link["rel"] == "successor-version"] == [
        "../monthly-change_hunchun_202505_v2/monthly-change_hunchun_202505_v2.json"
    ]
    new = json.loads(second.item_path.read_text())
    assert [link["href"] for link in new["links"] if link["rel"] == "predecessor-version"] == [
        "../monthly-change_hunchun_202505_v1/monthly-change_hunchun_202505_v1.json"
    ]
    assert [found.version for found in store.list()] == [2]
    assert [found.version for found in store.list("monthly-change", "hunchun", every_version=True)] == [1, 2]
    third = build(store, area, seed=3)
    assert third.version == 3
    assert [found.deprecated for found in store.list(every_version=True)] == [True, True, False]


def test_years_before(store, area):
    for period in ("2021-05", "2024-05", "2024-06", "2024", "2025-05", "2023-05"):
        build(store, area, period)
    build(store, area, "2024-05", seed=4)
    found = store.years_before("monthly-change", area, MAY)
    assert [(str(one.period), one.version) for one in found] == [("2024-05", 2), ("2023-05", 1), ("2021-05", 1)]
    assert [str(one.period) for one in store.years_before("monthly-change", area, Period("2025"))] == ["2024"]


def test_inputs_follow_pixels_not_versions(store, area):
    inputs = [build(store, area, seed=seed).as_input() for seed in (1, 1, 2)]
    old = record_of(area, inputs=(inputs[0],))
    now = {"method": old.method, "params": {}, "area": old.area_digest}
    assert changes(old, inputs=[inputs[1]], **now) == []
    assert changes(old, inputs=[inputs[2]], **now) == [
        "inputs changed (0 new, 0 gone, 1 altered: ~monthly-change_hunchun_202505)"
    ]
    assert inputs[1].href == "./monthly-change/monthly-change_hunchun_202505_v2/monthly-change_hunchun_202505_v2.json"


def test_areas_may_publish_at_once(store):
    areas = [area_of(name=f"area-{letter}") for letter in "abcd"]
    barrier = threading.Barrier(len(areas))

    def run(area):
        barrier.wait()
        return build(store, area)

    with ThreadPoolExecutor(len(areas)) as pool:
        list(pool.map(run, areas))
    catalog = pystac.Catalog.from_file(str(store.layout.catalog))
    assert len(list(catalog.get_items(recursive=True))) == 4
    assert pq.read_table(store.layout.index).num_rows == 4


def test_grid_without_epsg_code(store):
    crs = "+proj=aea +lat_0=45 +lon_0=130 +lat_1=43 +lat_2=52 +x_0=0 +y_0=0 +ellps=WGS84 +units=m +no_defs"
    area = area_of()
    area = type(area)(area.name, area.polygon, grid_of(60, 40, crs=crs))
    made = build(store, area)
    assert made.item["properties"]["proj:code"] is None
    assert made.item["properties"]["proj:wkt2"].startswith("PROJCRS[")
    assert store.latest("monthly-change", area, MAY).grid == area.grid
    assert store.read("monthly-change", area, MAY, "ndvi").rio.crs is not None


def test_unknown_range_is_stretched_to_the_values(store, area):
    spec = RasterSpec("oddity", "Oddity", (BandSpec("oddity", "oddity", "m", 0.1),), "int16", NODATA)
    with store.begin("base", area, MAY) as stage:
        pixels = np.full((1, 60, 40), 100, dtype=np.int16)
        pixels[0, :30] = 300
        stage.raster(spec).write(Tile(0, 0, 60, 40), pixels)
        made = stage.publish(record_of(area, product="base"), title="Base", description="All about base.")
    # Mean 200, deviation 100: two deviations reach past the values, which end at 10 and 30 m.
    style = made.path("oddity-style").read_text()
    assert 'classificationMin="10"' in style
    assert 'classificationMax="30"' in style
    collection = json.loads(store.layout.collection("base").read_text())
    assert (collection["title"], collection["description"]) == ("Base", "All about base.")


def test_a_product_may_lie_on_larger_cells(store, area):
    # 40 columns and 60 rows of 20 m are 800 m and 1200 m: 2 x 3 cells of 500 m, for both begin on whole cells.
    cells = area.grid.coarser(500)
    assert cells.shape == (3, 2)
    spec = RasterSpec("risk", "Risk", (BandSpec("risk", "risk", scale=1e-4),), "int16", NODATA)
    with store.begin("fire-risk", area, MAY, grid=cells) as stage:
        codes = np.arange(6, dtype=np.int16).reshape(1, 3, 2)
        stage.raster(spec).write(Tile(0, 0, 3, 2), codes)
        made = stage.publish(replace(record_of(area), product="fire-risk"))
    found = store.get("fire-risk", area, MAY)
    assert (found.grid, found.grid.resolution_m) == (cells, 500.0)
    assert found.item["properties"]["proj:shape"] == [3, 2]
    assert found.item["assets"]["risk"]["raster:spatial_resolution"] == 500.0
    risk = store.read("fire-risk", area, MAY, "risk")
    assert np.allclose(risk.values, codes[0] * 1e-4)
    assert risk.rio.transform() == cells.transform
    assert made.problems() == []
