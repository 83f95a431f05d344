"""Scar layers: the rasters of scars, season after season, kept on disk until the patches are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.grid import Tile
from habitat.fire.burns.fire_calendar import FireSeason
from habitat.fire.burns.growth import Patches, Votes
from habitat.fire.burns.scar_rules import BURNT_BEFORE, NOT_BURNABLE, UNBURNT, UNOBSERVED, ScarRules, Scars
from habitat.fire.burns.season_days import NO_DAY
from habitat.fire.recurrence import burnt_in, recurrence
from habitat.fire.severity import dnbr, rbr, rdnbr

SEVERITIES = ("dnbr", "rdnbr", "rbr")
"""Bands of the severity raster."""
_SCALE = 1000.0
_SEASON = {
    "within": "u1",
    "before": "u1",
    "unburnt": "i2",
    "burnt": "i2",
    "expected": "i2",
    "after": "i2",
    "idle": "u1",
    "labels": "i4",
}
_FINAL = {"status": "u1", "probability": "u1", "unburnt": "i2", "burnt": "i2"}
BYTES_PER_PIXEL = 34
"""Disk [B] a pixel takes while scars are made."""

Maker: TypeAlias = Callable[[str, str, tuple[int, int]], Any]
"""Makes an array of zeros by name, type and shape, such as a `numpy.memmap`."""


def on_disk(folder: Path) -> Maker:
    """Return what makes arrays as files of a folder, read and written through the system's page cache."""

    def make(name: str, kind: str, shape: tuple[int, int]) -> Any:
        return np.memmap(folder / name, kind, "w+", shape=shape)

    return make


class ScarLayers:
    """Rasters of the scars of one or several seasons, tile by tile.

    For each season: `begin`, `put` every tile, `join`, then `settle` every tile. Between the calls
    everything lies in arrays from `make`, so memory is that of a tile.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the whole raster.
    year : int
        Year that days are counted in.
    rules : ScarRules
        How probabilities become scars.
    make : callable
        (name, dtype, shape) to an array of zeros.
    """

    def __init__(self, shape: tuple[int, int], year: int, rules: ScarRules, make: Maker) -> None:
        self._shape, self._rules, self._make = shape, rules, make
        self._new_year = date(year, 1, 1).toordinal()
        self._final = {name: make(name, kind, shape) for name, kind in _FINAL.items()}
        self._final["severity"] = make("severity", "i2", (3 * shape[0], shape[1])).reshape(3, *shape)
        self._final["status"][:] = UNOBSERVED
        self._final["probability"][:] = UNOBSERVED
        for name in ("unburnt", "burnt", "severity"):
            self._final[name][:] = NO_DAY
        self._season = {f"season-{name}": make(f"season-{name}", kind, shape) for name, kind in _SEASON.items()}
        self.patches = Patches(self._layer("labels"))
        """Patches of the season at work."""

    def _layer(self, name: str) -> Any:
        return self._season[f"season-{name}"]

    def begin(self) -> None:
        """Begin a season."""
        self._layer("labels")[:] = 0
        self.patches = Patches(self._layer("labels"))

    def put(self, tile: Tile, scars: Scars) -> None:
        """Keep what a season left in a tile; from any thread."""
        at = _window(tile)
        self._layer("within")[at] = percent(scars.within)
        self._layer("before")[at] = percent(scars.before)
        self._layer("unburnt")[at] = self._day_of_year(scars.unburnt)
        self._layer("burnt")[at] = self._day_of_year(scars.burnt)
        self._layer("expected")[at] = thousandths(scars.expected_nbr)
        self._layer("after")[at] = thousandths(scars.nbr)
        self._layer("idle")[at] = scars.not_burnable

    def _day_of_year(self, ordinals: NDArray[np.int32]) -> NDArray[np.int16]:
        days = ordinals - self._new_year + 1
        return np.where((ordinals > 0) & (days >= 1), days, NO_DAY).astype(np.int16)

    def count(self, tile: Tile) -> None:
        """Take a tile that was put into the patches; one tile after the other."""
        at = _window(tile)
        within, before = (known(self._layer(name)[at]) for name in ("within", "before"))
        either, free = within + before, np.array(self._layer("idle")[at]) == 0
        rules = self._rules
        # Whole percent: what rounds to the threshold has reached it.
        candidates, seeds = (free & (either >= share - 0.005) for share in (rules.grow, rules.seed))
        self.patches.add(tile, Votes(candidates, seeds, within, before))

    def settle(self, tile: Tile, season: FireSeason, resolution_m: float, *, date_earlier: bool = False) -> None:
        """Decide the pixels of a tile, when all tiles of the season were joined.

        Parameters
        ----------
        tile : Tile
            Where it lies.
        season : FireSeason
            The season at work.
        resolution_m : float
            Pixel size.
        date_earlier : bool
            Whether what was black already when the season began keeps its dates, too.
        """
        at = _window(tile)
        chosen = self.patches.chosen(tile, least_pixels=self._rules.least_pixels(resolution_m))
        within, idle = np.array(self._layer("within")[at]), np.array(self._layer("idle")[at]) > 0
        seen = within != UNOBSERVED
        status, final = np.array(self._final["status"][at]), self._final
        burnt = chosen == 1
        status[seen & (status == UNOBSERVED)] = UNBURNT
        status[(chosen == 2) & (status == UNBURNT)] = BURNT_BEFORE
        status[idle & (status != BURNT_BEFORE) & ~burnt & ((status == UNBURNT) | (status == UNOBSERVED))] = NOT_BURNABLE
        status[burnt] = season.code
        final["status"][at] = status
        old = np.array(final["probability"][at])
        best = np.where(old == UNOBSERVED, within, np.where(seen, np.maximum(old, within), old))
        final["probability"][at] = np.where(status == NOT_BURNABLE, UNOBSERVED, best)
        for name in ("unburnt", "burnt"):
            dated = burnt | ((status == BURNT_BEFORE) & (chosen == 2)) if date_earlier else burnt
            final[name][at] = np.where(dated, self._layer(name)[at], final[name][at])
        # Where nothing burnt, the latest season tells; a scar keeps its own severity.
        told = seen & (burnt | (status == UNBURNT) | (status == BURNT_BEFORE))
        expected, after = (values(self._layer(name)[at]) for name in ("expected", "after"))
        for band, codes in enumerate(severity_codes(expected, after)):
            final["severity"][band][at] = np.where(told, codes, final["severity"][band][at])

    def numbers(self, tile: Tile, resolution_m: float, *, kind: int = 1) -> NDArray[np.int64]:
        """Return the number of the patch each pixel is in, 0 where none; kind 1 burnt in the season, 2 before it."""
        return self.patches.numbers(tile, least_pixels=self._rules.least_pixels(resolution_m), kind=kind)

    def chances(self, tile: Tile, *, kind: int = 1) -> NDArray[np.float32]:
        """Return the probability [1] of a burn in the season at work (kind 1) or before it (kind 2), 0 if unknown."""
        return known(self._layer("within" if kind == 1 else "before")[_window(tile)])

    def read(self, name: str, tile: Tile) -> NDArray[Any]:
        """Return a settled layer of a tile: status, probability, unburnt, burnt (y, x) or severity (band, y, x)."""
        at = _window(tile)
        layer: NDArray[Any] = np.array(self._final[name][:, *at] if name == "severity" else self._final[name][at])
        return layer


def percent(probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return probabilities as whole percent, 255 where unknown.

    Examples
    --------
    >>> percent(np.array([0.256, np.nan], np.float32)).tolist()
    [26, 255]
    """
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(probability), UNOBSERVED, np.rint(probability * 100)).astype(np.uint8)


def known(codes: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return whole percent as probabilities, 0 where unknown."""
    return np.where(codes == UNOBSERVED, np.float32(0), codes.astype(np.float32) * np.float32(0.01)).astype(np.float32)


def thousandths(values_: NDArray[np.floating[Any]]) -> NDArray[np.int16]:
    """Return values as thousandths, held at ±32767; -32768 where unknown."""
    with np.errstate(invalid="ignore"):
        codes = np.clip(np.rint(np.asarray(values_, np.float64) * _SCALE), -32767, 32767)
    return np.where(np.isnan(codes), NO_DAY, np.nan_to_num(codes)).astype(np.int16)


def values(codes: NDArray[np.int16]) -> NDArray[np.float32]:
    """Return thousandths as values, NaN where unknown."""
    found = codes.astype(np.float32) / np.float32(_SCALE)
    found[codes == NO_DAY] = np.nan
    return found


def severity_codes(expected: NDArray[np.float32], after: NDArray[np.float32]) -> list[NDArray[np.int16]]:
    """Return dNBR, RdNBR and RBR as thousandths; what is expected without fire takes the place of the image before.

    RdNBR's published number is in thousandths already.
    """
    fell = np.asarray(dnbr(expected, after))
    return [
        thousandths(fell),
        thousandths(np.asarray(rdnbr(expected, after)) / _SCALE),
        thousandths(np.asarray(rbr(expected, after))),
    ]


def recurrence_codes(status: NDArray[np.uint8], seasons: Sequence[int], years: Sequence[int]) -> NDArray[np.uint8]:
    """How often pixels burnt, were seen, and how long ago they burnt, from the status rasters of several years.

    Parameters
    ----------
    status : uint8 (year, y, x)
        Codes of the status raster.
    seasons : sequence of int
        Codes of the seasons that count.
    years : sequence of int
        Year of each raster, ascending.

    Returns
    -------
    uint8 (3, y, x)
        Count, observed seasons, years since the last burn; 255 unknown.

    Examples
    --------
    >>> status = np.array([1, 0, 255], np.uint8).reshape(3, 1, 1)
    >>> recurrence_codes(status, [1, 2, 3], [2023, 2024, 2025]).ravel().tolist()
    [1, 2, 1]
    """
    each = [np.asarray(burnt_in(status, season)) for season in seasons]
    # Over several seasons the pixel burnt in any of them, and was seen if it was seen in one.
    burnt = np.where(np.any([one == 1 for one in each], axis=0), 1, np.min(each, axis=0)).astype(np.uint8)
    found = recurrence(burnt, list(years))
    observed, since = found["observed"].values, found["since_last"].values
    count = np.where(observed == 0, UNOBSERVED, found["count"].values)
    ago = np.where(np.isnan(since), UNOBSERVED, np.rint(np.nan_to_num(since)))
    codes: NDArray[np.uint8] = np.minimum(np.stack([count, observed, ago]), UNOBSERVED).astype(np.uint8)
    return codes


def _window(tile: Tile) -> tuple[slice, slice]:
    return slice(tile.row, tile.row + tile.height), slice(tile.column, tile.column + tile.width)
