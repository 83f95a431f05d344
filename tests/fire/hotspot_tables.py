"""Tables of hotspots for tests, as the reader gives them."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd

CRS = "EPSG:32652"


def hotspots(rows):
    """Return a table; each row tells what differs from one detection of S-NPP at noon, and x and y in degrees."""
    usual = {"when": "2025-04-24 04:00", "sensor": "viirs", "satellite": "N", "confidence": "nominal", "frp_mw": 5.0}
    usual |= {"scan_km": 0.4, "track_km": 0.4, "by_day": True, "kind": 0, "x": 131.0, "y": 43.0}
    table = pd.DataFrame([usual | row for row in rows], columns=list(usual))
    when = pd.to_datetime(table["when"]).astype("datetime64[ns]")
    x = table["x"].to_numpy(float)
    ahead = (x / 15 * 3600e9).round().astype("timedelta64[ns]")
    day = (when.to_numpy() + ahead).astype("datetime64[D]").astype("datetime64[ns]")
    table = table.assign(
        when=when, solar_day=day, kind=table["kind"].astype("Int8"), by_day=table["by_day"].astype(bool)
    )
    for name in ("frp_mw", "scan_km", "track_km"):
        table[name] = table[name].astype(float)
    points = gpd.points_from_xy(x, table["y"].to_numpy(float))
    return gpd.GeoDataFrame(table.drop(columns=["x", "y"]), geometry=points, crs="EPSG:4326")


def kiln(years=range(2020, 2023), x=131.2, y=43.3, step=20, **told):
    """Return rows of a place that is warm every `step` days all year."""
    days = np.arange(f"{min(years)}-01-05", f"{max(years) + 1}-01-01", step, dtype="datetime64[D]")
    jitter = np.tile([-0.001, 0.0, 0.001, 0.0], days.size)[: days.size]
    return [
        {"when": f"{day} 17:00", "x": x + shift, "y": y - shift, "by_day": False, "frp_mw": 1.2, **told}
        for day, shift in zip(days, jitter, strict=True)
    ]
