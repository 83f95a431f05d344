"""Season days: when snow went and leaves came, as days of the year, from the series that scars are found in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from habitat.fire.burns.evidence import BANDS, Seen
from habitat.imagery.seasons import green_up, snow_off, usual_range
from habitat.imagery.snow import BARE, SNOW

NO_DAY = -32768
"""Day of the year of what is not known."""
_MIDSUMMER = 213
"""Day of the year after which nothing turns green for the first time: 1 August."""


def season_days(
    codes: NDArray[np.int16], seen: Seen, days: Sequence[int], year: int, shape: tuple[int, int]
) -> NDArray[np.int16]:
    """Days of the year on which snow went and leaves came.

    Parameters
    ----------
    codes : int16 (band, date, pixel)
        Reflectance / 1e-4 of `habitat.fire.burns.evidence.BANDS`.
    seen : Seen
        The same observations.
    days : sequence of int
        Ordinal of each date.
    year : int
        Calendar year.
    shape : (int, int)
        Rows and columns of the tile.

    Returns
    -------
    int16 (2, y, x)
        Snow-off and green-up, the middle between two looks; -32768 unknown.
    """
    ordinals = np.asarray(days, np.int64) - date(year, 1, 1).toordinal() + 1
    spring = (ordinals >= 1) & (ordinals <= _MIDSUMMER)
    ndvi = np.full(seen.states.shape, np.nan, np.float32)
    red, nir = BANDS.index("red"), BANDS.index("nir")
    for out, state, low, high in zip(ndvi, seen.states, codes[red], codes[nir], strict=True):
        bare = state == BARE
        below, above = (np.maximum(one[bare], 1).astype(np.float32) for one in (low, high))
        out[bare] = (above - below) / (above + below)
    winter, summer = usual_range(ndvi)
    states = seen.states[spring]
    snow = snow_off(list(ordinals[spring]), states == SNOW, (states == BARE) | (states == SNOW))
    green = green_up(list(ordinals[spring]), ndvi[spring], winter, summer)
    both = np.stack([snow.date, green.date]).reshape(2, *shape)
    return np.where(np.isnan(both), NO_DAY, np.rint(np.nan_to_num(both))).astype(np.int16)
