"""What covers the ground on a given day, and how much light of every band it throws back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from habitat.twin.fields import Field, halved, ramp
from habitat.twin.landscape import Cover, Landscape
from habitat.twin.plan import FIRE_DAY

BANDS_10M = ("blue", "green", "red", "nir")
"""Asset keys of the bands Sentinel-2 sees at 10 m."""
BANDS_20M = ("rededge1", "rededge2", "rededge3", "nir08", "swir16", "swir22")
"""Asset keys of the bands it sees at 20 m."""
BANDS = BANDS_10M + BANDS_20M

# Typical surface reflectance [1] in the order of BANDS: blue green red nir | re1 re2 re3 nir08 swir16 swir22.
# Values are rounded from spectra as they are seen over temperate forest; no single source is reproduced.
MATERIALS: dict[str, tuple[float, ...]] = {
    "leaves": (0.020, 0.044, 0.022, 0.400, 0.080, 0.270, 0.370, 0.410, 0.165, 0.072),
    "fresh_leaves": (0.026, 0.070, 0.036, 0.380, 0.110, 0.285, 0.350, 0.390, 0.180, 0.085),
    "needles": (0.017, 0.032, 0.020, 0.230, 0.056, 0.170, 0.210, 0.240, 0.105, 0.046),
    "twigs": (0.040, 0.058, 0.076, 0.176, 0.105, 0.135, 0.155, 0.190, 0.235, 0.150),
    "dry_grass": (0.056, 0.086, 0.118, 0.235, 0.155, 0.195, 0.215, 0.255, 0.335, 0.225),
    "green_grass": (0.032, 0.074, 0.046, 0.370, 0.115, 0.270, 0.335, 0.380, 0.235, 0.125),
    "soil": (0.062, 0.086, 0.112, 0.180, 0.135, 0.155, 0.168, 0.192, 0.260, 0.215),
    "mud": (0.058, 0.074, 0.082, 0.105, 0.090, 0.096, 0.100, 0.108, 0.085, 0.060),
    "reeds": (0.046, 0.068, 0.090, 0.195, 0.120, 0.150, 0.170, 0.205, 0.215, 0.135),
    "built": (0.105, 0.122, 0.138, 0.180, 0.150, 0.162, 0.170, 0.186, 0.210, 0.185),
    "river": (0.046, 0.052, 0.034, 0.021, 0.036, 0.027, 0.024, 0.020, 0.010, 0.007),
    "char": (0.036, 0.041, 0.046, 0.078, 0.055, 0.062, 0.069, 0.084, 0.128, 0.135),
    "snow": (0.790, 0.800, 0.790, 0.730, 0.785, 0.770, 0.755, 0.715, 0.110, 0.075),
}
"""Reflectance [1] of what the landscape is made of, band by band."""

_YEAR_LAG = {2024: -2.0, 2025: 0.0}
"""How many days later than usual spring came."""
_GREEN_UP = 128.0
"""Day of year when oaks in the valley stand half in leaf: about 8 May."""
_HEIGHT_LAG = 15.0
"""By how many days the summits come later."""


@dataclass(frozen=True, eq=False)
class Ground:
    """What covers every pixel of one landscape on one day."""

    shares: dict[str, Field]
    """Material to its share of the pixel [1]; the shares of a pixel add up to 1."""
    snow: Field
    """Share under snow [1]."""


def green_up(landscape: Landscape, day: date) -> Field:
    """Return how far the broadleaved trees are in leaf [1]: 0 bare, 1 full."""
    late = _YEAR_LAG.get(day.year, 0.0)
    onset = _GREEN_UP + late + _HEIGHT_LAG * landscape.height + 1.2 * landscape.grain
    day_of_year = day.timetuple().tm_yday
    leaf: Field = (1 / (1 + np.exp(-(day_of_year - onset) / 3.3))).astype(np.float32)
    return leaf


def ground_on(landscape: Landscape, day: date, snow_line: float) -> Ground:
    """Return the shares of materials on a day.

    Parameters
    ----------
    landscape : Landscape
        The truth.
    day : date
        Decides leaf-out, crops and whether the fire has been.
    snow_line : float
        Relative height [1] above which snow lies; above 1 there is none.
    """
    shares = {name: np.zeros_like(landscape.height) for name in MATERIALS}
    leaf = green_up(landscape, day)
    severity = landscape.severity if day > FIRE_DAY else np.zeros_like(landscape.severity)
    _forest(shares, landscape, leaf, severity, day)
    _open_ground(shares, landscape, leaf, severity, day)
    _fields(shares, landscape, day)
    shares["built"][landscape.classes == Cover.BUILT] = 0.7
    shares["green_grass"][landscape.classes == Cover.BUILT] = 0.3
    shares["river"][landscape.classes == Cover.WATER] = 1.0
    snow = _snow(landscape, leaf, snow_line)
    for share in shares.values():
        share *= 1 - snow
    shares["snow"] += snow
    return Ground(shares, snow)


def _add(share: Field, where: NDArray[np.bool_], amount: Field) -> None:
    share[where] += amount[where]


def _forest(shares: dict[str, Field], land: Landscape, leaf: Field, severity: Field, day: date) -> None:
    forest = (land.classes == Cover.BROADLEAF) | (land.classes == Cover.MIXED)
    # A ground fire leaves the trees alive: they flush, but less, and the black floor shows until herbs cover it.
    crowns = land.canopy * (1 - 0.65 * severity)
    needles = crowns * land.conifer * (1 - 0.3 * severity)
    leaves = crowns * (1 - land.conifer) * leaf
    floor = np.clip(1 - needles - leaves, 0, 1)
    herbs = floor * np.clip(0.10 + 0.30 * leaf, 0, 1) * (1 - severity) + floor * severity * 0.40 * _regrowth(day)
    black = (floor - herbs) * np.clip(1.15 * severity, 0, 1)
    young = 1 - ramp(leaf, 0.55, 1.0)
    _add(shares["needles"], forest, needles)
    _add(shares["fresh_leaves"], forest, leaves * young)
    _add(shares["leaves"], forest, leaves * (1 - young))
    _add(shares["green_grass"], forest, herbs)
    _add(shares["char"], forest, black)
    _add(shares["twigs"], forest, floor - herbs - black)


def _open_ground(shares: dict[str, Field], land: Landscape, leaf: Field, severity: Field, day: date) -> None:
    grass = land.classes == Cover.OPEN
    wet = land.classes == Cover.WETLAND
    either = grass | wet
    green = np.clip(0.12 + 0.80 * ramp(leaf, 0.15, 0.95) + 0.05 * land.grain, 0.02, 0.95)
    black = np.where(severity > 0, np.clip(severity + 0.25, 0, 1) * (1 - 0.62 * _regrowth(day)), 0).astype(np.float32)
    shrubs = land.canopy * leaf * (1 - severity)
    rest = (1 - black) * (1 - shrubs)
    straw = rest * (1 - green) * (severity == 0)
    _add(shares["char"], either, black * (1 - shrubs))
    _add(shares["fresh_leaves"], either, shrubs)
    _add(shares["green_grass"], either, rest - straw)
    _add(shares["dry_grass"], grass, straw)
    _add(shares["reeds"], wet, straw * 0.75)
    _add(shares["mud"], wet, straw * 0.25)


def _regrowth(day: date) -> float:
    """Return how far herbs have come back on burnt ground [1]."""
    return float(1 / (1 + np.exp(-((day - FIRE_DAY).days - 29) / 4.5)))


def _fields(shares: dict[str, Field], land: Landscape, day: date) -> None:
    """Grow in every field what its number and the year say: bare soil, sown crop, green crop or flooded paddy."""
    fields = land.classes == Cover.FIELD
    draw = (land.parcel[fields].astype(np.int64) * 2654435761 + day.year * 40503) % 1000 / 1000
    day_of_year = day.timetuple().tm_yday
    sprouted = np.where(draw < 0.25, 0.75, np.clip((day_of_year - 128 - 14 * draw) / 45, 0.02, 0.5))
    wet = np.where((draw > 0.72) & (day_of_year > 127 + 10 * (draw - 0.72)), 0.8, 0.0)
    straw = np.where((draw > 0.55) & (draw < 0.72), 0.6, 0.05)
    green = sprouted * (1 - wet)
    dry = straw * (1 - wet) * (1 - green)
    for name, amount in (("fresh_leaves", green), ("dry_grass", dry), ("mud", wet), ("soil", 1 - green - dry - wet)):
        shares[name][fields] += amount.astype(np.float32)


def _snow(land: Landscape, leaf: Field, snow_line: float) -> Field:
    shaded = np.clip(-land.rise_north, -0.4, 0.4)
    depth = ramp((land.height + 0.10 * shaded + 0.02 * land.grain - snow_line).astype(np.float32), 0.0, 0.10)
    hidden = 0.25 + 0.55 * land.canopy * np.maximum(leaf, land.conifer)
    snow: Field = (depth * (1 - hidden) * (land.classes != Cover.WATER)).astype(np.float32)
    return snow


def surface_reflectance(ground: Ground, band: str) -> Field:
    """Return reflectance [1] of the ground in one band, at the band's own resolution, flat and without air."""
    column = BANDS.index(band)
    total = np.zeros_like(ground.snow)
    for name, share in ground.shares.items():
        total += share * np.float32(MATERIALS[name][column])
    return total if band in BANDS_10M else halved(total)
