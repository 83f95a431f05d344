"""Forest inputs: settings of both forest products, and the scenes and files of the user they are made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator

from habitat.contracts import Period, Scene
from habitat.contracts.errors import NotPossible
from habitat.contracts.span import Span
from habitat.forest.features import SEASONS
from habitat.products.building.forest_radar import radar_inputs, radar_seasons
from habitat.products.building.inputs import file_input, scene_input
from habitat.products.product import Params, Workshop
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.catalogues.searching import Found, search
from habitat.sources.scenes.mixing import MOST_RESIDUAL
from habitat.store import Input

Days = tuple[str, str]
"""First and last day of a season, month and day: ``06-10``."""


class ForestParams(Params):
    """Settings that both forest products have."""

    aside: ClassVar[frozenset[str]] = frozenset(
        {"catalogue", "requester_pays", "labels", "weak_classes", "weak_percent", "elevation"}
        | {"max_missing_share", "memory_mb_per_worker", "radar"}
    )

    catalogue: str = "earth-search"
    """Where scenes are searched, as for the composite."""
    requester_pays: bool = False
    """Whether you agree to pay for transfers from buckets whose reader pays."""
    sensors: tuple[Literal["sentinel2", "landsat"], ...] = Field(("sentinel2", "landsat"), min_length=1)
    """Which satellites; all are brought to the bands of Landsat 8 OLI."""
    max_cloud_cover: float | None = Field(80.0, ge=0, le=100)
    """Scenes that say they have more clouds [percent] are not read; null reads all."""
    grow_m: float = Field(60.0, ge=0, le=5000)
    """Clouds are widened by this distance [m], specks of less than 3 x 3 pixels are not."""
    labels: tuple[str, ...] = ()
    """Files of labelled points or polygons (GPKG, GeoJSON, GeoParquet, CSV) with columns cover [percent] and type."""
    weak_classes: str | None = None
    """A raster of ESA WorldCover classes to learn from where labels are few; stale and supposed, so it counts less."""
    weak_percent: str | None = None
    """A raster of crown cover in percent, such as treecover2000; counts less, too."""
    elevation: str | None = None
    """A raster of heights: height, slope and northness are then learnt from as well; rules do not use them."""
    radar: bool | Literal["auto"] = False
    """Whether winter and summer backscatter of product radar are learnt from as well: auto, as far as the store has
    them; rules do not use them."""
    summer: Days = ("06-10", "09-10")
    """First and last day (month-day) of full leaf; without a scene of it there is no map."""
    spring: Days = ("04-01", "05-05")
    """Snow gone and leaves not out."""
    gold: Days = ("10-01", "10-19")
    """Leaves turning; larch keeps its needles longest."""
    late: Days = ("10-20", "11-30")
    """Leaves down and no lasting snow."""

    @field_validator("summer", "spring", "gold", "late")
    @classmethod
    def _days_are_of_the_year(cls, days: Any) -> Any:
        try:
            # A year without 29 February: that day is not there every year.
            first, last = (date.fromisoformat(f"2001-{day}") for day in days)
        except ValueError as error:
            raise ValueError(f"{days} are no two days; write month-day such as 06-10") from error
        if last < first:
            raise ValueError(f"{days[0]} lies after {days[1]}; a season does not cross New Year: turn them round")
        return days

    block_m: float = Field(2000.0, ge=100, le=100_000)
    """Edge of the blocks [m] that are left out in turn when the map is validated."""
    seed: int = Field(0, ge=0, lt=2**31)
    """The same seed gives the same map."""
    max_missing_share: float = Field(0.2, ge=0, le=1)
    """Share of the expected observations [0 to 1, by area] that may be unreadable before the product is refused."""
    max_mixing_residual: float | None = Field(MOST_RESIDUAL, gt=0, le=1)
    """Largest median difference of reflectance between Sentinel-2 and Landsat, over ground both saw clear within three
    days, that is still one series; above it there is no map. null mixes them without looking."""
    memory_mb_per_worker: int = Field(512, ge=64, le=65536)
    """Memory [MB] for the series of one tile; smaller tiles are read where there are many dates."""


def season_spans(params: ForestParams, period: Period) -> tuple[tuple[str, Span], ...]:
    """Seasons a period's map is made of: those of its year as far as they have begun by its end, then the year before.

    Examples
    --------
    >>> [f"{name} {span}" for name, span in season_spans(ForestParams(), Period("2025-05"))][:2]
    ['summer 2024-06-10 to 2024-09-10', 'spring 2025-04-01 to 2025-05-05']
    """
    spans = []
    for name in SEASONS:
        days = getattr(params, name)
        for year in (period.year, period.year - 1):
            first, last = (date.fromisoformat(f"{year}-{day}") for day in days)
            if first <= period.last_day:
                spans.append((name, Span(first, min(last, period.last_day))))
    return tuple(spans)


def found_scenes(params: ForestParams, workshop: Workshop, period: Period) -> Found:
    """Search the scenes of the seasons, once a run for all forest products with the same settings.

    Raises
    ------
    NoScenes
        If there are none at all.
    NotPossible
        If none is of a summer: a gap of a run and no failure.
    """
    spans = season_spans(params, period)
    windows = (params.summer, params.spring, params.gold, params.late)
    where = (params.catalogue, params.requester_pays, params.sensors, params.max_cloud_cover)
    key = ("forest", str(period), workshop.area.name, windows, where)
    found: Found | None = workshop.found.get(key)
    if found is None:
        whole = Span(min(span.first_day for _, span in spans), max(span.last_day for _, span in spans))
        provider = provider_for(params.catalogue, requester_pays=params.requester_pays)
        every = search(params.sensors, workshop.area, whole, catalogue=provider, max_cloud_cover=params.max_cloud_cover)
        found = replace(every, scenes=tuple(scene for scene in every.scenes if _season_of(scene, spans)))
        workshop.found[key] = found
    if not any(_season_of(scene, spans) == "summer" for scene in found.require().scenes):
        raise NotPossible(
            f"none of {len(found)} scenes for {found.where} is of a summer ({' to '.join(params.summer)}); "
            "without leaves no cover can be told: build a later period, or raise max_cloud_cover"
        )
    return found


def forest_inputs(params: ForestParams, workshop: Workshop, period: Period) -> tuple[Input, ...]:
    """Return what a forest product would be made from now: scenes of its seasons and files of the user."""
    scenes = found_scenes(params, workshop, period).scenes
    radar = radar_inputs(radar_seasons(params.radar, workshop, period))
    return (*(scene_input(scene, workshop) for scene in scenes), *user_files(params, workshop), *radar)


def user_files(params: ForestParams, workshop: Workshop) -> tuple[Input, ...]:
    """Return the files of the user as inputs.

    Raises
    ------
    InputError
        If one is not there.
    """
    files = [(f"labels-{number}", name) for number, name in enumerate(params.labels, 1)]
    named = {"weak-classes": params.weak_classes, "weak-percent": params.weak_percent, "elevation": params.elevation}
    files += [(name, path) for name, path in named.items() if path is not None]
    return tuple(file_input(name, Path(path), workshop) for name, path in files)


def _season_of(scene: Scene, spans: Sequence[tuple[str, Span]]) -> str:
    return next((name for name, span in spans if span.first_day <= scene.solar_day <= span.last_day), "")
