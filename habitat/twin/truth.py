"""What is true about a twin: rasters on the area's grid and the numbers a test may hold results against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray

from habitat.twin.extent import grid, zone_columns
from habitat.twin.fields import halved
from habitat.twin.landscape import COVER_COLOURS, RESOLUTION_M, Cover, Landscape
from habitat.twin.plan import FIRE_DAY, SizeName, size_of

_HECTARES_PER_PIXEL = RESOLUTION_M**2 / 10000


def truth_layers(landscape: Landscape, size: SizeName) -> dict[str, NDArray[Any]]:
    """Return the truth on the area's 20 m grid.

    Returns
    -------
    dict
        ``burn_mask`` (1 where at least half of the pixel burnt), ``burn_severity`` [1], ``classes`` (most common
        `Cover`), ``elevation`` [m].
    """
    inner = _inside(size, 1)
    shares = np.stack([halved((landscape.classes == cover).astype(np.float32)) for cover in Cover])
    common = np.array(list(Cover), dtype=np.uint8)[shares.argmax(axis=0)]
    layers: dict[str, NDArray[Any]] = {
        "burn_mask": (halved(landscape.burnt.astype(np.float32)) >= 0.5).astype(np.uint8),
        "burn_severity": halved(landscape.severity),
        "classes": common,
        "elevation": halved(landscape.elevation),
    }
    return {name: np.ascontiguousarray(values[inner]) for name, values in layers.items()}


def write_truth(folder: Path, landscape: Landscape, size: SizeName) -> None:
    """Write the truth layers as GeoTIFFs named after them."""
    folder.mkdir()
    own = grid(size)
    colours = {
        "classes": {int(cover): colour for cover, colour in COVER_COLOURS.items()},
        "burn_mask": {0: (230, 230, 230), 1: (180, 30, 20)},
    }
    for name, values in truth_layers(landscape, size).items():
        _write_raster(folder / f"{name}.tif", values, own.crs, own.transform, colours=colours.get(name))


def facts_of(landscape: Landscape, size: SizeName) -> dict[str, Any]:
    """Return numbers about the landscape inside the area, counted at 10 m."""
    own = grid(size)
    inner = _inside(size, 2)
    burnt, classes = landscape.burnt[inner], landscape.classes[inner]
    severity, elevation = landscape.severity[inner], landscape.elevation[inner]
    mask = truth_layers(landscape, size)["burn_mask"]
    by_zone = {
        name: _hectares(burnt[:, 2 * columns.start : 2 * columns.stop]) for name, columns in zone_columns(size).items()
    }
    return {
        "area": {
            "crs": own.crs,
            "bounds": list(own.bounds),
            "shape": list(own.shape),
            "hectares": _hectares(burnt >= 0),
        },
        "burn": {
            "day": FIRE_DAY.isoformat(),
            "area_ha": _hectares(burnt),
            "area_ha_of_20m_mask": round(float(mask.sum()) * 4 * _HECTARES_PER_PIXEL, 4),
            "area_ha_by_zone": by_zone,
            "mean_severity": round(float(severity[burnt].mean()) if burnt.any() else 0.0, 4),
        },
        "cover_ha": {cover.name.lower(): _hectares(classes == cover) for cover in Cover},
        "elevation_m": [round(float(np.min(elevation)), 1), round(float(np.max(elevation)), 1)],
    }


def _inside(size: SizeName, per_pixel: int) -> tuple[slice, slice]:
    """Return the area inside the scenes, in pixels of 20 m divided by `per_pixel`."""
    wanted = size_of(size)
    inner = slice(wanted.margin_pixels * per_pixel, (wanted.margin_pixels + wanted.area_pixels) * per_pixel)
    return inner, inner


def _hectares(mask: NDArray[np.bool_]) -> float:
    return round(float(np.count_nonzero(mask)) * _HECTARES_PER_PIXEL, 4)


def _write_raster(
    path: Path,
    values: NDArray[Any],
    crs: str,
    transform: Affine,
    *,
    nodata: float | None = None,
    colours: dict[int, tuple[int, int, int]] | None = None,
) -> None:
    """Write one truth layer as a plain GeoTIFF, with a colour table if it holds classes."""
    rows, columns = values.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=columns,
        height=rows,
        count=1,
        dtype=values.dtype,
        crs=crs,
        transform=transform,
        nodata=nodata,
        compress="DEFLATE",
    ) as target:
        target.write(values, 1)
        if colours:
            target.write_colormap(1, {value: (*colour, 255) for value, colour in colours.items()})
