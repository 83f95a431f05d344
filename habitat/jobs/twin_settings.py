"""Settings of the products on a twin: the files it gives its users, as a run configuration would name them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_FILES = {
    "roads": "vectors/roads.geojson",
    "settlements": "vectors/settlements.geojson",
    "border": "vectors/border.geojson",
    "countries": "vectors/countries.geojson",
    "elevation": "elevation/dem.tif",
}
_HOTSPOTS = ("hotspots/viirs.csv", "hotspots/modis.csv")


def settings_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Return by product the settings that differ from the defaults; the demonstration and the scores build with them.

    The truth is none of the files.

    Parameters
    ----------
    folder : Path
        Folder of a twin.
    """
    catalogue, weather = str(folder / "catalog.json"), str(folder / "weather" / "daily.nc")
    hotspots = tuple(str(folder / path) for path in _HOTSPOTS)
    places = {name: str(folder / path) for name, path in _FILES.items()}
    return {
        # Char is dark and the forest mask takes it for shadow: this one keeps it.
        "composite": {"purpose": "burn", "catalogue": catalogue},
        "fire-weather": {"weather": weather},
        "fire-scars": {"catalogue": catalogue, "hotspots": hotspots},
        "forest-cover": {"catalogue": catalogue},
        "forest-type": {"catalogue": catalogue},
        "forest-change": {"catalogue": catalogue},
        "alerts": {"hotspots": hotspots, "roads": places["roads"]},
        "snow": {"catalogue": catalogue},
        "phenology": {"catalogue": catalogue},
        "radar": {"catalogue": str(folder / "planetary-computer.json")},
        "fire-risk": {"weather": (weather,), "hotspots": hotspots, **places},
    }
