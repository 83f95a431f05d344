"""When the satellites that look for fires pass over a world, under which angle, and how large their pixels are then."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_EARTH_KM, _DEGREE_KM = 6371.0, 111.32
_LATITUDE, _LONGITUDE = 43.35, 132.0
_INCLINATION = 98.7
_AHEAD_H = math.degrees(math.asin(-math.tan(math.radians(_LATITUDE)) / math.tan(math.radians(_INCLINATION)))) / 15
"""Hours by which the local time under a satellite runs ahead of that at its node: going north it falls behind."""


@dataclass(frozen=True)
class Scanner:
    """A wide-swath instrument on a satellite."""

    name: str
    """Code of the satellite in the lists of hotspots."""
    instrument: str
    """VIIRS or MODIS."""
    since: str
    """First day of data, ISO."""
    daytime_h: float
    """Local solar time at the equator of the pass by day [h]."""
    climbs_by_day: bool
    """Whether it flies north by day."""
    orbits: int
    """Orbits in the 16 days after which the ground track repeats."""
    phase: float
    """Place in its orbit at the beginning of 1970 [orbits]: sets satellites of one kind apart."""
    altitude_km: float
    """Height above ground [km]."""
    nadir_km: float
    """Edge of a pixel straight below [km]."""
    widest: float
    """Largest scan angle [degrees]."""


SCANNERS: tuple[Scanner, ...] = (
    Scanner("N", "VIIRS", "2012-01-20", 13.5, climbs_by_day=True, orbits=227, phase=0.10, altitude_km=829.0,
            nadir_km=0.375, widest=56.06),
    Scanner("N20", "VIIRS", "2018-04-01", 13.5, climbs_by_day=True, orbits=227, phase=0.60, altitude_km=829.0,
            nadir_km=0.375, widest=56.06),
    Scanner("N21", "VIIRS", "2024-01-17", 13.5, climbs_by_day=True, orbits=227, phase=0.35, altitude_km=829.0,
            nadir_km=0.375, widest=56.06),
    Scanner("Terra", "MODIS", "2000-11-01", 10.5, climbs_by_day=False, orbits=233, phase=0.30, altitude_km=705.0,
            nadir_km=1.0, widest=55.0),
    Scanner("Aqua", "MODIS", "2002-07-04", 13.5, climbs_by_day=True, orbits=233, phase=0.75, altitude_km=705.0,
            nadir_km=1.0, widest=55.0),
)  # fmt: skip
"""Satellites whose hotspots are listed by NASA's fire service."""


@dataclass(frozen=True, eq=False)
class Passes:
    """All passes of one scanner over the world in a span of time; arrays (pass,)."""

    scanner: Scanner
    """Which."""
    number: NDArray[np.int64]
    """Number of the half orbit, a name for the pass."""
    hours: NDArray[np.float64]
    """Time [hours since 1970, UTC]."""
    angle: NDArray[np.float64]
    """Scan angle at the world's middle [degrees], negative where the world lies west of the track."""
    by_day: NDArray[np.bool_]
    """Whether the sun is up."""

    def between(self, first: float, last: float) -> range:
        """Return the places of the passes in a span [hours since 1970]."""
        begin, end = np.searchsorted(self.hours, [first, last])
        return range(int(begin), int(end))


def passes_of(scanner: Scanner, first: float, last: float) -> Passes:
    """Return the passes from which the world is seen.

    Tracks follow the local time of a sun-synchronous orbit; orbits drift in nature, which is left out.

    Parameters
    ----------
    scanner : Scanner
        The instrument.
    first, last : float
        Span of time [hours since 1970, UTC].
    """
    period = 16 * 24 / scanner.orbits
    since = float((np.datetime64(scanner.since, "h") - np.datetime64("1970-01-01", "h")).astype(np.int64))
    halves = np.arange(math.floor(max(first, since) / period * 2) - 1, math.ceil(last / period * 2) + 1)
    by_day = halves % 2 == 0
    hours = (halves / 2 + scanner.phase) * period
    # Going north the satellite runs into earlier local times, going south it comes from later ones.
    climbs = by_day == scanner.climbs_by_day
    local = np.where(by_day, scanner.daytime_h, scanner.daytime_h + 12) + np.where(climbs, -_AHEAD_H, _AHEAD_H)
    longitude = (local - hours) * 15
    east = ((_LONGITUDE - longitude + 180) % 360 - 180) * _DEGREE_KM * math.cos(math.radians(_LATITUDE))
    # The track leans against the meridian.
    lean = math.asin(math.cos(math.radians(_INCLINATION)) / math.cos(math.radians(_LATITUDE)))
    across = east * math.cos(lean) / _EARTH_KM
    angle = np.degrees(np.arctan2(np.sin(across), 1 + scanner.altitude_km / _EARTH_KM - np.cos(across)))
    seen = (np.abs(angle) <= scanner.widest) & (np.abs(across) < 0.4)
    seen &= (hours >= max(first, since)) & (hours < last)
    return Passes(scanner, halves[seen], hours[seen], angle[seen], by_day[seen])


def track_lean(*, climbs: bool) -> float:
    """Return the direction of the ground track [radians from north over east]."""
    lean = math.asin(math.cos(math.radians(_INCLINATION)) / math.cos(math.radians(_LATITUDE)))
    return lean if climbs else math.pi - lean


def pixel_km(scanner: Scanner, angle: float) -> tuple[float, float]:
    """Return the size of a pixel along the scan and along the track [km].

    VIIRS joins three samples near the middle of its scan, then two, then takes one, so that its pixels grow little.

    References
    ----------
    Wolfe, R. E. et al. (2013), Suomi NPP VIIRS prelaunch and on-orbit geometric calibration and characterization,
    Journal of Geophysical Research: Atmospheres 118; the zones end at 31.59 and 44.68 degrees.

    Examples
    --------
    >>> [round(size, 2) for size in pixel_km(SCANNERS[0], 0.0)]
    [0.38, 0.38]
    >>> [round(size, 2) for size in pixel_km(SCANNERS[3], 55.0)]
    [4.83, 2.01]
    """
    scan = math.radians(abs(angle))
    ratio = 1 + scanner.altitude_km / _EARTH_KM
    zenith = math.asin(min(ratio * math.sin(scan), 1.0))
    distance = scanner.altitude_km if scan == 0 else _EARTH_KM * math.sin(zenith - scan) / math.sin(scan)
    joined = 1.0
    if scanner.instrument == "VIIRS":
        joined = 3.0 if abs(angle) <= 31.59 else 2.0 if abs(angle) <= 44.68 else 1.0
        joined /= 3.0
    growth = distance / scanner.altitude_km
    return scanner.nadir_km * growth * joined / math.cos(zenith), scanner.nadir_km * growth
