"""Placemarks: points of a KML file, as globes on the screen save them, with their names, texts and data."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pandas as pd

from habitat.contracts.errors import InputError

_TAGS = re.compile(r"<[^>]*>")


def read_placemarks(path: Path) -> pd.DataFrame:
    """Read the placemarks of a KML file.

    Parameters
    ----------
    path : Path
        KML; a KMZ is to be unpacked first.

    Returns
    -------
    DataFrame of str (placemark)
        ``id`` (the name), ``reference`` (the data of that name, else the description), other data by their names,
        ``longitude`` and ``latitude``.

    Raises
    ------
    InputError
        If it is no KML, declares entities, or a placemark is no point.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name} is not UTF-8 text; a KMZ is a zip: unpack it, or save as KML") from error
    # Entities could grow without end or name other files, and no KML needs a document type.
    if "<!DOCTYPE" in content or "<!ENTITY" in content:
        raise InputError(f"{path.name} declares a document type or entities; save it again from QGIS or a globe")
    try:
        root = ET.fromstring(content)
    except ET.ParseError as error:
        raise InputError(f"{path.name} is no KML ({error}); save it again") from error
    rows = [_row(element, path) for element in root.iter() if _name(element) == "Placemark"]
    if not rows:
        raise InputError(f"{path.name} has no placemarks")
    return pd.DataFrame(rows).fillna("")


def _row(placemark: ET.Element, path: Path) -> dict[str, str]:
    row = {"id": "", "reference": ""}
    description, place = "", ""
    for element in placemark.iter():
        kind, text = _name(element), (element.text or "").strip()
        if kind == "name":
            row["id"] = text
        elif kind == "description":
            description = _TAGS.sub("", text).strip()
        elif kind == "Data":
            value = next((child.text or "" for child in element if _name(child) == "value"), "")
            row |= _datum(element, value)
        elif kind == "SimpleData":
            row |= _datum(element, text)
        elif kind == "Point":
            place = next((child.text or "" for child in element if _name(child) == "coordinates"), "")
    row["reference"] = row["reference"] or description
    parts = place.strip().split(",")
    if len(parts) not in (2, 3):
        raise InputError(f"{path.name}: placemark {row['id']!r} is no point; leave points only")
    return row | {"longitude": parts[0].strip(), "latitude": parts[1].strip()}


def _datum(element: ET.Element, value: str) -> dict[str, str]:
    name = element.get("name", "").strip().lower()
    # The name of the placemark is its id, and its place is its point, whatever its data say.
    return {} if name in ("", "id", "longitude", "latitude") else {name: value.strip()}


def _name(element: ET.Element) -> str:
    return element.tag.rpartition("}")[2]
