"""The history of a world: its weather, its fires and its clearings, drawn once."""

from __future__ import annotations

from functools import lru_cache

from habitat.twin.land.clearings import clearings_of
from habitat.twin.land.events import History
from habitat.twin.land.fires import fires_of
from habitat.twin.land.weather import weather_of
from habitat.twin.world import World


@lru_cache(maxsize=2)
def history_of(world: World) -> History:
    """Return everything that happens to a world; asked again for the same world, the same object.

    Examples
    --------
    >>> from habitat.twin.world import world_of
    >>> history = history_of(world_of("tiny", 1))
    >>> [fire.start.isoformat() for fire in history.fires if fire.start.isoformat().startswith("2025-04-24")]
    ['2025-04-24T05:00:00+00:00']
    """
    weather = weather_of(world)
    return History(weather, fires_of(world, weather), clearings_of(world))
