"""Demonstration: a made-up landscape, one run over it, and where to look at what came out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from habitat.jobs.config import load
from habitat.jobs.outcomes import Summary, shown_path
from habitat.jobs.runner import run
from habitat.jobs.score import score_store
from habitat.jobs.session import Request, open_session
from habitat.jobs.twin_settings import settings_of
from habitat.products import Product
from habitat.store import Published, Store
from habitat.twin import find_or_make
from habitat.twin.scorecard import Scorecard

log = structlog.get_logger("habitat.jobs")

FOLDER = Path("data/demo")
"""Where the demonstration lies if nothing else is said."""
PERIOD = "2025-05"
"""Month after the burn; the twin has the same month a year before."""


@dataclass(frozen=True)
class Shown:
    """What a demonstration left to look at."""

    summary: Summary
    """What became of the run."""
    rasters: tuple[Path, ...]
    """GeoTIFFs of the period, to be opened in QGIS."""
    pictures: tuple[Path, ...]
    """PNGs of the same."""
    sentence: str
    """What each product says, a line each."""
    card: Scorecard | None = None
    """How near the products came to the truth."""

    def text(self) -> str:
        """Return where everything is, as lines for people."""
        lines = [self.summary.table()]
        for title, paths in (("rasters, to be opened in QGIS", self.rasters), ("pictures", self.pictures)):
            folders = Counter(path.parent for path in paths)
            lines += [f"{title}:", *(f"  {count:>2} in {shown_path(folder)}" for folder, count in folders.items())]
        last = [path for path in self.pictures if path.parent == self.pictures[-1].parent]
        lines += [f"look first at: {shown_path(path)}" for path in last[:1]]
        if self.summary.record is not None:
            lines.append(f"run record: {shown_path(self.summary.record)}")
        lines += [self.sentence] if self.sentence else []
        lines += ["", self.card.table()] if self.card is not None else []
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain JSON data."""
        record = self.summary.record
        return self.summary.to_dict() | {
            "rasters": [shown_path(path) for path in self.rasters],
            "pictures": [shown_path(path) for path in self.pictures],
            "record": shown_path(record) if record else None,
            "sentence": self.sentence,
            "scorecard": self.card.to_dict() if self.card else None,
        }


def demo(
    folder: Path = FOLDER,
    *,
    products: Mapping[str, Product] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Shown:
    """Make the twin, run the month over it, find what there is to look at, and score it; a second call builds nothing.

    Parameters
    ----------
    folder : Path
        Holds the twin and the store afterwards.
    products : mapping of str to Product, optional
        The products there are; `habitat.products.PRODUCTS` by default.
    progress : callable, optional
        Told how far a build is.

    Raises
    ------
    ConfigError
        If the folder holds something else, or the demonstration's configuration is not at hand.
    """
    log.info("making the landscape, or finding it", folder=shown_path(folder / "twin"))
    twin = find_or_make(folder / "twin", size="demo", progress=progress)
    request = Request(
        config="demo",
        area="demo",
        period=PERIOD,
        overrides=tuple(_overrides(twin.root, products)),
        store=folder / "store",
    )
    session = open_session(request, products=products, progress=progress)
    summary = run(session.config, session.workshop, session.period, products)
    built = _standing(session.workshop.store, summary)
    rasters = [one.path(key) for one in built for key in one.rasters]
    pictures = [path for one in built for path in one.paths.values() if path.suffix == ".png"]
    # The truth is opened only now: no product has seen it.
    card = score_store(twin, session.workshop.store, progress=progress) if built and products is None else None
    return Shown(summary, tuple(rasters), tuple(pictures), _sentences(summary), card)


def _overrides(folder: Path, products: Mapping[str, Product] | None) -> Iterator[str]:
    """Point the settings of the configuration at the twin's files, wherever the demonstration lies."""
    made = load("demo", products=products).products
    for product, settings in settings_of(Path(shown_path(folder))).items():
        if product in made:
            yield from (f"{product}.{key}={json.dumps(value)}" for key, value in settings.items())


def _standing(store: Store, summary: Summary) -> list[Published]:
    """Return what stands in the store of the period asked for."""
    found = (
        store.latest(step.product, summary.area, step.period)
        for step in summary.steps
        if step.period == summary.period and step.version is not None
    )
    return [one for one in found if one is not None]


def _sentences(summary: Summary) -> str:
    """Return what every product of the period says, a line each."""
    return "\n".join(step.summary for step in summary.steps if step.period == summary.period and step.summary)
