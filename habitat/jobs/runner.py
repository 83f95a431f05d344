"""Runner: a run from its first step to its record, whatever happens on the way."""

from __future__ import annotations

import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from habitat.contracts.errors import HabitatError, InputError, Locked
from habitat.contracts.period import Period
from habitat.jobs.config import RunConfig
from habitat.jobs.outcomes import Status, StepResult, Summary, write_run_record
from habitat.jobs.plan import Decision, Node, Turn, decide, error_code, missing_observations, order
from habitat.products import PRODUCTS, Product, Workshop
from habitat.sources.catalogues.signing import redact
from habitat.store import Published

log = structlog.get_logger("habitat.jobs")

_FATES = {"failed": "failed", "cannot": "cannot be built", "skipped": "was skipped", "interrupted": "was interrupted"}
"""What is told of steps that stop those that need them."""
_REFUSALS = (0, InputError.exit_code)
"""Exit codes by which the world, and no fault, stands in the way."""


def run(
    config: RunConfig,
    workshop: Workshop,
    period: Period,
    products: Mapping[str, Product] | None = None,
    *,
    targets: Sequence[str] = (),
) -> Summary:
    """Build what is not current, and write down what was done.

    Every step is decided right before it is due, so that what needs a product that was rebuilt without
    changing a pixel stays as it is. A step that fails takes along those that require it and no other. Reads
    and searches are repeated where they happen; the runner repeats nothing, calling it again does.

    Parameters
    ----------
    config : RunConfig
        Which products, with which settings.
    workshop : Workshop
        Area, store and hands.
    period : Period
        The period wanted.
    products : mapping of str to Product, optional
        The products there are; `habitat.products.PRODUCTS` by default.
    targets : sequence of str
        Only these products and what they need; all of the configuration's by default.

    Returns
    -------
    Summary
        Also after an interruption (Ctrl-C), which ends the run but is no error here.

    Raises
    ------
    ConfigError
        If products need each other in a circle, or one is needed or asked for that the configuration lacks.
    """
    known = PRODUCTS if products is None else products
    turns = order(config, period, known, targets=targets)
    started, clock = datetime.now(UTC), time.monotonic()
    log.info("run begins", config=config.name, area=workshop.area.name, asked=str(period))
    results: dict[Node, StepResult] = {}
    for turn in turns:
        results[turn.node] = _result(turn, results, config, workshop, known)
        _tell(results[turn.node])
    summary = Summary(config.name, workshop.area.name, period, tuple(results.values()), time.monotonic() - clock)
    try:
        summary = replace(summary, record=write_run_record(summary, config, workshop, started))
    except HabitatError as error:
        summary = replace(summary, record_problem=f"the run record is not written: {error}")
        log.error("no run record", reason=str(error))
    log.info("run ends", exit_code=summary.exit_code, seconds=round(summary.seconds, 1))
    return summary


def _result(
    turn: Turn,
    results: Mapping[Node, StepResult],
    config: RunConfig,
    workshop: Workshop,
    products: Mapping[str, Product],
) -> StepResult:
    node = turn.node
    blank = StepResult(node.product, node.period, "skipped", turn.optional)
    if any(result.status == "interrupted" for result in results.values()):
        return replace(blank, reasons=("the run was interrupted before",))
    stopped = [need for need, optional in turn.needs.items() if not optional and results[need].status in _FATES]
    if stopped:
        return replace(blank, reasons=tuple(f"needs {need}, which {_FATES[results[need].status]}" for need in stopped))
    product, params = products[node.product], config.products[node.product]
    clock = time.monotonic()
    try:
        decision = decide(product, params, workshop, node.period)
        if decision.action == "current":
            return _current(blank, decision, workshop)
        if decision.error is not None:
            raise decision.error
        log.info("building", product=node.product, period=str(node.period), why="; ".join(decision.reasons))
        outcome = product.build(params, workshop, node.period)
        result = replace(
            _of_version(blank, outcome.published),
            status="built",
            reasons=decision.reasons,
            summary=outcome.summary,
            gaps=outcome.gaps,
            missing=outcome.missing,
        )
    except KeyboardInterrupt:
        reason = "its unfinished work was thrown away, what was published before stands"
        result = replace(blank, status="interrupted", reasons=(reason,))
    except Exception as error:
        result = _failed(blank, error)
    return replace(result, seconds=time.monotonic() - clock)


def _current(blank: StepResult, decision: Decision, workshop: Workshop) -> StepResult:
    published = decision.published
    assert published is not None, "what is current is in the store"
    with suppress(Locked):
        # A run that died right after publishing may have left the catalogue behind.
        try:
            workshop.store.mend(published.product, published.area)
        except HabitatError as error:
            log.warning("the catalogue is not mended", product=blank.product, reason=str(error))
    record = published.record
    return replace(
        _of_version(blank, published),
        status="current",
        summary=str(published.item["properties"].get("habitat:summary", "")),
        gaps=record.gaps,
        missing=missing_observations(record),
    )


def _of_version(blank: StepResult, published: Published) -> StepResult:
    return replace(blank, version=published.version, item=str(published.id))


def _failed(blank: StepResult, error: Exception) -> StepResult:
    kind, code = type(error).__name__, error_code(error)
    text = redact(" ".join(str(error).split()))
    if isinstance(error, HabitatError):
        status: Status = "cannot" if code in _REFUSALS else "failed"
        return replace(blank, status=status, kind=kind, code=code, reasons=(text,))
    log.debug("traceback", product=blank.product, period=str(blank.period), exc_info=error)
    told = f"unexpected {kind}: {text}; this is a fault of habitat or of the machine, --verbose shows more"
    trace = "".join(traceback.format_exception(error))
    return replace(blank, status="failed", kind=kind, code=code, reasons=(told,), trace=trace)


def _tell(result: StepResult) -> None:
    told = log.bind(product=result.product, period=str(result.period))
    if result.status == "built":
        told.info("built", version=result.version, seconds=round(result.seconds, 1), summary=result.summary)
        for what, why in result.gaps:
            told.warning("gap", what=what, why=why)
        if result.missing:
            told.warning("observations missing", count=result.missing)
    elif result.status == "current":
        told.info("current", version=result.version)
    else:
        level = "info" if result.optional and result.exit_code == 0 else "error" if result.exit_code else "warning"
        getattr(told, level)(result.status, why="; ".join(result.reasons))
