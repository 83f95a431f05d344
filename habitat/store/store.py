"""Store: the products' home on disk, to build versions in and to read them from."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import xarray as xr

from habitat.contracts.area import Area
from habitat.contracts.errors import NotInStore, PublishError
from habitat.contracts.grid import Grid
from habitat.contracts.period import Period
from habitat.contracts.raster_spec import RasterSpec
from habitat.store import catalogue
from habitat.store.disk import check_space, read_json
from habitat.store.layout import ItemId, Layout, check_name
from habitat.store.locks import BuildLock
from habitat.store.published import Published
from habitat.store.staging import Stage, supersede
from habitat.store.windows import WindowReader

SPARE = 2.5
"""Free bytes wanted per byte estimated: the spool, the finished file and room for other things."""


class Store:
    """A folder of published products.

    Parameters
    ----------
    root : Path
        Folder of the store; made when the first version is begun.
    on_step : callable
        Called with the name of each step of publishing (`habitat.store.staging.STEPS`) when it is done.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Store(Path(folder)).latest("monthly-change", "hunchun", Period("2025-05")) is None
    True
    """

    def __init__(self, root: Path | str, *, on_step: Callable[[str], None] = lambda step: None) -> None:
        self.layout = Layout(Path(root).expanduser().absolute())
        self._on_step = on_step

    @property
    def root(self) -> Path:
        """Folder of the store."""
        return self.layout.root

    def begin(
        self,
        product: str,
        area: Area,
        period: Period,
        *,
        estimate: int = 0,
        grid: Grid | None = None,
        now: datetime | None = None,
    ) -> Stage:
        """Begin the next version of a product; nobody sees it before `Stage.publish`.

        Parameters
        ----------
        product : str
            Name of the product.
        area : Area
            Its name, outline and grid.
        period : Period
            The period it is of.
        estimate : int
            Bytes the rasters may take, see `estimated_bytes`; two and a half times as much must be free.
        grid : Grid, optional
            Grid of the version's rasters where it is not the area's own, such as ``area.grid.coarser(500)``.
        now : datetime, optional
            What others are told about when this run began.

        Raises
        ------
        Locked
            If another run builds this product of this area.
        PublishError
            If the store cannot be written or has too little space.
        """
        label = period.label
        check_name("product", product)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PublishError(f"cannot make the store {self.root}: {error.strerror}; choose another folder") from error
        check_space(self.root, int(estimate * SPARE))
        lock = BuildLock(self.layout.lock(product, area.name), now=now)
        try:
            self._sweep(product, area.name)
            self._mend(product, area.name)
            previous = self.latest(product, area.name, period)
            item = ItemId(product, area.name, label, previous.version + 1 if previous else 1)
            self.layout.work(item).mkdir(parents=True)
        except OSError as error:
            lock.release()
            raise PublishError(f"cannot write the store {self.root}: {error.strerror}; check permissions") from error
        except BaseException:
            lock.release()
            raise
        return Stage(self.layout, item, area, lock, grid=grid, previous=previous, on_step=self._on_step)

    def _sweep(self, product: str, area: str) -> None:
        """Remove what runs that died have staged; the lock says that none of them lives."""
        work = self.layout.root / ".work"
        for path in work.iterdir() if work.is_dir() else ():
            item = ItemId.parse(path.name)
            if item is not None and (item.product, item.area) == (product, area):
                shutil.rmtree(path)

    def mend(self, product: str, area: str) -> bool:
        """Finish what a run that died after publishing left undone: deprecation, catalogue, index.

        Cheap when nothing is to be done; `begin` does the same by itself.

        Returns
        -------
        bool
            Whether something was mended.

        Raises
        ------
        Locked
            If a run builds this product of this area right now.
        """
        if not self.layout.items(product, area):
            return False
        lock = BuildLock(self.layout.lock(product, area))
        try:
            self._sweep(product, area)
            return self._mend(product, area)
        finally:
            lock.release()

    def _mend(self, product: str, area: str) -> bool:
        mended = False
        items = self.layout.items(product, area)
        for old, new in itertools.pairwise(items):
            if old.label == new.label and not Published(self.layout, old, read_json(self.layout.item(old))).deprecated:
                supersede(self.layout, old, new)
                mended = True
        if mended or not catalogue.catalogue_is_current(self.layout, product):
            catalogue.write_catalogue(self.layout, product)
            mended = True
        if mended or not catalogue.index_is_current(self.layout):
            mended = catalogue.write_index(self.layout) or mended
        return mended

    def latest(self, product: str, area: Area | str, period: Period) -> Published | None:
        """Return the newest published version; None if there is none.

        Raises
        ------
        PublishError
            If its item cannot be read.
        """
        name = area if isinstance(area, str) else area.name
        items = self.layout.items(product, name, period.label)
        return self._published(items[-1]) if items else None

    def _published(self, item: ItemId) -> Published:
        return Published(self.layout, item, read_json(self.layout.item(item)))

    def get(self, product: str, area: Area | str, period: Period) -> Published:
        """Return the newest published version.

        Raises
        ------
        NotInStore
            If there is none; the text says what there is.
        """
        found = self.latest(product, area, period)
        if found is None:
            name = area if isinstance(area, str) else area.name
            there = [str(item.period) for item in self.layout.items(product, name)]
            known = f"there are {', '.join(sorted(set(there)))}" if there else "nothing of it is there"
            raise NotInStore(f"{product} of {name}, {period} is not in {self.root}: {known}; build it first")
        return found

    def read(
        self, product: str, area: Area | str, period: Period, asset: str | None = None
    ) -> xr.Dataset | xr.DataArray:
        """Return a product's rasters, lazy, as float32 with NaN where unknown; see `Published.read`.

        Raises
        ------
        NotInStore
            If the product or the asset is not there.
        """
        return self.get(product, area, period).read(asset)

    def open_window(self, product: str, area: Area | str, period: Period, asset: str) -> WindowReader:
        """Open a raster for reading tiles as stored codes from many threads.

        Raises
        ------
        NotInStore
            If the product or the asset is not there.
        """
        return self.get(product, area, period).open_window(asset)

    def years_before(self, product: str, area: Area | str, period: Period) -> tuple[Published, ...]:
        """Return the same period of earlier years as far as published, the latest year first."""
        name = area if isinstance(area, str) else area.name
        items = {item.label: item for item in self.layout.items(product, name)}
        earlier = [
            item
            for item in items.values()
            if item.period.year < period.year and item.period.text[4:] == period.text[4:]
        ]
        return tuple(self._published(item) for item in sorted(earlier, key=lambda item: -item.period.year))

    def verify(self, product: str, area: Area | str, period: Period) -> list[str]:
        """Compare the files of the newest version with their checksums; an empty list means all is well.

        Raises
        ------
        NotInStore
            If there is none.
        """
        return self.get(product, area, period).problems()

    def rebuild_index(self) -> bool:
        """Write catalogue and index anew from the items; tell whether the index is current now."""
        for product in self.layout.products() if self.root.is_dir() else ():
            if self.layout.items(product):
                catalogue.write_catalogue(self.layout, product)
        return catalogue.write_index(self.layout)

    def list(
        self, product: str | None = None, area: str | None = None, *, every_version: bool = False
    ) -> list[Published]:
        """Return what is published, the newest versions unless every one is wanted."""
        products = [product] if product else (self.layout.products() if self.root.is_dir() else [])
        items = [item for name in products for item in self.layout.items(name, area)]
        if not every_version:
            items = list({(item.product, item.area, item.label): item for item in items}.values())
        return [self._published(item) for item in items]


def estimated_bytes(grid: Grid, *specs: RasterSpec) -> int:
    """Return the most bytes rasters may take: uncompressed pixels and a third more for overviews.

    Examples
    --------
    >>> from habitat.contracts.raster_spec import BandSpec
    >>> grid = Grid("EPSG:32652", 10.0, (600000.0, 0.0, 601000.0, 3000.0))
    >>> estimated_bytes(grid, RasterSpec("ndvi", "NDVI", (BandSpec("ndvi", "NDVI"),), "int16", -32768))
    80000
    """
    rows, columns = grid.shape
    sizes = {"uint8": 1, "int8": 1, "uint16": 2, "int16": 2, "float64": 8}
    return sum(len(spec.bands) * sizes.get(spec.dtype, 4) * rows * columns * 4 // 3 for spec in specs)
