"""How a fire runs over the ground: rates from fuel, wind and slope, and the least time of arrival at every cell."""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.twin.land.landscape import Cover, Field, Landscape
from habitat.twin.world import World

CELL_M = 20.0
"""Edge of the cells fires run over [m]."""
FUEL_RATE: dict[Cover, float] = {
    Cover.GRASS: 150.0,
    Cover.WETLAND: 95.0,
    Cover.SHRUB: 100.0,
    Cover.OAK: 55.0,
    Cover.BIRCH: 32.0,
    Cover.LARCH: 28.0,
    Cover.PINE_BROADLEAF: 18.0,
}
"""Rate of spread over dry fuel without wind on level ground [m h-1]; what is not named does not burn.

Surface fires in cured grass and leafless oak litter under moderate wind then run some 700 and 150 m h-1 on the driest
days, as spring fires of the Russian Far East do; no single source is reproduced.
"""
_WIND_FACTOR, _WIND_POWER = 1.5, 1.2
"""Share by which wind at flame height [m s-1] quickens the head: factor times wind to a power, as Rothermel's form."""
_SLOPE_FACTOR = 5.0
"""Share by which slope quickens the head, times the squared tangent of the slope: as Rothermel's form."""
_STEEPEST_PUSH = 12.0
"""Most that wind and slope together add to the rate [1]: no head runs more than 13 times as fast as without."""
_LONGEST = 3.0
"""Most a fire is longer than broad; the 16 directions cannot draw a narrower one."""

# Offsets (row, column) of the 16 neighbours, then of the two cells a knight's move passes through.
_MOVES = np.array(
    [
        (0, 1), (1, 0), (0, -1), (-1, 0), (1, 1), (1, -1), (-1, -1), (-1, 1),
        (1, 2), (2, 1), (2, -1), (1, -2), (-1, -2), (-2, -1), (-2, 1), (-1, 2),
    ],
    np.int64,
)  # fmt: skip
_BETWEEN = np.array(
    [((r // 2, c // 2), (r - r // 2, c - c // 2)) if max(abs(r), abs(c)) == 2 else ((0, c), (r, 0)) for r, c in
     (tuple(int(step) for step in move) for move in _MOVES)],
    np.int64,
)  # fmt: skip


def spread_share(world: World) -> float:
    """Return the rate of spread in a world as a share of nature's [1].

    In a small world fires are small; were they as quick as in nature they would be over before a satellite comes.

    Examples
    --------
    >>> from habitat.twin.world import world_of
    >>> [round(spread_share(world_of(size, 1)), 2) for size in ("tiny", "demo", "full")]
    [0.26, 1.0, 1.0]
    """
    return math.sqrt(world.scaled(5600.0, 0.4) / 5600.0)


def fuel_rate(land: Landscape, patches: Field, dryness: float) -> Field:
    """Return the rate of spread without wind on level ground.

    South slopes dry first; moist patches of fuel do not carry fire, and the wetter the day, the more of them there are.

    Parameters
    ----------
    land : Landscape
        The ground at 20 m.
    patches : array (y, x) [1]
        Patchiness of the fuel: mean 0, standard deviation 1.
    dryness : float
        Dryness of the fuel [1], 0 wet to 1 dry.

    Returns
    -------
    array (y, x) [m h-1]
        0 where nothing burns.
    """
    table = np.zeros(256, np.float32)
    for cover, usual in FUEL_RATE.items():
        table[cover] = usual
    sunny = np.clip(-land.rise_north, -0.5, 0.5) * np.float32(0.7)
    rate = table[land.cover] * np.exp(np.float32(0.55) * patches + sunny)
    moist = patches + np.float32(1.6) * sunny < np.float32(-1.15 - 0.9 * dryness)
    slowed: Field = np.where(moist, 0, rate * np.float32(dryness)).astype(np.float32)
    return slowed


def push_of(land: Landscape, speed: float, comes_from: float) -> tuple[Field, Field]:
    """Return by what share wind and slope together quicken the fire's head, as a vector.

    Trees break the wind: at flame height a tenth to a half of that at 10 m is left.

    Parameters
    ----------
    land : Landscape
        The ground.
    speed : float
        Wind 10 m above open ground [m s-1].
    comes_from : float
        Direction the wind comes from [degrees from north over east].

    Returns
    -------
    tuple of arrays (y, x) [1]
        Components towards east and towards north.
    """
    left = np.float32(0.45) - np.float32(0.25) * land.canopy - np.float32(0.10) * land.canopy * land.evergreen
    wind = np.float32(_WIND_FACTOR) * (left * np.float32(speed)) ** np.float32(_WIND_POWER)
    towards = math.radians(comes_from + 180)
    steepness = np.hypot(land.rise_east, land.rise_north)
    # phi = k tan² along the rise: k |rise| rise.
    uphill = np.float32(_SLOPE_FACTOR) * np.minimum(steepness, np.float32(0.8))
    east: Field = (wind * np.float32(math.sin(towards)) + uphill * land.rise_east).astype(np.float32)
    north: Field = (wind * np.float32(math.cos(towards)) + uphill * land.rise_north).astype(np.float32)
    return east, north


def length_to_breadth(push: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much longer than broad a fire grows whose head is quickened by a share [1].

    The share is turned back into the wind that alone would do it.

    References
    ----------
    Anderson, H. E. (1983), Predicting wind-driven wild land fire size and shape, USDA research paper INT-305.

    Examples
    --------
    >>> length_to_breadth(np.array([0.0, 1.5], np.float32)).round(1).astype(str).tolist()
    ['1.0', '1.2']
    """
    wind = (np.maximum(push, 0) / np.float32(_WIND_FACTOR)) ** np.float32(1 / _WIND_POWER)
    ratio = 0.936 * np.exp(0.2566 * wind) + 0.461 * np.exp(-0.1548 * wind) - 0.397
    limited: NDArray[np.float32] = np.clip(ratio, 1, _LONGEST).astype(np.float32)
    return limited


def arrival_hours(
    rate: Field,
    push: tuple[Field, Field],
    ignition: tuple[int, int],
    *,
    most_hours: float = math.inf,
    most_cells: int | None = None,
) -> Field:
    """Return when a fire comes to every cell: the least travel time from the ignition.

    From every cell fire runs in an ellipse with the cell at its focus. Steps go to 16 neighbours: in still air on
    uniform level fuel arrival is at most 2.8 % late and never early; a head between two of the 16 directions is held
    up by some 10 % where the fire is twice as long as broad. No step leads through a cell that does not burn, nor
    between two that touch at their corners.

    Parameters
    ----------
    rate : array (y, x) [m h-1]
        Rate without wind and slope; 0 where nothing burns.
    push : tuple of arrays (y, x) [1]
        Share by which wind and slope quicken the head, towards east and north.
    ignition : tuple of int
        Row and column.
    most_hours : float
        The fire is out after so many hours [h].
    most_cells : int, optional
        The fire is out once it has burnt so many cells.

    Returns
    -------
    array (y, x) [h]
        Infinity where the fire does not come.

    References
    ----------
    Finney, M. A. (2002), Fire growth using minimum travel time methods, Canadian Journal of Forest Research 32(8).

    Examples
    --------
    >>> rate, still = np.full((1, 4), 40, np.float32), np.zeros((1, 4), np.float32)
    >>> arrival_hours(rate, (still, still), (0, 0)).tolist()
    [[0.0, 0.5, 1.0, 1.5]]
    """
    strength = np.minimum(np.hypot(*push), np.float32(_STEEPEST_PUSH))
    ratio = length_to_breadth(strength)
    off_centre = np.sqrt(1 - 1 / (ratio * ratio)).astype(np.float32)
    # Hours per cell straight ahead; 0 marks what does not burn.
    with np.errstate(divide="ignore"):
        pace = np.where(rate > 0, np.float32(CELL_M) / (rate * (1 + strength)), 0).astype(np.float32)
    length = np.maximum(np.hypot(*push), np.float32(1e-9))
    east, north = (push[0] / length).astype(np.float32), (push[1] / length).astype(np.float32)
    out = np.full(rate.shape, np.inf, np.float32)
    cells = rate.size if most_cells is None else most_cells
    _run(pace, off_centre, east, north, (*ignition, float(most_hours), int(cells)), out)
    return out


@njit(nogil=True, cache=True)
def _push_heap(keys, places, size, key, place):  # type: ignore[no-untyped-def]
    at = size
    while at > 0:
        above = (at - 1) >> 1
        if keys[above] <= key:
            break
        keys[at], places[at] = keys[above], places[above]
        at = above
    keys[at], places[at] = key, place


@njit(nogil=True, cache=True)
def _pop_heap(keys, places, size):  # type: ignore[no-untyped-def]
    """Move the last entry of a heap of `size` to where the first one's place is, keeping order."""
    key, place = keys[size - 1], places[size - 1]
    last, at, below = size - 1, 0, 1
    while below < last:
        if below + 1 < last and keys[below + 1] < keys[below]:
            below += 1
        if keys[below] >= key:
            break
        keys[at], places[at] = keys[below], places[below]
        at = below
        below = 2 * at + 1
    keys[at], places[at] = key, place


@njit(nogil=True, cache=True, inline="always")
def _slowness(pace, off_centre, along):  # type: ignore[no-untyped-def]
    """Return hours per cell in a direction whose cosine to the head's is `along`: an ellipse seen from its focus."""
    return pace * (1 - off_centre * along) / (1 - off_centre)


@njit(nogil=True, cache=True)
def _run(pace, off_centre, east, north, limits, out):  # type: ignore[no-untyped-def]
    rows, columns = pace.shape
    first_row, first_column, most_hours, most_cells = limits
    best = np.full((rows, columns), np.inf)
    keys, places = np.empty(4096), np.empty(4096, np.int64)
    size, burnt = 0, 0
    if pace[first_row, first_column] > 0 and most_cells > 0:
        best[first_row, first_column] = 0.0
        keys[0], places[0], size = 0.0, first_row * columns + first_column, 1
    while size > 0 and burnt < most_cells:
        hours, row, column = keys[0], places[0] // columns, places[0] % columns
        _pop_heap(keys, places, size)
        size -= 1
        if hours > most_hours:
            break
        # A cell lies in the heap once for every shorter way found to it; only the first counts.
        if hours > best[row, column] or out[row, column] < np.inf:
            continue
        out[row, column] = hours
        burnt += 1
        if size + 16 > keys.size:
            keys, places = np.concatenate((keys, np.empty(keys.size))), np.concatenate((places, places))
        for move in range(16):
            step_row, step_column = row + _MOVES[move, 0], column + _MOVES[move, 1]
            if step_row < 0 or step_row >= rows or step_column < 0 or step_column >= columns:
                continue
            if pace[step_row, step_column] <= 0 or out[step_row, step_column] < np.inf:
                continue
            step = _step_hours(pace, off_centre, east, north, row, column, move)
            if step >= 0 and hours + step < best[step_row, step_column]:
                best[step_row, step_column] = hours + step
                _push_heap(keys, places, size, hours + step, step_row * columns + step_column)
                size += 1


@njit(nogil=True, cache=True)
def _step_hours(pace, off_centre, east, north, row, column, move):  # type: ignore[no-untyped-def]
    """Return how long a step takes; -1 if something in between does not burn."""
    down, right = _MOVES[move, 0], _MOVES[move, 1]
    length = math.sqrt(down * down + right * right)
    to_east, to_north = right / length, -down / length
    total = 0.0
    for end in range(2):
        r, c = row + end * down, column + end * right
        total += _slowness(pace[r, c], off_centre[r, c], east[r, c] * to_east + north[r, c] * to_north)
    if move < 4:
        return length * total / 2
    r1, c1 = row + _BETWEEN[move, 0, 0], column + _BETWEEN[move, 0, 1]
    r2, c2 = row + _BETWEEN[move, 1, 0], column + _BETWEEN[move, 1, 1]
    if move < 8:
        return -1.0 if pace[r1, c1] <= 0 and pace[r2, c2] <= 0 else length * total / 2
    if pace[r1, c1] <= 0 or pace[r2, c2] <= 0:
        return -1.0
    # The straight line of a knight's move spends a quarter of its length in each of four cells.
    total += _slowness(pace[r1, c1], off_centre[r1, c1], east[r1, c1] * to_east + north[r1, c1] * to_north)
    total += _slowness(pace[r2, c2], off_centre[r2, c2], east[r2, c2] * to_east + north[r2, c2] * to_north)
    return length * total / 4
