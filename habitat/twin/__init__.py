"""A made-up landscape with known truth, seen by satellites and written as real catalogues."""

from habitat.twin.catalogue import TwinCatalogue, find, find_or_make, make
from habitat.twin.extent import area, area_mapping
from habitat.twin.quirks import ALWAYS, NO_QUIRKS, NO_SWIR, Quirks
from habitat.twin.world import SizeName

__all__ = [
    "ALWAYS",
    "NO_QUIRKS",
    "NO_SWIR",
    "Quirks",
    "SizeName",
    "TwinCatalogue",
    "area",
    "area_mapping",
    "find",
    "find_or_make",
    "make",
]
