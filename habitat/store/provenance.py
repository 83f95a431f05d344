"""Record: how a product was made, and what has changed since."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import rasterio
import shapely

from habitat.contracts.area import Area
from habitat.contracts.errors import PublishError

_PACKAGES = ("habitat", "numpy", "numba", "xarray", "dask", "rasterio", "pyproj", "shapely", "isal")
_NAMED = 3
_DIGEST = 16


@dataclass(frozen=True)
class Input:
    """One thing a product was made from: a scene, or a product of the store."""

    id: str
    """Scene identifier, or id of a store item."""
    href: str = ""
    """Address of the item itself, never signed; empty if it has none."""
    version: str = ""
    """Version of a store item, or processing baseline of a scene."""
    checksum: str = ""
    """Multihash of a store item's pixels or of a scene's file, if known."""
    radiometry: str = ""
    """Rule by which its numbers became reflectance."""

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """What makes it the same input: not the address, which may move, nor the version if the pixels are known."""
        return self.id, "" if self.checksum else self.version, self.checksum, self.radiometry


@dataclass(frozen=True)
class Record:
    """How one product was made; it travels with the product as JSON.

    Examples
    --------
    >>> record = Record("monthly-change", "hunchun", "abc", "2025-05", "1", created="2025-06-06T00:00:00Z")
    >>> Record.from_json(record.to_json()) == record
    True
    """

    product: str
    """Name of the product."""
    area: str
    """Name of the area."""
    area_digest: str
    """`area_digest` of polygon, grid and zones."""
    period: str
    """Period as text, e.g. 2025-05."""
    method: str
    """Version of the method."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """Every parameter with its value, plain JSON."""
    inputs: tuple[Input, ...] = ()
    """What it was made from."""
    software: Mapping[str, str] = field(default_factory=dict)
    """Versions of the programs that made it."""
    ledger: Mapping[str, Any] = field(default_factory=dict)
    """`Ledger.to_dict` of the expected observations."""
    gaps: tuple[tuple[str, str], ...] = ()
    """What could not be computed, each with its reason."""
    created: str = ""
    """When the run began, ISO 8601 UTC."""
    config_hash: str = ""
    """Digest of the configuration of the run."""

    @property
    def key(self) -> str:
        """Digest of all that decides the pixels; equal keys mean nothing is to be done."""
        return record_key(self.product, self.area_digest, self.period, self.method, self.params, self.inputs)

    def to_json(self) -> str:
        """Return the record as JSON text with sorted keys.

        Raises
        ------
        PublishError
            If a parameter is no plain JSON value, e.g. NaN.
        """
        return _json(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Read a record back.

        Raises
        ------
        PublishError
            If the text is no record.
        """
        try:
            data = json.loads(text)
            data["inputs"] = tuple(Input(**entry) for entry in data["inputs"])
            data["gaps"] = tuple((str(what), str(why)) for what, why in data["gaps"])
            return cls(**data)
        except (ValueError, KeyError, TypeError) as error:
            raise PublishError(f"the text is no record of habitat ({error}); build the product again") from error


def record_key(
    product: str, area: str, period: str, method: str, params: Mapping[str, Any], inputs: Iterable[Input]
) -> str:
    """Return the digest of all that decides a product's pixels, whatever the order of parameters and inputs.

    Parameters
    ----------
    product, period, method : str
        Name, period as text, version of the method.
    area : str
        `area_digest` of the area.
    params : mapping
        Parameters, plain JSON values.
    inputs : iterable of Input
        Scenes and store items.
    """
    listed = sorted(entry.identity for entry in inputs)
    return _digest([product, area, period, method, _plain(params), listed])


def area_digest(area: Area) -> str:
    """Return the digest of an area's grid, outline and zones; titles do not count."""
    grid = area.grid
    zones = sorted((zone.name, _outline(zone.polygon)) for zone in area.zones)
    return _digest([area.name, grid.crs, grid.resolution_m, grid.bounds, _outline(area.polygon), zones])


def _outline(polygon: Any) -> str:
    # The starting corner and direction of a ring are no part of an area.
    return str(shapely.to_wkb(shapely.normalize(polygon), hex=True, output_dimension=2))


def software_versions() -> dict[str, str]:
    """Return the versions of habitat, Python, GDAL and the libraries that touch pixels."""
    versions = {"python": platform.python_version(), "gdal": str(rasterio.__gdal_version__)}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "unknown"
    return dict(sorted(versions.items()))


def changes(old: Record, method: str, params: Mapping[str, Any], inputs: Iterable[Input], area: str) -> list[str]:
    """Tell people why a product is out of date; an empty list means it is current.

    Parameters
    ----------
    old : Record
        How the published product was made.
    method : str
        Version of the method now.
    params : mapping
        Parameters now.
    inputs : iterable of Input
        What it would be made from now.
    area : str
        `area_digest` now.

    Examples
    --------
    >>> old = Record("monthly-change", "hunchun", "abc", "2025-05", "1", {"grow_m": 120}, (Input("S2A_1"),))
    >>> changes(old, "1", {"grow_m": 60}, [Input("S2A_1"), Input("S2B_2")], "abc")
    ['parameters changed (grow_m 120 -> 60)', 'inputs changed (1 new, 0 gone, 0 altered: +S2B_2)']
    """
    reasons = []
    if old.method != method:
        reasons.append(f"method {old.method} -> {method}")
    if old.area_digest != area:
        reasons.append("area or grid changed")
    altered = _parameter_changes(_plain(old.params), _plain(params))
    if altered:
        reasons.append(f"parameters changed ({', '.join(altered)})")
    moved = _input_changes(old.inputs, tuple(inputs))
    if moved:
        reasons.append(moved)
    return reasons


def _parameter_changes(old: Mapping[str, Any], new: Mapping[str, Any], place: str = "") -> list[str]:
    texts: list[str] = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            texts += _parameter_changes(before, after, f"{place}{name}.")
        elif name not in new:
            texts.append(f"{place}{name} {_short(before)} gone")
        elif name not in old:
            texts.append(f"{place}{name} new: {_short(after)}")
        elif before != after:
            texts.append(f"{place}{name} {_short(before)} -> {_short(after)}")
    return texts


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _input_changes(old: tuple[Input, ...], new: tuple[Input, ...]) -> str:
    before, after = {entry.id: entry.identity for entry in old}, {entry.id: entry.identity for entry in new}
    came = [f"+{name}" for name in sorted(after.keys() - before.keys())]
    went = [f"-{name}" for name in sorted(before.keys() - after.keys())]
    altered = [f"~{name}" for name in sorted(before.keys() & after.keys()) if before[name] != after[name]]
    named = [*came[:_NAMED], *went[:_NAMED], *altered[:_NAMED]]
    more = len(came) + len(went) + len(altered) - len(named)
    if not named:
        return ""
    rest = f" and {more} more" if more else ""
    return f"inputs changed ({len(came)} new, {len(went)} gone, {len(altered)} altered: {', '.join(named)}{rest})"


def _json(data: Any, *, indent: int | None = None) -> str:
    try:
        return json.dumps(data, sort_keys=True, allow_nan=False, ensure_ascii=False, indent=indent)
    except (TypeError, ValueError) as error:
        raise PublishError(
            f"the record is not plain JSON ({error}); pass numbers, texts, lists and mappings"
        ) from error


def _plain(data: Any) -> Any:
    """Return data as they would come back from JSON: tuples as lists, keys as texts."""
    return json.loads(_json(data))


def _digest(data: Any) -> str:
    return hashlib.sha256(_json(data).encode()).hexdigest()[: 2 * _DIGEST]
