"""Commands about points: changes in series of points that were exported elsewhere."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from habitat.cli.door import door, tell
from habitat.cli.options import Json

app = typer.Typer(rich_markup_mode=None)


@app.command("change-points")
def change_points(  # noqa: PLR0913  to typer every option is a parameter
    table: Annotated[Path, typer.Argument(help="CSV of points through time (Earth Engine, AppEEARS, LCMAP).")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV to write: a row for each point and change.")],
    series: Annotated[str | None, typer.Option(help="Column, or index to make of the bands; nbr by default.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="monitor, segments, trajectories; may be repeated.")] = None,
    history_until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="End of history.")] = None,
    process: Annotated[str, typer.Option(help="Of the monitor: mosum, cusum, ewma or iqr.")] = "mosum",
    direction: Annotated[str, typer.Option(help="Where the series goes with loss: auto, fall, rise, both.")] = "auto",
    confirm: Annotated[int, typer.Option(min=1, help="Looks in a row that confirm a change of the monitor.")] = 3,
    order: Annotated[int, typer.Option(min=0, max=8, help="Harmonics of the monitor's year.")] = 2,
    summer: Annotated[str, typer.Option(help="Days whose median is a year's value.")] = "06-10/09-10",
    point: Annotated[str | None, typer.Option(help="Column of the points' names.")] = None,
    date: Annotated[str | None, typer.Option(help="Column of the dates.")] = None,
    quality: Annotated[str | None, typer.Option(help="Column of the quality.")] = None,
    quality_kind: Annotated[str, typer.Option(help="auto, fmask, qa_pixel, pixel_qa, hls, scl or clear.")] = "auto",
    bands: Annotated[str, typer.Option(help="Columns of bands: nir=SR_B5,swir2=SR_B7.")] = "",
    scale: Annotated[
        float | None, typer.Option(help="What numbers are multiplied with to give reflectance: 0.0001.")
    ] = None,
    same_day: Annotated[str, typer.Option(help="Several clear looks of a day: refuse, or first.")] = "refuse",
    as_json: Json = False,
) -> None:
    """Look for changes in series of points exported from Earth Engine, AppEEARS or LCMAP."""
    with door(as_json=as_json):
        from habitat.jobs.point_series import PointColumns, PointRequest, named_bands, write_point_changes

        told = (point, date, quality, quality_kind, named_bands(bands), None, scale, same_day)
        until = history_until.date() if history_until else None
        asked = (series, tuple(method or ()), until, process, direction, confirm, order, summer)
        report = write_point_changes(PointRequest(table, output, *asked, PointColumns(*told)))
        tell(report.to_dict(), report.text(), as_json=as_json)
