"""The made-up landscape itself: relief, river, lake, forest, grass, fields, roads, and the scar of one ground fire."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from habitat.twin.fields import Field, ramp, random_field, random_line

RESOLUTION_M = 10.0
"""Pixel size of the truth [m]."""
_BURNT_SHARE = 0.05
"""Share of the landscape that burns [1]: WCS and WWF report 1-45 % a spring for the region, most years 5-20 %."""
_RELIEF_PER_M = 0.075
"""Height from valley to summit per metre of the landscape's width: 12 km hold hills of 900 m."""


class Cover(IntEnum):
    """Land cover of a pixel."""

    WATER = 1
    BROADLEAF = 2
    MIXED = 3
    OPEN = 4
    FIELD = 5
    WETLAND = 6
    BUILT = 7


COVER_COLOURS: dict[Cover, tuple[int, int, int]] = {
    Cover.WATER: (60, 110, 170),
    Cover.BROADLEAF: (110, 160, 70),
    Cover.MIXED: (40, 100, 60),
    Cover.OPEN: (200, 190, 110),
    Cover.FIELD: (225, 200, 160),
    Cover.WETLAND: (120, 170, 150),
    Cover.BUILT: (150, 60, 60),
}
"""Colours of the classes in the truth raster."""


@dataclass(frozen=True, eq=False)
class Landscape:
    """Everything that does not change with the weather; all fields (y, x) at 10 m, north up."""

    elevation: Field
    """Height above the sea [m]."""
    height: Field
    """Height between valley floor (0) and summit (1)."""
    rise_east: Field
    """Rise of the ground towards the east [1]."""
    rise_north: Field
    """Rise of the ground towards the north [1]."""
    classes: NDArray[np.uint8]
    """Land cover, values of `Cover`."""
    canopy: Field
    """Crown cover where there is forest, shrub cover on open ground [1]."""
    conifer: Field
    """Share of the crowns that is evergreen [1]."""
    parcel: NDArray[np.uint16]
    """Number of the field a pixel belongs to; what grows there is drawn from it."""
    grain: Field
    """Brightness that belongs to the place: crowns, soils; mean 0, standard deviation 1."""
    severity: Field
    """Severity of the fire of April 2025 [1]; 0 where nothing burnt."""

    @property
    def burnt(self) -> NDArray[np.bool_]:
        """Pixels inside the fire's perimeter that burnt."""
        scar: NDArray[np.bool_] = self.severity > 0
        return scar


def made_up_landscape(seed: int, pixels: int) -> Landscape:
    """Draw a landscape.

    Parameters
    ----------
    seed : int
        The same seed and size give the same landscape.
    pixels : int
        Rows and columns at 10 m.

    Examples
    --------
    >>> small = made_up_landscape(1, 128)
    >>> small.classes.shape, bool(small.burnt.any())
    ((128, 128), True)
    """
    rng = np.random.default_rng([seed, 1])
    along, across = _river_distance(rng, pixels)
    height = _height(rng, pixels, np.abs(across))
    lake = _lake(rng, pixels, across)
    height = (height * ramp(ndimage.gaussian_filter(lake, pixels / 60), 0.0, 0.09)).astype(np.float32)
    relief = min(1100.0, _RELIEF_PER_M * pixels * RESOLUTION_M)
    elevation = (25.0 + relief * height).astype(np.float32)
    rise_south, rise_east = (np.gradient(elevation, np.float32(RESOLUTION_M), axis=axis) for axis in (0, 1))
    parcel, edge = _parcels(rng, pixels, along, across)
    conifer = ramp((height - 0.62) * 2.6 + 0.55 * random_field(rng, pixels, 2.6), -0.5, 0.9)
    classes = _classes(rng, across, height, conifer, lake)
    classes[(classes == Cover.FIELD) & edge] = Cover.OPEN
    canopy = _canopy(rng, classes)
    return Landscape(
        elevation=elevation,
        height=height,
        rise_east=rise_east.astype(np.float32),
        # Rows run south, and so does the first gradient.
        rise_north=-rise_south.astype(np.float32),
        classes=classes,
        canopy=canopy,
        conifer=conifer,
        parcel=parcel,
        grain=random_field(rng, pixels, 1.1),
        severity=_fire(rng, classes, height),
    )


def _river_distance(rng: np.random.Generator, pixels: int) -> tuple[Field, Field]:
    """Return distance along the valley and signed distance to the river, both in widths of the landscape."""
    rows = np.arange(pixels, dtype=np.float32)[:, None] / pixels
    columns = np.arange(pixels, dtype=np.float32)[None, :] / pixels
    rows_across = 0.36 + 0.05 * random_line(rng, pixels, 3.4) + 0.007 * random_line(rng, pixels, 2.8)
    centre = ndimage.gaussian_filter1d(rows_across, pixels / 150)
    lean = ndimage.gaussian_filter1d(np.sqrt(1 + np.gradient(centre * pixels) ** 2), pixels / 40)
    across = ((columns - centre[:, None]) / lean[:, None]).astype(np.float32)
    along = (rows + 0 * columns).astype(np.float32)
    return along, across


def _height(rng: np.random.Generator, pixels: int, distance: Field) -> Field:
    # The absolute value of a random field has sharp valleys between rounded hills, as worn mountains do.
    valleys = np.abs(random_field(rng, pixels, 4.2, longest=0.35))
    broad = random_field(rng, pixels, 4.8)
    hills = _stretched(0.7 * np.minimum(valleys, 2.2) + 0.5 * broad)
    floor = ramp(distance + 0.015 * random_field(rng, pixels, 4.2), 0.045, 0.40)
    return _stretched(floor * (0.16 + 0.84 * hills) + 0.012 * hills)


def _stretched(values: Field) -> Field:
    low, high = np.quantile(values, [0.002, 0.998])
    share: Field = np.clip((values - low) / max(high - low, 1e-9), 0, 1).astype(np.float32)
    return share


def _lake(rng: np.random.Generator, pixels: int, across: Field) -> Field:
    """Return distance from the shore of a lake on the plain [landscape widths], negative in the water."""
    rows = np.arange(pixels, dtype=np.float32)[:, None] / pixels
    radius = np.hypot((across - 0.115) / 0.85, (rows - 0.66) / 1.25)
    shore: Field = (radius - 0.058 + 0.010 * random_field(rng, pixels, 3.0)).astype(np.float32)
    return shore


def _parcels(
    rng: np.random.Generator, pixels: int, along: Field, across: Field
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Return the number of every field and the strips of grass between them."""
    width, length = (8.0, 28.0) if pixels > 300 else (5.0, 14.0)
    turn = 0.35
    u = (np.cos(turn) * across + np.sin(turn) * along) * pixels / width
    v = (-np.sin(turn) * across + np.cos(turn) * along) * pixels / length
    shift = rng.random(512, dtype=np.float32)
    row_of_fields = np.floor(v).astype(np.int64)
    u = u * (0.7 + 0.6 * shift[row_of_fields % 512]) + shift[(row_of_fields * 7) % 512] * 5
    number = (np.floor(u).astype(np.int64) * 7919 + row_of_fields * 104729) % 65521
    edge = ((u % 1.0) * width < 0.8) | ((v % 1.0) * length < 0.9)
    return number.astype(np.uint16), edge


def _classes(rng: np.random.Generator, across: Field, height: Field, conifer: Field, lake: Field) -> NDArray[np.uint8]:
    pixels = across.shape[0]
    rows = np.arange(pixels, dtype=np.float32)[:, None] / pixels
    wild = random_field(rng, pixels, 3.0)
    classes = np.where(conifer > 0.35, Cover.MIXED, Cover.BROADLEAF).astype(np.uint8)
    classes[wild * 0.06 + 0.06 > height] = Cover.OPEN
    classes[(wild > 1.35) & (height < 0.55)] = Cover.OPEN
    flat = np.abs(across - 0.05 - 0.015 * random_field(rng, pixels, 3.2)) < 0.105
    classes[flat & (height < 0.10) & (wild < 0.9)] = Cover.FIELD
    wet = np.abs(across) < 0.026 + 0.012 * random_field(rng, pixels, 2.6)
    classes[wet | (np.abs(lake) < 0.010)] = Cover.WETLAND
    for centre in (0.22, 0.47, 0.86):
        from_church = np.hypot(across - 0.052, (rows - centre) * 0.8)
        houses = random_field(rng, pixels, 1.4) * 0.010 + from_church < 0.021
        classes[houses] = Cover.BUILT
    half_width = max(0.75, pixels / 1400) / pixels
    road = np.abs(across - 0.052) < half_width
    bends = 0.34 + 0.03 * random_line(rng, pixels, 3.2)[None, :]
    track = (np.abs(rows - bends) < half_width) & (across > 0.052)
    classes[road | track] = Cover.BUILT
    channel = max(2.6, pixels / 190) / pixels
    classes[(np.abs(across) < channel * (1 + 0.25 * wild)) | (lake < 0)] = Cover.WATER
    return classes


def _canopy(rng: np.random.Generator, classes: NDArray[np.uint8]) -> Field:
    patchy = random_field(rng, classes.shape[0], 2.0)
    forest = np.clip(0.92 + 0.05 * patchy, 0.62, 1.0)
    shrubs = np.clip(0.18 + 0.16 * patchy, 0.0, 0.6)
    wooded = (classes == Cover.BROADLEAF) | (classes == Cover.MIXED)
    canopy: Field = np.where(wooded, forest, np.where(classes == Cover.OPEN, shrubs, 0.0)).astype(np.float32)
    return canopy


def _fire(rng: np.random.Generator, classes: NDArray[np.uint8], height: Field) -> Field:
    """Return severity: one fire that ran from the grass into the oaks and stopped at water, roads and fields."""
    pixels = classes.shape[0]
    rows = np.arange(pixels, dtype=np.float32)[:, None] / pixels
    columns = np.arange(pixels, dtype=np.float32)[None, :] / pixels
    burnable = np.isin(classes, (Cover.BROADLEAF, Cover.OPEN, Cover.WETLAND)) | (
        (classes == Cover.MIXED) & (height < 0.7)
    )
    inner = (np.abs(rows - 0.5) < 0.28) & (np.abs(columns - 0.5) < 0.28)
    fuel = ndimage.uniform_filter(burnable.astype(np.float32), max(3, pixels // 6)) * inner * (1 - 0.4 * height)
    start_row, start_column = np.unravel_index(int(np.argmax(fuel)), fuel.shape)
    reach = np.hypot((rows - start_row / pixels) * 1.25, columns - start_column / pixels)
    spread = (reach + 0.045 * random_field(rng, pixels, 2.8)).astype(np.float32)
    spread[~burnable] = np.inf
    limit = np.quantile(spread, _BURNT_SHARE)
    labels, _ = ndimage.label(spread < limit)
    largest = int(np.argmax(np.bincount(labels.ravel())[1:])) + 1
    scar = ndimage.binary_opening(labels == largest)
    depth = ramp((limit - spread).astype(np.float32), 0.0, 0.05)
    patchy = 0.12 * random_field(rng, pixels, 2.2)
    severity = np.clip(0.45 + 0.4 * depth + patchy, 0.2, 1.0)
    burnt: Field = np.where(scar, severity, 0.0).astype(np.float32)
    return burnt
