"""Change series: what a monitor of change looks at, tile by tile, whichever instrument it comes from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from habitat.change.change_layers import EVIDENCE
from habitat.change.green_season import snow_looks
from habitat.change.monitoring.season_model import Codes
from habitat.contracts.area import Area
from habitat.contracts.grid import Tile
from habitat.contracts.span import Span
from habitat.imagery.bandpass import OLI_BANDS
from habitat.imagery.indices import INDICES, index_codes
from habitat.sources.scenes.observations import SeriesReader
from habitat.sources.scenes.preflight import Checked
from habitat.sources.scenes.rasters import Rasters

_SNOW_BANDS = ("green", "swir1")
"""What snow is told by."""
_NODATA = -32768


class Looks(NamedTuple):
    """What was seen of the pixels of one tile, row by row; dates are those of the series."""

    index: NDArray[np.int16]  # type: ignore[assignment]  # a tuple has a method of this name
    """Index that is monitored (date, pixel), in the codes of the series; nodata where not clear."""
    usable: NDArray[np.uint8]
    """1 where the look may be used (date, pixel): clear and no snow. A clear look that may not be used keeps its
    index, so that its pixel is told as paused. What is in leaf the product decides, by `evidence`, for the season of a
    pixel is learnt from its history."""
    evidence: NDArray[np.int16] | None
    """Reflectance / 1e-4 of `EVIDENCE` (4, date, pixel), -32768 where not clear; None where there is none (radar),
    then there is no season of leaves either and `usable` is all that counts."""
    clear: dict[str, int]
    """Clear pixels of the tile by scene identifier, of the scenes that touch it."""


class ChangeSeries(Protocol):
    """All dates of a span of days, tile by tile."""

    days: list[int]
    """Ordinal (``date.toordinal``) of each date, ascending; two passes of one day are two dates."""
    unit: str
    """Unit of the index: ``1`` or ``dB``."""
    codes: Codes
    """How the index is read."""

    def tiles(self, memory_bytes: int) -> list[Tile]:
        """Cover the grid with tiles whose series fit into so much memory."""
        ...

    def read(self, tile: Tile) -> Looks:
        """Return what was seen of a tile; from any thread.

        Raises
        ------
        SceneLost
            If a file cannot be read.
        """
        ...


def optical_bands(index: str) -> tuple[str, ...]:
    """Return the bands that a monitor of an optical index reads.

    Examples
    --------
    >>> optical_bands("nbr"), optical_bands("tcb")[:3]
    (('green', 'red', 'nir', 'swir1', 'swir2'), ('blue', 'green', 'red'))
    """
    wanted = {*EVIDENCE, *_SNOW_BANDS, *INDICES[index].bands}
    return tuple(band for band in OLI_BANDS if band in wanted)


class _OpticalSeries:
    """Series of an index of reflectance."""

    def __init__(self, reader: SeriesReader, index: str) -> None:
        self._reader, self._index = reader, index
        self.days = reader.days
        self.unit = INDICES[index].units
        self.codes = Codes(_NODATA, INDICES[index].scale)

    def tiles(self, memory_bytes: int) -> list[Tile]:
        """Cover the grid with tiles whose series fit into so much memory."""
        return self._reader.tiles(memory_bytes)

    def read(self, tile: Tile) -> Looks:
        """Return what was seen of a tile."""
        series, clear = self._reader.read(tile)
        bands = dict(zip(optical_bands(self._index), series.codes, strict=True))
        usable = series.clear != 0
        for codes in bands.values():
            codes[~usable] = _NODATA
        index = index_codes(self._index, bands)
        usable &= ~snow_looks(*(bands[name] for name in _SNOW_BANDS))
        evidence = np.stack([bands[name] for name in EVIDENCE])
        return Looks(index, usable.astype(np.uint8), evidence, clear)


def optical_series(
    checked: Checked,
    spans: Span | Sequence[Span],
    area: Area,
    rasters: Rasters,
    *,
    index: str,
    grow_m: float,
) -> ChangeSeries:
    """Return the series of an index of reflectance.

    Parameters
    ----------
    checked : Checked
        Scenes whose files were opened with `optical_bands`.
    spans : Span or sequence of Span
        Days (local solar dates) of the series.
    area : Area
        Grid and polygon.
    rasters : Rasters
        Opens the files.
    index : str
        A name in `habitat.imagery.indices.INDICES`.
    grow_m : float
        Clouds are widened by this distance [m].
    """
    # Char looks like cloud shadow and water, snow has to be known as snow: the mask of scars keeps all of them.
    reader = SeriesReader(checked, spans, area, rasters, bands=optical_bands(index), purpose="scar", grow_m=grow_m)
    return _OpticalSeries(reader, index)
