"""Season outlines: the settled scars of one season as outlines, and how many pixels they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import geopandas as gpd
import pandas as pd

from habitat.contracts.area import Zone
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.pixel_areas import pixel_areas
from habitat.fire.burns.fire_calendar import FireSeason
from habitat.fire.burns.scar_layers import ScarLayers, values
from habitat.fire.burnt_outlines import BurntOutlines

_WITHIN, _BEFORE = 1, 2


class SeasonOutlines(NamedTuple):
    """What a season left."""

    table: gpd.GeoDataFrame
    """Outlines, see `BurntOutlines.table`; those of earlier burns have the season "before spring" or the like."""
    burnt_ha: float
    """Area that burnt in the season [ha]."""
    before_ha: float
    """Area that was black already when it began [ha]."""


def settled_outlines(
    layers: ScarLayers,
    tiles: Sequence[Tile],
    season: FireSeason,
    grid: Grid,
    *,
    with_earlier: bool,
    zones: Sequence[Zone] = (),
    hotspots: gpd.GeoDataFrame | None = None,
) -> SeasonOutlines:
    """Settle a season's tiles and draw the outlines of its scars.

    Parameters
    ----------
    layers : ScarLayers
        All tiles put, counted and joined.
    tiles : sequence of Tile
        Of the season.
    season : FireSeason
        The season.
    grid : Grid
        The grid the tiles are of.
    with_earlier : bool
        Whether what was black already when the season began is dated and outlined, too: from a handful of
        pictures nobody can part seasons, so what they show is outlined whenever it burnt.
    zones, hotspots
        For `BurntOutlines.table`.
    """
    kinds = {_WITHIN: season.name, _BEFORE: f"before {season.name}"}
    drawn = {kind: BurntOutlines(grid, year=season.year, season=season.name) for kind in kinds}
    areas = dict.fromkeys(kinds, 0.0)
    for tile in tiles:
        layers.settle(tile, season, grid.resolution_m, date_earlier=with_earlier)
        for kind, outlines in drawn.items():
            numbers = layers.numbers(tile, grid.resolution_m, kind=kind)
            areas[kind] += float(pixel_areas(grid, tile)[numbers != 0].sum())
            if kind == _WITHIN or with_earlier:
                outlines.add(
                    tile,
                    numbers,
                    probability=layers.chances(tile, kind=kind),
                    last_unburnt=layers.read("unburnt", tile),
                    first_burnt=layers.read("burnt", tile),
                    dnbr=values(layers.read("severity", tile)[0]),
                )
    tables = [drawn[kind].table(zones=zones, hotspots=hotspots).assign(season=kinds[kind]) for kind in kinds]
    if with_earlier:
        # A burn before the season may be of either of two fire years.
        tables[1]["fire_year"] = pd.array([pd.NA] * len(tables[1]), dtype="Int64")
        tables[0] = tables[0].astype({"fire_year": "Int64"})
    hectares = [round(areas[kind] / 1e4, 2) for kind in kinds]
    kept = [table for table in tables[: 2 if with_earlier else 1] if len(table)] or tables[:1]
    table = gpd.GeoDataFrame(pd.concat(kept), crs=grid.crs)
    return SeasonOutlines(table, *hectares)
