"""The design command's work: a map in, points to be labelled and the design of the sample out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from habitat.accuracy.allocation import FEWEST, allocation, expected_errors, sample_size
from habitat.accuracy.design import Design, Sampled, StratumDesign
from habitat.accuracy.sampling import Points, Population, drawn
from habitat.contracts.errors import ConfigError
from habitat.contracts.estimate import Estimate
from habitat.jobs.class_maps import ClassMap, Survey, class_names
from habitat.store.disk import json_bytes, write_atomically
from habitat.store.samples import ENDINGS, write_samples

_MINIMA = {"olofsson": 50, "neyman": 50}


@dataclass(frozen=True)
class DesignRequest:
    """What is asked of a design.

    Parameters
    ----------
    map : Path
        GeoTIFF of class codes.
    output : Path
        File of points; the design is written beside it.
    n : int, optional
        Samples; either this or `target_se`.
    target_se : float, optional
        Standard error wanted of the overall accuracy.
    expected_accuracy : str
        ``class=0.9,class=0.7``, and perhaps a number alone for all others.
    allocation : str
        proportional, equal, neyman or olofsson.
    minimum : int, optional
        Samples each stratum gets at least; 50 for olofsson and neyman, else 2.
    seed : int
        The same seed gives the same sample.
    strata : Path, optional
        GeoTIFF of strata; else the classes of the map.
    classes : str
        ``1=forest,2=burnt``.
    blind : bool
        Leave stratum and class on the map out of the file of points.
    """

    map: Path
    output: Path
    n: int | None = None
    target_se: float | None = None
    expected_accuracy: str = ""
    allocation: str = "olofsson"
    minimum: int | None = None
    seed: int = 1
    strata: Path | None = None
    classes: str = ""
    blind: bool = False


@dataclass(frozen=True)
class DesignReport:
    """What became of a design.

    Parameters
    ----------
    output, design_file : Path
        What was written.
    design : Design
        The design itself.
    expected_se : float, optional
        Standard error to expect of the overall accuracy, if accuracies are expected.
    notes : tuple of str
        What people should know.
    """

    output: Path
    design_file: Path
    design: Design
    expected_se: float | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON, the points left out."""
        design = {name: value for name, value in self.design.to_dict().items() if name != "samples"}
        files = {"output": str(self.output), "design_file": str(self.design_file)}
        n = len(self.design.samples)
        return files | {"n": n, "expected_se": self.expected_se, "design": design, "notes": list(self.notes)}

    def text(self) -> str:
        """Return everything in lines."""
        lines = [f"{self.output}: {len(self.design.samples)} points to be labelled; {self.design_file}: the design"]
        lines += [
            f"  {one.name}: {one.n} of {one.pixels:,} pixels ({one.inclusion:.2g} each); "
            f"{Estimate.counted(one.area_m2 / 1e4, 'ha')}"
            for one in self.design.strata
        ]
        if self.expected_se is not None:
            lines.append(f"standard error to expect of the overall accuracy: {self.expected_se:.4f}")
        return "\n".join([*lines, *self.notes])


def design_path(points: Path) -> Path:
    """Path of the design that belongs to a file of points.

    Examples
    --------
    >>> design_path(Path("a/samples.gpkg")).name
    'samples.design.json'
    """
    return points.with_suffix(".design.json")


def write_design(request: DesignRequest) -> DesignReport:
    """Draw a stratified random sample of a map and write its points and its design.

    Parameters
    ----------
    request : DesignRequest
        What is asked.

    Raises
    ------
    ConfigError
        If an option is wrong or options do not go together.
    InputError
        If the map cannot be read or holds no classes.
    PublishError
        If a file cannot be written.
    """
    if (request.n is None) == (request.target_se is None):
        raise ConfigError("say how many samples with --n, or how sure with --target-se: one of the two")
    if request.output.suffix.lower() not in ENDINGS:
        raise ConfigError(f"{request.output.name} ends in {request.output.suffix!r}, wants {', '.join(ENDINGS)}")
    if not request.output.parent.is_dir():
        raise ConfigError(f"there is no folder {request.output.parent}; make it first")
    with ClassMap(request.map, request.strata) as source:
        survey = source.survey()
        names, layers = _names(request, survey.population)
        expected = _expected(request.expected_accuracy, list(layers.values()), needed=_needs_expected(request))
        sizes = _sizes(request, survey.population, expected)
        per_code = dict(zip(survey.population.strata, sizes.tolist(), strict=True))
        points = drawn(source.pieces(), source.grid, per_code, request.seed)
    design = _design(request, survey, points, (names, layers), (sizes, expected))
    write_samples(request.output, _table(design, points, blind=request.blind))
    write_atomically(design_path(request.output), json_bytes(design.to_dict()))
    return DesignReport(request.output, design_path(request.output), design, *_told(design, expected, request))


def _names(request: DesignRequest, found: Population) -> tuple[dict[int, str], dict[int, str]]:
    names = class_names(request.classes, found.classes)
    layers = {code: str(code) for code in found.strata} if request.strata else {one: names[one] for one in found.strata}
    return names, layers


def _needs_expected(request: DesignRequest) -> bool:
    return request.target_se is not None or request.allocation == "neyman"


def _expected(told: str, strata: Sequence[str], *, needed: bool) -> NDArray[np.float64] | None:
    """Return the accuracy expected of each stratum, or None if nothing was said and nothing is needed."""
    entries: dict[str, float] = {}
    for part in filter(None, (entry.strip() for entry in told.split(","))):
        name, _, number = part.rpartition("=")
        try:
            entries[name.strip().casefold()] = float(number)
        except ValueError as error:
            raise ConfigError(f"{part!r} in expected accuracies wants class=0.9, or a number for all others") from error
    rest = entries.pop("", None)
    known = {name.casefold() for name in strata}
    strange = sorted(entries.keys() - known)
    if strange:
        raise ConfigError(f"expected accuracies name {', '.join(strange)}; the strata are {', '.join(strata)}")
    lacking = [name for name in strata if rest is None and name.casefold() not in entries]
    if lacking and (needed or entries):
        raise ConfigError(
            f"the accuracy of {', '.join(lacking)} is wanted too: --expected-accuracy {lacking[0]}=0.9, or a number "
            "alone for all that are not named"
        )
    if lacking:
        return None
    return np.array([entries.get(name.casefold(), rest) for name in strata], np.float64)


def _sizes(request: DesignRequest, found: Population, expected: NDArray[np.float64] | None) -> NDArray[np.int64]:
    areas, pixels = found.areas.sum(axis=1), found.pixels.sum(axis=1)
    minimum = _MINIMA.get(request.allocation, FEWEST) if request.minimum is None else request.minimum
    n = request.n
    if request.target_se is not None and expected is not None:
        least = int(np.minimum(max(minimum, FEWEST), pixels).sum())
        n = max(least, sample_size(areas, expected, request.target_se, pixels=pixels))
    if n is None or n < 1:
        raise ConfigError(f"the number of samples is {n}, wants 1 or more")
    method: Any = request.allocation
    return allocation(n, areas, pixels, method=method, accuracies=expected, minimum=minimum)


def _design(
    request: DesignRequest,
    survey: Survey,
    points: Points,
    names: tuple[Mapping[int, str], Mapping[int, str]],
    numbers: tuple[NDArray[np.int64], NDArray[np.float64] | None],
) -> Design:
    classes, layers = names
    sizes, expected = numbers
    found = survey.population
    strata = tuple(
        StratumDesign(
            code,
            layers[code],
            int(found.pixels[place].sum()),
            # Sums of one map in other strips differ in their last digits; designs are compared by their text.
            round(float(found.areas[place].sum()), 2),
            int(sizes[place]),
            None if expected is None else float(expected[place]),
        )
        for place, code in enumerate(found.strata)
    )
    columns = zip(points.cells.tolist(), points.strata.tolist(), points.mapped.tolist(), strict=True)
    samples = tuple(
        Sampled(str(number), cell, layers[stratum], classes[mapped])
        for number, (cell, stratum, mapped) in enumerate(columns, 1)
    )
    maps = (request.map.name, survey.map_digest, (request.strata or request.map).name, survey.strata_digest)
    return Design(*maps, survey.grid, dict(classes), strata, request.allocation, request.seed, samples)


def _table(design: Design, points: Points, *, blind: bool) -> gpd.GeoDataFrame:
    columns: dict[str, list[Any]] = {"id": [one.id for one in design.samples]}
    if not blind:
        columns |= {
            "stratum": [one.stratum for one in design.samples],
            "map": [one.mapped for one in design.samples],
        }
    columns["reference"] = [""] * len(design.samples)
    return gpd.GeoDataFrame(columns, geometry=gpd.points_from_xy(points.x, points.y), crs=design.grid.crs)


def _told(
    design: Design, expected: NDArray[np.float64] | None, request: DesignRequest
) -> tuple[float | None, tuple[str, ...]]:
    notes = [f"all {one.pixels} pixels of {one.name} are in the sample" for one in design.strata if one.n == one.pixels]
    if expected is None:
        return None, tuple(notes)
    sizes, areas = [one.n for one in design.strata], [one.area_m2 for one in design.strata]
    error, _ = expected_errors(sizes, areas, expected)
    if request.target_se is not None and error > 1.005 * request.target_se:
        notes.append(
            f"allotted by {request.allocation}, {sum(sizes)} samples give {error:.4f}, not {request.target_se}: "
            "that many suffice only with the allocation neyman and no minimum"
        )
    return error, tuple(notes)
