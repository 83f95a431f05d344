"""Before and after: differences, scores against earlier years and classes of change."""

from habitat.change.differences import (
    CHANGE_CLASSES,
    CHANGE_NODATA,
    baseline_statistics,
    change_classes,
    difference,
    standardised_difference,
    z_score,
)
from habitat.change.histogram import DifferenceHistogram

__all__ = [
    "CHANGE_CLASSES",
    "CHANGE_NODATA",
    "DifferenceHistogram",
    "baseline_statistics",
    "change_classes",
    "difference",
    "standardised_difference",
    "z_score",
]
