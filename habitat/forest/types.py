"""Kinds of vegetation: what grows at each pixel, how probable that is, and how undecided the map is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import NotPossible
from habitat.forest.features import Floats
from habitat.forest.kinds import Kind
from habitat.forest.rules import rule_probabilities

LEAST_SAMPLES = 40
"""Fewer teach nothing that rules do not know better."""
LEAST_OF_KIND = 5
"""Kinds with fewer samples cannot be learnt and will not be on the map."""
TREES = 200
"""Trees of a forest of decision trees."""
NO_KIND = 255
"""Code where nothing is known."""
_PIXELS = 65_536


class TypeMap(NamedTuple):
    """Kinds of pixels."""

    kind: NDArray[np.uint8]
    """Most probable kind (pixel,), 255 where unknown."""
    probability: Floats
    """Of that kind (pixel,) [1], NaN where unknown."""
    entropy: Floats
    """Shannon entropy of all kinds (pixel,), as a share of the most there can be [1]: 0 sure, 1 anything goes."""


def type_map(probabilities: Floats) -> TypeMap:
    """Most probable kind, its probability and the entropy of probabilities (pixel, kind); NaN where unknown.

    Examples
    --------
    >>> found = type_map(np.array([[0, 0, 0.5, 0, 0.5, 0, 0, 0]], np.float32))
    >>> found.kind.tolist(), found.probability.tolist(), round(float(found.entropy[0]), 3)
    ([3], [0.5], 0.333)
    """
    known: NDArray[np.bool_] = np.asarray(np.isfinite(probabilities).all(axis=1))
    filled = np.where(known[:, None], probabilities, 0)
    highest = filled.argmax(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.where(filled > 0, -filled * np.log(filled), 0)
    entropy = np.where(known, parts.sum(axis=1) / np.log(len(Kind)), np.nan)
    kind = np.where(known, highest + 1, NO_KIND).astype(np.uint8)
    probability = np.where(known, filled[np.arange(highest.size), highest], np.nan)
    return TypeMap(kind, probability.astype(np.float32), entropy.astype(np.float32))


def types_by_rules(table: Floats) -> TypeMap:
    """Kinds by rules, for areas without labels.

    Parameters
    ----------
    table : float32 (pixel, feature)
        From `habitat.forest.features`.
    """
    return type_map(rule_probabilities(table))


@dataclass(frozen=True, eq=False)
class TypeModel:
    """Decision trees that have learnt kinds.

    Parameters
    ----------
    forest : RandomForestClassifier
        Fitted.
    kinds : tuple of int
        Codes it knows, in the order of its answers.
    """

    forest: Any
    kinds: tuple[int, ...]

    def probabilities(self, table: Floats) -> Floats:
        """Probability of each kind (pixel, kind), the mean of the trees; NaN where no summer was seen."""
        out = np.full((table.shape[0], len(Kind)), np.nan, np.float32)
        seen = np.flatnonzero(np.isfinite(table[:, 0]))
        places = np.array(self.kinds) - 1
        for start in range(0, seen.size, _PIXELS):
            part = seen[start : start + _PIXELS]
            rows = np.ascontiguousarray(table[part], np.float32)
            total = np.zeros((part.size, len(self.kinds)))
            for tree in self.forest.estimators_:
                total += tree.predict_proba(rows, check_input=False)
            told = np.zeros((part.size, len(Kind)), np.float32)
            told[:, places] = total / len(self.forest.estimators_)
            out[part] = told
        return out

    def predict(self, table: Floats) -> TypeMap:
        """Kinds of pixels (pixel, feature)."""
        return type_map(self.probabilities(table))


def train_types(
    table: Floats, kind: NDArray[np.integer], *, weight: NDArray[np.floating] | None = None, seed: int = 0
) -> TypeModel:
    """Teach decision trees the kinds of vegetation.

    Parameters
    ----------
    table : float32 (sample, feature)
        Features, NaN where unknown.
    kind : integer (sample,)
        Codes of `Kind`.
    weight : float (sample,), optional
        What each sample counts.
    seed : int
        The same seed and samples give the same trees.

    Raises
    ------
    NotPossible
        If fewer than 40 samples are of kinds with at least 5, or only one kind is.

    References
    ----------
    Breiman (2001), Machine Learning 45, 5-32.
    """
    codes, counts = np.unique(kind, return_counts=True)
    kinds = tuple(int(code) for code, count in zip(codes, counts, strict=True) if count >= LEAST_OF_KIND)
    usable = np.isin(kind, kinds)
    if usable.sum() < LEAST_SAMPLES or len(kinds) < 2:
        raise NotPossible(
            f"{int(usable.sum())} samples of {len(kinds)} kinds are too few; wants {LEAST_SAMPLES} of two kinds or "
            f"more, {LEAST_OF_KIND} each at least. Label more places, or leave the labels out and have rules"
        )
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(TREES, min_samples_leaf=1, random_state=seed, n_jobs=1)
    forest.fit(table[usable], kind[usable], sample_weight=None if weight is None else weight[usable])
    return TypeModel(forest, kinds)
