"""Inputs: how scenes and files of the user stand in the record of what was made from them."""

from __future__ import annotations

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from habitat.contracts import Scene
from habitat.contracts.errors import InputError
from habitat.products.product import Workshop
from habitat.store import Input

_MULTIHASH_SHA256 = "1220"


def scene_input(scene: Scene, workshop: Workshop) -> Input:
    """Return a scene as an input; what turned its numbers into reflectance is part of its identity."""
    bands = {(asset.scale, asset.offset) for asset in scene.bands.values()}
    numbers = "; ".join(f"{scale:g} * DN {offset:+g}" for scale, offset in sorted(bands))
    return Input(
        scene.id, address(scene.source, workshop), scene.baseline or "", "", f"{numbers} ({scene.offset_rule})"
    )


def file_input(name: str, path: Path, workshop: Workshop) -> Input:
    """Return a file of the user as an input: changed bytes are another input, another place is not.

    Parameters
    ----------
    name : str
        What the file is to the product: ``weather``, ``roads``.
    path : Path
        The file, or a folder such as a Zarr store, whose files all count.
    workshop : Workshop
        Addresses are told from its store.

    Raises
    ------
    InputError
        If it is not there or cannot be read.
    """
    if not path.exists():
        raise InputError(f"{name}: there is no {path}; correct the setting, or leave it out")
    try:
        digest = _folder_digest(path) if path.is_dir() else _state_digest(path)
    except OSError as error:
        raise InputError(f"{name}: {path} cannot be read: {error.strerror}") from error
    return Input(name, address(str(path), workshop), "", _MULTIHASH_SHA256 + digest.hex())


def address(source: str, workshop: Workshop) -> str:
    """Return an address; files of this machine are named from the store, so that no record tells where it stands."""
    if not source or "://" in source:
        return source
    return Path(os.path.relpath(source, workshop.store.root)).as_posix()


def _folder_digest(path: Path) -> bytes:
    """SHA-256 of the names and digests of all files of a folder."""
    total = hashlib.sha256()
    for part in sorted(part for part in path.rglob("*") if part.is_file()):
        total.update(part.relative_to(path).as_posix().encode() + b"\0" + _state_digest(part))
    return total.digest()


def _state_digest(path: Path) -> bytes:
    about = path.stat()
    return _digest(path, about.st_size, about.st_mtime_ns)


@lru_cache(maxsize=4096)
def _digest(path: Path, size: int, changed_ns: int) -> bytes:
    """SHA-256 of a file in one state, so that plan and build read it once."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
