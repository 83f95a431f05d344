"""Scar rules: codes and classes of scars, how probabilities become scars, and what is known of each pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.contracts.legend import ClassEntry

UNBURNT, NOT_BURNABLE, BURNT_BEFORE, UNOBSERVED = 0, 4, 5, 255
"""Codes of the status raster beside those of the seasons (1 spring, 2 summer, 3 autumn)."""
SCAR_CLASSES: tuple[ClassEntry, ...] = (
    (UNBURNT, "#f5f5f5", "not burnt"),
    (1, "#d7301f", "burnt in spring"),
    (2, "#7a0177", "burnt in summer"),
    (3, "#fc8d59", "burnt in autumn"),
    (NOT_BURNABLE, "#a6bddb", "not judged: water, field"),
    (BURNT_BEFORE, "#969696", "black before the season"),
)
"""Classes of the status raster: code, colour, label."""


@dataclass(frozen=True)
class ScarRules:
    """How probabilities become scars.

    Raises
    ------
    ConfigError
        If a threshold is out of order.
    """

    seed: float = 0.9
    """Probability that at least one pixel of a scar must have [1]: odds of nine to one."""
    grow: float = 0.7
    """Probability of the pixels a scar grows through [1]: odds above two to one."""
    least_ha: float = 0.25
    """Smallest scar [ha]."""
    burnt_share: float = 0.1
    """Share of the ground that burns in an average main season [1].

    South-west Primorye burnt by 19 % a year on average, more in spring than in autumn (WCS Russia).
    """

    def __post_init__(self) -> None:
        if not 0.0 < self.grow <= self.seed < 1.0 or not 0.0 < self.burnt_share < 1.0 or self.least_ha < 0:
            raise ConfigError(f"{self} is out of order; wants 0 < grow <= seed < 1, 0 < burnt_share < 1, least_ha >= 0")

    def least_pixels(self, resolution_m: float) -> int:
        """Pixels of the smallest scar.

        Examples
        --------
        >>> ScarRules().least_pixels(20.0)
        7
        """
        return max(1, int(np.ceil(self.least_ha * 1e4 / resolution_m**2 - 1e-9)))


@dataclass(frozen=True)
class Scars:
    """What a season left in each pixel, (y, x) unless said."""

    within: NDArray[np.float32]
    """Probability that it burnt in the season [1]; NaN unobserved."""
    before: NDArray[np.float32]
    """Probability that it burnt before it, after its last reference [1]."""
    unburnt: NDArray[np.int32]
    """Ordinal of the last clear observation that looks unburnt; 0 where nothing looks burnt."""
    burnt: NDArray[np.int32]
    """Ordinal of the first clear observation that looks burnt."""
    expected_nbr: NDArray[np.float32]
    """NBR it would have had without fire."""
    nbr: NDArray[np.float32]
    """NBR it had, on the date severity is told of."""
    not_burnable: NDArray[np.bool_]
    """Water, and ground that was open in the season of leaves."""
