"""Small scenes written to disk for tests: 10 m red and nir, 20 m swir2 and SCL, in any zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import rasterio
import shapely
from pyproj import Transformer
from rasterio.transform import from_origin
from shapely.geometry import box

from habitat.contracts import Area, Asset, Grid, Scene

WEST, NORTH, SIZE = 600_000, 4_800_000, 120
WHEN = datetime(2025, 5, 3, 2, 27, tzinfo=UTC)


def outline(bounds, crs=32652):
    to_wgs84 = Transformer.from_crs(crs, 4326, always_xy=True)
    return shapely.transform(shapely.segmentize(box(*bounds), 500), to_wgs84.transform, interleaved=False)


def area(west=WEST, north=NORTH, rows=SIZE, columns=SIZE, resolution=10.0, crs=32652):
    grid = Grid(f"EPSG:{crs}", resolution, (west, north - rows * resolution, west + columns * resolution, north))
    return Area("test", outline(grid.bounds, crs), grid)


def write(path, pixels, resolution, west, north, crs=32652, **options):
    profile = {"driver": "GTiff", "height": pixels.shape[0], "width": pixels.shape[1], "count": 1}
    profile |= {"dtype": pixels.dtype, "nodata": 0, "crs": f"EPSG:{crs}" if crs else None} | options
    with rasterio.open(path, "w", transform=from_origin(west, north, resolution, resolution), **profile) as target:
        target.write(pixels, 1)


def asset(folder, name, pixels, resolution, west, north, crs=32652, *, scale=1e-4, offset=0.0, **options):
    path = folder / f"{name}.tif"
    write(path, pixels, resolution, west, north, crs, **options)
    place = {"transform": (resolution, 0, west, 0, -resolution, north), "shape": pixels.shape}
    return Asset(str(path), scale, offset, crs=f"EPSG:{crs}", **place)


def scene(
    folder, name, *, days=0, seed=0, west=WEST, north=NORTH, size=SIZE, crs=32652, offset=0.0, bands=None, scl=None
):
    """A Sentinel-2-like scene of `size` pixels of 10 m a side, with random pixels and a few clouds."""
    random = np.random.default_rng([seed, days])
    shapes = {"red": (10, size), "nir": (10, size), "swir2": (20, size // 2)}
    assets = {}
    for band, (resolution, side) in shapes.items():
        if bands is not None and band not in bands:
            continue
        pixels = random.integers(1, 9000, (side, side), dtype=np.uint16)
        pixels[random.random(pixels.shape) < 0.05] = 0
        assets[band] = asset(folder, f"{name}-{band}", pixels, resolution, west, north, crs, offset=offset)
    if scl is None:
        scl = random.choice(np.array([4, 4, 4, 5, 7, 2, 6], np.uint8), (size // 2, size // 2))
        for _ in range(3):
            y, x = random.integers(0, size // 2, 2)
            scl[y : y + 3, x : x + 2] = random.choice(np.array([9, 3, 8], np.uint8))
    when = WHEN + timedelta(days=days)
    return Scene(
        id=name,
        collection="sentinel-2-l2a",
        provider="folder",
        sensor="sentinel2",
        platform="sentinel-2b",
        datetime=when,
        solar_day=when.date(),
        tile="52TFN",
        footprint=outline((west, north - size * 10, west + size * 10, north), crs),
        bands=assets,
        mask=asset(folder, f"{name}-scl", scl, 20, west, north, crs),
    )


def landsat_scene(folder, name, *, days=0, seed=0, west=WEST, north=NORTH, size=40, radsat=None):
    """A Landsat-like scene of `size` pixels of 30 m a side."""
    random = np.random.default_rng([seed, days, 30])
    plain = scene(folder, f"{name}-s2", days=days, seed=seed, bands=())
    numbers = random.integers(7500, 30000, (size, size), dtype=np.uint16)
    quality = random.choice(np.array([21824, 21824, 21824, 22280, 23888, 1], np.uint16), (size, size))
    flags = np.zeros((size, size), np.uint16) if radsat is None else radsat
    return replace(
        plain,
        id=name,
        sensor="landsat",
        platform="landsat-9",
        tile="115030",
        bands={"red": asset(folder, f"{name}-red", numbers, 30, west, north, scale=2.75e-5, offset=-0.2)},
        mask=asset(folder, f"{name}-qa", quality, 30, west, north, nodata=1),
        saturation=asset(folder, f"{name}-radsat", flags, 30, west, north, nodata=None),
    )
