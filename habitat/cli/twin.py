"""Commands about made-up landscapes: make, describe, score, serve."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from habitat.cli.door import door, tell
from habitat.cli.options import TWIN, Json, Seed, Verbose, Workers

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Made-up landscapes with known truth.")


@app.command("make")
def twin_make(
    *,
    output: Annotated[Path, typer.Option(help="Folder to make; it must be new or empty.")] = TWIN,
    size: Annotated[str, typer.Option(help="tiny, series, demo or full.")] = "tiny",
    seed: Seed = 1,
    workers: Workers = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Write a made-up landscape: scenes of three satellites with STAC catalogues, tables and the truth."""
    with door(as_json=as_json, verbose=verbose) as log:
        from habitat.jobs.outcomes import shown_path
        from habitat.jobs.twins import make_twin

        twin = make_twin(output, size, seed, workers=workers, progress=log.progress)
        tell(twin.facts, f"{twin.describe()}\ncatalogue: {shown_path(twin.catalog)}", as_json=as_json)


@app.command("describe")
def twin_describe(
    folder: Annotated[Path, typer.Argument(help="Folder of a twin.")] = TWIN, *, as_json: Json = False
) -> None:
    """Tell what is true about a made-up landscape."""
    with door(as_json=as_json):
        from habitat.twin import find

        twin = find(folder)
        tell(twin.facts, twin.describe(), as_json=as_json)


@app.command("score")
def twin_score(
    folder: Annotated[
        Path | None, typer.Argument(help="Folder of a twin; without it one is made for each seed.")
    ] = None,
    *,
    size: Annotated[str, typer.Option(help="Size of the twins to make.")] = "tiny",
    seeds: Annotated[str, typer.Option(help="Seeds: 1, 1,2,5 or 1-5; five or more give useful intervals.")] = "1",
    output: Annotated[Path | None, typer.Option(help="JSON file for the card.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="Stored card; exit 4 if a score is worse than it allows.")
    ] = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Run the products over twins and score them against the truth, the naive method beside them."""
    with door(as_json=as_json, verbose=verbose) as log:
        from habitat.jobs.twins import scored

        card, worse = scored(folder, size=size, seeds=seeds, output=output, against=against, progress=log.progress)
        tell(card.to_dict(), "\n".join([card.table(), *worse]), as_json=as_json)
        raise typer.Exit(4 if worse else 0)


@app.command("serve")
def twin_serve(
    folder: Annotated[Path, typer.Argument(help="Folder of a twin.")] = TWIN,
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of this machine; 0 takes a free one.")] = 0,
) -> None:
    """Serve a made-up landscape's scenes over HTTP to this machine, until interrupted."""
    with door():
        from habitat.twin import find
        from habitat.twin.serving import serve

        with serve(find(folder).root, port=port) as address:
            typer.echo(f"{address}/catalog.json")
            threading.Event().wait()
