"""Forest radar: winter and summer backscatter of the store as predictors of forest maps that learn from labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from habitat.contracts import Period
from habitat.contracts.errors import NotInStore
from habitat.contracts.grid import Tile
from habitat.products.product import Workshop
from habitat.store import Input, Published

RadarWish: TypeAlias = bool | Literal["auto"]
"""False: without radar; auto: with what the store has; True: both seasons are wanted."""
MONTHS = {"winter": (12, 1, 2), "summer": (6, 7, 8)}
"""Months of each season; frozen crowns without leaves, and crowns in leaf."""
BANDS = ("vv", "vh")
_RASTER = "backscatter-"


class RadarSeason(NamedTuple):
    """Backscatter of one season."""

    name: str
    """Winter or summer."""
    entry: Published
    """Of product `radar`."""
    raster: str
    """Its raster of one orbit."""


def radar_seasons(wish: RadarWish, workshop: Workshop, period: Period) -> tuple[RadarSeason, ...]:
    """Return the newest radar of winter and summer in the store that is not later than a period.

    Both are of one orbit where the store has one in common.

    Parameters
    ----------
    wish : bool or "auto"
        Whether radar is wanted.
    workshop : Workshop
        Its store and area.
    period : Period
        Nothing later counts.

    Raises
    ------
    NotInStore
        If it is wanted, and a season is not there.
    """
    if wish is False:
        return ()
    newest = {name: entry for name in MONTHS if (entry := _newest(name, workshop, period)) is not None}
    lacking = [name for name in MONTHS if name not in newest]
    if wish is True and lacking:
        raise NotInStore(
            f"the store has no radar of {' nor '.join(lacking)} of {workshop.area.name} on its grid up to {period} "
            "with VV and VH; build product radar for such a month, or write radar: auto"
        )
    orbits = {name: _orbits(entry) for name, entry in newest.items()}
    common = [raster for raster in next(iter(orbits.values()), ()) if all(raster in one for one in orbits.values())]
    return tuple(RadarSeason(name, entry, (common or orbits[name])[0]) for name, entry in newest.items())


def radar_inputs(seasons: Sequence[RadarSeason]) -> tuple[Input, ...]:
    """Return radar as inputs of a map."""
    return tuple(season.entry.as_input() for season in seasons)


def radar_layers(seasons: Sequence[RadarSeason], workshop: Workshop) -> tuple[NDArray[np.float32], ...]:
    """Return VV and VH of each season [dB] (y, x), NaN where unknown."""
    rows, columns = workshop.area.grid.shape
    layers = []
    for season in seasons:
        with season.entry.open_window(season.raster) as reader:
            layers += [reader.values(Tile(0, 0, rows, columns), band) for band in BANDS]
    return tuple(layers)


def radar_gaps(wish: RadarWish, seasons: Sequence[RadarSeason]) -> list[tuple[str, str]]:
    """Return what the record is to say of radar: what was used, and what was not there."""
    if wish is False:
        return []
    told = [(f"radar, {season.name}", f"as of {season.entry.period}, {season.raster}") for season in seasons]
    there = {season.name for season in seasons}
    return told + [(f"radar, {name}", "none in the store: learnt without it") for name in MONTHS if name not in there]


def _newest(name: str, workshop: Workshop, period: Period) -> Published | None:
    held = workshop.store.list("radar", workshop.area.name)
    fitting = [
        entry
        for entry in held
        if entry.grid == workshop.area.grid
        and entry.period.last_day <= period.last_day
        and entry.period.first_day.month in MONTHS[name]
        and len(str(entry.period)) == len("2025-01")
        and _orbits(entry)
    ]
    return max(fitting, key=lambda entry: (entry.period.last_day, entry.version), default=None)


def _orbits(entry: Published) -> list[str]:
    """Rasters of backscatter with both polarisations."""
    found = []
    for raster in sorted(name for name in entry.rasters if name.startswith(_RASTER)):
        with entry.open_window(raster) as reader:
            if set(BANDS) <= set(reader.bands):
                found.append(raster)
    return found
