"""One block of a Landsat scene: surface reflectance as digital numbers, quality bits, and the gaps of Landsat 7."""

from __future__ import annotations

import math
from datetime import date
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.twin.land.landscape import Field, Landscape
from habitat.twin.materials import bands_of, spectra_of
from habitat.twin.noise import white
from habitat.twin.sensors.air import Air, air_of, residue_of, seen_through
from habitat.twin.sensors.classes import (
    FILL_CODE,
    JUDGED,
    OCCLUDED,
    QA_PATCH_M,
    QA_RIM,
    as_percent,
    errors_at,
    judged_qa,
    qa_rates,
)
from habitat.twin.sensors.frames import Drawn, misplaced
from habitat.twin.sensors.optics import LANDSAT_LEFT, light_on, lit_reflectance
from habitat.twin.sensors.shots import Block, Overpass, Scene, Sun
from habitat.twin.world import CENTRE, RESOLUTION_M, Window, World

SCALE, OFFSET = 0.0000275, -0.2
"""Reflectance [1] = digital number x scale + offset."""
VALID_DN = (7273, 43636)
"""Smallest and largest digital number: reflectance 0 and 1."""
SLC_FAILED = date(2003, 5, 31)
"""Day the scan line corrector of Landsat 7 failed."""

_NEWER = ("L8", "L9")
_STEP = 30.0
_MISPLACED_M = 6.0
_ALTITUDE_M = 705_000.0
_SOFT = (0.2, 0.6, 0.2)
"""Blur of the optics over pixels of 10 m [1]."""

# Scan lines of Landsat 7: 16 a sweep, back and forth, so gaps come every 32 lines and are widest at the scene's edge.
_SWEEPS_M = 960.0
_WIDEST_GAP_M = 420.0
_SWATH_HALF_M = 92_500.0
_LINE_TILT = math.radians(-11.0)

# Noise at reflectance 0 and its growth with the root of reflectance [1]: TM and ETM+ have 8 bits.
_NOISE = {"L5": (0.0022, 0.0030), "L7": (0.0018, 0.0026), "L8": (0.0004, 0.0007), "L9": (0.0003, 0.0006)}

# Reflectance at which a band saturates with the sun overhead [1], and its bit in QA_RADSAT.
_SATURATION: dict[str, dict[str, tuple[float, int]]] = {
    "L5": {
        "blue": (0.310, 0),
        "green": (0.628, 1),
        "red": (0.535, 2),
        "nir08": (0.670, 3),
        "swir16": (0.441, 4),
        "swir22": (0.643, 6),
    },
    "L7": {
        "blue": (0.301, 0),
        "green": (0.341, 1),
        "red": (0.313, 2),
        "nir08": (0.729, 3),
        "swir16": (0.424, 4),
        "swir22": (0.400, 6),
    },
}


def draw_block(world: World, scene: Scene, block: tuple[int, int, int, int], drawn: Drawn) -> Block:
    """Draw the pixels of one block of a scene.

    Parameters
    ----------
    world : World
        The twin.
    scene : Scene
        What is drawn: its frame and its pass.
    block : tuple of int
        Row, column, rows and columns in the frame's pixels of 30 m, as from `frames.blocks_of`.
    drawn : Drawn
        Land and air of the window that `frames.window_of` gives for this block.

    Returns
    -------
    Block
        Bands, ``qa_pixel`` and ``qa_radsat`` (uint16), and the truth about the air in percent at the same pixels.
    """
    overpass, landscape, ground = scene.overpass, drawn.landscape, drawn.ground
    bands = bands_of(overpass.platform)
    view = overpass.view_zenith, overpass.view_azimuth
    light = light_on(landscape, ground.stand.canopy, bands, drawn.sun, view, left=LANDSAT_LEFT)
    seen = lit_reflectance(ground, landscape, spectra_of(overpass.platform), light)
    seen_through(seen, air_of(drawn.sky), bands, residue_of(world, overpass, bands))
    spot = _Spot(world, scene, block, landscape.window)
    down, right = misplaced(world, overpass, _MISPLACED_M)
    images = {band: spot.averaged(values, down, right) for band, values in zip(bands, seen, strict=True)}
    air: Air = tuple(spot.averaged(field) for field in air_of(drawn.sky))  # type: ignore[assignment]
    saturated = _saturate(images, overpass.platform, drawn.sun)
    gaps = spot.inner(scan_gaps(overpass, spot.eastings, spot.northings))
    pixels: dict[str, NDArray[Any]] = {
        band: spot.inner(_numbers(world, scene, spot, band, images[band])) for band in bands
    }
    pixels["qa_pixel"] = spot.inner(_quality(world, scene, spot, images, air))
    pixels["qa_radsat"] = spot.inner(saturated | _occluded(spot, landscape, overpass))
    for key, values in pixels.items():
        values[gaps] = FILL_CODE if key == "qa_pixel" else 0
    cloud, shadow, haze, cirrus, smoke = air
    fields = {"cloud": cloud, "shadow": shadow, "cirrus": cirrus, "haze": haze + smoke}
    fields["snow"] = spot.averaged(ground.snow)
    return Block(pixels, {key: spot.inner(as_percent(values)) for key, values in fields.items()})


def scan_gaps(overpass: Overpass, eastings: NDArray[np.float64], northings: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which pixels a broken scan line corrector missed (y, x): wedges that widen away from the scene's middle.

    The middle line of the scene runs as far from the world's middle as the angle to the satellite says. At the edge of
    the swath gaps are 420 m of every 960 m, 22 % of a whole scene; none is narrower than a pixel.

    References
    ----------
    USGS, Landsat 7 SLC-off: gaps of up to 14 pixels at the edges, an estimated 22 % of a scene lost.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> old = Overpass("L7", datetime(2003, 5, 1, 2, tzinfo=UTC), 114, 30, view_zenith=5.0, view_azimuth=100.0)
    >>> bool(scan_gaps(old, np.arange(3) * 30.0, np.arange(3) * 30.0).any())
    False
    """
    if overpass.platform != "L7" or overpass.when.date() <= SLC_FAILED:
        return np.zeros((northings.size, eastings.size), np.bool_)
    off = _ALTITUDE_M * math.tan(math.radians(overpass.view_zenith))
    # The satellite is seen over its own track: to its east the ground is seen westward, and the other way round.
    off *= -math.sin(math.radians(overpass.view_azimuth))
    east, north = eastings[None, :] - CENTRE[0], northings[:, None] - CENTRE[1]
    across = off + east * math.cos(_LINE_TILT) + north * math.sin(_LINE_TILT)
    along = -east * math.sin(_LINE_TILT) + north * math.cos(_LINE_TILT)
    width = _WIDEST_GAP_M * np.minimum(np.abs(across) / _SWATH_HALF_M, 1.0)
    # Sweeps back and forth leave their gaps at opposite ends: half a period apart on the two sides of the middle.
    start = np.where(across > 0, 0.0, _SWEEPS_M / 2)
    inside: NDArray[np.bool_] = ((along + start + width / 2) % _SWEEPS_M < width) & (width >= _STEP)
    return inside


class _Spot:
    """Where a block's pixels of 30 m lie over a drawn window of 10 m, with a rim for the dilated mask."""

    def __init__(self, world: World, scene: Scene, block: tuple[int, int, int, int], window: Window) -> None:
        row, column, rows, columns = block
        frame = scene.frame
        self._rim = QA_RIM
        self._shape = rows + 2 * self._rim, columns + 2 * self._rim
        west, north = frame.west + (column - self._rim) * _STEP, frame.north - (row - self._rim) * _STEP
        self.eastings = west + (np.arange(self._shape[1], dtype=np.float64) + 0.5) * _STEP
        self.northings = north - (np.arange(self._shape[0], dtype=np.float64) + 0.5) * _STEP
        corner = world.transform(window)
        self._first = (corner.f - north) / RESOLUTION_M, (west - corner.c) / RESOLUTION_M
        first = math.floor(-north / _STEP), math.floor(west / _STEP)
        step = round(_STEP / RESOLUTION_M)
        self.lattice = Window(*(step * value for value in (*first, *self._shape)))

    def averaged(self, values: Field, down: float = 0.0, right: float = 0.0) -> Field:
        """Return an image at 30 m, blurred by the optics and moved by some metres south and east."""
        moved = down / RESOLUTION_M, right / RESOLUTION_M
        (top, tall), (left, wide) = (_weights(first - shift) for first, shift in zip(self._first, moved, strict=True))
        out = np.empty(self._shape, np.float32)
        _average(out, values, tall, wide, top, left)
        return out

    def inner(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the block without its rim."""
        rim = self._rim
        return np.ascontiguousarray(values[rim:-rim, rim:-rim])


def _weights(first: float) -> tuple[int, NDArray[np.float32]]:
    """Return the first pixel of 10 m under a pixel of 30 m whose edge lies at `first`, and the weights from there on.

    Examples
    --------
    >>> start, weights = _weights(1.5)
    >>> start, [round(float(weight), 3) for weight in weights]
    (0, [0.033, 0.167, 0.3, 0.3, 0.167, 0.033])
    """
    start = math.floor(first) - 1
    edges = np.arange(start, start + 7)
    shares = np.zeros(6)
    for move, part in zip((-1, 0, 1), _SOFT, strict=True):
        low, high = first + move, first + move + 3
        shares += part * np.clip(np.minimum(edges[1:], high) - np.maximum(edges[:-1], low), 0, 1) / 3
    return start, shares.astype(np.float32)


@njit(nogil=True, cache=True)
def _average(out, values, tall, wide, top, left):  # type: ignore[no-untyped-def]
    height, width = values.shape
    mixed = np.empty(width, np.float32)
    for i in range(out.shape[0]):
        mixed[:] = 0
        for k in range(tall.shape[0]):
            line = values[min(max(top + 3 * i + k, 0), height - 1)]
            for j in range(width):
                mixed[j] += tall[k] * line[j]
        for j in range(out.shape[1]):
            total = np.float32(0)
            for k in range(wide.shape[0]):
                total += wide[k] * mixed[min(max(left + 3 * j + k, 0), width - 1)]
            out[i, j] = total


def _saturate(images: dict[str, Field], platform: str, sun: Sun) -> NDArray[np.uint16]:
    """Cut bands off where the sensor could not count further, and return QA_RADSAT."""
    codes = np.zeros(next(iter(images.values())).shape, np.uint16)
    height = math.sin(math.radians(max(sun.elevation, 5.0)))
    for band, (overhead, bit) in _SATURATION.get(platform, {}).items():
        level = np.float32(overhead / height)
        codes |= np.where(images[band] >= level, np.uint16(1 << bit), np.uint16(0))
        np.minimum(images[band], level, out=images[band])
    return codes


def _occluded(spot: _Spot, landscape: Landscape, overpass: Overpass) -> NDArray[np.uint16]:
    """Return bit 11 of QA_RADSAT where slopes turn away from Landsat 8 or 9 so steeply that they are not seen."""
    slant = math.tan(math.radians(overpass.view_zenith))
    azimuth = math.radians(overpass.view_azimuth)
    east, north = (np.float32(slant * part) for part in (math.sin(azimuth), math.cos(azimuth)))
    lean = landscape.rise_east * east + landscape.rise_north * north
    hidden = spot.averaged((lean > 1).astype(np.float32)) > 0.5
    bit = np.uint16(1 << OCCLUDED if overpass.platform in _NEWER else 0)
    return np.where(hidden, bit, np.uint16(0))


def _numbers(world: World, scene: Scene, spot: _Spot, band: str, reflectance: Field) -> NDArray[np.uint16]:
    overpass = scene.overpass
    level, growth = _NOISE[overpass.platform]
    noise = white(world.key("noise", overpass.platform, overpass.when.isoformat(), band), spot.lattice, _STEP)
    spread = np.sqrt(np.float32(level**2) + np.float32(growth**2) * np.maximum(reflectance, 0))
    counted = (reflectance + noise * spread - np.float32(OFFSET)) / np.float32(SCALE)
    numbers: NDArray[np.uint16] = np.clip(np.rint(counted), *VALID_DN).astype(np.uint16)
    return numbers


def _quality(world: World, scene: Scene, spot: _Spot, images: dict[str, Field], air: Air) -> NDArray[np.uint16]:
    overpass = scene.overpass
    dice = white(world.key("dice", overpass.sensor, overpass.when.isoformat()), spot.lattice, _STEP)
    errors = errors_at(world, overpass, spot.eastings, spot.northings, dice, QA_PATCH_M)
    seen = np.stack([images[band] for band in JUDGED])
    return judged_qa(seen, air, errors, qa_rates(world, overpass), newer=overpass.platform in _NEWER)
