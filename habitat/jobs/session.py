"""Session: everything a command needs, opened by names, and all that is wrong with them told at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from habitat.contracts.area import Area
from habitat.contracts.errors import ConfigError
from habitat.contracts.period import Period
from habitat.jobs.config import RUNS, RunConfig, at, load
from habitat.products import Product, Workshop
from habitat.sources.areas.reading import AREAS, read_area
from habitat.store import Store

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """What a command was asked for, as it was typed."""

    config: str
    """Name or path of the run configuration."""
    period: str
    """Such as 2025-05, 2025-Q2 or 2025."""
    area: str | None = None
    """Name or path of the area; the configuration's by default."""
    overrides: Sequence[str] = ()
    """Settings changed on the command line."""
    store: Path | None = None
    """Another store than the configuration's."""
    workers: int | None = None
    """Another number of threads than the configuration's."""


@dataclass(frozen=True)
class Session:
    """A request made good."""

    config: RunConfig
    """Checked settings."""
    workshop: Workshop
    """Area, store and hands."""
    period: Period
    """The period wanted."""


def open_session(
    request: Request,
    *,
    products: Mapping[str, Product] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    runs: Path = RUNS,
    areas: Path = AREAS,
) -> Session:
    """Read configuration, area and period.

    Parameters
    ----------
    request : Request
        What was typed.
    products : mapping of str to Product, optional
        The products there are; `habitat.products.PRODUCTS` by default.
    progress : callable, optional
        Told how far a build is.
    runs, areas : Path
        Folders of named configurations and areas.

    Raises
    ------
    ConfigError
        With all that is wrong.
    """
    problems: list[ConfigError] = []

    def tried(make: Callable[[], T]) -> T | None:
        try:
            return make()
        except ConfigError as error:
            problems.append(error)
            return None

    config = tried(lambda: load(request.config, overrides=request.overrides, products=products, configs=runs))
    period = tried(lambda: Period(request.period))
    named = request.area or (config.area if config else None)
    area = tried(lambda: _area(named, config, areas)) if named or config else None
    if problems or config is None or period is None or area is None:
        raise problems[0] if len(problems) == 1 else ConfigError("\n".join(map(str, problems)))
    config = at(config, store=request.store, workers=request.workers)
    workshop = Workshop(area, Store(config.store), config_hash=config.digest)
    workshop = replace(workshop, workers=config.workers or workshop.workers, progress=progress or workshop.progress)
    return Session(config, workshop, period)


def _area(named: str | None, config: RunConfig | None, areas: Path) -> Area:
    if not named:
        place = config.place if config else "the configuration"
        raise ConfigError(f"no area is named; add --area NAME, or a line such as 'area: demo' to {place}")
    return read_area(named, configs=areas)
