"""Commands about accuracy: points to be labelled, and what their labels say about a map."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from habitat.cli.door import door, tell
from habitat.cli.options import Json

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Accuracy of maps, and areas with intervals.")

Strata = Annotated[Path | None, typer.Option(help="GeoTIFF of strata; by default the classes of the map.")]
Classes = Annotated[str, typer.Option(help="Names of classes by code: 1=forest,2=burnt.")]


@app.command("design")
def accuracy_design(  # noqa: PLR0913  to typer every option is a parameter
    map_file: Annotated[Path, typer.Argument(metavar="MAP", help="GeoTIFF of class codes.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="Points to write: .gpkg, .geojson, .csv or .kml.")],
    n: Annotated[int | None, typer.Option("--n", min=1, help="Samples in all.")] = None,
    target_se: Annotated[float | None, typer.Option(help="Or: standard error wanted of the overall accuracy.")] = None,
    expected_accuracy: Annotated[str, typer.Option(help="By class: burnt=0.8,forest=0.95, or a number for all.")] = "",
    allocation: Annotated[str, typer.Option(help="proportional, equal, neyman or olofsson.")] = "olofsson",
    min_per_stratum: Annotated[
        int | None, typer.Option(min=0, help="Samples each stratum gets at least; 50 for olofsson and neyman.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed draws the same points.")] = 1,
    strata: Strata = None,
    classes: Classes = "",
    blind: Annotated[bool, typer.Option("--blind", help="Do not tell those who label what the map says.")] = False,
    as_json: Json = False,
) -> None:
    """Draw points to be labelled from a map, and write down how they were drawn."""
    with door(as_json=as_json):
        from habitat.jobs.accuracy_design import DesignRequest, write_design

        numbers = (n, target_se, expected_accuracy, allocation, min_per_stratum, seed)
        report = write_design(DesignRequest(map_file, output, *numbers, strata, classes, blind))
        tell(report.to_dict(), report.text(), as_json=as_json)


@app.command("estimate")
def accuracy_estimate(  # noqa: PLR0913  to typer every option is a parameter
    labels: Annotated[Path, typer.Argument(help="Labelled points: .gpkg, .parquet, .csv or .kml.")],
    *,
    map_file: Annotated[Path, typer.Option("--map", help="GeoTIFF of class codes that is judged.")],
    strata: Strata = None,
    design: Annotated[
        Path | None, typer.Option(help="Design of the sample; by default LABELS.design.json beside the labels.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Report to write: .json or .csv.")] = None,
    level: Annotated[float, typer.Option(help="Level of the intervals.")] = 0.95,
    interval: Annotated[str, typer.Option(help="Kind of the intervals: normal or logit.")] = "normal",
    merge: Annotated[list[str] | None, typer.Option(help="RARE=COMMON: join a stratum to another.")] = None,
    classes: Classes = "",
    poststratify: Annotated[
        bool, typer.Option("--poststratify", help="A simple random sample: sort it by the classes of the map.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Estimate the areas of classes and the accuracy of a map from labelled points."""
    with door(as_json=as_json):
        from habitat.jobs.accuracy import EstimateRequest, estimate_accuracy

        files = (labels, map_file, strata, design, output)
        request = EstimateRequest(*files, level, interval, tuple(merge or ()), classes, poststratify)  # type: ignore[arg-type]
        report = estimate_accuracy(request)
        tell(report.to_dict(), report.text(), as_json=as_json)
