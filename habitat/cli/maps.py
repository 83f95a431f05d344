"""Commands that make maps and tell about them: run, product, plan, list, check-config, doctor, demo, verify."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from habitat.cli.door import door, tell
from habitat.cli.options import (
    CODES,
    STORE,
    Area,
    Changes,
    Json,
    Name,
    OtherStore,
    Period,
    PlanOnly,
    Store,
    Verbose,
    Workers,
)

if TYPE_CHECKING:
    from habitat.jobs.log import Log
    from habitat.jobs.session import Request

app = typer.Typer()


@app.command(epilog=CODES)
def run(  # noqa: PLR0913  to typer every option is a parameter
    name: Name,
    *,
    period: Period,
    area: Area = None,
    changes: Changes = None,
    store: OtherStore = None,
    workers: Workers = None,
    plan_only: PlanOnly = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Build what is not current of a run, in order; calling it again is safe."""
    with door(as_json=as_json, verbose=verbose) as log:
        from habitat.jobs.session import Request

        request = Request(name, period, area, changes or (), store, workers)
        _work(request, log, (), plan_only=plan_only, as_json=as_json)


@app.command(epilog=CODES)
def product(  # noqa: PLR0913  to typer every option is a parameter
    name: Annotated[str, typer.Argument(help="Product; see habitat list --products.")],
    *,
    period: Period,
    area: Area = None,
    config: Annotated[str, typer.Option(help="Run configuration to take settings from.")] = "monthly",
    changes: Changes = None,
    store: OtherStore = None,
    workers: Workers = None,
    plan_only: PlanOnly = False,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Build one product and what it needs."""
    with door(as_json=as_json, verbose=verbose) as log:
        from habitat.jobs.session import Request

        request = Request(config, period, area, changes or (), store, workers)
        _work(request, log, (name,), plan_only=plan_only, as_json=as_json)


@app.command()
def plan(
    name: Name,
    *,
    period: Period,
    area: Area = None,
    changes: Changes = None,
    store: OtherStore = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Tell what a run would build, in which order and why; nothing is built."""
    with door(as_json=as_json, verbose=verbose) as log:
        from habitat.jobs.session import Request

        request = Request(name, period, area, changes or (), store)
        _work(request, log, (), plan_only=True, as_json=as_json)


@app.command("list")
def list_(
    *,
    store: Store = STORE,
    products: Annotated[bool, typer.Option("--products", help="What can be made, with its parameters.")] = False,
    areas: Annotated[bool, typer.Option("--areas", help="Named areas.")] = False,
    indices: Annotated[bool, typer.Option("--indices", help="Spectral indices.")] = False,
    as_json: Json = False,
) -> None:
    """List what is published, or what there is to work with."""
    if products + areas + indices > 1:
        raise typer.BadParameter("choose one of --products, --areas and --indices")
    with door(as_json=as_json):
        from habitat.jobs import listing

        if products:
            rows = listing.deliverables()
            tell(rows, "\n".join(listing.deliverable_lines(rows)), as_json=as_json)
        elif areas:
            rows = listing.areas()
            tell(rows, listing.table(rows, ["area", "title", "crs", "shape", "zones", "problem"]), as_json=as_json)
        elif indices:
            rows = listing.indices()
            tell(rows, listing.table(rows, ["index", "title", "bands", "reference"]), as_json=as_json)
        else:
            rows = listing.published(store)
            columns = ["product", "area", "period", "version", "created", "gaps"]
            tell(rows, listing.table(rows, columns) if rows else f"{store} holds nothing yet", as_json=as_json)


@app.command("check-config")
def check_config(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="All of configs/runs if none.")] = None,
    *,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema, for editors.")] = False,
    as_json: Json = False,
) -> None:
    """Check run configurations and show every setting with its meaning."""
    with door(as_json=as_json or schema):
        from habitat.jobs import config, listing

        if schema:
            tell(config.schema(), "", as_json=True)
            return
        rows = listing.configurations(names or ())
        tell(rows, "\n".join(listing.configuration_lines(rows)), as_json=as_json)
        if not all(row["valid"] for row in rows):
            raise typer.Exit(2)


@app.command()
def doctor(
    *,
    online: Annotated[bool, typer.Option("--online", help="Ask catalogues in the network too.")] = False,
    store: Store = STORE,
    as_json: Json = False,
) -> None:
    """Look whether this machine can do the work, and say what to do where it cannot."""
    with door(as_json=as_json):
        from habitat.jobs import doctor as room

        checks = room.examine(room.Patient(store=store, online=online))
        tell(room.report(checks, store), "\n".join(check.text() for check in checks), as_json=as_json)
        raise typer.Exit(room.exit_code(checks))


@app.command(epilog=CODES)
def demo(
    *,
    folder: Annotated[Path, typer.Option(help="Where the demonstration goes.")] = Path("data/demo"),
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Make a small made-up landscape, run the month over it and show where the maps are."""
    with door(as_json=as_json, verbose=verbose) as log:
        from habitat.jobs.demo import demo as show

        shown = show(folder, progress=log.progress)
        tell(shown.to_dict(), shown.text(), as_json=as_json)
        raise typer.Exit(shown.summary.exit_code)


@app.command()
def verify(
    *,
    store: Store = STORE,
    every_version: Annotated[bool, typer.Option("--every-version", help="Old versions too.")] = False,
    as_json: Json = False,
) -> None:
    """Compare all published files with their checksums."""
    with door(as_json=as_json):
        from habitat.jobs import listing

        rows = listing.verified(store, every_version=every_version)
        tell(rows, "\n".join(listing.verified_lines(rows)), as_json=as_json)
        raise typer.Exit(5 if any(row["problems"] for row in rows) else 0)


def _work(request: Request, log: Log, targets: tuple[str, ...], *, plan_only: bool, as_json: bool) -> None:
    from habitat.jobs.outcomes import shown_path
    from habitat.jobs.plan import plan as make_plan
    from habitat.jobs.runner import run as build
    from habitat.jobs.session import open_session

    session = open_session(request, progress=log.progress)
    parts = session.config, session.workshop, session.period
    if plan_only:
        planned = make_plan(*parts, targets=targets)
        tell(planned.to_dict(), planned.text(), as_json=as_json)
        return
    summary = build(*parts, targets=targets)
    record = shown_path(summary.record) if summary.record else None
    tell(summary.to_dict() | {"record": record}, summary.text(), as_json=as_json)
    raise typer.Exit(summary.exit_code)
