"""What happens to the land: fires and clearings with their dates, and everything of a world that is drawn once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from habitat.twin.land.weather import Weather


@dataclass(frozen=True, eq=False)
class Fire:
    """One fire, on a patch of the world's 20 m lattice."""

    number: int
    """Its number, from 1, in order of time."""
    kind: Literal["ground", "crown"]
    """Ground fires leave the trees alive; crown fires replace the stand."""
    season: Literal["spring", "autumn"]
    """Fire season."""
    start: datetime
    """Ignition, UTC."""
    cause: Literal["road", "field", "settlement", "unknown"]
    """Where it began."""
    ignition: tuple[int, int]
    """Row and column of the ignition on the world's 20 m lattice."""
    row: int
    """First row of the patch on the world's 20 m lattice."""
    column: int
    """First column of the patch."""
    arrival_h: NDArray[np.float32]
    """Hours from ignition until the fire came (y, x); infinity where it did not."""
    severity: NDArray[np.float32]
    """Severity [1] (y, x); 0 where nothing burnt."""

    @property
    def burnt(self) -> NDArray[np.bool_]:
        """Pixels of the patch that burnt."""
        inside: NDArray[np.bool_] = np.isfinite(self.arrival_h)
        return inside

    @property
    def area_ha(self) -> float:
        """Area burnt [ha]."""
        return float(np.count_nonzero(self.burnt)) * 0.04


@dataclass(frozen=True, eq=False)
class Clearing:
    """One felling or clearing, on a patch of the world's 20 m lattice."""

    number: int
    """Its number, from 1, in order of time."""
    kind: Literal["clear-cut", "selective", "field", "windthrow"]
    """Clear-cuts and windthrow grow back, selective fellings leave a part of the crowns, fields stay open."""
    day: date
    """Day it was finished."""
    row: int
    """First row of the patch on the world's 20 m lattice."""
    column: int
    """First column of the patch."""
    removed: NDArray[np.float32]
    """Share of the crowns removed [1] (y, x)."""


@dataclass(frozen=True, eq=False)
class History:
    """Everything of a world that is drawn once and holds for all its windows."""

    weather: Weather
    """Daily weather."""
    fires: tuple[Fire, ...]
    """Fires in order of time."""
    clearings: tuple[Clearing, ...]
    """Clearings in order of time."""
