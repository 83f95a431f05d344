"""Small rasters of known content for the tests of the store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from shapely.geometry import box

from habitat.contracts.area import Area, Zone
from habitat.contracts.grid import Grid
from habitat.contracts.period import Period
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.store import Published, Record, Store, area_digest
from habitat.store.cog import CogWriter, WrittenRaster

NODATA = -32768


def grid_of(rows: int, columns: int, resolution: float = 20.0, crs: str = "EPSG:32652") -> Grid:
    west, south = 600000.0, 4800000.0
    return Grid(crs, resolution, (west, south, west + columns * resolution, south + rows * resolution))


def index_spec(bands: int = 1, name: str = "ndvi") -> RasterSpec:
    listed = tuple(BandSpec(f"{name}{i}" if i else name, f"{name} band {i}", scale=1e-4) for i in range(bands))
    return RasterSpec(name, name.upper(), listed, "int16", NODATA, name)


def composite_spec() -> RasterSpec:
    bands = (BandSpec("red", "red", "1", 1e-4, 0.0, 0.665), BandSpec("nir", "NIR", "1", 1e-4, -0.1))
    return RasterSpec("composite", "Composite", bands, "int16", NODATA, "reflectance")


def class_spec() -> RasterSpec:
    classes = ((0, "#f7f7f7", "no change"), (1, "#b35806", "loss <strong> & sure"), (7, "#2166ac", "gain"))
    return RasterSpec(
        "change", "Change", (BandSpec("change", "class", ""),), "uint8", 255, "change-classes", "mode", classes
    )


def noise(bands: int, rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Reflectance-like codes with a tenth of the pixels unknown."""
    rng = np.random.default_rng(seed)
    values = rng.integers(-2000, 9000, (bands, rows, columns)).astype(np.int16)
    values[rng.random(values.shape) < 0.1] = NODATA
    return values


def write_raster(path: Path, grid: Grid, spec: RasterSpec, pixels: np.ndarray, **options: object) -> WrittenRaster:
    size = options.pop("tile", 300)
    phase = options.pop("phase", (0, 0))
    with CogWriter(path, grid, spec, **options) as writer:
        for tile in grid.tiles(size, phase):
            rows, columns = slice(tile.row, tile.row + tile.height), slice(tile.column, tile.column + tile.width)
            writer.write(tile, pixels[:, rows, columns])
        return writer.close()


def area_of(rows: int = 60, columns: int = 40, name: str = "hunchun") -> Area:
    outline = box(130.2, 43.3, 130.3, 43.4)
    north = Zone("north", box(130.2, 43.35, 130.3, 43.4))
    return Area(name, outline, grid_of(rows, columns), title="Hunchun reserve", zones=(north,))


def record_of(area: Area, period: str = "2025-05", product: str = "monthly-change", **more: object) -> Record:
    fields = {"created": "2025-06-06T02:00:00+00:00", "method": "1", "software": {"habitat": "0.1.0"}} | more
    return Record(product, area.name, area_digest(area), period, **fields)


def build(
    store: Store,
    area: Area,
    period: str = "2025-05",
    *,
    seed: int = 0,
    product: str = "monthly-change",
    properties: dict | None = None,
    rasters: int = 3,
    **more: object,
) -> Published:
    """Publish an index of one band, a composite of two and a class raster."""
    rows, columns = area.grid.shape
    pixels = noise(2, rows, columns, seed)
    change = np.where(pixels[:1] < 0, 1, 7).astype(np.uint8)
    change[pixels[:1] == NODATA] = 255
    with store.begin(product, area, Period(period)) as stage:
        contents = [(index_spec(), pixels[:1]), (composite_spec(), pixels), (class_spec(), change)]
        writers = [(stage.raster(spec), data) for spec, data in contents[:rasters]]
        for tile in area.grid.tiles(33):
            for writer, data in writers:
                rows, columns = slice(tile.row, tile.row + tile.height), slice(tile.column, tile.column + tile.width)
                writer.write(tile, data[:, rows, columns])
        stage.file("ledger.json", title="observations").write_text('{"counts": {"used": 3}}')
        return stage.publish(record_of(area, period, product, **more), properties)
