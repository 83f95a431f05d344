"""Forest cover: how much of the ground lies under crowns, how sure that is, and what is forest by which definition."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from habitat.contracts import Period
from habitat.contracts.errors import NotPossible
from habitat.contracts.grid import Tile
from habitat.contracts.raster_spec import CLASS_NODATA, BandSpec, RasterSpec
from habitat.forest.definition import DEFINITIONS, UNKNOWN, ForestDefinition, forest_mask, mask_areas
from habitat.products.building.forest_build import TILE, Made, Year, build_map, learnt_from
from habitat.products.building.forest_given import Given, build_given, given_inputs, is_given
from habitat.products.building.forest_inputs import ForestParams, forest_inputs
from habitat.products.product import Outcome, Product, Sheets, Workshop, known_names
from habitat.sources.elevation import read_elevation
from habitat.sources.zone_masks import zone_masks
from habitat.store import Input, Stage

_PERCENT = "crown cover"
COVER = RasterSpec(
    "cover",
    "Crown cover",
    (BandSpec("cover", "share of the ground under crowns", "%"),),
    "uint8",
    CLASS_NODATA,
    "canopy-cover",
    description="Share of the ground under the crowns of trees and shrubs in summer.",
)
ERROR = RasterSpec(
    "uncertainty",
    "Standard error of the crown cover",
    (BandSpec("uncertainty", "one standard error of the crown cover", "%"),),
    "uint8",
    CLASS_NODATA,
    "generic",
    description="Two of three pixels are to lie within it; of rules it is a guess, of trained maps it is calibrated.",
)
FOREST = RasterSpec(
    "forest",
    "Forest",
    (BandSpec("forest", "forest by the definition named in the item"),),
    "uint8",
    CLASS_NODATA,
    overview="mode",
    classes=((0, "#f3ecd2", "no forest"), (1, "#2f7d4f", "forest")),
    description="By the definition in habitat:definition; other definitions give other areas, see areas.csv.",
)
AREA_COLUMNS = (
    "zone", "country", "definition", "forest_ha", "share_of_known", "known_ha", "zone_ha", "estimator",
    "rule", "source",
)  # fmt: skip


class ForestCoverParams(ForestParams):
    """Settings of the forest cover."""

    aside = ForestParams.aside | {"height", "given_percent", "given_loss", "given_classes"}

    definition: str = "fao"
    """Definition the forest raster follows: fao, ru-kyoto, cn-forest, cn-coverage or cover-30."""
    definitions: tuple[str, ...] = Field(tuple(DEFINITIONS), min_length=1)
    """Definitions areas.csv tells the area by."""
    min_cover_percent: float | None = Field(None, ge=0, le=100)
    """Least crown cover [percent], instead of the definition's."""
    min_area_ha: float | None = Field(None, ge=0)
    """Least area of a patch [ha], instead of the definition's."""
    min_height_m: float | None = Field(None, ge=0)
    """Least height of the trees [m], instead of the definition's."""
    plantations: bool | None = None
    """Whether plantations count, instead of what the definition says."""
    shrubs: bool | None = None
    """Whether shrubs count, instead of what the definition says."""
    height: str | None = None
    """A raster of the heights of trees [m] for definitions that ask for them; else kinds that are trees count."""

    given_percent: str | None = None
    """A raster of crown cover in percent, such as Hansen's treecover2000: the map is made from it, not from scenes."""
    given_loss: str | None = None
    """A raster of the year of loss since 2000, such as Hansen's lossyear, taken off given_percent up to the year."""
    given_classes: str | None = None
    """A raster of ESA WorldCover classes: forest is made from its trees, not from scenes."""

    @field_validator("definitions")
    @classmethod
    def _definitions_are_known(cls, names: Any) -> Any:
        return known_names(names, DEFINITIONS, "definition of forest")

    @field_validator("definition")
    @classmethod
    def _definition_is_known(cls, name: Any) -> Any:
        return known_names((name,), DEFINITIONS, "definition of forest")[0]

    @property
    def chosen(self) -> ForestDefinition:
        """The definition of the forest raster: the named one, or ``own`` where settings change it."""
        names = ("min_cover_percent", "min_area_ha", "min_height_m", "plantations", "shrubs")
        own = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        named = DEFINITIONS[self.definition]
        return replace(named, **own, name="own", source=f"settings, after {named.name}") if own else named


def build(params: ForestCoverParams, workshop: Workshop, period: Period) -> Outcome:
    """Map the crown cover and the forest of a period's year, and publish both with the areas by definition.

    Raises
    ------
    InputError
        If scenes or files of the user are not there or contradict themselves.
    NotPossible
        If the chosen definition asks for what there is not.
    """
    order = (params, workshop, period)
    if is_given(params):
        specs = (FOREST,) if params.given_classes else (COVER, FOREST)
        return build_given(FOREST_COVER, specs, order, _write_given)
    return build_map(FOREST_COVER, (COVER, ERROR, FOREST), order, _write)


def _inputs(params: ForestCoverParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    return given_inputs(params, workshop) if is_given(params) else forest_inputs(params, workshop, period)


def _write(stage: Stage, sheets: Sheets, year: Year) -> Made:
    params, area = year.params, year.workshop.area
    assert isinstance(params, ForestCoverParams), "the product's own settings"
    masks = zone_masks(area)
    model = learnt_from(year, masks)
    cover, error, kind = (np.full(area.grid.shape, CLASS_NODATA, np.uint8) for _ in range(3))

    def judge(tile: Tile) -> None:
        here = np.s_[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
        table, shape = year.table(here), (tile.height, tile.width)
        told = model.cover(table)
        for out, values in ((cover, told.cover), (error, told.error)):
            codes = np.where(np.isfinite(values), np.clip(np.rint(np.nan_to_num(values)), 0, 100), CLASS_NODATA)
            out[here] = codes.reshape(shape)
        kind[here] = model.kinds(table).kind.reshape(shape)
        sheets.write("cover", tile, cover[here][np.newaxis])
        sheets.write("uncertainty", tile, error[here][np.newaxis])

    year.tell("judging cover", list(area.grid.tiles(TILE)), judge)
    percent = np.where(cover == CLASS_NODATA, np.nan, cover).astype(np.float32)
    told = _write_forest(stage, sheets, year, (percent, kind), masks)
    skill = stage.file("skill.json", title="How the map was made, and its skill on ground left out")
    skill.write_text(json.dumps(model.skill(), indent=2) + "\n", encoding="utf-8")
    left_out = model.cover_skill
    words = f"{model.cover_method}{f', RMSE {left_out.rmse:.0f} % on blocks left out' if left_out else ''}"
    return _made(told, params.chosen, area.name, (model.cover_method, words))


def _write_given(stage: Stage, sheets: Sheets, given: Given) -> Made:
    area = given.workshop.area
    if given.params.given_classes is None:
        codes = np.where(np.isfinite(given.cover), given.cover, CLASS_NODATA).astype(np.uint8)
        for tile in area.grid.tiles(TILE):
            here = np.s_[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
            sheets.write("cover", tile, codes[here][np.newaxis])
    told = _write_forest(stage, sheets, given, (given.cover, given.kind), zone_masks(area))
    return _made(told, given.params.chosen, area.name, ("given", given.words))


def _write_forest(
    stage: Stage,
    sheets: Sheets,
    source: Year | Given,
    layers: tuple[NDArray[np.float32], NDArray[np.uint8] | None],
    masks: dict[str, NDArray[np.bool_]],
) -> list[dict[str, Any]]:
    """Write the forest of the chosen definition and the areas of all; return their rows."""
    params, grid, (percent, kind) = source.params, source.workshop.area.grid, layers
    assert isinstance(params, ForestCoverParams), "the product's own settings"
    height = None if params.height is None else read_elevation(Path(params.height), grid).values
    chosen = params.chosen
    mask = forest_mask(percent, chosen, kind=kind, height=height, resolution_m=grid.resolution_m)
    for tile in grid.tiles(TILE):
        part = mask[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
        sheets.write("forest", tile, np.where(part == UNKNOWN, CLASS_NODATA, part)[np.newaxis].astype(np.uint8))
    definitions = [chosen, *(DEFINITIONS[name] for name in params.definitions if name != chosen.name)]
    told = _areas(source, definitions, (percent, kind, height), masks)
    path = stage.file("areas.csv", title="Area of forest by zone and definition")
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, AREA_COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(told)
    return told


def _areas(
    year: Year | Given,
    definitions: list[ForestDefinition],
    layers: tuple[NDArray[np.float32], NDArray[np.uint8] | None, NDArray[Any] | None],
    masks: dict[str, NDArray[np.bool_]],
) -> list[dict[str, Any]]:
    """Return the rows of the table of areas: each zone by each definition."""
    grid, (percent, kind, height) = year.workshop.area.grid, layers
    countries = {zone.name: zone.country for zone in year.workshop.area.zones}
    rows = []
    for definition in definitions:
        try:
            mask = forest_mask(percent, definition, kind=kind, height=height, resolution_m=grid.resolution_m)
        except NotPossible as error:
            year.gaps.append((f"areas, {definition.name}", str(error)))
            continue
        for zone, counts in mask_areas(mask, grid, masks).items():
            forest, known = counts["forest"], counts["known"]
            row: dict[str, Any] = {"zone": zone, "country": countries.get(zone, ""), "definition": definition.name}
            row |= {"forest_ha": round(forest.value, 2), "known_ha": round(known.value, 2)}
            row |= {"zone_ha": round(counts["zone"].value, 2), "estimator": forest.estimator}
            row["share_of_known"] = round(forest.value / known.value, 4) if known.value else ""
            rows.append(row | {"rule": definition.sentence, "source": definition.source})
    return rows


def _made(rows: list[dict[str, Any]], chosen: ForestDefinition, area: str, method: tuple[str, str]) -> Made:
    whole = [row for row in rows if row["zone"] == area]
    told = ", ".join(f"{row['forest_ha']:,.0f} ha by {row['definition']}" for row in whole)
    estimator = whole[0]["estimator"]
    properties = {
        "habitat:definition": {"name": chosen.name, "rule": chosen.sentence, "source": chosen.source},
        "habitat:method": method[0],
        "habitat:forest_ha": {row["definition"]: row["forest_ha"] for row in whole} | {"basis": estimator},
    }
    return Made(f"forest {told} ({estimator}); cover {method[1]}", properties)


FOREST_COVER = Product(
    name="forest-cover",
    title="Forest cover",
    description=(
        "Crown cover of a year from its seasons with its standard error, forest by a named definition, and the area of "
        "forest by several definitions and zones. Without labels it is made by rules."
    ),
    method="1",
    params=ForestCoverParams,
    inputs=_inputs,
    build=build,
)
