"""Training labels: points and polygons of every format as pixels, and every mistake named."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from pyproj import Transformer
from shapely.geometry import LineString, Point, box

from habitat.contracts.errors import InputError
from habitat.contracts.grid import Grid
from habitat.sources.training_labels import read_training_labels

GRID = Grid("EPSG:32652", 20.0, (700000.0, 4790000.0, 700400.0, 4790200.0))
KINDS = {"oak": 3, "larch": 4, "3": 3, "4": 4}


def frame(shapes, **columns):
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=GRID.crs)


def write(path, table):
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".geojson":
        table.to_crs("EPSG:4326").to_file(path, driver="GeoJSON")
    else:
        table.to_file(path, driver="GPKG")
    return path


@pytest.mark.parametrize("name", ["crew.gpkg", "crew.geojson", "crew.parquet"])
def test_points_and_polygons_become_pixels(tmp_path, name):
    shapes = [
        Point(700045, 4790185),  # column 2, row 0
        box(700100, 4790100, 700140, 4790140),  # 2 x 2 pixels: rows 3-4, columns 5-6
        box(700201, 4790001, 700204, 4790004),  # smaller than a pixel: row 9, column 10
        Point(699000, 4790100),  # outside
        Point(700300, 4790100),  # says nothing
    ]
    table = frame(shapes, COVER=[80.0, np.nan, 30.0, 50.0, np.nan], Type=["Oak", "larch", None, "oak", None])
    found = read_training_labels(write(tmp_path / name, table), GRID, kinds=KINDS)
    places = list(zip(found.rows.tolist(), found.columns.tolist(), strict=True))
    assert places == [(0, 2), (3, 5), (3, 6), (4, 5), (4, 6), (9, 10)]
    assert found.group.tolist() == [0, 1, 1, 1, 1, 2]
    assert found.kind.tolist() == [3, 4, 4, 4, 4, 0]
    assert np.array_equal(found.cover, np.array([80] + [np.nan] * 4 + [30], np.float32), equal_nan=True)
    assert found.notes == (
        f"1 places of {name} say nothing and were left out",
        f"1 places of {name} lie outside the area's grid and were left out",
    )


def test_large_polygons_give_a_few_pixels_evenly(tmp_path):
    path = write(tmp_path / "big.gpkg", frame([box(*GRID.bounds)], cover=[90]))
    found = read_training_labels(path, GRID, kinds=KINDS)
    assert found.rows.size == 25
    assert (found.rows[[0, -1]].tolist(), found.columns[[0, -1]].tolist()) == ([0, 9], [0, 19])


def test_polygons_across_the_edge_give_what_lies_inside(tmp_path):
    path = write(tmp_path / "edge.gpkg", frame([box(699000, 4790160, 700040, 4791000)], type=["4.0"]))
    found = read_training_labels(path, GRID, kinds=KINDS)
    assert sorted(zip(found.rows.tolist(), found.columns.tolist(), strict=True)) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert set(found.kind.tolist()) == {4}


@pytest.mark.parametrize(
    ("head", "row"),
    [("x;y;cover", "700045;4790185;80,5"), ("Longitude,Latitude,cover", None)],
    ids=["metres", "degrees"],
)
def test_tables_of_spreadsheets(tmp_path, head, row):
    if row is None:
        east, north = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform(700045, 4790185)
        row = f"{east},{north},80.5"
    path = tmp_path / "crew.csv"
    path.write_text(f"\ufeff{head}\n{row}\n", encoding="utf-8")
    found = read_training_labels(path, GRID, kinds=KINDS)
    assert (found.rows.tolist(), found.columns.tolist(), found.cover.tolist()) == ([0], [2], [80.5])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x,y,cover\n", "no rows"),
        ("x,y,cover\n700045,4790185\n", "row 2 has 2 cells, wants 3"),
        ("east,north,cover\n1,2,3\n", "no longitude and latitude"),
        ("x,y,cover\n700045,,80\n", "places without a number in x or y"),
        ("x,y,cover\n700045,4790185,dense\n", "'dense' in cover, wants a number"),
        ("x,y,cover\n700045,4790185,101\n", "wants 0 to 100"),
        ("x,y,type\n700045,4790185,oka\n", r"the type 'oka' \(oak\?\)"),
        ("x,y,height\n700045,4790185,12\n", "no column cover or type"),
        ("x,y,cover\n1,2,80\n", "none of 1 places is labelled and lies within the grid"),
    ],
)
def test_mistakes_of_tables_are_named(tmp_path, text, why):
    path = tmp_path / "crew.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=why):
        read_training_labels(path, GRID, kinds=KINDS)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(InputError, match="there is no file of labels"):
        read_training_labels(tmp_path / "no.csv", GRID, kinds=KINDS)
    path = tmp_path / "crew.csv"
    path.write_bytes("x,y,cover\n1,2,сомкнутость".encode("cp1251"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_training_labels(path, GRID, kinds=KINDS)
    lines = write(tmp_path / "roads.gpkg", frame([LineString([(700000, 4790000), (700100, 4790100)])], cover=[1]))
    with pytest.raises(InputError, match="wants point or polygon"):
        read_training_labels(lines, GRID, kinds=KINDS)
