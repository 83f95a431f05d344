"""Design: how a sample was drawn, kept so that its labels can be turned into estimates a year later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from habitat.contracts.errors import HabitatError, InputError
from habitat.contracts.grid import Grid

FORMAT = 1
"""Version of the document."""


@dataclass(frozen=True)
class StratumDesign:
    """One stratum of a design.

    Parameters
    ----------
    code : int
        As in the raster.
    name : str
        As told to people.
    pixels : int
        Pixels in it.
    area_m2 : float
        Their true area [m²].
    n : int
        Samples drawn.
    expected_accuracy : float, optional
        Share expected to be mapped right.
    """

    code: int
    name: str
    pixels: int
    area_m2: float
    n: int
    expected_accuracy: float | None = None

    @property
    def inclusion(self) -> float:
        """Probability of each of its pixels to be in the sample."""
        return self.n / self.pixels


@dataclass(frozen=True)
class Sampled:
    """One sample: its id, pixel (row · columns + column), and the names of its stratum and of its class on the map."""

    id: str
    cell: int
    stratum: str
    mapped: str


@dataclass(frozen=True)
class Design:
    """A stratified random sample and the map it was drawn from.

    Parameters
    ----------
    map_name, map_digest : str
        File name and digest of the map's pixels.
    strata_name, strata_digest : str
        The same of the raster of strata; the map itself if there is no other.
    grid : Grid
        The grid of both.
    classes : mapping of int to str
        Code to name of the map's classes, and of others that may be seen in the reference.
    strata : tuple of StratumDesign
        In ascending order of code.
    allocation : str
        How samples were shared out.
    seed : int
        Of the random numbers.
    samples : tuple of Sampled
        In random order.

    Raises
    ------
    InputError
        By `from_dict`, if a document is no design.

    Examples
    --------
    >>> grid = Grid("EPSG:32652", 20.0, (500000.0, 4800000.0, 500040.0, 4800020.0))
    >>> one = (StratumDesign(1, "burnt", 2, 800.6, 1),)
    >>> design = Design("a.tif", "x", "a.tif", "x", grid, {1: "burnt"}, one, "equal", 1, (Sampled("1", 0, "1", "1"),))
    >>> Design.from_dict(design.to_dict()) == design
    True
    """

    map_name: str
    map_digest: str
    strata_name: str
    strata_digest: str
    grid: Grid
    classes: Mapping[int, str]
    strata: tuple[StratumDesign, ...]
    allocation: str
    seed: int
    samples: tuple[Sampled, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        data = asdict(self) | {"classes": {str(code): name for code, name in self.classes.items()}}
        samples = [[one.id, one.cell, one.stratum, one.mapped] for one in self.samples]
        return {"format": FORMAT, **data, "samples": samples}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Design:
        """Read a design back."""
        try:
            rest = {name: value for name, value in data.items() if name != "format"}
            if data["format"] != FORMAT:
                raise InputError(f"the design is of format {data['format']}, wants {FORMAT}; draw the sample again")
            grid = data["grid"]
            return cls(
                **rest
                | {
                    "grid": Grid(grid["crs"], grid["resolution_m"], tuple(grid["bounds"])),
                    "classes": {int(code): str(name) for code, name in data["classes"].items()},
                    "strata": tuple(StratumDesign(**one) for one in data["strata"]),
                    "samples": tuple(Sampled(str(a), int(b), str(c), str(d)) for a, b, c, d in data["samples"]),
                }
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"this is no design of habitat ({error!r}); draw the sample again") from error
        except InputError:
            raise
        except HabitatError as error:
            raise InputError(f"this is no design of habitat ({error}); draw the sample again") from error
