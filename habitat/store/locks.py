"""Locks: one run at a time builds a product of an area, and the second hears who holds it."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from habitat.contracts.errors import Locked, PublishError
from habitat.store.disk import json_bytes


class BuildLock:
    """The lock of a product and an area; it ends with the process that holds it, however that ends.

    It rests on ``flock`` and so holds on one machine's file systems, not across hosts on NFS.

    Parameters
    ----------
    path : Path
        The lock file; who holds it stands beside it.

    Raises
    ------
    Locked
        If another run holds it.
    """

    def __init__(self, path: Path, *, now: datetime | None = None) -> None:
        self._about = path.with_suffix(".json")
        # Tiles are written by many threads, and any of them may be the last to leave.
        self._lock = FileLock(path, timeout=0, thread_local=False)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout as error:
            raise Locked(f"{path.stem.replace('_', ' of ')} is being built by {self._holder()}; wait for it") from error
        except OSError as error:
            raise PublishError(f"cannot lock {path}: {error.strerror}; check folder and permissions") from error
        started = (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
        # No atomic rename is needed: readers of half a text only lose the name of the holder.
        self._about.write_bytes(json_bytes({"pid": os.getpid(), "since": started}))

    def _holder(self) -> str:
        try:
            about = json.loads(self._about.read_bytes())
            return f"process {about['pid']} since {about['since']}"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._lock.is_locked:
            self._about.unlink(missing_ok=True)
            self._lock.release()
