"""GDAL settings: in the environment before rasterio starts, and effective in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rasterio.warp import transform_bounds

from habitat.sources.catalogues.providers import provider_for
from habitat.sources.gdal_settings import ENVIRONMENT, FORBIDDEN_DRIVERS, RASTERIO_ENV, reading_env, secure_gdal


@pytest.fixture
def environment(monkeypatch):
    for name in (*ENVIRONMENT, "GDAL_SKIP"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_every_setting_is_written(environment):
    secure_gdal()
    assert {name: os.environ[name] for name in ENVIRONMENT} == dict(ENVIRONMENT)
    assert set(os.environ["GDAL_SKIP"].split(",")) == set(FORBIDDEN_DRIVERS)


def test_a_users_own_settings_stay_but_forbidden_drivers_stay_forbidden(environment):
    environment.setenv("GDAL_HTTP_TIMEOUT", "5")
    environment.setenv("GDAL_SKIP", "ECW VRT")
    secure_gdal()
    assert os.environ["GDAL_HTTP_TIMEOUT"] == "5"
    skipped = os.environ["GDAL_SKIP"].split(",")
    assert skipped[:2] == ["ECW", "VRT"]
    assert set(skipped) == {"ECW", *FORBIDDEN_DRIVERS}
    assert len(skipped) == len(set(skipped))
    secure_gdal()
    assert os.environ["GDAL_SKIP"].split(",") == skipped


def test_cache_of_64_megabytes_in_both_units():
    # In the environment the number means megabytes, through rasterio.Env bytes.
    assert ENVIRONMENT["GDAL_CACHEMAX"] == "64"
    assert RASTERIO_ENV["GDAL_CACHEMAX"] == 67_108_864


def test_what_a_provider_adds():
    assert "AWS_REQUEST_PAYER" not in reading_env(provider_for("usgs"))
    assert reading_env(provider_for("usgs", requester_pays=True))["AWS_REQUEST_PAYER"] == "requester"
    cdse = reading_env(provider_for("cdse"))
    assert cdse["AWS_S3_ENDPOINT"] == "eodata.dataspace.copernicus.eu"
    assert cdse["AWS_VIRTUAL_HOSTING"] == "FALSE"
    assert not any("KEY" in name or "SECRET" in name for name in cdse)
    assert reading_env() == dict(RASTERIO_ENV)


CODE = """
import json, sys
from habitat.sources import search
light = not any(name in sys.modules for name in ("stackstac", "dask", "rioxarray"))
from habitat.sources.gdal_settings import forbidden_drivers_alive
from habitat.sources.scenes.window_reader import WindowReader
from stackstac.raster_spec import RasterSpec
import numpy as np
from rasterio.windows import Window
spec = RasterSpec(epsg=32653, bounds={bounds}, resolutions_xy=(20, 20))
reader = WindowReader(url={path!r}, spec=spec, dtype=np.dtype("uint16"), fill_value=0)
seen = int((reader.read(Window(0, 0, 100, 100)) > 0).sum())
print(json.dumps([light, forbidden_drivers_alive(), seen > 0]))
"""


def test_in_a_fresh_process_the_drivers_stay_away_even_after_reading_from_another_zone(tmp_path):
    path = tmp_path / "a.tif"
    profile = {"driver": "GTiff", "width": 64, "height": 64, "count": 1, "dtype": "uint16", "crs": "EPSG:32652"}
    with rasterio.open(path, "w", transform=from_origin(592_000, 4_795_000, 20, 20), nodata=0, **profile) as target:
        target.write(np.ones((1, 64, 64), dtype=np.uint16))
    west, _, _, north = transform_bounds("EPSG:32652", "EPSG:32653", 592_000, 4_793_720, 593_280, 4_795_000)
    bounds = (west, north - 2000, west + 2000, north)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE.format(path=str(path), bounds=bounds)],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    light, alive, seen = json.loads(done.stdout)
    assert light
    assert alive == []
    assert seen
