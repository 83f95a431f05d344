"""Season hotspots: those of a fire season that may be vegetation fires, and the ground and day of each."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import pandas as pd

from habitat.fire.burns.fire_calendar import FireSeason
from habitat.fire.hotspots import footprints, without_static


@dataclass(frozen=True)
class SeasonHotspots:
    """Hotspots of one season."""

    table: gpd.GeoDataFrame
    """Rows of the list."""
    footprints: gpd.GeoSeries
    """Ground of each [m]."""
    days: list[int]
    """Local solar day of each, as ordinal."""


def season_hotspots(table: gpd.GeoDataFrame, season: FireSeason, crs: str) -> SeasonHotspots:
    """Return the hotspots of a season without static sources.

    Parameters
    ----------
    table : GeoDataFrame
        Hotspots, see `habitat.sources.hotspots.read_hotspots`; all years, for static places show over years.
    season : FireSeason
        The season.
    crs : str
        Projected system in metres for the footprints.
    """
    kept, _ = without_static(table)
    days = pd.to_datetime(kept["solar_day"])
    within = (days >= pd.Timestamp(season.first_day)) & (days <= pd.Timestamp(season.last_day))
    own = kept[within.to_numpy()]
    return SeasonHotspots(own, footprints(own, crs), [pd.Timestamp(day).toordinal() for day in own["solar_day"]])
