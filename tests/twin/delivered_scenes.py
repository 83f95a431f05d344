"""Scenes as they would lie on disk, for tests of documents: real overpasses, made-up counts, small files."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import rasterio
from affine import Affine
from shapely.geometry import Polygon

from habitat.twin.documents import names
from habitat.twin.sensors.orbits import overpasses
from habitat.twin.sensors.shots import AssetFile, Delivered, Frame, Scene, Sun

OUTLINE = Polygon([(131.99, 43.30), (132.01, 43.30), (132.01, 43.32), (131.99, 43.32)])
TILE = Frame("52TGP", "EPSG:32652", 742680.0, 4800720.0, 144, 144)
PATH = Frame("114030", "EPSG:32652", 742665.0, 4800735.0, 49, 49, 30.0)
RADAR = Frame("", "EPSG:32652", 742680.0, 4800720.0, 144, 144)
STEPS = {"coastal": 60, "nir09": 60, "blue": 10, "green": 10, "red": 10, "nir": 10}
SCL = {4: 2000, 8: 300, 9: 200, 3: 60, 10: 40, 6: 100, 11: 0, 5: 2300}


def sentinel2(day="2025-05-28", platform=None, provider="earth-search", **changes):
    platform = platform or {"05-28": "S2C", "05-08": "S2B"}.get(day[5:], "S2A")
    on = date.fromisoformat(day)
    one = replace(overpasses(platform, on, on)[0], **changes)
    return Scene(one, TILE, provider)


def landsat(day="2024-05-11", platform="L8", **changes):
    on = date.fromisoformat(day)
    one = replace(overpasses(platform, on, on)[0], **changes)
    return Scene(one, replace(PATH, tile=f"{one.orbit:03d}{one.row:03d}"))


def radar(day="2025-05-10"):
    on = date.fromisoformat(day)
    return Scene(overpasses("S1A", on, on)[0], RADAR)


def delivered(scene, keys=None):
    sensor, frame = scene.overpass.sensor, scene.frame
    counts = {1 << 3: 400, 1 << 6: 1900, 1 << 7: 150} if sensor == "landsat" else SCL if sensor == "sentinel2" else {}
    files = {}
    for key, path in names.paths_of(scene).items():
        if keys is not None and key not in keys:
            continue
        step = {"sentinel2": STEPS.get(key, 20), "landsat": 30, "sentinel1": 10}[sensor]
        rows = round(frame.rows * frame.resolution_m / step)
        dtype = {"sentinel2": "uint8" if key == "scl" else "uint16", "landsat": "uint16", "sentinel1": "float32"}[
            sensor
        ]
        files[key] = AssetFile(path, (rows, rows), Affine(step, 0, frame.west, 0, -step, frame.north), dtype)
    total = 49 * 49 if sensor == "landsat" else 72 * 72
    return Delivered(
        scene, Sun(146.123456, 61.654321), files, counts, 5000 if sensor == "sentinel2" else 2300, total, OUTLINE
    )


def write_files(root, one):
    """Write small files, every pixel of which tells the file's place among the scene's."""
    for number, file in enumerate(one.files.values()):
        target = root / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        nodata = {"float32": -32768}.get(file.dtype, 0)
        with rasterio.open(
            target, "w", driver="COG", blocksize=64, compress="DEFLATE", overviews="NONE", width=file.shape[1],
            height=file.shape[0], count=1, dtype=file.dtype, crs=one.scene.frame.crs, transform=file.transform, nodata=nodata,
        ) as out:  # fmt: skip
            out.write(np.full(file.shape, 1000 + number if file.dtype != "uint8" else 4, file.dtype), 1)
