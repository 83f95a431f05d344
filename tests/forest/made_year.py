"""Pixels whose year is made up: what a place of each kind looks like season by season, with noise."""

from __future__ import annotations

import numpy as np

from habitat.forest import Kind

# Blue, green, red, nir, swir1, swir2 [1e-4] in summer, spring, gold and late autumn, as rounded from the literature of
# such forests; not those of the twin.
YEARS = {
    Kind.EVERGREEN_CONIFER: [[200, 350, 250, 2600, 1150, 500]] * 4,
    Kind.MIXED: [
        [200, 400, 280, 3300, 1500, 650],
        [300, 500, 550, 2300, 1900, 1050],
        [300, 550, 600, 2300, 1800, 1000],
        [300, 500, 550, 2200, 1800, 1000],
    ],
    Kind.BROADLEAF: [
        [200, 420, 270, 4000, 1800, 800],
        [380, 650, 850, 2250, 2500, 1500],
        [380, 700, 950, 2300, 2300, 1400],
        [380, 620, 850, 2150, 2450, 1450],
    ],
    Kind.LARCH: [
        [220, 480, 360, 3200, 1600, 780],
        [380, 650, 850, 2250, 2500, 1500],
        [300, 650, 800, 2700, 1750, 950],
        [380, 620, 850, 2100, 2350, 1400],
    ],
    Kind.SHRUB: [
        [280, 600, 430, 3900, 2200, 1120],
        [450, 800, 1000, 2500, 2950, 1900],
        [450, 850, 1050, 2500, 2800, 1800],
        [450, 800, 1000, 2400, 2900, 1850],
    ],
    Kind.OPEN: [
        [320, 700, 500, 3700, 2350, 1300],
        [500, 850, 1100, 2600, 3050, 2050],
        [500, 850, 1100, 2500, 3000, 2000],
        [500, 850, 1100, 2450, 3000, 2000],
    ],
    Kind.OTHER: [
        [450, 800, 750, 3200, 2400, 1500],
        [600, 900, 1120, 2200, 2750, 2050],
        [600, 900, 1120, 2200, 2750, 2050],
        [600, 900, 1120, 2200, 2750, 2050],
    ],
    Kind.WATER: [[450, 450, 250, 150, 60, 40]] * 4,
}


def years(kinds, *, noise=0.0, seed=1):
    """Medians (season, band, pixel) of places of given kinds."""
    table = np.array([YEARS[Kind(int(kind))] for kind in kinds], float).transpose(1, 2, 0)
    rng = np.random.default_rng(seed)
    return np.rint(table * (1 + noise * rng.standard_normal(table.shape))).astype(np.int16)
