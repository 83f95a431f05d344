"""Contender habitat: the same workload through the package's own doors, one task a tile."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.workload import BAND_NAMES, BANDS, MONTHS, NODATA, Answer, Sums, Workload
from habitat.contracts.area import Area
from habitat.contracts.grid import Tile
from habitat.contracts.period import Period
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.imagery.composites import CODE_SCALE
from habitat.imagery.indices import index_codes
from habitat.products.composite import band_median
from habitat.sources import search
from habitat.sources.scenes.pixels import PixelReader
from habitat.sources.scenes.preflight import check_scenes
from habitat.sources.scenes.rasters import Rasters
from habitat.sources.scenes.threads import in_threads
from habitat.store import CogWriter


class Sink(Protocol):
    """Where the finished tiles of a month go."""

    def write(self, tile: Tile, data: NDArray[np.int16]) -> Any:
        """Take one tile (band, y, x); called from many threads."""


class Summed:
    """Adds tiles up and forgets them: what a product looks like that streams its result out."""

    def __init__(self, sums: Sums, month: int) -> None:
        self._sums, self._month = sums, month

    def write(self, tile: Tile, data: NDArray[np.int16]) -> None:
        """Add up one tile."""
        part = np.zeros((len(MONTHS), len(data), 2), np.int64)
        _add_up(data, part[self._month])
        self._sums.parts.append(part)


@njit(nogil=True, cache=True)
def _add_up(codes: Any, out: Any) -> None:
    for band in range(codes.shape[0]):
        for y in range(codes.shape[1]):
            row = codes[band, y]
            count = total = np.int32(0)
            for x in range(row.size):
                known = row[x] != np.int16(-32768)
                count += np.int32(known)
                total += np.int32(row[x]) if known else np.int32(0)
            out[band, 0] += count
            out[band, 1] += total


def composite_months(
    catalogue: Path,
    area: Area,
    periods: Sequence[Period],
    bands: Sequence[str],
    threads: int,
    write_to: Path | None = None,
) -> Answer:
    """Search, check, read, mask and reduce the scenes of each month, and hand on each tile as it is done.

    Parameters
    ----------
    catalogue : Path
        File a static catalogue begins with.
    area : Area
        Grid and polygon.
    periods : sequence of Period
        One composite each.
    bands : sequence of str
        Canonical bands, ``nir`` and ``swir2`` among them.
    threads : int
        Tiles worked at once.
    write_to : Path, optional
        Folder for a COG a month; without it tiles are added up and dropped.
    """
    sums, files, tasks = Sums(), [], 0
    for place, period in enumerate(periods):
        if write_to is None:
            tasks += _composite(catalogue, area, period, bands, threads, Summed(sums, place))
            continue
        write_to.mkdir(parents=True, exist_ok=True)
        files.append(write_to / f"{period.label}.tif")
        with CogWriter(files[-1], area.grid, _spec()) as writer:
            tasks += _composite(catalogue, area, period, bands, threads, writer)
            writer.close()
    return Answer(sums=None if files else sums.result(), tasks=lambda: tasks, files=tuple(files))


def _spec() -> RasterSpec:
    bands = tuple(BandSpec(name, name, scale=CODE_SCALE) for name in BAND_NAMES)
    return RasterSpec("composite", "Composite and NBR", bands, "int16", NODATA)


def _composite(catalogue: Path, area: Area, period: Period, bands: Sequence[str], threads: int, sink: Sink) -> int:
    found = search("sentinel2", area, period, catalogue=catalogue).require()
    with Rasters(found.provider) as rasters:
        checked = check_scenes(found.scenes, rasters, bands, workers=threads)
        reader = PixelReader(checked, area, rasters, bands=bands, grow_m=0.0)

        def work(tile: Tile) -> None:
            with rasters.env():
                sink.write(tile, _reduced(reader, tile, bands))

        tiles = reader.tiles()
        in_threads(work, tiles, threads)
    return len(tiles)


def _reduced(reader: PixelReader, tile: Tile, bands: Sequence[str]) -> NDArray[np.int16]:
    """Medians of the bands of one tile and their NBR, as codes (band, y, x)."""
    view = reader.at(tile)
    codes = np.empty((len(bands) + 1, tile.height, tile.width), np.int16)
    for place, name in enumerate(bands):
        codes[place] = band_median(view, view.band(name))
    codes[-1] = index_codes("nbr", dict(zip(bands, codes, strict=False)))
    return codes


def composite(work: Workload) -> Answer:
    """Run the workload."""
    return composite_months(
        work.entry, work.area, MONTHS, tuple(BANDS), work.threads, work.out if work.written else None
    )


def plan(work: Workload) -> Answer:
    """Search, parse and decide which scenes are used."""
    found = search("sentinel2", work.area, Period("2023"), catalogue=work.entry).require()
    return Answer(tasks=lambda: len(found.scenes))
