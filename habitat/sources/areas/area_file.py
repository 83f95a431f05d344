"""The content of an area file: which keys there are, what they mean, and everything that is wrong with one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from habitat.contracts.errors import ConfigError
from habitat.contracts.grid import check_metre_crs
from habitat.sources.safe_yaml import read_yaml

_LON_LIMIT, _LAT_LIMIT = 360.0, 90.0
_OUTLINE_KEYS = ("polygon", "bbox", "boundary_file")
_MOST_LINES = 40
_NAME = r"^[a-z][a-z0-9-]{0,62}$"


def coordinate_problems(points: Iterable[Sequence[float]]) -> list[str]:
    """Return what is wrong with points of longitude and latitude, at most one line per kind of mistake.

    Examples
    --------
    >>> coordinate_problems([(131.2, 43.1), (43.1, 131.2)])
    ['point 2 has latitude 131.2, beyond 90 degrees; the order is longitude, latitude: are they swapped?']
    """
    problems: dict[str, str] = {}
    longitudes = []
    for number, (longitude, latitude) in enumerate(points, start=1):
        longitudes.append(longitude)
        if abs(longitude) > _LON_LIMIT or abs(latitude) > _LON_LIMIT:
            problems.setdefault(
                "metres",
                f"point {number} is ({longitude}, {latitude}), wants degrees; these look like metres: convert them to "
                "longitude and latitude, or use grid.bounds for projected bounds",
            )
        elif abs(latitude) > _LAT_LIMIT:
            problems.setdefault(
                "swapped",
                f"point {number} has latitude {latitude}, beyond 90 degrees; the order is longitude, latitude: "
                "are they swapped?",
            )
    if not problems and longitudes and max(longitudes) - min(longitudes) > 180:
        problems["wrapped"] = (
            f"longitudes run from {min(longitudes)} to {max(longitudes)}; if the outline crosses 180 degrees, "
            "let them run on past it, e.g. 178, 179, 181"
        )
    return list(problems.values())


def _check_ring(ring: list[list[float]]) -> list[list[float]]:
    problems = [
        f"point {number} has {len(point)} numbers, wants longitude and latitude"
        for number, point in enumerate(ring, start=1)
        if len(point) != 2
    ]
    problems = problems[:1] or coordinate_problems(ring)
    if len({tuple(point) for point in ring}) < 3:
        problems.append("has fewer than three different points, wants at least three")
    if problems:
        raise ValueError("; ".join(problems))
    return ring


def _check_depth(polygon: object) -> object:
    first = polygon[0] if isinstance(polygon, list) and polygon else None
    if isinstance(first, list) and first and isinstance(first[0], int | float):
        raise ValueError("is a list of points, wants a list of rings; put one more pair of brackets around it")
    return polygon


def _check_bbox(box: list[float]) -> list[float]:
    west, south, east, north = box
    problems = coordinate_problems([(west, south), (east, north)])
    if west >= east:
        problems.append(f"west {west} is not less than east {east}; past the antimeridian write e.g. 178 to 181")
    if south >= north:
        problems.append(f"south {south} is not less than north {north}; the order is west, south, east, north")
    if problems:
        raise ValueError("; ".join(problems))
    return box


def _check_crs(crs: str) -> str:
    try:
        check_metre_crs(crs)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return crs


def _check_relative(path: str) -> str:
    if "://" in path or path.startswith(("/", "~")) or Path(path).is_absolute():
        raise ValueError(f"found {path!r}, wants a file's path relative to this file's folder; copy the file there")
    return path


Ring = Annotated[list[list[float]], AfterValidator(_check_ring)]
Word = str | int | float
Metres = Annotated[float, Field(ge=-1e8, le=1e8)]


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class OutlineSection(_Section):
    """One of three ways to give an outline."""

    polygon: Annotated[Annotated[list[Ring], Field(min_length=1)] | None, BeforeValidator(_check_depth)] = None
    """Rings of [longitude, latitude]: the outer one first, then holes. Longitudes may run on past 180."""
    bbox: Annotated[list[float], Field(min_length=4, max_length=4), AfterValidator(_check_bbox)] | None = None
    """West, south, east, north in degrees."""
    boundary_file: Annotated[str, AfterValidator(_check_relative)] | None = None
    """GPKG, GeoJSON or GeoParquet file, relative to the area file; its outlines are joined."""
    layer: str | None = None
    """Layer of a GPKG that has several."""
    where: dict[str, Word | list[Word]] | None = None
    """Column to value, or list of values: only these outlines of the file are taken."""


class GridSection(_Section):
    """The raster grid every product of the area lies on."""

    crs: Annotated[str, AfterValidator(_check_crs)]
    """Projected coordinate system in metres, e.g. EPSG:32652."""
    resolution_m: Annotated[float, Field(ge=0.01, le=1e6)]
    """Pixel size [m]."""
    origin: Annotated[list[Metres], Field(min_length=2, max_length=2)] | None = None
    """A pixel corner x, y [m] the grid is laid through; 0, 0 if left out."""
    bounds: Annotated[list[Metres], Field(min_length=4, max_length=4)] | None = None
    """Exact west, south, east, north [m]; without them the outline's bounds, widened to whole pixels."""


class ZoneSection(OutlineSection):
    """A part of the area that is reported apart, such as one park or one country's side."""

    name: Annotated[str, Field(pattern=_NAME)]
    """Lower-case letters, digits and hyphens."""
    title: str = ""
    """Name for people."""
    country: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""
    """Two-letter ISO 3166 code."""
    boundary: str = ""
    """Where the outline comes from and of which date; the area's if left out."""


class AreaFile(OutlineSection):
    """A named outline, its grid and its zones."""

    name: Annotated[str, Field(pattern=_NAME)]
    """Lower-case letters, digits and hyphens; it becomes part of file names."""
    title: str = ""
    """Name for people."""
    boundary: Annotated[str, Field(min_length=1)]
    """Where the outline comes from and of which date."""
    grid: GridSection
    """Coordinate system, resolution and perhaps bounds."""
    zones: list[ZoneSection] = []
    """Parts that are reported apart."""


_HINTS = {
    "name": "lower-case letters, digits and hyphens, e.g. hunchun",
    "title": "text, e.g. Land of the Leopard",
    "boundary": "text that says origin and date, e.g. drawn 2026-11-22 from published extents",
    "polygon": "a list of rings, each a list of [longitude, latitude]: [[[131, 43], [131.5, 43], [131, 43.5]]]",
    "bbox": "[west, south, east, north] in degrees",
    "boundary_file": "a path relative to this file, e.g. ../../data/boundaries/park.gpkg",
    "layer": "the name of one layer of the boundary file",
    "where": "column and value, e.g. {PARK: Land of the Leopard}",
    "grid": "a section with crs and resolution_m",
    "crs": "a projected system in metres, e.g. EPSG:32652",
    "resolution_m": "a number of metres from 0.01 on, e.g. 20",
    "origin": "[x, y] in metres",
    "bounds": "[west, south, east, north] in metres",
    "zones": "a list of sections, each with a name and an outline",
    "country": "two capital letters, e.g. RU",
}


def read_area_file(path: Path) -> AreaFile:
    """Read and check an area file.

    Raises
    ------
    ConfigError
        With every problem on a line of its own: key, what was found, what is wanted.
    """
    content = read_yaml(path)
    problems = _outline_problems(content, "", needs_one="bounds" not in (_mapping(content.get("grid")) or {}))
    problems += _grid_problems(_mapping(content.get("grid")) or {})
    zones = content.get("zones")
    for number, zone in enumerate(zones if isinstance(zones, list) else []):
        if isinstance(zone, dict):
            problems += _outline_problems(zone, f"zones[{number}].", needs_one=True)
    problems += _zone_name_problems(zones)
    try:
        area = AreaFile.model_validate(content)
    except ValidationError as error:
        found = [_sentence(dict(one)) for one in error.errors(include_url=False)]
        problems = list(dict.fromkeys(found + problems))
        raise ConfigError(problem_text(path, problems)) from error
    if problems:
        raise ConfigError(problem_text(path, problems))
    return area


def problem_text(path: Path, problems: Sequence[str]) -> str:
    """Return one error text out of all problems of a file."""
    plural = "" if len(problems) == 1 else "s"
    lines = [*problems[:_MOST_LINES]]
    lines += [f"and {len(problems) - _MOST_LINES} more"] if len(problems) > _MOST_LINES else []
    return f"{path} has {len(problems)} problem{plural}:" + "".join(f"\n- {line}" for line in lines)


def _mapping(value: object) -> Mapping[str, Any] | None:
    return value if isinstance(value, dict) else None


def _outline_problems(section: Mapping[str, Any], at: str, *, needs_one: bool) -> list[str]:
    given = [key for key in _OUTLINE_KEYS if section.get(key) is not None]
    problems = []
    if len(given) > 1:
        problems.append(f"{at}{given[1]}: {' and '.join(given)} are both given; keep one of them")
    if not given and needs_one:
        name = at.rstrip(".") or "the area"
        problems.append(f"{name}: has no outline; give one of {', '.join(_OUTLINE_KEYS)}")
    if "boundary_file" not in given:
        problems += [
            f"{at}{key}: belongs to boundary_file, which is not given; remove it or name the file"
            for key in ("layer", "where")
            if section.get(key) is not None
        ]
    return problems


def _grid_problems(grid: Mapping[str, Any]) -> list[str]:
    if grid.get("bounds") is not None and grid.get("origin") is not None:
        return ["grid.origin: bounds are given too and say where the pixels lie; keep one of them"]
    return []


def _zone_name_problems(zones: object) -> list[str]:
    seen: set[str] = set()
    problems = []
    for number, zone in enumerate(zones if isinstance(zones, list) else []):
        name = (_mapping(zone) or {}).get("name")
        if isinstance(name, str) and name in seen:
            problems.append(f"zones[{number}].name: {name!r} is the name of an earlier zone; every zone needs its own")
        if isinstance(name, str):
            seen.add(name)
    return problems


def _sentence(found: dict[str, Any]) -> str:
    """Return one problem pydantic met as: key, what was found, what to write."""
    where = list(found["loc"])
    # Below 'where' pydantic lists every type it tried; one line is enough.
    where = where[: where.index("where") + 1] if "where" in where else where
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".") or "the file"
    if where and isinstance(where[-1], int) and where[0] == "zones" and len(where) == 2:
        return f"{key}: found {found['input']!r}, wanted a section with a name and an outline"
    named = next((part for part in reversed(where) if isinstance(part, str) and part in _HINTS), "")
    if found["type"] == "missing":
        return f"{key}: is missing; write {_HINTS.get(named, 'it')}"
    if found["type"] == "extra_forbidden":
        return f"{key}: no such key; {_similar(where)}"
    if found["type"] == "value_error":
        return f"{key}: {found['ctx']['error']}"
    value = repr(found["input"])
    shown = value if len(value) <= 60 else value[:57] + "..."
    return f"{key}: found {shown}, wanted {_HINTS.get(named, found['msg'].lower())}"


def _similar(where: Sequence[str | int]) -> str:
    section: type[BaseModel] = AreaFile
    if where[0] == "grid":
        section = GridSection
    elif where[0] == "zones":
        section = ZoneSection
    keys = list(section.model_fields)
    if len(where) == 1:
        keys = list(AreaFile.model_fields)
    close = difflib.get_close_matches(str(where[-1]), keys, n=1)
    return f"did you mean {close[0]}?" if close else f"keys are {', '.join(keys)}"
