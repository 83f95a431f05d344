"""Styles: closed templates that stay well-formed whatever the labels say."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from store_rasters import class_spec, composite_spec, index_spec

from habitat.contracts.legend import LEGENDS, class_legend
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.store.styles import qml_style


def renderer(text: str) -> ET.Element:
    assert text.startswith("<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n<qgis ")
    found = ET.fromstring(text.split("\n", 1)[1]).find("pipe/rasterrenderer")
    assert found is not None
    return found


def test_index_stops_are_physical_values():
    # NDVI is stored as code * 0.0001; QGIS scales before it styles, so 0.9 stands here and not 9000.
    drawn = renderer(qml_style(index_spec()))
    assert drawn.attrib["type"] == "singlebandpseudocolor"
    assert (drawn.attrib["classificationMin"], drawn.attrib["classificationMax"]) == ("0", "0.9")
    items = [(float(item.attrib["value"]), item.attrib["color"]) for item in drawn.iter("item")]
    assert items == [(value, colour) for value, colour, _ in LEGENDS["ndvi"].stops]
    labels = [item.attrib["label"] for item in drawn.iter("item")]
    assert (labels[0], labels[1], labels[-1]) == ("0  bare, water, snow", "0.1125", "0.9  dense leaves")
    ramp = {option.attrib["name"]: option.attrib["value"] for option in drawn.findall(".//colorramp/Option/Option")}
    assert ramp["color1"] == "255,255,229,255"
    assert ramp["color2"] == "0,69,41,255"
    assert ramp["stops"].split(":")[0] == "0.125;247,252,185,255"
    assert len(ramp["stops"].split(":")) == 7


def test_classes_are_codes_with_labels():
    drawn = renderer(qml_style(class_spec()))
    assert drawn.attrib["type"] == "paletted"
    entries = [
        (item.attrib["value"], item.attrib["color"], item.attrib["label"]) for item in drawn.iter("paletteEntry")
    ]
    assert entries == [
        ("0", "#f7f7f7", "no change"),
        ("1", "#b35806", "loss <strong> & sure"),
        ("7", "#2166ac", "gain"),
    ]


def test_composites_name_bands_by_number():
    bands = tuple(BandSpec(name, name, "1", 1e-4) for name in ("red", "green", "nir", "swir2"))
    drawn = renderer(qml_style(RasterSpec("c", "c", bands, "int16", -32768, "reflectance")))
    assert drawn.attrib["type"] == "multibandcolor"
    assert [drawn.attrib[f"{colour}Band"] for colour in ("red", "green", "blue")] == ["4", "3", "1"]
    stretch = drawn.find("greenContrastEnhancement")
    assert [child.text for child in stretch] == ["0", "0.5", "StretchToMinimumMaximum"]
    # Two bands make no composite.
    assert renderer(qml_style(composite_spec())).attrib["type"] == "singlebandpseudocolor"


@pytest.mark.parametrize("name", [name for name, legend in LEGENDS.items() if legend.stops])
def test_every_legend_makes_a_style(name):
    spec = RasterSpec("x", "x", (BandSpec("x", "x"),), "int16", -32768, name)
    assert len(list(renderer(qml_style(spec)).iter("item"))) == len(LEGENDS[name].stops)


@given(st.text(max_size=30))
def test_labels_never_break_out(label):
    spec = class_spec()
    text = qml_style(spec, class_legend("c", "c", ((1, "#000000", label), (2, "#ffffff", "b"))))
    drawn = renderer(text)
    assert len(list(drawn.iter("paletteEntry"))) == 2
    for word in ("<expression", "<actions", "<customproperties", "macro"):
        assert word not in text.replace(label, "")
    shown = next(drawn.iter("paletteEntry")).attrib["label"]
    plain = "".join(c for c in label if c.isprintable())
    assert "".join(c for c in shown if c.isprintable()) == (plain if label else "1") or not plain
