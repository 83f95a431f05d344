"""Making a twin on disk: scenes with their STAC catalogues, tables and vectors, the truth beside it, a marker last."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from habitat.contracts.area import Area
from habitat.contracts.errors import ConfigError
from habitat.twin import extent
from habitat.twin.facts import description, facts_of
from habitat.twin.land.history import history_of
from habitat.twin.land.seasons import seasons_of
from habitat.twin.listing import write_catalogues
from habitat.twin.programme import scenes_of
from habitat.twin.published import write_published
from habitat.twin.quirks import NO_QUIRKS, Quirks
from habitat.twin.scenes import Progress, Studio, estimated_bytes, shoot
from habitat.twin.truth import write_truth
from habitat.twin.world import SizeName, World, world_of

MARKER = "twin.json"
"""File that says what a folder holds; it is written last, so a folder that has it is complete."""
_FORMAT = 2
_MOST_WORKERS = 8


@dataclass(frozen=True)
class TwinCatalogue:
    """A twin on disk."""

    root: Path
    """Folder of the twin."""
    size: SizeName
    """Name of its size."""
    seed: int
    """Seed it was drawn from."""
    facts: dict[str, Any]
    """What is true about it: burnt hectares, land cover, one entry per scene."""

    @property
    def catalog(self) -> Path:
        """STAC catalogue to hand to a search, in the shapes of Earth Search."""
        return self.root / "catalog.json"

    @property
    def planetary_computer(self) -> Path:
        """STAC catalogue in the shapes of the Planetary Computer; it has the radar."""
        return self.root / "planetary-computer.json"

    @property
    def usgs(self) -> Path:
        """STAC catalogue in the shape of USGS; Landsat alone."""
        return self.root / "usgs.json"

    @property
    def truth(self) -> Path:
        """Folder of the truth; nothing a product reads lies there."""
        return self.root / "truth"

    @property
    def area(self) -> Area:
        """Area of the twin."""
        return extent.area(self.size, self.seed)

    def describe(self) -> str:
        """Return a few lines for people about what was made."""
        return description(self.size, self.seed, self.facts)


def make(
    output: Path,
    *,
    size: SizeName = "tiny",
    seed: int = 1,
    quirks: Quirks = NO_QUIRKS,
    workers: int | None = None,
    progress: Progress | None = None,
) -> TwinCatalogue:
    """Write a twin into a folder of its own.

    Parameters
    ----------
    output : Path
        Folder to make; it may be missing or empty.
    size : {'tiny', 'series', 'demo', 'full'}
        Area of 44, 132, 700 or 6,500 pixels of 20 m a side.
    seed : int
        The same seed, size and quirks give the same bytes, whatever the number of workers.
    quirks : Quirks
        What is to be wrong with the catalogue.
    workers : int, optional
        Threads that draw scenes; as many as there are processors by default, at most eight.
    progress : callable, optional
        Told how far it is.

    Returns
    -------
    TwinCatalogue
        Where it is and what is true about it.

    Raises
    ------
    ConfigError
        If the size, the seed or a quirk is unknown, the folder is not empty or cannot be written, or the disk
        has less room than the twin is estimated to need.
    """
    world = world_of(size, seed)
    root = Path(output).expanduser().resolve()
    _refuse_occupied(root)
    _refuse_full_disk(root, world)
    history = history_of(world)
    studio = Studio(
        world, history, seasons_of(world, history.weather), quirks, workers or min(os.cpu_count() or 1, _MOST_WORKERS)
    )
    scenes = scenes_of(world, history.weather, quirks)
    with _built_aside(root) as folder:
        delivered = shoot(studio, folder, scenes, progress)
        write_catalogues(folder, world, delivered, quirks)
        write_published(folder, world, history)
        write_truth(folder / "truth", studio)
        facts = facts_of(world, history, delivered)
        files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in _files(folder)}
        told = {"format": _FORMAT, "size": size, "seed": seed, "quirks": quirks.to_dict()}
        _write_json(folder / MARKER, told | {"facts": facts, "files": files})
    return TwinCatalogue(root, size, seed, facts)


def find(output: Path) -> TwinCatalogue:
    """Return the twin in a folder.

    Raises
    ------
    ConfigError
        If the folder holds none, or a damaged one.
    """
    root = Path(output).expanduser().resolve()
    return _checked(root, _told(root))


def find_or_make(output: Path, *, size: SizeName, seed: int = 1, progress: Progress | None = None) -> TwinCatalogue:
    """Return the twin of a size and seed in a folder, made now if the folder is free.

    Raises
    ------
    ConfigError
        If the folder holds something else, or the twin cannot be made.
    """
    root = Path(output).expanduser().resolve()
    if not (root / MARKER).is_file():
        try:
            return make(root, size=size, seed=seed, progress=progress)
        except ConfigError:
            # Another process may have put the same twin there meanwhile.
            if not (root / MARKER).is_file():
                raise
    told = _told(root)
    wanted = {"format": _FORMAT, "size": size, "seed": seed, "quirks": NO_QUIRKS.to_dict()}
    differing = [
        f"{key} {told.get(key)!r} instead of {value!r}" for key, value in wanted.items() if told.get(key) != value
    ]
    if differing:
        raise ConfigError(f"{root} holds another twin: {'; '.join(differing)}; name another folder or delete this one")
    return _checked(root, told)


def _told(root: Path) -> dict[str, Any]:
    marker = root / MARKER
    if not marker.is_file():
        raise ConfigError(f"{root} holds no finished twin; make one with: habitat twin make --output {root}")
    try:
        told = json.loads(marker.read_text(encoding="utf-8"))
        if told["format"] != _FORMAT:
            raise ConfigError(
                f"{marker} is of format {told['format']}, wants {_FORMAT}; delete the folder and make the twin again"
            )
        return {**told, "facts": dict(told["facts"]), "files": dict(told["files"]), "seed": int(told["seed"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{marker} is not a twin's marker ({error}); name another folder") from error


def _checked(root: Path, told: dict[str, Any]) -> TwinCatalogue:
    # A twin without its truth is whole for everything but scores.
    damaged = [
        name
        for name, length in told["files"].items()
        if not name.startswith("truth/") and _length(root / name) != length
    ]
    if damaged:
        raise ConfigError(f"the twin in {root} is damaged, e.g. {damaged[0]}; delete the folder and make it again")
    return TwinCatalogue(root, told["size"], told["seed"], told["facts"])


def _refuse_occupied(root: Path) -> None:
    if root.exists() and not root.is_dir():
        raise ConfigError(f"{root} is a file, wants a folder for the twin; name another one")
    if root.is_dir() and any(root.iterdir()):
        held = "holds a twin already" if (root / MARKER).is_file() else "is not empty"
        raise ConfigError(f"{root} {held}; name a new folder or empty this one")


def _refuse_full_disk(root: Path, world: World) -> None:
    there = root
    while not there.exists():
        there = there.parent
    free, wanted = shutil.disk_usage(there).free, estimated_bytes(world)
    if free < wanted:
        raise ConfigError(
            f"{there} has {free / 1e6:,.0f} MB free, a twin of size {world.size.name} may need {wanted / 1e6:,.0f} MB; "
            "free space or name a folder on another disk"
        )


def _length(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() else None


@contextmanager
def _built_aside(root: Path) -> Iterator[Path]:
    """Give a folder to build in and move it into place when everything is written."""
    aside: Path | None = None
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f".{root.name}.", dir=root.parent))
        aside.chmod(0o755)
        yield aside
        if root.exists():
            root.rmdir()
        aside.rename(root)
    except OSError as error:
        raise ConfigError(f"cannot write the twin to {root}: {error}; free space or name another folder") from error
    finally:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content) + "\n", encoding="utf-8")
