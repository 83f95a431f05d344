"""Making a twin on disk: a static STAC catalogue of scenes, the truth beside it, and a marker written last."""

from __future__ import annotations

import json
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
from habitat.twin.items import COLLECTION, FILES, catalog_of, collection_of, item_of
from habitat.twin.landscape import made_up_landscape
from habitat.twin.plan import NO_QUIRKS, Quirks, Size, SizeName, is_superseded, passes_of, size_of, touched_assets
from habitat.twin.scenes import Shot, shoot, write_cog
from habitat.twin.truth import facts_of, write_truth

MARKER = "twin.json"
"""File that says what a folder holds; it is written last, so a folder that has it is complete."""
_FORMAT = 1


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
        """STAC catalogue to hand to a search."""
        return self.root / "catalog.json"

    @property
    def truth(self) -> Path:
        """Folder of the truth rasters, on the area's grid."""
        return self.root / "truth"

    @property
    def area(self) -> Area:
        """Area of the twin."""
        return extent.area(self.size)

    def describe(self) -> str:
        """Return a few lines for people about what was made."""
        facts = self.facts
        rows, columns = facts["area"]["shape"]
        burn = facts["burn"]
        lines = [
            f"made-up landscape, size {self.size}, seed {self.seed}: {rows} x {columns} pixels of 20 m",
            f"burnt {burn['area_ha']:.1f} ha on {burn['day']}",
            "cover [ha]: " + ", ".join(f"{name} {hectares:.0f}" for name, hectares in facts["cover_ha"].items()),
        ]
        return "\n".join([*lines, *(f"  {scene['id']}: {scene['weather']}" for scene in facts["scenes"])])


def make(output: Path, *, size: SizeName = "tiny", seed: int = 1, quirks: Quirks = NO_QUIRKS) -> TwinCatalogue:
    """Write a twin, or find the same one already there.

    Parameters
    ----------
    output : Path
        Folder to make; it may be missing, empty, or hold the same twin.
    size : {'tiny', 'small', 'demo'}
        Area of 64, 256 or 600 pixels of 20 m a side.
    seed : int
        The same seed, size and quirks give the same pixels and documents.
    quirks : Quirks
        What is to be wrong with the catalogue.

    Returns
    -------
    TwinCatalogue
        Where it is and what is true about it.

    Raises
    ------
    ConfigError
        If the size or a quirk is unknown, the folder holds something else, or it cannot be written.
    """
    quirks.check({scene.day for scene in passes_of(size_of(size))})
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"seed is {seed!r}, wants a whole number from 0 on")
    root = Path(output).expanduser().resolve()
    wanted = {"format": _FORMAT, "size": size, "seed": seed, "quirks": quirks.to_dict()}
    facts = _facts_already_there(root, wanted)
    if facts is None:
        try:
            with _built_aside(root) as folder:
                facts = _write(folder, size, seed, quirks)
                files = {path.relative_to(folder).as_posix(): path.stat().st_size for path in _files(folder)}
                _write_json(folder / MARKER, wanted | {"facts": facts, "files": files})
        except ConfigError:
            # Another process may have put the same twin there meanwhile.
            facts = _facts_already_there(root, wanted)
            if facts is None:
                raise
    return TwinCatalogue(root, size, seed, facts)


def _facts_already_there(root: Path, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """Return the facts of the same twin if the folder holds it whole, None if the folder is free."""
    if not root.exists():
        return None
    if not root.is_dir():
        raise ConfigError(f"{root} is a file, wants a folder for the twin; name another one")
    if not any(root.iterdir()):
        return None
    marker = root / MARKER
    if not marker.is_file():
        raise ConfigError(f"{root} is not empty and holds no finished twin; name another folder or empty this one")
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
        facts, files = dict(found["facts"]), dict(found["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"{marker} is not a twin's marker ({error}); name another folder") from error
    differing = [
        f"{key} {found.get(key)!r} instead of {value!r}" for key, value in wanted.items() if found.get(key) != value
    ]
    if differing:
        raise ConfigError(f"{root} holds another twin: {'; '.join(differing)}; name another folder or delete this one")
    damaged = [name for name, length in files.items() if _length(root / name) != length]
    if damaged:
        raise ConfigError(f"the twin in {root} is damaged, e.g. {damaged[0]}; delete the folder and make it again")
    return facts


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


def _write(folder: Path, size: SizeName, seed: int, quirks: Quirks) -> dict[str, Any]:
    wanted = size_of(size)
    landscape = made_up_landscape(seed, wanted.pixels)
    items, told = [], []
    for scene in passes_of(wanted):
        shot = shoot(landscape, scene, seed, quirks)
        item = item_of(shot, wanted.pixels, quirks)
        _deliver(folder / COLLECTION / item["id"], shot, item, wanted, quirks)
        items.append(item)
        told.append(
            {
                "id": item["id"],
                "day": scene.day,
                "weather": shot.scene.weather,
                "cloud_cover": item["properties"]["eo:cloud_cover"],
                "superseded": is_superseded(scene),
            }
        )
        # Two shots at once would double the memory of the largest twin.
        del shot
    _write_json(folder / COLLECTION / "collection.json", collection_of(items))
    _write_json(folder / "catalog.json", catalog_of(extent.area_mapping(size)["name"]))
    write_truth(folder / "truth", landscape, size)
    return facts_of(landscape, size) | {"scenes": told}


def _deliver(place: Path, shot: Shot, item: dict[str, Any], size: Size, quirks: Quirks) -> None:
    place.mkdir(parents=True)
    lost = touched_assets(quirks.lost_files, shot.scene)
    for key in item["assets"]:
        if key not in lost:
            write_cog(place / f"{FILES[key][0]}.tif", shot.pixels[key], shot.crs, shot.transforms[key], size)
    _write_json(place / f"{item['id']}.json", item)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
