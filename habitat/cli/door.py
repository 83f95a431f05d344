"""The door of every command: a log, polite signals, one line for an error, and answers as text or JSON."""

from __future__ import annotations

import json
import signal
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

# Whatever is heavy is imported inside the commands, so that help answers at once.
if TYPE_CHECKING:
    from habitat.jobs.log import Log


def tell(data: Mapping[str, Any] | list[dict[str, Any]], text: str, *, as_json: bool) -> None:
    """Print an answer: as one JSON document, or as lines for people."""
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) if as_json else text)


@contextmanager
def door(*, as_json: bool = False, verbose: bool = False) -> Iterator[Log]:
    """Let a command work: with a log, with SIGTERM as polite as Ctrl-C, and with one line for an error."""
    polite = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler) if polite else None
    try:
        from habitat.jobs.log import Log

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
        tell({"error": kind, "message": _safe(text), "exit_code": code}, "", as_json=True)
    raise typer.Exit(code)


def _complain(text: str) -> None:
    typer.echo(_safe(text), err=True)


def _safe(text: str) -> str:
    from habitat.sources.catalogues.signing import redact

    return redact(text)
