"""One block of a Sentinel-2 scene: twelve bands as digital numbers, scene classes, and the truth about its air."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.twin.land.landscape import Field
from habitat.twin.materials import bands_of, spectra_of
from habitat.twin.noise import white
from habitat.twin.sensors.air import Air, air_of, residue_of, seen_through
from habitat.twin.sensors.classes import JUDGED, SCL_PATCH_M, as_percent, errors_at, judged_scl, scl_rates
from habitat.twin.sensors.frames import Drawn, misplaced, positions
from habitat.twin.sensors.optics import Light, coarsened, light_on, lit_reflectance, sunlight
from habitat.twin.sensors.shots import Block, Frame, Scene
from habitat.twin.world import CRS, RESOLUTION_M, Window, World

BANDS_10M = ("blue", "green", "red", "nir")
"""Asset keys of the bands with pixels of 10 m."""
BANDS_20M = ("rededge1", "rededge2", "rededge3", "nir08", "swir16", "swir22")
"""Asset keys of the bands with pixels of 20 m."""
BANDS_60M = ("coastal", "nir09")
"""Asset keys of the bands with pixels of 60 m."""
BANDS = BANDS_10M + BANDS_20M + BANDS_60M
"""Asset keys of all bands."""
SCALE = 10000
"""Digital numbers per unit of reflectance."""
OFFSET_DN = 1000
"""What processing baseline 04.00 and later adds to every digital number."""

_GROUPS = ((1, BANDS_10M), (2, BANDS_20M), (6, BANDS_60M))
_OLDER_GAIN = 1.012
"""Two processings of one acquisition differ a little, as two versions of an atmospheric correction do."""
_MISPLACED_M = 3.0
_MASK_FACTOR = 2
_KNOTS = 32

# Noise at reflectance 0 and its growth with the root of reflectance [1].
_NOISE: dict[str, tuple[float, float]] = {
    "coastal": (0.0006, 0.0010),
    "blue": (0.0006, 0.0014),
    "green": (0.0006, 0.0014),
    "red": (0.0006, 0.0014),
    "rededge1": (0.0006, 0.0013),
    "rededge2": (0.0007, 0.0014),
    "rededge3": (0.0007, 0.0014),
    "nir": (0.0008, 0.0018),
    "nir08": (0.0007, 0.0014),
    "nir09": (0.0010, 0.0016),
    "swir16": (0.0005, 0.0012),
    "swir22": (0.0006, 0.0015),
}


def draw_block(world: World, scene: Scene, block: tuple[int, int, int, int], drawn: Drawn) -> Block:
    """Draw the pixels of one block of a scene.

    Parameters
    ----------
    world : World
        The twin.
    scene : Scene
        What is drawn: its frame, its pass, and whether the offset of baseline 04.00 stays in.
    block : tuple of int
        Row, column, rows and columns in the frame's pixels of 10 m, multiples of 6, as from `frames.blocks_of`.
    drawn : Drawn
        Land and air of the window that `frames.window_of` gives for this block.

    Returns
    -------
    Block
        Bands (uint16), ``scl`` (uint8), and the truth about the air in percent at the pixels of ``scl``; 0 where the
        frame shows nothing of the world.
    """
    overpass = scene.overpass
    landscape, ground = drawn.landscape, drawn.ground
    spot = _Spot(world, scene.frame, block, landscape.window)
    spectra = spectra_of(overpass.platform)[:, [bands_of(overpass.platform).index(band) for band in BANDS]]
    view = (overpass.view_zenith, overpass.view_azimuth)
    light = light_on(landscape, ground.stand.canopy, BANDS, drawn.sun, view)
    residue = residue_of(world, overpass, BANDS)
    away = tuple(metres / RESOLUTION_M for metres in misplaced(world, overpass, _MISPLACED_M))
    pixels: dict[str, NDArray[Any]] = {}
    judged: dict[str, Field] = {}
    airs = {factor: air_of(drawn.sky, factor) for factor, _ in _GROUPS}
    for factor, bands in _GROUPS:
        chosen = [BANDS.index(band) for band in bands]
        part = replace(
            light,
            bands=bands,
            direct=light.direct[chosen],
            direction=light.direction[chosen],
            texture=light.texture[chosen],
        )
        seen = lit_reflectance(ground, landscape, spectra[:, chosen], part, factor)
        seen_through(seen, airs[factor], bands, residue[chosen])
        for values, band in zip(seen, bands, strict=True):
            blurred = _blurred(values, away[0] / factor, away[1] / factor)
            if band in JUDGED:
                judged[band] = coarsened(blurred, _MASK_FACTOR // factor)
            pixels[band] = _numbers(world, scene, spot, band, spot.taken(blurred, factor))
    _uncorrect(judged, drawn, light)
    classes, truth = _mask(world, scene, drawn, judged, airs[_MASK_FACTOR])
    pixels["scl"] = spot.picked(classes, _MASK_FACTOR)
    return Block(pixels, {key: spot.picked(values, _MASK_FACTOR) for key, values in truth.items()})


class _Spot:
    """Where a block's pixels are found in a drawn window: by cutting it out, or by turning it into the next zone."""

    def __init__(self, world: World, frame: Frame, block: tuple[int, int, int, int], window: Window) -> None:
        self.world, self.frame, self.block, self.window = world, frame, block, window

    def lattice(self, factor: int) -> Window:
        """Return the block in pixels of 10 m counted from its zone's origin: the same place in whatever tile."""
        row, column, rows, columns = self.block
        first_row = round(-self.frame.north / RESOLUTION_M) + row
        first_column = round(self.frame.west / RESOLUTION_M) + column
        return Window(first_row // factor * factor, first_column // factor * factor, rows, columns)

    def taken(self, values: Field, factor: int) -> Field:
        """Return a field at the block's pixels, straight lines between; NaN where the world ends."""
        if self.frame.crs == CRS:
            return self._cut_out(values, factor)
        rows, columns, first = self._knots(factor)
        out = np.empty((self.block[2] // factor, self.block[3] // factor), np.float32)
        _interpolate(out, values, rows, columns, self._scalars(first, factor))
        return out

    def picked(self, codes: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
        """Return codes at the block's pixels, the nearest to each; 0 where the world ends."""
        if self.frame.crs == CRS:
            return self._cut_out(codes, factor)
        rows, columns, first = self._knots(factor)
        out = np.zeros((self.block[2] // factor, self.block[3] // factor), np.uint8)
        _pick(out, codes, rows, columns, self._scalars(first, factor))
        return out

    def _cut_out(self, values: NDArray[Any], factor: int) -> NDArray[Any]:
        row = round((self.world.north - self.frame.north) / RESOLUTION_M) + self.block[0] - self.window.row
        column = round((self.frame.west - self.world.west) / RESOLUTION_M) + self.block[1] - self.window.column
        row, column = row // factor, column // factor
        part = values[row : row + self.block[2] // factor, column : column + self.block[3] // factor]
        return np.ascontiguousarray(part)

    def _knots(self, factor: int) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[int, int]]:
        rows, columns = positions(self.world, self.frame, self.block, factor * RESOLUTION_M, _KNOTS)
        return rows, columns, (self.block[0] // factor % _KNOTS, self.block[1] // factor % _KNOTS)

    def _scalars(self, first: tuple[int, int], factor: int) -> tuple[int, ...]:
        return (*first, self.window.row, self.window.column, factor, self.world.pixels)


def _numbers(world: World, scene: Scene, spot: _Spot, band: str, reflectance: Field) -> NDArray[np.uint16]:
    """Return digital numbers with the sensor's noise; the darkest is 1, for 0 means no data."""
    overpass = scene.overpass
    factor = next(factor for factor, bands in _GROUPS if band in bands)
    key = world.key("noise", overpass.platform, overpass.when.isoformat(), band, scene.frame.crs)
    noise = white(key, spot.lattice(factor), factor * RESOLUTION_M)
    kept = scene.keep_offset and overpass.has_offset
    gain = _OLDER_GAIN if overpass.superseded else 1.0
    numbers = np.empty(reflectance.shape, np.uint16)
    level, growth = _NOISE[band]
    shape = np.array([gain * SCALE, level * SCALE, growth * SCALE, OFFSET_DN if kept else 0], np.float32)
    _quantise(numbers, reflectance, noise, shape)
    return numbers


def _uncorrect(judged: dict[str, Field], drawn: Drawn, light: Light) -> None:
    """Darken slopes again, in place: Sen2Cor classes pixels before it evens slopes out."""
    raw = sunlight(drawn.landscape, drawn.sun, drawn.ground.stand.canopy, 1.0)
    turned = coarsened(raw, _MASK_FACTOR) / coarsened(light.slope, _MASK_FACTOR) - np.float32(1)
    share = light.direct[light.bands.index("nir08")]
    for values in judged.values():
        values *= 1 + share * turned


def _mask(
    world: World, scene: Scene, drawn: Drawn, judged: dict[str, Field], air: Air
) -> tuple[NDArray[np.uint8], dict[str, NDArray[np.uint8]]]:
    """Return the scene classes of the whole window, and the truth about air and snow in percent."""
    overpass, window = scene.overpass, drawn.landscape.window
    step = _MASK_FACTOR * RESOLUTION_M
    dice = white(world.key("dice", overpass.sensor, overpass.when.isoformat()), window, step)
    errors = errors_at(world, overpass, *world.coordinates(window, step), dice, SCL_PATCH_M)
    classes = judged_scl(np.stack([judged[band] for band in JUDGED]), air, errors, scl_rates(world, overpass))
    cloud, shadow, haze, cirrus, smoke = air
    snow = coarsened(drawn.ground.snow, _MASK_FACTOR)
    fields = {"cloud": cloud, "shadow": shadow, "cirrus": cirrus, "haze": haze + smoke, "snow": snow}
    return classes, {key: as_percent(values) for key, values in fields.items()}


def _blurred(values: Field, down: float, right: float) -> Field:
    """Return an image blurred as by the sensor's optics and moved by parts of a pixel; its rim is only copied."""
    rows, columns = math.floor(down + 0.5), math.floor(right + 0.5)
    out = np.empty_like(values)
    _blur(out, values, _spline(down - rows), _spline(right - columns), rows, columns)
    return out


def _spline(part: float) -> NDArray[np.float32]:
    """Return the weights of three neighbours for a smooth image moved by part of a pixel (-0.5 to 0.5)."""
    return np.array([(0.5 + part) ** 2 / 2, 0.75 - part**2, (0.5 - part) ** 2 / 2], np.float32)


@njit(nogil=True, cache=True)
def _blur(out, values, down, right, rows, columns):  # type: ignore[no-untyped-def]
    height, width = values.shape
    mixed = np.empty(width, np.float32)
    for i in range(height):
        middle = i - rows
        upper, lower = values[min(max(middle - 1, 0), height - 1)], values[min(max(middle + 1, 0), height - 1)]
        centre = values[min(max(middle, 0), height - 1)]
        for j in range(width):
            mixed[j] = down[0] * upper[j] + down[1] * centre[j] + down[2] * lower[j]
        line = out[i]
        first, last = max(1 + columns, 0), min(width - 1 + columns, width)
        for j in range(first):
            line[j] = mixed[j]
        for j in range(last, width):
            line[j] = mixed[j]
        for j in range(first, last):
            at = j - columns
            line[j] = right[0] * mixed[at - 1] + right[1] * mixed[at] + right[2] * mixed[at + 1]


@njit(nogil=True, cache=True)
def _quantise(out, reflectance, noise, shape):  # type: ignore[no-untyped-def]
    gain, level, growth, added = shape
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            value = reflectance[i, j]
            if np.isnan(value):
                out[i, j] = 0
                continue
            spread = math.sqrt(level * level + growth * growth * max(value, np.float32(0)))
            number = np.rint(value * gain + noise[i, j] * spread) + added
            out[i, j] = np.uint16(min(max(number, 1), 65535))


@njit(nogil=True, cache=True)
def _along(out, knots, i, first_column):  # type: ignore[no-untyped-def]
    """Fill one line of pixels with values known at every 32nd line and column."""
    row = i // _KNOTS
    down = i / _KNOTS - row
    upper, lower = knots[row], knots[row + 1]
    for j in range(out.shape[0]):
        column = (first_column + j) // _KNOTS
        right = (first_column + j) / _KNOTS - column
        left = upper[column] + down * (lower[column] - upper[column])
        after = upper[column + 1] + down * (lower[column + 1] - upper[column + 1])
        out[j] = left + right * (after - left)


@njit(nogil=True, cache=True)
def _interpolate(out, values, rows, columns, numbers):  # type: ignore[no-untyped-def]
    first_row, first_column, window_row, window_column, factor, size = numbers
    at_rows, at_columns = np.empty(out.shape[1]), np.empty(out.shape[1])
    for i in range(out.shape[0]):
        _along(at_rows, rows, first_row + i, first_column)
        _along(at_columns, columns, first_row + i, first_column)
        for j in range(out.shape[1]):
            if not (0 <= at_rows[j] < size and 0 <= at_columns[j] < size):
                out[i, j] = np.nan
                continue
            y, x = (at_rows[j] - window_row) / factor - 0.5, (at_columns[j] - window_column) / factor - 0.5
            row, column = int(y), int(x)
            down, right = np.float32(y - row), np.float32(x - column)
            upper = values[row, column] + right * (values[row, column + 1] - values[row, column])
            lower = values[row + 1, column] + right * (values[row + 1, column + 1] - values[row + 1, column])
            out[i, j] = upper + down * (lower - upper)


@njit(nogil=True, cache=True)
def _pick(out, codes, rows, columns, numbers):  # type: ignore[no-untyped-def]
    first_row, first_column, window_row, window_column, factor, size = numbers
    at_rows, at_columns = np.empty(out.shape[1]), np.empty(out.shape[1])
    for i in range(out.shape[0]):
        _along(at_rows, rows, first_row + i, first_column)
        _along(at_columns, columns, first_row + i, first_column)
        for j in range(out.shape[1]):
            if 0 <= at_rows[j] < size and 0 <= at_columns[j] < size:
                y, x = (at_rows[j] - window_row) / factor, (at_columns[j] - window_column) / factor
                out[i, j] = codes[int(y), int(x)]
