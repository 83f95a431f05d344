"""Fire danger classes of the fire weather index: the European ones, and limits calibrated on the place's own record."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from habitat.contracts.errors import ConfigError, InputError

NODATA = 255
DANGER_CLASSES = {1: "very low", 2: "low", 3: "moderate", 4: "high", 5: "very high", 6: "extreme"}
"""Names of the classes."""
EFFIS_LIMITS = (5.2, 11.2, 21.3, 38.0, 50.0)
"""Lower limits of classes 2 to 6 of the European Forest Fire Information System."""

_YEAR_DAYS = 365.0
Floats = NDArray[np.float64]


def danger_classes(fwi: ArrayLike, limits: Sequence[float] = EFFIS_LIMITS) -> NDArray[np.uint8]:
    """Classes 1 to 6 of the fire weather index; a value on a limit belongs to the higher class.

    Parameters
    ----------
    fwi : array_like
        NaN where there is none.
    limits : sequence of 5 float
        `EFFIS_LIMITS`, or those of `local_limits`.

    Returns
    -------
    uint8 array
        255 where there is no index.

    Raises
    ------
    ConfigError
        If the limits are not five ascending numbers above 0.

    Examples
    --------
    >>> danger_classes([0, 5.2, 20, 38, 60, np.nan]).tolist()
    [1, 2, 3, 5, 6, 255]
    """
    if len(limits) != 5 or not limits[0] > 0 or not all(low < high for low, high in pairwise(limits)):
        raise ConfigError(f"the limits are {list(limits)}, want five ascending numbers above 0")
    values = np.asarray(fwi)
    # Limits in the values' own precision, or a float32 of 5.2 would lie below 5.2.
    edges = np.asarray(limits, values.dtype if np.issubdtype(values.dtype, np.floating) else np.float64)
    classes = np.digitize(values, edges) + 1
    return np.where(np.isnan(values), NODATA, classes).astype(np.uint8)


def intensity_of_index(fwi: ArrayLike) -> Floats:
    """Fire line intensity [kW/m] the index stands for; below an index of 1 it falls in proportion.

    References
    ----------
    Van Wagner (1987), Forestry Technical Report 35, equation 31: ln(0.289 I) = 0.980 (ln FWI)**1.546.

    Examples
    --------
    >>> round(float(intensity_of_index(30)))
    2309
    """
    index = np.asarray(fwi, np.float64)
    steep = np.exp(0.980 * np.log(np.maximum(index, 1)) ** 1.546)
    intensity: Floats = np.where(index > 1, steep, index) / 0.289
    return intensity


def index_of_intensity(intensity: ArrayLike) -> Floats:
    """Fire weather index of a fire line intensity [kW/m]; undoes `intensity_of_index`."""
    scaled = 0.289 * np.asarray(intensity, np.float64)
    steep = np.exp((np.log(np.maximum(scaled, 1)) / 0.980) ** (1 / 1.546))
    index: Floats = np.where(scaled > 1, steep, scaled)
    return index


def local_limits(fwi: ArrayLike, years: ArrayLike, *, extreme_days: float = 4.0) -> tuple[float, ...]:
    """Limits of the classes in which the place's own record has some extreme days a year.

    The extreme class begins where the median year has `extreme_days` days above it; the others follow as equal steps
    of the logarithm of fire intensity, as Van Wagner made the Canadian classes.

    Parameters
    ----------
    fwi : array_like (time, ...)
        Daily values of whole years, all cells of the area; NaN out of season, where it counts as lowest.
    years : array_like of int (time,)
        Year of each day.
    extreme_days : float [d]
        Days a year on which fires are expected to be extreme.

    Returns
    -------
    tuple of 5 float
        Lower limits of classes 2 to 6.

    Raises
    ------
    ConfigError
        If the days are not above 0 and below 365.
    InputError
        If there are no values, or the place is so wet that classes cannot be told apart.

    References
    ----------
    Van Wagner (1987), Forestry Technical Report 35, equations 31 and 32; Vitolo, Di Giuseppe & D'Andrea (2018),
    Caliver: an R package for calibration and verification of forest fire gridded model outputs, PLoS ONE 13(1).

    Examples
    --------
    >>> record = np.tile(np.linspace(0, 40, 365), 3)
    >>> [round(limit, 1) for limit in local_limits(record, np.repeat([2021, 2022, 2023], 365))]
    [1.9, 5.4, 11.5, 22.1, 39.6]
    """
    if not 0 < extreme_days < _YEAR_DAYS:
        raise ConfigError(f"extreme days are {extreme_days} a year, want above 0 and below 365")
    values, when = np.asarray(fwi), np.asarray(years)
    if values.shape[0] != when.shape[0]:
        raise InputError(f"{values.shape[0]} days of the index and {when.shape[0]} years; wants one year for each day")
    tops = [_top(values[when == year], extreme_days) for year in np.unique(when)]
    known = [top for top in tops if np.isfinite(top)]
    extreme = float(np.median(known)) if known else np.nan
    if not extreme > 1:
        raise InputError(
            f"the index of the {extreme_days:g} most dangerous days of a year is {extreme:.2g}; wants above 1 to tell "
            "classes apart; are there whole years of values?"
        )
    steps = float(intensity_of_index(extreme)) ** (np.arange(1, 6) / 5)
    return tuple(float(limit) for limit in index_of_intensity(steps))


def _top(values: NDArray[np.floating], days: float) -> float:
    """Return what a year's index exceeds on as many days; days without an index have the lowest."""
    filled = np.where(np.isnan(values), 0, values)
    return float(np.quantile(filled, 1 - days / _YEAR_DAYS)) if np.isfinite(values).any() else np.nan
