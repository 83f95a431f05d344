"""Log: what a run tells on standard error while it works: plain lines for a file, a bar for a screen."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, TextIO

import structlog
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from structlog.typing import Processor

from habitat.sources.catalogues.signing import redact

_EVERY_S = 60.0
_EVERY_PERCENT = 10
_QUIET_LEVEL = logging.WARNING
_PLAIN = ("why", "what", "summary")


class Log:
    """Logging of one command, and the progress bar that its lines must not tear.

    Use it in a ``with`` block; leaving it puts things back as they were.

    Parameters
    ----------
    verbose : bool
        Tell everything, with tracebacks.
    stream : file, optional
        Where to; standard error by default.
    terminal : bool, optional
        Whether a person is watching; found out by default.
    """

    def __init__(self, *, verbose: bool = False, stream: TextIO | None = None, terminal: bool | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        watched = self._stream.isatty() if terminal is None else terminal
        self._level = logging.DEBUG if verbose else logging.INFO
        self._console = Console(file=self._stream, force_terminal=True) if watched else None
        self._bar: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._told: dict[str, tuple[float, int]] = {}
        self._guard = threading.Lock()

    def __enter__(self) -> Log:
        """Begin to log."""
        shared: list[Processor] = [
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            without_secrets,
        ]
        structlog.configure(
            processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
            logger_factory=structlog.stdlib.LoggerFactory(),
            wrapper_class=structlog.stdlib.BoundLogger,
            cache_logger_on_first_use=False,
        )
        plain = structlog.processors.LogfmtRenderer(key_order=("timestamp", "level", "event"))
        renderer: Any = _short_line if self._console else plain
        handler = _ConsoleHandler(self._console) if self._console else logging.StreamHandler(self._stream)
        handler.setFormatter(
            structlog.stdlib.ProcessorFormatter(
                foreign_pre_chain=shared,
                processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            )
        )
        self._handler = handler
        root, own = logging.getLogger(), logging.getLogger("habitat")
        self._before = root.level, own.level
        root.addHandler(handler)
        root.setLevel(_QUIET_LEVEL)
        own.setLevel(self._level)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        root = logging.getLogger()
        root.removeHandler(self._handler)
        root.setLevel(self._before[0])
        logging.getLogger("habitat").setLevel(self._before[1])
        structlog.reset_defaults()

    def progress(self, what: str, done: int, total: int) -> None:
        """Tell how far something is; a `Workshop` calls it from any thread.

        On a screen a bar moves; elsewhere there is a line for every tenth, but at most one a minute else.
        """
        with self._guard:
            if self._console:
                self._move(self._console, what, done, total)
            else:
                self._line(what, done, total)

    def _move(self, console: Console, what: str, done: int, total: int) -> None:
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=console, transient=True)
            self._bar.start()
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(redact(what), total=total)
        self._bar.update(self._tasks[what], completed=done, total=total)
        if done >= total:
            self._bar.remove_task(self._tasks.pop(what))

    def _line(self, what: str, done: int, total: int) -> None:
        now, tenth = time.monotonic(), done * 100 // max(total, 1) // _EVERY_PERCENT
        last, told = self._told.get(what, (0.0, -1))
        if done >= total:
            self._told.pop(what, None)
        elif tenth <= told and now - last < _EVERY_S:
            return
        else:
            self._told[what] = now, tenth
        structlog.get_logger("habitat.jobs").info("progress", what=what, done=done, total=total)


def without_secrets(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blot secrets out of a log line; a processor of structlog."""
    for key, value in event.items():
        if not key.startswith("_") and not isinstance(value, bool | int | float | type(None)):
            event[key] = redact(str(value))
    return event


def _short_line(logger: Any, method: str, event: MutableMapping[str, Any]) -> str:
    level, text = str(event.pop("level", "info")), str(event.pop("event", ""))
    event.pop("timestamp", None)
    trace = event.pop("exception", None)
    subject = " ".join(str(event.pop(key)) for key in ("product", "period") if key in event)
    rest = ", ".join(
        str(value) if key in _PLAIN else f"{key.replace('_', ' ')} {value}"
        for key, value in event.items()
        if value != ""
    )
    told = f"{subject}: {text}" if subject else text
    line = f"{told} ({rest})" if rest else told
    line = line if level in ("info", "debug") else f"{level}: {line}"
    return f"{line}\n{trace}" if trace else line


class _ConsoleHandler(logging.Handler):
    """Prints above the bar."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        self._console.print(self.format(record), markup=False, highlight=False, soft_wrap=True)
