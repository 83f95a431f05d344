"""Styles: a legend as a QGIS layer style (QML) that lies beside the raster and is loaded with it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping

from habitat.contracts.legend import Legend
from habitat.contracts.raster_spec import RasterSpec
from habitat.store.tiff.metadata import UNWRITABLE

_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"


def qml_style(spec: RasterSpec, legend: Legend | None = None) -> str:
    """Return a QGIS style for a raster, without expressions, actions or macros.

    QGIS multiplies the codes of a band by its scale and adds its offset before it styles them (its GDAL
    provider, 3.22 and later; rasters with scale 1 and offset 0 keep their integer codes), so colour stops
    and stretches are written in physical values, classes as the codes they are.

    Parameters
    ----------
    spec : RasterSpec
        What the raster holds.
    legend : Legend, optional
        Other colours than ``spec.styling``, e.g. stretched to the values met.

    Returns
    -------
    str
        XML text; put it beside ``name.tif`` as ``name.qml``.
    """
    legend = legend or spec.styling
    root = ET.Element("qgis", version="3.22.0", styleCategories="AllStyleCategories", hasScaleBasedVisibilityFlag="0")
    pipe = ET.SubElement(root, "pipe")
    if legend.classes:
        _paletted(pipe, legend)
    elif legend.channels:
        _multiband(pipe, legend, spec)
    else:
        _pseudocolour(pipe, legend)
    ET.SubElement(pipe, "brightnesscontrast", brightness="0", contrast="0", gamma="1")
    ET.SubElement(pipe, "huesaturation", saturation="0", grayscaleMode="0", colorizeOn="0")
    ET.SubElement(pipe, "rasterresampler", maxOversampling="2")
    ET.SubElement(root, "blendMode").text = "0"
    ET.indent(root)
    return _DOCTYPE + ET.tostring(root, encoding="unicode") + "\n"


def _renderer(pipe: ET.Element, kind: str, bands: Mapping[str, str], **more: str) -> ET.Element:
    fixed = {"opacity": "1", "alphaBand": "-1", "nodataColor": ""}
    renderer = ET.SubElement(pipe, "rasterrenderer", {"type": kind, **bands, **fixed, **more})
    ET.SubElement(renderer, "rasterTransparency")
    return renderer


def _paletted(pipe: ET.Element, legend: Legend) -> None:
    palette = ET.SubElement(_renderer(pipe, "paletted", {"band": "1"}), "colorPalette")
    for code, colour, label in legend.classes:
        ET.SubElement(
            palette, "paletteEntry", value=str(code), color=colour, label=_text(label or str(code)), alpha="255"
        )


def _multiband(pipe: ET.Element, legend: Legend, spec: RasterSpec) -> None:
    colours = ("red", "green", "blue")
    bands = {
        f"{colour}Band": str(spec.band_names.index(channel[0]) + 1)
        for colour, channel in zip(colours, legend.channels, strict=True)
    }
    renderer = _renderer(pipe, "multibandcolor", bands)
    for colour, (_, low, high) in zip(colours, legend.channels, strict=True):
        stretch = ET.SubElement(renderer, f"{colour}ContrastEnhancement")
        ET.SubElement(stretch, "minValue").text = _number(low)
        ET.SubElement(stretch, "maxValue").text = _number(high)
        ET.SubElement(stretch, "algorithm").text = "StretchToMinimumMaximum"


def _pseudocolour(pipe: ET.Element, legend: Legend) -> None:
    low, high = (_number(value) for value in legend.span)
    renderer = _renderer(pipe, "singlebandpseudocolor", {"band": "1"}, classificationMin=low, classificationMax=high)
    shader = ET.SubElement(
        ET.SubElement(renderer, "rastershader"),
        "colorrampshader",
        colorRampType="INTERPOLATED",
        classificationMode="1",
        clip="0",
        minimumValue=low,
        maximumValue=high,
    )
    _gradient(shader, legend)
    for value, colour, label in legend.stops:
        text = f"{_number(value)}  {label}" if label else _number(value)
        ET.SubElement(shader, "item", value=_number(value), color=colour, label=_text(text), alpha="255")


def _gradient(shader: ET.Element, legend: Legend) -> None:
    """Describe the colours once more as a ramp, from which QGIS draws a continuous legend."""
    low, high = legend.span
    inner = ":".join(
        f"{_number((value - low) / (high - low))};{_rgba(colour)}" for value, colour, _ in legend.stops[1:-1]
    )
    options = {"color1": _rgba(legend.stops[0][1]), "color2": _rgba(legend.stops[-1][1]), "discrete": "0"}
    options |= {"rampType": "gradient"} | ({"stops": inner} if inner else {})
    ramp = ET.SubElement(shader, "colorramp", type="gradient", name="[source]")
    listed = ET.SubElement(ramp, "Option", type="Map")
    for name, value in options.items():
        ET.SubElement(listed, "Option", type="QString", name=name, value=value)


def _rgba(colour: str) -> str:
    return ",".join(str(int(colour[start : start + 2], 16)) for start in (1, 3, 5)) + ",255"


def _number(value: float) -> str:
    return f"{value:.10g}"


def _text(label: str) -> str:
    """Return a label without what XML cannot hold."""
    return UNWRITABLE.sub("", label)
