"""Numbers about a twin for people and for tests: what there is, what burnt, what was felled, what was seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from habitat.twin.documents.names import item_id
from habitat.twin.extent import AREA_RESOLUTION_M, grid_of
from habitat.twin.land.clearings import KIND_CODES
from habitat.twin.land.events import Fire, History
from habitat.twin.land.fires import STORY_START
from habitat.twin.land.ignitions import WEST_RATE, WEST_SIZE
from habitat.twin.land.landscape import Country, Cover, landscape_in
from habitat.twin.land.scars import burn_layers
from habitat.twin.sensors.shots import Delivered
from habitat.twin.world import World

_HA_PER_PIXEL = AREA_RESOLUTION_M**2 / 10000


def facts_of(world: World, history: History, delivered: Sequence[Delivered]) -> dict[str, Any]:
    """Return what is true about a twin, as plain JSON data; areas are of the area's 20 m grid [ha]."""
    own = grid_of(world)
    cover: dict[str, float] = defaultdict(float)
    country: dict[str, float] = defaultdict(float)
    lowest, highest = np.inf, -np.inf
    for window in world.area_blocks():
        land = landscape_in(world, window, AREA_RESOLUTION_M)
        for kind in Cover:
            cover[kind.name.lower()] += float(np.count_nonzero(land.cover == kind)) * _HA_PER_PIXEL
        for side in Country:
            country[side.name.lower()] += float(np.count_nonzero(land.country == side)) * _HA_PER_PIXEL
        lowest, highest = min(lowest, float(np.min(land.elevation))), max(highest, float(np.max(land.elevation)))
    return {
        "area": {
            "crs": own.crs,
            "bounds": list(own.bounds),
            "shape": list(own.shape),
            "hectares": round(own.shape[0] * own.shape[1] * _HA_PER_PIXEL, 2),
        },
        "cover_ha": {name: round(hectares, 2) for name, hectares in cover.items()},
        "country_ha": {name: round(hectares, 2) for name, hectares in country.items()},
        "elevation_m": [round(lowest, 1), round(highest, 1)],
        "fires": _fires(history.fires),
        # The west has fewer fires and puts them out sooner.
        "west_against_east": {"fire_rate": WEST_RATE, "fire_size": WEST_SIZE},
        "story_fire": _story(world, history),
        "clearings": {
            # Only some sizes know of windthrow, and the others' facts are not to change.
            kind: number
            for kind in KIND_CODES
            if (number := sum(one.kind == kind for one in history.clearings)) or kind != "windthrow"
        },
        "scenes": [_scene(one) for one in delivered],
    }


def _fires(fires: Sequence[Fire]) -> dict[str, Any]:
    seasons: dict[str, dict[str, float]] = {}
    for fire in fires:
        told = seasons.setdefault(f"{fire.start.year}-{fire.season}", {"fires": 0, "ground_ha": 0.0, "crown_ha": 0.0})
        told["fires"] += 1
        told[f"{fire.kind}_ha"] = round(told[f"{fire.kind}_ha"] + fire.area_ha, 2)
    return {"number": len(fires), "by_season": seasons}


def _story(world: World, history: History) -> dict[str, Any]:
    """Return the one fire every twin has."""
    fire = max((fire for fire in history.fires if fire.start == STORY_START), key=lambda fire: fire.area_ha)
    burnt = fire.burnt
    return {
        "number": fire.number,
        "start": fire.start.isoformat(),
        "area_ha": round(fire.area_ha, 2),
        "mean_severity": round(float(fire.severity[burnt].mean()), 4),
        "inside_area_ha": round(_inside(world, history), 2),
    }


def _inside(world: World, history: History) -> float:
    """Return how much of the area burnt on the story's days [ha]."""
    return sum(
        float(
            np.count_nonzero(
                burn_layers(world, history, window, STORY_START.date(), STORY_START.date() + timedelta(days=5))[0]
            )
        )
        * _HA_PER_PIXEL
        for window in world.area_blocks()
    )


def _scene(one: Delivered) -> dict[str, Any]:
    overpass = one.scene.overpass
    return {
        "id": item_id(one.scene),
        "sensor": overpass.sensor,
        "day": overpass.day,
        "tile": one.scene.frame.tile,
        "provider": one.scene.provider,
        "cloud": overpass.cloud,
        "weather": weather_words(one),
        "superseded": overpass.superseded,
    }


def weather_words(one: Delivered) -> str:
    """Return one line about a scene for people."""
    overpass = one.scene.overpass
    parts = [f"{overpass.day} {overpass.platform}", one.scene.frame.tile or "radar"]
    if overpass.sensor != "sentinel1":
        parts.append(f"cloud {overpass.cloud:.0%}")
        parts += [f"haze {overpass.haze:.1f}"] if overpass.haze else []
        parts += [f"cirrus {overpass.cirrus:.0%}"] if overpass.cirrus else []
    parts += [f"baseline {overpass.baseline}"] if overpass.sensor == "sentinel2" else []
    return ", ".join(parts)


def description(size: str, seed: int, facts: dict[str, Any]) -> str:
    """Return a few lines for people about what was made."""
    rows, columns = facts["area"]["shape"]
    fires, story, low_high = facts["fires"], facts["story_fire"], facts["elevation_m"]
    burnt = {name: told["ground_ha"] + told["crown_ha"] for name, told in fires["by_season"].items()}
    lines = [
        f"made-up landscape, size {size}, seed {seed}: {rows} x {columns} pixels of 20 m, "
        f"{low_high[0]:.0f} to {low_high[1]:.0f} m",
        "cover [ha]: " + ", ".join(f"{name} {hectares:.0f}" for name, hectares in facts["cover_ha"].items()),
        f"fires: {fires['number']}, the story's from {story['start'][:10]} on {story['area_ha']:.1f} ha",
        "burnt [ha]: " + ", ".join(f"{name} {hectares:.0f}" for name, hectares in list(burnt.items())[-6:]),
        "clearings: " + ", ".join(f"{count} {kind}" for kind, count in facts["clearings"].items()),
    ]
    return "\n".join([*lines, *(f"  {scene['id']}: {scene['weather']}" for scene in facts["scenes"])])
