"""State of a monitor: what is kept for every pixel between two months, as plain arrays that can be written and read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.change.monitoring.monitor_kernels import NO_DAY
from habitat.change.monitoring.monitor_rules import MonitorRules
from habitat.change.monitoring.season_model import Season
from habitat.contracts.errors import InputError

_PLAIN = ("sigma", "process", "code", "history", "seen", "run", "filled")
_STACKED = {"coefficients": "term", "moving": "place", "quartiles": "side", "days": "event", "after": "observation"}
_TYPES = {
    "coefficients": np.float32,
    "sigma": np.float32,
    "process": np.float64,
    "moving": np.float32,
    "quartiles": np.float32,
    "code": np.uint8,
    "history": np.int16,
    "seen": np.int16,
    "run": np.int8,
    "days": np.int32,
    "after": np.float32,
    "filled": np.uint8,
}
_FORMAT = 1


@dataclass(eq=False)
class MonitorState:
    """Everything a monitor has to remember: 95 bytes a pixel with 8 coefficients, and 4 for each place of a window.

    Going on from a state gives, bit by bit, what one long run gives.

    Parameters
    ----------
    rules : MonitorRules
    season : Season
        Shape of the model; of later months it makes the regressors.
    day : datetime64[D]
        Last date that was looked at.
    coefficients : float32 (term, y, x)
        Season model; NaN where there is none.
    sigma : float32 (y, x)
        Residual standard deviation of the history.
    process : float64 (y, x)
        Sum or mean of residuals, in the unit of the index.
    moving : float32 (window, y, x)
        Latest residuals, in a ring; no rows but for ``mosum``.
    quartiles : float32 (2, y, x)
        Whiskers of the history's residuals; no rows but for ``iqr``.
    code : uint8 (y, x)
        See `habitat.change.monitoring.monitors.MONITOR_CODES`.
    history, seen : int16 (y, x)
        Clear observations of the history and since.
    run : int8 (y, x)
        Latest observations in a row beyond the boundary, below zero where below it.
    days : int32 (4, y, x)
        Days since 1970-01-01 of first departure, confirmation, last clear observation and last barred one.
    after : float32 (n, y, x)
        Residuals from the first departure on.
    filled : uint8 (y, x)
        How many of them there are.
    """

    rules: MonitorRules
    season: Season
    day: np.datetime64
    coefficients: NDArray[np.float32]
    sigma: NDArray[np.float32]
    process: NDArray[np.float64]
    moving: NDArray[np.float32]
    quartiles: NDArray[np.float32]
    code: NDArray[np.uint8]
    history: NDArray[np.int16]
    seen: NDArray[np.int16]
    run: NDArray[np.int8]
    days: NDArray[np.int32]
    after: NDArray[np.float32]
    filled: NDArray[np.uint8]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape (y, x) of the pixels."""
        return self.sigma.shape

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Return the arrays in the order of the kernels."""
        return tuple(getattr(self, name) for name in _TYPES)

    def flat(self) -> tuple[NDArray[Any], ...]:
        """Return the arrays over one dimension of pixels, without copying."""
        pixels = self.sigma.size
        return tuple(
            array.reshape(len(array), pixels) if name in _STACKED else array.reshape(pixels)
            for name, array in zip(_TYPES, self.arrays(), strict=True)
        )

    def copy(self) -> MonitorState:
        """Return a state whose arrays may be written."""
        return replace(self, **{name: getattr(self, name).copy() for name in _TYPES})

    def bytes_a_pixel(self) -> float:
        """Return the size of the state."""
        return sum(array.nbytes for array in self.arrays()) / max(self.sigma.size, 1)

    def to_dataset(self) -> xr.Dataset:
        """Return everything as a Dataset of plain arrays (…, y, x) with plain attributes."""
        variables = {
            name: ((_STACKED[name], "y", "x") if name in _STACKED else ("y", "x"), getattr(self, name))
            for name in _TYPES
        }
        season = {"order": self.season.order, "trend": int(self.season.trend), "origin": self.season.origin}
        attributes: dict[str, Any] = {"format": _FORMAT, "day": str(self.day)}
        attributes |= {f"season_{name}": value for name, value in season.items()}
        attributes |= {f"rules_{name}": value for name, value in self.rules.told().items()}
        return xr.Dataset(variables, attrs=attributes)

    @classmethod
    def from_dataset(cls, dataset: xr.Dataset) -> MonitorState:
        """Return the state that `to_dataset` told.

        Raises
        ------
        InputError
            If something is missing, of another shape, or of another version.
        """
        missing = [name for name in _TYPES if name not in dataset]
        if missing or int(dataset.attrs.get("format", 0)) != _FORMAT:
            raise InputError(
                f"a state of format {dataset.attrs.get('format', 'none')} lacks {', '.join(missing) or 'nothing'}; "
                f"wants format {_FORMAT} with all arrays; open the monitor again from its history"
            )
        # A copy: what is read from a file must not be written to by the next month.
        arrays = {name: np.array(dataset[name].values, kind, order="C") for name, kind in _TYPES.items()}
        shapes = {name: array.shape[-2:] for name, array in arrays.items()}
        flat = [name for name in _PLAIN if arrays[name].ndim != 2]
        if len(set(shapes.values())) > 1 or flat or arrays["days"].shape[0] != 4:
            raise InputError(f"the arrays of a state differ in shape: {shapes}; they belong to different grids")
        told = {
            name.removeprefix("rules_"): value for name, value in dataset.attrs.items() if name.startswith("rules_")
        }
        season = Season(
            int(dataset.attrs["season_order"]), bool(dataset.attrs["season_trend"]), str(dataset.attrs["season_origin"])
        )
        return cls(MonitorRules.of(told), season, np.datetime64(str(dataset.attrs["day"]), "D"), **arrays)


def dates_of(days: NDArray[np.int32]) -> NDArray[np.datetime64]:
    """Return days since 1970 as dates, NaT where nothing happened.

    Examples
    --------
    >>> dates_of(np.array([0, NO_DAY], np.int32)).tolist()
    [datetime.date(1970, 1, 1), None]
    """
    dates = days.astype("timedelta64[D]") + np.datetime64("1970-01-01", "D")
    return np.where(days == NO_DAY, np.datetime64("NaT", "D"), dates)
