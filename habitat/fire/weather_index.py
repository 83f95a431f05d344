"""Daily weather to the Canadian Fire Weather Index System on a grid, carried from month to month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError, InputError
from habitat.fire.weather.carried_state import State, fresh_state
from habitat.fire.weather.code_names import CODES as CODES
from habitat.fire.weather.code_names import LONG_NAMES as LONG_NAMES
from habitat.fire.weather.daily_weather import (
    NORTHERN,
    SEASON_UNITS,
    WEATHER_UNITS,
    check_possible,
    checked_days,
    latitudes,
)
from habitat.fire.weather.day_length import day_lengths, drying_factors
from habitat.fire.weather.fast_codes import Course, run_course
from habitat.fire.weather.fire_rules import FireRules
from habitat.fire.weather.fire_season import state_legend
from habitat.fire.weather.plain_codes import run_plainly
from habitat.fire.weather.season_signs import season_signs

Precision = Literal["single", "double"]


def fire_weather(
    weather: xr.Dataset,
    rules: FireRules | None = None,
    state: State | None = None,
    *,
    codes: Sequence[str] = CODES,
    precision: Precision = "single",
    workers: int | None = None,
) -> tuple[xr.Dataset, State]:
    """Fire weather of a stretch of days, and the state to go on from.

    Parameters
    ----------
    weather : Dataset (time, y, x)
        ``temperature`` [degC], ``humidity`` [%], ``wind`` [km h-1] and ``rain`` [mm] at solar noon of consecutive
        days, NaN where unknown, in memory; and what the season's rule reads: ``temperature_max`` [degC],
        ``snow_depth`` [m], ``snow_cover`` [1] or ``in_season``. A coordinate ``latitude`` over y, x or both.
        `habitat.sources.weather` reads it so.
    rules : FireRules, optional
        By default a season by snow, an overwintered drought code, and the equations of 1985.
    state : State, optional
        Of the day before the first. Without it all cells begin without codes.
    codes : sequence of str
        Of `CODES`; all are computed but the rating, which is left out unless it is asked for.
    precision : {'single', 'double'}
        'single' is made for grids: vector instructions on all threads, codes to about 1e-3. 'double' is the plain
        oracle.
    workers : int, optional
        Threads for 'single'; all processors by default. They do not change a bit of the result.

    Returns
    -------
    Dataset (time, y, x)
        The codes asked for, NaN on days without, and ``season`` (uint8) that tells why; see `SEASON_STATES`.
    State
        At the end of the last day.

    Raises
    ------
    InputError
        If the weather lacks something, has another unit, impossible values, or days that are not consecutive or do
        not follow the state.
    ConfigError
        If a code or the precision is unknown.

    References
    ----------
    Van Wagner (1987), Forestry Technical Report 35; Van Wagner & Pickett (1985), Forestry Technical Report 33.

    Examples
    --------
    >>> from habitat.fire.weather.fire_rules import station_rules
    >>> values = {"temperature": 17.0, "humidity": 42.0, "wind": 25.0, "rain": 0.0}
    >>> day = {name: (("time", "y", "x"), np.full((1, 1, 1), value)) for name, value in values.items()}
    >>> coords = {"time": [np.datetime64("1985-04-13", "ns")], "latitude": ("y", [40.0])}
    >>> found, state = fire_weather(xr.Dataset(day, coords), station_rules())
    >>> round(found.fwi.item(), 3), found.season.item(), str(state.day)
    (10.096, 1, '1985-04-13')
    """
    chosen = rules or FireRules()
    unknown = [name for name in codes if name not in CODES]
    if unknown or not codes:
        raise ConfigError(f"there is no code {', '.join(unknown) or 'asked for'}; choose of {', '.join(CODES)}")
    if precision not in ("single", "double"):
        raise ConfigError(f"precision is {precision!r}, wants 'single' or 'double'")
    days = checked_days(weather)
    shape = (weather.sizes["y"], weather.sizes["x"])
    before = state or fresh_state(shape, days[0])
    _check_follows(before, days[0], shape)
    kind = np.float32 if precision == "single" else np.float64
    known = (name for name in (*WEATHER_UNITS, *SEASON_UNITS) if name in weather)
    values = {name: _flat(weather[name], kind) for name in known}
    latitude = latitudes(weather) if chosen.latitude_adjust else np.full(int(np.prod(shape)), NORTHERN)
    flat = _reshaped(before, before.day, (latitude.size,))
    run = _Run(values, days, latitude, season_signs(chosen.season, values, days, latitude.size), flat, chosen)
    out = np.empty((len(CODES) if "dsr" in codes else len(CODES) - 1, *run.signs.shape), kind)
    if precision == "single":
        _run_fast(run, out, workers)
    else:
        _run_plainly(run, out)
    return _dataset(weather, codes, out, run.signs), _reshaped(flat, days[-1], shape)


@dataclass(frozen=True, eq=False)
class _Run:
    """What a run works with, over flat cells; `signs` and the arrays of `carried` are overwritten."""

    values: Mapping[str, NDArray[Any]]
    days: NDArray[np.datetime64]
    latitude: NDArray[np.float64]
    signs: NDArray[np.uint8]
    carried: State
    rules: FireRules

    @property
    def weather(self) -> tuple[NDArray[Any], ...]:
        return tuple(self.values[name] for name in WEATHER_UNITS)

    @property
    def months(self) -> NDArray[np.int64]:
        return self.days.astype("datetime64[M]").astype(np.int64) % 12


def _run_fast(run: _Run, out: NDArray[np.float32], workers: int | None) -> None:
    carried = run.carried
    course = Course(
        run.weather,
        run.months,
        np.ascontiguousarray(day_lengths(run.latitude), np.float32),
        np.ascontiguousarray(drying_factors(run.latitude), np.float32),
        run.signs,
        carried.codes,
        carried.winter_rain,
        carried.counters,
    )
    if run_course(course, run.rules.limits, run.rules.numbers, out, workers=workers):
        check_possible(run.values, run.days)


def _run_plainly(run: _Run, out: NDArray[np.float64]) -> None:
    check_possible(run.values, run.days)
    by_day = day_lengths(run.latitude)[run.months], drying_factors(run.latitude)[run.months]
    carried = run.carried.codes, run.carried.winter_rain, run.carried.counters
    run_plainly(run.weather, by_day, run.signs, carried, run.rules, out)


def _check_follows(state: State, first: np.datetime64, shape: tuple[int, int]) -> None:
    if state.shape != shape:
        raise InputError(f"the state has cells {state.shape}, the weather {shape}; they belong to different grids")
    wanted = state.day + np.timedelta64(1, "D")
    if first != wanted:
        raise InputError(
            f"the weather begins on {first}, the state ends on {state.day}; wants to begin on {wanted}; days without "
            "weather want to be there with NaN"
        )


def _flat(variable: xr.DataArray, kind: type[np.floating[Any]]) -> NDArray[Any]:
    """Return a variable over flat cells, not to be written to; copied only if its kind or order is another."""
    flat = np.ascontiguousarray(variable.values, dtype=kind).reshape(variable.sizes["time"], -1).view()
    # Kernels are compiled for either kind of array; some files give the one, some the other.
    flat.flags.writeable = False
    return flat


def _reshaped(state: State, day: np.datetime64, shape: tuple[int, ...]) -> State:
    """Return a copy of a state with its cells in another shape."""
    codes = state.codes.reshape(len(state.codes), *shape).copy()
    counters = state.counters.reshape(len(state.counters), *shape).copy()
    return State(day, codes, state.winter_rain.reshape(shape).copy(), counters)


def _dataset(weather: xr.Dataset, codes: Sequence[str], out: NDArray[Any], states: NDArray[np.uint8]) -> xr.Dataset:
    dims = ("time", "y", "x")
    shape = tuple(weather.sizes[dim] for dim in dims)
    found = {}
    for name in codes:
        attributes = {"units": "1", "long_name": LONG_NAMES[name]}
        found[name] = (dims, out[CODES.index(name)].reshape(shape), attributes)
    legend = {"long_name": "state of the fire season"} | state_legend()
    coords = {name: coord for name, coord in weather.coords.items() if set(coord.dims) <= set(dims)}
    return xr.Dataset(found | {"season": (dims, states.reshape(shape), legend)}, coords)
