"""Forest: canopy cover and forest masks under named definitions, and kinds of forest with their probabilities."""

from habitat.forest.cover import CoverMap, CoverModel, cover_by_rules, train_cover
from habitat.forest.definition import (
    DEFINITIONS,
    ForestDefinition,
    forest_areas,
    forest_mask,
    mask_areas,
)
from habitat.forest.features import FEATURES, SEASONS, features, merged_years, season_median, snow_free
from habitat.forest.kinds import KIND_CLASSES, Kind
from habitat.forest.samples import Samples
from habitat.forest.types import TypeMap, TypeModel, train_types, types_by_rules
from habitat.forest.validation import CoverSkill, TypeSkill, cover_skill, type_skill

__all__ = [
    "DEFINITIONS",
    "FEATURES",
    "KIND_CLASSES",
    "SEASONS",
    "CoverMap",
    "CoverModel",
    "CoverSkill",
    "ForestDefinition",
    "Kind",
    "Samples",
    "TypeMap",
    "TypeModel",
    "TypeSkill",
    "cover_by_rules",
    "cover_skill",
    "features",
    "forest_areas",
    "forest_mask",
    "mask_areas",
    "merged_years",
    "season_median",
    "snow_free",
    "train_cover",
    "train_types",
    "type_skill",
    "types_by_rules",
]
