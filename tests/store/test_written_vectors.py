"""Vectors: what is read back is what was written, the same bytes each time, and a failed write leaves the old file."""

from __future__ import annotations

import json
import os
import time

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from habitat.contracts.errors import ConfigError, PublishError
from habitat.store.vectors import write_vectors


@pytest.fixture
def table():
    ring = shapely.box(600000, 4800000, 600100, 4800100).difference(shapely.box(600020, 4800020, 600040, 4800040))
    return gpd.GeoDataFrame(
        {
            "id": np.array([1, 2]),
            "first_day": pd.to_datetime(["2025-04-24", None]),
            "seen": pd.to_datetime(["2025-04-24T05:00", "2025-04-24T00:00"]),
            "hotspots": pd.array([3, pd.NA], dtype="Int64"),
            "zones": ["west-side, east-side", ""],
            "dnbr_median": [0.25, np.nan],
        },
        geometry=[ring, shapely.MultiPolygon([shapely.box(i, 4800000, i + 20, 4800020) for i in (600200, 600300)])],
        crs="EPSG:32652",
    )


def test_geopackage_round_trip(tmp_path, table):
    path = tmp_path / "scars.gpkg"
    write_vectors(path, table)
    assert [entry.name for entry in tmp_path.iterdir()] == ["scars.gpkg"]
    told = pyogrio.read_info(path)
    assert (told["layer_name"], told["crs"]) == ("scars", "EPSG:32652")
    kinds = dict(zip(told["fields"], told["ogr_types"], strict=True))
    assert (kinds["first_day"], kinds["seen"], kinds["hotspots"]) == ("OFTDate", "OFTDateTime", "OFTInteger64")
    back = gpd.read_file(path)
    assert back.geometry.geom_equals(table.geometry).all()
    assert back["first_day"].dt.strftime("%Y-%m-%d").tolist()[0] == "2025-04-24"
    assert back["first_day"].isna().tolist() == [False, True]
    assert back["hotspots"].isna().tolist() == [False, True]
    assert back["zones"].tolist() == ["west-side, east-side", ""]
    assert table["first_day"].dtype.kind == "M"


def test_geojson_follows_rfc_7946(tmp_path, table):
    path = tmp_path / "scars.geojson"
    write_vectors(path, table)
    content = json.loads(path.read_text())
    assert "crs" not in content
    first, second = content["features"]
    assert first["properties"]["first_day"] == "2025-04-24"
    assert first["properties"]["seen"].startswith("2025-04-24T05:00:00")
    assert second["properties"] | {"geometry": None} == {
        "id": 2, "first_day": None, "seen": "2025-04-24T00:00:00", "hotspots": None, "zones": "",
        "dnbr_median": None, "geometry": None,
    }  # fmt: skip
    outer, hole = first["geometry"]["coordinates"]
    assert shapely.LinearRing(outer).is_ccw
    assert not shapely.LinearRing(hole).is_ccw
    back = gpd.read_file(path).to_crs(32652)
    assert back.geometry.iloc[0].symmetric_difference(table.geometry.iloc[0]).area < 5
    # 600 km from the west of zone 52, 43.3 degrees north.
    assert first["geometry"]["coordinates"][0][0] == pytest.approx([130.23, 43.35], abs=0.01)


@pytest.mark.parametrize("ending", ["gpkg", "geojson"])
def test_the_same_table_gives_the_same_bytes(tmp_path, table, ending):
    paths = [tmp_path / number / f"scars.{ending}" for number in "12"]
    for path in paths:
        path.parent.mkdir()
        write_vectors(path, table)
        time.sleep(1.1 if path is paths[0] else 0)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    write_vectors(paths[0], table.iloc[:1])
    assert len(gpd.read_file(paths[0])) == 1
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


@pytest.mark.parametrize("ending", ["gpkg", "geojson"])
def test_no_scars_are_an_empty_layer(tmp_path, table, ending):
    path = tmp_path / f"scars.{ending}"
    write_vectors(path, table.iloc[:0])
    back = gpd.read_file(path)
    assert len(back) == 0
    if ending == "gpkg":
        assert set(table.columns) == set(back.columns)


def test_what_is_refused(tmp_path, table):
    with pytest.raises(ConfigError, match=r"wants .gpkg or .geojson"):
        write_vectors(tmp_path / "scars.shp", table)
    with pytest.raises(ConfigError, match="no coordinate system"):
        write_vectors(tmp_path / "scars.gpkg", table.set_crs(None, allow_override=True))
    with pytest.raises(PublishError, match="cannot write"):
        write_vectors(tmp_path / "nowhere" / "scars.gpkg", table)


def test_a_failed_write_leaves_the_old_file(tmp_path, table, monkeypatch):
    path = tmp_path / "scars.gpkg"
    write_vectors(path, table)
    before = path.read_bytes()

    def fail(*about):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(PublishError, match="No space left"):
        write_vectors(path, table.iloc[:1])
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["scars.gpkg"]
