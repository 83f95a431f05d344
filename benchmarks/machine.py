"""Machine: what a benchmark ran on and what it took; standard library only, for the environments of peers."""

from __future__ import annotations

import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any


def memory_mb(key: str) -> float:
    """Return a figure of this process [MB]: ``VmRSS`` now, ``VmHWM`` at its highest.

    Raises
    ------
    RuntimeError
        If the kernel does not tell it.
    """
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"/proc/self/status has no {key}; the benchmark wants Linux")


def processors() -> list[str]:
    """Return the model of each processor."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models or [platform.machine()]


def version_of(package: str) -> str:
    """Return the version of an installed package, or ``absent``."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def median_of(runs: Sequence[Mapping[str, Any]], key: str) -> float:
    """Return the median of one figure over runs."""
    return float(statistics.median(run[key] for run in runs))


def peer_there(contender: str, package: str, python: str) -> bool:
    """Tell whether an environment has a peer's package, and say so if it has none."""
    asked = [python, "-c", f"import importlib.util as u, sys; sys.exit(u.find_spec({package!r}) is None)"]
    there = subprocess.run(asked, capture_output=True, check=False).returncode == 0
    if not there:
        sys.stderr.write(f"{contender} is left out: {python} has no {package}; give --peer-python\n")
    return there


def answered(
    contender: str, command: Sequence[str], environment: Mapping[str, str], folder: Path, patience_s: float
) -> Any:
    """Run a contender in a process of its own and return the JSON of its last line.

    Raises
    ------
    SystemExit
        If it fails.
    """
    try:
        done = subprocess.run(
            command, cwd=folder, env=dict(environment), capture_output=True, text=True, check=True, timeout=patience_s
        )
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no word"])[-1]
        raise SystemExit(f"{contender} failed: {reason}") from error
    return json.loads(done.stdout.splitlines()[-1])
