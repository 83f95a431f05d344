"""The fire event command's work: lists of hotspots in, events for maps, EarthRanger or SMART out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import geopandas as gpd
import numpy as np
import structlog
from shapely.geometry.base import BaseGeometry

from habitat.contracts.errors import ConfigError
from habitat.contracts.grid import Bounds
from habitat.fire.fire_events import fire_events
from habitat.fire.hotspots import LowConfidence, without_static
from habitat.jobs.fire_event_forms import FORMS, FormName, geojson_bytes, geopackage_bytes
from habitat.sources.areas.boundary_files import read_boundary
from habitat.sources.areas.reading import AREAS, read_area
from habitat.sources.hotspots import read_hotspots
from habitat.store.disk import write_atomically

log = structlog.get_logger("habitat.jobs")

MARGIN_DEGREES = 0.25
"""Hotspots so far around an area are read, too: a fire that crosses its border is one event all the same."""

_BOUNDARIES = (".geojson", ".json", ".gpkg", ".parquet", ".geoparquet")
_WRITERS = {".geojson": geojson_bytes, ".json": geojson_bytes, ".gpkg": geopackage_bytes}
_LOW = ("keep", "lonely", "day", "drop")
_WIDEST_DEGREES = 15.0


@dataclass(frozen=True)
class EventSettings:
    """How events are made and for whom.

    Parameters
    ----------
    area : str, optional
        Name of an area, or a file: an area file, or an outline as GeoJSON, GPKG or GeoParquet. Events that touch it
        are kept.
    crs : str, optional
        Projected system in metres that gaps and areas are measured in; without it that of the area, or the UTM zone.
    distance_m, days : float
        Largest gap between footprints [m] and in time [days].
    since : date, optional
        First solar day of events that are written. Older hotspots help to know static sources.
    low_confidence : {'keep', 'lonely', 'day', 'drop'}
        What becomes of detections of low confidence, as in `habitat.fire.hotspots.without_static`.
    keep_static : bool
        Whether static sources stay, those the archive names and those found.
    skip_broken : bool
        Whether rows that cannot be are left out, with a note, instead of an error.
    form : {'gis', 'earthranger', 'smart'}
        What the events are for.
    zone : str
        Clock of the park for EarthRanger and SMART, such as Asia/Vladivostok.
    event_type : str
        Value of the event type at the EarthRanger site.
    """

    area: str | None = None
    crs: str | None = None
    distance_m: float = 1000.0
    days: float = 5.0
    since: date | None = None
    low_confidence: LowConfidence = "lonely"
    keep_static: bool = False
    skip_broken: bool = False
    form: FormName = "gis"
    zone: str = "UTC"
    event_type: str = "fire_rep"


@dataclass(frozen=True)
class EventReport:
    """What became of the lists.

    Parameters
    ----------
    output : Path
        The file that was written.
    rows : dict of str to int
        Rows of the lists by what became of them; together they are all that were read.
    events : int
        Events written.
    crs : str
        System gaps and areas were measured in.
    notes : tuple of str
        What people should know.
    """

    output: Path
    rows: dict[str, int]
    events: int
    crs: str
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        counts = {"rows": self.rows, "events": self.events, "crs": self.crs}
        return {"output": str(self.output), **counts, "notes": list(self.notes)}

    def text(self) -> str:
        """Return everything in lines."""
        told = ", ".join(f"{count} {what}" for what, count in self.rows.items())
        return "\n".join([f"{self.output}: {self.events} fire events", f"rows of the lists: {told}", *self.notes])


def write_fire_events(
    files: Sequence[Path], output: Path, settings: EventSettings | None = None, *, configs: Path = AREAS
) -> EventReport:
    """Read lists of hotspots, take out what is no fire, chain the rest to events and write them.

    Parameters
    ----------
    files : sequence of Path
        CSV files of NASA's fire service, archives and near-real-time lists in any mixture.
    output : Path
        File to write, ``.geojson`` or ``.gpkg``. It appears whole or not at all; an older one is replaced.
    settings : EventSettings, optional
        How and for whom.
    configs : Path
        Folder of the named areas.

    Returns
    -------
    EventReport

    Raises
    ------
    ConfigError
        If a setting is wrong, or the output is one of the lists or of unknown kind.
    InputError
        If a list is not as it should be.
    PublishError
        If the output cannot be written.
    """
    settings = settings or EventSettings()
    write, zone = _writer(files, output, settings), _zone(settings.zone)
    outline, crs = _place(settings, configs)
    read = read_hotspots(files, bounds=_wider(outline), broken="drop" if settings.skip_broken else "error")
    kept, dropped = _sorted_out(read.table, settings)
    crs = crs or _utm(kept)
    found = fire_events(kept, crs, distance_m=settings.distance_m, days=settings.days)
    wanted = _wanted(found.table, outline, settings.since)
    events = found.table[wanted]
    members = int(events["n"].sum())
    rows: Counter[str] = Counter({what: count for what, count in read.counts.items() if what != "kept"})
    rows.update(dropped["reason"])
    rows["beyond the area or before the first day"] = len(kept) - members
    rows["in events"] = members
    told = {what: count for what, count in rows.items() if count or what == "in events"}
    log.info("fire events", read=sum(rows.values()), events=len(events), rows=told)
    write_atomically(output, write(FORMS[settings.form](events, zone, settings.event_type)))
    return EventReport(output, told, len(events), crs, (*read.notes, *_notes(read.table, settings)))


def _writer(files: Sequence[Path], output: Path, settings: EventSettings) -> Any:
    if settings.form not in FORMS:
        raise ConfigError(f"events cannot be written for {settings.form!r}; choose of {', '.join(FORMS)}")
    if settings.low_confidence not in _LOW:
        raise ConfigError(f"low confidence is {settings.low_confidence!r}; choose of {', '.join(_LOW)}")
    kind = output.suffix.lower()
    if kind not in _WRITERS:
        raise ConfigError(f"{output.name} ends in {kind!r}, wants .geojson or .gpkg")
    if settings.form == "earthranger" and kind == ".gpkg":
        raise ConfigError("EarthRanger's events have parts within parts, which GPKG has no place for; write a .geojson")
    if output.resolve() in [file.resolve() for file in files]:
        raise ConfigError(f"{output} is one of the lists to read; choose another file to write")
    return _WRITERS[kind]


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigError(f"there is no time zone {name!r}; write it as Asia/Vladivostok or UTC") from error


def _place(settings: EventSettings, configs: Path) -> tuple[BaseGeometry | None, str | None]:
    """Return the outline of the area and the system to measure in, as far as they are told."""
    if settings.area is None:
        return None, settings.crs
    if Path(settings.area).suffix.lower() in _BOUNDARIES:
        return read_boundary(Path(settings.area)), settings.crs
    area = read_area(settings.area, configs=configs)
    return area.polygon, settings.crs or area.grid.crs


def _wider(outline: BaseGeometry | None) -> Bounds | None:
    if outline is None:
        return None
    west, south, east, north = outline.bounds
    wider = west - MARGIN_DEGREES, south - MARGIN_DEGREES, east + MARGIN_DEGREES, north + MARGIN_DEGREES
    # Outlines that cross the antimeridian run on past 180.
    return wider if wider[2] <= 180 else (wider[0], wider[1], wider[2] - 360, wider[3])


def _sorted_out(table: gpd.GeoDataFrame, settings: EventSettings) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    if settings.keep_static:
        return without_static(table, kinds=(), rule=None, low_confidence=settings.low_confidence)
    return without_static(table, low_confidence=settings.low_confidence)


def _utm(table: gpd.GeoDataFrame) -> str:
    """Return the UTM zone of the middle of all hotspots."""
    if not len(table):
        return "EPSG:32652"
    east, north = (float(np.median(values)) for values in (table.geometry.x, table.geometry.y))
    farthest = float(np.abs((table.geometry.x - east + 180) % 360 - 180).max())
    if farthest > _WIDEST_DEGREES:
        raise ConfigError(
            f"hotspots lie up to {farthest:.0f} degrees of longitude from their middle, too far for one UTM zone; "
            "name an area, or a projected system in metres with crs"
        )
    return f"EPSG:{(32600 if north >= 0 else 32700) + int((east + 180) % 360 // 6) + 1}"


def _wanted(events: gpd.GeoDataFrame, outline: BaseGeometry | None, since: date | None) -> Any:
    wanted = np.ones(len(events), bool)
    if outline is not None and len(events):
        there = gpd.GeoSeries([outline], crs="EPSG:4326").segmentize(MARGIN_DEGREES / 4).to_crs(events.crs)
        wanted &= events.geometry.intersects(there.iloc[0]).to_numpy()
    if since is not None:
        wanted &= (events["last_day"] >= np.datetime64(since)).to_numpy()
    return wanted


def _notes(table: gpd.GeoDataFrame, settings: EventSettings) -> list[str]:
    notes: list[str] = []
    days = table["solar_day"]
    if not settings.keep_static and len(table) and (days.max() - days.min()) < np.timedelta64(300, "D"):
        notes.append(
            "the lists reach over less than ten months: static sources are only known where the archive names them; "
            "add older lists, and say with since from when on events are wanted"
        )
    return notes
