"""Forest type: what grows where - conifers, mixed and broadleaved forest, larch, shrubs - and how sure that is."""

from __future__ import annotations

import csv
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from habitat.contracts import Period
from habitat.contracts.estimate import Estimate
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.pixel_areas import pixel_areas
from habitat.contracts.raster_spec import CLASS_NODATA, BandSpec, RasterSpec
from habitat.forest.kinds import KIND_CLASSES
from habitat.forest.learning import Learnt
from habitat.products.building.forest_build import TILE, Made, Year, build_map, learnt_from
from habitat.products.building.forest_inputs import ForestParams, forest_inputs
from habitat.products.product import Outcome, Product, Sheets, Workshop
from habitat.sources.zone_masks import zone_masks
from habitat.store import Stage

TYPE = RasterSpec(
    "type",
    "Forest type",
    (BandSpec("type", "most probable kind of vegetation"),),
    "uint8",
    CLASS_NODATA,
    overview="mode",
    classes=KIND_CLASSES,
    description="Most probable kind of vegetation; mixed has evergreens on 20 to 65 % of the crowns.",
)
PROBABILITY = RasterSpec(
    "type-probability",
    "Probability of the type",
    (
        BandSpec("probability", "probability of the mapped kind", scale=0.01),
        BandSpec("entropy", "how undecided: 0 sure, 1 anything goes", scale=0.01),
    ),
    "uint8",
    CLASS_NODATA,
    "generic",
    description="Of rules, how clearly they decide, not how often they are right.",
)
AREA_COLUMNS = ("zone", "country", "code", "type", "area_ha", "share_of_known", "estimator")


class ForestTypeParams(ForestParams):
    """Settings of the forest type."""


def build(params: ForestTypeParams, workshop: Workshop, period: Period) -> Outcome:
    """Map the kinds of vegetation of a period's year and publish them with their probability.

    Raises
    ------
    InputError
        If scenes or files of the user are not there or contradict themselves.
    """
    return build_map(FOREST_TYPE, (TYPE, PROBABILITY), (params, workshop, period), _write)


def _write(stage: Stage, sheets: Sheets, year: Year) -> Made:
    area = year.workshop.area
    masks = zone_masks(area)
    model = learnt_from(year, masks, with_cover=False)
    kind = np.full(area.grid.shape, CLASS_NODATA, np.uint8)

    def judge(tile: Tile) -> None:
        here = np.s_[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
        told, shape = model.kinds(year.table(here)), (tile.height, tile.width)
        kind[here] = told.kind.reshape(shape)
        sheets.write("type", tile, kind[here][np.newaxis])
        sure = [
            np.where(np.isfinite(values), np.rint(100 * np.nan_to_num(values)), CLASS_NODATA).reshape(shape)
            for values in (told.probability, told.entropy)
        ]
        sheets.write("type-probability", tile, np.stack(sure).astype(np.uint8))

    year.tell("judging types", list(area.grid.tiles(TILE)), judge)
    countries = {zone.name: zone.country for zone in area.zones}
    rows = kind_areas(kind, area.grid, masks, countries)
    _write_tables(stage, rows, model)
    return _made(rows, model, area.name)


def kind_areas(
    kind: NDArray[np.uint8], grid: Grid, masks: dict[str, NDArray[np.bool_]], countries: dict[str, str]
) -> list[dict[str, Any]]:
    """Return a row for each zone and kind: sums of true pixel areas, which carry the map's errors."""
    sums = {zone: np.zeros(256) for zone in masks}
    for tile in grid.tiles(1024):
        here = np.s_[tile.row : tile.row + tile.height, tile.column : tile.column + tile.width]
        hectares, codes = pixel_areas(grid, tile) / 1e4, kind[here]
        for zone, inside in masks.items():
            within = inside[here]
            sums[zone] += np.bincount(codes[within], weights=hectares[within], minlength=256)
    rows = []
    for zone, by_code in sums.items():
        known = by_code[:CLASS_NODATA].sum()
        for code, _, name in KIND_CLASSES:
            estimate = Estimate.counted(float(by_code[code]), "ha")
            share = round(float(by_code[code] / known), 4) if known else ""
            row = {"zone": zone, "country": countries.get(zone, ""), "code": code, "type": name}
            row |= {"area_ha": round(estimate.value, 2), "share_of_known": share, "estimator": estimate.estimator}
            rows.append(row)
    return rows


def _write_tables(stage: Stage, rows: list[dict[str, Any]], model: Learnt) -> None:
    path = stage.file("areas.csv", title="Area of each type by zone")
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, AREA_COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
    skill = stage.file("skill.json", title="How the map was made, and its skill on ground left out")
    skill.write_text(json.dumps({"type": model.skill()["type"]}, indent=2) + "\n", encoding="utf-8")


def _made(rows: list[dict[str, Any]], model: Learnt, area: str) -> Made:
    whole = [row for row in rows if row["zone"] == area]
    told = ", ".join(f"{row['area_ha']:,.0f} ha {row['type']}" for row in whole if row["area_ha"])
    skill = model.kinds_skill
    words = f"{model.kinds_method}{f', {skill.accuracy:.0%} right on blocks left out' if skill else ''}"
    properties = {
        "habitat:method": model.kinds_method,
        "habitat:type_ha": {row["type"]: row["area_ha"] for row in whole} | {"basis": whole[0]["estimator"]},
    }
    return Made(f"{told} ({whole[0]['estimator']}); {words}", properties)


FOREST_TYPE = Product(
    name="forest-type",
    title="Forest type",
    description=(
        "Most probable kind of vegetation of a year from its seasons - evergreen conifers, mixed, broadleaf, larch, "
        "shrub, open, fields, water - with its probability. Without labels it is made by rules."
    ),
    method="1",
    params=ForestTypeParams,
    inputs=forest_inputs,
    build=build,
)
