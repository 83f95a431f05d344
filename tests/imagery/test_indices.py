"""Indices: published values, hand-worked numbers, and what no index may ever do."""

from __future__ import annotations

import csv
import json
import math

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from habitat.contracts.errors import ConfigError, GridMismatch
from habitat.imagery import indices
from habitat.imagery.indices import INDICES, computable, compute

BANDS = ("blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir_narrow", "swir1", "swir2")
LETTERS = {
    "blue": "B",
    "green": "G",
    "red": "R",
    "rededge1": "RE1",
    "rededge2": "RE2",
    "rededge3": "RE3",
    "nir": "N",
    "nir_narrow": "N2",
    "swir1": "S1",
    "swir2": "S2",
}
# Ours to the catalogue's: NBR is tabled there as MNDVI, the same formula.
TABLED = {
    "ndvi": "NDVI",
    "evi2": "EVI2",
    "ndmi": "NDMI",
    "nbr": "MNDVI",
    "nbr2": "NBR2",
    "mirbi": "MIRBI",
    "ndwi": "NDWI",
}
WRITTEN = {
    "ndvi": "NDVI",
    "evi2": "EVI2",
    "ndmi": "NDMI",
    "nbr": "NBR",
    "nbr2": "NBR2",
    "mirbi": "MIRBI",
    "csi": "CSI",
    "bais2": "BAIS2",
    "ndsi": "NDSI",
    "ndwi": "NDWI",
    "mndwi": "MNDWI",
}
FOREST = {
    "blue": 0.02,
    "green": 0.04,
    "red": 0.02,
    "rededge2": 0.2,
    "rededge3": 0.25,
    "nir": 0.3,
    "nir_narrow": 0.32,
    "swir1": 0.15,
    "swir2": 0.1,
}
RATIOS = ("ndvi", "kndvi", "ndmi", "nbr", "nbr2", "csi", "ndsi", "ndwi", "mndwi")

reflectance = hnp.arrays(np.float64, (2, 3), elements=st.just(0.0) | st.floats(1e-6, 1))
anything = hnp.arrays(np.float64, (2, 3), elements=st.floats(-0.3, 2) | st.just(math.nan) | st.just(0.0))


def spectra(shared):
    folder = shared / "reference" / "spectral_indices"
    if not folder.is_dir():
        pytest.skip("no reference spectra here")
    return folder, json.loads((folder / "inputs.json").read_text())["spectra"]


@pytest.mark.parametrize("name", TABLED)
def test_equals_the_published_values(name, shared):
    folder, inputs = spectra(shared)
    with (folder / "expected_values.csv").open() as file:
        row = next(row for row in csv.DictReader(file) if row["index"] == TABLED[name])
    for spectrum, bands in inputs.items():
        value = compute(name, {band: np.float64(bands[LETTERS[band]]) for band in INDICES[name].bands})
        np.testing.assert_allclose(value, float(row[spectrum]), rtol=1e-9)


@pytest.mark.parametrize("name", WRITTEN)
def test_equals_the_catalogue_formula(name, shared):
    folder, inputs = spectra(shared)
    catalogue = json.loads((folder / "spectral-indices-dict.json").read_text())
    formula = catalogue.get("SpectralIndices", catalogue)[WRITTEN[name]]["formula"]
    for bands in inputs.values():
        expected = eval(formula, {"__builtins__": {}}, bands | {"g": 2.5, "L": 1.0})
        value = compute(name, {band: np.float64(bands[LETTERS[band]]) for band in INDICES[name].bands})
        if isinstance(expected, complex):
            assert np.isnan(value)
        else:
            np.testing.assert_allclose(value, expected, rtol=1e-9)


def test_kndvi_is_the_kernel_definition(shared):
    _, inputs = spectra(shared)
    for bands in inputs.values():
        near, red = bands["N"], bands["R"]
        sigma = 0.5 * (near + red)
        kernel = math.exp(-((near - red) ** 2) / (2 * sigma**2))
        value = compute("kndvi", {"nir": np.float64(near), "red": np.float64(red)})
        np.testing.assert_allclose(value, (1 - kernel) / (1 + kernel), rtol=1e-9)


@pytest.mark.parametrize("name", ["ndvi", "nbr"])
def test_equals_the_qgis_raster_calculator(name, shared):
    folder, _ = spectra(shared)
    case = json.loads((folder / "qgis_raster_calculator_8x4.json").read_text())
    # Ratios do not mind the scale; 20000 brings the case's numbers into the range of reflectance.
    bands = {band: np.array(rows, np.float64) / 20_000 for band, rows in case["bands"].items()}
    expected = np.array(case["expected_qgis"][name], np.float64)
    np.testing.assert_allclose(compute(name, bands), expected, atol=1e-6)
    assert np.isnan(expected).sum() >= 2


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ndvi", 0.28 / 0.32),
        ("evi2", 2.5 * 0.28 / 1.348),
        ("kndvi", math.tanh(0.875**2)),
        ("ndmi", 0.15 / 0.45),
        ("nbr", 0.5),
        ("nbr2", 0.2),
        ("mirbi", 1 - 1.47 + 2),
        ("csi", 3.0),
        # sqrt(0.2 * 0.25 * 0.32 / 0.02) = sqrt(0.8); (0.1 - 0.32) / sqrt(0.42) + 1
        ("bais2", (1 - 0.8**0.5) * (1 - 0.22 / 0.42**0.5)),
        ("ndsi", -0.11 / 0.19),
        ("ndwi", -0.26 / 0.34),
        ("mndwi", -0.11 / 0.19),
        # 0.004086 + 0.016632 + 0.011048 + 0.17223 + 0.04686 + 0.02303
        ("tcb", 0.273886),
        # -0.003206 - 0.011276 - 0.009868 + 0.2382 - 0.00003 - 0.01446
        ("tcg", 0.19936),
        # 0.00063 + 0.008084 + 0.006204 + 0.04782 - 0.10209 - 0.06109
        ("tcw", -0.100442),
    ],
)
def test_forest_by_hand(name, value):
    np.testing.assert_allclose(compute(name, FOREST), value, rtol=1e-12)


def test_tasselled_cap_axes_are_orthonormal():
    # Crist's axes are a rotation of band space: a mistyped digit or sign would show here.
    bands = ("blue", "green", "red", "nir", "swir1", "swir2")
    axes = np.array(
        [
            [float(compute(name, {b: float(b == band) for b in bands})) for band in bands]
            for name in ("tcb", "tcg", "tcw")
        ]
    )
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=2e-4)


@pytest.mark.parametrize("name", INDICES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_bounds_hold(name, data):
    entry = INDICES[name]
    values = compute(name, {band: data.draw(anything) for band in entry.bands})
    assert not np.isinf(values).any()
    if entry.bounds:
        known = values[np.isfinite(values)]
        assert ((known >= entry.bounds[0]) & (known <= entry.bounds[1])).all()


@pytest.mark.parametrize("name", INDICES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_clean_reflectance_is_never_clipped(name, data):
    entry = INDICES[name]
    bands = {band: data.draw(reflectance) for band in entry.bands}
    with np.errstate(all="ignore"):
        plain = entry.function.__wrapped__(**bands)
    guarded = compute(name, bands)
    known = np.isfinite(guarded)
    np.testing.assert_allclose(guarded[known], plain[known], rtol=0, atol=0)


@pytest.mark.parametrize("name", INDICES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_unknown_is_never_made_known(name, data):
    bands = {band: data.draw(anything) for band in INDICES[name].bands}
    values = compute(name, bands)
    for band in bands.values():
        assert np.isnan(values[np.isnan(band) | (band <= -0.05) | (band >= 1.5)]).all()


@pytest.mark.parametrize("name", RATIOS)
@settings(max_examples=25, deadline=None)
@given(data=st.data(), factor=st.floats(0.05, 1))
def test_ratios_do_not_mind_the_light(name, data, factor):
    bands = {
        band: data.draw(hnp.arrays(np.float64, (2, 3), elements=st.floats(0.001, 1))) for band in INDICES[name].bands
    }
    dimmed = compute(name, {band: values * factor for band, values in bands.items()})
    np.testing.assert_allclose(dimmed, compute(name, bands), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", INDICES)
def test_zero_and_negative_denominators_are_unknown_without_a_warning(name):
    with np.errstate(all="raise"):
        compute(name, {band: np.zeros((2, 2)) for band in INDICES[name].bands})
        compute(name, {band: np.full((2, 2), -0.01) for band in INDICES[name].bands})
    if name in RATIOS:
        for level in (0.0, -0.01):
            assert np.isnan(compute(name, {band: np.full((2, 2), level) for band in INDICES[name].bands})).all()


def test_noise_below_zero_stays_within_bounds():
    # (0.3 + 0.02) / (0.3 - 0.02) = 1.14 without the bound
    assert compute("ndvi", {"nir": np.array(0.3), "red": np.array(-0.02)}) == 1.0


@pytest.mark.parametrize("name", INDICES)
def test_keeps_dask_lazy_and_float32(name):
    def refuse(*_args, **_kwargs):
        raise AssertionError("an index computed its input")

    lazy = {
        band: xr.DataArray(da.full((4, 4), FOREST.get(band, 0.1), dtype=np.float32, chunks=2), dims=("y", "x"))
        for band in INDICES[name].bands
    }
    with dask.config.set(scheduler=refuse):
        layer = compute(name, lazy)
        plain = compute(name, {band: values.data for band, values in lazy.items()})
    assert isinstance(layer.data, da.Array)
    assert isinstance(plain, da.Array)
    assert layer.dtype == plain.dtype == np.float32
    np.testing.assert_allclose(layer.compute(), compute(name, FOREST), rtol=1e-5)
    np.testing.assert_array_equal(plain.compute(), layer.compute())


def test_layer_carries_name_units_and_coordinates():
    coords = {"y": [30.0, 10.0], "x": [5.0, 25.0], "spatial_ref": 0}
    bands = {b: xr.DataArray(np.full((2, 2), FOREST[b]), dims=("y", "x"), coords=coords) for b in ("nir", "swir2")}
    layer = compute("nbr", xr.Dataset(bands))
    assert (layer.name, layer.attrs["units"]) == ("nbr", "1")
    assert layer.attrs["long_name"] == "Normalised burn ratio (NBR)"
    assert set(layer.coords) == set(coords)


def test_bands_of_two_grids_are_refused():
    nir = xr.DataArray(np.full((2, 2), 0.3), dims=("y", "x"), coords={"y": [30.0, 10.0], "x": [5.0, 25.0]})
    with pytest.raises(GridMismatch, match="one grid"):
        indices.ndvi(nir, nir.assign_coords(x=[15.0, 35.0]))
    with pytest.raises(GridMismatch, match="one cube"):
        indices.ndvi(nir.expand_dims(time=[0, 1]), nir.expand_dims(time=[1, 2]))


def test_digital_numbers_are_refused():
    codes = np.array([[3000]], np.uint16)
    with pytest.raises(TypeError, match=r"'nir' holds uint16 digital numbers.*DN \* scale"):
        compute("ndvi", {"nir": codes, "red": codes})


def test_computable_names_what_is_lacking():
    names, lacking = computable(["red", "nir", "swir1", "clear"])
    assert names == ["ndvi", "evi2", "kndvi", "ndmi"]
    assert lacking["nbr"] == ["swir2"]
    assert lacking["tcb"] == ["blue", "green", "swir2"]
    assert computable(BANDS)[1] == {}


def test_unknown_index_and_missing_bands_say_what_to_do():
    with pytest.raises(ConfigError, match=r"no index 'mirb' \(did you mean 'mirbi'\?\)\. There are: bais2, csi"):
        compute("mirb", {})
    with pytest.raises(ConfigError, match="no index 'q'\\. There are"):
        compute("q", {})
    with pytest.raises(ConfigError, match="needs nir, swir2; not given: swir2"):
        compute("nbr", {"nir": np.array(0.3)})
