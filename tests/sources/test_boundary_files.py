"""Park boundaries from files: three formats, any coordinate system, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from shapely.geometry import LineString, MultiPolygon, Polygon, box

from habitat.contracts.errors import ConfigError
from habitat.sources.areas.boundary_files import projected, read_boundary, unwrapped
from habitat.sources.areas.reading import read_area

AREA = """\
name: here
boundary: drawn 2026-11-22
grid:
  crs: EPSG:32652
  resolution_m: 20
"""
PARK = Polygon([(131.0, 43.0), (131.2, 43.0), (131.2, 43.1), (131.0, 43.1)])
BLOCK = Polygon([(131.3, 43.0), (131.4, 43.0), (131.4, 43.1), (131.3, 43.1)])


@pytest.fixture(params=["gpkg", "geojson", "parquet"])
def boundary(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    frame = gpd.GeoDataFrame(
        {"PARK": ["leopard", "leopard", "tiger"], "ZONE": [1, 2, 1]},
        geometry=[PARK, BLOCK, Polygon([(130, 44), (130.1, 44), (130.1, 44.1)])],
        crs=4326,
    )
    path = tmp_path / f"parks.{request.param}"
    if request.param == "parquet":
        frame.to_parquet(path)
    else:
        frame.to_file(path, layer="parks")
    return path


def test_boundary_files_of_three_kinds(boundary: Path) -> None:
    assert read_boundary(boundary).area == pytest.approx(0.02 + 0.01 + 0.005)
    leopard = read_boundary(boundary, where={"PARK": "leopard"})
    assert isinstance(leopard, MultiPolygon)
    assert leopard.symmetric_difference(PARK.union(BLOCK)).area < 1e-12
    assert read_boundary(boundary, where={"PARK": ["leopard", "tiger"], "ZONE": 2}).equals(BLOCK)


def test_boundary_file_in_an_area(boundary: Path) -> None:
    text = AREA + (
        f"boundary_file: {boundary.name}\nwhere: {{PARK: leopard}}\n"
        f"zones: [{{name: block, boundary_file: ./{boundary.name}, where: {{ZONE: [2]}}}}]\n"
    )
    path = boundary.parent / "here.yaml"
    path.write_text(text)
    area = read_area(path)
    assert area.polygon.area == pytest.approx(0.03)
    assert area.zones[0].polygon.equals(BLOCK)
    path.write_text(text.replace("ZONE: [2]", "ZONE: [9]").replace("PARK: leopard", "PARC: leopard"))
    with pytest.raises(ConfigError) as caught:
        read_area(path)
    assert str(caught.value).split("\n- ")[1:] == [
        f"boundary_file: {boundary.name} has no column 'PARC'; columns are PARK, ZONE",
        f"zones[0].boundary_file: {boundary.name} has no outline with ZONE [9]; there are 1, 2",
    ]


def test_boundary_in_metres_is_turned_into_degrees(tmp_path: Path) -> None:
    path = tmp_path / "p.gpkg"
    square = box(690000, 4780000, 700000, 4790000)
    gpd.GeoDataFrame(geometry=[square], crs=32652).to_file(path)
    outline = read_boundary(path)
    assert 131.3 < outline.bounds[0] < outline.bounds[2] < 131.5
    assert projected(outline, "EPSG:4326", "EPSG:32652").symmetric_difference(square).area < 100


def test_boundary_across_the_antimeridian_is_not_torn(tmp_path: Path) -> None:
    path = tmp_path / "p.gpkg"
    gpd.GeoDataFrame(geometry=[box(300000, 7300000, 430000, 7400000)], crs=32601).to_file(path)
    west, _, east, _ = read_boundary(path).bounds
    assert 170 < west < 180 < east < 185


def test_gpkg_with_layers(tmp_path: Path) -> None:
    path = tmp_path / "p.gpkg"
    gpd.GeoDataFrame(geometry=[PARK], crs=4326).to_file(path, layer="park")
    gpd.GeoDataFrame(geometry=[BLOCK], crs=4326).to_file(path, layer="block")
    assert read_boundary(path, layer="block").equals(BLOCK)
    with pytest.raises(ConfigError, match="has the layers park, block; say which"):
        read_boundary(path)
    with pytest.raises(ConfigError, match="no layer 'x'; layers are park, block"):
        read_boundary(path, layer="x")


def test_boundaries_that_are_refused(tmp_path: Path) -> None:
    def refused(name: str, says: str, **options: object) -> None:
        with pytest.raises(ConfigError, match=says):
            read_boundary(tmp_path / name, **options)  # type: ignore[arg-type]

    gpd.GeoDataFrame(geometry=[PARK]).to_parquet(tmp_path / "nocrs.parquet")
    refused("nocrs.parquet", "does not say its coordinate system")
    refused("nocrs.parquet", "has no layers", layer="x")
    gpd.GeoDataFrame(geometry=[LineString([(131, 43), (132, 44)])], crs=4326).to_file(tmp_path / "line.gpkg")
    refused("line.gpkg", "holds LineString, wants polygons")
    bow = Polygon([(131, 43), (132, 44), (132, 43), (131, 44)])
    gpd.GeoDataFrame(geometry=[bow], crs=4326).to_file(tmp_path / "bow.gpkg")
    refused("bow.gpkg", "Self-intersection")
    gpd.GeoDataFrame(geometry=[shapely.transform(PARK, lambda xy: xy * 1e4)], crs=4326).to_file(tmp_path / "m.gpkg")
    refused("m.gpkg", "look like metres")
    (tmp_path / "fake.gpkg").write_text("<OGRVRTDataSource/>")
    refused("fake.gpkg", "not a GPKG file inside")
    (tmp_path / "fake.parquet").write_text("no")
    refused("fake.parquet", "not a Parquet file inside")
    (tmp_path / "fake.geojson").write_text("<OGRVRTDataSource><OGRVRTLayer name='x'/></OGRVRTDataSource>")
    refused("fake.geojson", "not GeoJSON inside")
    (tmp_path / "topo.json").write_text(json.dumps({"type": "Topology", "objects": {}}))
    refused("topo.json", "holds a 'Topology'")
    (tmp_path / "deep.geojson").write_text("[" * 100_000)
    refused("deep.geojson", "not GeoJSON inside")
    (tmp_path / "empty.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": []}))
    refused("empty.geojson", "no geometries|no layers|\\(none\\)|holds")
    (tmp_path / "cut.parquet").write_bytes(b"PAR1" + b"\0" * 100)
    refused("cut.parquet", "cannot be read")
    cut = (tmp_path / "bow.gpkg").read_bytes()[:4096]
    (tmp_path / "cut.gpkg").write_bytes(cut)
    refused("cut.gpkg", "cannot be read|layers")


def test_third_dimension_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "p.geojson"
    gpd.GeoDataFrame(geometry=[shapely.force_3d(PARK, 100.0)], crs=4326).to_file(path)
    outline = read_boundary(path)
    assert not outline.has_z
    assert outline.equals(PARK)


def test_unwrapping_leaves_whole_outlines_alone() -> None:
    assert unwrapped(PARK) is PARK
    far_east = Polygon([(178, 60), (-178, 60), (-178, 62), (178, 62)])
    assert unwrapped(far_east).area == pytest.approx(8)
