"""Ledger: every expected observation ends used, masked or missing with a reason, and the counts add up."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from habitat.contracts.errors import LedgerImbalance


@dataclass(frozen=True)
class Observation:
    """The outcome of one expected tile-date."""

    scene: str
    """Scene identifier."""
    tile: str
    """MGRS tile or WRS-2 path and row."""
    day: str
    """Solar day, ISO."""
    outcome: str
    """``used``, ``masked`` or ``missing:<reason>``."""
    clear_share: float | None = None
    """Share of the area's pixels this scene saw clear [1]; None if it was not read."""
    note: str = ""
    """What a person would want to know, e.g. the error met."""


@dataclass
class Ledger:
    """Account of the observations a product was to be made of.

    Examples
    --------
    >>> ledger = Ledger([("S2B_52TFN_20250503", "52TFN", "2025-05-03")])
    >>> ledger.settle("S2B_52TFN_20250503", "used", clear_share=0.8)
    >>> ledger.check()
    >>> ledger.counts()["used"]
    1
    """

    expected: list[tuple[str, str, str]]
    """(scene, tile, solar day) of every observation the search said there is."""
    dropped: list[tuple[str, str]] = field(default_factory=list)
    """(scene, reason) of items that are not observations of their own, e.g. superseded duplicates."""
    _outcomes: dict[str, Observation] = field(default_factory=dict)

    def settle(self, scene: str, outcome: str, *, clear_share: float | None = None, note: str = "") -> None:
        """Write down the outcome of one expected scene.

        Raises
        ------
        LedgerImbalance
            If the scene was not expected, was settled before, or the outcome is no known word.
        """
        row = next((row for row in self.expected if row[0] == scene), None)
        if row is None or scene in self._outcomes:
            problem = "was not expected" if row is None else "was settled before"
            raise LedgerImbalance(f"observation {scene!r} {problem}; this is a fault of habitat, please report it")
        if outcome not in ("used", "masked") and not re.fullmatch(r"missing:[a-z][a-z-]*", outcome):
            raise LedgerImbalance(f"outcome {outcome!r} of {scene!r} is not used, masked or missing:<reason>")
        self._outcomes[scene] = Observation(scene, row[1], row[2], outcome, clear_share, note)

    def observations(self) -> list[Observation]:
        """Return the outcomes in the order they were expected."""
        return [self._outcomes[row[0]] for row in self.expected if row[0] in self._outcomes]

    def counts(self) -> dict[str, int]:
        """Count outcomes: expected, used, masked, missing, and each missing:<reason>."""
        words = Counter(o.outcome for o in self._outcomes.values())
        missing = sum(n for word, n in words.items() if word.startswith("missing:"))
        head = {"expected": len(self.expected), "used": words["used"], "masked": words["masked"], "missing": missing}
        return head | {word: n for word, n in sorted(words.items()) if word.startswith("missing:")}

    def check(self) -> None:
        """Check that every expected observation has exactly one outcome.

        Raises
        ------
        LedgerImbalance
            If the counts do not add up.
        """
        counts = self.counts()
        if counts["used"] + counts["masked"] + counts["missing"] != counts["expected"] or len(
            {row[0] for row in self.expected}
        ) != len(self.expected):
            open_rows = [row[0] for row in self.expected if row[0] not in self._outcomes]
            raise LedgerImbalance(
                f"the ledger does not add up: {counts}; without an outcome: {open_rows[:5]}. "
                "Nothing was published; this is a fault of habitat, please report it"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the ledger as plain JSON data."""
        return {
            "counts": self.counts(),
            "observations": [vars(o) for o in self.observations()],
            "dropped": [{"scene": scene, "reason": reason} for scene, reason in self.dropped],
        }


def expect(scenes: Iterable[Any]) -> list[tuple[str, str, str]]:
    """Turn scenes into the ledger's rows of expected observations."""
    return [(s.id, s.tile, s.solar_day.isoformat()) for s in scenes]
