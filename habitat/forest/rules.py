"""Rules: crown cover and kinds of vegetation from what the seasons look like, where there is nothing to learn from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from habitat.forest.features import Floats, column
from habitat.forest.kinds import Kind

NAME = "rules, not trained"
"""What maps made by rules are called."""
DENSE = 0.85
"""Crown cover at the upper anchor of each measure [1]."""
ANCHORS = (
    ("summer-nbr2", 0.30, 0.37),
    ("summer-nbr", 0.49, 0.66),
    ("summer-ndmi", 0.23, 0.38),
)
"""Measures of cover: a feature, its value over herbs in full leaf and over closed broadleaved canopy."""
BARE_ANCHORS = (0.205, 0.25)
"""The same of NBR2 without leaves: dry grass, and twigs over litter and shadow."""
LEAST_ERROR = 10.0
"""Standard error of the cover that the rules never fall below [%]."""
_WATER, _WATER_SOFT = -0.25, 0.03
_FIELD, _FIELD_SOFT = 0.192, 0.008
_SPARSE, _SPARSE_SOFT = 0.62, 0.03
_TREES, _TREES_SOFT = 0.50, 0.06
_SHRUBS, _SHRUBS_SOFT = 0.20, 0.05
_GOLD, _GOLD_SOFT = 0.45, 0.08
_PALE, _PALE_SOFT = 0.84, 0.015
_THIN, _LEAST_RISE = 0.2, 0.15
_EVERGREEN = (0.44, 0.78)
_SHARES, _SHARE_SOFT = (0.20, 0.65), 0.06
_NO_LARCH = 0.40


def rule_cover(table: Floats) -> tuple[Floats, Floats]:
    """Crown cover and its standard error [%] by rules; NaN where no summer was seen.

    The mean of four straight lines: NBR2, NBR and NDMI in summer, which rise as crowns and their shadows close
    over bright grass, and NBR2 without leaves, which twigs over litter have higher than dry grass. Their
    disagreement is the error. Larch, whose crowns let light through, has a fifth more than they say. Fields, built
    ground and water have no cover.

    Parameters
    ----------
    table : float32 (pixel, feature)
        From `features`.
    """
    lines = [_between(column(table, name), low, high) for name, low, high in ANCHORS]
    lines.append(_between(_without_leaves(table, "nbr2", np.fmax), *BARE_ANCHORS))
    stack = np.clip(np.stack(lines), -0.2, 1.2)
    known = np.isfinite(stack)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, stack, 0).sum(axis=0) / count
    spread = np.sqrt(np.where(known, (stack - mean) ** 2, 0).sum(axis=0) / count)
    water, other = _water(table), _other(table)
    # Larch lets light through: the same crown cover is less green.
    thin = 1 + _THIN * np.nan_to_num(_above(_kept_in_october(table), _GOLD, _GOLD_SOFT), nan=0.0)
    cover = np.clip(mean * thin, 0, 1) * (1 - water) * (1 - other)
    error = np.hypot(100 * spread * (1 - water) * (1 - other), LEAST_ERROR)
    unseen = ~np.isfinite(column(table, "summer-nbr"))
    cover[unseen], error[unseen] = np.nan, np.nan
    return (100 * cover).astype(np.float32), error.astype(np.float32)


def rule_probabilities(table: Floats) -> Floats:
    """Probability of each kind (pixel, kind) by rules, in the order of `Kind`; NaN where no summer was seen.

    Soft questions asked one after the other, each answer a share of what is left: water? (MNDWI in summer)
    field, bare or built? (NBR2 low without leaves, or little green in summer) trees, shrubs or open? (crown
    cover) larch? (half as leafy in October as in summer, and paler in summer; neither where much is evergreen nor
    where no season without leaves was seen) how much is evergreen? (NDVI without leaves, mean of spring and late
    autumn).

    Parameters
    ----------
    table : float32 (pixel, feature)
        From `features`.
    """
    cover = rule_cover(table)[0] / 100
    water, other = _water(table), _other(table)
    trees = _above(cover, _TREES, _TREES_SOFT)
    woody = _above(cover, _SHRUBS, _SHRUBS_SOFT)
    share = evergreen_share(table)
    larch = _larch(table) * (1 - _above(share, _NO_LARCH, _SHARE_SOFT))
    mixed, conifer = (_above(share, limit, _SHARE_SOFT) for limit in _SHARES)
    out = np.zeros((table.shape[0], len(Kind)), np.float32)
    land = (1 - water) * (1 - other)
    leafy = land * trees * (1 - larch)
    for kind, part in (
        (Kind.WATER, water),
        (Kind.OTHER, (1 - water) * other),
        (Kind.OPEN, land * (1 - woody)),
        (Kind.SHRUB, land * woody * (1 - trees)),
        (Kind.LARCH, land * trees * larch),
        (Kind.EVERGREEN_CONIFER, leafy * conifer),
        (Kind.MIXED, leafy * (mixed - conifer)),
        (Kind.BROADLEAF, leafy * (1 - mixed)),
    ):
        out[:, kind - 1] = part
    with np.errstate(invalid="ignore"):
        out /= out.sum(axis=1, keepdims=True)
    return out


def evergreen_share(table: Floats) -> Floats:
    """Evergreen share of the crowns [1] from NDVI without leaves, mean of spring and late autumn; 0 where unseen.

    One season alone may have early grass and larch, the other leaves that hang on; both seldom have.
    """
    low, high = _EVERGREEN
    ndvi = _without_leaves(table, "ndvi", _mean_seen)
    share: Floats = np.clip(np.nan_to_num((ndvi - low) / (high - low), nan=0.0), 0, 1).astype(np.float32)
    return share


def _mean_seen(one: Floats, other: Floats) -> Floats:
    """Return the mean of two layers, or the one that is known."""
    mean: Floats = ((np.fmin(one, other) + np.fmax(one, other)) / 2).astype(np.float32)
    return mean


def _without_leaves(table: Floats, name: str, choose: Callable[[Floats, Floats], Floats]) -> Floats:
    values: Floats = choose(column(table, f"spring-{name}"), column(table, f"late-{name}"))
    return values


def _between(values: Floats, low: float, high: float) -> Floats:
    line: Floats = (values - np.float32(low)) / np.float32(high - low) * np.float32(DENSE)
    return line


def _above(values: NDArray[np.floating], limit: float, soft: float) -> Floats:
    """Return how surely values lie above a limit [1], 0.5 at it; NaN stays."""
    sure: Floats = (1 / (1 + np.exp(-np.clip((values - limit) / soft, -30, 30)))).astype(np.float32)
    return sure


def _water(table: Floats) -> Floats:
    return _above(column(table, "summer-mndwi"), _WATER, _WATER_SOFT)


def _other(table: Floats) -> Floats:
    bare = np.nan_to_num(1 - _above(_without_leaves(table, "nbr2", np.fmax), _FIELD, _FIELD_SOFT), nan=0.0)
    sparse = 1 - _above(column(table, "summer-ndvi"), _SPARSE, _SPARSE_SOFT)
    other: Floats = np.maximum(bare, sparse).astype(np.float32)
    return other


def _larch(table: Floats) -> Floats:
    """Return how surely trees are larch: two signs together, or the one that was seen."""
    kept = _kept_in_october(table)
    signs = np.stack([(kept - _GOLD) / _GOLD_SOFT, (_PALE - column(table, "summer-ndvi")) / _PALE_SOFT])
    signs = np.where(np.isfinite(signs), np.clip(signs, -4, 4), 0)
    leafless = np.isfinite(_without_leaves(table, "nbr", np.fmin))
    larch: Floats = np.where(leafless, _above(signs.sum(axis=0), 0.0, 1.0), 0).astype(np.float32)
    return larch


def _kept_in_october(table: Floats) -> Floats:
    """Return how much of its rise from bare to full leaf NBR has kept in October [1]; NaN where it hardly rises."""
    bare = _without_leaves(table, "nbr", np.fmin)
    rise = column(table, "summer-nbr") - bare
    with np.errstate(invalid="ignore"):
        rise = np.where(rise > _LEAST_RISE, rise, np.nan)
    kept: Floats = np.clip((column(table, "gold-nbr") - bare) / rise, 0, 1).astype(np.float32)
    return kept
