"""Writing so that a reader sees the old file or the new one, and a power cut loses neither."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from habitat.contracts.errors import PublishError


def sync_folder(folder: Path) -> None:
    """Flush a folder's names to the disk, so that a rename outlives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_file(path: Path) -> None:
    """Flush a file that somebody else wrote."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_atomically(path: Path, content: bytes) -> None:
    """Replace a file at once: temporary file beside it, flush, rename, flush the folder.

    Raises
    ------
    PublishError
        If the disk does not take it; the old file stands then.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        part.unlink(missing_ok=True)
        reason = error.strerror or error
        raise PublishError(f"cannot write {path}: {reason}; free space or choose another folder") from error


def json_bytes(data: Any) -> bytes:
    """Return data as JSON text in the order given, without NaN, which JSON does not know."""
    return (json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_json(path: Path) -> Any:
    """Return the data of a JSON file of ours.

    Raises
    ------
    PublishError
        If it cannot be read.
    """
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise PublishError(f"{path} cannot be read ({error}); restore it or build the product again") from error


def check_space(folder: Path, wanted: int) -> None:
    """Refuse to start what would not fit.

    Parameters
    ----------
    folder : Path
        A folder of the file system to be filled.
    wanted : int
        Bytes that must be free.

    Raises
    ------
    PublishError
        If less is free.
    """
    free = shutil.disk_usage(folder).free
    if free < wanted:
        raise PublishError(
            f"{folder} has {free / 1e6:.0f} MB free, this product may need {wanted / 1e6:.0f} MB; "
            "free space or choose another store"
        )
