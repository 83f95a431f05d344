"""Loss: how much of what stood above bare ground is gone, in percent, from indices and from backscatter."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError

BARE: Mapping[str, float] = MappingProxyType(
    {
        "nbr": 0.0,
        "ndvi": 0.15,
        "ndmi": -0.2,
        "evi2": 0.1,
        "kndvi": 0.02,
        "nbr2": 0.0,
        "vh": -19.0,
        "vv": -13.0,
    }
)
"""What indices, and backscatter [dB], are over ground without plants: dry soil after felling, char or litter."""
_LEAST_SIGNAL = 0.1
"""An index must usually lie this far above bare ground for its loss to be told, or noise is divided by noise."""
_LEAST_RATIO = 1.25
"""The same of backscatter, as a factor: 1 dB."""


def bare_level(index: str, given: float | None = None) -> float | None:
    """Level of ground without plants; None where nobody has said it, and no loss can be told then.

    Parameters
    ----------
    index : str
        Name of the index; ``vh`` and ``vv`` are backscatter.
    given : float, optional
        The user's own level; it wins.

    Examples
    --------
    >>> bare_level("nbr"), bare_level("vh"), bare_level("tcw"), bare_level("tcw", -0.25)
    (0.0, -19.0, None, -0.25)
    """
    return BARE.get(index) if given is None else given


def loss_percent(
    magnitude: NDArray[Any], usual: NDArray[Any], *, bare: float | None, unit: str = "1", rises: bool = False
) -> NDArray[np.float32]:
    """Share of the usual signal above bare ground that is gone.

    Of an index 100 · −magnitude / (usual − bare), held within 0 and 100. Of backscatter the same of power: with
    P = 10^(dB / 10), 100 · (P(usual) − P(usual + magnitude)) / (P(usual) − P(bare)), for half of the power gone is
    half of the scatterers gone wherever 3 dB lie on the scale.

    Parameters
    ----------
    magnitude : float (any shape) [1 or dB]
        Median residual since the first departure, below zero where it fell.
    usual : float (same shape) [1 or dB]
        Usual level in the green season.
    bare : float, optional [1 or dB]
        Level of ground without plants; None tells no loss.
    unit : str
        ``1`` or ``dB``.
    rises : bool
        Whether the index rises where leaves are lost, as MIRBI does; it then lies below bare ground.

    Returns
    -------
    float32 [percent]
        NaN where something is unknown or the usual level lies less than 0.1 (1 dB) above bare ground.

    Raises
    ------
    ConfigError
        If the unit is another one.

    Examples
    --------
    >>> loss_percent(np.array([-0.35, -0.9, 0.2]), np.array([0.7, 0.7, 0.7]), bare=0.0).tolist()
    [50.0, 100.0, 0.0]
    >>> loss_percent(np.array([-3.0103]), np.array([-13.0]), bare=-30.0, unit="dB").round().tolist()
    [51.0]
    """
    fell, level = np.asarray(magnitude, np.float64), np.asarray(usual, np.float64)
    if bare is None:
        return np.full(fell.shape, np.nan, np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        if unit == "dB":
            before, after, ground = (10 ** (power / 10) for power in (level, level + fell, np.float64(bare)))
            share, tellable = (before - after) / (before - ground), before >= _LEAST_RATIO * ground
        elif unit == "1":
            share = -fell / (level - bare)
            tellable = (bare - level if rises else level - bare) >= _LEAST_SIGNAL - 1e-9
        else:
            raise ConfigError(f"the unit is {unit!r}, wants '1' or 'dB'; build forest-change again")
        told = np.where(tellable, 100 * np.clip(share, 0, 1), np.nan)
    return np.asarray(told, np.float32)
