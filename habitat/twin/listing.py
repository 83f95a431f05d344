"""The catalogues of a twin: the same scenes in the shapes of three providers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from habitat.twin.documents import earth_search, planetary_computer, usgs
from habitat.twin.documents.static import href_from_item, write_catalogue
from habitat.twin.quirks import Quirks
from habitat.twin.sensors.shots import Delivered
from habitat.twin.world import World

_Collections = dict[str, list[dict[str, Any]]]
_SHAPES = {"earth-search": "Earth Search", "planetary-computer": "the Planetary Computer", "usgs": "USGS LandsatLook"}


def write_catalogues(root: Path, world: World, delivered: Sequence[Delivered], quirks: Quirks) -> None:
    """Write ``catalog.json`` (Earth Search), ``planetary-computer.json`` and ``usgs.json`` with all below them."""
    listed: dict[str, _Collections] = {name: defaultdict(list) for name in _SHAPES}
    for one in delivered:
        sensor, provider = one.scene.overpass.sensor, one.scene.provider
        if sensor == "sentinel2":
            item_of = (
                planetary_computer.sentinel2_item if provider == "planetary-computer" else earth_search.sentinel2_item
            )
            listed[provider]["sentinel-2-l2a"].append(item_of(one, href_from_item, quirks))
        elif sensor == "sentinel1":
            item = planetary_computer.sentinel1_item(one, href_from_item)
            listed["planetary-computer"]["sentinel-1-rtc"].append(item)
        else:
            listed["earth-search"]["landsat-c2-l2"].append(earth_search.landsat_item(one, href_from_item))
            listed["planetary-computer"]["landsat-c2-l2"].append(planetary_computer.landsat_item(one, href_from_item))
            listed["usgs"]["landsat-c2l2-sr"].append(usgs.landsat_item(one, href_from_item))
    for name, shape in _SHAPES.items():
        title = f"Made-up landscape, size {world.size.name}, seed {world.seed}, in the shape of {shape}"
        write_catalogue(root, name, title, listed[name])
