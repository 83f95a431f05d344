"""Forest given: the forest cover product made from maps of others instead of scenes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts import Grid, Period
from habitat.contracts.errors import ConfigError
from habitat.contracts.raster_spec import RasterSpec
from habitat.forest.given import cover_after_loss, cover_of_classes
from habitat.products.building.forest_build import Made
from habitat.products.building.inputs import file_input
from habitat.products.product import Outcome, Params, Product, Sheets, Workshop
from habitat.sources.elevation import read_classes
from habitat.store import Input, Stage, estimated_bytes

_FIELDS = ("given_percent", "given_loss", "given_classes")


@dataclass
class Given:
    """What maps of others say of a grid."""

    params: Any
    workshop: Workshop
    cover: NDArray[np.float32]
    """Crown cover [%] (y, x), NaN where unknown."""
    kind: NDArray[np.uint8] | None
    """Kinds (y, x), if the map tells any."""
    words: str
    """Where it is from, for the summary."""
    gaps: list[tuple[str, str]] = field(default_factory=list)


def is_given(params: Any) -> bool:
    """Tell whether settings name maps of others."""
    return any(getattr(params, name) is not None for name in _FIELDS)


def given_inputs(params: Any, workshop: Workshop) -> tuple[Input, ...]:
    """Return the maps that settings name, as inputs.

    Raises
    ------
    ConfigError
        If percent and classes are both given, or a year of loss without the percent it takes from.
    InputError
        If one is not there.
    """
    if params.given_classes is not None and params.given_percent is not None:
        raise ConfigError("given_classes and given_percent are both set; the cover is taken from one map")
    if params.given_loss is not None and params.given_percent is None:
        raise ConfigError("given_loss is set and given_percent is not; loss takes from the cover of 2000: give both")
    named = {name.replace("_", "-"): getattr(params, name) for name in _FIELDS}
    return tuple(file_input(name, Path(path), workshop) for name, path in named.items() if path is not None)


def given_cover(params: Any, workshop: Workshop, year: int) -> Given:
    """Read the maps that settings name, for a year.

    Raises
    ------
    InputError
        If a map cannot be read, is none of its kind, or does not reach the area.
    """
    grid: Grid = workshop.area.grid
    if params.given_classes is not None:
        raster = read_classes(Path(params.given_classes), grid)
        cover, kind = cover_of_classes(raster.values)
        gaps = [
            ("cover", "classes tell trees from 10 % of crowns on and no percent: a higher least cover is not applied"),
            ("kinds", "the map knows no kinds of trees: plantations count as forest whatever the definition says"),
        ]
        return Given(params, workshop, cover, kind, f"classes of {Path(params.given_classes).name}", gaps)
    percent = read_classes(Path(params.given_percent), grid).values
    gaps = [("kinds", "the map knows no kinds: definitions that ask for them are left out of areas.csv")]
    if params.given_loss is None:
        words, loss = f"percent of {Path(params.given_percent).name}", None
        gaps.append(("year", f"no map of losses: the cover is that of the map, whatever became of it by {year}"))
    else:
        words = f"percent of {Path(params.given_percent).name} less the losses until {year}"
        loss = read_classes(Path(params.given_loss), grid).values
        gaps.append(("gain", "what grew since the map of cover is not in it"))
    return Given(params, workshop, cover_after_loss(percent, loss, year), None, words, gaps)


def build_given(
    product: Product,
    specs: tuple[RasterSpec, ...],
    order: tuple[Params, Workshop, Period],
    write: Callable[[Stage, Sheets, Given], Made],
) -> Outcome:
    """Read maps of others, let the product write what it makes of them, and publish that.

    Raises
    ------
    ConfigError, InputError
        As `given_inputs` and `given_cover`.
    """
    params, workshop, period = order
    inputs = given_inputs(params, workshop)
    given = given_cover(params, workshop, period.year)
    grid = workshop.area.grid
    with workshop.store.begin(
        product.name, workshop.area, period, estimate=estimated_bytes(grid, *specs)
    ) as stage:  # fmt: skip
        sheets = Sheets(stage, specs)
        made = write(stage, sheets, given)
        sheets.draw(f"{workshop.area.title or workshop.area.name} · {period}")
        record = product.record(params, workshop, period, inputs=inputs, gaps=tuple(given.gaps))
        summary = f"{period}: {made.summary}"
        properties = made.properties | {"habitat:summary": summary, "habitat:year": period.year}
        published = stage.publish(record, properties, title=product.title, description=product.description)
    return Outcome(published, summary, tuple(given.gaps))
