"""Radar reader: passes of one orbit as linear power on an area's grid, neighbouring slices joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS

from habitat.contracts.area import Area
from habitat.contracts.errors import ReadFailure
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.scene import Asset, Scene
from habitat.imagery.backscatter.speckle import window_mean
from habitat.sources.scenes.placement import Geometry
from habitat.sources.scenes.preflight import Checked
from habitat.sources.scenes.radar_rasters import FILL, RadarRasters, power_of
from habitat.sources.scenes.scene_windows import Gathers, SceneWindows
from habitat.sources.scenes.tile_view import SceneLost

_FINEST = 8
_LARGEST_TILE, _SMALLEST_TILE = 1024, 64
_BYTES_PER_LOOK = 48
"""Memory [B] of one pixel of one polarisation on one date, with what windows and means make of it."""
_DEGREE_M = 111_320.0


@dataclass(frozen=True)
class Pass:
    """What one satellite took in one pass of one orbit."""

    day: int
    """Ordinal of the local solar day."""
    orbit: str
    """Relative orbit and way of flight: ``106D``."""
    scenes: tuple[Scene, ...]
    """Slices in order of time; where they overlap the first with data counts."""


class PassLooks(NamedTuple):
    """Passes of one tile."""

    power: NDArray[np.float32]
    """(polarisation, pass, y, x), NaN where unknown."""
    known: dict[str, int]
    """Pixels of the tile with data in any polarisation, by scene identifier."""


def passes_of(scenes: Sequence[Scene]) -> dict[str, list[Pass]]:
    """Group scenes to passes, by orbit; orbits are never mixed.

    Parameters
    ----------
    scenes : sequence of Scene
        Of sentinel1, without copies of one slice.

    Returns
    -------
    dict
        Orbit to its passes in order of time, the orbit with most passes first.
    """
    groups: dict[tuple[str, str, str], list[Scene]] = {}
    for scene in sorted(scenes, key=lambda scene: (scene.datetime, scene.id)):
        # Slices of one pass share the absolute orbit, even where midnight falls between them.
        number = scene.extras.get("absolute_orbit") or scene.solar_day.isoformat()
        groups.setdefault((scene.tile, scene.platform, number), []).append(scene)
    orbits: dict[str, list[Pass]] = {}
    for (orbit, _, _), slices in groups.items():
        orbits.setdefault(orbit, []).append(Pass(slices[0].solar_day.toordinal(), orbit, tuple(slices)))
    return dict(sorted(orbits.items(), key=lambda entry: (-len(entry[1]), entry[0])))


class RadarReader:
    """Read the passes of one orbit, one tile at a time and from many threads at once.

    Power is what is averaged: decibels are turned into it first. Pixels finer than the grid's are averaged over each
    grid pixel, at least half of which must be known; others are taken from under its centre, whatever the
    coordinate system.

    Parameters
    ----------
    checked : Checked
        From `habitat.sources.scenes.radar_rasters.check_radar`.
    passes : sequence of Pass
        Of one orbit.
    area : Area
        Grid.
    rasters : RadarRasters
        Opens the files.
    polarisations : sequence of str
        ``vv``, ``vh``; a scene without one contributes nothing to it.
    window : int
        Edge [px of the grid] of the window over which power is averaged, odd; pixels beyond a tile's edge count, so
        that tiles do not show.
    """

    def __init__(
        self,
        checked: Checked,
        passes: Sequence[Pass],
        area: Area,
        rasters: RadarRasters,
        *,
        polarisations: Sequence[str],
        window: int = 1,
    ) -> None:
        self.passes, self.area = tuple(passes), area
        self._headers, self._rasters = checked.headers, rasters
        self.polarisations, self._window = tuple(polarisations), window
        self._finer: dict[int, SceneWindows] = {}
        for one in self.passes:
            for scene in one.scenes:
                for asset in scene.bands.values():
                    k = _finer_by(self._headers[asset.href].geometry, area.grid)
                    if k not in self._finer:
                        grid = replace(area.grid, resolution_m=area.grid.resolution_m / k)
                        self._finer[k] = SceneWindows(rasters, self._headers, grid)

    @property
    def days(self) -> list[int]:
        """Ordinal of each pass; two satellites of one day are two passes."""
        return [one.day for one in self.passes]

    def tiles(self, memory_bytes: int = 256 * 2**20) -> list[Tile]:
        """Cover the grid with tiles whose passes fit into so much memory."""
        size = _LARGEST_TILE
        layers = max(1, len(self.passes)) * len(self.polarisations) * _BYTES_PER_LOOK
        while size > _SMALLEST_TILE and size * size * layers > memory_bytes:
            size //= 2
        return list(self.area.grid.tiles(size))

    def read(self, tile: Tile, *, margin: int = 0) -> PassLooks:
        """Return the passes of a tile.

        Parameters
        ----------
        tile : Tile
            Part of the grid.
        margin : int
            Pixels that are wanted beyond each edge, too, perhaps beyond the grid.

        Raises
        ------
        SceneLost
            If a file cannot be read.
        """
        if margin:
            around = Tile(tile.row - margin, tile.column - margin, tile.height + 2 * margin, tile.width + 2 * margin)
            return self.read(around)
        halo = self._window // 2
        wide = Tile(tile.row - halo, tile.column - halo, tile.height + 2 * halo, tile.width + 2 * halo)
        inner = np.s_[..., halo : halo + tile.height, halo : halo + tile.width]
        shape = (len(self.polarisations), len(self.passes), wide.height, wide.width)
        looks = np.full(shape, np.nan, np.float32)
        known: dict[str, int] = {}
        with self._rasters.env():
            gathers: dict[int, Gathers] = {k: {} for k in self._finer}
            for number, one in enumerate(self.passes):
                for scene in one.scenes:
                    seen = self._scene(scene, wide, gathers)
                    known[scene.id] = int(np.isfinite(seen[inner]).any(axis=0).sum())
                    target = looks[:, number]
                    np.copyto(target, seen, where=~np.isfinite(target))
        return PassLooks(np.ascontiguousarray(window_mean(looks, self._window)[inner]), known)

    def _scene(self, scene: Scene, tile: Tile, gathers: Mapping[int, Gathers]) -> NDArray[np.float32]:
        """Power (polarisation, y, x) of one scene under a tile."""
        out = np.full((len(self.polarisations), tile.height, tile.width), np.nan, np.float32)
        for place, name in enumerate(self.polarisations):
            asset = scene.bands.get(name)
            if asset is None:
                continue
            try:
                out[place] = self._asset(asset, tile, gathers)
            except ReadFailure as failure:
                raise SceneLost(scene, failure) from None
        return out

    def _asset(self, asset: Asset, tile: Tile, gathers: Mapping[int, Gathers]) -> NDArray[np.float32]:
        header = self._headers[asset.href]
        k = _finer_by(header.geometry, self.area.grid)
        fine = Tile(tile.row * k, tile.column * k, tile.height * k, tile.width * k)
        windows = self._finer[k]
        numbers = windows.buffer("radar", (fine.height, fine.width), np.float32)
        windows.gathered(asset, fine, numbers, FILL, gathers[k])
        return _block_mean(power_of(numbers, asset, header.nodata), k)


def _finer_by(geometry: Geometry, grid: Grid) -> int:
    """How many pixels of a source fit into one of the grid, each way."""
    pixel = abs(geometry.transform.a) or abs(geometry.transform.b)
    if not CRS.from_user_input(geometry.crs).is_projected:
        pixel *= _DEGREE_M
    return min(_FINEST, max(1, round(grid.resolution_m / pixel)))


def _block_mean(linear: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Mean power of blocks of k x k pixels, at least half of which are known."""
    if k == 1:
        return linear
    rows, columns = linear.shape[0] // k, linear.shape[1] // k
    blocks = linear.reshape(rows, k, columns, k)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    total = np.where(known, blocks, 0).sum(axis=(1, 3), dtype=np.float64)
    return np.where(2 * count >= k * k, total / np.maximum(count, 1), np.nan).astype(np.float32)
