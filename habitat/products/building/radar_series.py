"""Radar series: backscatter of one orbit as a monitor of change looks at it, cloud or no cloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from habitat.change.monitoring.season_model import Codes
from habitat.contracts.area import Area
from habitat.contracts.errors import ConfigError
from habitat.contracts.grid import Tile
from habitat.contracts.scene import Scene
from habitat.contracts.span import Span
from habitat.imagery.backscatter.units import DB_NODATA, DB_SCALE, db_codes, decibels
from habitat.products.building.change_series import Looks
from habitat.sources.catalogues.radar_items import orbit_words
from habitat.sources.scenes.observations import within
from habitat.sources.scenes.preflight import Checked
from habitat.sources.scenes.radar_rasters import RadarRasters
from habitat.sources.scenes.radar_reader import Pass, RadarReader, passes_of

RADAR_INDICES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "vh": {"vh": 1.0},
        "vv": {"vv": 1.0},
        "ratio": {"vh": 1.0, "vv": -1.0},
        "crowns": {"vh": 1.0, "vv": -0.5},
    }
)
"""Indices of radar and what they are made of [dB]. All but vv fall where crowns are lost; VH less half of VV is moved
less by rain and frost, which move both."""
DEFAULT_INDEX = "crowns"
DEFAULT_WINDOW = 5
"""Edge of the window [px] over which power is averaged before decibels are taken."""


def radar_polarisations(index: str) -> tuple[str, ...]:
    """Return the polarisations that a monitor of an index of radar reads.

    Raises
    ------
    ConfigError
        If there is no such index.

    Examples
    --------
    >>> radar_polarisations("crowns")
    ('vh', 'vv')
    """
    if index not in RADAR_INDICES:
        raise ConfigError(f"there is no index {index!r} of radar; there are {', '.join(RADAR_INDICES)}")
    return tuple(RADAR_INDICES[index])


class RadarSeries:
    """Series of an index of backscatter, in decibels; made by `radar_series`.

    Parameters
    ----------
    reader : RadarReader
        Passes of one orbit.
    index : str
        A name in `RADAR_INDICES`.
    season : tuple of str, optional
        First and last day of the year (month-day) whose looks may be used.
    gaps : sequence of (what, why)
        What was left out.
    """

    def __init__(
        self,
        reader: RadarReader,
        index: str,
        season: tuple[str, str] | None,
        gaps: Sequence[tuple[str, str]],
    ) -> None:
        self._reader, self._weights = reader, RADAR_INDICES[index]
        self.days = reader.days
        self.unit = "dB"
        self.codes = Codes(DB_NODATA, DB_SCALE)
        self.gaps = tuple(gaps)
        """What was left out and why, for the record."""
        self._in_season = np.array([_in_season(day, season) for day in self.days], bool)

    def tiles(self, memory_bytes: int) -> list[Tile]:
        """Cover the grid with tiles whose series fit into so much memory."""
        return self._reader.tiles(memory_bytes)

    def read(self, tile: Tile) -> Looks:
        """Return what was seen of a tile."""
        power, known = self._reader.read(tile)
        level = np.zeros(power.shape[1:], np.float32)
        for one, weight in zip(power, self._weights.values(), strict=True):
            level += np.float32(weight) * decibels(one)
        index: NDArray[np.int16] = db_codes(level).reshape(len(self.days), -1)
        usable = (index != DB_NODATA) & self._in_season[:, np.newaxis]
        return Looks(index, usable.astype(np.uint8), None, known)


def radar_series(
    checked: Checked,
    spans: Span | Sequence[Span],
    area: Area,
    rasters: RadarRasters,
    *,
    index: str = DEFAULT_INDEX,
    window: int = DEFAULT_WINDOW,
    season: tuple[str, str] | None = None,
) -> RadarSeries:
    """Return the series of an index of backscatter, of the orbit with most passes; other orbits are named as gaps.

    A span without passes gives a series without dates. Where spans are read one by one, choose the orbit for all of
    them with `one_orbit` first.

    Parameters
    ----------
    checked : Checked
        Scenes whose files were opened by `habitat.sources.scenes.radar_rasters.check_radar`.
    spans : Span or sequence of Span
        Days (local solar dates) of the series.
    area : Area
        Grid.
    rasters : RadarRasters
        Opens the files.
    index : str
        A name in `RADAR_INDICES`.
    window : int
        Edge [px] of the window over which power is averaged, odd; 1 leaves pixels as they are.
    season : tuple of str, optional
        First and last day of the year (month-day) whose looks may be used, such as ("05-01", "10-31") where crowns
        freeze; others keep their index and are paused.

    Raises
    ------
    ConfigError
        If the index or the season is none.
    """
    polarisations = radar_polarisations(index)
    wanted = (spans,) if isinstance(spans, Span) else tuple(spans)
    scenes = [scene for scene in checked.scenes if any(within(scene, span) for span in wanted)]
    orbits = passes_of(scenes)
    chosen = _most_seen(orbits, None)
    gaps = [
        (orbit_words(orbit), f"{len(passes)} passes not used: looks of different orbits are not compared")
        for orbit, passes in orbits.items()
        if orbit != chosen
    ]
    passes = sorted(orbits.get(chosen, []), key=lambda one: (one.day, one.scenes[0].datetime))
    reader = RadarReader(checked, passes, area, rasters, polarisations=polarisations, window=window)
    return RadarSeries(reader, index, season, gaps)


def one_orbit(scenes: Sequence[Scene], counted_until: date | None = None) -> tuple[list[Scene], list[tuple[str, str]]]:
    """Keep the scenes of the orbit with most passes; the others are dropped with the reason.

    Parameters
    ----------
    scenes : sequence of Scene
        Of sentinel1.
    counted_until : date, optional
        Passes of later days do not count: give the day monitoring begins, so that a month built by itself and
        months built at once look at the same orbit.

    Returns
    -------
    kept : list of Scene
    dropped : list of (id, reason)
    """
    orbits = passes_of(scenes)
    chosen = _most_seen(orbits, counted_until)
    many = len(orbits.get(chosen, []))
    why = f"of another orbit than {chosen}, which has most passes ({many}): looks of different orbits are not compared"
    kept = [scene for scene in scenes if scene.tile == chosen]
    return kept, [(scene.id, why) for scene in scenes if scene.tile != chosen]


def _most_seen(orbits: Mapping[str, Sequence[Pass]], until: date | None) -> str:
    counts = {
        orbit: sum(until is None or one.day < until.toordinal() for one in passes) for orbit, passes in orbits.items()
    }
    return min(counts, key=lambda orbit: (-counts[orbit], orbit), default="")


def _in_season(day: int, season: tuple[str, str] | None) -> bool:
    if season is None:
        return True
    try:
        first, last = (date.fromisoformat(f"2000-{text}") for text in season)
    except ValueError as error:
        raise ConfigError(f"season {season} is no two days; write month-day such as 05-01") from error
    when = date.fromordinal(day).replace(year=2000)
    return first <= when <= last if first <= last else not last < when < first
