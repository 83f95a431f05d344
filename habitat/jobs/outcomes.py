"""Outcomes of a run: what became of every step, the exit code they add up to, and the record that is kept."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from habitat.contracts.errors import PublishError
from habitat.contracts.period import Period
from habitat.jobs.config import RunConfig
from habitat.jobs.plan import step_lines
from habitat.products import Workshop
from habitat.sources.catalogues.signing import redact
from habitat.store import software_versions
from habitat.store.disk import json_bytes, write_atomically

Status = Literal["built", "current", "failed", "skipped", "cannot", "interrupted"]
"""What became of a step: *cannot* means that the world gave nothing to make it from."""

PARTIAL, FAILED, INTERRUPTED = 4, 5, 130

EXIT_CODES: Mapping[int, str] = {
    0: "done, or nothing to do; named gaps are fine",
    2: "the configuration or an option is wrong",
    3: "the input was refused: no scenes, all cloud, too much missing; nothing was published for it",
    4: "published, but observations are missing, or a period that would have been welcome failed",
    5: "failed: disk, store, or a fault of habitat",
    75: "another run is building the same; try again later",
    130: "interrupted; unfinished work was thrown away",
}
"""Meaning of the process exit codes."""

_GRAVEST_FIRST = (INTERRUPTED, FAILED, 2, 3, 75, PARTIAL, 0)
"""What a person must mend outranks the world's refusal, that outranks waiting, and that outranks a partial product."""

_ABSOLUTE = re.compile(r"(?<![\w:/.~<>-])(?:/[^\s/'\"`,;:()<>]+)+/([^\s/'\"`,;:()<>]*)")
_FORMAT = 1


@dataclass(frozen=True)
class StepResult:
    """What became of one step."""

    product: str
    """Name of the product."""
    period: Period
    """The period it is of."""
    status: Status
    """What became of it."""
    optional: bool = False
    """Whether what was asked for can do without it."""
    reasons: tuple[str, ...] = ()
    """Why it was built, or why not."""
    seconds: float = 0.0
    """Time it took [s]."""
    version: int | None = None
    """Version that stands in the store now."""
    item: str = ""
    """Id of that version's STAC item."""
    summary: str = ""
    """One sentence about what the product says."""
    gaps: tuple[tuple[str, str], ...] = ()
    """What could not be made, each with its reason."""
    missing: int = 0
    """Expected observations that could not be read."""
    kind: str = ""
    """Class of the error, if there was one."""
    code: int = 0
    """Exit code of the error, if there was one."""
    trace: str = field(default="", repr=False)
    """Traceback of an error nobody expected."""

    @property
    def exit_code(self) -> int:
        """What this step alone makes of the run."""
        if self.status == "built":
            return PARTIAL if self.missing else 0
        if self.status == "interrupted":
            return INTERRUPTED
        if self.optional and self.code:
            return 0 if self.kind == "NoScenes" else PARTIAL
        return self.code

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain JSON data, the traceback left out."""
        kept = {name: value for name, value in vars(self).items() if name not in ("trace", "kind", "code")}
        error = {"error": self.kind, "code": self.code} if self.kind else {}
        return (
            kept
            | error
            | {
                "period": str(self.period),
                "reasons": list(self.reasons),
                "gaps": [{"what": what, "why": why} for what, why in self.gaps],
                "seconds": round(self.seconds, 3),
            }
        )

    def text(self) -> str:
        """Return what became of it, for people."""
        if self.status == "built":
            told = f"built version {self.version} in {self.seconds:.1f} s ({'; '.join(self.reasons)})"
        elif self.status == "current":
            told = f"current, version {self.version}"
        else:
            told = f"{self.status}: {'; '.join(self.reasons)}"
            told += " (not required)" if self.optional else ""
        if self.status == "built":
            told += f"; {self.missing} observations missing" if self.missing else ""
            told += f"; gaps: {', '.join(what for what, _ in self.gaps)}" if self.gaps else ""
        return told


@dataclass(frozen=True)
class Summary:
    """What became of a run."""

    config: str
    """Name of the configuration."""
    area: str
    """Name of the area."""
    period: Period
    """The period asked for."""
    steps: tuple[StepResult, ...]
    """What became of every step, in their order."""
    seconds: float
    """Time the run took [s]."""
    record: Path | None = None
    """The run record; None if it could not be written."""
    record_problem: str = ""
    """Why the run record could not be written."""

    @property
    def exit_code(self) -> int:
        """The gravest of the steps' exit codes: 130, 5, 2, 3, 75, 4, 0; a run without a record has failed."""
        told = [step.exit_code for step in self.steps] + ([FAILED] if self.record_problem else [])
        codes = {0, *(code if code in EXIT_CODES else FAILED for code in told)}
        return next(code for code in _GRAVEST_FIRST if code in codes)

    @property
    def nothing_to_build(self) -> bool:
        """Whether nothing was built and nothing failed: all is current, save what is absent without being a failure."""
        return self.exit_code == 0 and not any(step.status == "built" for step in self.steps)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as plain JSON data."""
        return {
            "config": self.config,
            "area": self.area,
            "period": str(self.period),
            "exit_code": self.exit_code,
            "outcome": EXIT_CODES.get(self.exit_code, "failed"),
            "nothing_to_build": self.nothing_to_build,
            "seconds": round(self.seconds, 3),
            "steps": [step.to_dict() for step in self.steps],
        }

    def text(self) -> str:
        """Return the summary as lines for people."""
        told = [step.summary for step in self.steps if step.status == "built" and step.summary and not step.optional]
        record = [f"run record: {shown_path(self.record)}"] if self.record else []
        return "\n".join([self.table(), *told, *record])

    def table(self) -> str:
        """Return a line for every step, and what they add up to."""
        lines = [f"{self.config} for {self.area}, {self.period}"]
        lines += step_lines((step.product, step.period, step.text()) for step in self.steps)
        if self.nothing_to_build:
            lines.append("nothing to build: everything is current")
        elif self.exit_code:
            lines.append(f"exit code {self.exit_code}: {EXIT_CODES.get(self.exit_code, 'failed')}")
        return "\n".join([*lines, self.record_problem] if self.record_problem else lines)


def shown_path(path: Path) -> str:
    """Return a path as a person would type it: relative to the current directory if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def write_run_record(summary: Summary, config: RunConfig, workshop: Workshop, started: datetime) -> Path:
    """Write what a run did beside the products, as JSON, and return where.

    The record tells neither machine, user nor folder, and no secret.

    Raises
    ------
    PublishError
        If the disk does not take it.
    """
    content = {
        "habitat_run": _FORMAT,
        "started": started.isoformat(timespec="seconds"),
        **summary.to_dict(),
        "config_digest": config.digest,
        "settings": config.settings(),
        "workers": workshop.workers,
        "software": software_versions(),
        "tracebacks": [step.trace for step in summary.steps if step.trace],
    }
    folder = workshop.store.root / "runs"
    stamp = f"{started:%Y%m%dT%H%M%S}{started.microsecond // 1000:03d}Z"
    name = f"{stamp}_{config.name}_{workshop.area.name}_{summary.period.label}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PublishError(f"cannot make {folder}: {error.strerror}; check permissions") from error
    path = next(path for path in _candidates(folder, name) if not path.exists())
    write_atomically(path, json_bytes(anonymous(content, workshop.store.root)))
    return path


def _candidates(folder: Path, name: str) -> Iterator[Path]:
    yield folder / f"{name}.json"
    for number in range(2, 10_000):
        yield folder / f"{name}-{number}.json"


def anonymous(content: Any, store: Path) -> Any:
    """Return plain data without absolute paths and secrets.

    Examples
    --------
    >>> anonymous({"why": "cannot write /srv/maps/store/x.tif: disk full"}, Path("/srv/maps/store"))
    {'why': 'cannot write <store>/x.tif: disk full'}
    >>> anonymous(["see /home/li/notes/a.txt and https://host/b?sig=1"], Path("/srv"))
    ['see .../a.txt and https://host/b?sig=***']
    """
    if isinstance(content, str):
        text = redact(content)
        for root, name in ((store, "<store>"), (Path.cwd(), "."), (Path("~").expanduser(), "~")):
            if len(root.parts) > 1:
                text = re.sub(rf"(?<![\w/]){re.escape(str(root))}(?![\w-])", name, text)
        return _ABSOLUTE.sub(r".../\1", text)
    if isinstance(content, Mapping):
        return {key: anonymous(value, store) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [anonymous(value, store) for value in content]
    return content
