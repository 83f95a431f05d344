"""Compositing: habitat, its peers and the decode floor in alternating rounds, each run in its own process.

python -m benchmarks.compositing --all
python -m benchmarks.compositing --case aligned --size 4096 --rounds 3 --contenders floor,habitat
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.catalogue import FULL_SIZE, Settings, ensure
from benchmarks.one_run import CONTENDERS
from benchmarks.table import report, write_report

REPOSITORY = Path(__file__).parents[1]
PAGE = REPOSITORY / "docs" / "benchmarks.md"
_PATIENCE_S = 1800
_FLOOR_AND_OURS = ("floor", "habitat")


@dataclass(frozen=True)
class Series:
    """Runs of one case that alternate, so that a slow minute of the machine hits all of them."""

    case: str
    size: int
    contenders: tuple[str, ...] = CONTENDERS


_WITH_ODC = ("floor", "odc-stac", "habitat")
"""The fastest peer stands for both where the first series has shown their order."""

ALL = (
    Series("aligned", 4096),
    Series("write", 4096, ("odc-stac", "habitat")),
    Series("off", 4096, _WITH_ODC),
    Series("zone", 4096, _WITH_ODC),
    Series("aligned", 8192, _FLOOR_AND_OURS),
    Series("write", 8192, ("habitat",)),
    Series("plan", 4096, ("stackstac", "odc-stac", "habitat")),
)


def runs_of(series: Series, rounds: int, place: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Yield what each run of a series answered; one that fails answers with its error."""
    for turn in range(rounds):
        for name in series.contenders:
            work = {
                "case": series.case,
                "size": series.size,
                "catalogue": str(place.catalogue),
                "out": str(place.out / name),
                "threads": place.threads,
                "offset": place.offset,
            }
            command = [sys.executable, "-m", "benchmarks.one_run", name, json.dumps(work)]
            try:
                done = subprocess.run(
                    command, cwd=REPOSITORY, capture_output=True, text=True, check=True, timeout=_PATIENCE_S
                )
                answer = json.loads(done.stdout.splitlines()[-1])
            except subprocess.CalledProcessError as error:
                answer = {"error": (error.stderr.strip().splitlines() or ["no word"])[-1][:300]}
            except subprocess.TimeoutExpired:
                answer = {"error": f"not done in {_PATIENCE_S} s"}
            yield {"contender": name, "case": series.case, "size": series.size, "round": turn} | answer


def warm(catalogue: Path) -> None:
    """Read every file once, so that no contender pays for a cold disk."""
    for path in catalogue.rglob("*.tif"):
        with path.open("rb", buffering=0) as source:
            while source.read(8 * 2**20):
                pass


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for, and print the tables."""
    given = _arguments(arguments)
    ensure(given.catalogue, Settings(given.tile_size))
    warm(given.catalogue)
    chosen = tuple(given.contenders.split(",")) if given.contenders else None
    if given.all:
        series = ALL
    else:
        default = ("stackstac", "odc-stac", "habitat") if given.case == "plan" else CONTENDERS
        series = (Series(given.case, given.size, chosen or default),)
    given.work.mkdir(parents=True, exist_ok=True)
    answers = []
    # A folder of its own, so that two benchmarks at once do not write each other's rasters.
    with TemporaryDirectory(dir=given.work) as out, (given.work / "runs.jsonl").open("a") as log:
        given.out = Path(out)
        for part in series:
            for answer in runs_of(part, given.rounds, given):
                answers.append(answer)
                log.write(json.dumps(answer) + "\n")
                log.flush()
                told = answer.get("error") or f"{answer['wall']:.2f} s, CPU {answer['cpu']:.2f} s"
                sys.stderr.write(f"{part.case} {part.size} {answer['contender']}: {told}\n")
    words = " ".join(sys.argv[1:] if arguments is None else arguments)
    text = report(answers, f"python -m benchmarks.compositing {words}".strip())
    sys.stdout.write(text)
    if given.all:
        write_report(PAGE, text)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every case, and write the tables into docs/benchmarks.md")
    parser.add_argument("--case", default="aligned", choices=("aligned", "write", "off", "zone", "plan"))
    parser.add_argument("--size", type=int, default=4096, help="pixels of 10 m along the side of the area")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contenders", default="", help=f"of {','.join(CONTENDERS)}")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, default=Path("/tmp/bench"), help="folder for all that is generated")
    parser.add_argument("--tile-size", type=int, default=FULL_SIZE, help="pixels of 10 m along the side of a scene")
    parser.add_argument("--offset", type=int, default=2048, help="pixels from the scene's corner to the area's")
    given = parser.parse_args(arguments)
    given.catalogue = given.work / f"catalogue-{given.tile_size}"
    return given


if __name__ == "__main__":
    main()
