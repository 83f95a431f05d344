"""Units of weather as files spell them, turned into those the fire weather wants, or refused."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import xarray as xr

from habitat.contracts.errors import InputError

_FACTORS: dict[str, dict[str, tuple[float, float]]] = {
    "degC": {"k": (1, -273.15), "degc": (1, 0), "c": (1, 0), "celsius": (1, 0), "degf": (5 / 9, -160 / 9)},
    "%": {"%": (1, 0), "percent": (1, 0), "1": (100, 0)},
    "km h-1": {"m s-1": (3.6, 0), "km h-1": (1, 0), "kt": (1.852, 0), "knots": (1.852, 0)},
    "mm": {"mm": (1, 0), "kg m-2": (1, 0), "m": (1000, 0), "cm": (10, 0)},
    "m": {"m": (1, 0), "cm": (0.01, 0), "mm": (0.001, 0)},
    "kg m-2": {"kg m-2": (1, 0), "m": (1000, 0), "mm": (1, 0)},
    "1": {"1": (1, 0), "%": (0.01, 0), "percent": (0.01, 0)},
}
"""Unit wanted: unit found: factor and shift."""
_SECONDS = {"s-1": 1.0, "h-1": 3600.0, "d-1": 86400.0}
_POSSIBLE = {
    "degC": (-95.0, 65.0, "is it Kelvin?"),
    "%": (0.0, 120.0, "is it a share, or no relative humidity at all?"),
    "km h-1": (-450.0, 450.0, "is it in another unit?"),
    "mm": (-0.05, 2500.0, "is it metres, or a rate?"),
    "m": (-0.01, 30.0, "is it centimetres?"),
    "1": (-0.01, 1.01, "is it percent?"),
}
"""Lowest and highest value of each unit that a reanalysis may hold, rounding of packed files included."""


@dataclass(frozen=True)
class Converted:
    """A variable in the unit wanted, and what was done to it in words (empty: nothing)."""

    values: xr.DataArray
    note: str = ""


def converted(variable: xr.DataArray, wanted: str, *, step_hours: float | None = None) -> Converted:
    """Return a variable in another unit, from what its attribute says.

    Parameters
    ----------
    variable : DataArray
        With the attribute ``units``.
    wanted : str
        'degC', '%', 'km h-1', 'mm', 'm', 'kg m-2' or '1'.
    step_hours : float, optional [h]
        For 'mm': time that a rate holds for.

    Raises
    ------
    InputError
        If the unit is not told, not known or contradicts the values.

    Examples
    --------
    >>> warm = xr.DataArray([293.15], dims="time", name="t2m", attrs={"units": "K"})
    >>> found = converted(warm, "degC")
    >>> found.values.values.round(2).tolist(), found.note
    ([20.0], 't2m: K to degC')
    """
    name = str(variable.name)
    if "units" not in variable.attrs:
        raise InputError(f"{name} does not tell its units; wants an attribute 'units', such as {_spellings(wanted)}")
    told = str(variable.attrs["units"])
    factor, shift = _factor(name, told, wanted, step_hours)
    values = variable.astype(np.float64) * factor + shift
    _check_range(name, values, told, wanted)
    note = "" if (factor, shift) == (1, 0) else f"{name}: {told} to {wanted}"
    return Converted(values.assign_attrs(units=wanted), note)


def spelled_plainly(units: str) -> str:
    """Return a unit in one way of the many it is written in.

    Examples
    --------
    >>> [spelled_plainly(text) for text in ("m s**-1", "m/s", "mm/day", "kg m^-2 s^-1", "m of water equivalent")]
    ['m s-1', 'm s-1', 'mm d-1', 'kg m-2 s-1', 'm']
    """
    text = units.strip().lower().replace("**", "").replace("^", "").replace("°", "deg").replace("−", "-")
    text = text.replace(" of water equivalent", "").replace("degrees_", "deg").replace("degree_", "deg")
    text = re.sub(r"\s*/\s*([a-z]+)\s*(\d?)", lambda found: f" {found[1]}-{found[2] or 1}", text)
    text = re.sub(r"\b(?:days?|24h)(?=-|\b)", "d", text)
    text = re.sub(r"\b(?:hours?|hr)(?=-|\b)", "h", text)
    text = re.sub(r"\b(?:seconds?|sec)(?=-|\b)", "s", text)
    text = {"kmh-1": "km h-1", "ms-1": "m s-1", "kph": "km h-1", "kelvin": "k", "degk": "k"}.get(text, text)
    text = re.sub(r"\bdeg (?=[cfk])", "deg", re.sub(r"deg(?:c|celsius)\b|\bcelsius\b", "degc", text))
    return " ".join(text.split())


def _factor(name: str, told: str, wanted: str, step_hours: float | None) -> tuple[float, float]:
    plain = spelled_plainly(told)
    amount, _, per = plain.rpartition(" ")
    if wanted == "mm" and per in _SECONDS and amount in _FACTORS["mm"]:
        if step_hours is None:
            raise InputError(f"{name} is a rate ({told!r}), and how long it holds is not known; wants an amount")
        return _FACTORS["mm"][amount][0] * step_hours * 3600 / _SECONDS[per], 0.0
    if plain not in _FACTORS[wanted]:
        raise InputError(
            f"{name} is in {told!r}, wants {wanted} or what can be made into it ({_spellings(wanted)}); mend the "
            "attribute 'units' if it is wrong"
        )
    return _FACTORS[wanted][plain]


def _check_range(name: str, values: xr.DataArray, told: str, wanted: str) -> None:
    if wanted not in _POSSIBLE or not np.isfinite(values).any():
        return
    low, high, question = _POSSIBLE[wanted]
    least, most = float(values.min()), float(values.max())
    if least < low or most > high:
        raise InputError(
            f"{name} runs from {least:g} to {most:g} {wanted} if its units are {told!r} as told; {question} "
            "Mend the attribute 'units'"
        )
    if wanted == "%" and 0 < most <= 1.2 and values.size > 1:
        raise InputError(
            f"{name} is never above {most:g} %, and told to be in {told!r}; is it a share? Its unit is '1'"
        )


def _spellings(wanted: str) -> str:
    return ", ".join(_FACTORS[wanted])
