"""Product: what a deliverable is made from and how; the one file that all products may import."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, ClassVar

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from habitat.contracts import Area, Period
from habitat.contracts.grid import Tile
from habitat.contracts.raster_spec import RasterSpec
from habitat.reports.thumbnail import Thumbnail
from habitat.store import Input, Published, Record, Stage, Store, area_digest, software_versions


class Params(BaseModel):
    """Settings of a product: unknown keys are refused, and the text under a field explains it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, validate_default=True)

    aside: ClassVar[frozenset[str]] = frozenset()
    """Fields that decide no pixel: where inputs come from, and what is refused. Changing them rebuilds nothing."""

    def deciding(self) -> dict[str, Any]:
        """Return the settings that decide pixels, as plain JSON data."""
        return self.model_dump(mode="json", exclude=set(self.aside))


@dataclass(frozen=True)
class Need:
    """Another product that must be there before this one is built."""

    product: str
    """Its name."""
    years_before: int = 0
    """0 for the same period, 1 for the same period of the year before."""
    optional: bool = False
    """Whether this product can be built without it; the absence is then named among its gaps."""


BAND_CENTRES_UM: Mapping[str, float] = MappingProxyType(
    {"coastal": 0.443, "blue": 0.49, "green": 0.56, "red": 0.665, "rededge1": 0.704, "rededge2": 0.741}
    | {"rededge3": 0.783, "nir": 0.842, "nir_narrow": 0.865, "swir1": 1.61, "swir2": 2.19}
)
"""Centre wavelength [µm] of each canonical band."""


def known_names(names: Any, known: Iterable[str], kind: str) -> Any:
    """Return names as they are if all of them are known; for field validators.

    Raises
    ------
    ValueError
        If one is not; the text names the nearest.

    Examples
    --------
    >>> known_names(("nvdi",), ["ndvi", "nbr"], "index")
    Traceback (most recent call last):
    ...
    ValueError: there is no index 'nvdi', did you mean 'ndvi'? There are: ndvi, nbr
    """
    listed = list(known)
    for name in names:
        if name not in listed:
            close = difflib.get_close_matches(str(name), listed, n=1)
            hint = f", did you mean {close[0]!r}?" if close else "."
            raise ValueError(f"there is no {kind} {name!r}{hint} There are: {', '.join(listed)}")
    return names


def _quiet(what: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Workshop:
    """Where products are built: the area, the store, and how many hands there are."""

    area: Area
    """Every raster lies on its grid."""
    store: Store
    """What is built goes here, and what is needed is read from here."""
    workers: int = field(default_factory=lambda: len(os.sched_getaffinity(0)))
    """Threads that read and compute."""
    progress: Callable[[str, int, int], None] = _quiet
    """Told what is being done, how many parts are done and how many there are."""
    config_hash: str = ""
    """Digest of the run's configuration, for the records."""
    found: dict[Any, Any] = field(default_factory=dict)
    """Searches of this run, so that planning and building ask a catalogue once."""


class Sheets:
    """The rasters of a version being built, each with the picture that will stand beside it."""

    def __init__(self, stage: Stage, specs: Sequence[RasterSpec]) -> None:
        self._stage, self._specs = stage, {spec.name: spec for spec in specs}
        self._writers = {spec.name: stage.raster(spec) for spec in specs}
        self._small = {spec.name: Thumbnail(stage.grid, spec) for spec in specs}

    def write(self, name: str, tile: Tile, codes: NDArray[Any]) -> None:
        """Write a tile (band, y, x) of codes of one raster; from any thread."""
        self._writers[name].write(tile, codes)
        self._small[name].add(tile, codes)

    def draw(self, title: str) -> None:
        """Write one PNG a raster; call it when all tiles are written."""
        # Drawing is the last thing done, and what draws takes a second to load: plans and lists need none of it.
        from habitat.reports.quicklook import quicklook

        for name, small in self._small.items():
            spec, grid = self._specs[name], self._stage.grid
            legend = small.legend()
            unknown = small.codes() == spec.nodata if legend.classes else None
            path = self._stage.file(f"{name}-quicklook.png", title=f"{spec.title}, picture", roles=("overview",))
            quicklook(
                path,
                small.picture(),
                title=f"{spec.title} · {title}",
                legend=legend,
                grid=grid,
                units=spec.bands[0].units,
                unknown=unknown,
            )


@dataclass(frozen=True)
class Outcome:
    """What a build left behind."""

    published: Published
    """The new version."""
    summary: str
    """One sentence for people about what the product says."""
    gaps: tuple[tuple[str, str], ...] = ()
    """What could not be made, each with its reason."""
    missing: int = 0
    """Expected observations that could not be read; above zero the product is partial."""


@dataclass(frozen=True)
class Product:
    """A deliverable: its name, its settings, what it needs and how it is built.

    `inputs` answers what it would be made from now; it raises `NotInStore` while a needed product is not
    built yet, and `NoScenes` or another `InputError` if the world has nothing to make it from. `build`
    publishes a version and raises `HabitatError`, in which case nothing was published.
    """

    name: str
    """Lower-case letters, digits and hyphens; it stands in commands, configurations and file names."""
    title: str
    """Name for people."""
    description: str
    """What its rasters say, in one or two sentences."""
    method: str
    """Version of the method; raise it when the same inputs would give other pixels."""
    params: type[Params]
    """Class of its settings."""
    inputs: Callable[[Any, Workshop, Period], tuple[Input, ...]]
    """(params, workshop, period) -> what it would be made from now."""
    build: Callable[[Any, Workshop, Period], Outcome]
    """(params, workshop, period) -> the published version."""
    needs: tuple[Need, ...] = ()
    """Products it reads from the store."""

    def record(
        self,
        params: Params,
        workshop: Workshop,
        period: Period,
        *,
        inputs: tuple[Input, ...],
        ledger: Mapping[str, Any] | None = None,
        gaps: tuple[tuple[str, str], ...] = (),
    ) -> Record:
        """Return the record of one build."""
        return Record(
            product=self.name,
            area=workshop.area.name,
            area_digest=area_digest(workshop.area),
            period=str(period),
            method=self.method,
            params=params.deciding(),
            inputs=inputs,
            software=software_versions(),
            ledger=ledger or {},
            gaps=gaps,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            config_hash=workshop.config_hash,
        )
