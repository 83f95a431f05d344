"""Samples: points for a GIS, a spreadsheet and a globe, with what stands in them."""

from __future__ import annotations

import json

import geopandas as gpd
import pandas as pd
import pytest

from habitat.contracts.errors import ConfigError, PublishError
from habitat.store.samples import write_samples


@pytest.fixture
def points():
    data = {"id": ["1", "2"], "stratum": ["a & b", "c"], "reference": ["", ""]}
    return gpd.GeoDataFrame(data, geometry=gpd.points_from_xy([500_010, 500_030], [4.8e6, 4.8e6]), crs="EPSG:32652")


def test_a_gis_gets_points_in_the_maps_system(points, tmp_path):
    write_samples(tmp_path / "a.gpkg", points)
    found = gpd.read_file(tmp_path / "a.gpkg")
    assert found.crs == points.crs
    assert found.geometry.x.tolist() == [500_010, 500_030]
    assert found["stratum"].tolist() == ["a & b", "c"]
    write_samples(tmp_path / "a.geojson", points)
    features = json.loads((tmp_path / "a.geojson").read_text())["features"]
    assert features[0]["geometry"]["coordinates"] == pytest.approx([129.0001234, 43.3528], abs=1e-4)


def test_a_spreadsheet_gets_degrees_and_the_mark_of_utf_8(points, tmp_path):
    write_samples(tmp_path / "a.csv", points)
    content = (tmp_path / "a.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfid,stratum,reference,longitude,latitude\n1,a & b,,129.000")
    found = pd.read_csv(tmp_path / "a.csv", encoding="utf-8-sig")
    assert found["longitude"].tolist() == pytest.approx([129.0001234, 129.0003702], abs=1e-6)


def test_a_globe_gets_a_placemark_for_each_point(points, tmp_path):
    write_samples(tmp_path / "a.kml", points)
    text = (tmp_path / "a.kml").read_text(encoding="utf-8")
    assert text.count("<Placemark>") == 2
    assert (
        '<name>1</name><description></description><ExtendedData><Data name="stratum"><value>a &amp; b</value>' in text
    )
    assert "<coordinates>129.0001" in text


def test_refusals(points, tmp_path):
    with pytest.raises(ConfigError, match=r"ends in '.shp', wants .gpkg, .geojson, .csv, .kml"):
        write_samples(tmp_path / "a.shp", points)
    with pytest.raises(ConfigError, match="wants a column id"):
        write_samples(tmp_path / "a.csv", points.drop(columns="id"))
    with pytest.raises(ConfigError, match="coordinate system"):
        write_samples(tmp_path / "a.csv", points.set_crs(None, allow_override=True))
    with pytest.raises(PublishError, match="cannot write"):
        write_samples(tmp_path / "none" / "a.csv", points)
    assert list(tmp_path.iterdir()) == []
