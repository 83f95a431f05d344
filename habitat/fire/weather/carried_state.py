"""What is carried from one day to the next for every cell, as plain arrays that can be written and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import InputError
from habitat.fire.weather.fire_season import COUNTERS

_CODES = ("ffmc", "dmc", "dc")


@dataclass(frozen=True, eq=False)
class State:
    """The moisture codes of every cell at the end of a day, and where its season stands.

    Running on from a state gives, bit by bit, what one long run gives.

    Parameters
    ----------
    day : datetime64[D]
        Last day that was computed.
    codes : float64 (3, ...)
        FFMC, DMC and DC; NaN where no season has begun. After a season they stay as they were at its end.
    winter_rain : float64 (...) [mm]
        Rain and snow water since the season's end.
    counters : int16 (8, ...)
        See `habitat.fire.weather.fire_season.COUNTERS`.

    Examples
    --------
    >>> state = fresh_state((2, 3), "2025-04-01")
    >>> str(state.day), state.shape, bool(np.isnan(state.codes).all())
    ('2025-03-31', (2, 3), True)
    """

    day: np.datetime64
    codes: NDArray[np.float64]
    winter_rain: NDArray[np.float64]
    counters: NDArray[np.int16]

    def __post_init__(self) -> None:
        if self.codes.shape != (3, *self.shape) or self.counters.shape != (len(COUNTERS), *self.shape):
            raise InputError(
                f"a state has codes {self.codes.shape} and counters {self.counters.shape} for cells {self.shape}; "
                f"wants 3 and {len(COUNTERS)} of each; it was not written by this version"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the cells."""
        return self.winter_rain.shape

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return everything as named arrays, for any format that holds them; `from_arrays` reads them again."""
        named: dict[str, NDArray[Any]] = {"day": np.array(self.day, "datetime64[D]")}
        named |= {name: self.codes[number] for number, name in enumerate(_CODES)}
        named["winter_rain"] = self.winter_rain
        return named | {name: self.counters[number] for number, name in enumerate(COUNTERS)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> State:
        """Return the state that `arrays` told.

        Raises
        ------
        InputError
            If something is missing or of another shape.
        """
        wanted = ("day", *_CODES, "winter_rain", *COUNTERS)
        missing = [name for name in wanted if name not in arrays]
        if missing:
            raise InputError(f"a state lacks {', '.join(missing)}; it was not written by this version")
        shapes = {name: np.shape(arrays[name]) for name in wanted[1:]}
        if len(set(shapes.values())) > 1:
            raise InputError(f"the arrays of a state differ in shape: {shapes}; they belong to different grids")
        return cls(
            np.datetime64(np.asarray(arrays["day"]).astype("datetime64[D]").item(), "D"),
            np.stack([np.asarray(arrays[name], np.float64) for name in _CODES]),
            np.array(arrays["winter_rain"], np.float64),
            np.stack([np.asarray(arrays[name], np.int16) for name in COUNTERS]),
        )


def fresh_state(shape: tuple[int, ...], first_day: Any) -> State:
    """State of cells whose record begins on a day: no season has been, and no codes are known."""
    codes = np.full((3, *shape), np.nan)
    before: Any = np.datetime64(first_day, "D") - np.timedelta64(1, "D")
    return State(before, codes, np.zeros(shape), np.zeros((len(COUNTERS), *shape), np.int16))
