"""Residuals of histories as large as they were before their own fit, and which pixels did not stay as they were."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from habitat.change.monitoring.season_model import Codes, Season

Numbers = NDArray[np.float64]

_STEP_SHARE, _STEP_DIGITS = 0.5, 5
"""Share of a pixel's squared residuals that one lasting step explains: above it the pixel has changed. Of few looks,
a step has to explain as much as white errors leave to it in one of 10⁵ pixels."""
_STEP_LOOKS = 4
"""Looks that a step must have on either side."""
_STEP_TESTS = 60
_MAD_TO_SD = 0.6745
_LEAST_LEFT = 0.05
"""Where a year alone decides a direction of the model, less than this is left of it and nothing can be restored."""


class HistoryResiduals(NamedTuple):
    """Residuals in units of each pixel's own robust deviation.

    Parameters
    ----------
    units : float32 (time, pixel)
        NaN where there is no look.
    pixels : int64 (pixel,)
        Which of the given pixels these are.
    changed, short : int
        Pixels left out because a lasting step explains their residuals, and because their looks carry no model.
    deviation : float32 (pixel,)
        Each pixel's robust deviation, in the unit of the index.
    """

    units: NDArray[np.float32]
    pixels: NDArray[np.int64]
    changed: int
    short: int
    deviation: NDArray[np.float32]


def season_years(days: Any, looks: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the year of each day, begun in the month that is seen least, and the days since it began.

    Parameters
    ----------
    days : datetime64[D] (time,)
    looks : int (time,)
        Looks of each day; a year is cut where there are few, such as in winter or in the rains.

    Examples
    --------
    >>> days = np.array(["2024-06-30", "2024-12-31", "2025-01-02"], "datetime64[D]")
    >>> [part.tolist() for part in season_years(days, np.array([0, 9, 9]))]
    [[2024, 2024, 2024], [121, 305, 307]]
    """
    first = _least_seen_month(days, looks)
    months = np.asarray(days).astype("datetime64[M]").astype(np.int64) - first
    years = months // 12
    starts = (years * 12 + first).astype("datetime64[M]").astype("datetime64[D]")
    return years + 1970, (np.asarray(days).astype("datetime64[D]") - starts).astype(np.int64)


def _least_seen_month(days: Any, looks: NDArray[Any]) -> int:
    """Return the month, 0 for January, with the fewest looks."""
    month = np.asarray(days).astype("datetime64[M]").astype(np.int64) % 12
    seen = np.bincount(month, np.asarray(looks, np.float64), minlength=12)
    # Of months without looks, those amid others without looks are farther from the season.
    smooth = seen + (np.roll(seen, 1) + np.roll(seen, -1)) / 4
    return int(np.argmin(smooth))


def history_residuals(
    stack: NDArray[Any],
    days: Any,
    season: Season,
    *,
    codes: Codes,
    usable: NDArray[Any] | None,
    years: NDArray[np.int64],
) -> HistoryResiduals:
    """Residuals of least squares over all of each pixel's history, whose years differ as much as those of the errors.

    A fit takes from residuals what years have in common with its terms. Of the years of one pixel, taken against each
    other, a level that is fitted takes nothing, but all that decides a year alone does. So each year's residuals are
    multiplied by √((1 - 1/n) / (1 - H)), H being their block of the hat matrix and n the number of years, where that
    is more than one, and by what is wanting because one of n years comes from another pixel.

    Parameters
    ----------
    stack : float32 or int16 (time, pixel)
    days : datetime64[D] (time,)
    season : Season
    codes : Codes
    usable : bool or uint8 (time, pixel), optional
    years : int64 (time,)
        Of `season_years`.

    References
    ----------
    Bell & McCaffrey (2002), Survey Methodology 28, 169-181, for (I - H)^(-1/2) of clusters that stand alone.
    """
    nodata, scale, offset = codes.numbers()
    values = stack.astype(np.float64)
    known = np.isfinite(values) & (values != nodata)
    if usable is not None:
        known &= usable != 0
    design = season.design(days)
    terms = design.shape[1]
    size = np.sqrt((design**2).mean(axis=0))
    design = design / np.where(size > 0, size, 1.0)
    enough = known.sum(axis=0) >= 2 * terms
    gram = _grams(design, known)
    enough &= np.linalg.eigvalsh(gram)[:, 0] > 1e-9 * np.trace(gram, axis1=1, axis2=2)
    pixels = np.flatnonzero(enough)
    known, gram = known[:, pixels], gram[pixels]
    values = np.where(known, values[:, pixels] * scale + offset, 0.0)
    inverse: NDArray[np.float64] = np.asarray(np.linalg.inv(gram), np.float64)
    found = np.einsum("pkl,lp->kp", inverse, design.T @ values)
    residuals = np.where(known, values - design @ found, 0.0)
    squares = (residuals**2).sum(axis=0)
    # The middle residual: a missed cloud must not make the rest of its pixel small beside other pixels.
    sigma = np.nanmedian(np.where(known, np.abs(residuals), np.nan), axis=0) / _MAD_TO_SD
    freedom = np.maximum(known.sum(axis=0) - terms - 1, 1)
    limit = np.maximum(_STEP_SHARE, 1 - 10 ** (-2 * _STEP_DIGITS / freedom))
    whole = (sigma > 1e-7 * np.sqrt((values**2).mean(axis=0))) & (
        _step_share(residuals, known, design, inverse, squares) < limit
    )
    names = np.unique(years)
    for year in names:
        rows = years == year
        residuals[rows] = _restored(residuals[rows], known[rows], design[rows], inverse, max(len(names), 2))
    units = np.where(known, residuals / np.where(sigma > 0, sigma, 1.0), np.nan)[:, whole]
    left_out = int((~whole).sum()), int((~enough).sum())
    return HistoryResiduals(units.astype(np.float32), pixels[whole], *left_out, sigma[whole].astype(np.float32))


def _grams(design: Numbers, known: NDArray[np.bool_]) -> Numbers:
    """Return the normal matrix (pixel, term, term) of each pixel's looks."""
    terms = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), terms * terms)
    return np.asarray((known.T.astype(np.float64) @ products).reshape(-1, terms, terms))


def _restored(residuals: Numbers, known: NDArray[np.bool_], design: Numbers, inverse: Numbers, years: int) -> Numbers:
    """Return a year's residuals made as large as wanted, along the eigenvectors of its block of the hat matrix."""
    root = np.linalg.cholesky(inverse)
    own = np.swapaxes(root, 1, 2) @ _grams(design, known) @ root
    share, vectors = np.linalg.eigh(own)
    left = np.maximum(1.0 - share, _LEAST_LEFT)
    one = 1 / years
    # (1 + one)² (1 - one) + (1 - one) one² is the variance of a year against the others, (1 + one) what it should be.
    filled = (1 + one) / ((1 - one) * ((1 + one) ** 2 + one**2))
    wanted = np.sqrt(np.maximum((1 - one) / left, 1.0) * filled)
    gain = np.where(share > 1e-9, (wanted - 1) / np.maximum(share, 1e-9), 0.0)
    turned = np.einsum("pkl,plm->pkm", root, vectors)
    seen = np.einsum("pkm,kp->pm", turned, design.T @ residuals)
    added = design @ np.einsum("pkm,pm->kp", turned, gain * seen)
    return np.where(known, residuals + added, 0.0)


def _step_share(
    residuals: Numbers, known: NDArray[np.bool_], design: Numbers, inverse: Numbers, squares: Numbers
) -> Numbers:
    """Return the largest share of each pixel's squared residuals that one step, fitted beside the model, explains."""
    best = np.zeros(residuals.shape[1])
    total = known.sum(axis=0)
    dates = len(residuals)
    for first in np.unique(np.linspace(1, dates - 1, min(_STEP_TESTS, dates - 1)).astype(np.int64)):
        looks = known[first:].sum(axis=0).astype(np.float64)
        regressors = design[first:].T @ known[first:]
        free = looks - np.einsum("kp,pkl,lp->p", regressors, inverse, regressors)
        tried = (looks >= _STEP_LOOKS) & (total - looks >= _STEP_LOOKS) & (free > 0.02 * looks)
        share = residuals[first:].sum(axis=0) ** 2 / np.where(tried, free * np.maximum(squares, 1e-300), 1.0)
        best = np.where(tried, np.maximum(best, share), best)
    return best
