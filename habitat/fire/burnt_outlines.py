"""Burnt outlines: the scars of a season as polygons with their dates, severity and size, gathered tile by tile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from habitat.contracts.area import Zone
from habitat.contracts.grid import Grid, Tile
from habitat.contracts.pixel_areas import pixel_areas
from habitat.fire.footprints import footprints
from habitat.fire.recurrence import season_fire_year

Labels: TypeAlias = NDArray[np.integer[Any]]
"""(y, x): number of the scar a pixel belongs to, the same in all tiles; 0 or less where there is none."""

NO_DAY = -32768
"""Code of an unknown day of the year."""
AREA_BASIS = "pixel count, unvalidated"
"""What stands behind `area_ha`: no reference sample has corrected it."""
_LONGEST_EDGE_DEG = 0.01
_DAY = np.timedelta64(1, "D")


def outlines_of(labels: Labels, tile: Tile) -> dict[int, BaseGeometry]:
    """Outline of every scar's part in a tile, in rows and columns of the whole grid.

    Outlines run along pixel edges and are exact; pixels that touch at a corner only are parts of one
    multipolygon. Coordinates are whole numbers (column, row), so parts of neighbouring tiles fit together.

    Parameters
    ----------
    labels : int (y, x)
        Number of the scar each pixel belongs to, 0 or less where there is none.
    tile : Tile
        Where the array lies on the grid.

    Returns
    -------
    dict of int to Polygon or MultiPolygon

    Raises
    ------
    ValueError
        If the array is not of the tile's size.

    Examples
    --------
    >>> part = outlines_of(np.array([[0, 7], [7, 7]]), Tile(10, 20, 2, 2))[7]
    >>> part.area, part.bounds
    (3.0, (20.0, 10.0, 22.0, 12.0))
    """
    if labels.shape != (tile.height, tile.width):
        raise ValueError(f"labels are {labels.shape}, wants those of the tile, {(tile.height, tile.width)}")
    wide = np.pad(labels, ((0, 0), (1, 1)))
    rows, columns = np.nonzero(wide[:, 1:] != wide[:, :-1])
    values = wide[rows, columns + 1]
    # Every run of a scar ends where the next change of its row is; what follows the last one is never a run.
    ends = np.append(columns[1:], 0)
    runs = values > 0
    order = np.argsort(values[runs], kind="stable")
    found, starts = np.unique(values[runs][order], return_index=True)
    left, top, right = (part[runs][order] for part in (columns + tile.column, rows + tile.row, ends + tile.column))
    boxes = shapely.box(left, top, right, top + 1)
    parts = [shapely.union_all(group) for group in np.split(boxes, starts[1:])] if found.size else []
    return dict(zip(map(int, found), shapely.simplify(np.array(parts, dtype=object), 0.0), strict=True))


def joined_outlines(parts: Iterable[Mapping[int, BaseGeometry]], grid: Grid) -> gpd.GeoSeries:
    """Join the parts of scars from all tiles and lay them on the map.

    Parameters
    ----------
    parts : iterable of mapping
        From `outlines_of`, one for each tile, in any order.
    grid : Grid
        The grid the tiles are of.

    Returns
    -------
    GeoSeries
        One outline [m] a scar, indexed by its number, ascending.

    Examples
    --------
    >>> grid = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 600080.0, 4800020.0))
    >>> halves = [outlines_of(np.ones((1, 2), int), Tile(0, column, 1, 2)) for column in (0, 2)]
    >>> joined_outlines(halves, grid).area.tolist()
    [1600.0]
    """
    gathered: dict[int, list[BaseGeometry]] = {}
    for part in parts:
        for label, outline in part.items():
            gathered.setdefault(label, []).append(outline)
    labels = sorted(gathered)
    whole = [gathered[n][0] if len(gathered[n]) == 1 else shapely.union_all(gathered[n]) for n in labels]
    outlines = shapely.normalize(shapely.simplify(np.array(whole, dtype=object), 0.0))
    corner = np.array([grid.bounds[0], grid.bounds[3]])
    step = np.array([grid.resolution_m, -grid.resolution_m])
    on_map = shapely.transform(outlines, lambda places: corner + places * step)
    # Rows count downward and northings upward: rings would run the wrong way round.
    return gpd.GeoSeries(shapely.normalize(on_map), index=pd.Index(labels, name="id", dtype=np.int64), crs=grid.crs)


class BurntOutlines:
    """Scars of one season, gathered from the tiles of a product; sixteen bytes are kept for each burnt pixel.

    Parameters
    ----------
    grid : Grid
        The grid the tiles are of.
    year : int
        Year of the season: no fire season crosses New Year.
    season : str
        ``spring``, ``summer`` or ``autumn``.

    Examples
    --------
    >>> grid = Grid("EPSG:32652", 20.0, (600000.0, 4800000.0, 600060.0, 4800020.0))
    >>> scars = BurntOutlines(grid, year=2025, season="spring")
    >>> labels = np.array([[1, 1, 0]])
    >>> scars.add(
    ...     Tile(0, 0, 1, 3), labels, probability=np.array([[0.9, 0.7, 0.1]]), dnbr=np.array([[0.2, 0.3, 0.0]]),
    ...     last_unburnt=np.array([[110, 112, -32768]]), first_burnt=np.array([[115, 115, -32768]]),
    ... )
    >>> row = scars.table().iloc[0]
    >>> str(row.first_day.date()), str(row.last_day.date()), float(row.area_ha), float(row.dnbr_median)
    ('2025-04-21', '2025-04-25', 0.08, 0.25)
    """

    def __init__(self, grid: Grid, *, year: int, season: str) -> None:
        self.grid, self.year, self.season = grid, year, season
        self._fire_year = season_fire_year(year, season)
        self._parts: list[tuple[tuple[int, int], dict[int, BaseGeometry], NDArray[np.void]]] = []

    def add(
        self,
        tile: Tile,
        labels: Labels,
        *,
        probability: NDArray[Any],
        last_unburnt: NDArray[Any],
        first_burnt: NDArray[Any],
        dnbr: NDArray[Any],
    ) -> None:
        """Take in the scars of one tile; from any thread, each tile once, in any order.

        Parameters
        ----------
        tile : Tile
            Where the arrays lie on the grid.
        labels : int (y, x)
            Number of the scar each pixel belongs to, the same number in all tiles a scar reaches; 0 or less
            where there is none. Only labelled pixels are looked at in the other arrays.
        probability : float (y, x) [1]
            Probability that the pixel burnt; NaN unknown.
        last_unburnt, first_burnt : int16 (y, x)
            Days of the year it was last seen unburnt and first seen burnt; -32768 unknown.
        dnbr : float (y, x) [1]
            Difference of the normalised burn ratio; NaN unknown.

        Raises
        ------
        ValueError
            If an array is not of the tile's size, or a day is no day of a year.
        """
        outlines = outlines_of(labels, tile)
        burnt = labels > 0
        pixels = np.empty(int(burnt.sum()), _PIXEL)
        layers = {
            "label": labels,
            "area": pixel_areas(self.grid, tile),
            "probability": probability,
            "dnbr": dnbr,
            "begins": last_unburnt,
            "ends": first_burnt,
        }
        for name, layer in layers.items():
            if layer.shape != labels.shape:
                raise ValueError(f"{name} is {layer.shape}, labels are {labels.shape}; wants one tile's arrays")
            pixels[name] = layer[burnt]
        days = np.concatenate([pixels["begins"], pixels["ends"]])
        if np.any((days != NO_DAY) & ((days < 1) | (days > 366))):
            raise ValueError(f"days run from {days.min()} to {days.max()}, wants days of the year 1-366 or {NO_DAY}")
        self._parts.append(((tile.row, tile.column), outlines, pixels))

    def table(self, *, zones: Sequence[Zone] = (), hotspots: gpd.GeoDataFrame | None = None) -> gpd.GeoDataFrame:
        """Return the scars, one row each, ascending by number.

        Parameters
        ----------
        zones : sequence of Zone
            Of the area: names and countries of those a scar lies in, the largest share first.
        hotspots : GeoDataFrame, optional
            From `habitat.sources.hotspots`: those whose footprint touches the scar within three days of its
            dates are counted; without them the column is empty.

        Returns
        -------
        GeoDataFrame
            In the grid's coordinate system: `id`, `year`, `season`, `fire_year`; `first_day` (the day after
            the earliest date a pixel was still seen unburnt), `last_day` (the latest date a pixel was first
            seen burnt); `usual_first` and `usual_last`, medians of the same over the pixels, which a few stray
            pixels do not widen; `median_day` (of the middles of their intervals); `area_ha`, `area_basis`;
            `probability_mean`, `dnbr_median`; `hotspots`, `zones`, `countries`.
        """
        parts = sorted(self._parts, key=lambda part: part[0])
        outlines = joined_outlines((part[1] for part in parts), self.grid)
        pixels = np.concatenate([part[2] for part in parts]) if parts else np.empty(0, _PIXEL)
        table = gpd.GeoDataFrame(_attributes(pixels, self.year), geometry=outlines.to_numpy())
        table = table.set_crs(self.grid.crs)
        for place, (name, value) in enumerate(
            (("year", self.year), ("season", self.season), ("fire_year", self._fire_year)), start=1
        ):
            table.insert(place, name, value)
        table["hotspots"] = _hotspot_counts(table, hotspots)
        table["zones"], table["countries"] = _zone_names(table, zones)
        return table[[*(name for name in table.columns if name != "geometry"), "geometry"]]


_PIXEL = np.dtype(
    [("label", "i4"), ("begins", "i2"), ("ends", "i2"), ("probability", "f4"), ("dnbr", "f4"), ("area", "f4")]
)


def _attributes(pixels: NDArray[np.void], year: int) -> pd.DataFrame:
    labels, group = np.unique(pixels["label"], return_inverse=True)
    begins = np.where(pixels["begins"] == NO_DAY, np.nan, pixels["begins"] + 1.0)
    ends = np.where(pixels["ends"] == NO_DAY, np.nan, pixels["ends"].astype(float))
    # Where nothing says when a pixel was last unburnt, the day it was seen burnt is all there is.
    middle = np.where(np.isnan(begins), ends, (begins + ends) / 2)
    by_scar = pd.DataFrame(
        {"begins": begins, "ends": ends, "middle": middle, "p": pixels["probability"], "dnbr": pixels["dnbr"]}
        | {"area": pixels["area"].astype(np.float64)}
    ).groupby(group)
    return pd.DataFrame(
        {
            "id": labels.astype(np.int64),
            "first_day": _dates(by_scar["begins"].min(), year),
            "last_day": _dates(by_scar["ends"].max(), year),
            "usual_first": _dates(np.floor(by_scar["begins"].median()), year),
            "usual_last": _dates(np.ceil(by_scar["ends"].median()), year),
            "median_day": _dates(np.floor(by_scar["middle"].median()), year),
            # True areas; rounded, so that the order in which tiles came leaves no trace.
            "area_ha": (by_scar["area"].sum().to_numpy(np.float64) / 1e4).round(4),
            "area_basis": AREA_BASIS,
            "probability_mean": by_scar["p"].mean().to_numpy(np.float64).round(4),
            "dnbr_median": by_scar["dnbr"].median().to_numpy(np.float64).round(4),
        }
    )


def _dates(days: Any, year: int) -> NDArray[np.datetime64]:
    numbers = np.asarray(days, np.float64)
    known = np.isfinite(numbers)
    dates = np.full(numbers.shape, np.datetime64("NaT", "ns"))
    dates[known] = np.datetime64(f"{year:04d}-01-01") + (numbers[known].astype(np.int64) - 1) * _DAY
    return dates


def _hotspot_counts(table: gpd.GeoDataFrame, hotspots: gpd.GeoDataFrame | None, days: int = 3) -> Any:
    if hotspots is None:
        return pd.array([pd.NA] * len(table), dtype="Int64")
    seen_ground = footprints(hotspots, table.crs.to_string()).to_numpy()
    near, scar = shapely.STRtree(table.geometry.to_numpy()).query(seen_ground, predicate="intersects")
    seen = hotspots["solar_day"].to_numpy("datetime64[D]")[near]
    first, last = (table[name].to_numpy("datetime64[D]")[scar] for name in ("first_day", "last_day"))
    first = np.where(np.isnat(first), last, first)
    in_time = (seen >= first - days * _DAY) & (seen <= last + days * _DAY)
    return pd.array(np.bincount(scar[in_time], minlength=len(table)), dtype="Int64")


def _zone_names(table: gpd.GeoDataFrame, zones: Sequence[Zone]) -> tuple[list[str], list[str]]:
    """Names and countries of the zones each scar lies in, the largest share first."""
    outlines = gpd.GeoSeries([shapely.segmentize(zone.polygon, _LONGEST_EDGE_DEG) for zone in zones], crs="EPSG:4326")
    on_map = shapely.make_valid(outlines.to_crs(table.crs).to_numpy())
    names, countries = [], []
    for outline in table.geometry:
        shares = shapely.area(shapely.intersection(on_map, outline)) if zones else np.empty(0)
        order = [int(i) for i in np.argsort(-shares, kind="stable") if shares[i] > 0]
        names.append(", ".join(dict.fromkeys(zones[i].name for i in order)))
        countries.append(", ".join(dict.fromkeys(zones[i].country for i in order if zones[i].country)))
    return names, countries
