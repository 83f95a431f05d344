"""One run: a single contender in a process of its own, answering with one line of JSON."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

from benchmarks.workload import Answer, Workload, measure

CONTENDERS = ("floor", "stackstac", "stackstac-uint16", "odc-stac", "habitat")
"""In the order of the table."""


def main(arguments: list[str] | None = None) -> None:
    """Measure the contender named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("work", help="fields of a Workload, as JSON")
    given = parser.parse_args(arguments)
    fields = json.loads(given.work)
    # Megabytes, because it is an environment variable; the same for every copy of GDAL and every contender.
    os.environ["GDAL_CACHEMAX"] = "64"
    warnings.filterwarnings("ignore")
    work = Workload(**fields | {"catalogue": Path(fields["catalogue"]), "out": Path(fields["out"])})
    answer = measure(contender_of(given.contender, work), work)
    sys.stdout.write(json.dumps({"contender": given.contender, "case": work.case, "size": work.size} | answer) + "\n")


def contender_of(name: str, work: Workload) -> Callable[[Workload], Answer]:
    """Import a contender with all it needs, so that imports are over before the clock runs."""
    if name == "habitat":
        module = importlib.import_module("benchmarks.habitat_contender")
        return module.plan if work.case == "plan" else module.composite
    peers = importlib.import_module("benchmarks.peers")
    if name != "floor":
        for heavy in {"odc-stac": ("odc.stac", "pystac")}.get(name, ("stackstac",)):
            importlib.import_module(heavy)
    return (peers.PLANNERS if work.case == "plan" else peers.PEERS)[name]


if __name__ == "__main__":
    main()
