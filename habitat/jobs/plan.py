"""Plan: which products a run would build, in which order, and why."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from habitat.contracts.errors import ConfigError, HabitatError
from habitat.contracts.period import Period
from habitat.jobs.config import RunConfig
from habitat.jobs.parameters import suggestion
from habitat.products import PRODUCTS, Params, Product, Workshop
from habitat.sources.catalogues.signing import redact
from habitat.store import Published, Record, area_digest, changes

log = logging.getLogger(__name__)

Action = Literal["build", "current", "wait", "cannot"]
"""What is to be done: *wait* means that it shows once what it needs is rebuilt."""


@dataclass(frozen=True)
class Node:
    """One product of one period."""

    product: str
    """Name of the product."""
    period: Period
    """The period it is of."""

    def __str__(self) -> str:
        return f"{self.product} {self.period}"


@dataclass(frozen=True)
class Turn:
    """A node with its turn in the order: all it needs stands before it."""

    node: Node
    """What is to be looked at."""
    needs: Mapping[Node, bool]
    """What it needs, and whether it can do without."""
    optional: bool
    """Whether everything that was asked for can do without it."""


@dataclass(frozen=True)
class Decision:
    """What is to be done about one product, and why."""

    action: Action
    """What is to be done."""
    reasons: tuple[str, ...] = ()
    """Why, in sentences."""
    error: Exception | None = None
    """What stands in the way."""
    published: Published | None = None
    """The version in the store, if any."""


@dataclass(frozen=True)
class Step:
    """One line of a plan."""

    product: str
    """Name of the product."""
    period: Period
    """The period it is of."""
    action: Action
    """What would be done."""
    reasons: tuple[str, ...]
    """Why, in sentences."""
    optional: bool
    """Whether what was asked for can do without it."""
    code: int = 0
    """Exit code of what stands in the way; 0 if nothing does, or nothing that is a failure."""

    def to_dict(self) -> dict[str, Any]:
        """Return the step as plain JSON data."""
        return {
            "product": self.product,
            "period": str(self.period),
            "action": self.action,
            "reasons": list(self.reasons),
            "optional": self.optional,
        }


@dataclass(frozen=True)
class Plan:
    """What a run would do."""

    config: str
    """Name of the configuration."""
    area: str
    """Name of the area."""
    period: Period
    """The period asked for."""
    steps: tuple[Step, ...]
    """In the order in which they would be done."""

    @property
    def nothing_to_build(self) -> bool:
        """Whether everything is current, save what is absent without that being a failure."""
        return all(
            step.action == "current" or (step.action == "cannot" and (step.optional or not step.code))
            for step in self.steps
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as plain JSON data."""
        return {
            "config": self.config,
            "area": self.area,
            "period": str(self.period),
            "nothing_to_build": self.nothing_to_build,
            "steps": [step.to_dict() for step in self.steps],
        }

    def text(self) -> str:
        """Return the plan as lines for people."""
        lines = [f"plan of {self.config} for {self.area}, {self.period}"]
        lines += step_lines((step.product, step.period, _told(step)) for step in self.steps)
        return "\n".join([*lines, "nothing to build: everything is current"] if self.nothing_to_build else lines)


def _told(step: Step) -> str:
    optional = ["not required"] if step.optional and step.action != "current" else []
    reasons = "; ".join([*step.reasons, *optional])
    return f"{step.action}: {reasons}" if reasons else step.action


def step_lines(rows: Iterator[tuple[str, Period, str]]) -> list[str]:
    """Return lines of product, period and what is told of them, in columns.

    Examples
    --------
    >>> step_lines(iter([("change", Period("2025-05"), "current"), ("composite", Period("2025"), "build")]))
    ['  change     2025-05  current', '  composite  2025     build']
    """
    listed = list(rows)
    widest = max((len(product) for product, _, _ in listed), default=0)
    return [f"  {product:<{widest}}  {period!s:<7}  {text}" for product, period, text in listed]


def plan(
    config: RunConfig,
    workshop: Workshop,
    period: Period,
    products: Mapping[str, Product] | None = None,
    *,
    targets: Sequence[str] = (),
) -> Plan:
    """Find out what a run would build, reading no pixel.

    Parameters
    ----------
    config : RunConfig
        Which products, with which settings.
    workshop : Workshop
        Area and store.
    period : Period
        The period wanted.
    products : mapping of str to Product, optional
        The products there are; `habitat.products.PRODUCTS` by default.
    targets : sequence of str
        Only these products and what they need; all of the configuration's by default.

    Raises
    ------
    ConfigError
        If products need each other in a circle, or one is needed or asked for that the configuration lacks.
    """
    known = PRODUCTS if products is None else products
    decisions: dict[Node, Decision] = {}
    steps = []
    for turn in order(config, period, known, targets=targets):
        node = turn.node
        decision = _blocked(turn, decisions) or decide(
            known[node.product],
            config.products[node.product],
            workshop,
            node.period,
            pending=[_named(need, node) for need in turn.needs if decisions[need].action in ("build", "wait")],
        )
        decisions[node] = decision
        code = error_code(decision.error) if decision.error else 0
        steps.append(Step(node.product, node.period, decision.action, decision.reasons, turn.optional, code))
    return Plan(config.name, workshop.area.name, period, tuple(steps))


def _blocked(turn: Turn, decisions: Mapping[Node, Decision]) -> Decision | None:
    blocking = [need for need, optional in turn.needs.items() if not optional and decisions[need].action == "cannot"]
    reasons = tuple(f"needs {_named(need, turn.node)}, which cannot be built" for need in blocking)
    return Decision("cannot", reasons) if reasons else None


def _named(need: Node, node: Node) -> str:
    return need.product if need.period == node.period else str(need)


def decide(
    product: Product,
    params: Params,
    workshop: Workshop,
    period: Period,
    *,
    pending: Sequence[str] = (),
) -> Decision:
    """Decide whether a product is to be built, from what the store and the world hold now.

    Parameters
    ----------
    product : Product
        The deliverable.
    params : Params
        Its settings.
    workshop : Workshop
        Area and store.
    period : Period
        The period it is of.
    pending : sequence of str
        What it needs and what will be built before it, so that its inputs are not known yet.
    """
    try:
        published = workshop.store.latest(product.name, workshop.area, period)
    except HabitatError as error:
        return Decision("cannot", (_line(error),), error)
    needed = tuple(f"needs {name}, which will be built" for name in pending)
    if published is None:
        if pending:
            return Decision("build", ("not built yet", *needed))
        there = _inputs(product, params, workshop, period)
        if isinstance(there, Exception):
            return Decision("cannot", (_line(there),), there)
        return Decision("build", ("not built yet",))
    try:
        record = published.record
        reasons = _damage(published)
    except (HabitatError, OSError, ValueError) as error:
        return Decision("build", (f"the published version cannot be read ({_line(error)})",), None, published)
    inputs = record.inputs if pending else _inputs(product, params, workshop, period)
    if isinstance(inputs, Exception):
        standing = f"{_line(inputs)}; version {published.version} stays"
        return Decision("cannot", (standing,), inputs, published)
    reasons += changes(record, product.method, params.deciding(), inputs, area_digest(workshop.area))
    if reasons:
        return Decision("build", (*reasons, *needed), None, published)
    return Decision("wait" if pending else "current", needed, None, published)


def _inputs(product: Product, params: Params, workshop: Workshop, period: Period) -> tuple[Any, ...] | Exception:
    """Return what a product would be made from, or what keeps that from being known."""
    try:
        return product.inputs(params, workshop, period)
    except HabitatError as error:
        return error
    except Exception as error:
        # A fault in one product must not hide the plan of the others.
        log.debug("looking for the inputs of %s failed", product.name, exc_info=True)
        return error


def _damage(published: Published) -> list[str]:
    gone = [path.name for path in published.paths.values() if not path.is_file()]
    return [f"published files are gone ({', '.join(gone[:3])}{', ...' if len(gone) > 3 else ''})"] if gone else []


def missing_observations(record: Record) -> int:
    """Return how many expected observations could not be read when a product was made."""
    counts = record.ledger.get("counts", {})
    return int(counts.get("missing", 0))


def error_code(error: Exception) -> int:
    """Return the exit code of an error; what nobody foresaw has failed."""
    return error.exit_code if isinstance(error, HabitatError) else HabitatError.exit_code


def _line(error: Exception) -> str:
    text = redact(" ".join(str(error).split()))
    return text if isinstance(error, HabitatError) else f"unexpected {type(error).__name__}: {text}"


def order(
    config: RunConfig, period: Period, products: Mapping[str, Product], *, targets: Sequence[str] = ()
) -> tuple[Turn, ...]:
    """Return everything a run looks at, each after what it needs, required periods told from welcome ones.

    Parameters
    ----------
    config : RunConfig
        Which products.
    period : Period
        The period wanted.
    products : mapping of str to Product
        The products there are.
    targets : sequence of str
        Only these products and what they need; all of the configuration's by default.

    Raises
    ------
    ConfigError
        If products need each other in a circle, or one is needed or asked for that the configuration lacks.
    """
    unknown = [name for name in targets if name not in config.products]
    if unknown:
        hint = suggestion(unknown[0], list(config.products))
        raise ConfigError(f"{config.place or config.name} does not make {unknown[0]}; {hint}")
    wanted = [Node(name, period) for name in targets or config.products]
    needs: dict[Node, dict[Node, bool]] = {}
    for node in wanted:
        _visit(node, (), config, products, needs)
    required = _required(wanted, needs)
    return tuple(Turn(node, needs[node], node not in required) for node in needs)


def _visit(
    node: Node,
    path: tuple[str, ...],
    config: RunConfig,
    products: Mapping[str, Product],
    needs: dict[Node, dict[Node, bool]],
) -> None:
    """Put a node behind all it needs; dictionaries keep that order."""
    if node in needs:
        return
    if node.product in path:
        circle = " needs ".join((*path[path.index(node.product) :], node.product))
        raise ConfigError(f"products need each other in a circle: {circle}; this is a fault of habitat's products")
    found: dict[Node, bool] = {}
    for need in products[node.product].needs:
        if need.product not in products or (need.product not in config.products and not need.optional):
            raise ConfigError(
                f"{node.product} needs {need.product}, which {config.place or config.name} does not make; "
                f"add a line '{need.product}:' to products"
            )
        if need.product not in config.products:
            continue
        try:
            before = node.period.year_before(need.years_before) if need.years_before else node.period
        except ConfigError:
            # There is no such year: satellites had not begun.
            if not need.optional:
                raise
            continue
        earlier = Node(need.product, before)
        _visit(earlier, (*path, node.product), config, products, needs)
        found[earlier] = found.get(earlier, True) and need.optional
    needs[node] = found


def _required(wanted: Sequence[Node], needs: Mapping[Node, Mapping[Node, bool]]) -> set[Node]:
    required: set[Node] = set()
    waiting = list(wanted)
    while waiting:
        node = waiting.pop()
        if node not in required:
            required.add(node)
            waiting += [need for need, optional in needs[node].items() if not optional]
    return required
