"""Catalogue: the static STAC tree and the GeoParquet index over all items; the items alone decide both."""

from __future__ import annotations

import logging
import posixpath
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock
from stac_geoparquet import arrow as stac_arrow

from habitat.contracts.errors import HabitatError
from habitat.store.disk import json_bytes, read_json, sync_file, sync_folder, write_atomically
from habitat.store.items import STAC_VERSION
from habitat.store.layout import ItemId, Layout

log = logging.getLogger(__name__)

_WAIT = 60.0
"""Seconds to wait for another run that writes the catalogue."""


def write_catalogue(layout: Layout, product: str, *, title: str = "", description: str = "") -> None:
    """Write the collection of a product and the catalogue of all products anew.

    Parameters
    ----------
    layout : Layout
        The store.
    product : str
        The product whose items changed.
    title, description : str
        What the product is, for people; empty keeps what stands in the collection.

    Raises
    ------
    PublishError
        If the disk does not take them; the old ones stand then.
    """
    with FileLock(layout.catalogue_lock, timeout=_WAIT):
        path = layout.collection(product)
        old = read_json(path) if path.is_file() else {}
        title = title or old.get("title", product)
        description = description or old.get("description", f"Product {product} of habitat.")
        items = [read_json(layout.item(item)) for item in layout.items(product)]
        collection = _collection(product, title, description, items)
        if collection != old:
            write_atomically(path, json_bytes(collection))
        catalog = _catalog(layout)
        if not layout.catalog.is_file() or catalog != read_json(layout.catalog):
            write_atomically(layout.catalog, json_bytes(catalog))


def _collection(product: str, title: str, description: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    boxes = [item["bbox"] for item in items]
    starts = [item["properties"]["start_datetime"] for item in items]
    ends = [item["properties"]["end_datetime"] for item in items]
    union = [pick(box[side] for box in boxes) for side, pick in enumerate((min, min, max, max))]
    links = [
        {"rel": "root", "href": "../catalog.json", "type": "application/json"},
        {"rel": "parent", "href": "../catalog.json", "type": "application/json"},
    ]
    for item in items:
        name = item["id"]
        title_of = item["properties"]["title"] + (" (deprecated)" if item["properties"].get("deprecated") else "")
        href = f"./{name}/{name}.json"
        links.append({"rel": "item", "href": href, "type": "application/geo+json", "title": title_of})
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "id": product,
        "title": title,
        "description": description,
        "license": "other",
        "extent": {"spatial": {"bbox": [union]}, "temporal": {"interval": [[min(starts), max(ends)]]}},
        "links": links,
    }


def _catalog(layout: Layout) -> dict[str, Any]:
    links = [{"rel": "root", "href": "./catalog.json", "type": "application/json"}]
    for product in layout.products():
        if layout.collection(product).is_file():
            title = str(read_json(layout.collection(product))["title"])
            href = f"./{product}/collection.json"
            links.append({"rel": "child", "href": href, "type": "application/json", "title": title})
    return {
        "type": "Catalog",
        "stac_version": STAC_VERSION,
        "id": "habitat",
        "title": "habitat products",
        "description": "Habitat rasters made by the habitat toolkit.",
        "links": links,
    }


def all_items(layout: Layout) -> list[ItemId]:
    """Return everything published, deprecated versions too."""
    return [item for product in layout.products() for item in layout.items(product)]


def write_index(layout: Layout) -> bool:
    """Write the GeoParquet index of all items anew; a failure is logged and the old index stays.

    Returns
    -------
    bool
        Whether the index is current now.
    """
    part = layout.index.with_name(f"{layout.index.name}.part")
    try:
        with FileLock(layout.catalogue_lock, timeout=_WAIT):
            items = [_seen_from_root(read_json(layout.item(item)), item) for item in all_items(layout)]
            if items:
                table = stac_arrow.parse_stac_items_to_arrow(items)
                stac_arrow.to_parquet(table, part)
                sync_file(part)
                part.replace(layout.index)
                sync_folder(layout.root)
    except (OSError, ValueError, TypeError, KeyError, TimeoutError, pa.ArrowException, HabitatError) as error:
        part.unlink(missing_ok=True)
        log.warning("the index %s is stale (%s); Store.rebuild_index makes it anew", layout.index, error)
        return False
    return True


def _seen_from_root(item: dict[str, Any], place: ItemId) -> dict[str, Any]:
    """Return an item as the index keeps it: relative links start at the store's root."""
    for entry in (*item["links"], *item["assets"].values()):
        href = str(entry["href"])
        if not urlsplit(href).scheme and not href.startswith("/"):
            entry["href"] = "./" + posixpath.normpath(posixpath.join(place.product, str(place), href))
    for asset in item["assets"].values():
        for entry in (asset, *asset.get("bands", ())):
            # A column holds numbers or texts, and one float raster must not turn all nodata codes into texts.
            if isinstance(entry.get("nodata"), str):
                del entry["nodata"]
    return item


def index_is_current(layout: Layout) -> bool:
    """Tell whether the index lists exactly the published items, with the same ones deprecated."""
    items = all_items(layout)
    if not items or not layout.index.is_file():
        return not items
    try:
        columns = pq.read_table(layout.index, columns=["id", "deprecated"]).to_pydict()
    except (OSError, pa.ArrowException):
        return False
    listed = dict(zip(columns["id"], columns["deprecated"], strict=True))
    last = {(item.product, item.area, item.label): str(item) for item in items}
    current = set(last.values())
    return listed == {str(item): str(item) not in current for item in items}


def catalogue_is_current(layout: Layout, product: str) -> bool:
    """Tell whether collection and catalogue list what is published of a product."""
    if not layout.items(product):
        return True
    path = layout.collection(product)
    if not path.is_file() or not layout.catalog.is_file():
        return False
    found = {link["href"] for link in read_json(path)["links"] if link["rel"] == "item"}
    children = {link["href"] for link in read_json(layout.catalog)["links"] if link["rel"] == "child"}
    wanted = {f"./{item}/{item}.json" for item in layout.items(product)}
    return found == wanted and f"./{product}/collection.json" in children
