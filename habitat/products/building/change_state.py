"""Change state: what forest-change carries from month to month, tile by tile in one file, with what it was made of."""

from __future__ import annotations

import io
import json
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from habitat.change.course import Course
from habitat.change.green_season import GreenSeason
from habitat.change.monitoring.monitor_state import MonitorState
from habitat.contracts.errors import InputError, PublishError
from habitat.contracts.grid import Tile

_TOLD = "about.json"
_FIXED = (1980, 1, 1, 0, 0, 0)
"""Date of the parts of the file, so that equal states give equal bytes."""


class TileState(NamedTuple):
    """What is carried of one tile."""

    monitor: MonitorState
    """Of shape (1, pixel)."""
    course: Course
    """What came after departures."""
    season: GreenSeason
    """When the pixels are in leaf."""
    sample: dict[str, NDArray[Any]]
    """History of a few pixels, for the false alarms to expect: place (pixel,), order (pixel,), index and usable (date,
    pixel)."""


@dataclass
class StateTold:
    """What a state file says of itself."""

    key: str
    """Digest of all that decided the state."""
    until: str
    """Last day it has seen, ISO."""
    tiles: list[tuple[int, int, int, int]]
    """Row, column, height and width of each tile."""
    history: list[int]
    """Ordinals of the dates of the history."""
    monitored: list[int]
    """Ordinals of the dates monitored."""
    clear: dict[str, int] = field(default_factory=dict)
    """Clear pixels by scene."""
    missing: list[tuple[str, str, str]] = field(default_factory=list)
    """Scenes that could not be read: identifier, reason, text."""
    mixing: list[dict[str, Any]] = field(default_factory=list)
    """What was measured between the sensors."""
    gaps: list[tuple[str, str]] = field(default_factory=list)
    """Gaps of the scenes it was made of, which no later month can find again."""

    def places(self) -> list[Tile]:
        """Return the tiles."""
        return [Tile(*numbers) for numbers in self.tiles]


class StateWriter:
    """Writes tiles of a state from many threads into one file.

    Parameters
    ----------
    path : Path
        File to write.
    """

    def __init__(self, path: Path) -> None:
        self._file = zipfile.ZipFile(path, "w", zipfile.ZIP_STORED, allowZip64=True)
        self._lock = threading.Lock()

    def write(self, number: int, state: TileState) -> None:
        """Write one tile; from any thread."""
        arrays = _arrays(state)
        part = io.BytesIO()
        packed: dict[str, Any] = dict(arrays)
        np.savez_compressed(part, **packed)
        with self._lock:
            self._file.writestr(zipfile.ZipInfo(f"{number}.npz", _FIXED), part.getbuffer().tobytes())

    def close(self, told: StateTold) -> None:
        """Write what the file says of itself and close it."""
        with self._lock, self._file as file:
            file.writestr(zipfile.ZipInfo(_TOLD, _FIXED), json.dumps(asdict(told), sort_keys=True))

    def abort(self) -> None:
        """Close the file as it is."""
        with self._lock:
            self._file.close()


class StateReader:
    """Reads the tiles of a state file from many threads.

    Raises
    ------
    InputError
        If it is no state.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with zipfile.ZipFile(path) as file:
                told = json.loads(file.read(_TOLD))
            told["missing"] = [tuple(entry) for entry in told["missing"]]
            told["gaps"] = [tuple(entry) for entry in told["gaps"]]
            told["tiles"] = [tuple(entry) for entry in told["tiles"]]
            self.told = StateTold(**told)
        except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
            raise InputError(f"{path} is no state of forest-change ({error}); it is opened from its history") from error

    def read(self, number: int) -> TileState:
        """Return one tile.

        Raises
        ------
        PublishError
            If the file has changed since it was published.
        """
        try:
            with zipfile.ZipFile(self._path) as file, np.load(io.BytesIO(file.read(f"{number}.npz"))) as arrays:
                return _state({name: arrays[name] for name in arrays.files})
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise PublishError(f"{self._path} cannot be read at tile {number} ({error}); run habitat verify") from error


def _arrays(state: TileState) -> dict[str, NDArray[Any]]:
    dataset = state.monitor.to_dataset()
    attributes = json.dumps(dataset.attrs, sort_keys=True)
    arrays: dict[str, NDArray[Any]] = {"attributes": np.array(attributes)}
    arrays |= {f"monitor-{name}": np.asarray(values.values) for name, values in dataset.data_vars.items()}
    arrays |= _named("course", state.course.arrays())
    arrays |= _named("season", state.season._asdict())
    return arrays | _named("sample", state.sample)


def _named(room: str, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    return {f"{room}-{name}": array for name, array in arrays.items()}


def _state(arrays: dict[str, NDArray[Any]]) -> TileState:
    rooms: dict[str, dict[str, NDArray[Any]]] = {"monitor": {}, "course": {}, "season": {}, "sample": {}}
    attributes = json.loads(str(arrays.pop("attributes")))
    for name, array in arrays.items():
        room, _, key = name.partition("-")
        rooms[room][key] = array
    variables = {
        name: ((f"{name}-rows", "y", "x") if array.ndim == 3 else ("y", "x"), array)
        for name, array in rooms["monitor"].items()
    }
    monitor = MonitorState.from_dataset(xr.Dataset(variables, attrs=attributes))
    return TileState(monitor, Course(**rooms["course"]), GreenSeason(**rooms["season"]), rooms["sample"])
