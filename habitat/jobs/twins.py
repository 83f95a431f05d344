"""Made-up landscapes for the command line: making them, finding them, scoring the products on them."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from habitat.contracts.errors import ConfigError
from habitat.jobs.score import score_seeds, score_twin
from habitat.twin import TwinCatalogue, make
from habitat.twin.scenes import Progress
from habitat.twin.scorecard import Scorecard, compare
from habitat.twin.world import size_of


def make_twin(
    output: Path, size: str, seed: int, *, workers: int | None = None, progress: Progress | None = None
) -> TwinCatalogue:
    """Write a made-up landscape.

    Raises
    ------
    ConfigError
        If there is no such size, the folder is not empty, or the disk has too little room.
    """
    return make(output, size=size_of(size).name, seed=seed, workers=workers, progress=progress)


def scored(
    folder: Path | None,
    *,
    size: str = "tiny",
    seeds: str = "1",
    output: Path | None = None,
    against: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Scorecard, list[str]]:
    """Score the products on a twin, or on one twin for each seed.

    Parameters
    ----------
    folder : Path or None
        A twin on disk; without it twins are made in a folder that is removed afterwards.
    size : {'tiny', 'demo'}
        Size of the twins to make.
    seeds : str
        ``1``, ``1,2,5`` or ``1-5``.
    output : Path, optional
        Where the card goes as JSON.
    against : Path, optional
        Stored card to compare with.
    progress : callable, optional
        Told how far it is.

    Returns
    -------
    Scorecard, list of str
        The card, and what is worse than the stored card allows.

    Raises
    ------
    ConfigError
        If a size, the seeds or the stored card cannot be used.
    """
    stored = None if against is None else _card(against)
    with tempfile.TemporaryDirectory(prefix="habitat-score-") as workdir:
        if folder is not None:
            card = score_twin(folder, workdir=Path(workdir), progress=progress)
        else:
            numbers = seeds_of(seeds)
            card = score_seeds(size_of(size).name, numbers, workdir=Path(workdir), progress=progress)
    if output is not None:
        output.write_text(card.to_json(), encoding="utf-8")
    return card, [] if stored is None else compare(stored, card)


def seeds_of(text: str) -> list[int]:
    """Return the seeds a text names.

    Raises
    ------
    ConfigError
        If it is no list of whole numbers.

    Examples
    --------
    >>> seeds_of("1,4-6")
    [1, 4, 5, 6]
    """
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
        if match is None:
            raise ConfigError(f"seeds are {text!r}, want whole numbers such as 1, 1,2,5 or 1-5")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first or last - first > 999:
            raise ConfigError(f"seeds {part.strip()!r} run backwards or are more than a thousand; write 1-5")
        seeds += range(first, last + 1)
    return list(dict.fromkeys(seeds))


def _card(path: Path) -> Scorecard:
    try:
        return Scorecard.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            f"{path} is no stored scorecard ({error}); write one with habitat twin score --output"
        ) from error
