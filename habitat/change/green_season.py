"""Green season: which looks of a pixel show it in leaf and without snow, learnt from its own history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import ConfigError
from habitat.imagery import phenology
from habitat.imagery.seasons import turn_of, usual_range

LEAFY, EVERGREEN, USUAL = 0, 1, 2
"""How the green season of a pixel was got: from its own leaves, evergreen, or the usual days for want of looks."""
_NDSI = -0.2
_YEAR = 366
_MIDSUMMER = 196
_NODATA = -32768


@dataclass(frozen=True)
class GreenRules:
    """How the green season is found.

    Parameters
    ----------
    first, last : str
        Usual first and last day (MM-DD) in full leaf, where a pixel's own history cannot tell.
    margin_days : int
        Days from leaves half out to full leaf, and from full leaf to leaves half gone.
    own : bool
        Whether each pixel has its own season; else all have the usual one.
    least_span : float
        Pixels whose greenness varies less over the year are evergreen, if enough looks show them without leaves.
    winter_looks : int
        Looks outside of the usual season that are enough.

    Raises
    ------
    ConfigError
        If the days are none, or cross New Year.
    """

    first: str = "06-01"
    last: str = "09-20"
    margin_days: int = 15
    own: bool = True
    least_span: float = 0.15
    winter_looks: int = 4

    def __post_init__(self) -> None:
        try:
            first, last = self.usual
        except ValueError as error:
            raise ConfigError(f"{self.first} to {self.last} are no days; write month-day such as 06-01") from error
        if not first < last:
            raise ConfigError(
                f"the green season from {self.first} to {self.last} crosses New Year; turn its days round"
            )

    @property
    def usual(self) -> tuple[int, int]:
        """First and last day of the year of the usual season."""
        first, last = (date.fromisoformat(f"2001-{day}").timetuple().tm_yday for day in (self.first, self.last))
        return first, last


USUAL_RULES = GreenRules()


class GreenSeason(NamedTuple):
    """Days of the year between which pixels are in leaf."""

    first: NDArray[np.int16]
    """First day of the year in leaf (pixel)."""
    last: NDArray[np.int16]
    """Last day."""
    kind: NDArray[np.uint8]
    """LEAFY, EVERGREEN or USUAL."""

    @property
    def middle(self) -> NDArray[np.int16]:
        """Day of the year in the middle; midsummer where evergreen."""
        middle = (self.first.astype(np.int32) + self.last) // 2
        return np.where(self.kind == EVERGREEN, _MIDSUMMER, middle).astype(np.int16)


def snow_looks(green: NDArray[np.int16], swir1: NDArray[np.int16]) -> NDArray[np.bool_]:
    """Tell which looks show snow, patches of it, thick haze or water: NDSI above -0.2, as no ground with plants has.

    Parameters
    ----------
    green, swir1 : int16
        Reflectance / 1e-4, -32768 where unknown.

    Examples
    --------
    >>> snow_looks(np.array([8000, 500, 900, -32768], np.int16), np.array([1000, 2000, 1200, 0], np.int16)).tolist()
    [True, False, True, False]
    """
    known = (green != _NODATA) & (swir1 != _NODATA)
    bright, dark = (np.maximum(band, 1).astype(np.float32) for band in (green, swir1))
    return np.asarray(known & (bright - dark > np.float32(_NDSI) * (bright + dark)))


def greenness(red: NDArray[np.int16], nir: NDArray[np.int16], usable: NDArray[np.uint8]) -> NDArray[np.float32]:
    """NDVI of the looks that may be used, NaN of the others.

    Examples
    --------
    >>> red, nir = np.array([1000, 1000], np.int16), np.array([3000, 3000], np.int16)
    >>> greenness(red, nir, np.array([1, 0], np.uint8)).tolist()
    [0.5, nan]
    """
    known = (red != _NODATA) & (nir != _NODATA) & (usable != 0)
    return phenology.greenness(red, nir, known)


def days_of_year(ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the day of the year of each ordinal day.

    Examples
    --------
    >>> days_of_year(np.array([date(2024, 2, 1).toordinal()])).tolist()
    [32]
    """
    return np.array([date.fromordinal(int(day)).timetuple().tm_yday for day in ordinals], np.int64)


def green_season(
    ordinals: NDArray[np.int64], green: NDArray[np.float32], rules: GreenRules = USUAL_RULES
) -> GreenSeason:
    """Days of the year between which each pixel is in full leaf in every year, from all years of its history at once.

    Leaves are half out where greenness passes the middle between its lowest and its highest tenth. The days of all
    years are laid over each other, so that a few looks of each year are enough. The latest spring and the earliest
    autumn count, and the margin on either side.

    Parameters
    ----------
    ordinals : int64 (date,)
        Day (``date.toordinal``) of each look.
    green : float32 (date, pixel)
        From `greenness`: NDVI without snow, NaN where not seen.
    rules : GreenRules

    Returns
    -------
    GreenSeason
        The usual season where a pixel was not seen on either side of a turn of the year, or its looks contradict
        each other; all of the year where it is evergreen, for which enough looks must show it in winter.

    Examples
    --------
    >>> days = np.array([date(2023, month, 10).toordinal() for month in range(1, 13)])
    >>> leafy = np.array([0.3, 0.3, 0.3, 0.4, 0.75, 0.85, 0.85, 0.85, 0.8, 0.4, 0.3, 0.3], np.float32)
    >>> season = green_season(days, np.stack([leafy, np.full(12, 0.8, np.float32)], axis=1))
    >>> season.first.tolist(), season.last.tolist(), season.kind.tolist()
    ([138, 1], [253, 366], [0, 1])
    """
    first, last = rules.usual
    pixels = green.shape[1]
    usual = GreenSeason(
        np.full(pixels, first, np.int16), np.full(pixels, last, np.int16), np.full(pixels, USUAL, np.uint8)
    )
    if not rules.own or not len(ordinals):
        return usual
    yearly = days_of_year(ordinals)
    order = np.argsort(yearly, kind="stable")
    yearly, green = yearly[order], np.ascontiguousarray(green[order])
    low, high = (layer[0] for layer in usual_range(green[:, np.newaxis, :]))
    seen = np.isfinite(green)
    leafless = (seen & ((yearly < first) | (yearly > last))[:, np.newaxis]).sum(axis=0)
    with np.errstate(invalid="ignore"):
        varies = high - low >= np.float32(rules.least_span)
    evergreen = ~varies & (leafless >= rules.winter_looks)
    middle = np.where(varies, (low + high) / 2, np.float32(np.nan))
    begins, ends = _turns(yearly, green, middle, rules.margin_days)
    leafy = varies & (begins > 0) & (ends > begins)
    return GreenSeason(
        np.where(evergreen, 1, np.where(leafy, begins, usual.first)).astype(np.int16),
        np.where(evergreen, _YEAR, np.where(leafy, ends, usual.last)).astype(np.int16),
        np.where(evergreen, EVERGREEN, np.where(leafy, LEAFY, USUAL)).astype(np.uint8),
    )


def _turns(
    yearly: NDArray[np.int64], green: NDArray[np.float32], middle: NDArray[np.float32], margin: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return first and last day in full leaf, 0 and -1 where looks do not tell."""
    early = yearly < _MIDSUMMER
    first, known = _turn(yearly[early], green[early], middle, margin, margin / 2)
    last, also = _turn(-yearly[~early][::-1], green[~early][::-1], middle, margin, 0.0)
    told = known & also
    return np.where(told, first, 0), np.where(told, -last, -1)


def _turn(
    when: NDArray[np.int64], green: NDArray[np.float32], middle: NDArray[np.float32], margin: int, later: float
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the day of full leaf after the turn from leafless to leafy, and where it is known.

    It comes the margin after the turn, and so many days later than the first look in leaf: where that first look is
    long after the last one without leaves, the turn may have come just before it.
    """
    if not len(when):
        return np.zeros(len(middle), np.int64), np.zeros(len(middle), bool)
    with np.errstate(invalid="ignore"):
        states = np.where(np.isfinite(green) & np.isfinite(middle), np.where(green >= middle, 2, 1), 0)
    turn = turn_of(when.astype(np.float64).tolist(), states.astype(np.uint8)[:, np.newaxis, :])
    looks = (states > 0).sum(axis=0)
    known = np.isfinite(turn.date[0]) & (turn.contradictions[0].astype(np.int64) * 4 <= looks)
    full = np.maximum(turn.first_after[0] + later, turn.date[0] + margin)
    return np.where(known, np.ceil(np.nan_to_num(full)), 0).astype(np.int64), known


def in_leaf(ordinals: NDArray[np.int64], season: GreenSeason) -> NDArray[np.bool_]:
    """Tell which looks (date, pixel) fall into the green season of their pixel.

    Examples
    --------
    >>> season = GreenSeason(np.array([150], np.int16), np.array([260], np.int16), np.array([0], np.uint8))
    >>> in_leaf(np.array([date(2024, 5, 1).toordinal(), date(2024, 7, 1).toordinal()]), season).tolist()
    [[False], [True]]
    """
    yearly = days_of_year(ordinals)[:, np.newaxis]
    return np.asarray((yearly >= season.first) & (yearly <= season.last))
