"""Indices: every spectral index that a month's composite has the bands for, one raster each."""

from __future__ import annotations

import threading
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, field_validator

from habitat.contracts import Period
from habitat.contracts.errors import NotPossible
from habitat.contracts.grid import Tile
from habitat.contracts.raster_spec import INDEX_NODATA, BandSpec, RasterSpec
from habitat.imagery.indices import INDICES, Index, computable, index_codes
from habitat.products.product import Need, Outcome, Params, Product, Sheets, Workshop, known_names
from habitat.sources.scenes.threads import in_threads
from habitat.store import Input, Published, estimated_bytes

_TILE = 1024


class IndicesParams(Params):
    """Settings of the index rasters."""

    names: Annotated[tuple[str, ...], Field(min_length=1)] | Literal["all"] = "all"
    """Names of the indices wanted, or all that the composite has the bands for."""

    @field_validator("names")
    @classmethod
    def _names_are_known(cls, names: Any) -> Any:
        return names if names == "all" else known_names(names, INDICES, "index")

    source: Literal["median", "geomedian"] = "median"
    """Which composite they are computed from."""


def raster_name(index: str) -> str:
    """Return the name an index has as a raster.

    Examples
    --------
    >>> raster_name("my_index")
    'my-index'
    """
    return index.replace("_", "-")


def index_spec(entry: Index) -> RasterSpec:
    """Return how an index is stored and shown."""
    band = BandSpec(raster_name(entry.name), entry.long_name, units=entry.units, scale=entry.scale)
    about = f"{entry.long_name}; {entry.formula or 'bands ' + ', '.join(entry.bands)}; {entry.reference}"
    return RasterSpec(
        raster_name(entry.name), entry.long_name, (band,), "int16", INDEX_NODATA, entry.name, description=about
    )


def _inputs(params: IndicesParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    return (workshop.store.get("composite", workshop.area, period).as_input(),)


def _wanted(params: IndicesParams) -> tuple[str, ...]:
    return tuple(INDICES) if params.names == "all" else params.names


def build(params: IndicesParams, workshop: Workshop, period: Period) -> Outcome:
    """Compute the indices from the stored composite; those it lacks bands for are named as gaps.

    Raises
    ------
    NotInStore
        If there is no composite.
    NotPossible
        If none of the wanted indices can be computed from it.
    """
    composite: Published = workshop.store.get("composite", workshop.area, period)
    with composite.open_window(params.source) as reader:
        _, lacking = computable(reader.bands)
        wanted = _wanted(params)
        names = [name for name in wanted if name not in lacking]
        gaps = tuple((f"index {name}", f"needs {', '.join(lacking[name])}") for name in wanted if name in lacking)
        if not names:
            raise NotPossible(
                f"{composite.id} has {', '.join(reader.bands)}, from which none of {', '.join(wanted)} can be "
                "computed; add bands to composite.bands"
            )
        specs = {name: index_spec(INDICES[name]) for name in names}
        bands = sorted({band for name in names for band in INDICES[name].bands})
        grid = workshop.area.grid
        with workshop.store.begin(
            "indices", workshop.area, period, estimate=estimated_bytes(grid, *specs.values())
        ) as stage:
            sheets = Sheets(stage, list(specs.values()))
            tiles = list(grid.tiles(_TILE))
            finished: list[int] = []
            lock = threading.Lock()

            def work(tile: Tile) -> None:
                stored = dict(zip(bands, reader.read(tile, tuple(bands)), strict=True))
                for name, spec in specs.items():
                    sheets.write(spec.name, tile, index_codes(name, stored)[np.newaxis])
                with lock:
                    finished.append(1)
                    workshop.progress("computing indices", len(finished), len(tiles))

            in_threads(work, tiles, workshop.workers)
            sheets.draw(f"{workshop.area.title or workshop.area.name} · {period}")
            record = INDICES_PRODUCT.record(params, workshop, period, inputs=(composite.as_input(),), gaps=gaps)
            summary = f"{period}: {len(names)} indices ({', '.join(names)})"
            if gaps:
                summary += f"; not computable: {', '.join(name for name, _ in gaps)}"
            published = stage.publish(
                record,
                {"habitat:summary": summary},
                title=INDICES_PRODUCT.title,
                description=INDICES_PRODUCT.description,
            )
    return Outcome(published, summary, gaps)


INDICES_PRODUCT = Product(
    name="indices",
    title="Spectral indices",
    description="Spectral indices of a month's composite, one raster each.",
    method="1",
    params=IndicesParams,
    inputs=_inputs,
    build=build,
    needs=(Need("composite"),),
)
