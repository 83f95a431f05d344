"""Labels: four kinds of files, spellings, places, and every mistake by its own text."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from pyproj import Transformer

from habitat.contracts.errors import InputError
from habitat.contracts.grid import Grid
from habitat.sources.labels import read_labels
from habitat.store.samples import write_samples

GRID = Grid("EPSG:32652", 20.0, (600_000.0, 4_800_000.0, 602_000.0, 4_801_000.0))
NAMES = {"1": "burnt", "burnt": "burnt", "2": "Not burnt", "Not burnt": "Not burnt"}
X, Y = np.array([600_010.0, 600_030.0, 601_990.0]), np.array([4_800_990.0, 4_800_010.0, 4_800_510.0])


@pytest.fixture
def labels(tmp_path):
    def written(text, name="labels.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return written


def points(**columns):
    data = {"id": [1, 2, 3], "reference": ["burnt", "", "2"]} | columns
    return gpd.GeoDataFrame(data, geometry=gpd.points_from_xy(X, Y), crs=GRID.crs)


def save(table, path):
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        write_samples(path, table)
    return path


@pytest.mark.parametrize("name", ["a.gpkg", "a.csv", "a.kml", "a.parquet"])
def test_one_sample_in_every_format(tmp_path, name):
    table = points(stratum=["1", "1", "2"], map=["1", "1", "2"])
    found = read_labels(save(table, tmp_path / name), GRID, names=NAMES)
    assert found.ids == ("1", "2", "3")
    assert found.reference == ("burnt", "", "Not burnt")
    assert found.unlabelled == 1
    assert found.strata == ("1", "1", "2")
    assert found.mapped == ("burnt", "burnt", "Not burnt")
    assert np.abs(found.x - X).max() < 0.02
    assert np.abs(found.y - Y).max() < 0.02


def test_another_coordinate_system_is_turned(tmp_path):
    found = read_labels(save(points().to_crs("EPSG:4326"), tmp_path / "a.parquet"), GRID)
    assert np.abs(found.x - X).max() < 1e-3
    renamed = points().rename_geometry("Geom").rename(columns={"id": "ID"})
    renamed.to_parquet(tmp_path / "b.parquet")
    assert read_labels(tmp_path / "b.parquet", GRID).ids == ("1", "2", "3")


def test_a_table_without_places_stays_without(labels):
    found = read_labels(labels("Reference,ID\nburnt,p1\n,p2\n"), GRID)
    assert (found.ids, found.reference, found.strata, found.mapped) == (("p1", "p2"), ("burnt", ""), None, None)
    assert found.x is None
    assert found.y is None


def test_what_spreadsheets_write(labels):
    lon, lat = Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True).transform(X, Y)
    rows = [f"{k}.0;{one};{lon[k]:.7f};{lat[k]:.7f}".replace(".", ",") for k, one in enumerate(["1", "NaN", " 2,0"])]
    text = "\ufeffid;reference;lon;lat\r\n" + "\r\n".join(rows) + "\r\n;;;\r\n"
    found = read_labels(labels(text.replace("0,0;", "0.0;").replace("2,0;", "2.0;").replace("1,0;", "1.0;")), GRID)
    assert found.ids == ("0", "1", "2")
    assert found.reference == ("1", "", "2")
    assert np.abs(found.x - X).max() < 0.02
    quoted = labels('id\treference\n1\t"Not burnt"\n')
    assert read_labels(quoted, GRID, names=NAMES).reference == ("Not burnt",)


def test_codes_and_capitals_mean_the_class(labels):
    found = read_labels(labels("id,reference\na,BURNT\nb,not burnt\nc,1\nd,2.0\n"), GRID, names=NAMES)
    assert found.reference == ("burnt", "Not burnt", "burnt", "Not burnt")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,class\n1,a\n", "no column reference; wants id and reference, there are id, class"),
        ("id,reference,ID\n1,a,1\n", "the column id twice"),
        ("id,reference\n", "has no rows"),
        ("id,reference\n1,a,b\n", "row 2 has 3 cells, wants 2"),
        ("id,reference\n1,burnt\n,burnt\n", "1 points without an id, the first in row 2"),
        ("id,reference\n1,burnt\n1,burnt\n2,burnt\n", "the id 1 more than once"),
        ("id,reference\n1,\n2,na\n", "2 points and no label"),
        ("id,reference\n1,burned\n", r"'burned' \(point 1; burnt\?\); wants one of burnt, Not burnt, or nothing"),
        ("id,reference\n1,water\n", r"unknown: 'water' \(point 1\)"),
        ("id,reference,map\n1,burnt,3\n", "classes in map that are unknown: '3'"),
        ("id,reference,x,y\n1,burnt,599999,4800500\n2,burnt,600001,4800500\n", "1 of 2 points lie outside the map: 1;"),
        ("id,reference,lon,lat\n1,burnt,43.3,130.2\n", "1 of 1 points lie outside the map"),
        ("id,reference,lon,lat\n1,burnt,130.2,\n", "row 1 has no number in lon or lat"),
    ],
)
def test_mistakes_in_tables(labels, text, told):
    with pytest.raises(InputError, match=told):
        read_labels(labels(text), GRID, names=NAMES)


def test_files_that_are_no_labels(labels, tmp_path):
    with pytest.raises(InputError, match=r"ends in '.xlsx', wants .gpkg"):
        read_labels(labels("", "a.xlsx"), GRID)
    with pytest.raises(InputError, match="there is no file of labels"):
        read_labels(tmp_path / "none.csv", GRID)
    with pytest.raises(InputError, match=r"not UTF-8 text \(byte 15\)"):
        read_labels(labels("id,reference\n1,лес\n", encoding="cp1251"), GRID)
    for name in ("a.gpkg", "a.parquet"):
        with pytest.raises(InputError, match=r"cannot be read|no GPKG"):
            read_labels(labels("nothing of the kind", name), GRID)
    outlines = points()
    outlines["geometry"] = outlines.buffer(5)
    with pytest.raises(InputError, match="wants points with a coordinate system"):
        read_labels(save(outlines, tmp_path / "outlines.gpkg"), GRID)


KML = '<kml xmlns="http://www.opengis.net/kml/2.2"><Document><Folder>{}</Folder></Document></kml>'
PLACE = "<Point><coordinates>130.2400,43.3500,12</coordinates></Point>"
HERE = Grid("EPSG:32652", 20.0, (590_000.0, 4_790_000.0, 610_000.0, 4_810_000.0))


def test_a_globe_labels_in_the_description(labels):
    marks = (
        f"<Placemark><name>1</name><description>&lt;b&gt;burnt&lt;/b&gt; </description>{PLACE}</Placemark>"
        f'<Placemark><name>2</name><ExtendedData><SchemaData><SimpleData name="Reference">2</SimpleData></SchemaData>'
        f"</ExtendedData>{PLACE}</Placemark><Placemark><name>3</name>{PLACE}</Placemark>"
    )
    found = read_labels(labels(KML.format(marks), "a.kml"), HERE, names=NAMES)
    assert found.reference == ("burnt", "Not burnt", "")
    x, y = Transformer.from_crs("EPSG:4326", HERE.crs, always_xy=True).transform(130.24, 43.35)
    assert found.x == pytest.approx([x] * 3)
    assert found.y == pytest.approx([y] * 3)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (KML.format(""), "has no placemarks"),
        (KML.format("<Placemark><name>1</name></Placemark>"), "placemark '1' is no point"),
        ("<kml>", "is no KML"),
        ("<!DOCTYPE kml [<!ENTITY a 'b'>]>" + KML.format(""), "declares a document type or entities"),
    ],
)
def test_mistakes_in_placemarks(labels, text, told):
    with pytest.raises(InputError, match=told):
        read_labels(labels(text, "a.kml"), HERE)


def test_a_packed_kml_is_told(tmp_path):
    (tmp_path / "a.kml").write_bytes(b"PK\x03\x04\xff\xfe")
    with pytest.raises(InputError, match="a KMZ is a zip"):
        read_labels(tmp_path / "a.kml", HERE)
