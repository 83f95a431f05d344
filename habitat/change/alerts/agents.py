"""Agents: what probably made a change, by log odds of evidence that anyone can add up by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import InputError
from habitat.contracts.legend import ClassEntry

FIRE, LOGGING, OTHER = 1, 2, 3
AGENT_NAMES = ("none", "fire", "logging", "windthrow or other")
"""In the order of their codes."""
AGENT_CLASSES: tuple[ClassEntry, ...] = (
    (0, "#f7f7f7", "none"),
    (FIRE, "#d55e00", "fire"),
    (LOGGING, "#0072b2", "logging"),
    (OTHER, "#009e73", "windthrow or other"),
)

Odds = tuple[float, float, float]
"""What a piece of evidence adds to fire, logging and other."""
Steps = tuple[tuple[float, Odds], ...]
"""Lower ends of ranges of a number, ascending, and what each adds."""

PRIOR: Odds = (0.0, 0.0, -1.0)
"""Before anything is seen: fires and fellings are as common as each other here, all else is rarer."""
_ALWAYS = -np.inf
WEIGHTS: Mapping[str, Steps] = MappingProxyType(
    {
        "scar_share": ((_ALWAYS, (-1.5, 0, 0)), (0.1, (1.0, 0, 0)), (0.5, (3.0, 0, 0))),
        "hotspots": ((_ALWAYS, (-0.5, 0, 0)), (1, (2.0, 0, 0))),
        "char_share": ((_ALWAYS, (-0.7, 0, 0)), (0.2, (0.7, 0, 0)), (0.5, (2.0, 0, 0))),
        "soil_share": ((_ALWAYS, (0, -0.5, -0.5)), (0.2, (0, 0, 0)), (0.5, (-1.0, 1.0, 0.8))),
        "area_ha": ((_ALWAYS, (-0.3, 0.3, 0.3)), (20.0, (0, 0, 0)), (100.0, (1.0, -0.5, 0))),
        "straight": ((_ALWAYS, (0.3, -0.5, 0.2)), (0.45, (0, 0, 0)), (0.7, (-0.7, 1.0, -0.3))),
        "compact": ((_ALWAYS, (0.2, -0.3, 0.2)), (0.4, (0, 0, 0)), (0.7, (-0.2, 0.5, 0))),
        "day_of_year": (
            (_ALWAYS, (-1.0, 1.0, 0)),
            (91, (0.7, 0.3, 0)),
            (152, (-1.0, 0.3, 0.3)),
            (213, (-1.0, 0, 0.5)),
            (274, (1.0, 0, 0)),
            (335, (-1.0, 1.0, 0)),
        ),
        "spread_days": ((_ALWAYS, (0, 0, 0)), (60, (-0.3, 0.3, 0))),
        "road_m": ((_ALWAYS, (0, 0.3, 0)), (500, (0, 0, 0)), (2000, (0, -0.7, 0.2))),
        "loss_percent": ((_ALWAYS, (0.3, 0, 0)), (25, (0, -0.2, 0.8)), (50, (0, 0.5, 0))),
    }
)
"""Log odds of each range of each number. They are judgements, not fitted: see the page of the method."""
_FULL = 100.0
_SCARRED = 0.5
"""Share of scar from which the scar dates a patch."""
_BARE, _NO_CHAR, _DOUBTED = 0.5, 0.2, 0.49
"""Where so much was laid bare and less charred, no more than so much scar counts: the middle range."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of patches; NaN where something is unknown, which then does not count.

    Parameters
    ----------
    scar_share : float (patch,) [1]
        Share of the judged pixels that a fire scar of the season covers.
    hotspots : float (patch,)
        Hotspots near in space and time; NaN where no list was given. They do not count where it is known how much is
        scar: both say that it burnt, and that is one piece of evidence.
    char_share : float (patch,) [1]
        Share of pixels that look charred after the change, see `charred`, of those that have lost a quarter or more:
        below leaves nobody sees char.
    soil_share : float (patch,) [1]
        Share of pixels that are brighter and bare after the change, see `laid_bare`.
    area_ha : float (patch,) [ha]
        Area.
    straight : float (patch,) [1]
        Area over that of the smallest rectangle, turned as it may be, around it: 1 for a felling laid out with a line.
    compact : float (patch,) [1]
        Edge of the most compact patch of so many pixels over its own: 1 for a square.
    day_of_year : float (patch,)
        Median first departure.
    spread_days : float (patch,)
        Days between the first and the ninth tenth of its pixels.
    road_m : float (patch,) [m]
        Distance to the next road.
    loss_percent : float (patch,) [percent]
        Median loss.

    Raises
    ------
    InputError
        If the arrays have different lengths.
    """

    scar_share: NDArray[np.float64]
    hotspots: NDArray[np.float64]
    char_share: NDArray[np.float64]
    soil_share: NDArray[np.float64]
    area_ha: NDArray[np.float64]
    straight: NDArray[np.float64]
    compact: NDArray[np.float64]
    day_of_year: NDArray[np.float64]
    spread_days: NDArray[np.float64]
    road_m: NDArray[np.float64]
    loss_percent: NDArray[np.float64]

    def __post_init__(self) -> None:
        shapes = {field.name: getattr(self, field.name).shape for field in fields(self)}
        if len(set(shapes.values())) > 1 or any(len(shape) != 1 for shape in shapes.values()):
            raise InputError(f"evidence has shapes {shapes}, wants one number for each patch")

    @classmethod
    def of(cls, count: int, **known: Any) -> Evidence:
        """Return evidence of so many patches; what is not named is unknown.

        Examples
        --------
        >>> Evidence.of(2, area_ha=[1.0, 4.0]).hotspots.tolist()
        [nan, nan]
        """
        strange = sorted(known.keys() - {field.name for field in fields(cls)})
        if strange:
            raise InputError(f"there is no evidence {', '.join(strange)}; there are {', '.join(WEIGHTS)}")
        nothing = np.full(count, np.nan)
        return cls(**{field.name: np.asarray(known.get(field.name, nothing), np.float64) for field in fields(cls)})


class Agents(NamedTuple):
    """What probably made each patch."""

    agent: NDArray[np.uint8]
    """`FIRE`, `LOGGING` or `OTHER`."""
    confidence: NDArray[np.uint8]
    """Probability of it [percent], if the weights are right and the pieces of evidence independent."""
    log_odds: NDArray[np.float64]
    """(patch, 3): sums for fire, logging and other."""
    why: list[str]
    """The pieces that told it from the next best, the weightiest first."""


def likely_agents(evidence: Evidence) -> Agents:
    """Agents of patches with their probability.

    The log odds of each known piece of evidence are added to the prior; the probabilities are exp(sum) over the three.

    Examples
    --------
    >>> burnt = Evidence.of(1, scar_share=[0.8], char_share=[0.3])
    >>> found = likely_agents(burnt)
    >>> found.log_odds.tolist(), int(found.agent[0]), int(found.confidence[0]), found.why[0]
    ([[3.7, 0.0, -1.0]], 1, 96, 'scar_share 0.8 (+3.0), char_share 0.3 (+0.7)')
    """
    numbers = {field.name: getattr(evidence, field.name) for field in fields(evidence)}
    numbers["hotspots"] = np.where(np.isfinite(evidence.scar_share), np.nan, evidence.hotspots)
    # Ground just felled or blown down looks burnt to maps of scars, and fires run over slash: neither made it bare.
    bare = (evidence.soil_share >= _BARE) & (evidence.char_share < _NO_CHAR)
    numbers["scar_share"] = np.where(bare, np.minimum(evidence.scar_share, _DOUBTED), evidence.scar_share)
    # The scar has dated it: clouds after the fire make a departure of April one of July, and spread it over weeks.
    for name in ("day_of_year", "spread_days"):
        numbers[name] = np.where(numbers["scar_share"] >= _SCARRED, np.nan, numbers[name])
    pieces = {name: _added(numbers[name], steps) for name, steps in WEIGHTS.items()}
    sums = np.asarray(PRIOR) + sum(pieces.values())
    odds = np.exp(sums - sums.max(axis=1, keepdims=True, initial=-np.inf))
    share = odds / odds.sum(axis=1, keepdims=True)
    order = np.argsort(-sums, axis=1, kind="stable")
    rows = np.arange(len(sums))
    best, second = order[:, 0], order[:, 1]
    percent = np.floor(_FULL * share[rows, best] + 1e-9)
    gains = {name: added[rows, best] - added[rows, second] for name, added in pieces.items()}
    why = [_reasons(evidence, gains, row) for row in range(len(sums))]
    return Agents((best + 1).astype(np.uint8), percent.astype(np.uint8), sums, why)


def felled_or_blown(agents: Agents) -> NDArray[np.bool_]:
    """Tell which patches may as well be felled as blown down: those two are the likeliest, and within log odds of 1.

    Examples
    --------
    >>> felled_or_blown(likely_agents(Evidence.of(2, soil_share=[0.9, 0.9], loss_percent=[40.0, 90.0]))).tolist()
    [True, False]
    """
    fire, logging, other = agents.log_odds.T
    told: NDArray[np.bool_] = (np.abs(logging - other) < 1) & (fire < np.minimum(logging, other))
    return told


def _added(numbers: NDArray[np.float64], steps: Steps) -> NDArray[np.float64]:
    """Return what a number adds to the three (patch, 3); nothing where it is unknown."""
    ends = np.array([low for low, _ in steps])
    worth = np.array([odds for _, odds in steps], np.float64)
    known = np.isfinite(numbers)
    place = np.searchsorted(ends, np.where(known, numbers, 0.0), side="right") - 1
    return np.where(known[:, None], worth[place], 0.0)


def _reasons(evidence: Evidence, gains: Mapping[str, NDArray[np.float64]], row: int) -> str:
    told = sorted(
        ((gain[row], name) for name, gain in gains.items() if gain[row] > 0), key=lambda one: (-one[0], one[1])
    )
    return ", ".join(f"{name} {getattr(evidence, name)[row]:.3g} ({gain:+.1f})" for gain, name in told)


def charred(before: Mapping[str, NDArray[Any]], after: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Which pixels look charred: near infrared fell by far, and nothing became bright.

    NIR after at most 0.6 of that before, SWIR2 / NIR at least half as much again as before, and SWIR1 at most 0.02
    above that before. Felled or windthrown ground lies open to the sun and is brighter in SWIR1; char and dead black
    stems stay dark for the summer, when the black of the first weeks is gone. Shade keeps the ratio.

    Parameters
    ----------
    before, after : mapping of str to float (any shape) [1]
        Reflectance ``nir``, ``swir1``, ``swir2``; NaN unknown.

    Returns
    -------
    float64
        1 charred, 0 not, NaN where a band is unknown.

    References
    ----------
    Trigg & Flasse (2001), Int. J. Remote Sens. 22, 2641-2647, on char in near and short-wave infrared.

    Examples
    --------
    >>> green = {"nir": np.array([0.35]), "swir1": np.array([0.16]), "swir2": np.array([0.08])}
    >>> charred(green, {"nir": np.array([0.1]), "swir1": np.array([0.13]), "swir2": np.array([0.12])}).tolist()
    [1.0]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, usual = after["swir2"] / after["nir"], before["swir2"] / before["nir"]
    rise = after["swir1"] - before["swir1"]
    yes = (after["nir"] <= 0.6 * before["nir"]) & (ratio >= 1.5 * usual) & (rise <= _BRIGHT)
    return _told(yes, ratio + usual + rise)


def laid_bare(before: Mapping[str, NDArray[Any]], after: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    """Which pixels were laid bare: red and SWIR1 rose by more than 0.02, as over soil, litter and slash.

    Parameters and result as of `charred`, with the bands ``red`` and ``swir1``.

    Examples
    --------
    >>> leaves = {"red": np.array([0.03]), "swir1": np.array([0.16])}
    >>> laid_bare(leaves, {"red": np.array([0.09]), "swir1": np.array([0.26])}).tolist()
    [1.0]
    """
    red, swir1 = after["red"] - before["red"], after["swir1"] - before["swir1"]
    return _told((red > _BRIGHT) & (swir1 > _BRIGHT), red + swir1)


def _told(yes: NDArray[np.bool_], known: NDArray[Any]) -> NDArray[np.float64]:
    return np.where(np.isfinite(np.asarray(known, np.float64)), yes.astype(np.float64), np.nan)


_BRIGHT = 0.02
"""Rise of reflectance from which ground has become bright."""
