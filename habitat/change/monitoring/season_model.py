"""Season model per pixel: level, trend and harmonics fitted to the clear dates of a stack."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.change.monitoring.season_kernels import BLOCK, FLAT, NO_DATA, OK, SINGULAR, TOO_FEW, UNSTABLE, fit_pixels
from habitat.change.monitoring.stable_history import plain_recursive_residuals, recursive_cusum_limit
from habitat.contracts.errors import ConfigError, InputError

DAYS_A_YEAR = 365.25
_SHARES = 4
_LEAST_PIECE = 16 * BLOCK
"""A piece is a quarter of a thread's share, but no smaller: it costs some twenty microseconds to begin one."""
FIT_CODES = {
    OK: "fitted",
    TOO_FEW: "too few observations",
    UNSTABLE: "unstable history",
    NO_DATA: "no data",
    SINGULAR: "singular fit",
    FLAT: "no scatter",
}
"""What became of the fit of a pixel."""


@dataclass(frozen=True)
class Season:
    """Shape of a season model: 1, years since the origin, cos and sin of each harmonic of the year.

    Parameters
    ----------
    order : int
        Harmonics of the year; 3 as in BFAST-monitor.
    trend : bool
        Whether the level may change along a line.
    origin : str
        Day from which years are counted. Near the middle of the history the fit is best conditioned.

    Examples
    --------
    >>> Season(order=1, origin="2020-01-01").design(np.array(["2020-01-01"], "datetime64[D]")).tolist()
    [[1.0, 0.0, 1.0, 0.0]]
    """

    order: int = 3
    trend: bool = True
    origin: str = "2020-01-01"

    def __post_init__(self) -> None:
        if not 0 <= self.order <= 8:
            raise ConfigError(f"a season model has order {self.order}, wants 0 to 8 harmonics of the year")

    @property
    def terms(self) -> int:
        """Number of coefficients."""
        return 1 + int(self.trend) + 2 * self.order

    @property
    def names(self) -> tuple[str, ...]:
        """Name of each coefficient."""
        harmonics = [f"{wave}{k}" for k in range(1, self.order + 1) for wave in ("cos", "sin")]
        return ("level", *(["trend"] if self.trend else []), *harmonics)

    def design(self, times: Any) -> NDArray[np.float64]:
        """Return the regressors (time, term) of days."""
        days = np.asarray(times).astype("datetime64[D]") - np.datetime64(self.origin, "D")
        years = days.astype(np.float64) / DAYS_A_YEAR
        columns = [np.ones_like(years)] + ([years] if self.trend else [])
        for k in range(1, self.order + 1):
            columns += [np.cos(2 * np.pi * k * years), np.sin(2 * np.pi * k * years)]
        return np.stack(columns, axis=-1)


@dataclass(frozen=True)
class Codes:
    """How the numbers of a stack are read: value = number * scale + offset, nodata being a gap, as is NaN."""

    nodata: float = math.nan
    scale: float = 1.0
    offset: float = 0.0

    def numbers(self) -> tuple[float, float, float]:
        """Return nodata, scale and offset."""
        return float(self.nodata), float(self.scale), float(self.offset)


FLOATS = Codes()
"""Numbers as they are."""
INDEX_CODES = Codes(-32768, 1e-4)
"""Published int16 indices and reflectance."""


@dataclass(frozen=True, eq=False)
class SeasonFit:
    """Season models of all pixels.

    Parameters
    ----------
    coefficients : float64 (term, y, x)
        In the order of the design's columns; NaN where there is no model.
    sigma : float64 (y, x)
        Residual standard deviation with count - term degrees of freedom; of a robust fit the median absolute
        residual over 0.6745.
    count : int16 (y, x)
        Observations of the stable history.
    first : int16 (y, x)
        Index of the first date of the stable history; 0 where all of it is stable or was not looked at.
    code : uint8 (y, x)
        See `FIT_CODES`.
    """

    coefficients: NDArray[np.float64]
    sigma: NDArray[np.float64]
    count: NDArray[np.int16]
    first: NDArray[np.int16]
    code: NDArray[np.uint8]


@dataclass(frozen=True)
class FitRules:
    """How a season model is fitted.

    Parameters
    ----------
    robust : bool
        Tukey's bisquare weights (4.685 robust deviations) instead of ordinary least squares.
    stable_level : float, optional
        Level of the reverse-ordered CUSUM that finds the stable history; None takes all of the history for stable.
    min_count : int, optional
        Fewest observations of a pixel; twice the number of coefficients by default.
    """

    robust: bool = False
    stable_level: float | None = None
    min_count: int | None = None

    def numbers(self, terms: int) -> tuple[int, float, int]:
        """Return fewest observations, critical value of the stable history (0 for none) and whether robust."""
        fewest = 2 * terms if self.min_count is None else self.min_count
        if fewest <= terms:
            raise ConfigError(f"min_count is {fewest}, wants more than the {terms} coefficients of the model")
        if self.stable_level is not None and not 0 < self.stable_level < 1:
            raise ConfigError(f"stable_level is {self.stable_level}, wants a level between 0 and 1, such as 0.05")
        limit = 0.0 if self.stable_level is None else recursive_cusum_limit(self.stable_level)
        return fewest, limit, int(self.robust)


LEAST_SQUARES = FitRules()


def season_fit(
    stack: NDArray[Any],
    design: NDArray[np.float64],
    rules: FitRules = LEAST_SQUARES,
    *,
    codes: Codes = FLOATS,
    usable: NDArray[Any] | None = None,
    workers: int | None = None,
) -> SeasonFit:
    """Season models of all pixels, each fitted to its own clear dates.

    The design is made orthonormal first, so the condition of the normal equations is that of a pixel's gaps and not
    that of the regressors' units; sums are double precision.

    Parameters
    ----------
    stack : float32, float64, int16 or uint16 (time, y, x)
        History, dates ascending.
    design : float64 (time, term)
        Regressors, as of `Season.design`.
    rules : FitRules
    codes : Codes
        How integers are read.
    usable : bool or uint8 (time, y, x), optional
        0 where a clear date must not be used, such as under snow or without leaves.
    workers : int, optional
        Threads; all processors by default.

    Raises
    ------
    InputError
        If shapes do not fit or the dates do not carry the model.

    References
    ----------
    Verbesselt, Zeileis & Herold (2012), Remote Sens. Environ. 123, 98-108. Holland & Welsch (1977),
    Communications in Statistics A 6, 813-827.

    Examples
    --------
    >>> times = np.datetime64("2020-01-01") + np.arange(0, 900, 30)
    >>> design = Season(order=1).design(times)
    >>> stack = (design @ [0.6, 0.0, -0.25, 0.0])[:, None, None]
    >>> abs(season_fit(stack, design).coefficients[:, 0, 0]).round(6).tolist()
    [0.6, 0.0, 0.25, 0.0]
    """
    flat, masked = checked_stack(stack, design, usable)
    terms, pixels = design.shape[1], flat.shape[1]
    basis, back = _orthonormal(design)
    pairs = np.stack([basis[:, p] * basis[:, q] for p in range(terms) for q in range(p + 1)], axis=1)
    numbers = rules.numbers(terms)
    written = (
        np.empty((terms, pixels)),
        np.empty(pixels),
        np.empty(pixels, np.int16),
        np.empty(pixels, np.int16),
        np.empty(pixels, np.uint8),
    )
    read = (flat, masked, codes.numbers())
    run_pieces(lambda piece: fit_pixels(read, (basis, pairs, back), numbers, written, piece), pixels, workers)
    shape = stack.shape[1:]
    coefficients, sigma, count, first, code = (array.reshape(*array.shape[:-1], *shape) for array in written)
    return SeasonFit(coefficients, sigma, count, first, code)


def checked_stack(
    stack: NDArray[Any], design: NDArray[np.float64], usable: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Return stack and mask as (time, pixel); the mask is empty where none is given.

    Raises
    ------
    InputError
        If types or shapes do not fit.
    """
    if stack.ndim != 3 or stack.dtype.name not in ("float32", "float64", "int16", "uint16"):
        raise InputError(
            f"the stack is {stack.dtype} {stack.shape}, wants float32, float64, int16 or uint16 (time, y, x)"
        )
    if design.ndim != 2 or len(design) != len(stack) or not np.isfinite(design).all():
        raise InputError(
            f"the design is {design.shape} for {len(stack)} dates, wants finite numbers (time, term); "
            "make it from the same times as the stack"
        )
    flat = np.ascontiguousarray(stack).reshape(len(stack), stack.shape[1] * stack.shape[2])
    if usable is None:
        return flat, np.empty((0, 0), np.uint8)
    if usable.shape != stack.shape or usable.dtype.name not in ("bool", "uint8"):
        raise InputError(
            f"the mask is {usable.dtype} {usable.shape}, the stack {stack.shape}; wants bool or uint8 of one shape"
        )
    return flat, np.ascontiguousarray(usable).view(np.uint8).reshape(flat.shape)


def run_pieces(work: Callable[[tuple[int, int]], Any], pixels: int, workers: int | None) -> None:
    """Call work with the first and the end of each piece of the pixels, from as many threads as workers.

    Pieces are smaller than a thread's share, so that no thread waits long for one that was held up.
    """
    wanted = workers or os.cpu_count() or 1
    count = max(1, min(_SHARES * wanted, pixels // _LEAST_PIECE)) if wanted > 1 else 1
    step = max(1, -(-pixels // (BLOCK * count))) * BLOCK
    pieces = [(first, min(first + step, pixels)) for first in range(0, pixels, step)]
    queue = iter(pieces)

    def take_turns() -> None:
        for piece in queue:
            work(piece)

    others = min(wanted, len(pieces)) - 1
    if others <= 0:
        take_turns()
        return
    with ThreadPoolExecutor(others) as pool:
        turns = [pool.submit(take_turns) for _ in range(others)]
        take_turns()
        for done in turns:
            done.result()


def _orthonormal(design: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return orthogonal columns of mean square one, and what turns their coefficients into the design's."""
    size = np.sqrt((design**2).mean(axis=0))
    if len(design) < design.shape[1] or not (size > 0).all():
        raise InputError(
            f"{len(design)} dates do not carry {design.shape[1]} coefficients; give a longer history or a lower order"
        )
    basis, triangle = np.linalg.qr(design / size)
    pivots = np.abs(np.diag(triangle))
    if pivots.min() <= 1e-12 * pivots.max():
        raise InputError(
            f"the {len(design)} dates cannot tell the {design.shape[1]} terms of the model apart; "
            "give a longer history or a lower order"
        )
    scale = math.sqrt(len(design))
    back = np.linalg.solve(triangle, np.eye(len(size))) / size[:, None]
    return np.ascontiguousarray(basis * scale), np.ascontiguousarray(back * scale)


def plain_season_fit(
    stack: NDArray[Any], design: NDArray[np.float64], rules: FitRules = LEAST_SQUARES, *, codes: Codes = FLOATS
) -> SeasonFit:
    """Write `season_fit` plainly, pixel by pixel with least squares of NumPy: the oracle of the kernels."""
    nodata, scale, offset = codes.numbers()
    terms, shape = design.shape[1], stack.shape[1:]
    fewest, limit, robust = rules.numbers(terms)
    fit = SeasonFit(
        np.full((terms, *shape), np.nan),
        np.full(shape, np.nan),
        np.zeros(shape, np.int16),
        np.zeros(shape, np.int16),
        np.zeros(shape, np.uint8),
    )
    for y, x in np.ndindex(*shape):
        series = stack[:, y, x].astype(np.float64)
        known = np.flatnonzero(np.isfinite(series) & (series != nodata))
        rows, values = design[known], series[known] * scale + offset
        every, first = len(known), 0
        if limit and every >= fewest:
            kept = _plain_stable(rows, values, limit)
            first = int(known[kept - 1]) + 1 if kept else 0
            rows, values = rows[kept:], values[kept:]
        fit.count[y, x], fit.first[y, x] = len(values), first
        if len(values) < fewest:
            fit.code[y, x] = NO_DATA if every == 0 else TOO_FEW if every < fewest else UNSTABLE
            continue
        coefficients, sigma = _plain_robust(rows, values) if robust else _plain_squares(rows, values)
        fit.coefficients[:, y, x], fit.sigma[y, x] = coefficients, sigma
    return fit


def _plain_stable(rows: NDArray[np.float64], values: NDArray[np.float64], limit: float) -> int:
    residuals = plain_recursive_residuals(rows[::-1], values[::-1])
    n = len(residuals)
    process = np.cumsum(residuals) / (np.std(residuals, ddof=1) * math.sqrt(n))
    beyond = np.flatnonzero(np.abs(process) > limit * (1 + 2 * np.arange(1, n + 1) / n))
    return int(len(values) - rows.shape[1] - beyond[0]) if beyond.size else 0


def _plain_squares(rows: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    coefficients: Any = np.linalg.lstsq(rows, values, rcond=None)[0]
    residuals = values - rows @ coefficients
    return coefficients, math.sqrt(residuals @ residuals / (len(values) - rows.shape[1]))


def _plain_robust(rows: NDArray[np.float64], values: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    coefficients: Any
    coefficients, scale = _plain_squares(rows, values)
    for _ in range(50):
        residuals = values - rows @ coefficients
        scale = float(np.median(np.abs(residuals)) / 0.6745)
        share = np.clip(np.abs(residuals) / (4.685 * scale), 0, 1)
        root = 1 - share**2  # the square root of Tukey's weight
        before, coefficients = coefficients, np.linalg.lstsq(rows * root[:, None], values * root, rcond=None)[0]
        if np.abs(coefficients - before).max() <= 1e-8 * np.abs(coefficients).max():
            break
    return coefficients, scale
