"""What is true about a twin, as rasters on the area's grid and as tables: for scores, never for products."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window as RasterWindow

from habitat.twin.extent import AREA_RESOLUTION_M, grid_of
from habitat.twin.land.clearings import clearing_outlines
from habitat.twin.land.climate import known_changes
from habitat.twin.land.hotspots import hotspot_truth
from habitat.twin.land.landscape import COVER_COLOURS, Landscape, landscape_in
from habitat.twin.land.scars import burn_layers, perimeters
from habitat.twin.land.seasons import leaf_fall_day, leaf_out_day, snow_off_day
from habitat.twin.land.vegetation import Stand, stand_on
from habitat.twin.scenes import Studio, surface_of
from habitat.twin.sensors.shots import Overpass
from habitat.twin.tables import write_csv, write_geojson
from habitat.twin.world import LAST_YEAR, RESOLUTION_M, Window, World

MONTHS = ("2024-05", "2025-05")
"""Months whose reflectance without air is written, as it was at mid-month."""
YEARS = (2024, 2025)
"""Years whose stands (on 1 September) and seasons are written."""
SERIES_YEARS = (2021, 2022, 2023, 2024, 2025)
"""The same of a twin that holds a dense series."""
CANONICAL = {"nir08": "nir_narrow", "swir16": "swir1", "swir22": "swir2"}
"""Asset keys whose band has another name in the toolkit."""
REFLECTANCE = ("blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08", "swir16", "swir22")
"""Bands whose reflectance is written."""
SCALE = 0.0001
"""Reflectance [1] of one step of the reflectance rasters."""
NODATA = -32768
"""No data of the rasters of 16 bits."""

_Colours = dict[int, tuple[int, int, int]]
_COVER: _Colours = {int(cover): colour for cover, colour in COVER_COLOURS.items()}


@dataclass(frozen=True)
class _Raster:
    """One file of the truth and how a block of it is drawn."""

    path: str
    bands: tuple[str, ...]
    dtype: str
    layers: Callable[[Landscape], Sequence[NDArray[Any]]]
    nodata: float | None = None
    scale: float | None = None
    colours: _Colours | None = None


def write_truth(folder: Path, studio: Studio) -> None:
    """Write the truth of a world; the air of every scene is written with the scene."""
    world, history = studio.world, studio.history
    rasters = [*_land(), *_stands(studio), *_seasons(studio), *_burns(studio), *_reflectances(studio)]
    with ExitStack() as stack:
        files = [stack.enter_context(_opened(folder, world, raster)) for raster in rasters]
        for window in world.area_blocks():
            landscape = landscape_in(world, window, AREA_RESOLUTION_M)
            place = _place(world, window)
            for raster, file in zip(rasters, files, strict=True):
                for band, values in enumerate(raster.layers(landscape), 1):
                    file.write(values.astype(raster.dtype), band, window=place)
    write_geojson(folder / "fires" / "fires.geojson", perimeters(world, history.fires))
    write_csv(folder / "fires" / "hotspots.csv", hotspot_truth(world, history))
    write_geojson(folder / "clearings" / "clearings.geojson", clearing_outlines(world, history.clearings))
    changes = folder / "climate" / "known_changes.json"
    changes.parent.mkdir(parents=True)
    changes.write_text(json.dumps(known_changes(), indent=1) + "\n", encoding="utf-8")


def _place(world: World, window: Window) -> RasterWindow:
    area, step = world.area_window, round(AREA_RESOLUTION_M / RESOLUTION_M)
    return RasterWindow(
        (window.column - area.column) // step,
        (window.row - area.row) // step,
        window.columns // step,
        window.rows // step,
    )


def _opened(folder: Path, world: World, raster: _Raster) -> Any:
    path, own = folder / raster.path, grid_of(world)
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, columns = own.shape
    edge = min(512, -(-rows // 16) * 16)
    target = rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=columns,
        height=rows,
        count=len(raster.bands),
        dtype=raster.dtype,
        crs=own.crs,
        transform=own.transform,
        nodata=raster.nodata,
        compress="DEFLATE",
        predictor=3 if raster.dtype == "float32" else 2,
        tiled=True,
        blockxsize=edge,
        blockysize=edge,
        interleave="band",
    )
    target.descriptions = raster.bands
    if raster.scale is not None:
        target.scales = (raster.scale,) * len(raster.bands)
    if raster.colours is not None:
        target.write_colormap(1, {value: (*colour, 255) for value, colour in raster.colours.items()})
    return target


def _land() -> list[_Raster]:
    def field(name: str) -> Callable[[Landscape], Sequence[NDArray[Any]]]:
        return lambda landscape: (getattr(landscape, name),)

    return [
        _Raster("land/cover.tif", ("cover",), "uint8", field("cover"), colours=_COVER),
        _Raster("land/country.tif", ("country",), "uint8", field("country")),
        *(
            _Raster(f"land/{name}.tif", (name,), "float32", field(name))
            for name in ("elevation", "canopy", "tree_height", "evergreen")
        ),
    ]


def _years(studio: Studio) -> tuple[int, ...]:
    return SERIES_YEARS if studio.world.size.name == "series" else YEARS


def _stands(studio: Studio) -> list[_Raster]:
    rasters: list[_Raster] = []
    for year in _years(studio):
        field = _stand_fields(studio, date(year, 9, 1))
        rasters.append(_Raster(f"stands/{year}_cover.tif", ("cover",), "uint8", field("cover"), colours=_COVER))
        rasters += [
            _Raster(f"stands/{year}_{name}.tif", (name,), "float32", field(name)) for name in ("canopy", "tree_height")
        ]
    return rasters


def _stand_fields(studio: Studio, day: date) -> Callable[[str], Callable[[Landscape], Sequence[NDArray[Any]]]]:
    # All rasters of a block are drawn before the next block: its stands are grown once, not once for each of them.
    @lru_cache(maxsize=1)
    def stand(landscape: Landscape) -> Stand:
        return stand_on(studio.world, landscape, studio.history, day)

    return lambda name: lambda landscape: (getattr(stand(landscape), name),)


def _seasons(studio: Studio) -> list[_Raster]:
    def day_of_year(name: str, year: int) -> Callable[[Landscape], Sequence[NDArray[Any]]]:
        def layers(landscape: Landscape) -> Sequence[NDArray[Any]]:
            if name == "snow_off":
                found = snow_off_day(studio.seasons, year, landscape.elevation, landscape.rise_north)
            else:
                day_of = leaf_out_day if name == "leaf_out" else leaf_fall_day
                found = day_of(studio.seasons, year, landscape.elevation, landscape.grain)
            return (np.rint(found),)

        return layers

    return [
        _Raster(f"seasons/{year}_{name}.tif", (name,), "int16", day_of_year(name, year), nodata=NODATA)
        for year in _years(studio)
        for name in ("snow_off", "leaf_out", "leaf_fall")
    ]


def _burns(studio: Studio) -> list[_Raster]:
    def burnt(first: date, last: date) -> Callable[[Landscape], Sequence[NDArray[Any]]]:
        def layers(landscape: Landscape) -> Sequence[NDArray[Any]]:
            day_of_year, severity = burn_layers(studio.world, studio.history, landscape.window, first, last)
            return day_of_year, np.rint(100 * severity)

        return layers

    halves = (("spring", (1, 1), (7, 31)), ("autumn", (8, 1), (12, 31)))
    return [
        _Raster(
            f"fires/{year}_{season}.tif",
            ("day_of_year", "severity_percent"),
            "int16",
            burnt(date(year, *first), date(year, *last)),
        )
        for year in range(studio.world.size.first_year, LAST_YEAR + 1)
        for season, first, last in halves
    ]


def _reflectances(studio: Studio) -> list[_Raster]:
    def seen(month: str) -> Callable[[Landscape], Sequence[NDArray[Any]]]:
        # A satellite at the zenith, at the hour of the real ones.
        middle = Overpass("S2A", datetime.fromisoformat(f"{month}-16T02:02:30").replace(tzinfo=UTC), 103)

        def layers(landscape: Landscape) -> Sequence[NDArray[Any]]:
            reflectance = surface_of(studio, landscape, middle, REFLECTANCE)
            return [np.clip(np.rint(band / SCALE), NODATA + 1, -NODATA - 1) for band in reflectance]

        return layers

    names = tuple(CANONICAL.get(band, band) for band in REFLECTANCE)
    return [
        _Raster(f"reflectance/{month}.tif", names, "int16", seen(month), nodata=NODATA, scale=SCALE)
        for month in MONTHS
        if int(month[:4]) >= studio.world.size.first_year
    ]
