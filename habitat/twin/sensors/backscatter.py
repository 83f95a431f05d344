"""How strongly radar waves of 5.6 cm come back: from crowns, from what lies on open ground, wet, dry and frozen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from habitat.twin.land.landscape import Cover
from habitat.twin.land.seasons import soil_wetness
from habitat.twin.land.weather import Weather
from habitat.twin.materials import MATERIALS

Decibels = tuple[float, float]
"""VV and VH, gamma0 [dB]."""
Table = NDArray[np.float32]
"""Linear power [1], VV and VH in the last axis."""

# Of open ground: dry, and what is added when it is soaked.
_GROUND: MappingProxyType[str, tuple[Decibels, Decibels]] = MappingProxyType(
    {
        "soil": ((-13.2, -21.8), (5.0, 3.4)),
        "mud": ((-10.6, -19.8), (2.2, 1.4)),
        "litter": ((-12.2, -18.9), (2.8, 2.0)),
        "twigs": ((-11.4, -17.6), (1.6, 1.2)),
        "dry_grass": ((-12.9, -20.0), (3.2, 2.4)),
        "green_grass": ((-11.9, -18.4), (2.2, 1.6)),
        "crops": ((-9.9, -15.9), (1.2, 0.9)),
        "reeds": ((-11.0, -17.8), (1.4, 0.8)),
        "char": ((-13.0, -20.8), (4.2, 3.0)),
        "built": ((-6.0, -13.2), (0.5, 0.4)),
    }
)
_WATER = ("river", "sea")
_CALM: Decibels = (-23.0, -28.0)
_ICE: Decibels = (-15.0, -22.5)
_PER_WIND: Decibels = (0.62, 0.30)
"""What each m/s of wind adds to water [dB]."""
_HIGHEST_WIND = 10.0
_DORMANT = {Cover.FIELD: "soil", Cover.WETLAND: "reeds", Cover.BUILT: "built", Cover.GRASS: "dry_grass"}

# Of closed crowns: in leaf and leafless.
_EVERGREEN: Decibels = (-9.0, -14.6)
_CROWNS: tuple[tuple[Decibels, Decibels], ...] = (
    ((-8.7, -14.1), (-7.9, -13.1)),
    ((-9.0, -14.5), (-8.3, -13.7)),
    ((-9.2, -14.5), (-9.4, -14.8)),
    ((-9.4, -14.7), (-9.3, -14.8)),
)
_KINDS = {Cover.BIRCH: 1, Cover.LARCH: 2, Cover.SHRUB: 3}
_FROZEN_CROWNS: Decibels = (-2.0, -2.4)
_FROZEN_GROUND: Decibels = (-2.8, -2.4)
_RAIN_ON_CROWNS: Decibels = (0.5, 0.4)
_WET_SNOW: Decibels = (-5.0, -5.0)
_WET_SNOW_UNDER_CROWNS: Decibels = (-1.4, -1.6)

_LOCAL_AHEAD = timedelta(hours=8.8)
_NOON = 12


@dataclass(frozen=True)
class Wetness:
    """How wet, frozen and windy it is when radar looks; all as a share of the most there is [1], wind in m/s."""

    soil: float = 0.4
    """Of the topsoil."""
    rain: float = 0.0
    """Of leaves and twigs."""
    melt: float = 0.0
    """Of lying snow."""
    frost: float = 0.0
    """How far trees and ground are frozen."""
    wind: float = 3.0
    """Over water [m s-1]."""


def wetness_on(weather: Weather, when: datetime) -> Wetness:
    """Return how wet it is at an overpass, in the mean of the weather's cells.

    Parameters
    ----------
    weather : Weather
        Daily weather.
    when : datetime
        Time, UTC; mornings are frozen and calm where evenings melt and blow.

    Raises
    ------
    ConfigError
        If the weather does not hold the day.
    """
    local = when + _LOCAL_AHEAD
    soil = soil_wetness(weather, local.date())
    at = int(np.searchsorted(weather.days, np.datetime64(local.date().isoformat())))
    warm = weather.mean_temperature[max(at - 4, 0) : at + 1].mean(dtype=np.float64)
    low, high = (
        float(field[at].mean(dtype=np.float64)) for field in (weather.lowest_temperature, weather.highest_temperature)
    )
    evening = local.hour >= _NOON
    now = 0.6 * high + 0.4 * low if evening else low
    rain = float(weather.precipitation[at].mean(dtype=np.float64)) if low > 0 else 0.0
    wind = float(weather.wind_speed[at].mean(dtype=np.float64)) * (0.9 if evening else 0.6)
    # Wet snow freezes again from above at night, and C-band sees little more than its skin.
    melt = float(np.clip((now + 1.0) / 3.5, 0, 1))
    return Wetness(soil, min(rain / 12, 1.0), melt, float(np.clip((-1.5 - warm) / 6, 0, 1)), wind)


@dataclass(frozen=True, eq=False)
class Echoes:
    """Power that comes back in one scene, ready for a compiled loop."""

    ground: Table
    """Of each material lying open (material, 2); 0 for those that are crowns or snow."""
    dormant: Table
    """Of what lies under snow, by cover (cover, 2)."""
    kind: NDArray[np.int64]
    """Of each cover, its row in `crowns`."""
    crowns: Table
    """Of closed crowns (kind, in leaf or leafless, 2)."""
    evergreen: Table
    """Of closed evergreen crowns (2,)."""
    wet_snow: Table
    """What is left of the ground's echo under wet snow, in the open and under crowns (2, 2)."""


def echoes_of(wetness: Wetness) -> Echoes:
    """Return the power of every echo for one state of the weather.

    In leaf broadleaved crowns send back less than leafless, as leaves dampen what twigs and stems scatter; needles
    more in summer than frozen in winter.

    References
    ----------
    Rüetschi, Schaepman and Small (2018), Remote Sensing 10(1), 55; Dostálová, Wagner, Milenković and Hollaus (2018),
    Int. J. Remote Sensing 39(21), 7738-7760; Nagler and Rott (2000), IEEE Trans. Geosci. Remote Sensing 38(2),
    754-765 for wet snow. Levels are rounded, and checked against the shared series of real scenes.

    Examples
    --------
    >>> dry, wet = (10 * np.log10(echoes_of(Wetness(soil=soil)).ground[MATERIALS.index("soil"), 0]) for soil in (0, 1))
    >>> round(float(dry), 1), round(float(wet), 1)
    (-13.2, -8.2)
    """
    frost, soil = wetness.frost, wetness.soil
    ground = np.zeros((len(MATERIALS), 2), np.float32)
    for name, (dry, soaked) in _GROUND.items():
        ground[MATERIALS.index(name)] = _power(dry, (soil, soaked), (frost, _FROZEN_GROUND))
    wind = min(wetness.wind, _HIGHEST_WIND)
    for name in _WATER:
        ground[MATERIALS.index(name)] = _power(_CALM, (wind, _PER_WIND))
    covers = max(Cover) + 1
    dormant = np.empty((covers, 2), np.float32)
    for cover in range(covers):
        dormant[cover] = ground[MATERIALS.index(_DORMANT.get(Cover(cover), "litter") if cover else "litter")]
    dormant[Cover.WATER] = _power(_ICE)
    state = (frost, _FROZEN_CROWNS), (wetness.rain, _RAIN_ON_CROWNS)
    return Echoes(
        ground=ground,
        dormant=dormant,
        kind=np.array([_KINDS.get(Cover(cover), 0) if cover else 0 for cover in range(covers)]),
        crowns=np.array([[_power(one, *state) for one in pair] for pair in _CROWNS], np.float32),
        evergreen=_power(_EVERGREEN, *state),
        wet_snow=np.array([_power(one, share=wetness.melt) for one in (_WET_SNOW, _WET_SNOW_UNDER_CROWNS)], np.float32),
    )


def _power(level: Decibels, *added: tuple[float, Decibels], share: float = 1.0) -> Table:
    """Return linear power of a level [dB] and of shares of what is added to it [dB]."""
    total = share * np.array(level) + sum((part * np.array(more) for part, more in added), np.zeros(2))
    power: Table = (10 ** (total / 10)).astype(np.float32)
    return power
