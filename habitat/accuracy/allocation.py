"""Allocation: how many samples a wanted precision takes, and how many of them each stratum gets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from habitat.contracts.errors import ConfigError

Method = Literal["proportional", "equal", "neyman", "olofsson"]
METHODS: tuple[Method, ...] = ("proportional", "equal", "neyman", "olofsson")
FEWEST = 2
"""Samples a stratum needs for a variance."""


def sample_size(shares: ArrayLike, accuracies: ArrayLike, target_se: float, *, pixels: ArrayLike | None = None) -> int:
    """Size of the sample that brings the standard error of the overall accuracy to a target, allotted at its best.

    n = (Σ W_i S_i)² / (S(O)² + Σ W_i S_i² / N) with S_i = √(U_i (1 - U_i)); the last term is left out without pixels,
    and then it is (Σ W_i S_i / S(O))².

    Parameters
    ----------
    shares : float64 (stratum) [1]
        Share of the area of each stratum.
    accuracies : float64 (stratum) [1]
        Share of each stratum that is expected to be mapped right.
    target_se : float [1]
        Standard error wanted of the overall accuracy.
    pixels : int (stratum), optional
        Pixels of each stratum.

    Raises
    ------
    ConfigError
        If a share or accuracy is none, the target is not between 0 and 0.5, or every stratum is expected to be
        perfect, so that no sample size follows.

    References
    ----------
    Olofsson et al. (2014), Remote Sens. Environ. 148, 42-57, equation 13. Cochran (1977), equation 5.25.

    Examples
    --------
    >>> sample_size([0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95], 0.01)
    641
    """
    weights, deviations = _weights(shares), standard_deviations(accuracies)
    if not 0 < target_se < 0.5:
        raise ConfigError(f"the target standard error is {target_se}, wants a share between 0 and 0.5, such as 0.01")
    mean = float(weights @ deviations)
    if mean == 0:
        raise ConfigError("every stratum is expected to be mapped without error or without any right; be less sure")
    finite = 0.0 if pixels is None else float(weights @ deviations**2) / float(np.asarray(pixels, np.float64).sum())
    return max(FEWEST, math.ceil(round(mean**2 / (target_se**2 + finite), 9)))


def standard_deviations(accuracies: ArrayLike) -> NDArray[np.float64]:
    """Deviation of right and wrong in each stratum: √(U (1 - U)).

    Raises
    ------
    ConfigError
        If an accuracy is no share.

    Examples
    --------
    >>> standard_deviations([0.9, 0.5]).round(2).tolist()
    [0.3, 0.5]
    """
    expected = np.asarray(accuracies, np.float64)
    if not ((expected >= 0) & (expected <= 1)).all():
        raise ConfigError(f"expected accuracies are {expected.tolist()}, wants shares from 0 to 1")
    deviations: NDArray[np.float64] = np.sqrt(expected * (1 - expected))
    return deviations


def allocation(
    n: int,
    areas: ArrayLike,
    pixels: Sequence[int] | NDArray[np.int64],
    *,
    method: Method = "olofsson",
    accuracies: ArrayLike | None = None,
    minimum: int = FEWEST,
) -> NDArray[np.int64]:
    """Allotment of n samples to strata: how many each gets.

    Parameters
    ----------
    n : int
        Samples in all.
    areas : float64 (stratum)
        Area of each stratum, in any unit.
    pixels : int (stratum)
        Pixels of each stratum; none gets more samples than that.
    method : {'proportional', 'equal', 'neyman', 'olofsson'}
        ``proportional`` to the area: best for overall accuracy with even strata, poor for rare classes. ``equal``:
        best for user's accuracies. ``neyman``: proportional to area times expected deviation, best for overall
        accuracy. ``olofsson``: the minimum for rare strata and the rest by area, a compromise between them.
    accuracies : float64 (stratum), optional
        Expected share mapped right; ``neyman`` wants it.
    minimum : int
        Samples any stratum gets at least, or all its pixels if it has fewer.

    Raises
    ------
    ConfigError
        If the method is unknown, n is too small for the minimum or larger than the map, or ``neyman`` has no
        expected accuracies.

    References
    ----------
    Cochran (1977), Sampling techniques, 3rd ed., section 5.5. Olofsson et al. (2014), section 5.1.

    Examples
    --------
    >>> many = [200_000, 150_000, 3_200_000, 6_450_000]
    >>> allocation(641, many, many, method="proportional").tolist()
    [13, 10, 205, 413]
    >>> allocation(641, many, many, method="olofsson", minimum=75).tolist()
    [75, 75, 163, 328]
    """
    weights, most = _weights(areas), np.asarray(pixels, np.int64)
    if (most < 1).any():
        raise ConfigError("a stratum has no pixels; leave it out")
    least = np.minimum(max(minimum, FEWEST), most)
    if not least.sum() <= n <= most.sum():
        raise ConfigError(
            f"{n} samples do not fit: {len(most)} strata of at least {max(minimum, FEWEST)} samples want "
            f"{least.sum()}, and the map has {most.sum()} pixels; change the number or the minimum"
        )
    return _rounded(_filled(n, _ratios(method, weights, accuracies), least, most), n)


def expected_errors(sizes: ArrayLike, areas: ArrayLike, accuracies: ArrayLike) -> tuple[float, NDArray[np.float64]]:
    """Error to expect of the overall accuracy, and of the accuracy within each stratum: standard errors [1].

    Examples
    --------
    >>> overall, each = expected_errors([75, 75, 165, 325], [0.02, 0.015, 0.32, 0.645], [0.7, 0.6, 0.9, 0.95])
    >>> round(overall, 4), each.round(3).tolist()
    (0.0109, [0.053, 0.057, 0.023, 0.012])
    """
    each = standard_deviations(accuracies) / np.sqrt(np.asarray(sizes, np.float64))
    return float(np.sqrt(np.sum((_weights(areas) * each) ** 2))), each


def _weights(areas: ArrayLike) -> NDArray[np.float64]:
    given = np.asarray(areas, np.float64)
    if given.ndim != 1 or not given.size or not (np.isfinite(given).all() and (given > 0).all()):
        raise ConfigError(f"areas of strata are {given.tolist()}, wants positive numbers, one for each stratum")
    weights: NDArray[np.float64] = given / given.sum()
    return weights


def _ratios(method: str, weights: NDArray[np.float64], accuracies: ArrayLike | None) -> NDArray[np.float64]:
    """Return the ratios in which samples are to be shared before minimum and maximum are seen to."""
    if method not in METHODS:
        raise ConfigError(f"there is no allocation {method!r}; choose of {', '.join(METHODS)}")
    if method == "equal":
        return np.ones_like(weights)
    if method != "neyman":
        return weights
    if accuracies is None:
        raise ConfigError("the allocation neyman wants the expected accuracy of each stratum")
    ratios = weights * standard_deviations(accuracies)
    # A stratum that is expected to be perfect gets its minimum and the last of what is left over.
    return np.maximum(ratios, 1e-9 * weights)


def _filled(
    n: int, ratios: NDArray[np.float64], least: NDArray[np.int64], most: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return sizes in the ratios given, none below the least or above the most, that add up to n."""
    low, high = 0.0, 1.01 * float(np.max(most / ratios))
    for _ in range(200):
        middle = (low + high) / 2
        if np.clip(middle * ratios, least, most).sum() < n:
            low = middle
        else:
            high = middle
    return np.clip(high * ratios, least, most)


def _rounded(sizes: NDArray[np.float64], n: int) -> NDArray[np.int64]:
    """Return whole numbers that add up to n: the largest remainders are rounded up."""
    # What a rounding error left below a whole number is that number.
    whole = np.floor(sizes + 1e-6).astype(np.int64)
    rest = n - int(whole.sum())
    whole[np.argsort(-(sizes - whole), kind="stable")[:rest]] += 1
    return whole
