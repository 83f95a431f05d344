"""Severity: the published numbers to their last digit, antisymmetry, NaN, laziness, and refusals that say why."""

from __future__ import annotations

import csv
import json

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from habitat.contracts.errors import ConfigError, GridMismatch, InputError
from habitat.contracts.legend import Legend
from habitat.fire.severity import (
    NBR_FLOOR,
    SCHEMES,
    dnbr,
    floored_share,
    offset_by_kind,
    rbr,
    rdnbr,
    severity_classes,
    snow_or_cloud,
    unburnt_offset,
)

NBR = arrays.arrays(np.float64, (3, 4), elements=st.floats(-1, 1) | st.just(float("nan")))


@pytest.fixture(scope="module")
def reference(shared):
    folder = shared / "reference" / "fire_severity"
    if not folder.is_dir():
        pytest.skip("the reference numbers of fire severity are not at hand")
    return folder


@pytest.fixture(scope="module")
def cases(reference):
    with (reference / "formula_cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}


def burn_ratio(nir, swir2):
    return (nir - swir2) / (nir + swir2)


def before_and_after(cases):
    return (burn_ratio(cases[f"nir_{when}"], cases[f"swir2_{when}"]) for when in ("pre", "post"))


def test_formulas_match_the_reference_to_a_millionth(cases):
    before, after = before_and_after(cases)
    offset = cases["dnbr_offset"] / 1000
    close = {"rtol": 1e-6, "atol": 1e-6}
    np.testing.assert_allclose(1000 * before, cases["nbr_pre_x1000"], **close)
    np.testing.assert_allclose(1000 * dnbr(before, after), cases["dnbr_x1000"], **close)
    np.testing.assert_allclose(1000 * rbr(before, after), cases["rbr_x1000"], **close)
    np.testing.assert_allclose(rdnbr(before, after), cases["rdnbr"], **close)
    for row in range(len(before)):
        one = slice(row, row + 1)
        with_offset = {"offset": float(offset[row])}
        np.testing.assert_allclose(
            1000 * dnbr(before[one], after[one], **with_offset), cases["dnbr_minus_offset"][one], **close
        )
        np.testing.assert_allclose(
            rdnbr(before[one], after[one], **with_offset), cases["rdnbr_minus_offset"][one], **close
        )


def test_classes_match_the_reference(cases):
    before, after = before_and_after(cases)
    assert severity_classes(dnbr(before, after), "key-benson-2006").tolist() == cases["usgs_class"].astype(int).tolist()


def test_class_limits_are_the_published_ones(reference):
    with (reference / "usgs_dnbr_classes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            ends = np.array([float(row["dnbr_min_x1000"]), float(row["dnbr_max_x1000"])], np.float32) / 1000
            assert severity_classes(ends, "key-benson-2006").tolist() == [int(row["code"])] * 2
    breaks = json.loads((reference / "cbi_classes.json").read_text())["cbi_class_breaks"]
    scheme = SCHEMES["cbi"]
    assert [name for _, name, _ in scheme.classes] == list(breaks)
    for code, (low, high) in enumerate(breaks.values(), start=1):
        inside = np.array([low, (low + high) / 2, np.nextafter(high, 0) - 1e-5])
        assert severity_classes(inside, "cbi").tolist() == [code] * 3
    assert severity_classes(np.array([3.0, 3.01, -0.01]), "cbi").tolist() == [4, 255, 255]


def test_one_real_burnt_pixel(reference):
    pixel = json.loads((reference / "real_fire_pixel.json").read_text())
    change = dnbr(np.array([pixel["median_nbr_pre_x1000"] / 1000]), np.array([pixel["median_nbr_post_x1000"] / 1000]))
    assert change[0] * 1000 == pytest.approx(pixel["dnbr_x1000"], rel=1e-9)
    assert severity_classes(change, "key-benson-2006").tolist() == [7]


def test_numbers_worked_out_by_hand():
    before, after = np.array([0.25]), np.array([-0.15])
    # dNBR 0.4; its root is 0.5, so 400 / 0.5; 0.4 / 1.251.
    assert dnbr(before, after)[0] == pytest.approx(0.4)
    assert rdnbr(before, after)[0] == pytest.approx(800.0)
    assert rbr(before, after)[0] == pytest.approx(0.4 / 1.251)
    assert dnbr(before, after, offset=0.05)[0] == pytest.approx(0.35)
    assert rbr(before, after, offset=0.05)[0] == pytest.approx(0.35 / 1.251)
    # Below the floor of 0.001 the root is that of 0.001, whichever sign the ratio has.
    tiny = np.array([0.0, 0.0005, -0.0005])
    np.testing.assert_allclose(rdnbr(tiny, tiny - 0.1), 100 / np.sqrt(NBR_FLOOR))
    np.testing.assert_allclose(rdnbr(tiny, tiny - 0.1, floor=0.04), 500.0)
    assert floored_share(tiny) == 1.0
    assert floored_share(tiny, floor=0.0004) == pytest.approx(1 / 3)
    assert np.isnan(floored_share(np.array([np.nan])))


def test_limits_of_rdnbr_classes():
    values = np.array([-900.0, 68.9, 69.0, 315.9, 316.0, 640.9, 641.0, 4000.0, np.nan], np.float32)
    assert severity_classes(values, "miller-thode-2007").tolist() == [1, 1, 2, 2, 3, 3, 4, 4, 255]


def test_a_limit_missed_by_rounding_is_still_on_it():
    stored = np.array([2700, 6600, 1000, -1000], np.int16) * np.float32(1e-4)
    assert severity_classes(stored, "key-benson-2006").tolist() == [5, 7, 4, 3]
    # Somebody's dNBR times 1000 has no class at all rather than the highest.
    assert severity_classes(np.array([270.0, -300.0]), "key-benson-2006").tolist() == [255, 255]


@given(NBR, NBR)
def test_dnbr_is_antisymmetric_and_keeps_nan(before, after):
    forth, back = dnbr(before, after), dnbr(after, before)
    np.testing.assert_array_equal(forth, -back)
    np.testing.assert_array_equal(np.isnan(forth), np.isnan(before) | np.isnan(after))


@given(NBR, NBR, st.floats(-0.2, 0.2))
def test_all_measures_agree_in_sign_and_in_what_is_unknown(before, after, offset):
    change = dnbr(before, after, offset=offset)
    for measure in (rdnbr(before, after, offset=offset), rbr(before, after, offset=offset)):
        np.testing.assert_array_equal(np.isnan(measure), np.isnan(change))
        np.testing.assert_array_equal(np.sign(measure), np.sign(change))
        assert np.isfinite(measure[~np.isnan(change)]).all()
    for name in SCHEMES:
        assert (severity_classes(change, name)[np.isnan(change)] == 255).all()


@given(NBR, st.sampled_from(sorted(SCHEMES)))
def test_more_change_is_never_a_lower_class(values, name):
    ordered = np.sort(values[~np.isnan(values)])
    codes = severity_classes(ordered, name)
    assert (np.diff(codes[codes != 255].astype(int)) >= 0).all()


def layer(values, name="nbr", x0=0.0):
    return xr.DataArray(
        values, dims=("y", "x"), name=name, coords={"y": [10.0, 0.0], "x": np.arange(values.shape[1]) * 10.0 + x0}
    )


def test_layers_stay_lazy_and_keep_their_place():
    before, after = (layer(da.full((2, 3), value, chunks=(1, 3))) for value in (0.49, 0.14))

    def refuse(*about, **more):
        raise AssertionError("something was computed")

    with dask.config.set(scheduler=refuse):
        lazy = {
            "dnbr": dnbr(before, after, offset=0.01),
            "rdnbr": rdnbr(before, after),
            "rbr": rbr(before, after),
        }
        lazy["severity_class"] = severity_classes(lazy["dnbr"], "key-benson-2006")
        snow = snow_or_cloud(*[before] * 5)
    for name, found in lazy.items():
        assert isinstance(found.data, da.Array)
        assert found.name == name
        assert found.attrs["units"]
        np.testing.assert_array_equal(found.x, before.x)
    assert float(lazy["dnbr"].mean()) == pytest.approx(0.34)
    assert float(lazy["rdnbr"].mean()) == pytest.approx(500.0)
    assert lazy["rdnbr"].attrs["units"] == "1e-3"
    assert lazy["severity_class"].dtype == np.uint8
    assert lazy["severity_class"].values.tolist() == [[5] * 3] * 2
    assert snow.dtype == bool
    np.testing.assert_array_equal(severity_classes(da.from_array([0.3, 0.7]), "key-benson-2006"), [5, 7])


def test_what_is_refused():
    good = np.array([0.5])
    with pytest.raises(TypeError, match="int16 codes"):
        dnbr(np.array([5000], np.int16), good)
    with pytest.raises(TypeError, match="int16 codes"):
        severity_classes(np.array([3], np.int16), "cbi")
    with pytest.raises(GridMismatch):
        dnbr(layer(np.ones((2, 3))), layer(np.ones((2, 3)), x0=5.0))
    with pytest.raises(ConfigError, match="floor"):
        rdnbr(good, good, floor=0.0)
    with pytest.raises(ConfigError, match="differ from study to study"):
        severity_classes(good, "rbr")
    with pytest.raises(ConfigError, match="miller-thode-2007"):
        severity_classes(good, "mtbs")


def test_offset_is_robust_and_wants_enough_ground():
    random = np.random.default_rng(7)
    change = random.normal(0.03, 0.01, 2000)
    unburnt = np.ones(2000, bool)
    clean = unburnt_offset(change, unburnt)
    assert clean == pytest.approx(0.03, abs=0.001)
    change[:300] = 0.8
    change[300:310] = np.nan
    assert unburnt_offset(change, unburnt) == pytest.approx(clean, abs=0.002)
    # All alike: no scatter, and no division by it.
    assert unburnt_offset(np.full(150, 0.05), np.ones(150, bool)) == pytest.approx(0.05)
    with pytest.raises(InputError, match="99 unburnt pixels are known, wants at least 100"):
        unburnt_offset(change, np.arange(2000) >= 1901)


def test_each_kind_has_its_own_offset():
    random = np.random.default_rng(3)
    kinds = np.repeat([1, 2, 3], [1000, 1000, 50])
    change = np.choose(kinds - 1, [0.05, -0.02, 0.3]) + random.normal(0, 0.005, kinds.size)
    unburnt = random.random(kinds.size) < 0.5
    change[~unburnt] += 0.4
    offsets = offset_by_kind(change, unburnt, kinds)
    assert {kind: round(float(offsets[kinds == kind].mean()), 2) for kind in (1, 2)} == {1: 0.05, 2: -0.02}
    # The third has too few to say anything and takes that of all.
    assert (offsets[kinds == 3] == unburnt_offset(change, unburnt)).all()
    before = np.full(kinds.size, 0.5)
    np.testing.assert_allclose(dnbr(before, before - change, offset=offsets), change - offsets)
    np.testing.assert_allclose(rbr(before, before - change, offset=offsets), (change - offsets) / 1.501)
    with pytest.raises(InputError, match="wants at least 100"):
        offset_by_kind(change[:60], unburnt[:60], kinds[:60])


def test_snow_and_cloud_by_their_own_bands():
    # blue, green, red, nir, swir1: snow, thick cloud, bare soil, oak in leaf, water, unknown.
    bands = np.array(
        [
            [0.8, 0.45, 0.08, 0.03, 0.04, np.nan],
            [0.8, 0.46, 0.12, 0.06, 0.04, 0.1],
            [0.8, 0.47, 0.18, 0.04, 0.03, 0.1],
            [0.7, 0.55, 0.25, 0.40, 0.02, 0.1],
            [0.1, 0.45, 0.32, 0.18, 0.01, 0.1],
        ]
    )
    assert snow_or_cloud(*bands).tolist() == [True, True, False, False, False, False]


def test_schemes_say_where_they_come_from():
    for name, scheme in SCHEMES.items():
        assert scheme.name == name
        assert scheme.label == "calibrated on North-American conifers"
        legend = scheme.legend()
        assert isinstance(legend, Legend)
        assert scheme.label in legend.title
        assert [code for code, _, _ in legend.classes] == list(range(1, len(scheme.classes) + 1))
        assert {code: text for code, _, text in legend.classes} == scheme.names
