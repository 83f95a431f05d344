"""History: months and cells of an area with all that is known before each month, its weather, and what burnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import GridMismatch
from habitat.fire.hazard.recurrence_before import recurrence_before

Label = Literal["burning", "ignition"]
LABELS: tuple[Label, ...] = ("burning", "ignition")
SEASON, WEATHER, RECURRENCE = "season", "fire weather", "recurrence"
FWI_ONLY = (SEASON, WEATHER)
"""Predictors of the model that knows the month and its fire weather, and nothing of the place."""
LEAST_LAND = 0.1
"""Share of land a cell must have to be told about [1]."""

Floats = NDArray[np.float64]
Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class History:
    """All months of a record, and one month more that is to be told about.

    Parameters
    ----------
    months : datetime64[M] (month,)
        Consecutive; the last one is the month wanted, of which nothing burnt is known.
    weather : float32 (month, y, x)
        Mean fire weather index of each month, days without a fire season counting as 0; NaN where unknown.
    burning, ignition : bool (month - 1, y, x)
        What hotspots and scars say of the months before.
    land : array (y, x) [1]
        Share of land.
    ground : mapping of str to float32 (y, x)
        Predictors of places, without holes.
    countries : mapping of str to array (y, x) [1]
        Share of each cell that lies in a country; none: no country is known.
    seen : bool (month - 1,), optional
        Months of which hotspots are known; of all by default.
    known : bool (month - 1, y, x), optional
        What was known of fires by the end of each month, for the recurrence; `burning` by default. A scar between
        whose days a month begins burnt, for all that is known, in the one or the other.

    Raises
    ------
    GridMismatch
        If shapes do not fit.
    """

    months: NDArray[np.datetime64]
    weather: NDArray[np.float32]
    burning: NDArray[np.bool_]
    ignition: NDArray[np.bool_]
    land: NDArray[np.float32]
    ground: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    countries: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    seen: NDArray[np.bool_] | None = None
    known: NDArray[np.bool_] | None = None

    def __post_init__(self) -> None:
        cells = self.land.shape
        wrong = [name for name, layer in (*self.ground.items(), *self.countries.items()) if layer.shape != cells]
        wrong += [] if self.weather.shape == (self.months.size, *cells) else ["weather"]
        before = self.months.size - 1, *cells
        wrong += [name for name in LABELS if getattr(self, name).shape != before]
        wrong += [] if self.known is None or self.known.shape == before else ["known"]
        if wrong:
            raise GridMismatch(f"{', '.join(wrong)} do not fit {self.months.size} months of {cells} cells")

    @property
    def last(self) -> int:
        """Row of the month wanted."""
        return self.months.size - 1

    @cached_property
    def years(self) -> Index:
        """Calendar year of each month."""
        return self.months.astype("datetime64[Y]").astype(np.int64) + 1970

    @cached_property
    def calendar(self) -> Index:
        """Month of the calendar of each month, 0 to 11."""
        return self.months.astype(np.int64) % 12

    @cached_property
    def cells(self) -> Index:
        """Flat index of the cells with land enough."""
        return np.flatnonzero(self.land >= LEAST_LAND)

    @cached_property
    def anomaly(self) -> NDArray[np.float32]:
        """Fire weather against the usual of its month of the calendar (month, cell): log of 1 + FWI, less its mean."""
        return self._unusual(np.log1p(np.maximum(self.weather, 0)))

    def _unusual(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        out = np.array(values, np.float32)
        for number in range(12):
            rows = self.calendar == number
            known = np.isfinite(values[rows])
            total = np.where(known, values[rows], 0).sum(axis=0)
            out[rows] -= total / np.maximum(known.sum(axis=0), 1)
        return out.reshape(len(out), -1)

    @cached_property
    def recurrence(self) -> NDArray[np.float32]:
        """What burnt about each cell before each month (month, cell), see `recurrence_before`."""
        # The month wanted comes after all that is known; what it holds itself never counts.
        known = self.burning if self.known is None else self.known
        burning = np.concatenate([known, np.zeros((1, *self.land.shape), bool)])
        return recurrence_before(burning, self.land).reshape(len(burning), -1)

    @cached_property
    def usable(self) -> NDArray[np.bool_]:
        """Months before the last one whose weather is known on all land, and whose hotspots are (month,)."""
        held = np.isfinite(self.weather).reshape(self.months.size, -1)[:, self.cells]
        known: NDArray[np.bool_] = np.array(held.all(axis=1))
        known[:-1] &= True if self.seen is None else self.seen
        known[-1] = False
        return known

    @cached_property
    def others(self) -> dict[str, NDArray[np.float32]]:
        """Countries but the largest, which they are held against: share of each cell (cell,)."""
        size = {name: float((share * self.land).sum()) for name, share in self.countries.items()}
        largest = max(size, key=lambda name: size[name], default="")
        return {name: self.countries[name].ravel() for name in sorted(size) if name != largest and size[name] > 0}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all predictors, in the order of `predictors`."""
        crossed = [WEATHER, *(["exposure"] if "exposure" in self.ground else [])]
        lands = [name for one in self.others for name in (one, *(f"{one} x {other}" for other in crossed))]
        return SEASON, WEATHER, RECURRENCE, *self.ground, *lands

    def predictors(
        self, rows: Index, cells: Index, base: Floats, *, names: Sequence[str], weather_rows: Index | None = None
    ) -> Floats:
        """Predictors of months and cells (sample, predictor).

        Parameters
        ----------
        rows, cells : int64 (sample,)
            Row of the month, and flat index of the cell.
        base : float64 (12,)
            Log odds of each month of the calendar.
        names : sequence of str
            Which, of `names`.
        weather_rows : int64 (sample,), optional
            Rows of the months whose fire weather is taken, where it is not the month's own.
        """
        wet = rows if weather_rows is None else weather_rows
        anomaly = self.anomaly[wet, cells]
        columns: dict[str, Floats] = {}
        values: NDArray[Any]
        for name in names:
            country, _, other = name.partition(" x ")
            if name == SEASON:
                values = base[self.calendar[rows]]
            elif name == WEATHER:
                values = anomaly
            elif name == RECURRENCE:
                values = self.recurrence[rows, cells]
            elif name in self.ground:
                values = self.ground[name].ravel()[cells]
            else:
                values = self.others[country][cells]
                values = values * (anomaly if other == WEATHER else self.ground[other].ravel()[cells] if other else 1)
            columns[name] = np.asarray(values, np.float64)
        return np.column_stack(list(columns.values()))

    def label(self, which: Label) -> NDArray[np.bool_]:
        """Return where it burnt, or began to burn (month, cell)."""
        found: NDArray[np.bool_] = getattr(self, which).reshape(self.months.size - 1, -1)
        return found
