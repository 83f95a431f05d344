"""Hotspots as NASA's fire service lists them: what satellites saw of the fires, and what they took for fire."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from habitat.twin.land.events import Fire, History
from habitat.twin.land.ignitions import day_index, solar_day, weather_cell
from habitat.twin.land.landscape import Cover, Field, Landscape
from habitat.twin.land.patches import Places, land_piece
from habitat.twin.land.scanners import SCANNERS, Passes, passes_of, pixel_km, track_lean
from habitat.twin.land.spread import CELL_M, spread_share
from habitat.twin.land.terrain.people import people_of
from habitat.twin.land.weather import Weather
from habitat.twin.world import LAST_YEAR, SizeName, World, to_degrees

VIIRS_COLUMNS = (
    "latitude", "longitude", "bright_ti4", "scan", "track", "acq_date", "acq_time", "satellite", "instrument",
    "confidence", "version", "bright_ti5", "frp", "daynight", "type",
)  # fmt: skip
"""Columns of a VIIRS archive file."""
MODIS_COLUMNS = tuple(
    {"bright_ti4": "brightness", "bright_ti5": "bright_t31"}.get(name, name) for name in VIIRS_COLUMNS
)
"""Columns of a MODIS archive file."""
ARCHIVE_UNTIL = "2025-07-01"
"""Days from this on are in the near-real-time lists only, which have no type."""
STATIC: dict[SizeName, int] = {"tiny": 1, "series": 1, "demo": 2, "full": 6}
"""Warm roofs and heaps that are taken for fire all year."""
FALSE_YEARLY: dict[SizeName, float] = {"tiny": 0.4, "series": 0.7, "demo": 2.5, "full": 40.0}
"""Other false alarms of a year, over all satellites of one kind."""
STATIC_TYPED = 0.6
"""Share of the archive's static detections that say so [1]; the others are called vegetation fires."""

# Load of fuel [kg m-2], hours of flaming, and power of smouldering as a share of that of flaming.
_BURNING: dict[Cover, tuple[float, float, float]] = {
    Cover.GRASS: (0.50, 0.20, 0.01), Cover.WETLAND: (0.70, 0.25, 0.02), Cover.SHRUB: (0.80, 0.40, 0.03),
    Cover.OAK: (0.80, 0.60, 0.04), Cover.BIRCH: (0.70, 0.60, 0.05), Cover.LARCH: (0.80, 0.70, 0.05),
    Cover.PINE_BROADLEAF: (0.90, 0.80, 0.06),
}  # fmt: skip
_CROWN_BURNING = (3.0, 0.6, 0.05)
_RADIATED_MJ_PER_KG = 1 / 0.368
"""Radiant energy of burnt biomass: Wooster et al. (2005), JGR 110, D24311, 0.368 kg per MJ."""
_SMOULDER_H = 5.0
# Brightness temperatures [K] from which a pixel is looked at, and at which the band is full.
_WARMEST = {
    ("VIIRS", True): (325.0, 367.0), ("VIIRS", False): (295.0, 367.0),
    ("MODIS", True): (310.0, 500.0), ("MODIS", False): (305.0, 500.0),
}  # fmt: skip
_LAST_ZONE = 44.68
_COLD_MW = 1e-3
# More pixels than any world is wide, to count rows and columns of pixels in one number.
_FAR = 1 << 20
Row = dict[str, object]
# Power found in half of all cases [MW] in a pixel of nadir size, by day and by night.
_FOUND_MW = {"VIIRS": (2.4, 0.8), "MODIS": (9.0, 6.0)}


@dataclass(frozen=True, eq=False)
class _Glow:
    """What of a fire can glow: one entry per burnt cell."""

    hours: NDArray[np.float64]
    easting: NDArray[np.floating[Any]]
    northing: NDArray[np.floating[Any]]
    power: NDArray[np.float64]
    flaming: NDArray[np.float64]
    smoulder: NDArray[np.float64]
    number: int
    cell: tuple[int, int]


@dataclass(frozen=True)
class _Source:
    """What a satellite takes for fire, and the randomness of its rows."""

    kind: str
    fire: int
    cell: tuple[int, int]
    rng: np.random.Generator


class _Sight:
    """One pass."""

    def __init__(self, passes: Passes, at: int) -> None:
        self.scanner, self.name = passes.scanner, passes.scanner.name
        self.number, self.hours = int(passes.number[at]), float(passes.hours[at])
        self.angle, self.by_day = float(passes.angle[at]), bool(passes.by_day[at])
        self.climbs = self.by_day == self.scanner.climbs_by_day
        self.pixel = pixel_km(self.scanner, self.angle)


def hotspots_of(world: World, history: History) -> pd.DataFrame:
    """Return the VIIRS hotspots of a world from 2012 on, as an archive file of 375 m has them.

    Small fires between two passes, under clouds or under needles are missed; night passes at about 17 UTC belong to
    the next local day. ``acq_time`` is text (HHMM, UTC); ``type`` is missing where the archive has not come yet.
    """
    return _listed(world, history, "VIIRS")[list(VIIRS_COLUMNS)].copy()


def modis_of(world: World, history: History) -> pd.DataFrame:
    """Return the MODIS hotspots of a world, as an archive file of 1 km has them: fewer, warmer, less sharp."""
    return _listed(world, history, "MODIS")[list(MODIS_COLUMNS)].copy()


def hotspot_truth(world: World, history: History, instrument: str = "VIIRS") -> pd.DataFrame:
    """Return what each row of the hotspots was: ``source`` (fire, static, false) and the ``fire``'s number, else 0.

    Rows are in the order of `hotspots_of`, or of `modis_of` for the instrument MODIS.
    """
    return _listed(world, history, instrument)[["source", "fire"]].copy()


@lru_cache(maxsize=4)
def _listed(world: World, history: History, instrument: str) -> pd.DataFrame:
    first, last = _hours(f"{max(world.size.first_year, 2012)}-01-01"), _hours(f"{LAST_YEAR + 1}-01-01")
    passes = [passes_of(one, first, last) for one in SCANNERS if one.instrument == instrument]
    rows = [
        *_of_fires(world, history, passes),
        *_of_static(world, history.weather, passes),
        *_false(world, history.weather, passes),
    ]
    viirs = instrument == "VIIRS"
    names = [*(VIIRS_COLUMNS if viirs else MODIS_COLUMNS), "source", "fire"]
    table = pd.DataFrame(rows, columns=names)
    keys = ["acq_date", "acq_time", "satellite", "latitude", "longitude"]
    table = table.sort_values(keys, kind="stable").reset_index(drop=True)
    return table.astype({"type": "Int64", "fire": "int64"} | ({} if viirs else {"confidence": "int64"}))


def _hours(day: str) -> float:
    return float((np.datetime64(day, "h") - np.datetime64("1970-01-01", "h")).astype(np.int64))


def _moment(hours: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hours)


def _of_fires(world: World, history: History, passes: list[Passes]) -> Iterator[Row]:
    for fire in history.fires:
        start = fire.start.timestamp() / 3600
        end = start + float(np.max(fire.arrival_h, where=fire.burnt, initial=0)) + 8
        seen = [_Sight(one, at) for one in passes for at in one.between(start, end)]
        if seen:
            glow = _glow(world, history.weather, fire)
            for sight in seen:
                yield from _seen_of_fire(world, history.weather, glow, sight)


def _glow(world: World, weather: Weather, fire: Fire) -> _Glow:
    land = land_piece(world, fire.row, fire.column, *fire.arrival_h.shape)
    burnt = fire.burnt
    rows, columns = np.nonzero(burnt)
    table = np.zeros((256, 3))
    table[:] = _BURNING[Cover.OAK]
    for cover, numbers in _BURNING.items():
        table[cover] = numbers
    load, flaming, smoulder = table[land.cover[burnt]].T
    if fire.kind == "crown":
        load, flaming, smoulder = (np.full(rows.size, value) for value in _CROWN_BURNING)
    consumed = load * np.clip(fire.severity[burnt] / 0.5, 0.5, 1.8) * CELL_M * CELL_M
    # A small world's slow fires glow as much as quick ones do, or no satellite would see any.
    power = consumed * _RADIATED_MJ_PER_KG / (flaming * 3600) / spread_share(world) ** 2
    if fire.kind == "ground":
        power *= 1 - 0.3 * land.canopy[burnt] - 0.4 * land.canopy[burnt] * land.evergreen[burnt]
    return _Glow(
        hours=fire.start.timestamp() / 3600 + fire.arrival_h[burnt].astype(np.float64),
        easting=world.west + (fire.column + columns + 0.5) * CELL_M,
        northing=world.north - (fire.row + rows + 0.5) * CELL_M,
        power=power,
        flaming=flaming,
        smoulder=smoulder,
        number=fire.number,
        cell=weather_cell(world, weather, fire.ignition),
    )


def _power_at(glow: _Glow, hours: float) -> NDArray[np.float64]:
    age = hours - glow.hours
    after = np.exp(-np.maximum(age - glow.flaming, 0) / _SMOULDER_H) * glow.smoulder
    power: NDArray[np.float64] = glow.power * np.where(age < 0, 0, np.where(age < glow.flaming, 1.0, after))
    return power


def _seen_of_fire(world: World, weather: Weather, glow: _Glow, sight: _Sight) -> Iterator[Row]:
    power = _power_at(glow, sight.hours)
    if power.sum() < 0.2:
        return
    lean, steps = track_lean(climbs=sight.climbs), np.array(sight.pixel) * 1000
    # Pixels lie along the track, at an offset that belongs to the pass and not to the fire.
    offset = world.rng("pass", sight.name, sight.number).random(2)
    axes = np.array([[np.cos(lean), -np.sin(lean)], [np.sin(lean), np.cos(lean)]])
    warm = np.flatnonzero(power > _COLD_MW)
    places = np.column_stack([glow.easting[warm] - world.west, glow.northing[warm] - world.north]) @ axes.T
    across, along = np.floor(places / steps + offset).astype(np.int64).T
    names, inverse = np.unique(across * _FAR + along, return_inverse=True)
    totals: Any = np.bincount(inverse, power[warm], minlength=names.size)
    pixels = np.column_stack([(names + _FAR // 2) // _FAR, (names + _FAR // 2) % _FAR - _FAR // 2])
    rng = world.rng("seen", sight.name, sight.number, glow.number)
    centres = ((pixels + 0.5 - offset + rng.normal(0, 0.08, pixels.shape)) * steps) @ axes + (world.west, world.north)
    hidden = _hidden(world, weather, sight, glow.cell, rng, len(pixels))
    found = ~hidden & (rng.random(len(pixels)) < _found(sight, totals))
    inside = np.array([_is_inside(world, place) for place in centres])
    for one in np.flatnonzero(found & inside):
        source = _Source("fire", glow.number, glow.cell, rng)
        yield _row(weather, sight, centres[one], float(totals[one]), source)
        # Scans overlap towards their ends, and not all doubles are deleted.
        if abs(sight.angle) > _LAST_ZONE and rng.random() < 0.18:
            beside = centres[one] + (rng.normal(0, 0.25, 2) * steps) @ axes
            yield _row(weather, sight, beside, float(totals[one] * rng.uniform(0.7, 1.1)), source)


def _found(sight: _Sight, power: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the chance that a power [MW] in a pixel is told from its surroundings [1]."""
    by_day, by_night = _FOUND_MW[sight.scanner.instrument]
    scan, track = sight.pixel
    half = (by_day if sight.by_day else by_night) * (scan * track / sight.scanner.nadir_km**2) ** 0.5
    chance: NDArray[np.float64] = 1 / (1 + (np.maximum(power, 1e-6) / half) ** -3.0)
    return chance


def _hidden(
    world: World, weather: Weather, sight: _Sight, cell: tuple[int, int], rng: np.random.Generator, count: int
) -> NDArray[np.bool_]:
    """Tell which pixels lie under cloud: the sky of one pass is alike all over, and more so about one fire."""
    sky = world.rng("sky", int(sight.hours * 2)).normal()
    mixed = 0.6 * sky + 0.55 * rng.normal() + 0.58 * rng.normal(size=count)
    # The logistic curve stands for that of the normal distribution.
    hidden: NDArray[np.bool_] = 1 / (1 + np.exp(-1.702 * mixed)) < _cloud(weather, sight, cell)
    return hidden


def _cloud(weather: Weather, sight: _Sight, cell: tuple[int, int]) -> float:
    return float(weather.cloud[(day_index(weather, solar_day(_moment(sight.hours))), *cell)])


def _of_static(world: World, weather: Weather, passes: list[Passes]) -> Iterator[Row]:
    """Yield what warm roofs, kilns and coal heaps look like: now and then, all year, mostly by night."""
    inside = [patch for patch in people_of(world).settlements if _is_inside(world, np.array(patch.centre))]
    settlements = inside or people_of(world).settlements
    chosen = world.rng("static").permutation(len(settlements))[: STATIC[world.size.name]]
    for number in chosen:
        rng, settlement = world.rng("static", int(number)), settlements[number]
        # At the edge of the settlement.
        centre = np.array(settlement.centre) + rng.normal(0, 0.4, 2) * settlement.radius
        place = (world.north - centre[1]) / CELL_M, (centre[0] - world.west) / CELL_M
        cell, usual = weather_cell(world, weather, place), float(rng.uniform(0.9, 2.5))
        for one in passes:
            # Brightest straight below; of 1 km pixels a kiln fills little.
            chance = np.where(one.by_day, 0.018, 0.085) * (0.12 if one.scanner.instrument == "MODIS" else 1.0)
            for at in np.flatnonzero(rng.random(one.hours.size) < chance * np.cos(np.radians(one.angle)) ** 2):
                sight = _Sight(one, int(at))
                moved = centre + rng.uniform(-0.5, 0.5, 2) * 1000 * np.array(sight.pixel)
                if rng.random() > _cloud(weather, sight, cell) and _is_inside(world, moved):
                    power = float(usual * rng.lognormal(0, 0.35))
                    yield _row(weather, sight, moved, power, _Source("static", 0, cell, rng))


def _false(world: World, weather: Weather, passes: list[Passes]) -> Iterator[Row]:
    """Yield false alarms over bright bare ground by day, of low confidence."""
    places = Places(world, _bare)
    by_day = [_Sight(one, int(at)) for one in passes for at in np.flatnonzero(one.by_day)]
    for year in range(max(world.size.first_year, 2012), LAST_YEAR + 1):
        rng = world.rng("false alarms", year, passes[0].scanner.instrument)
        of_year = [sight for sight in by_day if _moment(sight.hours).year == year]
        for _ in range(rng.poisson(FALSE_YEARLY[world.size.name])):
            sight, place = of_year[int(rng.integers(len(of_year)))], places.draw(rng)
            if place is not None:
                centre = np.array([world.west + place[1] * CELL_M, world.north - place[0] * CELL_M])
                source = _Source("false", 0, weather_cell(world, weather, place), rng)
                yield _row(weather, sight, centre, float(rng.uniform(0.8, 4.0)), source)


def _is_inside(world: World, place: NDArray[np.float64]) -> bool:
    """Tell whether a place [m] lies in the world; lists are ordered for its box."""
    east, south = place[0] - world.west, world.north - place[1]
    return bool(0 <= east < world.width_m and 0 <= south < world.width_m)


def _bare(land: Landscape) -> Field:
    bare: Field = np.isin(land.cover, (Cover.FIELD, Cover.BUILT, Cover.GRASS)).astype(np.float32)
    return bare


def _row(weather: Weather, sight: _Sight, place: NDArray[np.float64], power: float, source: _Source) -> Row:
    """Return one row of a list, of either instrument."""
    rng, moment, viirs = source.rng, _moment(sight.hours), sight.scanner.instrument == "VIIRS"
    longitude, latitude = to_degrees().transform(*place)
    at = (day_index(weather, solar_day(moment)), *source.cell)
    air = float(weather.highest_temperature[at] if sight.by_day else weather.lowest_temperature[at]) + 273.15
    cool = air + (rng.normal(9, 3) if sight.by_day else rng.normal(-1, 2)) + 2.5 * np.log1p(power / 8)
    # In 1 km pixels the same power warms the mean less; the sun's own light lifts the background by day.
    rise = (18.0 * np.log1p(power) if viirs else 8.5 * np.log1p(power)) + (17.0 if sight.by_day else 6.0)
    least, most = _WARMEST[sight.scanner.instrument, sight.by_day]
    hot = float(np.clip(cool + rise + rng.normal(0, 3), least + 2.5 * rng.exponential(), most))
    archived = moment.date().isoformat() < ARCHIVE_UNTIL
    row: Row = {
        "latitude": round(latitude, 5),
        "longitude": round(longitude, 5),
        "scan": round(sight.pixel[0], 2),
        "track": round(sight.pixel[1], 2),
        "acq_date": moment.date().isoformat(),
        "acq_time": f"{moment:%H%M}",
        "satellite": sight.name,
        "instrument": sight.scanner.instrument,
        "confidence": _confidence(hot, cool, sight, source),
        "version": ("2" if viirs else "61.03") if archived else ("2.0NRT" if viirs else "6.1NRT"),
        "frp": round(max(power * rng.lognormal(0, 0.15), 0.1), 2),
        "daynight": "D" if sight.by_day else "N",
        "type": (2 if source.kind == "static" and rng.random() < STATIC_TYPED else 0) if archived else None,
        "source": source.kind,
        "fire": source.fire,
    }
    names = ("bright_ti4", "bright_ti5") if viirs else ("brightness", "bright_t31")
    return row | {names[0]: round(hot, 2), names[1]: round(float(cool), 2)}


def _confidence(hot: float, cool: float, sight: _Sight, source: _Source) -> str | int:
    """Return l, n or h of VIIRS, 0-100 of MODIS."""
    if sight.scanner.instrument == "MODIS":
        return int(np.clip(20 + 1.6 * (hot - cool - 8) + source.rng.normal(0, 10), 0, 100))
    if source.kind == "false" and source.rng.random() < 0.7:
        return "l"
    if hot >= 367.0:
        return "h"
    # By day weak anomalies may be sunlight.
    return "l" if sight.by_day and hot - cool < 40 and source.rng.random() < 0.5 else "n"
