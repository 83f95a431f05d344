"""Tallies: labelled samples counted by stratum, class on the map and class in the reference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from habitat.contracts.errors import ConfigError, InputError


@dataclass(frozen=True, eq=False)
class Tally:
    """Samples counted in cells (stratum, class on the map, class in the reference).

    Parameters
    ----------
    strata, classes : tuple of str
        Names along the axes; both other axes have the same classes.
    counts : int64 (stratum, mapped, reference)
        Samples in each cell.
    weights, squares : float64 (stratum, mapped, reference)
        Sums of the samples' weights and of their squares. Only ratios within a stratum count; without weights
        both are the counts.
    """

    strata: tuple[str, ...]
    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    weights: NDArray[np.float64]
    squares: NDArray[np.float64]

    @property
    def n(self) -> int:
        """Samples."""
        return int(self.counts.sum())

    @property
    def sizes(self) -> NDArray[np.int64]:
        """Samples of each stratum."""
        sizes: NDArray[np.int64] = self.counts.sum(axis=(1, 2))
        return sizes


def tally(
    strata: Sequence[str],
    mapped: Sequence[str],
    reference: Sequence[str],
    *,
    classes: Sequence[str] = (),
    weights: ArrayLike | None = None,
) -> Tally:
    """Tally of labelled samples.

    Parameters
    ----------
    strata, mapped, reference : sequence of str (sample)
        Stratum, class on the map and class in the reference of each sample.
    classes : sequence of str
        Classes in the order wanted; others that occur follow in order of their names.
    weights : float64 (sample), optional
        Area of each sample's pixel; all alike by default.

    Raises
    ------
    InputError
        If there are no samples, the sequences differ in length, or a weight is not positive.

    Examples
    --------
    >>> tally(["a", "a", "b"], ["x", "x", "y"], ["x", "y", "y"]).counts.tolist()
    [[[1, 1], [0, 0]], [[0, 0], [0, 1]]]
    """
    lengths = {len(strata), len(mapped), len(reference)}
    if len(lengths) != 1 or lengths == {0}:
        raise InputError(
            f"there are {len(strata)} strata, {len(mapped)} classes on the map and {len(reference)} in the "
            "reference; wants one of each for every labelled sample, and at least one sample"
        )
    each = np.ones(len(strata)) if weights is None else np.asarray(weights, np.float64)
    if each.shape != (len(strata),) or not (np.isfinite(each).all() and (each > 0).all()):
        raise InputError(f"weights have shape {each.shape}, wants {len(strata)} positive numbers")
    named = tuple(dict.fromkeys([*classes, *sorted({*mapped, *reference} - {*classes})]))
    layers = tuple(sorted(set(strata)))
    place = tuple(
        np.array([names.index(name) for name in column])
        for names, column in ((layers, strata), (named, mapped), (named, reference))
    )
    shape = (len(layers), len(named), len(named))
    counts, sums, squares = np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape)
    np.add.at(counts, place, 1)
    np.add.at(sums, place, each)
    np.add.at(squares, place, each**2)
    return Tally(layers, named, counts, sums, squares)


def matrix_tally(matrix: ArrayLike, classes: Sequence[str]) -> Tally:
    """Tally of an error matrix whose strata are the classes of the map.

    Parameters
    ----------
    matrix : int (mapped, reference)
        Counts of samples.
    classes : sequence of str
        Names of rows and columns.

    Raises
    ------
    InputError
        If the matrix is not square in the classes or holds something other than counts.

    Examples
    --------
    >>> matrix_tally([[8, 2], [1, 9]], ["burnt", "unburnt"]).sizes.tolist()
    [10, 10]
    """
    given = np.asarray(matrix)
    if given.shape != (len(classes), len(classes)):
        raise InputError(f"the error matrix has shape {given.shape}, wants a row and a column for each of {classes}")
    if (given < 0).any() or (given != np.rint(given)).any():
        raise InputError("the error matrix holds numbers that are no counts; wants samples, not shares")
    counts = np.zeros((len(classes), *given.shape), np.int64)
    steps = np.arange(len(classes))
    counts[steps, steps] = given
    return Tally(tuple(classes), tuple(classes), counts, counts.astype(np.float64), counts.astype(np.float64))


def merged(
    samples: Tally, areas: Mapping[str, float], pixels: Mapping[str, int] | None, into: Mapping[str, str]
) -> tuple[Tally, dict[str, float], dict[str, int] | None]:
    """Tally, areas and pixels with some strata joined to others.

    Samples keep the area they stand for, so a stratum that was sampled more densely does not outvote the other.
    A stratum without samples adds its area only: it is taken to be as the one it joins, which nobody has checked.

    Parameters
    ----------
    samples : Tally
        As labelled.
    areas : mapping of str to float
        Area of each stratum.
    pixels : mapping of str to int, optional
        Pixels of each stratum.
    into : mapping of str to str
        Stratum to the one it joins.

    Raises
    ------
    ConfigError
        If a stratum is unknown, joins itself, or joins one that goes away too.
    """
    wrong = [f"{one}={other}" for one, other in into.items() if one not in areas or other not in areas or other in into]
    if wrong:
        raise ConfigError(
            f"cannot merge {', '.join(wrong)}; wants two of the strata {', '.join(areas)}, the last stays"
        )
    kept = [name for name in areas if name not in into]
    shape = (len(kept), *samples.counts.shape[1:])
    counts, weights, squares = np.zeros(shape, np.int64), np.zeros(shape), np.zeros(shape)
    for place, name in enumerate(samples.strata):
        home = kept.index(into.get(name, name))
        scale = areas[name] / max(samples.weights[place].sum(), np.finfo(float).tiny)
        counts[home] += samples.counts[place]
        weights[home] += scale * samples.weights[place]
        squares[home] += scale**2 * samples.squares[place]
    joined = replace(samples, strata=tuple(kept), counts=counts, weights=weights, squares=squares)
    counted = None if pixels is None else {name: round(_joined(name, pixels, into)) for name in kept}
    return joined, {name: _joined(name, areas, into) for name in kept}, counted


def _joined(name: str, values: Mapping[str, float], into: Mapping[str, str]) -> float:
    return values[name] + sum(values[one] for one, other in into.items() if other == name)
