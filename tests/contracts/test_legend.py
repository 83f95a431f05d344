"""Legends: well-formed, found by name, and told apart by every reader."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest

from habitat.contracts.errors import ConfigError
from habitat.contracts.legend import (
    LEGENDS,
    NODATA_COLOUR,
    OKABE_ITO,
    Legend,
    class_legend,
    composite_legend,
    legend_for,
    ramp,
)
from habitat.contracts.raster_spec import BandSpec, RasterSpec

# Machado, Oliveira and Fernandes (2009), severity 1.0, on linear RGB.
SIGHT = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
}


def lab(colour: str, sight: str) -> np.ndarray:
    """CIE L*a*b* (D65) of a colour as seen by an eye."""
    encoded = np.array([int(colour[start : start + 2], 16) for start in (1, 3, 5)]) / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.asarray(SIGHT[sight]) @ linear, 0, 1)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ seen
    ratio = xyz / [0.9505, 1.0, 1.089]
    root = np.where(ratio > 0.008856, np.cbrt(ratio), 7.787 * ratio + 16 / 116)
    return np.array([116 * root[1] - 16, 500 * (root[0] - root[1]), 200 * (root[1] - root[2])])


def apart(one: str, other: str, sight: str) -> float:
    return float(np.linalg.norm(lab(one, sight) - lab(other, sight)))


def test_lab_by_known_answers():
    assert lab("#ffffff", "normal") == pytest.approx([100, 0, 0], abs=0.02)
    assert lab("#ff0000", "normal") == pytest.approx([53.24, 80.09, 67.20], abs=0.1)


@pytest.mark.parametrize("sight", SIGHT)
@pytest.mark.parametrize("name", [name for name, legend in LEGENDS.items() if legend.stops])
def test_neighbouring_stops_and_ends_differ_for_every_eye(name, sight):
    colours = [colour for _, colour, _ in LEGENDS[name].stops]
    # 2.3 is a just noticeable difference.
    assert min(apart(one, other, sight) for one, other in pairwise(colours)) > 4
    assert apart(colours[0], colours[-1], sight) > 20
    # Light or dark never repeats on one side of the middle: the order is seen in a grey print too.
    light = np.array([lab(colour, sight)[0] for colour in colours])
    steps = np.sign(np.diff(light))
    turns = int((np.diff(steps) != 0).sum())
    diverging = abs(light[0] - light[-1]) < 40 and light.max() > max(light[0], light[-1]) + 20
    assert turns == (1 if diverging else 0)


@pytest.mark.parametrize("sight", SIGHT)
def test_classes_differ_for_every_eye(sight):
    changes = [colour for _, colour, _ in LEGENDS["change-classes"].classes]
    assert min(apart(one, other, sight) for one, other in combinations([*changes, NODATA_COLOUR], 2)) > 9
    assert min(apart(one, other, sight) for one, other in combinations(OKABE_ITO, 2)) > 9


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("ndvi", "ndvi"),
        ("EVI2", "evi2"),
        ("kndvi", "kndvi"),
        ("moisture", "ndmi"),
        ("burn", "nbr"),
        ("nbr2", "nbr2"),
        ("dnbr", "burn-severity"),
        ("nbr-difference", "difference"),
        ("nbr_diff", "difference"),
        ("ndvi-z-score", "z-score"),
        ("change", "change-classes"),
        ("clear_count", "clear-count"),
        ("date-spread", "date-spread"),
        ("ndsi", "ndsi"),
        ("mndwi", "ndwi"),
        ("no-such-thing", "generic"),
        ("", "generic"),
    ],
)
def test_legends_are_found_by_name(name, found):
    assert legend_for(name).name == found


def test_every_legend_is_under_its_own_name():
    assert all(legend_for(name) is legend for name, legend in LEGENDS.items())


@pytest.mark.parametrize("name", ["ndmi", "difference", "burn-severity", "z-score", "ndwi"])
def test_diverging_legends_are_light_at_zero(name):
    legend = LEGENDS[name]
    low, high = legend.span
    assert low == -high
    middle = legend.stops[len(legend.stops) // 2]
    assert (middle[0], lab(middle[1], "normal")[0] > 95) == (0.0, True)


def test_composites_by_the_bands_there_are():
    assert composite_legend(["red", "nir", "swir2"]).name == "false-colour"
    assert [band for band, _, _ in composite_legend(["red", "nir", "swir2"]).channels] == ["swir2", "nir", "red"]
    assert composite_legend(["blue", "green", "red"]).name == "true-colour"
    assert composite_legend(["green", "red", "nir"]).name == "infrared"
    assert composite_legend(["a", "b", "c", "d"]).channels == (("a", 0.0, 0.4), ("b", 0.0, 0.4), ("c", 0.0, 0.4))
    assert composite_legend(["nir"]).name == "reflectance"


def test_ramp_and_stretch():
    assert ramp(("#000000", "#888888", "#ffffff"), -1, 2, ("low", "high")) == (
        (-1.0, "#000000", "low"),
        (0.5, "#888888", ""),
        (2.0, "#ffffff", "high"),
    )
    wide = legend_for("generic").stretched(-20, 80)
    assert wide.span == (-20.0, 80.0)
    assert wide.stops[5][0] == 30.0
    assert [colour for _, colour, _ in wide.stops] == [colour for _, colour, _ in LEGENDS["generic"].stops]
    for low, high in ((1, 1), (2, 1), (float("nan"), 1)):
        with pytest.raises(ConfigError, match="cannot be stretched"):
            legend_for("ndvi").stretched(low, high)
    with pytest.raises(ConfigError, match="cannot be stretched"):
        LEGENDS["change-classes"].stretched(0, 1)


def test_malformed_legends_are_refused():
    two = ((0.0, "#000000", ""), (1.0, "#ffffff", ""))
    with pytest.raises(ConfigError, match="no colours"):
        Legend("x", "x")
    with pytest.raises(ConfigError, match=r"stops.*classes"):
        Legend("x", "x", stops=two, classes=((0, "#000000", ""),))
    with pytest.raises(ConfigError, match="'#FFF', wants #rrggbb"):
        Legend("x", "x", stops=((0.0, "#000000", ""), (1.0, "#FFF", "")))
    with pytest.raises(ConfigError, match="ascending"):
        Legend("x", "x", stops=two[::-1])
    with pytest.raises(ConfigError, match="each once"):
        class_legend("x", "x", ((1, "#000000", "a"), (1, "#ffffff", "b")))
    with pytest.raises(ConfigError, match="at least two"):
        Legend("x", "x", stops=two[:1])
    with pytest.raises(ConfigError, match="three channels"):
        Legend("x", "x", channels=(("red", 0.0, 1.0),))
    with pytest.raises(ConfigError, match="low < high"):
        Legend("x", "x", channels=(("r", 0.0, 1.0), ("g", 1.0, 1.0), ("b", 0.0, 1.0)))


BAND = BandSpec("ndvi", "NDVI", "1", 1e-4)


def test_specs_encode_without_wrapping():
    spec = RasterSpec("ndvi", "NDVI", (BAND,), "int16", -32768, "ndvi")
    values = np.array([0.12345, -0.00005, np.nan, 9.9, -9.9, np.inf])
    # Half to even; the ends of int16, but never the nodata code.
    assert spec.encode(values).tolist() == [1234, 0, -32768, 32767, -32767, 32767]
    assert spec.encode(values).dtype == np.int16
    shifted = RasterSpec("lst", "LST", (BandSpec("lst", "LST", "K", 0.01, 273.15),), "uint16", 65535)
    assert shifted.encode(np.array([[300.0, np.nan, 2000.0]])).tolist() == [[2685, 65535, 65534]]
    real = RasterSpec("z", "z", (BandSpec("z", "z"),), "float32", float("nan"))
    assert np.isnan(real.encode(np.array([np.nan]))).all()
    whole = RasterSpec("count", "count", (BandSpec("count", "count"),), "uint8", None)
    assert whole.encode(np.array([3.0, 300.0])).tolist() == [3, 255]
    with pytest.raises(ConfigError, match="no nodata code for 1 unknown"):
        whole.encode(np.array([np.nan, 1.0]))


def test_specs_know_their_legend():
    assert RasterSpec("ndvi", "NDVI", (BAND,), "int16", -32768, "ndvi").styling is LEGENDS["ndvi"]
    bands = tuple(BandSpec(name, name) for name in ("red", "nir", "swir2"))
    assert RasterSpec("c", "c", bands, "int16", -32768, "reflectance").styling.name == "false-colour"
    classes = ((7, "#000000", "b"), (1, "#ffffff", "a"))
    spec = RasterSpec("change", "Change", (BandSpec("change", "c"),), "uint8", 255, "x", "mode", classes)
    assert [code for code, _, _ in spec.styling.classes] == [1, 7]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "NDVI"}, "lower-case"),
        ({"name": "clear_count"}, "hyphens"),
        ({"name": "../x"}, "hyphens"),
        ({"bands": ()}, "at least one"),
        ({"bands": (BAND, BAND)}, "each name once"),
        ({"dtype": "int64"}, "wants one of uint8"),
        ({"nodata": 40000}, "cannot be stored as int16"),
        ({"nodata": 0.5}, "cannot be stored"),
        ({"nodata": float("nan")}, "cannot be stored"),
        ({"overview": "median"}, "average or mode"),
        ({"classes": ((1, "#000000", "a"),)}, "averages of codes mean nothing"),
    ],
)
def test_malformed_specs_are_refused(change, said):
    fields = {"name": "ndvi", "title": "NDVI", "bands": (BAND,), "dtype": "int16", "nodata": -32768} | change
    with pytest.raises(ConfigError, match=said):
        RasterSpec(**fields)


def test_malformed_classes_and_bands_are_refused():
    fields = {"name": "c", "title": "C", "bands": (BAND,), "dtype": "uint8", "nodata": 255, "overview": "mode"}
    for code in (255, 256, -1):
        with pytest.raises(ConfigError, match="outside 0-255 or mean no data"):
            RasterSpec(**fields, classes=((code, "#000000", "a"),))
    with pytest.raises(ConfigError, match="band name"):
        BandSpec("1 red", "x")
    for scale, offset in ((0.0, 0.0), (float("nan"), 0.0), (1.0, float("inf"))):
        with pytest.raises(ConfigError, match="wants finite"):
            BandSpec("red", "x", "1", scale, offset)
