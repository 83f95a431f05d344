"""Paired looks: scenes of two sensors that saw the same ground within days, and windows of both as means of blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from habitat.contracts.area import Area
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.scene import Asset, Scene
from habitat.imagery.composites import CODE_SCALE
from habitat.imagery.harmonise.residual import Shift, block_means, shift_between
from habitat.sources.scenes.observations import observations
from habitat.sources.scenes.pixels import PixelReader
from habitat.sources.scenes.preflight import Checked
from habitat.sources.scenes.rasters import Rasters

WINDOW_PX = 128
"""Rows and columns of the windows that are compared."""
BLOCK_M = 90.0
"""Edge of the blocks [m] whose means are compared: Landsat's pixels see other ground than Sentinel-2's."""
_WINDOWS, _TRIES = 6, 18
"""Windows that are compared for a pair of scenes, and places that are looked at for them."""
_SQUARE_PX = 64
"""Rows and columns of the squares by which pictures are laid upon each other."""
_LEAST_CLEAR, _NEARLY_CLEAR = 0.2, 0.7
"""Share that is clear in both: of a window for it to count, of a square for its place to be measured."""
_TEXTURE = ("swir1", "red", "nir", "swir2", "green", "blue")
"""Bands by which pictures are laid upon each other, best first."""
_PURPOSE = "forest"

Pair = tuple[Scene, Scene, int]
"""Scenes of Sentinel-2 and of Landsat, and how many days they are apart."""
Key = tuple[str, str, str]
"""Tile of Sentinel-2, path and row of Landsat, month."""


def paired_scenes(scenes: Sequence[Scene], area: Area, max_days: int) -> dict[Key, list[Pair]]:
    """Pairs of scenes by pair of tiles and month of the Sentinel-2 scene, nearest in time and clearest first.

    A month in which both tiles were seen but never within so many days of each other has an empty list, and so
    has ``"all months"`` of two tiles that share ground and no month.
    """
    groups: dict[Key, list[Pair]] = {}
    seen = {
        sensor: _by_tile([scene for scene in scenes if scene.sensor == sensor]) for sensor in ("sentinel2", "landsat")
    }
    for tile, ours in seen["sentinel2"].items():
        for path, theirs in seen["landsat"].items():
            common = shapely.intersection(ours[0].footprint, theirs[0].footprint)
            if not shapely.intersects(common, area.polygon):
                continue
            pairs = [(one, other, abs((one.solar_day - other.solar_day).days)) for one in ours for other in theirs]
            near = sorted((pair for pair in pairs if pair[2] <= max_days), key=_nearest)
            months = {_month(scene) for scene in ours} & {_month(scene) for scene in theirs}
            months |= {_month(pair[0]) for pair in near}
            for month in months or {"all months"}:
                groups[tile, path, month] = [pair for pair in near if _month(pair[0]) == month]
    return groups


def _by_tile(scenes: Sequence[Scene]) -> dict[str, list[Scene]]:
    found: dict[str, list[Scene]] = {}
    for scene in scenes:
        found.setdefault(scene.tile, []).append(scene)
    return found


def _month(scene: Scene) -> str:
    return f"{scene.solar_day:%Y-%m}"


def _nearest(pair: Pair) -> tuple[int, float, str, str]:
    one, other, days = pair
    return days, (one.cloud_cover or 0) + (other.cloud_cover or 0), one.id, other.id


@dataclass(frozen=True)
class Sampling:
    """Where pixels are read from, and how."""

    checked: Checked
    area: Area
    rasters: Rasters
    bands: tuple[str, ...]
    grow_m: float
    plain: Mapping[str, Scene]

    def look(self, one: Scene, other: Scene) -> Looked:
        """Read windows of two scenes where both are clear.

        Raises
        ------
        SceneLost
            If a file cannot be read.
        """
        readers = [
            PixelReader(
                Checked((scene,), self.checked.headers),
                self.area,
                self.rasters,
                bands=self.bands,
                purpose=_PURPOSE,
                grow_m=self.grow_m,
            )
            for scene in (one, other)
        ]
        parts = max(1, round(BLOCK_M / self.area.grid.resolution_m))
        blocks: tuple[list[NDArray[np.float64]], ...] = ([], [])
        whole: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
        pixels, read = 0, 0
        with self.rasters.env():
            for window in sample_windows(self.area.grid):
                shape = (window.height, window.width)
                clear = np.logical_and(*(_clear(reader, window, shape) for reader in readers))
                if clear.mean() < _LEAST_CLEAR:
                    continue
                values = [_values(reader, window, self.bands) for reader in readers]
                pixels, read = pixels + int(clear.sum()), read + 1
                for side in range(2):
                    blocks[side].append(block_means(values[side], clear, parts).reshape(len(self.bands), -1))
                whole += self._textures(values, clear)
                if read == _WINDOWS:
                    break
        empty = np.empty((len(self.bands), 0))
        joined = (np.concatenate(part, axis=1) if part else empty for part in blocks)
        return Looked((one, other), self.plain, tuple(joined), pixels, shift_between(whole))

    def _textures(
        self, values: Sequence[NDArray[np.float64]], clear: NDArray[np.bool_]
    ) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Cut squares out of a window, those that are clear nearly everywhere: holes in both would not move."""
        index = next((self.bands.index(band) for band in _TEXTURE if band in self.bands), 0)
        first, second = (entry[index] for entry in values)
        usable = clear & np.isfinite(first) & np.isfinite(second)
        found = []
        for row in range(0, clear.shape[0] - _SQUARE_PX + 1, _SQUARE_PX):
            for column in range(0, clear.shape[1] - _SQUARE_PX + 1, _SQUARE_PX):
                here = np.s_[row : row + _SQUARE_PX, column : column + _SQUARE_PX]
                if usable[here].mean() >= _NEARLY_CLEAR:
                    found.append((_filled(first[here], usable[here]), _filled(second[here], usable[here])))
        return found


@dataclass(frozen=True)
class Looked:
    """What was read of a pair of scenes."""

    scenes: tuple[Scene, Scene]
    plain: Mapping[str, Scene]
    blocks: tuple[NDArray[np.float64], ...]
    pixels: int
    shift: Shift | None

    def before(self, index: int, band: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return blocks of both scenes as the catalogue has them."""
        found = []
        for scene, blocks in zip(self.scenes, self.blocks, strict=True):
            asset = scene.bands[band]
            own = _plain(asset, self.plain.get(scene.id))
            if own is None:
                return None
            found.append((blocks[index] - asset.offset) / asset.scale * own.scale + own.offset)
        return found[0], found[1]


def _filled(values: NDArray[np.float64], usable: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(usable, values, values[usable].mean())


def _plain(asset: Asset, scene: Scene | None) -> Asset | None:
    """Return a scene's own record of the file behind a band."""
    bare = replace(asset, scale=1.0, offset=0.0)
    every = () if scene is None else tuple(scene.bands.values())
    return next((own for own in every if replace(own, scale=1.0, offset=0.0) == bare), None)


def sample_windows(grid: Grid) -> list[Tile]:
    """Places spread over a grid, in an order that is always the same."""
    rows, columns = grid.shape
    starts = [
        np.unique(np.linspace(0, max(0, size - WINDOW_PX), max(1, min(8, size // WINDOW_PX))).astype(int))
        for size in (rows, columns)
    ]
    every = [(int(row), int(column)) for row in starts[0] for column in starts[1]]
    order = np.random.default_rng(0).permutation(len(every))[:_TRIES]
    return [Tile(every[i][0], every[i][1], min(WINDOW_PX, rows), min(WINDOW_PX, columns)) for i in order]


def _clear(reader: PixelReader, window: Tile, shape: tuple[int, int]) -> NDArray[np.bool_]:
    view = reader.at(window, reader.inside(window))
    if not view.dates:
        return np.zeros(shape, np.bool_)
    found: NDArray[np.bool_] = view.on_grid(view.clear[0], view.mask_step, view.mask_phase) != 0
    return found.copy()


def _values(reader: PixelReader, window: Tile, bands: Sequence[str]) -> NDArray[np.float64]:
    codes = observations(reader, reader.at(window), bands).codes
    values = np.where(codes == np.iinfo(np.int16).min, np.nan, codes * CODE_SCALE)
    return values.reshape(len(bands), window.height, window.width)
