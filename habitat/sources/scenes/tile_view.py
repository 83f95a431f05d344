"""Tile view: the dates of one tile, their clear masks, and their bands when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import ReadFailure
from habitat.contracts.grid import Tile
from habitat.contracts.scene import Asset, Scene
from habitat.imagery.clouds import FMASK_FILL, RADSAT_OCCLUSION, ClearPolicy, clear_mask, clear_policy, saturated
from habitat.imagery.codes import Codes, harmonise
from habitat.imagery.sensors import SENSORS
from habitat.sources.scenes.placement import Placement, nested_copy, nested_paste
from habitat.sources.scenes.scene_windows import Gathers, SceneWindows

Mask: TypeAlias = NDArray[np.uint8]
Numbers: TypeAlias = NDArray[np.uint16]


class SceneLost(ReadFailure):
    """A scene whose files could be opened but not read: the month is to be made without it."""

    def __init__(self, scene: Scene, failure: ReadFailure) -> None:
        super().__init__(failure.reason, f"scene {scene.id}: {failure}")
        self.scene = scene

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel between processes with all it holds."""
        return SceneLost, (self.scene, ReadFailure(self.reason, str(self).partition(": ")[2]))


@dataclass(frozen=True)
class Date:
    """What one satellite took on one solar day."""

    day: int
    """Days since the first day of all."""
    scenes: tuple[int, ...]
    """Indices of its scenes; where they overlap the first that is clear counts."""


@dataclass(frozen=True)
class Reading:
    """What is to be read, the same for all tiles."""

    scenes: tuple[Scene, ...]
    """Those without a mask are clear wherever all `bands` have data."""
    dates: tuple[Date, ...]
    """In order of time."""
    bands: tuple[str, ...]
    """Canonical bands."""
    codes: Mapping[str, Codes]
    """Scale and offset of each band, for all scenes."""
    purpose: str
    """What counts as clear."""
    grow_m: float
    """How far clouds are grown [m]."""
    hold: frozenset[str]
    """Bands that are wanted at the same time."""

    def policy(self, scene: Scene, resolution_m: float) -> ClearPolicy:
        """Return the rule of what is clear at a resolution."""
        codes = scene.mask_codes or scene.sensor
        return clear_policy(codes, self.purpose, resolution_m=resolution_m, grow_m=self.grow_m)

    def asset(self, index: int, band: str) -> Asset | None:
        """Return the asset of a scene's band, if it has one."""
        return self.scenes[index].bands.get(band)

    def telling(self, index: int) -> tuple[Asset, ...]:
        """Return what says where a scene is clear: its quality raster, or all its bands where it has none."""
        scene = self.scenes[index]
        if scene.mask is not None:
            return (scene.mask,)
        return tuple(scene.bands[band] for band in self.bands if band in scene.bands)


@dataclass(frozen=True)
class BandStack:
    """One band of a tile, all dates."""

    numbers: Numbers
    """(date, y, x): 0 is no data. One pixel covers `step` x `step` grid pixels."""
    codes: Codes
    """How numbers become reflectance, the same for all dates."""
    step: int
    """Grid pixels per pixel of `numbers`, each way."""
    phase: tuple[int, int]
    """Grid pixels by which the tile's corner lies inside the first pixel of `numbers`."""
    mask_step: int
    """Pixels of `numbers` per pixel of the tile's mask, each way."""
    mask_phase: tuple[int, int]
    """Pixels of `numbers` by which its corner lies inside the first pixel of the mask."""


class TileView:
    """The dates of one tile; made by `habitat.sources.scenes.pixels.PixelReader.at`.

    Its arrays are buffers of the thread: they last until the thread asks for the next tile.
    """

    def __init__(self, reading: Reading, windows: SceneWindows, tile: Tile, inside: Mask | None) -> None:
        self.tile = tile
        self._reading, self._windows = reading, windows
        self._gathers: Gathers = {}
        present = []
        for date in reading.dates:
            here = tuple(i for i in date.scenes if self._place(reading.telling(i)[0]).touches(tile))
            if here:
                present.append(Date(date.day, here))
        masks = [asset for date in present for i in date.scenes for asset in reading.telling(i)]
        self.mask_step, self.mask_phase = self._shared_step(masks)
        """Grid pixels per pixel of `clear`, and those by which the tile's corner lies inside its first."""
        shape = _coarse_shape(tile, self.mask_step, self.mask_phase)
        clear = windows.buffer("clear", (len(present), *shape), np.uint8)
        within = None if inside is None else _sampled(inside, self.mask_step, self.mask_phase, shape)
        self.clear_pixels: dict[int, int] = {}
        """Clear grid pixels each scene has here, by its index; none for scenes that do not reach the tile."""
        self._owners: dict[tuple[int, ...], Mask] = {}
        kept: list[Date] = []
        for date in present:
            if self._join_masks(date, clear[len(kept)], within):
                kept.append(date)
        self.dates = tuple(kept)
        """Dates with a clear pixel here."""
        self.clear = clear[: len(kept)]
        """uint8 (date, y, x): 1 where a date may be used."""
        self.days = np.array([date.day for date in kept], np.int16)
        """Day of each date, counted from the first of all as 0."""

    def _place(self, asset: Asset) -> Placement:
        return self._windows.place(asset)

    def _shared_step(self, assets: Sequence[Asset]) -> tuple[int, tuple[int, int]]:
        """Step and phase that all rasters share, else those of the grid itself."""
        places = [self._place(asset) for asset in assets]
        found = {(p.factor, p.phase(self.tile)) if p.kind == "nested" else (1, (0, 0)) for p in places}
        return found.pop() if len(found) == 1 else (1, (0, 0))

    def _join_masks(self, date: Date, out: Mask, within: Mask | None) -> bool:
        """Join the masks of a date's scenes; tell whether anything of it is clear."""
        some = False
        for number, index in enumerate(date.scenes):
            with _naming(self._reading.scenes[index]):
                mask = self._scene_mask(index)
            if within is not None:
                mask &= within
            count = int(np.count_nonzero(mask))
            some = some or count > 0
            self.clear_pixels[index] = count * self.mask_step**2
            if number == 0:
                np.copyto(out, mask)
                if len(date.scenes) > 1:
                    self._owners[date.scenes] = mask.copy()
            elif count:
                owner = self._owners[date.scenes]
                owner[(mask != 0) & (owner == 0)] = number + 1
                out |= mask
        return some

    def _scene_mask(self, index: int) -> Mask:
        scene = self._reading.scenes[index]
        asset = scene.mask
        if asset is None:
            return self._where_data(index)
        place = self._place(asset)
        nested = place.kind == "nested"
        policy = self._reading.policy(scene, place.grid.resolution_m * (place.factor if nested else 1))
        halo = policy.halo_px
        fill = FMASK_FILL if scene.mask_codes == "fmask" else int(SENSORS[scene.sensor].mask_nodata)
        codes = self._windows.quality(asset, self.tile, halo, fill, self._gathers)
        clear = clear_mask(codes, policy, crop=(halo, halo, halo, halo))
        if scene.saturation is not None and self._windows.knows(scene.saturation):
            self._drop_saturated(scene, scene.saturation, clear)
        if nested and (place.factor, place.phase(self.tile)) != (self.mask_step, self.mask_phase):
            shape = _coarse_shape(self.tile, self.mask_step, self.mask_phase)
            wide: Mask = self._windows.buffer("mask", shape, np.uint8)
            nested_copy(clear, place.factor, *place.phase(self.tile), wide)
            return wide
        return clear

    def _where_data(self, index: int) -> Mask:
        """Clear pixels of a scene without a mask: those with data in all bands."""
        shape = _coarse_shape(self.tile, self.mask_step, self.mask_phase)
        clear: Mask = self._windows.buffer("mask", shape, np.uint8)
        clear.fill(1)
        numbers: Numbers = self._windows.buffer("other", shape, np.uint16)
        for asset in self._reading.telling(index):
            self._windows.numbers(asset, self.tile, numbers, self.mask_step, self._gathers)
            clear[numbers == 0] = 0
        return clear

    def _drop_saturated(self, scene: Scene, asset: Asset, clear: Mask) -> None:
        flags = self._windows.quality(asset, self.tile, 0, 0, self._gathers)
        if flags.shape != clear.shape:
            raise ReadFailure("moved", f"scene {scene.id}: its saturation flags lie on other pixels than its mask")
        clear[saturated(flags.astype(np.uint16, copy=False), _radsat_bits(scene, self._reading.bands))] = 0

    def band(self, name: str) -> BandStack:
        """Read one band of every date that has a clear pixel here.

        Raises
        ------
        SceneLost
            If a file cannot be read.
        """
        reading, windows = self._reading, self._windows
        assets = [a for date in self.dates for i in date.scenes if (a := reading.asset(i, name)) is not None]
        step, phase = self._shared_step(assets)
        if (step, phase) != (self.mask_step, self.mask_phase):
            step, phase = 1, (0, 0)
        key = f"band {name}" if name in reading.hold else "band"
        stack: Numbers = windows.buffer(key, (len(self.dates), *_coarse_shape(self.tile, step, phase)), np.uint16)
        for date, out in zip(self.dates, stack, strict=True):
            self._fill(name, date, out, step)
        mask = (1, (0, 0)) if step == self.mask_step else (self.mask_step, self.mask_phase)
        return BandStack(stack, reading.codes[name], step, phase, *mask)

    def _fill(self, name: str, date: Date, out: Numbers, step: int) -> None:
        owner = self._owners.get(date.scenes)
        used = [i for i in date.scenes if self.clear_pixels[i] and self._reading.asset(i, name) is not None]
        if owner is not None or not used:
            out.fill(0)
        for index in used:
            asset = self._reading.scenes[index].bands[name]
            target = out if owner is None else self._windows.buffer("other", out.shape, np.uint16)
            with _naming(self._reading.scenes[index]):
                self._windows.numbers(asset, self.tile, target, step, self._gathers)
            own = Codes(asset.scale, asset.offset)
            if own != self._reading.codes[name]:
                harmonise(target, own, self._reading.codes[name])
            if owner is not None:
                place = (1, 0, 0) if step == self.mask_step else (self.mask_step, *self.mask_phase)
                nested_paste(target, owner, date.scenes.index(index) + 1, place, out)

    def on_grid(self, values: NDArray[Any], step: int, phase: tuple[int, int]) -> NDArray[Any]:
        """Return an array (y, x) of coarser pixels repeated to the tile's own."""
        if step == 1:
            return values
        out = np.empty((self.tile.height, self.tile.width), values.dtype)
        nested_copy(values, step, *phase, out)
        return out


@contextmanager
def _naming(scene: Scene) -> Iterator[None]:
    """Say which scene it was that could not be read."""
    try:
        yield
    except ReadFailure as failure:
        raise SceneLost(scene, failure) from None


def _coarse_shape(tile: Tile, step: int, phase: tuple[int, int]) -> tuple[int, int]:
    return -(-(phase[0] + tile.height) // step), -(-(phase[1] + tile.width) // step)


def _sampled(inside: Mask, step: int, phase: tuple[int, int], shape: tuple[int, int]) -> Mask:
    """Return the polygon on coarser pixels: inside if any of their grid pixels is."""
    if step == 1:
        return inside
    out = np.zeros(shape, np.uint8)
    rows = (np.arange(inside.shape[0]) + phase[0]) // step
    columns = (np.arange(inside.shape[1]) + phase[1]) // step
    np.maximum.at(out, (rows[:, None], columns[None, :]), inside)
    return out


def _radsat_bits(scene: Scene, bands: Sequence[str]) -> Iterator[int]:
    names = SENSORS[scene.sensor].asset_names(scene.platform)
    for band in bands:
        numbers = [int(name[4:]) for name in names.get(band, ()) if name.startswith("SR_B") and name[4:].isdigit()]
        yield from (number - 1 for number in numbers[:1])
    if scene.platform not in ("landsat-4", "landsat-5", "landsat-7"):
        yield RADSAT_OCCLUSION
