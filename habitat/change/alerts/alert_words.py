"""Alert words: what the alerts of a month come to, as one sentence for people and as numbers for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from habitat.change.alerts.alert_list import Limits, Told
from habitat.change.alerts.expected_false import ExpectedFalse
from habitat.change.alerts.status import STAGES, stage_of
from habitat.contracts.estimate import Estimate


@dataclass(frozen=True, eq=False)
class AlertSum:
    """What the alerts of a month come to.

    Parameters
    ----------
    period : str
        As people write it.
    told : Told
        How many did what.
    listed : DataFrame
        The alerts that are listed.
    rest : DataFrame
        Patches that are no alerts: too small, or too little lost.
    limits : Limits
        What makes an alert.
    false : ExpectedFalse, optional
        How many are expected to be false.
    """

    period: str
    told: Told
    listed: pd.DataFrame
    rest: pd.DataFrame
    limits: Limits
    false: ExpectedFalse | None

    def sentence(self) -> str:
        """Return one sentence for people."""
        told, area = self.told, Estimate.counted(self.told.new_ha, "ha")
        withdrawn = f", {told.withdrawn} withdrawn" if told.withdrawn else ""
        limits, rest = self.limits, []
        reasons = (f"below {limits.min_area_ha:g} ha", f"with less than {limits.least_loss:g} % lost")
        for part, why in zip(self._unlisted(), reasons, strict=True):
            if len(part):
                hectares = Estimate.counted(part["area_ha"].sum(), "ha")
                rest.append(f"{_counted(len(part), 'patch', 'patches')} {why} ({hectares.figure} ha)")
        small = f"; {' and '.join(rest)} in the rasters only" if rest else ""
        expected = "nobody knows how many are false"
        if self.false is not None:
            most = self.false.patches_per_1000km2
            expected = f"at most about {_short(most)} false ones per 1,000 km² and month expected"
        ground = f" ({area.figure} ha, {area.estimator})" if told.new else ""
        return (
            f"{self.period}: {_counted(told.new, 'new alert', 'new alerts')}{ground}, "
            f"{_counted(told.confirmed, 'earlier one', 'earlier ones')} confirmed by this month's looks, "
            f"{told.finished} finished{withdrawn}; {told.listed} listed{small}; {expected}"
        )

    def _unlisted(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the patches that are too small, and the others of which too little is lost."""
        large = self.limits.large(self.rest)
        return self.rest[~large], self.rest[large]

    def numbers(self, status: NDArray[np.uint8]) -> dict[str, Any]:
        """Return the same for programs, and the pixels of each status."""
        agents = {
            str(name): {"alerts": len(part), "ha": Estimate.counted(part["area_ha"].sum(), "ha").to_dict()}
            for name, part in self.listed.groupby("agent")
        }
        unlisted = [
            {"patches": len(part), "ha": Estimate.counted(part["area_ha"].sum(), "ha").to_dict()}
            for part in self._unlisted()
        ]
        counts = {name: value for name, value in self.told._asdict().items() if name != "new_ha"}
        return {
            "habitat:summary": self.sentence(),
            "habitat:alerts": counts,
            "habitat:new_ha": Estimate.counted(self.told.new_ha, "ha").to_dict(),
            "habitat:agents": agents,
            "habitat:too_small": unlisted[0],
            "habitat:too_faint": unlisted[1],
            "habitat:pixels": stage_counts(status),
            "habitat:expected_false": None if self.false is None else self.false.to_dict(),
        }


def stage_counts(status: NDArray[np.uint8]) -> dict[str, int]:
    """Count pixels by stage.

    Examples
    --------
    >>> stage_counts(np.array([0, 0, 6, 3, 8, 255], np.uint8))
    {'none': 2, 'first': 0, 'provisional': 0, 'confirmed': 2, 'finished': 1}
    """
    counts = np.bincount(stage_of(status).ravel(), minlength=256)
    return {name: int(counts[place]) for place, name in enumerate(STAGES)}


def _counted(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _short(number: float) -> str:
    """Return a number with two digits that say something, and never in powers of ten."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}" if number >= 0.1 else f"{number:.2g}"
