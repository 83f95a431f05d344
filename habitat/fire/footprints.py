"""Footprints: the ground a satellite saw when it took something for fire, as rectangles along its flight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from habitat.contracts.errors import ConfigError

_WGS84 = "EPSG:4326"
_EARTH_M = 6371_008.8
_INCLINATION = 98.5
"""Inclination of the orbits of Terra and Aqua (98.2) and of the VIIRS satellites (98.7) [degrees]."""
_STEP_DEGREES = 1e-3
_SCALE_ERROR = 0.05
_HALF_M_PER_KM = 500.0
Floats: TypeAlias = NDArray[np.float64]


def scan_azimuth(table: gpd.GeoDataFrame) -> Floats:
    """Return the direction a scan runs in, clockwise from north [radians], up to half a turn.

    It lies across the flight: the track of a satellite with inclination i leans from the meridian by asin(cos i / cos
    latitude), to the west where it flies north and likewise where it flies south, mirrored. Terra flies south by day,
    the others north.
    """
    north = np.radians(table.geometry.y.to_numpy())
    lean = np.arcsin(np.clip(np.cos(np.radians(_INCLINATION)) / np.cos(north), -1, 1))
    # By the sun and not by the list's day and night, which follow the height of the sun and fail in polar summers.
    hour = (table["when"].to_numpy() - table["when"].to_numpy().astype("datetime64[D]")) / np.timedelta64(1, "h")
    by_day = np.abs((hour + table.geometry.x.to_numpy() / 15) % 24 - 12) < 6
    climbs = by_day != (table["satellite"] == "Terra").to_numpy()
    azimuth: Floats = np.where(climbs, lean, -lean) + np.pi / 2
    return azimuth


@dataclass(frozen=True, eq=False)
class Rectangles:
    """Footprints as centres [m], half sides along the scan and along the track [m], and direction of the scan.

    The direction is counter-clockwise from the x axis [radians]; all arrays are (row,).
    """

    x: Floats
    y: Floats
    half_scan: Floats
    half_track: Floats
    angle: Floats

    def polygons(self, rows: Sequence[int] | NDArray[np.int64] | slice = slice(None)) -> NDArray[np.object_]:
        """Return some of them as polygons, counter-clockwise."""
        cos, sin = np.cos(self.angle[rows]), np.sin(self.angle[rows])
        ring = np.empty((cos.size, 5, 2))
        for corner, (u, v) in enumerate(((-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1))):
            along, across = u * self.half_scan[rows], v * self.half_track[rows]
            ring[:, corner, 0] = self.x[rows] + along * cos - across * sin
            ring[:, corner, 1] = self.y[rows] + along * sin + across * cos
        polygons: NDArray[np.object_] = shapely.polygons(ring)
        return polygons


def rectangles(table: gpd.GeoDataFrame, crs: str) -> Rectangles:
    """Return the footprints of hotspots as rectangles on a map in metres.

    Raises
    ------
    ConfigError
        If the system is not in metres, or its metres are none where the hotspots lie.
    """
    there = metric_system(crs)
    turn = Transformer.from_crs(_WGS84, there, always_xy=True).transform
    east, north = table.geometry.x.to_numpy(), table.geometry.y.to_numpy()
    x, y = (np.asarray(values, np.float64) for values in turn(east, north))
    # The step is taken towards the equator, where no pole is in the way.
    step = np.where(north > 0, -_STEP_DEGREES, _STEP_DEGREES)
    dx, dy = (np.asarray(values, np.float64) for values in turn(east, north + step))
    dx, dy = (dx - x) / step, (dy - y) / step
    _check_scale(np.hypot(dx, dy), crs)
    northwards = np.arctan2(dy, dx)
    half_scan, half_track = (table[name].to_numpy(np.float64) * _HALF_M_PER_KM for name in ("scan_km", "track_km"))
    return Rectangles(x, y, half_scan, half_track, northwards - scan_azimuth(table))


def footprints(table: gpd.GeoDataFrame, crs: str) -> gpd.GeoSeries:
    """Return the ground each hotspot was seen on: one rectangle of scan by track, laid along the flight.

    A detector sees somewhat beyond its pixel, and pixels of neighbouring scans overlap towards the ends: footprints are
    where the heat was most likely, not where it was for certain.

    Parameters
    ----------
    table : GeoDataFrame
        Hotspots, points in EPSG:4326.
    crs : str
        Projected system in metres, such as that of an area's grid.

    Returns
    -------
    GeoSeries
        Polygons [m] with the index of the table; the area of each is scan times track.

    Raises
    ------
    ConfigError
        If the system is not in metres, or its metres are none where the hotspots lie.
    """
    return gpd.GeoSeries(rectangles(table, crs).polygons(), index=table.index, crs=crs)


def metric_system(crs: str) -> CRS:
    """Return a projected coordinate system.

    Raises
    ------
    ConfigError
        If there is none of this name, or it is not in metres.
    """
    try:
        system = CRS.from_user_input(crs)
    except CRSError as error:
        raise ConfigError(f"there is no coordinate system {crs!r}; give a code such as EPSG:32652") from error
    units = {axis.unit_name for axis in system.axis_info}
    if not system.is_projected or units != {"metre"}:
        raise ConfigError(f"{crs} is in {', '.join(sorted(units))}, wants a projected system in metres: EPSG:32652")
    return system


def _check_scale(metres_per_degree: Floats, crs: str) -> None:
    if not metres_per_degree.size:
        return
    scale = float(np.median(metres_per_degree)) / (np.pi / 180 * _EARTH_M)
    if not abs(scale - 1) <= _SCALE_ERROR:
        found = f"{scale:.2f} m long" if np.isfinite(scale) else "off its map"
        raise ConfigError(f"a metre of {crs} is {found} where the hotspots lie; choose the UTM zone of the place")
