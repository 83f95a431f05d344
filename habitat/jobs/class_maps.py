"""Class maps with their strata: read once from north to south, with digests, names and codes under points."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from habitat.accuracy.sampling import Piece, Population, population
from habitat.contracts.errors import ConfigError, GridMismatch
from habitat.contracts.grid import Grid
from habitat.sources.class_rasters import ClassRaster, PixelDigest

_UNKNOWN = np.iinfo(np.int64).min


@dataclass(frozen=True, eq=False)
class Survey:
    """What one pass over a map found.

    Parameters
    ----------
    grid : Grid
        Of the map.
    population : Population
        Pixels and areas of classes and strata.
    map_digest, strata_digest : str
        Of the pixels.
    mapped, strata : int64 (point)
        Codes under the points asked for.
    known : bool (point)
        Whether the point belongs to the population.
    """

    grid: Grid
    population: Population
    map_digest: str
    strata_digest: str
    mapped: NDArray[np.int64]
    strata: NDArray[np.int64]
    known: NDArray[np.bool_]


class ClassMap:
    """A map and its strata on one grid; use it in a ``with`` block.

    Parameters
    ----------
    path : Path
        GeoTIFF of class codes.
    strata : Path, optional
        GeoTIFF of strata on the same grid; the classes of the map are the strata otherwise.

    Raises
    ------
    GridMismatch
        If the two do not lie on one grid.
    """

    def __init__(self, path: Path, strata: Path | None = None) -> None:
        self._open = ExitStack()
        try:
            self.map = self._open.enter_context(ClassRaster(path))
            self.strata = self.map if strata is None else self._open.enter_context(ClassRaster(strata))
            if self.strata.grid != self.map.grid:
                raise GridMismatch(
                    f"{path.name} has {self.map.grid.shape} pixels in {self.map.grid.bounds}, the strata "
                    f"{self.strata.grid.shape} in {self.strata.grid.bounds}; warp the strata to the map"
                )
        except BaseException:
            self._open.close()
            raise

    def __enter__(self) -> ClassMap:
        """Return the map."""
        return self

    def __exit__(self, *about: object) -> None:
        self._open.close()

    @property
    def grid(self) -> Grid:
        """The grid of both."""
        return self.map.grid

    def pieces(self) -> Iterator[Piece]:
        """Read the map and its strata from north to south."""
        for tile in self.map.tiles():
            mapped = self.map.read(tile)
            strata = mapped if self.strata is self.map else self.strata.read(tile)
            known = self.map.known(mapped)
            if self.strata is not self.map:
                known &= self.strata.known(strata)
            yield Piece(tile, strata, mapped, known)

    def survey(self, cells: Sequence[int] | NDArray[np.int64] = ()) -> Survey:
        """Read everything once: population, digests, and the codes under cells of the grid."""
        wanted = np.asarray(cells, np.int64)
        mapped, strata = np.full(wanted.size, _UNKNOWN), np.full(wanted.size, _UNKNOWN)
        known = np.zeros(wanted.size, np.bool_)
        digests = [PixelDigest(raster) for raster in dict.fromkeys((self.map, self.strata))]

        def watched() -> Iterator[Piece]:
            for piece in self.pieces():
                for digest, codes in zip(digests, (piece.mapped, piece.strata), strict=False):
                    digest.add(codes)
                first = piece.tile.row * self.grid.shape[1]
                here = (wanted >= first) & (wanted < first + piece.mapped.size)
                place = wanted[here] - first
                mapped[here], strata[here] = piece.mapped.ravel()[place], piece.strata.ravel()[place]
                known[here] = piece.known.ravel()[place]
                yield piece

        there = population(watched(), self.grid)
        return Survey(self.grid, there, digests[0].text(), digests[-1].text(), mapped, strata, known)


def class_names(told: str, codes: Sequence[int]) -> dict[int, str]:
    """Names of classes by code; a class that has been given none is called after its code.

    Parameters
    ----------
    told : str
        ``1=forest,2=burnt``; codes that are not on the map may be seen in the reference all the same.
    codes : sequence of int
        Codes of the map.

    Raises
    ------
    ConfigError
        If an entry is no code with a name, or a code or name stands for two.

    Examples
    --------
    >>> class_names("2=burnt", [1, 2])
    {1: '1', 2: 'burnt'}
    """
    named: dict[int, str] = {}
    for entry in filter(None, (part.strip() for part in told.split(","))):
        code, _, name = (part.strip() for part in entry.partition("="))
        if not name or not code.lstrip("-").isdigit() or int(code) in named:
            raise ConfigError(f"{entry!r} in classes is no code=name, or its code stands there twice; e.g. 1=forest")
        named[int(code)] = name
    found = {code: named.get(code, str(code)) for code in sorted({*codes, *named})}
    spellings = [name.casefold() for name in found.values()]
    if len(set(spellings)) != len(spellings):
        raise ConfigError(f"two classes have one name: {', '.join(found.values())}; name each in a way of its own")
    return found


def spellings(names: Mapping[int, str]) -> dict[str, str]:
    """Names and codes that may be written for a class, with the name each means."""
    return {str(code): name for code, name in names.items()} | {name: name for name in names.values()}
