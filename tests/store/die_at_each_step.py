"""Kill a builder at each step of publishing, and let a disk run full; print what readers saw, one JSON line each.

Run as a program: it imports once and forks a fresh process for every act, as separate runs would be.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from store_rasters import NODATA, area_of, build, grid_of, index_spec, noise, write_raster

from habitat.contracts.errors import PublishError
from habitat.contracts.period import Period
from habitat.store import Store
from habitat.store.catalogue import catalogue_is_current, index_is_current
from habitat.store.cog import CogWriter
from habitat.store.staging import STEPS

AREA, MAY = area_of(40, 30), Period("2025-05")


def in_own_process(act: Callable[[], object]) -> tuple[int, object]:
    """Return the signal that ended the act, and what it returned."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.write(writing, json.dumps(act()).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        answer = pipe.read()
    status = os.waitpid(child, 0)[1]
    return os.WTERMSIG(status), json.loads(answer) if answer else None


def seen(root: Path) -> dict[str, object]:
    """Tell which pixels a reader gets, whether all files agree with their checksums and what lies about."""
    store = Store(root)
    found = store.get("monthly-change", AREA, MAY)
    ndvi = np.nan_to_num(store.read("monthly-change", AREA, MAY, "ndvi").values * 1e4, nan=NODATA)
    whose = [seed for seed in (1, 2) if np.array_equal(np.rint(ndvi), noise(2, 40, 30, seed)[0])]
    flags = [one.deprecated for one in store.list(every_version=True)]
    current = catalogue_is_current(store.layout, "monthly-change") and index_is_current(store.layout)
    left = [path.name for path in root.rglob("*") if path.name.endswith(".part")]
    staged = [path.name for path in (root / ".work").iterdir()]
    return {
        "version": found.version,
        "pixels": whose,
        "problems": found.problems(),
        "deprecated": flags,
        "current": current,
        "left": left + staged,
    }


def die(step: str) -> Callable[[str], None]:
    def at(reached: str) -> None:
        if reached == step:
            os.kill(os.getpid(), signal.SIGKILL)

    return at


def build_and_die(root: Path, step: str) -> None:
    if step == "tiles":
        real, calls = CogWriter.write, iter(range(1000))

        def dying(self: CogWriter, *what: object) -> None:
            real(self, *what)
            if next(calls) == 1:
                os.kill(os.getpid(), signal.SIGKILL)

        CogWriter.write = dying  # type: ignore[method-assign,assignment]
    build(Store(root, on_step=die(step)), AREA, seed=2, rasters=1)


def mend_twice(root: Path) -> tuple[list[bool], dict[str, object]]:
    store = Store(root)
    return [store.mend("monthly-change", "hunchun"), store.mend("monthly-change", "hunchun")], seen(root)


def rebuild(root: Path) -> dict[str, object]:
    build(Store(root), AREA, seed=2, rasters=1)
    return seen(root)


def fill_disk(folder: Path) -> list[dict[str, object]]:
    """Write a raster over an old one when the spool, and when only the finished file, meets the end of the disk."""
    folder.mkdir()
    path, grid, spec = folder / "a.tif", grid_of(600, 600), index_spec()
    write_raster(path, grid, spec, noise(1, 600, 600, seed=1), block_size=64)
    before, rows = path.read_bytes(), []
    # Directories and frames of the finished file take more than 1000 bytes, which the spool does not hold.
    for limit in (len(before) - 1000, len(before) // 2):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        said = ""
        try:
            write_raster(path, grid, spec, noise(1, 600, 600, seed=2), block_size=64)
        except PublishError as error:
            said = str(error)
        left = [other.name for other in folder.iterdir()]
        rows.append({"said": said, "left": left, "same": path.read_bytes() == before})
    return rows


def main(folder: Path) -> None:
    write_raster(folder / "warm.tif", grid_of(4, 4), index_spec(), noise(1, 4, 4))
    in_own_process(lambda: build(Store(folder / "old"), AREA, seed=1, rasters=1).version)
    _, full = in_own_process(lambda: fill_disk(folder / "full"))
    sys.stdout.write(json.dumps({"step": "full disk", "rows": full}) + "\n")
    for step in ("tiles", *STEPS):
        root = folder / step
        shutil.copytree(folder / "old", root)
        killed, _ = in_own_process(lambda root=root, step=step: build_and_die(root, step))
        _, after = in_own_process(lambda root=root: seen(root))
        mended = None
        if step in STEPS[STEPS.index("item") :]:
            _, mended = in_own_process(lambda root=root: mend_twice(root))
        _, rerun = in_own_process(lambda root=root: rebuild(root))
        row = {"step": step, "killed": killed, "after": after, "mended": mended, "rerun": rerun}
        sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
