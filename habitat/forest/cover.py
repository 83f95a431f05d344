"""Canopy cover: the share of the ground under crowns, with its error, by rules or by what samples teach."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import NotPossible
from habitat.forest.features import Floats
from habitat.forest.rules import rule_cover

LEAST_SAMPLES = 30
"""Fewer teach nothing that rules do not know better."""
TREES = 150
"""Trees of a forest of regression trees."""
_LEAST_SPREAD = 2.0
_PIXELS = 65_536


class CoverMap(NamedTuple):
    """Cover of pixels, NaN where unknown."""

    cover: Floats
    """Crown cover (pixel,) [%]."""
    error: Floats
    """Its standard error (pixel,) [%]."""


def cover_by_rules(table: Floats) -> CoverMap:
    """Crown cover by rules, for areas without labels.

    Parameters
    ----------
    table : float32 (pixel, feature)
        From `habitat.forest.features`.
    """
    return CoverMap(*rule_cover(table))


@dataclass(frozen=True, eq=False)
class CoverModel:
    """Regression trees that have learnt crown cover.

    Parameters
    ----------
    forest : RandomForestRegressor
        Fitted.
    factor : float
        Standard errors are the trees' spread times this, from `cover_skill`.
    """

    forest: Any
    factor: float = 1.0

    def calibrated(self, factor: float) -> CoverModel:
        """Return the same trees with another factor."""
        return replace(self, factor=factor)

    def predict(self, table: Floats) -> CoverMap:
        """Crown cover and its error; NaN where no feature of the summer is known.

        Works through strips of pixels, so that memory is bounded; any thread may call it.
        """
        cover, error = (np.full(table.shape[0], np.nan, np.float32) for _ in range(2))
        seen = np.flatnonzero(np.isfinite(table[:, 0]))
        for start in range(0, seen.size, _PIXELS):
            part = seen[start : start + _PIXELS]
            mean, spread = self.spread(table[part])
            cover[part] = np.clip(mean, 0, 100)
            error[part] = spread * self.factor
        return CoverMap(cover, error)

    def spread(self, table: Floats) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation of the trees' answers [%], the latter at least 2."""
        rows = np.ascontiguousarray(table, np.float32)
        total, squares = np.zeros(rows.shape[0]), np.zeros(rows.shape[0])
        for tree in self.forest.estimators_:
            told = tree.predict(rows, check_input=False)
            total += told
            squares += told**2
        mean = total / len(self.forest.estimators_)
        variance = np.maximum(squares / len(self.forest.estimators_) - mean**2, 0)
        return mean, np.maximum(np.sqrt(variance), _LEAST_SPREAD)


def train_cover(
    table: Floats, cover: NDArray[np.floating], *, weight: NDArray[np.floating] | None = None, seed: int = 0
) -> CoverModel:
    """Teach regression trees crown cover.

    Parameters
    ----------
    table : float32 (sample, feature)
        Features; NaN where unknown, which trees sort by themselves.
    cover : float (sample,) [%]
        What is known.
    weight : float (sample,), optional
        What each sample counts.
    seed : int
        The same seed and samples give the same trees.

    Raises
    ------
    NotPossible
        If there are fewer than 30 samples, or all say the same.

    References
    ----------
    Breiman (2001), Machine Learning 45, 5-32.
    """
    if cover.size < LEAST_SAMPLES or np.ptp(cover) == 0:
        raise NotPossible(
            f"{cover.size} samples of crown cover are too few or all alike; wants {LEAST_SAMPLES} that differ. "
            "Label more places, or leave the labels out and have rules"
        )
    # Loaded here: `import habitat.forest` is to be quick.
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(TREES, min_samples_leaf=2, max_features=1 / 3, random_state=seed, n_jobs=1)
    forest.fit(table, cover, sample_weight=weight)
    return CoverModel(forest)
