"""Shooting all scenes of a twin: block by block, several at once, the same bytes for any number of threads."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window as FileWindow
from shapely import segmentize
from shapely.geometry import Polygon, box
from shapely.geometry.polygon import orient

from habitat.twin.documents.names import item_id, paths_of
from habitat.twin.land.events import History
from habitat.twin.land.landscape import Landscape, landscape_in
from habitat.twin.land.seasons import Seasons
from habitat.twin.land.vegetation import ground_on
from habitat.twin.materials import bands_of, spectra_of
from habitat.twin.programme import PROGRAMMES
from habitat.twin.quirks import Quirks, touched_assets
from habitat.twin.sensors import landsat, sentinel1, sentinel2
from habitat.twin.sensors.backscatter import Wetness, wetness_on
from habitat.twin.sensors.files import SceneFiles, landsat_layout, radar_layout, sentinel2_layout
from habitat.twin.sensors.frames import Cut, Drawn, blocks_of, window_of
from habitat.twin.sensors.optics import light_on, lit_reflectance, sun_at
from habitat.twin.sensors.shots import Block, Delivered, Frame, Overpass, Scene, Sun
from habitat.twin.sensors.sky import Smoke, sky_over, smoke_at
from habitat.twin.world import CENTRE, CRS, Window, World, to_degrees

Progress = Callable[[str, int, int], None]
"""Told what is under way, how much of it is done, and how much there is."""

_MARGIN = 60
"""By how many pixels of 10 m the land of a small twin is drawn past its edge, once for all its scenes."""


_DRAWN_WHOLE = 2000
"""Largest world [10 m pixels a side] whose land is kept in memory while its scenes are drawn."""
_BYTES = {"sentinel2": 9.0, "landsat": 1.8, "sentinel1": 9.0, "truth": 12.0}
"""Bytes on disk per 10 m pixel of the world: one scene of a sensor, and all of the truth and the elevation."""
_TABLE_BYTES = 50e6
_TILES_IN_FULL = 2.3
_RADAR_NODATA = -32768.0
_LAYOUTS = {"sentinel2": sentinel2_layout, "landsat": landsat_layout, "sentinel1": radar_layout}
_OUTLINE_POINTS = 4

AIR = ("cloud", "shadow", "cirrus", "haze", "snow")
"""Bands of the files that tell the truth about a scene's air and snow, in percent."""


@dataclass(frozen=True, eq=False)
class Studio:
    """What all scenes of one twin share."""

    world: World
    """Size and seed."""
    history: History
    """Weather, fires and clearings."""
    seasons: Seasons
    """Snow and leaves of every year."""
    quirks: Quirks
    """What is to be wrong."""
    workers: int
    """Threads that draw."""


def shoot(studio: Studio, root: Path, scenes: Sequence[Scene], progress: Progress | None = None) -> list[Delivered]:
    """Draw and write all scenes.

    Parameters
    ----------
    studio : Studio
        The twin.
    root : Path
        Folder of the twin.
    scenes : sequence of Scene
        What its catalogues hold.
    progress : callable, optional
        Told how many scenes' blocks are drawn.

    Returns
    -------
    list of Delivered
        In the order of `scenes`.
    """
    frames: dict[Frame, list[Scene]] = defaultdict(list)
    for scene in scenes:
        frames[scene.frame].append(scene)
    land = _Land(studio.world)
    delivered: dict[int, Delivered] = {}
    done, total = 0, sum(len(list(blocks_of(frame))) * len(group) for frame, group in frames.items())
    with ThreadPoolExecutor(studio.workers) as threads:
        for frame, group in frames.items():
            files = [_Shooting(studio, root, scene) for scene in group]
            for cut in blocks_of(frame):
                landscape = land.under(window_of(studio.world, frame, cut))
                for _ in threads.map(lambda one, at=cut, ground=landscape: one.draw(at, ground), files):
                    done += 1
                    if progress is not None:
                        progress("scenes", done, total)
            for one, told in zip(files, threads.map(_Shooting.finish, files), strict=True):
                delivered[id(one.scene)] = told
    return [delivered[id(scene)] for scene in scenes]


def surface_of(studio: Studio, landscape: Landscape, overpass: Overpass, bands: tuple[str, ...]) -> NDArray[np.float32]:
    """Return what a satellite would see without air, clouds, noise and misplacement (band, y, x) [1]."""
    ground = ground_on(studio.world, landscape, studio.history, studio.seasons, overpass.when.date())
    light = light_on(landscape, ground.stand.canopy, bands, _sun(overpass))
    chosen = [bands_of(overpass.platform).index(band) for band in bands]
    spectra = np.ascontiguousarray(spectra_of(overpass.platform)[:, chosen])
    return lit_reflectance(ground, landscape, spectra, light)


def estimated_bytes(world: World) -> int:
    """Return about how many bytes a twin of a world takes on disk, on the safe side."""
    programme = PROGRAMMES[world.size.name]
    tiles = _TILES_IN_FULL if world.size.name == "full" else 1.1
    passes = tiles * (_most(programme.sentinel2, 7) + len(programme.raw)) + 3 * len(programme.all_tiles)
    older = _most(programme.landsat, 4) + len(programme.older)
    seen = (
        passes * _BYTES["sentinel2"] + older * _BYTES["landsat"] + sum(programme.radar.values()) * _BYTES["sentinel1"]
    )
    return int(world.pixels**2 * (seen + _BYTES["truth"]) + _TABLE_BYTES)


def _most(kept: dict[str, int], passes: int) -> int:
    """Return how many scenes that can be at most, of so many passes a month."""
    return sum(min(count, passes) for count in kept.values())


class _Land:
    """The land under the blocks: of a small twin drawn once and cut, of a large one block by block."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._whole: Landscape | None = None

    def under(self, window: Window) -> Landscape:
        if self._world.pixels > _DRAWN_WHOLE:
            return landscape_in(self._world, window)
        if self._whole is None:
            self._whole = landscape_in(self._world, self._world.whole.grown(_MARGIN))
        return cropped(self._whole, window)


def cropped(landscape: Landscape, window: Window) -> Landscape:
    """Return the part of a landscape inside a window, at 10 m."""
    whole = landscape.window
    rows = slice(window.row - whole.row, window.row - whole.row + window.rows)
    columns = slice(window.column - whole.column, window.column - whole.column + window.columns)
    parts: dict[str, Any] = {
        one.name: np.ascontiguousarray(getattr(landscape, one.name)[rows, columns])
        for one in fields(landscape)
        if isinstance(getattr(landscape, one.name), np.ndarray)
    }
    return replace(landscape, window=window, **parts)


class _Shooting:
    """One scene on its way to disk."""

    def __init__(self, studio: Studio, root: Path, scene: Scene) -> None:
        self.scene = scene
        self._studio, self._root = studio, root
        self._sun = _sun(scene.overpass)
        sensor = scene.overpass.sensor
        paths = paths_of(scene)
        self._files = SceneFiles(root, scene.frame, paths, _LAYOUTS[sensor](studio.world.size))
        self._air = _Air(root / "truth" / "scenes" / f"{item_id(scene)}.tif", scene.frame)
        self._counts: Counter[int] = Counter()
        self._valid = self._total = 0

    def draw(self, cut: Cut, landscape: Landscape) -> None:
        """Draw and write one block."""
        block = self._block(cut, landscape)
        self._files.write(cut, block.pixels)
        self._air.write(cut, block.truth)
        self._count(block)

    def _block(self, cut: Cut, landscape: Landscape) -> Block:
        studio, scene = self._studio, self.scene
        world, overpass = studio.world, scene.overpass
        ground = ground_on(world, landscape, studio.history, studio.seasons, overpass.when.date())
        if overpass.sensor == "sentinel1":
            return sentinel1.draw_block(world, scene, cut, landscape, ground, self._wetness)
        sky = sky_over(world, overpass, landscape.window, self._sun, smoke=self._smoke)
        drawn = Drawn(landscape, ground, self._sun, sky)
        if overpass.sensor == "sentinel2":
            return sentinel2.draw_block(world, scene, cut, drawn)
        return landsat.draw_block(world, scene, cut, drawn)

    # Told at the first block, in the thread that draws it: a scene never has two blocks drawn at once.
    @cached_property
    def _wetness(self) -> Wetness:
        return wetness_on(self._studio.history.weather, self.scene.overpass.when)

    @cached_property
    def _smoke(self) -> Smoke | None:
        return smoke_at(self._studio.world, self._studio.history, self.scene.overpass.when)

    def _count(self, block: Block) -> None:
        codes = block.pixels.get("scl", block.pixels.get("qa_pixel"))
        if codes is None:
            seen = block.pixels["vv"] != _RADAR_NODATA
            self._valid, self._total = self._valid + int(seen.sum()), self._total + seen.size
            return
        found, numbers = np.unique(codes, return_counts=True)
        self._total += codes.size
        for code, number in zip(found.tolist(), numbers.tolist(), strict=True):
            if self.scene.overpass.sensor == "sentinel2":
                self._counts[code] += number
                self._valid += number * (code != 0)
            else:
                for bit in range(16):
                    self._counts[1 << bit] += number * (code >> bit & 1)
                self._valid += number * (code & 1 == 0)

    def finish(self) -> Delivered:
        """Complete the files."""
        files = self._files.finish()
        self._air.finish()
        for key in touched_assets(self._studio.quirks.lost_files, self.scene.day) & files.keys():
            if self.scene.overpass.sensor == "sentinel2":
                (self._root / files[key].path).unlink()
        seen = footprint_of(self._studio.world, self.scene.frame)
        return Delivered(self.scene, self._sun, files, dict(self._counts), self._valid, self._total, seen)


class _Air:
    """The truth about one scene's air, on the lattice of its mask."""

    def __init__(self, path: Path, frame: Frame) -> None:
        self._path, self._frame = path, frame
        self._file: Any = None

    def write(self, cut: Cut, truth: dict[str, NDArray[np.uint8]]) -> None:
        if not truth:
            return
        factor = cut.rows // truth[AIR[0]].shape[0]
        if self._file is None:
            self._file = self._opened(factor)
        rows, columns = truth[AIR[0]].shape
        place = FileWindow(cut.column // factor, cut.row // factor, columns, rows)
        for band, name in enumerate(AIR, 1):
            self._file.write(truth[name], band, window=place)

    def _opened(self, factor: int) -> Any:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = rasterio.open(
            self._path,
            "w",
            driver="GTiff",
            height=self._frame.rows // factor,
            width=self._frame.columns // factor,
            count=len(AIR),
            dtype="uint8",
            crs=self._frame.crs,
            transform=self._frame.transform(self._frame.resolution_m * factor),
            compress="DEFLATE",
            tiled=True,
            interleave="band",
        )
        file.descriptions = AIR
        return file

    def finish(self) -> None:
        if self._file is not None:
            self._file.close()


def footprint_of(world: World, frame: Frame) -> Polygon:
    """Return the outline of the part of a frame that shows the world, in WGS 84."""
    step = frame.resolution_m
    own = box(frame.west, frame.north - frame.rows * step, frame.west + frame.columns * step, frame.north)
    whole = box(world.west, world.north - world.width_m, world.west + world.width_m, world.north)
    seen = _degrees(own, frame.crs).intersection(_degrees(whole, CRS))
    return orient(Polygon([(round(x, 6), round(y, 6)) for x, y in seen.exterior.coords]))


def _degrees(outline: Polygon, crs: str) -> Polygon:
    west, _, east, _ = outline.bounds
    corners = np.asarray(segmentize(outline, (east - west) / _OUTLINE_POINTS).exterior.coords)
    longitude, latitude = to_degrees(crs).transform(corners[:, 0], corners[:, 1])
    return Polygon(np.column_stack([longitude, latitude]))


def _sun(overpass: Overpass) -> Sun:
    longitude, latitude = to_degrees().transform(*CENTRE)
    return sun_at(overpass.when, float(longitude), float(latitude))
