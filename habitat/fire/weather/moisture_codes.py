"""The Canadian Fire Weather Index System, equation by equation in double precision: the oracle of the fast kernel."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from habitat.contracts.errors import ConfigError

Floats = NDArray[np.float64]

FFMC_CONSTANTS = {"147.2": 147.2, "147.27723": 250 * 59.5 / 101}
"""Constants of the fine fuel scale [1] by name: 147.2 of the equations of 1985, kept by cffdrs up to 1.8, xclim and the
European and global products; 147.27723 of cffdrs since 1.9.2, with which the scale's two directions agree exactly."""
DEFAULT_CONSTANT = "147.2"
DUFF_EQUATIONS = {
    "1985": (280.0, 0.023, 43.43 * 5.6348),
    "1987": (float(np.exp(5.6348)), 1 / 43.43, 244.72),
}
"""Two forms of the duff moisture code's rain equation: of the program of 1985, with cffdrs and xclim, and as the
report of 1987 prints it, with NASA's global database. Moisture above 20 % is first * exp(-second * code), and the code
third - 43.43 ln(moisture above 20 %). They differ by up to half a percent of the code after rain."""
DuffEquation = Literal["1985", "1987"]
START_CODES = (85.0, 6.0, 15.0)
"""Fine fuel, duff moisture and drought codes a season starts with, three days after snow-melt."""

_DRIEST, _WETTEST = 101.0, 250.0
_WETTEST_AIR = 99.9999
"""Relative humidity [%] of saturated air in the equations of cffdrs."""


def ffmc_constant(name: str) -> float:
    """Constant of the fine fuel scale of a name.

    Raises
    ------
    ConfigError
        If there is no constant of this name.

    Examples
    --------
    >>> ffmc_constant("147.2")
    147.2
    """
    if name not in FFMC_CONSTANTS:
        raise ConfigError(
            f"there is no FFMC constant {name!r}; write 147.2 (equations of 1985) or 147.27723 (cffdrs since 1.9.2)"
        )
    return FFMC_CONSTANTS[name]


def fuel_moisture(code: ArrayLike, constant: float = 147.2) -> Floats:
    """Moisture of fine fuel [%] of a fine fuel moisture code; undone, but for the constant, by `fuel_code`."""
    known = np.asarray(code, np.float64)
    moisture: Floats = constant * (_DRIEST - known) / (59.5 + known)
    return moisture


def fuel_code(moisture: ArrayLike, constant: float = 147.2) -> Floats:
    """Fine fuel moisture code of fuel of a moisture [%]."""
    wet = np.asarray(moisture, np.float64)
    code: Floats = 59.5 * (_WETTEST - wet) / (constant + wet)
    return code


def fine_fuel_moisture_code(
    before: ArrayLike,
    temperature: ArrayLike,
    humidity: ArrayLike,
    wind: ArrayLike,
    rain: ArrayLike,
    constant: float = 147.2,
) -> Floats:
    """Fine fuel moisture code (FFMC): dryness of litter, with a time lag of two thirds of a day.

    Parameters
    ----------
    before : array_like
        Code of the day before, 0 to 101.
    temperature, humidity, wind : array_like [degC], [%], [km/h]
        At noon, wind at 10 m.
    rain : array_like [mm]
        In the 24 hours up to noon.
    constant : float
        One of `FFMC_CONSTANTS`.

    Returns
    -------
    float64 array
        0 (sodden) to 101 (bone dry); NaN where an input is.

    References
    ----------
    Van Wagner & Pickett (1985), Equations and FORTRAN program for the Canadian Forest Fire Weather Index System,
    Forestry Technical Report 33, equations 1 to 10.

    Examples
    --------
    >>> round(float(fine_fuel_moisture_code(85, 17, 42, 25, 0)), 6)
    87.69298
    """
    t, h, w, r = _floats(temperature, _air(humidity), wind, rain)
    wet = _rained_on(fuel_moisture(before, constant), np.maximum(r - 0.5, 0))
    code = fuel_code(_towards_equilibrium(wet, t, h, w, 0.581), constant)
    clipped: Floats = np.clip(code, 0, _DRIEST)
    return clipped


def hourly_fine_fuel_moisture_code(
    before: ArrayLike,
    temperature: ArrayLike,
    humidity: ArrayLike,
    wind: ArrayLike,
    rain: ArrayLike,
    constant: float = 147.2,
    *,
    hours: ArrayLike = 1.0,
) -> Floats:
    """Fine fuel moisture code some hours later, of the hourly form of the equations.

    Parameters
    ----------
    before : array_like
        Code `hours` ago.
    temperature, humidity, wind : array_like [degC], [%], [km/h]
        Now.
    rain : array_like [mm]
        In the hours that have passed; unlike the daily form, no canopy holds any of it back.
    constant : float
        One of `FFMC_CONSTANTS`.
    hours : array_like [h]
        Time that has passed.

    Returns
    -------
    float64 array
        0 and above; the original holds it below 101 no more than this.

    References
    ----------
    Van Wagner, C. E. (1977), A method of computing fine fuel moisture content throughout the diurnal cycle,
    Information Report PS-X-69.

    Examples
    --------
    >>> round(float(hourly_fine_fuel_moisture_code(85, 17, 42, 25, 0)), 4)
    85.541
    """
    t, h, w, r, passed = _floats(temperature, humidity, wind, rain, hours)
    wet = _rained_on(fuel_moisture(before, constant), r)
    code = fuel_code(_towards_equilibrium(wet, t, h, w, 0.0579 * passed), constant)
    clipped: Floats = np.maximum(code, 0)
    return clipped


def duff_moisture_code(
    before: ArrayLike,
    temperature: ArrayLike,
    humidity: ArrayLike,
    rain: ArrayLike,
    day_length: ArrayLike,
    equation: DuffEquation = "1985",
) -> Floats:
    """Duff moisture code (DMC): dryness of loose humus, with a time lag of about two weeks.

    Parameters
    ----------
    before : array_like
        Code of the day before, 0 and above.
    temperature, humidity : array_like [degC], [%]
        At noon.
    rain : array_like [mm]
        In the 24 hours up to noon.
    day_length : array_like [h]
        Of `day_lengths` for the month.
    equation : {'1985', '1987'}
        One of `DUFF_EQUATIONS`.

    Returns
    -------
    float64 array
        0 and above; NaN where an input is.

    References
    ----------
    Van Wagner & Pickett (1985), Forestry Technical Report 33, equations 11 to 17; Van Wagner (1987), Forestry
    Technical Report 35.

    Examples
    --------
    >>> round(float(duff_moisture_code(6, 17, 42, 0, 12.8)), 6)
    8.545051
    """
    code, t, h, r, hours = _floats(before, temperature, _air(humidity), rain, day_length)
    scale, rate, top = DUFF_EQUATIONS[equation]
    drying = 1.894 * (np.maximum(t, -1.1) + 1.1) * (100 - h) * hours * 1e-4
    with np.errstate(divide="ignore", invalid="ignore"):
        steep = np.where(code <= 65, 14 - 1.3 * np.log(code), 6.2 * np.log(code) - 17.2)
        slope = np.where(code <= 33, 100 / (0.5 + 0.3 * code), steep)
        through = 0.92 * r - 1.27
        wet = scale * np.exp(-rate * code) + 1000 * through / (48.77 + slope * through)
        washed = np.maximum(top - 43.43 * np.log(wet), 0)
    dried: Floats = np.maximum(np.where(r > 1.5, washed, code + 0 * r) + drying, 0)
    return dried


def drought_code(before: ArrayLike, temperature: ArrayLike, rain: ArrayLike, drying_factor: ArrayLike) -> Floats:
    """Drought code (DC): dryness of deep compact humus, with a time lag of about two months.

    Parameters
    ----------
    before : array_like
        Code of the day before, 0 and above.
    temperature : array_like [degC]
        At noon.
    rain : array_like [mm]
        In the 24 hours up to noon.
    drying_factor : array_like
        Of `drying_factors` for the month.

    Returns
    -------
    float64 array
        0 and above; NaN where an input is.

    References
    ----------
    Van Wagner & Pickett (1985), Forestry Technical Report 33, equations 18 to 23.

    Examples
    --------
    >>> round(float(drought_code(15, 17, 0, 0.9)), 3)
    19.014
    """
    code, t, r, factor = _floats(before, temperature, rain, drying_factor)
    evaporation = np.maximum((0.36 * (np.maximum(t, -2.8) + 2.8) + factor) / 2, 0)
    through = np.where(r > 2.8, 0.83 * r - 1.27, 0)
    stored = 800 * np.exp(-code / 400)
    washed = np.maximum(code - 400 * np.log1p(3.937 * through / stored), 0)
    dried: Floats = np.where(r > 2.8, washed, code + 0 * r) + evaporation
    return dried


def initial_spread_index(
    ffmc: ArrayLike, wind: ArrayLike, constant: float = 147.2, *, wind_effect: Literal["fwi", "fbp"] = "fwi"
) -> Floats:
    """Index of initial spread (ISI): how fast a fire spreads before fuels come into it.

    Parameters
    ----------
    ffmc : array_like
        Of the day.
    wind : array_like [km/h]
        At noon, 10 m above ground.
    constant : float
        One of `FFMC_CONSTANTS`.
    wind_effect : {'fwi', 'fbp'}
        'fbp' bends the wind's effect down from 40 km/h, as the Fire Behaviour Prediction system does.

    Returns
    -------
    float64 array

    References
    ----------
    Van Wagner & Pickett (1985), Forestry Technical Report 33, equations 24 to 26; Forestry Canada Fire Danger Group
    (1992), Information Report ST-X-3, equation 53a.

    Examples
    --------
    >>> round(float(initial_spread_index(87.6929800928, 25)), 6)
    10.853661
    """
    speed, wet = np.asarray(wind, np.float64), fuel_moisture(ffmc, constant)
    push = np.exp(0.05039 * speed)
    if wind_effect == "fbp":
        push = np.where(speed >= 40, 12 * (1 - np.exp(-0.0818 * (speed - 28))), push)
    index: Floats = 0.208 * push * 91.9 * np.exp(-0.1386 * wet) * (1 + wet**5.31 / 4.93e7)
    return index


def build_up_index(dmc: ArrayLike, dc: ArrayLike) -> Floats:
    """Build-up index (BUI): fuel dry enough to burn, of both humus layers.

    References
    ----------
    Van Wagner & Pickett (1985), Forestry Technical Report 33, equation 27.

    Examples
    --------
    >>> round(float(build_up_index(8.545051136, 19.014)), 6)
    8.490427
    """
    duff, deep = _floats(dmc, dc)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = duff + 0.4 * deep
        mean = np.where(share == 0, 0, 0.8 * deep * duff / share)
        excess = np.where(duff == 0, 0, (duff - mean) / duff)
    duller = np.maximum(duff - excess * (0.92 + (0.0114 * duff) ** 1.7), 0)
    index: Floats = np.where(mean < duff, duller, mean)
    return index


def fire_weather_index(isi: ArrayLike, bui: ArrayLike) -> Floats:
    """Fire weather index (FWI): intensity of a spreading fire, without a unit.

    References
    ----------
    Van Wagner & Pickett (1985), Forestry Technical Report 33, equations 28 to 30.

    Examples
    --------
    >>> round(float(fire_weather_index(10.8536610737, 8.49042653584)), 6)
    10.096371
    """
    spread, fuel = _floats(isi, bui)
    duff = np.where(fuel <= 80, 0.626 * fuel**0.809 + 2, 1000 / (25 + 108.64 * np.exp(-0.023 * fuel)))
    scale = 0.1 * spread * duff
    index: Floats = np.where(scale <= 1, scale, np.exp(2.72 * (0.434 * np.log(np.maximum(scale, 1))) ** 0.647))
    return index


def daily_severity_rating(fwi: ArrayLike) -> Floats:
    """Daily severity rating (DSR): effort of control, fit to be averaged over days and places.

    References
    ----------
    Van Wagner & Pickett (1985), Forestry Technical Report 33, equation 31.

    Examples
    --------
    >>> round(float(daily_severity_rating(10.0963713924)), 4)
    1.6291
    """
    rating: Floats = 0.0272 * np.asarray(fwi, np.float64) ** 1.77
    return rating


def _rained_on(moisture: Floats, rain: Floats) -> Floats:
    """Return the moisture [%] of fine fuel after rain [mm] on it."""
    soaked = np.minimum(moisture, _WETTEST)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gain = 42.5 * rain * np.exp(-100 / (251 - soaked)) * -np.expm1(-6.93 / rain)
    gain = gain + np.where(soaked > 150, 0.0015 * (soaked - 150) ** 2 * np.sqrt(np.maximum(rain, 0)), 0)
    wetter: Floats = np.where(rain > 0, np.minimum(soaked + gain, _WETTEST), moisture + 0 * rain)
    return wetter


def _towards_equilibrium(moisture: Floats, t: Floats, h: Floats, w: Floats, rate: Any) -> Floats:
    """Return the moisture [%] of fine fuel after drying or wetting towards that of the air around it."""
    warmth = 0.18 * (21.1 - t) * -np.expm1(-0.115 * h)
    damp = np.exp((h - 100) / 10)
    dry_end = 0.942 * h**0.679 + 11 * damp + warmth
    wet_end = 0.618 * h**0.753 + 10 * damp + warmth
    dries = moisture > dry_end
    wets = ~dries & (moisture < wet_end)
    x = np.where(dries, h, 100 - h) / 100
    pace = (0.424 * (1 - x**1.7) + 0.0694 * np.sqrt(w) * (1 - x**8)) * rate * np.exp(0.0365 * t)
    end = np.where(dries, dry_end, np.where(wets, wet_end, moisture))
    later: Floats = end + (moisture - end) * 10**-pace
    return later


def _air(humidity: ArrayLike) -> Floats:
    limited: Floats = np.minimum(np.asarray(humidity, np.float64), _WETTEST_AIR)
    return limited


def _floats(*values: ArrayLike) -> list[Floats]:
    return [np.asarray(value, np.float64) for value in values]
