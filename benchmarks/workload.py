"""Workload: which pixels every contender composites, what it must answer, and how its run is measured."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer

from benchmarks.machine import memory_mb
from habitat.contracts.area import Area
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.period import Period

CASES = ("aligned", "write", "off", "zone", "plan")
BANDS = {"nir": "nir", "swir2": "swir22"}
"""Canonical band to asset key."""
MASK = "scl"
MASKED_CLASSES = (0, 1, 2, 3, 6, 8, 9, 10, 11)
"""SCL classes that are left out: those of habitat's purpose "forest", without a margin, so that all mean the same."""
NODATA = -32768
MONTHS = (Period("2023-05"), Period("2023-06"))
_CRS, _WEST, _NORTH = "EPSG:32653", 199980, 4800000
_OFF_BLOCKS = 500


@dataclass(frozen=True)
class Workload:
    """One case at one size."""

    case: str
    """Of `CASES`."""
    size: int
    """Pixels of 10 m along the side of the area."""
    catalogue: Path
    """Folder made by `benchmarks.catalogue`."""
    out: Path
    """Where rasters are written."""
    threads: int = 2
    offset: int = 2048
    """Pixels from the tile's upper left corner to the area's: a multiple of 2048 lies on every band's blocks."""
    chunk: int = 2048
    """Side of the peers' chunks [pixels]."""

    @property
    def entry(self) -> Path:
        """File the catalogue begins with."""
        return self.catalogue / {"zone": "zone.json", "plan": "many.json"}.get(self.case, "catalog.json")

    @property
    def grid(self) -> Grid:
        """Target grid: 10 m, in the home tile's zone."""
        skip = (self.offset + (_OFF_BLOCKS if self.case == "off" else 0)) * 10
        west, north = _WEST + skip, _NORTH - skip
        return Grid(_CRS, 10.0, (west, north - self.size * 10.0, west + self.size * 10.0, north))

    @property
    def area(self) -> Area:
        """The grid as an area, whose outline lies a little beyond it so that every pixel is inside."""
        outline = shapely.segmentize(shapely.box(*self.grid.bounds).buffer(1000), 1000)
        to_wgs84 = Transformer.from_crs(_CRS, 4326, always_xy=True)
        polygon = shapely.transform(outline, lambda xy: np.column_stack(to_wgs84.transform(xy[:, 0], xy[:, 1])))
        return Area("benchmark", polygon, self.grid)

    @property
    def written(self) -> bool:
        """Whether rasters are written."""
        return self.case == "write"

    def small(self, size: int = 256) -> Workload:
        """Return a corner of it, to warm up with."""
        return replace(self, size=min(size, self.size), out=self.out / "warm")

    def items(self) -> list[dict[str, Any]]:
        """STAC items as dictionaries with absolute paths, as a client would hand them to a peer."""
        document = json.loads(self.entry.read_text())
        if document["type"] == "FeatureCollection":
            return list(document["features"])
        collection = json.loads((self.catalogue / document["links"][0]["href"]).read_text())
        items = []
        for link in collection["links"]:
            path = self.catalogue / link["href"]
            item = json.loads(path.read_text())
            for asset in item["assets"].values():
                asset["href"] = str((path.parent / asset["href"]).resolve())
            items.append(item)
        return items


@dataclass
class Answer:
    """What a contender made of a workload."""

    sums: dict[str, list[int]] | None = None
    """``month/band`` to number of valid pixels and sum of their codes; None where it made no pixels."""
    tasks: Callable[[], int] = lambda: 0
    """Counts the tasks of its graph, outside the clock."""
    codes: NDArray[np.int16] | None = None
    """Codes (month, band, y, x) of a contender that holds them, to be summed outside the clock."""
    files: tuple[Path, ...] = ()
    """Rasters it wrote, one a month, to be summed outside the clock."""


BAND_NAMES = (*BANDS, "nbr")
"""Bands of the answer: nir and swir2 as reflectance / 1e-4, NBR / 1e-4; int16 with `NODATA`."""


class Sums:
    """Adds up tiles of the answer as they come; safe from many threads."""

    def __init__(self) -> None:
        self.parts: list[NDArray[np.int64]] = []

    def write(self, month: int, tile: Tile, codes: NDArray[np.int16]) -> None:
        """Take one tile (band, y, x) of a month."""
        part = np.zeros((len(MONTHS), codes.shape[0], 2), np.int64)
        valid = codes != NODATA
        part[month, :, 0] = np.count_nonzero(valid, axis=(1, 2))
        # The sum over all, less what nodata contributed: one pass and no copy.
        total = codes.sum(axis=(1, 2), dtype=np.int64)
        part[month, :, 1] = total - NODATA * (codes[0].size - part[month, :, 0])
        self.parts.append(part)

    def result(self) -> dict[str, list[int]]:
        """Return valid pixels and sum for every month and band."""
        whole = np.sum(self.parts, axis=0)
        return {
            f"{period}/{band}": whole[month, place].tolist()
            for month, period in enumerate(MONTHS)
            for place, band in enumerate(BAND_NAMES)
        }


def sums_of(answer: Answer, size: int) -> dict[str, list[int]] | None:
    """Sums of an answer, wherever its pixels are."""
    sums = Sums()
    strips = [Tile(top, 0, min(1024, size - top), size) for top in range(0, size, 1024)]
    if answer.codes is not None:
        for month in range(len(MONTHS)):
            for tile in strips:
                sums.write(month, tile, answer.codes[month, :, tile.row : tile.row + tile.height])
    elif answer.files:
        import rasterio

        for month, path in enumerate(answer.files):
            with rasterio.open(path) as source:
                for tile in strips:
                    window = ((tile.row, tile.row + tile.height), (0, size))
                    sums.write(month, tile, source.read(window=window))
    else:
        return answer.sums
    return sums.result()


def measure(contender: Callable[[Workload], Answer], work: Workload) -> dict[str, Any]:
    """Run a contender once to warm up and once by the clock.

    Returns
    -------
    dict
        Wall and CPU time [s] of all threads, peak memory above that after warming up [MB], tasks, sums.
    """
    contender(work.small())
    before = memory_mb("VmRSS")
    # 5 resets the peak, so that imports and compilers do not count.
    Path("/proc/self/clear_refs").write_text("5")
    cpu, wall = time.process_time(), time.perf_counter()
    answer = contender(work)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = memory_mb("VmHWM")
    return {
        "wall": round(wall, 3),
        "cpu": round(cpu, 3),
        "peak_mb": round(peak - before),
        "base_mb": round(before),
        "tasks": answer.tasks(),
        "sums": sums_of(answer, work.size),
        "load": round(os.getloadavg()[0], 2),
    }
