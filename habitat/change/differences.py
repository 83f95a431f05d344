"""Before and after to a difference, a score against earlier years and a class; positive means the index rose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import xarray as xr

from habitat.contracts.errors import ConfigError, InputError
from habitat.contracts.layer import check_pixels, float_pixels, name_layer

Pixels: TypeAlias = Any
"""NumPy array, dask array or DataArray of float, NaN where unknown; what goes in comes out."""

CHANGE_CLASSES = {1: "strong decrease", 2: "decrease", 3: "stable", 4: "increase", 5: "strong increase"}
"""Names of the codes `change_classes` gives."""
CHANGE_NODATA = 255
"""Code of a pixel without a difference."""
MIN_YEARS = 3
"""Fewest years a baseline is made of: a spread of two values says nothing."""
MIN_STD = 0.02
"""Floor of a baseline's spread, in index units."""


def difference(after: Pixels, before: Pixels) -> Pixels:
    """Change of an index or band: after - before, so positive where it rose.

    Parameters
    ----------
    after, before : array or DataArray (y, x)
        The later and the earlier layer, on one grid.

    Returns
    -------
    array or DataArray (y, x)
        Same unit as the layers; NaN where either is NaN.

    Raises
    ------
    GridMismatch
        If two DataArrays are not on one grid.
    TypeError
        If a layer holds integer codes.

    Examples
    --------
    >>> difference(np.array([0.75, np.nan]), np.array([0.5, 0.5])).tolist()
    [0.25, nan]
    """
    later, earlier = float_pixels(after, "after"), float_pixels(before, "before")
    check_pixels(later, earlier)
    return _named(later - earlier, "difference", later, "after minus before")


def standardised_difference(difference: Pixels, *, centre: float, spread: float) -> Pixels:
    """Difference in units of its own scene's scatter: (difference - centre) / spread.

    With the median and robust deviation of `DifferenceHistogram` this takes away what changed
    everywhere, such as haze or an early spring, and keeps what changed here.

    Parameters
    ----------
    difference : array or DataArray
        Of `difference`.
    centre, spread : float
        Typical difference and its scatter, in the unit of `difference`.

    Raises
    ------
    InputError
        If the spread is not above zero or either number is not finite.

    Examples
    --------
    >>> standardised_difference(np.array([-0.5, 0.0]), centre=0.0, spread=0.25).tolist()
    [-2.0, 0.0]
    """
    if not (math.isfinite(centre) and math.isfinite(spread) and spread > 0):
        raise InputError(
            f"the difference has centre {centre} and spread {spread}, wants finite numbers and a spread above 0; "
            "too few pixels are clear on both dates, or the two layers are the same one"
        )
    values = float_pixels(difference, "difference")
    return _named((values - centre) / spread, "standardised_difference", None, "standardised difference")


def baseline_statistics(
    stack: Pixels, *, min_years: int = MIN_YEARS, min_std: float = MIN_STD
) -> tuple[Pixels, Pixels, Pixels]:
    """Mean, standard deviation and number of the years before, per pixel.

    The deviation is the sample one (n - 1). A few years that happen to agree would make any later year an
    alarm, so it is never below `min_std`. The default, 0.02, is about what atmospheric correction and view
    angle leave in a normalised difference of ground that has not changed; indices on other scales
    (MIRBI, CSI) want their own.

    Parameters
    ----------
    stack : array or DataArray (year, y, x)
        The same month of earlier years; NaN where not seen. In a DataArray the first dimension may have
        any name.
    min_years : int
        Pixels seen in fewer years get NaN.
    min_std : float
        Floor of the deviation, in index units; 0 for none.

    Returns
    -------
    mean, std : array or DataArray (y, x)
        NaN where seen in fewer than `min_years` years.
    count : int16 array or DataArray (y, x)
        Years seen.

    Raises
    ------
    ConfigError
        If `min_years` is below 2 or `min_std` negative.

    Examples
    --------
    >>> years = np.array([0.5, 0.6, 0.7, np.nan]).reshape(4, 1, 1)
    >>> mean, std, count = baseline_statistics(years)
    >>> round(mean.item(), 6), round(std.item(), 6), count.item()
    (0.6, 0.1, 3)
    """
    if min_years < 2:
        raise ConfigError(f"min_years is {min_years}, wants 2 or more; one year has no spread")
    if not min_std >= 0:
        raise ConfigError(f"min_std is {min_std}, wants zero or more index units")
    values = float_pixels(stack, "stack")
    layers = values if isinstance(values, xr.DataArray) else xr.DataArray(values, dims=("year", "y", "x"))
    years = str(layers.dims[0])
    count = layers.notnull().sum(years)
    enough = count >= min_years
    mean = (layers.sum(years) / count.where(enough)).astype(layers.dtype)
    squares = ((layers - mean) ** 2).sum(years) / (count - 1).where(enough)
    std = (squares**0.5).clip(min=min_std).astype(layers.dtype)
    if not isinstance(values, xr.DataArray):
        return mean.data, std.data, count.astype(np.int16).data
    return (
        mean.rename("baseline_mean"),
        std.rename("baseline_std"),
        count.astype(np.int16).rename("baseline_years"),
    )


def z_score(layer: Pixels, mean: Pixels, std: Pixels) -> Pixels:
    """Deviation from the same month of earlier years, in their standard deviations; positive where above.

    With n years it is spread wider than a normal score, as Student's t with n - 1 degrees of freedom times
    sqrt(1 + 1/n): beyond ±2 lies 5 % of unchanged ground with very many years, 14 % with five, 23 % with three.

    Parameters
    ----------
    layer, mean, std : array or DataArray (y, x)
        The layer to judge, and the first two of `baseline_statistics`.

    Returns
    -------
    array or DataArray (y, x) [1]
        NaN where any input is NaN or the deviation is not above zero.

    Raises
    ------
    GridMismatch
        If DataArrays are not on one grid.

    Examples
    --------
    >>> z_score(np.array([0.25]), np.array([0.5]), np.array([0.125])).tolist()
    [-2.0]
    """
    values, centre, spread = float_pixels(layer, "layer"), float_pixels(mean, "mean"), float_pixels(std, "std")
    check_pixels(values, centre, spread)
    positive = spread.where(spread > 0) if isinstance(spread, xr.DataArray) else np.where(spread > 0, spread, np.nan)
    return _named((values - centre) / positive, "z_score", None, "deviation from earlier years")


def change_classes(values: Pixels, thresholds: Sequence[float]) -> Pixels:
    """Classes of change from a difference or score; a value on a threshold belongs to the stronger class.

    Parameters
    ----------
    values : array or DataArray (y, x)
        A difference, standardised difference or z-score.
    thresholds : sequence of 4 (or 2) float
        Strong decrease, decrease, increase, strong increase, in the unit of `values` and ascending around
        zero; or two positive numbers, change and strong change, used both ways.

    Returns
    -------
    uint8 array or DataArray (y, x)
        Codes of `CHANGE_CLASSES`; `CHANGE_NODATA` where `values` is NaN.

    Raises
    ------
    ConfigError
        If the thresholds do not ascend around zero.

    Examples
    --------
    >>> change_classes(np.array([-3.5, -2.0, 0.0, 2.5, 3.0, np.nan]), (2, 3)).tolist()
    [1, 2, 3, 4, 5, 255]
    """
    strong_fall, fall, rise, strong_rise = _four_thresholds(thresholds)
    pixels = float_pixels(values, "values")
    one = np.uint8(1)
    codes = one + (pixels > strong_fall) + (pixels > fall) + (pixels >= rise) + (pixels >= strong_rise)
    known = ~np.isnan(pixels)
    if isinstance(pixels, xr.DataArray):
        classes = codes.where(known, CHANGE_NODATA).astype(np.uint8)
        return name_layer(classes, "change_class", units="1", long_name="change class")
    return np.where(known, codes, np.uint8(CHANGE_NODATA)).astype(np.uint8)


def _four_thresholds(thresholds: Sequence[float]) -> tuple[float, float, float, float]:
    numbers = [float(number) for number in thresholds]
    if len(numbers) == 2:
        numbers = [-numbers[1], -numbers[0], *numbers]
    if len(numbers) == 4 and numbers[0] < numbers[1] < 0 < numbers[2] < numbers[3]:
        return numbers[0], numbers[1], numbers[2], numbers[3]
    raise ConfigError(
        f"change thresholds are {list(thresholds)}, wants strong decrease < decrease < 0 < increase < strong "
        "increase, or two positive numbers such as [2, 3]"
    )


def _named(values: Pixels, name: str, like: Pixels, long_name: str) -> Pixels:
    if not isinstance(values, xr.DataArray):
        return values
    units = like.attrs.get("units", "1") if isinstance(like, xr.DataArray) else "1"
    return name_layer(values, name, units=units, long_name=long_name)
