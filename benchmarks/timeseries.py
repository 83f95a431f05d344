"""Season models and monitors of a stack: habitat and nrt in alternating rounds, each run in its own process.

python -m benchmarks.timeseries
python -m benchmarks.timeseries --peer-python some/venv/bin/python --rounds 3 --write
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import answered, median_of, memory_mb, peer_there, processors, version_of
from benchmarks.table import write_report

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "methods" / "monitors.md"
CONTENDERS = ("nrt-1", "nrt-2", "habitat-1", "habitat-2", "habitat-2-once")
"""nrt and habitat on one thread and on two, fit and then one call for each date; and habitat on two threads with one
call for all dates. The Python package bfast cannot be installed any more: its build wants OpenCL."""
DATES, HISTORY = 200, 120
GAPS, BROKEN, STEP, NOISE = 0.35, 0.2, 0.25, 0.03
FIRST_DAY, EVERY = "2015-01-05", 11
_PATIENCE_S = 1800
_WARM = 16

Stack = NDArray[np.float32]
Answer = dict[str, Any]


def made_up(size: int) -> tuple[Stack, NDArray[np.bool_]]:
    """Return a stack (time, y, x) of a season with noise and gaps, and where a step lies at the 150th date."""
    rng = np.random.default_rng(0)
    years = (days() - np.datetime64("2015-01-01")).astype(float) / 365.25
    stack = NOISE * rng.standard_normal((DATES, size, size), dtype=np.float32)
    stack += (0.6 + 0.2 * np.sin(2 * np.pi * years)).astype(np.float32)[:, None, None]
    broken = rng.random((size, size)) < BROKEN
    stack[150:, broken] -= np.float32(STEP)
    for layer in stack:
        layer[rng.random((size, size), dtype=np.float32) < GAPS] = np.nan
    return stack, broken


def days() -> NDArray[np.datetime64]:
    """Return the dates of the stack."""
    return np.datetime64(FIRST_DAY, "D") + EVERY * np.arange(DATES)


def habitat(stack: Stack, *, workers: int, at_once: bool) -> NDArray[np.int64]:
    """Monitor with habitat; return the day each pixel was found broken, 0 for none."""
    from habitat.change.monitoring.monitors import MonitorRules, carry, opened_monitor
    from habitat.change.monitoring.season_model import FitRules, Season

    times = days()
    season = Season(order=3, trend=True, origin=str(times[HISTORY // 2]))
    state = opened_monitor(
        stack[:HISTORY], times[:HISTORY], season, MonitorRules(confirm=1), fit_rules=FitRules(), workers=workers
    )
    step = DATES - HISTORY if at_once else 1
    for t in range(HISTORY, DATES, step):
        carry(state, stack[t : t + step], times[t : t + step], workers=workers)
    return np.maximum(state.days[1], 0).astype(np.int64)


def nrt(stack: Stack) -> NDArray[np.int64]:
    """Monitor with nrt's MoSum; return the day each pixel was found broken, 0 for none."""
    import xarray as xr
    from nrt.monitor.mosum import MoSum

    times = days()
    moments = [datetime.fromisoformat(str(day)) for day in times]
    coords = {"time": times.astype("datetime64[ns]"), "y": np.arange(stack.shape[1]), "x": np.arange(stack.shape[2])}
    history = xr.DataArray(stack, coords, ("time", "y", "x")).isel(time=slice(0, HISTORY))
    monitor = MoSum(trend=True, harmonic_order=3, sensitivity=0.05, h=0.25)
    monitor.fit(history, method="OLS")
    for t in range(HISTORY, DATES):
        monitor.monitor(array=stack[t], date=moments[t])
    found = np.where(monitor.mask == 3, monitor.detection_date, 0)
    return found.astype(np.int64)


def contender_of(name: str) -> Callable[[Stack], NDArray[np.int64]]:
    """Return a contender by its name."""
    words = name.split("-")
    if words[0] == "nrt":
        return nrt
    return lambda stack: habitat(stack, workers=int(words[1]), at_once=words[-1] == "once")


def one_run(name: str, size: int) -> Answer:
    """Measure a contender once, after a warm-up that compiles what there is to compile."""
    warnings.filterwarnings("ignore")
    contender = contender_of(name)
    contender(made_up(_WARM)[0])
    stack, broken = made_up(size)
    before = memory_mb("VmRSS")
    # 5 resets the peak: what counts is what is held beside the stack.
    Path("/proc/self/clear_refs").write_text("5")
    cpu, wall = time.process_time(), time.perf_counter()
    found = contender(stack)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "contender": name,
        "pixels": size * size,
        "wall": wall,
        "cpu": cpu,
        "added_mb": memory_mb("VmHWM") - before,
        "peak_mb": memory_mb("VmHWM"),
        "found": float((found[broken] > 0).mean()),
        "false": float((found[~broken] > 0).mean()),
        "day": float(found[found > 0].mean()),
        "load": os.getloadavg()[0],
        "version": version_of(name.split("-")[0]),
    }


def report(runs: Sequence[Answer], command: str) -> str:
    """Return the table of all runs as markdown."""
    by_name = {
        name: [run for run in runs if run["contender"] == name] for name in dict.fromkeys(r["contender"] for r in runs)
    }
    # More threads do not always help nrt: the quicker of its two is the peer.
    peers = [mine for name, mine in by_name.items() if name.startswith("nrt")]
    base = min(peers, key=lambda mine: median_of(mine, "wall")) if peers else None
    loads = [run["load"] for run in runs]
    versions = ", ".join(sorted({f"{run['contender'].split('-')[0]} {run['version']}" for run in runs}))
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d} with `{command}`, medians of "
        f"{max(len(mine) for mine in by_name.values())} alternating rounds, {runs[0]['pixels']:,} pixels with {DATES} "
        f"dates and {GAPS:.0%} gaps, fit of {HISTORY} and monitoring of {DATES - HISTORY}; {os.cpu_count()} processors "
        f"({processors()[0]}), load average {min(loads):.1f} to {max(loads):.1f}. Python {platform.python_version()}, "
        f"{versions}, numpy {version_of('numpy')}, numba {version_of('numba')}.",
        "",
        "| contender | k px/s (least–most) | × quicker nrt | CPU s | × in CPU | MB beside the stack | found | false |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, mine in by_name.items():
        speeds = sorted(run["pixels"] / run["wall"] / 1e3 for run in mine)
        cells = [
            name,
            f"{statistics.median(speeds):.0f} ({speeds[0]:.0f}–{speeds[-1]:.0f})",
            f"{median_of(base, 'wall') / median_of(mine, 'wall'):.1f}" if base else "–",
            f"{median_of(mine, 'cpu'):.2f}",
            f"{median_of(base, 'cpu') / median_of(mine, 'cpu'):.1f}" if base else "–",
            f"{median_of(mine, 'added_mb'):.0f}",
            f"{mine[0]['found']:.2%}",
            f"{mine[0]['false']:.2%}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for, and print the table."""
    given = _arguments(arguments)
    if given.only:
        sys.stdout.write(json.dumps(one_run(given.only, given.size)) + "\n")
        return
    names = [
        name
        for name in given.contenders.split(",")
        if not name.startswith("nrt") or peer_there(name, "nrt", given.peer_python)
    ]
    runs = []
    for turn in range(given.rounds):
        for name in names:
            runs.append(_in_own_process(name, given) | {"round": turn})
            speed = runs[-1]["pixels"] / runs[-1]["wall"] / 1e3
            sys.stderr.write(f"{name}: {speed:.0f} k px/s, CPU {runs[-1]['cpu']:.2f} s, load {runs[-1]['load']:.1f}\n")
    words = f"--size {given.size} --rounds {given.rounds}"
    text = report(runs, f"python -m benchmarks.timeseries {words}")
    sys.stdout.write(text)
    if given.write:
        write_report(PAGE, text)


def _there(name: str, peer_python: str) -> bool:
    """Tell whether a contender can be run; nrt may live in an environment of its own."""
    return not name.startswith("nrt") or peer_there(name, "nrt", peer_python)


def _in_own_process(name: str, given: argparse.Namespace) -> Answer:
    python = given.peer_python if name.startswith("nrt") else sys.executable
    command = [python, "-m", "benchmarks.timeseries", "--only", name, "--size", str(given.size)]
    # nrt takes as many threads as numba is told of; linear algebra must not start more beside them.
    threads = name.split("-")[1]
    told = {"NUMBA_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    environment = os.environ | (told if name.startswith("nrt") else {})
    answer: Answer = answered(name, command, environment, REPOSITORY, _PATIENCE_S)
    return answer


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512, help="pixels along the side of the stack")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contenders", default=",".join(CONTENDERS), help=f"of {','.join(CONTENDERS)}")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has nrt")
    parser.add_argument("--write", action="store_true", help="put the table into docs/methods/monitors.md")
    parser.add_argument("--only", choices=CONTENDERS, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
