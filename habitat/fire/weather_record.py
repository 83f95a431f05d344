"""A record of daily weather run through piece by piece: codes, Nesterov's index, and what is kept of its months."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.contracts.errors import InputError
from habitat.fire.weather.carried_state import State
from habitat.fire.weather.danger_classes import local_limits
from habitat.fire.weather.fire_rules import FireRules
from habitat.fire.weather.nesterov import RAIN_LIMIT_MM, NesterovState, nesterov_index
from habitat.fire.weather_index import CODES, fire_weather

_OWN = ("record_begins", "months", "fwi_sum", "fwi_days")
_DAYS_OF_SURE_YEAR = 360


@dataclass(frozen=True, eq=False)
class RecordState:
    """Where a record stands at the end of a day; running on from it gives, bit by bit, what one long run gives.

    Parameters
    ----------
    begins : datetime64[D]
        First day of the record.
    codes : State
        Moisture codes and seasons.
    nesterov : NesterovState
        Nesterov's index.
    months : datetime64[M] (month,)
        Calendar months that have been run through, in their order.
    fwi_sum : float64 (month, y, x)
        Sum of the fire weather index over the days of each month that have one.
    fwi_days : int16 (month, y, x) [d]
        How many these days are.
    """

    begins: np.datetime64
    codes: State
    nesterov: NesterovState
    months: NDArray[np.datetime64]
    fwi_sum: NDArray[np.float64]
    fwi_days: NDArray[np.int16]

    @property
    def day(self) -> np.datetime64:
        """Last day that was computed."""
        return self.codes.day

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as named arrays, for any format that holds them; `from_arrays` reads them again."""
        own: dict[str, NDArray[Any]] = {
            "record_begins": np.array(self.begins, "datetime64[D]").astype(np.int64),
            "months": self.months.astype("datetime64[M]").astype(np.int64),
            "fwi_sum": self.fwi_sum,
            "fwi_days": self.fwi_days,
        }
        both = self.codes.arrays() | self.nesterov.arrays()
        # Days as whole numbers since 1970: every format has those.
        return both | own | {"day": np.array(self.day, "datetime64[D]").astype(np.int64)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> RecordState:
        """Return the state that `arrays` told.

        Raises
        ------
        InputError
            If something is missing or of another shape.
        """
        missing = [name for name in (*_OWN, "day") if name not in arrays]
        if missing:
            raise InputError(f"the state of a record lacks {', '.join(missing)}; it was not written by this version")
        known = dict(arrays) | {"day": np.asarray(arrays["day"]).astype("datetime64[D]")}
        codes = State.from_arrays(known)
        months = np.asarray(arrays["months"]).astype("datetime64[M]")
        sums, days = np.array(arrays["fwi_sum"], np.float64), np.array(arrays["fwi_days"], np.int16)
        if sums.shape != (months.size, *codes.shape) or days.shape != sums.shape:
            raise InputError(
                f"the state of a record remembers {sums.shape} and {days.shape} of {months.size} months and cells "
                f"{codes.shape}; it was not written by this version"
            )
        begins = np.datetime64(np.asarray(arrays["record_begins"]).astype("datetime64[D]").item(), "D")
        return cls(begins, codes, NesterovState.from_arrays(known), months, sums, days)


def run_on(
    weather: xr.Dataset,
    rules: FireRules | None = None,
    state: RecordState | None = None,
    *,
    whole: bool = True,
    rain_limit_mm: float = RAIN_LIMIT_MM,
    workers: int | None = None,
) -> tuple[xr.Dataset, RecordState]:
    """Codes and Nesterov's index of a piece of a record, and the state to go on from.

    Parameters
    ----------
    weather : Dataset (time, y, x)
        As `fire_weather` wants it; the days after the state's.
    rules : FireRules, optional
        The same for all pieces.
    state : RecordState, optional
        Of the day before the first; without it the record begins here.
    whole : bool
        Whether all codes are wanted, or the fire weather index alone, which takes less memory.
    rain_limit_mm : float
        Of `nesterov_index`.
    workers : int, optional
        Of `fire_weather`.

    Returns
    -------
    Dataset (time, y, x)
        Codes, ``season`` and, if all are wanted, ``nesterov``.
    RecordState
        At the end of the last day.

    Raises
    ------
    InputError
        As `fire_weather` and `nesterov_index`.
    """
    chosen = rules or FireRules()
    names = CODES if whole else ("fwi",)
    found, codes = fire_weather(weather, chosen, state.codes if state else None, codes=names, workers=workers)
    index, nesterov = nesterov_index(
        weather, found["season"], state.nesterov if state else None, gaps=chosen.gaps, rain_limit_mm=rain_limit_mm
    )
    days = found["time"].values.astype("datetime64[D]")
    begins = state.begins if state else days[0]
    months, sums, counts = _remembered(found["fwi"].values, days, state)
    kept = found.assign(nesterov=index) if whole else found
    return kept, RecordState(begins, codes, nesterov, months, sums, counts)


def _remembered(
    fwi: NDArray[np.float32], days: NDArray[np.datetime64], state: RecordState | None
) -> tuple[NDArray[np.datetime64], NDArray[np.float64], NDArray[np.int16]]:
    """Return the months so far with sums and days; added up day after day, so that no cut into pieces changes a bit."""
    of_day: Any = days.astype("datetime64[M]")
    new = np.unique(of_day)
    old = state.months if state else new[:0]
    months = np.union1d(old, new)
    sums, counts = np.zeros((months.size, *fwi.shape[1:])), np.zeros((months.size, *fwi.shape[1:]), np.int16)
    if state:
        sums[: old.size], counts[: old.size] = state.fwi_sum, state.fwi_days
    for place, today in zip(np.searchsorted(months, of_day), fwi, strict=True):
        known = np.isfinite(today)
        sums[place] += np.where(known, today, 0)
        counts[place] += known
    return months, sums, counts


@dataclass(frozen=True, eq=False)
class Percentile:
    """Where a time's fire weather stands among the same time of earlier years.

    Parameters
    ----------
    values : float32 (y, x) [%]
        Share of the earlier years with a lower mean, and half of those with an equal one; NaN where unknown.
    years : int
        Most earlier years that any cell is compared with.
    """

    values: NDArray[np.float32]
    years: int


def percentile_among_years(
    state: RecordState, first: np.datetime64, last: np.datetime64, *, min_years: int = 10, min_days: int = 10
) -> Percentile:
    """Percentile of the mean fire weather index of some months among the same months of earlier years.

    Parameters
    ----------
    state : RecordState
        Of a record run through to the last of the months at least.
    first, last : datetime64[M]
        First and last month, both included, of one year.
    min_years : int
        Fewest earlier years a cell wants.
    min_days : int [d]
        A year's mean wants as many days with an index; a month with three days in season tells nothing.

    Examples
    --------
    >>> from habitat.fire.weather.carried_state import fresh_state
    >>> from habitat.fire.weather.nesterov import NesterovState
    >>> may = np.array(["2023-05", "2024-05", "2025-05"], "datetime64[M]")
    >>> codes = fresh_state((1, 1), "2025-06-01")
    >>> index = NesterovState(codes.day, np.zeros((1, 1)), np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.int16))
    >>> sums = np.array([100.0, 300.0, 200.0]).reshape(3, 1, 1)
    >>> state = RecordState(codes.day, codes, index, may, sums, np.full((3, 1, 1), 20, np.int16))
    >>> percentile_among_years(state, may[-1], may[-1], min_years=2).values.item()
    50.0
    """
    year, span = first.astype("datetime64[Y]").astype(int), int((last - first).astype(int)) + 1
    earliest = int(state.months[0].astype("datetime64[Y]").astype(int))
    means = [
        _mean_of(state, first - np.timedelta64(12 * before, "M"), span, min_days)
        for before in range(max(year - earliest, 0) + 1)
    ]
    now, earlier = means[0], np.stack(means)[1:]
    known = np.isfinite(earlier)
    lower, equal = (known & (earlier < now)).sum(axis=0), (known & (earlier == now)).sum(axis=0)
    count = known.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 100 * (lower + equal / 2) / count
    values = np.where((count >= min_years) & np.isfinite(now), share, np.nan)
    return Percentile(values.astype(np.float32), int(count.max(initial=0)))


def _mean_of(state: RecordState, first: np.datetime64, span: int, min_days: int) -> NDArray[np.float64]:
    """Return the mean of some months (y, x), NaN where too few days or not all of the months are known."""
    after = first + np.timedelta64(span, "M")
    here = (state.months >= first) & (state.months < after)
    count = state.fwi_days[here].sum(axis=0, dtype=np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = state.fwi_sum[here].sum(axis=0) / count
    enough = (count >= max(min_days, 1)) & (int(here.sum()) == span)
    known: NDArray[np.float64] = np.where(enough, mean, np.nan)
    return known


def limits_of_years_before(
    fwi: Sequence[xr.DataArray], year: int, *, extreme_days: float = 4.0, min_years: int = 5
) -> tuple[float, ...]:
    """Limits of danger classes calibrated on the whole years of a record before another year.

    Parameters
    ----------
    fwi : sequence of DataArray (time, y, x)
        Pieces of the record in their order.
    year : int
        The first year that is not looked at.
    extreme_days : float [d]
        Of `local_limits`.
    min_years : int
        Fewest years wanted.

    Raises
    ------
    InputError
        If there are fewer years, or `local_limits` finds nothing to tell apart.
    """
    days = np.concatenate(
        [np.array([], "datetime64[D]"), *(piece["time"].values.astype("datetime64[D]") for piece in fwi)]
    )
    of_day = days.astype("datetime64[Y]").astype(np.int64) + 1970
    years, counts = np.unique(of_day, return_counts=True)
    whole = years[(counts >= _DAYS_OF_SURE_YEAR) & (years < year)]
    if whole.size < min_years:
        raise InputError(
            f"local classes want {min_years} whole years of weather before {year}, and there are {whole.size}; give "
            "more years, or take the classes of EFFIS"
        )
    kept = np.isin(of_day, whole)
    values = np.concatenate([piece.values for piece in fwi])
    return local_limits(values[kept], of_day[kept], extreme_days=extreme_days)
