"""Two processes that compile two variants of one kernel at the same moment leave a cache that tells them apart."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numba
import pytest
from numba.core import caching

from habitat.jobs.kernel_files import keep_variants_apart

KERNEL = """
from numba import njit

@njit(cache=True)
def doubled(x):
    return 2 * x
"""
PROCESS = """
import sys
from numba.core.caching import IndexDataCacheFile
import habitat.jobs

def stop_before(step):
    go = getattr(IndexDataCacheFile, step)
    def held(self, *parts):
        print(step, flush=True)
        sys.stdin.readline()
        go(self, *parts)
    setattr(IndexDataCacheFile, step, held)

stop_before("_save_index")
stop_before("_save_data")
from raced_kernel import doubled
print(doubled(eval(sys.argv[1])), flush=True)
"""


class Process:
    """Another interpreter that calls the kernel, and waits before each write to be let on."""

    def __init__(self, folder: Path, number: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROCESS, number],
            cwd=folder,
            env=os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def told(self) -> str:
        return self._process.stdout.readline().strip()

    def let_on(self) -> str:
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.told()

    def end(self) -> None:
        assert self._process.communicate(timeout=60)[0] == ""
        assert self._process.returncode == 0


@pytest.fixture
def kernel(tmp_path, monkeypatch) -> Callable[[], Any]:
    """A folder with a kernel, and what reads it as a process does that begins now."""
    path = tmp_path / "raced_kernel.py"
    path.write_text(KERNEL)
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))

    def read() -> Any:
        spec = spec_from_file_location("raced_kernel", path)
        module = module_from_spec(spec)
        # numba looks a kept kernel's module up by its name.
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        return module.doubled

    return read


def test_two_processes_at_once_leave_each_variant_its_code(tmp_path, kernel):
    whole, real = Process(tmp_path, "21"), Process(tmp_path, "1.5")
    # Both have read an empty index by now. If both named their file alike, the later code would stand for both.
    assert (whole.told(), real.told()) == ("_save_index", "_save_index")
    assert (whole.let_on(), real.let_on()) == ("_save_data", "_save_data")
    assert (real.let_on(), whole.let_on()) == ("3.0", "42")
    whole.end()
    real.end()
    third = kernel()
    assert (third(1.5), third(21)) == (3.0, 42)
    # The index of whole numbers was overwritten by that of the other process: they are compiled once more.
    assert (sum(third.stats.cache_hits.values()), sum(third.stats.cache_misses.values())) == (1, 1)
    kept = [path.name for path in tmp_path.rglob("*.nbc")]
    assert len(set(kept)) == 3
    fourth = kernel()
    assert (fourth(21), fourth(1.5)) == (42, 3.0)
    assert sum(fourth.stats.cache_hits.values()) == 2
    assert [path.name for path in tmp_path.rglob("*.nbc")] == kept


@pytest.mark.parametrize("gone", ["IndexDataCacheFile", "IndexDataCacheFile._data_name"])
def test_another_numba_is_left_alone(monkeypatch, gone):
    monkeypatch.delattr(f"numba.core.caching.{gone}")
    before = dict(vars(caching))
    keep_variants_apart()
    assert vars(caching) == before
    assert not hasattr(getattr(caching, "IndexDataCacheFile", None), "_data_name")
