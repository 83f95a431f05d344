"""Validation: how good learnt cover and kinds are on ground away from all they were learnt from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import NotPossible
from habitat.forest.cover import train_cover
from habitat.forest.features import Floats
from habitat.forest.kinds import KIND_CLASSES, Kind
from habitat.forest.samples import Index, Samples
from habitat.forest.types import train_types

FOLDS = 5
"""Parts of the blocks that are left out in turn."""
FOREST_FROM = 30.0
"""Crown cover [%] from which the F1 score counts a sample as forest."""
_FACTORS = (0.3, 5.0)


@dataclass(frozen=True)
class CoverSkill:
    """Scores of crown cover on blocks that were left out."""

    n: int
    """Samples."""
    rmse: float
    """Root mean square error [%]."""
    bias: float
    """Mean of mapped less known [%]."""
    f1: float
    """F1 score of cover from 30 % [1]."""
    factor: float
    """Root mean square of errors over the trees' spread: what makes the spread a standard error."""
    by_country: dict[str, dict[str, float]]
    """The first four for each country."""
    block_m: float
    """Edge of the blocks [m]."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON data."""
        return _plain(vars(self))


@dataclass(frozen=True)
class TypeSkill:
    """Scores of kinds on blocks that were left out."""

    n: int
    """Samples."""
    accuracy: float
    """Share that is right [1]."""
    f1: dict[str, float]
    """F1 score of each kind [1]."""
    confusion: list[list[int]]
    """Samples (mapped, known), kinds in the order of their codes."""
    by_country: dict[str, dict[str, float]]
    """n and accuracy for each country."""
    block_m: float
    """Edge of the blocks [m]."""

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON data."""
        return _plain(vars(self)) | {"kinds": [name for _, _, name in KIND_CLASSES]}


def spatial_folds(samples: Samples, *, block_px: int, folds: int = FOLDS, seed: int = 0) -> Index:
    """Fold of each sample: whole square blocks of ground and whole groups, never a part of one.

    Parameters
    ----------
    samples : Samples
        Their places.
    block_px : int
        Edge of the blocks [pixels].
    folds : int
        How many; fewer if there are fewer blocks.
    seed : int
        Which blocks go together.

    Raises
    ------
    NotPossible
        If all samples lie in one block.

    References
    ----------
    Roberts et al. (2017), Ecography 40, 913-929.

    Examples
    --------
    >>> from habitat.forest.samples import no_samples
    >>> spatial_folds(no_samples(), block_px=10)
    Traceback (most recent call last):
    ...
    habitat.contracts.errors.NotPossible: the samples lie in 0 blocks of 10 pixels; wants 2 or more, so that ...
    """
    # A polygon across an edge goes with the block of its first pixel.
    _, first, member = np.unique(samples.group, return_index=True, return_inverse=True)
    rows, columns = samples.rows[first][member] // block_px, samples.columns[first][member] // block_px
    _, block = np.unique(np.stack([rows, columns], axis=1), axis=0, return_inverse=True)
    block = block.reshape(-1)
    count = int(np.max(block)) + 1 if block.size else 0
    if count < 2:
        raise NotPossible(
            f"the samples lie in {count} blocks of {block_px} pixels; wants 2 or more, so that some can be left out. "
            "Label places farther apart, or have smaller blocks"
        )
    sizes = np.bincount(block, minlength=count)
    order = np.random.default_rng(seed).permutation(count)
    filled = np.zeros(min(folds, count), np.int64)
    fold_of = np.zeros(count, np.int64)
    # Large blocks first, each to the fold that has least: folds come out about even.
    for number in order[np.argsort(-sizes[order], kind="stable")]:
        fold_of[number] = int(np.argmin(filled))
        filled[fold_of[number]] += sizes[number]
    folds_of_samples: Index = fold_of[block]
    return folds_of_samples


def cover_skill(
    table: Floats, samples: Samples, countries: NDArray[np.str_], *, resolution_m: float, block_m: float, seed: int = 0
) -> CoverSkill:
    """Cross-validate crown cover over blocks of ground.

    Parameters
    ----------
    table : float32 (sample, feature)
        Features of the samples.
    samples : Samples
        All with a cover.
    countries : str (sample,)
        Country each lies in, empty where none.
    resolution_m, block_m : float [m]
        Edge of pixels and blocks.
    seed : int
        For folds and trees.

    Raises
    ------
    NotPossible
        If there are too few samples or blocks.
    """
    known, told, spread = (
        samples.cover.astype(np.float64),
        np.full(samples.count, np.nan),
        np.full(samples.count, np.nan),
    )
    for inner, outer in _parts(samples, resolution_m, block_m, seed):
        model = train_cover(table[inner], known[inner], weight=samples.weight[inner], seed=seed)
        told[outer], spread[outer] = model.spread(table[outer])
    factor = float(np.clip(np.sqrt(np.mean(((told - known) / spread) ** 2)), *_FACTORS))
    own = {name: _cover_scores(told[countries == name], known[countries == name]) for name in _named(countries)}
    scores = _cover_scores(told, known)
    return CoverSkill(samples.count, scores["rmse"], scores["bias"], scores["f1"], factor, own, block_m)


def type_skill(
    table: Floats, samples: Samples, countries: NDArray[np.str_], *, resolution_m: float, block_m: float, seed: int = 0
) -> TypeSkill:
    """Cross-validate kinds over blocks of ground.

    Parameters
    ----------
    table, samples, countries, resolution_m, block_m, seed
        As for `cover_skill`; all samples with a kind.

    Raises
    ------
    NotPossible
        If there are too few samples or blocks.
    """
    told = np.zeros(samples.count, np.int64)
    for inner, outer in _parts(samples, resolution_m, block_m, seed):
        model = train_types(table[inner], samples.kind[inner], weight=samples.weight[inner], seed=seed)
        told[outer] = model.predict(table[outer]).kind
    known, size = samples.kind.astype(np.int64), len(Kind)
    confusion = np.zeros((size, size), np.int64)
    np.add.at(confusion, (told - 1, known - 1), 1)
    sums = confusion.sum(axis=0) + confusion.sum(axis=1)
    scores = {
        name: round(float(2 * confusion[code - 1, code - 1] / sums[code - 1]), 4)
        for code, _, name in KIND_CLASSES
        if sums[code - 1]
    }
    right = told == known
    own = {
        name: {"n": float((countries == name).sum()), "accuracy": float(right[countries == name].mean())}
        for name in _named(countries)
    }
    return TypeSkill(samples.count, float(right.mean()), scores, confusion.tolist(), own, block_m)


def _parts(
    samples: Samples, resolution_m: float, block_m: float, seed: int
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    folds = spatial_folds(samples, block_px=max(1, round(block_m / resolution_m)), seed=seed)
    for fold in np.unique(folds):
        yield folds != fold, folds == fold


def _cover_scores(told: NDArray[np.float64], known: NDArray[np.float64]) -> dict[str, float]:
    apart = told - known
    one, other = told >= FOREST_FROM, known >= FOREST_FROM
    both = float(one.sum() + other.sum())
    return {
        "n": float(known.size),
        "rmse": float(np.sqrt(np.mean(apart**2))),
        "bias": float(np.mean(apart)),
        "f1": float(2 * (one & other).sum() / both) if both else float("nan"),
    }


def _named(countries: NDArray[np.str_]) -> list[str]:
    return [str(name) for name in np.unique(countries) if name]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return numbers with four digits, and no NaN, which JSON has not."""
    plain: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            plain[name] = _plain(value)
        elif isinstance(value, float):
            plain[name] = round(value, 4) if np.isfinite(value) else None
        else:
            plain[name] = value
    return plain
