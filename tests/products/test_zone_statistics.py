"""Zone statistics as a product: what stands in the store, told by zone, and parts that make up the whole."""

from __future__ import annotations

import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Transformer
from shapely.geometry import box

from habitat.contracts import Area, Period
from habitat.contracts.area import Zone
from habitat.contracts.errors import ConfigError, InputError, NotInStore, NotPossible
from habitat.contracts.grid import Grid
from habitat.contracts.pixel_areas import pixel_areas
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.products import Workshop
from habitat.products.product import Sheets
from habitat.products.zone_statistics import ZONE_STATISTICS
from habitat.store import Record, Store, area_digest, changes

MAY = Period("2025-05")
GRID = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 601200.0, 4801000.0))
CLASSES = ((1, "#b35806", "decrease"), (3, "#f7f7f7", "stable"), (5, "#2166ac", "increase"))
CHANGE = RasterSpec("nbr-class", "Class", (BandSpec("nbr-class", "class"),), "uint8", 255, "generic", "mode", CLASSES)
NDVI = RasterSpec("ndvi", "NDVI", (BandSpec("ndvi", "NDVI", scale=1e-4),), "int16", -32768, "ndvi")


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch):
    # Drawing takes longer than everything else.
    monkeypatch.setattr(Sheets, "draw", lambda self, title: None)


def in_degrees(west, south, east, north):
    """Return a rectangle of the map in longitude and latitude."""
    back = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True)
    return shapely.transform(
        shapely.segmentize(box(west, south, east, north), 50), lambda xy: np.column_stack(back.transform(*xy.T))
    )


WEST = in_degrees(600000, 4800000, 600610, 4801000)
EAST = in_degrees(600610, 4800000, 601200, 4801000)


@pytest.fixture
def shop(tmp_path):
    zones = (
        Zone("west", WEST, "West park", "CN", "official 2021"),
        Zone("east", EAST, "East park", "RU", "drawn 2017"),
    )
    area = Area("forest", in_degrees(*GRID.bounds), GRID, boundary="drawn 2026", zones=zones)
    return Workshop(area, Store(tmp_path / "store"), workers=2)


def codes_of(spec, grid, seed):
    random = np.random.default_rng(seed)
    drawn = random.choice([1, 3, 5] if spec.classes else np.arange(2000, 9000), grid.shape).astype(spec.dtype)
    drawn[random.random(grid.shape) < 0.1] = spec.nodata
    return drawn


@pytest.fixture
def put(shop):
    """Publish rasters of a product: put("change", CHANGE, seed=3, period=..., grid=...)."""

    def publish(product, *specs, seed=0, period=MAY, grid=None):
        with shop.store.begin(product, shop.area, period, grid=grid) as stage:
            for spec in specs:
                codes = codes_of(spec, stage.grid, seed)
                writer = stage.raster(spec)
                for tile in stage.grid.tiles(512):
                    rows, columns = (
                        slice(tile.row, tile.row + tile.height),
                        slice(tile.column, tile.column + tile.width),
                    )
                    writer.write(tile, codes[np.newaxis, rows, columns])
            record = Record(
                product, "forest", area_digest(shop.area), str(period), "1", created="2025-06-06T00:00:00+00:00"
            )
            return stage.publish(record)

    return publish


def built(shop, period=MAY, **params):
    return ZONE_STATISTICS.build(ZONE_STATISTICS.params(**params), replace(shop, found={}), period)


def numbers(outcome):
    return pd.read_csv(outcome.published.path("zones"), keep_default_na=False, na_values={"value": [""]})


def value(table, **of):
    chosen = table
    for name, wanted in of.items():
        chosen = chosen[chosen[name] == wanted]
    assert len(chosen) == 1, chosen
    return float(chosen["value"].iloc[0])


def shares_of(west):
    """Share of each column of pixels in the western or eastern zone: the boundary cuts column 30 in the middle."""
    shares = np.zeros(60)
    shares[:30] = 1
    shares[30] = 0.5
    return shares if west else 1 - shares


def test_areas_of_classes_by_hand(shop, put):
    put("change", CHANGE, seed=3)
    table = numbers(built(shop))
    codes = codes_of(CHANGE, GRID, 3)
    areas = pixel_areas(GRID, next(GRID.tiles(4096))) / 1e4
    for zone, west in (("west", True), ("east", False)):
        part = areas * shares_of(west)
        for code, _, label in CLASSES:
            found = value(table, zone=zone, statistic="area", asset="nbr-class", **{"class": label})
            assert found == pytest.approx(part[codes == code].sum(), rel=1e-6)
        assert value(table, zone=zone, statistic="unknown area") == pytest.approx(part[codes == 255].sum(), rel=1e-5)
        assert value(table, zone=zone, statistic="count") == pytest.approx(
            (shares_of(west) * (codes != 255)).sum(), rel=1e-6
        )
        assert value(table, zone=zone, statistic="zone area") == pytest.approx(part.sum(), rel=1e-6)
    assert set(table["estimator"]) == {"pixel count, unvalidated"}
    assert set(table["low"]) == set(table["high"]) == {""}
    assert set(table[table["zone"] == "west"]["boundary"]) == {"official 2021"}


def test_values_by_hand(shop, put):
    put("indices", NDVI, seed=5)
    table = numbers(built(shop, percentiles=(50.0,)))
    codes = codes_of(NDVI, GRID, 5)
    weights = pixel_areas(GRID, next(GRID.tiles(4096))) * shares_of(True)
    known = (codes != -32768) & (weights > 0)
    values, held = codes[known] * 1e-4, weights[known]
    mean = np.average(values, weights=held)
    assert value(table, zone="west", statistic="mean") == pytest.approx(mean, rel=1e-7)
    assert value(table, zone="west", statistic="sd") == pytest.approx(
        np.sqrt(np.average((values - mean) ** 2, weights=held))
    )
    assert value(table, zone="west", statistic="min") == pytest.approx(values.min())
    order = np.argsort(values)
    middle = values[order][np.searchsorted(np.cumsum(held[order]), held.sum() / 2)]
    assert value(table, zone="west", statistic="p50") == pytest.approx(middle, abs=2e-4)
    share = value(table, zone="west", statistic="known share")
    assert share == pytest.approx(held.sum() / weights.sum(), rel=1e-6)


def test_the_joint_zone_is_the_sum_of_its_parts(shop, put):
    put("change", CHANGE, seed=3)
    put("indices", NDVI, seed=4)
    outcome = built(shop)
    table = numbers(outcome)
    sums = table[table["statistic"].isin(["area", "known area", "unknown area", "count", "zone area"])]
    key = ["product", "asset", "statistic", "class"]
    parts = sums[sums["kind"] == "zone"].groupby(key)["value"].sum()
    for kind in ("country", "joint", "area"):
        whole = sums[sums["kind"] == kind].groupby(key)["value"].sum()
        pd.testing.assert_series_equal(parts, whole, rtol=1e-7, atol=1e-6)
    assert outcome.published.item["properties"]["habitat:zones_overlap_ha"] == {"area": 0.0}
    assert "overlap" not in outcome.summary
    assert outcome.summary.startswith("2025-05: 2 layers of change, indices in 2 zones of 120 ha together; ")


def test_tiles_do_not_show_in_the_numbers(shop, put, monkeypatch):
    put("change", CHANGE, seed=3)
    put("indices", NDVI, seed=4)
    one = numbers(built(shop))
    monkeypatch.setattr("habitat.products.zone_statistics._TILE", 17)
    other = numbers(built(shop))
    pd.testing.assert_frame_equal(one, other, rtol=1e-7)


def test_the_raster_of_zones(shop, put):
    put("change", CHANGE)
    outcome = built(shop)
    assert outcome.published.rasters == ("zone",)
    codes = outcome.published.open_window("zone").read(next(GRID.tiles(4096)))[0]
    # Half of column 30 is in each: the first one has it.
    np.testing.assert_array_equal(codes, np.repeat([[1] * 31 + [2] * 29], 50, axis=0))
    classes = outcome.published.item["assets"]["zone"]["classification:classes"]
    assert [entry["title"] for entry in classes] == ["outside", "West park", "East park"]
    assert outcome.published.problems() == []


def test_outlines_with_their_numbers(shop, put):
    put("change", CHANGE, seed=3)
    outcome = built(shop)
    frame = gpd.read_parquet(outcome.published.path("zone-outlines"))
    assert frame.crs.to_epsg() == 4326
    assert frame["kind"].tolist() == ["zone", "zone", "country", "country", "joint", "area"]
    assert shapely.equals_exact(frame.geometry[0], WEST, 1e-9)
    assert set(frame["estimator"]) == {"pixel count, unvalidated"}
    found = value(numbers(outcome), zone="east", statistic="area", **{"class": "decrease"})
    assert frame.loc[1, "change nbr-class decrease [ha]"] == pytest.approx(found)
    again = built(shop)
    for name in ("zones", "zone-outlines"):
        assert again.published.path(name).read_bytes() == outcome.published.path(name).read_bytes()


def test_only_what_zones_are_told_of_by_default(shop, put):
    put("indices", NDVI)
    put("composite", NDVI)
    put("fire-weather", CHANGE, NDVI, grid=GRID.coarser(500))
    layers = built(shop).published.item["properties"]["habitat:layers"]
    assert layers == ["fire-weather_forest_202505_v1/nbr-class", "indices_forest_202505_v1/ndvi"]
    # Its own raster of zones is no layer, nor are those of a coarse grid left out of the sums.
    table = numbers(built(shop, layers=("fire-weather", "composite/ndvi")))
    assert set(table["product"]) == {"", "fire-weather", "composite"}
    parts = table[(table["product"] == "fire-weather") & (table["statistic"] == "known area")]
    assert parts[parts["kind"] == "zone"].groupby("asset")["value"].sum().tolist() == pytest.approx(
        parts[parts["kind"] == "joint"].groupby("asset")["value"].sum().tolist(), rel=1e-6
    )


def test_a_year_stands_in_for_its_months_and_says_so(shop, put):
    put("forest-cover", NDVI, period=Period("2025"))
    put("forest-cover", NDVI, period=Period("2024-05"))
    put("change", CHANGE)
    outcome = built(shop)
    assert ("forest-cover of 2025-05", "not in the store; that of 2025 is") in outcome.gaps
    assert outcome.published.record.gaps == outcome.gaps
    table = numbers(outcome)
    assert set(table[table["product"] == "forest-cover"]["period"].astype(str)) == {"2025"}
    put("forest-cover", NDVI, period=Period("2025-Q2"))
    assert ("forest-cover of 2025-05", "not in the store; that of 2025-Q2 is") in built(shop).gaps


def test_zones_of_a_file_reach_beyond_the_map(shop, put, tmp_path):
    put("change", CHANGE, seed=3)
    path = tmp_path / "old.geojson"
    wide = in_degrees(600500, 4800000, 602200, 4800500)
    gpd.GeoDataFrame({"park": ["Старый"], "when": ["2017"]}, geometry=[wide], crs=4326).to_file(path)
    outcome = built(shop, zones=str(path), name_field="park", boundary_field="when")
    table = numbers(outcome)
    mine = table[(table["origin"] == "old.geojson") & (table["kind"] == "file")]
    assert set(mine["zone"]) == {"Старый"}
    assert set(mine["boundary"].astype(str)) == {"2017"}
    # 85 ha on the map, 50 of them beyond it, and a tenth of the rest is unknown.
    size, unknown = value(mine, statistic="zone area"), value(mine, statistic="unknown area")
    assert size == pytest.approx(85, rel=2e-3)
    assert unknown == pytest.approx(50 + 3.5, abs=1)
    assert value(mine, statistic="known share") == pytest.approx(1 - unknown / size)
    codes = outcome.published.open_window("file-zone").read(next(GRID.tiles(4096)))[0]
    assert (codes[25:, 25:] == 1).all()
    assert codes[:25].sum() == codes[:, :25].sum() == 0
    assert [entry.id for entry in outcome.published.record.inputs] == ["change_forest_202505", "zones"]
    with pytest.raises(InputError, match="has no field 'name'"):
        built(shop, zones=str(path))


def test_overlapping_versions_of_a_boundary_count_once_together(shop, put):
    put("change", CHANGE, seed=3)
    older = Zone("west-2017", in_degrees(600000, 4800000, 600800, 4801000), "West park", "CN", "drawn 2017")
    twice = replace(shop, area=replace(shop.area, zones=(*shop.area.zones, older)))
    outcome = built(twice)
    overlap = outcome.published.item["properties"]["habitat:zones_overlap_ha"]["area"]
    # 800 m by 1 km lie in two zones.
    assert overlap == pytest.approx(80, rel=2e-3)
    assert "zones overlap on 80 ha, counted once" in outcome.summary
    table = numbers(outcome)
    assert value(table, kind="joint", statistic="zone area") == pytest.approx(120, rel=2e-3)
    assert value(table, kind="country", zone="CN", statistic="zone area") == pytest.approx(80, rel=2e-3)
    assert table[table["zone"] == "CN"]["boundary"].iloc[0] == "drawn 2017; official 2021"


def test_an_area_without_zones(shop, put):
    put("change", CHANGE)
    bare = replace(shop, area=replace(shop.area, zones=()))
    outcome = built(bare)
    assert ("zones", "the area file has none; the area is told as a whole") in outcome.gaps
    assert set(numbers(outcome)["kind"]) == {"area"}
    assert (outcome.published.open_window("zone").read(next(GRID.tiles(4096))) == 1).all()


def test_a_raster_that_knows_nothing(shop, put, monkeypatch):
    monkeypatch.setitem(globals(), "codes_of", lambda spec, grid, seed: np.full(grid.shape, spec.nodata, spec.dtype))
    put("indices", NDVI)
    table = numbers(built(shop))
    assert set(table["statistic"]) == {"zone area", "known area", "unknown area", "known share", "count"}
    assert value(table, kind="joint", statistic="known share") == 0.0


def test_nothing_to_tell_of_is_not_possible(shop, put):
    params = ZONE_STATISTICS.params()
    for act in (ZONE_STATISTICS.inputs, ZONE_STATISTICS.build):
        with pytest.raises(NotPossible, match="build one of change, fire-scars, forest-cover, indices, or another"):
            act(params, shop, MAY)
    put("composite", NDVI)
    with pytest.raises(NotPossible):
        ZONE_STATISTICS.inputs(params, shop, MAY)
    with pytest.raises(
        NotInStore, match=r"change/nbr-class: change of forest, 2025-05 is not in .* there is composite"
    ):
        built(shop, layers=("change/nbr-class",))
    with pytest.raises(ConfigError, match="has no raster 'nbr'; it has ndvi"):
        built(shop, layers=("composite/nbr",))


def test_settings_that_make_no_sense_are_refused():
    for wrong in ((-1.0,), (50.0, 50.0), (101.0,)):
        with pytest.raises(ValueError, match="each once"):
            ZONE_STATISTICS.params(percentiles=wrong)
    with pytest.raises(ValueError, match="at least 1 item"):
        ZONE_STATISTICS.params(layers=())


def test_it_is_current_until_something_it_was_made_from_changes(shop, put, tmp_path):
    put("change", CHANGE, seed=3)
    path = tmp_path / "zones.geojson"
    gpd.GeoDataFrame({"name": ["a"]}, geometry=[WEST], crs=4326).to_file(path)
    params = ZONE_STATISTICS.params(zones=str(path))
    record = built(shop, zones=str(path)).published.record

    def reasons():
        inputs = ZONE_STATISTICS.inputs(params, shop, MAY)
        return changes(record, ZONE_STATISTICS.method, params.deciding(), inputs, area_digest(shop.area))

    assert reasons() == []
    assert "zones" not in json.loads(record.to_json())["params"]
    gpd.GeoDataFrame({"name": ["b"]}, geometry=[WEST], crs=4326).to_file(path)
    assert reasons() == ["inputs changed (0 new, 0 gone, 1 altered: ~zones)"]
    put("indices", NDVI)
    assert reasons() == ["inputs changed (1 new, 0 gone, 1 altered: +indices_forest_202505, ~zones)"]
