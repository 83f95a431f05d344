"""Estimators: areas and accuracies of a map from a stratified sample, with standard errors and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from habitat.accuracy.intervals import IntervalKind, interval
from habitat.accuracy.tallies import Tally
from habitat.contracts.errors import InputError
from habitat.contracts.estimate import Estimate

STRATIFIED = "stratified estimator"
"""Strata were drawn from before the labels were known; they are the map's classes or not."""
POST_STRATIFIED = "post-stratified estimator"
"""One simple random sample, sorted by the classes of the map afterwards."""
_FEW = 10
_NO_SPREAD = 1e-12


@dataclass(frozen=True, eq=False)
class Accuracy:
    """What a labelled sample says about a map.

    Parameters
    ----------
    classes : tuple of str
        Names of the classes.
    n : int
        Labelled samples.
    areas : dict of str to Estimate
        Area of each class in the reference.
    users, producers : dict of str to Estimate or None
        User's accuracy (share of what is mapped that is right) and producer's accuracy (share of what is there
        that is mapped); None where nothing was mapped or is there.
    overall : Estimate
        Share of the area that is mapped right.
    matrix : float64 (mapped, reference)
        Shares of the area; they add up to 1.
    errors : dict of str to dict of str to float
        Standard errors of ``areas``, ``users``, ``producers`` and, under ``overall``, of the overall accuracy.
    notes : tuple of str
        What people should know.
    """

    classes: tuple[str, ...]
    n: int
    areas: dict[str, Estimate]
    users: dict[str, Estimate | None]
    producers: dict[str, Estimate | None]
    overall: Estimate
    matrix: NDArray[np.float64]
    errors: dict[str, dict[str, float]]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Telling:
    """How estimates are told: level and kind of intervals, unit of areas, name of the estimator."""

    level: float = 0.95
    kind: IntervalKind = "normal"
    unit: str = "ha"
    estimator: str = STRATIFIED


def accuracy(
    samples: Tally,
    areas: Mapping[str, float],
    *,
    pixels: Mapping[str, int] | None = None,
    telling: Telling | None = None,
) -> Accuracy:
    """Areas and accuracies of a map with intervals.

    Every quantity is a sum over strata of A_h · mean of an indicator, or a ratio of two such sums (Stehman 2014).
    Where the strata are the classes of the map these are the equations of Olofsson et al. (2014). With weights in
    the tally the means are weighted by the area of the samples' pixels.

    Parameters
    ----------
    samples : Tally
        Labelled samples, drawn at random within each stratum.
    areas : mapping of str to float
        True area of each stratum, in the unit of `telling`; every stratum of the map, also those without samples.
    pixels : mapping of str to int, optional
        Pixels of each stratum, for the finite population correction; without it strata count as endless.
    telling : Telling, optional
        Intervals, unit and name of the estimator.

    Raises
    ------
    InputError
        If a stratum has no area, no sample, or one sample only and more pixels, from which no variance follows.

    References
    ----------
    Olofsson et al. (2014), Remote Sens. Environ. 148, 42-57, equations 1-11. Stehman (2014), Int. J. Remote Sens. 35,
    4923-4939, equations 2-3, 25-28. Cochran (1977), Sampling techniques, 3rd ed., sections 5.3 and 6.11.

    Examples
    --------
    >>> from habitat.accuracy.tallies import matrix_tally
    >>> names = ["deforestation", "gain", "forest", "other"]
    >>> rows = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
    >>> mapped = dict(zip(names, [18000, 13500, 288000, 580500]))
    >>> print(accuracy(matrix_tally(rows, names), mapped).areas["deforestation"])
    21,158 ± 6,158 ha (95 %, stratified estimator, n = 640)
    """
    told = telling or Telling()
    ordered = _in_order(samples, areas)
    area = np.array([areas[name] for name in ordered.strata], np.float64)
    fraction = _fractions(ordered, pixels)
    cells = np.eye(len(ordered.classes) ** 2).reshape(-1, *ordered.counts.shape[1:])
    joint = (_means(ordered, cells) @ area / area.sum()).reshape(ordered.counts.shape[1:])

    here = np.eye(len(ordered.classes), dtype=bool)
    # Indicators (quantity, mapped, reference): is it of this class on the map, in the reference, in both?
    mapped = np.broadcast_to(here[:, :, None], (len(here), *joint.shape)).astype(np.float64)
    reference = np.broadcast_to(here[:, None, :], (len(here), *joint.shape)).astype(np.float64)
    right = mapped * reference
    ones = np.ones((1, *joint.shape))
    found = {
        "areas": _totals(ordered, reference, area, fraction),
        "users": _ratios(ordered, right, mapped, area, fraction),
        "producers": _ratios(ordered, right, reference, area, fraction),
        "overall": _ratios(ordered, right.sum(axis=0, keepdims=True), ones, area, fraction),
    }
    return _told(ordered, joint, found, float(area.sum()), told)


def _in_order(samples: Tally, areas: Mapping[str, float]) -> Tally:
    """Return the tally with the strata of the areas, in their order, once every one of them can be estimated."""
    strange = [name for name in samples.strata if name not in areas]
    if strange:
        raise InputError(f"there are samples of the strata {', '.join(strange)}, whose area is not known")
    bare = [name for name, area in areas.items() if not (np.isfinite(area) and area > 0)]
    if bare:
        raise InputError(f"the strata {', '.join(bare)} have no area; wants the true area of each, greater than 0")
    empty = [name for name in areas if name not in samples.strata or not samples.sizes[samples.strata.index(name)]]
    if empty:
        raise InputError(
            f"the strata {', '.join(empty)} have no labelled sample, so nothing is known of their area; "
            "label some, or say which stratum each is to be merged into"
        )
    place = [samples.strata.index(name) for name in areas]
    return Tally(tuple(areas), samples.classes, samples.counts[place], samples.weights[place], samples.squares[place])


def _fractions(samples: Tally, pixels: Mapping[str, int] | None) -> NDArray[np.float64]:
    """Return the share of each stratum's pixels that is in the sample."""
    sizes = samples.sizes
    whole = np.array([np.inf if pixels is None else pixels[name] for name in samples.strata], np.float64)
    many = [name for name, size, most in zip(samples.strata, sizes, whole, strict=True) if size > most]
    if many:
        raise InputError(f"the strata {', '.join(many)} have more samples than pixels; is it the map of this sample?")
    alone = [name for name, size, most in zip(samples.strata, sizes, whole, strict=True) if size == 1 and most > 1]
    if alone:
        raise InputError(
            f"the strata {', '.join(alone)} have one labelled sample, from which no variance follows; "
            "label at least two in each, or say which stratum each is to be merged into"
        )
    return sizes / whole


def _means(samples: Tally, indicators: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean (quantity, stratum) of indicators (quantity, mapped, reference)."""
    sums = samples.weights.sum(axis=(1, 2))
    means: NDArray[np.float64] = np.einsum("qij,hij->qh", indicators, samples.weights) / sums
    return means


def _totals(
    samples: Tally, indicators: NDArray[np.float64], area: NDArray[np.float64], fraction: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the sum over strata of area times mean of each indicator, and its standard error."""
    means = _means(samples, indicators)
    sizes = samples.sizes
    typical = samples.weights.sum(axis=(1, 2)) / sizes
    apart = (indicators[:, None] - means[:, :, None, None]) ** 2
    # A census of one pixel has no spread to estimate and needs none: its factor 1 - fraction is 0.
    spread = np.einsum("qhij,hij->qh", apart, samples.squares) / (typical**2 * np.maximum(sizes - 1, 1))
    variance = spread / sizes * (1 - fraction)
    return means @ area, np.sqrt(variance @ area**2)


def _ratios(
    samples: Tally,
    above: NDArray[np.float64],
    below: NDArray[np.float64],
    area: NDArray[np.float64],
    fraction: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ratio of the totals of two indicators, and its standard error by linearisation; NaN for 0 / 0."""
    top, bottom = _means(samples, above) @ area, _means(samples, below) @ area
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = np.where(bottom > 0, top / bottom, np.nan)
    steady = np.nan_to_num(ratio)[:, None, None]
    _, error = _totals(samples, above - steady * below, area, fraction)
    return ratio, error / np.where(bottom > 0, bottom, np.nan)


def _told(
    samples: Tally,
    joint: NDArray[np.float64],
    found: Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]],
    whole: float,
    told: Telling,
) -> Accuracy:
    """Return the numbers as estimates with intervals and notes."""

    def estimate(value: float, error: float, total: float, n: int) -> Estimate | None:
        if not np.isfinite(value):
            return None
        ends = interval(float(value), float(error), level=told.level, kind=told.kind, total=total)
        return Estimate(float(value), "1" if total == 1.0 else told.unit, ends, told.estimator, n, told.level)

    def accuracies(name: str, sizes: NDArray[np.int64]) -> dict[str, Estimate | None]:
        columns = zip(samples.classes, *found[name], sizes, strict=True)
        return {each: estimate(value, error, 1.0, int(size)) for each, value, error, size in columns}

    areas = {}
    for name, value, error in zip(samples.classes, *found["areas"], strict=True):
        ends = interval(float(value), float(error), level=told.level, kind=told.kind, total=whole)
        areas[name] = Estimate(float(value), told.unit, ends, told.estimator, samples.n, told.level)
    overall = estimate(found["overall"][0][0], found["overall"][1][0], 1.0, samples.n)
    if overall is None:
        raise InputError("there is no labelled sample with an area")
    users = accuracies("users", samples.counts.sum(axis=(0, 2)))
    producers = accuracies("producers", samples.counts.sum(axis=(0, 1)))
    errors = {
        name: {
            each: float(error)
            for each, error in zip(samples.classes if name != "overall" else ("overall",), column, strict=True)
            if np.isfinite(error)
        }
        for name, (_, column) in found.items()
    }
    notes = _notes(samples, {"users": users, "producers": producers}, areas, errors)
    return Accuracy(samples.classes, samples.n, areas, users, producers, overall, joint, errors, notes)


def _notes(
    samples: Tally,
    accuracies: Mapping[str, Mapping[str, Estimate | None]],
    areas: Mapping[str, Estimate],
    errors: Mapping[str, Mapping[str, float]],
) -> tuple[str, ...]:
    notes = []
    few = [f"{name} ({size})" for name, size in zip(samples.strata, samples.sizes, strict=True) if size < _FEW]
    if few:
        notes.append(f"strata with fewer than {_FEW} labelled samples: {', '.join(few)}; their variances are rough")
    for key, kind, why in (
        ("users", "user's", "no sample is mapped as it"),
        ("producers", "producer's", "no sample is it"),
    ):
        lacking = [name for name, one in accuracies[key].items() if one is None]
        notes += [f"{name} has no {kind} accuracy: {why}" for name in lacking]
        sure = [name for name, error in errors[key].items() if error < _NO_SPREAD]
        if sure:
            notes.append(
                f"the sample shows no spread in the {kind} accuracy of {', '.join(sure)}: its interval has no width; "
                "of n samples without an error up to 3 / n may still be wrong"
            )
    beyond = [name for name, one in areas.items() if one.interval and one.interval[0] < 0]
    if beyond:
        notes.append(f"the interval of the area of {', '.join(beyond)} reaches below 0; the logit interval does not")
    return tuple(notes)
