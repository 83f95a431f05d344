"""Layout: where everything of a store lies; paths are made from checked names only and never leave the root."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from habitat.contracts.errors import ConfigError, PublishError
from habitat.contracts.period import Period

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_FILE = re.compile(r"[a-z][a-z0-9-]{0,62}\.[a-z][a-z0-9]{0,9}")
_ITEM = re.compile(
    r"(?P<product>[a-z][a-z0-9-]{0,62})_(?P<area>[a-z][a-z0-9-]{0,62})_(?P<label>[0-9]{4}(?:[0-9]{2}|q[1-4])?)"
    r"_v(?P<version>[1-9][0-9]{0,8})"
)


def check_name(kind: str, name: str) -> str:
    """Return a name that can stand in a path.

    Raises
    ------
    ConfigError
        If it holds anything but lower-case letters, digits and hyphens.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"{kind} name {name!r} wants lower-case letters, digits and hyphens, a letter first")
    return name


@dataclass(frozen=True, order=True)
class ItemId:
    """What names one published version: ``{product}_{area}_{label}_v{version}``.

    Examples
    --------
    >>> str(ItemId("monthly-change", "hunchun", "202505", 2))
    'monthly-change_hunchun_202505_v2'
    """

    product: str
    area: str
    label: str
    version: int

    def __str__(self) -> str:
        return f"{self.product}_{self.area}_{self.label}_v{self.version}"

    @classmethod
    def parse(cls, text: str) -> ItemId | None:
        """Read an id back; None if the text is none."""
        match = _ITEM.fullmatch(text)
        if match is None:
            return None
        item = cls(match["product"], match["area"], match["label"], int(match["version"]))
        try:
            return item if item.period.label == item.label else None
        except ConfigError:
            return None

    @property
    def period(self) -> Period:
        """The period of the label.

        Examples
        --------
        >>> str(ItemId("p", "a", "2025q2", 1).period)
        '2025-Q2'
        """
        tail = self.label[4:].upper()
        return Period(f"{self.label[:4]}-{tail}" if tail else self.label)

    def file_name(self, name: str) -> str:
        """Return the name of a file of this version, e.g. ``ndvi.tif`` → ``{product}-ndvi_{area}_{label}_v1.tif``.

        Raises
        ------
        ConfigError
            If the name is not lower-case letters, digits and hyphens, a dot and an ending.
        """
        if not _FILE.fullmatch(name):
            raise ConfigError(f"file name {name!r} wants lower-case letters, digits and hyphens, a dot and an ending")
        stem, _, ending = name.partition(".")
        return f"{self.product}-{stem}_{self.area}_{self.label}_v{self.version}.{ending}"


@dataclass(frozen=True)
class Layout:
    """Paths of a store.

    ``catalog.json`` → ``{product}/collection.json`` → ``{product}/{item id}/{item id}.json`` with the item's
    files beside it; ``index.parquet``, ``.locks`` and ``.work`` at the root.
    """

    root: Path
    """Folder of the store, absolute."""

    @property
    def catalog(self) -> Path:
        """The catalogue of all products."""
        return self.root / "catalog.json"

    @property
    def index(self) -> Path:
        """The GeoParquet index of all items."""
        return self.root / "index.parquet"

    def collection(self, product: str) -> Path:
        """Return the collection of a product."""
        return self.root / check_name("product", product) / "collection.json"

    def folder(self, item: ItemId) -> Path:
        """Return the folder of a published version."""
        return self.root / item.product / str(item)

    def item(self, item: ItemId) -> Path:
        """Return the STAC item of a published version: its being there is what publishes it."""
        return self.folder(item) / f"{item}.json"

    def work(self, item: ItemId) -> Path:
        """Return the folder a version is staged in, on the same file system."""
        return self.root / ".work" / str(item)

    def lock(self, product: str, area: str) -> Path:
        """Return the lock file of a product and an area."""
        return self.root / ".locks" / f"{check_name('product', product)}_{check_name('area', area)}.lock"

    @property
    def catalogue_lock(self) -> Path:
        """The lock file of catalogue and index, which all products share."""
        return self.root / ".locks" / "catalogue.lock"

    def products(self) -> list[str]:
        """Return the names of the products that have a folder."""
        return sorted(path.name for path in self.root.iterdir() if path.is_dir() and _NAME.fullmatch(path.name))

    def items(self, product: str, area: str | None = None, label: str | None = None) -> list[ItemId]:
        """Return what is published of a product: oldest period first, versions ascending."""
        folder = self.root / check_name("product", product)
        found = []
        for path in folder.iterdir() if folder.is_dir() else ():
            item = ItemId.parse(path.name)
            if item is None or item.product != product or not self.item(item).is_file():
                continue
            if area in (None, item.area) and label in (None, item.label):
                found.append(item)
        return sorted(found, key=lambda item: (item.area, item.period.first_day, item.label, item.version))

    def inside(self, item: ItemId, href: str) -> Path:
        """Return the file a relative link of an item points to.

        Raises
        ------
        PublishError
            If it is no relative link, leaves the item's folder, or runs over a symbolic link.
        """
        parts = urlsplit(href)
        name = unquote(parts.path).removeprefix("./")
        folder = self.folder(item)
        if parts.scheme or parts.netloc or parts.query or "/" in name or "\\" in name or name in ("", ".", ".."):
            raise PublishError(f"item {item} links to {href!r}, which is no file beside it; build the product again")
        path = folder / name
        if path.is_symlink() or folder.is_symlink() or not path.resolve().is_relative_to(self.root.resolve()):
            raise PublishError(f"item {item}: {path} leads out of the store over a symbolic link; build it again")
        return path
