"""Multi-break segments of a stack: habitat and pyxccd's COLD in alternating rounds, each run in its own process.

python -m benchmarks.segmentation
python -m benchmarks.segmentation --peer-python some/venv/bin/python --rounds 3 --write
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
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import answered, median_of, memory_mb, peer_there, processors, version_of
from benchmarks.table import write_report

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "methods" / "segments.md"
CONTENDERS = ("pyxccd", "habitat-1", "habitat-2")
"""pyxccd's COLD in one process, which is one core; habitat on one thread and on two."""
DATES, YEARS, FIRST_DAY = 200, 12, 733_000
CLOUDS, SHADOWS, MISSED, FILL = 0.27, 0.05, 0.03, 0.05
_PATIENCE_S = 3600
_BLOCK = 512
_GROUND = np.array([350, 550, 500, 3000, 1800, 900.0])
_SEASON = np.array([60, 90, -60, 900, -300, -250.0])
_LOSS = np.array([50, 120, 250, -900, 600, 700.0])
_NOISE = np.array([28, 32, 32, 100, 72, 48.0])
_CLOUD = np.array([3500, 3400, 3300, 2500, 2000, 1500.0])
_SNOW = np.array([5000, 5000, 4800, 3500, -900, -500.0])

Answer = dict[str, Any]
Stack = tuple[NDArray[np.int16], NDArray[np.uint8], NDArray[np.int64]]


def made_up(pixels: int) -> Stack:
    """Return codes (band, date, pixel), classes (date, pixel) and ordinals of made-up forest of twelve years.

    Seasons differ from pixel to pixel; up to three losses, half of which grow over again; clouds, shadows and snow, and
    some clouds and shadows that the classes do not tell.
    """
    days = FIRST_DAY + np.sort(np.random.default_rng(0).choice(365 * YEARS, DATES, replace=False))
    codes = np.empty((6, DATES, pixels), np.int16)
    classes = np.empty((DATES, pixels), np.uint8)
    for first in range(0, pixels, _BLOCK):
        block = slice(first, min(first + _BLOCK, pixels))
        # A block is always made whole: the first pixels are the same in stacks of any size.
        told = _made_block(days, np.random.default_rng(first + 1))
        codes[:, :, block], classes[:, block] = (part[..., : block.stop - first] for part in told)
    return codes, classes, days


def _made_block(days: NDArray[np.int64], rng: np.random.Generator) -> tuple[NDArray[Any], NDArray[Any]]:
    n = _BLOCK
    t = (days - days[0])[:, None] / 365.25
    wave = np.cos(2 * np.pi * (days[:, None] - 200) / 365.25 + rng.normal(0, 0.15, n))
    values = (_GROUND[:, None] * rng.uniform(0.7, 1.3, (6, n)))[:, None] + rng.normal(0, 10, (6, 1, n)) * t
    values += (_SEASON[:, None] * rng.uniform(0.5, 1.5, (6, n)))[:, None] * wave
    losses = rng.integers(0, 4, n)
    for k in range(3):
        when = rng.integers(20, DATES - 15, n)
        size = rng.uniform(-0.4, 1.2, n) * (losses > k)
        lasts = np.where(rng.random(n) < 0.5, rng.uniform(2, 8, n), 1e9)
        since = np.maximum(t - t[when, 0], 0)
        values += _LOSS[:, None, None] * (np.arange(DATES)[:, None] >= when) * size * np.exp(-since / lasts)
    values += rng.normal(0, 1, (6, DATES, n)) * _NOISE[:, None, None] + rng.normal(0, 24, (DATES, n))
    chance = rng.random((DATES, n))
    classes = np.select([chance < CLOUDS, chance < CLOUDS + SHADOWS], [4, 2], 0).astype(np.uint8)
    snow = (np.cos(2 * np.pi * days / 365.25)[:, None] > 0.6) & (rng.random((DATES, n)) < 0.5) & (classes == 0)
    classes[snow] = 3
    missed = np.where((rng.random((DATES, n)) < MISSED) & (classes == 0), rng.uniform(-0.5, 1, (DATES, n)), 0)
    values += _CLOUD[:, None, None] * (missed + (classes == 4)) + _SNOW[:, None, None] * snow
    classes[rng.random((DATES, n)) < FILL] = 255
    return np.clip(values.round(), -50, 12_000).astype(np.int16), classes


def habitat(stack: Stack, *, workers: int) -> list[list[int]]:
    """Segment with habitat; return the days of each pixel's breaks."""
    from habitat.change.segments import segments

    codes, classes, days = stack
    found = segments(codes, days, qa=classes, workers=workers)
    broken = found.break_day > 0
    ends = np.searchsorted(found.pixel[broken], np.arange(codes.shape[2] + 1))
    breaks = found.break_day[broken].tolist()
    return [breaks[ends[k] : ends[k + 1]] for k in range(codes.shape[2])]


def pyxccd(stack: Stack) -> list[list[int]]:
    """Segment with pyxccd's COLD, pixel by pixel; return the days of each pixel's breaks."""
    from pyxccd import cold_detect

    codes, classes, days = stack
    told = []
    for pixel in range(codes.shape[2]):
        seen = classes[:, pixel] != 255
        bands = np.ascontiguousarray(codes[:, seen, pixel].astype(np.int64))
        nothing = np.zeros(bands.shape[1], np.int64)
        answer = cold_detect(days[seen], *bands, nothing, classes[seen, pixel].astype(np.int64))
        told.append([int(day) for day in answer["t_break"] if day > 0] if answer is not None else [])
    return told


def one_run(name: str, pixels: int, kept: int) -> Answer:
    """Measure a contender once, after a warm-up that compiles what there is to compile; keep some pixels' breaks."""
    warnings.filterwarnings("ignore")
    contender = pyxccd if name == "pyxccd" else lambda stack: habitat(stack, workers=int(name[-1]))
    contender(made_up(16))
    stack = made_up(pixels)
    before = memory_mb("VmRSS")
    # 5 resets the peak: what counts is what is held beside the stack.
    Path("/proc/self/clear_refs").write_text("5")
    cpu, wall = time.process_time(), time.perf_counter()
    breaks = contender(stack)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "contender": name,
        "pixels": pixels,
        "wall": wall,
        "cpu": cpu,
        "added_mb": memory_mb("VmHWM") - before,
        "breaks": breaks[:kept],
        "load": os.getloadavg()[0],
        "version": version_of(name.split("-")[0]),
    }


def agreement(mine: Sequence[Sequence[int]], theirs: Sequence[Sequence[int]], stack: Stack) -> tuple[float, float]:
    """Return the share of pixels with as many breaks, and of those with each within two clear looks as well.

    Parameters
    ----------
    mine, theirs : lists of days
        Of as many pixels, the first of the stack.
    stack : tuple
        Of `made_up`.
    """
    codes, classes, days = stack
    number, dated = 0, 0
    count = min(len(mine), len(theirs))
    for pixel in range(count):
        good = (classes[:, pixel] < 2) & ((codes[:, :, pixel] > 0) & (codes[:, :, pixel] < 10_000)).all(axis=0)
        if len(mine[pixel]) != len(theirs[pixel]):
            continue
        number += 1
        apart = np.searchsorted(days[good], mine[pixel]) - np.searchsorted(days[good], theirs[pixel])
        dated += int((np.abs(apart) <= 2).all())
    return number / max(count, 1), dated / max(count, 1)


def report(runs: Sequence[Answer], command: str) -> str:
    """Return the table of all runs as markdown."""
    by_name = {
        name: [run for run in runs if run["contender"] == name] for name in dict.fromkeys(r["contender"] for r in runs)
    }
    base = by_name.get("pyxccd")
    loads = [run["load"] for run in runs]
    versions = ", ".join(sorted({f"{run['contender'].split('-')[0]} {run['version']}" for run in runs}))
    sample = f" ({base[0]['pixels']:,} of them by pyxccd)" if base else ""
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d} with `{command}`, medians of "
        f"{max(len(mine) for mine in by_name.values())} alternating rounds, "
        f"{max(run['pixels'] for run in runs):,} pixels{sample} with {DATES} dates and 6 bands; {os.cpu_count()} "
        f"processors ({processors()[0]}), load average {min(loads):.1f} to {max(loads):.1f}. "
        f"Python {platform.python_version()}, {versions}, numpy {version_of('numpy')}, numba {version_of('numba')}.",
        "",
        "| contender | px/s (least–most) | px/s and core, CPU | × in CPU | MB beside | as many breaks, dated alike |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for name, mine in by_name.items():
        speeds = sorted(run["pixels"] / run["wall"] for run in mine)
        core = statistics.median(run["pixels"] / run["cpu"] for run in mine)
        peer = statistics.median(run["pixels"] / run["cpu"] for run in base) if base else 0.0
        alike = _alike(mine[0], base[0]) if base and name != "pyxccd" else "–"
        cells = [
            name,
            f"{statistics.median(speeds):,.0f} ({speeds[0]:,.0f}–{speeds[-1]:,.0f})",
            f"{core:,.0f}",
            f"{core / peer:.1f}" if base else "–",
            f"{median_of(mine, 'added_mb'):.0f}",
            alike,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _alike(mine: Answer, theirs: Answer) -> str:
    count = min(len(mine["breaks"]), len(theirs["breaks"]))
    number, dated = agreement(mine["breaks"][:count], theirs["breaks"][:count], made_up(count))
    return f"{number:.2%}, {dated:.2%} of {count:,}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for, and print the table."""
    given = _arguments(arguments)
    if given.only:
        sys.stdout.write(json.dumps(one_run(given.only, given.pixels, given.peer_pixels)) + "\n")
        return
    names = [
        name
        for name in given.contenders.split(",")
        if name != "pyxccd" or peer_there(name, "pyxccd", given.peer_python)
    ]
    runs = []
    for turn in range(given.rounds):
        for name in names:
            runs.append(_in_own_process(name, given) | {"round": turn})
            speed = runs[-1]["pixels"] / runs[-1]["cpu"]
            sys.stderr.write(f"{name}: {speed:.0f} px/s and core, load {runs[-1]['load']:.1f}\n")
    words = f"--size {given.size} --peer-pixels {given.peer_pixels} --rounds {given.rounds}"
    text = report(runs, f"python -m benchmarks.segmentation {words}")
    sys.stdout.write(text)
    if given.write:
        write_report(PAGE, text)


def _there(name: str, peer_python: str) -> bool:
    """Tell whether a contender can be run; pyxccd may live in an environment of its own."""
    return name != "pyxccd" or peer_there(name, "pyxccd", peer_python)


def _in_own_process(name: str, given: argparse.Namespace) -> Answer:
    peer = name == "pyxccd"
    pixels = min(given.peer_pixels, given.size**2) if peer else given.size**2
    command = [given.peer_python if peer else sys.executable, "-m", "benchmarks.segmentation", "--only", name]
    command += ["--pixels", str(pixels), "--peer-pixels", str(given.peer_pixels)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    answer: Answer = answered(name, command, environment, REPOSITORY, _PATIENCE_S)
    return answer


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=512, help="pixels along the side of the stack")
    parser.add_argument("--peer-pixels", type=int, default=2000, help="pixels of the stack that pyxccd does")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contenders", default=",".join(CONTENDERS), help=f"of {','.join(CONTENDERS)}")
    parser.add_argument("--peer-python", default=sys.executable, help="interpreter that has pyxccd")
    parser.add_argument("--write", action="store_true", help="put the table into docs/methods/segments.md")
    parser.add_argument("--only", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--pixels", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
