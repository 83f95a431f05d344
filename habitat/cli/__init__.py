"""Commands: what is typed becomes a call of `habitat.jobs`, and what comes back becomes text, JSON and an exit code."""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated

import typer

from habitat.cli import accuracy, fire, maps, points, twin

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Satellite habitat analysis for the Amur leopard and the Amur tiger.",
)
app.add_typer(maps.app)
app.add_typer(fire.app)
app.add_typer(points.app)
app.add_typer(accuracy.app, name="accuracy")
app.add_typer(twin.app, name="twin")


def main() -> None:
    """Run the command line."""
    app()


@app.callback(invoke_without_command=True)
def _start(*, told: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if told:
        typer.echo(f"habitat {version('habitat')}")
        raise typer.Exit
