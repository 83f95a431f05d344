"""Three small products that depend on each other like the real ones, made from a world the test holds in its hands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field
from shapely.geometry import box

from habitat.contracts import Area, Period
from habitat.contracts.errors import NoScenes
from habitat.contracts.grid import Grid
from habitat.contracts.raster_spec import BandSpec, RasterSpec
from habitat.products import Need, Outcome, Params, Product, Workshop
from habitat.store import Input, Store

SPEC = RasterSpec("value", "Value", (BandSpec("value", "value", scale=1e-4),), "int16", -32768, "ndvi")
MAY, LAST_MAY = Period("2025-05"), Period("2024-05")


def area_of(name: str = "tiny") -> Area:
    west, south = 600000.0, 4800000.0
    grid = Grid("EPSG:32652", 20.0, (west, south, west + 80.0, south + 80.0))
    return Area(name, box(130.0, 43.0, 130.001, 43.001), grid, title="Tiny area")


class CompositeParams(Params):
    """Settings of the picture."""

    aside: ClassVar[frozenset[str]] = frozenset({"catalogue"})

    catalogue: str = "somewhere"
    """Where scenes are searched."""
    grow_m: float = Field(120.0, ge=0, le=5000)
    """Clouds are widened by this distance [m]."""
    cloud: float | None = Field(None, ge=0, le=100)
    """Most clouds [percent]."""
    dates: int = 3
    """Fewest dates."""
    purpose: Literal["forest", "burn"] = "forest"
    """What counts as clear."""
    sensors: tuple[Literal["sentinel2", "landsat"], ...] = ("sentinel2",)
    """Which satellites."""
    clip: bool = False
    """Whether the outside is empty."""


class IndicesParams(Params):
    """Settings of the indices."""

    names: tuple[str, ...] | Literal["all"] = "all"
    """Which indices."""


class ChangeParams(Params):
    """Settings of the change."""

    min_z: float = 2.0
    """Least score."""


@dataclass
class World:
    """What there is to make products from, and what goes wrong."""

    scenes: dict[str, dict[str, int]] = field(
        default_factory=lambda: {"2025-05": {"S2_A": 70}, "2024-05": {"S2_0": 30}}
    )
    """Scenes of each period, with their value."""
    faults: dict[tuple[str, str], BaseException] = field(default_factory=dict)
    """(product, period) -> what its build raises."""
    missing: dict[tuple[str, str], int] = field(default_factory=dict)
    """(product, period) -> observations that cannot be read."""
    built: list[str] = field(default_factory=list)
    """What was built, in this order."""
    searches: int = 0

    def products(self, **others: Product) -> dict[str, Product]:
        composite = Product(
            "composite", "Composite", "A picture.", "1", CompositeParams, self._scenes, self._make("composite")
        )
        needs = (Need("composite"),)
        indices = Product(
            "indices", "Indices", "Indices.", "1", IndicesParams, self._composite, self._make("indices"), needs
        )
        needs = (Need("indices"), Need("indices", years_before=1, optional=True))
        change = Product("change", "Change", "Change.", "1", ChangeParams, self._indices, self._make("change"), needs)
        snow = Product("snow", "Snow", "Snow.", "1", ChangeParams, self._scenes, self._make("snow"))
        return {"composite": composite, "indices": indices, "change": change, "snow": snow} | others

    def _scenes(self, params, workshop: Workshop, period: Period) -> tuple[Input, ...]:
        self.searches += 1
        if not self.scenes.get(str(period)):
            raise NoScenes(f"no scenes for {period} in https://host/x?sig=SECRET")
        return tuple(Input(name, version=str(value)) for name, value in self.scenes[str(period)].items())

    def _composite(self, params, workshop: Workshop, period: Period) -> tuple[Input, ...]:
        return (workshop.store.get("composite", workshop.area, period).as_input(),)

    def _indices(self, params, workshop: Workshop, period: Period) -> tuple[Input, ...]:
        before = workshop.store.latest("indices", workshop.area, period.year_before())
        now = workshop.store.get("indices", workshop.area, period).as_input()
        return (now, before.as_input()) if before else (now,)

    def _make(self, name: str):
        def build(params: Params, workshop: Workshop, period: Period) -> Outcome:
            product = self.products()[name]
            inputs = product.inputs(params, workshop, period)
            workshop.progress(name, 0, 1)
            with workshop.store.begin(name, workshop.area, period) as stage:
                writer = stage.raster(SPEC)
                for tile in workshop.area.grid.tiles(4):
                    writer.write(tile, np.full((1, 4, 4), self._pixel(name, workshop, period), np.int16))
                if fault := self.faults.get((name, str(period))):
                    raise fault
                gaps = () if name != "change" or len(inputs) == 2 else (("year before", "not in the store"),)
                missing = self.missing.get((name, str(period)), 0)
                ledger = {"counts": {"missing": missing}}
                record = product.record(params, workshop, period, inputs=inputs, ledger=ledger, gaps=gaps)
                summary = f"{name} of {period} says something"
                published = stage.publish(record, {"habitat:summary": summary})
            self.built.append(f"{name} {period}")
            workshop.progress(name, 1, 1)
            return Outcome(published, summary, gaps, missing)

        return build

    def _pixel(self, name: str, workshop: Workshop, period: Period) -> int:
        """Tens of the scenes' values: small changes of a scene change no pixel."""
        if name in ("composite", "snow"):
            return sum(self.scenes[str(period)].values()) // 10
        need = {"indices": "composite", "change": "indices"}[name]
        with workshop.store.open_window(need, workshop.area, period, "value") as reader:
            return int(reader.read(next(iter(workshop.area.grid.tiles(4)))).max())


def workshop_of(folder, **more) -> Workshop:
    return Workshop(area_of(), Store(folder / "store"), workers=1, **more)
