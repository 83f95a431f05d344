"""Danger index: where fires are to be expected first, where no history tells how often; no probability."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

WEIGHTS = {"weather": 0.40, "bareness": 0.15, "lowland": 0.15, "people": 0.15, "past": 0.15}
"""Weight of each part. Where China, North Korea and Russia meet, weather was found to matter most, height and plants
next, people least, though more in China (Quan et al. 2022, Forests 13, 1939). The numbers are a choice, not a fit."""
_BARE_DAYS = 20.0


def danger_index(parts: Mapping[str, NDArray[np.floating]]) -> tuple[NDArray[np.float32], dict[str, float]]:
    """Weighted mean of the parts that are known [1], 0 least to 1 most, and the weights that were used.

    Parameters
    ----------
    parts : mapping of str to array (y, x) [1]
        Of `WEIGHTS`, each from 0 to 1; NaN where unknown.

    Examples
    --------
    >>> index, used = danger_index({"weather": np.array([[1.0]]), "people": np.array([[0.0]])})
    >>> round(float(index[0, 0]), 3), {name: round(share, 3) for name, share in used.items()}
    (0.727, {'weather': 0.727, 'people': 0.273})
    """
    known = {name: weight for name, weight in WEIGHTS.items() if name in parts}
    total = sum(known.values())
    used = {name: weight / total for name, weight in known.items()}
    index = np.zeros(next(iter(parts.values())).shape, np.float64)
    for name, weight in used.items():
        index += weight * np.clip(parts[name], 0, 1)
    return index.astype(np.float32), used


def index_parts(
    weather: NDArray[np.floating] | None,
    ground: Mapping[str, NDArray[np.float32]],
    bare_days: NDArray[np.floating] | None = None,
    past: NDArray[np.floating] | None = None,
) -> dict[str, NDArray[np.float32]]:
    """Parts of the index on 0 to 1.

    Parameters
    ----------
    weather : array (y, x) [1] or None
        Percentile of the month's fire weather among the same months of other years, times how the month's usual
        weather stands to that of the year's worst month.
    ground : mapping of str to float32 (y, x)
        Predictors of places; ``exposure_wide`` and ``elevation`` are of use.
    bare_days : array (y, x) [d], optional
        Days without snow before the month; dead grass is dry after three weeks.
    past : array (y, x), optional
        Log ratio of burnt months to the mean cell's.
    """
    parts = {} if weather is None else {"weather": np.asarray(weather, np.float32)}
    if "exposure_wide" in ground:
        parts["people"] = _ranked(ground["exposure_wide"])
    if "elevation" in ground:
        parts["lowland"] = _ranked(-ground["elevation"])
    if bare_days is not None:
        parts["bareness"] = np.asarray(np.nan_to_num(bare_days, nan=_BARE_DAYS) / _BARE_DAYS, np.float32)
    if past is not None and np.ptp(past) > 0:
        parts["past"] = _ranked(np.asarray(past, np.float32))
    return parts


def _ranked(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Share of the cells that have less (y, x)."""
    from scipy.stats import rankdata

    ranks = (rankdata(values.ravel()) - 0.5) / values.size
    ranked: NDArray[np.float32] = ranks.reshape(values.shape).astype(np.float32)
    return ranked
