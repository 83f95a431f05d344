"""Published: one version of a product in the store, its files and its rasters as xarray objects."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
import rioxarray  # noqa: F401  registers the .rio accessor
import xarray as xr

from habitat.contracts.errors import NotInStore
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.period import Period
from habitat.store.items import sha256_of
from habitat.store.layout import ItemId, Layout
from habitat.store.provenance import Input, Record
from habitat.store.verification import check_bytes, difference_from
from habitat.store.windows import WindowReader

CHUNK = 2048
"""Side of the lazy chunks [pixels]: four blocks of the files."""


@dataclass(frozen=True)
class Published:
    """One published version of a product.

    Parameters
    ----------
    layout : Layout
        The store.
    id : ItemId
        Product, area, label of the period and version.
    item : dict
        The STAC item.
    """

    layout: Layout = field(repr=False)
    id: ItemId
    item: dict[str, Any] = field(repr=False, compare=False)

    @property
    def version(self) -> int:
        """Version, from 1."""
        return self.id.version

    @property
    def product(self) -> str:
        """Name of the product."""
        return self.id.product

    @property
    def area(self) -> str:
        """Name of the area."""
        return self.id.area

    @property
    def period(self) -> Period:
        """The period it is of."""
        return self.id.period

    @property
    def deprecated(self) -> bool:
        """Whether a later version has replaced it."""
        return bool(self.item["properties"].get("deprecated"))

    @property
    def item_path(self) -> Path:
        """The STAC item."""
        return self.layout.item(self.id)

    @property
    def paths(self) -> dict[str, Path]:
        """Every asset's file by its key."""
        return {key: self.layout.inside(self.id, asset["href"]) for key, asset in self.item["assets"].items()}

    @property
    def rasters(self) -> tuple[str, ...]:
        """Keys of the raster assets."""
        return tuple(key for key, asset in self.item["assets"].items() if "data" in asset["roles"])

    @property
    def grid(self) -> Grid:
        """The grid its rasters lie on."""
        kept = self.item["properties"]["habitat:grid"]
        west, south, east, north = kept["bounds"]
        return Grid(kept["crs"], kept["resolution_m"], (west, south, east, north))

    @property
    def record(self) -> Record:
        """How it was made."""
        return Record.from_json(self.path("record").read_text(encoding="utf-8"))

    def as_input(self) -> Input:
        """Return this version as an input of another product's record.

        Its identity is that of its pixels, so that a rebuild which changes none of them leaves what was made
        from it current.
        """
        hashes = [self.item["assets"][key]["habitat:pixel_hash"] for key in self.rasters]
        href = f"./{self.product}/{self.id}/{self.id}.json"
        return Input(f"{self.product}_{self.area}_{self.id.label}", href, str(self.version), ",".join(hashes))

    def path(self, asset: str) -> Path:
        """Return the file of an asset.

        Raises
        ------
        NotInStore
            If it has no such asset.
        """
        self._asset(asset)
        return self.paths[asset]

    def _asset(self, key: str) -> dict[str, Any]:
        asset: dict[str, Any] | None = self.item["assets"].get(key)
        if asset is None:
            raise NotInStore(f"{self.id} has no asset {key!r}; it has {', '.join(self.item['assets'])}")
        return asset

    def problems(self, asset: str | None = None) -> list[str]:
        """Compare files with the sizes and checksums in the item; an empty list means all is well."""
        texts = []
        for key in [asset] if asset else self.item["assets"]:
            entry = self._asset(key)
            if "file:checksum" in entry:
                texts.append(difference_from(self.path(key), entry["file:size"], sha256_of(entry)))
        return [text for text in texts if text]

    def open_window(self, asset: str) -> WindowReader:
        """Open a raster for reading tiles from many threads.

        The first opening in a process compares the file with its checksum (1 s for 1.3 GB): of single bits
        that flip on a disk, DEFLATE alone lets one in six through as wrong pixels.

        Raises
        ------
        NotInStore
            If it has no such raster.
        PublishError
            If the file is not what was published.
        """
        entry = self._asset(asset)
        if "data" not in entry["roles"]:
            raise NotInStore(f"asset {asset!r} of {self.id} is no raster; rasters are {', '.join(self.rasters)}")
        path = self.path(asset)
        _check_once(path, entry["file:size"], sha256_of(entry))
        return WindowReader(path, self.grid, tuple(band["name"] for band in entry["bands"]))

    def read(self, asset: str | None = None) -> xr.Dataset | xr.DataArray:
        """Return rasters as lazy float32 with NaN where unknown and scale and offset applied.

        Parameters
        ----------
        asset : str, optional
            One raster; all by default.

        Returns
        -------
        DataArray (y, x) or Dataset
            A DataArray for one raster of one band. Else a Dataset: a raster of one band is named by its
            asset, the bands of others by themselves (``{asset}_{band}`` where two would have one name).
        """
        if asset is not None:
            layers = self._layers(asset)
            if len(layers) == 1:
                return next(iter(layers.values())).rename(asset)
            return self._dataset(layers)
        found: dict[str, xr.DataArray] = {}
        for key in self.rasters:
            layers = self._layers(key)
            for band, layer in layers.items():
                name = key if len(layers) == 1 else band
                found[f"{key}_{band}" if name in found else name] = layer
        return self._dataset(found)

    def _dataset(self, layers: dict[str, xr.DataArray]) -> xr.Dataset:
        dataset = xr.Dataset({name: layer.rename(name) for name, layer in layers.items()})
        dataset.attrs = {"product": self.product, "area": self.area, "period": str(self.period), "item": str(self.id)}
        dataset_in_crs: xr.Dataset = dataset.rio.write_crs(self.grid.crs)
        return dataset_in_crs

    def _layers(self, asset: str) -> dict[str, xr.DataArray]:
        reader = self.open_window(asset)
        entry, grid = self._asset(asset), self.grid
        return {
            name: _layer(reader, name, grid, _attributes(entry, index, self)) for index, name in enumerate(reader.bands)
        }


@lru_cache(maxsize=4096)
def _check_state(path: Path, size: int, sha256: str, state: tuple[int, int]) -> None:
    check_bytes(path, size, sha256)


def _check_once(path: Path, size: int, sha256: str) -> None:
    """Compare a file with its checksum unless this very state of it passed before."""
    about = path.stat() if path.is_file() else None
    _check_state(path, size, sha256, (about.st_mtime_ns, about.st_size) if about else (0, 0))


def _attributes(entry: dict[str, Any], index: int, item: Published) -> dict[str, Any]:
    band = entry["bands"][index]
    attributes: dict[str, Any] = {"units": band["unit"], "long_name": band["description"], "item": str(item.id)}
    classes = entry.get("classification:classes", [])
    if classes:
        attributes["flag_values"] = [known["value"] for known in classes]
        attributes["flag_meanings"] = " ".join(known["name"] for known in classes)
    return attributes


def _layer(reader: WindowReader, band: str, grid: Grid, attributes: dict[str, Any]) -> xr.DataArray:
    rows, columns = grid.shape
    chunks = tuple(tuple(_cuts(length)) for length in (rows, columns))
    map_blocks: Any = da.map_blocks
    values = map_blocks(
        _chunk,
        reader=reader,
        band=band,
        dtype=np.float32,
        chunks=chunks,
        meta=np.empty((0, 0), dtype=np.float32),
    )
    layer = xr.DataArray(values, coords=grid.coords, dims=("y", "x"), name=band, attrs=attributes)
    in_crs: xr.DataArray = layer.rio.write_crs(grid.crs).rio.write_transform(grid.transform)
    return in_crs


def _cuts(length: int) -> list[int]:
    return [min(CHUNK, length - start) for start in range(0, length, CHUNK)]


def _chunk(*, reader: WindowReader, band: str, block_info: Any = None) -> Any:
    (top, bottom), (left, right) = block_info[None]["array-location"]
    return reader.values(Tile(top, left, bottom - top, right - left), band)
