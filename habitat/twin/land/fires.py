"""All fires of a world: ground fires of spring and autumn, rare crown fires, and the one fire every world tells of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from habitat.twin.land.events import Fire
from habitat.twin.land.ignitions import (
    SMALLEST_HA,
    WEST_SIZE,
    Ignition,
    cause_of,
    day_index,
    dryness_at,
    ignitions_of,
    solar_day,
    weather_cell,
)  # fmt: skip
from habitat.twin.land.landscape import Country, Cover, Field, Landscape
from habitat.twin.land.patches import cells, corner, cropped, land_piece, piece_around, trimmed
from habitat.twin.land.scars import MOST_HOURS, burn_layers, facts, last_fire, perimeters
from habitat.twin.land.spread import CELL_M, arrival_hours, fuel_rate, push_of, spread_share
from habitat.twin.land.weather import Weather
from habitat.twin.noise import fractal, white
from habitat.twin.world import Window, World

__all__ = ["STORY_START", "burn_layers", "facts", "fires_of", "last_fire", "perimeters"]

STORY_START = datetime(2025, 4, 24, 5, 0, tzinfo=UTC)
"""Ignition of the fire that every world tells of."""
STORY_SHARE = 0.05
"""Share of the world it burns [1], up to `STORY_HA`."""
STORY_HA = 4000.0
"""Most it burns [ha]: a share of a large world would be no fire anymore."""
_HA = CELL_M * CELL_M / 10_000
_CROWN_RATE: dict[Cover, float] = {Cover.PINE_BROADLEAF: 60.0, Cover.LARCH: 55.0, Cover.BIRCH: 8.0, Cover.OAK: 3.0}
"""Rate of crown fires without wind on level ground [m h-1]."""
_SEVERITY: dict[Cover, float] = {
    Cover.GRASS: 0.60, Cover.WETLAND: 0.56, Cover.SHRUB: 0.55, Cover.OAK: 0.46, Cover.BIRCH: 0.41, Cover.LARCH: 0.40,
    Cover.PINE_BROADLEAF: 0.36,
}  # fmt: skip
"""Usual severity of ground fires [1]."""


@dataclass(frozen=True)
class _Spell:
    """Weather a fire burns in."""

    dryness: float
    speed: float
    comes_from: float
    worked: NDArray[np.float64]
    """Hours of full burning that have gone by, at every clock hour from ignition on."""


def fires_of(world: World, weather: Weather) -> tuple[Fire, ...]:
    """Return all fires of a world, in order of time.

    The story's fire comes first to its ground: no other fire of its season, sooner or later, burns there.
    """
    burnt = [_story(world, weather)]
    limit = 0.5 * burnt[0].area_ha
    for one in ignitions_of(world, weather):
        same_spring = one.season == "spring" and one.start.year == STORY_START.year
        wanted = replace(one, most_ha=min(one.most_ha, limit)) if same_spring else one
        tried: list[Fire] = []
        for place in (one.place, *one.others):
            fire = _burn(world, weather, replace(wanted, place=place), burnt)
            tried += [fire] if fire is not None else []
            if fire is not None and fire.area_ha >= one.least_ha:
                break
        if tried:
            burnt.append(max(tried, key=lambda fire: fire.area_ha))
    burnt.sort(key=lambda fire: (fire.start, fire.ignition))
    return tuple(replace(fire, number=number) for number, fire in enumerate(burnt, 1))


def _burn(world: World, weather: Weather, ignition: Ignition, before: Sequence[Fire]) -> Fire | None:
    """Let one fire run; nothing is told of what goes out at once."""
    rng = world.rng(*ignition.seed)
    most, spell = ignition.most_ha, _spell(world, weather, ignition, rng)
    # Most fires end before they have grown as large as they may; more land is drawn when they come to its edge.
    half = min(int(0.9 * np.sqrt(most / _HA)) + 20, 72)
    while True:
        land = piece_around(world, ignition.place, half)
        most = _put_out_ha(land, ignition)
        worked = _worked_hours(world, land, ignition, spell, before, round(most / _HA))
        if not _is_cut(world, land, np.isfinite(worked)):
            break
        half *= 2
    if np.count_nonzero(np.isfinite(worked)) * _HA < (0.25 if ignition.kind == "ground" else 0.5):
        return None
    return _fire(world, land, ignition, spell, worked, rng)


def _worked_hours(
    world: World, land: Landscape, ignition: Ignition, spell: _Spell, before: Sequence[Fire], most_cells: int
) -> Field:
    patches = _patches(world, land.window)
    if ignition.kind == "crown":
        table = np.zeros(256, np.float32)
        for cover, usual in _CROWN_RATE.items():
            table[cover] = usual
        rate = table[land.cover] * np.exp(np.float32(0.45) * patches) * (patches > -2.2)
    else:
        rate = fuel_rate(land, patches, spell.dryness)
    rate *= _fuel_left(land, ignition, before) * np.float32(spread_share(world))
    row, column = corner(land)
    place = (ignition.place[0] - row, ignition.place[1] - column)
    push = push_of(land, spell.speed, spell.comes_from)
    most_hours = float(spell.worked[-1])
    return arrival_hours(rate, push, place, most_hours=most_hours, most_cells=most_cells)


def _patches(world: World, window: Window) -> Field:
    """Return the patchiness of the fuel [1], the same for all fires: mean 0, standard deviation about 1."""
    places = world.coordinates(window, CELL_M)
    broad = fractal(world.key("fuel"), *places, world.scaled(900.0, 0.2), octaves=5, roughness=0.7)
    fine = white(world.key("fuel grain"), window, CELL_M)
    mixed: Field = np.float32(0.9) * broad + np.float32(0.45) * fine
    return mixed


def _fuel_left(land: Landscape, ignition: Ignition, before: Sequence[Fire]) -> Field:
    """Return the share of the fuel that earlier fires left: none after one of the season, a part after autumn's."""
    left = np.ones(land.cover.shape, np.float32)
    row, column = corner(land)
    for fire in before:
        same = fire.season == ignition.season and fire.start.year == ignition.start.year
        autumn = (ignition.season, fire.season) == ("spring", "autumn") and fire.start.year == ignition.start.year - 1
        if not same and not autumn:
            continue
        down, right = fire.row - row, fire.column - column
        rows, columns = fire.arrival_h.shape
        top, start = max(down, 0), max(right, 0)
        part = left[top : max(down + rows, 0), start : max(right + columns, 0)]
        if part.size:
            there = fire.burnt[top - down :, start - right :][: part.shape[0], : part.shape[1]]
            # Leaves that fell after an autumn fire carry a thin one.
            part[there] = 0.0 if same else np.minimum(part[there], 0.3)
    return left


def _is_cut(world: World, land: Landscape, burnt: NDArray[np.bool_]) -> bool:
    """Tell whether a fire came to an edge of its piece that is not the world's."""
    row, column = corner(land)
    last = cells(world)
    edges = (
        (row > 0, burnt[0]), (row + burnt.shape[0] < last, burnt[-1]),
        (column > 0, burnt[:, 0]), (column + burnt.shape[1] < last, burnt[:, -1]),
    )  # fmt: skip
    return any(inside and bool(edge.any()) for inside, edge in edges)


def _put_out_ha(land: Landscape, ignition: Ignition) -> float:
    """Return the size at which a fire is put out [ha]: in the west sooner."""
    row, column = corner(land)
    west = land.country[ignition.place[0] - row, ignition.place[1] - column] == Country.WEST
    return max(ignition.most_ha * WEST_SIZE, SMALLEST_HA) if west and ignition.kind == "ground" else ignition.most_ha


def _spell(world: World, weather: Weather, ignition: Ignition, rng: np.random.Generator) -> _Spell:
    cell = weather_cell(world, weather, ignition.place)
    first = day_index(weather, solar_day(ignition.start))
    dry = max(dryness_at(weather, solar_day(ignition.start), cell), 0.25)
    speed = float(weather.wind_speed[(first, *cell)])
    paces: list[float] = []
    air: dict[date, float] = {}
    # Crews and dew end most fires in their first or second night.
    lasts = 1 + min(rng.geometric(0.38 if ignition.kind == "ground" else 0.3), 4)
    for hour in range(MOST_HOURS):
        moment = ignition.start + timedelta(hours=hour)
        day = solar_day(moment)
        at, later = day_index(weather, day), (day - solar_day(ignition.start)).days
        if later >= lasts or (later > 0 and weather.precipitation[(at, *cell)] > 1.5):
            break
        if day not in air:
            wind = float(np.clip(weather.wind_speed[(at, *cell)] / max(speed, 0.5), 0.3, 1.5))
            air[day] = max(dryness_at(weather, day, cell), 0.1) / dry * wind
        paces.append(_daytime(moment) * air[day])
    return _Spell(dry, speed, float(weather.wind_from[(first, *cell)]), np.concatenate([[0.0], np.cumsum(paces)]))


def _daytime(moment: datetime) -> float:
    """Return how well fire burns at an hour [1]: best at half past two by the sun, hardly at night."""
    hour = moment.hour + moment.minute / 60 + 8.8
    away = (hour - 14.5 + 12) % 24 - 12
    return float(0.12 + 0.88 * np.exp(-((away / 4.2) ** 2)))


def _fire(
    world: World, land: Landscape, ignition: Ignition, spell: _Spell, worked: Field, rng: np.random.Generator
) -> Fire:
    rows, columns = trimmed(np.isfinite(worked))
    inside = worked[rows, columns]
    clock = np.interp(inside, spell.worked, np.arange(spell.worked.size))
    row, column = (first + part.start for first, part in zip(corner(land), (rows, columns), strict=True))
    window = Window(2 * row, 2 * column, 2 * inside.shape[0], 2 * inside.shape[1])
    grain = fractal(
        world.key("severity", *ignition.seed), *world.coordinates(window, CELL_M), 320.0, octaves=4, roughness=0.6
    )
    return Fire(
        number=0,
        kind=ignition.kind,
        season=ignition.season,
        start=ignition.start,
        cause=cause_of(world, land, ignition.place, rng),
        ignition=ignition.place,
        row=row,
        column=column,
        arrival_h=np.where(np.isfinite(inside), clock, np.inf).astype(np.float32),
        severity=_severity(land.cover[rows, columns], ignition.kind, spell, inside, grain),
    )


def _severity(cover: NDArray[np.uint8], kind: str, spell: _Spell, worked: Field, grain: Field) -> Field:
    """Return severity from fuel, from how quickly the fire passed, and from patches: 0.25-0.75, in crowns above 0.8."""
    burnt = np.isfinite(worked)
    if kind == "crown":
        crown: Field = np.where(burnt, np.clip(0.91 + 0.04 * grain, 0.82, 1.0), 0).astype(np.float32)
        return crown
    usual = np.full(256, 0.4, np.float32)
    for fuel, value in _SEVERITY.items():
        usual[fuel] = value
    quick = _quickness(worked)
    severity = usual[cover] + 0.09 * quick + 0.055 * grain + 0.10 * (spell.dryness - 0.6)
    limited: Field = np.where(burnt, np.clip(severity, 0.25, 0.75), 0).astype(np.float32)
    return limited


def _quickness(worked: Field) -> Field:
    """Return how quickly the fire passed, in standard deviations about its own mean: heads high, flanks low."""
    burnt = np.isfinite(worked)
    if np.count_nonzero(burnt) < 9:
        return np.zeros_like(worked)
    weight = ndimage.gaussian_filter(burnt.astype(np.float32), 1.0)
    smooth = ndimage.gaussian_filter(np.where(burnt, worked, 0).astype(np.float32), 1.0) / np.maximum(weight, 1e-3)
    steep = np.hypot(*np.gradient(smooth))
    logs = -np.log(np.maximum(steep, 1e-3))
    inside = logs[burnt]
    quick: Field = np.clip((logs - inside.mean()) / max(float(inside.std()), 0.2), -2, 2).astype(np.float32)
    return quick


def _story(world: World, weather: Weather) -> Fire:
    """Return the fire of 24 April 2025: near the middle, whole inside the world, the largest of its spring."""
    most = min(STORY_SHARE * (world.width_m / 100) ** 2, STORY_HA)
    half = int(1.1 * np.sqrt(most / _HA)) + 12
    best: tuple[int, Fire] | None = None
    middle, reach = cells(world) // 2, min(int(0.16 * cells(world)), 250)
    far = middle - reach - half
    around = land_piece(world, far, far, 2 * (reach + half), 2 * (reach + half))
    for count, place in enumerate(_story_places(world, around, reach)):
        ignition = Ignition("ground", "spring", STORY_START, place, most, ("story", count))
        spell = _story_spell(world, weather, ignition)
        land = _part_around(around, place, half)
        worked = _worked_hours(world, land, ignition, spell, (), round(most / _HA))
        burnt = np.isfinite(worked)
        number = int(np.count_nonzero(burnt))
        forest = np.mean(np.isin(land.cover[burnt], (Cover.OAK, Cover.BIRCH, Cover.PINE_BROADLEAF))) if number else 0
        score = number if _is_within_area(world, land, burnt) and forest > 0.45 else number // 4
        if best is None or score > best[0]:
            best = score, _fire(world, land, ignition, spell, worked, world.rng("story"))
        if score >= 0.98 * most / _HA:
            break
    assert best is not None
    return best[1]


def _is_within_area(world: World, land: Landscape, burnt: NDArray[np.bool_]) -> bool:
    """Tell whether a fire ends before the edges of its piece and of the area of interest."""
    area, (row, column) = world.area_window, corner(land)
    for first, length, at, cells_burnt in (
        (area.row, area.rows, row, burnt.any(axis=1)),
        (area.column, area.columns, column, burnt.any(axis=0)),
    ):
        inside = np.arange(at, at + cells_burnt.size)
        allowed = (inside > first // 2) & (inside < (first + length) // 2 - 1)
        allowed[[0, -1]] = False
        if (cells_burnt & ~allowed).any():
            return False
    return True


def _part_around(around: Landscape, place: tuple[int, int], half: int) -> Landscape:
    """Return the part of a piece within so many cells of a place."""
    first, shape = corner(around), around.cover.shape
    edges = [
        (max(at - half, start), min(at + half + 1, start + length))
        for at, start, length in zip(place, first, shape, strict=True)
    ]
    (top, bottom), (left, right) = edges
    return cropped(around, Window(2 * top, 2 * left, 2 * (bottom - top), 2 * (right - left)))


def _story_places(world: World, around: Landscape, reach: int) -> Iterator[tuple[int, int]]:
    """Yield burnable places about the middle of the world, in an order of its own."""
    rng, middle = world.rng("story places"), cells(world) // 2
    land = _part_around(around, (middle, middle), reach)
    weight = fuel_rate(land, _patches(world, land.window), 0.9).ravel().astype(np.float64)
    weight *= np.isin(land.cover, (Cover.OAK, Cover.GRASS, Cover.SHRUB, Cover.BIRCH)).ravel()
    if weight.sum() <= 0:
        weight = np.ones_like(weight)
    row, column = corner(land)
    for at in rng.choice(weight.size, size=60, p=weight / weight.sum()):
        down, right = divmod(int(at), land.cover.shape[1])
        yield row + down, column + right


def _story_spell(world: World, weather: Weather, ignition: Ignition) -> _Spell:
    """Return the weather of the story: that of the day, but dry whatever was drawn, over three days and a half."""
    spell = _spell(world, weather, ignition, world.rng("story spell"))
    paces = [_daytime(ignition.start + timedelta(hours=hour)) for hour in range(84)]
    return replace(
        spell,
        dryness=max(spell.dryness, 0.85),
        speed=float(np.clip(spell.speed, 3.0, 8.0)),
        worked=np.concatenate([[0.0], np.cumsum(paces)]),
    )
