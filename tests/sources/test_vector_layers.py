"""Vectors of users: any system and format in, distances and shares out, and every bad file named."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import GeometryCollection, LineString, Point, Polygon, box

from habitat.contracts.errors import InputError
from habitat.contracts.grid import Grid
from habitat.sources.vectors import distances, read_vectors, shares, shares_by

UTM = "EPSG:32652"
GRID = Grid(UTM, 100.0, (600000.0, 4800000.0, 601000.0, 4800500.0))
ROAD = LineString([(600250, 4799000), (600250, 4802000)])


def table(geometries, crs=UTM, **columns):
    return gpd.GeoDataFrame(columns, geometry=list(geometries), crs=crs)


@pytest.fixture
def written(tmp_path):
    def write(found, name="roads.gpkg"):
        path = tmp_path / name
        if path.suffix == ".parquet":
            found.to_parquet(path)
        else:
            found.to_file(path)
        return path

    return write


@pytest.mark.parametrize("name", ["roads.geojson", "roads.gpkg", "roads.parquet"])
def test_formats_and_systems_come_out_alike(written, name):
    path = written(table([ROAD]).to_crs("EPSG:4326"), name)
    found = read_vectors(path, UTM, kinds=("line",))
    assert found.table.crs == UTM
    assert found.table.geometry[0].hausdorff_distance(ROAD) < 0.1
    assert found.notes == ()


def test_features_without_geometry_are_left_out_and_told(written):
    found = read_vectors(written(table([ROAD, None, LineString()])), UTM)
    assert len(found.table) == 1
    assert found.notes == ("2 features of roads.gpkg have no geometry and were left out",)


def test_broken_polygons_are_mended_and_told(written):
    bow = Polygon([(600000, 4800000), (600400, 4800400), (600400, 4800000), (600000, 4800400)])
    found = read_vectors(written(table([bow])), UTM, kinds=("polygon",))
    assert found.table.geometry.is_valid.all()
    assert "1 broken geometries" in found.notes[0]


def test_what_lies_far_off_is_left_out_and_told(written):
    path = written(table([ROAD]))
    assert len(read_vectors(path, UTM, bounds=GRID.bounds).table) == 1
    far = read_vectors(path, UTM, bounds=(0.0, 0.0, 1.0, 1.0))
    assert far.table.empty
    assert "nothing of roads.gpkg" in far.notes[0]


def test_collections_are_taken_apart(written):
    mixed = GeometryCollection([ROAD, LineString([(600000, 4800000), (600100, 4800000)])])
    found = read_vectors(written(table([mixed]), "roads.geojson"), "EPSG:32652", kinds=("line",))
    assert len(found.table) == 2


def test_bad_files_are_refused_by_name(written, tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read_vectors(tmp_path / "none.gpkg", UTM)
    (tmp_path / "text.geojson").write_text("no vectors")
    with pytest.raises(InputError, match="cannot be read as vectors"):
        read_vectors(tmp_path / "text.geojson", UTM)
    with pytest.warns(UserWarning, match="crs"):
        unplaced = written(table([ROAD], crs=None))
    with pytest.raises(InputError, match="no coordinate system"):
        read_vectors(unplaced, UTM)
    with pytest.raises(InputError, match="holds LineString, wants polygon"):
        read_vectors(written(table([ROAD]), "lines.gpkg"), UTM, kinds=("polygon",))
    with pytest.raises(InputError, match="has no features"):
        read_vectors(written(table([LineString()]), "empty.gpkg"), UTM)
    with pytest.raises(InputError, match="no field 'country'; its fields are name"):
        read_vectors(written(table([box(0, 0, 1, 1)], name=["a"]), "lands.gpkg"), UTM, field="country")
    gone = written(table([Point(0, 91)], crs="EPSG:4326"), "pole.gpkg")
    with pytest.raises(InputError, match="does not reach"):
        read_vectors(gone, UTM)
    bare = tmp_path / "bare.parquet"
    table([ROAD], a=[1]).drop(columns="geometry").to_parquet(bare)
    with pytest.raises(InputError, match=r"bare\.parquet"):
        read_vectors(bare, UTM)


def test_distances_are_those_between_pixels():
    found = distances(table([ROAD]), GRID, farthest_m=500.0)
    assert found.shape == (5, 10)
    assert found[2].tolist() == [200, 100, 0, 100, 200, 300, 400, 500, 500, 500]


def test_what_lies_outside_the_grid_counts():
    outside = table([LineString([(601150, 4799000), (601150, 4802000)])])
    assert distances(outside, GRID, farthest_m=5000.0)[0, -2:].tolist() == [300, 200]
    assert (distances(outside, GRID, farthest_m=100.0) == 100).all()
    assert (distances(table([]), GRID, farthest_m=700.0) == 700).all()


def test_shares_are_those_of_the_ground():
    half = box(600000, 4800000, 600150, 4801000)
    found = shares(table([half]), GRID)
    assert found[0, :3].tolist() == pytest.approx([1.0, 0.5, 0.0])
    lands = table([half, shapely.difference(box(*GRID.bounds), half)], country=["B", "A"])
    by_name = shares_by(lands, "country", GRID)
    assert list(by_name) == ["A", "B"]
    assert np.allclose(by_name["A"] + by_name["B"], 1)
