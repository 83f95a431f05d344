"""What each day says to the season's rule: whether it favours start or stop, and whether that is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import InputError
from habitat.fire.weather.fire_season import FAVOURS_START, FAVOURS_STOP, SIGN_KNOWN, SeasonRule

_READS = {"snow": ("snow_cover", "snow_depth"), "mask": ("in_season",)}


def season_signs(
    rule: SeasonRule, weather: Mapping[str, NDArray[Any]], days: NDArray[np.datetime64], cells: int
) -> NDArray[np.uint8]:
    """Signs of all days and cells for `season_day`.

    Parameters
    ----------
    rule : SeasonRule
        Decides which variables are read.
    weather : mapping of array (time, cell)
        ``temperature`` or ``temperature_max`` [degC]; ``snow_cover`` [1] (snow lies above a half), where unknown
        ``snow_depth`` [m]; ``in_season``.
    days : datetime64[D] (time,)
        For the rule 'dates'.
    cells : int
        How many there are.

    Returns
    -------
    uint8 (time, cell)
        Bits of `FAVOURS_START`, `FAVOURS_STOP` and `SIGN_KNOWN`.

    Raises
    ------
    InputError
        If the weather lacks what the rule reads.

    Examples
    --------
    >>> from habitat.fire.weather.fire_season import by_snow
    >>> depth = np.array([[0.2], [np.nan], [0.0]])
    >>> season_signs(by_snow(), {"snow_depth": depth}, np.arange(3), 1)[:, 0].tolist()
    [6, 0, 5]
    """
    signs = np.empty((len(days), cells), np.uint8)
    if rule.kind == "always":
        signs[:] = FAVOURS_START | SIGN_KNOWN
    elif rule.kind == "dates":
        signs[:] = _by_date(rule, days)[:, None]
    else:
        wanted = (rule.reads,) if rule.kind == "temperature" else _READS[rule.kind]
        read = {name: weather[name] for name in wanted if name in weather}
        if not read:
            raise InputError(
                f"the season's rule {rule.kind!r} reads {' or '.join(wanted)}, which the weather lacks; "
                "add it, or choose the rule 'dates' or 'always'"
            )
        # Day by day, so that comparing large grids needs no grids of its own.
        for day in range(len(days)):
            signs[day] = _signs_of(rule, {name: values[day] for name, values in read.items()})
    return signs


def _by_date(rule: SeasonRule, days: NDArray[np.datetime64]) -> NDArray[np.uint8]:
    months = days.astype("datetime64[M]")
    date = (months.astype(np.int64) % 12 + 1) * 100 + (days - months.astype(days.dtype)).astype(np.int64) + 1
    start, stop = (month * 100 + day for month, day in (rule.start, rule.stop))
    after, before = date >= start, date < stop
    inside = after & before if start < stop else after | before
    return np.where(inside, FAVOURS_START, FAVOURS_STOP).astype(np.uint8) | SIGN_KNOWN


def _signs_of(rule: SeasonRule, today: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
    if rule.kind == "temperature":
        warmth = today[rule.reads]
        start, stop, known = warmth > rule.start_above, warmth < rule.stop_below, ~np.isnan(warmth)
    else:
        start, stop = _inside_and_outside(rule, today)
        known = start | stop
    bits: NDArray[np.uint8] = start * FAVOURS_START | stop * FAVOURS_STOP | known * SIGN_KNOWN
    return bits


def _inside_and_outside(rule: SeasonRule, today: Mapping[str, NDArray[Any]]) -> tuple[Any, Any]:
    """Return where it is known to be season weather, and where not; of snow, the cover is asked before the depth."""
    if "in_season" in today:
        return today["in_season"] > 0.5, today["in_season"] <= 0.5
    start: Any = False
    stop: Any = False
    if "snow_depth" in today:
        start, stop = today["snow_depth"] <= rule.snow_depth, today["snow_depth"] > rule.snow_depth
    if "snow_cover" in today:
        cover = today["snow_cover"]
        seen = ~np.isnan(cover)
        start, stop = np.where(seen, cover <= 0.5, start), np.where(seen, cover > 0.5, stop)
    return start, stop
