"""Moisture of cured grass in the sun, the fuel of the spring fires before the leaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from habitat.fire.weather.moisture_codes import FFMC_CONSTANTS, fuel_code, fuel_moisture

Floats = NDArray[np.float64]
_LOAD = 0.3
"""Water a layer of grass takes up [kg m-2]."""


def grass_fuel_moisture_code(
    before: ArrayLike,
    weather: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike],
    sunshine: ArrayLike,
    constant: float = FFMC_CONSTANTS["147.27723"],
    *,
    hours: ArrayLike = 1.0,
) -> Floats:
    """Grass fuel moisture code (GFMC) some hours later, on the scale of the fine fuel moisture code.

    Parameters
    ----------
    before : array_like
        Code `hours` ago; 85 to begin with.
    weather : four array_like
        Temperature [degC], relative humidity [%], wind [km/h] and rain [mm], the last since `before`.
    sunshine : array_like [kW m-2]
        Solar radiation on level ground.
    constant : float
        One of `FFMC_CONSTANTS`.
    hours : array_like [h]
        Time that has passed.

    Returns
    -------
    float64 array

    References
    ----------
    Wotton, B. M. (2009), A grass moisture model for the Canadian Forest Fire Danger Rating System, 8th Symposium on
    Fire and Forest Meteorology.

    Examples
    --------
    >>> cold, warm = (grass_fuel_moisture_code(85, (t, 40, 10, 0), 0.5) for t in (0, 15))
    >>> round(float(cold), 2), round(float(warm), 2)
    (86.9, 89.89)
    """
    t, h, w, r = (np.asarray(part, np.float64) for part in weather)
    wet = np.minimum(fuel_moisture(before, constant) + r / _LOAD * 100, 250)
    fuel = t + 35.07 * np.asarray(sunshine) * np.exp(-0.06215 * w)
    damp = np.minimum(h * _saturation(t) / _saturation(fuel), 100)
    warmth = 0.27 * (26.7 - fuel) * -np.expm1(-0.115 * damp)
    dry_end = 1.62 * damp**0.532 + 13.7 * np.exp((damp - 100) / 13) + warmth
    wet_end = 1.42 * damp**0.512 + 12 * np.exp((damp - 100) / 18) + warmth
    dries = wet > dry_end
    end = np.where(dries, dry_end, np.where(wet < wet_end, wet_end, wet))
    x = np.where(dries, damp, 100 - damp) / 100
    pace = 0.424 * (1 - x**1.7) + 0.0694 * np.sqrt(w) * (1 - x**8)
    # Fuel hotter than any fire dries at once; the limit keeps the exponential from running over.
    pace = pace * 0.389633 * np.exp(0.0365 * np.minimum(fuel, 1000.0)) * np.asarray(hours)
    code: Floats = np.maximum(fuel_code(end + (wet - end) * 10**-pace, constant), 0)
    return code


def _saturation(temperature: Floats) -> Floats:
    """Return the vapour pressure of saturated air [hPa], after Tetens."""
    pressure: Floats = 6.107 * 10 ** (7.5 * temperature / (237 + temperature))
    return pressure
