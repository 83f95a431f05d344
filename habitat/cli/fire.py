"""Commands about fire that need no store: tables in, tables out."""

from __future__ import annotations

from datetime import datetime
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


@app.command("fire-events")
def fire_events(  # noqa: PLR0913  to typer every option is a parameter
    files: Annotated[list[Path], typer.Argument(help="CSV lists of NASA's fire service (FIRMS), .gz or not.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write: .geojson or .gpkg.")],
    area: Annotated[str | None, typer.Option(help="Area, area file or outline; events that touch it are kept.")] = None,
    crs: Annotated[str | None, typer.Option(help="Projected system in metres.")] = None,
    distance_m: Annotated[float, typer.Option(help="Largest gap between footprints [m].")] = 1000.0,
    days: Annotated[float, typer.Option(help="Largest gap in time [days].")] = 5.0,
    since: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day of events.")] = None,
    form: Annotated[str, typer.Option("--for", help="gis, earthranger or smart.")] = "gis",
    zone: Annotated[str, typer.Option(help="Clock of the park, such as Asia/Vladivostok.")] = "UTC",
    event_type: Annotated[str, typer.Option(help="Event type at the EarthRanger site.")] = "fire_rep",
    skip_broken: Annotated[bool, typer.Option("--skip-broken", help="Leave broken rows out, with a note.")] = False,
    as_json: Json = False,
) -> None:
    """Chain satellite hotspots to fire events for maps, EarthRanger or SMART."""
    with door(as_json=as_json):
        from habitat.jobs.fire_events import EventSettings, write_fire_events

        settings = EventSettings(
            area=area,
            crs=crs,
            distance_m=distance_m,
            days=days,
            since=since.date() if since else None,
            form=form,  # type: ignore[arg-type]
            zone=zone,
            event_type=event_type,
            skip_broken=skip_broken,
        )
        report = write_fire_events(files, output, settings)
        tell(report.to_dict(), report.text(), as_json=as_json)
