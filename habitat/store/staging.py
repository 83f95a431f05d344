"""Stage: a version being built, out of sight until all of it is written, read back and put in place at once."""

from __future__ import annotations

import hashlib
import logging
import math
import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from habitat.contracts.area import Area
from habitat.contracts.errors import ConfigError, HabitatError, PublishError
from habitat.contracts.grid import Grid
from habitat.contracts.legend import Legend
from habitat.contracts.raster_spec import RasterSpec
from habitat.store import catalogue
from habitat.store.cog import CogWriter, WrittenRaster
from habitat.store.disk import json_bytes, read_json, sync_file, sync_folder, write_atomically
from habitat.store.items import StoredFile, stac_item, version_link
from habitat.store.layout import ItemId, Layout
from habitat.store.locks import BuildLock
from habitat.store.provenance import Record, area_digest, software_versions
from habitat.store.published import Published
from habitat.store.styles import qml_style
from habitat.store.verification import verify

log = logging.getLogger(__name__)

STEPS = ("closed", "verified", "filed", "moved", "item", "superseded", "catalogue", "index", "cleaned")
"""What publishing goes through, in order; ``item`` is the commit: readers see the old version before, the new after."""


class Stage:
    """A version of a product under construction; made by `Store.begin`.

    Use it in a ``with`` block: leaving it without `publish` throws the work away and lets go of the lock.
    """

    def __init__(
        self,
        layout: Layout,
        item: ItemId,
        area: Area,
        lock: BuildLock,
        *,
        grid: Grid | None = None,
        previous: Published | None = None,
        on_step: Callable[[str], None] = lambda step: None,
    ) -> None:
        self.id, self.area, self.grid = item, area, grid or area.grid
        self._layout, self._lock, self._previous, self._on_step = layout, lock, previous, on_step
        self._work = layout.work(item)
        self._over = False
        self._rasters: dict[str, tuple[RasterSpec, CogWriter]] = {}
        self._written: dict[str, WrittenRaster] = {}
        self._files: dict[str, tuple[str, str, tuple[str, ...]]] = {}

    def __enter__(self) -> Stage:
        """Return the stage."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    @property
    def version(self) -> int:
        """The version being built."""
        return self.id.version

    def raster(self, spec: RasterSpec, tags: Mapping[str, str] | None = None) -> CogWriter:
        """Begin a raster on the stage's grid; its tiles may come from any thread.

        Parameters
        ----------
        spec : RasterSpec
            Its name becomes the asset key.
        tags : mapping of str to str
            Metadata of the file, added to item, period and software.

        Raises
        ------
        ConfigError
            If the name is taken.
        PublishError
            If the folder cannot be written.
        """
        if self._over:
            raise PublishError(f"{self.id} is published or given up; begin anew")
        self._check_free(spec.name, f"{spec.name}-style")
        fixed = {
            "HABITAT_ITEM": str(self.id),
            "HABITAT_PERIOD": str(self.id.period),
            "TIFFTAG_SOFTWARE": f"habitat {software_versions()['habitat']}",
            "TIFFTAG_IMAGEDESCRIPTION": spec.description or spec.title,
        }
        path = self._work / self.id.file_name(f"{spec.name}.tif")
        writer = CogWriter(path, self.grid, spec, tags=fixed | dict(tags or {}))
        self._rasters[spec.name] = (spec, writer)
        return writer

    def file(self, name: str, *, title: str = "", roles: tuple[str, ...] = ("metadata",)) -> Path:
        """Return where to write a further file, such as ``ledger.json`` or ``quicklook.png``.

        Parameters
        ----------
        name : str
            Short name with ending; what stands before the dot becomes the asset key.
        title : str
            Name for people.
        roles : tuple of str
            STAC roles, e.g. ``("overview",)`` for a picture.

        Raises
        ------
        ConfigError
            If the name cannot stand in a path or is taken.
        """
        key = name.partition(".")[0]
        full = self.id.file_name(name)
        self._check_free(key)
        self._files[key] = (full, title or key, roles)
        return self._work / full

    def _check_free(self, *keys: str) -> None:
        taken = {"record", *self._rasters, *(f"{name}-style" for name in self._rasters), *self._files}
        clash = [key for key in keys if key in taken]
        if clash:
            raise ConfigError(f"{self.id} has an asset {clash[0]!r} already; give each file a name of its own")

    def publish(
        self, record: Record, properties: Mapping[str, Any] | None = None, *, title: str = "", description: str = ""
    ) -> Published:
        """Close, verify and put the version in place; afterwards readers see it whole.

        Parameters
        ----------
        record : Record
            How it was made.
        properties : mapping
            More properties for the STAC item, plain JSON.
        title, description : str
            What the product is, for its collection; empty keeps what stands there.

        Returns
        -------
        Published
            The version now in the store.

        Raises
        ------
        PublishError
            If anything differs from what was written or the disk refuses; the old version stands then.
        ConfigError
            If the record is not of this product, area and period.
        """
        self._check_record(record)
        self._close()
        self._on_step("closed")
        rasters = self._verify()
        self._on_step("verified")
        files = self._write_files(record, rasters)
        before = self._previous.id if self._previous else None
        item = stac_item(self.id, (self.area, self.grid), record, rasters, files, properties or {}, before)
        content = json_bytes(item)
        self._on_step("filed")
        self._move()
        self._on_step("moved")
        write_atomically(self._layout.item(self.id), content)
        self._on_step("item")
        self._follow_up(title, description)
        self.abort()
        self._on_step("cleaned")
        return Published(self._layout, self.id, item)

    def _check_record(self, record: Record) -> None:
        wanted = (self.id.product, self.area.name, str(self.id.period), area_digest(self.area))
        found = (record.product, record.area, record.period, record.area_digest)
        if found != wanted:
            raise ConfigError(f"the record is of {found}, this stage builds {wanted}; make it with area_digest(area)")
        if not self._rasters:
            raise PublishError(f"{self.id} has no raster; write at least one before publishing")
        made = _instant(record.created)
        if self._previous is not None:
            last = _instant(str(self._previous.item["properties"]["created"]))
            if made < last:
                raise PublishError(
                    f"{self.id} says it was made at {record.created}, before version {self._previous.version} "
                    f"({last.isoformat()}); set the clock right and run again"
                )

    def _close(self) -> None:
        for name, (_, writer) in self._rasters.items():
            if name not in self._written:
                self._written[name] = writer.close()

    def _verify(self) -> list[tuple[RasterSpec, WrittenRaster]]:
        rasters = [(spec, self._written[name]) for name, (spec, _) in self._rasters.items()]
        for spec, written in rasters:
            verify(written, self.grid, spec)
        return rasters

    def _write_files(self, record: Record, rasters: list[tuple[RasterSpec, WrittenRaster]]) -> list[StoredFile]:
        """Write styles and record, flush everything and take the checksums."""
        named = {}
        for spec, written in rasters:
            style = written.path.with_suffix(".qml")
            style.write_text(qml_style(spec, shown_legend(spec, written)), encoding="utf-8")
            named[f"{spec.name}-style"] = (style.name, f"QGIS style of {spec.title}", ("style",))
        named["record"] = (self.id.file_name("record.json"), "how this was made", ("metadata",))
        (self._work / named["record"][0]).write_text(record.to_json(), encoding="utf-8")
        return [_stored(self._work, key, *entry) for key, entry in (named | self._files).items()]

    def _move(self) -> None:
        """Put the whole folder in place by one rename; without its item nobody sees it."""
        final = self._layout.folder(self.id)
        try:
            sync_folder(self._work)
            final.parent.mkdir(exist_ok=True)
            if final.is_dir():
                # Left by a run that died before its item: never published, and ours by the lock.
                shutil.rmtree(final)
            self._work.rename(final)
            sync_folder(final.parent)
            sync_folder(self._layout.root)
        except OSError as error:
            raise PublishError(f"cannot put {final} in place: {error.strerror}; the old version stands") from error

    def _follow_up(self, title: str, description: str) -> None:
        """Tell old version, catalogue and index; the new version is in, so a failure here only awaits mending."""

        def attempt(what: Callable[[], object], step: str) -> None:
            try:
                what()
            except (HabitatError, OSError) as error:
                log.warning(
                    "%s is published, but the step %r failed (%s); Store.mend finishes it", self.id, step, error
                )
            self._on_step(step)

        layout, old, new = self._layout, self._previous, self.id
        attempt(lambda: supersede(layout, old.id, new) if old else None, "superseded")
        attempt(
            lambda: catalogue.write_catalogue(layout, new.product, title=title, description=description), "catalogue"
        )
        attempt(lambda: catalogue.write_index(layout), "index")

    def abort(self) -> None:
        """Throw away what is not published and let go of the lock; what is in place stays."""
        if self._over:
            # The lock is gone, and another run may be staging the same version by now.
            return
        self._over = True
        for _, writer in self._rasters.values():
            writer.abort()
        shutil.rmtree(self._work, ignore_errors=True)
        self._lock.release()


def shown_legend(spec: RasterSpec, written: WrittenRaster) -> Legend:
    """Return a raster's legend; one without a range of its own is stretched over two deviations about the mean."""
    legend, numbers, band = spec.styling, written.statistics[0], spec.bands[0]
    if legend.name != "generic" or not math.isfinite(numbers.deviation):
        return legend
    ends = [
        max(numbers.minimum, numbers.mean - 2 * numbers.deviation) * band.scale + band.offset,
        min(numbers.maximum, numbers.mean + 2 * numbers.deviation) * band.scale + band.offset,
    ]
    return legend.stretched(min(ends), max(ends)) if ends[0] != ends[1] else legend


def supersede(layout: Layout, old: ItemId, new: ItemId) -> None:
    """Mark a version as replaced and link it to the next; a second call changes nothing."""
    item = read_json(layout.item(old))
    link = version_link("successor-version", new)
    if item["properties"].get("deprecated") is True and link in item["links"]:
        return
    item["properties"]["deprecated"] = True
    item["links"] = [entry for entry in item["links"] if entry["rel"] != "successor-version"] + [link]
    write_atomically(layout.item(old), json_bytes(item))


def _instant(text: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        when = datetime.min
    if when.tzinfo is None:
        raise ConfigError(f"created is {text!r}, wants an ISO 8601 time with zone such as 2025-06-06T02:00:00Z")
    return when


def _stored(folder: Path, key: str, name: str, title: str, roles: tuple[str, ...]) -> StoredFile:
    path = folder / name
    try:
        sync_file(path)
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return StoredFile(key, name, title, roles, path.stat().st_size, digest)
    except OSError as error:
        raise PublishError(f"{path} was announced and cannot be read ({error.strerror}); write it first") from error
