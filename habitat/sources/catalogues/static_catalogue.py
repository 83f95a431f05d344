"""Static catalogues: walk catalogue files on disk, never out of their folder, never in circles, never for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from habitat.contracts.errors import CatalogueError
from habitat.sources.catalogues.hrefs import confined_path
from habitat.sources.catalogues.providers import Provider

_LARGEST_FILE = 256 * 2**20
_MOST_FILES = 100_000
_DEEPEST = 16


def items_in(provider: Provider) -> Iterator[tuple[dict[str, Any], Path]]:
    """Yield every item of a static catalogue, with the path of the file it stands in.

    Parameters
    ----------
    provider : Provider
        Made from a path by `provider_for`: a ``catalog.json`` or ``collection.json``, a single item, or a
        file with an item collection such as a saved search.

    Raises
    ------
    CatalogueError
        If a file is missing, too large, not JSON or not STAC, or there are too many or too deep ones.
    UnsafeReference
        If a link leads out of the catalogue's folder.
    """
    if provider.entry is None:
        raise CatalogueError(f"{provider.title} is an API and no catalogue on disk; use search")
    waiting = [(provider.entry, 0)]
    seen = {provider.entry}
    while waiting:
        path, depth = waiting.pop()
        document = read_json(path)
        kind = document.get("type")
        if kind == "Feature":
            yield document, path
            continue
        if kind == "FeatureCollection":
            yield from ((item, path) for item in _features(document, path))
            continue
        if kind not in ("Catalog", "Collection") and "stac_version" not in document:
            raise CatalogueError(
                f"{path} has type {str(kind)[:40]!r}, wants Catalog, Collection, Feature or FeatureCollection"
            )
        if depth >= _DEEPEST:
            raise CatalogueError(f"{path} lies {depth} links deep, wants at most {_DEEPEST}; is this a catalogue?")
        below = [target for target in _children(document, path, provider) if target not in seen]
        seen.update(below)
        if len(seen) > _MOST_FILES:
            raise CatalogueError(f"catalogue {provider.title} names more than {_MOST_FILES} files")
        # Last in, first out: reversed, so that items come in the order of their links.
        waiting += [(target, depth + 1) for target in reversed(below)]


def _children(document: dict[str, Any], path: Path, provider: Provider) -> list[Path]:
    links = document.get("links", [])
    if not isinstance(links, list):
        raise CatalogueError(f"the links of {path} are no list")
    targets = []
    for link in links:
        if isinstance(link, dict) and link.get("rel") in ("child", "item"):
            href = link.get("href")
            if not isinstance(href, str) or not href:
                raise CatalogueError(f"{path} has a {link['rel']} link without an address")
            target = confined_path(href, provider, path.parent)
            if not target.is_file():
                raise CatalogueError(f"{path} links to {target.name!r}, and there is no such file")
            targets.append(target)
    return list(dict.fromkeys(targets))


def _features(document: dict[str, Any], path: Path) -> list[dict[str, Any]]:
    features = document.get("features")
    if not isinstance(features, list) or not all(isinstance(feature, dict) for feature in features):
        raise CatalogueError(f"{path} calls itself a FeatureCollection and has no list of features")
    return features


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file, within limits.

    Raises
    ------
    CatalogueError
        If it cannot be read, is too large or too deep, or is no JSON object.
    """
    try:
        size = path.stat().st_size
        if size > _LARGEST_FILE:
            raise CatalogueError(f"{path} has {size} bytes, wants at most {_LARGEST_FILE}")
        return parsed_json(path.read_bytes(), str(path))
    except OSError as error:
        raise CatalogueError(f"{path} cannot be read: {error.strerror or type(error).__name__}") from error


def parsed_json(text: str | bytes, where: str) -> dict[str, Any]:
    """JSON object in a text; NaN and Infinity, which are no JSON, are refused.

    Raises
    ------
    CatalogueError
        If it is none; the text says what seems to have come instead.

    Examples
    --------
    >>> parsed_json('{"type": "Catalog"}', "catalog.json")
    {'type': 'Catalog'}
    """
    try:
        # A third faster than the standard library: a page of items is 10 kB each.
        document = from_json(text, allow_inf_nan=False)
    except (ValueError, RecursionError) as error:
        start = text[:200].decode("utf-8", "replace") if isinstance(text, bytes) else text[:200]
        guess = "it looks like a web page" if start.lstrip().startswith("<") else type(error).__name__
        raise CatalogueError(f"{where} did not give JSON ({guess}); is it a STAC catalogue?") from error
    if not isinstance(document, dict):
        raise CatalogueError(f"{where} gave JSON that is no object; is it a STAC catalogue?")
    return document
