"""Nesterov's index of fire danger, the Russian comprehensive indicator, carried from month to month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numba import njit
from numpy.typing import ArrayLike, NDArray

from habitat.contracts.errors import ConfigError, InputError
from habitat.fire.weather.daily_weather import check_possible, checked_days
from habitat.fire.weather.fire_season import MISSING, WITH_CODES, GapRule

Floats = NDArray[np.float64]

RAIN_LIMIT_MM = 3.0
"""Rain of 24 hours above which the sum begins anew."""
_MAGNUS = (17.625, 243.04)
_LEAST_HUMIDITY = 1.0
_DIMS = ("time", "y", "x")
_DAY = np.timedelta64(1, "D")


def dew_point(temperature: ArrayLike, humidity: ArrayLike) -> Floats:
    """Dew point [degC] of air of a temperature [degC] and relative humidity [%]; below 1 % it is taken as 1 %.

    References
    ----------
    Alduchov & Eskridge (1996), Improved Magnus form approximation of saturation vapor pressure.

    Examples
    --------
    >>> round(float(dew_point(20, 50)), 2)
    9.26
    """
    slope, shift = _MAGNUS
    warmth = np.asarray(temperature, np.float64)
    gamma = np.log(np.maximum(np.asarray(humidity, np.float64), _LEAST_HUMIDITY) / 100)
    gamma = gamma + slope * warmth / (shift + warmth)
    dew: Floats = shift * gamma / (slope - gamma)
    return dew


@dataclass(frozen=True, eq=False)
class NesterovState:
    """What Nesterov's index is carried on with.

    Parameters
    ----------
    day : datetime64[D]
        Last day that was computed.
    index : float64 (y, x) [degC2]
        The sum; 0 before a season.
    was_on : uint8 (y, x)
        1 if the last day that was not missing was in season.
    gap : int16 (y, x) [d]
        Days without weather since then.
    """

    day: np.datetime64
    index: Floats
    was_on: NDArray[np.uint8]
    gap: NDArray[np.int16]

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as named arrays; `from_arrays` reads them again."""
        day = np.array(self.day, "datetime64[D]")
        return {"day": day, "nesterov": self.index, "nesterov_on": self.was_on, "nesterov_gap": self.gap}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> NesterovState:
        """Return the state that `arrays` told.

        Raises
        ------
        InputError
            If something is missing.
        """
        missing = [name for name in ("day", "nesterov", "nesterov_on", "nesterov_gap") if name not in arrays]
        if missing:
            raise InputError(
                f"a state of Nesterov's index lacks {', '.join(missing)}; it was not written by this version"
            )
        day = np.datetime64(np.asarray(arrays["day"]).astype("datetime64[D]").item(), "D")
        index, was_on, gap = (np.array(arrays[name]) for name in ("nesterov", "nesterov_on", "nesterov_gap"))
        return cls(day, index.astype(np.float64), was_on.astype(np.uint8), gap.astype(np.int16))


def nesterov_index(
    weather: xr.Dataset,
    season: xr.DataArray,
    state: NesterovState | None = None,
    *,
    gaps: GapRule | None = None,
    rain_limit_mm: float = RAIN_LIMIT_MM,
) -> tuple[xr.DataArray, NesterovState]:
    """Nesterov's index, the sum of T (T - dew point) over the days since the last rain.

    A day with more rain than the limit sets the sum to zero; days at or below freezing add nothing; a season starts
    with zero. Days without weather add nothing and have no index; after more than ``gaps.bridge_days`` of them the
    sum starts anew, for a rain may have been missed, and the season says 'settling'.

    Parameters
    ----------
    weather : Dataset (time, y, x)
        Of `fire_weather`; ``dew_point`` [degC] is used where it is there, else humidity.
    season : DataArray (time, y, x)
        States of the same days of `fire_weather`.
    state : NesterovState, optional
        Of the day before the first.
    gaps : GapRule, optional
        The one the season was computed with.
    rain_limit_mm : float
        Of 24 hours.

    Returns
    -------
    DataArray (time, y, x) [degC2]
        ``nesterov``, float32; NaN on days out of season or without weather.
    NesterovState
        At the end of the last day.

    Raises
    ------
    InputError
        If days, grids or values do not fit.
    ConfigError
        If the limit is negative.

    References
    ----------
    Nesterov (1949); Order 287 of the Federal Forestry Agency of Russia, 5 July 2011, annex 2.
    """
    if not rain_limit_mm >= 0:
        raise ConfigError(f"the rain limit is {rain_limit_mm}, wants zero or more millimetres")
    days = checked_days(weather)
    if season.dims != _DIMS or season.shape != tuple(weather.sizes[dim] for dim in _DIMS):
        raise InputError(
            f"the season has {dict(season.sizes)}, the weather {dict(weather.sizes)}; compute both from one"
        )
    shape = season.shape[1:]
    before = state or _fresh(shape, days[0])
    if before.index.shape != shape or days[0] != before.day + _DAY:
        raise InputError(
            f"the state of {before.index.shape} ends on {before.day}, the weather of {shape} begins on {days[0]}; "
            "wants the same grid and the next day"
        )
    check_possible({name: weather[name].values for name in ("temperature", "humidity", "wind", "rain")}, days)
    index, was_on = before.index.ravel().copy(), before.was_on.astype(np.uint8).ravel()
    gap = before.gap.astype(np.int16).ravel()
    out = np.empty(season.shape, np.float32)
    damp = "dew_point" if "dew_point" in weather else "humidity"
    kind = np.float64 if weather["temperature"].dtype == np.float64 else np.float32
    read = tuple(_flat(weather[name].values, kind) for name in ("temperature", damp, "rain"))
    rules = (float(rain_limit_mm), (gaps or GapRule()).bridge_days, damp == "dew_point")
    carried = (index, was_on, gap)
    _add_up(read, _flat(season.values, np.uint8), carried, rules, out.reshape(len(days), -1))
    attributes = {"units": "degC2", "long_name": "Nesterov index"}
    found = xr.DataArray(out, season.coords, _DIMS, "nesterov", attributes)
    return found, NesterovState(days[-1], index.reshape(shape), was_on.reshape(shape), gap.reshape(shape))


def _flat(values: NDArray[Any], kind: type[Any]) -> NDArray[Any]:
    """Return values over flat cells, not to be written to: kernels are compiled for either kind of array."""
    flat = np.ascontiguousarray(values, dtype=kind).reshape(values.shape[0], -1).view()
    flat.flags.writeable = False
    return flat


@njit(nogil=True, cache=True, error_model="numpy")
def _add_up(read: Any, seasons: Any, carried: Any, rules: Any, out: Any) -> None:
    temperature, damp, rain = read
    index, was_on, gap = carried
    rain_limit, bridge, damp_is_dew = rules
    for day in range(seasons.shape[0]):
        for cell in range(seasons.shape[1]):
            state = seasons[day, cell]
            if state == MISSING:
                gap[cell] = min(gap[cell] + 1, 30000)
                out[day, cell] = np.nan
                continue
            if state in WITH_CODES:
                if not was_on[cell] or gap[cell] > bridge:
                    index[cell] = 0.0
                warmth = np.float64(temperature[day, cell])
                if rain[day, cell] > rain_limit:
                    index[cell] = 0.0
                elif warmth > 0:
                    dew = np.float64(damp[day, cell])
                    if not damp_is_dew:
                        gamma = np.log(max(dew, _LEAST_HUMIDITY) / 100) + _MAGNUS[0] * warmth / (_MAGNUS[1] + warmth)
                        dew = _MAGNUS[1] * gamma / (_MAGNUS[0] - gamma)
                    index[cell] += warmth * max(warmth - dew, 0.0)
                out[day, cell] = index[cell]
                was_on[cell] = 1
            else:
                out[day, cell] = np.nan
                was_on[cell] = 0
            gap[cell] = 0


def _fresh(shape: tuple[int, ...], first_day: np.datetime64) -> NesterovState:
    nothing = np.zeros(shape)
    return NesterovState(first_day - _DAY, nothing, nothing.astype(np.uint8), nothing.astype(np.int16))
