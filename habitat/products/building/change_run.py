"""Change run: tile by tile, a monitor opened from its history or carried on, and the rasters it writes."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.change.change_layers import NOT_FOREST, change_rasters
from habitat.change.course import begun_course, follow
from habitat.change.green_season import EVERGREEN, GreenSeason, green_season, greenness, in_leaf
from habitat.change.monitoring.monitor_kernels import CHANGED, FIRST
from habitat.change.monitoring.monitors import carry
from habitat.change.pixel_models import opened_by_looks, orders
from habitat.contracts import Area, Period
from habitat.contracts.grid import Tile
from habitat.contracts.pixel_areas import pixel_areas
from habitat.contracts.raster_spec import CLASS_NODATA, INDEX_NODATA
from habitat.products.building.change_params import ForestChangeParams
from habitat.products.building.change_series import ChangeSeries, Looks
from habitat.products.building.change_state import StateReader, StateWriter, TileState
from habitat.products.product import Sheets
from habitat.sources.scenes.observations import ClearPixels
from habitat.store import WindowReader

_SAMPLE = 3000
"""Pixels of the area whose histories are kept for the false alarms to expect."""
_EPOCH = date(1970, 1, 1).toordinal()


def dates_of(ordinals: Sequence[int]) -> NDArray[np.datetime64]:
    """Return ordinal days as dates.

    Examples
    --------
    >>> dates_of([date(2025, 5, 1).toordinal()]).astype(str).tolist()
    ['2025-05-01']
    """
    days = np.asarray(ordinals, np.int64) - _EPOCH
    return np.datetime64("1970-01-01", "D") + days.astype("timedelta64[D]")


@dataclass
class Tally:
    """What the pixels of the area came to, in hectares; added up from any thread."""

    hectares: Counter[str] = field(default_factory=Counter)
    """Of forest, monitored, confirmed, new (confirmed in the period) and waiting pixels."""
    pixels: Counter[int] = field(default_factory=Counter)
    """Pixels of the area by reason."""
    samples: dict[int, dict[str, NDArray[Any]]] = field(default_factory=dict)
    """Histories of a few pixels, by number of the tile."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, number: int, hectares: dict[str, float], reasons: NDArray[np.uint8], sample: Any) -> None:
        """Take in one tile."""
        with self._lock:
            self.hectares.update(hectares)
            self.pixels.update(dict(zip(*(array.tolist() for array in np.unique(reasons, return_counts=True)))))  # noqa: B905
            self.samples[number] = sample


@dataclass(frozen=True)
class Forest:
    """What is known of the forest."""

    reader: WindowReader
    """The raster ``forest`` of the forest cover."""
    late: bool
    """Whether it may have seen what was lost since monitoring began."""

    def open_ground(self, tile: Tile, departed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tell which pixels are no forest; a late cover does not unmake what has departed."""
        bare = self.reader.read(tile, ("forest",))[0].reshape(-1) == 0
        return np.asarray(bare & ~departed if self.late else bare)


@dataclass(frozen=True, eq=False)
class ChangeRun:
    """All that the tiles of one build share."""

    params: ForestChangeParams
    area: Area
    period: Period
    history: ChangeSeries | None
    """None where the state of an earlier month is carried on."""
    kept: StateReader | None
    """That state."""
    months: tuple[ChangeSeries, ...]
    """What is monitored, month by month, without months that have no date."""
    inside: NDArray[np.bool_]
    """Pixels of the grid that lie in the area (y, x)."""
    forest: Forest | None
    """The forest cover, if there is one."""
    sheets: Sheets
    states: StateWriter
    clear: ClearPixels
    tally: Tally = field(default_factory=Tally)

    def work(self, entry: tuple[int, Tile]) -> None:
        """Monitor a tile and write what it came to; from any thread."""
        number, tile = entry
        state = self.kept.read(number) if self.kept else self._opened(tile)
        for series in self.months:
            looks = series.read(tile)
            self.clear.add("monitored", looks.clear)
            _carry(state, looks, series)
        self.states.write(number, state)
        self._write(number, tile, state)

    def _opened(self, tile: Tile) -> TileState:
        assert self.history is not None, "opened from a history"
        params, series = self.params, self.history
        looks = series.read(tile)
        self.clear.add("history", looks.clear)
        season = _season(looks, series, params)
        usable = _usable(looks, series, season)
        days, models = dates_of(series.days), params.models(params.since(self.period))
        monitor = opened_by_looks(looks.index, days, usable, series.codes, models, params.rules)
        counts = ((looks.index != series.codes.nodata) & (usable != 0)).sum(axis=0)
        rows, columns = self.area.grid.shape
        places = np.arange(0, tile.height * tile.width, max(1, rows * columns // _SAMPLE))
        sample: dict[str, NDArray[Any]] = {
            "place": places,
            "order": orders(counts, days, models)[places],
            "index": looks.index[:, places],
            "usable": usable[:, places],
        }
        return TileState(monitor, begun_course(looks.evidence, usable), season, sample)

    def _write(self, number: int, tile: Tile, state: TileState) -> None:
        year = self.params.since(self.period).year
        rasters = change_rasters(
            state.monitor, state.course, state.season, scale=self.params.scale, year=year, since=self.period.first_day
        )
        if self.params.radar:
            # No reflectance before and after: there is no such raster.
            rasters.pop("evidence", None)
        here = np.s_[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
        inside = self.inside[here].reshape(-1)
        open_ground = np.zeros(inside.shape, bool)
        if self.forest is not None:
            open_ground = self.forest.open_ground(tile, rasters["dates"][0] != INDEX_NODATA)
        for name, codes in rasters.items():
            codes[:, open_ground] = NOT_FOREST if name == "reason" else _nodata(codes)
            self.sheets.write(name, tile, codes.reshape(len(codes), tile.height, tile.width))
        hectares = self._hectares(tile, rasters, inside & ~open_ground)
        sampled = (inside & ~open_ground)[state.sample["place"]]
        sample = {
            name: array[..., sampled] if array.ndim > 1 else array[sampled] for name, array in state.sample.items()
        }
        self.tally.add(number, hectares, rasters["reason"][0][inside], sample)

    def _hectares(self, tile: Tile, rasters: dict[str, NDArray[Any]], forest: NDArray[np.bool_]) -> dict[str, float]:
        area = pixel_areas(self.area.grid, tile).reshape(-1) / 10_000
        first, confirmed = rasters["dates"].astype(np.int64)
        changed = rasters["reason"][0] == CHANGED
        new_year = date(self.params.since(self.period).year, 1, 1).toordinal() - 1
        chosen = {
            "forest": forest,
            "monitored": forest & (rasters["course"][0] != CLASS_NODATA),
            "confirmed": forest & changed,
            "new": forest & changed & (confirmed + new_year >= self.period.first_day.toordinal()),
            "waiting": forest & ~changed & (first != INDEX_NODATA),
        }
        return {name: float(area[pixels].sum()) for name, pixels in chosen.items()}


def _nodata(codes: NDArray[Any]) -> int:
    return CLASS_NODATA if codes.dtype == np.uint8 else INDEX_NODATA


def _season(looks: Looks, series: ChangeSeries, params: ForestChangeParams) -> GreenSeason:
    """Return when the pixels are in leaf; radar sees no leaves and has all of the year."""
    if looks.evidence is None:
        pixels = looks.usable.shape[1]
        all_year = np.ones(pixels, np.int16), np.full(pixels, 366, np.int16)
        return GreenSeason(*all_year, np.full(pixels, EVERGREEN, np.uint8))
    green = greenness(looks.evidence[0], looks.evidence[1], looks.usable)
    return green_season(np.asarray(series.days, np.int64), green, params.green)


def _usable(looks: Looks, series: ChangeSeries, season: GreenSeason) -> NDArray[np.uint8]:
    leafy = in_leaf(np.asarray(series.days, np.int64), season)
    return np.asarray((looks.usable != 0) & leafy, np.uint8)


def _carry(state: TileState, looks: Looks, series: ChangeSeries) -> None:
    usable, days = _usable(looks, series, state.season), dates_of(series.days)
    first = state.monitor.days[FIRST].reshape(-1).copy()
    carry(
        state.monitor,
        looks.index[:, np.newaxis],
        days,
        codes=series.codes,
        usable=usable[:, np.newaxis],
        workers=1,
    )
    follow(state.course, first, state.monitor, (looks.index, usable, looks.evidence), days, series.codes)
