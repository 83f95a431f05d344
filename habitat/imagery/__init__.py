"""Pixels before they mean anything: masks, indices, offset check. Each name is re-exported from its file."""

from habitat.imagery.clouds import ClearPolicy, class_shares, clear_mask, clear_policy, mask_words, saturated
from habitat.imagery.indices import INDICES, Index, computable, compute, index, normalized_difference
from habitat.imagery.offset_check import OffsetEvidence, check_offset, offset_evidence

__all__ = [
    "INDICES",
    "ClearPolicy",
    "Index",
    "OffsetEvidence",
    "check_offset",
    "class_shares",
    "clear_mask",
    "clear_policy",
    "computable",
    "compute",
    "index",
    "mask_words",
    "normalized_difference",
    "offset_evidence",
    "saturated",
]
