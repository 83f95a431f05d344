"""Table: medians of runs, ratios to the decode floor, and whether all answered the same."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import median_of, processors, version_of

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
_PACKAGES = ("habitat", "numpy", "numba", "rasterio", "xarray", "dask", "flox", "stackstac", "odc-stac", "pystac")
_TITLES = {
    "aligned": "on the block grid, nothing written",
    "write": "on the block grid, end to end with COGs",
    "off": "500 pixels off the block grid, nothing written",
    "zone": "every second date in the neighbouring UTM zone, nothing written",
    "plan": "planning 1,000 items, no pixel read",
}

Runs = Sequence[dict[str, Any]]


def report(answers: Runs, command: str) -> str:
    """Return all tables of a set of runs as markdown, with where and how they were measured."""
    parts = [_conditions(answers, command)]
    for case, size in dict.fromkeys((answer["case"], answer["size"]) for answer in answers):
        runs = [answer for answer in answers if (answer["case"], answer["size"]) == (case, size)]
        parts.append(case_table(case, size, runs))
    return "\n".join(parts)


def case_table(case: str, size: int, runs: Runs) -> str:
    """Return the table of one case.

    Examples
    --------
    >>> run = {"contender": "floor", "wall": 1.0, "cpu": 2.0, "peak_mb": 70, "tasks": 0, "sums": None}
    >>> print(case_table("off", 4096, [run]).splitlines()[-1])
    | floor | 1.00 (1.00–1.00) | 2.00 | 1.0 | 1.00 | 70 | – | – |
    """
    where = "" if case == "plan" else f"{size} × {size}, "
    lines = [f"### {where}{_TITLES[case]}", ""]
    lines.append("| contender | wall s (least–most) | CPU s | wall × floor | CPU × floor | peak MB | tasks | answer |")
    lines.append("| --- | --- | --- | --- | --- | --- | --- | --- |")
    good = [run for run in runs if "error" not in run]
    reference = next((run["sums"] for run in good if run["contender"] == "odc-stac" and run["sums"]), None)
    reference = reference or next((run["sums"] for run in good if run["sums"]), None)
    floor = [run for run in good if run["contender"] == "floor"]
    for name in dict.fromkeys(run["contender"] for run in runs):
        mine = [run for run in good if run["contender"] == name]
        if not mine:
            error = next(run["error"] for run in runs if run["contender"] == name)
            lines.append(f"| {name} | failed: {error} | | | | | | |")
            continue
        lines.append(_row(name, mine, floor, reference))
    return "\n".join(lines) + "\n"


def _row(name: str, runs: Runs, floor: Runs, reference: Any) -> str:
    wall, cpu = median_of(runs, "wall"), median_of(runs, "cpu")
    walls = [run["wall"] for run in runs]
    over = [f"{wall / median_of(floor, 'wall'):.1f}", f"{cpu / median_of(floor, 'cpu'):.2f}"] if floor else ["–", "–"]
    cells = [
        name,
        f"{wall:.2f} ({min(walls):.2f}–{max(walls):.2f})",
        f"{cpu:.2f}",
        *over,
        f"{median_of(runs, 'peak_mb'):.0f}",
        f"{runs[0]['tasks']}" if runs[0]["tasks"] else "–",
        difference(runs[0]["sums"], reference),
    ]
    return f"| {' | '.join(cells)} |"


def difference(sums: dict[str, list[int]] | None, reference: dict[str, list[int]] | None) -> str:
    """Say in words how far an answer is from the reference.

    Examples
    --------
    >>> difference({"2023-05/nbr": [10, 5000]}, {"2023-05/nbr": [10, 5001]})
    'sum off by 2e-04'
    """
    if sums is None or reference is None:
        return "–"
    words = []
    pixels = sum(abs(sums[key][0] - reference[key][0]) for key in reference)
    if pixels:
        words.append(f"{pixels} pixels more or less")
    off = max(abs(sums[key][1] - value) / max(abs(value), 1) for key, (_, value) in reference.items())
    if off:
        words.append(f"sum off by {off:.0e}")
    return ", ".join(words) or "same"


def _conditions(answers: Runs, command: str) -> str:
    rounds = 1 + max((answer.get("round", 0) for answer in answers), default=0)
    loads = [answer["load"] for answer in answers if "load" in answer]
    versions = ", ".join(f"{name} {version_of(name)}" for name in _PACKAGES)
    return (
        f"Measured {datetime.now(UTC):%Y-%m-%d} with `{command}`, medians of {rounds} alternating rounds, on "
        f"{_machine()}; load average between {min(loads, default=0):.1f} and {max(loads, default=0):.1f}. "
        f"Python {platform.python_version()}, GDAL {_gdal()}, {versions}.\n"
    )


def _machine() -> str:
    models, memory = processors(), Path("/proc/meminfo").read_text().split()[1]
    return f"{len(models)} × {models[0]}, {int(memory) / 2**20:.0f} GiB"


def _gdal() -> str:
    import rasterio

    return str(rasterio.__gdal_version__)


def write_report(page: Path, text: str) -> None:
    """Put the tables between the markers of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, marker, after = rest.partition(END)
    if not marker:
        raise SystemExit(f"{page} has no lines {BEGIN} and {END} to write between")
    page.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")
