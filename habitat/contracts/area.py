"""Area: a named polygon with its grid and its zones."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from shapely.geometry.base import BaseGeometry

from habitat.contracts.errors import ConfigError
from habitat.contracts.grid import Grid

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True)
class Zone:
    """A named part of an area, such as one park or one country's side."""

    name: str
    """Lower-case name with hyphens."""
    polygon: BaseGeometry
    """Outline in WGS 84 longitude and latitude."""
    title: str = ""
    """Name for people."""
    country: str = ""
    """ISO 3166 code of the country the zone lies in."""
    boundary: str = ""
    """Where the outline comes from and of which date."""


@dataclass(frozen=True)
class Area:
    """A named polygon and the one grid all its rasters lie on.

    Raises
    ------
    ConfigError
        If the name cannot stand in a file name or the polygon is empty.
    """

    name: str
    """Lower-case letters, digits and hyphens; it becomes part of file names."""
    polygon: BaseGeometry
    """Outline in WGS 84 longitude and latitude."""
    grid: Grid
    """CRS, resolution and bounds of every product."""
    title: str = ""
    """Name for people."""
    boundary: str = ""
    """Where the outline comes from and of which date."""
    zones: tuple[Zone, ...] = field(default=())
    """Parts of the area that are reported apart."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ConfigError(
                f"area name {self.name!r} cannot stand in file names; use lower-case letters, digits and hyphens"
            )
        if self.polygon.is_empty:
            raise ConfigError(f"area {self.name!r} has an empty polygon")
