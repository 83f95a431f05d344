"""What a twin publishes beside its scenes: weather, climate, hotspots, elevation, vectors and its area file."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.warp import Resampling, reproject, transform_bounds
from ruamel.yaml import YAML

from habitat.contracts.grid import Grid
from habitat.twin.extent import area_mapping
from habitat.twin.land.climate import GCMS, SCENARIOS, SPANS, climate_grid, future_of, normals_of
from habitat.twin.land.events import History
from habitat.twin.land.geography import geography_of, layers
from habitat.twin.land.hotspots import hotspots_of, modis_of
from habitat.twin.land.hours import daily_of, hours_of, station_table, stations_of
from habitat.twin.land.landscape import Field, landscape_in
from habitat.twin.noise import white
from habitat.twin.tables import write_csv, write_geojson, write_netcdf
from habitat.twin.world import CRS, World

_ARC_SECOND = 1 / 3600
_STEP_M = 20.0
_CANOPY_SEEN = 0.6
"""Share of the trees' height [1] a radar elevation model takes for ground."""
_DEM_NOISE_M = 0.8


def write_published(root: Path, world: World, history: History) -> None:
    """Write everything a product may read that is no scene."""
    weather = history.weather
    write_netcdf(root / "weather" / "daily.nc", daily_of(weather))
    write_netcdf(root / "weather" / "hourly.nc", hours_of(weather, *world.size.hourly))
    stations = station_table(weather, stations_of(world))
    since = int(world.size.hourly[0][:4])
    write_csv(root / "weather" / "stations.csv", stations[stations["yr"] >= since])
    elevation, trees = _drawn_elevation(world)
    normals = normals_of(world, _on(climate_grid(world), world, elevation))
    write_netcdf(root / "climate" / "normals_1991-2020.nc", normals)
    for gcm, scenario, span in product(GCMS, SCENARIOS, SPANS):
        write_netcdf(root / "climate" / f"{gcm}_{scenario}_{span}.nc", future_of(normals, gcm, scenario, span))
    write_csv(root / "hotspots" / "viirs.csv", hotspots_of(world, history))
    write_csv(root / "hotspots" / "modis.csv", modis_of(world, history))
    for name, layer in layers(geography_of(world)).items():
        # Lines are drawn a pixel at a time; a map needs no more corners than bends.
        bends = layer.set_geometry(layer.simplify(world.scaled(5.0, 0.001)))
        write_geojson(root / "vectors" / f"{name}.geojson", bends)
    _write_elevation(root / "elevation" / "dem.tif", world, elevation + np.float32(_CANOPY_SEEN) * trees)
    with (root / "area.yaml").open("w", encoding="utf-8") as file:
        YAML().dump(area_mapping(world.size.name, world.seed), file)


def _drawn_elevation(world: World) -> tuple[Field, Field]:
    """Return elevation and tree height of the whole world at 20 m [m]."""
    side = round(world.width_m / _STEP_M)
    elevation, trees = np.empty((side, side), np.float32), np.empty((side, side), np.float32)
    for window in world.blocks():
        landscape = landscape_in(world, window, _STEP_M)
        rows = slice(window.row // 2, (window.row + window.rows) // 2)
        columns = slice(window.column // 2, (window.column + window.columns) // 2)
        elevation[rows, columns] = landscape.elevation
        trees[rows, columns] = landscape.canopy * landscape.tree_height
    return elevation, trees


def _on(grid: Grid, world: World, elevation: Field) -> Field:
    """Return mean heights of a coarser grid's pixels, which may reach past the world's edge."""
    means = np.full(grid.shape, np.nan, np.float32)
    reproject(
        elevation,
        means,
        src_transform=world.transform(world.whole, _STEP_M),
        src_crs=CRS,
        dst_transform=grid.transform,
        dst_crs=grid.crs,
        dst_nodata=np.nan,
        resampling=Resampling.average,
    )
    return means


def _write_elevation(path: Path, world: World, surface: Field) -> None:
    """Write a surface model as the free global ones are: one arc-second, canopy included, a little noise."""
    noise = white(world.key("dem"), world.whole, _STEP_M)
    south, north = world.north - world.width_m, world.north
    box = transform_bounds(CRS, 4326, world.west, south, world.west + world.width_m, north)
    corner = [np.floor(box[0] / _ARC_SECOND) * _ARC_SECOND, np.ceil(box[3] / _ARC_SECOND) * _ARC_SECOND]
    shape = round((corner[1] - box[1]) / _ARC_SECOND) + 1, round((box[2] - corner[0]) / _ARC_SECOND) + 1
    target = np.full(shape, np.nan, np.float32)
    transform = Affine(_ARC_SECOND, 0.0, float(corner[0]), 0.0, -_ARC_SECOND, float(corner[1]))
    reproject(
        surface + np.float32(_DEM_NOISE_M) * noise,
        target,
        src_transform=world.transform(world.whole, _STEP_M),
        src_crs=CRS,
        dst_transform=transform,
        dst_crs="EPSG:4326",
        dst_nodata=np.nan,
        resampling=Resampling.bilinear,
    )
    path.parent.mkdir(parents=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=shape[1],
        height=shape[0],
        count=1,
        dtype="float32",
        crs="EPSG:4326",
        transform=transform,
        nodata=np.nan,
        compress="DEFLATE",
        predictor=3,
        tiled=True,
    ) as file:
        file.write(target, 1)
        file.update_tags(1, units="m")
