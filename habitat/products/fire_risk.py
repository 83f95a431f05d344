"""Fire risk: how probable it is that fire begins and burns in each cell in one month, from what is known before it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from habitat.contracts import Period
from habitat.contracts.errors import ConfigError, InputError
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.raster_spec import RasterSpec
from habitat.fire import risk
from habitat.fire.burns.fire_calendar import FireSeason
from habitat.fire.fire_events import fire_events
from habitat.fire.hotspots import without_static
from habitat.fire.weather_index import fire_weather
from habitat.products.building.inputs import file_input
from habitat.products.product import Outcome, Params, Product, Sheets, Workshop
from habitat.sources.elevation import read_classes, read_elevation
from habitat.sources.hotspots import read_hotspots
from habitat.sources.vectors import Kind, distances, read_vectors, shares_by
from habitat.sources.weather import read_weather
from habitat.sources.weather_cells import weather_cells
from habitat.store import Input, Published, Stage, estimated_bytes

PARTS = 10
"""Fine pixels along a side of a cell, for distances and terrain."""
_AROUND_M = 20_000.0
_POLYGON: tuple[Kind, ...] = ("polygon",)
_VECTORS: dict[str, tuple[Kind, ...]] = {
    "roads": ("line", "polygon"),
    "settlements": ("polygon", "point"),
    "fields": ("polygon",),
    "border": ("line", "polygon"),
}
_FILES = ("weather", "hotspots", *_VECTORS, "countries", "elevation", "cover")
_POOLED = {"forecast": "pooled", "climatology": "pooled_usual_weather"}
"""Which skill belongs to which weather."""
_LEFT_OUT = {
    "weather": "no weather given: fire weather left out",
    "hotspots": "no hotspots given: nothing to learn from",
    "roads": "no roads given: distance to roads left out",
    "settlements": "no settlements given: distance to settlements left out",
    "fields": "no fields given: distance to fields left out",
    "border": "no border given: distance to the border left out",
    "countries": "no countries given: differences between countries and the sea left out",
    "elevation": "no elevation given: terrain left out",
    "cover": "no cover given: fuel types left out",
}
_GREEN_YEARS = 5
"""Fewest years of indices that greenness could be learnt from."""


class FireRiskParams(Params):
    """Settings of the fire risk."""

    aside: ClassVar[frozenset[str]] = frozenset(_FILES)

    weather: tuple[str, ...] = ()
    """Files of daily or hourly weather of all years, and of the month where it is to be taken as forecast."""
    hotspots: tuple[str, ...] = ()
    """Lists of hotspots (FIRMS), archive and near-real-time."""
    roads: str | None = None
    """Lines or polygons of roads."""
    settlements: str | None = None
    """Polygons or points of settlements."""
    fields: str | None = None
    """Polygons of fields."""
    border: str | None = None
    """Lines of the border."""
    countries: str | None = None
    """Polygons of countries; what none holds is sea."""
    country_field: str = "country"
    """Field with the country's name."""
    elevation: str | None = None
    """Raster of heights [m]."""
    cover: str | None = None
    """Raster of land cover classes (0 to 254), of a year before the first one if mapped burns must not leak."""
    cell_m: float = Field(500.0, ge=20, le=50_000)
    """Edge of the cells [m]."""
    first_year: int = Field(2012, ge=1981, le=2200)
    """First year of hotspots that counts; VIIRS began in 2012."""
    min_years: int = Field(5, ge=2)
    """Fewest years of hotspots a probability is learnt from; with fewer an index is published."""
    min_events: int = Field(30, ge=2)
    """Fewest fire events a probability is learnt from; with fewer an index is published."""
    scar_share: float = Field(0.1, gt=0, le=1)
    """Share of a cell that mapped scars must cover for it to count as burnt, as for footprints: smaller shares are
    mostly specks and edges that did not burn (see docs/methods/fire-risk.md)."""
    weather_source: Literal["auto", "forecast", "climatology"] = "auto"
    """Fire weather of the month: forecast takes the files' own days as a perfect forecast, climatology the same
    month of earlier years; auto takes the first where the files hold the whole month."""
    seed: int = 1
    """Of the choice of cells without fire that are learnt from."""

    def paths(self) -> Iterator[tuple[str, Path]]:
        """Yield every file with its name: ``weather``, ``weather 2``, ``roads``."""
        for name in _FILES:
            given = getattr(self, name) or ()
            for number, path in enumerate((given,) if isinstance(given, str) else given, 1):
                yield name if number == 1 else f"{name} {number}", Path(path)


def _inputs(params: FireRiskParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    files = tuple(file_input(name, path, workshop) for name, path in params.paths())
    return (*files, *(entry.as_input() for entry in _scars_before(workshop, period)))


def _scars_before(workshop: Workshop, period: Period) -> dict[Published, list[FireSeason]]:
    """Versions of fire scars over before the period, and the seasons each tells of: the latest of each season."""
    area = workshop.area
    there = [entry for entry in workshop.store.list("fire-scars", area.name) if entry.grid == area.grid]
    found: dict[Published, list[FireSeason]] = {}
    for season, place in risk.latest_of_seasons([entry.period for entry in there], period.first_day).items():
        found.setdefault(there[place], []).append(season)
    return found


def known_before(params: FireRiskParams, workshop: Workshop, period: Period) -> risk.Known:
    """Read everything a month's risk is made from.

    Raises
    ------
    InputError
        If a file cannot be used.
    ConfigError
        If the period is no month.
    """
    if period.first_day.month != period.last_day.month:
        raise ConfigError(f"fire risk is told for months, not for {period}; write e.g. {period.year}-05")
    grid = workshop.area.grid.coarser(params.cell_m)
    known = risk.Known(grid, np.datetime64(str(period), "M"), land=np.ones(grid.shape, np.float32))
    known.gaps += [(name, why) for name, why in _LEFT_OUT.items() if not getattr(params, name)]
    known.gaps.append(("greenness", _greenness(workshop, period)))
    _read_countries(params, known)
    _read_ground(params, known)
    _read_weather(params, known)
    _read_hotspots(params, known)
    _read_scars(params, workshop, period, known)
    return known


def _greenness(workshop: Workshop, period: Period) -> str:
    before = Period(str(np.datetime64(str(period), "M") - np.timedelta64(1, "M")))
    there = "yes" if workshop.store.latest("indices", workshop.area, before) else "no"
    earlier = len(workshop.store.years_before("indices", workshop.area, before))
    return (
        f"not among the predictors: the store holds indices of {before}: {there}, of the same month "
        f"of earlier years: {earlier}; learning from them wants {_GREEN_YEARS} years and is not built"
    )


def _read_countries(params: FireRiskParams, known: risk.Known) -> None:
    if params.countries is None:
        return
    found = read_vectors(Path(params.countries), known.grid.crs, kinds=_POLYGON, field=params.country_field)
    known.notes += found.notes
    known.countries = shares_by(found.table, params.country_field, known.grid)
    known.land = np.minimum(sum(known.countries.values(), np.zeros(known.grid.shape, np.float32)), np.float32(1))
    if not (known.land >= risk.LEAST_LAND).any():
        raise InputError(f"the countries {params.countries} do not reach the area; give those of the area")


def _read_ground(params: FireRiskParams, known: risk.Known) -> None:
    fine = Grid(known.grid.crs, known.grid.resolution_m / PARTS, known.grid.bounds)
    away: dict[str, NDArray[np.float32]] = {}
    for name, kinds in _VECTORS.items():
        path = getattr(params, name)
        if path is not None:
            found = read_vectors(Path(path), fine.crs, kinds=kinds)
            known.notes += found.notes
            away[name] = distances(found.table, fine, farthest_m=_AROUND_M)
    layers = risk.access_layers(away, PARTS, known.land)
    if params.elevation is not None:
        heights = read_elevation(Path(params.elevation), fine)
        known.notes += [f"elevation: {note}" for note in heights.notes]
        layers |= risk.terrain_layers(heights.values, fine.resolution_m, PARTS)
    if params.cover is not None:
        layers |= risk.cover_layers(read_classes(Path(params.cover), fine).values, PARTS)
    known.told = np.any([np.isfinite(values) for values in layers.values()], axis=0) if layers else None
    known.ground, holes = risk.filled(layers, known.land >= risk.LEAST_LAND)
    known.notes += [
        f"{name} is not known on {share:.1%} of the land; its median stands in" for name, share in holes.items()
    ]


def _read_weather(params: FireRiskParams, known: risk.Known) -> None:
    if not params.weather:
        return
    record = read_weather([Path(path) for path in params.weather])
    known.notes += record.notes
    codes, _ = fire_weather(record.values)
    found = risk.month_weather(codes, record.values.get("snow_depth"))
    cells = weather_cells(record.values["latitude"].values, record.values["longitude"].values, known.grid)
    rows, columns = cells.window
    values = {name: cells.smooth(part[:, rows, columns]) for name, part in found.values.items()}
    known.weather = risk.MonthWeather(found.months, values, found.whole)


def _read_hotspots(params: FireRiskParams, known: risk.Known) -> None:
    if not params.hotspots:
        return
    found = read_hotspots([Path(path) for path in params.hotspots])
    known.notes += found.notes
    table = found.table
    month_of = table["solar_day"].to_numpy().astype("datetime64[M]")
    first = np.datetime64(f"{params.first_year}-01", "M")
    if not len(table) or month_of.min() >= known.month:
        begins = f"begins in {month_of.min()}" if len(table) else "is empty"
        raise InputError(
            f"the list of hotspots {begins}, and {known.month} is told from what was before; give an older archive"
        )
    # What came later, the month itself above all, must not be known.
    table = table[(month_of < known.month) & (month_of >= first)]
    if not len(table):
        raise InputError(f"no hotspot lies between {first} and {known.month}; lower first_year, or give an archive")
    kept, dropped = without_static(table.reset_index(drop=True))
    kept = kept.reset_index(drop=True)
    known.notes.append(f"{len(dropped)} of {len(table)} hotspots are static sources or doubtful and were left out")
    seen = table["solar_day"].to_numpy().astype("datetime64[M]")
    months = np.arange(seen.min(), known.month)
    known.labels = risk.month_labels(kept, fire_events(kept, known.grid.crs), known.grid, months)
    known.seen_from, known.seen_until = seen.min(), seen.max()
    if known.seen_until < known.month - np.timedelta64(1, "M"):
        known.notes.append(f"the list of hotspots ends in {known.seen_until}; later months are not learnt from")


def _read_scars(params: FireRiskParams, workshop: Workshop, period: Period, known: risk.Known) -> None:
    found = _scars_before(workshop, period)
    if not found:
        known.gaps.append(("scars", f"no fire scars of before {period} in the store: burnt ground is told by hotspots"))
        return
    fine, grid = workshop.area.grid, known.grid
    scars: list[risk.CellScars] = []
    for entry, seasons in found.items():
        counts = []
        with entry.open_window("status") as status, entry.open_window("dates") as dates:
            for tile in fine.tiles(1024):
                cells = risk.cells_under(tile, fine, grid)
                counts.append(risk.scar_counts(status.read(tile)[0], dates.read(tile), cells))
        share = (fine.resolution_m / grid.resolution_m) ** 2
        scars += [risk.cell_scars(np.concatenate(counts, axis=1), season, share) for season in seasons]
        known.notes.append(f"scars of {', '.join(f'{one.name} {one.year}' for one in seasons)} are those of {entry.id}")
    heard = 0 if known.labels is None else np.count_nonzero(known.labels.burning)
    known.labels = risk.with_scars(known.labels, risk.joined(scars), grid, known.month, least_share=params.scar_share)
    added = np.count_nonzero(known.labels.burning) - heard
    known.notes.append(f"scars add {added} burnt cells and months to the {heard} that hotspots tell of")


def build(params: FireRiskParams, workshop: Workshop, period: Period) -> Outcome:
    """Learn from all months before, and publish the month's probabilities; without history an index.

    Raises
    ------
    InputError
        If a file cannot be used, or the weather does not hold a month that is to be taken as forecast.
    NotPossible
        If neither weather nor places are known.
    """
    known = known_before(params, workshop, period)
    source = known.source if params.weather_source == "auto" else params.weather_source
    if source == "forecast" and known.source != "forecast":
        raise InputError(
            f"the weather does not hold all days of {period}; give them, or set weather_source: climatology"
        )
    history, why = known.enough(params.min_years, params.min_events)
    if history is None:
        known.gaps.append(("probability", f"{why}: an index is published instead"))
        return _publish_index(params, workshop, period, known, source)
    return _publish_risk(params, workshop, period, (known, history, source))


def _publish_risk(
    params: FireRiskParams,
    workshop: Workshop,
    period: Period,
    what: tuple[risk.Known, risk.History, risk.WeatherSource],
) -> Outcome:
    known, history, source = what
    told: dict[str, risk.MonthRisk] = {}
    for label in risk.LABELS:
        progress = partial(workshop.progress, f"learning {label}")
        told[label] = risk.month_risk(history, label, source, seed=params.seed, progress=progress)
    reports = {label: risk.rounded(risk.skill_report(history, found.past)) for label, found in told.items()}
    usable = np.flatnonzero(history.usable)
    mean = float(history.label("burning")[usable][:, history.cells].mean())
    specs = risk.risk_specs(source)
    layers: dict[str, list[Any]] = {
        "probability": [specs[0].encode(told[label].probability, band) for band, label in enumerate(risk.LABELS)],
        "risk-class": [risk.risk_classes(told["burning"].probability, mean)],
        "uncertainty": [specs[2].encode(told[label].error, band) for band, label in enumerate(risk.LABELS)],
    }
    summary = risk.risk_sentence(str(period), source, told["burning"].probability, reports["burning"][_POOLED[source]])
    properties = {
        "habitat:summary": summary,
        "habitat:estimate": "probability",
        "habitat:weather_source": risk.SOURCES[source],
        "habitat:year_round_mean": float(f"{mean:.4g}"),
        "habitat:class_limits": [float(f"{limit * mean:.4g}") for limit in risk.RISK_LIMITS],
        "habitat:skill": {label: report["pooled"] for label, report in reports.items()},
        "habitat:skill_usual_weather": {label: report["pooled_usual_weather"] for label, report in reports.items()},
    }
    with workshop.store.begin(
        FIRE_RISK.name, workshop.area, period, estimate=estimated_bytes(known.grid, *specs), grid=known.grid
    ) as stage:
        _draw(stage, specs, layers, f"{workshop.area.title or workshop.area.name} · {period}")
        _write_skill(stage, told, reports, source)
        return _published(stage, (params, workshop, period, known), summary, properties)


def _draw(stage: Stage, specs: list[RasterSpec], layers: dict[str, list[Any]], title: str) -> None:
    sheets = Sheets(stage, specs)
    for spec in specs:
        codes = np.stack(layers[spec.name])
        for tile in stage.grid.tiles(1024):
            sheets.write(spec.name, tile, _part(codes, tile))
    sheets.draw(title)


def _part(codes: NDArray[Any], tile: Tile) -> NDArray[Any]:
    return np.ascontiguousarray(codes[:, tile.row : tile.row + tile.height, tile.column : tile.column + tile.width])


def _write_skill(
    stage: Stage, told: dict[str, risk.MonthRisk], reports: dict[str, Any], source: risk.WeatherSource
) -> None:
    from habitat.reports.reliability_diagram import reliability_diagram

    def write(name: str, title: str, text: str) -> None:
        stage.file(name, title=title).write_text(text, encoding="utf-8")

    write("skill.json", "Skill on years left out", json.dumps(reports, indent=2, allow_nan=False) + "\n")
    models = {label: found.model.to_dict() for label, found in told.items()}
    write("model.json", "Weights of the model", json.dumps(models, indent=2, allow_nan=False) + "\n")
    bins = {}
    for label, found in told.items():
        past = found.past.observed_weather if source == "forecast" else found.past.usual_weather
        bins[label] = risk.reliability(past, found.past.happened)
    write("reliability.csv", "Reliability on years left out", risk.reliability_table(bins))
    curves = {label: [(one.told, one.happened, one.number) for one in found] for label, found in bins.items()}
    path = stage.file("reliability-diagram.png", title="Reliability on years left out, picture", roles=("overview",))
    reliability_diagram(path, curves, title="Fire risk on years left out of training")


def _publish_index(
    params: FireRiskParams, workshop: Workshop, period: Period, known: risk.Known, source: risk.WeatherSource
) -> Outcome:
    index, used = known.index(source)
    spec = risk.index_spec(used)
    summary = f"{period}: an index of fire danger, not a probability ({known.gaps[-1][1]})."
    properties = {
        "habitat:summary": summary,
        "habitat:estimate": "index, not a probability",
        "habitat:index_weights": {name: round(share, 4) for name, share in used.items()},
        "habitat:weather_source": risk.SOURCES[source] if known.weather is not None else "none",
    }
    with workshop.store.begin(
        FIRE_RISK.name, workshop.area, period, estimate=estimated_bytes(known.grid, spec), grid=known.grid
    ) as stage:
        _draw(stage, [spec], {"index": [spec.encode(index)]}, f"{workshop.area.title or workshop.area.name} · {period}")
        return _published(stage, (params, workshop, period, known), summary, properties)


def _published(
    stage: Stage, what: tuple[FireRiskParams, Workshop, Period, risk.Known], summary: str, properties: dict[str, Any]
) -> Outcome:
    params, workshop, period, known = what
    gaps = tuple(known.gaps)
    record = FIRE_RISK.record(
        params, workshop, period, inputs=_inputs(params, workshop, period), ledger={"notes": known.notes}, gaps=gaps
    )
    published = stage.publish(
        record,
        properties,
        title=FIRE_RISK.title,
        description=FIRE_RISK.description,
    )
    return Outcome(published, summary, gaps)


FIRE_RISK = Product(
    name="fire-risk",
    title="Fire risk",
    description=(
        "Probability that fire begins and burns in each cell in one month, from what is known before it, with its "
        "standard error, classes and skill on years left out; an index, named so, where there is no history."
    ),
    method="1",
    params=FireRiskParams,
    inputs=_inputs,
    build=build,
)
