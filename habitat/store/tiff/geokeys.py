"""Geographic keys: a grid's coordinate system and place as the TIFF fields GDAL itself would write."""

from __future__ import annotations

from functools import lru_cache

import rasterio
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError
from rasterio.io import MemoryFile

from habitat.contracts.errors import PublishError
from habitat.contracts.grid import Grid
from habitat.store.tiff.directories import Tag, read_directories

_GEOGRAPHIC = (33550, 33922, 34264, 34735, 34736, 34737)
"""Pixel scale, tie points, matrix, key directory, its numbers, its texts (OGC GeoTIFF 1.1)."""


@lru_cache(maxsize=32)
def geographic_tags(grid: Grid) -> tuple[Tag, ...]:
    """Return the GeoTIFF fields of a grid.

    GDAL writes them into a file of one pixel in memory, so that systems without an EPSG code are put into
    keys exactly as every other GDAL program would.

    Raises
    ------
    PublishError
        If the system cannot be kept in a GeoTIFF: it would come back as another one.
    """
    crs = CRS.from_user_input(grid.crs)
    try:
        with rasterio.Env(GDAL_PAM_ENABLED=False), MemoryFile() as memory:
            with memory.open(
                driver="GTiff", width=1, height=1, count=1, dtype="uint8", crs=crs, transform=grid.transform
            ):
                pass
            content = bytes(memory.getbuffer())
            with memory.open(driver="GTiff") as again:
                kept = again.crs
    except (RasterioError, CRSError) as error:
        raise PublishError(f"GDAL cannot write the coordinate system {grid.crs!r}: {error}") from error
    if kept != crs:
        came = kept.to_string() if kept else "none"
        raise PublishError(
            f"the coordinate system {grid.crs!r} comes back from a GeoTIFF as {came!r}; "
            "use one with an EPSG code or a plain projection such as UTM, Albers or LAEA"
        )
    _, directories = read_directories(content)
    return tuple(tag for code, tag in sorted(directories[0][1].items()) if code in _GEOGRAPHIC)
