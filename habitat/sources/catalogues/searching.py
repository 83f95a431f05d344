"""Search: which scenes of an area and period a catalogue has, and what became of the ones left out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path
from typing import Any

import shapely

from habitat.contracts.area import Area
from habitat.contracts.errors import CatalogueError, ConfigError, NoScenes
from habitat.contracts.period import Period
from habitat.contracts.scene import Scene
from habitat.contracts.span import Span
from habitat.imagery.sensors import SENSORS
from habitat.sources.catalogues.api import Limits, items_from
from habitat.sources.catalogues.duplicates import newest_only
from habitat.sources.catalogues.footprints import area_outline, touches_area
from habitat.sources.catalogues.items import scene_from_item, sensor_of
from habitat.sources.catalogues.providers import Provider, provider_for
from habitat.sources.catalogues.static_catalogue import items_in


@dataclass(frozen=True)
class FunnelStep:
    """One filter of a search and how many items came through."""

    name: str
    """What was looked at."""
    removed: int
    """Items taken out."""
    left: int
    """Items that remain."""


@dataclass(frozen=True)
class Found:
    """Outcome of a search: the scenes, and an account of everything that was left out.

    Iterates over its scenes.
    """

    scenes: tuple[Scene, ...]
    """Sorted by time and id."""
    dropped: tuple[tuple[str, str], ...]
    """(id, reason) of every item answered that is not among the scenes."""
    funnel: tuple[FunnelStep, ...]
    """The filters in their order."""
    where: str
    """What was searched, in words."""
    provider: Provider = field(repr=False)
    """Whose files the scenes are; wanted again to sign and read them."""

    def __len__(self) -> int:
        return len(self.scenes)

    def __iter__(self) -> Iterator[Scene]:
        return iter(self.scenes)

    def require(self) -> Found:
        """Return itself if there is any scene.

        Raises
        ------
        NoScenes
            If there is none; the text says what was searched and which filter removed how many.
        """
        if self.scenes:
            return self
        answered = self.funnel[0].left if self.funnel else 0
        if not answered:
            story = "the catalogue answered no items at all; check the area, the period and the collections"
        else:
            steps = ", ".join(f"{step.name} removed {step.removed}" for step in self.funnel[1:] if step.removed)
            story = f"the catalogue answered {answered} items, of which {steps}"
            examples = "; ".join(f"{scene}: {reason}" for scene, reason in self.dropped[:3])
            story += f" (for example {examples})" if examples else ""
        raise NoScenes(f"no scenes for {self.where}: {story}")


def search(
    sensors: str | Sequence[str],
    area: Area,
    period: Period | Span,
    *,
    catalogue: str | Path | Provider = "earth-search",
    max_cloud_cover: float | None = None,
    limits: Limits | None = None,
) -> Found:
    """Find the scenes that touch an area in a period, one for every acquisition.

    Whatever the catalogue was asked, each filter is applied again to what it answered. Clouds are judged
    last, so that a superseded copy never stands in for a newer one that is found to be cloudier.

    Parameters
    ----------
    sensors : str or sequence of str
        Names in `habitat.imagery.sensors.SENSORS`.
    area : Area
        Its polygon is the filter; its coordinate system is where touching is judged.
    period : Period or Span
        Half-open, UTC.
    catalogue : str, Path or Provider
        See `provider_for`.
    max_cloud_cover : float, optional
        Scenes with more [%] by metadata are left out; those that say nothing stay.
    limits : Limits, optional
        Patience and size of a search in an API.

    Returns
    -------
    Found
        Perhaps empty; `Found.require` refuses that.

    Raises
    ------
    CatalogueError
        If the catalogue cannot be read.
    UnsafeReference
        If an item of the wanted sensors points where it must not; nothing of such a catalogue is used.
    ConfigError
        If a sensor is unknown or the catalogue does not hold it, or its files cost money not agreed to.
    """
    names = (sensors,) if isinstance(sensors, str) else tuple(sensors)
    provider = provider_for(catalogue)
    collections = _collections(names, provider)
    if max_cloud_cover is not None and not 0 <= max_cloud_cover <= 100:
        raise ConfigError(f"max_cloud_cover is {max_cloud_cover}, wants percent between 0 and 100")
    funnel = _Funnel(_answered(provider, collections, area, period, limits or Limits()))
    scenes = funnel.parse(names, provider)
    scenes = funnel.keep("period", scenes, [period.contains(s.datetime) for s in scenes], "outside the period")
    touching = [bool(touches) for touches in touches_area([s.footprint for s in scenes], area)]
    scenes = funnel.keep("footprint", scenes, touching, "does not touch the area")
    scenes, copies = newest_only(scenes, collections)
    funnel.note("duplicates", copies)
    if max_cloud_cover is not None:
        clear = [s.cloud_cover is None or s.cloud_cover <= max_cloud_cover for s in scenes]
        scenes = funnel.keep("cloud cover", scenes, clear, f"cloud cover above {max_cloud_cover:g} %")
    _refuse_unpaid(scenes, provider)
    asked = f", collections {', '.join(collections)}" if provider.api else ""
    where = (
        f"{', '.join(names)} in {provider.title} ({provider.api or provider.entry}){asked}, "
        f"area {area.name}, {period} ({period.first_day} to {period.last_day} UTC)"
    )
    return Found(tuple(scenes), tuple(funnel.dropped), tuple(funnel.steps), where, provider)


class _Funnel:
    """Account of the filters: nothing leaves without a reason."""

    def __init__(self, items: list[tuple[dict[str, Any], str | Path]]) -> None:
        self.items = items
        self.dropped: list[tuple[str, str]] = []
        self.left = len(items)
        self.steps = [FunnelStep("items answered", 0, self.left)]

    def note(self, name: str, dropped: list[tuple[str, str]]) -> None:
        """Write down what one filter took out."""
        self.dropped += dropped
        self.left -= len(dropped)
        self.steps.append(FunnelStep(name, len(dropped), self.left))

    def keep(self, name: str, scenes: list[Scene], passed: Sequence[bool], reason: str) -> list[Scene]:
        """Keep the scenes that passed."""
        self.note(name, [(scene.id, reason) for scene, good in zip(scenes, passed, strict=True) if not good])
        return [scene for scene, good in zip(scenes, passed, strict=True) if good]

    def parse(self, names: Sequence[str], provider: Provider) -> list[Scene]:
        """Turn items of the wanted sensors into scenes."""
        others: list[tuple[str, str]] = []
        unreadable: list[tuple[str, str]] = []
        scenes = []
        for item, base in self.items:
            label = str(item.get("id"))[:200]
            label = label if label.isprintable() else ascii(label)
            if not isinstance(item.get("properties"), dict):
                unreadable.append((label, "not a STAC item: it has no properties"))
            elif sensor_of(item, provider) not in names:
                others.append((label, f"collection {str(item.get('collection'))[:80]!r} is not asked for"))
            else:
                try:
                    scenes.append(scene_from_item(item, provider, base_href=base))
                except CatalogueError as error:
                    unreadable.append((label, str(error)))
        self.note("collection", others)
        self.note("unreadable items", unreadable)
        return scenes


def _collections(names: Sequence[str], provider: Provider) -> tuple[str, ...]:
    if not names:
        raise ConfigError(f"no sensor is named; known are {', '.join(SENSORS)}")
    for name in names:
        if name not in SENSORS:
            raise ConfigError(f"sensor {name!r} is not known; known are {', '.join(SENSORS)}")
        if not provider.collections.get(name):
            held = ", ".join(sensor for sensor, ids in provider.collections.items() if ids)
            raise ConfigError(f"{provider.title} holds no {name}; it holds {held}")
    return tuple(collection for name in names for collection in provider.collections[name])


def _answered(
    provider: Provider, collections: Sequence[str], area: Area, period: Period | Span, limits: Limits
) -> list[tuple[dict[str, Any], str | Path]]:
    if provider.entry is not None:
        # A saved search may hold one item several times.
        once = {(str(item.get("collection")), str(item.get("id"))): (item, path) for item, path in items_in(provider)}
        return list(once.values())
    start, end = (when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for when in (period.start, period.end))
    answered = items_from(provider, collections, _place(area), f"{start}/{end}", limits)
    return [(item, provider.api) for item in answered]


def _place(area: Area) -> dict[str, Any]:
    west, south, east, north = area_outline(area).bounds
    if west >= -180 and east <= 180:
        return {"bbox": [west, south, east, north]}
    # Servers disagree on boxes across the antimeridian, but all know a shape that is cut there.
    whole = shapely.box(west, south, east, north)
    halves = [
        shapely.transform(shapely.intersection(whole, shapely.box(-180 + turn, -90, 180 + turn, 90)), _turned(turn))
        for turn in (-360, 0, 360)
    ]
    cut = shapely.multipolygons([half for half in halves if half.area > 0])
    return {"intersects": json.loads(shapely.to_geojson(cut))}


def _turned(turn: float) -> Callable[[Any], Any]:
    return lambda coordinates: coordinates - [turn, 0]


def _refuse_unpaid(scenes: Sequence[Scene], provider: Provider) -> None:
    paid = [scene.id for scene in scenes if scene.extras.get("requester_pays")]
    if paid and not provider.requester_pays:
        raise ConfigError(
            f"{len(paid)} scenes, {paid[0]} among them, lie in a bucket whose reader pays for the transfer; take "
            "catalogue planetary-computer, or agree with provider_for(name, requester_pays=True)"
        )
