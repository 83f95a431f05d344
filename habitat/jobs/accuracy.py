"""The estimate command's work: labels and a map in, areas and accuracies with intervals out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from habitat.accuracy.design import Design
from habitat.accuracy.estimators import POST_STRATIFIED, STRATIFIED, Telling, accuracy
from habitat.accuracy.intervals import IntervalKind
from habitat.accuracy.sampling import cell_centres, cells_at
from habitat.accuracy.tallies import merged, tally
from habitat.contracts.errors import ConfigError, InputError
from habitat.contracts.estimate import Estimate
from habitat.contracts.pixel_areas import areal_scale
from habitat.jobs.accuracy_design import design_path
from habitat.jobs.accuracy_report import AccuracyReport
from habitat.jobs.class_maps import ClassMap, Survey, class_names, spellings
from habitat.sources.labels import Labels, named_labels, read_labels
from habitat.store.disk import write_atomically
from habitat.store.provenance import software_versions

_SHOWN = 6


@dataclass(frozen=True)
class EstimateRequest:
    """What is asked of an estimate.

    Parameters
    ----------
    labels : Path
        GPKG, GeoParquet, CSV or KML with the columns id and reference.
    map : Path
        GeoTIFF of class codes that is judged.
    strata : Path, optional
        GeoTIFF the sample was drawn from, if that is not the map.
    design : Path, optional
        Design of the sample; by default the one beside the labels, if it is there.
    output : Path, optional
        Report to write, .json or .csv.
    level : float
        Level of the intervals.
    interval : {'normal', 'logit'}
        Kind of the intervals.
    merge : sequence of str
        ``rare=common``: strata to be joined to others.
    classes : str
        ``1=forest,2=burnt``, where no design says it.
    poststratify : bool
        The sample is a simple random one: sort it by the classes of the map.
    """

    labels: Path
    map: Path
    strata: Path | None = None
    design: Path | None = None
    output: Path | None = None
    level: float = 0.95
    interval: IntervalKind = "normal"
    merge: Sequence[str] = ()
    classes: str = ""
    poststratify: bool = False


@dataclass(frozen=True, eq=False)
class _Sample:
    """Labelled points by name, with the strata they came from."""

    strata: list[str]
    mapped: list[str]
    reference: list[str]
    weights: NDArray[np.float64] | None
    areas: dict[str, float]
    pixels: dict[str, int]


def estimate_accuracy(request: EstimateRequest) -> AccuracyReport:
    """Estimate areas and accuracies of a map from the labels of a sample.

    Parameters
    ----------
    request : EstimateRequest
        What is asked.

    Raises
    ------
    ConfigError
        If an option is wrong, or the map is not the one the sample was drawn from.
    InputError
        If a file cannot be read, labels do not fit map and design, or a stratum has too few of them.
    PublishError
        If the report cannot be written.
    """
    if request.output is not None and request.output.suffix.lower() not in (".json", ".csv"):
        raise ConfigError(f"{request.output.name} ends in {request.output.suffix!r}, wants .json or .csv")
    design, design_file = _design(request)
    with ClassMap(request.map, request.strata) as source:
        if design is not None and request.classes:
            raise ConfigError("the design names the classes already; leave --classes out")
        labels = read_labels(request.labels, source.grid, names=None if design is None else spellings(design.classes))
        cells = _cells(labels, design, source)
        survey = source.survey(np.empty(0, np.int64) if cells is None else cells)
    notes = [] if design is None else _check_design(request, design, survey)
    classes = class_names(request.classes, survey.population.classes) if design is None else dict(design.classes)
    classes |= {code: str(code) for code in survey.population.classes if code not in classes}
    if design is None:
        labels = named_labels(labels, spellings(classes), request.labels)
    sample = _sample(labels, cells, survey, design, classes)
    if request.poststratify:
        sample = _post_stratified(sample, survey, classes, design)
    if design is None:
        notes.append("no design: taken for a random sample of each stratum of this map")
    samples, areas, pixels = merged(
        tally(sample.strata, sample.mapped, sample.reference, classes=list(classes.values()), weights=sample.weights),
        *(sample.areas, sample.pixels, _merges(request.merge)),
    )
    notes += [f"stratum {one} is merged into {other}" for one, other in _merges(request.merge).items()]
    estimator = POST_STRATIFIED if request.poststratify else STRATIFIED
    telling = Telling(request.level, request.interval, "ha", estimator)
    found = accuracy(samples, areas, pixels=pixels, telling=telling)
    points = len(labels.ids) if design is None else len(design.samples)
    report = AccuracyReport(
        labels=request.labels.name,
        map_name=request.map.name,
        map_digest=survey.map_digest,
        design=None if design_file is None else design_file.name,
        points=points,
        unlabelled=points - found.n,
        mapped=_mapped(survey, classes),
        found=replace(found, notes=(*notes, *found.notes)),
        software=software_versions(),
    )
    if request.output is not None:
        content = report.csv() if request.output.suffix.lower() == ".csv" else report.json()
        write_atomically(request.output, content.encode())
    return report


def _design(request: EstimateRequest) -> tuple[Design | None, Path | None]:
    path = request.design or design_path(request.labels)
    if not path.is_file():
        if request.design is not None:
            raise ConfigError(f"there is no design {path}; check the name")
        return None, None
    try:
        return Design.from_dict(json.loads(path.read_bytes())), path
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path} cannot be read as a design ({error}); draw the sample again") from error


def _cells(labels: Labels, design: Design | None, source: ClassMap) -> NDArray[np.int64] | None:
    """Return the pixel of each point, or None if neither the design nor the file says it."""
    found = None if labels.x is None or labels.y is None else cells_at(labels.x, labels.y, source.grid)
    if design is None:
        return found
    if design.grid != source.grid:
        raise ConfigError(f"{source.map.path.name} lies on another grid than the design; warp it to the design's map")
    by_id = {one.id: one for one in design.samples}
    strange = [name for name in labels.ids if name not in by_id]
    if strange:
        raise InputError(f"the ids {_some(strange)} are not of the design; are these the labels of this sample?")
    cells = np.array([by_id[name].cell for name in labels.ids], np.int64)
    if found is not None and (found != cells).any():
        moved = [labels.ids[place] for place in np.flatnonzero(found != cells)]
        raise InputError(
            f"the points {_some(moved)} have been moved off their pixels; put them back, or drop the places"
        )
    told = labels.strata or [""] * len(labels.ids)
    other = [name for name, stratum in zip(labels.ids, told, strict=True) if stratum not in ("", by_id[name].stratum)]
    if other:
        raise InputError(f"the points {_some(other)} say another stratum than the design; leave that column alone")
    return cells


def _check_design(request: EstimateRequest, design: Design, survey: Survey) -> list[str]:
    """Return what is to be told of a map other than the design's, once it is sure the strata are the design's."""
    if request.strata is None:
        if survey.map_digest != design.map_digest:
            raise ConfigError(
                f"{request.map.name} is not the map the sample was drawn from ({design.map_name}): its pixels differ. "
                f"To judge another map with this sample, say where the strata are: --strata {design.strata_name}"
            )
        return []
    if survey.strata_digest != design.strata_digest:
        raise ConfigError(
            f"{request.strata.name} are not the strata of the design ({design.strata_name}): pixels differ"
        )
    same = survey.map_digest == design.map_digest
    return [] if same else [f"{request.map.name} is judged by a sample drawn from the strata {design.strata_name}"]


def _sample(
    labels: Labels, cells: NDArray[np.int64] | None, survey: Survey, design: Design | None, classes: Mapping[int, str]
) -> _Sample:
    """Return the labelled points with stratum and class on the map."""
    chosen = [place for place, text in enumerate(labels.reference) if text]
    reference = [labels.reference[place] for place in chosen]
    if cells is None:
        return _told_sample(labels, chosen, reference, survey, classes)
    blank = [labels.ids[place] for place in chosen if not survey.known[place]]
    if blank:
        raise InputError(
            f"the map has no data at the points {_some(blank)}; wants a map that is known wherever labels are"
        )
    mapped = [classes[int(survey.mapped[place])] for place in chosen]
    scale = areal_scale(survey.grid.crs, *cell_centres(cells[chosen], survey.grid))
    if design is not None:
        by_id = {one.id: one.stratum for one in design.samples}
        strata = [by_id[labels.ids[place]] for place in chosen]
        areas = {one.name: one.area_m2 / 1e4 for one in design.strata}
        pixels = {one.name: one.pixels for one in design.strata}
        return _Sample(strata, mapped, reference, 1 / scale, areas, pixels)
    named = _layers(survey, classes)
    strata = [named[int(survey.strata[place])] for place in chosen]
    _check_told(labels, chosen, {"stratum": strata, "map": mapped})
    return _Sample(strata, mapped, reference, 1 / scale, *_population(survey, named))


def _told_sample(
    labels: Labels, chosen: Sequence[int], reference: list[str], survey: Survey, classes: Mapping[int, str]
) -> _Sample:
    """Return points without places, taken at their word."""
    if labels.mapped is None:
        raise InputError(
            "the labels have neither places nor the column map nor a design, so their class on the map is not known; "
            "keep longitude and latitude, or say --design"
        )
    named, spelled = _layers(survey, classes), spellings(classes)
    mapped = [labels.mapped[place] for place in chosen]
    strata = (
        mapped if labels.strata is None else [spelled.get(labels.strata[one], labels.strata[one]) for one in chosen]
    )
    areas, pixels = _population(survey, named)
    unknown = sorted({*strata} - {*areas})
    if unknown:
        raise InputError(f"the labels name the strata {', '.join(unknown)}; there are {', '.join(areas)}")
    return _Sample(strata, mapped, reference, None, areas, pixels)


def _layers(survey: Survey, classes: Mapping[int, str]) -> dict[int, str]:
    own = survey.strata_digest == survey.map_digest
    return {code: classes[code] if own else str(code) for code in survey.population.strata}


def _population(survey: Survey, named: Mapping[int, str]) -> tuple[dict[str, float], dict[str, int]]:
    found = survey.population
    areas = {named[code]: float(found.areas[place].sum()) / 1e4 for place, code in enumerate(found.strata)}
    return areas, {named[code]: int(found.pixels[place].sum()) for place, code in enumerate(found.strata)}


def _check_told(labels: Labels, chosen: Sequence[int], read: Mapping[str, Sequence[str]]) -> None:
    """Refuse labels whose columns contradict the rasters."""
    for name, told in (("stratum", labels.strata), ("map", labels.mapped)):
        if told is None:
            continue
        other = [
            labels.ids[place]
            for place, right in zip(chosen, read[name], strict=True)
            if told[place] and told[place].casefold() != right.casefold()
        ]
        if other:
            raise InputError(f"the column {name} of the points {_some(other)} is not what the raster says there")


def _post_stratified(sample: _Sample, survey: Survey, classes: Mapping[int, str], design: Design | None) -> _Sample:
    if design is not None and len(design.strata) > 1:
        raise ConfigError(
            f"the sample was drawn from {len(design.strata)} strata; only a simple random one is sorted anew"
        )
    found = survey.population
    areas = {classes[code]: float(found.areas[:, place].sum()) / 1e4 for place, code in enumerate(found.classes)}
    pixels = {classes[code]: int(found.pixels[:, place].sum()) for place, code in enumerate(found.classes)}
    return replace(sample, strata=sample.mapped, areas=areas, pixels=pixels)


def _mapped(survey: Survey, classes: Mapping[int, str]) -> dict[str, Estimate]:
    found = survey.population
    areas = zip(found.classes, found.areas.sum(axis=0), strict=True)
    return {classes[code]: Estimate.counted(float(area) / 1e4, "ha") for code, area in areas}


def _merges(told: Sequence[str]) -> dict[str, str]:
    into = {}
    for entry in told:
        one, _, other = (part.strip() for part in entry.partition("="))
        if not one or not other:
            raise ConfigError(f"{entry!r} wants the form rare=common: a stratum and the one it is merged into")
        into[one] = other
    return into


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
