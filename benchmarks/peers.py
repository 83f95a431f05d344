"""Peers: the decode floor, stackstac and odc-stac, each doing the workload as its documentation suggests."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import dask
import numpy as np
import rasterio
import shapely
import xarray as xr
from numpy.typing import NDArray
from pyproj import Transformer
from rasterio.windows import Window

from benchmarks.workload import BANDS, MASK, MASKED_CLASSES, MONTHS, NODATA, Answer, Workload

_GDAL = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
_KEYS = (*BANDS.values(), MASK)


def floor(work: Workload) -> Answer:
    """Decode every block the area needs once, and throw it away."""
    items = work.items()
    hrefs = [item["assets"][key]["href"] for key in _KEYS for item in items]

    def decode(href: str) -> None:
        with rasterio.Env(GDAL_CACHEMAX=64 * 2**20, **_GDAL), rasterio.open(href) as source:
            for window in _blocks(source, work):
                source.read(1, window=window)

    with ThreadPoolExecutor(work.threads) as pool:
        list(pool.map(decode, hrefs))
    return Answer()


def _blocks(source: Any, work: Workload) -> Iterator[Window]:
    """Yield the blocks of a file that hold a pixel of the area."""
    outline = shapely.segmentize(shapely.box(*work.grid.bounds), 1000)
    if source.crs.to_epsg() != work.grid.epsg:
        there = Transformer.from_crs(work.grid.crs, source.crs.to_epsg(), always_xy=True)
        outline = shapely.transform(outline, lambda xy: np.column_stack(there.transform(xy[:, 0], xy[:, 1])))
    corner, size = (
        np.array([source.transform.c, source.transform.f]),
        np.array([source.transform.a, source.transform.e]),
    )
    outline = shapely.transform(outline, lambda xy: (xy - corner) / size)
    shapely.prepare(outline)
    rows, columns = source.block_shapes[0]
    left, top, right, bottom = outline.bounds
    for y in range(int(max(top, 0)) // rows * rows, math.ceil(min(bottom, source.height)), rows):
        for x in range(int(max(left, 0)) // columns * columns, math.ceil(min(right, source.width)), columns):
            block = shapely.box(x, y, x + columns, y + rows)
            if shapely.relate_pattern(outline, block, "2********"):
                yield Window(x, y, min(columns, source.width - x), min(rows, source.height - y))


def stackstac_defaults(work: Workload) -> Answer:
    """Stackstac as it comes: float64 with NaN, scaled, its own chunks."""
    lazy = _stackstac(work)
    stack, scl = lazy.sel(band=list(BANDS.values())), lazy.sel(band=MASK)
    clear = ~scl.isin(MASKED_CLASSES) & scl.notnull()
    return _computed(stack.where(clear) / 1e-4, work)


def stackstac_uint16(work: Workload) -> Answer:
    """Stackstac told to keep digital numbers, in chunks of 2048."""
    kept = {"dtype": "uint16", "fill_value": np.uint16(0), "rescale": False}
    lazy = _stackstac(work, chunksize=(1, 1, work.chunk, work.chunk), **kept)
    stack, scl = lazy.sel(band=list(BANDS.values())), lazy.sel(band=MASK)
    clear = ~scl.isin(MASKED_CLASSES) & (stack != 0)
    return _computed(stack.astype("float32").where(clear), work)


def _stackstac(work: Workload, **how: Any) -> xr.DataArray:
    import stackstac

    lazy = stackstac.stack(
        work.items(),
        assets=list(_KEYS),
        epsg=work.grid.epsg,
        resolution=work.grid.resolution_m,
        bounds=work.grid.bounds,
        **how,
    )
    # Coordinates such as gsd differ between bands and would stop the bands from being put together.
    return lazy.drop_vars([name for name in lazy.coords if name not in lazy.dims])


def odc_stac(work: Workload) -> Answer:
    """odc-stac with dask, in chunks of 2048."""
    lazy = _odc_stac(work)
    stack = lazy[list(BANDS.values())].to_dataarray("band").transpose("time", "band", "y", "x")
    clear = ~lazy[MASK].isin(MASKED_CLASSES) & (stack != 0)
    return _computed(stack.astype("float32").where(clear), work)


def _odc_stac(work: Workload) -> xr.Dataset:
    import odc.stac
    import pystac
    from odc.geo.geobox import GeoBox

    return odc.stac.load(
        [pystac.Item.from_dict(item) for item in work.items()],
        bands=list(_KEYS),
        geobox=GeoBox.from_bbox(work.grid.bounds, crs=work.grid.crs, resolution=work.grid.resolution_m),
        chunks={"time": 1, "x": work.chunk, "y": work.chunk},
        groupby="time",
        resampling="nearest",
    )


def _computed(stack: xr.DataArray, work: Workload) -> Answer:
    """Monthly medians of a masked stack (time, band, y, x) in codes, their NBR, and perhaps rasters of them."""
    median = stack.resample(time="1MS").median("time").round()
    nir, swir = (median.sel(band=key, drop=True) for key in BANDS.values())
    nbr = ((nir - swir) / (nir + swir) * 10000).round()
    lazy = xr.concat([nir, swir, nbr], "band", coords="minimal", compat="override")
    lazy = lazy.fillna(NODATA).astype("int16").transpose("time", "band", "y", "x")
    with dask.config.set(scheduler="threads", num_workers=work.threads):
        codes = lazy.compute().to_numpy()
    count = partial(len, lazy.__dask_graph__())
    if not work.written:
        return Answer(codes=codes, tasks=count)
    return Answer(files=tuple(_write(codes[month], month, work) for month in range(len(MONTHS))), tasks=count)


def _write(codes: NDArray[np.int16], month: int, work: Workload) -> Path:
    work.out.mkdir(parents=True, exist_ok=True)
    path = work.out / f"{MONTHS[month].label}.tif"
    profile = {
        "driver": "COG",
        "dtype": "int16",
        "count": codes.shape[0],
        "height": codes.shape[1],
        "width": codes.shape[2],
        "crs": work.grid.crs,
        "transform": work.grid.transform,
        "nodata": NODATA,
        "compress": "DEFLATE",
        "level": 1,
        "predictor": 2,
        "blocksize": 512,
        "num_threads": work.threads,
        "overview_resampling": "average",
    }
    with rasterio.open(path, "w", **profile) as target:
        target.write(codes)
    return path


def plan_stackstac(work: Workload) -> Answer:
    """Graph of stackstac for many items; building it opens no file."""
    chunk = (1, 1, work.chunk, work.chunk)
    lazy = _stackstac(work, dtype="uint16", fill_value=np.uint16(0), rescale=False, chunksize=chunk)
    return Answer(tasks=lambda: len(lazy.__dask_graph__()))


def plan_odc_stac(work: Workload) -> Answer:
    """Graph of odc-stac for many items."""
    lazy = _odc_stac(work)
    return Answer(tasks=lambda: len(lazy.__dask_graph__()))


PEERS: dict[str, Callable[[Workload], Answer]] = {
    "floor": floor,
    "stackstac": stackstac_defaults,
    "stackstac-uint16": stackstac_uint16,
    "odc-stac": odc_stac,
}
PLANNERS: dict[str, Callable[[Workload], Answer]] = {"stackstac": plan_stackstac, "odc-stac": plan_odc_stac}
