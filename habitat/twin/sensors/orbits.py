"""When satellites pass over a place, and from where they see it: repeating, sun-synchronous, circular orbits."""

from __future__ import annotations

import math
import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.twin.sensors.shots import Overpass

_EARTH_M = 6_371_000.0
_FLATTENING = 0.006_694_38
"""First eccentricity of the ellipsoid, squared: orbits are fitted in geocentric latitudes."""
_DAY_S = 86_400.0
_ROWS = 248
_EQUATOR_ROW = 60
_ROW_REACH_S = 14.4
"""Half the length of a Landsat scene, in seconds of flight."""
_STEPS = 8
_UNTIL_NOW = date(9999, 12, 31)

Angles = NDArray[np.float64]
"""Numbers for one or several places or orbits."""
Place = tuple[Angles, Angles]
"""Longitude and latitude [degrees]."""
Direction = Literal["descending", "ascending"]
"""Way a satellite flies."""


@dataclass(frozen=True)
class Orbit:
    """A track over the ground that repeats itself, and how much of the ground is seen from it."""

    days: int
    """Days after which it repeats."""
    orbits: int
    """Orbits in that time."""
    inclination: float
    """Angle between orbit and equator [degrees]."""
    altitude_m: float
    """Mean height above the ground [m]."""
    node: float
    """Where orbit 1 (Landsat: path 1) crosses the equator southward [degrees east]."""
    swath_m: tuple[float, float]
    """Distances across the track between which the ground is seen [m], negative to the right of the flight."""
    by_paths: bool = False
    """Whether tracks are numbered from east to west, as Landsat's are, and not in the order they are flown."""

    @property
    def period_s(self) -> float:
        """Seconds from node to node."""
        return self.days * _DAY_S / self.orbits

    def nodes(self, orbits: Angles) -> Angles:
        """Return where orbits, or paths, cross the equator southward [degrees east]."""
        return self.node - (orbits - 1) * (360.0 / self.orbits * (1 if self.by_paths else self.days))

    def turn_of(self, orbit: int) -> int:
        """Return how many orbits after orbit 1 a track is flown."""
        return (orbit - 1) * pow(self.days, -1, self.orbits) % self.orbits if self.by_paths else orbit - 1


@dataclass(frozen=True)
class Flight:
    """One satellite in its orbit, fitted to the times and outlines of its real scenes."""

    orbit: Orbit
    """The track it repeats."""
    anchor: date
    """Local date on which one orbit 1 crossed the equator southward."""
    service: tuple[date, date]
    """First and last day of pictures."""
    local_time: tuple[tuple[float, float], ...]
    """Mean solar time of southward crossings [h] at points in time [decimal years], linear between them."""
    yearly_s: float = 0.0
    """How far the crossing time swings with the year [s]."""
    first_orbit: int = 0
    """Number since launch of the anchor's orbit; 0 where items do not tell it."""

    def local_time_on(self, day: date) -> float:
        """Return the mean solar time of southward equator crossings on a day [h]."""
        year = day.year + (day.timetuple().tm_yday - 1) / 365.25
        years, hours = zip(*self.local_time, strict=True)
        swing = self.yearly_s / 3600 * math.cos(math.tau * (year - 0.04))
        return float(np.interp(year, years, hours)) + swing


_SENTINEL1 = Orbit(12, 175, 98.18, 693_000.0, 167.6, (-605_000.0, -350_000.0))
_SENTINEL2 = Orbit(10, 143, 98.5621, 786_000.0, 168.44, (-148_000.0, 148_000.0))
_LANDSAT = Orbit(16, 233, 98.2, 705_000.0, -64.6, (-94_000.0, 94_000.0), by_paths=True)
_MORNING = ((2015.0, 10.5023),)
_LANDSAT_MORNING = ((2013.0, 10.203),)

FLIGHTS: MappingProxyType[str, Flight] = MappingProxyType(
    {
        "S2A": Flight(
            _SENTINEL2, date(2023, 9, 29), (date(2015, 7, 4), date(2025, 1, 20)), _MORNING, first_orbit=43184
        ),
        "S2B": Flight(_SENTINEL2, date(2024, 4, 11), (date(2017, 7, 1), _UNTIL_NOW), _MORNING, first_orbit=37064),
        "S2C": Flight(_SENTINEL2, date(2025, 6, 10), (date(2025, 1, 21), _UNTIL_NOW), _MORNING, first_orbit=3975),
        # Landsat 5 was not kept at its hour; the turning points are rounded.
        "L5": Flight(
            _LANDSAT,
            date(2023, 10, 24),
            (date(1984, 3, 16), date(2011, 11, 18)),
            ((1984.2, 9.7), (1995.3, 9.2), (2000.0, 9.75), (2003.0, 9.6), (2007.0, 10.0), (2011.9, 9.85)),
        ),
        # Landsat 7 was left to drift after its last correction in February 2017.
        "L7": Flight(
            _LANDSAT,
            date(2023, 10, 16),
            (date(1999, 7, 1), date(2022, 4, 5)),
            (
                (1999.5, 10.0),
                (2004.0, 10.05),
                (2012.0, 10.0),
                (2017.6, 10.25),
                (2019.4, 10.04),
                (2021.24, 9.403),
                (2022.3, 8.86),
            ),
        ),
        "L8": Flight(_LANDSAT, date(2023, 10, 24), (date(2013, 4, 11), _UNTIL_NOW), _LANDSAT_MORNING, 33.0),
        "L9": Flight(_LANDSAT, date(2023, 10, 16), (date(2021, 10, 31), _UNTIL_NOW), _LANDSAT_MORNING, 33.0),
        "S1A": Flight(
            _SENTINEL1, date(2024, 4, 16), (date(2014, 10, 3), _UNTIL_NOW), ((2014.0, 6.0042),), first_orbit=53448
        ),
    }
)
"""Satellites by the names `Overpass` uses."""

_BASELINES = (
    ("2015-07-04", "02.04"), ("2018-11-06", "02.10"), ("2019-05-01", "02.11"), ("2019-06-10", "02.12"),
    ("2019-07-15", "02.13"), ("2020-02-04", "02.14"), ("2021-03-30", "03.00"), ("2021-06-30", "03.01"),
    ("2022-01-25", "04.00"), ("2022-12-06", "05.09"), ("2023-12-13", "05.10"), ("2024-07-23", "05.11"),
)  # fmt: skip
"""First day of each baseline of Sentinel-2's Level-2A that was processed as it came."""


class _Track(NamedTuple):
    """A track that sees a place."""

    orbit: int
    row: int
    direction: Direction
    after_node_s: float
    zenith: float
    azimuth: float


def overpasses(
    platform: str,
    first: date,
    last: date,
    longitude: float = 132.0,
    latitude: float = 43.35,
    *,
    reach_m: float = 0.0,
) -> list[Overpass]:
    """Return a satellite's passes over a place, in order of time.

    Parameters
    ----------
    platform : str
        S2A, S2B, S2C, L5, L7, L8, L9 or S1A.
    first, last : date
        First and last day, UTC.
    longitude, latitude : float
        The place [degrees].
    reach_m : float
        Also passes whose swath comes this near [m] without reaching the place itself.

    Returns
    -------
    list of Overpass
        Of a Landsat one for each row that shows the place, at the time of the scene's middle; of Sentinel-1 the
        ascending and the descending track that see it best. Weather is not set.

    Raises
    ------
    ConfigError
        If there is no such satellite.

    References
    ----------
    Fitted to items of Earth Search, the Planetary Computer and USGS: times within half a minute, edges of swaths
    within 3 km.

    Examples
    --------
    >>> [str(one.when)[:16] for one in overpasses("S2C", date(2025, 5, 1), date(2025, 5, 20))]
    ['2025-05-08 02:15', '2025-05-18 02:15']
    """
    flight = _flight(platform)
    first, last = max(first, flight.service[0]), min(last, flight.service[1])
    if last < first:
        return []
    found = []
    for track in _tracks(platform, longitude, latitude, reach_m):
        # A cycle before and after: a pass may lie on another date than its cycle's first orbit.
        for cycle in range(_cycle(flight, first) - 1, _cycle(flight, last) + 2):
            when = _time(platform, flight, cycle, track)
            if first <= when.date() <= last:
                found.append(_overpass(platform, flight, track, when, cycle))
    return sorted(found, key=lambda one: (one.when, one.row))


def across_track_m(overpass: Overpass, longitude: Angles, latitude: Angles) -> Angles:
    """Return how far places lie from the track of a pass [m], negative to the right of the flight.

    What lies between the two distances of `FLIGHTS[platform].orbit.swath_m` was seen.

    Examples
    --------
    >>> one = overpasses("S2B", date(2024, 5, 8), date(2024, 5, 8))[0]
    >>> across_track_m(one, np.array([130.0, 132.0]), np.array([43.35, 43.35])).round(-3).tolist()
    [-141000.0, 17000.0]
    """
    orbit = _flight(overpass.platform).orbit
    node = orbit.nodes(np.array(overpass.orbit, np.float64))
    _, across = _closest(orbit, node, (longitude, latitude), overpass.direction)
    return across * _EARTH_M


def datatake_start(overpass: Overpass) -> datetime:
    """Return when a Sentinel-2 began the strip a picture is from, as product names tell it.

    Strips over eastern Asia begin above the Arctic Ocean, some eight minutes before; the last digit of the second
    is 1 for Sentinel-2A and 2C, and 9 for 2B.

    Examples
    --------
    >>> str(datatake_start(overpasses("S2B", date(2024, 5, 8), date(2024, 5, 8))[0]))
    '2024-05-08 02:06:59.024000+00:00'
    """
    nominal = 10 * round((overpass.when.timestamp() - 506) / 10)
    shift = -1 if overpass.platform == "S2B" else 1
    return datetime.fromtimestamp(nominal + shift, UTC).replace(microsecond=24_000)


def baseline_on(day: date) -> str:
    """Return the processing baseline of Sentinel-2 products made on a day.

    Examples
    --------
    >>> baseline_on(date(2024, 7, 22)), baseline_on(date(2024, 7, 23))
    ('05.10', '05.11')
    """
    return next((number for since, number in reversed(_BASELINES) if day.isoformat() >= since), _BASELINES[0][1])


def _flight(platform: str) -> Flight:
    if platform not in FLIGHTS:
        raise ConfigError(f"there is no orbit of satellite {platform!r}; satellites are {', '.join(FLIGHTS)}")
    return FLIGHTS[platform]


@lru_cache(maxsize=256)
def _tracks(platform: str, longitude: float, latitude: float, reach_m: float) -> tuple[_Track, ...]:
    orbit, place = _flight(platform).orbit, (np.array(longitude), np.array(latitude))
    ways: tuple[Direction, ...] = ("descending", "ascending") if platform.startswith("S1") else ("descending",)
    return tuple(track for way in ways for track in _tracks_one_way(orbit, place, reach_m, way))


def _tracks_one_way(orbit: Orbit, place: Place, reach_m: float, way: Direction) -> list[_Track]:
    numbers = np.arange(1.0, orbit.orbits + 1)
    nodes = orbit.nodes(numbers)
    along, across = _closest(orbit, nodes, place, way)
    low, high = orbit.swath_m
    metres = across * _EARTH_M
    # Within a quarter of an orbit of the southward node the satellite flies south.
    this_way = (np.abs(along) > orbit.period_s / 4) == (way == "ascending")
    seen = np.flatnonzero(this_way & (metres >= low - reach_m) & (metres <= high + reach_m))
    if high < 0 and seen.size:
        # Radar looks to one side, and of the tracks that see a place only some are flown with it on.
        seen = seen[[np.argmin(np.abs(metres[seen] - (low + high) / 2))]]
    tracks = []
    for k in seen:
        zenith, azimuth = _view(orbit, nodes[k], place, along[k], across[k])
        for row, seconds in _rows(orbit, float(along[k]), reach_m):
            tracks.append(_Track(int(numbers[k]), row, way, seconds, zenith, azimuth))
    return tracks


def _closest(orbit: Orbit, node: Angles, place: Place, way: Direction) -> tuple[Angles, Angles]:
    """Return when a track comes closest to places [s after its southward node] and how far off [radians].

    The frame turns with the earth under an orbit that stands still; a sun-synchronous one does within a day.
    """
    theta = np.arctan(np.tan(np.radians(place[1])) * (1 - _FLATTENING))
    tilt = math.radians(orbit.inclination)
    along = -theta if way == "descending" else np.where(theta >= 0, theta - math.pi, theta + math.pi)
    across = np.zeros_like(along)
    for _ in range(_STEPS):
        x, y, z = _in_frame(orbit, along, place[0] - node, theta)
        along = np.arctan2(y * math.cos(tilt) - z * math.sin(tilt), x)
        across = np.arcsin(y * math.sin(tilt) + z * math.cos(tilt))
    return along * (orbit.period_s / math.tau), across


def _in_frame(orbit: Orbit, along: Angles, from_node: Angles, theta: Angles) -> tuple[Angles, Angles, Angles]:
    turned = np.radians(from_node) + along * orbit.period_s / _DAY_S
    return np.cos(theta) * np.cos(turned), np.cos(theta) * np.sin(turned), np.sin(theta)


def _view(orbit: Orbit, node: Angles, place: Place, along_s: Angles, across: Angles) -> tuple[float, float]:
    """Return zenith angle and azimuth of the satellite [degrees]."""
    theta = np.arctan(np.tan(np.radians(place[1])) * (1 - _FLATTENING))
    x, y, z = (float(v) for v in _in_frame(orbit, along_s * math.tau / orbit.period_s, place[0] - node, theta))
    tilt, aside, level = math.radians(orbit.inclination), abs(float(across)), math.hypot(x, y)
    # Towards the track is against the orbit's normal, which `across` is measured along.
    towards = -math.copysign(1.0, float(across)) * np.array([0.0, math.sin(tilt), math.cos(tilt)])
    east = np.array([-y / level, x / level, 0.0])
    north = np.array([-z * x / level, -z * y / level, level])
    azimuth = math.degrees(math.atan2(float(towards @ east), float(towards @ north))) % 360
    nadir = math.atan2(math.sin(aside), 1 + orbit.altitude_m / _EARTH_M - math.cos(aside))
    return round(math.degrees(aside + nadir), 6), round(azimuth, 6)


def _rows(orbit: Orbit, along_s: float, reach_m: float) -> list[tuple[int, float]]:
    """Return WRS-2 rows that show a place, with the time of their middles [s after the node]; row 0 for Sentinels."""
    if not orbit.by_paths:
        return [(0, along_s)]
    step = orbit.period_s / _ROWS
    reach = _ROW_REACH_S + reach_m * orbit.period_s / (math.tau * _EARTH_M)
    low, high = (along_s - reach) / step, (along_s + reach) / step
    return [(_EQUATOR_ROW + k, k * step) for k in range(math.ceil(low), math.floor(high) + 1)]


def _cycle(flight: Flight, day: date) -> int:
    return (day - flight.anchor).days // flight.orbit.days


def _time(platform: str, flight: Flight, cycle: int, track: _Track) -> datetime:
    orbit, turn = flight.orbit, flight.orbit.turn_of(track.orbit)
    start = datetime.combine(flight.anchor, datetime.min.time(), UTC) + timedelta(days=orbit.days * cycle)
    flown = turn * orbit.period_s + track.after_node_s
    local_time = flight.local_time_on((start + timedelta(seconds=flown)).date())
    # Satellites are kept within some seconds of their place in the orbit.
    slip = zlib.crc32(f"{platform}/{cycle}/{turn}".encode()) / 2**32 * 6 - 3
    return start + timedelta(seconds=(local_time - orbit.node / 15) * 3600 + flown + slip)


def _overpass(platform: str, flight: Flight, track: _Track, when: datetime, cycle: int) -> Overpass:
    number = flight.first_orbit + cycle * flight.orbit.orbits + flight.orbit.turn_of(track.orbit)
    return Overpass(
        platform=platform,
        when=when,
        orbit=track.orbit,
        row=track.row,
        direction=track.direction,
        view_zenith=track.zenith,
        view_azimuth=track.azimuth,
        absolute_orbit=number if flight.first_orbit else 0,
        baseline=baseline_on(when.date()) if platform.startswith("S2") else "",
    )
