"""Evidence: what rows of a scorecard are made from: published products, the scenes they came from, and the truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from habitat.contracts import Area, Period, Scene
from habitat.contracts.errors import InputError, ReadFailure
from habitat.contracts.grid import Tile
from habitat.contracts.scene import Asset
from habitat.imagery.codes import COMMON, Codes, harmonise
from habitat.imagery.composites import CODE_SCALE, NODATA, median
from habitat.imagery.sensors import SENSORS
from habitat.jobs.truth_folder import Sky, TruthFolder
from habitat.sources.scenes.pixels import PixelReader
from habitat.sources.scenes.preflight import Checked
from habitat.sources.scenes.rasters import Header, Rasters
from habitat.sources.scenes.scene_windows import SceneWindows
from habitat.store import Published, Store
from habitat.twin.scorecard import Row

TILE = 1024
"""Rows and columns looked at at once: a large twin is scored piece by piece."""
BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
"""Bands whose saturation counts in Landsat's masks: those of the composite."""
Usable: TypeAlias = Callable[[Scene, Tile], NDArray[np.bool_]]
"""Where (y, x) the pixels of a scene may be used."""


class SceneReader:
    """Scenes on the area's grid, with the masks of the toolkit and without any; use it with open `Rasters`.

    Parameters
    ----------
    rasters : Rasters
        Opens the files.
    area : Area
        Its grid is what tiles are counted on.
    grow_m : float
        By how much masks are grown [m].
    """

    def __init__(self, rasters: Rasters, area: Area, grow_m: float) -> None:
        self.area, self.grow_m = area, grow_m
        self._rasters = rasters
        self._headers: dict[str, Header] = {}
        self._windows = SceneWindows(rasters, self._headers, area.grid)
        self._readers: dict[tuple[str, str], PixelReader] = {}

    def readable(self, scene: Scene) -> bool:
        """Tell whether a scene has a mask and all its files can be opened."""
        try:
            for asset in (scene.mask, scene.saturation, *scene.bands.values()):
                self._know(asset)
        except ReadFailure:
            return False
        return scene.mask is not None

    def seen(self, scene: Scene, tile: Tile) -> NDArray[np.bool_]:
        """Where a scene has data."""
        there: NDArray[np.bool_] = self.quality(scene, tile) != SENSORS[scene.sensor].mask_nodata
        return there

    def quality(self, scene: Scene, tile: Tile) -> NDArray[np.uint16]:
        """Codes of a scene's quality raster: the one under the centre of each pixel.

        Raises
        ------
        InputError
            If it has none, or its file cannot be read.
        """
        mask = scene.mask
        if mask is None:
            raise InputError(f"scene {scene.id} has no quality raster, and nothing to compare its clouds with")
        self._know(mask)
        kind = np.dtype(self._headers[mask.href].dtype)
        codes = np.empty((tile.height, tile.width), kind)
        fill = int(SENSORS[scene.sensor].mask_nodata)
        with self._rasters.env():
            self._windows.gathered(mask, tile, codes, fill, {})
        return codes.astype(np.uint16, copy=False)

    def clear(self, scene: Scene, purpose: str, tile: Tile) -> NDArray[np.bool_]:
        """Where the toolkit calls a scene clear, read as jobs read it."""
        key = scene.id, purpose
        if key not in self._readers:
            for asset in (scene.mask, scene.saturation):
                self._know(asset)
            alone = Checked((scene,), self._headers)
            bands = [band for band in BANDS if band in scene.bands]
            self._readers[key] = PixelReader(
                alone, self.area, self._rasters, bands=bands, purpose=purpose, grow_m=self.grow_m
            )
        with self._rasters.env():
            view = self._readers[key].at(tile)
        if not view.dates:
            return np.zeros((tile.height, tile.width), bool)
        kept: NDArray[np.bool_] = view.on_grid(view.clear[0], view.mask_step, view.mask_phase) != 0
        return kept

    def numbers(self, scene: Scene, band: str, tile: Tile) -> NDArray[np.uint16]:
        """Digital numbers of one band, 0 where there are none."""
        out = np.zeros((tile.height, tile.width), np.uint16)
        asset = scene.bands.get(band)
        if asset is not None:
            self._know(asset)
            with self._rasters.env():
                self._windows.numbers(asset, tile, out, 1, {})
        return out

    def reflectance(self, scene: Scene, band: str, tile: Tile) -> NDArray[np.float32]:
        """Reflectance of one band [1], NaN where there is none."""
        numbers = self.numbers(scene, band, tile)
        if band not in scene.bands:
            return np.full(numbers.shape, np.nan, np.float32)
        asset = scene.bands[band]
        values = numbers.astype(np.float32) * np.float32(asset.scale) + np.float32(asset.offset)
        return np.where(numbers == 0, np.float32(np.nan), values)

    def medians(
        self, scenes: Sequence[Scene], bands: Sequence[str], tile: Tile, usable: Usable
    ) -> dict[str, NDArray[np.float32]]:
        """Median reflectance [1] of every band over the usable pixels of scenes, NaN where there are none.

        As in the composite, scenes of one satellite and day are one date, of which the first usable counts.
        """
        dates: dict[Any, list[Scene]] = {}
        for scene in sorted(scenes, key=lambda scene: (scene.solar_day, scene.platform)):
            dates.setdefault((scene.solar_day, scene.platform), []).append(scene)
        shape = tile.height, tile.width
        owners = np.zeros((len(dates), *shape), np.uint8)
        for owner, group in zip(owners, dates.values(), strict=True):
            for number, scene in enumerate(group, 1):
                owner[(owner == 0) & usable(scene, tile)] = number
        return {band: self._median(list(dates.values()), owners, band, tile) for band in bands}

    def _median(
        self, dates: list[list[Scene]], owners: NDArray[np.uint8], band: str, tile: Tile
    ) -> NDArray[np.float32]:
        assets = [scene.bands[band] for group in dates for scene in group if band in scene.bands]
        pairs = {Codes(asset.scale, asset.offset) for asset in assets}
        shared = pairs.pop() if len(pairs) == 1 else COMMON
        stack = np.zeros(owners.shape, np.uint16)
        for out, owner, group in zip(stack, owners, dates, strict=True):
            for number, scene in enumerate(group, 1):
                where = owner == number
                if band not in scene.bands or not where.any():
                    continue
                numbers, own = self.numbers(scene, band, tile), scene.bands[band]
                if Codes(own.scale, own.offset) != shared:
                    harmonise(numbers, Codes(own.scale, own.offset), shared)
                np.copyto(out, numbers, where=where)
        codes = median(stack, (owners > 0).view(np.uint8), scale=shared.scale, offset=shared.offset)
        values: NDArray[np.float32] = codes.astype(np.float32) * np.float32(CODE_SCALE)
        values[codes == NODATA] = np.nan
        return values

    def _know(self, asset: Asset | None) -> None:
        if asset is not None and asset.href not in self._headers:
            with self._rasters.env():
                self._headers[asset.href] = self._rasters.header(asset)


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything a row maker may look at."""

    area: Area
    """Area of the twin."""
    period: Period
    """Period that is scored."""
    store: Store
    """Published products; built before the truth was opened."""
    months: Mapping[Period, tuple[Scene, ...]]
    """Every scene the catalogue has of the period and of the same one a year before."""
    scenes: SceneReader
    """Reads them."""
    truth: TruthFolder
    """What is true."""

    @property
    def folder(self) -> Path:
        """Folder of the twin: beside the catalogue it has the weather, hotspots, vectors and elevation users have."""
        return self.truth.root.parent

    @property
    def before(self) -> Period:
        """The same period a year before."""
        return self.period.year_before()

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """Parts of the grid; rows are sums over them."""
        return tuple(self.area.grid.tiles(TILE))

    def published(self, product: str, period: Period | None = None) -> Published:
        """Return the newest version of a product.

        Raises
        ------
        NotInStore
            If it was not built.
        """
        return self.store.get(product, self.area, period or self.period)

    def codes(self, product: str, asset: str, band: str, tile: Tile, period: Period | None = None) -> NDArray[Any]:
        """Read stored codes of one band of a product."""
        with self.published(product, period).open_window(asset) as reader:
            codes: NDArray[Any] = reader.read(tile, (band,))[0]
            return codes

    def values(
        self, product: str, asset: str, band: str, tile: Tile, period: Period | None = None
    ) -> NDArray[np.float32]:
        """Read values of one band of a product, NaN where unknown."""
        with self.published(product, period).open_window(asset) as reader:
            return reader.values(tile, band)

    def observed(self, period: Period) -> tuple[Scene, ...]:
        """Scenes of a month that the sensors of the composite took, whether it used them or not."""
        sensors = self.published("composite", period).record.params["sensors"]
        return tuple(scene for scene in self.months[period] if scene.sensor in sensors and self.scenes.readable(scene))

    def used(self, period: Period) -> tuple[Scene, ...]:
        """Scenes that went into the composite of a month."""
        names = {entry.id for entry in self.published("composite", period).record.inputs}
        return tuple(scene for scene in self.months[period] if scene.id in names)

    def sky(self, scene: Scene, tile: Tile) -> Sky:
        """Return the true air of a scene, with what lies near a cloud by the distance masks are grown."""
        return self.truth.sky(scene.id, tile, within_m=self.scenes.grow_m)

    def truly_clear(self, scene: Scene, tile: Tile) -> NDArray[np.bool_]:
        """Where a scene has data that no cloud, shadow, cirrus or snow spoils; masks for the ground drop snow, too."""
        sky = self.sky(scene, tile)
        return sky.clear & sky.bare & self.scenes.seen(scene, tile)

    def clear_sky_medians(self, period: Period, bands: Sequence[str], tile: Tile) -> dict[str, NDArray[np.float32]]:
        """Medians that a perfect mask would give from the scenes of the composite."""
        return self.scenes.medians(self.used(period), bands, tile, self.truly_clear)

    def unmasked_medians(self, period: Period, bands: Sequence[str], tile: Tile) -> dict[str, NDArray[np.float32]]:
        """Medians of everything a month's scenes hold, clouds and all."""
        return self.scenes.medians(self.observed(period), bands, tile, self.scenes.seen)

    def clearest(self, period: Period) -> Scene:
        """Return the scene whose item tells the least clouds.

        Raises
        ------
        InputError
            If there is no scene.
        """
        scenes = self.observed(period)
        if not scenes:
            raise InputError(f"there is no scene of {period}; score a twin that has the month")
        return min(scenes, key=lambda scene: (100.0 if scene.cloud_cover is None else scene.cloud_cover, scene.id))


RowMaker: TypeAlias = Callable[[Evidence], list[Row]]
"""Makes the rows of one product."""
