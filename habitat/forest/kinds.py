"""Kinds of vegetation a forest map tells apart, with their codes, colours and names."""

from __future__ import annotations

from enum import IntEnum

from habitat.contracts.legend import ClassEntry


class Kind(IntEnum):
    """What grows at a place."""

    EVERGREEN_CONIFER = 1
    """Evergreen conifers on at least 65 % of the crowns."""
    MIXED = 2
    """Evergreen on 20 to 65 % of the crowns: Korean pine or fir with broadleaved trees."""
    BROADLEAF = 3
    """Deciduous broadleaved trees: oak, birch, aspen, ash."""
    LARCH = 4
    """Larch, here mostly planted."""
    SHRUB = 5
    """Shrubs and thickets."""
    OPEN = 6
    """Grass, herbs, wetland without trees."""
    OTHER = 7
    """Fields, bare and built ground."""
    WATER = 8
    """Open water."""


TREES = (Kind.EVERGREEN_CONIFER, Kind.MIXED, Kind.BROADLEAF, Kind.LARCH)
"""Kinds that are trees: they reach 5 m where they stand, if they have not yet."""

KIND_CLASSES: tuple[ClassEntry, ...] = (
    (1, "#0b4f2b", "evergreen conifer"),
    (2, "#3f8f5f", "mixed"),
    (3, "#8cc152", "broadleaf"),
    (4, "#e6a532", "larch"),
    (5, "#b59b5b", "shrub"),
    (6, "#efe6a8", "grass, open"),
    (7, "#c9a0b4", "fields, bare, built"),
    (8, "#4a84c4", "water"),
)
"""Code, colour and name of each kind."""

KIND_NAMES: dict[str, int] = {
    "evergreen conifer": 1,
    "conifer": 1,
    "evergreen": 1,
    "mixed": 2,
    "broadleaf": 3,
    "deciduous": 3,
    "larch": 4,
    "shrub": 5,
    "grass": 6,
    "open": 6,
    "wetland": 6,
    "other": 7,
    "field": 7,
    "bare": 7,
    "built": 7,
    "water": 8,
} | {str(int(kind)): int(kind) for kind in Kind}
"""What labels may write for a kind, in small letters, and its code."""
