"""Doctor: whether this machine can do the work, and what to do where it cannot."""

from __future__ import annotations

import math
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numba
import pyproj
import rasterio
import rasterio.warp
import requests
from filelock import FileLock, Timeout

import habitat
from habitat.contracts.errors import ConfigError, HabitatError
from habitat.jobs import listing
from habitat.jobs.config import RUNS, STORE, load, run_names
from habitat.jobs.outcomes import FAILED, anonymous, shown_path
from habitat.products import PRODUCTS, Product
from habitat.sources.areas.reading import AREAS
from habitat.sources.catalogues.providers import Provider, provider_for
from habitat.sources.catalogues.signing import redact
from habitat.sources.gdal_settings import forbidden_drivers_alive
from habitat.store import Store
from habitat.store.disk import write_atomically

Level = Literal["ok", "warn", "fail"]
"""How bad it is."""

_GB = 1e9
_TESTED = (3, 11), (3, 13)
_LITTLE_DISK, _NO_DISK = 5 * _GB, 0.5 * _GB
_LITTLE_MEMORY, _NO_MEMORY = 2 * _GB, 0.7 * _GB
_TIMEOUT_S = 10
_BORN = datetime(2026, 11, 1, tzinfo=UTC)
# Longitude 129 is the middle of zone 52: easting 500 km by definition, and the northing at 43 degrees is 0.9996
# times the meridian arc of WGS 84, 4762719.88 m by Helmert's series.
_LONGITUDE, _LATITUDE, _EASTING, _NORTHING = 129.0, 43.0, 500_000.0, 4_760_814.8


@dataclass(frozen=True)
class Check:
    """What one look found."""

    name: str
    """What was looked at."""
    level: Level
    """How bad it is."""
    found: str
    """What was found."""
    advice: str = ""
    """What to do; empty if all is well."""

    def to_dict(self) -> dict[str, str]:
        """Return the check as plain JSON data."""
        return dict(vars(self))

    def text(self) -> str:
        """Return the check as one line."""
        return f"{self.level:<4}  {self.name}: {self.found}{f'; {self.advice}' if self.advice else ''}"


@dataclass(frozen=True)
class Patient:
    """What is to be looked at."""

    store: Path = Path(STORE)
    """Folder products go to."""
    runs: Path = RUNS
    """Folder of run configurations."""
    areas: Path = AREAS
    """Folder of areas."""
    products: Mapping[str, Product] | None = None
    """Products there are; `habitat.products.PRODUCTS` if left out."""
    online: bool = False
    """Whether catalogues in the network may be asked."""


def examine(patient: Patient) -> list[Check]:
    """Look at everything a run relies on; a look that fails in an unforeseen way is itself a finding."""
    looks: list[tuple[str, Callable[[Patient], Check | list[Check]]]] = [
        ("Python", lambda patient: python()),
        ("GDAL and PROJ", lambda patient: projection()),
        ("drivers", lambda patient: drivers()),
        ("compiler", lambda patient: compiler()),
        ("processors", lambda patient: processors()),
        ("memory", lambda patient: memory()),
        ("clock", lambda patient: clock(Store(patient.store), datetime.now(UTC))),
        ("disk", lambda patient: disk(patient.store)),
        ("store", lambda patient: store(patient.store)),
        ("configurations", configurations),
        ("areas", lambda patient: areas(patient.areas)),
        ("catalogues", catalogues),
    ]
    checks: list[Check] = []
    for name, look in looks:
        try:
            found = look(patient)
        except Exception as error:
            found = Check(name, "fail", f"unexpected {type(error).__name__}: {error}", "reinstall, or report it")
        checks += found if isinstance(found, list) else [found]
    return checks


def exit_code(checks: Iterable[Check]) -> int:
    """Return 0, or 5 if something fails; warnings do not count."""
    return FAILED if any(check.level == "fail" for check in checks) else 0


def python(found: tuple[int, ...] = sys.version_info[:2]) -> Check:
    """Look at the version of Python."""
    text = f"{platform.python_version()} on {platform.system()}"
    if not _TESTED[0] <= found <= _TESTED[1]:
        return Check("Python", "warn", text, "habitat is tested on 3.11 to 3.13; run make setup, which picks one")
    return Check("Python", "ok", text)


def projection(transform: Callable[..., Any] = rasterio.warp.transform) -> Check:
    """Look whether PROJ finds its data, in rasterio and in pyproj, each of which brings its own."""
    versions = f"GDAL {rasterio.__gdal_version__}, PROJ {rasterio.__proj_version__} and {pyproj.proj_version_str}"
    (east,), (north,) = transform("EPSG:4326", "EPSG:32652", [_LONGITUDE], [_LATITUDE])[:2]
    other = pyproj.Transformer.from_crs(4326, 32652, always_xy=True).transform(_LONGITUDE, _LATITUDE)
    wanted = (_EASTING, _NORTHING)
    for name, found in (("rasterio", (east, north)), ("pyproj", other)):
        if not all(math.isclose(value, want, abs_tol=1.0) for value, want in zip(found, wanted, strict=True)):
            told = f"{versions}; {name} puts 129 E 43 N at {found[0]:.0f} {found[1]:.0f} of EPSG:32652"
            return Check("GDAL and PROJ", "fail", told, "unset PROJ_LIB, PROJ_DATA and GDAL_DATA, or run make setup")
    return Check("GDAL and PROJ", "ok", versions)


def drivers() -> list[Check]:
    """Look whether the drivers that are needed are there, and those that are forbidden are not."""
    with rasterio.Env() as env:
        registered = env.drivers()
    checks = []
    alive = forbidden_drivers_alive()
    if alive:
        advice = "rasterio was used before habitat.sources was imported; start afresh"
        checks.append(Check("forbidden drivers", "fail", f"{', '.join(alive)} can open foreign files", advice))
    if "GTiff" not in registered:
        checks.append(Check("drivers", "fail", "GTiff is missing", "take it out of GDAL_SKIP, or run make setup"))
    if "JP2OpenJPEG" not in registered:
        advice = "files of the Copernicus Data Space cannot be read; run make setup"
        checks.append(Check("drivers", "warn", "JP2OpenJPEG is missing", advice))
    return checks or [Check("drivers", "ok", "GTiff and JP2OpenJPEG are there, forbidden ones are not")]


def compiler() -> Check:
    """Look whether numba compiles, and where it may keep what it compiled."""
    doubled = numba.njit(lambda number: 2 * number)(21)
    if doubled != 42:
        return Check("compiler", "fail", f"numba says that twice 21 is {doubled}", "run make setup")
    kept = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(kept) if kept else Path(habitat.__file__).parent
    version = f"numba {numba.__version__}"
    if not os.access(_existing(folder), os.W_OK):
        advice = "every run compiles anew (about 20 s); set NUMBA_CACHE_DIR to a folder that can be written"
        return Check("compiler", "warn", f"{version}, but {folder} cannot be written", advice)
    return Check("compiler", "ok", f"{version}, its cache can be written")


def processors() -> Check:
    """Look at how many processors this process may use."""
    allowed = len(os.sched_getaffinity(0))
    return Check("processors", "ok", f"{allowed} of {os.cpu_count() or allowed} may be used")


def memory(information: Path = Path("/proc/meminfo")) -> Check:
    """Look at the memory that is free."""
    try:
        words = dict(line.split(":", 1) for line in information.read_text(encoding="ascii").splitlines())
        free = int(words["MemAvailable"].split()[0]) * 1024
    except (OSError, ValueError, KeyError):
        return Check("memory", "ok", "this system does not tell")
    text = f"{free / _GB:.1f} GB free"
    if free < _NO_MEMORY:
        return Check("memory", "fail", text, "close programs, or set workers: 1")
    if free < _LITTLE_MEMORY:
        return Check("memory", "warn", text, "a run takes about 0.6 GB and more with many workers; set workers lower")
    return Check("memory", "ok", text)


def clock(kept: Store, now: datetime) -> Check:
    """Look whether the clock is past everything that was published."""
    text = f"{now:%Y-%m-%d %H:%M} UTC"
    if now < _BORN:
        return Check("clock", "fail", text, f"that is before habitat was written ({_BORN:%Y-%m}); set the clock")
    try:
        made = [datetime.fromisoformat(one.item["properties"]["created"]) for one in kept.list()]
    except (HabitatError, ValueError, KeyError) as error:
        return Check("clock", "warn", f"{text}; the store's dates cannot be read ({error})", "run habitat verify")
    if made and now < max(made) - timedelta(minutes=1):
        told = f"{text}, but something was published at {max(made):%Y-%m-%d %H:%M}"
        return Check("clock", "fail", told, "set the clock; nothing newer is replaced by something older")
    return Check("clock", "ok", text)


def disk(folder: Path) -> Check:
    """Look at the space that is free where products go."""
    free = shutil.disk_usage(_existing(folder)).free
    text = f"{free / _GB:.1f} GB free at {shown_path(folder)}"
    if free < _NO_DISK:
        return Check("disk", "fail", text, "free space or choose another store")
    if free < _LITTLE_DISK:
        return Check("disk", "warn", text, "a month of a large area may take several GB; free space")
    return Check("disk", "ok", text)


def store(folder: Path) -> Check:
    """Look whether the store's file system flushes, renames and locks as publishing needs it."""
    place = _existing(folder)
    text = shown_path(folder)
    if not place.is_dir():
        return Check("store", "fail", f"{shown_path(place)} is a file", "choose a folder for the store")
    try:
        with tempfile.TemporaryDirectory(prefix=".doctor-", dir=place) as work:
            path = Path(work) / "probe.json"
            write_atomically(path, b"old")
            write_atomically(path, b"new")
            if path.read_bytes() != b"new":
                return Check("store", "fail", f"{text} gives back other bytes than were written", "check the disk")
            locked = _locks_hold(Path(work) / "probe.lock")
    except (OSError, HabitatError) as error:
        return Check("store", "fail", f"{text} cannot be used ({error})", "check permissions or choose another store")
    if not locked:
        advice = "keep the store on a disk of this machine; two runs at once would not notice each other"
        return Check("store", "fail", f"{text} does not hold locks", advice)
    there = "" if folder.is_dir() else "; the folder will be made by the first run"
    return Check("store", "ok", f"{text} can be written, flushed, renamed and locked{there}")


def _locks_hold(path: Path) -> bool:
    with FileLock(path, timeout=0, is_singleton=False):
        try:
            FileLock(path, timeout=0, is_singleton=False).acquire()
        except Timeout:
            return True
    return False


def _existing(path: Path) -> Path:
    path = path.expanduser().absolute()
    return next(one for one in (path, *path.parents) if one.exists())


def configurations(patient: Patient) -> list[Check]:
    """Look whether every run configuration is valid."""
    try:
        rows = listing.configurations(products=patient.products, configs=patient.runs)
    except ConfigError as error:
        return [Check("configurations", "warn", str(error))]
    wrong = [Check("configurations", "fail", row["problem"], "mend the file") for row in rows if not row["valid"]]
    return wrong or [Check("configurations", "ok", ", ".join(row["config"] for row in rows))]


def areas(folder: Path) -> list[Check]:
    """Look whether every area is valid."""
    rows = listing.areas(folder)
    if not rows:
        return [Check("areas", "warn", f"none in {folder}", "go to the folder of the checkout, or write one")]
    wrong = [Check("areas", "fail", row["problem"], "mend the file") for row in rows if "problem" in row]
    return wrong or [Check("areas", "ok", ", ".join(row["area"] for row in rows))]


def catalogues(patient: Patient) -> list[Check]:
    """Look whether the catalogues that the configurations name can be reached; in the network only if allowed."""
    known = PRODUCTS if patient.products is None else patient.products
    named: dict[str, None] = {}
    for name in run_names(patient.runs):
        try:
            config = load(name, products=known, configs=patient.runs)
        except ConfigError:
            continue
        named |= {str(found): None for one in config.products.values() if (found := getattr(one, "catalogue", None))}
    return [_catalogue(name, online=patient.online) for name in named]


def _catalogue(name: str, *, online: bool) -> Check:
    about = f"catalogue {redact(name)}"
    try:
        provider = provider_for(name)
    except ConfigError as error:
        advice = "run habitat demo to make it" if "twin" in name else "mend the configuration"
        return Check(about, "warn", str(error), advice)
    if provider.entry is not None:
        return Check(about, "ok", "is on this disk")
    if not online:
        return Check(about, "ok", "is in the network and was not asked; --online does")
    return _reached(about, provider)


def _reached(about: str, provider: Provider) -> Check:
    try:
        answer = requests.get(str(provider.api), timeout=_TIMEOUT_S, allow_redirects=False, stream=True)
        answer.close()
    except requests.RequestException as error:
        advice = "check the connection and the proxy settings"
        return Check(about, "fail", f"cannot be reached ({type(error).__name__})", advice)
    if answer.status_code != requests.codes.ok:
        return Check(about, "fail", f"answers HTTP {answer.status_code}", "try again later, or ask the provider")
    return Check(about, "ok", "answers")


def report(checks: Iterable[Check], root: Path) -> list[dict[str, str]]:
    """Return checks as plain JSON data that can be sent to somebody: no absolute paths, no secrets."""
    told: list[dict[str, str]] = anonymous([check.to_dict() for check in checks], root)
    return told
