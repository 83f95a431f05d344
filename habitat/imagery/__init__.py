"""Pixels before they mean anything: masks, composites, indices, offset check; each name from its own file."""

from habitat.imagery.clouds import ClearPolicy, class_shares, clear_mask, clear_policy, mask_words, saturated
from habitat.imagery.cubes import clear_median, keep_clear
from habitat.imagery.geomedian import geometric_median
from habitat.imagery.indices import INDICES, Index, computable, compute, index, normalized_difference
from habitat.imagery.offset_check import OffsetEvidence, check_offset, offset_evidence
from habitat.imagery.sensors import SENSORS

__all__ = [
    "INDICES",
    "SENSORS",
    "ClearPolicy",
    "Index",
    "OffsetEvidence",
    "check_offset",
    "class_shares",
    "clear_mask",
    "clear_median",
    "clear_policy",
    "computable",
    "compute",
    "geometric_median",
    "index",
    "keep_clear",
    "mask_words",
    "normalized_difference",
    "offset_evidence",
    "saturated",
]
