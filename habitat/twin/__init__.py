"""A made-up landscape with known truth, written as real scenes."""

from habitat.twin.catalogue import TwinCatalogue, make
from habitat.twin.extent import area, area_mapping
from habitat.twin.plan import ALWAYS, NO_QUIRKS, NO_SWIR, Quirks

__all__ = ["ALWAYS", "NO_QUIRKS", "NO_SWIR", "Quirks", "TwinCatalogue", "area", "area_mapping", "make"]
