"""Pixels: the scenes of a month, tile by tile, as digital numbers and clear masks for a reducer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from habitat.contracts.area import Area
from habitat.contracts.grid import Tile
from habitat.contracts.scene import Scene
from habitat.imagery.codes import COMMON, Codes
from habitat.sources.catalogues.footprints import area_on_grid
from habitat.sources.scenes.preflight import Checked
from habitat.sources.scenes.rasters import Rasters
from habitat.sources.scenes.scene_windows import SceneWindows
from habitat.sources.scenes.tile_view import Date, Reading, TileView

LARGEST_TILE = 2048
"""One 1024 block of a 20 m band covers this many pixels of a 10 m grid."""
SMALLEST_TILE = 256


class PixelReader:
    """Read scenes on an area's grid, one tile at a time and from many threads at once.

    A date is what one satellite saw on one solar day: where its scenes overlap, the first that is clear
    counts, so no observation counts twice. Pixels come as they are where a scene's pixels nest in the grid,
    averaged over whole pixels where they are finer, and otherwise from the source pixel under the centre of
    the grid pixel, whatever the coordinate system. Masks are grown on the quality raster's own pixels, or
    on the grid's where those are coarser or askew.

    Parameters
    ----------
    checked : Checked
        Scenes that can be read, from `habitat.sources.scenes.preflight.check_scenes`.
    area : Area
        Grid and polygon.
    rasters : Rasters
        Opens the files.
    bands : sequence of str
        Canonical bands; a scene that lacks one contributes nothing to it.
    purpose : str
        What counts as clear, see `habitat.imagery.clouds.clear_policy`.
    grow_m : float
        Clouds and shadows are grown by a disc of this radius [m].
    hold : sequence of str
        Bands that are wanted all at the same time; the others share one buffer.
    """

    def __init__(
        self,
        checked: Checked,
        area: Area,
        rasters: Rasters,
        *,
        bands: Sequence[str],
        purpose: str = "forest",
        grow_m: float = 120.0,
        hold: Sequence[str] = (),
    ) -> None:
        self.area, self.rasters = area, rasters
        scenes = checked.scenes
        self._windows = SceneWindows(rasters, checked.headers, area.grid)
        self._outline = area_on_grid(area)
        shapely.prepare(self._outline)
        first = min((scene.solar_day for scene in scenes), default=None)
        passes: dict[tuple[Any, str], list[int]] = {}
        for index, scene in enumerate(scenes):
            passes.setdefault((scene.solar_day, scene.platform), []).append(index)
        dates = tuple(Date((key[0] - first).days, tuple(passes[key])) for key in sorted(passes))
        codes = {band: _codes(scenes, band) for band in bands}
        self.reading = Reading(tuple(scenes), dates, tuple(bands), codes, purpose, grow_m, frozenset(hold))
        self.first_day = first
        """Solar day that dates are counted from."""

    def tiles(self, memory_bytes: int = 256 * 2**20) -> list[Tile]:
        """Cover the grid with tiles whose edges lie on the edges of the source's blocks.

        Parameters
        ----------
        memory_bytes : int
            What the stack of one tile may take; tiles get smaller the more dates and held bands there are.
        """
        size = LARGEST_TILE
        layers = max(len(self.reading.dates), 1) * (2 * max(1, len(self.reading.hold)) + 1)
        while size > SMALLEST_TILE and size * size * layers > memory_bytes:
            size //= 2
        return list(self.area.grid.tiles(size, self._lattice(size)))

    def _lattice(self, size: int) -> tuple[int, int]:
        """Where the blocks of most scenes begin, in grid pixels."""
        origins: Counter[tuple[int, int]] = Counter()
        for scene in self.reading.scenes:
            assets = [scene.bands[band] for band in self.reading.bands if band in scene.bands][:1]
            for place in map(self._windows.place, assets):
                unit = place.factor if place.kind == "reduced" else 1
                if place.kind in ("nested", "reduced"):
                    origins[place.origin[0] // unit, place.origin[1] // unit] += 1
        row, column = origins.most_common(1)[0][0] if origins else (0, 0)
        return -row % size, -column % size

    def touches(self, tile: Tile) -> bool:
        """Tell whether a tile has any part of the area's polygon."""
        return bool(shapely.intersects(self._outline, shapely.box(*self.area.grid.tile_bounds(tile))))

    def inside(self, tile: Tile) -> NDArray[np.uint8] | None:
        """Pixels of a tile whose centre lies in the area's polygon, as 1; None if all of them do."""
        west, south, east, north = self.area.grid.tile_bounds(tile)
        if shapely.covers(self._outline, shapely.box(west, south, east, north)):
            return None
        shape, r = (tile.height, tile.width), self.area.grid.resolution_m
        if not self.touches(tile):
            return np.zeros(shape, np.uint8)
        return np.asarray(rasterize([self._outline], shape, transform=(r, 0, west, 0, -r, north), dtype="uint8"))

    def at(self, tile: Tile, inside: NDArray[np.uint8] | None = None) -> TileView:
        """Read the masks of a tile; its bands are read when asked for.

        Enter ``rasters.env()`` before, in the thread that calls.

        Parameters
        ----------
        tile : Tile
            Part of the grid, from `tiles`.
        inside : uint8 (y, x), optional
            Where 0, no date counts as clear.

        Raises
        ------
        SceneLost
            If a file cannot be read.
        """
        return TileView(self.reading, self._windows, tile, inside)


def _codes(scenes: Sequence[Scene], band: str) -> Codes:
    """One pair of scale and offset for a band: the scenes' own if they agree, else a common one."""
    pairs = {Codes(scene.bands[band].scale, scene.bands[band].offset) for scene in scenes if band in scene.bands}
    return pairs.pop() if len(pairs) == 1 else COMMON
