"""False alarms to expect, from pixels' own histories: their years drawn anew, and the monitor run on them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from habitat.change.monitoring.drawn_years import drawn_series, source_years
from habitat.change.monitoring.false_alarms import Forest, expected_false_alarms
from habitat.change.monitoring.monitor_kernels import CHANGED, WATCHED
from habitat.change.monitoring.monitor_rules import MonitorRules
from habitat.change.monitoring.monitor_state import MonitorState, dates_of
from habitat.change.monitoring.monitors import STABLE_HISTORY, carry, checked_days, opened_monitor
from habitat.change.monitoring.season_model import FLOATS, Codes, FitRules, Season
from habitat.change.monitoring.season_residuals import HistoryResiduals, history_residuals, season_years
from habitat.contracts.errors import InputError

_SERIES = 32768
"""Series drawn, at least once for each pixel and year."""
_MOST_DRAWS = 48
_FEWEST_PIXELS = 5
_TREND_YEARS = 4
_SEEN_SHARE = 0.1
_YEARS_KNOWN, _YEARS_DIFFER = 2.0, 0.7
"""How much is known beforehand of the years' differing: as though so many had been seen whose logarithms differ so."""
_CHANCE = 0.9
YEARS, FEW_YEARS, NORMAL = "years", "few years", "normal noise"
_HOW = {
    YEARS: "years of the pixels' own residuals drawn anew, the monitor run on them",
    FEW_YEARS: "years of the pixels' own residuals drawn anew, the monitor run on them; of two years only, so how "
    "much years differ is hardly known",
    NORMAL: "normal noise with the residuals' correlation, since there are no two years or too few pixels to draw "
    "from; years that differ and missed clouds are not in it: a lower bound",
}


@dataclass(frozen=True, eq=False)
class AlarmEstimate:
    """False alarms of stable pixels.

    Parameters
    ----------
    share_by_month : dict of str to float
        Share of the stable pixels with a model whose change is confirmed in each month, such as «2025-05».
    interval_by_month : dict of str to (float, float)
        Where that share of a year to come lies with a chance of 90 %: years differ, and pixels and draws are few.
    share, interval : float, (float, float)
        Of all months together.
    kind : str
        `YEARS`, `FEW_YEARS` or `NORMAL`: which way the estimate was made; `how` tells it in words.
    pixels, years : int
        Pixels and years drawn from.
    changed, short : int
        Pixels left out because their history has a lasting step, and because it carries no model.
    correlation : float
        Of residuals of looks that follow each other.
    tail : float
        Share of residuals beyond three deviations; 0.0027 if they were normal.
    resolution_m : float
    """

    share_by_month: dict[str, float]
    interval_by_month: dict[str, tuple[float, float]]
    share: float
    interval: tuple[float, float]
    kind: str
    pixels: int
    years: int
    changed: int
    short: int
    correlation: float
    tail: float
    resolution_m: float

    @property
    def how(self) -> str:
        """Return which way the estimate was made."""
        return _HOW[self.kind]

    def per_1000km2(self, month: str) -> float:
        """Return the pixels of 1,000 km² of unchanged ground whose change is confirmed in a month."""
        return self.share_by_month.get(month, 0.0) * self._pixels_of_1000km2

    @property
    def _pixels_of_1000km2(self) -> float:
        return 1e9 / self.resolution_m**2

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain numbers and words."""
        months = {
            month: {
                "share": share,
                "interval": list(self.interval_by_month[month]),
                "per_1000km2": self.per_1000km2(month),
            }
            for month, share in self.share_by_month.items()
        }
        return {
            "months": months,
            "share": self.share,
            "interval": list(self.interval),
            "interval_chance": _CHANCE,
            "per_1000km2_and_month": self.share * self._pixels_of_1000km2 / max(len(months), 1),
            "resolution_m": self.resolution_m,
            "kind": self.kind,
            "how": self.how,
            "pixels": self.pixels,
            "years": self.years,
            "left_out": {"changed": self.changed, "too_few_looks": self.short},
            "correlation": self.correlation,
            "tail": self.tail,
        }


def alarms_to_expect(  # noqa: PLR0913  what is seen, how it is read, and two sets of rules
    stack: NDArray[Any],
    times: Any,
    later: Any,
    season: Season,
    rules: MonitorRules,
    *,
    fit_rules: FitRules = STABLE_HISTORY,
    codes: Codes = FLOATS,
    usable: NDArray[Any] | None = None,
    resolution_m: float = 20.0,
    least_sigma: float = 0.0,
    seed: int = 0,
) -> AlarmEstimate:
    """Share of stable pixels that will be confirmed as changed, month by month, from the histories of a sample.

    `expected_false_alarms` supposes normal noise. Real residuals come in clusters, have missed clouds among them, and
    whole years differ. So each pixel's residuals, with its gaps, are cut into years; years are drawn onto the years
    of the history and of monitoring, none onto both; and the monitor itself is opened and run on what was drawn.

    Parameters
    ----------
    stack : float32, float64 or int16 (time, pixel)
        Histories of a sample of pixels, 500 or more. Pixels whose history has a lasting step are left out.
    times, later : datetime64 (time,)
        Dates of the history and those monitored, ascending.
    season : Season
    rules : MonitorRules
    fit_rules : FitRules
    codes : Codes
    usable : bool or uint8 (time, pixel), optional
        As of `opened_monitor`.
    resolution_m : float
        Side of a pixel.
    least_sigma : float
        Least deviation that the monitors are held to, in the unit of the index.
    seed : int
        The same seed gives the same numbers.

    Raises
    ------
    InputError
        If shapes or dates do not fit, or no pixel's history carries the model.

    Examples
    --------
    >>> times = np.datetime64("2020-01-03") + np.arange(0, 1826, 10)
    >>> noise = np.random.default_rng(1).normal(0, 0.03, (len(times), 300)).astype(np.float32)
    >>> given = (noise[:147], times[:147], times[147:], Season(1, trend=False), MonitorRules(confirm=1))
    >>> told = alarms_to_expect(*given)
    >>> told.kind, told.years, list(told.share_by_month)[:2], bool(0 < told.share < 0.05)
    ('years', 4, ['2024-01', '2024-02'], True)
    """
    days = checked_days(times, len(stack))
    after = checked_days(later, len(np.asarray(later)))
    _check(stack, usable, days, after)
    rng = np.random.default_rng(seed)
    looks = _looks(stack, codes, usable)
    years, places = season_years(np.concatenate([days, after]), np.concatenate([looks, np.zeros(len(after))]))
    # So few years do not tell a trend from years that differ; what a trend would take is what false alarms come from.
    known = replace(season, trend=season.trend and len(np.unique(years[: len(days)])) >= _TREND_YEARS)
    past = history_residuals(stack, days, known, codes=codes, usable=usable, years=years[: len(days)])
    if not len(past.pixels):
        raise InputError(
            f"none of {stack.shape[1]} pixels has a stable history that carries {season.terms} coefficients "
            f"({past.short} have too few looks, {past.changed} a lasting step); give a longer history or a lower order"
        )
    sources = source_years(years[: len(days)], np.isfinite(past.units).mean(axis=1))
    if len(sources) < 2 or len(past.pixels) < _FEWEST_PIXELS:
        return _normal(past, (days, after), season, rules, resolution_m)
    counts = _Counts(after, len(sources), len(past.pixels))
    # What is drawn is in units of each pixel's deviation, and so is the floor its monitor stands on.
    least = np.float32(least_sigma) / past.deviation
    draws = min(max(_SERIES // len(past.pixels) + 1, 2 * len(sources)), _MOST_DRAWS)
    for draw in range(-(-draws // len(sources)) * len(sources)):
        drawn = drawn_series(past.units, years, places, sources, draw % len(sources), rng)
        state = opened_monitor(drawn[: len(days), None], days, season, rules, fit_rules=fit_rules)
        np.maximum(state.sigma, least, out=state.sigma)
        carry(state, drawn[len(days) :, None], after)
        counts.add(state, draw % len(sources))
    if not counts.watched.all():
        return _normal(past, (days, after), season, rules, resolution_m)
    return counts.estimate(past, resolution_m)


class _Counts:
    """What the drawn series came to, by the year that became the first year of monitoring."""

    def __init__(self, later: NDArray[np.datetime64], years: int, pixels: int) -> None:
        self.months = np.unique(later.astype("datetime64[M]"))
        self.confirmed = np.zeros((years, len(self.months)))
        self.watched = np.zeros(years)
        self.alarmed = np.zeros((len(self.months), pixels), bool)

    def add(self, state: MonitorState, year: int) -> None:
        """Count the confirmed pixels of one drawing."""
        code, day = state.code[0], dates_of(state.days[1][0])
        held = np.flatnonzero(code == CHANGED)
        month = np.searchsorted(self.months, day[held].astype("datetime64[M]"))
        np.add.at(self.confirmed[year], month, 1)
        self.alarmed[month, held] = True
        self.watched[year] += int(((code == CHANGED) | (code == WATCHED)).sum())

    def estimate(self, past: HistoryResiduals, resolution_m: float) -> AlarmEstimate:
        """Return the shares, and where they may lie."""
        names = [str(month) for month in self.months]
        parts = [
            self._share(self.confirmed[:, place], int(alarmed.sum())) for place, alarmed in enumerate(self.alarmed)
        ]
        share, interval = self._share(self.confirmed.sum(axis=1), int(self.alarmed.any(axis=0).sum()))
        return AlarmEstimate(
            {name: part[0] for name, part in zip(names, parts, strict=True)},
            {name: part[1] for name, part in zip(names, parts, strict=True)},
            share,
            interval,
            YEARS if len(self.watched) > 2 else FEW_YEARS,
            years=len(self.watched),
            resolution_m=resolution_m,
            **_told(past),
        )

    def _share(self, confirmed: NDArray[np.float64], pixels: int) -> tuple[float, tuple[float, float]]:
        """Return the mean of the years' shares and the interval of a year to come, years being lognormal."""
        years = len(self.watched)
        share = float((confirmed / self.watched).mean())
        if not pixels:
            return 0.0, (0.0, min(1.0, 3.0 / (self.alarmed.shape[1] * years)))
        logs = np.log((confirmed + 0.5) / self.watched)
        freedom = _YEARS_KNOWN + years - 1
        spread = (_YEARS_KNOWN * _YEARS_DIFFER**2 + float(((logs - logs.mean()) ** 2).sum())) / freedom
        reach = float(student.ppf(0.5 + _CHANCE / 2, freedom)) * math.sqrt(spread * (1 + 1 / years) + 1 / pixels)
        return share, (share * math.exp(-reach), min(1.0, share * math.exp(reach)))


def _normal(
    past: HistoryResiduals,
    dates: tuple[NDArray[np.datetime64], NDArray[np.datetime64]],
    season: Season,
    rules: MonitorRules,
    resolution_m: float,
) -> AlarmEstimate:
    """Return what normal noise gives, where there is too little to draw from."""
    told = _told(past)
    seen = np.isfinite(past.units).mean(axis=1)
    # Dates that hardly any pixel may use, such as those of winter, are none of a history.
    used = np.asarray(seen >= _SEEN_SHARE * float(np.max(seen)))
    dates = dates[0][used], dates[1]
    looks = float(seen[used].mean())
    forest = Forest(resolution_m**2, looks, float(np.clip(told["correlation"], -0.95, 0.95)))
    alarms = expected_false_alarms(rules, season, *dates, forest)
    shares = {
        str(month): float(count) * resolution_m**2 / 1e9
        for month, count in zip(alarms.months, alarms.confirmed, strict=True)
    }
    total = sum(shares.values())
    intervals = {month: (share, 1.0) for month, share in shares.items()}
    return AlarmEstimate(shares, intervals, total, (total, 1.0), NORMAL, years=1, resolution_m=resolution_m, **told)


def _told(past: HistoryResiduals) -> dict[str, Any]:
    """Return what is told of the residuals."""
    units = past.units
    latest = np.full(units.shape[1], np.nan)
    product = squares = pairs = 0.0
    for row in units.astype(np.float64):
        both = np.isfinite(row) & np.isfinite(latest)
        product += float((row[both] * latest[both]).sum())
        squares += float((row[both] ** 2 + latest[both] ** 2).sum()) / 2
        pairs += int(both.sum())
        latest = np.where(np.isfinite(row), row, latest)
    known = units[np.isfinite(units)]
    return {
        "pixels": len(past.pixels),
        "changed": past.changed,
        "short": past.short,
        "correlation": product / squares if pairs else 0.0,
        "tail": float((np.abs(known) > 3).mean()) if len(known) else 0.0,
    }


def _looks(stack: NDArray[Any], codes: Codes, usable: NDArray[Any] | None) -> NDArray[np.float64]:
    """Return the looks of each date."""
    known = np.isfinite(stack) & (stack != codes.nodata)
    if usable is not None:
        known &= usable != 0
    return np.asarray(known.sum(axis=1), np.float64)


def _check(stack: NDArray[Any], usable: NDArray[Any] | None, days: Any, later: Any) -> None:
    if stack.ndim != 2 or not stack.shape[1]:
        raise InputError(f"the histories are {stack.shape}, wants (time, pixel) with at least one pixel")
    if usable is not None and usable.shape != stack.shape:
        raise InputError(f"the mask is {usable.shape}, the histories {stack.shape}; wants one shape")
    if not len(days) or not len(later) or later[0] <= days[-1]:
        raise InputError(
            f"the history has {len(days)} dates, {len(later)} are monitored; wants both, all monitored dates after "
            "the history"
        )
