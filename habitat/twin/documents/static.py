"""Static catalogues: one catalogue file at the twin's root, collections and items in folders below."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from habitat.contracts.errors import ConfigError

CATALOGUE_FILES: Mapping[str, str] = MappingProxyType(
    {"earth-search": "catalog.json", "planetary-computer": "planetary-computer.json", "usgs": "usgs.json"}
)
"""Catalogue to its file at the twin's root; the one that needs no naming has the shapes of Earth Search."""

_TITLES = {
    "sentinel-2-l2a": "Sentinel-2 Level-2A",
    "landsat-c2-l2": "Landsat Collection 2 Level-2",
    "landsat-c2l2-sr": "Landsat Collection 2 Level-2 Surface Reflectance",
    "sentinel-1-rtc": "Sentinel-1 Radiometrically Terrain Corrected",
}
_JSON, _GEOJSON = "application/json", "application/geo+json"
_HARMLESS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*")
_UP = "../../../"
_PER_FILE = ("href", "proj:shape", "proj:transform", "proj:bbox")
_LICENCE = "Apache-2.0"
_PROVIDERS = [
    {
        "name": "habitat",
        "description": "Made up: no satellite took these pictures, and the place does not exist",
        "roles": ["producer", "processor", "host"],
    }
]
_ITEM_ASSETS = "https://stac-extensions.github.io/item-assets/v1.0.0/schema.json"
_SUMMED = ("platform", "constellation", "instruments")

Item = dict[str, Any]
"""A STAC item as plain JSON data."""


def href_from_item(path: str) -> str:
    """Return the href an item of a static catalogue gives a file, from the file's path relative to the twin's root.

    Examples
    --------
    >>> href_from_item("scenes/landsat/a.TIF")
    '../../../scenes/landsat/a.TIF'
    """
    return _UP + path


def write_catalogue(root: Path, name: str, title: str, collections: Mapping[str, Sequence[Item]]) -> Path:
    """Write a static catalogue; the same items give the same bytes.

    Parameters
    ----------
    root : Path
        The twin's root, where the catalogue file goes.
    name : str
        One of `CATALOGUE_FILES`; collections and items go to the folder of that name.
    title : str
        Title of the catalogue.
    collections : mapping of str to sequence of dict
        Collection to its items, made with `href_from_item`; their links are set here. Those without items are left out.

    Returns
    -------
    Path
        The catalogue file.

    Raises
    ------
    ConfigError
        If there is no such catalogue, an identifier is harmful or comes twice, or an href leads out of the root.
    """
    if name not in CATALOGUE_FILES:
        raise ConfigError(f"there is no catalogue {name!r}; catalogues are {', '.join(CATALOGUE_FILES)}")
    file = CATALOGUE_FILES[name]
    children = []
    for collection, items in collections.items():
        if not items:
            continue
        _check(collection, items)
        folder = root / name / collection
        for item in items:
            _write(folder / item["id"] / f"{item['id']}.json", item | {"links": _item_links(file)})
        _write(folder / "collection.json", _collection(collection, items, file))
        children.append((f"./{name}/{collection}/collection.json", _title(collection)))
    return _write(root / file, _catalogue(name, title, file, children))


def _check(collection: str, items: Sequence[Item]) -> None:
    ids = [item["id"] for item in items]
    for identifier in (collection, *ids):
        if not _HARMLESS.fullmatch(identifier) or ".." in identifier:
            raise ConfigError(f"identifier {identifier!r} has more than letters, digits, dots, hyphens and underscores")
    if len(set(ids)) < len(ids):
        twice = next(one for one in ids if ids.count(one) > 1)
        raise ConfigError(f"collection {collection} has item {twice} twice; give it another sequence number")
    for item in items:
        for asset in item["assets"].values():
            within = posixpath.normpath(posixpath.join("a/b/c", asset["href"]))
            if within.startswith(("..", "/")) or ":" in within:
                raise ConfigError(
                    f"item {item['id']} names {asset['href']!r}, which does not lie below the twin's root"
                )


def _item_links(file: str) -> list[dict[str, str]]:
    return [
        {"rel": "parent", "href": "../collection.json", "type": _JSON},
        {"rel": "collection", "href": "../collection.json", "type": _JSON},
        {"rel": "root", "href": f"{_UP}{file}", "type": _JSON},
    ]


def _title(collection: str) -> str:
    return f"{_TITLES.get(collection, collection)}, made up"


def _collection(collection: str, items: Sequence[Item], file: str) -> dict[str, Any]:
    """Return the STAC collection that links the items."""
    boxes = [item["bbox"] for item in items]
    lowest, highest = (list(map(low_or_high, zip(*boxes, strict=True))) for low_or_high in (min, max))
    times = sorted(item["properties"]["datetime"] for item in items)
    return {
        "type": "Collection",
        "id": collection,
        "stac_version": "1.0.0",
        "title": _title(collection),
        "description": "Scenes of a landscape that does not exist, laid out as real catalogues lay out real ones",
        "links": [
            {"rel": "root", "href": f"../../{file}", "type": _JSON},
            {"rel": "parent", "href": f"../../{file}", "type": _JSON},
            *({"rel": "item", "href": f"./{item['id']}/{item['id']}.json", "type": _GEOJSON} for item in items),
        ],
        "stac_extensions": [_ITEM_ASSETS],
        "item_assets": _item_assets(items),
        "extent": {
            "spatial": {"bbox": [[*lowest[:2], *highest[2:]]]},
            "temporal": {"interval": [[times[0], times[-1]]]},
        },
        "license": _LICENCE,
        "keywords": ["made up", "simulated", "test data"],
        "providers": _PROVIDERS,
        "summaries": _summaries(items),
    }


def _item_assets(items: Iterable[Item]) -> dict[str, Any]:
    """Return what the items' assets have in common: of each key the newest, without what belongs to one file."""
    told: dict[str, Any] = {}
    for item in items:
        for key, asset in item["assets"].items():
            told[key] = {field: value for field, value in asset.items() if field not in _PER_FILE}
    return told


def _summaries(items: Sequence[Item]) -> dict[str, list[Any]]:
    summaries: dict[str, list[Any]] = {}
    for field in _SUMMED:
        values = [item["properties"].get(field) for item in items]
        flat = {one for value in values if value for one in (value if isinstance(value, list) else [value])}
        if flat:
            summaries[field] = sorted(flat)
    assets = [asset for item in items for asset in item["assets"].values()]
    gsd = {asset["gsd"] for asset in assets if "gsd" in asset} | {
        item["properties"]["gsd"] for item in items if "gsd" in item["properties"]
    }
    if gsd:
        summaries["gsd"] = sorted(gsd)
    bands = {band["name"]: band for asset in assets for band in asset.get("eo:bands", ())}
    if bands:
        summaries["eo:bands"] = [bands[name] for name in sorted(bands)]
    summaries["proj:epsg"] = sorted({item["properties"]["proj:epsg"] for item in items})
    return summaries


def _catalogue(name: str, title: str, file: str, children: Sequence[tuple[str, str]]) -> dict[str, Any]:
    return {
        "type": "Catalog",
        "id": name,
        "stac_version": "1.0.0",
        "title": title,
        "description": "A made-up landscape with known truth; see twin.json and truth/",
        "links": [
            {"rel": "root", "href": f"./{file}", "type": _JSON},
            *({"rel": "child", "href": href, "type": _JSON, "title": told} for href, told in children),
        ],
    }


def _write(path: Path, document: Mapping[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n",
        encoding="utf-8",
        newline="\n",
    )
    return path
