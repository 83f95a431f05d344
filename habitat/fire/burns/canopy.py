"""Canopy effect: what a fire did to the crowns, as the change of summer moisture and leaves against unburnt ground."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from habitat.contracts.grid import Tile
from habitat.contracts.span import Span
from habitat.fire.burns.fire_calendar import FireSeason
from habitat.fire.burns.scar_layers import Maker

CANOPY_BANDS = ("red", "nir", "swir1")
"""Bands that the change is made of, in the order of the kernel."""
MEASURES = ("ndmi", "kndvi")
"""What is compared: NDMI falls as crowns dry or open, kNDVI as leaves are lost."""
SUMMER = ((7, 1), (9, 10))
"""First and last day (month, day) of the looks that count: leaves are full."""
FEWEST_UNBURNT = 100
"""Unburnt pixels a kind of ground needs for its offset."""
_LEAST, _STEP, _KINDS = -0.2, 0.05, 18
"""Kinds of ground are steps of NDMI in the summer before, open ends."""
_SCALE = 10_000.0
_MOST = 10_000
_UNKNOWN = 255
NODATA = -32768
"""Code of an effect that is not known."""


def summers(season: FireSeason) -> tuple[Span, Span]:
    """Return the summers before and after the fires of a season, both full of leaves.

    Examples
    --------
    >>> [str(span) for span in summers(FireSeason(2025, "autumn"))]
    ['2025-07-01 to 2025-09-10', '2026-07-01 to 2026-09-10']
    """
    after = season.year + (season.name != "spring")
    # Looks of the season's own summer may lie on either side of a summer fire, which only the year before does not.
    before = after - 1 if season.name != "summer" else season.year - 1
    first, last = (Span(date(year, *SUMMER[0]), date(year, *SUMMER[1])) for year in (before, after))
    return first, last


def summer_medians(codes: NDArray[np.int16], clear: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the medians of `MEASURES` over the clear looks (measure, pixel), NaN where there is none.

    Parameters
    ----------
    codes : int16 (band, date, pixel)
        Reflectance / 1e-4 of `CANOPY_BANDS`, -32768 where unknown.
    clear : uint8 (date, pixel)
        1 where clear.

    References
    ----------
    Wilson & Sader (2002), NDMI; Camps-Valls et al. (2021), kNDVI.

    Examples
    --------
    >>> codes = np.array([[300, 900], [3000, 2100], [1500, 1900]], np.int16)[:, :, None]
    >>> summer_medians(codes, np.array([[1], [0]], np.uint8))[:, 0].astype(float).round(3).tolist()
    [0.333, 0.585]
    """
    out = np.full((len(MEASURES), clear.shape[1]), np.nan, np.float32)
    _medians(np.ascontiguousarray(codes), np.ascontiguousarray(clear), out)
    return out


@njit(nogil=True, cache=True, error_model="numpy")
def _medians(codes: Any, clear: Any, out: Any) -> None:
    dates, pixels = clear.shape
    values = np.empty((2, dates), np.float32)
    for p in range(pixels):
        count = 0
        for t in range(dates):
            if clear[t, p] == 0 or min(codes[0, t, p], codes[1, t, p], codes[2, t, p]) <= -500:
                continue
            red, nir, swir1 = (
                float(max(codes[0, t, p], 1)),
                float(max(codes[1, t, p], 1)),
                float(max(codes[2, t, p], 1)),
            )
            ndvi = (nir - red) / (nir + red)
            values[0, count] = (nir - swir1) / (nir + swir1)
            values[1, count] = np.tanh(ndvi * ndvi)
            count += 1
        if count:
            for k in range(2):
                ordered = np.sort(values[k, :count])
                out[k, p] = 0.5 * (ordered[(count - 1) // 2] + ordered[count // 2])


class CanopyLayers:
    """Change of crowns from summer to summer, tile by tile, on disk until the offset is known.

    For each season: `begin`, `put` every tile, then `settle` every tile.

    Parameters
    ----------
    shape : (int, int)
        Rows and columns of the whole raster.
    make : callable
        (name, dtype, shape) to an array of zeros, as for `ScarLayers`.

    Examples
    --------
    >>> layers, tile = CanopyLayers((1, 400), lambda name, kind, shape: np.zeros(shape, kind)), Tile(0, 0, 1, 400)
    >>> before = np.full((2, 400), 0.3, np.float32)
    >>> after = np.where(np.arange(400) < 50, 0.1, 0.28).astype(np.float32) * np.ones((2, 1), np.float32)
    >>> layers.begin()
    >>> layers.put(tile, before, after, unburnt=np.arange(400)[None] >= 50)
    >>> layers.settle(tile, np.arange(400)[None] < 50)
    >>> layers.read(tile)[:, 0, [0, 399]].tolist()
    [[-1800, -32768], [-1800, -32768]]
    """

    def __init__(self, shape: tuple[int, int], make: Maker) -> None:
        rows, columns = shape
        count = len(MEASURES)
        self._final, self._change = (
            make(name, "i2", (count * rows, columns)).reshape(count, rows, columns)
            for name in ("canopy", "canopy-change")
        )
        self._final[:] = NODATA
        self._kind = make("canopy-kind", "u1", shape)
        self._counts = np.zeros((count, _KINDS, 2 * _MOST + 1), np.int64)
        self._lock = threading.Lock()
        self._known: NDArray[np.float64] | None = None

    def begin(self) -> None:
        """Begin a season."""
        self._counts[:] = 0
        self._known = None

    def take(
        self, tile: Tile, codes: NDArray[np.int16], clear: NDArray[np.uint8], late: NDArray[np.bool_], unburnt: Any
    ) -> None:
        """Keep what a series of both summers says of a tile; `late` (date) tells which looks are of the second."""
        sides = [summer_medians(codes[:, one], clear[one]) for one in (~late, late)]
        self.put(tile, sides[0], sides[1], unburnt=unburnt)

    def put(
        self, tile: Tile, before: NDArray[np.float32], after: NDArray[np.float32], *, unburnt: NDArray[np.bool_]
    ) -> None:
        """Keep what two summers say of a tile, and learn from what did not burn; from any thread.

        Parameters
        ----------
        tile : Tile
            Where it lies.
        before, after : float32 (measure, pixel)
            From `summer_medians`.
        unburnt : bool (y, x)
            Ground that was seen not to burn.
        """
        shape, at = (tile.height, tile.width), _window(tile)
        known = np.isfinite(before).all(axis=0) & np.isfinite(after).all(axis=0)
        change = np.clip(np.rint(np.where(known, after - before, 0.0) * _SCALE), -_MOST, _MOST).astype(np.int16)
        kind = np.floor((np.where(known, before[0], 0.0) - _LEAST) / _STEP).clip(0, _KINDS - 1).astype(np.uint8)
        told = known & unburnt.ravel()
        places = kind[told].astype(np.int64) * (2 * _MOST + 1) + _MOST
        for k in range(len(MEASURES)):
            counts = np.bincount(places + change[k, told], minlength=_KINDS * (2 * _MOST + 1))
            with self._lock:
                self._counts[k] += counts.reshape(_KINDS, -1)
        self._change[:, *at] = change.reshape(-1, *shape)
        self._kind[at] = np.where(known, kind, _UNKNOWN).reshape(shape)

    def offsets(self) -> NDArray[np.float64]:
        """Return what each kind of unburnt ground changed by (measure, kind), the median in units of the raster.

        Kinds that are too rare take what lies between their neighbours; all NaN if there is no unburnt ground.
        """
        total = self._counts.sum(axis=2)
        middle = np.argmax(self._counts.cumsum(axis=2) * 2 >= total[:, :, None], axis=2) - _MOST
        found = np.full(middle.shape, np.nan)
        for k, enough in enumerate(total >= FEWEST_UNBURNT):
            if enough.any():
                found[k] = np.interp(np.arange(_KINDS), np.flatnonzero(enough), middle[k, enough])
        return found

    def settle(self, tile: Tile, burnt: NDArray[np.bool_]) -> None:
        """Decide the burnt pixels of a tile, when all tiles of the season were put."""
        at = _window(tile)
        if self._known is None:
            self._known = self.offsets()
        kind = np.array(self._kind[at])
        told = burnt & (kind != _UNKNOWN)
        if not np.isfinite(self._known).all():
            return
        for k in range(len(MEASURES)):
            effect = np.array(self._change[k][at]) - self._known[k][np.minimum(kind, _KINDS - 1)]
            codes = np.clip(np.rint(effect), -32767, 32767).astype(np.int16)
            self._final[k][at] = np.where(told, codes, self._final[k][at])

    def read(self, tile: Tile) -> NDArray[np.int16]:
        """Return the settled effect of a tile (measure, y, x), -32768 where unknown or unburnt."""
        effect: NDArray[np.int16] = np.array(self._final[:, *_window(tile)])
        return effect


def _window(tile: Tile) -> tuple[slice, slice]:
    return slice(tile.row, tile.row + tile.height), slice(tile.column, tile.column + tile.width)
