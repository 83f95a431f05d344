"""One overpass of the made-up landscape as digital numbers and scene classes, and the files it is delivered in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.warp import Resampling, reproject, transform_bounds

from habitat.twin.fields import Field, halved, random_field
from habitat.twin.landscape import RESOLUTION_M, Cover, Landscape
from habitat.twin.plan import CRS, NEIGHBOUR_CRS, NORTH, WEST, Pass, Quirks, Size, is_superseded, touches
from habitat.twin.skies import Sky, Sun, inside_swath, seen_through, sky_over, sun_at, sunlight
from habitat.twin.vegetation import BANDS, Ground, ground_on, surface_reflectance

SCALE = 10000
"""Digital numbers per unit of reflectance."""
OFFSET_DN = 1000
"""What processing baseline 04.00 and later adds to every digital number."""
_NOISE = {"blue": 0.0007, "green": 0.0007, "red": 0.0007, "nir": 0.0018}
_NOISE_20M = 0.0012
_BRIGHTEST_DN = 15000
_JUDGED = ("red", "nir", "swir22")
_STEP_M = 20.0

Pixels = NDArray[np.uint16] | NDArray[np.uint8]
"""Digital numbers or classes (y, x)."""


@dataclass(frozen=True, eq=False)
class Shot:
    """Everything one overpass delivers."""

    scene: Pass
    """Date, satellite and weather."""
    crs: str
    """EPSG code of the files."""
    pixels: dict[str, Pixels]
    """Asset key to digital numbers, or to classes for ``scl``."""
    transforms: dict[str, Affine]
    """Asset key to pixel corner transform."""
    sun: Sun
    """Where the sun stood."""


def centre_of(pixels: int) -> tuple[float, float]:
    """Return longitude and latitude of the middle of a twin with so many 10 m pixels a side."""
    half = pixels * RESOLUTION_M / 2
    longitude, latitude = Transformer.from_crs(CRS, 4326, always_xy=True).transform(WEST + half, NORTH - half)
    return float(longitude), float(latitude)


def shoot(landscape: Landscape, scene: Pass, seed: int, quirks: Quirks) -> Shot:
    """Take one picture.

    Parameters
    ----------
    landscape : Landscape
        The truth.
    scene : Pass
        Date and weather.
    seed : int
        Seed of the twin; two processings of one acquisition share their weather and noise.
    quirks : Quirks
        What is to go wrong.
    """
    if touches(quirks.all_cloud, scene):
        scene = replace(scene, cloud=1.0, cirrus=0.0)
    pixels = landscape.height.shape[0]
    rng = np.random.default_rng([seed, 2, scene.when.toordinal()])
    sun = sun_at(scene.when, *centre_of(pixels))
    sky = sky_over(rng, scene, pixels, sun)
    ground = ground_on(landscape, scene.when.date(), scene.snow_line)
    light = sunlight(landscape, sun)
    # Two processings of one acquisition differ a little, as two versions of an atmospheric correction do.
    gain = np.float32(1.012 if is_superseded(scene) else 1.0)
    added = OFFSET_DN if touches(quirks.keep_offset, scene) else 0
    drawn: dict[str, Pixels] = {}
    judged: dict[str, Field] = {}
    for band in BANDS:
        seen = seen_through(sky, surface_reflectance(ground, band), band, light, landscape.grain) * gain
        if band in _JUDGED:
            judged[band] = seen if band == "swir22" else halved(seen)
        seen += rng.standard_normal(seen.shape, dtype=np.float32) * np.float32(_NOISE.get(band, _NOISE_20M))
        drawn[band] = _digital_numbers(seen, added)
    drawn["scl"] = _scene_classes(rng, landscape, ground, sky, judged)
    inside = inside_swath(pixels, scene.swath)
    for values in drawn.values():
        values[~(inside if values.shape == inside.shape else inside[::2, ::2])] = 0
    corners = {key: _corner(WEST, NORTH, pixels * RESOLUTION_M / len(values)) for key, values in drawn.items()}
    shot = Shot(scene, CRS, drawn, corners, sun)
    return _in_next_zone(shot, pixels) if touches(quirks.other_zone, scene) else shot


def _corner(west: float, north: float, resolution: float) -> Affine:
    return Affine(resolution, 0.0, west, 0.0, -resolution, north)


def _digital_numbers(reflectance: Field, added: int) -> NDArray[np.uint16]:
    # The darkest valid number is 1: 0 means no data.
    numbers: NDArray[np.uint16] = np.clip(np.rint(reflectance * SCALE) + added, 1, _BRIGHTEST_DN).astype(np.uint16)
    return numbers


def _scene_classes(
    rng: np.random.Generator, landscape: Landscape, ground: Ground, sky: Sky, judged: dict[str, Field]
) -> NDArray[np.uint8]:
    """Return what Sen2Cor would call every 20 m pixel, with its usual small errors."""
    cloud, shadow, cirrus = halved(sky.cloud), halved(sky.shadow), halved(sky.cirrus)
    red, nir, swir = (judged[band] for band in _JUDGED)
    dice = rng.random(cloud.shape, dtype=np.float32)
    cloud = cloud + np.float32(0.06) * random_field(rng, cloud.shape[0], 2.2)
    classes = np.where((nir - red) > 0.4 * (nir + red), 4, 5).astype(np.uint8)
    water = halved((landscape.classes == Cover.WATER).astype(np.float32)) > 0.5
    classes[water & (dice > 0.004)] = 6
    classes[~water & (nir < 0.09) & (swir < 0.06)] = 2
    # Char is dark, and dark ground is now and then taken for shadow.
    charred = halved(ground.shares["char"]) > 0.55
    classes[charred & (dice < 0.12)] = 2
    classes[charred & (dice < 0.06)] = 3
    classes[dice > 0.9985] = 7
    roofs = halved((landscape.classes == Cover.BUILT).astype(np.float32)) > 0.7
    classes[roofs & (dice < 0.05)] = 8
    classes[halved(ground.snow) > 0.4] = 11
    classes[shadow > 0.42] = 3
    classes[cirrus > 0.30] = 10
    classes[cloud > 0.14] = 7
    classes[cloud > 0.24] = 8
    classes[cloud > 0.60] = 9
    return classes


def _in_next_zone(shot: Shot, pixels: int) -> Shot:
    """Deliver a shot on the lattice of the UTM zone next door, with empty corners where the scene is turned."""
    extent = pixels * RESOLUTION_M
    bounds = transform_bounds(CRS, NEIGHBOUR_CRS, WEST, NORTH - extent, WEST + extent, NORTH)
    west, south = (np.floor(value / _STEP_M) * _STEP_M for value in bounds[:2])
    east, north = (np.ceil(value / _STEP_M) * _STEP_M for value in bounds[2:])
    turned: dict[str, Pixels] = {}
    corners: dict[str, Affine] = {}
    for key, values in shot.pixels.items():
        resolution = shot.transforms[key].a
        corners[key] = _corner(float(west), float(north), resolution)
        shape = round((north - south) / resolution), round((east - west) / resolution)
        turned[key] = np.zeros(shape, dtype=values.dtype)
        reproject(
            values,
            turned[key],
            src_transform=shot.transforms[key],
            src_crs=CRS,
            src_nodata=0,
            dst_transform=corners[key],
            dst_crs=NEIGHBOUR_CRS,
            dst_nodata=0,
            resampling=Resampling.nearest if key == "scl" else Resampling.bilinear,
        )
    return replace(shot, crs=NEIGHBOUR_CRS, pixels=turned, transforms=corners)


def write_cog(path: Path, values: NDArray[Any], crs: str, transform: Affine, size: Size) -> None:
    """Write one band as on the bucket behind Earth Search: DEFLATE, horizontal predictor, 0 as no data.

    Parameters
    ----------
    path : Path
        File to write.
    values : array (y, x)
        Digital numbers (uint16) or classes (uint8).
    crs : str
        EPSG code.
    transform : Affine
        Pixel corner transform.
    size : Size
        Says the tile edge inside the file, and whether there are overviews.
    """
    rows, columns = values.shape
    with rasterio.open(
        path,
        "w",
        driver="COG",
        width=columns,
        height=rows,
        count=1,
        dtype=values.dtype,
        crs=crs,
        transform=transform,
        nodata=0,
        compress="DEFLATE",
        predictor=2,
        blocksize=size.block,
        overviews="AUTO" if size.overviews else "NONE",
        overview_resampling="nearest" if values.dtype == np.uint8 else "average",
    ) as target:
        target.write(values, 1)
