"""Cubes: what notebooks compute is lazy, and equals what jobs publish."""

from __future__ import annotations

import dask
import numpy as np
import pytest
import xarray as xr

from habitat import twin
from habitat.contracts import Period
from habitat.contracts.errors import GridMismatch
from habitat.imagery.cubes import clear_median, keep_clear
from habitat.products import PRODUCTS, Workshop
from habitat.sources import load_cube, search
from habitat.store import Store

DIMS = ("time", "y", "x")


def refuse(*about, **more):
    raise AssertionError("something was computed")


@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_the_notebooks_median_is_the_jobs_median(tmp_path):
    made = twin.make(tmp_path / "twin", size="tiny")
    may = Period("2025-05")
    found = search("sentinel2", made.area, may, catalogue=made.catalog, max_cloud_cover=90)
    with dask.config.set(scheduler=refuse):
        lazy = clear_median(load_cube(found, made.area, bands=("nir", "swir2"), purpose="burn", chunks=32))
    assert lazy["nir"].dims == ("y", "x")
    assert lazy["nir"].attrs["units"] == "1"
    middle = lazy.compute()
    shop = Workshop(made.area, Store(tmp_path / "store"), workers=2)
    params = PRODUCTS["composite"].params(catalogue=str(made.catalog), purpose="burn", geometric_median=False)
    PRODUCTS["composite"].build(params, shop, may)
    published = shop.store.read("composite", made.area, may, "median")
    for band in ("nir", "swir2"):
        np.testing.assert_array_equal(np.isnan(middle[band]), np.isnan(published[band]))
        np.testing.assert_allclose(middle[band], published[band], atol=0.52e-4)


def test_masking_never_invents_a_value():
    random = np.random.default_rng(4)
    cube = xr.Dataset({"red": (DIMS, random.random((3, 4, 5))), "clear": (DIMS, random.random((3, 4, 5)) < 0.5)})
    kept = keep_clear(cube)
    assert set(kept) == {"red"}
    np.testing.assert_array_equal(np.isfinite(kept["red"]), cube["clear"])
    assert kept["red"].where(cube["clear"], -1).equals(cube["red"].where(cube["clear"], -1))


def test_a_cube_without_clear_is_refused():
    with pytest.raises(GridMismatch, match="no variable 'clear'"):
        clear_median(xr.Dataset({"red": (DIMS, np.zeros((1, 1, 1)))}))
