"""GeoParquet: what is written is read again, twice the same bytes, and a failure leaves the old file."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import box

from habitat.contracts.errors import ConfigError, PublishError
from habitat.store.geoparquet import write_geoparquet


def table():
    return gpd.GeoDataFrame({"name": ["a", "Леопард 豹"], "ha": [1.5, None]}, geometry=[box(0, 0, 1, 1)] * 2, crs=4326)


def test_the_same_table_comes_back_and_the_same_bytes(tmp_path):
    one, other = tmp_path / "one.parquet", tmp_path / "other.parquet"
    write_geoparquet(one, table())
    write_geoparquet(other, table())
    pd.testing.assert_frame_equal(gpd.read_parquet(one).drop(columns="bbox", errors="ignore"), table())
    assert one.read_bytes() == other.read_bytes()
    write_geoparquet(one, table().iloc[:0])
    assert gpd.read_parquet(one).empty
    assert [path.name for path in tmp_path.iterdir() if path.suffix != ".parquet"] == []


def test_refusals_leave_what_was_there(tmp_path):
    path = tmp_path / "zones.parquet"
    path.write_bytes(b"old")
    with pytest.raises(ConfigError, match=r"ends in '\.csv'"):
        write_geoparquet(tmp_path / "zones.csv", table())
    with pytest.raises(ConfigError, match="no coordinate system"):
        write_geoparquet(path, table().set_crs(None, allow_override=True))
    with pytest.raises(PublishError, match="cannot be written as GeoParquet"):
        write_geoparquet(path, table().assign(mixed=[{1, 2}, "text"]))
    with pytest.raises(PublishError, match="cannot write"):
        write_geoparquet(tmp_path / "gone" / "zones.parquet", table())
    assert path.read_bytes() == b"old"
