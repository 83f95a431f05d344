"""Learning: cover and kinds from samples where they are enough, else by rules, with the skill that was measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import NotPossible
from habitat.forest import rules
from habitat.forest.cover import CoverMap, cover_by_rules, train_cover
from habitat.forest.features import Floats
from habitat.forest.samples import Samples
from habitat.forest.types import TypeMap, train_types, types_by_rules
from habitat.forest.validation import CoverSkill, TypeSkill, cover_skill, type_skill

Gap: TypeAlias = tuple[str, str]


@dataclass(frozen=True)
class Ground:
    """Where samples lie, as far as validation wants to know."""

    resolution_m: float
    """Edge of the pixels [m]."""
    block_m: float
    """Edge of the blocks [m] left out in turn."""
    seed: int
    """For folds and trees."""


@dataclass(frozen=True, eq=False)
class Learnt:
    """How pixels are judged, and how well."""

    cover: Callable[[Floats], CoverMap]
    """Features to cover."""
    kinds: Callable[[Floats], TypeMap]
    """Features to kinds."""
    cover_method: str
    """In words: trained on what, or rules."""
    kinds_method: str
    """The same of kinds."""
    cover_skill: CoverSkill | None = None
    """None of rules, and where samples lie in one block."""
    kinds_skill: TypeSkill | None = None
    """The same of kinds."""
    gaps: list[Gap] = field(default_factory=list)
    """What could not be learnt or validated, with the reason."""

    def skill(self) -> dict[str, Any]:
        """Return methods and scores as plain JSON data."""
        return {
            "cover": {"method": self.cover_method} | (self.cover_skill.to_dict() if self.cover_skill else {}),
            "type": {"method": self.kinds_method} | (self.kinds_skill.to_dict() if self.kinds_skill else {}),
        }


def learnt(
    samples: Samples, table: Floats, countries: NDArray[np.str_], ground: Ground, *, with_cover: bool = True
) -> Learnt:
    """Learn cover and kinds as far as samples allow; rules do the rest.

    Parameters
    ----------
    samples : Samples
        Perhaps none.
    table : float32 (sample, feature)
        Their features.
    countries : str (sample,)
        Country each lies in, empty where none.
    ground : Ground
        For validation.
    with_cover : bool
        Whether cover is wanted; rules do it else, and nothing is said of it.
    """
    gaps: list[Gap] = []
    told: tuple[Callable[[Floats], CoverMap], str, CoverSkill | None] = (cover_by_rules, rules.NAME, None)
    if with_cover:
        told = _cover(samples, table, countries, ground, gaps)
    kinds, kinds_words, other = _kinds(samples, table, countries, ground, gaps)
    return Learnt(told[0], kinds, told[1], kinds_words, told[2], other, gaps)


def _cover(
    samples: Samples, table: Floats, countries: NDArray[np.str_], ground: Ground, gaps: list[Gap]
) -> tuple[Callable[[Floats], CoverMap], str, CoverSkill | None]:
    said = np.isfinite(samples.cover)
    own, rows = samples.taken(said), table[said]
    try:
        model = train_cover(rows, own.cover, weight=own.weight, seed=ground.seed)
    except NotPossible as error:
        gaps.append(("cover, labels", _why(own, error)))
        return cover_by_rules, rules.NAME, None
    skill = None
    try:
        places = {"resolution_m": ground.resolution_m, "block_m": ground.block_m}
        skill = cover_skill(rows, own, countries[said], **places, seed=ground.seed)
        model = model.calibrated(skill.factor)
    except NotPossible as error:
        gaps.append(("cover, validation", str(error)))
    return model.predict, f"trained on {own.count} samples", skill


def _kinds(
    samples: Samples, table: Floats, countries: NDArray[np.str_], ground: Ground, gaps: list[Gap]
) -> tuple[Callable[[Floats], TypeMap], str, TypeSkill | None]:
    said = samples.kind > 0
    own, rows = samples.taken(said), table[said]
    try:
        model = train_types(rows, own.kind, weight=own.weight, seed=ground.seed)
    except NotPossible as error:
        gaps.append(("type, labels", _why(own, error)))
        return types_by_rules, rules.NAME, None
    skill = None
    try:
        places = {"resolution_m": ground.resolution_m, "block_m": ground.block_m}
        skill = type_skill(rows, own, countries[said], **places, seed=ground.seed)
    except NotPossible as error:
        gaps.append(("type, validation", str(error)))
    return model.predict, f"trained on {own.count} samples", skill


def _why(samples: Samples, error: NotPossible) -> str:
    return f"{error if samples.count else 'none given'}: {rules.NAME}"
