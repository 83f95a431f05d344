"""Commands about fire that need no store: tables in, tables out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from habitat.cli.door import door, tell
from habitat.cli.options import Json

app = typer.Typer()


@app.command("fire-weather")
def fire_weather(
    stations: Annotated[Path, typer.Argument(help="CSV with id, lat, long, yr, mon, day, temp, rh, ws, prec.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="CSV to write: the same rows with the codes.")],
    ffmc_constant: Annotated[
        str, typer.Option(help="Constant of the fine fuel scale: 147.2 (1985) or 147.27723 (newer releases).")
    ] = "147.2",
    season: Annotated[
        str, typer.Option(help="When codes are computed: always, temperature, snow or dates.")
    ] = "always",
    as_json: Json = False,
) -> None:
    """Append the codes of the Canadian Fire Weather Index System to a table of stations."""
    with door(as_json=as_json):
        from habitat.jobs.fire_weather import write_station_codes

        report = write_station_codes(stations, output, constant=ffmc_constant, season=season)  # type: ignore[arg-type]
        tell(report.to_dict(), report.text(), as_json=as_json)
