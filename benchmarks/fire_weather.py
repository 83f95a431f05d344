"""Fire weather of a year on a grid: habitat and xclim in alternating rounds, each run in its own process.

python -m benchmarks.fire_weather
python -m benchmarks.fire_weather --rounds 3 --write
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.machine import median_of, memory_mb, processors, version_of
from benchmarks.table import write_report

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "methods" / "fire-weather.md"
CODES = ("ffmc", "dmc", "dc", "isi", "bui", "fwi")
CONTENDERS = ("xclim", "xclim-dask", "habitat-1", "habitat-2", "habitat-double")
"""xclim on NumPy arrays; xclim on dask with two chunks and two threads; habitat on one thread and on two; and habitat's
plain oracle in double precision."""
FIRST_DAY = "2021-01-01"
_BASELINE = "xclim"
_PATIENCE_S = 1800
_SAMPLE = 97
"""Every so manieth cell is kept for comparing the answers."""

Weather = dict[str, NDArray[np.float32]]


def made_up(days: int, size: int) -> Weather:
    """Return weather (time, y, x) of a continental year; every cell differs from its neighbours."""
    rng = np.random.default_rng(0)
    shape = (days, size, size)
    course = 12 + 14 * np.sin((np.arange(days) - 110) / 365 * 2 * np.pi)
    draws = {
        "temperature": course[:, None, None] + rng.normal(0, 4, shape),
        "humidity": np.clip(60 + rng.normal(0, 18, shape), 5, 100),
        "wind": np.abs(rng.normal(12, 7, shape)),
        "rain": np.where(rng.random(shape) < 0.3, rng.gamma(0.7, 6, shape), 0),
    }
    return {name: values.astype(np.float32) for name, values in draws.items()}


def latitudes(size: int) -> NDArray[np.float64]:
    """Return the latitudes of the rows: of the landscape, where all have the northern tables."""
    return 42.0 + 2.5 * np.arange(size) / size


def habitat(weather: Weather, *, workers: int, precision: str = "single") -> dict[str, Any]:
    """Codes of habitat, as its product computes them."""
    import xarray as xr

    from habitat.fire.weather.fire_rules import station_rules
    from habitat.fire.weather_index import fire_weather

    days, size = weather["rain"].shape[:2]
    times = np.datetime64(FIRST_DAY, "ns") + np.arange(days).astype("timedelta64[D]")
    dims = ("time", "y", "x")
    coords = {"time": times, "latitude": ("y", latitudes(size))}
    grid = xr.Dataset({name: (dims, values) for name, values in weather.items()}, coords)
    found, _ = fire_weather(grid, station_rules(), codes=CODES, precision=precision, workers=workers)
    return {name: found[name].values for name in CODES}


def xclim(weather: Weather, *, chunked: bool = False) -> dict[str, Any]:
    """Codes of xclim's `cffwis_indices`, season always on."""
    import dask
    import xarray as xr
    from xclim.indices.fire import cffwis_indices

    days, size = weather["rain"].shape[:2]
    times = np.datetime64(FIRST_DAY, "ns") + np.arange(days).astype("timedelta64[D]")
    coords = {"time": times, "lat": latitudes(size), "lon": 130 + 0.01 * np.arange(size)}
    names = {
        "temperature": ("tas", "degC"),
        "humidity": ("hurs", "%"),
        "wind": ("sfcWind", "km/h"),
        "rain": ("pr", "mm/d"),
    }
    given = {
        theirs: xr.DataArray(weather[ours], coords, ("time", "lat", "lon"), attrs={"units": units})
        for ours, (theirs, units) in names.items()
    }
    lat = given["tas"]["lat"].assign_attrs(units="degrees_north")
    if chunked:
        given = {name: values.chunk(time=-1, lat=-(-size // 2)) for name, values in given.items()}
    found = cffwis_indices(**given, lat=lat)
    if chunked:
        found = dask.compute(*found, scheduler="threads", num_workers=2)
    order = ("dc", "dmc", "ffmc", "isi", "bui", "fwi")
    return {name: part.transpose("time", "lat", "lon").values for name, part in zip(order, found, strict=True)}


def contender_of(name: str) -> Callable[[Weather], dict[str, Any]]:
    """Return a contender by its name."""
    if name.startswith("xclim"):
        return lambda weather: xclim(weather, chunked=name.endswith("dask"))
    if name == "habitat-double":
        return lambda weather: habitat(weather, workers=1, precision="double")
    return lambda weather: habitat(weather, workers=int(name[-1]))


def one_run(name: str, days: int, size: int, sample: Path) -> dict[str, Any]:
    """Measure a contender once, after a warm-up that compiles what there is to compile."""
    warnings.filterwarnings("ignore")
    contender = contender_of(name)
    contender(made_up(3, 40))
    before = memory_mb("VmRSS")
    weather = made_up(days, size)
    # 5 resets the peak, so that drawing the weather does not count, but holding it does.
    Path("/proc/self/clear_refs").write_text("5")
    cpu, wall = time.process_time(), time.perf_counter()
    found = contender(weather)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = memory_mb("VmHWM") - before
    kept = {code: values.reshape(days, -1)[:, ::_SAMPLE].astype(np.float64) for code, values in found.items()}
    np.savez(sample, **kept)
    arrays = (len(weather) + len(CODES)) * weather["rain"].nbytes / 2**20
    return {
        "contender": name,
        "cells": days * size * size,
        "wall": wall,
        "cpu": cpu,
        "peak_mb": peak,
        "arrays_mb": arrays,
        "load": os.getloadavg()[0],
    }


def differences(samples: dict[str, Path]) -> dict[str, str]:
    """Say in words how far each contender's answer is from xclim's: largest and median difference of any code."""
    if _BASELINE not in samples:
        return dict.fromkeys(samples, "–")
    with np.load(samples[_BASELINE]) as file:
        reference = dict(file)
    told = {}
    for name, path in samples.items():
        with np.load(path) as file:
            apart = {code: np.abs(file[code] - reference[code]) for code in CODES}
        worst = max(CODES, key=lambda code: float(apart[code].max()))
        middle = max(float(np.median(values)) for values in apart.values())
        told[name] = f"{apart[worst].max():.1g} ({worst}), {middle:.0e}"
    return told


def report(runs: Sequence[dict[str, Any]], samples: dict[str, Path], command: str) -> str:
    """Return the table of all runs as markdown."""
    by_name = {
        name: [run for run in runs if run["contender"] == name] for name in dict.fromkeys(r["contender"] for r in runs)
    }
    baseline = median_of(by_name[_BASELINE], "wall") if _BASELINE in by_name else None
    loads = [run["load"] for run in runs]
    packages = ("habitat", "xclim", "numpy", "numba", "xarray", "dask")
    versions = ", ".join(f"{name} {version_of(name)}" for name in packages)
    lines = [
        f"Measured {datetime.now(UTC):%Y-%m-%d} with `{command}`, medians of "
        f"{max(len(mine) for mine in by_name.values())} alternating rounds, {runs[0]['cells'] / 1e6:.1f} million days "
        f"of cells, {os.cpu_count()} processors ({processors()[0]}); load average {min(loads):.1f} to "
        f"{max(loads):.1f}. Python {platform.python_version()}, {versions}.",
        "",
        "| contender | M cell-days/s (least–most) | × xclim | CPU s | peak MB | peak / arrays | largest, median off |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    apart = differences(samples)
    for name, mine in by_name.items():
        speeds = sorted(run["cells"] / run["wall"] / 1e6 for run in mine)
        wall, peak = median_of(mine, "wall"), median_of(mine, "peak_mb")
        cells = [
            name,
            f"{statistics.median(speeds):.1f} ({speeds[0]:.1f}–{speeds[-1]:.1f})",
            f"{baseline / wall:.1f}" if baseline else "–",
            f"{median_of(mine, 'cpu'):.2f}",
            f"{peak:.0f}",
            f"{peak / mine[0]['arrays_mb']:.2f}",
            apart[name],
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for, and print the table."""
    given = _arguments(arguments)
    if given.only:
        answer = one_run(given.only, given.days, given.size, given.sample)
        sys.stdout.write(json.dumps(answer) + "\n")
        return
    names = tuple(given.contenders.split(","))
    runs = []
    with TemporaryDirectory() as folder:
        samples = {name: Path(folder) / f"{name}.npz" for name in names}
        for turn in range(given.rounds):
            for name in names:
                runs.append(_in_own_process(name, given, samples[name]) | {"round": turn})
                speed = runs[-1]["cells"] / runs[-1]["wall"] / 1e6
                sys.stderr.write(f"{name}: {speed:.1f} M cell-days/s, CPU {runs[-1]['cpu']:.2f} s\n")
        words = " ".join(sys.argv[1:] if arguments is None else arguments)
        text = report(runs, samples, f"python -m benchmarks.fire_weather {words}".strip())
    sys.stdout.write(text)
    if given.write:
        write_report(PAGE, text)


def _in_own_process(name: str, given: argparse.Namespace, sample: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.fire_weather", "--only", name, "--sample", str(sample)]
    command += ["--days", str(given.days), "--size", str(given.size)]
    try:
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=_PATIENCE_S)
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["no word"])[-1]
        raise SystemExit(f"{name} failed: {reason}") from error
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--size", type=int, default=200, help="cells along the side of the grid")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contenders", default=",".join(CONTENDERS), help=f"of {','.join(CONTENDERS)}")
    parser.add_argument("--write", action="store_true", help="put the table into docs/methods/fire-weather.md")
    parser.add_argument("--only", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--sample", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
