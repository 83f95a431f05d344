"""Reading areas: the outline an area file gives, its zones, and the grid around it."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import shapely
from pyproj import CRS
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from habitat.contracts.area import Area, Zone
from habitat.contracts.errors import ConfigError
from habitat.contracts.grid import Bounds, Grid
from habitat.sources.areas.area_file import AreaFile, GridSection, OutlineSection, problem_text, read_area_file
from habitat.sources.areas.boundary_files import WGS84, projected, read_boundary, sound, unwrapped

AREAS = Path("configs/areas")
"""Folder of the area files that can be named without a path."""
_MAX_PIXELS = 10**10
_PIECES = 64
_ZONE_WIDTH = 6.0
_FULL_TURN = 360.0


def read_area(path_or_name: str | Path, *, configs: Path = AREAS) -> Area:
    """Read an area by name or from a file.

    Parameters
    ----------
    path_or_name : str or Path
        A bare name means ``configs/areas/NAME.yaml``; anything with a folder or the ending ``.yaml`` is a path.
    configs : Path
        Folder of the named areas.

    Returns
    -------
    Area
        Outline in WGS 84 and the grid around it.

    Raises
    ------
    ConfigError
        If there is no such area, or with everything that is wrong with its file.
    """
    path = _area_path(str(path_or_name), configs)
    told = read_area_file(path)
    if path.parent == configs and told.name != path.stem:
        raise ConfigError(f"{path} calls its area {told.name!r}; name the area after its file, {path.stem!r}")
    return _area(told, path)


def area_names(configs: Path = AREAS) -> list[str]:
    """Return the names of the areas in a folder, sorted."""
    return sorted(path.stem for path in configs.glob("*.yaml")) if configs.is_dir() else []


def _area_path(text: str, configs: Path) -> Path:
    if "/" in text or "\\" in text or text.endswith((".yaml", ".yml")):
        path = Path(text)
        if not path.is_file():
            raise ConfigError(f"there is no area file {text!r}; check the path, or name one of {_listed(configs)}")
        return path
    path = configs / f"{text}.yaml"
    if not text or not path.is_file():
        close = difflib.get_close_matches(text, area_names(configs), n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise ConfigError(
            f"there is no area {text!r}; {hint}areas are {_listed(configs)}; for a file of your own give its path"
        )
    return path


def _listed(configs: Path) -> str:
    return ", ".join(area_names(configs)) or f"none (looked in {configs})"


def _area(told: AreaFile, path: Path) -> Area:
    """Build outline, grid and zones, and gather what is wrong with any of them."""
    problems: list[str] = []

    def tried(key: str, make: Callable[[], Any]) -> Any:
        try:
            return make()
        except ConfigError as error:
            problems.append(f"{key}: {error}")
            return None

    given = _given(told)
    polygon = tried(
        given or "grid.bounds", partial(_outline, told, path.parent) if given else partial(_rectangle, told.grid)
    )
    zones = []
    for number, zone in enumerate(told.zones):
        key = f"zones[{number}].{_given(zone)}"
        outline = tried(key, partial(_outline, zone, path.parent))
        if outline is not None and polygon is not None and not outline.intersects(polygon):
            problems.append(f"{key}: zone {zone.name!r} lies outside the area; check its coordinates")
        zones.append((zone, outline))
    grid = tried("grid", partial(_grid, told.grid, polygon)) if polygon is not None else None
    if problems or polygon is None or grid is None:
        raise ConfigError(problem_text(path, problems))
    return Area(
        name=told.name,
        polygon=polygon,
        grid=grid,
        title=told.title,
        boundary=told.boundary,
        zones=tuple(
            Zone(zone.name, outline, zone.title, zone.country, zone.boundary or told.boundary)
            for zone, outline in zones
        ),
    )


def _given(section: OutlineSection) -> str:
    return next((key for key in ("polygon", "bbox", "boundary_file") if getattr(section, key) is not None), "")


def _outline(section: OutlineSection, folder: Path) -> BaseGeometry:
    if section.polygon is not None:
        return sound(Polygon(section.polygon[0], section.polygon[1:]))
    if section.bbox is not None:
        return box(*section.bbox)
    return read_boundary(folder / str(section.boundary_file), layer=section.layer, where=section.where)


def _rectangle(told: GridSection) -> BaseGeometry:
    """Return exact projected bounds as an outline in WGS 84, with points along the edges where they bend."""
    bounds = Grid(told.crs, told.resolution_m, _bounds(told.bounds)).bounds
    shortest = min(bounds[2] - bounds[0], bounds[3] - bounds[1])
    turned = projected(shapely.segmentize(box(*bounds), shortest / 4), told.crs, WGS84)
    if not all(math.isfinite(value) for value in turned.bounds):
        raise ConfigError(f"bounds {bounds} lie off the map of {told.crs}; the unit is metres")
    return unwrapped(turned)


def _bounds(values: list[float] | None) -> Bounds:
    west, south, east, north = values or (0.0, 0.0, 0.0, 0.0)
    return float(west), float(south), float(east), float(north)


def _grid(told: GridSection, polygon: BaseGeometry) -> Grid:
    """Return the grid with the given bounds, or around the projected outline."""
    _check_place(told.crs, polygon)
    on_map = projected(_dense(polygon), WGS84, told.crs)
    if not all(math.isfinite(value) for value in on_map.bounds):
        raise ConfigError(f"the outline {polygon.bounds} cannot be projected to {told.crs}; choose a nearer system")
    if told.bounds is not None:
        grid = Grid(told.crs, told.resolution_m, _bounds(told.bounds))
        if not on_map.intersects(box(*grid.bounds)):
            raise ConfigError(f"bounds {grid.bounds} do not touch the outline; leave them out to have them computed")
    else:
        origin = (told.origin[0], told.origin[1]) if told.origin else (0.0, 0.0)
        grid = Grid.around(on_map.bounds, told.crs, told.resolution_m, origin)
    rows, columns = grid.shape
    if rows * columns > _MAX_PIXELS:
        raise ConfigError(
            f"resolution_m {told.resolution_m} makes {rows} x {columns} pixels, more than {_MAX_PIXELS:.0e}; "
            "choose coarser pixels or a smaller outline"
        )
    return grid


def _dense(polygon: BaseGeometry) -> BaseGeometry:
    # A straight line in degrees is bent in metres: without points along it the bounds would cut it off.
    west, south, east, north = polygon.bounds
    return shapely.segmentize(polygon, max(east - west, north - south) / _PIECES)


def _check_place(crs: str, polygon: BaseGeometry) -> None:
    """Refuse a coordinate system made for another part of the world, where its metres are none."""
    use = CRS.from_user_input(crs).area_of_use
    if use is None:
        return
    west, south, east, north = polygon.bounds
    longitude, latitude = (west + east) / 2, (south + north) / 2
    width = (use.east - use.west) % _FULL_TURN or _FULL_TURN
    past_west = (longitude - use.west) % _FULL_TURN
    away = 0.0 if past_west <= width else min(past_west - width, _FULL_TURN - past_west)
    if away > _ZONE_WIDTH or not use.south - _ZONE_WIDTH <= latitude <= use.north + _ZONE_WIDTH:
        zone = int(((longitude + 180) % _FULL_TURN) // _ZONE_WIDTH) + 1
        raise ConfigError(
            f"crs {crs} is made for {use.west} to {use.east} E, {use.south} to {use.north} N, the outline lies at "
            f"{longitude:.2f} E, {latitude:.2f} N; try EPSG:{(32600 if latitude >= 0 else 32700) + zone}"
        )
