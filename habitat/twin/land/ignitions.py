"""When and where fires begin, and how large they may grow: dry days, burnable ground, people near, two countries."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from habitat.twin.land.landscape import Country, Cover, Field, Landscape
from habitat.twin.land.patches import Places, corner, piece_around
from habitat.twin.land.seasons import dryness_by_cell
from habitat.twin.land.spread import CELL_M
from habitat.twin.land.terrain.people import people_of
from habitat.twin.land.weather import Weather
from habitat.twin.noise import fractal
from habitat.twin.world import LAST_YEAR, SizeName, World, to_degrees

Season = Literal["spring", "autumn"]
Kind = Literal["ground", "crown"]
Cause = Literal["road", "field", "settlement", "unknown"]

YEARLY: dict[SizeName, float] = {"tiny": 3.0, "series": 5.0, "demo": 21.0, "full": 220.0}
"""Ground fires of a mean year."""
SEASONS: dict[Season, tuple[float, tuple[int, int], tuple[int, int]]] = {
    "spring": (0.75, (4, 1), (5, 15)),
    "autumn": (0.25, (10, 1), (11, 30)),
}
"""Share of the year's fires, first and last month and day."""
WEST_RATE = 0.45
"""Ignitions in the west for one in the east on the same ground: known, for products that ask what countries do."""
WEST_SIZE = 0.5
"""Size a fire in the west is put out at for one in the east."""
CROWN_YEARLY: dict[SizeName, float] = {"tiny": 0.0, "series": 0.0, "demo": 0.12, "full": 3.0}
"""Crown fires of a mean year, beyond those every world has (`_certain_crowns`)."""
CROWN_HA: dict[SizeName, tuple[float, float]] = {
    "tiny": (0.8, 2.0),
    "series": (1.5, 5.0),
    "demo": (13.0, 150.0),
    "full": (13.0, 150.0),
}
"""Smallest and largest size a crown fire is put out at [ha]."""
SMALLEST_HA = 0.3
"""Fires put out sooner are not told of [ha]."""
LARGEST_HA: dict[SizeName, float] = {"tiny": 6.0, "series": 14.0, "demo": 1500.0, "full": 3000.0}
"""Largest size drawn [ha]; the story's fire is drawn otherwise."""
_TAIL = 0.02
"""Exponent of the sizes' Pareto law: a third of the fires stay below 5 ha, a tenth burn most of what burns."""
_IGNITABLE: dict[Cover, float] = {
    Cover.GRASS: 1.0, Cover.WETLAND: 0.6, Cover.SHRUB: 0.7, Cover.OAK: 0.35, Cover.BIRCH: 0.2, Cover.LARCH: 0.15,
    Cover.PINE_BROADLEAF: 0.1,
}  # fmt: skip
"""How readily a spark lights the ground [1]."""
_SOLAR_LEAD = timedelta(hours=8.8)
"""Local solar time less UTC at 132 degrees east."""


@dataclass(frozen=True)
class Ignition:
    """A fire that begins."""

    kind: Kind
    """Ground or crown."""
    season: Season
    """Fire season."""
    start: datetime
    """When, UTC."""
    place: tuple[int, int]
    """Row and column on the 20 m lattice."""
    most_ha: float
    """Size at which it is put out [ha], if weather does not end it sooner."""
    seed: tuple[str | int, ...]
    """Words for the fire's own randomness."""
    least_ha: float = 0.0
    """Size below which other places are tried [ha]."""
    others: tuple[tuple[int, int], ...] = ()
    """Where it begins if it comes to nothing at its place."""


def solar_day(moment: datetime) -> date:
    """Return the local solar day of a moment, as the weather counts days.

    Examples
    --------
    >>> solar_day(datetime(2025, 4, 24, 16, tzinfo=UTC)).isoformat()
    '2025-04-25'
    """
    return (moment + _SOLAR_LEAD).date()


def weather_cell(world: World, weather: Weather, place: tuple[float, float]) -> tuple[int, int]:
    """Return row and column of the weather's cell a place of the 20 m lattice lies in."""
    easting, northing = world.west + (place[1] + 0.5) * CELL_M, world.north - (place[0] + 0.5) * CELL_M
    longitude, latitude = to_degrees().transform(easting, northing)
    return int(np.argmin(np.abs(weather.latitude - latitude))), int(np.argmin(np.abs(weather.longitude - longitude)))


def day_index(weather: Weather, day: date) -> int:
    """Return the place of a day in the weather, the nearest there is."""
    number = int((np.datetime64(day) - weather.days[0]) / np.timedelta64(1, "D"))
    return min(max(number, 0), weather.days.size - 1)


def dryness_at(weather: Weather, day: date, cell: tuple[int, int] | None = None) -> float:
    """Return how dry fuel is on a day [1], in one cell of the weather or in the mean of all."""
    values = dryness_by_cell(weather, day)
    return float(values.mean() if cell is None else values[cell])


def ground_weight(world: World, land: Landscape) -> Field:
    """Return how readily fires begin [1]: on grass and litter, near people, where people have the habit."""
    table = np.zeros(256, np.float32)
    for cover, share in _IGNITABLE.items():
        table[cover] = share
    near = np.float32(0.02) + np.exp(-land.to_people / np.float32(world.scaled(350.0, 0.05)))
    places = world.coordinates(land.window, CELL_M)
    habit = np.exp(fractal(world.key("fire habit"), *places, world.scaled(1400.0, 0.3), octaves=3)) / 4
    country = np.where(land.country == Country.WEST, np.float32(WEST_RATE), np.float32(1))
    weight: Field = (table[land.cover] * near * np.minimum(habit, 1) * country).astype(np.float32)
    return weight


def crown_weight(land: Landscape) -> Field:
    """Return how readily crown fires begin [1]: in stands of needles."""
    needles = (land.cover == Cover.PINE_BROADLEAF) | (land.cover == Cover.LARCH)
    weight: Field = (needles * (0.05 + 0.6 * land.evergreen + 0.3 * (land.cover == Cover.LARCH))).astype(np.float32)
    return weight


def season_days(season: Season, year: int) -> list[date]:
    """Return the days of a fire season."""
    _, first, last = SEASONS[season]
    begin, end = date(year, *first), date(year, *last)
    return [begin + timedelta(days=number) for number in range((end - begin).days + 1)]


def ignitions_of(world: World, weather: Weather) -> list[Ignition]:
    """Return all fires that begin in the years of a world, in order of time, but for the story's."""
    found = [*_ground(world, weather), *_crowns(world, weather)]
    return sorted(found, key=lambda one: (one.start, one.place))


def _years(world: World) -> range:
    return range(world.size.first_year, LAST_YEAR + 1)


def _day_weights(weather: Weather, days: list[date]) -> NDArray[np.float64]:
    # On damp days sparks go out; on the driest every second one catches.
    return np.array([max(dryness_at(weather, day) - 0.15, 0.0) ** 1.5 for day in days])


def _ground(world: World, weather: Weather) -> Iterator[Ignition]:
    places = Places(world, lambda land: ground_weight(world, land))
    for season, (share, _, _) in SEASONS.items():
        weights = {year: _day_weights(weather, season_days(season, year)) for year in _years(world)}
        usual = np.mean([float(one.sum()) for one in weights.values()])
        for year, chances in weights.items():
            rng = world.rng("fires", season, year)
            if chances.sum() <= 0:
                continue
            # A wet spring has fewer fires; ten dry weeks do not bring ten times as many.
            readiness: float = min(float(chances.sum()) / float(usual), 1.8)
            number = rng.poisson(YEARLY[world.size.name] * share * readiness)
            for count in range(number):
                day = season_days(season, year)[int(rng.choice(chances.size, p=chances / chances.sum()))]
                place = places.draw(rng)
                if place is not None:
                    most = _most_ha(world, rng)
                    yield Ignition("ground", season, _moment(day, rng), place, most, ("fire", season, year, count))


def _most_ha(world: World, rng: np.random.Generator) -> float:
    """Draw a size from a Pareto law cut off at both ends."""
    low, high = SMALLEST_HA, LARGEST_HA[world.size.name]
    share = rng.random() * (1 - (low / high) ** _TAIL)
    return float(low * (1 - share) ** (-1 / _TAIL))


def _moment(day: date, rng: np.random.Generator) -> datetime:
    """Draw a time of the day people are about, UTC: 9 to 19 by the sun, most after noon."""
    hour = 9.0 + 10.0 * rng.beta(2.6, 2.2)
    noon = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour) - _SOLAR_LEAD
    return noon.replace(second=0, microsecond=0)


def _certain_crowns(world: World) -> list[tuple[int, Season]]:
    """Return when there is a crown fire whatever is drawn: once years ago, and once between the last two Mays."""
    rng = world.rng("crown years")
    long_ago: tuple[int, Season] = (int(rng.integers(max(world.size.first_year, 2015), 2024)), "spring")
    lately: tuple[int, Season] = (2024, "autumn") if rng.random() < 0.5 else (2025, "spring")
    return [long_ago] if world.size.name == "tiny" else [long_ago, lately]


def _crowns(world: World, weather: Weather) -> Iterator[Ignition]:
    places = Places(world, crown_weight)
    certain = _certain_crowns(world)
    low, high = CROWN_HA[world.size.name]
    for year in _years(world):
        rng = world.rng("crown fires", year)
        drawn = rng.random(rng.poisson(CROWN_YEARLY[world.size.name]))
        seasons: list[Season] = [season for sure, season in certain if sure == year]
        # The last autumn of a world ends it; nobody would see what it did.
        seasons += ["autumn" if number < 0.3 and year < LAST_YEAR else "spring" for number in drawn]
        for count, season in enumerate(seasons):
            days = season_days(season, year)[:31]
            driest = int(np.argmax(_day_weights(weather, days) * rng.uniform(0.5, 1.0, len(days))))
            stands = _needled(world, [places.draw(rng) for _ in range(6)])
            if stands:
                most, seed = float(np.exp(rng.uniform(np.log(low), np.log(high)))), ("crown", year, count)
                start = _moment(days[driest], rng)
                yield Ignition("crown", season, start, stands[0], most, seed, 0.77 * low, tuple(stands[1:]))


def _needled(world: World, places: list[tuple[int, int] | None]) -> list[tuple[int, int]]:
    """Return the places with most needles about them first: crown fires want stands, not groups of trees."""
    there = [place for place in places if place is not None]
    reach = int(world.scaled(600.0, 0.1) / CELL_M)
    return sorted(there, key=lambda place: -float(crown_weight(piece_around(world, place, reach)).mean()))


def cause_of(world: World, land: Landscape, place: tuple[int, int], rng: np.random.Generator) -> Cause:
    """Return what a report would call the cause, from what lies nearest; one in eight is never found out."""
    first = corner(land)
    row, column = place[0] - first[0], place[1] - first[1]
    built, field = land.cover == Cover.BUILT, land.cover == Cover.FIELD
    if rng.random() < 0.125 or land.to_people[row, column] > world.scaled(900.0, 0.12):
        return "unknown"
    away = {name: _distance(where, row, column) for name, where in (("built", built), ("field", field))}
    if min(away.values()) * CELL_M > 2 * land.to_people[row, column] + 60:
        # Narrow roads are no cover of their own.
        return "road"
    if away["field"] <= away["built"]:
        return "field"
    nearest = _nearest(built, row, column)
    east, north = world.west + (first[1] + nearest[1]) * CELL_M, world.north - (first[0] + nearest[0]) * CELL_M
    homes = ((patch.centre, 1.3 * patch.radius + CELL_M) for patch in people_of(world).settlements)
    lived_in = any(math.hypot(east - centre[0], north - centre[1]) < reach for centre, reach in homes)
    return "settlement" if lived_in else "road"


def _nearest(where: NDArray[np.bool_], row: int, column: int) -> tuple[int, int]:
    rows, columns = np.nonzero(where)
    at = int(np.argmin((rows - row) ** 2 + (columns - column) ** 2))
    return int(rows[at]), int(columns[at])


def _distance(where: NDArray[np.bool_], row: int, column: int) -> float:
    if not where.any():
        return float("inf")
    at = _nearest(where, row, column)
    return float(np.hypot(at[0] - row, at[1] - column))
