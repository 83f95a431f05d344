"""Units of backscatter: decibels and power kept apart, by what metadata say and pixels confirm."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import CatalogueError
from habitat.imagery.radiometry import Radiometry, declared_scale

POWER, DECIBELS = "power", "dB"
"""The two units an asset of radar may have."""
DB_SCALE = 0.01
"""Decibels per step of a stored code."""
DB_NODATA = -32768
"""Code of unknown pixels."""

_WORDS = {
    "db": DECIBELS,
    "decibel": DECIBELS,
    "decibels": DECIBELS,
    **dict.fromkeys(("power", "linear", "linear power", "intensity", "natural", "1", "m2/m2", "m^2/m^2"), POWER),
}
_DOCUMENTED = {"sentinel-1-rtc": "gamma naught"}
"""Collections whose documentation says power where their items say no unit, and words their assets have."""
_STRANGE_SHARE = 0.01
_LOUD_SHARE = 0.5
_FEW = 20


def radar_radiometry(asset: Mapping[str, Any], collection: str) -> Radiometry:
    """Scale, offset and unit of one asset of radar, by metadata alone; nothing is guessed.

    Parameters
    ----------
    asset : mapping
        As the catalogue answered it.
    collection : str
        The item's collection: that of Planetary Computer's ``sentinel-1-rtc`` is documented as gamma0 in linear
        power, though its items name no unit.

    Raises
    ------
    CatalogueError
        If nothing says whether numbers are decibels or power, or it is neither.

    Examples
    --------
    >>> told = radar_radiometry({"raster:bands": [{"scale": 0.01, "offset": 0, "unit": "dB"}]}, "sentinel-1-grd")
    >>> told.scale, told.unit
    (0.01, 'dB')
    """
    scale, offset = declared_scale(asset)
    numbers = (1.0 if scale is None else scale, 0.0 if offset is None else offset)
    if not (all(map(math.isfinite, numbers)) and numbers[0] > 0):
        raise CatalogueError(f"an asset declares scale {scale} and offset {offset}, wants finite numbers and a scale")
    said = declared_unit(asset)
    if said is not None:
        unit = _WORDS.get(said.strip().lower())
        if unit is None:
            raise CatalogueError(
                f"its numbers are in {said[:40]!r}, wants dB or linear power: amplitudes and counts are not calibrated"
            )
        return Radiometry(*numbers, None, f"the item says {said[:40]}", unit)
    sign = _DOCUMENTED.get(collection)
    if sign is not None and sign in f"{asset.get('description')} {asset.get('title')}".lower():
        return Radiometry(*numbers, None, f"collection {collection} is documented as gamma0 in linear power", POWER)
    raise CatalogueError(
        "nothing says whether its numbers are decibels or power (no unit in raster:bands); wants dB or linear power. "
        "Uncalibrated products (GRD without terrain correction) cannot be used"
    )


def declared_unit(asset: Mapping[str, Any]) -> str | None:
    """Return the unit an asset declares in any version of the raster extension; None where it is silent.

    Examples
    --------
    >>> declared_unit({"bands": [{"unit": "dB"}]}), declared_unit({"raster:bands": [{"nodata": -32768}]})
    ('dB', None)
    """
    bands = asset.get("raster:bands") or asset.get("bands") or [{}]
    first = bands[0] if isinstance(bands, list) and bands and isinstance(bands[0], dict) else {}
    unit = first.get("unit") or first.get("raster:unit") or asset.get("unit") or asset.get("raster:unit")
    return str(unit) if unit else None


def contradiction(values: NDArray[np.floating], unit: str) -> str:
    """Tell how pixels contradict a unit; empty if they do not.

    Power is never below zero, and the decibels of land and water are: so much of either in the other's place means
    that the item says the wrong unit.

    Parameters
    ----------
    values : float array
        Physical values as the item says them, NaN where unknown.
    unit : str
        ``power`` or ``dB``.

    Examples
    --------
    >>> contradiction(np.full(50, -14.0), "power")
    '100 % of its pixels are below zero, which power never is'
    >>> contradiction(np.full(50, 0.04), "dB")
    '100 % of its pixels are above 0 dB, which no landscape is'
    >>> contradiction(np.full(50, -14.0), "dB")
    ''
    """
    known = values[np.isfinite(values)]
    if known.size < _FEW:
        return ""
    if unit == POWER:
        share = float((known < 0).mean())
        return f"{share:.0%} of its pixels are below zero, which power never is".replace("%", " %") * (
            share > _STRANGE_SHARE
        )
    share = float((known > 0).mean())
    return f"{share:.0%} of its pixels are above 0 dB, which no landscape is".replace("%", " %") * (share > _LOUD_SHARE)


def power(values: NDArray[np.floating], unit: str) -> NDArray[np.float32]:
    """Linear power of physical values; NaN where unknown, and where there is none: power of zero or less is no echo.

    Examples
    --------
    >>> power(np.array([-10.0, 0.0, np.nan]), "dB").round(3).tolist()
    [0.10000000149011612, 1.0, nan]
    >>> power(np.array([0.1, 0.0, -3.0]), "power").round(3).tolist()
    [0.10000000149011612, nan, nan]
    """
    linear = np.asarray(values, np.float32)
    if unit == DECIBELS:
        return np.asarray(np.power(np.float32(10), linear / np.float32(10)), np.float32)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(linear > 0, linear, np.float32(np.nan)), np.float32)


def decibels(linear: NDArray[np.floating]) -> NDArray[np.float32]:
    """Decibels of linear power; NaN where there is none.

    Examples
    --------
    >>> decibels(np.array([0.1, 1.0, 0.0])).tolist()
    [-10.0, 0.0, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(linear > 0, 10 * np.log10(np.asarray(linear, np.float64)), np.nan)
    return np.asarray(values, np.float32)


def db_codes(values: NDArray[np.floating]) -> NDArray[np.int16]:
    """Codes of decibels in hundredths, -32768 where unknown.

    Examples
    --------
    >>> db_codes(np.array([-14.126, np.nan])).tolist()
    [-1413, -32768]
    """
    known = np.isfinite(values)
    codes = np.clip(np.rint(np.where(known, values, 0) / DB_SCALE), -32767, 32767)
    return np.where(known, codes, DB_NODATA).astype(np.int16)
