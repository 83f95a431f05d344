"""Commands: what is typed becomes a call of `habitat.jobs`, and what comes back becomes text, JSON and an exit code."""

from __future__ import annotations

import json
import signal
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

# Whatever is heavy is imported inside the commands, so that help answers at once.
if TYPE_CHECKING:
    from habitat.jobs.log import Log
    from habitat.jobs.session import Request

_CODES = """
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

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Satellite habitat analysis for the Amur leopard and the Amur tiger.",
)
twin_app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Made-up landscapes with known truth.")
app.add_typer(twin_app, name="twin")

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


def main() -> None:
    """Run the command line."""
    app()


@app.callback(invoke_without_command=True)
def _start(*, told: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if told:
        typer.echo(f"habitat {version('habitat')}")
        raise typer.Exit


@app.command(epilog=_CODES)
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
    with _door(as_json=as_json, verbose=verbose) as log:
        from habitat.jobs.session import Request

        request = Request(name, period, area, changes or (), store, workers)
        _work(request, log, (), plan_only=plan_only, as_json=as_json)


@app.command(epilog=_CODES)
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
    with _door(as_json=as_json, verbose=verbose) as log:
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
    with _door(as_json=as_json, verbose=verbose) as log:
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
    with _door(as_json=as_json):
        from habitat.jobs import listing

        if products:
            rows = listing.deliverables()
            _tell(rows, "\n".join(listing.deliverable_lines(rows)), as_json=as_json)
        elif areas:
            rows = listing.areas()
            _tell(rows, listing.table(rows, ["area", "title", "crs", "shape", "zones", "problem"]), as_json=as_json)
        elif indices:
            rows = listing.indices()
            _tell(rows, listing.table(rows, ["index", "title", "bands", "reference"]), as_json=as_json)
        else:
            rows = listing.published(store)
            columns = ["product", "area", "period", "version", "created", "gaps"]
            _tell(rows, listing.table(rows, columns) if rows else f"{store} holds nothing yet", as_json=as_json)


@app.command("check-config")
def check_config(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="All of configs/runs if none.")] = None,
    *,
    schema: Annotated[bool, typer.Option("--schema", help="Print the JSON schema, for editors.")] = False,
    as_json: Json = False,
) -> None:
    """Check run configurations and show every setting with its meaning."""
    with _door(as_json=as_json or schema):
        from habitat.jobs import config, listing

        if schema:
            _tell(config.schema(), "", as_json=True)
            return
        rows = listing.configurations(names or ())
        _tell(rows, "\n".join(listing.configuration_lines(rows)), as_json=as_json)
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
    with _door(as_json=as_json):
        from habitat.jobs import doctor as room

        checks = room.examine(room.Patient(store=store, online=online))
        _tell(room.report(checks, store), "\n".join(check.text() for check in checks), as_json=as_json)
        raise typer.Exit(room.exit_code(checks))


@app.command(epilog=_CODES)
def demo(
    *,
    folder: Annotated[Path, typer.Option(help="Where the demonstration goes.")] = Path("data/demo"),
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Make a small made-up landscape, run the month over it and show where the maps are."""
    with _door(as_json=as_json, verbose=verbose) as log:
        from habitat.jobs.demo import demo as show

        shown = show(folder, progress=log.progress)
        _tell(shown.to_dict(), shown.text(), as_json=as_json)
        raise typer.Exit(shown.summary.exit_code)


@app.command()
def verify(
    *,
    store: Store = STORE,
    every_version: Annotated[bool, typer.Option("--every-version", help="Old versions too.")] = False,
    as_json: Json = False,
) -> None:
    """Compare all published files with their checksums."""
    with _door(as_json=as_json):
        from habitat.jobs import listing

        rows = listing.verified(store, every_version=every_version)
        _tell(rows, "\n".join(listing.verified_lines(rows)), as_json=as_json)
        raise typer.Exit(5 if any(row["problems"] for row in rows) else 0)


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
    with _door(as_json=as_json):
        from habitat.jobs.fire_weather import write_station_codes

        report = write_station_codes(stations, output, constant=ffmc_constant, season=season)  # type: ignore[arg-type]
        _tell(report.to_dict(), report.text(), as_json=as_json)


@twin_app.command("make")
def twin_make(
    *,
    output: Annotated[Path, typer.Option(help="Folder to make; it must be new or empty.")] = TWIN,
    size: Annotated[str, typer.Option(help="tiny, demo or full.")] = "tiny",
    seed: Seed = 1,
    workers: Workers = None,
    as_json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Write a made-up landscape: scenes of three satellites with STAC catalogues, tables and the truth."""
    with _door(as_json=as_json, verbose=verbose) as log:
        from habitat.jobs.outcomes import shown_path
        from habitat.jobs.twins import make_twin

        twin = make_twin(output, size, seed, workers=workers, progress=log.progress)
        _tell(twin.facts, f"{twin.describe()}\ncatalogue: {shown_path(twin.catalog)}", as_json=as_json)


@twin_app.command("describe")
def twin_describe(
    folder: Annotated[Path, typer.Argument(help="Folder of a twin.")] = TWIN, *, as_json: Json = False
) -> None:
    """Tell what is true about a made-up landscape."""
    with _door(as_json=as_json):
        from habitat.twin import find

        twin = find(folder)
        _tell(twin.facts, twin.describe(), as_json=as_json)


@twin_app.command("score")
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
    with _door(as_json=as_json, verbose=verbose) as log:
        from habitat.jobs.twins import scored

        card, worse = scored(folder, size=size, seeds=seeds, output=output, against=against, progress=log.progress)
        _tell(card.to_dict(), "\n".join([card.table(), *worse]), as_json=as_json)
        raise typer.Exit(4 if worse else 0)


@twin_app.command("serve")
def twin_serve(
    folder: Annotated[Path, typer.Argument(help="Folder of a twin.")] = TWIN,
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of this machine; 0 takes a free one.")] = 0,
) -> None:
    """Serve a made-up landscape's scenes over HTTP to this machine, until interrupted."""
    with _door():
        from habitat.twin import find
        from habitat.twin.serving import serve

        with serve(find(folder).root, port=port) as address:
            typer.echo(f"{address}/catalog.json")
            threading.Event().wait()


def _work(request: Request, log: Log, targets: tuple[str, ...], *, plan_only: bool, as_json: bool) -> None:
    from habitat.jobs.outcomes import shown_path
    from habitat.jobs.plan import plan as make_plan
    from habitat.jobs.runner import run as build
    from habitat.jobs.session import open_session

    session = open_session(request, progress=log.progress)
    parts = session.config, session.workshop, session.period
    if plan_only:
        planned = make_plan(*parts, targets=targets)
        _tell(planned.to_dict(), planned.text(), as_json=as_json)
        return
    summary = build(*parts, targets=targets)
    record = shown_path(summary.record) if summary.record else None
    _tell(summary.to_dict() | {"record": record}, summary.text(), as_json=as_json)
    raise typer.Exit(summary.exit_code)


def _tell(data: Mapping[str, Any] | list[dict[str, Any]], text: str, *, as_json: bool) -> None:
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) if as_json else text)


@contextmanager
def _door(*, as_json: bool = False, verbose: bool = False) -> Iterator[Log]:
    """Let a command work: with a log, with SIGTERM as polite as Ctrl-C, and with one line for an error."""
    from habitat.jobs.log import Log

    polite = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler) if polite else None
    try:
        with Log(verbose=verbose) as log:
            yield log
    except typer.Exit:
        raise
    except KeyboardInterrupt:
        _refuse("Interrupted", "interrupted; unfinished work was thrown away", 130, as_json=as_json)
    except Exception as error:
        kind, text, code = type(error).__name__, str(error), getattr(error, "exit_code", None)
        if code is None:
            text = f"unexpected {kind}: {text}; this is a fault of habitat or of the machine, --verbose shows more"
        if verbose:
            _complain("".join(traceback.format_exception(error)).rstrip())
        _refuse(kind, text, 5 if code is None else int(code), as_json=as_json)
    finally:
        if polite:
            signal.signal(signal.SIGTERM, before)


def _refuse(kind: str, text: str, code: int, *, as_json: bool) -> None:
    _complain(f"habitat: error: {text}")
    if as_json:
        _tell({"error": kind, "message": _safe(text), "exit_code": code}, "", as_json=True)
    raise typer.Exit(code)


def _complain(text: str) -> None:
    typer.echo(_safe(text), err=True)


def _safe(text: str) -> str:
    from habitat.sources.catalogues.signing import redact

    return redact(text)


if __name__ == "__main__":
    main()
