"""Stacked assets: one file that holds several bands, told apart as if each band were an asset of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FMASK = ("fmask", "cfmask")
"""Names of the mask that LEDAPS and the first LaSRC products came with: classes, not bits."""
BAND = "habitat:band"
"""Field that says which band of its file an asset is, counted from 1."""
_PICTURES = {"visual", "overview", "thumbnail"}


def apart(assets: Mapping[str, Any]) -> dict[str, Any]:
    """Return assets with each band of a stacked file as one more asset, under the band's own name.

    A band counts only if it is named and its scale is told: the three bands of a picture for the eye are named
    red, green and blue, too, and are no reflectance. Assets that are there by the same name stay what they are.

    Parameters
    ----------
    assets : mapping
        Of a STAC item, plain JSON data.

    Examples
    --------
    >>> bands = [{"name": "red"}, {"name": "fmask"}]
    >>> stack = {"href": "a.tif", "eo:bands": bands, "raster:bands": [{"scale": 0.0001}, {"nodata": 255}]}
    >>> {name: asset.get("habitat:band") for name, asset in apart({"stack": stack}).items()}
    {'stack': None, 'red': 1, 'fmask': 2}
    """
    every = dict(assets)
    for asset in assets.values():
        for name, band in _bands(asset).items():
            every.setdefault(name, band)
    return every


def _bands(asset: Mapping[str, Any]) -> dict[str, Any]:
    named = asset.get("eo:bands") or asset.get("bands") or []
    told = asset.get("raster:bands") or asset.get("bands") or []
    if len(named) < 2 or len(told) != len(named) or _PICTURES & set(asset.get("roles") or ()):
        return {}
    found = {}
    for number, (names, numbers) in enumerate(zip(named, told, strict=True), 1):
        name = str(names.get("name") or "")
        scaled = numbers.get("scale", numbers.get("raster:scale")) is not None
        if name and (scaled or name in FMASK):
            key = "raster:bands" if asset.get("raster:bands") else "bands"
            found[name] = {**asset, "eo:bands": [names], "bands": [], key: [numbers], BAND: number}
    return found
