"""Providers: where each catalogue lives, what it calls its collections, and where its files may lie."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from habitat.contracts.errors import ConfigError

Host = tuple[str, str]
"""Scheme and host (or bucket); a host that begins with a dot stands for everything below it."""

_CATALOGUE_FILES = ("catalog.json", "collection.json")

KNOWN_COLLECTIONS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sentinel2": (
            "sentinel-2-c1-l2a",
            "sentinel-2-l2a",
            "sentinel-2-pre-c1-l2a",
            "sentinel-s2-l2a-cogs",
            "sentinel-s2-l2a",
        ),
        "landsat": ("landsat-c2-l2", "landsat-c2l2-sr"),
        # A catalogue of one's own may hold calibrated, terrain-corrected scenes under the name of the raw ones:
        # their items say the unit, and raw ones are refused for want of it.
        "sentinel1": ("sentinel-1-rtc", "sentinel-1-grd"),
    }
)
"""Collections of surface reflectance and backscatter by the names catalogues give them; the preferred one first."""


@dataclass(frozen=True)
class Provider:
    """A catalogue and the rules under which its links may be followed.

    Raises
    ------
    ConfigError
        If it names neither an API nor a file to begin with, or both.
    """

    name: str
    """Profile: earth-search, planetary-computer, cdse, usgs, stac or folder."""
    title: str
    """Name for people."""
    collections: Mapping[str, tuple[str, ...]]
    """Sensor to collection ids, the preferred one first."""
    hosts: tuple[Host, ...]
    """Where assets may lie."""
    api: str = ""
    """Root of the API, if it is one."""
    entry: Path | None = None
    """File a static catalogue begins with, if it is one."""
    signing: str = ""
    """How hrefs are signed at read time: empty or ``planetary-computer``."""
    token_endpoint: str = ""
    """Where the tokens for signing come from."""
    paid: tuple[str, ...] = ()
    """Beginnings of hrefs whose reader pays for the transfer."""
    requester_pays: bool = False
    """Whether the user has agreed to pay for such transfers."""
    gdal: Mapping[str, str] = field(default_factory=dict)
    """GDAL options its files need; credentials come from the environment and never stand here."""
    plain: re.Pattern[str] = field(init=False, repr=False, compare=False)
    """What an allowed href looks like at a glance; anything else is looked at closely."""

    def __post_init__(self) -> None:
        if bool(self.api) == (self.entry is not None):
            raise ConfigError(f"provider {self.name!r} wants either the address of an API or a catalogue file")
        exact = [re.escape(f"{scheme}://{host}") for scheme, host in self.hosts if not host.startswith(".")]
        path = r"/[A-Za-z0-9_~()=+,@./-]+"
        object.__setattr__(self, "plain", re.compile(f"(?:{'|'.join(exact)}){path}" if exact else r"(?!)"))

    @property
    def root(self) -> Path | None:
        """Folder a static catalogue must not lead out of."""
        return self.entry.parent if self.entry is not None else None

    def collection_rank(self, collection: str) -> int:
        """Place of a collection in this provider's preference, 0 first."""
        ids = [name for names in self.collections.values() for name in names]
        return ids.index(collection) if collection in ids else len(ids)


_EARTH_SEARCH_HOSTS: tuple[Host, ...] = (
    ("https", "sentinel-cogs.s3.us-west-2.amazonaws.com"),
    ("https", "e84-earth-search-sentinel-data.s3.us-west-2.amazonaws.com"),
)
_USGS_BUCKET = "s3://usgs-landsat/"

PROFILES: Mapping[str, Provider] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Provider(
                name="earth-search",
                title="Earth Search by Element 84",
                api="https://earth-search.aws.element84.com/v1",
                # Neither collection is complete, so both are asked and duplicates go; the first says its
                # own scale and offset reliably, so of two equal copies it is kept.
                collections={"sentinel2": ("sentinel-2-c1-l2a", "sentinel-2-l2a"), "landsat": ("landsat-c2-l2",)},
                hosts=(*_EARTH_SEARCH_HOSTS, ("s3", "usgs-landsat")),
                paid=(_USGS_BUCKET,),
                gdal={"AWS_REGION": "us-west-2"},
            ),
            Provider(
                name="planetary-computer",
                title="Microsoft Planetary Computer",
                api="https://planetarycomputer.microsoft.com/api/stac/v1",
                collections={
                    "sentinel2": ("sentinel-2-l2a",),
                    "landsat": ("landsat-c2-l2",),
                    "sentinel1": ("sentinel-1-rtc",),
                },
                hosts=(
                    ("https", "sentinel1euwestrtc.blob.core.windows.net"),
                    ("https", "sentinel2l2a01.blob.core.windows.net"),
                    ("https", "landsateuwest.blob.core.windows.net"),
                ),
                signing="planetary-computer",
                token_endpoint="https://planetarycomputer.microsoft.com/api/sas/v1/token",
            ),
            Provider(
                name="cdse",
                title="Copernicus Data Space Ecosystem",
                api="https://stac.dataspace.copernicus.eu/v1",
                collections={"sentinel2": ("sentinel-2-l2a",)},
                hosts=(("s3", "eodata"),),
                gdal={
                    "AWS_S3_ENDPOINT": "eodata.dataspace.copernicus.eu",
                    "AWS_VIRTUAL_HOSTING": "FALSE",
                    "AWS_HTTPS": "YES",
                },
            ),
            Provider(
                name="usgs",
                title="USGS LandsatLook",
                api="https://landsatlook.usgs.gov/stac-server",
                collections={"landsat": ("landsat-c2l2-sr",)},
                hosts=(("https", "landsatlook.usgs.gov"), ("s3", "usgs-landsat")),
                paid=(_USGS_BUCKET,),
                gdal={"AWS_REGION": "us-west-2"},
            ),
        )
    }
)
"""The catalogues habitat knows by name."""


def provider_for(
    catalogue: str | Path | Provider,
    *,
    requester_pays: bool = False,
    hosts: Iterable[Host] = (),
    collections: Mapping[str, tuple[str, ...]] | None = None,
) -> Provider:
    """Find the provider by profile name, by the address of any STAC API, or by the path of a static catalogue.

    Parameters
    ----------
    catalogue : str, Path or Provider
        ``earth-search``; ``https://…``; or a folder, ``catalog.json``, ``collection.json`` or a file with
        an item collection. A provider is given back with the other arguments applied.
    requester_pays : bool
        Agree to pay for the transfer of files in requester-pays buckets.
    hosts : iterable of (scheme, host), optional
        Further places assets may lie, for an API whose files are not on its own host.
    collections : mapping, optional
        Sensor to collection ids, instead of the profile's.

    Raises
    ------
    ConfigError
        If it is no known name, no address and no file.

    Examples
    --------
    >>> provider_for("earth-search").collections["sentinel2"][0]
    'sentinel-2-c1-l2a'
    >>> provider_for("http://127.0.0.1:8080/").hosts
    (('http', '127.0.0.1:8080'),)
    """
    if isinstance(catalogue, Provider):
        found = catalogue
    elif isinstance(catalogue, str) and catalogue in PROFILES:
        found = PROFILES[catalogue]
    elif isinstance(catalogue, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", catalogue):
        found = _api(catalogue)
    else:
        found = _folder(Path(catalogue))
    return replace(
        found,
        requester_pays=requester_pays or found.requester_pays,
        hosts=(*found.hosts, *hosts),
        collections=found.collections if collections is None else dict(collections),
    )


def _api(address: str) -> Provider:
    root = address.rstrip("/")
    known = next((profile for profile in PROFILES.values() if profile.api == root), None)
    if known is not None:
        return known
    parts = urlsplit(root)
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or parts.query:
        raise ConfigError(
            f"catalogue address {parts.scheme}://{parts.hostname or ''} is not usable; write https://host/path "
            "without user name, password or query"
        )
    # The host the user typed, port and all, is the one place trusted; its files may need `hosts`.
    return Provider(
        name="stac",
        title=parts.netloc,
        api=root,
        collections=dict(KNOWN_COLLECTIONS),
        hosts=((parts.scheme, parts.netloc.lower()),),
    )


def _folder(path: Path) -> Provider:
    entry = path
    if path.is_dir():
        entry = next((path / name for name in _CATALOGUE_FILES if (path / name).is_file()), path)
    if not entry.is_file():
        wanted = "catalog.json or collection.json in it" if path.is_dir() else "file or folder of that name"
        raise ConfigError(
            f"catalogue {str(path)!r} is not known: there is no {wanted}; name a path, an address or one of "
            f"{', '.join(PROFILES)}"
        )
    entry = entry.resolve()
    return Provider(
        name="folder",
        title=entry.parent.name or str(entry),
        entry=entry,
        collections=dict(KNOWN_COLLECTIONS),
        # A saved search names open files by their full address.
        hosts=_EARTH_SEARCH_HOSTS,
    )
