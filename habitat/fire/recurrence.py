"""Recurrence: how often each place burnt, how long between and since, and what the record cannot know."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, TypeAlias

import numpy as np
import xarray as xr
from numba import njit
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.contracts.layer import name_layer

Burnt: TypeAlias = Any
"""uint8 (season, y, x), NumPy, dask or DataArray: 1 burnt, 0 seen and not burnt, every other code not observed."""

BURNT, UNBURNT, UNOBSERVED = 1, 0, 255
"""Codes of a season's burnt raster. Unobserved is never unburnt."""
CENSORING = {
    0: "between fires: two or more are known",
    1: "open: one fire is known, the time to the next or since the one before is not",
    2: "never seen burnt: the fire-free time is at least what was observed",
}
"""What the codes of `recurrence`'s ``censoring`` say of a pixel; 255 was never observed."""

# xarray says nothing of the types of these.
_where: Any = xr.where
_apply_ufunc: Any = xr.apply_ufunc
_DAYS_PER_YEAR = 365.2425
_AUTUMN_BEGINS = 10
_SEASONS = {"spring": 0, "summer": 0, "autumn": 1}


def fire_year(dates: Any) -> NDArray[np.int64]:
    """Fire year of dates: from 1 October to 30 September, named by the year it ends in.

    Parameters
    ----------
    dates : array of datetime64, or anything NumPy makes one of

    Examples
    --------
    >>> fire_year(["2024-09-30", "2024-10-01", "2025-04-24"]).tolist()
    [2024, 2025, 2025]
    """
    months = np.asarray(dates, "datetime64[M]").astype(np.int64)
    years, month = 1970 + months // 12, months % 12 + 1
    return np.asarray(years + (month >= _AUTUMN_BEGINS), np.int64)


def season_fire_year(year: int, season: str) -> int:
    """Fire year of a whole season.

    An autumn season (September to December) belongs whole to the fire year that begins in it, though
    September by the calendar does not: one fire must not be counted in two years.

    Raises
    ------
    ConfigError
        If the season is none of spring, summer and autumn.

    Examples
    --------
    >>> season_fire_year(2024, "autumn"), season_fire_year(2025, "spring")
    (2025, 2025)
    """
    if season not in _SEASONS:
        raise ConfigError(f"season is {season!r}, wants one of {', '.join(_SEASONS)}")
    return year + _SEASONS[season]


def burnt_in(status: Any, season: int, *, seasons: int = 3) -> Any:
    """Turn the status raster of product fire-scars into the codes of one season.

    Ground that was not judged (water, field, built) and ground that was black already when the season began
    is not observed: neither could have been seen to burn. Give rasters of one season each: over several, 0
    says only that the pixel was seen in one of them.

    Parameters
    ----------
    status : uint8 array or DataArray (y, x)
        0 unburnt, 1 to `seasons` burnt in that season, others not judged or not observed.
    season : int
        Code of the season wanted: 1 spring, 2 summer, 3 autumn.
    seasons : int
        Number of seasons that have a code.

    Returns
    -------
    uint8 array or DataArray (y, x)
        1 burnt, 0 not, 255 not observed.

    Examples
    --------
    >>> burnt_in(np.array([0, 1, 2, 3, 4, 5, 255], np.uint8), 3).tolist()
    [0, 0, 0, 1, 255, 255, 255]
    """
    other = _where(status <= seasons, np.uint8(UNBURNT), np.uint8(UNOBSERVED))
    return _where(status == season, np.uint8(BURNT), other).astype(np.uint8)


def by_fire_year(
    burnt: Burnt, fire_years: Sequence[int], *, seasons_per_year: int = 2
) -> tuple[xr.DataArray, list[int]]:
    """Seasons put together to fire years, in ascending order.

    Parameters
    ----------
    burnt : uint8 (season, y, x)
        1 burnt, 0 not burnt, others not observed.
    fire_years : sequence of int
        Of each season, from `season_fire_year`.
    seasons_per_year : int
        Seasons that make a fire year whole: autumn and spring. A year of which fewer are given has one that
        was not observed.

    Returns
    -------
    DataArray uint8 (year, y, x)
        1 if any season burnt; else 255 if any was not observed, for the fire may have been in that one;
        else 0.
    list of int
        The fire years.

    Raises
    ------
    ConfigError
        If there is not one year for each season.

    Examples
    --------
    >>> autumn, spring = [[1, 0, 0, 255]], [[0, 0, 255, 255]]
    >>> years, names = by_fire_year(np.array([autumn, spring], np.uint8), [2025, 2025])
    >>> years.values.tolist(), names
    ([[[1, 0, 255, 255]]], [2025])
    """
    stack = _stack(burnt, len(fire_years))
    names = sorted({int(year) for year in fire_years})
    joined = []
    for name in names:
        seasons = stack[[index for index, year in enumerate(fire_years) if int(year) == name]]
        along = str(seasons.dims[0])
        any_burnt = (seasons == BURNT).any(along)
        all_seen = (seasons <= BURNT).all(along) & (seasons.sizes[along] >= seasons_per_year)
        code = _where(any_burnt, np.uint8(BURNT), _where(all_seen, np.uint8(UNBURNT), np.uint8(UNOBSERVED)))
        joined.append(code.astype(np.uint8))
    return xr.concat(joined, dim="year"), names


def recurrence(burnt: Burnt, when: Sequence[Any] | NDArray[Any]) -> xr.Dataset:
    """Count of fires, the intervals between them and what is not known of these, per pixel.

    Parameters
    ----------
    burnt : uint8 (season, y, x)
        1 burnt, 0 seen and not burnt, every other code not observed.
    when : sequence of dates or of years
        A date within each season, or its (fire) year as a number; ascending.

    Returns
    -------
    Dataset (y, x)
        - ``count``: seasons in which it burnt [1], uint16; and ``observed``: seasons in which it was seen.
        - ``interval`` [years]: mean time between its fires; NaN with fewer than two.
        - ``interval_gaps``: unobserved seasons between its first and its last fire. Where above zero a
          fire may have been missed and ``interval`` is an upper bound.
        - ``since_last`` [years]: from the last fire to the last season in which the pixel was seen: at
          least so long without fire; NaN if never seen burnt.
        - ``unburnt_span`` [years]: of a pixel never seen burnt, from the first to the last season it was
          seen: its fire-free time is at least that; NaN if it burnt or was never seen.
        - ``censoring``: code of `CENSORING`, 255 never observed.

    Raises
    ------
    ConfigError
        If there is not one date for each season, or they do not ascend.
    TypeError
        If the codes are not uint8.

    Examples
    --------
    >>> seasons = np.array([1, 0, 255, 1, 0], np.uint8).reshape(5, 1, 1)
    >>> layers = recurrence(seasons, [2019, 2020, 2021, 2022, 2024])
    >>> layers["count"].item(), layers["observed"].item(), layers["interval"].item(), layers["since_last"].item()
    (2, 4, 3.0, 2.0)
    """
    times = _decimal_years(when)
    stack = _stack(burnt, len(times))
    if not (np.diff(times) > 0).all():
        raise ConfigError(f"seasons are dated {list(when)[:6]}, wants them ascending and each once; sort them first")
    along = stack.dims[0]
    whole = stack.chunk({along: -1}) if stack.chunks else stack
    found = _apply_ufunc(
        _recurrence,
        whole,
        kwargs={"times": times},
        input_core_dims=[[along]],
        output_core_dims=[[]] * len(_LAYERS),
        dask="parallelized",
        output_dtypes=[dtype for dtype, _, _ in _LAYERS.values()],
    )
    layers = zip(_LAYERS.items(), found, strict=True)
    return xr.Dataset({name: name_layer(layer, name, units, text) for (name, (_, units, text)), layer in layers})


_LAYERS = {
    "count": (np.uint16, "1", "seasons burnt"),
    "observed": (np.uint16, "1", "seasons observed"),
    "interval": (np.float32, "a", "mean time between fires"),
    "interval_gaps": (np.uint16, "1", "unobserved seasons between fires"),
    "since_last": (np.float32, "a", "time since the last fire, at least"),
    "unburnt_span": (np.float32, "a", "time seen without any fire"),
    "censoring": (np.uint8, "1", "what is known of the interval"),
}
"""Layers of `recurrence`: type, units, long name."""


def _recurrence(burnt: NDArray[np.uint8], *, times: NDArray[np.float64]) -> tuple[NDArray[Any], ...]:
    shape = burnt.shape[:-1]
    counts, years = np.empty((3, *shape), np.uint16), np.empty((3, *shape), np.float32)
    censoring = np.empty(shape, np.uint8)
    # Seasons come last here by xarray's order of things; the kernel wants them first, as they lie in memory.
    _histories(np.moveaxis(burnt, -1, 0), times, counts, years, censoring)
    return counts[0], counts[1], years[0], counts[2], years[1], years[2], censoring


@njit(nogil=True, cache=True)
def _histories(burnt: Any, times: Any, counts: Any, years: Any, censoring: Any) -> None:
    seasons, rows, columns = burnt.shape
    for y in range(rows):
        for x in range(columns):
            fires, seen, unseen, between = 0, 0, 0, 0
            first, last, first_seen, last_seen = -1, -1, -1, -1
            for season in range(seasons):
                code = burnt[season, y, x]
                if code != BURNT and code != UNBURNT:
                    unseen += 1
                    continue
                seen, last_seen = seen + 1, season
                first_seen = season if first_seen < 0 else first_seen
                if code == BURNT:
                    # Seasons that nobody saw lie between two fires only once another fire follows.
                    between = between + unseen if fires else 0
                    fires, last, unseen = fires + 1, season, 0
                    first = season if first < 0 else first
            counts[0, y, x], counts[1, y, x], counts[2, y, x] = fires, seen, between
            years[0, y, x] = (times[last] - times[first]) / (fires - 1) if fires > 1 else np.nan
            years[1, y, x] = times[last_seen] - times[last] if fires else np.nan
            years[2, y, x] = times[last_seen] - times[first_seen] if seen and not fires else np.nan
            censoring[y, x] = UNOBSERVED if not seen else max(0, 2 - fires)


def fire_rotation(count: Any, observed: Any) -> float:
    """Years in which as much burns as the area is large: seen pixel-years over fires, open intervals included.

    A mean of closed intervals leaves out every place that burnt once or never and comes out too short;
    this is the estimate of maximum likelihood for fires that strike at a constant rate.

    Parameters
    ----------
    count, observed : array or DataArray (y, x)
        From `recurrence` of fire years (`by_fire_year`), so that a pixel seen once was seen for one year.

    Returns
    -------
    float
        Years; infinity if nothing burnt, NaN if nothing was seen.

    References
    ----------
    Heinselman (1973), Quaternary Research 3:329-382 (natural fire rotation).

    Examples
    --------
    >>> fire_rotation(np.array([2, 0, 0, 0]), np.array([10, 10, 10, 10]))
    20.0
    """
    fires, years = float(np.asarray(count).sum()), float(np.asarray(observed).sum())
    if years == 0:
        return float("nan")
    return years / fires if fires else float("inf")


def _stack(burnt: Burnt, seasons: int) -> xr.DataArray:
    stack = burnt if isinstance(burnt, xr.DataArray) else xr.DataArray(burnt, dims=("season", "y", "x"))
    if stack.dtype != np.uint8:
        raise TypeError(f"burnt holds {stack.dtype}, wants uint8 codes: 1 burnt, 0 not burnt, 255 not observed")
    if stack.ndim != 3 or stack.shape[0] != seasons or not seasons:
        raise ConfigError(f"burnt has sizes {dict(stack.sizes)} and {seasons} dates, wants one date for each season")
    return stack


def _decimal_years(when: Sequence[Any] | NDArray[Any]) -> NDArray[np.float64]:
    """Years as numbers; a year of fires that is given as a number stays one."""
    values = np.asarray([np.datetime64(w, "D") if isinstance(w, date | str) else w for w in when])
    if np.issubdtype(values.dtype, np.datetime64):
        return 1970.0 + values.astype("datetime64[D]").astype(np.float64) / _DAYS_PER_YEAR
    return np.asarray(values, np.float64)
