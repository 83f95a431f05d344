"""Given maps: cover and kinds from maps of others, classes of ESA WorldCover or percent and year of loss by Hansen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from habitat.contracts.errors import GridMismatch, InputError
from habitat.forest.kinds import Kind
from habitat.forest.samples import WORLD_COVER

CODE_UNKNOWN = 255
MANGROVE = 95
_FULL = 100
_SNOW, _LICHEN = 70, 100
_FIRST_LOSS_YEAR = 2000


def cover_of_classes(codes: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Crown cover [%] and kind that classes of WorldCover are taken for, each (y, x).

    Trees (10) and mangroves (95) have 10 % of crowns or more by the map's own definition and no kind: here they
    are broadleaf, the kind nothing leaves out. So no least cover above 10 % can be asked of such a map in earnest.

    Parameters
    ----------
    codes : uint8 (y, x)
        0 and 255 are unknown.

    Raises
    ------
    InputError
        If there are codes that WorldCover has not.

    References
    ----------
    Zanaga et al. (2022), ESA WorldCover 10 m 2021 v200: trees are vegetation of 10 % crowns and more.

    Examples
    --------
    >>> cover, kind = cover_of_classes(np.array([[10, 80, 0]], np.uint8))
    >>> cover.tolist(), kind.tolist()
    ([[80.0, 0.0, nan]], [[3, 8, 0]])
    """
    known = dict(WORLD_COVER) | {MANGROVE: WORLD_COVER[10], _SNOW: (0.0, Kind.OTHER), _LICHEN: (0.0, Kind.OPEN)}
    cover, kind = np.full(256, np.nan, np.float32), np.zeros(256, np.uint8)
    for code, (percent, what) in known.items():
        cover[code], kind[code] = percent, what or Kind.BROADLEAF
    strange = sorted({int(code) for code in np.unique(codes)} - set(known) - {0, CODE_UNKNOWN})
    if strange:
        raise InputError(
            f"the map has the classes {strange[:8]}, wants those of ESA WorldCover: {sorted(known)}; "
            "translate it, or give a map of percent"
        )
    return cover[codes], kind[codes]


def cover_after_loss(percent: NDArray[np.uint8], loss: NDArray[np.uint8] | None, year: int) -> NDArray[np.float32]:
    """Crown cover [%] (y, x) of a year: that of 2000 where nothing was lost up to and with the year, 0 where it was.

    What grew since is in no such map.

    Parameters
    ----------
    percent : uint8 (y, x) [%]
        Cover in 2000; 255 unknown.
    loss : uint8 (y, x), optional
        Year of loss since 2000, 1 is 2001; 0 none, 255 unknown.
    year : int
        Year of the map.

    Raises
    ------
    InputError
        If there are percents above 100.
    GridMismatch
        If the maps differ in shape.

    References
    ----------
    Hansen et al. (2013), Science 342, 850-853: loss is the complete removal of crowns at 30 m.

    Examples
    --------
    >>> percent, loss = np.array([[80, 80, 80]], np.uint8), np.array([[0, 12, 13]], np.uint8)
    >>> cover_after_loss(percent, loss, 2012).tolist()
    [[80.0, 0.0, 80.0]]
    """
    known = percent != CODE_UNKNOWN
    if known.any() and int(percent[known].max()) > _FULL:
        raise InputError(f"the map of cover holds {int(percent[known].max())}, wants percent of 0 to 100")
    cover = np.where(known, percent, np.nan).astype(np.float32)
    if loss is None:
        return cover
    if loss.shape != percent.shape:
        raise GridMismatch(f"the year of loss has {loss.shape} pixels and the cover {percent.shape}; wants one grid")
    cover[(loss > 0) & (loss != CODE_UNKNOWN) & (loss <= year - _FIRST_LOSS_YEAR) & known] = 0
    cover[loss == CODE_UNKNOWN] = np.nan
    return cover
