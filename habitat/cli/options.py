"""Options that several commands share, and what the exit codes mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CODES = """
\b
Exit codes:
    0  done, or nothing to do; named gaps are fine
    2  the configuration or an option is wrong; nothing was started
    3  the input was refused: no scenes, all cloud, too much missing
    4  published, but observations are missing, or a period that would
       have been welcome (such as the year before) failed
    5  failed: disk, store, or a fault of habitat
   75  another run is building the same; try again later
  130  interrupted; unfinished work was thrown away
Of several the gravest is told, in the order 130, 5, 2, 3, 75, 4, 0.
"""

Name = Annotated[str, typer.Argument(help="Run configuration: a name from configs/runs, or a path.")]
Area = Annotated[str | None, typer.Option(help="Name from configs/areas, or a path; else the configuration's.")]
Period = Annotated[str, typer.Option(help="Month 2025-05, quarter 2025-Q2 or year 2025.")]
Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="PRODUCT.KEY=VALUE", help="Change a setting; may be repeated; the value is YAML."),
]
OtherStore = Annotated[Path | None, typer.Option("--store", help="Folder of products, instead of the configuration's.")]
Store = Annotated[Path, typer.Option("--store", help="Folder of products.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Threads; every processor by default.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Log everything, with tracebacks.")]
PlanOnly = Annotated[bool, typer.Option("--plan-only", help="Tell what would be built and why, and build nothing.")]
Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same landscape.")]
STORE = Path("data/store")
TWIN = Path("data/twin")
