"""The list of indices, the decorator that puts a function on it, and the rules every index obeys."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeAlias

import numpy as np
import xarray as xr

from habitat.contracts.errors import ConfigError, GridMismatch
from habitat.contracts.layer import name_layer

Pixels: TypeAlias = Any
"""Reflectance or an index: NumPy array, dask array or DataArray of any shape, float, NaN where unknown."""

CANONICAL_BANDS = (
    "coastal",
    "blue",
    "green",
    "red",
    "rededge1",
    "rededge2",
    "rededge3",
    "nir",
    "nir_narrow",
    "swir1",
    "swir2",
)
"""Band names an index may ask for; `nir` is Sentinel-2 B08 or Landsat NIR, `nir_narrow` is B8A."""

VALID_REFLECTANCE = (-0.05, 1.5)
"""Open interval of reflectance [1] an index is computed from; outside it a band is a fault, not ground."""

_PLAIN = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.POSITIONAL_ONLY)
_P = ParamSpec("_P")


@dataclass(frozen=True)
class Index:
    """One spectral index: what it needs, how it is computed, how it is published."""

    name: str
    """Name of its function; it stands in configurations and file names."""
    bands: tuple[str, ...]
    """Canonical bands it needs, in the order of the function's arguments."""
    function: Callable[..., Pixels]
    """The function with the rules of `index` around it."""
    bounds: tuple[float, float] | None
    """Values it cannot leave; None if it has no such bounds."""
    scale: float
    """Published int16 code * scale = value."""
    units: str
    """Unit of the value; ``1`` for ratios and reflectance."""
    long_name: str
    """Name for people."""
    reference: str
    """Who proposed it."""
    formula: str
    """The formula in band names, as Python text."""


INDICES: dict[str, Index] = {}
"""Every index by name; `index` writes it."""


def index(
    *,
    bounds: tuple[float, float] | None = None,
    scale: float = 1e-4,
    units: str = "1",
    long_name: str = "",
    reference: str = "",
    formula: str = "",
) -> Callable[[Callable[_P, Pixels]], Callable[_P, Pixels]]:
    """Put a function on the list of indices; its argument names are the bands it needs.

    The function then answers NaN wherever one of its bands is NaN or outside `VALID_REFLECTANCE`, and
    wherever its own result is not finite. A result beyond `bounds` is set to the bound: a normalised
    difference leaves its interval only where a reflectance is slightly below zero, which is noise.

    Parameters
    ----------
    bounds : (float, float), optional
        Values the index cannot leave.
    scale : float
        Published int16 code * scale = value.
    units, long_name, reference, formula : str
        What is written beside the values; `long_name` defaults to the docstring's first line.

    Raises
    ------
    ConfigError
        If an argument is no canonical band, the name is taken or the scale is not positive.

    Examples
    --------
    >>> @index(bounds=(-1, 1), reference="Gitelson & Merzlyak 1998")
    ... def example_gndvi(nir, green):
    ...     '''Green NDVI.'''
    ...     return normalized_difference(nir, green)
    >>> INDICES["example_gndvi"].bands
    ('nir', 'green')
    >>> example_gndvi(np.array([0.3, -0.2]), np.array([0.1, 0.1])).round(6).tolist()
    [0.5, nan]
    >>> del INDICES["example_gndvi"]
    """

    def register(function: Callable[_P, Pixels]) -> Callable[_P, Pixels]:
        name = function.__name__
        bands = _band_names(function)
        _check_new(name, scale)
        title = long_name or (inspect.getdoc(function) or name).splitlines()[0].rstrip(".")

        @wraps(function)
        def guarded(*args: _P.args, **kwargs: _P.kwargs) -> Pixels:
            given = inspect.signature(function).bind(*args, **kwargs).arguments
            values = _within_rules(function, {band: _reflectance(given[band], band) for band in bands}, bounds)
            return name_layer(values, name, units, title) if isinstance(values, xr.DataArray) else values

        INDICES[name] = Index(name, bands, guarded, bounds, scale, units, title, reference, formula)
        return guarded

    return register


def _band_names(function: Callable[..., Pixels]) -> tuple[str, ...]:
    parameters = inspect.signature(function).parameters
    unknown = [p.name for p in parameters.values() if p.name not in CANONICAL_BANDS or p.kind not in _PLAIN]
    if unknown or not parameters:
        found = f"asks for {', '.join(unknown)}" if unknown else "asks for no band"
        raise ConfigError(
            f"index {function.__name__!r} {found}; its arguments must be canonical bands: {', '.join(CANONICAL_BANDS)}"
        )
    return tuple(parameters)


def _check_new(name: str, scale: float) -> None:
    if name in INDICES:
        raise ConfigError(f"there is already an index named {name!r}; give the function another name")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigError(f"index name {name!r} cannot stand in file names; use lower-case letters and digits")
    if not scale > 0:
        raise ConfigError(f"index {name!r} has scale {scale}, wants a positive number such as 0.0001")


def _reflectance(band: Pixels, name: str) -> Pixels:
    pixels = band if hasattr(band, "dtype") else np.asarray(band, np.float64)
    if not np.issubdtype(pixels.dtype, np.floating):
        raise TypeError(
            f"band {name!r} holds {pixels.dtype} digital numbers, wants reflectance as float; "
            "compute DN * scale + offset first"
        )
    return pixels


def _within_rules(
    function: Callable[..., Pixels], bands: dict[str, Pixels], bounds: tuple[float, float] | None
) -> Pixels:
    layers = [band for band in bands.values() if isinstance(band, xr.DataArray)]
    try:
        xr.align(*layers, join="exact", copy=False)
    except ValueError as error:
        raise GridMismatch(
            f"the bands {', '.join(bands)} do not lie on one grid ({error}); take them from one cube"
        ) from error
    low, high = VALID_REFLECTANCE
    values = function(**bands)
    keep = np.isfinite(values)
    for band in bands.values():
        keep = keep & (band > low) & (band < high)
    return _where(keep, values if bounds is None else values.clip(*bounds))


def _where(keep: Pixels, values: Pixels) -> Pixels:
    if isinstance(values, xr.DataArray):
        return values.where(keep)
    return np.where(keep, values, np.nan)


def positive(denominator: Pixels) -> Pixels:
    """Denominator where it is above zero, NaN elsewhere, so that no division can blow up.

    Examples
    --------
    >>> positive(np.array([0.4, 0.0, -0.1])).tolist()
    [0.4, nan, nan]
    """
    return _where(denominator > 0, denominator)


def not_negative(radicand: Pixels) -> Pixels:
    """Radicand where it is zero or more, NaN elsewhere, so that no root warns."""
    return _where(radicand >= 0, radicand)


def normalized_difference(first: Pixels, second: Pixels) -> Pixels:
    """(first - second) / (first + second), NaN where the sum is not above zero.

    Parameters
    ----------
    first, second : array or DataArray [1]
        Two bands on one grid.

    Examples
    --------
    >>> normalized_difference(np.array([0.3, 0.0]), np.array([0.1, 0.0])).round(6).tolist()
    [0.5, nan]
    """
    return (first - second) / positive(first + second)


def computable(bands: Iterable[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Names of the indices these bands allow, and for every other index the bands it lacks.

    Examples
    --------
    >>> names, lacking = computable(["red", "nir"])
    >>> "ndvi" in names, lacking["nbr"]
    (True, ['swir2'])
    """
    have = set(bands)
    lacking = {name: [band for band in entry.bands if band not in have] for name, entry in INDICES.items()}
    return [name for name, gaps in lacking.items() if not gaps], {name: gaps for name, gaps in lacking.items() if gaps}


def compute(name: str, bands: Mapping[Any, Pixels]) -> Pixels:
    """One index by its name, from a mapping of canonical bands (a dict or a cube).

    Parameters
    ----------
    name : str
        A name in `INDICES`.
    bands : mapping of str to array or DataArray [1]
        Reflectance by canonical band; bands the index does not need are ignored.

    Returns
    -------
    array or DataArray
        The index; NaN where it is not defined. A DataArray carries name, units and long name.

    Raises
    ------
    ConfigError
        If there is no such index or a band it needs is not given.

    Examples
    --------
    >>> float(compute("nbr", {"nir": np.array(0.3), "swir2": np.array(0.1)}).round(6))
    0.5
    """
    if name not in INDICES:
        close = difflib.get_close_matches(name, INDICES, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        raise ConfigError(f"there is no index {name!r}{hint}. There are: {', '.join(sorted(INDICES))}")
    entry = INDICES[name]
    lacking = [band for band in entry.bands if band not in bands]
    if lacking:
        raise ConfigError(
            f"index {name!r} needs {', '.join(entry.bands)}; not given: {', '.join(lacking)}. "
            "Add the bands to the job or leave the index out"
        )
    return entry.function(**{band: bands[band] for band in entry.bands})
