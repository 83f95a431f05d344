"""Composite inputs: settings of the monthly composite, and the scenes and heights it is made from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from habitat.contracts import Period
from habitat.imagery.indices import CANONICAL_BANDS
from habitat.products.building.inputs import file_input, scene_input
from habitat.products.product import Params, Workshop, known_names
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.catalogues.searching import Found, search
from habitat.sources.scenes.mixing import MOST_RESIDUAL
from habitat.store import Input


class CompositeParams(Params):
    """Settings of the monthly composite."""

    aside: ClassVar[frozenset[str]] = frozenset(
        {"catalogue", "max_missing_share", "on_all_cloud", "memory_mb_per_worker", "requester_pays", "elevation"}
    )

    catalogue: str = "earth-search"
    """Where scenes are searched: earth-search, planetary-computer, cdse, usgs, the https address of a STAC API, or
    the path of a static catalogue (a folder or its catalog.json)."""
    requester_pays: bool = False
    """Whether you agree to pay for transfers from buckets whose reader pays (Landsat in Earth Search and USGS)."""
    sensors: tuple[Literal["sentinel2", "landsat"], ...] = Field(("sentinel2",), min_length=1)
    """Which satellites: sentinel2, landsat (4 to 9), or both; with both set bandpass to oli."""
    max_cloud_cover: float | None = Field(90.0, ge=0, le=100)
    """Scenes that say they have more clouds [percent] are not read; null reads all."""
    purpose: Literal["forest", "burn", "snow"] = "forest"
    """What counts as clear: burn keeps dark ground and shadows far from clouds, snow keeps snow."""
    grow_m: float = Field(120.0, ge=0, le=5000)
    """Clouds and their shadows are widened by this distance [m]."""
    bands: tuple[str, ...] = Field(("blue", "green", "red", "nir", "swir1", "swir2"), min_length=1)
    """Canonical bands of the composite; those that most scenes lack are named as gaps."""

    @field_validator("bands")
    @classmethod
    def _bands_are_known(cls, bands: Any) -> Any:
        return known_names(bands, CANONICAL_BANDS, "band")

    geometric_median: bool = True
    """Whether to make the geometric median beside the median; it takes about half of the computing time."""
    bandpass: Literal["none", "oli"] = "none"
    """oli: bring all sensors to the bands of Landsat 8 OLI before they are mixed."""
    view: Literal["none", "nadir"] = "none"
    """nadir: bring all scenes to a view from straight above under a sun at 45 degrees."""
    illumination: Literal["none", "scs-c"] = "none"
    """scs-c: make slopes as bright as level ground, as far as each date shows that they are not; wants elevation."""
    elevation: str | None = None
    """A raster of heights, for illumination."""

    @model_validator(mode="after")
    def _light_wantsheights_input(self) -> CompositeParams:
        if self.illumination != "none" and self.elevation is None:
            raise ValueError("illumination scs-c wants elevation: the path of a raster of heights; give one, or none")
        return self

    max_mixing_residual: float | None = Field(MOST_RESIDUAL, gt=0, le=1)
    """Largest median difference of reflectance between Sentinel-2 and Landsat, over ground both saw clear within three
    days, that is still one series; above it the month is refused. null mixes them without looking."""
    without_mask: Literal["refuse", "all-clear"] = "refuse"
    """Scenes without a quality mask: refuse, or all-clear where all bands have data, for composites that are clean."""
    mixed_offsets: Literal["harmonise", "refuse"] = "harmonise"
    """What to do with a month in which some Sentinel-2 scenes have the +1000 offset in their numbers and some not."""
    clip: bool = False
    """Whether pixels outside the area's polygon are left empty; else the whole rectangle of the grid is filled."""
    max_missing_share: float = Field(0.05, ge=0, le=1)
    """Share of the expected observations [0 to 1, by area] that may be unreadable before the month is refused."""
    on_all_cloud: Literal["refuse", "publish"] = "refuse"
    """A month without any clear pixel: refuse it (exit code 3) or publish it empty with its ledger."""
    memory_mb_per_worker: int = Field(256, ge=16, le=65536)
    """Memory [MB] for the pixels of one tile; smaller tiles are read where there are many dates."""


def found_scenes(params: CompositeParams, workshop: Workshop, period: Period) -> Found:
    """Search once a run, however often the plan asks."""
    wanted = ("composite", str(period), workshop.area.name, params.catalogue, params.sensors, params.max_cloud_cover)
    found: Found | None = workshop.found.get(wanted)
    if found is None:
        provider = provider_for(params.catalogue, requester_pays=params.requester_pays)
        found = search(
            params.sensors, workshop.area, period, catalogue=provider, max_cloud_cover=params.max_cloud_cover
        )
        workshop.found[wanted] = found
    return found.require()


def composite_inputs(params: CompositeParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    """Return what a composite would be made from now: scenes of its period, and heights if slopes are levelled."""
    scenes = tuple(scene_input(scene, workshop) for scene in found_scenes(params, workshop, period).scenes)
    return scenes + heights_input(params, workshop)


def heights_input(params: CompositeParams, workshop: Workshop) -> tuple[Input, ...]:
    """Return the raster of heights as an input, if slopes are levelled."""
    if params.illumination == "none" or params.elevation is None:
        return ()
    return (file_input("elevation", Path(params.elevation), workshop),)
