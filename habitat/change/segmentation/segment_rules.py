"""Rules of segmentation, with the values published for COLD."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from habitat.contracts.errors import InputError

_DETECTION_BANDS = 5


@dataclass(frozen=True)
class SegmentRules:
    """When a segment starts, ends and breaks.

    Attributes
    ----------
    probability : float
        A look departs where its squared residuals of five bands, in RMSE, exceed this quantile of χ² with 5 degrees.
    confirm : int
        So many looks in a row must depart for a break.
    angle_degrees : float
        And their residuals must point in one direction: mean angle from look to look below this.
    outlier_probability : float
        A single look beyond this quantile that is no break is dropped for good.
    penalty : float
        Of the lasso, in reflectance codes (1e-4).
    screen_factor : float
        Looks this many times the median step away from a robust season of green or SWIR 1 are dropped before a start.
    fewest : int
        Clear looks a model needs.
    fewest_short : int
        Looks that get a short model before the first stable one and after the last break.
    least_years : float
        Time a model needs.
    gap_days : float
        No model starts across a longer gap.
    refit_share : float
        A model is fitted anew when it has grown by more than this share.
    snow_share, clear_share : float
        Pixels with too few clear looks, or with less than `clear_share` of all looks clear, are under permanent snow
        where snow is more than `snow_share` of snow and clear.
    green_above_median : float
        Pixels with too few clear looks are modelled from looks less than this above the median in green, in codes.
    """

    probability: float = 0.99
    confirm: int = 6
    angle_degrees: float = 45.0
    outlier_probability: float = 0.99999
    penalty: float = 20.0
    screen_factor: float = 4.42
    fewest: int = 12
    fewest_short: int = 6
    least_years: float = 1.0
    gap_days: float = 365.25
    refit_share: float = 0.03
    snow_share: float = 0.75
    clear_share: float = 0.25
    green_above_median: float = 400.0

    def __post_init__(self) -> None:
        """Refuse what no series could satisfy."""
        for name in ("probability", "outlier_probability"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; it must lie between 0 and 1, such as 0.99.")
        if self.confirm < 1:
            raise InputError(f"confirm is {self.confirm}; at least 1 look must depart for a break, COLD takes 6.")
        if self.fewest < 12 or not 6 <= self.fewest_short <= self.fewest:
            raise InputError(
                f"fewest is {self.fewest}, fewest_short {self.fewest_short}; four coefficients want at least 12 looks, "
                "a short model at least 6 and not more than a full one."
            )
        if self.penalty < 0 or self.gap_days <= 0 or self.least_years <= 0 or self.refit_share < 0:
            raise InputError("penalty and refit_share must not be negative, gap_days and least_years must be positive.")

    def numbers(self) -> NDArray[np.float64]:
        """Return the rules as the kernels want them, in the order of their places there."""
        return np.array(
            [
                chdtri(_DETECTION_BANDS, 1 - self.probability),
                chdtri(_DETECTION_BANDS, 1 - self.outlier_probability),
                math.radians(self.angle_degrees),
                self.confirm,
                self.penalty,
                self.screen_factor,
                self.fewest,
                self.fewest_short,
                self.least_years * 365.25,
                self.gap_days,
                self.snow_share,
                self.clear_share,
                self.refit_share,
                self.green_above_median,
            ],
            np.float64,
        )


COLD = SegmentRules()
"""Continuous monitoring of land disturbance (Zhu et al. 2020)."""
