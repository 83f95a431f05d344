"""Monitors of a season model: open them at the end of a history, carry them over each month, read what they found."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.change.monitoring.monitor_kernels import CHANGED, NO_DAY, WATCHED, open_pixels, watch_pixels
from habitat.change.monitoring.monitor_rules import IQR, MOSUM, MonitorRules
from habitat.change.monitoring.monitor_state import MonitorState, dates_of
from habitat.change.monitoring.season_kernels import FLAT, NO_DATA, SINGULAR, TOO_FEW, UNSTABLE
from habitat.change.monitoring.season_model import (
    FLOATS,
    Codes,
    FitRules,
    Season,
    SeasonFit,
    checked_stack,
    run_pieces,
    season_fit,
)
from habitat.contracts.errors import InputError

USUAL_RULES = MonitorRules()
STABLE_HISTORY = FitRules(stable_level=0.05)
"""The fit of BFAST-monitor: each pixel's stable history is found first."""
PAUSED, NOT_SEEN, EXPIRED = 7, 8, 9
MONITOR_CODES = {
    WATCHED: "ok",
    TOO_FEW: "too few observations",
    UNSTABLE: "unstable history",
    NO_DATA: "no data",
    SINGULAR: "singular fit",
    FLAT: "no scatter",
    CHANGED: "change confirmed",
    PAUSED: "paused",
    NOT_SEEN: "not seen",
    EXPIRED: "history too old",
}
"""Reasons of pixels. `MonitorState.code` holds those up to «change confirmed»; `reasons` adds the others."""


def opened_monitor(  # noqa: PLR0913  what is seen, how it is read, and two sets of rules
    stack: NDArray[Any],
    times: Any,
    season: Season,
    rules: MonitorRules = USUAL_RULES,
    *,
    fit_rules: FitRules = STABLE_HISTORY,
    codes: Codes = FLOATS,
    usable: NDArray[Any] | None = None,
    workers: int | None = None,
) -> MonitorState:
    """State of a monitor at the end of a history: season models fitted, processes begun.

    Parameters
    ----------
    stack : float32, float64, int16 or uint16 (time, y, x)
        History of an index.
    times : datetime64 (time,)
        Its dates, ascending; scenes of one day may stand beside each other.
    season : Season
        Shape of the model.
    rules : MonitorRules
    fit_rules : FitRules
        By default each pixel's stable history is found first, as BFAST-monitor does.
    codes : Codes
    usable : bool or uint8 (time, y, x), optional
        0 where a clear date must not be used, such as under snow or without leaves. Monitoring pauses there.
    workers : int, optional
        Threads; all processors by default.

    Returns
    -------
    MonitorState

    Raises
    ------
    InputError
        If dates or shapes do not fit, or the dates do not carry the model.

    Examples
    --------
    >>> times = np.datetime64("2017-01-05") + np.arange(0, 1460, 10)
    >>> season = Season(order=1, origin="2019-01-01")
    >>> noise = np.random.default_rng(0).normal(0, 0.03, len(times))
    >>> stack = (0.6 + noise).astype(np.float32)[:, None, None]
    >>> state = opened_monitor(stack[:100], times[:100], season)
    >>> stack[120:] -= 0.3
    >>> found = change_layers(monitored(state, stack[100:], times[100:]))
    >>> str(found.first_departure.values[0, 0])[:10], round(float(found.magnitude[0, 0]), 1), str(times[120])
    ('2020-04-29', -0.3, '2020-04-19')
    """
    days = checked_days(times, len(stack))
    design = season.design(days)
    fit = season_fit(stack, design, fit_rules, codes=codes, usable=usable, workers=workers)
    state = _fresh_state(rules, season, days[-1], fit)
    flat, masked = checked_stack(stack, design, usable)
    _begin(state, (flat, masked, codes.numbers()), design, fit, workers)
    return state


def begun_monitor(
    stack: NDArray[Any], design: NDArray[np.float64], rules: MonitorRules, fit: SeasonFit
) -> MonitorState:
    """State of a monitor of regressors of one's own: go on with `monitored` and its `design`.

    Parameters
    ----------
    stack, design : arrays
        History that was fitted.
    rules : MonitorRules
    fit : SeasonFit
        Of `season_fit`.
    """
    state = _fresh_state(
        rules, Season(0, trend=False), np.datetime64("1970-01-01", "D") + np.timedelta64(len(stack) - 1, "D"), fit
    )
    flat, masked = checked_stack(stack, design, None)
    _begin(state, (flat, masked, FLOATS.numbers()), design, fit, None)
    return state


def _begin(state: MonitorState, read: Any, design: NDArray[np.float64], fit: SeasonFit, workers: int | None) -> None:
    parts, numbers = state.flat(), state.rules.numbers()
    sums = (fit.sigma.reshape(-1), fit.count.reshape(-1), fit.first.reshape(-1))
    run_pieces(lambda piece: open_pixels(read, design, sums, numbers, parts, piece), read[0].shape[1], workers)


def _fresh_state(rules: MonitorRules, season: Season, day: np.datetime64, fit: SeasonFit) -> MonitorState:
    shape = fit.sigma.shape
    code = fit.code.copy()
    sizes = (rules.window * fit.count + 1e-9).astype(np.int64)
    if rules.process == MOSUM:
        code[(code == WATCHED) & (sizes < 1)] = TOO_FEW
    watched = code == WATCHED
    window = int(sizes[watched].max(initial=0)) if rules.process == MOSUM else 0
    return MonitorState(
        rules=rules,
        season=season,
        day=day,
        coefficients=fit.coefficients.astype(np.float32),
        sigma=fit.sigma.astype(np.float32),
        process=np.zeros(shape),
        moving=np.zeros((window, *shape), np.float32),
        quartiles=np.zeros((2 if rules.process == IQR else 0, *shape), np.float32),
        code=code,
        history=fit.count.copy(),
        seen=np.zeros(shape, np.int16),
        run=np.zeros(shape, np.int8),
        days=np.full((4, *shape), NO_DAY, np.int32),
        after=np.zeros((rules.magnitude_count, *shape), np.float32),
        filled=np.zeros(shape, np.uint8),
    )


def monitored(
    state: MonitorState,
    stack: NDArray[Any],
    times: Any,
    *,
    codes: Codes = FLOATS,
    usable: NDArray[Any] | None = None,
    design: NDArray[np.float64] | None = None,
    workers: int | None = None,
) -> MonitorState:
    """State after more dates; the given state stays as it is. See `carry`."""
    later = state.copy()
    carry(later, stack, times, codes=codes, usable=usable, design=design, workers=workers)
    return later


def carry(
    state: MonitorState,
    stack: NDArray[Any],
    times: Any,
    *,
    codes: Codes = FLOATS,
    usable: NDArray[Any] | None = None,
    design: NDArray[np.float64] | None = None,
    workers: int | None = None,
) -> None:
    """Carry a state over more dates, writing into its arrays.

    Months one after another give, bit by bit, what all of them at once give.

    Parameters
    ----------
    state : MonitorState
        Of `opened_monitor`, `monitored` or read from a file.
    stack : float32, float64, int16 or uint16 (time, y, x)
    times : datetime64 (time,)
        Ascending, all after the state's day.
    codes, usable
        As of `opened_monitor`.
    design : float64 (time, term), optional
        Regressors, where they are not those of the state's season.
    workers : int, optional
        Threads; all processors by default.

    Raises
    ------
    InputError
        If dates do not follow on the state's, or shapes do not fit.
    """
    days = checked_days(times, len(stack))
    if len(days) and days[0] <= state.day:
        raise InputError(
            f"the first date to monitor is {days[0]}, the state has already seen {state.day}; leave out the dates it "
            "knows, or go on from an older state to do them again"
        )
    if stack.shape[1:] != state.shape:
        raise InputError(
            f"the stack has {stack.shape[1:]} pixels, the state {state.shape}; they are of different grids"
        )
    regressors = state.season.design(days) if design is None else design
    flat, masked = checked_stack(stack, regressors, usable)
    if regressors.shape[1] != len(state.coefficients):
        raise InputError(
            f"the design has {regressors.shape[1]} terms, the state's model {len(state.coefficients)}; "
            "give regressors of the same model"
        )
    if not len(days):
        return
    read = (flat, masked, codes.numbers())
    numbers, parts = state.rules.numbers(), state.flat()
    since = (days - np.datetime64("1970-01-01", "D")).astype(np.int32)
    run_pieces(lambda piece: watch_pixels(read, regressors, since, numbers, parts, piece), flat.shape[1], workers)
    state.day = days[-1]


def checked_days(times: Any, count: int) -> NDArray[np.datetime64]:
    """Return times as days.

    Raises
    ------
    InputError
        If there is not one for each date of the stack, or they do not ascend.
    """
    days = np.asarray(times).astype("datetime64[D]")
    if days.shape != (count,) or np.isnat(days).any() or (np.diff(days) < np.timedelta64(0, "D")).any():
        raise InputError(f"there are {days.shape} times for {count} dates, wants one for each, none missing, ascending")
    return days


def reasons(state: MonitorState, *, since: Any = None) -> NDArray[np.uint8]:
    """Why a pixel says what it says: codes of `MONITOR_CODES`.

    Parameters
    ----------
    state : MonitorState
    since : datetime64, optional
        First day of the month that is told of: watched pixels without a clear observation since are «not seen», or
        «paused» if what was clear was barred. Without it, a pixel is paused whose latest clear observation was barred.

    Returns
    -------
    uint8 (y, x)
        «history too old» is a watched pixel whose monitoring has outlasted the period its critical value holds for.
    """
    told = state.code.copy()
    seen, barred = state.days[2], state.days[3]
    watched = told == WATCHED
    if state.rules.process == MOSUM:
        total = state.history.astype(np.int64) + state.seen
        told[watched & (total > state.rules.period * state.history.astype(np.int64))] = EXPIRED
    if since is None:
        told[watched & (barred > seen)] = PAUSED
        return told
    first = int(np.datetime64(since, "D").astype(np.int64))
    unseen = watched & (seen < first)
    told[unseen] = NOT_SEEN
    told[unseen & (barred >= first)] = PAUSED
    return told


def change_magnitude(state: MonitorState) -> NDArray[np.float32]:
    """Median residual of the observations from the first departure on; NaN where nothing has departed.

    In the unit of the index, below zero where it fell. BFAST-monitor takes the median over all of the monitoring
    period, which shrinks a late change towards nothing.
    """
    known = np.arange(len(state.after))[:, None, None] < state.filled
    ordered = np.sort(np.where(known, state.after, np.inf), axis=0)
    count = state.filled.astype(np.int64)
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(ordered) - 1)
    middle = (np.take_along_axis(ordered, low[None], 0) + np.take_along_axis(ordered, high[None], 0))[0] / 2
    return np.where(count > 0, middle, np.nan).astype(np.float32)


def change_layers(state: MonitorState, *, since: Any = None) -> xr.Dataset:
    """Tell what a monitor has found, as layers (y, x).

    Parameters
    ----------
    state : MonitorState
    since : datetime64, optional
        Of `reasons`.

    Returns
    -------
    Dataset (y, x)
        ``first_departure`` and ``confirmed`` (datetime64, NaT where nothing happened), ``magnitude`` in the unit of
        the index, ``direction`` (-1, 0, 1) and ``reason``. A departure without confirmation still has to hold.
    """
    first, confirmed = dates_of(state.days[0]), dates_of(state.days[1])
    layers = {
        "first_departure": (first.astype("datetime64[ns]"), "first date beyond the boundary"),
        "confirmed": (confirmed.astype("datetime64[ns]"), "date the change was confirmed"),
        "magnitude": (change_magnitude(state), "median residual since the first departure"),
        "direction": (np.sign(state.run), "side of the boundary"),
        "reason": (reasons(state, since=since), "reason code"),
    }
    return xr.Dataset({name: (("y", "x"), values, {"long_name": told}) for name, (values, told) in layers.items()})
