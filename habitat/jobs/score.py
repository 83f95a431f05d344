"""Score: products are built from a twin's catalogue alone, and only then held against its truth."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import structlog

from habitat.contracts import Period
from habitat.contracts.errors import ConfigError, HabitatError
from habitat.jobs.config import RunConfig
from habitat.jobs.evidence import Evidence, RowMaker, SceneReader
from habitat.jobs.outcomes import Summary, anonymous
from habitat.jobs.rows import ROWS, phenology, snow
from habitat.jobs.rows.series import SERIES_ROWS
from habitat.jobs.runner import run
from habitat.jobs.truth_folder import TruthFolder
from habitat.jobs.twin_settings import settings_of
from habitat.products import PRODUCTS, Workshop
from habitat.sources import search
from habitat.sources.catalogues.providers import provider_for
from habitat.sources.catalogues.searching import Found
from habitat.sources.scenes.rasters import Rasters
from habitat.store import Store
from habitat.twin import TwinCatalogue, find, make
from habitat.twin.scenes import Progress
from habitat.twin.scorecard import Row, Scorecard, mean_card

log = structlog.get_logger("habitat.jobs")

PERIOD = "2025-05"
"""Month after the fire that every twin has; every twin has the same month a year before, too."""
SERIES, SERIES_PERIOD = "series", "2025-10"
"""Size whose long series is scored, and the month: the monitors have seen a green season to its end."""
SERIES_PRODUCTS = ("forest-change", "alerts")
"""Products that are built of it, with what they need; the others have their own twins."""
LONG_PRODUCTS = (*SERIES_PRODUCTS, "change-history", "snow", "phenology")
"""Products that want years of scenes; they are built of no other twin."""
FOREST = "forest-cover"
"""Product that tells a series what was forest."""
SCARS, AUTUMN = "fire-scars", "2025-10"
"""Product whose autumn is scored, too, and the month that tells of it."""
SENSORS = ("sentinel2", "landsat")
"""Satellites whose masks are looked at."""


def _quiet(what: str, done: int, total: int) -> None:
    """Tell nobody."""


def score_twin(folder: Path, *, workdir: Path, progress: Progress | None = None) -> Scorecard:
    """Build every product of a twin's month anew and hold it against the truth.

    Nothing of an earlier score is used again, and nothing stays in `workdir`.

    Parameters
    ----------
    folder : Path
        Folder of a twin.
    workdir : Path
        Where products may be built; made if it is missing.
    progress : callable, optional
        Told how far it is.

    Returns
    -------
    Scorecard
        What could not be measured has a row ``scored`` without value, whose note tells why.

    Raises
    ------
    ConfigError
        If the folder holds no twin, or `workdir` cannot be written.
    """
    twin = find(folder)
    with _aside(workdir) as place:
        store = Store(place / "store")
        build_products(twin, store, progress=progress)
        return score_store(twin, store, progress=progress)


def score_seeds(size: str, seeds: Sequence[int], *, workdir: Path, progress: Progress | None = None) -> Scorecard:
    """Make one twin for each seed, score it, throw it away, and take means with 95 % intervals.

    Parameters
    ----------
    size : str
        Size of the twins.
    seeds : sequence of int
        Each once; intervals need at least two.
    workdir : Path
        Where twins and products may be made; made if it is missing.
    progress : callable, optional
        Told how far it is.

    Raises
    ------
    ConfigError
        If there is no such size, no seed, or a seed twice.
    """
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError(f"seeds are {list(seeds)}, wants at least one and each once")
    told, cards = progress or _quiet, []
    for number, seed in enumerate(seeds):
        told("scoring twins", number, len(seeds))
        with _aside(workdir) as place:
            make(place / "twin", size=size, seed=seed)  # type: ignore[arg-type]
            cards.append(score_twin(place / "twin", workdir=place, progress=progress))
    told("scoring twins", len(seeds), len(seeds))
    return mean_card(cards)


def _build_series(twin: TwinCatalogue, config: RunConfig, workshop: Workshop) -> Summary:
    """Build what a long series is for, each product in the months its rows look at."""
    month = scored_period(twin)
    # What was forest is told by the year before, for this year's map has the losses left out; and alerts take the
    # scars of spring for evidence, which autumn does not see any more.
    before = [(month.year_before(), FOREST), (Period(PERIOD), SCARS), (snow.WINTER, snow.PRODUCT)]
    later = [(snow.YEAR, snow.PRODUCT), (phenology.YEAR, phenology.PRODUCT)]
    for when, product in (*before, *later):
        if product in PRODUCTS:
            run(config, workshop, when, targets=[product])
    return run(config, workshop, month, targets=[name for name in SERIES_PRODUCTS if name in PRODUCTS])


def scored_period(twin: TwinCatalogue) -> Period:
    """Return the month a twin is scored on."""
    return Period(SERIES_PERIOD if twin.size == SERIES else PERIOD)


def build_products(twin: TwinCatalogue, store: Store, *, progress: Progress | None = None) -> Summary:
    """Build what is scored of a twin, from its files but the truth.

    All products of the month and of the year before, and autumn's scars; of a series what looks at its length.
    """
    settings = settings_of(twin.root)
    params = {name: product.params(**settings.get(name, {})) for name, product in PRODUCTS.items()}
    config = RunConfig("score", store.root, params, area=twin.area.name)
    workshop = Workshop(twin.area, store, progress=progress or _quiet)
    if twin.size == SERIES:
        return _build_series(twin, config, workshop)
    short = [name for name in PRODUCTS if name not in LONG_PRODUCTS]
    summary = run(config, workshop, scored_period(twin), targets=short)
    run(config, workshop, Period(AUTUMN), targets=[SCARS])
    return summary


def score_store(twin: TwinCatalogue, store: Store, *, progress: Progress | None = None) -> Scorecard:
    """Hold the products of a twin's month that stand in a store against the truth.

    Parameters
    ----------
    twin : TwinCatalogue
        The twin they were built from.
    store : Store
        Where they stand, built with `settings_of` the twin.
    progress : callable, optional
        Told how far it is.
    """
    progress, period = progress or _quiet, scored_period(twin)
    makers = SERIES_ROWS if twin.size == SERIES else ROWS
    provider = provider_for(twin.catalog)
    grow_m = float(PRODUCTS["composite"].params(**settings_of(twin.root)["composite"]).deciding()["grow_m"])
    with Rasters(provider) as rasters:
        evidence = Evidence(
            twin.area,
            period,
            store,
            {month: _all_scenes(twin, month).scenes for month in (period, period.year_before())},
            SceneReader(rasters, twin.area, grow_m),
            TruthFolder(twin.truth, twin.area.grid),
        )
        rows: list[Row] = []
        for number, (name, make_rows) in enumerate(makers):
            progress("measuring", number, len(makers))
            rows += _rows_of(name, make_rows, evidence)
        progress("measuring", len(makers), len(makers))
        # Not every twin has scenes of autumn, and the demonstration does not build their scars.
        if twin.size != SERIES and store.latest(SCARS, twin.area, Period(AUTUMN)) is not None:
            rows += _rows_of("fire scars", dict(ROWS)["fire scars"], replace(evidence, period=Period(AUTUMN)))
    return Scorecard(twin.size, (twin.seed,), str(period), tuple(rows))


def _all_scenes(twin: TwinCatalogue, month: Period) -> Found:
    return search(SENSORS, twin.area, month, catalogue=provider_for(twin.catalog))


def _rows_of(name: str, make_rows: RowMaker, evidence: Evidence) -> list[Row]:
    try:
        return make_rows(evidence)
    except HabitatError as error:
        why = anonymous(" ".join(str(error).split()), evidence.store.root)
        log.warning("not scored", what=name, reason=why)
        return [Row(name, "scored", "1", "higher", None, note=why)]


@contextmanager
def _aside(workdir: Path) -> Iterator[Path]:
    """Give an empty folder that goes away again: what an older version built must not be scored as of today."""
    try:
        workdir.mkdir(parents=True, exist_ok=True)
        aside = tempfile.TemporaryDirectory(prefix="score-", dir=workdir)
    except OSError as error:
        raise ConfigError(f"cannot write {workdir}: {error.strerror}; name another folder to work in") from error
    with aside as name:
        yield Path(name)
