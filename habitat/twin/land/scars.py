"""What fires leave behind: days and severities of a window, outlines, and the numbers a reader is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from habitat.twin.land.events import Fire, History
from habitat.twin.land.geography import COUNTRY_CODES
from habitat.twin.land.ignitions import SEASONS, WEST_RATE, WEST_SIZE
from habitat.twin.land.landscape import Country, Field
from habitat.twin.land.patches import Lattice, days_between, outline
from habitat.twin.land.spread import CELL_M
from habitat.twin.land.terrain.layout import border_easting
from habitat.twin.world import CRS, Window, World

MORNING_H = 2.5
"""Hours after midnight UTC at which a day is looked at: satellites come at about half past two."""
MOST_HOURS = 120
"""No fire burns longer [h]."""


def burn_layers(
    world: World, history: History, window: Window, first: date, last: date
) -> tuple[NDArray[np.int16], Field]:
    """Return when and how severely each cell of 20 m burnt in a span of days.

    Parameters
    ----------
    world : World
        The world.
    history : History
        What happened to it.
    window : Window
        Where, beginning and ending at even rows and columns.
    first, last : date
        First and last day, UTC.

    Returns
    -------
    tuple of arrays (y, x)
        Day of the year (int16, 0 where nothing burnt) and severity [1]; the last fire where there were more.
    """
    lattice = Lattice(window, CELL_M)
    # The last day counts whole.
    _paste_fires(lattice, history.fires, _hours(first), _hours(last) + 24.0)
    dates = lattice.day.astype("datetime64[D]")
    burnt = lattice.code > 0
    day_of_year = (dates - dates.astype("datetime64[Y]")).astype(np.int32) + 1
    return np.where(burnt, day_of_year, 0).astype(np.int16), lattice.value


def last_fire(world: World, history: History, window: Window, day: date, resolution_m: float) -> tuple[Field, Field]:
    """Return how long ago each pixel burnt last, and how severely, seen on the morning of a day.

    Parameters
    ----------
    world : World
        The world.
    history : History
        What happened to it.
    window : Window
        Where.
    day : date or datetime
        A date stands for `MORNING_H` hours UTC, when satellites come; what burns later that day is not seen.
    resolution_m : float
        Pixel size [m]: 10 or 20.

    Returns
    -------
    tuple of arrays (y, x)
        Days since [d], whole days between dates, infinity where nothing ever burnt; severity [1].
    """
    lattice = Lattice(window, resolution_m)
    until = _hours(day) + (0.0 if isinstance(day, datetime) else MORNING_H)
    _paste_fires(lattice, history.fires, -np.inf, until)
    since = days_between(int(until // 24), lattice.day)
    return lattice.drawn(since), lattice.drawn(lattice.value)


def _paste_fires(lattice: Lattice, fires: Sequence[Fire], since: float, until: float) -> None:
    for fire in fires:
        start = _hours(fire.start)
        if start < until and start + MOST_HOURS >= since:
            lattice.paste((fire.row, fire.column), fire.arrival_h, fire.severity, (start, since, until))


def _hours(moment: date) -> float:
    """Return hours since 1970, UTC."""
    if isinstance(moment, datetime):
        return moment.timestamp() / 3600
    return float((moment - date(1970, 1, 1)).days * 24)


def perimeters(world: World, fires: Sequence[Fire]) -> gpd.GeoDataFrame:
    """Return the outlines of fires as a table, as an agency that saw all of them would keep it.

    Columns: id, kind, season, start and end (UTC), cause, area_ha, severity (mean), country of the ignition, geometry.
    """
    rows = [
        {
            "id": fire.number,
            "kind": fire.kind,
            "season": fire.season,
            "start": fire.start,
            "end": fire.start + timedelta(hours=float(np.max(fire.arrival_h, where=fire.burnt, initial=0))),
            "cause": fire.cause,
            "area_ha": round(fire.area_ha, 2),
            "severity": round(float(fire.severity[fire.burnt].mean()), 3),
            "country": country_of(world, fire.ignition),
            "geometry": outline(world, fire.row, fire.column, fire.burnt),
        }
        for fire in fires
    ]
    names = ["id", "kind", "season", "start", "end", "cause", "area_ha", "severity", "country", "geometry"]
    return gpd.GeoDataFrame(rows, columns=names, geometry="geometry", crs=CRS)


def country_of(world: World, place: tuple[int, int]) -> str:
    """Return the code of the country a cell of the 20 m lattice belongs to."""
    easting, northing = world.west + (place[1] + 0.5) * CELL_M, world.north - (place[0] + 0.5) * CELL_M
    west = easting < border_easting(world, np.array([northing]))[0]
    return COUNTRY_CODES[Country.WEST if west else Country.EAST]


def facts(world: World, fires: Sequence[Fire]) -> dict[str, Any]:
    """Return what is known about fires because it was made so, as JSON data.

    The countries' factors are what a product asking for country effects should find.
    """
    side = Counter(country_of(world, fire.ignition) for fire in fires if fire.season == "spring")
    years = Counter(fire.start.year for fire in fires)
    story = max((fire for fire in fires if fire.start.date() == date(2025, 4, 24)), key=lambda fire: fire.area_ha)
    return {
        "ignitions_west_for_one_east": WEST_RATE,
        "size_west_for_one_east": WEST_SIZE,
        "season_shares": {season: share for season, (share, _, _) in SEASONS.items()},
        "fires": len(fires),
        "fires_by_year": {str(year): years[year] for year in range(world.size.first_year, 2026)},
        "spring_fires_by_country": dict(sorted(side.items())),
        "burnt_ha": round(sum(fire.area_ha for fire in fires), 1),
        "crown_fires": [fire.number for fire in fires if fire.kind == "crown"],
        "story_fire": story.number,
    }
